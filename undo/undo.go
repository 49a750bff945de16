// Package undo takes changes back: it puts documents back as they were before them, byte
// for byte and with their secrets, and deletes what they created.
//
// It promises that this is exactly what the caller could have done by requests: every
// document is authorized as the PUT or DELETE of it, in Resource Manager or in the
// directory, and checked as its type checks those; that all of it happens or nothing; and
// that nothing else changes. What later changes build on is not taken from under them:
// they are named, and can be undone with it. An undo is a change like others: undoing it is redo.
package undo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

// MaxChanges is how many changes can be undone at once.
const MaxChanges = 5000

// maxTexts is how many numbers, ranges and IDs one request may name: the log is read for
// each before anything is known of who asks.
const maxTexts = 500

// object is a document that changes in the set concern.
type object struct {
	id     gatehouse.ID
	at     gatehouse.ID // the ID by which it was addressed
	typ    string
	before *store.Document // as it was before the first of them; nil for not there
	first  int64           // the first of them
	after  []byte          // as the last of them left it; nil for not there
	last   int64           // the last of them
	newest []byte          // as it was last while it was there
	secret []byte          // its secrets as the last of them left them
	idle   bool            // it is again as it was
	work   func(*store.Tx) error
	along  bool // it has no right of its own: it goes with its operation
	inside bool // nor has this one: it is deleted with what it lies in
}

// set are changes to undo together: whole operations.
type set struct {
	ctx     context.Context
	store   *store.Store
	changes map[int64]gatehouse.Change
	objects map[gatehouse.Scope]*object
}

func newSet(ctx context.Context, s *store.Store) *set {
	return &set{ctx: ctx, store: s, changes: map[int64]gatehouse.Change{}, objects: map[gatehouse.Scope]*object{}}
}

// selected reads 812, 812..830 and IDs of operations and correlations, and returns what they stand for.
func selected(ctx context.Context, s *store.Store, texts []string) ([]gatehouse.Change, error) {
	if len(texts) > maxTexts {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "TooManyChanges", "At most %d numbers, ranges and IDs can be given at once; write neighbours as a range.", maxTexts).At("changes")
	}
	var out []gatehouse.Change
	for _, text := range texts {
		found, err := one(ctx, s, strings.TrimPrefix(strings.TrimSpace(text), "#"))
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, NotFound(text)
		}
		if out = append(out, found...); len(out) > MaxChanges {
			return nil, tooMany()
		}
	}
	return out, nil
}

// NotFound is the answer about changes that are not there, and about those that the caller may not see.
func NotFound(text string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "ChangeNotFound", "There is no change '%s' of a document: give the number of one, a range such as 812..830, or the ID of an operation.", text).At("changes")
}

func one(ctx context.Context, s *store.Store, text string) ([]gatehouse.Change, error) {
	if id, err := gatehouse.ParseGUID(text); err == nil {
		found, err := collect(ctx, s, store.ChangeQuery{Operation: id.String()})
		if err == nil && len(found) == 0 {
			found, err = collect(ctx, s, store.ChangeQuery{Correlation: id.String()})
		}
		return found, err
	}
	from, to, isRange := strings.Cut(text, "..")
	if !isRange {
		to = from
	}
	first, err1 := strconv.ParseInt(from, 10, 64)
	last, err2 := strconv.ParseInt(strings.TrimPrefix(to, "."), 10, 64)
	if err1 != nil || err2 != nil || first < 1 || last < first {
		return nil, NotFound(text)
	}
	if last-first >= 10*MaxChanges {
		return nil, tooMany()
	}
	return collect(ctx, s, store.ChangeQuery{AfterSeq: first - 1, Limit: int(last - first + 1)})
}

func tooMany() error {
	return gatehouse.Errorf(gatehouse.Invalid, "TooManyChanges", "At most %d changes can be undone at once; undo the later ones first.", MaxChanges).At("changes")
}

// collect reads the changes of documents that q selects.
func collect(ctx context.Context, s *store.Store, q store.ChangeQuery) ([]gatehouse.Change, error) {
	each, err := s.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	var out []gatehouse.Change
	for c, err := range each {
		if err != nil {
			return nil, err
		}
		if c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete {
			if out = append(out, c); len(out) > MaxChanges {
				return nil, tooMany()
			}
		}
	}
	return out, nil
}

// add takes changes in with all others of their operations, which belong together.
func (s *set) add(changes []gatehouse.Change) error {
	done := map[string]bool{}
	for _, c := range changes {
		if _, known := s.changes[c.Seq]; known || done[c.Cause.Operation] {
			continue
		}
		all := []gatehouse.Change{c}
		if op := c.Cause.Operation; op != "" {
			done[op] = true
			var err error
			if all, err = collect(s.ctx, s.store, store.ChangeQuery{Operation: op}); err != nil {
				return err
			}
		}
		for _, c := range all {
			s.changes[c.Seq] = c
		}
	}
	if len(s.changes) > MaxChanges {
		return tooMany()
	}
	return s.gather()
}

// gather finds what the documents were before all of it.
func (s *set) gather() error {
	clear(s.objects)
	for _, c := range s.sorted() {
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil {
			return err
		}
		o := s.objects[id.Scope()]
		if o == nil {
			o = &object{id: id, at: id, typ: c.Type, first: c.Seq}
			if at, err := gatehouse.ParseID(c.Cause.Scope); err == nil {
				o.at = at
			}
			s.objects[id.Scope()] = o
			if c.Before != nil {
				secret, _, err := s.store.Secrets(s.ctx, c.Seq)
				if err != nil {
					return err
				}
				o.before = &store.Document{ID: id, Type: c.Type, Body: c.Before, Secret: secret}
			}
		}
		o.last, o.after = c.Seq, c.After
		for _, body := range [][]byte{c.Before, c.After} {
			if body != nil {
				o.newest = body
			}
		}
	}
	for _, o := range s.objects {
		_, secret, err := s.store.Secrets(s.ctx, o.last)
		if err != nil {
			return err
		}
		o.secret = secret
		o.idle = o.before == nil && o.after == nil || o.before != nil && o.after != nil && bytes.Equal(o.before.Body, o.after) && bytes.Equal(o.before.Secret, secret)
	}
	return nil
}

func (s *set) sorted() []gatehouse.Change {
	list := make([]gatehouse.Change, 0, len(s.changes))
	for _, c := range s.changes {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b gatehouse.Change) int { return cmp.Compare(a.Seq, b.Seq) })
	return list
}

// when is the change at whose inverse a document gets what it had: one that was deleted
// comes back where it went, all others go back to where they began.
func (o *object) when() int64 {
	if o.after == nil {
		return o.last
	}
	return o.first
}

// inverse are the objects in the order in which their changes are undone: the latest comes first.
func (s *set) inverse() []*object {
	list := make([]*object, 0, len(s.objects))
	for _, o := range s.objects {
		if !o.idle {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b *object) int { return cmp.Compare(b.when(), a.when()) })
	return list
}

// later returns the changes outside the set that build on it, oldest first.
func (s *set) later() ([]gatehouse.Change, error) {
	found := map[int64]gatehouse.Change{}
	keep := func(changes []gatehouse.Change, err error) error {
		for _, c := range changes {
			if _, own := s.changes[c.Seq]; !own {
				found[c.Seq] = c
			}
		}
		return err
	}
	for key, o := range s.objects {
		if err := keep(collect(s.ctx, s.store, store.ChangeQuery{Resource: &key, AfterSeq: o.first})); err != nil {
			return nil, err
		}
		if o.before == nil {
			if err := keep(s.buildsOn(key, o)); err != nil {
				return nil, err
			}
		} else if err := keep(s.holderGone(o)); err != nil {
			return nil, err
		}
	}
	list := make([]gatehouse.Change, 0, len(found))
	for _, c := range found {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b gatehouse.Change) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, nil
}

// buildsOn returns the changes that made documents below one that is going to be deleted, and links to it.
func (s *set) buildsOn(key gatehouse.Scope, o *object) (out []gatehouse.Change, err error) {
	queries := []store.Query{{Under: &key}}
	if oid, ok := directory.ObjectOf(key); ok && key.Parent() == directory.Root().Scope() {
		for _, typ := range []string{directory.GroupMemberType, directory.GroupOwnerType, directory.ApplicationOwnerType, directory.ServicePrincipalOwnerType} {
			queries = append(queries, store.Query{Type: typ, Name: oid.String()})
		}
	}
	for _, q := range queries {
		for d, err := range s.store.All(s.ctx, q) {
			if err != nil {
				return nil, err
			}
			if own := s.objects[d.Key()]; own != nil && own.before == nil || d.Key() == key {
				continue
			}
			made, err := s.sinceMade(d.Key())
			if err != nil {
				return nil, err
			}
			if len(made) == 0 || made[0].Seq < o.first {
				continue // it was there before, as grants for what does not exist yet are
			}
			if out = append(out, made...); len(out) > MaxChanges {
				return nil, tooMany()
			}
		}
	}
	return out, nil
}

// sinceMade returns the changes of a document since it was last created.
func (s *set) sinceMade(key gatehouse.Scope) ([]gatehouse.Change, error) {
	all, err := collect(s.ctx, s.store, store.ChangeQuery{Resource: &key})
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Before == nil {
			return all[i:], err
		}
	}
	return all, err
}

// holderGone returns the changes that since deleted what a document lay in, when it is going to be put back.
func (s *set) holderGone(o *object) (out []gatehouse.Change, err error) {
	for at := o.id.Parent(); !at.IsRoot(); at = at.Parent() {
		key := at.Scope()
		if holder := s.objects[key]; holder != nil && holder.before != nil {
			continue
		}
		if _, err := s.store.Get(s.ctx, key); gatehouse.KindOf(err) != gatehouse.NotFound {
			if err != nil {
				return nil, err
			}
			continue
		}
		gone, err := collect(s.ctx, s.store, store.ChangeQuery{Resource: &key, AfterSeq: o.first, Kind: gatehouse.Delete})
		if err != nil {
			return nil, err
		}
		out = append(out, gone...)
	}
	return out, nil
}

// words name changes shortly: 812, 814 to 817.
func words(changes []gatehouse.Change) string {
	var parts []string
	for i := 0; i < len(changes); {
		j := i
		for j+1 < len(changes) && changes[j+1].Seq == changes[j].Seq+1 {
			j++
		}
		part := fmt.Sprint(changes[i].Seq)
		if j > i {
			part += fmt.Sprintf(" to %d", changes[j].Seq)
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ", ")
}
