package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/world"
)

// takeOver brings a world into a running server by ordinary Graph and Resource Manager
// calls. Directory objects get new IDs there: those of the same name stand for them.
type takeOver struct {
	r         *caller
	from, to  *world.World
	templates []*world.File
	maps      []string // OLD=NEW, replaced in sign-in names and scopes
	group     string   // resource group that templates go to

	ids   map[gatehouse.GUID]gatehouse.GUID // principals, source to target
	roles map[gatehouse.GUID]gatehouse.GUID // likewise
	steps []step
}

// step is one thing to do. do runs after the steps before it, when IDs are known.
type step struct {
	what string
	do   func(ctx context.Context) error
}

func (t *takeOver) add(do func(ctx context.Context) error, format string, args ...any) {
	t.steps = append(t.steps, step{fmt.Sprintf(format, args...), do})
}

func (t *takeOver) skip(format string, args ...any) { t.add(nil, "skip "+format, args...) }

// mapped is a text with the replacements of --map.
func (t *takeOver) mapped(text string) string {
	for _, m := range t.maps {
		before, after, _ := strings.Cut(m, "=")
		if i := strings.Index(gatehouse.Fold(text), gatehouse.Fold(before)); i >= 0 {
			text = text[:i] + after + text[i+len(before):]
		}
	}
	return text
}

func (t *takeOver) scope(s gatehouse.Scope) (gatehouse.ID, error) {
	return gatehouse.ParseID(t.mapped(t.from.Spell(s)))
}

// plan lists what the server lacks. It changes nothing.
func (t *takeOver) plan() error {
	t.ids = map[gatehouse.GUID]gatehouse.GUID{{}: {}}
	t.roles = map[gatehouse.GUID]gatehouse.GUID{}
	for i := range t.from.Principals {
		if err := t.principal(&t.from.Principals[i]); err != nil {
			return err
		}
	}
	t.members()
	t.hierarchy()
	for _, f := range t.templates {
		t.template(f)
	}
	for i := range t.from.Roles {
		t.role(&t.from.Roles[i])
	}
	for i := range t.from.Assignments {
		if err := t.assignment(&t.from.Assignments[i]); err != nil {
			return err
		}
	}
	for i := range t.from.Denies {
		if err := t.deny(&t.from.Denies[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *takeOver) principal(p *world.Principal) error {
	name := t.mapped(p.Title())
	if found := t.to.Principal(p.ID); found != nil {
		t.ids[p.ID] = p.ID
		return nil
	}
	var same []world.Named
	for _, n := range t.to.PrincipalsNamed(name) {
		if n.Type == string(p.Type) {
			same = append(same, n)
		}
	}
	switch {
	case len(same) == 1:
		t.ids[p.ID] = same[0].ID
	case len(same) > 1:
		return gatehouse.Errorf(gatehouse.Conflict, "Ambiguous", "The server has several %s named %q: %v. Rename them before importing.", p.Type, name, same)
	case p.Type == gatehouse.User:
		t.add(t.create(p, "/v1.0/users", newUser(p, name)), "create user %s", name)
	case p.Type == gatehouse.Group:
		t.add(t.create(p, "/v1.0/groups", jsondoc.NewObject("displayName", name, "mailNickname", nickname(name), "mailEnabled", false, "securityEnabled", true)), "create group %s", name)
	case p.Type == gatehouse.ServicePrincipal && p.Kind != directory.KindManagedIdentity:
		t.add(t.application(p, name), "create application and service principal %s", name)
	}
	return nil
}

// newUser is disabled when it was, and has a password that nobody knows.
func newUser(p *world.Principal, name string) *jsondoc.Object {
	display := p.Display
	if display == "" {
		display = name
	}
	return jsondoc.NewObject("userPrincipalName", name, "displayName", display, "mailNickname", nickname(name), "accountEnabled", !p.Disabled,
		"passwordProfile", jsondoc.NewObject("password", "Aa1!"+rand.Text(), "forceChangePasswordNextSignIn", true))
}

func nickname(name string) string {
	name, _, _ = strings.Cut(name, "@")
	return strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '.') {
			return r
		}
		return '-'
	}, name)
}

func (t *takeOver) create(p *world.Principal, path string, body *jsondoc.Object) func(context.Context) error {
	return func(ctx context.Context) error {
		made, err := t.r.do(ctx, http.MethodPost, path, body)
		if err != nil {
			return err
		}
		t.ids[p.ID], err = gatehouse.ParseGUID(made.String("id"))
		return err
	}
}

func (t *takeOver) application(p *world.Principal, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		app, err := t.r.do(ctx, http.MethodPost, "/v1.0/applications", jsondoc.NewObject("displayName", name))
		if err != nil {
			return err
		}
		return t.create(p, "/v1.0/servicePrincipals", jsondoc.NewObject("appId", app.String("appId")))(ctx)
	}
}

func (t *takeOver) members() {
	for i := range t.from.Principals {
		g := &t.from.Principals[i]
		var there []gatehouse.GUID
		if known := t.to.Principal(t.ids[g.ID]); known != nil && !known.ID.IsZero() {
			there = known.Members
		}
		for _, m := range g.Members {
			if id, ok := t.ids[m]; ok && slices.Contains(there, id) {
				continue
			}
			member := t.from.Principal(m)
			if member == nil || member.Type == gatehouse.UnknownPrincipal {
				continue // what the exports do not describe cannot be made
			}
			t.add(func(ctx context.Context) error {
				_, err := t.r.do(ctx, http.MethodPost, "/v1.0/groups/"+t.ids[g.ID].String()+"/members/$ref",
					jsondoc.NewObject("@odata.id", t.r.r.PublicURL+"/v1.0/directoryObjects/"+t.ids[m].String()))
				return err
			}, "add %s to group %s", t.mapped(member.Title()), g.Title())
		}
	}
}

// hierarchy makes the management groups that are missing, parents first.
func (t *takeOver) hierarchy() {
	planned := map[gatehouse.Scope]bool{}
	var group func(s gatehouse.Scope)
	group = func(s gatehouse.Scope) {
		if _, known := t.to.Parents[s]; known || planned[s] || s.IsRoot() {
			return
		}
		planned[s] = true
		parent, held := t.from.Parents[s]
		if !held {
			return // the root group of the other tenant: what it holds hangs below the root group here
		}
		group(parent)
		body := jsondoc.NewObject("properties", &jsondoc.Object{})
		if _, middle := t.from.Parents[parent]; middle {
			body.SetPath("properties.details.parent.id", t.from.Spell(parent))
		}
		t.put(t.from.Spell(s)+"?api-version=2020-05-01", body, "create management group %s", lastName(t.from.Spell(s)))
	}
	for child, parent := range sortedParents(t.from) {
		sub, ok := child.Subscription()
		if !ok {
			group(child)
			continue
		}
		if _, named := t.from.Parents[parent]; !named {
			continue
		}
		group(parent)
		at, err := t.scope(sub)
		if now, known := t.to.Parents[at.Scope()]; err == nil && known && now != parent {
			t.put(t.from.Spell(parent)+"/subscriptions/"+at.Name()+"?api-version=2020-05-01", nil, "move subscription %s to management group %s", at.Name(), lastName(t.from.Spell(parent)))
		}
	}
}

func lastName(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func sortedParents(w *world.World) func(yield func(child, parent gatehouse.Scope) bool) {
	return func(yield func(child, parent gatehouse.Scope) bool) {
		var children []gatehouse.Scope
		for child := range w.Parents {
			children = append(children, child)
		}
		slices.SortFunc(children, func(a, b gatehouse.Scope) int { return strings.Compare(a.String(), b.String()) })
		for _, child := range children {
			if !yield(child, w.Parents[child]) {
				return
			}
		}
	}
}

func (t *takeOver) put(path string, body jsondoc.Value, format string, args ...any) {
	t.add(func(ctx context.Context) error {
		_, err := t.r.do(ctx, http.MethodPut, path, body)
		return err
	}, format, args...)
}

// deepest is the message of the innermost of an error's first details, with the resource
// that they are about: those around it say only that something failed.
func deepest(e *jsondoc.Object) string {
	message, about := "", ""
	for e != nil {
		message = cmp.Or(e.String("message"), message)
		if id := e.String("target"); strings.HasPrefix(id, "/") {
			about = " (" + shortID(id) + ")"
		}
		e, _ = firstOf(e.Array("details")).(*jsondoc.Object)
	}
	return message + about
}

func firstOf(list []jsondoc.Value) jsondoc.Value {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

func (t *takeOver) template(f *world.File) {
	name := strings.TrimSuffix(filepath.Base(f.Name), filepath.Ext(f.Name))
	path := t.group + "/providers/Microsoft.Resources/deployments/import-" + nickname(name) + "?api-version=2021-04-01"
	t.add(func(ctx context.Context) error {
		_, err := t.r.do(ctx, http.MethodPut, path, jsondoc.NewObject("properties", jsondoc.NewObject("mode", "Incremental", "template", f.Root)))
		if err != nil {
			return err
		}
		return t.deployed(ctx, path)
	}, "deploy template %s to %s", f.Name, lastName(t.group))
}

// deployed waits for a deployment that was accepted, and says why one failed.
func (t *takeOver) deployed(ctx context.Context, path string) error {
	for {
		answer, err := t.r.call(ctx, http.MethodGet, path, nil)
		if err != nil {
			return err
		}
		switch answer.String("properties.provisioningState") {
		case "Succeeded":
			return nil
		case "Failed", "Canceled":
			return gatehouse.Errorf(gatehouse.Invalid, answer.String("properties.error.code"), "%s", deepest(answer.Object("properties.error")))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (t *takeOver) role(r *gatehouse.RoleDefinition) {
	for i := range t.to.Roles {
		there := &t.to.Roles[i]
		switch {
		case there.ID != r.ID && !gatehouse.EqualFold(there.Name, r.Name):
			continue
		case there.ID == r.ID && r.Type == gatehouse.BuiltInRole, reflect.DeepEqual(there.Permissions, r.Permissions):
			t.roles[r.ID] = there.ID
		default: // taking one for the other would grant what nobody meant to
			t.skip("role %s: the server has one of that name or ID that permits something else", r.Name)
		}
		return
	}
	t.roles[r.ID] = r.ID
	scopes := []jsondoc.Value{}
	for _, s := range r.AssignableScopes {
		if id, err := t.scope(s); err == nil {
			scopes = append(scopes, id.String())
		}
	}
	permissions := make([]jsondoc.Value, len(r.Permissions))
	for i, p := range r.Permissions {
		permissions[i] = jsondoc.NewObject("actions", p.Actions, "notActions", p.NotActions, "dataActions", p.DataActions, "notDataActions", p.NotDataActions)
	}
	at := ""
	if len(scopes) > 0 && scopes[0] != "/" {
		at = scopes[0].(string)
	}
	t.put(at+"/providers/Microsoft.Authorization/roleDefinitions/"+r.ID.String()+"?api-version=2022-04-01", jsondoc.NewObject("properties", jsondoc.NewObject(
		"roleName", r.Name, "type", "CustomRole", "description", r.Description, "assignableScopes", scopes, "permissions", permissions)), "create role %s", r.Name)
}

func (t *takeOver) title(id gatehouse.GUID, r *gatehouse.RoleDefinition) string {
	if r == nil {
		return t.from.Label(id)
	}
	return r.Name
}

func prefix(id gatehouse.ID) string {
	if id.IsRoot() {
		return ""
	}
	return id.String()
}

func (t *takeOver) assignment(a *world.Assignment) error {
	id, err := t.scope(a.Scope)
	if err != nil {
		return err
	}
	role, who := t.from.Role(a.Role), t.from.Principal(a.Principal)
	if role == nil || who == nil || who.Type == gatehouse.UnknownPrincipal {
		t.skip("the assignment of %s to %s at %s: the exports do not have its role or its principal", t.title(a.Role, role), t.from.Label(a.Principal), id)
		return nil
	}
	target, ok := t.roles[a.Role]
	if !ok {
		t.skip("the assignment of %s to %s at %s, whose role is skipped", role.Name, t.mapped(who.Title()), id)
		return nil
	}
	for i := range t.to.Assignments {
		if b := &t.to.Assignments[i]; b.Scope == id.Scope() && b.Role == target && b.Principal == t.ids[a.Principal] && !b.Principal.IsZero() {
			return nil
		}
	}
	t.add(func(ctx context.Context) error {
		props := jsondoc.NewObject("roleDefinitionId", "/providers/Microsoft.Authorization/roleDefinitions/"+target.String(), "principalId", t.ids[a.Principal].String(), "principalType", string(who.Type))
		if a.Description != "" {
			props.Set("description", a.Description)
		}
		if a.Condition != "" {
			props.Set("condition", a.Condition)
			props.Set("conditionVersion", "2.0")
		}
		_, err := t.r.do(ctx, http.MethodPut, prefix(id)+"/providers/Microsoft.Authorization/roleAssignments/"+a.ID.String()+"?api-version=2022-04-01", jsondoc.NewObject("properties", props))
		return err
	}, "assign %s to %s at %s", role.Name, t.mapped(who.Title()), id)
	return nil
}

func (t *takeOver) deny(d *gatehouse.DenyAssignment) error {
	id, err := t.scope(d.Scope)
	if err != nil {
		return err
	}
	for _, b := range t.to.Denies {
		if b.Scope == id.Scope() && (b.ID == d.ID || b.Name == d.Name) {
			return nil
		}
	}
	t.add(func(ctx context.Context) error {
		permissions := make([]jsondoc.Value, len(d.Permissions))
		for i, p := range d.Permissions {
			permissions[i] = jsondoc.NewObject("actions", p.Actions, "notActions", p.NotActions, "dataActions", p.DataActions, "notDataActions", p.NotDataActions)
		}
		_, err := t.r.do(ctx, http.MethodPut, prefix(id)+"/providers/Microsoft.Authorization/denyAssignments/"+d.ID.String()+"?api-version=2022-04-01", jsondoc.NewObject("properties", jsondoc.NewObject(
			"denyAssignmentName", d.Name, "permissions", permissions, "principals", t.denied(d.Principals), "excludePrincipals", t.denied(d.ExcludePrincipals), "doNotApplyToChildScopes", d.ExceptChildScopes)))
		return err
	}, "deny %q at %s", d.Name, id)
	return nil
}

func (t *takeOver) denied(list []gatehouse.GUID) []jsondoc.Value {
	out := []jsondoc.Value{}
	for _, id := range list {
		typ := string(gatehouse.SystemDefined)
		if p := t.from.Principal(id); p != nil {
			typ = string(p.Type)
		}
		if to, ok := t.ids[id]; ok {
			out = append(out, jsondoc.NewObject("id", to.String(), "type", typ))
		}
	}
	return out
}

// show prints the plan.
func (t *takeOver) show(w io.Writer) {
	n := 0
	for _, s := range t.steps {
		sign := "+"
		if s.do == nil {
			sign = " "
		} else {
			n++
		}
		fmt.Fprintf(w, "  %s %s\n", sign, oneLine(s.what))
	}
	fmt.Fprintf(w, "Plan: %d to add, %d to skip. Nothing is changed or deleted.\n", n, len(t.steps)-n)
}

// apply does it. It goes on after a refusal, so that one missing scope does not keep the rest out.
func (t *takeOver) apply(ctx context.Context, w io.Writer) (failed int) {
	for _, s := range t.steps {
		if s.do == nil {
			continue
		}
		if err := s.do(ctx); err != nil {
			failed++
			fmt.Fprintf(w, "  failed: %s: %s\n", oneLine(s.what), oneLine(sentence(err)))
		}
	}
	return failed
}
