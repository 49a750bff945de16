package analytics

import (
	"context"
	"database/sql"
	"time"
)

// Edit is what somebody set one period of a counter to. Numbers grow.
type Edit struct {
	Number    int64    `json:"number"`
	Counter   string   `json:"counter"`
	Period    string   `json:"period"`
	Calls     *int64   `json:"calls,omitempty"` // nil leaves them alone
	Kilobytes *float64 `json:"kilobytes,omitempty"`
}

// editsKept is how long edits are kept for gateways that are away.
const editsKept = 30 * 24 * time.Hour

// mostEdits is how many edits are told at a time.
const mostEdits = 1000

// Edits returns what was set in a service after an edit, oldest first, and not more than can be told at a time.
func (s *Store) Edits(ctx context.Context, service string, after int64) (list []Edit, err error) {
	if s == nil {
		return nil, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, counter, period, calls, kb FROM edits WHERE service = (SELECT id FROM names WHERE text = $1) AND id > $2 ORDER BY id LIMIT $3`, service, after, mostEdits)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e Edit
		if err := rows.Scan(&e.Number, &e.Counter, &e.Period, &e.Calls, &e.Kilobytes); err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, rows.Err()
}

// LastEdit is the number of the newest edit of a service, 0 when there is none.
func (s *Store) LastEdit(ctx context.Context, service string) (number int64, err error) {
	if s == nil {
		return 0, nil
	}
	return number, s.db.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM edits WHERE service = (SELECT id FROM names WHERE text = $1)`, service).Scan(&number)
}

// TakeEdits sets what was set in another Store, and keeps how far that went. Those that it has already change nothing.
func (s *Store) TakeEdits(ctx context.Context, service string, edits []Edit) error {
	if s == nil || len(edits) == 0 {
		return nil
	}
	var taken []Edit
	err := s.write(ctx, func(tx *sql.Tx) (func(), error) {
		then, err := s.upkeep(tx)
		if err != nil {
			return nil, err
		}
		id, err := s.number(tx, service)
		if err != nil {
			return nil, err
		}
		for _, e := range edits {
			r, err := tx.Exec(`INSERT INTO edits VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`, e.Number, id, e.Counter, e.Period, s.opt.Clock().Unix(), e.Calls, e.Kilobytes)
			if err != nil {
				return nil, err
			}
			if n, err := r.RowsAffected(); err != nil || n == 0 {
				continue
			}
			if err := setQuota(tx, service, e.Counter, e.Period, e.Calls, e.Kilobytes); err != nil {
				return nil, err
			}
			taken = append(taken, e)
		}
		return then, nil
	})
	if err != nil {
		return err
	}
	for _, e := range taken {
		s.tell(ctx, service, e.Counter, e.Period)
	}
	return nil
}
