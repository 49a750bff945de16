package expr

type operandKind uint8

const (
	oError operandKind = iota
	oValue
	oType
	oNamespace
	oGroup
	oLambda
)

// operand is what a node of the tree turned out to be: a value of a type with its code, or the name of something.
type operand struct {
	k        operandKind
	at       int
	t        *Type // of the value; the type that is named
	run      code
	c        *Value // of a constant
	local    *local // that is named
	prop     string // the name of the property that it is
	place    *place // where it can be stored
	name     string // of a namespace or group
	recv     *operand
	group    []candidate
	targs    []*Type
	lambda   *lambdaExpr
	concat   []operand // that are strung together
	function *localFunction
}

// defaultType is the type of the literal default.
var defaultType = &Type{kind: kNull, name: "default"}

func failed(at int) operand { return operand{at: at, t: errType} }

func constant(at int, v Value, t *Type) operand {
	return operand{k: oValue, at: at, t: t, c: &v, run: func(*Frame) (Value, error) { return v, nil }}
}

func computed(at int, t *Type, run code) operand { return operand{k: oValue, at: at, t: t, run: run} }

// as is the same value seen as another type.
func (x operand) as(t *Type) operand {
	return operand{k: oValue, at: x.at, t: t, run: x.run, c: x.boxed(t)}
}

// boxed keeps a constant only while its type does: (object)1 is none.
func (x operand) boxed(t *Type) *Value {
	if x.t == t {
		return x.c
	}
	return nil
}

// mapped puts a conversion behind the value.
func (x operand) mapped(t *Type, convert func(Value) (Value, error)) operand {
	run := x.run
	return operand{k: oValue, at: x.at, t: t, run: func(f *Frame) (Value, error) {
		v, err := run(f)
		if err != nil {
			return Null, err
		}
		return convert(v)
	}}
}

// describe names the operand's type in messages.
func (x operand) describe() string {
	switch {
	case x.k == oLambda:
		return "lambda expression"
	case x.k == oGroup:
		return "method group"
	case x.t == nil:
		return "?"
	}
	return x.t.CSharp()
}

// place is where a value can be stored: a local, property or element. What leads to it is evaluated once.
type place struct {
	t     *Type
	parts []operand // receiver and indexes
	null  bool      // the receiver may be null
	get   Func
	set   Func
	local *local
	at    slot
	why   string // it cannot be stored
}
