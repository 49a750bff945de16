package expr

import (
	"gatehouse/dotnet"
	"gatehouse/dotnet/jsonxml"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// maxObjects bounds how deep objects that are written or made may nest.
const maxObjects = 100

const serializationException = "Newtonsoft.Json.JsonSerializationException"

// serialized makes tokens of any value, as JsonSerializer does: objects of anonymous types and dictionaries become objects,
// other collections arrays.
func serialized(f *Frame, v Value, depth int) (*newtonsoft.Token, error) {
	if depth > maxObjects {
		return nil, dotnet.NewException(serializationException, "The objects are nested too deeply to be serialized.")
	}
	if err := f.Step(1); err != nil {
		return nil, err
	}
	if t := asToken(v); t != nil {
		if t.Parent() != nil {
			return t.Clone(f.Spend)
		}
		return t, nil
	}
	if _, _, ok := scalarOf(v); ok {
		return scalarToken(f, v)
	}
	switch x := v.ref.(type) {
	case *Anonymous:
		return serializedMembers(f, x.Names(), x.Values, depth)
	case *Pair:
		return serializedMembers(f, []string{"Key", "Value"}, []Value{x.Key, x.Value}, depth)
	case *xlinq.Node:
		return jsonxml.JSON{}.Convert(x, f.Spend)
	case *bigInteger:
		return newtonsoft.NewValue(newtonsoft.Integer, x.n), nil
	}
	if l, err := asLookup(v); err == nil {
		return serializedLookup(f, l, depth)
	}
	if isMulti(v) {
		list := newtonsoft.NewArray()
		return list, iterate(f, v, func(x Value) (bool, error) {
			t, err := serialized(f, x, depth+1)
			if err == nil {
				err = list.Add(f.Spend, t)
			}
			return err == nil, err
		})
	}
	return nil, dotnet.NewException(serializationException, "Objects of type %s cannot be serialized.", typeOf(v))
}

func serializedMembers(f *Frame, names []string, values []Value, depth int) (*newtonsoft.Token, error) {
	o := newtonsoft.NewObject()
	for i, name := range names {
		t, err := serialized(f, values[i], depth+1)
		if err != nil {
			return nil, err
		}
		if err := o.Put(f.Spend, name, t); err != nil {
			return nil, err
		}
	}
	return o, f.Spend(tokenBytes)
}

func serializedLookup(f *Frame, l lookup, depth int) (*newtonsoft.Token, error) {
	keys := l.keys()
	names := make([]string, len(keys))
	for i, k := range keys {
		var err error
		if names[i], err = keyText(f, k); err != nil {
			return nil, err
		}
	}
	return serializedMembers(f, names, l.values(), depth)
}

// keyText is a dictionary's key as a member's name: dates in ISO 8601, everything else its text.
func keyText(f *Frame, k Value) (string, error) {
	if k.ref == dateTimeType {
		s, err := newtonsoft.NewValue(newtonsoft.Date, dotnet.DateTime(k.n)).Print(false, f.Spend)
		if err != nil || len(s) < 2 {
			return s, err
		}
		return s[1 : len(s)-1], nil
	}
	return f.text(k)
}

// fromObject makes the code of FromObject, for any token or one kind.
func fromObject(want newtonsoft.Type) Func {
	return staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) {
		if a[0].ref == nil {
			return nil, dotnet.ArgumentNull("o")
		}
		t, err := serialized(f, a[0], 0)
		if err != nil {
			return nil, err
		}
		if want != newtonsoft.None && t.Type() != want {
			name := "JObject"
			if want == newtonsoft.Array {
				name = "JArray"
			}
			return nil, dotnet.NewException(dotnet.ArgumentException, "Object serialized to %s. %s instance expected.", t.Type(), name)
		}
		return t, nil
	})
}

func serializeObject(f *Frame, a []Value) (Value, error) {
	t := asToken(a[0])
	if t == nil {
		var err error
		if t, err = serialized(f, a[0], 0); err != nil {
			return Null, treeError(err)
		}
	}
	s, err := t.Print(len(a) > 1 && a[1].n == 1, f.Spend)
	return String(s), treeError(err)
}

// deserializePlain gives a JObject, a JArray, or the value of anything else.
func deserializePlain(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("value")
	}
	t, err := newtonsoft.Parse(a[0].Str(), f.Spend)
	if err != nil {
		return Null, treeError(err)
	}
	if t.IsContainer() {
		return tokenValue(t), nil
	}
	return scalarValue(t), nil
}

func deserializeAs(types []*Type) Func {
	to := types[0]
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("value")
		}
		if a[0].Str() == "" && (to.isReference() || to.kind == kNullable) {
			return Null, nil
		}
		t, err := newtonsoft.Parse(a[0].Str(), f.Spend)
		if err != nil {
			return Null, treeError(err)
		}
		v, err := toObject(f, t, to, 0)
		return v, treeError(err)
	}
}

// toObject is JToken.ToObject: the token itself where a token is wanted, basic types by the operators, collections item by
// item.
func toObject(f *Frame, t *newtonsoft.Token, to *Type, depth int) (Value, error) {
	if depth > maxObjects {
		return Null, dotnet.NewException(serializationException, "The JSON is nested too deeply.")
	}
	if err := f.Step(1); err != nil {
		return Null, err
	}
	self := tokenValue(t)
	switch {
	case to == objectType && t.IsContainer(), to != objectType && isInstance(self, to):
		return self, nil
	case to == objectType:
		return scalarValue(t), nil
	case t.Type() == newtonsoft.Null && (to.isReference() || to.kind == kNullable):
		return Null, nil
	case to.kind == kEnum:
		return toEnum(f, t, to)
	}
	if plain := to.underlying(); !t.IsContainer() && (plain == stringType || to == bytesType() || plain.kind != kClass && plain.kind != kInterface && plain.kind != kArray) {
		if v := scalarValue(t); isInstance(v, plain) && v.ref != nil {
			return v, nil
		}
		name := simpleName(plain.String())
		if to == bytesType() {
			name = "byte array"
		}
		return converting(name, jsonScalars, to.kind == kNullable || to == stringType)(f, []Value{self})
	}
	v, ok, err := toCollection(f, t, to, depth)
	if err == nil && !ok {
		err = dotnet.NewException(serializationException, "Cannot deserialize the current JSON %s into type '%s'. Path '%s'.", t.Type(), to, t.Path())
	}
	return v, err
}

const jsonScalars = "Date Integer Float String Comment Raw Boolean Bytes Guid TimeSpan Uri"

func toEnum(f *Frame, t *newtonsoft.Token, to *Type) (Value, error) {
	switch v := t.Value().(type) {
	case int64:
		return Number(to, v), nil
	case string:
		if n, ok := to.parseEnum(v, true); ok {
			return Number(to, n), nil
		}
	}
	text, _ := t.Print(false, f.Spend)
	return Null, dotnet.NewException(serializationException, "Error converting value %s to type '%s'. Path '%s'.", text, to, t.Path())
}

// toCollection makes arrays, lists, sets and dictionaries, also where one of their interfaces is wanted.
func toCollection(f *Frame, t *newtonsoft.Token, to *Type, depth int) (Value, bool, error) {
	if to.kind == kArray && t.Type() == newtonsoft.Array {
		items, err := toItems(f, t, to.elem, depth)
		return Value{&Array{to.elem, items}, 0}, true, err
	}
	switch {
	case len(to.args) == 2 && t.Type() == newtonsoft.Object && to.args[0] == stringType:
		typ := instance(dictType, to.args...)
		if typ != to && !typ.derives(to) {
			return Null, false, nil
		}
		d := newDict(typ)
		for _, p := range t.Items() {
			v, err := toObject(f, p.Item(), to.args[1], depth+1)
			if err != nil {
				return Null, true, err
			}
			if _, err := d.Put(f, String(p.Name()), v); err != nil {
				return Null, true, err
			}
		}
		return Value{d, 0}, true, nil
	case len(to.args) == 1 && t.Type() == newtonsoft.Array:
		items, err := toItems(f, t, to.args[0], depth)
		if err != nil {
			return Null, true, err
		}
		if typ := instance(listType, to.args[0]); typ == to || typ.derives(to) {
			return newListOf(to.args[0], items), true, nil
		}
	}
	return Null, false, nil
}

func toItems(f *Frame, t *newtonsoft.Token, elem *Type, depth int) ([]Value, error) {
	if err := f.Spend(valueSize * len(t.Items())); err != nil {
		return nil, err
	}
	items := make([]Value, len(t.Items()))
	for i, x := range t.Items() {
		var err error
		if items[i], err = toObject(f, x, elem, depth+1); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// jsonBody gives a body as a JObject, JArray, JToken or one of their bases.
func jsonBody(t *Type) func(*Frame, []byte, string) (Value, error) {
	parse := newtonsoft.Parse
	switch t {
	case jobjectType:
		parse = newtonsoft.ParseObject
	case jarrayType:
		parse = newtonsoft.ParseArray
	case jtokenType, jcontainerType, jvalueType:
	default:
		return nil
	}
	return func(f *Frame, content []byte, contentType string) (Value, error) {
		s, err := decodeBody(content, contentType)
		if err == nil {
			err = f.Spend(len(s))
		}
		if err != nil {
			return Null, err
		}
		tree, err := parse(s, f.Spend)
		if err != nil {
			return Null, treeError(err)
		}
		if v := tokenValue(tree); isInstance(v, t) {
			return v, nil
		}
		return Null, dotnet.InvalidCast(tree.Class(), t.String())
	}
}
