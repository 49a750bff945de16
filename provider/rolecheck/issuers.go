package rolecheck

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
)

// issuersModel is the part of the model that names other identity providers.
const issuersModel = `
			properties.issuers                 array(object) max=8
			properties.issuers[].issuer        string required min=1 max=600
			properties.issuers[].audiences     array(string) required max=16
			properties.issuers[].tenantId      string max=100
			properties.issuers[].federatedCredentials bool
			properties.issuers[].principalClaim  string max=100 pattern=^[A-Za-z][A-Za-z0-9_.:/-]*$
			properties.issuers[].principalMember enum(id|userPrincipalName)
`

// exchange is the audience of tokens that are there to be exchanged for others.
const exchange = "api://AzureADTokenExchange"

// chosen are claims that people may fill in themselves at many identity providers.
var chosen = []string{"preferred_username", "unique_name", "name", "nickname", "given_name", "family_name", "display_name"}

// checkIssuers refuses what would let in people whom nobody meant. Whose claims name principals says who everybody is, to
// backends too: that is for who may grant everything anywhere. Federated credentials are stated by their holders.
func (c Config) checkIssuers(op *arm.Op, old *arm.Resource, props *jsondoc.Object) error {
	var seen []string
	for n, v := range props.Array("issuers") {
		i, _ := v.(*jsondoc.Object)
		if i == nil {
			continue // which the model does not let pass
		}
		at := fmt.Sprintf("properties.issuers[%d]", n)
		if err := c.checkIssuer(i, at); err != nil {
			return err
		}
		if slices.Contains(seen, i.String("issuer")) {
			return invalid(at+".issuer", "The issuer '%s' is there twice.", i.String("issuer"))
		}
		if i.String("principalClaim") != "" && !had(old, i) && !op.Can(grant, gatehouse.ID{}) {
			lacks := &guard.Lacks{Linked: []gatehouse.Linked{{Action: grant, Scope: "/"}}}
			return lacks.Refusal("The client '%s' with object id '%s' may change the role check, but an issuer whose claims name principals (principalClaim) takes the right to perform '%s' at '/', too.",
				op.Caller.Name, op.Caller.ID, grant)
		}
		seen = append(seen, i.String("issuer"))
	}
	return nil
}

// had reports whether an issuer was there before, just so.
func had(old *arm.Resource, i *jsondoc.Object) bool {
	return old != nil && slices.ContainsFunc(old.Props().Array("issuers"), func(v jsondoc.Value) bool { return bytes.Equal(jsondoc.Marshal(v), jsondoc.Marshal(i)) })
}

func (c Config) checkIssuer(i *jsondoc.Object, at string) error {
	name, claim, member := i.String("issuer"), i.String("principalClaim"), i.String("principalMember")
	credentials, _ := i.Lookup("federatedCredentials")
	switch {
	case !address(name):
		return invalid(at+".issuer", "The issuer is an https URL, exactly as tokens have it in their claim iss; it is '%s'.", name)
	case c.Own != nil && strings.TrimRight(c.Own(), "/") == strings.TrimRight(name, "/"):
		return invalid(at+".issuer", "Tokens of this server count without being named.")
	case len(i.Array("audiences")) == 0:
		return invalid(at+".audiences", "State whom the issuer's tokens are for: without an audience those for anybody would count.")
	case credentials != true && claim == "":
		return invalid(at, "State for whom the issuer's tokens stand: for holders of federated identity credentials (federatedCredentials), or whom a claim names (principalClaim).")
	case claim == "" && member != "":
		return invalid(at+".principalMember", "State which claim names the principal (principalClaim).")
	case claim == "oid" && i.String("tenantId") == "":
		return invalid(at+".tenantId", "Object IDs mean somebody within a tenant only: state it.")
	case slices.ContainsFunc(chosen, func(s string) bool { return gatehouse.EqualFold(s, claim) }):
		return invalid(at+".principalClaim", "People may choose the value of '%s' themselves, so that it names nobody.", claim)
	case claim == "email" && member != "userPrincipalName":
		return invalid(at+".principalMember", "An e-mail address can be a user principal name; it is no object ID.")
	}
	return c.checkAudiences(i.Array("audiences"), at+".audiences", credentials == true)
}

// checkAudiences: backends see the tokens of calls, but for those that can be exchanged for others.
func (c Config) checkAudiences(list []jsondoc.Value, at string, kept bool) error {
	for _, v := range list {
		audience, _ := v.(string)
		same := func(r string) bool {
			return gatehouse.EqualFold(strings.TrimRight(audience, "/"), strings.TrimRight(r, "/"))
		}
		switch {
		case strings.TrimSpace(audience) == "" || slices.ContainsFunc(c.management(), same):
			return invalid(at, "'%s' cannot be an audience of API calls: backends see the tokens of calls, and one for that resource would let them act for the caller there.", audience)
		case !kept && same(exchange):
			return invalid(at, "'%s' cannot be an audience of API calls: backends see the tokens of calls, and one for it can be exchanged for tokens of the caller.", audience)
		}
	}
	return nil
}

// address reports whether a text is an https URL without anything that does not belong there.
func address(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func invalid(at, format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidRoleCheck", format, args...).At(at)
}
