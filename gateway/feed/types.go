package feed

import (
	"encoding/json"
	"strings"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

const (
	namespace   = "Microsoft.ApiManagement"
	serviceType = namespace + "/service"
	// roleCheckType extends services, products and APIs.
	roleCheckType = "Gatehouse.Gateway/roleChecks"
)

// document is a stored document on its way to an entity.
type document struct {
	service  gatehouse.ID
	relative string // ID below the service
	body     []byte
	secret   []byte // nil for none
	created  config.Time
}

// kind is a type of documents that gateways need.
type kind struct {
	path       string // of types below the service
	typ        string // of documents that extend others, instead
	workspaces bool   // there are such documents in workspaces too
	secret     bool   // they may have secrets
	read       func(*document) (config.Entity, error)
	// faulty is what stands for a document that cannot be read; nil leaves it out.
	faulty func() config.Entity
}

// kinds are all of them but the service itself and workspace gateways.
var kinds = []kind{
	{path: "workspaces", read: plain[config.Workspace]},
	{path: "apiVersionSets", workspaces: true, read: plain[config.VersionSet]},
	{path: "apis", workspaces: true, read: readAPI},
	{path: "apis/operations", workspaces: true, read: readOperation},
	{path: "apis/operations/policies", workspaces: true, read: plain[config.Policy]},
	{path: "apis/policies", workspaces: true, read: plain[config.Policy]},
	{path: "apis/diagnostics", workspaces: true, read: readDiagnostic},
	{path: "apis/schemas", workspaces: true, read: readSchema},
	{path: "apis/resolvers", read: plain[config.Resolver]},
	{path: "apis/resolvers/policies", read: plain[config.Policy]},
	{path: "apis/tools", workspaces: true, read: readTool},
	{path: "products", workspaces: true, read: readProduct},
	{path: "products/apis", workspaces: true, read: readLink(2, "apis")},
	{path: "products/groups", workspaces: true, read: readLink(2, "groups")},
	{path: "products/servicegroups", workspaces: true, read: readServiceGroup},
	{path: "products/policies", workspaces: true, read: plain[config.Policy]},
	{path: "subscriptions", workspaces: true, secret: true, read: readSubscription},
	{path: "users", read: plain[config.User]},
	{path: "groups", workspaces: true, read: plain[config.Group]},
	{path: "groups/users", workspaces: true, read: readMember},
	{path: "clientApplications", read: readClientApplication},
	{path: "clientApplications/productLinks", read: readApplicationProduct},
	{path: "policies", workspaces: true, read: plain[config.Policy]},
	{path: "policyFragments", workspaces: true, read: plain[config.Fragment]},
	{path: "namedValues", workspaces: true, secret: true, read: readNamedValue},
	{path: "schemas", workspaces: true, read: readSchema},
	{path: "backends", workspaces: true, secret: true, read: readBackend},
	{path: "certificates", workspaces: true, secret: true, read: readCertificate},
	{path: "caches", read: plain[config.Cache]},
	{path: "loggers", workspaces: true, read: readLogger},
	{path: "diagnostics", workspaces: true, read: readDiagnostic},
	{path: "authorizationServers", secret: true, read: readAuthorizationServer},
	{path: "openidConnectProviders", secret: true, read: readOpenIDProvider},
	{path: "identityProviders", secret: true, read: readIdentityProvider},
	{path: "authorizationProviders", secret: true, read: readAuthorizationProvider},
	{path: "authorizationProviders/authorizations", secret: true, read: readConnection},
	{path: "authorizationProviders/authorizations/accessPolicies", read: plain[config.AccessPolicy]},
	{path: "gateways", read: readGateway},
	{path: "gateways/apis", read: readLink(2, "apis")},
	{path: "gateways/hostnameConfigurations", read: readGatewayHost},
	{path: "gateways/certificateAuthorities", read: plain[config.GatewayAuthority]},
	{path: "gateways/debugKeys", secret: true, read: readDebugKey},
	{typ: roleCheckType, read: plain[config.RoleCheck], faulty: func() config.Entity { return &config.RoleCheck{Mode: config.Enforce} }},
}

// types are the types of documents that a kind has.
func (k *kind) types() []string {
	if k.typ != "" {
		return []string{k.typ}
	}
	all := []string{serviceType + "/" + k.path}
	if k.workspaces {
		all = append(all, serviceType+"/workspaces/"+k.path)
	}
	return all
}

// kindsByType are the kinds by the folded types of their documents.
var kindsByType = func() map[string]*kind {
	all := map[string]*kind{}
	for i := range kinds {
		for _, typ := range kinds[i].types() {
			all[gatehouse.Fold(typ)] = &kinds[i]
		}
	}
	return all
}()

// serviceIn is the service that a document belongs to, and its ID below that.
func serviceIn(id gatehouse.ID) (service gatehouse.ID, relative string, ok bool) {
	for service = id; !service.IsRoot(); service = service.Parent() {
		if strings.EqualFold(service.Type(), serviceType) {
			relative = id.String()[len(service.String()):]
			if strings.EqualFold(id.Type(), roleCheckType) {
				relative = id.Parent().String()[len(service.String()):] + "/roleChecks/" + id.Name()
			}
			return service, relative, true
		}
	}
	return service, "", false
}

func documentOf(d *store.Document) (*document, bool) {
	service, relative, ok := serviceIn(d.ID)
	return &document{service: service, relative: relative, body: d.Body, secret: d.Secret, created: config.Time{Time: d.Created}}, ok
}

// entity makes what a gateway needs of a document; nil when it cannot be read. The
// reason names no content, which may be secret.
func (k *kind) entity(d *document) (config.Entity, error) {
	e, err := k.read(d)
	if err != nil {
		if k.faulty == nil {
			return nil, err
		}
		e = k.faulty()
	}
	e.SetID(d.relative)
	return e, err
}

// properties decodes the properties of a document into to, a pointer.
func (d *document) properties(to any) error {
	whole := struct {
		Properties any `json:"properties"`
	}{to}
	return json.Unmarshal(d.body, &whole)
}

// secrets are the secrets of a document by path.
func (d *document) secrets() (map[string]string, error) {
	if d.secret == nil {
		return nil, nil
	}
	all := map[string]string{}
	return all, json.Unmarshal(d.secret, &all)
}

// plain reads a document whose properties are spelled as those of the entity.
func plain[T any, P interface {
	*T
	config.Entity
}](d *document) (config.Entity, error) {
	e := P(new(T))
	return e, d.properties(e)
}

// key is the key of an entity of the same service that a document names by its ID, "" for none.
// An ID of another service is none: nothing of it is here.
func (d *document) key(id string) config.Key {
	relative := id
	if full := d.service.String(); len(id) >= len(full) && gatehouse.EqualFold(id[:len(full)], full) {
		relative = id[len(full):]
	} else if strings.Contains(gatehouse.Fold(id), "/providers/") {
		return ""
	}
	if relative = strings.Trim(relative, "/"); relative == "" {
		return ""
	}
	return config.KeyOf("/" + relative)
}

// near is key for what may be in the workspace of the document too, named by its last part alone.
func (d *document) near(id, family string) config.Key {
	if id == "" {
		return ""
	}
	if strings.Contains(strings.Trim(id, "/"), "/") {
		return d.key(id)
	}
	return config.KeyOf(d.relative).Workspace().Child(family, strings.Trim(id, "/"))
}
