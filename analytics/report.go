package analytics

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// Field is something that statistics can be asked by.
type Field string

// The fields. They are columns.
const (
	API          Field = "api"
	Operation    Field = "operation"
	Product      Field = "product"
	Subscription Field = "subscription"
	User         Field = "user"
	Gateway      Field = "gateway"
	Country      Field = "country"
	Region       Field = "region"
	Zip          Field = "zip"
)

// fields in the order of dimensions.
var fields = [len(dimensions{})]Field{API, Operation, Product, Subscription, User, Gateway, Country, Region, Zip}

// bucket is what the requests of one row agree in.
type bucket struct {
	service, time int64
	dims          dimensions
}

// dimensions are the numbers of what a request has in each field.
type dimensions [9]int64

// place is the texts that a bucket has numbers of.
type place struct {
	service string
	dims    [len(fields)]string
}

// bucketOf finds the bucket of a request; places are those of requests before it.
func (s *Store) bucketOf(tx *sql.Tx, places map[place]bucket, r *Request) (b bucket, err error) {
	p := place{r.Service, [...]string{r.API, r.Operation, r.Product, r.Subscription, r.User, r.Gateway, r.Country, r.Region, r.Zip}}
	b, known := places[p]
	b.time = r.Time.Truncate(Quarter).Unix()
	if known {
		return b, nil
	}
	if b.service, err = s.number(tx, r.Service); err != nil {
		return b, err
	}
	for i, text := range p.dims {
		if b.dims[i], err = s.number(tx, text); err != nil {
			return b, err
		}
	}
	places[p] = b
	return b, nil
}

// Sums are over a number of requests. Times are in milliseconds.
type Sums struct {
	Success, Blocked, Failed, Other int64
	Bytes                           int64 // of requests and answers
	CacheHits, CacheMisses          int64
	Total, TotalMin, TotalMax       float64
	Backend, BackendMin, BackendMax float64
}

// Calls is how many requests there were.
func (s *Sums) Calls() int64 { return s.Success + s.Blocked + s.Failed + s.Other }

// TotalAvg is the average time of a request, BackendAvg that of its backend.
func (s *Sums) TotalAvg() float64   { return s.Total / float64(max(s.Calls(), 1)) }
func (s *Sums) BackendAvg() float64 { return s.Backend / float64(max(s.Calls(), 1)) }

func (s *Sums) add(r *Request) {
	total, backend := milliseconds(r.Total), milliseconds(r.Backend)
	if s.Calls() == 0 {
		s.TotalMin, s.BackendMin = total, backend
	}
	success, blocked, failed, other := r.outcome()
	s.Success, s.Blocked, s.Failed, s.Other = s.Success+success, s.Blocked+blocked, s.Failed+failed, s.Other+other
	s.Bytes += r.RequestSize + r.ResponseSize
	switch r.Cache {
	case CacheHit:
		s.CacheHits++
	case CacheMiss:
		s.CacheMisses++
	}
	s.Total, s.TotalMin, s.TotalMax = s.Total+total, min(s.TotalMin, total), max(s.TotalMax, total)
	s.Backend, s.BackendMin, s.BackendMax = s.Backend+backend, min(s.BackendMin, backend), max(s.BackendMax, backend)
}

// merge adds sums over other requests.
func (s *Sums) merge(o *Sums) {
	if s.Calls() == 0 {
		*s = *o
		return
	}
	if o.Calls() == 0 {
		return
	}
	s.Success, s.Blocked, s.Failed, s.Other = s.Success+o.Success, s.Blocked+o.Blocked, s.Failed+o.Failed, s.Other+o.Other
	s.Bytes, s.CacheHits, s.CacheMisses = s.Bytes+o.Bytes, s.CacheHits+o.CacheHits, s.CacheMisses+o.CacheMisses
	s.Total, s.TotalMin, s.TotalMax = s.Total+o.Total, min(s.TotalMin, o.TotalMin), max(s.TotalMax, o.TotalMax)
	s.Backend, s.BackendMin, s.BackendMax = s.Backend+o.Backend, min(s.BackendMin, o.BackendMin), max(s.BackendMax, o.BackendMax)
}

func addSums(tx *sql.Tx, sums map[bucket]*Sums) error {
	var rows [][]any
	for b, v := range sums {
		d := &b.dims
		rows = append(rows, []any{b.service, b.time, d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8],
			v.Success, v.Blocked, v.Failed, v.Other, v.Bytes, v.CacheHits, v.CacheMisses,
			v.Total, v.TotalMin, v.TotalMax, v.Backend, v.BackendMin, v.BackendMax})
	}
	return insert(tx, `INSERT INTO buckets VALUES `, rows, ` ON CONFLICT DO UPDATE SET success = success + excluded.success, blocked = blocked + excluded.blocked,
		failed = failed + excluded.failed, other = other + excluded.other, bytes = bytes + excluded.bytes, hits = hits + excluded.hits, misses = misses + excluded.misses,
		total = total + excluded.total, total_min = min(total_min, excluded.total_min), total_max = max(total_max, excluded.total_max),
		backend = backend + excluded.backend, backend_min = min(backend_min, excluded.backend_min), backend_max = max(backend_max, excluded.backend_max)`)
}

// Query selects requests, or the statistics of them.
type Query struct {
	Service  string
	From, To time.Time          // inclusive; zero for no bound. Statistics count quarters that begin in between, and the one of From
	Where    map[Field][]string // one of these, in any casing; "" for what has none; * and an ending for all that end so
}

// Row is a line of a report.
type Row struct {
	Start time.Time // of the interval; zero without one
	Keys  map[Field]string
	Sums
}

// Report sums up what a query selects by fields, and by intervals of a multiple of
// Quarter, counted from 1970, unless every is 0. Rows come in no order.
func (s *Store) Report(ctx context.Context, q Query, by []Field, every time.Duration) ([]Row, error) {
	if s == nil {
		return nil, nil
	}
	if !q.From.IsZero() {
		q.From = q.From.Truncate(Quarter)
	}
	if err := s.settled(ctx); err != nil {
		return nil, err
	}
	selected, some, err := s.selects(ctx, q)
	if err != nil || !some {
		return nil, err
	}
	where, args := selected.where()
	columns := []string{"time * 0"}
	if every > 0 {
		seconds := int64(every / time.Second)
		columns[0] = fmt.Sprintf("time / %d * %d", seconds, seconds)
	}
	for _, f := range by {
		if !slices.Contains(fields[:], f) {
			return nil, fmt.Errorf("analytics: no field %q", f)
		}
		columns = append(columns, string(f))
	}
	group := strings.Join(columns, ", ")
	rows, err := s.db.QueryContext(ctx, `SELECT `+group+`, sum(success), sum(blocked), sum(failed), sum(other), sum(bytes), sum(hits), sum(misses),
		sum(total), min(total_min), max(total_max), sum(backend), min(backend_min), max(backend_max)
		FROM buckets WHERE `+where+` GROUP BY `+group, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Row
	var keys [][]int64
	for rows.Next() {
		var r Row
		var start int64
		ids := make([]int64, len(by))
		into := []any{&start}
		for i := range ids {
			into = append(into, &ids[i])
		}
		into = append(into, &r.Success, &r.Blocked, &r.Failed, &r.Other, &r.Bytes, &r.CacheHits, &r.CacheMisses,
			&r.Total, &r.TotalMin, &r.TotalMax, &r.Backend, &r.BackendMin, &r.BackendMax)
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if every > 0 {
			r.Start = time.Unix(start, 0).UTC()
		}
		list, keys = append(list, r), append(keys, ids)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return list, s.spell(ctx, list, keys, by)
}

func (s *Store) spell(ctx context.Context, list []Row, keys [][]int64, by []Field) error {
	for i := range list {
		list[i].Keys = map[Field]string{}
		for j, f := range by {
			text, err := s.spelled(ctx, keys[i][j])
			if err != nil {
				return err
			}
			list[i].Keys[f] = text
		}
	}
	return nil
}

// selection is what a query selects, in numbers.
type selection struct {
	service  int64
	from, to time.Time
	values   [len(fields)][]int64 // nil for any
}

// selects looks up the numbers of a query; false when nothing can match.
func (s *Store) selects(ctx context.Context, q Query) (to selection, some bool, err error) {
	service, err := s.numbers(ctx, []string{q.Service}, false)
	if err != nil || len(service) == 0 {
		return to, false, err
	}
	to = selection{service: service[0], from: q.From, to: q.To}
	for i, f := range fields {
		values, asked := q.Where[f]
		if !asked {
			continue
		}
		if to.values[i], err = s.numbers(ctx, values, true); err != nil || len(to.values[i]) == 0 {
			return to, false, err
		}
	}
	return to, true, nil
}

// where is the condition of a selection of buckets.
func (q *selection) where() (where string, args []any) {
	parts, args := []string{"service = ?"}, []any{q.service}
	if !q.from.IsZero() {
		parts, args = append(parts, "time >= ?"), append(args, q.from.Unix())
	}
	if !q.to.IsZero() {
		parts, args = append(parts, "time <= ?"), append(args, q.to.Unix())
	}
	for i, ids := range q.values {
		if ids == nil {
			continue
		}
		parts = append(parts, string(fields[i])+" IN (?"+strings.Repeat(", ?", len(ids)-1)+")")
		for _, id := range ids {
			args = append(args, id)
		}
	}
	return strings.Join(parts, " AND "), args
}

// numbers are those of the texts that are known, in any casing when folded.
func (s *Store) numbers(ctx context.Context, texts []string, folded bool) (ids []int64, err error) {
	statement := `SELECT id FROM names WHERE text = $1`
	if folded {
		statement = `SELECT id FROM names WHERE folded = $1`
	}
	for _, text := range texts {
		asked := statement
		if end, open := strings.CutPrefix(text, "*"); open && folded {
			text, asked = end, `SELECT id FROM names WHERE substr(folded, -length($1)) = $1`
		}
		if folded {
			text = gatehouse.Fold(text)
		}
		rows, err := s.db.QueryContext(ctx, asked, text)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var id int64
			if err := rows.Scan(&id); err != nil {
				return nil, closing(rows, err)
			}
			ids = append(ids, id)
		}
		if err := closing(rows, rows.Err()); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func closing(rows *sql.Rows, err error) error {
	if closed := rows.Close(); err == nil {
		err = closed
	}
	return err
}
