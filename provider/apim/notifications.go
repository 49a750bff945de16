package apim

import (
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// notification is one of those that every service has; workspaces have those about their products.
type notification struct {
	name, title, description string
	workspaces               bool
}

var notificationKinds = []notification{
	{"AccountClosedPublisher", "Close account message", "Who is told when a developer closes their account.", false},
	{"BCC", "BCC", "Who gets a blind copy of every mail to developers.", false},
	{"NewApplicationNotificationMessage", "Application gallery requests", "Who is told when an application is submitted to the gallery.", false},
	{"NewIssuePublisherNotificationMessage", "New issue or comment", "Who is told of new issues and comments on the developer portal.", false},
	{"PurchasePublisherNotificationMessage", "New subscriptions", "Who is told of new subscriptions to products.", true},
	{"QuotaLimitApproachingPublisherNotificationMessage", "Approaching subscription quota limit", "Who is told when a subscription has used most of its quota.", false},
	{"RequestPublisherNotificationMessage", "Subscription requests (requiring approval)", "Who is told of requests for subscriptions that have to be approved.", true},
}

func notificationKind(name string) notification {
	i := slices.IndexFunc(notificationKinds, func(n notification) bool { return gatehouse.EqualFold(n.name, name) })
	return notificationKinds[i]
}

// notifications say who is to be told of what. They are always there and cannot be
// deleted; PUT has nothing to change about one (apim-defaults.md). What is told is their recipients.
func notifications() *arm.Type {
	var names []string
	for _, n := range notificationKinds {
		names = append(names, n.name)
	}
	return published("service/notifications", "", arm.Type{
		Noun: "Notification", Name: arm.NameRule{Only: names}, Always: names, NoBody: true, Model: arm.NewModel(""),
		Status: arm.Status{Create: http.StatusOK},
		Hooks:  arm.Hooks{Initial: initialNotification, Check: notificationThere, Show: showNotification},
		Holds:  []*arm.Type{recipientEmails(), recipientUsers()},
	})
}

func initialNotification(_ *arm.Op, holder *arm.Resource, name string) (*jsondoc.Object, error) {
	if !notificationKind(name).in(holder.ID) {
		return nil, nil
	}
	return object(), nil
}

// in reports whether a service or workspace has the notification.
func (n notification) in(holder gatehouse.ID) bool {
	return n.workspaces || strings.EqualFold(holder.Type(), serviceType)
}

func notificationThere(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	if !notificationKind(next.ID.Name()).in(next.ID.Parent()) {
		return notFound("Notification")
	}
	return nil
}

func showNotification(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	kind := notificationKind(r.ID.Name())
	out.Set("properties", object("title", kind.title, "description", kind.description, "recipients",
		object("emails", recipients(op, r, "recipientEmails"), "users", recipients(op, r, "recipientUsers"))))
}

// recipients lists ids: of the entries for email addresses, of the users themselves.
func recipients(op *arm.Op, notification *arm.Resource, family string) []jsondoc.Value {
	scope, ids := notification.ID.Scope(), []jsondoc.Value{}
	page, err := op.Store().List(op.Context, store.Query{Type: notification.Type + "/" + family, Parent: &scope})
	if err != nil {
		return ids
	}
	for _, d := range page.Documents {
		id := d.ID
		if family == "recipientUsers" {
			id = recipient(id)
		}
		ids = append(ids, id.String())
	}
	return ids
}

func recipientEmails() *arm.Type {
	return recipientType("recipientEmails", "RecipientEmail", arm.Hooks{Show: func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
		out.Set("properties", object("email", r.ID.Name()))
	}})
}

// recipientUsers are users of the service, in workspaces too.
func recipientUsers() *arm.Type {
	return recipientType("recipientUsers", "User", arm.Hooks{
		Put: func(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
			user, err := op.Load(tx, recipient(next.ID))
			if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !mayRefer(op, next.ID, user.ID) {
				return notFound("User")
			}
			if err != nil {
				return err
			}
			next.ID = next.ID.Parent().Child("recipientUsers", user.ID.Name())
			return nil
		},
		Show: func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
			out.Set("properties", object("userId", recipient(r.ID).String()))
		},
	})
}

func recipientType(family, noun string, hooks arm.Hooks) *arm.Type {
	return published("service/notifications/"+family, "", arm.Type{
		Noun: noun, Name: arm.NameRule{Max: 254}, NoBody: true, Model: arm.NewModel(""), Status: arm.Status{Head: http.StatusNoContent}, Hooks: hooks,
	})
}

// recipient is the user that an entry of recipientUsers names.
func recipient(entry gatehouse.ID) gatehouse.ID {
	return serviceOf(entry).Child("users", entry.Name())
}
