package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// System.Linq.Enumerable. What yields a sequence is lazy, as in .NET: it runs when it is walked, each time.

// each makes the code of a lazy member: make gets the arguments and returns how to walk what comes out of them.
func each(result func(t []*Type) *Type, walk func(t []*Type, a []Value) walk) Generic {
	return func(t []*Type) Func {
		elem := result(t)
		return func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			return seqOf(elem, walk(t, slices.Clone(a))), nil
		}
	}
}

func typeAt(i int) func(t []*Type) *Type { return func(t []*Type) *Type { return t[i] } }

// source walks the first argument and counts the steps.
func source(f *Frame, v Value, yield func(Value) (bool, error)) error {
	return iterate(f, v, func(x Value) (bool, error) {
		if err := f.step(); err != nil {
			return false, err
		}
		return yield(x)
	})
}

func noElements() error { return dotnet.InvalidOperation("Sequence contains no elements") }

func noMatch() error { return dotnet.InvalidOperation("Sequence contains no matching element") }

// pick makes First, Last, Single and their OrDefault: with a predicate or without, with a default of one's own or not.
func pick(which string, orDefault bool) Generic {
	return func(t []*Type) Func {
		zero := t[0].defaultValue()
		return func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			var test Value
			if len(a) > 1 {
				if _, ok := a[1].ref.(*Closure); ok {
					test = a[1]
				}
			}
			result, n := Null, 0
			err := source(f, a[0], func(v Value) (bool, error) {
				if test.ref != nil {
					if ok, err := f.test(test, v); err != nil || !ok {
						return true, err
					}
				}
				n++
				result = v
				if which == "Single" && n > 1 {
					if test.ref != nil {
						return false, dotnet.InvalidOperation("Sequence contains more than one matching element")
					}
					return false, dotnet.InvalidOperation("Sequence contains more than one element")
				}
				return which != "First", nil
			})
			switch {
			case err != nil:
				return Null, err
			case n > 0:
				return result, nil
			case orDefault:
				return zero, nil
			case test.ref != nil:
				return Null, noMatch()
			}
			return Null, noElements()
		}
	}
}

func linqCount(long bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		n := 0
		if c, ok := a[0].ref.(collection); ok && len(a) == 1 {
			n = c.length()
		} else if err := source(f, a[0], func(v Value) (bool, error) {
			if len(a) > 1 {
				ok, err := f.test(a[1], v)
				if err != nil || !ok {
					return true, err
				}
			}
			n++
			return true, nil
		}); err != nil {
			return Null, err
		}
		if long {
			return Long(int64(n)), nil
		}
		return Int(n), nil
	}
}

// linqAny makes Any and All: the first element for which the answer is not what is expected decides.
func linqAny(all bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		result := all
		err := source(f, a[0], func(v Value) (bool, error) {
			ok := true
			var err error
			if len(a) > 1 {
				ok, err = f.test(a[1], v)
			}
			if err != nil || ok == all {
				return true, err
			}
			result = !all
			return false, nil
		})
		return Bool(result), err
	}
}

func linqContains(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("source")
	}
	var by *Comparer
	if len(a) > 2 {
		by = comparerOf(a[2])
	}
	if s, ok := a[0].ref.(*Set); ok && by == nil {
		has, err := s.has(f, a[1])
		return Bool(has), err
	}
	wanted, found := a[1], false
	err := source(f, a[0], func(v Value) (bool, error) {
		same, err := f.equalBy(by, v, wanted)
		found = found || same
		return !found, err
	})
	return Bool(found), err
}

// keep makes Where, with or without the position.
func keep(position bool) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			i := -1
			return source(f, a[0], func(v Value) (bool, error) {
				i++
				ok, err := callAt(f, a[1], v, i, position)
				if err != nil || ok.n == 0 {
					return true, err
				}
				return yield(v)
			})
		}
	}
}

func callAt(f *Frame, fn, v Value, i int, position bool) (Value, error) {
	if position {
		return f.Call(fn, v, Int(i))
	}
	return f.Call(fn, v)
}

// project makes Select.
func project(position bool) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			i := -1
			return source(f, a[0], func(v Value) (bool, error) {
				i++
				w, err := callAt(f, a[1], v, i, position)
				if err != nil {
					return false, err
				}
				return yield(w)
			})
		}
	}
}

// flatten makes SelectMany, with or without a result selector.
func flatten(_ []*Type, a []Value) walk {
	return func(f *Frame, yield func(Value) (bool, error)) error {
		stop := false
		return source(f, a[0], func(v Value) (bool, error) {
			inner, err := f.Call(a[1], v)
			if err != nil {
				return false, err
			}
			err = source(f, inner, func(w Value) (bool, error) {
				if len(a) > 2 {
					if w, err = f.Call(a[2], v, w); err != nil {
						return false, err
					}
				}
				more, err := yield(w)
				stop = !more
				return more, err
			})
			return !stop, err
		})
	}
}

// takeSkip makes Take, Skip, TakeWhile and SkipWhile.
func takeSkip(take, while, position bool) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			i, skipping := -1, true
			limit := int(a[1].n)
			if take && !while && limit <= 0 {
				return nil
			}
			return source(f, a[0], func(v Value) (bool, error) {
				i++
				in := i < limit
				if while && skipping {
					ok, err := callAt(f, a[1], v, i, position)
					if err != nil {
						return false, err
					}
					in = ok.n != 0
				} else if while {
					in = false
				}
				switch {
				case take && !in:
					return false, nil
				case take:
					more, err := yield(v)
					return more && (while || i+1 < limit), err
				case in:
					return true, nil
				}
				skipping = false
				return yield(v)
			})
		}
	}
}

// chain makes Concat, Append and Prepend.
func chain(parts func(a []Value) []Value, single int) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			for i, part := range parts(a) {
				if i == single {
					if more, err := yield(part); err != nil || !more {
						return err
					}
					continue
				}
				stopped := false
				if err := source(f, part, func(v Value) (bool, error) {
					more, err := yield(v)
					stopped = !more
					return more, err
				}); err != nil || stopped {
					return err
				}
			}
			return nil
		}
	}
}

// combine makes Distinct, Union, Intersect and Except.
func combine(how string) func([]*Type, []Value) walk {
	return func(t []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			seen, other := newSet(instance(setType, t[0])), newSet(instance(setType, t[0]))
			c := comparerOf(a[len(a)-1])
			seen.in.comparer, other.in.comparer = c, c
			if how == "Intersect" || how == "Except" {
				if err := source(f, a[1], func(v Value) (bool, error) {
					_, err := other.add(f, v)
					return true, err
				}); err != nil {
					return err
				}
			}
			stopped := false
			each := func(v Value) (bool, error) {
				if how == "Intersect" || how == "Except" {
					if has, err := other.has(f, v); err != nil || has != (how == "Intersect") {
						return true, err
					}
				}
				fresh, err := seen.add(f, v)
				if err != nil || !fresh {
					return true, err
				}
				more, err := yield(v)
				stopped = !more
				return more, err
			}
			if err := source(f, a[0], each); err != nil || stopped || how != "Union" {
				return err
			}
			return source(f, a[1], each)
		}
	}
}

// Ordered is an IOrderedEnumerable<T>: a source with keys to sort by.
type Ordered struct {
	typ  *Type
	from Value
	keys []sortKey
}

type sortKey struct {
	fn   Value
	down bool
	by   *Comparer
}

func (o *Ordered) dotnetType() *Type { return o.typ }

func (o *Ordered) walk(f *Frame, yield func(Value) (bool, error)) error {
	items, err := collect(f, o.from)
	if err != nil {
		return err
	}
	type row struct {
		v    Value
		keys []Value
	}
	rows := make([]Value, len(items))
	table := make([]row, len(items))
	for i, v := range items {
		table[i] = row{v: v, keys: make([]Value, len(o.keys))}
		for j, k := range o.keys {
			if table[i].keys[j], err = f.Call(k.fn, v); err != nil {
				return err
			}
		}
		rows[i] = Int(i)
	}
	if err := f.sorted(rows, func(v, w Value) (int, error) {
		for j, k := range o.keys {
			c, err := f.compareBy(k.by, table[v.n].keys[j], table[w.n].keys[j])
			if k.down {
				c = -c
			}
			if err != nil || c != 0 {
				return c, err
			}
		}
		return 0, nil
	}); err != nil {
		return err
	}
	for _, r := range rows {
		if more, err := yield(table[r.n].v); err != nil || !more {
			return err
		}
	}
	return nil
}

func order(down, then bool) Generic {
	return func(t []*Type) Func {
		typ := instance(orderedType, t[0])
		return func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			k := sortKey{fn: a[1], down: down}
			if len(a) > 2 {
				k.by = comparerOf(a[2])
			}
			o := &Ordered{typ: typ, from: a[0]}
			if before, ok := a[0].ref.(*Ordered); ok && then {
				o.from, o.keys = before.from, slices.Clone(before.keys)
			}
			o.keys = append(o.keys, k)
			return Value{o, 0}, nil
		}
	}
}

// Grouping is an IGrouping<K,T>.
type Grouping struct {
	typ   *Type
	key   Value
	items []Value
}

func (g *Grouping) dotnetType() *Type { return g.typ }

func (g *Grouping) length() int { return len(g.items) }

func (g *Grouping) walk(_ *Frame, yield func(Value) (bool, error)) error {
	for _, v := range g.items {
		if more, err := yield(v); err != nil || !more {
			return err
		}
	}
	return nil
}

// grouped collects the elements by their keys, in the order in which keys come first.
func grouped(f *Frame, from, by Value, elem *Value, c *Comparer, t *Type) ([]*Grouping, *Dict, error) {
	d := newDict(instance(dictType, t.args[0], t))
	d.comparer = c
	var list []*Grouping
	err := source(f, from, func(v Value) (bool, error) {
		k, err := f.Call(by, v)
		if err != nil {
			return false, err
		}
		if elem != nil {
			if v, err = f.Call(*elem, v); err != nil {
				return false, err
			}
		}
		at := k
		if k.ref == nil {
			at = Value{nullType, 0}
		}
		old, ok, err := d.Get(f, at)
		if err != nil {
			return false, err
		}
		group, _ := old.ref.(*Grouping)
		if !ok {
			group = &Grouping{typ: t, key: k}
			list = append(list, group)
			if _, err := d.Put(f, at, Value{group, 0}); err != nil {
				return false, err
			}
		}
		group.items = append(group.items, v)
		return true, f.Spend(valueSize)
	})
	return list, d, err
}

// groupBy makes GroupBy; element and result say which selectors follow the key's.
func groupBy(element, result bool) Generic {
	return func(t []*Type) Func {
		item := t[0]
		if element {
			item = t[2]
		}
		group := instance(groupingType, t[1], item)
		elem := group
		if result {
			elem = t[len(t)-1]
		}
		return func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			a = slices.Clone(a)
			return seqOf(elem, func(f *Frame, yield func(Value) (bool, error)) error {
				var pickElem *Value
				if element {
					pickElem = &a[2]
				}
				groups, _, err := grouped(f, a[0], a[1], pickElem, comparerOf(a[len(a)-1]), group)
				if err != nil {
					return err
				}
				for _, g := range groups {
					v := Value{g, 0}
					if result {
						at := 2
						if element {
							at = 3
						}
						if v, err = f.Call(a[at], g.key, v); err != nil {
							return err
						}
					}
					if more, err := yield(v); err != nil || !more {
						return err
					}
				}
				return nil
			}), nil
		}
	}
}

// linqJoin makes Join and GroupJoin.
func linqJoin(groups bool) Generic {
	return func(t []*Type) Func {
		group := instance(groupingType, t[2], t[1])
		return func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("outer")
			}
			a = slices.Clone(a)
			return seqOf(t[3], func(f *Frame, yield func(Value) (bool, error)) error {
				_, index, err := grouped(f, a[1], a[3], nil, comparerOf(a[len(a)-1]), group)
				if err != nil {
					return err
				}
				return source(f, a[0], func(v Value) (bool, error) {
					k, err := f.Call(a[2], v)
					if err != nil {
						return false, err
					}
					var inner []Value
					if k.ref != nil {
						if found, ok, err := index.Get(f, k); err != nil {
							return false, err
						} else if ok {
							inner = found.ref.(*Grouping).items
						}
					}
					if groups {
						w, err := f.Call(a[4], v, itemsOf(t[1], inner))
						if err != nil {
							return false, err
						}
						return yield(w)
					}
					for _, x := range inner {
						w, err := f.Call(a[4], v, x)
						if err != nil {
							return false, err
						}
						if more, err := yield(w); err != nil || !more {
							return false, err
						}
					}
					return true, nil
				})
			}), nil
		}
	}
}

func toDictionary(t []*Type) Func {
	value := t[0]
	if len(t) > 2 {
		value = t[2]
	}
	typ := instance(dictType, t[1], value)
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		d := newDict(typ)
		d.comparer = comparerOf(a[len(a)-1])
		a = slices.Clone(a)
		err := source(f, a[0], func(v Value) (bool, error) {
			k, err := f.Call(a[1], v)
			if err != nil {
				return false, err
			}
			if len(t) > 2 {
				if v, err = f.Call(a[2], v); err != nil {
					return false, err
				}
			}
			_, err = addPair(f, []Value{{d, 0}, k, v})
			return true, err
		})
		return Value{d, 0}, err
	}
}

// aggregate makes the three forms of Aggregate.
func aggregate(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("source")
	}
	a = slices.Clone(a)
	result, any, fn := Null, false, a[1]
	if len(a) > 2 {
		result, any, fn = a[1], true, a[2]
	}
	err := source(f, a[0], func(v Value) (bool, error) {
		if !any {
			result, any = v, true
			return true, nil
		}
		var err error
		result, err = f.Call(fn, result, v)
		return true, err
	})
	if err == nil && !any {
		err = noElements()
	}
	if err == nil && len(a) > 3 {
		return f.Call(a[3], result)
	}
	return result, err
}

// sum adds numbers of a type; null does not count.
func sum(t *Type) Func {
	add := arithmeticOf("+", t, true)
	return func(f *Frame, a []Value) (Value, error) {
		total := t.defaultValue()
		_, err := numbers(f, a, func(v Value) error {
			var err error
			total, err = add(total, v)
			return err
		})
		return total, err
	}
}

// numbers walks the numbers of a sum or average: the elements or what a lambda makes of them; it counts those that are not null.
func numbers(f *Frame, a []Value, use func(Value) error) (int, error) {
	if a[0].ref == nil {
		return 0, dotnet.ArgumentNull("source")
	}
	n := 0
	fn := Null
	if len(a) > 1 {
		fn = a[1]
	}
	err := source(f, a[0], func(v Value) (bool, error) {
		var err error
		if fn.ref != nil {
			if v, err = f.Call(fn, v); err != nil {
				return false, err
			}
		}
		if v.ref == nil {
			return true, nil
		}
		n++
		return true, use(v)
	})
	return n, err
}

func average(t *Type, isNullable bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		total, exact := 0.0, decimalType.zero
		add := decimalOperation("+")
		n, err := numbers(f, a, func(v Value) error {
			var err error
			if t.kind == kDecimal {
				exact, err = add(exact, v)
				return err
			}
			total += toFloat(v, t.kind)
			return nil
		})
		switch {
		case err != nil:
			return Null, err
		case n == 0 && isNullable:
			return Null, nil
		case n == 0:
			return Null, noElements()
		case t.kind == kDecimal:
			return decimalOperation("/")(exact, decimalValue(dotnet.DecimalOf(int64(n))))
		case t.kind == kFloat:
			return Single(float32(total / float64(n))), nil
		}
		return Double(total / float64(n)), nil
	}
}

// extreme makes Min and Max of elements, or of what a lambda makes of them.
func extreme(sign int, at int) Generic {
	return func(t []*Type) Func {
		result := t[at]
		return func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			best, fn := Null, Null
			if len(a) > 1 {
				fn = a[1]
			}
			err := source(f, a[0], func(v Value) (bool, error) {
				var err error
				if fn.ref != nil {
					if v, err = f.Call(fn, v); err != nil {
						return false, err
					}
				}
				if v.ref == nil {
					return true, nil
				}
				if best.ref == nil {
					best = v
					return true, nil
				}
				c, err := f.compare(v, best)
				if c*sign > 0 {
					best = v
				}
				return true, err
			})
			if err == nil && best.ref == nil && !result.isReference() && result.kind != kNullable {
				return Null, noElements()
			}
			return best, err
		}
	}
}

func toArray(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		items, err := collect(f, a[0])
		return arrayFrom(t[0], slices.Clone(items)), err
	}
}

func toList(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		items, err := collect(f, a[0])
		return newListOf(t[0], slices.Clone(items)), err
	}
}

func elementAt(orDefault bool) Generic {
	return func(t []*Type) Func {
		zero := t[0].defaultValue()
		return func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			result, left, ok := zero, a[1].n, false
			err := source(f, a[0], func(v Value) (bool, error) {
				if left == 0 {
					result, ok = v, true
				}
				left--
				return left >= 0, nil
			})
			if err == nil && !ok && !orDefault {
				err = indexRange()
			}
			return result, err
		}
	}
}

func sequenceEqual(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil || a[1].ref == nil {
		return Null, dotnet.ArgumentNull("first")
	}
	x, err := collect(f, a[0])
	if err != nil {
		return Null, err
	}
	y, err := collect(f, a[1])
	if err != nil || len(x) != len(y) {
		return Bool(false), err
	}
	for i := range x {
		if same, err := f.equalBy(comparerOf(a[len(a)-1]), x[i], y[i]); err != nil || !same {
			return Bool(false), err
		}
	}
	return Bool(true), nil
}

func linqRange(f *Frame, a []Value) (Value, error) {
	start, count := a[0].n, a[1].n
	if count < 0 || start+count-1 > 1<<31-1 {
		return Null, dotnet.OutOfRange("Specified argument was out of the range of valid values.", "count")
	}
	return seqOf(intType, func(f *Frame, yield func(Value) (bool, error)) error {
		for i := range count {
			if err := f.step(); err != nil {
				return err
			}
			if more, err := yield(Value{intType, start + i}); err != nil || !more {
				return err
			}
		}
		return nil
	}), nil
}

func repeat(t []*Type) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		v, count := a[0], a[1].n
		if count < 0 {
			return Null, dotnet.OutOfRange("Specified argument was out of the range of valid values.", "count")
		}
		return seqOf(t[0], func(f *Frame, yield func(Value) (bool, error)) error {
			for range count {
				if err := f.step(); err != nil {
					return err
				}
				if more, err := yield(v); err != nil || !more {
					return err
				}
			}
			return nil
		}), nil
	}
}

func castAll(ofType bool) func([]*Type, []Value) walk {
	return func(t []*Type, a []Value) walk {
		cast := caster(t[0])
		return func(f *Frame, yield func(Value) (bool, error)) error {
			return source(f, a[0], func(v Value) (bool, error) {
				if ofType {
					if v.ref == nil || !isInstance(v, t[0]) {
						return true, nil
					}
					return yield(v)
				}
				w, err := cast(v)
				if err != nil {
					return false, err
				}
				return yield(w)
			})
		}
	}
}

func enumerableMembers() members {
	first := typeAt(0)
	self := func(t []*Type) Func {
		return func(_ *Frame, a []Value) (Value, error) { return a[0], nil }
	}
	list := members{
		g("static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, bool> predicate)", each(first, keep(false))),
		g("static IEnumerable<T> Where<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)", each(first, keep(true))),
		g("static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, R> selector)", each(typeAt(1), project(false))),
		g("static IEnumerable<R> Select<T, R>(this IEnumerable<T> source, Func<T, int, R> selector)", each(typeAt(1), project(true))),
		g("static IEnumerable<R> SelectMany<T, R>(this IEnumerable<T> source, Func<T, IEnumerable<R>> selector)", each(typeAt(1), flatten)),
		g("static IEnumerable<R> SelectMany<T, C, R>(this IEnumerable<T> source, Func<T, IEnumerable<C>> collectionSelector, Func<T, C, R> resultSelector)", each(typeAt(2), flatten)),
		g("static IEnumerable<T> Take<T>(this IEnumerable<T> source, int count)", each(first, takeSkip(true, false, false))),
		g("static IEnumerable<T> Skip<T>(this IEnumerable<T> source, int count)", each(first, takeSkip(false, false, false))),
		g("static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)", each(first, takeSkip(true, true, false))),
		g("static IEnumerable<T> TakeWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)", each(first, takeSkip(true, true, true))),
		g("static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, bool> predicate)", each(first, takeSkip(false, true, false))),
		g("static IEnumerable<T> SkipWhile<T>(this IEnumerable<T> source, Func<T, int, bool> predicate)", each(first, takeSkip(false, true, true))),
		g("static IEnumerable<T> TakeLast<T>(this IEnumerable<T> source, int count)", each(first, ends(true))),
		g("static IEnumerable<T> SkipLast<T>(this IEnumerable<T> source, int count)", each(first, ends(false))),
		g("static IEnumerable<T> Concat<T>(this IEnumerable<T> first, IEnumerable<T> second)", each(first, chain(func(a []Value) []Value { return a }, -1))),
		g("static IEnumerable<T> Append<T>(this IEnumerable<T> source, T element)", each(first, chain(func(a []Value) []Value { return a }, 1))),
		g("static IEnumerable<T> Prepend<T>(this IEnumerable<T> source, T element)", each(first, chain(func(a []Value) []Value { return []Value{a[1], a[0]} }, 0))),
		g("static IEnumerable<T> Reverse<T>(this IEnumerable<T> source)", each(first, func(_ []*Type, a []Value) walk {
			return func(f *Frame, yield func(Value) (bool, error)) error {
				items, err := collect(f, a[0])
				if err != nil {
					return err
				}
				for i := len(items) - 1; i >= 0; i-- {
					if more, err := yield(items[i]); err != nil || !more {
						return err
					}
				}
				return nil
			}
		})),
		g("static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source)", each(first, defaultIfEmpty)),
		g("static IEnumerable<T> DefaultIfEmpty<T>(this IEnumerable<T> source, T defaultValue)", each(first, defaultIfEmpty)),
		g("static IEnumerable<R> Cast<R>(this System.Collections.IEnumerable source)", each(first, castAll(false))),
		g("static IEnumerable<R> OfType<R>(this System.Collections.IEnumerable source)", each(first, castAll(true))),
		g("static IEnumerable<R> Zip<T, U, R>(this IEnumerable<T> first, IEnumerable<U> second, Func<T, U, R> resultSelector)", each(typeAt(2), zip)),
		g("static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)", order(false, false)),
		g("static IOrderedEnumerable<T> OrderBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)", order(false, false)),
		g("static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)", order(true, false)),
		g("static IOrderedEnumerable<T> OrderByDescending<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)", order(true, false)),
		g("static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)", order(false, true)),
		g("static IOrderedEnumerable<T> ThenBy<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)", order(false, true)),
		g("static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector)", order(true, true)),
		g("static IOrderedEnumerable<T> ThenByDescending<T, K>(this IOrderedEnumerable<T> source, Func<T, K> keySelector, IComparer<K> comparer)", order(true, true)),
		g("static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)", groupBy(false, false)),
		g("static IEnumerable<IGrouping<K, T>> GroupBy<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)", groupBy(false, false)),
		g("static IEnumerable<IGrouping<K, E>> GroupBy<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)", groupBy(true, false)),
		g("static IEnumerable<R> GroupBy<T, K, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<K, IEnumerable<T>, R> resultSelector)", groupBy(false, true)),
		g("static IEnumerable<R> GroupBy<T, K, E, R>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, Func<K, IEnumerable<E>, R> resultSelector)", groupBy(true, true)),
		g("static IEnumerable<R> Join<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, U, R> resultSelector)", linqJoin(false)),
		g("static IEnumerable<R> GroupJoin<T, U, K, R>(this IEnumerable<T> outer, IEnumerable<U> inner, Func<T, K> outerKeySelector, Func<U, K> innerKeySelector, Func<T, IEnumerable<U>, R> resultSelector)", linqJoin(true)),
		g("static T[] ToArray<T>(this IEnumerable<T> source)", toArray), g("static List<T> ToList<T>(this IEnumerable<T> source)", toList),
		g("static HashSet<T> ToHashSet<T>(this IEnumerable<T> source)", toHashSet), g("static HashSet<T> ToHashSet<T>(this IEnumerable<T> source, IEqualityComparer<T> comparer)", toHashSet),
		g("static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector)", toDictionary),
		g("static Dictionary<K, T> ToDictionary<T, K>(this IEnumerable<T> source, Func<T, K> keySelector, IEqualityComparer<K> comparer)", toDictionary),
		g("static Dictionary<K, E> ToDictionary<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector)", toDictionary),
		g("static Dictionary<K, E> ToDictionary<T, K, E>(this IEnumerable<T> source, Func<T, K> keySelector, Func<T, E> elementSelector, IEqualityComparer<K> comparer)", toDictionary),
		m("static int Count<T>(this IEnumerable<T> source)", linqCount(false)), m("static int Count<T>(this IEnumerable<T> source, Func<T, bool> predicate)", linqCount(false)),
		m("static long LongCount<T>(this IEnumerable<T> source)", linqCount(true)), m("static long LongCount<T>(this IEnumerable<T> source, Func<T, bool> predicate)", linqCount(true)),
		m("static bool Any<T>(this IEnumerable<T> source)", linqAny(false)), m("static bool Any<T>(this IEnumerable<T> source, Func<T, bool> predicate)", linqAny(false)),
		m("static bool All<T>(this IEnumerable<T> source, Func<T, bool> predicate)", linqAny(true)),
		m("static bool Contains<T>(this IEnumerable<T> source, T value)", linqContains), m("static bool Contains<T>(this IEnumerable<T> source, T value, IEqualityComparer<T> comparer)", linqContains),
		m("static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second)", sequenceEqual),
		m("static bool SequenceEqual<T>(this IEnumerable<T> first, IEnumerable<T> second, IEqualityComparer<T> comparer)", sequenceEqual),
		m("static T Aggregate<T>(this IEnumerable<T> source, Func<T, T, T> func)", aggregate),
		m("static A Aggregate<T, A>(this IEnumerable<T> source, A seed, Func<A, T, A> func)", aggregate),
		m("static R Aggregate<T, A, R>(this IEnumerable<T> source, A seed, Func<A, T, A> func, Func<A, R> resultSelector)", aggregate),
		g("static T ElementAt<T>(this IEnumerable<T> source, int index)", elementAt(false)), g("static T ElementAtOrDefault<T>(this IEnumerable<T> source, int index)", elementAt(true)),
		g("static T Min<T>(this IEnumerable<T> source)", extreme(-1, 0)), g("static R Min<T, R>(this IEnumerable<T> source, Func<T, R> selector)", extreme(-1, 1)),
		g("static T Max<T>(this IEnumerable<T> source)", extreme(1, 0)), g("static R Max<T, R>(this IEnumerable<T> source, Func<T, R> selector)", extreme(1, 1)),
		m("static IEnumerable<int> Range(int start, int count)", linqRange), g("static IEnumerable<T> Repeat<T>(T element, int count)", repeat),
		g("static IEnumerable<T> Empty<T>()", func(t []*Type) Func {
			return func(*Frame, []Value) (Value, error) { return itemsOf(t[0], nil), nil }
		}),
		g("static IEnumerable<T> AsEnumerable<T>(this IEnumerable<T> source)", self),
	}
	for _, how := range []string{"Distinct", "Union", "Intersect", "Except"} {
		params := "this IEnumerable<T> source"
		if how != "Distinct" {
			params = "this IEnumerable<T> first, IEnumerable<T> second"
		}
		list = append(list, g("static IEnumerable<T> "+how+"<T>("+params+")", each(first, combine(how))), g("static IEnumerable<T> "+how+"<T>("+params+", IEqualityComparer<T> comparer)", each(first, combine(how))))
	}
	for _, which := range []string{"First", "Last", "Single"} {
		for _, suffix := range []string{"", "OrDefault"} {
			fn := pick(which, suffix != "")
			list = append(list, g("static T "+which+suffix+"<T>(this IEnumerable<T> source)", fn), g("static T "+which+suffix+"<T>(this IEnumerable<T> source, Func<T, bool> predicate)", fn))
		}
	}
	for _, t := range []*Type{intType, longType, doubleType, floatType, decimalType} {
		word := keywordNames[t]
		mean := "double"
		if t == floatType || t == decimalType {
			mean = word
		}
		for _, mark := range []string{"", "?"} {
			list = append(list, m("static "+word+mark+" Sum(this IEnumerable<"+word+mark+"> source)", sum(t)), m("static "+word+mark+" Sum<T>(this IEnumerable<T> source, Func<T, "+word+mark+"> selector)", sum(t)),
				m("static "+mean+mark+" Average(this IEnumerable<"+word+mark+"> source)", average(t, mark != "")), m("static "+mean+mark+" Average<T>(this IEnumerable<T> source, Func<T, "+word+mark+"> selector)", average(t, mark != "")))
		}
	}
	return list
}

// ends makes TakeLast and SkipLast.
func ends(take bool) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error {
			items, err := collect(f, a[0])
			if err != nil {
				return err
			}
			n := int(min(max(a[1].n, 0), int64(len(items))))
			if take {
				items = items[len(items)-n:]
			} else {
				items = items[:len(items)-n]
			}
			for _, v := range items {
				if more, err := yield(v); err != nil || !more {
					return err
				}
			}
			return nil
		}
	}
}

func defaultIfEmpty(t []*Type, a []Value) walk {
	return func(f *Frame, yield func(Value) (bool, error)) error {
		any := false
		err := source(f, a[0], func(v Value) (bool, error) {
			any = true
			return yield(v)
		})
		if err != nil || any {
			return err
		}
		v := t[0].defaultValue()
		if len(a) > 1 {
			v = a[1]
		}
		_, err = yield(v)
		return err
	}
}

func zip(_ []*Type, a []Value) walk {
	return func(f *Frame, yield func(Value) (bool, error)) error {
		second, err := collect(f, a[1])
		if err != nil {
			return err
		}
		i := 0
		return source(f, a[0], func(v Value) (bool, error) {
			if i >= len(second) {
				return false, nil
			}
			w, err := f.Call(a[2], v, second[i])
			if err != nil {
				return false, err
			}
			i++
			return yield(w)
		})
	}
}

func toHashSet(t []*Type) Func {
	typ := instance(setType, t[0])
	return func(f *Frame, a []Value) (Value, error) {
		s := newSet(typ)
		s.in.comparer = comparerOf(a[len(a)-1])
		err := source(f, a[0], func(v Value) (bool, error) {
			_, err := s.add(f, v)
			return true, err
		})
		return Value{s, 0}, err
	}
}

var enumerableDecls = []Decl{
	{Head: "interface System.Linq.IOrderedEnumerable<T> : IEnumerable<T>", Type: orderedType},
	{Head: "interface System.Linq.IGrouping<out K, T> : IEnumerable<T>", Type: groupingType, Members: members{
		m("K Key { get; }", func(_ *Frame, a []Value) (Value, error) { return a[0].ref.(*Grouping).key, nil }),
	}},
	{Head: "static class System.Linq.Enumerable", Members: enumerableMembers()},
}
