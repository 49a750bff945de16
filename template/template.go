package template

import (
	"fmt"
	"maps"
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Limits on templates (azure-resource-manager/templates/best-practices).
const (
	maxResources  = 800
	maxParameters = 256
	maxVariables  = 512
	maxOutputs    = 64
	maxCopy       = 800
	maxNested     = 5       // deployments within each other
	maxTemplate   = 4 << 20 // bytes, written compactly
)

// Template is a parsed template. It does not change and can be planned any number of times.
type Template struct {
	doc            *jsondoc.Object
	params         []parameter
	user           map[string]*userFunction // by folded namespace.name
	functions      map[string]*row
	expressions    map[string]*node
	variableCopies map[string]*jsondoc.Object
	symbolic       bool   // languageVersion 2.0: resources have symbolic names
	secrets        bool   // some parameter is secure
	outer          *frame // of an outer-scoped template: what is around it
	depth          int    // of deployments around it
}

// userFunction is a function that the template declares.
type userFunction struct {
	params []parameter
	output Value
}

var (
	schemaName     = regexp.MustCompile(`(?i)^https?://schema\.management\.azure\.com/schemas/[^/]+/(deployment|subscriptiondeployment|managementgroupdeployment|tenantdeployment)template\.json#?$`)
	contentVersion = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+$`)
)

// sections are the members that a template can have.
var sections = map[string]bool{
	"$schema": true, "contentversion": true, "languageversion": true, "apiprofile": true, "metadata": true, "definitions": true,
	"parameters": true, "variables": true, "functions": true, "resources": true, "outputs": true, "asserts": true,
}

// Parse reads a template and finds what is wrong with it whatever the parameters:
// its sections, limits, the syntax of every expression, functions that do not exist.
func Parse(doc *jsondoc.Object) (*Template, error) { return parse(doc, nil) }

func parse(doc *jsondoc.Object, outer *frame) (*Template, error) {
	t := &Template{doc: doc, outer: outer, functions: table(), expressions: map[string]*node{},
		user: map[string]*userFunction{}, variableCopies: map[string]*jsondoc.Object{}}
	if doc == nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, InvalidTemplate, "Deployment template validation failed: 'The template is missing; send it as an object in properties.template'.")
	}
	if len(jsondoc.Marshal(doc)) > maxTemplate {
		return nil, gatehouse.Errorf(gatehouse.Invalid, InvalidTemplate, "Deployment template validation failed: 'The template has more than %d bytes; split it into several deployments'.", maxTemplate)
	}
	if outer != nil {
		t.secrets = outer.run.template.secrets
		maps.Copy(t.user, outer.run.template.user)
	}
	for _, step := range []func() error{t.header, t.declareParameters, t.declareVariables, t.declareFunctions, t.declareOutputs, t.declareResources} {
		if err := step(); err != nil {
			return nil, t.validation(err)
		}
	}
	if err := t.scan(doc, "", false); err != nil {
		return nil, t.validation(err)
	}
	return t, nil
}

func (t *Template) header() error {
	for name := range t.doc.All() {
		if !sections[gatehouse.Fold(name)] {
			return below(faultf("'%s' is not a section of a template; remove it", clip(name)), t.doc, name)
		}
	}
	if s := t.doc.String("$schema"); !schemaName.MatchString(s) {
		return below(faultf("the template schema '%s' is not supported; use 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'", clip(s)), t.doc, "$schema")
	}
	if s := t.doc.String("contentVersion"); !contentVersion.MatchString(s) {
		return below(faultf("contentVersion is missing or not like '1.0.0.0'"), t.doc, "contentVersion")
	}
	switch s := t.doc.String("languageVersion"); s {
	case "", "1.0":
	case "2.0":
		t.symbolic = true
	default:
		return below(faultf("languageVersion '%s' is not supported; use '2.0' or leave it out", clip(s)), t.doc, "languageVersion")
	}
	return nil
}

// section returns a section that has to be an object; it may be absent.
func (t *Template) section(name string, limit int) (*jsondoc.Object, error) {
	v, _ := t.doc.Get(name)
	o, ok := v.(*jsondoc.Object)
	if !ok && v != nil {
		return nil, below(faultf("'%s' has to be an object", name), t.doc, name)
	}
	if o.Len() > limit {
		return nil, below(faultf("the number of %s exceeds the limit of %d; split the template", name, limit), t.doc, name)
	}
	return o, nil
}

// members walks a section whose members have to be objects.
func (t *Template) members(section string, limit int, f func(name string, spec *jsondoc.Object) error) error {
	o, err := t.section(section, limit)
	if err != nil {
		return err
	}
	for name, v := range o.All() {
		spec, ok := v.(*jsondoc.Object)
		if !ok {
			err = faultf("'%s' has to be an object", clip(name))
		} else {
			err = f(name, spec)
		}
		if err != nil {
			return below(below(err, o, name), t.doc, section)
		}
	}
	return nil
}

func (t *Template) declareParameters() error {
	return t.members("parameters", maxParameters, func(name string, spec *jsondoc.Object) error {
		kind := t.typeOf(spec)
		if types[kind] == "" && !(t.symbolic && (t.deref(spec).Has("allowedValues") || kind == "any")) {
			return faultf("the parameter type '%s' is not supported; use string, int, bool, object, array, secureString or secureObject", clip(spec.String("type")))
		}
		t.secrets = t.secrets || isSecure(kind)
		t.params = append(t.params, parameter{name, spec})
		return nil
	})
}

func (t *Template) parameter(name string) *parameter {
	for i := range t.params {
		if gatehouse.Fold(t.params[i].name) == gatehouse.Fold(name) {
			return &t.params[i]
		}
	}
	return nil
}

func (t *Template) declareVariables() error {
	o, err := t.section("variables", maxVariables)
	if err != nil {
		return err
	}
	copies, _ := o.Get("copy")
	list, _ := copies.([]Value)
	for i, v := range list {
		spec, _ := v.(*jsondoc.Object)
		name := spec.String("name")
		if name == "" || o.Has(name) {
			return below(belowIndex(faultf("a copy needs a name that no other variable has"), i), o, "copy")
		}
		t.variableCopies[gatehouse.Fold(name)] = spec
	}
	return nil
}

func (t *Template) declareFunctions() error {
	v, _ := t.doc.Get("functions")
	list, ok := v.([]Value)
	if !ok && v != nil {
		return below(faultf("'functions' has to be an array of namespaces"), t.doc, "functions")
	}
	for i, v := range list {
		space, _ := v.(*jsondoc.Object)
		for name, v := range space.Object("members").All() {
			spec, _ := v.(*jsondoc.Object)
			u := &userFunction{}
			for _, p := range spec.Array("parameters") {
				if o, ok := p.(*jsondoc.Object); ok {
					u.params = append(u.params, parameter{o.String("name"), o})
				}
			}
			if u.output, ok = spec.Object("output").Get("value"); !ok || space.String("namespace") == "" {
				return below(belowIndex(faultf("the function '%s' needs a namespace and an output with a value", clip(name)), i), t.doc, "functions")
			}
			t.user[gatehouse.Fold(space.String("namespace")+"."+name)] = u
		}
	}
	return nil
}

func (t *Template) declareOutputs() error {
	return t.members("outputs", maxOutputs, func(name string, spec *jsondoc.Object) error {
		kind := t.typeOf(spec)
		if types[kind] == "" && !t.symbolic {
			return faultf("the output type '%s' is not supported; use string, int, bool, object, array, secureString or secureObject", clip(spec.String("type")))
		}
		if !spec.Has("value") && !spec.Has("copy") {
			return faultf("the output has neither a value nor a copy; add one")
		}
		return nil
	})
}

func (t *Template) declareResources() error {
	v, _ := t.doc.Get("resources")
	_, array := v.([]Value)
	_, object := v.(*jsondoc.Object)
	switch {
	case v == nil:
		return faultf("'resources' is missing; add it, if only as []")
	case t.symbolic && !object:
		return below(faultf("with languageVersion 2.0 'resources' has to be an object of symbolic names"), t.doc, "resources")
	case !t.symbolic && !array:
		return below(faultf("'resources' has to be an array, or languageVersion has to be '2.0'"), t.doc, "resources")
	}
	return nil
}

// scan parses every expression once and checks it. The template of a nested
// deployment is left alone: it is parsed when its turn comes. holder is the folded
// name of the member that v is; local says that v is part of a function.
func (t *Template) scan(v Value, holder string, local bool) error {
	switch v := v.(type) {
	case string:
		if isExpression(v) {
			n, err := t.expression(v)
			if err == nil {
				err = t.check(n, local)
			}
			return err
		}
	case []Value:
		for i := range v {
			if err := t.scan(v[i], holder, local); err != nil {
				return belowIndex(err, i)
			}
		}
	case *jsondoc.Object:
		for name, w := range v.All() {
			key := gatehouse.Fold(name)
			if key == "metadata" || key == "template" && holder == "properties" {
				continue
			}
			err := t.scan(name, "", local)
			if err == nil {
				err = t.scan(w, key, local || v == t.doc && key == "functions")
			}
			if err != nil {
				return below(err, v, name)
			}
		}
	}
	return nil
}

// expression parses s and keeps the result for evaluating.
func (t *Template) expression(s string) (*node, error) {
	n, err := parseExpression(s)
	if err == nil {
		t.expressions[s] = n
	}
	return n, err
}

// Symbolic reports whether the template names its resources (languageVersion 2.0).
func (t *Template) Symbolic() bool { return t.symbolic }

// Hash returns the number that GET shows as templateHash: equal templates have
// equal ones. It is not the number that Azure computes.
func (t *Template) Hash() string { return fmt.Sprint(hash64(jsondoc.Marshal(t.doc))) }

// pathOf joins the segments of a type and a name in turn, as dependsOn may spell a resource.
func pathOf(kind, name string) string {
	path, _ := interleave(kind, strings.Split(name, "/"))
	return strings.TrimPrefix(path, "/providers/")
}
