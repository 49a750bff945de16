package arm

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Model says what the body of a resource type may hold. It is data: NewModel reads
// it from text, one field a line. A nil Model takes any object.
type Model struct {
	root    field
	secrets bool // some field is one
}

// field is one member of a body, or a level of one.
type field struct {
	name     string
	kind     string // string int number bool object map array any datetime guid enum; "level" for a member that only holds others
	values   []string
	min, max int
	pattern  *regexp.Regexp
	element  *field // of an array
	fields   []*field

	required, readOnly, immutable, secret bool
	whole, atLeast                        bool
	fallback                              string // default, as JSON
	since                                 string // api-version before which the field is not shown
}

// NewModel reads a model. Each line is a path, a kind and flags:
//
//	properties.displayName   string required min=1 max=300
//	properties.state         enum(notPublished|published) default="notPublished"
//	properties.primaryKey    string secret max=256
//	properties.protocols     array(enum(http|https))
//	properties.rows[].name   string required
//
// Kinds are string, int, number, bool, datetime, guid, object (with fields of its
// own, or any when it has none), map (of strings), any, enum(a|b) and array(kind).
// Flags are required, readonly, immutable, secret, whole, min, max (length or value),
// pattern, default (JSON) and since (an api-version). A secret may be of any kind; one
// that is not text is sealed as JSON. A PUT that leaves a secret out keeps it, since who
// reads cannot send it back; a whole one goes then, as it does when a PATCH says null.
// Blank lines and lines that start with # do not count. It panics on a malformed line,
// since models are constants.
func NewModel(text string) *Model {
	m := &Model{root: field{kind: "level"}}
	for n, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 {
			panic(fmt.Sprintf("arm: model line %d: %q has no kind", n+1, line))
		}
		f := m.root.at(strings.Split(words[0], "."))
		f.setKind(words[1])
		for _, flag := range words[2:] {
			f.setFlag(flag)
		}
		if f.secret {
			m.secrets = true
		}
	}
	return m
}

// at finds or makes the field at a path; name[] steps into the elements of an array.
func (f *field) at(path []string) *field {
	if len(path) == 0 {
		return f
	}
	name, inArray := strings.CutSuffix(path[0], "[]")
	child := f.lookup(name)
	if child == nil {
		child = &field{name: name, kind: "level"}
		f.fields = append(f.fields, child)
	}
	if inArray {
		if child.element == nil {
			child.kind, child.element = "array", &field{name: name, kind: "object"}
		}
		child = child.element
	}
	return child.at(path[1:])
}

func (f *field) lookup(name string) *field {
	for _, c := range f.fields {
		if gatehouse.EqualFold(c.name, name) {
			return c
		}
	}
	return nil
}

func (f *field) setKind(kind string) {
	if inner, ok := strings.CutPrefix(kind, "array("); ok {
		f.kind = "array"
		if f.element == nil {
			f.element = &field{name: f.name}
		}
		f.element.setKind(strings.TrimSuffix(inner, ")"))
		return
	}
	if inner, ok := strings.CutPrefix(kind, "enum("); ok {
		f.kind, f.values = "enum", strings.Split(strings.TrimSuffix(inner, ")"), "|")
		return
	}
	if !strings.Contains(" string int number bool object map array any datetime guid ", " "+kind+" ") {
		panic("arm: unknown kind " + kind + " of field " + f.name)
	}
	f.kind = kind
}

func (f *field) setFlag(flag string) {
	name, value, _ := strings.Cut(flag, "=")
	switch name {
	case "required":
		f.required = true
	case "readonly":
		f.readOnly = true
	case "immutable":
		f.immutable = true
	case "secret":
		f.secret = true
	case "whole":
		f.whole = true
	case "min":
		f.min, f.atLeast = mustInt(value), true
	case "max":
		f.max = mustInt(value)
	case "pattern":
		f.pattern = regexp.MustCompile(value)
	case "default":
		f.fallback = value
	case "since":
		f.since = value
	default:
		panic("arm: unknown flag " + flag + " of field " + f.name)
	}
}

func mustInt(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("arm: " + s + " is not a number")
	}
	return n
}

// secrets are what a request brought for the secret fields of a model, by path.
type secrets struct {
	values   map[string]string
	replaced []string // paths of arrays that the request brought; secrets of their old elements go
	left     []string // whole secrets that the request left out
	cleared  []string // whole secrets that it made null
	faults   []*gatehouse.Error
}

// takeSecrets removes the secret fields from body and returns them, checked. From
// here on the body may be logged.
func (m *Model) takeSecrets(body *jsondoc.Object) *secrets {
	taken := &secrets{values: map[string]string{}}
	if m != nil && m.secrets {
		taken.object(&m.root, body, "")
	}
	return taken
}

func (t *secrets) object(f *field, o *jsondoc.Object, path string) {
	for _, c := range f.fields {
		v, ok := o.Get(c.name)
		switch at := join(path, c.name); {
		case !ok:
			t.left = c.wholeSecrets(t.left, at)
		case v == nil:
			t.cleared = c.wholeSecrets(t.cleared, at)
		case c.secret:
			t.take(c, v, at)
		default:
			t.value(c, v, at)
		}
		if c.secret {
			o.Delete(c.name)
		}
	}
}

// wholeSecrets adds the paths of whole secrets at and below f.
func (f *field) wholeSecrets(paths []string, at string) []string {
	if f.secret && f.whole {
		paths = append(paths, at)
	}
	for _, c := range f.fields {
		paths = c.wholeSecrets(paths, join(at, c.name))
	}
	return paths
}

func (t *secrets) value(f *field, v jsondoc.Value, path string) {
	switch v := v.(type) {
	case *jsondoc.Object:
		t.object(f, v, path)
	case []jsondoc.Value:
		if f.element == nil || len(f.element.fields) == 0 {
			return
		}
		t.replaced = append(t.replaced, path+"[")
		for i, item := range v {
			t.value(f.element, item, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

func (t *secrets) take(f *field, v jsondoc.Value, path string) {
	c := &checker{}
	c.value(f, v, nil, path)
	t.faults = append(t.faults, c.faults...)
	if f.structured() {
		t.values[path] = string(jsondoc.Marshal(v))
	} else if s, ok := v.(string); ok {
		t.values[path] = s
	}
}

// structured reports whether values of f are more than text.
func (f *field) structured() bool {
	return slices.Contains([]string{"object", "map", "array", "any"}, f.kind)
}

// keepSecrets gives next the secrets of old, replaced by those that the request brought.
func keepSecrets(next, old *Resource, brought *secrets, merge bool) {
	if old != nil && old.Secret != nil {
		next.Secret = old.Secret.Clone()
		gone := brought.cleared
		if !merge {
			gone = append(slices.Clone(gone), brought.left...)
		}
		for _, path := range gone {
			next.Secret.Delete(path)
		}
		for _, path := range old.Secret.Names() {
			if slices.ContainsFunc(brought.replaced, func(array string) bool { return strings.HasPrefix(path, array) }) {
				next.Secret.Delete(path)
			}
		}
	}
	for path, value := range brought.values {
		next.SetSecret(path, value)
	}
}

// ReadOnly reports whether the server alone sets the member at a path of the wire
// form, such as properties.provisioningState; what-if leaves such members out of account.
func (m *Model) ReadOnly(path string) bool {
	switch path {
	case "id", "name", "type", "etag", "systemData":
		return true
	}
	if m == nil {
		return false
	}
	f := &m.root
	for name := range strings.SplitSeq(path, ".") {
		if f = f.lookup(name); f == nil || f.readOnly {
			return f != nil
		}
	}
	return f.allReadOnly()
}

// allReadOnly reports whether a level holds nothing that a caller can set.
func (f *field) allReadOnly() bool {
	return f.kind == "level" && len(f.fields) > 0 && !slices.ContainsFunc(f.fields, func(c *field) bool { return !c.readOnly && !c.allReadOnly() })
}

// writable is a copy of body without what the caller cannot write.
func (m *Model) writable(body *jsondoc.Object) *jsondoc.Object {
	out := body.Clone()
	for _, name := range []string{"id", "name", "type", "systemData"} {
		out.Delete(name)
	}
	if m != nil {
		m.root.dropReadOnly(out)
	}
	return out
}

func (f *field) dropReadOnly(o *jsondoc.Object) {
	for _, c := range f.fields {
		if c.readOnly {
			o.Delete(c.name)
		} else if inner := o.Object(c.name); inner != nil {
			c.dropReadOnly(inner)
		}
	}
}

// Settle brings next into the shape of the model and returns what is wrong with
// it: fields get their spelling, nulls and unknown members go, read-only values
// come from old, and what is missing gets its default.
func (m *Model) Settle(next, old *Resource) []*gatehouse.Error {
	if m == nil {
		return nil
	}
	c := &checker{}
	var before *jsondoc.Object
	if old != nil {
		before = old.Body
	}
	c.object(&m.root, next.Body, before, "")
	return c.faults
}

type checker struct {
	faults []*gatehouse.Error
}

func (c *checker) fault(path, format string, args ...any) {
	c.faults = append(c.faults, gatehouse.Errorf(gatehouse.Invalid, "ValidationError", format, args...).At(path))
}

func (c *checker) object(f *field, o, old *jsondoc.Object, path string) {
	o.DeleteFunc(func(name string, v jsondoc.Value) bool { return v == nil || f.lookup(name) == nil })
	for _, name := range o.Names() {
		if known := f.lookup(name); known.name != name {
			v, _ := o.Get(name)
			o.Delete(name)
			o.Set(known.name, v)
		}
	}
	for _, child := range f.fields {
		c.member(child, o, old, join(path, child.name))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (c *checker) member(f *field, o, old *jsondoc.Object, path string) {
	var before jsondoc.Value
	if old != nil {
		before, _ = old.Get(f.name)
	}
	if f.readOnly {
		o.Delete(f.name)
		if before != nil {
			o.Set(f.name, jsondoc.Clone(before))
		}
		return
	}
	v, present := o.Get(f.name)
	if v == "" && f.min > 0 && !f.required { // azurerm sends empty strings where it has nothing (clients.md section 4)
		o.Delete(f.name)
		present = false
	}
	if !present && f.fallback != "" {
		v, _ = jsondoc.Parse([]byte(f.fallback), jsondoc.Options{})
		o.Set(f.name, v)
		present = true
	}
	if _, was := before.(*jsondoc.Object); !present && (f.needsLevel() || was && f.holdsReadOnly()) {
		v = &jsondoc.Object{}
		o.Set(f.name, v)
		present = true
	}
	if !present {
		if f.required && !f.secret {
			c.fault(path, "%s is required.", path)
		}
		return
	}
	if f.immutable && before != nil && !jsondoc.Equal(before, v) {
		c.fault(path, "%s cannot be changed once it is set.", path)
	}
	beforeObject, _ := before.(*jsondoc.Object)
	c.value(f, v, beforeObject, path)
}

// needsLevel reports whether a missing level has to be made, so that what it holds is checked and defaulted.
func (f *field) needsLevel() bool {
	if f.kind != "level" {
		return false
	}
	for _, c := range f.fields {
		if c.required || c.fallback != "" || c.needsLevel() {
			return true
		}
	}
	return false
}

// holdsReadOnly reports whether a level that a request leaves out may not go, since the server's own values are in it.
func (f *field) holdsReadOnly() bool {
	return f.kind == "level" && slices.ContainsFunc(f.fields, func(c *field) bool { return c.readOnly || c.holdsReadOnly() })
}

func (c *checker) value(f *field, v jsondoc.Value, old *jsondoc.Object, path string) {
	switch f.kind {
	case "level", "object":
		if o, ok := v.(*jsondoc.Object); !ok {
			c.wrongType(path, "an object", v)
		} else if len(f.fields) > 0 {
			c.object(f, o, old, path)
		}
	case "array":
		c.array(f, v, path)
	case "map":
		c.stringMap(v, path)
	case "bool":
		if _, ok := v.(bool); !ok {
			c.wrongType(path, "true or false", v)
		}
	case "int", "number":
		c.number(f, v, path)
	case "any":
	default:
		c.text(f, v, path)
	}
}

func (c *checker) wrongType(path, want string, v jsondoc.Value) {
	c.fault(path, "%s has to be %s; it is %s.", path, want, jsondoc.KindOf(v))
}

func (c *checker) array(f *field, v jsondoc.Value, path string) {
	items, ok := v.([]jsondoc.Value)
	if !ok {
		c.wrongType(path, "an array", v)
		return
	}
	if f.max > 0 && len(items) > f.max {
		c.fault(path, "%s may hold at most %d elements; it holds %d.", path, f.max, len(items))
	}
	for i, item := range items {
		if f.element != nil {
			c.value(f.element, item, nil, fmt.Sprintf("%s[%d]", path, i))
		}
	}
}

func (c *checker) stringMap(v jsondoc.Value, path string) {
	o, ok := v.(*jsondoc.Object)
	if !ok {
		c.wrongType(path, "an object of strings", v)
		return
	}
	for name, value := range o.All() {
		if _, ok := value.(string); !ok && value != nil {
			c.wrongType(join(path, name), "a string", value)
		}
	}
}

func (c *checker) number(f *field, v jsondoc.Value, path string) {
	n, ok := v.(jsondoc.Number)
	if !ok {
		c.wrongType(path, "a number", v)
		return
	}
	value, err := strconv.ParseFloat(string(n), 64)
	if f.kind == "int" && (err != nil || value != float64(int64(value))) {
		c.fault(path, "%s has to be a whole number; it is %s.", path, clip(string(n)))
		return
	}
	if f.max != 0 && value > float64(f.max) || f.atLeast && value < float64(f.min) {
		c.fault(path, "%s has to be between %d and %d; it is %s.", path, f.min, f.max, clip(string(n)))
	}
}

var (
	guidText = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	dateText = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2})?)?$`)
)

func (c *checker) text(f *field, v jsondoc.Value, path string) {
	s, ok := v.(string)
	if !ok {
		c.wrongType(path, "a string", v)
		return
	}
	length := utf8.RuneCountInString(s)
	switch {
	case f.kind == "enum" && !oneOf(f.values, s):
		c.fault(path, "%s has to be one of %s; it is '%s'.", path, strings.Join(f.values, ", "), clip(s))
	case f.kind == "guid" && !guidText.MatchString(s):
		c.fault(path, "%s has to be a GUID; it is '%s'.", path, clip(s))
	case f.kind == "datetime" && !dateText.MatchString(s):
		c.fault(path, "%s has to be a date and time such as 2026-01-31T12:00:00Z; it is '%s'.", path, clip(s))
	case f.max > 0 && length > f.max:
		c.fault(path, "%s may have at most %d characters; it has %d.", path, f.max, length)
	case length < f.min:
		c.fault(path, "%s needs at least %d characters; it has %d.", path, f.min, length)
	case f.pattern != nil && !f.pattern.MatchString(s):
		c.fault(path, "%s does not match the pattern %s.", path, f.pattern)
	}
}

func oneOf(values []string, s string) bool {
	for _, v := range values {
		if gatehouse.EqualFold(v, s) {
			return true
		}
	}
	return false
}

// trim removes from a wire object what the api-version does not know yet, and any secret that got there.
func (m *Model) trim(out *jsondoc.Object, version string) {
	if m == nil {
		return
	}
	m.root.trim(out, version)
}

func (f *field) trim(o *jsondoc.Object, version string) {
	for _, c := range f.fields {
		if c.secret || c.since != "" && version < c.since {
			o.Delete(c.name)
		} else if inner := o.Object(c.name); inner != nil && len(c.fields) > 0 {
			c.trim(inner, version)
		}
	}
}

// Check applies the rule to a name, for types that are written by handlers of their own.
func (n NameRule) Check(name string) error {
	fault := n.fault(name)
	if fault == "" {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidResourceName", "The resource name '%s' is not valid: %s.", clip(name), fault)
}

func (n NameRule) fault(name string) string {
	length := utf8.RuneCountInString(name)
	switch {
	case n.GUID && !guidText.MatchString(name):
		return "it has to be a GUID"
	case len(n.Only) > 0 && !oneOf(n.Only, name):
		return "it has to be " + strings.Join(n.Only, " or ")
	case length < max(n.Min, 1) || length > or(n.Max, 260):
		return fmt.Sprintf("it has to have between %d and %d characters", max(n.Min, 1), or(n.Max, 260))
	case n.Pattern != "" && !patternOf(n.Pattern).MatchString(name):
		return "it does not match the pattern " + n.Pattern
	}
	return ""
}
