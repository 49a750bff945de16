package liquid

import (
	"math"
	"sort"
	"strings"
	"unicode"

	"gatehouse/dotnet"
)

type filter func(r *run, v any, args []any) any

// filters are those of gateway.md 11, under their C# names.
var filters = map[string]filter{
	"Abs":    maths(func(a, _ int64) (int64, bool) { return max(a, -a), true }, func(a, _ float64) float64 { return math.Abs(a) }),
	"Append": func(r *run, v any, a []any) any { return r.join(text(v), text(arg(a, 0))) },
	"AtLeast": func(_ *run, v any, a []any) any {
		return pick(v, arg(a, 0), 1)
	},
	"AtMost": func(_ *run, v any, a []any) any {
		return pick(v, arg(a, 0), -1)
	},
	"Capitalize": texts(capitalize),
	"Compact":    lists(func(_ *run, l []any) any { return compact(l) }),
	"Currency":   currency,
	"Date":       date,
	"Default":    func(_ *run, v any, a []any) any { return orDefault(v, arg(a, 0)) },
	"DividedBy":  dividedBy,
	"Downcase":   texts(dotnet.ToLowerInvariant),
	"Escape":     texts(dotnet.HTMLEncode),
	"First":      func(r *run, v any, _ []any) any { return r.builtIn(v, "first") },
	"H":          texts(dotnet.HTMLEncode),
	"Join":       joinFilter,
	"Last":       func(r *run, v any, _ []any) any { return r.builtIn(v, "last") },
	"Lstrip":     texts(func(s string) string { return dotnet.TrimStart(s, nil) }),
	"Map":        mapFilter,
	"Minus":      maths(func(a, b int64) (int64, bool) { c := a - b; return c, (c < a) == (b > 0) }, func(a, b float64) float64 { return a - b }),
	"Modulo":     modulo,
	"NewlineToBr": texts(func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "<br />\n")
	}),
	"Plus":          plus,
	"Prepend":       func(r *run, v any, a []any) any { return r.join(text(arg(a, 0)), text(v)) },
	"Remove":        func(r *run, v any, a []any) any { return replace(r, v, text(arg(a, 0)), "", -1) },
	"RemoveFirst":   func(r *run, v any, a []any) any { return replace(r, v, text(arg(a, 0)), "", 1) },
	"Replace":       func(r *run, v any, a []any) any { return replace(r, v, text(arg(a, 0)), text(arg(a, 1)), -1) },
	"ReplaceFirst":  func(r *run, v any, a []any) any { return replace(r, v, text(arg(a, 0)), text(arg(a, 1)), 1) },
	"Round":         round,
	"Rstrip":        texts(func(s string) string { return dotnet.TrimEnd(s, nil) }),
	"Size":          func(_ *run, v any, _ []any) any { return sizeOf(v) },
	"Slice":         sliceFilter,
	"Sort":          sortFilter,
	"Split":         splitFilter,
	"Strip":         texts(func(s string) string { return dotnet.Trim(s, nil) }),
	"StripHtml":     texts(stripHTML),
	"StripNewlines": texts(func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", ""), "\n", "") }),
	"Times":         times,
	"Truncate":      truncate,
	"TruncateWords": truncateWords,
	"Uniq":          lists(uniq),
	"Upcase":        texts(dotnet.ToUpperInvariant),
	"UrlDecode":     texts(dotnet.URLDecode),
	"UrlEncode":     texts(dotnet.URLEncode),
}

func arg(a []any, i int) any {
	if i < len(a) {
		return a[i]
	}
	return nil
}

// fault is what a filter that fails prints.
func fault(message string) any { return "Liquid error: " + message }

func (r *run) join(parts ...string) any {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if r.spend(n) != nil {
		return nil
	}
	return strings.Join(parts, "")
}

// texts makes a filter of a function of text; null stays null.
func texts(f func(string) string) filter {
	return func(r *run, v any, _ []any) any {
		if v == nil {
			return nil
		}
		s := text(v)
		if r.spend(len(s)) != nil {
			return nil
		}
		return f(s)
	}
}

// lists makes a filter of a function of items; what is no list stays.
func lists(f func(r *run, l []any) any) filter {
	return func(r *run, v any, _ []any) any {
		items, ok := r.items(v)
		if !ok {
			return v
		}
		return f(r, items)
	}
}

// items are those of a list, paid for.
func (r *run) items(v any) ([]any, bool) {
	l, ok := listOf(v)
	if !ok {
		return nil, false
	}
	n := l.Len()
	if r.step(n) != nil || r.spend(16*n) != nil {
		return nil, false
	}
	items := make([]any, n)
	for i := range items {
		items[i] = l.At(i)
	}
	return items, true
}

// maths makes a filter of a function of integers, which may overflow, and the one of fractions.
func maths(whole func(a, b int64) (int64, bool), fraction func(a, b float64) float64) filter {
	return func(_ *run, v any, args []any) any {
		if v == nil || len(args) > 0 && args[0] == nil {
			return nil
		}
		a, ok := numeric(v)
		b, okB := numeric(arg(args, 0))
		if !ok || len(args) > 0 && !okB {
			return fault("Input string was not in a correct format.")
		}
		i, iok := a.(int64)
		j, jok := b.(int64)
		if iok && (jok || len(args) == 0) {
			if n, ok := whole(i, j); ok {
				return n
			}
		}
		return fraction(float(a), float(b))
	}
}

var add = maths(func(a, b int64) (int64, bool) { c := a + b; return c, (c > a) == (b > 0) }, func(a, b float64) float64 { return a + b })

var multiply = maths(func(a, b int64) (int64, bool) {
	c := a * b
	return c, a == 0 || c/a == b && (a != -1 || b != math.MinInt64)
}, func(a, b float64) float64 { return a * b })

// plus joins when the input is text.
func plus(r *run, v any, args []any) any {
	if s, ok := v.(string); ok {
		return r.join(s, text(arg(args, 0)))
	}
	return add(r, v, args)
}

// times repeats when the input is text.
func times(r *run, v any, args []any) any {
	s, ok := v.(string)
	n, isInt := arg(args, 0).(int64)
	if !ok || !isInt {
		return multiply(r, v, args)
	}
	n = max(n, 0)
	if len(s) > 0 && n > int64(r.left/len(s)) {
		n = int64(r.left) // more than there is
	}
	if r.spend(len(s)*int(n)) != nil {
		return nil
	}
	return strings.Repeat(s, int(n))
}

func dividedBy(r *run, v any, args []any) any {
	b, _ := numeric(arg(args, 0))
	if b == int64(0) {
		return fault("Attempted to divide by zero.")
	}
	return maths(func(a, b int64) (int64, bool) { return a / b, b != -1 || a != math.MinInt64 },
		func(a, b float64) float64 { return a / b })(r, v, args)
}

func modulo(r *run, v any, args []any) any {
	b, _ := numeric(arg(args, 0))
	if b == int64(0) {
		return fault("Attempted to divide by zero.")
	}
	return maths(func(a, b int64) (int64, bool) { return a % b, true }, math.Mod)(r, v, args)
}

// pick is the larger (sign 1) or smaller of two.
func pick(v, other any, sign int) any {
	if c, ok := compare(v, other); ok && c*sign < 0 {
		return other
	}
	return v
}

func round(_ *run, v any, args []any) any {
	n, ok := numeric(v)
	if !ok {
		return v
	}
	places, _ := numeric(arg(args, 0))
	d, err := dotnet.DecimalOfDouble(float(n))
	if _, whole := n.(int64); whole || err != nil {
		return n
	}
	d, err = d.Round(int(min(max(float(places), 0), 28)), dotnet.ToEven)
	if err != nil {
		return n
	}
	return d.Float()
}

func orDefault(v, other any) any {
	if isEmpty(v, true) {
		return other
	}
	return v
}

// capitalize makes the first letter of each word large and the rest small; words all in large letters stay, as in
// TextInfo.ToTitleCase.
func capitalize(s string) string {
	words := strings.SplitAfter(s, " ")
	for i, w := range words {
		if w == strings.ToUpper(w) {
			continue
		}
		runes := []rune(strings.ToLower(w))
		runes[0] = unicode.ToUpper(runes[0])
		words[i] = string(runes)
	}
	return strings.Join(words, "")
}

// currency prints money: the sign of the invariant culture, or of the one named.
func currency(_ *run, v any, args []any) any {
	n, ok := numeric(v)
	if !ok {
		return v
	}
	d, err := dotnet.DecimalOfDouble(float(n))
	if err != nil {
		return v
	}
	number, err := d.Abs().Format("N2")
	if err != nil {
		return v
	}
	sign := map[string]string{"en-US": "$", "en-GB": "£", "en-CA": "$", "en-AU": "$", "ja-JP": "¥"}[text(arg(args, 0))]
	if sign == "" {
		sign = "¤"
	}
	if d.Sign() < 0 {
		if sign == "¤" {
			return "(" + sign + number + ")"
		}
		return "-" + sign + number
	}
	return sign + number
}

// date prints a date in a .NET format.
func date(r *run, v any, args []any) any {
	if v == nil {
		return nil
	}
	var d dotnet.DateTime
	switch x := v.(type) {
	case dotnet.DateTime:
		d = x
	case dotnet.DateTimeOffset:
		if s, err := x.Format(text(arg(args, 0))); err == nil {
			return s
		}
		return v
	default:
		s := strings.TrimSpace(text(v))
		now := dotnet.Now(dotnet.Local)
		if lower := strings.ToLower(s); lower == "now" || lower == "today" {
			d = now
			break
		}
		var err error
		if d, err = dotnet.ParseDateTime(s, now); err != nil {
			return v
		}
	}
	s, err := d.Format(text(arg(args, 0)))
	if err != nil {
		return fault("Input string was not in a correct format.")
	}
	return s
}

func joinFilter(r *run, v any, args []any) any {
	items, ok := r.items(v)
	if !ok {
		return v
	}
	glue := " "
	if len(args) > 0 {
		glue = text(args[0])
	}
	parts := make([]string, len(items))
	n := len(glue) * len(items)
	for i, x := range items {
		parts[i] = text(x)
		n += len(parts[i])
	}
	if r.spend(n) != nil {
		return nil
	}
	return strings.Join(parts, glue)
}

func mapFilter(r *run, v any, args []any) any {
	items, ok := r.items(v)
	if !ok {
		return v
	}
	for i, x := range items {
		items[i] = r.memberOf(x, text(arg(args, 0)))
	}
	return items
}

func compact(l []any) any {
	kept := l[:0]
	for _, v := range l {
		if v != nil {
			kept = append(kept, v)
		}
	}
	return kept
}

func uniq(r *run, l []any) any {
	var kept []any
next:
	for _, v := range l {
		if r.step(1+len(kept)) != nil {
			return nil
		}
		for _, k := range kept {
			if r.equal(k, v) {
				continue next
			}
		}
		kept = append(kept, v)
	}
	return kept
}

func sortFilter(r *run, v any, args []any) any {
	items, ok := r.items(v)
	if !ok {
		return v
	}
	key := func(x any) any { return x }
	if len(args) > 0 {
		name := text(args[0])
		key = func(x any) any { return r.memberOf(x, name) }
	}
	sort.SliceStable(items, func(i, j int) bool {
		a, b := key(items[i]), key(items[j])
		if a == nil || b == nil {
			return a == nil && b != nil
		}
		s, isText := a.(string)
		t, bothText := b.(string)
		if isText && bothText {
			return dotnet.Compare(s, t, dotnet.InvariantCulture) < 0
		}
		c, ok := compare(a, b)
		return ok && c < 0
	})
	return items
}

// splitFilter leaves empty parts out, as DotLiquid does.
func splitFilter(r *run, v any, args []any) any {
	if v == nil {
		return nil
	}
	s, by := text(v), text(arg(args, 0))
	if r.spend(len(s)+16*strings.Count(s, by)) != nil {
		return nil
	}
	var parts []any
	list := []string{s}
	if by != "" {
		list = strings.Split(s, by)
	}
	for _, p := range list {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

func replace(r *run, v any, old, with string, n int) any {
	s := text(v)
	if v == nil || s == "" || old == "" {
		return v
	}
	count := strings.Count(s, old)
	if n > 0 {
		count = min(count, n)
	}
	if r.spend(len(s)+count*len(with)) != nil {
		return nil
	}
	return strings.Replace(s, old, with, n)
}

// sliceFilter cuts text or a list: Slice: start, length.
func sliceFilter(r *run, v any, args []any) any {
	start, _ := numeric(arg(args, 0))
	length := 1.0
	if n, ok := numeric(arg(args, 1)); ok {
		length = float(n)
	}
	size := int(sizeOf(v))
	from := int(float(start))
	if from < 0 {
		from += size
	}
	from = min(max(from, 0), size)
	to := min(max(from+int(min(length, float64(size))), from), size)
	if items, ok := r.items(v); ok {
		return items[from:to]
	}
	if v == nil {
		return nil
	}
	s, _ := dotnet.SubstringN(text(v), from, to-from)
	return s
}

func truncate(_ *run, v any, args []any) any {
	if v == nil {
		return nil
	}
	length, dots := 50, "..."
	if n, ok := numeric(arg(args, 0)); ok {
		length = int(float(n))
	}
	if len(args) > 1 {
		dots = text(args[1])
	}
	s := text(v)
	if units(s) <= length {
		return s
	}
	cut, _ := dotnet.SubstringN(s, 0, min(max(length-units(dots), 0), units(s)))
	return cut + dots
}

func truncateWords(_ *run, v any, args []any) any {
	if v == nil {
		return nil
	}
	count, dots := 15, "..."
	if n, ok := numeric(arg(args, 0)); ok {
		count = max(int(float(n)), 0)
	}
	if len(args) > 1 {
		dots = text(args[1])
	}
	words := strings.Split(text(v), " ")
	if len(words) <= count {
		return text(v)
	}
	return strings.Join(words[:count], " ") + dots
}

// stripHTML takes out what stands between angle brackets on one line.
func stripHTML(s string) string {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '<')
		if at < 0 {
			break
		}
		end := strings.IndexAny(s[at:], ">\n")
		if end < 0 {
			break
		}
		b.WriteString(s[:at])
		if s[at+end] == '\n' {
			b.WriteString(s[at : at+end+1])
		}
		s = s[at+end+1:]
	}
	return b.String() + s
}

func units(s string) int { return dotnet.StringLength(s) }

// otherText prints dates.
func otherText(v any) (string, bool) {
	switch v := v.(type) {
	case dotnet.DateTime:
		return v.String(), true
	case dotnet.DateTimeOffset:
		return v.String(), true
	case dotnet.TimeSpan:
		return v.String(), true
	}
	return "", false
}

func compareOther(a, b any) (int, bool) {
	switch x := a.(type) {
	case dotnet.DateTime:
		y, ok := b.(dotnet.DateTime)
		return x.Cmp(y), ok
	case dotnet.DateTimeOffset:
		y, ok := b.(dotnet.DateTimeOffset)
		return x.Cmp(y), ok
	}
	return 0, false
}
