package expr

import (
	"strings"
	"testing"
	"time"
)

func seed(f *testing.F) {
	for _, c := range cases(f) {
		f.Add(c.code)
	}
	for _, s := range []string{"a?.b?[0]??c", `$@"{x:0.0}{{"`, "(a)(b)", "a<b>(c)", "x => { return y; }", "new{a,b=1}", "{ switch(x){case 1 when y:break;default:return 2;} }"} {
		f.Add(s)
	}
}

// FuzzParse: the parser ends, without panic, on any text.
func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, code string) {
		newParser(code).program(false)
		newParser(code).program(true)
	})
}

// FuzzCompile: the binder too, and what it reports has a place in the code.
func FuzzCompile(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, code string) {
		for _, block := range []bool{false, true} {
			begin := time.Now()
			p, faults := Compile(code, block, WantText)
			if (p == nil) == (len(faults) == 0) {
				t.Fatalf("a program %v and faults %v", p != nil, faults)
			}
			for _, x := range faults {
				if strings.HasPrefix(x.Message, "The expression cannot be compiled") {
					t.Fatal(x)
				}
				if x.Offset < 0 || x.Offset > len(code) || x.Line < 1 || x.Column < 1 || x.Message == "" {
					t.Fatalf("a fault without a place: %+v", x)
				}
			}
			if took := time.Since(begin); took > 3*time.Second {
				t.Fatalf("compiling took %v", took)
			}
		}
	})
}

// FuzzRun: what compiles runs to its end within its budget, and fails with an exception or a limit only.
func FuzzRun(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, code string) {
		for _, block := range []bool{false, true} {
			p, faults := Compile(code, block, WantAny)
			if len(faults) > 0 {
				continue
			}
			_, err := p.Run(world(), &Budget{Deadline: time.Now().Add(2 * time.Second)})
			switch err.(type) {
			case nil, *Exception, *LimitError:
			default:
				t.Fatalf("fails with %v", err)
			}
		}
	})
}
