package expr

import (
	"errors"
	"math"
	"strings"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// System.Xml.Linq (policy-expressions.md 8). Every XObject is a *xlinq.Node; an XName is a *xlinq.Name, an XNamespace a *xmlSpace,
// an XDeclaration a *xlinq.Declaration.

var (
	xobjectType, xnodeType, xcontainerType, xelementType, xdocumentType   = new(Type), new(Type), new(Type), new(Type), new(Type)
	xattributeType, xtextType, xcdataType, xcommentType, xinstructionType = new(Type), new(Type), new(Type), new(Type), new(Type)
	xdoctypeType, xdeclarationType, xnameType, xnamespaceType             = new(Type), new(Type), new(Type), new(Type)
	xmlNodeTypeType, xorderType, xequalType, xmlReaderType                = new(Type), new(Type), new(Type), new(Type)
)

// xmlSpace is an XNamespace.
type xmlSpace struct{ name string }

func (*xmlSpace) dotnetType() *Type { return xnamespaceType }

// xmlOrder and xmlEqual are XNodeDocumentOrderComparer and XNodeEqualityComparer.
type (
	xmlOrder struct{ _ byte }
	xmlEqual struct{ _ byte }
)

func (*xmlOrder) dotnetType() *Type { return xorderType }
func (*xmlEqual) dotnetType() *Type { return xequalType }

// xmlKind knows the types of nodes and names.
func xmlKind(pointer any) *Type {
	switch x := pointer.(type) {
	case *xlinq.Node:
		return xmlKinds[x.Kind()]
	case *xlinq.Name:
		return xnameType
	case *xlinq.Declaration:
		return xdeclarationType
	case *xlinq.Reader:
		return xmlReaderType
	}
	return nil
}

var xmlKinds = map[xlinq.Kind]*Type{
	xlinq.Document: xdocumentType, xlinq.Element: xelementType, xlinq.Attribute: xattributeType, xlinq.Text: xtextType, xlinq.CDATA: xcdataType,
	xlinq.Comment: xcommentType, xlinq.ProcessingInstruction: xinstructionType, xlinq.DocumentType: xdoctypeType,
}

func nodeValue(n *xlinq.Node) Value {
	if n == nil {
		return Null
	}
	return Value{n, 0}
}

func asNode(v Value) *xlinq.Node {
	n, _ := v.ref.(*xlinq.Node)
	return n
}

func nameValue(n xlinq.Name) Value { return Value{&n, 0} }

// xname takes an XName apart; a null one is an error.
func xname(v Value) (xlinq.Name, error) {
	if n, ok := v.ref.(*xlinq.Name); ok {
		return *n, nil
	}
	return xlinq.Name{}, dotnet.ArgumentNull("name")
}

// xmlError makes of a tree's errors what a program may not catch.
func xmlError(err error) error {
	var l *xlinq.Limit
	if errors.As(err, &l) {
		return &LimitError{l.What}
	}
	return err
}

// xmlCode adapts a function over the receiver's node.
func xmlCode(do func(f *Frame, n *xlinq.Node, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		v, err := do(f, asNode(a[0]), a)
		if err != nil {
			return Null, xmlError(err)
		}
		return v, nil
	}
}

// xmlGet is xmlCode for what cannot fail.
func xmlGet(get func(n *xlinq.Node) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(asNode(a[0])), nil }
}

// xmlDo is xmlCode for what has no result.
func xmlDo(do func(f *Frame, n *xlinq.Node, a []Value) error) Func {
	return xmlCode(func(f *Frame, n *xlinq.Node, a []Value) (Value, error) { return Null, do(f, n, a) })
}

// xmlMake adapts constructors and other static members.
func xmlMake(do func(f *Frame, a []Value) (*xlinq.Node, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		n, err := do(f, a)
		if err == nil {
			err = f.Spend(nodeBytes)
		}
		if err != nil {
			return Null, xmlError(err)
		}
		return nodeValue(n), nil
	}
}

// nodeBytes is what an empty node costs.
const nodeBytes = 240

// visit walks some of the nodes around a node until yield says no.
type visit func(n *xlinq.Node, yield func(*xlinq.Node) bool)

// xmlList makes the code of what lists nodes. A name behind the receiver picks those that have it.
func xmlList(elem *Type, walk visit) Func {
	return xmlCode(func(f *Frame, n *xlinq.Node, a []Value) (Value, error) {
		return nodesFrom(f, elem, walk, []*xlinq.Node{n}, a)
	})
}

// xmlListAll is xmlList over a collection of nodes.
func xmlListAll(elem *Type, walk visit) Func {
	return func(f *Frame, a []Value) (Value, error) {
		var from []*xlinq.Node
		err := iterate(f, a[0], func(x Value) (bool, error) {
			if n := asNode(x); n != nil {
				from = append(from, n)
			}
			return true, f.Step(1)
		})
		if err != nil {
			return Null, err
		}
		return nodesFrom(f, elem, walk, from, a)
	}
}

func nodesFrom(f *Frame, elem *Type, walk visit, from []*xlinq.Node, a []Value) (Value, error) {
	var list []Value
	var failed error
	named, picks := (*xlinq.Name)(nil), len(a) > 1
	if picks {
		named, _ = a[1].ref.(*xlinq.Name)
	}
	for _, n := range from {
		walk(n, func(x *xlinq.Node) bool {
			if failed = f.Step(1); failed != nil {
				return false
			}
			if picks && (named == nil || x.Name() != *named) || !xmlKinds[x.Kind()].derives(elem) {
				return true
			}
			list = append(list, nodeValue(x))
			failed = f.Spend(valueSize)
			return failed == nil
		})
	}
	return Value{&Array{elem, list}, 0}, failed
}

func xmlItems(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	for _, c := range append([]*xlinq.Node(nil), n.Items()...) {
		if !yield(c) {
			return
		}
	}
}

func xmlAttributes(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	for _, c := range append([]*xlinq.Node(nil), n.Attributes()...) {
		if !yield(c) {
			return
		}
	}
}

func xmlBelow(n *xlinq.Node, yield func(*xlinq.Node) bool) { n.Descendants(false, yield) }

func xmlBelowAndSelf(n *xlinq.Node, yield func(*xlinq.Node) bool) { n.Descendants(true, yield) }

func xmlAbove(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	for p := n.Parent(); p != nil && yield(p); p = p.Parent() {
	}
}

func xmlAboveAndSelf(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	for ; n != nil && yield(n); n = n.Parent() {
	}
}

func xmlAfter(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	for s := n.Sibling(1); s != nil && yield(s); s = s.Sibling(1) {
	}
}

func xmlBefore(n *xlinq.Node, yield func(*xlinq.Node) bool) {
	if p := n.Container(); p != nil {
		for _, s := range p.Items() {
			if s == n || !yield(s) {
				return
			}
		}
	}
}

// xmlContent adds content as XContainer.Add does: nodes and attributes, the items of collections, and everything else as text.
func xmlContent(f *Frame, v Value, add func(*xlinq.Node) error, addText func(string) error) error {
	switch x := v.ref.(type) {
	case nil:
		return nil
	case *xlinq.Node:
		return add(x)
	case text:
		return addText(v.Str())
	}
	if isMulti(v) {
		return iterate(f, v, func(x Value) (bool, error) {
			if err := f.Step(1); err != nil {
				return false, err
			}
			err := xmlContent(f, x, add, addText)
			return err == nil, err
		})
	}
	s, err := xmlText(f, v)
	if err != nil {
		return err
	}
	return addText(s)
}

func addContent(f *Frame, n *xlinq.Node, v Value) error {
	return xmlContent(f, v, func(x *xlinq.Node) error { return n.Add(f.Spend, x) }, func(s string) error { return n.AddText(f.Spend, s) })
}

// addFirstContent keeps the order of content before what is there.
func addFirstContent(f *Frame, n *xlinq.Node, v Value) error {
	var last *xlinq.Node
	put := func(x *xlinq.Node) error {
		if last == nil || x.Kind() == xlinq.Attribute {
			if err := n.AddFirst(f.Spend, x); err != nil {
				return err
			}
			if x.Kind() != xlinq.Attribute {
				last = n.Items()[0]
			}
			return nil
		}
		if err := last.AddBeside(f.Spend, x, true); err != nil {
			return err
		}
		last = last.Sibling(1)
		return nil
	}
	return xmlContent(f, v, put, func(s string) error { return put(xlinq.NewText(xlinq.Text, s)) })
}

func besideContent(after bool) Func {
	return xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error {
		at := n
		put := func(x *xlinq.Node) error {
			if err := at.AddBeside(f.Spend, x, after); err != nil {
				return err
			}
			if after {
				at = at.Sibling(1)
			}
			return nil
		}
		if n.Container() == nil {
			return dotnet.InvalidOperation("The parent is missing.")
		}
		return xmlContent(f, a[1], put, func(s string) error { return put(xlinq.NewText(xlinq.Text, s)) })
	})
}

// replaceWith puts content in the place of a node.
func replaceWith(f *Frame, n *xlinq.Node, a []Value) error {
	if n.Container() == nil {
		return dotnet.InvalidOperation("The parent is missing.")
	}
	mark := xlinq.NewText(xlinq.Comment, "")
	if err := n.AddBeside(f.Spend, mark, true); err != nil {
		return err
	}
	if err := n.Remove(); err != nil {
		return err
	}
	put := func(x *xlinq.Node) error { return mark.AddBeside(f.Spend, x, false) }
	if err := xmlContent(f, a[1], put, func(s string) error { return put(xlinq.NewText(xlinq.Text, s)) }); err != nil {
		return err
	}
	return mark.Remove()
}

// xmlText is what LINQ to XML writes for a value: XmlConvert's forms.
func xmlText(f *Frame, v Value) (string, error) {
	switch t, _ := v.ref.(*Type); {
	case t == nil:
	case t.kind == kBool:
		return strings.ToLower(dotnet.BoolString(v.n != 0)), nil
	case (t.kind == kDouble || t.kind == kFloat) && math.IsInf(v.Float(), 1):
		return "INF", nil
	case (t.kind == kDouble || t.kind == kFloat) && math.IsInf(v.Float(), -1):
		return "-INF", nil
	case t == timeSpanType:
		return duration(dotnet.TimeSpan(v.n)), nil
	case t == dateTimeType:
		return unquoted(v)
	}
	if _, ok := v.ref.(*dotnet.DateTimeOffset); ok {
		return unquoted(v)
	}
	return f.text(v)
}

// unquoted is a date as ISO 8601.
func unquoted(v Value) (string, error) {
	typ, x, _ := scalarOf(v)
	s, err := newtonsoft.NewValue(typ, x).Print(false, nil)
	return strings.Trim(s, `"`), err
}

// duration is XmlConvert.ToString of a TimeSpan: P1DT2H3M4.5S.
func duration(t dotnet.TimeSpan) string {
	if t == 0 {
		return "PT0S"
	}
	var b strings.Builder
	if t < 0 {
		b.WriteByte('-')
		t = -t
	}
	b.WriteByte('P')
	if d := t.Days(); d != 0 {
		b.WriteString(itoa(int(d)) + "D")
	}
	fraction := int(t % 10_000_000)
	if t.Hours() != 0 || t.Minutes() != 0 || t.Seconds() != 0 || fraction != 0 {
		b.WriteByte('T')
	}
	if n := t.Hours(); n != 0 {
		b.WriteString(itoa(int(n)) + "H")
	}
	if n := t.Minutes(); n != 0 {
		b.WriteString(itoa(int(n)) + "M")
	}
	if n := t.Seconds(); n != 0 || fraction != 0 {
		b.WriteString(itoa(int(n)))
		if fraction != 0 {
			digits := itoa(10_000_000 + fraction)[1:]
			b.WriteString("." + strings.TrimRight(digits, "0"))
		}
		b.WriteByte('S')
	}
	return b.String()
}

// nodeText is the value of a node, which is paid for.
func nodeText(f *Frame, n *xlinq.Node, _ []Value) (Value, error) {
	s, err := n.Value(f.Spend)
	return String(s), err
}

func printedXML(f *Frame, n *xlinq.Node, _ []Value) (Value, error) {
	s, err := n.Print(xlinq.Format{}, f.Spend)
	return String(s), err
}

// setText sets a node's value to the text of an object; null is not allowed.
func setText(f *Frame, n *xlinq.Node, a []Value) error {
	if a[1].ref == nil {
		return dotnet.ArgumentNull("value")
	}
	s, err := xmlText(f, a[1])
	if err != nil {
		return err
	}
	return n.SetValue(f.Spend, s)
}

// setNamed is SetAttributeValue and SetElementValue: null removes.
func setNamed(set func(n *xlinq.Node, s xlinq.Spend, name xlinq.Name, value *string) error) Func {
	return xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error {
		name, err := xname(a[1])
		if err != nil {
			return err
		}
		if a[2].ref == nil {
			return set(n, f.Spend, name, nil)
		}
		s, err := xmlText(f, a[2])
		if err != nil {
			return err
		}
		return set(n, f.Spend, name, &s)
	})
}

// xmlParsed makes the code of Parse.
func xmlParsed(parse func(string, bool, xlinq.Spend) (*xlinq.Node, error)) Func {
	return xmlMake(func(f *Frame, a []Value) (*xlinq.Node, error) {
		if a[0].ref == nil {
			return nil, dotnet.ArgumentNull("s")
		}
		return parse(a[0].Str(), false, f.Spend)
	})
}

// xmlBody gives a body as XDocument, XElement or XNode (of which it is the root element).
func xmlBody(t *Type) func(*Frame, []byte, string) (Value, error) {
	parse := xlinq.ParseElement
	switch t {
	case xdocumentType, xcontainerType:
		parse = xlinq.ParseDocument
	case xelementType, xnodeType:
	default:
		return nil
	}
	return func(f *Frame, content []byte, contentType string) (Value, error) {
		s, err := decodeBody(content, contentType)
		if err == nil {
			err = f.Spend(len(s))
		}
		if err != nil {
			return Null, err
		}
		n, err := parse(s, false, f.Spend)
		if err != nil {
			return Null, xmlError(err)
		}
		return nodeValue(n), nil
	}
}

// xmlConversions are the operators of XElement and XAttribute to the basic types and their nullables.
func xmlConversions(class, param string) members {
	list := members{m("static explicit operator string("+class+" "+param+")", func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, nil
		}
		return nodeText(f, asNode(a[0]), nil)
	})}
	for _, c := range []struct{ cs, name string }{
		{"bool", "Boolean"}, {"int", "Int32"}, {"uint", "UInt32"}, {"long", "Int64"}, {"ulong", "UInt64"}, {"float", "Single"}, {"double", "Double"},
		{"decimal", "Decimal"}, {"DateTime", "DateTime"}, {"DateTimeOffset", "DateTimeOffset"}, {"TimeSpan", "TimeSpan"}, {"Guid", "Guid"},
	} {
		list = append(list,
			m("static explicit operator "+c.cs+"("+class+" "+param+")", fromXML(c.name, param)),
			m("static explicit operator "+c.cs+"?("+class+" "+param+")", fromXML(c.name, "")))
	}
	return list
}

// fromXML converts the text of a node as XmlConvert does.
func fromXML(name, param string) Func {
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			if param == "" {
				return Null, nil
			}
			return Null, dotnet.ArgumentNull(param)
		}
		v, err := nodeText(f, asNode(a[0]), nil)
		if err != nil {
			return Null, err
		}
		s := strings.Trim(v.Str(), " \t\r\n")
		switch name {
		case "Boolean":
			switch strings.ToLower(s) {
			case "true", "1":
				return Bool(true), nil
			case "false", "0":
				return Bool(false), nil
			}
			return Null, dotnet.NewException(dotnet.FormatException, "The string '%s' is not a valid Boolean value.", s)
		case "Double", "Single":
			if s == "INF" || s == "-INF" {
				s = strings.Replace(s, "INF", "Infinity", 1)
			}
		case "TimeSpan":
			t, ok := readDuration(s)
			if !ok {
				return Null, dotnet.NewException(dotnet.FormatException, "The string '%s' is not a valid TimeSpan value.", s)
			}
			return Number(timeSpanType, int64(t)), nil
		}
		return convertTo(f, String(s), name)
	}
}

// readDuration reads P1DT2H3M4.5S; years count 365 days and months 30.
func readDuration(s string) (dotnet.TimeSpan, bool) {
	rest, negative := strings.CutPrefix(s, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok || rest == "" {
		return 0, false
	}
	days := map[byte]float64{'Y': 365 * 86400, 'M': 30 * 86400, 'D': 86400}
	clock := map[byte]float64{'H': 3600, 'M': 60, 'S': 1}
	units, total := days, 0.0
	for rest != "" {
		if rest[0] == 'T' {
			units, rest = clock, rest[1:]
			continue
		}
		i := strings.IndexFunc(rest, func(c rune) bool { return c != '.' && (c < '0' || c > '9') })
		if i <= 0 || units[rest[i]] == 0 {
			return 0, false
		}
		n, err := dotnet.ParseDouble(rest[:i])
		if err != nil {
			return 0, false
		}
		total += n * units[rest[i]]
		rest = rest[i+1:]
	}
	ticks := math.Round(total * 1e7)
	if ticks > 9e18 {
		return 0, false
	}
	if negative {
		ticks = -ticks
	}
	return dotnet.TimeSpan(ticks), true
}
