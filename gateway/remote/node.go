package remote

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/trace"
	"gatehouse/guard"
	"gatehouse/store"
)

// NodeConfig is what a Node needs. Analytics and Traces may be nil.
type NodeConfig struct {
	Store *store.Store
	Guard *guard.Guard
	Feed  *feed.Feed
	// Authority answers about the callers of APIs.
	Authority Authority
	// Manager says whose token of the identity provider a gateway shows.
	Manager func(ctx context.Context, bearer string) (*gatehouse.Caller, error)
	// More answers questions that are none about configuration and rights, by the name of the call.
	More map[string]More
	// Secret signs what gateways have, so that one that was taken away can hear of it. Nil for one of this process.
	Secret    []byte
	Analytics *analytics.Store
	Traces    *trace.Store
	Clock     func() time.Time // time.Now when nil
	Log       *slog.Logger     // slog.Default() when nil
}

// Node answers the calls of gateways elsewhere. It is an http.Handler for everything below Path.
type Node struct {
	NodeConfig
	access *access
	edits  atomic.Pointer[chan struct{}] // closed and replaced when quotas were set
	done   chan struct{}
	close  sync.Once

	mu     sync.Mutex
	states map[string]*states   // by service and gateway
	seen   map[string]time.Time // when each was heard of, by service and gateway
}

// NewNode makes a Node. It has to be made after what answers for its Authority, and before anything is served.
func NewNode(ctx context.Context, c NodeConfig) (*Node, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Secret == nil {
		c.Secret = make([]byte, 32)
		rand.Read(c.Secret) // never fails, see crypto/rand
	}
	a, err := newAccess(ctx, c.Store)
	n := &Node{NodeConfig: c, access: a, done: make(chan struct{}), states: map[string]*states{}, seen: map[string]time.Time{}}
	n.ring()
	c.Analytics.OnEdit(func(context.Context, string, string, string) { n.ring() })
	return n, err
}

// ring wakes the calls that wait: quotas were set.
func (n *Node) ring() {
	next := make(chan struct{})
	if last := n.edits.Swap(&next); last != nil {
		close(*last)
	}
}

// Close ends the calls that wait for changes.
func (n *Node) Close() { n.close.Do(func() { close(n.done) }) }

// asking is a gateway that proved who it is.
type asking struct {
	service gatehouse.ID
	scope   gatehouse.Scope
	gateway string // folded
}

// resource is the resource ID of the gateway.
func (a *asking) resource() gatehouse.ID { return a.service.Child("gateways", a.gateway) }

// ServeHTTP answers a call.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, Path+"/"), "/")
	if len(parts) != 3 {
		fault(w, http.StatusNotFound, "NotFound", "Gateways call "+Path+"/{service}/{gateway}/{call}.")
		return
	}
	calls := map[string]struct {
		method string
		do     func(*asking, http.ResponseWriter, *http.Request)
	}{
		"updates": {http.MethodGet, n.updates}, "authenticate": {http.MethodPost, n.authenticate},
		"decide": {http.MethodPost, n.decide}, "results": {http.MethodPost, n.results},
	}
	call, ok := calls[parts[2]]
	if ask := n.More[parts[2]]; !ok && ask != nil {
		call.method, call.do, ok = http.MethodPost, n.further(ask), true
	}
	switch {
	case !ok:
		fault(w, http.StatusNotFound, "NotFound", "There is no call of that name.")
		return
	case r.Method != call.method:
		w.Header().Set("Allow", call.method)
		fault(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "Use "+call.method+".")
		return
	}
	a, err := n.identify(r, parts[0], gatehouse.Fold(parts[1]))
	if gone := n.left(r, parts, err); gone != nil {
		send(w, r, gone, nil, nil)
		return
	}
	if err != nil {
		status := http.StatusUnauthorized
		if gatehouse.KindOf(err) == gatehouse.Forbidden {
			status = http.StatusForbidden
		}
		n.Log.Warn("a gateway was refused", "service", gatehouse.Plain(parts[0]), "gateway", gatehouse.Plain(parts[1]), "address", r.RemoteAddr, "code", gatehouse.CodeOf(err))
		fault(w, status, gatehouse.CodeOf(err), "The gateway's token does not open this configuration.")
		return
	}
	n.heard(a, r.RemoteAddr)
	w.Header().Set("Cache-Control", "no-store")
	call.do(a, w, r)
}

// heard notes that a gateway lives.
func (n *Node) heard(a *asking, address string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, now := a.resource().Scope().String(), n.Clock()
	if now.Sub(n.seen[key]) > silence {
		n.Log.Info("a gateway is heard of", "gateway", a.resource().String(), "address", address)
	}
	n.seen[key] = now
}

// silence is how long a gateway that lives may say nothing.
const silence = time.Minute

// Heard is how many gateways were heard of within the last minute. Instances of one gateway count once.
func (n *Node) Heard() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for key, at := range n.seen {
		if n.Clock().Sub(at) > silence {
			delete(n.seen, key)
			continue
		}
		count++
	}
	return count
}

// identify proves that a request comes from a gateway of a service. Whoever has no proof does not learn what there is.
func (n *Node) identify(r *http.Request, service, gateway string) (*asking, error) {
	refused := gatehouse.Errorf(gatehouse.Unauthenticated, "AuthenticationFailed", "no proof")
	scheme, token, _ := strings.Cut(strings.TrimSpace(r.Header.Get("Authorization")), " ")
	if token = strings.TrimSpace(token); token == "" || gateway == "" || strings.ContainsAny(gateway, "/?#\\") {
		return nil, refused
	}
	var caller *gatehouse.Caller
	switch gatehouse.Fold(scheme) {
	case "gatewaykey":
	case "bearer":
		var err error
		if caller, err = n.Manager(r.Context(), token); err == nil && caller != nil {
			break
		}
		fallthrough
	default:
		return nil, refused
	}
	scope, _ := n.Feed.Named(service)
	id, err := gatehouse.ParseID(n.resourceOf(scope))
	switch {
	case err != nil && caller != nil: // whoever may do nothing with a service does not learn whether there is one
		return nil, gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed, "no right")
	case err != nil:
		return nil, refused
	}
	a := &asking{service: id, scope: scope, gateway: gateway}
	if caller == nil {
		return a, n.checkKey(r.Context(), a, token)
	}
	_, err = n.Guard.AuthorizeData(r.Context(), caller, "Microsoft.ApiManagement/service/gateways/getConfiguration/action", a.resource())
	if err == nil && gateway != Managed && !n.exists(a) {
		err = refused
	}
	return a, err
}

func (n *Node) resourceOf(scope gatehouse.Scope) (id string) {
	n.Feed.View(scope, func(c *config.Config) {
		if c != nil && c.Service != nil {
			id = c.Service.Resource
		}
	})
	return id
}

func (n *Node) exists(a *asking) (ok bool) {
	n.Feed.View(a.scope, func(c *config.Config) {
		if c != nil {
			_, ok = c.Gateways.Get(config.Key("").Child("gateways", a.gateway))
		}
	})
	return ok
}

// checkKey checks a token that was made with one of the gateway's keys. A regenerated key ends it at once.
func (n *Node) checkKey(ctx context.Context, a *asking, token string) error {
	d, err := n.Store.Get(ctx, a.resource().Scope())
	if err != nil {
		return gatehouse.Errorf(gatehouse.Unauthenticated, "AuthenticationFailed", "no such gateway")
	}
	keys, err := gatewayKeys(d)
	if err != nil || !config.AccessTokenValid(token, a.gateway, n.Clock(), keys...) {
		return gatehouse.Errorf(gatehouse.Unauthenticated, "AuthenticationFailed", "the token is not good")
	}
	return nil
}

func (n *Node) statisticsOf(a *asking) (key string) {
	n.Feed.View(a.scope, func(c *config.Config) {
		if c != nil && c.Service != nil {
			key = c.Service.Statistics
		}
	})
	return key
}
