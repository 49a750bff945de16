package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"gatehouse/gateway/headers"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy"
)

// answer sends the response and ends the call.
func (g *Gateway) answer(v *Visit, w http.ResponseWriter, r *http.Request) {
	defer func() { // also when the connection breaks while the answer goes out
		v.Sent()
		if g.Observe != nil {
			v.Total = g.Clock().Sub(v.start)
			g.Observe(v)
		}
		if v.joined {
			g.joined.calls.Done()
		}
	}()
	v.Sending()
	if f := v.Failed; f != nil && f.Cause != nil {
		g.Log.Debug("a call failed", "id", v.RequestID, "reason", f.Reason, "message", f.Message, "cause", f.Cause)
	}
	answer := v.Reply()
	if answer.StatusCode == http.StatusSwitchingProtocols {
		if v.Switched != nil {
			g.join(v, w)
			return
		}
		if v.GraphQL.Opened {
			g.subscriptions(v, w)
			return
		}
		v.Fail(&pipeline.Failure{Source: "forward-request", Reason: pipeline.ReasonBackendConnection, Message: "Switching protocols was not asked for."})
		answer = v.Reply()
	}
	h := w.Header()
	for name, values := range answer.Headers {
		h[name] = values
	}
	pipeline.RemoveHopByHop(h)
	body := v.Body(pipeline.Answer)
	stream := v.Stream
	switch {
	case body == nil && r.Method != http.MethodHead && !bodiless(answer.StatusCode):
		h["Content-Length"] = zero
	case body != nil:
		size := body.Size()
		if delete(h, "Content-Length"); size >= 0 {
			h["Content-Length"] = []string{strconv.FormatInt(size, 10)}
		}
		stream = stream || size < 0 || eventStream(h)
	}
	declared := v.announce(h)
	if r.ProtoMajor == 1 && r.Body != nil && r.Body != http.NoBody { // else net/http waits for the body before it answers
		_ = http.NewResponseController(w).EnableFullDuplex()
	}
	status := statusOf(answer.StatusCode)
	if r.ProtoMajor == 1 && status == answer.StatusCode {
		sayWhy(r.Context(), w, status, answer.StatusReason)
	}
	w.WriteHeader(status)
	if body != nil && r.Method != http.MethodHead && !bodiless(answer.StatusCode) {
		v.copyBody(w, body, stream)
	}
	v.trailers(h, declared)
}

var zero = []string{"0"}

// hint sends 103 (Early Hints, RFC 8297) ahead of the answer.
func (v *Visit) hint(links []string) {
	h := v.Writer.Header()
	h["Link"] = links
	v.Writer.WriteHeader(http.StatusEarlyHints)
	delete(h, "Link")
}

// statusOf keeps net/http from refusing a status that a policy made up.
func statusOf(code int) int {
	if code < 200 || code > 999 {
		return http.StatusInternalServerError
	}
	return code
}

func bodiless(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified || status < 200
}

func eventStream(h http.Header) bool {
	t := h["Content-Type"]
	return len(t) > 0 && strings.HasPrefix(t[0], "text/event-stream")
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copyBody sends the body, each piece at once when stream is set. A body that breaks off breaks the connection: the
// client would take what it has for all.
func (v *Visit) copyBody(w http.ResponseWriter, body *pipeline.Body, stream bool) {
	from, _ := body.Open()
	defer from.Close()
	if data, ok := from.(io.WriterTo); ok {
		n, _ := data.WriteTo(w)
		v.Traffic.Sent += n
		return
	}
	var flush http.Flusher
	if stream {
		if flush, _ = w.(http.Flusher); flush != nil {
			flush.Flush()
		}
	}
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			if _, failed := w.Write(buffer[:n]); failed != nil {
				return
			}
			v.Traffic.Sent += int64(n)
			if flush != nil {
				flush.Flush()
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// announce declares the trailers that the backend's answer declared.
func (v *Visit) announce(h http.Header) (declared int) {
	if v.Received == nil || v.Answered || len(v.Received.Trailer) == 0 {
		return 0
	}
	for name := range v.Received.Trailer {
		h.Add("Trailer", name)
	}
	return len(v.Received.Trailer)
}

// trailers sends those of the backend's answer, declared or not: gRPC has its status there.
func (v *Visit) trailers(h http.Header, declared int) {
	if v.Received == nil || v.Answered || len(v.Received.Trailer) == 0 {
		return
	}
	if f, ok := v.Writer.(http.Flusher); ok {
		f.Flush() // so that there are trailers even without a body
	}
	for name, values := range v.Received.Trailer {
		if len(v.Received.Trailer) != declared {
			name = http.TrailerPrefix + name
		}
		h[name] = values
	}
}

// defaultDocument governs services that have no global policy.
var defaultDocument = sync.OnceValue(func() *pipeline.Document {
	d, err := policy.Parse("<policies><inbound /><backend><forward-request /></backend><outbound /></policies>", policy.XML)
	src := pipeline.Source{Scope: policy.Global, Document: d}
	if err != nil {
		return pipeline.Broken(src, err)
	}
	return pipeline.Compile(src, pipeline.Env{})
})

// maxLoopback bounds how deep calls may call the gateway themselves (gateway.md 16).
const maxLoopback = 5

type depth struct{}

// loopback serves a request of a policy that goes to this gateway itself, without the network.
func (g *Gateway) loopback(r *http.Request) (*http.Response, bool) {
	if r.URL.Scheme != "https" && r.URL.Scheme != "http" || g.hosts.Load().names[hostName(r.URL.Host)] == nil {
		return nil, false
	}
	level, _ := r.Context().Value(depth{}).(int)
	if level >= maxLoopback {
		return &http.Response{StatusCode: http.StatusLoopDetected, Status: "508 Loop Detected", Header: http.Header{}, Body: http.NoBody}, true
	}
	in := r.Clone(context.WithValue(r.Context(), depth{}, level+1))
	headers.Unforwarded(in.Header) // it comes from this machine, which may be one that is trusted, and policies say nothing for a proxy
	if r.URL.Scheme == "https" {
		in.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true}
	}
	answer, err := serveLocally(g, in)
	return answer, err == nil
}
