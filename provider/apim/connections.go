package apim

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// Connections gets tokens for the connections of the credential manager, and keeps them sealed with the connection
// (gateway.md 8.1, get-authorization-context). It is safe for concurrent use.
type Connections struct {
	store    *store.Store
	client   *http.Client
	clock    func() time.Time
	loopback bool

	mu     sync.Mutex
	busy   map[gatehouse.Scope]*sync.Mutex // one at a time asks for the tokens of a connection
	failed map[gatehouse.Scope]failure     // of connections that got none a moment ago
}

// failure is why a connection got no token: calls that come right after hear the same, so that a connection that is out of
// order costs neither a request nor a change of the store for each of them.
type failure struct {
	at      time.Time
	version string // of the connection
	err     error
}

// How long a failure counts, and of how many connections it is known.
const (
	failureLife  = 10 * time.Second
	mostFailures = 10_000
)

// ConnectionsConfig makes Connections. Store is required.
type ConnectionsConfig struct {
	Store *store.Store
	// Private and Loopback let token endpoints be at such addresses: whoever may write a provider chooses them.
	Private, Loopback bool
	Clock             func() time.Time // nil is time.Now
}

// NewConnections returns Connections.
func NewConnections(c ConnectionsConfig) *Connections {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	links := apidoc.Fetcher{Private: c.Private, Loopback: c.Loopback}
	dial := (&net.Dialer{Timeout: tokenWait, Control: func(_, address string, _ syscall.RawConn) error {
		if why := links.Refuses(address); why != "" {
			return forbidden("the address is " + why)
		}
		return nil
	}}).DialContext
	return &Connections{store: c.Store, clock: c.Clock, loopback: c.Loopback, busy: map[gatehouse.Scope]*sync.Mutex{}, failed: map[gatehouse.Scope]failure{}, client: &http.Client{
		Timeout:   tokenWait,
		Transport: &http.Transport{DialContext: dial, TLSHandshakeTimeout: tokenWait, MaxIdleConns: 10, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the token endpoint answered with a redirect")
		},
	}}
}

const (
	tokenWait  = 15 * time.Second
	tokenBody  = 256 << 10
	tokenEarly = time.Minute // before its end a token is replaced
	tokensPath = "properties.tokens"
	// RedirectPath is where identity providers send people back to, followed by the name of the service.
	RedirectPath = "/redirect/apim/"
)

// ConnectionToken is what a policy gets.
type ConnectionToken struct {
	AccessToken string
	Claims      map[string]string // what the identity provider said beside it
}

// Asker is in whose name a token is asked for: a principal with the application it uses, "" for none.
type Asker struct{ Tenant, Object, App string }

// tokens are what is kept of an answer, sealed.
type tokens struct {
	Access  string            `json:"accessToken"`
	Refresh string            `json:"refreshToken,omitempty"`
	Expires time.Time         `json:"expires,omitzero"` // zero for a token that does not tell
	Claims  map[string]string `json:"claims,omitempty"`
}

func (t *tokens) fresh(now time.Time) bool {
	return t != nil && t.Access != "" && (t.Expires.IsZero() || now.Before(t.Expires.Add(-tokenEarly)))
}

// connection is a connection with its provider, as it is kept.
type connection struct {
	resource, provider *arm.Resource
	kept               *tokens
	version            string // of both as they were read
}

// Token returns the access token of a connection: the one that is kept, or one that is got now. Whoever asks needs an
// access policy of the connection. parent is the service, or the workspace.
func (c *Connections) Token(ctx context.Context, parent gatehouse.ID, provider, name string, by Asker) (*ConnectionToken, error) {
	if strings.ContainsAny(provider+name, "/?#\\") || provider == "" || name == "" {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "There is no connection of that name.")
	}
	id := parent.Child("authorizationProviders", provider).Child("authorizations", name)
	if err := c.mayUse(ctx, id, by); err != nil {
		return nil, err
	}
	one, err := c.read(ctx, id)
	if err != nil {
		return nil, err
	}
	if !one.kept.fresh(c.clock()) {
		if one, err = c.renew(ctx, id); err != nil {
			return nil, err
		}
	}
	return &ConnectionToken{AccessToken: one.kept.Access, Claims: one.kept.Claims}, nil
}

// mayUse looks for an access policy. To those who have none a connection does not exist.
func (c *Connections) mayUse(ctx context.Context, id gatehouse.ID, by Asker) error {
	scope := id.Scope()
	q := store.Query{Under: &scope, Type: serviceType + "/authorizationProviders/authorizations/accessPolicies", Limit: 500}
	for more := true; more; more = q.After != "" {
		page, err := c.store.List(ctx, q)
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			r, err := arm.FromDocument(d)
			if err != nil {
				return err
			}
			if permits(r.Props(), by) {
				return nil
			}
		}
		q.After = page.Next
	}
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "There is no connection '%s' that the identity has an access policy of.", id.Name())
}

func permits(policy *jsondoc.Object, by Asker) bool {
	if by.Object == "" || !strings.EqualFold(policy.String("tenantId"), by.Tenant) || !strings.EqualFold(policy.String("objectId"), by.Object) {
		return false
	}
	apps := policy.Array("appIds")
	return len(apps) == 0 || slices.ContainsFunc(apps, func(v jsondoc.Value) bool {
		s, _ := v.(string)
		return s != "" && strings.EqualFold(s, by.App)
	})
}

func (c *Connections) read(ctx context.Context, id gatehouse.ID) (*connection, error) {
	d, err := c.store.Get(ctx, id.Scope())
	if err != nil {
		return nil, err
	}
	p, err := c.store.Get(ctx, id.Parent().Scope())
	if err != nil {
		return nil, err
	}
	one := &connection{version: fmt.Sprint(d.Revision, " ", p.Revision)}
	if one.resource, err = arm.FromDocument(d); err != nil {
		return nil, err
	}
	if one.provider, err = arm.FromDocument(p); err != nil {
		return nil, err
	}
	if text := one.resource.SecretString(tokensPath); text != "" {
		one.kept = &tokens{}
		if json.Unmarshal([]byte(text), one.kept) != nil {
			one.kept = nil
		}
	}
	return one, nil
}

// alone lets one at a time ask for the tokens of a connection; the others find them there.
func (c *Connections) alone(id gatehouse.ID) func() {
	c.mu.Lock()
	lock := c.busy[id.Scope()]
	if lock == nil {
		lock = &sync.Mutex{}
		c.busy[id.Scope()] = lock
	}
	c.mu.Unlock()
	lock.Lock()
	return lock.Unlock
}

// renew gets a token anew: by the refresh token, or as the client itself.
func (c *Connections) renew(ctx context.Context, id gatehouse.ID) (*connection, error) {
	defer c.alone(id)()
	one, err := c.read(ctx, id)
	if err != nil || one.kept.fresh(c.clock()) {
		return one, err
	}
	if known := c.failure(one); known != nil {
		return nil, known
	}
	form := url.Values{}
	switch {
	case !byCode(one.resource):
		form.Set("grant_type", "client_credentials")
	case one.kept != nil && one.kept.Refresh != "":
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", one.kept.Refresh)
	default:
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "Unauthenticated", "The connection '%s' is not authenticated: somebody has to sign in by a login link.", id.Name())
	}
	err = c.exchange(ctx, one, form)
	c.noteFailure(ctx, id, err)
	return one, err
}

// failure is why a connection got no token a moment ago; nil when it did, or was changed since.
func (c *Connections) failure(one *connection) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.failed[one.resource.ID.Scope()]
	if !ok || known.version != one.version || c.clock().Sub(known.at) >= failureLife {
		return nil
	}
	return known.err
}

// noteFailure remembers how an exchange ended, with the version that it left behind.
func (c *Connections) noteFailure(ctx context.Context, id gatehouse.ID, err error) {
	version := ""
	if err != nil {
		if one, failed := c.read(ctx, id); failed == nil {
			version = one.version
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.failed, id.Scope())
	if err == nil || version == "" {
		return
	}
	if len(c.failed) >= mostFailures {
		clear(c.failed)
	}
	c.failed[id.Scope()] = failure{c.clock(), version, err}
}

// redeem exchanges the code of a sign-in for tokens.
func (c *Connections) redeem(ctx context.Context, id gatehouse.ID, code string, login *jsondoc.Object) error {
	defer c.alone(id)()
	one, err := c.read(ctx, id)
	if err != nil {
		return err
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {login.String("redirect")}}
	if verifier := login.String("verifier"); verifier != "" {
		form.Set("code_verifier", verifier)
	}
	return c.exchange(ctx, one, form)
}

// exchange asks the token endpoint, and keeps what it says: tokens, or that there are none.
func (c *Connections) exchange(ctx context.Context, one *connection, form url.Values) error {
	// Whoever asked may hang up; a refresh token that was spent must not be lost for that.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenWait)
	defer cancel()
	endpoint, err := one.complete(form)
	if err != nil {
		return err
	}
	got, err := c.ask(ctx, endpoint, form, c.clock())
	if err == nil && got.Refresh == "" && one.kept != nil {
		got.Refresh = one.kept.Refresh
	}
	return errors.Join(err, c.keep(ctx, one, got, err))
}

// tokenEndpoints are those that identity providers publish.
var tokenEndpoints = map[string]string{
	"dropbox":  "https://api.dropboxapi.com/oauth2/token",
	"facebook": "https://graph.facebook.com/oauth/access_token",
	"github":   "https://github.com/login/oauth/access_token",
	"google":   "https://oauth2.googleapis.com/token",
	"linkedin": "https://www.linkedin.com/oauth/v2/accessToken",
	"slack":    "https://slack.com/api/oauth.v2.access",
	"spotify":  "https://accounts.spotify.com/api/token",
}

// complete adds the client to a token request, and finds the endpoint.
func (one *connection) complete(form url.Values) (endpoint string, err error) {
	grant := "clientCredentials"
	if byCode(one.resource) {
		grant = "authorizationCode"
	}
	path := "oauth2.grantTypes." + grant
	settings := one.provider.Props().Object(path)
	if settings == nil {
		return "", gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "The authorization provider '%s' has no settings of the grant.", one.provider.ID.Name())
	}
	client, secret := settings.String("clientId"), one.provider.SecretString("properties."+path+".clientSecret")
	if grant == "clientCredentials" {
		parameters := one.resource.Props().Object("parameters")
		client, secret = parameters.String("clientId"), one.resource.SecretString("properties.parameters.clientSecret")
	}
	for name, value := range map[string]string{"client_id": client, "client_secret": secret, "scope": settings.String("scopes"), "resource": settings.String("resourceUri")} {
		if value != "" && !(name == "scope" && form.Get("grant_type") == "authorization_code") {
			form.Set(name, value)
		}
	}
	return tokenEndpoint(one.provider, settings, form.Get("grant_type")), nil
}

func tokenEndpoint(provider *arm.Resource, settings *jsondoc.Object, grant string) string {
	kind := strings.ToLower(provider.Props().String("identityProvider"))
	if refresh := settings.String("refreshUrl"); refresh != "" && grant == "refresh_token" {
		return refresh
	}
	if kind == "aad" {
		return strings.TrimSuffix(settings.String("loginUri"), "/") + "/" + url.PathEscape(settings.String("tenantId")) + "/oauth2/token"
	}
	if endpoint := settings.String("tokenUrl"); endpoint != "" {
		return endpoint
	}
	return tokenEndpoints[kind]
}

// ask sends a token request. What goes wrong is told without the words of whoever answered.
func (c *Connections) ask(ctx context.Context, endpoint string, form url.Values, now time.Time) (*tokens, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil || r.URL.Host == "" || r.URL.Scheme != "https" && !(r.URL.Scheme == "http" && c.loopback && onThisMachine(r.URL.Hostname())) { // secrets go nowhere in the clear
		return nil, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "The authorization provider has no usable token endpoint.")
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "application/json")
	answer, err := c.client.Do(r)
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Unavailable, "Unauthenticated", "The token endpoint of the authorization provider could not be reached.")
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, tokenBody+1))
	if err != nil || len(b) > tokenBody {
		return nil, gatehouse.Errorf(gatehouse.Unavailable, "Unauthenticated", "The token endpoint of the authorization provider did not answer as expected.")
	}
	return readTokens(answer, b, now)
}

func onThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// readTokens reads an answer of a token endpoint: JSON, or a form as some providers send it.
func readTokens(answer *http.Response, b []byte, now time.Time) (*tokens, error) {
	members := map[string]string{}
	if media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); media == "application/x-www-form-urlencoded" {
		form, _ := url.ParseQuery(string(b))
		for name := range form {
			members[name] = form.Get(name)
		}
	} else {
		var raw map[string]any
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		_ = d.Decode(&raw) // what is no JSON has no token
		for name, value := range raw {
			members[name] = fmt.Sprint(value)
			if _, nested := value.(map[string]any); nested || value == nil {
				delete(members, name)
			}
		}
	}
	if answer.StatusCode >= 300 || members["access_token"] == "" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "Unauthenticated", "The identity provider gave no token: it answered with status %d.", answer.StatusCode)
	}
	t := &tokens{Access: members["access_token"], Refresh: members["refresh_token"], Claims: members}
	if seconds, err := strconv.ParseInt(members["expires_in"], 10, 64); err == nil && seconds > 0 && seconds < 1e9 {
		t.Expires = now.Add(time.Duration(seconds) * time.Second)
	}
	for _, secret := range []string{"access_token", "refresh_token", "id_token"} {
		delete(members, secret)
	}
	return t, nil
}

// keep writes the outcome of an exchange to the connection.
func (c *Connections) keep(ctx context.Context, one *connection, got *tokens, failure error) error {
	id := one.resource.ID
	_, err := c.store.Write(ctx, connectionCause(id), func(tx *store.Tx) error {
		d, err := tx.Get(ctx, id.Scope())
		if err != nil {
			return err
		}
		r, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if failure != nil {
			unauthenticated(r)
			return arm.Save(tx, r)
		}
		text, err := json.Marshal(got)
		if err != nil {
			return err
		}
		r.SetSecret(tokensPath, string(text))
		r.Secret.Delete(consentCode)
		r.Props().Set("status", "Connected")
		r.Props().Delete("error")
		return arm.Save(tx, r)
	})
	if err == nil && failure == nil {
		one.kept = got
	}
	return err
}

// connectionCause is in whose name tokens are kept: nobody asked for that in particular.
func connectionCause(id gatehouse.ID) gatehouse.Cause {
	op := gatehouse.NewGUID().String()
	return gatehouse.Cause{
		Caller: gatehouse.Caller{Type: gatehouse.SystemDefined, Name: "Gatehouse", Method: "system"}, Reason: "tokens of the connection were renewed",
		Action: Namespace + "/service/authorizationProviders/authorizations/write", Scope: id.String(), Operation: op, Correlation: op,
	}
}

// loginAttempt is a sign-in that begins: its state names the connection, so that the way back finds it.
func loginAttempt(id gatehouse.ID, pkce bool) (state, verifier string) {
	state = base64.RawURLEncoding.EncodeToString([]byte(id.String())) + "." + rand.Text()
	if pkce {
		verifier = rand.Text() + rand.Text()
	}
	return state, verifier
}

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// ServeHTTP is the way back from a sign-in: it takes the code, and sends the person on to where the login link was to end.
func (c *Connections) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	q := r.URL.Query()
	id, login, err := c.login(r.Context(), q.Get("state"))
	if r.Method != http.MethodGet || err != nil {
		http.Error(w, "This sign-in is not known, or it took too long. Ask for a new login link.", http.StatusBadRequest)
		return
	}
	back, err := url.Parse(login.String("postLoginRedirectUrl"))
	if err != nil {
		http.Error(w, "This sign-in leads nowhere.", http.StatusBadRequest)
		return
	}
	query := back.Query()
	if code := q.Get("code"); code == "" {
		query.Set("error", "access_denied")
	} else if err := c.redeem(r.Context(), id, code, login); err != nil {
		slog.Warn("a connection of the credential manager got no tokens", "connection", id.String(), "error", err)
		query.Set("error", "token_exchange_failed")
	}
	back.RawQuery = query.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// login finds the sign-in of a state and ends it: it works once.
func (c *Connections) login(ctx context.Context, state string) (gatehouse.ID, *jsondoc.Object, error) {
	name, _, _ := strings.Cut(state, ".")
	text, err := base64.RawURLEncoding.DecodeString(name)
	if err != nil {
		return gatehouse.ID{}, nil, err
	}
	id, err := gatehouse.ParseID(string(text))
	if err != nil || !strings.EqualFold(id.Type(), serviceType+"/authorizationProviders/authorizations") {
		return gatehouse.ID{}, nil, errors.New("the state names no connection")
	}
	if _, _, err := c.underWay(ctx, c.store, id, state); err != nil {
		return id, nil, err // anybody can ask; only who began may make the writer work
	}
	var login *jsondoc.Object
	_, err = c.store.Write(ctx, connectionCause(id), func(tx *store.Tx) error {
		var r *arm.Resource
		var err error
		if r, login, err = c.underWay(ctx, tx, id, state); err != nil {
			return err
		}
		r.Secret.Delete(loginState)
		return arm.Save(tx, r)
	})
	return id, login, err
}

func (c *Connections) underWay(ctx context.Context, from store.Reader, id gatehouse.ID, state string) (*arm.Resource, *jsondoc.Object, error) {
	d, err := from.Get(ctx, id.Scope())
	if err != nil {
		return nil, nil, err
	}
	r, err := arm.FromDocument(d)
	if err != nil {
		return nil, nil, err
	}
	login, _ := r.SecretValue(loginState).(*jsondoc.Object)
	if login == nil || subtle.ConstantTimeCompare([]byte(login.String("state")), []byte(state)) != 1 || login.String("expires") < gatehouse.Timestamp(c.clock()) {
		return nil, nil, errors.New("no such sign-in is under way")
	}
	return r, login, nil
}
