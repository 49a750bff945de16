package apim

import (
	"strconv"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// What a user has, as lists below it: groups, identities and subscriptions
// (apim-control-plane.md 2.3; ids as in the examples of the specification).

func userGroups() *arm.Type {
	return published("service/users/groups", "", arm.Type{Noun: "Group", Do: map[arm.Verb]arm.Handler{arm.List: listUserGroups}, Hooks: arm.Hooks{Show: showGroup}})
}

func listUserGroups(op *arm.Op) (*arm.Answer, error) {
	user, err := existing(op, op.Store(), op.ID)
	if err != nil {
		return nil, err
	}
	memberships, err := namedLike(op, op.Store(), user, "groups/users")
	if err != nil {
		return nil, err
	}
	var all []*arm.Resource
	for _, d := range memberships {
		group, err := op.Load(op.Store(), d.ID.Parent())
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // deleted since the list was read
		}
		if err != nil {
			return nil, err
		}
		all = append(all, &arm.Resource{ID: user.ID.Child("groups", group.ID.Name()), Type: op.Route.TypeName, Body: group.Body})
	}
	return op.PageOf(all, nil)
}

// existing loads what a request builds on, or says which level of its path is missing.
func existing(op *arm.Op, from store.Reader, id gatehouse.ID) (*arm.Resource, error) {
	if err := op.Exists(from, id); err != nil {
		return nil, err
	}
	return op.Load(from, id)
}

func userIdentities() *arm.Type {
	return published("service/users/identities", "", arm.Type{Noun: "Identity", Do: map[arm.Verb]arm.Handler{arm.List: listIdentities}})
}

func listIdentities(op *arm.Op) (*arm.Answer, error) {
	user, err := existing(op, op.Store(), op.ID)
	if err != nil {
		return nil, err
	}
	identities := user.Props().Array("identities")
	a := arm.ListOf(jsondoc.Clone(identities).([]jsondoc.Value))
	a.Body.(*jsondoc.Object).Set("count", jsondoc.Number(strconv.Itoa(len(identities))))
	return a, nil
}

// userSubscriptions are links that follow the owners of subscriptions.
func userSubscriptions() *arm.Type {
	return published("service/users/subscriptions", "", arm.Type{
		Noun: "Subscription", Model: arm.NewModel(""),
		Hooks: arm.Hooks{Show: showSubscription, Field: subscriptionField, Behind: func(op *arm.Op, from store.Reader, link *arm.Resource) (*arm.Resource, error) {
			subscription, err := op.Load(from, subscriptionBehind(link.ID))
			return under(link, subscription), err
		}},
	})
}

func subscriptionBehind(link gatehouse.ID) gatehouse.ID {
	return serviceOf(link).Child("subscriptions", link.Name())
}
