package rbac

import (
	"math/rand/v2"
	"slices"
	"testing"

	"gatehouse"
)

func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	want := map[uint32][]uint32{}
	e := new(edit)
	tab := newTable(e)
	for i := range 20_000 {
		if r.IntN(2000) == 0 {
			e = new(edit)
		}
		tag := r.Uint32()
		switch {
		case i%4 == 0:
			tag &= 7 // many with the same tags
		case i%4 == 1:
			tag = tag&0xff | 0xabcdef00 // many in the same bucket
		}
		if r.IntN(3) == 0 && len(want[tag]) > 0 {
			tab.remove(e, tag, want[tag][0])
			want[tag] = want[tag][1:]
			continue
		}
		number := r.Uint32() >> 1
		tab.add(e, tag, number)
		want[tag] = append(want[tag], number)
	}
	for tag, numbers := range want {
		var got []uint32
		for p := tab.probe(tag); p.next(); {
			got = append(got, p.found)
		}
		slices.Sort(got)
		slices.Sort(numbers)
		if !slices.Equal(got, numbers) {
			t.Fatalf("tag %x: %v, want %v", tag, got, numbers)
		}
	}
	if len(tab.over) == 0 {
		t.Error("no bucket was so full that it could not split")
	}
}

func TestPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	e := new(edit)
	var s pairs
	want := map[pair]bool{}
	for i := range 50_000 {
		if r.IntN(300) == 0 {
			e = new(edit)
		}
		key := pairOf(uint32(r.IntN(200)), uint32(r.IntN(200)))
		if i < 5000 {
			key = pairOf(300, uint32(i)) // in order
		}
		if r.IntN(5) < 2 {
			if s.remove(e, key) != want[key] {
				t.Fatalf("remove(%x) disagrees", key)
			}
			delete(want, key)
		} else {
			if s.add(e, key) == want[key] {
				t.Fatalf("add(%x) disagrees", key)
			}
			want[key] = true
		}
	}
	count := 0
	for a := range uint32(301) {
		last := -1
		for b := range s.with(a) {
			if int(b) <= last || !want[pairOf(a, b)] || !s.has(a, b) {
				t.Fatalf("with(%d): %d after %d", a, b, last)
			}
			last = int(b)
			count++
		}
	}
	if count != len(want) {
		t.Errorf("%d pairs, want %d", count, len(want))
	}
}

// A principal with very many assignments keeps them in pieces.
func TestManyAssignments(t *testing.T) {
	d := newDice(77)
	w := World{Roles: []gatehouse.RoleDefinition{{ID: guid("role", 0), Permissions: []gatehouse.Permission{{Actions: []string{"*/read"}}}}}}
	robot := guid("app", 0)
	for i := range 5000 {
		a := gatehouse.RoleAssignment{ID: guid("assignment", i), Scope: d.scope(), Principal: robot, Role: guid("role", d.IntN(2))}
		if i%3 == 0 {
			a.Scope = gatehouse.MustScope("/subscriptions/s1") // many at one scope
		}
		w.Assignments = append(w.Assignments, a)
	}
	w = settled(w)
	some, rest := w, w.Assignments[900:]
	some.Assignments = w.Assignments[:900:900]
	s := New(some)
	for i := 0; i < len(rest); i += 50 {
		var updates []Update
		for _, a := range rest[i : i+50] {
			updates = append(updates, PutAssignment(a))
		}
		s = s.Apply(updates...)
	}
	checkWorld(t, s, w)
	checkWorld(t, New(w), w)
	for range 50 {
		r := d.request()
		r.Principal = robot
		if got, want := s.Decide(&r).Allowed, (oracle{w}).decide(&r).Allowed; got != want {
			t.Fatalf("Decide(%+v) = %v", r, got)
		}
	}
	var updates []Update
	for _, a := range w.Assignments[10:] {
		updates = append(updates, DeleteAssignment(a.Scope, a.ID))
	}
	w.Assignments = w.Assignments[:10]
	checkWorld(t, s.Apply(updates...), w)
}

func TestDecideAllocatesNothing(t *testing.T) {
	e := newEstate(2000, 100, 50)
	s := New(e.world)
	requests := e.requests(64)
	requests = append(requests, gatehouse.Request{Principal: e.users[0], Action: "Microsoft.Unlisted/THINGS/write", Scope: e.scopes[0]})
	if n := testing.AllocsPerRun(20, func() {
		for i := range requests {
			s.Decide(&requests[i])
		}
	}); n != 0 {
		t.Errorf("Decide allocates %v times", n)
	}
}

// The shapes of groups that real directories have and that they should not have.
func TestGroups(t *testing.T) {
	g := func(n int) gatehouse.GUID { return guid("g", n) }
	var updates []Update
	for i := range 300 { // a long chain, closed to a circle
		updates = append(updates, AddMember(g(i+1), g(i)))
	}
	s := New(World{}).Apply(updates...)
	if got := len(s.Groups(g(0))); got != 300 {
		t.Errorf("%d groups at the end of the chain", got)
	}
	s = s.Apply(AddMember(g(0), g(300)), AddMember(g(5), g(5)))
	if a, b := len(s.Groups(g(0))), len(s.Groups(g(150))); a != 300 || b != 300 {
		t.Errorf("%d and %d groups in the circle", a, b)
	}
	if path := s.GroupPath(g(298), g(3)); len(path) != 7 {
		t.Errorf("path %v", path)
	}
	if n := len(s.Problems()); n != 301 {
		t.Errorf("%d problems, want one for each in the circle", n)
	}
	s = s.Apply(RemoveMember(g(0), g(300)), RemoveMember(g(151), g(150)))
	if a, b, c := len(s.Groups(g(0))), len(s.Groups(g(151))), len(s.Groups(g(5))); a != 150 || b != 149 || c != 145 {
		t.Errorf("%d, %d and %d groups after the cuts", a, b, c)
	}
}
