package armtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// shownHeaders are part of every golden answer that has them.
var shownHeaders = []string{"Allow", "Azure-AsyncOperation", "ETag", "Location", "Retry-After", "WWW-Authenticate", "X-Ms-Failure-Cause"}

// Shown holds, by method and path of a route, the cases that got a good answer (2xx) from it.
// It is complete when the test that called Run cleans up.
type Shown struct {
	mu    sync.Mutex
	cases map[string][]string
}

// By is the first case by name that showed a route to work, or "".
func (s *Shown) By(method, path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cases := s.cases[method+" "+path]; len(cases) > 0 {
		return slices.Min(cases)
	}
	return ""
}

func (s *Shown) add(name, method string, r *arm.Route) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := method + " " + r.Path
	if !slices.Contains(s.cases[key], name) {
		s.cases[key] = append(s.cases[key], name)
	}
}

// Run runs every case that the pattern names, each in a World of its own.
func Run(t *testing.T, pattern string, build func(w *World) []*arm.Provider) *Shown {
	shown := &Shown{cases: map[string][]string{}}
	files, err := filepath.Glob(pattern)
	must(t, err)
	if len(files) == 0 {
		t.Fatalf("no case matches %s", pattern)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runFile(t, Start(t, build), file, shown)
		})
	}
	return shown
}

// Replay sends the requests of every case that the pattern names again, each with its address
// changed, and tells saw what was answered. Nothing is compared: it is for questions about all
// cases, such as what another api-version answers. What a request needs of an answer that
// did not come is left out.
func Replay(t *testing.T, pattern string, build func(w *World) []*arm.Provider, change func(url string) string, saw func(file, method, url string, status int)) {
	files, err := filepath.Glob(pattern)
	must(t, err)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			must(t, err)
			c := &testCase{t: t, world: Start(t, build), masks: newMasks(), name: filepath.Base(file)}
			for _, section := range archive.Files {
				switch section.Name {
				case "answer":
				case "documents":
					c.documents(section.Data)
				default:
					c.replay(section.Name, string(section.Data), change, saw)
				}
			}
		})
	}
}

func (c *testCase) replay(title, text string, change func(url string) string, saw func(file, method, url string, status int)) {
	c.t.Helper()
	r, err := parseRequest(c.masks.expand(text))
	if err != nil {
		c.t.Fatalf("%s: %v", title, err)
	}
	c.world.Clock.Advance(r.wait)
	w := c.world.Do(r.as, r.method, change(r.url), r.header, r.body)
	for _, s := range r.save {
		if value, ok := saved(s[1], w); ok {
			c.masks.set(s[0], value)
		}
	}
	c.masks.mask(render(r, w), c.world.Clock.Now())
	saw(c.name, r.method, r.url, w.Code)
}

// RunFile runs one case in a given World.
func RunFile(t *testing.T, w *World, file string) {
	t.Helper()
	runFile(t, w, file, &Shown{cases: map[string][]string{}})
}

func runFile(t *testing.T, w *World, file string, shown *Shown) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	must(t, err)
	c := &testCase{t: t, world: w, masks: newMasks(), name: filepath.Base(file), shown: shown}
	out := &txtar.Archive{Comment: archive.Comment}
	for i, section := range archive.Files {
		switch section.Name {
		case "answer":
			if i == 0 || archive.Files[i-1].Name == "answer" || archive.Files[i-1].Name == "documents" {
				t.Fatalf("%s: section %d is an answer without a request before it", file, i+1)
			}
			continue
		case "documents":
			c.documents(section.Data)
			out.Files = append(out.Files, section)
			continue
		}
		answer := c.step(section.Name, string(section.Data))
		out.Files = append(out.Files, section, txtar.File{Name: "answer", Data: []byte(answer)})
	}
	Golden(t, file, txtar.Format(out))
}

// Golden compares got with a file, or writes the file when the test runs with -update.
func Golden(t testing.TB, file string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if string(want) == string(got) {
		return
	}
	if *update {
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, got, 0o644))
		return
	}
	t.Errorf("%s differs; run with -update and review the difference:\n%s", file, diff.Diff("want", want, "got", got))
}

type testCase struct {
	t     *testing.T
	world *World
	masks *masks
	name  string
	shown *Shown
}

// documents writes a section of documents into the store.
func (c *testCase) documents(text []byte) {
	c.t.Helper()
	var given []struct {
		ID           gatehouse.ID
		Type         string
		Body, Secret json.RawMessage
	}
	if err := json.Unmarshal([]byte(c.masks.expand(string(text))), &given); err != nil {
		c.t.Fatalf("documents: %v", err)
	}
	for _, g := range given {
		c.world.Put(c.t, &store.Document{ID: g.ID, Type: g.Type, Body: g.Body, Secret: g.Secret})
	}
}

// request is one parsed step.
type request struct {
	method, url, as, body string
	header                http.Header
	show                  []string
	save                  [][2]string
	wait                  time.Duration
	bodiless              bool
}

func parseRequest(text string) (*request, error) {
	r := &request{as: "owner", header: http.Header{}, show: shownHeaders, wait: time.Second}
	head, body, _ := strings.Cut(text, "\n\n")
	r.body = strings.TrimSuffix(body, "\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	var ok bool
	if r.method, r.url, ok = strings.Cut(lines[0], " "); !ok || !strings.HasPrefix(r.url, "/") {
		return nil, fmt.Errorf("%q is not METHOD /path", lines[0])
	}
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%q is not a header; leave a line empty before the body", line)
		}
		if err := r.set(name, strings.TrimSpace(value)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *request) set(name, value string) (err error) {
	switch name {
	case "As":
		r.as = value
	case "Show":
		r.show = append(slices.Clone(r.show), strings.Split(strings.ReplaceAll(value, " ", ""), ",")...)
	case "Wait":
		r.wait, err = time.ParseDuration(value)
	case "Body":
		r.bodiless = value == "none"
	case "Save":
		variable, path, ok := strings.Cut(value, "=")
		if !ok {
			return fmt.Errorf("the header Save, %q, is not name = path", value)
		}
		r.save = append(r.save, [2]string{strings.TrimSpace(variable), strings.TrimSpace(path)})
	default:
		r.header.Add(name, value)
	}
	return err
}

// step performs a request and returns the answer as it stands in a golden file.
func (c *testCase) step(title, text string) string {
	c.t.Helper()
	r, err := parseRequest(c.masks.expand(text))
	if err != nil {
		c.t.Fatalf("%s: %v", title, err)
	}
	c.world.Clock.Advance(r.wait)
	w := c.world.Do(r.as, r.method, r.url, r.header, r.body)
	c.keep(title, r, w)
	c.note(r, w.Code)
	return c.masks.mask(render(r, w), c.world.Clock.Now())
}

// note remembers what route gave a good answer.
func (c *testCase) note(r *request, status int) {
	path, _, _ := strings.Cut(strings.ReplaceAll(r.url, " ", "%20"), "?")
	if target, err := c.world.Server.Resolve(r.method, path); err == nil && status < http.StatusMultipleChoices {
		c.shown.add(c.name, r.method, target.Route)
	}
}

// Do performs one request and returns what was answered. As is a caller's name, an object ID, or anonymous.
func (w *World) Do(as, method, url string, header http.Header, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, strings.ReplaceAll(url, " ", "%20"), strings.NewReader(body))
	req.RemoteAddr = "203.0.113.7:50000"
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if as != "anonymous" {
		req.Header.Set("Authorization", "Bearer "+as)
	}
	answer := httptest.NewRecorder()
	w.Server.ServeHTTP(answer, req)
	return answer
}

// keep stores what the step's Save lines name.
func (c *testCase) keep(title string, r *request, w *httptest.ResponseRecorder) {
	c.t.Helper()
	for _, s := range r.save {
		value, ok := saved(s[1], w)
		if !ok {
			c.t.Fatalf("%s: the answer has neither a header nor a text member %s: %d %s", title, s[1], w.Code, w.Body)
		}
		c.masks.set(s[0], value)
	}
}

// saved is a header or a text member of an answer.
func saved(name string, w *httptest.ResponseRecorder) (value string, ok bool) {
	value = w.Header().Get(name)
	if value == "" {
		if o, err := jsondoc.ParseObjectWith(w.Body.Bytes(), jsondoc.Options{Variants: true}); err == nil {
			value = o.String(name)
		}
	}
	return strings.TrimPrefix(value, BaseURL), value != ""
}

func render(r *request, w *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintln(&b, w.Code)
	names := slices.Clone(r.show)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		for _, value := range w.Header().Values(name) {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if w.Body.Len() == 0 || r.bodiless {
		return b.String()
	}
	b.WriteByte('\n')
	body := w.Body.String()
	if v, err := jsondoc.Parse(w.Body.Bytes(), jsondoc.Options{Variants: true}); err == nil {
		body = string(jsondoc.MarshalIndent(v, "  "))
	}
	b.WriteString(strings.TrimSuffix(body, "\n") + "\n")
	return b.String()
}
