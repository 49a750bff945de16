package check

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/world"
)

const maxFaults = 20

func joined(faults []error) error { return errors.Join(faults[:min(len(faults), maxFaults)]...) }

// add reads one case. What is wrong with it is a fault at its place.
func (l *loader) add(f *world.File, i int, o *jsondoc.Object, own *Subject) {
	subject := l.own(f, o)
	if subject != nil {
		subject.single = true
	} else {
		subject = own
	}
	faults := len(l.faults)
	if subject == nil {
		subject = l.around(f)
	}
	if len(l.faults) > faults || subject.World == nil {
		return
	}
	c := &Case{Name: o.String("name"), Why: o.String("reason"), File: f.Name, world: subject}
	if c.Line, _ = o.PositionOf("name"); c.Line == 0 {
		c.Line, _ = o.Position()
	}
	if c.Name == "" {
		c.Name = fmt.Sprintf("case %d", i+1)
	}
	r := caseReader{f, o, c, nil}
	r.read()
	if r.err != nil {
		l.faults = append(l.faults, r.err)
		return
	}
	l.suite.Cases = append(l.suite.Cases, c)
}

type caseReader struct {
	f   *world.File
	o   *jsondoc.Object
	c   *Case
	err error
}

func (r *caseReader) fault(o *jsondoc.Object, member, format string, args ...any) {
	if r.err == nil {
		r.err = r.f.At(o, member, "%s: %s", r.c.Name, fmt.Sprintf(format, args...))
	}
}

// caseMembers are what a case may have beside the sections of a world. Of a case other members are its author's business, unless they nearly spell
// one that bears on it.
var caseMembers = []string{"name", "request", "expected", "reason", "world", "description"}

// requestMembers are what a request may have; a misspelled one would make a test that
// tests something else.
var requestMembers = []string{"principal", "action", "isDataAction", "scope", "attributes", "linkedChecks", "subOperation", "now"}

func (r *caseReader) strict(o *jsondoc.Object, what string, members ...string) {
	for name := range o.All() {
		if !contains(members, name) {
			r.fault(o, name, "%s has no member %q; it has %s", what, name, strings.Join(members, ", "))
		}
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if gatehouse.EqualFold(n, name) {
			return true
		}
	}
	return false
}

func (r *caseReader) read() {
	request := r.o.Object("request")
	if request == nil {
		r.fault(r.o, "request", "a case needs a request {principal, action, scope}")
		return
	}
	for name := range r.o.All() {
		if contains(caseMembers, name) || world.IsSection(name) {
			continue
		}
		if meant := world.Misspelled(name); meant != "" {
			r.fault(r.o, name, "a case has no member %q; did you mean %s?", name, meant)
		}
	}
	r.strict(request, "a request", requestMembers...)
	switch text := r.o.String("expected"); {
	case gatehouse.EqualFold(text, string(Allowed)):
		r.c.Expected = Allowed
	case gatehouse.EqualFold(text, string(Denied)):
		r.c.Expected = Denied
	default:
		r.fault(r.o, "expected", "expected has to be Allowed or Denied; it is %q", text)
	}
	main := r.question(request, gatehouse.Request{Now: r.c.world.World.Now, Principal: r.principal(request), Attributes: r.attributes(request)})
	main.SubOperation = request.String("subOperation")
	r.now(request, &main)
	r.c.Requests = []gatehouse.Request{main}
	v, _ := request.Get("linkedChecks")
	list, ok := v.([]jsondoc.Value)
	if v != nil && !ok {
		r.fault(request, "linkedChecks", "linkedChecks has to be a list of {action, scope}; it is %s", jsondoc.KindOf(v))
	}
	for i, v := range list {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			r.fault(request, "linkedChecks", "linkedChecks[%d] has to be {action, scope}; it is %s", i, jsondoc.KindOf(v))
			continue
		}
		r.strict(o, "a linked check", "action", "scope", "isDataAction")
		r.c.Requests = append(r.c.Requests, r.question(o, gatehouse.Request{Now: main.Now, Principal: main.Principal, Attributes: main.Attributes}))
	}
}

// question reads action and scope into q.
func (r *caseReader) question(o *jsondoc.Object, q gatehouse.Request) gatehouse.Request {
	q.Action = o.String("action")
	if q.Action == "" || strings.Contains(q.Action, "*") {
		r.fault(o, "action", "action has to name one operation, such as Microsoft.ApiManagement/service/read; it is %q", q.Action)
	}
	data, _ := o.Get("isDataAction")
	is, ok := data.(bool)
	if data != nil && !ok {
		r.fault(o, "isDataAction", "isDataAction has to be true or false; it is %s", jsondoc.KindOf(data))
	}
	q.Data = is
	text, given := o.Get("scope")
	path, ok := text.(string)
	if !given || !ok || path == "" {
		r.fault(o, "scope", "scope is missing: write a resource ID, or / for the tenant root")
		return q
	}
	scope, err := gatehouse.ParseScope(path)
	if err != nil {
		r.fault(o, "scope", "scope: %s", err.(*gatehouse.Error).Message)
	}
	q.Scope = scope
	return q
}

// principal reads {id, type} or plain text: an object ID, or a name that the world knows.
func (r *caseReader) principal(o *jsondoc.Object) gatehouse.GUID {
	v, _ := o.Get("principal")
	switch p := v.(type) {
	case string:
		r.c.who = p
	case *jsondoc.Object:
		r.c.who, o = p.String("id"), p
		if n, ok := p.Get("id"); ok && r.c.who == "" {
			r.c.who = fmt.Sprint(n)
		}
		r.strict(p, "a principal", "id", "type", "name", "displayName", "objectId")
	}
	if r.c.who == "" {
		r.fault(o, "principal", "principal is missing: write {id: GUID, type: User}, or a name that the world knows")
		return gatehouse.GUID{}
	}
	if id, err := gatehouse.ParseGUID(r.c.who); err == nil {
		return id
	}
	id, err := r.c.world.World.FindPrincipal(r.c.who)
	if err == nil {
		return id
	}
	if gatehouse.KindOf(err) == gatehouse.NotFound && r.c.world.World.Mentions(r.c.who) {
		return world.LabelID(r.c.who)
	}
	r.fault(o, "principal", "principal: %s", err.(*gatehouse.Error).Message)
	return gatehouse.GUID{}
}

func (r *caseReader) attributes(o *jsondoc.Object) *gatehouse.Attributes {
	v, _ := o.Get("attributes")
	sources, ok := v.(*jsondoc.Object)
	if v != nil && !ok {
		r.fault(o, "attributes", "attributes has to be {request, resource, environment, principal}; it is %s", jsondoc.KindOf(v))
	}
	if sources == nil {
		return nil
	}
	r.strict(sources, "attributes", "request", "resource", "environment", "principal")
	var a gatehouse.Attributes
	for _, s := range []struct {
		name string
		into *map[string]any
	}{{"request", &a.Request}, {"resource", &a.Resource}, {"environment", &a.Environment}, {"principal", &a.Principal}} {
		v, _ := sources.Get(s.name)
		values, ok := v.(*jsondoc.Object)
		if v != nil && !ok {
			r.fault(sources, s.name, "attributes.%s has to be an object of names and values; it is %s", s.name, jsondoc.KindOf(v))
		}
		var err error
		if *s.into, err = world.Attributes(values); err != nil {
			r.fault(sources, s.name, "%v", err)
		}
	}
	return &a
}

// now lets a case ask about a moment of its own: as now, or as what conditions read
// as @Environment[UtcNow].
func (r *caseReader) now(o *jsondoc.Object, q *gatehouse.Request) {
	text := o.String("now")
	if q.Attributes != nil && text == "" {
		for name, v := range q.Attributes.Environment {
			if s, ok := v.(string); ok && gatehouse.EqualFold(name, "UtcNow") {
				text = s
			}
		}
	}
	if text == "" {
		return
	}
	t, err := world.Moment(text)
	if err != nil {
		r.fault(o, "now", "%v", err)
	}
	q.Now = t
}
