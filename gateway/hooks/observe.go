package hooks

import (
	"context"
	"net/url"
	"strings"
	"time"

	"gatehouse/analytics"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/trace"
)

// Observe records a call that is over. It is gateway.Config.Observe.
func (h *Hooks) Observe(v *gateway.Visit) {
	if kept, ok := h.traced.LoadAndDelete(v.RequestID); ok {
		if err := h.Traces.Put(v.Plan.Service.Resource+"/gateways/"+h.Gateway, kept.(*trace.Trace)); err != nil {
			h.Log.Warn("the trace of a call was not kept", "id", uuid(v.RequestID), "error", err)
		}
	}
	if h.Results == nil {
		return
	}
	select {
	case h.queue <- h.request(v):
	default:
		h.dropped.Add(1)
	}
}

// Dropped is how many calls were not recorded, since recording fell behind.
func (h *Hooks) Dropped() int64 { return h.dropped.Load() }

// request is what is recorded of a call.
func (h *Hooks) request(v *gateway.Visit) analytics.Request {
	r := analytics.Request{Service: v.Plan.Service.Statistics, Time: v.Timestamp.UTC(), ID: uuid(v.RequestID), Method: v.HTTP.Method, Address: v.Request.IPAddress,
		URL: address(v), Status: v.Reply().StatusCode, RequestSize: v.Traffic.Received, ResponseSize: v.Traffic.Sent,
		Cache: analytics.CacheNone, Total: h.Clock().Sub(v.Times.Start), Backend: v.Times.Backend}
	if s := h.of(v.Plan.Service); s != nil {
		r.Gateway = s.region
	}
	if v.API != nil {
		r.API = plain(v.API.ID)
	}
	if v.Operation != nil && v.Operation.ID != "" {
		r.Operation = plain(v.Operation.ID)
	}
	if v.Product != nil {
		r.Product = v.Product.ID
	}
	if s := v.Subscription; s != nil {
		r.Subscription, r.User = s.ID, string(s.Owner)
	}
	if v.Backends.Sent {
		r.BackendStatus = v.Backends.Status
	}
	switch v.Cached {
	case pipeline.Hit:
		r.Cache = analytics.CacheHit
	case pipeline.Miss:
		r.Cache = analytics.CacheMiss
	}
	return r
}

// longest is how much of an address is recorded.
const longest = 2048

// address is what the client called, without what lets it in.
func address(v *gateway.Visit) string {
	u := v.Request.OriginalURL
	a := url.URL{Scheme: u.Scheme, Host: u.Host, RawQuery: query(u.RawQuery, v.API)}
	text := a.String()
	path, rest, _ := strings.Cut(text, "?")
	text = path + u.Path
	if rest != "" {
		text += "?" + rest
	}
	return text[:min(len(text), longest)]
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
	for ctx.Err() == nil {
		select {
		case <-time.After(flushEvery):
		case <-ctx.Done():
		}
		for h.flush() {
		}
	}
}

const (
	flushEvery = 500 * time.Millisecond
	flushMost  = 2000
)

// flush hands one batch on, and reports whether there may be more.
func (h *Hooks) flush() bool {
	var batch []analytics.Request
	for len(batch) < flushMost {
		select {
		case r := <-h.queue:
			batch = append(batch, r)
			continue
		default:
		}
		break
	}
	if len(batch) == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := h.Results.Add(ctx, batch); err != nil {
		h.dropped.Add(int64(len(batch)))
		h.Log.Error("calls could not be recorded", "calls", len(batch), "error", err)
	}
	return len(batch) == flushMost
}
