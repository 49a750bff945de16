// Package attest is the part of Gatehouse.Access that hands out evidence: signed bundles
// about a period, signed checkpoints of the change log, and the log verified.
//
// It looks at the whole installation, so each call has an action that is asked for at the
// root. A bundle also takes the rights to read what is in it: role assignments, role
// definitions, deny assignments and the log at the root, and the directory. That one was
// made is on record. Whoever may read less asks about themselves: see provider/access.
package attest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/audit"
	"gatehouse/directory"
	"gatehouse/evidence"
	"gatehouse/guard"
	"gatehouse/lint"
	"gatehouse/naming"
	"gatehouse/openapi"
	"gatehouse/provider/access"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Config is what the calls need.
type Config struct {
	Guard   *guard.Guard
	Store   *store.Store
	Key     *evidence.Key // that signs
	Tenant  string
	Version string // of Gatehouse
}

type provider struct {
	Config
	busy chan struct{} // holds one: reports and verifications read the whole log
}

// CheckpointType is what the log calls the checkpoints that were made by call.
const CheckpointType = access.Namespace + "/checkpoints"

// Calls returns the calls of Gatehouse.Access that this package answers.
func Calls(c Config) []arm.Call {
	p := &provider{c, make(chan struct{}, 1)}
	call := func(method, name, action string, do arm.Handler) arm.Call {
		return arm.Call{Method: method, Path: access.Path + "/" + name, Action: action, At: "/", Do: do}
	}
	return []arm.Call{
		call("POST", "report", builtin.ReadReports, p.report),
		call("GET", "checkpoints", builtin.ReadCheckpoints, p.checkpoints),
		call("POST", "checkpoints", builtin.WriteCheckpoints, p.checkpoint),
		call("POST", "verifyLog", builtin.VerifyLog, p.verify),
	}
}

// reportRequest is the body of report.
type reportRequest struct {
	Kind   string `json:"kind"`             // soc2 or access-review
	Period string `json:"period,omitempty"` // 2026, 2026-Q1 or 2026-01, instead of from and to
	From   string `json:"from,omitempty"`   // a time, a day or an age
	To     string `json:"to,omitempty"`     // exclusive; now when absent
	Format string `json:"format,omitempty"` // zip, the signed bundle, unless it says json: the report alone
}

// verifyRequest is the body of verifyLog.
type verifyRequest struct {
	Checkpoints []evidence.Checkpoint `json:"checkpoints,omitempty"` // kept elsewhere, as they were made
	Key         string                `json:"key,omitempty"`         // that signed them; the server's own when absent
}

// Verdict is the answer of verifyLog.
type Verdict struct {
	Verified    bool   `json:"verified"`
	Fault       string `json:"fault,omitempty"` // the first that was found
	Changes     int64  `json:"changes"`
	Documents   int64  `json:"documents"`
	Head        int64  `json:"head"`
	Hash        string `json:"hash"`
	Checkpoints int    `json:"checkpoints"` // how many were compared
}

// Points is the answer of a list of checkpoints.
type Points struct {
	Value []evidence.Checkpoint `json:"value"`
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{access.Version}
	return []openapi.Operation{
		{Method: "POST", Path: access.Path + "/report", ID: "makeReport", Tag: "evidence", Summary: "A signed bundle of evidence about a period", Versions: versions, Body: reportRequest{}, Answer: evidence.Report{},
			Description: "Answers application/zip: the files of gatehouse report, which gatehouse audit verify --bundle verifies. With format json it answers the report alone."},
		{Method: "GET", Path: access.Path + "/checkpoints", ID: "listCheckpoints", Tag: "evidence", Summary: "The signed checkpoints that were made by call, newest first", Versions: versions, Answer: Points{}},
		{Method: "POST", Path: access.Path + "/checkpoints", ID: "makeCheckpoint", Tag: "evidence", Summary: "Sign how far the log has come", Versions: versions, Answer: evidence.Checkpoint{}},
		{Method: "POST", Path: access.Path + "/verifyLog", ID: "verifyLog", Tag: "evidence", Summary: "Recompute the log and compare it with checkpoints", Versions: versions, Body: verifyRequest{}, Answer: Verdict{}},
	}
}

// alone waits until nothing else reads the whole log.
func (p *provider) alone(op *arm.Op) (done func(), err error) {
	select {
	case p.busy <- struct{}{}:
		return func() { <-p.busy }, nil
	case <-op.Context.Done():
		return nil, op.Context.Err()
	}
}

// readable asks for the rights to read all that is in a bundle.
func (p *provider) readable(op *arm.Op) error {
	ask := func(action string) error {
		_, err := p.Guard.Authorize(op.Context, op.Caller, action, gatehouse.ID{}, nil)
		return err
	}
	for _, action := range []string{"Microsoft.Authorization/roleAssignments/read", "Microsoft.Authorization/roleDefinitions/read", "Microsoft.Authorization/denyAssignments/read", "Microsoft.Insights/eventtypes/values/read"} {
		if err := ask(action); err != nil {
			return refused(op, action, err)
		}
	}
	if op.Caller.Type == gatehouse.User { // users may read the directory, as in Entra (docs/divergences.md)
		return nil
	}
	const people = "Microsoft.Graph/directory/users/read"
	if _, err := p.Guard.AuthorizeData(op.Context, op.Caller, people, directory.Root()); err != nil {
		return refused(op, people, err)
	}
	return nil
}

// refused puts a refusal on record before it is answered.
func refused(op *arm.Op, action string, err error) error {
	op.Perform(action)
	if recorded := op.Refused(err); recorded != nil {
		return recorded
	}
	return err
}

func (p *provider) report(op *arm.Op) (*arm.Answer, error) {
	var q reportRequest
	if err := op.Decode(&q); err != nil {
		return nil, err
	}
	if !slices.Contains(evidence.Kinds, q.Kind) {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The kind of a report is %s; it is '%s'.", strings.Join(evidence.Kinds, " or "), q.Kind).At("kind")
	}
	if q.Format != "" && q.Format != "zip" && q.Format != "json" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The format of a report is zip or json; it is '%s'.", q.Format).At("format")
	}
	if err := p.readable(op); err != nil {
		return nil, err
	}
	r := evidence.Request{Kind: q.Kind, Now: op.Now, Tenant: p.Tenant, Version: p.Version}
	var err error
	if r.From, r.To, err = evidence.Period(q.Period, q.From, q.To, op.Now); err != nil {
		return nil, err
	}
	done, err := p.alone(op)
	if err != nil {
		return nil, err
	}
	defer done()
	if r.Findings, err = Findings(op.Context, p.Store, op.Now); err != nil {
		return nil, err
	}
	r.Names = naming.New(op.Context, p.Store)
	report, archive, err := p.Key.Archive(op.Context, p.Store, r)
	if err != nil {
		return nil, err
	}
	if err := op.Record(fmt.Sprintf("made the %s evidence of %s to %s", r.Kind, report.From.Format(time.RFC3339), report.To.Format(time.RFC3339))); err != nil {
		return nil, err
	}
	if q.Format == "json" {
		return arm.Answered(report)
	}
	name := fmt.Sprintf("%s-%s-to-%s.zip", r.Kind, report.From.Format(time.DateOnly), report.To.Format(time.DateOnly))
	a := &arm.Answer{Status: http.StatusOK, Raw: archive}
	return a.With("Content-Type", "application/zip").With("Content-Disposition", "attachment; filename="+name), nil
}

// Findings are what lint says of the present.
func Findings(ctx context.Context, s *store.Store, now time.Time) (json.RawMessage, error) {
	in := lint.Input{}
	if err := in.Read(ctx, s, now, lint.UnusedDays); err != nil {
		return nil, err
	}
	return json.MarshalIndent(lint.Run(in), "", "  ")
}

// checkpoint signs the end of the log. It is kept in the log itself as well, which is no
// use against who cuts the log: the caller keeps it elsewhere.
func (p *provider) checkpoint(op *arm.Op) (*arm.Answer, error) {
	point := p.Key.Checkpoint(op.Context, p.Store, p.Tenant, op.Now)
	err := p.Store.Record(op.Context, gatehouse.Change{Kind: gatehouse.Event, Cause: op.Cause(nil), Resource: "/", Type: CheckpointType, Status: http.StatusOK, Note: string(point.Line())})
	if err != nil {
		return nil, err
	}
	return arm.Answered(point)
}

// maxPoints is how many checkpoints are listed.
const maxPoints = 1000

func (p *provider) checkpoints(op *arm.Op) (*arm.Answer, error) {
	changes, err := p.Store.Changes(op.Context, store.ChangeQuery{Kind: gatehouse.Event, Type: CheckpointType, Descending: true, Limit: maxPoints})
	if err != nil {
		return nil, err
	}
	out := Points{Value: []evidence.Checkpoint{}}
	for c, err := range changes {
		if err != nil {
			return nil, err
		}
		var point evidence.Checkpoint
		if json.Unmarshal([]byte(c.Note), &point) == nil {
			out.Value = append(out.Value, point)
		}
	}
	return arm.Answered(out)
}

func (p *provider) verify(op *arm.Op) (*arm.Answer, error) {
	var q verifyRequest
	if err := op.Decode(&q); err != nil {
		return nil, err
	}
	key := p.Key.Public()
	if q.Key != "" {
		if err := key.UnmarshalText([]byte(q.Key)); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The key cannot be read: %v.", err).At("key")
		}
	}
	done, err := p.alone(op)
	if err != nil {
		return nil, err
	}
	defer done()
	report, err := audit.Verify(op.Context, p.Store, nil)
	if err != nil {
		return nil, err
	}
	v := Verdict{Changes: report.Changes, Documents: report.Documents, Head: report.Head, Hash: report.Hash, Checkpoints: len(q.Checkpoints)}
	switch err := p.compare(op, q.Checkpoints, key); {
	case report.Fault != nil:
		v.Fault = report.Fault.Error()
	case err != nil:
		v.Fault = err.Error()
	default:
		v.Verified = true
	}
	return arm.Answered(v)
}

func (p *provider) compare(op *arm.Op, points []evidence.Checkpoint, key evidence.PublicKey) error {
	for _, point := range points {
		if err := point.Genuine(); err != nil {
			return err
		}
	}
	return evidence.CheckLog(op.Context, p.Store, p.Tenant, points, key)
}
