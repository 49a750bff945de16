package apim

import (
	"log/slog"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// authorizations are connections of the credential manager: tokens that policies get for
// backends. Connections says how they are got.
func (p *provider) authorizations() *arm.Type {
	return published("service/authorizationProviders/authorizations", `
		properties.authorizationType enum(OAuth2) required
		properties.oauth2grantType   enum(AuthorizationCode|ClientCredentials) required
		properties.parameters.clientSecret string secret
		properties.status            string readonly
		properties.error.code        string readonly
		properties.error.message     string readonly
	`, arm.Type{
		Noun: "Authorization", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkAuthorization, Put: putAuthorization},
		Holds: []*arm.Type{accessPolicies()},
		Actions: []arm.Action{
			{Name: "getLoginLinks", Do: getLoginLinks},
			{Name: "confirmConsentCode", Do: p.confirmConsentCode},
		},
	})
}

func byCode(r *arm.Resource) bool {
	return strings.EqualFold(r.Props().String("oauth2grantType"), "AuthorizationCode")
}

// checkAuthorization wants who the client is where nobody signs in.
func checkAuthorization(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	switch {
	case byCode(next):
		return nil
	case next.Props().String("parameters.clientId") == "":
		return validation("parameters.clientId", "parameters.clientId is required by the grant ClientCredentials")
	case next.SecretString("properties.parameters.clientSecret") == "":
		return validation("parameters.clientSecret", "parameters.clientSecret is required by the grant ClientCredentials")
	}
	return nil
}

// putAuthorization begins anew: what another client or another grant was given counts no more.
func putAuthorization(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	next.Secret.Delete(tokensPath)
	unauthenticated(next)
	return nil
}

// unauthenticated is the state before a token was fetched, in the service's words.
func unauthenticated(r *arm.Resource) {
	r.Props().Set("status", "Error")
	r.Props().Set("error", object("code", "Unauthenticated", "message", "This connection is not authenticated."))
}

// accessPolicies say whose tokens may use an authorization. Their action is named permission
// (apim-control-plane.md 1.10).
func accessPolicies() *arm.Type {
	const permission = Namespace + "/service/authorizationProviders/authorizations/permission/"
	return published("service/authorizationProviders/authorizations/accessPolicies", `
		properties.tenantId guid required
		properties.objectId guid required
		properties.appIds   array(guid)
	`, arm.Type{
		Noun: "AuthorizationAccessPolicy", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		As: map[arm.Verb]string{arm.List: permission + "read", arm.Get: permission + "read", arm.Put: permission + "write", arm.Delete: permission + "delete"},
	})
}

// The secrets of a sign-in that is under way.
const (
	loginState  = "properties.loginState"
	consentCode = "properties.consentCode"
	loginLife   = 10 * time.Minute
)

// getLoginLinks answers where somebody has to sign in and consent, so that the authorization
// gets its tokens: the authorization endpoint of its provider, with a state for one sign-in.
func getLoginLinks(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	back := body.String("postLoginRedirectUrl")
	if u, err := url.Parse(back); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, validation("postLoginRedirectUrl", "postLoginRedirectUrl has to be an absolute address")
	}
	link := ""
	err = op.Write(nil, func(tx *store.Tx) error {
		r, err := op.ExistingIn(tx)
		if err != nil {
			return err
		}
		if !byCode(r) {
			return refusal(gatehouse.Invalid, "ValidationError", "Nobody signs in for an authorization with the grant %s.", r.Props().String("oauth2grantType"))
		}
		provider, err := op.Load(tx, r.ID.Parent())
		if err != nil {
			return err
		}
		state, verifier := loginAttempt(r.ID, strings.EqualFold(provider.Props().String("identityProvider"), "oauth2pkce"))
		redirect := ""
		if link, redirect, err = loginLink(op, provider, state, verifier); err != nil {
			return err
		}
		r.SetSecret(loginState, string(jsondoc.Marshal(object("state", state, "verifier", verifier, "redirect", redirect, "postLoginRedirectUrl", back,
			"expires", gatehouse.Timestamp(op.Now.Add(loginLife))))))
		return op.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	return arm.OK(object("loginLink", link)), nil
}

// wellKnown are the authorization endpoints that identity providers publish.
var wellKnown = map[string]string{
	"dropbox":  "https://www.dropbox.com/oauth2/authorize",
	"facebook": "https://www.facebook.com/dialog/oauth",
	"github":   "https://github.com/login/oauth/authorize",
	"google":   "https://accounts.google.com/o/oauth2/v2/auth",
	"linkedin": "https://www.linkedin.com/oauth/v2/authorization",
	"slack":    "https://slack.com/oauth/v2/authorize",
	"spotify":  "https://accounts.spotify.com/authorize",
}

// loginLink is the request for a code at the authorization endpoint of a provider, and where the code is sent to.
func loginLink(op *arm.Op, provider *arm.Resource, state, verifier string) (link, redirect string, err error) {
	settings := provider.Props().Object("oauth2.grantTypes.authorizationCode")
	endpoint, kind := settings.String("authorizationUrl"), strings.ToLower(provider.Props().String("identityProvider"))
	if endpoint == "" {
		endpoint = wellKnown[kind]
	}
	if kind == "aad" {
		endpoint = strings.TrimSuffix(settings.String("loginUri"), "/") + "/" + url.PathEscape(settings.String("tenantId")) + "/oauth2/authorize"
	}
	address, err := url.Parse(endpoint)
	if err != nil || address.Scheme != "https" && address.Scheme != "http" || address.Host == "" {
		return "", "", refusal(gatehouse.Invalid, "ValidationError", "The authorization provider '%s' has no authorizationUrl to sign in at.", provider.ID.Name())
	}
	if redirect = provider.Props().String("oauth2.redirectUrl"); redirect == "" {
		redirect, _, _ = strings.Cut(op.URL(RedirectPath+serviceOf(provider.ID).Name()), "?")
	}
	query := address.Query()
	for name, value := range map[string]string{"response_type": "code", "client_id": settings.String("clientId"), "redirect_uri": redirect,
		"scope": settings.String("scopes"), "resource": settings.String("resourceUri"), "state": state} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if verifier != "" {
		query.Set("code_challenge", challenge(verifier))
		query.Set("code_challenge_method", "S256")
	}
	address.RawQuery = query.Encode()
	return address.String(), redirect, nil
}

// confirmConsentCode takes the code that a sign-in ended with, and exchanges it for tokens. Where nothing exchanges
// codes it is sealed, and the authorization stays as it is.
func (p *provider) confirmConsentCode(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	code := body.String("consentCode")
	if code == "" {
		return nil, validation("consentCode", "consentCode is required.")
	}
	var login *jsondoc.Object
	err = op.Write(nil, func(tx *store.Tx) error {
		r, err := op.ExistingIn(tx)
		if err != nil {
			return err
		}
		login, _ = r.SecretValue(loginState).(*jsondoc.Object)
		if login == nil || login.String("expires") < gatehouse.Timestamp(op.Now) {
			return refusal(gatehouse.Invalid, "ValidationError", "No sign-in is under way; ask for a login link first.")
		}
		r.Secret.Delete(loginState)
		r.SetSecret(consentCode, code)
		return op.Save(tx, r)
	})
	if err != nil {
		return nil, err
	}
	if p.connections != nil {
		// What the identity provider says is told by the status of the connection, as in the service.
		if err := p.connections.redeem(op.Context, op.ID, code, login); err != nil {
			slog.Warn("a connection of the credential manager got no tokens", "connection", op.ID.String(), "error", err)
		}
	}
	return &arm.Answer{Status: 200}, nil
}
