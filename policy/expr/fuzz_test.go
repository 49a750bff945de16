package expr

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// seed adds every case, and pieces that are hard to read.
func seed(f *testing.F, add func(code string)) {
	for _, c := range cases(f) {
		add(strings.TrimSuffix(strings.TrimPrefix(c.code, "{"), "}"))
	}
	for _, s := range []string{"a?.b?[0]??c", `$@"{x:0.0}{{"`, "(a)(b)", "a<b>(c)", "x => { return y; }", "new{a,b=1}", "switch(x){case 1 when y:break;default:return 2;}",
		`$"{(a?"b":$"{c}")}"`, "'\\uD800'", `"\uD83D" + "\uDE00"`, "a\u2028b", "@if", "1_0.5e-3f", "out _", "delegate(int x){return x;}", "nameof(a.b<c>)"} {
		add(s)
	}
}

// FuzzLex: the scanner ends on any text; tokens follow each other inside it, and their texts, set apart, are the same tokens again.
func FuzzLex(f *testing.F) {
	seed(f, func(code string) { f.Add(code) })
	f.Fuzz(func(t *testing.T, code string) {
		tokens, fault := lex(code, 0)
		if fault != nil {
			placed(t, code, fault.pos)
			return
		}
		var b strings.Builder
		at := 0
		for _, x := range tokens[:len(tokens)-1] {
			if x.pos < at || x.end <= x.pos || x.end > len(code) {
				t.Fatalf("%q: a token from %d to %d after %d", code, x.pos, x.end, at)
			}
			b.WriteString(code[x.pos:x.end] + "\n")
			at = x.end
		}
		again, fault := lex(b.String(), 0)
		if fault != nil || len(again) != len(tokens) {
			t.Fatalf("%q set apart is %d tokens and not %d: %v", code, len(again), len(tokens), fault)
		}
		for i, x := range again {
			if y := tokens[i]; x.kind != y.kind || x.text != y.text || len(x.parts) != len(y.parts) || plain(x.value) != plain(y.value) {
				t.Fatalf("%q: token %d is %v, and set apart %v", code, i, y, x)
			}
		}
	})
}

func placed(t *testing.T, code string, pos int) {
	if pos < 0 || pos > len(code) {
		t.Fatalf("%q: a fault at %d", code, pos)
	}
}

// FuzzParse: the parser ends, without panic, on any text, as an expression and as a block; what it does not take has a place.
func FuzzParse(f *testing.F) {
	seed(f, func(code string) { f.Add(code) })
	f.Fuzz(func(t *testing.T, code string) {
		for _, block := range []bool{false, true} {
			p := newParser(code)
			p.program(block)
			if p.fault != nil {
				placed(t, code, p.fault.pos)
			}
		}
	})
}

// allocated says how many MiB a function makes.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

// FuzzCompile: the binder ends within its bounds too; it either gives a program or faults, the same each time, and each has line and
// column inside the code.
func FuzzCompile(f *testing.F) {
	seed(f, func(code string) { f.Add(code, true, uint8(WantAny)); f.Add(code, false, uint8(WantText)) })
	f.Fuzz(func(t *testing.T, code string, block bool, want uint8) {
		slot := Slot(want) % (WantBytes + 1)
		var p *Program
		var faults []Fault
		if made := allocated(func() { p, faults = compile(code, block, slot, nil) }); made > 1000 {
			t.Fatalf("compiling makes %d MiB", made)
		}
		if (p == nil) == (len(faults) == 0) {
			t.Fatalf("a program %v and faults %v", p != nil, faults)
		}
		lines := strings.Split(code, "\n")
		for _, x := range faults {
			if strings.HasPrefix(x.Message, "The expression cannot be compiled") {
				t.Fatal(x)
			}
			if x.Offset < 0 || x.Offset > len(code) || x.Line < 1 || x.Line > len(lines) || x.Column < 1 || x.Column > 2*len(lines[x.Line-1])+1 || x.Message == "" {
				t.Fatalf("a fault without a place: %+v", x)
			}
		}
		if _, again := compile(code, block, slot, nil); len(again) != len(faults) || len(faults) > 0 && again[0] != faults[0] {
			t.Fatalf("faults %v, and then %v", faults, again)
		}
	})
}

// FuzzRun: what compiles runs to its end within its budget of steps and memory, and fails with an exception or a limit only.
func FuzzRun(f *testing.F) {
	seed(f, func(code string) {
		if !strings.Contains(code, "RSA.Create") { // keys take their time
			f.Add(code, true)
			f.Add(code, false)
		}
	})
	f.Fuzz(func(t *testing.T, code string, block bool) {
		p, faults := compile(code, block, WantAny, nil)
		if len(faults) > 0 {
			return
		}
		b := &Budget{Deadline: time.Now().Add(200 * time.Millisecond)}
		var err error
		made := allocated(func() { _, err = p.Run(world(), b) })
		if b.steps > maxSteps {
			t.Fatalf("takes %d steps", b.steps)
		}
		if made > 2000 {
			t.Fatalf("makes %d MiB", made)
		}
		switch err.(type) {
		case nil, *Exception, *LimitError:
		default:
			t.Fatalf("fails with %v", err)
		}
	})
}
