package hooks

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/analytics"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/trace"
	"gatehouse/policy/expr"
)

// most is how many calls wait to be recorded.
const most = 50_000

// seen is what is recorded of a call, as it was found: making texts of it is left to Run, so that calls do not wait for that.
type seen struct {
	service      *config.Service
	region       string
	time         time.Time
	id           [16]byte
	method       string
	address      string
	url          expr.URL
	api          *config.API
	operation    *config.Operation
	product      *config.Product
	subscription *config.Subscription
	status       int
	backend      int
	traffic      pipeline.Traffic
	cached       pipeline.Cached
	total, wait  time.Duration
}

// queue holds calls until they are recorded, in pages that are used again.
type queue struct {
	mu            sync.Mutex
	waiting, free []*page
}

type page struct {
	calls [256]seen
	n     int
}

// next is the place for one more call, nil when there is none. The queue has to be locked until it is filled in.
func (q *queue) next() *seen {
	last := len(q.waiting) - 1
	if last < 0 || q.waiting[last].n == len(page{}.calls) {
		switch n := len(q.free) - 1; {
		case len(q.waiting)*len(page{}.calls) >= most:
			return nil
		case n >= 0:
			q.waiting, q.free = append(q.waiting, q.free[n]), q.free[:n]
		default:
			q.waiting = append(q.waiting, &page{})
		}
		last++
	}
	p := q.waiting[last]
	p.n++
	return &p.calls[p.n-1]
}

// take is all that waits.
func (q *queue) take() []*page {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.waiting
	q.waiting = nil
	return all
}

// give takes a page back.
func (q *queue) give(p *page) {
	*p = page{}
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.free) < freePages {
		q.free = append(q.free, p)
	}
}

// freePages is how many empty pages are kept.
const freePages = 32

// Observe records a call that is over. It is gateway.Config.Observe.
func (h *Hooks) Observe(v *gateway.Visit) {
	if v.Tracing {
		h.keepTrace(v)
	}
	if h.Results == nil {
		return
	}
	region := ""
	if s := h.of(v.Plan.Service); s != nil {
		region = s.region
	}
	h.queue.mu.Lock()
	defer h.queue.mu.Unlock()
	to := h.queue.next()
	if to == nil {
		h.dropped.Add(1)
		return
	}
	*to = seen{service: v.Plan.Service, region: region, time: v.Timestamp, id: v.RequestID, method: v.HTTP.Method, address: v.Request.IPAddress, url: *v.Request.OriginalURL,
		api: v.API, operation: v.Operation, product: v.Product, subscription: v.Subscription, status: v.Reply().StatusCode, traffic: v.Traffic, cached: v.Cached,
		total: v.Total, wait: v.Times.Backend}
	if v.Backends.Sent {
		to.backend = v.Backends.Status
	}
}

func (h *Hooks) keepTrace(v *gateway.Visit) {
	kept, ok := h.traced.LoadAndDelete(v.RequestID)
	if !ok {
		return
	}
	if err := h.Traces.Put(v.Plan.Service.Resource+"/gateways/"+h.Gateway, kept.(*trace.Trace)); err != nil {
		h.Log.Warn("the trace of a call was not kept", "id", uuid(v.RequestID), "error", err)
	}
}

// Dropped is how many calls were not recorded, since recording fell behind.
func (h *Hooks) Dropped() int64 { return h.dropped.Load() }

// request is a call as analytics knows it.
func (s *seen) request() analytics.Request {
	r := analytics.Request{Service: s.service.Statistics, Time: s.time.UTC(), ID: uuid(s.id), Method: s.method, Address: s.address, URL: Address(&s.url, s.api), Gateway: s.region,
		Status: s.status, BackendStatus: s.backend, RequestSize: s.traffic.Received, ResponseSize: s.traffic.Sent, Cache: analytics.CacheNone, Total: s.total, Backend: s.wait}
	if s.api != nil {
		r.API = plain(s.api.ID)
	}
	if s.operation != nil && s.operation.ID != "" {
		r.Operation = plain(s.operation.ID)
	}
	if s.product != nil {
		r.Product = s.product.ID
	}
	if s.subscription != nil {
		r.Subscription, r.User = s.subscription.ID, string(s.subscription.Owner)
	}
	switch s.cached {
	case pipeline.Hit:
		r.Cache = analytics.CacheHit
	case pipeline.Miss:
		r.Cache = analytics.CacheMiss
	}
	return r
}

// longest is how much of an address is recorded.
const longest = 2048

// Address is what a client called, without what lets it in; api is nil when none was found.
func Address(u *expr.URL, api *config.API) string {
	text := u.Scheme + "://" + u.Host + u.Path
	if rest := query(u.RawQuery, api); rest != "" {
		text += "?" + rest
	}
	return strings.ToValidUTF8(text[:min(len(text), longest)], "")
}

// query leaves out of a query the parameters that are keys or tokens.
func query(raw string, api *config.API) string {
	if raw == "" {
		return ""
	}
	var left []string
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(name); err == nil {
			name = decoded
		}
		if api != nil && strings.EqualFold(name, api.KeyNames.Query) || secretParameter(name) {
			continue
		}
		left = append(left, part)
	}
	return strings.Join(left, "&")
}

func secretParameter(name string) bool {
	switch strings.ToLower(name) {
	case "subscription-key", "access_token", "id_token", "token", "code", "sig", "api-key", "apikey", "key", "password", "client_secret":
		return true
	}
	return false
}

// Run hands records on, until ctx ends and what waits then is handed on.
func (h *Hooks) Run(ctx context.Context) {
	var batch []analytics.Request // used again
	for ended := false; !ended; {
		select {
		case <-time.After(flushEvery):
		case <-ctx.Done():
			ended = true
		}
		for pages := h.queue.take(); len(pages) > 0; pages = pages[min(len(pages), flushPages):] {
			batch = h.hand(batch[:0], pages[:min(len(pages), flushPages)])
			clear(batch)
		}
	}
}

const (
	flushEvery = 500 * time.Millisecond
	flushPages = 8
)

// hand hands a batch on, which it makes in the place of one that is over.
func (h *Hooks) hand(batch []analytics.Request, pages []*page) []analytics.Request {
	for _, p := range pages {
		for i := range p.n {
			batch = append(batch, p.calls[i].request())
		}
		h.queue.give(p)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Results.Add(ctx, batch); err != nil {
		h.dropped.Add(int64(len(batch)))
		h.Log.Error("calls could not be recorded", "calls", len(batch), "error", err)
	}
	return batch
}
