package analytics

import (
	"context"
	"database/sql"
	"maps"
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
	return s.write(ctx, func(tx *sql.Tx) (func(), error) {
		then, err := s.upkeep(tx)
		if err != nil {
			return nil, err
		}
		sums, upto, err := s.add(tx, batch)
		return func() {
			if then != nil {
				then()
			}
			s.sums.add(sums, upto)
		}, err
	})
}

// add puts requests into segments, and returns the sums of what they agree in, and how many requests there are with them.
func (s *Store) add(tx *sql.Tx, batch []Request) (sums map[bucket]*Sums, upto int64, err error) {
	places := map[place]bucket{}
	segments := map[int64]*segment{}
	sums, upto = map[bucket]*Sums{}, s.sums.upto
	for i := range batch {
		b, err := s.bucketOf(tx, places, &batch[i])
		if err != nil {
			return nil, 0, err
		}
		if sums[b] == nil {
			sums[b] = &Sums{}
		}
		sums[b].add(&batch[i])
		to := segments[b.service]
		if to == nil {
			to = newSegment()
			segments[b.service] = to
		}
		if to.add(b.dims, &batch[i]); to.n < mostInSegment {
			continue
		}
		delete(segments, b.service)
		if upto, err = keepSegment(tx, upto, b.service, to); err != nil {
			return nil, 0, err
		}
	}
	upto, err = keepSegments(tx, upto, maps.All(segments))
	return sums, upto, err
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

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
