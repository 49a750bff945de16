package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// estate is a running server whose one service serves calls.
type estate struct {
	t       testing.TB
	dir     string
	service string
	token   string
	port    string
	client  *http.Client
}

const estateKey = "0123456789abcdef0123456789abcdef"

// newEstate starts the demo with an API of its own: /greetings/hello answers 200 without a backend, /greetings/echo asks the backend.
func newEstate(t testing.TB, flags ...string) *estate {
	t.Helper()
	dir := t.TempDir()
	start(t, dir, append([]string{"--demo", "--gateway-listen", "127.0.0.1:0"}, flags...)...)
	b, r, err := connection(dir)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := r.roots()
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(r.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{t: t, dir: dir, token: bearer(t, dir), port: at.Port(), service: "/subscriptions/" + b.SubscriptionID + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/contoso-apim"}
	e.client = &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+at.Port())
	}}}
	e.put("/subscriptions/mine", `{"properties": {"scope": "/apis", "displayName": "mine", "primaryKey": "`+estateKey+`", "secondaryKey": "fedcba9876543210fedcba9876543210", "state": "active"}}`)
	e.put("/apis/greetings", `{"properties": {"displayName": "Greetings", "path": "greetings", "protocols": ["https"], "serviceUrl": "https://backend.contoso.example/base", "subscriptionRequired": true}}`)
	e.put("/apis/greetings/operations/hello", `{"properties": {"displayName": "Hello", "method": "GET", "urlTemplate": "/hello"}}`)
	e.put("/apis/greetings/operations/hello/policies/policy", e.policy(`<return-response><set-body>Hello</set-body></return-response>`))
	e.put("/apis/greetings/operations/echo", `{"properties": {"displayName": "Echo", "method": "POST", "urlTemplate": "/echo"}}`)
	return e
}

func (e *estate) policy(inbound string) string {
	text, _ := json.Marshal(`<policies><inbound><base />` + inbound + `</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>`)
	return `{"properties": {"format": "rawxml", "value": ` + string(text) + `}}`
}

// manage makes a call of the management side below the service, or of a whole path.
func (e *estate) manage(method, path, body string) (int, map[string]any) {
	e.t.Helper()
	if !strings.HasPrefix(path, "/subscriptions/") || strings.HasPrefix(path, "/subscriptions/mine") {
		path = e.service + path
	}
	if !strings.Contains(path, "api-version") {
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		path += mark + "api-version=2024-06-01-preview"
	}
	var sent []byte
	if body != "" {
		sent = []byte(body)
	}
	status, text, err := ask(e.dir, method, path, http.Header{"Authorization": {e.token}, "Content-Type": {"application/json"}}, sent, false)
	if err != nil {
		e.t.Fatal(err)
	}
	out := map[string]any{}
	_ = json.Unmarshal(text, &out) // some answers are empty
	return status, out
}

func (e *estate) put(path, body string) {
	e.t.Helper()
	if status, out := e.manage(http.MethodPut, path, body); status/100 != 2 {
		e.t.Fatalf("PUT %s: %d %v", path, status, out)
	}
}

// call calls an API: method, path, body, and headers as names and values.
func (e *estate) call(method, path, body string, headers ...string) (int, http.Header, string) {
	e.t.Helper()
	r, err := http.NewRequest(method, "https://localhost:"+e.port+path, bytes.NewReader([]byte(body)))
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	a, err := e.client.Do(r)
	if err != nil {
		e.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return a.StatusCode, a.Header, string(text)
}

func (e *estate) greet() {
	e.t.Helper()
	key := []string{"Ocp-Apim-Subscription-Key", estateKey}
	for range 3 {
		if status, _, body := e.call("GET", "/greetings/hello?sig=hush", "", key...); status != 200 {
			e.t.Fatal(status, body)
		}
	}
	if status, _, body := e.call("POST", "/greetings/echo?subscription-key="+estateKey, "twelve bytes"); status != 200 {
		e.t.Fatal(status, body)
	}
	if status, _, body := e.call("GET", "/greetings/hello", ""); status != 401 {
		e.t.Fatal(status, body)
	}
}

// eventually asks again until the answer is right or time is up.
func eventually(t testing.TB, what string, right func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !right(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// TestReportsOfCalls: what is called through the gateway stands in the reports of the management side.
func TestReportsOfCalls(t *testing.T) {
	e := newEstate(t)
	e.greet()
	from, to := time.Now().Add(-time.Hour).UTC().Format("2006-01-02T15:04:05"), time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05")
	filter := url.QueryEscape(fmt.Sprintf("timestamp ge datetime'%s' and timestamp le datetime'%s'", from, to))
	report := func(name, more string) []any {
		status, out := e.manage("GET", "/reports/"+name+"?$filter="+filter+more, "")
		if status != 200 {
			t.Fatalf("%s: %d %v", name, status, out)
		}
		list, _ := out["value"].([]any)
		return list
	}
	row := func(list []any, field, value string) map[string]any {
		for _, each := range list {
			if m := each.(map[string]any); strings.HasSuffix(fmt.Sprint(m[field]), value) {
				return m
			}
		}
		return map[string]any{}
	}
	eventually(t, "five calls in byRequest", func() bool { return len(report("byRequest", "")) == 5 })
	for _, c := range []struct {
		report, more, field, value string
		success, blocked           float64
	}{
		{"byApi", "", "apiId", "/apis/greetings", 4, 1},
		{"byOperation", "", "operationId", "/operations/hello", 3, 1},
		{"byOperation", "", "operationId", "/operations/echo", 1, 0},
		{"bySubscription", "", "subscriptionId", "/subscriptions/mine", 4, 0},
		{"byTime", "&interval=PT15M", "interval", "", 4, 1},
		{"byGeo", "", "region", "", 4, 1},
	} {
		if got := row(report(c.report, c.more), c.field, c.value); got["callCountSuccess"] != c.success || got["callCountBlocked"] != c.blocked {
			t.Errorf("%s %s: %v, want %v and %v", c.report, c.value, got, c.success, c.blocked)
		}
	}
	text := fmt.Sprint(report("byRequest", ""))
	if strings.Contains(text, estateKey) || strings.Contains(text, "hush") {
		t.Errorf("the records tell secrets: %s", text)
	}
}

// TestDebugTrace: debug credentials make the gateway trace a call; listTrace shows it in the documented shape, without secrets.
func TestDebugTrace(t *testing.T) {
	e := newEstate(t)
	e.put("/namedValues/hidden", `{"properties": {"displayName": "hidden", "value": "very-hush", "secret": true}}`)
	e.put("/apis/greetings/operations/echo/policies/policy", e.policy(`<trace source="mine"><message>{{hidden}} is secret</message></trace>`))
	api := e.service + "/apis/greetings"
	status, out := e.manage("POST", "/gateways/managed/listDebugCredentials", `{"credentialsExpireAfter": "PT10M", "apiId": "`+api+`", "purposes": ["tracing"]}`)
	token, _ := out["token"].(string)
	if status != 200 || token == "" {
		t.Fatal(status, out)
	}
	status, header, body := e.call("POST", "/greetings/echo?sig=hush", "hello", "Apim-Debug-Authorization", token, "Ocp-Apim-Subscription-Key", estateKey, "Authorization", "Bearer very-secret-token")
	id := header.Get("Apim-Trace-Id")
	if status != 200 || id == "" {
		t.Fatal(status, header, body)
	}
	status, out = e.manage("POST", "/gateways/managed/listTrace", `{"traceId": "`+id+`"}`)
	text, _ := json.Marshal(out)
	if status != 200 || out["traceId"] != id {
		t.Fatalf("%d %s", status, text)
	}
	entries, _ := out["traceEntries"].(map[string]any)
	for _, section := range []string{"inbound", "backend", "outbound"} {
		if list, _ := entries[section].([]any); len(list) == 0 {
			t.Errorf("nothing in %s: %s", section, text)
		}
	}
	for _, want := range []string{"Request is being forwarded to the backend service. Timeout set to 300 seconds", `"elapsed":"00:00:0`, `"source":"mine"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	for _, secret := range []string{estateKey, "very-hush", "very-secret-token", "sig=hush"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("%s is in the trace: %s", secret, text)
		}
	}
	if _, header, _ = e.call("GET", "/greetings/hello", "", "Apim-Debug-Authorization", token+"x"); header.Get("Apim-Trace-Id") != "" {
		t.Error("forged credentials trace")
	}
}

// jsonLines are the lines of JSON of a file so far.
func jsonLines(t testing.TB, file string) (list []map[string]any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		m := map[string]any{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatalf("%s: %q", err, line)
		}
		list = append(list, m)
	}
	return list
}

// TestTelemetry: the log of calls, diagnostics, messages to Event Hubs and metrics tell what happened, and no secrets.
func TestTelemetry(t *testing.T) {
	log, events := filepath.Join(t.TempDir(), "calls.log"), filepath.Join(t.TempDir(), "events.log")
	e := newEstate(t, "--gateway-access-log", log, "--gateway-events-to", events)
	e.put("/namedValues/hidden", `{"properties": {"displayName": "hidden", "value": "very-hush", "secret": true}}`)
	e.put("/loggers/hub", `{"properties": {"loggerType": "azureEventHub", "credentials": {"name": "hub", "connectionString": "Endpoint=sb://hub.test/;SharedAccessKeyName=n;SharedAccessKey=k"}}}`)
	e.put("/loggers/insights", `{"properties": {"loggerType": "applicationInsights", "credentials": {"instrumentationKey": "11111111-2222-3333-4444-555555555555"}}}`)
	e.put("/apis/greetings/diagnostics/applicationinsights", `{"properties": {"loggerId": "`+e.service+`/loggers/insights", "alwaysLog": "allErrors", "verbosity": "information", "logClientIp": true, "sampling": {"samplingType": "fixed", "percentage": 100},
		"frontend": {"request": {"headers": ["X-Own", "Authorization", "X-Hide"], "body": {"bytes": 6}, "dataMasking": {"headers": [{"value": "X-Hide", "mode": "Hide"}], "queryParams": [{"value": "pin", "mode": "Mask"}]}}, "response": {"headers": ["Content-Type"], "body": {"bytes": 8192}}},
		"backend": {"request": {"headers": ["X-Own"], "body": {"bytes": 100}}, "response": {"body": {"bytes": 10}}}}}`)
	e.put("/apis/greetings/operations/echo/policies/policy", e.policy(`<trace source="mine" severity="information"><message>{{hidden}} is secret</message></trace><log-to-eventhub logger-id="hub" partition-key="p">@("a message of " + context.Operation.Id)</log-to-eventhub>`))
	status, _, body := e.call("POST", "/greetings/echo?pin=1234&a=b&subscription-key="+estateKey, "twelve bytes", "Authorization", "Bearer very-secret-token", "X-Own", "mine", "X-Hide", "away")
	if status != 200 {
		t.Fatal(status, body)
	}
	e.call("GET", "/greetings/hello", "")
	eventually(t, "two calls, for each the diagnostic of the API and that of the service, one trace", func() bool { return len(jsonLines(t, log)) == 7 })
	eventually(t, "one message", func() bool { return len(jsonLines(t, events)) == 1 })
	var calls, traces, diagnostics []map[string]any
	for _, l := range jsonLines(t, log) {
		switch l["type"] {
		case "call":
			calls = append(calls, l)
		case "trace":
			traces = append(traces, l)
		case "diagnostic":
			diagnostics = append(diagnostics, l)
		}
	}
	if c := calls[0]; c["status"] != 200.0 || c["api"] != "greetings" || c["operation"] != "echo" || c["subscription"] != "mine" || c["requestBytes"] != 12.0 || c["backendStatus"] != 200.0 {
		t.Errorf("%v", c)
	}
	if c := calls[1]; c["status"] != 401.0 || c["reason"] != "SubscriptionKeyNotFound" {
		t.Errorf("%v", c)
	}
	if traces[0]["message"] != "*** is secret" {
		t.Errorf("%v", traces)
	}
	own := slices.IndexFunc(diagnostics, func(d map[string]any) bool { return d["diagnostic"] == "applicationinsights" })
	text, _ := json.Marshal(diagnostics[own])
	for _, want := range []string{`"body":"twelve"`, `"body":"twelve bytes"`, `"X-Own":"mine"`, `"Authorization":"***"`, `pin=***`, `"address":"127.0.0.1"`, `"backend":`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if m := jsonLines(t, events)[0]; m["text"] != "a message of echo" || m["logger"] != "hub" || m["partitionKey"] != "p" {
		t.Errorf("%v", m)
	}
	all, _ := os.ReadFile(log)
	for _, secret := range []string{estateKey, "very-hush", "very-secret-token", `"X-Hide":"`} {
		if strings.Contains(string(all), secret) {
			t.Errorf("%s is in the log: %s", secret, all)
		}
	}
	_, shown, err := ask(e.dir, "GET", "/metrics", nil, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`gatehouse_gateway_requests_total{api="greetings",operation="echo",service="contoso-apim",status="2xx"} 1`, `gatehouse_gateway_failures_total{reason="SubscriptionKeyNotFound",service="contoso-apim"} 1`,
		`gatehouse_gateway_request_seconds_count{part="backend",service="contoso-apim"} 1`, `gatehouse_gateway_open_circuits 0`, `gatehouse_gateway_configuration_age_seconds{service="contoso-apim"}`, `gatehouse_gateway_dropped_total{queue="records"} 0`} {
		if !strings.Contains(string(shown), want) {
			t.Errorf("no %s in /metrics", want)
		}
	}
}

// TestTraces: --otlp-endpoint has calls followed, from their caller to the backend, and the log names the trace.
func TestTraces(t *testing.T) {
	got := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
	}))
	defer receiver.Close()
	log := filepath.Join(t.TempDir(), "calls.log")
	e := newEstate(t, "--gateway-access-log", log, "--otlp-endpoint", receiver.URL)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	status, _, body := e.call("POST", "/greetings/echo?subscription-key="+estateKey, "x", "Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
	if status != 200 || !strings.Contains(body, "00-"+trace+"-") || strings.Contains(body, "b7ad6b7169203331") {
		t.Errorf("%d, the backend was told %s", status, body)
	}
	select {
	case text := <-got:
		if !strings.HasPrefix(text, "/v1/traces ") || !strings.Contains(text, "POST /greetings/echo") || !strings.Contains(text, "gatehouse-gateway") || strings.Contains(text, estateKey) {
			t.Errorf("%q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("no spans came")
	}
	eventually(t, "the log names the trace", func() bool { l := jsonLines(t, log); return len(l) > 0 && l[0]["traceId"] == trace })
	if _, out, _ := ask(e.dir, http.MethodGet, "/metrics", http.Header{}, nil, false); !strings.Contains(string(out), `gatehouse_gateway_dropped_total{queue="spans"} 0`) {
		t.Error("dropped spans are not counted")
	}
}
