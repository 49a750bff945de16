package template

import (
	"slices"

	"gatehouse"
	"gatehouse/jsondoc"
)

func lambdaFunctions() []row {
	return []row{
		{name: "lambda", least: 1, most: many, lazy: func(c *call) Value {
			return c.fail("a lambda can only be an argument of filter, map, reduce, sort, toObject, groupBy or mapValues")
		}},
		{name: "lambdaVariables", least: 1, most: 1, eager: func(c *call) Value {
			v, ok := c.frame.vars[gatehouse.Fold(c.str(0))]
			if !ok {
				return c.fail("no lambda around it has a variable of that name")
			}
			return v
		}},
		{name: "filter", least: 2, most: 2, lazy: func(c *call) Value {
			out := []Value{}
			return c.each(c.lambda(1, 1, 2), func(l *lambda, i int, v Value) {
				if c.truth(l.apply(v, number(int64(i)))) {
					out = append(out, v)
				}
			}, func() Value { return out })
		}},
		{name: "map", least: 2, most: 2, lazy: func(c *call) Value {
			out := []Value{}
			return c.each(c.lambda(1, 1, 2), func(l *lambda, i int, v Value) {
				out = append(out, l.apply(v, number(int64(i))))
			}, func() Value { return out })
		}},
		{name: "reduce", least: 3, most: 3, lazy: func(c *call) Value {
			sum := c.eval(1)
			return c.each(c.lambda(2, 2, 3), func(l *lambda, i int, v Value) {
				sum = l.apply(sum, v, number(int64(i)))
			}, func() Value { return sum })
		}},
		{name: "sort", least: 2, most: 2, lazy: sortArray},
		{name: "toObject", least: 2, most: 3, lazy: func(c *call) Value {
			out := &jsondoc.Object{}
			value := c.second()
			return c.each(c.lambda(1, 1, 1), func(l *lambda, _ int, v Value) {
				out.Set(c.key(l.apply(v)), value(v))
			}, func() Value { return out })
		}},
		{name: "groupBy", least: 2, most: 3, lazy: func(c *call) Value {
			out := &jsondoc.Object{}
			value := c.second()
			return c.each(c.lambda(1, 1, 1), func(l *lambda, _ int, v Value) {
				key := c.key(l.apply(v))
				held, _ := out.Get(key)
				group, _ := held.([]Value)
				out.Set(key, append(group, value(v)))
			}, func() Value { return out })
		}},
		{name: "mapValues", least: 2, most: 2, lazy: func(c *call) Value {
			l := c.lambda(1, 1, 1)
			v := c.eval(0)
			if c.err != nil || isLate(v) {
				return v
			}
			o, ok := v.(*jsondoc.Object)
			if !ok {
				return c.fail("argument 1 is %s where an object is expected", describe(v))
			}
			out := &jsondoc.Object{}
			for name, v := range o.All() {
				out.Set(name, l.apply(v))
			}
			if c.unknown {
				return late{}
			}
			return out
		}},
	}
}

// lambda is the argument lambda('name', …, body) of a call.
type lambda struct {
	call  *call
	names []string
	body  *node
}

// lambda reads argument i; it may name between least and most variables.
func (c *call) lambda(i, least, most int) *lambda {
	n := c.node.args[i]
	l := &lambda{call: c}
	if n.kind != function || gatehouse.Fold(n.text) != "lambda" || n.namespace != "" {
		c.fail("argument %d has to be a lambda('name', expression)", i+1)
		return l
	}
	l.body = n.args[len(n.args)-1]
	for _, arg := range n.args[:len(n.args)-1] {
		name, ok := arg.value.(string)
		if !ok || arg.kind != literal {
			c.fail("the variables of a lambda have to be names in quotes")
			return l
		}
		l.names = append(l.names, name)
	}
	if len(l.names) < least || len(l.names) > most {
		c.fail("the lambda in argument %d has %d variables and takes %d to %d", i+1, len(l.names), least, most)
	}
	return l
}

// apply evaluates the body; the lambda takes as many values as it names.
func (l *lambda) apply(values ...Value) Value {
	if l.call.err == nil {
		l.call.err = l.call.frame.run.spend(turnCost)
	}
	if l.call.err != nil {
		return nil
	}
	v, err := l.call.frame.bind(l.names, values[:len(l.names)]).eval(l.body)
	l.call.err = err
	l.call.unknown = l.call.unknown || isLate(v)
	return v
}

// each walks the array that is argument 0. When the array is late, the body is
// evaluated once with late variables, so that the uses in it are found.
func (c *call) each(l *lambda, turn func(*lambda, int, Value), result func() Value) Value {
	v := c.eval(0)
	if c.err != nil {
		return nil
	}
	if isLate(v) {
		l.apply(late{}, late{}, late{})
		return late{}
	}
	list, ok := v.([]Value)
	if !ok {
		return c.fail("argument 1 is %s where an array is expected", describe(v))
	}
	for i, v := range list {
		if c.err != nil || c.unknown {
			break
		}
		turn(l, i, v)
	}
	out := result()
	if c.unknown {
		return late{}
	}
	return out
}

func (c *call) truth(v Value) bool {
	b, ok := v.(bool)
	if !ok && c.err == nil && !isLate(v) {
		c.fail("the lambda gives %s where a boolean is expected", describe(v))
	}
	return b
}

func (c *call) key(v Value) string {
	s, ok := v.(string)
	if !ok && c.err == nil && !isLate(v) {
		c.fail("the lambda for keys gives %s where a string is expected", describe(v))
	}
	return s
}

// second returns the lambda for values of toObject and groupBy; without one, values stay.
func (c *call) second() func(Value) Value {
	if len(c.node.args) < 3 {
		return func(v Value) Value { return v }
	}
	l := c.lambda(2, 1, 1)
	return func(v Value) Value { return l.apply(v) }
}

// sortArray sorts by a lambda that says whether its first value comes before its second.
func sortArray(c *call) Value {
	l := c.lambda(1, 2, 2)
	v := c.eval(0)
	if c.err != nil || isLate(v) {
		return v
	}
	list, ok := v.([]Value)
	if !ok {
		return c.fail("argument 1 is %s where an array is expected", describe(v))
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b Value) int {
		switch {
		case c.truth(l.apply(a, b)):
			return -1
		case c.truth(l.apply(b, a)):
			return 1
		}
		return 0
	})
	if c.unknown {
		return late{}
	}
	return out
}
