package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"gatehouse"
)

// Past is a document as it was before a change.
type Past struct {
	ID   gatehouse.ID // as it was written in that change
	Type string       // as it was asked for
	Body []byte       // nil when the document was not there
	Seq  int64        // of the change
}

// Before yields the documents of a type that changed after a change and how they were
// right after that: what it does not yield is as it was then. Changes after until do
// not count; 0 counts all. With what List returns before or while Before reads, that makes
// the documents of then: whatever changed since is among those yielded. The cost is that of
// the documents that changed, not of their changes.
func (s *Store) Before(ctx context.Context, typ string, seq, until int64) iter.Seq2[Past, error] {
	return func(yield func(Past, error) bool) {
		r := RecordRange{After: seq, Type: gatehouse.Fold(typ), First: true}
		if until > 0 {
			r.Before = until + 1
		}
		var failed error
		err := s.driver.Records(ctx, r, func(record *Record) bool {
			var p Past
			if p, failed = record.past(typ); failed != nil {
				return false
			}
			return yield(p, nil)
		})
		if err = errors.Join(unavailable(err), failed); err != nil {
			yield(Past{}, err)
		}
	}
}

// Last returns the number and time of the newest change, or of the newest that was not
// made after a time; zeros when there is none.
func (s *Store) Last(ctx context.Context, at time.Time) (seq int64, when time.Time, err error) {
	r := RecordRange{Descending: true, Limit: 1}
	if !at.IsZero() {
		r.Until = at.UnixMicro() + 1
	}
	err = s.driver.Records(ctx, r, func(record *Record) bool {
		seq, when = record.Seq, fromMicro(record.Time)
		return false
	})
	return seq, when, unavailable(err)
}

func (r *Record) past(typ string) (Past, error) {
	p := Past{Type: typ, Seq: r.Seq}
	resource, before, ok := resourceAndBefore(r.Body)
	if !ok {
		var c struct {
			Resource string          `json:"resource"`
			Before   json.RawMessage `json:"before"`
		}
		if err := json.Unmarshal(r.Body, &c); err != nil {
			return p, internalf("change %d cannot be read: %w; run gatehouse audit verify", r.Seq, err)
		}
		resource, before = c.Resource, c.Before
	}
	id, err := gatehouse.ParseID(resource)
	if err != nil {
		return p, internalf("change %d is about %q, which is no ID: %w; run gatehouse audit verify", r.Seq, resource, err)
	}
	p.ID, p.Body = id, before
	return p, nil
}

// resourceAndBefore finds two members of a record without decoding the others; a
// hundred thousand records are read at once. It returns false for what it cannot read.
func resourceAndBefore(record []byte) (resource string, before []byte, ok bool) {
	rest := bytes.TrimSpace(record)
	if len(rest) < 2 || rest[0] != '{' {
		return "", nil, false
	}
	for rest = rest[1:]; len(rest) > 0 && rest[0] != '}'; {
		if rest[0] == ',' {
			rest = rest[1:]
		}
		name := valueEnd(rest)
		if name < 2 || name >= len(rest) || rest[name] != ':' {
			return "", nil, false
		}
		value := rest[name+1:]
		end := valueEnd(value)
		if end <= 0 {
			return "", nil, false
		}
		switch string(rest[1 : name-1]) {
		case "resource":
			if json.Unmarshal(value[:end], &resource) != nil {
				return "", nil, false
			}
		case "before":
			return resource, value[:end], true // what follows does not matter
		}
		rest = value[end:]
	}
	return resource, nil, len(rest) > 0
}

// valueEnd returns the length of the JSON value that b, which is valid, starts with; 0 when there is none.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(b))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth // a closing brace of what is around ends a number or word
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return 0
}
