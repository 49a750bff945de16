package template

import (
	"math"
	"math/bits"
	"strconv"
	"strings"

	"gatehouse/jsondoc"
)

func numberFunctions() []row {
	return []row{
		{name: "add", least: 2, most: 2, eager: func(c *call) Value {
			a, b := c.int(0), c.int(1)
			sum := a + b
			return c.checked(sum, (a > 0) == (b > 0) && (sum > 0) != (a > 0) && a != 0 && b != 0)
		}},
		{name: "sub", least: 2, most: 2, eager: func(c *call) Value {
			a, b := c.int(0), c.int(1)
			return c.checked(a-b, (a < 0) != (b < 0) && (a-b < 0) != (a < 0))
		}},
		{name: "mul", least: 2, most: 2, eager: func(c *call) Value {
			a, b := c.int(0), c.int(1)
			high, low := bits.Mul64(magnitude(a), magnitude(b))
			return c.checked(a*b, high != 0 || low > math.MaxInt64)
		}},
		{name: "div", least: 2, most: 2, eager: func(c *call) Value { return c.divide(func(a, b int64) int64 { return a / b }) }},
		{name: "mod", least: 2, most: 2, eager: func(c *call) Value { return c.divide(func(a, b int64) int64 { return a % b }) }},
		{name: "min", least: 1, most: many, eager: func(c *call) Value { return c.extreme(func(a, b int64) bool { return a < b }) }},
		{name: "max", least: 1, most: many, eager: func(c *call) Value { return c.extreme(func(a, b int64) bool { return a > b }) }},
		{name: "int", least: 1, most: 1, eager: func(c *call) Value {
			if s, ok := c.args[0].(string); ok {
				n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
				if err != nil {
					return c.fail("the text is no whole number")
				}
				return number(n)
			}
			if f, ok := c.args[0].(jsondoc.Number); ok {
				if v, err := f.Float64(); err == nil && math.Abs(v) < 1<<53 {
					return number(int64(v))
				}
			}
			return number(c.int(0))
		}},
		{name: "float", least: 1, most: 1, eager: func(c *call) Value {
			s, ok := c.args[0].(string)
			if !ok {
				if _, ok := c.args[0].(jsondoc.Number); !ok {
					c.wrong(0, "a string or a number")
				}
				return c.args[0]
			}
			v, err := jsondoc.Parse([]byte(s), jsondoc.Options{})
			if n, ok := v.(jsondoc.Number); ok && err == nil {
				return n
			}
			return c.fail("the text is no number")
		}},
		{name: "copyIndex", least: 0, most: 2, where: inHead | inBody | inVariable | inOutput, eager: copyIndex},
	}
}

func (c *call) checked(n int64, overflow bool) Value {
	if overflow {
		return c.fail("the result does not fit in 64 bits")
	}
	return number(n)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func (c *call) divide(op func(a, b int64) int64) Value {
	a, b := c.int(0), c.int(1)
	if c.err != nil {
		return nil
	}
	if b == 0 {
		return c.fail("division by zero")
	}
	if b == -1 && a == math.MinInt64 {
		return c.fail("the result does not fit in 64 bits")
	}
	return number(op(a, b))
}

// extreme takes whole numbers, or one array of them.
func (c *call) extreme(better func(a, b int64) bool) Value {
	list := c.args
	if a, ok := c.args[0].([]Value); ok && len(c.args) == 1 {
		list = a
	}
	if len(list) == 0 {
		return c.fail("the array is empty")
	}
	best, ok := toInt(list[0])
	for _, v := range list {
		n, isInt := toInt(v)
		ok = ok && isInt
		if better(n, best) {
			best = n
		}
	}
	if !ok {
		return c.fail("all values have to be whole numbers")
	}
	return number(best)
}

// copyIndex takes the name of a loop, an offset, or both in this order.
func copyIndex(c *call) Value {
	name, offset := "", int64(0)
	for i, v := range c.args {
		if s, ok := v.(string); ok && i == 0 {
			name = s
			continue
		}
		offset = c.int(i)
	}
	if c.err != nil {
		return nil
	}
	loops := c.frame.loops
	var inner *loop
	for i := range loops {
		l := &loops[i]
		switch {
		case name != "" && sameText(l.name, name):
			return number(l.index + offset)
		case name == "" && (inner == nil || inner.property || !l.property):
			inner = l
		}
	}
	if inner == nil || name != "" {
		return c.fail("it is not expected at this location: it has to stand within a copy loop of that name")
	}
	return number(inner.index + offset)
}
