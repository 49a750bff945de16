package newtonsoft

// ParseObject is JObject.Parse.
func ParseObject(text string, s Spend) (*Token, error) { return parseAs(text, s, Object) }

// ParseArray is JArray.Parse.
func ParseArray(text string, s Spend) (*Token, error) { return parseAs(text, s, Array) }

// Parse is JToken.Parse: any value, also a single one. Comments inside containers are dropped.
func Parse(text string, s Spend) (*Token, error) { return parseAs(text, s, None) }

// ParsePlain is Parse with DateParseHandling.None: strings that look like dates stay strings.
func ParsePlain(text string, s Spend) (*Token, error) {
	r := newReader(text, s)
	r.plain = true
	return r.whole(None)
}

func parseAs(text string, s Spend, want Type) (*Token, error) {
	return newReader(text, s).whole(want)
}

// whole reads one value that has to be all there is.
func (r *reader) whole(want Type) (*Token, error) {
	t, err := r.load(want)
	if err != nil {
		return nil, err
	}
	for r.read() { // only comments may follow
	}
	return t, r.err
}

// Load is what JToken.Load and its kin do with a reader of their own: what follows the first value is not looked at.
func Load(text string, s Spend, want Type) (*Token, error) { return newReader(text, s).load(want) }

// load reads one value; want None takes any.
func (r *reader) load(want Type) (*Token, error) {
	name := "JToken"
	if want != None {
		name = (&Token{typ: want}).class()
	}
	found := r.read()
	for want != None && found && r.tok == lexComment {
		found = r.read()
	}
	if !found {
		r.fail("Error reading %s from JsonReader.", name)
		return nil, r.err
	}
	switch {
	case want == Object && r.tok != lexStartObject:
		r.fail("Error reading JObject from JsonReader. Current JsonReader item is not an object: %s", r.tok)
	case want == Array && r.tok != lexStartArray:
		r.fail("Error reading JArray from JsonReader. Current JsonReader item is not an array: %s", r.tok)
	}
	if r.err != nil {
		return nil, r.err
	}
	t := r.token()
	switch {
	case t == nil:
		r.fail("Error reading JToken from JsonReader. Unexpected token: %s", r.tok)
	case t.IsContainer():
		r.fill(t)
	}
	return t, r.err
}

// token makes the token that the reader stands on; nil for an end.
func (r *reader) token() *Token {
	switch r.tok {
	case lexStartObject:
		return NewObject()
	case lexStartArray:
		return NewArray()
	case lexStartConstructor:
		return NewConstructor(r.text)
	case lexComment:
		return NewValue(Comment, r.text)
	case lexInteger:
		return NewValue(Integer, r.val)
	case lexFloat:
		return NewValue(Float, r.val)
	case lexString:
		return NewValue(String, r.val)
	case lexBoolean:
		return NewValue(Boolean, r.val)
	case lexDate:
		return NewValue(Date, r.val)
	case lexNull:
		return NewNull()
	case lexUndefined:
		return NewValue(Undefined, nil)
	}
	return nil
}

// fill reads the content of a container whose opening was read.
func (r *reader) fill(t *Token) {
	depth, parent := r.depth(), t
	if !r.read() {
		r.fail("Error reading %s from JsonReader.", t.class())
		return
	}
	for {
		if parent.typ == Property && len(parent.items) > 0 {
			parent = parent.parent
		}
		switch r.tok {
		case lexEndObject, lexEndArray, lexEndConstructor:
			if parent == t {
				return
			}
			parent = parent.parent
		case lexComment:
		case lexPropertyName:
			parent = parent.newest(r.text)
		default:
			child := r.token()
			parent.push(child)
			if child.IsContainer() {
				if r.err = r.spend.take(tokenSize); r.err != nil {
					return
				}
				parent = child
			}
		}
		if !r.read() {
			break
		}
	}
	if r.depth() > depth {
		r.fail("Unexpected end of content while loading %s.", t.class())
	}
}

// push appends a child that nobody else has, without the checks of Add.
func (t *Token) push(child *Token) {
	child.parent, child.at = t, len(t.items)
	t.items = append(t.items, child)
	for p, h := t, 1; p != nil && p.height < h; p, h = p.parent, h+1 {
		p.height = h
	}
}

// newest makes a property for a name that was read. Of several with one name the last counts, in the place of the first.
func (t *Token) newest(name string) *Token {
	p := &Token{typ: Property, name: name}
	if old := t.Property(name); old != nil {
		i := old.position()
		old.parent = nil
		t.items[i] = p
		p.parent, p.at = t, i
	} else {
		t.push(p)
	}
	t.remember(p)
	return p
}
