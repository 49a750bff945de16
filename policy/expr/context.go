package expr

import (
	"crypto/x509"
	"time"
)

// Context is what an expression sees of a call (policy-expressions.md 7). What is nil is null in C#. It belongs
// to one call and is not for several goroutines at once.
type Context struct {
	API          *API
	Backend      *Backend
	Deployment   *Deployment
	GraphQL      *GraphQL
	LastError    *LastError
	Operation    *Operation
	Product      *Product
	Request      *Request
	Response     *Response
	Subscription *Subscription
	User         *User
	Workspace    *Workspace

	RequestID [16]byte
	Timestamp time.Time
	Tracing   bool
	Variables Variables
	TraceFunc func(message string) // context.Trace; nil drops it
	Now       func() time.Time     // nil is time.Now
}

// API is context.Api.
type API struct {
	ID, Name, Path, Revision, Version string
	IsCurrentRevision                 bool
	ServiceURL                        *URL
	Protocols                         []string
	KeyHeader, KeyQuery               string // SubscriptionKeyParameterNames
}

// Backend is context.Backend.
type Backend struct {
	ID          string
	Type        string // Single or Pool
	AzureRegion string
}

// Deployment is context.Deployment.
type Deployment struct {
	Gateway                        *Gateway
	GatewayID                      string
	Region, ServiceID, ServiceName string
	CurrentCarbonIntensity         string                  // SustainabilityInfo; "" for none
	Certificates                   map[string]*Certificate // by id and by thumbprint, in upper case
}

// Gateway is context.Deployment.Gateway.
type Gateway struct {
	ID, InstanceID string
	IsManaged      bool
}

// Certificate is an X509Certificate2. Key is its private key, nil when there is none.
type Certificate struct {
	Leaf *x509.Certificate
	Key  any
	// Verified says whether the chain of a client's certificate is trusted: what Verify() answers.
	Verified bool
	Chain    bool              // its chain is trusted at some moment of its own life, whether that is now or not
	Issuer   *x509.Certificate // of Leaf, when its chain is known; nil otherwise
}

// GraphQL is context.GraphQL in a resolver; its values are JObject or null.
type GraphQL struct{ Arguments, Parent Value }

// LastError is context.LastError.
type LastError struct {
	Source, Reason, Message, Scope, Section, Path, PolicyID string
}

// Operation is context.Operation.
type Operation struct{ ID, Method, Name, URLTemplate string }

// Product is context.Product.
type Product struct {
	ID, Name             string
	State                string // Published or NotPublished
	ApprovalRequired     bool
	SubscriptionRequired bool
	SubscriptionsLimit   *int
	Groups               []*Group
	APIs                 []*API
}

// Group is a group of a user or product.
type Group struct{ ID, Name string }

// Request is context.Request. Header names are in canonical form.
type Request struct {
	Method            string
	URL, OriginalURL  *URL
	Headers           Headers
	IPAddress         string
	MatchedParameters map[string]string
	Certificate       *Certificate
	Body              Body
	FoundryDeployment string
	PrivateEndpoint   *PrivateEndpoint
}

// PrivateEndpoint is context.Request.PrivateEndpointConnection.
type PrivateEndpoint struct{ Name, GroupID, MemberName string }

// Response is context.Response, and what send-request stores in a variable.
type Response struct {
	StatusCode   int
	StatusReason string
	Headers      Headers
	Body         Body
}

// Headers are those of a message, keyed by canonical name: an http.Header.
type Headers map[string][]string

// Body is the content of a message; a nil Body is null. Bytes reads all of it and, unless preserve is set,
// consumes it: later reads give nothing (gateway.md 7). The slice is not changed by expressions.
type Body interface {
	Bytes(preserve bool) ([]byte, error)
}

// URL is an IUrl. Query is what follows the question mark, "" for nothing.
type URL struct {
	Scheme, Host string
	Port         int
	Path         string // with its leading slash
	RawQuery     string
}

// Subscription is context.Subscription.
type Subscription struct {
	ID, Name, PrimaryKey, SecondaryKey string
	Key                                string // the one that the call was made with
	CreatedDate, StartDate, EndDate    *time.Time
}

// User is context.User.
type User struct {
	ID, Email, FirstName, LastName, Note string
	Groups                               []*Group
	Identities                           []*UserIdentity
	RegistrationDate                     time.Time
}

// UserIdentity is one of context.User.Identities.
type UserIdentity struct{ ID, Provider string }

// Workspace is context.Workspace.
type Workspace struct{ ID, Name string }

// Jwt is a token that was read: the result of AsJwt, or what validate-jwt stores.
type Jwt struct {
	Algorithm, ID, Issuer, Subject, Type string
	Audiences                            []string
	Claims                               Claims
	ExpirationTime, IssuedAt, NotBefore  *time.Time
}

// Claims are those of a token: the texts of each, several for an array. Names differ by case.
type Claims map[string][]string

// Authorization is what get-authorization-context stores.
type Authorization struct {
	AccessToken string
	Claims      map[string]string
}

// BasicAuth is a BasicAuthCredentials.
type BasicAuth struct{ UserID, Password string }

// Variables are those of a call by name, in the order they were first set. Their names differ by case.
type Variables struct {
	list  []variable
	index map[string]int // once there are many
}

type variable struct {
	name  string
	value Value
}

// manyVariables is the number from which on an index is faster than looking at each.
const manyVariables = 16

func (v *Variables) find(name string) int {
	if v.index != nil {
		if i, ok := v.index[name]; ok {
			return i
		}
		return -1
	}
	for i := range v.list {
		if v.list[i].name == name {
			return i
		}
	}
	return -1
}

// Get returns a variable's value and whether it was set.
func (v *Variables) Get(name string) (Value, bool) {
	if i := v.find(name); i >= 0 {
		return v.list[i].value, true
	}
	return Null, false
}

// Set gives a variable a value.
func (v *Variables) Set(name string, value Value) {
	if i := v.find(name); i >= 0 {
		v.list[i].value = value
		return
	}
	v.list = append(v.list, variable{name, value})
	switch n := len(v.list); {
	case v.index != nil:
		v.index[name] = n - 1
	case n > manyVariables:
		v.index = make(map[string]int, 2*n)
		for i := range v.list {
			v.index[v.list[i].name] = i
		}
	}
}

// Emptied returns no variables in the room of these, which must not be used any more.
func (v *Variables) Emptied() Variables {
	if v.index != nil {
		return Variables{}
	}
	clear(v.list)
	return Variables{list: v.list[:0]}
}

// Len returns how many variables are set.
func (v *Variables) Len() int { return len(v.list) }

// All calls yield for each variable.
func (v *Variables) All(yield func(name string, value Value) bool) {
	for i := range v.list {
		if !yield(v.list[i].name, v.list[i].value) {
			return
		}
	}
}

// Clone returns variables that can be set without changing v.
func (v *Variables) Clone() Variables {
	var c Variables
	for name, value := range v.All {
		c.Set(name, value)
	}
	return c
}
