package policy

import (
	"fmt"
	"strings"
)

// Kind is a kind of thing that documents refer to.
type Kind string

// The kinds. A Connection is named by its provider and, after a slash, its authorization.
const (
	NamedValue  Kind = "property"
	FragmentID  Kind = "fragment"
	Backend     Kind = "backend"
	Logger      Kind = "logger"
	Certificate Kind = "certificate"
	Thumbprint  Kind = "thumbprint"
	Schema      Kind = "schema"
	Connection  Kind = "connection"
)

// Reference is a name in a document, as a literal, of something that has to exist.
type Reference struct {
	Kind    Kind
	Name    string
	Element *Element // that refers
	Section string   // in which it stands; "" in a fragment or resolver
	// Maybe marks {{x}} in a Liquid template, which may as well be a variable there
	// (gateway.md 5.4), and {{{x}}} in C#: it need not exist. Nobody has checked then that the
	// writer may refer to it, so in a workspace it is never a named value of the service.
	Maybe bool
}

// missing words the fault of a reference to nothing, as the service does where its words are known.
func (r Reference) missing() string {
	switch r.Kind {
	case NamedValue:
		return fmt.Sprintf("Cannot find a property '%s'", r.Name)
	case FragmentID:
		return fmt.Sprintf("Policy fragment with id '%s' could not be found.", r.Name)
	case Logger:
		return "Logger not found"
	case Thumbprint:
		return fmt.Sprintf("Certificate with thumbprint '%s' could not be found.", r.Name)
	case Connection:
		return fmt.Sprintf("Authorization '%s' could not be found.", r.Name)
	}
	return fmt.Sprintf("%s%s with id '%s' could not be found.", strings.ToUpper(string(r.Kind[:1])), r.Kind[1:], r.Name)
}

// References lists what the document refers to, in order of the text. Names that are
// computed, or that hold a named value, are not known before a call and are left out.
func (d *Document) References() []Reference {
	w := &walker{}
	if len(d.Sections) == 0 {
		w.walk(d.Root, nil)
	}
	for _, s := range d.Sections {
		w.section = s.Name
		w.walk(s.Element, nil)
	}
	return w.found
}

type walker struct {
	section string
	found   []Reference
}

func (w *walker) add(e *Element, r Reference) {
	r.Element, r.Section = e, w.section
	w.found = append(w.found, r)
}

// walk visits e. Known is the definition of e as the child of a policy, nil to look for a policy.
func (w *walker) walk(e *Element, known *Definition) {
	if known == nil {
		known = table().byName[e.Name]
	}
	template, _ := e.Attr("template")
	liquid := strings.EqualFold(strings.TrimSpace(template.Text), "liquid")
	for i := range e.Attrs {
		w.value(e, &e.Attrs[i].Value, false)
	}
	w.value(e, &e.Text, liquid)
	if known != nil {
		w.attributes(e, known)
		if known.markup {
			w.markup(e.Children, liquid)
			return
		}
	}
	for _, child := range e.Children {
		var def *Definition
		if known != nil {
			def = known.child(child.Name)
		}
		w.walk(child, def)
	}
}

// markup is a body: its elements are no policies, whatever they are called.
func (w *walker) markup(elements []*Element, liquid bool) {
	for _, e := range elements {
		for i := range e.Attrs {
			w.value(e, &e.Attrs[i].Value, liquid)
		}
		w.value(e, &e.Text, liquid)
		w.markup(e.Children, liquid)
	}
}

func (w *walker) value(e *Element, v *Value, liquid bool) {
	for _, n := range v.Names {
		w.add(e, Reference{Kind: NamedValue, Name: n.Name, Maybe: liquid || n.Maybe})
	}
}

func (w *walker) attributes(e *Element, known *Definition) {
	for i := range e.Attrs {
		a := known.attr(e.Attrs[i].Name)
		v := &e.Attrs[i].Value
		if a == nil || a.refers == "" || !v.Literal() {
			continue
		}
		name := strings.TrimSpace(v.Text)
		switch {
		case a.refers == Backend && name == "dapr": // the side car, not an entity
			continue
		case a.refers == Connection:
			authorization, ok := e.Attr("authorization-id")
			if !ok || !authorization.Literal() {
				continue
			}
			name += "/" + strings.TrimSpace(authorization.Text)
		}
		w.add(e, Reference{Kind: a.refers, Name: name})
	}
}
