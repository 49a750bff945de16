package pipeline

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"
)

// thumbprint is the SHA-1 of a certificate, which is what Azure names it by; it identifies and proves nothing.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

func serial(c *x509.Certificate) string { return strings.ToUpper(c.SerialNumber.Text(16)) }

func trimZeros(s string) string { return strings.TrimLeft(s, "0") }

// plainHex is a thumbprint as people paste it: with blanks, colons, and a mark that Windows puts before it.
func plainHex(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'f':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'F', r >= '0' && r <= '9':
			return r
		case r == ' ', r == ':', r == '\u200e':
			return -1
		}
		return '?' // nothing that a thumbprint has, so that it equals none
	}, s)
}

// sameName compares distinguished names whatever order they are written in: .NET's is the reverse of RFC 4514's, with a
// blank after each comma.
func sameName(have, want string) bool {
	parts := func(s string) []string {
		list := strings.Split(s, ",")
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		slices.Sort(list)
		return list
	}
	return slices.EqualFunc(parts(have), parts(want), strings.EqualFold)
}

func hasDNSName(c *x509.Certificate, want string) bool {
	return slices.ContainsFunc(c.DNSNames, func(n string) bool { return strings.EqualFold(n, want) })
}
