package directory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Principal is what every request has to know about who is asking. Values are
// shared and must not be changed.
type Principal struct {
	ID          gatehouse.GUID
	Type        gatehouse.PrincipalType
	Name        string // user principal name; application ID of a service principal
	DisplayName string
	AppID       gatehouse.GUID // of a service principal
	Enabled     bool
	Managed     bool      // a managed identity
	Resource    string    // resource ID of a managed identity
	ValidFrom   time.Time // tokens issued before it have been revoked
}

// Index finds directory objects by the names that people and clients use. It is
// brought up to date inside the store's commit, before the writer is answered, so
// that a deleted or disabled principal is gone from the next question on.
// It holds no secrets, and is safe for concurrent use.
type Index struct {
	mu         sync.RWMutex
	principals map[gatehouse.GUID]*Principal
	names      map[name][]gatehouse.GUID // nearly always one
	held       map[gatehouse.Scope][]name
	reserved   map[name]gatehouse.GUID
	links      links
}

// name is a folded name of one kind.
type name struct {
	kind nameKind
	text string
}

type nameKind uint8

const (
	byUPN nameKind = iota
	byApplication
	byServicePrincipal
	byIdentifierURI
	byServicePrincipalName
	byResource
	byCertificate // thumbprint of a key credential
	byDisplayName // text is type and name, see displayed
)

// NewIndex reads the directory and follows the store from then on. Make it before serving.
func NewIndex(ctx context.Context, s *store.Store) (*Index, error) {
	x := &Index{
		principals: map[gatehouse.GUID]*Principal{}, names: map[name][]gatehouse.GUID{},
		held: map[gatehouse.Scope][]name{}, reserved: map[name]gatehouse.GUID{},
		links: links{},
	}
	// Commits made while loading wait for the lock and are applied afterwards.
	x.mu.Lock()
	defer x.mu.Unlock()
	s.OnCommit(x.follow)
	kinds := []string{UserType, GroupType, ApplicationType, ServicePrincipalType}
	for _, kind := range append(kinds, linkTypes...) {
		if err := x.load(ctx, s, kind); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *Index) load(ctx context.Context, s *store.Store, kind string) error {
	const pageSize = 1000
	for after := ""; ; {
		page, err := s.List(ctx, store.Query{Type: kind, After: after, Limit: pageSize})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			x.put(d.ID.Scope(), d.Type, d.Body)
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

func (x *Index) follow(changes []gatehouse.Change) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		if c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete || !strings.HasPrefix(c.Type, "Microsoft.Graph/") {
			continue
		}
		key, err := gatehouse.ParseScope(c.Resource)
		if err != nil {
			continue // no document has such a key
		}
		if c.Kind == gatehouse.Delete {
			x.drop(key, c.Type)
		} else {
			x.put(key, c.Type, c.After)
		}
	}
}

func (x *Index) drop(key gatehouse.Scope, kind string) {
	oid, ok := ObjectOf(key)
	if !ok {
		return
	}
	if isLink(kind) {
		x.links.drop(oid, key)
		return
	}
	for _, n := range x.held[key] {
		if rest := slices.DeleteFunc(slices.Clone(x.names[n]), func(g gatehouse.GUID) bool { return g == oid }); len(rest) > 0 {
			x.names[n] = rest
		} else {
			delete(x.names, n)
		}
	}
	delete(x.held, key)
	switch kind {
	case UserType, GroupType, ServicePrincipalType:
		delete(x.principals, oid)
	}
}

// put replaces what is known of one document. A body that cannot be read leaves
// nothing behind: nobody signs in as a damaged object.
func (x *Index) put(key gatehouse.Scope, kind string, body []byte) {
	if isLink(kind) {
		x.links.put(key)
		return
	}
	switch kind {
	case UserType, GroupType, ApplicationType, ServicePrincipalType:
	default:
		return
	}
	x.drop(key, kind)
	oid, ok := ObjectOf(key)
	if !ok {
		return
	}
	p, names := describe(oid, kind, body)
	if p != nil {
		x.principals[oid] = p
		names = append(names, displayed(kind, p.DisplayName))
	}
	for _, n := range names {
		if n.text != "" && !slices.Contains(x.held[key], n) {
			x.names[n] = append(x.names[n], oid)
			x.held[key] = append(x.held[key], n)
		}
	}
}

func describe(oid gatehouse.GUID, kind string, body []byte) (*Principal, []name) {
	switch kind {
	case UserType:
		return describeUser(oid, body)
	case GroupType:
		var g Group
		if jsondoc.Unmarshal(body, &g) != nil {
			return nil, nil
		}
		return &Principal{ID: oid, Type: gatehouse.Group, Name: g.DisplayName, DisplayName: g.DisplayName, Enabled: true}, nil
	case ApplicationType:
		var a Application
		if jsondoc.Unmarshal(body, &a) != nil || a.AppID.IsZero() {
			return nil, nil
		}
		names := []name{{byApplication, a.AppID.String()}, displayed(kind, a.DisplayName)}
		for _, uri := range a.IdentifierURIs {
			names = append(names, name{byIdentifierURI, foldURI(uri)})
		}
		return nil, append(names, certificates(a.KeyCredentials)...)
	default:
		return describeServicePrincipal(oid, body)
	}
}

func describeUser(oid gatehouse.GUID, body []byte) (*Principal, []name) {
	var u User
	if jsondoc.Unmarshal(body, &u) != nil {
		return nil, nil
	}
	p := &Principal{
		ID: oid, Type: gatehouse.User, Name: u.UserPrincipalName, DisplayName: u.DisplayName,
		Enabled: u.AccountEnabled, ValidFrom: u.SessionsValidFrom,
	}
	return p, []name{{byUPN, gatehouse.Fold(u.UserPrincipalName)}}
}

func describeServicePrincipal(oid gatehouse.GUID, body []byte) (*Principal, []name) {
	var s ServicePrincipal
	if jsondoc.Unmarshal(body, &s) != nil || s.AppID.IsZero() {
		return nil, nil
	}
	p := &Principal{
		ID: oid, Type: gatehouse.ServicePrincipal, Name: s.AppID.String(), DisplayName: s.DisplayName, AppID: s.AppID,
		Enabled: s.Enabled(), Managed: s.Type == KindManagedIdentity, Resource: s.Resource(),
	}
	names := []name{{byServicePrincipal, p.Name}, {byServicePrincipalName, p.Name}, {byResource, gatehouse.Fold(p.Resource)}}
	for _, n := range s.Names {
		names = append(names, name{byServicePrincipalName, foldURI(n)})
	}
	return p, append(names, certificates(s.KeyCredentials)...)
}

func certificates(keys []KeyCredential) (names []name) {
	for i := range keys {
		names = append(names, name{byCertificate, gatehouse.Fold(keys[i].Identifier)})
	}
	return names
}

// foldURI is how identifier URIs compare: without case and without a last slash.
func foldURI(s string) string { return strings.TrimSuffix(gatehouse.Fold(s), "/") }

// Principal returns the user, group or service principal with that object ID.
func (x *Index) Principal(oid gatehouse.GUID) (*Principal, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p, ok := x.principals[oid]
	return p, ok
}

// UserByName returns the object ID of the user with that user principal name, in any casing.
func (x *Index) UserByName(upn string) (gatehouse.GUID, bool) {
	return x.find(name{byUPN, gatehouse.Fold(upn)})
}

// ApplicationByAppID returns the object ID of the application with that application (client) ID.
func (x *Index) ApplicationByAppID(appID gatehouse.GUID) (gatehouse.GUID, bool) {
	return x.find(name{byApplication, appID.String()})
}

// ApplicationByURI returns the object ID of the application that has uri among its identifierUris.
func (x *Index) ApplicationByURI(uri string) (gatehouse.GUID, bool) {
	return x.find(name{byIdentifierURI, foldURI(uri)})
}

// ServicePrincipalByAppID returns the object ID of the service principal with that application (client) ID.
func (x *Index) ServicePrincipalByAppID(appID gatehouse.GUID) (gatehouse.GUID, bool) {
	return x.find(name{byServicePrincipal, appID.String()})
}

// ServicePrincipalByName returns the object ID of the service principal that has
// text among its servicePrincipalNames or as its application ID.
func (x *Index) ServicePrincipalByName(text string) (gatehouse.GUID, bool) {
	return x.find(name{byServicePrincipalName, foldURI(text)})
}

// ByCertificate lists the applications and service principals that have a certificate with that thumbprint among their
// key credentials. A thumbprint proves nothing: compare the certificates.
func (x *Index) ByCertificate(thumbprint string) []gatehouse.GUID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.Clone(x.names[name{byCertificate, gatehouse.Fold(thumbprint)}])
}

// ManagedIdentity returns the object ID of the managed identity of that resource.
func (x *Index) ManagedIdentity(resource gatehouse.ID) (gatehouse.GUID, bool) {
	return x.find(name{byResource, resource.Scope().String()})
}

// ManagedIdentities returns the object IDs of all managed identities, in no order.
func (x *Index) ManagedIdentities() []gatehouse.GUID {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var ids []gatehouse.GUID
	for oid, p := range x.principals {
		if p.Managed {
			ids = append(ids, oid)
		}
	}
	return ids
}

func (x *Index) find(n name) (gatehouse.GUID, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if ids := x.names[n]; len(ids) > 0 {
		return ids[0], true
	}
	return gatehouse.GUID{}, false
}

// ReserveUserName keeps a user principal name for one object while it is being
// written, so that two writers cannot both take it: call it before Store.Write
// and release after. It fails with Conflict when another object has or is taking the name.
func (x *Index) ReserveUserName(upn string, oid gatehouse.GUID) (release func(), err error) {
	return x.reserve(name{byUPN, gatehouse.Fold(upn)}, upn, oid)
}

// ReserveIdentifierURI is ReserveUserName for an application's identifier URI.
func (x *Index) ReserveIdentifierURI(uri string, application gatehouse.GUID) (release func(), err error) {
	return x.reserve(name{byIdentifierURI, foldURI(uri)}, uri, application)
}

// ReserveServicePrincipal is ReserveUserName for the one service principal that an application may have.
func (x *Index) ReserveServicePrincipal(appID, oid gatehouse.GUID) (release func(), err error) {
	return x.reserve(name{byServicePrincipal, appID.String()}, appID.String(), oid)
}

func (x *Index) reserve(n name, text string, oid gatehouse.GUID) (func(), error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	_, taking := x.reserved[n]
	taken := slices.ContainsFunc(x.names[n], func(g gatehouse.GUID) bool { return g != oid })
	if taking || taken {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "ObjectConflict",
			"Another object with the same value %q already exists: choose another value or change that object.", text)
	}
	x.reserved[n] = oid
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.reserved, n)
	}, nil
}
