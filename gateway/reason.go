package gateway

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// speaker is a connection whose next answer can be given a reason.
type speaker interface {
	say(status int, reason string)
}

type speakerKey struct{}

// spoken is a connection on which answers can have other reasons than net/http gives them. A reason waits for the answer with its
// status. net/http begins each answer with a write of its own, since it flushes the last one before; should a write not begin with
// that status, it goes out as it is and the reason is forgotten.
type spoken struct {
	net.Conn
	waits atomic.Pointer[reason]
}

// reason is what a first line is to say.
type reason struct{ status, text string }

// longestReason is how long one may be.
const longestReason = 200

// say has the next answer, if it has the status, say why. What does not fit into a first line is not said.
func (c *spoken) say(status int, text string) {
	if status < 200 || status > 999 || len(text) > longestReason {
		return
	}
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return
		}
	}
	c.waits.Store(&reason{string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)}), text})
}

// Write is of net.Conn.
func (c *spoken) Write(p []byte) (int, error) {
	r := c.waits.Load()
	if r == nil {
		return c.Conn.Write(p)
	}
	said, over := r.said(p)
	if over {
		c.waits.Store(nil)
	}
	if said == nil {
		return c.Conn.Write(p)
	}
	if _, err := c.Conn.Write(said); err != nil {
		return 0, err
	}
	return len(p), nil
}

// said is what is to be written in place of p, nil for p itself; over tells that the reason waits no longer. Interim answers (1xx) go
// by.
func (r *reason) said(p []byte) (said []byte, over bool) {
	const line = len("HTTP/1.1 200")
	if len(p) <= line || string(p[:7]) != "HTTP/1." || p[8] != ' ' {
		return nil, true
	}
	if p[9] == '1' {
		return nil, false
	}
	end := bytes.Index(p, []byte("\r\n"))
	if end < 0 || string(p[9:line]) != r.status {
		return nil, true
	}
	said = make([]byte, 0, len(p)+len(r.text))
	said = append(append(said, p[:line]...), ' ')
	return append(append(said, r.text...), p[end:]...), true
}

// CloseWrite ends the one direction, as net/http and what has left HTTP want to.
func (c *spoken) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// spokenTLS is such a connection over TLS.
type spokenTLS struct {
	spoken
	secure *tls.Conn
}

// ConnectionState is how net/http learns of TLS.
func (c *spokenTLS) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// sayWhy puts a reason that is not the usual one into the first line of an answer over HTTP/1. An answer that stays in the process
// has none: the connection is that of another one.
func sayWhy(ctx context.Context, w http.ResponseWriter, status int, text string) {
	if text == "" || text == http.StatusText(status) || !wired(w) {
		return
	}
	if c, ok := ctx.Value(speakerKey{}).(speaker); ok {
		c.say(status, text)
	}
}

// wired reports whether an answer goes to a connection of HTTP/1.
func wired(w http.ResponseWriter) bool {
	for {
		switch of := w.(type) {
		case http.Hijacker:
			return true
		case interface{ Unwrap() http.ResponseWriter }:
			w = of.Unwrap()
		default:
			return false
		}
	}
}
