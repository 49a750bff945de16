package undo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/graph"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Action is what the log calls an undo.
const Action = "Gatehouse.Access/undo/action"

// LogAction is the right to read the log, without which nobody learns what a change was about.
const LogAction = "Microsoft.Insights/eventtypes/values/read"

// Request says what to undo.
type Request struct {
	Changes []string `json:"changes"`                 // numbers, ranges such as 812..830, IDs of operations or correlations
	Dry     bool     `json:"dryRun,omitempty"`        // find out everything and change nothing
	Later   bool     `json:"withLater,omitempty"`     // undo what was built on it as well
	Revive  bool     `json:"reviveSecrets,omitempty"` // also where that brings secrets back alive: they are refused otherwise
	Reason  string   `json:"reason,omitempty"`
}

// Result is what an undo did, or would do.
type Result struct {
	Dry    bool     `json:"dryRun"`
	Undone []Undone `json:"undone"`           // the changes, oldest first
	Effect []Effect `json:"effect"`           // what becomes of each document
	Change int64    `json:"change,omitempty"` // the first change that the undo made: undo that to redo
}

// Undone is a change that is taken back.
type Undone struct {
	Seq      int64     `json:"change"`
	Time     time.Time `json:"time"`
	Who      string    `json:"who"`
	WhoID    string    `json:"whoId"`
	Action   string    `json:"action"`
	Resource string    `json:"resource"`
	Reason   string    `json:"reason,omitempty"`
	Later    bool      `json:"later,omitempty"` // not asked for: it builds on one that was
}

// Effect is what becomes of a document.
type Effect struct {
	Resource string `json:"resource"`
	Type     string `json:"type"`
	Does     string `json:"does"`              // deletes, creates, changes
	Secrets  bool   `json:"secrets,omitempty"` // secrets come back alive with it
	// Revives names them, where the caller may read the document: client secret ci, federated credential "main", password.
	Revives []string `json:"revives,omitempty"`
	What    string   `json:"what,omitempty"` // what it is about, in words
	Body    any      `json:"body,omitempty"` // as it will be, where the caller may read it; without secrets

	ID  gatehouse.ID `json:"-"`
	Raw []byte       `json:"-"` // as it is or, when it comes back, will be
}

// errDry ends a transaction that only tried.
var errDry = errors.New("nothing is changed by a dry run")

// Run undoes what q asks for as part of an operation that any authenticated caller may
// make: the rights are asked for here, document by document.
func Run(op *arm.Op, g graph.Restorer, q Request) (*Result, error) {
	s := newSet(op.Context, op.Server.Config.Store)
	asked, err := selected(op.Context, s.store, q.Changes)
	if err != nil {
		return nil, err
	}
	if len(asked) == 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "ChangesMissing", "The request names no change. Give changes such as [\"812\"] or [\"812..830\"].").At("changes")
	}
	if !allReadable(op, g, asked) { // before more is read for them
		return nil, NotFound(q.Changes[0])
	}
	if err := s.add(asked); err != nil {
		return nil, err
	}
	if !allReadable(op, g, s.sorted()) {
		return nil, NotFound(q.Changes[0])
	}
	own := map[int64]bool{}
	for seq := range s.changes {
		own[seq] = true
	}
	if err := s.complete(op, g, q.Later); err != nil {
		return nil, err
	}
	r := &Result{Dry: q.Dry}
	for _, c := range s.sorted() {
		r.Undone = append(r.Undone, Undone{Seq: c.Seq, Time: c.Time, Who: c.Cause.Caller.Name, WhoID: c.Cause.Caller.ID.String(), Action: c.Cause.Action,
			Resource: c.Resource, Reason: c.Cause.Reason, Later: !own[c.Seq]})
	}
	return r, s.run(op, g, q, r)
}

// readable reports whether the caller may know of a change: reading the log there, and
// for the directory's objects reading it at the root.
func readable(op *arm.Op, g graph.Restorer, c gatehouse.Change) bool {
	id, err := gatehouse.ParseID(c.Resource)
	if err != nil {
		return false
	}
	if g.Holds(c.Type) {
		id = gatehouse.ID{}
	}
	return op.Can(LogAction, id)
}

func allReadable(op *arm.Op, g graph.Restorer, changes []gatehouse.Change) bool {
	return !slices.ContainsFunc(changes, func(c gatehouse.Change) bool { return !readable(op, g, c) })
}

// complete takes in the later changes that build on the set, or refuses and names them.
func (s *set) complete(op *arm.Op, g graph.Restorer, with bool) error {
	for {
		later, err := s.later()
		if err != nil || len(later) == 0 {
			return err
		}
		if !with {
			return s.builtOn(op, g, later)
		}
		for _, c := range later {
			if !readable(op, g, c) {
				return s.builtOn(op, g, later)
			}
		}
		if err := s.add(later); err != nil {
			return err
		}
	}
}

// builtOn is the refusal that names later changes, as far as the caller may know of them.
func (s *set) builtOn(op *arm.Op, g graph.Restorer, later []gatehouse.Change) error {
	var shown []gatehouse.Change
	e := gatehouse.Errorf(gatehouse.Conflict, "LaterChanges", "")
	for _, c := range later {
		if readable(op, g, c) {
			shown = append(shown, c)
			e.Details = append(e.Details, gatehouse.Errorf(gatehouse.Conflict, fmt.Sprint(c.Seq), "%s %s on %s at %s", who(c), c.Cause.Action, c.Resource, c.Time.UTC().Format(time.RFC3339)).At(c.Resource))
		}
	}
	hidden := ""
	if n := len(later) - len(shown); n > 0 {
		hidden = fmt.Sprintf(" and %d that you may not see", n)
	}
	e.Message = fmt.Sprintf("Later changes build on this: %s%s. Undo them first, or with it (withLater, --with-later).", words(shown), hidden)
	return e
}

func who(c gatehouse.Change) string {
	if c.Cause.Caller.Name != "" {
		return c.Cause.Caller.Name
	}
	return c.Cause.Caller.ID.String()
}

// run asks for every right and then does the work in one transaction.
func (s *set) run(op *arm.Op, g graph.Restorer, q Request, r *Result) error {
	order := s.inverse()
	var release []func()
	defer func() {
		for _, f := range release {
			f()
		}
	}()
	for _, o := range order {
		free, err := s.admit(op, g, o)
		release = append(release, free)
		if err != nil {
			return err
		}
		r.Effect = append(r.Effect, effect(op, g, o))
	}
	if err := s.accounted(order); err != nil {
		return err
	}
	if err := q.confirmed(r.Effect); err != nil {
		return err
	}
	op.Perform(Action)
	first := int64(0)
	err := op.Write(jsondoc.NewObject("changes", texts(q.Changes), "withLater", q.Later), func(tx *store.Tx) error {
		first = tx.Seq()
		if err := s.untouched(tx, order); err != nil {
			return err
		}
		led, err := g.InCharge(s.ctx, tx)
		if err != nil {
			return err
		}
		for _, o := range order {
			if err := o.work(tx); err != nil {
				return about(err, o)
			}
		}
		if err := s.exact(tx, g, order, tx.Seq()-first, led); err != nil {
			return err
		}
		if err := tx.Note(gatehouse.Event, "undid changes "+words(s.sorted())); err != nil {
			return err
		}
		if q.Dry {
			return errDry
		}
		return nil
	})
	if errors.Is(err, errDry) {
		return nil
	}
	switch {
	case gatehouse.KindOf(err) == gatehouse.Forbidden:
		if recorded := op.Refused(err); recorded != nil {
			return recorded // inside the transaction that was not possible
		}
	case err == nil && len(order) > 0:
		r.Change = first
	}
	return err
}

// accounted refuses documents without a right of their own unless the caller had to have a
// right for something else that the same operation did.
func (s *set) accounted(order []*object) error {
	asked := map[string]bool{}
	for _, o := range order {
		if !o.along && !o.inside {
			asked[s.changes[o.first].Cause.Operation] = true
		}
	}
	for _, o := range order {
		if o.along && !asked[s.changes[o.first].Cause.Operation] {
			return gatehouse.Errorf(gatehouse.Invalid, "NotUndoable", "Change %d of %s cannot be undone without what it went along with.", o.first, o.typ)
		}
	}
	return nil
}

// about says which document a refusal is about.
func about(err error, o *object) error {
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Target == "" {
		return e.At(o.id.String())
	}
	return err
}

func texts(list []string) []jsondoc.Value {
	out := make([]jsondoc.Value, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

func effect(op *arm.Op, g graph.Restorer, o *object) Effect {
	e := Effect{Resource: o.id.String(), Type: o.typ, Does: "changes", ID: o.id, Raw: o.after}
	switch {
	case o.before == nil:
		e.Does = "deletes"
		return e
	case o.after == nil:
		e.Does = "creates"
	}
	e.Raw = o.before.Body
	revived := o.revived()
	e.Secrets = len(revived) > 0
	if body, err := jsondoc.ParseObject(o.before.Body); err == nil {
		if e.Body = readableBody(op, g, o, body); e.Body != nil {
			e.Revives = revived
		}
	}
	return e
}

// readableBody is what the caller would be shown of a document by a request: who may
// write something may not always read it. It is any, so that nothing is nil.
func readableBody(op *arm.Op, g graph.Restorer, o *object, body *jsondoc.Object) any {
	if g.Holds(o.typ) {
		if body = g.Readable(op.Context, op.Caller, o.typ, o.id, body); body == nil {
			return nil
		}
		return body
	}
	if !op.Can(o.typ+"/read", o.id) {
		return nil
	}
	return body
}

// admit asks for the right to put one document back. What lies in something that is
// deleted with it goes with that, as with the request that deletes it.
func (s *set) admit(op *arm.Op, g graph.Restorer, o *object) (release func(), err error) {
	key := o.id.Scope()
	nothing := func() {}
	switch {
	case o.before == nil && s.deletedWithHolder(o):
		o.inside = true
		o.work = func(tx *store.Tx) error { return drop(tx, key) }
		return nothing, nil
	case g.Holds(o.typ):
		return s.admitObject(op, g, o)
	case op.Server.TypeOf(o.typ) == nil && s.aside(o): // such as what is kept of a deleted service
		o.along = true
		o.work = func(tx *store.Tx) error {
			if o.before == nil {
				return drop(tx, key)
			}
			return tx.Put(o.copy())
		}
		return nothing, nil
	case op.Server.TypeOf(o.typ) == nil && op.Server.TypeOf(o.id.Parent().Type()) == nil:
		return nothing, gatehouse.Errorf(gatehouse.Invalid, "NotUndoable", "Change %d of %s is of the server itself and cannot be undone.", o.first, o.typ)
	}
	var next *arm.Resource
	if o.before != nil {
		if next, err = arm.FromDocument(o.before); err != nil {
			return nothing, err
		}
	}
	inner, err := op.AdmitRestore(o.typ, o.id, o.at, next)
	if err != nil {
		return nothing, err
	}
	op.Decision = inner.Decision
	o.work = func(tx *store.Tx) error { return inner.RestoreWithin(op, tx, o.id, o.copy(), s.aside(o)) }
	return nothing, nil
}

// aside reports whether a document was only changed along with what its operation was
// about, which is put back as well: no request changes it by itself. Nor is the undo of an
// undo checked like one: what it brings back was there a moment ago.
func (s *set) aside(o *object) bool {
	c := s.changes[o.first]
	if c.Cause.Action == Action {
		return true
	}
	main := s.objects[o.at.Scope()]
	return main != nil && main != o
}

func (o *object) copy() *store.Document {
	if o.before == nil {
		return nil
	}
	d := *o.before
	return &d
}

func (s *set) admitObject(op *arm.Op, g graph.Restorer, o *object) (func(), error) {
	var next []byte
	if o.before != nil {
		next = o.before.Body
	}
	ask := func() (gatehouse.Decision, error) {
		return g.Authorize(op.Context, op.Caller, o.typ, o.id, o.after, next)
	}
	d, err := ask()
	if err != nil {
		if recorded := op.Refused(err); recorded != nil {
			err = recorded
		}
		return func() {}, err
	}
	op.Decision = d
	o.work = func(tx *store.Tx) error {
		if _, err := ask(); err != nil {
			return err
		}
		if o.before == nil {
			return drop(tx, o.id.Scope())
		}
		return tx.Put(o.copy())
	}
	return g.Reserve(o.typ, o.newest, next) // who was deleted since had sessions that were ended too
}

// deletedWithHolder reports whether something that a document lies in is deleted by the same undo.
func (s *set) deletedWithHolder(o *object) bool {
	for at := o.id.Parent(); !at.IsRoot(); at = at.Parent() {
		if holder := s.objects[at.Scope()]; holder != nil && holder.before == nil && holder.after != nil {
			return true
		}
	}
	return false
}

func drop(tx *store.Tx, key gatehouse.Scope) error {
	_, err := tx.Delete(key)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	return err
}

// untouched refuses when somebody changed one of the documents in the meantime.
func (s *set) untouched(tx *store.Tx, order []*object) error {
	for _, o := range order {
		d, err := tx.Get(s.ctx, o.id.Scope())
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		if (d == nil) != (o.after == nil) || d != nil && !bytes.Equal(d.Body, o.after) {
			return gatehouse.Errorf(gatehouse.Conflict, "ChangedMeanwhile", "'%s' was changed while it was about to be undone: look at its changes and try again.", o.id)
		}
	}
	return nil
}

// exact refuses an undo that did not bring back exactly what was, or did more.
func (s *set) exact(tx *store.Tx, g graph.Restorer, order []*object, made int64, led bool) error {
	want := int64(0)
	var links []gatehouse.ID
	directory := false
	for _, o := range order {
		d, err := tx.Get(s.ctx, o.id.Scope())
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return err
		}
		switch {
		case (d == nil) != (o.before == nil), d != nil && (!bytes.Equal(d.Body, o.before.Body) || !bytes.Equal(d.Secret, o.before.Secret)):
			return sideEffects()
		case d == nil && o.after != nil, d != nil && o.after == nil, d != nil && tx.Wrote(d):
			want++
		}
		if g.Holds(o.typ) {
			directory = true
			if o.before != nil {
				links = append(links, o.id)
			}
		}
	}
	if made != want {
		return sideEffects()
	}
	if directory {
		return g.Whole(s.ctx, tx, links, led)
	}
	return nil
}

func sideEffects() error {
	return gatehouse.Errorf(gatehouse.Conflict, "SideEffects", "Undoing this would change other things as well: make the opposite change yourself.")
}
