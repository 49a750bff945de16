package edm

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
)

func contains(list []string, name string) bool { return slices.Contains(list, name) }

// check is one check of a request.
type check struct {
	m     *Model
	given map[string]string // parameter aliases
}

// resource is what a path leads to. as is what of it is asked for, when it is not the value itself.
type resource struct {
	v              value
	as             string // service, metadata, count, reference, raw, action
	single         bool   // a singleton as the container has it
	root, computed bool
}

// Check returns what is wrong with a request. path is below the root of the service and both it and query are escaped, as
// in the address.
func (m *Model) Check(method, path, query string) []*Fault {
	if len(path)+len(query) > addressMost {
		return []*Fault{{Path, "", TooComplex, "The address is too long."}}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return []*Fault{{Query, "", Malformed, "The query is not well-formed."}}
	}
	c := &check{m, map[string]string{}}
	options, faults := c.options(values)
	r := resource{root: true}
	if f := run(func() { r = c.path(path) }); f != nil {
		return append(faults, f)
	}
	if !contains(r.methods(), method) {
		return append(faults, &Fault{Method, method, Unsuited, "The method '" + clip(method) + "' does not suit what the path leads to."})
	}
	for _, name := range sorted(options) {
		if f := run(func() { c.option(&r, method, name, options[name]) }); f != nil {
			faults = append(faults, f)
		}
	}
	for _, name := range sorted(c.given) {
		if f := run(func() { c.alias(&r, name) }); f != nil {
			faults = append(faults, f)
		}
	}
	return faults
}

// run returns the fault that a check gave up with.
func run(f func()) (fault *Fault) {
	defer func() {
		if p := recover(); p != nil {
			var ok bool
			if fault, ok = p.(*Fault); !ok {
				panic(p)
			}
			fault.Name, fault.Details = clip(fault.Name), clipTo(fault.Details, 300)
		}
	}()
	f()
	return nil
}

// clip keeps what is told of a request short.
func clip(text string) string { return clipTo(text, 100) }

func clipTo(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strings.ToValidUTF8(text, "?")
}

func sorted[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// system are the system query options that 4.01 lets be written without their dollar sign.
var system = []string{"apply", "compute", "count", "deltatoken", "expand", "filter", "format", "id", "index", "levels", "orderby", "schemaversion", "search", "select", "skip", "skiptoken", "top"}

// options sorts a query into system options, by name without the dollar sign, and aliases; the others are the service's own.
func (c *check) options(values url.Values) (options map[string]string, faults []*Fault) {
	options = map[string]string{}
	for _, written := range sorted(values) {
		folded := strings.ToLower(written)
		name, dollar := strings.CutPrefix(folded, "$")
		into := options
		switch {
		case strings.HasPrefix(written, "@"):
			into, name = c.given, written
		case !dollar && !contains(system, name):
			continue
		}
		if _, twice := into[name]; twice || len(values[written]) > 1 {
			faults = append(faults, &Fault{Query, clip(written), Duplicate, "'" + clip(written) + "' is there twice."})
		}
		into[name] = values[written][0]
	}
	return options, faults
}

// option checks one system query option.
func (c *check) option(r *resource, method, name, text string) {
	s := &scanner{check: c, in: Query, name: "$" + name, text: text, it: value{t: r.v.t, class: r.v.class}}
	switch {
	case !contains(system, name) || contains([]string{"apply", "compute", "index"}, name):
		s.fail(Unsupported, "The option '%s' is not supported.", clip(s.name))
	case name != "schemaversion" && !contains(r.takes(method), name):
		s.fail(Unsuited, "The option '%s' does not suit what is asked for.", s.name)
	}
	s.option(name)
	s.end()
}

// alias checks the value of a parameter alias: an expression without aliases, or JSON.
func (c *check) alias(r *resource, name string) {
	text := c.given[name]
	s := &scanner{check: &check{m: c.m}, in: Query, name: name, text: text, it: value{t: r.v.t, class: r.v.class}}
	if strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") {
		if !json.Valid([]byte(text)) {
			s.fail(Malformed, "'%s' is not well-formed JSON.", clip(name))
		}
		return
	}
	s.expression(1)
	s.end()
}

func (r *resource) entity() bool { return r.v.t != nil && r.v.t.kind == entityType }

// methods are those that suit a resource.
func (r *resource) methods() []string {
	read := []string{"GET", "HEAD"}
	switch {
	case r.as == "action":
		return []string{"POST"}
	case r.computed || r.as == "service" || r.as == "metadata" || r.as == "count":
		return read
	case r.as == "reference" && r.v.many:
		return append(read, "POST", "PUT", "DELETE")
	case r.as == "raw", r.as == "reference":
		return append(read, "PUT", "DELETE")
	case r.entity() && r.v.many:
		return append(read, "POST")
	case r.entity() && r.single:
		return append(read, "PATCH", "PUT")
	case r.v.many:
		return append(read, "POST", "PUT", "DELETE")
	case r.v.t != nil:
		return append(read, "PATCH", "PUT", "DELETE")
	}
	return append(read, "PUT", "DELETE")
}

// takes are the system query options that suit a resource and method.
func (r *resource) takes(method string) []string {
	read := method == "GET" || method == "HEAD" || r.as == "action"
	list := []string{"filter", "orderby", "top", "skip", "count", "skiptoken", "format"}
	switch {
	case r.as == "reference" && method == "DELETE":
		return []string{"id"}
	case method == "DELETE":
		return nil
	case r.as == "count":
		return []string{"filter", "search"}
	case r.as == "reference" && r.v.many && read:
		return append(list, "search")
	case r.as != "" && r.as != "action", r.v.t == nil && !(r.v.many && read):
		return []string{"format"}
	case !(r.v.many && read):
		return []string{"select", "expand", "format"}
	case r.entity():
		return append(list, "search", "select", "expand", "deltatoken")
	case r.v.t != nil:
		return append(list, "select", "expand")
	}
	return list
}

// path finds what a path leads to.
func (c *check) path(path string) resource {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	r := resource{root: true, as: "service"}
	if path == "" {
		return r
	}
	for i, escaped := range strings.Split(path, "/") {
		segment, err := url.PathUnescape(escaped)
		s := &scanner{check: c, in: Path, name: clip(segment), text: segment}
		switch {
		case err != nil:
			s.fail(Malformed, "The path is not well-formed.")
		case i >= depthMost:
			s.fail(TooComplex, "The path has too many segments.")
		}
		r = s.segment(r)
		s.end()
	}
	return r
}

// segment takes one segment of a path.
func (s *scanner) segment(r resource) resource {
	switch {
	case strings.HasPrefix(s.text, "$"):
		return s.special(r)
	case r.root:
		return s.first()
	case r.as != "":
		s.fail(Unsuited, "Nothing may follow what stands before '%s'.", s.name)
	}
	name := s.word()
	switch {
	case name == "":
		s.fail(Malformed, "The segment '%s' does not begin with a name.", s.name)
	case strings.Contains(name, "."):
		r = s.derived(r, s.m.full(name))
	case r.v.many:
		s.fail(Unknown, "The segment '%s' does not belong to a collection.", s.name)
	default:
		r.v, _ = s.property(r.v, name)
		r.single = false
	}
	return s.keyed(r)
}

// special takes a segment that begins with a dollar sign.
func (s *scanner) special(r resource) resource {
	s.at = len(s.text)
	plain := r.as == "" && !r.root
	switch {
	case r.root && s.text == "$metadata":
		return resource{as: "metadata"}
	case plain && s.text == "$count" && r.v.many:
		r.as = "count"
	case plain && s.text == "$ref" && r.entity():
		r.as = "reference"
	case plain && s.text == "$value" && !r.v.many && (r.v.t == nil || s.m.up(r.v.t, func(t *structure) bool { return t.stream })):
		r.as = "raw"
	case contains([]string{"$metadata", "$count", "$ref", "$value"}, s.text):
		s.fail(Unsuited, "'%s' does not suit what stands before it.", s.name)
	default:
		s.fail(Unsupported, "'%s' is not supported.", s.name)
	}
	return r
}

// first takes the first segment: what the container has.
func (s *scanner) first() resource {
	name := s.identifier()
	if root, ok := s.m.roots[name]; ok {
		return s.keyed(resource{v: s.typed(root.of), single: root.single})
	}
	f, ok := s.m.imports[name]
	switch {
	case !ok:
		s.fail(Unknown, "The service has no '%s'.", clip(name))
	case f.action:
		return s.action(f.name, nil)
	}
	return s.keyed(resource{v: s.call(f.name, nil), computed: true})
}

// derived goes on with a cast or a bound operation.
func (s *scanner) derived(r resource, full string) resource {
	if t := s.m.types[full]; t != nil && r.v.t != nil && t.kind == r.v.t.kind {
		r.v = s.castTo(r.v, t)
		return r
	}
	if s.m.overload(full, &r.v, true, nil) != nil {
		return s.action(full, &r.v)
	}
	return resource{v: s.call(full, &r.v), computed: true}
}

func (s *scanner) action(full string, bound *value) resource {
	o := s.m.overload(full, bound, true, nil)
	if o == nil {
		s.fail(Unknown, "The metadata has no action '%s' here.", clip(full))
	}
	r := resource{as: "action"}
	if o.returns != nil {
		r.v = s.typed(*o.returns)
	}
	return r
}

// keyed takes the key that picks one of a collection of entities, if there is one.
func (s *scanner) keyed(r resource) resource {
	if !r.v.many || !r.entity() || !s.take("(") {
		return r
	}
	key := s.m.key(r.v.t)
	r.v.many = false
	if s.space(); len(key) == 1 && s.keyValue(r.v.t, key[0]) {
		s.space()
		s.need(")")
		return r
	}
	seen := map[string]bool{}
	s.items(func() {
		name := s.identifier()
		if seen[name] || !contains(key, name) {
			s.fail(Unknown, "'%s' is no part of the key of '%s', or there twice.", name, r.v.t.name)
		}
		seen[name] = true
		s.need("=")
		if !s.keyValue(r.v.t, name) {
			s.fail(Malformed, "In '%s', a literal is expected at character %d.", s.name, s.at+1)
		}
	})
	s.need(")")
	if len(seen) != len(key) {
		s.fail(Malformed, "The key of '%s' is not complete.", r.v.t.name)
	}
	return r
}

// keyValue takes the value of one part of a key, if a literal or alias comes next.
func (s *scanner) keyValue(t *structure, name string) bool {
	class, ok := s.literal()
	if !ok {
		return s.alias()
	}
	if p, known := s.m.member(t, name); known {
		s.want(s.typed(p.of), class)
	}
	if class == "null" {
		s.fail(DataType, "A key cannot be null.")
	}
	return true
}
