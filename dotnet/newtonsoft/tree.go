package newtonsoft

// manyProperties is from when on an object keeps an index of its names.
const manyProperties = 12

// Add appends content to a container as JContainer.Add does: nil becomes the null token, a token that has a parent (or
// would contain itself) is copied first.
func (t *Token) Add(s Spend, item *Token) error { return t.insert(s, len(t.items), item) }

// AddFirst puts content before the other children.
func (t *Token) AddFirst(s Spend, item *Token) error { return t.insert(s, 0, item) }

// Insert puts content at an index.
func (t *Token) Insert(s Spend, i int, item *Token) error {
	if i < 0 || i > len(t.items) {
		return outOfRange("index", "Index must be within the bounds of the List.")
	}
	return t.insert(s, i, item)
}

// AddBeforeSelf puts a sibling before the token.
func (t *Token) AddBeforeSelf(s Spend, item *Token) error {
	if t.parent == nil {
		return invalidOperation("The parent is missing.")
	}
	return t.parent.insert(s, t.position(), item)
}

// AddAfterSelf puts a sibling after the token.
func (t *Token) AddAfterSelf(s Spend, item *Token) error {
	if t.parent == nil {
		return invalidOperation("The parent is missing.")
	}
	return t.parent.insert(s, t.position()+1, item)
}

func (t *Token) insert(s Spend, i int, item *Token) error {
	if t.typ == Property && len(t.items) > 0 {
		return throw("Newtonsoft.Json.JsonException", "%s cannot have multiple values.", t.Class())
	}
	item, err := t.adopt(s, item)
	if err != nil {
		return err
	}
	if err := t.validate(item, nil); err != nil {
		return err
	}
	if err := t.grow(item); err != nil {
		return err
	}
	if err := s.take(16); err != nil {
		return err
	}
	t.items = append(t.items, nil)
	copy(t.items[i+1:], t.items[i:])
	t.items[i] = item
	item.parent, item.at = t, i
	t.remember(item)
	return nil
}

// adopt makes content fit to be a child: a token of its own, copied when it stands elsewhere or would hold itself.
func (t *Token) adopt(s Spend, item *Token) (*Token, error) {
	if item == nil {
		return NewNull(), s.take(tokenSize)
	}
	if item.parent != nil || item == t || (len(item.items) > 0 && t.Root() == item) {
		return item.Clone(s)
	}
	return item, nil
}

// validate refuses what a container may not hold.
func (t *Token) validate(item, existing *Token) error {
	switch t.typ {
	case Object:
		if item.typ != Property {
			return argument("Can not add %s to %s.", item.Class(), t.Class())
		}
		if existing != nil && existing.name == item.name {
			return nil
		}
		if t.Property(item.name) != nil {
			return argument("Can not add property %s to %s. Property with the same name already exists on object.", item.name, t.Class())
		}
	case Array, Constructor, Property:
		if item.typ == Property {
			return argument("Can not add %s to %s.", item.Class(), t.Class())
		}
	}
	return nil
}

// grow keeps the heights of a tree right and its depth bounded.
func (t *Token) grow(item *Token) error {
	depth := 1
	for p := t; p != nil; p = p.parent {
		depth++
	}
	if depth+item.height > maxHeight {
		return &Limit{"JSON nested too deeply"}
	}
	for p, h := t, item.height+1; p != nil && p.height < h; p, h = p.parent, h+1 {
		p.height = h
	}
	return nil
}

func (t *Token) remember(item *Token) {
	switch {
	case t.typ != Object:
	case t.index != nil:
		t.index[item.name] = item
	case len(t.items) >= manyProperties:
		t.index = make(map[string]*Token, 2*manyProperties)
		for _, p := range t.items {
			t.index[p.name] = p
		}
	}
}

func (t *Token) forget(item *Token) {
	if t.index != nil {
		delete(t.index, item.name)
	}
	item.parent = nil
}

// Set replaces the child at an index. A value that is equal to the one there changes nothing, as in Json.NET.
func (t *Token) Set(s Spend, i int, item *Token) error {
	if i < 0 {
		return outOfRange("index", "Index is less than 0.")
	}
	if i >= len(t.items) {
		return outOfRange("index", "Index is equal to or greater than Count.")
	}
	old := t.items[i]
	if unchanged(old, item) {
		return nil
	}
	item, err := t.adopt(s, item)
	if err != nil {
		return err
	}
	if err := t.validate(item, old); err != nil {
		return err
	}
	if err := t.grow(item); err != nil {
		return err
	}
	t.forget(old)
	t.items[i] = item
	item.parent, item.at = t, i
	t.remember(item)
	return nil
}

func unchanged(old, item *Token) bool {
	if old.IsContainer() {
		return false
	}
	if item == nil {
		return old.typ == Null
	}
	return !item.IsContainer() && valuesEqual(old, item)
}

// SetItem gives a property another value.
func (t *Token) SetItem(s Spend, value *Token) error {
	if len(t.items) == 0 {
		return t.insert(s, 0, value)
	}
	return t.Set(s, 0, value)
}

// Put gives an object's member a value, and makes the member when it is missing: the C# indexer's setter.
func (t *Token) Put(s Spend, name string, value *Token) error {
	if p := t.Property(name); p != nil {
		return p.SetItem(s, value)
	}
	return t.AddMember(s, name, value)
}

// AddMember is JObject.Add(name, value): a name that is taken is an error.
func (t *Token) AddMember(s Spend, name string, value *Token) error {
	if err := s.take(tokenSize + len(name)); err != nil {
		return err
	}
	p, err := NewProperty(s, name, value)
	if err != nil {
		return err
	}
	return t.Add(s, p)
}

// RemoveAt takes the child at an index out.
func (t *Token) RemoveAt(i int) error {
	if t.typ == Property {
		return throw("Newtonsoft.Json.JsonException", "Cannot add or remove items from %s.", t.Class())
	}
	if i < 0 {
		return outOfRange("index", "Index is less than 0.")
	}
	if i >= len(t.items) {
		return outOfRange("index", "Index is equal to or greater than Count.")
	}
	t.forget(t.items[i])
	copy(t.items[i:], t.items[i+1:])
	t.items[len(t.items)-1] = nil
	t.items = t.items[:len(t.items)-1]
	return nil
}

// Remove takes the token out of its parent.
func (t *Token) Remove() error {
	if t.parent == nil {
		return invalidOperation("The parent is missing.")
	}
	return t.parent.RemoveAt(t.position())
}

// RemoveMember is JObject.Remove(name); it says whether there was such a member.
func (t *Token) RemoveMember(name string) (bool, error) {
	p := t.Property(name)
	if p == nil {
		return false, nil
	}
	return true, p.Remove()
}

// Replace puts another token in the place of this one.
func (t *Token) Replace(s Spend, item *Token) error {
	if t.parent == nil {
		return invalidOperation("The parent is missing.")
	}
	return t.parent.Set(s, t.position(), item)
}

// Clear takes all children out.
func (t *Token) Clear() error {
	if t.typ == Property {
		return throw("Newtonsoft.Json.JsonException", "Cannot add or remove items from %s.", t.Class())
	}
	for _, c := range t.items {
		c.parent = nil
	}
	t.items, t.index = nil, nil
	return nil
}

// Clone is DeepClone: a copy of the token and all below it, without a parent.
func (t *Token) Clone(s Spend) (*Token, error) {
	if err := s.take(tokenSize + len(t.name)); err != nil {
		return nil, err
	}
	c := &Token{typ: t.typ, name: t.name, value: t.value, height: t.height}
	if len(t.items) > 0 {
		c.items = make([]*Token, len(t.items))
	}
	for i, item := range t.items {
		child, err := item.Clone(s)
		if err != nil {
			return nil, err
		}
		child.parent, child.at = c, i
		c.items[i] = child
	}
	if len(t.items) >= manyProperties {
		c.remember(c.items[0])
	}
	return c, nil
}

// Descendants calls yield for every token below t in document order, and for t itself first if asked to, until it says no.
func (t *Token) Descendants(self bool, yield func(*Token) bool) bool {
	if self && !yield(t) {
		return false
	}
	for _, c := range t.items {
		if !c.Descendants(true, yield) {
			return false
		}
	}
	return true
}

// Merge is JContainer.Merge.
func (t *Token) Merge(s Spend, other *Token, how Merge) error {
	if other == nil {
		return nil
	}
	switch t.typ {
	case Object:
		if other.typ == Object {
			return t.mergeObject(s, other, how)
		}
	case Array:
		if other.typ == Array {
			return t.mergeArray(s, other, how)
		}
		return t.mergeArray(s, &Token{typ: Array, items: []*Token{other}}, how)
	case Property:
		return t.mergeProperty(s, other, how)
	}
	return nil
}

// Merge says how to merge: JsonMergeSettings, whose zero value is Json.NET's default.
type Merge struct {
	Arrays ArrayMerge
	Nulls  bool // a null on the other side counts
	Fold   bool // names are compared without case
}

// ArrayMerge is MergeArrayHandling.
type ArrayMerge int

// The members of MergeArrayHandling.
const (
	Concat ArrayMerge = iota
	Union
	ReplaceArray
	MergeItems
)

func (t *Token) mergeObject(s Spend, other *Token, how Merge) error {
	for _, p := range append([]*Token(nil), other.items...) {
		mine := t.Property(p.name)
		if mine == nil && how.Fold {
			mine = t.FoldProperty(p.name)
		}
		theirs := p.Item()
		switch {
		case mine == nil:
			if err := t.AddMember(s, p.name, theirs); err != nil {
				return err
			}
		case theirs == nil:
		default:
			if err := mine.mergeMember(s, theirs, how); err != nil {
				return err
			}
		}
	}
	return nil
}

// mergeMember merges into the value of property t.
func (t *Token) mergeMember(s Spend, theirs *Token, how Merge) error {
	v := t.Item()
	if v != nil && v.IsContainer() && v.typ == theirs.typ {
		return v.Merge(s, theirs, how)
	}
	if theirs.typ != Null || how.Nulls {
		return t.SetItem(s, theirs)
	}
	return nil
}

func (t *Token) mergeProperty(s Spend, other *Token, how Merge) error {
	if other.typ != Property {
		return nil
	}
	if v := other.Item(); v != nil && v.typ != Null {
		return t.SetItem(s, v)
	}
	return nil
}

func (t *Token) mergeArray(s Spend, other *Token, how Merge) error {
	theirs := append([]*Token(nil), other.items...)
	switch how.Arrays {
	case ReplaceArray:
		if t == other {
			return nil
		}
		if err := t.Clear(); err != nil {
			return err
		}
	case MergeItems:
		return t.mergeByIndex(s, theirs, how)
	case Union:
		return t.union(s, theirs)
	}
	for _, c := range theirs {
		if err := t.Add(s, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *Token) union(s Spend, theirs []*Token) error {
	for _, c := range theirs {
		known := false
		for _, mine := range t.items {
			if err := s.take(1); err != nil {
				return err
			}
			known = known || Equal(mine, c)
		}
		if known {
			continue
		}
		if err := t.Add(s, c); err != nil {
			return err
		}
	}
	return nil
}

func (t *Token) mergeByIndex(s Spend, theirs []*Token, how Merge) error {
	for i, c := range theirs {
		var err error
		switch {
		case i >= len(t.items):
			err = t.Add(s, c)
		case t.items[i].IsContainer():
			err = t.items[i].Merge(s, c, how)
		case c.typ != Null:
			err = t.Set(s, i, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
