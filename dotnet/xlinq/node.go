package xlinq

import "strings"

// Kind is XmlNodeType: the numbers are .NET's.
type Kind int

// The members of XmlNodeType.
const (
	None Kind = iota
	Element
	Attribute
	Text
	CDATA
	EntityReference
	Entity
	ProcessingInstruction
	Comment
	Document
	DocumentType
	DocumentFragment
	Notation
	Whitespace
	SignificantWhitespace
	EndElement
	EndEntity
	XmlDeclaration
)

// KindNames are the names of XmlNodeType's members, by number.
var KindNames = [...]string{"None", "Element", "Attribute", "Text", "CDATA", "EntityReference", "Entity",
	"ProcessingInstruction", "Comment", "Document", "DocumentType", "DocumentFragment", "Notation", "Whitespace",
	"SignificantWhitespace", "EndElement", "EndEntity", "XmlDeclaration"}

func (k Kind) String() string { return KindNames[k] }

// MaxDepth is how many elements may be nested in a text (policy-expressions.md 10); trees that are built are held to it too.
const MaxDepth = 256

// The namespaces that every document knows.
const (
	XMLNamespace   = "http://www.w3.org/XML/1998/namespace"
	XMLNSNamespace = "http://www.w3.org/2000/xmlns/"
)

// A Name is an XName: names are equal when both parts are.
type Name struct{ Space, Local string }

// String is the expanded name, {namespace}local.
func (n Name) String() string {
	if n.Space == "" {
		return n.Local
	}
	return "{" + n.Space + "}" + n.Local
}

// ParseName is XName.Get with an expanded name.
func ParseName(expanded string) (Name, error) {
	space, local := "", expanded
	if expanded == "" {
		return Name{}, argument("'%s' is an invalid expanded name.", expanded)
	}
	if expanded[0] == '{' {
		i := strings.LastIndexByte(expanded, '}')
		if i <= 1 || i == len(expanded)-1 {
			return Name{}, argument("'%s' is an invalid expanded name.", expanded)
		}
		space, local = expanded[1:i], expanded[i+1:]
	}
	return NewName(space, local)
}

// NewName is a name of its two parts.
func NewName(space, local string) (Name, error) {
	if err := checkNCName(local); err != nil {
		return Name{}, err
	}
	return Name{space, local}, nil
}

// A Declaration is an XDeclaration. Parts that are missing are nil.
type Declaration struct{ Version, Encoding, Standalone *string }

// String is the declaration as text.
func (d *Declaration) String() string {
	var b strings.Builder
	b.WriteString("<?xml")
	for _, p := range []struct {
		name  string
		value *string
	}{{"version", d.Version}, {"encoding", d.Encoding}, {"standalone", d.Standalone}} {
		if p.value != nil {
			b.WriteString(" " + p.name + `="` + *p.value + `"`)
		}
	}
	return b.String() + "?>"
}

// A Node is one XObject: document, element, attribute, text, CDATA section, comment, processing instruction or document
// type. Nodes are compared by pointer. A node has at most one parent; adding one that has a parent adds a copy.
type Node struct {
	kind   Kind
	full   bool // an element that is written with an end tag though it is empty
	height int  // upper bound of the element levels below
	at     int  // where it probably stands in its parent
	parent *Node
	name   Name   // element, attribute; Local of a processing instruction's target and a document type's name
	value  string // of what has no children
	items  []*Node
	attrs  []*Node

	// Declaration of a document, or nil.
	Declaration *Declaration
	// PublicID, SystemID and Subset of a document type; nil is null.
	PublicID, SystemID, Subset *string
}

// NewDocument makes an empty XDocument.
func NewDocument() *Node { return &Node{kind: Document} }

// NewElement makes an XElement without content.
func NewElement(name Name) *Node { return &Node{kind: Element, name: name} }

// NewAttribute makes an XAttribute. Declarations of namespaces are attributes too, and have rules of their own.
func NewAttribute(name Name, value string) (*Node, error) {
	a := &Node{kind: Attribute, name: name}
	return a, a.SetAttribute(value)
}

// NewText makes an XText, XCData (CDATA) or XComment.
func NewText(kind Kind, value string) *Node { return &Node{kind: kind, value: value} }

// NewInstruction makes an XProcessingInstruction.
func NewInstruction(target, data string) (*Node, error) {
	if err := checkNCName(target); err != nil {
		return nil, err
	}
	if strings.EqualFold(target, "xml") {
		return nil, argument("'%s' is an invalid name for a processing instruction.", target)
	}
	return &Node{kind: ProcessingInstruction, name: Name{Local: target}, value: data}, nil
}

// NewDocumentType makes an XDocumentType.
func NewDocumentType(name string, public, system, subset *string) *Node {
	return &Node{kind: DocumentType, name: Name{Local: name}, PublicID: public, SystemID: system, Subset: subset}
}

// Kind is the node's XmlNodeType.
func (n *Node) Kind() Kind { return n.kind }

// Class is the .NET name of the node's class.
func (n *Node) Class() string {
	names := map[Kind]string{Element: "XElement", Attribute: "XAttribute", Text: "XText", CDATA: "XCData", Comment: "XComment",
		ProcessingInstruction: "XProcessingInstruction", Document: "XDocument", DocumentType: "XDocumentType"}
	return "System.Xml.Linq." + names[n.kind]
}

// Name is the name of an element or attribute; the target of an instruction and the name of a document type are its Local.
func (n *Node) Name() Name { return n.name }

// SetName renames an element, an instruction or a document type.
func (n *Node) SetName(name Name) { n.name = name }

// Parent is XObject.Parent: the element around the node. A document is nobody's Parent; see Container.
func (n *Node) Parent() *Node {
	if n.parent == nil || n.parent.kind != Element {
		return nil
	}
	return n.parent
}

// Container is what holds the node: an element, a document, or nil.
func (n *Node) Container() *Node { return n.parent }

// Owner is XObject.Document: the document at the root, or nil.
func (n *Node) Owner() *Node {
	if r := n.top(); r.kind == Document {
		return r
	}
	return nil
}

func (n *Node) top() *Node {
	for n.parent != nil {
		n = n.parent
	}
	return n
}

// Root is the element of a document, or nil.
func (n *Node) Root() *Node {
	for _, c := range n.items {
		if c.kind == Element {
			return c
		}
	}
	return nil
}

// Items are the child nodes; the slice must not be changed.
func (n *Node) Items() []*Node { return n.items }

// Attributes are those of an element, in order; the slice must not be changed.
func (n *Node) Attributes() []*Node { return n.attrs }

// Attribute finds an attribute by name, or nil.
func (n *Node) Attribute(name Name) *Node {
	for _, a := range n.attrs {
		if a.name == name {
			return a
		}
	}
	return nil
}

// IsEmpty is XElement.IsEmpty: printed without an end tag.
func (n *Node) IsEmpty() bool { return len(n.items) == 0 && !n.full }

// IsContainer says whether the node is an XContainer.
func (n *Node) IsContainer() bool { return n.kind == Element || n.kind == Document }

// IsDeclaration says whether an attribute declares a namespace.
func (n *Node) IsDeclaration() bool {
	if n.name.Space == "" {
		return n.name.Local == "xmlns"
	}
	return n.name.Space == XMLNSNamespace
}

// Value is the text of the node: its own, or of an element all the text below it.
func (n *Node) Value(s Spend) (string, error) {
	if n.kind != Element {
		return n.value, nil
	}
	if len(n.items) == 1 && n.items[0].isText() {
		return n.items[0].value, nil
	}
	size := 0
	n.eachText(func(text string) { size += len(text) })
	if err := s.take(size); err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(size)
	n.eachText(func(text string) { b.WriteString(text) })
	return b.String(), nil
}

func (n *Node) isText() bool { return n.kind == Text || n.kind == CDATA }

func (n *Node) eachText(f func(string)) {
	for _, c := range n.items {
		if c.isText() {
			f(c.value)
		} else {
			c.eachText(f)
		}
	}
}

func (n *Node) position() int {
	p := n.parent
	if p == nil {
		return -1
	}
	list := p.items
	if n.kind == Attribute {
		list = p.attrs
	}
	if n.at < len(list) && list[n.at] == n {
		return n.at
	}
	for i, c := range list {
		if c == n {
			n.at = i
			return i
		}
	}
	return -1
}

// Sibling is the node so many places after this one (before, when negative) among its container's nodes or attributes, or
// nil.
func (n *Node) Sibling(by int) *Node {
	i := n.position()
	if i < 0 {
		return nil
	}
	list := n.parent.items
	if n.kind == Attribute {
		list = n.parent.attrs
	}
	if i += by; i < 0 || i >= len(list) {
		return nil
	}
	list[i].at = i
	return list[i]
}

// Descendants calls yield for every node below n in document order, and for n itself first if asked to, until it says no.
func (n *Node) Descendants(self bool, yield func(*Node) bool) bool {
	if self && !yield(n) {
		return false
	}
	for _, c := range n.items {
		if !c.Descendants(true, yield) {
			return false
		}
	}
	return true
}

// NamespaceOf is GetNamespaceOfPrefix: what a prefix ("" for the default) stands for at an element.
func (n *Node) NamespaceOf(prefix string) (string, bool) {
	for e := n; e != nil; e = e.parent {
		for _, a := range e.attrs {
			if a.IsDeclaration() && a.prefix() == prefix {
				return a.value, true
			}
		}
	}
	switch prefix {
	case "xml":
		return XMLNamespace, true
	case "xmlns":
		return XMLNSNamespace, true
	}
	return "", false
}

// PrefixOf is GetPrefixOfNamespace; false means null.
func (n *Node) PrefixOf(space string) (string, bool) {
	for e := n; e != nil; e = e.parent {
		for _, a := range e.attrs {
			if a.IsDeclaration() && a.value == space && a.name.Space != "" {
				if now, _ := n.NamespaceOf(a.name.Local); now == space {
					return a.name.Local, true
				}
			}
		}
	}
	switch space {
	case XMLNamespace:
		return "xml", true
	case XMLNSNamespace:
		return "xmlns", true
	}
	return "", false
}

// prefix is what a declaration declares, "" for the default namespace.
func (n *Node) prefix() string {
	if n.name.Space == "" {
		return ""
	}
	return n.name.Local
}

// Compare is XNode.CompareDocumentOrder: negative when a stands before b. ok is false when they have no common root.
func Compare(a, b *Node) (order int, ok bool) {
	if a == b {
		return 0, true
	}
	p, q := a.trail(), b.trail()
	if p[0] != q[0] {
		return 0, false
	}
	i := 1
	for i < len(p) && i < len(q) && p[i] == q[i] {
		i++
	}
	switch {
	case i == len(p):
		return -1, true
	case i == len(q):
		return 1, true
	}
	return p[i].position() - q[i].position(), true
}

// trail is the way from the root to the node.
func (n *Node) trail() []*Node {
	if n.parent == nil {
		return []*Node{n}
	}
	return append(n.parent.trail(), n)
}
