package past

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// Diff is who gained and who lost access between two moments.
type Diff struct {
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Scope   string    `json:"scope"`
	Shifts  []Shift   `json:"shifts"`
	Changes []Entry   `json:"changes"` // that the shifts came through, oldest first
	// More counts principals that changes concerned and that were not looked at: there were too many.
	More int `json:"more,omitempty"`
}

// Shift is what one principal gained and lost somewhere.
type Shift struct {
	Who     string         `json:"who"`
	ID      gatehouse.GUID `json:"id"`
	Scope   string         `json:"scope"`
	Gained  []string       `json:"gained,omitempty"` // actions, shortened to patterns where they hold everything these match
	Lost    []string       `json:"lost,omitempty"`
	Through []int64        `json:"through"` // the changes; none when a time window opened or closed
	// Elsewhere says that it also came through changes that the caller may not read.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

// maxShifts is for how many principals at how many places a Diff decides about every action.
const maxShifts = 400

// differ compares two moments.
type differ struct {
	was, is *guard.Guard
	scope   gatehouse.Scope
	changes []touched
	seeds   map[gatehouse.GUID]map[int64]bool // whom changes concern; 0 is the passing of time
	all     map[int64]bool                    // changes that concern everybody
}

// Diff compares the access of two moments at a scope and below it.
func (h *History) Diff(ctx context.Context, from, to *Moment, scope gatehouse.Scope) (*Diff, error) {
	if from.Time.After(to.Time) || from.Seq > to.Seq {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "TimeInvalid", "since comes after until: exchange the two.").At("since")
	}
	d := &differ{scope: scope, seeds: map[gatehouse.GUID]map[int64]bool{}, all: map[int64]bool{}}
	var err error
	if d.was, err = from.Guard(ctx); err != nil {
		return nil, err
	}
	if d.is, err = to.Guard(ctx); err != nil {
		return nil, err
	}
	if d.changes, err = h.changes(ctx, from.Seq, to.Seq); err != nil {
		return nil, err
	}
	d.changes = slices.DeleteFunc(d.changes, func(c touched) bool { return !d.bears(&c) })
	for i := range d.changes {
		d.sow(&d.changes[i])
	}
	d.windows(from.Time, to.Time)
	out := &Diff{Since: from.Time, Until: to.Time, Scope: gatehouse.ID(scope).String(), Shifts: []Shift{}, Changes: []Entry{}}
	d.compare(out)
	used := map[int64]bool{}
	for _, s := range out.Shifts {
		for _, seq := range s.Through {
			used[seq] = true
		}
	}
	for _, c := range d.changes {
		if used[c.Seq] {
			out.Changes = append(out.Changes, c.entry())
		}
	}
	return out, nil
}

// bears reports whether a change may matter at the scope or below it: a grant or a deny
// elsewhere does not, nor do the roles of the directory.
func (d *differ) bears(c *touched) bool {
	if !gatehouse.EqualFold(c.Type, guard.RoleAssignmentType) && !gatehouse.EqualFold(c.Type, guard.DenyAssignmentType) {
		return !directory.Root().Scope().Contains(c.scope) || !c.hasScope
	}
	for _, g := range []*guard.Guard{d.was, d.is} {
		if tree := g.Snapshot(); tree.Under(c.scope, d.scope) || tree.Under(d.scope, c.scope) {
			return true
		}
	}
	return false
}

// Show takes out what may not be told: what was gained at scopes that are not readable,
// and changes there; asked for the directory, readable says so of groups and people.
// That something came through such a change is still said.
func (d *Diff) Show(readable func(gatehouse.Scope) bool) {
	d.Shifts = slices.DeleteFunc(d.Shifts, func(s Shift) bool {
		at, err := gatehouse.ParseScope(s.Scope)
		return err != nil || !readable(at)
	})
	hidden, used := map[int64]bool{}, map[int64]bool{}
	for _, c := range d.Changes {
		hidden[c.Seq] = !gatehouse.EqualFold(c.Type, guard.RoleDefinitionType) && !readable(c.at)
	}
	for i := range d.Shifts {
		s := &d.Shifts[i]
		all := len(s.Through)
		s.Through = slices.DeleteFunc(s.Through, func(seq int64) bool { return hidden[seq] })
		s.Elsewhere = len(s.Through) < all
		for _, seq := range s.Through {
			used[seq] = true
		}
	}
	d.Changes = slices.DeleteFunc(d.Changes, func(c Entry) bool { return !used[c.Seq] })
}

// sow notes whom a change concerns.
func (d *differ) sow(c *touched) {
	id, _ := gatehouse.ParseID(c.Resource)
	for _, body := range [][]byte{c.Before, c.After} {
		if body == nil {
			continue
		}
		f := factsOf(c.Type, id, body)
		switch {
		case gatehouse.EqualFold(c.Type, guard.RoleDefinitionType):
			for _, g := range []*guard.Guard{d.was, d.is} {
				for a := range g.Snapshot().Assignments(gatehouse.Scope{}, rbac.At|rbac.Below) {
					if a.Role == f.role {
						d.seed(a.Principal, c.Seq)
					}
				}
			}
		case f.everyone || f.hasScope && f.role.IsZero() && len(f.others) == 0:
			d.all[c.Seq] = true // everybody, or where a subscription or management group lies
		case len(f.others) > 0:
			for _, p := range f.others {
				d.seed(p, c.Seq)
			}
		default:
			d.seed(f.principal, c.Seq)
		}
	}
}

// seed notes that a change concerns a principal and everybody who was or is in it.
func (d *differ) seed(p gatehouse.GUID, seq int64) {
	queue := []gatehouse.GUID{p}
	for len(queue) > 0 {
		p, queue = queue[0], queue[1:]
		if d.seeds[p] == nil {
			d.seeds[p] = map[int64]bool{}
		}
		if d.seeds[p][seq] {
			continue
		}
		d.seeds[p][seq] = true
		queue = append(append(queue, d.was.Snapshot().Members(p)...), d.is.Snapshot().Members(p)...)
	}
}

// windows finds whose assignments began or ended by themselves.
func (d *differ) windows(from, to time.Time) {
	between := func(t time.Time) bool { return !t.IsZero() && t.After(from) && !t.After(to) }
	for a := range d.is.Snapshot().Assignments(gatehouse.Scope{}, rbac.At|rbac.Below) {
		if between(a.Start) || between(a.End) {
			d.seed(a.Principal, 0)
		}
	}
}

// compare decides for everybody concerned, wherever they had or have an assignment.
func (d *differ) compare(out *Diff) {
	places := d.places()
	if len(d.all) > 0 {
		for p := range places {
			for seq := range d.all {
				d.seed(p, seq)
			}
		}
	}
	people := slices.SortedFunc(maps.Keys(d.seeds), func(a, b gatehouse.GUID) int { return strings.Compare(a.String(), b.String()) })
	looked := 0
	for _, p := range people {
		if d.was.IsGroup(p) || d.is.IsGroup(p) {
			continue
		}
		scopes := map[gatehouse.Scope]bool{}
		for _, g := range []*guard.Guard{d.was, d.is} {
			for _, of := range append(g.Snapshot().Groups(p), p) {
				maps.Copy(scopes, places[of])
			}
		}
		if looked += len(scopes); looked > maxShifts {
			out.More++
			continue
		}
		out.Shifts = append(out.Shifts, d.shifts(p, scopes)...)
	}
}

// places are, by holder, the scopes of assignments and denies that bear on what was asked:
// what is assigned above it counts at it.
func (d *differ) places() map[gatehouse.GUID]map[gatehouse.Scope]bool {
	out := map[gatehouse.GUID]map[gatehouse.Scope]bool{}
	add := func(p gatehouse.GUID, s gatehouse.Scope) {
		if directory.Root().Scope().Contains(s) {
			return // the directory has roles of its own
		}
		if !d.is.Snapshot().Under(s, d.scope) && !d.was.Snapshot().Under(s, d.scope) {
			s = d.scope
		}
		if out[p] == nil {
			out[p] = map[gatehouse.Scope]bool{}
		}
		out[p][s] = true
	}
	for _, g := range []*guard.Guard{d.was, d.is} {
		for a := range g.Snapshot().Assignments(d.scope, rbac.At|rbac.Above|rbac.Below) {
			add(a.Principal, a.Scope)
		}
	}
	for _, c := range d.changes {
		for _, p := range c.others {
			add(p, c.scope)
		}
	}
	return out
}

// shifts compares all actions of one principal at some scopes. What comes down from a scope is not repeated below it.
func (d *differ) shifts(p gatehouse.GUID, scopes map[gatehouse.Scope]bool) []Shift {
	order := slices.SortedFunc(maps.Keys(scopes), func(a, b gatehouse.Scope) int {
		return cmp.Or(cmp.Compare(len(a.String()), len(b.String())), strings.Compare(a.String(), b.String()))
	})
	var out []Shift
	said := map[gatehouse.Scope]map[string]bool{}
	for _, s := range order {
		gained, lost := d.actions(p, s)
		fresh := map[string]bool{}
		for _, list := range []struct {
			sign string
			of   []string
		}{{"+", gained}, {"-", lost}} {
			for _, a := range list.of {
				fresh[list.sign+a] = true
			}
		}
		repeated := len(fresh) == 0
		for above, known := range said {
			repeated = repeated || above != s && d.is.Snapshot().Under(s, above) && within(fresh, known)
		}
		if repeated {
			continue
		}
		said[s] = fresh
		out = append(out, Shift{ID: p, Scope: gatehouse.ID(s).String(), Gained: shorten(gained), Lost: shorten(lost), Through: d.through(p, s)})
	}
	return out
}

// within reports whether one set holds all of another.
func within(part, whole map[string]bool) bool {
	for a := range part {
		if !whole[a] {
			return false
		}
	}
	return true
}

// through are the changes that concern a principal at a scope.
func (d *differ) through(p gatehouse.GUID, s gatehouse.Scope) []int64 {
	out := []int64{}
	for _, c := range d.changes {
		if d.seeds[p][c.Seq] && (!c.hasScope || c.facts.role.IsZero() || d.is.Snapshot().Under(s, c.scope) || d.was.Snapshot().Under(s, c.scope)) {
			out = append(out, c.Seq)
		}
	}
	return out
}

func (d *differ) actions(p gatehouse.GUID, s gatehouse.Scope) (gained, lost []string) {
	was, is := d.was.SignsIn(p), d.is.SignsIn(p)
	for _, o := range operations() {
		a, b := was && may(d.was, p, o, s), is && may(d.is, p, o, s)
		switch {
		case b && !a:
			gained = append(gained, o.Name)
		case a && !b:
			lost = append(lost, o.Name)
		}
	}
	return gained, lost
}

func may(g *guard.Guard, p gatehouse.GUID, o builtin.Operation, s gatehouse.Scope) bool {
	return g.Snapshot().Decide(g.Request(&gatehouse.Caller{ID: p}, o.Name, o.Data, gatehouse.ID(s), nil)).Allowed
}

// operations are the known actions, each once, but for the directory's own.
var operations = sync.OnceValue(func() []builtin.Operation {
	seen := map[string]bool{}
	var out []builtin.Operation
	for _, o := range builtin.Operations() {
		key := gatehouse.Fold(o.Name)
		if !seen[key] && !strings.HasPrefix(key, gatehouse.Fold(builtin.DirectoryNamespace)) {
			seen[key] = true
			out = append(out, o)
		}
	}
	return out
})

// shorten replaces actions by patterns that match exactly these: *, */read, Microsoft.X/*,
// Microsoft.X/*/write. Data actions are another kind, with patterns of their own, and marked.
func shorten(actions []string) []string {
	have := map[string]bool{}
	for _, a := range actions {
		have[a] = true
	}
	var out []string
	for _, data := range []bool{false, true} {
		var known, mine []string
		for _, o := range operations() {
			if o.Data != data {
				continue
			}
			if known = append(known, o.Name); have[o.Name] {
				mine = append(mine, o.Name)
			}
		}
		mark := ""
		if data {
			mark = " (data)"
		}
		for _, p := range patterns(known, mine, have) {
			out = append(out, p+mark)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}

// patterns shortens actions of one kind, of which known are all.
func patterns(known, actions []string, have map[string]bool) (out []string) {
	take := func(space, verb string) {
		matches := func(a string) bool { return strings.HasPrefix(a, space) && strings.HasSuffix(gatehouse.Fold(a), verb) }
		n := 0
		for _, a := range known {
			if matches(a) {
				if n++; !have[a] {
					return
				}
			}
		}
		rest := slices.DeleteFunc(slices.Clone(actions), matches)
		if n > 1 && len(rest) < len(actions) {
			out, actions = append(out, space+"*"+verb), rest
		}
	}
	spaces := []string{""}
	for _, a := range actions {
		space, _, _ := strings.Cut(a, "/")
		if space += "/"; !slices.Contains(spaces, space) {
			spaces = append(spaces, space)
		}
	}
	for _, space := range spaces {
		for _, verb := range []string{"", "/read", "/write", "/delete", "/action"} {
			take(space, verb)
		}
	}
	return append(out, actions...)
}

// served are the namespaces of what there is on this server; people look for them first.
var served = []string{"*", "Microsoft.ApiManagement", "Microsoft.Authorization", "Microsoft.Resources", "Microsoft.ManagedIdentity", "Microsoft.Management", "Microsoft.Insights"}

func rank(action string) int {
	space, _, _ := strings.Cut(action, "/")
	if i := slices.Index(served, space); i >= 0 {
		return i
	}
	return len(served)
}

// Names completes a Diff by what its principals and roles are called.
func (d *Diff) Names(name func(gatehouse.GUID) string) {
	for i := range d.Shifts {
		s := &d.Shifts[i]
		if s.Who = name(s.ID); s.Who == "" {
			s.Who = s.ID.String()
		}
	}
	for i := range d.Changes {
		d.Changes[i].Names(name)
	}
	slices.SortStableFunc(d.Shifts, func(a, b Shift) int { return cmp.Or(strings.Compare(a.Who, b.Who), strings.Compare(a.Scope, b.Scope)) })
}
