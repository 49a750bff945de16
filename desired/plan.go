package desired

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/world"
)

// Options are what a comparison needs besides files and state.
type Options struct {
	Subscription string         // that scopes without one are in
	Applier      gatehouse.GUID // who will make the changes; zero when unknown
	Now          time.Time
}

// Plan is what has to be done for the state to be as declared.
type Plan struct {
	Steps     []Step   `json:"steps"`     // in the order in which they are safe
	Unmanaged []string `json:"unmanaged"` // there, governed, not declared, and left alone
	Adopted   []string `json:"adopted"`   // there under another name than the file gives it
	Effects   []Effect `json:"effects"`
	Lockouts  []string `json:"lockouts"` // what the applier could not take back
	Reason    string   `json:"reason,omitempty"`
}

// Different reports whether the state differs from what is declared.
func (p *Plan) Different() bool { return len(p.Steps)+len(p.Unmanaged) > 0 }

// Step is one call with what it is for.
type Step struct {
	Do     string  `json:"do"` // create, update, delete
	Kind   string  `json:"kind"`
	Title  string  `json:"title"`
	Group  string  `json:"group,omitempty"` // of a member
	Fields []Field `json:"fields,omitempty"`
	Call   Call    `json:"call"`
	rank   int
	own    bool // takes a right from who applies
}

// Field is one value of an object, before and after.
type Field struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Call is an ordinary request to Resource Manager or Graph. A path or body may hold
// the placeholder ID of a group that an earlier step creates.
type Call struct {
	Graph   bool            `json:"graph,omitempty"`
	Method  string          `json:"method"`
	Path    string          `json:"path"`
	Body    json.RawMessage `json:"body,omitempty"`
	Creates string          `json:"creates,omitempty"` // the placeholder that the answer's id stands for
}

// The order of steps: what gives comes before what takes.
const (
	rankGroup = iota
	rankMember
	rankRole
	rankAssign
	rankUpdate
	rankUndeny
	rankDeny
	rankMemberGone
	rankUnassign
	rankNarrow
	rankRoleGone
	rankGroupGone
)

type planner struct {
	d      *Declaration
	w      *world.World // as it is
	after  *world.World // as it will be
	o      Options
	plan   *Plan
	kept   map[gatehouse.GUID]bool // assignments, roles and denies that are declared
	groups map[gatehouse.GUID]bool
	made   map[string]gatehouse.GUID // roles and groups that the files declare, by folded name
	mine   map[gatehouse.GUID]bool   // the applier and its groups
}

// Compare makes the plan.
func Compare(d *Declaration, w *world.World, o Options) (*Plan, error) {
	p, err := compare(d, w, o)
	if err != nil {
		return nil, err
	}
	return p.plan, nil
}

func compare(d *Declaration, w *world.World, o Options) (*planner, error) {
	p := &planner{d: d, w: w, o: o, plan: &Plan{Steps: []Step{}, Reason: d.Reason}, kept: map[gatehouse.GUID]bool{}, groups: map[gatehouse.GUID]bool{}, made: map[string]gatehouse.GUID{}}
	copied := *w
	p.after = &copied
	p.after.Roles, p.after.Assignments, p.after.Denies = slices.Clone(w.Roles), slices.Clone(w.Assignments), slices.Clone(w.Denies)
	p.after.Principals = slices.Clone(w.Principals)
	p.mine = belongings(w, o.Applier)
	for _, part := range []struct {
		list []entry
		do   func(entry) error
	}{{d.groups, p.declareGroup}, {d.roles, p.role}, {d.groups, p.members}, {d.assignments, p.assignment}, {d.denies, p.deny}} {
		for _, e := range part.list {
			if err := part.do(e); err != nil {
				return nil, err
			}
		}
	}
	if err := p.unmanaged(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.order(), b.order()), cmp.Compare(a.Title, b.Title))
	})
	p.effects()
	return p, nil
}

// order puts what takes from the applier itself last: by then it needs it no more.
func (s *Step) order() int {
	if s.own && s.rank >= rankDeny {
		return s.rank + 100
	}
	return s.rank
}

// belongings are a principal and the groups that it is in, however deep.
func belongings(w *world.World, id gatehouse.GUID) map[gatehouse.GUID]bool {
	all := map[gatehouse.GUID]bool{id: true}
	for grown := !id.IsZero(); grown; {
		grown = false
		for i := range w.Principals {
			g := &w.Principals[i]
			if !all[g.ID] && slices.ContainsFunc(g.Members, func(m gatehouse.GUID) bool { return all[m] }) {
				all[g.ID], grown = true, true
			}
		}
	}
	return all
}

func (p *planner) add(s Step) { p.plan.Steps = append(p.plan.Steps, s) }

func (p *planner) short(s gatehouse.Scope) string { return Short(p.o.Subscription, p.w.Spell(s)) }

func (p *planner) scope(e entry, member, text string) (gatehouse.ID, error) {
	if text == "" {
		return gatehouse.ID{}, e.at(member, "it needs a scope: an ID, \".\" for the subscription, a resource group, or GROUP/SERVICE")
	}
	id, err := Expand(p.o.Subscription, text)
	if err != nil {
		return id, e.at(member, "%s", sentence(err))
	}
	if p.after.Spelling == nil {
		p.after.Spelling = map[gatehouse.Scope]string{}
	}
	if _, known := p.after.Spelling[id.Scope()]; !known {
		p.after.Spelling[id.Scope()] = id.String()
	}
	return id, nil
}

func sentence(err error) string {
	if e, ok := err.(*gatehouse.Error); ok {
		return e.Message
	}
	return err.Error()
}

func (p *planner) principal(e entry, member, text string) (gatehouse.GUID, error) {
	if text == "" {
		return gatehouse.GUID{}, e.at(member, "it needs a principal: a user principal name, a group, an application, or an object ID")
	}
	if id, ok := p.made["group "+gatehouse.Fold(text)]; ok {
		return id, nil
	}
	id, err := p.w.FindPrincipal(text)
	if err != nil {
		return id, e.at(member, "%s", strings.ReplaceAll(sentence(err), " in this world", ""))
	}
	return id, nil
}

func (p *planner) roleID(e entry, text string) (gatehouse.GUID, error) {
	if text == "" {
		return gatehouse.GUID{}, e.at("role", "it needs a role: a name or an ID")
	}
	if id, ok := p.made["role "+gatehouse.Fold(text)]; ok {
		return id, nil
	}
	id, err := p.w.FindRole(text)
	if err != nil {
		return id, e.at("role", "%s", strings.ReplaceAll(sentence(err), " in this world", ""))
	}
	return id, nil
}

func (p *planner) roleName(id gatehouse.GUID) string {
	if r := p.after.Role(id); r != nil && r.Name != "" {
		return r.Name
	}
	return id.String()
}

// who is a principal in words: group engineering.
func (p *planner) who(id gatehouse.GUID) string {
	who := p.after.Principal(id)
	switch {
	case id.IsZero():
		return "everyone"
	case who == nil:
		return "deleted principal " + id.String()
	case who.Type == gatehouse.Group:
		return "group " + who.Title()
	case who.Type == gatehouse.ServicePrincipal:
		return "service principal " + who.Title()
	}
	return who.Title()
}

// named makes a GUID that is the same for the same names, so that planning again gives the same plan.
func named(parts ...string) gatehouse.GUID {
	return gatehouse.NameGUID(gatehouse.MustGUID("6f3c1f0e-5d0b-4b9c-9d5a-0c7a4b1e2f33"), strings.Join(parts, "\n"))
}

func body(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values always encode
	}
	return b
}

type object = map[string]any

const (
	authorizationVersion = "?api-version=2022-04-01"
	denyVersion          = "?api-version=2024-07-01-preview"
	authorizationPath    = "/providers/Microsoft.Authorization/"
)

// assignment compares one declared role assignment. What grants the same role to the
// same principal at the same scope is the same, whatever its name.
func (p *planner) assignment(e entry) error {
	id, err := p.scope(e, "scope", e.text("scope"))
	if err != nil {
		return err
	}
	role, err := p.roleID(e, cmp.Or(e.text("role"), e.text("roleDefinitionId"), e.text("roleDefinitionName")))
	if err != nil {
		return err
	}
	who, err := p.principal(e, "principal", cmp.Or(e.text("principal"), e.text("principalId"), e.text("principalName")))
	if err != nil {
		return err
	}
	name := lastSegment(e.text("name", "id"))
	title := fmt.Sprintf("role assignment %q for %s at %s", p.roleName(role), p.who(who), Short(p.o.Subscription, id.String()))
	for i := range p.w.Assignments {
		a := &p.w.Assignments[i]
		if a.Scope != id.Scope() || a.Role != role || a.Principal != who {
			continue
		}
		p.kept[a.ID] = true
		if name != "" && !gatehouse.EqualFold(name, a.ID.String()) {
			p.plan.Adopted = append(p.plan.Adopted, title+": exists as "+a.ID.String())
		}
		p.update(e, a, id, title)
		return nil
	}
	if dup := named("assignment", id.Scope().String(), role.String(), who.String()); name == "" {
		name = dup.String()
	}
	guid, err := gatehouse.ParseGUID(name)
	if err != nil {
		return e.at("name", "the name of a role assignment is a GUID, or left out")
	}
	if p.kept[guid] {
		return e.at("scope", "%s is declared twice", title)
	}
	p.kept[guid] = true
	a := world.Assignment{RoleAssignment: gatehouse.RoleAssignment{ID: guid, Scope: id.Scope(), Principal: who, Role: role, Condition: e.text("condition")}, Description: e.text("description")}
	p.after.Assignments = append(p.after.Assignments, a)
	p.add(Step{Do: "create", Kind: "roleAssignment", Title: title, rank: rankAssign, Fields: differences("description", "", a.Description, "condition", "", a.Condition), Call: p.put(id, &a, e)})
	return nil
}

func (p *planner) put(at gatehouse.ID, a *world.Assignment, e entry) Call {
	props := object{"roleDefinitionId": p.roleDefinitionID(at.Scope(), a.Role), "principalId": a.Principal.String()}
	if who := p.after.Principal(a.Principal); who != nil && who.Type != "" {
		props["principalType"] = who.Type
	}
	if a.Description != "" {
		props["description"] = a.Description
	}
	if a.Condition != "" {
		props["condition"], props["conditionVersion"] = a.Condition, cmp.Or(e.text("conditionVersion"), "2.0")
	}
	return Call{Method: "PUT", Path: pathOf(at.String()) + authorizationPath + "roleAssignments/" + a.ID.String() + authorizationVersion, Body: body(object{"properties": props})}
}

func pathOf(id string) string { return strings.TrimSuffix(id, "/") }

func (p *planner) roleDefinitionID(from gatehouse.Scope, role gatehouse.GUID) string {
	prefix := ""
	if sub, ok := from.Subscription(); ok {
		prefix = sub.String()
	}
	return prefix + authorizationPath + "roleDefinitions/" + role.String()
}

// update writes what is declared and differs; what is not declared stays.
func (p *planner) update(e entry, a *world.Assignment, at gatehouse.ID, title string) {
	next := *a
	if e.has("description") {
		next.Description = e.text("description")
	}
	if e.has("condition") {
		next.Condition = e.text("condition")
	}
	fields := differences("description", a.Description, next.Description, "condition", a.Condition, next.Condition)
	if len(fields) == 0 {
		return
	}
	for i := range p.after.Assignments {
		if p.after.Assignments[i].ID == a.ID {
			p.after.Assignments[i] = next
		}
	}
	p.add(Step{Do: "update", Kind: "roleAssignment", Title: title, Fields: fields, rank: rankUpdate, own: p.mine[a.Principal], Call: p.put(at, &next, e)})
}

// differences makes fields of name, old, new that differ.
func differences(triples ...string) (fields []Field) {
	for i := 0; i+2 < len(triples); i += 3 {
		if triples[i+1] != triples[i+2] {
			fields = append(fields, Field{triples[i], triples[i+1], triples[i+2]})
		}
	}
	return fields
}

// listed makes fields of what a list gained and lost.
func listed(name string, old, next []string) (fields []Field) {
	for _, s := range old {
		if !slices.Contains(next, s) {
			fields = append(fields, Field{Name: name, Old: s})
		}
	}
	for _, s := range next {
		if !slices.Contains(old, s) {
			fields = append(fields, Field{Name: name, New: s})
		}
	}
	return fields
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// unmanaged finds what is governed and not declared.
func (p *planner) unmanaged() error {
	mode := cmp.Or(p.d.Governs.Unmanaged, "remove")
	if mode == "ignore" {
		return nil
	}
	var governed []gatehouse.Scope
	for _, text := range p.d.Governs.Scopes {
		id, err := Expand(p.o.Subscription, text)
		if err != nil {
			return fmt.Errorf("governs.scopes: %q: %s", text, sentence(err))
		}
		governed = append(governed, id.Scope())
	}
	in := func(s gatehouse.Scope) bool {
		return slices.ContainsFunc(governed, func(g gatehouse.Scope) bool { return g.Contains(s) })
	}
	var found []Step
	found = append(found, p.strayAssignments(in)...)
	found = append(found, p.strayDenies(in)...)
	found = append(found, p.strayRoles(in)...)
	found = append(found, p.strayGroups()...)
	for _, s := range found {
		if mode == "report" {
			p.plan.Unmanaged = append(p.plan.Unmanaged, s.Title)
			continue
		}
		p.add(s)
		p.drop(s)
	}
	return nil
}

func (p *planner) strayAssignments(in func(gatehouse.Scope) bool) (found []Step) {
	for i := range p.w.Assignments {
		a := &p.w.Assignments[i]
		if !p.d.Governs.kind("roleAssignments") || p.kept[a.ID] || !in(a.Scope) {
			continue
		}
		title := fmt.Sprintf("role assignment %q for %s at %s", p.roleName(a.Role), p.who(a.Principal), p.short(a.Scope))
		found = append(found, Step{Do: "delete", Kind: "roleAssignment", Title: title, rank: rankUnassign, own: p.mine[a.Principal],
			Fields: differences("description", a.Description, "", "condition", a.Condition, ""),
			Call:   Call{Method: "DELETE", Path: pathOf(p.w.Spell(a.Scope)) + authorizationPath + "roleAssignments/" + a.ID.String() + authorizationVersion}})
	}
	return found
}

func (p *planner) strayDenies(in func(gatehouse.Scope) bool) (found []Step) {
	for i := range p.w.Denies {
		d := &p.w.Denies[i]
		if !p.d.Governs.kind("denyAssignments") || p.kept[d.ID] || !in(d.Scope) || d.SystemProtected {
			continue
		}
		found = append(found, Step{Do: "delete", Kind: "denyAssignment", Title: fmt.Sprintf("deny assignment %q at %s", d.Name, p.short(d.Scope)), rank: rankUndeny,
			Call: Call{Method: "DELETE", Path: pathOf(p.w.Spell(d.Scope)) + authorizationPath + "denyAssignments/" + d.ID.String() + denyVersion}})
	}
	return found
}

func (p *planner) strayRoles(in func(gatehouse.Scope) bool) (found []Step) {
	for i := range p.w.Roles {
		r := &p.w.Roles[i]
		if !p.d.Governs.kind("roleDefinitions") || p.kept[r.ID] || r.Type == gatehouse.BuiltInRole || len(r.AssignableScopes) == 0 ||
			slices.ContainsFunc(r.AssignableScopes, func(s gatehouse.Scope) bool { return !in(s) }) {
			continue
		}
		found = append(found, Step{Do: "delete", Kind: "roleDefinition", Title: fmt.Sprintf("role %q", r.Name), rank: rankRoleGone,
			Call: Call{Method: "DELETE", Path: pathOf(p.w.Spell(r.AssignableScopes[0])) + authorizationPath + "roleDefinitions/" + r.ID.String() + authorizationVersion}})
	}
	return found
}

func (p *planner) strayGroups() (found []Step) {
	for i := range p.w.Principals {
		g := &p.w.Principals[i]
		if g.Type != gatehouse.Group || p.groups[g.ID] || !oneOf(g.Title(), p.d.Governs.Groups) {
			continue
		}
		found = append(found, Step{Do: "delete", Kind: "group", Title: "group " + g.Title(), rank: rankGroupGone, own: p.mine[g.ID],
			Call: Call{Graph: true, Method: "DELETE", Path: "/v1.0/groups/" + g.ID.String()}})
	}
	return found
}

// drop takes what a step deletes out of the state as it will be.
func (p *planner) drop(s Step) {
	path, _, _ := strings.Cut(s.Call.Path, "?")
	id, err := gatehouse.ParseGUID(lastSegment(path))
	if err != nil {
		return
	}
	switch s.Kind {
	case "roleAssignment":
		p.after.Assignments = slices.DeleteFunc(p.after.Assignments, func(a world.Assignment) bool { return a.ID == id })
	case "denyAssignment":
		p.after.Denies = slices.DeleteFunc(p.after.Denies, func(d gatehouse.DenyAssignment) bool { return d.ID == id })
	case "roleDefinition":
		p.after.Roles = slices.DeleteFunc(p.after.Roles, func(r gatehouse.RoleDefinition) bool { return r.ID == id })
	case "group":
		p.after.Principals = slices.DeleteFunc(p.after.Principals, func(w world.Principal) bool { return w.ID == id })
		p.after.Assignments = slices.DeleteFunc(p.after.Assignments, func(a world.Assignment) bool { return a.Principal == id })
	}
}
