package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/config"
)

// listens serves a site as programs do, plain and over TLS.
func listens(t *testing.T, s *site) (plain, secure string, stop func()) {
	t.Helper()
	with := httptest.NewTLSServer(nil)
	defer with.Close()
	var servers []*http.Server
	open := func(c *tls.Config) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := NewServer(s.g, slog.New(slog.DiscardHandler))
		server.TLSConfig = c
		servers = append(servers, server)
		go func() { _ = Serve(server, l) }()
		t.Cleanup(func() { _ = server.Close() })
		return l.Addr().String()
	}
	plain = open(nil)
	secure = open(s.g.TLS(func(string) (*tls.Certificate, error) { return &with.TLS.Certificates[0], nil }))
	return plain, secure, func() {
		for _, each := range servers {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			if err := each.Shutdown(ctx); err != nil {
				t.Error(err)
			}
			cancel()
		}
	}
}

func dial(t *testing.T, address string, secure bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if secure {
		c = tls.Client(c, &tls.Config{InsecureSkipVerify: true, ServerName: "contoso.azure-api.net", NextProtos: []string{"http/1.1"}})
	}
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// reasons is a site whose operations answer with reasons.
func reasons(t *testing.T) *site {
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = rw.WriteString("HTTP/1.1 200 Just Fine\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		_ = rw.Flush()
	}))
	t.Cleanup(backend.Close)
	list := []config.Entity{newAPI("a", "a", backend.URL, nil), newAPI("k", "k", backend.URL, func(a *config.API) { a.SubscriptionRequired = true }), newOperation("k", "o", "GET", "/")}
	for name, status := range map[string]string{"own": `<set-status code="200" reason="As You Wish" />`, "usual": `<set-status code="200" reason="OK" />`, "none": `<set-status code="404" />`,
		"split": `<set-status code="200" reason="@(&quot;x\r\nSet-Cookie: a=b&quot;)" />`, "odd": `<set-status code="200" reason="@(&quot;é&quot;)" />`, "long": `<set-status code="200" reason="@(new string('x', 9000))" />`,
		"empty": `<set-status code="204" reason="Nothing There" />`} {
		list = append(list, newOperation("a", name, "GET", "/"+name), newPolicy("/apis/a/operations/"+name, `<inbound><base /><return-response>`+status+`</return-response></inbound>`))
	}
	list = append(list, newOperation("a", "backend", "POST", "/backend"), newOperation("a", "within", "GET", "/within"), newPolicy("/apis/a/operations/within",
		`<inbound><base /><send-request response-variable-name="r"><set-url>http://contoso.azure-api.net/a/own</set-url></send-request><return-response><set-status code="200" /></return-response></inbound>`))
	return newSite(t, list...)
}

// TestReasons: the first line of an answer over HTTP/1 says what a policy or the backend gave as the reason; one that does not fit
// there is left out, and one answer's is not another's.
func TestReasons(t *testing.T) {
	plain, secure, stop := listens(t, reasons(t))
	const head = " HTTP/1.1\r\nHost: contoso.azure-api.net\r\n"
	for _, over := range []string{plain, secure} {
		c := dial(t, over, over == secure)
		var all strings.Builder
		want := []string{}
		for _, each := range [][2]string{{"/a/own", "200 As You Wish"}, {"/a/usual", "200 OK"}, {"/a/own", "200 As You Wish"}, {"/a/none", "404 Not Found"}, {"/k", "401 Access Denied"}, {"/a/split", "200 x  Set-Cookie: a=b"}, {"/a/odd", "200 OK"},
			{"/a/long", "200 OK"}, {"/a/empty", "204 Nothing There"}, {"/a/within", "200 OK"}, {"/a/usual", "200 OK"}} {
			all.WriteString("GET " + each[0] + head + "\r\n") // all at once
			want = append(want, each[1])
		}
		_, _ = io.WriteString(c, all.String())
		read := bufio.NewReader(c)
		for i, w := range want {
			answer, err := http.ReadResponse(read, nil)
			if err != nil {
				t.Fatal(i, err)
			}
			if _, err = io.Copy(io.Discard, answer.Body); err != nil || answer.Status != w || answer.Header["Set-Cookie"] != nil {
				t.Errorf("%d: %s %v %v, wanted %s", i, answer.Status, answer.Header, err, w)
			}
		}
		fmt.Fprintf(c, "POST /a/backend%sExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", head)
		if answer, err := http.ReadResponse(read, nil); err != nil || answer.Status != "100 Continue" {
			t.Fatal(answer, err)
		}
		_, _ = io.WriteString(c, "xx")
		if answer, err := http.ReadResponse(read, nil); err != nil || answer.Status != "200 Just Fine" {
			t.Error(answer, err)
		}
	}
	stop()
}

// TestSecureListener: what comes over TLS is known as such, in both versions of HTTP; a client that speaks no TLS is told so, and
// one that never shakes hands keeps nobody from anything.
func TestSecureListener(t *testing.T) {
	s := newSite(t, newAPI("a", "a", "http://x.invalid", nil), newOperation("a", "o", "GET", "/"), newPolicy("/apis/a", `<inbound><base /><return-response><set-status code="200" reason="Mine" /><set-body>@(context.Request.OriginalUrl.Scheme)</set-body></return-response></inbound>`))
	_, secure, stop := listens(t, s)
	silent := dial(t, secure, false)
	for version, c := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2.0": {ForceAttemptHTTP2: true}} {
		c.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://"+secure+"/a", nil)
		r.Host = "contoso.azure-api.net"
		answer, err := c.RoundTrip(r)
		if err != nil {
			t.Fatal(version, err)
		}
		if body, _ := io.ReadAll(answer.Body); answer.Proto != version || string(body) != "https" {
			t.Errorf("%s: %s %s", version, answer.Proto, body)
		}
		c.CloseIdleConnections()
	}
	if text := talk(t, secure, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); !strings.HasPrefix(text, "HTTP/1.0 400") {
		t.Errorf("%q", text)
	}
	if text := talk(t, secure, "\x00\x01\x02\x03\x04\x05\x06\x07"); strings.Contains(text, "HTTP") {
		t.Errorf("%q", text)
	}
	stop()
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that never shook hands goes on")
	}
	if c, err := net.Dial("tcp", secure); err == nil {
		c.Close()
		t.Error("the server has stopped, and takes connections")
	}
}

// TestSaid: what does not begin as the answer that a reason is for goes out as it is.
func TestSaid(t *testing.T) {
	for _, bad := range []string{"a\r\nSet-Cookie: b", "a\nb", "a\x00", "é", strings.Repeat("x", 201)} {
		c := &spoken{}
		if c.say(401, bad); c.waits.Load() != nil {
			t.Errorf("%q waits", bad)
		}
	}
	r := &reason{"401", "Access Denied"}
	for _, c := range []struct {
		given, said string
		over        bool
	}{
		{"HTTP/1.1 401 Unauthorized\r\nA: b\r\n\r\nbody\r\n", "HTTP/1.1 401 Access Denied\r\nA: b\r\n\r\nbody\r\n", true}, {"HTTP/1.0 401 Unauthorized\r\n\r\n", "HTTP/1.0 401 Access Denied\r\n\r\n", true},
		{"HTTP/1.1 401 \r\n", "HTTP/1.1 401 Access Denied\r\n", true}, {"HTTP/1.1 100 Continue\r\n\r\n", "", false}, {"HTTP/1.1 103 Early Hints\r\n\r\n", "", false},
		{"HTTP/1.1 200 OK\r\n\r\n", "", true}, {"HTTP/1.1 401 Unauth", "", true}, {"", "", true}, {"HTTP/1.1 401", "", true}, {"body", "", true}, {"HTTP/2.0 401 x\r\n\r\n", "", true},
	} {
		if said, over := r.said([]byte(c.given)); string(said) != c.said || over != c.over {
			t.Errorf("%q: %q %v", c.given, said, over)
		}
	}
}
