package cond

import "fmt"

// Problem is something about a condition that parses but probably does not say what was meant.
type Problem struct {
	Line, Column int
	Message      string
}

// Check looks for mistakes that Parse accepts: literals of the wrong type, AND and
// OR mixed without parentheses (rbac.md 7.2), and the negated comparison with a
// set that is always true (rbac.md 7.4).
func (c *Condition) Check() []Problem {
	var out []Problem
	c.root.walk(func(n *node) {
		for _, message := range n.problems() {
			at := fault(c.text, n.start, "%s", message)
			out = append(out, Problem(*at))
		}
	})
	return out
}

func (n *node) walk(f func(*node)) {
	f(n)
	for _, kid := range n.kids {
		kid.walk(f)
	}
}

func (n *node) problems() (out []string) {
	if n.kind == orNode {
		for _, kid := range n.kids {
			if kid.kind == andNode && !kid.grouped {
				return []string{"AND and OR are mixed without parentheses; AND binds tighter, but Azure asks for parentheses"}
			}
		}
	}
	if n.kind != compareNode {
		return nil
	}
	for _, o := range []*operand{&n.left, &n.right} {
		if o.misfit != "" {
			out = append(out, fmt.Sprintf("%s is not %s, which %s compares: the condition can never hold here", o.misfit, familyNames[n.operator.family], n.operator.name))
		}
	}
	if q := n.quantifier; q != nil && !q.allRight && n.operator.negated && len(n.right.values) > 1 {
		out = append(out, fmt.Sprintf("%s is true as soon as one value of the set differs, which is nearly always; for \"none of these\" write ForAnyOfAllValues:%s", n.operation(), n.operator.name))
	}
	return out
}
