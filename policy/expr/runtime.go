package expr

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"strconv"
	"strings"

	"gatehouse/dotnet"
)

// What is decided at run time: the type of an object, and the virtual members of System.Object.

type typed interface{ dotnetType() *Type }

// typeOf returns the type of a value, which is not null.
func typeOf(v Value) *Type {
	switch x := v.ref.(type) {
	case *Type:
		return x
	case text:
		return stringType
	case typed:
		return x.dotnetType()
	case *Blob:
		return bytesType()
	case *Exception:
		return exceptionTypeOf(x)
	case *dotnet.Decimal:
		return decimalType
	}
	for _, of := range runtimeTypes {
		if t := of(v.ref); t != nil {
			return t
		}
	}
	return objectType
}

func bytesType() *Type { return arrayOf(byteType) }

// virtual finds the members that a type declares or inherits, once.
func (t *Type) virtual() *Type {
	t.virtuals.Do(func() {
		t.toString = t.override("ToString", 0)
		t.equals = t.override("Equals", 1)
		t.hashCode = t.override("GetHashCode", 0)
		t.compareTo = t.override("CompareTo", 1)
		t.format = t.override("ToString", -1)
	})
	return t
}

// override finds the code of an instance method with n parameters that the type or a base of it has, System.Object left out. -1 asks
// for the one with one string.
func (t *Type) override(name string, n int) Func {
	for s := t; s != nil && s != objectType; s = s.base() {
		args := s.args
		if s.kind == kArray {
			args = []*Type{s.elem}
		}
		var found *member
		for _, m := range s.definition().members[name] {
			if m.static || m.kind != mMethod || len(m.tparams) > 0 {
				continue
			}
			switch {
			case n >= 0 && len(m.params) == n && (found == nil || m.params[0].typ == objectType):
				found = m
			case n < 0 && len(m.params) == 1 && m.params[0].typ == stringType:
				found = m
			}
		}
		if found != nil {
			return candidate{found, s, args}.fn(nil)
		}
	}
	return nil
}

// text is what string concatenation makes of a value: "" of null, else ToString().
func (f *Frame) text(v Value) (string, error) {
	switch x := v.ref.(type) {
	case nil:
		return "", nil
	case text:
		return v.Str(), nil
	case *Type:
		if s, ok := scalarText(v, x); ok {
			return s, nil
		}
	}
	t := typeOf(v).virtual()
	if x, ok := v.ref.(*Anonymous); ok {
		return f.anonymousText(x)
	}
	if t.toString == nil {
		return objectText(v, t), nil
	}
	if err := f.deeper(); err != nil {
		return "", err
	}
	r, err := t.toString(f, []Value{v})
	f.nest--
	return r.Str(), err
}

// anonymousText prints { a = 1, b = x }.
func (f *Frame) anonymousText(x *Anonymous) (string, error) {
	if err := f.deeper(); err != nil {
		return "", err
	}
	defer func() { f.nest-- }()
	var b strings.Builder
	b.WriteString("{ ")
	for i, m := range x.typ.anonymous {
		s, err := f.text(x.Values[i])
		if err == nil {
			err = f.Spend(len(s) + len(m.name) + 5)
		}
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(m.name + " = " + s)
	}
	if len(x.Values) > 0 {
		b.WriteByte(' ')
	}
	b.WriteByte('}')
	return b.String(), nil
}

// maxNest bounds how deep objects that are printed, compared or walked may hold each other.
const maxNest = 2000

// deeper counts a level of objects that hold objects; the caller takes it back.
func (f *Frame) deeper() error {
	// Objects that hold the same object twice are as wide as they are deep.
	if err := f.Step(1); err != nil {
		return err
	}
	if f.nest++; f.nest > maxNest {
		return &LimitError{"its objects hold each other too deeply"}
	}
	return nil
}

func objectText(v Value, t *Type) string {
	if t.kind == kEnum {
		return t.enumText(v.n)
	}
	return t.String()
}

// scalarText prints numbers, booleans, characters and enumerations, in the invariant culture.
func scalarText(v Value, t *Type) (string, bool) {
	switch t.kind {
	case kBool:
		return dotnet.BoolString(v.n != 0), true
	case kChar:
		return unitText(uint16(v.n)), true
	case kULong:
		return strconv.FormatUint(uint64(v.n), 10), true
	case kDouble:
		return dotnet.DoubleString(v.Float()), true
	case kFloat:
		return dotnet.SingleString(float32(v.Float())), true
	case kEnum:
		return t.enumText(v.n), true
	}
	if t.isInteger() {
		return strconv.FormatInt(v.n, 10), true
	}
	return "", false
}

func unitText(c uint16) string {
	if c < 0x80 {
		return asciiTexts[c : c+1]
	}
	return dotnet.FromUnits([]uint16{c})
}

var asciiTexts = func() string {
	b := make([]byte, 128)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}()

// plain prints a constant in a message.
func plain(v Value) string {
	if v.IsString() {
		return v.Str()
	}
	if t, ok := v.ref.(*Type); ok {
		s, _ := scalarText(v, t)
		return s
	}
	if d, ok := v.ref.(*dotnet.Decimal); ok {
		return d.String()
	}
	return "null"
}

// format is what string.Format makes of a value: with a format, ToString(format) of what has it.
func (f *Frame) format(v Value, format string) (string, error) {
	if format == "" || v.ref == nil || v.IsString() {
		return f.text(v)
	}
	t := typeOf(v).virtual()
	if t.format == nil {
		return f.text(v)
	}
	r, err := t.format(f, []Value{v, String(format)})
	return r.Str(), err
}

// equal is object.Equals.
func (f *Frame) equal(v, w Value) (bool, error) {
	switch x := v.ref.(type) {
	case nil:
		return w.ref == nil, nil
	case text:
		return w.IsString() && v.Str() == w.Str(), nil
	case *Type:
		if y, ok := w.ref.(*Type); ok && x == y {
			if x.kind == kDouble || x.kind == kFloat {
				a, c := v.Float(), w.Float()
				return a == c || math.IsNaN(a) && math.IsNaN(c), nil
			}
			return v.n == w.n || x.sameClock && v.n&clockMask == w.n&clockMask, nil
		}
		return false, nil
	case *Pair:
		return f.equalPair(x, w)
	case *dotnet.Decimal:
		y, ok := w.ref.(*dotnet.Decimal)
		return ok && x.Cmp(*y) == 0, nil
	case *Anonymous:
		return f.equalAnonymous(x, w)
	}
	if w.ref == nil {
		return false, nil
	}
	if err := f.deeper(); err != nil {
		return false, err
	}
	defer func() { f.nest-- }()
	t := typeOf(v).virtual()
	if t.equals == nil {
		return sameObject(v, w), nil
	}
	if !isInstance(w, typeOf(v)) && !isInstance(v, typeOf(w)) {
		return false, nil
	}
	r, err := t.equals(f, []Value{v, w})
	return r.n != 0, err
}

func (f *Frame) equalAnonymous(x *Anonymous, w Value) (bool, error) {
	y, ok := w.ref.(*Anonymous)
	if !ok || x.typ != y.typ {
		return false, nil
	}
	if err := f.deeper(); err != nil {
		return false, err
	}
	defer func() { f.nest-- }()
	for i := range x.Values {
		if same, err := f.equal(x.Values[i], y.Values[i]); err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

func (f *Frame) equalPair(x *Pair, w Value) (bool, error) {
	y, ok := w.ref.(*Pair)
	if !ok || x.typ != y.typ {
		return false, nil
	}
	if err := f.deeper(); err != nil {
		return false, err
	}
	defer func() { f.nest-- }()
	if same, err := f.equal(x.Key, y.Key); err != nil || !same {
		return false, err
	}
	return f.equal(x.Value, y.Value)
}

// clockMask leaves the Kind of a DateTime out.
const clockMask = 1<<62 - 1

var hashSeed = maphash.MakeSeed()

// key is what a value is filed under in dictionaries and sets: equal values have equal keys.
type key struct {
	ref any
	n   int64
	s   string
}

// keyOf makes the key of a value. Types with Equals of their own are filed under their hash code and compared.
func (f *Frame) keyOf(v Value) (key, error) {
	switch x := v.ref.(type) {
	case nil:
		return key{}, nil
	case text:
		return key{ref: stringType, s: v.Str()}, nil
	case *Type:
		switch {
		case x.sameClock:
			v.n &= clockMask
		case (x.kind == kDouble || x.kind == kFloat) && v.Float() == 0:
			v.n = 0
		}
		return key{ref: x, n: v.n}, nil
	case *dotnet.Decimal:
		return key{ref: decimalType, s: x.String()}, nil
	case *Anonymous:
		return f.anonymousKey(x)
	case Headers, Claims, stringMap:
		return key{ref: objectType}, nil
	}
	t := typeOf(v).virtual()
	if t.hashCode == nil || t.equals == nil {
		return key{ref: v.ref}, nil
	}
	h, err := t.hashCode(f, []Value{v})
	return key{ref: t, n: h.n}, err
}

func (f *Frame) anonymousKey(x *Anonymous) (key, error) {
	k := key{ref: x.typ}
	if err := f.deeper(); err != nil {
		return k, err
	}
	defer func() { f.nest-- }()
	for _, v := range x.Values {
		part, err := f.keyOf(v)
		if err != nil {
			return k, err
		}
		if err := f.Spend(len(part.s)); err != nil {
			return k, err
		}
		k.s += strconv.Itoa(len(part.s)) + ":" + part.s + string(binary.LittleEndian.AppendUint64(nil, uint64(part.n)))
	}
	return k, nil
}

// hash is GetHashCode.
func (f *Frame) hash(v Value) (int32, error) {
	if v.IsString() {
		return dotnet.HashCode(v.Str()), nil
	}
	if t, ok := v.ref.(*Type); ok {
		switch t.kind {
		case kBool, kInt, kByte, kSByte, kShort, kUShort, kUInt, kEnum:
			return int32(v.n), nil
		}
	}
	if v.ref != nil {
		if t := typeOf(v).virtual(); t.hashCode != nil {
			r, err := t.hashCode(f, []Value{v})
			return int32(r.n), err
		}
	}
	k, err := f.keyOf(v)
	return int32(maphash.Comparable(hashSeed, k)), err
}

// compare is Comparer<T>.Default: null comes first.
func (f *Frame) compare(v, w Value) (int, error) {
	switch {
	case v.ref == nil && w.ref == nil:
		return 0, nil
	case v.ref == nil:
		return -1, nil
	case w.ref == nil:
		return 1, nil
	case v.IsString() && w.IsString():
		return dotnet.Compare(v.Str(), w.Str(), dotnet.CurrentCulture), nil
	}
	if t, ok := v.ref.(*Type); ok {
		if u, ok := w.ref.(*Type); ok && t == u {
			return compareScalar(v, w, t), nil
		}
	}
	if d, ok := v.ref.(*dotnet.Decimal); ok {
		if e, ok := w.ref.(*dotnet.Decimal); ok {
			return d.Cmp(*e), nil
		}
	}
	t := typeOf(v).virtual()
	if t.compareTo == nil {
		return 0, throw("System.InvalidOperationException", "Failed to compare two elements in the array.")
	}
	r, err := t.compareTo(f, []Value{v, w})
	return int(r.n), err
}

func compareScalar(v, w Value, t *Type) int {
	switch t.kind {
	case kDouble, kFloat:
		a, c := v.Float(), w.Float()
		switch {
		case a < c:
			return -1
		case a > c:
			return 1
		case a == c:
			return 0
		case math.IsNaN(a) && !math.IsNaN(c):
			return -1
		case math.IsNaN(c) && !math.IsNaN(a):
			return 1
		}
		return 0
	case kULong:
		return compareUnsigned(uint64(v.n), uint64(w.n))
	}
	if t.sameClock {
		v.n, w.n = v.n&clockMask, w.n&clockMask
	}
	switch {
	case v.n < w.n:
		return -1
	case v.n > w.n:
		return 1
	}
	return 0
}

// walk calls yield for each element until it says no.
type walk func(f *Frame, yield func(Value) (bool, error)) error

// iterate walks whatever foreach can walk.
func iterate(f *Frame, v Value, yield func(Value) (bool, error)) error {
	switch x := v.ref.(type) {
	case nil:
		return dotnet.NullReference()
	case text:
		return walkText(v.Str(), yield)
	case *Array:
		for _, e := range x.Items {
			if more, err := yield(e); err != nil || !more {
				return err
			}
		}
		return nil
	case *Blob:
		for _, e := range x.B {
			if more, err := yield(Value{byteType, int64(e)}); err != nil || !more {
				return err
			}
		}
		return nil
	case walker:
		if err := f.deeper(); err != nil {
			return err
		}
		err := x.walk(f, yield)
		f.nest--
		return err
	}
	for _, of := range walkers {
		if w, ok := of(v.ref); ok {
			return w(f, yield)
		}
	}
	return throw("System.InvalidCastException", "Unable to cast object of type '%s' to type 'System.Collections.IEnumerable'.", typeOf(v))
}

// walker is a collection of this package.
type walker interface {
	walk(f *Frame, yield func(Value) (bool, error)) error
}

func walkText(s string, yield func(Value) (bool, error)) error {
	if dotnet.IsASCII(s) {
		for i := range len(s) {
			if more, err := yield(Char(uint16(s[i]))); err != nil || !more {
				return err
			}
		}
		return nil
	}
	for _, u := range dotnet.Units(s) {
		if more, err := yield(Char(u)); err != nil || !more {
			return err
		}
	}
	return nil
}

// collect makes a list of what can be walked.
func collect(f *Frame, v Value) ([]Value, error) {
	if a, ok := v.ref.(*Array); ok {
		return a.Items, f.Step(len(a.Items))
	}
	var list []Value
	err := iterate(f, v, func(x Value) (bool, error) {
		if err := f.step(); err != nil {
			return false, err
		}
		if err := f.Spend(valueSize); err != nil {
			return false, err
		}
		list = append(list, x)
		return true, nil
	})
	return list, err
}

// deliver makes of a program's result what its slot wants.
func (p *Program) deliver(f *Frame, v Value) (Value, error) {
	if p.want != WantText && p.want != WantBody || v.IsString() {
		return v, nil
	}
	if v.ref == nil {
		if p.want == WantBody {
			return v, nil
		}
		return String(""), nil
	}
	if _, ok := v.ref.(*Blob); ok && p.want == WantBody {
		return v, nil
	}
	s, err := f.text(v)
	if err != nil {
		return Null, exception(err)
	}
	return String(s), nil
}

// Print returns v as a text slot prints it: "" for null.
func (v Value) Print() string {
	if v.ref == nil || v.IsString() {
		return v.Str()
	}
	lib()
	f := &Frame{ctx: &Context{}, steps: maxSteps, bytes: maxBytes, turn: clockTurn, chunk: make([]Value, chunkSize)}
	s, _ := f.text(v)
	return s
}

// TypeName returns the full name of the .NET type of v, "" for null.
func (v Value) TypeName() string {
	if v.ref == nil {
		return ""
	}
	lib()
	return typeOf(v).String()
}
