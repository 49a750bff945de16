package world

import (
	"fmt"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/jsondoc"
)

// node is an object of a file, whichever of the shapes it has: members under
// properties as Resource Manager answers, flat as az prints them, or capitalised as
// PowerShell does (names compare without case anyway).
type node struct {
	b     *Builder
	f     *File
	o     *jsondoc.Object
	props *jsondoc.Object
}

func (b *Builder) node(f *File, o *jsondoc.Object) node {
	return node{b, f, o, o.Object("properties")}
}

func (n node) fault(member, format string, args ...any) {
	at := n.o
	if n.props.Has(member) {
		at = n.props
	}
	n.b.faults = append(n.b.faults, n.f.At(at, member, format, args...))
}

// get finds the first of several names that has a value; under properties first,
// where names are not mixed with those of the resource.
func (n node) get(names ...string) (v jsondoc.Value, name string) {
	for _, o := range []*jsondoc.Object{n.props, n.o} {
		for _, name := range names {
			if v, _ := o.Get(name); v != nil {
				return v, name
			}
		}
	}
	return nil, names[0]
}

func (n node) has(names ...string) bool {
	v, _ := n.get(names...)
	return v != nil
}

func (n node) text(names ...string) string {
	v, name := n.get(names...)
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case jsondoc.Number: // a name that YAML takes for a number
		return v.String()
	}
	n.fault(name, "%s has to be text; it is %s", name, jsondoc.KindOf(v))
	return ""
}

func (n node) flag(names ...string) bool {
	v, name := n.get(names...)
	b, ok := v.(bool)
	if s, text := v.(string); text && (gatehouse.EqualFold(s, "true") || gatehouse.EqualFold(s, "false")) {
		return gatehouse.EqualFold(s, "true")
	}
	if v != nil && !ok {
		n.fault(name, "%s has to be true or false; it is %s", name, jsondoc.KindOf(v))
	}
	return b
}

func (n node) list(names ...string) []jsondoc.Value {
	v, name := n.get(names...)
	switch v := v.(type) {
	case nil:
		return nil
	case []jsondoc.Value:
		return v
	case *jsondoc.Object: // {"value": [...]}, as lists of Resource Manager and Graph
		if list, ok := v.Get("value"); ok && v.Len() <= 3 {
			if list, ok := list.([]jsondoc.Value); ok {
				return list
			}
		}
	case string: // PowerShell writes a list of one as its only entry
		return []jsondoc.Value{v}
	}
	n.fault(name, "%s has to be a list; it is %s", name, jsondoc.KindOf(v))
	return nil
}

func (n node) texts(names ...string) []string {
	_, name := n.get(names...)
	out := []string{}
	for i, v := range n.list(names...) {
		s, ok := v.(string)
		if !ok {
			n.fault(name, "%s[%d] has to be text; it is %s", name, i, jsondoc.KindOf(v))
		}
		out = append(out, s)
	}
	return out
}

// objects yields the objects of a list.
func (n node) objects(names ...string) (out []node) {
	_, name := n.get(names...)
	for i, v := range n.list(names...) {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			n.fault(name, "%s[%d] has to be an object; it is %s", name, i, jsondoc.KindOf(v))
			continue
		}
		out = append(out, n.b.node(n.f, o))
	}
	return out
}

// moments are the spellings of time that az, PowerShell and people use. Without a
// zone it is UTC.
var moments = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly}

// Moment reads a time as exports and people write it.
func Moment(text string) (time.Time, error) {
	for _, layout := range moments {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write it like 2026-01-31T12:00:00Z", text)
}

func (n node) moment(names ...string) time.Time {
	text := n.text(names...)
	if text == "" {
		return time.Time{}
	}
	t, err := Moment(text)
	if err != nil {
		_, name := n.get(names...)
		n.fault(name, "%s: %v", name, err)
	}
	return t
}

// scope reads a resource ID and remembers how it was written.
func (n node) scope(member, text string) gatehouse.Scope {
	id, err := gatehouse.ParseID(text)
	if err != nil {
		n.fault(member, "%s: %s", member, wording(err))
		return gatehouse.Scope{}
	}
	n.b.spell(id)
	return id.Scope()
}

func wording(err error) string {
	if e, ok := err.(*gatehouse.Error); ok {
		return e.Message
	}
	return err.Error()
}

// permissions reads the entries of a role or deny assignment; PowerShell and az's
// input have one entry and no list around it.
func (n node) permissions() []gatehouse.Permission {
	var out []gatehouse.Permission
	if !n.has("permissions") {
		if !n.has("actions", "notActions", "dataActions", "notDataActions") {
			n.fault("permissions", "it has no permissions; an entry is {actions: [...], notActions: [...], dataActions: [...], notDataActions: [...]}")
		}
		return []gatehouse.Permission{n.permission()}
	}
	for _, e := range n.objects("permissions") {
		for name := range e.o.All() {
			if !known(name, "actions", "notActions", "dataActions", "notDataActions", "condition", "conditionVersion", "additionalProperties") {
				e.fault(name, "a permission has no member %q; it has actions, notActions, dataActions, notDataActions, condition", name)
			}
		}
		out = append(out, e.permission())
	}
	return out
}

func (n node) permission() gatehouse.Permission {
	return gatehouse.Permission{
		Actions: n.texts("actions"), NotActions: n.texts("notActions"), DataActions: n.texts("dataActions"), NotDataActions: n.texts("notDataActions"),
		Condition: n.text("condition"), ConditionVersion: n.text("conditionVersion"),
	}
}

func known(name string, names ...string) bool {
	for _, k := range names {
		if gatehouse.EqualFold(name, k) {
			return true
		}
	}
	return false
}

// attributes reads what conditions see of a principal: by full name under attributes,
// or as Graph nests them in customSecurityAttributes.
func (n node) attributes() map[string]any {
	if v, _ := n.get("attributes"); v != nil {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			n.fault("attributes", "attributes have to be an object of names and values; it is %s", jsondoc.KindOf(v))
			return nil
		}
		out, err := Attributes(o)
		if err != nil {
			n.fault("attributes", "%v", err)
		}
		return out
	}
	var sets map[string]any
	if v, _ := n.get("customSecurityAttributes"); v != nil {
		if err := jsondoc.Decode(v, &sets); err != nil {
			n.fault("customSecurityAttributes", "customSecurityAttributes have to be an object of sets; it is %s", jsondoc.KindOf(v))
		}
	}
	return guard.SecurityAttributes(sets)
}

// Attributes reads names and values as conditions can refer to them.
func Attributes(o *jsondoc.Object) (map[string]any, error) {
	if o.Len() == 0 {
		return nil, nil
	}
	out := make(map[string]any, o.Len())
	for name, v := range o.All() {
		value, ok := attribute(v)
		if !ok {
			return nil, fmt.Errorf("the attribute %s has to be text, a whole number, true, false or a list of those; it is %s", name, jsondoc.KindOf(v))
		}
		if value != nil {
			out[name] = value
		}
	}
	return out, nil
}

func attribute(v jsondoc.Value) (any, bool) {
	switch v := v.(type) {
	case nil, string, bool:
		return v, true
	case jsondoc.Number:
		if i, err := v.Int64(); err == nil {
			return i, true
		}
		return v.String(), true
	case []jsondoc.Value:
		list := make([]any, len(v))
		for i, e := range v {
			value, ok := attribute(e)
			if _, nested := value.([]any); !ok || nested || value == nil {
				return nil, false
			}
			list[i] = value
		}
		return list, true
	}
	return nil, false
}

// lastSegment is what follows the last slash.
func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
