package apim

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// subscriptions are keys to a service, a product or an API. Their keys are shown
// by the answer to a write and by listSecrets, never by GET (apim-control-plane.md 1.9).
func subscriptions() *arm.Type {
	return entity(arm.Type{
		Segment: "subscriptions", Noun: "Subscription", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Filter: searchable("name displayName stateComment ownerId scope userId productId", "state(eq)"),
		Model: arm.NewModel(`
			properties.displayName  string max=100
			properties.scope        string
			properties.ownerId      string
			properties.primaryKey   string secret min=1 max=256
			properties.secondaryKey string secret min=1 max=256
			properties.state        enum(suspended|active|expired|submitted|rejected|cancelled)
			properties.allowTracing bool default=false
			properties.stateComment string
			properties.startDate        datetime
			properties.expirationDate   datetime
			properties.endDate          datetime readonly
			properties.notificationDate datetime
			properties.createdDate  string readonly
		`),
		Hooks: arm.Hooks{Check: checkSubscription, Show: showSubscription, Field: subscriptionField},
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
	scope, err := subscriptionScope(op, tx, next.ID.Parent().String(), props.String("scope"))
	if err != nil {
		return err
	}
	props.Set("scope", scope)
	if owner := props.String("ownerId"); strings.HasPrefix(strings.ToLower(owner), "/users/") {
		props.Set("ownerId", serviceOf(next.ID).String()+owner)
	}
	for _, key := range []string{"properties.primaryKey", "properties.secondaryKey"} {
		if next.SecretString(key) == "" {
			next.SetSecret(key, newKey())
		}
	}
	if old == nil {
		props.Set("createdDate", gatehouse.Timestamp(op.Now))
	}
	if !props.Has("state") {
		props.Set("state", initialState(op, tx, old, scope))
	}
	return nil
}

// subscriptionScope completes a relative scope and checks that it exists. A full one
// is kept as it was sent (apim-control-plane.md 2.3).
func subscriptionScope(op *arm.Op, tx *store.Tx, holder, text string) (string, error) {
	malformed := validation("scope", "Subscription scope should be one of '/apis', '/apis/{apiId}', '/products/{productId}'")
	full := text
	if !strings.HasPrefix(strings.ToLower(text), "/subscriptions/") {
		full = holder + "/" + strings.TrimLeft(text, "/")
	}
	rest, inside := strings.CutPrefix(gatehouse.Fold(full), gatehouse.Fold(holder)+"/")
	if text == "" || !inside {
		return "", malformed
	}
	family, name, named := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	nouns := map[string]string{"apis": "Api", "products": "Product"}
	switch {
	case !named && (family == "" || family == "apis"):
		return full, nil
	case !named || nouns[family] == "" || strings.Contains(name, "/"):
		return "", malformed
	}
	id, err := gatehouse.ParseID(strings.TrimSuffix(full, "/"))
	if err != nil {
		return "", malformed
	}
	if err := entityExists(op, tx, id, nouns[family]); gatehouse.KindOf(err) == gatehouse.NotFound {
		return "", validation("scope", "%s not found.", nouns[family])
	} else if err != nil {
		return "", err
	}
	return full, nil
}

// initialState is that of a subscription for which the caller named none: to be
// approved when its product asks for that. An update without one keeps what there was.
func initialState(op *arm.Op, tx *store.Tx, old *arm.Resource, scope string) string {
	if old != nil && old.Props().Has("state") {
		return old.Props().String("state")
	}
	if id, err := gatehouse.ParseID(scope); err == nil {
		if product, err := op.Load(tx, id); err == nil && product.Props().Bool("approvalRequired") {
			return "submitted"
		}
	}
	return "active"
}

// subscriptionField gives $filter what follows from scope and owner.
func subscriptionField(r *arm.Resource, name string) (any, bool) {
	switch strings.ToLower(name) {
	case "userid":
		return lastPart(r.Props().String("ownerId")), true
	case "productid":
		if _, product, ok := strings.Cut(gatehouse.Fold(r.Props().String("scope")), "/products/"); ok {
			return product, true
		}
		return nil, true
	}
	return nil, false
}

func showSubscription(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	for _, name := range []string{"displayName", "startDate", "expirationDate", "endDate", "notificationDate", "stateComment"} {
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
			return op.Save(tx, r)
		})
		if err != nil {
			return nil, err
		}
		return &arm.Answer{Status: http.StatusNoContent}, nil
	}
}

// newKey is a subscription key: 32 lower-case hexadecimal digits.
func newKey() string {
	var b [16]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// subscriptionsTo lists the subscriptions to a product or an API, by the service or workspace that holds it.
func subscriptionsTo(op *arm.Op, tx *store.Tx, r *arm.Resource) ([]*store.Document, error) {
	holder := r.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: typeBeside(r, "subscriptions"), Parent: &holder})
	if err != nil {
		return nil, err
	}
	var found []*store.Document
	for _, d := range page.Documents {
		subscription, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		if scope, err := gatehouse.ParseScope(subscription.Props().String("scope")); err == nil && scope == r.ID.Scope() {
			found = append(found, d)
		}
	}
	return found, nil
}

func deleteAll(tx *store.Tx, documents []*store.Document) error {
	for _, d := range documents {
		if _, err := tx.Delete(d.Key()); err != nil {
			return err
		}
	}
	return nil
}
