package arm

import (
	"strings"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// verbs that a collection and an item answer, with their methods.
var (
	methods = map[Verb]string{List: "GET", Get: "GET", Head: "HEAD", Put: "PUT", Patch: "PATCH", Delete: "DELETE"}
	suffix  = map[Verb]string{List: "read", Get: "read", Head: "read", Put: "write", Patch: "write", Delete: "delete"}
)

// mount turns a provider's declarations into routes.
func (s *Server) mount(p *Provider) {
	for _, m := range p.Mounts {
		base := string(m.At)
		if !m.Bare {
			base += "/providers/" + p.Namespace
		}
		namespace := p.Namespace
		if m.Bare && m.At == AtSubscription {
			namespace += "/subscriptions"
		}
		for _, t := range m.Types {
			s.mountType(p, t, base, namespace, m.At == AtSubscription || m.At == AtGroup)
			if t.Tracked && m.At == AtGroup {
				s.mountAcross(p, t, namespace)
			}
		}
	}
	for i := range p.Calls {
		s.mountCall(p, &p.Calls[i])
	}
}

func (s *Server) mountType(p *Provider, t *Type, base, above string, top bool) {
	name := above + "/" + t.Segment
	collection := base + "/" + t.Segment
	item := collection + "/{" + param(t.Segment) + "}"
	without := " " + t.Without + " "
	for _, word := range t.Shape.verbs() {
		verb := Verb(word)
		if strings.Contains(without, " "+word+" ") {
			continue
		}
		path := item
		if verb == List {
			path = collection
		}
		s.tree.add(&Route{Method: methods[verb], Path: path, Action: t.action(name, verb), Verb: verb, TypeName: name,
			Type: t, Provider: p, handler: t.handlerOf(verb), partial: verb == List && top})
	}
	s.types[fold(name)] = &Declared{Name: name, Type: t, Provider: p}
	for _, a := range t.Actions {
		action := a.As
		if action == "" {
			action = name + "/" + a.Name + "/action"
		}
		s.tree.add(&Route{Method: "POST", Path: item + "/" + a.Name, Action: builtin.Canonical(action), Verb: Post, TypeName: name,
			Type: t, Provider: p, handler: a.Do, tail: 1 + strings.Count(a.Name, "/")})
	}
	for _, below := range t.Holds {
		s.mountType(p, below, item, name, false)
	}
}

func (s Shape) verbs() []string {
	if s == Hidden {
		return nil
	}
	return strings.Fields(string(s))
}

// mountAcross lists the resources of all groups at their subscription, as every tracked type does.
func (s *Server) mountAcross(p *Provider, t *Type, namespace string) {
	name := namespace + "/" + t.Segment
	s.tree.add(&Route{Method: "GET", Path: string(AtSubscription) + "/providers/" + name, Action: t.action(name, List), Verb: List, TypeName: name,
		Type: t, Provider: p, handler: t.handlerOf(List), partial: true})
}

func (t *Type) action(name string, verb Verb) string {
	if as := t.As[verb]; as != "" {
		return as
	}
	return builtin.Canonical(name + "/" + suffix[verb])
}

func (t *Type) handlerOf(verb Verb) Handler {
	if h := t.Do[verb]; h != nil {
		return h
	}
	switch verb {
	case List:
		return list
	case Get:
		return get
	case Head:
		return head
	case Put:
		return put
	case Patch:
		return patch
	}
	return remove
}

// param names the path parameter of a type segment: apis -> apisName.
func param(segment string) string { return segment + "Name" }

func (s *Server) mountCall(p *Provider, c *Call) {
	r := &Route{Method: c.Method, Path: c.Path, Action: c.Action, Data: c.Data, Verb: callVerb(c.Method), Provider: p, handler: c.Do, partial: c.Partial}
	if c.At != "" {
		at := gatehouse.MustID(c.At)
		r.at = &at
	}
	s.tree.add(r)
}

func callVerb(method string) Verb {
	for verb, m := range methods {
		if m == method && verb != List {
			return verb
		}
	}
	return Post
}

// Routes returns every route, in the order of declaration.
func (s *Server) Routes() []*Route { return s.tree.routes }
