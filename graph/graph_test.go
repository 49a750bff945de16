package graph_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/graph"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

const baseURL = "https://gatehouse.test"

var tenant = gatehouse.MustGUID("7e4a4700-0000-4000-8000-000000000001")

// world is a Graph server on a store of its own, with a clock that moves a second per request.
type world struct {
	store   *store.Store
	index   *directory.Index
	handler *graph.Handler
	now     time.Time
	callers map[string]gatehouse.Caller
}

// people are the users and service principals of every world, and the directory role of each.
var people = []struct {
	name, role string
	app        bool
}{
	{"admin", builtin.GlobalAdministrator, false}, {"useradmin", builtin.UserAdministrator, false},
	{"groupadmin", builtin.GroupsAdministrator, false}, {"appadmin", builtin.ApplicationAdministrator, false},
	{"alice", "", false}, {"bob", "", false},
	{"reader", builtin.DirectoryReaders, true}, {"robot", builtin.GlobalAdministrator, true}, {"nobody", "", true},
}

func id(kind, n int) gatehouse.GUID {
	return gatehouse.MustGUID(fmt.Sprintf("%08x-0000-4000-8000-%012d", kind, n))
}

func start(t testing.TB, config func(*graph.Config)) *world {
	t.Helper()
	w := &world{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), callers: map[string]gatehouse.Caller{}}
	ctx, log := context.Background(), slog.New(slog.NewTextHandler(io.Discard, nil))
	clock := func() time.Time { return w.now }
	var err error
	w.store, err = sqlite.Open(ctx, t.TempDir(), store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Clock: clock, Logger: log}, sqlite.Settings{Unsafe: true})
	must(t, err)
	t.Cleanup(func() { w.store.Close() })
	w.seed(t)
	w.index, err = directory.NewIndex(ctx, w.store)
	must(t, err)
	g, err := guard.New(ctx, w.store)
	must(t, err)
	cfg := graph.Config{Store: w.store, Index: w.index, Guard: g, Authenticate: w.authenticate, BaseURL: baseURL, TenantID: tenant, TenantName: "Contoso",
		Domains: []string{"contoso.test", "example.org"}, ReservedURIs: []string{"https://management.azure.com"}, Roles: builtin.DirectoryRoles(), Clock: clock, Logger: log,
		HashPassword: func(p string) (string, error) { return "hash of " + p, nil }, PageKey: []byte("page")}
	if config != nil {
		config(&cfg)
	}
	w.handler = graph.New(cfg)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) seed(t testing.TB) {
	var docs []*store.Document
	add := func(d *store.Document, err error) {
		must(t, err)
		docs = append(docs, d)
	}
	for i, p := range people {
		c := gatehouse.Caller{ID: id(0xa0, i+1), Type: gatehouse.User, Name: p.name + "@contoso.test", Scopes: []string{"openid", "Directory.AccessAsUser.All"}}
		if p.app {
			app := id(0xb0, i+1)
			c.Type, c.Name, c.AppID = gatehouse.ServicePrincipal, app.String(), app.String()
			sp := directory.ServicePrincipal{ID: c.ID, AppID: app, DisplayName: p.name, Type: directory.KindApplication, Names: []string{app.String()}}
			add(sp.Document(directory.Secrets{}))
		} else {
			u := directory.User{ID: c.ID, UserPrincipalName: c.Name, DisplayName: p.name, MailNickname: p.name, AccountEnabled: true}
			add(u.Document(directory.Secrets{PasswordHash: "old"}))
		}
		w.callers[p.name] = c
		if p.role != "" {
			role := id(0xc0, i+1)
			add(&store.Document{ID: directory.RoleAssignmentID(role), Type: directory.RoleAssignmentType,
				Body: fmt.Appendf(nil, `{"id":%q,"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, role, c.ID, p.role)}, nil)
		}
	}
	mi := directory.ServicePrincipal{ID: id(0xa1, 1), AppID: id(0xb1, 1), DisplayName: "mi", Type: directory.KindManagedIdentity, Names: []string{id(0xb1, 1).String()},
		AlternativeNames: []string{"isExplicit=True", "/subscriptions/50b5c400-0000-4000-8000-000000000001/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi"}}
	add(mi.Document(directory.Secrets{}))
	_, err := w.store.Write(context.Background(), gatehouse.Cause{Action: "seed"}, func(tx *store.Tx) error {
		for _, d := range docs {
			if err := tx.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
}

func (w *world) authenticate(r *http.Request) (*gatehouse.Caller, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "Access token is empty.")
	}
	c, ok := w.callers[token]
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "Access token validation failure.")
	}
	return &c, nil
}

func (w *world) do(as, method, url, body string, header http.Header) *httptest.ResponseRecorder {
	w.now = w.now.Add(time.Second)
	r := httptest.NewRequest(method, strings.ReplaceAll(url, " ", "%20"), strings.NewReader(body))
	for name, values := range header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if as != "anonymous" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	return a
}

// serve performs a request of the administrator without moving the clock, for use by several goroutines.
func (w *world) serve(method, path, body string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer admin")
	a := newRecorder()
	w.handler.ServeHTTP(a, r)
	return a.Code
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

// TestWire runs testdata/*.txtar: sections are requests, each followed by its answer.
//
//	METHOD /path
//	As: caller                 admin when absent
//	Save: name = member        of the answer, for ${name} from then on
//	Header: value
//
//	body
func TestWire(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			runCase(t, file)
		})
	}
}

func runCase(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	must(t, err)
	c := &wireCase{t: t, w: start(t, nil), values: map[string]string{}, names: map[string]string{}}
	for name, caller := range c.w.callers {
		c.set(name, caller.ID.String())
	}
	c.set("tenant", tenant.String())
	c.set("mi", id(0xa1, 1).String())
	c.set("miApp", id(0xb1, 1).String())
	c.set("robotApp", c.w.callers["robot"].AppID)
	out := &txtar.Archive{Comment: archive.Comment}
	for _, section := range archive.Files {
		if section.Name == "answer" {
			continue
		}
		out.Files = append(out.Files, section, txtar.File{Name: "answer", Data: []byte(c.step(string(section.Data)))})
	}
	golden(t, file, txtar.Format(out))
}

func golden(t testing.TB, file string, got []byte) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if string(want) == string(got) {
		return
	}
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
		return
	}
	t.Errorf("%s differs; run with -update and review the difference:\n%s", file, diff.Diff("want", want, "got", got))
}

type wireCase struct {
	t      *testing.T
	w      *world
	values map[string]string
	names  map[string]string
	guids  int
}

func (c *wireCase) set(name, value string) { c.values[name], c.names[value] = value, name }

var (
	guidPattern   = regexp.MustCompile(`[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}`)
	secretPattern = regexp.MustCompile(`"(hint|secretText)": "[^"]+"`)
	tokenPattern  = regexp.MustCompile(`skiptoken=[A-Za-z0-9_-]+`)
)

func (c *wireCase) step(text string) string {
	text = os.Expand(text, func(name string) string {
		if v, ok := c.values[name]; ok {
			return v
		}
		return "$" + name
	})
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, url, _ := strings.Cut(lines[0], " ")
	as, header, save := "admin", http.Header{}, [][2]string{}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch name {
		case "As":
			as = value
		case "Save":
			variable, member, _ := strings.Cut(value, "=")
			save = append(save, [2]string{strings.TrimSpace(variable), strings.TrimSpace(member)})
		default:
			header.Set(name, value)
		}
	}
	a := c.w.do(as, method, url, body, header)
	for _, s := range save {
		o, err := jsondoc.ParseObject(a.Body.Bytes())
		must(c.t, err)
		v, _ := o.Get(s[1])
		text, ok := v.(string)
		if !ok {
			c.t.Fatalf("%s %s: no text member %s in %d %s", method, url, s[1], a.Code, a.Body)
		}
		c.set(s[0], strings.TrimPrefix(text, baseURL))
	}
	return c.mask(render(a))
}

func render(a *httptest.ResponseRecorder) string {
	var b strings.Builder
	fmt.Fprintln(&b, a.Code)
	for _, name := range []string{"Location", "WWW-Authenticate"} {
		if v := a.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if v, err := jsondoc.ParseObject(a.Body.Bytes()); err == nil {
		b.WriteString("\n" + string(jsondoc.MarshalIndent(v, "  ")) + "\n")
	} else if a.Body.Len() > 0 {
		b.WriteString("\n" + a.Body.String() + "\n")
	}
	return b.String()
}

// mask puts names in for what differs from run to run.
func (c *wireCase) mask(text string) string {
	for value, name := range c.names {
		if !guidPattern.MatchString(value) && len(value) > 20 {
			text = strings.ReplaceAll(text, value, "${"+name+"}")
		}
	}
	text = tokenPattern.ReplaceAllString(text, "skiptoken=...")
	text = secretPattern.ReplaceAllString(text, `"$1": "..."`)
	return guidPattern.ReplaceAllStringFunc(text, func(s string) string {
		g := gatehouse.MustGUID(s)
		if _, known := builtin.DirectoryRole(g); known {
			return s
		}
		if _, ok := c.names[s]; !ok {
			c.guids++
			c.set(fmt.Sprintf("guid%d", c.guids), s)
		}
		return "${" + c.names[s] + "}"
	})
}
