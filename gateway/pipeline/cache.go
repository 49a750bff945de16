package pipeline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/cache"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// The response cache: cache-lookup and cache-store (gateway.md 8.1).
//
// On a hit the rest of inbound and the backend are left out, and outbound goes on right behind cache-store: what stands
// before it had its effect on what is stored. Where no document of the call has a cache-store in outbound, nothing of
// outbound is left out.

// errCached ends inbound: the response came from the cache.
var errCached = errors.New("the response is from the cache")

// cacheLookup is cache-lookup.
type cacheLookup struct {
	kind                 cache.Kind
	of                   string
	developer, groups    Flag
	downstream           Text
	revalidate, personal Flag
	headers, parameters  []Text
}

func compileCacheLookup(k *Compiler, e *policy.Element) Step {
	return &cacheLookup{kind: k.cachingType(e), of: k.workspace() + "response", developer: k.Flag(e, "vary-by-developer"), groups: k.Flag(e, "vary-by-developer-groups"),
		downstream: k.Text(e, "downstream-caching-type"), revalidate: k.Flag(e, "must-revalidate"), personal: k.Flag(e, "allow-private-response-caching"),
		headers: k.Contents(e, "vary-by-header"), parameters: k.Contents(e, "vary-by-query-parameter")}
}

func (k *Compiler) cachingType(e *policy.Element) cache.Kind {
	kind, ok := cache.KindOf(k.Literal(e, "caching-type"))
	if !ok {
		k.Fault(e, "The 'caching-type' attribute is invalid - The value has to be internal, external or prefer-external.")
	}
	return kind
}

// lookup is what cache-store has to know of the lookup before it.
type lookup struct {
	cache      cache.Cache
	key        cache.Key
	downstream string // Cache-Control for the client, without max-age
}

func (s *cacheLookup) Run(c *Call) error {
	personal, err := s.personal.Eval(c)
	if err != nil {
		return err
	}
	if c.Request.Method != http.MethodGet || c.Upgrade != "" || !personal && c.personal() { // a connection cannot be kept
		return nil
	}
	name, err := s.name(c)
	if err != nil {
		return err
	}
	l := &lookup{cache: c.Home.Caches.Of(s.kind), key: cache.Key{Space: c.Home.Key, Of: s.of, Name: name}}
	if l.downstream, err = s.control(c); err != nil {
		return err
	}
	if r := c.find(l); r != nil {
		c.SetResponse(&r.Response)
		c.tellDownstream(l, r.expires)
		c.Answered, c.Cached, c.shared.hit = true, Hit, responseStore
		c.Trace("cache-lookup", "Cache lookup resulted in a hit! Cached response will be used.")
		return errCached
	}
	c.shared.lookup, c.Cached = l, Miss
	for _, name := range [...]string{"If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"} { // they are about an answer that cannot be kept
		delete(c.Request.Headers, name)
	}
	c.Trace("cache-lookup", "Cache lookup resulted in a miss.")
	return nil
}

// personal reports whether the answer may be for one caller alone: there are credentials, or a role check found out who calls by a
// session, certificate or other header, and told the backend.
func (c *Call) personal() bool {
	_, known := c.Variables.Get("gatehouse.principalId")
	return known || len(c.Request.Headers["Authorization"]) > 0
}

// find reads the response of an earlier call, nil when there is none that this client understands.
func (c *Call) find(l *lookup) *storedResponse {
	data, ok := l.cache.Get(c.Waiting(), l.key)
	if !ok {
		return nil
	}
	r, err := readResponse(data)
	if err != nil {
		return nil
	}
	coding := http.Header(r.Headers).Get("Content-Encoding")
	if coding != "" && !strings.Contains(strings.Join(c.Request.Headers["Accept-Encoding"], ","), coding) {
		return nil
	}
	return r
}

// name is what tells responses apart: API and revision, where the call goes, and what the policy varies by.
func (s *cacheLookup) name(c *Call) (string, error) {
	p := &packer{b: make([]byte, 0, 512)}
	if c.API != nil {
		p.text(c.API.ID)
		p.text(c.API.Revision)
	}
	if base := c.Target.Base; base != nil {
		p.text(base.Scheme)
		p.text(base.Host)
		p.text(base.Path)
		p.text(base.RawQuery)
	}
	p.text(c.Target.BackendID)
	p.text(c.Request.OriginalURL.Path)
	p.text(c.Request.URL.Path)
	if err := s.vary(c, p); err != nil {
		return "", err
	}
	sum := sha256.Sum256(p.b)
	return string(sum[:]), nil
}

func (s *cacheLookup) vary(c *Call, p *packer) error {
	if err := s.varyByQuery(c, p); err != nil {
		return err
	}
	for i := range s.headers {
		text, err := s.headers[i].Eval(c)
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(text, ";") {
			name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
			p.text(name)
			p.text(strings.Join(c.Request.Headers[name], ","))
		}
	}
	developer, err := s.developer.Eval(c)
	groups, err2 := s.groups.Eval(c)
	if err := cmpErr(err, err2); err != nil || c.User == nil {
		return err
	}
	if developer {
		p.text("developer")
		p.text(c.User.ID)
	}
	if groups {
		var ids []string
		for _, g := range c.User.Groups {
			ids = append(ids, g.ID)
		}
		slices.Sort(ids)
		p.text("groups")
		for _, id := range ids {
			p.text(id)
		}
	}
	return nil
}

// varyByQuery takes the parameters that are named, or all when none is; their order does not count.
func (s *cacheLookup) varyByQuery(c *Call, p *packer) error {
	if c.Request.URL.RawQuery == "" {
		p.number(0)
		return nil
	}
	wanted := map[string]bool{}
	for i := range s.parameters {
		text, err := s.parameters[i].Eval(c)
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(text, ";") {
			wanted[strings.ToLower(strings.TrimSpace(name))] = true
		}
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil { // nobody knows what it means to the backend: it is taken as it is
		p.text(c.Request.URL.RawQuery)
	}
	if len(s.parameters) > 0 {
		maps.DeleteFunc(query, func(name string, _ []string) bool { return !wanted[strings.ToLower(name)] })
	}
	p.number(uint64(len(query)))
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p.text(name)
		p.number(uint64(len(query[name])))
		for _, v := range query[name] {
			p.text(v)
		}
	}
	return nil
}

// control is the Cache-Control that the client gets.
func (s *cacheLookup) control(c *Call) (string, error) {
	kind, err := s.downstream.Eval(c)
	again, err2 := s.revalidate.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return "", err
	}
	switch kind {
	case "none":
		return "no-store", nil
	case "private", "public":
		if again {
			kind += ", must-revalidate"
		}
		return kind, nil
	}
	return "", failed(ReasonExpression, "downstream-caching-type takes none, private or public; it is "+kind+".")
}

// tellDownstream sets Cache-Control on the answer that is sent.
func (c *Call) tellDownstream(l *lookup, expires time.Time) {
	c.BeforeSend(func(c *Call) {
		text := l.downstream
		if text != "no-store" {
			text += fmt.Sprintf(", max-age=%d", max(0, int64(expires.Sub(c.Services.now()).Seconds())))
		}
		c.Reply().Headers["Cache-Control"] = []string{text}
	})
}

// cacheStore is cache-store. It keeps the response as it is at this place, and the body when all of it has gone by.
type cacheStore struct {
	duration Whole
	any      Flag
}

// stores are the kinds of policies that a response from a cache skips to.
type stores uint8

const (
	responseStore stores = 1 << iota
	semanticStore
)

// storesIn notes a policy that responses of its kind skip to.
func (k *Compiler) storesIn(kind stores) {
	k.stores++
	if k.section == Outbound {
		k.doc.stores |= kind
	}
}

func compileCacheStore(k *Compiler, e *policy.Element) Step {
	k.storesIn(responseStore)
	return &cacheStore{k.Whole(e, "duration"), k.Flag(e, "cache-response")}
}

func (s *cacheStore) Run(c *Call) error {
	if c.shared.skip != 0 { // what comes now is for responses from the cache too
		c.shared.skip &^= responseStore
		return nil
	}
	l := c.shared.lookup
	if l == nil {
		c.Trace("cache-store", "Nothing is stored: there was no cache-lookup for this call.")
		return nil
	}
	seconds, err := s.duration.Eval(c)
	wanted, err2 := s.any.Eval(c)
	if err := cmpErr(err, err2); err != nil {
		return err
	}
	if !s.any.Given() {
		wanted = c.Reply().StatusCode == http.StatusOK
	}
	if !wanted || seconds <= 0 || c.Stream {
		return nil
	}
	ttl := time.Duration(min(seconds, maxRenewal)) * time.Second
	c.keep(l, ttl)
	c.tellDownstream(l, c.Services.now().Add(ttl))
	return nil
}

// keep stores the answer.
func (c *Call) keep(l *lookup, ttl time.Duration) {
	c.keepAnswer(ttl, func(data []byte) { l.cache.Put(l.key, data, ttl) })
}

// keepAnswer gives the answer to put, as it is now, once all of its body is there; not if it is too large. Cookies are for
// one client only and are left out.
func (c *Call) keepAnswer(ttl time.Duration, put func([]byte)) {
	r := storedResponse{Response: expr.Response{StatusCode: c.Reply().StatusCode, StatusReason: c.Reply().StatusReason, Headers: maps.Clone(c.Reply().Headers)}, expires: c.Services.now().Add(ttl)}
	delete(r.Headers, "Set-Cookie")
	p := &packer{}
	r.head(p)
	body := c.Body(Answer)
	switch {
	case body == nil:
		put(p.b)
	case body.stream != nil:
		if body.size <= cache.MaxEntry {
			body.stream = &copying{ReadCloser: body.stream, want: body.size, data: p.b, most: cache.MaxEntry, done: put}
		}
	case body.file == nil && len(p.b)+len(body.data) <= cache.MaxEntry:
		put(append(p.b, body.data...))
	}
}

// copying keeps what goes by, up to most bytes, and gives it to done when all has.
type copying struct {
	io.ReadCloser
	want int64 // -1 when it is not known
	seen int64
	data []byte
	most int
	done func([]byte)
}

func (r *copying) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if r.done == nil {
		return n, err
	}
	if r.seen += int64(n); len(r.data)+n > r.most {
		r.done, r.data = nil, nil
		return n, err
	}
	r.data = append(r.data, p[:n]...)
	if r.seen == r.want || errors.Is(err, io.EOF) && r.want < 0 {
		r.done(r.data)
		r.done = nil
	}
	return n, err
}
