package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// Sorting, grouping and joining of System.Linq.Enumerable.

// Ordered is an IOrderedEnumerable<T>: a source with keys to sort by.
type Ordered struct {
	typ  *Type
	from Value
	keys []sortKey
}

type sortKey struct {
	fn   Value // null: the element itself
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
	if err := f.Spend(len(items) * valueSize * (len(o.keys) + 3)); err != nil {
		return err
	}
	rows := make([]Value, len(items))
	table := make([]row, len(items))
	for i, v := range items {
		table[i] = row{v: v, keys: make([]Value, len(o.keys))}
		for j, k := range o.keys {
			if table[i].keys[j], err = k.of(f, v); err != nil {
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

func (k *sortKey) of(f *Frame, v Value) (Value, error) {
	if k.fn.ref == nil {
		return v, nil
	}
	return f.Call(k.fn, v)
}

// order makes OrderBy and ThenBy; itself makes Order, which has no selector.
func order(down, then, itself bool) Generic {
	return func(t []*Type) Func {
		typ := instance(orderedType, t[0])
		return func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			k := sortKey{down: down}
			if !itself {
				k.fn = a[1]
			}
			k.by = comparerOf(a[len(a)-1])
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

// lookupTable is an ILookup<K,E>: groups by their keys.
type lookupTable struct {
	typ    *Type
	groups []*Grouping
	index  *Dict
}

func (l *lookupTable) dotnetType() *Type { return l.typ }

func (l *lookupTable) length() int { return len(l.groups) }

func (l *lookupTable) walk(_ *Frame, yield func(Value) (bool, error)) error {
	for _, g := range l.groups {
		if more, err := yield(Value{g, 0}); err != nil || !more {
			return err
		}
	}
	return nil
}

// find returns the group of a key; false when there is none.
func (l *lookupTable) find(f *Frame, k Value) (*Grouping, bool, error) {
	if k.ref == nil {
		k = Value{nullType, 0}
	}
	v, ok, err := l.index.Get(f, k)
	group, _ := v.ref.(*Grouping)
	return group, ok, err
}

func toLookup(t []*Type) Func {
	item := t[len(t)-1]
	if len(t) < 3 {
		item = t[0]
	}
	typ, group := instance(lookupType, t[1], item), instance(groupingType, t[1], item)
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		a = slices.Clone(a)
		var elem *Value
		if len(t) > 2 {
			elem = &a[2]
		}
		groups, index, err := grouped(f, a[0], a[1], elem, comparerOf(a[len(a)-1]), group)
		return Value{&lookupTable{typ, groups, index}, 0}, err
	}
}

// lookupItem is the indexer of ILookup: no elements for a key that is not there.
func lookupItem(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		group, ok, err := a[0].ref.(*lookupTable).find(f, a[1])
		if err != nil || !ok {
			return itemsOf(t[1], nil), err
		}
		return Value{group, 0}, nil
	}
}

func lookupHas(f *Frame, a []Value) (Value, error) {
	_, ok, err := a[0].ref.(*lookupTable).find(f, a[1])
	return Bool(ok), err
}
