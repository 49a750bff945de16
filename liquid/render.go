package liquid

import (
	"errors"
	"fmt"
	"strings"
)

// Limits bound a rendering; zero fields mean the defaults.
type Limits struct {
	Steps  int          // tags, loop turns and filters; 1,000,000
	Output int          // bytes printed or captured; 16 MiB
	Check  func() error // asked now and then; its error ends the rendering (deadlines)
}

const (
	defaultSteps  = 1_000_000
	defaultOutput = 16 << 20
	bytesPerStep  = 4 << 10 // that are looked at for the price of a step
)

// ErrLimit is what a rendering ends with that wants more than its Limits.
var ErrLimit = errors.New("the Liquid template was stopped")

// run is one rendering.
type run struct {
	roots    map[string]any
	vars     map[string]any
	counters map[string]int64
	cycles   map[string]int
	changed  map[*int]string
	out      *strings.Builder
	left     int // bytes
	steps    int
	check    func() error
	err      error
}

// Render runs the template over the roots.
func (t *Template) Render(roots map[string]any, l Limits) (string, error) {
	r := &run{roots: roots, vars: map[string]any{}, counters: map[string]int64{}, cycles: map[string]int{}, changed: map[*int]string{},
		out: &strings.Builder{}, left: l.Output, steps: l.Steps, check: l.Check}
	if r.left == 0 {
		r.left = defaultOutput
	}
	if r.steps == 0 {
		r.steps = defaultSteps
	}
	err := r.all(t.body)
	if _, ok := err.(loopEnd); ok {
		err = nil // break outside of a loop ends the template
	}
	if err != nil {
		return "", err
	}
	return r.out.String(), r.err
}

func (r *run) all(list []node) error {
	for _, n := range list {
		if err := r.step(1); err != nil {
			return err
		}
		if err := n.render(r); err != nil {
			return err
		}
	}
	return nil
}

// step counts work; its error is also kept for those who cannot return one.
func (r *run) step(n int) error {
	if r.err != nil {
		return r.err
	}
	before := r.steps >> 10
	if r.steps -= n; r.steps < 0 {
		r.err = fmt.Errorf("%w: too many steps", ErrLimit)
	} else if r.check != nil && r.steps>>10 != before {
		r.err = r.check()
	}
	return r.err
}

// spend counts bytes that are made.
func (r *run) spend(n int) error {
	if r.left -= n; r.left < 0 && r.err == nil {
		r.err = fmt.Errorf("%w: too much output", ErrLimit)
	}
	return r.err
}

func (r *run) write(s string) error {
	if err := r.spend(len(s)); err != nil {
		return err
	}
	r.out.WriteString(s)
	return nil
}

func (r *run) lookup(name string) any {
	if v, ok := r.vars[name]; ok {
		return v
	}
	if v, ok := r.roots[name]; ok {
		return v
	}
	if v, ok := r.counters[name]; ok {
		return v
	}
	return nil
}
