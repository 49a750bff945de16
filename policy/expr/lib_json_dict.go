package expr

import (
	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
)

// jsonDict is a JObject as IDictionary<string, JToken>: a view that a conversion makes, because as a JToken the same object is a
// sequence of properties.
type jsonDict struct{ of *newtonsoft.Token }

func (d *jsonDict) dotnetType() *Type { return instance(dictionaryType, stringType, jtokenType) }

func (d *jsonDict) length() int { return len(d.of.Items()) }

func (d *jsonDict) lookup(_ *Frame, k Value) (Value, bool, error) {
	p := d.of.Property(k.Str())
	if p == nil {
		return Null, false, nil
	}
	return tokenValue(p.Item()), true, nil
}

func (d *jsonDict) keys() []Value {
	list := make([]Value, 0, d.length())
	for _, p := range d.of.Items() {
		list = append(list, String(p.Name()))
	}
	return list
}

func (d *jsonDict) values() []Value {
	list := make([]Value, 0, d.length())
	for _, p := range d.of.Items() {
		list = append(list, tokenValue(p.Item()))
	}
	return list
}

func (d *jsonDict) put(f *Frame, k, v Value, fresh bool) error {
	if k.ref == nil {
		return dotnet.ArgumentNull("propertyName")
	}
	if fresh {
		return d.of.AddMember(f.Spend, k.Str(), asToken(v))
	}
	return d.of.Put(f.Spend, k.Str(), asToken(v))
}

func (d *jsonDict) remove(_ *Frame, k Value) (bool, error) {
	if k.ref == nil {
		return false, dotnet.ArgumentNull("propertyName")
	}
	return d.of.RemoveMember(k.Str())
}

func (d *jsonDict) clear() { _ = d.of.Clear() } // an object can always be emptied

func (d *jsonDict) walk(f *Frame, yield func(Value) (bool, error)) error {
	for _, pair := range memberPairs(d.of).ref.(*Array).Items {
		if err := f.Spend(2 * valueSize); err != nil {
			return err
		}
		if more, err := yield(pair); err != nil || !more {
			return err
		}
	}
	return nil
}

// dictionaryOf is the conversion.
func dictionaryOf(v Value) Value {
	t := asToken(v)
	if t == nil {
		return Null
	}
	return Value{&jsonDict{t}, 0}
}
