package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/gateway/headers"
)

// Place is where a call belongs.
type Place struct {
	Plan      *Plan
	API       *config.API
	Operation *config.Operation
	Product   *config.Product // whose policies would run; nil for none
	Base      config.Key      // of the API without its revision
	Others    []*config.Operation
}

// Find says where a call would belong, for those who ask before it is made; whether by HTTP or HTTPS does not matter. ok is
// false when no operation answers it, when its key does not open the API, and when its path could lead out of the API.
func (g *Gateway) Find(r *http.Request) (at Place, ok bool) {
	p := g.Plan(r.Host)
	if p == nil {
		return at, false
	}
	path, ok := plainPath(r.URL.EscapedPath())
	if !ok {
		return at, false
	}
	found, ok := p.route(r, path, plainHTTP|secureHTTP)
	if !ok {
		return at, false
	}
	s := search{method: r.Method, query: r.URL.RawQuery}
	o := found.api.operation(&s, found.rest)
	if o == nil {
		return at, false
	}
	got, refused := p.admit(r, found.api)
	if refused != nil {
		return at, false
	}
	at = Place{Plan: p, API: found.api.entity, Operation: o.op, Base: found.api.base}
	if got.product != nil {
		at.Product = got.product.entity
	}
	at.Others, ok = found.api.others(r, o, found.rest)
	return at, ok
}

// Others are further operations of its API that a backend could take the call for, if it reads the path otherwise than the
// gateway does: an escaped slash as a slash, two slashes as one, a path parameter (;x=y) as nothing. ok is false when a reading
// leads to no operation, or out of the API: then nobody can say what the call is. What decides about a call has to ask
// about all of them.
func (v *Visit) Others() (list []*config.Operation, ok bool) {
	if v.api == nil || v.search.found == nil {
		return nil, true
	}
	return v.api.others(v.HTTP, v.search.found, v.rest)
}

// others looks for the operations of the other readings of a path, which is escaped and below the API's own.
func (a *api) others(r *http.Request, is *operation, rest string) (list []*config.Operation, ok bool) {
	queries := []string{r.URL.RawQuery}
	if a.queries {
		queries = readings(r.URL.RawQuery)
	}
	methods := otherMethods(r)
	if !readsOtherwise(rest) && len(queries) == 1 && len(methods) == 0 {
		return nil, true
	}
	text := rest
	for range 3 { // some decode twice
		reading, ok := reread(text)
		if !ok {
			return nil, false
		}
		for _, query := range queries {
			s := search{method: r.Method, query: query}
			o := a.operation(&s, reading)
			if o == nil {
				return nil, false
			}
			if o != is {
				list = append(list, o.op)
			}
			for _, method := range methods { // one that the API does not have is none that a right could be asked to
				s := search{method: method, query: query}
				if o := a.operation(&s, reading); o != nil && o != is {
					list = append(list, o.op)
				}
			}
		}
		decoded, err := url.PathUnescape(text)
		if err != nil || decoded == text {
			break
		}
		text = decoded
	}
	return list, true
}

// otherMethods are those that headers name beside the request's own: some backends take them for it.
func otherMethods(r *http.Request) (list []string) {
	for _, name := range headers.Overrides {
		for _, value := range r.Header[name] {
			for method := range strings.SplitSeq(value, ",") {
				if method = strings.ToUpper(strings.TrimSpace(method)); method != "" && method != r.Method && len(list) < 10 {
					list = append(list, method)
				}
			}
		}
	}
	return list
}

// readings are what backends may make of a query that names a parameter twice, of which some take the last: the query as it is,
// then from its end; and both with semicolons between parameters, as some still read them.
func readings(query string) []string {
	list := []string{query}
	if strings.IndexByte(query, '&') >= 0 {
		list = append(list, backwards(query))
	}
	if parted := strings.ReplaceAll(query, ";", "&"); parted != query {
		list = append(list, parted, backwards(parted))
	}
	return list
}

func backwards(query string) string {
	parts := strings.Split(query, "&")
	slices.Reverse(parts)
	return strings.Join(parts, "&")
}

// readsOtherwise reports whether a path has anything that is read in several ways.
func readsOtherwise(path string) bool {
	return strings.IndexByte(path, '%') >= 0 || strings.IndexByte(path, ';') >= 0 || strings.IndexByte(path, '\\') >= 0 || strings.Contains(path, "//")
}

// reread is a path as the most lenient backend reads it: decoded, each kind of slash a slash, without empty segments, dot
// segments and path parameters. It is escaped again. ok is false when it leads out, or ends at a control character.
func reread(path string) (string, bool) {
	decoded, err := url.PathUnescape(path)
	if err != nil {
		decoded = path
	}
	if i := strings.IndexAny(decoded, "?#"); i >= 0 {
		decoded = decoded[:i]
	}
	if strings.ContainsFunc(decoded, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "", false
	}
	var out []string
	for s := range strings.SplitSeq(strings.ReplaceAll(decoded, `\`, "/"), "/") {
		s, _, _ = strings.Cut(s, ";")
		switch s {
		case "", ".":
		case "..":
			if len(out) == 0 {
				return "", false
			}
			out = out[:len(out)-1]
		default:
			out = append(out, url.PathEscape(s))
		}
	}
	return "/" + strings.Join(out, "/"), true
}
