package replay

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/admit"
	"gatehouse/gateway/record"
	"gatehouse/token"
)

// Kinds of differences, what stands first is told first.
const (
	NewlyAllowed = "newly allowed" // what was refused is answered, or goes to a backend
	NewlyRefused = "newly refused"
	Changed      = "changed"
)

var kinds = []string{NewlyAllowed, NewlyRefused, Changed}

// Difference is a call of which something else would become.
type Difference struct {
	Kind         string          `json:"kind"`
	Line         int             `json:"line"` // of the recording
	ID           string          `json:"id"`
	Time         time.Time       `json:"time"`
	Method       string          `json:"method"`
	URL          string          `json:"url"`
	API          string          `json:"api,omitempty"`
	Operation    string          `json:"operation,omitempty"`
	Principal    string          `json:"principal,omitempty"`
	Subscription string          `json:"subscription,omitempty"`
	Before       End             `json:"before"`
	After        End             `json:"after"`
	Headers      []Value         `json:"headers,omitempty"` // of the answer
	Body         []Line          `json:"body,omitempty"`    // of the answer
	Backends     []BackendChange `json:"backends,omitempty"`
	// NotRecorded are requests that would be made and that the recording has no answer to: what comes after is not known.
	NotRecorded []string `json:"notRecorded,omitempty"`
	Notes       []string `json:"notes,omitempty"` // what the recording does not tell
	// Partial are answers of which the recording has only the beginning.
	Partial []string `json:"partial,omitempty"`
}

// notes says where a difference may come from the recording and not from the edits.
func (k *call) notes(after *Outcome) (list []string) {
	f := after.Failure
	if f == nil {
		return nil
	}
	switch f.Reason {
	case token.SignatureInvalid, token.SignatureKeyNotFound, token.IssuerNotAllowed:
		if len(k.tokens) > 0 {
			list = append(list, "the recording does not know of the token that such a key signed it: nothing checked that when the call was recorded")
		}
	case admit.InvalidIdentity:
		for _, t := range k.tokens {
			if t.Tenant && t.Key != "" {
				return nil
			}
		}
		list = append(list, "the recording does not know that the token is one of this installation")
	}
	if k.Request.Body.Cut {
		list = append(list, "the recording has only the beginning of the request's body")
	}
	return list
}

// End is what a call came to under one configuration.
type End struct {
	Status   int              `json:"status"`
	Reason   string           `json:"reason,omitempty"` // LastError
	Message  string           `json:"message,omitempty"`
	Policy   string           `json:"policy,omitempty"` // that failed or answered: its name, scope, section and path
	Decision *record.Decision `json:"decision,omitempty"`
	Why      string           `json:"why,omitempty"` // of the decision
}

// Value is a header, or part of a request, that differs; "" where there is none.
type Value struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// BackendChange is a request to a backend that differs: of which only one side has it, or both with other contents.
type BackendChange struct {
	Request string  `json:"request"`
	Side    string  `json:"side,omitempty"` // - only before, + only after
	Headers []Value `json:"headers,omitempty"`
	Body    []Line  `json:"body,omitempty"`
}

// refusals are the statuses by which a gateway says no.
var refusals = []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusTooManyRequests}

// refused reports whether the gateway said no, not a backend. A sign-in that a browser is sent to is a no, too.
func (o *Outcome) refused() bool {
	if o.Decision != nil && o.Decision.Enforced && !o.Decision.Allowed {
		return true
	}
	return o.Here && (slices.Contains(refusals, o.Status) || o.Failure != nil && o.Failure.Source == "authorization")
}

// compared compares a call under two configurations; again is another run of the first. It is nil when nothing differs.
func (k *call) compared(before, again, after *Outcome) *Difference {
	d := &Difference{Kind: Changed, Before: before.end(), After: after.end(), NotRecorded: without(after.Missing, before.Missing, k.normal), Partial: without(after.Partial, before.Partial, k.normal)}
	switch {
	case before.refused() && !after.refused() && (after.Failure == nil || len(after.sent()) > 0): // what fails by itself is let in by nobody
		d.Kind = NewlyAllowed
	case !before.refused() && after.refused():
		d.Kind = NewlyRefused
	}
	d.Headers = k.headers(before.Answer.Header, again.Answer.Header, after.Answer.Header, unlike)
	d.Body = k.body(before.Answer.Body, again.Answer.Body, after.Answer.Body)
	d.Backends = k.backends(before, again, after)
	d.Notes = k.notes(after)
	if d.Kind == Changed && d.Before.same(&d.After) && len(d.Headers)+len(d.Body)+len(d.Backends)+len(d.NotRecorded) == 0 {
		return nil
	}
	return d
}

func (o *Outcome) end() End {
	e := End{Status: o.Status, Decision: o.Decision}
	if f := o.Failure; f != nil {
		e.Reason, e.Message, e.Policy = f.Reason, f.Message, placed(f.Source, f.Scope, f.Section, f.Path)
	} else if o.Here {
		e.Policy = o.Answerer
	}
	return e
}

// same compares what matters of two ends. By which of several assignments a call is allowed makes no difference to it.
func (e *End) same(other *End) bool {
	a, b := e.Decision, other.Decision
	decided := (a == nil) == (b == nil) && (a == nil || a.Allowed == b.Allowed && a.Enforced == b.Enforced && a.Action == b.Action && a.Reason == b.Reason)
	return e.Status == other.Status && e.Reason == other.Reason && decided
}

func without(list, known []string, normal func(string) string) (out []string) {
	for _, one := range list {
		if !slices.ContainsFunc(known, func(other string) bool { return normal(other) == normal(one) }) && !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// unlike are headers that say nothing about a call: how it goes out, and who says so here.
var unlike = []string{"Content-Length", "Date", "X-Ms-Request-Id", admit.AssertionHeader}

// headers lists those that differ, but for what varies anyway.
func (k *call) headers(before, again, after http.Header, but []string) (out []Value) {
	names := slices.Sorted(maps.Keys(before))
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] == nil {
			names = append(names, name)
		}
	}
	for _, name := range names {
		was, twice, is := k.normals(before[name]), k.normals(again[name]), k.normals(after[name])
		if v := varies(was, twice); slices.Contains(but, name) || slices.Equal(v.still(was), v.still(is)) {
			continue
		}
		out = append(out, Value{name, strings.Join(before[name], ", "), strings.Join(after[name], ", ")})
	}
	return out
}

func (k *call) normals(list []string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = k.normal(list[i])
	}
	return out
}

func (k *call) body(before, again, after record.Body) []Line {
	was, twice, is := k.normals(lines(before.Data)), k.normals(lines(again.Data)), k.normals(lines(after.Data))
	v := varies(was, twice)
	return diff(v.still(was), v.still(is))
}

// backends compares the requests that went out, in order, and the messages to loggers.
func (k *call) backends(before, again, after *Outcome) (out []BackendChange) {
	was, twice, is := before.sent(), again.sent(), after.sent()
	title := func(m *record.Message) string { return m.Method + " " + m.URL }
	used := make([]bool, len(is))
	for i, m := range was {
		at := slices.IndexFunc(is, func(other *record.Message) bool { return k.normal(title(other)) == k.normal(title(m)) })
		for at >= 0 && at < len(is) && (used[at] || k.normal(title(is[at])) != k.normal(title(m))) {
			at++
		}
		if at < 0 || at == len(is) {
			if i < len(twice) && k.normal(title(twice[i])) != k.normal(title(m)) && len(was) == len(is) && !used[i] {
				used[i] = true // where it goes varies anyway
				continue
			}
			out = append(out, BackendChange{Request: title(m), Side: "-"})
			continue
		}
		used[at] = true
		other := m
		if i < len(twice) {
			other = twice[i]
		}
		c := BackendChange{Request: title(m), Headers: k.headers(m.Header, other.Header, is[at].Header, unlike), Body: k.body(m.Body, other.Body, is[at].Body)}
		if len(c.Headers)+len(c.Body) > 0 {
			out = append(out, c)
		}
	}
	for i, m := range is {
		if !used[i] {
			out = append(out, BackendChange{Request: title(m), Side: "+"})
		}
	}
	return out
}

// sent are the requests of a call, then its messages.
func (o *Outcome) sent() (list []*record.Message) {
	for i := range o.Backends {
		list = append(list, &o.Backends[i].Request)
	}
	for i := range o.Events {
		list = append(list, &o.Events[i])
	}
	return list
}

// Unreproduced is a call that even the configuration as it is answers otherwise than when it was recorded.
type Unreproduced struct {
	Line   int      `json:"line"`
	ID     string   `json:"id"`
	Method string   `json:"method"`
	URL    string   `json:"url"`
	What   []string `json:"what"`
}

// unreproduced says what of a recorded call its replay does not bring back; nil for nothing.
func (k *call) unreproduced(o *Outcome) *Unreproduced {
	u := &Unreproduced{Line: k.line, ID: k.ID, Method: k.Request.Method, URL: k.masked.Request.URL}
	if k.Status != o.Status {
		u.What = append(u.What, "status "+itoa(k.Status)+" then, "+itoa(o.Status)+" in the replay")
	}
	if then, now := k.Decision, o.Decision; then != nil && now != nil && then.Allowed != now.Allowed {
		u.What = append(u.What, "the role check "+verb(then.Allowed)+" then, and "+verb(now.Allowed)+" in the replay: roles or people have changed since")
	} else if (then == nil) != (now == nil) {
		u.What = append(u.What, "the setting of the role check has changed since")
	}
	if k.Status == o.Status && !k.sameBody(o) {
		u.What = append(u.What, "another body")
	}
	for _, m := range o.Missing {
		u.What = append(u.What, "would call "+m+", not recorded")
	}
	for _, m := range o.Partial {
		u.What = append(u.What, "the recording has only the beginning of the answer to "+m)
	}
	if len(u.What) == 0 {
		return nil
	}
	return u
}

func verb(allowed bool) string {
	if allowed {
		return "allowed it"
	}
	return "refused it"
}

// sameBody compares the recorded body with that of a replay, but for what is made up anew each time and what was hidden.
func (k *call) sameBody(o *Outcome) bool {
	then, now := k.Failure, o.Failure
	unknown := then != nil && now != nil && then.Source == "authorization" && then.Source == now.Source && then.Reason == now.Reason // who is not known hears that in other words here
	if k.Answer.Body.Cut || unknown {
		return true
	}
	return k.sameText(o)
}

func (k *call) sameText(o *Outcome) bool {
	then, now := k.plain(k.Answer.Body.Data), k.plain(o.Answer.Body.Data)
	if then == now {
		return true
	}
	if !hiddenText.MatchString(then) || len(then) > 1<<16 {
		return false
	}
	parts := hiddenText.Split(then, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	pattern, err := regexp.Compile(`(?s)^` + strings.Join(parts, `.*?`) + `$`)
	return err == nil && pattern.MatchString(now)
}

var hiddenText = regexp.MustCompile(record.HiddenRef + `-[0-9a-f]{16}`)

func (k *call) plain(body []byte) string {
	text := guid.ReplaceAllString(k.normal(string(body)), "(guid)")
	return moment.ReplaceAllString(tokenLike.ReplaceAllString(text, "(token)"), "(time)")
}
