package template

import (
	"errors"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

func deploymentFunctions() []row {
	return []row{
		{name: "parameters", least: 1, most: 1, eager: func(c *call) Value {
			v, err := c.frame.parameter(c.str(0))
			return c.named(v, err)
		}},
		{name: "variables", least: 1, most: 1, where: anywhere &^ (inDefault | inFunction), eager: func(c *call) Value {
			v, err := c.frame.variable(c.str(0))
			return c.named(v, err)
		}},
		{name: "deployment", least: 0, most: 0, eager: envObject("deployment", func(e *Env) *jsondoc.Object { return e.Deployment })},
		{name: "environment", least: 0, most: 0, eager: envObject("environment", func(e *Env) *jsondoc.Object { return e.Environment })},
		{name: "deployer", least: 0, most: 0, eager: envObject("deployer", func(e *Env) *jsondoc.Object { return e.Deployer })},
		{name: "subscription", least: 0, most: 0, eager: envObject("subscription", func(e *Env) *jsondoc.Object { return e.Subscription })},
		{name: "resourceGroup", least: 0, most: 0, eager: envObject("resourceGroup", func(e *Env) *jsondoc.Object { return e.ResourceGroup })},
		{name: "tenant", least: 0, most: 0, eager: envObject("tenant", func(e *Env) *jsondoc.Object { return e.Tenant })},
		{name: "managementGroup", least: 0, most: 0, eager: envObject("managementGroup", func(e *Env) *jsondoc.Object { return e.ManagementGroup })},
	}
}

// named passes the result of a look-up on. A name that was computed is not
// repeated in the message: it could be a secret.
func (c *call) named(v Value, err error) Value {
	var f *fault
	if errors.As(err, &f) && c.node.args[0].kind != literal {
		f.what = strings.ReplaceAll(f.what, "'"+clip(c.str(0))+"'", "'(computed)'")
	}
	if c.err == nil {
		c.err = err
	}
	return v
}

// envObject makes a function of an object that exists only in deployments of some scopes.
func envObject(name string, get func(*Env) *jsondoc.Object) func(*call) Value {
	return func(c *call) Value {
		if o := get(&c.frame.run.env); o != nil {
			return o
		}
		return c.fail("%s() has no value in a deployment at scope '%s'", name, c.frame.run.env.Scope)
	}
}

// parameter looks a parameter up: of the function of the template that runs, or of the template.
func (f *frame) parameter(name string) (Value, error) {
	if f.locals != nil {
		if v, ok := f.locals[gatehouse.Fold(name)]; ok {
			return v, nil
		}
		return nil, faultf("the function has no parameter '%s'; a function sees its own parameters only", clip(name))
	}
	r := f.run.owner()
	if p := r.template.parameter(name); f.mask && p != nil && isSecure(r.template.typeOf(p.spec)) {
		return late{}, nil
	}
	return r.parameter(name)
}

// variable looks a variable up. Those of a preview are evaluated apart.
func (f *frame) variable(name string) (Value, error) {
	r := f.run.owner()
	if f.mask && r.template.secrets {
		return r.variable(name, r.masked, &frame{run: r, where: inVariable, mask: true})
	}
	return r.variable(name, r.vars, &frame{run: r, where: inVariable})
}

// owner is the run whose parameters and variables count.
func (r *run) owner() *run {
	for r.scopeOf != nil {
		r = r.scopeOf
	}
	return r
}

// lazyValue is a parameter's default or a variable: evaluated when it is first
// asked for, which also finds those that need themselves.
type lazyValue struct {
	state int // 0 untouched, 1 under evaluation, 2 known
	value Value
	err   error
}

func (l *lazyValue) get(what, name string, f func() (Value, error)) (Value, error) {
	if l.state == 1 {
		return nil, faultf("the %s '%s' refers to itself; break the circle", what, name)
	}
	if l.state == 0 {
		l.state = 1
		l.value, l.err = f()
		l.state = 2
	}
	return l.value, again(l.err)
}

// again copies a fault that is reported more than once, since each report adds its own path.
func again(err error) error {
	var f *fault
	if err == nil || !errors.As(err, &f) {
		return err
	}
	return &fault{what: f.Error(), line: f.line, col: f.col}
}

// userFunction calls a function that the template declares; with a nil frame it
// is only looked up.
func (t *Template) userFunction(n *node) (*userFunction, error) {
	u := t.user[gatehouse.Fold(n.namespace+"."+n.text)]
	if u == nil {
		return nil, faultf("the template function '%s.%s' at position %d of the expression is not declared in 'functions'", clip(n.namespace), clip(n.text), n.pos)
	}
	if len(n.args) != len(u.params) {
		return nil, faultf("the template function '%s.%s' at position %d of the expression gets %d arguments and takes %d",
			clip(n.namespace), clip(n.text), n.pos, len(n.args), len(u.params))
	}
	return u, nil
}

func (f *frame) userFunction(n *node) (Value, error) {
	u, err := f.run.template.userFunction(n)
	if err != nil {
		return nil, err
	}
	if f.run.calls++; f.run.calls > maxCalls {
		return nil, faultf("the functions of the template call each other more than %d times", maxCalls)
	}
	c := &call{frame: f, node: n}
	unknown, err := c.evaluate()
	if err != nil || unknown {
		return late{}, err
	}
	g := &frame{run: f.run, where: inFunction, locals: map[string]Value{}}
	for i, p := range u.params {
		if fault := f.run.template.conforms(c.args[i], p.spec, false); fault != "" {
			return nil, faultf("argument %d of the function '%s.%s' is not valid: %s", i+1, n.namespace, n.text, fault)
		}
		g.locals[gatehouse.Fold(p.name)] = c.args[i]
	}
	if g.depth = f.depth + 1; g.depth > maxCallDepth {
		return nil, faultf("the functions of the template call each other without end")
	}
	v, err := g.value(u.output)
	if err == nil {
		err = f.run.bounded(v)
	}
	return v, again(err)
}
