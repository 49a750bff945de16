package template

import "gatehouse/jsondoc"

// Limits of one plan's evaluation. Templates are written by callers, and a few
// lines of nested loops or doubled values would otherwise cost any time and memory.
const (
	maxWork      = 5_000_000 // evaluated nodes and copied values
	maxText      = 4 << 20   // characters of one string
	maxCalls     = 100_000   // calls of functions of the template
	maxCallDepth = 50
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
	left := maxWork/4 + 1
	measure(v, &left)
	return r.spend(maxWork/4 + 1 - left)
}

func measure(v Value, left *int) {
	if *left--; *left < 0 {
		return
	}
	switch v := v.(type) {
	case string:
		*left -= len(v) / 64
	case []Value:
		for i := 0; i < len(v) && *left > 0; i++ {
			measure(v[i], left)
		}
	case *jsondoc.Object:
		for _, w := range v.All() {
			if measure(w, left); *left <= 0 {
				return
			}
		}
	}
}
