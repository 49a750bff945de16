package cond

import "strings"

// Text returns the condition as it was written.
func (c *Condition) Text() string { return c.text }

// String returns the condition in one spelling for all that mean the same: parsing
// it gives an equal condition.
func (c *Condition) String() string { return c.root.String() }

// precedence orders what binds tighter: OR, AND, everything else.
func (n *node) precedence() int { return min(int(n.kind), int(notNode)) }

func (n *node) String() string {
	switch n.kind {
	case orNode:
		return n.join(" OR ")
	case andNode:
		return n.join(" AND ")
	case notNode:
		if n.kids[0].precedence() < int(notNode) {
			return "!(" + n.kids[0].String() + ")"
		}
		return "!" + n.kids[0].String()
	case existsNode:
		return "Exists " + n.attribute.String()
	case actionNode:
		return "ActionMatches{'" + n.pattern.String() + "'}"
	case subOperationNode:
		return "SubOperationMatches{'" + n.name + "'}"
	}
	return n.left.String() + " " + n.operation() + " " + n.right.String()
}

func (n *node) join(separator string) string {
	parts := make([]string, len(n.kids))
	for i, kid := range n.kids {
		parts[i] = kid.String()
		if kid.precedence() <= n.precedence() {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, separator)
}

func (n *node) operation() string {
	if n.quantifier == nil {
		return n.operator.name
	}
	return n.quantifier.name + ":" + n.operator.name
}

func (o *operand) String() string {
	if o.attribute != nil {
		return o.attribute.String()
	}
	parts := make([]string, len(o.literals))
	for i, l := range o.literals {
		parts[i] = l.String()
	}
	if o.set {
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return parts[0]
}
