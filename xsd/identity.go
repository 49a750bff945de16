package xsd

import (
	"strings"

	"gatehouse/dotnet/xlinq"
)

// constraint is key, unique or keyref.
type constraint struct {
	kind     string
	name     name
	refer    name
	selector []path
	fields   [][]path
}

// path is one of the alternatives of a selector or field.
type path struct {
	deep      bool // begins with .//
	steps     []stepName
	attribute *stepName
}

type stepName struct {
	any   bool   // *
	space string // with any: of that namespace; "*" for all
	name  name
}

func (t stepName) matches(n name) bool {
	if t.any {
		return t.space == "*" || n.Space == t.space
	}
	return n == t.name
}

// constraintOf reads a constraint.
func constraintOf(s source) (*constraint, error) {
	k := &constraint{kind: s.node.Name().Local, name: name{Space: s.doc.target, Local: attr(s.node, "name")}}
	if k.kind == "keyref" {
		var err error
		if k.refer, err = s.ref(attr(s.node, "refer")); err != nil {
			return nil, err
		}
	}
	for _, n := range children(s.node) {
		part := source{n, s.doc}
		paths, err := part.paths(attr(n, "xpath"), n.Name().Local == "field")
		if err != nil {
			return nil, err
		}
		if n.Name().Local == "selector" {
			k.selector = paths
		} else {
			k.fields = append(k.fields, paths)
		}
	}
	if k.selector == nil || len(k.fields) == 0 {
		return nil, fault("'%s' has no selector or no field", k.name.Local)
	}
	return k, nil
}

// paths reads the small part of XPath that constraints are written in.
func (s source) paths(text string, field bool) ([]path, error) {
	var all []path
	for alternative := range strings.SplitSeq(text, "|") {
		p := path{}
		rest := strings.TrimSpace(alternative)
		if after, ok := strings.CutPrefix(rest, ".//"); ok {
			p.deep, rest = true, after
		}
		for part := range strings.SplitSeq(rest, "/") {
			part = strings.TrimSpace(part)
			if part == "." {
				continue
			}
			if p.attribute != nil {
				return nil, fault("the path %q cannot be read", text)
			}
			after, isAttribute := strings.CutPrefix(strings.TrimPrefix(part, "child::"), "@")
			if long, ok := strings.CutPrefix(after, "attribute::"); ok {
				after, isAttribute = long, true
			}
			if isAttribute && !field {
				return nil, fault("the path %q cannot be read", text)
			}
			n, err := s.stepName(strings.TrimSpace(after), isAttribute)
			if err != nil {
				return nil, fault("the path %q cannot be read", text)
			}
			if isAttribute {
				p.attribute = &n
				continue
			}
			p.steps = append(p.steps, n)
		}
		all = append(all, p)
	}
	return all, nil
}

func (s source) stepName(text string, isAttribute bool) (stepName, error) {
	if text == "*" {
		return stepName{any: true, space: "*"}, nil
	}
	prefix, local, ok := strings.Cut(text, ":")
	if !ok {
		prefix, local = "", text
	}
	space := ""
	if prefix != "" {
		var known bool
		if space, known = s.node.NamespaceOf(prefix); !known {
			return stepName{}, fault("an unknown prefix")
		}
	}
	if local == "*" {
		return stepName{any: true, space: space}, nil
	}
	if !isNCName(local) {
		return stepName{}, fault("no name")
	}
	return stepName{name: name{Space: space, Local: local}}, nil
}

// find calls yield for the elements and attributes that one of the paths leads to from n.
func (v *validation) find(paths []path, n *xlinq.Node, yield func(*xlinq.Node)) {
	for _, p := range paths {
		v.walk(p, p.steps, n, p.deep, yield)
	}
}

func (v *validation) walk(p path, steps []stepName, n *xlinq.Node, deep bool, yield func(*xlinq.Node)) {
	if !v.spend(1) {
		return
	}
	if len(steps) == 0 {
		if p.attribute == nil {
			yield(n)
		} else {
			for _, a := range n.Attributes() {
				if !a.IsDeclaration() && p.attribute.matches(a.Name()) {
					yield(a)
				}
			}
		}
	}
	for _, c := range n.Items() {
		if c.Kind() != xlinq.Element {
			continue
		}
		if len(steps) > 0 && steps[0].matches(c.Name()) {
			v.walk(p, steps[1:], c, false, yield)
		}
		if deep {
			v.walk(p, steps, c, true, yield)
		}
	}
}

// constraints checks those of an element, whose content was checked already: their values are typed.
func (v *validation) constraints(e *element, n *xlinq.Node, at *place) {
	tables := map[name]map[string]bool{}
	for _, k := range e.constraints {
		if k.kind != "keyref" {
			tables[k.name] = v.table(k, n, at, nil)
		}
	}
	for _, k := range e.constraints {
		if k.kind != "keyref" {
			continue
		}
		keys := tables[k.refer]
		if keys == nil {
			v.add(at, "Keyref", "the key '%s' that '%s' refers to is not one of this element", k.refer.Local, k.name.Local)
			continue
		}
		v.table(k, n, at, keys)
	}
}

// table collects the values of a constraint; in is what those of a keyref have to be among.
func (v *validation) table(k *constraint, n *xlinq.Node, at *place, in map[string]bool) map[string]bool {
	seen := map[string]bool{}
	v.find(k.selector, n, func(target *xlinq.Node) {
		var key strings.Builder
		complete := true
		for _, field := range k.fields {
			var found *xlinq.Node
			count := 0
			v.find(field, target, func(f *xlinq.Node) { found, count = f, count+1 })
			if count > 1 {
				v.add(at, "Key", "a field of '%s' is there more than once", k.name.Local)
			}
			if count != 1 {
				complete = false
				continue
			}
			text, typed := v.values[found]
			if !typed {
				raw, _ := found.Value(nil)
				text = strings.TrimSpace(raw)
			}
			key.WriteString(text)
			key.WriteByte(0)
		}
		switch text := key.String(); {
		case !complete && k.kind == "key":
			v.add(at, "Key", "a field of the key '%s' is missing", k.name.Local)
		case !complete:
		case in != nil && !in[text]:
			v.add(at, "Keyref", "what '%s' refers to does not exist: %s", k.name.Local, quoted(strings.ReplaceAll(strings.TrimSuffix(text, "\x00"), "\x00", ", ")))
		case in == nil && seen[text]:
			v.add(at, "Unique", "a value of '%s' is there twice: %s", k.name.Local, quoted(strings.ReplaceAll(strings.TrimSuffix(text, "\x00"), "\x00", ", ")))
		default:
			seen[text] = true
		}
	})
	return seen
}
