package analytics

import (
	"context"
	"database/sql"
	"time"
)

// Quota is what one counter has counted in one period.
type Quota struct {
	Counter, Period string // keys; a period's is such as 0_P7D
	Start, End      time.Time
	Calls           int64
	Kilobytes       float64
}

// Charge adds to counters what a batch says, making those that are new.
func (s *Store) Charge(ctx context.Context, service string, batch []Quota) error {
	if s == nil || len(batch) == 0 {
		return nil
	}
	return s.write(ctx, func(tx *sql.Tx) (func(), error) {
		then, err := s.upkeep(tx)
		if err != nil {
			return nil, err
		}
		id, err := s.number(tx, service)
		if err != nil {
			return nil, err
		}
		for _, q := range batch {
			if _, err := tx.Exec(`INSERT INTO quotas VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, kb = kb + excluded.kb`,
				id, q.Counter, q.Period, q.Start.Unix(), q.End.Unix(), q.Calls, q.Kilobytes); err != nil {
				return nil, err
			}
		}
		return then, nil
	})
}

// Quotas returns the periods of a counter, newest first; only one when period is not "".
func (s *Store) Quotas(ctx context.Context, service, counter, period string) ([]Quota, error) {
	if s == nil {
		return nil, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT period, start, until, calls, kb FROM quotas
		WHERE service = (SELECT id FROM names WHERE text = $1) AND counter = $2 AND ($3 = '' OR period = $3) ORDER BY start DESC, period`, service, counter, period)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Quota
	for rows.Next() {
		q := Quota{Counter: counter}
		var start, end int64
		if err := rows.Scan(&q.Period, &start, &end, &q.Calls, &q.Kilobytes); err != nil {
			return nil, err
		}
		q.Start, q.End = time.Unix(start, 0).UTC(), time.Unix(end, 0).UTC()
		list = append(list, q)
	}
	return list, rows.Err()
}

// SetQuota gives the periods of a counter, or one of them, other values; nil leaves one alone. It makes no counter.
func (s *Store) SetQuota(ctx context.Context, service, counter, period string, calls *int64, kilobytes *float64) error {
	if s == nil {
		return nil
	}
	err := s.write(ctx, func(tx *sql.Tx) (func(), error) {
		then, err := s.upkeep(tx)
		if err != nil {
			return nil, err
		}
		now := s.opt.Clock()
		// Each period apart: who hears of it late must not take it for one that has begun since.
		if _, err := tx.Exec(`INSERT INTO edits SELECT max($6, coalesce((SELECT max(id) FROM edits), 0) + 1) + row_number() OVER (ORDER BY start), service, counter, period, $7, $4, $5 FROM quotas
			WHERE service = (SELECT id FROM names WHERE text = $1) AND counter = $2 AND ($3 = '' OR period = $3)`, service, counter, period, calls, kilobytes, now.UnixNano(), now.Unix()); err != nil {
			return nil, err
		}
		return then, setQuota(tx, service, counter, period, calls, kilobytes)
	})
	if err == nil {
		s.tell(ctx, service, counter, period)
	}
	return err
}

func setQuota(tx *sql.Tx, service, counter, period string, calls *int64, kilobytes *float64) error {
	_, err := tx.Exec(`UPDATE quotas SET calls = coalesce($4, calls), kb = coalesce($5, kb)
		WHERE service = (SELECT id FROM names WHERE text = $1) AND counter = $2 AND ($3 = '' OR period = $3)`, service, counter, period, calls, kilobytes)
	return err
}

func (s *Store) tell(ctx context.Context, service, counter, period string) {
	for _, f := range s.edited {
		f(ctx, service, counter, period)
	}
}

// OnEdit has f told, too, whenever something was set, so that who counts can look again. It is for before the store is used.
func (s *Store) OnEdit(f func(ctx context.Context, service, counter, period string)) {
	if s != nil {
		s.edited = append(s.edited, f)
	}
}
