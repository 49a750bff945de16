package apim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// portalConfigs holds one document, default: what the developer portal is told about
// signing in, delegation and what browsers may do. PUT needs If-Match, since it is always there.
func portalConfigs() *arm.Type {
	return published("service/portalconfigs", `
		properties.enableBasicAuth          bool default=true
		properties.delegation.validationKey string secret
		properties.csp.mode                 enum(enabled|disabled|reportOnly)
	`, arm.Type{
		Noun: "PortalConfig", Name: arm.NameRule{Only: []string{"default"}}, Always: []string{"default"},
		Hooks:   arm.Hooks{Initial: initialPortalConfig, Default: defaultPortalConfig, Show: showPortalConfig},
		Actions: []arm.Action{{Name: "listDelegationSecrets", Do: reveal(map[string]string{"validationKey": "properties.delegation.validationKey"})}},
	})
}

// The answers of a new service (apim-defaults.md).
func portalConfigDefaults() *jsondoc.Object {
	return object("enableBasicAuth", true,
		"signin", object("require", false),
		"signup", object("termsOfService", object("text", nil, "requireConsent", false)),
		"delegation", object("delegateRegistration", false, "delegateSubscription", false, "delegationUrl", nil, "validationKey", nil),
		"cors", object("allowedOrigins", []jsondoc.Value{}),
		"csp", object("mode", "disabled", "reportUri", []jsondoc.Value{}, "allowedSources", []jsondoc.Value{}))
}

func initialPortalConfig(_ *arm.Op, service *arm.Resource, _ string) (*jsondoc.Object, error) {
	if err := inTier(service, "portal"); err != nil {
		return nil, err
	}
	body := object("properties", portalConfigDefaults())
	dropNulls(body)
	return body, nil
}

func defaultPortalConfig(_ *arm.Op, next *arm.Resource) {
	complete(next.Props(), portalConfigDefaults())
}

func showPortalConfig(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	for path, member := range map[string]string{"properties.signup.termsOfService": "text", "properties.delegation": "delegationUrl"} {
		if level := out.Object(path); level != nil && !level.Has(member) {
			level.Set(member, nil)
		}
	}
	if delegation := out.Object("properties.delegation"); delegation != nil {
		delegation.Set("validationKey", nil)
	}
}

// portalRevisions are publications of the developer portal. A PUT takes a snapshot of
// the content there is and is done with it, so a revision is completed when it appears;
// what was published never changes, only the description and which revision is current
// (apim-control-plane.md 2.6). Putting a revision again is no new publication.
func portalRevisions() *arm.Type {
	t := published("service/portalRevisions", `
		properties.isCurrent bool default=false
		snapshot             string readonly
	`, arm.Type{
		Noun: "PortalRevision", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: searchable("name description", "isCurrent(eq,ne)"),
		Status: arm.Status{Update: http.StatusCreated, Patch: http.StatusOK}, // a PUT answers nothing but 201 (1.7)
		Hooks:  arm.Hooks{Check: mayPublish, Put: publish, Show: showRevision},
	})
	t.Count = true
	return t
}

func mayPublish(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	service, err := op.Load(tx, next.ID.Parent())
	if err != nil {
		return err
	}
	return inTier(service, "portal")
}

func publish(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	if old == nil {
		snapshot, err := takeSnapshot(op, tx, next.ID.Parent())
		if err != nil {
			return err
		}
		next.Body.Set("snapshot", snapshot)
		props.Set("status", "completed")
		props.Set("createdDateTime", gatehouse.Timestamp(op.Now))
	}
	if old == nil || !jsondoc.Equal(old.Body, next.Body) {
		props.Set("updatedDateTime", gatehouse.Timestamp(op.Now))
	}
	if props.Bool("isCurrent") && (old == nil || !old.Props().Bool("isCurrent")) {
		return retire(op, tx, next)
	}
	return nil
}

// retire ends the time of the revision that was current before next.
func retire(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	all, err := op.Children(tx, next.ID.Parent(), op.Server.TypeOf(next.Type))
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.ID.Scope() == next.ID.Scope() || !r.Props().Bool("isCurrent") {
			continue
		}
		r.Props().Set("isCurrent", false)
		r.Props().Set("updatedDateTime", gatehouse.Timestamp(op.Now))
		if err := op.Save(tx, r); err != nil {
			return err
		}
	}
	return nil
}

func showRevision(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	out.Delete("snapshot")
	for _, member := range []string{"description", "statusDetails"} {
		if props := out.Object("properties"); !props.Has(member) {
			props.Set(member, nil)
		}
	}
}

// snapshotType holds what revisions published, one document per state of the content:
// revisions of the same content share it.
const snapshotType = serviceType + "/portalSnapshots"

// takeSnapshot keeps all content items of a service as they are now and returns the snapshot's name.
func takeSnapshot(op *arm.Op, tx *store.Tx, service gatehouse.ID) (string, error) {
	scope := service.Scope()
	page, err := tx.List(op.Context, store.Query{Type: serviceType + "/contentTypes/contentItems", Under: &scope})
	if err != nil {
		return "", err
	}
	items := []jsondoc.Value{}
	for _, d := range page.Documents {
		item, err := arm.FromDocument(d)
		if err != nil {
			return "", err
		}
		properties, _ := item.Body.Get("properties")
		items = append(items, object("id", shortID(item.ID), "properties", properties))
	}
	slices.SortFunc(items, func(a, b jsondoc.Value) int {
		return strings.Compare(a.(*jsondoc.Object).String("id"), b.(*jsondoc.Object).String("id"))
	})
	body := object("items", items)
	sum := sha256.Sum256(jsondoc.Marshal(body))
	name := hex.EncodeToString(sum[:])
	id := service.Child("portalSnapshots", name)
	if _, err := tx.Get(op.Context, id.Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
		return name, err
	}
	return name, op.Save(tx, &arm.Resource{ID: id, Type: snapshotType, Body: body})
}

// Published is what a portal revision shows: its content items, each with the id that
// content has, /contentTypes/page/contentItems/home, and its properties.
func Published(ctx context.Context, r store.Reader, revision gatehouse.ID) ([]*jsondoc.Object, error) {
	published, err := read(ctx, r, revision)
	if err != nil {
		return nil, err
	}
	snapshot, err := read(ctx, r, revision.Parent().Child("portalSnapshots", published.Body.String("snapshot")))
	if err != nil {
		return nil, err
	}
	var items []*jsondoc.Object
	for _, v := range snapshot.Body.Array("items") {
		if item, ok := v.(*jsondoc.Object); ok {
			items = append(items, item)
		}
	}
	return items, nil
}

func read(ctx context.Context, r store.Reader, id gatehouse.ID) (*arm.Resource, error) {
	d, err := r.Get(ctx, id.Scope())
	if err != nil {
		return nil, err
	}
	return arm.FromDocument(d)
}

// publicSettings are what a portal's visitors may know of portalsettings: settings/public,
// which nobody writes. Its entity tag is that of the setting changed last.
func publicSettings() *arm.Type {
	return published("service/settings", "", arm.Type{
		Noun: "TenantSettings", Name: arm.NameRule{Only: []string{"public"}},
		Do: map[arm.Verb]arm.Handler{arm.Get: getSettings, arm.List: listSettings},
	})
}

func getSettings(op *arm.Op) (*arm.Answer, error) {
	if !strings.EqualFold(op.ID.Name(), "public") {
		if err := op.Exists(op.Store(), op.ID.Parent()); err != nil {
			return nil, err
		}
		return nil, notFound(op.Route.Type.Noun)
	}
	r, err := settingsOf(op, op.ID.Parent())
	if err != nil {
		return nil, err
	}
	return arm.OK(op.Show(r)).With("ETag", op.Route.Type.Tag(r)), nil
}

func listSettings(op *arm.Op) (*arm.Answer, error) {
	r, err := settingsOf(op, op.ID)
	if err != nil {
		return nil, err
	}
	return op.PageOf([]*arm.Resource{r}, nil)
}

func settingsOf(op *arm.Op, service gatehouse.ID) (*arm.Resource, error) {
	if err := op.Exists(op.Store(), service); err != nil {
		return nil, err
	}
	all, err := op.Children(op.Store(), service, op.Server.TypeOf(serviceType+"/portalsettings"))
	if err != nil {
		return nil, err
	}
	by, revision := map[string]*jsondoc.Object{}, int64(0)
	for _, r := range all {
		by[strings.ToLower(r.ID.Name())] = r.Props()
		revision = max(revision, r.Revision)
		service = r.ID.Parent()
	}
	terms, _ := by["signup"].Lookup("termsOfService.text")
	return &arm.Resource{ID: service.Child("settings", "public"), Type: op.Route.TypeName, Revision: revision, Body: object("properties", object("settings", object(
		"CustomPortalSettings.UserRegistrationTerms", terms,
		"CustomPortalSettings.UserRegistrationTermsEnabled", truth(by["signup"].Bool("termsOfService.enabled")),
		"CustomPortalSettings.UserRegistrationTermsConsentRequired", truth(by["signup"].Bool("termsOfService.consentRequired")),
		"CustomPortalSettings.DelegationEnabled", truth(by["delegation"].Bool("userRegistration.enabled")),
		"CustomPortalSettings.DelegationUrl", by["delegation"].String("url"),
		"CustomPortalSettings.DelegatedSubscriptionEnabled", truth(by["delegation"].Bool("subscriptions.enabled")))))}, nil
}

// truth is a boolean in the service's spelling for settings.
func truth(b bool) string {
	if b {
		return "True"
	}
	return "False"
}
