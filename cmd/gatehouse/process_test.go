package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/demo"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// fixedURL is a public address that outlives restarts, as tokens are bound to it.
const fixedURL = "https://localhost:8443"

// start runs a server over dir and returns when it is ready, and after how long.
func start(t testing.TB, dir string, flags ...string) (*scriptServer, time.Duration) {
	t.Helper()
	began := time.Now()
	cmd := program(append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--imds-listen", "", "--public-url", fixedURL, "--log-level", "warn"}, flags...)...)
	var said bytes.Buffer
	cmd.Stderr = &said
	s := &scriptServer{cmd: cmd, done: make(chan error, 1)}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	go func() { s.done <- cmd.Wait() }()
	if err := s.ready(dir); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	return s, time.Since(began)
}

func (s *scriptServer) kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// bearer is a token of the bootstrap service principal.
func bearer(t testing.TB, dir string) string {
	t.Helper()
	c, err := newClient(dir)
	if err != nil {
		t.Fatal(err)
	}
	token, err := c.token(t.Context(), c.r.PublicURL)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + token
}

// TestFirstStartIsQuick: an empty directory is a working tenant within a second. The best of several counts, as the machine does other things too.
func TestFirstStartIsQuick(t *testing.T) {
	best := time.Hour
	for range 5 {
		s, took := start(t, filepath.Join(t.TempDir(), "data"))
		s.kill()
		best = min(best, took)
	}
	t.Logf("ready after %v", best)
	if best > time.Second {
		t.Errorf("the first start takes %v, want less than a second", best)
	}
}

// TestStopAnswersRunningRequests: SIGTERM in the middle of a request's body lets the
// request end as if nothing had happened, and no new connection in.
func TestStopAnswersRunningRequests(t *testing.T) {
	dir := t.TempDir()
	s, _ := start(t, dir)
	b, r, err := connection(dir)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := r.roots()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", r.Listen, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head, tail := `{"location": "westeurope", `, `"tags": {"a": "b"}}`
	fmt.Fprintf(conn, "PUT /subscriptions/%s/resourceGroups/late?api-version=2021-04-01 HTTP/1.1\r\nHost: localhost:8443\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		b.SubscriptionID, bearer(t, dir), len(head)+len(tail), head)
	time.Sleep(100 * time.Millisecond) // for the server to have begun with it
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if other, err := r.dial(t.Context(), "tcp", ""); err != nil {
			break
		} else {
			other.Close()
		}
	}
	if _, err := os.Stat(filepath.Join(dir, runtimeFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a server that stops still says that it runs: %v", err)
	}
	if _, err := io.WriteString(conn, tail); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("the request was answered with %v, %v; want 201", answer, err)
	}
	if err := <-s.done; err != nil {
		t.Errorf("the server ended with %v", err)
	}
}

// TestKillServer kills the server at random moments while clients write over HTTPS,
// dozens of times, or for as long as GATEHOUSE_SOAK says. Whatever was acknowledged
// is there afterwards, what was not is there whole or not at all, and the log verifies.
func TestKillServer(t *testing.T) {
	rounds, until := 30, time.Now().Add(12*time.Second)
	if testing.Short() {
		rounds = 5
	}
	if soak := os.Getenv("GATEHOUSE_SOAK"); soak != "" {
		length, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatalf("GATEHOUSE_SOAK: %v", err)
		}
		rounds, until = 1<<30, time.Now().Add(length)
	}
	dir := t.TempDir()
	s, _ := start(t, dir)
	k := newKill(t, dir)
	s.kill()
	n := 0
	for ; n < rounds && time.Now().Before(until); n++ {
		k.round()
	}
	s, _ = start(t, dir)
	k.check()
	s.kill()
	if out, err := program("audit", "verify", "--data", dir).CombinedOutput(); err != nil {
		t.Errorf("audit verify: %v\n%s", err, out)
	}
	t.Logf("%d kills, %d acknowledged writes", n, k.acknowledged)
	if k.acknowledged < n {
		t.Errorf("%d acknowledged writes in %d rounds are too few to prove anything", k.acknowledged, n)
	}
}

// kill holds what its writers were told.
type kill struct {
	testing.TB
	dir, sub, token string
	documents       []*killed
	acknowledged    int
}

// killed is a document that one writer writes with ever higher numbers.
type killed struct {
	path, version           string
	body                    func(n int) string
	read                    func(answer []byte) string
	attempted, acknowledged int // the newest number of each kind
	acknowledges            int
}

func newKill(t testing.TB, dir string) *kill {
	b, _, err := connection(dir)
	if err != nil {
		t.Fatal(err)
	}
	k := &kill{TB: t, dir: dir, sub: "/subscriptions/" + b.SubscriptionID, token: bearer(t, dir)}
	principal := k.principal(b.ClientID)
	for i := range 8 {
		group := fmt.Sprintf("%s/resourceGroups/kill%d", k.sub, i)
		k.documents = append(k.documents, &killed{path: group, version: "2021-04-01",
			body: func(n int) string { return fmt.Sprintf(`{"location":"westeurope","tags":{"n":"%d"}}`, n) },
			read: func(answer []byte) string { return parsed(answer).String("tags.n") }})
		name := gatehouse.NameGUID(gatehouse.GUID{}, group).String()
		k.documents = append(k.documents, &killed{path: group + "/providers/Microsoft.Authorization/roleAssignments/" + name, version: "2022-04-01",
			body: func(n int) string {
				return fmt.Sprintf(`{"properties":{"roleDefinitionId":"%s/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":%q,"principalType":"ServicePrincipal","description":"%d"}}`,
					k.sub, builtin.Reader, principal, n)
			},
			read: func(answer []byte) string { return parsed(answer).String("properties.description") }})
	}
	for _, d := range k.documents {
		if status := k.put(k.http(), d); status != http.StatusCreated {
			t.Fatalf("%s: %d", d.path, status)
		}
	}
	return k
}

func (k *kill) principal(app string) string {
	status, answer, err := ask(k.dir, http.MethodGet, "/v1.0/servicePrincipals(appId='"+app+"')", http.Header{"Authorization": {k.token}}, nil, false)
	if err != nil || status != http.StatusOK {
		k.Fatalf("%d %v %s", status, err, answer)
	}
	return parsed(answer).String("id")
}

// http is a client with connections of its own.
func (k *kill) http() *client {
	c, err := newClient(k.dir)
	if err != nil {
		k.Fatal(err)
	}
	c.http.Timeout = 5 * time.Second
	return c
}

// put writes the next number; 0 when there was no answer.
func (k *kill) put(c *client, d *killed) int {
	d.attempted++
	req, err := http.NewRequest(http.MethodPut, c.r.PublicURL+d.path+"?api-version="+d.version, strings.NewReader(d.body(d.attempted)))
	if err != nil {
		k.Error(err)
		return 0
	}
	req.Header.Set("Authorization", k.token)
	req.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(req)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	if answer.StatusCode < 300 {
		d.acknowledged = d.attempted
		d.acknowledges++
	}
	return answer.StatusCode
}

// round runs a server for a random moment under writers, or kills it while it starts.
func (k *kill) round() {
	if rand.IntN(8) == 0 {
		k.killStart()
		return
	}
	s, _ := start(k, k.dir)
	k.check()
	var writers sync.WaitGroup
	for w := range 8 {
		c := k.http()
		writers.Go(func() {
			for i := w; ; i++ { // each has two documents to itself
				if status := k.put(c, k.documents[2*w+i%2]); status == 0 {
					return
				} else if status >= 300 {
					k.Errorf("%s was answered with %d", k.documents[2*w+i%2].path, status)
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(rand.IntN(150_000)) * time.Microsecond)
	s.kill()
	writers.Wait()
	k.acknowledged = 0
	for _, d := range k.documents {
		k.acknowledged += d.acknowledges
	}
}

func (k *kill) killStart() {
	cmd := program("serve", "--data", k.dir, "--listen", "127.0.0.1:0", "--imds-listen", "", "--public-url", fixedURL)
	if err := cmd.Start(); err != nil {
		k.Fatal(err)
	}
	time.Sleep(time.Duration(rand.IntN(100_000)) * time.Microsecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// check compares every document with what its writer was told.
func (k *kill) check() {
	k.Helper()
	for _, d := range k.documents {
		status, answer, err := ask(k.dir, http.MethodGet, d.path+"?api-version="+d.version, http.Header{"Authorization": {k.token}}, nil, false)
		if err != nil || status != http.StatusOK {
			k.Fatalf("%s: %d, %v: %s", d.path, status, err, answer)
		}
		var n int
		if _, err := fmt.Sscan(d.read(answer), &n); err != nil || n < d.acknowledged || n > d.attempted {
			k.Fatalf("%s holds %d (%v); %d was acknowledged and %d attempted", d.path, n, err, d.acknowledged, d.attempted)
		}
		d.acknowledged = n // nobody may hear of less from now on
	}
}

// TestDemoContinues: a demo whose making is cut short anywhere is completed by the next start.
func TestDemoContinues(t *testing.T) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	ctx, dir := t.Context(), t.TempDir()
	s, err := sqlite.Open(ctx, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, _, err := begin(ctx, s, dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a, err := assemble(ctx, s, b, fixedURL, nil, serveConfig{data: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer a.entra.Close()
	whole, cuts := a.mux, 0
	for calls := 1; ; calls += 5 {
		a.mux = &cut{whole, calls}
		if err := a.seedDemo(ctx, b, fixedURL); err == nil {
			break
		} else if !strings.Contains(err.Error(), "cut short") {
			t.Fatalf("after %d calls: %v", calls, err)
		}
		if cuts++; cuts > 50 {
			t.Fatal("the demo is never complete")
		}
	}
	count := func(kind string) int {
		n, err := s.Count(ctx, store.Query{Type: kind})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for kind, want := range map[string]int{directory.UserType: 1 + len(demo.People), directory.GroupType: 3, directory.GroupMemberType: 4, directory.ApplicationType: 2,
		guard.RoleDefinitionType: 2, guard.RoleAssignmentType: 2 + 5, "Microsoft.ApiManagement/service/apis": 3 + 1} {
		if got := count(kind); got != want {
			t.Errorf("%d documents of type %s after %d starts that were cut short, want %d", got, kind, cuts, want)
		}
	}
	head, _ := s.Head(ctx)
	if err := a.seedDemo(ctx, b, fixedURL); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Head(ctx); again != head {
		t.Errorf("a complete demo was written to again: %d changes more", again-head)
	}
}

// cut answers so many calls and then none.
type cut struct {
	http.Handler
	left int
}

func (c *cut) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.left--; c.left < 0 {
		http.Error(w, "cut short", http.StatusServiceUnavailable)
		return
	}
	c.Handler.ServeHTTP(w, r)
}

// BenchmarkFirstStart is from nothing to a tenant that answers.
func BenchmarkFirstStart(b *testing.B) {
	for b.Loop() {
		s, _ := start(b, filepath.Join(b.TempDir(), "data"))
		b.StopTimer()
		s.kill()
		b.StartTimer()
	}
}

// BenchmarkRestart100000Assignments is from the start of the program over a tenant of
// 10,000 users and 100,000 role assignments to its first answer.
func BenchmarkRestart100000Assignments(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, 10_000, 100_000)
	memory := 0.0
	for b.Loop() {
		s, _ := start(b, dir)
		b.StopTimer()
		memory = resident(s.cmd.Process.Pid)
		s.kill()
		b.StartTimer()
	}
	b.ReportMetric(memory, "MiB")
}

// fill makes a tenant with users and role assignments of theirs at a hundred resource groups.
func fill(t testing.TB, dir string, users, assignments int) {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := begin(ctx, s, dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	subscription := gatehouse.MustID("/subscriptions/" + b.SubscriptionID)
	oid := func(i int) gatehouse.GUID { return gatehouse.NameGUID(gatehouse.GUID{}, fmt.Sprint("user ", i)) }
	roles := builtin.Roles()
	docs := func(yield func(*store.Document) bool) {
		for i := range users {
			u := &directory.User{ID: oid(i), UserPrincipalName: fmt.Sprintf("user%d@%s", i, domain), DisplayName: fmt.Sprint("User ", i), AccountEnabled: true}
			if d, err := u.Document(directory.Secrets{}); err != nil || !yield(d) {
				return
			}
		}
		for i := range assignments {
			scope := gatehouse.MustID(fmt.Sprintf("%s/resourceGroups/group%d", subscription, i%100))
			body := jsondoc.NewObject("properties", jsondoc.NewObject("roleDefinitionId", guard.RoleDefinitionID(roles[i/users%len(roles)].ID).String(),
				"principalId", oid(i%users).String(), "principalType", "User", "scope", scope.String()))
			d := &store.Document{ID: guard.RoleAssignmentID(scope, gatehouse.NameGUID(gatehouse.GUID{}, fmt.Sprint("assignment ", i))), Type: guard.RoleAssignmentType, Body: jsondoc.Marshal(body)}
			if !yield(d) {
				return
			}
		}
	}
	for batch := range slices.Chunk(slices.Collect(docs), 5000) {
		if _, err := s.Write(ctx, gatehouse.Cause{Action: "test"}, func(tx *store.Tx) error {
			for _, d := range batch {
				if err := tx.Put(d); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// resident is the memory of a process in MiB where /proc tells, else 0.
func resident(pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kib float64
	_, _ = fmt.Sscan(rest, &kib)
	return kib / 1024
}

// TestServedAfterRestart: a filled tenant is served as it was, which the restart benchmark takes for granted.
func TestServedAfterRestart(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 100, 1000)
	start(t, dir)
	b, _, err := connection(dir)
	if err != nil {
		t.Fatal(err)
	}
	status, answer, err := ask(dir, http.MethodGet, "/subscriptions/"+b.SubscriptionID+"/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01", http.Header{"Authorization": {bearer(t, dir)}}, nil, false)
	var list struct{ Value []json.RawMessage }
	if err = errors.Join(err, json.Unmarshal(answer, &list)); err != nil || status != http.StatusOK || len(list.Value) < 1000 {
		t.Errorf("%d assignments, status %d, %v", len(list.Value), status, err)
	}
	names := map[string]bool{}
	for _, raw := range list.Value {
		names[parsed(raw).String("name")] = true
	}
	if len(names) != len(list.Value) {
		t.Error("an assignment was listed twice")
	}
}
