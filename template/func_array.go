package template

import (
	"slices"
	"strings"
	"unicode/utf16"

	"gatehouse"
	"gatehouse/jsondoc"
)

// maxRange is the largest count of range().
const maxRange = 10000

func arrayFunctions() []row {
	return []row{
		{name: "array", least: 1, most: 1, eager: func(c *call) Value {
			if a, ok := c.args[0].([]Value); ok {
				return a
			}
			return []Value{c.args[0]}
		}},
		{name: "concat", least: 1, most: many, eager: concat},
		{name: "contains", deep: true, least: 2, most: 2, eager: contains},
		{name: "createArray", least: 0, most: many, eager: func(c *call) Value { return c.args }},
		{name: "empty", least: 1, most: 1, eager: func(c *call) Value { return c.args[0] == nil || c.length(0) == 0 }},
		{name: "first", least: 1, most: 1, eager: func(c *call) Value { return c.part(0, 1, true) }},
		{name: "last", least: 1, most: 1, eager: func(c *call) Value { n := c.length(0); return c.part(n-1, 1, true) }},
		{name: "flatten", least: 1, most: 1, eager: flatten},
		{name: "indexFromEnd", least: 2, most: 2, eager: func(c *call) Value {
			a, n := c.array(0), c.int(1)
			if n < 1 || n > int64(len(a)) {
				return c.fail("the index is outside of the array with %d elements", len(a))
			}
			return a[int64(len(a))-n]
		}},
		{name: "tryIndexFromEnd", least: 2, most: 2, eager: func(c *call) Value {
			a, _ := c.args[0].([]Value)
			if n, ok := toInt(c.args[1]); ok && n >= 1 && n <= int64(len(a)) {
				return a[int64(len(a))-n]
			}
			return nil
		}},
		{name: "indexOf", deep: true, least: 2, most: 2, eager: func(c *call) Value { return c.indexOf(false) }},
		{name: "lastIndexOf", deep: true, least: 2, most: 2, eager: func(c *call) Value { return c.indexOf(true) }},
		{name: "intersection", deep: true, least: 2, most: many, eager: intersection},
		{name: "length", least: 1, most: 1, eager: func(c *call) Value { return number(c.length(0)) }},
		{name: "range", least: 2, most: 2, eager: func(c *call) Value {
			from, n := c.int(0), c.int(1)
			if n < 0 || n > maxRange {
				return c.fail("the count has to lie between 0 and %d", maxRange)
			}
			out := make([]Value, n)
			for i := range out {
				out[i] = number(from + int64(i))
			}
			return out
		}},
		{name: "skip", least: 2, most: 2, eager: func(c *call) Value {
			n := max(c.int(1), 0)
			return c.part(n, c.length(0)-n, false)
		}},
		{name: "take", least: 2, most: 2, eager: func(c *call) Value { return c.part(0, c.int(1), false) }},
		{name: "union", deep: true, least: 2, most: many, eager: union},
	}
}

func concat(c *call) Value {
	if _, ok := c.args[0].([]Value); ok {
		out := []Value{}
		for i := range c.args {
			if a := c.array(i); c.room(len(out)+len(a), maxElements) {
				out = append(out, a...)
			}
		}
		return out
	}
	var b strings.Builder
	for i, v := range c.args {
		switch v.(type) {
		case *jsondoc.Object, []Value, nil:
			c.wrong(i, "a string or a number (or an array, as the first one)")
			return nil
		}
		if part := asText(v); c.room(b.Len()+len(part), maxText) {
			b.WriteString(part)
		}
	}
	return b.String()
}

// contains is case-sensitive but for the keys of an object (template-functions-array).
func contains(c *call) Value {
	switch in := c.args[0].(type) {
	case []Value:
		return slices.ContainsFunc(in, func(v Value) bool { return jsondoc.Equal(v, c.args[1]) })
	case *jsondoc.Object:
		return in.Has(c.str(1))
	case string:
		switch c.args[1].(type) {
		case string, jsondoc.Number:
			return strings.Contains(in, asText(c.args[1]))
		}
		c.wrong(1, "a string or a number")
		return nil
	}
	c.wrong(0, "an array, object or string")
	return nil
}

// length counts elements, members, or UTF-16 units as .NET does.
func (c *call) length(i int) int64 {
	switch v := c.args[i].(type) {
	case []Value:
		return int64(len(v))
	case *jsondoc.Object:
		return int64(v.Len())
	case string:
		return int64(len(units(v)))
	}
	c.wrong(i, "an array, object or string")
	return 0
}

// part cuts n elements or characters from the first argument, as far as there
// are any; a single element is returned itself, and null when there is none.
func (c *call) part(from, n int64, single bool) Value {
	switch v := c.args[0].(type) {
	case []Value:
		from, end := bounds(from, n, len(v))
		if single {
			if from == end {
				return nil
			}
			return v[from]
		}
		return slices.Clone(v[from:end])
	case string:
		u := units(v)
		from, end := bounds(from, n, len(u))
		return text(u[from:end])
	}
	c.wrong(0, "an array or string")
	return nil
}

func bounds(from, n int64, length int) (int64, int64) {
	from = min(max(from, 0), int64(length))
	return from, min(from+max(n, 0), int64(length))
}

// units and text convert to and from the UTF-16 units in which .NET counts.
func units(s string) []uint16    { return utf16.Encode([]rune(s)) }
func text(units []uint16) string { return string(utf16.Decode(units)) }

func flatten(c *call) Value {
	out := []Value{}
	for _, v := range c.array(0) {
		inner, ok := v.([]Value)
		if !ok {
			return c.fail("the array holds %s where arrays are expected", describe(v))
		}
		if c.room(len(out)+len(inner), maxElements) {
			out = append(out, inner...)
		}
	}
	return out
}

// indexOf ignores the case of strings, and minds that of elements (template-functions-string, -array).
func (c *call) indexOf(last bool) Value {
	if a, ok := c.args[0].([]Value); ok {
		at := -1
		for i, v := range a {
			if jsondoc.Equal(v, c.args[1]) && (at < 0 || last) {
				at = i
			}
		}
		return number(int64(at))
	}
	s, part := gatehouse.Fold(c.str(0)), gatehouse.Fold(c.str(1))
	at := strings.Index(s, part)
	if last {
		at = strings.LastIndex(s, part)
	}
	if at < 0 {
		return number(-1)
	}
	return number(int64(len(units(s[:at]))))
}

func intersection(c *call) Value {
	if _, ok := c.args[0].(*jsondoc.Object); ok {
		out := &jsondoc.Object{}
		for name, v := range c.object(0).All() {
			if c.everyObjectHas(name, v) {
				out.Set(name, v)
			}
		}
		return out
	}
	out := []Value{}
	if c.pairs() {
		return nil
	}
	for _, v := range c.array(0) {
		everywhere := !holds(out, v)
		for i := 1; i < len(c.args); i++ {
			everywhere = everywhere && holds(c.array(i), v)
		}
		if everywhere {
			out = append(out, v)
		}
	}
	return out
}

func (c *call) everyObjectHas(name string, v Value) bool {
	for i := 1; i < len(c.args); i++ {
		w, ok := c.object(i).Get(name)
		if !ok || !jsondoc.Equal(v, w) {
			return false
		}
	}
	return true
}

// pairs pays for comparing the elements of all arguments with each other, and
// reports whether that is too much.
func (c *call) pairs() bool {
	n := 0
	for i := range c.args {
		n += len(c.array(i))
	}
	if c.err == nil {
		c.err = c.frame.run.spend(min(n, 1<<20) * min(n, 1<<20) / 16)
	}
	return c.err != nil
}

func holds(list []Value, v Value) bool {
	return slices.ContainsFunc(list, func(w Value) bool { return jsondoc.Equal(v, w) })
}

// union merges objects deeply, the last value winning, and joins arrays without repeats.
func union(c *call) Value {
	if _, ok := c.args[0].(*jsondoc.Object); ok {
		out := c.object(0).Clone()
		for i := 1; i < len(c.args); i++ {
			mergeDeep(out, c.object(i))
		}
		return out
	}
	out := []Value{}
	if c.pairs() {
		return nil
	}
	for i := range c.args {
		for _, v := range c.array(i) {
			if !holds(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

func mergeDeep(into, from *jsondoc.Object) {
	for name, v := range from.All() {
		held, _ := into.Get(name)
		a, ok := held.(*jsondoc.Object)
		b, ok2 := v.(*jsondoc.Object)
		if ok && ok2 {
			mergeDeep(a, b)
			continue
		}
		into.Set(name, jsondoc.Clone(v))
	}
}
