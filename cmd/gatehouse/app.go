package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/entra"
	"gatehouse/entra/password"
	"gatehouse/evidence"
	"gatehouse/gateway"
	away "gatehouse/gateway/remote"
	"gatehouse/graph"
	"gatehouse/guard"
	"gatehouse/past"
	"gatehouse/provider/access"
	"gatehouse/provider/agents"
	"gatehouse/provider/apim"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/provider/attest"
	"gatehouse/provider/authorization"
	"gatehouse/provider/declare"
	"gatehouse/provider/governance"
	"gatehouse/provider/history"
	"gatehouse/provider/identity"
	"gatehouse/provider/insights"
	"gatehouse/provider/operations"
	"gatehouse/provider/resources"
	"gatehouse/provider/rolecheck"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// app is the assembled product: everything but listeners and files.
type app struct {
	store     *store.Store
	counted   *analytics.Store // nil where no gateway counts
	guard     *guard.Guard
	refusals  *guard.Refusals // shared by all wires
	past      *past.History
	key       *evidence.Key // signs evidence
	dir       *directory.Index
	entra     *entra.Server
	arm       *arm.Server
	publicURL string
	mux       http.Handler
	apim      apim.Config // but for what follows from the others
	imds      http.Handler
	meter     http.Handler
	metrics   *metrics
	gateways  *gatewaySide
	gateway   *gateway.Gateway // serves calls of APIs
	tenant    gatehouse.GUID
	// gatewayURLs are further addresses of the gateway, gatewayPort that of its listener.
	gatewayURLs []string
	gatewayPort string
	observed    *observed // of those calls
}

// assemble wires the product together over an open store. The order matters:
// what follows the store's commits is made before anything can write.
func assemble(ctx context.Context, s *store.Store, b *bootstrap, publicURL string, counted *analytics.Store, c serveConfig) (*app, error) {
	a := &app{store: s, counted: counted, publicURL: publicURL,
		apim: apim.Config{Connections: apim.NewConnections(apim.ConnectionsConfig{Store: s, Private: c.privateLinks, Loopback: c.loopbackLinks}),
			Links: apidoc.Fetcher{Private: c.privateLinks, Loopback: c.loopbackLinks}, Exports: apim.NewExports(s, nil, nil), Backups: c.backups(), PrivateChecks: c.privateChecks}}
	tenant, err := gatehouse.ParseGUID(b.TenantID)
	if err != nil {
		return nil, fmt.Errorf("the tenant ID in %s is damaged: %w", bootstrapFile, err)
	}
	a.tenant = tenant
	if a.dir, err = directory.NewIndex(ctx, s); err != nil {
		return nil, err
	}
	if a.guard, err = guard.New(ctx, s); err != nil {
		return nil, err
	}
	a.past = past.New(s, a.guard, nil)
	a.entra, err = entra.New(entra.Config{Store: s, Directory: a.dir, Tenant: tenant, PublicURL: publicURL, Domains: []string{domain}, Name: tenantName,
		Identities: c.identities, IdentitySecret: b.IdentitySecret, AllowPrivateIssuers: c.privateIssuers, AllowLoopbackIssuers: c.loopbackIssuers,
		Clients: []entra.Client{{ID: gatewayClient, Name: "Gatehouse gateway", Accepts: a.ownsCallback}}, Resources: a.isService})
	if err != nil {
		return nil, err
	}
	if a.gateways, err = a.newGatewaySide(ctx, s, tenant); err != nil {
		return nil, err
	}
	if a.key, err = evidence.Open(c.data, s); err != nil {
		return nil, err
	}
	a.refusals = guard.NewRefusals(s, nil)
	m := newMetrics(a)
	a.metrics = m
	if a.arm, err = a.newARM(ctx, tenant, publicURL, m); err != nil {
		return nil, err
	}
	hasher := password.New()
	g := graph.New(graph.Config{Store: s, Index: a.dir, Guard: a.guard, Authenticate: a.authenticator(a.entra.GraphAudiences()),
		HashPassword: func(p string) (string, error) { return hasher.Hash(context.Background(), p) }, BaseURL: publicURL, TenantID: tenant, TenantName: tenantName,
		Domains: []string{domain}, ReservedURIs: slices.Concat(a.entra.ARMAudiences(), a.entra.GraphAudiences(), []string{entra.GatewayAudience, entra.AuthorizationManagerAudience}), Roles: builtin.DirectoryRoles(), Refusals: a.refusals, Explain: explainLink(publicURL)})
	a.mux, a.imds, a.meter = a.route(g, m), a.entra.Imds(), m.mux()
	return a, nil
}

func (a *app) newARM(ctx context.Context, tenant gatehouse.GUID, publicURL string, m *metrics) (*arm.Server, error) {
	providers, err := a.providers(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return arm.New(arm.Config{Store: a.store, Guard: a.guard, Authenticate: a.authenticator(a.entra.ARMAudiences()), Challenge: a.entra.Challenge,
		BaseURL: publicURL, TenantID: tenant, Observe: m.observe, Refusals: a.refusals, Explain: explainLink(publicURL)}, providers...), nil
}

// providers are all there are; nothing registers itself.
func (a *app) providers(ctx context.Context, tenant gatehouse.GUID) ([]*arm.Provider, error) {
	list, err := resources.New(ctx, a.store)
	return append(list,
		authorization.New(authorization.Config{Guard: a.guard, Directory: a.dir, TenantID: tenant}),
		identity.New(tenant, a.dir), insights.New(a.store), apim.New(a.apimConfig(tenant)), a.accessProvider(tenant),
		rolecheck.New(rolecheck.Config{Management: a.managementResources, Own: a.entra.Issuer}),
		operations.New(operations.Config{Directory: a.dir, IssueToken: a.issueToken, RotateKeys: a.rotateKeys, RevokeKeys: a.entra.RevokeKeys})), err
}

// managementResources are what tokens for managing this installation are asked for.
func (a *app) managementResources() []string {
	return slices.Concat(a.entra.ARMAudiences(), a.entra.GraphAudiences())
}

// accessProvider is all of Gatehouse.Access: the questions about now, and those about the past.
func (a *app) accessProvider(tenant gatehouse.GUID) *arm.Provider {
	p := access.New(access.Config{Guard: a.guard, Directory: a.dir, Store: a.store, Past: a.past})
	p.Calls = append(p.Calls, history.Calls(history.Config{Guard: a.guard, Directory: a.dir, Past: a.past})...)
	p.Calls = append(p.Calls, governance.Calls(a.guard)...)
	p.Calls = append(p.Calls, agents.Calls(a.entra)...)
	p.Calls = append(p.Calls, declare.Calls(declare.Config{BaseURL: a.publicURL, Server: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) })})...)
	p.Calls = append(p.Calls, attest.Calls(attest.Config{Guard: a.guard, Store: a.store, Key: a.key, Tenant: tenant.String(), Version: version()})...)
	return p
}

func (a *app) apimConfig(tenant gatehouse.GUID) apim.Config {
	c := a.apim
	c.Tenant, c.Directory, c.Analytics = tenant, a.dir, a.counted
	if a.gateways != nil {
		c.Traces = a.gateways.traces
	}
	return c
}

func (a *app) issueToken(ctx context.Context, principal gatehouse.GUID, resource string) (string, time.Time, error) {
	return a.entra.Issue(ctx, principal, resource, "operator")
}

func (a *app) rotateKeys(ctx context.Context) error {
	return errors.Join(a.store.RotateKeys(ctx, nil), a.entra.RotateKeys(ctx))
}

// authenticator reads the bearer token of a request and asks entra who it was issued to.
func (a *app) authenticator(audiences []string) func(*http.Request) (*gatehouse.Caller, error) {
	return func(r *http.Request) (*gatehouse.Caller, error) {
		return a.entra.Authenticate(r.Context(), entra.Bearer(r.Header.Get("Authorization")), audiences...)
	}
}

// route sends a request to the wire that owns its path; what none owns is ARM's.
func (a *app) route(g http.Handler, m *metrics) http.Handler {
	signIn := a.entra.Handler()
	own := map[string]http.Handler{
		"/openapi.json": a.openAPI(), "/": http.HandlerFunc(welcome), "/healthz": http.HandlerFunc(healthy), "/readyz": http.HandlerFunc(a.ready), "/metrics": toThisMachine(m.handler()),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := "/" + strings.TrimLeft(r.URL.Path, "/")
		switch first, _, _ := strings.Cut(path[1:], "/"); {
		case own[path] != nil:
			own[path].ServeHTTP(w, r)
		case first == "v1.0" || first == "beta":
			g.ServeHTTP(w, r)
		case "/"+first == away.Path:
			a.gateways.node.ServeHTTP(w, r)
		case "/"+first == apim.ExportPath:
			a.apim.Exports.ServeHTTP(w, r)
		case strings.HasPrefix(path, apim.RedirectPath):
			a.apim.Connections.ServeHTTP(w, r)
		case a.entra.Owns(path):
			signIn.ServeHTTP(w, r)
		default:
			a.arm.ServeHTTP(w, r)
		}
	})
}

func welcome(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprint(w, "This is Gatehouse.\n\nPoint az, Terraform or an Azure SDK at this address: \"gatehouse env\" prints what they need.\n")
}

func healthy(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }

// ready says yes when the store answers.
func (a *app) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := a.store.Count(ctx, store.Query{Type: guard.TenantType}); err != nil {
		slog.Error("not ready", "error", err)
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
