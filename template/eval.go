package template

import (
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// place says in which part of the template an expression stands; functions are
// allowed in some parts only.
type place uint8

const (
	inDefault  place = 1 << iota // the default value of a parameter
	inVariable                   // a variable
	inHead                       // what the plan is made of: name, type, condition, dependsOn, copy, scope
	inBody                       // what is written
	inOutput
	inFunction // the body of a function of the template

	anywhere = inDefault | inVariable | inHead | inBody | inOutput | inFunction
)

// late stands for a value that only the running deployment knows. It spreads
// through every function that takes it, so an expression is known or it is not.
type late struct{}

// frame is what an expression can see. Frames are never changed once they are
// in use: with returns a changed copy.
type frame struct {
	run     *run
	where   place
	loops   []loop
	vars    map[string]Value // of lambdas, by folded name
	locals  map[string]Value // parameters of the function of the template that runs
	resolve Resolver
	found   *[]use // where uses of other resources are noted when there is no resolver
	mask    bool   // secure parameters are late, for a preview
	depth   int    // of calls of functions of the template
}

// loop is one turn of a copy.
type loop struct {
	name     string
	index    int64
	property bool // of a property: copyIndex() without a name means the resource's loop
}

// use is a mention of another resource by reference or list.
type use struct {
	target     string
	apiVersion bool
	list       bool
}

func (f *frame) in(where place) *frame {
	c := *f
	c.where = where
	return &c
}

func (f *frame) turn(l loop) *frame {
	c := *f
	c.loops = append(append([]loop(nil), f.loops...), l)
	return &c
}

// bind gives the variables of a lambda their values.
func (f *frame) bind(names []string, values []Value) *frame {
	c := *f
	c.vars = make(map[string]Value, len(f.vars)+len(names))
	for name, v := range f.vars {
		c.vars[name] = v
	}
	for i, name := range names {
		c.vars[gatehouse.Fold(name)] = values[i]
	}
	return &c
}

// value evaluates all expressions in v. What is late stays as it is written.
func (f *frame) value(v Value) (Value, error) {
	if err := f.run.spend(1); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string:
		out, err := f.text(v)
		if _, unknown := out.(late); unknown && err == nil {
			return v, nil
		}
		return out, err
	case *jsondoc.Object:
		return f.object(v)
	case []Value:
		out := make([]Value, len(v))
		for i := range v {
			var err error
			if out[i], err = f.value(v[i]); err != nil {
				return nil, belowIndex(err, i)
			}
		}
		return out, nil
	}
	return v, nil
}

// text evaluates a string of the template; the result may be late.
func (f *frame) text(s string) (Value, error) {
	if !isExpression(s) {
		return plain(s), nil
	}
	n := f.run.template.expressions[s]
	if n == nil { // of the template around an outer-scoped one
		var err error
		if n, err = parseExpression(s); err != nil {
			return nil, err
		}
	}
	return f.eval(n)
}

// object evaluates names and values, and unrolls the copies of properties.
func (f *frame) object(o *jsondoc.Object) (Value, error) {
	out := &jsondoc.Object{}
	for name, v := range o.All() {
		if copies, ok := v.([]Value); ok && gatehouse.Fold(name) == "copy" && f.where&(inBody|inVariable|inOutput) != 0 {
			if err := f.propertyCopies(copies, out); err != nil {
				return nil, below(err, o, name)
			}
			continue
		}
		key, err := f.key(name)
		if err != nil {
			return nil, below(err, o, name)
		}
		w, err := f.value(v)
		if err != nil {
			return nil, below(err, o, name)
		}
		out.Set(key, w)
	}
	return out, nil
}

func (f *frame) key(name string) (string, error) {
	v, err := f.text(name)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case string:
		return v, nil
	case late:
		return name, nil // seen in a preview only; executing knows the name
	}
	return "", faultf("the property name evaluates to %s; property names have to be strings", describe(v))
}

// propertyCopies unrolls a copy array: each entry makes one array (template syntax, property iteration).
func (f *frame) propertyCopies(copies []Value, into *jsondoc.Object) error {
	for i, c := range copies {
		spec, ok := c.(*jsondoc.Object)
		if !ok {
			return belowIndex(faultf("a copy has to be an object with name, count and input"), i)
		}
		name, err := f.headString(spec, "name")
		if err != nil {
			return belowIndex(err, i)
		}
		list, err := f.unroll(spec, name, true)
		if err != nil {
			return belowIndex(err, i)
		}
		into.Set(name, list)
	}
	return nil
}

// unroll evaluates the input of a copy as often as its count says.
func (f *frame) unroll(spec *jsondoc.Object, name string, property bool) ([]Value, error) {
	count, err := f.count(spec)
	if err != nil {
		return nil, err
	}
	input, ok := spec.Get("input")
	if !ok {
		return nil, faultf("the copy '%s' has no input; say what each turn produces", clip(name))
	}
	list := make([]Value, count)
	for i := range list {
		if err := f.run.spend(turnCost); err != nil {
			return nil, err
		}
		g := f.turn(loop{name, int64(i), property})
		if list[i], err = g.value(input); err != nil {
			return nil, below(err, spec, "input")
		}
	}
	return list, nil
}

// count evaluates the count of a copy.
func (f *frame) count(spec *jsondoc.Object) (int64, error) {
	v, ok := spec.Get("count")
	if !ok {
		return 0, faultf("the copy has no count; give the number of turns")
	}
	v, err := f.in(inHead).known(v)
	if err != nil {
		return 0, below(err, spec, "count")
	}
	if isLate(v) { // a preview of what depends on a secret
		return 0, nil
	}
	n, ok := toInt(v)
	if !ok || n < 0 || n > maxCopy {
		return 0, below(faultf("the copy count has to be a whole number from 0 to %d", maxCopy), spec, "count")
	}
	return n, nil
}

// known evaluates what has to be known before the deployment runs.
func (f *frame) known(v Value) (Value, error) {
	s, ok := v.(string)
	if !ok {
		return f.value(v)
	}
	out, err := f.text(s)
	if err != nil {
		return nil, err
	}
	if _, unknown := out.(late); unknown && !f.mask {
		return nil, faultf("the value is known only while the deployment runs, and it is needed before; do not use reference or list functions here")
	}
	return out, nil
}

// headString evaluates a member that has to be there and give a string.
func (f *frame) headString(o *jsondoc.Object, name string) (string, error) {
	v, ok := o.Get(name)
	if !ok {
		return "", faultf("the property '%s' is missing; add it", name)
	}
	v, err := f.in(inHead).known(v)
	if err != nil {
		return "", below(err, o, name)
	}
	s, ok := v.(string)
	if !ok || s == "" {
		return "", below(faultf("'%s' evaluates to %s where a text that is not empty is expected", name, describe(v)), o, name)
	}
	return s, nil
}

// eval evaluates an expression; the result may be late.
func (f *frame) eval(n *node) (Value, error) {
	if err := f.run.spend(1); err != nil {
		return nil, err
	}
	switch n.kind {
	case literal:
		return n.value, nil
	case function:
		return f.call(n)
	}
	base, err := f.eval(n.args[0])
	if err != nil {
		return nil, err
	}
	var key Value = n.text
	if n.kind == indexer {
		if key, err = f.eval(n.args[1]); err != nil {
			return nil, err
		}
	}
	if isLate(base) || isLate(key) {
		return late{}, nil
	}
	v, found, err := access(base, key)
	if err == nil && (found || n.safe) {
		return v, nil
	}
	if err == nil {
		err = f.missing(n, base)
	}
	return nil, err
}

func isLate(v Value) bool {
	_, ok := v.(late)
	return ok
}

// access reads a member of an object or an element of an array.
func access(base, key Value) (v Value, found bool, err error) {
	switch b := base.(type) {
	case nil:
		return nil, false, nil
	case *jsondoc.Object:
		name, ok := key.(string)
		if !ok {
			return nil, false, faultf("an object is indexed with %s; use a property name", describe(key))
		}
		v, found = b.Get(name)
		return v, found, nil
	case []Value:
		i, ok := toInt(key)
		if !ok {
			return nil, false, faultf("an array is indexed with %s; use a whole number", describe(key))
		}
		if i < 0 || i >= int64(len(b)) {
			return nil, false, nil
		}
		return b[i], true, nil
	}
	return nil, false, faultf("%s has no properties and no elements; check what comes before '.' or '['", describe(base))
}

// missing words what access did not find. A name that was computed may be a
// secret, and so may be the names beside it when the template takes secrets.
func (f *frame) missing(n *node, base Value) error {
	name := "(computed)"
	if n.kind == member {
		name = n.text
	} else if s, ok := n.args[1].value.(string); ok && n.args[1].kind == literal {
		name = s
	}
	switch b := base.(type) {
	case []Value:
		return faultf("the language expression array index is out of bounds: the array has %d elements", len(b))
	case *jsondoc.Object:
		if f.run.template.secrets {
			return faultf("the language expression property '%s' doesn't exist; check its spelling", clip(name))
		}
		return faultf("the language expression property '%s' doesn't exist, available properties are '%s'", clip(name), clip(quoteAll(b.Names())))
	}
	return faultf("the language expression reads '%s' of null; use '.?' or coalesce() where null is possible", clip(name))
}

// call evaluates a function: of the template, of the table, or one of the list family.
func (f *frame) call(n *node) (Value, error) {
	if n.namespace != "" {
		return f.userFunction(n)
	}
	row := f.run.template.functions[gatehouse.Fold(n.text)]
	if row == nil && isList(n.text) {
		row = listRow
	}
	if row == nil {
		return nil, unknownFunction(n)
	}
	if row.where&f.where == 0 {
		return nil, faultf("the template function '%s' is not expected at this location. Please see https://aka.ms/arm-functions for usage details", n.text)
	}
	c := &call{frame: f, node: n}
	if row.lazy == nil {
		unknown, err := c.evaluate()
		if err != nil {
			return nil, err
		}
		if unknown {
			return late{}, nil
		}
		if err := c.charge(row.deep); err != nil {
			return nil, err
		}
		return f.finished(c, row, row.eager(c))
	}
	return f.finished(c, row, row.lazy(c))
}

// finished charges for what a function has put together.
func (f *frame) finished(c *call, row *row, v Value) (Value, error) {
	if c.err == nil && row.makes {
		c.err = f.run.bounded(v)
	}
	if c.err != nil {
		return nil, c.err
	}
	return v, nil
}

// evaluate fills the arguments. All of them are evaluated even when one is late,
// so that every use of another resource is found.
func (c *call) evaluate() (unknown bool, err error) {
	c.args = make([]Value, len(c.node.args))
	for i, arg := range c.node.args {
		if c.args[i], err = c.frame.eval(arg); err != nil {
			return false, err
		}
		unknown = unknown || isLate(c.args[i])
	}
	return unknown, nil
}

func isList(name string) bool {
	return len(name) > 4 && strings.EqualFold(name[:4], "list")
}

func unknownFunction(n *node) error {
	return faultf("the template function '%s' at position %d of the expression is not valid. Please see https://aka.ms/arm-functions for usage details", clip(n.text), n.pos)
}
