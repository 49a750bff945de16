package directory

import (
	"context"

	"gatehouse"
	"gatehouse/store"
)

// ReadUser returns the user with that object ID and their document.
func ReadUser(ctx context.Context, r store.Reader, oid gatehouse.GUID) (*User, *store.Document, error) {
	return read(ctx, r, UserID(oid), ParseUser)
}

// ReadGroup returns the group with that object ID and its document.
func ReadGroup(ctx context.Context, r store.Reader, gid gatehouse.GUID) (*Group, *store.Document, error) {
	return read(ctx, r, GroupID(gid), ParseGroup)
}

// ReadApplication returns the application with that object ID and its document.
func ReadApplication(ctx context.Context, r store.Reader, oid gatehouse.GUID) (*Application, *store.Document, error) {
	return read(ctx, r, ApplicationID(oid), ParseApplication)
}

// ReadServicePrincipal returns the service principal with that object ID and its document.
func ReadServicePrincipal(ctx context.Context, r store.Reader, oid gatehouse.GUID) (*ServicePrincipal, *store.Document, error) {
	return read(ctx, r, ServicePrincipalID(oid), ParseServicePrincipal)
}

func read[V any](ctx context.Context, r store.Reader, id gatehouse.ID, parse func(*store.Document) (*V, error)) (*V, *store.Document, error) {
	d, err := r.Get(ctx, id.Scope())
	if err != nil {
		return nil, nil, err
	}
	v, err := parse(d)
	if err != nil {
		return nil, nil, err
	}
	return v, d, nil
}

// FederatedCredentials returns the federated credentials of an application, by its
// object ID, or of a user-assigned identity, by its resource ID.
func FederatedCredentials(ctx context.Context, r store.Reader, holder gatehouse.ID) ([]*Federated, error) {
	kind := IdentityFederatedType
	if holder.Scope().Parent() == Root().Scope() {
		kind = FederatedType
	}
	parent := holder.Scope()
	page, err := r.List(ctx, store.Query{Type: kind, Parent: &parent})
	if err != nil {
		return nil, err
	}
	var all []*Federated
	for _, d := range page.Documents {
		f, err := ParseFederated(d)
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}
