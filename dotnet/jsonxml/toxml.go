package jsonxml

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"unicode"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// XML says how to make XML of JSON.
type XML struct {
	Root            string // name of an element around everything; "" wants JSON with one member
	Separator       string // between prefix and name in members; ":" when empty
	NamespacePrefix string // what members that declare namespaces begin with, without @; "" for @xmlns alone
	AttributeBlock  string // a member whose members are attributes
	spend           Spend
	scope           []binding
}

const serializationException = "Newtonsoft.Json.JsonSerializationException"

// Convert makes a document of an object, or with a Root of anything.
func (x XML) Convert(t *newtonsoft.Token, s Spend) (*xlinq.Node, error) {
	x.spend = s
	if x.Separator == "" {
		x.Separator = ":"
	}
	d := xlinq.NewDocument()
	if x.Root != "" {
		return d, x.root(d, t)
	}
	if t.Type() != newtonsoft.Object {
		return nil, dotnet.NewException(serializationException, "XmlNodeConverter can only convert JSON that begins with an object. Path ''.")
	}
	for _, p := range t.Items() {
		if v := p.Item(); v.Type() == newtonsoft.Array && len(v.Items()) != 1 || d.Root() != nil {
			return nil, dotnet.NewException(serializationException, "JSON root object has multiple properties. The root object must have a single property in order to create a valid XML document. Consider specifying a DeserializeRootElementName. Path '%s'.", p.Name())
		}
		if err := x.member(d, p.Name(), p.Item()); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// root makes the element around everything; items of an array become elements of its name within.
func (x *XML) root(d *xlinq.Node, t *newtonsoft.Token) error {
	if t.Type() != newtonsoft.Array {
		return x.element(d, x.Root, t)
	}
	name, err := xlinq.NewName("", encode(x.Root))
	if err != nil {
		return err
	}
	e := xlinq.NewElement(name)
	if err := d.Add(xlinq.Spend(x.spend), e); err != nil {
		return err
	}
	for _, item := range t.Items() {
		if err := x.value(e, x.Root, item); err != nil {
			return err
		}
	}
	return nil
}

// member adds what a member of an object means to a node.
func (x *XML) member(to *xlinq.Node, name string, v *newtonsoft.Token) error {
	s := xlinq.Spend(x.spend)
	switch {
	case name == "#text", name == "#significant-whitespace", name == "#whitespace":
		return x.texts(v, func(t string) error { return to.AddText(s, t) })
	case name == "#cdata-section":
		return x.texts(v, func(t string) error { return to.Add(s, xlinq.NewText(xlinq.CDATA, t)) })
	case name == "?xml":
		to.Declaration = readDeclaration(v)
		return nil
	case strings.HasPrefix(name, "?"):
		return x.texts(v, func(t string) error {
			pi, err := xlinq.NewInstruction(name[1:], t)
			if err != nil {
				return err
			}
			return to.Add(s, pi)
		})
	case strings.EqualFold(name, "!DOCTYPE"):
		return to.Add(s, readDocumentType(v))
	case name == "":
		return dotnet.NewException(serializationException, "XmlNodeConverter cannot convert JSON with an empty property name to XML. Path ''.")
	case x.isAttribute(name, v):
		return nil // were read before the element was made
	case v.Type() == newtonsoft.Array:
		for _, item := range v.Items() {
			if err := x.value(to, name, item); err != nil {
				return err
			}
		}
		return nil
	}
	return x.element(to, name, v)
}

// value adds an item of an array. An array within is an element of the same name around its items.
func (x *XML) value(to *xlinq.Node, name string, v *newtonsoft.Token) error {
	if v.Type() != newtonsoft.Array {
		return x.element(to, name, v)
	}
	e, err := x.make(name)
	if err != nil {
		return err
	}
	if err := to.Add(xlinq.Spend(x.spend), e); err != nil {
		return err
	}
	for _, item := range v.Items() {
		if err := x.value(e, name, item); err != nil {
			return err
		}
	}
	return nil
}

func (x *XML) texts(v *newtonsoft.Token, add func(string) error) error {
	if v.Type() != newtonsoft.Array {
		t, err := valueText(v)
		if err != nil {
			return err
		}
		return add(t)
	}
	for _, item := range v.Items() {
		if err := x.texts(item, add); err != nil {
			return err
		}
	}
	return nil
}

func (x *XML) isAttribute(name string, v *newtonsoft.Token) bool {
	if strings.HasPrefix(name, "@") || name == x.AttributeBlock && v.Type() == newtonsoft.Object {
		return true
	}
	return x.NamespacePrefix != "" && (name == x.NamespacePrefix || strings.HasPrefix(name, x.NamespacePrefix+x.Separator))
}

// element makes an element of a value.
func (x *XML) element(to *xlinq.Node, name string, v *newtonsoft.Token) error {
	before := len(x.scope)
	defer func() { x.scope = x.scope[:before] }()
	object := v.Type() == newtonsoft.Object
	if object {
		if err := x.declare(v); err != nil {
			return err
		}
	}
	e, err := x.make(name)
	if err != nil {
		return err
	}
	// The element is added when it is complete: adding to a tree that has no parent yet costs no walk to the root.
	switch {
	case object:
		if err := x.attributes(e, v); err != nil {
			return err
		}
		for _, p := range v.Items() {
			if err := x.member(e, p.Name(), p.Item()); err != nil {
				return err
			}
		}
	case v.Type() != newtonsoft.Null && v.Type() != newtonsoft.Undefined:
		t, err := valueText(v)
		if err == nil {
			err = e.AddText(xlinq.Spend(x.spend), t)
		}
		if err != nil {
			return err
		}
	}
	return to.Add(xlinq.Spend(x.spend), e)
}

func (x *XML) make(name string) (*xlinq.Node, error) {
	if x.spend != nil {
		if err := x.spend(256); err != nil {
			return nil, err
		}
	}
	n, err := x.name(name, true)
	if err != nil {
		return nil, err
	}
	return xlinq.NewElement(n), nil
}

// name makes a name of a member's: with the namespace of its prefix, or of the default one.
func (x *XML) name(name string, element bool) (xlinq.Name, error) {
	prefix, local, ok := strings.Cut(name, x.Separator)
	if ok && prefix == "xml" {
		return xlinq.NewName(xlinq.XMLNamespace, encode(local))
	}
	if ok && prefix != "" && local != "" {
		if space, known := x.lookup(prefix); known {
			return xlinq.NewName(space, encode(local))
		}
	}
	space := ""
	if element {
		space, _ = x.lookup("")
	}
	return xlinq.NewName(space, encode(name))
}

func (x *XML) lookup(prefix string) (string, bool) {
	for i := len(x.scope) - 1; i >= 0; i-- {
		if x.scope[i].prefix == prefix {
			return x.scope[i].space, true
		}
	}
	return "", false
}

// each calls f for the attributes among an object's members, without their @.
func (x *XML) each(v *newtonsoft.Token, f func(name string, value *newtonsoft.Token) error) error {
	for _, p := range v.Items() {
		name, item := p.Name(), p.Item()
		switch {
		case !x.isAttribute(name, item):
		case name == x.AttributeBlock:
			for _, q := range item.Items() {
				if err := f(strings.TrimPrefix(q.Name(), "@"), q.Item()); err != nil {
					return err
				}
			}
		default:
			if err := f(strings.TrimPrefix(name, "@"), item); err != nil {
				return err
			}
		}
	}
	return nil
}

// declaredPrefix says whether an attribute declares a namespace, and of which prefix.
func (x *XML) declaredPrefix(name string) (string, bool) {
	for _, word := range []string{"xmlns", x.NamespacePrefix} {
		if word == "" {
			continue
		}
		if name == word {
			return "", true
		}
		for _, sep := range []string{":", x.Separator} {
			if prefix, ok := strings.CutPrefix(name, word+sep); ok && prefix != "" {
				return prefix, true
			}
		}
	}
	return "", false
}

func (x *XML) declare(v *newtonsoft.Token) error {
	return x.each(v, func(name string, value *newtonsoft.Token) error {
		prefix, ok := x.declaredPrefix(name)
		if !ok {
			return nil
		}
		space, err := valueText(value)
		x.scope = append(x.scope, binding{prefix, space})
		return err
	})
}

func (x *XML) attributes(e *xlinq.Node, v *newtonsoft.Token) error {
	return x.each(v, func(name string, value *newtonsoft.Token) error {
		t, err := valueText(value)
		if err != nil {
			return err
		}
		n := xlinq.Name{Local: "xmlns"}
		if prefix, ok := x.declaredPrefix(name); !ok {
			if n, err = x.name(name, false); err != nil {
				return err
			}
		} else if prefix != "" {
			n = xlinq.Name{Space: xlinq.XMLNSNamespace, Local: prefix}
		}
		a, err := xlinq.NewAttribute(n, t)
		if err != nil {
			return err
		}
		return e.Add(xlinq.Spend(x.spend), a)
	})
}

// valueText is a value as XmlConvert writes it.
func valueText(t *newtonsoft.Token) (string, error) {
	switch v := t.Value().(type) {
	case string:
		return v, nil
	case float64:
		switch {
		case math.IsInf(v, 1):
			return "INF", nil
		case math.IsInf(v, -1):
			return "-INF", nil
		}
		return dotnet.DoubleString(v), nil
	case []byte:
		return base64.StdEncoding.EncodeToString(v), nil
	case nil:
		if !t.IsContainer() {
			return "", nil
		}
	}
	if t.IsContainer() {
		return "", dotnet.NewException(serializationException, "Cannot get an XML string value from token type 'Start%s'. Path ''.", t.Type())
	}
	s, err := t.Print(false, nil)
	return strings.Trim(s, `"`), err
}

func readDeclaration(v *newtonsoft.Token) *xlinq.Declaration {
	p := parts(v, "@version", "@encoding", "@standalone")
	return &xlinq.Declaration{Version: p[0], Encoding: p[1], Standalone: p[2]}
}

func readDocumentType(v *newtonsoft.Token) *xlinq.Node {
	p := parts(v, "@name", "@public", "@system")
	name := ""
	if p[0] != nil {
		name = *p[0]
	}
	return xlinq.NewDocumentType(name, p[1], p[2], nil)
}

// parts are the texts of an object's members; nil for those that are missing.
func parts(v *newtonsoft.Token, names ...string) []*string {
	list := make([]*string, len(names))
	for i, name := range names {
		if v.Type() != newtonsoft.Object || v.Get(name) == nil {
			continue
		}
		if s, err := valueText(v.Get(name)); err == nil {
			list[i] = &s
		}
	}
	return list
}

// encode is XmlConvert.EncodeName for a local name: what a name cannot hold becomes _xHHHH_.
func encode(name string) string {
	var b strings.Builder
	for i, c := range name {
		letter := c == '_' || unicode.IsLetter(c)
		part := letter || i > 0 && (c == '-' || c == '.' || unicode.In(c, unicode.Nd, unicode.Mn, unicode.Mc))
		_, n := escapeAt(name[i:])
		switch {
		case !part || n > 0:
			if c > 0xFFFF {
				fmt.Fprintf(&b, "_x%08X_", c)
			} else {
				fmt.Fprintf(&b, "_x%04X_", c)
			}
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}
