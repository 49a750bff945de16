package gatehouse

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits on what is accepted as a resource ID. Azure's own limits are lower; these bound the work.
const (
	maxIDLength   = 4096
	maxIDSegments = 64
)

// ID is a resource ID as somebody wrote it: names keep their casing, while the
// fixed words subscriptions, resourceGroups and providers are spelled as Azure
// spells them. The zero ID is the tenant root.
//
// Accepted are the tenant root, /subscriptions/{id}, /subscriptions/{id}/resourceGroups/{name},
// pairs of type and name below those, and any number of providers/{namespace}
// parts, each followed by pairs (rbac.md 3.2). Doubled and trailing slashes are folded away.
type ID struct {
	path string // "" for the root, else starting with a slash
}

// Scope is an ID folded for comparing: equal scopes are ==, whatever their
// casing, so a Scope can be a map key. The zero Scope is the tenant root.
// Which management group holds a subscription is data and not visible here.
type Scope struct {
	path string // folded; "" for the root
}

// ParseID reads a resource ID. A missing leading slash is added, as Azure does for roleDefinitionId.
func ParseID(s string) (ID, error) {
	segments := split(s)
	if err := checkSegments(s, segments); err != nil {
		return ID{}, err
	}
	if fault := canonicalise(segments); fault != "" {
		return ID{}, invalidID(s, fault)
	}
	if len(segments) == 0 {
		return ID{}, nil
	}
	return ID{"/" + strings.Join(segments, "/")}, nil
}

// CheckPath refuses what no resource ID can hold: control characters, backslashes,
// relative segments, what is not UTF-8 or too long. It leaves the order of types and
// names to ParseID, so paths of lists and actions pass. Whoever looks for the ID
// within a path has to ask this of the whole path first: otherwise a faulty name
// at the end is cut off, and what holds it is taken for the resource that was meant.
func CheckPath(path string) error { return checkSegments(path, split(path)) }

func checkSegments(s string, segments []string) error {
	switch {
	case len(s) > maxIDLength:
		return invalidID(s, "it is longer than 4096 bytes")
	case !utf8.ValidString(s):
		return invalidID(s, "it is not valid UTF-8")
	case len(segments) > maxIDSegments:
		return invalidID(s, "it has more than 64 segments")
	}
	for _, segment := range segments {
		if fault := segmentFault(segment); fault != "" {
			return invalidID(s, fault)
		}
	}
	return nil
}

// MustID is ParseID for constants; it panics on a malformed one.
func MustID(s string) ID {
	id, err := ParseID(s)
	if err != nil {
		panic(err)
	}
	return id
}

func invalidID(s, fault string) *Error {
	return Errorf(Invalid, "InvalidResourceId", "%q is not a resource ID: %s.", clip(s), fault)
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '/' })
}

func segmentFault(segment string) string {
	if segment == "." || segment == ".." {
		return "a segment is a relative path"
	}
	for _, r := range segment {
		if unicode.IsControl(r) {
			return "it holds a control character"
		}
		if r == '\\' {
			return "it holds a backslash"
		}
	}
	return ""
}

// canonicalise checks that segments form an ID and respells the fixed words in place.
func canonicalise(segments []string) string {
	i := 0
	if len(segments) > 0 && Fold(segments[0]) == "subscriptions" {
		segments[0] = "subscriptions"
		if len(segments) == 1 {
			return "the subscription has no ID"
		}
		i = 2
	} else if len(segments) > 0 && Fold(segments[0]) != "providers" {
		return "it starts with neither /subscriptions nor /providers"
	}
	for i < len(segments) {
		word := Fold(segments[i])
		if word == "providers" {
			segments[i] = "providers"
			if i+3 >= len(segments) {
				return "a provider namespace needs a type and a name"
			}
			if Fold(segments[i+2]) == "providers" {
				return "providers is not a resource type"
			}
			i += 4
			continue
		}
		if i == 2 && word == "resourcegroups" {
			segments[i] = "resourceGroups"
		}
		if i+1 >= len(segments) {
			return "type " + clip(segments[i]) + " has no name"
		}
		i += 2
	}
	return ""
}

// String returns the ID with a leading slash; the root is "/".
func (id ID) String() string {
	if id.path == "" {
		return "/"
	}
	return id.path
}

// IsRoot reports whether id is the tenant root.
func (id ID) IsRoot() bool { return id.path == "" }

// Scope folds id for comparing.
func (id ID) Scope() Scope { return Scope{Fold(id.path)} }

// Name returns the last segment: the resource's own name, "" for the root.
func (id ID) Name() string { return id.path[strings.LastIndexByte(id.path, '/')+1:] }

// Parent returns the ID that holds id: the resource, resource group, subscription
// or extension target before its last type and name. The root is its own parent,
// and so is the parent of a subscription and of a management group.
func (id ID) Parent() ID { return ID{parentPath(id.path)} }

// Type returns namespace and types, as in Microsoft.ApiManagement/service/apis,
// with the spelling of the ID. Subscriptions and resource groups are
// Microsoft.Resources/subscriptions and Microsoft.Resources/subscriptions/resourceGroups;
// the root has none.
func (id ID) Type() string {
	if id.path == "" {
		return ""
	}
	segments := split(id.path)
	start := -1
	for i := len(segments) - 4; i >= 0; i-- {
		if segments[i] == "providers" && i%2 == 0 {
			start = i
			break
		}
	}
	types := []string{"Microsoft.Resources"}
	first := 0
	if start >= 0 {
		types[0] = segments[start+1]
		first = start + 2
	}
	for i := first; i < len(segments); i += 2 {
		types = append(types, segments[i])
	}
	return strings.Join(types, "/")
}

// Child returns the ID of a resource of the given type segment and name directly below id.
func (id ID) Child(segment, name string) ID {
	return ID{id.path + "/" + segment + "/" + name}
}

// Extension returns the ID of an extension resource on id.
func (id ID) Extension(namespace, segment, name string) ID {
	return ID{id.path + "/providers/" + namespace + "/" + segment + "/" + name}
}

// MarshalText makes the ID a JSON string.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText accepts what ParseID accepts.
func (id *ID) UnmarshalText(b []byte) (err error) {
	*id, err = ParseID(string(b))
	return err
}

// parentPath cuts the last type and name, and the providers/{namespace} that is
// left bare by that. It relies on the shape that ParseID established: segments come in pairs.
func parentPath(path string) string {
	rest, ok := cutPair(path)
	if !ok {
		return ""
	}
	if outer, ok := cutPair(rest); ok && isProviders(rest[len(outer):]) {
		return outer
	}
	return rest
}

func cutPair(path string) (string, bool) {
	name := strings.LastIndexByte(path, '/')
	if name <= 0 {
		return "", false
	}
	return path[:strings.LastIndexByte(path[:name], '/')], true
}

func isProviders(pair string) bool {
	const word = "/providers/"
	return len(pair) > len(word) && pair[:len(word)] == word
}

// ParseScope reads a resource ID and folds it.
func ParseScope(s string) (Scope, error) {
	id, err := ParseID(s)
	return id.Scope(), err
}

// MustScope is ParseScope for constants; it panics on a malformed one.
func MustScope(s string) Scope { return MustID(s).Scope() }

// String returns the folded ID; the root is "/".
func (s Scope) String() string {
	if s.path == "" {
		return "/"
	}
	return s.path
}

// IsRoot reports whether s is the tenant root.
func (s Scope) IsRoot() bool { return s.path == "" }

// Parent is ID.Parent for folded IDs.
func (s Scope) Parent() Scope { return Scope{parentPath(s.path)} }

// Name is ID.Name, folded.
func (s Scope) Name() string { return ID(s).Name() }

// Type is ID.Type, folded except for the implied namespace of subscriptions and groups.
func (s Scope) Type() string { return ID(s).Type() }

// Contains reports whether o is s or lies below it by path. Management groups
// hold subscriptions by data, not by path: ask the engine's Snapshot for those.
func (s Scope) Contains(o Scope) bool {
	return strings.HasPrefix(o.path, s.path) && (len(o.path) == len(s.path) || o.path[len(s.path)] == '/')
}

// Subscription returns the scope of the subscription that s is or lies in.
func (s Scope) Subscription() (Scope, bool) { return s.leading("/subscriptions/", 2) }

// ResourceGroup returns the scope of the resource group that s is or lies in.
func (s Scope) ResourceGroup() (Scope, bool) {
	sub, ok := s.Subscription()
	if !ok || !strings.HasPrefix(s.path[len(sub.path):], "/resourcegroups/") {
		return Scope{}, false
	}
	return s.leading("/subscriptions/", 4)
}

// ManagementGroup returns the scope of the management group that s is or extends.
func (s Scope) ManagementGroup() (Scope, bool) {
	return s.leading("/providers/microsoft.management/managementgroups/", 4)
}

func (s Scope) leading(prefix string, segments int) (Scope, bool) {
	if !strings.HasPrefix(s.path, prefix) {
		return Scope{}, false
	}
	for i := 1; i < len(s.path); i++ {
		if s.path[i] == '/' {
			if segments--; segments == 0 {
				return Scope{s.path[:i]}, true
			}
		}
	}
	return s, segments == 1
}

// MarshalText makes the scope a JSON string.
func (s Scope) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts what ParseScope accepts.
func (s *Scope) UnmarshalText(b []byte) (err error) {
	*s, err = ParseScope(string(b))
	return err
}

// Fold maps text to the form in which Azure's case-insensitive names compare.
// A letter outside ASCII never folds to an ASCII one, so no look-alike (the Kelvin
// sign, the dotted capital I) can take another name's place. It allocates only
// when something changes.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return strings.Map(FoldRune, s)
		case 'A' <= c && c <= 'Z':
			return foldRest(s, i)
		}
	}
	return s
}

// foldRest folds text that needs folding from i on: nearly all of it is ASCII.
func foldRest(s string, i int) string {
	var few [256]byte // most resource IDs are shorter
	b := append(few[:0], s...)
	for ; i < len(b); i++ {
		if b[i] >= utf8.RuneSelf {
			return strings.Map(FoldRune, s)
		}
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// EqualFold reports whether a and b are the same after Fold. It allocates nothing.
func EqualFold(a, b string) bool {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y && FoldRune(x) != FoldRune(y) {
			return false
		}
		a, b = a[n:], b[m:]
	}
	return a == b
}

// FoldRune is Fold for one character.
func FoldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}
	if l := unicode.ToLower(r); l >= utf8.RuneSelf {
		return l
	}
	return r
}
