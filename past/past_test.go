package past_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/past"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

const (
	sub  = "/subscriptions/5ab5c111-0000-4000-8000-000000000001"
	svc  = sub + "/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso"
	calc = svc + "/apis/calc"
)

var (
	start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
	quiet = slog.New(slog.NewTextHandler(io.Discard, nil))
)

func guid(word string) gatehouse.GUID { return gatehouse.NameGUID(gatehouse.GUID{1}, word) }
func mg(name string) string           { return "/providers/Microsoft.Management/managementGroups/" + name }

// clock moves on by a second with each transaction.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

type doc struct {
	id        gatehouse.ID
	typ, body string
}

// random makes documents of every type that bears on access, some unreadable.
type random struct{ *rand.Rand }

func (r random) of(words ...string) string { return words[r.IntN(len(words))] }
func (r random) who() string               { return r.of("ann", "bob", "cid", "dan", "team", "crew", "pipe") }
func (r random) scope() string {
	return r.of("/", mg(guid("ten").String()), mg("corp"), mg("prod"), sub, sub+"/resourceGroups/rg1", svc, calc)
}

func (r random) doc() doc {
	switch r.IntN(14) {
	case 0:
		return doc{guard.TenantID(guid("ten")), guard.TenantType, `{}`}
	case 1:
		return doc{gatehouse.MustID(sub), guard.SubscriptionType, `{"state":"Enabled"}`}
	case 2:
		body := fmt.Sprintf(`{"properties":{"details":{"parent":{"id":%q}}}}`, mg(r.of("corp", guid("ten").String())))
		return doc{gatehouse.MustID(mg(r.of("corp", "prod"))), guard.ManagementGroupType, body}
	case 3:
		return doc{guard.PlacementID(gatehouse.MustID(mg(r.of("corp", "prod"))), sub[len("/subscriptions/"):]), guard.PlacementType, `{}`}
	case 4:
		return doc{guard.RoleDefinitionID(guid("role")), guard.RoleDefinitionType, r.of(`{"properties":{"permissions":[{"actions":["*/read"]}]}}`,
			`{"properties":{"permissions":[{"actions":["*"],"notActions":["*/delete"],"dataActions":["*"]}]}}`, `{"properties":{"permissions":[7]}}`)}
	case 5:
		more := r.of("", "", `,"doNotApplyToChildScopes":true`)
		return doc{guard.DenyAssignmentID(gatehouse.MustID(r.scope()), guid(r.of("d0", "d1"))), guard.DenyAssignmentType, fmt.Sprintf(
			`{"properties":{"denyAssignmentName":"d","permissions":[{"actions":["*/write"]}],"principals":[{"id":%q}]%s}}`, guid(r.who()), more)}
	case 6:
		return doc{directory.UserID(guid(r.of("ann", "bob", "cid", "dan"))), directory.UserType, r.of(`{"accountEnabled":true}`, `{"accountEnabled":false}`,
			`{"accountEnabled":true,"customSecurityAttributes":{"S":{"A":"x"}}}`)}
	case 7:
		return doc{directory.ServicePrincipalID(guid("pipe")), directory.ServicePrincipalType, fmt.Sprintf(`{"appId":%q}`, guid("app"))}
	case 8:
		return doc{directory.GroupID(guid(r.of("team", "crew"))), directory.GroupType, `{"displayName":"g"}`}
	case 9, 10:
		return doc{directory.MemberID(guid(r.of("team", "crew")), guid(r.who())), directory.GroupMemberType, `{}`}
	case 11:
		return doc{directory.GroupOwnerID(guid(r.of("team", "crew")), guid(r.who())), directory.GroupOwnerType, `{}`}
	case 12:
		return doc{directory.RoleAssignmentID(guid(r.of("r0", "r1"))), directory.RoleAssignmentType, fmt.Sprintf(`{"principalId":%q,"roleDefinitionId":%q,"directoryScopeId":"/"}`,
			guid(r.who()), r.of(builtin.GlobalAdministrator, builtin.UserAdministrator))}
	}
	role := r.of(builtin.Reader, builtin.Contributor, builtin.Owner, guid("role").String())
	more := r.of("", "", `,"condition":"@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:S_A] StringEquals 'x'"`, `,"endDateTime":"2026-05-06T07:10:00Z"`)
	return doc{guard.RoleAssignmentID(gatehouse.MustID(r.scope()), guid(r.of("a0", "a1", "a2", "a3"))), guard.RoleAssignmentType,
		fmt.Sprintf(`{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":%q%s}}`, role, guid(r.who()), more)}
}

// version is the whole store after one change.
type version struct {
	time time.Time
	docs map[gatehouse.Scope]doc
}

// live is a store with what the oracle remembers of it.
type live struct {
	*testing.T
	random
	clock    *clock
	store    *store.Store
	guard    *guard.Guard
	versions []version // by sequence number; the first is before everything
}

func begin(t *testing.T, seed uint64) *live {
	l := &live{T: t, random: random{rand.New(rand.NewPCG(seed, 4))}, clock: &clock{start}, versions: []version{{docs: map[gatehouse.Scope]doc{}}}}
	l.store = sqlitetest.Open(t, store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Logger: quiet, Clock: l.clock.read})
	var err error
	if l.guard, err = (guard.Options{Clock: l.clock.read, Logger: quiet}).New(t.Context(), l.store); err != nil {
		t.Fatal(err)
	}
	return l
}

// write makes a transaction of some random changes.
func (l *live) write() {
	l.clock.now = l.clock.now.Add(time.Duration(1+l.IntN(3)) * time.Second)
	_, err := l.store.Write(l.Context(), gatehouse.Cause{}, func(tx *store.Tx) error {
		for range 1 + l.IntN(4) {
			now := maps.Clone(l.versions[len(l.versions)-1].docs)
			seq := tx.Seq()
			switch d := l.doc(); {
			case len(now) > 0 && l.IntN(3) == 0:
				keys := slices.SortedFunc(maps.Keys(now), func(a, b gatehouse.Scope) int { return strings.Compare(a.String(), b.String()) })
				key := keys[l.IntN(len(keys))]
				delete(now, key)
				if _, err := tx.Delete(key); err != nil {
					return err
				}
			default:
				now[d.id.Scope()] = d
				if err := tx.Put(&store.Document{ID: d.id, Type: d.typ, Body: []byte(d.body)}); err != nil {
					return err
				}
			}
			if tx.Seq() > seq {
				l.versions = append(l.versions, version{tx.Now(), now})
			}
		}
		return tx.Note(gatehouse.Event, "something else")
	})
	if err != nil {
		l.Fatal(err)
	}
	l.versions = append(l.versions, version{l.clock.now, l.versions[len(l.versions)-1].docs})
}

// replay is a Guard over a store that holds the documents of a version and nothing else.
func (l *live) replay(v version, at time.Time) *guard.Guard {
	s := sqlitetest.Open(l.T, store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Logger: quiet})
	_, err := s.Write(l.Context(), gatehouse.Cause{}, func(tx *store.Tx) error {
		for _, d := range v.docs {
			if err := tx.Put(&store.Document{ID: d.id, Type: d.typ, Body: []byte(d.body)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.Fatal(err)
	}
	g, err := guard.Options{Clock: func() time.Time { return at }, Logger: quiet}.New(l.Context(), s)
	if err != nil {
		l.Fatal(err)
	}
	return g
}

// answers are decide, explain, who-can and what-can of many questions, as text.
func answers(g *guard.Guard, at time.Time) map[string]string {
	out := map[string]string{"root": g.RootGroup().String()}
	who := []string{"ann", "bob", "cid", "dan", "team", "crew", "pipe"}
	for _, scope := range []string{"/", mg("corp"), mg("prod"), sub, svc, calc} {
		for _, action := range []string{"Microsoft.ApiManagement/service/apis/read", "Microsoft.ApiManagement/service/apis/write", "Microsoft.ApiManagement/service/apis/delete"} {
			s := gatehouse.MustID(scope)
			for _, w := range who {
				caller := &gatehouse.Caller{ID: guid(w), Type: gatehouse.User}
				d, err := g.Authorize(context.Background(), caller, action, s, nil)
				x := g.Snapshot().Explain(g.Request(caller, action, false, s, nil))
				slices.SortFunc(x.Groups, func(a, b gatehouse.GUID) int { return strings.Compare(a.String(), b.String()) })
				out[fmt.Sprint(w, " ", action, " ", scope)] = fmt.Sprintf("%v %v %v %v", verdict(d), gatehouse.CodeOf(err), x.Groups, kinds(x.Reasons))
				out[fmt.Sprint(w, " holds at ", scope)] = fmt.Sprint(g.Visible(caller, s))
			}
			var holders []string
			for _, h := range g.WhoCan(rbac.WhoCanRequest{Action: action, Scope: s.Scope()}) {
				holders = append(holders, fmt.Sprint(h.Principal, h.Type, h.Disabled))
			}
			out["who can "+action+" "+scope] = fmt.Sprint(holders)
		}
	}
	for _, w := range who {
		d, err := g.AuthorizeData(context.Background(), &gatehouse.Caller{ID: guid(w)}, builtin.DirectoryNamespace+"directory/groups/members/write", directory.GroupID(guid("team")))
		out[w+" members"] = fmt.Sprint(verdict(d), gatehouse.CodeOf(err))
	}
	return out
}

// verdict leaves out which of several grants is named.
func verdict(d gatehouse.Decision) string { return fmt.Sprint(d.Allowed, d.Code, d.Conditional) }

func kinds(reasons []rbac.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, fmt.Sprint(r.Kind, r.Assignment, r.Scope))
	}
	slices.Sort(out)
	return out
}

func differ(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	for q, w := range want {
		if got[q] != w {
			t.Errorf("%s: %s:\n got %s\nwant %s", what, q, got[q], w)
			return
		}
	}
}

// TestAgainstReplay: at any time, and after any single change, access is that of a store
// which holds what there was then; also while others write.
func TestAgainstReplay(t *testing.T) {
	for seed := range uint64(6) {
		l := begin(t, seed)
		h := past.New(l.store, l.guard, l.clock.read)
		for range 60 {
			l.write()
		}
		for round := range 25 {
			seq := l.IntN(len(l.versions))
			m, err := h.After(t.Context(), int64(seq))
			if err == nil && round%2 == 0 {
				at := start.Add(time.Duration(l.IntN(int(l.clock.now.Sub(start)/time.Millisecond))) * time.Millisecond)
				m, err = h.At(t.Context(), at)
				for seq = 0; seq+1 < len(l.versions) && !l.versions[seq+1].time.After(at); seq++ {
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			g, err := m.Guard(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			differ(t, fmt.Sprintf("seed %d, change %d", seed, seq), answers(g, m.Time), answers(l.replay(l.versions[seq], m.Time), m.Time))
			l.sameDocuments(m, seq)
			l.write()
		}
	}
}

func (l *live) sameDocuments(m *past.Moment, seq int) {
	l.Helper()
	got := map[gatehouse.Scope]doc{}
	for _, typ := range guard.Types() {
		for d, err := range m.All(l.Context(), store.Query{Type: typ}) {
			if err != nil {
				l.Fatal(err)
			}
			got[d.Key()] = doc{d.ID, d.Type, string(d.Body)}
		}
	}
	if want := l.versions[seq].docs; !maps.Equal(got, want) {
		l.Errorf("after change %d there were %d documents, want %d", seq, len(got), len(want))
	}
	for key, d := range l.versions[seq].docs {
		found, err := m.Get(l.Context(), key)
		if err != nil || string(found.Body) != d.body {
			l.Errorf("%s after change %d: %v", key, seq, err)
		}
	}
}

// TestPages: the pages of a list of what was are the list.
func TestPages(t *testing.T) {
	l := begin(t, 9)
	for range 80 {
		l.write()
	}
	h := past.New(l.store, l.guard, l.clock.read)
	m, err := h.After(t.Context(), int64(len(l.versions)/2))
	if err != nil {
		t.Fatal(err)
	}
	under := gatehouse.MustScope(sub)
	for _, q := range []store.Query{{}, {Under: &under}, {Parent: &under}, {Name: guid("a1").String()}} {
		q.Type = guard.RoleAssignmentType
		whole, err := m.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var paged []string
		for q.Limit = 2; ; {
			page, err := m.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Documents {
				paged = append(paged, d.ID.String())
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		var all []string
		for _, d := range whole.Documents {
			all = append(all, d.ID.String())
		}
		if !slices.Equal(all, paged) {
			t.Errorf("%+v: %d in pages, %d at once", q, len(paged), len(all))
		}
	}
}

// TestMoments: what cannot be asked is said.
func TestMoments(t *testing.T) {
	l := begin(t, 1)
	l.write()
	h := past.New(l.store, l.guard, l.clock.read)
	for text, want := range map[string]string{
		"2030-01-01": "2030-01-01T00:00:00Z is in the future", "yesterday": `"yesterday" is not a moment`, "#x": "is not a moment", "#99": "change 99", "#-1": "numbered from 1",
	} {
		if _, err := h.Parse(t.Context(), text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]int64{"2020-01-01": 0, "#0": 0, "#1": 1, "0s": int64(len(l.versions) - 1), "24h": 0} {
		if m, err := h.Parse(t.Context(), text); err != nil || m.Seq != want {
			t.Errorf("%s: %+v %v, want change %d", text, m, err, want)
		}
	}
}
