package analytics

import (
	"context"
	"database/sql"
	"maps"
	"time"
)

// migrate brings a database up to date in which each request is a row: it makes segments of them, once.
func (s *Store) migrate(ctx context.Context) error {
	var tables int
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'requests'`).Scan(&tables); err != nil || tables == 0 {
		return err
	}
	return s.settle(ctx, func(tx *sql.Tx) (func(), error) {
		upto := s.sums.upto
		none, err := s.number(tx, "")
		for last, n := int64(0), -1; n != 0 && err == nil; upto += int64(n) {
			n, last, err = migrateSome(tx, last, upto, none)
		}
		if err != nil {
			return nil, err
		}
		// They have been summed up already.
		if _, err := tx.Exec(`INSERT INTO progress (id, summed) VALUES (1, $1) ON CONFLICT DO UPDATE SET summed = excluded.summed`, upto); err != nil {
			return nil, err
		}
		_, err = tx.Exec(`DROP TABLE requests`)
		return func() { s.sums.upto = upto }, err
	})
}

// migrateSome makes segments of the rows that follow one; none is the number of the empty text.
func migrateSome(tx *sql.Tx, after, upto, none int64) (n int, last int64, err error) {
	rows, err := tx.Query(`SELECT id, service, time, api, operation, product, subscription, user, gateway, method, url, address,
		status, backend_status, request_size, response_size, cache, total, backend, request FROM requests WHERE id > $1 ORDER BY id LIMIT $2`, after, mostInSegment)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	segments := map[int64]*segment{}
	for rows.Next() {
		var r Request
		d := dimensions{6: none, 7: none, 8: none}
		var service, at int64
		var total, backend float64
		if err := rows.Scan(&last, &service, &at, &d[0], &d[1], &d[2], &d[3], &d[4], &d[5], &r.Method, &r.URL, &r.Address,
			&r.Status, &r.BackendStatus, &r.RequestSize, &r.ResponseSize, &r.Cache, &total, &backend, &r.ID); err != nil {
			return 0, 0, err
		}
		r.Time, r.Total, r.Backend = time.UnixMicro(at), time.Duration(total*float64(time.Millisecond)), time.Duration(backend*float64(time.Millisecond))
		if segments[service] == nil {
			segments[service] = newSegment()
		}
		segments[service].add(d, &r)
		n++
	}
	if err := closing(rows, rows.Err()); err != nil {
		return 0, 0, err
	}
	_, err = keepSegments(tx, upto, maps.All(segments))
	return n, last, err
}
