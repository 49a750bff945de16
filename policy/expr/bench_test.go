package expr

import "testing"

func program(tb testing.TB, code string, want Slot) *Program {
	p, faults := Compile(code, false, want)
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	return p
}

func benchmarkRun(b *testing.B, code string, want Slot) {
	p, c := program(b, code, want), world()
	b.ReportAllocs()
	for b.Loop() {
		var budget Budget
		if _, err := p.Run(c, &budget); err != nil {
			b.Fatal(err)
		}
	}
}

// The two paths that nearly every document takes (policy-expressions.md 11).
func BenchmarkRunHeader(b *testing.B) {
	benchmarkRun(b, `context.Request.Headers.GetValueOrDefault("x-one", "")`, WantText)
}

func BenchmarkRunCondition(b *testing.B) {
	benchmarkRun(b, `context.Response.StatusCode >= 200 && context.Response.StatusCode < 300 && context.Request.Method == "GET"`, WantBool)
}

func BenchmarkRunArithmetic(b *testing.B) {
	benchmarkRun(b, `(context.Response.StatusCode + 7) * 3 % 11 - 1`, WantInt)
}

func BenchmarkRunConcat(b *testing.B) {
	benchmarkRun(b, `"key-" + context.Subscription.Id + "-" + context.Request.IpAddress`, WantText)
}

// An expression as long as the median of those in use.
func BenchmarkCompile(b *testing.B) {
	code := `context.Request.Headers.GetValueOrDefault("Authorization", "").Split(' ').Length == 2 ? context.User.Groups.Select(g => g.Name).FirstOrDefault() : "none"`
	lib()
	b.ReportAllocs()
	for b.Loop() {
		if _, faults := compile(code, false, WantText, nil); faults != nil {
			b.Fatal(faults)
		}
	}
}

// TestAllocations: conditions and arithmetic allocate nothing, and a header nothing but its value.
func TestAllocations(t *testing.T) {
	for code, want := range map[string]Slot{
		`context.Response.StatusCode >= 200 && context.Request.Method == "GET"`: WantBool,
		`(context.Response.StatusCode + 7) * 3 % 11`:                            WantInt,
		`context.Request.Headers.GetValueOrDefault("x-one", "")`:                WantText,
	} {
		p, c := program(t, code, want), world()
		var budget Budget
		if n := testing.AllocsPerRun(100, func() { p.Run(c, &budget) }); n > 0 {
			t.Errorf("%s allocates %v times", code, n)
		}
	}
}
