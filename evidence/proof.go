package evidence

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"gatehouse/store"
)

// LogFile holds the raw records of a bundle's period, each with its hash.
const LogFile = "log.jsonl"

// proofLine is a record as the chain hashes it: the body is text, so that not a blank of it is lost.
type proofLine struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
	Body string `json:"body,omitempty"`
	Raw  []byte `json:"base64,omitempty"` // in place of Body where text would lose bytes
}

func (p proofLine) content() string {
	if p.Raw != nil {
		return string(p.Raw)
	}
	return p.Body
}

func newProofLine(r *store.Record) proofLine {
	p := proofLine{Seq: r.Seq, Hash: hex.EncodeToString(r.Hash)}
	if utf8.Valid(r.Body) {
		p.Body = string(r.Body)
	} else {
		p.Raw = r.Body
	}
	return p
}

// writeProof writes the records after one up to another. Their bodies hold no secrets:
// those are sealed beside them, and left out.
func writeProof(ctx context.Context, s *store.Store, after, upTo int64, w io.Writer) error {
	out := bufio.NewWriter(w)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if after < upTo {
		for r, err := range s.Records(ctx, after) {
			if err != nil {
				return err
			}
			if r.Seq > upTo {
				break
			}
			if err := e.Encode(newProofLine(r)); err != nil {
				return err
			}
		}
	}
	return out.Flush()
}

// verifyProof walks the records of a bundle: each hash follows from the one before
// and the body, and the last is that of the checkpoint.
func verifyProof(file string, at Checkpoint) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReader(f)
	var last proofLine
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		var p proofLine
		if err := json.Unmarshal(line, &p); err != nil {
			return fmt.Errorf("%s: the record after change %d cannot be read: %w", file, last.Seq, err)
		}
		if what := p.follows(last); what != "" {
			return fmt.Errorf("%s: change %d is not as it was written: %s", file, p.Seq, what)
		}
		last = p
	}
	if last.Seq != 0 && (last.Seq != at.Seq || last.Hash != at.Hash) {
		return fmt.Errorf("%s ends with change %d (%s), the signed checkpoint says change %d (%s)", file, last.Seq, last.Hash, at.Seq, at.Hash)
	}
	return nil
}

func (p proofLine) follows(last proofLine) string {
	var body struct {
		Seq      int64  `json:"seq"`
		Previous string `json:"previous"`
	}
	if err := json.Unmarshal([]byte(p.content()), &body); err != nil {
		return "its content cannot be read"
	}
	if last.Seq != 0 && (p.Seq != last.Seq+1 || body.Previous != last.Hash) {
		return fmt.Sprintf("it does not follow change %d", last.Seq)
	}
	previous, err := hex.DecodeString(body.Previous)
	have, err2 := hex.DecodeString(p.Hash)
	sum := sha256.Sum256(append(previous, p.content()...))
	if err != nil || err2 != nil || body.Seq != p.Seq || !bytes.Equal(have, sum[:]) {
		return "its hash does not fit its content"
	}
	return ""
}
