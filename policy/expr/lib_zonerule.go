package expr

import "gatehouse/dotnet"

// TimeZoneInfo.AdjustmentRule and TransitionTime, and the old TimeZone, which knows the local zone alone: UTC.

var ruleType, transitionType, oldZoneType, daylightType = new(Type), new(Type), new(Type), new(Type)

// The objects never change.
type (
	zoneRule   struct{ dotnet.AdjustmentRule }
	transition struct{ dotnet.TransitionTime }
	oldZone    struct{ _ byte }
	daylight   struct{ _ byte }
)

func (*zoneRule) dotnetType() *Type   { return ruleType }
func (*transition) dotnetType() *Type { return transitionType }
func (*oldZone) dotnetType() *Type    { return oldZoneType }
func (*daylight) dotnetType() *Type   { return daylightType }

func transitionOr(t dotnet.TransitionTime, err error) (Value, error) {
	return Value{&transition{t}, 0}, err
}

// newRule is CreateAdjustmentRule.
func newRule(_ *Frame, a []Value) (Value, error) {
	start, _ := a[3].ref.(*transition)
	end, _ := a[4].ref.(*transition)
	r, err := dotnet.NewAdjustmentRule(dotnet.AdjustmentRule{From: dateOf(a[0]), To: dateOf(a[1]), Delta: spanOf(a[2]), Start: start.TransitionTime, End: end.TransitionTime})
	return Value{&zoneRule{r}, 0}, err
}

func sameTransition(a []Value) bool {
	x, _ := a[0].ref.(*transition)
	y, ok := a[1].ref.(*transition)
	return ok && x.TransitionTime == y.TransitionTime
}

func transitionMembers() members {
	same := pure(func(a []Value) Value { return Bool(sameTransition(a)) })
	number := func(name string, get func(t *transition) int) row {
		return m("int "+name+" { get; }", of(func(t *transition) Value { return Int(get(t)) }))
	}
	return members{
		m("static TransitionTime CreateFixedDateRule(DateTime timeOfDay, int month, int day)", func(_ *Frame, a []Value) (Value, error) {
			return transitionOr(dotnet.NewTransitionTime(dateOf(a[0]), dotnet.TransitionTime{Fixed: true, Month: int(a[1].n), Day: int(a[2].n)}))
		}),
		m("static TransitionTime CreateFloatingDateRule(DateTime timeOfDay, int month, int week, DayOfWeek dayOfWeek)", func(_ *Frame, a []Value) (Value, error) {
			return transitionOr(dotnet.NewTransitionTime(dateOf(a[0]), dotnet.TransitionTime{Month: int(a[1].n), Week: int(a[2].n), DayOfWeek: int(a[3].n)}))
		}),
		number("Month", func(t *transition) int { return t.Month }), number("Week", func(t *transition) int { return t.Week }), number("Day", func(t *transition) int { return t.Day }),
		m("DateTime TimeOfDay { get; }", of(func(t *transition) Value { return dateValue(dotnet.DateTime(t.At)) })),
		m("DayOfWeek DayOfWeek { get; }", of(func(t *transition) Value { return Number(dayOfWeekType, int64(t.DayOfWeek)) })),
		m("bool IsFixedDateRule { get; }", of(func(t *transition) Value { return Bool(t.Fixed) })),
		m("bool Equals(object obj)", same), m("bool Equals(TransitionTime other)", same),
		m("int GetHashCode()", of(func(t *transition) Value { return Int(t.Month ^ t.Week<<8) })),
		m("static bool operator ==(TransitionTime t1, TransitionTime t2)", same),
		m("static bool operator !=(TransitionTime t1, TransitionTime t2)", pure(func(a []Value) Value { return Bool(!sameTransition(a)) })),
	}
}

var ruleDecls = []Decl{
	{Head: "struct System.TimeZoneInfo+TransitionTime", Type: transitionType, Zero: Value{&transition{}, 0}, Members: transitionMembers()},
	{Head: "class System.TimeZoneInfo+AdjustmentRule", Type: ruleType, Members: members{
		m("static AdjustmentRule CreateAdjustmentRule(DateTime dateStart, DateTime dateEnd, TimeSpan daylightDelta, TransitionTime daylightTransitionStart, TransitionTime daylightTransitionEnd)", newRule),
		m("DateTime DateStart { get; }", of(func(r *zoneRule) Value { return dateValue(r.From) })), m("DateTime DateEnd { get; }", of(func(r *zoneRule) Value { return dateValue(r.To) })),
		m("TimeSpan DaylightDelta { get; }", of(func(r *zoneRule) Value { return spanValue(r.Delta) })), m("TimeSpan BaseUtcOffsetDelta { get; }", zeroArgs(spanValue(0), nil)),
		m("TransitionTime DaylightTransitionStart { get; }", of(func(r *zoneRule) Value { return Value{&transition{r.Start}, 0} })),
		m("TransitionTime DaylightTransitionEnd { get; }", of(func(r *zoneRule) Value { return Value{&transition{r.End}, 0} })),
	}},
	{Head: "class System.TimeZone", Type: oldZoneType, Members: members{
		m("static TimeZone CurrentTimeZone { get; }", zeroArgs(Value{&oldZone{}, 0}, nil)),
		m("string StandardName { get; }", zeroArgs(String("UTC"), nil)), m("string DaylightName { get; }", zeroArgs(String("UTC"), nil)),
		m("TimeSpan GetUtcOffset(DateTime time)", zeroArgs(spanValue(0), nil)), m("bool IsDaylightSavingTime(DateTime time)", zeroArgs(Bool(false), nil)),
		m("DateTime ToUniversalTime(DateTime time)", pure(func(a []Value) Value { return dateValue(dateOf(a[1]).WithKind(dotnet.Utc)) })),
		m("DateTime ToLocalTime(DateTime time)", pure(func(a []Value) Value { return dateValue(dateOf(a[1]).WithKind(dotnet.Local)) })),
		m("DaylightTime GetDaylightChanges(int year)", zeroArgs(Value{&daylight{}, 0}, nil)),
		m("static bool IsDaylightSavingTime(DateTime time, DaylightTime daylightTimes)", zeroArgs(Bool(false), nil)),
	}},
	{Head: "internal class System.Globalization.DaylightTime", Type: daylightType, Members: members{
		m("DateTime Start { get; }", zeroArgs(dateValue(0), nil)), m("DateTime End { get; }", zeroArgs(dateValue(0), nil)), m("TimeSpan Delta { get; }", zeroArgs(spanValue(0), nil)),
	}},
}
