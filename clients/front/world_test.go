// Package front tests the gateway as people and programs meet it: a service behind "gatehouse proxy", called by programs with
// tokens and certificates, by a real browser (Chromium) that signs in, and through real nginx and Caddy, which stand before the
// gateway or ask it. What is not installed is skipped; scripts/setup.sh installs it.
package front

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/clients/live"
)

// world is a server with a service behind it, and bob, whom nobody has given anything.
type world struct {
	*live.Server
	t        testing.TB
	admin    string // token for management
	client   *http.Client
	upstream *upstream
	service  string // resource ID
	api      string // resource ID
	at       string // address of the gateway
	bob      string // object ID
}

const (
	bobName     = "bob@contoso.onmicrosoft.com"
	bobPassword = "Correct-Horse-77"
	audience    = "api://gatehouse-gateway"
	apim        = "?api-version=2022-08-01"
	roles       = "?api-version=2022-04-01"
	checks      = "?api-version=2026-11-01"
	readerRole  = "7d9b6f0e-52a1-4d3c-8f45-0c1e6a2b9d10"
	callerRole  = "7d9b6f0e-52a1-4d3c-8f45-0c1e6a2b9d11"
)

// upstream is the service that is protected.
type upstream struct {
	*httptest.Server
	mu   sync.Mutex
	n    int
	seen http.Header
	path string
}

func newUpstream(t testing.TB) *upstream {
	u := &upstream{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.mu.Lock()
		u.n, u.seen, u.path = u.n+1, r.Header.Clone(), r.RequestURI
		u.mu.Unlock()
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, "<title>Shop</title><h1 id=hello>Hello %s</h1><a id=out href=/.gatehouse/sign-out>out</a>", r.Header.Get("X-Gatehouse-Principal-Name"))
	}))
	t.Cleanup(u.Close)
	return u
}

// last returns what came last, and how many calls there were.
func (u *upstream) last() (int, http.Header, string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.n, u.seen, u.path
}

func start(t testing.TB, flags ...string) *world {
	t.Helper()
	if _, err := live.Binary(); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, upstream: newUpstream(t)}
	w.Server = live.For(t, append([]string{"--gateway-default", "shop"}, flags...)...)
	w.client = w.ClientFor(t)
	w.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.client.Transport.(*http.Transport).DialContext = toLoopback
	w.admin = w.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {w.Env["CLIENT_ID"]}, "client_secret": {w.Env["CLIENT_SECRET"]}, "scope": {w.Env["GATEHOUSE_ARM"] + "/.default"}})
	out := w.gatehouse("proxy", "--upstream", w.upstream.URL, "--api", "shop")
	w.service = "/subscriptions/" + w.Env["SUBSCRIPTION_ID"] + "/resourceGroups/gatehouse-proxy/providers/Microsoft.ApiManagement/service/shop"
	w.api = w.service + "/apis/shop"
	port := w.Env["GATEHOUSE_GATEWAY"][strings.LastIndexByte(w.Env["GATEHOUSE_GATEWAY"], ':')+1:]
	w.at = "https://shop.localhost:" + port
	for _, want := range []string{w.at + "/", "role assignment create", w.api} {
		if !strings.Contains(out, want) {
			t.Errorf("gatehouse proxy does not say %s:\n%s", want, out)
		}
	}
	user := w.manage("POST", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/users", map[string]any{"accountEnabled": true, "displayName": "Bob", "mailNickname": "bob", "userPrincipalName": bobName,
		"passwordProfile": map[string]any{"password": bobPassword, "forceChangePasswordNextSignIn": false}})
	w.bob, _ = user["id"].(string)
	return w
}

var toLoopback = func() func(ctx ctx, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 10 * time.Second}
	return func(c ctx, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return d.DialContext(c, network, "127.0.0.1:"+port) // names below localhost are this machine, whatever its resolver says
	}
}()

// within has what fails fail a subtest, until the returned function is called.
func (w *world) within(t testing.TB) func() {
	was := w.t
	w.t = t
	return func() { w.t = was }
}

// gatehouse runs a command of the product over the server's directory.
func (w *world) gatehouse(args ...string) string {
	w.t.Helper()
	cmd := exec.Command(w.Bin, args...)
	shim, err := filepath.Abs("../az/shim")
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "GATEHOUSE_DATA="+w.Data, "PYTHONPATH="+shim, "AZURE_CORE_COLLECT_TELEMETRY=no")
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("gatehouse %s: %v\n%s%s", strings.Join(args, " "), err, out, &failed)
	}
	return string(out)
}

// form asks for a token.
func (w *world) form(values url.Values) string {
	w.t.Helper()
	r, err := w.client.PostForm(w.Env["GATEHOUSE_AUTHORITY"]+"/"+w.Env["TENANT_ID"]+"/oauth2/v2.0/token", values)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil || answer.Token == "" {
		w.t.Fatal(r.Status, err, answer.Error)
	}
	return answer.Token
}

// token is one of bob's, for a resource.
func (w *world) token(resource string) string {
	w.t.Helper()
	return w.form(url.Values{"grant_type": {"password"}, "client_id": {"04b07795-8ddb-461a-bbee-02f9e1bf7b46"}, "username": {bobName}, "password": {bobPassword}, "scope": {resource + "/.default openid"}})
}

// manage sends a request to the management side and returns the answer, which has to be a good one.
func (w *world) manage(method, target string, body any) map[string]any {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.Env["GATEHOUSE_ARM"] + target
	}
	token := w.admin
	if strings.HasPrefix(target, w.Env["GATEHOUSE_GRAPH"]+"/v1.0") {
		token = w.form(url.Values{"grant_type": {"client_credentials"}, "client_id": {w.Env["CLIENT_ID"]}, "client_secret": {w.Env["CLIENT_SECRET"]}, "scope": {"https://graph.microsoft.com/.default"}})
	}
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body)
	}
	status, answer, _ := w.send(w.client, method, target, string(text), "Authorization", "Bearer "+token, "Content-Type", "application/json")
	if status/100 != 2 {
		w.t.Fatalf("%s %s: %d %s", method, target, status, answer)
	}
	out := map[string]any{}
	_ = json.Unmarshal([]byte(answer), &out) // some answers are empty
	return out
}

// send sends a request and returns the answer; 0 without one.
func (w *world) send(client *http.Client, method, target, body string, headers ...string) (int, string, http.Header) {
	w.t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	a, err := client.Do(r)
	if err != nil {
		w.t.Logf("%s %s: %v", method, target, err)
		return 0, err.Error(), nil
	}
	defer a.Body.Close()
	text, _ := io.ReadAll(a.Body)
	return a.StatusCode, string(text), a.Header
}

// is makes a call and compares its status.
func (w *world) is(what string, want int, method, target string, headers ...string) http.Header {
	w.t.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.at + target
	}
	got, body, h := w.send(w.client, method, target, "", headers...)
	if got != want {
		w.t.Errorf("%s: %s %s: %d %s, want %d", what, method, target, got, body, want)
	}
	return h
}

// assign gives somebody a role and returns how to take it away.
func (w *world) assign(principal, kind, role, scope string) (revoke func()) {
	w.t.Helper()
	name := newGUID()
	at := scope + "/providers/Microsoft.Authorization/roleAssignments/" + name + roles
	w.manage("PUT", at, map[string]any{"properties": map[string]any{"principalId": principal, "principalType": kind,
		"roleDefinitionId": "/subscriptions/" + w.Env["SUBSCRIPTION_ID"] + "/providers/Microsoft.Authorization/roleDefinitions/" + role}})
	return func() { w.t.Helper(); w.manage("DELETE", at, nil) }
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

// withCertificate is a client that shows a certificate.
func (w *world) withCertificate(c tls.Certificate) *http.Client {
	base := w.client.Transport.(*http.Transport).Clone()
	base.TLSClientConfig.Certificates = []tls.Certificate{c}
	w.t.Cleanup(base.CloseIdleConnections)
	return &http.Client{Transport: base}
}

// freePort is one that nobody listens on at the moment.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
