package apim

import (
	"errors"
	"net/http"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/store"
)

// The largest documents (gateway.md section 16).
const (
	maxPolicy            = 256 << 10
	maxPolicyConsumption = 16 << 10
	maxFragment          = 512 << 10
)

// policies have one document per scope, kept as it was written and answered in the
// form that is asked for (apim-control-plane.md 2.4). What is written is checked whole:
// every element, attribute, expression and reference.
func (p *provider) policies() *arm.Type {
	return published("service/policies", `
		properties.value  string required
		properties.format enum(xml|rawxml|xml-link|rawxml-link) default="xml"
	`, arm.Type{
		Noun: "PoliciesConfiguration", Name: arm.NameRule{Only: []string{"policy"}},
		Hooks: arm.Hooks{Prepare: p.fetchPolicy, Check: checkPolicy, Show: showPolicy},
		Do:    map[arm.Verb]arm.Handler{arm.Get: getPolicy},
	})
}

func checkPolicy(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	d, sku, err := writtenPolicy(op, tx, next, maxPolicy)
	if err != nil {
		return err
	}
	reach := &reach{op: op, r: tx, of: next.ID}
	env := policy.Env{InWorkspace: inWorkspace(next.ID), SKU: sku, Exists: reach.exists}
	scope := policyScope(next.Type)
	if scope == policy.Operation {
		operation, err := op.Load(tx, next.ID.Parent())
		if err != nil {
			return err
		}
		env.Template = operation.Props().String("urlTemplate")
	}
	faults, err := policy.Check(d, scope, env)
	if err != nil {
		return err
	}
	if len(faults) == 0 {
		if faults, err = reach.includes(d, scope, env); err != nil {
			return err
		}
	}
	if len(faults) == 0 {
		if faults, err = reach.resolved(d, nil); err != nil {
			return err
		}
	}
	if len(faults) == 0 {
		if faults, err = unrestricted(op, tx, next.ID, d); err != nil {
			return err
		}
	}
	return policyFaults(faults)
}

// fetchPolicy replaces the address of a document by the document, which is kept as if it had been sent.
func (p *provider) fetchPolicy(op *arm.Op, body *jsondoc.Object) error {
	props := body.Object("properties")
	if props == nil {
		return nil
	}
	name, link := strings.CutSuffix(strings.ToLower(props.String("format")), "-link")
	format, known := policy.FormatNamed(name)
	if !link || !known {
		return nil
	}
	text, _, err := p.links.Get(op.Context, strings.TrimSpace(props.String("value")))
	var fault *apidoc.Fault
	switch {
	case errors.As(err, &fault):
		return validation("value", "The policy document was not fetched: %s", fault.Error())
	case err != nil:
		return err
	case !utf8.Valid(text):
		return validation("value", "The policy document at the link is no text in UTF-8.")
	}
	props.Set("value", strings.TrimPrefix(string(text), "\ufeff"))
	props.Set("format", format.String())
	return nil
}

// writtenPolicy parses what a request brings, and tells the SKU of its service.
func writtenPolicy(op *arm.Op, tx *store.Tx, next *arm.Resource, limit int) (*policy.Document, string, error) {
	props := next.Props()
	format, ok := policy.FormatNamed(props.String("format"))
	if !ok {
		return nil, "", validation("format", "format has to be xml or rawxml, or xml-link or rawxml-link with the address of the document in value")
	}
	props.Set("format", format.String())
	service, err := op.Load(tx, serviceOf(next.ID))
	if err != nil {
		return nil, "", err
	}
	sku, text := service.Body.String("sku.name"), props.String("value")
	if strings.EqualFold(sku, "Consumption") {
		limit = min(limit, maxPolicyConsumption)
	}
	if len(text) > limit {
		return nil, "", validation("value", "The document has %d bytes; a service of the tier %s takes %d at most. Move a part of it into policy fragments.", len(text), sku, limit)
	}
	d, err := policy.Parse(text, format)
	if err != nil {
		return nil, "", validation("representation", "%s", err)
	}
	return d, sku, nil
}

// policyFaults makes one error with a detail per fault, as the service does (gateway.md 5.5).
func policyFaults(faults []policy.Fault) error {
	if len(faults) == 0 {
		return nil
	}
	var details []*gatehouse.Error
	for _, f := range faults {
		details = append(details, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", "%s", f.Error()).At(f.Element))
	}
	return validationError(details)
}

// policyScope is the scope of documents of a type, told by what holds them.
func policyScope(typeName string) policy.Scope {
	switch holder := strings.ToLower(lastPart(strings.TrimSuffix(typeName, "/policies"))); holder {
	case "workspaces":
		return policy.Workspace
	case "products":
		return policy.Product
	case "apis":
		return policy.API
	case "operations":
		return policy.Operation
	case "resolvers":
		return policy.Resolver
	}
	return policy.Global
}

func inWorkspace(id gatehouse.ID) bool { return holderOf(id).Scope() != serviceOf(id).Scope() }

// getPolicy also answers the document alone, to who accepts only that (apim-control-plane.md 2.4).
func getPolicy(op *arm.Op) (*arm.Answer, error) {
	if asked := op.Query.Get("format"); asked != "" {
		if _, ok := policy.FormatNamed(asked); !ok {
			return nil, validation("format", "'%s' is no format to read policies in; use xml or rawxml", asked)
		}
	}
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	a := arm.OK(op.Show(r))
	if media, format := acceptedPolicy(op.Header); media != "" {
		a = &arm.Answer{Status: http.StatusOK, Raw: []byte(policyText(r, format))}
		a.With("Content-Type", media)
	}
	return a.With("ETag", arm.Tag(r.Revision)), nil
}

// acceptedPolicy tells the media type of a request that does not take JSON but a policy
// document, "" for others: the JavaScript clients name all three.
func acceptedPolicy(h http.Header) (media string, f policy.Format) {
	for _, item := range strings.Split(strings.Join(h.Values("Accept"), ","), ",") {
		name, _, _ := strings.Cut(strings.ToLower(item), ";")
		switch name = strings.TrimSpace(name); name {
		case "application/vnd.ms-azure-apim.policy+xml":
			media, f = name, policy.XML
		case "application/vnd.ms-azure-apim.policy.raw+xml":
			if media == "" {
				media, f = name, policy.Raw
			}
		case "":
		default:
			return "", f
		}
	}
	return media, f
}

// showPolicy answers in the format that a GET asks for; all else is xml, the answers to
// writes too (apim-control-plane.md 2.4).
func showPolicy(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	format := policy.XML
	if op.Route.Verb == arm.Get {
		format, _ = policy.FormatNamed(op.Query.Get("format"))
	}
	out.SetPath("properties.value", policyText(r, format))
	out.SetPath("properties.format", format.String())
}

// policyText is the stored document in a format.
func policyText(r *arm.Resource, format policy.Format) string {
	d, err := storedPolicy(r)
	if err != nil || d.Format == format {
		return r.Props().String("value")
	}
	return d.As(format)
}

// storedPolicy parses a stored document. One that was stored before documents were checked may be malformed.
func storedPolicy(r *arm.Resource) (*policy.Document, error) {
	format, _ := policy.FormatNamed(r.Props().String("format"))
	return policy.Parse(r.Props().String("value"), format)
}
