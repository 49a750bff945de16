// Package check runs permission tests: cases that say who may or may not do what in
// a world, decided by the same engine that a server decides with.
//
// It promises that a case it cannot read is a fault and never a pass, and that every
// result says why. It leaves to others where files come from and how results look on
// a terminal; the forms that machines read are here.
package check

import (
	"fmt"
	"path/filepath"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/rbac"
	"gatehouse/world"
)

// Verdict is what a case expects or gets.
type Verdict string

// The verdicts.
const (
	Allowed Verdict = "Allowed"
	Denied  Verdict = "Denied"
)

// Case is one permission test.
type Case struct {
	Name     string
	Expected Verdict
	Why      string              // what its author wrote as reason
	Requests []gatehouse.Request // the request itself, then its linked checks
	File     string
	Line     int

	who   string // as written
	world *Subject
}

// Subject is a world made ready for many questions.
type Subject struct {
	World    *world.World
	snapshot *rbac.Snapshot
	people   map[gatehouse.GUID]*world.Principal
	hit      map[gatehouse.GUID]bool // assignments that a case exercised, with coverage
	single   bool                    // of one case only
}

// NewSubject makes a world ready. now is the moment for one that names none. The
// world itself stays as it is.
func NewSubject(w *world.World, now time.Time) *Subject {
	own := *w
	if own.Now.IsZero() {
		own.Now = now
	}
	assigned := map[gatehouse.GUID]bool{}
	for i := range w.Assignments {
		assigned[w.Assignments[i].Role] = true
	}
	own.Roles = nil
	for i := range w.Roles { // a role that nobody holds decides nothing
		if assigned[w.Roles[i].ID] {
			own.Roles = append(own.Roles, w.Roles[i])
		}
	}
	return &Subject{World: &own, hit: map[gatehouse.GUID]bool{}}
}

// ready compiles the world for the first question. A suite may bring a world with
// each of thousands of cases, which must not all be in memory compiled.
func (s *Subject) ready() {
	if s.snapshot != nil {
		return
	}
	s.people = make(map[gatehouse.GUID]*world.Principal, len(s.World.Principals))
	for i := range s.World.Principals {
		s.people[s.World.Principals[i].ID] = &s.World.Principals[i]
	}
	s.snapshot = rbac.New(s.World.Engine())
}

// Suite is cases with the worlds that they are about.
type Suite struct {
	Cases    []*Case
	subjects []*Subject
	skipped  []string
}

// Skipped are the files that hold neither cases nor a world.
func (s *Suite) Skipped() []string { return s.skipped }

// Options say how a Suite is put together.
type Options struct {
	// Live decides every case, whatever worlds the files hold; nil for theirs.
	Live *world.World
	// World is for cases that come without one; nil when only files beside them count.
	World *world.World
	Now   time.Time // for worlds that name no moment
	Loose bool      // skip files that hold neither cases nor a world, as when a directory is read
}

// loader reads the files of a suite.
type loader struct {
	Options
	suite  Suite
	faults []error
	worlds []*world.File // that hold no cases
	shared map[string]*Subject
	live   *Subject
}

// Load reads cases and worlds from files. Cases are about the world of their own
// entry, else of their file, else about the files without cases in the same
// directory, else about all files without cases together.
func Load(files []*world.File, o Options) (*Suite, error) {
	l := &loader{Options: o, shared: map[string]*Subject{}}
	if o.Live != nil {
		l.live = l.subject(o.Live)
	}
	var tests []*world.File
	for _, f := range files {
		switch object, _ := f.Root.(*jsondoc.Object); {
		case object.Has("cases"), isCases(f.Root):
			tests = append(tests, f)
		case o.Loose && !world.Recognises(f):
			l.suite.skipped = append(l.suite.skipped, f.Name)
		default:
			l.worlds = append(l.worlds, f)
		}
	}
	for _, f := range tests {
		l.file(f)
	}
	if len(l.faults) > 0 {
		return nil, joined(l.faults)
	}
	return &l.suite, nil
}

// isCases tells a list of cases from a list as az prints one.
func isCases(v jsondoc.Value) bool {
	list, ok := v.([]jsondoc.Value)
	if !ok || len(list) == 0 {
		return false
	}
	first, _ := list[0].(*jsondoc.Object)
	return first.Has("expected")
}

func (l *loader) subject(w *world.World) *Subject {
	s := NewSubject(w, l.Now)
	l.suite.subjects = append(l.suite.subjects, s)
	return s
}

func (l *loader) file(f *world.File) {
	list, _ := f.Root.([]jsondoc.Value)
	var own *Subject
	if object, is := f.Root.(*jsondoc.Object); is {
		v, _ := object.Get("cases")
		var ok bool
		if list, ok = v.([]jsondoc.Value); !ok {
			l.faults = append(l.faults, f.At(object, "cases", "cases has to be a list; it is %s", jsondoc.KindOf(v)))
			return
		}
		own = l.own(f, object)
	}
	for i, v := range list {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			l.faults = append(l.faults, f.At(nil, "", "cases[%d] has to be an object {name, request, expected}; it is %s", i, jsondoc.KindOf(v)))
			continue
		}
		l.add(f, i, o, own)
	}
}

// own is the world that an object carries: under world, or as its own members. A
// missing one is nil.
func (l *loader) own(f *world.File, o *jsondoc.Object) *Subject {
	inner, at := o.Object("world"), "world"
	if inner == nil && world.IsWorld(o) {
		inner, at = o, ""
	}
	if v, _ := o.Get("world"); inner == nil && v != nil {
		l.faults = append(l.faults, f.At(o, "world", "world has to be an object with roleDefinitions, roleAssignments and so on; it is %s", jsondoc.KindOf(v)))
	}
	if inner == nil || l.live != nil {
		return nil
	}
	var b world.Builder
	if at == "" {
		inner = bare(inner)
	}
	b.AddObject(f, inner)
	w, err := b.World()
	if err != nil {
		l.faults = append(l.faults, err)
		return nil
	}
	return l.subject(w)
}

// bare is a case or file without the members that are not those of a world.
func bare(o *jsondoc.Object) *jsondoc.Object {
	c := o.Clone()
	c.DeleteFunc(func(name string, _ jsondoc.Value) bool { return !world.IsSection(name) })
	return c
}

// around is the world for cases that carry none.
func (l *loader) around(f *world.File) *Subject {
	if l.live != nil {
		return l.live
	}
	dir := filepath.Dir(f.Name)
	if s, ok := l.shared[dir]; ok {
		return s
	}
	var b, near world.Builder
	some, beside := false, false
	for _, w := range l.worlds {
		some = true
		if filepath.Dir(w.Name) == dir {
			beside = true
			near.Add(w)
		}
		b.Add(w)
	}
	from := &b
	if beside {
		from = &near
	}
	var s *Subject
	switch w, err := from.World(); {
	case err != nil:
		l.faults = append(l.faults, err)
		s = &Subject{}
	case l.World != nil && !some:
		s = l.subject(l.World)
	case !some:
		l.faults = append(l.faults, fmt.Errorf("%s: its cases have no world: put roleAssignments and so on beside cases, or name the file of a world too", f.Name))
		s = &Subject{}
	default:
		s = l.subject(w)
	}
	l.shared[dir] = s
	return s
}
