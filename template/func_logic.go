package template

import (
	"cmp"
	"strings"

	"gatehouse/jsondoc"
)

func logicFunctions() []row {
	return []row{
		{name: "and", least: 2, most: many, lazy: func(c *call) Value { return c.all(true) }},
		{name: "or", least: 2, most: many, lazy: func(c *call) Value { return c.all(false) }},
		{name: "not", least: 1, most: 1, eager: func(c *call) Value { return !c.bool(0) }},
		{name: "true", least: 0, most: 0, eager: func(*call) Value { return true }},
		{name: "false", least: 0, most: 0, eager: func(*call) Value { return false }},
		{name: "if", least: 3, most: 3, lazy: choose},
		{name: "iif", least: 3, most: 3, lazy: choose},
		{name: "bool", least: 1, most: 1, eager: toBool},
		{name: "coalesce", least: 1, most: many, lazy: func(c *call) Value {
			for i := range c.node.args {
				if v := c.eval(i); v != nil || c.err != nil {
					return v
				}
			}
			return nil
		}},
		{name: "equals", deep: true, least: 2, most: 2, eager: func(c *call) Value { return jsondoc.Equal(c.args[0], c.args[1]) }},
		{name: "greater", least: 2, most: 2, eager: func(c *call) Value { return c.compare() > 0 }},
		{name: "greaterOrEquals", least: 2, most: 2, eager: func(c *call) Value { return c.compare() >= 0 }},
		{name: "less", least: 2, most: 2, eager: func(c *call) Value { return c.compare() < 0 }},
		{name: "lessOrEquals", least: 2, most: 2, eager: func(c *call) Value { return c.compare() <= 0 }},
		{name: "fail", least: 1, most: 1, eager: func(c *call) Value { return c.fail("%s", clip(c.str(0))) }},
	}
}

// all evaluates arguments until one decides: a false one for and, a true one for or.
func (c *call) all(and bool) Value {
	unknown := false
	for i := range c.node.args {
		v := c.eval(i)
		if c.err != nil {
			return nil
		}
		if isLate(v) {
			unknown = true
			continue
		}
		b, ok := v.(bool)
		if !ok {
			return c.fail("argument %d is %s where a boolean is expected", i+1, describe(v))
		}
		if b != and {
			return b
		}
	}
	if unknown {
		return late{}
	}
	return and
}

// choose evaluates only the branch that counts; both, when that is not known yet.
func choose(c *call) Value {
	v := c.eval(0)
	if c.err != nil {
		return nil
	}
	if isLate(v) {
		c.eval(1)
		c.eval(2)
		return late{}
	}
	yes, ok := v.(bool)
	if !ok {
		return c.fail("the condition is %s where a boolean is expected", describe(v))
	}
	if yes {
		return c.eval(1)
	}
	return c.eval(2)
}

func toBool(c *call) Value {
	switch v := c.args[0].(type) {
	case bool:
		return v
	case jsondoc.Number:
		return !jsondoc.Equal(v, jsondoc.Number("0"))
	case string:
		switch {
		case sameText(v, "true"), v == "1":
			return true
		case sameText(v, "false"), v == "0":
			return false
		}
		return c.fail("the text is neither 'true' nor 'false'")
	}
	c.wrong(0, "a string or a number")
	return nil
}

// compare orders two whole numbers or two strings.
func (c *call) compare() int {
	if a, ok := c.args[0].(string); ok {
		return strings.Compare(a, c.str(1))
	}
	return cmp.Compare(c.int(0), c.int(1))
}
