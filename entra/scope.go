package entra

import (
	"context"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
)

// resource is what a token is asked for.
type resource struct {
	audience string // goes into aud, as the client wrote it
	version  int    // of the access token: 1, or 2 for applications that ask for it
	builtin  bool   // no registered application's: ARM, Graph, gateways
	graph    bool   // Graph, or this server's URL, which is both
}

// asked is a parsed scope parameter, or a resource parameter of the version 1 endpoint.
type asked struct {
	resource resource
	names    []string // permissions on the resource, .default among them
	echo     []string // what the answer's scope repeats, exactly as asked: MSAL's caches compare texts
	openid   bool
	offline  bool
	text     string // the whole in a form that parseScope reads
}

// The application IDs that mean ARM and Graph in any tenant.
const (
	armAppID      = "797f4846-ba00-4fd7-ba1f-dac1f8f63013"
	graphAppID    = "00000003-0000-0000-c000-000000000000"
	graphResource = "https://graph.microsoft.com"
)

// tokenExchange is the audience of tokens that are to be exchanged by a federated
// credential: an identity of this server may stand for an application.
const tokenExchange = "api://AzureADTokenExchange"

// GatewayAudience is the resource that tokens for API calls through gateways are
// asked for. It opens nothing of the management plane, so a backend that is handed
// such a token cannot manage anything with it.
const GatewayAudience = "api://gatehouse-gateway"

// AuthorizationManagerAudience is the resource that tokens are asked for which a policy hands to the credential manager, to
// act for their holder (gateway.md 8.1, get-authorization-context).
const AuthorizationManagerAudience = "https://azure-api.net/authorization-manager"

// ARMAudiences returns the resource IDs that mean ARM, for Authenticate (clients.md 3).
func (s *Server) ARMAudiences() []string {
	return []string{s.public, "https://management.azure.com", "https://management.core.windows.net", armAppID}
}

// GraphAudiences returns the resource IDs that mean Microsoft Graph, for Authenticate.
func (s *Server) GraphAudiences() []string {
	return []string{s.public, graphResource, graphAppID}
}

// foldAudience is how audiences compare: without case and without slashes at the end.
func foldAudience(text string) string { return strings.TrimRight(gatehouse.Fold(text), "/") }

// resolve finds out what a resource ID means.
func (s *Server) resolve(ctx context.Context, id string) (resource, error) {
	r := resource{audience: id, version: 1, builtin: true}
	folded := foldAudience(id)
	is := func(a string) bool { return foldAudience(a) == folded }
	switch {
	case is(s.public):
		r.graph = true
		return r, nil
	case slices.ContainsFunc(s.ARMAudiences(), is):
		return r, nil
	case slices.ContainsFunc(s.GraphAudiences(), is):
		r.graph = true
		return r, nil
	}
	if is(tokenExchange) || is(GatewayAudience) || is(AuthorizationManagerAudience) || s.cfg.Resources != nil && s.cfg.Resources(id) {
		return r, nil
	}
	app, err := s.resourceApplication(ctx, id)
	if err != nil {
		return resource{}, err
	}
	if app == nil {
		return resource{}, fault(invalidResource, 500011, "The resource principal named %s was not found in the tenant named %s. "+
			"This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.", clip(id), s.cfg.Name)
	}
	r.builtin = false
	if app.API.TokenVersion == 2 {
		r.version, r.audience = 2, app.AppID.String()
	}
	return r, nil
}

// resourceApplication finds the application that a resource ID names: its
// identifier URI, api:// and its application ID, or that ID alone. Nil when there is none.
func (s *Server) resourceApplication(ctx context.Context, id string) (*directory.Application, error) {
	oid, ok := s.dir.ApplicationByURI(id)
	if !ok {
		appID, isID := parseAppID(strings.TrimPrefix(foldAudience(id), "api://"))
		if !isID {
			return nil, nil
		}
		if oid, ok = s.dir.ApplicationByAppID(appID); !ok {
			return nil, nil
		}
	}
	app, _, err := directory.ReadApplication(ctx, s.store, oid)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	return app, err
}

// parseScope reads a scope parameter. Its resource part is everything before the
// last slash, so that https://host//.default means the resource https://host/ (az
// does not trim, clients.md 3). Names without a resource belong to Graph, as do requests with none at all.
func (s *Server) parseScope(ctx context.Context, scope string) (asked, error) {
	a := asked{text: scope}
	target, bare := "", false
	for _, item := range strings.Fields(scope) {
		switch gatehouse.Fold(item) {
		case "openid", "profile", "email":
			a.openid = true
			a.echo = append(a.echo, item)
			continue
		case "offline_access":
			a.offline = true
			continue
		}
		id, name := "", item
		if slash := strings.LastIndexByte(item, '/'); slash >= 0 {
			id, name = item[:slash], item[slash+1:]
		}
		if name == "" || strings.HasSuffix(id, ":/") || id == "" && strings.HasPrefix(item, "/") {
			return asked{}, fault(invalidScope, 70011, "The provided value for the input parameter 'scope' is not valid. "+
				"The scope '%s' has to be a resource followed by a slash and a permission, for example %s/.default.", clip(item), s.public)
		}
		if (target != "" || bare) && (bare != (id == "") || foldAudience(id) != foldAudience(target)) {
			return asked{}, fault(invalidScope, 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope %s is not valid.", clip(scope))
		}
		target, bare = id, id == ""
		a.names = append(a.names, name)
		a.echo = append(a.echo, item)
	}
	if target == "" {
		target = graphResource
	}
	var err error
	a.resource, err = s.resolve(ctx, target)
	if own := foldAudience(a.resource.audience) == foldAudience(s.public); own && a.resource.builtin && !a.actsAsUser() {
		// This server's URL means ARM and Graph alike; permissions of Graph must not open ARM.
		a.resource.audience, a.resource.graph = graphResource, true
	}
	if err == nil && a.resource.builtin && !a.resource.graph && slices.ContainsFunc(a.names, isNoARMPermission) {
		return asked{}, fault(invalidScope, 70011, "The provided value for the input parameter 'scope' is not valid. The resource '%s' has no other permissions than user_impersonation and .default.", clip(target))
	}
	return a, err
}

// isNoARMPermission tells what Resource Manager does not know. A token for it acts
// as the user in everything, so nobody may be asked to consent to something that sounds smaller.
func isNoARMPermission(name string) bool { return name != ".default" && name != "user_impersonation" }

// actsAsUser reports whether everything that the user may do is asked for.
func (a *asked) actsAsUser() bool {
	return slices.ContainsFunc(a.names, func(n string) bool { return n == ".default" || n == "user_impersonation" })
}

// within reports whether a asks for nothing that was not granted before.
func (a *asked) within(granted asked) bool {
	if foldAudience(a.resource.audience) != foldAudience(granted.resource.audience) {
		return false
	}
	return !slices.ContainsFunc(a.names, func(n string) bool {
		return !slices.Contains(granted.names, n) && !slices.Contains(granted.names, ".default")
	})
}

// parseTarget reads what a token request asks for: scope, or resource as the version 1 endpoint has it.
func (s *Server) parseTarget(ctx context.Context, f form) (asked, error) {
	if f.get("scope") != "" && (f.get("resource") == "" || !f.v1) {
		return s.parseScope(ctx, f.get("scope"))
	}
	if f.get("resource") == "" {
		if f.v1 {
			return asked{}, missing("resource")
		}
		return asked{}, missing("scope")
	}
	r, err := s.resolve(ctx, f.get("resource"))
	a := asked{resource: r, names: []string{".default"}, openid: true, offline: true, text: f.get("resource") + "/.default openid offline_access"}
	a.echo = []string{"user_impersonation"}
	return a, err
}

// granted returns the value of scp: what a user allows the client to do. What
// the user may do is decided by their roles, so the default is everything; openid
// tells azurerm that the token is a user's (clients.md 3).
func (a *asked) granted() string {
	names := []string{"openid"}
	for _, n := range a.names {
		if n != ".default" {
			names = append(names, n)
			continue
		}
		names = append(names, "user_impersonation")
		if a.resource.graph {
			names = append(names, "Directory.AccessAsUser.All", "email", "profile", "User.Read")
		}
	}
	if len(a.names) == 0 {
		names = append(names, "email", "profile", "User.Read")
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// answer returns the scope member of a user's token answer. Without it az spends
// the refresh token at once; .default stands beside what it stands for, as in Entra.
func (a *asked) answer() string {
	out := slices.Clone(a.echo)
	for _, item := range a.echo {
		if resource, ok := strings.CutSuffix(item, ".default"); ok {
			out = append(out, resource+"user_impersonation")
		}
	}
	return strings.Join(out, " ")
}
