package front

import (
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Traefik and Envoy are in no package that tests could install. What follows asks and acts as their documentation says, by the
// configuration that docs/gateway.md shows: doc.traefik.io, ForwardAuth; envoyproxy.io, ext_authz with http_service.

// configured is the block of docs/gateway.md that begins with a comment.
func configured(t *testing.T, begins string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```yaml\n"+begins)
	text, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("docs/gateway.md shows nothing that begins with %s", begins)
	}
	return text
}

// asking is such a proxy: ask makes the question of a request, take gives the request what the answer says.
type asking struct {
	t        *testing.T
	client   *http.Client
	upstream string
	gateway  string
	ask      func(r *http.Request) *http.Request
	take     func(r *http.Request, answer http.Header)
}

func (a *asking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/.gatehouse/") { // a route of its own, without questions
		to, _ := url.Parse(a.gateway)
		(&httputil.ReverseProxy{Transport: a.client.Transport, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to); p.Out.Host = r.Host }}).ServeHTTP(w, r)
		return
	}
	answer, err := a.client.Do(a.ask(r))
	if err != nil {
		a.t.Error(err)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 { // goes to the client as it is
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
		return
	}
	a.take(r, answer.Header)
	to, _ := url.Parse(a.upstream)
	(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}).ServeHTTP(w, r)
}

func (w *world) asking(t *testing.T, port string, a *asking) {
	client := *w.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a.t, a.client, a.upstream, a.gateway = t, &client, w.upstream.URL, w.at
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: a}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
}

// gone are headers of a connection, which Traefik does not pass on.
var gone = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Te", "Trailer", "Trailers", "Transfer-Encoding", "Upgrade"}

// traefik asks with GET at the address, with all headers of the client, and describes the request in X-Forwarded headers that are
// its own. Of the answer it takes the headers that are named, in place of those of the client.
func traefik(t *testing.T, w *world, port string) {
	text := configured(t, "# Traefik")
	address := regexp.MustCompile(`address: (\S+)`).FindStringSubmatch(text)
	headers := regexp.MustCompile(`authResponseHeaders: \[(.*)\]`).FindStringSubmatch(text)
	if address == nil || headers == nil || strings.Contains(text, "trustForwardHeader: true") {
		t.Fatal("docs/gateway.md does not configure Traefik:", text)
	}
	at := strings.Replace(address[1], "https://gateway.example:8444", w.at, 1)
	w.asking(t, port, &asking{
		ask: func(r *http.Request) *http.Request {
			q, err := http.NewRequest("GET", at, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Header = r.Header.Clone()
			for _, name := range gone {
				q.Header.Del(name)
			}
			client, _, _ := net.SplitHostPort(r.RemoteAddr)
			for name, value := range map[string]string{"Method": r.Method, "Proto": "http", "Port": port, "Host": r.Host, "Uri": r.URL.RequestURI(), "For": client} {
				q.Header.Set("X-Forwarded-"+name, value)
			}
			return q
		},
		take: func(r *http.Request, answer http.Header) {
			for name := range strings.SplitSeq(headers[1], ", ") {
				r.Header.Del(name)
				if v := answer.Values(name); len(v) > 0 {
					r.Header[http.CanonicalHeaderKey(name)] = v
				}
			}
		},
	})
}

// envoy asks with the method, host and path of the request below its prefix, with Authorization and the headers that are
// allowed, and no body. Of the answer it takes the headers that are allowed, in place of those of the client.
func envoy(t *testing.T, w *world, port string) {
	text := configured(t, "# Envoy")
	prefix := regexp.MustCompile(`path_prefix: (\S+)`).FindStringSubmatch(text)
	request, response, ok := strings.Cut(text, "authorization_response:")
	if prefix == nil || !ok {
		t.Fatal("docs/gateway.md does not configure Envoy:", text)
	}
	allows := func(part string) func(name string) bool {
		patterns := regexp.MustCompile(`\{(exact|prefix): ([a-z0-9-]+)\}`).FindAllStringSubmatch(part, -1)
		return func(name string) bool {
			name = strings.ToLower(name)
			return slices.ContainsFunc(patterns, func(p []string) bool { return name == p[2] || p[1] == "prefix" && strings.HasPrefix(name, p[2]) })
		}
	}
	asked, taken := allows(request), allows(response)
	w.asking(t, port, &asking{
		ask: func(r *http.Request) *http.Request {
			q, err := http.NewRequest(r.Method, w.at+prefix[1]+r.URL.RequestURI(), nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Host = r.Host
			for name, values := range r.Header {
				if name == "Authorization" || asked(name) {
					q.Header[name] = values
				}
			}
			q.Header.Set("X-Forwarded-For", "127.0.0.1")
			q.Header.Set("X-Envoy-Internal", "true")
			return q
		},
		take: func(r *http.Request, answer http.Header) {
			for name, values := range answer {
				if taken(name) {
					r.Header[name] = values
				}
			}
		},
	})
}
