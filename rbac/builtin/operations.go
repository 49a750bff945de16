package builtin

import (
	"cmp"
	_ "embed"
	"slices"
	"strings"
	"sync"

	"gatehouse"
)

// Origin tells where an operation is known from.
type Origin string

// The origins. A provider has a catalogue, which exact actions of custom roles are
// checked against, when operations of it are published or our own.
const (
	Published Origin = "published" // Azure's own list of operations
	REST      Origin = "rest"      // action of a REST call that Azure's list lacks (rbac.md 5.1)
	Named     Origin = "role"      // named by a built-in role; the rest of the provider is not known
	Own       Origin = "gatehouse" // ours, see runtime.go
)

// Operation is one action or data action.
type Operation struct {
	Name        string // canonical spelling
	Data        bool
	DisplayName string
	Description string
	Origin      Origin
}

// ResourceType groups the operations on one type of resource.
type ResourceType struct {
	Name        string // without the namespace, for example service/apis
	DisplayName string
	Operations  []Operation
}

// Provider groups the operations of one namespace as providerOperations shows
// them (rbac.md 6.5): those on no resource type stand in Operations.
type Provider struct {
	Namespace   string
	DisplayName string
	Operations  []Operation
	Types       []ResourceType
	Catalogue   bool // all operations are known
}

//go:embed data/operations.tsv
var operationsTSV string

// providersTSV is written by hand: every namespace that custom roles may name.
//
//go:embed data/providers.tsv
var providersTSV string

type operationTable struct {
	list      []Operation
	canonical map[string]string // by folded name
	kinds     map[string]kinds  // by folded name
	providers []Provider
	byName    map[string]int // of providers, by folded namespace
}

type kinds struct{ action, data bool }

var operations = sync.OnceValue(readOperations)

func readOperations() *operationTable {
	t := &operationTable{canonical: map[string]string{}, kinds: map[string]kinds{}, byName: map[string]int{}}
	for row := range rows(providersTSV) {
		t.byName[gatehouse.Fold(row[0])] = len(t.providers)
		t.providers = append(t.providers, Provider{Namespace: row[0], DisplayName: row[1]})
	}
	for row := range rows(operationsTSV) {
		t.list = append(t.list, Operation{Name: row[0], Data: row[1] == "data", Origin: Origin(row[2])})
	}
	for _, name := range []string{CallRead, CallInvoke} {
		t.list = append(t.list, Operation{Name: name, Data: true, Origin: Own})
	}
	for _, name := range slices.Concat(accessActions, callSettings) {
		t.list = append(t.list, Operation{Name: name, Origin: Own})
	}
	slices.SortStableFunc(t.list, func(a, b Operation) int {
		return cmp.Compare(gatehouse.Fold(a.Name), gatehouse.Fold(b.Name))
	})
	for i := range t.list {
		t.add(&t.list[i])
	}
	for _, p := range t.providers {
		slices.SortFunc(p.Types, func(a, b ResourceType) int {
			return cmp.Compare(gatehouse.Fold(a.Name), gatehouse.Fold(b.Name))
		})
	}
	return t
}

// rows yields the tab-separated fields of each line; a line that starts with # is a comment.
func rows(table string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(table) {
			if line = strings.TrimSuffix(line, "\n"); line == "" || line[0] == '#' {
				continue
			}
			if !yield(strings.Split(line, "\t")) {
				return
			}
		}
	}
}

func (t *operationTable) add(o *Operation) {
	folded := gatehouse.Fold(o.Name)
	t.canonical[folded] = o.Name
	k := t.kinds[folded]
	if o.Data {
		k.data = true
	} else {
		k.action = true
	}
	t.kinds[folded] = k

	namespace, typ, verb := cutOperation(o.Name)
	i, ok := t.byName[gatehouse.Fold(namespace)]
	if !ok {
		panic("builtin: data/providers.tsv lacks " + namespace)
	}
	p := &t.providers[i]
	p.Catalogue = p.Catalogue || o.Origin == Published || o.Origin == Own
	describe(o, p, typ, verb)
	if typ == "" {
		p.Operations = append(p.Operations, *o)
		return
	}
	for i := range p.Types {
		if strings.EqualFold(p.Types[i].Name, typ) {
			p.Types[i].Operations = append(p.Types[i].Operations, *o)
			return
		}
	}
	p.Types = append(p.Types, ResourceType{Name: typ, DisplayName: typeName(typ), Operations: []Operation{*o}})
}

// cutOperation splits Microsoft.X/a/b/read into namespace, a/b and read, and
// Microsoft.X/a/b/verb/action into namespace, a/b and verb/action.
func cutOperation(name string) (namespace, typ, verb string) {
	namespace, rest, _ := strings.Cut(name, "/")
	segments := strings.Split(rest, "/")
	n := len(segments) - 1
	if n > 0 && strings.EqualFold(segments[n], "action") {
		n--
	}
	return namespace, strings.Join(segments[:n], "/"), strings.Join(segments[n:], "/")
}

// Operations returns every operation that is known by name, ordered by folded name.
func Operations() []Operation { return operations().list }

// Providers returns the providers of which operations are known, ordered by namespace.
func Providers() []Provider {
	var out []Provider
	for _, p := range operations().providers {
		if len(p.Operations)+len(p.Types) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// ProviderNamed returns the known provider with that namespace, in any casing; it may have no known operations.
func ProviderNamed(namespace string) (Provider, bool) {
	t := operations()
	i, ok := t.byName[gatehouse.Fold(namespace)]
	if !ok {
		return Provider{}, false
	}
	return t.providers[i], true
}

// Canonical returns the action in its published spelling, for messages; an unknown one as it is (rbac.md 5.1).
func Canonical(action string) string {
	if name, ok := operations().canonical[gatehouse.Fold(action)]; ok {
		return name
	}
	return action
}
