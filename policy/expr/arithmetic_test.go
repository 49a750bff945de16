package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
)

// TestRandomArithmetic: on random numbers, and those at the edges, operators of int and long do what two's complement does, and what
// numbers print reads back as the same number.
func TestRandomArithmetic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	edges := []int64{0, 1, -1, 2, 31, 32, 63, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64}
	some := func() int64 {
		if n := r.IntN(2 * len(edges)); n < len(edges) {
			return edges[n]
		}
		return int64(r.Uint64() >> r.IntN(64))
	}
	ops := map[string]func(a, b int64) int64{
		"+": func(a, b int64) int64 { return a + b }, "-": func(a, b int64) int64 { return a - b }, "*": func(a, b int64) int64 { return a * b },
		"&": func(a, b int64) int64 { return a & b }, "|": func(a, b int64) int64 { return a | b }, "^": func(a, b int64) int64 { return a ^ b },
	}
	for range 300 {
		x, y := some(), some()
		for op, do := range ops {
			code := fmt.Sprintf("{ long a = long.Parse(\"%d\"), b = long.Parse(\"%d\"); int c = (int)a, d = (int)b; return (a %s b) + \" \" + (c %s d) + \" \" + (a << d) + \" \" + (c >> d) + \" \" + (uint)c + \" \" + (short)a; }", x, y, op, op)
			c, d := int32(x), int32(y)
			want := quote(fmt.Sprintf("%d %d %d %d %d %d", do(x, y), int32(do(int64(c), int64(d))), x<<(d&63), c>>(d&31), uint32(c), int16(x)))
			if got := outcome(code); got != want {
				t.Fatalf("%s\n  gives %s\n  want  %s", code, got, want)
			}
		}
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text := strconv.FormatFloat(f, 'g', 17, 64)
		code := fmt.Sprintf("{ var x = double.Parse(%q); return double.Parse(x.ToString()) == x && double.Parse(x.ToString(\"R\")) == x && double.Parse(x.ToString(\"G17\")) == x && (double)JToken.Parse(JsonConvert.SerializeObject(x)) == x; }", text)
		if got := outcome(code); got != "True (System.Boolean)" {
			t.Fatalf("%s gives %s", code, got)
		}
	}
}
