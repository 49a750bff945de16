package cond

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gatehouse"
)

// author writes random conditions and requests over few names, so that they meet.
type author struct{ *rand.Rand }

func (a author) pick(from ...string) string { return from[a.IntN(len(from))] }

func (a author) condition(depth int) string {
	if depth == 0 || a.IntN(3) == 0 {
		return a.leaf()
	}
	switch a.IntN(5) {
	case 0:
		return a.pick("!", "NOT ", "not ") + "(" + a.condition(depth-1) + ")"
	case 1:
		return "(" + a.condition(depth-1) + ")"
	case 2:
		return a.condition(depth-1) + a.pick(" OR ", " || ", "\n or ") + a.condition(depth-1)
	}
	return a.condition(depth-1) + a.pick(" AND ", " && ", "\tand\n") + a.condition(depth-1)
}

func (a author) leaf() string {
	switch a.IntN(8) {
	case 0:
		return "ActionMatches{'" + a.pick("A/*", "*/read", "a/b/*/read", "*") + "'}"
	case 1:
		return "SubOperationMatches{'" + a.pick("list", "Tags") + "'}"
	case 2:
		return a.pick("Exists ", "exists ") + a.attribute()
	}
	o := operators[a.IntN(len(operators))]
	name := a.pick(o.name, o.name, strings.ToLower(o.name))
	if o.quantified && a.IntN(2) == 0 {
		name = quantifiers[a.IntN(4)].name + ":" + name
	}
	return a.side(o.family) + " " + name + a.pick(" ", "  ") + a.side(o.family)
}

func (a author) attribute() string {
	return a.pick("@Request[", "@resource[", "@Principal[", "@Environment [") + a.pick("s", "n", "d", "g", "b", "S", "UtcNow", "t:Key<$key_case_sensitive$>", "t:key", "m") + "]"
}

func (a author) side(f family) string {
	if a.IntN(2) == 0 {
		return a.attribute()
	}
	if a.IntN(12) == 0 {
		f = family(a.IntN(5))
	}
	if a.IntN(2) == 0 {
		return a.value(f)
	}
	parts := []string{a.value(f)}
	for range a.IntN(3) {
		parts = append(parts, a.value(f))
	}
	return "{" + strings.Join(parts, a.pick(",", ", ")) + "}"
}

func (a author) value(f family) string {
	switch f {
	case stringFamily:
		return a.pick("'abc'", "'ABC'", "'a*'", "'a?c'", `'a\*'`, "'*b*'", "''", "'é'", "'É'", "'a'")
	case numericFamily:
		return a.pick("0", "1", "-1", "7", "9223372036854775807")
	case dateFamily:
		return a.pick("'2026-05-01T00:00:00.0000000Z'", "'2026-05-01T02:00:00+02:00'", "'2027-01-01T00:00:00Z'", "'yesterday'")
	case guidFamily:
		return a.pick("11111111-1111-1111-1111-111111111111", "'11111111111111111111111111111111'", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "'AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA'")
	}
	return a.pick("true", "false", "TRUE")
}

func (a author) any() any {
	values := []any{"abc", "ABC", "a*", "", "É", "2026-05-01T00:00:00Z", "11111111111111111111111111111111", "a", int64(1), int64(-1), 7, true, false,
		time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), gatehouse.MustGUID("11111111-1111-1111-1111-111111111111"), gatehouse.MustGUID("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), nil}
	if a.IntN(4) > 0 {
		return values[a.IntN(len(values))]
	}
	list := []any{}
	for range a.IntN(4) {
		list = append(list, values[a.IntN(len(values)-1)])
	}
	return list
}

func (a author) env() *Env {
	bag := func() map[string]any {
		if a.IntN(6) == 0 {
			return nil
		}
		m := map[string]any{}
		for _, name := range []string{"s", "N", "d", "G", "b", "t:Key"} {
			if a.IntN(4) > 0 {
				m[name] = a.any()
			}
		}
		return m
	}
	e := &Env{Action: a.pick("A/b/read", "a/b/c/read", "x"), SubOperation: a.pick("", "LIST"), Now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	if a.IntN(8) > 0 {
		e.Attributes = &gatehouse.Attributes{Request: bag(), Resource: bag(), Environment: bag(), Principal: bag()}
	}
	return e
}

// TestRandom compares Eval and Trace with the naive reading, and the printed form with the original.
func TestRandom(t *testing.T) {
	count := map[Outcome]int{}
	for seed := range uint64(20_000) {
		a := author{rand.New(rand.NewPCG(seed, 2))}
		text := a.condition(a.IntN(4))
		c, err := Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		again, err := Parse(c.String())
		if err != nil || again.String() != c.String() {
			t.Fatalf("%q prints as %q, which reads as %v, %v", text, c, again, err)
		}
		for range 3 {
			e := a.env()
			got, want := c.Eval(e), naive(c.root, e)
			if got != want || again.Eval(e) != want {
				t.Fatalf("Eval(%q, %s) = %v, printed form %v, naive %v", text, showEnv(e), got, again.Eval(e), want)
			}
			if trace := c.Trace(e); trace.Outcome != want {
				t.Fatalf("Trace(%q).Outcome = %v, want %v", text, trace.Outcome, want)
			}
			count[got]++
		}
	}
	if count[True] < 5000 || count[False] < 5000 || count[Fault] < 2000 {
		t.Errorf("the random conditions are lopsided: %v", count)
	}
}

func showEnv(e *Env) string {
	if e.Attributes == nil {
		return fmt.Sprintf("%+v", *e)
	}
	return fmt.Sprintf("%+v %+v", *e, *e.Attributes)
}

func FuzzParse(f *testing.F) {
	f.Add("@Request[a] ForAnyOfAnyValues:GuidEquals {11111111-1111-1111-1111-111111111111, 'x'}")
	f.Add("!(ActionMatches{'a/*'}) OR (NOT Exists @Resource[b] && -1 NumericLessThan @Environment[UtcNow])")
	f.Add("@Principal[t:K<$key_case_sensitive$>] StringLikeIgnoreCase 'a\\*?'")
	for seed := range uint64(20) {
		f.Add(author{rand.New(rand.NewPCG(seed, 3))}.condition(3))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(c.String())
		if err != nil && len(c.String()) <= MaxLength {
			t.Fatalf("%q prints as %q, which does not parse: %v", text, c, err)
		}
		if err != nil {
			return
		}
		if again.String() != c.String() {
			t.Fatalf("%q prints as %q and then as %q", text, c, again)
		}
		e := author{rand.New(rand.NewPCG(uint64(len(text)), 4))}.env()
		if got, want := c.Eval(e), naive(c.root, e); got != want || again.Eval(e) != want || c.Trace(e).Outcome != want {
			t.Fatalf("Eval(%q, %s) = %v, naive %v", text, showEnv(e), got, want)
		}
		c.Check()
	})
}
