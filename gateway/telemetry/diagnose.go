package telemetry

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/pipeline"
)

// mostBody is the most of a body that a diagnostic gets (gateway.md 14).
const mostBody = 8192

// settings are what the configuration of one service says. They never change.
type settings struct {
	name    string
	changed time.Time
	of      map[config.Key]map[string]*config.Diagnostic // by what they are for: "" is the service
	heard   map[config.Key][]*config.Diagnostic          // those that count for calls of an API that has any, "" for all others, and that lead anywhere
	loggers map[config.Key]*config.Logger
	values  map[string]string // named values by what they are called
	secrets []string
	hide    *strings.Replacer     // of secrets; nil for none
	follows map[config.Key]string // the protocol of correlation, by what it is for: "" is the service
}

// Update is a feed.Follower.
func (t *Telemetry) Update(c *config.Config, u *config.Update) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := *t.settings.Load()
	next := make(map[string]*settings, len(old)+1)
	for key, s := range old {
		next[key] = s
	}
	if u.Gone || c == nil || c.Service == nil {
		name := u.Service[strings.LastIndexByte(u.Service, '/')+1:]
		for key, s := range next {
			if strings.EqualFold(s.name, name) {
				delete(next, key)
			}
		}
	} else {
		s := &settings{}
		if was := old[c.Service.Statistics]; was != nil && !concerns(u) {
			*s = *was
		} else {
			s = settingsOf(c, t.lines != nil)
		}
		s.changed = t.Clock()
		next[c.Service.Statistics] = s
	}
	t.settings.Store(&next)
}

// concerns reports whether an update changes what settings are made of.
func concerns(u *config.Update) bool {
	if u.Whole {
		return true
	}
	for _, e := range u.Put {
		switch e.(type) {
		case *config.Diagnostic, *config.Logger, *config.NamedValue, *config.Service:
			return true
		}
	}
	return slices.ContainsFunc(u.Delete, func(k config.Key) bool {
		for _, family := range []string{"diagnostics", "loggers", "namedvalues"} {
			if _, ok := k.Of(family); ok {
				return true
			}
		}
		return false
	})
}

// settingsOf reads a configuration; logs says whether there is a log of calls.
func settingsOf(c *config.Config, logs bool) *settings {
	s := &settings{name: c.Service.ServiceName(), of: map[config.Key]map[string]*config.Diagnostic{}, heard: map[config.Key][]*config.Diagnostic{}, loggers: map[config.Key]*config.Logger{}, values: map[string]string{}}
	for d := range c.Diagnostics.All() {
		holder := d.Key().Parent()
		if s.of[holder] == nil {
			s.of[holder] = map[string]*config.Diagnostic{}
		}
		s.of[holder][d.Key().Name()] = d
	}
	for l := range c.Loggers.All() {
		s.loggers[l.Key()] = l
	}
	for v := range c.NamedValues.All() {
		if v.Key().Workspace() == "" {
			s.values[v.DisplayName] = v.Value
		}
		if v.Secret && len(v.Value) > 2 {
			s.secrets = append(s.secrets, v.Value)
		}
	}
	slices.SortFunc(s.secrets, func(a, b string) int { return len(b) - len(a) })
	s.hide, s.follows = hiding(s.secrets), map[config.Key]string{}
	for holder := range s.of {
		s.follows[holder] = s.correlation(holder)
		s.heard[holder] = s.hearing(holder, logs)
	}
	return s
}

// hearing are the diagnostics that count for an API, its own before those of the service with the same name, as far as what they
// write goes anywhere: to an Event Hub, or to the log if there is one.
func (s *settings) hearing(holder config.Key, logs bool) (list []*config.Diagnostic) {
	all := maps.Clone(s.of[""])
	if all == nil {
		all = map[string]*config.Diagnostic{}
	}
	maps.Copy(all, s.of[holder])
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if d := all[name]; logs || s.hub(d) != nil {
			list = append(list, d)
		}
	}
	return list
}

// correlation is the protocol that the diagnostics of an API, else those of the service, want.
func (s *settings) correlation(holder config.Key) string {
	for _, name := range []string{"applicationinsights", "azuremonitor"} {
		for _, at := range []config.Key{holder, ""} {
			if d := s.of[at][name]; d != nil && d.Correlation != "" {
				return d.Correlation
			}
		}
	}
	return ""
}

// Correlation is the protocol by which calls of an API are followed, as its diagnostics want: None, Legacy or W3C; "" when none says.
func (t *Telemetry) Correlation(v *gateway.Visit) string {
	s := (*t.settings.Load())[v.Plan.Service.Statistics]
	if s == nil {
		return ""
	}
	if v.API != nil {
		if protocol, own := s.follows[v.Base]; own {
			return protocol
		}
	}
	return s.follows[""]
}

// Secrets hides the values of the secret named values of a service; nil when there are none.
func (t *Telemetry) Secrets(service string) *strings.Replacer {
	if s := (*t.settings.Load())[service]; s != nil {
		return s.hide
	}
	return nil
}

func hiding(secrets []string) *strings.Replacer {
	if len(secrets) == 0 {
		return nil
	}
	pairs := make([]string, 0, 2*len(secrets))
	for _, secret := range secrets {
		pairs = append(pairs, secret, hidden)
	}
	return strings.NewReplacer(pairs...)
}

// hub is the Event Hub that a diagnostic writes to, nil for the log.
func (s *settings) hub(d *config.Diagnostic) *config.Logger {
	if d.Logger == "" {
		return nil
	}
	if l := s.loggers[d.Logger]; l != nil && strings.EqualFold(l.Type, "azureEventHub") {
		return l
	}
	return nil
}

// of are the diagnostics that count for a call.
func (t *Telemetry) of(v *gateway.Visit) []*config.Diagnostic {
	s := (*t.settings.Load())[v.Plan.Service.Statistics]
	if s == nil || len(s.heard) == 0 {
		return nil
	}
	if v.API != nil {
		if list, own := s.heard[v.Base]; own {
			return list
		}
	}
	return s.heard[""]
}

// chosen is a diagnostic that counts for a call.
type chosen struct {
	*config.Diagnostic
	sampled bool // else only errors are written
}

// sample draws which of the diagnostics that count for a call write of it.
func (t *Telemetry) sample(of []*config.Diagnostic) (list []chosen) {
	for _, d := range of {
		c := chosen{d, d.Sampling == nil || t.Random()*100 < *d.Sampling}
		if c.sampled || strings.EqualFold(d.AlwaysLog, "allErrors") {
			list = append(list, c)
		}
	}
	return list
}

// unwanted stands for calls that no diagnostic has chosen.
var unwanted = &Capture{}

// wanted is what is to be kept of a call, nil when no diagnostic counts for it.
func (t *Telemetry) wanted(v *gateway.Visit) *Capture {
	of := t.of(v)
	if len(of) == 0 {
		return nil
	}
	list := t.sample(of)
	if len(list) == 0 {
		return unwanted
	}
	c := &Capture{diagnostics: list}
	for _, d := range list {
		for _, m := range []*config.DiagnosticMessage{&d.Frontend.Request, &d.Frontend.Response, &d.Backend.Request, &d.Backend.Response} {
			c.Most = max(c.Most, min(int(m.Body.Bytes), mostBody))
		}
	}
	return c
}

// diagnose writes what diagnostics ask for.
func (t *Telemetry) diagnose(v *gateway.Visit) {
	c, _ := v.Kept.(*Capture)
	if c == nil { // a call that failed before its policies
		of := t.of(v)
		if len(of) == 0 {
			return
		}
		c = &Capture{diagnostics: t.sample(of)}
		c.Client.Status = v.Reply().StatusCode
	}
	failed := v.Failed != nil || v.Reply().StatusCode >= 400
	for _, d := range c.diagnostics {
		if d.sampled || failed {
			c.Look(func() { t.deliver(v, d.Diagnostic, t.entry(v, d.Diagnostic, c)) })
		}
	}
}

// entry is what is written for one diagnostic.
func (t *Telemetry) entry(v *gateway.Visit, d *config.Diagnostic, c *Capture) map[string]any {
	mask := t.maskOf(v)
	e := map[string]any{"time": gatehouse.Timestamp(v.Timestamp), "type": "diagnostic", "diagnostic": d.Name(), "id": gatehouse.GUID(v.RequestID).String(), "service": v.Plan.Service.ServiceName(),
		"method": v.HTTP.Method, "url": maskQuery(hooks.Address(v.Request.OriginalURL, v.API), d.Frontend.Request.Masking.Query), "status": v.Reply().StatusCode,
		"totalMs": milliseconds(v.Total), "backendMs": milliseconds(v.Times.Backend)}
	if v.API != nil {
		e["api"] = v.API.Name()
	}
	if v.Operation != nil {
		e["operation"] = v.Operation.Name()
	}
	if d.LogClientIP {
		e["address"] = v.Request.IPAddress
	}
	if l := v.LastError; l != nil {
		e["lastError"] = map[string]any{"source": l.Source, "reason": l.Reason, "message": mask.Replace(l.Message), "scope": l.Scope, "section": l.Section, "path": l.Path, "policyId": l.PolicyID}
	}
	e["frontend"] = map[string]any{"request": shown(&c.Client.Request, &d.Frontend.Request, mask), "response": shown(&c.Client.Answer, &d.Frontend.Response, mask)}
	if n := len(c.Backends); n > 0 {
		b := &c.Backends[n-1]
		e["backend"] = map[string]any{"method": b.Method, "url": maskQuery(mask.Replace(secretless(b.URL)), slices.Concat(d.Backend.Request.Masking.Query, d.Frontend.Request.Masking.Query)), "status": b.Status, "tries": n,
			"request": shown(&b.Request, &d.Backend.Request, mask), "response": shown(&b.Answer, &d.Backend.Response, mask)}
	}
	return e
}

// shown is what a diagnostic wants of a message.
func shown(m *Message, want *config.DiagnosticMessage, mask *strings.Replacer) map[string]any {
	out := map[string]any{}
	list := map[string]string{}
	for _, name := range want.Headers {
		values := m.Header[http.CanonicalHeaderKey(name)]
		if len(values) == 0 {
			continue
		}
		switch mode, masked := modeOf(want.Masking.Headers, name); {
		case masked && strings.EqualFold(mode, "Hide"):
		case masked, Secret(name):
			list[name] = hidden
		default:
			list[name] = mask.Replace(strings.Join(values, ", "))
		}
	}
	if len(list) > 0 {
		out["headers"] = list
	}
	if most := min(int(want.Body.Bytes), mostBody); most > 0 && len(m.Body) > 0 {
		body := m.Body[:min(len(m.Body), most)]
		for len(body) > 0 && !utf8.Valid(body) && len(m.Body)-len(body) < utf8.UTFMax { // cut within a character
			body = body[:len(body)-1]
		}
		out["body"] = mask.Replace(strings.ToValidUTF8(string(body), "\uFFFD"))
	}
	return out
}

const hidden = "***"

func modeOf(list []config.Masked, name string) (mode string, ok bool) {
	for _, m := range list {
		if strings.EqualFold(m.Value, name) {
			return m.Mode, true
		}
	}
	return "", false
}

// secretless takes what lets somebody in out of the query of an address.
func secretless(address string) string {
	path, query, ok := strings.Cut(address, "?")
	if !ok {
		return path
	}
	var left []string
	for part := range strings.SplitSeq(query, "&") {
		if name, _, _ := strings.Cut(part, "="); !Secret(name) {
			left = append(left, part)
		}
	}
	return path + "?" + strings.Join(left, "&")
}

// maskQuery masks and hides parameters of an address.
func maskQuery(address string, list []config.Masked) string {
	path, query, ok := strings.Cut(address, "?")
	if !ok || len(list) == 0 {
		return address
	}
	var left []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		switch mode, masked := modeOf(list, name); {
		case masked && strings.EqualFold(mode, "Hide"):
		case masked:
			left = append(left, name+"="+hidden)
		default:
			left = append(left, part)
		}
	}
	return strings.TrimSuffix(path+"?"+strings.Join(left, "&"), "?")
}

// maskOf hides secrets that stand in texts: named values of the service, and the keys and tokens of the call.
func (t *Telemetry) maskOf(v *gateway.Visit) *strings.Replacer {
	var hide []string
	if s := (*t.settings.Load())[v.Plan.Service.Statistics]; s != nil {
		for _, secret := range s.secrets {
			hide = append(hide, secret, hidden)
		}
	}
	if s := v.Subscription; s != nil {
		for _, key := range []string{s.Primary, s.Secondary} {
			if key != "" {
				hide = append(hide, key, hidden)
			}
		}
	}
	for _, value := range v.HTTP.Header["Authorization"] {
		if _, bare, _ := strings.Cut(value, " "); len(bare) > 2 {
			hide = append(hide, bare, hidden)
		}
	}
	return strings.NewReplacer(hide...)
}

// deliver hands an entry to where the diagnostic's logger leads: an Event Hub, else the log.
func (t *Telemetry) deliver(v *gateway.Visit, d *config.Diagnostic, entry map[string]any) {
	s := (*t.settings.Load())[v.Plan.Service.Statistics]
	if s != nil {
		if l := s.hub(d); l != nil {
			if body, err := encode(entry); err == nil {
				t.queue(s, l, pipeline.Event{Logger: l.Name(), Message: body})
			}
			return
		}
	}
	t.write(entry)
}

// Trace writes what a trace policy sends, where a diagnostic asks for as much. It is pipeline.Services.Telemetry.
func (t *Telemetry) Trace(c *pipeline.Call, e pipeline.Telemetry) {
	s := (*t.settings.Load())[c.Home.Key]
	if s == nil || t.lines == nil || !s.hears(c, e.Severity) {
		return
	}
	hide := s.hide
	if hide == nil {
		hide = strings.NewReplacer()
	}
	line := map[string]any{"time": gatehouse.Timestamp(t.Clock()), "type": "trace", "id": gatehouse.GUID(c.RequestID).String(), "service": s.name, "source": e.Source, "severity": e.Severity, "message": hide.Replace(e.Message)}
	for name, value := range e.Metadata {
		if Secret(name) {
			value = hidden
		}
		e.Metadata[name] = hide.Replace(value)
	}
	if len(e.Metadata) > 0 {
		line["metadata"] = e.Metadata
	}
	t.write(line)
}

// hears reports whether any diagnostic of a call's API wants messages of a severity.
func (s *settings) hears(c *pipeline.Call, severity string) bool {
	own := map[string]*config.Diagnostic{}
	if c.API != nil {
		own = s.of[config.Key("").Child("apis", c.API.ID)]
	}
	for _, list := range []map[string]*config.Diagnostic{own, s.of[""]} {
		for _, d := range list {
			if level(severity) >= level(d.Verbosity) {
				return true
			}
		}
	}
	return false
}

func level(name string) int {
	switch strings.ToLower(name) {
	case "verbose":
		return 0
	case "error":
		return 2
	}
	return 1
}

// encode writes a value as JSON with < > & as they are.
func encode(value any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}
