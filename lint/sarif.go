package lint

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"slices"
)

// The parts of SARIF 2.1.0 that a report fills (OASIS sarif-v2.1.0, sections named beside them).
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"` // 3.13.4
}

type sarifRun struct {
	Tool    sarifTool     `json:"tool"`    // 3.14.6
	Results []sarifResult `json:"results"` // 3.14.23
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"` // 3.18.2
}

type sarifDriver struct {
	Name    string      `json:"name"` // 3.19.8
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"` // 3.19.23
}

type sarifRule struct {
	ID      string         `json:"id"` // 3.49.3
	Name    string         `json:"name"`
	Short   sarifText      `json:"shortDescription"`
	Full    sarifText      `json:"fullDescription"`
	Help    sarifText      `json:"help"`
	Default sarifLevel     `json:"defaultConfiguration"`
	Props   map[string]any `json:"properties,omitempty"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"` // 3.11.8
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`   // 3.27.10
	Message      sarifText          `json:"message"` // 3.27.11
	Locations    []sarifLocation    `json:"locations,omitempty"`
	Fingerprints map[string]string  `json:"partialFingerprints"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
	Props        map[string]any     `json:"properties,omitempty"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact struct {
		URI string `json:"uri"`
	} `json:"artifactLocation"`
	Region struct {
		StartLine int `json:"startLine"`
	} `json:"region"`
}

type sarifLogical struct {
	FullyQualifiedName string `json:"fullyQualifiedName"`
	Kind               string `json:"kind"`
}

type sarifSuppression struct {
	Kind          string `json:"kind"` // 3.35.2: inSource or external
	Justification string `json:"justification,omitempty"`
}

var levels = map[Severity]string{High: "error", Medium: "warning", Low: "note"}

// securitySeverity is what GitHub sorts security findings by.
var securitySeverity = map[Severity]string{High: "8.0", Medium: "5.0", Low: "2.0"}

// SARIF writes a report in the Static Analysis Results Interchange Format, version 2.1.0, with what was suppressed.
func (r *Report) SARIF(w io.Writer, version string) error {
	log := sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{{
		Tool: sarifTool{sarifDriver{"gatehouse lint", version, sarifRules()}}, Results: []sarifResult{}}}}
	for _, f := range slices.Concat(r.Findings, r.Suppressed) {
		log.Runs[0].Results = append(log.Runs[0].Results, sarifOf(&f))
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(log)
}

func sarifRules() (out []sarifRule) {
	for _, r := range rules {
		out = append(out, sarifRule{r.ID, r.Name, sarifText{r.Title + "."}, sarifText{r.Why}, sarifText{r.Why + " " + r.How}, sarifLevel{levels[r.Severity]},
			map[string]any{"tags": []string{"security"}, "security-severity": securitySeverity[r.Severity]}})
	}
	return out
}

func sarifOf(f *Finding) sarifResult {
	text := f.Message + "."
	if f.Fix.Az != "" {
		text += " " + f.Fix.Note + " " + f.Fix.Az
	}
	out := sarifResult{RuleID: f.Rule, RuleIndex: slices.IndexFunc(rules, func(r Rule) bool { return r.ID == f.Rule }), Level: levels[f.Severity], Message: sarifText{text},
		Fingerprints: map[string]string{"gatehouse/v1": f.Fingerprint}}
	var at sarifLocation
	if f.Line > 0 {
		at.Physical = &sarifPhysical{}
		at.Physical.Artifact.URI = (&url.URL{Path: filepath.ToSlash(f.File)}).String()
		at.Physical.Region.StartLine = f.Line
	}
	if f.Scope != "" {
		at.Logical = []sarifLogical{{f.Scope, "resource"}}
	}
	if at.Physical != nil || at.Logical != nil {
		out.Locations = []sarifLocation{at}
	}
	if f.Suppressed != "" {
		out.Suppressions = []sarifSuppression{{"external", f.Suppressed}}
	}
	return out
}
