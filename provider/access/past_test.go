package access_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	answers "gatehouse/access"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/graph"
	"gatehouse/guard"
	"gatehouse/past"
	"gatehouse/provider/access"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// life is a server in which access changes at random, through its own APIs.
type life struct {
	*testing.T
	*rand.Rand
	*armtest.World
	graph  http.Handler
	past   *past.History
	people []string // object IDs of users, groups and service principals, also of deleted ones
	groups []string
	done   map[string]int // how often each act succeeded
}

func begin(t *testing.T, seed uint64) *life {
	l := &life{T: t, Rand: rand.New(rand.NewPCG(seed, 11)), done: map[string]int{}}
	l.World = armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		l.past = past.New(w.Store, w.Guard, w.Clock.Now)
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}),
			access.New(access.Config{Guard: w.Guard, Directory: w.Index, Store: w.Store, Past: l.past}))
	})
	l.graph = graph.New(graph.Config{Store: l.Store, Index: l.Index, Guard: l.Guard, BaseURL: armtest.BaseURL, TenantID: armtest.Tenant, Roles: builtin.DirectoryRoles(), Clock: l.Clock.Now,
		Logger: slog.New(slog.DiscardHandler), HashPassword: func(string) (string, error) { return "hash", nil },
		Authenticate: func(*http.Request) (*gatehouse.Caller, error) {
			return &gatehouse.Caller{ID: armtest.App, Type: gatehouse.ServicePrincipal, Name: "app", AppID: armtest.AppID.String()}, nil
		}})
	for i, role := range []string{builtin.GlobalAdministrator, "58a13ea3-c632-46ae-9ee0-9c0d43cd7f3d"} { // Attribute Assignment Administrator
		l.Put(t, &store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{5, byte(i)}), Type: directory.RoleAssignmentType,
			Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.App, role)})
	}
	for _, id := range []gatehouse.GUID{armtest.Alice, armtest.Bob, armtest.Reader, armtest.App, armtest.Contributor} {
		l.people = append(l.people, id.String())
	}
	for range 4 {
		l.newGroup()
	}
	for _, who := range l.people[:3] {
		l.floor(who)
	}
	l.service()
	return l
}

func (l *life) of(words ...string) string { return words[l.IntN(len(words))] }
func (l *life) chance(percent int) bool   { return l.IntN(100) < percent }

const inSub = "/subscriptions/%s/resourceGroups/%s"

var (
	otherGroup = fmt.Sprintf(inSub, armtest.Other, "second")
	apis       = armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso/apis/"
)

func (l *life) service() {
	l.call("service", "PUT", armtest.GroupID().String()+"/providers/Microsoft.ApiManagement/service/contoso", "2022-08-01",
		`{"location":"westeurope","sku":{"name":"Developer","capacity":1},"properties":{"publisherEmail":"a@contoso.test","publisherName":"C"}}`)
}

func management(name string) string {
	return "/providers/Microsoft.Management/managementGroups/" + name
}

func (l *life) management() string { return management(l.of("corp", "prod", "lab")) }

func (l *life) scope() string {
	return l.of("", management(armtest.Tenant.String()), l.management(), "/subscriptions/"+armtest.Subscription.String(), "/subscriptions/"+armtest.Other.String(),
		armtest.GroupID().String(), armtest.GroupID().String(), otherGroup, path.Dir(path.Dir(apis+"x")), apis+"a1", apis+"a1", apis+"a10")
}

// call is a management call by the owner; it may be refused.
func (l *life) call(what, method, url, version, body string) bool {
	if method == "DELETE" {
		what, body = what+" deleted", ""
	}
	a := l.Do("owner", method, url+"?api-version="+version, nil, body)
	if a.Code >= 500 {
		l.Fatalf("%s %s: %d %s", method, url, a.Code, a.Body)
	}
	if a.Code < 300 && a.Code != 204 {
		l.done[what]++
	}
	return a.Code < 300
}

// ask is a call to Graph by the application.
func (l *life) ask(what, method, url, body string) (id string) {
	r := httptest.NewRequest(method, "/v1.0/"+url, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	a := httptest.NewRecorder()
	l.graph.ServeHTTP(a, r)
	if a.Code >= 500 {
		l.Fatalf("%s %s: %d %s", method, url, a.Code, a.Body)
	}
	if a.Code < 300 {
		l.done[what]++
		var made struct{ ID string }
		_ = json.Unmarshal(a.Body.Bytes(), &made)
		return made.ID
	}
	return ""
}

func (l *life) newGroup() {
	name := fmt.Sprint("group ", len(l.groups))
	if id := l.ask("group", "POST", "groups", fmt.Sprintf(`{"displayName":%q,"mailEnabled":false,"mailNickname":"g","securityEnabled":true}`, name)); id != "" {
		l.groups, l.people = append(l.groups, id), append(l.people, id)
	}
}

// permission is an entry of a role or a deny, as JSON.
func (l *life) permission() string {
	const service = "Microsoft.ApiManagement/service/"
	no, data := "[]", "[]"
	if l.chance(30) {
		no = fmt.Sprintf("[%q]", l.of("*/delete", service+"apis/write", service+"apis/read"))
	}
	if l.chance(30) {
		data = fmt.Sprintf("[%q]", l.of("*", service+"users/*"))
	}
	return fmt.Sprintf(`{"actions":[%q],"notActions":%s,"dataActions":%s}`, l.of(service+"*", "*/read", service+"apis/*", service+"apis/delete", "Microsoft.Resources/*"), no, data)
}

func (l *life) condition() string {
	if l.chance(60) {
		return ""
	}
	if l.chance(40) {
		return ofPeople
	}
	var texts []string
	for text := range conditions {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return l.of(texts...)
}

// one is an existing document of a type; otherwise what stands for it.
func (l *life) one(typ, otherwise string) string {
	var ids []string
	for d, err := range l.Store.All(l.Context(), store.Query{Type: typ}) {
		if err != nil {
			l.Fatal(err)
		}
		ids = append(ids, d.ID.String())
	}
	return l.of(append(ids, otherwise)...)
}

// act does something at random.
func (l *life) act() {
	if l.chance(70) { // else it happens within the same moment
		l.Clock.Advance(time.Duration(1+l.IntN(4000)) * time.Millisecond)
	}
	method := "PUT"
	if l.chance(30) {
		method = "DELETE"
	}
	name := func(kind string, n int) string {
		return gatehouse.NameGUID(gatehouse.GUID{8}, fmt.Sprint(kind, l.IntN(n))).String()
	}
	who, role := l.of(l.people...), l.of(builtin.Reader, builtin.Contributor, builtin.Owner, name("role", 3))
	const authorization = "/providers/Microsoft.Authorization/"
	switch n := l.IntN(20); n {
	case 0, 1, 2, 3, 4:
		condition, _ := json.Marshal(map[string]any{"properties": map[string]any{"roleDefinitionId": authorization + "roleDefinitions/" + role, "principalId": who, "condition": l.condition()}})
		url := l.scope() + authorization + "roleAssignments/" + name("a", 12)
		if method == "DELETE" {
			if url = l.one(guard.RoleAssignmentType, url); strings.HasPrefix(url, authorization) {
				return // the owner's own
			}
		}
		l.call("assignment", method, url, "2022-04-01", string(condition))
	case 5:
		l.window(who, role)
	case 6, 7:
		l.call("role", method, "/subscriptions/"+armtest.Subscription.String()+authorization+"roleDefinitions/"+name("role", 3), "2022-04-01", fmt.Sprintf(
			`{"properties":{"roleName":"role %d","type":"CustomRole","assignableScopes":["/subscriptions/%s","/subscriptions/%s"],"permissions":[%s]}}`, l.IntN(1e9), armtest.Subscription, armtest.Other, l.permission()))
	case 8, 9:
		l.deny(method, l.scope()+authorization+"denyAssignments/"+name("d", 3))
	case 10:
		l.call("management group", method, l.management(), "2021-04-01", fmt.Sprintf(`{"properties":{"details":{"parent":{"id":%q}}}}`, l.of(l.management(), management(armtest.Tenant.String()))))
	case 11:
		url := l.management() + "/subscriptions/" + l.of(armtest.Subscription.String(), armtest.Other.String())
		if method == "DELETE" {
			url = l.one(guard.PlacementType, url)
		}
		l.call("placement", method, url, "2021-04-01", "")
	case 12, 13, 14, 15:
		l.member(l.of(l.groups...), who)
	case 16, 17:
		l.directory(who)
	case 18:
		l.call("api", method, apis+l.of("a1", "a10"), "2022-08-01", `{"properties":{"displayName":"A","path":"`+l.of("a", "b")+`","protocols":["https"]}}`)
	case 19:
		if l.chance(15) { // takes everything in it along
			l.call("resource group", "DELETE", armtest.GroupID().String(), "2021-04-01", "")
		}
		l.call("resource group", "PUT", armtest.GroupID().String(), "2021-04-01", `{"location":"westeurope"}`)
		l.call("resource group", method, otherGroup, "2021-04-01", `{"location":"westeurope"}`)
		l.service()
	}
}

// window is an assignment for some time, as an activation makes it.
func (l *life) window(who, role string) {
	begin := l.Clock.Now().Add(time.Duration(l.IntN(120)-60) * time.Second)
	at := func(t time.Time) string { return t.Format(time.RFC3339Nano) }
	l.done["window"]++
	l.Put(l.T, &store.Document{ID: guard.RoleAssignmentID(gatehouse.MustID(l.scope()), gatehouse.NameGUID(gatehouse.GUID{8}, fmt.Sprint("w", l.IntN(6)))), Type: guard.RoleAssignmentType,
		Body: fmt.Appendf(nil, `{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":%q,"startDateTime":%q,"endDateTime":%q}}`, role, who, at(begin), at(begin.Add(time.Duration(1+l.IntN(90))*time.Second)))})
}

func (l *life) deny(method, url string) {
	named := l.of(l.people...)
	if l.chance(30) {
		named = gatehouse.GUID{}.String()
	}
	b, _ := json.Marshal(map[string]any{"properties": map[string]any{"denyAssignmentName": fmt.Sprint("deny ", l.IntN(1e9)), "permissions": []any{json.RawMessage(l.permission())},
		"principals": []any{map[string]any{"id": named}}, "excludePrincipals": []any{map[string]any{"id": armtest.Owner}, map[string]any{"id": l.of(l.people...)}},
		"doNotApplyToChildScopes": l.chance(40), "condition": l.condition(), "denyAssignmentEffect": l.of("enforced", "enforced", "enforced", "audit")}})
	if method == "DELETE" {
		url = l.one(guard.DenyAssignmentType, url)
	}
	l.call("deny", method, url, "2024-07-01-preview", string(b))
}

// member adds somebody to a group or takes it out; groups hold groups, in circles too.
func (l *life) member(group, who string) {
	if l.chance(65) {
		l.ask("member", "POST", "groups/"+group+"/members/$ref", fmt.Sprintf(`{"@odata.id":"https://gatehouse.test/v1.0/directoryObjects/%s"}`, who))
		return
	}
	if url, ok := strings.CutPrefix(l.one(directory.GroupMemberType, ""), directory.RootPath+"/"); ok {
		l.ask("member removed", "DELETE", url+"/$ref", "")
	}
}

// directory makes, changes and deletes users and groups.
func (l *life) directory(who string) {
	switch l.IntN(9) {
	case 0:
		l.newGroup()
	case 1, 2:
		n := len(l.people)
		if id := l.ask("user", "POST", "users", fmt.Sprintf(`{"displayName":"New %d","userPrincipalName":"new%d@contoso.test","mailNickname":"n","accountEnabled":true,"passwordProfile":{"password":"Some long password 1"}}`, n, n)); id != "" {
			l.people = append(l.people, id)
		}
	case 3:
		if who != armtest.App.String() {
			l.ask("object deleted", "DELETE", l.of("users/", "groups/")+who, "")
		}
	case 4:
		l.ask("object deleted", "DELETE", "groups/"+l.of(l.groups...), "")
	case 5:
		l.ask("renamed", "PATCH", "users/"+who, fmt.Sprintf(`{"userPrincipalName":"other%d@contoso.test","accountEnabled":%t}`, l.IntN(1e9), l.chance(50)))
	default:
		l.floor(who)
	}
}

// floor is an attribute that conditions look at.
func (l *life) floor(who string) {
	l.ask("attributes", "PATCH", "users/"+who, fmt.Sprintf(`{"customSecurityAttributes":{"Team":{"@odata.type":"#Microsoft.DirectoryServices.CustomSecurityAttributeValue","Floor":%q}}}`, l.of("four", "five")))
}

var questions = []act{{action: "Microsoft.ApiManagement/service/apis/read"}, {action: "Microsoft.ApiManagement/service/apis/write"}, {action: "Microsoft.ApiManagement/service/apis/delete"},
	{action: "Microsoft.Authorization/roleAssignments/write"}, {action: "Microsoft.Resources/subscriptions/resourceGroups/read"}, {action: "Microsoft.ApiManagement/service/users/read", data: true},
	{action: "Microsoft.ApiManagement/service/users/keys/read", data: true}}

func (l *life) question() act {
	q := questions[l.IntN(len(questions))]
	q.who, q.scope = l.of(l.people...), l.scope()
	if l.chance(30) {
		q.a = l.of("x", "y")
	}
	return q
}

// respondent answers about one moment: the server when it is asked about it, or the world that is exported of it.
type respondent interface {
	explain(q act) *answers.Explanation
	canI(q act) *answers.CanI
	whoCan(q act) *answers.WhoCan
	whatCan(q act) *answers.WhatCan
}

// wire asks the server over its API as the owner.
type wire struct {
	*life
	at string
}

func post[T any](w wire, call string, q act) *T {
	w.Helper()
	ask := map[string]any{"action": q.action, "dataAction": q.data, "principal": q.who, "at": w.at, "includeGroups": true}
	if call == "whatCan" {
		ask = map[string]any{"principal": q.who, "at": w.at}
	} else if q.a != "" {
		ask["attributes"] = map[string]any{"request": map[string]any{"a": q.a}}
	}
	if call != "whoCan" {
		delete(ask, "includeGroups")
	} else {
		delete(ask, "principal")
	}
	text, _ := json.Marshal(ask)
	a := w.Do("owner", "POST", q.scope+"/providers/Gatehouse.Access/"+call+"?api-version=2026-11-01", nil, string(text))
	out := new(T)
	if err := json.Unmarshal(a.Body.Bytes(), out); err != nil || a.Code != 200 {
		w.Fatalf("%s %s: %d %s", call, text, a.Code, a.Body)
	}
	return out
}

func (w wire) explain(q act) *answers.Explanation { return post[answers.Explanation](w, "explain", q) }
func (w wire) canI(q act) *answers.CanI           { return post[answers.CanI](w, "canI", q) }
func (w wire) whoCan(q act) *answers.WhoCan       { return post[answers.WhoCan](w, "whoCan", q) }
func (w wire) whatCan(q act) *answers.WhatCan     { return post[answers.WhatCan](w, "whatCan", q) }

// file asks the world of the moment as `gatehouse export` writes it.
type file struct{ *answers.View }

func (f file) of(q act) answers.Question {
	out := answers.Question{Principal: gatehouse.MustGUID(q.who), Action: q.action, Data: q.data, Scope: gatehouse.MustScope(q.scope)}
	if q.a != "" {
		out.Attributes = &gatehouse.Attributes{Request: map[string]any{"a": q.a}}
	}
	return out
}

func (f file) explain(q act) *answers.Explanation { return f.Explain(f.of(q)) }
func (f file) canI(q act) *answers.CanI           { return f.CanI(f.of(q)) }
func (f file) whoCan(q act) *answers.WhoCan       { return f.WhoCan(f.of(q), true) }
func (f file) whatCan(q act) *answers.WhatCan {
	s := f.of(q).Scope
	return f.WhatCan(gatehouse.MustGUID(q.who), &s)
}

// agree compares the answers about a question with what the log says.
func agree(t *testing.T, what string, from respondent, w *then, q act) {
	t.Helper()
	ok, code := w.allowed(q)
	e := from.explain(q)
	if e.Allowed != ok || e.Code != code {
		t.Fatalf("%s: %+v: explain says %v %s, the log %v %s", what, q, e.Allowed, e.Code, ok, code)
	}
	var groups []string
	for _, g := range e.Groups {
		groups = append(groups, g.ID.String())
	}
	same(t, fmt.Sprintf("%s: groups of %s", what, q.who), groups, w.identities(q.who)[1:])
	if name, known := w.known()[q.who]; e.Principal.Name != name || known && e.Principal.Type == string(gatehouse.UnknownPrincipal) {
		t.Fatalf("%s: %s is called %q, then it was %q", what, q.who, e.Principal.Name, name)
	}
	if c := from.canI(q); c.Allowed != ok {
		t.Fatalf("%s: %+v: can-i says %v, the log %v", what, q, c.Allowed, ok)
	}
	var holders []string
	for _, h := range from.whoCan(q).Holders {
		holders = append(holders, h.ID.String()+" "+h.Name)
		if b := w.docs[people+"/users/"+h.ID.String()]; b != nil && h.Disabled == *b.body.AccountEnabled {
			t.Fatalf("%s: %+v: %s is disabled: %v", what, q, h.Name, h.Disabled)
		}
	}
	same(t, fmt.Sprintf("%s: who can %s at %s with %q", what, q.action, q.scope, q.a), holders, w.whoCan(q))
	agreeWhat(t, what, from.whatCan(q), w, q)
}

func agreeWhat(t *testing.T, what string, got *answers.WhatCan, w *then, q act) {
	t.Helper()
	var held, want, denies, wantDenies []string
	for _, h := range got.Holds {
		held = append(held, strings.ToLower(strings.TrimSuffix(h.Scope.ID, "/"))+" "+h.Assignment.String()+" "+h.State)
	}
	for key, state := range w.holds(q.who, q.scope) {
		want = append(want, key+" "+state)
	}
	same(t, fmt.Sprintf("%s: what %s holds at %s", what, q.who, q.scope), held, want)
	for _, d := range got.Denies {
		denies = append(denies, strings.ToLower(strings.TrimSuffix(d.Scope.ID, "/"))+" "+d.Assignment.String())
	}
	for key := range w.denied(q.who, q.scope) {
		wantDenies = append(wantDenies, key)
	}
	same(t, fmt.Sprintf("%s: what is denied to %s at %s", what, q.who, q.scope), denies, wantDenies)
	may := map[answers.Act]bool{}
	for _, a := range got.Actions {
		may[a] = true
	}
	for i, o := range builtin.Operations() {
		if i%97 != 0 && !slices.ContainsFunc(questions, func(q act) bool { return q.action == o.Name && q.data == o.Data }) {
			continue
		}
		if ok, _ := w.allowed(act{who: q.who, action: o.Name, scope: q.scope, data: o.Data}); ok != may[answers.Act{Name: o.Name, Data: o.Data}] {
			t.Fatalf("%s: %s may %s at %s: what-can says %v, the log %v", what, q.who, o.Name, q.scope, !ok, ok)
		}
	}
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// TestAgreeInThePast: whatever happened, explain, can-i, who-can and what-can say of
// any past moment what the change log says when it is replayed by hand, and so does
// the world of that moment.
func TestAgreeInThePast(t *testing.T) {
	done := map[string]int{}
	seeds := uint64(6)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		l := begin(t, seed)
		l.done = done
		began := l.Clock.Now()
		for range 150 {
			l.act()
		}
		beside := 0
		for round := range 15 {
			log := whole(t, l.Store)
			var at string
			var w *then
			if round%3 == 0 { // right after some change, maybe in the middle of an operation
				c := log[l.IntN(len(log))]
				if round%2 == 0 { // next to one that is known by now
					c = log[beside%len(log)]
				}
				beside = int(c.Seq)
				at, w = fmt.Sprintf("#%d", c.Seq), replay(t, log, func(x *gatehouse.Change) bool { return x.Seq > c.Seq })
				w.now = c.Time
			} else {
				moment := began.Add(time.Duration(l.Int64N(int64(l.Clock.Now().Sub(began)))))
				if round%3 == 1 { // the very instant of a change
					moment = log[l.IntN(len(log))].Time
				}
				at, w = moment.Format(time.RFC3339Nano), replay(t, log, func(x *gatehouse.Change) bool { return x.Time.After(moment) })
				w.now = moment
			}
			m, err := l.past.Parse(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			exported, err := m.World(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			g, err := m.Guard(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				q := l.question()
				ok, code := w.allowed(q)
				_, err := g.AuthorizeAt(t.Context(), &gatehouse.Caller{ID: gatehouse.MustGUID(q.who)}, q.action, q.data, gatehouse.MustID(q.scope), q.scope,
					&gatehouse.Attributes{Request: map[string]any{"a": q.a}})
				if ok != (err == nil) || gatehouse.CodeOf(err) != code {
					t.Fatalf("seed %d, %s: %+v: the guard says %v, the log %v %s %v", seed, at, q, err, ok, code, w.holds(q.who, q.scope))
				}
				agree(t, fmt.Sprintf("seed %d, %s over the wire", seed, at), wire{l, at}, w, q)
				w.flat = true
				agree(t, fmt.Sprintf("seed %d, %s of the exported world", seed, at), file{answers.Of(exported, m.Time)}, w, q)
				w.flat = false
			}
			l.act() // the past does not care
		}
	}
	t.Log(done)
	for _, what := range []string{"assignment", "assignment deleted", "role", "role deleted", "deny", "deny deleted", "management group", "management group deleted", "placement", "placement deleted",
		"member", "member removed", "group", "user", "object deleted", "renamed", "attributes", "resource group deleted", "window"} {
		if done[what] == 0 {
			t.Errorf("it never came to this: %s", what)
		}
	}
}
