package apim

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// users are the people of the developer portal, not those of the directory. DELETE
// answers 204, which suits every client (clients.md section 4).
func users() *arm.Type {
	return published("service/users", `
		properties.email        string required max=254
		properties.firstName    string required max=100
		properties.lastName     string required max=100
		properties.state        enum(active|blocked|pending|deleted) default="active"
		properties.password     string secret
		properties.appType      enum(portal|developerPortal)
		properties.confirmation enum(signup|invite)
		properties.registrationDate string readonly
	`, arm.Type{
		Noun: "User", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Status: arm.Status{Delete: http.StatusNoContent},
		Unique: []arm.Unique{{Member: "properties.email", Taken: func(_, _ *arm.Resource) error {
			return validation("email", "A user with the same email already exists.")
		}}},
		Hooks: arm.Hooks{Check: checkUser, Put: enrol, Show: showUser},
	})
}

func checkUser(op *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	for _, name := range []string{"appType", "confirmation"} { // say what mail to send, not what the user is
		props.Delete(name)
	}
	if len(props.Array("identities")) == 0 {
		props.Set("identities", []jsondoc.Value{object("provider", "Basic", "id", props.String("email"))})
	}
	if old == nil {
		props.Set("registrationDate", gatehouse.Timestamp(op.Now))
	}
	return nil
}

// enrol puts a new user among the developers, where everybody is.
func enrol(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil {
		return nil
	}
	developers := next.ID.Parent().Child("groups", "developers").Child("users", next.ID.Name())
	return op.Save(tx, &arm.Resource{ID: developers, Type: typeBeside(next, "groups/users"), Body: object()})
}

func showUser(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	if props := out.Object("properties"); !props.Has("note") {
		props.Set("note", nil)
	}
}
