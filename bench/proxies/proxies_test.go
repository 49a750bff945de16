package proxies

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	connections = 16
	asReverse   = "GATEHOUSE_BENCH_REVERSE" // address of the backend: the test binary is the bare reverse proxy then
	ticks       = 100                       // of /proc/PID/stat in a second
)

func TestMain(m *testing.M) {
	if backend := os.Getenv(asReverse); backend != "" {
		reverse(backend)
		return
	}
	os.Exit(m.Run())
}

// reverse is the bare httputil.ReverseProxy, with as many kept connections as it needs.
func reverse(backend string) {
	to, err := url.Parse(backend)
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 2*connections, true
	panic(http.Serve(l, &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}))
}

// backend answers with a kilobyte; it is in this process, whose time is not measured.
func backend(b *testing.B) string {
	body := bytes.Repeat([]byte("x"), 1024)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Header().Set("Content-Length", "1024")
		_, _ = w.Write(body)
	})}
	go func() { _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close() })
	return "http://" + l.Addr().String()
}

// target is what is called: an address, with headers, and the processes that answer.
type target struct {
	url    string
	header http.Header
	pids   func() []int
}

// measure calls a target b.N times over kept connections, and reports the CPU time of its processes per call.
func measure(b *testing.B, t target) {
	b.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	run(b, transport, t, 2000) // connections are open, and what is made once is made
	before := cpu(b, t.pids())
	b.ResetTimer()
	run(b, transport, t, b.N)
	b.StopTimer()
	b.ReportMetric(float64(cpu(b, t.pids())-before)/float64(b.N)*1e6/ticks, "cpu-µs/op")
}

func run(b *testing.B, transport *http.Transport, t target, n int) {
	b.Helper()
	var wait sync.WaitGroup
	failed := make(chan error, connections)
	for i := range connections {
		share := n / connections
		if i < n%connections {
			share++
		}
		wait.Go(func() {
			for range share {
				if err := call(transport, t); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		b.Fatal(err)
	default:
	}
}

func call(transport *http.Transport, t target) error {
	r, err := http.NewRequest(http.MethodGet, t.url, nil)
	if err != nil {
		return err
	}
	r.Header = t.header
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if err == nil && (answer.StatusCode != http.StatusOK || n != 1024) {
		err = fmt.Errorf("%s answers with status %d and %d bytes", t.url, answer.StatusCode, n)
	}
	return err
}

// cpu is the time that processes and those they began have taken, in ticks.
func cpu(b *testing.B, pids []int) (total int64) {
	b.Helper()
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, at := range []int{11, 12} { // utime, stime
			n, err := strconv.ParseInt(fields[at], 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			total += n
		}
	}
	return total
}

// family is a process with its children.
func family(parent int) []int {
	all := []int{parent}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return all
	}
	for _, f := range strings.Fields(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, family(n)...)
		}
	}
	return all
}

// start runs a program until the benchmark ends; it is skipped where it is not installed.
func start(b *testing.B, name string, args ...string) *exec.Cmd {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		b.Skipf("%s is not installed", name)
	}
	c := exec.Command(path, args...)
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		ended := make(chan struct{})
		go func() { _ = c.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = c.Process.Kill()
		}
	})
	return c
}

func freePort(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func waitFor(b *testing.B, address string) {
	b.Helper()
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.Fatalf("nothing listens at %s", address)
}

func write(b *testing.B, name, text string) string {
	path := filepath.Join(b.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkNginx(b *testing.B) {
	at, to := freePort(b), backend(b)
	dir := b.TempDir()
	file := write(b, "nginx.conf", fmt.Sprintf(`daemon off; worker_processes 2; pid %[3]s/pid; error_log /dev/null;
events {}
http { access_log off; client_body_temp_path %[3]s; proxy_temp_path %[3]s; fastcgi_temp_path %[3]s; uwsgi_temp_path %[3]s; scgi_temp_path %[3]s; keepalive_requests 100000000;
  upstream b { server %[2]s; keepalive 32; keepalive_requests 100000000; }
  server { listen %[1]s; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`, at, strings.TrimPrefix(to, "http://"), dir))
	c := start(b, "nginx", "-c", file, "-e", "/dev/null")
	waitFor(b, at)
	measure(b, target{url: "http://" + at + "/plain/x", header: http.Header{}, pids: func() []int { return family(c.Process.Pid) }})
}

func BenchmarkCaddy(b *testing.B) {
	at, to := freePort(b), backend(b)
	file := write(b, "Caddyfile", fmt.Sprintf("{\n admin off\n auto_https off\n}\nhttp://%s {\n reverse_proxy %s\n}\n", at, to))
	c := start(b, "caddy", "run", "--adapter", "caddyfile", "--config", file)
	waitFor(b, at)
	measure(b, target{url: "http://" + at + "/plain/x", header: http.Header{}, pids: func() []int { return family(c.Process.Pid) }})
}

func BenchmarkReverseProxy(b *testing.B) {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asReverse+"="+backend(b))
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	var at string
	if _, err := fmt.Fscanln(out, &at); err != nil {
		b.Fatal(err)
	}
	measure(b, target{url: "http://" + at + "/plain/x", header: http.Header{}, pids: func() []int { return family(c.Process.Pid) }})
}

// site is a gateway with its management side, in one process.
type site struct {
	b       *testing.B
	pid     int
	arm     string
	service string
	token   string
	calls   string // address of the gateway
	dir     string
	program string
	client  *http.Client
}

// program is the binary under test: GATEHOUSE_BIN, or what is built here.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GATEHOUSE_BIN"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	c := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/gatehouse")
	c.Dir = "../.."
	out, err := c.CombinedOutput()
	return path, errors.Join(err, errors.New(string(out)))
})

func newSite(b *testing.B) *site {
	path, err := program()
	if _, broken := os.Stat(path); broken != nil {
		b.Fatal(err)
	}
	s := &site{b: b, dir: b.TempDir(), program: path, calls: freePort(b), client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	at := freePort(b)
	c := start(b, path, "serve", "--demo", "--data", s.dir, "--listen", at, "--imds-listen", "", "--gateway-listen", "off", "--gateway-http-listen", s.calls, "--gateway-default", "contoso-apim", "--log-level", "error")
	s.pid, s.arm = c.Process.Pid, "https://"+at
	for range 200 {
		if answer, err := s.client.Get(s.arm + "/readyz"); err == nil {
			_ = answer.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.token = s.output("token", "--as", "admin@contoso.onmicrosoft.com")
	var list struct{ Value []struct{ ID string } }
	s.decode("GET", "/subscriptions?api-version=2022-12-01", "", &list)
	s.service = list.Value[0].ID + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/contoso-apim"
	return s
}

func (s *site) output(args ...string) string {
	s.b.Helper()
	for range 50 {
		out, err := exec.Command(s.program, append(args, "--data", s.dir)...).Output()
		if err == nil {
			return strings.TrimSpace(string(out))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.b.Fatalf("gatehouse %v fails", args)
	return ""
}

func (s *site) decode(method, path, body string, into any) {
	s.b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.arm+path, strings.NewReader(body))
	if err != nil {
		s.b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		s.b.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode >= 300 {
		s.b.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			s.b.Fatal(err)
		}
	}
}

const apimVersion = "?api-version=2024-05-01"

func (s *site) put(path, body string) {
	s.b.Helper()
	s.decode("PUT", s.service+path+apimVersion, body, nil)
}

// api makes an API with one operation and a policy; "" for none.
func (s *site) api(name, to, policy string) {
	s.b.Helper()
	s.put("/apis/"+name, fmt.Sprintf(`{"properties":{"displayName":%q,"path":%q,"protocols":["http","https"],"serviceUrl":%q,"subscriptionRequired":%t}}`, name, name, to, policy != ""))
	s.put("/apis/"+name+"/operations/get", `{"properties":{"displayName":"Get","method":"GET","urlTemplate":"/{x}","templateParameters":[{"name":"x","type":"string","required":true}]}}`)
	if policy != "" {
		text, _ := json.Marshal(policy)
		s.put("/apis/"+name+"/policies/policy", `{"properties":{"format":"rawxml","value":`+string(text)+`}}`)
	}
}

func (s *site) target(api string, header http.Header) target {
	return target{url: "http://" + s.calls + "/" + api + "/x", header: header, pids: func() []int { return []int{s.pid} }}
}

func BenchmarkGatewayPlain(b *testing.B) {
	s := newSite(b)
	s.api("plain", backend(b), "")
	measure(b, s.target("plain", http.Header{}))
}

// full has a key, a cached RS256 token, a rate limit, three expressions and, when it is asked for, a role check.
const full = `<policies><inbound><base />
<validate-azure-ad-token tenant-id="%s"><audiences><audience>api://gatehouse-gateway</audience></audiences></validate-azure-ad-token>
<rate-limit-by-key calls="100000000" renewal-period="60" counter-key="@(context.Subscription.Id)" />
<set-variable name="who" value="@(context.Request.Headers.GetValueOrDefault(&quot;X-Who&quot;,&quot;nobody&quot;))" />
<set-header name="X-For" exists-action="override"><value>@((string)context.Variables["who"] + context.Operation.Id)</value></set-header>
</inbound><backend><base /></backend><outbound><base /></outbound></policies>`

func BenchmarkGatewayFull(b *testing.B) {
	s := newSite(b)
	var tenants struct{ Value []struct{ TenantID string } }
	s.decode("GET", "/tenants?api-version=2022-12-01", "", &tenants)
	s.api("full", backend(b), fmt.Sprintf(strings.ReplaceAll(full, "&quot;", `"`), tenants.Value[0].TenantID))
	s.decode("PUT", s.service+"/apis/full/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties":{"mode":"enforce"}}`, nil)
	var keys struct{ PrimaryKey string }
	s.decode("POST", s.service+"/subscriptions/master/listSecrets"+apimVersion, "", &keys)
	s.grant()
	header := http.Header{"Ocp-Apim-Subscription-Key": {keys.PrimaryKey}, "Authorization": {"Bearer " + s.output("token", "--as", "admin@contoso.onmicrosoft.com", "--resource", "api://gatehouse-gateway")}, "X-Who": {"ada"}}
	measure(b, s.target("full", header))
}

// grant lets the administrator call every API of the service: by a role of data actions.
func (s *site) grant() {
	s.b.Helper()
	role := "11111111-2222-4333-8444-555555555555"
	scope := s.service[:strings.Index(s.service, "/resourceGroups")]
	s.decode("PUT", scope+"/providers/Microsoft.Authorization/roleDefinitions/"+role+"?api-version=2022-04-01",
		`{"properties":{"roleName":"Bench caller","type":"CustomRole","permissions":[{"actions":[],"dataActions":["Gatehouse.Gateway/*"]}],"assignableScopes":["`+scope+`"]}}`, nil)
	var me struct{ ID string }
	s.decode("GET", "/v1.0/users/admin@contoso.onmicrosoft.com", "", &me)
	s.decode("PUT", s.service+"/providers/Microsoft.Authorization/roleAssignments/99999999-2222-4333-8444-555555555555?api-version=2022-04-01",
		`{"properties":{"roleDefinitionId":"`+scope+`/providers/Microsoft.Authorization/roleDefinitions/`+role+`","principalId":"`+me.ID+`","principalType":"User"}}`, nil)
}

// BenchmarkGatewayAmong is the plain call among 10,000 APIs.
func BenchmarkGatewayAmong(b *testing.B) {
	s := newSite(b)
	to := backend(b)
	for i := range 10_000 {
		s.put(fmt.Sprintf("/apis/more%d", i), fmt.Sprintf(`{"properties":{"displayName":"m%d","path":"more/%d","protocols":["http"],"serviceUrl":%q,"subscriptionRequired":false}}`, i, i, to))
	}
	s.api("plain", to, "")
	measure(b, s.target("plain", http.Header{}))
}
