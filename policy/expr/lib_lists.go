package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// The members of List<T> and of System.Array.

func theList(a []Value) *List { return a[0].ref.(*List) }

// newList makes the constructors of List.
func newList(t []*Type) Func {
	typ := instance(listType, t[0])
	return func(f *Frame, a []Value) (Value, error) {
		l := &List{typ: typ}
		switch {
		case len(a) == 0:
		case a[0].ref == intType && a[0].n < 0:
			return Null, dotnet.OutOfRange("Non-negative number required.", "capacity")
		case a[0].ref == intType:
		case a[0].ref == nil:
			return Null, dotnet.ArgumentNull("collection")
		default:
			items, err := collect(f, a[0])
			l.Items = slices.Clone(items)
			return Value{l, 0}, err
		}
		return Value{l, 0}, nil
	}
}

func addRange(f *Frame, a []Value) (Value, error) {
	return Null, insertAll(f, theList(a), len(theList(a).Items), a[1])
}

func insertRange(f *Frame, a []Value) (Value, error) {
	return Null, insertAll(f, theList(a), int(a[1].n), a[2])
}

func insertAll(f *Frame, l *List, at int, from Value) error {
	if from.ref == nil {
		return dotnet.ArgumentNull("collection")
	}
	items, err := collect(f, from)
	if err != nil {
		return err
	}
	if uint(at) > uint(len(l.Items)) {
		return indexRange()
	}
	if err := f.Spend(len(items) * valueSize); err != nil {
		return err
	}
	l.version++
	l.Items = slices.Insert(l.Items, at, slices.Clone(items)...)
	return nil
}

func getRange(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		items, i, n := theList(a).Items, int(a[1].n), int(a[2].n)
		if err := rangeIn(i, n, len(items)); err != nil {
			return Null, err
		}
		return newListOf(t[0], slices.Clone(items[i:i+n])), f.Spend(n * valueSize)
	}
}

func removeRange(_ *Frame, a []Value) (Value, error) {
	l, i, n := theList(a), int(a[1].n), int(a[2].n)
	if err := rangeIn(i, n, len(l.Items)); err != nil {
		return Null, err
	}
	l.version++
	l.Items = slices.Delete(l.Items, i, i+n)
	return Null, nil
}

func removeAll(f *Frame, a []Value) (Value, error) {
	l := theList(a)
	kept := make([]Value, 0, len(l.Items))
	for _, v := range l.Items {
		drop, err := f.test(a[1], v)
		if err != nil {
			return Null, err
		}
		if !drop {
			kept = append(kept, v)
		}
	}
	n := len(l.Items) - len(kept)
	l.Items = kept
	l.version++
	return Int(n), nil
}

func listToArray(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		items := theList(a).Items
		return arrayFrom(t[0], slices.Clone(items)), f.Spend(len(items) * valueSize)
	}
}

// setCapacity has nothing to do but to refuse: lists grow by themselves.
func setCapacity(_ *Frame, a []Value) (Value, error) {
	if a[1].n < int64(len(theList(a).Items)) {
		return Null, dotnet.OutOfRange("capacity was less than the current size.", "value")
	}
	return Null, nil
}

func listMembers() members {
	asList := func(elem *Type, items []Value) Value { return newListOf(elem, items) }
	list := members{
		g("List()", newList), g("List(int capacity)", newList), g("List(IEnumerable<T> collection)", newList),
		p("T this[int index] { get; set; }", itemAt, setItemAt), p("int Capacity { get; set; }", counted, setCapacity),
		m("int Count { get; }", counted), m("void Add(T item)", addItem), m("void Clear()", clearItems), m("bool Contains(T item)", containsItem),
		m("bool Remove(T item)", removeItem), m("void Insert(int index, T item)", insertItem), m("void RemoveAt(int index)", removeAt),
		m("void CopyTo(T[] array)", copyTo), m("void CopyTo(T[] array, int arrayIndex)", copyTo),
		m("void CopyTo(int index, T[] array, int arrayIndex, int count)", func(f *Frame, a []Value) (Value, error) {
			return Null, copyItems(f, a[0], int(a[1].n), a[2], int(a[3].n), int(a[4].n))
		}),
		m("void AddRange(IEnumerable<T> collection)", addRange), m("void InsertRange(int index, IEnumerable<T> collection)", insertRange),
		g("List<T> GetRange(int index, int count)", getRange), g("List<T> Slice(int start, int length)", getRange), m("void RemoveRange(int index, int count)", removeRange),
		m("int RemoveAll(Predicate<T> match)", removeAll), g("T[] ToArray()", listToArray),
		m("bool Exists(Predicate<T> match)", existsIn), m("bool TrueForAll(Predicate<T> match)", allIn), g("T Find(Predicate<T> match)", found(false)),
		g("T FindLast(Predicate<T> match)", found(true)), g("List<T> FindAll(Predicate<T> match)", filtered(asList)), m("void ForEach(Action<T> action)", forEach),
		g("List<TOutput> ConvertAll<TOutput>(Converter<T, TOutput> converter)", convertedAll(asList, 1)),
		m("void Sort()", sortBy), m("void Sort(Comparison<T> comparison)", sortBy), m("void Sort(IComparer<T> comparer)", sortBy), m("void Reverse()", reverseAll),
		m("void Sort(int index, int count, IComparer<T> comparer)", sortPart), m("void Reverse(int index, int count)", reversePart),
		m("int BinarySearch(T item)", binarySearch), m("int BinarySearch(T item, IComparer<T> comparer)", binarySearch),
		m("int EnsureCapacity(int capacity)", counted), m("void TrimExcess()", nothingDone),
		g("IEnumerator<T> GetEnumerator()", getEnumerator),
	}
	for _, part := range []string{"", "int startIndex, ", "int startIndex, int count, "} {
		list = append(list, m("int FindIndex("+part+"Predicate<T> match)", findIndex), m("int FindLastIndex("+part+"Predicate<T> match)", findLastIndex))
	}
	for _, part := range []string{"", ", int index", ", int index, int count"} {
		list = append(list, m("int IndexOf(T item"+part+")", indexWithin), m("int LastIndexOf(T item"+part+")", lastIndexIn))
	}
	return list
}

func longCount(f *Frame, a []Value) (Value, error) {
	v, err := counted(f, a)
	return Long(v.n), err
}

func upperBound(f *Frame, a []Value) (Value, error) {
	v, err := counted(f, a)
	return Int(int(v.n) - 1), err
}

// setValue is SetValue(value, index) of an array of a type that is known at run time.
func setValue(f *Frame, a []Value) (Value, error) {
	bad := throw(dotnet.InvalidCastException, "Object cannot be stored in an array of this type.")
	if b, ok := a[0].ref.(*Blob); ok {
		if a[1].ref != byteType {
			return Null, bad
		}
		return blobSet(f, []Value{{b, 0}, a[2], a[1]})
	}
	if x := a[0].ref.(*Array); a[1].ref != nil && !isInstance(a[1], x.Elem) {
		return Null, bad
	}
	return arraySet(f, []Value{a[0], a[2], a[1]})
}

func cloneArray(f *Frame, a []Value) (Value, error) {
	if b, ok := a[0].ref.(*Blob); ok {
		return Bytes(slices.Clone(b.B)), f.Spend(len(b.B))
	}
	x := a[0].ref.(*Array)
	return Value{&Array{x.Elem, slices.Clone(x.Items)}, 0}, f.Spend(len(x.Items) * valueSize)
}

func lengthOf(v Value) int {
	c, ok := v.ref.(collection)
	if !ok {
		return 0
	}
	return c.length()
}

// clearArray is Clear of all or of a part.
func clearArray(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	from, to := 0, lengthOf(a[0])
	if len(a) > 1 {
		from, to = int(a[1].n), int(a[1].n)+int(a[2].n)
		if from < 0 || to < from || to > lengthOf(a[0]) {
			return Null, throw(dotnet.IndexOutOfRangeException, "Index was outside the bounds of the array.")
		}
	}
	return fillPart(f, a[0], from, to, typeOf(a[0]).elem.defaultValue())
}

func fillPart(f *Frame, array Value, from, to int, with Value) (Value, error) {
	if b, ok := array.ref.(*Blob); ok {
		for i := from; i < to; i++ {
			b.B[i] = byte(with.n)
		}
		return Null, nil
	}
	if err := f.Step((to - from) / 16); err != nil {
		return Null, err
	}
	items, _ := elements(array)
	for i := from; i < to; i++ {
		items[i] = with
	}
	return Null, nil
}

// fillArray is Fill(array, value) and Fill(array, value, startIndex, count).
func fillArray(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	from, to, err := within(a[2:], lengthOf(a[0]), false)
	if err != nil {
		return Null, err
	}
	return fillPart(f, a[0], from, to, a[1])
}

func resize(t []*Type) Func {
	return func(f *Frame, a []Value) (Value, error) {
		n := int(a[1].n)
		if n < 0 {
			return Null, dotnet.OutOfRange("Non-negative number required.", "newSize")
		}
		if err := f.Spend(n * valueSize); err != nil {
			return Null, err
		}
		items, err := arrayArg(f, a[0])
		if err != nil && a[0].ref != nil {
			return Null, err
		}
		list := make([]Value, n)
		for i := copy(list, items); i < n; i++ {
			list[i] = t[0].defaultValue()
		}
		a[0] = arrayFrom(t[0], list)
		return Null, nil
	}
}

// sortPairs is Sort(keys, items): the items go where their keys go.
func sortPairs(f *Frame, a []Value) (Value, error) {
	keys, err := arrayArg(f, a[0])
	if err != nil {
		return Null, err
	}
	items, err := arrayArg(f, a[1])
	if err != nil {
		return Null, err
	}
	if len(items) < len(keys) {
		return Null, dotnet.Argument("Keys and items arrays must be of the same length.", "items")
	}
	by := comparerOf(a[len(a)-1])
	order := make([]Value, len(keys))
	for i := range order {
		order[i] = Int(i)
	}
	before := [2][]Value{slices.Clone(keys), slices.Clone(items)}
	if err := f.sorted(order, func(v, w Value) (int, error) { return f.compareBy(by, before[0][v.n], before[0][w.n]) }); err != nil {
		return Null, err
	}
	for i, list := range before {
		err := rewrite(f, a[i], func(place []Value) error {
			for to, from := range order {
				place[to] = list[from.n]
			}
			return nil
		})
		if err != nil {
			return Null, err
		}
	}
	return Null, nil
}

func arrayMembers() members { return slices.Concat(arrayObject(), arrayFinds(), arrayChanges()) }

// arrayObject is what an array has itself.
func arrayObject() members {
	return members{
		m("int Length { get; }", counted), m("int Rank { get; }", zeroArgs(Int(1), nil)), m("long LongLength { get; }", longCount), m("bool IsFixedSize { get; }", zeroArgs(Bool(true), nil)),
		m("bool IsReadOnly { get; }", zeroArgs(Bool(false), nil)), m("bool IsSynchronized { get; }", zeroArgs(Bool(false), nil)),
		m("int GetLength(int dimension)", counted), m("long GetLongLength(int dimension)", longCount), m("int GetUpperBound(int dimension)", upperBound), m("int GetLowerBound(int dimension)", zeroArgs(Int(0), nil)),
		m("object GetValue(int index)", itemAt), m("void SetValue(object value, int index)", setValue), m("object Clone()", cloneArray), m("void CopyTo(Array array, int index)", copyTo),
		m("void Initialize()", nothingDone), g("System.Collections.IEnumerator GetEnumerator()", func([]*Type) Func { return getEnumerator([]*Type{objectType}) }),
	}
}

func arrayFinds() members {
	list := members{
		m("static bool Exists<T>(T[] array, Predicate<T> match)", existsIn), m("static bool TrueForAll<T>(T[] array, Predicate<T> match)", allIn),
		g("static T Find<T>(T[] array, Predicate<T> match)", found(false)), g("static T FindLast<T>(T[] array, Predicate<T> match)", found(true)),
		g("static T[] FindAll<T>(T[] array, Predicate<T> match)", filtered(arrayFrom)), m("static void ForEach<T>(T[] array, Action<T> action)", forEach),
		g("static TOutput[] ConvertAll<TInput, TOutput>(TInput[] array, Converter<TInput, TOutput> converter)", convertedAll(arrayFrom, 1)),
		m("static int BinarySearch<T>(T[] array, T value)", binarySearch), m("static int BinarySearch<T>(T[] array, T value, IComparer<T> comparer)", binarySearch), m("static int BinarySearch(Array array, object value)", binarySearch),
	}
	for _, part := range []string{"", "int startIndex, ", "int startIndex, int count, "} {
		list = append(list, m("static int FindIndex<T>(T[] array, "+part+"Predicate<T> match)", findIndex), m("static int FindLastIndex<T>(T[] array, "+part+"Predicate<T> match)", findLastIndex))
	}
	for _, part := range []string{"", ", int startIndex", ", int startIndex, int count"} {
		for name, fn := range map[string]Func{"IndexOf": indexWithin, "LastIndexOf": lastIndexIn} {
			list = append(list, m("static int "+name+"<T>(T[] array, T value"+part+")", fn), m("static int "+name+"(Array array, object value"+part+")", fn))
		}
	}
	return list
}

func arrayChanges() members {
	copies := func(f *Frame, a []Value) (Value, error) {
		return Null, copyItems(f, a[0], int(a[1].n), a[2], int(a[3].n), int(a[4].n))
	}
	return members{
		g("static T[] Empty<T>()", func(t []*Type) Func {
			return func(*Frame, []Value) (Value, error) { return arrayFrom(t[0], nil), nil }
		}),
		m("static void Reverse(Array array)", reverseAll), m("static void Reverse<T>(T[] array)", reverseAll), m("static void Reverse(Array array, int index, int length)", reversePart), m("static void Reverse<T>(T[] array, int index, int length)", reversePart),
		m("static void Sort(Array array)", sortBy), m("static void Sort<T>(T[] array)", sortBy), m("static void Sort<T>(T[] array, Comparison<T> comparison)", sortBy), m("static void Sort<T>(T[] array, IComparer<T> comparer)", sortBy),
		m("static void Sort<T>(T[] array, int index, int length)", sortPart), m("static void Sort<T>(T[] array, int index, int length, IComparer<T> comparer)", sortPart),
		m("static void Sort<TKey, TValue>(TKey[] keys, TValue[] items)", sortPairs), m("static void Sort<TKey, TValue>(TKey[] keys, TValue[] items, IComparer<TKey> comparer)", sortPairs),
		m("static void Copy(Array sourceArray, Array destinationArray, int length)", func(f *Frame, a []Value) (Value, error) {
			return Null, copyItems(f, a[0], 0, a[1], 0, int(a[2].n))
		}),
		m("static void Copy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)", copies),
		m("static void ConstrainedCopy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)", copies),
		m("static void Clear(Array array)", clearArray), m("static void Clear(Array array, int index, int length)", clearArray),
		m("static void Fill<T>(T[] array, T value)", fillArray), m("static void Fill<T>(T[] array, T value, int startIndex, int count)", fillArray),
		g("static void Resize<T>(ref T[] array, int newSize)", resize),
	}
}
