package guard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

// pool are documents of every kind, several per ID with different bodies, some unreadable.
func pool() []doc {
	tops := []string{"/", mg(tenant.String()), mg("corp"), mg("prod"), sub, svc, calc}
	people := []string{"ann", "bob", "cid", "team", "crew"}
	docs := []doc{
		tenantDoc(), {guard.TenantID(guid("second")), guard.TenantType, `{}`},
		subscription(), placed("corp"), placed("prod"), placed("lab"),
		managementGroup("corp", ""), managementGroup("corp", "lab"), managementGroup("prod", "corp"), managementGroup("prod", ""),
		managementGroup("lab", "nowhere"), {id(mg("lab")), guard.ManagementGroupType, `{"properties":{"details":{"parent":{"id":"/subscriptions/x"}}}}`},
		managementGroup(tenant.String(), ""),
		customRole("role", `{"actions":["*/read"]}`), customRole("role", `{"actions":["*"],"notActions":["*/delete"],"dataActions":["*"]}`),
		{guard.RoleDefinitionID(guid("role")), guard.RoleDefinitionType, `{"properties":{"permissions":[7]}}`},
		group("team"), group("crew"), {directory.GroupID(guid("crew")), directory.GroupType, `{"accountEnabled":"perhaps"}`},
		member("team", "crew"), member("crew", "team"), member("team", "ann"), member("crew", "bob"), member("crew", "cid"),
		owner("team", "ann"), owner("crew", "bob"),
	}
	for _, p := range people[:3] {
		docs = append(docs, user(p), user(p, `,"customSecurityAttributes":{"S":{"A":"x"}}`))
	}
	for i, top := range tops {
		name := fmt.Sprint("a", i)
		docs = append(docs, assignment(name, top, people[i%5], builtin.Reader), assignment(name, top, people[(i+1)%5], guid("role").String()),
			assignment(name, top, people[(i+2)%5], builtin.Contributor, `,"condition":"@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:S_A] StringEquals 'x'"`),
			assignment(name, top, people[(i+3)%5], builtin.Owner, `,"condition":"nonsense ("`), assignment(name, top, people[0], "Owner"),
			deny(fmt.Sprint("d", i), top, everyone, ref("ann"), ""), deny(fmt.Sprint("d", i), top, ref("bob"), "", `,"doNotApplyToChildScopes":true`),
			deny(fmt.Sprint("d", i), top, `{"id":"?"}`, "", ""))
	}
	for i, role := range []string{builtin.GlobalAdministrator, builtin.DirectoryReaders, builtin.UserAdministrator, builtin.Owner} {
		docs = append(docs, directoryRole("r0", people[i], role), directoryRole(fmt.Sprint("r", i), people[4-i], role))
	}
	return docs
}

type question struct {
	who, action, scope string
	data               bool
}

func questions() []question {
	var out []question
	for _, who := range []string{"ann", "bob", "cid", "team", "crew"} {
		for _, scope := range []string{"/", mg(tenant.String()), mg("corp"), mg("prod"), mg("lab"), mg("nowhere"), mg("new"), sub, svc, calc, svc + "/apis/other"} {
			for _, action := range []string{apiRead, apiWrite, "Microsoft.ApiManagement/service/apis/delete"} {
				out = append(out, question{who, action, scope, false})
			}
			out = append(out, question{who, builtin.CallInvoke, scope, true})
		}
		for _, o := range []gatehouse.ID{directory.Root(), directory.GroupID(guid("team")), directory.MemberID(guid("crew"), guid("x")), directory.UserID(guid("bob"))} {
			for _, action := range []string{"groups/read", "groups/members/write", "users/write", "roleAssignments/write"} {
				out = append(out, question{who, builtin.DirectoryNamespace + "directory/" + action, o.String(), true})
			}
		}
	}
	return out
}

// answers are all that can be told from outside; equal answers mean equal access.
func answers(g *guard.Guard) map[string]string {
	out := map[string]string{"root": g.RootGroup().String()}
	for _, q := range questions() {
		d, err := g.AuthorizeAt(context.Background(), caller(q.who), q.action, q.data, id(q.scope), q.scope, nil)
		// Which of several grants is named may differ; that and why something is allowed may not.
		out[fmt.Sprint(q)] = fmt.Sprint(d.Allowed, d.Code, d.Conditional, gatehouse.CodeOf(err))
	}
	for _, action := range []string{apiRead, apiWrite} {
		for _, h := range g.WhoCan(rbac.WhoCanRequest{Action: action, Scope: id(calc).Scope()}) {
			out["who "+action+" "+h.Principal.String()] = fmt.Sprint(h.Type, h.Disabled)
		}
	}
	for _, p := range g.Problems() {
		out["problem "+p.Scope.String()+p.Assignment.String()+p.Message] = ""
	}
	return out
}

// A guard that followed every change answers like one that has just read the documents.
func TestRestartFindsTheSame(t *testing.T) {
	w := start(t)
	docs := pool()
	random := rand.New(rand.NewPCG(1, 2))
	there := map[gatehouse.Scope]bool{}
	rounds := 60
	if testing.Short() {
		rounds = 15
	}
	for round := range rounds {
		for range 6 {
			var batch []doc
			for range 1 + random.IntN(4) {
				d := docs[random.IntN(len(docs))]
				if key := d.id.Scope(); there[key] && random.IntN(5) < 2 {
					d, there[key] = d.gone(), false
				} else {
					there[key] = true
				}
				batch = append(batch, d)
			}
			w.write(batch...)
		}
		want, got := answers(open(t, w.store)), answers(w.guard)
		if reflect.DeepEqual(got, want) {
			continue
		}
		for _, k := range sortedKeys(want, got) {
			if got[k] != want[k] {
				t.Errorf("round %d: %s: %q, after a restart %q", round, k, got[k], want[k])
			}
		}
		return
	}
}

func sortedKeys(maps ...map[string]string) []string {
	seen := map[string]bool{}
	var out []string
	for _, m := range maps {
		for k := range m {
			if !seen[k] {
				seen[k] = true
				out = append(out, k)
			}
		}
	}
	return out
}

// Whoever was answered about a write finds it in force, while many write at once.
func TestConcurrentWriters(t *testing.T) {
	w := start(t)
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	readers.Go(func() {
		for !stop.Load() {
			w.guard.Allowed(caller("p0"), apiRead, id(calc))
			w.guard.Problems()
		}
	})
	for i := range 8 {
		writers.Go(func() {
			who := fmt.Sprint("p", i)
			for range 10 {
				w.write(assignment(who, calc, who, builtin.Reader))
				w.may(true, caller(who), apiRead, calc)
				w.write(assignment(who, calc, who, builtin.Reader).gone())
				w.may(false, caller(who), apiRead, calc)
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
}

func fill(t testing.TB, s *store.Store, n int) {
	t.Helper()
	for from := 0; from < n; from += 10000 {
		_, err := s.Write(context.Background(), gatehouse.Cause{}, func(tx *store.Tx) error {
			for i := from; i < min(from+10000, n); i++ {
				scope := fmt.Sprintf("%s/resourceGroups/rg%d/providers/Microsoft.ApiManagement/service/s%d/apis/a%d", sub, i%500, i%50, i%5000)
				a := assignment(fmt.Sprint("n", i), scope, fmt.Sprint("u", i%20000), builtin.Reader,
					`,"conditionVersion":null,"description":null,"principalType":"User","createdOn":"2026-01-10T08:20:27.0007137Z","updatedOn":"2026-01-10T08:20:27.0007137Z"`)
				if err := tx.Put(&store.Document{ID: a.id, Type: a.typ, Body: []byte(a.body)}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkLoad is guard's part of a restart with 100,000 assignments, which has to take under 3 s.
func BenchmarkLoad(b *testing.B) {
	s := sqlitetest.Open(b, store.Options{MasterKey: make([]byte, 32), Logger: quiet})
	fill(b, s, 100_000)
	for b.Loop() {
		g := open(b, s)
		if !g.Allowed(caller("u7"), apiRead, id(sub+"/resourceGroups/rg7/providers/Microsoft.ApiManagement/service/s7/apis/a7")) {
			b.Fatal("an assignment is missing")
		}
	}
}

func BenchmarkAuthorize(b *testing.B) {
	s := sqlitetest.Open(b, store.Options{MasterKey: make([]byte, 32), Logger: quiet})
	fill(b, s, 20_000)
	g := open(b, s)
	c, target := caller("u7"), id(sub+"/resourceGroups/rg7/providers/Microsoft.ApiManagement/service/s7/apis/a7")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Authorize(b.Context(), c, apiRead, target, nil); err != nil {
			b.Fatal(err)
		}
	}
}
