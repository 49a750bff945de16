package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// versionSets group APIs that are versions of one another (apim-control-plane.md 2.2).
func versionSets() *arm.Type {
	return published("service/apiVersionSets", `
		properties.versioningScheme enum(Segment|Query|Header) required
	`, arm.Type{
		Noun: "ApiVersionSet", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkVersionSet, Delete: versionSetFree},
	})
}

func checkVersionSet(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	for scheme, field := range map[string]string{"query": "versionQueryName", "header": "versionHeaderName"} {
		if strings.EqualFold(next.Props().String("versioningScheme"), scheme) && next.Props().String(field) == "" {
			return validation(field, "%s is required by the versioning scheme %s", field, scheme)
		}
	}
	return nil
}

// versionSetFree keeps a set that APIs belong to: deleting it would leave several APIs on one path.
func versionSetFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	parent := old.ID.Parent()
	apis, err := op.Sharing(tx, parent.Type()+"/apis", parent, "properties.apiVersionSetId", old.ID.Name())
	if err != nil || len(apis) == 0 {
		return err
	}
	return refusal(gatehouse.Invalid, "ValidationError", "The API version set cannot be deleted since APIs belong to it. Delete or move them first.")
}

func documentations() *arm.Type {
	return published("service/documentations", "", arm.Type{Noun: "Documentation", Name: arm.NameRule{Max: 256, Pattern: namePattern}})
}

// openIDProviders keep their client secret sealed; listSecrets tells it.
func openIDProviders() *arm.Type {
	return published("service/openidConnectProviders", `
		properties.displayName      string required
		properties.metadataEndpoint string required
		properties.clientId         string required
		properties.clientSecret     string secret
		properties.useInTestConsole bool default=true
	`, arm.Type{
		Noun: "OpenIdConnectProvider", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks:   arm.Hooks{Delete: signInFree},
		Actions: []arm.Action{{Name: "listSecrets", Do: reveal(map[string]string{"clientSecret": "properties.clientSecret"})}},
	})
}

// resolvers answer fields of a GraphQL API, by their policies.
func (p *provider) resolvers() *arm.Type {
	return published("service/apis/resolvers", `
		properties.displayName string required
		properties.path        string required
	`, arm.Type{Noun: "Resolver", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Holds: []*arm.Type{p.policies()}})
}
