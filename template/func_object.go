package template

import (
	"cmp"
	"slices"

	"gatehouse"
	"gatehouse/jsondoc"
)

func objectFunctions() []row {
	return []row{
		{name: "createObject", least: 0, most: many, eager: createObject},
		{name: "items", least: 1, most: 1, eager: func(c *call) Value {
			out := []Value{}
			for _, name := range sortedNames(c.object(0)) {
				v, _ := c.object(0).Get(name)
				out = append(out, jsondoc.NewObject("key", name, "value", v))
			}
			return out
		}},
		{name: "json", least: 1, most: 1, eager: func(c *call) Value {
			v, err := jsondoc.Parse([]byte(c.str(0)), jsondoc.Options{Relaxed: true})
			if err != nil { // its message could show a part of a secret
				return c.fail("the text is not valid JSON; check quotes, commas and brackets")
			}
			return v
		}},
		{name: "null", least: 0, most: 0, eager: func(*call) Value { return nil }},
		{name: "objectKeys", least: 1, most: 1, eager: func(c *call) Value {
			out := []Value{}
			for _, name := range sortedNames(c.object(0)) {
				out = append(out, name)
			}
			return out
		}},
		{name: "shallowMerge", least: 1, most: 1, eager: func(c *call) Value {
			out := &jsondoc.Object{}
			for _, v := range c.array(0) {
				o, ok := v.(*jsondoc.Object)
				if !ok {
					return c.fail("the array holds %s where objects are expected", describe(v))
				}
				for name, v := range o.All() {
					out.Set(name, v)
				}
			}
			return out
		}},
		{name: "tryGet", least: 2, most: many, eager: func(c *call) Value {
			v := c.args[0]
			for _, key := range c.args[1:] {
				v, _, _ = access(v, key)
			}
			return v
		}},
	}
}

func createObject(c *call) Value {
	if len(c.args)%2 != 0 {
		return c.fail("arguments come in pairs of key and value, and their number is odd")
	}
	out := &jsondoc.Object{}
	for i := 0; i < len(c.args); i += 2 {
		out.Set(c.str(i), c.args[i+1])
	}
	return out
}

// sortedNames returns names in alphabetical order without case, as items() does.
func sortedNames(o *jsondoc.Object) []string {
	names := o.Names()
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(gatehouse.Fold(a), gatehouse.Fold(b)) })
	return names
}
