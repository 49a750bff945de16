package newtonsoft

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/dotnet"
)

// Type is JTokenType: the numbers are .NET's.
type Type int

// The members of JTokenType.
const (
	None Type = iota
	Object
	Array
	Constructor
	Property
	Comment
	Integer
	Float
	String
	Boolean
	Null
	Undefined
	Date
	Raw
	Bytes
	Guid
	Uri
	TimeSpan
)

// TypeNames are the names of JTokenType's members, by number.
var TypeNames = [...]string{"None", "Object", "Array", "Constructor", "Property", "Comment", "Integer", "Float", "String",
	"Boolean", "Null", "Undefined", "Date", "Raw", "Bytes", "Guid", "Uri", "TimeSpan"}

func (t Type) String() string {
	if t < 0 || int(t) >= len(TypeNames) {
		return fmt.Sprint(int(t))
	}
	return TypeNames[t]
}

// MaxDepth is how deep a text may nest: Json.NET 13's default, and the limit of policy-expressions.md 10.
const MaxDepth = 64

// maxHeight bounds trees that were built instead of read, so that no walk over one can exhaust the stack.
const maxHeight = 1000

// A Token is one JToken: an object, array, constructor, property or value. The zero Token is not valid.
//
// Tokens are compared by pointer, as C# compares them. A token has at most one parent: adding one that has a parent adds
// a copy, as in Json.NET. Tokens are not safe for use by several goroutines, also not for reading alone.
type Token struct {
	typ    Type
	height int // upper bound of the levels below
	at     int // where it probably stands in its parent
	parent *Token
	name   string // of a property or constructor
	items  []*Token
	index  map[string]*Token // of an object with many properties
	value  any
}

func throw(class, format string, args ...any) error {
	return dotnet.NewException(class, format, args...)
}

func invalidOperation(format string, args ...any) error {
	return throw(dotnet.InvalidOperationException, format, args...)
}

func argument(format string, args ...any) error {
	return throw(dotnet.ArgumentException, format, args...)
}

func outOfRange(name, message string) error { return dotnet.OutOfRange(message, name) }

// A Limit is an error that no policy may catch.
type Limit struct{ What string }

func (e *Limit) Error() string { return e.What }

// Spend is asked before memory is taken; nil means that nobody counts. Its error ends the operation.
type Spend func(bytes int) error

func (s Spend) take(bytes int) error {
	if s == nil {
		return nil
	}
	return s(bytes)
}

// tokenSize is what a token costs besides its text.
const tokenSize = 160

// NewObject makes an empty JObject.
func NewObject() *Token { return &Token{typ: Object} }

// NewArray makes an empty JArray.
func NewArray() *Token { return &Token{typ: Array} }

// NewConstructor makes a JConstructor without arguments.
func NewConstructor(name string) *Token { return &Token{typ: Constructor, name: name} }

// NewProperty makes a JProperty. A value that already has a parent is copied; nil is the null token.
func NewProperty(s Spend, name string, value *Token) (*Token, error) {
	p := &Token{typ: Property, name: name}
	if value == nil {
		value = NewNull()
	}
	return p, p.insert(s, 0, value)
}

// NewValue makes a JValue (or JRaw) of a type. The value's Go type has to be one of those that Value names.
func NewValue(typ Type, value any) *Token { return &Token{typ: typ, value: value} }

// NewNull makes the null token, which is not C#'s null.
func NewNull() *Token { return &Token{typ: Null} }

// Type is the token's JTokenType.
func (t *Token) Type() Type { return t.typ }

// Class is the full .NET name of the token's class.
func (t *Token) Class() string { return "Newtonsoft.Json.Linq." + t.class() }

func (t *Token) class() string {
	switch t.typ {
	case Object:
		return "JObject"
	case Array:
		return "JArray"
	case Constructor:
		return "JConstructor"
	case Property:
		return "JProperty"
	case Raw:
		return "JRaw"
	}
	return "JValue"
}

// IsContainer says whether the token is a JContainer.
func (t *Token) IsContainer() bool { return t.typ >= Object && t.typ <= Property }

// Name is the name of a property or constructor.
func (t *Token) Name() string { return t.name }

// SetName renames a constructor; a property's name never changes.
func (t *Token) SetName(name string) { t.name = name }

// Value is what a JValue holds: nil, string (also of a Guid and a Uri), bool, int64, uint64, *big.Int, float64, float32, []byte,
// or of package dotnet Decimal, DateTime, DateTimeOffset and TimeSpan.
func (t *Token) Value() any { return t.value }

// SetValue gives a JValue another value and type.
func (t *Token) SetValue(typ Type, value any) { t.typ, t.value = typ, value }

// Parent is the container of the token, or nil.
func (t *Token) Parent() *Token { return t.parent }

// Root is the outermost container, or the token itself.
func (t *Token) Root() *Token {
	for t.parent != nil {
		t = t.parent
	}
	return t
}

// Items are the children: properties of an object, elements of an array, the one value of a property. The slice is the
// token's own and must not be changed.
func (t *Token) Items() []*Token { return t.items }

// Item is the value of a property.
func (t *Token) Item() *Token {
	if len(t.items) == 0 {
		return nil
	}
	return t.items[0]
}

// Property finds the JProperty of an object by its exact name, or nil.
func (t *Token) Property(name string) *Token {
	if t.index != nil {
		return t.index[name]
	}
	for _, p := range t.items {
		if p.name == name {
			return p
		}
	}
	return nil
}

// Get is the value of an object's property, or nil: what the C# indexer gives.
func (t *Token) Get(name string) *Token {
	if p := t.Property(name); p != nil {
		return p.Item()
	}
	return nil
}

// position is the token's place in its parent, or -1.
func (t *Token) position() int {
	p := t.parent
	if p == nil {
		return -1
	}
	if t.at < len(p.items) && p.items[t.at] == t {
		return t.at
	}
	for i, c := range p.items {
		if c == t {
			t.at = i
			return i
		}
	}
	return -1
}

// Next is the following sibling, or nil.
func (t *Token) Next() *Token {
	if i := t.position(); i >= 0 && i+1 < len(t.parent.items) {
		n := t.parent.items[i+1]
		n.at = i + 1
		return n
	}
	return nil
}

// Previous is the preceding sibling, or nil.
func (t *Token) Previous() *Token {
	if i := t.position(); i > 0 {
		n := t.parent.items[i-1]
		n.at = i - 1
		return n
	}
	return nil
}

// IndexOf is the place of an item among the children by identity (arrays, properties, objects), or -1.
func (t *Token) IndexOf(item *Token) int {
	if item == nil || item.parent != t {
		return -1
	}
	return item.position()
}

// Path is JToken.Path: the way from the root, as JSONPath writes it.
func (t *Token) Path() string {
	var steps []*Token
	for x := t; x.parent != nil; x = x.parent {
		if x.typ == Property || x.parent.typ != Property {
			steps = append(steps, x)
		}
	}
	var b strings.Builder
	for _, x := range slices.Backward(steps) {
		if x.typ == Property {
			writeName(&b, x.name)
		} else {
			fmt.Fprintf(&b, "[%d]", x.position())
		}
	}
	return b.String()
}
