package pipeline

import (
	"errors"
	"fmt"

	"gatehouse/policy"
)

// choose runs the first branch whose condition is true.
type choose struct {
	branches  []branch
	otherwise Block
}

type branch struct {
	when  Flag
	block Block
	place *Place
}

func compileChoose(k *Compiler, e *policy.Element) Step {
	s := &choose{}
	for _, child := range e.Children {
		if child.Name != "when" {
			s.otherwise = k.Block(child.Children, "otherwise")
			continue
		}
		step := fmt.Sprintf("when[%d]", len(s.branches)+1)
		at := k.place(e)
		at.Path += "/" + step
		s.branches = append(s.branches, branch{k.Flag(child, "condition"), k.Block(child.Children, step), at})
	}
	return s
}

func (s *choose) Run(c *Call) error {
	for i := range s.branches {
		b := &s.branches[i]
		yes, err := b.when.Eval(c)
		if err != nil {
			return failureOf(err, b.place)
		}
		if yes {
			return b.block.Run(c)
		}
	}
	return s.otherwise.Run(c)
}

func compileBase(*Compiler, *policy.Element) Step { return baseStep{} }

// compileFragment puts the policies of a fragment in place of include-fragment.
func compileFragment(k *Compiler, e *policy.Element) Step {
	id := k.Literal(e, "fragment-id")
	k.doc.Fragments = append(k.doc.Fragments, id)
	switch {
	case k.fragment != "":
		k.Fault(e, "A policy fragment cannot include another.")
	case k.env.Fragment == nil || k.env.Fragment(id) == nil:
		k.Fault(e, "Policy fragment with id '%s' could not be found.", id)
	default:
		k.fragment = id
		defer func() { k.fragment = "" }()
		return blockStep{k.Block(k.env.Fragment(id).Root.Children, "")}
	}
	return nil
}

// blockStep is a block as one step.
type blockStep struct{ Block }

func (s blockStep) Run(c *Call) error { return s.Block.Run(c) }

type setVariable struct {
	name  string
	value Any
}

func compileSetVariable(k *Compiler, e *policy.Element) Step {
	return &setVariable{k.Literal(e, "name"), k.Any(e, "value")}
}

func (s *setVariable) Run(c *Call) error {
	v, err := s.value.Eval(c)
	if err == nil {
		c.Variables.Set(s.name, v)
	}
	return err
}

// isEnd reports whether a step ended the pipeline on purpose.
func isEnd(err error) bool { return errors.Is(err, errEnd) }

// isStop reports whether a step ended its section on purpose.
func isStop(err error) bool { return errors.Is(err, errEnd) || errors.Is(err, errCached) }
