// Package headers knows names of request headers by what they may do: those that only a gateway says, those by which
// proxies tell of the request that they got, those that name another method, and spellings that a backend takes for one of them.
//
// A backend behind CGI or WSGI knows X_Http_Method_Override, and on some servers X.Http.Method.Override, as the header with
// dashes. So such a spelling of a name that anybody looks at must not pass where the name with dashes is judged.
package headers

import (
	"net/http"
	"slices"
	"strings"
)

// Clean takes out of a client's request what the client has no business to say: identity headers of gateways, spellings that
// are mistaken for headers that count, and, unless the request comes from a proxy that is trusted, how it was forwarded. Names
// are canonical, as net/http makes them. It reports whether names are left that are spelled oddly (Spelled).
func Clean(h http.Header, trusted bool) (oddly bool) {
	for name := range h {
		switch {
		case odd(name):
			if mistaken(h, name) {
				delete(h, name)
			} else {
				oddly = true
			}
		case Identity(name), !trusted && Forwarding(name):
			delete(h, name)
		}
	}
	return oddly
}

// Unforwarded takes away how a request was forwarded.
func Unforwarded(h http.Header) {
	for name := range h {
		if Forwarding(name) {
			delete(h, name)
		}
	}
}

// Spelled takes away spellings of one name that are not the name itself.
func Spelled(h http.Header, name string) {
	for other := range h {
		if odd(other) && strings.EqualFold(Dashed(other), name) && !strings.EqualFold(other, name) {
			delete(h, other)
		}
	}
}

// Straight gives headers that are spelled oddly the name that they are mistaken for, where that is one that counts: for
// questions about requests that somebody else passes on.
func Straight(h http.Header) {
	for name, values := range h {
		if odd(name) && mistaken(h, name) {
			delete(h, name)
			plain := http.CanonicalHeaderKey(Dashed(name))
			h[plain] = append(slices.Clone(h[plain]), values...)
		}
	}
}

// Overrides are headers by which frameworks let clients name another method.
var Overrides = [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// Dashed is a name with a dash for all that is no letter and no digit.
func Dashed(name string) string {
	return strings.Map(func(c rune) rune {
		if letter(byte(c)) || c >= 0x80 {
			return c
		}
		return '-'
	}, name)
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// plain are the characters of usual names.
var plain = func() (table [256]bool) {
	for c := range table {
		table[c] = letter(byte(c)) || c == '-'
	}
	return table
}()

// odd reports whether a name has anything but letters, digits and dashes.
func odd(name string) bool {
	for i := range len(name) {
		if !plain[name[i]] {
			return true
		}
	}
	return name == ""
}

// mistaken reports whether a backend may take an odd name for one that counts, or for another header of the request.
func mistaken(h http.Header, name string) bool {
	meant := http.CanonicalHeaderKey(Dashed(name))
	if _, both := h[meant]; both || Identity(meant) || Forwarding(meant) {
		return true
	}
	return slices.Contains(Overrides[:], meant) || slices.Contains(counting[:], meant) || strings.HasPrefix(meant, "Ocp-Apim-") || strings.HasPrefix(meant, "Proxy-")
}

// counting are further names that this gateway, or the connection, goes by.
var counting = [...]string{"Content-Length", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Keep-Alive", "Apim-Debug-Authorization", "Sec-Fetch-Site", "Sec-Fetch-Mode"}

// Identity reports whether only a gateway says a header: who calls.
func Identity(name string) bool { return strings.HasPrefix(name, "X-Gatehouse-") }

// Credential reports whether a header lets somebody in. The name is canonical.
func Credential(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Set-Cookie", "Ocp-Apim-Subscription-Key", "Subscription-Key", "X-Functions-Key", "Api-Key", "X-Api-Key",
		"X-Gatehouse-Jwt-Assertion", "Apim-Debug-Authorization":
		return true
	}
	return false
}

// Forwarding reports whether proxies tell by a header what they got: from whom, for which host, over which scheme, for which path.
// Some backends let the last of these decide what is asked for. The name is canonical.
func Forwarding(name string) bool {
	if len(name) < 6 {
		return false
	}
	switch name[:2] {
	case "X-":
		if name[2] == 'F' || name[2] == 'O' {
			return strings.HasPrefix(name, "X-Forwarded-") || strings.HasPrefix(name, "X-Original-")
		}
		switch name {
		case "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Rewrite-Url", "X-Scheme", "X-Url-Scheme", "X-Host":
			return true
		}
	case "Fo", "Tr", "Cl":
		return name == "Forwarded" || name == "True-Client-Ip" || name == "Client-Ip"
	}
	return false
}
