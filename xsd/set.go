package xsd

import (
	"errors"
	"fmt"

	"gatehouse/dotnet/xlinq"
)

// Space is the namespace of schemas, and InstanceSpace that of what documents say about theirs.
const (
	Space         = "http://www.w3.org/2001/XMLSchema"
	InstanceSpace = "http://www.w3.org/2001/XMLSchema-instance"
)

type name = xlinq.Name

// Library finds schemas that others lead to. Either function may be nil.
type Library struct {
	// Load finds what an include or import with a schemaLocation leads to; false refuses it.
	Load func(location string) (text string, ok bool)
	// Import finds what an import without a schemaLocation means, by its namespace.
	Import func(namespace string) (texts []string)
}

// Set is compiled schemas. It never changes.
type Set struct {
	elements   map[name]*element
	types      map[name]*typ
	attributes map[name]*attribute
	members    map[name][]*element // by the head of the group that they may stand for
}

// Bounds of what is compiled.
const (
	maxText      = 16 << 20 // bytes of schemas, as they were read
	maxDocuments = 200
	maxParts     = 200_000 // elements of schema documents
	maxMemory    = 256 << 20
)

// Compile compiles a schema with all that it leads to. The error tells people why it cannot be.
func Compile(text string, from Library) (*Set, error) {
	c := &compiler{library: from, set: &Set{map[name]*element{}, map[name]*typ{}, map[name]*attribute{}, map[name][]*element{}},
		loaded: map[loadKey]bool{}, types: map[name]source{}, elements: map[name]source{}, attributes: map[name]source{}, groups: map[name]source{}, attributeGroups: map[name]source{},
		groupsDone: map[name]*particle{}, attributesDone: map[name]*attributeSet{}, busy: map[any]bool{}, spaces: map[string]bool{}}
	if err := c.load(text, "", nil); err != nil {
		return nil, err
	}
	if err := c.compile(); err != nil {
		return nil, err
	}
	return c.set, nil
}

// source is a component as it is written, with the document that it stands in.
type source struct {
	node *xlinq.Node
	doc  *document
}

// document is one schema document.
type document struct {
	target                                 string
	chameleon                              bool // target is that of who includes it
	qualifiedElements, qualifiedAttributes bool
	block                                  string
}

type loadKey struct{ text, target string }

type compiler struct {
	library Library
	set     *Set
	loaded  map[loadKey]bool
	bytes   int
	parts   int
	memory  int
	spaces  map[string]bool // namespaces that were imported by name alone

	types, elements, attributes, groups, attributeGroups map[name]source

	groupsDone     map[name]*particle
	attributesDone map[name]*attributeSet
	busy           map[any]bool
}

// errSchema are errors of schemas.
type errSchema struct{ text string }

func (e *errSchema) Error() string { return e.text }

func fault(format string, args ...any) error { return &errSchema{fmt.Sprintf(format, args...)} }

func (c *compiler) spend(n int) error {
	if c.memory += n; c.memory > maxMemory {
		return errors.New("the schema is too large")
	}
	return nil
}

// load reads a document and what it leads to. includer is nil for what is imported or comes first.
func (c *compiler) load(text, want string, includer *document) error {
	if c.bytes += len(text); c.bytes > maxText || len(c.loaded) > maxDocuments {
		return fault("the schema and what it includes are too large")
	}
	tree, err := xlinq.ParseDocument(text, false, c.spend)
	if err != nil {
		return fault("the schema is not well-formed XML: %v", err)
	}
	root := tree.Root()
	if root == nil || root.Name() != (name{Space: Space, Local: "schema"}) {
		return fault("the document is no XML schema")
	}
	d := &document{target: attr(root, "targetNamespace"), qualifiedElements: attr(root, "elementFormDefault") == "qualified",
		qualifiedAttributes: attr(root, "attributeFormDefault") == "qualified", block: attr(root, "blockDefault")}
	if includer != nil {
		if d.target == "" && includer.target != "" {
			d.target, d.chameleon = includer.target, true
		}
		if d.target != includer.target {
			return fault("an included schema has another namespace (%s) than the one that includes it (%s)", d.target, includer.target)
		}
	} else if want != "" && d.target != want {
		return fault("an imported schema has the namespace %s, not %s", d.target, want)
	}
	key := loadKey{text, d.target}
	if c.loaded[key] {
		return nil
	}
	c.loaded[key] = true
	c.spaces[d.target] = true
	for _, part := range children(root) {
		if err := c.global(source{part, d}); err != nil {
			return err
		}
	}
	return nil
}

// global takes one child of a schema element.
func (c *compiler) global(s source) error {
	if c.parts++; c.parts > maxParts {
		return fault("the schema has too many parts")
	}
	into := map[string]map[name]source{"element": c.elements, "complexType": c.types, "simpleType": c.types, "attribute": c.attributes, "group": c.groups, "attributeGroup": c.attributeGroups}
	switch kind := s.node.Name().Local; kind {
	case "annotation", "notation":
		return nil
	case "include", "import":
		return c.lead(s, kind)
	default:
		named, ok := into[kind]
		if !ok {
			return fault("'%s' in schemas is not supported", kind)
		}
		n := name{Space: s.doc.target, Local: attr(s.node, "name")}
		if n.Local == "" {
			return fault("a global '%s' has no name", kind)
		}
		if _, twice := named[n]; twice {
			return fault("'%s' is declared twice", n.Local)
		}
		named[n] = s
		return nil
	}
}

// lead follows an include or import.
func (c *compiler) lead(s source, kind string) error {
	location, space := attr(s.node, "schemaLocation"), attr(s.node, "namespace")
	if kind == "import" && space == s.doc.target {
		return fault("a schema imports its own namespace")
	}
	if location == "" || kind == "import" && c.spaces[space] && space != "" {
		if kind == "include" {
			return fault("an include has no schemaLocation")
		}
		if c.spaces[space] || c.library.Import == nil {
			return nil // what is missing shows when it is used
		}
		c.spaces[space] = true
		for _, text := range c.library.Import(space) {
			if err := c.load(text, space, nil); err != nil {
				return err
			}
		}
		return nil
	}
	text, ok := "", false
	if c.library.Load != nil {
		text, ok = c.library.Load(location)
	}
	switch {
	case !ok && kind == "import" && c.library.Import != nil:
		for _, text := range c.library.Import(space) {
			if err := c.load(text, space, nil); err != nil {
				return err
			}
		}
		return nil
	case !ok:
		return fault("the schema '%s' that is included or imported does not exist here", location)
	case kind == "include":
		return c.load(text, "", s.doc)
	}
	return c.load(text, space, nil)
}

// attr is an attribute without a namespace, "" when it is missing.
func attr(n *xlinq.Node, local string) string {
	v, _ := hasAttr(n, local)
	return v
}

func hasAttr(n *xlinq.Node, local string) (string, bool) {
	a := n.Attribute(name{Local: local})
	if a == nil {
		return "", false
	}
	v, _ := a.Value(nil)
	return v, true
}

// children are the elements in n that belong to schemas, without annotations.
func children(n *xlinq.Node) []*xlinq.Node {
	var list []*xlinq.Node
	for _, c := range n.Items() {
		if c.Kind() == xlinq.Element && (c.Name().Space != Space || c.Name().Local != "annotation") {
			list = append(list, c)
		}
	}
	return list
}

// ref reads a qualified name in a schema.
func (s source) ref(text string) (name, error) {
	prefix, local, ok := cutQName(text)
	space, known := s.node.NamespaceOf(prefix)
	switch {
	case !ok:
		return name{}, fault("%q is no name", text)
	case prefix == "" && (!known || space == ""):
		if s.doc.chameleon {
			return name{Space: s.doc.target, Local: local}, nil
		}
		return name{Local: local}, nil
	case !known:
		return name{}, fault("the prefix of %q is not declared", text)
	}
	return name{Space: space, Local: local}, nil
}

func cutQName(text string) (prefix, local string, ok bool) {
	for i := range len(text) {
		if text[i] == ':' {
			prefix, local = text[:i], text[i+1:]
			return prefix, local, isNCName(prefix) && isNCName(local)
		}
	}
	return "", text, isNCName(text)
}
