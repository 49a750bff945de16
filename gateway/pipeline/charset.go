package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"gatehouse/dotnet"
)

// charset is how the text of a body is written.
type charset struct {
	name   string
	mark   []byte           // byte order mark that stood before it
	net    *dotnet.Encoding // nil for UTF-8 and those of codepage
	single *charmap.Charmap
}

// codepages are single-byte charsets beside those of package dotnet.
var codepages = map[string]*charmap.Charmap{
	"windows-1250": charmap.Windows1250, "windows-1251": charmap.Windows1251, "windows-1252": charmap.Windows1252, "windows-1253": charmap.Windows1253, "windows-1254": charmap.Windows1254,
	"windows-1257": charmap.Windows1257, "iso-8859-2": charmap.ISO8859_2, "iso-8859-5": charmap.ISO8859_5, "iso-8859-7": charmap.ISO8859_7, "iso-8859-9": charmap.ISO8859_9,
	"iso-8859-15": charmap.ISO8859_15, "koi8-r": charmap.KOI8R, "ibm850": charmap.CodePage850, "ibm437": charmap.CodePage437,
}

// marks are byte order marks, the longer first where one begins another.
var marks = []struct {
	bytes string
	name  string
}{{"\xEF\xBB\xBF", "utf-8"}, {"\xFF\xFE\x00\x00", "utf-32"}, {"\xFF\xFE", "utf-16"}, {"\xFE\xFF", "utf-16be"}}

// declaredEncoding is what an XML declaration says, in charsets whose letters are those of ASCII.
var declaredEncoding = regexp.MustCompile(`^<\?xml\s[^>]{0,100}encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']`)

// charsetOf finds out how a body is written: by its mark, by its Content-Type, by its XML declaration; else it is UTF-8.
func charsetOf(contentType string, data []byte) (charset, error) {
	for _, m := range marks {
		if bytes.HasPrefix(data, []byte(m.bytes)) {
			s, err := charsetNamed(m.name)
			s.mark = []byte(m.bytes)
			return s, err
		}
	}
	if _, parameters, err := mime.ParseMediaType(contentType); err == nil && parameters["charset"] != "" {
		return charsetNamed(parameters["charset"])
	}
	if m := declaredEncoding.FindSubmatch(data); m != nil {
		if name := strings.ToLower(string(m[1])); !strings.HasPrefix(name, "utf-16") { // which cannot be what this was read in
			return charsetNamed(name)
		}
	}
	return charset{name: "utf-8"}, nil
}

func charsetNamed(name string) (charset, error) {
	name = strings.ToLower(strings.Trim(name, `"' `))
	if page := codepages[name]; page != nil {
		return charset{name: name, single: page}, nil
	}
	e, err := dotnet.EncodingByName(name)
	if err != nil {
		return charset{}, fmt.Errorf("the charset '%s' is not supported", name)
	}
	if e == dotnet.UTF8 {
		return charset{name: "utf-8"}, nil
	}
	return charset{name: name, net: e}, nil
}

var errCharset = errors.New("the body is not written in the charset that it names")

// decode reads a body as text, without its mark.
func (s charset) decode(data []byte) (string, error) {
	data = data[len(s.mark):]
	switch {
	case s.single != nil:
		text, err := s.single.NewDecoder().Bytes(data)
		return string(text), err
	case s.net != nil:
		return s.net.GetString(data), nil
	case !utf8.Valid(data):
		return "", errCharset
	}
	return string(data), nil
}

// encode writes a text as the body was written. What the charset lacks becomes a question mark.
func (s charset) encode(text string) []byte {
	switch {
	case s.single != nil:
		out := make([]byte, 0, len(text))
		for _, c := range text {
			b, ok := s.single.EncodeRune(c)
			if !ok {
				b = '?'
			}
			out = append(out, b)
		}
		return out
	case s.net != nil:
		return append(bytes.Clone(s.mark), s.net.GetBytes(text)...)
	}
	return append(bytes.Clone(s.mark), text...)
}

// plain reports whether the bytes of a text are the same in UTF-8.
func (s charset) plain() bool { return s.single == nil && s.net == nil }

// bodyText reads a body as text, in whatever charset it is.
func bodyText(contentType string, data []byte) (string, error) {
	s, err := charsetOf(contentType, data)
	if err != nil {
		return "", err
	}
	return s.decode(data)
}
