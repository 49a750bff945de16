package template

import (
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"net/url"
	"strings"
	"unicode/utf8"

	"gatehouse/jsondoc"
)

func encodingFunctions() []row {
	return []row{
		{name: "base64", least: 1, most: 1, eager: func(c *call) Value {
			return base64.StdEncoding.EncodeToString([]byte(c.str(0)))
		}},
		{name: "base64ToString", least: 1, most: 1, eager: func(c *call) Value { return c.decoded(c.str(0)) }},
		{name: "base64ToJson", least: 1, most: 1, eager: func(c *call) Value {
			v, err := jsondoc.Parse([]byte(c.decoded(c.str(0))), jsondoc.Options{Relaxed: true})
			if err != nil {
				return c.fail("the decoded text is not valid JSON")
			}
			return v
		}},
		{name: "dataUri", least: 1, most: 1, eager: func(c *call) Value {
			return "data:text/plain;charset=utf8;base64," + base64.StdEncoding.EncodeToString([]byte(c.str(0)))
		}},
		{name: "dataUriToString", least: 1, most: 1, eager: dataURIToString},
		{name: "uri", least: 2, most: 2, eager: func(c *call) Value {
			base, err := url.Parse(c.str(0))
			relative, err2 := url.Parse(c.str(1))
			if err != nil || err2 != nil || !base.IsAbs() {
				return c.fail("the first argument has to be an absolute URI and the second a relative one")
			}
			return base.ResolveReference(relative).String()
		}},
		{name: "uriComponent", least: 1, most: 1, eager: func(c *call) Value { return escapeComponent(c.str(0)) }},
		{name: "uriComponentToString", least: 1, most: 1, eager: func(c *call) Value {
			s, err := url.PathUnescape(c.str(0))
			if err != nil {
				return c.fail("the text is not percent-encoded")
			}
			return s
		}},
	}
}

func (c *call) decoded(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || !utf8.Valid(b) {
		c.fail("the text is not base64 of a UTF-8 text")
	}
	return string(b)
}

// dataURIToString reads data:[type][;charset=…][;base64],data.
func dataURIToString(c *call) Value {
	rest, ok := strings.CutPrefix(c.str(0), "data:")
	head, data, ok2 := strings.Cut(rest, ",")
	if !ok || !ok2 {
		return c.fail("the text is no data URI; it has to look like data:text/plain;base64,…")
	}
	if strings.HasSuffix(strings.ToLower(head), ";base64") {
		return c.decoded(data)
	}
	s, err := url.PathUnescape(data)
	if err != nil {
		return c.fail("the data of the URI is not percent-encoded")
	}
	return s
}

// escapeComponent encodes all but the unreserved characters of RFC 3986.
func escapeComponent(s string) string {
	return strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
}

// hash64 is the 64-bit hash behind uniqueString() and the template hash: a
// variant of MurmurHash with two 32-bit lanes and seed 0.
func hash64(data []byte) uint64 {
	const c1, c2 = 0x239b961b, 0xab0e9789
	var h1, h2 uint32
	mix1 := func(k uint32) uint32 { return bits.RotateLeft32(k*c1, 15) * c2 }
	mix2 := func(k uint32) uint32 { return bits.RotateLeft32(k*c2, 17) * c1 }
	size := uint32(len(data))
	for ; len(data) >= 8; data = data[8:] {
		h1 = (bits.RotateLeft32(h1^mix1(binary.LittleEndian.Uint32(data)), 19)+h2)*5 + 0x561ccd1b
		h2 = (bits.RotateLeft32(h2^mix2(binary.LittleEndian.Uint32(data[4:])), 13)+h1)*5 + 0x0bcaa747
	}
	var tail [8]byte
	copy(tail[:], data)
	h1 ^= mix1(binary.LittleEndian.Uint32(tail[:4]))
	h2 ^= mix2(binary.LittleEndian.Uint32(tail[4:]))
	h1 ^= size
	h2 ^= size
	h1 += h2
	h2 += h1
	h1, h2 = finish(h1), finish(h2)
	h1 += h2
	h2 += h1
	return uint64(h2)<<32 | uint64(h1)
}

func finish(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// base32 spells all 64 bits in 13 letters of RFC 4648, in lower case.
func base32(n uint64) string {
	var b [13]byte
	for i := range b {
		b[i] = "abcdefghijklmnopqrstuvwxyz234567"[n>>59]
		n <<= 5
	}
	return string(b[:])
}
