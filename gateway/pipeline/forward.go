package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// BackendEntity is a backend that policies name by its id (gateway.md 12.1).
type BackendEntity interface {
	// Pick chooses the server for one try. A *Failure refuses: 503 when no member is healthy.
	Pick(c *Call) (Member, error)
}

// Member is the server that a try goes to.
type Member struct {
	ID       string
	Base     *url.URL
	Upstream Upstream
	// Prepare adds credentials to the request that is about to be sent; nil adds none.
	Prepare func(*http.Request) error
	// Done hears how the try ended, for circuit breakers; err is nil when there was an answer. It may be nil.
	Done func(answer *http.Response, err error)
}

// forward is forward-request.
type forward struct {
	timeout, milliseconds, wait Whole
	version                     Text
	redirects, keep             Flag
	stream, failOnError         bool
	again                       bool // inside retry: the request is sent more than once
}

func compileForward(k *Compiler, e *policy.Element) Step {
	return &forward{timeout: k.Whole(e, "timeout"), milliseconds: k.Whole(e, "timeout-ms"), wait: k.Whole(e, "continue-timeout"), version: k.Text(e, "http-version"),
		redirects: k.Flag(e, "follow-redirects"), keep: k.Flag(e, "buffer-request-body"), stream: !k.literalFlag(e, "buffer-response"),
		failOnError: k.literalFlag(e, "fail-on-error-status-code"), again: k.retried > 0}
}

func (k *Compiler) literalFlag(e *policy.Element, attribute string) bool {
	f := k.Flag(e, attribute)
	if !f.Literal() {
		k.Fault(e, "The attribute '%s' does not take expressions.", attribute)
	}
	return f.on
}

// try is one sending of the request, with its attributes evaluated.
type try struct {
	*forward
	timeout      time.Duration
	upstream     Upstream
	follow, keep bool
}

func (s *forward) eval(c *Call) (t try, err error) {
	t = try{forward: s, upstream: c.Target.Upstream}
	seconds, err := s.timeout.Eval(c)
	ms, err2 := s.milliseconds.Eval(c)
	wait, err3 := s.wait.Eval(c)
	version, err4 := s.version.Eval(c)
	follow, err5 := s.redirects.Eval(c)
	keep, err6 := s.keep.Eval(c)
	if err = cmpErr(err, err2, err3, err4, err5, err6); err != nil {
		return t, err
	}
	if t.timeout = time.Duration(seconds) * time.Second; s.milliseconds.Given() {
		t.timeout = time.Duration(ms) * time.Millisecond
	}
	t.upstream.Continue = time.Duration(wait) * time.Second
	switch strings.ToLower(version) {
	case "2":
		t.upstream.HTTP2 = HTTP2Only
	case "2or1":
		t.upstream.HTTP2 = HTTP2Or1
	}
	t.follow, t.keep = follow, keep
	return t, nil
}

// cmpErr returns the first error there is.
func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *forward) Run(c *Call) error {
	if c.GraphQL.Resolvers != nil {
		return c.resolveGraphQL()
	}
	t, err := s.eval(c)
	if err != nil {
		return err
	}
	m := Member{ID: c.Target.BackendID, Base: c.Target.Base, Upstream: t.upstream}
	if c.Target.Entity != nil {
		if m, err = c.Target.Entity.Pick(c); err != nil {
			return err
		}
		m.Upstream.HTTP2, m.Upstream.Continue = t.upstream.HTTP2, t.upstream.Continue
		if t.upstream.Certificate != "" {
			m.Upstream.Certificate = t.upstream.Certificate
		}
		if t.upstream.Proxy != "" {
			m.Upstream.Proxy = t.upstream.Proxy
		}
	}
	if m.Base == nil {
		return failed(ReasonBackendConnection, "The API has no backend: it has no web service URL, and no policy set one.")
	}
	answer, err := t.send(c, m)
	if m.Done != nil {
		m.Done(answer, err)
	}
	if err != nil {
		c.Request.Headers = maps.Clone(c.Request.Headers) // the connection may still be reading the old ones
		return err
	}
	c.receive(answer, s.stream)
	for _, f := range c.shared.answers {
		if err := f(c); err != nil {
			return err
		}
	}
	if s.failOnError && answer.StatusCode >= 400 {
		return &Failure{Reason: "ErrorStatusCode", Message: fmt.Sprintf("The backend answered with status code %d.", answer.StatusCode), Status: answer.StatusCode}
	}
	return nil
}

// send sends the request and waits for the headers of the answer.
func (t *try) send(c *Call, m Member) (*http.Response, error) {
	r, err := t.request(c, m)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(c.Waiting())
	c.OnClose(cancel)
	if c.Hints != nil {
		hinted, end := c.hinted(ctx)
		defer end()
		ctx = hinted
	}
	var late atomic.Bool
	if t.timeout > 0 {
		timer := time.AfterFunc(t.timeout, func() {
			late.Store(true)
			cancel()
		})
		defer timer.Stop()
	}
	rt, err := c.Services.Transport(m.Upstream)
	if err != nil {
		return nil, &Failure{Reason: ReasonBackendConnection, Message: err.Error(), Cause: err}
	}
	if c.Tracing {
		c.Trace("forward-request", fmt.Sprintf("Request is being forwarded to the backend service. Timeout set to %d seconds", int(t.timeout.Seconds())), "url", r.URL.Scheme+"://"+r.URL.Host+r.URL.Path)
	}
	c.Backends.Sent, c.Backends.Method, c.Backends.URL = true, r.Method, r.URL.Host+r.URL.Path
	start := c.Services.now()
	if c.Times.BackendStart.IsZero() {
		c.Times.BackendStart = start
	}
	var answer *http.Response
	if r = r.WithContext(ctx); t.follow {
		answer, err = c.followed(rt, m.Upstream, r)
	} else {
		answer, err = rt.RoundTrip(r)
	}
	c.Times.Backend += c.Services.now().Sub(start)
	if err != nil {
		cancel()
		return nil, c.connectionFailure(err, late.Load())
	}
	c.Backends.Status = answer.StatusCode
	return answer, nil
}

// connectionFailure tells why there is no answer.
func (c *Call) connectionFailure(err error, late bool) *Failure {
	f := &Failure{Reason: ReasonBackendConnection, Message: err.Error(), Cause: err}
	var in *url.Error
	if errors.As(err, &in) {
		f.Message = in.Err.Error() // without the address and what stands in its query
	}
	switch {
	case late || errors.Is(err, context.DeadlineExceeded):
		f.Reason, f.Message = ReasonTimeout, "The operation has timed out."
	case c.Waiting().Err() != nil:
		f.Reason, f.Message = ReasonClientConnection, "The client has gone."
	}
	return f
}

// request makes the request to the backend. It shares the headers of the call's.
func (t *try) request(c *Call, m Member) (*http.Request, error) {
	if b := c.Body(Request); b != nil && (t.keep || t.follow) {
		if err := b.Keep(); err != nil {
			return nil, &Failure{Reason: ReasonClientConnection, Message: "The body of the request could not be read: " + err.Error(), Cause: err}
		}
	}
	r := &http.Request{Method: c.Request.Method, URL: BackendURL(m.Base, c.Request.URL), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header(c.Request.Headers), Host: c.Target.Host}
	if body := c.Body(Request); body != nil {
		r.Body, r.ContentLength = body.Open()
		if body.Kept() {
			r.GetBody = func() (io.ReadCloser, error) {
				again, _ := body.Open()
				return again, nil
			}
		}
	}
	c.passTrailers(r)
	if t.again || c.Upgrade != "" || m.Prepare != nil {
		r.Header = r.Header.Clone()
	}
	if c.Upgrade != "" {
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", c.Upgrade)
	}
	if r.Header["User-Agent"] == nil {
		r.Header["User-Agent"] = noUserAgent
	}
	c.hop(r.Header)
	if m.Prepare != nil {
		return r, m.Prepare(r)
	}
	return r, nil
}

// hop marks a request as one that a gateway sends (RFC 8586). No policy takes the mark off.
func (c *Call) hop(h http.Header) {
	if c.Hops != nil {
		h["Cdn-Loop"] = c.Hops
	}
}

// noUserAgent keeps net/http from sending one of its own.
var noUserAgent = []string{""}

// BackendURL is where a call goes: base, with the path of the call after its own.
func BackendURL(base *url.URL, u *expr.URL) *url.URL {
	to := &url.URL{Scheme: base.Scheme, Host: base.Host, RawQuery: u.RawQuery}
	path := strings.TrimSuffix(base.EscapedPath(), "/")
	if u.Path != "" && !strings.HasPrefix(u.Path, "/") {
		path += "/"
	}
	if path += u.Path; path == "" {
		path = "/"
	}
	if base.RawQuery != "" {
		to.RawQuery = strings.Trim(base.RawQuery+"&"+u.RawQuery, "&")
	}
	if unescaped, err := url.PathUnescape(path); err == nil {
		to.Path = unescaped
		if to.EscapedPath() != path {
			to.RawPath = path
		}
		if to.EscapedPath() == path {
			return to
		}
	}
	to.Path, to.RawPath = path, "" // what was not escaped properly is escaped
	return to
}

// receive makes the backend's answer the call's response.
func (c *Call) receive(answer *http.Response, stream bool) {
	if b := c.Body(Answer); b != nil {
		_ = b.Close()
	}
	_, reason, _ := strings.Cut(answer.Status, " ")
	c.memory.response = expr.Response{StatusCode: answer.StatusCode, StatusReason: reason, Headers: expr.Headers(answer.Header)}
	c.Response = &c.memory.response
	c.Answered, c.Stream, c.Received = false, stream, answer
	if answer.StatusCode == http.StatusSwitchingProtocols {
		c.Switched = answer.Body
		return
	}
	RemoveHopByHop(answer.Header)
	if answer.Body != nil && answer.Body != http.NoBody {
		c.Response.Body = StreamBody(answer.Body, answer.ContentLength)
	}
}

// SeenURL is an address as expressions see it.
func SeenURL(u *url.URL) *expr.URL {
	return &expr.URL{Scheme: u.Scheme, Host: u.Hostname(), Port: portOf(u), Path: u.EscapedPath(), RawQuery: u.RawQuery}
}

func portOf(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	if strings.EqualFold(u.Scheme, "https") {
		return 443
	}
	return 80
}
