package dotnet

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// Encoding is System.Text.Encoding of one of the code pages that .NET has without a provider.
type Encoding struct {
	CodePage int
	WebName  string // utf-8
	Name     string // Unicode (UTF-8)
	Class    string // System.Text.UTF8Encoding+UTF8EncodingSealed
	preamble []byte
	order    binary.ByteOrder // of UTF-16 and UTF-32
}

// Widest is how many bytes of the encoding a byte of UTF-8 can at most become.
func (e *Encoding) Widest() int {
	switch e {
	case UTF32, BigEndianUTF32:
		return 4
	case Unicode, BigEndianUnicode:
		return 2
	}
	return 1
}

// The encodings.
var (
	UTF8             = &Encoding{65001, "utf-8", "Unicode (UTF-8)", "System.Text.UTF8Encoding", []byte{0xEF, 0xBB, 0xBF}, nil}
	ASCII            = &Encoding{20127, "us-ascii", "US-ASCII", "System.Text.ASCIIEncoding", nil, nil}
	Latin1           = &Encoding{28591, "iso-8859-1", "Western European (ISO)", "System.Text.Latin1Encoding", nil, nil}
	Unicode          = &Encoding{1200, "utf-16", "Unicode", "System.Text.UnicodeEncoding", []byte{0xFF, 0xFE}, binary.LittleEndian}
	BigEndianUnicode = &Encoding{1201, "utf-16BE", "Unicode (Big-Endian)", "System.Text.UnicodeEncoding", []byte{0xFE, 0xFF}, binary.BigEndian}
	UTF32            = &Encoding{12000, "utf-32", "Unicode (UTF-32)", "System.Text.UTF32Encoding", []byte{0xFF, 0xFE, 0, 0}, binary.LittleEndian}
	BigEndianUTF32   = &Encoding{12001, "utf-32BE", "Unicode (UTF-32 Big-Endian)", "System.Text.UTF32Encoding", []byte{0, 0, 0xFE, 0xFF}, binary.BigEndian}
)

var encodingNames = func() map[string]*Encoding {
	m := map[string]*Encoding{}
	for names, e := range map[string]*Encoding{
		"utf-8 utf8 unicode-1-1-utf-8 unicode-2-0-utf-8 x-unicode-1-1-utf-8 x-unicode-2-0-utf-8":                   UTF8,
		"us-ascii ascii us ansi_x3.4-1968 ansi_x3.4-1986 cp367 csascii ibm367 iso-ir-6 iso646-us iso_646.irv:1991": ASCII,
		"iso-8859-1 latin1 l1 iso8859-1 iso_8859-1 iso_8859-1:1987 iso-ir-100 cp819 csisolatin1 ibm819":            Latin1,
		"utf-16 utf-16le unicode ucs-2 iso-10646-ucs-2":                                                            Unicode,
		"utf-16be unicodefffe": BigEndianUnicode,
		"utf-32 utf-32le":      UTF32,
		"utf-32be":             BigEndianUTF32,
	} {
		for _, name := range strings.Fields(names) {
			m[name] = e
		}
	}
	return m
}()

// EncodingByName is Encoding.GetEncoding(name).
func EncodingByName(name string) (*Encoding, error) {
	if e := encodingNames[strings.ToLower(name)]; e != nil {
		return e, nil
	}
	return nil, NewException(ArgumentException, "'%s' is not a supported encoding name. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method. (Parameter 'name')", name)
}

// EncodingByPage is Encoding.GetEncoding(codepage).
func EncodingByPage(page int) (*Encoding, error) {
	if page < 0 || page > 65535 {
		return nil, OutOfRange("Valid values are between 0 and 65535, inclusive.", "codepage")
	}
	if page == 0 {
		return UTF8, nil
	}
	for _, e := range []*Encoding{UTF8, ASCII, Latin1, Unicode, BigEndianUnicode, UTF32, BigEndianUTF32} {
		if e.CodePage == page {
			return e, nil
		}
	}
	return nil, NewException(NotSupportedException, "No data is available for encoding %d. For information on defining a custom encoding, see the documentation for the Encoding.RegisterProvider method.", page)
}

// Preamble is e.GetPreamble(), the byte order mark.
func (e *Encoding) Preamble() []byte { return e.preamble }

// SingleByte reports whether every character takes one byte.
func (e *Encoding) SingleByte() bool { return e == ASCII || e == Latin1 }

// GetBytes is e.GetBytes(s). What the encoding lacks becomes ?, halves of pairs U+FFFD.
func (e *Encoding) GetBytes(s string) []byte {
	switch e {
	case UTF8:
		return []byte(Scalar(s))
	case ASCII, Latin1:
		limit := uint16(0x7F)
		if e == Latin1 {
			limit = 0xFF
		}
		if IsASCII(s) {
			return []byte(s)
		}
		var b []byte
		for _, u := range Units(s) {
			if u > limit {
				u = '?'
			}
			b = append(b, byte(u))
		}
		return b
	case Unicode, BigEndianUnicode:
		units := Units(Scalar(s))
		b := make([]byte, 2*len(units))
		for i, u := range units {
			e.order.PutUint16(b[2*i:], u)
		}
		return b
	}
	runes := []rune(Scalar(s))
	b := make([]byte, 4*len(runes))
	for i, r := range runes {
		e.order.PutUint32(b[4*i:], uint32(r))
	}
	return b
}

// GetString is e.GetString(b). Bytes that mean nothing become U+FFFD, or ? in ASCII.
func (e *Encoding) GetString(b []byte) string {
	switch e {
	case UTF8:
		return decodeUTF8(b)
	case ASCII:
		if s := string(b); IsASCII(s) {
			return s
		}
		var s strings.Builder
		for _, x := range b {
			if x > 0x7F {
				s.WriteByte('?')
			} else {
				s.WriteByte(x)
			}
		}
		return s.String()
	case Latin1:
		r := make([]rune, len(b))
		for i, x := range b {
			r[i] = rune(x)
		}
		return string(r)
	case Unicode, BigEndianUnicode:
		units := make([]uint16, 0, len(b)/2)
		for i := 0; i+1 < len(b); i += 2 {
			units = append(units, e.order.Uint16(b[i:]))
		}
		s := Scalar(FromUnits(units))
		if len(b)%2 != 0 {
			s += "\uFFFD"
		}
		return s
	}
	var s strings.Builder
	for i := 0; i < len(b); i += 4 {
		r := uint32(utf8.MaxRune + 1)
		if i+4 <= len(b) {
			r = e.order.Uint32(b[i:])
		}
		if r > utf8.MaxRune || isSurrogate(rune(r)) {
			r = utf8.RuneError
		}
		s.WriteRune(rune(r))
	}
	return s.String()
}

// decodeUTF8 replaces the longest beginnings of characters that do not go on by one U+FFFD each, as the WHATWG has it.
func decodeUTF8(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = brokenLength(b)
		}
		s.WriteRune(r)
		b = b[n:]
	}
	return s.String()
}

// brokenLength measures the part of a broken character that belongs together.
func brokenLength(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n <= need && n < len(b) && b[n] >= low && b[n] <= high {
		n++
		low, high = 0x80, 0xBF
	}
	return n
}
