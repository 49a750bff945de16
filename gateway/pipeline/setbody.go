package pipeline

import (
	"strings"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// setBody is set-body: text, an expression, or a Liquid template.
type setBody struct {
	slot
	text   []byte
	liquid *template
	side   Side
}

func compileSetBody(k *Compiler, e *policy.Element) Step { return k.body(e, k.Side()) }

func (k *Compiler) body(e *policy.Element, side Side) *setBody {
	s := &setBody{slot: slot{set: true}, side: side}
	if strings.EqualFold(k.Literal(e, "template"), "liquid") {
		s.liquid = k.template(e, side)
		return s
	}
	if e.Text.Expr == nil && len(e.Children) > 0 {
		s.text = []byte(strings.TrimSpace(k.inner(e))) // markup: as it was written
		return s
	}
	v := k.resolve(e, e.Text)
	if v.Expr != nil {
		s.program = k.program(e, v.Expr, expr.WantBody)
	} else {
		s.text = []byte(strings.TrimSpace(v.Text))
	}
	return s
}

// inner is all between the tags of an element, with the named values in it replaced.
func (k *Compiler) inner(e *policy.Element) string { return k.replaced(e.Inner, false) }

// replaced puts the named values that there are into a text, and leaves the rest. In a template a name may as well be
// one of its own: that it is a named value nobody has checked for the writer, so it is looked up as optional.
func (k *Compiler) replaced(text string, maybe bool) string {
	return policy.ReplaceAll(text, func(name string) (string, bool) {
		return k.namedValue(policy.Name{Name: name, Maybe: maybe})
	})
}

func (s *setBody) Run(c *Call) error {
	data, err := s.eval(c)
	if err == nil {
		c.SetBody(s.side, NewBody(data))
	}
	return err
}

func (s *setBody) eval(c *Call) ([]byte, error) {
	switch {
	case s.liquid != nil:
		return s.liquid.render(c)
	case s.program == nil:
		return s.text, nil
	}
	v, err := s.run(c)
	if err != nil {
		return nil, err
	}
	if b, ok := v.ByteSlice(); ok {
		return b, nil
	}
	return []byte(v.Print()), nil
}
