package expr

import (
	"gatehouse/dotnet"
)

// System.DateTime and TimeSpan.

var dateDecls = []Decl{
	{Head: "enum System.DateTimeKind { Utc = 1 }", Type: dateTimeKindType, Refused: "Unspecified Local"},
	{Head: "internal enum System.DayOfWeek { Sunday, Monday, Tuesday, Wednesday, Thursday, Friday, Saturday }", Type: dayOfWeekType},
	{Head: "internal enum System.Globalization.DateTimeStyles { None }"},
	{Head: "struct System.DateTime : IComparable, IComparable<DateTime>, IEquatable<DateTime>", Type: dateTimeType, Scalar: true,
		Refused: "Kind ParseExact TryParse TryParseExact ToUniversalTime ToLocalTime SpecifyKind ToFileTime ToFileTimeUtc FromFileTime FromFileTimeUtc ToBinary FromBinary ToOADate FromOADate ToLongDateString ToShortDateString ToLongTimeString ToShortTimeString GetDateTimeFormats CompareTo Compare UnixEpoch Microsecond Nanosecond AddMicroseconds GetTypeCode Deconstruct TryFormat",
		Members: dateTimeMembers()},
	{Head: "struct System.DateTimeOffset : IComparable, IComparable<DateTimeOffset>, IEquatable<DateTimeOffset>", Type: offsetType, Zero: Object(&dotnet.DateTimeOffset{}), Members: offsetMembers()},
	{Head: "struct System.TimeSpan : IComparable, IComparable<TimeSpan>, IEquatable<TimeSpan>", Type: timeSpanType, Scalar: true, Members: timeSpanMembers()},
	{Head: "struct System.Guid : IComparable, IComparable<Guid>, IEquatable<Guid>", Type: guidType, Zero: guidValue([16]byte{}), Members: guidMembers()},
}

var (
	offsetType       = new(Type)
	dateTimeKindType = new(Type)
	dayOfWeekType    = new(Type)
)

func dateOf(v Value) dotnet.DateTime            { return dotnet.DateTime(v.n) }
func dateValue(d dotnet.DateTime) Value         { return Value{dateTimeType, int64(d)} }
func spanOf(v Value) dotnet.TimeSpan            { return dotnet.TimeSpan(v.n) }
func spanValue(t dotnet.TimeSpan) Value         { return Value{timeSpanType, int64(t)} }
func offsetValue(o dotnet.DateTimeOffset) Value { return Value{&o, 0} }

func offsetOf(v Value) dotnet.DateTimeOffset {
	if o, ok := v.ref.(*dotnet.DateTimeOffset); ok {
		return *o
	}
	return dotnet.DateTimeOffset{}
}

func dateOr(d dotnet.DateTime, err error) (Value, error)         { return dateValue(d), err }
func spanOr(t dotnet.TimeSpan, err error) (Value, error)         { return spanValue(t), err }
func offsetOr(o dotnet.DateTimeOffset, err error) (Value, error) { return offsetValue(o), err }

// clock is the time of the call, as local time, which is UTC.
func (f *Frame) clock() dotnet.DateTime { return dotnet.OfTime(f.Now(), dotnet.Local) }

// comparisons gives the comparison operators of a type, and where wanted Compare, CompareTo and Equals.
func comparisons(word string, methods bool, compare func(a, b Value) int) []row {
	var list []row
	for op, holds := range map[string]func(c int) bool{
		"==": func(c int) bool { return c == 0 }, "!=": func(c int) bool { return c != 0 }, "<": func(c int) bool { return c < 0 }, ">": func(c int) bool { return c > 0 },
		"<=": func(c int) bool { return c <= 0 }, ">=": func(c int) bool { return c >= 0 },
	} {
		list = append(list, m("static bool operator "+op+"("+word+" a, "+word+" b)", pure(func(a []Value) Value { return Bool(holds(compare(a[0], a[1]))) })))
	}
	equals := pure(func(a []Value) Value { return Bool(compare(a[0], a[1]) == 0) })
	list = append(list, m("bool Equals("+word+" other)", equals))
	if methods {
		list = append(list,
			m("static bool Equals("+word+" first, "+word+" second)", equals),
			m("static int Compare("+word+" first, "+word+" second)", pure(func(a []Value) Value { return Int(compare(a[0], a[1])) })),
			m("int CompareTo("+word+" other)", pure(func(a []Value) Value { return Int(compare(a[0], a[1])) })))
	}
	return list
}

// addUnits are the Add methods of DateTime and DateTimeOffset that take a number of something.
var addUnits = map[string]int64{"AddDays": dotnet.TicksPerDay, "AddHours": dotnet.TicksPerHour, "AddMinutes": dotnet.TicksPerMinute, "AddSeconds": dotnet.TicksPerSecond,
	"AddMilliseconds": dotnet.TicksPerMillisecond}

// clockParts are the properties that a clock's time has.
var clockParts = map[string]func(d dotnet.DateTime) int{
	"Year":  func(d dotnet.DateTime) int { year, _, _ := d.Date(); return year },
	"Month": func(d dotnet.DateTime) int { _, month, _ := d.Date(); return month },
	"Day":   func(d dotnet.DateTime) int { _, _, day := d.Date(); return day },
	"Hour":  func(d dotnet.DateTime) int { hour, _, _ := d.Clock(); return hour }, "Minute": func(d dotnet.DateTime) int { _, minute, _ := d.Clock(); return minute },
	"Second": func(d dotnet.DateTime) int { _, _, second := d.Clock(); return second }, "Millisecond": dotnet.DateTime.Millisecond, "DayOfYear": dotnet.DateTime.DayOfYear,
}

// newDate reads year, month, day and then hour, minute, second, millisecond where they are given, and a kind.
func newDate(a []Value) (dotnet.DateTime, error) {
	var parts [7]int
	kind := dotnet.Unspecified
	for i, v := range a {
		switch v.ref {
		case intType:
			parts[i] = int(v.n)
		case dateTimeKindType:
			kind = dotnet.DateTimeKind(v.n)
		}
	}
	return dotnet.NewDateTime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], kind)
}

func dateTimeMembers() members {
	construct := func(_ *Frame, a []Value) (Value, error) { return dateOr(newDate(a)) }
	parse := func(f *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "s")
		if err != nil {
			return Null, err
		}
		return dateOr(dotnet.ParseDateTime(s, f.clock()))
	}
	now := func(kind dotnet.DateTimeKind) Func {
		return func(f *Frame, _ []Value) (Value, error) { return dateValue(dotnet.OfTime(f.Now(), kind)), nil }
	}
	list := members{
		m("DateTime(long ticks)", func(_ *Frame, a []Value) (Value, error) {
			return dateOr(dotnet.DateTimeOfTicks(a[0].n, dotnet.Unspecified))
		}),
		m("DateTime(long ticks, DateTimeKind kind)", func(_ *Frame, a []Value) (Value, error) {
			return dateOr(dotnet.DateTimeOfTicks(a[0].n, dotnet.DateTimeKind(a[1].n)))
		}),
		m("DateTime(int year, int month, int day)", construct),
		m("DateTime(int year, int month, int day, int hour, int minute, int second)", construct),
		m("DateTime(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)", construct),
		m("DateTime(int year, int month, int day, int hour, int minute, int second, int millisecond)", construct),
		m("DateTime(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)", construct),
		m("static DateTime MinValue { get; }", zeroArgs(dateValue(dotnet.MinDateTime), nil)), m("static DateTime MaxValue { get; }", zeroArgs(dateValue(dotnet.MaxDateTime), nil)),
		m("static DateTime UtcNow { get; }", now(dotnet.Utc)), m("static DateTime Now { get; }", now(dotnet.Local)),
		m("static DateTime Today { get; }", func(f *Frame, _ []Value) (Value, error) { return dateValue(f.clock().Midnight()), nil }),
		m("DateTime Date { get; }", pure(func(a []Value) Value { return dateValue(dateOf(a[0]).Midnight()) })),
		m("DayOfWeek DayOfWeek { get; }", pure(func(a []Value) Value { return Value{dayOfWeekType, int64(dateOf(a[0]).DayOfWeek())} })),
		m("long Ticks { get; }", pure(func(a []Value) Value { return Long(dateOf(a[0]).Ticks()) })),
		m("TimeSpan TimeOfDay { get; }", pure(func(a []Value) Value { return spanValue(dateOf(a[0]).TimeOfDay()) })),
		m("DateTime Add(TimeSpan value)", addSpan), m("DateTime Subtract(TimeSpan value)", subtractSpan),
		m("TimeSpan Subtract(DateTime value)", dateDifference),
		m("static DateTime operator +(DateTime d, TimeSpan t)", addSpan), m("static DateTime operator -(DateTime d, TimeSpan t)", subtractSpan),
		m("static TimeSpan operator -(DateTime d1, DateTime d2)", dateDifference),
		m("DateTime AddTicks(long value)", func(_ *Frame, a []Value) (Value, error) { return dateOr(dateOf(a[0]).AddTicks(a[1].n)) }),
		m("DateTime AddMonths(int months)", func(_ *Frame, a []Value) (Value, error) { return dateOr(dateOf(a[0]).AddMonths(int(a[1].n))) }),
		m("DateTime AddYears(int value)", func(_ *Frame, a []Value) (Value, error) { return dateOr(dateOf(a[0]).AddYears(int(a[1].n))) }),
		m("static int DaysInMonth(int year, int month)", func(_ *Frame, a []Value) (Value, error) { return intOr(dotnet.DaysInMonth(int(a[0].n), int(a[1].n))) }),
		m("static bool IsLeapYear(int year)", func(_ *Frame, a []Value) (Value, error) {
			leap, err := dotnet.IsLeapYear(int(a[0].n))
			return Bool(leap), err
		}),
		m("bool IsDaylightSavingTime()", zeroArgs(Bool(false), nil)),
		m("static DateTime Parse(string s)", parse), m("static DateTime Parse(string s, IFormatProvider provider)", parse),
		m("string ToString()", pure(func(a []Value) Value { return String(dateOf(a[0]).String()) })),
		m("int GetHashCode()", pure(func(a []Value) Value { return hashOf(dateOf(a[0]).Ticks()) })),
		m("bool Equals(object value)", pure(func(a []Value) Value {
			return Bool(a[1].ref == dateTimeType && dateOf(a[0]).Cmp(dateOf(a[1])) == 0)
		})),
	}
	for name, ticks := range addUnits {
		list = append(list, m("DateTime "+name+"(double value)", func(_ *Frame, a []Value) (Value, error) { return dateOr(dateOf(a[0]).AddUnits(a[1].Float(), ticks)) }))
	}
	for name, get := range clockParts {
		list = append(list, m("int "+name+" { get; }", pure(func(a []Value) Value { return Int(get(dateOf(a[0]))) })))
	}
	list = append(list, formatted(func(v Value, format string) (string, error) { return dateOf(v).Format(format) })...)
	return append(list, comparisons("DateTime", false, func(a, b Value) int { return dateOf(a).Cmp(dateOf(b)) })...)
}

func hashOf(ticks int64) Value { return Int(int(int32(ticks) ^ int32(ticks>>32))) }

func addSpan(_ *Frame, a []Value) (Value, error) { return dateOr(dateOf(a[0]).Add(spanOf(a[1]))) }
func subtractSpan(_ *Frame, a []Value) (Value, error) {
	return dateOr(dateOf(a[0]).Subtract(spanOf(a[1])))
}
func dateDifference(_ *Frame, a []Value) (Value, error) {
	return spanValue(dateOf(a[0]).Sub(dateOf(a[1]))), nil
}

func timeSpanMembers() members {
	construct := func(_ *Frame, a []Value) (Value, error) {
		var parts [6]int64
		at := 0
		if len(a) == 3 {
			at = 1
		}
		for _, v := range a {
			parts[at] = v.n
			at++
		}
		return spanOr(dotnet.NewTimeSpan(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5]))
	}
	parse := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "s")
		if err != nil {
			return Null, err
		}
		return spanOr(dotnet.ParseTimeSpan(s))
	}
	exact := func(_ *Frame, a []Value) (Value, error) {
		s, err := given(a[0], "input")
		if err != nil {
			return Null, err
		}
		format, err := given(a[1], "format")
		if err != nil {
			return Null, err
		}
		return spanOr(dotnet.ParseTimeSpanExact(s, format))
	}
	zero := func() Value { return spanValue(0) }
	two := func(op func(a, b dotnet.TimeSpan) (dotnet.TimeSpan, error)) Func {
		return func(_ *Frame, a []Value) (Value, error) { return spanOr(op(spanOf(a[0]), spanOf(a[1]))) }
	}
	one := func(op func(a dotnet.TimeSpan) (dotnet.TimeSpan, error)) Func {
		return func(_ *Frame, a []Value) (Value, error) { return spanOr(op(spanOf(a[0]))) }
	}
	multiply := func(_ *Frame, a []Value) (Value, error) { return spanOr(spanOf(a[0]).Multiply(a[1].Float())) }
	divide := func(_ *Frame, a []Value) (Value, error) { return spanOr(spanOf(a[0]).Divide(a[1].Float())) }
	ratio := pure(func(a []Value) Value { return Double(float64(a[0].n) / float64(a[1].n)) })
	list := members{
		c("const long NanosecondsPerTick", Long(100)), c("const long TicksPerMicrosecond", Long(dotnet.TicksPerMicrosecond)), c("const long TicksPerMillisecond", Long(dotnet.TicksPerMillisecond)),
		c("const long TicksPerSecond", Long(dotnet.TicksPerSecond)), c("const long TicksPerMinute", Long(dotnet.TicksPerMinute)), c("const long TicksPerHour", Long(dotnet.TicksPerHour)),
		c("const long TicksPerDay", Long(dotnet.TicksPerDay)),
		m("static TimeSpan Zero { get; }", zeroArgs(spanValue(0), nil)), m("static TimeSpan MinValue { get; }", zeroArgs(spanValue(dotnet.MinTimeSpan), nil)),
		m("static TimeSpan MaxValue { get; }", zeroArgs(spanValue(dotnet.MaxTimeSpan), nil)),
		m("TimeSpan(long ticks)", pure(func(a []Value) Value { return spanValue(dotnet.TimeSpan(a[0].n)) })),
		m("TimeSpan(int hours, int minutes, int seconds)", construct), m("TimeSpan(int days, int hours, int minutes, int seconds)", construct),
		m("TimeSpan(int days, int hours, int minutes, int seconds, int milliseconds)", construct),
		m("TimeSpan(int days, int hours, int minutes, int seconds, int milliseconds, int microseconds)", construct),
		m("static TimeSpan FromTicks(long value)", pure(func(a []Value) Value { return spanValue(dotnet.TimeSpan(a[0].n)) })),
		m("long Ticks { get; }", pure(func(a []Value) Value { return Long(a[0].n) })),
		m("double TotalMilliseconds { get; }", pure(func(a []Value) Value { return Double(spanOf(a[0]).TotalMilliseconds()) })),
		m("double TotalNanoseconds { get; }", pure(func(a []Value) Value { return Double(float64(a[0].n) * 100) })),
		m("TimeSpan Add(TimeSpan ts)", two(dotnet.TimeSpan.Add)), m("TimeSpan Subtract(TimeSpan ts)", two(dotnet.TimeSpan.Sub)), m("TimeSpan Negate()", one(dotnet.TimeSpan.Neg)),
		m("TimeSpan Duration()", one(dotnet.TimeSpan.Duration)), m("TimeSpan Multiply(double factor)", multiply), m("TimeSpan Divide(double divisor)", divide), m("double Divide(TimeSpan ts)", ratio),
		m("static TimeSpan operator +(TimeSpan t1, TimeSpan t2)", two(dotnet.TimeSpan.Add)), m("static TimeSpan operator -(TimeSpan t1, TimeSpan t2)", two(dotnet.TimeSpan.Sub)),
		m("static TimeSpan operator -(TimeSpan t)", one(dotnet.TimeSpan.Neg)), m("static TimeSpan operator +(TimeSpan t)", pure(func(a []Value) Value { return a[0] })),
		m("static TimeSpan operator *(TimeSpan timeSpan, double factor)", multiply),
		m("static TimeSpan operator *(double factor, TimeSpan timeSpan)", func(f *Frame, a []Value) (Value, error) { return multiply(f, []Value{a[1], a[0]}) }),
		m("static TimeSpan operator /(TimeSpan timeSpan, double divisor)", divide), m("static double operator /(TimeSpan t1, TimeSpan t2)", ratio),
		m("static TimeSpan Parse(string s)", parse), m("static TimeSpan Parse(string input, IFormatProvider formatProvider)", parse),
		m("static bool TryParse(string s, out TimeSpan result)", tried(parse, zero)), m("static bool TryParse(string input, IFormatProvider formatProvider, out TimeSpan result)", tried(parse, zero)),
		m("static TimeSpan ParseExact(string input, string format, IFormatProvider formatProvider)", exact),
		m("static bool TryParseExact(string input, string format, IFormatProvider formatProvider, out TimeSpan result)", tried(exact, zero)),
		m("string ToString()", pure(func(a []Value) Value { return String(spanOf(a[0]).String()) })),
		m("int GetHashCode()", pure(func(a []Value) Value { return hashOf(a[0].n) })),
		comparedTo("TimeSpan"),
	}
	for name, ticks := range map[string]int64{"Days": dotnet.TicksPerDay, "Hours": dotnet.TicksPerHour, "Minutes": dotnet.TicksPerMinute, "Seconds": dotnet.TicksPerSecond, "Microseconds": dotnet.TicksPerMicrosecond, "Milliseconds": dotnet.TicksPerMillisecond} {
		list = append(list, m("static TimeSpan From"+name+"(double value)", func(_ *Frame, a []Value) (Value, error) { return spanOr(dotnet.SpanOf(a[0].Float(), ticks)) }))
		if name != "Milliseconds" {
			list = append(list, m("double Total"+name+" { get; }", pure(func(a []Value) Value { return Double(spanOf(a[0]).Total(ticks)) })))
		}
	}
	for name, get := range map[string]func(t dotnet.TimeSpan) int32{"Days": dotnet.TimeSpan.Days, "Hours": dotnet.TimeSpan.Hours, "Minutes": dotnet.TimeSpan.Minutes, "Seconds": dotnet.TimeSpan.Seconds,
		"Milliseconds": dotnet.TimeSpan.Milliseconds, "Microseconds": dotnet.TimeSpan.Microseconds, "Nanoseconds": dotnet.TimeSpan.Nanoseconds} {
		list = append(list, m("int "+name+" { get; }", pure(func(a []Value) Value { return Int(int(get(spanOf(a[0])))) })))
	}
	list = append(list, formatted(func(v Value, format string) (string, error) { return spanOf(v).Format(format) })...)
	return append(list, comparisons("TimeSpan", true, func(a, b Value) int {
		switch {
		case a.n < b.n:
			return -1
		case a.n > b.n:
			return 1
		}
		return 0
	})...)
}
