package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loaded is a farm under the load of wrk: an API with expressions, called over plain HTTP.
type loaded struct {
	*farm
	wrk, calls, metrics string
	answered            int64 // calls that wrk had an answer of
}

const loadConnections = 16

func newLoaded(t *testing.T) *loaded {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		t.Skip("wrk is not installed: make setup")
	}
	l := &loaded{wrk: wrk, calls: freeAddress(t), metrics: freeAddress(t)}
	l.farm = newFarm(t, "--gateway-http-listen", l.calls, "--metrics-listen", l.metrics)
	backend := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), 1024))
	})}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = backend.Serve(at) }()
	t.Cleanup(func() { _ = backend.Close() })
	api := l.service + "/apis/load"
	l.do("PUT", api+apimVersion, `{"properties": {"displayName": "Load", "path": "load", "protocols": ["http"], "subscriptionRequired": false, "serviceUrl": "http://`+at.Addr().String()+`"}}`)
	l.do("PUT", api+"/operations/get"+apimVersion, `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/{x}", "templateParameters": [{"name": "x", "type": "string", "required": true}]}}`)
	l.policy("load", `<rate-limit-by-key calls="1000000000" renewal-period="60" counter-key="@(context.Request.IpAddress)" /><set-header name="X-A" exists-action="override"><value>@(context.Operation.Id + context.Request.Method)</value></set-header>`)
	return l
}

func freeAddress(t *testing.T) string {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	return at.Addr().String()
}

var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkFailures = regexp.MustCompile(`Socket errors|Non-2xx or 3xx`)
)

// run lets wrk call for a while.
func (l *loaded) run(length time.Duration) {
	l.Helper()
	out, err := exec.Command(l.wrk, "-t2", fmt.Sprint("-c", loadConnections), fmt.Sprint("-d", max(1, int(length.Seconds())), "s"), "http://"+l.calls+"/load/x").CombinedOutput()
	found := wrkRequests.FindSubmatch(out)
	if err != nil || found == nil || wrkFailures.Match(out) {
		l.Fatalf("%v: %s", err, out)
	}
	n, _ := strconv.ParseInt(string(found[1]), 10, 64)
	l.answered += n
}

// metric is the sum of the series of a name that have all of the labels.
func (l *loaded) metric(name string, labels ...string) (sum float64) {
	l.Helper()
	answer, err := http.Get("http://" + l.metrics + "/metrics")
	if err != nil {
		l.Fatal(err)
	}
	defer answer.Body.Close()
lines:
	for s := bufio.NewScanner(answer.Body); s.Scan(); {
		series, value, _ := strings.Cut(s.Text(), " ")
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		for _, label := range labels {
			if !strings.Contains(series, label) {
				continue lines
			}
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			l.Fatal(err)
		}
		sum += n
	}
	return sum
}

// reported is how many calls of the API reports know of.
func (l *loaded) reported() int64 {
	l.Helper()
	from := time.Now().Add(-24 * time.Hour).UTC().Format("2006-01-02T15:04:05")
	var report struct {
		Value []struct {
			API   string `json:"apiId"`
			Calls int64  `json:"callCountTotal"`
		}
	}
	if err := json.Unmarshal([]byte(l.do("GET", l.service+"/reports/byApi"+apimVersion+"&$filter=timestamp%20ge%20datetime'"+from+"'", "")), &report); err != nil {
		l.Fatal(err)
	}
	var sum int64
	for _, row := range report.Value {
		if strings.HasSuffix(row.API, "/load") {
			sum += row.Calls
		}
	}
	return sum
}

// TestSoakLoad: under load no call fails, afterwards nothing more is held than before, and metrics and reports tell of every call.
func TestSoakLoad(t *testing.T) {
	length := 3 * time.Second
	if soak := os.Getenv("GATEHOUSE_SOAK"); soak != "" {
		var err error
		if length, err = time.ParseDuration(soak); err != nil {
			t.Fatalf("GATEHOUSE_SOAK: %v", err)
		}
	}
	l := newLoaded(t)
	held := func() (goroutines, heap float64) {
		time.Sleep(time.Second) // connections end, records are written
		return l.metric("go_goroutines"), l.metric("go_gc_heap_live_bytes")
	}
	l.run(length / 3)
	goroutines, heap := held()
	l.run(length - length/3)
	moreGoroutines, moreHeap := held()
	if moreGoroutines > goroutines+4*loadConnections {
		t.Errorf("%v goroutines, %v before", moreGoroutines, goroutines)
	}
	if heap == 0 || moreHeap > heap+(24<<20) {
		t.Errorf("%.0f MiB are held, %.0f before", moreHeap/(1<<20), heap/(1<<20))
	}
	counted := int64(l.metric("gatehouse_gateway_requests_total", `api="load"`))
	good := int64(l.metric("gatehouse_gateway_requests_total", `api="load"`, `status="2xx"`))
	lost := l.metric("gatehouse_gateway_dropped_total", `queue="records"`)
	// wrk hangs up at its end, on calls that are under way.
	if most := l.answered + 2*loadConnections; good < l.answered || counted > most {
		t.Errorf("metrics count %d calls, %d of them good; wrk %d", counted, good, l.answered)
	}
	if reported := l.reported(); reported+int64(lost) != counted {
		t.Errorf("reports tell of %d calls, %v were dropped, metrics count %d", reported, lost, counted)
	}
	t.Logf("%d calls; goroutines %v, then %v; heap %.0f MiB, then %.0f; %v records dropped", l.answered, goroutines, moreGoroutines, heap/(1<<20), moreHeap/(1<<20), lost)
}
