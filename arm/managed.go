package arm

import (
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Identities gives resources their managed identities: the identity member that
// tracked resources of many types have. A system-assigned one is a service principal
// of the directory that lives and dies with its resource; user-assigned ones are
// resources that the caller has to have the right to assign.
type Identities struct {
	Tenant    gatehouse.GUID
	Directory *directory.Index
}

const (
	identityType = "Microsoft.ManagedIdentity/userAssignedIdentities"
	assignAction = identityType + "/assign/action"
)

// Links is the linked check of a type with identities (rbac.md 5.3).
func (m Identities) Links(_ *Op, body *jsondoc.Object) ([]LinkedAccess, error) {
	var links []LinkedAccess
	for text, v := range body.Object("identity").Object("userAssignedIdentities").All() {
		id, err := gatehouse.ParseID(text)
		if err != nil || fold(id.Type()) != fold(identityType) {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "LinkedInvalidPropertyId", "Property id '%s' at path 'identity.userAssignedIdentities' is invalid. It has to be the resource ID of a user-assigned identity.", clip(text))
		}
		if v != nil { // null takes it away
			links = append(links, LinkedAccess{Action: assignAction, ID: id})
		}
	}
	return links, nil
}

// Settle brings the identity of next into its form and creates or deletes the
// system-assigned one. It belongs into the type's Put hook.
func (m Identities) Settle(op *Op, tx *store.Tx, old, next *Resource) error {
	var before *jsondoc.Object
	if old != nil {
		before = old.Body.Object("identity")
	}
	system, user, err := identityKinds(next.Body.Object("identity"))
	if err != nil {
		return err
	}
	had := before.String("principalId")
	identity := &jsondoc.Object{}
	switch {
	case system && had == "":
		if had, err = m.create(tx, next); err != nil {
			return err
		}
	case !system && had != "":
		if err := m.Remove(op, tx, old); err != nil {
			return err
		}
	}
	kinds := []string{}
	if system {
		kinds = append(kinds, "SystemAssigned")
		identity.Set("principalId", had)
		identity.Set("tenantId", m.Tenant.String())
	}
	if user != nil {
		kinds = append(kinds, "UserAssigned")
		assigned, err := m.assigned(op, tx, user)
		if err != nil {
			return err
		}
		identity.Set("userAssignedIdentities", assigned)
	}
	if len(kinds) == 0 {
		next.Body.Delete("identity")
		return nil
	}
	identity.Set("type", strings.Join(kinds, ", "))
	next.Body.Set("identity", identity)
	return nil
}

// identityKinds reads identity.type; user is nil when no user-assigned ones are wanted.
func identityKinds(identity *jsondoc.Object) (system bool, user *jsondoc.Object, err error) {
	if identity == nil {
		return false, nil, nil
	}
	given := identity.Object("userAssignedIdentities")
	for kind := range strings.SplitSeq(identity.String("type"), ",") {
		switch fold(strings.TrimSpace(kind)) {
		case "none", "":
		case "systemassigned":
			system = true
		case "userassigned":
			if given.Len() == 0 {
				return false, nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidIdentityValues", "The identity type UserAssigned needs at least one resource ID in identity.userAssignedIdentities.").At("identity.userAssignedIdentities")
			}
			user = given
		default:
			return false, nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidIdentityValues", "The identity type '%s' is not one of None, SystemAssigned, UserAssigned and 'SystemAssigned, UserAssigned'.", clip(kind)).At("identity.type")
		}
	}
	return system, user, nil
}

func (m Identities) create(tx *store.Tx, r *Resource) (principal string, err error) {
	id, client, enabled := gatehouse.NewGUID(), gatehouse.NewGUID(), true
	sp := &directory.ServicePrincipal{ID: id, AppID: client, DisplayName: r.ID.Name(), Type: directory.KindManagedIdentity, AccountEnabled: &enabled,
		AlternativeNames: []string{"isExplicit=False", r.ID.String()}, Names: []string{client.String()}}
	d, err := sp.Document(directory.Secrets{})
	if err != nil {
		return "", err
	}
	return id.String(), tx.Put(d)
}

// assigned shows each user-assigned identity with its principal and client ID.
func (m Identities) assigned(op *Op, tx *store.Tx, given *jsondoc.Object) (*jsondoc.Object, error) {
	out := &jsondoc.Object{}
	for text, v := range given.All() {
		if v == nil {
			continue
		}
		id, err := gatehouse.ParseID(text)
		if err != nil {
			return nil, err // Links has refused it already
		}
		r, err := op.Load(tx, id)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "FailedIdentityOperation", "The identity '%s' was not found. Create it first.", clip(text)).At("identity.userAssignedIdentities")
		}
		if err != nil {
			return nil, err
		}
		out.Set(r.ID.String(), jsondoc.NewObject("principalId", r.Props().String("principalId"), "clientId", r.Props().String("clientId")))
	}
	return out, nil
}

// Remove deletes the system-assigned identity of r with its memberships; its role
// assignments stay behind, as in Azure, and grant nothing to anybody.
func (m Identities) Remove(op *Op, tx *store.Tx, r *Resource) error {
	principal, err := gatehouse.ParseGUID(r.Body.String("identity.principalId"))
	if err != nil {
		return nil
	}
	err = m.Directory.Delete(op.Context, tx, directory.ServicePrincipalID(principal))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	return err
}
