package lint

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gatehouse"
)

// Suppression is a finding that somebody decided to live with, and why.
type Suppression struct {
	Rule    string    `json:"rule"`    // an ID
	Subject string    `json:"subject"` // *, or a principal, role, assignment or scope by name or ID; a scope takes what lies below it along
	Until   time.Time `json:"until,omitzero"`
	Reason  string    `json:"reason"`
	File    string    `json:"file,omitempty"`
	Line    int       `json:"line"`
	used    bool
}

// ParseSuppressions reads a file of suppressions: one a line, as
//
//	GH001 ada@contoso.example: break glass, sealed (SEC-12)
//	GH022 /subscriptions/…/resourceGroups/rg-next until 2027-01-31: made in January
//	GH014 *: roles are published for other teams
//
// What follows # is a comment. A reason is asked for.
func ParseSuppressions(name string, text []byte) ([]Suppression, error) {
	var out []Suppression
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if line == "" {
			continue
		}
		s, fault := parseSuppression(line)
		if fault != "" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidSuppression", "%s:%d: %s. Write \"GH001 SUBJECT: REASON\", or \"GH001 SUBJECT until 2027-01-31: REASON\".", name, n, fault)
		}
		s.File, s.Line = name, n
		out = append(out, s)
	}
	return out, nil
}

func parseSuppression(line string) (s Suppression, fault string) {
	i := strings.Index(line, ": ")
	if i < 0 || strings.TrimSpace(line[i+2:]) == "" {
		return s, "there is no reason behind a colon and a blank"
	}
	s.Reason = strings.TrimSpace(line[i+2:])
	rule, subject, ok := strings.Cut(strings.TrimSpace(line[:i]), " ")
	if !ok {
		return s, "there is no subject: name who, which role, or where, or write * for all"
	}
	s.Rule, s.Subject = rule, strings.TrimSpace(subject)
	if !known(rule) {
		return s, fmt.Sprintf("there is no rule %q", rule)
	}
	if before, until, ok := strings.Cut(s.Subject, " until "); ok {
		t, err := time.Parse(time.DateOnly, strings.TrimSpace(until))
		if err != nil {
			return s, fmt.Sprintf("%q is not a day", until)
		}
		s.Subject, s.Until = strings.TrimSpace(before), t
	}
	return s, ""
}

func known(id string) bool { return regexp.MustCompile(`^GH\d\d\d$`).MatchString(id) }

// suppressor says which findings somebody decided to live with.
type suppressor struct {
	list   []Suppression
	lines  [][]byte
	places map[string]int // line of each GUID of the source, from 1
	notes  map[string]string
}

var guids = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

func newSuppressor(in *Input) *suppressor {
	s := &suppressor{list: append([]Suppression(nil), in.Suppressions...), lines: bytes.Split(in.Source, []byte("\n")), places: map[string]int{}, notes: map[string]string{}}
	for i, line := range s.lines {
		id := named.Match(line)
		for _, g := range guids.FindAll(line, -1) {
			key := strings.ToLower(string(g))
			if _, seen := s.places[key]; !seen || id && !named.Match(s.lines[s.places[key]-1]) {
				s.places[key] = i + 1
			}
		}
	}
	for i := range in.World.Assignments {
		if a := &in.World.Assignments[i]; strings.Contains(a.Description, mark) {
			s.notes[a.ID.String()] = a.Description
		}
	}
	return s
}

// named is a line that names an entry of its own, rather than referring to one.
var named = regexp.MustCompile(`(?i)^[\s\-{]*"?(name|id|objectId)"?\s*:`)

// line is where the subject of a finding stands in the source; 0 when it does not.
func (s *suppressor) line(f *Finding) int {
	for _, g := range []gatehouse.GUID{f.Assignment, f.Role, f.Principal} {
		if !g.IsZero() && s.places[g.String()] > 0 {
			return s.places[g.String()]
		}
	}
	return 0
}

// mark starts a suppression in a comment of the source or the description of an assignment.
const mark = "lint:ignore "

// reason is why a finding is left, "" for one that is not. An empty reason is none.
func (s *suppressor) reason(x *inspection, f *Finding) string {
	if r := within(s.notes[f.Assignment.String()], f.Rule); r != "" {
		return r
	}
	for _, comment := range s.comments(f.Line) {
		if r := within(comment, f.Rule); r != "" {
			return r
		}
	}
	for i := range s.list {
		if one := &s.list[i]; one.Rule == f.Rule && (one.Until.IsZero() || x.now.Before(one.Until)) && x.isAbout(f, one.Subject) {
			one.used = true
			return one.Reason
		}
	}
	return ""
}

func within(text, rule string) string {
	_, rest, ok := strings.Cut(text, mark)
	if !ok {
		return ""
	}
	ids, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
	for id := range strings.SplitSeq(ids, ",") {
		if id == rule {
			return strings.Trim(strings.TrimSpace(reason), `"',`)
		}
	}
	return ""
}

// comments are the comments on the line of an entry, on its first line, and right above that.
func (s *suppressor) comments(line int) (out []string) {
	if line == 0 {
		return nil
	}
	at := line - 1
	take := func(i int) { // a comment of YAML
		if _, c, ok := bytes.Cut(s.lines[i], []byte("#")); ok {
			out = append(out, string(c))
		}
	}
	take(at)
	for at > 0 && !bytes.HasPrefix(bytes.TrimSpace(s.lines[at]), []byte("- ")) && at > line-40 {
		at--
	}
	take(at)
	for at--; at >= 0 && bytes.HasPrefix(bytes.TrimSpace(s.lines[at]), []byte("#")); at-- {
		take(at)
	}
	return out
}

func (x *inspection) isAbout(f *Finding, subject string) bool {
	if subject == "*" {
		return true
	}
	for _, name := range []string{x.who(f.Principal), f.Principal.String(), x.roleName(f.Role), f.Role.String(), f.Assignment.String(), f.Fingerprint} {
		if gatehouse.EqualFold(name, subject) && subject != (gatehouse.GUID{}).String() {
			return true
		}
	}
	if !strings.HasPrefix(subject, "/") {
		return false
	}
	scope, err := gatehouse.ParseScope(subject)
	return err == nil && f.Scope != "" && x.under(f.scope, scope)
}

// unmatched are the suppressions of the file that no finding met: the matter was mended, or the line never worked.
func (s *suppressor) unmatched() (out []Suppression) {
	for _, one := range s.list {
		if !one.used {
			out = append(out, one)
		}
	}
	return out
}
