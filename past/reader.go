package past

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Reader reads documents as they were after a change. It implements store.Reader; lists
// have to name a type. Revisions and times of documents that changed since are not
// known, secrets are left out.
type Reader struct {
	store *store.Store
	seq   int64

	mu    sync.Mutex
	types map[string]*changes // by folded type
}

// changes are the documents of a type that were not as they are now.
type changes struct {
	until int64 // the change up to which the log was read
	by    map[gatehouse.Scope]store.Past
}

func newReader(s *store.Store, seq int64) *Reader {
	return &Reader{store: s, seq: seq, types: map[string]*changes{}}
}

// changed returns what differs of a type, read up to the end of the log. What was
// yielded before stays; do not modify it.
func (r *Reader) changed(ctx context.Context, typ string) (map[gatehouse.Scope]store.Past, error) {
	end, _, err := r.store.Last(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.types[gatehouse.Fold(typ)]
	if c == nil {
		c = &changes{until: r.seq, by: map[gatehouse.Scope]store.Past{}}
		r.types[gatehouse.Fold(typ)] = c
	}
	if c.until >= end {
		return c.by, nil
	}
	by := maps.Clone(c.by) // others may be reading the old one
	for p, err := range r.store.Before(ctx, typ, c.until, end) {
		if err != nil {
			return nil, err
		}
		if _, earlier := by[p.ID.Scope()]; !earlier {
			by[p.ID.Scope()] = p
		}
	}
	c.by, c.until = by, end
	return by, nil
}

// Get implements store.Reader.
func (r *Reader) Get(ctx context.Context, key gatehouse.Scope) (*store.Document, error) {
	now, err := r.store.Get(ctx, key) // before the log is read: what changes in between is found there
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return nil, err
	}
	each, failed := r.store.Changes(ctx, store.ChangeQuery{Resource: &key, AfterSeq: r.seq})
	if failed != nil {
		return nil, failed
	}
	for c, failed := range each {
		switch {
		case failed != nil:
			return nil, failed
		case c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete:
			continue
		case c.Before == nil:
			return nil, gatehouse.Errorf(gatehouse.NotFound, "", "there was no document %s after change %d", key, r.seq)
		}
		id, failed := gatehouse.ParseID(c.Resource)
		return &store.Document{ID: id, Type: c.Type, Body: c.Before}, failed
	}
	if err == nil {
		now.Secret = nil
	}
	return now, err
}

// List implements store.Reader.
func (r *Reader) List(ctx context.Context, q store.Query) (store.Page, error) {
	if q.Type == "" {
		return store.Page{}, gatehouse.Errorf(gatehouse.Internal, "", "a list of what was has to name a type")
	}
	page, err := r.store.List(ctx, q)
	if err != nil {
		return store.Page{}, err
	}
	changed, err := r.changed(ctx, q.Type)
	if err != nil {
		return store.Page{}, err
	}
	var list []*store.Document
	for _, d := range page.Documents {
		if _, other := changed[d.Key()]; !other {
			d.Secret = nil
			list = append(list, d)
		}
	}
	for key, p := range changed {
		if p.Body != nil && selects(q, key) && (page.Next == "" || key.String() <= page.Next) {
			list = append(list, &store.Document{ID: p.ID, Type: p.Type, Body: p.Body})
		}
	}
	slices.SortFunc(list, func(a, b *store.Document) int { return strings.Compare(a.Key().String(), b.Key().String()) })
	if q.Limit > 0 && len(list) > q.Limit {
		list = list[:q.Limit]
		page.Next = list[q.Limit-1].Key().String()
	}
	return store.Page{Documents: list, Next: page.Next}, nil
}

// selects reports whether a query is for a key, by all but its type.
func selects(q store.Query, key gatehouse.Scope) bool {
	text := key.String()
	switch {
	case text <= q.After && q.After != "":
		return false
	case q.Parent != nil && key.Parent() != *q.Parent:
		return false
	case q.Name != "" && text[strings.LastIndexByte(text, '/')+1:] != gatehouse.Fold(q.Name):
		return false
	case q.Under != nil && !q.Under.IsRoot():
		return text == q.Under.String() || strings.HasPrefix(text, q.Under.String()+"/")
	}
	return true
}

// Count implements store.Reader.
func (r *Reader) Count(ctx context.Context, q store.Query) (int, error) {
	q.After, q.Limit = "", 0
	page, err := r.List(ctx, q)
	return len(page.Documents), err
}

// All yields every document of a type, in key order.
func (r *Reader) All(ctx context.Context, q store.Query) iter.Seq2[*store.Document, error] {
	return func(yield func(*store.Document, error) bool) {
		q.Limit = 5000
		for more := true; more; more = q.After != "" {
			page, err := r.List(ctx, q)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, d := range page.Documents {
				if !yield(d, nil) {
					return
				}
			}
			q.After = page.Next
		}
	}
}
