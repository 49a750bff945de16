package cond

import "gatehouse"

// Outcome is what a condition comes to.
type Outcome uint8

// The outcomes. Fault is a type error: the condition does not hold, whatever the
// rest of it says, and Trace tells where (rbac.md 7.4).
const (
	False Outcome = iota
	True
	Fault
)

// String returns the outcome in words.
func (o Outcome) String() string { return [...]string{"false", "true", "type error"}[o] }

func outcome(b bool) Outcome {
	if b {
		return True
	}
	return False
}

// Eval evaluates the condition, left to right and no further than needed. It allocates nothing.
func (c *Condition) Eval(e *Env) Outcome { return c.root.eval(e) }

func (n *node) eval(e *Env) Outcome {
	switch n.kind {
	case orNode, andNode:
		return n.evalChain(e)
	case notNode:
		return n.kids[0].eval(e).not()
	}
	return n.evalLeaf(e)
}

func (n *node) evalChain(e *Env) Outcome {
	decisive := outcome(n.kind == orNode)
	for _, kid := range n.kids {
		if o := kid.eval(e); o == decisive || o == Fault {
			return o
		}
	}
	return outcome(n.kind == andNode)
}

func (o Outcome) not() Outcome {
	if o == Fault {
		return Fault
	}
	return True - o
}

func (n *node) evalLeaf(e *Env) Outcome {
	switch n.kind {
	case existsNode:
		_, ok := e.lookup(n.attribute)
		return outcome(ok || n.attribute.isNow())
	case actionNode:
		return outcome(n.pattern.Match(e.Action))
	case subOperationNode:
		return outcome(e.SubOperation != "" && gatehouse.EqualFold(n.name, e.SubOperation))
	}
	return n.compare(e)
}

// compare evaluates a comparison. A literal of the wrong type is a fault always, a
// missing attribute makes the comparison false, negated or not, and an attribute's
// value of the wrong type is a fault (rbac.md 7.4).
func (n *node) compare(e *Env) Outcome {
	if n.left.misfit != "" || n.right.misfit != "" {
		return Fault
	}
	l, ok := n.left.list(e, n.operator.family)
	if !ok {
		return False
	}
	r, ok := n.right.list(e, n.operator.family)
	if !ok {
		return False
	}
	if _, bad := l.misfit(); bad {
		return Fault
	}
	if _, bad := r.misfit(); bad {
		return Fault
	}
	if n.quantifier == nil {
		return outcome(n.plain(&l, &r))
	}
	return outcome(n.quantified(&l, &r))
}

func (o *operand) list(e *Env, f family) (list, bool) {
	if o.attribute == nil {
		return list{values: o.values, n: len(o.values)}, true
	}
	a, ok := e.lookup(o.attribute)
	if !ok {
		if !o.attribute.isNow() {
			return list{}, false
		}
		return list{now: e.Now, isNow: true, n: 1, family: f}, true
	}
	if many, ok := a.([]any); ok {
		return list{many: many, n: len(many), family: f}, true
	}
	return list{one: a, n: 1, family: f}, true
}

// plain is an operator without quantifier: one value on the left, against any of
// the right; negated, against none of them (rbac.md 7.4).
func (n *node) plain(l, r *list) bool {
	if l.n != 1 {
		return false
	}
	v := l.at(0)
	for i := range r.n {
		if n.operator.test(v, r.at(i)) {
			return !n.operator.negated
		}
	}
	return n.operator.negated
}

func (n *node) quantified(l, r *list) bool {
	all := n.quantifier.allLeft
	for i := range l.n {
		if n.meets(l.at(i), r) != all {
			return !all
		}
	}
	return all
}

func (n *node) meets(v value, r *list) bool {
	all := n.quantifier.allRight
	for i := range r.n {
		if n.operator.holds(v, r.at(i)) != all {
			return !all
		}
	}
	return all
}
