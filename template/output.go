package template

import (
	"gatehouse"
	"gatehouse/jsondoc"
)

// Parameters returns the parameters as GET shows them, with types and values;
// secure ones have no value.
func (p *Plan) Parameters() *jsondoc.Object {
	out := &jsondoc.Object{}
	t := p.run.template
	if t.outer != nil {
		return out
	}
	for _, d := range t.params {
		shown := jsondoc.NewObject("type", typeName(t.typeOf(d.spec)))
		if !isSecure(t.typeOf(d.spec)) {
			v, _ := p.run.parameter(d.name)
			shown.Set("value", jsondoc.Clone(v))
		}
		out.Set(d.name, shown)
	}
	return out
}

func typeName(folded string) string {
	if name := types[folded]; name != "" {
		return name
	}
	return "Object"
}

// Outputs evaluates the outputs once all steps are written: {"name": {"type", "value"}}.
// Secure ones have no value, here and in what other deployments can refer to.
func (p *Plan) Outputs(resolve Resolver) (*jsondoc.Object, error) {
	out := &jsondoc.Object{}
	t := p.run.template
	f := &frame{run: p.run, where: inOutput, resolve: resolve}
	if t.outer != nil {
		f.loops = t.outer.loops
	}
	for name, v := range t.doc.Object("outputs").All() {
		spec := v.(*jsondoc.Object) // see declareOutputs
		shown, err := f.output(name, spec)
		if err != nil {
			return nil, t.outputFailed(err, name, spec)
		}
		if shown != nil {
			out.Set(name, shown)
		}
	}
	return out, nil
}

// output evaluates one output; nil when its condition does not hold.
func (f *frame) output(name string, spec *jsondoc.Object) (Value, error) {
	if v, ok := spec.Get("condition"); ok {
		v, err := f.in(inHead).known(v)
		if err != nil {
			return nil, below(err, spec, "condition")
		}
		if on, ok := v.(bool); !ok {
			return nil, below(faultf("the condition evaluates to %s where a boolean is expected", describe(v)), spec, "condition")
		} else if !on {
			return nil, nil
		}
	}
	v, err := f.outputValue(name, spec)
	if err == nil {
		err = f.run.bounded(v)
	}
	if err != nil {
		return nil, err
	}
	t := f.run.template
	kind := t.typeOf(spec)
	if s := t.conforms(v, spec, false); s != "" {
		return nil, faultf("%s", s)
	}
	shown := jsondoc.NewObject("type", typeName(kind))
	if !isSecure(kind) {
		shown.Set("value", jsondoc.Clone(v))
	}
	return shown, nil
}

func (f *frame) outputValue(name string, spec *jsondoc.Object) (Value, error) {
	if c := spec.Object("copy"); c != nil {
		list, err := f.unroll(c, name, false)
		return list, below(err, spec, "copy")
	}
	v, _ := spec.Get("value")
	v, err := f.value(v)
	return v, below(err, spec, "value")
}

// outputFailed words a failure as Azure does, the cause among the details. What the
// resolver refused stays as it is.
func (t *Template) outputFailed(err error, name string, spec *jsondoc.Object) error {
	line, col := t.position(spec.Position())
	detail := t.invalid(err, InvalidTemplate, "The template output '%s' at line '%d' and column '%d' is not valid: %v.", clip(name), line, col)
	if _, ok := err.(*fault); !ok {
		return err
	}
	e := gatehouse.Errorf(gatehouse.Invalid, DeploymentOutputEvaluationFailed,
		"Unable to evaluate template outputs: '%s'. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details.", clip(name))
	e.Details = []*gatehouse.Error{detail.(*gatehouse.Error)}
	return e
}
