package graph

import (
	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// This file holds what the configuration alone answers: the tenant, its domains,
// its directory roles, and lists that are always empty.

func (c *call) values(context string, items []jsondoc.Value) *answer {
	if items == nil {
		items = []jsondoc.Value{}
	}
	return &answer{body: jsondoc.NewObject("@odata.context", c.contextURL(context), "value", items)}
}

func (c *call) entity(context string, o *jsondoc.Object) *answer {
	out := jsondoc.NewObject("@odata.context", c.contextURL(context+"/$entity"))
	for name, v := range o.All() {
		out.Set(name, v)
	}
	return &answer{body: out}
}

func emptyList(c *call) (*answer, error) {
	if c.route.kind == nil {
		return c.values(c.path[len(c.path)-1], nil), nil
	}
	return c.ofObject(func() (*answer, error) { return c.values(c.path[len(c.path)-1], nil), nil })
}

func (h *Handler) organization() *jsondoc.Object {
	var domains []jsondoc.Value
	for i, d := range h.cfg.Domains {
		domains = append(domains, jsondoc.NewObject("capabilities", "Email, OfficeCommunicationsOnline", "isDefault", i == 0, "isInitial", i == 0, "name", d, "type", "Managed"))
	}
	return jsondoc.NewObject("id", h.cfg.TenantID.String(), "deletedDateTime", nil, "businessPhones", []jsondoc.Value{}, "city", nil, "country", nil,
		"countryLetterCode", nil, "displayName", h.cfg.TenantName, "onPremisesSyncEnabled", nil, "preferredLanguage", "en",
		"tenantType", "AAD", "technicalNotificationMails", []jsondoc.Value{}, "assignedPlans", []jsondoc.Value{},
		"verifiedDomains", append([]jsondoc.Value{}, domains...))
}

func listOrganization(c *call) (*answer, error) {
	return c.values("organization", []jsondoc.Value{c.h.organization()}), nil
}

func getOrganization(c *call) (*answer, error) {
	if normal(c.args[0]) != c.h.cfg.TenantID.String() {
		return nil, notThere(c.args[0])
	}
	return c.entity("organization", c.h.organization()), nil
}

func (h *Handler) domain(i int) *jsondoc.Object {
	return jsondoc.NewObject("id", h.cfg.Domains[i], "authenticationType", "Managed", "availabilityStatus", nil, "isAdminManaged", true,
		"isDefault", i == 0, "isInitial", i == 0, "isRoot", true, "isVerified", true, "supportedServices", []jsondoc.Value{})
}

func listDomains(c *call) (*answer, error) {
	var items []jsondoc.Value
	for i := range c.h.cfg.Domains {
		items = append(items, c.h.domain(i))
	}
	return c.values("domains", items), nil
}

func getDomain(c *call) (*answer, error) {
	for i, d := range c.h.cfg.Domains {
		if gatehouse.Fold(d) == gatehouse.Fold(c.args[0]) {
			return c.entity("domains", c.h.domain(i)), nil
		}
	}
	return nil, notThere(c.args[0])
}

func isAdministrator(role string) bool { return normal(role) == builtin.GlobalAdministrator }

// role finds an assignable directory role by its ID.
func (h *Handler) role(id string) (*gatehouse.RoleDefinition, bool) {
	for i := range h.cfg.Roles {
		if h.cfg.Roles[i].ID.String() == normal(id) {
			return &h.cfg.Roles[i], true
		}
	}
	return nil, false
}

func roleDefinition(r *gatehouse.RoleDefinition) *jsondoc.Object {
	var permissions []jsondoc.Value
	for _, p := range r.Permissions {
		permissions = append(permissions, jsondoc.NewObject("allowedResourceActions", p.DataActions, "condition", nil))
	}
	return jsondoc.NewObject("id", r.ID.String(), "description", r.Description, "displayName", r.Name, "isBuiltIn", true, "isEnabled", true,
		"resourceScopes", []string{"/"}, "templateId", r.ID.String(), "version", "1", "rolePermissions", permissions)
}

func directoryRole(r *gatehouse.RoleDefinition) *jsondoc.Object {
	return jsondoc.NewObject("id", r.ID.String(), "deletedDateTime", nil, "description", r.Description, "displayName", r.Name, "roleTemplateId", r.ID.String())
}

// roleFields has no declared fields: roles are not stored.
var roleFields = &kind{name: "roleDefinitions"}

// roles lists the directory roles that the filter permits, each as shown.
func (c *call) roles(context string, shown func(*gatehouse.RoleDefinition) *jsondoc.Object) (*answer, error) {
	var items []jsondoc.Value
	for i := range c.h.cfg.Roles {
		o := shown(&c.h.cfg.Roles[i])
		ok, err := env(roleFields, o).Match(c.query.Filter)
		if err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, codeQuery, "%s", messageOf(err))
		}
		if ok {
			items = append(items, o)
		}
	}
	return c.values(context, items), nil
}

func listRoles(c *call) (*answer, error) {
	return c.roles("roleManagement/directory/roleDefinitions", roleDefinition)
}

func listDirectoryRoles(c *call) (*answer, error) { return c.roles(c.path[0], directoryRole) }

func getRole(c *call) (*answer, error) {
	r, ok := c.h.role(c.args[0])
	if !ok {
		return nil, notThere(c.args[0])
	}
	return c.entity("roleManagement/directory/roleDefinitions", roleDefinition(r)), nil
}

func getDirectoryRole(c *call) (*answer, error) {
	r, ok := c.h.role(c.args[0])
	if !ok {
		return nil, notThere(c.args[0])
	}
	return c.entity(c.path[0], directoryRole(r)), nil
}

// roleMembers lists who holds a directory role.
func roleMembers(c *call) (*answer, error) {
	if _, ok := c.h.role(c.args[0]); !ok {
		return nil, notThere(c.args[0])
	}
	page, err := c.h.cfg.Store.List(c.ctx(), store.Query{Type: directory.RoleAssignmentType})
	if err != nil {
		return nil, err
	}
	var ids []gatehouse.GUID
	for _, d := range page.Documents {
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return nil, err
		}
		if oid, err := gatehouse.ParseGUID(body.String("principalId")); err == nil && normal(body.String("roleDefinitionId")) == normal(c.args[0]) {
			ids = append(ids, oid)
		}
	}
	return c.page(c.these("directoryObjects", ids))
}
