package expr

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"gatehouse/dotnet"
)

// The extension methods of the gateway (policy-expressions.md 7) that need no cryptography, and CollectionExtensions.

var gatewayDecls = []Decl{
	{Head: "internal static class GatewayExtensions", Members: members{
		m("static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key)", joinedOrDefault),
		m("static string GetValueOrDefault(this IReadOnlyDictionary<string, string[]> dictionary, string key, string defaultValue)", joinedOrDefault),
		m("static object GetValueOrDefault(this IReadOnlyDictionary<string, object> dictionary, string key)", variableOrNull),
		g("static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key)", variableOrDefault),
		g("static T GetValueOrDefault<T>(this IReadOnlyDictionary<string, object> dictionary, string key, T defaultValue)", variableOrDefault),
		m("static string ToQueryString(this IDictionary<string, IList<string>> dictionary)", formText),
		m("static string ToFormUrlEncodedContent(this IDictionary<string, IList<string>> dictionary)", formText),
		m("static BasicAuthCredentials AsBasic(this string value)", func(_ *Frame, a []Value) (Value, error) {
			c := readBasic(a[0].Str())
			if c == nil {
				return Null, nil
			}
			return Value{c, 0}, nil
		}),
		m("static bool TryParseBasic(this string value, out BasicAuthCredentials result)", func(_ *Frame, a []Value) (Value, error) {
			c := readBasic(a[0].Str())
			if c == nil {
				a[1] = Null
				return Bool(false), nil
			}
			a[1] = Value{c, 0}
			return Bool(true), nil
		}),
	}},
	{Head: "static class System.Collections.Generic.CollectionExtensions", Members: members{
		g("static TValue GetValueOrDefault<TKey, TValue>(this IReadOnlyDictionary<TKey, TValue> dictionary, TKey key)", valueOrDefault),
		g("static TValue GetValueOrDefault<TKey, TValue>(this IReadOnlyDictionary<TKey, TValue> dictionary, TKey key, TValue defaultValue)", valueOrDefault),
	}},
}

// joinedOrDefault joins the values of a header or claim with commas.
func joinedOrDefault(f *Frame, a []Value) (Value, error) {
	var values []string
	name := a[1].Str()
	switch x := a[0].ref.(type) {
	case nil:
		return Null, dotnet.ArgumentNull("dictionary")
	case Headers:
		values = x.Get(name)
	case Claims:
		values = x[name]
	case *queryParams:
		values = x.byName[strings.ToLower(name)]
	default:
		return joinedFrom(f, a)
	}
	switch {
	case values == nil && len(a) > 2:
		return a[2], nil
	case values == nil:
		return Null, nil
	case len(values) == 1:
		return String(values[0]), nil
	}
	s := strings.Join(values, ",")
	return String(s), f.Spend(len(s))
}

// joinedFrom does it for a dictionary that a program made.
func joinedFrom(f *Frame, a []Value) (Value, error) {
	l, err := asLookup(a[0])
	if err != nil {
		return Null, err
	}
	v, ok, err := l.lookup(f, a[1])
	if err != nil || !ok || v.ref == nil {
		if len(a) > 2 {
			return a[2], err
		}
		return Null, err
	}
	items, _ := elements(v)
	texts := make([]string, len(items))
	for i, x := range items {
		texts[i] = x.Str()
	}
	s := strings.Join(texts, ",")
	return String(s), f.Spend(len(s))
}

func variableOrNull(f *Frame, a []Value) (Value, error) {
	if a[0].ref == nil {
		return Null, dotnet.ArgumentNull("dictionary")
	}
	l, err := asLookup(a[0])
	if err != nil {
		return Null, err
	}
	v, _, err := l.lookup(f, a[1])
	return v, err
}

// variableOrDefault casts a variable to T, which throws when it is not one.
func variableOrDefault(t []*Type) Func {
	cast, zero := caster(t[0]), t[0].defaultValue()
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("dictionary")
		}
		l, err := asLookup(a[0])
		if err != nil {
			return Null, err
		}
		v, ok, err := l.lookup(f, a[1])
		switch {
		case err != nil:
			return Null, err
		case ok:
			return cast(v)
		case len(a) > 2:
			return a[2], nil
		}
		return zero, nil
	}
}

func valueOrDefault(t []*Type) Func {
	zero := t[1].defaultValue()
	return func(f *Frame, a []Value) (Value, error) {
		if a[0].ref == nil {
			return Null, dotnet.ArgumentNull("dictionary")
		}
		l, err := asLookup(a[0])
		if err != nil {
			return Null, err
		}
		if a[1].ref == nil {
			return Null, dotnet.ArgumentNull("key")
		}
		v, ok, err := l.lookup(f, a[1])
		switch {
		case err != nil || ok:
			return v, err
		case len(a) > 2:
			return a[2], nil
		}
		return zero, nil
	}
}

// formText writes a form as application/x-www-form-urlencoded.
func formText(f *Frame, a []Value) (Value, error) {
	l, err := asLookup(a[0])
	if err != nil {
		return Null, err
	}
	var b strings.Builder
	values := l.values()
	for i, k := range l.keys() {
		name, err := f.text(k)
		if err != nil {
			return Null, err
		}
		items, err := collect(f, values[i])
		if err != nil {
			return Null, err
		}
		for _, v := range items {
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(name) + "=" + url.QueryEscape(v.Str()))
		}
	}
	return String(b.String()), f.Spend(b.Len())
}

// readBasic reads the value of an Authorization header of scheme Basic; nil when it is none. User and password are parted by the
// first colon (RFC 7617 2).
func readBasic(s string) *BasicAuth {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(s), " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return nil
	}
	raw, ok := base64Decoded(strings.TrimSpace(rest))
	if !ok || !utf8.ValidString(raw) {
		return nil
	}
	user, password, ok := strings.Cut(raw, ":")
	if !ok {
		return nil
	}
	return &BasicAuth{user, password}
}
