package liquid

import "strings"

type node interface{ render(r *run) error }

type textNode string

func (t textNode) render(r *run) error { return r.write(string(t)) }

type outputNode struct{ value expr }

func (o outputNode) render(r *run) error {
	v := o.value.eval(r)
	if r.err != nil {
		return r.err
	}
	return r.write(text(v))
}

type startTag func(p *parser, at piece) node

// tagNamed finds a tag that starts something, nil for none; the others end what they belong to.
func tagNamed(name string) startTag {
	switch name {
	case "assign":
		return assignTag
	case "capture":
		return captureTag
	case "if":
		return ifTag
	case "unless":
		return unlessTag
	case "case":
		return caseTag
	case "for":
		return forTag
	case "comment":
		return commentTag
	case "raw", "literal":
		return rawTag
	case "cycle":
		return cycleTag
	case "increment", "decrement":
		return countTag
	case "break", "continue":
		return loopTag
	case "ifchanged":
		return ifChangedTag
	case "tablerow":
		return tableRowTag
	case "include", "extends", "import", "render":
		return refusedTag
	}
	return nil
}

func refusedTag(p *parser, at piece) node {
	p.fail(at, "tag '"+at.name+"' is not supported: there are no other templates")
	return nil
}

type assignNode struct {
	name  string
	value expr
}

func assignTag(p *parser, at piece) node {
	s := &scanner{s: at.text}
	n := assignNode{name: s.word()}
	if n.name == "" || !s.next("=") {
		s.fail("assign wants 'name = value'")
	}
	n.value = s.filtered()
	p.finish(s, at)
	return n
}

func (n assignNode) render(r *run) error {
	r.vars[n.name] = n.value.eval(r)
	return r.err
}

type captureNode struct {
	name string
	body []node
}

func captureTag(p *parser, at piece) node {
	name := strings.Trim(at.text, `'" `)
	if name == "" {
		p.fail(at, "capture wants a name")
	}
	body, _ := p.until(at, "endcapture")
	return captureNode{name, body}
}

func (n captureNode) render(r *run) error {
	outer := r.out
	r.out = &strings.Builder{}
	err := r.all(n.body)
	r.vars[n.name] = r.out.String()
	r.out = outer
	return err
}

type branch struct {
	when expr
	body []node
}

type ifNode []branch

func ifTag(p *parser, at piece) node { return p.branches(at, "endif", false) }

func unlessTag(p *parser, at piece) node { return p.branches(at, "endunless", true) }

func (p *parser) branches(at piece, end string, negate bool) node {
	var n ifNode
	now := at
	for p.err == nil {
		b := branch{when: literal{true}}
		if now.name != "else" {
			s := &scanner{s: now.text}
			b.when = s.condition()
			p.finish(s, now)
		}
		if negate && len(n) == 0 {
			b.when = not{b.when}
		}
		var next piece
		b.body, next = p.until(at, "elsif", "else", end)
		n = append(n, b)
		if next.name == end {
			break
		}
		now = next
	}
	return n
}

type not struct{ x expr }

func (n not) eval(r *run) any { return !truth(n.x.eval(r)) }

func (n ifNode) render(r *run) error {
	for _, b := range n {
		if truth(b.when.eval(r)) {
			return r.all(b.body)
		}
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

// caseTag makes an if of case and its whens.
func caseTag(p *parser, at piece) node {
	s := &scanner{s: at.text}
	subject := s.filtered()
	p.finish(s, at)
	_, now := p.until(at, "when", "else", "endcase")
	var n ifNode
	for p.err == nil && now.name != "endcase" {
		b := branch{when: literal{true}}
		if now.name == "when" {
			b.when = p.whens(now, subject)
		}
		b.body, now = p.until(at, "when", "else", "endcase")
		n = append(n, b)
	}
	return n
}

func (p *parser) whens(at piece, subject expr) expr {
	s := &scanner{s: at.text}
	var any expr
	for {
		one := condition{op: "==", left: subject, right: s.value()}
		if any == nil {
			any = one
		} else {
			any = condition{op: "or", left: any, right: one}
		}
		if !s.next(",") && !s.keyword("or") {
			break
		}
	}
	p.finish(s, at)
	return any
}

func commentTag(p *parser, at piece) node {
	p.verbatim(at)
	return nil
}

func rawTag(p *parser, at piece) node { return textNode(p.verbatim(at)) }

// verbatim is the source up to the end of a tag.
func (p *parser) verbatim(at piece) string {
	var b strings.Builder
	for depth := 1; ; {
		next, ok := p.take()
		switch {
		case !ok:
			p.fail(at, "tag '"+at.name+"' is not closed")
			return ""
		case next.kind == tagPiece && next.name == "end"+at.name:
			depth--
		case next.kind == tagPiece && next.name == at.name && at.name == "comment":
			depth++
		}
		if depth == 0 {
			return b.String()
		}
		b.WriteString(next.raw)
	}
}

type countNode struct {
	name string
	by   int64
}

func countTag(p *parser, at piece) node {
	if at.text == "" {
		p.fail(at, at.name+" wants a name")
	}
	if at.name == "decrement" {
		return countNode{at.text, -1}
	}
	return countNode{at.text, 1}
}

func (n countNode) render(r *run) error {
	v := r.counters[n.name]
	r.counters[n.name] = v + n.by
	if n.by < 0 {
		v--
	}
	return r.write(text(v))
}

type cycleNode struct {
	group  expr
	values []expr
	key    string
}

func cycleTag(p *parser, at piece) node {
	s := &scanner{s: at.text}
	n := cycleNode{key: at.text}
	first := s.value()
	if s.next(":") {
		n.group = first
		first = s.value()
	}
	n.values = append(n.values, first)
	for s.next(",") {
		n.values = append(n.values, s.value())
	}
	p.finish(s, at)
	return n
}

func (n cycleNode) render(r *run) error {
	key := n.key
	if n.group != nil {
		key = "\x00" + text(n.group.eval(r))
	}
	i := r.cycles[key]
	r.cycles[key] = i + 1
	return r.write(text(n.values[i%len(n.values)].eval(r)))
}

type ifChangedNode struct {
	body []node
	id   *int
}

func ifChangedTag(p *parser, at piece) node {
	body, _ := p.until(at, "endifchanged")
	return ifChangedNode{body, new(int)}
}

func (n ifChangedNode) render(r *run) error {
	outer := r.out
	r.out = &strings.Builder{}
	err := r.all(n.body)
	now := r.out.String()
	r.out = outer
	if err != nil {
		return err
	}
	if last, seen := r.changed[n.id]; seen && last == now {
		return nil
	}
	r.changed[n.id] = now
	return r.write(now)
}
