package guard

import (
	"context"
	"slices"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Facts are what the documents of a store mean for access, as values.
type Facts struct {
	World      rbac.World // what the live Snapshot is made from
	Attributes map[gatehouse.GUID]map[string]any
	Problems   []string // documents that cannot be read, and what that means
}

// Read does once what New does and keeps up: whoever asks the Facts of a reader gets
// the answers that a Guard over the same documents gives.
func Read(ctx context.Context, r store.Reader) (*Facts, error) {
	m := newModel()
	f := &Facts{World: rbac.World{
		Roles:   slices.Concat(builtin.Roles(), builtin.DirectoryRoles()),
		Parents: map[gatehouse.Scope]gatehouse.Scope{},
	}}
	m.world = &f.World
	for _, k := range kinds {
		err := eachDocument(ctx, r, k.typ, func(d *store.Document) {
			if problem := m.put(k, d.ID, d.Body); problem != "" {
				f.Problems = append(f.Problems, problem)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	f.Attributes = m.attributes.m
	return f, nil
}

// eachDocument reads the documents of a type, a page at a time.
func eachDocument(ctx context.Context, r store.Reader, typ string, f func(*store.Document)) error {
	const pageSize = 5000
	for after := ""; ; {
		page, err := r.List(ctx, store.Query{Type: typ, After: after, Limit: pageSize})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			f(d)
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}
