package record

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/gateway"
	"gatehouse/gateway/config"
)

const service = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso"

func entity[T config.Entity](id string, e T) T {
	e.SetID(id)
	return e
}

// The secrets of the tests. None may stand in a recording, in whatever form.
const (
	primary  = "0123456789abcdef0123456789abcdef"
	another  = "fedcba9876543210fedcba9876543210"
	named    = `s3cret/"value"+&`
	opaque   = "opaque-bearer-4711"
	cookie   = "session-cookie-value"
	returned = "returned-access-token"
	backend  = "credential-of-backend"
	reply    = "<r><Password>hunter-two</Password></r>"
)

var jwt = base64.RawURLEncoding.EncodeToString([]byte(`{ "alg":"RS256","kid":"k1"}`)) + "." +
	base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"https://issuer.example","oid":"11111111-1111-1111-1111-111111111111"}`)) + ".c2lnbmF0dXJlLW9mLXRva2Vu"

// site is a gateway that is recorded.
type site struct {
	t        *testing.T
	out      bytes.Buffer
	recorder *Recorder
	front    http.Handler
	stop     func()
}

func newSite(t *testing.T, answer http.HandlerFunc, change func(*Config), entities ...config.Entity) *site {
	at := httptest.NewServer(answer)
	t.Cleanup(at.Close)
	s := &site{t: t}
	c := Config{To: &s.out, MaxBody: 1 << 10, Sample: 1}
	if change != nil {
		change(&c)
	}
	s.recorder = New(c)
	g := gateway.New(gateway.Config{Default: "contoso", Serve: s.recorder.Watch.Serve, Observe: s.recorder.Watch.Observe})
	t.Cleanup(g.Close)
	u := &config.Update{Service: service, Whole: true, Put: append([]config.Entity{
		entity("", &config.Service{Resource: service, Location: "westeurope", Statistics: "contoso"}),
		entity("/apis/a", &config.API{DisplayName: "a", Path: "a", ServiceURL: at.URL, Protocols: []string{"http", "https"}, Revision: "1", Current: true}),
		entity("/apis/a/operations/any", &config.Operation{Method: "*", URLTemplate: "/*"}),
		entity("/apis/a/operations/anyGet", &config.Operation{Method: "GET", URLTemplate: "/*"}),
		entity("/apis/a/operations/anyPost", &config.Operation{Method: "POST", URLTemplate: "/*"}),
		entity("/subscriptions/mine", &config.Subscription{State: "active", Scope: "", Primary: primary, Secondary: another}),
		entity("/namedValues/password", &config.NamedValue{DisplayName: "password", Secret: true, Value: named}),
	}, entities...)}
	cfg := config.New(u)
	s.recorder.Update(cfg, u)
	g.Update(cfg, u)
	s.front = s.recorder.Watch.Handler(g)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { s.recorder.Run(ctx) })
	s.stop = func() { cancel(); all.Wait() }
	return s
}

func (s *site) call(method, url, body string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.front.ServeHTTP(w, r)
	return w
}

// records are what was written.
func (s *site) records() (list []*Record) {
	s.t.Helper()
	s.stop()
	err := Read(bytes.NewReader(s.out.Bytes()), func(_ int, r *Record) error { list = append(list, r); return nil }, func(n int, err error) error { return fmt.Errorf("line %d: %w", n, err) })
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func policyOf(inbound string) *config.Policy {
	return entity("/apis/a/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base />` + inbound + `</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>`})
}

// TestNoSecrets: a call that is full of secrets leaves none in the file, and a backend that echoes all of them either.
func TestNoSecrets(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Set-Cookie", "id="+cookie+"; Path=/")
		text := fmt.Sprintf(`{"url": %q, "headers": "%v", "body": %q, "access_token": "%s"}`, r.URL.String(), r.Header, body, returned) + reply
		if r.Header.Get("Zip") != "" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = io.WriteString(z, text)
			_ = z.Close()
			return
		}
		_, _ = io.WriteString(w, text)
	}
	s := newSite(t, answer, func(c *Config) { c.MaxBody = 16 << 10 }, policyOf(`<set-header name="X-Set" exists-action="override"><value>{{password}}</value></set-header><set-header name="X-Backend" exists-action="override"><value>`+backend+`</value></set-header>`),
		entity("/backends/b", &config.Backend{URL: "https://b.example", Credentials: &config.BackendCredentials{Header: map[string][]string{"X-Backend": {backend}}}}))
	for _, zip := range []string{"", "1"} {
		s.call("POST", "http://gw.example/a/x?subscription-key="+another+"&access_token="+opaque+"&q=1", `{"client_secret": "in \"body\"", "token": "`+jwt+`"}`,
			"Ocp-Apim-Subscription-Key", primary, "Authorization", "Bearer "+jwt, "X-Api-Key", opaque, "Cookie", "a="+cookie+"; b=2", "Content-Type", "application/json", "Zip", zip)
	}
	list := s.records()
	if len(list) != 2 {
		t.Fatalf("%d records, %d dropped", len(list), s.recorder.Dropped())
	}
	file := s.out.String() + unzipped(t, list[1])
	for _, secret := range []string{primary, another, named, "s3cret", opaque, cookie, returned, backend, "hunter-two", `in \"body`, strings.Split(jwt, ".")[2], strings.Split(jwt, ".")[1], "eyA"} {
		if strings.Contains(file, secret) {
			t.Errorf("%q stands in the recording:\n%s", secret, file)
		}
	}
	r := list[0]
	if r.Subscription != "/subscriptions/mine" || r.Operation != "/apis/a/operations/anyPost" || r.Status != 200 || len(r.Backends) != 1 || r.Backends[0].Status != 200 || len(r.Tokens) != 1 {
		t.Errorf("the record: %+v", r)
	}
	if got := r.Request.Header.Get("Ocp-Apim-Subscription-Key"); got != "{{"+r.Mark+":key:%2Fsubscriptions%2Fmine+primary}}" {
		t.Errorf("the key became %s", got)
	}
	if got := r.Backends[0].Request.Header.Get("X-Set"); got != "{{"+r.Mark+":value:%2FnamedValues%2Fpassword}}" {
		t.Errorf("the named value became %s", got)
	}
	if !strings.Contains(string(r.Tokens[0].Claims), `"oid":"11111111-1111-1111-1111-111111111111"`) || r.Tokens[0].Key != "" {
		t.Errorf("the token became %s %s", r.Tokens[0].Claims, r.Tokens[0].Key)
	}
	if a, b := r.Request.Header.Get("X-Api-Key"), list[1].Request.Header.Get("X-Api-Key"); a != b || a == "" {
		t.Errorf("the same secret has two stand-ins: %s, %s", a, b)
	}
}

func unzipped(t *testing.T, r *Record) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(r.Backends[0].Answer.Body.Data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestRotated: a secret that was replaced while calls wait to be written stands in no record either.
func TestRotated(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "it was "+named+" and "+primary)
	}, nil)
	s.recorder.Update(&config.Config{}, &config.Update{Service: service, Put: []config.Entity{
		entity("/namedValues/password", &config.NamedValue{DisplayName: "password", Secret: true, Value: "another value"}),
		entity("/subscriptions/mine", &config.Subscription{Primary: "another key 1", Secondary: another})}})
	s.call("GET", "http://gw.example/a/x", "")
	if s.records(); strings.Contains(s.out.String(), "s3cret") || strings.Contains(s.out.String(), primary) || !strings.Contains(s.out.String(), "it was {{") {
		t.Errorf("the old value stands in the recording: %s", s.out.String())
	}
}

// TestBounds: bodies are cut, exchanges have a limit, what does not fit is dropped and counted, and nobody waits.
func TestBounds(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, strings.Repeat("x", 5000)) }, nil)
	if got := s.call("POST", "http://gw.example/a/x", strings.Repeat("y", 3000)); got.Body.Len() != 5000 {
		t.Errorf("the client got %d bytes", got.Body.Len())
	}
	r := s.records()[0]
	if !r.Request.Body.Cut || len(r.Request.Body.Data) != 1024 || !r.Answer.Body.Cut || len(r.Answer.Body.Data) != 1024 || !r.Backends[0].Answer.Body.Cut {
		t.Errorf("bodies: %d %v, %d %v", len(r.Request.Body.Data), r.Request.Body.Cut, len(r.Answer.Body.Data), r.Answer.Body.Cut)
	}
	for range mostWaiting + 5 { // nobody writes any more
		s.recorder.take(&Record{Service: service}, nil)
	}
	if n := s.recorder.Dropped(); n != 5 {
		t.Errorf("%d dropped", n)
	}
	if big := (&Record{Request: Message{Body: Body{Data: make([]byte, mostBytes)}}}); true {
		s.recorder.take(big, nil)
	}
	if n := s.recorder.Dropped(); n != 6 {
		t.Errorf("%d dropped", n)
	}
}

// TestSample: a part of calls, or none, is recorded.
func TestSample(t *testing.T) {
	s := newSite(t, func(w http.ResponseWriter, _ *http.Request) {}, func(c *Config) { c.Sample = 0 })
	for range 100 {
		s.call("GET", "http://gw.example/a/x", "")
	}
	if n := len(s.records()); n != 0 {
		t.Errorf("%d records", n)
	}
	asked, took := 0, 0
	wanted := Sampler(0.5, func() float64 { asked++; return float64(asked%4) / 4 })
	for range 4 {
		if wanted() {
			took++
		}
	}
	if asked != 4 || took != 2 {
		t.Errorf("%d of %d", took, asked)
	}
}

// TestFiles: a file has a size, a directory drops the oldest file, and nobody else may read them.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	one, err := OpenFiles(filepath.Join(dir, "one"), 100)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 59) + "\n")
	if _, err = one.Write(line); err != nil {
		t.Fatal(err)
	}
	if _, err = one.Write(line); err == nil {
		t.Error("the file grows beyond its size")
	}
	if info, err := os.Stat(filepath.Join(dir, "one")); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 60 {
		t.Errorf("%v %v", info, err)
	}
	many, err := OpenFiles(filepath.Join(dir, "many")+"/", 800)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := many.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "many", "*"))
	if err != nil || len(found) < 5 || len(found)*60 > 800 {
		t.Errorf("%d files %v", len(found), err)
	}
	if again, err := OpenFiles(filepath.Join(dir, "many"), 800); err != nil || len(again.old) != len(found)-1 && len(again.old) != len(found) {
		t.Errorf("%v %v", again, err)
	}
}

// TestStreams: pieces of an answer reach the client at once although they are kept, and a connection can leave HTTP.
func TestStreams(t *testing.T) {
	got := make(chan struct{})
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: first\n\n")
		_ = http.NewResponseController(w).Flush()
		<-got // the client has it before there is more
		_, _ = io.WriteString(w, "data: second\n\n")
	}, nil)
	at := httptest.NewServer(s.front)
	defer at.Close()
	answer, err := at.Client().Get(at.URL + "/a/x")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	first := make([]byte, len("data: first\n\n"))
	if _, err := io.ReadFull(answer.Body, first); err != nil {
		t.Fatal(err)
	}
	close(got)
	if _, err := io.ReadAll(answer.Body); err != nil {
		t.Fatal(err)
	}
	at.Close()
	if r := s.records(); len(r) != 1 || string(r[0].Answer.Body.Data) != "data: first\n\ndata: second\n\n" || r[0].Answer.Body.Cut {
		t.Errorf("%+v", r)
	}
	hijacked := httptest.NewServer(s.recorder.Watch.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		_ = c.Close()
	})))
	defer hijacked.Close()
	if answer, err := hijacked.Client().Get(hijacked.URL); err != nil || answer.StatusCode != 204 {
		t.Errorf("%v %v", answer, err)
	} else {
		_ = answer.Body.Close()
	}
}

// TestErrors: why no answer came is told apart, since policies see which it was.
func TestErrors(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	s := newSite(t, func(w http.ResponseWriter, r *http.Request) { <-release }, nil,
		entity("/apis/a/policies/policy", &config.Policy{Format: "rawxml", Value: `<policies><inbound><base /></inbound><backend><forward-request timeout-ms="20" /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>`}),
		entity("/apis/b", &config.API{DisplayName: "b", Path: "b", ServiceURL: "http://127.0.0.1:1", Protocols: []string{"http", "https"}, Revision: "1", Current: true}),
		entity("/apis/b/operations/get", &config.Operation{Method: "GET", URLTemplate: "/*"}))
	s.call("GET", "http://gw.example/a/x", "")
	s.call("GET", "http://gw.example/b/x", "")
	var errors []string
	for _, r := range s.records() {
		errors = append(errors, r.Backends[0].Error+" "+r.Failure.Reason)
	}
	if got := strings.Join(errors, ", "); got != TimedOut+" Timeout, "+Broken+" BackendConnectionFailure" {
		t.Error(got)
	}
}

// BenchmarkCall is a call that is recorded, or not.
func BenchmarkCall(b *testing.B) {
	for _, sample := range []float64{0, 1} {
		b.Run(fmt.Sprint(sample), func(b *testing.B) {
			w := &Watch{MaxBody: 64 << 10, Wanted: Sampler(sample, func() float64 { return 0.5 }), Done: func(*Record, *Origin) {}}
			h := w.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(200) }))
			r := httptest.NewRequest("GET", "http://gw.example/a/x", nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
