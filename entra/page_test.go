package entra

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

// surfer is a browser without scripts: it keeps cookies and sends forms with
// their hidden fields.
type surfer struct {
	w       *world
	cookies map[string]string
	page    string
	header  http.Header
	status  int
}

func (w *world) surfer() *surfer { return &surfer{w: w, cookies: map[string]string{}} }

func (b *surfer) send(r *http.Request) {
	b.w.t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	rec := httptest.NewRecorder()
	b.w.s.Handler().ServeHTTP(rec, r)
	for _, c := range rec.Result().Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite == http.SameSiteNoneMode || c.SameSite == http.SameSiteDefaultMode {
			b.w.t.Errorf("cookie %v", c)
		}
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	b.page, b.header, b.status = rec.Body.String(), rec.Header(), rec.Code
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
		b.checkPage()
	}
}

// checkPage holds every page to the same rules.
func (b *surfer) checkPage() {
	b.w.t.Helper()
	csp := b.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		b.w.t.Errorf("policy %q", csp)
	}
	for _, bad := range []string{"<style", "style=", "onclick", "javascript:", "ZgotmplZ"} {
		if strings.Contains(b.page, bad) {
			b.w.t.Errorf("the page holds %s:\n%s", bad, b.page)
		}
	}
	for _, m := range regexp.MustCompile(`<input ([^>]*)>`).FindAllStringSubmatch(b.page, -1) {
		if strings.Contains(m[1], `type="hidden"`) {
			continue
		}
		id := regexp.MustCompile(`id="([^"]+)"`).FindStringSubmatch(m[1])
		if id == nil || !strings.Contains(b.page, `<label for="`+id[1]+`"`) {
			b.w.t.Errorf("an input without a label: %s", m[1])
		}
	}
	if !strings.Contains(b.page, `<html lang="en">`) || strings.Count(b.page, "<h1>") != 1 || !strings.Contains(b.page, "<title>") {
		b.w.t.Errorf("page:\n%s", b.page)
	}
}

func (b *surfer) open(path string) {
	b.w.t.Helper()
	b.send(httptest.NewRequest("GET", publicURL+path, nil))
}

// submit sends the page's form.
func (b *surfer) submit(step string, fields ...string) {
	b.w.t.Helper()
	action := regexp.MustCompile(`<form method="post" action="([^"]+)"`).FindStringSubmatch(b.page)
	if action == nil {
		b.w.t.Fatalf("no form on:\n%s", b.page)
	}
	all := []string{"step", step}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(b.page, -1) {
		all = append(all, m[1], html.UnescapeString(m[2]))
	}
	b.send(postForm(html.UnescapeString(action[1]), append(all, fields...)...))
}

func (b *surfer) says(text string) {
	b.w.t.Helper()
	if !strings.Contains(html.UnescapeString(b.page), text) {
		b.w.t.Fatalf("the page does not say %q (status %d):\n%s", text, b.status, b.page)
	}
}

// sentTo returns the parameters that the browser is sent back with.
func (b *surfer) sentTo(prefix string) url.Values {
	b.w.t.Helper()
	to := b.header.Get("Location")
	if b.status != http.StatusSeeOther || !strings.HasPrefix(to, prefix) {
		b.w.t.Fatalf("sent %d to %q, want %s:\n%s", b.status, to, prefix, b.page)
	}
	u, err := url.Parse(to)
	if err != nil {
		b.w.t.Fatal(err)
	}
	if u.Fragment != "" {
		v, _ := url.ParseQuery(u.Fragment)
		return v
	}
	return u.Query()
}

const verifier = "a-verifier-of-more-than-forty-three-characters-0123456789"

func authorizeURL(client gatehouse.GUID, redirect string, more ...string) string {
	sum := sha256.Sum256([]byte(verifier))
	v := url.Values{"client_id": {client.String()}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {arm + " openid profile offline_access"},
		"state": {"the state"}, "nonce": {"n-1"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(more); i += 2 {
		if v.Set(more[i], more[i+1]); more[i+1] == "" {
			v.Del(more[i])
		}
	}
	return "/organizations/oauth2/v2.0/authorize?" + v.Encode()
}

func TestAuthorizationCode(t *testing.T) {
	w := newWorld(t)
	const back = "http://localhost:41234"
	b := w.surfer()
	b.open(authorizeURL(azureCLI.ID, back, "prompt", "select_account", "login_hint", "ada@contoso.test"))
	b.says("Microsoft Azure CLI")
	if !strings.Contains(b.header.Get("Content-Security-Policy"), "form-action 'self' http://localhost:41234;") {
		t.Errorf("policy %q", b.header.Get("Content-Security-Policy"))
	}
	if !strings.Contains(b.page, `value="ada@contoso.test"`) {
		t.Error("the hint is not filled in")
	}
	b.submit("signin", "username", "ada@contoso.test", "password", "wrong")
	b.says("not right")
	b.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	got := b.sentTo(back + "?")
	if got.Get("state") != "the state" || got.Get("code") == "" {
		t.Fatalf("sent back %v", got)
	}
	redeem := func(more ...string) answer {
		return w.token(append([]string{"grant_type", "authorization_code", "client_id", azureCLI.ID.String(), "code", got.Get("code"), "client_info", "1"}, more...)...)
	}
	for _, c := range []struct {
		more []string
		code int
	}{
		{[]string{"redirect_uri", back}, 900144},
		{[]string{"redirect_uri", back, "code_verifier", "wrong"}, 501481},
		{[]string{"redirect_uri", "http://localhost:41235", "code_verifier", verifier}, 500112},
	} {
		if a := redeem(c.more...); a.code() != c.code {
			t.Errorf("%v answered %s", c.more, a.text)
		}
	}
	a := redeem("redirect_uri", back, "code_verifier", verifier)
	if a.status != 200 || claimsOf(t, a.str("id_token"))["nonce"] != "n-1" || a.str("refresh_token") == "" {
		t.Fatalf("answered %s", a.text)
	}
	if again := redeem("redirect_uri", back, "code_verifier", verifier); again.code() != 54005 {
		t.Errorf("a second time: %s", again.text)
	}
	if r := w.token("grant_type", "refresh_token", "client_id", azureCLI.ID.String(), "refresh_token", a.str("refresh_token")); r.status != 400 {
		t.Errorf("the refresh token of a code used twice lives: %s", r.text)
	}
	if a := w.token("grant_type", "authorization_code", "client_id", azureCLI.ID.String(), "code", "x", "redirect_uri", back); a.code() != 70008 {
		t.Errorf("an invented code: %s", a.text)
	}
	w.signedInAlready(b, back)
}

// signedInAlready goes on in a browser that has a session.
func (w *world) signedInAlready(b *surfer, back string) {
	t := w.t
	b.open(authorizeURL(azureCLI.ID, back))
	b.sentTo(back)
	b.open(authorizeURL(azureCLI.ID, back, "prompt", "none", "response_mode", "fragment"))
	if b.sentTo(back+"#").Get("code") == "" {
		t.Error("a silent request got no code")
	}
	b.open(authorizeURL(azureCLI.ID, back, "prompt", "login"))
	b.says("Password")
	b.open(authorizeURL(azureCLI.ID, back, "login_hint", "other@contoso.test"))
	b.says("Password")
	b.open(authorizeURL(azureCLI.ID, back, "prompt", "select_account"))
	b.says("Continue as Ada@contoso.test")
	b.submit("other")
	b.says("Password")
	b.open(authorizeURL(azureCLI.ID, back, "prompt", "select_account", "response_mode", "form_post"))
	b.submit("continue")
	if !strings.Contains(b.page, `action="`+back+`"`) || !strings.Contains(b.page, `name="code"`) || !strings.Contains(b.page, "Continue</button>") {
		t.Errorf("form_post page:\n%s", b.page)
	}
	fresh := w.surfer()
	fresh.open(authorizeURL(azureCLI.ID, back, "prompt", "none"))
	if got := fresh.sentTo(back); got.Get("error") != "login_required" {
		t.Errorf("silent without a session: %v", got)
	}
	w.setUser(ada, func(u map[string]any) {
		u["signInSessionsValidFromDateTime"] = w.clock.Now().Add(time.Second).Format(time.RFC3339)
	})
	b.open(authorizeURL(azureCLI.ID, back))
	b.says("Password")
}

func TestAuthorizeRefusals(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name, path, says string
	}{
		{"unknown application", authorizeURL(guid(200), "http://localhost"), "AADSTS700016"},
		{"foreign address", authorizeURL(azureCLI.ID, "https://evil.test"), "AADSTS50011"},
		{"loopback over https", authorizeURL(azureCLI.ID, "https://localhost:1"), "AADSTS50011"},
		{"look-alike", authorizeURL(azureCLI.ID, "http://localhost.evil.test:1"), "AADSTS50011"},
		{"user part", authorizeURL(azureCLI.ID, "http://localhost:1@evil.test"), "AADSTS50011"},
		{"no address", authorizeURL(azureCLI.ID, ""), "AADSTS900144"},
		{"registered address and more", authorizeURL(webID, "https://web.test/cb/more"), "AADSTS50011"},
		{"registered address, other case", authorizeURL(webID, "https://web.test/CB"), "AADSTS50011"},
		{"native path differs", authorizeURL(nativeID, "http://localhost:1/other"), "AADSTS50011"},
		{"fragment", authorizeURL(webID, "https://web.test/cb#x"), "AADSTS50011"},
		{"duplicate", authorizeURL(azureCLI.ID, "http://localhost") + "&scope=x", "AADSTS9000411"},
		{"disabled application", authorizeURL(disabledID, "https://x.test"), "AADSTS7000112"},
		{"managed identity", authorizeURL(identityID, "http://localhost"), "AADSTS50011"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := w.surfer()
			b.open(c.path)
			b.says(c.says)
			if b.header.Get("Location") != "" {
				t.Errorf("sent to %s", b.header.Get("Location"))
			}
		})
	}
	for _, c := range []struct{ name, path, want string }{
		{"implicit", authorizeURL(azureCLI.ID, "http://localhost:1", "response_type", "token"), "unsupported_response_type"},
		{"no PKCE", authorizeURL(azureCLI.ID, "http://localhost:1", "code_challenge", ""), "invalid_request"},
		{"plain PKCE", authorizeURL(azureCLI.ID, "http://localhost:1", "code_challenge_method", "plain"), "invalid_request"},
		{"response mode", authorizeURL(azureCLI.ID, "http://localhost:1", "response_mode", "web_message"), "invalid_request"},
		{"resource", authorizeURL(azureCLI.ID, "http://localhost:1", "scope", "https://elsewhere.test/.default"), "invalid_resource"},
	} {
		b := w.surfer()
		b.open(c.path)
		if got := b.sentTo("http://localhost:1"); got.Get("error") != c.want || got.Get("state") != "the state" || !strings.HasPrefix(got.Get("error_description"), "AADSTS") {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Registered applications ask once; web ones have to authenticate, browser ones
// redeem from their origin only.
func TestRegisteredApplications(t *testing.T) {
	w := newWorld(t)
	b := w.surfer()
	b.open(authorizeURL(nativeID, "http://localhost:7777/back"))
	b.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	b.says("Allow this application?")
	b.says(nativeID.String())
	silent := authorizeURL(nativeID, "http://localhost:7777/back", "prompt", "none")
	keep := *b
	b.open(silent)
	if got := b.sentTo("http://localhost:7777/back"); got.Get("error") != "consent_required" {
		t.Errorf("silent before consent: %v", got)
	}
	b.page = keep.page
	b.submit("cancel")
	if got := b.sentTo("http://localhost:7777/back"); got.Get("error") != "access_denied" {
		t.Errorf("cancelled: %v", got)
	}
	b.page = keep.page
	b.submit("allow")
	b.sentTo("http://localhost:7777/back")
	b.open(silent)
	if b.sentTo("http://localhost:7777/back").Get("code") == "" {
		t.Error("consent is not remembered")
	}
	b.open(authorizeURL(nativeID, "msal42://auth"))
	b.sentTo("msal42://auth?")

	b.open(authorizeURL(webID, "https://web.test/cb?x=1", "code_challenge", "", "code_challenge_method", ""))
	b.submit("allow")
	got := b.sentTo("https://web.test/cb?x=1&")
	a := w.token("grant_type", "authorization_code", "client_id", webID.String(), "code", got.Get("code"), "redirect_uri", "https://web.test/cb?x=1")
	if a.code() != 7000218 {
		t.Errorf("a web application without its secret: %s", a.text)
	}

	b.open(authorizeURL(spaID, "https://spa.test/app", "response_mode", "fragment"))
	b.submit("allow")
	got = b.sentTo("https://spa.test/app#")
	redeem := func(origin string) answer {
		r := postForm("/"+tid+"/oauth2/v2.0/token", "grant_type", "authorization_code", "client_id", spaID.String(), "code", got.Get("code"), "redirect_uri", "https://spa.test/app", "code_verifier", verifier)
		r.Header.Set("Origin", origin)
		return w.do(r)
	}
	if a := redeem("https://evil.test"); a.code() != 9002327 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %s", a.text)
	}
	if a := redeem("https://spa.test"); a.status != 200 || a.header.Get("Access-Control-Allow-Origin") != "https://spa.test" {
		t.Errorf("its origin: %v %s", a.header, a.text)
	}
}

// What a user allowed for one resource is not a way to another.
func TestConsentBoundsRefreshTokens(t *testing.T) {
	w := newWorld(t)
	b := w.surfer()
	b.open(authorizeURL(nativeID, "http://localhost:1/back", "scope", "api://orders/Read offline_access"))
	b.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	b.says("api://orders/Read")
	b.submit("allow")
	a := w.token("grant_type", "authorization_code", "client_id", nativeID.String(), "code", b.sentTo("http://localhost:1").Get("code"), "redirect_uri", "http://localhost:1/back", "code_verifier", verifier)
	if a.status != 200 || claimsOf(t, a.str("access_token"))["scp"] != "Read openid" {
		t.Fatal(a.text)
	}
	redeem := func(scope string) answer {
		return w.token("grant_type", "refresh_token", "client_id", nativeID.String(), "refresh_token", a.str("refresh_token"), "scope", scope)
	}
	for _, scope := range []string{arm, "https://graph.microsoft.com/.default", "api://orders/Write", "api://orders/.default", "https://management.azure.com/user_impersonation"} {
		if r := redeem(scope); r.code() != 65001 {
			t.Errorf("%s: %s", scope, r.text)
		}
	}
	if r := redeem("api://orders/Read openid"); r.status != 200 {
		t.Errorf("what was allowed: %s", r.text)
	}
}

func TestForms(t *testing.T) {
	w := newWorld(t)
	b := w.surfer()
	b.open(authorizeURL(azureCLI.ID, "http://localhost:1"))
	page := b.page
	stranger := w.surfer() // a form shown to somebody else
	stranger.page = page
	stranger.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	if stranger.status != http.StatusForbidden {
		t.Errorf("another browser's form answered %d", stranger.status)
	}
	action := "/organizations/oauth2/v2.0/authorize"
	for _, header := range []string{"Sec-Fetch-Site", "Origin"} {
		r := postForm(action, "step", "signin", "form", formDigest(b.cookies["__Host-gatehouse-form-8443"]), "request", "x", "username", "ada@contoso.test", "password", goodWord)
		r.Header.Set(header, map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}[header])
		if b.send(r); b.status != http.StatusForbidden {
			t.Errorf("a form from elsewhere by %s answered %d", header, b.status)
		}
	}
	r := postForm(action, "step", "signin", "request", "x")
	if b.send(r); b.status != http.StatusForbidden {
		t.Errorf("a form without its token answered %d", b.status)
	}
}

func TestChangePassword(t *testing.T) {
	w := newWorld(t)
	b := w.surfer()
	b.open(authorizeURL(azureCLI.ID, "http://localhost:1"))
	b.submit("signin", "username", "new@contoso.test", "password", goodWord)
	b.says("Choose a new password")
	for _, c := range []struct{ fresh, again, says string }{
		{"Another word 2", "Another word 3", "differ"}, {goodWord, goodWord, "the old one"}, {"weak", "weak", "complexity"},
	} {
		b.submit("newpassword", "password", goodWord, "new", c.fresh, "again", c.again)
		b.says(c.says)
	}
	b.submit("newpassword", "password", goodWord, "new", "Another word 2", "again", "Another word 2")
	b.sentTo("http://localhost:1")
	for word, code := range map[string]int{goodWord: 50126, "Another word 2": 0} {
		if a := w.token("grant_type", "password", "client_id", azureCLI.ID.String(), "username", "new@contoso.test", "password", word, "scope", arm); a.code() != code {
			t.Errorf("%s: %s", word, a.text)
		}
	}
}

func TestLogout(t *testing.T) {
	w := newWorld(t)
	b := w.surfer()
	b.open(authorizeURL(azureCLI.ID, "http://localhost:1"))
	b.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	stolen := b.cookies["__Host-gatehouse-session-8443"]
	b.open("/common/oauth2/v2.0/logout?client_id=" + webID.String() + "&post_logout_redirect_uri=" + url.QueryEscape("https://web.test/cb") + "&state=s")
	b.says("Sign out")
	b.submit("logout")
	if b.header.Get("Location") != "https://web.test/cb?state=s" {
		t.Errorf("sent to %q", b.header.Get("Location"))
	}
	b.cookies["__Host-gatehouse-session-8443"] = stolen
	b.open(authorizeURL(azureCLI.ID, "http://localhost:1"))
	b.says("Password")
	b.open("/common/oauth2/v2.0/logout?client_id=" + webID.String() + "&post_logout_redirect_uri=" + url.QueryEscape("https://evil.test"))
	b.says("signed out")
}

func (w *world) startDevice() answer {
	w.t.Helper()
	a := w.do(postForm("/organizations/oauth2/v2.0/devicecode", "client_id", azureCLI.ID.String(), "scope", publicURL+"//.default offline_access openid profile"))
	if a.status != 200 {
		w.t.Fatal(a.text)
	}
	return a
}

// poll asks as az does: no scope, the code twice.
func (w *world) poll(code string) answer {
	return w.token("grant_type", grantDevice, "client_id", azureCLI.ID.String(), "device_code", code, "code", code, "client_info", "1")
}

func TestDeviceCode(t *testing.T) {
	w := newWorld(t)
	d := w.startDevice()
	user, code := d.str("user_code"), d.str("device_code")
	if d.str("verification_uri") != publicURL+"/devicelogin" || d.json["expires_in"] != 900.0 || d.json["interval"] != 5.0 ||
		d.str("message") != "To sign in, use a web browser to open the page "+publicURL+"/devicelogin and enter the code "+user+" to authenticate." {
		t.Errorf("answered %s", d.text)
	}
	if a := w.poll(code); a.code() != 70016 || a.str("error") != "authorization_pending" || a.status != 400 {
		t.Errorf("pending: %s", a.text)
	}
	b := w.surfer()
	b.open("/devicelogin")
	b.submit("code", "request", "WRONGCODE")
	b.says("not right")
	b.submit("code", "request", strings.ToLower(user[:4]+" "+user[4:]))
	b.says("Password")
	b.submit("signin", "username", "ada@contoso.test", "password", goodWord)
	b.says("Microsoft Azure CLI")
	b.says("Ada@contoso.test")
	if a := w.poll(code); a.code() != 70016 {
		t.Errorf("before the confirmation: %s", a.text)
	}
	b.submit("approve")
	b.says("You have signed in")
	a := w.poll(code)
	if a.status != 200 || a.str("refresh_token") == "" || claimsOf(t, a.str("access_token"))["aud"] != publicURL+"/" || !strings.Contains(a.str("scope"), publicURL+"//.default") {
		t.Fatalf("answered %s", a.text)
	}
	if a := w.poll(code); a.str("error") != "bad_verification_code" {
		t.Errorf("a second time: %s", a.text)
	}
	b.open("/devicelogin")
	b.submit("code", "request", user)
	b.says("not right")

	d = w.startDevice() // a browser with a session; declined
	b.open("/devicelogin?otc=" + d.str("user_code"))
	b.submit("code", "request", d.str("user_code"))
	b.says("Is this you?")
	b.submit("cancel")
	b.says("declined")
	if a := w.poll(d.str("device_code")); a.str("error") != "authorization_declined" {
		t.Errorf("declined: %s", a.text)
	}

	d = w.startDevice()
	w.clock.advance(16 * time.Minute)
	if a := w.poll(d.str("device_code")); a.code() != 70019 || a.str("error") != "expired_token" {
		t.Errorf("expired: %s", a.text)
	}
	if a := w.poll("invented"); a.code() != 70018 {
		t.Errorf("invented: %s", a.text)
	}
}

func TestDeviceCodeGuesses(t *testing.T) {
	w := newWorld(t)
	d := w.startDevice()
	b := w.surfer()
	for range 10 {
		b.open("/devicelogin")
		b.submit("code", "request", "BBBBBBBBB")
		b.says("not right")
	}
	b.open("/devicelogin")
	b.submit("code", "request", d.str("user_code"))
	b.says("Too many wrong codes")
	w.clock.advance(11 * time.Minute)
	b.open("/devicelogin")
	b.submit("code", "request", d.str("user_code"))
	b.says("Password")
	other := w.token("grant_type", grantDevice, "client_id", powerShell.ID.String(), "device_code", d.str("device_code"))
	if other.str("error") != "invalid_grant" {
		t.Errorf("another client's code: %s", other.text)
	}
}

func TestAssets(t *testing.T) {
	w := newWorld(t)
	for path, kind := range map[string]string{"/signin/style.css": "text/css", "/signin/post.js": "text/javascript"} {
		if a := w.get(path); a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), kind) || a.text == "" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
	}
}
