package xslt

import (
	"slices"
	"strings"
)

// printer writes a result.
type printer struct {
	b      strings.Builder
	o      *output
	html   bool
	indent bool
	err    error
}

func (o *output) print(root *node) (string, error) {
	top := elements(root)
	method := o.method
	if method == "" {
		method = "xml"
		if len(top) > 0 && top[0].name.Space == "" && strings.EqualFold(top[0].name.Local, "html") {
			method = "html"
		}
	}
	p := &printer{o: o, html: method == "html", indent: o.indent || method == "html" && !o.indentSaid}
	switch {
	case method == "text":
		return root.text(), nil
	case !p.html && !o.omit:
		p.b.WriteString(`<?xml version="1.0" encoding="utf-8"`)
		if o.standaloneSaid {
			p.b.WriteString(` standalone="` + yesNo(o.standalone) + `"`)
		}
		p.b.WriteString("?>")
		if p.indent {
			p.b.WriteString("\n")
		}
	}
	if (o.system != "" || p.html && o.public != "") && len(top) > 0 {
		p.doctype(qualified(top[0]))
	}
	for i, k := range root.kids {
		if i > 0 && p.indent && k.kind != textNode {
			p.b.WriteString("\n")
		}
		p.node(k, 0, nil)
	}
	return p.b.String(), p.err
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (p *printer) doctype(top string) {
	p.b.WriteString("<!DOCTYPE " + top)
	if p.o.public != "" {
		p.b.WriteString(` PUBLIC "` + strings.ReplaceAll(p.o.public, `"`, "") + `"`)
	} else {
		p.b.WriteString(" SYSTEM")
	}
	if p.o.system != "" {
		p.b.WriteString(` "` + strings.ReplaceAll(p.o.system, `"`, "") + `"`)
	}
	p.b.WriteString(">\n")
}

var (
	escapes      = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#xD;")
	attributes   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#xA;", "\r", "&#xD;", "\t", "&#x9;")
	inHTML       = strings.NewReplacer("&", "&amp;", `"`, "&quot;")
	voidElements = []string{"area", "base", "basefont", "br", "col", "frame", "hr", "img", "input", "isindex", "link", "meta", "param"}
)

// node writes a node. spaces are the namespaces that are declared around it.
func (p *printer) node(n *node, depth int, spaces []space) {
	if p.b.Len() > maxOutput {
		p.err = ErrSize
		return
	}
	switch n.kind {
	case textNode:
		p.text(n)
	case commentNode:
		p.b.WriteString("<!--" + n.value + "-->")
	case instructionNode:
		end := "?>"
		if p.html {
			end = ">"
		}
		p.b.WriteString(strings.TrimRight("<?"+n.name.Local+" "+n.value, " ") + end)
	case elementNode:
		p.element(n, depth, spaces)
	}
}

func (p *printer) text(n *node) {
	switch e := n.parent; {
	case n.raw, p.html && e != nil && e.name.Space == "" && (strings.EqualFold(e.name.Local, "script") || strings.EqualFold(e.name.Local, "style")):
		p.b.WriteString(n.value)
	case e != nil && p.o.cdata[e.name] && !p.html:
		p.b.WriteString("<![CDATA[" + strings.ReplaceAll(n.value, "]]>", "]]]]><![CDATA[>") + "]]>")
	default:
		p.b.WriteString(escapes.Replace(n.value))
	}
}

func (p *printer) element(n *node, depth int, spaces []space) {
	var declared []space
	spaces, declared = declarations(n, spaces)
	prefix := n.prefix
	if u, ok := lookup(spaces, prefix); !ok || u != n.name.Space {
		prefix = prefixIn(spaces, n.name.Space)
	}
	tag := n.name.Local
	if prefix != "" {
		tag = prefix + ":" + tag
	}
	p.b.WriteString("<" + tag)
	for _, s := range declared {
		if s.prefix == "" {
			p.b.WriteString(` xmlns="` + attributes.Replace(s.uri) + `"`)
		} else {
			p.b.WriteString(" xmlns:" + s.prefix + `="` + attributes.Replace(s.uri) + `"`)
		}
	}
	for _, a := range n.attrs {
		how := attributes
		if p.html && n.name.Space == "" {
			how = inHTML
		}
		p.b.WriteString(" " + qualified(a) + `="` + how.Replace(a.value) + `"`)
	}
	void := p.html && n.name.Space == "" && slices.Contains(voidElements, strings.ToLower(n.name.Local))
	if len(n.kids) == 0 && (!p.html || void || n.name.Space != "") {
		if void {
			p.b.WriteString(">")
		} else {
			p.b.WriteString(" />")
		}
		return
	}
	p.b.WriteString(">")
	apart := p.indent && len(n.kids) > 0 && depth < 256 && !slices.ContainsFunc(n.kids, func(k *node) bool { return k.kind == textNode })
	for _, k := range n.kids {
		if apart {
			p.b.WriteString("\n" + strings.Repeat("  ", depth+1))
		}
		p.node(k, depth+1, spaces)
	}
	if apart {
		p.b.WriteString("\n" + strings.Repeat("  ", depth))
	}
	p.b.WriteString("</" + tag + ">")
}

// declarations are the namespaces that an element has to declare, and all that count in it then.
func declarations(n *node, around []space) (now, declared []space) {
	now = slices.Clone(around)
	put := func(s space) {
		if u, ok := lookup(now, s.prefix); ok && u == s.uri || !ok && s.uri == "" {
			return
		}
		declared = append(declared, s)
		now = append(slices.DeleteFunc(now, func(o space) bool { return o.prefix == s.prefix }), s)
	}
	for _, s := range n.spaces {
		if s.prefix != "xml" && !(s.prefix == "" && s.uri != n.name.Space && n.prefix == "") {
			put(s)
		}
	}
	if u, ok := lookup(now, n.prefix); n.prefix != "xml" && (!ok || u != n.name.Space) && !(n.prefix != "" && n.name.Space == "") {
		put(space{n.prefix, n.name.Space})
	}
	return now, declared
}

func lookup(list []space, prefix string) (string, bool) {
	for _, s := range list {
		if s.prefix == prefix {
			return s.uri, true
		}
	}
	return "", prefix == ""
}

func prefixIn(list []space, uri string) string {
	for _, s := range list {
		if s.uri == uri {
			return s.prefix
		}
	}
	return ""
}
