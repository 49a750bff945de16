package evidence

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"gatehouse/store"
)

// Checkpoint says how far the change log had come at a moment. Its hash covers every
// record before it, so a log that holds the checkpoint was not cut or written anew.
type Checkpoint struct {
	Tenant    string    `json:"tenant"`
	Seq       int64     `json:"seq"`  // of the newest change
	Hash      string    `json:"hash"` // of the newest change
	Time      time.Time `json:"time"` // when the checkpoint was made
	Key       PublicKey `json:"key"`
	Signature string    `json:"signature"`
}

const checkpointKind = "checkpoint"

// Sign signs the checkpoint.
func (k *Key) Sign(c Checkpoint) Checkpoint {
	c.Time, c.Key = c.Time.UTC().Truncate(time.Second), k.Public()
	c.Signature = k.sign(checkpointKind, c.unsigned())
	return c
}

// Checkpoint signs the end of the log as it is now.
func (k *Key) Checkpoint(ctx context.Context, s *store.Store, tenant string, now time.Time) Checkpoint {
	seq, hash := s.Head(ctx)
	return k.Sign(Checkpoint{Tenant: tenant, Seq: seq, Hash: hash, Time: now})
}

func (c Checkpoint) unsigned() []byte {
	c.Signature = ""
	return c.Line()
}

// Line is the checkpoint on one line, without its end.
func (c Checkpoint) Line() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain values always encode
	}
	return b
}

// check reports what is wrong with a line; "" for nothing. Every byte counts: a line
// that reads the same but is written differently was touched.
func (c Checkpoint) check(line []byte) string {
	switch {
	case !bytes.Equal(c.Line(), line):
		return "it is not written as Gatehouse writes it: it was changed"
	case !c.Key.signs(checkpointKind, c.unsigned(), c.Signature):
		return "its signature does not fit: it was changed"
	}
	return ""
}

// Genuine returns an error unless the checkpoint is as the key that it names signed it.
func (c Checkpoint) Genuine() error {
	if fault := c.check(c.Line()); fault != "" {
		return fmt.Errorf("the checkpoint of change %d is not as it was made: %s", c.Seq, fault)
	}
	return nil
}

// ReadCheckpoints reads a file of checkpoints, one a line, and checks that each is as
// it was signed by a key that it names. Who it trusts is up to the caller.
func ReadCheckpoints(file string) ([]Checkpoint, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []Checkpoint
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var c Checkpoint
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("%s, line %d: the checkpoint cannot be read (%w): it was changed", file, n, err)
		}
		if fault := c.check(lines.Bytes()); fault != "" {
			return nil, fmt.Errorf("%s, line %d: the checkpoint of change %d is not as it was made: %s", file, n, c.Seq, fault)
		}
		all = append(all, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no checkpoint", file)
	}
	return all, nil
}

// CheckLog compares a log with checkpoints that were kept elsewhere. trusted are the
// keys that may have signed them. It says nothing of the records between: audit.Verify does.
func CheckLog(ctx context.Context, s *store.Store, tenant string, checkpoints []Checkpoint, trusted ...PublicKey) error {
	head, _ := s.Head(ctx)
	for _, c := range checkpoints {
		if err := c.trust(tenant, trusted); err != nil {
			return err
		}
		if c.Seq > head {
			gone := fmt.Sprintf("Changes %d to %d are gone; look for them in a backup", head+1, c.Seq)
			if c.Seq == head+1 {
				gone = fmt.Sprintf("Change %d is gone; look for it in a backup", c.Seq)
			}
			return fmt.Errorf("the log was cut: the checkpoint of %s says that it had %d changes, it ends with change %d. %s", c.Time.Format(time.RFC3339), c.Seq, head, gone)
		}
		hash, err := hashAt(ctx, s, c.Seq)
		if err != nil {
			return err
		}
		if hash != c.Hash {
			return fmt.Errorf("the log was written anew: change %d has the hash %s, the checkpoint of %s says %s. Somebody replaced changes up to %d and made the chain anew; compare with a backup",
				c.Seq, hash, c.Time.Format(time.RFC3339), c.Hash, c.Seq)
		}
	}
	return nil
}

func (c Checkpoint) trust(tenant string, trusted []PublicKey) error {
	if tenant != "" && c.Tenant != tenant {
		return fmt.Errorf("the checkpoint of change %d is about another installation (tenant %s)", c.Seq, c.Tenant)
	}
	for _, key := range trusted {
		if key.Equal(c.Key) {
			return nil
		}
	}
	return fmt.Errorf("the checkpoint of change %d is signed by %s, which is not the key to trust: name the right one with --key", c.Seq, c.Key)
}

func hashAt(ctx context.Context, s *store.Store, seq int64) (string, error) {
	if seq == 0 {
		return fmt.Sprintf("%064d", 0), nil
	}
	c, err := s.Change(ctx, seq)
	return c.Hash, err
}
