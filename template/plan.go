package template

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Env is what a template can see of where it is deployed. An object that is nil
// does not exist at that scope, and its function fails.
type Env struct {
	Scope           gatehouse.ID // tenant, management group, subscription or resource group that is deployed to
	Subscription    *jsondoc.Object
	ResourceGroup   *jsondoc.Object
	ManagementGroup *jsondoc.Object
	Tenant          *jsondoc.Object
	Deployment      *jsondoc.Object
	Deployer        *jsondoc.Object
	Environment     *jsondoc.Object
	Now             time.Time
	NewGUID         func() gatehouse.GUID // nil is gatehouse.NewGUID
	// Providers answers providers(namespace, type), type "" for the whole; nil knows none.
	Providers func(namespace, kind string) (Value, bool)
}

func (e *Env) subscription() string    { return nameAt(e.Scope, "subscriptions") }
func (e *Env) resourceGroup() string   { return nameAt(e.Scope, "resourceGroups") }
func (e *Env) managementGroup() string { return nameAt(e.Scope, "managementGroups") }

// nameAt returns the name after a type segment of an ID, "" when it has none.
func nameAt(id gatehouse.ID, segment string) string {
	segments := strings.Split(strings.Trim(id.String(), "/"), "/")
	for i := 0; i+1 < len(segments); i += 2 {
		if sameText(segments[i], segment) {
			return segments[i+1]
		}
	}
	return ""
}

// Resolver answers what only the running deployment knows. Its errors reach the
// caller of Body and Outputs unchanged, so that a refusal stays one.
type Resolver interface {
	// Reference returns a resource as GET shows it, whole.
	Reference(id gatehouse.ID, apiVersion string) (*jsondoc.Object, error)
	// List posts an action that starts with list, as in listKeys; body is nil or an object.
	List(id gatehouse.ID, action, apiVersion string, body Value) (Value, error)
}

// Plan is a template with its parameters: what to write, in which order. One
// goroutine at a time may use a Plan and its Steps.
type Plan struct {
	// Steps are the resources whose condition holds; each comes after those it depends on.
	Steps []*Step
	run   *run
}

// Step is one resource to write, or, if Existing, one that only others refer to.
type Step struct {
	ID         gatehouse.ID
	Scope      gatehouse.ID // that the resource is written in or extends
	Type       string
	Name       string // with those of its parents, as in service/api
	APIVersion string
	Symbol     string // in languageVersion 2.0
	Existing   bool
	DependsOn  []int // indexes in Plan.Steps
	Line       int   // in the template
	Column     int

	doc      *jsondoc.Object
	at       string // JSON path in the template
	frame    *frame
	loop     string // name of the copy, or the symbol
	index    int64
	batch    []*Step // of the same copy, to be written before
	parent   *Step
	off      bool // its condition does not hold
	key      gatehouse.Scope
	path     string // type and name in turn, folded
	copied   bool
	template *Template
}

// run is a template under evaluation.
type run struct {
	template *Template
	env      Env
	target   gatehouse.ID // what is deployed to; env.Scope may be that of the outer template
	params   map[string]*lazyValue
	vars     map[string]*lazyValue
	masked   map[string]*lazyValue // the variables once more, for previews
	known    map[word][]*Step      // the same by what can mean them
	all      []*Step               // in template order, those that are off included
	parent   *run                  // of the deployment around an outer-scoped one
	scopeOf  *run                  // whose parameters and variables count
	work     int
	calls    int
}

// Plan evaluates a template as far as that is possible without the resources.
// params are in the form of a request: {"name": {"value": …}}.
func (t *Template) Plan(params *jsondoc.Object, env Env) (*Plan, error) {
	return t.plan(params, env, nil)
}

func (t *Template) plan(params *jsondoc.Object, env Env, found *[]use) (*Plan, error) {
	r := &run{template: t, env: env, target: env.Scope, params: map[string]*lazyValue{}, vars: map[string]*lazyValue{}, masked: map[string]*lazyValue{}, known: map[word][]*Step{}}
	if r.env.NewGUID == nil {
		r.env.NewGUID = gatehouse.NewGUID
	}
	root := &frame{run: r, where: inBody}
	if o := t.outer; o != nil {
		r.env, r.parent, r.scopeOf = o.run.env, o.run, o.run
		root.loops = o.loops
	}
	r.declareVariables()
	if t.outer == nil {
		err := r.supply(params)
		if err == nil {
			err = r.settle()
		}
		if err != nil {
			return nil, t.validation(err)
		}
	}
	if err := r.declare(root); err != nil {
		return nil, t.validation(err)
	}
	steps, err := r.order(found)
	if err != nil {
		return nil, t.validation(err)
	}
	return &Plan{Steps: steps, run: r}, nil
}

func (r *run) declareVariables() {
	t := r.template
	names := slices.Collect(maps.Keys(t.variableCopies))
	for name := range t.doc.Object("variables").All() {
		if key := gatehouse.Fold(name); key != "copy" || len(t.variableCopies) == 0 {
			names = append(names, key)
		}
	}
	for _, name := range names {
		r.vars[name], r.masked[name] = &lazyValue{}, &lazyValue{}
	}
}

// declare makes the steps of all resources.
func (r *run) declare(f *frame) error {
	v, _ := r.template.doc.Get("resources")
	return below(r.declareIn(f, v, nil, "resources"), r.template.doc, "resources")
}

func (r *run) declareIn(f *frame, resources Value, parent *Step, at string) error {
	switch v := resources.(type) {
	case []Value:
		for i := range v {
			o, ok := v[i].(*jsondoc.Object)
			if !ok {
				return belowIndex(faultf("a resource has to be an object"), i)
			}
			if err := r.expand(f, &Step{doc: o, parent: parent, at: fmt.Sprintf("%s[%d]", at, i)}); err != nil {
				return belowIndex(err, i)
			}
		}
	case *jsondoc.Object:
		for symbol, w := range v.All() {
			o, ok := w.(*jsondoc.Object)
			if !ok {
				return below(faultf("a resource has to be an object"), v, symbol)
			}
			if err := r.expand(f, &Step{doc: o, parent: parent, at: at + "." + symbol, Symbol: symbol, loop: symbol}); err != nil {
				return below(err, v, symbol)
			}
		}
	}
	return nil
}

// expand makes a step of a resource, or as many as its copy says.
func (r *run) expand(f *frame, one *Step) error {
	o := one.doc
	spec := o.Object("copy")
	if spec == nil {
		return r.declareStep(f, one)
	}
	if one.parent != nil {
		return below(faultf("a child resource cannot have a copy loop; move it to the top level of resources"), o, "copy")
	}
	name, err := f.headString(spec, "name")
	if err != nil {
		return below(err, o, "copy")
	}
	count, err := f.count(spec)
	if err != nil {
		return below(err, o, "copy")
	}
	size, err := f.batchSize(spec, count)
	if err != nil {
		return below(err, o, "copy")
	}
	var before, now []*Step
	for i := range count {
		if size > 0 && i%size == 0 {
			before, now = now, nil
		}
		s := &Step{Symbol: one.Symbol, doc: o, at: one.at, loop: name, index: i, copied: true, batch: before}
		if err := r.declareStep(f.turn(loop{name: name, index: i}), s); err != nil {
			return err
		}
		now = append(now, s)
	}
	return nil
}

// batchSize returns how many turns of a copy may be written together, 0 for all.
func (f *frame) batchSize(spec *jsondoc.Object, count int64) (int64, error) {
	if !sameText(spec.String("mode"), "serial") {
		return 0, nil
	}
	v, ok := spec.Get("batchSize")
	if !ok {
		return 1, nil
	}
	v, err := f.in(inHead).known(v)
	if err != nil {
		return 0, err
	}
	n, ok := toInt(v)
	if !ok || n < 1 {
		return 0, faultf("batchSize has to be a whole number of at least 1")
	}
	return n, nil
}

// declareStep evaluates what identifies a resource, and its children.
func (r *run) declareStep(f *frame, s *Step) error {
	s.frame, s.template = f, r.template
	line, col := s.doc.Position()
	s.Line, s.Column = r.template.position(line, col)
	if err := s.identify(r); err != nil {
		return s.told(err)
	}
	if len(r.all) == maxResources {
		return faultf("the number of resources exceeds the limit of %d; use nested deployments", maxResources)
	}
	r.all = append(r.all, s)
	r.index(s)
	children, _ := s.doc.Get("resources")
	return below(r.declareIn(f, children, s, s.at+".resources"), s.doc, "resources")
}

// title names a resource whose name may not have been evaluated.
func (s *Step) title() string {
	if s.Name != "" {
		return s.Name
	}
	return s.doc.String("name")
}

func (s *Step) identify(r *run) (err error) {
	s.Existing = s.doc.Bool("existing") && r.template.symbolic
	if s.Type, err = s.frame.headString(s.doc, "type"); err != nil {
		return err
	}
	if s.Name, err = s.frame.headString(s.doc, "name"); err != nil {
		return err
	}
	if s.APIVersion, err = s.frame.headString(s.doc, "apiVersion"); err != nil {
		return err
	}
	if s.parent != nil {
		s.Type, s.Name = s.parent.Type+"/"+s.Type, s.parent.Name+"/"+s.Name
	}
	if err := s.decide(); err != nil {
		return below(err, s.doc, "condition")
	}
	if s.Scope, err = s.scope(r); err != nil {
		return err
	}
	return s.compose()
}

// decide evaluates the condition.
func (s *Step) decide() error {
	v, ok := s.doc.Get("condition")
	if !ok {
		return nil
	}
	v, err := s.frame.in(inHead).known(v)
	if err != nil {
		return err
	}
	if text, ok := v.(string); ok && (sameText(text, "true") || sameText(text, "false")) {
		v = sameText(text, "true")
	}
	on, ok := v.(bool)
	if !ok {
		return faultf("the condition evaluates to %s where a boolean is expected", describe(v))
	}
	s.off = !on
	return nil
}

// IsDeployment reports whether the step is a nested deployment: see Nested.
func (s *Step) IsDeployment() bool { return sameText(s.Type, "Microsoft.Resources/deployments") }

// scope returns what the resource is written in: what its scope names, a child's
// parent's, another group for a nested deployment, or where the template is deployed.
func (s *Step) scope(r *run) (gatehouse.ID, error) {
	if s.doc.Has("scope") {
		text, err := s.frame.headString(s.doc, "scope")
		if err != nil {
			return gatehouse.ID{}, err
		}
		id, err := scopeID(text, r.target)
		if err != nil {
			return id, below(faultf("the scope '%s' is neither a resource ID nor like 'Namespace/type/name'", clip(text)), s.doc, "scope")
		}
		return id, nil
	}
	if s.parent != nil {
		return s.parent.Scope, nil
	}
	if !s.IsDeployment() || !s.doc.Has("subscriptionId") && !s.doc.Has("resourceGroup") {
		return r.target, nil
	}
	path := "/subscriptions/" + nameAt(r.target, "subscriptions")
	for _, part := range []string{"subscriptionId", "resourceGroup"} {
		if !s.doc.Has(part) {
			continue
		}
		name, err := s.frame.headString(s.doc, part)
		if err != nil {
			return gatehouse.ID{}, err
		}
		if part == "subscriptionId" {
			path = "/subscriptions/" + name
		} else {
			path += "/resourceGroups/" + name
		}
	}
	id, err := gatehouse.ParseID(path)
	if err != nil {
		return id, faultf("subscriptionId and resourceGroup do not form a resource group: '%s'", clip(path))
	}
	return id, nil
}

func scopeID(s string, target gatehouse.ID) (gatehouse.ID, error) {
	first, _, _ := strings.Cut(strings.TrimLeft(s, "/"), "/")
	switch {
	case strings.HasPrefix(s, "/"), sameText(first, "subscriptions"), sameText(first, "providers"):
		return gatehouse.ParseID(s)
	case sameText(first, "Microsoft.Management"):
		return gatehouse.ParseID("/providers/" + s)
	}
	return gatehouse.ParseID(strings.TrimRight(target.String(), "/") + "/providers/" + s)
}

// compose makes the ID of scope, type and name, whose numbers of segments have to agree.
func (s *Step) compose() error {
	path, ok := interleave(s.Type, strings.Split(s.Name, "/"))
	if !ok {
		return faultf("for type '%s' it has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-template/#resources for usage details", clip(s.Type))
	}
	if sameText(s.Type, "Microsoft.Resources/resourceGroups") && !sameText(s.Scope.Type(), "Microsoft.Resources/subscriptions") {
		return faultf("a resource group is written in a subscription; use a subscription deployment")
	}
	id, err := gatehouse.ParseID(strings.TrimRight(s.Scope.String(), "/") + path)
	if err != nil {
		return faultf("type '%s' and name '%s' do not form a resource ID", clip(s.Type), clip(s.Name))
	}
	s.ID, s.key = id, id.Scope()
	s.path = gatehouse.Fold(pathOf(s.Type, s.Name))
	return nil
}
