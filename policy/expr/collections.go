package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// Array is an array of anything but bytes.
type Array struct {
	Elem  *Type
	Items []Value
}

func (a *Array) dotnetType() *Type { return arrayOf(a.Elem) }

// Strings makes a string[].
func Strings(list []string) Value {
	items := make([]Value, len(list))
	for i, s := range list {
		items[i] = String(s)
	}
	return Value{&Array{stringType, items}, 0}
}

// List is a List<T>.
type List struct {
	typ     *Type
	Items   []Value
	version int
}

// newListOf makes a List<T> that owns items.
func newListOf(elem *Type, items []Value) Value {
	return Value{&List{typ: instance(listType, elem), Items: items}, 0}
}

func (l *List) dotnetType() *Type { return l.typ }

func (l *List) walk(_ *Frame, yield func(Value) (bool, error)) error {
	version := l.version
	for i := 0; i < len(l.Items); i++ {
		if more, err := yield(l.Items[i]); err != nil || !more {
			return err
		}
		if l.version != version {
			return modified()
		}
	}
	return nil
}

func modified() error {
	return dotnet.InvalidOperation("Collection was modified; enumeration operation may not execute.")
}

// Pair is a KeyValuePair<K,V>; it does not change.
type Pair struct {
	typ        *Type
	Key, Value Value
}

func (p *Pair) dotnetType() *Type { return p.typ }

// Dict is a Dictionary<K,V>. It keeps the order in which keys were added.
type Dict struct {
	typ      *Type
	pair     *Type // KeyValuePair<K,V>
	entries  []entry
	index    map[key]int // the last entry with a key
	gone     int
	version  int
	comparer *Comparer
}

type entry struct {
	key, value Value
	older      int // an earlier entry that is filed under the same key, -1 for none
	removed    bool
}

func newDict(t *Type) *Dict {
	d := &Dict{typ: t, index: map[key]int{}}
	if len(t.args) == 2 {
		d.pair = instance(pairType, t.args...)
	}
	return d
}

func (d *Dict) dotnetType() *Type { return d.typ }

func (d *Dict) keyOf(f *Frame, v Value) (key, error) {
	if v.ref == nil {
		return key{}, dotnet.ArgumentNull("key")
	}
	if d.comparer != nil && d.comparer.folds && v.IsString() {
		return key{ref: stringType, s: dotnet.ToUpperInvariant(v.Str())}, nil
	}
	return f.keyOf(v)
}

// find returns the place of a key, -1 for none.
func (d *Dict) find(f *Frame, v Value) (int, key, error) {
	k, err := d.keyOf(f, v)
	if err != nil {
		return -1, k, err
	}
	i, ok := d.index[k]
	if !ok {
		return -1, k, nil
	}
	if k.ref == stringType || d.entries[i].older < 0 && simpleKey(v) {
		return i, k, nil
	}
	for ; i >= 0; i = d.entries[i].older {
		same, err := f.equal(d.entries[i].key, v)
		if err != nil || same {
			return i, k, err
		}
	}
	return -1, k, nil
}

// simpleKey reports whether equal keys mean equal values.
func simpleKey(v Value) bool {
	t, ok := v.ref.(*Type)
	return ok && !t.sameClock
}

// Get looks a key up.
func (d *Dict) Get(f *Frame, k Value) (Value, bool, error) {
	i, _, err := d.find(f, k)
	if err != nil || i < 0 {
		return Null, false, err
	}
	return d.entries[i].value, true, nil
}

// Put files a value under a key, and reports whether the key is new.
func (d *Dict) Put(f *Frame, k, v Value) (bool, error) {
	i, at, err := d.find(f, k)
	if err != nil {
		return false, err
	}
	d.version++
	if i >= 0 {
		d.entries[i].value = v
		return false, nil
	}
	if err := f.Spend(7 * valueSize); err != nil {
		return false, err
	}
	older := -1
	if j, ok := d.index[at]; ok {
		older = j
	}
	d.entries = append(d.entries, entry{key: k, value: v, older: older})
	d.index[at] = len(d.entries) - 1
	return true, nil
}

func (d *Dict) remove(f *Frame, k Value) (Value, bool, error) {
	i, _, err := d.find(f, k)
	if err != nil || i < 0 {
		return Null, false, err
	}
	v := d.entries[i].value
	d.entries[i].removed = true
	d.gone++
	d.version++
	return v, true, d.rebuild(f)
}

// rebuild drops removed entries. Removal is rare, so it may cost.
func (d *Dict) rebuild(f *Frame) error {
	if err := f.Step(len(d.entries) / 8); err != nil {
		return err
	}
	d.entries = slices.DeleteFunc(d.entries, func(e entry) bool { return e.removed })
	d.gone = 0
	clear(d.index)
	for i := range d.entries {
		k, err := d.keyOf(f, d.entries[i].key)
		if err != nil {
			return err
		}
		d.entries[i].older = -1
		if j, ok := d.index[k]; ok {
			d.entries[i].older = j
		}
		d.index[k] = i
	}
	return nil
}

func (d *Dict) clear() {
	d.entries, d.gone = nil, 0
	d.version++
	clear(d.index)
}

// Len returns how many keys there are.
func (d *Dict) Len() int { return len(d.entries) - d.gone }

// All calls yield for each key and value.
func (d *Dict) All(yield func(k, v Value) bool) {
	for _, e := range d.entries {
		if !e.removed && !yield(e.key, e.value) {
			return
		}
	}
}

func (d *Dict) walk(_ *Frame, yield func(Value) (bool, error)) error {
	version := d.version
	for _, e := range d.entries {
		if more, err := yield(Value{&Pair{d.pair, e.key, e.value}, 0}); err != nil || !more {
			return err
		}
		if d.version != version {
			return modified()
		}
	}
	return nil
}

// Set is a HashSet<T>.
type Set struct {
	typ *Type
	in  *Dict
}

func newSet(t *Type) *Set { return &Set{t, newDict(t)} }

func (s *Set) dotnetType() *Type { return s.typ }

func (s *Set) has(f *Frame, v Value) (bool, error) {
	i, _, err := s.in.find(f, s.keyed(v))
	return i >= 0, err
}

// keyed files null under a value of its own: a set may hold it.
func (s *Set) keyed(v Value) Value {
	if v.ref == nil {
		return Value{nullType, 0}
	}
	return v
}

func (s *Set) add(f *Frame, v Value) (bool, error) {
	i, _, err := s.in.find(f, s.keyed(v))
	if err != nil || i >= 0 {
		return false, err
	}
	return s.in.Put(f, s.keyed(v), v)
}

func (s *Set) remove(f *Frame, v Value) (bool, error) {
	_, ok, err := s.in.remove(f, s.keyed(v))
	return ok, err
}

func (s *Set) walk(_ *Frame, yield func(Value) (bool, error)) error {
	version := s.in.version
	for _, e := range s.in.entries {
		if more, err := yield(e.value); err != nil || !more {
			return err
		}
		if s.in.version != version {
			return modified()
		}
	}
	return nil
}

// Comparer is a StringComparer, or EqualityComparer<T>.Default.
type Comparer struct {
	typ   *Type
	kind  dotnet.Comparison
	folds bool
}

func (c *Comparer) dotnetType() *Type { return c.typ }

func comparerOf(v Value) *Comparer {
	c, _ := v.ref.(*Comparer)
	return c
}

// Seq is what LINQ makes: it is walked when it is needed, anew each time.
type Seq struct {
	typ *Type
	run walk
}

func (s *Seq) dotnetType() *Type { return s.typ }

func (s *Seq) walk(f *Frame, yield func(Value) (bool, error)) error { return s.run(f, yield) }

func seqOf(elem *Type, run walk) Value { return Value{&Seq{instance(enumerableType, elem), run}, 0} }

// items makes a sequence of values that are at hand.
func itemsOf(elem *Type, list []Value) Value {
	return seqOf(elem, func(_ *Frame, yield func(Value) (bool, error)) error {
		for _, v := range list {
			if more, err := yield(v); err != nil || !more {
				return err
			}
		}
		return nil
	})
}

// Cursor is an IEnumerator<T> over what was there when it was made.
type Cursor struct {
	typ   *Type
	items []Value
	at    int
}

func (c *Cursor) dotnetType() *Type { return c.typ }

// collection is what ICollection, IList and IDictionary need of those who implement them.
type collection interface {
	length() int
}

type lookup interface {
	collection
	lookup(f *Frame, k Value) (Value, bool, error)
	keys() []Value
	values() []Value
}

func (l *List) length() int  { return len(l.Items) }
func (a *Array) length() int { return len(a.Items) }
func (b *Blob) length() int  { return len(b.B) }
func (d *Dict) length() int  { return d.Len() }
func (s *Set) length() int   { return s.in.Len() }

func (d *Dict) lookup(f *Frame, k Value) (Value, bool, error) { return d.Get(f, k) }

func (d *Dict) keys() []Value {
	list := make([]Value, 0, d.Len())
	for k := range d.All {
		list = append(list, k)
	}
	return list
}

func (d *Dict) values() []Value {
	list := make([]Value, 0, d.Len())
	for _, v := range d.All {
		list = append(list, v)
	}
	return list
}

// collections adapts collections of other packages to what the interfaces need; each family may add a function.
var collections = []func(pointer any) collection{contextCollection}

func asCollection(v Value) (collection, error) {
	if c, ok := v.ref.(collection); ok {
		return c, nil
	}
	for _, of := range collections {
		if c := of(v.ref); c != nil {
			return c, nil
		}
	}
	return nil, dotnet.InvalidCast(typeOf(v).String(), "System.Collections.ICollection")
}

func asLookup(v Value) (lookup, error) {
	c, err := asCollection(v)
	if err != nil {
		return nil, err
	}
	if l, ok := c.(lookup); ok {
		return l, nil
	}
	return nil, dotnet.InvalidCast(typeOf(v).String(), "System.Collections.IDictionary")
}

// elements returns what an array or list holds; the items of a byte[] are copied.
func elements(v Value) ([]Value, bool) {
	switch x := v.ref.(type) {
	case *Array:
		return x.Items, true
	case *List:
		return x.Items, true
	case *Blob:
		list := make([]Value, len(x.B))
		for i, c := range x.B {
			list[i] = Value{byteType, int64(c)}
		}
		return list, true
	}
	return nil, false
}

// rewrite changes the elements of an array in place. The bytes of a byte[] are made values for it, which counts as work.
func rewrite(f *Frame, v Value, change func(items []Value) error) error {
	x, ok := v.ref.(*Blob)
	if ok {
		if err := f.Step(len(x.B)); err != nil {
			return err
		}
	}
	items, _ := elements(v)
	err := change(items)
	if ok {
		for i := range items {
			x.B[i] = byte(items[i].n)
		}
	}
	return err
}

// arrayFrom makes an array of values.
func arrayFrom(elem *Type, items []Value) Value {
	if elem != byteType {
		return Value{&Array{elem, items}, 0}
	}
	b := make([]byte, len(items))
	for i, v := range items {
		b[i] = byte(v.n)
	}
	return Bytes(b)
}
