package jsonxml

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// arrayNamespace is that of json:Array="true", which makes an array of an element that stands alone.
const arrayNamespace = "http://james.newtonking.com/projects/json"

// Spend is asked before memory is taken; nil means that nobody counts.
type Spend = func(bytes int) error

// JSON says how to make JSON of XML. The zero value is Json.NET's mapping, which the policy calls direct.
type JSON struct {
	Friendly     bool // javascript-friendly: no prefixes, no declarations, attributes as plain members
	ChildArrays  bool // always-array-child-elements: every child element stands in an array
	OmitRoot     bool // the root's content without its name
	spend        Spend
	declarations []binding
}

type binding struct{ prefix, space string }

// Convert makes an object of a document or element.
func (j JSON) Convert(n *xlinq.Node, s Spend) (*newtonsoft.Token, error) {
	j.spend = s
	if n.Kind() != xlinq.Document {
		return j.wrap(n)
	}
	o := newtonsoft.NewObject()
	if d := n.Declaration; d != nil && !j.Friendly && !j.OmitRoot {
		if err := o.Put(s, "?xml", declaration(d)); err != nil {
			return nil, err
		}
	}
	if j.OmitRoot {
		return j.element(n.Root())
	}
	return o, j.children(o, n.Items(), false)
}

func (j *JSON) wrap(e *xlinq.Node) (*newtonsoft.Token, error) {
	v, err := j.element(e)
	if err != nil || j.OmitRoot {
		return v, err
	}
	o := newtonsoft.NewObject()
	return o, o.Put(j.spend, j.name(e), v)
}

func declaration(d *xlinq.Declaration) *newtonsoft.Token {
	o := newtonsoft.NewObject()
	for _, p := range []struct {
		name  string
		value *string
	}{{"@version", d.Version}, {"@encoding", d.Encoding}, {"@standalone", d.Standalone}} {
		if p.value != nil && *p.value != "" {
			_ = o.Put(nil, p.name, text(*p.value))
		}
	}
	return o
}

func text(s string) *newtonsoft.Token { return newtonsoft.NewValue(newtonsoft.String, s) }

// name is the member that a node becomes; "" for what is left out.
func (j *JSON) name(n *xlinq.Node) string {
	switch n.Kind() {
	case xlinq.Element:
		return j.qualified(n)
	case xlinq.Text:
		return "#text"
	case xlinq.CDATA:
		return "#cdata-section"
	case xlinq.ProcessingInstruction:
		if !j.Friendly {
			return "?" + n.Name().Local
		}
	case xlinq.DocumentType:
		if !j.Friendly {
			return "!DOCTYPE"
		}
	}
	return ""
}

func (j *JSON) qualified(n *xlinq.Node) string {
	name := n.Name()
	local := decode(name.Local)
	if j.Friendly || name.Space == "" {
		return local
	}
	if name.Space == arrayNamespace {
		return "$" + local
	}
	if name.Space == xlinq.XMLNamespace {
		return "xml:" + local
	}
	for i := len(j.declarations) - 1; i >= 0; i-- {
		if b := j.declarations[i]; b.space == name.Space {
			if b.prefix == "" {
				return local
			}
			return b.prefix + ":" + local
		}
	}
	return local
}

// children puts nodes into an object, in groups of one name.
func (j *JSON) children(o *newtonsoft.Token, nodes []*xlinq.Node, arrays bool) error {
	groups := map[string][]*xlinq.Node{}
	var order []string
	for _, n := range nodes {
		if n.Kind() == xlinq.Element {
			defer j.scope(n)() // the names of children need their own declarations; taken back together
		}
		name := j.name(n)
		if name == "" {
			continue
		}
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], n)
	}
	for _, name := range order {
		group := groups[name]
		v, err := j.group(group, arrays)
		if err != nil {
			return err
		}
		if err := o.Put(j.spend, name, v); err != nil {
			return err
		}
	}
	return nil
}

func (j *JSON) group(nodes []*xlinq.Node, arrays bool) (*newtonsoft.Token, error) {
	element := nodes[0].Kind() == xlinq.Element
	if len(nodes) == 1 && !(element && (arrays || isArray(nodes[0]))) {
		return j.value(nodes[0])
	}
	a := newtonsoft.NewArray()
	for _, n := range nodes {
		v, err := j.value(n)
		if err == nil {
			err = a.Add(j.spend, v)
		}
		if err != nil {
			return nil, err
		}
	}
	return a, nil
}

func isArray(e *xlinq.Node) bool {
	a := e.Attribute(xlinq.Name{Space: arrayNamespace, Local: "Array"})
	if a == nil {
		return false
	}
	v, _ := a.Value(nil)
	return v == "true" || v == "1"
}

func (j *JSON) value(n *xlinq.Node) (*newtonsoft.Token, error) {
	switch n.Kind() {
	case xlinq.Element:
		return j.element(n)
	case xlinq.DocumentType:
		return documentType(n), nil
	}
	s, err := n.Value(j.spend)
	return text(s), err
}

func documentType(n *xlinq.Node) *newtonsoft.Token {
	o := newtonsoft.NewObject()
	_ = o.Put(nil, "@name", text(n.Name().Local))
	if n.PublicID != nil {
		_ = o.Put(nil, "@public", text(*n.PublicID))
	}
	if n.SystemID != nil {
		_ = o.Put(nil, "@system", text(*n.SystemID))
	}
	return o
}

// scope enters the declarations of an element; the function it returns leaves them.
func (j *JSON) scope(e *xlinq.Node) func() {
	before := len(j.declarations)
	for _, a := range e.Attributes() {
		if a.IsDeclaration() {
			v, _ := a.Value(nil)
			prefix := a.Name().Local
			if a.Name().Space == "" {
				prefix = ""
			}
			j.declarations = append(j.declarations, binding{prefix, v})
		}
	}
	return func() { j.declarations = j.declarations[:before] }
}

// element is the value of an element: text alone, null or "" when there is nothing, else an object.
func (j *JSON) element(e *xlinq.Node) (*newtonsoft.Token, error) {
	if e == nil {
		return newtonsoft.NewNull(), nil
	}
	defer j.scope(e)()
	o := newtonsoft.NewObject()
	for _, a := range e.Attributes() {
		if name, ok := j.attribute(a); ok {
			v, _ := a.Value(nil)
			if err := o.Put(j.spend, name, text(v)); err != nil {
				return nil, err
			}
		}
	}
	items := e.Items()
	switch {
	case len(o.Items()) > 0:
	case len(items) == 1 && items[0].Kind() == xlinq.Text:
		return j.value(items[0])
	case e.IsEmpty():
		return newtonsoft.NewNull(), nil
	case len(items) == 0:
		return text(""), nil
	}
	return o, j.children(o, items, j.ChildArrays)
}

// attribute is the member for an attribute; what only steers the mapping is left out.
func (j *JSON) attribute(a *xlinq.Node) (string, bool) {
	name := a.Name()
	v, _ := a.Value(nil)
	switch {
	case name.Space == arrayNamespace && name.Local == "Array", a.IsDeclaration() && v == arrayNamespace:
		return "", false
	case a.IsDeclaration() && j.Friendly:
		return "", false
	case a.IsDeclaration() && name.Space != "":
		return "@xmlns:" + name.Local, true
	case name.Space == arrayNamespace:
		return "$" + name.Local, true
	case j.Friendly:
		return decode(name.Local), true
	}
	return "@" + j.qualified(a), true
}

// decode is XmlConvert.DecodeName: _x0020_ is a blank.
func decode(name string) string {
	if !strings.Contains(name, "_x") {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		if c, n := escapeAt(name[i:]); n > 0 {
			b.WriteRune(c)
			i += n
			continue
		}
		b.WriteByte(name[i])
		i++
	}
	return b.String()
}

// escapeAt reads _xHHHH_ (or eight digits) and says how long it is; 0 when there is none.
func escapeAt(s string) (rune, int) {
	for _, digits := range []int{4, 8} {
		if len(s) > digits+2 && s[0] == '_' && s[1] == 'x' && s[digits+2] == '_' {
			if c, err := strconv.ParseUint(s[2:digits+2], 16, 32); err == nil && utf8.ValidRune(rune(c)) {
				return rune(c), digits + 3
			}
		}
	}
	return 0, 0
}
