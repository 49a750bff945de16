package jsondoc

import (
	"strconv"
	"strings"
)

// Equal reports whether two values mean the same: the order of members does not
// count, nor the case of their names; numbers compare by value (1.0 is 1e0),
// exactly, and strings with case.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case *Object:
		b, ok := b.(*Object)
		return ok && equalObjects(a, b)
	case []Value:
		b, ok := b.([]Value)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case Number:
		b, ok := b.(Number)
		return ok && equalNumbers(string(a), string(b))
	}
	switch b.(type) {
	case *Object, []Value: // a is a scalar; these do not compare with ==
		return false
	}
	return a == b
}

func equalObjects(a, b *Object) bool {
	if a.Len() != b.Len() || (a == nil) != (b == nil) {
		return false
	}
	for name, v := range a.All() {
		w, ok := b.Get(name)
		if !ok || (a.exact || b.exact) && b.Spelling(name) != name || !Equal(v, w) {
			return false
		}
	}
	return true
}

// equalNumbers compares by digits and exponent, so that no literal, however
// large its exponent, costs more than its length.
func equalNumbers(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := decimalOf(a)
	y, ok2 := decimalOf(b)
	return ok && ok2 && x == y
}

// decimal is a number as 0.digits * 10^exp, without zeros at either end of digits.
type decimal struct {
	negative bool
	digits   string
	exp      int64
}

func decimalOf(s string) (decimal, bool) {
	var d decimal
	s, d.negative = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		exp, err := strconv.ParseInt(s[i+1:], 10, 48)
		if err != nil {
			return d, false
		}
		d.exp, s = exp, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	d.exp += int64(len(whole))
	all := whole + fraction
	d.digits = strings.TrimLeft(all, "0")
	d.exp -= int64(len(all) - len(d.digits))
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}, true // zero, whatever its sign and exponent
	}
	return d, true
}

// Merge applies a JSON merge patch (RFC 7396) to target: null removes, objects
// merge, all else replaces. Members that exist keep their spelling and place.
// The target takes copies, never parts of patch.
func Merge(target, patch *Object) {
	if patch.Exact() && !target.exact {
		target.exact = true
		target.reindex()
	}
	removed := map[int]bool{}
	for name, v := range patch.All() {
		at := target.find(name)
		p, isObject := v.(*Object)
		switch {
		case v == nil && at >= 0:
			removed[at] = true
		case v == nil:
		case !isObject:
			target.Set(name, Clone(v))
		default:
			held, _ := target.Get(name)
			inner, ok := held.(*Object)
			if !ok {
				inner = &Object{}
				target.Set(name, inner)
			}
			Merge(inner, p)
		}
	}
	target.drop(removed)
}

// drop removes members by position, all at once: one by one would be quadratic.
func (o *Object) drop(removed map[int]bool) {
	if len(removed) == 0 {
		return
	}
	kept := o.members[:0]
	for i, m := range o.members {
		if !removed[i] {
			kept = append(kept, m)
		}
	}
	clear(o.members[len(kept):])
	o.members = kept
	o.reindex()
}
