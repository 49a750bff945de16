package dotnet

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// pairs checks got against want, text by text.
func pairs(t *testing.T, list ...string) {
	t.Helper()
	for i := 0; i+1 < len(list); i += 2 {
		if list[i] != list[i+1] {
			t.Errorf("%d: got %q, want %q", i/2, list[i], list[i+1])
		}
	}
}

func TestWeb(t *testing.T) {
	pairs(t,
		URLEncode("a b&c=é/ü~*()'😀"), "a+b%26c%3D%C3%A9%2F%C3%BC%7E*()%27%F0%9F%98%80",
		URLDecode("a+b%26%zz%C3%A9%"), "a b&%zzé%",
		HTMLEncode(`<a href="x">'é'&😀ā`), "&lt;a href=&quot;x&quot;&gt;&#39;&#233;&#39;&amp;&#128512;ā",
		HTMLDecode("&lt;&#39;&#x41;&eacute;&apos;&bogus;&amp &hellip; &#0; &notit; &NotEqual;"), "<'Aé'&bogus;&amp … &#0; &notit; &NotEqual;",
		EscapeDataString("a b!*'()-_.~é"), "a%20b%21%2A%27%28%29-_.~%C3%A9",
		EscapeURIString("http://a b/é?x=%20"), "http://a%20b/%C3%A9?x=%2520",
		UnescapeDataString("%41%c3%a9%20%ff%C3+%"), "Aé %ff%C3+%",
		FromUnit('x'), "x",
	)
}

// TestURI has addresses as learn.microsoft.com (Uri.AbsolutePath, Authority, Segments, GetLeftPart, ...) takes them apart.
func TestURI(t *testing.T) {
	u, err := ParseURI("HTTPS://user:pw@WWW.Contoso.com:8443/Catalog/./x/../shownew%20a b.htm?date=today&é=1#frag")
	if err != nil {
		t.Fatal(err)
	}
	pairs(t, u.Scheme(), "https", u.Host(), "www.contoso.com", u.Authority(), "www.contoso.com:8443", u.UserInfo(), "user:pw",
		u.AbsolutePath(), "/Catalog/shownew%20a%20b.htm", u.Query(), "?date=today&%C3%A9=1", u.Fragment(), "#frag",
		strings.Join(u.Segments(), "|"), "/|Catalog/|shownew%20a%20b.htm", u.LeftPart(0), "https://", u.LeftPart(1), "https://user:pw@www.contoso.com:8443",
		u.AbsoluteURI(), "https://user:pw@www.contoso.com:8443/Catalog/shownew%20a%20b.htm?date=today&%C3%A9=1#frag",
		u.String(), "https://user:pw@www.contoso.com:8443/Catalog/shownew a b.htm?date=today&é=1#frag", u.LocalPath(), "/Catalog/shownew a b.htm")
	for text, want := range map[string]string{
		"http://a": "http://a/", "http://a:80/": "http://a/", "http://a:/x": "http://a/x", "http://[::1]:81/x": "http://[::1]:81/x", "mailto:a@b.c": "mailto:a@b.c",
		"http://a/%7euser/%2f?q#f": "http://a/~user/%2f?q#f", "urn:a:b": "urn:a:b", `http:\\a\b`: "http://a/b", "http://bücher.example/": "http://bücher.example/",
		"file:///c:/a": "file:///c:/a", `c:\a b`: "file:///c:/a%20b", "http://127.0.0.1/": "http://127.0.0.1/", " http://a/ ": "http://a/", "x.y+z-1://h/p": "x.y+z-1://h/p",
		"": "!The URI is empty.", "/a/b": "!The format of the URI could not be determined.", "a/b": "!The format of the URI could not be determined.",
		"http://": "!The hostname could not be parsed.", "http://a:99999/": "!Invalid port specified.", "http://a b/": "!The hostname could not be parsed.", "1a:b": "!The URI scheme is not valid.",
		"http://[::1/": "!The hostname could not be parsed.", "http:a": "!The hostname could not be parsed.",
	} {
		u, err := ParseURI(text)
		got := ""
		if err != nil {
			got = strings.Replace(err.(*Exception).Message, "Invalid URI: ", "!", 1)
		} else {
			got = u.AbsoluteURI()
		}
		if got != want {
			t.Errorf("new Uri(%q) = %s, want %s", text, got, want)
		}
	}
	base, _ := ParseURI("http://a/b/c/d;p?q")
	// RFC 3986 5.4.1 and 5.4.2.
	for text, want := range map[string]string{"g": "http://a/b/c/g", "./g": "http://a/b/c/g", "g/": "http://a/b/c/g/", "/g": "http://a/g", "//g": "http://g/", "?y": "http://a/b/c/d;p?y",
		"g?y": "http://a/b/c/g?y", "#s": "http://a/b/c/d;p?q#s", ";x": "http://a/b/c/;x", "": "http://a/b/c/d;p?q", ".": "http://a/b/c/", "..": "http://a/b/", "../../g": "http://a/g",
		"../../../g": "http://a/g", "https://x/y": "https://x/y", "g:h": "g:h!"} {
		u, err := base.Resolve(text)
		if want == "g:h!" {
			continue
		}
		if err != nil || u.AbsoluteURI() != want {
			t.Errorf("%q: %v, %v, want %s", text, u, err, want)
		}
		if err == nil && base.IsBaseOf(u) {
			back, err := base.Resolve(base.MakeRelative(u).OriginalString())
			if err != nil || back.AbsolutePath() != u.AbsolutePath() {
				t.Errorf("%s relative to %s is %q", u, base, base.MakeRelative(u).OriginalString())
			}
		}
	}
	for name, want := range map[string]HostKind{"a.b": HostDNS, "1.2.3.4": HostIPv4, "::1": HostIPv6, "[::1]": HostIPv6, "a b": HostUnknown, "": HostUnknown, "a..b": HostUnknown} {
		if got := CheckHostName(name); got != want {
			t.Errorf("CheckHostName(%q) = %d", name, got)
		}
	}
	for s, want := range map[string]string{"1.2.3.4": "1.2.3.4", "127.1": "127.0.0.1", "0x7f.1": "127.0.0.1", "1": "0.0.0.1", "::FFFF": "::ffff", "256.1.1.1": "!", "": "!", "1.2.3.4.5": "!", "010.1.1.1": "8.1.1.1"} {
		a, err := ParseIPAddress(s)
		got := a.String()
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("IPAddress.Parse(%q) = %s, want %s", s, got, want)
		}
	}
}

func TestGuid(t *testing.T) {
	// learn.microsoft.com, Guid.ToByteArray: 35918bc9-196d-40ea-9779-889d79b753f0.
	g, err := ParseGuid("35918bc9-196d-40ea-9779-889d79b753f0")
	if err != nil || !bytes.Equal(g.ToByteArray(), []byte{0xC9, 0x8B, 0x91, 0x35, 0x6D, 0x19, 0xEA, 0x40, 0x97, 0x79, 0x88, 0x9D, 0x79, 0xB7, 0x53, 0xF0}) {
		t.Fatalf("% X %v", g.ToByteArray(), err)
	}
	for range 1000 {
		g := NewGuid()
		for _, format := range []string{"D", "N", "B", "P", "X"} {
			s, _ := g.Format(format)
			back, err := ParseGuid(" " + strings.ToUpper(s[:3]) + s[3:] + " ")
			if format == "X" {
				back, err = ParseGuid(s)
			}
			if err != nil || back != g {
				t.Fatalf("%s: %v, %v", s, back, err)
			}
		}
		if b, err := GuidOfBytes(g.ToByteArray()); err != nil || b != g {
			t.Fatal(b, err)
		}
	}
	for s, want := range map[string]string{"abc": guidUnrecognized, "35918bc9-196d-40ea-9779-889d79b753f": guidLength, "35918bc9-196d-40ea-9779-889d79b753fg": guidCharacter,
		"35918bc9x196d-40ea-9779-889d79b753f0": guidLength, "35918bc9-196d-40ea-9779x889d79b753f0": guidDashes} {
		if _, err := ParseGuid(s); err == nil || err.(*Exception).Message != want {
			t.Errorf("%q: %v, want %s", s, err, want)
		}
	}
}

func TestConvert(t *testing.T) {
	for x, want := range map[float64]int64{2.5: 2, 3.5: 4, -2.5: -2, 2147483647.4: 2147483647, -2147483648.5: -2147483648} {
		if v, err := FloatToInt(x, Int32); err != nil || v != want {
			t.Errorf("Convert.ToInt32(%v) = %d, %v", x, v, err)
		}
	}
	for _, x := range []float64{2147483647.5, math.NaN(), math.Inf(1)} {
		if _, err := FloatToInt(x, Int32); err == nil {
			t.Errorf("Convert.ToInt32(%v) fits", x)
		}
	}
	base := func(v int64, err error) string {
		if err != nil {
			return message(err)
		}
		s, _ := FormatInt(v, 64, "")
		return s
	}
	pairs(t, base(ParseBase("FFFFFFFF", Int32, 16)), "-1", base(ParseBase("0xff", Int32, 16)), "255", base(ParseBase("-12", Int32, 10)), "-12", base(ParseBase("1010", Int32, 2)), "10",
		base(ParseBase("1G", Int32, 16)), "System.FormatException: Additional non-parsable characters are at the end of the string.",
		base(ParseBase("G", Int32, 16)), "System.FormatException: Could not find any recognizable digits.", base(ParseBase("1", Int32, 7)), "System.ArgumentException: Invalid Base.",
		base(ParseBase("100000000", Int32, 16)), "System.OverflowException: Value was either too large or too small for an Int32.")
	s, _ := FormatBase(-1, 32, 16)
	o, _ := FormatBase(-1, 16, 8)
	pairs(t, s, "ffffffff", o, "177777", HexString([]byte{0xAB, 1}), "AB-01", ToBase64(bytes.Repeat([]byte{0}, 60), true), strings.Repeat("A", 76)+"\r\nAAAA")
	for text, want := range map[string]string{" aGVs\r\nbG8= ": "hello", "aGVsbG8": "!", "aGVsbG8=x": "!", "a===": "!", "": "", "aGV=": "he"} {
		b, err := FromBase64(text)
		got := string(b)
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("FromBase64String(%q) = %q, want %q", text, got, want)
		}
	}
	for _, c := range []struct {
		x      float64
		digits int
		mode   MidpointRounding
		want   float64
	}{{2.5, 0, ToEven, 2}, {3.5, 0, ToEven, 4}, {2.5, 0, AwayFromZero, 3}, {-2.5, 0, AwayFromZero, -3}, {3.44, 1, ToEven, 3.4}, {1.005, 2, ToEven, 1}, {-1.5, 0, ToZero, -1}, {1.1, 0, ToPositiveInfinity, 2}, {1e300, 2, ToEven, 1e300}} {
		if got, err := RoundFloat(c.x, c.digits, c.mode); err != nil || got != c.want {
			t.Errorf("Math.Round(%v, %d, %d) = %v, %v", c.x, c.digits, c.mode, got, err)
		}
	}
}

func TestEncodings(t *testing.T) {
	const s = "aé€😀"
	for e, want := range map[*Encoding]string{UTF8: "61 C3 A9 E2 82 AC F0 9F 98 80", ASCII: "61 3F 3F 3F 3F", Latin1: "61 E9 3F 3F 3F", Unicode: "61 00 E9 00 AC 20 3D D8 00 DE",
		BigEndianUnicode: "00 61 00 E9 20 AC D8 3D DE 00", UTF32: "61 00 00 00 E9 00 00 00 AC 20 00 00 00 F6 01 00"} {
		b := e.GetBytes(s)
		if got := strings.ReplaceAll(HexString(b), "-", " "); got != want {
			t.Errorf("%s: %s, want %s", e.WebName, got, want)
		}
		if !e.SingleByte() && e.GetString(b) != s {
			t.Errorf("%s: %q", e.WebName, e.GetString(b))
		}
		if same, err := EncodingByName(strings.ToUpper(e.WebName)); err != nil || same != e {
			t.Errorf("GetEncoding(%s): %v, %v", e.WebName, same, err)
		}
		if same, err := EncodingByPage(e.CodePage); err != nil || same != e {
			t.Errorf("GetEncoding(%d): %v, %v", e.CodePage, same, err)
		}
	}
	// The Unicode standard, table 3-8: maximal subparts.
	pairs(t, UTF8.GetString([]byte("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64")), "a���b�c��d", UTF8.GetString([]byte("\xED\xA0\x80")), "���",
		ASCII.GetString([]byte{'a', 0xE9}), "a?", Unicode.GetString([]byte{0x61, 0, 0x3D, 0xD8, 0x62}), "a\uFFFD\uFFFD", string(UTF8.GetBytes(FromUnits([]uint16{0xD800}))), "\uFFFD")
	for range 5000 {
		u := randomUnits(6)
		if !hasHalf(FromUnits(u)) && !slices.Equal(Units(Unicode.GetString(Unicode.GetBytes(FromUnits(u)))), u) {
			t.Fatalf("%x", u)
		}
	}
}

func TestComposite(t *testing.T) {
	args := []func(string) (string, error){
		func(f string) (string, error) { return FormatInt(42, 32, f) },
		func(f string) (string, error) { return FormatDouble(1234.5, f) },
		func(string) (string, error) { return "x", nil },
	}
	for format, want := range map[string]string{
		"": "", "a{0}b": "a42b", "{0,5}|{0,-5}|": "   42|42   |", "{1:N2} {0:X4}": "1,234.50 002A", "{{{0}}}": "{42}", "{0:'{'}": "!Unexpected opening brace within a format item.", "{2 , 3 }": "  x",
		"{": "!Format item ends prematurely.", "}": "!Unexpected closing brace without a corresponding opening brace.", "{a}": "!Expected an ASCII digit.", "{0": "!Format item ends prematurely.",
		"{3}": "!Index (zero based) must be greater than or equal to zero and less than the size of the argument list.", "{0:Q}": "!Format specifier was invalid.", "{0,x}": "!Expected an ASCII digit.",
	} {
		c, err := ParseComposite(format)
		got := ""
		if err == nil {
			got, err = c.Format(len(args), func(i int, f string) (string, error) { return args[i](f) }, func(int) error { return nil })
		}
		if err != nil {
			got = "!" + err.(*Exception).Message
			if i := strings.LastIndex(want, "!"); i == 0 && strings.HasSuffix(got, want[1:]) {
				continue
			}
		}
		if got != want {
			t.Errorf("string.Format(%q) = %q, want %q", format, got, want)
		}
	}
}

func TestTimeZones(t *testing.T) {
	now := date(t, Utc, 2026, 11, 22)
	for id, zone := range zoneIDs {
		if _, err := FindTimeZone(zone.id, now); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	z, err := FindTimeZone("central european standard time", now)
	if err != nil {
		t.Fatal(err)
	}
	ny, _ := FindTimeZone("America/New_York", now)
	pairs(t, z.ID, "Central European Standard Time", z.Display, "(UTC+01:00) Central European Standard Time", z.Daylight, "Central European Daylight Time", z.BaseOffset(now).String(), "01:00:00",
		ny.BaseOffset(now).String(), "-05:00:00")
	for _, c := range []struct {
		d    DateTime
		want string
	}{
		{date(t, Unspecified, 2026, 7, 1, 12), "2026-07-01T10:00:00.0000000Z"}, {date(t, Unspecified, 2026, 1, 1, 12), "2026-01-01T11:00:00.0000000Z"},
		{date(t, Unspecified, 2026, 10, 25, 2, 30), "2026-10-25T01:30:00.0000000Z"}, // ambiguous: standard time
		{date(t, Unspecified, 2026, 3, 29, 2, 30), "!"}, {date(t, Utc, 2026, 1, 1), "!"},
	} {
		got, err := z.ToUTC(c.d)
		s, _ := got.Format("o")
		if err != nil {
			s = "!"
		}
		if s != c.want {
			t.Errorf("ConvertTimeToUtc(%v) = %s, want %s", c.d, s, c.want)
		}
	}
	d := date(t, Unspecified, 2026, 10, 25, 2, 30)
	if !z.IsAmbiguous(d) || z.IsInvalid(d) || !z.IsInvalid(date(t, Unspecified, 2026, 3, 29, 2, 30)) || !z.IsDaylight(date(t, Utc, 2026, 7, 1)) || !z.SupportsDaylight(now) {
		t.Error("daylight saving time")
	}
	back, err := Convert(date(t, Utc, 2026, 7, 1), nil, z)
	if err != nil || back.String() != "07/01/2026 02:00:00" || back.Kind() != Unspecified {
		t.Error(back, err)
	}
	for _, id := range []string{"", "Local", "Mars", "../etc/passwd", "/etc/passwd"} {
		if _, err := FindTimeZone(id, now); err == nil || !err.(*Exception).IsA(TimeZoneNotFoundException) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if math.Abs(float64(LocalZone.Offset(d))) != 0 || UTCZone == LocalZone {
		t.Error("local")
	}
}

func FuzzText(f *testing.F) {
	f.Add("http://a:8/b?c#d", "{0,5:N2}", "a(b)?", 3)
	f.Fuzz(func(t *testing.T, s, format, pattern string, n int) {
		if u, err := ParseURI(s); err == nil {
			again, err := ParseURI(u.AbsoluteURI())
			if err != nil || again.AbsoluteURI() != u.AbsoluteURI() {
				t.Fatalf("%q: %q, %v", s, u.AbsoluteURI(), err)
			}
			_ = u.String() + u.LocalPath() + strings.Join(u.Segments(), "")
			u.Resolve(format)
		}
		if UnescapeDataString(EscapeDataString(s)) != Scalar(s) || URLDecode(URLEncode(s)) != Scalar(s) {
			t.Fatalf("%q: %q %q", s, EscapeDataString(s), URLEncode(s))
		}
		HTMLDecode(s)
		if got := HTMLDecode(HTMLEncode(s)); got != Scalar(s) && !hasHalf(s) && Scalar(s) == s {
			t.Fatalf("%q: %q", s, got)
		}
		if c, err := ParseComposite(format); err == nil {
			c.Format(3, func(int, string) (string, error) { return s, nil }, func(n int) error {
				if n > 1000 {
					return formatError("too long")
				}
				return nil
			})
		}
		ParseGuid(s)
		ParseIPAddress(s)
		ParseBase(s, Int32, 16)
		FromBase64(s)
		UTF8.GetString([]byte(s))
		if len(pattern) < 20 && len(s) < 30 {
			if r, err := NewRegex(pattern, RegexOptions(rand.IntN(64)), 0); err == nil {
				r.Replace(s, func(m *RegexMatch) (string, error) { return m.Expand(format, free) }, -1, ToEnd)
				r.Split(s, 0, ToEnd)
			}
			RegexUnescape(pattern)
		}
	})
}
