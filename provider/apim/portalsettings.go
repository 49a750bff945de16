package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// portalSettings are three documents that every service has: who may sign in, who may
// sign up, and what is delegated to another site (apim-defaults.md). One model serves
// them; each keeps the members that are its own and shows the others as null, as the
// service does. None can be deleted.
func portalSettings() *arm.Type {
	return &arm.Type{
		Segment: "portalsettings", Shape: arm.Entity, Without: "delete", Noun: "PortalSettings", ETag: true, Match: true, Count: true,
		Name: arm.NameRule{Only: []string{"delegation", "signin", "signup"}}, Always: []string{"delegation", "signin", "signup"},
		Status: arm.Status{Patch: http.StatusNoContent},
		Model: arm.NewModel(`
			properties.url                            string
			properties.validationKey                  string secret
			properties.subscriptions.enabled          bool
			properties.userRegistration.enabled       bool
			properties.enabled                        bool
			properties.termsOfService.text            string
			properties.termsOfService.enabled         bool
			properties.termsOfService.consentRequired bool
		`),
		Hooks: arm.Hooks{Initial: initialSettings, Default: defaultPortalSettings, Check: checkPortalSettings, Show: showPortalSettings},
		Actions: []arm.Action{
			{Name: "listSecrets", Do: onlyFor("delegation", reveal(map[string]string{"validationKey": "properties.validationKey"}))},
		},
	}
}

// The members of each settings document with what they are until somebody says otherwise.
func portalDefaults(name string) *jsondoc.Object {
	off := func() *jsondoc.Object { return object("enabled", false) }
	switch name {
	case "delegation":
		return object("url", nil, "subscriptions", off(), "userRegistration", off())
	case "signin":
		return off()
	}
	return object("enabled", true, "termsOfService", object("text", nil, "enabled", false, "consentRequired", false))
}

func initialSettings(_ *arm.Op, service *arm.Resource, name string) (*jsondoc.Object, error) {
	if err := inTier(service, "classic"); err != nil {
		return nil, err
	}
	body := object("properties", portalDefaults(name))
	dropNulls(body)
	return body, nil
}

// dropNulls takes out what a stored document does not hold.
func dropNulls(o *jsondoc.Object) {
	o.DeleteFunc(func(_ string, v jsondoc.Value) bool { return v == nil })
	for _, v := range o.All() {
		if inner, ok := v.(*jsondoc.Object); ok {
			dropNulls(inner)
		}
	}
}

func defaultPortalSettings(_ *arm.Op, next *arm.Resource) {
	props, defaults := next.Props(), portalDefaults(strings.ToLower(next.ID.Name()))
	props.DeleteFunc(func(name string, _ jsondoc.Value) bool { return !defaults.Has(name) })
	complete(props, defaults)
}

// complete gives o the members that it lacks.
func complete(o, defaults *jsondoc.Object) {
	for name, v := range defaults.All() {
		inner, level := v.(*jsondoc.Object)
		switch {
		case level && o.Object(name) != nil:
			complete(o.Object(name), inner)
		case v != nil && !o.Has(name):
			o.Set(name, v)
		}
	}
}

// checkPortalSettings lets the key belong to delegation alone.
func checkPortalSettings(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	if !strings.EqualFold(next.ID.Name(), "delegation") && next.Secret.Len() > 0 {
		return validation("validationKey", "validationKey belongs to the settings delegation")
	}
	return nil
}

func showPortalSettings(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props, given := object(), out.Object("properties")
	for _, name := range []string{"url", "validationKey", "subscriptions", "userRegistration", "enabled", "termsOfService"} {
		v, _ := given.Get(name)
		props.Set(name, v)
	}
	switch strings.ToLower(r.ID.Name()) {
	case "delegation":
		props.Set("enabled", false)
	case "signup":
		if terms := props.Object("termsOfService"); terms != nil && !terms.Has("text") {
			terms.Set("text", nil)
		}
	}
	out.Set("properties", props)
}

// onlyFor is an action that one name of a type has; the others answer as if there were none.
func onlyFor(name string, do arm.Handler) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		if !strings.EqualFold(op.ID.Name(), name) {
			return nil, notFound(op.Route.Type.Noun)
		}
		return do(op)
	}
}

// inTier refuses what the tier of a service does not have: "classic" is what neither
// Consumption nor the V2 tiers have, "portal" what Consumption lacks (apim-control-plane.md
// 2.1; the error is the one that the service gives for its Consumption tier).
func inTier(service *arm.Resource, feature string) error {
	sku := service.Body.String("sku.name")
	if strings.EqualFold(sku, "Consumption") || feature == "classic" && strings.HasSuffix(strings.ToLower(sku), "v2") {
		return refusal(gatehouse.Invalid, "MethodNotAllowedInPricingTier", "Method not allowed in %s pricing tier", sku)
	}
	return nil
}
