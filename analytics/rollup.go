package analytics

import (
	"context"
	"database/sql"
	"time"
)

// rollup is sums that are not in the database yet, while the requests that they are over are: a crash loses none of them, since
// restore sums those requests up again. With many subscriptions nearly every request of a batch has a row of its own, which is
// dear; over a longer time they meet.
type rollup struct {
	waiting map[bucket]*Sums
	upto    int64 // how many requests there have been
	written time.Time
}

// Sums wait so long, or until there are so many.
const (
	sumsWait = 30 * time.Second
	mostSums = 20_000
)

func (r *rollup) due(now time.Time) bool {
	return len(r.waiting) > 0 && now.Sub(r.written) >= sumsWait || len(r.waiting) >= mostSums
}

// write puts what waits into the database, and up to which request that is.
func (r *rollup) write(tx *sql.Tx) error {
	if len(r.waiting) == 0 {
		return nil
	}
	if err := addSums(tx, r.waiting); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO progress (id, summed) VALUES (1, $1) ON CONFLICT DO UPDATE SET summed = excluded.summed`, r.upto)
	return err
}

func (r *rollup) clear(now time.Time) {
	clear(r.waiting)
	r.written = now
}

func (r *rollup) add(more map[bucket]*Sums, upto int64) {
	for b, sums := range more {
		if r.waiting[b] == nil {
			r.waiting[b] = sums
		} else {
			r.waiting[b].merge(sums)
		}
	}
	r.upto = upto
}

// settle writes the sums that wait, and what more does besides; nil for nothing.
func (s *Store) settle(ctx context.Context, more func(tx *sql.Tx) (then func(), err error)) error {
	return s.write(ctx, func(tx *sql.Tx) (func(), error) {
		if err := s.sums.write(tx); err != nil {
			return nil, err
		}
		var then func()
		if more != nil {
			var err error
			if then, err = more(tx); err != nil {
				return nil, err
			}
		}
		return func() {
			s.sums.clear(s.opt.Clock())
			if then != nil {
				then()
			}
		}, nil
	})
}

// settled has reports see the sums that wait.
func (s *Store) settled(ctx context.Context) error {
	s.writing.Lock()
	n := len(s.sums.waiting)
	s.writing.Unlock()
	if n == 0 {
		return nil
	}
	return s.settle(ctx, nil)
}

// restore sums up again the requests whose sums had not been written when the database was left.
func (s *Store) restore(ctx context.Context) error {
	var summed int64
	if err := s.db.QueryRowContext(ctx, `SELECT coalesce(max(summed), 0) FROM progress`).Scan(&summed); err != nil {
		return err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT service, upto, data FROM segments WHERE upto > $1 ORDER BY id`, summed)
	if err != nil {
		return err
	}
	defer rows.Close()
	s.sums.upto = summed
	for rows.Next() {
		var service int64
		var data []byte
		if err := rows.Scan(&service, &s.sums.upto, &data); err != nil {
			return err
		}
		if err := s.sums.again(service, data); err != nil {
			return err
		}
	}
	return rows.Err()
}

// again adds the requests of a segment.
func (r *rollup) again(service int64, data []byte) error {
	return readSegment(data, func(_ int, dims *dimensions, q *Request) error {
		b := bucket{service, q.Time.Truncate(Quarter).Unix(), *dims}
		if r.waiting[b] == nil {
			r.waiting[b] = &Sums{}
		}
		r.waiting[b].add(q)
		return nil
	})
}
