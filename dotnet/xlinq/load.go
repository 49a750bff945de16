package xlinq

// ParseDocument is XDocument.Parse.
func ParseDocument(text string, keepSpace bool, s Spend) (*Node, error) {
	r := NewReader(text, s)
	r.KeepSpace = keepSpace
	d := NewDocument()
	for r.Read() {
		if r.kind == XmlDeclaration {
			d.Declaration = r.node.Declaration
			continue
		}
		n := r.load()
		if n == nil {
			break
		}
		d.push(n)
	}
	if r.err != nil {
		return nil, r.err
	}
	return d, nil
}

// ParseElement is XElement.Parse: the root of a document, without what stands around it.
func ParseElement(text string, keepSpace bool, s Spend) (*Node, error) {
	d, err := ParseDocument(text, keepSpace, s)
	if err != nil {
		return nil, err
	}
	root := d.Root()
	root.parent = nil
	return root, nil
}

// push appends a child that nobody else has, without the checks of Add.
func (n *Node) push(child *Node) {
	child.parent, child.at = n, len(n.items)
	n.items = append(n.items, child)
	for p, h := n, child.height+1; child.IsContainer() && p != nil && p.height < h; p, h = p.parent, h+1 {
		p.height = h
	}
}

// load makes the node on which the reader stands, with all its content, and leaves the reader on its last piece; nil
// after an error.
func (r *Reader) load() *Node {
	top := r.one()
	at := top
	for at != nil && !r.leaf(at) {
		if !r.Read() {
			return nil
		}
		if r.kind == EndElement {
			at.full = len(at.items) == 0
			if at == top {
				return top
			}
			at = at.parent
			continue
		}
		child := r.one()
		at.push(child)
		if !r.leaf(child) {
			at = child
		}
	}
	return top
}

// leaf says whether the node that was just made has no content to come.
func (r *Reader) leaf(n *Node) bool {
	return n.kind != Element || r.kind == Element && r.empty && r.node == n
}

// one makes the node on which the reader stands, without content.
func (r *Reader) one() *Node {
	switch r.kind {
	case Element:
		n := NewElement(r.name)
		n.attrs = r.attrs
		for _, a := range n.attrs {
			a.parent = n
		}
		r.node = n
		return n
	case Text, Whitespace, SignificantWhitespace:
		return NewText(Text, r.value)
	case CDATA, Comment:
		return NewText(r.kind, r.value)
	case ProcessingInstruction:
		return &Node{kind: ProcessingInstruction, name: r.name, value: r.value}
	case DocumentType:
		return r.node
	}
	return nil
}

// ReadFrom is XNode.ReadFrom: the node on which the reader stands; the reader moves on to what follows it.
func (r *Reader) ReadFrom() (*Node, error) {
	if r.kind == None {
		return nil, invalidOperation("The XmlReader state should be Interactive.")
	}
	n := r.load()
	if r.err == nil && n == nil {
		return nil, invalidOperation("The XmlReader should not be on a node of type %s.", r.kind)
	}
	if r.err == nil {
		r.Read()
	}
	return n, r.err
}

// MoveToContent passes over comments, instructions and white space, and says on what the reader stands then.
func (r *Reader) MoveToContent() Kind {
	if r.kind == None && !r.ended {
		r.Read()
	}
	for r.err == nil && !r.ended {
		switch r.kind {
		case Element, EndElement, Text, CDATA:
			return r.kind
		}
		r.Read()
	}
	return r.kind
}
