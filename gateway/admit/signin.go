package admit

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// Paths that a gateway with sign-in answers itself, on every host name.
const (
	Prefix       = "/.gatehouse/"
	CallbackPath = Prefix + "callback"
	SignInPath   = Prefix + "sign-in"
	SignOutPath  = Prefix + "sign-out"
)

const (
	sessionCookie = "__Host-gatehouse"
	stateCookie   = "__Host-gatehouse-sign-in-" // and the first letters of the state
	signInWait    = 10 * time.Minute
	cookieMax     = 3900 // browsers keep 4,096 bytes of a cookie with its name
	answerMax     = 64 << 10
	pathMax       = 2000
)

// SignInConfig says how browsers sign in. All members are required but Now and Client.
type SignInConfig struct {
	Authorize string // authorization endpoint, as browsers reach it
	Token     string // token endpoint, as this process reaches it
	SignOut   string // where the session of the identity provider is ended
	ClientID  string // of the public client whose redirect URIs are the gateway's CallbackPath on its host names
	Audience  string // what tokens are asked for
	// AudienceOf is what tokens are asked for on a host name, so that a session of one service is of no use to another; nil or ""
	// is Audience.
	AudienceOf func(host string) string
	Secret     []byte // that sessions are sealed with; whoever has it can make sessions of tokens they hold, no more
	Client     *http.Client
	Now        func() time.Time
}

// SignIn signs browsers in by authorization code with PKCE, and keeps their token in a sealed cookie. It keeps nothing
// else, so any gateway with the same secret continues a session. The zero SignIn lets nobody in until it is Set. It is safe for
// concurrent use.
type SignIn struct{ now atomic.Pointer[signing] }

// signing is how browsers sign in at a moment.
type signing struct {
	cfg  SignInConfig
	seal cipher.AEAD
}

// NewSignIn returns a SignIn.
func NewSignIn(c SignInConfig) (*SignIn, error) {
	s := &SignIn{}
	return s, s.Set(c)
}

// Set says how browsers sign in from now on. Sessions go on as long as the secret stays.
func (s *SignIn) Set(c SignInConfig) error {
	if len(c.Secret) < 32 {
		return errors.New("admit: the secret of sessions is shorter than 32 bytes")
	}
	key, err := hkdf.Key(sha256.New, c.Secret, nil, "gatehouse gateway sessions", 32)
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: 30 * time.Second}
	}
	s.now.Store(&signing{c, aead})
	return nil
}

// ready reports whether it is known how browsers sign in.
func (s *SignIn) ready() bool { return s.now.Load() != nil }

// later is what a browser is told while it is not.
func later(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Retry-After", "5")
	fail(w, http.StatusServiceUnavailable, "Nobody can sign in at the moment. Open the page again soon.")
}

// sealed is the content of a cookie. It is bound to the cookie's name and to the host.
func (s *signing) sealed(name, host string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, s.seal.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString(s.seal.Seal(nonce, nonce, plain, []byte(name+"\n"+strings.ToLower(host))))
	if len(text) > cookieMax {
		return "", errors.New("the token is too long for a cookie")
	}
	return text, nil
}

func (s *signing) opened(name, host, text string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < s.seal.NonceSize() {
		return false
	}
	n := s.seal.NonceSize()
	plain, err := s.seal.Open(nil, b[:n], b[n:], []byte(name+"\n"+strings.ToLower(host)))
	return err == nil && json.Unmarshal(plain, v) == nil
}

// session is a signed-in browser. The token says until when.
type session struct {
	Token string `json:"t"`
}

// session opens the session cookie of a host.
func (s *SignIn) session(host, cookie string) (bearer string, ok bool) {
	var kept session
	if now := s.now.Load(); cookie == "" || now == nil || !now.opened(sessionCookie, host, cookie, &kept) || kept.Token == "" {
		return "", false
	}
	return kept.Token, true
}

// Session is the cookie of a browser that is signed in with a token on a host.
func (s *SignIn) Session(host, bearer string) (*http.Cookie, error) {
	now := s.now.Load()
	if now == nil {
		return nil, errors.New("admit: nobody can sign in yet")
	}
	text, err := now.sealed(sessionCookie, host, session{bearer})
	if err != nil {
		return nil, err
	}
	return &http.Cookie{Name: sessionCookie, Value: text, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}, nil
}

// attempt is a sign-in under way.
type attempt struct {
	State    string `json:"s"`
	Verifier string `json:"v"`
	Back     string `json:"b"`
	Until    int64  `json:"u"`
}

// Begin sends a browser to sign in and come back to a path of this host.
func (s *SignIn) Begin(w http.ResponseWriter, r *http.Request, back string) {
	if now := s.now.Load(); now != nil {
		now.begin(w, r, back)
		return
	}
	later(w)
}

func (s *signing) begin(w http.ResponseWriter, r *http.Request, back string) {
	a := attempt{State: random(), Verifier: random(), Back: ownPath(back), Until: s.cfg.Now().Add(signInWait).Unix()}
	name := stateCookie + a.State[:8]
	text, err := s.sealed(name, r.Host, a)
	if err != nil {
		fail(w, http.StatusInternalServerError, "The sign-in could not be begun.")
		return
	}
	setCookie(w, name, text, int(signInWait/time.Second))
	sum := sha256.Sum256([]byte(a.Verifier))
	query := url.Values{
		"client_id": {s.cfg.ClientID}, "response_type": {"code"}, "redirect_uri": {callback(r)}, "scope": {s.scope(r.Host)},
		"state": {a.State}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, s.cfg.Authorize+"?"+query.Encode(), http.StatusFound)
}

func (s *signing) scope(host string) string {
	audience := ""
	if s.cfg.AudienceOf != nil {
		audience = s.cfg.AudienceOf(host)
	}
	if audience == "" {
		audience = s.cfg.Audience
	}
	return audience + "/.default openid"
}

func random() string {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		panic(err) // does not happen: crypto/rand ends the program first
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func callback(r *http.Request) string { return "https://" + r.Host + CallbackPath }

// ownPath keeps only what leads back to this host: /path, and neither //host nor /\host.
func ownPath(p string) string {
	u, err := url.Parse(p)
	bad := err != nil || u.Host != "" || u.Scheme != "" || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\\r\n\t") || len(p) > pathMax
	if bad || strings.HasPrefix(p, Prefix) {
		return "/"
	}
	return p
}

func setCookie(w http.ResponseWriter, name, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// Owns reports whether a path is answered by ServeHTTP.
func (s *SignIn) Owns(path string) bool {
	return path == CallbackPath || path == SignInPath || path == SignOutPath
}

// ServeHTTP answers the gateway's own paths: the way back from sign-in, its beginning, and the end of a session.
func (s *SignIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if now := s.now.Load(); now != nil {
		now.serve(w, r)
		return
	}
	later(w)
}

func (s *signing) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	switch {
	case r.URL.Path == SignOutPath && (r.Method == http.MethodPost || r.Method == http.MethodGet) && !crossSite(r) && r.Header.Get("Sec-Fetch-Site") != "cross-site":
		setCookie(w, sessionCookie, "", -1)
		http.Redirect(w, r, s.cfg.SignOut, http.StatusSeeOther)
	case r.Method != http.MethodGet:
		fail(w, http.StatusMethodNotAllowed, "This address takes GET.")
	case r.URL.Path == SignInPath:
		s.begin(w, r, r.URL.Query().Get("back"))
	case r.URL.Path == CallbackPath:
		s.finish(w, r)
	default:
		fail(w, http.StatusForbidden, "The request came from another site.")
	}
}

func (s *signing) finish(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	a, ok := s.attempt(r, q.Get("state"))
	if !ok {
		fail(w, http.StatusBadRequest, "This sign-in was not begun in this browser, or it took longer than ten minutes. Open the page again.")
		return
	}
	setCookie(w, stateCookie+a.State[:8], "", -1)
	if code := q.Get("error"); code != "" {
		fail(w, http.StatusForbidden, "The sign-in was refused. Open the page again to try another account.")
		return
	}
	token, err := s.redeem(r, q.Get("code"), a.Verifier)
	if err != nil {
		fail(w, http.StatusBadGateway, "The identity provider did not confirm the sign-in. Open the page again.")
		return
	}
	text, err := s.sealed(sessionCookie, r.Host, session{token})
	if err != nil {
		fail(w, http.StatusInternalServerError, "The session could not be kept in a cookie.")
		return
	}
	setCookie(w, sessionCookie, text, 0)
	http.Redirect(w, r, a.Back, http.StatusSeeOther)
}

func (s *signing) attempt(r *http.Request, state string) (a attempt, ok bool) {
	if len(state) < 8 {
		return a, false
	}
	name := stateCookie + state[:8]
	c, err := r.Cookie(name)
	if err != nil || !s.opened(name, r.Host, c.Value, &a) {
		return a, false
	}
	return a, a.State == state && s.cfg.Now().Unix() < a.Until
}

// redeem exchanges a code for an access token.
func (s *signing) redeem(back *http.Request, code, verifier string) (string, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {s.cfg.ClientID}, "code": {code}, "code_verifier": {verifier},
		"redirect_uri": {callback(back)}, "scope": {s.scope(back.Host)}}
	r, err := http.NewRequestWithContext(back.Context(), http.MethodPost, s.cfg.Token, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := s.cfg.Client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, answerMax)).Decode(&body); err != nil {
		return "", err
	}
	if answer.StatusCode != http.StatusOK || body.AccessToken == "" {
		return "", fmt.Errorf("the token endpoint answered with status %d", answer.StatusCode)
	}
	return body.AccessToken, nil
}

func fail(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
