package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// parameter is a declaration in parameters, or of a function's parameter.
type parameter struct {
	name string
	spec *jsondoc.Object
}

// types are the types of parameters and outputs, folded, with the spelling that GET shows.
var types = map[string]string{
	"string": "String", "int": "Int", "bool": "Bool", "object": "Object", "array": "Array",
	"securestring": "SecureString", "secureobject": "SecureObject",
}

// typeOf returns the folded type of a declaration, following $ref.
func (t *Template) typeOf(spec *jsondoc.Object) string {
	return gatehouse.Fold(t.deref(spec).String("type"))
}

func isSecure(folded string) bool { return folded == "securestring" || folded == "secureobject" }

// deref follows "$ref": "#/definitions/name" of languageVersion 2.0.
func (t *Template) deref(spec *jsondoc.Object) *jsondoc.Object {
	for range 20 {
		name, ok := strings.CutPrefix(spec.String("$ref"), "#/definitions/")
		if !ok {
			return spec
		}
		base, _ := t.doc.Object("definitions").Get(name)
		o, ok := base.(*jsondoc.Object)
		if !ok {
			return spec
		}
		if nullable, ok := spec.Get("nullable"); ok {
			o = o.Clone()
			o.Set("nullable", nullable)
		}
		spec = o
	}
	return spec
}

// conforms checks a value against a declaration; it returns what is wrong, "" for
// nothing. The value itself is shown only of parameters that are no secrets.
func (t *Template) conforms(v Value, spec *jsondoc.Object, show bool) string {
	spec = t.deref(spec)
	kind := gatehouse.Fold(spec.String("type"))
	show = show && !isSecure(kind)
	if v == nil && spec.Bool("nullable") {
		return ""
	}
	if want := mismatch(v, kind); want != "" {
		return fmt.Sprintf("it is %s where %s is expected", describe(v), want)
	}
	if allowed := spec.Array("allowedValues"); allowed != nil && !isAllowed(v, allowed) {
		if !show {
			return "the value is not part of the allowed value(s)"
		}
		return fmt.Sprintf("the provided value '%s' is not part of the allowed value(s): '%s'", clip(asText(v)), clip(listing(allowed)))
	}
	if s := outside(v, spec); s != "" {
		return s
	}
	return t.conformsInside(v, spec, show)
}

func listing(values []Value) string {
	var texts []string
	for _, v := range values {
		texts = append(texts, asText(v))
	}
	return strings.Join(texts, ",")
}

func mismatch(v Value, kind string) string {
	ok, want := true, ""
	switch kind {
	case "string", "securestring":
		_, ok = v.(string)
		want = "a string"
	case "int":
		_, ok = toInt(v)
		want = "a whole number"
	case "bool":
		_, ok = v.(bool)
		want = "a boolean"
	case "object", "secureobject":
		_, ok = v.(*jsondoc.Object)
		want = "an object"
	case "array":
		_, ok = v.([]Value)
		want = "an array"
	}
	if ok {
		return ""
	}
	return want
}

// isAllowed looks a value up among the allowed ones; of an array, each element may be one.
func isAllowed(v Value, allowed []Value) bool {
	if holds(allowed, v) {
		return true
	}
	list, ok := v.([]Value)
	return ok && !slices.ContainsFunc(list, func(e Value) bool { return !holds(allowed, e) })
}

func outside(v Value, spec *jsondoc.Object) string {
	n, isNumber := toInt(v)
	what, low, high := "value", "minValue", "maxValue"
	switch v := v.(type) {
	case string:
		n, what, low, high = int64(len(units(v))), "length", "minLength", "maxLength"
	case []Value:
		n, what, low, high = int64(len(v)), "length", "minLength", "maxLength"
	default:
		if !isNumber {
			return ""
		}
	}
	if limit, ok := spec.Int(low); ok && n < limit {
		return fmt.Sprintf("the %s must be greater than or equal to %d", what, limit)
	}
	if limit, ok := spec.Int(high); ok && n > limit {
		return fmt.Sprintf("the %s must be less than or equal to %d", what, limit)
	}
	return ""
}

// conformsInside checks members and elements that languageVersion 2.0 declares.
func (t *Template) conformsInside(v Value, spec *jsondoc.Object, show bool) string {
	switch v := v.(type) {
	case []Value:
		prefix := spec.Array("prefixItems")
		for i, e := range v {
			item := spec.Object("items")
			if i < len(prefix) {
				item, _ = prefix[i].(*jsondoc.Object)
			}
			if s := t.conforms(e, item, show); s != "" {
				return fmt.Sprintf("element %d: %s", i, s)
			}
		}
	case *jsondoc.Object:
		declared := spec.Object("properties")
		for name, d := range declared.All() {
			p, _ := d.(*jsondoc.Object)
			held, there := v.Get(name)
			if !there && t.deref(p).Bool("nullable") {
				continue
			}
			if !there {
				return fmt.Sprintf("the property '%s' is missing", name)
			}
			if s := t.conforms(held, p, show); s != "" {
				return fmt.Sprintf("property '%s': %s", name, s)
			}
		}
		if more, ok := spec.Get("additionalProperties"); ok && more == false {
			for name := range v.All() {
				if !declared.Has(name) {
					return fmt.Sprintf("the property '%s' is not allowed", clip(name))
				}
			}
		}
	}
	return ""
}

// supply takes the values that the request gives: {"name": {"value": …}}.
func (r *run) supply(given *jsondoc.Object) error {
	t := r.template
	for name, v := range given.All() {
		if t.parameter(name) == nil {
			return r.undeclared(given)
		}
		o, ok := v.(*jsondoc.Object)
		if !ok {
			return faultf("the parameter '%s' has to be an object like {\"value\": …}", clip(name))
		}
		if o.Has("reference") {
			return faultf("the parameter '%s' refers to a key vault, which is not supported; give its value", clip(name))
		}
		value, ok := o.Get("value")
		if !ok {
			return faultf("the parameter '%s' has no value; write {\"value\": …}", clip(name))
		}
		r.params[gatehouse.Fold(name)] = &lazyValue{state: 2, value: value}
	}
	return nil
}

func (r *run) undeclared(given *jsondoc.Object) error {
	var strange []string
	for name := range given.All() {
		if r.template.parameter(name) == nil {
			strange = append(strange, clip(name))
		}
	}
	var known []string
	for _, p := range r.template.params {
		known = append(known, p.name)
	}
	return faultf("The following parameters were supplied, but do not correspond to any parameters defined in the template: '%s'. The parameters defined in the template are: '%s'. Please see https://aka.ms/arm-pass-parameter-values for usage details",
		quoteAll(strange), clip(quoteAll(known)))
}

// settle evaluates defaults and checks every parameter's value.
func (r *run) settle() error {
	t := r.template
	for _, p := range t.params {
		v, err := r.parameter(p.name)
		if err != nil {
			return t.inParameter(err, p.name)
		}
		if s := t.conforms(v, p.spec, true); s != "" {
			return t.inParameter(faultf("The provided value for the template parameter '%s' is not valid: %s. Please see https://aka.ms/arm-create-parameter-file for usage details", p.name, s), p.name)
		}
	}
	return nil
}

func (t *Template) inParameter(err error, name string) error {
	return below(below(err, t.doc.Object("parameters"), name), t.doc, "parameters")
}

// parameter returns a value, from the request or the default.
func (r *run) parameter(name string) (Value, error) {
	p := r.template.parameter(name)
	if p == nil {
		return nil, undeclaredParameter(name)
	}
	key := gatehouse.Fold(name)
	l := r.params[key]
	if l == nil {
		l = &lazyValue{}
		r.params[key] = l
	}
	return l.get("parameter", p.name, func() (Value, error) {
		v, ok := p.spec.Get("defaultValue")
		if !ok && r.template.deref(p.spec).Bool("nullable") {
			return nil, nil
		}
		if !ok {
			return nil, faultf("The value for the template parameter '%s' is not provided. Please see https://aka.ms/arm-create-parameter-file for usage details", p.name)
		}
		f := &frame{run: r, where: inDefault}
		v, err := f.known(v)
		if err == nil {
			err = r.bounded(v)
		}
		return v, err
	})
}

// variable returns the value of a variable from one of the caches, evaluating it in f.
func (r *run) variable(name string, cache map[string]*lazyValue, f *frame) (Value, error) {
	key := gatehouse.Fold(name)
	l := cache[key]
	if l == nil {
		return nil, undeclaredVariable(name)
	}
	declared := r.template.doc.Object("variables")
	return l.get("variable", declared.Spelling(name), func() (Value, error) {
		var v Value
		var err error
		if spec := r.template.variableCopies[key]; spec != nil {
			v, err = f.unroll(spec, spec.String("name"), true)
		} else {
			raw, _ := declared.Get(name)
			v, err = f.known(raw)
		}
		if err == nil {
			err = r.bounded(v)
		}
		var fl *fault
		if errors.As(err, &fl) {
			err = below(below(err, declared, name), r.template.doc, "variables")
		}
		return v, err
	})
}
