package xslt

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/dotnet/xlinq"
)

type name = xlinq.Name

type kind uint8

const (
	rootNode kind = iota
	elementNode
	attributeNode
	textNode
	commentNode
	instructionNode
	namespaceNode
)

// node is a node of a tree that is transformed, or of one that a transformation made.
type node struct {
	kind   kind
	raw    bool // text that is written without escapes
	name   name
	prefix string
	value  string
	parent *node
	kids   []*node
	attrs  []*node
	spaces []space // declared here
	order  int     // in its document; trees that are made later come later
	index  int     // among the kids of its parent
	size   int     // bytes of its text, once it was measured
}

type space struct{ prefix, uri string }

func (n *node) add(child *node) {
	child.parent, child.index = n, len(n.kids)
	n.kids = append(n.kids, child)
}

// uri is what a prefix stands for at an element.
func (n *node) uri(prefix string) (string, bool) {
	if prefix == "xml" {
		return xlinq.XMLNamespace, true
	}
	for ; n != nil; n = n.parent {
		for _, s := range n.spaces {
			if s.prefix == prefix {
				return s.uri, s.uri != "" || prefix == ""
			}
		}
	}
	return "", prefix == ""
}

// inScope are the namespaces that count at an element, without xml.
func (n *node) inScope() []space {
	var all []space
	for ; n != nil; n = n.parent {
		for _, s := range n.spaces {
			if !slices.ContainsFunc(all, func(o space) bool { return o.prefix == s.prefix }) {
				all = append(all, s)
			}
		}
	}
	return slices.DeleteFunc(all, func(s space) bool { return s.uri == "" })
}

// text is the string value of a node.
func (n *node) text() string {
	if n.kind != rootNode && n.kind != elementNode {
		return n.value
	}
	if len(n.kids) == 1 && n.kids[0].kind == textNode {
		return n.kids[0].value
	}
	var b strings.Builder
	n.write(&b)
	return b.String()
}

// measure notes how much text there is in a node and in all below it, so that reading it can be charged.
func (n *node) measure() int {
	if n.kind == rootNode || n.kind == elementNode {
		n.size = 0
		for _, k := range n.kids {
			if size := k.measure(); k.kind == textNode || k.kind == elementNode {
				n.size += size
			}
		}
		return n.size
	}
	n.size = len(n.value)
	return n.size
}

func (n *node) write(b *strings.Builder) {
	for _, k := range n.kids {
		switch k.kind {
		case textNode:
			b.WriteString(k.value)
		case elementNode:
			k.write(b)
		}
	}
}

const nodeCost = 200

var errSize = errors.New("the document is too large")

// read reads a document; keep tells for which elements white space alone counts.
func read(text string, memory int, keep func(n *node) bool) (*node, error) {
	r := xlinq.NewReader(text, func(n int) error {
		if memory -= n; memory < 0 {
			return errSize
		}
		return nil
	})
	r.KeepSpace = true
	root := &node{kind: rootNode}
	at, order := root, 0
	number := func(n *node) *node {
		order++
		n.order = order
		return n
	}
	for r.Read() {
		switch r.Kind() {
		case xlinq.Element:
			e := number(&node{kind: elementNode, name: r.Name(), prefix: r.Prefix()})
			at.add(e)
			readAttributes(e, r.Attributes(), number)
			if !r.IsEmpty() {
				at = e
			}
		case xlinq.EndElement:
			strip(at, keep)
			at = at.parent
		case xlinq.Text, xlinq.CDATA, xlinq.Whitespace, xlinq.SignificantWhitespace:
			if at == root {
				continue
			}
			if k := len(at.kids); k > 0 && at.kids[k-1].kind == textNode {
				at.kids[k-1].value += r.Value()
				continue
			}
			at.add(number(&node{kind: textNode, value: r.Value()}))
		case xlinq.Comment:
			at.add(number(&node{kind: commentNode, value: r.Value()}))
		case xlinq.ProcessingInstruction:
			at.add(number(&node{kind: instructionNode, name: r.Name(), value: r.Value()}))
		}
	}
	if r.Err() != nil {
		return nil, r.Err()
	}
	return root, nil
}

func readAttributes(e *node, list []*xlinq.Node, number func(*node) *node) {
	for _, a := range list {
		v, _ := a.Value(nil)
		if a.IsDeclaration() {
			prefix := a.Name().Local
			if a.Name().Space == "" {
				prefix = ""
			}
			e.spaces = append(e.spaces, space{prefix, v})
		}
	}
	for _, a := range list {
		if a.IsDeclaration() {
			continue
		}
		v, _ := a.Value(nil)
		n := number(&node{kind: attributeNode, name: a.Name(), value: v, parent: e, index: len(e.attrs)})
		if n.name.Space != "" {
			n.prefix = e.prefixOf(n.name.Space)
		}
		e.attrs = append(e.attrs, n)
	}
}

// prefixOf is a prefix that stands for a namespace, "" when only the default does.
func (n *node) prefixOf(uri string) string {
	if uri == xlinq.XMLNamespace {
		return "xml"
	}
	for _, s := range n.inScope() {
		if s.uri == uri && s.prefix != "" {
			return s.prefix
		}
	}
	return ""
}

// strip takes white space alone out of an element.
func strip(e *node, keep func(*node) bool) {
	if keep == nil || keep(e) {
		return
	}
	var kids []*node
	for _, k := range e.kids {
		if k.kind == textNode && strings.TrimFunc(k.value, isSpace) == "" {
			continue
		}
		k.index = len(kids)
		kids = append(kids, k)
	}
	e.kids = kids
}

func isSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// preserved reports whether xml:space says that white space counts at an element.
func (n *node) preserved() bool {
	for ; n != nil; n = n.parent {
		for _, a := range n.attrs {
			if a.name == (name{Space: xlinq.XMLNamespace, Local: "space"}) {
				return a.value == "preserve"
			}
		}
	}
	return false
}

func (n *node) attr(local string) (string, bool) {
	for _, a := range n.attrs {
		if a.name == (name{Local: local}) {
			return a.value, true
		}
	}
	return "", false
}

// ordered brings a set of nodes into the order of the document, each once.
func ordered(set []*node) []*node {
	if slices.IsSortedFunc(set, byOrder) {
		return slices.Compact(set)
	}
	slices.SortStableFunc(set, byOrder)
	return slices.Compact(set)
}

func byOrder(a, b *node) int { return a.order - b.order }
