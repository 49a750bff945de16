package rbac

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse"
)

// estate is a large organisation: management groups, subscriptions, and API
// Management services down to the policies of operations, eight levels by path; users
// in three groups directly, and in ten counting nested ones.
type estate struct {
	*rand.Rand
	world  World
	users  []gatehouse.GUID
	subs   [400]gatehouse.GUID
	groups []gatehouse.GUID
	scopes []gatehouse.Scope // of new assignments
	size   int
}

var estateActions = func() (out []string) {
	for _, kind := range []string{"service", "service/apis", "service/workspaces", "service/workspaces/apis", "service/workspaces/apis/operations", "service/workspaces/apis/operations/policies", "service/products", "service/subscriptions", "service/tags", "service/users"} {
		for _, verb := range []string{"read", "write", "delete", "listSecrets/action"} {
			out = append(out, "Microsoft.ApiManagement/"+kind+"/"+verb)
		}
	}
	for i := range 600 {
		out = append(out, fmt.Sprintf("Microsoft.Provider%d/things/kind%d/read", i%30, i))
	}
	return out
}()

var estateRoles = [][]string{
	{"*"},
	{"*/read"},
	{"Microsoft.ApiManagement/service/*", "Microsoft.Authorization/*/read", "Microsoft.Insights/alertRules/*", "Microsoft.ResourceHealth/availabilityStatuses/read", "Microsoft.Resources/deployments/*", "Microsoft.Resources/subscriptions/resourceGroups/read", "Microsoft.Support/*"},
	{"Microsoft.ApiManagement/service/*/read", "Microsoft.ApiManagement/service/read", "Microsoft.Authorization/*/read"},
	{"Microsoft.ApiManagement/service/workspaces/*/read"},
	{"Microsoft.ApiManagement/service/workspaces/apis/*", "Microsoft.ApiManagement/service/workspaces/products/*"},
	{"Microsoft.ApiManagement/service/apis/write", "Microsoft.ApiManagement/service/apis/*/write"},
	{"Microsoft.Authorization/roleAssignments/write", "Microsoft.Authorization/roleAssignments/delete"},
}

func newEstate(assignments, users, groups int) *estate {
	e := &estate{size: assignments, Rand: rand.New(rand.NewPCG(7, uint64(assignments)))}
	for i := range e.subs {
		e.subs[i] = guid("subscription", i)
	}
	e.world.Actions = estateActions
	e.world.Parents = map[gatehouse.Scope]gatehouse.Scope{}
	for i, actions := range estateRoles {
		r := gatehouse.RoleDefinition{ID: guid("role", i), Name: fmt.Sprint("Role ", i)}
		r.Permissions = []gatehouse.Permission{{Actions: actions, NotActions: []string{"Microsoft.ApiManagement/service/users/keys/read"}}}
		e.world.Roles = append(e.world.Roles, r)
	}
	for i := range groups {
		e.groups = append(e.groups, guid("group", i))
		if i >= groups/5 { // a nested group is in two or three of the first fifth
			for range 2 + i%2 {
				e.world.Members = append(e.world.Members, Membership{e.groups[e.IntN(groups/5)], e.groups[i]})
			}
		}
	}
	for i := range users {
		e.users = append(e.users, guid("user", i))
		for range 3 {
			e.world.Members = append(e.world.Members, Membership{e.groups[groups/5+e.IntN(groups-groups/5)], e.users[i]})
		}
	}
	e.assign(assignments)
	for range 4096 {
		e.scopes = append(e.scopes, e.scope(assignments, 8))
	}
	return e
}

// scope picks a scope of the given depth. The estate grows with the number of
// assignments, so that there is about one scope for every two of them.
func (e *estate) scope(size, depth int) gatehouse.Scope {
	subs := max(2, size/5000)
	sub := e.IntN(subs)
	parts := []string{
		fmt.Sprintf("/subscriptions/%s", e.subs[sub]),
		fmt.Sprintf("/resourceGroups/rg-team-%d", e.IntN(20)),
		fmt.Sprintf("/providers/Microsoft.ApiManagement/service/apim-%d", e.IntN(3)),
		fmt.Sprintf("/workspaces/workspace-%d", e.IntN(4)),
		fmt.Sprintf("/apis/orders-api-%d", e.IntN(8)),
		fmt.Sprintf("/operations/get-order-%d", e.IntN(10)),
		"/policies/policy",
		fmt.Sprintf("/fragments/f%d", e.IntN(2)),
	}
	path := ""
	for _, p := range parts[:depth] {
		path += p
	}
	group := gatehouse.MustScope(fmt.Sprintf("/providers/Microsoft.Management/managementGroups/mg-%d", sub%20))
	e.world.Parents[gatehouse.MustScope(parts[0])] = group
	e.world.Parents[group] = gatehouse.MustScope("/providers/Microsoft.Management/managementGroups/contoso")
	return gatehouse.MustScope(path)
}

func (e *estate) assign(n int) {
	for i := range n {
		a := gatehouse.RoleAssignment{ID: guid("assignment", i), Scope: e.scope(n, e.depth()), Role: e.world.Roles[e.IntN(len(e.world.Roles))].ID}
		if a.Principal = e.users[e.IntN(len(e.users))]; e.IntN(10) == 0 {
			a.Principal = e.groups[e.IntN(len(e.groups))]
		}
		if e.IntN(50) == 0 {
			a.Condition = "@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {" + guid("role", 1).String() + "}"
		}
		e.world.Assignments = append(e.world.Assignments, a)
	}
}

// depth is most often that of a resource group, a service, an API.
func (e *estate) depth() int {
	return []int{1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8}[e.IntN(17)]
}

func (e *estate) request() gatehouse.Request {
	return gatehouse.Request{Principal: e.users[e.IntN(len(e.users))], Action: estateActions[e.IntN(40)], Scope: e.scopes[e.IntN(len(e.scopes))], Now: day}
}

func (e *estate) requests(n int) (out []gatehouse.Request) {
	for range n {
		r := e.request()
		r.Scope = e.scope(e.size, 8)
		out = append(out, r)
	}
	return out
}

type built struct {
	estate   *estate
	snapshot *Snapshot
	bytes    uint64
	took     time.Duration
}

var (
	thousand = sync.OnceValue(func() built { return construct(1000, 100, 50) })
	hundredK = sync.OnceValue(func() built { return construct(100_000, 20_000, 2000) })
	million  = sync.OnceValue(func() built { return construct(1_000_000, 100_000, 10_000) })
)

func construct(assignments, users, groups int) built {
	e := newEstate(assignments, users, groups)
	before := heap()
	start := time.Now()
	s := New(e.world)
	took := time.Since(start)
	b := built{e, s, heap() - before, took}
	e.world = World{Parents: map[gatehouse.Scope]gatehouse.Scope{}}
	return b
}

// cpu reports processor time, which other work on the machine disturbs less than the time on the clock.
func cpu(b *testing.B) func() {
	start := used()
	return func() { b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op") }
}

func used() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u) // counts in microseconds
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// benchmarkDecide asks distinct questions over and over. A request that is being
// served has just been parsed, so it is at hand: before every batch, the batch is read
// with the clock stopped. What the snapshot holds about it is not.
func benchmarkDecide(b *testing.B, of func() built, distinct int) {
	w := of()
	requests := w.estate.requests(distinct)
	const batch = 128
	b.ReportAllocs()
	b.ResetTimer()
	var took, spent time.Duration
	allowed, letters := 0, 0
	for done := 0; done < b.N; done += batch {
		n := min(batch, b.N-done)
		for i := range n {
			r := &requests[(done+i)%distinct]
			letters += strings.Count(r.Scope.String(), "q") + len(r.Action) + int(r.Principal[0])
		}
		start, before := time.Now(), used()
		for i := range n {
			if w.snapshot.Decide(&requests[(done+i)%distinct]).Allowed {
				allowed++
			}
		}
		took += time.Since(start)
		spent += used() - before
	}
	b.ReportMetric(float64(allowed)/float64(b.N)*100, "%allowed")
	b.ReportMetric(float64(took)/float64(b.N), "ns/op")
	b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
	_ = letters
}

func BenchmarkDecide1000Random(b *testing.B)      { benchmarkDecide(b, thousand, 1<<12) }
func BenchmarkDecide1000Repeated(b *testing.B)    { benchmarkDecide(b, thousand, 16) }
func BenchmarkDecideMillionRandom(b *testing.B)   { benchmarkDecide(b, million, 1<<18) }
func BenchmarkDecideMillionRepeated(b *testing.B) { benchmarkDecide(b, million, 16) }

// BenchmarkMemory reports what a Snapshot holds per assignment, with its scopes,
// principals, groups and indexes.
func BenchmarkMemory(b *testing.B) {
	w := million()
	for b.Loop() {
	}
	b.ReportMetric(float64(w.bytes)/1e6, "bytes/assignment")
	b.ReportMetric(w.took.Seconds(), "s/build")
	b.ReportMetric(float64(w.snapshot.scopes.n), "scopes")
	b.ReportMetric(float64(len(w.snapshot.people.all.at(w.snapshot.people.find(&w.estate.users[1])).groups())), "groups")
}

// BenchmarkApply makes a role assignment and takes it back.
func BenchmarkApply(b *testing.B) {
	w := million()
	s := w.snapshot
	var put []gatehouse.RoleAssignment
	for i := range 4096 {
		put = append(put, gatehouse.RoleAssignment{ID: guid("new", i), Scope: w.estate.scopes[i], Principal: w.estate.request().Principal, Role: guid("role", 3)})
	}
	b.ReportAllocs()
	defer cpu(b)()
	i := 0
	for b.Loop() {
		a := put[i/2%len(put)]
		if i%2 == 0 {
			s = s.Apply(PutAssignment(a))
		} else {
			s = s.Apply(DeleteAssignment(a.Scope, a.ID))
		}
		i++
	}
}

func BenchmarkApplyMember(b *testing.B) {
	w := million()
	s := w.snapshot
	b.ReportAllocs()
	defer cpu(b)()
	i := 0
	for b.Loop() {
		u, g := w.estate.users[i/2%1000], w.estate.groups[i/2%1000]
		if i%2 == 0 {
			s = s.Apply(AddMember(g, u))
		} else {
			s = s.Apply(RemoveMember(g, u))
		}
		i++
	}
}

func BenchmarkExplain100k(b *testing.B) {
	w := hundredK()
	requests := w.estate.requests(1 << 12)
	b.ReportAllocs()
	defer cpu(b)()
	i := 0
	for b.Loop() {
		w.snapshot.Explain(&requests[i%len(requests)])
		i++
	}
}

func BenchmarkWhoCan100k(b *testing.B) {
	w := hundredK()
	requests := w.estate.requests(1 << 10)
	b.ReportAllocs()
	defer cpu(b)()
	i, holders := 0, 0
	for b.Loop() {
		r := &requests[i%len(requests)]
		holders += len(w.snapshot.WhoCan(WhoCanRequest{Action: r.Action, Scope: r.Scope, Now: r.Now}))
		i++
	}
	b.ReportMetric(float64(holders)/float64(b.N), "holders")
}
