package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"

	"gatehouse"
	"gatehouse/store"
)

// Report is what Verify found.
type Report struct {
	Changes   int64  `json:"changes"`   // records that are as they were written
	Documents int64  `json:"documents"` // documents that are as the log says
	Head      int64  `json:"head"`      // sequence number of the last good record
	Hash      string `json:"hash"`      // its hash; note it elsewhere to notice later that the log was cut
	Fault     *Fault `json:"fault,omitempty"`
}

// Fault is the first thing that is wrong.
type Fault struct {
	Seq      int64  `json:"seq,omitempty"`      // of the change at fault
	Document string `json:"document,omitempty"` // the document at fault
	What     string `json:"what"`
}

// Error says what is wrong, and what to do.
func (f *Fault) Error() string {
	what := f.What
	switch {
	case f.Document != "":
		what = fmt.Sprintf("document %s is not as the change log says: %s", f.Document, f.What)
	case f.Seq != 0:
		what = fmt.Sprintf("change %d is not as it was written: %s", f.Seq, f.What)
	}
	return what + ". The database was changed by something other than Gatehouse, or its disk is failing: keep a copy of the data directory, compare it with a backup, and find out who could write to it."
}

// Verify walks the change log from the first record, recomputes the hash chain,
// compares each record with its columns and its sealed secrets, and then compares
// every document with the change that wrote it, and asks the engine for its own check. It stops at the first fault and
// reports it; the error is for a log that could not be read. Writes may go on
// meanwhile. What it cannot see is a log cut at its end together with the documents
// of those changes: compare Report.Hash with one noted earlier. progress, when not
// nil, is called now and then with how far the walk came.
func Verify(ctx context.Context, s *store.Store, progress func(done, total int64)) (Report, error) {
	v := &verifier{s: s, previous: make([]byte, sha256.Size), live: map[string]image{}, progress: progress}
	if err := v.log(ctx); err != nil || v.report.Fault != nil {
		return v.report, err
	}
	if err := v.documents(ctx); err != nil {
		return v.report, err
	}
	if err := s.Check(ctx); err != nil {
		v.wrong = append(v.wrong, &Fault{What: err.Error()})
	}
	v.touched = map[string]bool{} // what was written meanwhile excuses differences
	if err := v.log(ctx); err != nil || v.report.Fault != nil {
		return v.report, err
	}
	v.conclude()
	return v.report, nil
}

// image is the state that the log gives a document.
type image struct {
	seq     int64
	created int64
	updated int64
	digest  [16]byte // of ID, type, body and sealed secret
	seen    bool     // the document is there
}

type verifier struct {
	s        *store.Store
	report   Report
	previous []byte
	time     int64
	live     map[string]image // by key
	touched  map[string]bool  // keys written during the second walk; nil in the first
	wrong    []*Fault
	progress func(done, total int64)
}

// log walks on from where it stopped to what is now the end, not chasing those who write.
func (v *verifier) log(ctx context.Context) error {
	total, _ := v.s.Head(ctx)
	if v.report.Head >= total {
		return nil
	}
	for r, err := range v.s.Records(ctx, v.report.Head) {
		if err != nil {
			return err
		}
		if what := v.record(r); what != "" {
			v.report.Fault = &Fault{Seq: r.Seq, What: what}
			if r.Seq != v.report.Head+1 {
				v.report.Fault.Seq = v.report.Head + 1
			}
			return nil
		}
		if v.progress != nil && r.Seq%1000 == 0 {
			v.progress(r.Seq, total)
		}
		if r.Seq >= total {
			break
		}
	}
	return nil
}

func (v *verifier) record(r *store.Record) string {
	if r.Seq != v.report.Head+1 {
		return fmt.Sprintf("it is missing; the next one is %d", r.Seq)
	}
	if r.Time < v.time {
		return "its time is before that of the change before it"
	}
	c, err := r.Check(v.previous)
	if err != nil {
		return err.Error()
	}
	v.follow(r, &c)
	v.previous, v.time = r.Hash, r.Time
	v.report.Changes++
	v.report.Head, v.report.Hash = r.Seq, c.Hash
	return ""
}

func (v *verifier) follow(r *store.Record, c *gatehouse.Change) {
	if v.touched != nil {
		v.touched[r.Resource] = true
	}
	switch c.Kind {
	case gatehouse.Write:
		state, known := v.live[r.Resource]
		if !known {
			state.created = r.Time
		}
		state.seq, state.updated = r.Seq, r.Time
		state.digest = imageDigest(c.Resource, c.Type, c.After, r.SecretAfter)
		v.live[r.Resource] = state
	case gatehouse.Delete:
		delete(v.live, r.Resource)
	}
}

func imageDigest(id, kind string, body, secret []byte) (d [16]byte) {
	a, b := sha256.Sum256(bytes.TrimSpace(body)), sha256.Sum256(secret)
	h := sha256.New()
	h.Write(a[:])
	h.Write(b[:])
	fmt.Fprintf(h, "%q %q", id, kind)
	copy(d[:], h.Sum(nil))
	return d
}

// documents compares every document with its image. A difference counts only if
// no later change explains it, which the second walk of the log tells.
func (v *verifier) documents(ctx context.Context) error {
	for row, err := range v.s.Rows(ctx) {
		if err != nil {
			return err
		}
		if what := v.rowFault(row); what != "" {
			v.wrong = append(v.wrong, &Fault{Seq: row.Revision, Document: row.Key, What: what})
		} else {
			v.report.Documents++
		}
		if state, known := v.live[row.Key]; known {
			state.seen = true
			v.live[row.Key] = state
		}
	}
	for key, state := range v.live {
		if !state.seen {
			v.wrong = append(v.wrong, &Fault{Seq: state.seq, Document: key, What: fmt.Sprintf("it is missing; change %d wrote it and none deleted it", state.seq)})
		}
	}
	return nil
}

// rowFault compares a document, and the columns by which lists find it, with the change that wrote it.
func (v *verifier) rowFault(row *store.Row) string {
	state, known := v.live[row.Key]
	id, err := gatehouse.ParseID(row.ID)
	switch {
	case !known:
		return "no change made it"
	case row.Revision != state.seq:
		return fmt.Sprintf("its revision is %d, the last change that wrote it is %d", row.Revision, state.seq)
	case imageDigest(row.ID, row.TypeName, row.Body, row.Secret) != state.digest:
		return fmt.Sprintf("its ID, type, body or secret differs from what change %d wrote", state.seq)
	case row.Created != state.created || row.Updated != state.updated:
		return "its times differ from those of the changes that made and wrote it"
	case err != nil || id.Scope().String() != row.Key:
		return fmt.Sprintf("its key does not belong to its ID %q", row.ID)
	case row.Type != gatehouse.Fold(row.TypeName):
		return fmt.Sprintf("its type columns differ: %q, %q", row.Type, row.TypeName)
	case !id.IsRoot() && row.Parent != id.Parent().Scope().String():
		return fmt.Sprintf("its parent column holds %q", row.Parent)
	case row.Name != id.Scope().Name():
		return fmt.Sprintf("its name column holds %q", row.Name)
	}
	return ""
}

// conclude takes the first difference, by sequence number, that nothing written meanwhile explains.
func (v *verifier) conclude() {
	for _, f := range v.wrong {
		better := v.report.Fault == nil || v.report.Fault.Document == "" || f.Document != "" && f.Seq < v.report.Fault.Seq
		if better && !v.touched[f.Document] {
			v.report.Fault = f
		}
	}
}
