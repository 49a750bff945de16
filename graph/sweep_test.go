package graph_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/graph"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// open lists the routes that a service principal without a role may reach, and
// what it gets: it only shrinks.
var open = map[string]int{
	"POST /$batch": http.StatusBadRequest, // each request inside is authorized by itself
}

// TestSweep calls every route without a token and with that of a service principal without a role.
func TestSweep(t *testing.T) {
	w := start(t, nil)
	fill := strings.NewReplacer("{id}", w.callers["alice"].ID.String(), "{target}", w.callers["bob"].ID.String(), "{name}", "x", "{role}", "x",
		"{tenant}", "x", "{domain}", "x", "{item}", "x")
	seen := map[string]bool{}
	for _, r := range graph.Routes() {
		for _, version := range []string{"/v1.0", "/beta"} {
			path := version + fill.Replace(r.Path)
			if got := w.do("anonymous", r.Method, path, "", nil).Code; got != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: %d, want 401", r.Method, path, got)
			}
			want, exempt := open[r.Method+" "+r.Path]
			if !exempt {
				want = http.StatusForbidden
			}
			if strings.HasPrefix(r.Path, "/me") {
				want = http.StatusBadRequest // an application's token has no me
			}
			seen[r.Method+" "+r.Path] = true
			if got := w.do("nobody", r.Method, path, "", nil); got.Code != want {
				t.Errorf("%s %s without a role: %d %s, want %d", r.Method, path, got.Code, got.Body, want)
			}
		}
		if (r.Action == "") != (open[r.Method+" "+r.Path] != 0) {
			t.Errorf("%s %s has the action %q", r.Method, r.Path, r.Action)
		}
	}
	for route := range open {
		if !seen[route] {
			t.Errorf("the exception %s is no route", route)
		}
	}
	if len(seen) < 140 {
		t.Errorf("only %d routes", len(seen))
	}
}

// TestUsersOnlyRead calls every changing route as a user without a role: all are refused but ending one's own sessions.
func TestUsersOnlyRead(t *testing.T) {
	w := start(t, nil)
	fill := strings.NewReplacer("{id}", w.callers["bob"].ID.String(), "{target}", w.callers["bob"].ID.String(), "{name}", "x", "{role}", "x", "{item}", "x")
	for _, r := range graph.Routes() {
		if strings.HasSuffix(r.Action, "/read") || r.Action == "" || strings.Contains(r.Path, "revokeSignInSessions") {
			continue
		}
		if got := w.do("alice", r.Method, "/v1.0"+fill.Replace(r.Path), "{}", nil).Code; got != http.StatusForbidden {
			t.Errorf("%s %s as a user without a role: %d, want 403", r.Method, r.Path, got)
		}
	}
}

func changes(t *testing.T, w *world, q store.ChangeQuery) []gatehouse.Change {
	t.Helper()
	all, err := w.store.Changes(context.Background(), q)
	must(t, err)
	var out []gatehouse.Change
	for c, err := range all {
		must(t, err)
		out = append(out, c)
	}
	return out
}

func TestRefusalsAndCausesAreRecorded(t *testing.T) {
	w := start(t, nil)
	header := http.Header{"Client-Request-Id": {"corr-1"}}
	a := w.do("alice", "POST", "/v1.0/groups", `{"displayName":"x"}`, header)
	if a.Code != http.StatusForbidden || a.Header().Get("client-request-id") != "corr-1" || a.Header().Get("request-id") == "" {
		t.Fatal(a.Code, a.Header())
	}
	refused := changes(t, w, store.ChangeQuery{Kind: gatehouse.Refused})
	if len(refused) != 1 {
		t.Fatalf("%d refusals on record", len(refused))
	}
	c := refused[0]
	if c.Cause.Caller.ID != w.callers["alice"].ID || c.Cause.Action != "Microsoft.Graph/directory/groups/write" || c.Cause.Correlation != "corr-1" ||
		c.Status != 403 || c.Cause.Operation != a.Header().Get("request-id") || c.Cause.Decision == nil || c.Cause.Decision.Allowed {
		t.Errorf("refusal %+v", c)
	}
	w.do("admin", "POST", "/v1.0/users", `{"accountEnabled":true,"displayName":"D","mailNickname":"d","userPrincipalName":"d@contoso.test","passwordProfile":{"password":"Very-s3cret-indeed"}}`, header)
	written := changes(t, w, store.ChangeQuery{Kind: gatehouse.Write, Correlation: "corr-1"})
	if len(written) != 1 {
		t.Fatalf("%d writes on record", len(written))
	}
	c = written[0]
	if c.Cause.Decision == nil || !c.Cause.Decision.Allowed || c.Cause.Decision.Role == "" || c.Status != 201 || c.Cause.Method != "POST" {
		t.Errorf("write %+v", c)
	}
	if log := fmt.Sprintf("%s %s", c.Cause.Request, c.After); strings.Contains(log, "s3cret") || !strings.Contains(log, `"password":"***"`) {
		t.Errorf("the password is on record: %s", log)
	}
}

// TestSecretsLeaveOnce makes secrets and looks for them in everything that can be read afterwards.
func TestSecretsLeaveOnce(t *testing.T) {
	w := start(t, nil)
	app := made(t, w, "/v1.0/applications", `{"displayName":"a","passwordCredentials":[{"displayName":"one"}]}`)
	first := app.Array("passwordCredentials")[0].(*jsondoc.Object).String("secretText")
	second := made(t, w, "/v1.0/applications/"+app.String("id")+"/addPassword", `{}`)
	for _, s := range []string{first, second.String("secretText")} {
		if len(s) < 40 {
			t.Fatalf("secret %q", s)
		}
		for _, path := range []string{"/v1.0/applications", "/v1.0/applications/" + app.String("id"), "/v1.0/applications/" + app.String("id") + "?$select=*,passwordCredentials"} {
			if strings.Contains(w.do("admin", "GET", path, "", nil).Body.String(), s) {
				t.Errorf("%s shows a secret", path)
			}
		}
		for _, c := range changes(t, w, store.ChangeQuery{}) {
			if bytes.Contains(c.After, []byte(s)) || bytes.Contains(c.Cause.Request, []byte(s)) {
				t.Errorf("change %d holds a secret", c.Seq)
			}
		}
	}
	d, err := w.store.Get(context.Background(), directory.ApplicationID(gatehouse.MustGUID(app.String("id"))).Scope())
	must(t, err)
	secrets, err := directory.SecretsOf(d)
	must(t, err)
	view, err := directory.ParseApplication(d)
	must(t, err)
	if len(view.PasswordCredentials) != 2 || !secrets.Matches(view.PasswordCredentials[0].KeyID, first) || !secrets.Matches(view.PasswordCredentials[1].KeyID, second.String("secretText")) {
		t.Errorf("what is stored does not match the secrets given: %+v", view.PasswordCredentials)
	}
	w.do("admin", "PATCH", "/v1.0/applications/"+app.String("id"), fmt.Sprintf(`{"passwordCredentials":[{"keyId":%q}]}`, second.String("keyId")), nil)
	d, err = w.store.Get(context.Background(), d.Key())
	must(t, err)
	secrets, err = directory.SecretsOf(d)
	must(t, err)
	if len(secrets.Passwords) != 1 || !secrets.Matches(gatehouse.MustGUID(second.String("keyId")), second.String("secretText")) {
		t.Error("a patch did not drop exactly the secret that it left out")
	}
}

func made(t *testing.T, w *world, path, body string) *jsondoc.Object {
	t.Helper()
	a := w.do("admin", "POST", path, body, nil)
	if a.Code/100 != 2 {
		t.Fatalf("POST %s: %d %s", path, a.Code, a.Body)
	}
	o, err := jsondoc.ParseObject(a.Body.Bytes())
	must(t, err)
	return o
}

// TestPages walks lists by nextLink and sees every object once, however they are cut.
func TestPages(t *testing.T) {
	w := start(t, nil)
	g := made(t, w, "/v1.0/groups", `{"displayName":"g","mailEnabled":false,"mailNickname":"g","securityEnabled":true}`).String("id")
	const n = 230
	_, err := w.store.Write(context.Background(), gatehouse.Cause{Action: "seed"}, func(tx *store.Tx) error {
		for i := range n {
			u := directory.User{ID: id(0xd0, i), UserPrincipalName: fmt.Sprintf("u%03d@contoso.test", i), DisplayName: fmt.Sprintf("User %03d", n-i), AccountEnabled: i%3 == 0}
			d, err := u.Document(directory.Secrets{})
			if err != nil {
				return err
			}
			if err := tx.Put(d); err != nil {
				return err
			}
			if err := tx.Put(&store.Document{ID: directory.MemberID(gatehouse.MustGUID(g), u.ID), Type: directory.GroupMemberType, Body: []byte(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	for path, want := range map[string]int{
		"/v1.0/groups/" + g + "/members":                                                           n,
		"/v1.0/groups/" + g + "/members?$top=7":                                                    n,
		"/v1.0/groups/" + g + "/transitiveMembers?$top=50":                                         n,
		"/v1.0/users?$filter=startswith(displayName,'User ')&$top=31":                              n,
		"/v1.0/users?$filter=startswith(displayName,'User ')&$top=230":                             n,
		"/v1.0/users?$filter=startswith(userPrincipalName,'u') and accountEnabled eq true&$top=10": 77 + 1, // and useradmin
		"/v1.0/users?$top=999":                                                                     n + 6,
		"/beta/users?$orderby=displayName desc,userPrincipalName&$top=100":                         n + 6,
		"/v1.0/users?$filter=userPrincipalName eq 'U017@contoso.test' and accountEnabled eq false": 1,
	} {
		ids := map[string]bool{}
		for pages, next := 0, path; next != ""; pages++ {
			a := w.do("alice", "GET", next, "", nil)
			o, err := jsondoc.ParseObject(a.Body.Bytes())
			if err != nil || a.Code != 200 || pages > 100 {
				t.Fatal(path, a.Code, a.Body, pages)
			}
			for _, v := range o.Array("value") {
				s := v.(*jsondoc.Object).String("id")
				if ids[s] {
					t.Errorf("%s: %s twice", path, s)
				}
				ids[s] = true
			}
			v, _ := o.Get("@odata.nextLink")
			link, _ := v.(string)
			if next = strings.TrimPrefix(link, baseURL); link != "" && next == link {
				t.Errorf("%s: nextLink %s is not absolute", path, link)
			}
		}
		if len(ids) != want {
			t.Errorf("%s: %d objects, want %d", path, len(ids), want)
		}
	}
	// A token is of its list: another filter refuses it.
	a := w.do("alice", "GET", "/v1.0/users?$top=5", "", nil)
	o, err := jsondoc.ParseObject(a.Body.Bytes())
	must(t, err)
	v, _ := o.Get("@odata.nextLink")
	u, err := url.Parse(v.(string))
	must(t, err)
	if got := w.do("alice", "GET", "/v1.0/groups?$skiptoken="+u.Query().Get("$skiptoken"), "", nil).Code; got != 400 {
		t.Errorf("a token of another list is answered with %d", got)
	}
}

// once is a guard that withdraws every right when it has been asked for it.
type once struct {
	graph.Guard
	asked map[string]bool
}

func (g *once) AuthorizeData(ctx context.Context, caller *gatehouse.Caller, action string, id gatehouse.ID) (gatehouse.Decision, error) {
	if g.asked[action] {
		return gatehouse.Decision{Code: gatehouse.AuthorizationFailed}, gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed, "withdrawn")
	}
	g.asked[action] = true
	return g.Guard.AuthorizeData(ctx, caller, action, id)
}

// TestRightsWithdrawnMeanwhile: what counts is the right at the moment of the write.
func TestRightsWithdrawnMeanwhile(t *testing.T) {
	w := start(t, func(c *graph.Config) { c.Guard = &once{c.Guard, map[string]bool{}} })
	head, _ := w.store.Head(t.Context())
	if a := w.do("admin", "POST", "/v1.0/groups", `{"displayName":"g","mailEnabled":false,"mailNickname":"g","securityEnabled":true}`, nil); a.Code != 403 {
		t.Errorf("a right that was withdrawn still writes: %d %s", a.Code, a.Body)
	}
	if after, _ := w.store.Head(t.Context()); after != head {
		t.Errorf("%d changes were written", after-head)
	}
}

// TestNarrowTokensOnlyRead: an application that the user let read does not get to write in the user's name.
func TestNarrowTokensOnlyRead(t *testing.T) {
	w := start(t, func(c *graph.Config) { c.UsersRegisterApplications = true })
	const newApp = `{"displayName":"x"}`
	for _, c := range []struct {
		scopes string
		writes bool
	}{
		{"", false}, {"User.Read", false}, {"Directory.Read.All User.Read.All", false}, {"user_impersonation", false},
		{"Application.ReadWrite.All", true}, {"directory.accessasuser.all", true},
	} {
		alice := w.callers["alice"]
		alice.Scopes = strings.Fields(c.scopes)
		w.callers["alice"] = alice
		if got := w.do("alice", "GET", "/v1.0/users", "", nil).Code; got != 200 {
			t.Errorf("%q reads: %d", c.scopes, got)
		}
		if got := w.do("alice", "POST", "/v1.0/me/revokeSignInSessions", "", nil).Code; got != 200 {
			t.Errorf("%q ends sessions of its own: %d", c.scopes, got)
		}
		want := 403
		if c.writes {
			want = 201
		}
		if got := w.do("alice", "POST", "/v1.0/applications", newApp, nil).Code; got != want {
			t.Errorf("%q writes: %d, want %d", c.scopes, got, want)
		}
	}
}

// TestDeletedObjectsLeaveNoLinks races links to a user with the user's deletion.
func TestDeletedObjectsLeaveNoLinks(t *testing.T) {
	w := start(t, nil)
	for range 20 {
		u := made(t, w, "/v1.0/users", `{"accountEnabled":true,"displayName":"D","mailNickname":"d","userPrincipalName":"race@contoso.test","passwordProfile":{"password":"Very-s3cret-indeed"}}`).String("id")
		var groups []string
		for range 4 {
			groups = append(groups, made(t, w, "/v1.0/groups", `{"displayName":"g","mailEnabled":false,"mailNickname":"g","securityEnabled":true}`).String("id"))
		}
		var all sync.WaitGroup
		for i, g := range groups {
			all.Go(func() {
				ref := fmt.Sprintf(`{"@odata.id":"%s/v1.0/directoryObjects/%s"}`, baseURL, u)
				if i%2 == 0 {
					w.serve("POST", "/v1.0/groups/"+g+"/members/$ref", ref)
				} else {
					w.serve("PATCH", "/v1.0/groups/"+g, fmt.Sprintf(`{"members@odata.bind":[%q],"owners@odata.bind":[%q]}`, baseURL+"/v1.0/users/"+u, baseURL+"/v1.0/users/"+u))
				}
			})
		}
		all.Go(func() { w.serve("DELETE", "/v1.0/users/"+u, "") })
		all.Wait()
		if links := w.index.Links(gatehouse.MustGUID(u)); len(links) > 0 {
			t.Fatalf("the deleted user is still linked: %v", links)
		}
		for _, g := range groups {
			key := directory.GroupID(gatehouse.MustGUID(g)).Scope()
			if n, err := w.store.Count(context.Background(), store.Query{Type: directory.GroupMemberType, Parent: &key}); n != 0 || err != nil {
				t.Fatalf("%d member documents are left, %v", n, err)
			}
		}
	}
}

// TestApplicationsTakeTheirPrincipalAlong races the making of a service principal with the end of its application.
func TestApplicationsTakeTheirPrincipalAlong(t *testing.T) {
	w := start(t, nil)
	for range 20 {
		app := made(t, w, "/v1.0/applications", `{"displayName":"a"}`)
		var all sync.WaitGroup
		all.Go(func() { w.serve("POST", "/v1.0/servicePrincipals", fmt.Sprintf(`{"appId":%q}`, app.String("appId"))) })
		all.Go(func() { w.serve("PATCH", "/v1.0/applications/"+app.String("id"), `{"displayName":"b"}`) })
		all.Go(func() { w.serve("DELETE", "/v1.0/applications/"+app.String("id"), "") })
		all.Wait()
		if sp, ok := w.index.ServicePrincipalByAppID(gatehouse.MustGUID(app.String("appId"))); ok {
			t.Fatalf("the service principal %s has no application", sp)
		}
	}
}

// TestOneNameOneWinner lets many create the same user principal name and service principal at once.
func TestOneNameOneWinner(t *testing.T) {
	w := start(t, nil)
	app := made(t, w, "/v1.0/applications", `{"displayName":"a"}`).String("appId")
	for path, body := range map[string]string{
		"/v1.0/users":             `{"accountEnabled":true,"displayName":"D","mailNickname":"d","userPrincipalName":"one@contoso.test","passwordProfile":{"password":"Very-s3cret-indeed"}}`,
		"/v1.0/servicePrincipals": fmt.Sprintf(`{"appId":%q}`, app),
	} {
		var mu sync.Mutex
		codes := map[int]int{}
		var all sync.WaitGroup
		for range 12 {
			all.Go(func() {
				code := w.serve("POST", path, body)
				mu.Lock()
				codes[code]++
				mu.Unlock()
			})
		}
		all.Wait()
		if codes[201] != 1 || codes[201]+codes[400]+codes[409] != 12 {
			t.Errorf("%s: %v", path, codes)
		}
	}
}

// TestRegistration is Entra's default, switched on: users register applications and own them.
func TestRegistration(t *testing.T) {
	w := start(t, func(c *graph.Config) { c.UsersRegisterApplications = true })
	a := w.do("alice", "POST", "/v1.0/applications", `{"displayName":"mine"}`, nil)
	o, err := jsondoc.ParseObject(a.Body.Bytes())
	if must(t, err); a.Code != 201 {
		t.Fatal(a.Code, a.Body)
	}
	other := made(t, w, "/v1.0/applications", `{"displayName":"not alice's"}`)
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1.0/servicePrincipals", fmt.Sprintf(`{"appId":%q}`, o.String("appId")), 201},
		{"POST", "/v1.0/servicePrincipals", fmt.Sprintf(`{"appId":%q}`, other.String("appId")), 403},
		{"POST", "/v1.0/applications/" + o.String("id") + "/addPassword", `{}`, 200},
		{"POST", "/v1.0/applications/" + other.String("id") + "/addPassword", `{}`, 403},
		{"PATCH", "/v1.0/applications/" + other.String("id"), `{}`, 403},
		{"DELETE", "/v1.0/applications/" + o.String("id"), ``, 204},
		{"POST", "/v1.0/users", `{}`, 403},
		{"POST", "/v1.0/groups", `{}`, 403},
	} {
		if got := w.do("alice", step.method, step.path, step.body, nil); got.Code != step.want {
			t.Errorf("%s %s: %d %s, want %d", step.method, step.path, got.Code, got.Body, step.want)
		}
	}
}

// FuzzHandler: whatever is asked, nothing crashes and nothing fails inside.
func FuzzHandler(f *testing.F) {
	f.Add("GET", "/v1.0/users", "$filter=displayName eq 'x'&$top=5", "")
	f.Add("POST", "/beta/groups", "", `{"displayName":"x","mailEnabled":false,"mailNickname":"x","securityEnabled":true,"members@odata.bind":["https://x/users/1"]}`)
	f.Add("PATCH", "/v1.0/applications(appId='x')", "", `{"keyCredentials":[{"key":"x"}],"web":{"redirectUris":["x"]}}`)
	f.Add("POST", "/v1.0/directoryObjects/getByIds", "", `{"ids":["x"],"types":[1]}`)
	f.Add("POST", "/v1.0/$batch", "", `{"requests":[{"id":"1","method":"GET","url":"/users?$orderby=id"}]}`)
	f.Add("DELETE", "/v1.0/me/microsoft.graph.user", "", "")
	w := start(f, nil)
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		for _, r := range method {
			if r < 'A' || r > 'Z' {
				return
			}
		}
		u := &url.URL{Path: "/" + path, RawQuery: query}
		r, err := http.NewRequest(method, u.String(), strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Authorization", "Bearer admin")
		a := newRecorder()
		w.handler.ServeHTTP(a, r)
		if a.Code >= 500 || a.Code < 200 {
			t.Fatalf("%s %s: %d %s", method, u, a.Code, a.Body)
		}
	})
}
