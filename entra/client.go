package entra

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

// client is the application that asks for a token.
type client struct {
	id        gatehouse.GUID // application ID
	name      string
	known     *Client                // a first-party application, nil for registered ones
	app       *directory.Application // nil for first-party ones and managed identities
	principal *directory.Principal   // its service principal, nil for first-party ones
	holders   []holder               // where its credentials are
	method    string                 // how it proved who it is: "" (not at all), secret, certificate or federated
	attempted string                 // what it tried
}

// holder is a document with credentials.
type holder struct {
	secrets   directory.Secrets
	passwords []directory.PasswordCredential
	keys      []directory.KeyCredential
}

// identify finds the client that a request names, by client_id or by the subject of its assertion.
func (s *Server) identify(ctx context.Context, f form) (*client, error) {
	text := f.get("client_id")
	if text == "" && f.get("client_assertion") != "" {
		text = subjectOf(f.get("client_assertion"))
	}
	if text == "" {
		return nil, missing("client_id")
	}
	id, ok := parseAppID(text)
	if !ok {
		s.unknown.Add(1)
		return nil, s.noSuchClient(text)
	}
	return s.lookupClient(ctx, id)
}

func (s *Server) noSuchClient(text string) error {
	return fault(unauthorizedClient, 700016, "Application with identifier '%s' was not found in the directory '%s'. "+
		"This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "+
		"You may have sent your authentication request to the wrong tenant.", clip(text), s.tenant)
}

func (s *Server) lookupClient(ctx context.Context, id gatehouse.GUID) (*client, error) {
	if known, ok := s.clients[id]; ok {
		return &client{id: id, name: known.Name, known: &known}, nil
	}
	c := &client{id: id}
	if oid, ok := s.dir.ApplicationByAppID(id); ok {
		app, d, err := directory.ReadApplication(ctx, s.store, oid)
		if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
			return nil, err
		}
		if err == nil {
			c.app, c.name = app, app.DisplayName
			if err := c.hold(d, app.PasswordCredentials, app.KeyCredentials); err != nil {
				return nil, err
			}
		}
	}
	if err := s.lookupPrincipal(ctx, c); err != nil {
		return nil, err
	}
	switch {
	case c.app == nil && c.principal == nil:
		s.unknown.Add(1)
		return nil, s.noSuchClient(id.String())
	case c.principal == nil:
		return nil, fault(unauthorizedClient, 7000229, "The client application %s is missing service principal in the tenant %s. Create it, for example with: az ad sp create --id %s", id, s.tenant, id)
	case c.app == nil && !c.principal.Managed:
		return nil, s.noSuchClient(id.String())
	case !c.principal.Enabled:
		return nil, fault(unauthorizedClient, 7000112, "Application '%s'(%s) is disabled.", id, c.name)
	}
	return c, nil
}

func (s *Server) lookupPrincipal(ctx context.Context, c *client) error {
	oid, ok := s.dir.ServicePrincipalByAppID(c.id)
	if !ok {
		return nil
	}
	sp, d, err := directory.ReadServicePrincipal(ctx, s.store, oid)
	if gatehouse.KindOf(err) == gatehouse.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if p, ok := s.dir.Principal(oid); ok {
		c.principal = p
		if c.name == "" {
			c.name = sp.DisplayName
		}
	}
	return c.hold(d, sp.PasswordCredentials, sp.KeyCredentials)
}

func (c *client) hold(d *store.Document, passwords []directory.PasswordCredential, keys []directory.KeyCredential) error {
	secrets, err := directory.SecretsOf(d)
	c.holders = append(c.holders, holder{secrets, passwords, keys})
	return err
}

// authenticate checks the secret or assertion that the request brings, and leaves
// c.method empty when it brings none. A wrong one is always an error.
func (s *Server) authenticate(ctx context.Context, c *client, f form) error {
	secret, assertion := f.get("client_secret"), f.get("client_assertion")
	switch {
	case secret == "" && assertion == "":
		return nil
	case secret != "" && assertion != "":
		return fault(invalidRequest, 9002313, "Invalid request. The request holds both client_secret and client_assertion; send one of them.")
	case c.known != nil:
		return fault(invalidClient, 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	case assertion != "":
		if kind := f.get("client_assertion_type"); kind != jwtBearer {
			return fault(invalidRequest, 900144, "The request body must contain the following parameter: 'client_assertion_type' with the value %s.", jwtBearer)
		}
		return s.checkAssertion(ctx, c, assertion)
	}
	c.attempted = "secret"
	if err := c.checkSecret(secret, s); err != nil {
		return err
	}
	c.method = "secret"
	return nil
}

func (c *client) checkSecret(text string, s *Server) error {
	now, expired := s.now(), false
	for i := range c.holders {
		h := &c.holders[i]
		for _, p := range h.passwords {
			if !h.secrets.Matches(p.KeyID, text) {
				continue
			}
			if p.Holds(now) {
				return nil
			}
			expired = true
		}
	}
	if expired {
		return fault(invalidClient, 7000222, "The provided client secret keys for app '%s' are expired. Create a new secret for the app, for example with: az ad app credential reset --id %s", c.id, c.id)
	}
	return fault(invalidClient, 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '%s'.", c.id)
}

// public reports whether the application may take passwords and device codes
// without proving who it is: Entra's "allow public client flows".
func (c *client) public() bool { return c.known != nil || c.app != nil && c.app.FallbackPublic }

// userClient is the client of a grant for a user: public, or authenticated.
func (s *Server) userClient(ctx context.Context, f form) (*client, error) {
	c, err := s.identify(ctx, f)
	if err != nil {
		return nil, err
	}
	if c.app == nil && c.known == nil {
		return nil, fault(unauthorizedClient, 700016, "Application with identifier '%s' is a managed identity, which cannot sign users in.", c.id)
	}
	if err := s.authenticate(ctx, c, f); err != nil {
		return nil, s.failed(ctx, f, c.principal, c.id, c.attempted, err)
	}
	if c.method == "" && !c.public() {
		return nil, fault(invalidClient, 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	}
	return c, nil
}

// platform is what kind of address a redirect URI is.
type platform int

const (
	unregistered platform = iota
	native
	browser
	web
)

// redirect classifies a redirect URI of the client. Addresses match exactly; of a
// native application's http://localhost the port does not count, nor, for the
// first-party ones, the path (RFC 8252 7.3, Entra's rule for localhost).
func (c *client) redirect(uri string) platform {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Fragment != "" || strings.ContainsAny(uri, "\\ \r\n\t") {
		return unregistered
	}
	if c.known != nil {
		switch {
		case slices.Contains(c.known.RedirectURIs, uri) && c.known.SPA:
			return browser
		case c.known.Accepts != nil && u.Scheme == "https" && u.User == nil && c.known.Accepts(uri):
			return native
		case slices.Contains(c.known.RedirectURIs, uri), slices.Contains(c.known.RedirectURIs, "http://localhost") && isLoopback(u):
			return native
		}
		return unregistered
	}
	if c.app == nil {
		return unregistered
	}
	switch {
	case slices.Contains(c.app.SPA.RedirectURIs, uri):
		return browser
	case slices.Contains(c.app.Web.RedirectURIs, uri):
		return web
	case slices.Contains(c.app.PublicClient.RedirectURIs, uri):
		return native
	}
	if isLoopback(u) && slices.ContainsFunc(c.app.PublicClient.RedirectURIs, func(r string) bool { return sameButPort(r, u) }) {
		return native
	}
	return unregistered
}

func isLoopback(u *url.URL) bool {
	h := u.Hostname()
	return u.Scheme == "http" && u.User == nil && u.RawQuery == "" && (h == "localhost" || h == "127.0.0.1" || h == "::1")
}

func sameButPort(registered string, u *url.URL) bool {
	r, err := url.Parse(registered)
	return err == nil && isLoopback(r) && r.Hostname() == u.Hostname() && strings.TrimRight(r.Path, "/") == strings.TrimRight(u.Path, "/")
}

// allowsOrigin reports whether a browser application of that origin is registered.
func (c *client) allowsOrigin(origin string) bool {
	var uris []string
	if c.app != nil {
		uris = c.app.SPA.RedirectURIs
	} else if c.known != nil && c.known.SPA {
		uris = c.known.RedirectURIs
	}
	return origin != "" && slices.ContainsFunc(uris, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme+"://"+u.Host == origin
	})
}
