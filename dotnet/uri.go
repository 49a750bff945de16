package dotnet

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// URI is System.Uri. Relative addresses have nothing but their text.
type URI struct {
	original string
	absolute bool
	scheme   string
	userInfo string
	host     string // as Host gives it: in small letters, IPv6 in brackets
	port     int
	path     string // escaped
	query    string // with ?
	fragment string // with #
	slashes  bool   // there is an authority
}

// defaultPorts are the schemes that .NET knows; -1 means that the scheme has no port.
var defaultPorts = map[string]int{
	"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "file": -1, "mailto": 25, "news": -1, "nntp": 119, "uuid": -1,
	"telnet": 23, "ldap": 389, "gopher": 70, "net.tcp": 808, "net.pipe": -1,
}

func badURI(reason string) *Exception {
	return &Exception{TypeName: UriFormatException, Message: "Invalid URI: " + reason}
}

// ParseURI is new Uri(text), which wants an absolute address.
func ParseURI(text string) (*URI, error) {
	s := strings.TrimFunc(text, IsWhiteSpace)
	if s == "" {
		return nil, badURI("The URI is empty.")
	}
	u := &URI{original: text, absolute: true, port: -1}
	if len(s) > 2 && s[1] == ':' && alphanumeric(s[0]) && s[0] > '9' && (s[2] == '\\' || s[2] == '/') {
		return u.file(strings.ReplaceAll(s, `\`, "/"), "") // C:\path
	}
	if host, ok := strings.CutPrefix(s, `\\`); ok {
		host, path, _ := strings.Cut(strings.ReplaceAll(host, `\`, "/"), "/")
		return u.file("/"+path, host)
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsAny(scheme, "/\\?#") {
		return nil, badURI("The format of the URI could not be determined.")
	}
	if !CheckSchemeName(scheme) {
		return nil, badURI("The URI scheme is not valid.")
	}
	u.scheme = strings.ToLower(scheme)
	return u, u.parse(rest)
}

func (u *URI) file(path, host string) (*URI, error) {
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	u.scheme, u.host, u.slashes = "file", strings.ToLower(host), true
	u.path = escapePath(removeDots(path))
	return u, nil
}

// web reports whether the scheme is one of those whose paths have segments and whose host must be there.
func (u *URI) web() bool {
	switch u.scheme {
	case "http", "https", "ws", "wss", "ftp", "gopher", "net.tcp", "net.pipe", "nntp", "telnet", "ldap":
		return true
	}
	return false
}

// parse reads what follows the scheme.
func (u *URI) parse(rest string) error {
	u.port = -1
	port, known := defaultPorts[u.scheme]
	if known {
		u.port = port
	}
	if u.web() || u.scheme == "file" {
		if i := strings.IndexAny(rest, "?#"); i >= 0 {
			rest = strings.ReplaceAll(rest[:i], `\`, "/") + rest[i:]
		} else {
			rest = strings.ReplaceAll(rest, `\`, "/")
		}
	}
	rest, u.fragment = cutKeep(rest, '#')
	if u.scheme != "mailto" {
		rest, u.query = cutKeep(rest, '?')
	}
	u.fragment, u.query = escapeKept(u.fragment), escapeKept(u.query)
	authority, path, slashes := rest, "", strings.HasPrefix(rest, "//")
	switch {
	case slashes:
		authority, path = cutKeep(rest[2:], '/')
	case u.web():
		return badURI("The hostname could not be parsed.")
	default:
		authority, path = "", rest
	}
	u.slashes = slashes
	if slashes {
		if err := u.authority(authority); err != nil {
			return err
		}
	}
	if u.web() || u.scheme == "file" || slashes {
		if path == "" {
			path = "/"
		}
		path = removeDots(path)
	}
	u.path = escapePath(path)
	return nil
}

func cutKeep(s string, at byte) (before, from string) {
	if i := strings.IndexByte(s, at); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func (u *URI) authority(s string) error {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		u.userInfo, s = escapeKept(s[:i]), s[i+1:]
	}
	host := s
	if end := strings.LastIndexByte(s, ']'); strings.HasPrefix(s, "[") && end > 0 {
		host, s = s[:end+1], s[end+1:]
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, s = s[:i], s[i:]
	} else {
		s = ""
	}
	if digits, ok := strings.CutPrefix(s, ":"); ok && digits != "" {
		port, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			return badURI("Invalid port specified.")
		}
		u.port = int(port)
	} else if !ok && s != "" {
		return badURI("The hostname could not be parsed.")
	}
	if host == "" {
		if u.web() {
			return badURI("The hostname could not be parsed.")
		}
		return nil
	}
	kind := CheckHostName(host)
	if kind == HostUnknown {
		return badURI("The hostname could not be parsed.")
	}
	u.host = strings.ToLower(host)
	switch kind {
	case HostIPv6:
		a, _ := netip.ParseAddr(strings.Trim(u.host, "[]"))
		u.host = "[" + a.WithZone("").String() + "]"
	case HostIPv4:
		if a, err := ParseIPAddress(host); err == nil {
			u.host = a.String()
		}
	}
	return nil
}

// HostKind is System.UriHostNameType.
type HostKind int

// The kinds of hosts, with .NET's numbers.
const (
	HostUnknown HostKind = iota
	HostBasic
	HostDNS
	HostIPv4
	HostIPv6
)

// CheckHostName is Uri.CheckHostName.
func CheckHostName(name string) HostKind {
	if name == "" || len(name) > 10000 {
		return HostUnknown
	}
	if strings.HasPrefix(name, "[") != strings.HasSuffix(name, "]") {
		return HostUnknown
	}
	if inner := strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"); strings.Contains(inner, ":") {
		if a, err := netip.ParseAddr(inner); err == nil && a.Is6() {
			return HostIPv6
		}
		return HostUnknown
	} else if inner != name {
		return HostUnknown
	}
	if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
		return HostIPv4
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if label == "" || len(label) > 63 && IsASCII(label) || strings.HasPrefix(label, "-") && IsASCII(name) {
			return HostUnknown
		}
		for i := range len(label) {
			if c := label[i]; !(alphanumeric(c) || c == '-' || c == '_' || c >= utf8.RuneSelf) {
				return HostUnknown
			}
		}
	}
	return HostDNS
}

// CheckSchemeName is Uri.CheckSchemeName.
func CheckSchemeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !alphanumeric(c) && (strings.IndexByte("+-.", c) < 0) || i == 0 && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return s != ""
}

// escapePath and escapeKept escape what may not stand in an address; escapes that are there stay, those of unreserved
// characters are undone.
func escapePath(s string) string { return escapeParts(s, "?#[]") }

func escapeKept(s string) string { return escapeParts(s, "") }

func escapeParts(s, never string) string {
	s = Scalar(s)
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if x, ok := percent(s[i:]); ok {
			if unreserved(x) {
				b = append(b, x)
			} else {
				b = append(b, s[i:i+3]...)
			}
			i += 2
			continue
		}
		if (unreserved(c) || reserved(c)) && strings.IndexByte(never, c) < 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// removeDots works . and .. into the path (RFC 3986 5.2.4).
func removeDots(path string) string {
	if !strings.Contains(path, ".") && !strings.Contains(path, "%2") {
		return path
	}
	segments := strings.Split(path, "/")
	var kept []string
	for i, s := range segments {
		last := i == len(segments)-1
		switch strings.ReplaceAll(strings.ToLower(s), "%2e", ".") {
		case ".":
			if last {
				kept = append(kept, "")
			}
		case "..":
			if len(kept) > 1 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, s)
		}
	}
	return strings.Join(kept, "/")
}

// Relative makes an address that is not absolute: new Uri(text, UriKind.Relative).
func Relative(text string) *URI { return &URI{original: text} }

// Resolve is new Uri(base, text).
func (u *URI) Resolve(text string) (*URI, error) {
	if !u.absolute {
		return nil, OutOfRange("This operation is not supported for a relative URI.", "baseUri")
	}
	s := strings.TrimFunc(text, IsWhiteSpace)
	if scheme, _, ok := strings.Cut(s, ":"); ok && !strings.ContainsAny(scheme, "/\\?#") && CheckSchemeName(scheme) && len(scheme) > 1 {
		return ParseURI(s)
	}
	base := u.leftPart()
	s, fragment := cutKeep(s, '#')
	s, query := cutKeep(s, '?')
	if u.web() || u.scheme == "file" {
		s = strings.ReplaceAll(s, `\`, "/")
	}
	switch {
	case strings.HasPrefix(s, "//"):
		base, s = u.scheme+":", s+query
	case s == "" && query == "":
		s = u.path + u.query
	case s == "":
		s = u.path + query
	case strings.HasPrefix(s, "/"):
		s += query
	default:
		s = u.path[:strings.LastIndexByte(u.path, '/')+1] + s + query
	}
	return ParseURI(base + s + fragment)
}

// leftPart is scheme and authority.
func (u *URI) leftPart() string {
	s := u.scheme + ":"
	if u.slashes {
		s += "//"
		if u.userInfo != "" {
			s += u.userInfo + "@"
		}
		s += u.Authority()
	}
	return s
}

// IsAbsolute is the IsAbsoluteUri property.
func (u *URI) IsAbsolute() bool { return u.absolute }

// OriginalString is what the address was made of.
func (u *URI) OriginalString() string { return u.original }

// Scheme is the Scheme property.
func (u *URI) Scheme() string { return u.scheme }

// UserInfo is the UserInfo property.
func (u *URI) UserInfo() string { return u.userInfo }

// Host is the Host property.
func (u *URI) Host() string { return u.host }

// DNSSafeHost is Host without the brackets of IPv6.
func (u *URI) DNSSafeHost() string { return strings.Trim(u.host, "[]") }

// HostKind is the HostNameType property.
func (u *URI) HostKind() HostKind {
	if u.host == "" {
		return HostBasic
	}
	return CheckHostName(u.host)
}

// Port is the Port property, -1 without one.
func (u *URI) Port() int { return u.port }

// IsDefaultPort is the IsDefaultPort property.
func (u *URI) IsDefaultPort() bool {
	port, ok := defaultPorts[u.scheme]
	return ok && port == u.port || !ok && u.port == -1
}

// Authority is host and, unless it is the default, port.
func (u *URI) Authority() string {
	if u.IsDefaultPort() {
		return u.host
	}
	return u.host + ":" + strconv.Itoa(u.port)
}

// AbsolutePath is the AbsolutePath property.
func (u *URI) AbsolutePath() string { return u.path }

// Query is the Query property, with the question mark.
func (u *URI) Query() string { return u.query }

// Fragment is the Fragment property, with the number sign.
func (u *URI) Fragment() string { return u.fragment }

// PathAndQuery is the PathAndQuery property.
func (u *URI) PathAndQuery() string { return u.path + u.query }

// AbsoluteURI is the AbsoluteUri property.
func (u *URI) AbsoluteURI() string { return u.leftPart() + u.path + u.query + u.fragment }

// IsFile, IsUNC and IsLoopback are the properties of these names.
func (u *URI) IsFile() bool { return u.scheme == "file" }

// IsUNC reports whether the address is a file on another host.
func (u *URI) IsUNC() bool { return u.IsFile() && u.host != "" }

// IsLoopback reports whether the host is this machine.
func (u *URI) IsLoopback() bool {
	switch u.host {
	case "localhost", "loopback", "127.0.0.1", "[::1]":
		return true
	case "":
		return u.IsFile()
	}
	return strings.HasPrefix(u.host, "127.") && u.HostKind() == HostIPv4
}

// LocalPath is the path with escapes undone, for files in Windows' spelling.
func (u *URI) LocalPath() string {
	path := UnescapeDataString(u.path)
	switch {
	case u.IsUNC():
		return `\\` + u.host + strings.ReplaceAll(path, "/", `\`)
	case u.IsFile() && len(path) > 2 && path[2] == ':':
		return strings.ReplaceAll(path[1:], "/", `\`)
	}
	return path
}

// Segments is the path cut behind every slash.
func (u *URI) Segments() []string {
	parts := strings.SplitAfter(u.path, "/")
	if last := len(parts) - 1; parts[last] == "" {
		parts = parts[:last]
	}
	return parts
}

// String is ToString(): the address with escapes undone, but for those that would change its meaning.
func (u *URI) String() string {
	if !u.absolute {
		return u.original
	}
	return unescape(u.AbsoluteURI(), func(r rune) bool {
		return r >= 0xA0 || r > 0x1F && r < 0x7F && r != '%' && r != '\\' && !reserved(byte(r))
	})
}

// LeftPart is u.GetLeftPart(part): scheme, authority, path or query as last part.
func (u *URI) LeftPart(part int) string {
	switch part {
	case 0:
		if u.slashes {
			return u.scheme + "://"
		}
		return u.scheme + ":"
	case 1:
		if !u.slashes {
			return ""
		}
		return u.leftPart()
	case 2:
		return u.leftPart() + u.path
	}
	return u.leftPart() + u.path + u.query
}

// Equal is u.Equals(v): fragment and user do not count, nor does the case of host names.
func (u *URI) Equal(v *URI) bool {
	if u.absolute != v.absolute || !u.absolute {
		return u.absolute == v.absolute && u.original == v.original
	}
	return u.scheme == v.scheme && u.host == v.host && u.port == v.port && u.path == v.path && u.query == v.query
}

// IsBaseOf is u.IsBaseOf(v).
func (u *URI) IsBaseOf(v *URI) bool {
	if !v.absolute {
		return true
	}
	return u.scheme == v.scheme && u.host == v.host && u.port == v.port && strings.HasPrefix(v.path, u.path[:strings.LastIndexByte(u.path, '/')+1])
}

// MakeRelative is u.MakeRelativeUri(v): v as seen from u.
func (u *URI) MakeRelative(v *URI) *URI {
	if u.scheme != v.scheme || u.host != v.host || u.port != v.port {
		return v
	}
	a, b := strings.SplitAfter(u.path, "/"), strings.SplitAfter(v.path, "/")
	a = a[:len(a)-1]
	i := 0
	for i < len(a) && i < len(b)-1 && a[i] == b[i] {
		i++
	}
	s := strings.Repeat("../", len(a)-i) + strings.Join(b[i:], "")
	if u.path == v.path {
		s = ""
	} else if s == "" {
		s = "./"
	}
	return Relative(s + v.query + v.fragment)
}
