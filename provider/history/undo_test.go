package history_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/directory"
	"gatehouse/past"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/history"
	"gatehouse/provider/resources"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index}),
			history.New(history.Config{Guard: w.Guard, Directory: w.Index, Past: past.New(w.Store, w.Guard, w.Clock.Now)}))
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

// story is a world in which things happen, and all states that it was in.
type story struct {
	*testing.T
	*rand.Rand
	*armtest.World
	states []map[string]string
	ends   []int64 // the last change of each step

	apartToo bool // it happens too what cannot be undone
}

// state is all documents with their secrets.
func (s *story) state() map[string]string {
	out := map[string]string{}
	for d, err := range s.Store.All(s.Context(), store.Query{}) {
		if err != nil {
			s.Fatal(err)
		}
		out[d.Key().String()] = d.ID.String() + " " + d.Type + " " + string(d.Body) + " " + string(d.Secret)
	}
	return out
}

func (s *story) last() int64 {
	seq, _, err := s.Store.Last(s.Context(), time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	return seq
}

func (s *story) of(words ...string) string { return words[s.IntN(len(words))] }

// act does something at random; it may be refused.
func (s *story) act() {
	s.Clock.Advance(time.Second)
	group := armtest.GroupID().String()
	svc := group + "/providers/Microsoft.ApiManagement/service/contoso"
	who := []gatehouse.GUID{armtest.Alice, armtest.Bob, armtest.Reader}[s.IntN(3)]
	role := gatehouse.NameGUID(gatehouse.GUID{9}, s.of("r1", "r2"))
	assignment := s.of("", svc, group, svc+"/apis/a1") + "/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NameGUID(gatehouse.GUID{8}, s.of("x1", "x2", "x3")).String()
	method, path, version, body := "PUT", "", "2022-04-01", ""
	switch s.IntN(21) {
	case 14:
		path, version = "", "2024-07-01-preview"
		path = s.of(group, svc, svc+"/apis/a1") + "/providers/Microsoft.Authorization/denyAssignments/" + gatehouse.NameGUID(gatehouse.GUID{8}, s.of("d1", "d2")).String()
		body = fmt.Sprintf(`{"properties":{"denyAssignmentName":"d%d","permissions":[{"actions":["*/delete"]}],"principals":[{"id":%q}]}}`, s.IntN(9), who)
	case 15: // a revision
		path, version = svc+"/apis/a1;rev="+s.of("2", "3"), "2022-08-01"
		body = fmt.Sprintf(`{"properties":{"displayName":"a1","path":"a1","protocols":["https"],"apiRevisionDescription":"r%d","sourceApiId":"/apis/a1"}}`, s.IntN(9))
	case 16: // it becomes the current one
		path, version, body = svc+"/apis/a1/releases/"+s.of("v1", "v2"), "2022-08-01", fmt.Sprintf(`{"properties":{"apiId":"%s/apis/a1;rev=%d","notes":"n%d"}}`, svc, 1+s.IntN(3), s.IntN(9))
	case 17:
		path, version = svc+s.of("", "/apis/a1", "/apis/a1/operations/o1", "/products/p1")+"/policies/policy", "2022-08-01"
		body = fmt.Sprintf(`{"properties":{"format":"xml","value":"<policies><inbound><set-header name=\"X\"><value>%d</value></set-header></inbound><backend/><outbound/><on-error/></policies>"}}`, s.IntN(9))
	case 18:
		path, version, body = svc+"/tags/t"+s.of("1", "2"), "2022-08-01", fmt.Sprintf(`{"properties":{"displayName":"tag %d"}}`, s.IntN(4))
	case 19:
		path, version = svc+s.of("/apis/a1", "/products/p1", "/apis/a1/operations/o1")+"/tags/t"+s.of("1", "2"), "2022-08-01"
	case 20:
		path, version, body = s.apart(group)
	case 0:
		path, version, body = group, "2021-04-01", fmt.Sprintf(`{"location":"westeurope","tags":{"n":"%d"}}`, s.IntN(9))
	case 1, 2, 3:
		name := s.of("a1", "a2", "a3")
		path, version, body = svc+"/apis/"+name, "2022-08-01", fmt.Sprintf(`{"properties":{"displayName":%q,"path":%q,"protocols":["https"]}}`, s.of(name, "other"), s.of(name, "p"))
	case 4:
		path, version, body = svc+"/apis/a1/operations/"+s.of("o1", "o2"), "2022-08-01", fmt.Sprintf(`{"properties":{"displayName":"o%d","method":"GET","urlTemplate":"/o%d"}}`, s.IntN(9), s.IntN(9))
	case 5:
		path, version, body = svc+"/namedValues/n"+s.of("1", "2"), "2022-08-01", fmt.Sprintf(`{"properties":{"displayName":"n-%d","secret":true,"value":"top secret %d"}}`, s.IntN(3), s.IntN(9))
	case 6:
		path, version, body = svc+"/products/p1", "2022-08-01", fmt.Sprintf(`{"properties":{"displayName":"p%d","subscriptionRequired":true}}`, s.IntN(3))
	case 7:
		path, version = svc+"/products/p1/apis/"+s.of("a1", "a2"), "2022-08-01"
	case 8, 9:
		path = assignment
		body = fmt.Sprintf(`{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":%q,"principalType":"User"}}`, s.of(builtin.Reader, builtin.Contributor, role.String()), who)
	case 10:
		path = "/subscriptions/" + armtest.Subscription.String() + "/providers/Microsoft.Authorization/roleDefinitions/" + role.String()
		body = fmt.Sprintf(`{"properties":{"roleName":"role %s","type":"CustomRole","assignableScopes":["/subscriptions/%s"],"permissions":[{"actions":[%q]}]}}`, s.of("1", "2"), armtest.Subscription, s.of("*/read", "Microsoft.Resources/*"))
	case 11, 12:
		s.directory()
		return
	case 13:
		path, version, body = svc+"/users/u"+s.of("1", "2"), "2022-08-01", fmt.Sprintf(`{"properties":{"email":"u%d@contoso.test","firstName":"U","lastName":"%d","password":"Pa55 word %d"}}`, s.IntN(3), s.IntN(9), s.IntN(9))
	}
	if s.IntN(4) == 0 {
		method, body = "DELETE", ""
	}
	a := s.Do("owner", method, path+"?api-version="+version, nil, body)
	if a.Code >= 500 {
		s.Fatalf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
}

// apart is something that cannot be undone: it is left to requests, and undoing it is refused.
func (s *story) apart(group string) (path, version, body string) {
	if !s.apartToo {
		return group + "/providers/Microsoft.ApiManagement/service/contoso/backends/b1", "2022-08-01", fmt.Sprintf(`{"properties":{"url":"https://b%d.contoso.test","protocol":"http"}}`, s.IntN(9))
	}
	corp := "/providers/Microsoft.Management/managementGroups/corp"
	switch s.IntN(4) {
	case 0:
		return corp, "2021-04-01", fmt.Sprintf(`{"properties":{"displayName":"Corp %d"}}`, s.IntN(9))
	case 1:
		return corp + "/subscriptions/" + armtest.Other.String(), "2021-04-01", ""
	case 2:
		return group + "/providers/Microsoft.Resources/deployments/d1", "2021-04-01", fmt.Sprintf(
			`{"properties":{"mode":"Incremental","template":{"$schema":"x","contentVersion":"1.0.0.%d","resources":[]}}}`, s.IntN(9))
	}
	return group + "/providers/Microsoft.Resources/tags/default", "2021-04-01", fmt.Sprintf(`{"properties":{"tags":{"m":"%d"}}}`, s.IntN(9))
}

// directory changes the directory as Graph would: a group, its members, a user with a password.
func (s *story) directory() {
	cause := gatehouse.Cause{Caller: gatehouse.Caller{ID: armtest.App, Type: gatehouse.ServicePrincipal}, Action: "Microsoft.Graph/directory/groups/write", Scope: directory.RootPath,
		Operation: gatehouse.NewGUID().String(), Correlation: gatehouse.NewGUID().String()}
	group, user := gatehouse.NameGUID(gatehouse.GUID{7}, s.of("g1", "g2")), gatehouse.NameGUID(gatehouse.GUID{6}, "new")
	_, err := s.Store.Write(s.Context(), cause, func(tx *store.Tx) error {
		put := func(id gatehouse.ID, typ, body, secret string) error {
			d := &store.Document{ID: id, Type: typ, Body: []byte(body)}
			if secret != "" {
				d.Secret = []byte(secret)
			}
			return tx.Put(d)
		}
		_, missing := tx.Get(s.Context(), directory.GroupID(group).Scope())
		switch n := s.IntN(5); {
		case n == 0:
			return put(directory.UserID(user), directory.UserType, fmt.Sprintf(`{"id":%q,"userPrincipalName":"new@contoso.test","displayName":"New %d","accountEnabled":true}`, user, s.IntN(3)), `{"passwordHash":"h"}`)
		case n == 1:
			return s.Index.Delete(s.Context(), tx, directory.UserID(user))
		case n == 2 && missing == nil:
			return s.Index.Delete(s.Context(), tx, directory.GroupID(group))
		case missing != nil:
			return put(directory.GroupID(group), directory.GroupType, fmt.Sprintf(`{"id":%q,"displayName":"g"}`, group), "")
		}
		member := armtest.Alice
		if _, err := tx.Get(s.Context(), directory.UserID(user).Scope()); err == nil {
			member = user
		}
		return put(directory.MemberID(group, member), directory.GroupMemberType, `{}`, "")
	})
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		s.Fatal(err)
	}
}

func begin(t *testing.T, seed uint64) *story {
	s := &story{T: t, Rand: rand.New(rand.NewPCG(seed, 2)), World: armtest.Start(t, build(t))}
	s.Put(t, armtest.Assignment("", armtest.App, builtin.Owner),
		&store.Document{ID: directory.RoleAssignmentID(gatehouse.GUID{5}), Type: directory.RoleAssignmentType,
			Body: fmt.Appendf(nil, `{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`, armtest.App, builtin.GlobalAdministrator)})
	a := s.Do("owner", "PUT", armtest.GroupID().String()+"/providers/Microsoft.ApiManagement/service/contoso?api-version=2022-08-01", nil,
		`{"location":"westeurope","sku":{"name":"Developer","capacity":1},"properties":{"publisherEmail":"a@contoso.test","publisherName":"C"}}`)
	if a.Code >= 300 {
		t.Fatalf("%d %s", a.Code, a.Body)
	}
	s.note()
	return s
}

func (s *story) note() {
	s.states, s.ends = append(s.states, s.state()), append(s.ends, s.last())
}

// undo asks for it as the application, which may do everything.
func (s *story) undo(body string) (code int, change int64, message string) {
	s.Clock.Advance(time.Second)
	body = `{"reviveSecrets":true,` + strings.TrimPrefix(body, "{")
	a := s.Do("app", "POST", "/providers/Gatehouse.Access/undo?api-version=2026-11-01", nil, body)
	var r struct {
		Change int64
		Error  struct {
			Code, Message, Target string
			Details               any
		}
	}
	if err := json.Unmarshal(a.Body.Bytes(), &r); err != nil {
		s.Fatalf("%s: %d %s", body, a.Code, a.Body)
	}
	return a.Code, r.Change, r.Error.Code + ": " + r.Error.Message[:min(300, len(r.Error.Message))] + " AT " + r.Error.Target + fmt.Sprint(r.Error.Details)
}

func (s *story) same(what string, want map[string]string) {
	s.Helper()
	got := s.state()
	if maps.Equal(got, want) {
		return
	}
	for key := range want {
		if got[key] != want[key] {
			s.Fatalf("%s: %s\n got %s\nwant %s", what, key, got[key], want[key])
		}
	}
	for key := range got {
		if want[key] == "" {
			s.Fatalf("%s: %s is too much", what, key)
		}
	}
}

// brief leaves out the numbers of changes.
func brief(words string) string {
	if strings.HasPrefix(words, "LaterChanges") {
		return "LaterChanges"
	}
	return words
}

// reasons are why an undo may be refused here. What a type checks of a request is none of
// them, since what was there once was right; but two APIs that exchanged their paths can
// only be put back one after the other.
var reasons = []string{"ChangeNotFound", "LaterChanges", "NotUndoable", "RoleDefinitionWithSameNameExists", "SideEffects"}

// TestRandom: undoing the latest steps brings back the world of before, byte for byte, or
// is refused with a reason and changes nothing; a dry run changes nothing; undoing the undo
// brings back what was undone. A single step in the middle is refused exactly when
// something was built on it.
func TestRandom(t *testing.T) {
	refused := map[string]int{}
	done := 0
	for seed := range uint64(12) {
		s := begin(t, seed)
		s.apartToo = seed%3 == 2
		for len(s.ends) < 30 {
			before := s.last()
			s.act()
			if after := s.last(); after > before {
				s.note()
			}
		}
		for range 10 {
			n := len(s.ends) - 1
			from := 1 + s.IntN(n)
			body := fmt.Sprintf(`"changes":["%d..%d"]`, s.ends[from-1]+1, s.ends[n])
			want := s.states[from-1]
			single := s.IntN(3) == 0
			if single {
				body = fmt.Sprintf(`"changes":["%d..%d"]`, s.ends[from-1]+1, s.ends[from])
			}
			now := s.state()
			code, _, message := s.undo(`{"dryRun":true,` + body + `}`)
			s.same("a dry run", now)
			real, change, words := s.undo("{" + body + "}")
			if real != code || real >= 500 {
				t.Fatalf("seed %d: %s: %d %s, as a dry run %d %s", seed, body, real, words, code, message)
			}
			if real != 200 {
				refused[brief(words)]++
				if code, _, _ := strings.Cut(words, ":"); !slices.Contains(reasons, code) && !strings.Contains(words, "API with the same Path") {
					t.Errorf("seed %d: %s: refused for %s", seed, body, words)
				}
				s.same("a refused undo", now)
				if single && strings.HasPrefix(words, "LaterChanges") {
					if code, _, words := s.undo(`{"withLater":true,` + body + `}`); code == 200 {
						s.note()
						done++
					} else {
						refused[brief(words)]++
						s.same("a refused undo with later changes", now)
					}
				}
				continue
			}
			done++
			if !single {
				s.same(fmt.Sprintf("seed %d: undo of %s", seed, body), want)
			}
			s.note()
			if change > 0 && s.IntN(2) == 0 {
				if code, _, words := s.undo(fmt.Sprintf(`{"changes":["%d"]}`, change)); code != 200 {
					t.Errorf("seed %d: redo of %s (%d): %d %s", seed, body, change, code, words)
				} else {
					s.same("redo", now)
				}
				s.note()
			}
		}
	}
	t.Log(done, refused)
	if done < 50 {
		t.Errorf("only %d undos succeeded; refused: %v", done, refused)
	}
}
