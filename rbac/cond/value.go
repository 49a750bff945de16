package cond

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// value is one value of the type that an operator compares.
type value struct {
	text   string
	number int64 // also 0 and 1 for false and true
	time   time.Time
	guid   gatehouse.GUID
}

// convert turns the literals of an operand into values of the family, or notes the
// first that is none: that is a type error when the comparison is evaluated (rbac.md 7.4).
func (o *operand) convert(f family) {
	for _, l := range o.literals {
		v, ok := l.as(f)
		if !ok {
			o.misfit = l.String()
			return
		}
		o.values = append(o.values, v)
	}
}

// as reads a literal: GUIDs and dates may be quoted, the other types are as they look.
func (l literal) as(f family) (value, bool) {
	switch {
	case f == stringFamily && l.kind == stringLiteral,
		f == dateFamily && l.kind == stringLiteral,
		f == guidFamily && (l.kind == stringLiteral || l.kind == guidLiteral):
		return convertText(l.text, f)
	case f == numericFamily && l.kind == integerLiteral:
		n, err := strconv.ParseInt(l.text, 10, 64)
		return value{number: n}, err == nil
	case f == boolFamily && l.kind == boolLiteral:
		return truth(l.text == "true"), true
	}
	return value{}, false
}

// String spells a literal as it is written in a condition.
func (l literal) String() string {
	if l.kind == stringLiteral {
		return "'" + l.text + "'"
	}
	return l.text
}

func truth(b bool) value {
	if b {
		return value{number: 1}
	}
	return value{}
}

func convertText(s string, f family) (value, bool) {
	switch f {
	case stringFamily:
		return value{text: s}, true
	case guidFamily:
		g, ok := guidOf(s)
		return value{guid: g}, ok
	case dateFamily:
		t, ok := dateOf(s)
		return value{time: t}, ok
	}
	return value{}, false
}

// guidOf avoids building an error for texts that cannot be one.
func guidOf(s string) (gatehouse.GUID, bool) {
	if len(s) != 32 && len(s) != 36 {
		return gatehouse.GUID{}, false
	}
	g, err := gatehouse.ParseGUID(s)
	return g, err == nil
}

// dateOf reads yyyy-mm-ddThh:mm:ss with any number of fractional digits and a zone; T and Z in any casing.
func dateOf(s string) (time.Time, bool) {
	if len(s) > 64 {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		t, err = time.Parse(time.RFC3339Nano, strings.ToUpper(s))
	}
	return t, err == nil
}

// convertAny is for the value of an attribute, whose types gatehouse.Attributes lists.
// GUIDs and dates may also come as text; no other types mix.
func convertAny(a any, f family) (value, bool) {
	switch v := a.(type) {
	case string:
		return convertText(v, f)
	case gatehouse.GUID:
		return value{guid: v}, f == guidFamily
	case time.Time:
		return value{time: v}, f == dateFamily
	case bool:
		return truth(v), f == boolFamily
	case int64:
		return value{number: v}, f == numericFamily
	case int:
		return value{number: int64(v)}, f == numericFamily
	}
	return value{}, false
}

// list is one side of a comparison at the time of evaluation: literals, or the
// one or many values of an attribute.
type list struct {
	values []value
	one    any
	many   []any
	n      int
	now    time.Time // the only value, when isNow
	isNow  bool
	family family
}

func (l *list) at(i int) value {
	if l.values != nil {
		return l.values[i]
	}
	if l.isNow {
		return value{time: l.now}
	}
	a := l.one
	if l.many != nil {
		a = l.many[i]
	}
	v, _ := convertAny(a, l.family)
	return v
}

// misfit returns the first value of an attribute that is not of the list's family.
func (l *list) misfit() (any, bool) {
	if l.values != nil {
		return nil, false
	}
	if l.isNow {
		return nil, l.family != dateFamily
	}
	for i := range l.n {
		a := l.one
		if l.many != nil {
			a = l.many[i]
		}
		if _, ok := convertAny(a, l.family); !ok {
			return a, true
		}
	}
	return nil, false
}

// show writes the value of an attribute for a trace.
func show(a any) string {
	switch v := a.(type) {
	case string:
		return "'" + v + "'"
	case time.Time:
		return gatehouse.Timestamp(v)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = show(v[i])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(a)
}
