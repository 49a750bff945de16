package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// test calls a predicate.
func (f *Frame) test(fn, v Value) (bool, error) {
	r, err := f.Call(fn, v)
	return r.n != 0, err
}

// searching finds the first or last element that a predicate takes, -1 for none.
func searching(f *Frame, items []Value, fn Value, last bool) (int, error) {
	if fn.ref == nil {
		return -1, dotnet.ArgumentNull("match")
	}
	for n := range items {
		i := n
		if last {
			i = len(items) - 1 - n
		}
		if ok, err := f.test(fn, items[i]); err != nil || ok {
			return i, err
		}
	}
	return -1, nil
}

// arrayArg returns the elements of the array or list that a member is about.
func arrayArg(v Value) ([]Value, error) {
	items, ok := elements(v)
	if !ok {
		return nil, dotnet.ArgumentNull("array")
	}
	return items, nil
}

// onArray makes the code of a member that looks at the elements and a second argument.
func onArray(use func(f *Frame, items []Value, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		items, err := arrayArg(a[0])
		if err != nil {
			return Null, err
		}
		return use(f, items, a)
	}
}

// The members that Array has as static methods and List as instance methods are the same code: both get the collection first.
var (
	existsIn = onArray(func(f *Frame, items, a []Value) (Value, error) {
		i, err := searching(f, items, a[1], false)
		return Bool(i >= 0), err
	})
	allIn = onArray(func(f *Frame, items, a []Value) (Value, error) {
		for _, v := range items {
			if ok, err := f.test(a[1], v); err != nil || !ok {
				return Bool(false), err
			}
		}
		return Bool(true), nil
	})
	findIndex = onArray(func(f *Frame, items, a []Value) (Value, error) {
		i, err := searching(f, items, a[1], false)
		return Int(i), err
	})
	findLastIndex = onArray(func(f *Frame, items, a []Value) (Value, error) {
		i, err := searching(f, items, a[1], true)
		return Int(i), err
	})
	forEach = onArray(func(f *Frame, items, a []Value) (Value, error) {
		for _, v := range items {
			if _, err := f.Call(a[1], v); err != nil {
				return Null, err
			}
		}
		return Null, nil
	})
	lastIndexIn = onArray(func(f *Frame, items, a []Value) (Value, error) {
		for i := len(items) - 1; i >= 0; i-- {
			if same, err := f.equal(items[i], a[1]); err != nil || same {
				return Int(i), err
			}
		}
		return Int(-1), nil
	})
)

func found(last bool) Generic {
	return func(t []*Type) Func {
		zero := t[0].defaultValue()
		return onArray(func(f *Frame, items, a []Value) (Value, error) {
			i, err := searching(f, items, a[1], last)
			if err != nil || i < 0 {
				return zero, err
			}
			return items[i], nil
		})
	}
}

func filtered(make func(elem *Type, items []Value) Value) Generic {
	return func(t []*Type) Func {
		return onArray(func(f *Frame, items, a []Value) (Value, error) {
			var list []Value
			for _, v := range items {
				ok, err := f.test(a[1], v)
				if err != nil {
					return Null, err
				}
				if ok {
					list = append(list, v)
				}
			}
			return make(t[0], list), f.Spend(valueSize * len(list))
		})
	}
}

func convertedAll(make func(elem *Type, items []Value) Value, at int) Generic {
	return func(t []*Type) Func {
		return onArray(func(f *Frame, items, a []Value) (Value, error) {
			list := slices.Clone(items)
			for i, v := range items {
				w, err := f.Call(a[1], v)
				if err != nil {
					return Null, err
				}
				list[i] = w
			}
			return make(t[at], list), f.Spend(valueSize * len(list))
		})
	}
}

// sortBy sorts an array or list: by its own order, a comparer, or a lambda.
func sortBy(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	less := f.compare
	if len(a) > 1 && a[1].ref != nil {
		if c := comparerOf(a[1]); c != nil {
			less = func(v, w Value) (int, error) { return f.compareBy(c, v, w) }
		} else {
			fn := a[1]
			less = func(v, w Value) (int, error) {
				r, err := f.Call(fn, v, w)
				return int(r.n), err
			}
		}
	}
	if l, ok := a[0].ref.(*List); ok {
		l.version++
	}
	return Null, rewrite(a[0], func(items []Value) error { return f.sorted(items, less) })
}

func reverseAll(_ *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	if l, ok := a[0].ref.(*List); ok {
		l.version++
	}
	return Null, rewrite(a[0], func(items []Value) error { slices.Reverse(items); return nil })
}

func listMembers() members {
	made := func(t []*Type) Func {
		typ := instance(listType, t[0])
		return func(f *Frame, a []Value) (Value, error) {
			l := &List{typ: typ}
			if len(a) == 0 {
				return Value{l, 0}, nil
			}
			if a[0].ref == intType {
				if a[0].n < 0 {
					return Null, dotnet.OutOfRange("Non-negative number required.", "capacity")
				}
				return Value{l, 0}, nil
			}
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("collection")
			}
			items, err := collect(f, a[0])
			l.Items = slices.Clone(items)
			return Value{l, 0}, err
		}
	}
	asList := func(elem *Type, items []Value) Value { return newListOf(elem, items) }
	self := func(a []Value) *List { return a[0].ref.(*List) }
	return members{
		g("List()", made), g("List(int capacity)", made), g("List(IEnumerable<T> collection)", made),
		p("T this[int index] { get; set; }", itemAt, setItemAt),
		m("int Count { get; }", counted), m("void Add(T item)", addItem), m("void Clear()", clearItems), m("bool Contains(T item)", containsItem),
		m("bool Remove(T item)", removeItem), m("void Insert(int index, T item)", insertItem), m("void RemoveAt(int index)", removeAt),
		m("int IndexOf(T item)", indexOfItem), m("int LastIndexOf(T item)", lastIndexIn), m("void CopyTo(T[] array)", copyTo), m("void CopyTo(T[] array, int arrayIndex)", copyTo),
		m("void AddRange(IEnumerable<T> collection)", func(f *Frame, a []Value) (Value, error) {
			if a[1].ref == nil {
				return Null, dotnet.ArgumentNull("collection")
			}
			items, err := collect(f, a[1])
			l := self(a)
			l.Items = append(l.Items, items...)
			l.version++
			return Null, err
		}),
		m("void InsertRange(int index, IEnumerable<T> collection)", func(f *Frame, a []Value) (Value, error) {
			l := self(a)
			items, err := collect(f, a[2])
			if err != nil {
				return Null, err
			}
			if uint64(a[1].n) > uint64(len(l.Items)) {
				return Null, indexRange()
			}
			l.version++
			l.Items = slices.Insert(l.Items, int(a[1].n), slices.Clone(items)...)
			return Null, nil
		}),
		g("List<T> GetRange(int index, int count)", func(t []*Type) Func {
			return func(f *Frame, a []Value) (Value, error) {
				items, i, n := self(a).Items, int(a[1].n), int(a[2].n)
				if err := rangeIn(i, n, len(items)); err != nil {
					return Null, err
				}
				return newListOf(t[0], slices.Clone(items[i:i+n])), nil
			}
		}),
		m("void RemoveRange(int index, int count)", func(_ *Frame, a []Value) (Value, error) {
			l, i, n := self(a), int(a[1].n), int(a[2].n)
			if err := rangeIn(i, n, len(l.Items)); err != nil {
				return Null, err
			}
			l.version++
			l.Items = slices.Delete(l.Items, i, i+n)
			return Null, nil
		}),
		m("int RemoveAll(Predicate<T> match)", func(f *Frame, a []Value) (Value, error) {
			l := self(a)
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
		}),
		m("bool Exists(Predicate<T> match)", existsIn), m("bool TrueForAll(Predicate<T> match)", allIn), g("T Find(Predicate<T> match)", found(false)),
		g("T FindLast(Predicate<T> match)", found(true)), m("int FindIndex(Predicate<T> match)", findIndex), m("int FindLastIndex(Predicate<T> match)", findLastIndex),
		g("List<T> FindAll(Predicate<T> match)", filtered(asList)), m("void ForEach(Action<T> action)", forEach),
		g("List<TOutput> ConvertAll<TOutput>(Converter<T, TOutput> converter)", convertedAll(asList, 1)),
		m("void Sort()", sortBy), m("void Sort(Comparison<T> comparison)", sortBy), m("void Sort(IComparer<T> comparer)", sortBy), m("void Reverse()", reverseAll),
		g("T[] ToArray()", func(t []*Type) Func {
			return func(_ *Frame, a []Value) (Value, error) { return arrayFrom(t[0], slices.Clone(self(a).Items)), nil }
		}),
		m("int Capacity { get; }", counted),
		g("IEnumerator<T> GetEnumerator()", getEnumerator),
	}
}

func rangeIn(i, n, length int) error {
	switch {
	case i < 0:
		return dotnet.OutOfRange("Non-negative number required.", "index")
	case n < 0:
		return dotnet.OutOfRange("Non-negative number required.", "count")
	case i+n > length:
		return dotnet.Argument("Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.", "")
	}
	return nil
}

func arrayMembers() members {
	return members{
		m("int Length { get; }", counted), m("int Rank { get; }", zeroArgs(Int(1), nil)),
		m("long LongLength { get; }", func(f *Frame, a []Value) (Value, error) {
			v, err := counted(f, a)
			return Long(v.n), err
		}),
		m("int GetLength(int dimension)", counted), m("int GetUpperBound(int dimension)", func(f *Frame, a []Value) (Value, error) {
			v, err := counted(f, a)
			return Int(int(v.n) - 1), err
		}), m("int GetLowerBound(int dimension)", zeroArgs(Int(0), nil)),
		m("object GetValue(int index)", itemAt),
		m("void SetValue(object value, int index)", func(f *Frame, a []Value) (Value, error) {
			if b, ok := a[0].ref.(*Blob); ok {
				if a[1].ref != byteType {
					return Null, throw(dotnet.InvalidCastException, "Object cannot be stored in an array of this type.")
				}
				return blobSet(f, []Value{{b, 0}, a[2], a[1]})
			}
			x := a[0].ref.(*Array)
			if a[1].ref != nil && !isInstance(a[1], x.Elem) {
				return Null, throw(dotnet.InvalidCastException, "Object cannot be stored in an array of this type.")
			}
			return arraySet(f, []Value{a[0], a[2], a[1]})
		}),
		m("object Clone()", func(_ *Frame, a []Value) (Value, error) {
			if b, ok := a[0].ref.(*Blob); ok {
				return Bytes(slices.Clone(b.B)), nil
			}
			x := a[0].ref.(*Array)
			return Value{&Array{x.Elem, slices.Clone(x.Items)}, 0}, nil
		}),
		m("void CopyTo(Array array, int index)", copyTo),
		g("static T[] Empty<T>()", func(t []*Type) Func {
			return func(*Frame, []Value) (Value, error) { return arrayFrom(t[0], nil), nil }
		}),
		m("static bool Exists<T>(T[] array, Predicate<T> match)", existsIn), m("static bool TrueForAll<T>(T[] array, Predicate<T> match)", allIn),
		g("static T Find<T>(T[] array, Predicate<T> match)", found(false)), g("static T FindLast<T>(T[] array, Predicate<T> match)", found(true)),
		m("static int FindIndex<T>(T[] array, Predicate<T> match)", findIndex), m("static int FindLastIndex<T>(T[] array, Predicate<T> match)", findLastIndex),
		g("static T[] FindAll<T>(T[] array, Predicate<T> match)", filtered(arrayFrom)), m("static void ForEach<T>(T[] array, Action<T> action)", forEach),
		g("static TOutput[] ConvertAll<TInput, TOutput>(TInput[] array, Converter<TInput, TOutput> converter)", convertedAll(arrayFrom, 1)),
		m("static int IndexOf<T>(T[] array, T value)", indexOfItem), m("static int IndexOf(Array array, object value)", indexOfItem),
		m("static int LastIndexOf<T>(T[] array, T value)", lastIndexIn),
		m("static void Reverse(Array array)", reverseAll), m("static void Reverse<T>(T[] array)", reverseAll),
		m("static void Sort<T>(T[] array)", sortBy), m("static void Sort(Array array)", sortBy),
		m("static void Sort<T>(T[] array, Comparison<T> comparison)", sortBy), m("static void Sort<T>(T[] array, IComparer<T> comparer)", sortBy),
		m("static void Copy(Array sourceArray, Array destinationArray, int length)", func(f *Frame, a []Value) (Value, error) {
			return Null, copyItems(f, a[0], 0, a[1], 0, int(a[2].n))
		}),
		m("static void Copy(Array sourceArray, int sourceIndex, Array destinationArray, int destinationIndex, int length)", func(f *Frame, a []Value) (Value, error) {
			return Null, copyItems(f, a[0], int(a[1].n), a[2], int(a[3].n), int(a[4].n))
		}),
		m("static void Clear(Array array, int index, int length)", func(_ *Frame, a []Value) (Value, error) {
			items, err := arrayArg(a[0])
			if err != nil {
				return Null, err
			}
			i, n := int(a[1].n), int(a[2].n)
			if i < 0 || n < 0 || i+n > len(items) {
				return Null, throw(dotnet.IndexOutOfRangeException, "Index was outside the bounds of the array.")
			}
			return Null, rewrite(a[0], func(items []Value) error {
				zero := typeOf(a[0]).elem.defaultValue()
				for j := i; j < i+n; j++ {
					items[j] = zero
				}
				return nil
			})
		}),
		g("static void Resize<T>(ref T[] array, int newSize)", func(t []*Type) Func {
			return func(f *Frame, a []Value) (Value, error) {
				items, _ := elements(a[0])
				n := int(a[1].n)
				if n < 0 {
					return Null, dotnet.OutOfRange("Non-negative number required.", "newSize")
				}
				if err := f.Spend(n * valueSize); err != nil {
					return Null, err
				}
				list := make([]Value, n)
				for i := copy(list, items); i < n; i++ {
					list[i] = t[0].defaultValue()
				}
				a[0] = arrayFrom(t[0], list)
				return Null, nil
			}
		}),
		m("static int BinarySearch<T>(T[] array, T value)", func(f *Frame, a []Value) (Value, error) {
			items, err := arrayArg(a[0])
			if err != nil {
				return Null, err
			}
			low, high := 0, len(items)-1
			for low <= high {
				i := (low + high) / 2
				c, err := f.compare(items[i], a[1])
				switch {
				case err != nil:
					return Null, err
				case c == 0:
					return Int(i), nil
				case c < 0:
					low = i + 1
				default:
					high = i - 1
				}
			}
			return Int(^low), nil
		}),
	}
}

func copyItems(f *Frame, from Value, at int, to Value, toAt, n int) error {
	source, err := arrayArg(from)
	if err != nil {
		return err
	}
	if to.ref == nil {
		return dotnet.ArgumentNull("destinationArray")
	}
	if n < 0 || at < 0 || toAt < 0 {
		return dotnet.OutOfRange("Non-negative number required.", "length")
	}
	if at+n > len(source) {
		return dotnet.Argument("Source array was not long enough. Check the source index, length, and the array's lower bounds.", "sourceArray")
	}
	if err := f.Step(n / 16); err != nil {
		return err
	}
	return rewrite(to, func(items []Value) error {
		if toAt+n > len(items) {
			return dotnet.Argument("Destination array was not long enough. Check the destination index, length, and the array's lower bounds.", "destinationArray")
		}
		copy(items[toAt:], source[at:at+n])
		return nil
	})
}
