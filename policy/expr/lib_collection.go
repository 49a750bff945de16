package expr

import (
	"slices"
	"sort"

	"gatehouse/dotnet"
)

// Arrays, the generic collections and their interfaces.

var (
	plainEnumerable = new(Type)
	enumerableType  = new(Type)
	enumeratorType  = new(Type)
	listType        = new(Type)
	dictType        = new(Type)
	dictionaryType  = new(Type)
	setType         = new(Type)
	pairType        = new(Type)
	comparerType    = new(Type)
	groupingType    = new(Type)
	lookupType      = new(Type)
	orderedType     = new(Type)
	readOnlyDict    = new(Type)
	stringComparer  = new(Type)
	ilistType       = new(Type)
	iReadOnlyList   = new(Type)
	plainList       = new(Type)
	queueType       = new(Type)
	stackType       = new(Type)
)

func zeroArgs(v Value, err error) Func { return func(*Frame, []Value) (Value, error) { return v, err } }

// counted is Count of whatever has one.
func counted(_ *Frame, a []Value) (Value, error) {
	c, err := asCollection(a[0])
	if err != nil {
		return Null, err
	}
	return Int(c.length()), nil
}

func readOnly() error { return throw(dotnet.NotSupportedException, "Collection is read-only.") }

func fixedSize() error { return throw(dotnet.NotSupportedException, "Collection was of a fixed size.") }

func indexRange() error {
	return dotnet.OutOfRange("Index was out of range. Must be non-negative and less than the size of the collection.", "index")
}

var collectionDecls = []Decl{
	{Head: "interface System.Collections.IEnumerable", Type: plainEnumerable},
	{Head: "interface System.Collections.IEnumerator", Members: members{
		m("bool MoveNext()", moveNext), m("object Current { get; }", current),
	}},
	{Head: "interface System.Collections.ICollection : System.Collections.IEnumerable", Members: members{m("int Count { get; }", counted)}},
	{Head: "interface System.Collections.IList : System.Collections.ICollection", Type: plainList},
	{Head: "interface System.Collections.IDictionary : System.Collections.ICollection"},
	{Head: "interface System.Collections.Generic.IEnumerator<out T> : System.Collections.IEnumerator, IDisposable", Type: enumeratorType, Members: members{
		m("T Current { get; }", current),
	}},
	{Head: "interface System.Collections.Generic.IEnumerable<out T> : System.Collections.IEnumerable", Type: enumerableType, Members: members{
		g("IEnumerator<T> GetEnumerator()", getEnumerator),
	}},
	{Head: "interface System.Collections.Generic.IReadOnlyCollection<out T> : IEnumerable<T>", Members: members{m("int Count { get; }", counted)}},
	{Head: "interface System.Collections.Generic.IReadOnlyList<out T> : IReadOnlyCollection<T>", Type: iReadOnlyList, Members: members{m("T this[int index] { get; }", itemAt)}},
	{Head: "interface System.Collections.Generic.ICollection<T> : IEnumerable<T>", Members: members{
		m("int Count { get; }", counted),
		m("bool IsReadOnly { get; }", func(_ *Frame, a []Value) (Value, error) {
			switch a[0].ref.(type) {
			case *List, *Dict, *Set, editable:
				return Bool(false), nil
			}
			return Bool(true), nil
		}),
		m("void Add(T item)", addItem), m("void Clear()", clearItems), m("bool Contains(T item)", containsItem), m("bool Remove(T item)", removeItem),
		m("void CopyTo(T[] array, int arrayIndex)", copyTo),
	}},
	{Head: "interface System.Collections.Generic.IList<T> : ICollection<T>", Type: ilistType, Members: members{
		p("T this[int index] { get; set; }", itemAt, setItemAt),
		m("int IndexOf(T item)", indexOfItem), m("void Insert(int index, T item)", insertItem), m("void RemoveAt(int index)", removeAt),
	}},
	{Head: "interface System.Collections.Generic.ISet<T> : ICollection<T>", Members: setMembers("")},
	{Head: "interface System.Collections.Generic.IDictionary<TKey, TValue> : ICollection<KeyValuePair<TKey, TValue>>", Type: dictionaryType, Members: members{
		p("TValue this[TKey key] { get; set; }", dictItem, setDictItem),
		g("ICollection<TKey> Keys { get; }", dictKeys), g("ICollection<TValue> Values { get; }", dictValues),
		m("bool ContainsKey(TKey key)", containsKey), m("void Add(TKey key, TValue value)", addPair), m("bool Remove(TKey key)", removeKey),
		g("bool TryGetValue(TKey key, out TValue value)", tryGetValue),
	}},
	{Head: "interface System.Collections.Generic.IReadOnlyDictionary<TKey, TValue> : IReadOnlyCollection<KeyValuePair<TKey, TValue>>", Type: readOnlyDict, Members: members{
		m("TValue this[TKey key] { get; }", dictItem),
		g("IEnumerable<TKey> Keys { get; }", dictKeys), g("IEnumerable<TValue> Values { get; }", dictValues),
		m("bool ContainsKey(TKey key)", containsKey),
		g("bool TryGetValue(TKey key, out TValue value)", tryGetValue),
	}},
	{Head: "interface System.Collections.Generic.IEqualityComparer<in T>", Members: members{
		m("bool Equals(T x, T y)", comparerEquals), m("int GetHashCode(T obj)", comparerHash),
	}},
	{Head: "interface System.Collections.Generic.IComparer<in T>", Members: members{m("int Compare(T x, T y)", comparerCompare)}},
	{Head: "class System.Collections.Generic.EqualityComparer<T> : IEqualityComparer<T>", Type: comparerType, Members: members{
		g("static EqualityComparer<T> Default { get; }", func(t []*Type) Func {
			v := Value{&Comparer{typ: instance(comparerType, t[0])}, 0}
			return zeroArgs(v, nil)
		}),
		m("bool Equals(T x, T y)", comparerEquals), m("int GetHashCode(T obj)", comparerHash),
	}},
	{Head: "class System.StringComparer : IComparer<string>, IEqualityComparer<string>", Type: stringComparer, Members: members{
		m("static StringComparer Ordinal { get; }", comparer(dotnet.Ordinal)), m("static StringComparer OrdinalIgnoreCase { get; }", comparer(dotnet.OrdinalIgnoreCase)),
		m("static StringComparer InvariantCulture { get; }", comparer(dotnet.InvariantCulture)),
		m("static StringComparer InvariantCultureIgnoreCase { get; }", comparer(dotnet.InvariantCultureIgnoreCase)),
		m("static StringComparer CurrentCulture { get; }", comparer(dotnet.CurrentCulture)),
		m("static StringComparer CurrentCultureIgnoreCase { get; }", comparer(dotnet.CurrentCultureIgnoreCase)),
		m("bool Equals(string x, string y)", comparerEquals), m("int GetHashCode(string obj)", comparerHash), m("int Compare(string x, string y)", comparerCompare),
		m("bool Equals(object x, object y)", comparerEquals), m("int Compare(object x, object y)", comparerCompare),
	}},
	{Head: "struct System.Collections.Generic.KeyValuePair<TKey, TValue>", Type: pairType, Members: members{
		g("KeyValuePair(TKey key, TValue value)", func(t []*Type) Func {
			typ := instance(pairType, t...)
			return func(_ *Frame, a []Value) (Value, error) { return Value{&Pair{typ, a[0], a[1]}, 0}, nil }
		}),
		m("TKey Key { get; }", func(_ *Frame, a []Value) (Value, error) { return a[0].ref.(*Pair).Key, nil }),
		m("TValue Value { get; }", func(_ *Frame, a []Value) (Value, error) { return a[0].ref.(*Pair).Value, nil }),
		m("string ToString()", func(f *Frame, a []Value) (Value, error) {
			k, err := f.text(a[0].ref.(*Pair).Key)
			if err != nil {
				return Null, err
			}
			v, err := f.text(a[0].ref.(*Pair).Value)
			return String("[" + k + ", " + v + "]"), err
		}),
	}},
	{Head: "class System.Collections.Generic.List<T> : IList<T>, IReadOnlyList<T>, System.Collections.IList", Type: listType, Refused: "AsReadOnly", Members: listMembers()},
	{Head: "class System.Collections.Generic.Dictionary<TKey, TValue> : IDictionary<TKey, TValue>, IReadOnlyDictionary<TKey, TValue>, System.Collections.IDictionary", Type: dictType, Members: dictMembers()},
	{Head: "class System.Collections.Generic.HashSet<T> : ISet<T>, IReadOnlyCollection<T>", Type: setType, Members: append(setMembers("HashSet"), members{
		g("IEnumerator<T> GetEnumerator()", getEnumerator),
		m("int Count { get; }", counted), m("void Clear()", clearItems), m("bool Contains(T item)", containsItem), m("bool Remove(T item)", removeItem),
		m("int RemoveWhere(Predicate<T> match)", setRemoveWhere), m("void CopyTo(T[] array)", copyTo),
	}...)},
	{Head: "class System.Collections.Generic.Queue<T> : IReadOnlyCollection<T>, System.Collections.ICollection", Type: queueType, Members: queueMembers(queueType, "Queue", "Enqueue", "Dequeue", false)},
	{Head: "class System.Collections.Generic.Stack<T> : IReadOnlyCollection<T>, System.Collections.ICollection", Type: stackType, Members: queueMembers(stackType, "Stack", "Push", "Pop", true)},
	{Head: "class System.Array : System.Collections.IList", Type: arrayType, Refused: "CreateInstance", Members: arrayMembers()},
}

func moveNext(_ *Frame, a []Value) (Value, error) {
	c := a[0].ref.(*Cursor)
	if c.at < len(c.items) {
		c.at++
	}
	if c.at <= 0 {
		c.at = 0
	}
	return Bool(c.at < len(c.items)), nil
}

func current(_ *Frame, a []Value) (Value, error) {
	c := a[0].ref.(*Cursor)
	if c.at < 0 || c.at >= len(c.items) {
		return Null, dotnet.InvalidOperation("Enumeration has either not started or has already finished.")
	}
	return c.items[c.at], nil
}

func getEnumerator(t []*Type) Func {
	typ := instance(enumeratorType, t[0])
	return func(f *Frame, a []Value) (Value, error) {
		items, err := collect(f, a[0])
		return Value{&Cursor{typ: typ, items: slices.Clone(items), at: -1}, 0}, err
	}
}

func itemAt(_ *Frame, a []Value) (Value, error) {
	i := a[1].n
	switch x := a[0].ref.(type) {
	case *List:
		if uint64(i) >= uint64(len(x.Items)) {
			return Null, indexRange()
		}
		return x.Items[i], nil
	case *Array:
		return arrayGet(nil, a)
	case *Blob:
		return blobGet(nil, a)
	}
	if l, ok := adapted(a[0]).(indexed); ok {
		return l.item(int(i))
	}
	return Null, readOnly()
}

// indexed is a list of another package.
type indexed interface {
	item(i int) (Value, error)
}

func adapted(v Value) collection {
	c, _ := asCollection(v)
	return c
}

func setItemAt(_ *Frame, a []Value) (Value, error) {
	i := a[1].n
	switch x := a[0].ref.(type) {
	case *List:
		if uint64(i) >= uint64(len(x.Items)) {
			return Null, indexRange()
		}
		x.Items[i] = a[2]
		x.version++
		return Null, nil
	case *Array:
		return arraySet(nil, a)
	case *Blob:
		return blobSet(nil, a)
	}
	return Null, readOnly()
}

func addItem(f *Frame, a []Value) (Value, error) {
	switch x := a[0].ref.(type) {
	case *List:
		if err := f.Spend(valueSize); err != nil {
			return Null, err
		}
		x.Items = append(x.Items, a[1])
		x.version++
		return Null, nil
	case *Set:
		_, err := x.add(f, a[1])
		return Null, err
	case *Dict, editable:
		pair := a[1].ref.(*Pair)
		return addPair(f, []Value{a[0], pair.Key, pair.Value})
	case *Array, *Blob:
		return Null, fixedSize()
	}
	return Null, readOnly()
}

func clearItems(_ *Frame, a []Value) (Value, error) {
	switch x := a[0].ref.(type) {
	case *List:
		x.Items = nil
		x.version++
	case *Set:
		x.in.clear()
	case *Dict:
		x.clear()
	case editable:
		x.clear()
	default:
		return Null, readOnly()
	}
	return Null, nil
}

func containsItem(f *Frame, a []Value) (Value, error) {
	if s, ok := a[0].ref.(*Set); ok {
		ok, err := s.has(f, a[1])
		return Bool(ok), err
	}
	i, err := indexIn(f, a[0], a[1])
	return Bool(i >= 0), err
}

// indexIn finds a value among those that can be walked, -1 for none.
func indexIn(f *Frame, v, wanted Value) (int, error) {
	at, i := -1, 0
	err := iterate(f, v, func(x Value) (bool, error) {
		if err := f.step(); err != nil {
			return false, err
		}
		same, err := f.equal(x, wanted)
		if same {
			at = i
		}
		i++
		return !same, err
	})
	return at, err
}

func indexOfItem(f *Frame, a []Value) (Value, error) {
	i, err := indexIn(f, a[0], a[1])
	return Int(i), err
}

func removeItem(f *Frame, a []Value) (Value, error) {
	switch x := a[0].ref.(type) {
	case *Set:
		ok, err := x.remove(f, a[1])
		return Bool(ok), err
	case *List:
		i, err := indexIn(f, a[0], a[1])
		if err != nil || i < 0 {
			return Bool(false), err
		}
		x.Items = slices.Delete(x.Items, i, i+1)
		x.version++
		return Bool(true), nil
	case *Dict, editable:
		return removeKey(f, []Value{a[0], a[1].ref.(*Pair).Key})
	}
	return Null, readOnly()
}

func insertItem(f *Frame, a []Value) (Value, error) {
	x, ok := a[0].ref.(*List)
	if !ok {
		return Null, readOnly()
	}
	if uint64(a[1].n) > uint64(len(x.Items)) {
		return Null, dotnet.OutOfRange("Index must be within the bounds of the List.", "index")
	}
	x.version++
	x.Items = slices.Insert(x.Items, int(a[1].n), a[2])
	return Null, f.Spend(valueSize)
}

func removeAt(_ *Frame, a []Value) (Value, error) {
	x, ok := a[0].ref.(*List)
	if !ok {
		return Null, readOnly()
	}
	if uint64(a[1].n) >= uint64(len(x.Items)) {
		return Null, indexRange()
	}
	x.version++
	x.Items = slices.Delete(x.Items, int(a[1].n), int(a[1].n)+1)
	return Null, nil
}

// copyTo copies into an array, from the beginning or from an index of it.
func copyTo(f *Frame, a []Value) (Value, error) {
	if a[1].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	if from, ok := a[0].ref.(*Blob); ok {
		at := 0
		if len(a) > 2 {
			at = int(a[2].n)
		}
		return Null, copyItems(f, a[0], 0, a[1], at, len(from.B))
	}
	items, err := collect(f, a[0])
	if err != nil {
		return Null, err
	}
	at := 0
	if len(a) > 2 {
		at = int(a[2].n)
	}
	return Null, rewrite(f, a[1], func(to []Value) error {
		if at < 0 || at+len(items) > len(to) {
			return dotnet.Argument("Destination array was not long enough. Check the destination index, length, and the array's lower bounds.", "destinationArray")
		}
		copy(to[at:], items)
		return nil
	})
}

func comparer(kind dotnet.Comparison) Func {
	c := &Comparer{typ: stringComparer, kind: kind}
	c.folds = kind == dotnet.OrdinalIgnoreCase || kind == dotnet.InvariantCultureIgnoreCase || kind == dotnet.CurrentCultureIgnoreCase
	return zeroArgs(Value{c, 0}, nil)
}

func comparerEquals(f *Frame, a []Value) (Value, error) {
	same, err := f.equalBy(comparerOf(a[0]), a[1], a[2])
	return Bool(same), err
}

// equalBy is Equals of a comparer; nil is the default one.
func (f *Frame) equalBy(c *Comparer, v, w Value) (bool, error) {
	if c != nil && c.typ == stringComparer && v.IsString() && w.IsString() {
		return dotnet.Equals(v.Str(), w.Str(), c.kind), nil
	}
	return f.equal(v, w)
}

func comparerHash(f *Frame, a []Value) (Value, error) {
	v := a[1]
	if c := comparerOf(a[0]); c.folds && v.IsString() {
		v = String(dotnet.ToUpperInvariant(v.Str()))
	}
	h, err := f.hash(v)
	return Int(int(h)), err
}

func comparerCompare(f *Frame, a []Value) (Value, error) {
	c, err := f.compareBy(comparerOf(a[0]), a[1], a[2])
	return Int(c), err
}

func (f *Frame) compareBy(c *Comparer, v, w Value) (int, error) {
	if c != nil && c.typ == stringComparer && v.IsString() && w.IsString() {
		return dotnet.Compare(v.Str(), w.Str(), c.kind), nil
	}
	return f.compare(v, w)
}

// Dictionaries.

func dictItem(f *Frame, a []Value) (Value, error) {
	if d, ok := a[0].ref.(*Dict); ok {
		v, found, err := d.Get(f, a[1])
		if err == nil && !found {
			return Null, f.noKey(a[1])
		}
		return v, err
	}
	l, err := asLookup(a[0])
	if err != nil {
		return Null, err
	}
	v, found, err := l.lookup(f, a[1])
	if err == nil && !found {
		if _, soft := l.(forgiving); soft {
			return Null, nil
		}
		return Null, f.noKey(a[1])
	}
	return v, err
}

// forgiving marks context.Variables, where a missing name is null (gateway.md 7).
type forgiving interface{ forgives() }

func (f *Frame) noKey(k Value) error {
	s, err := f.text(k)
	if err != nil {
		return err
	}
	return dotnet.KeyNotFound(s)
}

// editable is a dictionary of another package that can be changed.
type editable interface {
	lookup
	put(f *Frame, k, v Value, fresh bool) error // fresh: the key must not be there
	remove(f *Frame, k Value) (bool, error)
	clear()
}

func setDictItem(f *Frame, a []Value) (Value, error) {
	if e, ok := a[0].ref.(editable); ok {
		return Null, e.put(f, a[1], a[2], false)
	}
	d, ok := a[0].ref.(*Dict)
	if !ok {
		return Null, readOnly()
	}
	_, err := d.Put(f, a[1], a[2])
	return Null, err
}

func addPair(f *Frame, a []Value) (Value, error) {
	if e, ok := a[0].ref.(editable); ok {
		return Null, e.put(f, a[1], a[2], true)
	}
	d, ok := a[0].ref.(*Dict)
	if !ok {
		return Null, readOnly()
	}
	i, _, err := d.find(f, a[1])
	if err != nil {
		return Null, err
	}
	if i >= 0 {
		s, err := f.text(a[1])
		if err != nil {
			return Null, err
		}
		return Null, dotnet.DuplicateKey(s)
	}
	_, err = d.Put(f, a[1], a[2])
	return Null, err
}

func removeKey(f *Frame, a []Value) (Value, error) {
	if e, ok := a[0].ref.(editable); ok {
		had, err := e.remove(f, a[1])
		return Bool(had), err
	}
	d, ok := a[0].ref.(*Dict)
	if !ok {
		return Null, readOnly()
	}
	_, found, err := d.remove(f, a[1])
	return Bool(found), err
}

func containsKey(f *Frame, a []Value) (Value, error) {
	l, err := asLookup(a[0])
	if err != nil {
		return Null, err
	}
	if a[1].ref == nil {
		return Null, dotnet.ArgumentNull("key")
	}
	_, found, err := l.lookup(f, a[1])
	return Bool(found), err
}

func tryGetValue(t []*Type) Func {
	zero := t[1].defaultValue()
	return func(f *Frame, a []Value) (Value, error) {
		l, err := asLookup(a[0])
		if err != nil {
			return Null, err
		}
		if a[1].ref == nil {
			return Null, dotnet.ArgumentNull("key")
		}
		v, found, err := l.lookup(f, a[1])
		if !found {
			v = zero
		}
		a[2] = v
		return Bool(found), err
	}
}

func dictKeys(t []*Type) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		l, err := asLookup(a[0])
		if err != nil {
			return Null, err
		}
		return newListOf(t[0], l.keys()), nil
	}
}

func dictValues(t []*Type) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		l, err := asLookup(a[0])
		if err != nil {
			return Null, err
		}
		return newListOf(t[1], l.values()), nil
	}
}

func dictMembers() members {
	made := func(fill func(f *Frame, d *Dict, a []Value) error) Generic {
		return func(t []*Type) Func {
			typ := instance(dictType, t...)
			return func(f *Frame, a []Value) (Value, error) {
				d := newDict(typ)
				for _, v := range a {
					if c := comparerOf(v); c != nil {
						d.comparer = c
					}
				}
				if fill != nil {
					if err := fill(f, d, a); err != nil {
						return Null, err
					}
				}
				return Value{d, 0}, nil
			}
		}
	}
	from := func(f *Frame, d *Dict, a []Value) error {
		if a[0].ref == nil {
			return dotnet.ArgumentNull("dictionary")
		}
		return iterate(f, a[0], func(v Value) (bool, error) {
			pair := v.ref.(*Pair)
			_, err := addPair(f, []Value{{d, 0}, pair.Key, pair.Value})
			return true, err
		})
	}
	return members{
		g("Dictionary()", made(nil)), g("Dictionary(int capacity)", made(nil)),
		g("Dictionary(IEqualityComparer<TKey> comparer)", made(nil)), g("Dictionary(int capacity, IEqualityComparer<TKey> comparer)", made(nil)),
		g("Dictionary(IDictionary<TKey, TValue> dictionary)", made(from)),
		g("Dictionary(IDictionary<TKey, TValue> dictionary, IEqualityComparer<TKey> comparer)", made(from)),
		g("Dictionary(IEnumerable<KeyValuePair<TKey, TValue>> collection)", made(from)),
		p("TValue this[TKey key] { get; set; }", dictItem, setDictItem),
		m("int Count { get; }", counted),
		g("ICollection<TKey> Keys { get; }", dictKeys), g("ICollection<TValue> Values { get; }", dictValues),
		m("void Add(TKey key, TValue value)", addPair), m("void Clear()", clearItems), m("bool ContainsKey(TKey key)", containsKey),
		m("bool ContainsValue(TValue value)", func(f *Frame, a []Value) (Value, error) {
			for _, v := range a[0].ref.(*Dict).All {
				if same, err := f.equal(v, a[1]); err != nil || same {
					return Bool(same), err
				}
			}
			return Bool(false), nil
		}),
		m("bool Remove(TKey key)", removeKey), g("bool Remove(TKey key, out TValue value)", removeOut), m("int EnsureCapacity(int capacity)", counted), m("void TrimExcess()", nothingDone),
		m("bool TryAdd(TKey key, TValue value)", func(f *Frame, a []Value) (Value, error) {
			d := a[0].ref.(*Dict)
			i, _, err := d.find(f, a[1])
			if err != nil || i >= 0 {
				return Bool(false), err
			}
			_, err = d.Put(f, a[1], a[2])
			return Bool(true), err
		}),
		g("bool TryGetValue(TKey key, out TValue value)", tryGetValue),
		g("IEnumerator<KeyValuePair<TKey, TValue>> GetEnumerator()", func(t []*Type) Func { return getEnumerator([]*Type{instance(pairType, t...)}) }),
	}
}

// Sets.

func setMembers(constructor string) members {
	list := members{
		m("bool Add(T item)", func(f *Frame, a []Value) (Value, error) {
			ok, err := a[0].ref.(*Set).add(f, a[1])
			return Bool(ok), err
		}),
		m("void UnionWith(IEnumerable<T> other)", func(f *Frame, a []Value) (Value, error) {
			s := a[0].ref.(*Set)
			items, err := collect(f, a[1])
			for _, v := range items {
				if _, err := s.add(f, v); err != nil {
					return Null, err
				}
			}
			return Null, err
		}),
		m("void SymmetricExceptWith(IEnumerable<T> other)", symmetricExcept),
		m("void IntersectWith(IEnumerable<T> other)", setKeep(true)), m("void ExceptWith(IEnumerable<T> other)", setKeep(false)),
		m("bool Overlaps(IEnumerable<T> other)", func(f *Frame, a []Value) (Value, error) {
			s, found := a[0].ref.(*Set), false
			err := iterate(f, a[1], func(v Value) (bool, error) {
				ok, err := s.has(f, v)
				found = found || ok
				return !found, err
			})
			return Bool(found), err
		}),
		m("bool SetEquals(IEnumerable<T> other)", setRelation(func(left, right, both int) bool { return left == both && right == both })),
		m("bool IsSubsetOf(IEnumerable<T> other)", setRelation(func(left, _, both int) bool { return left == both })),
		m("bool IsSupersetOf(IEnumerable<T> other)", setRelation(func(_, right, both int) bool { return right == both })),
		m("bool IsProperSubsetOf(IEnumerable<T> other)", setRelation(func(left, right, both int) bool { return left == both && right > both })),
		m("bool IsProperSupersetOf(IEnumerable<T> other)", setRelation(func(left, right, both int) bool { return right == both && left > both })),
	}
	if constructor == "" {
		return list
	}
	made := func(t []*Type) Func {
		typ := instance(setType, t[0])
		return func(f *Frame, a []Value) (Value, error) {
			s := newSet(typ)
			for i, v := range a {
				if c := comparerOf(v); c != nil {
					s.in.comparer = c
				} else if i == 0 && v.ref == nil {
					return Null, dotnet.ArgumentNull("collection")
				}
			}
			if len(a) > 0 && comparerOf(a[0]) == nil && a[0].ref != intType {
				err := iterate(f, a[0], func(v Value) (bool, error) {
					_, err := s.add(f, v)
					return true, err
				})
				if err != nil {
					return Null, err
				}
			}
			return Value{s, 0}, nil
		}
	}
	return append(list, g("HashSet()", made), g("HashSet(IEqualityComparer<T> comparer)", made), g("HashSet(IEnumerable<T> collection)", made),
		g("HashSet(IEnumerable<T> collection, IEqualityComparer<T> comparer)", made), g("HashSet(int capacity)", made))
}

func setKeep(common bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s := a[0].ref.(*Set)
		other := newSet(s.typ)
		other.in.comparer = s.in.comparer
		items, err := collect(f, a[1])
		if err != nil {
			return Null, err
		}
		for _, v := range items {
			if _, err := other.add(f, v); err != nil {
				return Null, err
			}
		}
		for _, v := range s.in.values() {
			has, err := other.has(f, v)
			if err == nil && has != common {
				_, err = s.remove(f, v)
			}
			if err != nil {
				return Null, err
			}
		}
		return Null, nil
	}
}

func setRelation(holds func(left, right, both int) bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s := a[0].ref.(*Set)
		other := newSet(s.typ)
		other.in.comparer = s.in.comparer
		both := 0
		err := iterate(f, a[1], func(v Value) (bool, error) {
			added, err := other.add(f, v)
			if err != nil || !added {
				return true, err
			}
			has, err := s.has(f, v)
			if has {
				both++
			}
			return true, err
		})
		return Bool(holds(s.length(), other.length(), both)), err
	}
}

func setRemoveWhere(f *Frame, a []Value) (Value, error) {
	s, n := a[0].ref.(*Set), 0
	for _, v := range s.in.values() {
		drop, err := f.Call(a[1], v)
		if err == nil && drop.n != 0 {
			n++
			_, err = s.remove(f, v)
		}
		if err != nil {
			return Null, err
		}
	}
	return Int(n), nil
}

// queueMembers are those of Queue and Stack, which are lists with one end or two.
func queueMembers(typ *Type, name, put, take string, stack bool) members {
	made := func(t []*Type) Func {
		return func(f *Frame, a []Value) (Value, error) {
			l := &List{typ: instance(typ, t[0])}
			if len(a) > 0 && a[0].ref != intType {
				items, err := collect(f, a[0])
				if err != nil {
					return Null, err
				}
				l.Items = slices.Clone(items)
				if stack {
					slices.Reverse(l.Items)
				}
			}
			return Value{l, 0}, nil
		}
	}
	first := func(l *List) (Value, error) {
		if len(l.Items) == 0 {
			return Null, dotnet.InvalidOperation(name + " empty.")
		}
		return l.Items[0], nil
	}
	takeFirst := func(_ *Frame, a []Value) (Value, error) {
		l := a[0].ref.(*List)
		v, err := first(l)
		if err == nil {
			l.Items = l.Items[1:]
			l.version++
		}
		return v, err
	}
	peek := func(_ *Frame, a []Value) (Value, error) { return first(a[0].ref.(*List)) }
	return members{
		m("T "+take+"()", takeFirst), m("T Peek()", peek), g("bool Try"+take+"(out T result)", orNothing(takeFirst)), g("bool TryPeek(out T result)", orNothing(peek)),
		m("void CopyTo(T[] array, int arrayIndex)", copyTo), m("void TrimExcess()", nothingDone),
		g(name+"()", made), g(name+"(int capacity)", made), g(name+"(IEnumerable<T> collection)", made),
		m("int Count { get; }", counted), m("void Clear()", clearItems), m("bool Contains(T item)", containsItem),
		m("void "+put+"(T item)", func(f *Frame, a []Value) (Value, error) {
			l := a[0].ref.(*List)
			l.version++
			if stack {
				l.Items = slices.Insert(l.Items, 0, a[1])
				return Null, f.Step(len(l.Items) / 64)
			}
			l.Items = append(l.Items, a[1])
			return Null, f.Spend(valueSize)
		}),
		g("T[] ToArray()", func(t []*Type) Func {
			return func(_ *Frame, a []Value) (Value, error) {
				return arrayFrom(t[0], slices.Clone(a[0].ref.(*List).Items)), nil
			}
		}),
		g("IEnumerator<T> GetEnumerator()", getEnumerator),
	}
}

// sorted sorts values by a comparison that may fail; the order of equal ones is kept.
func (f *Frame) sorted(items []Value, less func(v, w Value) (int, error)) error {
	var failure error
	sort.SliceStable(items, func(i, j int) bool {
		if failure != nil {
			return false
		}
		if failure = f.step(); failure != nil {
			return false
		}
		c, err := less(items[i], items[j])
		failure = err
		return c < 0
	})
	return failure
}
