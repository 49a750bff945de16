package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// System.Linq.Enumerable: what is lazy, as in .NET. It runs when it is walked, each time.

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

// flatten makes SelectMany, with or without a result selector and the position.
func flatten(position bool) func([]*Type, []Value) walk {
	return func(_ []*Type, a []Value) walk {
		return func(f *Frame, yield func(Value) (bool, error)) error { return flat(f, a, position, yield) }
	}
}

func flat(f *Frame, a []Value, position bool, yield func(Value) (bool, error)) error {
	stop, i := false, -1
	return source(f, a[0], func(v Value) (bool, error) {
		i++
		inner, err := callAt(f, a[1], v, i, position)
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

// combine makes Distinct, Union, Intersect and Except; by is the argument that makes the keys that are compared, -1 for the elements
// themselves. What IntersectBy and ExceptBy get second are keys already.
func combine(how string, by int) func([]*Type, []Value) walk {
	filters := how == "Intersect" || how == "Except"
	return func(t []*Type, a []Value) walk {
		keyOf := func(f *Frame, v Value) (Value, error) {
			if by < 0 {
				return v, nil
			}
			return f.Call(a[by], v)
		}
		return func(f *Frame, yield func(Value) (bool, error)) error {
			seen, other := newSet(instance(setType, t[0])), newSet(instance(setType, t[0]))
			c := comparerOf(a[len(a)-1])
			seen.in.comparer, other.in.comparer = c, c
			if filters {
				if err := source(f, a[1], func(v Value) (bool, error) {
					_, err := other.add(f, v)
					return true, err
				}); err != nil {
					return err
				}
			}
			stopped := false
			each := func(v Value) (bool, error) {
				k, err := keyOf(f, v)
				if err != nil {
					return false, err
				}
				if filters {
					if has, err := other.has(f, k); err != nil || has != (how == "Intersect") {
						return true, err
					}
				}
				fresh, err := seen.add(f, k)
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

// backwards makes Reverse.
func backwards(_ []*Type, a []Value) walk {
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
}

// chunks makes Chunk: arrays of so many elements, the last one of what is left.
func chunks(t []*Type) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		from, size := a[0], a[1].n
		switch {
		case from.ref == nil:
			return Null, dotnet.ArgumentNull("source")
		case size < 1:
			return Null, dotnet.OutOfRange("Specified argument was out of the range of valid values.", "size")
		}
		return seqOf(arrayOf(t[0]), func(f *Frame, yield func(Value) (bool, error)) error {
			var part []Value
			stopped := false
			err := source(f, from, func(v Value) (bool, error) {
				if part = append(part, v); int64(len(part)) < size {
					return true, f.Spend(valueSize)
				}
				more, err := yield(arrayFrom(t[0], part))
				part, stopped = nil, !more
				return more, err
			})
			if err == nil && !stopped && len(part) > 0 {
				_, err = yield(arrayFrom(t[0], part))
			}
			return err
		}), nil
	}
}
