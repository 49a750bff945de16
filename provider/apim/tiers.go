package apim

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
)

// withoutTier names the families that services of a generation of SKUs do not have
// (apim-control-plane.md 2.1; groups: Azure/apiops#686). Everything else they take.
var withoutTier = map[string][]string{
	consumption: {"groups", "portalsettings", "tenant", "gateways", "privateEndpointConnections"},
	v2:          {"portalsettings", "tenant", "gateways"},
}

// admit refuses what a service does not take whatever the caller's rights: families that
// its SKU lacks, and api-versions that it forbids. Anything at all may be done to the
// service itself, so that a constraint can be taken back by every client.
func (p *provider) admit(op *arm.Op) error {
	family := subjectFamily(op)
	if family == "" {
		return nil
	}
	service, err := op.Load(op.Store(), serviceOf(op.ID))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil // the operation says what is missing
	}
	if err != nil {
		return err
	}
	if least := service.Props().String("apiVersionConstraint.minApiVersion"); op.Version < least {
		return versionForbidden(least)
	}
	if s := skuOf(service); slices.Contains(withoutTier[s.generation], family) {
		return refusal(gatehouse.Invalid, "MethodNotAllowedInPricingTier", "Method not allowed in %s pricing tier", s.name)
	}
	return nil
}

// subjectFamily is the type right below a service that an operation is about, "" for what is not below one.
func subjectFamily(op *arm.Op) string {
	rest, below := strings.CutPrefix(op.Route.TypeName, serviceType+"/")
	if !below {
		return ""
	}
	family, _, _ := strings.Cut(rest, "/")
	return family
}

// versionForbidden is worded as the service words it (microsoft/vscode-apimanagement#373).
func versionForbidden(least string) error {
	supported := slices.DeleteFunc(slices.Clone(versions), func(v string) bool { return v < least })
	slices.Sort(supported)
	if len(supported) == 0 {
		supported = []string{least}
	}
	return refusal(gatehouse.Invalid, "MissingOrIncorrectVersionParameter",
		"API version query parameter is not specified or was specified incorrectly.  Supported versions: %s  Example query param format: api-version=SupportedVersion", strings.Join(supported, ","))
}
