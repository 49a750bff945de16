package liquid

import (
	"math/big"

	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
)

// JSON makes a value of a token: objects have members, arrays items; an object that is printed prints its JSON.
func JSON(t *newtonsoft.Token) any {
	if t == nil {
		return nil
	}
	switch t.Type() {
	case newtonsoft.Object:
		return jsonObject{t}
	case newtonsoft.Array, newtonsoft.Constructor:
		return jsonArray{t}
	case newtonsoft.Property:
		return JSON(t.Item())
	}
	switch v := t.Value().(type) {
	case bool, int64, float64, string, dotnet.DateTime, dotnet.DateTimeOffset, dotnet.TimeSpan:
		return v
	case float32:
		return float64(v)
	case dotnet.Decimal:
		return v.Float()
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	case nil:
		return nil
	}
	s, _ := t.Print(false, nil)
	return s
}

type jsonObject struct{ t *newtonsoft.Token }

func (o jsonObject) Member(name string) (any, bool) {
	v := o.t.Get(name)
	return JSON(v), v != nil
}

func (o jsonObject) Keys() []string {
	keys := make([]string, len(o.t.Items()))
	for i, p := range o.t.Items() {
		keys[i] = p.Name()
	}
	return keys
}

func (o jsonObject) Text() string {
	s, _ := o.t.Print(false, nil)
	return s
}

type jsonArray struct{ t *newtonsoft.Token }

func (a jsonArray) Len() int     { return len(a.t.Items()) }
func (a jsonArray) At(i int) any { return JSON(a.t.Items()[i]) }

// XML makes a value of a document or element: children are members by their local name, several of one name a list, an
// element without children is its text. Attributes are members too, after the children. One that says xsi:nil is null with
// nulls, an empty text without.
func XML(n *xlinq.Node, nulls bool) any {
	if n == nil || nulls && isNil(n) {
		return nil
	}
	if isNil(n) {
		return ""
	}
	if n.Kind() == xlinq.Element && len(n.Attributes()) == 0 && !hasElements(n) {
		s, _ := n.Value(nil)
		return s
	}
	return xmlElement{n, nulls}
}

func isNil(n *xlinq.Node) bool {
	if n.Kind() != xlinq.Element {
		return false
	}
	a := n.Attribute(xlinq.Name{Space: "http://www.w3.org/2001/XMLSchema-instance", Local: "nil"})
	if a == nil {
		return false
	}
	s, _ := a.Value(nil)
	return s == "true" || s == "1"
}

func hasElements(n *xlinq.Node) bool { return n.Root() != nil }

type xmlElement struct {
	n     *xlinq.Node
	nulls bool
}

func (e xmlElement) Member(name string) (any, bool) {
	var found []any
	for _, c := range e.n.Items() {
		if c.Kind() == xlinq.Element && c.Name().Local == name {
			found = append(found, XML(c, e.nulls))
		}
	}
	switch len(found) {
	case 0:
		return e.attribute(name)
	case 1:
		return found[0], true
	}
	return found, true
}

func (e xmlElement) attribute(name string) (any, bool) {
	for _, a := range e.n.Attributes() {
		if !a.IsDeclaration() && a.Name().Local == name {
			s, _ := a.Value(nil)
			return s, true
		}
	}
	return nil, false
}

func (e xmlElement) Keys() []string {
	var keys []string
	seen := map[string]bool{}
	for _, c := range e.n.Items() {
		if name := c.Name().Local; c.Kind() == xlinq.Element && !seen[name] {
			seen[name] = true
			keys = append(keys, name)
		}
	}
	return keys
}

func (e xmlElement) Text() string {
	s, _ := e.n.Value(nil)
	return s
}
