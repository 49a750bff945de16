package proxies

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const (
	connections = 16
	calls       = 2000 // of one proxy in a round
	rounds      = 15
	asReverse   = "GATEHOUSE_BENCH_REVERSE" // address of the backend: the test binary is the bare reverse proxy then
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
	name   string
	url    string
	header http.Header
	pids   func() []int
	since  time.Duration   // CPU time that had been taken when the round began
	took   []time.Duration // of a call, by round
}

// round makes calls over kept connections.
func (t *target) round(b *testing.B, transport *http.Transport) {
	b.Helper()
	t.settle(b)
	t.run(b, transport, calls)
}

// settle ends the round before, if there was one. What a proxy does for its calls while others are called, such as writing
// records, belongs to that round.
func (t *target) settle(b *testing.B) {
	b.Helper()
	now := cpu(b, t.pids())
	if t.since > 0 {
		t.took = append(t.took, (now-t.since)/calls)
	}
	t.since = now
}

func (t *target) run(b *testing.B, transport *http.Transport, n int) {
	b.Helper()
	var wait sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		wait.Go(func() {
			for range n / connections {
				if err := t.call(transport); err != nil {
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

func (t *target) call(transport *http.Transport) error {
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

// cpu is the time that processes have taken, all their threads together.
func cpu(b *testing.B, pids []int) (total time.Duration) {
	b.Helper()
	for _, pid := range pids {
		var at syscall.Timespec
		clock := uintptr(^pid<<3 | 2) // clock_getcpuclockid(3)
		if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&at)), 0); err != 0 {
			b.Fatal(err)
		}
		total += time.Duration(at.Nano())
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
	for f := range strings.FieldsSeq(string(text)) {
		var child int
		if _, err := fmt.Sscan(f, &child); err == nil {
			all = append(all, family(child)...)
		}
	}
	return all
}

// start runs a program until the benchmark ends; nil where it is not installed.
func start(b *testing.B, name string, args ...string) *exec.Cmd {
	b.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		b.Logf("%s is not installed and left out", name)
		return nil
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

func nginx(b *testing.B, to string) *target {
	at, dir := freePort(b), b.TempDir()
	file := write(b, "nginx.conf", fmt.Sprintf(`daemon off; worker_processes 2; pid %[3]s/pid; error_log /dev/null;
events {}
http { access_log off; client_body_temp_path %[3]s; proxy_temp_path %[3]s; fastcgi_temp_path %[3]s; uwsgi_temp_path %[3]s; scgi_temp_path %[3]s; keepalive_requests 100000000;
  upstream b { server %[2]s; keepalive 32; keepalive_requests 100000000; }
  server { listen %[1]s; location / { proxy_pass http://b; proxy_http_version 1.1; proxy_set_header Connection ""; } } }`, at, strings.TrimPrefix(to, "http://"), dir))
	return beside(b, "nginx", at, "nginx", "-c", file, "-e", "/dev/null")
}

func caddy(b *testing.B, to string) *target {
	at := freePort(b)
	file := write(b, "Caddyfile", fmt.Sprintf("{\n admin off\n auto_https off\n}\nhttp://%s {\n reverse_proxy %s\n}\n", at, to))
	return beside(b, "caddy", at, "caddy", "run", "--adapter", "caddyfile", "--config", file)
}

// beside starts another proxy; nil where it is not installed.
func beside(b *testing.B, name, at, program string, args ...string) *target {
	c := start(b, program, args...)
	if c == nil {
		return nil
	}
	waitFor(b, at)
	return &target{name: name, url: "http://" + at + "/plain/x", header: http.Header{}, pids: func() []int { return family(c.Process.Pid) }}
}

func bare(b *testing.B, to string) *target {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), asReverse+"="+to)
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
	return &target{name: "bare", url: "http://" + at + "/plain/x", header: http.Header{}, pids: func() []int { return family(c.Process.Pid) }}
}

// asked is a relation between two targets, of CPU time a call.
type asked struct {
	of, to string
	most   float64
}

// BenchmarkSideBySide calls all proxies in turn, a round after the other, so that what else the machine does bears on all of them,
// and reports the median of each, and of the relations that are asked for.
func BenchmarkSideBySide(b *testing.B) {
	to := backend(b)
	few, guarded, many := newSite(b), newSite(b), newSite(b) // a process each, so that each has its own time
	few.fill(10, to)
	few.api("plain", to, "")
	header := guarded.protected(to)
	many.fill(10_000, to)
	many.api("plain", to, "")
	all := []*target{nginx(b, to), bare(b, to), caddy(b, to), few.target("plain", "plain", http.Header{}), many.target("among10000", "plain", http.Header{}), guarded.target("full", "full", header)}
	all = slices.DeleteFunc(all, func(t *target) bool { return t == nil })
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	for _, t := range all { // connections are open, and what is made once is made
		t.run(b, transport, 3*calls)
	}
	for b.Loop() {
		for range rounds {
			for _, t := range all {
				t.round(b, transport)
			}
		}
	}
	time.Sleep(time.Second)
	b.ReportMetric(0, "ns/op")
	named := map[string]*target{}
	for _, t := range all {
		t.settle(b)
		named[t.name] = t
		b.ReportMetric(median(t.took, nil), "µs/"+t.name)
	}
	for _, a := range []asked{{"plain", "bare", 1}, {"full", "plain", 1.4}, {"among10000", "plain", 1.05}} {
		got := median(named[a.of].took, named[a.to].took)
		b.Logf("%s is at %.2f times %s; asked for is at most %.2f: %s", a.of, got, a.to, a.most, verdict(got <= a.most))
	}
	saved(b, many, transport)
}

// saved reports how long a policy that is saved among 10,000 APIs takes to count: from the request that saves it to the first answer
// that shows it.
func saved(b *testing.B, s *site, transport *http.Transport) {
	b.Helper()
	t := s.target("", "plain", http.Header{})
	var took []time.Duration
	for i := range 9 {
		began, want := time.Now(), fmt.Sprint("saved ", i)
		s.policy("plain", `<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /><set-header name="X-Saved"><value>`+want+`</value></set-header></outbound></policies>`)
		for got := ""; got != want; {
			r, _ := http.NewRequest(http.MethodGet, t.url, nil)
			answer, err := transport.RoundTrip(r)
			if err != nil {
				b.Fatal(err)
			}
			got = answer.Header.Get("X-Saved")
			_, _ = io.Copy(io.Discard, answer.Body)
			_ = answer.Body.Close()
		}
		took = append(took, time.Since(began))
	}
	ms := median(took, nil) / 1000
	b.ReportMetric(ms, "ms/saved")
	b.Logf("a policy saved among 10,000 APIs counts after %.1f ms; asked for is less than 50: %s", ms, verdict(ms < 50))
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "NOT met"
}

// median of times in microseconds, or of what they are to those of the same round beside them.
func median(list, beside []time.Duration) float64 {
	var values []float64
	for i, d := range list {
		if beside == nil {
			values = append(values, float64(d)/float64(time.Microsecond))
		} else {
			values = append(values, float64(d)/float64(beside[i]))
		}
	}
	slices.Sort(values)
	return values[len(values)/2]
}
