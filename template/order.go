package template

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

// order returns the steps that are on, each after those it depends on and
// otherwise as in the template.
func (r *run) order(found *[]use) ([]*Step, error) {
	if err := r.distinct(); err != nil {
		return nil, err
	}
	needs := map[*Step][]*Step{}
	for _, s := range r.all {
		if s.off {
			continue
		}
		list, err := r.dependencies(s, found)
		if err != nil {
			return nil, err
		}
		needs[s] = list
	}
	return r.sorted(needs)
}

// distinct refuses to write the same resource twice.
func (r *run) distinct() error {
	seen := map[gatehouse.Scope]bool{}
	for _, s := range r.all {
		if s.off || s.Existing {
			continue
		}
		if key := s.key; seen[key] {
			return faultf("The resource '%s' at line '%d' and column '%d' is defined multiple times in a template. Please see https://aka.ms/arm-syntax-resources for usage details",
				pathOf(s.Type, s.Name), s.Line, s.Column)
		} else {
			seen[key] = true
		}
	}
	return nil
}

// dependencies collects what a step has to wait for: what dependsOn names, its
// parent, earlier batches of its copy, and resources of the template that it uses.
func (r *run) dependencies(s *Step, found *[]use) ([]*Step, error) {
	list, err := r.explicit(s)
	if err != nil {
		return nil, s.told(err)
	}
	list = append(list, s.batch...)
	if parent := s.key.Parent(); !s.Existing {
		list = append(list, r.known[word{byID, parent.String()}]...)
	}
	uses, err := r.uses(s)
	if err != nil {
		return nil, s.told(err)
	}
	for _, u := range uses {
		steps, err := r.match(u.target)
		if err != nil {
			return nil, s.told(err)
		}
		if len(steps) == 0 && found != nil {
			*found = append(*found, u)
		}
		// By ID with an api-version, or in a list function, it is the resource as
		// it stands that is meant (template-functions-resource, implicit dependency).
		if !strings.HasPrefix(u.target, "/") || !u.apiVersion && !u.list {
			list = append(list, steps...)
		}
	}
	return list, nil
}

// told adds the resource to a fault in it.
func (s *Step) told(err error) error {
	f, ok := err.(*fault)
	if !ok {
		return err
	}
	line, col := s.Line, s.Column
	if f.line != 0 {
		line, col = s.template.position(f.line, f.col)
	}
	f.what = fmt.Sprintf("The template resource '%s' at line '%d' and column '%d' is not valid: %s", clip(s.title()), line, col, f.what)
	f.path = joinPath(s.at, f.path)
	f.line, f.told = 0, true
	return f
}

func (r *run) explicit(s *Step) ([]*Step, error) {
	v, ok := s.doc.Get("dependsOn")
	if !ok || v == nil {
		return nil, nil
	}
	v, err := s.frame.in(inHead).known(v)
	if err != nil {
		return nil, below(err, s.doc, "dependsOn")
	}
	names, ok := v.([]Value)
	if !ok {
		return nil, below(faultf("dependsOn has to be an array of resource names or IDs"), s.doc, "dependsOn")
	}
	var list []*Step
	for _, v := range names {
		name, ok := v.(string)
		if !ok {
			return nil, below(faultf("dependsOn holds %s where a resource name or ID is expected", describe(v)), s.doc, "dependsOn")
		}
		steps, err := r.match(name)
		if err == nil && len(steps) == 0 {
			err = faultf("The resource '%s' is not defined in the template. Please see https://aka.ms/arm-syntax for usage details", clip(name))
		}
		if err != nil {
			return nil, below(err, s.doc, "dependsOn")
		}
		list = append(list, steps...)
	}
	return list, nil
}

// uses evaluates the body as far as it goes, and returns the resources that it refers to.
func (r *run) uses(s *Step) ([]use, error) {
	if s.Existing {
		return nil, nil
	}
	var uses []use
	f := *s.frame
	f.where, f.found = inBody, &uses
	if _, err := s.evaluate(&f); err != nil {
		return nil, err
	}
	if s.IsDeployment() {
		if err := s.checkNested(&f); err != nil {
			return nil, err
		}
	}
	return uses, nil
}

// match finds the steps that a text means in dependsOn or reference: a symbolic
// name (with an index), an ID, a copy, a type and name in turn, or a name.
func (r *run) match(s string) ([]*Step, error) {
	if strings.HasPrefix(s, "/") {
		id, err := gatehouse.ParseID(s)
		if err != nil {
			return nil, nil
		}
		return r.known[word{byID, id.Scope().String()}], nil
	}
	s = gatehouse.Fold(s)
	for _, kind := range []byte{bySymbol, byCopy, byPath} {
		if steps := r.known[word{kind, s}]; len(steps) > 0 {
			return steps, nil
		}
	}
	steps := r.known[word{byName, s}]
	if len(steps) > 1 {
		return nil, faultf("the resource name '%s' is ambiguous: %d resources of the template have it; use resourceId()", clip(s), len(steps))
	}
	return steps, nil
}

// word is a folded text that means a step, and in which way.
type word struct {
	kind byte
	text string
}

const (
	byID byte = iota
	bySymbol
	byCopy
	byPath
	byName
)

// index makes a step known by all that can mean it.
func (r *run) index(s *Step) {
	words := []word{{byID, s.key.String()}, {byPath, s.path}, {byPath, gatehouse.Fold(s.Type + "/" + s.Name)}, {byName, gatehouse.Fold(s.Name)}}
	if s.Symbol != "" {
		words = append(words, word{bySymbol, gatehouse.Fold(s.Symbol)})
	}
	if s.copied {
		words = append(words, word{byCopy, gatehouse.Fold(s.loop)}, word{bySymbol, fmt.Sprintf("%s[%d]", gatehouse.Fold(s.Symbol), s.index)})
	}
	for _, w := range words {
		if held := r.known[w]; len(held) == 0 || held[len(held)-1] != s {
			r.known[w] = append(held, s)
		}
	}
}

func (r *run) filter(is func(*Step) bool) []*Step {
	var list []*Step
	for _, s := range r.all {
		if is(s) {
			list = append(list, s)
		}
	}
	return list
}

// sorted takes, again and again, the first step all of whose needs are taken.
func (r *run) sorted(needs map[*Step][]*Step) ([]*Step, error) {
	place := map[*Step]int{}
	var out []*Step
	left := r.filter(func(s *Step) bool { return !s.off })
	for len(left) > 0 {
		i := slices.IndexFunc(left, func(s *Step) bool {
			return !slices.ContainsFunc(needs[s], func(n *Step) bool { _, done := place[n]; return !done && !n.off })
		})
		if i < 0 {
			s := circular(left, needs)
			return nil, faultf("Circular dependency detected on resource: '%s'. Please see https://aka.ms/arm-syntax-resources for usage details", s.ID)
		}
		s := left[i]
		place[s] = len(out)
		out = append(out, s)
		left = slices.Delete(left, i, i+1)
	}
	for _, s := range out {
		for _, n := range needs[s] {
			if at, on := place[n]; on && !slices.Contains(s.DependsOn, at) {
				s.DependsOn = append(s.DependsOn, at)
			}
		}
		slices.Sort(s.DependsOn)
	}
	return out, nil
}

// circular follows needs until a step comes again, which is then in a circle.
func circular(left []*Step, needs map[*Step][]*Step) *Step {
	seen := map[*Step]bool{}
	s := left[0]
	for !seen[s] {
		seen[s] = true
		i := slices.IndexFunc(needs[s], func(n *Step) bool { return slices.Contains(left, n) })
		if i < 0 {
			break
		}
		s = needs[s][i]
	}
	return s
}

// head are the members of a resource that are not part of what is written.
var head = map[string]bool{
	"type": true, "name": true, "apiversion": true, "dependson": true, "condition": true, "copy": true, "resources": true,
	"scope": true, "comments": true, "metadata": true, "existing": true, "@options": true,
}

// evaluate makes the body. The template of a nested deployment stays as it is.
func (s *Step) evaluate(f *frame) (*jsondoc.Object, error) {
	out := &jsondoc.Object{}
	for name, v := range s.doc.All() {
		if key := gatehouse.Fold(name); head[key] || s.IsDeployment() && (key == "subscriptionid" || key == "resourcegroup") {
			continue
		}
		var err error
		if properties, ok := v.(*jsondoc.Object); ok && s.IsDeployment() && sameText(name, "properties") {
			v, err = deploymentProperties(f, properties)
		} else {
			v, err = f.value(v)
		}
		if err != nil {
			return nil, below(err, s.doc, name)
		}
		out.Set(name, v)
	}
	if err := f.run.bounded(out); err != nil {
		return nil, err
	}
	return out.Clone(), nil
}

func deploymentProperties(f *frame, properties *jsondoc.Object) (Value, error) {
	out := &jsondoc.Object{}
	for name, v := range properties.All() {
		if !sameText(name, "template") {
			var err error
			if v, err = f.value(v); err != nil {
				return nil, below(err, properties, name)
			}
		}
		out.Set(name, v)
	}
	return out, nil
}

// Body returns what is to be written, without type, name and api-version. All
// that it depends on has to be written before, since the resolver is asked for it.
func (s *Step) Body(resolve Resolver) (*jsondoc.Object, error) {
	f := s.frame.in(inBody)
	f.resolve = resolve
	o, err := s.evaluate(f)
	return o, s.failed(err)
}

// Preview is Body before anything is written and for anybody to see: what only
// the running deployment knows stays as the expression that the template has, and
// so does what is made of secure parameters.
func (s *Step) Preview() (*jsondoc.Object, error) {
	f := s.frame.in(inBody)
	f.mask = true
	o, err := s.evaluate(f)
	return o, s.failed(err)
}

func (s *Step) failed(err error) error {
	if f, ok := err.(*fault); ok {
		f.path = joinPath(s.at, f.path)
	} else {
		return err
	}
	return s.template.invalid(err, InvalidTemplate,
		"Unable to process template language expressions for resource '%s' at line '%d' and column '%d'. '%v'", s.ID, s.Line, s.Column)
}
