package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/gateway/config"
)

// rawBackend answers each connection by writing a text, and hangs up. It keeps what it was sent.
type rawBackend struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func newRawBackend(t *testing.T, answer string, linger time.Duration) *rawBackend {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	b := &rawBackend{Listener: l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c, answer, linger)
		}
	}()
	return b
}

func (b *rawBackend) serve(c net.Conn, answer string, linger time.Duration) {
	defer c.Close()
	r := bufio.NewReader(c)
	var head strings.Builder
	for {
		line, err := r.ReadString('\n')
		head.WriteString(line)
		if err != nil || line == "\r\n" {
			break
		}
	}
	b.mu.Lock()
	b.seen = append(b.seen, head.String())
	b.mu.Unlock()
	_, _ = io.WriteString(c, answer)
	time.Sleep(linger)
}

func (b *rawBackend) requests() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.seen)
}

func (b *rawBackend) forget() {
	time.Sleep(5 * time.Millisecond) // what is on its way arrives
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen = nil
}

// front serves a site over real connections with the limits of NewServer, headers sooner.
func front(t *testing.T, s *site) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(s.g, slog.New(slog.DiscardHandler))
	server.ReadHeaderTimeout = 300 * time.Millisecond
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return l.Addr().String()
}

// talk writes a text to the gateway and returns everything that comes back until the connection ends.
func talk(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		return "write: " + err.Error()
	}
	b, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return string(b) + " (still open)"
	}
	return string(b)
}

func faultySite(t *testing.T, backend string) *site {
	return newSite(t, newAPI("a", "a", "http://"+backend, nil), newOperation("a", "get", "GET", "/*"), newOperation("a", "post", "POST", "/*"))
}

// TestBackendDies: an answer that ends early is not taken for a whole one, and one that is none is a failure of the backend.
func TestBackendDies(t *testing.T) {
	for _, c := range []struct{ name, answer, want string }{
		{"in the middle of a body of known length", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this", ""},
		{"in the middle of a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nonly this", "HTTP/1.1 200 OK"},
		{"before the last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nthis\r\n", "HTTP/1.1 200 OK"},
		{"before its answer", "", "HTTP/1.1 500"},
		{"in its headers", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 500"},
		{"with no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 500"},
		{"with a broken chunk size", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n", "HTTP/1.1 200 OK"},
		{"with endless headers", "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 2000) + "\r\n", "HTTP/1.1 500"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newRawBackend(t, c.answer, 0)
			at := front(t, faultySite(t, b.Addr().String()))
			got := talk(t, at, "GET /a/x HTTP/1.1\r\nHost: contoso.azure-api.net\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, c.want) {
				t.Fatalf("%q", got)
			}
			if !strings.Contains(c.want, "500") && complete(got) {
				t.Errorf("the client takes it for a whole answer: %q", got)
			}
			if strings.Contains(c.want, "500") && !strings.Contains(got, `"message": "Internal server error"`) {
				t.Errorf("%q", got)
			}
		})
	}
}

// complete reports whether a client would take an answer for whole.
func complete(text string) bool {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(text)), nil)
	if err != nil {
		return false
	}
	_, err = io.ReadAll(r.Body)
	return err == nil && r.ContentLength != -1 || err == nil && len(r.TransferEncoding) > 0
}

// TestSlowClients: whoever sends headers drop by drop is cut off; headers without end are refused.
func TestSlowClients(t *testing.T) {
	s := faultySite(t, strings.TrimPrefix(echo(t), "http://"))
	at := front(t, s)
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	started := time.Now()
	cut := false
	for range 100 {
		if _, err := io.WriteString(c, "G"); err != nil {
			cut = true
			break
		}
		_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := c.Read(make([]byte, 1)); n > 0 || err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			cut = true
			break
		}
	}
	if !cut || time.Since(started) > 4*time.Second {
		t.Errorf("a client that sends a letter at a time is served for %v", time.Since(started))
	}
	if got := talk(t, at, "GET /a/x HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("a", 200<<10)+"\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 431") && !strings.HasPrefix(got, "write:") {
		t.Errorf("%.100q", got)
	}
	s.want("GET /a/x", 200, "GET") // and everybody else is served
}

// TestMalformedRequests: what can be read in two ways is not passed on.
func TestMalformedRequests(t *testing.T) {
	b := newRawBackend(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 0)
	s := faultySite(t, b.Addr().String())
	at := front(t, s)
	const host = "Host: contoso.azure-api.net\r\n"
	for name, text := range map[string]string{
		"broken chunk size":            "POST /a/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
		"two lengths":                  "POST /a/x HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
		"negative length":              "POST /a/x HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
		"unknown transfer encoding":    "POST /a/x HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"chunked in disguise":          "POST /a/x HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
		"blank before the colon":       "GET /a/x HTTP/1.1\r\n" + host + "X-A : b\r\n\r\n",
		"two hosts":                    "GET /a/x HTTP/1.1\r\n" + host + "Host: other.test\r\n\r\n",
		"no host":                      "GET /a/x HTTP/1.1\r\n\r\n",
		"zero byte in a header":        "GET /a/x HTTP/1.1\r\n" + host + "X-A: a\x00b\r\n\r\n",
		"a method with blanks":         "GE T /a/x HTTP/1.1\r\n" + host + "\r\n",
		"line end in the path":         "GET /a/x\rX: y HTTP/1.1\r\n" + host + "\r\n",
		"a dot segment behind a slash": "GET /a/..%2fadmin HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n",
	} {
		b.forget()
		got := talk(t, at, text)
		if name == "broken chunk size" {
			continue // the backend sees the head of it and may answer to that; it never gets a whole request
		}
		if strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%s: %q", name, got)
		}
		if n := b.requests(); n > 0 {
			t.Errorf("%s: the backend was asked %q", name, b.seen)
		}
	}
}

// TestSmuggling: a request within the body of another is a body.
func TestSmuggling(t *testing.T) {
	var asked atomic.Int32
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(body))
	}))
	t.Cleanup(backend.Close)
	at := front(t, faultySite(t, strings.TrimPrefix(backend.URL, "http://")))
	hidden := "GET /a/admin HTTP/1.1\r\nHost: x\r\n\r\n"
	// Both lengths: chunked counts (RFC 9112 6.3), and the connection ends.
	got := talk(t, at, "POST /a/x HTTP/1.1\r\nHost: contoso.azure-api.net\r\nConnection: close\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"+fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden))
	if strings.Count(got, "HTTP/1.1 ") != 1 || strings.Contains(got, "admin") || asked.Load() > 1 {
		t.Errorf("%d requests: %q", asked.Load(), got)
	}
}

// TestClientHangsUp: a backend's call ends with its client's.
func TestClientHangsUp(t *testing.T) {
	ended := make(chan struct{})
	began := make(chan struct{}, 1)
	backend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		<-r.Context().Done()
		close(ended)
	}))
	t.Cleanup(backend.Close)
	at := front(t, faultySite(t, strings.TrimPrefix(backend.URL, "http://")))
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/a/x", nil)
	r.Host = "contoso.azure-api.net"
	go func() {
		<-began
		cancel()
	}()
	if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
		answer.Body.Close()
		t.Error("there was an answer")
	}
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Error("the backend is still being waited for")
	}
}

// TestLargeBodies: bodies go through without being kept, both ways. GATEHOUSE_SOAK sends a GiB.
func TestLargeBodies(t *testing.T) {
	size := int64(64 << 20)
	if os.Getenv("GATEHOUSE_SOAK") != "" {
		size = 1 << 30
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Got", fmt.Sprint(n))
		_, _ = io.CopyN(w, zeros{}, size)
	}))
	t.Cleanup(backend.Close)
	s := newSite(t, newAPI("a", "a", backend.URL, nil), newOperation("a", "post", "POST", "/*"),
		newPolicy("/apis/a", `<inbound><base /><set-header name="X-A"><value>@("a" + context.Request.Method)</value></set-header></inbound><backend><base /></backend><outbound><base /></outbound>`))
	at := front(t, s)
	call := func() {
		r, _ := http.NewRequest(http.MethodPost, "http://"+at+"/a/x", io.LimitReader(zeros{}, size))
		r.ContentLength, r.Host = size, "contoso.azure-api.net"
		answer, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err != nil || n != size || answer.Header.Get("X-Got") != fmt.Sprint(size) {
			t.Errorf("%d bytes came back, %s went: %v", n, answer.Header.Get("X-Got"), err)
		}
	}
	call() // what is made once, such as tables of expressions, belongs to no call
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	grown := after.TotalAlloc - before.TotalAlloc
	t.Logf("%d KiB were allocated for %d MiB", grown>>10, size>>20)
	if grown > 4<<20 {
		t.Errorf("%d KiB were allocated for %d MiB", grown>>10, size>>20)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestDrain: a server that stops answers the calls that run.
func TestDrain(t *testing.T) {
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = io.WriteString(w, "done")
	}))
	t.Cleanup(backend.Close)
	s := faultySite(t, strings.TrimPrefix(backend.URL, "http://"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(s.g, slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	got := make(chan string, 1)
	go func() {
		got <- talk(t, l.Addr().String(), "GET /a/x HTTP/1.1\r\nHost: contoso.azure-api.net\r\nConnection: close\r\n\r\n")
	}()
	time.Sleep(100 * time.Millisecond)
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.Background()) }()
	time.Sleep(50 * time.Millisecond)
	close(release)
	if text := <-got; !strings.HasSuffix(text, "done") {
		t.Errorf("%q", text)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestGatewayUnderChange: calls see one configuration from beginning to end while others are saved.
func TestGatewayUnderChange(t *testing.T) {
	page := func(n int) *config.Policy {
		return newPolicy("/apis/a", fmt.Sprintf(`<inbound><base /><return-response><set-header name="X-N"><value>%d</value></set-header><set-body>@("%d")</set-body></return-response></inbound>`, n, n))
	}
	s := newSite(t, newAPI("a", "a", "http://backend.invalid", nil), newOperation("a", "get", "GET", "/"), page(0))
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				w := httptest.NewRecorder()
				s.g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://contoso.azure-api.net/a", nil))
				if w.Code != 200 || w.Header().Get("X-N") != w.Body.String() {
					t.Errorf("%d: header %q, body %q", w.Code, w.Header().Get("X-N"), bytes.TrimSpace(w.Body.Bytes()))
					return
				}
			}
		})
	}
	for n := range 200 {
		s.put(page(n + 1))
	}
	close(stop)
	wait.Wait()
}
