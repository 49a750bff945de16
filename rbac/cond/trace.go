package cond

// Trace is how a condition came to its outcome: the expression, what it came to,
// and the same for its parts.
type Trace struct {
	Text    string // the expression as written
	Outcome Outcome
	Skipped bool   // not evaluated, because what stands before it decided
	Note    string // why a leaf came to its outcome, where that is not obvious
	Seen    []Seen // the attributes that a leaf refers to
	Parts   []*Trace
}

// Seen is the value of an attribute at the time of evaluation.
type Seen struct {
	Attribute string // as written, @Request[name]
	Value     string
	Missing   bool
}

// Trace evaluates the condition like Eval and keeps what happened on the way.
func (c *Condition) Trace(e *Env) *Trace { return c.root.trace(c.text, e) }

// Missing returns the attributes that the evaluation asked for and did not find.
func (t *Trace) Missing() []string {
	var names []string
	for _, s := range t.Seen {
		if s.Missing {
			names = append(names, s.Attribute)
		}
	}
	for _, part := range t.Parts {
		names = append(names, part.Missing()...)
	}
	return names
}

func (n *node) trace(text string, e *Env) *Trace {
	t := &Trace{Text: text[n.start:n.end], Outcome: n.eval(e)}
	switch n.kind {
	case orNode, andNode:
		n.traceChain(t, text, e)
	case notNode:
		t.Parts = []*Trace{n.kids[0].trace(text, e)}
	case existsNode:
		t.see(e, n.attribute)
	case actionNode:
		t.Note = "the action is " + e.Action
	case subOperationNode:
		t.Note = "the suboperation is " + e.SubOperation
		if e.SubOperation == "" {
			t.Note = "the request has no suboperation"
		}
	case compareNode:
		n.traceCompare(t, e)
	}
	return t
}

func (n *node) traceChain(t *Trace, text string, e *Env) {
	decisive := outcome(n.kind == orNode)
	decided := false
	for _, kid := range n.kids {
		if decided {
			t.Parts = append(t.Parts, &Trace{Text: text[kid.start:kid.end], Skipped: true})
			continue
		}
		part := kid.trace(text, e)
		t.Parts = append(t.Parts, part)
		decided = part.Outcome == decisive || part.Outcome == Fault
	}
}

func (n *node) traceCompare(t *Trace, e *Env) {
	want := familyNames[n.operator.family]
	for _, o := range []*operand{&n.left, &n.right} {
		if o.attribute != nil {
			t.see(e, o.attribute)
		}
		if o.misfit != "" {
			t.Note = o.misfit + " is not " + want + ", which " + n.operator.name + " compares"
		}
	}
	if t.Note != "" {
		return
	}
	for _, o := range []*operand{&n.left, &n.right} {
		t.noteOperand(n, o, e, want)
	}
}

func (t *Trace) noteOperand(n *node, o *operand, e *Env, want string) {
	l, ok := o.list(e, n.operator.family)
	if !ok {
		t.Note = "the attribute " + o.attribute.String() + " is missing, so the comparison is false"
		return
	}
	if _, bad := l.misfit(); bad && t.Outcome == Fault {
		t.Note = "the value of " + o.attribute.String() + " is not " + want + ", which " + n.operator.name + " compares"
		return
	}
	if o == &n.left && n.quantifier == nil && l.n != 1 && t.Note == "" {
		t.Note = n.operator.name + " wants a single value on its left; put a quantifier such as ForAnyOfAnyValues: before it"
	}
}

func (t *Trace) see(e *Env, a *attribute) {
	v, ok := e.lookup(a)
	switch {
	case ok:
		t.Seen = append(t.Seen, Seen{a.String(), show(v), false})
	case a.isNow():
		t.Seen = append(t.Seen, Seen{a.String(), show(e.Now), false})
	default:
		t.Seen = append(t.Seen, Seen{Attribute: a.String(), Missing: true})
	}
}
