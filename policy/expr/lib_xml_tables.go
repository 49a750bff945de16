package expr

import (
	"hash/maphash"

	"gatehouse/dotnet"
	"gatehouse/dotnet/xlinq"
)

// unwritten are members of nodes that work with readers, writers, files and events.
const unwritten = "LoadAsync SaveAsync CreateWriter WriteTo WriteToAsync ReadFromAsync AddAnnotation Annotation Annotations RemoveAnnotations Changed Changing BaseUri"

var xmlDecls = []Decl{
	{Head: "enum System.Xml.XmlNodeType { None, Element, Attribute, Text, CDATA, EntityReference, Entity, ProcessingInstruction, Comment, Document, DocumentType, DocumentFragment, Notation, Whitespace, SignificantWhitespace, EndElement, EndEntity, XmlDeclaration }", Type: xmlNodeTypeType},
	{Head: "class System.Xml.Linq.XName : IEquatable<XName>", Type: xnameType, Members: members{
		m("static XName Get(string expandedName)", expandedName),
		m("static XName Get(string localName, string namespaceName)", func(_ *Frame, a []Value) (Value, error) {
			n, err := xlinq.NewName(a[1].Str(), a[0].Str())
			return nameValue(n), err
		}),
		m("string LocalName { get; }", of(func(n *xlinq.Name) Value { return String(n.Local) })),
		m("XNamespace Namespace { get; }", of(func(n *xlinq.Name) Value { return Value{&xmlSpace{n.Space}, 0} })),
		m("string NamespaceName { get; }", of(func(n *xlinq.Name) Value { return String(n.Space) })),
		m("string ToString()", of(func(n *xlinq.Name) Value { return String(n.String()) })),
		m("bool Equals(object obj)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameName(a[0], a[1])), nil }),
		m("int GetHashCode()", of(func(n *xlinq.Name) Value { return Int(int(int32(maphash.Comparable(hashSeed, *n)))) })),
		m("static bool operator ==(XName left, XName right)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameName(a[0], a[1])), nil }),
		m("static bool operator !=(XName left, XName right)", func(_ *Frame, a []Value) (Value, error) { return Bool(!sameName(a[0], a[1])), nil }),
		m("static implicit operator XName(string expandedName)", func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, nil
			}
			return expandedName(f, a)
		}),
	}},
	{Head: "class System.Xml.Linq.XNamespace", Type: xnamespaceType, Members: members{
		m("static XNamespace Get(string namespaceName)", xmlSpaceOf),
		m("static XNamespace None { get; }", zeroArgs(Value{&xmlSpace{}, 0}, nil)), m("static XNamespace Xml { get; }", zeroArgs(Value{&xmlSpace{xlinq.XMLNamespace}, 0}, nil)),
		m("static XNamespace Xmlns { get; }", zeroArgs(Value{&xmlSpace{xlinq.XMLNSNamespace}, 0}, nil)),
		m("string NamespaceName { get; }", of(func(x *xmlSpace) Value { return String(x.name) })), m("string ToString()", of(func(x *xmlSpace) Value { return String(x.name) })),
		m("XName GetName(string localName)", spaceName), m("static XName operator +(XNamespace ns, string localName)", spaceName),
		m("bool Equals(object obj)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameSpace(a[0], a[1])), nil }),
		m("int GetHashCode()", of(func(x *xmlSpace) Value { return Int(int(dotnet.HashCode(x.name))) })),
		m("static bool operator ==(XNamespace left, XNamespace right)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameSpace(a[0], a[1])), nil }),
		m("static bool operator !=(XNamespace left, XNamespace right)", func(_ *Frame, a []Value) (Value, error) { return Bool(!sameSpace(a[0], a[1])), nil }),
		m("static implicit operator XNamespace(string namespaceName)", func(f *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, nil
			}
			return xmlSpaceOf(f, a)
		}),
	}},
	{Head: "class System.Xml.Linq.XObject", Type: xobjectType, Refused: unwritten, Members: members{
		m("XDocument Document { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Owner()) })),
		m("XElement Parent { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Parent()) })),
		m("System.Xml.XmlNodeType NodeType { get; }", xmlGet(func(n *xlinq.Node) Value { return Number(xmlNodeTypeType, int64(n.Kind())) })),
	}},
	{Head: "class System.Xml.Linq.XNode : XObject", Type: xnodeType, Refused: unwritten, Members: xnodeMembers()},
	{Head: "class System.Xml.Linq.XContainer : XNode", Type: xcontainerType, Refused: unwritten, Members: xcontainerMembers()},
	{Head: "class System.Xml.Linq.XElement : XContainer", Type: xelementType, Refused: unwritten, Members: append(xelementMembers(), xmlConversions("XElement", "element")...)},
	{Head: "class System.Xml.Linq.XDocument : XContainer", Type: xdocumentType, Refused: "Load " + unwritten, Members: members{
		m("XDocument()", xmlMake(func(*Frame, []Value) (*xlinq.Node, error) { return xlinq.NewDocument(), nil })),
		m("XDocument(XDocument other)", xmlMake(copiedNode)), m("XDocument(params object[] content)", xmlMake(newDocument)),
		m("XDocument(XDeclaration declaration, params object[] content)", xmlMake(func(f *Frame, a []Value) (*xlinq.Node, error) {
			d, err := newDocument(f, a[1:])
			if err == nil {
				d.Declaration, _ = a[0].ref.(*xlinq.Declaration)
			}
			return d, err
		})),
		p("XDeclaration Declaration { get; set; }", xmlGet(func(n *xlinq.Node) Value {
			if n.Declaration == nil {
				return Null
			}
			return Value{n.Declaration, 0}
		}), xmlDo(func(_ *Frame, n *xlinq.Node, a []Value) error {
			n.Declaration, _ = a[1].ref.(*xlinq.Declaration)
			return nil
		})),
		m("XDocumentType DocumentType { get; }", xmlGet(func(n *xlinq.Node) Value {
			for _, c := range n.Items() {
				if c.Kind() == xlinq.DocumentType {
					return nodeValue(c)
				}
			}
			return Null
		})),
		m("XElement Root { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Root()) })), m("static XDocument Parse(string text)", xmlParsed(xlinq.ParseDocument)),
		m("void Save(System.IO.TextWriter textWriter)", xmlDo(saved)),
	}},
	{Head: "class System.Xml.Linq.XAttribute : XObject", Type: xattributeType, Refused: unwritten, Members: append(xattributeMembers(), xmlConversions("XAttribute", "attribute")...)},
	{Head: "class System.Xml.Linq.XText : XNode", Type: xtextType, Refused: unwritten, Members: append(textMembers("XText", xlinq.Text), valueMember)},
	{Head: "class System.Xml.Linq.XCData : XText", Type: xcdataType, Refused: unwritten, Members: textMembers("XCData", xlinq.CDATA)},
	{Head: "class System.Xml.Linq.XComment : XNode", Type: xcommentType, Refused: unwritten, Members: append(textMembers("XComment", xlinq.Comment), valueMember)},
	{Head: "class System.Xml.Linq.XProcessingInstruction : XNode", Type: xinstructionType, Refused: unwritten, Members: members{
		m("XProcessingInstruction(string target, string data)", xmlMake(func(_ *Frame, a []Value) (*xlinq.Node, error) {
			if a[1].ref == nil {
				return nil, dotnet.ArgumentNull("data")
			}
			return xlinq.NewInstruction(a[0].Str(), a[1].Str())
		})),
		m("XProcessingInstruction(XProcessingInstruction other)", xmlMake(copiedNode)),
		p("string Data { get; set; }", xmlCode(nodeText), xmlDo(setText)),
		p("string Target { get; set; }", xmlGet(func(n *xlinq.Node) Value { return String(n.Name().Local) }), xmlDo(func(_ *Frame, n *xlinq.Node, a []Value) error {
			x, err := xlinq.NewInstruction(a[1].Str(), "")
			if err == nil {
				n.SetName(x.Name())
			}
			return err
		})),
	}},
	{Head: "class System.Xml.Linq.XDocumentType : XNode", Type: xdoctypeType, Refused: unwritten, Members: doctypeMembers()},
	{Head: "class System.Xml.Linq.XDeclaration", Type: xdeclarationType, Members: declarationMembers()},
	{Head: "class System.Xml.Linq.XNodeDocumentOrderComparer : IComparer<XNode>", Type: xorderType, Members: members{
		m("XNodeDocumentOrderComparer()", zeroArgs(Value{&xmlOrder{}, 0}, nil)),
		m("int Compare(XNode x, XNode y)", func(f *Frame, a []Value) (Value, error) { return compareNodes(f, a[1:]) }),
	}},
	{Head: "class System.Xml.Linq.XNodeEqualityComparer : IEqualityComparer<XNode>", Type: xequalType, Members: members{
		m("XNodeEqualityComparer()", zeroArgs(Value{&xmlEqual{}, 0}, nil)),
		m("bool Equals(XNode x, XNode y)", func(_ *Frame, a []Value) (Value, error) { return Bool(xlinq.Equal(asNode(a[1]), asNode(a[2]))), nil }),
		m("int GetHashCode(XNode obj)", func(f *Frame, a []Value) (Value, error) {
			if a[1].ref == nil {
				return Int(0), nil
			}
			v, err := nodeText(f, asNode(a[1]), nil)
			return Int(int(dotnet.HashCode(v.Str()))), err
		}),
	}},
	{Head: "static class System.Xml.Linq.Extensions", Members: members{
		m("static IEnumerable<XElement> Ancestors(this IEnumerable<XNode> source)", xmlListAll(xelementType, xmlAbove)),
		m("static IEnumerable<XElement> Ancestors(this IEnumerable<XNode> source, XName name)", xmlListAll(xelementType, xmlAbove)),
		m("static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source)", xmlListAll(xelementType, xmlAboveAndSelf)),
		m("static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source, XName name)", xmlListAll(xelementType, xmlAboveAndSelf)),
		m("static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source)", xmlListAll(xattributeType, xmlAttributes)),
		m("static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source, XName name)", xmlListAll(xattributeType, xmlAttributes)),
		m("static IEnumerable<XNode> DescendantNodes(this IEnumerable<XContainer> source)", xmlListAll(xnodeType, xmlBelow)),
		m("static IEnumerable<XNode> DescendantNodesAndSelf(this IEnumerable<XElement> source)", xmlListAll(xnodeType, xmlBelowAndSelf)),
		m("static IEnumerable<XElement> Descendants(this IEnumerable<XContainer> source)", xmlListAll(xelementType, xmlBelow)),
		m("static IEnumerable<XElement> Descendants(this IEnumerable<XContainer> source, XName name)", xmlListAll(xelementType, xmlBelow)),
		m("static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source)", xmlListAll(xelementType, xmlBelowAndSelf)),
		m("static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source, XName name)", xmlListAll(xelementType, xmlBelowAndSelf)),
		m("static IEnumerable<XElement> Elements(this IEnumerable<XContainer> source)", xmlListAll(xelementType, xmlItems)),
		m("static IEnumerable<XElement> Elements(this IEnumerable<XContainer> source, XName name)", xmlListAll(xelementType, xmlItems)),
		m("static IEnumerable<XNode> Nodes(this IEnumerable<XContainer> source)", xmlListAll(xnodeType, xmlItems)),
		g("static IEnumerable<T> InDocumentOrder<T>(this IEnumerable<T> source)", func(t []*Type) Func {
			return func(f *Frame, a []Value) (Value, error) {
				list, err := collect(f, a[0])
				if err != nil {
					return Null, err
				}
				list = append([]Value(nil), list...)
				err = f.sorted(list, func(v, w Value) (int, error) {
					c, err := compareNodes(f, []Value{v, w})
					return int(c.n), err
				})
				return Value{&Array{t[0], list}, 0}, err
			}
		}),
		m("static void Remove(this IEnumerable<XNode> source)", removeAllNodes), m("static void Remove(this IEnumerable<XAttribute> source)", removeAllNodes),
	}},
}

func removeAllNodes(f *Frame, a []Value) (Value, error) {
	list, err := collect(f, a[0])
	if err != nil {
		return Null, err
	}
	for _, x := range append([]Value(nil), list...) {
		if n := asNode(x); n != nil {
			if err := n.Remove(); err != nil {
				return Null, err
			}
		}
	}
	return Null, nil
}

func expandedName(_ *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("expandedName")
	}
	n, err := xlinq.ParseName(a[0].Str())
	return nameValue(n), err
}

func sameName(v, w Value) bool {
	x, ok := v.ref.(*xlinq.Name)
	y, both := w.ref.(*xlinq.Name)
	return ok && both && *x == *y || v.ref == nil && w.ref == nil
}

func sameSpace(v, w Value) bool {
	x, ok := v.ref.(*xmlSpace)
	y, both := w.ref.(*xmlSpace)
	return ok && both && x.name == y.name || v.ref == nil && w.ref == nil
}

func xmlSpaceOf(_ *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("namespaceName")
	}
	return Value{&xmlSpace{a[0].Str()}, 0}, nil
}

func spaceName(_ *Frame, a []Value) (Value, error) {
	x, ok := a[0].ref.(*xmlSpace)
	if !ok {
		return Null, dotnet.ArgumentNull("ns")
	}
	if a[1].ref == nil {
		return Null, dotnet.ArgumentNull("localName")
	}
	n, err := xlinq.NewName(x.name, a[1].Str())
	return nameValue(n), err
}

func compareNodes(_ *Frame, a []Value) (Value, error) {
	x, y := asNode(a[0]), asNode(a[1])
	switch {
	case x == nil && y == nil:
		return Int(0), nil
	case x == nil:
		return Int(-1), nil
	case y == nil:
		return Int(1), nil
	}
	c, ok := xlinq.Compare(x, y)
	if !ok {
		return Null, dotnet.InvalidOperation("A common ancestor is missing.")
	}
	return Int(c), nil
}

func xnodeMembers() members {
	order := func(test func(c int) bool) Func {
		return func(f *Frame, a []Value) (Value, error) {
			c, err := compareNodes(f, a)
			return Bool(test(int(c.n))), err
		}
	}
	return members{
		m("XNode NextNode { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Sibling(1)) })),
		m("XNode PreviousNode { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Sibling(-1)) })),
		m("static XNodeDocumentOrderComparer DocumentOrderComparer { get; }", zeroArgs(Value{&xmlOrder{}, 0}, nil)),
		m("static XNodeEqualityComparer EqualityComparer { get; }", zeroArgs(Value{&xmlEqual{}, 0}, nil)),
		m("void AddAfterSelf(object content)", besideContent(true)), m("void AddAfterSelf(params object[] content)", besideContent(true)),
		m("void AddBeforeSelf(object content)", besideContent(false)), m("void AddBeforeSelf(params object[] content)", besideContent(false)),
		m("IEnumerable<XElement> Ancestors()", xmlList(xelementType, xmlAbove)), m("IEnumerable<XElement> Ancestors(XName name)", xmlList(xelementType, xmlAbove)),
		m("static int CompareDocumentOrder(XNode n1, XNode n2)", compareNodes),
		m("static XNode ReadFrom(System.Xml.XmlReader reader)", xmlMake(readNode)), m("System.Xml.XmlReader CreateReader()", xmlCode(nodeReader)),
		m("static bool DeepEquals(XNode n1, XNode n2)", func(_ *Frame, a []Value) (Value, error) { return Bool(xlinq.Equal(asNode(a[0]), asNode(a[1]))), nil }),
		m("IEnumerable<XElement> ElementsAfterSelf()", xmlList(xelementType, xmlAfter)), m("IEnumerable<XElement> ElementsAfterSelf(XName name)", xmlList(xelementType, xmlAfter)),
		m("IEnumerable<XElement> ElementsBeforeSelf()", xmlList(xelementType, xmlBefore)), m("IEnumerable<XElement> ElementsBeforeSelf(XName name)", xmlList(xelementType, xmlBefore)),
		m("IEnumerable<XNode> NodesAfterSelf()", xmlList(xnodeType, xmlAfter)), m("IEnumerable<XNode> NodesBeforeSelf()", xmlList(xnodeType, xmlBefore)),
		m("bool IsAfter(XNode node)", order(func(c int) bool { return c > 0 })), m("bool IsBefore(XNode node)", order(func(c int) bool { return c < 0 })),
		m("void Remove()", xmlDo(func(_ *Frame, n *xlinq.Node, _ []Value) error { return n.Remove() })),
		m("void ReplaceWith(object content)", xmlDo(replaceWith)), m("void ReplaceWith(params object[] content)", xmlDo(replaceWith)),
		m("string ToString()", xmlCode(printedXML)),
	}
}

func xcontainerMembers() members {
	end := func(last bool) Func {
		return xmlGet(func(n *xlinq.Node) Value {
			items := n.Items()
			switch {
			case len(items) == 0:
				return Null
			case last:
				return nodeValue(items[len(items)-1])
			}
			return nodeValue(items[0])
		})
	}
	add := xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error { return addContent(f, n, a[1]) })
	first := xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error { return addFirstContent(f, n, a[1]) })
	replace := xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error {
		n.RemoveNodes()
		return addContent(f, n, a[1])
	})
	return members{
		m("XNode FirstNode { get; }", end(false)), m("XNode LastNode { get; }", end(true)),
		m("void Add(object content)", add), m("void Add(params object[] content)", add),
		m("void AddFirst(object content)", first), m("void AddFirst(params object[] content)", first),
		m("IEnumerable<XNode> DescendantNodes()", xmlList(xnodeType, xmlBelow)), m("IEnumerable<XNode> Nodes()", xmlList(xnodeType, xmlItems)),
		m("IEnumerable<XElement> Descendants()", xmlList(xelementType, xmlBelow)), m("IEnumerable<XElement> Descendants(XName name)", xmlList(xelementType, xmlBelow)),
		m("IEnumerable<XElement> Elements()", xmlList(xelementType, xmlItems)), m("IEnumerable<XElement> Elements(XName name)", xmlList(xelementType, xmlItems)),
		m("XElement Element(XName name)", xmlCode(func(_ *Frame, n *xlinq.Node, a []Value) (Value, error) {
			name, _ := a[1].ref.(*xlinq.Name)
			for _, c := range n.Items() {
				if name != nil && c.Kind() == xlinq.Element && c.Name() == *name {
					return nodeValue(c), nil
				}
			}
			return Null, nil
		})),
		m("void RemoveNodes()", xmlDo(func(_ *Frame, n *xlinq.Node, _ []Value) error { n.RemoveNodes(); return nil })),
		m("void ReplaceNodes(object content)", replace), m("void ReplaceNodes(params object[] content)", replace),
	}
}

func copiedNode(f *Frame, a []Value) (*xlinq.Node, error) {
	if a[0].ref == nil {
		return nil, dotnet.ArgumentNull("other")
	}
	return asNode(a[0]).Clone(f.Spend)
}

func newDocument(f *Frame, a []Value) (*xlinq.Node, error) {
	d := xlinq.NewDocument()
	if len(a) == 0 {
		return d, nil
	}
	if items, ok := elements(a[0]); ok {
		for _, x := range items {
			if decl, ok := x.ref.(*xlinq.Declaration); ok {
				d.Declaration = decl
				continue
			}
			if err := addContent(f, d, x); err != nil {
				return nil, err
			}
		}
	}
	return d, nil
}

func newElement(f *Frame, a []Value) (*xlinq.Node, error) {
	name, err := xname(a[0])
	if err != nil {
		return nil, err
	}
	e := xlinq.NewElement(name)
	if len(a) > 1 {
		err = addContent(f, e, a[1])
	}
	return e, err
}

func xelementMembers() members {
	edge := func(last bool) Func {
		return xmlGet(func(n *xlinq.Node) Value {
			list := n.Attributes()
			switch {
			case len(list) == 0:
				return Null
			case last:
				return nodeValue(list[len(list)-1])
			}
			return nodeValue(list[0])
		})
	}
	replaceAll := xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error {
		n.RemoveNodes()
		n.RemoveAttributes()
		return addContent(f, n, a[1])
	})
	replaceAttributes := xmlDo(func(f *Frame, n *xlinq.Node, a []Value) error {
		n.RemoveAttributes()
		return addContent(f, n, a[1])
	})
	return members{
		m("XElement(XName name)", xmlMake(newElement)), m("XElement(XElement other)", xmlMake(copiedNode)),
		m("XElement(XName name, object content)", xmlMake(newElement)), m("XElement(XName name, params object[] content)", xmlMake(newElement)),
		m("static IEnumerable<XElement> EmptySequence { get; }", func(*Frame, []Value) (Value, error) { return Value{&Array{xelementType, nil}, 0}, nil }),
		m("XAttribute FirstAttribute { get; }", edge(false)), m("XAttribute LastAttribute { get; }", edge(true)),
		m("bool HasAttributes { get; }", xmlGet(func(n *xlinq.Node) Value { return Bool(len(n.Attributes()) > 0) })),
		m("bool HasElements { get; }", xmlGet(func(n *xlinq.Node) Value { return Bool(n.Root() != nil) })),
		m("bool IsEmpty { get; }", xmlGet(func(n *xlinq.Node) Value { return Bool(n.IsEmpty()) })),
		p("XName Name { get; set; }", xmlGet(func(n *xlinq.Node) Value { return nameValue(n.Name()) }), xmlDo(func(_ *Frame, n *xlinq.Node, a []Value) error {
			name, err := xname(a[1])
			if err == nil {
				n.SetName(name)
			}
			return err
		})),
		p("string Value { get; set; }", xmlCode(nodeText), xmlDo(setText)),
		m("IEnumerable<XElement> AncestorsAndSelf()", xmlList(xelementType, xmlAboveAndSelf)), m("IEnumerable<XElement> AncestorsAndSelf(XName name)", xmlList(xelementType, xmlAboveAndSelf)),
		m("XAttribute Attribute(XName name)", xmlCode(func(_ *Frame, n *xlinq.Node, a []Value) (Value, error) {
			if name, ok := a[1].ref.(*xlinq.Name); ok {
				return nodeValue(n.Attribute(*name)), nil
			}
			return Null, nil
		})),
		m("IEnumerable<XAttribute> Attributes()", xmlList(xattributeType, xmlAttributes)), m("IEnumerable<XAttribute> Attributes(XName name)", xmlList(xattributeType, xmlAttributes)),
		m("IEnumerable<XNode> DescendantNodesAndSelf()", xmlList(xnodeType, xmlBelowAndSelf)),
		m("IEnumerable<XElement> DescendantsAndSelf()", xmlList(xelementType, xmlBelowAndSelf)), m("IEnumerable<XElement> DescendantsAndSelf(XName name)", xmlList(xelementType, xmlBelowAndSelf)),
		m("XNamespace GetDefaultNamespace()", xmlGet(func(n *xlinq.Node) Value {
			s, _ := n.NamespaceOf("")
			return Value{&xmlSpace{s}, 0}
		})),
		m("XNamespace GetNamespaceOfPrefix(string prefix)", xmlCode(func(_ *Frame, n *xlinq.Node, a []Value) (Value, error) {
			if s, ok := n.NamespaceOf(a[1].Str()); ok && a[1].Str() != "" {
				return Value{&xmlSpace{s}, 0}, nil
			}
			return Null, nil
		})),
		m("string GetPrefixOfNamespace(XNamespace ns)", xmlCode(func(_ *Frame, n *xlinq.Node, a []Value) (Value, error) {
			if x, ok := a[1].ref.(*xmlSpace); ok {
				if s, ok := n.PrefixOf(x.name); ok {
					return String(s), nil
				}
				return Null, nil
			}
			return Null, dotnet.ArgumentNull("ns")
		})),
		m("static XElement Parse(string text)", xmlParsed(xlinq.ParseElement)),
		m("static XElement Load(System.IO.TextReader textReader)", xmlMake(loadElement)), m("static XElement Load(System.Xml.XmlReader reader)", xmlMake(loadElement)),
		m("void Save(System.IO.TextWriter textWriter)", xmlDo(saved)),
		m("void RemoveAll()", xmlDo(func(_ *Frame, n *xlinq.Node, _ []Value) error { n.RemoveNodes(); n.RemoveAttributes(); return nil })),
		m("void RemoveAttributes()", xmlDo(func(_ *Frame, n *xlinq.Node, _ []Value) error { n.RemoveAttributes(); return nil })),
		m("void ReplaceAll(object content)", replaceAll), m("void ReplaceAll(params object[] content)", replaceAll),
		m("void ReplaceAttributes(object content)", replaceAttributes), m("void ReplaceAttributes(params object[] content)", replaceAttributes),
		m("void SetAttributeValue(XName name, object value)", setNamed((*xlinq.Node).SetAttributeValue)),
		m("void SetElementValue(XName name, object value)", setNamed((*xlinq.Node).SetElementValue)),
		m("void SetValue(object value)", xmlDo(setText)),
	}
}

func xattributeMembers() members {
	return members{
		m("XAttribute(XName name, object value)", xmlMake(func(f *Frame, a []Value) (*xlinq.Node, error) {
			name, err := xname(a[0])
			if err != nil {
				return nil, err
			}
			if a[1].ref == nil {
				return nil, dotnet.ArgumentNull("value")
			}
			s, err := xmlText(f, a[1])
			if err != nil {
				return nil, err
			}
			return xlinq.NewAttribute(name, s)
		})),
		m("XAttribute(XAttribute other)", xmlMake(copiedNode)),
		m("static IEnumerable<XAttribute> EmptySequence { get; }", func(*Frame, []Value) (Value, error) { return Value{&Array{xattributeType, nil}, 0}, nil }),
		m("bool IsNamespaceDeclaration { get; }", xmlGet(func(n *xlinq.Node) Value { return Bool(n.IsDeclaration()) })),
		m("XName Name { get; }", xmlGet(func(n *xlinq.Node) Value { return nameValue(n.Name()) })),
		m("XAttribute NextAttribute { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Sibling(1)) })),
		m("XAttribute PreviousAttribute { get; }", xmlGet(func(n *xlinq.Node) Value { return nodeValue(n.Sibling(-1)) })),
		valueMember, m("void SetValue(object value)", xmlDo(setText)),
		m("void Remove()", xmlDo(func(_ *Frame, n *xlinq.Node, _ []Value) error { return n.Remove() })), m("string ToString()", xmlCode(printedXML)),
	}
}

var valueMember = p("string Value { get; set; }", xmlCode(nodeText), xmlDo(setText))

func textMembers(class string, kind xlinq.Kind) members {
	return members{
		m(class+"(string value)", xmlMake(func(_ *Frame, a []Value) (*xlinq.Node, error) {
			if a[0].ref == nil {
				return nil, dotnet.ArgumentNull("value")
			}
			return xlinq.NewText(kind, a[0].Str()), nil
		})),
		m(class+"("+class+" other)", xmlMake(copiedNode)),
	}
}

// optional is a text that may be null.
func optional(v Value) *string {
	if v.ref == nil {
		return nil
	}
	s := v.Str()
	return &s
}

func optionalText(s *string) Value {
	if s == nil {
		return Null
	}
	return String(*s)
}

func doctypeMembers() members {
	part := func(at func(n *xlinq.Node) **string) (get, set Func) {
		return xmlGet(func(n *xlinq.Node) Value { return optionalText(*at(n)) }),
			xmlDo(func(_ *Frame, n *xlinq.Node, a []Value) error { *at(n) = optional(a[1]); return nil })
	}
	public, setPublic := part(func(n *xlinq.Node) **string { return &n.PublicID })
	system, setSystem := part(func(n *xlinq.Node) **string { return &n.SystemID })
	subset, setSubset := part(func(n *xlinq.Node) **string { return &n.Subset })
	return members{
		m("XDocumentType(string name, string publicId, string systemId, string internalSubset)", xmlMake(func(_ *Frame, a []Value) (*xlinq.Node, error) {
			if _, err := xlinq.NewName("", a[0].Str()); err != nil {
				return nil, err
			}
			return xlinq.NewDocumentType(a[0].Str(), optional(a[1]), optional(a[2]), optional(a[3])), nil
		})),
		m("XDocumentType(XDocumentType other)", xmlMake(copiedNode)),
		p("string Name { get; set; }", xmlGet(func(n *xlinq.Node) Value { return String(n.Name().Local) }), xmlDo(func(_ *Frame, n *xlinq.Node, a []Value) error {
			name, err := xlinq.NewName("", a[1].Str())
			if err == nil {
				n.SetName(name)
			}
			return err
		})),
		p("string PublicId { get; set; }", public, setPublic), p("string SystemId { get; set; }", system, setSystem), p("string InternalSubset { get; set; }", subset, setSubset),
	}
}

func declarationMembers() members {
	part := func(name string, at func(d *xlinq.Declaration) **string) row {
		return p("string "+name+" { get; set; }", of(func(d *xlinq.Declaration) Value { return optionalText(*at(d)) }), func(_ *Frame, a []Value) (Value, error) {
			*at(a[0].ref.(*xlinq.Declaration)) = optional(a[1])
			return Null, nil
		})
	}
	return members{
		m("XDeclaration(string version, string encoding, string standalone)", func(_ *Frame, a []Value) (Value, error) {
			return Value{&xlinq.Declaration{Version: optional(a[0]), Encoding: optional(a[1]), Standalone: optional(a[2])}, 0}, nil
		}),
		m("XDeclaration(XDeclaration other)", func(_ *Frame, a []Value) (Value, error) {
			d, ok := a[0].ref.(*xlinq.Declaration)
			if !ok {
				return Null, dotnet.ArgumentNull("other")
			}
			c := *d
			return Value{&c, 0}, nil
		}),
		part("Version", func(d *xlinq.Declaration) **string { return &d.Version }), part("Encoding", func(d *xlinq.Declaration) **string { return &d.Encoding }),
		part("Standalone", func(d *xlinq.Declaration) **string { return &d.Standalone }),
		m("string ToString()", of(func(d *xlinq.Declaration) Value { return String(d.String()) })),
	}
}
