package expr

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// Values that are kept between calls, in caches, are bytes: a mark for the kind, then what it takes. What a type does not
// need in order to be itself again is left out, so trees of JSON and XML are their texts.

const (
	storedNull    = 'n'
	storedText    = 's'
	storedNumber  = '#' // any type that lives in 64 bits, by name
	storedBytes   = 'b'
	storedDecimal = 'm'
	storedGUID    = 'g'
	storedJSON    = 'j'
	storedElement = 'x'
	storedXML     = 'X'
	storedArray   = 'A'
	storedList    = 'L'
	storedDict    = 'D'
	storedJwt     = 'J'
	storedBasic   = 'B'
	storedAuth    = 'a'
)

// maxStoredDepth bounds collections in collections.
const maxStoredDepth = 32

// errStored is what bytes are that AppendStored did not write.
var errStored = errors.New("no stored value")

// AppendStored appends a value in a form that ReadStored reads. An error says that values of its type are not kept; a *Response is one of
// these, since its body belongs to the caller.
func AppendStored(b []byte, v Value) ([]byte, error) { return appendStored(b, v, 0) }

func appendStored(b []byte, v Value, depth int) ([]byte, error) {
	if depth > maxStoredDepth {
		return b, errors.New("collections are nested too deeply to be kept")
	}
	switch x := v.ref.(type) {
	case nil:
		return append(b, storedNull), nil
	case text:
		return appendText(append(b, storedText), v.Str()), nil
	case *Type:
		return binary.AppendVarint(appendText(append(b, storedNumber), x.name), v.n), nil
	case *Blob:
		return appendText(append(b, storedBytes), string(x.B)), nil
	case *dotnet.Decimal:
		b = append(b, storedDecimal)
		for _, part := range x.Bits() {
			b = binary.LittleEndian.AppendUint32(b, uint32(part))
		}
		return b, nil
	case *guid:
		return append(append(b, storedGUID), x[:]...), nil
	case *newtonsoft.Token:
		return appendJSON(b, x)
	case *xlinq.Node:
		return appendXML(b, x)
	case *Jwt:
		return appendStruct(b, storedJwt, x)
	case *BasicAuth:
		return appendStruct(b, storedBasic, x)
	case *Authorization:
		return appendStruct(b, storedAuth, x)
	}
	return appendCollection(b, v, depth)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendStruct(b []byte, mark byte, x any) ([]byte, error) {
	data, err := json.Marshal(x)
	return appendText(append(b, mark), string(data)), err
}

func appendJSON(b []byte, t *newtonsoft.Token) ([]byte, error) {
	if t.Type() == newtonsoft.Property {
		return b, errors.New("a JProperty is not kept without its object")
	}
	data, err := t.Print(false, nil)
	return appendText(append(b, storedJSON), data), err
}

func appendXML(b []byte, n *xlinq.Node) ([]byte, error) {
	data, err := n.Print(xlinq.Format{Compact: true}, nil)
	switch n.Kind() {
	case xlinq.Element:
		return appendText(append(b, storedElement), data), err
	case xlinq.Document:
		if n.Declaration != nil {
			data = n.Declaration.String() + data
		}
		return appendText(append(b, storedXML), data), err
	}
	return b, errors.New("of XML only elements and documents are kept")
}

func appendCollection(b []byte, v Value, depth int) (_ []byte, err error) {
	items := func(list []Value) {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, item := range list {
			if err == nil {
				b, err = appendStored(b, item, depth+1)
			}
		}
	}
	switch x := v.ref.(type) {
	case *Array:
		if b, err = appendType(append(b, storedArray), x.Elem); err == nil {
			items(x.Items)
		}
	case *List:
		if b, err = appendType(append(b, storedList), x.typ.args[0]); err == nil {
			items(x.Items)
		}
	case *Dict:
		if len(x.typ.args) != 2 {
			return b, fmt.Errorf("values of the type %s are not kept", x.typ)
		}
		b = append(b, storedDict)
		for _, arg := range x.typ.args {
			if err == nil {
				b, err = appendType(b, arg)
			}
		}
		var flat []Value
		for k, v := range x.All {
			flat = append(flat, k, v)
		}
		items(flat)
	default:
		return b, fmt.Errorf("values of the type %s are not kept", typeOf(v))
	}
	return b, err
}

// appendType writes the name of a type that can be found by it.
func appendType(b []byte, t *Type) ([]byte, error) {
	switch {
	case t.set != nil || t.def != nil && t.def != nullableType && len(t.args) == 0:
		return b, fmt.Errorf("values of the type %s are not kept", t)
	case t.kind == kArray:
		return appendType(append(b, '['), t.elem)
	case t.kind == kNullable:
		return appendType(append(b, '?'), t.elem)
	}
	b = append(appendText(append(b, 't'), t.name), byte(len(t.args)))
	var err error
	for _, arg := range t.args {
		if err == nil {
			b, err = appendType(b, arg)
		}
	}
	return b, err
}

// ReadStored makes the value that AppendStored wrote, which shares nothing with b. Bytes that nobody wrote are an error.
func ReadStored(b []byte) (v Value, err error) {
	defer func() {
		if recover() != nil { // of what the reading of trees did not expect
			v, err = Null, errStored
		}
	}()
	r := &storedReader{b: b}
	if v, err = r.value(0); err == nil && len(r.b) > 0 {
		err = errStored
	}
	return v, err
}

type storedReader struct{ b []byte }

func (r *storedReader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.b)) {
		return nil, errStored
	}
	got := r.b[:n]
	r.b = r.b[n:]
	return got, nil
}

func (r *storedReader) count() (uint64, error) {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		return 0, errStored
	}
	r.b = r.b[size:]
	return n, nil
}

func (r *storedReader) text() (string, error) {
	n, err := r.count()
	if err != nil {
		return "", err
	}
	got, err := r.take(n)
	return string(got), err
}

func (r *storedReader) value(depth int) (Value, error) {
	mark, err := r.take(1)
	if err != nil || depth > maxStoredDepth {
		return Null, errStored
	}
	switch mark[0] {
	case storedNull:
		return Null, nil
	case storedNumber:
		return r.number()
	case storedDecimal:
		return r.decimal()
	case storedGUID:
		got, err := r.take(16)
		if err != nil {
			return Null, err
		}
		return guidValue([16]byte(got)), nil
	case storedArray, storedList, storedDict:
		return r.collection(mark[0], depth)
	}
	s, err := r.text()
	if err != nil {
		return Null, err
	}
	return readText(mark[0], s)
}

func readText(mark byte, s string) (Value, error) {
	tree := func(pointer any, err error) (Value, error) {
		if err != nil {
			return Null, errStored
		}
		return Object(pointer), nil
	}
	switch mark {
	case storedText:
		return String(s), nil
	case storedBytes:
		return Bytes([]byte(s)), nil
	case storedJSON:
		t, err := newtonsoft.Parse(s, nil)
		return tree(t, err)
	case storedElement:
		n, err := xlinq.ParseElement(s, true, nil)
		return tree(n, err)
	case storedXML:
		n, err := xlinq.ParseDocument(s, true, nil)
		return tree(n, err)
	case storedJwt:
		x := &Jwt{}
		return tree(x, json.Unmarshal([]byte(s), x))
	case storedBasic:
		x := &BasicAuth{}
		return tree(x, json.Unmarshal([]byte(s), x))
	case storedAuth:
		x := &Authorization{}
		return tree(x, json.Unmarshal([]byte(s), x))
	}
	return Null, errStored
}

func (r *storedReader) number() (Value, error) {
	name, err := r.text()
	n, size := binary.Varint(r.b)
	t := lib().types[name]
	if err != nil || size <= 0 || t == nil || t.zero.ref != any(t) {
		return Null, errStored
	}
	r.b = r.b[size:]
	return Number(t, n), nil
}

func (r *storedReader) decimal() (Value, error) {
	got, err := r.take(16)
	if err != nil {
		return Null, err
	}
	bits := make([]int32, 4)
	for i := range bits {
		bits[i] = int32(binary.LittleEndian.Uint32(got[4*i:]))
	}
	d, err := dotnet.DecimalFromBits(bits)
	if err != nil {
		return Null, errStored
	}
	return Object(&d), nil
}

func (r *storedReader) typ(depth int) (*Type, error) {
	mark, err := r.take(1)
	if err != nil || depth > maxStoredDepth {
		return nil, errStored
	}
	switch mark[0] {
	case '[', '?':
		elem, err := r.typ(depth + 1)
		if err != nil {
			return nil, err
		}
		if mark[0] == '[' {
			return arrayOf(elem), nil
		}
		return nullable(elem), nil
	case 't':
	default:
		return nil, errStored
	}
	name, err := r.text()
	if err != nil {
		return nil, err
	}
	arity, err := r.take(1)
	if err != nil {
		return nil, err
	}
	t := lib().byName(name, int(arity[0]))
	if t == nil {
		return nil, errStored
	}
	if arity[0] == 0 {
		return t, nil
	}
	args := make([]*Type, arity[0])
	for i := range args {
		if args[i], err = r.typ(depth + 1); err != nil {
			return nil, err
		}
	}
	return instance(t, args...), nil
}

func (r *storedReader) collection(mark byte, depth int) (Value, error) {
	first, err := r.typ(0)
	if err != nil {
		return Null, err
	}
	second := first
	if mark == storedDict {
		if second, err = r.typ(0); err != nil {
			return Null, err
		}
	}
	n, err := r.count()
	if err != nil || n > uint64(len(r.b)) {
		return Null, errStored
	}
	items := make([]Value, n)
	for i := range items {
		if items[i], err = r.value(depth + 1); err != nil {
			return Null, err
		}
	}
	switch mark {
	case storedArray:
		return Object(&Array{first, items}), nil
	case storedList:
		return newListOf(first, items), nil
	}
	d := newDict(instance(dictType, first, second))
	f := &Frame{steps: math.MaxInt32, bytes: maxBytes, turn: clockTurn, stop: time.Now().Add(time.Second)}
	for i := 0; i+1 < len(items); i += 2 {
		if _, err := d.Put(f, items[i], items[i+1]); err != nil {
			return Null, errStored
		}
	}
	return Object(d), nil
}
