package graph

import (
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/odata"
)

func (f *field) is(what flag) bool { return f.flags&what != 0 }

func (k *kind) field(name string) *field { return k.named[gatehouse.Fold(name)] }

func (k *kind) rules() *odata.Rules {
	r := &odata.Rules{Fields: map[string]string{}, Or: true, Not: true}
	for _, f := range k.fields {
		if f.filter != "" {
			r.Fields[f.name] = f.filter
		}
	}
	return r
}

// apply puts the members of a request into a stored body: read-only ones are
// ignored, handled ones are a hook's, null clears, objects merge.
func (k *kind) apply(body, in *jsondoc.Object, creating bool) error {
	for name, v := range in.All() {
		f := k.field(name)
		switch {
		case strings.Contains(name, "@"), f != nil && f.is(readonly|handled):
		case f == nil:
			body.Set(name, v)
		case v == nil && f.is(required):
			return missing(k, f)
		case v == nil:
			body.Delete(f.name)
		default:
			if err := k.check(f, v); err != nil {
				return err
			}
			f.store(body, v)
		}
	}
	if !creating {
		return nil
	}
	return k.complete(body)
}

func (f *field) store(body *jsondoc.Object, v jsondoc.Value) {
	old := body.Object(f.name)
	if patch, ok := v.(*jsondoc.Object); ok && old != nil {
		jsondoc.Merge(old, patch)
		return
	}
	body.Set(f.name, v)
}

// complete gives a new object its defaults and asks for what is required.
func (k *kind) complete(body *jsondoc.Object) error {
	for i := range k.fields {
		f := &k.fields[i]
		if body.Has(f.name) {
			continue
		}
		if f.is(required) {
			return missing(k, f)
		}
		if f.preset != nil {
			body.Set(f.name, f.preset)
		}
	}
	return nil
}

func missing(k *kind, f *field) error {
	return badRequest(f.name, "A value is required for property '%s' of resource '%s'.", f.name, k.title)
}

func (k *kind) check(f *field, v jsondoc.Value) error {
	ok := false
	switch f.shape {
	case text:
		return k.checkText(f, v)
	case texts:
		items, isList := v.([]jsondoc.Value)
		ok = isList && len(items) <= 1000
		for _, item := range items {
			if err := k.checkText(f, item); err != nil {
				return err
			}
		}
	case truth:
		_, ok = v.(bool)
	case moment:
		s, isText := v.(string)
		_, err := time.Parse(time.RFC3339, s)
		ok = isText && err == nil
	case guid:
		s, isText := v.(string)
		_, err := gatehouse.ParseGUID(s)
		ok = isText && err == nil
	case object:
		_, ok = v.(*jsondoc.Object)
	case list:
		items, isList := v.([]jsondoc.Value)
		ok = isList && len(items) <= 1200
	}
	if !ok {
		return k.invalid(f)
	}
	return nil
}

func (k *kind) checkText(f *field, v jsondoc.Value) error {
	s, ok := v.(string)
	if !ok || f.is(required) && strings.TrimSpace(s) == "" {
		return k.invalid(f)
	}
	most := f.max
	if most == 0 {
		most = 256
	}
	if utf8.RuneCountInString(s) > most {
		return badRequest(f.name, "The property '%s' of resource '%s' exceeds the maximum length of %d.", f.name, k.title, most)
	}
	return nil
}

func (k *kind) invalid(f *field) error {
	return badRequest(f.name, "Invalid value specified for property '%s' of resource '%s'.", f.name, k.title)
}

// answer is a stored body as the wire shows it: declared fields in order, absent
// ones null or empty, then whatever else was kept. With a selection only that.
func (k *kind) answer(body *jsondoc.Object, selected []string) *jsondoc.Object {
	out := jsondoc.NewObject()
	for i := range k.fields {
		f := &k.fields[i]
		named := contains(selected, f.name)
		if named || len(selected) == 0 && !f.is(hidden) || contains(selected, "*") {
			out.Set(f.name, f.show(body, named))
		}
	}
	for name, v := range body.All() {
		if k.field(name) != nil {
			continue
		}
		restricted := gatehouse.Fold(name) == gatehouse.Fold(attributes)
		if len(selected) == 0 && !restricted || contains(selected, name) {
			out.Set(name, v)
		}
	}
	return out
}

func (f *field) show(body *jsondoc.Object, named bool) jsondoc.Value {
	v, ok := body.Get(f.name)
	switch {
	case f.members != "":
		return withMembers(f.members, v)
	case f.name == "keyCredentials":
		return credentialsShown(v, keyMembers, !named)
	case f.name == "passwordCredentials":
		return credentialsShown(v, passwordMembers, false)
	case (!ok || v == nil) && (f.shape == texts || f.shape == list):
		return []jsondoc.Value{}
	case !ok:
		return f.preset
	}
	return v
}

// withMembers is an object with the members that Graph always answers.
func withMembers(members string, v jsondoc.Value) jsondoc.Value {
	out, err := jsondoc.ParseObject([]byte(members))
	if err != nil {
		panic(err) // a constant of kinds.go
	}
	if o, ok := v.(*jsondoc.Object); ok {
		jsondoc.Merge(out, o)
	}
	return out
}

const (
	keyMembers      = `{"customKeyIdentifier":null,"displayName":null,"endDateTime":null,"key":null,"keyId":null,"startDateTime":null,"type":null,"usage":null}`
	passwordMembers = `{"customKeyIdentifier":null,"displayName":null,"endDateTime":null,"hint":null,"keyId":null,"secretText":null,"startDateTime":null}`
)

// credentialsShown leaves out the certificates themselves unless asked for: Graph
// answers them only to a request that selects keyCredentials.
func credentialsShown(v jsondoc.Value, members string, hideKey bool) jsondoc.Value {
	items, _ := v.([]jsondoc.Value)
	out := make([]jsondoc.Value, len(items))
	for i, item := range items {
		o := withMembers(members, item).(*jsondoc.Object)
		if hideKey {
			o.Set("key", nil)
		}
		out[i] = o
	}
	return out
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if gatehouse.Fold(n) == gatehouse.Fold(name) {
			return true
		}
	}
	return false
}

// env looks fields up in a body; a slash in a filter is a step into an object.
func env(k *kind, body *jsondoc.Object) *odata.Env {
	return &odata.Env{Lookup: func(path string) (any, bool) {
		v, ok := body.Lookup(strings.ReplaceAll(path, "/", "."))
		if f := k.field(path); !ok && f != nil && f.preset != nil {
			return f.preset, true
		}
		return v, ok
	}}
}

// stamp is how Graph writes times that the server sets.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
