package expr

import (
	"encoding/binary"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

type kind uint8

// The kinds of types. Those from kChar to kDecimal are the numbers, narrow ones first.
const (
	kClass kind = iota
	kInterface
	kStruct
	kEnum
	kDelegate
	kArray
	kNullable
	kTypeParam
	kAnonymous
	kNull
	kVoid
	kError
	kObject
	kString
	kBool
	kChar
	kSByte
	kByte
	kShort
	kUShort
	kInt
	kUInt
	kLong
	kULong
	kFloat
	kDouble
	kDecimal
)

// Type describes a .NET type. Types are interned: equal types are the same pointer.
type Type struct {
	kind kind
	id   uint32
	name string   // full name without arguments: System.Collections.Generic.List
	def  *Type    // of an instance of a generic type
	args []*Type  // of an instance; of a definition its parameters
	elem *Type    // of an array or Nullable
	set  *typeSet // of types that only one program knows: anonymous ones and what is made of them

	depth     int
	size      int  // of types in it, counted each time that they stand there; 0 where it is not generic
	index     int  // of a type parameter
	ofMethod  bool // of a type parameter
	variance  []int8
	static    bool
	internal  bool // expressions may have values of it but not name it
	flags     bool // of an enumeration
	sameClock bool // of DateTime: the two highest bits are its Kind, which does not count when times are compared
	anonymous []anonMember

	declared                                      []*Type // base and interfaces as declared, of the definition
	members                                       map[string][]*member
	fresh                                         []*member // operators and conversions
	refused                                       map[string]bool
	enum                                          []enumName
	invoke                                        *member // of a delegate
	supers                                        sync.Once
	baseType                                      *Type
	ifaces                                        []*Type // all of them, inherited ones too
	virtuals                                      sync.Once
	toString, equals, hashCode, compareTo, format Func
	zero                                          Value
}

type enumName struct {
	name  string
	value int64
}

type anonMember struct {
	name string
	typ  *Type
}

// The types that the core itself needs. The tables fill them in.
var (
	objectType    = &Type{kind: kObject, name: "System.Object"}
	stringType    = &Type{kind: kString, name: "System.String"}
	boolType      = valueType(kBool, "System.Boolean")
	charType      = valueType(kChar, "System.Char")
	sbyteType     = valueType(kSByte, "System.SByte")
	byteType      = valueType(kByte, "System.Byte")
	shortType     = valueType(kShort, "System.Int16")
	ushortType    = valueType(kUShort, "System.UInt16")
	intType       = valueType(kInt, "System.Int32")
	uintType      = valueType(kUInt, "System.UInt32")
	longType      = valueType(kLong, "System.Int64")
	ulongType     = valueType(kULong, "System.UInt64")
	floatType     = valueType(kFloat, "System.Single")
	doubleType    = valueType(kDouble, "System.Double")
	decimalType   = &Type{kind: kDecimal, name: "System.Decimal"}
	voidType      = &Type{kind: kVoid, name: "System.Void"}
	nullType      = &Type{kind: kNull, name: "<null>"}
	errType       = &Type{kind: kError, name: "?"}
	exceptionType = &Type{name: "System.Exception"}
	arrayType     = &Type{name: "System.Array"}
	valueTypeType = &Type{name: "System.ValueType"}
	enumType      = &Type{name: "System.Enum"}
	nullableType  = &Type{kind: kStruct, name: "System.Nullable"}
	contextType   = &Type{name: "IContext", kind: kInterface}
)

func valueType(k kind, name string) *Type {
	t := &Type{kind: k, name: name}
	t.zero = Value{t, 0}
	return t
}

// typeSet interns types.
type typeSet struct {
	mu   sync.RWMutex
	made map[string]*Type
}

// maxTypes bounds the types that are kept for all programs; what is beyond is made anew for each use.
const maxTypes = 50_000

// interned holds the generic types and arrays in use, which are few: types are shared by all programs, so that a list that one
// expression stores is the same type for the next.
var (
	interned typeSet
	lastID   atomic.Uint32
)

func (s *typeSet) intern(key string, build func() *Type) *Type {
	s.mu.RLock()
	t := s.made[key]
	s.mu.RUnlock()
	if t != nil {
		return t
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.made[key]; t != nil {
		return t
	}
	t = build()
	if s.made == nil {
		s.made = map[string]*Type{}
	}
	if len(s.made) < maxTypes {
		s.made[key] = t
	}
	return t
}

func (t *Type) number() uint32 {
	if id := atomic.LoadUint32(&t.id); id != 0 {
		return id
	}
	atomic.CompareAndSwapUint32(&t.id, 0, lastID.Add(1))
	return atomic.LoadUint32(&t.id)
}

func typeKey(form byte, def *Type, args []*Type) (string, *typeSet, int) {
	key := make([]byte, 0, 32)
	key = append(key, form)
	set, depth := &interned, 0
	if def != nil {
		key = binary.LittleEndian.AppendUint32(key, def.number())
	}
	for _, a := range args {
		key = binary.LittleEndian.AppendUint32(key, a.number())
		depth = max(depth, a.depth+1)
		if a.set != nil {
			set = a.set
		}
	}
	return string(key), set, depth
}

func setOf(args []*Type) *typeSet {
	for _, a := range args {
		if a.set != nil {
			return a.set
		}
	}
	return nil
}

// maxTypeSize bounds generic types: one that holds the last one twice, again and again, is as wide as no name can be.
const maxTypeSize = 1000

func (t *Type) extent() int {
	switch {
	case t.size > 0:
		return t.size
	case t.elem != nil:
		return 1 + t.elem.extent()
	}
	return 1
}

// instance returns the generic type def with arguments.
func instance(def *Type, args ...*Type) *Type {
	if def == nullableType {
		return nullable(args[0])
	}
	key, set, depth := typeKey('g', def, args)
	return set.intern(key, func() *Type {
		args = slices.Clone(args)
		size := 1
		for _, a := range args {
			if size += a.extent(); size > maxTypeSize {
				panic("a type of it is too large") // compile and run catch it
			}
		}
		return &Type{size: size, kind: def.kind, name: def.name, def: def, args: args, depth: depth, set: setOf(args), internal: def.internal, zero: def.zero}
	})
}

// arrayOf returns the type t[].
func arrayOf(t *Type) *Type {
	key, set, depth := typeKey('a', nil, []*Type{t})
	return set.intern(key, func() *Type {
		return &Type{kind: kArray, name: "System.Array", elem: t, depth: depth, set: t.set}
	})
}

// nullable returns t?.
func nullable(t *Type) *Type {
	key, set, depth := typeKey('n', nil, []*Type{t})
	return set.intern(key, func() *Type {
		return &Type{kind: kNullable, name: "System.Nullable", def: nullableType, args: []*Type{t}, elem: t, depth: depth, set: t.set}
	})
}

// definition is the type whose tables hold the members of t.
func (t *Type) definition() *Type {
	switch {
	case t.kind == kArray:
		return arrayType
	case t.def != nil:
		return t.def
	}
	return t
}

func (t *Type) isNumber() bool { return t.kind >= kChar }

func (t *Type) isInteger() bool { return t.kind >= kChar && t.kind <= kULong }

// isValue reports whether t is a value type.
func (t *Type) isValue() bool {
	return t.kind >= kBool || t.kind == kStruct || t.kind == kEnum || t.kind == kNullable || t.kind == kVoid
}

// isReference reports whether null is a value of t.
func (t *Type) isReference() bool { return !t.isValue() && t.kind != kTypeParam }

// holdsParams reports whether type parameters stand in t.
func (t *Type) holdsParams() bool {
	if t.kind == kTypeParam {
		return true
	}
	if t.elem != nil {
		return t.elem.holdsParams()
	}
	if t.def == nil {
		return false
	}
	return slices.ContainsFunc(t.args, (*Type).holdsParams)
}

// substitute puts types in the place of parameters; a nil argument leaves the parameter.
func (t *Type) substitute(ofType, ofMethod []*Type) *Type {
	switch {
	case t.kind == kTypeParam:
		list := ofType
		if t.ofMethod {
			list = ofMethod
		}
		if t.index < len(list) && list[t.index] != nil {
			return list[t.index]
		}
		return t
	case !t.holdsParams():
		return t
	case t.kind == kArray:
		return arrayOf(t.elem.substitute(ofType, ofMethod))
	case t.kind == kNullable:
		return nullable(t.elem.substitute(ofType, ofMethod))
	}
	args := make([]*Type, len(t.args))
	for i, a := range t.args {
		args[i] = a.substitute(ofType, ofMethod)
	}
	return instance(t.def, args...)
}

// resolve finds base and interfaces of t.
func (t *Type) resolve() {
	t.supers.Do(func() {
		def := t.definition()
		args := t.args
		if t.kind == kArray {
			args = []*Type{t.elem}
		}
		add := func(s *Type) {
			if !slices.Contains(t.ifaces, s) {
				t.ifaces = append(t.ifaces, s)
			}
		}
		for _, d := range def.declared {
			s := d.substitute(args, nil)
			if s.kind == kInterface {
				add(s)
			} else {
				t.baseType = s
			}
			s.resolve()
			for _, i := range s.ifaces {
				add(i)
			}
		}
		if t.baseType == nil && t != objectType && t.kind != kInterface && t.kind != kVoid && t.kind != kError && t.kind != kNull && t.kind != kTypeParam {
			t.baseType = objectType
			if t.isValue() {
				t.baseType = valueTypeType
			}
			switch {
			case t == valueTypeType, t == arrayType:
				t.baseType = objectType
			case t.kind == kEnum:
				t.baseType = enumType
			case t.kind == kArray:
				t.baseType = arrayType
			}
		}
	})
}

func (t *Type) base() *Type {
	t.resolve()
	return t.baseType
}

func (t *Type) interfaces() []*Type {
	t.resolve()
	return t.ifaces
}

// derives reports whether t is s or has an implicit reference or boxing conversion to it.
func (t *Type) derives(s *Type) bool {
	if t == s || s == objectType && t.kind != kVoid {
		return true
	}
	if t.kind == kInterface || s.kind == kInterface || s.kind == kDelegate {
		if t.varies(s) {
			return true
		}
		for _, i := range t.interfaces() {
			if i == s || i.varies(s) {
				return true
			}
		}
		return false
	}
	if t.kind == kArray && s.kind == kArray {
		return t.elem.isReference() && s.elem.isReference() && t.elem.derives(s.elem)
	}
	for b := t.base(); b != nil; b = b.base() {
		if b == s {
			return true
		}
	}
	return false
}

// varies reports whether t and s are of one generic interface or delegate whose variance makes a t an s.
func (t *Type) varies(s *Type) bool {
	if t.def == nil || t.def != s.def || t.def.variance == nil {
		return false
	}
	for i, a := range t.args {
		b := s.args[i]
		switch {
		case a == b:
		case t.def.variance[i] > 0 && a.isReference() && b.isReference() && a.derives(b):
		case t.def.variance[i] < 0 && a.isReference() && b.isReference() && b.derives(a):
		default:
			return false
		}
	}
	return true
}

// as returns the instance of def that t is or derives from, nil for none.
func (t *Type) as(def *Type) *Type {
	if t.def == def {
		return t
	}
	for _, i := range t.interfaces() {
		if i.def == def {
			return i
		}
	}
	for b := t.base(); b != nil; b = b.base() {
		if b.def == def {
			return b
		}
	}
	return nil
}

// String returns the full name as .NET prints it: what ToString of a collection says.
func (t *Type) String() string {
	switch t.kind {
	case kArray:
		return t.elem.String() + "[]"
	case kAnonymous:
		return "<>f__AnonymousType0`" + itoa(len(t.anonymous))
	}
	if len(t.args) == 0 {
		return t.name
	}
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.String()
	}
	return t.name + "`" + itoa(len(t.args)) + "[" + strings.Join(names, ",") + "]"
}

var keywordNames = func() map[*Type]string {
	m := map[*Type]string{}
	for word, t := range predefined {
		m[t] = word
	}
	return m
}()

// CSharp returns the name as the C# compiler writes it in its messages.
func (t *Type) CSharp() string {
	if word := keywordNames[t]; word != "" {
		return word
	}
	switch t.kind {
	case kArray:
		return t.elem.CSharp() + "[]"
	case kNullable:
		return t.elem.CSharp() + "?"
	case kAnonymous:
		list := make([]string, len(t.anonymous))
		for i, m := range t.anonymous {
			list[i] = m.typ.CSharp() + " " + m.name
		}
		return "<anonymous type: " + strings.Join(list, ", ") + ">"
	case kTypeParam:
		return t.name
	}
	name := strings.ReplaceAll(t.name, "+", ".")
	if len(t.args) == 0 {
		return name
	}
	names := make([]string, len(t.args))
	for i, a := range t.args {
		names[i] = a.CSharp()
	}
	return name + "<" + strings.Join(names, ", ") + ">"
}

// defaultValue is default(t).
func (t *Type) defaultValue() Value {
	switch {
	case t.kind == kEnum:
		return Value{t, 0}
	case t.isReference(), t.kind == kNullable, t.kind == kTypeParam:
		return Null
	}
	return t.zero
}

// underlying returns what a nullable type is made of, else t itself.
func (t *Type) underlying() *Type {
	if t.kind == kNullable {
		return t.elem
	}
	return t
}
