package replay

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/gateway/config"
	"gatehouse/gateway/record"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Options are what a replay needs to know besides.
type Options struct {
	Audience string // of tokens for calls, whatever the settings of role checks say
	// Publishes reports whether an address is where an installation with these issuers publishes its keys; nil knows none.
	Publishes func(address string, issuers []string) bool
	// Edited are the holders of policies that were edited: one that cannot be run ends the replay.
	Edited []config.Key
}

// Call is a record with its place in the recording.
type Call struct {
	Line   int
	Record *record.Record
}

// Report is what a replay came to.
type Report struct {
	Calls        int            `json:"calls"`
	Same         int            `json:"same"`
	Differ       int            `json:"differ"`
	NewlyAllowed int            `json:"newlyAllowed"`
	NewlyRefused int            `json:"newlyRefused"`
	NotRecorded  int            `json:"notRecorded"` // calls that would ask backends what the recording does not have
	Differences  []Difference   `json:"differences"` // newly allowed calls first, then newly refused ones
	Unreproduced []Unreproduced `json:"unreproduced"`
	Skipped      []Skipped      `json:"skipped"`
}

// Skipped is a line that was not replayed.
type Skipped struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

// Fault is an edited policy that cannot be run.
type Fault struct {
	Policy string
	Err    error
}

func (f *Fault) Error() string {
	return "the edited policy of " + f.Policy + " cannot be run: " + f.Err.Error()
}

// Run replays the calls of one service, in the order of their times, as things are and as they would be.
func Run(ctx context.Context, calls []Call, before, after *Side, o Options) (*Report, error) {
	r := &run{Options: o, report: &Report{Differences: []Difference{}, Unreproduced: []Unreproduced{}, Skipped: []Skipped{}}}
	var records []*record.Record
	for _, c := range calls {
		records = append(records, c.Record)
	}
	keys := publishedIn(records)
	for i, side := range []*Side{before, before, after} {
		s, err := newStage(&r.Options, side, keys)
		if err != nil {
			return nil, err
		}
		defer s.close()
		r.stages[i] = s
	}
	for _, of := range o.Edited {
		if err := r.stages[2].gateway.Fault(after.Config.Service.Resource, of); err != nil {
			return nil, &Fault{name(of), err}
		}
	}
	r.mask, r.fixed = newMask(before.Config, after.Config), guidsOf(before.Config, after.Config)
	calls = slices.Clone(calls)
	slices.SortStableFunc(calls, func(a, b Call) int { return a.Record.Time.Compare(b.Record.Time) })
	for _, c := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.one(c)
	}
	r.finish()
	return r.report, nil
}

func name(of config.Key) string {
	if of == "" {
		return "the service"
	}
	return strings.TrimPrefix(string(of), "/")
}

// run is a replay under way.
type run struct {
	Options
	stages [3]*stage // as it is, again, as it would be
	mask   func(string) string
	fixed  map[string]bool // GUIDs of the configurations
	report *Report
}

func (r *run) one(c Call) {
	if c.Record.Switched {
		r.report.Skipped = append(r.report.Skipped, Skipped{c.Line, "the connection left HTTP: what passed over it is not recorded"})
		return
	}
	k := open(c.Line, c.Record, r.stages[0].side.Config, r.fixed)
	var outs [3]*Outcome
	for i, s := range r.stages {
		var err error
		if outs[i], err = s.run(k); err != nil {
			r.report.Skipped = append(r.report.Skipped, Skipped{c.Line, r.mask(err.Error())})
			return
		}
	}
	r.report.Calls++
	if u := k.unreproduced(outs[0]); u != nil {
		u.URL = r.shown(k, u.URL)
		for i := range u.What {
			u.What[i] = r.mask(u.What[i])
		}
		r.report.Unreproduced = append(r.report.Unreproduced, *u)
	}
	d := k.compared(outs[0], outs[1], outs[2])
	if d == nil {
		return
	}
	r.describe(k, d, outs)
	r.report.Differences = append(r.report.Differences, *d)
}

// describe says which call differs and why, without secrets.
func (r *run) describe(k *call, d *Difference, outs [3]*Outcome) {
	d.Line, d.ID, d.Time, d.Method, d.URL = k.line, k.ID, k.Time, k.Request.Method, r.shown(k, k.masked.Request.URL)
	place := outs[2]
	if place.API == "" {
		place = outs[0]
	}
	d.API, d.Operation, d.Subscription = strings.TrimPrefix(place.API, "/"), strings.TrimPrefix(place.Operation, "/"), strings.TrimPrefix(place.Subscription, "/")
	for i, end := range []*End{&d.Before, &d.After} {
		out, s := outs[2*i], r.stages[2*i]
		if who := out.Principal; who != nil {
			d.Principal = s.called(who)
			end.Why = s.why(k.Time, who, out.Decision)
		}
		end.Message = r.mask(end.Message)
	}
	r.hide(d)
}

// called is what people call a principal.
func (s *stage) called(p *record.Principal) string {
	if known, ok := s.side.View.Principal(p.ID); ok {
		return known.Title()
	}
	if p.Name != "" {
		return p.Name
	}
	return p.ID.String()
}

// why explains a decision in one sentence.
func (s *stage) why(at time.Time, who *record.Principal, d *record.Decision) string {
	if d == nil {
		return ""
	}
	id, err := gatehouse.ParseID(d.Scope)
	if err != nil {
		return ""
	}
	s.now = at
	var e *access.Explanation = s.explain(who.ID, d.Action, id.Scope())
	if a := who.Agent; a != nil && !a.Covers(d.Action, true, id.Scope(), at) {
		return "no - the grant of the agent " + a.Name + " does not cover it"
	}
	return e.Verdict
}

// hide takes secrets out of what is told of a call.
func (r *run) hide(d *Difference) {
	values := func(list []Value) {
		for i, v := range list {
			list[i].Before, list[i].After = r.header(v.Name, v.Before), r.header(v.Name, v.After)
		}
	}
	body := func(list []Line) {
		for i := range list {
			list[i].Text = r.mask(list[i].Text)
		}
	}
	values(d.Headers)
	body(d.Body)
	for i := range d.Backends {
		b := &d.Backends[i]
		b.Request = r.mask(b.Request)
		values(b.Headers)
		body(b.Body)
	}
	for i := range d.NotRecorded {
		d.NotRecorded[i] = r.mask(d.NotRecorded[i])
	}
	for i := range d.Partial {
		d.Partial[i] = r.mask(d.Partial[i])
	}
}

func (r *run) header(name, value string) string {
	if value != "" && record.SecretName(name) {
		return masked
	}
	return r.mask(value)
}

const masked = "***"

// shown is a text of a record for people.
func (r *run) shown(k *call, text string) string {
	return k.masked.References(text, func(string) string { return masked })
}

// newMask hides what is secret in either configuration, and tokens.
func newMask(configs ...*config.Config) func(string) string {
	secrets := record.SecretsOf(configs[0])
	for _, c := range configs[1:] {
		for e := range c.All() {
			secrets.Add(e)
		}
	}
	m := &record.Mask{Secrets: secrets, Mark: "hidden", Pepper: []byte("replay")}
	marks := &record.Record{Mark: "hidden"}
	return func(s string) string {
		s = hiddenText.ReplaceAllString(s, masked)
		return marks.References(m.Text(s), func(string) string { return masked })
	}
}

// finish counts, and puts what matters most first.
func (r *run) finish() {
	p := r.report
	slices.SortStableFunc(p.Differences, func(a, b Difference) int { return slices.Index(kinds, a.Kind) - slices.Index(kinds, b.Kind) })
	for i := range p.Differences {
		d := &p.Differences[i]
		switch d.Kind {
		case NewlyAllowed:
			p.NewlyAllowed++
		case NewlyRefused:
			p.NewlyRefused++
		}
		if len(d.NotRecorded) > 0 {
			p.NotRecorded++
		}
	}
	p.Differ = len(p.Differences)
	p.Same = p.Calls - p.Differ
}
