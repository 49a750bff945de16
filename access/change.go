package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
)

// ChangeKind says what a Change does.
type ChangeKind string

// The kinds of Change, smallest first.
const (
	ActivateRole     ChangeKind = "activateRole"
	ExtendAssignment ChangeKind = "extendAssignment"
	FixCondition     ChangeKind = "fixCondition"
	ExcludeFromDeny  ChangeKind = "excludeFromDeny"
	RemoveDeny       ChangeKind = "removeDeny"
	AddToGroup       ChangeKind = "addToGroup"
	AssignRole       ChangeKind = "assignRole"
)

// Change would turn a refusal into a permission. It was tried on a copy of the access
// that it is about.
type Change struct {
	Kind  ChangeKind `json:"kind"`
	Text  string     `json:"text"`
	Opens Opens      `json:"opens"`
	// Needs are other changes that have to be made with it: a deny assignment outweighs every role.
	Needs    []string      `json:"needs,omitempty"`
	Az       []string      `json:"az"`
	Commands []string      `json:"gatehouse"`
	Role     *Role         `json:"role,omitempty"`
	Scope    Where         `json:"scope"`
	Group    *Who          `json:"group,omitempty"`
	By       []Granter     `json:"by"` // who could make it, nearest first
	updates  []rbac.Update // what it does
	at       gatehouse.Scope
	to       gatehouse.GUID // who gets something by it
	takes    right          // what making it takes
}

// Opens is what a change would open besides what was asked for.
type Opens struct {
	Actions  int  `json:"actions"`  // known actions that the principal has not at that scope and would have, the one asked for included
	Scopes   int  `json:"scopes"`   // scopes at which something is granted; each reaches what is below it
	People   int  `json:"people"`   // users and service principals who would gain
	Everyone bool `json:"everyone"` // all there are
}

// Granter is a principal that may make the changes, and by which role.
type Granter struct {
	Who
	Role  Role  `json:"role"`
	Scope Where `json:"scope"`
	Size  int   `json:"members,omitempty"` // of a group
}

// right is an action at a scope.
type right struct {
	action string
	data   bool
	at     gatehouse.Scope
}

const (
	maxRoles    = 3
	maxGroups   = 2
	maxGranters = 5
)

// changes finds the smallest changes that flip a refusal.
func (e *explainer) changes() {
	if _, known := e.principal(e.q.Principal); !known && e.Complete {
		return // nobody can be helped who does not exist
	}
	base, needs, removable := e.lift()
	if !removable {
		return
	}
	if e.found.Decision.Code == gatehouse.DenyAssignmentAuthorizationFailed {
		e.propose(e.exclusion())
		e.propose(e.removal(base, needs))
		return
	}
	for _, c := range slices.Concat(e.activations(), e.extensions(), e.conditions(), e.additions(), e.assignments()) {
		if len(base) > 0 {
			c.updates, c.Needs = append(base[:len(base):len(base)], c.updates...), needs
		}
		e.propose(c)
	}
}

// propose keeps a change that works and says what it opens.
func (e *explainer) propose(c Change) {
	after := e.Snapshot.Apply(c.updates...)
	if !after.Decide(e.request).Allowed {
		return
	}
	role := c.Role
	if len(c.Needs) > 0 {
		role = nil // what a deny took away comes back with it
	}
	c.Opens.Actions = e.gained(after, role)
	if c.Opens.People == 0 && !c.Opens.Everyone {
		c.Opens.People = e.members(c.to)
	}
	c.Opens.Scopes = max(c.Opens.Scopes, 1)
	c.Scope = e.where(c.at)
	if c.takes.action == "" {
		c.takes = right{"Microsoft.Authorization/roleAssignments/write", false, c.at}
	}
	c.By = e.granters(c.takes)
	e.out.Changes = append(e.out.Changes, c)
}

// gained counts the known actions that the principal would have at the scope and has
// not; with a role, it is this role that the change is about.
func (e *explainer) gained(after *rbac.Snapshot, role *Role) int {
	n, listed := 0, false
	r := *e.request
	for i, o := range builtin.Operations() {
		if role != nil && !e.Snapshot.Permits(role.ID, o.Name, o.Data) {
			continue
		}
		r.Action, r.Data = o.Name, o.Data
		if after.Decide(&r).Allowed && !e.before(i, &r) {
			n++
			listed = listed || o.Data == e.q.Data && gatehouse.EqualFold(o.Name, e.q.Action)
		}
	}
	if !listed {
		n++ // the one that was asked for is in no catalogue
	}
	return n
}

// before reports whether the principal may do the i-th known operation already, which several changes ask.
func (e *explainer) before(i int, r *gatehouse.Request) bool {
	if e.had == nil {
		e.had = make([]int8, len(builtin.Operations()))
	}
	if e.had[i] == 0 {
		e.had[i] = -1
		if e.Snapshot.Decide(r).Allowed {
			e.had[i] = 1
		}
	}
	return e.had[i] > 0
}

// lift collects what takes the blocking deny assignments away; ok is false when one of
// them may not be shown or cannot be removed.
func (e *explainer) lift() (updates []rbac.Update, needs []string, ok bool) {
	for i := range e.found.Reasons {
		r := &e.found.Reasons[i]
		if r.Kind != rbac.Denies {
			continue
		}
		d, known := e.Snapshot.Deny(r.Scope, r.Assignment)
		if !known || d.SystemProtected || !e.reads(r.Scope) {
			return nil, nil, false
		}
		updates = append(updates, rbac.DeleteDeny(r.Scope, r.Assignment))
		needs = append(needs, fmt.Sprintf("remove deny assignment %q at %s", r.Name, e.place(r.Scope)))
	}
	return updates, needs, true
}

// exclusion spares the principal from the deny assignments that block.
func (e *explainer) exclusion() Change {
	c := Change{Kind: ExcludeFromDeny, to: e.q.Principal}
	var texts []string
	for i := range e.out.Denies {
		d := &e.out.Denies[i]
		x, ok := e.Snapshot.Deny(d.at, d.Assignment)
		if d.Kind != rbac.Denies || !ok {
			continue
		}
		x.ExcludePrincipals = append(x.ExcludePrincipals[:len(x.ExcludePrincipals):len(x.ExcludePrincipals)], e.q.Principal)
		c.updates, c.at = append(c.updates, rbac.PutDeny(x)), d.at
		c.takes = right{"Microsoft.Authorization/denyAssignments/write", false, d.at}
		texts = append(texts, fmt.Sprintf("exclude %s from deny assignment %q at %s", e.out.Principal, d.Name, d.Scope.Name))
		c.add("az rest --method get --url " + quote(e.denyID(d)) + " > deny.json  # add " + e.q.Principal.String() + " to properties.excludePrincipals, then")
		c.add("az rest --method put --url " + quote(e.denyID(d)) + " --body @deny.json")
	}
	c.Text = strings.Join(texts, " and ")
	return c
}

func (e *explainer) denyID(d *Grant) string {
	return strings.TrimSuffix(e.spelled(d.at), "/") + "/providers/Microsoft.Authorization/denyAssignments/" + d.Assignment.String() + "?api-version=2024-07-01-preview"
}

func (e *explainer) removal(updates []rbac.Update, needs []string) Change {
	c := Change{Kind: RemoveDeny, Text: strings.Join(needs, " and "), updates: updates, to: e.q.Principal}
	for i := range e.out.Denies {
		d := &e.out.Denies[i]
		if d.Kind != rbac.Denies {
			continue
		}
		c.at, c.takes = d.at, right{"Microsoft.Authorization/denyAssignments/delete", false, d.at}
		c.add("az rest --method delete --url " + quote(e.denyID(d)))
		if x, ok := e.Snapshot.Deny(d.at, d.Assignment); ok {
			for _, p := range x.Principals {
				c.Opens.Everyone = c.Opens.Everyone || p.IsZero()
				c.Opens.People += e.members(p)
			}
		}
	}
	if c.Opens.Everyone {
		c.Opens.People = 0
	}
	return c
}

// add appends a command, as az and through gatehouse.
func (c *Change) add(az string) {
	c.Az = append(c.Az, az)
	c.Commands = append(c.Commands, "gatehouse az -- "+strings.TrimPrefix(az, "az "))
}

// quote writes a word for a POSIX shell: what is in it was named by anybody.
func quote(s string) string {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,+@") != "" {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// argument is what a command calls something: by its ID where the name would be read as
// a flag, as the file to take it from (az reads @name), or not come through a terminal.
func argument(name string, id gatehouse.GUID) string {
	if name == "" || strings.ContainsAny(name[:1], "-@") || gatehouse.Plain(name) != name {
		return id.String()
	}
	return name
}

func (e *explainer) activations() (out []Change) {
	for _, a := range e.Eligible {
		if !e.couldActivate(a.RoleAssignment) || !e.reads(a.Scope) {
			continue
		}
		c := Change{Kind: ActivateRole, Text: fmt.Sprintf("activate %s at %s", e.roleName(a.Role), e.place(a.Scope)), Role: &Role{a.Role, e.roleName(a.Role)},
			updates: []rbac.Update{rbac.PutAssignment(gatehouse.RoleAssignment{ID: proposal(a.Scope, a.Role), Scope: a.Scope, Principal: e.q.Principal, Role: a.Role, Condition: a.Condition})},
			at:      a.Scope, to: e.q.Principal}
		c.add(fmt.Sprintf(`az rest --method put --url %s --body '{"properties":{"requestType":"SelfActivate","principalId":"%s","roleDefinitionId":"%s","justification":"...","scheduleInfo":{"expiration":{"type":"AfterDuration","duration":"PT8H"}}}}'`,
			quote(strings.TrimSuffix(e.spelled(a.Scope), "/")+"/providers/Microsoft.Authorization/roleAssignmentScheduleRequests/"+e.fresh(a.RoleAssignment)+"?api-version=2020-10-01"), e.q.Principal, roleID(a.Role)))
		out = append(out, c)
	}
	return out
}

// proposal is the name of an assignment that exists in a trial only.
func proposal(scope gatehouse.Scope, role gatehouse.GUID) gatehouse.GUID {
	return gatehouse.NameGUID(role, "proposed at "+scope.String())
}

// fresh is a name for a request that nobody has made yet.
func (e *explainer) fresh(a gatehouse.RoleAssignment) string {
	return gatehouse.NameGUID(a.ID, e.q.Principal.String()+" asked at "+e.Now.String()).String()
}

func roleID(role gatehouse.GUID) string {
	return "/providers/Microsoft.Authorization/roleDefinitions/" + role.String()
}

// kept returns the near misses of one kind with their assignments as they are.
func (e *explainer) kept(kinds ...rbac.Kind) func(func(*Grant, gatehouse.RoleAssignment) bool) {
	return func(yield func(*Grant, gatehouse.RoleAssignment) bool) {
		for i := range e.out.Near {
			g := &e.out.Near[i]
			if g.Deny || !contains(kinds, g.Kind) {
				continue
			}
			if a, ok := e.Snapshot.Assignment(g.at, g.Assignment); ok && !yield(g, a) {
				return
			}
		}
	}
}

func (e *explainer) assignmentID(g *Grant) string {
	return strings.TrimSuffix(e.spelled(g.at), "/") + "/providers/Microsoft.Authorization/roleAssignments/" + g.Assignment.String()
}

func (e *explainer) extensions() (out []Change) {
	for g, a := range e.kept(rbac.Expired, rbac.NotStarted) {
		verb, text := "adminExtend", "extend %s%s %s"
		if g.Kind == rbac.NotStarted {
			verb, text = "adminUpdate", "begin %s%s %s now"
		}
		a.Start, a.End = gatehouse.RoleAssignment{}.Start, gatehouse.RoleAssignment{}.End
		c := Change{Kind: ExtendAssignment, Text: fmt.Sprintf(text, g.role(), g.through(), e.at(g)), Role: g.Role, updates: []rbac.Update{rbac.PutAssignment(a)}, at: g.at, to: a.Principal}
		c.add(fmt.Sprintf(`az rest --method put --url %s --body '{"properties":{"requestType":"%s","principalId":"%s","roleDefinitionId":"%s","targetRoleAssignmentScheduleId":"%s","scheduleInfo":{"expiration":{"type":"AfterDuration","duration":"P30D"}}}}'`,
			quote(strings.TrimSuffix(e.spelled(g.at), "/")+"/providers/Microsoft.Authorization/roleAssignmentScheduleRequests/"+e.fresh(a)+"?api-version=2020-10-01"),
			strings.ToUpper(verb[:1])+verb[1:], a.Principal, roleID(a.Role), g.Assignment))
		out = append(out, c)
	}
	return out
}

func (e *explainer) conditions() (out []Change) {
	for g, a := range e.kept(rbac.ConditionFalse, rbac.ConditionUnreadable) {
		a.Condition = ""
		c := Change{Kind: FixCondition, Text: fmt.Sprintf("change the condition of %s %s; without it the request is allowed", g.role(), e.at(g)), Role: g.Role,
			updates: []rbac.Update{rbac.PutAssignment(a)}, at: g.at, to: a.Principal}
		c.add("az rest --method get --url " + quote(e.assignmentID(g)+"?api-version=2022-04-01") + " > assignment.json  # correct properties.condition, then")
		c.add("az role assignment update --role-assignment assignment.json")
		out = append(out, c)
	}
	return out
}

// additions are groups that may: first the ones inside of the principal's own groups.
func (e *explainer) additions() (out []Change) {
	seen := map[gatehouse.GUID]bool{}
	add := func(group gatehouse.GUID) {
		p, known := e.principal(group)
		if seen[group] || len(out) == maxGroups || !e.named(group) || known && p.Type != gatehouse.Group || !known && len(e.Snapshot.Members(group)) == 0 {
			return
		}
		seen[group] = true
		who := e.who(group)
		c := Change{Kind: AddToGroup, Text: fmt.Sprintf("add %s to group %s", e.out.Principal, who), Group: &who,
			updates: []rbac.Update{rbac.AddMember(group, e.q.Principal)}, at: e.q.Scope, to: e.q.Principal, Opens: Opens{Scopes: e.held(group)}}
		c.takes = right{"Microsoft.Graph/directory/groups/members/write", true, directory.GroupID(group).Scope()}
		c.add(fmt.Sprintf("az ad group member add --group %s --member-id %s", quote(argument(who.String(), group)), e.q.Principal))
		out = append(out, c)
	}
	for i := range e.out.Near {
		if g := &e.out.Near[i]; g.Kind == rbac.Downward && len(g.Path) > 0 {
			add(g.Path[0].ID)
		}
	}
	for _, g := range e.able(right{e.q.Action, e.q.Data, e.q.Scope}) {
		if len(e.Snapshot.Members(g.Principal)) > 0 {
			add(g.Principal)
		}
	}
	return out
}

// held counts the scopes at which a group or a group that holds it has something.
func (e *explainer) held(group gatehouse.GUID) int {
	at := map[gatehouse.Scope]bool{}
	for _, g := range append(e.Snapshot.Groups(group), group) {
		for a := range e.Snapshot.AssignmentsOf(g) {
			at[a.Scope] = true
		}
	}
	return len(at)
}

// able are the assignments that may be shown, whose role permits an action and whose
// assignee is allowed; nearest first, no assignee twice.
func (e *explainer) able(r right) (out []gatehouse.RoleAssignment) {
	known, ok := e.known[r]
	if !ok {
		known = e.look(r.action, r.data, r.at)
		e.known[r] = known
	}
	return known
}

func (e *explainer) look(action string, data bool, at gatehouse.Scope) (out []gatehouse.RoleAssignment) {
	seen := map[gatehouse.GUID]bool{}
	roles := map[gatehouse.GUID]bool{}
	for _, r := range e.Snapshot.RolesWith(action, data) {
		roles[r.ID] = true
	}
	r := gatehouse.Request{Action: action, Data: data, Scope: at, Now: e.Now}
	for _, scope := range e.Snapshot.Ancestors(at) {
		if !e.reads(scope) {
			continue
		}
		var here []gatehouse.RoleAssignment
		for a := range e.Snapshot.Assignments(scope, rbac.At) {
			if roles[a.Role] && !seen[a.Principal] {
				here = append(here, a)
			}
		}
		slices.SortFunc(here, func(a, b gatehouse.RoleAssignment) int {
			return cmp.Or(strings.Compare(e.who(a.Principal).String(), e.who(b.Principal).String()), strings.Compare(a.ID.String(), b.ID.String()))
		})
		for _, a := range here {
			r.Principal = a.Principal
			if !seen[a.Principal] && e.Snapshot.Decide(&r).Allowed {
				seen[a.Principal] = true
				out = append(out, a)
			}
			if len(seen) > maxCandidates {
				return out
			}
		}
	}
	return out
}

// maxCandidates bounds how many assignees one answer looks at.
const maxCandidates = 20

// assignments are the roles that hold the action, assigned at the very scope: first one
// that the principal has elsewhere, then by how little they hold.
func (e *explainer) assignments() (out []Change) {
	type candidate struct {
		gatehouse.RoleDefinition
		had           bool
		size, writing int
	}
	var list []candidate
	for _, r := range e.Snapshot.RolesWith(e.q.Action, e.q.Data) {
		if !assignable(r, e.q.Scope, e.Snapshot) || directoryRole(r.ID) {
			continue
		}
		if r.Type == gatehouse.CustomRole && !e.reads(e.q.Scope) {
			continue // its name is not for everybody
		}
		c := candidate{RoleDefinition: r}
		c.size, c.writing = e.Snapshot.Breadth(r.ID)
		for i := range e.out.Near {
			g := &e.out.Near[i]
			c.had = c.had || g.Role != nil && g.Role.ID == r.ID && contains([]rbac.Kind{rbac.BelowScope, rbac.Elsewhere, rbac.LookAlike, rbac.Revision, rbac.Downward}, g.Kind)
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b candidate) int {
		if a.had != b.had {
			return cmp.Compare(b2i(b.had), b2i(a.had))
		}
		return cmp.Or(cmp.Compare(a.writing, b.writing), cmp.Compare(a.size, b.size), strings.Compare(a.Name, b.Name), strings.Compare(a.ID.String(), b.ID.String()))
	})
	for _, r := range list[:min(len(list), maxRoles)] {
		a := gatehouse.RoleAssignment{ID: proposal(e.q.Scope, r.ID), Scope: e.q.Scope, Principal: e.q.Principal, Role: r.ID}
		c := Change{Kind: AssignRole, Text: fmt.Sprintf("assign %q at %s", r.Name, e.out.Scope.Name), Role: &Role{r.ID, r.Name},
			updates: []rbac.Update{rbac.PutAssignment(a)}, at: e.q.Scope, to: e.q.Principal}
		c.add(e.create(r.RoleDefinition))
		out = append(out, c)
	}
	return out
}

func (e *explainer) create(r gatehouse.RoleDefinition) string {
	kind := ""
	if p, ok := e.principal(e.q.Principal); ok {
		kind = " --assignee-principal-type " + string(p.Type)
	}
	return fmt.Sprintf("az role assignment create --assignee-object-id %s%s --role %s --scope %s", e.q.Principal, kind, quote(argument(r.Name, r.ID)), quote(e.spelled(e.q.Scope)))
}

func directoryRole(id gatehouse.GUID) bool {
	_, ok := builtin.DirectoryRole(id)
	return ok
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// granters are those who may make a change, nearest first; of a group also its owners.
func (e *explainer) granters(r right) []Granter {
	out := []Granter{}
	seen := map[gatehouse.GUID]bool{}
	add := func(id gatehouse.GUID, role Role, at Where) {
		p, known := e.principal(id)
		if len(out) == maxGranters || seen[id] || !e.named(id) || known && p.Disabled || !known && e.Complete {
			return
		}
		seen[id] = true
		g := Granter{Who: e.who(id), Role: role, Scope: at}
		if p.Type == gatehouse.Group {
			g.Size = e.members(id)
		}
		out = append(out, g)
	}
	for _, a := range e.able(r) {
		add(a.Principal, Role{a.Role, e.roleName(a.Role)}, e.where(a.Scope))
	}
	if group, ok := directory.ObjectOf(r.at); ok {
		p, _ := e.principal(group)
		for _, owner := range p.Owners {
			add(owner, Role{Name: "owner"}, e.where(r.at))
		}
	}
	return out
}
