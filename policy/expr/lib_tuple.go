package expr

import "strings"

// System.Tuple, up to seven items.

// Tuple is a Tuple<...>; it does not change.
type Tuple struct {
	typ   *Type
	items []Value
}

func (t *Tuple) dotnetType() *Type { return t.typ }

var tupleNames = []string{"T1", "T2", "T3", "T4", "T5", "T6", "T7"}

var tupleTypes = func() []*Type {
	list := make([]*Type, len(tupleNames))
	for i := range list {
		list[i] = new(Type)
	}
	return list
}()

var tupleDecls = func() []Decl {
	create := Decl{Head: "static class System.Tuple"}
	var decls []Decl
	for n := 1; n <= len(tupleNames); n++ {
		params, args := make([]string, n), strings.Join(tupleNames[:n], ", ")
		for i, t := range tupleNames[:n] {
			params[i] = t + " item" + itoa(i+1)
		}
		def := tupleTypes[n-1]
		made := func(t []*Type) Func {
			typ := instance(def, t...)
			return func(_ *Frame, a []Value) (Value, error) {
				return Value{&Tuple{typ, append([]Value(nil), a...)}, 0}, nil
			}
		}
		signature := "(" + strings.Join(params, ", ") + ")"
		create.Members = append(create.Members, g("static Tuple<"+args+"> Create<"+args+">"+signature, made))
		decls = append(decls, Decl{Head: "class System.Tuple<" + args + ">", Type: def, Members: append(tupleMembers(n), g("Tuple"+signature, made))})
	}
	return append(decls, create)
}()

func tupleMembers(n int) members {
	list := members{
		m("bool Equals(object obj)", func(f *Frame, a []Value) (Value, error) {
			x, y := a[0].ref.(*Tuple), a[1].ref
			other, ok := y.(*Tuple)
			if !ok || other.typ != x.typ {
				return Bool(false), nil
			}
			for i := range x.items {
				if same, err := f.equal(x.items[i], other.items[i]); err != nil || !same {
					return Bool(false), err
				}
			}
			return Bool(true), nil
		}),
		m("int GetHashCode()", func(f *Frame, a []Value) (Value, error) {
			hash := int32(17)
			for _, v := range a[0].ref.(*Tuple).items {
				if v.ref == nil {
					continue
				}
				h, err := f.hash(v)
				if err != nil {
					return Null, err
				}
				hash = hash*31 + h
			}
			return Int(int(hash)), nil
		}),
		m("string ToString()", func(f *Frame, a []Value) (Value, error) {
			texts, err := f.texts(a[0].ref.(*Tuple).items)
			return String("(" + strings.Join(texts, ", ") + ")"), err
		}),
	}
	for i, t := range tupleNames[:n] {
		list = append(list, m(t+" Item"+itoa(i+1)+" { get; }", func(_ *Frame, a []Value) (Value, error) { return a[0].ref.(*Tuple).items[i], nil }))
	}
	return list
}
