package edm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gatehouse/dotnet/xlinq"
)

// Service is the metadata of an OData service, read when it is first needed. It is safe for concurrent use.
type Service struct {
	text string
	once sync.Once
	m    *Model
	err  error
}

// NewService keeps a metadata document; "" is a service without one.
func NewService(text string) *Service { return &Service{text: text} }

// Model returns what the document says, or why it cannot be read.
func (s *Service) Model() (*Model, error) {
	s.once.Do(func() { s.m, s.err = Parse(s.text) })
	return s.m, s.err
}

// Model is what a metadata document says. It never changes.
type Model struct {
	spaces  map[string]string // namespaces and aliases, to the namespace
	types   map[string]*structure
	roots   map[string]root           // what the container has
	calls   map[string][]*operation   // functions and actions, with their overloads
	imports map[string]functionImport // functions and actions that the container has
}

type kind uint8

const (
	entityType kind = iota
	complexType
	enumType
	definition
)

// structure is a named type.
type structure struct {
	name, base   string // base of a definition is what it stands for
	kind         kind
	open, stream bool
	key          []string
	members      map[string]member
}

type member struct {
	of  ref
	nav bool
}

// ref is a type as properties and parameters have it.
type ref struct {
	name string
	many bool
}

type root struct {
	of     ref
	single bool
}

type functionImport struct {
	name   string
	action bool
}

// operation is one overload of a function or action.
type operation struct {
	action, bound bool
	names         []string
	params        []ref
	returns       *ref
}

const (
	edmxSpace = "http://docs.oasis-open.org/odata/ns/edmx"
	edmSpace  = "http://docs.oasis-open.org/odata/ns/edm"
	memory    = 256 << 20 // what is built of a document
	ancestors = 64        // base types above each other
)

var errMemory = errors.New("the metadata is too large")

// Parse reads a metadata document.
func Parse(text string) (*Model, error) {
	left := memory
	d, err := xlinq.ParseDocument(text, false, func(n int) error {
		if left -= n; left < 0 {
			return errMemory
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the metadata cannot be read: %w", err)
	}
	top := d.Root()
	if top == nil || top.Name() != (xlinq.Name{Space: edmxSpace, Local: "Edmx"}) || !strings.HasPrefix(attr(top, "Version"), "4.") {
		return nil, errors.New("the metadata is not that of OData 4")
	}
	m := &Model{map[string]string{}, map[string]*structure{}, map[string]root{}, map[string][]*operation{}, map[string]functionImport{}}
	var schemas []*xlinq.Node
	for _, services := range children(top, edmxSpace, "DataServices") {
		schemas = append(schemas, children(services, edmSpace, "Schema")...)
	}
	for _, s := range schemas {
		m.spaces[attr(s, "Namespace")] = attr(s, "Namespace")
		if alias := attr(s, "Alias"); alias != "" {
			m.spaces[alias] = attr(s, "Namespace")
		}
	}
	containers := 0
	for _, s := range schemas {
		containers += m.schema(s)
	}
	if containers != 1 {
		return nil, errors.New("the metadata has not one entity container")
	}
	return m, nil
}

func children(n *xlinq.Node, space, local string) (list []*xlinq.Node) {
	for _, c := range n.Items() {
		if c.Kind() == xlinq.Element && c.Name().Space == space && (local == "" || c.Name().Local == local) {
			list = append(list, c)
		}
	}
	return list
}

func attr(n *xlinq.Node, name string) string {
	a := n.Attribute(xlinq.Name{Local: name})
	if a == nil {
		return ""
	}
	v, _ := a.Value(nil)
	return strings.TrimSpace(v)
}

// schema adds what a schema declares, and counts its containers that extend no other.
func (m *Model) schema(s *xlinq.Node) (containers int) {
	space := attr(s, "Namespace")
	for _, c := range children(s, edmSpace, "") {
		name := space + "." + attr(c, "Name")
		switch c.Name().Local {
		case "EntityType":
			m.types[name] = m.structure(c, name, entityType)
		case "ComplexType":
			m.types[name] = m.structure(c, name, complexType)
		case "EnumType":
			m.types[name] = m.enum(c, name)
		case "TypeDefinition":
			m.types[name] = &structure{name: name, kind: definition, base: attr(c, "UnderlyingType")}
		case "Function", "Action":
			m.calls[name] = append(m.calls[name], m.operation(c))
		case "EntityContainer":
			m.container(c)
			if attr(c, "Extends") == "" {
				containers++
			}
		}
	}
	return containers
}

func (m *Model) structure(n *xlinq.Node, name string, k kind) *structure {
	s := &structure{name: name, kind: k, base: m.full(attr(n, "BaseType")), open: attr(n, "OpenType") == "true", stream: attr(n, "HasStream") == "true", members: map[string]member{}}
	for _, c := range children(n, edmSpace, "") {
		switch c.Name().Local {
		case "Key":
			for _, p := range children(c, edmSpace, "PropertyRef") {
				s.key = append(s.key, attr(p, "Name"))
			}
		case "Property", "NavigationProperty":
			s.members[attr(c, "Name")] = member{m.ref(attr(c, "Type")), c.Name().Local == "NavigationProperty"}
		}
	}
	return s
}

func (m *Model) enum(n *xlinq.Node, name string) *structure {
	s := &structure{name: name, kind: enumType, members: map[string]member{}}
	for _, c := range children(n, edmSpace, "Member") {
		s.members[attr(c, "Name")] = member{}
	}
	return s
}

func (m *Model) operation(n *xlinq.Node) *operation {
	o := &operation{action: n.Name().Local == "Action", bound: attr(n, "IsBound") == "true"}
	for _, p := range children(n, edmSpace, "Parameter") {
		o.names, o.params = append(o.names, attr(p, "Name")), append(o.params, m.ref(attr(p, "Type")))
	}
	for _, r := range children(n, edmSpace, "ReturnType") {
		returns := m.ref(attr(r, "Type"))
		o.returns = &returns
	}
	return o
}

func (m *Model) container(n *xlinq.Node) {
	for _, c := range children(n, edmSpace, "") {
		name := attr(c, "Name")
		switch c.Name().Local {
		case "EntitySet":
			m.roots[name] = root{ref{m.full(attr(c, "EntityType")), true}, false}
		case "Singleton":
			m.roots[name] = root{ref{m.full(attr(c, "Type")), false}, true}
		case "FunctionImport":
			m.imports[name] = functionImport{m.full(attr(c, "Function")), false}
		case "ActionImport":
			m.imports[name] = functionImport{m.full(attr(c, "Action")), true}
		}
	}
}

func (m *Model) ref(text string) ref {
	if inner, ok := strings.CutPrefix(text, "Collection("); ok {
		return ref{m.full(strings.TrimSuffix(inner, ")")), true}
	}
	return ref{m.full(text), false}
}

// full writes a qualified name with the namespace for its alias.
func (m *Model) full(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		if space, ok := m.spaces[name[:i]]; ok {
			return space + name[i:]
		}
	}
	return name
}

// member finds a property of a type or of what it derives from.
func (m *Model) member(s *structure, name string) (found member, ok bool) {
	m.up(s, func(s *structure) bool {
		found, ok = s.members[name]
		return ok
	})
	return found, ok
}

// up visits a type and those that it derives from, until visit returns true; it reports whether it did.
func (m *Model) up(s *structure, visit func(*structure) bool) bool {
	for range ancestors {
		if s == nil {
			return false
		}
		if visit(s) {
			return true
		}
		s = m.types[s.base]
	}
	return false
}

func (m *Model) key(s *structure) (key []string) {
	m.up(s, func(s *structure) bool {
		key = s.key
		return len(key) > 0
	})
	return key
}

func (m *Model) derives(s, from *structure) bool {
	return m.up(s, func(s *structure) bool { return s == from })
}

func (m *Model) isOpen(s *structure) bool {
	return m.up(s, func(s *structure) bool { return s.open })
}

// value is what a path or expression comes to. class is that of a primitive value, "" when nobody knows it.
type value struct {
	class string
	t     *structure
	many  bool
}

// classes of primitive types: the kind of literal that they are written as.
var classes = map[string]string{"Boolean": "bool", "String": "string", "Guid": "guid", "Date": "date", "DateTimeOffset": "instant", "TimeOfDay": "time", "Duration": "duration",
	"Binary": "binary", "Stream": "stream", "Byte": "number", "SByte": "number", "Int16": "number", "Int32": "number", "Int64": "number", "Single": "number", "Double": "number", "Decimal": "number"}

// value returns what a type stands for; ok is false for one that the document does not have.
func (m *Model) value(r ref) (v value, ok bool) {
	name := r.name
	if t := m.types[name]; t != nil {
		switch t.kind {
		case entityType, complexType:
			return value{t: t, many: r.many}, true
		case enumType:
			return value{class: "enum", many: r.many}, true
		}
		name = t.base
	}
	primitive, ok := strings.CutPrefix(name, "Edm.")
	class := classes[primitive]
	if strings.HasPrefix(primitive, "Geography") || strings.HasPrefix(primitive, "Geometry") {
		class = "shape"
	}
	return value{class: class, many: r.many}, ok && (class != "" || slices.Contains([]string{"PrimitiveType", "Untyped"}, primitive))
}

// overload finds the function or action of a name that takes these parameters, and when it is bound, this value.
func (m *Model) overload(name string, bound *value, action bool, names []string) *operation {
	for _, o := range m.calls[name] {
		own, ok := o.names, o.bound == (bound != nil) && o.action == action
		if ok && o.bound {
			ok = len(own) > 0 && m.fits(*bound, o.params[0])
			own = own[min(1, len(own)):]
		}
		if ok && (action || len(own) == len(names) && !slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(own, n) })) {
			return o
		}
	}
	return nil
}

func (m *Model) fits(v value, r ref) bool {
	to, ok := m.value(r)
	if !ok || to.many != v.many {
		return false
	}
	if to.t != nil {
		return v.t != nil && m.derives(v.t, to.t)
	}
	return v.t == nil && to.class == v.class
}
