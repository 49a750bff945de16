package jsondoc

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"

	"gatehouse"
)

// indexed is the number of members from which an Object keeps an index; below
// it, walking the members is quicker than hashing a name.
const indexed = 16

// Object is a JSON object: members in the order of the document. Names compare
// without case, so no two members differ only in that; only in an exact Object, which
// Options.Exact and Options.Variants make, each spelling is a name of its own. The zero Object is
// empty and ready for use; reading is safe from several goroutines, writing is not.
type Object struct {
	members   []member
	index     map[string]int // folded name to position, from indexed members on
	line, col uint32
	exact     bool
}

type member struct {
	name      string
	value     Value
	line, col uint32
}

// NewObject makes an object of alternating names and values.
func NewObject(pairs ...any) *Object {
	o := &Object{members: make([]member, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.Set(pairs[i].(string), pairs[i+1])
	}
	return o
}

// Len returns the number of members; a nil object has none.
func (o *Object) Len() int {
	if o == nil {
		return 0
	}
	return len(o.members)
}

// Names returns the members' names in order.
func (o *Object) Names() []string {
	names := make([]string, 0, o.Len())
	for name := range o.All() {
		names = append(names, name)
	}
	return names
}

// All walks the members in order. The object must not change meanwhile.
func (o *Object) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if o == nil {
			return
		}
		for i := range o.members {
			if !yield(o.members[i].name, o.members[i].value) {
				return
			}
		}
	}
}

// Get returns the member of that name, in whatever case it is spelled.
func (o *Object) Get(name string) (Value, bool) {
	if i := o.find(name); i >= 0 {
		return o.members[i].value, true
	}
	return nil, false
}

// Has reports whether there is a member of that name, null or not.
func (o *Object) Has(name string) bool { return o.find(name) >= 0 }

// Spelling returns the member's name as the document spells it, "" when absent.
func (o *Object) Spelling(name string) string {
	if i := o.find(name); i >= 0 {
		return o.members[i].name
	}
	return ""
}

// Set gives a member its value. A member that exists keeps its place and
// spelling; a new one comes last. Go values that are no Value are converted
// as encoding/json would; Set panics when that is impossible.
func (o *Object) Set(name string, v Value) {
	v = convert(v)
	if i := o.find(name); i >= 0 {
		o.members[i].value = v
		return
	}
	o.members = append(o.members, member{name: name, value: v})
	if o.index != nil {
		o.index[o.key(name)] = len(o.members) - 1
	} else {
		o.reindex()
	}
}

// Delete removes a member and reports whether it was there.
func (o *Object) Delete(name string) bool {
	i := o.find(name)
	if i < 0 {
		return false
	}
	o.drop(map[int]bool{i: true})
	return true
}

// DeleteFunc removes the members that del names, in time that grows with the object
// and not with its square, as one Delete after the other would.
func (o *Object) DeleteFunc(del func(name string, v Value) bool) {
	removed := map[int]bool{}
	for i := range o.members {
		if del(o.members[i].name, o.members[i].value) {
			removed[i] = true
		}
	}
	o.drop(removed)
}

// Clone copies the object and all that it holds.
func (o *Object) Clone() *Object {
	if o == nil {
		return nil
	}
	c := &Object{members: make([]member, len(o.members)), line: o.line, col: o.col, exact: o.exact}
	copy(c.members, o.members)
	for i := range c.members {
		c.members[i].value = Clone(c.members[i].value)
	}
	c.reindex()
	return c
}

// Clone copies a value and all that it holds.
func Clone(v Value) Value {
	switch v := v.(type) {
	case *Object:
		return v.Clone()
	case []Value:
		c := make([]Value, len(v))
		for i := range v {
			c[i] = Clone(v[i])
		}
		return c
	}
	return v
}

// Position returns line and column (in bytes, from 1) of the object's brace in
// the text it was parsed from; 0, 0 when it was not.
func (o *Object) Position() (line, column int) {
	if o == nil {
		return 0, 0
	}
	return int(o.line), int(o.col)
}

// PositionOf is Position for the name of a member.
func (o *Object) PositionOf(name string) (line, column int) {
	if i := o.find(name); i >= 0 {
		return int(o.members[i].line), int(o.members[i].col)
	}
	return 0, 0
}

func (o *Object) find(name string) int {
	if o == nil {
		return -1
	}
	if o.index != nil {
		if i, ok := o.index[o.key(name)]; ok {
			return i
		}
		return -1
	}
	for i := range o.members {
		if o.members[i].name == name || !o.exact && sameName(o.members[i].name, name) {
			return i
		}
	}
	return -1
}

func (o *Object) reindex() {
	o.index = nil
	if len(o.members) < indexed {
		return
	}
	o.index = make(map[string]int, len(o.members))
	for i := range o.members {
		o.index[o.key(o.members[i].name)] = i
	}
}

func (o *Object) key(name string) string {
	if o.exact {
		return name
	}
	return gatehouse.Fold(name)
}

// NewExact makes an empty exact object.
func NewExact() *Object { return &Object{exact: true} }

// Exact reports whether names of the object compare with case.
func (o *Object) Exact() bool { return o != nil && o.exact }

// sameName reports whether two names fold to the same text, without allocating for ASCII.
func sameName(a, b string) bool {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return gatehouse.Fold(a[i:]) == gatehouse.Fold(b[i:])
		}
		if x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return len(a) == len(b)
}

// Lookup walks a path of names joined by dots, as in "properties.sku.name".
func (o *Object) Lookup(path string) (Value, bool) {
	for {
		name, rest, more := strings.Cut(path, ".")
		v, ok := o.Get(name)
		if !ok || !more {
			return v, ok
		}
		if o, ok = v.(*Object); !ok {
			return nil, false
		}
		path = rest
	}
}

// String returns the string at path, "" when there is none.
func (o *Object) String(path string) string {
	v, _ := o.Lookup(path)
	s, _ := v.(string)
	return s
}

// Bool returns the truth value at path, false when there is none.
func (o *Object) Bool(path string) bool {
	v, _ := o.Lookup(path)
	b, _ := v.(bool)
	return b
}

// Object returns the object at path, nil when there is none; a nil Object can be read.
func (o *Object) Object(path string) *Object {
	v, _ := o.Lookup(path)
	inner, _ := v.(*Object)
	return inner
}

// Array returns the array at path, nil when there is none.
func (o *Object) Array(path string) []Value {
	v, _ := o.Lookup(path)
	a, _ := v.([]Value)
	return a
}

// Int returns the whole number at path.
func (o *Object) Int(path string) (int64, bool) {
	v, _ := o.Lookup(path)
	n, ok := v.(Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

// SetPath is Set for a path of names joined by dots; missing objects on the way
// are made, and a value on the way that is no object gives way to one.
func (o *Object) SetPath(path string, v Value) {
	for {
		name, rest, more := strings.Cut(path, ".")
		if !more {
			o.Set(name, v)
			return
		}
		held, _ := o.Get(name)
		inner, ok := held.(*Object)
		if !ok {
			inner = &Object{}
			o.Set(name, inner)
		}
		o, path = inner, rest
	}
}

// DeletePath removes the member at a path of names joined by dots.
func (o *Object) DeletePath(path string) bool {
	dir, name := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		dir, name = path[:i], path[i+1:]
		o = o.Object(dir)
	}
	if o == nil {
		return false
	}
	return o.Delete(name)
}

// convert makes a Value of what callers commonly have in hand.
func convert(v any) Value {
	switch v := v.(type) {
	case nil, string, bool, Number, []Value:
		return v
	case *Object:
		if v == nil {
			return nil
		}
		return v
	case int:
		return Number(fmt.Sprint(v))
	}
	out, err := From(v)
	if err != nil {
		panic(fmt.Sprintf("jsondoc: a %T is no JSON value: %v", v, err))
	}
	return out
}

// From encodes a Go value with encoding/json and reads the result as a document.
func From(v any) (Value, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return Parse(b, Options{})
}

// Decode fills a Go value from a document, as Unmarshal does.
func Decode(v Value, into any) error { return Unmarshal(Marshal(v), into) }

// Unmarshal fills a Go value with encoding/json, but for one thing: there a long s
// (U+017F) and a Kelvin sign (U+212A) in a member's name pass for s and k, so that a
// member which everything else here takes for unknown would stand for a known one.
// Such members are left out.
func Unmarshal(b []byte, into any) error {
	if !bytes.Contains(b, []byte("\u017f")) && !bytes.Contains(b, []byte("\u212a")) && !bytes.Contains(b, []byte(`\u`)) {
		return json.Unmarshal(b, into)
	}
	v, err := Parse(b, Options{})
	if err != nil {
		return err
	}
	dropLookAlikes(v)
	return json.Unmarshal(Marshal(v), into)
}

func dropLookAlikes(v Value) {
	switch v := v.(type) {
	case *Object:
		v.DeleteFunc(func(name string, _ Value) bool { return strings.ContainsAny(name, "\u017f\u212a") })
		for _, inner := range v.All() {
			dropLookAlikes(inner)
		}
	case []Value:
		for _, inner := range v {
			dropLookAlikes(inner)
		}
	}
}

// SetPosition says where in its document an object stands that was not made by Parse.
func (o *Object) SetPosition(line, column int) { o.line, o.col = uint32(line), uint32(column) }

// SetPositionOf is SetPosition for the name of a member that is there.
func (o *Object) SetPositionOf(name string, line, column int) {
	if i := o.find(name); i >= 0 {
		o.members[i].line, o.members[i].col = uint32(line), uint32(column)
	}
}
