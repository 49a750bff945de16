package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"time"

	"gatehouse"
)

// ChangeQuery selects changes; zero members select everything.
type ChangeQuery struct {
	AfterSeq    int64            // only later ones; with Descending only earlier ones, and 0 starts at the newest
	Since       time.Time        // inclusive
	Until       time.Time        // exclusive
	Under       *gatehouse.Scope // changed or authorized there or below
	Resource    *gatehouse.Scope // of exactly this document
	Type        string
	Kind        gatehouse.ChangeKind
	Actor       gatehouse.GUID
	Operation   string
	Correlation string
	Descending  bool
	Limit       int
}

// recordPage is how many records are read at a time, so that a slow reader never holds a transaction open.
const recordPage = 500

// Changes yields the changes that q selects, by sequence number.
func (s *Store) Changes(ctx context.Context, q ChangeQuery) (iter.Seq2[gatehouse.Change, error], error) {
	r := q.span()
	return func(yield func(gatehouse.Change, error) bool) {
		for record, err := range s.records(ctx, r) {
			var c gatehouse.Change
			if err == nil {
				c, err = record.Change()
			}
			if !yield(c, err) || err != nil {
				return
			}
		}
	}, nil
}

// Change returns one change by its sequence number.
func (s *Store) Change(ctx context.Context, seq int64) (gatehouse.Change, error) {
	for record, err := range s.records(ctx, RecordRange{After: seq - 1, Limit: 1}) {
		if err != nil || record.Seq != seq {
			return gatehouse.Change{}, err
		}
		return record.Change()
	}
	return gatehouse.Change{}, notFound("change", seq)
}

// Records yields the raw log after a sequence number, for those who verify or copy it.
func (s *Store) Records(ctx context.Context, after int64) iter.Seq2[*Record, error] {
	return s.records(ctx, RecordRange{After: after})
}

// Secrets returns the secrets that the document of a change had before and after it, nil where there was none.
func (s *Store) Secrets(ctx context.Context, seq int64) (before, after []byte, err error) {
	for r, err := range s.records(ctx, RecordRange{After: seq - 1, Limit: 1}) {
		if err != nil || r.Seq != seq {
			break
		}
		if before, err = s.openRecord(r, r.SecretBefore); err == nil {
			after, err = s.openRecord(r, r.SecretAfter)
		}
		return before, after, err
	}
	return nil, nil, notFound("change", seq)
}

func (s *Store) openRecord(r *Record, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	b, err := s.keys.Load().unseal(sealed, documentContext(r.Resource))
	if err != nil {
		return nil, internalf("the secret in change %d cannot be opened: %w", r.Seq, err)
	}
	return b, nil
}

func (q ChangeQuery) span() RecordRange {
	r := RecordRange{Since: toMicro(q.Since, 0), Until: toMicro(q.Until, 0), Type: gatehouse.Fold(q.Type),
		Kind: string(q.Kind), Operation: q.Operation, Correlation: q.Correlation, Descending: q.Descending, Limit: q.Limit}
	if q.Under != nil && !q.Under.IsRoot() {
		r.Under = q.Under.String()
	}
	if q.Resource != nil {
		r.Resource = q.Resource.String()
	}
	if !q.Actor.IsZero() {
		r.Actor = q.Actor.String()
	}
	if q.Descending {
		r.Before = q.AfterSeq
	} else {
		r.After = q.AfterSeq
	}
	return r
}

func (s *Store) records(ctx context.Context, r RecordRange) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		left := r.Limit
		for {
			page, err := s.recordPage(ctx, r, left)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, record := range page.records {
				if !yield(record, nil) {
					return
				}
			}
			if r.Limit > 0 {
				if left -= len(page.records); left <= 0 {
					return
				}
			}
			if !page.more {
				return
			}
			r = r.resume(page.records[len(page.records)-1].Seq)
		}
	}
}

type recordsPage struct {
	records []*Record
	more    bool
}

// recordPage reads until the page is long or heavy: records of large documents are few to a page.
func (s *Store) recordPage(ctx context.Context, r RecordRange, left int) (p recordsPage, err error) {
	r.Limit = recordPage
	if left > 0 {
		r.Limit = min(left, recordPage)
	}
	weight := 0
	err = s.driver.Records(ctx, r, func(record *Record) bool {
		p.records = append(p.records, record)
		weight += len(record.Body)
		p.more = weight > 4<<20
		return !p.more
	})
	p.more = p.more || len(p.records) == r.Limit
	return p, unavailable(err)
}

func (r RecordRange) resume(seq int64) RecordRange {
	if r.Descending {
		r.Before = seq
	} else {
		r.After = seq
	}
	return r
}

// recordHead is the part of a record that is encoded member by member; what is
// JSON already (cause, before, after) is spliced in as it is.
type recordHead struct {
	Seq      int64                `json:"seq"`
	Time     time.Time            `json:"time"`
	Kind     gatehouse.ChangeKind `json:"kind"`
	Resource string               `json:"resource,omitempty"`
	Type     string               `json:"type,omitempty"`
	Status   int                  `json:"status,omitempty"`
	Note     string               `json:"note,omitempty"`
	Secrets  *secretDigests       `json:"secrets,omitempty"`
	Previous string               `json:"previous"`
}

// secretDigests bind the sealed secrets beside a record to its hash.
type secretDigests struct {
	Before string `json:"before,omitempty"` // SHA-256 of the sealed bytes
	After  string `json:"after,omitempty"`
}

// append completes c, writes its record and moves the end of the log.
func (tx *Tx) append(c gatehouse.Change, secretBefore, secretAfter []byte) error {
	if tx.over {
		return errOver()
	}
	c.Seq, c.Time, c.Cause = tx.Seq(), tx.Now(), *tx.cause
	if tx.status != 0 && c.Kind != gatehouse.Refused && c.Kind != gatehouse.SignIn {
		c.Status = tx.status
	}
	c.Previous = hexHash(tx.head.hash[:])
	body, err := tx.encode(&c, digests(secretBefore, secretAfter))
	if err != nil {
		return err
	}
	hash := chain(tx.head.hash[:], body)
	c.Hash = hexHash(hash[:])
	r := columns(&c)
	r.Hash, r.SecretBefore, r.SecretAfter, r.Body = hash[:], secretBefore, secretAfter, body
	if err := tx.note(tx.db.AppendRecord(r)); err != nil {
		return unavailable(err)
	}
	*tx.head = head{seq: c.Seq, time: tx.now, hash: hash}
	tx.changes = append(tx.changes, c)
	return nil
}

// columns returns the columns that a change is found by, without hash and body.
func columns(c *gatehouse.Change) *Record {
	r := &Record{Seq: c.Seq, Time: c.Time.UnixMicro(), Kind: string(c.Kind), Resource: foldID(c.Resource), Scope: foldID(c.Cause.Scope),
		Type: gatehouse.Fold(c.Type), Operation: c.Cause.Operation, Correlation: c.Cause.Correlation}
	if !c.Cause.Caller.ID.IsZero() {
		r.Actor = c.Cause.Caller.ID.String()
	}
	return r
}

// foldID folds what is an ID as an ID and anything else as text, since a refusal may concern something malformed.
func foldID(s string) string {
	if s == "" {
		return ""
	}
	if scope, err := gatehouse.ParseScope(s); err == nil {
		return scope.String()
	}
	return gatehouse.Fold(s)
}

func (tx *Tx) encode(c *gatehouse.Change, secrets *secretDigests) ([]byte, error) {
	if tx.encoded == nil {
		if err := tx.encodeCause(); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(recordHead{c.Seq, c.Time, c.Kind, c.Resource, c.Type, c.Status, c.Note, secrets, c.Previous})
	if err != nil {
		return nil, internalf("change %d cannot be encoded: %w", c.Seq, err)
	}
	whole := make([]byte, 0, len(b)+len(tx.encoded)+len(c.Before)+len(c.After)+40)
	whole = splice(append(whole, b...), "cause", tx.encoded)
	whole = splice(whole, "before", c.Before)
	return splice(whole, "after", c.After), nil
}

func (tx *Tx) encodeCause() error {
	cause := *tx.cause
	request := cause.Request
	cause.Request = nil
	if request != nil && !json.Valid(request) {
		return internalf("the request of %s is not JSON", cause.Action)
	}
	b, err := json.Marshal(cause)
	if err != nil {
		return internalf("the cause of %s cannot be encoded: %w", cause.Action, err)
	}
	tx.encoded = splice(b, "request", request)
	return nil
}

// splice adds a member to an encoded object that already has one.
func splice(object []byte, name string, value []byte) []byte {
	if value == nil {
		return object
	}
	object = append(object[:len(object)-1], ',', '"')
	object = append(object, name...)
	object = append(object, '"', ':')
	return append(append(object, value...), '}')
}

func digests(before, after []byte) *secretDigests {
	if before == nil && after == nil {
		return nil
	}
	return &secretDigests{digest(before), digest(after)}
}

func digest(b []byte) string {
	if b == nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hexHash(sum[:])
}

// chain is the hash of a record: SHA-256 over the hash before it and its body.
func chain(previous, body []byte) (sum [32]byte) {
	h := sha256.New()
	h.Write(previous)
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}

func hexHash(b []byte) string { return hex.EncodeToString(b) }

// Change decodes a record.
func (r *Record) Change() (gatehouse.Change, error) {
	var c gatehouse.Change
	if err := json.Unmarshal(r.Body, &c); err != nil {
		return c, internalf("change %d cannot be read: %w; run gatehouse audit verify", r.Seq, err)
	}
	c.Hash = hexHash(r.Hash)
	return c, nil
}
