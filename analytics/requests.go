package analytics

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"iter"
	"math"
	"slices"
)

// keepSegments writes segments by service. There had been upto requests before; it returns how many there are then.
func keepSegments(tx *sql.Tx, upto int64, segments iter.Seq2[int64, *segment]) (int64, error) {
	for service, each := range segments {
		var err error
		if upto, err = keepSegment(tx, upto, service, each); err != nil {
			return 0, err
		}
	}
	return upto, nil
}

func keepSegment(tx *sql.Tx, upto, service int64, s *segment) (int64, error) {
	upto += int64(s.n)
	_, err := tx.Exec(`INSERT INTO segments (service, first, last, upto, n, gone, data) VALUES ($1, $2, $3, $4, $5, 0, $6)`, service, s.first, s.last, upto, s.n, s.encode())
	return upto, err
}

// found is where a request is that a query selects.
type found struct {
	time    int64
	segment int64
	at      int // in its segment
}

// Requests returns those that a query selects, oldest first, and how many there are in all.
func (s *Store) Requests(ctx context.Context, q Query, skip, top int) (list []Request, count int, err error) {
	if s == nil {
		return nil, 0, nil
	}
	selected, some, err := s.selects(ctx, q)
	if err != nil || !some {
		return nil, 0, err
	}
	all, err := s.find(ctx, &selected)
	if err != nil {
		return nil, 0, err
	}
	// Segments come as they were written and their requests nearly by time, so that this is quick.
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.time, b.time) })
	page := all[min(max(skip, 0), len(all)):]
	list, err = s.fetch(ctx, page[:min(max(top, 0), len(page))])
	for i := range list {
		list[i].Service = q.Service
	}
	return list, len(all), err
}

// find looks through the segments that may hold what a query selects. Only the heads of requests are read.
func (s *Store) find(ctx context.Context, q *selection) (all []found, err error) {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	if !q.from.IsZero() {
		from = q.from.UnixMicro()
	}
	if !q.to.IsZero() {
		to = q.to.UnixMicro()
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, gone, data FROM segments WHERE service = $1 AND last >= $2 AND first <= $3 ORDER BY id`, q.service, from, to)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var gone int
		var data sql.RawBytes
		if err := rows.Scan(&id, &gone, &data); err != nil {
			return nil, err
		}
		r, err := openSegment(data)
		if err != nil {
			return nil, err
		}
		fits := make([]bool, len(r.dims))
		for i := range r.dims {
			fits[i] = q.fits(&r.dims[i])
		}
		for i := range r.n {
			at, dims := r.head()
			if r.failed {
				return nil, errSegment
			}
			if i >= gone && at >= from && at <= to && fits[dims] {
				all = append(all, found{at, id, i})
			}
		}
	}
	return all, rows.Err()
}

// fits reports whether fields are among those that are selected.
func (q *selection) fits(dims *dimensions) bool {
	for i, d := range dims {
		if q.values[i] != nil && !slices.Contains(q.values[i], d) {
			return false
		}
	}
	return true
}

// fetch reads requests whole. Those that have been swept away meanwhile are left out.
func (s *Store) fetch(ctx context.Context, page []found) ([]Request, error) {
	wanted := map[int64]map[int]int{} // by segment and place in it, the place in page
	for i, f := range page {
		if wanted[f.segment] == nil {
			wanted[f.segment] = map[int]int{}
		}
		wanted[f.segment][f.at] = i
	}
	list := make([]*Request, len(page))
	for id, of := range wanted {
		var data []byte
		if err := s.db.QueryRowContext(ctx, `SELECT data FROM segments WHERE id = $1`, id).Scan(&data); errors.Is(err, sql.ErrNoRows) {
			continue
		} else if err != nil {
			return nil, err
		}
		if err := readSegment(data, func(i int, dims *dimensions, r *Request) error {
			at, ok := of[i]
			if !ok {
				return nil
			}
			found := *r
			list[at] = &found
			return s.spellRequest(ctx, &found, dims)
		}); err != nil {
			return nil, err
		}
	}
	var out []Request
	for _, r := range list {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out, nil
}

func (s *Store) spellRequest(ctx context.Context, r *Request, dims *dimensions) error {
	for i, to := range []*string{&r.API, &r.Operation, &r.Product, &r.Subscription, &r.User, &r.Gateway, &r.Country, &r.Region, &r.Zip} {
		text, err := s.spelled(ctx, dims[i])
		if err != nil {
			return err
		}
		*to = text
	}
	return nil
}
