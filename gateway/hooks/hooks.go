package hooks

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/arm"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/trace"
)

// Results takes what gateways count: analytics.Store on a management node, remote.Remote elsewhere.
type Results interface {
	// Add does not keep the slice.
	Add(ctx context.Context, requests []analytics.Request) error
}

// Traces takes what was written down about calls: trace.Store on a management node, remote.Remote elsewhere.
type Traces interface {
	Put(gateway string, t *trace.Trace) error
}

// Config is what Hooks need.
type Config struct {
	Gateway string // name of this gateway; "" for that of the service itself
	Gate    *admit.Gate
	SignIn  *admit.SignIn // sends browsers to sign in; nil for none
	// Audience is what tokens for calls are asked for, whatever the settings say besides.
	Audience string
	Signer   *admit.Signer // tells backends who calls; nil tells nobody
	Refused  Recorder      // nil records no refusals
	Results  Results       // nil records nothing
	Traces   Traces        // nil traces nothing
	// Told hears what each role check came to; nil for nobody.
	Told  func(*gateway.Visit, *admit.Check, *admit.Admission)
	Clock func() time.Time
	Log   *slog.Logger
}

// Hooks are the functions that gateway.Config asks for. They are safe for concurrent use.
type Hooks struct {
	Config
	services atomic.Pointer[map[string]*settings] // by folded resource ID
	quick    atomic.Pointer[map[*config.Service]*settings]
	mu       sync.Mutex // held to change services
	queue    queue
	dropped  atomic.Int64
	traced   sync.Map // request ID -> *trace.Trace
}

// Managed is the name of the gateway of a service itself.
const Managed = "managed"

// settings are what the configuration of one service says about the hooks. They never change.
type settings struct {
	service  *config.Service
	resource string
	checks   map[config.Key]*config.RoleCheck // by what they are for
	debug    string                           // key of debug credentials
	region   string
	secrets  []string // values of secret named values
	made     map[*config.RoleCheck]*made
}

// New returns Hooks. They know no service until Update tells of it: follow a feed with it before the gateway does.
func New(c Config) *Hooks {
	if c.Gateway == "" {
		c.Gateway = Managed
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	h := &Hooks{Config: c}
	h.services.Store(&map[string]*settings{})
	return h
}

// Update is a feed.Follower.
func (h *Hooks) Update(c *config.Config, u *config.Update) {
	if !concerns(u) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	next := maps.Clone(*h.services.Load())
	id := gatehouse.Fold(u.Service)
	if u.Gone || c == nil || c.Service == nil {
		delete(next, id)
	} else {
		next[id] = h.settingsOf(c)
	}
	h.services.Store(&next)
	quick := make(map[*config.Service]*settings, len(next))
	for _, s := range next {
		quick[s.service] = s
	}
	h.quick.Store(&quick)
}

// concerns reports whether an update changes anything that hooks look at.
func concerns(u *config.Update) bool {
	if u.Whole || u.Gone {
		return true
	}
	for _, e := range u.Put {
		switch e.(type) {
		case *config.NamedValue, *config.Service, *config.RoleCheck, *config.DebugKey, *config.Gateway:
			return true
		}
	}
	for _, k := range u.Delete {
		if _, check := k.Of("rolechecks"); check {
			return true
		}
		if _, debug := k.Of("debugkeys"); debug {
			return true
		}
		if _, value := k.Of("namedvalues"); value {
			return true
		}
	}
	return false
}

func (h *Hooks) settingsOf(c *config.Config) *settings {
	s := &settings{service: c.Service, resource: c.Service.Resource, checks: map[config.Key]*config.RoleCheck{}, region: arm.DisplayLocation(c.Service.Location), made: map[*config.RoleCheck]*made{}}
	for check := range c.RoleChecks.All() {
		s.checks[check.Holder()], s.made[check] = check, &made{}
	}
	for value := range c.NamedValues.All() {
		if value.Secret && value.Value != "" {
			s.secrets = append(s.secrets, value.Value)
		}
	}
	slices.SortFunc(s.secrets, func(a, b string) int { return len(b) - len(a) }) // what holds another is hidden whole
	at := config.Key("").Child("gateways", h.Gateway)
	if key, ok := c.DebugKeys.Get(at.Child("debugKeys", "current")); ok {
		s.debug = key.Secret
	}
	if g, ok := c.Gateways.Get(at); ok && g.Region != "" {
		s.region = g.Region
	}
	return s
}

// of are the settings of a service, nil when it is not known.
func (h *Hooks) of(s *config.Service) *settings {
	if quick := h.quick.Load(); quick != nil && (*quick)[s] != nil {
		return (*quick)[s]
	}
	return (*h.services.Load())[gatehouse.Fold(s.Resource)]
}

// plain is the ID of an API, or of something in one, without the revision.
func plain(id string) string {
	if strings.IndexByte(id, ';') < 0 {
		return id
	}
	at := strings.Index(strings.ToLower(id), ";rev=")
	if at < 0 {
		return id
	}
	rest := id[at:]
	if end := strings.IndexByte(rest, '/'); end >= 0 {
		return id[:at] + rest[end:]
	}
	return id[:at]
}

func uuid(id [16]byte) string { return gatehouse.GUID(id).String() }
