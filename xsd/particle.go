package xsd

import "slices"

// particle is what may stand in an element, and what is left of it when some of it has come: the derivative of a
// regular expression. It never changes; nil is what nothing matches any more.
type particle struct {
	kind     byte // e(mpty), l(eaf), s(equence), c(hoice), a(ll), r(epeat)
	items    []*particle
	min, max int // of repeat; max -1 is unbounded
	element  *element
	wild     *wildcard
	nullable bool
}

var emptyParticle = &particle{kind: 'e', nullable: true}

func leafOf(e *element, w *wildcard) *particle { return &particle{kind: 'l', element: e, wild: w} }

func sequence(items ...*particle) *particle {
	var kept []*particle
	nullable := true
	for _, p := range items {
		if p == nil {
			return nil
		}
		if p.kind == 'e' {
			continue
		}
		kept = append(kept, p)
		nullable = nullable && p.nullable
	}
	switch len(kept) {
	case 0:
		return emptyParticle
	case 1:
		return kept[0]
	}
	return &particle{kind: 's', items: kept, nullable: nullable}
}

// choice is any of some; none of none.
func choice(items ...*particle) *particle {
	var kept []*particle
	nullable := false
	for _, p := range items {
		if p != nil && !slices.Contains(kept, p) {
			kept = append(kept, p)
			nullable = nullable || p.nullable
		}
	}
	switch len(kept) {
	case 0:
		return nil
	case 1:
		return kept[0]
	}
	return &particle{kind: 'c', items: kept, nullable: nullable}
}

// all is each of some, in any order.
func all(items []*particle) *particle {
	if len(items) == 0 {
		return emptyParticle
	}
	p := &particle{kind: 'a', items: items, nullable: true}
	for _, i := range items {
		p.nullable = p.nullable && i.nullable
	}
	return p
}

func repeat(p *particle, low, high int) *particle {
	switch {
	case high == 0 || p == emptyParticle:
		return emptyParticle
	case p == nil:
		if low == 0 {
			return emptyParticle
		}
		return nil
	case low == 1 && high == 1:
		return p
	}
	return &particle{kind: 'r', items: []*particle{p}, min: low, max: high, nullable: low == 0 || p.nullable}
}

// step is one element on its way through a content model.
type step struct {
	v    *validation
	name name
	hit  *particle // the leaf that took it
	decl *element  // what it is declared as there; nil by a wildcard
}

// over is what is left of p when the element has come; nil when it may not come.
func (s *step) over(p *particle) *particle {
	if p == nil || !s.v.spend(1) {
		return nil
	}
	switch p.kind {
	case 'l':
		return s.leaf(p)
	case 's':
		var ways []*particle
		for i, item := range p.items {
			if rest := s.over(item); rest != nil && s.v.spend(len(p.items)-i) {
				ways = append(ways, sequence(append([]*particle{rest}, p.items[i+1:]...)...))
			}
			if !item.nullable {
				break
			}
		}
		return choice(ways...)
	case 'c':
		var ways []*particle
		for _, item := range p.items {
			ways = append(ways, s.over(item))
		}
		return choice(ways...)
	case 'a':
		for i, item := range p.items {
			if rest := s.over(item); rest != nil && s.v.spend(len(p.items)) {
				return sequence(rest, all(slices.Delete(slices.Clone(p.items), i, i+1)))
			}
		}
	case 'r':
		rest := s.over(p.items[0])
		if rest == nil {
			return nil
		}
		low, high := max(p.min-1, 0), p.max
		if high > 0 {
			high--
		}
		return sequence(rest, repeat(p.items[0], low, high))
	}
	return nil
}

// leaf takes the element if the leaf is for it. An element's own declaration comes before a wildcard.
func (s *step) leaf(p *particle) *particle {
	if p.element != nil {
		decl := s.v.set.standIn(p.element, s.name)
		if decl == nil {
			return nil
		}
		s.hit, s.decl = p, decl
		return emptyParticle
	}
	if !p.wild.admits(s.name.Space) {
		return nil
	}
	if s.hit == nil {
		s.hit = p
	}
	return emptyParticle
}

// standIn finds the declaration by which an element may stand where e is asked for: e itself, or a member of its group.
func (s *Set) standIn(e *element, n name) *element {
	if e.name == n {
		return e
	}
	if !e.global {
		return nil
	}
	for _, m := range s.members[e.name] {
		if m.name == n && !e.blocks("substitution") && !derivedBy(m.typ, e.typ, e.block+" "+e.typ.block) {
			return m
		}
	}
	return nil
}

// expected are the names that may come next, for messages.
func (p *particle) expected(into []string) []string {
	if p == nil || len(into) >= 8 {
		return into
	}
	switch p.kind {
	case 'l':
		n := "any element"
		if p.element != nil {
			n = "'" + p.element.name.Local + "'"
		}
		if !slices.Contains(into, n) {
			into = append(into, n)
		}
	case 's':
		for _, i := range p.items {
			into = i.expected(into)
			if !i.nullable {
				break
			}
		}
	default:
		for _, i := range p.items {
			into = i.expected(into)
		}
	}
	return into
}
