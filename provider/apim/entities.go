package apim

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// namedValues keep their value sealed, secret or not, and show it when it is not one.
func namedValues() *arm.Type {
	return entity(arm.Type{
		Segment: "namedValues", Noun: "Property", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: "tags displayName",
		Model: arm.NewModel(`
			properties.displayName string required min=1 max=256 pattern=^[A-Za-z0-9-._]+$
			properties.value       string secret max=4096
			properties.secret      bool default=false
			properties.tags        array(string) max=32
			properties.keyVault    any
		`),
		Hooks: arm.Hooks{Check: checkNamedValue, Show: func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
			if !r.Props().Bool("secret") {
				out.SetPath("properties.value", r.SecretString("properties.value"))
			}
		}},
		Actions: []arm.Action{{Name: "listValue", Do: reveal(map[string]string{"value": "properties.value"})}},
	})
}

func checkNamedValue(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	if strings.TrimSpace(next.SecretString("properties.value")) == "" && !next.Props().Has("keyVault") {
		return validation("value", "value should not be empty")
	}
	parent := op.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: next.Type, Parent: &parent})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		other, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if d.Key() != next.ID.Scope() && strings.EqualFold(other.Props().String("displayName"), next.Props().String("displayName")) {
			return validation("name", "Property with the same name already exist.")
		}
	}
	return nil
}

// reveal is a POST action that answers secrets: members of the answer by path. It is recorded.
func reveal(members map[string]string) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		r, err := op.Existing()
		if err != nil {
			return nil, err
		}
		if err := op.Record("secrets revealed"); err != nil {
			return nil, err
		}
		out := object()
		for _, name := range sortedNames(members) {
			out.Set(name, r.SecretString(members[name]))
		}
		return arm.OK(out).With("ETag", arm.Tag(r.Revision)), nil
	}
}

func sortedNames(m map[string]string) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// policies have one document per scope. Until the engine of policies checks them
// whole, a document has to be well-formed and have the root element policies.
func policies(scope string) *arm.Type {
	t := entity(arm.Type{
		Segment: "policies", Shape: arm.Document, Noun: "PoliciesConfiguration", Name: arm.NameRule{Only: []string{"policy"}},
		Model: arm.NewModel(`
			properties.value  string required
			properties.format enum(xml|rawxml|xml-link|rawxml-link) default="xml"
		`),
		Hooks: arm.Hooks{Check: checkPolicy},
	})
	return t
}

func checkPolicy(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	format := props.String("format")
	if strings.HasSuffix(format, "-link") {
		return validation("format", "policies are not fetched from links; send the document in value with format xml or rawxml")
	}
	if format == "rawxml" {
		return nil // expressions are not escaped in this form, so it need not be XML
	}
	d := xml.NewDecoder(strings.NewReader(props.String("value")))
	root := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, column := d.InputPos()
			return validation("representation", "'%s' at line %d, position %d.", err, line, column)
		}
		if start, ok := token.(xml.StartElement); ok && root == "" {
			root = start.Name.Local
		}
	}
	if root != "policies" {
		return validation("representation", "The policy document has to have the root element policies; it has '%s'.", root)
	}
	return nil
}

func tags() *arm.Type {
	return entity(arm.Type{
		Segment: "tags", Noun: "Tag", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Filter: "name displayName",
		Model: arm.NewModel(`properties.displayName string required min=1 max=160`),
	})
}

// subscriptions are keys to a service, a product or an API. Their keys are shown
// by the answer to a write and by listSecrets, never by GET (apim-control-plane.md 1.9).
func subscriptions() *arm.Type {
	return entity(arm.Type{
		Segment: "subscriptions", Noun: "Subscription", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: "name displayName stateComment ownerId scope userId productId state",
		Model: arm.NewModel(`
			properties.displayName  string max=100
			properties.scope        string
			properties.ownerId      string
			properties.primaryKey   string secret min=1 max=256
			properties.secondaryKey string secret min=1 max=256
			properties.state        enum(suspended|active|expired|submitted|rejected|cancelled)
			properties.allowTracing bool default=false
			properties.stateComment string
			properties.createdDate  string readonly
		`),
		Hooks: arm.Hooks{Check: checkSubscription, Show: showSubscription},
		Actions: []arm.Action{
			{Name: "listSecrets", Do: reveal(map[string]string{"primaryKey": "properties.primaryKey", "secondaryKey": "properties.secondaryKey"})},
			{Name: "regeneratePrimaryKey", Do: regenerate("properties.primaryKey")},
			{Name: "regenerateSecondaryKey", Do: regenerate("properties.secondaryKey")},
		},
	})
}

func checkSubscription(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	if props.String("displayName") == "" {
		return validation("name", "name (display name) should not be empty")
	}
	scope, err := subscriptionScope(op, tx, props.String("scope"))
	if err != nil {
		return err
	}
	props.Set("scope", scope)
	for _, key := range []string{"properties.primaryKey", "properties.secondaryKey"} {
		if next.SecretString(key) == "" {
			next.SetSecret(key, newKey())
		}
	}
	if old != nil {
		return nil
	}
	props.Set("createdDate", stamp(op.Now))
	if !props.Has("state") {
		props.Set("state", initialState(op, tx, scope))
	}
	return nil
}

// subscriptionScope completes a relative scope and checks that it exists.
func subscriptionScope(op *arm.Op, tx *store.Tx, text string) (string, error) {
	service := serviceOf(op.ID).String()
	full := text
	if !strings.HasPrefix(strings.ToLower(text), "/subscriptions/") {
		full = service + "/" + strings.TrimLeft(text, "/")
	}
	rest, inside := strings.CutPrefix(strings.ToLower(full), strings.ToLower(service))
	if text == "" || !inside {
		return "", validation("scope", "scope has to be this service, /apis, /apis/{id} or /products/{id}")
	}
	switch strings.Trim(rest, "/") {
	case "", "apis":
		return full, nil
	}
	id, err := gatehouse.ParseID(full)
	if err != nil {
		return "", validation("scope", "scope is not a resource id: %s", text)
	}
	return full, entityExists(op, tx, id, "Scope")
}

func initialState(op *arm.Op, tx *store.Tx, scope string) string {
	if id, err := gatehouse.ParseID(scope); err == nil {
		if product, err := op.Load(tx, id); err == nil && product.Props().Bool("approvalRequired") {
			return "submitted"
		}
	}
	return "active"
}

func showSubscription(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	for _, name := range []string{"startDate", "expirationDate", "endDate", "notificationDate", "stateComment"} {
		if !props.Has(name) {
			props.Set(name, nil)
		}
	}
	if op.Method == http.MethodPut || op.Method == http.MethodPatch {
		props.Set("primaryKey", r.SecretString("properties.primaryKey"))
		props.Set("secondaryKey", r.SecretString("properties.secondaryKey"))
	}
}

func regenerate(path string) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		err := op.Write(nil, func(tx *store.Tx) error {
			r, err := op.ExistingIn(tx)
			if err != nil {
				return err
			}
			r.SetSecret(path, newKey())
			return arm.Save(tx, r)
		})
		if err != nil {
			return nil, err
		}
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
}

// workspaces hold entities of their own; the families are the same declarations.
func workspaces() *arm.Type {
	return entity(arm.Type{
		Segment: "workspaces", Noun: "Workspace", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Filter: "name displayName description",
		Model: arm.NewModel(`
			properties.displayName string required
			properties.description string
		`),
		Holds: []*arm.Type{apis(), products(), namedValues(), policies("workspace"), tags(), subscriptions()},
	})
}
