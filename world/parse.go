package world

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
)

// maxFaults is how many faults of files are told at once.
const maxFaults = 20

// labelSpace makes the IDs of objects whose file does not give them as GUIDs.
var labelSpace = gatehouse.MustGUID("0d6c1f0e-6a35-4f0b-9a2e-6f2f7a1f8c11")

// Parse reads the world that a file describes, JSON or YAML. Faults name file, line
// and column; there may be several, joined.
func Parse(name string, b []byte) (*World, error) {
	f, err := Open(name, b)
	if err != nil {
		return nil, err
	}
	var builder Builder
	builder.Add(f)
	return builder.World()
}

// Builder puts a world together from several files, in any order: what one file
// calls by name may stand in another. The zero Builder is ready for use.
type Builder struct {
	w       World
	faults  []error
	roles   map[gatehouse.GUID]int
	grants  map[grantKey]int
	denies  map[grantKey]int
	people  map[gatehouse.GUID]int
	pending []reference
	later   []func()
	edges   []edge
}

type grantKey struct {
	eligible bool
	scope    gatehouse.Scope
	id       gatehouse.GUID
}

// reference is a name that means something once everything has been read.
type reference struct {
	n       node
	member  string
	text    string
	role    bool // else a principal
	resolve func(gatehouse.GUID)
}

// edge is a membership or ownership.
type edge struct {
	group, other gatehouse.GUID
	owner        bool
}

// sections are the members of a world. Cases of tests may stand beside them.
var sections = map[string]func(node, string){
	"roledefinitions":          func(n node, at string) { n.each(at, node.role) },
	"roleassignments":          func(n node, at string) { n.each(at, func(n node) { n.assignment(false) }) },
	"roleeligibilities":        func(n node, at string) { n.each(at, func(n node) { n.assignment(true) }) },
	"roleeligibilityschedules": func(n node, at string) { n.each(at, func(n node) { n.assignment(true) }) },
	"denyassignments":          func(n node, at string) { n.each(at, node.deny) },
	"users":                    func(n node, at string) { n.each(at, func(n node) { n.principal(gatehouse.User) }) },
	"groups":                   func(n node, at string) { n.each(at, func(n node) { n.principal(gatehouse.Group) }) },
	"serviceprincipals":        func(n node, at string) { n.each(at, func(n node) { n.principal(gatehouse.ServicePrincipal) }) },
	"managedidentities":        func(n node, at string) { n.each(at, func(n node) { n.principal(gatehouse.ServicePrincipal) }) },
	"principals":               func(n node, at string) { n.each(at, func(n node) { n.principal("") }) },
	"managementgroups":         func(n node, at string) { n.each(at, func(n node) { n.managementGroup(gatehouse.Scope{}) }) },
	"hierarchy":                node.hierarchy,
	"now":                      func(n node, at string) { n.b.w.Now = n.moment(at) },
	"complete":                 func(n node, at string) { n.b.w.Complete = n.flag(at) },
}

// beside are members that a file may have beside those of a world.
var beside = []string{"cases", "world", "name", "description", "version", "$schema", "kind", "apiVersion"}

// IsWorld reports whether an object has a member that only worlds have.
func IsWorld(o *jsondoc.Object) bool {
	for name := range o.All() {
		if _, ok := sections[gatehouse.Fold(name)]; ok && !known(name, "now", "complete") {
			return true
		}
	}
	return false
}

// Add takes in a file: a world, a list as az prints one, or a list in {"value": [...]}.
func (b *Builder) Add(f *File) {
	switch v := f.Root.(type) {
	case []jsondoc.Value:
		b.addList(f, v)
		return
	case *jsondoc.Object:
		if list, ok := v.Get("value"); ok && !IsWorld(v) {
			if list, ok := list.([]jsondoc.Value); ok {
				b.addList(f, list)
				return
			}
		}
		if !IsWorld(v) && recognise(b.node(f, v)) != nil {
			b.addList(f, []jsondoc.Value{v})
			return
		}
		b.AddObject(f, v)
		return
	}
	b.faults = append(b.faults, &Fault{f.Name, 1, 1, fmt.Sprintf("a world is an object or a list as az prints one; this is %s", jsondoc.KindOf(f.Root))})
}

// AddObject takes in a world that is part of a file.
func (b *Builder) AddObject(f *File, o *jsondoc.Object) {
	n := b.node(f, o)
	n.props = nil
	for name, v := range o.All() {
		read, ok := sections[gatehouse.Fold(name)]
		switch {
		case ok && v != nil:
			read(n, name)
		case !ok && !known(name, beside...):
			if meant := Misspelled(name); meant != "" {
				n.fault(name, "a world has no member %q; did you mean %s?", name, meant)
			}
		}
	}
}

// AddMembers takes in a list of members of one group, as az ad group member list
// prints it, for the group with that ID or name.
func (b *Builder) AddMembers(f *File, group string) {
	holder := b.node(f, jsondoc.NewObject("members", f.Root))
	gid := b.id(group)
	holder.members(&gid, group, "members", false)
}

func (b *Builder) addList(f *File, list []jsondoc.Value) {
	for i, v := range list {
		o, _ := v.(*jsondoc.Object)
		n := b.node(f, o)
		read := recognise(n)
		if o == nil || read == nil {
			b.faults = append(b.faults, f.At(o, "", "entry %d is none of what az prints: role definitions, role assignments, deny assignments, users, groups, service principals, management groups", i))
			continue
		}
		read(n)
	}
}

// recognise tells by its members what an entry of a list is.
func recognise(n node) func(node) {
	typ := gatehouse.Fold(n.o.String("type"))
	switch {
	case n.o == nil:
		return nil
	case strings.Contains(typ, "roleeligib"):
		return func(n node) { n.assignment(true) }
	case n.has("denyAssignmentName"), n.has("principals") && n.has("permissions"):
		return node.deny
	case n.has("roleDefinitionId", "roleDefinitionName") && n.has("principalId", "objectId", "principalName", "signInName"):
		return func(n node) { n.assignment(false) }
	case n.has("permissions"), n.has("assignableScopes"):
		return node.role
	case strings.HasSuffix(typ, "managementgroups"), strings.HasSuffix(typ, "/subscriptions"), strings.Contains(n.o.String("id"), "/managementGroups/"):
		return func(n node) { n.managementGroup(gatehouse.Scope{}) }
	case n.has("homeTenantId", "tenantId") && n.has("state"): // az account list: nothing of a world
		return func(node) {}
	case principalType(n) != "":
		return func(n node) { n.principal("") }
	}
	return nil
}

// each reads the objects of a section.
func (n node) each(section string, read func(node)) {
	for _, entry := range n.objects(section) {
		read(entry)
	}
}

// World resolves what was called by name and returns the world, or the faults found.
func (b *Builder) World() (*World, error) {
	b.addBuiltin()
	for _, f := range b.later {
		f()
	}
	b.later = nil
	for _, r := range b.pending {
		r.resolve(b.find(r))
	}
	b.pending = nil
	b.join()
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults[:min(len(b.faults), maxFaults)]...)
	}
	w := b.w
	sortPrincipals(w.Principals)
	return &w, nil
}

// sortPrincipals puts users first, then service principals, then groups.
func sortPrincipals(list []Principal) {
	slices.SortStableFunc(list, func(x, y Principal) int { return section(x.Type) - section(y.Type) })
}

// addBuiltin adds the roles that everybody has, but for those that the files redefine.
func (b *Builder) addBuiltin() {
	for _, list := range [][]gatehouse.RoleDefinition{builtin.Roles(), builtin.DirectoryRoles()} {
		for _, r := range list {
			if _, given := b.roles[r.ID]; !given {
				b.w.Roles = append(b.w.Roles, r)
			}
		}
	}
}

// join hands members and owners to their groups.
func (b *Builder) join() {
	type link struct {
		edge
	}
	seen := map[link]bool{}
	for _, e := range b.edges {
		if seen[link{e}] {
			continue
		}
		seen[link{e}] = true
		p := b.person(e.group, "")
		switch {
		case e.owner:
			p.Owners = append(p.Owners, e.other)
		default:
			p.Members = append(p.Members, e.other)
			if p.Type == "" || p.Type == gatehouse.UnknownPrincipal {
				p.Type = gatehouse.Group
			}
		}
	}
	b.edges = nil
	for i := range b.w.Principals {
		if b.w.Principals[i].Type == "" {
			b.w.Principals[i].Type = gatehouse.UnknownPrincipal
		}
	}
}

// id is the GUID that a text is or stands for.
func (b *Builder) id(text string) gatehouse.GUID {
	if g, err := gatehouse.ParseGUID(text); err == nil {
		return g
	}
	g := LabelID(text)
	if b.w.Labels == nil {
		b.w.Labels = map[gatehouse.GUID]string{}
	}
	if _, known := b.w.Labels[g]; !known {
		b.w.Labels[g] = text
	}
	return g
}

// spell remembers how a scope was written first.
func (b *Builder) spell(id gatehouse.ID) {
	s := id.Scope()
	if _, known := b.w.Spelling[s]; known || s.String() == id.String() {
		return
	}
	if b.w.Spelling == nil {
		b.w.Spelling = map[gatehouse.Scope]string{}
	}
	b.w.Spelling[s] = id.String()
}

// find is what a reference refers to: an ID, or the name of exactly one object.
func (b *Builder) find(r reference) gatehouse.GUID {
	if g, err := gatehouse.ParseGUID(r.text); err == nil {
		return g
	}
	var found []Named
	if r.role {
		found = b.w.RolesNamed(r.text)
	} else {
		found = b.w.PrincipalsNamed(r.text)
	}
	switch {
	case len(found) == 1:
		return found[0].ID
	case len(found) > 1:
		r.n.fault(r.member, "%s", ambiguous(r.text, found))
	case r.role:
		r.n.fault(r.member, "there is no role %q, neither in this world nor among the built-in ones; give its GUID or its definition", r.text)
	}
	return b.id(r.text)
}

func index[K comparable, V any](m *map[K]int, key K, list *[]V) *V {
	i, ok := (*m)[key]
	if !ok {
		if *m == nil {
			*m = map[K]int{}
		}
		var zero V
		i = len(*list)
		(*m)[key], *list = i, append(*list, zero)
	}
	return &(*list)[i]
}

// Misspelled is the section of a world that a name nearly spells, "" for none. Other
// members that a file has beside those of a world are its own business.
func Misspelled(name string) string {
	folded := gatehouse.Fold(name)
	for _, section := range []string{"roleDefinitions", "roleAssignments", "roleEligibilities", "denyAssignments", "groups", "users", "servicePrincipals", "managedIdentities", "principals", "managementGroups", "hierarchy"} {
		if d := distance(folded, gatehouse.Fold(section)); d > 0 && d <= 2 {
			return section
		}
	}
	return ""
}

// distance counts the letters to add, drop or change to get from a to b.
func distance(a, b string) int {
	last, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
		}
		last, row = row, last
	}
	return last[len(b)]
}

// IsSection reports whether a member of that name is part of a world.
func IsSection(name string) bool {
	_, ok := sections[gatehouse.Fold(name)]
	return ok
}

// Recognises reports whether a file is a world, or a list of what worlds are made of.
func Recognises(f *File) bool {
	switch v := f.Root.(type) {
	case *jsondoc.Object:
		list, _ := v.Get("value")
		_, ok := list.([]jsondoc.Value)
		return IsWorld(v) || ok && Recognises(&File{f.Name, list}) || recognise((&Builder{}).node(f, v)) != nil
	case []jsondoc.Value:
		for _, e := range v {
			o, ok := e.(*jsondoc.Object)
			if !ok || recognise((&Builder{}).node(f, o)) == nil {
				return false
			}
		}
		return true
	}
	return false
}

// LabelID is the ID of an object that a file calls by a text that is no GUID.
func LabelID(text string) gatehouse.GUID {
	return gatehouse.NameGUID(labelSpace, gatehouse.Fold(text))
}

// Mentions reports whether a file calls something by that text, though it says no more of it.
func (w *World) Mentions(text string) bool {
	_, ok := w.Labels[LabelID(text)]
	return ok
}
