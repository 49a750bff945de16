package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// System.DateTimeOffset. Its overloads with DateTimeStyles can be called with 0 for them: the enumeration itself is on no list.

// fileEpoch is the beginning of Windows' file times in ticks.
const fileEpoch = 504911232000000000

func newOffset(_ *Frame, a []Value) (Value, error) {
	last := len(a) - 1
	d, err := newDate(a[:last])
	if err != nil {
		return Null, err
	}
	return offsetOr(dotnet.NewDateTimeOffset(d, spanOf(a[last])))
}

func parseOffset(f *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "input")
	if err != nil {
		return Null, err
	}
	return offsetOr(dotnet.ParseDateTimeOffset(s, f.clock()))
}

// parseOffsetExact takes one format or several, of which the first that fits counts.
func parseOffsetExact(f *Frame, a []Value) (Value, error) {
	s, err := given(a[0], "input")
	if err != nil {
		return Null, err
	}
	formats, several := a[1].ref.(*Array)
	if !several {
		format, err := given(a[1], "format")
		if err != nil {
			return Null, err
		}
		return offsetOr(dotnet.ParseDateTimeOffsetExact(s, format, f.clock()))
	}
	for _, format := range formats.Items {
		if err := f.step(); err != nil {
			return Null, err
		}
		if o, err := dotnet.ParseDateTimeOffsetExact(s, format.Str(), f.clock()); err == nil {
			return offsetValue(o), nil
		}
	}
	return Null, throw(dotnet.FormatException, "String '%s' was not recognized as a valid DateTime.", s)
}

// onClock makes a member that moves the clock of a DateTimeOffset, not its offset.
func onClock(move func(d dotnet.DateTime, by Value) (dotnet.DateTime, error)) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		o := offsetOf(a[0])
		return offsetOr(o.WithClock(move(o.Clock(), a[1])))
	}
}

// unitsOnClock is onClock for a number of days, hours and so on.
func unitsOnClock(ticks int64) Func {
	return onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.AddUnits(by.Float(), ticks) })
}

// offsetParts are the properties of a DateTimeOffset that clockParts has not.
var offsetParts = []struct {
	word, name string
	get        func(o dotnet.DateTimeOffset) Value
}{
	{"DateTime", "DateTime", func(o dotnet.DateTimeOffset) Value { return dateValue(o.Clock()) }},
	{"DateTime", "UtcDateTime", func(o dotnet.DateTimeOffset) Value { return dateValue(o.UTC()) }},
	{"DateTime", "LocalDateTime", func(o dotnet.DateTimeOffset) Value { return dateValue(o.Local()) }},
	{"DateTime", "Date", func(o dotnet.DateTimeOffset) Value { return dateValue(o.Clock().Midnight()) }},
	{"DayOfWeek", "DayOfWeek", func(o dotnet.DateTimeOffset) Value { return Value{dayOfWeekType, int64(o.Clock().DayOfWeek())} }},
	{"TimeSpan", "TimeOfDay", func(o dotnet.DateTimeOffset) Value { return spanValue(o.Clock().TimeOfDay()) }},
	{"TimeSpan", "Offset", func(o dotnet.DateTimeOffset) Value { return spanValue(o.Offset()) }},
	{"int", "TotalOffsetMinutes", func(o dotnet.DateTimeOffset) Value { return Int(int(o.Offset() / dotnet.TicksPerMinute)) }},
	{"long", "Ticks", func(o dotnet.DateTimeOffset) Value { return Long(o.Clock().Ticks()) }},
	{"long", "UtcTicks", func(o dotnet.DateTimeOffset) Value { return Long(o.UTC().Ticks()) }},
	{"int", "Microsecond", func(o dotnet.DateTimeOffset) Value { return Int(int(o.Clock().Ticks() / 10 % 1000)) }},
	{"int", "Nanosecond", func(o dotnet.DateTimeOffset) Value { return Int(int(o.Clock().Ticks() % 10 * 100)) }},
}

func offsetMembers() members {
	list := append(offsetMade(), offsetMoved()...)
	list = append(list, offsetEpochs()...)
	for _, p := range offsetParts {
		list = append(list, m(p.word+" "+p.name+" { get; }", pure(func(a []Value) Value { return p.get(offsetOf(a[0])) })))
	}
	for name, get := range clockParts {
		list = append(list, m("int "+name+" { get; }", pure(func(a []Value) Value { return Int(get(offsetOf(a[0]).Clock())) })))
	}
	list = append(list,
		m("bool EqualsExact(DateTimeOffset other)", pure(func(a []Value) Value { return Bool(offsetOf(a[0]) == offsetOf(a[1])) })),
		m("bool Equals(object obj)", pure(func(a []Value) Value {
			_, ok := a[1].ref.(*dotnet.DateTimeOffset)
			return Bool(ok && offsetOf(a[0]).Cmp(offsetOf(a[1])) == 0)
		})),
		m("int GetHashCode()", pure(func(a []Value) Value { return hashOf(offsetOf(a[0]).UTC().Ticks()) })),
		m("string ToString()", pure(func(a []Value) Value { return String(offsetOf(a[0]).String()) })),
	)
	list = append(list, formatted(func(v Value, format string) (string, error) { return offsetOf(v).Format(format) })...)
	return append(list, comparisons("DateTimeOffset", true, func(a, b Value) int { return offsetOf(a).Cmp(offsetOf(b)) })...)
}

// offsetMade are the constructors and what reads a DateTimeOffset from text.
func offsetMade() members {
	zero := func() Value { return offsetType.zero }
	implicit := pure(func(a []Value) Value { return offsetValue(dotnet.OffsetOf(dateOf(a[0]))) })
	now := func(f *Frame, _ []Value) (Value, error) { return offsetValue(dotnet.OffsetOf(f.clock())), nil }
	return members{
		m("DateTimeOffset(DateTime dateTime)", implicit), m("static implicit operator DateTimeOffset(DateTime dateTime)", implicit),
		m("DateTimeOffset(DateTime dateTime, TimeSpan offset)", func(_ *Frame, a []Value) (Value, error) {
			return offsetOr(dotnet.NewDateTimeOffset(dateOf(a[0]), spanOf(a[1])))
		}),
		m("DateTimeOffset(long ticks, TimeSpan offset)", func(_ *Frame, a []Value) (Value, error) {
			d, err := dotnet.DateTimeOfTicks(a[0].n, dotnet.Unspecified)
			if err != nil {
				return Null, err
			}
			return offsetOr(dotnet.NewDateTimeOffset(d, spanOf(a[1])))
		}),
		m("DateTimeOffset(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)", newOffset),
		m("DateTimeOffset(int year, int month, int day, int hour, int minute, int second, int millisecond, TimeSpan offset)", newOffset),
		m("static DateTimeOffset MinValue { get; }", zeroArgs(offsetValue(dotnet.MinDateTimeOffset), nil)), m("static DateTimeOffset MaxValue { get; }", zeroArgs(offsetValue(dotnet.MaxDateTimeOffset), nil)),
		m("static DateTimeOffset UnixEpoch { get; }", zeroArgs(offsetValue(dotnet.UnixDateTimeOffset), nil)),
		m("static DateTimeOffset UtcNow { get; }", now), m("static DateTimeOffset Now { get; }", now),
		m("static DateTimeOffset Parse(string input)", parseOffset), m("static DateTimeOffset Parse(string input, IFormatProvider formatProvider)", parseOffset),
		m("static DateTimeOffset Parse(string input, IFormatProvider formatProvider, DateTimeStyles styles)", parseOffset),
		m("static bool TryParse(string input, out DateTimeOffset result)", tried(parseOffset, zero)),
		m("static bool TryParse(string input, IFormatProvider formatProvider, out DateTimeOffset result)", tried(parseOffset, zero)),
		m("static bool TryParse(string input, IFormatProvider formatProvider, DateTimeStyles styles, out DateTimeOffset result)", tried(parseOffset, zero)),
		m("static DateTimeOffset ParseExact(string input, string format, IFormatProvider formatProvider)", parseOffsetExact),
		m("static DateTimeOffset ParseExact(string input, string format, IFormatProvider formatProvider, DateTimeStyles styles)", parseOffsetExact),
		m("static DateTimeOffset ParseExact(string input, string[] formats, IFormatProvider formatProvider, DateTimeStyles styles)", parseOffsetExact),
		m("static bool TryParseExact(string input, string format, IFormatProvider formatProvider, DateTimeStyles styles, out DateTimeOffset result)", tried(parseOffsetExact, zero)),
		m("static bool TryParseExact(string input, string[] formats, IFormatProvider formatProvider, DateTimeStyles styles, out DateTimeOffset result)", tried(parseOffsetExact, zero)),
	}
}

// offsetMoved are the members that give another time.
func offsetMoved() members {
	same := func(_ *Frame, a []Value) (Value, error) { return offsetOr(offsetOf(a[0]).ToOffset(0)) }
	add := onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.Add(spanOf(by)) })
	subtract := onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.Subtract(spanOf(by)) })
	difference := pure(func(a []Value) Value { return spanValue(offsetOf(a[0]).Sub(offsetOf(a[1]))) })
	list := members{
		m("DateTimeOffset Add(TimeSpan timeSpan)", add), m("DateTimeOffset Subtract(TimeSpan value)", subtract), m("TimeSpan Subtract(DateTimeOffset value)", difference),
		m("static DateTimeOffset operator +(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)", add),
		m("static DateTimeOffset operator -(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)", subtract),
		m("static TimeSpan operator -(DateTimeOffset left, DateTimeOffset right)", difference),
		m("DateTimeOffset AddTicks(long ticks)", onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.AddTicks(by.n) })),
		m("DateTimeOffset AddMonths(int months)", onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.AddMonths(int(by.n)) })),
		m("DateTimeOffset AddYears(int years)", onClock(func(d dotnet.DateTime, by Value) (dotnet.DateTime, error) { return d.AddYears(int(by.n)) })),
		m("DateTimeOffset AddMicroseconds(double microseconds)", unitsOnClock(dotnet.TicksPerMicrosecond)),
		m("DateTimeOffset ToOffset(TimeSpan offset)", func(_ *Frame, a []Value) (Value, error) { return offsetOr(offsetOf(a[0]).ToOffset(spanOf(a[1]))) }),
		m("DateTimeOffset ToUniversalTime()", same), m("DateTimeOffset ToLocalTime()", same),
	}
	for name, ticks := range addUnits {
		list = append(list, m("DateTimeOffset "+name+"(double "+strings.ToLower(name[3:])+")", unitsOnClock(ticks)))
	}
	return list
}

// offsetEpochs are the members that count from Unix' and from Windows' epoch.
func offsetEpochs() members {
	list := members{
		m("long ToFileTime()", func(_ *Frame, a []Value) (Value, error) {
			n := offsetOf(a[0]).UTC().Ticks() - fileEpoch
			if n < 0 {
				return Null, dotnet.OutOfRange("Not a valid Win32 FileTime.", "")
			}
			return Long(n), nil
		}),
		m("static DateTimeOffset FromFileTime(long fileTime)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].n < 0 || a[0].n > dotnet.MaxDateTime.Ticks()-fileEpoch {
				return Null, dotnet.OutOfRange("Not a valid Win32 FileTime.", "fileTime")
			}
			return offsetValue(dotnet.OffsetOf(dotnet.DateTime(a[0].n + fileEpoch))), nil
		}),
	}
	for name, ticks := range map[string]int64{"Seconds": dotnet.TicksPerSecond, "Milliseconds": dotnet.TicksPerMillisecond} {
		list = append(list,
			m("long ToUnixTime"+name+"()", pure(func(a []Value) Value { return Long(offsetOf(a[0]).UnixTime(ticks)) })),
			m("static DateTimeOffset FromUnixTime"+name+"(long "+strings.ToLower(name)+")", func(_ *Frame, a []Value) (Value, error) { return offsetOr(dotnet.FromUnixTime(a[0].n, ticks)) }))
	}
	return list
}
