package expr

import "gatehouse/dotnet"

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

var zoneDecls = []Decl{
	{Head: "class System.TimeZoneInfo", Type: zoneType, Refused: "GetSystemTimeZones ClearCachedData FromSerializedString ToSerializedString CreateCustomTimeZone GetAdjustmentRules", Members: members{
		m("static TimeZoneInfo Utc { get; }", theUTC), m("static TimeZoneInfo Local { get; }", theUTC), m("static TimeZoneInfo FindSystemTimeZoneById(string id)", findZone),
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
		m("TimeSpan GetUtcOffset(DateTime dateTime)", func(_ *Frame, a []Value) (Value, error) {
			return spanValue(a[0].ref.(*Zone).of.Offset(dateOf(a[1]))), nil
		}),
		m("bool IsDaylightSavingTime(DateTime dateTime)", func(_ *Frame, a []Value) (Value, error) {
			return Bool(a[0].ref.(*Zone).of.IsDaylight(dateOf(a[1]))), nil
		}),
		m("TimeSpan BaseUtcOffset { get; }", func(f *Frame, a []Value) (Value, error) {
			return spanValue(a[0].ref.(*Zone).of.BaseOffset(f.clock())), nil
		}),
		m("bool SupportsDaylightSavingTime { get; }", func(f *Frame, a []Value) (Value, error) {
			return Bool(a[0].ref.(*Zone).of.SupportsDaylight(f.clock())), nil
		}),
		m("string Id { get; }", func(_ *Frame, a []Value) (Value, error) { return String(a[0].ref.(*Zone).of.ID), nil }),
	}},
}
