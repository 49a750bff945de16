package entra

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

const arm = publicURL + "/.default"

func TestClientSecret(t *testing.T) {
	w := newWorld(t)
	id := pipelineID.String()
	for _, c := range []struct {
		name   string
		fields []string
		status int
		code   int
		kind   string
	}{
		{"right", []string{"client_id", id, "client_secret", w.secret, "scope", arm}, 200, 0, ""},
		{"upper case id, Go's extra scopes, unknown fields", []string{"client_id", strings.ToUpper(id), "client_secret", w.secret, "scope", arm + " openid offline_access profile", "x-client-SKU", "msal.js.node", "claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`}, 200, 0, ""},
		{"public ARM id", []string{"client_id", id, "client_secret", w.secret, "scope", "https://management.azure.com/.default"}, 200, 0, ""},
		{"public Graph id", []string{"client_id", id, "client_secret", w.secret, "scope", "https://graph.microsoft.com/.default"}, 200, 0, ""},
		{"wrong secret", []string{"client_id", id, "client_secret", "nope", "scope", arm}, 401, 7000215, "invalid_client"},
		{"expired secret", []string{"client_id", id, "client_secret", "old-secret", "scope", arm}, 401, 7000222, "invalid_client"},
		{"no secret", []string{"client_id", id, "scope", arm}, 401, 7000218, "invalid_client"},
		{"unknown application", []string{"client_id", guid(200).String(), "client_secret", "x", "scope", arm}, 400, 700016, "unauthorized_client"},
		{"not an id", []string{"client_id", "pipeline", "client_secret", "x", "scope", arm}, 400, 700016, "unauthorized_client"},
		{"no service principal", []string{"client_id", orphanID.String(), "client_secret", "x", "scope", arm}, 400, 7000229, "unauthorized_client"},
		{"disabled", []string{"client_id", disabledID.String(), "client_secret", "x", "scope", arm}, 400, 7000112, "unauthorized_client"},
		{"public client with secret", []string{"client_id", azureCLI.ID.String(), "client_secret", "x", "scope", arm}, 401, 700025, "invalid_client"},
		{"no scope", []string{"client_id", id, "client_secret", w.secret}, 400, 900144, "invalid_request"},
		{"no client", []string{"client_secret", w.secret, "scope", arm}, 400, 900144, "invalid_request"},
		{"unknown resource", []string{"client_id", id, "client_secret", w.secret, "scope", "https://elsewhere.test/.default"}, 400, 500011, "invalid_resource"},
		{"not .default", []string{"client_id", id, "client_secret", w.secret, "scope", publicURL + "/user_impersonation"}, 400, 1002012, "invalid_scope"},
		{"only openid", []string{"client_id", id, "client_secret", w.secret, "scope", "openid profile"}, 400, 1002012, "invalid_scope"},
		{"two resources", []string{"client_id", id, "client_secret", w.secret, "scope", arm + " https://graph.microsoft.com/.default"}, 400, 28000, "invalid_scope"},
		{"a permission that sounds smaller than it is", []string{"client_id", id, "client_secret", w.secret, "scope", "https://management.azure.com/Things.Read"}, 400, 70011, "invalid_scope"},
		{"resource without permission", []string{"client_id", id, "client_secret", w.secret, "scope", "https://gatehouse.test:8443"}, 400, 70011, "invalid_scope"},
		{"both secret and assertion", []string{"client_id", id, "client_secret", w.secret, "client_assertion", "a.b.c", "scope", arm}, 400, 9002313, "invalid_request"},
		{"managed identity has no secret", []string{"client_id", identityID.String(), "client_secret", "x", "scope", arm}, 401, 7000215, "invalid_client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.token(append([]string{"grant_type", "client_credentials"}, c.fields...)...)
			if a.status != c.status || a.code() != c.code || a.str("error") != c.kind {
				t.Fatalf("answered %d %s %d: %s", a.status, a.str("error"), a.code(), a.text)
			}
			if strings.Contains(a.text, w.secret) {
				t.Error("the answer repeats the secret")
			}
		})
	}
	if strings.Contains(w.log.String(), w.secret) || strings.Contains(strings.Join(w.signIns(), "\n"), w.secret) {
		t.Error("the log holds the secret")
	}
}

func TestErrorShape(t *testing.T) {
	w := newWorld(t)
	r := postForm("/"+tid+"/oauth2/v2.0/token", "grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", "x", "scope", arm)
	r.Header.Set("client-request-id", guid(7).String())
	a := w.do(r)
	for _, name := range []string{"error", "error_description", "timestamp", "trace_id", "correlation_id"} {
		if a.str(name) == "" {
			t.Errorf("%s is missing: %s", name, a.text)
		}
	}
	if !strings.HasPrefix(a.str("error_description"), "AADSTS7000215: Invalid client secret provided") || a.str("correlation_id") != guid(7).String() {
		t.Errorf("answered %s", a.text)
	}
	if a.header.Get("Cache-Control") == "" || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("headers %v", a.header)
	}
}

func TestWireFaults(t *testing.T) {
	w := newWorld(t)
	path := "/" + tid + "/oauth2/v2.0/token"
	big := postForm(path, "grant_type", strings.Repeat("x", formMax+1))
	double := httptest.NewRequest("POST", publicURL+path, strings.NewReader("grant_type=password&grant_type=client_credentials"))
	double.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	bad := httptest.NewRequest("POST", publicURL+path, strings.NewReader("grant_type=%zz"))
	bad.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	asJSON := httptest.NewRequest("POST", publicURL+path, strings.NewReader("{}"))
	asJSON.Header.Set("Content-Type", "application/json")
	for _, c := range []struct {
		name         string
		r            *http.Request
		status, code int
	}{
		{"no grant", postForm(path), 400, 900144},
		{"unknown grant", postForm(path, "grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), 400, 70003},
		{"unknown tenant", postForm("/" + guid(9).String() + "/oauth2/v2.0/token"), 400, 90002},
		{"too big", big, 413, 90023}, {"duplicate", double, 400, 9000411}, {"bad encoding", bad, 400, 90023},
		{"JSON", asJSON, 400, 900144},
		{"GET", httptest.NewRequest("GET", publicURL+path, nil), 405, 900561},
	} {
		if a := w.do(c.r); a.status != c.status || a.code() != c.code {
			t.Errorf("%s: answered %d %d: %s", c.name, a.status, a.code(), a.text)
		}
	}
}

// Every spelling of tenant and path that a client has been seen to use.
func TestTokenPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/" + tid + "/oauth2/v2.0/token", "//" + tid + "//oauth2/v2.0/token", "/" + strings.ToUpper(tid) + "/OAuth2/v2.0/Token",
		"/common/oauth2/v2.0/token", "/organizations/oauth2/v2.0/token", "/adfs/oauth2/token", "/adfs/oauth2/v2.0/token", "/contoso.test/oauth2/v2.0/token",
	} {
		if !w.s.Owns(path) {
			t.Errorf("Owns(%s) is false", path)
		}
		r := postForm(path, "grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "scope", arm)
		if a := w.do(r); a.status != 200 {
			t.Errorf("%s answered %d %s", path, a.status, a.text)
		}
	}
	for _, path := range []string{"/subscriptions/x/providers/y", "/v1.0/oauth2PermissionGrants", "/v1.0/users/oauth2", "/tenants", "/", "/providers/Microsoft.Authorization/roleDefinitions", "/metadata/identity/oauth2/token"} {
		if w.s.Owns(path) {
			t.Errorf("Owns(%s) is true", path)
		}
	}
}

func TestVersion1Endpoint(t *testing.T) {
	w := newWorld(t)
	r := postForm("/"+tid+"/oauth2/token", "grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "resource", publicURL+"/")
	a := w.do(r)
	if a.status != 200 || a.str("resource") != publicURL+"/" || a.str("expires_in") != "4500" || a.str("expires_on") == "" {
		t.Fatalf("answered %s", a.text)
	}
	if aud := claimsOf(t, a.str("access_token"))["aud"]; aud != publicURL+"/" {
		t.Errorf("aud is %v", aud)
	}
}

func TestBasicHeader(t *testing.T) {
	w := newWorld(t)
	r := postForm("/"+tid+"/oauth2/v2.0/token", "grant_type", "client_credentials", "scope", arm)
	r.SetBasicAuth(pipelineID.String(), strings.ReplaceAll(w.secret, "~", "%7E"))
	if a := w.do(r); a.status != 200 {
		t.Errorf("answered %d %s", a.status, a.text)
	}
	r = postForm("/"+tid+"/oauth2/v2.0/token", "grant_type", "client_credentials", "scope", arm, "client_secret", w.secret)
	r.SetBasicAuth(pipelineID.String(), w.secret)
	if a := w.do(r); a.code() != 9000411 {
		t.Errorf("two ways at once answered %d %s", a.status, a.text)
	}
}

func TestAudiences(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ scope, aud, ver string }{
		{publicURL + "/.default", publicURL, "1.0"},
		{publicURL + "//.default", publicURL + "/", "1.0"}, // az's double slash
		{"https://management.core.windows.net//.default", "https://management.core.windows.net/", "1.0"},
		{"https://management.azure.com/.default", "https://management.azure.com", "1.0"},
		{"api://orders/.default", apiID.String(), "2.0"},
		{"api://" + apiID.String() + "/.default", apiID.String(), "2.0"},
		{apiID.String() + "/.default", apiID.String(), "2.0"},
		{"api://" + pipelineID.String() + "/.default", "api://" + pipelineID.String(), "1.0"},
	} {
		a := w.token("grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "scope", c.scope)
		if a.status != 200 {
			t.Errorf("%s answered %s", c.scope, a.text)
			continue
		}
		got := claimsOf(t, a.str("access_token"))
		if got["aud"] != c.aud || got["ver"] != c.ver {
			t.Errorf("%s gave aud %v ver %v", c.scope, got["aud"], got["ver"])
		}
	}
}

func TestApplicationClaims(t *testing.T) {
	w := newWorld(t)
	a := w.token("grant_type", "client_credentials", "client_id", pipelineID.String(), "client_secret", w.secret, "scope", arm)
	got := claimsOf(t, a.str("access_token"))
	for name, want := range map[string]any{
		"iss": publicURL + "/" + tid + "/v2.0", "tid": tid, "oid": pipelineSP.String(), "sub": pipelineSP.String(), "appid": pipelineID.String(),
		"idtyp": "app", "appidacr": "1", "aud": publicURL, "exp": got["iat"].(float64) + 4500, "gatehouse_method": "secret",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["scp"] != nil || got["uti"] == "" || a.json["refresh_token"] != nil || a.json["expires_in"] != 4500.0 || a.str("token_type") != "Bearer" {
		t.Errorf("claims %v of %s", got, a.text)
	}
}

func TestPasswordGrant(t *testing.T) {
	w := newWorld(t)
	az := azureCLI.ID.String()
	for _, c := range []struct {
		name, user, word string
		status, code     int
	}{
		{"right, any casing", "ada@CONTOSO.test", goodWord, 200, 0},
		{"wrong password", "ada@contoso.test", "nope", 400, 50126},
		{"unknown user", "nobody@contoso.test", goodWord, 400, 50126},
		{"disabled", "off@contoso.test", goodWord, 400, 50057},
		{"disabled, wrong password", "off@contoso.test", "nope", 400, 50126},
		{"has to change", "new@contoso.test", goodWord, 400, 50055},
		{"no password", "ada@contoso.test", "", 400, 900144},
	} {
		a := w.token("grant_type", "password", "client_id", az, "username", c.user, "password", c.word, "scope", arm+" offline_access openid profile", "client_info", "1")
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: answered %d %d: %s", c.name, a.status, a.code(), a.text)
		}
	}
	if a := w.token("grant_type", "password", "client_id", pipelineID.String(), "username", "ada@contoso.test", "password", goodWord, "scope", arm); a.code() != 7000218 {
		t.Errorf("a confidential client without secret answered %s", a.text)
	}
	log := strings.Join(w.signIns(), "\n") + w.log.String()
	if strings.Contains(log, goodWord) || strings.Contains(log, "nobody") {
		t.Errorf("the log says too much: %s", log)
	}
	if w.s.UnknownSignIns() != 1 {
		t.Errorf("%d unknown sign-ins", w.s.UnknownSignIns())
	}
}

func (w *world) signInAda(scope string) answer {
	w.t.Helper()
	a := w.token("grant_type", "password", "client_id", azureCLI.ID.String(), "username", "ada@contoso.test", "password", goodWord, "scope", scope, "client_info", "1")
	if a.status != 200 {
		w.t.Fatalf("sign-in answered %s", a.text)
	}
	return a
}

func TestUserTokens(t *testing.T) {
	w := newWorld(t)
	a := w.signInAda(publicURL + "//.default offline_access openid profile")
	if got := a.str("scope"); got != publicURL+"//.default openid profile "+publicURL+"//user_impersonation" {
		t.Errorf("scope is %q", got)
	}
	if a.str("client_info") == "" || a.str("refresh_token") == "" {
		t.Errorf("answer %s", a.text)
	}
	access, id := claimsOf(t, a.str("access_token")), claimsOf(t, a.str("id_token"))
	for name, want := range map[string]any{"oid": ada.String(), "upn": "Ada@contoso.test", "unique_name": "Ada@contoso.test", "name": "Ada Lovelace", "idtyp": "user", "appid": azureCLI.ID.String(), "appidacr": "0", "aud": publicURL + "/"} {
		if access[name] != want {
			t.Errorf("access token: %s is %v, want %v", name, access[name], want)
		}
	}
	scp := " " + access["scp"].(string) + " "
	if !strings.Contains(scp, " openid ") || !strings.Contains(scp, " user_impersonation ") {
		t.Errorf("scp is %q", scp)
	}
	for name, want := range map[string]any{"aud": azureCLI.ID.String(), "preferred_username": "Ada@contoso.test", "tid": tid, "oid": ada.String(), "iss": w.s.Issuer(), "name": "Ada Lovelace", "ver": "2.0"} {
		if id[name] != want {
			t.Errorf("ID token: %s is %v, want %v", name, id[name], want)
		}
	}
	if _, err := w.s.Authenticate(t.Context(), a.str("id_token"), azureCLI.ID.String(), publicURL); err == nil {
		t.Error("an ID token was taken for an access token")
	}
}

func TestSmartLockout(t *testing.T) {
	w := newWorld(t)
	try := func(word, from string) answer {
		r := postForm("/"+tid+"/oauth2/v2.0/token", "grant_type", "password", "client_id", azureCLI.ID.String(), "username", "ada@contoso.test", "password", word, "scope", arm)
		r.RemoteAddr = from + ":1234"
		return w.do(r)
	}
	for range 15 {
		if a := try("the same wrong one", "192.0.2.1"); a.code() != 50126 {
			t.Fatalf("repeating one wrong password answered %d", a.code())
		}
	}
	locked := 0
	for i := range 12 {
		if try("guess "+string(rune('a'+i)), "192.0.2.1").code() == 50053 {
			locked++
		}
	}
	if locked == 0 {
		t.Fatal("twelve guesses did not lock")
	}
	if a := try(goodWord, "192.0.2.1"); a.code() != 50053 {
		t.Errorf("the right password while locked answered %d", a.code())
	}
	if a := try(goodWord, "192.0.2.2"); a.status != 200 {
		t.Errorf("the user at another address is locked out: %s", a.text)
	}
	w.clock.advance(2 * time.Minute)
	if a := try(goodWord, "192.0.2.1"); a.status != 200 {
		t.Errorf("after the pause: %s", a.text)
	}
	if a := try(goodWord, "192.0.2.1"); a.status != 200 {
		t.Errorf("and once more: %s", a.text)
	}
}

func TestRefreshRotatesAndDetectsReuse(t *testing.T) {
	w := newWorld(t)
	az := azureCLI.ID.String()
	redeem := func(token string) answer {
		return w.token("grant_type", "refresh_token", "client_id", az, "refresh_token", token, "scope", arm+" offline_access openid profile")
	}
	first := w.signInAda(arm + " offline_access").str("refresh_token")
	a := redeem(first)
	second := a.str("refresh_token")
	if a.status != 200 || second == "" || second == first {
		t.Fatalf("answered %s", a.text)
	}
	// Two az at once redeem the same cached token.
	parallel := redeem(first)
	if parallel.status != 200 {
		t.Fatalf("within the grace: %s", parallel.text)
	}
	w.clock.advance(10 * time.Minute)
	third := redeem(second).str("refresh_token")
	if third == "" {
		t.Fatal("the chain broke")
	}
	if a := redeem(first); a.code() != 50173 || a.str("error") != "invalid_grant" {
		t.Errorf("reuse answered %d %s", a.status, a.text)
	}
	for name, token := range map[string]string{"newest": third, "parallel": parallel.str("refresh_token"), "spent within its grace": second} {
		if a := redeem(token); a.status != 400 {
			t.Errorf("%s survived the end of its family: %s", name, a.text)
		}
	}
	if a := redeem("1.invented"); a.code() != 70008 {
		t.Errorf("an invented token answered %s", a.text)
	}
}

func TestRefreshBelongsToItsClientAndUser(t *testing.T) {
	w := newWorld(t)
	token := w.signInAda(arm + " offline_access").str("refresh_token")
	redeem := func(client string) answer {
		return w.token("grant_type", "refresh_token", "client_id", client, "refresh_token", token)
	}
	if a := redeem(powerShell.ID.String()); a.str("error") != "invalid_grant" {
		t.Errorf("another client's token: %s", a.text)
	}
	a := redeem(azureCLI.ID.String())
	if a.status != 200 || claimsOf(t, a.str("access_token"))["aud"] != publicURL {
		t.Fatalf("without scope: %s", a.text)
	}
	token = a.str("refresh_token")
	w.setUser(ada, func(u map[string]any) {
		u["signInSessionsValidFromDateTime"] = w.clock.Now().Add(time.Second).Format(time.RFC3339Nano)
	})
	if a := redeem(azureCLI.ID.String()); a.code() != 50173 {
		t.Errorf("after revokeSignInSessions: %s", a.text)
	}
	w.setUser(ada, func(u map[string]any) {
		delete(u, "signInSessionsValidFromDateTime")
		u["accountEnabled"] = false
	})
	w.clock.advance(time.Second)
	token = func() string {
		w.setUser(ada, func(u map[string]any) { u["accountEnabled"] = true })
		return w.signInAda(arm + " offline_access").str("refresh_token")
	}()
	w.setUser(ada, func(u map[string]any) { u["accountEnabled"] = false })
	if a := redeem(azureCLI.ID.String()); a.code() != 50057 {
		t.Errorf("of a disabled user: %s", a.text)
	}
	if _, _, err := w.s.Issue(t.Context(), ada, "", "cli"); gatehouse.KindOf(err) != gatehouse.Forbidden {
		t.Errorf("Issue for a disabled user: %v", err)
	}
}

// A scope of Graph, or none, gives a token that does not open ARM, although the
// server's URL stands for both.
func TestGraphScopesDoNotOpenARM(t *testing.T) {
	w := newWorld(t)
	for scope, opens := range map[string]bool{
		"openid profile": false, "User.Read": false, publicURL + "/User.Read": false, "https://graph.microsoft.com/.default": false,
		publicURL + "/.default": true, publicURL + "/user_impersonation": true, publicURL + "//.default": true,
	} {
		token := w.signInAda(scope).str("access_token")
		if _, err := w.s.Authenticate(t.Context(), token, w.s.ARMAudiences()...); (err == nil) != opens {
			t.Errorf("%s at ARM: %v", scope, err)
		}
		if _, err := w.s.Authenticate(t.Context(), token, w.s.GraphAudiences()...); err != nil {
			t.Errorf("%s at Graph: %v", scope, err)
		}
	}
}

// deadlines notes until when a body may take.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return nil
}

// Who has not signed in yet is not waited for long.
func TestFormsArriveSoon(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest("POST", "/"+w.s.tenant+"/oauth2/v2.0/token", strings.NewReader("grant_type=none"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	d := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	w.s.Handler().ServeHTTP(d, r)
	if len(d.set) != 2 || time.Until(d.set[0]) > time.Minute || !d.set[1].IsZero() {
		t.Errorf("deadlines for the form: %v", d.set)
	}
}
