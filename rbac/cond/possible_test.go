package cond

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestPossible(t *testing.T) {
	now := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	known := func(s Source, name string) Known {
		switch {
		case s == Environment:
			return Known{Single: true, From: now}
		case name == "gone":
			return Known{Fixed: true}
		case name == "one":
			return Known{Single: true}
		}
		return Known{}
	}
	for _, c := range []struct{ text, want string }{
		{"@Request[a] StringEquals 'x'", "false true"},
		{"@Request[a] StringEquals 'x' AND @Request[a] StringEquals 'y'", "false"},
		{"@Request[a] ForAnyOfAnyValues:StringEquals 'x' AND @Request[a] ForAnyOfAnyValues:StringEquals 'y'", "false true"},
		{"@Request[one] ForAnyOfAnyValues:StringEquals 'x' AND @Request[one] ForAnyOfAnyValues:StringEquals 'y'", "false"},
		{"!(ActionMatches{'other'}) OR (@Request[a] StringEquals 'x')", "true"},
		{"ActionMatches{'act*'} OR @Request[a] StringEquals 'x'", "true"},
		{"@Request[n] NumericGreaterThan 5 AND @Request[n] NumericLessThan 6", "false"},
		{"@Request[n] NumericGreaterThan 5 AND @Request[n] NumericLessThan 7", "false true"},
		{"@Environment[UtcNow] DateTimeLessThan '2026-01-01T00:00:00Z'", "false"},
		{"@Environment[UtcNow] DateTimeGreaterThan '2026-01-01T00:00:00Z'", "true"},
		{"@Environment[UtcNow] DateTimeLessThan '2027-01-01T00:00:00Z'", "false true"},
		{"Exists @Request[gone]", "false"},
		{"@Request[gone] StringLike 'x*'", "false"},
		{"Exists @Request[a] OR NOT Exists @Request[a]", "true"},
		{"@Request[a] BoolEquals 'true'", "type error"},
		{"@Request[one] ForAnyOfAnyValues:GuidNotEquals {00000000-0000-0000-0000-000000000001, 00000000-0000-0000-0000-000000000002} OR NOT Exists @Request[one]", "true"},
		{"SubOperationMatches{'Blob.List'}", "false"},
		{"@Request[a] StringEquals @Resource[b]", "false true"},
		{"@Request[a] StringEquals @Resource[gone]", "false"},
	} {
		parsed, err := Parse(c.text)
		if err != nil {
			t.Fatal(c.text, err)
		}
		got := ""
		for o := False; o <= Fault; o++ {
			if parsed.Possible("action", "", known).Has(o) {
				got += " " + o.String()
			}
		}
		if got != " "+c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestPossibleCovers: whatever a random condition comes to, Possible has said that it may; type errors, which it does not promise, aside.
func TestPossibleCovers(t *testing.T) {
	a := author{rand.New(rand.NewPCG(1, 2))}
	for range 20000 {
		text := a.condition(4)
		c, err := Parse(text)
		if err != nil {
			t.Fatal(text, err)
		}
		e := a.env()
		if got := c.Eval(e); got != Fault && !c.Possible(e.Action, e.SubOperation, nil).Has(got) {
			t.Fatalf("%s came to %s with %s, which Possible left out", text, got, showEnv(e))
		}
	}
}
