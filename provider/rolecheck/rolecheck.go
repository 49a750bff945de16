// Package rolecheck is Gatehouse.Gateway: the setting that makes a gateway ask for role assignments before it
// lets a call of an API through (gateway.md 13). It is a resource of its own beside a service,
// product or API, so that exported policies stay valid on Azure.
//
// It promises that who may change the setting could grant the rights it asks for: writing and deleting it needs
// the right to write role assignments there, too. It leaves the checks to the gateway.
package rolecheck

import (
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Namespace is the provider namespace, Version its api-version.
const (
	Namespace = "Gatehouse.Gateway"
	Version   = "2026-11-01"
)

// grant is the right that a change takes besides its own: to let everybody in is to grant everybody access.
const grant = "Microsoft.Authorization/roleAssignments/write"

// holders are the types that have the setting; those in workspaces too.
var holders = []string{"Microsoft.ApiManagement/service", "Microsoft.ApiManagement/service/apis", "Microsoft.ApiManagement/service/products",
	"Microsoft.ApiManagement/service/workspaces/apis", "Microsoft.ApiManagement/service/workspaces/products"}

// Config is what the provider needs.
type Config struct {
	// Management are resources that tokens for managing are asked for. A backend that is handed one of those could manage.
	// It is called when a setting is written; nil for none.
	Management func() []string
	// Own is the issuer of this server's own tokens; nil for none.
	Own func() string
}

// azureResources are such resources by their names in Azure's public cloud, and that by which policies use connections in somebody's name.
var azureResources = []string{"https://management.azure.com", "https://management.core.windows.net", "https://graph.microsoft.com", "https://azure-api.net/authorization-manager"}

// New declares the provider.
func New(c Config) *arm.Provider {
	return &arm.Provider{
		Namespace: Namespace, DisplayName: "Gatehouse API Gateway", Versions: []string{Version},
		Mounts: []arm.Mount{{At: arm.Anywhere, Types: []*arm.Type{c.roleChecks()}}},
	}
}

func (c Config) management() []string {
	if c.Management == nil {
		return azureResources
	}
	return slices.Concat(azureResources, c.Management())
}

func (c Config) roleChecks() *arm.Type {
	return &arm.Type{
		Segment: "roleChecks", Shape: "list get put patch delete", Noun: "Role check", Name: arm.NameRule{Only: []string{"default"}}, ETag: true, Match: true,
		Model: arm.NewModel(`
			properties.mode         enum(off|audit|enforce) required
			properties.audiences    array(string) max=16
			properties.header       string max=100 pattern=^[A-Za-z0-9!#$%&'*+.^_|~-]+$
			properties.clientCertificates bool
			properties.signIn       bool
			properties.readAction   string max=300
			properties.invokeAction string max=300
		` + issuersModel),
		Hooks: arm.Hooks{Links: links, Default: complete, Check: c.check, Delete: mayDrop, Restore: c.mayRestore},
	}
}

func links(op *arm.Op, _ *jsondoc.Object) ([]arm.LinkedAccess, error) {
	return []arm.LinkedAccess{{Action: grant, ID: op.Asked().Parent()}}, nil
}

// complete fills in the data actions that the built-in catalogue has for calls.
func complete(_ *arm.Op, next *arm.Resource) {
	for _, each := range [][2]string{{"readAction", builtin.CallRead}, {"invokeAction", builtin.CallInvoke}} {
		if next.Props().String(each[0]) == "" {
			next.Props().Set(each[0], each[1])
		}
	}
}

func (c Config) check(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	holder := next.ID.Parent()
	if !slices.ContainsFunc(holders, func(t string) bool { return gatehouse.EqualFold(t, holder.Type()) }) || strings.Contains(gatehouse.Fold(holder.Name()), ";rev=") {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidRoleCheckScope", "A role check is set for an API Management service, a product, or an API with all its revisions; '%s' is none of these.", holder)
	}
	if _, err := tx.Get(op.Context, holder.Scope()); gatehouse.KindOf(err) == gatehouse.NotFound {
		return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "'%s' was not found.", holder)
	} else if err != nil {
		return err
	}
	props := next.Props()
	for _, member := range []string{"readAction", "invokeAction"} {
		action := props.String(member)
		if strings.Contains(action, "*") || builtin.Check(action, true) != nil {
			return gatehouse.Errorf(gatehouse.Invalid, "InvalidRoleCheck", "'%s' is no data action that a role can grant, such as %s.", action, builtin.CallRead).At("properties." + member)
		}
		props.Set(member, builtin.Canonical(action))
	}
	if err := c.checkAudiences(props.Array("audiences"), "properties.audiences", false); err != nil {
		return err
	}
	return c.checkIssuers(op, old, props)
}

// mayDrop refuses to take a setting away without the right to grant. One that goes with what it is for goes.
func mayDrop(op *arm.Op, _ *store.Tx, old *arm.Resource) error {
	if op.ID.Scope() != old.ID.Scope() || op.Can(grant, old.ID.Parent()) {
		return nil
	}
	lacks := &guard.Lacks{Linked: []gatehouse.Linked{{Action: grant, Scope: op.Named(old.ID.Parent()).String()}}}
	return lacks.Refusal("The client '%s' with object id '%s' has permission to delete the role check, but not to perform action '%s' on '%s', which takes it too.",
		op.Caller.Name, op.Caller.ID, grant, old.ID.Parent())
}

// mayRestore is asked of undo, in both directions.
func (c Config) mayRestore(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	at := next
	if at == nil {
		at = old
	}
	if !op.Can(grant, at.ID.Parent()) {
		return gatehouse.Errorf(gatehouse.Forbidden, "LinkedAuthorizationFailed", "A role check is changed by who may perform '%s' on '%s', too.", grant, at.ID.Parent())
	}
	if next == nil {
		return nil
	}
	return c.check(op, tx, old, next)
}
