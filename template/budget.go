package template

import "gatehouse/jsondoc"

// Limits of one plan's evaluation. Templates are written by callers, and a few
// lines of nested loops or doubled values would otherwise cost any time and memory.
const (
	maxWork      = 3_000_000 // evaluated nodes and copied values
	maxSize      = 500_000   // nodes of one value
	maxDepth     = 80        // levels of one value, so that what is written can be read back
	maxText      = 4 << 20   // characters of one string
	maxElements  = 100_000   // of an array that a function makes
	maxCalls     = 100_000   // calls of functions of the template
	maxCallDepth = 50
	turnCost     = 5 // of a copy or lambda, beside what it evaluates
)

// spend charges work to the plan.
func (r *run) spend(n int) error {
	for top := r; ; top = top.parent {
		if top.parent == nil {
			if top.work += n; top.work > maxWork {
				return faultf("the template takes too much work to evaluate; use smaller copy counts and arrays")
			}
			return nil
		}
	}
}

// bounded charges the size of a value that was put together from others. Parts
// may be shared, so the size can be far beyond the memory that the value takes now.
func (r *run) bounded(v Value) error {
	if s, ok := v.(string); ok && len(s) > maxText {
		return faultf("a text is longer than %d characters; make it shorter", maxText)
	}
	left := maxSize
	measure(v, &left, 0)
	if left < 0 {
		return faultf("a value is too large or more than %d levels deep; use smaller copy counts and arrays", maxDepth)
	}
	return r.spend(maxSize - left)
}

// charge pays for looking at the arguments: shallowly for most functions, and all
// the way down for those that compare values.
func (c *call) charge(deep bool) error {
	cost := 0
	for _, v := range c.args {
		if deep {
			left := maxSize
			measure(v, &left, 0)
			cost += maxSize - left
			continue
		}
		switch v := v.(type) {
		case string:
			cost += len(v) / 64
		case []Value:
			cost += len(v) / 16
		}
	}
	return c.frame.run.spend(cost)
}

// room fails the call when its result would have more characters or elements than fit.
func (c *call) room(size, limit int) bool {
	if size > limit {
		c.fail("the result would have more than %d characters or elements", limit)
		return false
	}
	return c.err == nil
}

func measure(v Value, left *int, depth int) {
	if *left--; depth > maxDepth {
		*left = -1
	}
	if *left < 0 {
		return
	}
	switch v := v.(type) {
	case string:
		*left -= len(v) / 64
	case []Value:
		for i := 0; i < len(v) && *left > 0; i++ {
			measure(v[i], left, depth+1)
		}
	case *jsondoc.Object:
		for _, w := range v.All() {
			if measure(w, left, depth+1); *left <= 0 {
				return
			}
		}
	}
}
