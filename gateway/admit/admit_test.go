package admit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"gatehouse"
)

var ada = gatehouse.MustGUID("00000000-0000-4000-8000-000000000001")

// authority knows the token "good" of ada, and lets her do what may says.
type authority struct {
	may     bool
	down    bool
	deny    gatehouse.GUID
	foreign string // a token of another identity provider
}

func (a *authority) Authenticate(_ context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	switch {
	case a.down:
		return nil, errors.New("connection refused at 10.0.0.7")
	case bearer != "good" || !slices.Contains(audiences, "api://x"):
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "The access token is invalid.")
	}
	return &gatehouse.Caller{ID: ada, Type: gatehouse.User, Name: "ada@contoso.test", TokenID: "t1"}, nil
}

func (a *authority) Foreign(_ context.Context, bearer string, by *Foreign) (*gatehouse.Caller, error) {
	if a.foreign == "" || bearer != a.foreign || by.Setting != "/rolechecks/default" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "InvalidAuthenticationToken", "The access token is invalid.")
	}
	return &gatehouse.Caller{ID: ada, Type: gatehouse.ServicePrincipal, Name: "robot", Method: "federated", Issuer: by.Issuers[0]}, nil
}

func (a *authority) Certificate(_ context.Context, leaf *x509.Certificate) (*gatehouse.Caller, error) {
	if leaf.Subject.CommonName != "robot" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "x", "Nobody registered the certificate.")
	}
	return &gatehouse.Caller{ID: ada, Type: gatehouse.ServicePrincipal, Name: "robot"}, nil
}

func (a *authority) Decide(_ context.Context, _ *gatehouse.Caller, action string, _ gatehouse.ID) (gatehouse.Decision, error) {
	if !a.may || action != "read" {
		return gatehouse.Decision{Deny: a.deny}, gatehouse.Errorf(gatehouse.Forbidden, "AuthorizationFailed", "ada may not read.")
	}
	return gatehouse.Decision{Allowed: true}, nil
}

func signIn(t testing.TB, token string) *SignIn {
	s, err := NewSignIn(SignInConfig{Authorize: "https://login/authorize", Token: token, SignOut: "https://login/logout", ClientID: "gw", Audience: "api://x", Secret: []byte(strings.Repeat("k", 32))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func request(method, target string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func cookie(t testing.TB, s *SignIn, host, token string) string {
	text, err := s.now.Load().sealed(sessionCookie, host, session{token})
	if err != nil {
		t.Fatal(err)
	}
	return sessionCookie + "=" + text
}

func outcome(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return http.StatusText(r.Status) + " " + r.Reason
	}
	return "passes"
}

func TestAdmit(t *testing.T) {
	s := signIn(t, "")
	good, page := "Bearer good", []string{"Accept", "text/html", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "none"}
	mine := cookie(t, s, "api.test", "good")
	withPage := func(h ...string) []string { return append(slices.Clone(page), h...) }
	for _, c := range []struct {
		name    string
		method  string
		headers []string
		a       authority
		change  func(*Check)
		want    string
	}{
		{"bearer", "GET", []string{"Authorization", good}, authority{may: true}, nil, "passes"},
		{"scheme in another case", "GET", []string{"Authorization", "bearer good"}, authority{may: true}, nil, "passes"},
		{"nothing", "GET", nil, authority{may: true}, nil, "Unauthorized IdentityNotFound"},
		{"empty bearer", "GET", []string{"Authorization", "Bearer "}, authority{may: true}, nil, "Unauthorized IdentityInvalid"},
		{"bad bearer", "GET", []string{"Authorization", "Bearer bad"}, authority{may: true}, nil, "Unauthorized IdentityInvalid"},
		{"bad bearer beside a good session", "GET", withPage("Authorization", "Bearer bad", "Cookie", mine), authority{may: true}, nil, "Unauthorized IdentityInvalid"},
		{"two tokens", "GET", []string{"Authorization", good, "Authorization", good}, authority{may: true}, nil, "Unauthorized IdentityInvalid"},
		{"another scheme", "GET", []string{"Authorization", "Basic good"}, authority{may: true}, nil, "Unauthorized IdentityNotFound"},
		{"another audience", "GET", []string{"Authorization", good}, authority{may: true}, func(c *Check) { c.Audiences = []string{"api://y"} }, "Unauthorized IdentityInvalid"},
		{"own header", "GET", []string{"X-Token", "good"}, authority{may: true}, func(c *Check) { c.Header = "X-Token" }, "passes"},
		{"own header with scheme", "GET", []string{"X-Token", good}, authority{may: true}, func(c *Check) { c.Header = "X-Token" }, "passes"},
		{"no role", "GET", []string{"Authorization", good}, authority{}, nil, "Forbidden RoleAssignmentNotFound"},
		{"denied", "GET", []string{"Authorization", good}, authority{deny: ada}, nil, "Forbidden DenyAssignmentFound"},
		{"other action", "GET", []string{"Authorization", good}, authority{may: true}, func(c *Check) { c.Action = "invoke" }, "Forbidden RoleAssignmentNotFound"},
		{"authority is away", "GET", []string{"Authorization", good}, authority{down: true}, nil, "Service Unavailable AuthorityUnavailable"},
		{"session", "GET", withPage("Cookie", mine), authority{may: true}, nil, "passes"},
		{"session where there is no sign-in", "GET", withPage("Cookie", mine), authority{may: true}, func(c *Check) { c.SignIn = false }, "Unauthorized IdentityNotFound"},
		{"session of another host", "GET", withPage("Cookie", cookie(t, s, "other.test", "good")), authority{may: true}, nil, "Unauthorized IdentityNotFound"},
		{"session of an ended token", "GET", withPage("Cookie", cookie(t, s, "api.test", "old")), authority{may: true}, nil, "Unauthorized IdentityInvalid"},
		{"forged session", "GET", withPage("Cookie", sessionCookie+"=AAAA"), authority{may: true}, nil, "Unauthorized IdentityNotFound"},
		{"link from elsewhere", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Cookie", mine}, authority{may: true}, nil, "passes"},
		{"image from elsewhere", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"form from elsewhere", "POST", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"form of a sister site", "POST", []string{"Sec-Fetch-Site", "same-site", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"own form", "POST", []string{"Sec-Fetch-Site", "same-origin", "Cookie", mine}, authority{may: true}, nil, "passes"},
		{"form of an old browser", "POST", []string{"Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"own form of an old browser", "POST", []string{"Origin", "https://api.test", "Cookie", mine}, authority{may: true}, nil, "passes"},
		{"foreign form of an old browser", "POST", []string{"Origin", "https://evil.test", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"opaque origin", "POST", []string{"Origin", "null", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"foreign socket", "GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "websocket", "Upgrade", "websocket", "Cookie", mine}, authority{may: true}, nil, "Forbidden CrossSiteRequest"},
		{"own socket", "GET", []string{"Sec-Fetch-Site", "same-origin", "Upgrade", "websocket", "Cookie", mine}, authority{may: true}, nil, "passes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := &Check{Enforce: true, Audiences: []string{"api://x"}, SignIn: true, Action: "read"}
			if c.change != nil {
				c.change(check)
			}
			g := New(Config{Authority: &c.a, SignIn: s, AuthorizationURI: "https://login"})
			r := request(c.method, "https://api.test/a", c.headers...)
			a, err := g.Admit(r, check)
			if got := outcome(err); got != c.want {
				t.Fatalf("%s, want %s", got, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "10.0.0.7") {
				t.Error("the refusal tells of the inside")
			}
			if err == nil && a.Caller == nil {
				t.Error("nobody passed")
			}
			check.Enforce = false
			a, err = g.Admit(r, check)
			if err != nil || (a.Would == nil) != (c.want == "passes") {
				t.Errorf("audit: %v, would %v", err, a.Would)
			}
		})
	}
}

// TestForeign: a token goes to whom its issuer names, and to nobody else.
func TestForeign(t *testing.T) {
	const other = "https://other.test"
	of := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	token := of(`{"iss":"` + other + `"}`)
	check := &Check{Enforce: true, Audiences: []string{"api://x"}, Action: "read", Foreign: &Foreign{Setting: "/rolechecks/default", Issuers: []string{other}}}
	g := New(Config{Authority: &authority{may: true, foreign: token}})
	for bearer, want := range map[string]string{
		token: "passes", "good": "passes", of(`{"iss":"https://evil.test"}`): "Unauthorized IdentityInvalid", of(`{"iss":"` + other + `","iss":"x"}`): "Unauthorized IdentityInvalid",
		of(`{"iss":["` + other + `"]}`): "Unauthorized IdentityInvalid", token + ".a.b": "Unauthorized IdentityInvalid", of(`{}`): "Unauthorized IdentityInvalid",
	} {
		a, err := g.Admit(request("GET", "https://api.test/", "Authorization", "Bearer "+bearer), check)
		if outcome(err) != want || a.Lends() != (bearer == token) {
			t.Errorf("%s: %s, lends %v", bearer, outcome(err), a.Lends())
		}
	}
	check.Foreign = nil
	if _, err := g.Admit(request("GET", "https://api.test/", "Authorization", "Bearer "+token), check); outcome(err) != "Unauthorized IdentityInvalid" {
		t.Error("nobody is named:", outcome(err))
	}
}

func TestCertificate(t *testing.T) {
	g := New(Config{Authority: &authority{may: true}})
	for name, want := range map[string]string{"robot": "passes", "else": "Unauthorized IdentityInvalid"} {
		leaf := &x509.Certificate{}
		leaf.Subject.CommonName = name
		r := request("GET", "https://api.test/a")
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
		if _, err := g.Admit(r, &Check{Enforce: true, Certificates: true, Action: "read"}); outcome(err) != want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := g.Admit(r, &Check{Enforce: true, Action: "read"}); outcome(err) != "Unauthorized IdentityNotFound" {
			t.Errorf("%s where certificates do not count: %v", name, err)
		}
	}
}

// TestSignIn goes all the way: to the identity provider, back, through with the session, and out.
func TestSignIn(t *testing.T) {
	var form url.Values
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		form = r.PostForm
		_, _ = io.WriteString(w, `{"access_token":"good"}`)
	}))
	defer provider.Close()
	s := signIn(t, provider.URL)
	begin := httptest.NewRecorder()
	s.ServeHTTP(begin, request("GET", "https://api.test"+SignInPath+"?back=/orders%3Fx=1"))
	to, _ := url.Parse(begin.Header().Get("Location"))
	q := to.Query()
	if begin.Code != 302 || q.Get("redirect_uri") != "https://api.test/.gatehouse/callback" || q.Get("code_challenge_method") != "S256" {
		t.Fatal(begin.Code, to)
	}
	back := func(state string, cookies []*http.Cookie, extra string) *httptest.ResponseRecorder {
		r := request("GET", "https://api.test"+CallbackPath+"?code=c&state="+state+extra)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	cookies := begin.Result().Cookies()
	if c := cookies[0]; !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v", c)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"no cookie": back(q.Get("state"), nil, ""), "another state": back(q.Get("state")[:8]+"zzz", cookies, ""), "short": back("x", cookies, ""),
	} {
		if w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if w := back(q.Get("state"), cookies, "&error=access_denied"); w.Code != http.StatusForbidden {
		t.Errorf("refused: %d", w.Code)
	}
	done := back(q.Get("state"), cookies, "")
	if done.Code != http.StatusSeeOther || done.Header().Get("Location") != "/orders?x=1" || form.Get("code") != "c" {
		t.Fatal(done.Code, done.Header(), form)
	}
	r := request("GET", "https://api.test/orders", "Sec-Fetch-Site", "same-origin")
	for _, c := range done.Result().Cookies() {
		if c.Name == sessionCookie {
			r.AddCookie(c)
		}
	}
	g := New(Config{Authority: &authority{may: true}, SignIn: s})
	if a, err := g.Admit(r, &Check{Enforce: true, SignIn: true, Audiences: []string{"api://x"}, Action: "read"}); err != nil || a.Via != "session" {
		t.Error(a, err)
	}
	s.now.Load().cfg.Now = func() time.Time { return time.Now().Add(time.Hour) }
	if w := back(q.Get("state"), cookies, ""); w.Code != http.StatusBadRequest {
		t.Errorf("an hour later: %d", w.Code)
	}
	out := httptest.NewRecorder()
	s.ServeHTTP(out, request("GET", "https://api.test"+SignOutPath, "Sec-Fetch-Site", "same-origin"))
	if out.Code != http.StatusSeeOther || out.Result().Cookies()[0].MaxAge >= 0 {
		t.Error(out.Code, out.Result().Cookies())
	}
	out = httptest.NewRecorder()
	s.ServeHTTP(out, request("GET", "https://api.test"+SignOutPath, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"))
	if out.Code != http.StatusForbidden {
		t.Error("another site signs people out", out.Code)
	}
	out = httptest.NewRecorder()
	s.ServeHTTP(out, request("GET", "https://api.test"+SignOutPath, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"))
	if out.Code != http.StatusForbidden {
		t.Error("a link of another site signs people out", out.Code)
	}
}

// TestSignInLater: while nobody said how browsers sign in, none is let in and none is sent anywhere; afterwards all is as usual.
func TestSignInLater(t *testing.T) {
	known, s := signIn(t, "https://login/token"), &SignIn{}
	g := New(Config{Authority: &authority{may: true}, SignIn: s})
	check := &Check{Enforce: true, SignIn: true, Audiences: []string{"api://x"}, Action: "read"}
	page := func() *http.Request {
		return request("GET", "https://api.test/orders", "Cookie", cookie(t, known, "api.test", "good"), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Site", "same-origin")
	}
	if _, err := g.Admit(page(), check); outcome(err) != "Service Unavailable AuthorityUnavailable" {
		t.Error("a session:", outcome(err))
	}
	for _, path := range []string{SignInPath, CallbackPath + "?code=c&state=12345678", SignOutPath} {
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, request("GET", "https://api.test"+path)); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || len(w.Result().Cookies()) > 0 {
			t.Error(path, w.Code, w.Header())
		}
	}
	if err := s.Set(SignInConfig{Secret: []byte("short")}); err == nil || s.ready() {
		t.Error("a short secret will do")
	}
	if err := s.Set(known.now.Load().cfg); err != nil {
		t.Fatal(err)
	}
	if a, err := g.Admit(page(), check); err != nil || a.Via != "session" {
		t.Error("a session, after all:", a, err)
	}
}

func TestOwnPath(t *testing.T) {
	for in, want := range map[string]string{
		"/a?b=c": "/a?b=c", "": "/", "//evil.test": "/", "/\\evil.test": "/", "https://evil.test": "/", "/%2F/x": "/%2F/x", "a": "/",
		"/\r\nSet-Cookie: x": "/", "/\t/evil": "/", CallbackPath: "/", "/" + strings.Repeat("a", 3000): "/",
	} {
		if got := ownPath(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestSigner(t *testing.T) {
	now := time.Now()
	s, err := NewSigner("https://gw", nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"X-Gatehouse-Principal-Id": {"forged"}}
	a := &Admission{Caller: &gatehouse.Caller{ID: ada, Name: "ada\r\nX: é", Type: gatehouse.User}, Via: "bearer"}
	if err := s.Sign(h, a, "backend.test"); err != nil {
		t.Fatal(err)
	}
	first := h.Get(AssertionHeader)
	_ = s.Sign(h, a, "backend.test")
	if h.Get(AssertionHeader) != first {
		t.Error("made twice within a moment")
	}
	now = now.Add(2 * time.Minute)
	_ = s.Sign(h, a, "backend.test")
	if h.Get(AssertionHeader) == first {
		t.Error("not made anew")
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, nil)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(w.Body.Bytes(), &keys); err != nil || !keys.Keys[0].IsPublic() {
		t.Fatal(err, w.Body)
	}
	token, err := jwt.ParseSigned(first, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Iss string `json:"iss"`
		Aud string `json:"aud"`
		Oid string `json:"oid"`
	}
	if err := token.Claims(keys.Keys[0].Key, &claims); err != nil || claims.Iss != "https://gw" || claims.Aud != "backend.test" || claims.Oid != ada.String() {
		t.Error(claims, err)
	}
	// Two operations are two assertions, each for the one that the right was found at.
	told := map[string]bool{first: true}
	for _, resource := range []string{"/subscriptions/00000000-0000-0000-0000-000000000001", "/subscriptions/00000000-0000-0000-0000-000000000002"} {
		a.Resource = gatehouse.MustID(resource)
		_ = s.Sign(h, a, "backend.test")
		var said struct {
			Resource string `json:"resource"`
		}
		one, err := jwt.ParseSigned(h.Get(AssertionHeader), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil || one.Claims(keys.Keys[0].Key, &said) != nil || said.Resource != resource || told[h.Get(AssertionHeader)] {
			t.Error(said, err)
		}
		told[h.Get(AssertionHeader)] = true
	}
	if strings.ContainsAny(h.Get(principalName), "\r\n") {
		t.Error("a name breaks the header")
	}
	if err := s.Sign(h, &Admission{}, "x"); err != nil {
		t.Error(err)
	}
}

// TestForwardCertificate: the certificate on a question is that of the proxy, which is not whom it asks about.
func TestForwardCertificate(t *testing.T) {
	f := &ForwardAuth{Gate: New(Config{Authority: &authority{may: true}}), Find: func(*http.Request) (*Check, bool) {
		return &Check{Enforce: true, Certificates: true, Action: "read"}, true
	}}
	r := request("GET", "https://gw.test"+ForwardAuthPath+"/orders")
	leaf := &x509.Certificate{}
	leaf.Subject.CommonName = "robot"
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized {
		t.Error(w.Code, w.Header())
	}
}

func TestForwardAuth(t *testing.T) {
	s := signIn(t, "")
	signer, err := NewSigner("https://gw", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var found call
	f := &ForwardAuth{Gate: New(Config{Authority: &authority{may: true}, SignIn: s}), SignIn: s, Signer: signer, Find: func(r *http.Request) (*Check, bool) {
		found = call{r.Host, r.Method, r.URL.RequestURI()}
		action := "read"
		if r.Method == "POST" || r.Header.Get("X-Http-Method-Override") == "DELETE" {
			action = "invoke"
		}
		return &Check{Enforce: true, SignIn: true, Audiences: []string{"api://x"}, Action: action}, strings.HasPrefix(r.URL.Path, "/orders")
	}}
	good := []string{"Authorization", "Bearer good"}
	for _, c := range []struct {
		name    string
		target  string
		headers []string
		status  int
		asked   call
	}{
		{"Traefik", ForwardAuthPath, append([]string{"X-Forwarded-Method", "PUT", "X-Forwarded-Host", "shop.test", "X-Forwarded-Uri", "/orders?x=1"}, good...), 200, call{"shop.test", "PUT", "/orders?x=1"}},
		{"nginx", ForwardAuthPath, append([]string{"X-Original-Method", "GET", "X-Original-Url", "https://shop.test/orders/7?x"}, good...), 200, call{"shop.test", "GET", "/orders/7?x"}},
		{"nginx by path", ForwardAuthPath, append([]string{"X-Original-Uri", "/orders", "X-Original-Method", "GET"}, good...), 200, call{"gw.test", "GET", "/orders"}},
		{"Envoy", ForwardAuthPath + "/orders/7?x=1", good, 200, call{"gw.test", "GET", "/orders/7?x=1"}},
		{"no right to write", ForwardAuthPath, append([]string{"X-Forwarded-Method", "POST", "X-Forwarded-Uri", "/orders"}, good...), 403, call{"gw.test", "POST", "/orders"}},
		{"no API", ForwardAuthPath, append([]string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/other"}, good...), 403, call{"gw.test", "GET", "/other"}},
		{"nobody", ForwardAuthPath, []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders"}, 401, call{"gw.test", "GET", "/orders"}},
		{"a browser behind Traefik", ForwardAuthPath, []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders", "Accept", "text/html"}, 302, call{"gw.test", "GET", "/orders"}},
		{"a browser behind nginx", ForwardAuthPath, []string{"X-Original-Method", "GET", "X-Original-Uri", "/orders", "Accept", "text/html"}, 401, call{"gw.test", "GET", "/orders"}},
		{"forged identity", ForwardAuthPath, []string{"X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders", "X-Gatehouse-Principal-Id", ada.String(), AssertionHeader, "x"}, 401, call{"gw.test", "GET", "/orders"}},
		// What clients add to what their proxy says.
		{"another path through nginx", ForwardAuthPath, append([]string{"X-Original-Uri", "/secret", "X-Original-Method", "GET", "X-Forwarded-Uri", "/orders", "X-Forwarded-Method", "GET"}, good...), 403, call{}},
		{"another path through Traefik", ForwardAuthPath, append([]string{"X-Forwarded-Uri", "/secret", "X-Forwarded-Method", "GET", "X-Original-Url", "https://gw.test/orders"}, good...), 403, call{}},
		{"another path through Envoy", ForwardAuthPath + "/secret", append([]string{"X-Forwarded-Uri", "/orders", "X-Forwarded-Method", "GET"}, good...), 403, call{}},
		{"two paths", ForwardAuthPath, append([]string{"X-Forwarded-Uri", "/orders", "X-Forwarded-Uri", "/secret", "X-Forwarded-Method", "GET"}, good...), 403, call{}},
		{"two paths, one spelled oddly", ForwardAuthPath, append([]string{"X-Original-Uri", "/orders", "X-Original-Method", "GET", "X_Original_Uri", "/secret"}, good...), 403, call{}},
		{"another method, spelled oddly", ForwardAuthPath, append([]string{"X-Original-Uri", "/orders", "X-Original-Method", "GET", "X_HTTP_Method_Override", "DELETE"}, good...), 403, call{"gw.test", "GET", "/orders"}},
		{"no path", ForwardAuthPath, good, 403, call{}},
		{"no method", ForwardAuthPath, append([]string{"X-Original-Uri", "/orders"}, good...), 403, call{}},
		{"two methods", ForwardAuthPath, append([]string{"X-Original-Uri", "/orders", "X-Original-Method", "GET", "X-Original-Method", "POST"}, good...), 403, call{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			found = call{}
			f.ServeHTTP(w, request("GET", "https://gw.test"+c.target, c.headers...))
			if w.Code != c.status || found != c.asked {
				t.Errorf("%d %s, asked %v", w.Code, w.Body, found)
			}
			if (w.Header().Get(AssertionHeader) != "") != (w.Code == 200) {
				t.Error("assertion:", w.Header())
			}
		})
	}
}

// TestForwardAuthNobody: an answer that lets nobody in particular pass says so, or a proxy would pass on whom the client claims to be.
func TestForwardAuthNobody(t *testing.T) {
	f := &ForwardAuth{Gate: New(Config{Authority: &authority{}}), Find: func(*http.Request) (*Check, bool) { return &Check{Action: "read"}, true }}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, request("GET", "https://gw.test"+ForwardAuthPath, "X-Forwarded-Method", "GET", "X-Forwarded-Uri", "/orders", "X-Gatehouse-Principal-Id", ada.String()))
	for _, name := range []string{AssertionHeader, principalID, principalName} {
		if v, there := w.Header()[name]; w.Code != 200 || !there || v[0] != "" {
			t.Error(w.Code, name, v)
		}
	}
}
