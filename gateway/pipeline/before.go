package pipeline

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"sync"

	"gatehouse/gateway/headers"
)

// maxHints bounds the interim answers of a backend.
const maxHints = 20

// hinted is a context in which early hints of a backend (103, RFC 8297) go to the client until end is called. Nothing but links
// passes: no policy has seen them.
func (c *Call) hinted(ctx context.Context) (hinted context.Context, end func()) {
	var mu sync.Mutex // connections may still read when nobody waits
	n, over := 0, false
	got := func(code int, h textproto.MIMEHeader) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n > maxHints {
			return errors.New("the backend has too many answers before the last one")
		}
		if links := h["Link"]; code == http.StatusEarlyHints && len(links) > 0 && !over {
			c.Hints(links)
		}
		return nil
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{Got1xxResponse: got}), func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

// passTrailers has the trailers that the client declared follow the body, if that goes through as it came.
func (c *Call) passTrailers(r *http.Request) {
	if c.HTTP == nil || len(c.HTTP.Trailer) == 0 || r.ContentLength >= 0 {
		return
	}
	r.Trailer = make(http.Header, len(c.HTTP.Trailer))
	for name := range c.HTTP.Trailer {
		if !headers.Credential(name) && !slices.Contains(headers.Overrides[:], name) {
			r.Trailer[name] = nil
		}
	}
	headers.Clean(r.Trailer, false)
	r.Body = &trailed{r.Body, c.HTTP, r.Trailer}
}

// trailed is a body whose trailers are known at its end.
type trailed struct {
	io.ReadCloser
	from *http.Request
	to   http.Header
}

func (t *trailed) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		for name := range t.to {
			t.to[name] = t.from.Trailer[name]
		}
	}
	return n, err
}
