package xlinq

import (
	"strconv"
	"strings"
)

// newline is the platform's line end: Gatehouse, like Azure's self-hosted gateway, runs on Linux.
const newline = "\n"

// Format says how to print.
type Format struct {
	Compact     bool   // SaveOptions.DisableFormatting
	Declaration string // encoding to declare, as Save does: "utf-16"; "" for none, as ToString does
}

// Print is ToString of a node: indented by two spaces unless compact.
func (n *Node) Print(f Format, s Spend) (string, error) {
	w := &writer{indent: !f.Compact, spend: s}
	if n.kind == Attribute {
		w.attribute(n.printName(), n.value)
		return strings.TrimPrefix(string(w.out), " "), w.err
	}
	if f.Declaration != "" {
		w.declaration(n.Declaration, f.Declaration)
	}
	for _, e := range n.around() {
		w.scope = append(w.scope, declared(e)...)
	}
	if n.kind == Document {
		for _, c := range n.items {
			w.node(c, 0)
		}
	} else {
		w.node(n, 0)
	}
	w.charge(true)
	return string(w.out), w.err
}

// printName is an attribute's name as XAttribute.ToString writes it.
func (n *Node) printName() string {
	if n.name.Space == "" {
		return n.name.Local
	}
	prefix, _ := n.PrefixOf(n.name.Space)
	return qualified(prefix, n.name.Local)
}

// around are the ancestors, outermost first.
func (n *Node) around() []*Node {
	trail := n.trail()
	return trail[:len(trail)-1]
}

func declared(e *Node) (list []binding) {
	for _, a := range e.attrs {
		if a.IsDeclaration() {
			list = append(list, binding{a.prefix(), a.value})
		}
	}
	return list
}

// writer prints as XElement.WriteTo does over an XmlWriter.
type writer struct {
	out    []byte
	indent bool
	mixed  bool // text has been seen in the element: no line breaks any more
	scope  []binding
	known  []binding // what the text so far declares
	paid   int
	spend  Spend
	err    error
}

func (w *writer) charge(last bool) {
	if n := len(w.out) - w.paid; w.err == nil && (last || n > 4096) {
		w.paid = len(w.out)
		w.err = w.spend.take(n)
	}
}

func (w *writer) str(parts ...string) {
	for _, p := range parts {
		w.out = append(w.out, p...)
	}
}

func (w *writer) declaration(d *Declaration, encoding string) {
	w.str(`<?xml version="1.0" encoding="`, encoding, `"`)
	if d != nil && d.Standalone != nil && *d.Standalone != "" {
		w.str(` standalone="`, *d.Standalone, `"`)
	}
	w.str("?>")
}

// line starts a new line before markup, where that does not add text to an element.
func (w *writer) line(depth int) {
	if !w.indent || w.mixed || len(w.out) == 0 {
		return
	}
	w.str(newline, strings.Repeat("  ", depth))
}

func (w *writer) node(n *Node, depth int) {
	if w.charge(false); w.err != nil {
		return
	}
	if c, _, ok := checkChars(n.value); !ok {
		w.err = argument("%s", badChar(c))
		return
	}
	switch n.kind {
	case Element:
		w.element(n, depth)
	case Text:
		w.mixed = true
		w.escape(n.value, false)
	case CDATA:
		w.mixed = true
		w.str("<![CDATA[", strings.ReplaceAll(n.value, "]]>", "]]]]><![CDATA[>"), "]]>")
	case Comment:
		w.line(depth)
		w.str("<!--", spaced(n.value), "-->")
	case ProcessingInstruction:
		w.line(depth)
		w.str("<?", n.name.Local)
		if n.value != "" {
			w.str(" ", strings.ReplaceAll(n.value, "?>", "? >"))
		}
		w.str("?>")
	case DocumentType:
		w.line(depth)
		w.documentType(n)
	}
}

// spaced keeps a comment from ending early: XmlWriter puts a blank between two hyphens and after a last one.
func spaced(s string) string {
	for strings.Contains(s, "--") {
		s = strings.ReplaceAll(s, "--", "- -")
	}
	if strings.HasSuffix(s, "-") {
		s += " "
	}
	return s
}

func (w *writer) documentType(n *Node) {
	w.str("<!DOCTYPE ", n.name.Local)
	switch {
	case n.PublicID != nil:
		w.str(` PUBLIC "`, *n.PublicID, `" "`, text(n.SystemID), `"`)
	case n.SystemID != nil:
		w.str(` SYSTEM "`, *n.SystemID, `"`)
	default:
		w.str(" ")
	}
	if n.Subset != nil {
		w.str("[", *n.Subset, "]")
	}
	w.str(">")
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (w *writer) element(n *Node, depth int) {
	w.line(depth)
	outerMixed, outerScope, outerKnown := w.mixed, len(w.scope), len(w.known)
	w.scope = append(w.scope, declared(n)...)
	name, implied := w.elementName(n)
	w.str("<", name)
	implied = w.attributes(n, implied)
	for i := len(implied) - 1; i >= 0; i-- {
		w.attribute(qualifiedDeclaration(implied[i].prefix), implied[i].space)
	}
	if n.IsEmpty() {
		w.str(" />")
	} else {
		w.str(">")
		for _, c := range n.items {
			w.node(c, depth+1)
		}
		if len(n.items) > 0 {
			w.line(depth)
		}
		w.str("</", name, ">")
	}
	w.mixed, w.scope, w.known = outerMixed, w.scope[:outerScope], w.known[:outerKnown]
}

func qualifiedDeclaration(prefix string) string {
	if prefix == "" {
		return "xmlns"
	}
	return "xmlns:" + prefix
}

// elementName finds the prefix of an element, and the declaration that the text needs for it.
func (w *writer) elementName(n *Node) (string, []binding) {
	space := n.name.Space
	prefix, ok := w.prefixOf(space, true)
	if space == "" {
		prefix = ""
	} else if !ok {
		prefix = w.lookup(space, true)
	}
	var implied []binding
	if w.meaning(prefix) != space && !n.declares(prefix) {
		implied = append(implied, binding{prefix, space})
	}
	w.known = append(w.known, implied...)
	for _, b := range declared(n) {
		if b.prefix == "" && space == "" && prefix == "" && b.space != "" {
			continue // an element without namespace cannot declare a default one; XmlWriter refuses
		}
		w.known = append(w.known, b)
	}
	return qualified(prefix, n.name.Local), implied
}

func (n *Node) declares(prefix string) bool {
	for _, a := range n.attrs {
		if a.IsDeclaration() && a.prefix() == prefix {
			return true
		}
	}
	return false
}

// attributes prints those of an element. A namespace without a prefix gets one: p1, p2 and so on.
func (w *writer) attributes(n *Node, implied []binding) []binding {
	for _, a := range n.attrs {
		if c, _, ok := checkChars(a.value); !ok && w.err == nil {
			w.err = argument("%s", badChar(c))
		}
		space := a.name.Space
		switch {
		case space == "" && a.name.Local == "xmlns" && n.name.Space == "" && a.value != "":
			w.err = throw(xmlException, "The prefix '' cannot be redefined from '' to '%s' within the same start element tag.", a.value)
			return nil
		case space == "":
			w.attribute(a.name.Local, a.value)
			continue
		case space == XMLNSNamespace:
			w.attribute("xmlns:"+a.name.Local, a.value)
			continue
		}
		prefix, ok := w.prefixOf(space, false)
		if !ok {
			prefix = w.lookup(space, false)
		}
		if prefix == "" {
			prefix = "p" + strconv.Itoa(len(w.known)+1)
		}
		if prefix != "xml" && w.meaning(prefix) != space {
			implied = append(implied, binding{prefix, space})
			w.known = append(w.known, binding{prefix, space})
		}
		w.attribute(qualified(prefix, a.name.Local), a.value)
	}
	return implied
}

// prefixOf finds the innermost prefix declared for a namespace in the tree.
func (w *writer) prefixOf(space string, standard bool) (string, bool) {
	switch space {
	case XMLNamespace:
		return "xml", true
	case XMLNSNamespace:
		return "xmlns", true
	}
	for i := len(w.scope) - 1; i >= 0; i-- {
		b := w.scope[i]
		if b.space == space && (standard || b.prefix != "") && last(w.scope, b.prefix) == i {
			return b.prefix, true
		}
	}
	return "", false
}

func last(list []binding, prefix string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].prefix == prefix {
			return i
		}
	}
	return -1
}

// lookup finds a prefix that the text so far has for a namespace.
func (w *writer) lookup(space string, standard bool) string {
	for i := len(w.known) - 1; i >= 0; i-- {
		b := w.known[i]
		if b.space == space && (standard || b.prefix != "") && last(w.known, b.prefix) == i {
			return b.prefix
		}
	}
	return ""
}

// meaning is what a prefix stands for in the text so far.
func (w *writer) meaning(prefix string) string {
	if prefix == "xml" {
		return XMLNamespace
	}
	if i := last(w.known, prefix); i >= 0 {
		return w.known[i].space
	}
	return ""
}

func (w *writer) attribute(name, value string) {
	w.str(" ", name, `="`)
	w.escape(value, true)
	w.str(`"`)
}

// escape prints text. In attributes line ends and tabs are references, else they would read as blanks.
func (w *writer) escape(s string, attribute bool) {
	from := 0
	for i := 0; i < len(s); i++ {
		short := ""
		switch c := s[i]; {
		case c == '&':
			short = "&amp;"
		case c == '<':
			short = "&lt;"
		case c == '>':
			short = "&gt;"
		case c == '"' && attribute:
			short = "&quot;"
		case c == '\n' && attribute:
			short = "&#xA;"
		case c == '\r' && attribute:
			short = "&#xD;"
		case c == '\t' && attribute:
			short = "&#x9;"
		case c == '\r' && i+1 < len(s) && s[i+1] == '\n': // one line end
			w.str(s[from:i])
			from = i + 1
			continue
		case c == '\r':
			short = newline
		default:
			continue
		}
		w.str(s[from:i], short)
		from = i + 1
	}
	w.str(s[from:])
}
