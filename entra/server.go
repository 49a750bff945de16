package entra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/entra/password"
	"gatehouse/recent"
	"gatehouse/store"
)

// Config says who this tenant is and how its tokens live. Store, Directory, Tenant
// and PublicURL are required.
type Config struct {
	Store     *store.Store
	Directory *directory.Index
	Tenant    gatehouse.GUID
	// PublicURL is the one origin (https://host:port, no path) that every address,
	// issuer and audience is derived from.
	PublicURL string
	Domains   []string // verified domain names, which may stand for the tenant in paths; the first is the default
	Name      string   // the tenant's display name on pages; "Gatehouse" when empty
	Clients   []Client // first-party applications besides az and PowerShell, for example the portal

	// Resources says whether tokens may be asked for something else that is no application, such as an API Management service
	// by its resource ID; nil says no.
	Resources func(id string) bool

	TokenLifetime   time.Duration // of access tokens; 75 minutes when zero, 60 to 90 are Entra's
	RefreshLifetime time.Duration // of an unused refresh token; 90 days when zero
	RefreshGrace    time.Duration // how long a spent refresh token may come again without harm; one minute when zero
	SessionLifetime time.Duration // of a browser's sign-in; 12 hours when zero
	KeyPeriod       time.Duration // how long a signing key is used; 30 days when zero

	Identities     []string // managed identities (client, principal or resource ID) that Imds serves
	IdentitySecret string   // what the App Service form has to send; at least 16 characters, or that form is off

	// Issuers of federated tokens are asked for their keys over https at public
	// addresses only, unless these say otherwise.
	AllowPrivateIssuers  bool              // private addresses too (an issuer in one's own network)
	AllowLoopbackIssuers bool              // loopback addresses and plain http to them (development)
	IssuerTransport      http.RoundTripper // for tests and private roots; the checks of addresses are then its own

	Clock  func() time.Time // time.Now when nil
	Logger *slog.Logger     // slog.Default() when nil
}

// Client is a first-party application: it exists in every tenant without being registered.
type Client struct {
	ID           gatehouse.GUID
	Name         string
	RedirectURIs []string // http://localhost stands for any port and path on the loopback interface
	SPA          bool     // a browser application: redirect URIs match exactly
	// Accepts says of further addresses that they are the application's own; nil accepts none.
	Accepts func(redirectURI string) bool
}

// Server is the sign-in side of one tenant. It is safe for concurrent use.
type Server struct {
	cfg       Config
	store     *store.Store
	dir       *directory.Index
	public    string // scheme://host:port
	tenant    string
	issuer    string
	keys      *keyring
	passwords *password.Hasher
	failures  *throttle
	guesses   *limiter // wrong device codes by address
	devices   *limiter // device codes begun by address
	noise     *limiter // recorded failures by principal
	issuers   *issuers
	verified  *tokenCache
	recent    *recent.Table[*verified] // before that
	clients   map[gatehouse.GUID]Client
	pages     *pages
	router    *router
	metadata  map[string][]byte
	openid    []byte
	stop      context.CancelFunc
	running   sync.WaitGroup
	unknown   counter // failed sign-ins of names that do not exist
}

// The public clients that every tenant knows (clients.md 3).
var (
	azureCLI   = Client{ID: gatehouse.MustGUID("04b07795-8ddb-461a-bbee-02f9e1bf7b46"), Name: "Microsoft Azure CLI", RedirectURIs: []string{"http://localhost"}}
	powerShell = Client{ID: gatehouse.MustGUID("1950a258-227b-4e31-a9cf-717495945fc2"), Name: "Microsoft Azure PowerShell", RedirectURIs: []string{"http://localhost"}}
)

// New prepares the server. A tenant without signing keys gets one in the
// background, so that a first start does not wait for it; the first token does.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	public := strings.TrimSuffix(cfg.PublicURL, "/")
	s := &Server{
		cfg: cfg, store: cfg.Store, dir: cfg.Directory, public: public, tenant: cfg.Tenant.String(),
		issuer: public + "/" + cfg.Tenant.String() + "/v2.0", passwords: password.New(),
		failures: newThrottle(cfg.Clock), guesses: newLimiter(10, 10*time.Minute, cfg.Clock), devices: newLimiter(200, 10*time.Minute, cfg.Clock), noise: newLimiter(10, time.Minute, cfg.Clock),
		verified: newTokenCache(8192), recent: recent.New[*verified](), clients: map[gatehouse.GUID]Client{},
	}
	for _, c := range append([]Client{azureCLI, powerShell}, cfg.Clients...) {
		s.clients[c.ID] = c
	}
	s.issuers, s.router = newIssuers(cfg), &router{s, plainRoutes(), tenantRoutes()}
	s.metadata, s.openid = s.documents()
	var err error
	if s.pages, err = loadPages(cfg.Name); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	if s.keys, err = openKeyring(ctx, cfg); err != nil {
		stop()
		return nil, err
	}
	s.running.Go(func() { s.keys.tend(ctx) })
	return s, nil
}

func (c *Config) complete() error {
	if c.Store == nil || c.Directory == nil || c.Tenant.IsZero() {
		return errors.New("entra: Config needs Store, Directory and Tenant")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("entra: the public URL %q is not of the form https://host:port", c.PublicURL)
	}
	if c.IdentitySecret != "" && len(c.IdentitySecret) < 16 {
		return errors.New("entra: the secret of the managed identity endpoint is shorter than 16 characters")
	}
	orDuration(&c.TokenLifetime, 75*time.Minute)
	orDuration(&c.RefreshLifetime, 90*24*time.Hour)
	orDuration(&c.RefreshGrace, time.Minute)
	orDuration(&c.SessionLifetime, 12*time.Hour)
	orDuration(&c.KeyPeriod, 30*24*time.Hour)
	if c.Name == "" {
		c.Name = "Gatehouse"
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return nil
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d <= 0 {
		*d = otherwise
	}
}

// Close ends the background work of the server.
func (s *Server) Close() {
	s.stop()
	s.running.Wait()
	s.issuers.wait()
}

// Issuer returns what the tokens of this server name as their issuer.
func (s *Server) Issuer() string { return s.issuer }

// UnknownSignIns returns how many sign-ins named a user or application that does
// not exist, since the start. They are counted and not recorded, so that nobody
// can fill the log with invented names.
func (s *Server) UnknownSignIns() int64 { return s.unknown.Load() }

func (s *Server) now() time.Time { return s.cfg.Clock() }

// isTenant reports whether a path segment stands for this tenant.
func (s *Server) isTenant(segment string) bool {
	switch segment = gatehouse.Fold(segment); segment {
	case "common", "organizations", "adfs", s.tenant:
		return true
	default:
		return slices.ContainsFunc(s.cfg.Domains, func(d string) bool { return gatehouse.Fold(d) == segment })
	}
}
