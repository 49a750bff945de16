// Package identity is Microsoft.ManagedIdentity: user-assigned identities and
// their federated credentials.
//
// An identity is an ARM resource and a service principal of the directory, written
// and deleted in one transaction, so that it can sign in and hold roles at once
// (clients.md section 5). Signing in is entra's business.
package identity

import (
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Namespace is the provider namespace.
const Namespace = "Microsoft.ManagedIdentity"

// maxFederated is Azure's limit of federated credentials on one identity.
const maxFederated = 20

// New declares the provider.
func New(tenant gatehouse.GUID, d *directory.Index) *arm.Provider {
	p := &provider{tenant, d}
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Microsoft Managed Identity",
		Versions: []string{"2024-11-30", "2023-01-31", "2022-01-31-preview", "2018-11-30"},
		Mounts:   []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{p.identities()}}},
		Calls: []arm.Call{
			{Method: "GET", Path: "{scope}/providers/" + Namespace + "/identities/default", Action: Namespace + "/identities/read", Do: p.systemAssigned},
		},
	}
}

// systemAssigned shows the system-assigned identity of any resource that has one.
func (p *provider) systemAssigned(op *arm.Op) (*arm.Answer, error) {
	id, err := gatehouse.ParseID(op.Params["scope"])
	if err != nil {
		return nil, err
	}
	if err := op.Exists(op.Store(), id); err != nil {
		return nil, err
	}
	r, err := op.Load(op.Store(), id)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, noIdentity(id)
	}
	if err != nil {
		return nil, err
	}
	principal, err := gatehouse.ParseGUID(r.Body.String("identity.principalId"))
	if err != nil {
		return nil, noIdentity(id)
	}
	sp, ok := p.directory.Principal(principal)
	if !ok {
		return nil, noIdentity(id)
	}
	tags := r.Body.Object("tags")
	if tags == nil {
		tags = jsondoc.NewObject()
	}
	return arm.OK(jsondoc.NewObject("id", r.ID.Extension(Namespace, "identities", "default").String(), "name", "default", "type", Namespace+"/identities",
		"location", r.Body.String("location"), "tags", tags, "properties",
		jsondoc.NewObject("tenantId", p.tenant.String(), "principalId", principal.String(), "clientId", sp.AppID.String()))), nil
}

func noIdentity(id gatehouse.ID) error {
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "The resource '%s' has no system-assigned identity.", id.Name())
}

type provider struct {
	tenant    gatehouse.GUID
	directory *directory.Index
}

func (p *provider) identities() *arm.Type {
	return &arm.Type{
		Segment: "userAssignedIdentities", Shape: arm.Object, Noun: "Identity", Tracked: true,
		Name: arm.NameRule{Min: 3, Max: 128, Pattern: `[A-Za-z0-9][A-Za-z0-9_-]*`},
		Model: arm.NewModel(`
			location string max=90
			tags     map
			properties.tenantId       string readonly
			properties.principalId    string readonly
			properties.clientId       string readonly
			properties.isolationScope enum(None|Regional) since=2024-11-30
		`),
		Hooks: arm.Hooks{Put: p.put, Delete: p.remove},
		Holds: []*arm.Type{federated},
	}
}

// put gives a new identity its ids and writes its service principal.
func (p *provider) put(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil {
		return nil
	}
	principal, client := gatehouse.NewGUID(), gatehouse.NewGUID()
	props := next.Props()
	props.Set("tenantId", p.tenant.String())
	props.Set("principalId", principal.String())
	props.Set("clientId", client.String())
	enabled := true
	sp := &directory.ServicePrincipal{ID: principal, AppID: client, DisplayName: next.ID.Name(), Type: directory.KindManagedIdentity, AccountEnabled: &enabled,
		AlternativeNames: []string{"isExplicit=True", next.ID.String()}, Names: []string{client.String()}}
	d, err := sp.Document(directory.Secrets{})
	if err != nil {
		return err
	}
	return tx.Put(d)
}

// remove deletes the service principal and its memberships; its role assignments
// stay behind, as in Azure, and grant nothing to anybody.
func (p *provider) remove(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	principal, err := gatehouse.ParseGUID(old.Props().String("principalId"))
	if err != nil {
		return nil
	}
	return p.directory.Delete(op.Context, tx, directory.ServicePrincipalID(principal))
}

var federated = &arm.Type{
	Segment: "federatedIdentityCredentials", Shape: "list get put delete", Noun: "Federated identity credential",
	Name: arm.NameRule{Min: 3, Max: 120, Pattern: `[A-Za-z0-9][A-Za-z0-9_-]*`},
	Model: arm.NewModel(`
		properties.issuer    string required min=1 max=600
		properties.subject   string required min=1 max=600
		properties.audiences array(string) required max=10
	`),
	Hooks: arm.Hooks{Check: checkFederated},
}

// checkFederated refuses issuers that could not be verified and a second credential for the same tokens.
func checkFederated(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	if len(props.Array("audiences")) == 0 {
		return gatehouse.Errorf(gatehouse.Invalid, "BadRequest", "A federated identity credential needs at least one audience; for this server's own token endpoint that is usually 'api://AzureADTokenExchange'.").At("properties.audiences")
	}
	issuer, err := url.Parse(props.String("issuer"))
	if err != nil || issuer.Scheme != "https" || issuer.Host == "" || issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		return gatehouse.Errorf(gatehouse.Invalid, "BadRequest", "The issuer '%s' is not valid: it has to be an https URL without query or fragment.", props.String("issuer")).At("properties.issuer")
	}
	parent := op.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: next.Type, Parent: &parent})
	if err != nil {
		return err
	}
	others := 0
	for _, d := range page.Documents {
		if d.Key() == next.ID.Scope() {
			continue
		}
		others++
		other, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if same(other.Props(), props) {
			return gatehouse.Errorf(gatehouse.Conflict, "Conflict", "Issuer and subject combination already exists for this Managed Identity.")
		}
	}
	if others >= maxFederated {
		return gatehouse.Errorf(gatehouse.Invalid, "FederatedIdentityCredentialLimit", "An identity can have %d federated credentials; this one has %d.", maxFederated, others)
	}
	return nil
}

func same(a, b *jsondoc.Object) bool {
	return strings.TrimSuffix(a.String("issuer"), "/") == strings.TrimSuffix(b.String("issuer"), "/") && a.String("subject") == b.String("subject")
}
