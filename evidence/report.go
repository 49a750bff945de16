package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/past"
	"gatehouse/rbac"
	"gatehouse/store"
	"gatehouse/world"
)

// Kinds of reports.
const (
	SOC2         = "soc2"
	AccessReview = "access-review"
)

// Kinds lists them.
var Kinds = []string{SOC2, AccessReview}

// Request is what a report is asked to be about.
type Request struct {
	Kind     string
	From, To time.Time // From inclusive, To exclusive
	Now      time.Time
	Tenant   string
	Version  string // of Gatehouse
	Names    Names
	Findings json.RawMessage // of lint, nil when it was not asked
}

// Names tell what people call things.
type Names interface {
	Caller(*gatehouse.Caller) string
	Where(*gatehouse.Change) string
	Why(*gatehouse.Change) string
}

// Report is what the files of a bundle say.
type Report struct {
	Kind       string          `json:"kind"`
	Tenant     string          `json:"tenant"`
	From       time.Time       `json:"from"`
	To         time.Time       `json:"to"`
	Made       time.Time       `json:"made"`
	Version    string          `json:"gatehouse"`
	Changes    []Act           `json:"changes"`
	Refusals   []Act           `json:"refusals"`
	SignIns    Counts          `json:"signIns"`
	Begin      []Access        `json:"accessAtBegin"`
	End        []Access        `json:"accessAtEnd"`
	Gained     []Access        `json:"gained"`
	Lost       []Access        `json:"lost"`
	Unreasoned int             `json:"changesWithoutReason"`
	Findings   json.RawMessage `json:"lint,omitempty"`
	Checkpoint Checkpoint      `json:"checkpoint"`
}

// Counts are how often something worked and failed.
type Counts struct {
	Good   int `json:"succeeded"`
	Failed int `json:"failed"`
}

// Act is a change or a refusal, with who and why.
type Act struct {
	Seq     int64     `json:"seq"`
	Time    time.Time `json:"time"`
	Who     string    `json:"who"`
	Address string    `json:"address,omitempty"`
	What    string    `json:"what"`
	Where   string    `json:"where"`
	Result  string    `json:"result"`
	Why     string    `json:"permittedBy,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Access  bool      `json:"changesAccess"`
}

// Access is one way in which somebody has a role somewhere.
type Access struct {
	Principal   string     `json:"principal"`
	PrincipalID string     `json:"principalId"`
	Type        string     `json:"type"`
	Role        string     `json:"role"`
	Scope       string     `json:"scope"`
	Through     string     `json:"through,omitempty"` // groups, outermost last
	Condition   string     `json:"condition,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	Assignment  string     `json:"roleAssignment"`
	Privileged  bool       `json:"privileged"`
	Actions     int        `json:"actions"`          // that the role has, of those known today
	Left        int        `json:"left"`             // of them, what no deny assignment takes away at the scope
	Denied      []Denied   `json:"denied,omitempty"` // what takes some away
}

func (a Access) key() string {
	return a.PrincipalID + " " + a.Assignment + " " + a.Through + " " + a.DeniedBy()
}

// Bundle writes a report into dir, which must be new or empty, with what it takes to
// believe it: the records of the log, a signed checkpoint, a signed manifest.
func (k *Key) Bundle(ctx context.Context, s *store.Store, r Request, dir string) (*Report, error) {
	if err := emptyDir(dir); err != nil {
		return nil, err
	}
	report, first, err := collect(ctx, s, r)
	if err != nil {
		return nil, err
	}
	last := report.Checkpoint // unsigned so far
	report.Checkpoint = k.Sign(Checkpoint{Tenant: r.Tenant, Seq: last.Seq, Hash: last.Hash, Time: r.Now})
	files, err := report.files()
	if err != nil {
		return nil, err
	}
	files["checkpoint.json"] = append(report.Checkpoint.Line(), '\n')
	files["key.pub"] = []byte(k.Public().String() + "\n")
	var names []string
	for name, content := range files {
		names = append(names, name)
		if err := writeSynced(filepath.Join(dir, name), content); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, LogFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(writeProof(ctx, s, first, last.Seq, f), f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	m, err := k.Manifest(dir, append(names, LogFile), report.title(), report.Checkpoint, r.Now)
	if err != nil {
		return nil, err
	}
	return report, writeSynced(filepath.Join(dir, ManifestFile), m.bytes())
}

func emptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty and was left as it is: name a new directory", dir)
	}
	return err
}

var titles = map[string]string{SOC2: "SOC 2 evidence", AccessReview: "access review"}

func (r *Report) title() string {
	return fmt.Sprintf("the %s of %s to %s", titles[r.Kind], r.From.Format(time.DateOnly), r.To.Format(time.DateOnly))
}

// collect reads everything that the report says. first is the number of the change before the period.
func collect(ctx context.Context, s *store.Store, r Request) (report *Report, first int64, err error) {
	end := r.To
	if end.After(r.Now) {
		end = r.Now
	}
	report = &Report{Kind: r.Kind, Tenant: r.Tenant, From: r.From.UTC(), To: r.To.UTC(), Made: r.Now.UTC().Truncate(time.Second), Version: r.Version, Findings: r.Findings,
		Changes: []Act{}, Refusals: []Act{}}
	if first, _, err = s.Last(ctx, r.From.Add(-time.Microsecond)); err != nil {
		return nil, 0, err
	}
	last, _, err := s.Last(ctx, end.Add(-time.Microsecond))
	if err != nil {
		return nil, 0, err
	}
	report.Checkpoint.Seq = last
	if report.Checkpoint.Hash, err = hashAt(ctx, s, last); err != nil {
		return nil, 0, err
	}
	if err := report.acts(ctx, s, r, first, last); err != nil {
		return nil, 0, err
	}
	history := past.New(s, nil, func() time.Time { return r.Now })
	if report.Begin, err = accessAt(ctx, history, first, r.From.Add(-time.Microsecond)); err != nil {
		return nil, 0, err
	}
	if report.End, err = accessAt(ctx, history, last, end.Add(-time.Microsecond)); err != nil {
		return nil, 0, err
	}
	report.Lost, report.Gained = missing(report.Begin, report.End), missing(report.End, report.Begin)
	return report, first, nil
}

func (report *Report) acts(ctx context.Context, s *store.Store, r Request, first, last int64) error {
	if first >= last {
		return nil
	}
	changes, err := s.Changes(ctx, store.ChangeQuery{AfterSeq: first, Until: r.To})
	if err != nil {
		return err
	}
	for c, err := range changes {
		if err != nil {
			return err
		}
		if c.Seq > last {
			break
		}
		report.act(&c, r)
	}
	return nil
}

func (report *Report) act(c *gatehouse.Change, r Request) {
	a := Act{Seq: c.Seq, Time: c.Time.UTC().Truncate(time.Millisecond), Who: r.Names.Caller(&c.Cause.Caller), Address: c.Cause.Caller.Address, What: c.Cause.Action, Where: r.Names.Where(c),
		Why: r.Names.Why(c), Reason: c.Cause.Reason, Access: accessType(c.Type), Result: c.Outcome()}
	switch c.Kind {
	case gatehouse.SignIn:
		if c.Status >= 400 {
			report.SignIns.Failed++
		} else {
			report.SignIns.Good++
		}
	case gatehouse.Refused:
		report.Refusals = append(report.Refusals, a)
	default:
		if r.Kind == AccessReview && !a.Access {
			return
		}
		if c.Cause.Reason == "" {
			report.Unreasoned++
		}
		report.Changes = append(report.Changes, a)
	}
}

// accessType reports whether documents of a type decide who may do what.
func accessType(name string) bool {
	name = gatehouse.Fold(name)
	return strings.HasPrefix(name, "microsoft.authorization/") || strings.HasPrefix(name, "microsoft.graph/directory/")
}

// accessAt lists who had which role where after a change, at a moment.
func accessAt(ctx context.Context, h *past.History, seq int64, at time.Time) ([]Access, error) {
	list := []Access{}
	if seq == 0 {
		return list, nil
	}
	moment, err := h.At(ctx, at)
	if err != nil {
		return nil, err
	}
	w, err := moment.World(ctx)
	if err != nil {
		return nil, err
	}
	people := map[gatehouse.GUID]*world.Principal{}
	for i := range w.Principals {
		people[w.Principals[i].ID] = &w.Principals[i]
	}
	snapshot := rbac.New(w.Engine())
	denials := newDenials(w, snapshot)
	for i := range w.Assignments {
		a := &w.Assignments[i]
		if !a.Start.IsZero() && at.Before(a.Start) || !a.End.IsZero() && !at.Before(a.End) {
			continue
		}
		list = append(list, holders(w, snapshot, people, a, denials)...)
	}
	slices.SortFunc(list, func(a, b Access) int {
		return cmp.Or(cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Role, b.Role), cmp.Compare(a.key(), b.key()))
	})
	return list, nil
}

// holders are the people and programs that hold an assignment, each with the groups between.
func holders(w *world.World, s *rbac.Snapshot, people map[gatehouse.GUID]*world.Principal, a *world.Assignment, denials *denials) (list []Access) {
	base := Access{Role: a.Role.String(), Scope: w.Spell(a.Scope), Condition: a.Condition, Assignment: a.ID.String()}
	if r, ok := s.Role(a.Role); ok {
		base.Role, base.Privileged = r.Name, privileged(r) || strings.HasPrefix(gatehouse.Fold(base.Scope), "/providers/microsoft.graph/")
	}
	if !a.End.IsZero() {
		base.Until = &a.End
	}
	add := func(id gatehouse.GUID, through string) {
		one := base
		one.PrincipalID, one.Through = id.String(), through
		one.Principal, one.Type = id.String()+" (deleted)", "Unknown"
		if p := people[id]; p != nil {
			one.Principal, one.Type = p.Title(), string(p.Type)
		}
		denials.mark(&one, id, a.Role, a.Scope)
		list = append(list, one)
	}
	group := people[a.Principal]
	if group == nil || group.Type != gatehouse.Group {
		add(a.Principal, "")
		return list
	}
	for _, id := range everyone(people, group, map[gatehouse.GUID]bool{}) {
		var path []string
		for _, step := range s.GroupPath(id, a.Principal) {
			if p := people[step]; p != nil && p.Type == gatehouse.Group {
				path = append(path, p.Title())
			}
		}
		add(id, strings.Join(path, " > "))
	}
	return list
}

func everyone(people map[gatehouse.GUID]*world.Principal, group *world.Principal, seen map[gatehouse.GUID]bool) (out []gatehouse.GUID) {
	for _, m := range group.Members {
		if seen[m] {
			continue
		}
		seen[m] = true
		if p := people[m]; p != nil && p.Type == gatehouse.Group {
			out = append(out, everyone(people, p, seen)...)
		} else {
			out = append(out, m)
		}
	}
	return out
}

// privileged roles can grant, or do everything.
func privileged(r gatehouse.RoleDefinition) bool {
	for _, p := range r.Permissions {
		for _, action := range p.Actions {
			if action == "*" || gatehouse.NewPattern(action).Match("Microsoft.Authorization/roleAssignments/write") {
				return true
			}
		}
	}
	return false
}

// missing is what a has and b has not.
func missing(a, b []Access) []Access {
	have := map[string]bool{}
	for _, x := range b {
		have[x.key()] = true
	}
	out := []Access{}
	for _, x := range a {
		if !have[x.key()] {
			out = append(out, x)
		}
	}
	return out
}
