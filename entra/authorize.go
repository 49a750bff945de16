package entra

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/directory"
	"gatehouse/store"
)

const (
	codeLifetime    = 10 * time.Minute
	consentLifetime = 365 * 24 * time.Hour
	ticketConsent   = "consent"
)

// authorization is a checked authorize request.
type authorization struct {
	raw       string // the query it came in, which the forms carry on
	client    *client
	redirect  string
	platform  platform
	mode      string
	state     string
	nonce     string
	challenge string
	prompt    []string
	hint      string
	info      bool // client_info was asked for
	asked     asked
}

// serveAuthorize is the authorization endpoint: it signs the user in on a page and
// sends a code back to the application.
func (s *Server) serveAuthorize(w http.ResponseWriter, r *http.Request) {
	f, err := s.readPage(w, r)
	if err != nil {
		s.showFault(w, r, err)
		return
	}
	step := f.get("step")
	query := r.URL.RawQuery
	switch {
	case step != "":
		if err := s.checkForm(r); err != nil {
			s.showFault(w, r, err)
			return
		}
		query = f.get("request")
	case r.Method == http.MethodPost:
		query = f.values.Encode() // OpenID Connect lets applications post the request
	}
	a, back, err := s.checkAuthorize(r, f, query)
	switch {
	case err != nil && back:
		s.sendBack(w, r, a, faultFields(err))
	case err != nil:
		s.showFault(w, r, err)
	default:
		if err := s.authorize(w, r, f, a, step); err != nil {
			s.sendBack(w, r, a, faultFields(err))
		}
	}
}

// checkAuthorize reads and checks a request. Until client and redirect URI are
// known to belong together an error is shown here and never sent on; back tells which.
func (s *Server) checkAuthorize(r *http.Request, f form, query string) (a *authorization, back bool, err error) {
	values, err := url.ParseQuery(query)
	if err != nil || len(query) > formMax {
		return nil, false, fault(invalidRequest, 90023, "The request is not valid form encoding.")
	}
	for name, all := range values {
		if len(all) > 1 {
			return nil, false, fault(invalidRequest, 9000411, "The request is not properly formatted. The parameter '%s' is duplicated.", clip(name))
		}
	}
	f.values = values
	a = &authorization{raw: query, redirect: f.get("redirect_uri"), mode: f.get("response_mode"), state: f.get("state"), nonce: f.get("nonce"),
		challenge: f.get("code_challenge"), prompt: strings.Fields(f.get("prompt")), hint: f.get("login_hint"), info: f.get("client_info") == "1"}
	if a.client, err = s.identify(r.Context(), f); err != nil {
		return nil, false, err
	}
	if a.redirect == "" {
		return nil, false, missing("redirect_uri")
	}
	if a.platform = a.client.redirect(a.redirect); a.platform == unregistered {
		return nil, false, fault(invalidRequest, 50011, "The redirect URI '%s' specified in the request does not match the redirect URIs configured for the application '%s'. "+
			"Make sure the redirect URI sent in the request matches one added to your application.", clip(a.redirect), a.client.id)
	}
	if a.mode == "" {
		a.mode = "query"
	}
	if !slices.Contains([]string{"query", "fragment", "form_post"}, a.mode) {
		a.mode = "query"
		return a, true, fault(invalidRequest, 70007, "'response_mode' has to be query, fragment or form_post.")
	}
	f.v1 = !strings.Contains(clean(r.URL.Path), "/v2.0/")
	return a, true, s.checkAuthorizeRest(r, f, a)
}

func (s *Server) checkAuthorizeRest(r *http.Request, f form, a *authorization) (err error) {
	if f.get("response_type") != "code" {
		return fault(unsupportedResponse, 700054, "response_type '%s' is not enabled for the application. Use code.", clip(f.get("response_type")))
	}
	if method := f.get("code_challenge_method"); a.challenge != "" && method != "S256" || len(a.challenge) > 128 {
		return fault(invalidRequest, 501491, "Invalid size or method of code_challenge: send a SHA-256 challenge with code_challenge_method=S256.")
	}
	if a.challenge == "" && a.platform != web {
		return fault(invalidRequest, 9002325, "Proof Key for Code Exchange is required for cross-origin authorization code redemption and for public clients.")
	}
	a.asked, err = s.parseTarget(r.Context(), f)
	return err
}

// authorize goes on to the next page, or back to the application with a code.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, f form, a *authorization, step string) error {
	p := page{Title: "Sign in", Action: r.URL.Path, Request: a.raw, App: a.client.name, User: a.hint, formTo: a.origin()}
	asks := func(prompt string) bool { return step == "" && slices.Contains(a.prompt, prompt) }
	user, v, err := s.browserSession(r)
	if err != nil {
		return err
	}
	switch step {
	case "cancel":
		return fault("access_denied", 65004, "User declined to consent to access the app.")
	case "other":
		user, p.User = nil, ""
	case "signin", "newpassword":
		if user, v, err = s.signInStep(w, r, f, a.client.id, p); err != nil || user == nil {
			return err
		}
	}
	silent := asks("none")
	if user != nil && a.hint != "" && !strings.EqualFold(a.hint, user.Name) && step == "" {
		user = nil // another one is signed in than the application expects
	}
	switch {
	case silent && user == nil:
		return fault(loginRequired, 50058, "A silent sign-in request was sent but no user is signed in.")
	case user == nil, asks("login"):
		s.show(w, r, "signin", p)
		return nil
	case asks("select_account"):
		p.Title, p.User = "Pick an account", user.Name
		s.show(w, r, "account", p)
		return nil
	}
	p.User = user.Name
	agreed, err := s.consented(w, r, a, user, p, step, silent || !asks("consent"))
	if err != nil || !agreed {
		return err
	}
	return s.sendCode(w, r, a, user, v)
}

// consented reports whether the user lets the application act for them. First-party
// ones need no asking; others ask once for each set of permissions.
func (s *Server) consented(w http.ResponseWriter, r *http.Request, a *authorization, user *directory.Principal, p page, step string, remembered bool) (bool, error) {
	if a.client.known != nil {
		return true, nil
	}
	key := consentKey(user, a.client, a.asked)
	if step == "allow" {
		return true, s.store.PutTicket(r.Context(), store.Ticket{Kind: ticketConsent, Key: key, Owner: user.ID.String(), Value: []byte("1"), Expires: s.now().Add(consentLifetime)})
	}
	if remembered {
		_, err := s.store.Ticket(r.Context(), ticketConsent, key)
		if err == nil || !isNotFound(err) {
			return err == nil, err
		}
	}
	if slices.Contains(a.prompt, "none") {
		return false, fault("consent_required", 65001, "The user has not consented to use the application with ID '%s' named '%s'. Send an interactive authorization request for this user and resource.", a.client.id, a.client.name)
	}
	p.Title, p.AppID, p.Target, p.Scopes = "Allow this application?", a.client.id.String(), a.redirect, a.asked.echo
	if len(p.Scopes) == 0 {
		p.Scopes = []string{a.asked.resource.audience}
	}
	s.show(w, r, "consent", p)
	return false, nil
}

func consentKey(user *directory.Principal, c *client, a asked) string {
	names := slices.Clone(a.names)
	slices.Sort(names)
	return strings.Join([]string{user.ID.String(), c.id.String(), foldAudience(a.resource.audience), strings.Join(names, " ")}, "\x00")
}

// mayAsk reports whether a refresh token that was given for one thing may be
// redeemed for another: always by first-party clients (az asks for ARM and Graph
// with one token), by others for what the user has allowed.
func (s *Server) mayAsk(ctx context.Context, c *client, v session, a asked) error {
	if c.known != nil {
		return nil
	}
	granted, err := s.parseScope(ctx, v.Scope)
	if err == nil && a.within(granted) {
		return nil
	}
	if user, ok := s.dir.Principal(v.User); ok {
		_, err = s.store.Ticket(ctx, ticketConsent, consentKey(user, c, a))
		if err == nil {
			return nil
		}
		if !isNotFound(err) {
			return err
		}
	}
	return fault(invalidGrant, 65001, "The user has not consented to use the application with ID '%s' named '%s' for this. Send an interactive authorization request for this user and resource.", c.id, c.name)
}

// sendCode ends the page: the application gets a code, good once and for ten minutes.
func (s *Server) sendCode(w http.ResponseWriter, r *http.Request, a *authorization, user *directory.Principal, v session) error {
	now, code := s.now(), "1."+newID(40)
	t, err := session{
		User: user.ID, Client: a.client.id, Method: "code", Scope: a.asked.text, SignedIn: v.SignedIn, Issued: now, Expires: now.Add(codeLifetime),
		Family: newID(16), Browser: a.platform == browser, Redirect: a.redirect, Challenge: a.challenge, Nonce: a.nonce,
		Secret: a.platform == web, Refresh: a.asked.offline,
	}.ticket(ticketCode, code, "", now.Add(codeLifetime))
	if err != nil {
		return err
	}
	if err := s.store.PutTicket(r.Context(), t); err != nil {
		return err
	}
	fields := map[string]string{"code": code, "session_state": newID(16)}
	if a.info {
		info, err := json.Marshal(map[string]string{"uid": user.ID.String(), "utid": s.tenant})
		if err != nil {
			return err
		}
		fields["client_info"] = base64.RawURLEncoding.EncodeToString(info)
	}
	s.sendBack(w, r, a, fields)
	return nil
}

func faultFields(err error) map[string]string {
	f := asFault(err)
	return map[string]string{"error": f.kind, "error_description": f.Error()}
}

// sendBack answers the application in the response mode that it asked for.
func (s *Server) sendBack(w http.ResponseWriter, r *http.Request, a *authorization, fields map[string]string) {
	if a.state != "" {
		fields["state"] = a.state
	}
	if a.mode == "form_post" {
		s.show(w, r, "post", page{Title: "Signed in", Action: a.redirect, App: a.client.name, Fields: fields, formTo: a.origin()})
		return
	}
	values := url.Values{}
	for name, value := range fields {
		values.Set(name, value)
	}
	target := a.redirect
	switch {
	case a.mode == "fragment":
		target += "#" + values.Encode()
	case strings.Contains(target, "?"):
		target += "&" + values.Encode()
	default:
		target += "?" + values.Encode()
	}
	h := w.Header()
	h.Set("Location", target)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther) // the password form must not be posted on
}

// origin is where the browser goes next, for the page's form-action.
func (a *authorization) origin() string {
	u, err := url.Parse(a.redirect)
	if err != nil {
		return ""
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return u.Scheme + ":"
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r > 127 || strings.ContainsRune(";,'\"*()!$&+=", r) }) {
		return "" // would mean something else inside a policy
	}
	return u.Scheme + "://" + u.Host
}

// redeemCode answers an authorization code with tokens.
func (s *Server) redeemCode(ctx context.Context, f form) (*tokens, error) {
	code := f.get("code")
	if code == "" {
		return nil, missing("code")
	}
	c, err := s.identify(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := s.authenticate(ctx, c, f); err != nil {
		return nil, s.failed(ctx, f, c.principal, c.id, c.attempted, err)
	}
	v, err := s.peek(ctx, ticketCode, ticketCodeSpent, code)
	if err != nil {
		return nil, err
	}
	if err := checkCode(f, c, v); err != nil {
		p, _ := s.dir.Principal(v.User)
		return nil, s.failed(ctx, f, p, c.id, "code", err)
	}
	a, err := s.parseScope(ctx, v.Scope)
	if err != nil {
		return nil, err
	}
	taken, err := s.spend(ctx, f, code, spending{live: ticketCode, dead: ticketCodeSpent,
		again: fault(invalidGrant, 54005, "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")})
	if err != nil {
		return nil, s.failed(ctx, f, taken.user, c.id, "code", err)
	}
	return s.issue(ctx, f, grant{principal: taken.user, client: c.id, clientMethod: c.method, method: "code", asked: a,
		signedIn: v.SignedIn, nonce: v.Nonce, next: taken.next, cors: v.Browser})
}

// checkCode sees that a code is redeemed by whom and how it was asked for.
func checkCode(f form, c *client, v session) error {
	verifier := f.get("code_verifier")
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case v.Client != c.id:
		return fault(invalidGrant, 70000, "The provided grant was issued to another client than '%s'.", c.id)
	case f.get("redirect_uri") != v.Redirect:
		return fault(invalidRequest, 500112, "The reply address '%s' does not match the reply address '%s' provided when requesting Authorization code.", clip(f.get("redirect_uri")), v.Redirect)
	case v.Secret && c.method == "":
		return fault(invalidClient, 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case v.Challenge != "" && verifier == "":
		return missing("code_verifier")
	case v.Challenge != "" && subtle.ConstantTimeCompare([]byte(challenge), []byte(v.Challenge)) != 1:
		return fault(invalidGrant, 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	case v.Challenge == "" && verifier != "":
		return fault(invalidGrant, 501481, "A code_verifier was sent, but the authorization request had no code_challenge.")
	case v.Browser && !c.allowsOrigin(f.origin):
		return fault(invalidRequest, 9002327, "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests from a registered origin.")
	}
	return nil
}

// serveLogout ends the browser's session. A link from elsewhere shows a button
// first, so that no other page can sign people out unseen.
func (s *Server) serveLogout(w http.ResponseWriter, r *http.Request) {
	f, err := s.readPage(w, r)
	if err != nil {
		s.showFault(w, r, err)
		return
	}
	user, _, err := s.browserSession(r)
	if err != nil {
		s.showFault(w, r, err)
		return
	}
	back := r.URL.RawQuery
	if f.get("step") == "logout" {
		if err := s.checkForm(r); err != nil {
			s.showFault(w, r, err)
			return
		}
		s.endSession(w, r)
		user, back = nil, f.get("request")
	}
	if user != nil {
		s.show(w, r, "logout", page{Title: "Sign out", Action: r.URL.Path, Request: back, User: user.Name, formTo: s.logoutOrigin(r, back)})
		return
	}
	if target := s.logoutTarget(r, back); target != "" {
		http.Redirect(w, r, target, http.StatusSeeOther)
		return
	}
	s.show(w, r, "message", page{Title: "You are signed out", Text: "It is a good idea to close all browser windows."})
}

// logoutTarget returns post_logout_redirect_uri when it is registered for the
// client that client_id or the expired token of id_token_hint names; else "".
func (s *Server) logoutTarget(r *http.Request, query string) string {
	values, err := url.ParseQuery(query)
	target := values.Get("post_logout_redirect_uri")
	if err != nil || target == "" {
		return ""
	}
	id, ok := parseAppID(values.Get("client_id"))
	if !ok {
		return ""
	}
	c, err := s.lookupClient(r.Context(), id)
	if err != nil || c.redirect(target) == unregistered {
		return ""
	}
	if state := values.Get("state"); state != "" {
		return target + "?" + url.Values{"state": {state}}.Encode()
	}
	return target
}

func (s *Server) logoutOrigin(r *http.Request, query string) string {
	if target := s.logoutTarget(r, query); target != "" {
		return (&authorization{redirect: target}).origin()
	}
	return ""
}
