package gatehouse

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
)

// GUID identifies principals, role definitions and assignments. It compares with
// == regardless of how it was spelled (case and dashes do not count, rbac.md 3.1).
// The zero GUID names no object; in the principals of a deny assignment it is everyone.
type GUID [16]byte

// ParseGUID reads 32 hexadecimal digits, with dashes in the usual four places or with none.
func ParseGUID(s string) (GUID, error) {
	var g GUID
	if !g.parse(s) {
		return GUID{}, Errorf(Invalid, "InvalidGuid", "%q is not a GUID: write 32 hexadecimal digits, with or without dashes.", clip(s))
	}
	return g, nil
}

// MustGUID is ParseGUID for constants; it panics on a malformed one.
func MustGUID(s string) GUID {
	g, err := ParseGUID(s)
	if err != nil {
		panic(err)
	}
	return g
}

func (g *GUID) parse(s string) bool {
	dashed := len(s) == 36
	if !dashed && len(s) != 32 {
		return false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if dashed && (i == 8 || i == 13 || i == 18 || i == 23) {
			if s[i] != '-' {
				return false
			}
			continue
		}
		d, ok := hexDigit(s[i])
		if !ok {
			return false
		}
		g[n/2] = g[n/2]<<4 | d
		n++
	}
	return true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// NewGUID returns a random (version 4) GUID.
func NewGUID() GUID {
	var g GUID
	rand.Read(g[:]) // never fails, see crypto/rand
	g[6] = g[6]&0x0f | 0x40
	g[8] = g[8]&0x3f | 0x80
	return g
}

// NameGUID derives a version 5 GUID from a namespace and a name: the same input
// always gives the same GUID (RFC 9562, section 5.5).
func NameGUID(space GUID, name string) GUID {
	h := sha1.New()
	h.Write(space[:])
	h.Write([]byte(name))
	var g GUID
	copy(g[:], h.Sum(nil))
	g[6] = g[6]&0x0f | 0x50
	g[8] = g[8]&0x3f | 0x80
	return g
}

// IsZero reports whether g is the zero GUID.
func (g GUID) IsZero() bool { return g == GUID{} }

// String spells g in lower case with dashes.
func (g GUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], g[0:4])
	b[8] = '-'
	hex.Encode(b[9:13], g[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], g[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], g[8:10])
	b[23] = '-'
	hex.Encode(b[24:], g[10:])
	return string(b[:])
}

// Hex spells g as 32 lower-case digits, as some Azure error texts do.
func (g GUID) Hex() string { return hex.EncodeToString(g[:]) }

// MarshalText makes g a JSON string in the form of String.
func (g GUID) MarshalText() ([]byte, error) { return []byte(g.String()), nil }

// UnmarshalText accepts what ParseGUID accepts; an empty text is the zero GUID.
func (g *GUID) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*g = GUID{}
		return nil
	}
	v, err := ParseGUID(string(b))
	if err == nil {
		*g = v
	}
	return err
}
