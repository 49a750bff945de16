package record

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// Watch looks at calls while they pass. What it makes of one holds all its secrets: Mask takes them out.
type Watch struct {
	MaxBody int                    // bytes of each body that are kept
	Wanted  func() bool            // whether the next call is watched; nil for all
	Done    func(*Record, *Origin) // hears of a call that is over; nothing may wait in it
}

// Origin is the configuration that a call belonged to.
type Origin struct {
	Service *config.Service
	API     *config.API // nil when none matched
}

// mostExchanges bounds the requests of one call that are kept.
const mostExchanges = 50

// capture is a call that is being watched.
type capture struct {
	w       *Watch
	request *http.Request // as the gateway got it
	mu      sync.Mutex    // connections may still read a body when the call is over
	rec     Record
	sent    []*Exchange
	bodies  []*tee // of rec.Request, rec.Answer and each exchange's request and answer, as far as they have passed
	origin  Origin
}

type captureKey struct{}

func captureOf(ctx context.Context) *capture {
	c, _ := ctx.Value(captureKey{}).(*capture)
	return c
}

// Handler watches the calls that a gateway serves.
func (w *Watch) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		if w.Wanted != nil && !w.Wanted() {
			next.ServeHTTP(to, r)
			return
		}
		c := &capture{w: w}
		r = r.WithContext(context.WithValue(r.Context(), captureKey{}, c))
		c.begin(r)
		next.ServeHTTP(&answer{ResponseWriter: to, capture: c, tee: c.tee(&c.rec.Answer.Body)}, r)
	})
}

func (c *capture) begin(r *http.Request) {
	c.request = r
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
		for _, one := range r.TLS.PeerCertificates {
			c.rec.Certificates = append(c.rec.Certificates, one.Raw)
		}
	}
	c.rec.Version = Version
	c.rec.Remote, _, _ = net.SplitHostPort(r.RemoteAddr)
	c.rec.Request = Message{Method: r.Method, URL: scheme + "://" + r.Host + r.URL.RequestURI(), Header: r.Header.Clone()}
	size := r.ContentLength
	if size == 0 {
		size = -1 // nobody said
	}
	r.Body = c.reading(r.Body, size, &c.rec.Request.Body)
}

// tee keeps the start of a body while it is read or written.
type tee struct {
	io.ReadCloser
	capture *capture
	to      *Body
	data    []byte
	open    bool  // its end has not been seen
	size    int64 // that it is said to have, -1 when that is not known
	seen    int64
}

func (c *capture) tee(to *Body) *tee {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &tee{capture: c, to: to, size: -1}
	c.bodies = append(c.bodies, t)
	return t
}

// reading is a body that is kept while it is read.
func (c *capture) reading(from io.ReadCloser, size int64, to *Body) io.ReadCloser {
	if from == nil || from == http.NoBody || size == 0 {
		return from
	}
	t := c.tee(to)
	t.ReadCloser, t.open, t.size = from, true, size
	return t
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	t.keep(p[:n])
	if err != nil {
		t.capture.mu.Lock()
		t.open = !errors.Is(err, io.EOF)
		t.capture.mu.Unlock()
	}
	return n, err
}

func (t *tee) keep(p []byte) {
	t.capture.mu.Lock()
	defer t.capture.mu.Unlock()
	room := max(t.capture.w.MaxBody-len(t.data), 0)
	t.data = append(t.data, p[:min(len(p), room)]...)
	t.seen += int64(len(p))
}

// body is what has passed so far.
func (t *tee) body() Body {
	cut := t.seen > int64(len(t.data)) || t.open && t.seen != t.size
	return Body{Data: t.data[:len(t.data):len(t.data)], Cut: cut} // what comes later goes elsewhere
}

// answer keeps what the client is sent.
type answer struct {
	http.ResponseWriter
	capture *capture
	tee     *tee
}

func (a *answer) WriteHeader(status int) {
	c := a.capture
	c.mu.Lock()
	if c.rec.Status == 0 && status >= 200 {
		c.rec.Status, c.rec.Answer.Header = status, a.Header().Clone()
	}
	c.mu.Unlock()
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	a.tee.keep(p)
	return a.ResponseWriter.Write(p)
}

// Flush implements http.Flusher, which gateways look for.
func (a *answer) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Serve watches what a gateway sends for the calls that are watched. It belongs to gateway.Config.Serve.
func (w *Watch) Serve(_ *config.Config, s *pipeline.Services) {
	connect := s.Transport
	s.Transport = func(u pipeline.Upstream) (http.RoundTripper, error) {
		rt, err := connect(u)
		if err != nil {
			return nil, err
		}
		return sending{rt}, nil
	}
}

type sending struct{ http.RoundTripper }

func (s sending) RoundTrip(r *http.Request) (*http.Response, error) {
	c := captureOf(r.Context())
	if c == nil {
		return s.RoundTripper.RoundTrip(r)
	}
	x := c.exchange(r)
	if x == nil {
		return s.RoundTripper.RoundTrip(r)
	}
	sent := *r
	size := r.ContentLength
	if size == 0 {
		size = -1
	}
	sent.Body = c.reading(r.Body, size, &x.Request.Body)
	got, err := s.RoundTripper.RoundTrip(&sent)
	c.mu.Lock()
	if err != nil {
		x.Error = c.errorOf(r.Context(), err)
		c.mu.Unlock()
		return got, err
	}
	x.Status, x.Answer.Header = got.StatusCode, got.Header.Clone()
	c.mu.Unlock()
	if got.StatusCode != http.StatusSwitchingProtocols && r.Method != http.MethodHead {
		got.Body = c.reading(got.Body, got.ContentLength, &x.Answer.Body)
	}
	return got, nil
}

// exchange begins a further exchange, nil when there are too many.
func (c *capture) exchange(r *http.Request) *Exchange {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sent) == mostExchanges {
		c.rec.Omitted++
		return nil
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Host", host)
	x := &Exchange{Request: Message{Method: r.Method, URL: r.URL.String(), Header: header}}
	c.sent = append(c.sent, x)
	return x
}

// errorOf tells what kept an answer from coming.
func (c *capture) errorOf(ctx context.Context, err error) string {
	var slow net.Error
	switch {
	case c.request.Context().Err() != nil:
		return ClientGone
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return TimedOut
	}
	return Broken
}

// own is the capture of a call; nil when it is not watched. Calls that a watched one makes to the gateway itself are no calls of
// their own.
func own(v *gateway.Visit) *capture {
	if c := captureOf(v.HTTP.Context()); c != nil && c.request == v.HTTP {
		return c
	}
	return nil
}

// Told takes in what a role check came to. It belongs to hooks.Config.Told.
func (w *Watch) Told(v *gateway.Visit, check *admit.Check, a *admit.Admission) {
	c := own(v)
	if c == nil {
		return
	}
	d := &Decision{Enforced: check.Enforce, Allowed: a.Would == nil, Action: check.Action, Scope: check.Scope.String(), Grant: a.Decision.Grant, Deny: a.Decision.Deny}
	if a.Would != nil {
		d.Reason = a.Would.Reason
		if at := a.Scope; !at.IsRoot() {
			d.Scope = at.String()
		}
	}
	c.rec.Decision = d
	if who := a.Caller; who != nil {
		c.rec.Principal = &Principal{ID: who.ID, Type: who.Type, Name: who.Name, AppID: who.AppID, Via: a.Via, Agent: who.Agent}
		if who.Issuer != "" {
			c.rec.Principal.Issuer, c.rec.Principal.Method = who.Issuer, who.Method
		}
	}
}

// Observe takes in a call that is over. It belongs to gateway.Config.Observe.
func (w *Watch) Observe(v *gateway.Visit) {
	c := own(v)
	if c == nil {
		return
	}
	r := &c.rec
	r.ID, r.Time, r.Service, r.Client = gatehouse.GUID(v.RequestID).String(), v.Times.Start.UTC(), v.Plan.Service.Resource, v.Request.IPAddress
	if r.Remote == r.Client {
		r.Remote = ""
	}
	if v.Request.OriginalURL.Scheme == "https" || v.Request.OriginalURL.Scheme == "wss" {
		r.Request.URL = secured(r.Request.URL) // a proxy that is trusted ended TLS
	}
	c.origin = Origin{Service: v.Plan.Service, API: v.API}
	c.place(v)
	if f := v.LastError; v.Failed != nil && f != nil {
		r.Failure = &Failure{Source: f.Source, Reason: f.Reason, Message: f.Message, Scope: f.Scope, Section: f.Section, Path: f.Path}
	}
	r.Switched, r.Here = v.Reply().StatusCode == http.StatusSwitchingProtocols, v.Answered
	w.Done(c.finish(), &c.origin)
}

func secured(url string) string {
	if rest, ok := strings.CutPrefix(url, "http://"); ok {
		return "https://" + rest
	}
	return url
}

func (c *capture) place(v *gateway.Visit) {
	r := &c.rec
	if v.API != nil {
		r.API = v.API.ID
	}
	if v.Operation != nil {
		r.Operation = v.Operation.ID
	}
	if v.Product != nil {
		r.Product = v.Product.ID
	}
	if v.Subscription != nil {
		r.Subscription = v.Subscription.ID
	}
}

// finish is the record as it is now: what still passes is not in it.
func (c *capture) finish() *Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.bodies {
		*t.to = t.body()
	}
	out := c.rec
	for _, x := range c.sent {
		out.Backends = append(out.Backends, *x)
	}
	return &out
}

// Sampler wants the given part of calls, from 0 to 1.
func Sampler(part float64, random func() float64) func() bool {
	if part >= 1 {
		return nil
	}
	return func() bool { return random() < part }
}
