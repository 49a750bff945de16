package xlinq

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"gatehouse/dotnet"
)

// isChar is the Char production of XML 1.0.
func isChar(c rune) bool {
	switch {
	case c == '\t', c == '\n', c == '\r':
		return true
	case c < ' ', c >= 0xD800 && c <= 0xDFFF, c == 0xFFFE, c == 0xFFFF:
		return false
	}
	return c <= 0x10FFFF
}

// nameStart and namePart are NCName's: without the colon.
func nameStart(c rune) bool {
	if c < utf8.RuneSelf {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
	}
	return unicode.IsLetter(c) || unicode.Is(unicode.Nl, c)
}

func namePart(c rune) bool {
	if c < utf8.RuneSelf {
		return nameStart(c) || c >= '0' && c <= '9' || c == '-' || c == '.'
	}
	return nameStart(c) || c == 0xB7 || unicode.In(c, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Lm)
}

func checkNCName(name string) error {
	if name == "" {
		return throw(dotnet.ArgumentException, "The empty string '' is not a valid name.")
	}
	for i, c := range name {
		switch {
		case i == 0 && !nameStart(c):
			return throw(xmlException, "Name cannot begin with the '%c' character, hexadecimal value 0x%02X.", c, c)
		case !namePart(c) && i > 0:
			return throw(xmlException, "The '%c' character, hexadecimal value 0x%02X, cannot be included in a name.", c, c)
		}
	}
	return nil
}

const xmlException = "System.Xml.XmlException"

// checkChars refuses characters that XML cannot hold.
func checkChars(text string) (bad rune, at int, ok bool) {
	for i := 0; i < len(text); {
		c, n := rune(text[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(text[i:])
		}
		if !isChar(c) || c == utf8.RuneError && n == 1 {
			return c, i, false
		}
		i += n
	}
	return 0, 0, true
}

func badChar(c rune) string {
	shown := string(c)
	if c == 0 {
		shown = "."
	}
	return fmt.Sprintf("'%s', hexadecimal value 0x%02X, is an invalid character.", shown, c)
}
