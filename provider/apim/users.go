package apim

import (
	"net/http"
	"net/mail"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/arm"

	"gatehouse/jsondoc"
	"gatehouse/store"
)

// The user that every service has from the start, and that stays.
const administrator = "1"

// users are the people of the developer portal, not those of the directory
// (apim-control-plane.md 2.3). Of a password a hash is kept, which nothing shows. DELETE
// answers 204, which suits every client (clients.md section 4).
func (p *provider) users() *arm.Type {
	return published("service/users", `
		properties.email        string required max=254
		properties.firstName    string required max=100
		properties.lastName     string required min=0 max=100
		properties.state        enum(active|blocked|pending|deleted) default="active"
		properties.password     string secret
		properties.appType      enum(portal|developerPortal)
		properties.confirmation enum(signup|invite)
		properties.registrationDate string readonly
	`, arm.Type{
		Noun: "User", Name: arm.NameRule{Max: 80, Pattern: namePattern}, WideTag: true,
		Status: arm.Status{Delete: http.StatusNoContent},
		Unique: []arm.Unique{{Member: "properties.email", Taken: sameEmail}},
		Do:     map[arm.Verb]arm.Handler{arm.Put: p.hashing((*arm.Op).PutAsUsual), arm.Patch: p.hashing((*arm.Op).PatchAsUsual)},
		Hooks:  arm.Hooks{Check: checkUser, Put: enrol, Delete: dropUser, Restore: arm.RestoreAsUsual, Show: showUser},
		Holds:  []*arm.Type{userGroups(), userIdentities(), userSubscriptions()},
		Actions: []arm.Action{
			{Name: "token", Do: userToken},
			{Name: "generateSsoUrl", Do: generateSSO},
			{Name: "confirmations/password/send", As: serviceType + "/users/confirmations/send/action", Do: sendConfirmation},
		},
	})
}

// sameEmail does not name the other user, whom the caller may have no right to see.
func sameEmail(_, _ *arm.Resource) error {
	return validation("email", "A user with this email already exists")
}

// hashing puts a hash in the place of the password that a request brings, before the
// transaction, since computing one takes time. The same password keeps its hash.
func (p *provider) hashing(write arm.Handler) arm.Handler {
	return func(op *arm.Op) (*arm.Answer, error) {
		body, err := op.Body()
		if err != nil {
			return nil, err
		}
		sent, ok := body.Lookup("properties.password")
		text, isText := sent.(string)
		if !ok || !isText {
			return write(op)
		}
		if n := utf8.RuneCountInString(text); n < 8 || n > 256 {
			return nil, validation("password", "password has to have 8 to 256 characters")
		}
		hash, err := p.hashFor(op, text)
		if err != nil {
			return nil, err
		}
		body.SetPath("properties.password", hash)
		return write(op)
	}
}

func (p *provider) hashFor(op *arm.Op, text string) (string, error) {
	if user, err := op.Load(op.Store(), op.ID); err == nil {
		hash := user.SecretString("properties.password")
		if same, err := p.passwords.Verify(op.Context, hash, text); err == nil && same {
			return hash, nil
		}
	}
	return p.passwords.Hash(op.Context, text)
}

// checkUser settles what a user is, as opposed to what mail it gets about it.
func checkUser(op *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	for _, name := range []string{"appType", "confirmation"} {
		props.Delete(name)
	}
	props.Set("state", strings.ToLower(props.String("state")))
	email := props.String("email")
	if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
		return validation("email", "'%s' is not an email address", email)
	}
	if next.ID.Name() == administrator && props.String("state") != "active" {
		return refusal(gatehouse.Invalid, "ValidationError", "The administrator of the service stays active.")
	}
	if first := old == nil && next.ID.Name() == administrator; props.String("lastName") == "" && !first && (old == nil || old.Props().String("lastName") != "") {
		// The administrator's is empty at first, and then when a deleted service comes back.
		return validation("lastName", "lastName needs at least 1 character")
	}
	settleIdentities(old, props)
	if old == nil {
		props.Set("registrationDate", gatehouse.Timestamp(op.Now))
	}
	for _, path := range []string{tokenKey("primary"), tokenKey("secondary")} {
		if next.SecretString(path) == "" {
			next.SetSecret(path, newKey())
		}
	}
	return nil
}

// settleIdentities gives a user without other identities one by its email, which follows the email.
func settleIdentities(old *arm.Resource, props *jsondoc.Object) {
	if len(props.Array("identities")) == 0 && old != nil {
		props.Set("identities", jsondoc.Clone(old.Props().Array("identities")))
	}
	if len(props.Array("identities")) == 0 {
		props.Set("identities", []jsondoc.Value{object("provider", "Basic", "id", props.String("email"))})
	}
	for _, v := range props.Array("identities") {
		if identity, _ := v.(*jsondoc.Object); old != nil && identity.String("provider") == "Basic" && identity.String("id") == old.Props().String("email") {
			identity.Set("id", props.String("email"))
		}
	}
}

// enrol puts a new user among the developers, where everybody is.
func enrol(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if old != nil {
		return nil
	}
	developers := next.ID.Parent().Child("groups", "developers").Child("users", next.ID.Name())
	return op.Save(tx, &arm.Resource{ID: developers, Type: typeBeside(next, "groups/users"), Body: object()})
}

// dropUser takes the user out of groups and from the recipients of notifications. Its
// subscriptions have to go with it, and only do so on request.
func dropUser(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	if old.ID.Name() == administrator {
		return refusal(gatehouse.Invalid, "ValidationError", "The administrator of the service cannot be deleted.")
	}
	subscriptions, err := ownedBy(op, tx, old)
	if err != nil {
		return err
	}
	if len(subscriptions) > 0 && !strings.EqualFold(op.Query.Get("deleteSubscriptions"), "true") {
		return refusal(gatehouse.Invalid, "ValidationError", "User cannot be deleted since it has existing subscriptions. Delete subscriptions before deleting the user or pass in deleteSubscriptions=true as query param")
	}
	for _, family := range []string{"groups/users", "workspaces/groups/users", "notifications/recipientUsers", "workspaces/notifications/recipientUsers"} {
		same, err := namedLike(op, tx, old, family)
		if err != nil {
			return err
		}
		for _, d := range same {
			if err := op.DeleteTree(tx, d.ID); err != nil {
				return err
			}
		}
	}
	return dropSubscriptions(op, tx, subscriptions)
}

// namedLike lists the documents of a family in the service that go by the name of r.
func namedLike(op *arm.Op, from store.Reader, r *arm.Resource, family string) ([]*store.Document, error) {
	service := serviceOf(r.ID).Scope()
	page, err := from.List(op.Context, store.Query{Type: serviceType + "/" + family, Under: &service, Name: r.ID.Name()})
	return page.Documents, err
}

// ownedBy lists the subscriptions of a user, those in workspaces too.
func ownedBy(op *arm.Op, tx *store.Tx, user *arm.Resource) ([]*arm.Resource, error) {
	scope, service := user.ID.Scope(), serviceOf(user.ID).Scope()
	owned := func(subscription *arm.Resource) bool {
		return gatehouse.Fold(subscription.Props().String("ownerId")) == scope.String()
	}
	all, err := behindAll(op, tx, store.Query{Type: serviceType + "/users/subscriptions", Parent: &scope}, owned)
	if err != nil {
		return nil, err
	}
	inWorkspaces, err := behindAll(op, tx, store.Query{Type: serviceType + "/workspaces/subscriptions", Under: &service}, owned)
	return append(all, inWorkspaces...), err
}

// showUser tells the groups of a user in the answer to a PUT, and otherwise when expandGroups
// asks for them, to whoever may list them; not in a workspace, whose people need not see those of the service.
func showUser(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	if !props.Has("note") {
		props.Set("note", nil)
	}
	if strings.Contains(r.Type, "/workspaces/") {
		return
	}
	user := serviceOf(r.ID).Child("users", r.ID.Name())
	if !op.Can(serviceType+"/users/groups/read", user) {
		return
	}
	if op.Method == http.MethodPut || strings.EqualFold(op.Query.Get("expandGroups"), "true") {
		if groups, err := groupsOf(op, r); err == nil {
			props.Set("groups", groups)
		}
	}
}

// groupsOf lists the groups of the service that a user is in.
func groupsOf(op *arm.Op, user *arm.Resource) ([]jsondoc.Value, error) {
	memberships, err := namedLike(op, op.Store(), user, "groups/users")
	groups := []jsondoc.Value{}
	for _, d := range memberships {
		group, err := op.Load(op.Store(), d.ID.Parent())
		if err != nil {
			return nil, err
		}
		groups = append(groups, briefly(op, group))
	}
	return groups, err
}

// briefly is a group as it stands inside another entity.
func briefly(op *arm.Op, group *arm.Resource) *jsondoc.Object {
	out := object("id", group.ID.String(), "name", group.Props().String("displayName"))
	for name, v := range op.Show(group).Object("properties").All() {
		out.Set(name, v)
	}
	return out
}
