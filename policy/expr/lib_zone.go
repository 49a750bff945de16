package expr

import (
	"strings"

	"gatehouse/dotnet"
)

// System.TimeZoneInfo; the local zone is UTC.

var zoneType = new(Type)

// Zone is a TimeZoneInfo; it does not change.
type Zone struct{ of *dotnet.TimeZone }

func (*Zone) dotnetType() *Type { return zoneType }

func zoneOf(f *Frame, v Value, param string) (*dotnet.TimeZone, error) {
	if z, ok := v.ref.(*Zone); ok {
		return z.of, nil
	}
	if v.IsString() {
		return dotnet.FindTimeZone(v.Str(), f.clock())
	}
	return nil, dotnet.ArgumentNull(param)
}

func findZone(f *Frame, a []Value) (Value, error) {
	z, err := zoneOf(f, a[0], "id")
	if err != nil {
		return Null, err
	}
	return Value{&Zone{z}, 0}, nil
}

func theUTC(f *Frame, _ []Value) (Value, error) { return findZone(f, []Value{String("UTC")}) }

// converted makes ConvertTime: a time, then the zones from and to, or to alone.
func converted(f *Frame, a []Value) (Value, error) {
	utc, err := dotnet.FindTimeZone("UTC", f.clock())
	if err != nil {
		return Null, err
	}
	from := utc
	if len(a) > 2 {
		if from, err = zoneOf(f, a[1], "sourceTimeZone"); err != nil {
			return Null, err
		}
	}
	to, err := zoneOf(f, a[len(a)-1], "destinationTimeZone")
	if err != nil {
		return Null, err
	}
	if _, ok := a[0].ref.(*dotnet.DateTimeOffset); ok {
		return offsetOr(dotnet.ConvertOffset(offsetOf(a[0]), to))
	}
	return dateOr(dotnet.Convert(dateOf(a[0]), from, to))
}

// withZone makes a member of a TimeZoneInfo.
func withZone(get func(f *Frame, z *dotnet.TimeZone, a []Value) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) { return get(f, a[0].ref.(*Zone).of, a) }
}

// zoneText makes a property that is a text.
func zoneText(get func(z *dotnet.TimeZone) string) Func {
	return of(func(z *Zone) Value { return String(get(z.of)) })
}

// atTime makes a member that says something of a zone at a time, which is a DateTime or a DateTimeOffset.
func atTime(atClock func(z *dotnet.TimeZone, d dotnet.DateTime) Value) Func {
	return withZone(func(_ *Frame, z *dotnet.TimeZone, a []Value) (Value, error) {
		d := dateOf(a[1])
		if o, ok := a[1].ref.(*dotnet.DateTimeOffset); ok {
			d = o.UTC().WithKind(dotnet.Utc)
		}
		return atClock(z, d), nil
	})
}

func zoneOffset(z *dotnet.TimeZone, d dotnet.DateTime) Value { return spanValue(z.Offset(d)) }
func zoneSummer(z *dotnet.TimeZone, d dotnet.DateTime) Value { return Bool(z.IsDaylight(d)) }

// ambiguousOffsets lists the offsets that a time may have when clocks are put back.
func ambiguousOffsets(_ *Frame, z *dotnet.TimeZone, a []Value) (Value, error) {
	offsets := z.AmbiguousOffsets(dateOf(a[1]))
	if len(offsets) < 2 {
		return Null, dotnet.Argument("The supplied DateTime is not in an ambiguous time range.", "dateTime")
	}
	list := make([]Value, len(offsets))
	for i, o := range offsets {
		list[i] = spanValue(o)
	}
	return arrayFrom(timeSpanType, list), nil
}

// customZone makes a zone of a program's own: id, offset, names, and then rules.
func customZone(_ *Frame, a []Value) (Value, error) {
	var rules []dotnet.AdjustmentRule
	daylight := a[3].Str()
	if len(a) > 5 {
		daylight = a[4].Str()
		list, _ := elements(a[5])
		for _, v := range list {
			r, ok := v.ref.(*zoneRule)
			if !ok {
				return Null, throw("System.InvalidTimeZoneException", "The AdjustmentRule array cannot contain null elements.")
			}
			rules = append(rules, r.AdjustmentRule)
		}
	}
	if len(a) > 6 && a[6].Bool() {
		rules = nil
	}
	id, err := given(a[0], "id")
	if err != nil {
		return Null, err
	}
	z, err := dotnet.RuledZone(id, spanOf(a[1]), a[2].Str(), a[3].Str(), daylight, rules)
	if err != nil {
		return Null, err
	}
	return Value{&Zone{z}, 0}, nil
}

// zoneRules is GetAdjustmentRules. Those of the system's zones are a matter of the platform: .NET has other ones on Windows than on
// Linux.
func zoneRules(_ *Frame, z *dotnet.TimeZone, _ []Value) (Value, error) {
	rules, ok := z.Rules()
	if !ok {
		return Null, throw(dotnet.NotSupportedException, "The adjustment rules of system time zones are not available.")
	}
	list := make([]Value, len(rules))
	for i, r := range rules {
		list[i] = Value{&zoneRule{r}, 0}
	}
	return arrayFrom(ruleType, list), nil
}

func systemZones(f *Frame, _ []Value) (Value, error) {
	zones := dotnet.SystemZones(f.clock())
	list := make([]Value, len(zones))
	for i, z := range zones {
		list[i] = Value{&Zone{z}, 0}
	}
	if err := f.Step(len(list) * 20); err != nil {
		return Null, err
	}
	return arrayFrom(zoneType, list), f.Spend(len(list) * 100)
}

// zoneNamed makes TryConvertIanaIdToWindowsId and its counterpart.
func zoneNamed(find func(id string) (string, bool)) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		id, ok := find(a[0].Str())
		a[1] = Null
		if ok {
			a[1] = String(id)
		}
		return Bool(ok), nil
	}
}

func sameZone(_ *Frame, z *dotnet.TimeZone, a []Value) (Value, error) {
	y, ok := a[1].ref.(*Zone)
	return Bool(ok && strings.EqualFold(z.ID, y.of.ID) && z.SameRules(y.of)), nil
}

var zoneDecls = append([]Decl{
	{Head: "class System.TimeZoneInfo : IEquatable<TimeZoneInfo>", Type: zoneType, Refused: "FromSerializedString ToSerializedString", Members: append(zoneConversions(), zoneMembers()...)},
}, ruleDecls...)

// zoneConversions are the static members of TimeZoneInfo.
func zoneConversions() members {
	return members{
		m("static TimeZoneInfo Utc { get; }", theUTC), m("static TimeZoneInfo Local { get; }", theUTC), m("static TimeZoneInfo FindSystemTimeZoneById(string id)", findZone),
		m("static bool TryFindSystemTimeZoneById(string id, out TimeZoneInfo timeZoneInfo)", tried(findZone, func() Value { return Null })),
		m("static DateTime ConvertTimeToUtc(DateTime dateTime)", func(f *Frame, a []Value) (Value, error) {
			return dateValue(dateOf(a[0]).WithKind(dotnet.Utc)), nil
		}),
		m("static DateTime ConvertTimeToUtc(DateTime dateTime, TimeZoneInfo sourceTimeZone)", func(f *Frame, a []Value) (Value, error) {
			z, err := zoneOf(f, a[1], "sourceTimeZone")
			if err != nil {
				return Null, err
			}
			return dateOr(z.ToUTC(dateOf(a[0])))
		}),
		m("static DateTime ConvertTimeFromUtc(DateTime dateTime, TimeZoneInfo destinationTimeZone)", func(f *Frame, a []Value) (Value, error) {
			z, err := zoneOf(f, a[1], "destinationTimeZone")
			if err != nil {
				return Null, err
			}
			return dateValue(z.FromUTC(dateOf(a[0]).Ticks())), nil
		}),
		m("static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo destinationTimeZone)", converted), m("static DateTime ConvertTime(DateTime dateTime, TimeZoneInfo sourceTimeZone, TimeZoneInfo destinationTimeZone)", converted),
		m("static DateTimeOffset ConvertTime(DateTimeOffset dateTimeOffset, TimeZoneInfo destinationTimeZone)", converted),
		m("static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string destinationTimeZoneId)", converted),
		m("static DateTime ConvertTimeBySystemTimeZoneId(DateTime dateTime, string sourceTimeZoneId, string destinationTimeZoneId)", converted),
		m("static DateTimeOffset ConvertTimeBySystemTimeZoneId(DateTimeOffset dateTimeOffset, string destinationTimeZoneId)", converted),
		m("static IReadOnlyList<TimeZoneInfo> GetSystemTimeZones()", systemZones), m("static void ClearCachedData()", nothingDone),
		m("static bool TryConvertIanaIdToWindowsId(string ianaId, out string windowsId)", zoneNamed(dotnet.WindowsZone)),
		m("static bool TryConvertWindowsIdToIanaId(string windowsId, out string ianaId)", zoneNamed(dotnet.IanaZone)),
		m("static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName)", customZone),
		m("static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, AdjustmentRule[] adjustmentRules)", customZone),
		m("static TimeZoneInfo CreateCustomTimeZone(string id, TimeSpan baseUtcOffset, string displayName, string standardDisplayName, string daylightDisplayName, AdjustmentRule[] adjustmentRules, bool disableDaylightSavingTime)", customZone),
	}
}

// zoneMembers are those of a zone.
func zoneMembers() members {
	return members{
		m("TimeSpan GetUtcOffset(DateTime dateTime)", atTime(zoneOffset)), m("TimeSpan GetUtcOffset(DateTimeOffset dateTimeOffset)", atTime(zoneOffset)),
		m("bool IsDaylightSavingTime(DateTime dateTime)", atTime(zoneSummer)), m("bool IsDaylightSavingTime(DateTimeOffset dateTimeOffset)", atTime(zoneSummer)),
		m("bool IsInvalidTime(DateTime dateTime)", atTime(func(z *dotnet.TimeZone, d dotnet.DateTime) Value { return Bool(z.IsInvalid(d)) })),
		m("bool IsAmbiguousTime(DateTime dateTime)", atTime(func(z *dotnet.TimeZone, d dotnet.DateTime) Value { return Bool(z.IsAmbiguous(d)) })),
		m("TimeSpan[] GetAmbiguousTimeOffsets(DateTime dateTime)", withZone(ambiguousOffsets)), m("AdjustmentRule[] GetAdjustmentRules()", withZone(zoneRules)),
		m("TimeSpan BaseUtcOffset { get; }", withZone(func(f *Frame, z *dotnet.TimeZone, _ []Value) (Value, error) {
			return spanValue(z.BaseOffset(f.clock())), nil
		})),
		m("bool SupportsDaylightSavingTime { get; }", withZone(func(f *Frame, z *dotnet.TimeZone, _ []Value) (Value, error) {
			return Bool(z.SupportsDaylight(f.clock())), nil
		})),
		m("string Id { get; }", zoneText(func(z *dotnet.TimeZone) string { return z.ID })), m("string StandardName { get; }", zoneText(func(z *dotnet.TimeZone) string { return z.Standard })),
		m("string DaylightName { get; }", zoneText(func(z *dotnet.TimeZone) string { return z.Daylight })),
		m("string DisplayName { get; }", zoneText(func(z *dotnet.TimeZone) string { return z.Display })), m("string ToString()", zoneText(func(z *dotnet.TimeZone) string { return z.Display })),
		m("bool HasIanaId { get; }", of(func(z *Zone) Value {
			_, windows := dotnet.IanaZone(z.of.ID)
			_, custom := z.of.Rules()
			return Bool(!windows && !custom)
		})),
		m("bool HasSameRules(TimeZoneInfo other)", withZone(func(f *Frame, z *dotnet.TimeZone, a []Value) (Value, error) {
			y, err := zoneOf(f, a[1], "other")
			return Bool(err == nil && z.SameRules(y)), err
		})),
		m("bool Equals(object obj)", withZone(sameZone)), m("bool Equals(TimeZoneInfo other)", withZone(sameZone)),
		m("int GetHashCode()", of(func(z *Zone) Value { return Int(int(dotnet.HashCode(strings.ToUpper(z.of.ID)))) })),
	}
}
