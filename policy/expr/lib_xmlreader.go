package expr

import (
	"gatehouse/dotnet"
	"gatehouse/dotnet/xlinq"
)

// System.Xml.XmlReader over the text of a StringReader, and what LINQ to XML reads from one. The type is on no list of the reference;
// a published document works with it (policy-expressions.md 6). It reads forward, without DTDs and external entities.

func xmlReading(do func(f *Frame, r *xlinq.Reader, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		v, err := do(f, a[0].ref.(*xlinq.Reader), a)
		if err != nil {
			return Null, xmlError(err)
		}
		return v, nil
	}
}

func ofReader(get func(r *xlinq.Reader) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a[0].ref.(*xlinq.Reader)), nil }
}

// newXMLReader is XmlReader.Create: it reports white space, as its settings are unless told otherwise.
func newXMLReader(f *Frame, a []Value) (Value, error) {
	from, ok := a[0].ref.(*textReader)
	if !ok {
		return Null, dotnet.ArgumentNull("input")
	}
	s := from.rest()
	if err := f.Spend(len(s)); err != nil {
		return Null, err
	}
	r := xlinq.NewReader(s, f.Spend)
	r.KeepSpace = true
	return Value{r, 0}, nil
}

// readNode is XNode.ReadFrom.
func readNode(f *Frame, a []Value) (*xlinq.Node, error) {
	r, ok := a[0].ref.(*xlinq.Reader)
	if !ok {
		return nil, dotnet.ArgumentNull("reader")
	}
	if err := f.step(); err != nil {
		return nil, err
	}
	return r.ReadFrom()
}

// loadElement is XElement.Load of an XmlReader or a StringReader.
func loadElement(f *Frame, a []Value) (*xlinq.Node, error) {
	switch r := a[0].ref.(type) {
	case *textReader:
		return xlinq.ParseElement(r.rest(), false, f.Spend)
	case *xlinq.Reader:
		if kind := r.MoveToContent(); kind != xlinq.Element && r.Err() == nil {
			return nil, dotnet.InvalidOperation("The XmlReader must be on a node of type Element instead of a node of type " + kind.String() + ".")
		}
		n, err := r.ReadFrom()
		if r.MoveToContent(); err == nil && r.Err() == nil && !r.EOF() {
			return nil, dotnet.InvalidOperation("The XmlReader state should be EndOfFile after this operation.")
		}
		return n, err
	}
	return nil, dotnet.ArgumentNull("reader")
}

// attributeOf finds an attribute of the reader's element by the name as it is written; null for none.
func attributeOf(_ *Frame, r *xlinq.Reader, a []Value) (Value, error) {
	if s, ok := r.Attribute(a[1].Str()); ok {
		return String(s), nil
	}
	return Null, nil
}

// nodeReader is XNode.CreateReader.
func nodeReader(f *Frame, n *xlinq.Node, _ []Value) (Value, error) {
	s, err := n.Print(xlinq.Format{Compact: true}, f.Spend)
	if err != nil {
		return Null, err
	}
	r := xlinq.NewReader(s, f.Spend)
	r.KeepSpace = true
	return Value{r, 0}, nil
}

// saved is Save to a StringWriter, whose encoding the declaration names.
func saved(f *Frame, n *xlinq.Node, a []Value) error {
	w, ok := a[1].ref.(*textWriter)
	if !ok {
		return dotnet.ArgumentNull("textWriter")
	}
	s, err := n.Print(xlinq.Format{Declaration: "utf-16"}, f.Spend)
	if err != nil {
		return err
	}
	return w.to.add(f, s)
}

var xmlReaderDecls = []Decl{{Head: "class System.Xml.XmlReader : IDisposable", Type: xmlReaderType, Refused: "ReadAsync MoveToContentAsync Settings SchemaInfo BaseURI NameTable LookupNamespace ReadContentAs ReadElementContentAs ResolveEntity", Members: members{
	m("static XmlReader Create(System.IO.TextReader input)", newXMLReader),
	m("bool Read()", xmlReading(func(f *Frame, r *xlinq.Reader, _ []Value) (Value, error) {
		if err := f.step(); err != nil {
			return Null, err
		}
		more := r.Read()
		return Bool(more), r.Err()
	})),
	m("System.Xml.XmlNodeType MoveToContent()", xmlReading(func(_ *Frame, r *xlinq.Reader, _ []Value) (Value, error) {
		kind := r.MoveToContent()
		return Number(xmlNodeTypeType, int64(kind)), r.Err()
	})),
	m("System.Xml.XmlNodeType NodeType { get; }", ofReader(func(r *xlinq.Reader) Value { return Number(xmlNodeTypeType, int64(r.Kind())) })),
	m("string Name { get; }", ofReader(func(r *xlinq.Reader) Value { return String(r.QualifiedName()) })), m("string LocalName { get; }", ofReader(func(r *xlinq.Reader) Value { return String(r.Name().Local) })),
	m("string NamespaceURI { get; }", ofReader(func(r *xlinq.Reader) Value { return String(r.Name().Space) })), m("string Prefix { get; }", ofReader(func(r *xlinq.Reader) Value { return String(r.Prefix()) })),
	m("string Value { get; }", ofReader(func(r *xlinq.Reader) Value { return String(r.Value()) })), m("int Depth { get; }", ofReader(func(r *xlinq.Reader) Value { return Int(r.Depth()) })),
	m("bool EOF { get; }", ofReader(func(r *xlinq.Reader) Value { return Bool(r.EOF()) })), m("bool IsEmptyElement { get; }", ofReader(func(r *xlinq.Reader) Value { return Bool(r.IsEmpty()) })),
	m("bool HasAttributes { get; }", ofReader(func(r *xlinq.Reader) Value { return Bool(len(r.Attributes()) > 0) })), m("int AttributeCount { get; }", ofReader(func(r *xlinq.Reader) Value { return Int(len(r.Attributes())) })),
	m("string GetAttribute(string name)", xmlReading(attributeOf)),
	m("string this[string name] { get; }", xmlReading(attributeOf)),
	m("void Close()", nothingDone), m("void Dispose()", nothingDone),
}}}
