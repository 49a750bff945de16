package expr

// label is a case of a switch that is ready to be tried.
type label struct {
	test    func(f *Frame, v Value) (bool, error) // nil for default
	section int
}

// switchStatement binds a switch over constants, with the patterns of C# 7.
func (b *binder) switchStatement(n *switchStmt) exec {
	x := b.rvalue(n.x)
	b.push()
	defer b.pop()
	b.jumps = &jumps{outer: b.jumps, broken: dead, continued: dead}
	before := b.state
	var labels []label
	var bodies []exec
	seen := map[Value]bool{}
	texts := map[string]bool{}
	hasDefault := -1
	for i := range n.sections {
		s := &n.sections[i]
		b.push()
		b.state = before
		for j := range s.labels {
			l := b.label(x, &s.labels[j], i, seen, texts)
			if l.test == nil && s.labels[j].isDefault {
				hasDefault = i
				continue
			}
			if l.test != nil {
				labels = append(labels, l)
			}
		}
		// Cells of pattern variables are made when the switch is entered: labels are tried before their section runs.
		cells := b.scope.cells
		b.scope.cells = nil
		body := b.sequence(s.body)
		if !b.state.dead {
			word := "default:"
			if !s.labels[len(s.labels)-1].isDefault {
				word = "case"
			}
			b.fail(s.labels[len(s.labels)-1].at(), "Control cannot fall through from one case label ('%s') to another", word)
		}
		bodies = append(bodies, body)
		b.pop()
		b.scope.cells = append(b.scope.cells, cells...)
	}
	j := b.jumps
	b.jumps = j.outer
	b.state = j.broken
	if hasDefault < 0 {
		b.state = b.state.meet(before)
	}
	if x.k == oError {
		return nil
	}
	return b.opening(nil, switchCode(x.run, labels, bodies, hasDefault))
}

func switchCode(value code, labels []label, bodies []exec, fallback int) exec {
	return func(f *Frame) (control, error) {
		v, err := value(f)
		if err != nil {
			return onward, err
		}
		chosen := fallback
		for i := range labels {
			ok, err := labels[i].test(f, v)
			if err != nil {
				return onward, err
			}
			if ok {
				chosen = labels[i].section
				break
			}
		}
		if chosen < 0 {
			return onward, nil
		}
		c, err := bodies[chosen](f)
		if c == breaks {
			c = onward
		}
		return c, err
	}
}

func (b *binder) label(x operand, n *switchLabel, section int, seen map[Value]bool, texts map[string]bool) label {
	l := label{section: section}
	if n.isDefault {
		if seen[Value{boolType, -1}] {
			b.fail(n.at(), "The switch statement contains multiple cases with the label value 'default'")
		}
		seen[Value{boolType, -1}] = true
		return l
	}
	if n.typ != nil {
		l.test = b.typeLabel(x, n)
	} else {
		l.test = b.constantLabel(x, n, seen, texts)
	}
	if n.when == nil || l.test == nil {
		return l
	}
	cond, yes, _ := b.condition(n.when)
	b.state = yes
	test, when := l.test, cond.run
	if when == nil {
		return label{section: section}
	}
	l.test = func(f *Frame, v Value) (bool, error) {
		if ok, err := test(f, v); err != nil || !ok {
			return false, err
		}
		w, err := when(f)
		return w.n != 0, err
	}
	return l
}

func (b *binder) typeLabel(x operand, n *switchLabel) func(*Frame, Value) (bool, error) {
	isVar := n.typ.keyword == "" && len(n.typ.parts) == 1 && n.typ.parts[0].name == "var"
	t := x.t
	if !isVar {
		t = b.typeOf(n.typ)
	}
	store := func(*Frame, Value) {}
	if n.local != discard {
		l := b.declare(n.at(), n.local, firstType(t, errType))
		b.state = b.state.with(l.id)
		store = storeCode(l.slot)
	}
	if x.k == oError || t == errType {
		return nil
	}
	if !isVar && !x.t.derives(t) && !downcasts(x.t, t) && x.t.underlying() != t {
		b.fail(n.at(), "An expression of type '%s' cannot be handled by a pattern of type '%s'.", x.t.CSharp(), t.CSharp())
		return nil
	}
	return func(f *Frame, v Value) (bool, error) {
		if !isVar && (v.ref == nil || !isInstance(v, t)) {
			return false, nil
		}
		store(f, v)
		return true, nil
	}
}

func (b *binder) constantLabel(x operand, n *switchLabel, seen map[Value]bool, texts map[string]bool) func(*Frame, Value) (bool, error) {
	y := b.rvalue(n.value)
	if x.k == oError || y.k == oError {
		return nil
	}
	if y.c == nil {
		b.fail(y.at, "A constant value is expected")
		return nil
	}
	want := *y.c
	if x.t != objectType && y.t.kind != kNull {
		z := b.to(y, x.t)
		if z.k == oError {
			return nil
		}
		if z.c != nil {
			want = *z.c
		} else if v, err := z.run(nil); err == nil {
			want = v
		}
	}
	double := false
	if want.IsString() {
		double, texts[want.Str()] = texts[want.Str()], n.when == nil
	} else {
		double, seen[want] = seen[want], n.when == nil
	}
	if double {
		b.fail(n.at(), "The switch statement contains multiple cases with the label value '%s'", plain(want))
	}
	return func(_ *Frame, v Value) (bool, error) { return sameConstant(v, want), nil }
}
