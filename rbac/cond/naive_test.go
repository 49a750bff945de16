package cond

import (
	"regexp"
	"strings"
	"time"

	"gatehouse"
)

// naive evaluates a condition by reading rbac.md 7.4 aloud, on lists of plain values
// and with the operator's name as the only source of what it does.
func naive(n *node, e *Env) Outcome {
	switch n.kind {
	case orNode:
		for _, kid := range n.kids {
			if o := naive(kid, e); o != False {
				return o
			}
		}
		return False
	case andNode:
		for _, kid := range n.kids {
			if o := naive(kid, e); o != True {
				return o
			}
		}
		return True
	case notNode:
		return map[Outcome]Outcome{True: False, False: True, Fault: Fault}[naive(n.kids[0], e)]
	case existsNode:
		_, ok := naiveAttribute(n.attribute, e)
		return outcome(ok)
	case actionNode:
		return outcome(gatehouse.NewPattern(n.pattern.String()).Match(e.Action))
	case subOperationNode:
		return outcome(e.SubOperation != "" && strings.EqualFold(n.name, e.SubOperation))
	}
	return naiveCompare(n, e)
}

func naiveAttribute(a *attribute, e *Env) ([]any, bool) {
	var attributes gatehouse.Attributes
	if e.Attributes != nil {
		attributes = *e.Attributes
	}
	bag := []map[string]any{attributes.Environment, attributes.Principal, attributes.Request, attributes.Resource}[a.source]
	for name, v := range bag {
		if v == nil || !naiveSameName(a.path, name) {
			continue
		}
		if list, ok := v.([]any); ok {
			return list, true
		}
		return []any{v}, true
	}
	if a.source == Environment && strings.EqualFold(a.path, "utcnow") {
		return []any{e.Now}, true
	}
	return nil, false
}

func naiveSameName(path, name string) bool {
	exact, ok := strings.CutSuffix(path, "<$key_case_sensitive$>")
	if !ok {
		return strings.EqualFold(path, name)
	}
	return strings.EqualFold(exact, name) && exact[strings.LastIndex(exact, ":")+1:] == name[strings.LastIndex(name, ":")+1:]
}

func naiveSide(o *operand, e *Env) (list []any, ok bool) {
	if o.attribute != nil {
		return naiveAttribute(o.attribute, e)
	}
	for _, l := range o.literals {
		list = append(list, l)
	}
	return list, true
}

// naiveValue returns text, number, time, GUID or truth, as the operator wants it; nil for none.
func naiveValue(v any, operator string) any {
	l, isLiteral := v.(literal)
	text, isText := v.(string)
	if isLiteral {
		text, isText = l.text, l.kind == stringLiteral
	}
	switch {
	case strings.HasPrefix(operator, "String"):
		if isText {
			return text
		}
	case strings.HasPrefix(operator, "Numeric"):
		if isLiteral && l.kind == integerLiteral {
			n, _ := regexp.MatchString(`^[+-]?[0-9]+$`, l.text)
			if n {
				return parseInt(l.text)
			}
		}
		if n, ok := v.(int64); ok {
			return n
		}
		if n, ok := v.(int); ok {
			return int64(n)
		}
	case strings.HasPrefix(operator, "DateTime"):
		if t, ok := v.(time.Time); ok {
			return t
		}
		if t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(text)); err == nil && isText {
			return t
		}
	case strings.HasPrefix(operator, "Guid"):
		if g, ok := v.(gatehouse.GUID); ok {
			return g
		}
		if g, err := gatehouse.ParseGUID(text); err == nil && (isText || isLiteral && l.kind == guidLiteral) {
			return g
		}
	case strings.HasPrefix(operator, "Bool"):
		if b, ok := v.(bool); ok {
			return b
		}
		if isLiteral && l.kind == boolLiteral {
			return l.text == "true"
		}
	}
	return nil
}

func parseInt(s string) (n int64) {
	negative := strings.HasPrefix(s, "-")
	for _, c := range strings.TrimLeft(s, "+-") {
		n = n*10 - int64(c-'0')
	}
	if !negative {
		n = -n
	}
	return n
}

func naiveCompare(n *node, e *Env) Outcome {
	name := n.operator.name
	left, leftOK := naiveSide(&n.left, e)
	right, rightOK := naiveSide(&n.right, e)
	bad := func(list []any) bool {
		for _, v := range list {
			if naiveValue(v, name) == nil {
				return true
			}
		}
		return false
	}
	if n.left.attribute == nil && bad(left) || n.right.attribute == nil && bad(right) {
		return Fault
	}
	if !leftOK || !rightOK {
		return False
	}
	if bad(left) || bad(right) {
		return Fault
	}
	positive := strings.Replace(name, "Not", "", 1)
	test := func(l, r any) bool { return naiveTest(positive, naiveValue(l, name), naiveValue(r, name)) }
	pair := func(l, r any) bool { return test(l, r) != (positive != name) }
	if n.quantifier != nil {
		return outcome(naiveQuantified(n.quantifier.name, left, right, pair))
	}
	if len(left) != 1 {
		return False
	}
	any := exists(right, func(r any) bool { return test(left[0], r) })
	return outcome(any == (positive == name))
}

func exists(list []any, f func(any) bool) bool {
	for _, v := range list {
		if f(v) {
			return true
		}
	}
	return false
}

func every(list []any, f func(any) bool) bool {
	return !exists(list, func(v any) bool { return !f(v) })
}

func naiveQuantified(name string, left, right []any, pair func(l, r any) bool) bool {
	switch name {
	case "ForAnyOfAnyValues":
		return exists(left, func(l any) bool { return exists(right, func(r any) bool { return pair(l, r) }) })
	case "ForAllOfAnyValues":
		return every(left, func(l any) bool { return exists(right, func(r any) bool { return pair(l, r) }) })
	case "ForAnyOfAllValues":
		return exists(left, func(l any) bool { return every(right, func(r any) bool { return pair(l, r) }) })
	}
	return every(left, func(l any) bool { return every(right, func(r any) bool { return pair(l, r) }) })
}

func naiveTest(name string, l, r any) bool {
	if s, ok := strings.CutSuffix(name, "IgnoreCase"); ok {
		name, l, r = s, gatehouse.Fold(l.(string)), gatehouse.Fold(r.(string))
	}
	if before, ok := l.(time.Time); ok {
		l, r = int64(before.Compare(r.(time.Time))), int64(0)
	}
	switch {
	case strings.HasSuffix(name, "StartsWith"):
		return strings.HasPrefix(l.(string), r.(string))
	case strings.HasSuffix(name, "Like"):
		return naiveLike(r.(string)).MatchString(l.(string))
	case strings.HasSuffix(name, "GreaterThanEquals"):
		return l.(int64) >= r.(int64)
	case strings.HasSuffix(name, "LessThanEquals"):
		return l.(int64) <= r.(int64)
	case strings.HasSuffix(name, "GreaterThan"):
		return l.(int64) > r.(int64)
	case strings.HasSuffix(name, "LessThan"):
		return l.(int64) < r.(int64)
	}
	return l == r
}

func naiveLike(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(quoted, `\\\*`, "\x00")
	quoted = strings.ReplaceAll(quoted, `\\\?`, "\x01")
	quoted = strings.ReplaceAll(quoted, `\*`, ".*")
	quoted = strings.ReplaceAll(quoted, `\?`, ".")
	quoted = strings.ReplaceAll(quoted, "\x00", `\*`)
	quoted = strings.ReplaceAll(quoted, "\x01", `\?`)
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}
