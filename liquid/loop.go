package liquid

import "strconv"

type loopNode struct {
	name          string
	over          expr
	limit, offset expr
	cols          expr
	reversed      bool
	body, none    []node
}

// header reads "x in list limit:2 offset:1 reversed".
func (p *parser) header(at piece) *loopNode {
	s := &scanner{s: at.text}
	n := &loopNode{name: s.word()}
	if n.name == "" || !s.keyword("in") {
		s.fail(at.name + " wants 'item in list'")
	}
	n.over = s.value()
	for s.err == "" && !s.over() {
		s.next(",")
		word := s.word()
		switch {
		case word == "reversed":
			n.reversed = true
			continue
		case word == "" || !s.next(":"):
			s.fail("unexpected text in " + at.name)
			continue
		}
		v := s.value()
		switch word {
		case "limit":
			n.limit = v
		case "offset":
			n.offset = v
		case "cols":
			n.cols = v
		}
	}
	p.finish(s, at)
	return n
}

func forTag(p *parser, at piece) node {
	n := p.header(at)
	var end piece
	n.body, end = p.until(at, "else", "endfor")
	if end.name == "else" {
		n.none, _ = p.until(at, "endfor")
	}
	return n
}

type tableRowNode struct{ *loopNode }

func tableRowTag(p *parser, at piece) node {
	n := p.header(at)
	n.body, _ = p.until(at, "endtablerow")
	return tableRowNode{n}
}

type loopEnd struct{ name string }

func (e loopEnd) Error() string { return e.name + " outside of a loop" }

type loopEndNode struct{ loopEnd }

func loopTag(_ *parser, at piece) node { return loopEndNode{loopEnd{at.name}} }

func (n loopEndNode) render(*run) error { return n.loopEnd }

// items are the bounds of the loop within its list.
func (n *loopNode) items(r *run) (l List, from, to int) {
	v := n.over.eval(r)
	l, ok := r.listOf(v)
	if !ok {
		return nil, 0, 0
	}
	to = l.Len()
	if n.offset != nil {
		if v, ok := numeric(n.offset.eval(r)); ok {
			from = min(max(int(float(v)), 0), to)
		}
	}
	if n.limit != nil {
		if v, ok := numeric(n.limit.eval(r)); ok {
			to = min(to, from+max(int(float(v)), 0))
		}
	}
	return l, from, to
}

// each runs the body for every item.
func (n *loopNode) each(r *run, before, after func(i, count int) error) (ran bool, err error) {
	l, from, to := n.items(r)
	count := to - from
	if r.err != nil || count <= 0 {
		return false, r.err
	}
	outerItem, hadItem := r.vars[n.name]
	outerLoop, hadLoop := r.vars["forloop"]
	defer func() {
		restore(r, n.name, outerItem, hadItem)
		restore(r, "forloop", outerLoop, hadLoop)
	}()
	for i := range count {
		at := from + i
		if n.reversed {
			at = to - 1 - i
		}
		r.vars[n.name] = l.At(at)
		r.vars["forloop"] = forLoop{i, count, n.name, outerLoop}
		if err := r.step(1); err != nil {
			return true, err
		}
		if err := before(i, count); err != nil {
			return true, err
		}
		if err := r.all(n.body); err != nil {
			end, ok := err.(loopEnd)
			if !ok {
				return true, err
			}
			if end.name == "break" {
				return true, nil
			}
		}
		if err := after(i, count); err != nil {
			return true, err
		}
	}
	return true, nil
}

func restore(r *run, name string, v any, had bool) {
	if had {
		r.vars[name] = v
	} else {
		delete(r.vars, name)
	}
}

func (n *loopNode) render(r *run) error {
	nothing := func(int, int) error { return nil }
	ran, err := n.each(r, nothing, nothing)
	if err == nil && !ran {
		return r.all(n.none)
	}
	return err
}

func (n tableRowNode) render(r *run) error {
	cols := 1 << 30
	if n.cols != nil {
		if v, ok := numeric(n.cols.eval(r)); ok {
			cols = max(int(float(v)), 1)
		}
	}
	row := 1
	if err := r.write("<tr class=\"row1\">\n"); err != nil {
		return err
	}
	_, err := n.each(r, func(i, _ int) error {
		return r.write(`<td class="col` + strconv.Itoa(i%cols+1) + `">`)
	}, func(i, count int) error {
		if (i+1)%cols == 0 && i+1 < count {
			row++
			return r.write("</td></tr>\n<tr class=\"row" + strconv.Itoa(row) + `">`)
		}
		return r.write("</td>")
	})
	if err != nil {
		return err
	}
	return r.write("</tr>\n")
}

// forLoop is the variable of that name inside a loop.
type forLoop struct {
	i, count int
	name     string
	outer    any
}

func (f forLoop) Text() string { return "" }

func (f forLoop) Member(name string) (any, bool) {
	switch name {
	case "index":
		return int64(f.i + 1), true
	case "index0":
		return int64(f.i), true
	case "rindex":
		return int64(f.count - f.i), true
	case "rindex0":
		return int64(f.count - f.i - 1), true
	case "first":
		return f.i == 0, true
	case "last":
		return f.i == f.count-1, true
	case "length":
		return int64(f.count), true
	case "name":
		return f.name, true
	case "parentloop":
		return f.outer, f.outer != nil
	}
	return nil, false
}
