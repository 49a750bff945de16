package directory

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// User is what the server itself reads of a user's body.
type User struct {
	ID                gatehouse.GUID  `json:"id"`
	UserPrincipalName string          `json:"userPrincipalName"`
	DisplayName       string          `json:"displayName,omitempty"`
	GivenName         string          `json:"givenName,omitempty"`
	Surname           string          `json:"surname,omitempty"`
	Mail              string          `json:"mail,omitempty"`
	MailNickname      string          `json:"mailNickname,omitempty"`
	AccountEnabled    bool            `json:"accountEnabled"` // absent is disabled: Graph requires it at creation
	PasswordProfile   PasswordProfile `json:"passwordProfile,omitzero"`
	// SessionsValidFrom ends every session, refresh token and access token issued
	// before it. Set it on revokeSignInSessions and on a password reset.
	SessionsValidFrom time.Time `json:"signInSessionsValidFromDateTime,omitzero"`
	// LastPasswordChange is Graph's lastPasswordChangeDateTime.
	LastPasswordChange time.Time `json:"lastPasswordChangeDateTime,omitzero"`
}

// PasswordProfile holds what of Graph's passwordProfile is not secret.
type PasswordProfile struct {
	ForceChange bool `json:"forceChangePasswordNextSignIn"`
}

// Group is what the server itself reads of a group's body. Members and owners
// are documents of their own.
type Group struct {
	ID              gatehouse.GUID `json:"id"`
	DisplayName     string         `json:"displayName"`
	Description     string         `json:"description,omitempty"`
	MailNickname    string         `json:"mailNickname,omitempty"`
	MailEnabled     bool           `json:"mailEnabled"`
	SecurityEnabled bool           `json:"securityEnabled"`
	GroupTypes      []string       `json:"groupTypes"`
}

// Application is what the server itself reads of an application's body.
type Application struct {
	ID                  gatehouse.GUID       `json:"id"`
	AppID               gatehouse.GUID       `json:"appId"`
	DisplayName         string               `json:"displayName"`
	SignInAudience      string               `json:"signInAudience,omitempty"`
	IdentifierURIs      []string             `json:"identifierUris"`
	Web                 RedirectURIs         `json:"web,omitzero"`
	SPA                 RedirectURIs         `json:"spa,omitzero"`
	PublicClient        RedirectURIs         `json:"publicClient,omitzero"`
	FallbackPublic      bool                 `json:"isFallbackPublicClient,omitempty"`
	API                 API                  `json:"api,omitzero"`
	PasswordCredentials []PasswordCredential `json:"passwordCredentials"`
	KeyCredentials      []KeyCredential      `json:"keyCredentials"`
}

// RedirectURIs are the addresses that one platform of an application may be sent back to.
type RedirectURIs struct {
	RedirectURIs []string `json:"redirectUris"`
}

// IsZero lets an absent platform stay absent.
func (r RedirectURIs) IsZero() bool { return len(r.RedirectURIs) == 0 }

// API is the part of an application that is called by others.
type API struct {
	TokenVersion int `json:"requestedAccessTokenVersion,omitempty"` // 2, or 0 and 1 for version 1 tokens
}

// The values of ServicePrincipal.Type.
const (
	KindApplication     = "Application"
	KindManagedIdentity = "ManagedIdentity"
)

// ServicePrincipal is what the server itself reads of a service principal's body.
type ServicePrincipal struct {
	ID                  gatehouse.GUID       `json:"id"`
	AppID               gatehouse.GUID       `json:"appId"`
	DisplayName         string               `json:"displayName"`
	Type                string               `json:"servicePrincipalType"`
	AccountEnabled      *bool                `json:"accountEnabled,omitempty"` // absent is enabled, Graph's default
	AlternativeNames    []string             `json:"alternativeNames"`         // of a managed identity: isExplicit=…, the resource ID
	Names               []string             `json:"servicePrincipalNames"`
	PasswordCredentials []PasswordCredential `json:"passwordCredentials"`
	KeyCredentials      []KeyCredential      `json:"keyCredentials"`
}

// Enabled reports whether the service principal may sign in.
func (p *ServicePrincipal) Enabled() bool { return p.AccountEnabled == nil || *p.AccountEnabled }

// Resource returns the resource ID of the managed identity that p stands for, "" for other kinds.
func (p *ServicePrincipal) Resource() string {
	if p.Type != KindManagedIdentity {
		return ""
	}
	for _, name := range p.AlternativeNames {
		if id, err := gatehouse.ParseID(name); err == nil && !id.IsRoot() {
			return id.String()
		}
	}
	return ""
}

// Federated is a federated identity credential: whose tokens from elsewhere stand
// for the application or identity that holds it. All three compare exactly.
type Federated struct {
	ID          gatehouse.GUID `json:"id,omitzero"`
	Name        string         `json:"name"`
	Issuer      string         `json:"issuer"`
	Subject     string         `json:"subject"`
	Audiences   []string       `json:"audiences"`
	Description string         `json:"description,omitempty"`
}

// ParseFederated reads a federated identity credential, of an application (members
// at the top, as Graph has them) or of an identity (members under properties, as ARM has them).
func ParseFederated(d *store.Document) (*Federated, error) {
	if d.Type == IdentityFederatedType {
		body := struct{ Properties Federated }{}
		err := decode(d, &body)
		body.Properties.Name = d.ID.Name()
		return &body.Properties, err
	}
	f := &Federated{}
	return f, decode(d, f)
}

// ParseUser reads a user document.
func ParseUser(d *store.Document) (*User, error) {
	v := &User{}
	return v, decode(d, v)
}

// ParseGroup reads a group document.
func ParseGroup(d *store.Document) (*Group, error) {
	v := &Group{}
	return v, decode(d, v)
}

// ParseApplication reads an application document.
func ParseApplication(d *store.Document) (*Application, error) {
	v := &Application{}
	return v, decode(d, v)
}

// ParseServicePrincipal reads a service principal document.
func ParseServicePrincipal(d *store.Document) (*ServicePrincipal, error) {
	v := &ServicePrincipal{}
	return v, decode(d, v)
}

// Check reports what in a body of one of the directory's objects the server could
// not read later: the path of the member and the type that it has to have. An empty
// path means that all is well.
func Check(kind string, body []byte) (path, want string) {
	var v any
	switch kind {
	case UserType:
		v = &User{}
	case GroupType:
		v = &Group{}
	case ApplicationType:
		v = &Application{}
	case ServicePrincipalType:
		v = &ServicePrincipal{}
	default:
		return "", ""
	}
	err := jsondoc.Unmarshal(body, v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &wrong):
		return wrong.Field, jsonWord(wrong.Type.Kind())
	}
	return "body", "readable: " + err.Error()
}

// jsonWord is what JSON calls a kind of Go value.
func jsonWord(k reflect.Kind) string {
	switch k {
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	}
	return "number"
}

func decode(d *store.Document, v any) error {
	if err := jsondoc.Unmarshal(d.Body, v); err != nil {
		return fmt.Errorf("directory: document %s is damaged: %w", d.ID, err)
	}
	return nil
}

// Document returns a new document for the user.
func (u *User) Document(s Secrets) (*store.Document, error) {
	return document(UserID(u.ID), UserType, u, s)
}

// Document returns a new document for the group.
func (g *Group) Document() (*store.Document, error) {
	return document(GroupID(g.ID), GroupType, g, Secrets{})
}

// Document returns a new document for the application.
func (a *Application) Document(s Secrets) (*store.Document, error) {
	return document(ApplicationID(a.ID), ApplicationType, a, s)
}

// Document returns a new document for the service principal.
func (p *ServicePrincipal) Document(s Secrets) (*store.Document, error) {
	return document(ServicePrincipalID(p.ID), ServicePrincipalType, p, s)
}

// Document returns a new document for a federated credential of the application with that object ID.
func (f *Federated) Document(application gatehouse.GUID) (*store.Document, error) {
	return document(FederatedID(application, f.Name), FederatedType, f, Secrets{})
}

func document(id gatehouse.ID, kind string, view any, s Secrets) (*store.Document, error) {
	body, err := json.Marshal(view)
	if err != nil {
		return nil, fmt.Errorf("directory: encode %s: %w", id, err)
	}
	return &store.Document{ID: id, Type: kind, Body: body, Secret: s.JSON()}, nil
}
