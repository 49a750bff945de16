package template

import (
	"math"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// row declares a function of the language: how many arguments it takes (most -1
// for any number), where it may stand, and what it does. An eager one finds its
// arguments evaluated and known; a lazy one evaluates them itself.
type row struct {
	name        string
	least, most int
	where       place
	deep        bool // compares values
	makes       bool // puts values together, so that the result can be much larger than the arguments
	eager, lazy func(*call) Value
}

const many = -1

// table returns the functions by folded name. The rows stand beside what they
// do, a file per family.
func table() map[string]*row {
	all := map[string]*row{}
	for _, family := range [][]row{
		arrayFunctions(), objectFunctions(), lambdaFunctions(), logicFunctions(), numberFunctions(),
		stringFunctions(), encodingFunctions(), dateFunctions(), deploymentFunctions(), resourceFunctions(), cidrFunctions(),
	} {
		for i := range family {
			family[i].makes = !plainResult[family[i].name]
			if family[i].where == 0 {
				family[i].where = anywhere
			}
			all[gatehouse.Fold(family[i].name)] = &family[i]
		}
	}
	return all
}

// plainResult names the functions that return what is there already, or something small.
var plainResult = map[string]bool{
	"parameters": true, "variables": true, "deployment": true, "environment": true, "subscription": true, "resourceGroup": true,
	"tenant": true, "managementGroup": true, "deployer": true, "reference": true, "lambdaVariables": true, "if": true, "iif": true,
	"coalesce": true, "tryGet": true, "first": true, "last": true, "and": true, "or": true, "not": true, "equals": true,
	"contains": true, "length": true, "empty": true, "copyIndex": true,
}

// call is one call under evaluation. The first failure sticks: reading arguments
// after it gives zero values, and the call fails with it.
type call struct {
	frame *frame
	node  *node
	args  []Value
	err   error

	unknown bool // a lambda of it gave something late
}

// fail records what is wrong with the call. It never shows a value.
func (c *call) fail(format string, args ...any) Value {
	if c.err == nil {
		c.err = faultf("unable to evaluate template language function '%s' at position %d of the expression: "+format,
			append([]any{c.node.text, c.node.pos}, args...)...)
	}
	return nil
}

func (c *call) wrong(i int, want string) {
	c.fail("argument %d is %s where %s is expected", i+1, describe(c.args[i]), want)
}

// has reports whether there is an argument i.
func (c *call) has(i int) bool { return i < len(c.args) }

func (c *call) str(i int) string {
	s, ok := c.args[i].(string)
	if !ok {
		c.wrong(i, "a string")
	}
	return s
}

func (c *call) int(i int) int64 {
	n, ok := toInt(c.args[i])
	if !ok {
		c.wrong(i, "a whole number")
	}
	return n
}

func (c *call) bool(i int) bool {
	b, ok := c.args[i].(bool)
	if !ok {
		c.wrong(i, "a boolean")
	}
	return b
}

func (c *call) array(i int) []Value {
	a, ok := c.args[i].([]Value)
	if !ok {
		c.wrong(i, "an array")
	}
	return a
}

func (c *call) object(i int) *jsondoc.Object {
	o, ok := c.args[i].(*jsondoc.Object)
	if !ok {
		c.wrong(i, "an object")
		return &jsondoc.Object{}
	}
	return o
}

// strings returns all arguments from i on, each of which has to be a string.
func (c *call) strings(i int) []string {
	out := make([]string, 0, len(c.args))
	for ; i < len(c.args); i++ {
		out = append(out, c.str(i))
	}
	return out
}

// eval evaluates argument i of a lazy function.
func (c *call) eval(i int) Value {
	if c.err != nil {
		return nil
	}
	v, err := c.frame.eval(c.node.args[i])
	c.err = err
	return v
}

// number makes a Value of an integer.
func number(n int64) Value { return jsondoc.Number(strconv.FormatInt(n, 10)) }

// toInt reads a whole number, also when it is written like 3.0.
func toInt(v Value) (int64, bool) {
	n, ok := v.(jsondoc.Number)
	if !ok {
		return 0, false
	}
	if i, err := strconv.ParseInt(string(n), 10, 64); err == nil {
		return i, true
	}
	f, err := n.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(f), true
}

// describe names the type of a value with its article.
func describe(v Value) string {
	if isLate(v) {
		return "a value known only later"
	}
	return jsondoc.KindOf(v)
}

// asText converts as string() and format() do; .NET spells booleans with a capital.
func asText(v Value) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "True"
		}
		return "False"
	case jsondoc.Number:
		return string(v)
	}
	return string(jsondoc.Marshal(v))
}

// check reports functions that do not exist or get a wrong number of arguments,
// and parameters and variables that do not exist, without evaluating anything.
// Within a function of the template (local) parameters are its own.
func (t *Template) check(n *node, local bool) error {
	for _, arg := range n.args {
		if err := t.check(arg, local); err != nil {
			return err
		}
	}
	if n.kind != function {
		return nil
	}
	if n.namespace != "" {
		_, err := t.userFunction(n)
		return err
	}
	row := t.functions[gatehouse.Fold(n.text)]
	switch {
	case row == nil && isList(n.text):
		row = listRow
	case row == nil:
		return unknownFunction(n)
	}
	if len(n.args) < row.least || row.most != many && len(n.args) > row.most {
		return faultf("the template function '%s' at position %d of the expression gets %d arguments and takes %s",
			n.text, n.pos, len(n.args), arity(row))
	}
	return t.checkName(n, local)
}

// checkName finds parameters and variables that are not declared, where they are named in plain text.
func (t *Template) checkName(n *node, local bool) error {
	for t.outer != nil {
		t = t.outer.run.template
	}
	if local || len(n.args) != 1 || n.args[0].kind != literal {
		return nil
	}
	name, _ := n.args[0].value.(string)
	switch gatehouse.Fold(n.text) {
	case "parameters":
		if t.parameter(name) == nil {
			return undeclaredParameter(name)
		}
	case "variables":
		if t.variableCopies[gatehouse.Fold(name)] == nil && !t.doc.Object("variables").Has(name) {
			return undeclaredVariable(name)
		}
	}
	return nil
}

func undeclaredParameter(name string) error {
	return faultf("the template parameter '%s' is not found. Please see https://aka.ms/arm-syntax-parameters for usage details", clip(name))
}

func undeclaredVariable(name string) error {
	return faultf("the template variable '%s' is not found. Please see https://aka.ms/arm-syntax-variables for usage details", clip(name))
}

func arity(r *row) string {
	least, most := strconv.Itoa(r.least), strconv.Itoa(r.most)
	switch {
	case r.most == many:
		return least + " or more"
	case r.least == r.most:
		return least
	}
	return least + " to " + most
}

// sameText compares as the parts of the language that ignore case do.
func sameText(a, b string) bool { return strings.EqualFold(a, b) }
