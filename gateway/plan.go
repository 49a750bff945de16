package gateway

import (
	"crypto/tls"
	"hash/maphash"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/gateway/contract"
	"gatehouse/gateway/contract/edm"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
)

// Plan is all that calls of one service need. It never changes: what is saved makes another one.
type Plan struct {
	Service    *config.Service
	Revision   int64
	services   *pipeline.Services
	home       pipeline.Home
	deployment *expr.Deployment
	tls        map[string]*tls.Certificate // of custom host names
	// authorities are those that certificates of clients are checked against; certificates is set when clients of every host name
	// are asked for theirs.
	authorities  *authorities
	certificates bool
	own          map[string]*tls.Certificate // client certificates, by thumbprint
	schemas      map[config.Key]*config.Schema

	global     *document // nil when the service has none: the default document counts
	paths      map[string]*group
	deepest    int // segments of the longest path
	apis       map[config.Key]*api
	products   map[config.Key]*product
	open       map[config.Key]*product // the open product of an API, by the key of the API without its revision
	workspaces map[config.Key]*workspace
	users      map[config.Key]*expr.User
	seed       maphash.Seed
	keys       map[uint64][]*held // subscriptions by a hash of their keys
	all        *texts
}

// node is what an entity with a policy document brings to a call.
type node struct{ document *document }

// api is one revision of an API.
type api struct {
	node
	entity     *config.API
	base       config.Key // without its revision
	seen       *expr.API
	keyHeader  string // canonical
	keyQuery   string
	target     *url.URL // its serviceUrl; nil for none
	targetErr  error
	operations branch
	catchAll   *operation // of kinds whose operations do not say where they are
	queries    bool       // templates ask for parameters of the query
	schemes    scheme
	set        *config.VersionSet
	versions   string // folded
	seenOps    map[*operation]*expr.Operation
	contracts  map[*operation]*contract.Operation
	grpc       bool
	graphQL    *graphQL     // nil for other kinds of APIs
	odata      *edm.Service // nil for other kinds of APIs
}

// scheme is a set of schemes of addresses.
type scheme uint8

const (
	plainHTTP scheme = 1 << iota
	secureHTTP
	plainWS
	secureWS
)

type product struct {
	node
	entity *config.Product
	seen   *expr.Product
	apis   map[config.Key]bool
}

type workspace struct {
	node
	seen *expr.Workspace
}

// held is a subscription by one of its keys.
type held struct {
	subscription *config.Subscription
	key          string
	seen         *expr.Subscription
}

// group is all APIs that share a path: versions and revisions.
type group struct{ members []*api }

// choice is the API that a call belongs to.
type choice struct {
	api  *api
	path string // the API's own part, as the client sent it, with version and revision
	rest string // after it: escaped, with its leading slash when there is one
}

// route finds the API of a path, which is escaped and holds no dot segments.
func (p *Plan) route(r *http.Request, path string, s scheme) (c choice, found bool) {
	plain, revision, at := cutRevision(path)
	var folded string
	if strings.IndexByte(plain, '%') >= 0 {
		folded = foldSegments(plain)
	} else {
		folded = fold(plain)
	}
	for end := p.longest(folded); end > 0; end = strings.LastIndexByte(folded[:end], '/') {
		if g := p.paths[folded[1:end]]; g != nil {
			from := nthSlash(plain, strings.Count(folded[:end], "/"))
			return g.member(r, plain, from, revision, at, s)
		}
	}
	if g := p.paths[""]; g != nil {
		return g.member(r, plain, 0, revision, at, s)
	}
	return c, false
}

// nthSlash is where the slash after n segments stands, or the end.
func nthSlash(path string, n int) int {
	for i := 0; i < len(path); i++ {
		if path[i] == '/' {
			if n--; n < 0 {
				return i
			}
		}
	}
	return len(path)
}

// longest is the end of as many segments of a path as any API has.
func (p *Plan) longest(folded string) int { return nthSlash(folded, p.deepest) }

// foldSegments decodes a path segment by segment, so that an escaped slash parts nothing.
func foldSegments(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = strings.ReplaceAll(fold(unescape(parts[i])), "/", "%2f")
	}
	return strings.Join(parts, "/")
}

const revisionMark = ";rev="

// cutRevision takes ;rev=n out of a path: the revision, and where it stood; -1 for none.
func cutRevision(path string) (plain, revision string, at int) {
	at = strings.Index(path, revisionMark)
	if at < 0 {
		return path, "", -1
	}
	rest := path[at+len(revisionMark):]
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	if at > 0 && path[at-1] == '/' { // of an API without a path
		at--
	}
	return path[:at] + rest[end:], rest[:end], at
}

// member finds the API of a group that a call means; from is where the group's path ends.
func (g *group) member(r *http.Request, path string, from int, revision string, at int, s scheme) (c choice, found bool) {
	for _, versioned := range [...]bool{true, false} {
		for _, a := range g.members {
			if (a.versions != "") != versioned || a.schemes&s == 0 || !a.wanted(revision) {
				continue
			}
			end, ok := from, true
			if versioned {
				end, ok = a.version(r, path, from)
			} else if a.set != nil {
				ok = !g.named(r, a.set)
			}
			if !ok || at >= 0 && at != end {
				continue
			}
			return choice{a, path[:end], path[end:]}, true
		}
	}
	return c, false
}

// wanted reports whether a call for a revision, "" for the current one, is for a.
func (a *api) wanted(revision string) bool {
	if revision == "" {
		return a.entity.Current
	}
	return a.entity.Revision == revision && !a.entity.Offline
}

// version finds the version that a has in a call, and where the API's part of the path then ends.
func (a *api) version(r *http.Request, path string, from int) (end int, ok bool) {
	if a.set == nil {
		return from, false
	}
	switch strings.ToLower(a.set.Scheme) {
	case "query":
		v, ok := queryValue(r.URL.RawQuery, a.set.Query)
		return from, ok && strings.EqualFold(v, a.versions)
	case "header":
		return from, strings.EqualFold(r.Header.Get(a.set.Header), a.versions)
	}
	segment := path[from:]
	if segment == "" {
		return from, false
	}
	segment, _, _ = strings.Cut(segment[1:], "/")
	return from + 1 + len(segment), strings.EqualFold(unescape(segment), a.versions)
}

// named reports whether a call names a version by query or header: the original of a set answers those that name none.
func (g *group) named(r *http.Request, set *config.VersionSet) bool {
	switch strings.ToLower(set.Scheme) {
	case "query":
		v, ok := queryValue(r.URL.RawQuery, set.Query)
		return ok && v != ""
	case "header":
		return r.Header.Get(set.Header) != ""
	}
	return false
}

// operation finds the operation of a call within its API.
func (a *api) operation(s *search, rest string) *operation {
	s.left = searchSteps
	if o := s.find(&a.operations, strings.Trim(rest, "/")); o != nil {
		return o
	}
	return a.catchAll
}

// subscription finds who a key belongs to; only active ones count (gateway.md 3.1).
func (p *Plan) subscription(key string) *held {
	var found *held
	for _, h := range p.keys[maphash.String(p.seed, key)] {
		if sameKey(h.key, key) {
			found = h
		}
	}
	return found
}
