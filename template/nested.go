package template

import (
	"errors"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Nested is the deployment within a deployment: the caller plans Template with
// Parameters in an Env of Scope, and writes its steps.
type Nested struct {
	Template   *Template
	Parameters *jsondoc.Object
	Scope      gatehouse.ID
	Mode       string // Incremental unless the template says otherwise
}

// Nested returns the inner deployment of a step that is one. An outer-scoped
// template sees the parameters, variables and Env of the template around it.
func (s *Step) Nested(resolve Resolver) (*Nested, error) {
	f := s.frame.in(inBody)
	f.resolve = resolve
	n, err := s.nested(f)
	if err != nil {
		return nil, s.failed(err)
	}
	return n, nil
}

func (s *Step) nested(f *frame) (*Nested, error) {
	properties := s.doc.Object("properties")
	if properties.Has("templateLink") || properties.Has("parametersLink") {
		return nil, below(faultf("links to templates and parameters are not followed; put the template itself into properties.template"), s.doc, "properties")
	}
	if s.template.depth >= maxNested {
		return nil, faultf("deployments are nested more than %d levels deep", maxNested)
	}
	n := &Nested{Scope: s.Scope, Mode: "Incremental", Parameters: &jsondoc.Object{}}
	v, err := deploymentProperties(f, properties)
	if err != nil {
		return nil, below(err, s.doc, "properties")
	}
	evaluated := v.(*jsondoc.Object)
	if mode := evaluated.String("mode"); mode != "" {
		n.Mode = mode
	}
	outer := f
	if sameText(evaluated.String("expressionEvaluationOptions.scope"), "inner") {
		outer = nil
		if p := evaluated.Object("parameters"); p != nil {
			n.Parameters = p.Clone()
		}
	}
	n.Template, err = parse(properties.Object("template"), outer)
	if err == nil {
		n.Template.depth = s.template.depth + 1
	}
	return n, err
}

// checkNested finds what is wrong with an inner template before anything is
// written, and what an outer-scoped one uses of the template around it.
func (s *Step) checkNested(f *frame) error {
	n, err := s.nested(f)
	if err == nil && n.Template.outer != nil {
		env := f.run.env
		env.Scope = n.Scope
		_, err = n.Template.plan(nil, env, f.found)
	}
	var e *gatehouse.Error
	if errors.As(err, &e) {
		e.Message = "In the nested deployment '" + clip(s.Name) + "': " + e.Message
	}
	return err
}
