package expr

import (
	"slices"

	"gatehouse/dotnet"
)

// What System.Linq.Enumerable makes of a sequence at once: an element, a number, a collection.

// pick makes First, Last, Single and their OrDefault: with a predicate or without, with a default of one's own or not.
func pick(which string, orDefault, own bool) Generic {
	return func(t []*Type) Func {
		zero := t[0].defaultValue()
		return func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			var test Value
			otherwise := zero
			if own {
				otherwise, a = a[len(a)-1], a[:len(a)-1]
			}
			if len(a) > 1 {
				test = a[1]
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
				return otherwise, nil
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

// pairsToDictionary makes a Dictionary of key-value pairs.
func pairsToDictionary(t []*Type) Func {
	typ := instance(dictType, t...)
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("source")
		}
		d := newDict(typ)
		d.comparer = comparerOf(a[len(a)-1])
		err := source(f, a[0], func(v Value) (bool, error) {
			pair := v.ref.(*Pair)
			_, err := addPair(f, []Value{{d, 0}, pair.Key, pair.Value})
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
	wide := t
	if t == floatType { // .NET adds floats as doubles
		wide = doubleType
	}
	add := arithmeticOf("+", wide, true)
	return func(f *Frame, a []Value) (Value, error) {
		total := wide.defaultValue()
		_, err := numbers(f, a, func(v Value) error {
			var err error
			total, err = add(total, v)
			return err
		})
		if t == floatType {
			total = Single(float32(total.Float()))
		}
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
			by := comparerOf(a[len(a)-1])
			if len(a) > 1 && by == nil {
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
				c, err := f.compareBy(by, v, best)
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

// extremeBy makes MinBy and MaxBy: the first element whose key is the least or greatest.
func extremeBy(sign int) Generic {
	return func(t []*Type) Func {
		return func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("source")
			}
			best, least, any := Null, Null, false
			by := comparerOf(a[len(a)-1])
			err := source(f, a[0], func(v Value) (bool, error) {
				k, err := f.Call(a[1], v)
				if err != nil || any && k.ref == nil {
					return err == nil, err
				}
				c := 1
				if any && least.ref != nil {
					c, err = f.compareBy(by, k, least)
					c *= sign
				}
				if c > 0 {
					best, least = v, k
				}
				any = true
				return true, err
			})
			if err == nil && !any && !t[0].isReference() && t[0].kind != kNullable {
				err = noElements()
			}
			return best, err
		}
	}
}

// countAtHand is TryGetNonEnumeratedCount.
func countAtHand(_ *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("source")
	}
	c, ok := a[0].ref.(collection)
	a[1] = Int(0)
	if ok {
		a[1] = Int(c.length())
	}
	return Bool(ok), nil
}
