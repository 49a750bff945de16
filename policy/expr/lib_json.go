package expr

import (
	"errors"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

// Newtonsoft.Json and Newtonsoft.Json.Linq (policy-expressions.md 5, 8). A JToken is a *newtonsoft.Token; since one Go type stands
// for the whole family, the code of virtual members looks at the token, not at the type that declares the member.

var (
	jtokenType, jcontainerType, jobjectType, jarrayType   = new(Type), new(Type), new(Type), new(Type)
	jpropertyType, jvalueType, jrawType, jconstructorType = new(Type), new(Type), new(Type), new(Type)
	jtokenTypeType, formattingType                        = new(Type), new(Type)
)

// jsonKind knows the types of tokens.
func jsonKind(pointer any) *Type {
	t, ok := pointer.(*newtonsoft.Token)
	if !ok {
		return nil
	}
	switch t.Type() {
	case newtonsoft.Object:
		return jobjectType
	case newtonsoft.Array:
		return jarrayType
	case newtonsoft.Property:
		return jpropertyType
	case newtonsoft.Constructor:
		return jconstructorType
	case newtonsoft.Raw:
		return jrawType
	}
	return jvalueType
}

// jsonWalk walks the children of a token.
func jsonWalk(pointer any) (walk, bool) {
	t, ok := pointer.(*newtonsoft.Token)
	if !ok {
		return nil, false
	}
	return func(_ *Frame, yield func(Value) (bool, error)) error {
		n := len(t.Items())
		for i := 0; i < n; i++ {
			if more, err := yield(tokenValue(t.Items()[i])); err != nil || !more {
				return err
			}
			if len(t.Items()) != n {
				return modified()
			}
		}
		return nil
	}, true
}

// memberPairs are an object's members as foreach over a JObject meets them.
func memberPairs(t *newtonsoft.Token) Value {
	typ := instance(pairType, stringType, jtokenType)
	items := make([]Value, len(t.Items()))
	for i, p := range t.Items() {
		items[i] = Value{&Pair{typ, String(p.Name()), tokenValue(p.Item())}, 0}
	}
	return Value{&Array{typ, items}, 0}
}

func tokenValue(t *newtonsoft.Token) Value {
	if t == nil {
		return Null
	}
	return Value{t, 0}
}

// asToken takes a Value that is a JToken apart; nil for null.
func asToken(v Value) *newtonsoft.Token {
	t, _ := v.ref.(*newtonsoft.Token)
	return t
}

// treeError makes of a tree's errors what a program may not catch.
func treeError(err error) error {
	var l *newtonsoft.Limit
	if errors.As(err, &l) {
		return &LimitError{l.What}
	}
	return err
}

// treeCode adapts a function over the receiver's token.
func treeCode(f func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error)) Func {
	return func(fr *Frame, a []Value) (Value, error) {
		v, err := f(fr, asToken(a[0]), a)
		if err != nil {
			return Null, treeError(err)
		}
		return v, nil
	}
}

// plainTree is treeCode for what cannot fail.
func plainTree(f func(t *newtonsoft.Token) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return f(asToken(a[0])), nil }
}

// staticTree adapts a static member.
func staticTree(f func(f *Frame, a []Value) (*newtonsoft.Token, error)) Func {
	return func(fr *Frame, a []Value) (Value, error) {
		t, err := f(fr, a)
		if err != nil {
			return Null, treeError(err)
		}
		return tokenValue(t), nil
	}
}

// doing adapts a change of a tree that has no result.
func doing(f func(f *Frame, t *newtonsoft.Token, a []Value) error) Func {
	return treeCode(func(fr *Frame, t *newtonsoft.Token, a []Value) (Value, error) { return Null, f(fr, t, a) })
}

// listed makes an IEnumerable of tokens.
func listed(f *Frame, elem *Type, list []*newtonsoft.Token) (Value, error) {
	if err := f.Spend(valueSize * len(list)); err != nil {
		return Null, err
	}
	items := make([]Value, len(list))
	for i, t := range list {
		items[i] = tokenValue(t)
	}
	return Value{&Array{elem, items}, 0}, nil
}

// walked lists what a walk over tokens visits.
func walked(elem *Type, visit func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool)) Func {
	return treeCode(func(f *Frame, t *newtonsoft.Token, _ []Value) (Value, error) {
		var list []*newtonsoft.Token
		var failed error
		visit(t, func(x *newtonsoft.Token) bool {
			if failed = f.Step(1); failed == nil {
				failed = f.Spend(8)
			}
			list = append(list, x)
			return failed == nil
		})
		if failed != nil {
			return Null, failed
		}
		return listed(f, elem, list)
	})
}

func ancestors(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
	for ; t != nil && yield(t); t = t.Parent() {
	}
}

// parsed makes the code of the Parse methods.
func parsed(parse func(string, newtonsoft.Spend) (*newtonsoft.Token, error)) Func {
	return staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) {
		if a[0].ref == nil {
			return nil, dotnet.ArgumentNull("s")
		}
		return parse(a[0].Str(), f.Spend)
	})
}

// accessError is what the indexers of tokens without children throw.
func accessError(verb string, t *newtonsoft.Token) error {
	return dotnet.NewException(dotnet.InvalidOperationException, "Cannot %s child value on %s.", verb, t.Class())
}

// keyError is what an indexer throws for a key of the wrong type.
func keyError(f *Frame, verb string, t *newtonsoft.Token, key Value) error {
	text, err := f.text(key)
	if err != nil {
		return err
	}
	if key.IsString() {
		text = `"` + text + `"`
	}
	want := "Int32 array index expected."
	if t.Type() == newtonsoft.Object {
		want = "Object property name expected."
	} else if t.Type() == newtonsoft.Constructor {
		want = "Argument position index expected."
	}
	name := t.Class()[len("Newtonsoft.Json.Linq."):]
	return dotnet.NewException(dotnet.ArgumentException, "%s %s values with invalid key value: %s. %s", verb, name, text, want)
}

// childAt is the indexer of every kind of token.
func childAt(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
	key := a[1]
	switch t.Type() {
	case newtonsoft.Object:
		if !key.IsString() {
			if key.ref == nil {
				return Null, dotnet.ArgumentNull("key")
			}
			return Null, keyError(f, "Accessed", t, key)
		}
		return tokenValue(t.Get(key.Str())), nil
	case newtonsoft.Array, newtonsoft.Constructor:
		if k, ok := key.ref.(*Type); !ok || k != intType {
			if key.ref == nil {
				return Null, dotnet.ArgumentNull("key")
			}
			return Null, keyError(f, "Accessed", t, key)
		}
		if i := key.n; i >= 0 && i < int64(len(t.Items())) {
			return tokenValue(t.Items()[i]), nil
		}
		return Null, indexRange()
	}
	return Null, accessError("access", t)
}

func setChildAt(f *Frame, t *newtonsoft.Token, a []Value) error {
	key := a[1]
	switch t.Type() {
	case newtonsoft.Object:
		if !key.IsString() {
			return keyError(f, "Set", t, key)
		}
		return t.Put(f.Spend, key.Str(), asToken(a[2]))
	case newtonsoft.Array, newtonsoft.Constructor:
		if k, ok := key.ref.(*Type); !ok || k != intType {
			return keyError(f, "Set", t, key)
		}
		return t.Set(f.Spend, int(key.n), asToken(a[2]))
	}
	return accessError("set", t)
}

// ends is First or Last: nothing to find in a value is an error, in an empty container null.
func edgeOf(last bool) Func {
	return treeCode(func(_ *Frame, t *newtonsoft.Token, _ []Value) (Value, error) {
		items := t.Items()
		switch {
		case !t.IsContainer():
			return Null, accessError("access", t)
		case len(items) == 0:
			return Null, nil
		case last:
			return tokenValue(items[len(items)-1]), nil
		}
		return tokenValue(items[0]), nil
	})
}

// content adds content to a container: a collection one by one, anything else as a token.
func content(f *Frame, v Value, add func(*newtonsoft.Token) error) error {
	if isMulti(v) {
		return iterate(f, v, func(x Value) (bool, error) {
			if err := f.Step(1); err != nil {
				return false, err
			}
			err := content(f, x, add)
			return err == nil, err
		})
	}
	t, err := tokenOf(f, v)
	if err != nil {
		return err
	}
	return add(t)
}

// isMulti says whether content is a collection: text, tokens and byte[] are none.
func isMulti(v Value) bool {
	switch v.ref.(type) {
	case nil, text, *Type, *newtonsoft.Token, *Blob:
		return false
	case *Array, walker:
		return true
	}
	for _, of := range walkers {
		if _, ok := of(v.ref); ok {
			return true
		}
	}
	return false
}

// filled makes a container with content.
func filled(empty func(a []Value) *newtonsoft.Token, at int) Func {
	return staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) {
		t := empty(a)
		if err := f.Spend(tokenBytes); err != nil || at >= len(a) {
			return t, err
		}
		return t, content(f, a[at], func(x *newtonsoft.Token) error { return t.Add(f.Spend, x) })
	})
}

// tokenBytes is what an empty token costs.
const tokenBytes = 160

func copied(f *Frame, a []Value) (*newtonsoft.Token, error) {
	if a[0].ref == nil {
		return nil, dotnet.ArgumentNull("other")
	}
	return asToken(a[0]).Clone(f.Spend)
}

// beside puts content before or after a token.
func beside(after bool) Func {
	return doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
		if t.Parent() == nil {
			return dotnet.InvalidOperation("The parent is missing.")
		}
		at := t
		return content(f, a[1], func(x *newtonsoft.Token) error {
			if !after {
				return t.AddBeforeSelf(f.Spend, x)
			}
			if err := at.AddAfterSelf(f.Spend, x); err != nil {
				return err
			}
			at = at.Next()
			return nil
		})
	})
}

func addFirst(f *Frame, t *newtonsoft.Token, a []Value) error {
	i := 0
	return content(f, a[1], func(x *newtonsoft.Token) error {
		i++
		return t.Insert(f.Spend, i-1, x)
	})
}

// printed is ToString: the text of a value, the indented JSON of a container.
func printed(f *Frame, t *newtonsoft.Token, _ []Value) (Value, error) {
	if t.IsContainer() || t.Type() == newtonsoft.Raw && t.Value() == nil {
		s, err := t.Print(true, f.Spend)
		return String(s), err
	}
	s, err := f.text(scalarValue(t))
	return String(s), err
}

func printedAs(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
	s, err := t.Print(a[1].n == 1, f.Spend)
	return String(s), err
}

// selected is SelectToken and SelectTokens.
func selected(many bool) Func {
	return treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
		if a[1].ref == nil {
			return Null, dotnet.ArgumentNull("path")
		}
		path, err := newtonsoft.ParsePath(a[1].Str())
		if err != nil {
			return Null, err
		}
		must := len(a) > 2 && a[2].Bool()
		spend := func(n int) error {
			if n == newtonsoft.RegexCharge {
				if err := f.tick(); err != nil {
					return err
				}
			}
			return f.Spend(n)
		}
		if !many {
			found, err := t.SelectToken(path, must, spend)
			return tokenValue(found), tooLong(err)
		}
		list, err := t.SelectTokens(path, must, spend)
		if err != nil {
			return Null, tooLong(err)
		}
		return listed(f, jtokenType, list)
	})
}

// found finds a property; a StringComparison behind the name says how.
func propertyOf(t *newtonsoft.Token, a []Value) *newtonsoft.Token {
	p := t.Property(a[1].Str())
	if p != nil || len(a) < 3 || a[2].n%2 == 0 { // the comparisons that ignore case are the odd ones
		return p
	}
	return t.FoldProperty(a[1].Str())
}

func memberValue(t *newtonsoft.Token, a []Value) Value {
	if p := propertyOf(t, a); p != nil {
		return tokenValue(p.Item())
	}
	return Null
}

// tryMember stores the value in the last argument.
func tryMember(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
	last := len(a) - 1
	p := propertyOf(t, a[:last])
	if p == nil {
		a[last] = Null
		return Bool(false), nil
	}
	a[last] = tokenValue(p.Item())
	return Bool(true), nil
}

func merged(f *Frame, t *newtonsoft.Token, a []Value) error {
	if a[1].ref == nil {
		return nil
	}
	other, err := serialized(f, a[1], 0)
	if err != nil {
		return err
	}
	return t.Merge(f.Spend, other, newtonsoft.Merge{})
}
