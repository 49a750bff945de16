package authorization

import (
	"net/http"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// permissions lists what the caller holds at a scope, an element per permission
// entry: merging entries would let notActions of one role leak into another.
// Deny assignments are not reflected (rbac.md 6.4).
func (p *provider) permissions(op *arm.Op) (*arm.Answer, error) {
	scope, err := gatehouse.ParseID(op.Params["scope"])
	if err != nil {
		return nil, err
	}
	items := []jsondoc.Value{}
	for _, e := range p.Guard.Snapshot().Permissions(op.Caller.ID, scope.Scope(), op.Now) {
		o := permissionObject(e)
		if op.Version != "2022-05-01-preview" {
			o.Delete("condition")
			o.Delete("conditionVersion")
		}
		items = append(items, o)
	}
	return arm.ListOf(items), nil
}

// maxChecks bounds the actions of one access check.
const maxChecks = 1000

// checkAccess answers whether a principal may perform actions at a scope, in the
// shape of Azure's decision point (rbac.md 6.9). It needs the right to read role
// assignments there, since the answer reveals them.
func (p *provider) checkAccess(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	subject, err := gatehouse.ParseGUID(body.String("Subject.Attributes.ObjectId"))
	if err != nil {
		return nil, invalid("InvalidRequestContent", "Subject.Attributes.ObjectId has to be the object ID of the principal.").At("Subject.Attributes.ObjectId")
	}
	actions := body.Array("Actions")
	if len(actions) == 0 || len(actions) > maxChecks {
		return nil, invalid("InvalidRequestContent", "Actions has to hold between 1 and %d actions; it holds %d.", maxChecks, len(actions)).At("Actions")
	}
	scope, err := gatehouse.ParseID(op.Params["scope"])
	if err != nil {
		return nil, err
	}
	if text := body.String("Resource.Id"); text != "" {
		asked, err := gatehouse.ParseID(text)
		if err != nil {
			return nil, err
		}
		if !scope.Scope().Contains(asked.Scope()) {
			return nil, invalid("InvalidRequestContent", "Resource.Id has to be the scope of the request or lie below it.").At("Resource.Id")
		}
		scope = asked
	}
	items := []jsondoc.Value{}
	for _, v := range actions {
		o, ok := v.(*jsondoc.Object)
		if !ok || o.String("Id") == "" {
			return nil, invalid("InvalidRequestContent", "Every element of Actions is an object with an Id.").At("Actions")
		}
		items = append(items, p.checked(subject, scope.Scope(), o, body))
	}
	return arm.ListOf(items), nil
}

func (p *provider) checked(subject gatehouse.GUID, scope gatehouse.Scope, action, body *jsondoc.Object) *jsondoc.Object {
	request := p.Guard.Request(&gatehouse.Caller{ID: subject}, action.String("Id"), action.Bool("IsDataAction"), gatehouse.MustID(scope.String()),
		&gatehouse.Attributes{Request: attributes(action.Object("Attributes")), Resource: attributes(body.Object("Resource.Attributes")),
			Environment: attributes(body.Object("Environment.Attributes"))})
	d := p.Guard.Snapshot().Decide(request)
	verdict := "NotAllowed"
	if d.Allowed {
		verdict = "Allowed"
	} else if !d.Deny.IsZero() {
		verdict = "Denied"
	}
	out := object("actionId", request.Action, "accessDecision", verdict, "isDataAction", request.Data, "roleAssignment", nil, "denyAssignment", nil, "timeToLiveInMs", 0)
	if !d.Grant.IsZero() {
		out.Set("roleAssignment", object("id", d.Grant.String(), "roleDefinitionId", d.Role.String()))
	}
	if !d.Deny.IsZero() {
		out.Set("denyAssignment", object("id", d.Deny.String()))
	}
	return out
}

func attributes(o *jsondoc.Object) map[string]any {
	if o == nil {
		return nil
	}
	out := map[string]any{}
	for name, v := range o.All() {
		if n, ok := v.(jsondoc.Number); ok {
			if i, ok := o.Int(name); ok {
				v = i
			} else {
				v = string(n)
			}
		}
		out[name] = v
	}
	return out
}

// elevateAction is a directory right: only Global Administrators have it (rbac.md 6.6).
const elevateAction = "Microsoft.Graph/directory/elevateAccess/action"

// elevateAccess makes the caller User Access Administrator at the root.
func (p *provider) elevateAccess(op *arm.Op) (*arm.Answer, error) {
	a := &assignment{id: gatehouse.NameGUID(p.TenantID, "elevate "+op.Caller.ID.String()), role: builtinRole(mustRole(userAdminRole)), principal: op.Caller.ID,
		props: object("principalType", string(op.Caller.Type))}
	release := p.serialise("assignment "+a.id.String(), a.scope.Scope().String()+a.principal.String()+a.role.ID.String())
	defer release()
	err := op.Write(nil, func(tx *store.Tx) error { return arm.Save(tx, a.resource(op, nil)) })
	if err != nil {
		return nil, err
	}
	return &arm.Answer{Status: http.StatusOK}, nil
}

func mustRole(id gatehouse.GUID) gatehouse.RoleDefinition {
	d, ok := builtin.Role(id)
	if !ok {
		panic("authorization: built-in role " + id.String() + " is missing")
	}
	return d
}

func (p *provider) globalAdministrator(op *arm.Op) bool {
	return p.Guard.IsGlobalAdministrator(op.Caller.ID)
}

// classicAdministrators are retired and give no rights; clients still ask (rbac.md 6.7).
func classicAdministrators(*arm.Op) (*arm.Answer, error) { return arm.ListOf(nil), nil }

// listProviderOperations and its sibling show the catalogue (rbac.md 6.5).
func listProviderOperations(op *arm.Op) (*arm.Answer, error) {
	items := []jsondoc.Value{}
	for _, p := range builtin.Providers() {
		items = append(items, providerObject(p))
	}
	return arm.ListOf(items), nil
}

func getProviderOperations(op *arm.Op) (*arm.Answer, error) {
	p, ok := builtin.ProviderNamed(op.Params["namespace"])
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "ProviderNotFound", "The provider '%s' is not known.", op.Params["namespace"])
	}
	return arm.OK(providerObject(p)), nil
}

func providerObject(p builtin.Provider) *jsondoc.Object {
	types := []jsondoc.Value{}
	for _, t := range p.Types {
		types = append(types, object("name", t.Name, "displayName", t.DisplayName, "operations", operationObjects(t.Operations)))
	}
	return object("displayName", p.DisplayName, "id", "/providers/"+Namespace+"/providerOperations/"+p.Namespace, "name", p.Namespace,
		"operations", operationObjects(p.Operations), "resourceTypes", types, "type", Namespace+"/providerOperations")
}

func operationObjects(ops []builtin.Operation) []jsondoc.Value {
	out := []jsondoc.Value{}
	for _, o := range ops {
		out = append(out, object("name", o.Name, "displayName", o.DisplayName, "description", o.Description, "origin", "user,system", "properties", nil, "isDataAction", o.Data))
	}
	return out
}
