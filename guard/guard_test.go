package guard_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

const (
	sub  = "/subscriptions/5ab5c111-0000-4000-8000-000000000001"
	svc  = sub + "/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/contoso"
	calc = svc + "/apis/calc"

	apiWrite = "Microsoft.ApiManagement/service/apis/write"
	apiRead  = "Microsoft.ApiManagement/service/apis/read"
)

var (
	tenant = guid("ten")
	quiet  = slog.New(slog.NewTextHandler(io.Discard, nil))
	at     = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)
)

// guid makes a GUID that is always the same for the same word.
func guid(word string) gatehouse.GUID { return gatehouse.NameGUID(gatehouse.GUID{1}, word) }

func id(text string) gatehouse.ID { return gatehouse.MustID(text) }

// world is a store, the guard that follows it, and the test that fails.
type world struct {
	*testing.T
	store *store.Store
	guard *guard.Guard
}

func start(t *testing.T) *world {
	t.Helper()
	s := sqlitetest.Open(t, store.Options{MasterKey: []byte(strings.Repeat("k", 32)), Logger: quiet})
	return &world{t, s, open(t, s)}
}

func open(t testing.TB, s *store.Store) *guard.Guard {
	t.Helper()
	g, err := guard.Options{Clock: func() time.Time { return at }, Logger: quiet}.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// doc is a document, or with an empty body the wish to delete one.
type doc struct {
	id   gatehouse.ID
	typ  string
	body string
}

// write puts and deletes documents in one transaction.
func (w *world) write(docs ...doc) {
	w.Helper()
	_, err := w.store.Write(context.Background(), gatehouse.Cause{}, func(tx *store.Tx) error {
		for _, d := range docs {
			var err error
			if d.body == "" {
				_, err = tx.Delete(d.id.Scope())
			} else {
				err = tx.Put(&store.Document{ID: d.id, Type: d.typ, Body: []byte(d.body)})
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (d doc) gone() doc { return doc{id: d.id} }

func assignment(name, scope, who, role string, more ...string) doc {
	return doc{guard.RoleAssignmentID(id(scope), guid(name)), guard.RoleAssignmentType, fmt.Sprintf(
		`{"properties":{"roleDefinitionId":"/providers/Microsoft.Authorization/roleDefinitions/%s","principalId":"%s","condition":null%s}}`,
		role, guid(who), strings.Join(more, ""))}
}

func customRole(name string, permission string) doc {
	return doc{guard.RoleDefinitionID(guid(name)), guard.RoleDefinitionType, fmt.Sprintf(
		`{"properties":{"roleName":%q,"type":"CustomRole","assignableScopes":[%q],"permissions":[%s]}}`, name, sub, permission)}
}

func deny(name, scope, principals, excluded, more string) doc {
	return doc{guard.DenyAssignmentID(id(scope), guid(name)), guard.DenyAssignmentType, fmt.Sprintf(
		`{"properties":{"denyAssignmentName":%q,"permissions":[{"actions":["*/write"],"notActions":[],"dataActions":[],"notDataActions":[]}],"principals":[%s],"excludePrincipals":[%s]%s}}`,
		name, principals, excluded, more)}
}

func ref(who string) string { return fmt.Sprintf(`{"id":"%s","type":"User"}`, guid(who)) }

const everyone = `{"id":"00000000-0000-0000-0000-000000000000","type":"SystemDefined"}`

func user(name string, more ...string) doc {
	return doc{directory.UserID(guid(name)), directory.UserType, fmt.Sprintf(`{"id":"%s","accountEnabled":true%s}`, guid(name), strings.Join(more, ""))}
}

func group(name string) doc {
	return doc{directory.GroupID(guid(name)), directory.GroupType, fmt.Sprintf(`{"id":"%s","displayName":%q}`, guid(name), name)}
}

func member(of, who string) doc {
	return doc{directory.MemberID(guid(of), guid(who)), directory.GroupMemberType, `{"@odata.type":"#microsoft.graph.user"}`}
}

func owner(of, who string) doc {
	return doc{directory.GroupOwnerID(guid(of), guid(who)), directory.GroupOwnerType, `{"@odata.type":"#microsoft.graph.user"}`}
}

func directoryRole(name, who, role string) doc {
	return doc{directory.RoleAssignmentID(guid(name)), directory.RoleAssignmentType,
		fmt.Sprintf(`{"principalId":"%s","roleDefinitionId":"%s","directoryScopeId":"/"}`, guid(who), role)}
}

func tenantDoc() doc { return doc{guard.TenantID(tenant), guard.TenantType, `{}`} }

func managementGroup(name, parent string) doc {
	body := `{"properties":{"displayName":"` + name + `"}}`
	if parent != "" {
		body = fmt.Sprintf(`{"properties":{"details":{"parent":{"id":%q}}}}`, mg(parent))
	}
	return doc{id(mg(name)), guard.ManagementGroupType, body}
}

func mg(name string) string { return "/providers/Microsoft.Management/managementGroups/" + name }

func placed(group string) doc {
	return doc{guard.PlacementID(id(mg(group)), strings.TrimPrefix(sub, "/subscriptions/")), guard.PlacementType, `{}`}
}

func subscription() doc { return doc{id(sub), guard.SubscriptionType, `{"state":"Enabled"}`} }

func caller(who string) *gatehouse.Caller {
	return &gatehouse.Caller{ID: guid(who), Type: gatehouse.User, Name: who + "@contoso.com"}
}

func app(who string) *gatehouse.Caller {
	return &gatehouse.Caller{ID: guid(who), Type: gatehouse.ServicePrincipal, Name: guid(who + " app").String()}
}

// may fails unless the answer is want, both for a control action and, when it starts with Microsoft.Graph, a data action.
func (w *world) may(want bool, who *gatehouse.Caller, action, scope string) {
	w.Helper()
	var d gatehouse.Decision
	var err error
	if strings.HasPrefix(action, builtin.DirectoryNamespace) {
		d, err = w.guard.AuthorizeData(w.Context(), who, action, id(scope))
	} else {
		d, err = w.guard.Authorize(w.Context(), who, action, id(scope), nil)
	}
	if d.Allowed != want || (err == nil) != want {
		w.Errorf("%s, %s at %s: %+v, %v; want %v", who.Name, action, scope, d, err, want)
	}
}

func TestAssignmentsCountAtOnce(t *testing.T) {
	w := start(t)
	w.may(false, caller("ann"), apiWrite, calc)
	a := assignment("a", calc, "ann", builtin.Contributor)
	w.write(a)
	w.may(true, caller("ann"), apiWrite, calc)
	w.may(false, caller("ann"), apiWrite, svc+"/apis/calculator")
	w.may(false, caller("bob"), apiWrite, calc)
	w.write(assignment("a", calc, "ann", builtin.Reader))
	w.may(false, caller("ann"), apiWrite, calc)
	w.may(true, caller("ann"), apiRead, calc)
	w.write(a.gone())
	w.may(false, caller("ann"), apiRead, calc)
}

func TestCustomRoles(t *testing.T) {
	w := start(t)
	editor := `{"actions":["Microsoft.ApiManagement/service/apis/*/write","microsoft.apimanagement/SERVICE/apis/read"],"notActions":[]}`
	w.write(assignment("a", calc, "ann", guid("editor").String()))
	w.may(false, caller("ann"), apiWrite, calc) // the role does not exist yet
	w.write(customRole("editor", editor))
	w.may(true, caller("ann"), apiWrite, calc)
	w.may(true, caller("ann"), "Microsoft.ApiManagement/service/apis/operations/write", calc+"/operations/add")
	w.may(false, caller("ann"), "Microsoft.ApiManagement/service/apis/delete", calc)
	w.write(customRole("editor", `{"actions":["*/read"],"notActions":[]}`))
	w.may(false, caller("ann"), apiWrite, calc)
	w.write(customRole("editor", editor).gone())
	w.may(false, caller("ann"), apiRead, calc)
	r, ok := w.guard.Snapshot().Role(gatehouse.MustGUID(builtin.Owner))
	if !ok || r.Type != gatehouse.BuiltInRole {
		t.Errorf("Owner is missing from the snapshot: %+v", r)
	}
}

func TestBuiltInRolesCannotBeReplaced(t *testing.T) {
	w := start(t)
	w.write(assignment("a", sub, "ann", builtin.Reader))
	all := `{"properties":{"roleName":"Reader","permissions":[{"actions":["*"]}]}}`
	for _, role := range []string{builtin.Reader, builtin.GroupOwner} {
		d := doc{guard.RoleDefinitionID(gatehouse.MustGUID(role)), guard.RoleDefinitionType, all}
		w.write(d)
		w.may(false, caller("ann"), apiWrite, calc)
		w.write(d.gone())
		w.may(true, caller("ann"), apiRead, calc)
	}
}

func TestTimeWindows(t *testing.T) {
	w := start(t)
	w.write(
		assignment("early", calc, "ann", builtin.Reader, `,"startDateTime":"2026-05-06T07:08:10Z"`),
		assignment("now", calc, "bob", builtin.Reader, `,"startDateTime":"2026-05-06T07:08:09Z","endDateTime":"2026-05-06T07:08:10Z"`),
		assignment("late", calc, "cid", builtin.Reader, `,"endDateTime":"2026-05-06T07:08:09+00:00"`),
	)
	w.may(false, caller("ann"), apiRead, calc)
	w.may(true, caller("bob"), apiRead, calc)
	w.may(false, caller("cid"), apiRead, calc)
}

func TestNestedGroups(t *testing.T) {
	w := start(t)
	w.write(group("outer"), group("inner"), member("outer", "inner"), member("inner", "ann"),
		assignment("a", sub, "outer", builtin.Contributor))
	w.may(true, caller("ann"), apiWrite, calc)
	w.write(member("outer", "inner").gone())
	w.may(false, caller("ann"), apiWrite, calc)
	w.write(member("outer", "inner"), member("inner", "outer")) // a circle
	w.may(true, caller("ann"), apiWrite, calc)
	w.write(member("inner", "ann").gone())
	w.may(false, caller("ann"), apiWrite, calc)
}

// A group that is deleted grants nothing more, whatever documents of it are left; made anew, they count again.
func TestDeletedGroups(t *testing.T) {
	w := start(t)
	w.write(member("team", "ann"), assignment("a", sub, "team", builtin.Reader))
	w.may(false, caller("ann"), apiRead, calc)
	w.write(group("team"))
	w.may(true, caller("ann"), apiRead, calc)
	w.write(group("team").gone())
	w.may(false, caller("ann"), apiRead, calc)
	w.write(member("team", "bob"))
	w.may(false, caller("bob"), apiRead, calc)
	w.write(group("team"))
	w.may(true, caller("ann"), apiRead, calc)
	w.may(true, caller("bob"), apiRead, calc)
}

func TestManagementGroups(t *testing.T) {
	w := start(t)
	root := mg(tenant.String())
	w.write(
		assignment("root", root, "ann", builtin.Reader),
		assignment("corp", mg("corp"), "bob", builtin.Reader),
		assignment("lab", mg("lab"), "cid", builtin.Reader),
		subscription(),
	)
	w.may(false, caller("ann"), apiRead, calc) // no tenant, so no root group yet
	w.write(tenantDoc())
	if got := w.guard.RootGroup(); got != id(root).Scope() {
		t.Errorf("RootGroup = %s", got)
	}
	w.may(true, caller("ann"), apiRead, calc) // unplaced subscriptions are below the root group
	w.may(false, caller("bob"), apiRead, calc)
	w.write(managementGroup("corp", ""), managementGroup("prod", "corp"), managementGroup("lab", ""), placed("prod"))
	w.may(true, caller("bob"), apiRead, calc)
	w.may(true, caller("ann"), apiRead, calc)
	w.may(true, caller("ann"), apiRead, mg("prod"))
	w.may(false, caller("cid"), apiRead, calc)
	w.write(placed("lab"), placed("prod").gone()) // moved
	w.may(false, caller("bob"), apiRead, calc)
	w.may(true, caller("cid"), apiRead, calc)
	w.write(managementGroup("lab", "corp")) // the group moved
	w.may(true, caller("bob"), apiRead, calc)
	w.write(placed("lab").gone())
	w.may(false, caller("cid"), apiRead, calc)
	w.may(true, caller("ann"), apiRead, calc)

	// What does not exist yet inherits from the root group.
	w.may(true, caller("ann"), "Microsoft.Management/managementGroups/read", mg("new"))
	w.may(false, caller("bob"), "Microsoft.Management/managementGroups/read", mg("new"))
	w.may(true, caller("ann"), "Microsoft.Resources/subscriptions/read", "/subscriptions/"+guid("new").String())
	w.write(deny("no", root, everyone, ref("zoe"), ""), assignment("own", "/", "ann", builtin.Owner))
	w.may(false, caller("ann"), "Microsoft.Management/managementGroups/write", mg("new"))
	w.may(false, caller("ann"), apiWrite, calc)
	w.may(true, caller("ann"), apiRead, calc)
}

func TestDenyAssignments(t *testing.T) {
	w := start(t)
	w.write(assignment("a", sub, "ann", builtin.Owner), assignment("b", sub, "bob", builtin.Owner))
	d := deny("frozen", svc, everyone, ref("bob"), "")
	w.write(d)
	w.may(false, caller("ann"), apiWrite, calc)
	w.may(true, caller("ann"), apiRead, calc)
	w.may(true, caller("bob"), apiWrite, calc)
	w.write(deny("frozen", svc, everyone, ref("bob"), `,"denyAssignmentEffect":"audit"`))
	w.may(true, caller("ann"), apiWrite, calc)
	w.write(deny("frozen", svc, everyone, ref("bob"), `,"doNotApplyToChildScopes":true`))
	w.may(true, caller("ann"), apiWrite, calc)
	w.may(false, caller("ann"), "Microsoft.ApiManagement/service/write", svc)
	w.write(deny("frozen", svc, ref("ann"), "", `,"denyAssignmentEffect":"ENFORCED"`))
	w.may(false, caller("ann"), apiWrite, calc)
	w.write(d.gone())
	w.may(true, caller("ann"), apiWrite, calc)
}

// Who may write deny assignments at the root has no say over the directory.
func TestDenyAssignmentsStayOutsideTheDirectory(t *testing.T) {
	w := start(t)
	w.write(directoryRole("ga", "ann", builtin.GlobalAdministrator))
	for _, scope := range []string{"/", directory.RootPath, directory.UserID(guid("bob")).String()} {
		for _, pattern := range []string{"*", "Microsoft.Graph/*", "Microsoft.*", "*/write", "Microsoft.Graph/directory/users/write"} {
			d := deny("lockout", scope, everyone, ref("zoe"), "")
			d.body = strings.Replace(d.body, `"dataActions":[]`, fmt.Sprintf(`"dataActions":[%q]`, pattern), 1)
			w.write(d)
			w.may(true, caller("ann"), "Microsoft.Graph/directory/users/write", directory.UserID(guid("bob")).String())
			w.may(true, caller("ann"), "Microsoft.Graph/directory/elevateAccess/action", directory.RootPath)
			w.write(d.gone())
		}
	}
}

// Documents that cannot be read grant nothing; a deny denies everything but its repair.
func TestUnreadableDocuments(t *testing.T) {
	w := start(t)
	w.write(user("ann"), assignment("a", sub, "ann", builtin.Owner), assignment("b", "/", "bob", builtin.Owner))
	name := guard.RoleAssignmentID(id(sub), guid("x"))
	for _, body := range []string{
		`{"properties":{"roleDefinitionId":"` + builtin.Owner + `","principalId":"nobody"}}`,
		`{"properties":{"roleDefinitionId":"` + builtin.Owner + `"}}`,
		`{"properties":{"roleDefinitionId":"Owner","principalId":"` + guid("zoe").String() + `"}}`,
		`{"properties":{"roleDefinitionId":"` + builtin.Owner + `","principalId":"` + guid("zoe").String() + `","startDateTime":"soon"}}`,
		`{"properties":{"roleDefinitionId":"` + builtin.Owner + `","principalId":"` + guid("zoe").String() + `","condition":7}}`,
		`{"properties":[]}`,
	} {
		w.write(assignment("x", sub, "zoe", builtin.Owner))
		w.may(true, caller("zoe"), apiRead, calc)
		w.write(doc{name, guard.RoleAssignmentType, body})
		w.may(false, caller("zoe"), apiRead, calc)
		if p := w.guard.Problems(); len(p) == 0 || p[0].Scope != name.Scope() || !strings.Contains(p[0].Message, "grants nothing") {
			t.Errorf("%s: problems %+v", body, p)
		}
		w.write(doc{id: name})
	}
	if p := w.guard.Problems(); len(p) != 0 {
		t.Errorf("problems are left: %+v", p)
	}
	d := deny("broken", svc, `{"name":"who?"}`, "", "")
	w.write(d)
	w.may(false, caller("ann"), apiRead, calc)
	w.may(false, caller("bob"), apiWrite, calc)
	w.may(true, caller("ann"), apiRead, svc+"2")
	w.may(true, caller("ann"), "Microsoft.Authorization/denyAssignments/delete", d.id.String())
	again := open(t, w.store)
	if again.Allowed(caller("ann"), apiRead, id(calc)) || len(again.Problems()) != 1 {
		t.Errorf("after a restart the unreadable deny assignment is lost: %+v", again.Problems())
	}
	w.write(d.gone())
	w.may(true, caller("ann"), apiRead, calc)
}

func TestRefusals(t *testing.T) {
	w := start(t)
	ann, robot := caller("ann"), app("robot")
	text := func(_ gatehouse.Decision, err error) string {
		if gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("not Forbidden: %v", err)
		}
		return err.Error()
	}
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	who := "The client 'ann@contoso.com' with object id '" + guid("ann").String() + "' "
	check(text(w.guard.Authorize(t.Context(), ann, strings.ToLower(apiWrite), id(calc), nil)),
		"AuthorizationFailed: "+who+"does not have authorization to perform action 'Microsoft.ApiManagement/service/apis/write' over scope '"+calc+"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
	check(text(w.guard.AuthorizeAt(t.Context(), robot, apiRead, false, id(svc), svc+"/apis", nil)),
		"AuthorizationFailed: The client '"+guid("robot app").String()+"' with object id '"+guid("robot").String()+"' does not have authorization to perform action 'Microsoft.ApiManagement/service/apis/read' over scope '"+svc+"/apis' or the scope is invalid. If access was recently granted, please refresh your credentials.")

	w.write(assignment("a", svc, "ann", builtin.Contributor, `,"condition":"@Resource[Microsoft.ApiManagement/service/apis:name] StringEquals 'calc'","conditionVersion":"2.0"`))
	check(text(w.guard.Authorize(t.Context(), ann, apiWrite, id(calc), nil)),
		"AuthorizationFailed: "+who+"does not have authorization or an ABAC condition not fulfilled to perform action 'Microsoft.ApiManagement/service/apis/write' over scope '"+calc+"' or the scope is invalid. If access was recently granted, please refresh your credentials.")
	attributes := &gatehouse.Attributes{Resource: map[string]any{"Microsoft.ApiManagement/service/apis:name": "calc"}}
	if _, err := w.guard.Authorize(t.Context(), ann, apiWrite, id(calc), attributes); err != nil {
		t.Error(err)
	}

	w.write(assignment("b", sub, "ann", builtin.Owner), deny("Hands off", svc, everyone, ref("bob"), ""))
	check(text(w.guard.Authorize(t.Context(), ann, apiWrite, id(calc), nil)),
		"DenyAssignmentAuthorizationFailed: "+who+"has permission to perform action 'Microsoft.ApiManagement/service/apis/write' on scope '"+calc+"'; however, the access is denied because of the deny assignment with name 'Hands off' and Id '"+guid("Hands off").Hex()+"' at scope '"+svc+"'.")

	far := "/subscriptions/" + guid("far").String()
	err := w.guard.AuthorizeLinked(t.Context(), ann, "Microsoft.Authorization/roleDefinitions/write", id(sub+"/providers/Microsoft.Authorization/roleDefinitions/"+guid("r").String()),
		"microsoft.authorization/roledefinitions/write", id(sub), id(far), id("/"))
	check(text(gatehouse.Decision{}, err),
		"LinkedAuthorizationFailed: "+who+"has permission to perform action 'Microsoft.Authorization/roleDefinitions/write' on scope '"+sub+"/providers/Microsoft.Authorization/roleDefinitions/"+guid("r").String()+"'; however, it does not have permission to perform action(s) 'Microsoft.Authorization/roleDefinitions/write' on the linked scope(s) '"+far+",/' (respectively) or the linked scope(s) are invalid.: Microsoft.Authorization/roleDefinitions/write is missing at "+far)
	if err := w.guard.AuthorizeLinked(t.Context(), ann, "a/write", id(sub), "Microsoft.Authorization/roleDefinitions/write", id(sub)); err != nil {
		t.Error(err)
	}

	for _, c := range []*gatehouse.Caller{nil, {}} {
		if d, err := w.guard.Authorize(t.Context(), c, apiRead, id(calc), nil); d.Allowed || gatehouse.KindOf(err) != gatehouse.Unauthenticated {
			t.Errorf("nobody: %+v, %v", d, err)
		}
	}
}

// An attribute that only looks like one, which somebody without the right to assign
// attributes could have written, is none.
func TestLookAlikeAttributes(t *testing.T) {
	w := start(t)
	const set = `:{"Engineering":{"Project":"Baker"}}`
	w.write(user("ann", `,"cu\u017ftomSecurityAttributes"`+set), user("bob", `,"customSecurityAttributes"`+set))
	const condition = `@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project] StringEquals 'Baker'`
	w.write(assignment("a", sub, "ann", builtin.Owner, fmt.Sprintf(`,"condition":%q`, condition)), assignment("b", sub, "bob", builtin.Owner, fmt.Sprintf(`,"condition":%q`, condition)))
	w.may(true, caller("bob"), apiWrite, calc)
	w.may(false, caller("ann"), apiWrite, calc)
}

func TestPrincipalAttributes(t *testing.T) {
	w := start(t)
	set := `,"customSecurityAttributes":{"@odata.type":"#x","Engineering":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Project":%s,"Project@odata.type":"#Collection(String)","Level":3}}`
	w.write(user("ann", fmt.Sprintf(set, `["Baker","Cascade"]`)),
		assignment("a", svc, "ann", builtin.Contributor, `,"condition":"@Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project] ForAnyOfAnyValues:StringEquals {'Cascade'} AND @Principal[Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Level] NumericEquals 3","conditionVersion":"2.0"`))
	w.may(true, caller("ann"), apiWrite, calc)
	given := &gatehouse.Attributes{Principal: map[string]any{"Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Project": "Cascade",
		"Microsoft.Directory/CustomSecurityAttributes/Id:Engineering_Level": int64(3)}}
	w.write(user("ann", fmt.Sprintf(set, `["Baker"]`)))
	w.may(false, caller("ann"), apiWrite, calc)
	if d, _ := w.guard.Authorize(t.Context(), caller("ann"), apiWrite, id(calc), given); d.Allowed {
		t.Error("attributes of the request stand in for those of the directory")
	}
	w.write(user("ann"))
	w.may(false, caller("ann"), apiWrite, calc)
	if d, _ := w.guard.Authorize(t.Context(), caller("ann"), apiWrite, id(calc), given); d.Allowed {
		t.Error("attributes of the request count for a principal that has none")
	}
}

func TestDirectoryRights(t *testing.T) {
	w := start(t)
	d := builtin.DirectoryNamespace + "directory/"
	root, team, other := directory.RootPath, directory.GroupID(guid("team")).String(), directory.GroupID(guid("other")).String()
	ann := directory.UserID(guid("ann")).String()
	w.write(group("team"), group("other"), user("ann"), user("root"), assignment("a", "/", "ann", builtin.Owner))

	// Owner at the root has no rights in the directory.
	w.may(false, caller("ann"), d+"groups/read", team)
	w.may(false, caller("ann"), d+"groups/write", team)
	w.may(false, app("robot"), d+"groups/read", team)

	w.write(directoryRole("r1", "robot", builtin.DirectoryReaders), directoryRole("r2", "ulf", builtin.UserAdministrator),
		directoryRole("r3", "gus", builtin.GroupsAdministrator), directoryRole("r4", "root", builtin.GlobalAdministrator),
		directoryRole("r5", "apa", builtin.ApplicationAdministrator))
	w.may(true, app("robot"), d+"groups/read", team)
	w.may(false, app("robot"), d+"groups/write", team)
	w.may(true, caller("ulf"), d+"users/write", ann)
	w.may(true, caller("ulf"), d+"groups/members/write", team+"/members/"+guid("ann").String())
	w.may(true, caller("gus"), d+"groups/delete", team)
	w.may(false, caller("gus"), d+"users/write", ann)
	w.may(true, caller("apa"), d+"applications/write", directory.ApplicationID(guid("x")).String())
	w.may(false, caller("apa"), d+"roleAssignments/write", root)
	w.may(false, caller("ulf"), d+"roleAssignments/write", root)
	w.may(true, caller("root"), d+"roleAssignments/write", root)
	w.may(true, caller("root"), d+"users/delete", ann)
	if !w.guard.IsGlobalAdministrator(guid("root")) || w.guard.IsGlobalAdministrator(guid("ulf")) || w.guard.IsGlobalAdministrator(guid("ann")) {
		t.Error("IsGlobalAdministrator is wrong")
	}

	// Owners manage what they own.
	w.write(owner("team", "bob"))
	w.may(true, caller("bob"), d+"groups/members/write", team+"/members/"+guid("bob").String())
	w.may(false, caller("bob"), d+"groups/members/write", other+"/members/"+guid("bob").String())
	w.may(false, caller("bob"), d+"users/write", ann)
	w.write(owner("team", "bob").gone())
	w.may(false, caller("bob"), d+"groups/members/write", team+"/members/"+guid("bob").String())

	w.write(directoryRole("r3", "gus", builtin.GroupsAdministrator).gone())
	w.may(false, caller("gus"), d+"groups/delete", team)
}

// Nobody becomes a Global Administrator by managing one, or a group that makes one.
func TestPrivilegedObjects(t *testing.T) {
	w := start(t)
	d := builtin.DirectoryNamespace + "directory/"
	admins, inner := directory.GroupID(guid("admins")).String(), directory.GroupID(guid("inner")).String()
	root := directory.UserID(guid("root")).String()
	w.write(group("admins"), group("inner"), user("root"), user("ulf"), directoryRole("u", "ulf", builtin.UserAdministrator), owner("inner", "bob"))
	w.may(true, caller("ulf"), d+"users/write", root)
	w.may(true, caller("bob"), d+"groups/members/write", inner+"/members/"+guid("bob").String())

	w.write(directoryRole("r", "root", builtin.GlobalAdministrator), directoryRole("g", "admins", builtin.GlobalAdministrator))
	w.may(false, caller("ulf"), d+"users/write", root)
	w.may(false, caller("ulf"), d+"users/delete", root)
	w.may(true, caller("ulf"), d+"users/read", root)
	w.may(false, caller("ulf"), d+"groups/members/write", admins+"/members/"+guid("ulf").String())
	w.may(true, caller("root"), d+"groups/members/write", admins+"/members/"+guid("ulf").String())
	w.may(true, caller("ulf"), d+"groups/members/write", inner+"/members/"+guid("ulf").String())

	w.write(member("admins", "inner"))
	w.may(false, caller("ulf"), d+"groups/members/write", inner+"/members/"+guid("ulf").String())
	w.may(false, caller("bob"), d+"groups/members/write", inner+"/members/"+guid("bob").String())
	w.write(directoryRole("g", "admins", builtin.GlobalAdministrator).gone())
	w.may(true, caller("bob"), d+"groups/members/write", inner+"/members/"+guid("bob").String())
	w.write(directoryRole("r", "root", builtin.DirectoryReaders))
	w.may(true, caller("ulf"), d+"users/write", root)
}

// Nobody becomes a Global Administrator by adding a secret to an application that is one.
func TestPrivilegedApplications(t *testing.T) {
	w := start(t)
	d := builtin.DirectoryNamespace + "directory/"
	app, sp := directory.ApplicationID(guid("app")), directory.ServicePrincipalID(guid("sp"))
	credentials := app.String() + "/federatedIdentityCredentials/x"
	application := doc{app, directory.ApplicationType, fmt.Sprintf(`{"id":"%s","appId":"%s"}`, guid("app"), guid("appid"))}
	principal := doc{sp, directory.ServicePrincipalType, fmt.Sprintf(`{"id":"%s","appId":"%s","accountEnabled":true}`, guid("sp"), guid("appid"))}
	w.write(application, principal, user("root"), user("ulf"), directoryRole("r", "root", builtin.GlobalAdministrator), directoryRole("u", "ulf", builtin.ApplicationAdministrator))
	w.may(true, caller("ulf"), d+"applications/write", app.String())

	w.write(directoryRole("s", "sp", builtin.GlobalAdministrator))
	for _, target := range []struct{ action, id string }{{"applications/write", app.String()}, {"applications/owners/write", app.String() + "/owners/" + guid("ulf").String()},
		{"applications/federatedIdentityCredentials/write", credentials}, {"servicePrincipals/write", sp.String()}} {
		w.may(false, caller("ulf"), d+target.action, target.id)
		w.may(true, caller("root"), d+target.action, target.id)
	}
	w.may(true, caller("ulf"), d+"applications/read", app.String())
	w.write(principal.gone())
	w.may(true, caller("ulf"), d+"applications/write", app.String())
}

// Resource Manager's assignments and custom roles never reach the directory.
func TestDirectoryIsOutOfReach(t *testing.T) {
	w := start(t)
	d := builtin.DirectoryNamespace + "directory/"
	for i, pattern := range []string{"*", "*/write", "Microsoft.*", "microsoft.graph/*", "Microsoft.Graph/directory/users/write", "M*/write"} {
		who := fmt.Sprint("eve", i)
		w.write(customRole(who, fmt.Sprintf(`{"actions":[],"dataActions":[%q]}`, pattern)),
			assignment(who, "/", who, guid(who).String()), assignment(who+"d", directory.RootPath, who, guid(who).String()))
		w.may(false, caller(who), d+"users/write", directory.UserID(guid("ann")).String())
	}
	w.write(assignment("x", "/", "eve", builtin.GlobalAdministrator), assignment("y", directory.RootPath, "eve", builtin.GlobalAdministrator),
		assignment("z", directory.RootPath, "eve", builtin.Owner), directoryRole("o", "eve", builtin.Owner), directoryRole("p", "eve", builtin.GroupOwner))
	w.may(false, caller("eve"), d+"users/write", directory.UserID(guid("ann")).String())
	w.may(false, caller("eve"), "Microsoft.Authorization/roleAssignments/write", directory.RootPath)
	w.may(false, caller("eve"), d+"groups/write", directory.GroupID(guid("team")).String())
	if n := len(w.guard.Problems()); n < 5 {
		t.Errorf("%d problems reported, want one for each assignment that does not count", n)
	}
	// The same star does reach data actions elsewhere.
	if dec, err := w.guard.AuthorizeData(t.Context(), caller("eve0"), builtin.CallRead, id(calc)); err != nil || !dec.Allowed {
		t.Errorf("calls of APIs: %+v, %v", dec, err)
	}
}

func TestWhoCanListsNoGhosts(t *testing.T) {
	w := start(t)
	w.write(user("ann"), user("bob"), group("team"), member("team", "bob"), member("team", "gone"),
		doc{directory.UserID(guid("off")), directory.UserType, `{"accountEnabled":false}`},
		assignment("a", sub, "ann", builtin.Reader), assignment("b", sub, "team", builtin.Reader),
		assignment("c", sub, "ghost", builtin.Reader), assignment("d", sub, "off", builtin.Reader))
	want := map[gatehouse.GUID]guard.Holder{
		guid("ann"): {Type: gatehouse.User}, guid("bob"): {Type: gatehouse.User},
		guid("team"): {Type: gatehouse.Group}, guid("off"): {Type: gatehouse.User, Disabled: true},
	}
	got := w.guard.WhoCan(rbac.WhoCanRequest{Action: apiRead, Scope: id(calc).Scope()})
	for _, h := range got {
		if e, ok := want[h.Principal]; !ok || e.Type != h.Type || e.Disabled != h.Disabled {
			t.Errorf("unexpected: %+v", h)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d holders, want %d", len(got), len(want))
	}
	w.write(user("ann").gone())
	if n := len(w.guard.WhoCan(rbac.WhoCanRequest{Action: apiRead, Scope: id(calc).Scope()})); n != len(want)-1 {
		t.Errorf("%d holders after a deletion, want %d", n, len(want)-1)
	}
}

func TestVisible(t *testing.T) {
	w := start(t)
	w.write(assignment("a", calc, "ann", builtin.Reader))
	if !w.guard.Visible(caller("ann"), id(sub)) || w.guard.Visible(caller("bob"), id(sub)) || w.guard.Visible(nil, id(sub)) {
		t.Error("Visible is wrong")
	}
}
