package analytics

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"
)

// Request is one that a gateway answered. IDs are relative to the service, as reports
// show them: /apis/x, /apis/x/operations/y, /products/p, /users/u, /subscriptions/s; what there is none of is "".
type Request struct {
	// Service is the key that the management side counts a service by. It is not the ID alone: a
	// service that is made anew starts without a past.
	Service string
	Time    time.Time
	ID      string

	API, Operation, Product, Subscription, User string

	Gateway              string // region of the gateway: West Europe
	Country, Region, Zip string // of the caller, as far as known

	Method  string
	URL     string // without keys
	Address string // of the caller

	Status        int // of the answer
	BackendStatus int // 0 when no backend was called
	RequestSize   int64
	ResponseSize  int64
	Cache         Cache
	Total         time.Duration // from the first byte received to the last byte sent
	Backend       time.Duration // of that, waiting for the backend
}

// Cache says what the cache did for a request.
type Cache string

// What the cache did: nothing, because no policy asked; answered; had nothing.
const (
	CacheNone Cache = "none"
	CacheHit  Cache = "hit"
	CacheMiss Cache = "miss"
)

// outcome classes of an answer, as the service's reports count them: up to 301, 304 and 307
// are successes; 401, 403 and 429 blocked; 400 and from 500 on failures; the rest is other.
func (r *Request) outcome() (success, blocked, failed, other int64) {
	switch s := r.Status; {
	case s <= 301, s == 304, s == 307:
		return 1, 0, 0, 0
	case s == 401, s == 403, s == 429:
		return 0, 1, 0, 0
	case s == 400, s >= 500 && s <= 600:
		return 0, 0, 1, 0
	}
	return 0, 0, 0, 1
}

// Add keeps a batch.
func (s *Store) Add(ctx context.Context, batch []Request) error {
	if s == nil || len(batch) == 0 {
		return nil
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := s.sweep(tx); err != nil {
			return err
		}
		var rows [][]any
		sums := map[bucket]*Sums{}
		for i := range batch {
			b, err := s.bucketOf(tx, &batch[i])
			if err != nil {
				return err
			}
			if sums[b] == nil {
				sums[b] = &Sums{}
			}
			sums[b].add(&batch[i])
			rows = append(rows, requestRow(&b, &batch[i]))
		}
		if err := insert(tx, `INSERT INTO requests (service, time, api, operation, product, subscription, user, gateway, method, url, address,
			status, backend_status, request_size, response_size, cache, total, backend, request) VALUES `, rows, ""); err != nil {
			return err
		}
		return addSums(tx, sums)
	})
}

// insert writes rows, many with each statement: that costs half of one by one.
func insert(tx *sql.Tx, into string, rows [][]any, conflict string) error {
	for chunk := range slices.Chunk(rows, 50) {
		row := "(?" + strings.Repeat(", ?", len(chunk[0])-1) + ")"
		if _, err := tx.Exec(into+row+strings.Repeat(", "+row, len(chunk)-1)+conflict, slices.Concat(chunk...)...); err != nil {
			return err
		}
	}
	return nil
}

func requestRow(b *bucket, r *Request) []any {
	cache := r.Cache
	if cache == "" {
		cache = CacheNone
	}
	d := &b.dims
	return []any{b.service, r.Time.UnixMicro(), d[0], d[1], d[2], d[3], d[4], d[5], r.Method, r.URL, r.Address,
		r.Status, r.BackendStatus, r.RequestSize, r.ResponseSize, string(cache), milliseconds(r.Total), milliseconds(r.Backend), r.ID}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Requests returns those that a query selects, oldest first, and how many there are in all.
func (s *Store) Requests(ctx context.Context, q Query, skip, top int) (list []Request, count int, err error) {
	if s == nil {
		return nil, 0, nil
	}
	where, args, err := s.where(ctx, q, 1_000_000)
	if err != nil || where == "" {
		return nil, 0, err
	}
	if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM requests WHERE `+where, args...).Scan(&count); err != nil {
		return nil, 0, err
	}
	rows, err := s.db.QueryContext(ctx, `SELECT time, api, operation, product, subscription, user, gateway, method, url, address,
		status, backend_status, request_size, response_size, cache, total, backend, request
		FROM requests WHERE `+where+` ORDER BY time, id LIMIT ? OFFSET ?`, append(args, top, skip)...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	var raw []rawRequest
	for rows.Next() {
		var r rawRequest
		if err := rows.Scan(&r.time, &r.dims[0], &r.dims[1], &r.dims[2], &r.dims[3], &r.dims[4], &r.dims[5], &r.Method, &r.URL, &r.Address,
			&r.Status, &r.BackendStatus, &r.RequestSize, &r.ResponseSize, &r.Cache, &r.total, &r.backend, &r.ID); err != nil {
			return nil, 0, err
		}
		raw = append(raw, r)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, err
	}
	for i := range raw {
		r, err := s.whole(ctx, &raw[i])
		if err != nil {
			return nil, 0, err
		}
		r.Service = q.Service
		list = append(list, r)
	}
	return list, count, nil
}

// rawRequest is a row of requests.
type rawRequest struct {
	Request
	time           int64
	dims           [6]int64
	total, backend float64
}

func (s *Store) whole(ctx context.Context, raw *rawRequest) (Request, error) {
	r := raw.Request
	r.Time = time.UnixMicro(raw.time).UTC()
	r.Total, r.Backend = time.Duration(raw.total*float64(time.Millisecond)), time.Duration(raw.backend*float64(time.Millisecond))
	for i, to := range []*string{&r.API, &r.Operation, &r.Product, &r.Subscription, &r.User, &r.Gateway} {
		text, err := s.spelled(ctx, raw.dims[i])
		if err != nil {
			return Request{}, err
		}
		*to = text
	}
	return r, nil
}
