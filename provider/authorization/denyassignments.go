package authorization

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/rbac/cond"
	"gatehouse/store"
)

const denyAssignmentType = Namespace + "/denyAssignments"

// denyModel is rbac.md 6.3.
var denyModel = arm.NewModel(`
properties.denyAssignmentName      string required min=1 max=512
properties.description             string max=2048
properties.permissions             array(object)
properties.permissions[].actions          array(string)
properties.permissions[].notActions       array(string)
properties.permissions[].dataActions      array(string)
properties.permissions[].notDataActions   array(string)
properties.permissions[].condition        string max=8192
properties.permissions[].conditionVersion string
properties.doNotApplyToChildScopes bool default=false
properties.principals              array(object) max=1000
properties.principals[].id          string required
properties.principals[].type        string
properties.principals[].displayName string
properties.principals[].email       string
properties.excludePrincipals        array(object) max=1000
properties.excludePrincipals[].id          string required
properties.excludePrincipals[].type        string
properties.excludePrincipals[].displayName string
properties.excludePrincipals[].email       string
properties.condition               string max=8192
properties.conditionVersion        string
properties.denyAssignmentEffect    enum(enforced|audit) default="enforced"
properties.isSystemProtected       bool readonly
properties.scope                   string readonly
properties.createdOn               string readonly
properties.createdBy               string readonly
properties.updatedOn               string readonly
properties.updatedBy               string readonly
`)

// denyAssignments can be written since 2024-07-01-preview. Gatehouse does not
// repeat Azure's restrictions on what a user may deny (one user or everyone, no
// reads, no child scopes): see docs/divergences.md.
func (p *provider) denyAssignments() *arm.Type {
	return &arm.Type{
		Segment: "denyAssignments", Shape: "list get put delete", Noun: "Deny assignment", Name: arm.NameRule{GUID: true}, Model: denyModel,
		Status: arm.Status{Delete: http.StatusOK},
		Do:     map[arm.Verb]arm.Handler{arm.List: p.listDenies, arm.Get: getDeny},
		Hooks:  arm.Hooks{Check: p.checkDeny, Delete: keepProtected, Restore: arm.RestoreAsUsual, Show: showDeny},
	}
}

func (p *provider) checkDeny(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if err := p.groupExists(op, op.ID.Parent()); err != nil {
		return err
	}
	if old != nil {
		if err := keepProtected(op, tx, old); err != nil {
			return err
		}
	}
	props := next.Props()
	if err := checkDenied(props); err != nil {
		return err
	}
	if err := p.normalisePrincipals(props); err != nil {
		return err
	}
	if err := uniqueDenyName(op, tx, next); err != nil {
		return err
	}
	now, who := gatehouse.Timestamp(op.Now), op.Caller.ID.String()
	if old == nil {
		props.Set("createdOn", now)
		props.Set("createdBy", who)
	}
	setAll(props, "isSystemProtected", false, "scope", op.ID.Parent().String(), "updatedOn", now, "updatedBy", who)
	return nil
}

// checkDenied refuses a deny assignment that denies nothing or that cannot be evaluated.
func checkDenied(props *jsondoc.Object) error {
	entries := props.Array("permissions")
	denied := 0
	conditions := []string{props.String("condition")}
	for _, v := range entries {
		o := v.(*jsondoc.Object)
		denied += len(texts(o, "actions")) + len(texts(o, "dataActions"))
		conditions = append(conditions, o.String("condition"))
	}
	if denied == 0 {
		return invalid("InvalidDenyAssignmentPermissions", "The deny assignment denies nothing: list actions or dataActions in properties.permissions.").At("properties.permissions")
	}
	for _, text := range conditions {
		if text == "" {
			continue
		}
		if _, err := cond.Parse(text); err != nil {
			return invalid("InvalidDenyAssignmentCondition", "The given deny assignment condition is invalid. %s", err).At("properties.condition")
		}
	}
	return nil
}

// normalisePrincipals spells principals by id and type. Everyone is the zero GUID
// and may not be excluded; who denies everyone has to spare somebody (rbac.md 6.3).
func (p *provider) normalisePrincipals(props *jsondoc.Object) error {
	everyone := false
	for _, list := range []string{"principals", "excludePrincipals"} {
		for _, v := range props.Array(list) {
			o := v.(*jsondoc.Object)
			id, err := gatehouse.ParseGUID(o.String("id"))
			if err != nil {
				return invalid("InvalidPrincipalId", "The principal ID '%s' in properties.%s is not a GUID.", o.String("id"), list).At("properties." + list)
			}
			if id.IsZero() {
				if list == "excludePrincipals" {
					return invalid("InvalidExcludePrincipals", "Everyone (the zero GUID) cannot be excluded from a deny assignment.").At("properties.excludePrincipals")
				}
				everyone = true
				o.Set("type", string(gatehouse.SystemDefined))
			} else if found, ok := p.Directory.Principal(id); ok {
				o.Set("type", string(found.Type))
			}
			o.Set("id", id.String())
		}
	}
	if len(props.Array("principals")) == 0 {
		return invalid("InvalidDenyAssignmentPrincipals", "The deny assignment names nobody; list principals, or the zero GUID for everyone.").At("properties.principals")
	}
	if everyone && len(props.Array("excludePrincipals")) == 0 {
		return invalid("InvalidExcludePrincipals", "A deny assignment for everyone has to exclude at least one principal, or nobody could remove it.").At("properties.excludePrincipals")
	}
	return nil
}

func uniqueDenyName(op *arm.Op, tx *store.Tx, next *arm.Resource) error {
	parent := op.ID.Parent().Scope()
	page, err := tx.List(op.Context, store.Query{Type: denyAssignmentType, Parent: &parent})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		other, err := arm.FromDocument(d)
		if err != nil {
			return err
		}
		if other.ID.Scope() != next.ID.Scope() && gatehouse.Fold(other.Props().String("denyAssignmentName")) == gatehouse.Fold(next.Props().String("denyAssignmentName")) {
			return gatehouse.Errorf(gatehouse.Conflict, "DenyAssignmentWithSameNameExists", "A deny assignment with the name '%s' already exists at this scope.", next.Props().String("denyAssignmentName"))
		}
	}
	return nil
}

func keepProtected(_ *arm.Op, _ *store.Tx, old *arm.Resource) error {
	if !old.Props().Bool("isSystemProtected") {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Forbidden, "DenyAssignmentIsSystemProtected", "The deny assignment '%s' is system protected and cannot be changed here; change what created it.", old.ID.Name())
}

func showDeny(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	for _, v := range props.Array("permissions") {
		if entry, ok := v.(*jsondoc.Object); ok {
			for _, name := range []string{"actions", "notActions", "dataActions", "notDataActions"} {
				if !entry.Has(name) {
					entry.Set(name, []jsondoc.Value{})
				}
			}
		}
	}
	for _, name := range []string{"principals", "excludePrincipals"} {
		if !props.Has(name) {
			props.Set(name, []jsondoc.Value{})
		}
	}
	if op.Version < "2024-07-01" {
		for _, name := range []string{"condition", "conditionVersion", "denyAssignmentEffect"} {
			props.Delete(name)
		}
	}
}

func getDeny(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Load(op.Store(), op.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "DenyAssignmentNotFound", "The deny assignment '%s' is not found.", op.ID.Name())
	}
	if err != nil {
		return nil, err
	}
	return arm.OK(op.Show(r)), nil
}

// listDenies serves the filters of rbac.md 6.3.
func (p *provider) listDenies(op *arm.Op) (*arm.Answer, error) {
	s, err := p.selection(op, "denyAssignmentName principalId gdprExportPrincipalId")
	if err != nil {
		return nil, err
	}
	return p.listAround(op, denyAssignmentType, s.atScope, s.matchDeny, func(op *arm.Op, r *arm.Resource) *jsondoc.Object { return op.Show(r) })
}

func (s *selection) matchDeny(r *arm.Resource) bool {
	props := r.Props()
	if s.assignedTo != nil && !listed(props, "principals", s.assignedTo) {
		return false
	}
	return s.filter.Match(func(name string) (any, bool) {
		switch gatehouse.Fold(name) {
		case "principalid":
			return ids(props, "principals"), true
		case "gdprexportprincipalid":
			return append(ids(props, "principals"), ids(props, "excludePrincipals")...), true
		}
		return props.Lookup(name)
	})
}

func listed(props *jsondoc.Object, list string, wanted map[gatehouse.GUID]bool) bool {
	for _, v := range props.Array(list) {
		if o, ok := v.(*jsondoc.Object); ok {
			id, err := gatehouse.ParseGUID(o.String("id"))
			if err == nil && (wanted[id] || id.IsZero()) {
				return true
			}
		}
	}
	return false
}

func ids(props *jsondoc.Object, list string) []any {
	var out []any
	for _, v := range props.Array(list) {
		if o, ok := v.(*jsondoc.Object); ok {
			out = append(out, o.String("id"))
		}
	}
	return out
}
