package config

// Product bundles APIs.
type Product struct {
	Base
	DisplayName          string `json:"displayName"`
	Description          string `json:"description,omitempty"`
	SubscriptionRequired bool   `json:"subscriptionRequired"`
	ApprovalRequired     bool   `json:"approvalRequired,omitempty"`
	SubscriptionsLimit   *Int   `json:"subscriptionsLimit,omitempty"`
	Published            bool   `json:"published,omitempty"`
}

// Link says that one entity is tied to another: /products/p/apis/a puts the API a into the product
// p. Which types there are follows from the Config's tables.
type Link struct {
	Base
	To Key `json:"to"`
}

// From is the key of the entity that the link is of: its holder.
func (l *Link) From() Key { return l.key.Parent() }

// Subscription is a key to a product, an API, all APIs.
type Subscription struct {
	Base
	DisplayName  string `json:"displayName,omitempty"`
	Scope        Key    `json:"scope"`           // /products/p, /apis/a, or what holds the subscription (the service is "") for all its APIs
	AllAccess    bool   `json:"all,omitempty"`   // the built-in one
	Owner        Key    `json:"owner,omitempty"` // /users/u
	State        string `json:"state"`           // active, and others that do not count
	Primary      string `json:"primaryKey"`
	Secondary    string `json:"secondaryKey"`
	AllowTracing bool   `json:"allowTracing,omitempty"`
	Created      Time   `json:"createdDate"`
	Start        Time   `json:"startDate"`
	End          Time   `json:"endDate"`
	Expiration   Time   `json:"expirationDate"`
}

// Active reports whether its keys open anything. The dates tell, they do nothing (apim-control-plane.md 2.3).
func (s *Subscription) Active() bool { return s.State == "active" }

// User is somebody of the developer portal, the owner of subscriptions.
type User struct {
	Base
	FirstName    string         `json:"firstName,omitempty"`
	LastName     string         `json:"lastName,omitempty"`
	Email        string         `json:"email,omitempty"`
	State        string         `json:"state"`
	Note         string         `json:"note,omitempty"`
	Registration Time           `json:"registrationDate"`
	Identities   []UserIdentity `json:"identities,omitempty"`
}

// UserIdentity is who a user is elsewhere.
type UserIdentity struct {
	Provider string `json:"provider"`
	ID       string `json:"id"`
}

// Group is a group of users.
type Group struct {
	Base
	DisplayName string `json:"displayName"`
	Type        string `json:"type,omitempty"` // custom, system, external
	ExternalID  string `json:"externalId,omitempty"`
}

// ClientApplication calls the APIs of products with tokens.
type ClientApplication struct {
	Base
	DisplayName string `json:"displayName"`
	Owner       Key    `json:"owner,omitempty"`
	Application string `json:"entraApplicationId,omitempty"`
	Tenant      string `json:"entraTenantId,omitempty"`
	State       string `json:"state,omitempty"`
}
