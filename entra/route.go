package entra

import (
	"net/http"
	"strings"
	"time"

	"gatehouse"
)

// route is one address of the server: what stands behind the tenant, or a whole
// path for those that have none.
type route struct {
	methods string // space separated
	serve   func(*Server, http.ResponseWriter, *http.Request)
}

const (
	formMax  = 64 << 10         // bytes of a form; assertions with certificate chains reach some 20 kB
	formWait = 30 * time.Second // for a form to arrive
	getOnly  = "GET HEAD"
	postOnly = "POST OPTIONS"
	both     = "GET HEAD POST"
)

// tenantRoutes are below /{tenant}; paths compare without case, as Entra's do.
func tenantRoutes() map[string]route {
	return map[string]route{
		"v2.0/.well-known/openid-configuration": {getOnly, (*Server).serveOpenID},
		".well-known/openid-configuration":      {getOnly, (*Server).serveOpenID},
		"discovery/v2.0/keys":                   {getOnly, (*Server).serveKeys},
		"discovery/keys":                        {getOnly, (*Server).serveKeys},
		"discovery/instance":                    {getOnly, (*Server).serveInstance},
		"oauth2/v2.0/token":                     {postOnly, (*Server).serveToken},
		"oauth2/token":                          {postOnly, (*Server).serveToken},
		"oauth2/v2.0/devicecode":                {postOnly, (*Server).serveDeviceCode},
		"oauth2/devicecode":                     {postOnly, (*Server).serveDeviceCode},
		"oauth2/v2.0/authorize":                 {both, (*Server).serveAuthorize},
		"oauth2/authorize":                      {both, (*Server).serveAuthorize},
		"oauth2/v2.0/logout":                    {both, (*Server).serveLogout},
		"oauth2/logout":                         {both, (*Server).serveLogout},
	}
}

// plainRoutes are whole paths.
func plainRoutes() map[string]route {
	return map[string]route{
		"metadata/endpoints": {getOnly, (*Server).serveMetadata},
		"discovery/keys":     {getOnly, (*Server).serveKeys},
		"discovery/instance": {getOnly, (*Server).serveInstance},
		"devicelogin":        {both, (*Server).serveDeviceLogin},
		"signin/style.css":   {getOnly, (*Server).serveStyle},
		"signin/post.js":     {getOnly, (*Server).serveScript},
	}
}

// clean returns a path in the form that routes compare: folded, doubled slashes
// collapsed and the outer ones cut. MSAL and go-azure-sdk join authority and path
// with one slash too many when the authority ends in one (clients.md 2).
func clean(path string) string {
	return strings.Join(strings.FieldsFunc(gatehouse.Fold(path), func(r rune) bool { return r == '/' }), "/")
}

type router struct {
	s      *Server
	plain  map[string]route
	tenant map[string]route
}

// Owns reports whether Handler serves a path, so that one listener can share its
// addresses with ARM and Graph. It depends on the shape only: a path of an unknown
// tenant belongs here and gets Entra's answer to that.
func (s *Server) Owns(path string) bool {
	_, _, ok := s.router.find(path)
	return ok
}

// Handler serves metadata, discovery, keys, tokens and the sign-in pages.
func (s *Server) Handler() http.Handler { return s.router }

// elsewhere reports whether the first part of a path belongs to ARM or Graph. It is
// asked for every request of theirs, so it allocates nothing.
func elsewhere(path string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
	for _, word := range [...]string{"subscriptions", "providers", "tenants", "v1.0", "beta"} {
		if strings.EqualFold(first, word) {
			return true
		}
	}
	return false
}

func (rt *router) find(path string) (r route, tenant string, ok bool) {
	if elsewhere(path) {
		return route{}, "", false
	}
	path = clean(path)
	if r, ok = rt.plain[path]; ok {
		return r, "", true
	}
	tenant, rest, _ := strings.Cut(path, "/")
	if r, ok = rt.tenant[rest]; ok {
		return r, tenant, true
	}
	if strings.HasPrefix(rest, "userrealm/") {
		return route{getOnly, (*Server).serveUserRealm}, tenant, true
	}
	return route{}, "", false
}

func (rt *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, tenant, ok := rt.find(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("x-ms-request-id", gatehouse.NewGUID().String())
	if !strings.Contains(" "+found.methods+" ", " "+r.Method+" ") {
		w.Header().Set("Allow", strings.ReplaceAll(found.methods, " ", ", "))
		rt.s.refuse(w, r, fault(invalidRequest, 900561, "The endpoint only accepts %s requests. Received a %s request.",
			strings.ReplaceAll(found.methods, " ", ", "), r.Method).status(http.StatusMethodNotAllowed))
		return
	}
	if tenant != "" && !rt.s.isTenant(tenant) {
		rt.s.refuse(w, r, fault(invalidRequest, 90002,
			"Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.", clip(tenant)))
		return
	}
	found.serve(rt.s, w, r)
}
