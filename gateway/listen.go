package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Serve serves what comes to a listener, over TLS when the server has a configuration for that. It is http.Server.Serve and
// ServeTLS, but that answers over HTTP/1 can have reasons of their own in their first line.
func Serve(s *http.Server, l net.Listener) error {
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if words, ok := c.(speaker); ok {
			return context.WithValue(ctx, speakerKey{}, words)
		}
		return ctx
	}
	if s.TLSConfig == nil {
		return s.Serve(plainListener{l})
	}
	shaking := &secureListener{Listener: l, server: s, config: s.TLSConfig.Clone(), ready: make(chan net.Conn), failed: make(chan error)}
	shaking.ctx, shaking.end = context.WithCancel(context.Background())
	go shaking.run()
	return s.Serve(shaking)
}

// plainListener accepts connections whose answers can have reasons.
type plainListener struct{ net.Listener }

func (l plainListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &spoken{Conn: c}, nil
}

// secureListener accepts connections that have shaken hands: net/http knows HTTP/2 by the kind of connection, and that is known
// only then. Each shakes hands in a goroutine of its own, as it would in net/http, and has as long for that.
type secureListener struct {
	net.Listener
	server *http.Server
	config *tls.Config
	ready  chan net.Conn
	failed chan error
	ctx    context.Context // ends when the listener is closed
	end    context.CancelFunc
}

// handshakeTime is how long a handshake may take.
const handshakeTime = 10 * time.Second

func (l *secureListener) run() {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			go l.shake(c)
			continue
		}
		select {
		case l.failed <- err: // net/http waits, or ends
		case <-l.ctx.Done():
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// Accept is of net.Listener.
func (l *secureListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case err := <-l.failed:
		return nil, err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close is of net.Listener.
func (l *secureListener) Close() error {
	l.end()
	return l.Listener.Close()
}

// shake shakes hands, and hands the connection on.
func (l *secureListener) shake(c net.Conn) {
	made, err := l.handshake(c)
	if err != nil {
		if l.server.ErrorLog != nil {
			l.server.ErrorLog.Printf("http: TLS handshake error from %s: %v", c.RemoteAddr(), err)
		}
		_ = c.Close()
		return
	}
	select {
	case l.ready <- made:
	case <-l.ctx.Done():
		_ = made.Close()
	}
}

func (l *secureListener) handshake(c net.Conn) (made net.Conn, err error) {
	defer func() { // what chooses certificates may not end the process
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(l.ctx, handshakeTime)
	defer cancel()
	secure := tls.Server(c, l.config)
	if err = secure.HandshakeContext(ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil && speaksHTTP(header.RecordHeader) {
			_ = header.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(header.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		return nil, err
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		return secure, nil
	}
	return &spokenTLS{spoken{Conn: secure}, secure}, nil
}

// speaksHTTP reports whether the first bytes of a connection are a request of HTTP rather than a record of TLS.
func speaksHTTP(start [5]byte) bool {
	switch string(start[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}
