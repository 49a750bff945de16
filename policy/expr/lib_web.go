package expr

import (
	"unicode/utf8"

	"gatehouse/dotnet"
)

// Uri, WebUtility, Encoding.

var encodingType = new(Type)

func webKind(pointer any) *Type {
	if _, ok := pointer.(*dotnet.Encoding); ok {
		return encodingType
	}
	return nil
}

// decoding lets null pass through, as WebUtility does. The result is not longer than what it is made of.
func decoding(decode func(s string) string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, nil
		}
		s := decode(a[0].Str())
		return String(s), f.Spend(len(s))
	}
}

// nullText is decoding for what encodes.
func nullText(convert func(s string) string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, nil
		}
		return encoded(f, a[0].Str(), convert)
	}
}

// grownPart is how much of a text is encoded at once.
const grownPart = 64 << 10

// encoded makes of a text one that may be many times longer, a part at a time, so that the budget stops it early. What encodes looks at
// one character after the other.
func encoded(f *Frame, s string, encode func(s string) string) (Value, error) {
	var parts []string
	for len(s) > grownPart {
		n := grownPart
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n++
		}
		part := encode(s[:n])
		if err := f.Spend(len(part)); err != nil {
			return Null, err
		}
		parts, s = append(parts, part), s[n:]
		if err := f.tick(); err != nil {
			return Null, err
		}
	}
	s = encode(s)
	return String(dotnet.Concat(append(parts, s)...)), f.Spend(len(s))
}

func escaping(convert func(s string) string, param string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s, err := given(a[0], param)
		if err != nil {
			return Null, err
		}
		return encoded(f, s, convert)
	}
}

func unescapedData(f *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "stringToUnescape")
	if err != nil {
		return Null, err
	}
	s = dotnet.UnescapeDataString(s)
	return String(s), f.Spend(len(s))
}

func ofURI(get func(u *dotnet.URI) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a[0].ref.(*dotnet.URI)), nil }
}

// ofAbsolute makes the code of a property that relative URIs do not have.
func ofAbsolute(get func(u *dotnet.URI) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		u := a[0].ref.(*dotnet.URI)
		if !u.IsAbsolute() {
			return Null, dotnet.InvalidOperation("This operation is not supported for a relative URI.")
		}
		return get(u), nil
	}
}

func newURI(_ *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "uriString")
	if err != nil {
		return Null, err
	}
	u, err := dotnet.ParseURI(s)
	if err != nil {
		if len(a) > 1 && a[1].n != 1 { // UriKind.RelativeOrAbsolute and Relative
			return Value{dotnet.Relative(s), 0}, nil
		}
		return Null, err
	}
	return Value{u, 0}, nil
}

func resolvedURI(_ *Frame, a []Value) (Value, error) {
	base, ok := a[0].ref.(*dotnet.URI)
	if !ok {
		return Null, dotnet.ArgumentNull("baseUri")
	}
	text := a[1].Str()
	if u, ok := a[1].ref.(*dotnet.URI); ok {
		text = u.OriginalString()
	}
	u, err := base.Resolve(text)
	if err != nil {
		return Null, err
	}
	return Value{u, 0}, nil
}

func sameURI(a []Value) bool {
	u, ok := a[0].ref.(*dotnet.URI)
	v, also := a[1].ref.(*dotnet.URI)
	if !ok || !also {
		return !ok && !also && a[0].ref == nil && a[1].ref == nil
	}
	return u.Equal(v)
}

func encodingOr(e *dotnet.Encoding, err error) (Value, error) {
	if err != nil {
		return Null, err
	}
	return Value{e, 0}, nil
}

func theEncoding(e *dotnet.Encoding) Func { return zeroArgs(Value{e, 0}, nil) }

func getBytes(f *Frame, a []Value) (Value, error) {
	s := ""
	switch {
	case a[1].ref == nil:
		return Null, dotnet.ArgumentNull("s")
	case a[1].IsString():
		s = a[1].Str()
	default:
		s = dotnet.FromUnits(unitsOf(a[1]))
	}
	e := a[0].ref.(*dotnet.Encoding)
	if err := f.Spend(len(s) * e.Widest()); err != nil {
		return Null, err
	}
	return Bytes(e.GetBytes(s)), nil
}

func getString(f *Frame, a []Value) (Value, error) {
	b, ok := a[1].ByteSlice()
	if !ok {
		return Null, dotnet.ArgumentNull("bytes")
	}
	if len(a) > 2 {
		i, n := int(a[2].n), int(a[3].n)
		if i < 0 || n < 0 || i+n > len(b) {
			return Null, dotnet.OutOfRange("Index and count must refer to a location within the buffer.", "bytes")
		}
		b = b[i : i+n]
	}
	s := a[0].ref.(*dotnet.Encoding).GetString(b)
	return String(s), f.Spend(len(s))
}

var webDecls = []Decl{
	{Head: "static class System.Net.WebUtility", Refused: "HtmlEncodeTo", Members: members{
		m("static string UrlEncode(string value)", nullText(dotnet.URLEncode)), m("static string UrlDecode(string encodedValue)", decoding(dotnet.URLDecode)),
		m("static string HtmlEncode(string value)", nullText(dotnet.HTMLEncode)), m("static string HtmlDecode(string value)", decoding(dotnet.HTMLDecode)),
	}},
	{Head: "enum System.UriKind { RelativeOrAbsolute, Absolute, Relative }"},
	{Head: "enum System.UriPartial { Scheme, Authority, Path, Query }"},
	{Head: "internal enum System.UriHostNameType { Unknown, Basic, Dns, IPv4, IPv6 }", Type: hostNameType},
	{Head: "class System.Uri", Type: uriType, Members: members{
		m("Uri(string uriString)", newURI), m("Uri(string uriString, UriKind uriKind)", newURI), m("Uri(Uri baseUri, string relativeUri)", resolvedURI), m("Uri(Uri baseUri, Uri relativeUri)", resolvedURI),
		m("string Scheme { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.Scheme()) })), m("string Host { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.Host()) })),
		m("string DnsSafeHost { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.DNSSafeHost()) })), m("string IdnHost { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.DNSSafeHost()) })),
		m("int Port { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Int(u.Port()) })), m("bool IsDefaultPort { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Bool(u.IsDefaultPort()) })),
		m("string Authority { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.Authority()) })), m("string AbsolutePath { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.AbsolutePath()) })),
		m("string Query { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.Query()) })), m("string Fragment { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.Fragment()) })),
		m("string PathAndQuery { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.PathAndQuery()) })), m("string AbsoluteUri { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.AbsoluteURI()) })),
		m("string LocalPath { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.LocalPath()) })), m("string UserInfo { get; }", ofAbsolute(func(u *dotnet.URI) Value { return String(u.UserInfo()) })),
		m("string[] Segments { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Strings(u.Segments()) })), m("bool IsFile { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Bool(u.IsFile()) })),
		m("bool IsUnc { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Bool(u.IsUNC()) })), m("bool IsLoopback { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Bool(u.IsLoopback()) })),
		m("UriHostNameType HostNameType { get; }", ofAbsolute(func(u *dotnet.URI) Value { return Number(hostNameType, int64(u.HostKind())) })),
		m("bool IsAbsoluteUri { get; }", ofURI(func(u *dotnet.URI) Value { return Bool(u.IsAbsolute()) })), m("string OriginalString { get; }", ofURI(func(u *dotnet.URI) Value { return String(u.OriginalString()) })),
		m("bool UserEscaped { get; }", ofURI(func(*dotnet.URI) Value { return Bool(false) })),
		m("string ToString()", ofURI(func(u *dotnet.URI) Value { return String(u.String()) })),
		m("string GetLeftPart(UriPartial part)", func(_ *Frame, a []Value) (Value, error) {
			return String(a[0].ref.(*dotnet.URI).LeftPart(int(a[1].n))), nil
		}),
		m("bool IsBaseOf(Uri uri)", func(_ *Frame, a []Value) (Value, error) {
			v, ok := a[1].ref.(*dotnet.URI)
			if !ok {
				return Null, dotnet.ArgumentNull("uri")
			}
			return Bool(a[0].ref.(*dotnet.URI).IsBaseOf(v)), nil
		}),
		m("Uri MakeRelativeUri(Uri uri)", func(_ *Frame, a []Value) (Value, error) {
			v, ok := a[1].ref.(*dotnet.URI)
			if !ok {
				return Null, dotnet.ArgumentNull("uri")
			}
			return Value{a[0].ref.(*dotnet.URI).MakeRelative(v), 0}, nil
		}),
		m("bool Equals(object comparand)", func(_ *Frame, a []Value) (Value, error) { return Bool(a[1].ref != nil && sameURI(a)), nil }),
		m("int GetHashCode()", ofURI(func(u *dotnet.URI) Value { return Int(int(dotnet.HashCode(u.String()))) })),
		m("static bool operator ==(Uri uri1, Uri uri2)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameURI(a)), nil }),
		m("static bool operator !=(Uri uri1, Uri uri2)", func(_ *Frame, a []Value) (Value, error) { return Bool(!sameURI(a)), nil }),
		m("static string EscapeDataString(string stringToEscape)", escaping(dotnet.EscapeDataString, "stringToEscape")), m("static string UnescapeDataString(string stringToUnescape)", unescapedData),
		m("static string EscapeUriString(string stringToEscape)", escaping(dotnet.EscapeURIString, "stringToEscape")),
		m("static UriHostNameType CheckHostName(string name)", func(_ *Frame, a []Value) (Value, error) {
			return Number(hostNameType, int64(dotnet.CheckHostName(a[0].Str()))), nil
		}),
		m("static bool CheckSchemeName(string schemeName)", func(_ *Frame, a []Value) (Value, error) { return Bool(dotnet.CheckSchemeName(a[0].Str())), nil }),
		m("static bool IsWellFormedUriString(string uriString, UriKind uriKind)", func(_ *Frame, a []Value) (Value, error) {
			u, err := dotnet.ParseURI(a[0].Str())
			return Bool(a[0].ref != nil && (err == nil && a[1].n != 2 && u.AbsoluteURI() != "" || err != nil && a[1].n != 1)), nil
		}),
		m("static bool TryCreate(string uriString, UriKind uriKind, out Uri result)", func(f *Frame, a []Value) (Value, error) {
			u, err := newURI(f, a[:2])
			if err != nil {
				u = Null
			}
			a[2] = u
			return Bool(err == nil), nil
		}),
		c("const string UriSchemeHttp", String("http")), c("const string UriSchemeHttps", String("https")), c("const string SchemeDelimiter", String("://")),
	}},
	{Head: "class System.Text.Encoding", Type: encodingType, Refused: "GetEncoder GetDecoder RegisterProvider GetEncodings Clone EncoderFallback DecoderFallback CreateTranscodingStream", Members: members{
		m("static Encoding UTF8 { get; }", theEncoding(dotnet.UTF8)), m("static Encoding ASCII { get; }", theEncoding(dotnet.ASCII)), m("static Encoding Unicode { get; }", theEncoding(dotnet.Unicode)),
		m("static Encoding BigEndianUnicode { get; }", theEncoding(dotnet.BigEndianUnicode)), m("static Encoding UTF32 { get; }", theEncoding(dotnet.UTF32)), m("static Encoding Latin1 { get; }", theEncoding(dotnet.Latin1)),
		m("static Encoding Default { get; }", theEncoding(dotnet.UTF8)),
		m("static Encoding GetEncoding(string name)", func(_ *Frame, a []Value) (Value, error) {
			s, err := given(a[0], "name")
			if err != nil {
				return Null, err
			}
			return encodingOr(dotnet.EncodingByName(s))
		}),
		m("static Encoding GetEncoding(int codepage)", func(_ *Frame, a []Value) (Value, error) { return encodingOr(dotnet.EncodingByPage(int(a[0].n))) }),
		m("byte[] GetBytes(string s)", getBytes), m("byte[] GetBytes(char[] chars)", getBytes), m("string GetString(byte[] bytes)", getString), m("string GetString(byte[] bytes, int index, int count)", getString),
		m("int GetByteCount(string s)", func(f *Frame, a []Value) (Value, error) {
			v, err := getBytes(f, a)
			if err != nil {
				return Null, err
			}
			return Int(v.ref.(*Blob).length()), nil
		}),
		m("char[] GetChars(byte[] bytes)", func(f *Frame, a []Value) (Value, error) {
			v, err := getString(f, a)
			if err != nil {
				return Null, err
			}
			return charArray(f, v.Str())
		}),
		m("byte[] GetPreamble()", func(_ *Frame, a []Value) (Value, error) {
			return Bytes(append([]byte(nil), a[0].ref.(*dotnet.Encoding).Preamble()...)), nil
		}),
		m("string WebName { get; }", of(func(e *dotnet.Encoding) Value { return String(e.WebName) })), m("string EncodingName { get; }", of(func(e *dotnet.Encoding) Value { return String(e.Name) })),
		m("int CodePage { get; }", of(func(e *dotnet.Encoding) Value { return Int(e.CodePage) })), m("bool IsSingleByte { get; }", of(func(e *dotnet.Encoding) Value { return Bool(e.SingleByte()) })),
	}},
}

var hostNameType = new(Type)
