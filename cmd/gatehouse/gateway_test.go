package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/rbac/builtin"
)

// farm is a server with a service that has two APIs, one of them for holders of a role, and a gateway for both.
type farm struct {
	testing.TB
	dir, service, token string
	backend             string
	server              *scriptServer
	at                  string // host and port of the server
}

func newFarm(t testing.TB, flags ...string) *farm {
	f := &farm{TB: t, dir: t.TempDir()}
	f.server, _ = start(t, f.dir, append([]string{"--gateway-listen", "127.0.0.1:0", "--gateway-default", "farm"}, flags...)...)
	r, err := readFile[running](f.dir, runtimeFile)
	if err != nil {
		t.Fatal(err)
	}
	f.at, f.token = r.Listen, bearer(t, f.dir)
	b, _, err := connection(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	group := "/subscriptions/" + b.SubscriptionID + "/resourceGroups/farm"
	f.service = group + "/providers/Microsoft.ApiManagement/service/farm"
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }))
	t.Cleanup(backend.Close)
	f.backend = backend.URL
	f.do("PUT", group+"?api-version=2021-04-01", `{"location": "westeurope"}`)
	f.do("PUT", f.service+apimVersion, `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`)
	f.do("PUT", f.service+"/gateways/barn"+apimVersion, `{"properties": {"locationData": {"name": "Barn"}}}`)
	for _, api := range []string{"open", "guarded", "elsewhere"} {
		at := f.service + "/apis/" + api
		f.do("PUT", at+apimVersion, `{"properties": {"displayName": "`+api+`", "path": "`+api+`", "protocols": ["https"], "subscriptionRequired": false, "serviceUrl": "`+backend.URL+`"}}`)
		f.do("PUT", at+"/operations/get"+apimVersion, `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
		if api != "elsewhere" {
			f.do("PUT", f.service+"/gateways/barn/apis/"+api+apimVersion, "")
		}
	}
	f.do("PUT", f.service+"/apis/guarded/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce"}}`)
	return f
}

const apimVersion = "?api-version=2024-05-01"

// do sends a request to the server and returns its answer, which has to be a good one.
func (f *farm) do(method, target, body string) string {
	f.Helper()
	status, answer, err := ask(f.dir, method, target, http.Header{"Authorization": {f.token}, "Content-Type": {"application/json"}}, []byte(body), false)
	if err != nil || status/100 != 2 {
		f.Fatalf("%s %s: %d %v %s", method, target, status, err, answer)
	}
	return string(answer)
}

// gatewayToken is a token of the gateway, good for an hour.
func (f *farm) gatewayToken() string {
	answer := f.do("POST", f.service+"/gateways/barn/generateToken"+apimVersion, fmt.Sprintf(`{"keyType": "primary", "expiry": %q}`, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	return parsed([]byte(answer)).String("value")
}

// callToken is a token of the bootstrap service principal for calls of APIs.
func (f *farm) callToken() string {
	c, err := newClient(f.dir)
	if err != nil {
		f.Fatal(err)
	}
	token, err := c.token(f.Context(), entra.GatewayAudience)
	if err != nil {
		f.Fatal(err)
	}
	return "Bearer " + token
}

// farmGateway is a gateway process.
type farmGateway struct {
	testing.TB
	cmd    *exec.Cmd
	done   chan error
	at     string
	client *http.Client
	said   *bytes.Buffer
}

var servesAt = regexp.MustCompile(`serves (https://\S+)`)

// gateway starts one and waits until it serves.
func (f *farm) gateway(data, token string, flags ...string) *farmGateway {
	f.Helper()
	file := filepath.Join(f.TempDir(), "token")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	g := &farmGateway{TB: f, said: &bytes.Buffer{}, done: make(chan error, 1),
		client: trusting()}
	g.cmd = program(append([]string{"gateway", "--config-endpoint", "https://" + f.at + "/gateway-config/farm", "--token-file", file, "--ca", filepath.Join(f.dir, "ca.pem"),
		"--data", data, "--listen", "127.0.0.1:0", "--staleness", "2s", "--log-level", "error"}, flags...)...)
	g.cmd.Stderr = g.said
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := g.cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = g.cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	found := servesAt.FindStringSubmatch(line)
	go func() { _, _ = io.Copy(io.Discard, out); g.done <- g.cmd.Wait() }()
	if err != nil || found == nil {
		f.Fatalf("the gateway says %q, %v: %s", line, err, g.said)
	}
	g.at = found[1]
	return g
}

// get calls an API and returns the status, 0 without an answer.
func (g *farmGateway) get(path, authorization string) int {
	if authorization == "" {
		return g.send(path, nil)
	}
	return g.send(path, http.Header{"Authorization": {authorization}})
}

func (g *farmGateway) send(path string, header http.Header) int {
	r, err := http.NewRequest("GET", g.at+path, nil)
	if err != nil {
		g.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	a, err := g.client.Do(r)
	if err != nil {
		return 0
	}
	a.Body.Close()
	return a.StatusCode
}

// becomes waits until a call is answered with a status.
func (g *farmGateway) becomes(want int, path, authorization string) {
	g.Helper()
	if authorization == "" {
		g.turns(want, path, nil)
		return
	}
	g.turns(want, path, http.Header{"Authorization": {authorization}})
}

func (g *farmGateway) turns(want int, path string, header http.Header) {
	g.Helper()
	got := 0
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if got = g.send(path, header); got == want {
			return
		}
	}
	g.Fatalf("%s: %d, want %d: %s", path, got, want, g.said)
}

func (g *farmGateway) is(want int, path, authorization string) {
	g.Helper()
	if got := g.get(path, authorization); got != want {
		g.Errorf("%s: %d, want %d: %s", path, got, want, g.said)
	}
}

// TestGatewayElsewhere: a gateway in a process of its own follows the server, serves on without it, also after a start, and
// lets nobody in whom only the server could let in.
func TestGatewayElsewhere(t *testing.T) {
	f := newFarm(t)
	data := filepath.Join(t.TempDir(), "gateway")
	token, caller := f.gatewayToken(), f.callToken()
	g := f.gateway(data, token)
	g.is(200, "/open", "")
	g.is(404, "/elsewhere", "")
	g.is(401, "/guarded", "")
	g.is(403, "/guarded", caller)

	sub, _, _ := strings.Cut(f.service, "/resourceGroups")
	role := sub + "/providers/Microsoft.Authorization/roleDefinitions/" + gatehouse.NewGUID().String()
	f.do("PUT", role+"?api-version=2022-04-01", fmt.Sprintf(`{"properties": {"roleName": "caller", "type": "CustomRole", "assignableScopes": [%q], "permissions": [{"actions": [], "dataActions": [%q]}]}}`, sub, builtin.CallRead))
	k := &kill{TB: t, dir: f.dir, token: f.token}
	b, _, err := connection(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	assignment := f.service + "/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NewGUID().String() + "?api-version=2022-04-01"
	f.do("PUT", assignment, fmt.Sprintf(`{"properties": {"roleDefinitionId": %q, "principalId": %q, "principalType": "ServicePrincipal"}}`, role, k.principal(b.ClientID)))
	g.becomes(200, "/guarded", caller)

	f.server.kill() // as a power cut does
	g.is(200, "/open", "")
	g.becomes(503, "/guarded", caller)
	g.is(200, "/open", "")
	g.is(503, "/guarded", "Bearer forged")

	_ = g.cmd.Process.Kill()
	<-g.done
	g = f.gateway(data, token)
	g.is(200, "/open", "")
	g.is(503, "/guarded", caller)

	start(t, f.dir, "--listen", f.at, "--gateway-listen", "off")
	g.becomes(200, "/guarded", caller)
	f.do("DELETE", assignment, "")
	g.becomes(403, "/guarded", caller)
	f.do("DELETE", f.service+"/gateways/barn/apis/open"+apimVersion, "")
	g.becomes(404, "/open", "")
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-g.done; err != nil {
		t.Errorf("the gateway ended with %v: %s", err, g.said)
	}
}

// TestGatewayHere: the gateway of the server asks for roles, too, and refusals are on record.
func TestGatewayHere(t *testing.T) {
	f := newFarm(t)
	r, err := readFile[running](f.dir, runtimeFile)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(r.Gateway, "https://"), ":")
	g := &farmGateway{TB: t, at: "https://127.0.0.1:" + port, said: &bytes.Buffer{},
		client: trusting()}
	caller := f.callToken()
	g.is(200, "/open", "")
	g.is(200, "/elsewhere", "")
	g.is(401, "/guarded", "")
	g.is(401, "/guarded", f.token) // a token for managing
	g.is(403, "/guarded", caller)
	var found bool
	for end := time.Now().Add(5 * time.Second); !found && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		out, err := program("audit", "list", "--data", f.dir, "-o", "json").CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		found = strings.Contains(string(out), builtin.CallRead) && strings.Contains(string(out), "/apis/guarded/operations/get")
	}
	if !found {
		t.Error("the refusal is not on record")
	}
}

// TestGatewayRefused: a gateway that the server does not know says so and does not start.
func TestGatewayRefused(t *testing.T) {
	f := newFarm(t)
	out, err := program("gateway", "--config-endpoint", "https://"+f.at+"/gateway-config/farm", "--token", strings.Replace(f.gatewayToken(), "barn", "farn", 1), "--ca", filepath.Join(f.dir, "ca.pem"),
		"--data", t.TempDir(), "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "401") || strings.Contains(string(out), "goroutine") {
		t.Errorf("%v: %s", err, out)
	}
}
