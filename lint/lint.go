package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/world"
)

// Severity orders findings by how much they matter.
type Severity string

// The severities.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// Severities are all of them, worst first.
var Severities = []Severity{High, Medium, Low}

// AtLeast reports whether s matters as much as other.
func (s Severity) AtLeast(other Severity) bool {
	return slices.Index(Severities, s) <= slices.Index(Severities, other)
}

// Rule is one thing that is looked for.
type Rule struct {
	ID, Name string
	Severity Severity
	Title    string // what is found, in a few words
	Why      string // why it matters
	How      string // what to do about it
	check    func(*inspection)
}

// Input is what Run looks at. Everything but World may be missing.
type Input struct {
	World *world.World
	// Scope limits the findings to those at a scope and below; the zero one is everything.
	Scope gatehouse.Scope
	// Exists says whether there is something at a scope; nil when that is not known.
	Exists func(gatehouse.Scope) bool
	// Uses says when each assignment last allowed a change, since Since; nil when there is no log.
	Uses  map[gatehouse.GUID]time.Time
	Since time.Time
	// Source is the file that the World was read from: findings name its lines, and its comments suppress them.
	File   string
	Source []byte
	// Suppressions are those of a file of their own.
	Suppressions []Suppression
	Limits       Limits
}

// Limits are the numbers that rules compare with; zero ones stand for the defaults.
type Limits struct {
	Owners    int           // of a subscription; 3
	SecretAge time.Duration // 90 days
	Expiring  time.Duration // 30 days
}

// Finding is one thing that was found.
type Finding struct {
	Rule       string         `json:"rule"`
	Name       string         `json:"name"`
	Severity   Severity       `json:"severity"`
	Message    string         `json:"message"`
	Scope      string         `json:"scope,omitempty"`
	Principal  gatehouse.GUID `json:"principalId,omitzero"`
	Role       gatehouse.GUID `json:"roleDefinitionId,omitzero"`
	Assignment gatehouse.GUID `json:"assignmentId,omitzero"`
	Path       []string       `json:"path,omitempty"`
	Fix        Fix            `json:"fix,omitzero"`
	File       string         `json:"file,omitempty"`
	Line       int            `json:"line,omitempty"`
	// Suppressed is the reason that somebody gave for leaving it.
	Suppressed  string `json:"suppressed,omitempty"`
	Fingerprint string `json:"fingerprint"` // the same for the same finding of another day

	scope gatehouse.Scope
}

// Fix is how to mend a finding: a sentence where the command is a choice, and the command.
type Fix struct {
	Note      string `json:"note,omitempty"`
	Az        string `json:"az,omitempty"`
	Gatehouse string `json:"gatehouse,omitempty"`
}

// Report is all that was found, worst first. Suppressed findings stand apart.
type Report struct {
	Findings   []Finding        `json:"findings"`
	Suppressed []Finding        `json:"suppressed"`
	Unmatched  []Suppression    `json:"unmatchedSuppressions"`
	Counts     map[Severity]int `json:"counts"`
	Looked     Looked           `json:"looked"`
}

// Looked says how much a Report is about.
type Looked struct {
	Rules       int `json:"rules"`
	Assignments int `json:"assignments"`
	Roles       int `json:"roles"`
	Principals  int `json:"principals"`
}

// Failing counts the findings that matter at least as much as a severity.
func (r *Report) Failing(least Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity.AtLeast(least) {
			n++
		}
	}
	return n
}

// Run applies every rule.
func Run(in Input) *Report {
	x := inspect(in)
	for i := range rules {
		x.rule = &rules[i]
		x.rule.check(x)
	}
	return x.report()
}

func (x *inspection) report() *Report {
	r := &Report{Findings: []Finding{}, Suppressed: []Finding{}, Unmatched: []Suppression{}, Counts: map[Severity]int{},
		Looked: Looked{len(rules), len(x.world.Assignments), len(x.world.Roles), len(x.world.Principals)}}
	slices.SortStableFunc(x.found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(slices.Index(Severities, a.Severity), slices.Index(Severities, b.Severity)),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Message, b.Message))
	})
	s := newSuppressor(&x.Input)
	for _, f := range x.found {
		if !x.Scope.IsRoot() && !x.under(f.scope, x.Scope) {
			continue
		}
		f.Line = s.line(&f)
		if f.Line > 0 {
			f.File = x.File
		}
		if f.Suppressed = s.reason(x, &f); f.Suppressed != "" {
			r.Suppressed = append(r.Suppressed, f)
			continue
		}
		r.Counts[f.Severity]++
		r.Findings = append(r.Findings, f)
	}
	r.Unmatched = append(r.Unmatched, s.unmatched()...)
	return r
}

// add notes a finding of the rule at work.
func (x *inspection) add(f Finding) {
	f.Rule, f.Name = x.rule.ID, x.rule.Name
	f.Severity = cmp.Or(f.Severity, x.rule.Severity)
	if f.Scope == "" && f.Assignment != (gatehouse.GUID{}) || !f.scope.IsRoot() {
		f.Scope = x.world.Spell(f.scope)
	}
	if f.Fix.Az != "" && f.Fix.Gatehouse == "" {
		f.Fix.Gatehouse = "gatehouse az -- " + strings.TrimPrefix(f.Fix.Az, "az ")
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Rule, f.Scope, f.Principal.String(), f.Role.String(), f.Assignment.String()}, "\n")))
	f.Fingerprint = hex.EncodeToString(sum[:16])
	x.found = append(x.found, f)
}
