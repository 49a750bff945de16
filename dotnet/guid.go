package dotnet

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// Guid is System.Guid, its bytes in the order in which they are printed.
type Guid [16]byte

// NewGuid is Guid.NewGuid: random, version 4.
func NewGuid() Guid {
	var g Guid
	_, _ = rand.Read(g[:]) // does not fail
	g[6], g[8] = g[6]&0x0F|0x40, g[8]&0x3F|0x80
	return g
}

// ToByteArray is g.ToByteArray(): the first three groups little-endian.
func (g Guid) ToByteArray() []byte {
	return []byte{g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]}
}

// GuidOfBytes is new Guid(byte[]).
func GuidOfBytes(b []byte) (Guid, error) {
	if len(b) != 16 {
		return Guid{}, Argument("Byte array for Guid must be exactly 16 bytes long.", "b")
	}
	return Guid(Guid(b).ToByteArray()), nil // swapping twice is not swapping
}

// GuidOfParts is new Guid(int, short, short, byte[8]).
func GuidOfParts(a uint32, b, c uint16, d []byte) (Guid, error) {
	if len(d) != 8 {
		return Guid{}, Argument("Byte array for Guid must be exactly 8 bytes long.", "d")
	}
	var g Guid
	binary.BigEndian.PutUint32(g[:], a)
	binary.BigEndian.PutUint16(g[4:], b)
	binary.BigEndian.PutUint16(g[6:], c)
	copy(g[8:], d)
	return g, nil
}

// Cmp is g.CompareTo.
func (g Guid) Cmp(h Guid) int { return bytes.Compare(g[:], h[:]) }

// String is ToString().
func (g Guid) String() string { s, _ := g.Format("D"); return s }

// Format is ToString(format): D, N, B, P or X.
func (g Guid) Format(format string) (string, error) {
	digits := hex.EncodeToString(g[:])
	dashed := digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
	switch format {
	case "", "D", "d":
		return dashed, nil
	case "N", "n":
		return digits, nil
	case "B", "b":
		return "{" + dashed + "}", nil
	case "P", "p":
		return "(" + dashed + ")", nil
	case "X", "x":
		s := "{0x" + digits[:8] + ",0x" + digits[8:12] + ",0x" + digits[12:16] + ",{"
		for i := 16; i < 32; i += 2 {
			if i > 16 {
				s += ","
			}
			s += "0x" + digits[i:i+2]
		}
		return s + "}}", nil
	}
	return "", badGuidFormat()
}

func badGuidFormat() *Exception {
	return formatError(`Format string can be only "D", "d", "N", "n", "P", "p", "B", "b", "X" or "x".`)
}

const (
	guidUnrecognized = "Unrecognized Guid format."
	guidLength       = "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)."
	guidCharacter    = "Guid string should only contain hexadecimal characters."
	guidDashes       = "Dashes are in the wrong position for GUID parsing."
)

// ParseGuid is Guid.Parse, of any of the five formats.
func ParseGuid(s string) (Guid, error) {
	s = strings.TrimFunc(s, IsWhiteSpace)
	switch {
	case len(s) < 32:
		return Guid{}, formatError(guidUnrecognized)
	case s[0] == '(':
		return ParseGuidExact(s, "P")
	case s[0] == '{' && s[9] == '-':
		return ParseGuidExact(s, "B")
	case s[0] == '{':
		return ParseGuidExact(s, "X")
	case s[8] == '-':
		return ParseGuidExact(s, "D")
	}
	return ParseGuidExact(s, "N")
}

// ParseGuidExact is Guid.ParseExact.
func ParseGuidExact(s, format string) (Guid, error) {
	s = strings.TrimFunc(s, IsWhiteSpace)
	switch format {
	case "D", "d":
		return parseDashed(s)
	case "N", "n":
		return parseGuidDigits(s)
	case "B", "b":
		return parseEnclosed(s, '{', '}')
	case "P", "p":
		return parseEnclosed(s, '(', ')')
	case "X", "x":
		return parseHexGuid(s)
	}
	return Guid{}, badGuidFormat()
}

func parseGuidDigits(s string) (g Guid, err error) {
	if len(s) != 32 {
		return g, formatError(guidLength)
	}
	if _, err := hex.Decode(g[:], []byte(s)); err != nil {
		return Guid{}, formatError(guidCharacter)
	}
	return g, nil
}

func parseDashed(s string) (Guid, error) {
	if len(s) != 36 {
		return Guid{}, formatError(guidLength)
	}
	if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return Guid{}, formatError(guidDashes)
	}
	return parseGuidDigits(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
}

func parseEnclosed(s string, open, end byte) (Guid, error) {
	if len(s) != 38 || s[0] != open || s[37] != end {
		return Guid{}, formatError(guidLength)
	}
	return parseDashed(s[1:37])
}

// parseHexGuid reads {0x...,0x...,0x...,{0x..,...}}; white space may stand anywhere, numbers may be short.
func parseHexGuid(s string) (g Guid, err error) {
	s = strings.Map(func(r rune) rune {
		if IsWhiteSpace(r) {
			return -1
		}
		return r
	}, s)
	head, tail, ok := strings.Cut(strings.TrimPrefix(s, "{"), ",{")
	if !ok || !strings.HasPrefix(s, "{") || !strings.HasSuffix(tail, "}}") {
		return g, formatError(guidUnrecognized)
	}
	numbers := strings.Split(head+","+strings.TrimSuffix(tail, "}}"), ",")
	if len(numbers) != 11 {
		return g, formatError(guidUnrecognized)
	}
	at := 0
	for i, text := range numbers {
		width := 1
		switch i {
		case 0:
			width = 4
		case 1, 2:
			width = 2
		}
		digits := strings.TrimPrefix(strings.ToLower(text), "0x")
		if len(digits) == len(text) || digits == "" {
			return Guid{}, formatError("Expected 0x prefix.")
		}
		n, err := strconv.ParseUint(digits, 16, width*8)
		if err != nil {
			return Guid{}, formatError(guidCharacter)
		}
		for j := width - 1; j >= 0; j-- {
			g[at] = byte(n >> (8 * j))
			at++
		}
	}
	return g, nil
}
