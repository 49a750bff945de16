package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"gatehouse"
)

// Every key starts with a slash, so these bounds hold them all.
const firstKey, lastKey = "", "0"

// allPage is how many documents All reads at a time.
const allPage = 1000

// Get implements Reader.
func (s *Store) Get(ctx context.Context, key gatehouse.Scope) (*Document, error) {
	row, err := s.driver.Document(ctx, key.String())
	if err != nil {
		return nil, rowError(err, key)
	}
	return s.document(row)
}

// List implements Reader.
func (s *Store) List(ctx context.Context, q Query) (Page, error) { return s.list(ctx, s.driver, q) }

// Count implements Reader.
func (s *Store) Count(ctx context.Context, q Query) (int, error) { return count(ctx, s.driver, q) }

// All yields every document that q selects, ignoring Limit, in key order. It reads a
// page at a time: a document written meanwhile is seen when its key is still ahead.
func (s *Store) All(ctx context.Context, q Query) iter.Seq2[*Document, error] {
	return func(yield func(*Document, error) bool) {
		q.Limit = allPage
		for more := true; more; more = q.After != "" {
			page, err := s.List(ctx, q)
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

// Rows yields every document as the driver holds it, secrets sealed, in key order: for those who verify.
func (s *Store) Rows(ctx context.Context) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		r := Range{After: firstKey, Before: lastKey, Limit: allPage}
		for {
			var page []*Row
			err := s.driver.Documents(ctx, r, func(row *Row) bool { page = append(page, row); return true })
			if err != nil {
				yield(nil, unavailable(err))
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if len(page) < allPage {
				return
			}
			r.After = page[len(page)-1].Key
		}
	}
}

func rowError(err error, key gatehouse.Scope) error {
	if errors.Is(err, ErrNoRow) {
		return notFound("document", key)
	}
	return unavailable(err)
}

// span turns a Query into a Range and, when Under itself may be selected, its key.
// The two are apart because names like rg-1 sort between rg and rg/.
func (q Query) span() (r Range, self string) {
	r = Range{Type: gatehouse.Fold(q.Type), Name: gatehouse.Fold(q.Name), After: firstKey, Before: lastKey}
	if q.Parent != nil {
		r.Parent = q.Parent.String()
	}
	if q.Under != nil && !q.Under.IsRoot() {
		u := q.Under.String()
		r.After, r.Before, self = u+"/", u+"0", u
	}
	return r, self
}

func (s *Store) list(ctx context.Context, rows Rows, q Query) (Page, error) {
	r, self := q.span()
	var found []*Row
	if self != "" && q.After < self {
		row, err := selfRow(ctx, rows, self, r)
		if err != nil {
			return Page{}, err
		}
		found = append(found, row...)
	}
	r.After = max(r.After, q.After)
	if q.Limit > 0 {
		r.Limit = q.Limit + 1 - len(found)
	}
	if q.Limit == 0 || r.Limit > 0 {
		err := rows.Documents(ctx, r, func(row *Row) bool { found = append(found, row); return true })
		if err != nil {
			return Page{}, unavailable(err)
		}
	}
	return s.page(found, q.Limit)
}

func selfRow(ctx context.Context, rows Rows, key string, r Range) ([]*Row, error) {
	row, err := rows.Document(ctx, key)
	switch {
	case errors.Is(err, ErrNoRow):
		return nil, nil
	case err != nil:
		return nil, unavailable(err)
	case r.Type != "" && row.Type != r.Type || r.Parent != "" && row.Parent != r.Parent || r.Name != "" && row.Name != r.Name:
		return nil, nil
	}
	return []*Row{row}, nil
}

func (s *Store) page(rows []*Row, limit int) (Page, error) {
	var p Page
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
		p.Next = rows[limit-1].Key
	}
	p.Documents = make([]*Document, len(rows))
	for i, row := range rows {
		d, err := s.document(row)
		if err != nil {
			return Page{}, err
		}
		p.Documents[i] = d
	}
	return p, nil
}

func count(ctx context.Context, rows Rows, q Query) (int, error) {
	r, self := q.span()
	n, err := rows.CountDocuments(ctx, r)
	if err != nil || self == "" {
		return n, unavailable(err)
	}
	own, err := selfRow(ctx, rows, self, r)
	return n + len(own), err
}

// document opens a row: the ID parsed, the secret unsealed.
func (s *Store) document(row *Row) (*Document, error) {
	id, err := gatehouse.ParseID(row.ID)
	if err != nil {
		return nil, internalf("row %q holds a malformed ID: %w", row.Key, err)
	}
	d := &Document{ID: id, Type: row.TypeName, Revision: row.Revision, Body: row.Body,
		Created: fromMicro(row.Created), Updated: fromMicro(row.Updated)}
	if row.Secret != nil {
		if d.Secret, err = s.keys.Load().unseal(row.Secret, documentContext(row.Key)); err != nil {
			return nil, internalf("the secret of %s cannot be opened: %w", row.ID, err)
		}
	}
	return d, nil
}

func fromMicro(us int64) time.Time { return time.UnixMicro(us).UTC() }

func toMicro(t time.Time, zero int64) int64 {
	if t.IsZero() {
		return zero
	}
	return t.UnixMicro()
}
