package hooks

import (
	"net/http"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/trace"
)

// The headers of traced calls (gateway.md 14).
const (
	debugHeader   = "Apim-Debug-Authorization"
	expiredHeader = "Apim-Debug-Authorization-Expired"
	wrongHeader   = "Apim-Debug-Authorization-WrongAPI"
	traceHeader   = "Apim-Trace-Id"
	oldTrace      = "Ocp-Apim-Trace"
)

// mostEntries bounds the trace of one call.
const mostEntries = 2000

// Debug looks whether a call is to be traced: it brings debug credentials for its API, or asks for a trace with
// a subscription that allows it. Credentials go no further. It is gateway.Config.Debug.
func (h *Hooks) Debug(v *gateway.Visit) {
	token, asks := v.HTTP.Header[debugHeader], v.HTTP.Header[oldTrace]
	if len(token)+len(asks) == 0 {
		return
	}
	delete(v.HTTP.Header, debugHeader)
	delete(v.HTTP.Header, oldTrace)
	granted := false
	if s := h.of(v.Plan.Service); s != nil && len(token) > 0 {
		api, _, _ := strings.Cut(v.API.Name(), ";rev=")
		switch config.CheckDebugToken(token[0], api, s.debug, h.Clock()) {
		case config.DebugGranted:
			granted = true
		case config.DebugExpired:
			v.Writer.Header()[expiredHeader] = []string{"true"}
		case config.DebugOtherAPI:
			v.Writer.Header()[wrongHeader] = []string{"true"}
		}
	}
	if len(asks) > 0 && strings.EqualFold(asks[0], "true") && v.Subscription != nil && v.Subscription.AllowTracing {
		granted = true
	}
	if granted && h.Traces != nil {
		h.begin(v)
	}
}

// begin makes the call write down what happens to it.
func (h *Hooks) begin(v *gateway.Visit) {
	t := &trace.Trace{ID: uuid(v.RequestID)}
	hide := []string{}
	if v.Call.Subscription != nil && v.Call.Subscription.Key != "" {
		hide = append(hide, v.Call.Subscription.Key, masked)
	}
	mask := strings.NewReplacer(hide...)
	n := 0
	v.Tracing = true
	v.Tracer = func(e pipeline.Entry) {
		if n++; n > mostEntries {
			return
		}
		data := map[string]string{}
		for name, value := range e.Data {
			data[name] = mask.Replace(value)
			if secretName(name) {
				data[name] = masked
			}
		}
		if e.Message != "" {
			data["message"] = mask.Replace(e.Message)
		}
		t.Add(e.Section, trace.Entry{Source: e.Source, Time: e.Time, Elapsed: e.Elapsed, Data: data})
	}
	v.Writer.Header()[traceHeader] = []string{t.ID}
	h.traced.Store(v.RequestID, t)
}

const masked = "***"

// secretName reports whether a header or query parameter of that name is about letting somebody in.
func secretName(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "Ocp-Apim-Subscription-Key", "Subscription-Key", "X-Functions-Key", "Api-Key", "X-Api-Key", "X-Gatehouse-Jwt-Assertion":
		return true
	}
	return false
}
