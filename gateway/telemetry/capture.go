package telemetry

import (
	"io"
	"net/http"
	"strings"
	"sync"

	"gatehouse/gateway"
	"gatehouse/gateway/headers"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
)

// Message is what was kept of a request or an answer.
type Message struct {
	Header http.Header
	Body   []byte
	Cut    bool // there was more than Body
}

// Exchange is a request and its answer.
type Exchange struct {
	Method, URL     string
	Request, Answer Message
	Status          int // 0 when no answer came
}

// Capture keeps the messages of a call while they pass: headers, and as much of bodies as Most says. It changes nothing of them.
type Capture struct {
	Most     int // bytes of each body
	Client   Exchange
	Backends []Exchange // one for each try that was answered

	diagnostics []chosen
	mu          sync.Mutex // connections may still read a body when the call is over
}

// Look calls f while nothing changes.
func (c *Capture) Look(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

// mostBackends bounds the tries of a call that are kept.
const mostBackends = 10

// Watch begins to keep what passes. No policy may have run yet.
func (c *Capture) Watch(v *gateway.Visit) {
	c.Client.Method, c.Client.Request.Header = v.HTTP.Method, v.HTTP.Header.Clone()
	c.watch(v.Call, pipeline.Request, &c.Client.Request)
	v.OnAnswer(func(call *pipeline.Call) error {
		c.answered(call)
		return nil
	})
	v.BeforeSend(func(call *pipeline.Call) {
		r := call.Reply()
		c.Client.Status, c.Client.Answer.Header = r.StatusCode, http.Header(r.Headers).Clone()
		c.watch(call, pipeline.Answer, &c.Client.Answer)
	})
}

// answered keeps one try.
func (c *Capture) answered(call *pipeline.Call) {
	if len(c.Backends) >= mostBackends {
		return
	}
	r := call.Reply()
	u := call.Backends.URL
	if q := call.Request.URL.RawQuery; q != "" {
		u += "?" + q
	}
	x := Exchange{Method: call.Backends.Method, URL: u, Status: r.StatusCode}
	x.Request.Header, x.Answer.Header = http.Header(call.Request.Headers).Clone(), http.Header(r.Headers).Clone()
	if sent := call.Body(pipeline.Request); sent != nil && sent.Kept() {
		c.copy(sent, &x.Request)
	}
	c.Look(func() {
		if x.Request.Body == nil { // it went through as it came
			x.Request.Body, x.Request.Cut = c.Client.Request.Body, c.Client.Request.Cut
		}
		c.Backends = append(c.Backends, x)
	})
	if b := call.Body(pipeline.Answer); b != nil {
		c.watch(call, pipeline.Answer, nil)
	}
}

// last is the answer of the newest try.
func (c *Capture) last() *Message { return &c.Backends[len(c.Backends)-1].Answer }

// watch keeps the body of a message: what is kept already is copied, what streams is looked at while it passes. A nil
// message is the answer of the newest try.
func (c *Capture) watch(call *pipeline.Call, side pipeline.Side, to *Message) {
	b := call.Body(side)
	if b == nil || c.Most == 0 {
		return
	}
	if !b.Streams() {
		if to == nil {
			to = c.last()
		}
		c.copy(b, to)
		return
	}
	stream, size := b.Open()
	t := &tee{ReadCloser: stream, capture: c, to: to, try: len(c.Backends) - 1}
	var body expr.Body = pipeline.StreamBody(t, size)
	if side == pipeline.Request {
		call.Request.Body = body
	} else {
		call.Response.Body = body
	}
}

// copy takes the start of a body that can be read again.
func (c *Capture) copy(b *pipeline.Body, to *Message) {
	from, size := b.Open()
	defer from.Close()
	data, err := io.ReadAll(io.LimitReader(from, int64(c.Most)))
	if err == nil {
		to.Body, to.Cut = data, size > int64(len(data))
	}
}

// tee keeps the start of what is read through it.
type tee struct {
	io.ReadCloser
	capture *Capture
	to      *Message // nil for the answer of a try
	try     int
}

func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if n > 0 {
		t.capture.mu.Lock()
		defer t.capture.mu.Unlock()
		m := t.to
		if m == nil {
			m = &t.capture.Backends[t.try].Answer
		}
		room := max(t.capture.Most-len(m.Body), 0)
		m.Body = append(m.Body, p[:min(n, room)]...)
		m.Cut = m.Cut || n > room
	}
	return n, err
}

// Secret reports whether a header or parameter of that name is about letting somebody in.
func Secret(name string) bool {
	if headers.Credential(http.CanonicalHeaderKey(name)) {
		return true
	}
	switch strings.ToLower(name) {
	case "access_token", "id_token", "token", "code", "sig", "apikey", "key", "password", "client_secret":
		return true
	}
	return false
}
