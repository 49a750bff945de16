package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// What Array and List have in common.

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

// arrayArg returns the elements of the array or list that a member is about. Those of a byte[] are made for it, which counts as work.
func arrayArg(f *Frame, v Value) ([]Value, error) {
	if b, ok := v.ref.(*Blob); ok {
		if err := f.Step(len(b.B)); err != nil {
			return nil, err
		}
	}
	items, ok := elements(v)
	if !ok {
		return nil, dotnet.ArgumentNull("array")
	}
	return items, nil
}

// onArray makes the code of a member that looks at the elements and a second argument.
func onArray(use func(f *Frame, items []Value, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		items, err := arrayArg(f, a[0])
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
	forEach = onArray(func(f *Frame, items, a []Value) (Value, error) {
		for _, v := range items {
			if _, err := f.Call(a[1], v); err != nil {
				return Null, err
			}
		}
		return Null, nil
	})
	findIndex, findLastIndex = indexBy(false), indexBy(true)
	indexWithin, lastIndexIn = indexOfWithin(false), indexOfWithin(true)
)

// within is the part of n elements that a start and a count name, and where it begins. Searched from the end, the start is the last
// element of the part.
func within(a []Value, n int, last bool) (from, to int, err error) {
	from, to = 0, n
	if len(a) > 0 {
		if from = int(a[0].n); last {
			from, to = 0, int(a[0].n)+1
		}
	}
	if len(a) > 1 {
		count := int(a[1].n)
		switch {
		case count < 0:
			from = -1
		case last:
			from = to - count
		default:
			to = from + count
		}
	}
	if n == 0 && last && to <= 0 {
		return 0, 0, nil
	}
	if from < 0 || to > n || from > to {
		return 0, 0, dotnet.OutOfRange("Index was out of range. Must be non-negative and less than or equal to the size of the collection.", "startIndex")
	}
	return from, to, nil
}

// indexBy makes FindIndex and FindLastIndex: the predicate is the last argument, start and count come before it.
func indexBy(last bool) Func {
	return onArray(func(f *Frame, items, a []Value) (Value, error) {
		end := len(a) - 1
		from, to, err := within(a[1:end], len(items), last)
		if err != nil {
			return Null, err
		}
		i, err := searching(f, items[from:to], a[end], last)
		if i >= 0 {
			i += from
		}
		return Int(i), err
	})
}

// indexOfWithin makes IndexOf and LastIndexOf: the value, then start and count.
func indexOfWithin(last bool) Func {
	return onArray(func(f *Frame, items, a []Value) (Value, error) {
		from, to, err := within(a[2:], len(items), last)
		if err != nil {
			return Null, err
		}
		for n := range to - from {
			i := from + n
			if last {
				i = to - 1 - n
			}
			if err := f.step(); err != nil {
				return Null, err
			}
			if same, err := f.equal(items[i], a[1]); err != nil || same {
				return Int(i), err
			}
		}
		return Int(-1), nil
	})
}

// sortPart makes Sort of a part, by a comparer or not.
func sortPart(f *Frame, a []Value) (Value, error) {
	return changePart(f, a, func(part []Value) error {
		by := comparerOf(a[len(a)-1])
		return f.sorted(part, func(v, w Value) (int, error) { return f.compareBy(by, v, w) })
	})
}

func reversePart(f *Frame, a []Value) (Value, error) {
	return changePart(f, a, func(part []Value) error { slices.Reverse(part); return nil })
}

func changePart(f *Frame, a []Value, change func(part []Value) error) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	if l, ok := a[0].ref.(*List); ok {
		l.version++
	}
	return Null, rewrite(f, a[0], func(items []Value) error {
		i, n := int(a[1].n), int(a[2].n)
		if err := rangeIn(i, n, len(items)); err != nil {
			return err
		}
		return change(items[i : i+n])
	})
}

// binarySearch finds a value among sorted ones, or the complement of where it would stand; a comparer may follow.
var binarySearch = onArray(func(f *Frame, items, a []Value) (Value, error) {
	by := comparerOf(a[len(a)-1])
	low, high := 0, len(items)-1
	for low <= high {
		i := (low + high) / 2
		c, err := f.compareBy(by, items[i], a[1])
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
})

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
	return Null, rewrite(f, a[0], func(items []Value) error { return f.sorted(items, less) })
}

func reverseAll(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("array")
	}
	if b, ok := a[0].ref.(*Blob); ok {
		slices.Reverse(b.B)
		return Null, nil
	}
	if l, ok := a[0].ref.(*List); ok {
		l.version++
	}
	return Null, rewrite(f, a[0], func(items []Value) error { slices.Reverse(items); return nil })
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

// copyItems copies a part of an array or list into another.
func copyItems(f *Frame, from Value, at int, to Value, toAt, n int) error {
	switch {
	case from.ref == nil:
		return dotnet.ArgumentNull("sourceArray")
	case to.ref == nil:
		return dotnet.ArgumentNull("destinationArray")
	case n < 0 || at < 0 || toAt < 0:
		return dotnet.OutOfRange("Non-negative number required.", "length")
	}
	source, bytes := from.ref.(*Blob)
	target, both := to.ref.(*Blob)
	if bytes && both {
		return copyPart(target.B, source.B, at, toAt, n)
	}
	if err := f.Step(n / 16); err != nil {
		return err
	}
	items, err := arrayArg(f, from)
	if err != nil {
		return err
	}
	return rewrite(f, to, func(list []Value) error { return copyPart(list, items, at, toAt, n) })
}

func copyPart[T any](to, from []T, at, toAt, n int) error {
	switch {
	case at+n > len(from):
		return dotnet.Argument("Source array was not long enough. Check the source index, length, and the array's lower bounds.", "sourceArray")
	case toAt+n > len(to):
		return dotnet.Argument("Destination array was not long enough. Check the destination index, length, and the array's lower bounds.", "destinationArray")
	}
	copy(to[toAt:], from[at:at+n])
	return nil
}
