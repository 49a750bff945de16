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

// subscriptions are keys to a service, a product or an API. Their keys are shown by
// listSecrets and by the answer to a write, never by GET (apim-control-plane.md 1.9).
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
			properties.expirationDate   datetime
			properties.startDate        string readonly
			properties.endDate          string readonly
			properties.notificationDate string readonly
			properties.createdDate      string readonly
		`),
		Unique: []arm.Unique{{Member: "properties.scope", Value: scopeOf, Shared: true}},
		Hooks:  arm.Hooks{Check: checkSubscription, Put: trackOwner, Delete: dropSubscription, Show: showSubscription, Field: subscriptionField},
		Actions: []arm.Action{
			{Name: "listSecrets", Do: reveal(map[string]string{"primaryKey": "properties.primaryKey", "secondaryKey": "properties.secondaryKey"})},
			{Name: "regeneratePrimaryKey", Do: regenerate("properties.primaryKey")},
			{Name: "regenerateSecondaryKey", Do: regenerate("properties.secondaryKey")},
		},
	})
}

func checkSubscription(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	if props.String("displayName") == "" && (old == nil || old.Props().Has("displayName")) { // those that come with the service have none
		return validation("name", "name (display name) should not be empty")
	}
	scope, err := subscriptionScope(op, tx, next.ID.Parent().String(), props.String("scope"))
	if err != nil {
		return err
	}
	props.Set("scope", scope)
	if err := subscriptionOwner(op, tx, next); err != nil {
		return err
	}
	told := map[string]bool{}
	for _, key := range subscriptionKeys {
		if next.SecretString(key) == "" {
			next.SetSecret(key, newKey())
		}
		told[key] = old == nil || old.SecretString(key) == "" || sent(op, key)
	}
	op.Brought = told
	if old == nil {
		props.Set("createdDate", gatehouse.Timestamp(op.Now))
	}
	if !props.Has("state") {
		props.Set("state", initialState(op, tx, old, scope))
	}
	settleState(op, old, props)
	if isMaster(next) && !(strings.EqualFold(strings.TrimSuffix(scope, "/"), holderOf(next.ID).String()) && props.String("state") == "active") {
		return refusal(gatehouse.Invalid, "ValidationError", "The subscription 'master' is built-in: it is active and gives access to all APIs.")
	}
	return limited(op, tx, next)
}

// isMaster tells the subscription that every service has from the start.
func isMaster(r *arm.Resource) bool {
	return strings.EqualFold(r.ID.Name(), "master") && strings.EqualFold(r.Type, serviceType+"/subscriptions")
}

// subscriptionOwner completes a relative owner, a user of the service, and checks that it exists.
func subscriptionOwner(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	props := next.Props()
	if given := props.String("ownerId"); given != "" && !strings.Contains(strings.ToLower(given), "/providers/") {
		props.Set("ownerId", serviceOf(next.ID).String()+"/"+strings.TrimLeft(given, "/"))
	}
	return reference(op, tx, next.ID, props, "ownerId", "users")
}

// settleState keeps when a subscription ended; the dates tell, they do nothing (apim-control-plane.md 2.3).
func settleState(op *arm.Op, old *arm.Resource, props *jsondoc.Object) {
	state := strings.ToLower(props.String("state"))
	props.Set("state", state)
	ended := state == "cancelled" || state == "expired"
	switch {
	case !ended:
		props.Delete("endDate")
	case old == nil || old.Props().String("state") != state:
		props.Set("endDate", gatehouse.Timestamp(op.Now))
	}
}

// limited refuses more subscriptions of one user to a product than that allows. Those
// that were declined or have ended do not count.
func limited(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	props := next.Props()
	if props.String("ownerId") == "" || over(props.String("state")) {
		return nil
	}
	id, err := gatehouse.ParseID(strings.TrimSuffix(props.String("scope"), "/"))
	if err != nil || !strings.HasSuffix(strings.ToLower(id.Type()), "/products") {
		return nil
	}
	product, err := op.Load(tx, id)
	if err != nil {
		return err
	}
	limit, ok := product.Props().Int("subscriptionsLimit")
	if !ok {
		return nil
	}
	others, err := subscriptionsOf(op, tx, next)
	if err != nil {
		return err
	}
	for _, other := range others {
		same := strings.EqualFold(strings.TrimSuffix(other.Props().String("scope"), "/"), id.String())
		if same && other.ID.Scope() != next.ID.Scope() && !over(other.Props().String("state")) {
			limit--
		}
	}
	if limit <= 0 {
		return refusal(gatehouse.Invalid, "ValidationError", "Subscriptions limit reached for same user")
	}
	return nil
}

func over(state string) bool {
	return state == "rejected" || state == "cancelled" || state == "expired"
}

// subscriptionsOf lists those with the owner of r in the same service or workspace.
func subscriptionsOf(op *arm.Op, tx *store.Tx, r *arm.Resource) ([]*arm.Resource, error) {
	owner, err := gatehouse.ParseID(r.Props().String("ownerId"))
	if err != nil {
		return nil, err
	}
	q, at := store.Query{Type: r.Type}, r.ID.Parent().Scope()
	q.Parent = &at
	if ownerLink(r) != nil {
		at = owner.Scope()
		q.Type = serviceType + "/users/subscriptions"
	}
	return behindAll(op, tx, q, func(subscription *arm.Resource) bool {
		return strings.EqualFold(subscription.Props().String("ownerId"), owner.String())
	})
}

// behindAll reads the subscriptions that a query selects, or that the links lead to which it selects.
func behindAll(op *arm.Op, from store.Reader, q store.Query, keep func(*arm.Resource) bool) ([]*arm.Resource, error) {
	page, err := from.List(op.Context, q)
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, d := range page.Documents {
		if strings.HasSuffix(q.Type, "/users/subscriptions") {
			d, err = from.Get(op.Context, subscriptionBehind(d.ID).Scope())
		}
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // deleted since the list was read
		}
		if err != nil {
			return nil, err
		}
		subscription, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		if keep(subscription) {
			all = append(all, subscription)
		}
	}
	return all, nil
}

// ownerLink is what makes a subscription of the service appear among those of its
// owner, nil when there is none. Workspaces have few and need none.
func ownerLink(r *arm.Resource) *arm.Resource {
	owner, err := gatehouse.ParseID(r.Props().String("ownerId"))
	if err != nil || owner.IsRoot() || !strings.EqualFold(r.Type, serviceType+"/subscriptions") {
		return nil
	}
	return &arm.Resource{ID: owner.Child("subscriptions", r.ID.Name()), Type: serviceType + "/users/subscriptions", Body: object()}
}

// trackOwner keeps the links below users up to date.
func trackOwner(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	link := ownerLink(next)
	if old != nil {
		if before := ownerLink(old); before != nil && (link == nil || before.ID.Scope() != link.ID.Scope()) {
			if err := dropSubscription(op, tx, old); err != nil {
				return err
			}
		}
	}
	if link == nil {
		return nil
	}
	return op.Save(tx, link)
}

func dropSubscription(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if op.Route.Verb == arm.Delete && isMaster(old) && !cascaded(op, old) {
		return refusal(gatehouse.Invalid, "ValidationError", "The subscription 'master' is built-in and cannot be deleted.")
	}
	link := ownerLink(old)
	if link == nil {
		return nil
	}
	return drop(op, tx, link.ID)
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
	if err := entityExists(op, tx, plainAPI(id), nouns[family]); gatehouse.KindOf(err) == gatehouse.NotFound {
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
	writes := op.Method == http.MethodPut || op.Method == http.MethodPatch
	all := writes && op.Can(r.Type+"/listSecrets/action", r.ID) || tellsKeys(op, r)
	told, _ := op.Brought.(map[string]bool)
	for _, key := range subscriptionKeys {
		if all || writes && told[key] {
			out.SetPath(key, r.SecretString(key))
		}
	}
}

// subscriptionKeys are told by the answer to the write that made or brought them, and by
// that to any other write when the caller may list them: the right to write is none to read keys.
var subscriptionKeys = []string{"properties.primaryKey", "properties.secondaryKey"}

// keysHidden is the first api-version whose reads leave keys out (apim-control-plane.md 1.9).
const keysHidden = "2019-12-01"

// tellsKeys reports whether a read by an older api-version shows the keys: to those who
// may list them, and recorded like that.
func tellsKeys(op *arm.Op, r *arm.Resource) bool {
	return op.Method == http.MethodGet && op.Version < keysHidden && r.ID.Parent().Scope() == holderOf(r.ID).Scope() &&
		op.Can(r.Type+"/listSecrets/action", r.ID) && op.Record("secrets revealed") == nil
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
func subscriptionsTo(op *arm.Op, from store.Reader, r *arm.Resource) ([]*arm.Resource, error) {
	return op.Sharing(from, typeBeside(r, "subscriptions"), r.ID.Parent(), "properties.scope", r.ID.Scope().String())
}

// scopeOf is what a subscription opens, however it was written.
func scopeOf(r *arm.Resource) (string, bool) {
	id, err := gatehouse.ParseID(r.Props().String("scope"))
	return plainAPI(id).Scope().String(), err == nil
}

// dropSubscriptions deletes subscriptions because something else goes.
func dropSubscriptions(op *arm.Op, tx *store.Tx, all []*arm.Resource) error {
	for _, subscription := range all {
		if err := dropSubscription(op, tx, subscription); err != nil {
			return err
		}
		if err := op.DeleteTree(tx, subscription.ID); err != nil {
			return err
		}
	}
	return nil
}
