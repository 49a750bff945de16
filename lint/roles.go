package lint

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/rbac/builtin"
)

// custom calls f with each role of the tenant's own.
func (x *inspection) custom(f func(*role)) {
	for i := range x.world.Roles {
		if r := &x.world.Roles[i]; r.Type == gatehouse.CustomRole {
			f(x.roles[r.ID])
		}
	}
}

func about(r *role, message string, fix Fix) Finding {
	f := Finding{Message: message, Role: r.ID, Fix: fix}
	if len(r.AssignableScopes) == 1 {
		f.scope = r.AssignableScopes[0]
	}
	return f
}

func updateRole(r *role) string {
	return "az role definition list --name " + r.ID.String() + " > role.json  # edit it, then: az role definition update --role-definition @role.json"
}

func deleteRole(r *role) string {
	return "az role definition delete --custom-role-only true --name " + r.ID.String()
}

func (x *inspection) wildcards() {
	x.custom(func(r *role) {
		var wide []string
		for _, p := range r.Permissions {
			for _, a := range slices.Concat(p.Actions, p.DataActions) {
				if tooWide(a) {
					wide = append(wide, a)
				}
			}
		}
		if len(wide) > 0 {
			x.add(about(r, fmt.Sprintf("the custom role %s holds %s, with whatever Azure adds to it", r.Name, strings.Join(wide, ", ")),
				Fix{Note: "Name the actions that are used", Az: updateRole(r)}))
		}
	})
}

// tooWide reports whether a pattern names everything, everything of one verb, or everything of a provider. Reading is narrow enough.
func tooWide(pattern string) bool {
	namespace, rest, cut := strings.Cut(gatehouse.Fold(pattern), "/")
	return namespace == "*" && rest != "read" || cut && rest == "*"
}

func (x *inspection) unheld() {
	x.custom(func(r *role) {
		if x.held[r.ID] == 0 {
			x.add(about(r, fmt.Sprintf("nobody holds the custom role %s", r.Name), Fix{Az: deleteRole(r)}))
		}
	})
}

// givers finds custom roles that can give access away.
func (x *inspection) givers() {
	x.custom(func(r *role) {
		for _, action := range []string{assignRoles, defineRoles, "Microsoft.Authorization/elevateAccess/Action"} {
			if r.grants(action, false) && !r.limited(action) {
				x.add(about(r, fmt.Sprintf("the custom role %s holds %s: whoever has it can give themselves every role there", r.Name, action),
					Fix{Note: "Take the action out, and let delegates hold Role Based Access Control Administrator with a condition", Az: updateRole(r)}))
				return
			}
		}
	})
}

// limited reports whether every entry that holds an action has a condition.
func (r *role) limited(action string) bool {
	for _, e := range r.entries {
		if e.condition == "" && e.grants(action, false) {
			return false
		}
	}
	return true
}

func (x *inspection) hollow() {
	x.custom(func(r *role) {
		if !r.something() {
			x.add(about(r, fmt.Sprintf("the custom role %s grants nothing: %s", r.Name, whyHollow(r)), Fix{Az: updateRole(r)}))
		}
	})
}

func whyHollow(r *role) string {
	for _, e := range r.entries {
		if len(e.actions)+len(e.data) > 0 {
			return "its exceptions take away all that it holds"
		}
	}
	return "it holds no action"
}

// operation is one known operation, or an action that a role names.
type operation struct {
	name string
	data bool
}

// catalogue is all actions that roles are compared over: known ones, and those that roles name.
type catalogue struct {
	list []operation // by folded name

}

// extent is what a role grants of a catalogue.
type extent struct {
	set []uint64
	n   int
}

func newCatalogue(roles []gatehouse.RoleDefinition) *catalogue {
	set := map[operation]bool{}
	for _, o := range builtin.Operations() {
		set[operation{gatehouse.Fold(o.Name), o.Data}] = true
	}
	for _, r := range roles {
		for _, p := range r.Permissions {
			for _, a := range slices.Concat(p.Actions, p.NotActions) {
				set[operation{gatehouse.Fold(a), false}] = true
			}
			for _, a := range slices.Concat(p.DataActions, p.NotDataActions) {
				set[operation{gatehouse.Fold(a), true}] = true
			}
		}
	}
	c := &catalogue{}
	for o := range set {
		c.list = append(c.list, o)
	}
	slices.SortFunc(c.list, func(a, b operation) int { return strings.Compare(a.name, b.name) })
	return c
}

// of is what a role grants; nil for one with conditions, which is not comparable. A pattern counts as an operation of its
// own, so that what lies beyond the catalogue is compared too.
func (c *catalogue) of(r *role) *extent {
	out := &extent{set: make([]uint64, len(c.list)/64+1)}
	for _, e := range r.entries {
		if e.condition != "" {
			return nil
		}
		c.mark(e.actions, e.notActions, false, out)
		c.mark(e.data, e.notData, true, out)
	}
	for _, w := range out.set {
		out.n += bits.OnesCount64(w)
	}
	return out
}

func (c *catalogue) mark(with, without []gatehouse.Pattern, data bool, out *extent) {
	for _, p := range with {
		prefix, _, _ := strings.Cut(p.Folded(), "*")
		i, _ := slices.BinarySearchFunc(c.list, prefix, func(o operation, s string) int { return strings.Compare(o.name, s) })
		for ; i < len(c.list) && strings.HasPrefix(c.list[i].name, prefix); i++ {
			if o := c.list[i]; o.data == data && p.MatchFolded(o.name) && !matches(without, o.name) {
				out.set[i/64] |= 1 << (i % 64)
			}
		}
	}
}

// only lists what is in a and not in b.
func (c *catalogue) only(a, b *extent) (out []string) {
	for i, w := range a.set {
		for d := w &^ b.set[i]; d != 0; d &= d - 1 {
			out = append(out, c.list[i*64+bits.TrailingZeros64(d)].name)
		}
	}
	return out
}

// twins is what is known of how alike roles are: computed once for the three rules that use it.
type twins struct {
	c       *catalogue
	extents map[gatehouse.GUID]*extent
}

func (x *inspection) compare() *twins {
	all := slices.Concat(x.world.Roles, builtin.Roles())
	t := &twins{newCatalogue(all), map[gatehouse.GUID]*extent{}}
	for i := range all {
		if _, done := t.extents[all[i].ID]; !done {
			t.extents[all[i].ID] = t.c.of(compile(&all[i]))
		}
	}
	return t
}

// nearest is the built-in role that differs least from a role: what the built-in has more, and what it lacks.
func (t *twins) nearest(id gatehouse.GUID) (best *gatehouse.RoleDefinition, more, lacks []string) {
	mine := t.extents[id]
	if mine == nil || mine.n == 0 {
		return nil, nil, nil
	}
	least := 4
	for i, b := range builtin.Roles() {
		theirs := t.extents[b.ID]
		if theirs == nil || theirs.n < mine.n-least || theirs.n > mine.n+least {
			continue
		}
		plus, minus := t.c.only(theirs, mine), t.c.only(mine, theirs)
		if n := len(plus) + len(minus); n < least {
			best, more, lacks, least = &builtin.Roles()[i], plus, minus, n
		}
	}
	return best, more, lacks
}

func (x *inspection) likeBuiltIn() { x.alike(true) }
func (x *inspection) nearBuiltIn() { x.alike(false) }

func (x *inspection) alike(equal bool) {
	t := x.compare()
	x.custom(func(r *role) {
		b, more, lacks := t.nearest(r.ID)
		switch n := len(more) + len(lacks); {
		case b == nil || (n == 0) != equal:
		case n == 0:
			x.add(about(r, fmt.Sprintf("the custom role %s grants exactly what the built-in role %s grants", r.Name, b.Name),
				Fix{Note: fmt.Sprintf("Assign %s instead; then", b.Name), Az: deleteRole(r)}))
		case n*10 <= t.extents[r.ID].n: // a few actions tell small roles apart well enough
			x.add(about(r, fmt.Sprintf("the custom role %s is nearly the built-in role %s, %s", r.Name, b.Name, difference(more, lacks)),
				Fix{Note: fmt.Sprintf("See whether %s would do; then", b.Name), Az: deleteRole(r)}))
		}
	})
}

func difference(more, lacks []string) string {
	var parts []string
	for word, list := range map[string][]string{"which also holds ": more, "which lacks ": lacks} {
		if len(list) > 0 {
			names := make([]string, len(list))
			for i, a := range list {
				names[i] = builtin.Canonical(a)
			}
			parts = append(parts, word+strings.Join(names, ", "))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " and ")
}

func (x *inspection) sameTwice() {
	t := x.compare()
	first := map[string]*role{}
	x.custom(func(r *role) {
		e := t.extents[r.ID]
		if e == nil || e.n == 0 {
			return
		}
		key := fmt.Sprint(e.set)
		if other := first[key]; other != nil {
			x.add(about(r, fmt.Sprintf("the custom roles %s and %s grant the same", other.Name, r.Name), Fix{Note: "Assign one of them everywhere; then", Az: deleteRole(r)}))
			return
		}
		first[key] = r
	})
}
