package remote

import (
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/gateway/config"
)

// view is what one gateway gets of a service: entities by key. They never change, so that two views are
// compared by looking at which entities they hold.
type view map[config.Key]config.Entity

// whole is the view of a gateway that serves everything.
func whole(c *config.Config, gateway string) view {
	v := view{}
	for e := range c.All() {
		if k, ok := e.(*config.DebugKey); (!ok || k.Key().Parent().Name() == gateway) && !stays(e) {
			v[e.Key()] = e
		}
	}
	return v
}

// stays reports whether an entity is for the management node alone: who signs in where, and whose tokens policies get. No
// gateway looks at these, and they hold secrets of clients.
func stays(e config.Entity) bool {
	switch e.(type) {
	case *config.AuthorizationServer, *config.OpenIDProvider, *config.IdentityProvider, *config.AuthorizationProvider, *config.Connection, *config.AccessPolicy:
		return true
	}
	return false
}

// limiter makes the view of a self-hosted gateway: the APIs assigned to it, what belongs to these, and what of the
// service they may need. Nothing of workspaces, which have gateways of their own.
type limiter struct {
	c        *config.Config
	gateway  config.Key
	apis     map[config.Key]bool // assigned, by their plain names
	products map[config.Key]bool
	owners   map[config.Key]bool
	names    map[string]bool // of named values that something refers to
	out      view
}

// limited is the view of a self-hosted gateway; nil when there is no such gateway. Before is an earlier view.
func limited(c *config.Config, gateway string, before view) view {
	key := config.Key("").Child("gateways", gateway)
	if _, ok := c.Gateways.Get(key); !ok {
		return nil
	}
	l := &limiter{c: c, gateway: key, apis: map[config.Key]bool{}, products: map[config.Key]bool{}, owners: map[config.Key]bool{}, names: map[string]bool{}, out: view{}}
	for _, link := range c.GatewayAPIs.Below(key) {
		l.apis[link.To] = true
	}
	for link := range c.ProductAPIs.All() {
		if l.apis[link.To] && link.Key().Workspace() == "" {
			l.products[link.From()] = true
		}
	}
	for s := range c.Subscriptions.All() {
		if l.opens(s) {
			l.owners[s.Owner] = true
		}
	}
	for e := range c.All() {
		if e.Key() != "" && l.has(e) {
			l.out[e.Key()] = e
			l.refer(e)
		}
	}
	for v := range c.NamedValues.All() {
		if v.Key().Workspace() == "" && l.names[gatehouse.Fold(v.DisplayName)] {
			l.out[v.Key()] = v
		}
	}
	l.out[""] = l.service(before)
	return l.out
}

// service is the service with the host names of the gateway in place of its own, whose certificates are not the gateway's.
func (l *limiter) service(before view) *config.Service {
	bare := *l.c.Service
	bare.Hosts = nil
	for _, h := range l.c.GatewayHosts.Below(l.gateway) {
		host := config.HostName{Type: "Proxy", Host: strings.ToLower(h.Host), ClientCertificate: h.ClientCertificate}
		if certificate, ok := l.c.Certificates.Get(h.Certificate); ok {
			host.PFX, host.Password = certificate.PFX, certificate.Password
		}
		bare.Hosts = append(bare.Hosts, host)
	}
	if old, ok := before[""].(*config.Service); ok && sameService(old, &bare) {
		return old
	}
	return &bare
}

// opens reports whether the keys of a subscription open any of the APIs.
func (l *limiter) opens(s *config.Subscription) bool {
	if s.Key().Workspace() != "" {
		return false
	}
	return s.Scope == "" || l.apis[s.Scope] || l.products[s.Scope]
}

func plainAPI(k config.Key) config.Key {
	plain, _, _ := strings.Cut(string(k), ";rev=")
	return config.Key(plain)
}

// has reports whether an entity other than the service and named values belongs to the view.
func (l *limiter) has(e config.Entity) bool {
	key := e.Key()
	if key.Workspace() != "" || stays(e) {
		return false
	}
	top := key
	for top.Parent() != "" {
		top = top.Parent()
	}
	family, _, _ := strings.Cut(string(top[1:]), "/")
	switch e := e.(type) {
	case *config.Subscription:
		return l.opens(e)
	case *config.User:
		return l.owners[key]
	case *config.NamedValue, *config.WorkspaceGateway:
		return false
	case *config.Link:
		switch family {
		case "products":
			_, toAPI := e.To.Of("apis")
			return l.products[top] && (!toAPI || l.apis[e.To])
		case "groups":
			return l.owners[e.To]
		case "clientapplications":
			return l.products[e.To]
		}
	}
	switch family {
	case "apis":
		return l.apis[plainAPI(top)]
	case "products":
		return l.products[top]
	case "gateways":
		return top == l.gateway
	}
	return true
}

// reference finds {{named values}}, as loosely as any of those who replace them.
var reference = regexp.MustCompile(`\{\{\s*([^{}\s]+)\s*\}\}`)

// refer notes the named values that an entity refers to. What policies, backends, loggers and caches hold as text may refer.
func (l *limiter) refer(e config.Entity) {
	switch e := e.(type) {
	case *config.Policy:
		l.in(e.Value)
	case *config.Fragment:
		l.in(e.Value)
	case *config.API:
		l.in(e.ServiceURL)
	case *config.Cache:
		l.in(e.Connection)
	case *config.Logger:
		for _, v := range e.Credentials {
			l.in(v)
		}
	case *config.Backend:
		l.inBackend(e)
	}
}

func (l *limiter) in(text string) {
	if !strings.Contains(text, "{{") {
		return
	}
	for _, m := range reference.FindAllStringSubmatch(text, -1) {
		l.names[gatehouse.Fold(m[1])] = true
	}
}

func (l *limiter) inBackend(b *config.Backend) {
	l.in(b.URL)
	if p := b.Proxy; p != nil {
		l.in(p.URL + p.Username + p.Password)
	}
	if b.Credentials == nil {
		return
	}
	if a := b.Credentials.Authorization; a != nil {
		l.in(a.Scheme)
		l.in(a.Parameter)
	}
	for _, lists := range []map[string][]string{b.Credentials.Query, b.Credentials.Header} {
		for name, values := range lists {
			l.in(name)
			for _, v := range values {
				l.in(v)
			}
		}
	}
}

// since tells what changed between two views.
func (v view) since(before view) (put []config.Entity, gone []config.Key) {
	for k, e := range v {
		if before[k] != e {
			put = append(put, e)
		}
	}
	for k := range before {
		if v[k] == nil {
			gone = append(gone, k)
		}
	}
	return put, gone
}
