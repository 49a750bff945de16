package past

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Touch selects changes that touched access.
type Touch struct {
	Scope     gatehouse.Scope // at or below it
	Inherited bool            // and above it
	Principal gatehouse.GUID  // zero for everybody's
	After     int64           // only later changes
	Limit     int             // the newest so many; 0 for all
	// Readable says at which scopes changes may be told, and, asked for the directory,
	// whether those of groups and people; nil for everywhere.
	Readable func(gatehouse.Scope) bool
}

// Entry is a change that touched access.
type Entry struct {
	Seq      int64                `json:"change"`
	Time     time.Time            `json:"time"`
	Who      string               `json:"who"`
	WhoID    gatehouse.GUID       `json:"whoId"`
	Kind     gatehouse.ChangeKind `json:"kind"`
	Did      string               `json:"did"` // granted, revoked, changed, denied, joined, left, ...
	What     string               `json:"what"`
	Scope    string               `json:"scope,omitempty"` // of assignments
	Resource string               `json:"resource"`
	Type     string               `json:"type"`
	Action   string               `json:"action"`
	Reason   string               `json:"reason,omitempty"`
	Grant    string               `json:"permittedBy,omitempty"` // the role assignment that permitted it
	Undo     string               `json:"undo"`                  // the command that takes it back

	role, principal, group gatehouse.GUID
	name                   string
	at                     gatehouse.Scope // whose changes it is among
}

// facts are what a document that bears on access is about.
type facts struct {
	role, principal, group gatehouse.GUID
	everyone               bool
	scope                  gatehouse.Scope
	hasScope               bool
	name                   string
	others                 []gatehouse.GUID // whom a deny assignment names
}

func factsOf(typ string, id gatehouse.ID, body []byte) facts {
	var f facts
	o, _ := jsondoc.ParseObject(body)
	if o == nil {
		o = jsondoc.NewObject()
	}
	own, _ := gatehouse.ParseGUID(id.Name())
	switch gatehouse.Fold(typ) {
	case gatehouse.Fold(guard.RoleAssignmentType):
		f.principal, _ = gatehouse.ParseGUID(o.String("properties.principalId"))
		f.role = lastGUID(o.String("properties.roleDefinitionId"))
		f.scope, f.hasScope = id.Parent().Scope(), true
	case gatehouse.Fold(guard.DenyAssignmentType):
		f.scope, f.hasScope, f.name = id.Parent().Scope(), true, o.String("properties.denyAssignmentName")
		for _, v := range o.Array("properties.principals") {
			p, _ := v.(*jsondoc.Object)
			if p == nil {
				continue
			}
			who, err := gatehouse.ParseGUID(p.String("id"))
			f.everyone = f.everyone || err == nil && who.IsZero()
			f.others = append(f.others, who)
		}
	case gatehouse.Fold(directory.RoleAssignmentType):
		f.principal, _ = gatehouse.ParseGUID(o.String("principalId"))
		f.role = lastGUID(o.String("roleDefinitionId"))
		f.scope, f.hasScope = directory.Root().Scope(), true
	case gatehouse.Fold(guard.RoleDefinitionType):
		f.role, f.name = own, o.String("properties.roleName")
	case gatehouse.Fold(directory.GroupMemberType), gatehouse.Fold(directory.GroupOwnerType):
		f.principal = own
		f.group, _ = directory.ObjectOf(id.Parent().Scope())
	case gatehouse.Fold(directory.UserType), gatehouse.Fold(directory.GroupType), gatehouse.Fold(directory.ServicePrincipalType):
		f.principal, f.name = own, cmp.Or(o.String("userPrincipalName"), o.String("displayName"))
	default:
		f.scope, f.hasScope, f.name = id.Scope(), true, cmp.Or(o.String("properties.displayName"), id.Name())
	}
	return f
}

func lastGUID(text string) gatehouse.GUID {
	id, _ := gatehouse.ParseGUID(text[strings.LastIndexByte(text, '/')+1:])
	return id
}

// touched is a change with what it is about.
type touched struct {
	gatehouse.Change
	facts
}

// changes returns all changes of documents that bear on access between two, oldest first.
func (h *History) changes(ctx context.Context, after, until int64) ([]touched, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var out []touched
	for _, typ := range guard.Types() {
		if out, err = h.read(ctx, out, until, store.ChangeQuery{Type: typ, AfterSeq: after}); err != nil {
			return nil, err
		}
	}
	inOrder(out)
	return out, nil
}

func inOrder(list []touched) {
	slices.SortFunc(list, func(a, b touched) int { return cmp.Compare(a.Seq, b.Seq) })
}

// read adds the changes of documents that q selects, up to one when until is not 0.
func (h *History) read(ctx context.Context, out []touched, until int64, q store.ChangeQuery) ([]touched, error) {
	each, err := h.store.Changes(ctx, q)
	if err != nil {
		return nil, err
	}
	for c, err := range each {
		if err != nil {
			return nil, err
		}
		if until > 0 && c.Seq > until {
			break
		}
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil || c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete {
			continue
		}
		body := c.After
		if body == nil {
			body = c.Before
		}
		out = append(out, touched{c, factsOf(c.Type, id, body)})
	}
	return out, nil
}

// membership, people and scoped sort the types that bear on access by what they are needed for.
func membership(typ string) bool { return gatehouse.EqualFold(typ, directory.GroupMemberType) }

func people(typ string) bool {
	return slices.ContainsFunc([]string{directory.GroupOwnerType, directory.UserType, directory.GroupType, directory.ServicePrincipalType},
		func(t string) bool { return gatehouse.EqualFold(t, typ) })
}

func scoped(typ string) bool {
	return !membership(typ) && !people(typ) && !gatehouse.EqualFold(typ, guard.RoleDefinitionType)
}

// about reads what Touching needs: of grants and groups everything, since who held
// something may have got it long ago; of what only bears on those what is asked for.
func (h *History) about(ctx context.Context, q Touch) ([]touched, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var out []touched
	for _, typ := range guard.Types() {
		all := store.ChangeQuery{Type: typ}
		switch _, inside := q.Scope.Subscription(); {
		case !scoped(typ) && !membership(typ):
			all.AfterSeq = q.After
		case scoped(typ) && inside && !q.Inherited:
			all.Under = &q.Scope
		}
		if out, err = h.read(ctx, out, 0, all); err != nil {
			return nil, err
		}
	}
	inOrder(out)
	return out, nil
}

// Touching returns the changes that touched access somewhere or of somebody, newest
// first: grants and denies there, edits of the roles that were granted there, and
// who joined or left the groups that held them.
func (h *History) Touching(ctx context.Context, q Touch) ([]Entry, error) {
	all, err := h.about(ctx, q)
	if err != nil {
		return nil, err
	}
	live, err := h.live(ctx, 0)
	if err != nil {
		return nil, err
	}
	tree := live.Snapshot()
	who := h.circle(all, q.Principal)
	roles, holders := map[gatehouse.GUID]bool{}, map[gatehouse.GUID]bool{}
	keep := make([]bool, len(all))
	mine := func(p gatehouse.GUID) bool { return who == nil || who[p] }
	for i, c := range all {
		if !c.hasScope || !q.at(tree, c.scope) {
			continue
		}
		concerned := c.everyone || mine(c.principal) || slices.ContainsFunc(c.others, mine)
		if assignment := !c.role.IsZero(); assignment && !concerned {
			continue
		} else if assignment {
			roles[c.role], holders[c.principal] = true, true
		}
		keep[i] = concerned
	}
	h.widen(all, holders)
	known := q.readable(directory.Root().Scope())
	out := []Entry{}
	for i := len(all) - 1; i >= 0 && all[i].Seq > q.After; i-- {
		c := all[i]
		switch {
		case keep[i]:
		case c.hasScope:
			continue
		case gatehouse.EqualFold(c.Type, guard.RoleDefinitionType):
			if !roles[c.role] {
				continue
			}
		case !known:
			continue
		case !c.group.IsZero():
			if !holders[c.group] || !mine(c.principal) && !mine(c.group) {
				continue
			}
		case !holders[c.principal] || !mine(c.principal):
			continue
		}
		if out = append(out, c.entry()); q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out, nil
}

func (q *Touch) readable(s gatehouse.Scope) bool { return q.Readable == nil || q.Readable(s) }

// at reports whether what happened at a scope is asked for and may be told.
func (q *Touch) at(tree *rbac.Snapshot, s gatehouse.Scope) bool {
	switch {
	case directory.Root().Scope().Contains(s) && !q.Scope.IsRoot():
		return false
	case !tree.Under(s, q.Scope) && !(q.Inherited && tree.Under(q.Scope, s)):
		return false
	}
	return q.readable(s)
}

// circle is a principal with all groups that it ever was in, nil for everybody.
func (h *History) circle(all []touched, p gatehouse.GUID) map[gatehouse.GUID]bool {
	if p.IsZero() {
		return nil
	}
	in := map[gatehouse.GUID]bool{p: true}
	for grown := true; grown; {
		grown = false
		for _, c := range all {
			if gatehouse.EqualFold(c.Type, directory.GroupMemberType) && in[c.principal] && !in[c.group] {
				in[c.group], grown = true, true
			}
		}
	}
	return in
}

// widen adds whoever was ever in one of the holders.
func (h *History) widen(all []touched, holders map[gatehouse.GUID]bool) {
	for grown := true; grown; {
		grown = false
		for _, c := range all {
			if gatehouse.EqualFold(c.Type, directory.GroupMemberType) && holders[c.group] && !holders[c.principal] {
				holders[c.principal], grown = true, true
			}
		}
	}
}

func (c touched) entry() Entry {
	e := Entry{Seq: c.Seq, Time: c.Time, Who: c.Cause.Caller.Name, WhoID: c.Cause.Caller.ID, Kind: c.Kind, Resource: c.Resource, Type: c.Type,
		Action: c.Cause.Action, Reason: c.Cause.Reason, Undo: fmt.Sprintf("gatehouse undo %d", c.Seq),
		role: c.role, principal: c.principal, group: c.group, name: c.name}
	if c.hasScope {
		e.Scope = gatehouse.ID(c.scope).String()
		if id, err := gatehouse.ParseID(c.Resource); err == nil && (c.role != gatehouse.GUID{} || len(c.others) > 0) {
			e.Scope = id.Parent().String()
		}
	}
	if d := c.Cause.Decision; d != nil {
		e.Grant = d.Grant
	}
	if e.at = directory.Root().Scope(); c.hasScope {
		e.at = c.scope
	}
	e.Did = c.did()
	return e
}

// did says in a word what a change meant for access.
func (c touched) did() string {
	made, gone := c.Before == nil, c.Kind == gatehouse.Delete
	word := func(onMade, onGone string) string {
		switch {
		case made:
			return onMade
		case gone:
			return onGone
		}
		return "changed"
	}
	switch gatehouse.Fold(c.Type) {
	case gatehouse.Fold(guard.RoleAssignmentType), gatehouse.Fold(directory.RoleAssignmentType):
		return word("granted", "revoked")
	case gatehouse.Fold(guard.DenyAssignmentType):
		return word("denied", "lifted")
	case gatehouse.Fold(directory.GroupMemberType):
		return word("joined", "left")
	}
	return word("created", "deleted")
}

// Anonymous takes away what a log entry says of people's names, before Names.
func (e *Entry) Anonymous() {
	e.Who = ""
	switch gatehouse.Fold(e.Type) {
	case gatehouse.Fold(directory.UserType), gatehouse.Fold(directory.GroupType), gatehouse.Fold(directory.ServicePrincipalType):
		e.name = e.principal.String()
	}
}

// Names completes an entry by what its principals and roles are called.
func (e *Entry) Names(name func(gatehouse.GUID) string) {
	call := func(id gatehouse.GUID) string {
		if n := name(id); n != "" {
			return n
		}
		return id.String()
	}
	if e.Who == "" || call(e.WhoID) != e.WhoID.String() {
		e.Who = call(e.WhoID)
	}
	switch gatehouse.Fold(e.Type) {
	case gatehouse.Fold(guard.RoleAssignmentType), gatehouse.Fold(directory.RoleAssignmentType):
		e.What = roleName(e.role, call) + " for " + call(e.principal)
	case gatehouse.Fold(guard.RoleDefinitionType):
		e.What = "role " + cmp.Or(e.name, call(e.role))
	case gatehouse.Fold(guard.DenyAssignmentType):
		e.What = "deny assignment " + e.name
	case gatehouse.Fold(directory.GroupMemberType):
		e.What = call(e.principal) + " in group " + call(e.group)
	case gatehouse.Fold(directory.GroupOwnerType):
		e.What = call(e.principal) + " as owner of group " + call(e.group)
	case gatehouse.Fold(directory.UserType):
		e.What = "user " + e.name
	case gatehouse.Fold(directory.GroupType):
		e.What = "group " + e.name
	case gatehouse.Fold(directory.ServicePrincipalType):
		e.What = "service principal " + e.name
	default:
		e.What = e.name
	}
}

func roleName(id gatehouse.GUID, call func(gatehouse.GUID) string) string {
	if r, ok := builtin.Role(id); ok {
		return r.Name
	}
	if r, ok := builtin.DirectoryRole(id); ok {
		return r.Name
	}
	return call(id)
}

// Describe says what a document that bears on access is about, "" for others.
func Describe(typ string, id gatehouse.ID, body []byte, name func(gatehouse.GUID) string) string {
	if !slices.ContainsFunc(guard.Types(), func(t string) bool { return gatehouse.EqualFold(t, typ) }) {
		return ""
	}
	e := touched{gatehouse.Change{Resource: id.String(), Type: typ}, factsOf(typ, id, body)}.entry()
	e.Names(name)
	return e.What
}
