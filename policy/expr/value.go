package expr

import (
	"math"
	"unsafe"
)

// Value is a C# value: null, a number, a string, or a reference to an object. The zero Value is null. Numbers,
// booleans, characters, enumerations, DateTime and TimeSpan live in n and do not allocate; neither do strings.
type Value struct {
	ref any   // nil for null; the *Type of what lives in n; a text for a string; else a pointer to the object
	n   int64 // bits of a number, length of a string in bytes
}

// text is where the bytes of a string begin. A string is kept as text and length, so that it fits a Value.
type text *byte

// Null is the value of no object.
var Null Value

var emptyText = text(new(byte))

// String makes a System.String.
func String(s string) Value {
	if s == "" {
		return Value{emptyText, 0}
	}
	return Value{text(unsafe.StringData(s)), int64(len(s))}
}

// Bool makes a System.Boolean.
func Bool(b bool) Value {
	if b {
		return Value{boolType, 1}
	}
	return Value{boolType, 0}
}

// Int makes a System.Int32.
func Int(n int) Value { return Value{intType, int64(int32(n))} }

// Long makes a System.Int64.
func Long(n int64) Value { return Value{longType, n} }

// Double makes a System.Double.
func Double(x float64) Value { return Value{doubleType, int64(math.Float64bits(x))} }

// Char makes a System.Char of a UTF-16 code unit.
func Char(c uint16) Value { return Value{charType, int64(c)} }

// Bytes makes a byte[] that shares b.
func Bytes(b []byte) Value { return Value{&Blob{B: b}, 0} }

// Object makes a reference to what a pointer points at. The kinds of pointers that expressions understand
// stand in typeOf; nil makes null.
func Object(pointer any) Value { return Value{pointer, 0} }

// Number makes a value of a type that lives in 64 bits: an integer, an enumeration, DateTime, TimeSpan. Floating
// point numbers are made by Double and Single.
func Number(t *Type, n int64) Value { return Value{t, n} }

// Single makes a System.Single.
func Single(x float32) Value { return Value{floatType, int64(math.Float64bits(float64(x)))} }

// IsNull reports whether v is null.
func (v Value) IsNull() bool { return v.ref == nil }

// Str returns the text of a string, "" for null and anything else.
func (v Value) Str() string {
	if p, ok := v.ref.(text); ok {
		return unsafe.String((*byte)(p), int(v.n))
	}
	return ""
}

// Is reports whether v and w are the same object, or equal strings or numbers.
func (v Value) Is(w Value) bool {
	switch v.ref.(type) {
	case Headers, Claims, stringMap: // maps, which Go does not compare
		return false
	case text:
		return w.IsString() && v.Str() == w.Str()
	}
	return v == w
}

// IsString reports whether v is a System.String.
func (v Value) IsString() bool {
	_, ok := v.ref.(text)
	return ok
}

// Int returns the value of an integer, character, enumeration, or what else lives in 64 bits.
func (v Value) Int() int64 { return v.n }

// Bool returns the value of a boolean.
func (v Value) Bool() bool { return v.n != 0 }

// Float returns the value of a double or float.
func (v Value) Float() float64 { return math.Float64frombits(uint64(v.n)) }

// Ref returns the pointer to the object, nil for null. It is a *Type for what lives in 64 bits.
func (v Value) Ref() any { return v.ref }

// Blob is a byte[].
type Blob struct{ B []byte }

// ByteSlice returns the bytes of a byte[].
func (v Value) ByteSlice() ([]byte, bool) {
	if b, ok := v.ref.(*Blob); ok {
		return b.B, true
	}
	return nil, false
}
