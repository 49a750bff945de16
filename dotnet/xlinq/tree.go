package xlinq

import "strings"

// Add appends a node (or, to an element, an attribute) as XContainer.Add does. A node that has a parent, or would hold
// itself, is copied first; nil adds nothing.
func (n *Node) Add(s Spend, child *Node) error {
	if child == nil {
		return nil
	}
	if child.kind == Attribute {
		return n.addAttribute(s, child, len(n.attrs))
	}
	return n.insert(s, len(n.items), child)
}

// AddFirst puts a node before the other children. Attributes are appended.
func (n *Node) AddFirst(s Spend, child *Node) error {
	if child == nil || child.kind == Attribute {
		return n.Add(s, child)
	}
	return n.insert(s, 0, child)
}

// AddText appends text: it joins a text that is last already.
func (n *Node) AddText(s Spend, text string) error {
	if err := s.take(len(text) + nodeSize); err != nil {
		return err
	}
	if last := len(n.items) - 1; last >= 0 && n.items[last].kind == Text {
		if err := s.take(len(n.items[last].value)); err != nil {
			return err
		}
		n.items[last].value += text
		return nil
	}
	if text == "" && n.kind == Element {
		n.full = n.full || len(n.items) == 0
		return nil
	}
	return n.insert(s, len(n.items), NewText(Text, text))
}

// AddBeside puts a sibling before (after is false) or after the node.
func (n *Node) AddBeside(s Spend, child *Node, after bool) error {
	i := n.position()
	if i < 0 {
		return invalidOperation("The parent is missing.")
	}
	if child == nil {
		return nil
	}
	if child.kind == Attribute {
		return argument("An attribute cannot be added to content.")
	}
	if after {
		i++
	}
	return n.parent.insert(s, i, child)
}

func (n *Node) insert(s Spend, i int, child *Node) error {
	if err := n.validate(i, child); err != nil {
		return err
	}
	if child.parent != nil || n.top() == child {
		var err error
		if child, err = child.Clone(s); err != nil {
			return err
		}
	}
	if err := n.grow(child); err != nil {
		return err
	}
	if err := s.take(16); err != nil {
		return err
	}
	n.items = append(n.items, nil)
	copy(n.items[i+1:], n.items[i:])
	n.items[i] = child
	child.parent, child.at = n, i
	return nil
}

// validate refuses what a container may not hold.
func (n *Node) validate(i int, child *Node) error {
	switch {
	case !n.IsContainer():
		return invalidOperation("Content cannot be added to a node of type %s.", n.kind)
	case child.kind == Document:
		return argument("A node of type %s cannot be added to content.", child.kind)
	case n.kind == Element:
		if child.kind == DocumentType {
			return argument("A node of type %s cannot be added to content.", child.kind)
		}
		return nil
	}
	switch child.kind {
	case Text:
		if strings.Trim(child.value, " \t\r\n") != "" {
			return argument("Non-whitespace characters cannot be added to content.")
		}
	case CDATA:
		return argument("A node of type %s cannot be added to content.", child.kind)
	case Element:
		if n.Root() != nil || n.has(DocumentType, i, len(n.items)) {
			return invalidOperation("This operation would create an incorrectly structured document.")
		}
	case DocumentType:
		if n.has(DocumentType, 0, len(n.items)) || n.has(Element, 0, i) {
			return invalidOperation("This operation would create an incorrectly structured document.")
		}
	}
	return nil
}

func (n *Node) has(kind Kind, from, to int) bool {
	for _, c := range n.items[from:to] {
		if c.kind == kind {
			return true
		}
	}
	return false
}

func (n *Node) grow(child *Node) error {
	if !child.IsContainer() {
		return nil
	}
	depth := 1
	for p := n; p != nil; p = p.parent {
		depth++
	}
	if depth+child.height > MaxDepth+1 {
		return &Limit{"XML nested too deeply"}
	}
	for p, h := n, child.height+1; p != nil && p.height < h; p, h = p.parent, h+1 {
		p.height = h
	}
	return nil
}

func (n *Node) addAttribute(s Spend, a *Node, i int) error {
	if n.kind != Element {
		return argument("An attribute cannot be added to content.")
	}
	if n.Attribute(a.name) != nil {
		return invalidOperation("Duplicate attribute.")
	}
	if a.parent != nil {
		var err error
		if a, err = a.Clone(s); err != nil {
			return err
		}
	}
	if err := s.take(16); err != nil {
		return err
	}
	n.attrs = append(n.attrs, nil)
	copy(n.attrs[i+1:], n.attrs[i:])
	n.attrs[i] = a
	a.parent, a.at = n, i
	return nil
}

// SetAttribute changes an attribute's value.
func (n *Node) SetAttribute(value string) error {
	if n.IsDeclaration() {
		if err := n.checkDeclaration(value); err != nil {
			return err
		}
	}
	n.value = value
	return nil
}

// checkDeclaration keeps the fixed prefixes fixed.
func (n *Node) checkDeclaration(value string) error {
	prefix := n.prefix()
	switch {
	case value == "" && prefix != "":
		return argument("The prefix '%s' cannot be bound to the empty namespace name.", prefix)
	case value == XMLNamespace && prefix != "xml":
		return argument("The prefix 'xml' is bound to the namespace name '%s'. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.", XMLNamespace)
	case value == XMLNSNamespace:
		return argument("The prefix 'xmlns' is bound to the namespace name '%s'. It must not be declared. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.", XMLNSNamespace)
	case prefix == "xml" && value != XMLNamespace:
		return argument("The prefix 'xml' is bound to the namespace name '%s'. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.", XMLNamespace)
	case prefix == "xmlns":
		return argument("The prefix 'xmlns' is bound to the namespace name '%s'. It must not be declared. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.", XMLNSNamespace)
	}
	return nil
}

// SetAttributeValue is XElement.SetAttributeValue: nil removes the attribute.
func (n *Node) SetAttributeValue(s Spend, name Name, value *string) error {
	a := n.Attribute(name)
	switch {
	case a == nil && value == nil:
		return nil
	case a == nil:
		a, err := NewAttribute(name, *value)
		if err != nil {
			return err
		}
		if err := s.take(nodeSize); err != nil {
			return err
		}
		return n.addAttribute(s, a, len(n.attrs))
	case value == nil:
		return a.Remove()
	}
	return a.SetAttribute(*value)
}

// SetElementValue is XElement.SetElementValue: the first child of that name gets the value, is made, or is removed.
func (n *Node) SetElementValue(s Spend, name Name, value *string) error {
	var e *Node
	for _, c := range n.items {
		if c.kind == Element && c.name == name {
			e = c
			break
		}
	}
	switch {
	case e == nil && value == nil:
		return nil
	case value == nil:
		return e.Remove()
	case e == nil:
		e = NewElement(name)
		if err := s.take(nodeSize); err != nil {
			return err
		}
		if err := e.SetValue(s, *value); err != nil {
			return err
		}
		return n.Add(s, e)
	}
	return e.SetValue(s, *value)
}

// SetValue gives a node another text; an element loses its other content.
func (n *Node) SetValue(s Spend, value string) error {
	switch n.kind {
	case Element:
		n.RemoveNodes()
		return n.AddText(s, value)
	case Attribute:
		return n.SetAttribute(value)
	}
	n.value = value
	return nil
}

// RemoveNodes takes all children out.
func (n *Node) RemoveNodes() {
	for _, c := range n.items {
		c.parent = nil
	}
	n.items, n.full = nil, false
}

// RemoveAttributes takes all attributes out.
func (n *Node) RemoveAttributes() {
	for _, a := range n.attrs {
		a.parent = nil
	}
	n.attrs = nil
}

// Remove takes the node out of its container.
func (n *Node) Remove() error {
	i := n.position()
	if i < 0 {
		return invalidOperation("The parent is missing.")
	}
	list := &n.parent.items
	if n.kind == Attribute {
		list = &n.parent.attrs
	}
	copy((*list)[i:], (*list)[i+1:])
	(*list)[len(*list)-1] = nil
	*list = (*list)[:len(*list)-1]
	n.parent = nil
	return nil
}

// Clone is a copy without a parent.
func (n *Node) Clone(s Spend) (*Node, error) {
	if err := s.take(nodeSize); err != nil {
		return nil, err
	}
	c := *n
	c.parent, c.items, c.attrs = nil, nil, nil
	for i, a := range n.attrs {
		copied, err := a.Clone(s)
		if err != nil {
			return nil, err
		}
		copied.parent, copied.at = &c, i
		c.attrs = append(c.attrs, copied)
	}
	for i, item := range n.items {
		copied, err := item.Clone(s)
		if err != nil {
			return nil, err
		}
		copied.parent, copied.at = &c, i
		c.items = append(c.items, copied)
	}
	return &c, nil
}

// Equal is XNode.DeepEquals. Attributes count in order, comments count, neighbouring texts count as one; nil is null.
func Equal(a, b *Node) bool {
	if a == nil || b == nil || a == b {
		return a == b
	}
	if a.kind != b.kind || a.name != b.name || a.value != b.value || len(a.attrs) != len(b.attrs) {
		return false
	}
	for i, x := range a.attrs {
		if y := b.attrs[i]; x.name != y.name || x.value != y.value {
			return false
		}
	}
	if a.kind == DocumentType {
		return same(a.PublicID, b.PublicID) && same(a.SystemID, b.SystemID) && same(a.Subset, b.Subset)
	}
	return a.IsEmpty() == b.IsEmpty() && sameContent(a.items, b.items)
}

func same(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func sameContent(a, b []*Node) bool {
	for {
		s, restA := leadingText(a)
		t, restB := leadingText(b)
		if s != t {
			return false
		}
		if a, b = restA, restB; len(a) == 0 || len(b) == 0 {
			return len(a) == len(b)
		}
		if !Equal(a[0], b[0]) {
			return false
		}
		a, b = a[1:], b[1:]
	}
}

func leadingText(list []*Node) (string, []*Node) {
	text := ""
	for len(list) > 0 && list[0].kind == Text {
		text, list = text+list[0].value, list[1:]
	}
	return text, list
}
