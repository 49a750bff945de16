package pipeline

import (
	"net/url"
	"strconv"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/policy"
)

// setBackend is set-backend-service: where forward-request goes.
type setBackend struct {
	scope     string
	workspace config.Key
	base, id  Text
	fixed     *url.URL // base, when literal
	dapr      *daprService
}

// daprService is a service that is called by way of the Dapr side car (gateway.md 8.1, dapr-*).
type daprService struct{ app, method, namespace Text }

func compileSetBackend(k *Compiler, e *policy.Element) Step {
	s := &setBackend{scope: scopeName(k.doc.Scope), workspace: config.KeyOf(k.doc.ID).Workspace(), base: k.Text(e, "base-url"), id: k.Text(e, "backend-id")}
	if _, ok := e.Attr("dapr-app-id"); ok {
		s.dapr = &daprService{k.Text(e, "dapr-app-id"), k.Text(e, "dapr-method"), k.Text(e, "dapr-namespace")}
	}
	switch {
	case s.base.Given() == s.id.Given():
		for _, a := range e.Attrs {
			if strings.HasPrefix(a.Name, "sf-") && !s.base.Given() { // Service Fabric: accepted, without effect (gateway.md 8.1)
				return nil
			}
		}
		k.Fault(e, "Exactly one of the attributes 'base-url' and 'backend-id' has to be given.")
	case s.base.Given() && s.base.Literal():
		var err error
		if s.fixed, err = baseURL(s.base.text); err != nil {
			k.Fault(e, "The 'base-url' attribute is invalid - %s", err)
		}
	}
	return s
}

// baseURL reads the address of a backend.
func baseURL(text string) (*url.URL, error) {
	u, ok := policy.ServerURL(text)
	if !ok {
		return nil, failed(ReasonExpression, "The address of a backend has to be one of http, https, ws or wss.")
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	return u, nil
}

func (s *setBackend) Run(c *Call) error {
	if s.id.Given() {
		return s.runEntity(c)
	}
	if c.Target.Entity != nil && c.Target.BaseScope != s.scope { // a wider scope named an entity: only another replaces it
		c.Trace("set-backend-service", "base-url is left out: a wider scope has set the backend '"+c.Target.BackendID+"'.")
		return nil
	}
	to := s.fixed
	if to == nil {
		text, err := s.base.Eval(c)
		if err != nil {
			return err
		}
		if to, err = baseURL(text); err != nil {
			return err
		}
	}
	c.Target.Base, c.Target.BaseScope, c.Target.BackendID, c.Target.Entity, c.Backend = to, s.scope, "", nil, nil
	c.pointAt(to)
	return nil
}

func (s *setBackend) runEntity(c *Call) error {
	id, err := s.id.Eval(c)
	if err != nil {
		return err
	}
	if s.dapr != nil && id == "dapr" {
		return s.runDapr(c)
	}
	entity := c.Home.Backends.Find(s.workspace, id)
	if entity == nil {
		return failed("BackendNotFound", "Backend with id '"+id+"' could not be found.")
	}
	c.Target.BackendID, c.Target.BaseScope, c.Target.Entity = id, s.scope, entity
	if b, ok := entity.(*backend); ok {
		seen := b.seen
		c.Backend = &seen
		if b.base != nil {
			c.Target.Base = b.base
			c.pointAt(b.base)
		}
	}
	return nil
}

// runDapr sends the call to a method of a service; the path of the call does not go along.
func (s *setBackend) runDapr(c *Call) error {
	app, err := s.dapr.app.Eval(c)
	method, err2 := s.dapr.method.Eval(c)
	namespace, err3 := s.dapr.namespace.Eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	if namespace != "" {
		app += "." + namespace
	}
	to, err := url.Parse(sidecar + "/v1.0/invoke/" + url.PathEscape(app) + "/method/" + strings.TrimPrefix(method, "/"))
	if err != nil || app == "" || leadsOut(to.Path) {
		return failed("DaprError", "The name of the Dapr service, or its method, cannot be part of an address.")
	}
	c.Target.Base, c.Target.BaseScope, c.Target.BackendID, c.Target.Entity, c.Backend = to, s.scope, "dapr", nil, nil
	c.pointAt(to)
	c.SetURL("", c.Request.URL.RawQuery)
	return nil
}

// pointAt has expressions see where the call goes; the path stays that of the operation (gateway.md 2.6).
func (c *Call) pointAt(base *url.URL) {
	u := c.Request.URL
	u.Scheme, u.Host = base.Scheme, base.Hostname()
	port, err := strconv.Atoi(base.Port())
	if err != nil {
		port = map[bool]int{true: 443, false: 80}[base.Scheme == "https"]
	}
	u.Port = port
}
