package rbac

import (
	"strings"
	"time"

	"gatehouse"
	"gatehouse/rbac/cond"
)

// extra is what few assignments have: a condition, a time window. Immutable.
type extra struct {
	condition  *condition // nil for none
	start, end time.Time
}

// in reports whether the window holds a time: from start, until before end.
func (x *extra) in(now time.Time) bool {
	return (x.start.IsZero() || !now.Before(x.start)) && (x.end.IsZero() || now.Before(x.end))
}

// condition is a condition as written, parsed or not.
type condition struct {
	text   string
	parsed *cond.Condition // nil when it does not parse
	fault  string          // why not
}

func newCondition(text string) *condition {
	c := &condition{text: text}
	parsed, err := cond.Parse(text)
	if err != nil {
		c.fault = err.Error()
		return c
	}
	c.parsed = parsed
	return c
}

// permits evaluates a condition of a grant: none holds, an unreadable one or one with
// a type error does not (rbac.md 7.4).
func (c *condition) permits(e *cond.Env) bool {
	return c == nil || c.parsed != nil && c.parsed.Eval(e) == cond.True
}

// forbids evaluates a condition of a deny, which fails closed: what cannot be read or
// evaluated does not lift the deny.
func (c *condition) forbids(e *cond.Env) bool {
	return c == nil || c.parsed == nil || c.parsed.Eval(e) != cond.False
}

// catalogue numbers the actions that every permission entry answers for in advance. Immutable.
type catalogue struct {
	numbers map[string]int // by folded name and by the name as given
	names   []string       // folded
	reads   bitset         // those that only read
}

func newCatalogue(actions []string) *catalogue {
	c := &catalogue{numbers: make(map[string]int, 2*len(actions))}
	for _, a := range actions {
		folded := gatehouse.Fold(a)
		n, ok := c.numbers[folded]
		if !ok {
			n = len(c.names)
			c.names = append(c.names, folded)
			c.numbers[folded] = n
		}
		c.numbers[a] = n
	}
	c.reads = make(bitset, (len(c.names)+63)/64)
	for i, name := range c.names {
		if strings.HasSuffix(name, "/read") {
			c.reads[i>>6] |= 1 << (i & 63)
		}
	}
	return c
}

// find returns the number of an action, -1 when it is not in the catalogue.
func (c *catalogue) find(action string) int {
	if n, ok := c.numbers[action]; ok {
		return n
	}
	var buffer [128]byte
	if len(action) > len(buffer) {
		return -1
	}
	for i := 0; i < len(action); i++ {
		b := action[i]
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		buffer[i] = b
	}
	if n, ok := c.numbers[string(buffer[:len(action)])]; ok {
		return n
	}
	return -1
}

// bitset is a set of action numbers.
type bitset []uint64

func (b bitset) has(n int) bool { return b[n>>6]>>(n&63)&1 != 0 }

// entry is a permission entry, compiled. Control and data actions never mix (rbac.md 4.3).
type entry struct {
	control, data matcher
	condition     *condition
}

// matcher is actions without notActions, or the pair for data actions.
type matcher struct {
	include, exclude []gatehouse.Pattern
	known            bitset // the answers for the catalogue
}

// question is an action to match. number is its place in the catalogue, -1 when it has
// none, or notLooked.
type question struct {
	action string
	number int
	data   bool
}

const notLooked = -2

func newMatcher(include, exclude []string, c *catalogue) matcher {
	m := matcher{include: compile(include), exclude: compile(exclude)}
	m.known = make(bitset, (len(c.names)+63)/64)
	for i, name := range c.names {
		if len(m.include) > 0 && m.slow(name) {
			m.known[i>>6] |= 1 << (i & 63)
		}
	}
	return m
}

func compile(patterns []string) []gatehouse.Pattern {
	out := make([]gatehouse.Pattern, len(patterns))
	for i, p := range patterns {
		out[i] = gatehouse.NewPattern(p)
	}
	return out
}

func (m *matcher) slow(action string) bool {
	return matching(m.include, action) >= 0 && matching(m.exclude, action) < 0
}

// matching returns the index of the first pattern that matches, -1 when none does.
func matching(patterns []gatehouse.Pattern, action string) int {
	for i := range patterns {
		if patterns[i].Match(action) {
			return i
		}
	}
	return -1
}

func (m *matcher) matches(q *question) bool {
	if q.number >= 0 {
		return m.known.has(q.number)
	}
	return m.slow(q.action)
}

func (x *entry) of(data bool) *matcher {
	if data {
		return &x.data
	}
	return &x.control
}

func (x *entry) matches(q *question) bool { return x.of(q.data).matches(q) }

func compileEntries(permissions []gatehouse.Permission, c *catalogue) []entry {
	out := make([]entry, len(permissions))
	for i, p := range permissions {
		out[i].control = newMatcher(p.Actions, p.NotActions, c)
		out[i].data = newMatcher(p.DataActions, p.NotDataActions, c)
		if p.Condition != "" {
			out[i].condition = newCondition(p.Condition)
		}
	}
	return out
}

// role is a role definition, compiled; without one it was referred to and does not exist.
type role struct {
	id         gatehouse.GUID
	definition *gatehouse.RoleDefinition
	entries    []entry // none without a definition
}

// deny is a deny assignment, compiled.
type deny struct {
	gatehouse.DenyAssignment
	scope      uint32
	entries    []entry
	condition  *condition
	everyone   bool
	principals []uint32 // numbers of people
	excluded   []uint32
}

// names reports whether the deny is about a principal, which may be unknown (nil).
func (d *deny) names(who *person, self uint32) bool {
	return d.everyone || who != nil && who.anyOf(self, d.principals)
}

// spares reports whether the principal is excluded from the deny.
func (d *deny) spares(who *person, self uint32) bool {
	return who != nil && who.anyOf(self, d.excluded)
}

func (w *person) anyOf(self uint32, numbers []uint32) bool {
	for _, n := range numbers {
		if w.in(self, n) {
			return true
		}
	}
	return false
}
