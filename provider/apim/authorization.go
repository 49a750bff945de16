package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// authorizationServers are OAuth 2.0 servers that the portal signs in at. The secret of the
// client and the password of the resource owner are told by listSecrets alone
// (apim-control-plane.md 1.9 and 2.6).
func authorizationServers() *arm.Type {
	return published("service/authorizationServers", `
		properties.grantTypes                array(enum(authorizationCode|implicit|resourceOwnerPassword|clientCredentials)) required
		properties.bearerTokenSendingMethods array(enum(authorizationHeader|query))
		properties.clientAuthenticationMethod array(enum(Basic|Body))
		properties.clientSecret              string secret
		properties.resourceOwnerPassword     string secret
	`, arm.Type{
		Noun: "AuthorizationServer", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks:   arm.Hooks{Check: checkAuthorizationServer, Delete: signInFree},
		Actions: []arm.Action{{Name: "listSecrets", Do: listServerSecrets}},
	})
}

// checkAuthorizationServer wants a grant, addresses, and GET among the methods, as the documentation says.
func checkAuthorizationServer(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	if len(props.Array("grantTypes")) == 0 {
		return validation("grantTypes", "grantTypes needs at least one grant")
	}
	for _, member := range []string{"clientRegistrationEndpoint", "authorizationEndpoint", "tokenEndpoint"} {
		if given := props.String(member); given != "" && !absolute(given) {
			return validation(member, "'%s' is no absolute address", given)
		}
	}
	if methods := props.Array("authorizationMethods"); len(methods) > 0 && !names(methods, "GET") {
		return validation("authorizationMethods", "authorizationMethods has to hold GET")
	}
	return nil
}

// signInFree keeps an authorization server or OpenID provider that APIs name in their
// authenticationSettings, as the service does (hashicorp/terraform-provider-azurerm#6637).
func signInFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	scope, name := serviceOf(old.ID).Scope(), []byte(old.ID.Name())
	for _, family := range []string{"/apis", "/workspaces/apis"} {
		q := store.Query{Type: serviceType + family, Under: &scope, Limit: 500}
		for more := true; more; more = q.After != "" {
			page, err := tx.List(op.Context, q)
			if err != nil {
				return err
			}
			for _, d := range page.Documents {
				if !containsFold(d.Body, name) {
					continue
				}
				api, err := arm.FromDocument(d)
				if err != nil {
					return err
				}
				if signsInAt(api, old.ID) {
					return refusal(gatehouse.Invalid, "ValidationError", "%s cannot be deleted since it is used by %s.", op.Route.Type.Noun, seen(op, api.ID))
				}
			}
			q.After = page.Next
		}
	}
	return nil
}

// signsInAt reports whether the authenticationSettings of an API name an authorization server or OpenID provider.
func signsInAt(api *arm.Resource, at gatehouse.ID) bool {
	settings := api.Props().Object("authenticationSettings")
	for _, a := range authentications {
		if !strings.EqualFold(a.family, lastPart(at.Type())) {
			continue
		}
		for _, v := range append(slices.Clone(settings.Array(a.list)), settings.Object(a.one)) {
			if o, ok := v.(*jsondoc.Object); ok && gatehouse.EqualFold(lastPart(o.String(a.member)), at.Name()) {
				return true
			}
		}
	}
	return false
}

func listServerSecrets(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	a, err := reveal(map[string]string{"clientSecret": "properties.clientSecret", "resourceOwnerPassword": "properties.resourceOwnerPassword"})(op)
	if err != nil {
		return nil, err
	}
	a.Body.(*jsondoc.Object).Set("resourceOwnerUsername", r.Props().String("resourceOwnerUsername"))
	return a, nil
}

// identityTypes are the identity providers there are; the id of one is its type.
var identityTypes = []string{"facebook", "google", "microsoft", "twitter", "aad", "aadB2C"}

// identityProviders are where users of the portal may sign in (apim-control-plane.md 2.6).
func identityProviders() *arm.Type {
	return published("service/identityProviders", `
		properties.type         enum(`+strings.Join(identityTypes, "|")+`)
		properties.clientId     string required min=1
		properties.clientSecret string secret min=1
	`, arm.Type{
		Noun: "IdentityProvider", Name: arm.NameRule{Only: identityTypes},
		Hooks:   arm.Hooks{Check: checkIdentityProvider, Show: showIdentityProvider},
		Actions: []arm.Action{{Name: "listSecrets", Do: reveal(map[string]string{"clientSecret": "properties.clientSecret"})}},
	})
}

func checkIdentityProvider(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	if given := next.Props().String("type"); given != "" && !gatehouse.EqualFold(given, next.ID.Name()) {
		return validation("type", "type has to be that of the identity provider's id, '%s'", next.ID.Name())
	}
	next.Props().Set("type", next.ID.Name())
	if next.SecretString("properties.clientSecret") == "" {
		return validation("clientSecret", "clientSecret is required.")
	}
	return nil
}

// showIdentityProvider writes the name with a capital letter, as every answer of the service does: Google, AadB2C.
func showIdentityProvider(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	name := r.ID.Name()
	capital := strings.ToUpper(name[:1]) + name[1:]
	out.Set("name", capital)
	out.Set("id", strings.TrimSuffix(r.ID.String(), name)+capital)
}

// authorizationProviders are the identity providers of the credential manager; the secrets of
// their clients never come out again (apim-control-plane.md 2.6).
func (p *provider) authorizationProviders() *arm.Type {
	return published("service/authorizationProviders", `
		properties.displayName      string required
		properties.identityProvider string required min=1
		properties.oauth2.grantTypes.authorizationCode.clientSecret string secret
		properties.oauth2.grantTypes.clientCredentials.clientSecret string secret
	`, arm.Type{
		Noun: "AuthorizationProvider", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Default: defaultAuthorizationProvider, Check: checkAuthorizationProvider},
		Holds: []*arm.Type{p.authorizations()},
	})
}

// grantTypes are the grants of an authorization provider.
var grantTypes = []string{"authorizationCode", "clientCredentials"}

// defaultAuthorizationProvider completes what Entra ID is asked with, as the service does.
func defaultAuthorizationProvider(_ *arm.Op, next *arm.Resource) {
	if !strings.EqualFold(next.Props().String("identityProvider"), "aad") {
		return
	}
	for _, grant := range grantTypes {
		settings := next.Props().Object("oauth2.grantTypes." + grant)
		for _, each := range [][2]string{{"loginUri", "https://login.windows.net"}, {"tenantId", "common"}} {
			if settings != nil && settings.String(each[0]) == "" {
				settings.Set(each[0], each[1])
			}
		}
	}
}

// checkAuthorizationProvider wants settings of a grant, and the endpoints where no known identity
// provider brings them. The secret of a grant goes with it.
func checkAuthorizationProvider(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props, grants := next.Props(), 0
	generic := slices.Contains([]string{"oauth2", "oauth2pkce"}, strings.ToLower(props.String("identityProvider")))
	for _, grant := range grantTypes {
		path := "oauth2.grantTypes." + grant
		settings := props.Object(path)
		if settings == nil {
			next.Secret.Delete("properties." + path + ".clientSecret")
			continue
		}
		grants++
		needed := []string{"tokenUrl"}
		if grant == "authorizationCode" {
			needed = []string{"authorizationUrl", "tokenUrl"}
		}
		for _, member := range needed {
			if generic && !absolute(settings.String(member)) {
				return validation(path+"."+member, "%s has to be an absolute address", member)
			}
		}
	}
	if grants == 0 {
		return validation("oauth2.grantTypes", "oauth2.grantTypes needs authorizationCode or clientCredentials")
	}
	return nil
}
