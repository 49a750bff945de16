package apim

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// groups say who sees which products. The three of the system are there from the start
// and stay as they are; what else a service or workspace has is custom, or stands for
// a group of a directory (apim-control-plane.md 2.3).
func groups() *arm.Type {
	return published("service/groups", `
		properties.displayName string required min=1 max=300
		properties.type        enum(custom|system|external) default="custom"
		properties.builtIn     bool readonly
	`, arm.Type{
		Noun: "Group", Name: arm.NameRule{Max: 256, Pattern: namePattern},
		Hooks: arm.Hooks{Check: checkGroup, Delete: dropGroup, Show: showGroup},
		Holds: []*arm.Type{groupUsers()},
	})
}

func checkGroup(_ *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	props.Set("type", strings.ToLower(props.String("type")))
	builtIn := old != nil && old.Props().Bool("builtIn")
	switch {
	case builtIn && (props.String("displayName") != old.Props().String("displayName") || props.Has("externalId")):
		return refusal(gatehouse.Invalid, "ValidationError", "The group '%s' is built-in and cannot be renamed.", old.Props().String("displayName"))
	case builtIn:
		props.Set("type", "system")
	case props.String("type") == "system":
		return validation("type", "groups of type system come with the service; create a custom or external one")
	}
	return nil
}

// dropGroup ends the group's ties to products, and so who sees them.
func dropGroup(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	if old.Props().Bool("builtIn") {
		return refusal(gatehouse.Invalid, "ValidationError", "The group '%s' is built-in and cannot be deleted.", old.Props().String("displayName"))
	}
	return groupRelation().forget(op, tx, old, typeBeside(old, "products/groups"), typeBeside(old, "workspaces/products/servicegroups"))
}

func showGroup(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	props.Set("builtIn", r.Props().Bool("builtIn"))
	for _, name := range []string{"description", "externalId"} {
		if !props.Has(name) {
			props.Set(name, nil)
		}
	}
}

// groupUsers are the members of a group: users of the service, also in a workspace's groups.
func groupUsers() *arm.Type {
	return published("service/groups/users", "", arm.Type{
		Noun: "User", Name: arm.NameRule{Max: 80, Pattern: namePattern}, NoBody: true, Model: arm.NewModel(""), Status: arm.Status{Head: http.StatusNoContent},
		Hooks: arm.Hooks{Put: joinGroup, Delete: leaveGroup, Behind: shownMember, Show: showUser},
	})
}

// member is the user that a membership is about.
func member(op *arm.Op, from store.Reader, membership *arm.Resource) (*arm.Resource, error) {
	user, err := op.Load(from, serviceOf(membership.ID).Child("users", membership.ID.Name()))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, notFound("User")
	}
	return user, err
}

func shownMember(op *arm.Op, from store.Reader, membership *arm.Resource) (*arm.Resource, error) {
	user, err := member(op, from, membership)
	return under(membership, user), err
}

func joinGroup(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	user, err := member(op, tx, next)
	if err != nil || old != nil {
		return err
	}
	if !mayRefer(op, next.ID, user.ID) { // the answer would show the user
		return notFound("User")
	}
	next.ID = next.ID.Parent().Child("users", user.ID.Name())
	return managed(op, tx, next)
}

func leaveGroup(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	return managed(op, tx, old)
}

// managed refuses to change who is in a group of the system: the publisher in
// administrators, everybody in developers, nobody in guests.
func managed(op *arm.Op, tx *store.Tx, membership *arm.Resource) error {
	group, err := op.Load(tx, membership.ID.Parent())
	if err != nil || !group.Props().Bool("builtIn") {
		return err
	}
	return refusal(gatehouse.Invalid, "ValidationError", "The membership of the built-in group '%s' is managed by the system.", group.Props().String("displayName"))
}
