package authorization

import (
	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// restoreAssignment checks that an assignment may come back or go. What was stored was
// checked when it was made; here it is asked what has become of the rest since.
func (p *provider) restoreAssignment(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if next == nil {
		return p.notLastAdmin(op, old)
	}
	role, err := p.find(op, tx, lastSegment(next.Props().String("roleDefinitionId")))
	if err != nil {
		return err
	}
	a := &assignment{scope: op.ID.Parent(), role: role, props: next.Props()}
	if a.id, err = gatehouse.ParseGUID(op.ID.Name()); err != nil {
		return err
	}
	if a.principal, err = gatehouse.ParseGUID(next.Props().String("principalId")); err != nil {
		return err
	}
	if err := p.roleFits(a); err != nil {
		return err
	}
	if err := p.groupExists(op, a.scope); err != nil {
		return err
	}
	if err := a.delegated(op); err != nil {
		return err
	}
	if old == nil {
		return p.admissible(op, tx, a)
	}
	return nil
}

// restoreRole asks for the right at each assignable scope, of the role as it is and as it
// is going to be, and refuses to take a role away from those who hold it.
func (p *provider) restoreRole(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	verb := "/write"
	if next == nil {
		verb = "/delete"
	}
	var scopes []gatehouse.Scope
	for _, r := range []*arm.Resource{old, next} {
		if r == nil {
			continue
		}
		role, err := customRole(r.Document())
		if err != nil {
			return err
		}
		scopes = append(scopes, role.AssignableScopes...)
	}
	if err := requireAt(op, roleDefinitionType+verb, scopes); err != nil {
		return err
	}
	id, err := gatehouse.ParseGUID(op.ID.Name())
	if err != nil {
		return err
	}
	if next != nil {
		return p.nameFree(op, id, next.Props().String("roleName"))
	}
	return unused(op, tx, id)
}

// unused refuses when assignments name a role; the transaction is asked, which knows those that go with it.
func unused(op *arm.Op, tx *store.Tx, role gatehouse.GUID) error {
	page, err := tx.List(op.Context, store.Query{Type: roleAssignmentType})
	if err != nil {
		return err
	}
	n := 0
	for _, d := range page.Documents {
		a, err := arm.FromDocument(d)
		if err == nil && gatehouse.Fold(lastSegment(a.Props().String("roleDefinitionId"))) == role.String() {
			n++
		}
	}
	if n > 0 {
		return invalid("RoleDefinitionHasAssignments", "There are existing role assignments referencing role (code: RoleDefinitionHasAssignments): %d in all. Delete them first.", n)
	}
	return nil
}
