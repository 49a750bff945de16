package xslt

import (
	"errors"
	"strings"
)

// pattern is one alternative of what a template matches.
type pattern struct {
	path     *path
	key      expr // key(...) or id(...) that the path begins with; nil for none
	priority float64
}

var errPattern = errors.New("the pattern cannot be read")

// patterns reads what a template or key matches.
func patterns(text string, scope func(string) (string, bool)) ([]pattern, error) {
	x, err := parse(text, scope)
	if err != nil {
		return nil, err
	}
	parts := []expr{x}
	if u, ok := x.(*union); ok {
		parts = u.parts
	}
	var all []pattern
	for _, part := range parts {
		p, err := patternOf(part)
		if err != nil {
			return nil, fault("%w: %s", err, text)
		}
		all = append(all, p)
	}
	return all, nil
}

func patternOf(x expr) (pattern, error) {
	if c, ok := x.(*call); ok {
		x = &path{from: c}
	}
	p, ok := x.(*path)
	if !ok || len(p.filter) > 0 {
		return pattern{}, errPattern
	}
	out := pattern{path: p, priority: 0.5}
	if p.from != nil {
		c, ok := p.from.(*call)
		if !ok || c.name != "key" && c.name != "id" {
			return pattern{}, errPattern
		}
		out.key = c
		return out, nil
	}
	for i, s := range p.steps {
		between := s.axis == "descendant-or-self" && s.test.kind == "node" && len(s.predicates) == 0 && i+1 < len(p.steps)
		if s.axis != "child" && s.axis != "attribute" && !between {
			return pattern{}, errPattern
		}
	}
	if len(p.steps) == 1 && !p.absolute && len(p.steps[0].predicates) == 0 {
		out.priority = p.steps[0].test.priority()
	}
	return out, nil
}

func (t test) priority() float64 {
	switch {
	case t.kind == "name" || t.kind == "processing-instruction" && t.name.Local != "":
		return 0
	case t.kind == "space":
		return -0.25
	}
	return -0.5
}

// matches reports whether a node is one that the pattern is for.
func (p *pattern) matches(c *context, n *node) (bool, error) {
	return p.match(c, n, len(p.path.steps)-1)
}

// match matches the steps up to i against a node and what it stands in.
func (p *pattern) match(c *context, n *node, i int) (bool, error) {
	if err := c.run.spend(1); err != nil {
		return false, err
	}
	if i < 0 {
		return p.begins(c, n)
	}
	s := p.path.steps[i]
	if s.axis == "descendant-or-self" {
		for up := n; up != nil; up = up.parent {
			if ok, err := p.match(c, up, i-1); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	}
	if n.kind == rootNode || n.parent == nil || !s.test.matches(n, s.axis) || (n.kind == attributeNode) != (s.axis == "attribute") {
		return false, nil
	}
	if ok, err := s.holds(c, n); !ok || err != nil {
		return false, err
	}
	if i == 0 && !p.path.absolute && p.key == nil {
		return true, nil
	}
	return p.match(c, n.parent, i-1)
}

func (p *pattern) begins(c *context, n *node) (bool, error) {
	switch {
	case p.key != nil:
		set, err := nodeSet(&context{c.run, n, 1, 1, n, c.vars}, p.key)
		for _, m := range set {
			if m == n {
				return true, nil
			}
		}
		return false, err
	case p.path.absolute:
		return n.kind == rootNode, nil
	}
	return true, nil
}

// holds reports whether the predicates of a step hold for a node. Only those that may ask for its position look at its
// siblings.
func (s *step) holds(c *context, n *node) (bool, error) {
	for i, x := range s.predicates {
		if positional(x) {
			set := n.parent.kids
			if s.axis == "attribute" {
				set = n.parent.attrs
			}
			var candidates nodes
			for _, m := range set {
				if s.test.matches(m, s.axis) {
					candidates = append(candidates, m)
				}
			}
			if err := c.run.spend(len(set)); err != nil {
				return false, err
			}
			kept, err := (&context{c.run, n, 1, 1, n, c.vars}).filter(candidates, s.predicates[:i+1])
			if err != nil {
				return false, err
			}
			found := false
			for _, m := range kept {
				found = found || m == n
			}
			if !found {
				return false, nil
			}
			continue
		}
		ok, err := truth(&context{c.run, n, 1, 1, n, c.vars}, x)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// positional reports whether a predicate may depend on positions.
func positional(x expr) bool {
	switch x := x.(type) {
	case *binary:
		if strings.Contains("+ - * div mod", x.op) {
			return true
		}
		return asksPosition(x.l) || asksPosition(x.r)
	case *path:
		return x.from != nil && asksPosition(x.from)
	case *union:
		return false
	case *call:
		switch x.name {
		case "not", "boolean", "contains", "starts-with", "true", "false", "lang":
			return asksPosition(x)
		}
	}
	return true
}

func asksPosition(x expr) bool {
	switch x := x.(type) {
	case literal, *variable, *union:
		return false
	case *negative:
		return asksPosition(x.x)
	case *binary:
		return asksPosition(x.l) || asksPosition(x.r)
	case *path:
		return x.from != nil && asksPosition(x.from)
	case *call:
		if x.name == "position" || x.name == "last" {
			return true
		}
		for _, a := range x.args {
			if asksPosition(a) {
				return true
			}
		}
		return false
	}
	return true
}
