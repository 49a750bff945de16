package entra

import (
	"context"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/directory"
)

// The grants (clients.md 3).
const (
	grantClient   = "client_credentials"
	grantPassword = "password"
	grantDevice   = "urn:ietf:params:oauth:grant-type:device_code"
	grantRefresh  = "refresh_token"
	grantCode     = "authorization_code"

	jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// form is a decoded request of the token endpoint. Fields that it does not know
// are ignored: the JavaScript SDK sends several.
type form struct {
	values  url.Values
	v1      bool   // the endpoint without v2.0, which takes resource and answers numbers as texts
	address string // of the client
	origin  string // Origin header
	basic   bool   // client_id and client_secret came by the Authorization header
	request string // request ID
	client  string // correlation ID
}

func (f form) get(name string) string { return f.values.Get(name) }

// serveToken is the token endpoint. A program that fails sees why in Entra's numbers.
func (s *Server) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		preflight(w, r)
		return
	}
	f, err := s.readForm(w, r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	answer, err := s.token(r, f)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	if answer.cors {
		w.Header().Set("Access-Control-Allow-Origin", f.origin)
		w.Header().Add("Vary", "Origin")
	}
	writeJSON(w, http.StatusOK, answer.body(f.v1, s.now()))
}

// preflight lets browser applications ask. The answer that matters, on the POST
// itself, names an origin only when the application has registered it.
func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "content-type, client-request-id, return-client-request-id, x-client-sku, x-client-ver, x-client-os, x-client-cpu, x-ms-lib-capability, x-client-current-telemetry, x-client-last-telemetry")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) token(r *http.Request, f form) (*tokens, error) {
	ctx := r.Context()
	switch f.get("grant_type") {
	case "":
		return nil, missing("grant_type")
	case grantClient:
		return s.clientCredentials(ctx, f)
	case grantPassword:
		return s.passwordGrant(ctx, f)
	case grantDevice, "device_code":
		return s.redeemDevice(ctx, f)
	case grantRefresh:
		return s.redeemRefresh(ctx, f)
	case grantCode:
		return s.redeemCode(ctx, f)
	}
	return nil, fault(unsupportedGrant, 70003, "The app requested an unsupported grant type '%s'.", clip(f.get("grant_type")))
}

// readForm reads a form-encoded body. A parameter that comes twice is refused,
// since nobody can know which one was checked by whoever stands in front.
func (s *Server) readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	f := form{address: addressOf(r), origin: r.Header.Get("Origin"), request: w.Header().Get("x-ms-request-id"),
		v1: !strings.Contains(clean(r.URL.Path), "/v2.0/") && !strings.HasPrefix(clean(r.URL.Path), "adfs/")}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "" && kind != "application/x-www-form-urlencoded" {
		return f, fault(invalidRequest, 900144, "The request body must be form encoded, with the Content-Type application/x-www-form-urlencoded.")
	}
	// Anybody may ask here, so nobody is waited for: a form is a few kilobytes.
	line := http.NewResponseController(w)
	_ = line.SetReadDeadline(time.Now().Add(formWait)) // a writer without deadlines is a test's
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, formMax))
	_ = line.SetReadDeadline(time.Time{})
	if err != nil {
		return f, fault(invalidRequest, 90023, "The request body is larger than %d bytes or could not be read.", formMax).status(http.StatusRequestEntityTooLarge)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || !utf8.Valid(body) {
		return f, fault(invalidRequest, 90023, "The request body is not valid form encoding.")
	}
	for name, all := range values {
		if len(all) > 1 {
			return f, fault(invalidRequest, 9000411, "The request is not properly formatted. The parameter '%s' is duplicated.", clip(name))
		}
	}
	f.values, r.PostForm = values, values
	f.client = correlationOf(r)
	return f, f.readBasic(r)
}

// readBasic takes the client's name and secret from the Authorization header (RFC 6749 2.3.1).
func (f *form) readBasic(r *http.Request) error {
	user, secret, ok := r.BasicAuth()
	if !ok {
		return nil
	}
	id, err1 := url.QueryUnescape(user)
	text, err2 := url.QueryUnescape(secret)
	if err1 != nil || err2 != nil {
		return fault(invalidClient, 9002313, "The Authorization header is not valid: client ID and secret have to be form encoded.")
	}
	if sent := f.get("client_id"); sent != "" && gatehouse.Fold(sent) != gatehouse.Fold(id) || f.get("client_secret") != "" {
		return fault(invalidRequest, 9000411, "The request is not properly formatted. The client authenticates both by header and by parameter.")
	}
	f.values.Set("client_id", id)
	f.values.Set("client_secret", text)
	f.basic = true
	return nil
}

// addressOf returns the IP address of the peer. Forwarded headers are not
// believed: anybody can send one, and failures are counted by address.
func addressOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// clientCredentials is an application or identity signing in as itself.
func (s *Server) clientCredentials(ctx context.Context, f form) (*tokens, error) {
	c, err := s.identify(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := s.authenticate(ctx, c, f); err != nil {
		return nil, s.failed(ctx, f, c.principal, c.id, c.attempted, err)
	}
	if c.method == "" {
		return nil, fault(invalidClient, 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	if c.principal == nil {
		return nil, fault(unauthorizedClient, 700016, "Application with identifier '%s' is a public client and cannot sign in as itself.", c.id)
	}
	a, err := s.parseTarget(ctx, f)
	if err != nil {
		return nil, s.failed(ctx, f, c.principal, c.id, c.method, err)
	}
	if len(a.names) == 0 || slices.ContainsFunc(a.names, func(n string) bool { return n != ".default" }) {
		return nil, fault(invalidScope, 1002012, "The provided value for scope %s is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).", clip(f.get("scope")))
	}
	return s.issue(ctx, f, grant{principal: c.principal, client: c.id, method: c.method, asked: a})
}

// passwordGrant is a user signing in with name and password through the client.
func (s *Server) passwordGrant(ctx context.Context, f form) (*tokens, error) {
	c, err := s.userClient(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"username", "password"} {
		if f.get(name) == "" {
			return nil, missing(name)
		}
	}
	a, err := s.parseTarget(ctx, f)
	if err != nil {
		return nil, err
	}
	user, profile, err := s.checkPassword(ctx, f, c.id, f.get("username"), f.get("password"))
	if err != nil {
		return nil, err
	}
	if profile.PasswordProfile.ForceChange {
		return nil, s.failed(ctx, f, user, c.id, "pwd", fault(invalidGrant, 50055, "The password is expired. Sign in at %s/devicelogin or in a browser to choose a new one.", s.public))
	}
	return s.issue(ctx, f, grant{principal: user, client: c.id, method: "pwd", clientMethod: c.method, asked: a, signedIn: s.now(), refresh: a.offline})
}

// checkPassword finds a user and checks the password, at the pace that throttle
// allows. What it answers about an unknown user and how long it takes are the
// same as for a wrong password.
func (s *Server) checkPassword(ctx context.Context, f form, client gatehouse.GUID, name, secret string) (*directory.Principal, *directory.User, error) {
	wrong := fault(invalidGrant, 50126, "Error validating credentials due to invalid username or password.")
	oid, known := s.dir.UserByName(name)
	principal, _ := s.dir.Principal(oid)
	a, pause := s.failures.begin(name, f.address)
	if pause > 0 {
		locked := fault(invalidGrant, 50053, "The account is locked, you've tried to sign in too many times with an incorrect user ID or password. Try again in %d seconds.", int(pause.Seconds())+1)
		return nil, nil, s.failed(ctx, f, principal, client, "pwd", locked)
	}
	user, hash := &directory.User{}, ""
	if known {
		u, d, err := directory.ReadUser(ctx, s.store, oid)
		if err == nil {
			var secrets directory.Secrets
			secrets, err = directory.SecretsOf(d)
			user, hash = u, secrets.PasswordHash
		}
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			a.undo()
			return nil, nil, err
		}
	}
	ok, err := s.passwords.Verify(ctx, hash, secret)
	if err != nil {
		a.undo()
		return nil, nil, err
	}
	if !ok || principal == nil {
		a.wrong(secret)
		return nil, nil, s.failed(ctx, f, principal, client, "pwd", wrong)
	}
	a.right()
	if !user.AccountEnabled || !principal.Enabled {
		return nil, nil, s.failed(ctx, f, principal, client, "pwd", fault(invalidGrant, 50057, "The user account is disabled."))
	}
	return principal, user, nil
}

// failed records that a known principal could not sign in, and returns err.
// Unknown ones are counted only, and a flood is recorded up to a measure.
func (s *Server) failed(ctx context.Context, f form, p *directory.Principal, client gatehouse.GUID, method string, err error) error {
	if p == nil {
		s.unknown.Add(1)
		return err
	}
	refusal := asFault(err)
	if refusal.kind == temporarily || refusal.kind == serverError || !s.noise.allow(p.ID.String()+" "+network(f.address)) {
		return err
	}
	c := s.signIn(f, p, client, method)
	c.Status, c.Note = refusal.httpStatus(), refusal.Error()
	if e := s.store.Record(ctx, c); e != nil {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "a failed sign-in could not be recorded", slog.String("cause", e.Error()))
	}
	return err
}

// signIn is the record of a sign-in of p.
func (s *Server) signIn(f form, p *directory.Principal, client gatehouse.GUID, method string) gatehouse.Change {
	scope := directory.ServicePrincipalID(p.ID)
	if p.Type == gatehouse.User {
		scope = directory.UserID(p.ID)
	}
	caller := gatehouse.Caller{ID: p.ID, Type: p.Type, Name: p.Name, AppID: client.String(), Method: method, Address: f.address}
	return gatehouse.Change{Kind: gatehouse.SignIn, Resource: scope.String(), Cause: gatehouse.Cause{
		Caller: caller, Action: "Microsoft.Graph/directory/signIn/action", Scope: scope.String(), Operation: f.request, Correlation: f.client,
	}}
}
