package expr

import (
	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

// unreadable are members of tokens that work with readers, writers and other types that are not allowed.
const unreadable = "Load LoadAsync CreateReader CreateWriter WriteTo WriteToAsync ReadFrom ReadFromAsync Annotation Annotations AddAnnotation RemoveAnnotations EqualityComparer CreateAsync PropertyChanged PropertyChanging ListChanged AddingNew CollectionChanged"

var jsonDecls = []Decl{
	{Head: "internal struct System.Numerics.BigInteger", Type: bigType, Members: members{
		m("string ToString()", of(func(x *bigInteger) Value { return String(x.n.String()) })),
		m("bool Equals(object obj)", func(_ *Frame, a []Value) (Value, error) {
			y, ok := a[1].ref.(*bigInteger)
			return Bool(ok && a[0].ref.(*bigInteger).n.Cmp(y.n) == 0), nil
		}),
		m("int GetHashCode()", of(func(x *bigInteger) Value { return Int(int(int32(dotnet.HashCode(x.n.String())))) })),
	}},
	{Head: "enum Newtonsoft.Json.Formatting { None, Indented }", Type: formattingType},
	{Head: "enum Newtonsoft.Json.Linq.JTokenType { None, Object, Array, Constructor, Property, Comment, Integer, Float, String, Boolean, Null, Undefined, Date, Raw, Bytes, Guid, Uri, TimeSpan }", Type: jtokenTypeType},
	{Head: "static class Newtonsoft.Json.JsonConvert", Refused: "ToString PopulateObject DeserializeAnonymousType DeserializeXmlNode DeserializeXNode SerializeXmlNode SerializeXNode DefaultSettings True False Null Undefined NaN", Members: members{
		m("static string SerializeObject(object value)", serializeObject), m("static string SerializeObject(object value, Formatting formatting)", serializeObject),
		m("static object DeserializeObject(string value)", deserializePlain), g("static T DeserializeObject<T>(string value)", deserializeAs),
	}},
	{Head: "class Newtonsoft.Json.Linq.JToken : IEnumerable<JToken>", Type: jtokenType, Refused: unreadable, Members: append(jtokenMembers(), jsonConversions()...)},
	{Head: "class Newtonsoft.Json.Linq.JContainer : JToken", Type: jcontainerType, Refused: unreadable, Members: members{
		m("int Count { get; }", plainTree(func(t *newtonsoft.Token) Value { return Int(len(t.Items())) })),
		m("void Add(object content)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
			return content(f, a[1], func(x *newtonsoft.Token) error { return t.Add(f.Spend, x) })
		})),
		m("void AddFirst(object content)", doing(addFirst)),
		m("IEnumerable<JToken> Descendants()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { t.Descendants(false, yield) })),
		m("IEnumerable<JToken> DescendantsAndSelf()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { t.Descendants(true, yield) })),
		m("void RemoveAll()", doing(func(_ *Frame, t *newtonsoft.Token, _ []Value) error { return t.Clear() })),
		m("void ReplaceAll(object content)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
			if err := t.Clear(); err != nil {
				return err
			}
			return content(f, a[1], func(x *newtonsoft.Token) error { return t.Add(f.Spend, x) })
		})),
		m("void Merge(object content)", doing(merged)),
	}},
	{Head: "class Newtonsoft.Json.Linq.JObject : JContainer", Type: jobjectType, Refused: unreadable, Members: jobjectMembers()},
	{Head: "class Newtonsoft.Json.Linq.JArray : JContainer", Type: jarrayType, Refused: unreadable, Members: jarrayMembers()},
	{Head: "class Newtonsoft.Json.Linq.JProperty : JContainer", Type: jpropertyType, Refused: unreadable, Members: members{
		m("JProperty(JProperty other)", staticTree(copied)), m("JProperty(string name, object content)", newProperty),
		m("JProperty(string name, params object[] content)", newProperty),
		m("string Name { get; }", plainTree(func(t *newtonsoft.Token) Value { return String(t.Name()) })),
		p("JToken Value { get; set; }", plainTree(func(t *newtonsoft.Token) Value { return tokenValue(t.Item()) }),
			doing(func(f *Frame, t *newtonsoft.Token, a []Value) error { return t.SetItem(f.Spend, asToken(a[1])) })),
	}},
	{Head: "class Newtonsoft.Json.Linq.JConstructor : JContainer", Type: jconstructorType, Refused: unreadable, Members: members{
		m("JConstructor()", filled(func([]Value) *newtonsoft.Token { return newtonsoft.NewConstructor("") }, 9)),
		m("JConstructor(JConstructor other)", staticTree(copied)),
		m("JConstructor(string name)", filled(namedConstructor, 9)), m("JConstructor(string name, object content)", filled(namedConstructor, 1)),
		m("JConstructor(string name, params object[] content)", filled(namedConstructor, 1)),
		p("string Name { get; set; }", plainTree(func(t *newtonsoft.Token) Value { return String(t.Name()) }),
			doing(func(_ *Frame, t *newtonsoft.Token, a []Value) error { t.SetName(a[1].Str()); return nil })),
	}},
	{Head: "class Newtonsoft.Json.Linq.JValue : JToken, IComparable, IComparable<JValue>, IEquatable<JValue>", Type: jvalueType, Refused: unreadable, Members: jvalueMembers()},
	{Head: "class Newtonsoft.Json.Linq.JRaw : JValue", Type: jrawType, Refused: unreadable + " Create", Members: members{
		m("JRaw(JRaw other)", staticTree(copied)),
		m("JRaw(object rawJson)", staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) {
			s, err := f.text(a[0])
			if err != nil || a[0].ref == nil {
				return newtonsoft.NewValue(newtonsoft.Raw, nil), err
			}
			return newtonsoft.NewValue(newtonsoft.Raw, s), f.Spend(tokenBytes)
		})),
	}},
	{Head: "static class Newtonsoft.Json.Linq.Extensions", Refused: "AsJEnumerable", Members: members{
		g("static U Value<U>(this IEnumerable<JToken> value)", func(t []*Type) Func { return castOf(t[0]) }),
		g("static U Value<T, U>(this IEnumerable<T> value)", func(t []*Type) Func { return castOf(t[1]) }),
		m("static IEnumerable<JToken> Values(this IEnumerable<JToken> source)", valuesOf(jtokenType)),
		m("static IEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)", valuesOf(jtokenType)),
		g("static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)", func(t []*Type) Func { return valuesOf(t[0]) }),
		g("static IEnumerable<U> Values<U>(this IEnumerable<JToken> source, object key)", func(t []*Type) Func { return valuesOf(t[0]) }),
		m("static IEnumerable<JToken> Children(this IEnumerable<JToken> source)", allOf(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
			for _, c := range t.Items() {
				yield(c)
			}
		})),
		m("static IEnumerable<JProperty> Properties(this IEnumerable<JObject> source)", allOf(jpropertyType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
			for _, c := range t.Items() {
				yield(c)
			}
		})),
		m("static IEnumerable<JToken> Ancestors(this IEnumerable<JToken> source)", allOf(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { ancestors(t.Parent(), yield) })),
		m("static IEnumerable<JToken> AncestorsAndSelf(this IEnumerable<JToken> source)", allOf(jtokenType, ancestors)),
		m("static IEnumerable<JToken> Descendants(this IEnumerable<JToken> source)", allOf(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { t.Descendants(false, yield) })),
		m("static IEnumerable<JToken> DescendantsAndSelf(this IEnumerable<JToken> source)", allOf(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { t.Descendants(true, yield) })),
	}},
}

func namedConstructor(a []Value) *newtonsoft.Token { return newtonsoft.NewConstructor(a[0].Str()) }

func jtokenMembers() members {
	return members{
		m("JContainer Parent { get; }", plainTree(func(t *newtonsoft.Token) Value { return tokenValue(t.Parent()) })),
		m("JToken Root { get; }", plainTree(func(t *newtonsoft.Token) Value { return tokenValue(t.Root()) })),
		m("JTokenType Type { get; }", plainTree(func(t *newtonsoft.Token) Value { return Number(jtokenTypeType, int64(t.Type())) })),
		m("bool HasValues { get; }", plainTree(func(t *newtonsoft.Token) Value { return Bool(len(t.Items()) > 0) })),
		m("JToken Next { get; }", plainTree(func(t *newtonsoft.Token) Value { return tokenValue(t.Next()) })),
		m("JToken Previous { get; }", plainTree(func(t *newtonsoft.Token) Value { return tokenValue(t.Previous()) })),
		m("string Path { get; }", plainTree(func(t *newtonsoft.Token) Value { return String(t.Path()) })),
		m("JToken First { get; }", edgeOf(false)), m("JToken Last { get; }", edgeOf(true)),
		p("JToken this[object key] { get; set; }", treeCode(childAt), doing(setChildAt)),
		m("IEnumerable<JToken> Ancestors()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) { ancestors(t.Parent(), yield) })),
		m("IEnumerable<JToken> AncestorsAndSelf()", walked(jtokenType, ancestors)),
		m("IEnumerable<JToken> AfterSelf()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
			for x := t.Next(); x != nil && yield(x); x = x.Next() {
			}
		})),
		m("IEnumerable<JToken> BeforeSelf()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
			if p := t.Parent(); p != nil {
				for _, x := range p.Items() {
					if x == t || !yield(x) {
						return
					}
				}
			}
		})),
		m("IEnumerable<JToken> Children()", walked(jtokenType, eachChild)),
		g("IEnumerable<T> Children<T>()", func(t []*Type) Func {
			return walked(t[0], func(x *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
				eachChild(x, func(c *newtonsoft.Token) bool { return !jsonKind(c).derives(t[0]) || yield(c) })
			})
		}),
		g("IEnumerable<T> Values<T>()", func(t []*Type) Func {
			of := valuesOf(t[0])
			return treeCode(func(f *Frame, x *newtonsoft.Token, a []Value) (Value, error) {
				if !x.IsContainer() {
					return Null, accessError("access", x)
				}
				return of(f, a)
			})
		}),
		g("T Value<T>(object key)", func(t []*Type) Func {
			cast := castOf(t[0])
			return treeCode(func(f *Frame, x *newtonsoft.Token, a []Value) (Value, error) {
				v, err := childAt(f, x, a)
				if err != nil {
					return Null, err
				}
				return cast(f, []Value{v})
			})
		}),
		m("void Remove()", doing(func(_ *Frame, t *newtonsoft.Token, _ []Value) error { return t.Remove() })),
		m("void Replace(JToken value)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error { return t.Replace(f.Spend, asToken(a[1])) })),
		m("void AddAfterSelf(object content)", beside(true)), m("void AddBeforeSelf(object content)", beside(false)),
		m("string ToString()", treeCode(printed)), m("string ToString(Formatting formatting)", treeCode(printedAs)),
		g("T ToObject<T>()", func(t []*Type) Func {
			return treeCode(func(f *Frame, x *newtonsoft.Token, _ []Value) (Value, error) { return toObject(f, x, t[0], 0) })
		}),
		m("JToken SelectToken(string path)", selected(false)), m("JToken SelectToken(string path, bool errorWhenNoMatch)", selected(false)),
		m("IEnumerable<JToken> SelectTokens(string path)", selected(true)), m("IEnumerable<JToken> SelectTokens(string path, bool errorWhenNoMatch)", selected(true)),
		m("JToken DeepClone()", staticTree(copied)),
		m("static bool DeepEquals(JToken t1, JToken t2)", func(_ *Frame, a []Value) (Value, error) {
			return Bool(newtonsoft.Equal(asToken(a[0]), asToken(a[1]))), nil
		}),
		m("static JToken FromObject(object o)", fromObject(newtonsoft.None)), m("static JToken Parse(string json)", parsed(newtonsoft.Parse)),
	}
}

func eachChild(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
	for _, c := range t.Items() {
		if !yield(c) {
			return
		}
	}
}

func jobjectMembers() members {
	empty := func([]Value) *newtonsoft.Token { return newtonsoft.NewObject() }
	return members{
		m("JObject()", filled(empty, 9)), m("JObject(JObject other)", staticTree(copied)),
		m("JObject(object content)", filled(empty, 0)), m("JObject(params object[] content)", filled(empty, 0)),
		p("JToken this[object key] { get; set; }", treeCode(childAt), doing(setChildAt)),
		p("JToken this[string propertyName] { get; set; }", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			if a[1].ref == nil {
				return Null, dotnet.ArgumentNull("propertyName")
			}
			return tokenValue(t.Get(a[1].Str())), nil
		}), doing(setChildAt)),
		m("void Add(string propertyName, JToken value)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
			if a[1].ref == nil {
				return dotnet.ArgumentNull("name")
			}
			return t.AddMember(f.Spend, a[1].Str(), asToken(a[2]))
		})),
		m("JProperty Property(string name)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			return tokenValue(propertyOf(t, a)), nil
		})),
		m("JProperty Property(string name, StringComparison comparison)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			return tokenValue(propertyOf(t, a)), nil
		})),
		m("IEnumerable<JProperty> Properties()", walked(jpropertyType, eachChild)),
		m("IEnumerable<JToken> PropertyValues()", walked(jtokenType, func(t *newtonsoft.Token, yield func(*newtonsoft.Token) bool) {
			eachChild(t, func(p *newtonsoft.Token) bool { return yield(p.Item()) })
		})),
		m("JToken GetValue(string propertyName)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) { return memberValue(t, a), nil })),
		m("JToken GetValue(string propertyName, StringComparison comparison)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) { return memberValue(t, a), nil })),
		m("bool TryGetValue(string propertyName, out JToken value)", treeCode(tryMember)),
		m("bool TryGetValue(string propertyName, StringComparison comparison, out JToken value)", treeCode(tryMember)),
		m("bool ContainsKey(string propertyName)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			if a[1].ref == nil {
				return Null, dotnet.ArgumentNull("propertyName")
			}
			return Bool(t.Property(a[1].Str()) != nil), nil
		})),
		m("bool Remove(string propertyName)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			if a[1].ref == nil {
				return Null, dotnet.ArgumentNull("propertyName")
			}
			had, err := t.RemoveMember(a[1].Str())
			return Bool(had), err
		})),
		m("IEnumerator<KeyValuePair<string, JToken>> GetEnumerator()", treeCode(func(_ *Frame, t *newtonsoft.Token, _ []Value) (Value, error) {
			pairs := memberPairs(t).ref.(*Array)
			return Value{&Cursor{typ: instance(enumeratorType, pairs.Elem), items: pairs.Items, at: -1}, 0}, nil
		})),
		m("static JObject Parse(string json)", parsed(newtonsoft.ParseObject)), m("static JObject FromObject(object o)", fromObject(newtonsoft.Object)),
	}
}

func jarrayMembers() members {
	empty := func([]Value) *newtonsoft.Token { return newtonsoft.NewArray() }
	return members{
		m("JArray()", filled(empty, 9)), m("JArray(JArray other)", staticTree(copied)),
		m("JArray(object content)", filled(empty, 0)), m("JArray(params object[] content)", filled(empty, 0)),
		p("JToken this[object key] { get; set; }", treeCode(childAt), doing(setChildAt)),
		p("JToken this[int index] { get; set; }", treeCode(childAt), doing(setChildAt)),
		m("bool IsReadOnly { get; }", zeroArgs(Bool(false), nil)),
		m("void Add(JToken item)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error { return t.Add(f.Spend, asToken(a[1])) })),
		m("void Clear()", doing(func(_ *Frame, t *newtonsoft.Token, _ []Value) error { return t.Clear() })),
		m("bool Contains(JToken item)", treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			i, err := indexOfToken(f, t, a[1])
			return Bool(i >= 0), err
		})),
		m("int IndexOf(JToken item)", treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			i, err := indexOfToken(f, t, a[1])
			return Int(i), err
		})),
		m("void Insert(int index, JToken item)", doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
			return t.Insert(f.Spend, int(a[1].n), asToken(a[2]))
		})),
		m("bool Remove(JToken item)", treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			i, err := indexOfToken(f, t, a[1])
			if err != nil || i < 0 {
				return Bool(false), err
			}
			return Bool(true), t.RemoveAt(i)
		})),
		m("void RemoveAt(int index)", doing(func(_ *Frame, t *newtonsoft.Token, a []Value) error { return t.RemoveAt(int(a[1].n)) })),
		m("void CopyTo(JToken[] array, int arrayIndex)", treeCode(func(_ *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			to, ok := a[1].ref.(*Array)
			if !ok {
				return Null, dotnet.ArgumentNull("array")
			}
			at := int(a[2].n)
			if at < 0 {
				return Null, dotnet.OutOfRange("arrayIndex is less than 0.", "arrayIndex")
			}
			if len(t.Items()) > len(to.Items)-at {
				return Null, dotnet.Argument("The number of elements in the source JObject is greater than the available space from arrayIndex to the end of the destination array.", "")
			}
			for i, x := range t.Items() {
				to.Items[at+i] = tokenValue(x)
			}
			return Null, nil
		})),
		m("IEnumerator<JToken> GetEnumerator()", func(f *Frame, a []Value) (Value, error) {
			items, err := collect(f, a[0])
			return Value{&Cursor{typ: instance(enumeratorType, jtokenType), items: items, at: -1}, 0}, err
		}),
		m("static JArray Parse(string json)", parsed(newtonsoft.ParseArray)), m("static JArray FromObject(object o)", fromObject(newtonsoft.Array)),
	}
}

// indexOfToken finds an item as List.IndexOf does: values by Equals, containers by identity.
func indexOfToken(f *Frame, t *newtonsoft.Token, item Value) (int, error) {
	for i, x := range t.Items() {
		same, err := f.equal(tokenValue(x), item)
		if err == nil {
			err = f.Step(1)
		}
		if err != nil || same {
			return i, err
		}
	}
	return -1, nil
}

func jvalueMembers() members {
	list := members{
		m("JValue(JValue other)", staticTree(copied)), m("JValue(object value)", newValue),
		p("object Value { get; set; }", plainTree(scalarValue), doing(func(f *Frame, t *newtonsoft.Token, a []Value) error {
			x, err := scalarToken(f, a[1])
			if err == nil {
				t.SetValue(x.Type(), x.Value())
			}
			return err
		})),
		m("string ToString()", treeCode(printed)),
		m("string ToString(string format)", treeCode(func(f *Frame, t *newtonsoft.Token, a []Value) (Value, error) {
			s, err := f.format(scalarValue(t), a[1].Str())
			return String(s), err
		})),
		m("bool Equals(JValue other)", equalValues), m("bool Equals(object obj)", equalValues),
		m("int GetHashCode()", treeCode(func(f *Frame, t *newtonsoft.Token, _ []Value) (Value, error) {
			h, err := f.hash(scalarValue(t))
			return Int(int(h)), err
		})),
		m("int CompareTo(JValue obj)", compareValues), m("int CompareTo(object obj)", compareValues),
		m("static JValue CreateComment(string value)", staticTree(func(_ *Frame, a []Value) (*newtonsoft.Token, error) {
			return newtonsoft.NewValue(newtonsoft.Comment, a[0].Str()), nil
		})),
		m("static JValue CreateString(string value)", newValue),
		m("static JValue CreateNull()", staticTree(func(*Frame, []Value) (*newtonsoft.Token, error) { return newtonsoft.NewNull(), nil })),
		m("static JValue CreateUndefined()", staticTree(func(*Frame, []Value) (*newtonsoft.Token, error) {
			return newtonsoft.NewValue(newtonsoft.Undefined, nil), nil
		})),
	}
	for _, t := range []string{"long", "decimal", "char", "ulong", "double", "float", "DateTime", "DateTimeOffset", "bool", "string", "Guid", "Uri", "TimeSpan"} {
		list = append(list, m("JValue("+t+" value)", newValue))
	}
	return list
}

var newValue = staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) { return scalarToken(f, a[0]) })

func equalValues(_ *Frame, a []Value) (Value, error) {
	x, y := asToken(a[0]), asToken(a[1])
	return Bool(y != nil && !x.IsContainer() && !y.IsContainer() && newtonsoft.Equal(x, y)), nil
}

func compareValues(f *Frame, a []Value) (Value, error) {
	if a[1].ref == nil {
		return Int(1), nil
	}
	y := asToken(a[1])
	if y == nil {
		var err error
		if y, err = scalarToken(f, a[1]); err != nil {
			return Null, err
		}
	}
	c, ok := newtonsoft.Compare(asToken(a[0]), y)
	if !ok {
		return Null, dotnet.Argument("Object must be of the same type as the value.", "")
	}
	return Int(c), nil
}

// newProperty makes a JProperty; several values become an array.
var newProperty = staticTree(func(f *Frame, a []Value) (*newtonsoft.Token, error) {
	if a[0].ref == nil {
		return nil, dotnet.ArgumentNull("name")
	}
	name := a[0].Str()
	if err := f.Spend(2*tokenBytes + len(name)); err != nil {
		return nil, err
	}
	if !isMulti(a[1]) {
		v, err := tokenOf(f, a[1])
		if err != nil {
			return nil, err
		}
		return newtonsoft.NewProperty(f.Spend, name, v)
	}
	list := newtonsoft.NewArray()
	if err := content(f, a[1], func(x *newtonsoft.Token) error { return list.Add(f.Spend, x) }); err != nil {
		return nil, err
	}
	return newtonsoft.NewProperty(f.Spend, name, list)
})
