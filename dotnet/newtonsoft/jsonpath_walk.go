package newtonsoft

import (
	"math"
	"slices"
	"strings"
)

// pathWalk follows a path.
type pathWalk struct {
	root  *Token
	must  bool
	spend Spend
	err   error
}

func (w *pathWalk) take(n int) {
	if w.err == nil {
		w.err = w.spend.take(n)
	}
}

// walk takes one token through all steps.
func (w *pathWalk) walk(steps []step, t *Token) []*Token {
	current := []*Token{t}
	for _, s := range steps {
		var next []*Token
		for _, t := range current {
			if w.take(8); w.err != nil {
				return nil
			}
			s.each(w, t, func(found *Token) {
				if w.take(16); w.err == nil {
					next = append(next, found)
				}
			})
		}
		current = next
	}
	if w.err != nil {
		return nil
	}
	return current
}

// missing is what a step that leads nowhere means.
func (w *pathWalk) missing(format string, args ...any) {
	if w.must && w.err == nil {
		w.err = pathError(format, args...)
	}
}

// fieldStep is .name, ['a','b'] or .*.
type fieldStep struct {
	names []string
	all   bool
}

func (s fieldStep) each(w *pathWalk, t *Token, yield func(*Token)) {
	switch {
	case t.typ != Object && s.all:
		w.missing("Property '*' not valid on %s.", t.class())
	case t.typ != Object && len(s.names) > 1:
		w.missing("Properties '%s' not valid on %s.", strings.Join(s.names, "', '"), t.class())
	case t.typ != Object:
		w.missing("Property '%s' not valid on %s.", s.names[0], t.class())
	case s.all:
		for _, p := range t.items {
			yield(p.Item())
		}
	}
	if t.typ != Object {
		return
	}
	for _, name := range s.names {
		if v := t.Get(name); v != nil {
			yield(v)
		} else {
			w.missing("Property '%s' does not exist on JObject.", name)
		}
	}
}

// indexStep is [1], [1,2] or [*].
type indexStep struct {
	at  []int
	all bool
}

func (s indexStep) each(w *pathWalk, t *Token, yield func(*Token)) {
	list := t.typ == Array || t.typ == Constructor
	switch {
	case s.all && list:
		for _, c := range t.items {
			yield(c)
		}
	case s.all:
		w.missing("Index * not valid on %s.", t.class())
	}
	for _, i := range s.at {
		switch {
		case !list:
			w.missing("Index %d not valid on %s.", i, t.class())
		case i >= len(t.items):
			w.missing("Index %d outside the bounds of %s.", i, t.class())
		case i < 0:
			w.err = outOfRange("index", "Index was out of range. Must be non-negative and less than the size of the collection.")
		default:
			yield(t.items[i])
		}
	}
}

// sliceStep is [from:to:by].
type sliceStep struct{ from, to, by *int }

func (s sliceStep) each(w *pathWalk, t *Token, yield func(*Token)) {
	by := 1
	if s.by != nil {
		by = *s.by
	}
	if by == 0 {
		w.err = pathError("Step cannot be zero.")
		return
	}
	if t.typ != Array {
		w.missing("Array slice is not valid on %s.", t.class())
		return
	}
	from, to := s.bounds(len(t.items), by)
	if by > 0 && from >= to || by < 0 && from <= to {
		w.missing("Array slice of %s to %s returned no results.", bound(s.from), bound(s.to))
		return
	}
	for i := from; i >= 0 && i < len(t.items) && (by > 0 && i < to || by < 0 && i > to); i += by {
		yield(t.items[i])
	}
}

func bound(i *int) string {
	if i == nil {
		return "*"
	}
	return string(appendScalar(nil, NewValue(Integer, int64(*i))))
}

func (s sliceStep) bounds(n, by int) (from, to int) {
	from, to = 0, n
	low, high := 0, n
	if by < 0 {
		from, to, low, high = n-1, -1, math.MinInt, n-1
	}
	if s.from != nil {
		from = fromEnd(*s.from, n)
	}
	if s.to != nil {
		to = fromEnd(*s.to, n)
	}
	return min(max(from, low), high), min(max(to, -1), n)
}

// fromEnd counts negative indexes from the end.
func fromEnd(i, n int) int {
	if i < 0 {
		return n + i
	}
	return i
}

// scanStep is ..name or ..*: all below.
type scanStep struct {
	names []string
	all   bool
}

func (s scanStep) each(w *pathWalk, t *Token, yield func(*Token)) {
	t.Descendants(true, func(d *Token) bool {
		w.take(8)
		switch {
		case s.all && d.typ != Property:
			yield(d)
		case d.typ == Property && slices.Contains(s.names, d.name) && d != t:
			yield(d.Item())
		}
		return w.err == nil
	})
}

// queryStep is [?(...)]: children that meet a condition; after .. all descendants that do.
type queryStep struct {
	condition *query
	scan      bool
}

func (s queryStep) each(w *pathWalk, t *Token, yield func(*Token)) {
	test := func(d *Token) bool {
		w.take(8)
		if w.err == nil && s.condition.holds(w, d) {
			yield(d)
		}
		return w.err == nil
	}
	if s.scan {
		t.Descendants(true, test)
		return
	}
	for _, c := range t.items {
		if !test(c) {
			return
		}
	}
}
