package hooks

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/headers"
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
			// Credentials name an API of the service; one of the same name in a workspace is another.
			if granted = v.Base.Workspace() == ""; !granted {
				v.Writer.Header()[wrongHeader] = []string{"true"}
			}
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
	mask := h.maskOf(v)
	n := 0
	add := func(e pipeline.Entry, data any) {
		if n++; n <= mostEntries {
			t.Add(e.Section, trace.Entry{Source: e.Source, Time: e.Time, Elapsed: e.Elapsed, Data: data})
		}
	}
	v.Tracing = true
	v.Tracer = func(e pipeline.Entry) {
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
		add(e, data)
	}
	entry := func(section, source string) pipeline.Entry {
		now := h.Clock()
		return pipeline.Entry{Section: section, Source: source, Time: now, Elapsed: now.Sub(v.Times.Start)}
	}
	add(entry(trace.Inbound, "api-inspector"), map[string]any{"request": map[string]any{"method": v.HTTP.Method, "url": mask.Replace(Address(v.Request.OriginalURL, v.API)),
		"headers": shown(v.HTTP.Header, mask)}})
	v.OnAnswer(func(c *pipeline.Call) error {
		add(entry(trace.Backend, "forward-request"), map[string]any{"response": answer(c, mask)})
		return nil
	})
	v.BeforeSend(func(c *pipeline.Call) {
		section := trace.Outbound
		if c.Failed != nil {
			section = trace.OnError
		}
		add(entry(section, "transfer-response"), map[string]any{"message": "Response headers are sent to the caller.", "response": answer(c, mask)})
	})
	v.Writer.Header()[traceHeader] = []string{t.ID}
	h.traced.Store(v.RequestID, t)
}

// maskOf hides what is secret wherever it stands: the call's key and token, and secret named values of the service.
func (h *Hooks) maskOf(v *gateway.Visit) *strings.Replacer {
	var hide []string
	add := func(secret string) {
		if len(secret) > 2 { // less says nothing, and would be found everywhere
			hide = append(hide, secret, masked)
		}
	}
	if s := v.Subscription; s != nil {
		add(s.Primary)
		add(s.Secondary)
	}
	own := map[string]bool{} // headers that settings let people in by
	if v.API != nil {
		own[http.CanonicalHeaderKey(v.API.KeyNames.Header)] = true
	}
	if s := h.of(v.Plan.Service); s != nil {
		if setting := s.checkOf(v.Base, v.Product); setting != nil {
			own[http.CanonicalHeaderKey(setting.Header)] = true
		}
	}
	for name, values := range v.HTTP.Header {
		if !secretName(name) && !own[name] {
			continue
		}
		for _, value := range values {
			_, bare, _ := strings.Cut(value, " ")
			add(value)
			add(bare)
		}
	}
	if s := h.of(v.Plan.Service); s != nil {
		for _, secret := range s.secrets {
			add(secret)
		}
	}
	return strings.NewReplacer(hide...)
}

// header is a header as traces show it.
type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func shown(h http.Header, mask *strings.Replacer) []header {
	list := []header{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		value := mask.Replace(strings.Join(h[name], ", "))
		if secretName(name) {
			value = masked
		}
		list = append(list, header{name, value})
	}
	return list
}

func answer(c *pipeline.Call, mask *strings.Replacer) map[string]any {
	r := c.Reply()
	return map[string]any{"status": map[string]any{"code": r.StatusCode, "reason": r.StatusReason}, "headers": shown(http.Header(r.Headers), mask)}
}

const masked = "***"

// secretName reports whether a header or query parameter of that name is about letting somebody in.
func secretName(name string) bool { return headers.Credential(http.CanonicalHeaderKey(name)) }
