package gateway

import (
	"crypto/x509"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/gateway/headers"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
)

// Visit is a call with where it belongs. It is reused when the call is over, and must not be kept.
type Visit struct {
	*pipeline.Call
	Plan         *Plan
	API          *config.API          // nil when none matched
	Operation    *config.Operation    // nil when none matched
	Product      *config.Product      // whose policies run; nil for none
	Subscription *config.Subscription // nil without a key
	Base         config.Key           // of the API without its revision
	Writer       http.ResponseWriter
	Session      string            // of a browser, when Config.Begin took one out of the cookies
	Caller       *gatehouse.Caller // who makes the call, when Config.Admit found out
	TraceID      [16]byte          // of the trace that the call is part of, when Config.Placed follows it
	Kept         any               // what Config.Debug keeps for Config.Observe
	Total        time.Duration     // from its begin to its end; known when Config.Observe hears of it
	Oddly        bool              // headers are left whose names a backend may take for others (headers.Spelled)

	// Again is set when nobody calls: an open subscription is asked whether its handshake would pass now, too.
	Again bool

	joined bool          // the call has left HTTP
	asked  *http.Request // as it came; nil for calls that do not ask for another protocol
	api    *api
	search search
	path   string // as it was sent, without dot segments
	rest   string // of it, below the API's own
	start  time.Time
}

// User is the key of the owner of the subscription; "" for none.
func (v *Visit) User() config.Key {
	if v.Subscription == nil {
		return ""
	}
	return v.Subscription.Owner
}

// ServeHTTP serves one call.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := g.Plan(r.Host)
	if p == nil {
		unknownHost(w)
		return
	}
	passed, ok := hops(r.Header)
	if !ok {
		goesRound(w)
		return
	}
	v := visits.Get().(*Visit)
	v.Call, v.Plan, v.Writer, v.start = pipeline.NewCall(p.services), p, w, g.Clock()
	defer v.done()
	if len(r.Header["Upgrade"]) > 0 {
		v.asked = r.Clone(r.Context())
	}
	if g.Begin != nil {
		v.HTTP = r
		g.Begin(v)
	}
	v.Call.Hops = passed
	g.begin(v, r)
	f := g.place(v, r)
	if g.Placed != nil {
		g.Placed(v)
	}
	if f != nil {
		if v.API != nil || !v.CrossDomain() {
			v.Fail(f)
		}
	} else if v.Operation == nil {
		v.Preflight()
	} else if f := g.admit(v, r); f != nil {
		v.Fail(f)
	} else {
		v.Run()
	}
	g.answer(v, w, r)
}

var visits = sync.Pool{New: func() any { return new(Visit) }}

func (v *Visit) done() {
	v.Release()
	n := v.search.n
	clear(v.search.values[:max(n, v.search.most)])
	*v = Visit{search: search{values: v.search.values}}
	visits.Put(v)
}

// unknownHost answers calls on hosts that belong to no service.
func unknownHost(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(pipeline.ErrorBody(http.StatusNotFound, "No API Management service answers on this host name.", [16]byte{}))
}

// begin fills in what is known of any request.
func (g *Gateway) begin(v *Visit, r *http.Request) {
	p, c := v.Plan, v.Call
	c.HTTP, c.Home, c.Deployment = r, p.home, p.deployment
	binary.LittleEndian.PutUint64(c.RequestID[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(c.RequestID[8:], rand.Uint64())
	c.RequestID[6], c.RequestID[8] = c.RequestID[6]&0x0f|0x40, c.RequestID[8]&0x3f|0x80
	c.Timestamp, c.Times.Start = v.start, v.start
	c.Request.Method = r.Method
	c.Request.IPAddress = g.client(r)
	trailers := strings.Contains(r.Header.Get("Te"), "trailers")
	upgrade := upgradeOf(r.Header)
	pipeline.RemoveHopByHop(r.Header)
	if trailers {
		r.Header["Te"] = teTrailers
	}
	c.Upgrade = upgrade
	c.SetHost(r.Host)
	v.Oddly = headers.Clean(r.Header, g.trusted(r))
	forwardedFor(r)
	if r.ProtoMajor >= 2 {
		c.Hints = v.hint
	}
	c.Request.Headers = expr.Headers(r.Header)
	if r.Body != nil && r.Body != http.NoBody {
		c.ReceiveBody(r.Body, r.ContentLength)
	}
	if tls := r.TLS; tls != nil && len(tls.PeerCertificates) > 0 {
		found := p.authorities.judge(tls.PeerCertificates, v.start)
		c.Request.Certificate = &expr.Certificate{Leaf: tls.PeerCertificates[0], Verified: found.good, Chain: found.chain, Issuer: found.issuer}
	}
}

var teTrailers = []string{"trailers"}

func upgradeOf(h http.Header) string {
	if len(h["Upgrade"]) == 0 || !strings.Contains(strings.ToLower(strings.Join(h["Connection"], ",")), "upgrade") {
		return ""
	}
	return h["Upgrade"][0]
}

// forwardedFor adds the client's address for the backend (gateway.md 7).
func forwardedFor(r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return
	}
	if before := r.Header["X-Forwarded-For"]; len(before) > 0 {
		host = strings.Join(before, ", ") + ", " + host
	}
	r.Header["X-Forwarded-For"] = []string{host}
}

// client is the address of the client: of the connection, or what trusted proxies say.
func (g *Gateway) client(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	if len(g.Trusted) == 0 || looped(r) || !g.trusts(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			return host
		}
		if host = hop; !g.trusts(hop) {
			break
		}
	}
	return host
}

// trusted reports whether a request comes from a proxy that is believed how it got it.
func (g *Gateway) trusted(r *http.Request) bool {
	if len(g.Trusted) == 0 || looped(r) {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && g.trusts(host)
}

// looped reports whether a policy sent the request: it comes from this machine, but from no proxy on it.
func looped(r *http.Request) bool { return r.Context().Value(depth{}) != nil }

func (g *Gateway) trusts(host string) bool {
	a, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	for _, p := range g.Trusted {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// place finds API and operation of a call. Without, the call fails under the widest policies that are known.
func (g *Gateway) place(v *Visit, r *http.Request) *pipeline.Failure {
	p, c := v.Plan, v.Call
	s, name, port := schemeOf(g.secure(r), v.Upgrade)
	var ok bool
	v.path, ok = plainPath(r.URL.EscapedPath())
	*c.Request.OriginalURL = expr.URL{Scheme: name, Host: hostName(r.Host), Port: portOf(r.Host, port), Path: v.path, RawQuery: r.URL.RawQuery}
	*c.Request.URL = *c.Request.OriginalURL
	c.Govern(p.global.widest())
	if !ok {
		return pipeline.NotFound()
	}
	found, ok := p.route(r, v.path, s)
	if !ok {
		return pipeline.NotFound()
	}
	a := found.api
	v.api, v.API, v.Base, c.API = a, a.entity, a.base, a.seen
	v.rest = found.rest
	if space := a.base.Workspace(); space != "" {
		if w := p.workspaces[space]; w != nil {
			c.Workspace = w.seen
		}
	}
	v.search.method, v.search.query = r.Method, r.URL.RawQuery
	o := a.operation(&v.search, found.rest)
	if preflight(r) && (o == nil || o == a.catchAll) {
		v.search.method = r.Header.Get("Access-Control-Request-Method")
		o = a.operation(&v.search, found.rest)
		v.govern(nil, o)
		c.Request.URL.Path = found.rest
		return nil
	}
	if o == nil {
		v.govern(nil, nil)
		return pipeline.NotFound()
	}
	v.Operation, c.Operation, c.Contract = o.op, a.seenOps[o], a.contracts[o]
	c.Request.MatchedParameters = c.Matched()
	v.search.matched(o, c.Request.MatchedParameters)
	if a.targetErr != nil {
		g.Log.Warn("the web service URL of an API cannot be read", "api", a.entity.ID, "error", a.targetErr)
	}
	c.Target.Base, c.KeyHeader = a.target, a.keyHeader
	if a.grpc {
		c.Target.Upstream.HTTP2 = pipeline.HTTP2Only
	}
	if a.graphQL != nil {
		c.GraphQL = a.graphQL.get()
		c.GraphQL.Publish = g.events.publisher(p, a)
	}
	c.OData = a.odata
	c.Request.URL.Path = found.rest
	if t := a.target; t != nil && a.seen.ServiceURL != nil {
		u := c.Request.URL
		u.Scheme, u.Host, u.Port = t.Scheme, a.seen.ServiceURL.Host, a.seen.ServiceURL.Port
	}
	v.search.found = o
	return nil
}

// govern sets the documents of a call (gateway.md 5.2).
func (v *Visit) govern(pr *product, o *operation) {
	p, c := v.Plan, v.Call
	c.Govern(p.global.widest())
	if space := v.Base.Workspace(); space != "" {
		if w := p.workspaces[space]; w != nil {
			c.Governed(w.document.orNil())
		}
	}
	if pr != nil {
		c.Governed(pr.document.orNil())
	}
	c.Governed(v.api.document.orNil())
	if o != nil {
		c.Governed(o.document.orNil())
	}
}

// orNil is the compiled document, nil for none.
func (d *document) orNil() *pipeline.Document {
	if d == nil {
		return nil
	}
	return d.get()
}

// widest is the document of the widest scope; a service that has none is governed by the default one (gateway.md 5.2).
func (d *document) widest() *pipeline.Document {
	if d == nil {
		return defaultDocument()
	}
	return d.get()
}

// admit lets a call pass that may: by its key, then by who makes it.
func (g *Gateway) admit(v *Visit, r *http.Request) *pipeline.Failure {
	v.govern(nil, v.search.found)
	if strings.EqualFold(v.api.entity.Type, "websocket") && !strings.EqualFold(v.Upgrade, "websocket") {
		return pipeline.NotFound()
	}
	if !v.upgrades() {
		v.Upgrade = ""
	}
	if v.Oddly {
		headers.Spelled(r.Header, v.api.keyHeader)
	}
	got, f := v.Plan.admit(r, v.api)
	if f != nil {
		return f
	}
	if got.product != nil {
		v.Product, v.Call.Product = got.product.entity, got.product.seen
		v.govern(got.product, v.search.found)
	}
	if got.held != nil {
		v.Subscription, v.Call.Subscription = got.held.subscription, got.held.seen
		v.Call.User = v.Plan.users[got.held.subscription.Owner]
	}
	if g.Debug != nil && !v.Again {
		g.Debug(v)
	}
	if g.Admit != nil {
		return g.Admit(v)
	}
	return nil
}

// upgrades reports whether a call may leave HTTP: WebSocket, of kinds of APIs that have it.
func (v *Visit) upgrades() bool {
	kind := strings.ToLower(v.api.entity.Type)
	return strings.EqualFold(v.Upgrade, "websocket") && (kind == "websocket" || kind == "graphql")
}

// preflight reports whether a browser asks whether it may call.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && len(r.Header["Origin"]) > 0 && len(r.Header["Access-Control-Request-Method"]) > 0
}

// secure reports whether the client called over TLS: here, or at a trusted proxy that says so.
func (g *Gateway) secure(r *http.Request) bool {
	return r.TLS != nil || g.trusted(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func schemeOf(secure bool, upgrade string) (s scheme, name string, port int) {
	ws := strings.EqualFold(upgrade, "websocket")
	switch {
	case secure && ws:
		return secureWS, "wss", 443
	case secure:
		return secureHTTP, "https", 443
	case ws:
		return plainWS, "ws", 80
	}
	return plainHTTP, "http", 80
}

func portOf(host string, usual int) int {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.IndexByte(host[i:], ']') >= 0 {
		return usual
	}
	n := 0
	for _, c := range host[i+1:] {
		if c < '0' || c > '9' || n > 65535 {
			return usual
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// plainPath resolves dot segments, escaped ones too, so that no policy sees any (gateway.md 2.4); false above the root,
// and for dots behind an escaped slash or a backslash, which parts nothing here and may part something in a backend.
func plainPath(path string) (string, bool) {
	resolved, ok := resolveDots(path)
	return resolved, ok && !hiddenDots(resolved)
}

func hiddenDots(path string) bool {
	if strings.IndexByte(path, '%') < 0 && strings.IndexByte(path, '\\') < 0 {
		return false
	}
	// A path with a broken escape somewhere has to be looked at too.
	plain := strings.NewReplacer("%2e", ".", "%2E", ".", "%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/").Replace(path)
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool { return r == '/' || r == '\\' }) {
		if part == "." || part == ".." {
			return true
		}
	}
	return false
}

func resolveDots(path string) (string, bool) {
	if path == "" {
		return "/", true
	}
	if path[0] != '/' {
		return path, false
	}
	if !strings.Contains(path, "/.") && !strings.Contains(path, "/%2") {
		return path, true
	}
	var out []string
	parts := strings.Split(path[1:], "/")
	for i, s := range parts {
		switch unescape(s) {
		case ".":
		case "..":
			if len(out) == 0 {
				return path, false
			}
			out = out[:len(out)-1]
		default:
			out = append(out, s)
			continue
		}
		if i == len(parts)-1 {
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/"), true
}

// verifyChain checks the chain of a certificate against the roots of the system.
func verifyChain(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}
