package config

func of[T any, P interface {
	*T
	Entity
}](t *Table[P]) table {
	return column[P]{t, func() P { return P(new(T)) }}
}

// tableKinds has one kind per table: those under which Config.table knows each.
var tableKinds = []string{"workspaces", "workspacegateways", "apis", "apiversionsets", "apis/operations", "schemas", "apis/resolvers", "apis/tools",
	"products", "products/apis", "products/groups", "clientapplications/productlinks", "subscriptions", "users", "groups", "groups/users", "policies",
	"policyfragments", "namedvalues", "rolechecks", "backends", "certificates", "caches", "loggers", "diagnostics", "authorizationservers",
	"openidconnectproviders", "identityproviders", "authorizationproviders", "authorizationproviders/authorizations",
	"authorizationproviders/authorizations/accesspolicies", "clientapplications", "gateways", "gateways/apis", "gateways/hostnameconfigurations",
	"gateways/certificateauthorities", "gateways/debugkeys"}

// table is the table of a kind, nil when there is none.
func (c *Config) table(kind string) table {
	switch kind {
	case "workspaces":
		return of(&c.Workspaces)
	case "workspacegateways":
		return of(&c.WorkspaceGateways)
	case "apis":
		return of(&c.APIs)
	case "apiversionsets":
		return of(&c.VersionSets)
	case "apis/operations":
		return of(&c.Operations)
	case "schemas", "apis/schemas":
		return of(&c.Schemas)
	case "apis/resolvers":
		return of(&c.Resolvers)
	case "apis/tools":
		return of(&c.Tools)
	case "policies", "products/policies", "apis/policies", "apis/operations/policies", "apis/resolvers/policies":
		return of(&c.Policies)
	case "policyfragments":
		return of(&c.Fragments)
	case "namedvalues":
		return of(&c.NamedValues)
	case "rolechecks", "products/rolechecks", "apis/rolechecks":
		return of(&c.RoleChecks)
	}
	if t := c.consumers(kind); t != nil {
		return t
	}
	if t := c.servers(kind); t != nil {
		return t
	}
	return c.gateways(kind)
}

// consumers are the tables about who calls.
func (c *Config) consumers(kind string) table {
	switch kind {
	case "products":
		return of(&c.Products)
	case "products/apis":
		return of(&c.ProductAPIs)
	case "products/groups", "products/servicegroups":
		return of(&c.ProductGroups)
	case "clientapplications":
		return of(&c.ClientApplications)
	case "clientapplications/productlinks":
		return of(&c.ProductApplications)
	case "subscriptions":
		return of(&c.Subscriptions)
	case "users":
		return of(&c.Users)
	case "groups":
		return of(&c.Groups)
	case "groups/users":
		return of(&c.GroupUsers)
	}
	return nil
}

// servers are the tables about who is called.
func (c *Config) servers(kind string) table {
	switch kind {
	case "backends":
		return of(&c.Backends)
	case "certificates":
		return of(&c.Certificates)
	case "caches":
		return of(&c.Caches)
	case "loggers":
		return of(&c.Loggers)
	case "diagnostics", "apis/diagnostics":
		return of(&c.Diagnostics)
	case "authorizationservers":
		return of(&c.AuthorizationServers)
	case "openidconnectproviders":
		return of(&c.OpenIDProviders)
	case "identityproviders":
		return of(&c.IdentityProviders)
	case "authorizationproviders":
		return of(&c.Authorizations)
	case "authorizationproviders/authorizations":
		return of(&c.Connections)
	case "authorizationproviders/authorizations/accesspolicies":
		return of(&c.AccessPolicies)
	}
	return nil
}

// gateways are the tables about gateways.
func (c *Config) gateways(kind string) table {
	switch kind {
	case "gateways":
		return of(&c.Gateways)
	case "gateways/apis":
		return of(&c.GatewayAPIs)
	case "gateways/hostnameconfigurations":
		return of(&c.GatewayHosts)
	case "gateways/certificateauthorities":
		return of(&c.GatewayAuthorities)
	case "gateways/debugkeys":
		return of(&c.DebugKeys)
	}
	return nil
}
