package liquid

import (
	"math"
	"strconv"
	"strings"
)

// An Object is a value with members.
type Object interface {
	// Member returns the value of a member; false when there is none.
	Member(name string) (any, bool)
	// Text is what the object prints.
	Text() string
}

// Keyed is an Object whose members can be listed: a loop over it gets pairs of key and value.
type Keyed interface {
	Object
	Keys() []string
}

// A List is a value with items.
type List interface {
	Len() int
	At(i int) any
}

// Range is (1..5).
type span struct{ from, to int64 }

func (s span) Len() int {
	if s.to < s.from {
		return 0
	}
	return int(min(s.to-s.from+1, math.MaxInt32))
}
func (s span) At(i int) any { return s.from + int64(i) }

type slice []any

func (s slice) Len() int     { return len(s) }
func (s slice) At(i int) any { return s[i] }

// special is a literal that equals what is empty or blank.
type special string

// listOf sees a value as a list.
func listOf(v any) (List, bool) {
	switch v := v.(type) {
	case []any:
		return slice(v), true
	case []string:
		s := make(slice, len(v))
		for i, x := range v {
			s[i] = x
		}
		return s, true
	case List:
		return v, true
	case Keyed:
		keys := v.Keys()
		s := make(slice, 0, len(keys))
		for _, k := range keys {
			x, _ := v.Member(k)
			s = append(s, pair{k, x})
		}
		return s, true
	}
	return nil, false
}

// pair is an item of a loop over an object.
type pair struct {
	key   string
	value any
}

func (p pair) Len() int { return 2 }
func (p pair) At(i int) any {
	if i == 0 {
		return p.key
	}
	return p.value
}
func (p pair) Text() string { return "[" + p.key + ", " + text(p.value) + "]" }
func (p pair) Member(name string) (any, bool) {
	switch name {
	case "Key", "key":
		return p.key, true
	case "Value", "value":
		return p.value, true
	}
	return nil, false
}

// text prints a value.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		return number(v)
	case special:
		return ""
	case Object:
		return v.Text()
	}
	if s, ok := otherText(v); ok {
		return s
	}
	if l, ok := listOf(v); ok {
		var b strings.Builder
		for i := range l.Len() {
			b.WriteString(text(l.At(i)))
		}
		return b.String()
	}
	return ""
}

// number prints a fraction with at most 15 digits, which hides what binary fractions do to sums.
func number(f float64) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	if err == nil {
		f = rounded
	}
	if math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strings.Replace(strconv.FormatFloat(f, 'G', -1, 64), "INF", "Infinity", 1)
}

func truth(v any) bool { return v != nil && v != false }

// numeric makes a number of a value.
func numeric(v any) (any, bool) {
	switch v := v.(type) {
	case int64, float64:
		return v, true
	case int:
		return int64(v), true
	case string:
		s := strings.TrimSpace(v)
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, true
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f, true
		}
	}
	return nil, false
}

func float(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

func isEmpty(v any, blank bool) bool {
	switch v := v.(type) {
	case nil:
		return blank
	case bool:
		return blank && !v
	case string:
		return v == "" || blank && strings.TrimSpace(v) == ""
	}
	if l, ok := listOf(v); ok {
		return l.Len() == 0
	}
	return false
}

// equal is ==, paid for.
func (r *run) equal(a, b any) bool {
	if s, ok := a.(string); ok {
		_ = r.step(len(s) / bytesPerStep) // the error is kept
	}
	if s, ok := a.(special); ok {
		a, b = b, s
	}
	if s, ok := b.(special); ok {
		return isEmpty(a, s == "blank")
	}
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if c, ok := compare(a, b); ok {
		return c == 0
	}
	x, okX := listOf(a)
	y, okY := listOf(b)
	if !okX || !okY || x.Len() != y.Len() {
		return false
	}
	for i := range min(x.Len(), 1<<16) {
		if r.step(1) != nil || !r.equal(x.At(i), y.At(i)) {
			return false
		}
	}
	return true
}

// compare orders numbers, texts, booleans and dates; false for what has no order.
func compare(a, b any) (int, bool) {
	_, aText := a.(string)
	_, bText := b.(string)
	if aText && bText {
		return strings.Compare(a.(string), b.(string)), true
	}
	if x, ok := a.(bool); ok {
		y, ok := b.(bool)
		return bit(x) - bit(y), ok
	}
	if c, ok := compareOther(a, b); ok {
		return c, true
	}
	x, okX := numeric(a)
	y, okY := numeric(b)
	if !okX || !okY {
		return 0, false
	}
	i, iok := x.(int64)
	j, jok := y.(int64)
	switch {
	case iok && jok && i < j, !(iok && jok) && float(x) < float(y):
		return -1, true
	case iok && jok && i == j, !(iok && jok) && float(x) == float(y):
		return 0, true
	}
	return 1, true
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sizeOf is .size and the filter Size.
func sizeOf(v any) int64 {
	if s, ok := v.(string); ok {
		return int64(units(s))
	}
	if l, ok := listOf(v); ok {
		return int64(l.Len())
	}
	return 0
}
