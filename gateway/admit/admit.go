package admit

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/token"
)

// Authority knows identities and rights. Errors of kind Unauthenticated mean that nobody can be made of what was
// shown; every other error means that the question could not be answered.
type Authority interface {
	// Authenticate returns who a bearer token was issued to, for one of the audiences.
	Authenticate(ctx context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error)
	// Foreign returns whom a token of another identity provider stands for, as a role check has it.
	Foreign(ctx context.Context, bearer string, by *Foreign) (*gatehouse.Caller, error)
	// Certificate returns who registered a client certificate.
	Certificate(ctx context.Context, leaf *x509.Certificate) (*gatehouse.Caller, error)
	// Decide says whether a caller may perform a data action. A refusal is an error of kind Forbidden, and the
	// Decision comes with it.
	Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error)
}

// Foreign is where it is written what tokens of other identity providers count for: a role check of a service.
type Foreign struct {
	Service, Setting string // resource ID of the service, and the setting's key in its configuration
	Issuers          []string
}

// issued reports whether a token claims to be of one of them.
func (f *Foreign) issued(bearer string) bool {
	return f != nil && slices.Contains(f.Issuers, token.IssuerOf(bearer))
}

// Check is what one call has to fulfil.
type Check struct {
	Enforce      bool     // false: whoever would be refused passes, and Admission.Would says why
	Audiences    []string // of tokens
	Foreign      *Foreign // other identity providers; nil for none
	Header       string   // that holds the token; "" for Authorization
	Certificates bool     // a client certificate will do
	SignIn       bool     // browsers are sent to sign in, and their session will do
	Action       string   // the data action
	Scope        gatehouse.ID
	Also         []gatehouse.ID // further scopes that the action has to be allowed at
}

// Admission is who makes a call, and why they may.
type Admission struct {
	Caller   *gatehouse.Caller // nil when nobody was made out, which Enforce does not let pass
	Via      string            // bearer, session or certificate
	Decision gatehouse.Decision
	Scope    gatehouse.ID // that the decision is about
	Resource gatehouse.ID // that the call is of, when it is allowed there
	Would    *Refusal     // what Enforce would have answered; nil when the call is allowed
}

// Reasons of refusals, as LastError shows them (gateway.md 13).
const (
	NoIdentity      = "IdentityNotFound"
	InvalidIdentity = "IdentityInvalid"
	NoRole          = "RoleAssignmentNotFound"
	DeniedByRole    = "DenyAssignmentFound"
	NoAnswer        = "AuthorityUnavailable"
	ForeignSite     = "CrossSiteRequest"
)

// Refusal is why a call may not go on. Message is fit for the caller.
type Refusal struct {
	Status    int // 401, 403 or 503
	Reason    string
	Message   string
	Challenge string // WWW-Authenticate; "" for none
	SignIn    bool   // a browser may be sent to sign in instead
}

func (r *Refusal) Error() string { return r.Reason + ": " + r.Message }

// Config makes a Gate.
type Config struct {
	Authority Authority
	// SignIn signs browsers in; nil when there is no such thing.
	SignIn *SignIn
	// AuthorizationURI is told in challenges: where tokens come from. "" for nothing.
	AuthorizationURI string
}

// Gate admits calls. It is safe for concurrent use.
type Gate struct{ cfg Config }

// New returns a Gate.
func New(c Config) *Gate { return &Gate{c} }

// Admit says who makes a request and whether they may. The error is a *Refusal; with Check.Enforce false it is nil
// unless the request could be harmful, and the refusal stands in the Admission.
func (g *Gate) Admit(r *http.Request, c *Check) (Admission, error) {
	session := ""
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		session = cookie.Value
	}
	return g.AdmitSession(r, c, session)
}

// AdmitSession is Admit for a request that its session was taken out of (TakeSession).
func (g *Gate) AdmitSession(r *http.Request, c *Check, session string) (Admission, error) {
	a := Admission{}
	refusal := g.identify(r, c, session, &a)
	if refusal == nil {
		refusal = g.decide(r.Context(), c, &a)
	}
	if refusal == nil {
		a.Resource = c.Scope
		return a, nil
	}
	if refusal.Status == http.StatusUnauthorized {
		refusal.SignIn = c.SignIn && g.cfg.SignIn != nil && navigates(r)
	}
	a.Would = refusal
	if !c.Enforce {
		return a, nil
	}
	return a, refusal
}

// identify finds out who calls. A token that is shown and not good is an answer too: the session does not step in for it.
func (g *Gate) identify(r *http.Request, c *Check, cookie string, a *Admission) *Refusal {
	if bearer, shown := shown(r, c.Header); shown {
		if c.Foreign.issued(bearer) {
			return g.take(a, "bearer", func() (*gatehouse.Caller, error) { return g.cfg.Authority.Foreign(r.Context(), bearer, c.Foreign) })
		}
		return g.take(a, "bearer", func() (*gatehouse.Caller, error) {
			return g.cfg.Authority.Authenticate(r.Context(), bearer, c.Audiences...)
		})
	}
	if c.Certificates && r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return g.take(a, "certificate", func() (*gatehouse.Caller, error) {
			return g.cfg.Authority.Certificate(r.Context(), r.TLS.PeerCertificates[0])
		})
	}
	if c.SignIn && g.cfg.SignIn != nil {
		if cookie != "" && !g.cfg.SignIn.ready() {
			return unanswered()
		}
		if bearer, ok := g.cfg.SignIn.session(r.Host, cookie); ok {
			if crossSite(r) {
				return &Refusal{Status: http.StatusForbidden, Reason: ForeignSite, Message: "The request came from another site. Access denied."}
			}
			return g.take(a, "session", func() (*gatehouse.Caller, error) {
				return g.cfg.Authority.Authenticate(r.Context(), bearer, c.Audiences...)
			})
		}
	}
	return &Refusal{Status: http.StatusUnauthorized, Reason: NoIdentity, Challenge: g.challenge(""),
		Message: "Access denied due to missing identity. Send an access token in the header " + headerName(c.Header) + "."}
}

func headerName(h string) string {
	if h == "" {
		return "Authorization as: Bearer <token>"
	}
	return h
}

// shown returns what a request shows as its token. An Authorization header of another scheme shows none.
func shown(r *http.Request, header string) (text string, shown bool) {
	if header == "" {
		header = "Authorization"
	}
	values := r.Header.Values(header)
	if len(values) == 0 {
		return "", false
	}
	scheme, rest, two := strings.Cut(strings.TrimSpace(values[0]), " ")
	switch {
	case strings.EqualFold(scheme, "bearer"):
		text = strings.TrimSpace(rest)
	case header != "Authorization" && !two:
		text = scheme
	default:
		return "", false
	}
	if len(values) > 1 { // which of them a backend would look at is anybody's guess
		return "", true
	}
	return text, true
}

func (g *Gate) take(a *Admission, via string, ask func() (*gatehouse.Caller, error)) *Refusal {
	caller, err := ask()
	switch {
	case err == nil && caller != nil:
		a.Caller, a.Via = caller, via
		return nil
	case err != nil && gatehouse.KindOf(err) == gatehouse.Unauthenticated:
		return &Refusal{Status: http.StatusUnauthorized, Reason: InvalidIdentity, Challenge: g.challenge("invalid_token"), Message: message(err)}
	}
	return unanswered()
}

// message returns the text of an error that is meant for callers.
func message(err error) string {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return "Access denied."
	}
	return e.Message
}

func unanswered() *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: NoAnswer, Message: "Access could not be checked. Try again later."}
}

func (g *Gate) challenge(fault string) string {
	var parts []string
	if g.cfg.AuthorizationURI != "" {
		parts = append(parts, `authorization_uri="`+g.cfg.AuthorizationURI+`"`)
	}
	if fault != "" {
		parts = append(parts, `error="`+fault+`"`)
	}
	return strings.TrimSpace("Bearer " + strings.Join(parts, ", "))
}

func (g *Gate) decide(ctx context.Context, c *Check, a *Admission) *Refusal {
	refusal := g.decideAt(ctx, c.Action, c.Scope, a)
	for _, scope := range c.Also {
		if refusal == nil {
			refusal = g.decideAt(ctx, c.Action, scope, a)
		}
	}
	return refusal
}

func (g *Gate) decideAt(ctx context.Context, action string, scope gatehouse.ID, a *Admission) *Refusal {
	decision, err := g.cfg.Authority.Decide(ctx, a.Caller, action, scope)
	a.Decision, a.Scope = decision, scope
	switch {
	case err == nil && decision.Allowed:
		return nil
	case err != nil && gatehouse.KindOf(err) != gatehouse.Forbidden:
		return unanswered()
	}
	reason := NoRole
	if !decision.Deny.IsZero() {
		reason = DeniedByRole
	}
	text := "Access denied: no role assignment allows the call."
	if err != nil {
		text = message(err)
	}
	return &Refusal{Status: http.StatusForbidden, Reason: reason, Message: text}
}

// navigates reports whether a person in a browser asked for a page, and can be sent elsewhere.
func navigates(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.Header.Get("Upgrade") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}

// crossSite reports whether another site may have made a browser send the request with its session. Links and typed
// addresses come as navigations of safe methods; everything else has to come from the site itself.
func crossSite(r *http.Request) bool {
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	upgrade := r.Header.Get("Upgrade") != ""
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin":
		return false
	case "none":
		return !safe || upgrade
	case "":
		origin := r.Header.Get("Origin")
		if origin == "" {
			return !safe || upgrade // browsers send Origin with what could change something
		}
		_, host, _ := strings.Cut(origin, "://")
		return !strings.EqualFold(host, r.Host)
	}
	return !safe || upgrade || r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// exchangeable is gatehouse.Caller.Method of whoever showed a token that a federated identity credential is for.
const exchangeable = "federated"

// Lends reports whether the token of a call could be exchanged for tokens of its principal: whoever else sees it could be them.
func (a *Admission) Lends() bool {
	return a.Caller != nil && a.Caller.Issuer != "" && a.Caller.Method == exchangeable
}
