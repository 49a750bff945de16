package pipeline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse/gateway/config"
	"gatehouse/gateway/contract"
	"gatehouse/gateway/contract/edm"
	"gatehouse/gateway/graphql"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

var update = flag.Bool("update", false, "write what was seen as what is expected")

// TestCases runs testdata/*.txtar; doc.go says what stands in them. Each runs twice: a trace must change nothing else.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, a)
			seen := w.run()
			traced := newWorld(t, a)
			traced.trace = new(strings.Builder)
			if again := traced.run(); again != seen {
				t.Errorf("with a trace:\n%s\nwithout:\n%s", again, seen)
			}
			compare(t, a, "want", seen)
			compare(t, a, "trace", traced.redact(traced.trace.String()))
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// compare compares a part of a case with what was seen, or puts that in its place.
func compare(t *testing.T, a *txtar.Archive, part, seen string) {
	i := slices.IndexFunc(a.Files, func(f txtar.File) bool { return f.Name == part })
	switch {
	case *update && i < 0:
		a.Files = append(a.Files, txtar.File{Name: part, Data: []byte(seen)})
	case *update:
		a.Files[i].Data = []byte(seen)
	case i < 0:
		t.Errorf("there is no %s: run with -update and read what it writes", part)
	case string(a.Files[i].Data) != seen:
		t.Errorf("%s, seen:\n%s\nwanted:\n%s", part, seen, a.Files[i].Data)
	}
}

// world is what a case describes.
type world struct {
	t          *testing.T
	chain      Chain
	values     map[string]string
	options    map[string]string
	frags      map[string]*policy.Document
	answers    [][]byte
	requests   [][]byte
	services   *Services
	now        time.Time
	seen       strings.Builder
	trace      *strings.Builder // nil when calls are not traced
	last       string           // line of it
	times      int              // it came again
	graphql    *graphql.Schema
	odata      *edm.Service
	resolvers  map[Field]*Resolver
	schemas    map[string]*config.Schema
	definition []byte   // of the operation, as JSON
	tokens     []string // those of requests, each with what stands for it
	call       *Call
	shared     Home
}

const defaultGlobal = "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>"

var scopes = []struct {
	name  string
	scope policy.Scope
}{{"global", policy.Global}, {"workspace", policy.Workspace}, {"product", policy.Product}, {"api", policy.API}, {"operation", policy.Operation}}

func newWorld(t *testing.T, a *txtar.Archive) *world {
	w := &world{t: t, values: map[string]string{}, schemas: map[string]*config.Schema{}, options: map[string]string{}, frags: map[string]*policy.Document{}, now: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	texts, resolvers := map[string]string{"global": defaultGlobal}, map[string]string{}
	for _, f := range a.Files {
		name, rest, _ := strings.Cut(f.Name, " ")
		switch {
		case name == "policy":
			texts[rest] = string(f.Data)
		case name == "fragment":
			w.frags[rest] = w.parse("<fragment>" + string(f.Data) + "</fragment>")
		case name == "values":
			readLines(string(f.Data), w.values)
		case name == "options":
			readLines(string(f.Data), w.options)
		case name == "backend":
			w.answers = append(w.answers, f.Data)
		case name == "operation":
			w.definition = f.Data
		case name == "schema":
			w.schemas[rest] = &config.Schema{Document: f.Data}
			if bytes.HasPrefix(f.Data, []byte("<")) {
				w.schemas[rest] = &config.Schema{Text: string(f.Data)}
			}
		case name == "graphql":
			s, err := graphql.ParseSchema(string(f.Data))
			if err != nil {
				t.Fatal(err)
			}
			w.graphql = s
		case name == "odata":
			w.odata = edm.NewService(string(f.Data))
		case name == "config":
			w.configure(f.Data)
		case name == "resolver":
			resolvers[rest] = string(f.Data)
		case name == "request":
			w.requests = append(w.requests, f.Data)
		}
	}
	w.services = w.newServices()
	w.identityServices(w.services)
	w.limitServices(w.services)
	for _, name := range strings.Fields(w.options["without"]) {
		reflect.ValueOf(w.services).Elem().FieldByName(name).SetZero()
	}
	env := Env{NamedValue: func(n policy.Name) (string, bool, bool) {
		v, ok := w.values[n.Name]
		return v, false, ok
	}, Fragment: func(id string) *policy.Document { return w.frags[id] }}
	for field, text := range resolvers {
		typeName, name, _ := strings.Cut(field, "/")
		r := CompileResolver(Source{ID: field, Scope: policy.Resolver, Document: w.parse(text)}, env)
		if r.Err != nil {
			fmt.Fprintf(&w.seen, "the resolver of %s does not compile: %v\n", field, r.Err)
		}
		if w.resolvers == nil {
			w.resolvers = map[Field]*Resolver{}
		}
		w.resolvers[Field{typeName, name}] = r
	}
	for _, s := range scopes {
		if text, ok := texts[s.name]; ok {
			d := Compile(Source{ID: s.name, Scope: s.scope, Document: w.parse(text)}, env)
			if d.Err != nil {
				fmt.Fprintf(&w.seen, "%s does not compile: %v\n", s.name, d.Err)
			}
			w.chain = append(w.chain, d)
		}
	}
	return w
}

func readLines(text string, into map[string]string) {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			into[name] = value
		}
	}
}

func (w *world) parse(text string) *policy.Document {
	d, err := policy.Parse(w.expandCertificates(text), policy.Raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// newServices are those of the cases: time stands still but for sleeping, and every server is the one of the case.
func (w *world) newServices() *Services {
	return &Services{
		Now: func() time.Time { return w.now },
		Transport: func(u Upstream) (http.RoundTripper, error) {
			if w.options["upstream"] != "" {
				fmt.Fprintf(&w.seen, "by way of proxy=%q certificate=%q http=%s continue=%s\n", u.Proxy, u.Certificate, [...]string{"1", "2", "2or1"}[u.HTTP2], u.Continue)
			}
			return w, nil
		},
		Sleep: func(_ context.Context, d time.Duration) error {
			w.now = w.now.Add(d)
			fmt.Fprintf(&w.seen, "waits %s\n", d)
			return nil
		},
		Go: func(f func(context.Context)) bool {
			f(context.Background())
			return true
		},
		Limits: &Concurrency{},
	}
}

// RoundTrip is the server: it answers what the case has next, the last one again and again.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	fmt.Fprintf(&w.seen, "> %s %s\n", r.Method, r.URL)
	if r.Host != "" && r.Host != r.URL.Host {
		fmt.Fprintf(&w.seen, "> Host: %s\n", r.Host)
	}
	w.printHeaders("> ", r.Header)
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		w.printBody("> ", body)
	}
	if len(w.answers) == 0 {
		return nil, errors.New("dial tcp: connection refused")
	}
	text := w.answers[0]
	if len(w.answers) > 1 {
		w.answers = w.answers[1:]
	}
	if word := strings.TrimSpace(string(text)); !strings.HasPrefix(word, "HTTP/") {
		switch word {
		case "timeout":
			return nil, context.DeadlineExceeded
		case "silence":
			select {
			case <-r.Context().Done():
				return nil, r.Context().Err()
			case <-time.After(10 * time.Second):
			}
		}
		return nil, errors.New(word)
	}
	head, body := split(text)
	if !bytes.Contains(head, []byte("\r\nContent-Length: ")) { // an answer that says its length may say a wrong one
		head = fmt.Appendf(head, "Content-Length: %d\r\n", len(body))
	}
	return http.ReadResponse(bufio.NewReader(bytes.NewReader(slices.Concat(head, []byte("\r\n"), body))), r)
}

// split parts a message as a case writes it into its head, with the line ends of HTTP, and its body.
func split(text []byte) (head, body []byte) {
	h, body, _ := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(strings.TrimRight(string(h), "\n"), "\n")
	return []byte(strings.Join(lines, "\r\n") + "\r\n"), bytes.TrimSuffix(body, []byte("\n"))
}

func (w *world) printHeaders(prefix string, h http.Header) {
	var names []string
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range h[name] {
			if name == "User-Agent" && v == "" || name == "Host" {
				continue
			}
			fmt.Fprintf(&w.seen, "%s%s: %s\n", prefix, name, v)
		}
	}
}

func (w *world) printBody(prefix string, body []byte) {
	if len(body) == 0 {
		return
	}
	fmt.Fprintln(&w.seen, strings.TrimSpace(prefix))
	for line := range strings.Lines(string(body)) {
		fmt.Fprintf(&w.seen, "%s%s\n", prefix, strings.TrimRight(line, "\r\n"))
	}
}

func (w *world) run() string {
	for i, raw := range w.requests {
		if i > 0 {
			w.seen.WriteString("\n")
		}
		if w.trace != nil {
			line, _, _ := strings.Cut(string(raw), " HTTP/")
			fmt.Fprintln(w.trace, line)
		}
		w.one(raw)
		if w.trace != nil {
			w.again()
		}
		if step, err := time.ParseDuration(w.options["step"]); err == nil {
			w.now = w.now.Add(step)
		}
	}
	w.printMetrics()
	return w.redact(w.seen.String())
}

// redact writes what is made anew in each run as the case writes it.
func (w *world) redact(text string) string { return strings.NewReplacer(w.tokens...).Replace(text) }

// one runs a request through the chain and notes what comes back.
func (w *world) one(raw []byte) {
	head, body := split(w.expandTokens(raw))
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(head, "\r\n"...))))
	if err != nil {
		w.t.Fatal(err)
	}
	c := NewCall(w.services)
	defer c.Release()
	w.fill(c, r, body)
	switch {
	case w.options["preflight"] != "":
		c.Preflight()
	case w.options["unmatched"] != "":
		c.Request.OriginalURL.Path = r.URL.Path
		if !c.CrossDomain() {
			c.Fail(&Failure{Source: "configuration", Reason: "OperationNotFound", Status: http.StatusNotFound})
		}
	default:
		c.Run()
	}
	c.Sending()
	w.printAnswer(c)
	c.Sent()
	if e := c.LastError; e != nil {
		fmt.Fprintf(&w.seen, "error source=%q reason=%q message=%q scope=%s section=%s path=%q id=%q\n", e.Source, e.Reason, e.Message, e.Scope, e.Section, e.Path, e.PolicyID)
	}
	for _, name := range strings.Fields(w.options["variables"]) {
		v, ok := c.Variables.Get(name)
		fmt.Fprintf(&w.seen, "variable %s=%q set=%t\n", name, v.Print(), ok)
	}
}

func (w *world) printAnswer(c *Call) {
	if c.Response == nil {
		w.seen.WriteString("< no response\n")
		return
	}
	fmt.Fprintf(&w.seen, "< %d %s\n", c.Response.StatusCode, c.Response.StatusReason)
	h := http.Header(c.Response.Headers).Clone()
	delete(h, "Content-Length")
	w.printHeaders("< ", h)
	if b := c.Body(Answer); b != nil {
		data, err := b.Bytes(false)
		if err != nil {
			fmt.Fprintf(&w.seen, "< body: %v\n", err)
		}
		w.printBody("< ", data)
		c.Traffic.Sent = int64(len(data))
	}
}

// fill gives a call what the gateway knows before its policies run.
func (w *world) fill(c *Call, r *http.Request, body []byte) {
	r.Header.Del("Content-Length")
	c.RequestID = [16]byte{1, 2, 3, 4}
	c.Home, c.Traffic.Received = w.shared, int64(len(body))
	c.Timestamp, c.Times.Start = w.now, w.now
	c.Chain = w.chain
	c.Request.Method, c.Request.Headers = r.Method, expr.Headers(r.Header)
	c.Request.Headers["Host"] = []string{r.Host}
	c.Deployment = &expr.Deployment{Certificates: serviceCertificates()}
	if name := r.Header.Get("Test-Certificate"); name != "" {
		c.Request.Certificate = testCertificates()[name]
		r.Header.Del("Test-Certificate")
	}
	if name := r.Header.Get("Test-User"); name != "" {
		c.User = &expr.User{ID: name, Groups: []*expr.Group{{ID: "group-of-" + name[:1]}}}
		r.Header.Del("Test-User")
	}
	*c.Request.URL = expr.URL{Scheme: "http", Host: "backend.test", Port: 80, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	*c.Request.OriginalURL = expr.URL{Scheme: "https", Host: "contoso.azure-api.net", Port: 443, Path: "/echo" + r.URL.EscapedPath(), RawQuery: r.URL.RawQuery}
	c.Request.IPAddress = "203.0.113.9"
	if address := w.options["address"]; address != "" {
		c.Request.IPAddress = address
	}
	if w.options["gone"] != "" {
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		c.HTTP = r.WithContext(ctx)
	}
	if len(body) > 0 {
		c.Request.Body = StreamBody(io.NopCloser(bytes.NewReader(body)), int64(len(body)))
	}
	c.API = &expr.API{ID: "echo-api", Name: "Echo API", Path: "echo", Revision: "1", IsCurrentRevision: true, KeyHeader: "Ocp-Apim-Subscription-Key", KeyQuery: "subscription-key"}
	c.Operation = &expr.Operation{ID: "get", Method: r.Method, Name: "Get", URLTemplate: w.options["template"]}
	c.Request.MatchedParameters = map[string]string{}
	for _, pair := range strings.Fields(w.options["matched"]) {
		name, value, _ := strings.Cut(pair, ":")
		c.Request.MatchedParameters[name] = value
	}
	c.OData = w.odata
	c.GraphQL.Schema, c.GraphQL.Resolvers = w.graphql, w.resolvers
	if len(w.definition) > 0 {
		op := &config.Operation{}
		if err := json.Unmarshal(w.definition, op); err != nil {
			w.t.Fatal(err)
		}
		find := func(name string) *config.Schema { return w.schemas[name] }
		c.Contract = contract.New(op, find, &contract.Schemas{})
		w.services.Schemas, w.services.Schema = &contract.Schemas{}, func(_, name string) *config.Schema { return find(name) }
	}
	base := w.options["base"]
	if base == "" {
		base = "http://backend.test"
	}
	c.Target.Base, _ = url.Parse(base)
	if id := w.options["subscription"]; id != "" {
		c.Subscription = &expr.Subscription{ID: id, Name: id, Key: "key-" + id}
		if started, err := time.Parse(time.RFC3339, w.options["started"]); err == nil {
			c.Subscription.StartDate = &started
		}
	}
	if w.trace != nil {
		c.Tracing, c.Tracer = true, w.note
	}
	w.call = c
}

// note writes an entry of the trace; one that comes again and again is counted.
func (w *world) note(e Entry) {
	line := fmt.Sprintf("  %s %s", e.Section, e.Source)
	if e.Message != "" {
		line += fmt.Sprintf(" %q", e.Message)
	}
	for _, name := range sortedKeys(e.Data) {
		line += fmt.Sprintf(" %s=%q", name, e.Data[name])
	}
	if line == w.last {
		w.times++
		return
	}
	w.again()
	w.last = line
	fmt.Fprintln(w.trace, line)
}

func (w *world) again() {
	if w.times > 0 {
		fmt.Fprintf(w.trace, "  ... and %d times more\n", w.times)
	}
	w.last, w.times = "", 0
}

func sortedKeys(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
