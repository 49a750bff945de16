package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// Config is what a Gateway is made of. What is nil is left out of calls.
type Config struct {
	// Services are what policies reach beyond a call. Transport, Loopback, Go and Limits are the gateway's when nil.
	Services pipeline.Services
	// Serve completes the services for one API Management service: its tokens, its certificates, its schemas.
	Serve func(c *config.Config, s *pipeline.Services)
	// Home says which counters and caches the calls of a service share: that of Stores. Backends are the gateway's.
	Home func(c *config.Config) pipeline.Home
	// Env completes what documents may refer to when they are compiled.
	Env func(service *config.Service, workspace config.Key, env *pipeline.Env)
	// Begin sees every call before anything is known of it but its service: to take away what nobody may see.
	Begin func(*Visit)
	// Placed sees every call when it is known where it belongs, before anything is decided about it.
	Placed func(*Visit)
	// Admit asks whether a call may go on besides its key, such as the role check (gateway.md 13). A *Failure refuses.
	Admit func(*Visit) *pipeline.Failure
	// Debug looks whether a call is to be traced, and may set headers of the answer.
	Debug func(*Visit)
	// Observe hears of every call when it is over. The Visit is not to be kept.
	Observe func(*Visit)

	// Outgoing completes the connections by which calls send requests.
	Outgoing func(http.RoundTripper) http.RoundTripper

	Name    string                  // of a self-hosted gateway, as the service has it; "" for that of the service itself
	Default string                  // name of the service that answers on hosts that belong to nobody; "" for none
	Trusted []netip.Prefix          // proxies whose X-Forwarded-For counts
	Local   map[string]http.Handler // backends in this process, by the host of their address
	Idle    time.Duration           // of WebSocket connections; 0 is 10 minutes
	Life    time.Duration           // of WebSocket connections; 0 is a day
	Clock   func() time.Time
	Log     *slog.Logger
}

// Gateway serves calls of the APIs of any number of services. It is safe for concurrent use.
type Gateway struct {
	Config
	hosts      atomic.Pointer[hosts]
	transports transports
	limits     pipeline.Concurrency
	circuits   pipeline.Circuits
	background *background
	joined     joined
	events     events

	mu       sync.Mutex // held while plans are made
	builders map[string]*builder
	warming  chan []*document
	closed   chan struct{}
	close    sync.Once
}

// hosts are the plans by host name, without ports.
type hosts struct {
	names   map[string]*Plan
	plans   map[string]*Plan // by the name of the service, folded
	several *Plan            // for all other hosts; nil for none
}

// New returns a gateway that serves nothing until Update tells it of services. Close ends it.
func New(c Config) *Gateway {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Idle == 0 {
		c.Idle = 10 * time.Minute
	}
	if c.Life == 0 {
		c.Life = 24 * time.Hour
	}
	g := &Gateway{Config: c, builders: map[string]*builder{}, warming: make(chan []*document, 64), closed: make(chan struct{}), background: newBackground(c.Log)}
	g.hosts.Store(&hosts{})
	go g.warm()
	return g
}

// Close ends what runs beside calls, connections that have left HTTP, and idle ones.
func (g *Gateway) Close() {
	g.HangUp()
	g.close.Do(func() { close(g.closed) })
	g.background.close()
	g.transports.close()
}

// warm compiles documents before calls need them.
func (g *Gateway) warm() {
	for {
		select {
		case <-g.closed:
			return
		case list := <-g.warming:
			for _, d := range list {
				compiled := d.get()
				if err := compiled.Err; err != nil {
					g.Log.Warn("a policy cannot be run: calls that it governs fail", "policy", d.source.ID, "error", err)
				}
				for _, text := range compiled.Warnings {
					g.Log.Warn("calls fail that reach a part of a policy", "policy", d.source.ID, "reason", text)
				}
				select {
				case <-g.closed:
					return
				default:
				}
			}
		}
	}
}

// Update brings the plan of a service up to date: a feed.Follower. It is quick, since it only builds
// again what the update is about, and calls that run keep the plan that they began with.
func (g *Gateway) Update(c *config.Config, u *config.Update) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if u.Gone || c == nil || c.Service == nil {
		delete(g.builders, fold(u.Service))
		g.publish()
		return
	}
	id := fold(c.Service.Resource)
	b := g.builders[id]
	if b == nil {
		b = &builder{}
		g.builders[id] = b
	}
	home := g.home(c)
	if b.plan == nil || u.Whole || aboutBackends(u) {
		home.Backends = pipeline.NewBackendSet(c, &g.circuits)
	} else {
		home.Backends = b.plan.home.Backends
	}
	was := b.plan
	services := g.servicesFor(c)
	p := b.next(c, u, home, services, g.env(c.Service))
	if services.Schema == nil {
		services.Schema = p.schema
	}
	if g.Name != "" {
		p.deployment = selfHosted(c, p.deployment, g.Name)
	}
	if was == nil || u.Whole || p.Service != was.Service {
		p.tls = hostCertificates(p.Service)
		if p.authorities == nil || !p.authorities.same(p.Service.CAs) {
			p.authorities = newAuthorities(p.Service.CAs)
		}
	}
	p.certificates = takesCertificates(c)
	if was == nil || u.Whole || aboutBackends(u) {
		g.transports.offer(id, p.own)
	}
	b.edges = edgesOf(c)
	if len(b.fresh) > 0 {
		select {
		case g.warming <- b.fresh:
		default: // calls compile what they need, once
		}
	}
	g.publish()
}

// aboutBackends reports whether an update is about backends or what they hold.
func aboutBackends(u *config.Update) bool {
	about := func(k config.Key) bool {
		switch family(k) {
		case "backends", "certificates", "namedvalues":
			return true
		}
		return k == ""
	}
	return slices.ContainsFunc(u.Put, func(e config.Entity) bool { return about(e.Key()) }) || slices.ContainsFunc(u.Delete, about)
}

func (g *Gateway) home(c *config.Config) pipeline.Home {
	if g.Home != nil {
		return g.Home(c)
	}
	return pipeline.Home{Key: c.Service.Statistics}
}

func (g *Gateway) env(s *config.Service) func(config.Key, *pipeline.Env) {
	if g.Env == nil {
		return nil
	}
	return func(workspace config.Key, env *pipeline.Env) { g.Env(s, workspace, env) }
}

func (g *Gateway) servicesFor(c *config.Config) *pipeline.Services {
	s := g.Services
	if s.Now == nil {
		s.Now = g.Clock
	}
	if s.Transport == nil {
		s.Transport = g.connect(fold(c.Service.Resource))
	}
	if s.Go == nil {
		s.Go = g.background.run
	}
	if s.Limits == nil {
		s.Limits = &g.limits
	}
	if s.Import == nil {
		s.Import = g.transports.importer(fold(c.Service.Resource))
	}
	if s.Loopback == nil {
		s.Loopback = g.loopback
	}
	if g.Serve != nil {
		g.Serve(c, &s)
	}
	return &s
}

// connect returns the connections of one service: with its own client certificates, and to backends in this process.
func (g *Gateway) connect(service string) func(pipeline.Upstream) (http.RoundTripper, error) {
	return func(u pipeline.Upstream) (http.RoundTripper, error) {
		if u.Certificate != "" && !g.transports.known(service, u.Certificate) {
			return nil, fmt.Errorf("the client certificate %s is not one of the service", u.Certificate)
		}
		t, err := g.transports.get(u)
		if err != nil {
			return nil, err
		}
		if len(g.Local) > 0 {
			t = local{g.Local, t, service[strings.LastIndexByte(service, '/')+1:]}
		}
		if g.Outgoing != nil {
			t = g.Outgoing(t)
		}
		return t, nil
	}
}

// local sends requests to backends in this process, and all others on.
type local struct {
	hosts   map[string]http.Handler
	other   http.RoundTripper
	service string // whose calls these are, folded
}

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	if h := l.hosts[r.URL.Host]; h != nil {
		if r.URL.Host == ToolsHost && !strings.HasPrefix(fold(r.URL.Path), "/"+l.service+"/") {
			return nil, errors.New("the tools of another service are called through that service")
		}
		return serveLocally(h, r)
	}
	return l.other.RoundTrip(r)
}

// publish gathers the host names of all plans.
func (g *Gateway) publish() {
	h := &hosts{names: map[string]*Plan{}, plans: map[string]*Plan{}}
	for _, b := range g.builders {
		p := b.plan
		if p.Service.Disabled {
			continue
		}
		name := strings.ToLower(p.Service.ServiceName())
		h.plans[name] = p
		h.names[p.Service.BuiltInHost()] = p
		h.names[name+".localhost"] = p
		for _, custom := range p.Service.Hosts {
			if strings.EqualFold(custom.Type, "Proxy") {
				h.names[strings.ToLower(custom.Host)] = p
			}
		}
		h.edges(p, b.edges)
		if g.Default != "" && strings.EqualFold(name, g.Default) {
			h.several = p
		}
	}
	g.hosts.Store(h)
}

// Plan returns the plan of a host name, nil when it belongs to no service.
func (g *Gateway) Plan(host string) *Plan {
	h := g.hosts.Load()
	if p := h.names[hostName(host)]; p != nil {
		return p
	}
	return h.several
}

// Hosts are all host names that the gateway answers on.
func (g *Gateway) Hosts() []string {
	var list []string
	for name := range maps.Keys(g.hosts.Load().names) {
		list = append(list, name)
	}
	return list
}

// OpenCircuits lists the backends that get no calls at the moment because they failed, by service and key.
func (g *Gateway) OpenCircuits() []string { return g.circuits.Open(g.Clock()) }

// hostName is a Host header without its port and in small letters.
func hostName(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return fold(strings.TrimSuffix(host, "."))
}

// background runs work that outlives calls, a bounded amount at a time.
type background struct {
	slots chan struct{}
	ctx   context.Context
	stop  context.CancelFunc
	all   sync.WaitGroup
	log   *slog.Logger
}

const backgroundSlots = 256

func newBackground(log *slog.Logger) *background {
	b := &background{slots: make(chan struct{}, backgroundSlots), log: log}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

func (b *background) run(f func(context.Context)) bool {
	select {
	case b.slots <- struct{}{}:
	default:
		return false
	}
	b.all.Add(1)
	go func() {
		defer func() {
			if broken := recover(); broken != nil { // a mistake of ours must not take the gateway down
				b.log.Error("work beside calls ended with a panic", "panic", fmt.Sprint(broken), "stack", string(debug.Stack()))
			}
			<-b.slots
			b.all.Done()
		}()
		f(b.ctx)
	}()
	return true
}

func (b *background) close() {
	b.stop()
	b.all.Wait()
}

// NewServer returns a server for a gateway: what clients may take their time with, and how large headers may be (gateway.md 16).
// Bodies have no limit in time or size, since they may be streams; silent connections end.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true) // gRPC without TLS
	return s
}
