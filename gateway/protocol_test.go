package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway/config"
)

// overHTTP2 is a client that speaks HTTP/2 without TLS.
func overHTTP2(t *testing.T) *http.Transport {
	c := &http.Transport{Protocols: new(http.Protocols)}
	c.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func to(t *testing.T, method, address, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "contoso.azure-api.net"
	return r
}

// TestEarlyHints: links that a backend hints at reach clients over HTTP/2 before the answer, and nothing else does.
func TestEarlyHints(t *testing.T) {
	proceed := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/many" {
			for range 100 {
				w.WriteHeader(http.StatusProcessing)
			}
			return
		}
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.Header().Set("X-Backend-Secret", "s")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		<-proceed
		w.Header().Set("Link", "</final>; rel=next")
		_, _ = io.WriteString(w, "page")
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "get", "GET", "/*"))
	at := front(t, s)
	var hints []textproto.MIMEHeader
	r := to(t, "GET", at, "/a/x", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		if code != http.StatusEarlyHints || len(hints) > 0 {
			t.Error(code, h)
		}
		hints = append(hints, h)
		close(proceed)
		return nil
	}}))
	answer, err := overHTTP2(t).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	if string(body) != "page" || answer.Header.Get("Link") != "</final>; rel=next" || len(answer.Header["Link"]) != 1 {
		t.Errorf("%s %v", body, answer.Header)
	}
	if len(hints) != 1 || hints[0].Get("Link") != "</a.css>; rel=preload" || hints[0].Get("X-Backend-Secret") != "" {
		t.Error(hints)
	}
	if text := talk(t, at, "GET /a/x HTTP/1.1\r\nHost: contoso.azure-api.net\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(text, "HTTP/1.1 200") {
		t.Errorf("over HTTP/1.1: %q", text)
	}
	if answer, err := overHTTP2(t).RoundTrip(to(t, "GET", at, "/a/many", nil)); err != nil || answer.StatusCode != 500 {
		t.Error("a backend may say 1xx for ever", answer, err)
	}
}

// TestContinue: a client that waits to be asked for its body is asked when the backend asks, and never when a policy or the
// backend refuses before.
func TestContinue(t *testing.T) {
	var bodies atomic.Int32
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Refuse") != "" {
			http.Error(w, "no", http.StatusExpectationFailed)
			return
		}
		b, _ := io.ReadAll(r.Body)
		bodies.Add(1)
		fmt.Fprintf(w, "got %s", b)
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "post", "POST", "/*"),
		newPolicy("/apis/a", `<inbound><base /><choose><when condition="@(context.Request.Headers.ContainsKey(&quot;X-Policy&quot;))"><return-response><set-status code="403" /></return-response></when></choose></inbound><backend><base /></backend>`))
	at := front(t, s)
	for _, c := range []struct {
		header string
		first  int // status of the first answer
		last   string
	}{{"Expect: 100-continue", 100, "got body"}, {"Expect: 100-continue\r\nX-Policy: 1", 403, ""}, {"Expect: 100-continue\r\nX-Refuse: 1", 417, "no\n"},
		{"X-Policy: 1", 403, ""}} { // the last one's body never comes
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /a/x HTTP/1.1\r\nHost: contoso.azure-api.net\r\nContent-Length: 4\r\n%s\r\n\r\n", c.header)
		read := bufio.NewReader(conn)
		answer, err := http.ReadResponse(read, nil)
		if err != nil {
			t.Fatal(c.header, err)
		}
		if answer.StatusCode != c.first {
			t.Errorf("%s: %d first", c.header, answer.StatusCode)
		}
		if answer.StatusCode == http.StatusContinue {
			fmt.Fprint(conn, "body")
			if answer, err = http.ReadResponse(read, nil); err != nil {
				t.Fatal(c.header, err)
			}
		}
		if body, _ := io.ReadAll(answer.Body); string(body) != c.last {
			t.Errorf("%s: %s", c.header, body)
		}
		conn.Close()
	}
	if bodies.Load() != 1 {
		t.Errorf("%d bodies arrived", bodies.Load())
	}
}

// TestRequestTrailers: trailers that a client declared follow its body, but for those that tell who calls.
func TestRequestTrailers(t *testing.T) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %v", b, r.Trailer)
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "post", "POST", "/*"))
	at := front(t, s)
	for name, rt := range map[string]http.RoundTripper{"HTTP/1.1": http.DefaultTransport, "HTTP/2": overHTTP2(t)} {
		r := to(t, "POST", at, "/a/x", nil)
		r.Trailer = http.Header{"X-Sum": nil, "X-Gatehouse-Principal-Id": nil, "X_forwarded_for": nil, "X-Api-Key": nil}
		r.ContentLength, r.Body = -1, &ending{strings.NewReader("body"), func() {
			for name := range r.Trailer {
				r.Trailer[name] = []string{"value"}
			}
		}}
		answer, err := rt.RoundTrip(r)
		if err != nil {
			t.Fatal(name, err)
		}
		if body, _ := io.ReadAll(answer.Body); string(body) != "body map[X-Sum:[value]]" {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// ending calls a function when it has been read.
type ending struct {
	io.Reader
	end func()
}

func (e *ending) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil {
		e.end()
	}
	return n, err
}

func (e *ending) Close() error { return nil }

// TestSpilledBodies: a body that policies keep and that memory does not hold is in a file, and that file goes with the call.
func TestSpilledBodies(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	const size = 17 << 20
	var tries atomic.Int32
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		if tries.Add(1) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, n)
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "post", "POST", "/*"),
		newPolicy("/apis/a", `<inbound><base /></inbound><backend><retry condition="@(context.Response.StatusCode == 503)" count="2" interval="0"><forward-request buffer-request-body="true" /></retry></backend><outbound><base /></outbound>`))
	at := front(t, s)
	answer, err := http.DefaultTransport.RoundTrip(to(t, "POST", at, "/a/x", io.LimitReader(zeros{}, size)))
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(answer.Body); string(body) != fmt.Sprint(size) || tries.Load() != 2 {
		t.Errorf("%s after %d tries", body, tries.Load())
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Error("left behind:", left)
	}
	left := 0 // files that are gone from the directory and still open
	open, _ := os.ReadDir("/proc/self/fd")
	for _, each := range open {
		if to, _ := os.Readlink("/proc/self/fd/" + each.Name()); strings.Contains(to, "gatehouse-body-") {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d files are still open", left)
	}
}

// frame is a WebSocket frame (RFC 6455 5.2) of a short payload; a client's is masked.
func frame(opcode byte, payload string, masked bool) []byte {
	b := []byte{0x80 | opcode, byte(len(payload))}
	if !masked {
		return append(b, payload...)
	}
	b[1] |= 0x80
	mask := []byte{1, 2, 3, 4}
	b = append(b, mask...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// shake asks a gateway for a WebSocket and returns the connection after the handshake.
func shake(t *testing.T, at string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: contoso.azure-api.net\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
	read := bufio.NewReader(conn)
	answer, err := http.ReadResponse(read, nil)
	if err != nil || answer.StatusCode != 101 || answer.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || answer.Header.Get("Sec-WebSocket-Protocol") != "chat" {
		t.Fatal(answer, err)
	}
	return conn, read
}

// newChat is a gateway before a WebSocket server that answers each 7 bytes with hello, and a close frame with the same.
func newChat(t *testing.T, observe func(*Visit)) (*site, *http.Server, string) {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		fmt.Fprintf(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: %s\r\n\r\n", r.Header.Get("Sec-WebSocket-Protocol"))
		_ = rw.Flush()
		for {
			head := make([]byte, 6)
			if _, err := io.ReadFull(rw, head); err != nil {
				return
			}
			payload := make([]byte, head[1]&0x7f)
			if _, err := io.ReadFull(rw, payload); err != nil {
				return
			}
			for i := range payload {
				payload[i] ^= head[2+i%4]
			}
			_, _ = rw.Write(frame(head[0]&0xf, string(payload), false))
			_ = rw.Flush()
			if head[0]&0xf == 8 {
				return
			}
		}
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("ws", "ws", strings.Replace(backend.URL, "http", "ws", 1), func(a *config.API) { a.Type, a.Protocols = "websocket", []string{"ws"} }), newOperation("ws", "onHandshake", "GET", "/"))
	s.g.Observe = observe
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(s.g, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return s, server, l.Addr().String()
}

func say(t *testing.T, conn net.Conn, read io.Reader, opcode byte, payload string) {
	t.Helper()
	_, _ = conn.Write(frame(opcode, payload, true))
	want := frame(opcode, payload, false)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(read, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q came back, wanted %q: %v", got, want, err)
	}
}

// TestWebSocketCloses: frames go both ways as they are, the code and the reason that one side ends with reach the other.
func TestWebSocketCloses(t *testing.T) {
	over := make(chan [2]int64, 1)
	_, _, at := newChat(t, func(v *Visit) { over <- [2]int64{v.Traffic.Received, v.Traffic.Sent} })
	conn, read := shake(t, at)
	say(t, conn, read, 1, "hello")
	say(t, conn, read, 2, "\x00\xff")
	say(t, conn, read, 9, "ping")
	say(t, conn, read, 8, "\x0f\xa1bye") // 4001
	if rest, err := io.ReadAll(read); err != nil || len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
	conn.Close()
	if got := <-over; got != [2]int64{11 + 8 + 10 + 11, 7 + 4 + 6 + 7} {
		t.Error(got)
	}
}

// TestWebSocketDrain: a server that stops lets connections go on until the gateway hangs up, and their calls end then.
func TestWebSocketDrain(t *testing.T) {
	var over atomic.Bool
	s, server, at := newChat(t, func(*Visit) { over.Store(true) })
	conn, read := shake(t, at)
	if err := server.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	say(t, conn, read, 1, "still here")
	s.g.HangUp()
	if !over.Load() {
		t.Error("the gateway has hung up, and the call goes on")
	}
	if _, err := read.ReadByte(); err == nil {
		t.Error("the connection goes on")
	}
}

// TestWebSocketOverHTTP2: it is not offered (RFC 8441 3), so that browsers take HTTP/1.1, and a client that asks all the same is refused.
func TestWebSocketOverHTTP2(t *testing.T) {
	_, _, at := newChat(t, nil)
	r := to(t, "CONNECT", at, "/ws", nil)
	r.Header[":protocol"] = []string{"websocket"}
	answer, err := overHTTP2(t).RoundTrip(r)
	if err == nil && answer.StatusCode < 400 {
		t.Error(answer)
	}
}
