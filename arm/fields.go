package arm

import "strings"

// Field describes one member that a model knows, for tests and documentation.
type Field struct {
	Path    string // properties.rows[].name
	Kind    string // string, int, ... as NewModel has them; array(kind) for arrays
	Values  []string
	Min     int
	Max     int
	Pattern string
	Default string // JSON

	Required, ReadOnly, Immutable, Secret bool
}

// Fields returns what a model knows, parents before what is in them.
func (m *Model) Fields() []Field {
	if m == nil {
		return nil
	}
	var all []Field
	m.root.walk("", &all)
	return all
}

func (f *field) walk(path string, all *[]Field) {
	for _, c := range f.fields {
		d := Field{Path: join(path, c.name), Kind: c.kind, Values: c.values, Min: c.min, Max: c.max, Default: c.fallback,
			Required: c.required, ReadOnly: c.readOnly, Immutable: c.immutable, Secret: c.secret}
		if c.pattern != nil {
			d.Pattern = c.pattern.String()
		}
		if c.element != nil {
			d.Kind, d.Values = "array("+c.element.kind+")", c.element.values
		}
		*all = append(*all, d)
		c.walk(d.Path, all)
		if c.element != nil {
			c.element.walk(strings.TrimSuffix(d.Path, "[]")+"[]", all)
		}
	}
}
