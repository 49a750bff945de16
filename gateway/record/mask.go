package record

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Mask takes the secrets out of records.
type Mask struct {
	Secrets *Secrets
	Mark    string // of references; nobody who makes calls may guess it
	Pepper  []byte // by which what is hidden has the same stand-in each time; nowhere written
	// Token tells of a token what may stand in a file; false for one that cannot be read. Nil reads none.
	Token func(raw string) (Token, bool)
}

// masking is a Mask over one record.
type masking struct {
	*Mask
	tokens  []Token
	numbers map[string]string // token -> reference
	hidden  []secret          // found in places that have the name of a secret, to be looked for elsewhere
	refs    *regexp.Regexp
	all     *strings.Replacer
}

// The forms that a secret may have in a text: as it is, in a query, a path, JSON, XML.
var forms = []struct {
	name   string
	encode func(string) string
}{
	{"", func(s string) string { return s }},
	{"query", url.QueryEscape},
	{"path", url.PathEscape},
	{"json", func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			return s
		}
		return string(text[1 : len(text)-1])
	}},
	{"xml", func(s string) string {
		var b bytes.Buffer
		if xml.EscapeText(&b, []byte(s)) != nil {
			return s
		}
		return b.String()
	}},
}

// Record takes the secrets out of a record. It belongs to the caller, and is changed.
func (m *Mask) Record(r *Record) {
	k := &masking{Mask: m, numbers: map[string]string{}, refs: regexp.MustCompile(`\{\{` + m.Mark + `:[^}]*\}\}`)}
	r.Mark = m.Mark
	all := []*Message{&r.Request, &r.Answer}
	for i := range r.Backends {
		all = append(all, &r.Backends[i].Request, &r.Backends[i].Answer)
	}
	for _, each := range all {
		k.byName(each)
	}
	k.all = k.replacer()
	for _, each := range all {
		each.URL = k.text(each.URL)
		for _, values := range each.Header {
			for i := range values {
				values[i] = k.text(values[i])
			}
		}
		each.Body.Data = []byte(k.text(string(each.Body.Data)))
	}
	for _, each := range all {
		k.pack(each)
	}
	if f := r.Failure; f != nil {
		f.Message = k.text(f.Message)
	}
	r.Tokens = k.tokens
}

// Text takes the secrets out of a text that belongs to no record.
func (m *Mask) Text(s string) string {
	k := &masking{Mask: m, numbers: map[string]string{}, refs: regexp.MustCompile(`\{\{` + m.Mark + `:[^}]*\}\}`)}
	k.all = k.replacer()
	return k.text(s)
}

func (k *masking) ref(what, form string) string {
	if form != "" {
		what += ":" + form
	}
	return "{{" + k.Mark + ":" + what + "}}"
}

// hide is the stand-in of a text that nobody may know.
func (k *masking) hide(text string) string {
	sum := hmac.New(sha256.New, k.Pepper)
	sum.Write([]byte(text))
	return HiddenRef + ":" + hex.EncodeToString(sum.Sum(nil)[:8])
}

// whole is what stands for a value that is secret as a whole.
func (k *masking) whole(text, form string) string {
	if text == "" || k.refs.FindString(text) == text {
		return text
	}
	if ref, ok := k.token(text); ok {
		return k.ref(ref, "")
	}
	if ref := k.Secrets.key(text); ref != "" {
		k.hidden = append(k.hidden, secret{text, ref})
		return k.ref(ref, form)
	}
	if ref := k.Secrets.value(text); ref != "" {
		return k.ref(ref, form)
	}
	what := k.hide(text)
	if len(text) >= 2*shortest {
		k.hidden = append(k.hidden, secret{text, what})
	}
	return k.ref(what, form)
}

// token is the reference to a token of which the claims may be known.
func (k *masking) token(raw string) (ref string, ok bool) {
	if ref = k.numbers[raw]; ref != "" {
		return ref, true
	}
	if k.Token == nil || !looksLikeToken(raw) {
		return "", false
	}
	t, ok := k.Token(raw)
	if !ok {
		return "", false
	}
	ref = TokenRef + ":" + itoa(len(k.tokens))
	k.tokens, k.numbers[raw] = append(k.tokens, t), ref
	return ref, true
}

// byName replaces what has the name of a secret.
func (k *masking) byName(m *Message) {
	if base, query, ok := strings.Cut(m.URL, "?"); ok {
		m.URL = base + "?" + k.pairs(query)
	}
	k.unpack(m)
	for name, values := range m.Header {
		for i, v := range values {
			values[i] = k.header(name, v)
		}
	}
	kind, _, _ := mime.ParseMediaType(m.Header.Get("Content-Type"))
	text := string(m.Body.Data)
	if kind == "application/x-www-form-urlencoded" {
		text = k.pairs(text)
	}
	text = k.members(text, jsonMember, "json")
	m.Body.Data = []byte(k.members(text, xmlElement, "xml"))
}

func (k *masking) header(name, value string) string {
	switch http.CanonicalHeaderKey(name) {
	case "Cookie":
		parts := strings.Split(value, "; ")
		for i := range parts {
			parts[i] = k.pair(parts[i], "")
		}
		return strings.Join(parts, "; ")
	case "Set-Cookie":
		first, rest, more := strings.Cut(value, ";")
		if first = k.pair(first, ""); more {
			first += ";" + rest
		}
		return first
	}
	if !SecretName(name) {
		return value
	}
	if scheme, rest, ok := strings.Cut(value, " "); ok && strings.HasSuffix(strings.ToLower(name), "authorization") {
		return scheme + " " + k.whole(rest, "")
	}
	return k.whole(value, "")
}

// pair hides the value of name=value, whatever its name.
func (k *masking) pair(text, form string) string {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return k.whole(text, form)
	}
	return name + "=" + k.whole(value, form)
}

// pairs hides values in a query.
func (k *masking) pairs(query string) string {
	parts := strings.Split(query, "&")
	for i, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		plain, err := url.QueryUnescape(value)
		if decoded, err := url.QueryUnescape(name); err == nil && value != "" && (SecretName(decoded) || k.Secrets.key(plain) != "") {
			name = decoded
		} else {
			continue
		}
		if err != nil {
			parts[i] = url.QueryEscape(name) + "=" + k.whole(value, "")
			continue
		}
		parts[i] = url.QueryEscape(name) + "=" + k.whole(plain, "query")
	}
	return strings.Join(parts, "&")
}

var (
	jsonMember = regexp.MustCompile(`"([A-Za-z0-9_.:-]{1,64})"\s*:\s*"((?:[^"\\]|\\.)*)"`)
	xmlElement = regexp.MustCompile(`<([A-Za-z0-9_.:-]{1,64})(?:\s[^<>]*)?>([^<>]+)</`)
)

// members hides values of members or elements.
func (k *masking) members(text string, pattern *regexp.Regexp, form string) string {
	var b strings.Builder
	at := 0
	for _, found := range pattern.FindAllStringSubmatchIndex(text, -1) {
		if !SecretName(text[found[2]:found[3]]) || found[4] == found[5] {
			continue
		}
		value := text[found[4]:found[5]]
		b.WriteString(text[at:found[4]])
		b.WriteString(k.whole(unformed(value, form), form))
		at = found[5]
	}
	return b.String() + text[at:]
}

func unformed(value, form string) string {
	var plain string
	if form == "json" && json.Unmarshal([]byte(`"`+value+`"`), &plain) == nil {
		return plain
	}
	if form == "xml" && xml.Unmarshal([]byte("<a>"+value+"</a>"), &plain) == nil {
		return plain
	}
	return value
}

// replacer replaces secrets wherever they stand, in every form.
func (k *masking) replacer() *strings.Replacer {
	var pairs []string
	seen := map[string]bool{}
	list := append(k.Secrets.all(), k.hidden...)
	slices.SortFunc(list, func(a, b secret) int { return cmp.Or(len(b.text)-len(a.text), strings.Compare(a.text, b.text)) })
	for _, s := range list {
		ref := s.ref
		if ref == "" {
			ref = k.hide(s.text)
		}
		for _, form := range forms {
			if text := form.encode(s.text); !seen[text] {
				seen[text] = true
				pairs = append(pairs, text, k.ref(ref, form.name))
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

var (
	// tokenLike may be a JSON Web Token, signed, unsigned or encrypted.
	tokenLike = regexp.MustCompile(`[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*)?`)
	wordLike  = regexp.MustCompile(`[A-Za-z0-9_+/=.~-]{4,256}`)
	plainWord = regexp.MustCompile(`[A-Za-z0-9]{4,}`)
)

// text replaces what is secret wherever it stands in a text. What stands for something already stays.
func (k *masking) text(s string) string {
	if s == "" {
		return s
	}
	return between(s, k.refs, func(s string) string { return s }, func(s string) string {
		return between(s, tokenLike, k.tokenText, k.plain)
	})
}

// tokenText is what stands for what may be a token.
func (k *masking) tokenText(s string) string {
	if !looksLikeToken(s) {
		return k.plain(s)
	}
	if ref, ok := k.token(s); ok {
		return k.ref(ref, "")
	}
	return k.ref(k.hide(s), "")
}

func (k *masking) plain(s string) string {
	s = k.all.Replace(s)
	key := func(word string) string {
		if ref := k.Secrets.key(word); ref != "" {
			return k.ref(ref, "")
		}
		return word
	}
	return wordLike.ReplaceAllStringFunc(s, func(word string) string {
		if key(word) != word {
			return key(word)
		}
		return plainWord.ReplaceAllStringFunc(word, key)
	})
}

// between applies one function to what a pattern finds and another to what is in between.
func between(s string, pattern *regexp.Regexp, found, other func(string) string) string {
	spans := pattern.FindAllStringIndex(s, -1)
	if len(spans) == 0 {
		return other(s)
	}
	var b strings.Builder
	at := 0
	for _, span := range spans {
		b.WriteString(other(s[at:span[0]]))
		b.WriteString(found(s[span[0]:span[1]]))
		at = span[1]
	}
	b.WriteString(other(s[at:]))
	return b.String()
}

// unpack makes a compressed body readable, so that nothing secret hides in it. One that cannot be read is not kept.
func (k *masking) unpack(m *Message) {
	switch encoding := strings.ToLower(strings.TrimSpace(m.Header.Get("Content-Encoding"))); {
	case len(m.Body.Data) == 0 || encoding == "" || encoding == "identity":
		return
	case encoding == "gzip" && !m.Body.Cut:
		z, err := gzip.NewReader(bytes.NewReader(m.Body.Data))
		if err == nil {
			limit := int64(unpackedMost)
			plain, err := io.ReadAll(io.LimitReader(z, limit+1))
			if err == nil && int64(len(plain)) <= limit {
				m.Body.Data = plain
				return
			}
		}
	}
	m.Body = Body{Cut: true}
}

// unpackedMost bounds what a compressed body may grow to.
const unpackedMost = 16 << 20

// pack compresses again what unpack made readable.
func (k *masking) pack(m *Message) {
	if len(m.Body.Data) == 0 || !strings.EqualFold(strings.TrimSpace(m.Header.Get("Content-Encoding")), "gzip") {
		return
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(m.Body.Data); err != nil || z.Close() != nil {
		m.Body = Body{Cut: true}
		return
	}
	m.Body.Data = b.Bytes()
}

// Expand is the record with its references resolved: resolve says for a kind and what it is of which text it stands for. What
// must not be shared is copied.
func (r *Record) Expand(resolve func(kind, of string) string) *Record {
	out := *r
	if r.Mark == "" {
		return &out
	}
	refs := regexp.MustCompile(`\{\{` + regexp.QuoteMeta(r.Mark) + `:([a-z]+):([^:}]*)(?::([a-z]+))?\}\}`)
	text := func(s string) string {
		return refs.ReplaceAllStringFunc(s, func(ref string) string {
			parts := refs.FindStringSubmatch(ref)
			of, err := url.QueryUnescape(parts[2])
			if err != nil {
				return ref
			}
			plain := resolve(parts[1], of)
			for _, form := range forms {
				if form.name == parts[3] {
					return form.encode(plain)
				}
			}
			return ref
		})
	}
	message := func(m Message) Message {
		k := &masking{}
		m.URL, m.Header = text(m.URL), m.Header.Clone()
		for _, values := range m.Header {
			for i := range values {
				values[i] = text(values[i])
			}
		}
		cut := m.Body.Cut
		if k.unpack(&m); !m.Body.Cut || cut {
			m.Body.Data = []byte(text(string(m.Body.Data)))
			k.pack(&m)
		}
		return m
	}
	out.Request, out.Answer = message(r.Request), message(r.Answer)
	out.Backends = slices.Clone(r.Backends)
	for i := range out.Backends {
		out.Backends[i].Request, out.Backends[i].Answer = message(r.Backends[i].Request), message(r.Backends[i].Answer)
	}
	if f := r.Failure; f != nil {
		failure := *f
		failure.Message = text(f.Message)
		out.Failure = &failure
	}
	return &out
}

// References are the stand-ins of a record with another text in place of each.
func (r *Record) References(s string, with func(kind string) string) string {
	if r.Mark == "" {
		return s
	}
	refs := regexp.MustCompile(`\{\{` + regexp.QuoteMeta(r.Mark) + `:([a-z]+):[^}]*\}\}`)
	return refs.ReplaceAllStringFunc(s, func(ref string) string { return with(refs.FindStringSubmatch(ref)[1]) })
}
