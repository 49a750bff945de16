package expr

import (
	"encoding/base64"
	"mime"
	"strings"
	"unicode/utf16"

	"gatehouse/dotnet"
)

func base64Decoded(s string) (string, bool) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding} {
		if b, err := e.DecodeString(s); err == nil {
			return string(b), true
		}
	}
	return "", false
}

// decodeBody makes text of the bytes of a body: in the charset of its type, else as the byte order mark says, else UTF-8.
func decodeBody(content []byte, contentType string) (string, error) {
	charset := ""
	if contentType != "" {
		if _, params, err := mime.ParseMediaType(contentType); err == nil {
			charset = strings.ToLower(params["charset"])
		}
	}
	switch {
	case len(content) >= 3 && content[0] == 0xEF && content[1] == 0xBB && content[2] == 0xBF:
		return dotnet.Scalar(string(content[3:])), nil
	case len(content) >= 2 && content[0] == 0xFF && content[1] == 0xFE:
		return wide(content[2:], false), nil
	case len(content) >= 2 && content[0] == 0xFE && content[1] == 0xFF:
		return wide(content[2:], true), nil
	}
	switch charset {
	case "utf-16", "utf-16le", "unicode":
		return wide(content, false), nil
	case "utf-16be":
		return wide(content, true), nil
	case "iso-8859-1", "latin1", "us-ascii", "ascii", "windows-1252":
		runes := make([]rune, len(content))
		for i, c := range content {
			runes[i] = rune(c)
		}
		return string(runes), nil
	}
	return dotnet.Scalar(string(content)), nil
}

func wide(b []byte, bigEndian bool) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		low, high := b[2*i], b[2*i+1]
		if bigEndian {
			low, high = high, low
		}
		units[i] = uint16(low) | uint16(high)<<8
	}
	return string(utf16.Decode(units))
}
