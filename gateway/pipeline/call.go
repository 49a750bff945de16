package pipeline

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/gateway/contract"
	"gatehouse/gateway/contract/edm"
	"gatehouse/policy/expr"
)

// Call is one call of an API on its way. Expressions see the embedded Context; policies change it
// and what stands beside it. It belongs to one goroutine, is reused when the call is over, and
// must not be kept.
type Call struct {
	expr.Context
	Budget   expr.Budget
	HTTP     *http.Request // as the client sent it; nil in tests of single policies
	Services *Services
	Chain    Chain
	Home     Home   // the service that the call belongs to
	Target   Target // where the call goes
	Backends Backends
	GraphQL  GraphQLCall         // of APIs of that type
	OData    *edm.Service        // the metadata of an OData API; nil when it has none
	Contract *contract.Operation // what the operation says of its messages; nil when there is no operation

	KeyHeader string               // canonical name of the header that holds the subscription key; "" for none
	Upgrade   string               // protocol that the client asks to switch to
	Hops      []string             // CDN-Loop header of requests that are sent for the call; nil for none
	Switched  io.ReadCloser        // the backend's side of a connection that was switched
	Hints     func(links []string) // tells the client what its answer will need, before there is one; nil when it takes no such thing
	Stream    bool                 // each piece of the answer is sent at once
	Received  *http.Response       // the backend's answer, for its trailers; nil when none came

	Failed   *Failure // why on-error ran, nil when it did not
	Answered bool     // the response was made here and is not the backend's
	Cached   Cached   // whether the response cache had it

	Times   Times
	Traffic Traffic
	Tracer  Tracer // takes the trace while Tracing is set

	section Section
	level   int // of the document that runs
	steps   int
	memory  memory
	before  []func(*Call) // run before the response is sent
	after   []func(*Call) // run when it was sent
	closing []func()
	forked  bool
	turns   *turns // of the wait that this is a child of; nil for the call itself
	shared  shared
}

// Home is the service that a call belongs to, as far as its calls have something in common.
type Home struct {
	Key    string       // what counters, caches and statistics know the service by: config.Service.Statistics
	Caches cache.Caches // those that its policies may use
	// Backends are those that policies name; nil for none.
	Backends *BackendSet
	// Vectors keep completions for similar prompts; nil for none.
	Vectors *cache.Vectors
}

// Cached says what the response cache had.
type Cached uint8

// NotAsked is of calls without cache-lookup.
const (
	NotAsked Cached = iota
	Hit
	Miss
)

// Traffic is how large the bodies were that came from the client and went to it. It is complete when AfterSend's functions run.
type Traffic struct{ Received, Sent int64 }

// shared is what policies of one call tell each other.
type shared struct {
	cors      bool                // a cors policy has fitted the call
	answers   []func(*Call) error // run when a backend has answered
	counted   []countedIn         // quotas that the call was counted in
	tokens    *tokenWatch         // of language models
	tokenKeys []counter.Key       // token limits that the call was counted in
	lookup    *lookup             // of cache-lookup, for cache-store
	near      *nearness           // of llm-semantic-cache-lookup, for its store
	hit, skip stores              // the response is from a cache, and outbound goes on behind this kind of policy
}

// memory is what every call needs, kept with the call so that it need not be allocated.
type memory struct {
	request       expr.Request
	response      expr.Response
	url, original expr.URL
	host          [1]string
	chain         [5]*Document
	matched       map[string]string
}

// counted is a body of the client that is counted while it is read.
type counted struct {
	io.ReadCloser
	n *int64
}

func (b *counted) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	*b.n += int64(n)
	return n, err
}

// Close leaves the rest to the server: it would wait here for what the client has not sent yet, and the client may be waiting for
// the answer.
func (b *counted) Close() error { return nil }

// SetHost puts the Host header of the client among the headers that expressions see.
func (c *Call) SetHost(host string) {
	c.memory.host[0] = host
	c.HTTP.Header["Host"] = c.memory.host[:]
}

// ReceiveBody is the body that the client sends; size is -1 when it is not known.
func (c *Call) ReceiveBody(body io.ReadCloser, size int64) {
	c.Request.Body = StreamBody(&counted{body, &c.Traffic.Received}, size)
}

// Govern sets the widest document of a call, and Governed adds the next narrower one; nil adds none.
func (c *Call) Govern(d *Document) {
	c.memory.chain[0] = d
	c.Chain = c.memory.chain[:1]
}

// Governed adds the document of a narrower scope; nil when it has none.
func (c *Call) Governed(d *Document) {
	if d != nil {
		c.Chain = append(c.Chain, d)
	}
}

// Matched is an empty map for the parameters of the operation's template.
func (c *Call) Matched() map[string]string {
	if c.memory.matched == nil {
		c.memory.matched = map[string]string{}
	}
	return c.memory.matched
}

// Target is the server that forward-request calls.
type Target struct {
	Base *url.URL // scheme, host and port, and what stands before Request.URL.Path; nil when the API has none
	// BaseScope is the scope whose policy set it, "" for the API's serviceUrl.
	BaseScope string
	BackendID string        // of the entity that a policy set, "" for none
	Entity    BackendEntity // that a policy set, nil for none
	Host      string        // the Host header that a policy set, "" for that of Base
	Upstream  Upstream
}

// Upstream says how to connect. Calls with equal ones share connections.
type Upstream struct {
	HTTP2       HTTP2
	Proxy       string // URL, with credentials
	Certificate string // thumbprint of the client certificate that Services knows
	AnyChain    bool   // the server's certificate may have any issuer
	AnyName     bool   // and any name
	Pins        string // server certificates that count as they are, one a line: a thumbprint, or name=NAME THUMBPRINT-OF-ISSUER; "" for none
	Continue    time.Duration
}

// HTTP2 says which versions of HTTP a backend is spoken to in.
type HTTP2 uint8

// The versions.
const (
	HTTP1Only HTTP2 = iota
	HTTP2Only       // without TLS as well: prior knowledge
	HTTP2Or1
)

// Times are how long parts of a call took, for diagnostics.
type Times struct {
	Start        time.Time
	BackendStart time.Time // zero when no backend was called
	Backend      time.Duration
}

// Backends is what happened to the calls of backends.
type Backends struct {
	Status int
	Method string
	URL    string
	Sent   bool
}

var pool = sync.Pool{New: func() any { return new(Call) }}

// NewCall returns an empty call. Release gives it back.
func NewCall(s *Services) *Call {
	c := pool.Get().(*Call)
	c.Services = s
	c.Request = &c.memory.request
	c.Request.URL, c.Request.OriginalURL = &c.memory.url, &c.memory.original
	c.Now = s.Now
	return c
}

// Waiting is a context that ends when nobody waits for the call any more.
func (c *Call) Waiting() context.Context {
	if c.HTTP == nil {
		return context.Background()
	}
	return c.HTTP.Context()
}

// Release ends a call: what it holds is closed and nothing of it may be used afterwards.
func (c *Call) Release() {
	for _, f := range c.closing {
		f()
	}
	if b := c.Body(Request); b != nil {
		_ = b.Close()
	}
	if b := c.Body(Answer); b != nil {
		_ = b.Close()
	}
	before, after, closing := c.before[:0], c.after[:0], c.closing[:0]
	clear(before[:cap(before)])
	clear(after[:cap(after)])
	clear(closing[:cap(closing)])
	matched, forked, variables := c.memory.matched, c.forked, c.Variables.Emptied()
	*c = Call{before: before, after: after, closing: closing}
	if forked {
		return
	}
	clear(matched)
	c.memory.matched, c.Variables = matched, variables
	pool.Put(c)
}

// Side is one of the two messages of a call.
type Side bool

// The messages.
const (
	Request Side = false
	Answer  Side = true
)

// Headers are those of a message.
func (c *Call) Headers(s Side) http.Header {
	if s == Request {
		return http.Header(c.Request.Headers)
	}
	return http.Header(c.Reply().Headers)
}

// Body is that of a message, nil when it has none.
func (c *Call) Body(s Side) *Body {
	var b expr.Body
	if s == Request && c.Request != nil {
		b = c.Request.Body
	} else if s == Answer && c.Response != nil {
		b = c.Response.Body
	}
	kept, _ := b.(*Body)
	return kept
}

// SetBody replaces the body of a message; nil takes it away. Its length goes with it, its type does not.
func (c *Call) SetBody(s Side, b *Body) {
	if old := c.Body(s); old != nil && old != b {
		_ = old.Close()
	}
	var body expr.Body
	if b != nil {
		body = b
	}
	delete(c.Headers(s), "Content-Length")
	if s == Request {
		c.Request.Body = body
		return
	}
	c.Reply().Body = body
}

// Reply is the response; an empty 200 is made when there is none yet.
func (c *Call) Reply() *expr.Response {
	if c.Response == nil {
		c.NewResponse(http.StatusOK, "")
	}
	return c.Response
}

// NewResponse puts an empty response in place of what there is.
func (c *Call) NewResponse(status int, reason string) *expr.Response {
	if b := c.Body(Answer); b != nil {
		_ = b.Close()
	}
	if reason == "" {
		reason = http.StatusText(status)
	}
	c.memory.response = expr.Response{StatusCode: status, StatusReason: reason, Headers: expr.Headers{}}
	c.Response = &c.memory.response
	return c.Response
}

// End ends the pipeline with the response as it is; a step returns what it returns.
func (c *Call) End() error {
	c.Reply()
	c.Answered = true
	return errEnd
}

// OnAnswer runs f whenever forward-request has an answer, before other policies see it. An error of it is one of forward-request.
func (c *Call) OnAnswer(f func(*Call) error) { c.shared.answers = append(c.shared.answers, f) }

// BeforeSend runs f when the response is complete and about to be sent, whatever it is.
func (c *Call) BeforeSend(f func(*Call)) { c.before = append(c.before, f) }

// AfterSend runs f when the response was sent.
func (c *Call) AfterSend(f func(*Call)) { c.after = append(c.after, f) }

// Sending runs what BeforeSend took.
func (c *Call) Sending() { runAll(c, c.before) }

// Sent runs what AfterSend took.
func (c *Call) Sent() { runAll(c, c.after) }

func runAll(c *Call, list []func(*Call)) {
	for _, f := range list {
		f(c)
	}
}

// OnClose runs f when the call is over and all of it was sent.
func (c *Call) OnClose(f func()) { c.closing = append(c.closing, f) }
