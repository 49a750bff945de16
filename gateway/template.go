package gateway

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"gatehouse/gateway/config"
)

// maxParameters bounds the parameters of a template.
const maxParameters = 64

// branch is a place in the tree of the URL templates of an API: each step down is a segment. What
// is more exact is tried first (gateway.md 2.4).
type branch struct {
	literal map[string]*branch // by segment, decoded and folded
	partial []*partial         // a parameter with text around it
	any     *branch            // a parameter
	rest    []*operation       // /*
	ends    []*operation       // in order of precedence
}

// partial is a segment such as {id}.json or report-{year}-{month}.
type partial struct {
	texts []string // around the parameters: one more than there are; folded
	next  *branch
}

// template is an operation's URL template, read.
type template struct {
	segments []segment
	star     bool
	names    []string // of the parameters in the path, in order
	query    []queryPart
}

type segment struct {
	texts []string // one for a literal, more around parameters
}

// queryPart is a part of a template's query: a parameter, or a fixed value.
type queryPart struct{ name, parameter, value string }

func parseTemplate(text string) template {
	path, query, _ := strings.Cut(text, "?")
	t := template{}
	path = strings.Trim(path, "/")
	if path == "*" || strings.HasSuffix(path, "/*") {
		t.star = true
		path = strings.TrimSuffix(strings.TrimSuffix(path, "*"), "/")
	}
	if path != "" {
		for s := range strings.SplitSeq(path, "/") {
			t.segments = append(t.segments, t.segment(s))
		}
	}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == "" {
			continue
		}
		q := queryPart{name: unescape(name), value: unescape(value)}
		if strings.HasPrefix(value, "{") && strings.HasSuffix(value, "}") {
			q.parameter, q.value = parameterName(value[1:len(value)-1]), ""
		}
		t.query = append(t.query, q)
	}
	return t
}

// segment splits {a}.{b} into what stands around the parameters.
func (t *template) segment(s string) segment {
	var texts []string
	for {
		open := strings.IndexByte(s, '{')
		end := strings.IndexByte(s, '}')
		if open < 0 || end < open || len(t.names) == maxParameters {
			return segment{append(texts, fold(unescape(s)))}
		}
		texts = append(texts, fold(unescape(s[:open])))
		t.names = append(t.names, parameterName(s[open+1:end]))
		s = s[end+1:]
	}
}

// parameterName is the name of {name} and {*name}.
func parameterName(s string) string { return strings.TrimPrefix(strings.TrimSpace(s), "*") }

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

// fold makes letters small; it allocates only when there is a large one.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}

// operation is an operation of an API, ready for calls.
type operation struct {
	template
	op     *config.Operation
	method string
	node
}

func (b *branch) add(o *operation) {
	for _, s := range o.segments {
		b = b.step(s.texts)
	}
	list := &b.ends
	if o.star {
		list = &b.rest
	}
	*list = append(*list, o)
	slices.SortStableFunc(*list, func(x, y *operation) int {
		return cmp.Or(cmp.Compare(len(y.query), len(x.query)), x.op.Order.Compare(y.op.Order.Time), cmp.Compare(x.op.Key(), y.op.Key()))
	})
}

func (b *branch) step(texts []string) *branch {
	switch {
	case len(texts) == 1:
		next := b.literal[texts[0]]
		if next == nil {
			if b.literal == nil {
				b.literal = map[string]*branch{}
			}
			next = &branch{}
			b.literal[texts[0]] = next
		}
		return next
	case strings.Join(texts, "") == "" && len(texts) == 2:
		if b.any == nil {
			b.any = &branch{}
		}
		return b.any
	}
	for _, p := range b.partial {
		if slices.Equal(p.texts, texts) {
			return p.next
		}
	}
	p := &partial{texts, &branch{}}
	b.partial = append(b.partial, p)
	slices.SortStableFunc(b.partial, func(x, y *partial) int { // more text is more exact
		return cmp.Compare(len(strings.Join(y.texts, "")), len(strings.Join(x.texts, "")))
	})
	return p.next
}

// search looks for the operation of one call.
type search struct {
	method string
	query  string
	values [maxParameters]string // of the parameters so far, as they stand in the path
	n      int
	left   int // steps that may still be taken: templates cannot make a call slow
	found  *operation
	most   int // values that were ever set
}

const searchSteps = 4096

// find returns the operation that path belongs to, nil for none. Path is what comes after the
// API's own, escaped, without slashes around it.
func (s *search) find(b *branch, path string) *operation {
	if s.left--; s.left < 0 {
		return nil
	}
	if path == "" {
		if o := s.pick(b.ends); o != nil {
			return o
		}
		return s.pick(b.rest)
	}
	raw, after, _ := strings.Cut(path, "/")
	text := unescape(raw)
	folded := fold(text)
	if next := b.literal[folded]; next != nil {
		if o := s.find(next, after); o != nil {
			return o
		}
	}
	n := s.n
	for _, p := range b.partial {
		if s.split(p.texts, text) {
			if o := s.find(p.next, after); o != nil {
				return o
			}
		}
		s.n = n
	}
	if b.any != nil && text != "" && n < maxParameters {
		s.values[n] = text
		s.n = n + 1
		s.most = max(s.most, s.n)
		if o := s.find(b.any, after); o != nil {
			return o
		}
		s.n = n
	}
	return s.pick(b.rest)
}

// split takes the parameters out of a segment: each ends where the text after it first stands.
func (s *search) split(texts []string, segment string) bool {
	rest, ok := cutFold(segment, texts[0])
	if !ok {
		return false
	}
	for i, after := range texts[1:] {
		var end int
		if last := i == len(texts)-2; last {
			end = len(rest) - len(after)
			if end < 1 || !strings.EqualFold(rest[end:], after) {
				return false
			}
		} else if end = strings.Index(fold(rest), after); end < 1 || len(fold(rest)) != len(rest) {
			return false
		}
		if s.n == maxParameters {
			return false
		}
		s.values[s.n] = rest[:end]
		s.n++
		s.most = max(s.most, s.n)
		rest = rest[min(end+len(after), len(rest)):]
	}
	return true
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

// pick returns the first operation whose method and query fit.
func (s *search) pick(list []*operation) *operation {
	for _, o := range list {
		if o.method == s.method && s.queryFits(o) {
			return o
		}
	}
	return nil
}

func (s *search) queryFits(o *operation) bool {
	for _, q := range o.query {
		v, ok := queryValue(s.query, q.name)
		if !ok || q.parameter == "" && !strings.EqualFold(v, q.value) {
			return false
		}
	}
	return true
}

// matched puts the parameters of the template into m (gateway.md 2.4).
func (s *search) matched(o *operation, m map[string]string) {
	for i, name := range o.names {
		m[name] = s.values[i]
	}
	for _, q := range o.query {
		if q.parameter != "" {
			m[q.parameter], _ = queryValue(s.query, q.name)
		}
	}
}

// queryValue finds a parameter in a raw query, its name without case.
func queryValue(raw, name string) (string, bool) {
	for raw != "" {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		key, value, _ := strings.Cut(part, "=")
		if !strings.EqualFold(key, name) {
			if strings.IndexByte(key, '%') < 0 && strings.IndexByte(key, '+') < 0 {
				continue
			}
			if k, err := url.QueryUnescape(key); err != nil || !strings.EqualFold(k, name) {
				continue
			}
		}
		if v, err := url.QueryUnescape(value); err == nil {
			return v, true
		}
		return value, true
	}
	return "", false
}
