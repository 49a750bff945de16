package dotnet

import (
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// escape writes the UTF-8 bytes of s that keep does not name as %XX.
func escape(s string, keep func(c byte) bool) string {
	s = Scalar(s)
	plain := true
	for i := range len(s) {
		plain = plain && keep(s[i])
	}
	if plain {
		return s
	}
	b := make([]byte, 0, len(s)*2)
	for i := range len(s) {
		if c := s[i]; keep(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func unreserved(c byte) bool { return alphanumeric(c) || strings.IndexByte("-._~", c) >= 0 }

func reserved(c byte) bool {
	return c < utf8.RuneSelf && strings.IndexByte(";/?:@&=+$,#[]!'()*", c) >= 0
}

// URLEncode is WebUtility.UrlEncode: blanks become +, hex is in capitals.
func URLEncode(s string) string {
	s = escape(s, func(c byte) bool { return c == ' ' || alphanumeric(c) || strings.IndexByte("-_.!*()", c) >= 0 })
	return strings.ReplaceAll(s, " ", "+")
}

// URLDecode is WebUtility.UrlDecode; a % without two hex digits stays.
func URLDecode(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	if hasHalf(s) || !utf8.ValidString(s) {
		s = Scalar(s)
	}
	return decodeUTF8(URLDecodeBytes([]byte(s)))
}

// URLDecodeBytes is WebUtility.UrlDecodeToBytes.
func URLDecodeBytes(s []byte) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			c = ' '
		} else if x, ok := percent(s[i:]); ok {
			c = x
			i += 2
		}
		b = append(b, c)
	}
	return b
}

// percent reads %XX.
func percent[T string | []byte](s T) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	high, ok := hexDigit(s[1])
	low, ok2 := hexDigit(s[2])
	return high<<4 | low, ok && ok2
}

// HTMLEncode is WebUtility.HtmlEncode: the five characters, U+00A0 to U+00FF and what needs two units become references.
func HTMLEncode(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := decode(s)
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		case r == '\'':
			b.WriteString("&#39;")
		case r >= 160 && r < 256 || r >= 0x10000:
			b.WriteString("&#" + strconv.Itoa(int(r)) + ";")
		case isSurrogate(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// htmlEntities are the names that HTML 4 has; HtmlDecode knows no others, but apos.
var htmlEntities = func() map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(`quot amp apos lt gt nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg
		plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig
		Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc
		Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde
		ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml OElig oelig Scaron scaron Yuml fnof circ tilde
		Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho Sigma Tau Upsilon Phi Chi Psi Omega alpha beta
		gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigmaf sigma tau upsilon phi chi psi omega thetasym upsih
		piv ensp emsp thinsp zwnj zwj lrm rlm ndash mdash lsquo rsquo sbquo ldquo rdquo bdquo dagger Dagger bull hellip permil prime Prime lsaquo
		rsaquo oline frasl euro image weierp real trade alefsym larr uarr rarr darr harr crarr lArr uArr rArr dArr hArr forall part exist empty
		nabla isin notin ni prod sum minus lowast radic prop infin ang and or cap cup int there4 sim cong asymp ne equiv le ge sub sup nsub sube
		supe oplus otimes perp sdot lceil rceil lfloor rfloor lang rang loz spades clubs hearts diams`) {
		m[name] = true
	}
	return m
}()

// HTMLDecode is WebUtility.HtmlDecode. References need their semicolon.
func HTMLDecode(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return mendIfHalf(b.String())
		}
		b.WriteString(s[:i])
		s = s[i:]
		end := strings.IndexAny(s[1:], ";&")
		if end < 0 || s[1+end] == '&' {
			b.WriteByte('&')
			s = s[1:]
			continue
		}
		b.WriteString(reference(s[:end+2]))
		s = s[end+2:]
	}
}

func mendIfHalf(s string) string {
	if hasHalf(s) {
		return mend(s)
	}
	return s
}

// reference decodes &name; or &#number;, or gives it back.
func reference(whole string) string {
	name := whole[1 : len(whole)-1]
	if number, ok := strings.CutPrefix(name, "#"); ok {
		base := 10
		if strings.HasPrefix(number, "x") || strings.HasPrefix(number, "X") {
			number, base = number[1:], 16
		}
		n, err := strconv.ParseUint(number, base, 32)
		if err != nil || n == 0 || n > utf8.MaxRune || strings.HasPrefix(number, "+") || isSurrogate(rune(n)) {
			return whole
		}
		return string(rune(n))
	}
	if htmlEntities[name] {
		switch name {
		case "lang":
			return "\u2329"
		case "rang":
			return "\u232A"
		}
		return html.UnescapeString(whole)
	}
	return whole
}

// EscapeDataString is Uri.EscapeDataString: everything but letters, digits and -._~ .
func EscapeDataString(s string) string { return escape(s, unreserved) }

// EscapeURIString is Uri.EscapeUriString: reserved characters stay too. A % is escaped again.
func EscapeURIString(s string) string {
	return escape(s, func(c byte) bool { return unreserved(c) || reserved(c) })
}

// UnescapeDataString is Uri.UnescapeDataString. Escapes that are not UTF-8 stay as they are.
func UnescapeDataString(s string) string {
	return unescape(s, func(rune) bool { return true })
}

// unescape decodes the escaped characters that pass.
func unescape(s string, pass func(r rune) bool) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		var raw [utf8.UTFMax]byte
		n := 0
		for n < len(raw) {
			c, ok := percent(s[min(i+3*n, len(s)):])
			if !ok {
				break
			}
			raw[n] = c
			n++
		}
		if n == 0 {
			b.WriteByte(s[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(raw[:n])
		if r == utf8.RuneError && size == 1 || !pass(r) {
			b.WriteString(s[i : i+3*size])
		} else {
			b.WriteRune(r)
		}
		i += 3 * size
	}
	return b.String()
}
