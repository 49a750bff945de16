package replay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/access"
	"gatehouse/cache"
	"gatehouse/counter"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/record"
	"gatehouse/policy/expr"
	"gatehouse/token"
)

// Side is what calls are made under: the configuration of a service, and who may do what.
type Side struct {
	Config *config.Config
	View   *access.View // its Now is set for each call
}

// stage runs calls under one Side, one after the other.
type stage struct {
	*Options
	side    *Side
	gateway *gateway.Gateway
	hooks   *hooks.Hooks
	signIn  *admit.SignIn
	front   http.Handler
	keys    map[string]*token.Set // by address; "" for the installation itself
	pools   [][]string

	now    time.Time
	player *player
	ctx    context.Context // of the call that runs
	out    *Outcome
}

// Outcome is what became of a call.
type Outcome struct {
	*record.Record
	Missing []string         // requests that the recording does not have
	Partial []string         // answers of which the recording has only the beginning
	Events  []record.Message // messages to loggers
	// Answerer is the policy that made the answer, with its place; "" when none did.
	Answerer string
	began    bool
}

// maxBody is how much of each body is compared.
const maxBody = 8 << 20

func newStage(o *Options, side *Side, keys map[string]*token.Set) (*stage, error) {
	s := &stage{Options: o, side: side, keys: keys, pools: poolsOf(side.Config)}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := s.newHooks(quiet); err != nil {
		return nil, err
	}
	watch := &record.Watch{MaxBody: maxBody, Done: func(r *record.Record, _ *record.Origin) { s.out.Record = r }}
	s.hooks.Told = watch.Told
	verifier := token.NewVerifier(token.Config{Client: &http.Client{Transport: nowhere{}}, Local: s.published, Vouch: s.signed})
	vectors, internal, external := &cache.Vectors{Clock: s.clock}, &memory{now: s.clock}, &memory{now: s.clock}
	s.gateway = gateway.New(gateway.Config{Default: side.Config.Service.ServiceName(), Clock: s.clock, Log: quiet,
		Services: pipeline.Services{Counters: counter.NewLocal(counter.Options{Clock: s.clock, Every: -1}), Sleep: s.sleep, Go: s.aside, Events: s.event},
		Begin:    s.begin, Admit: s.hooks.Admit, Debug: s.hooks.Debug, Observe: watch.Observe,
		Home: func(c *config.Config) pipeline.Home {
			h := pipeline.Home{Key: c.Service.Statistics, Vectors: vectors}
			if !strings.EqualFold(c.Service.SKU.Name, "Consumption") {
				h.Caches.Internal = internal
			}
			if c.Caches.Len() > 0 {
				h.Caches.External = external
			}
			return h
		},
		Serve: func(c *config.Config, services *pipeline.Services) {
			connect := services.Transport
			services.Transport = func(u pipeline.Upstream) (http.RoundTripper, error) {
				_, err := connect(u) // it opens no connection, and knows which certificates there are
				return played{s}, err
			}
			services.Tokens, services.IdentityToken, services.Authorization = verifier, identityOf(c.Service), connection
			watch.Serve(c, services)
		}})
	s.front = watch.Handler(s.gateway)
	u := side.Config.Update()
	s.hooks.Update(side.Config, u)
	s.gateway.Update(side.Config, u)
	return s, nil
}

func (s *stage) newHooks(quiet *slog.Logger) (err error) {
	const nobody = "https://replay.invalid/"
	s.signIn, err = admit.NewSignIn(admit.SignInConfig{Authorize: nobody, Token: nobody, SignOut: nobody, ClientID: "replay", Audience: s.Audience,
		Secret: []byte(rand.Text() + rand.Text()), Client: &http.Client{Transport: nowhere{}}, Now: s.clock})
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	signer, err := admit.NewSigner(nobody, key, s.clock)
	if err != nil {
		return err
	}
	gate := admit.New(admit.Config{Authority: authority{s}, SignIn: s.signIn})
	s.hooks = hooks.New(hooks.Config{Gate: gate, SignIn: s.signIn, Audience: s.Audience, Signer: signer, Clock: s.clock, Log: quiet})
	return nil
}

// begin looks at a call before anything else does. Those that a call makes to the gateway itself are parts of it.
func (s *stage) begin(v *gateway.Visit) {
	s.ctx = v.HTTP.Context()
	s.hooks.Begin(v)
	if s.out.began {
		return
	}
	out := s.out
	out.began, v.Tracing = true, true
	v.Tracer = func(e pipeline.Entry) {
		if e.Source == "return-response" || e.Source == "mock-response" {
			out.Answerer = placed(e.Source, e.Data["scope"], e.Section, e.Data["path"])
		}
	}
}

// placed is a policy with where it stands, as far as that is known.
func placed(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}

func (s *stage) close() { s.gateway.Close() }

func (s *stage) clock() time.Time { return s.now }

// sleep takes no time, but the clock of the call.
func (s *stage) sleep(_ context.Context, d time.Duration) error {
	s.now = s.now.Add(d)
	return nil
}

// aside runs at once what would go on after the call.
func (s *stage) aside(f func(context.Context)) bool {
	f(context.WithValue(s.ctx, oneWay{}, true))
	return true
}

func (s *stage) event(_ *pipeline.Call, e pipeline.Event) {
	s.out.Events = append(s.out.Events, record.Message{Method: "log-to-eventhub", URL: e.Logger, Body: record.Body{Data: e.Message}})
}

// nowhere is a network that there is not.
type nowhere struct{}

func (nowhere) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, errNotRecorded
}

// played answers from the recording of the call that runs.
type played struct{ s *stage }

func (p played) RoundTrip(r *http.Request) (*http.Response, error) { return p.s.player.RoundTrip(r) }

// identityOf gives tokens of the identities that a service has. Nobody looks at them.
func identityOf(service *config.Service) func(ctx context.Context, resource, client string) (string, error) {
	return func(_ context.Context, resource, client string) (string, error) {
		for _, one := range service.Identities {
			if client == "" && one.Resource == "" || client != "" && one.Resource != "" && strings.EqualFold(one.Client, client) {
				return "replayed-token-of-an-identity", nil
			}
		}
		return "", errors.New("the service has no such identity")
	}
}

func connection(context.Context, pipeline.AuthorizationRequest) (*expr.Authorization, error) {
	return &expr.Authorization{AccessToken: "replayed-token-of-a-connection"}, nil
}

// memory is a cache that never forgets before the time.
type memory struct {
	now func() time.Time
	mu  sync.Mutex
	all map[cache.Key]kept
}

type kept struct {
	value []byte
	until time.Time
}

func (m *memory) Get(_ context.Context, k cache.Key) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	found, ok := m.all[k]
	return found.value, ok && m.now().Before(found.until)
}

func (m *memory) Put(k cache.Key, value []byte, ttl time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil {
		m.all = map[cache.Key]kept{}
	}
	if len(value) <= cache.MaxEntry && ttl > 0 {
		m.all[k] = kept{value, m.now().Add(ttl)}
	}
}

func (m *memory) Remove(_ context.Context, k cache.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.all, k)
	return nil
}

// run makes a call.
func (s *stage) run(k *call) (out *Outcome, err error) {
	r, err := k.request()
	if err != nil {
		return nil, err
	}
	s.now, s.out = k.Time, &Outcome{}
	s.player = &player{call: k, pools: s.pools}
	s.session(k, r)
	func() {
		defer func() {
			if broken := recover(); broken != nil && broken != http.ErrAbortHandler { //nolint:errorlint // it is that very value
				panic(broken)
			}
		}()
		s.front.ServeHTTP(&answer{header: http.Header{}}, r.WithContext(context.Background()))
	}()
	if s.out.Record == nil {
		return nil, errors.New("the gateway did not serve it")
	}
	s.out.Missing, s.out.Partial = s.player.missing, s.player.partial
	return s.out, nil
}

// session gives a browser that was signed in a session of this replay.
func (s *stage) session(k *call, r *http.Request) {
	admit.TakeSession(r.Header) // which nobody can open any more
	if k.Principal == nil || k.Principal.Via != "session" {
		return
	}
	if cookie, err := s.signIn.Session(r.Host, sessionToken); err == nil {
		r.Header.Add("Cookie", cookie.Name+"="+cookie.Value)
	}
}

// sessionToken stands for the token in the session of the principal of the call that runs.
const sessionToken = "session"

// answer is what a client gets; the Watch keeps it.
type answer struct {
	header http.Header
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(p []byte) (int, error) { return len(p), nil }
