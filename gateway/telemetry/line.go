package telemetry

import (
	"encoding/hex"
	"time"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
)

// Line is what the log says of a call. It marshals as it is written, which is not on the path of the call.
type Line struct {
	time         time.Time
	id, trace    [16]byte
	service      *config.Service
	method       string
	url          expr.URL
	api          *config.API
	operation    *config.Operation
	product      *config.Product
	subscription *config.Subscription
	caller       *gatehouse.Caller
	address      string
	agent        string
	status       int
	traffic      pipeline.Traffic
	cached       pipeline.Cached
	total        time.Duration
	backend      pipeline.Backends
	wait         time.Duration
	failed       *expr.LastError
}

func (t *Telemetry) line(v *gateway.Visit) *Line {
	l := &Line{time: v.Timestamp, id: v.RequestID, trace: v.TraceID, service: v.Plan.Service, method: v.HTTP.Method, url: *v.Request.OriginalURL, api: v.API, operation: v.Operation, product: v.Product,
		subscription: v.Subscription, caller: v.Caller, address: v.Request.IPAddress, status: v.Reply().StatusCode, traffic: v.Traffic, cached: v.Cached, total: v.Total,
		backend: v.Backends, wait: v.Times.Backend, failed: v.LastError}
	if a := v.HTTP.Header["User-Agent"]; len(a) > 0 {
		l.agent = a[0]
	}
	return l
}

// lineJSON is how a call is written.
type lineJSON struct {
	Time         string  `json:"time"`
	Type         string  `json:"type"`
	ID           string  `json:"id"`
	Trace        string  `json:"traceId,omitempty"` // as OpenTelemetry has it
	Service      string  `json:"service"`
	Method       string  `json:"method"`
	URL          string  `json:"url"`
	Status       int     `json:"status"`
	API          string  `json:"api,omitempty"`
	Revision     string  `json:"revision,omitempty"`
	Operation    string  `json:"operation,omitempty"`
	Product      string  `json:"product,omitempty"`
	Subscription string  `json:"subscription,omitempty"`
	User         string  `json:"user,omitempty"`
	Principal    string  `json:"principal,omitempty"`
	Name         string  `json:"principalName,omitempty"`
	Agent        string  `json:"agent,omitempty"` // that acts for the principal
	Address      string  `json:"address"`
	UserAgent    string  `json:"userAgent,omitempty"`
	Received     int64   `json:"requestBytes"`
	Sent         int64   `json:"responseBytes"`
	Total        float64 `json:"totalMs"`
	Wait         float64 `json:"backendMs"`
	Backend      string  `json:"backend,omitempty"`
	BackendCode  int     `json:"backendStatus,omitempty"`
	Cache        string  `json:"cache,omitempty"`
	Reason       string  `json:"reason,omitempty"`
	Source       string  `json:"source,omitempty"`
	Policy       string  `json:"policy,omitempty"`
}

// MarshalJSON writes the call.
func (l *Line) MarshalJSON() ([]byte, error) {
	to := lineJSON{Time: gatehouse.Timestamp(l.time), Type: "call", ID: gatehouse.GUID(l.id).String(), Service: l.service.ServiceName(), Method: l.method, URL: hooks.Address(&l.url, l.api),
		Status: l.status, Address: l.address, UserAgent: cut(l.agent, 256), Received: l.traffic.Received, Sent: l.traffic.Sent, Total: milliseconds(l.total), Wait: milliseconds(l.wait)}
	if l.trace != [16]byte{} {
		to.Trace = hex.EncodeToString(l.trace[:])
	}
	if l.api != nil {
		to.API, to.Revision = l.api.Name(), l.api.Revision
	}
	if l.operation != nil {
		to.Operation = l.operation.Name()
	}
	if l.product != nil {
		to.Product = l.product.Name()
	}
	if l.subscription != nil {
		to.Subscription, to.User = l.subscription.Name(), l.subscription.Owner.Name()
	}
	if l.caller != nil {
		to.Principal, to.Name = l.caller.ID.String(), l.caller.Name
		if l.caller.Agent != nil {
			to.Agent = l.caller.Agent.Name
		}
	}
	if l.backend.Sent {
		to.Backend, to.BackendCode = cut(l.backend.URL, 1024), l.backend.Status
	}
	switch l.cached {
	case pipeline.Hit:
		to.Cache = "hit"
	case pipeline.Miss:
		to.Cache = "miss"
	}
	if f := l.failed; f != nil {
		to.Reason, to.Source, to.Policy = f.Reason, f.Source, f.PolicyID
	}
	return encode(to)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func cut(text string, most int) string { return text[:min(len(text), most)] }
