package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"gatehouse"
)

// Check asks the database engine whether its files are whole: its indexes fit its
// rows, no page is damaged. The log's own proof is Record.Check.
func (s *Store) Check(ctx context.Context) error { return s.driver.Check(ctx) }

// Check decodes a record and compares it with the hash of the one before it and
// with itself: the chain, the columns that queries use, the digests of the secrets
// beside it. An error says what is wrong.
func (r *Record) Check(previous []byte) (gatehouse.Change, error) {
	var decoded struct {
		gatehouse.Change
		Secrets secretDigests `json:"secrets"`
	}
	want := chain(previous, r.Body)
	if !bytes.Equal(r.Hash, want[:]) {
		return decoded.Change, fmt.Errorf("its hash is %s, its content and the hash before it give %s: record, hash or an earlier record was changed", hexHash(r.Hash), hexHash(want[:]))
	}
	if err := json.Unmarshal(r.Body, &decoded); err != nil {
		return decoded.Change, fmt.Errorf("its content cannot be read: %w", err)
	}
	if err := r.checkColumns(&decoded.Change); err != nil {
		return decoded.Change, err
	}
	if decoded.Secrets != (secretDigests{digest(r.SecretBefore), digest(r.SecretAfter)}) {
		return decoded.Change, errors.New("a sealed secret beside it was changed")
	}
	if have := hexHash(previous); decoded.Previous != have {
		return decoded.Change, fmt.Errorf("it follows hash %s, the change before it has %s", decoded.Previous, have)
	}
	decoded.Hash = hexHash(r.Hash)
	return decoded.Change, nil
}

func (r *Record) checkColumns(c *gatehouse.Change) error {
	want := columns(c)
	for _, column := range []struct {
		name      string
		have, say any
	}{
		{"seq", r.Seq, want.Seq}, {"time", r.Time, want.Time}, {"kind", r.Kind, want.Kind},
		{"resource", r.Resource, want.Resource}, {"scope", r.Scope, want.Scope}, {"type", r.Type, want.Type}, {"actor", r.Actor, want.Actor},
		{"operation", r.Operation, want.Operation}, {"correlation", r.Correlation, want.Correlation},
	} {
		if column.have != column.say {
			return fmt.Errorf("its column %s holds %v, its content says %v: the column was changed", column.name, column.have, column.say)
		}
	}
	return nil
}
