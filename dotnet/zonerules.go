package dotnet

import (
	"slices"
	"strings"
)

// TransitionTime is TimeZoneInfo.TransitionTime: a time of day on a date of each year, or on a weekday of a month.
type TransitionTime struct {
	Fixed     bool
	At        TimeSpan // of the day
	Month     int
	Week, Day int // Week is 5 for the last one
	DayOfWeek int
}

// NewTransitionTime is CreateFixedDateRule and CreateFloatingDateRule.
func NewTransitionTime(at DateTime, t TransitionTime) (TransitionTime, error) {
	switch {
	case at.Kind() != Unspecified:
		return t, Argument("The supplied DateTime must have the Kind property set to DateTimeKind.Unspecified.", "timeOfDay")
	case t.Month < 1 || t.Month > 12:
		return t, OutOfRange("The Month parameter must be in the range 1 through 12.", "month")
	case t.Fixed && (t.Day < 1 || t.Day > 31):
		return t, OutOfRange("The Day parameter must be in the range 1 through 31.", "day")
	case !t.Fixed && (t.Week < 1 || t.Week > 5):
		return t, OutOfRange("The Week parameter must be in the range 1 through 5.", "week")
	case !t.Fixed && (t.DayOfWeek < 0 || t.DayOfWeek > 6):
		return t, OutOfRange("The DayOfWeek enumeration must be in the range 0 through 6.", "dayOfWeek")
	case at.Ticks() >= TicksPerDay || at.Ticks()%TicksPerMillisecond != 0:
		return t, Argument("The supplied DateTime must have the Year, Month, and Day properties set to 1.  The time cannot be specified more precisely than whole milliseconds.", "timeOfDay")
	}
	t.At = TimeSpan(at.Ticks())
	if t.Fixed {
		t.Week = 1
	} else {
		t.Day = 1
	}
	return t, nil
}

// in is when the transition happens in a year, on the zone's clock.
func (t TransitionTime) in(year int) int64 {
	days, _ := DaysInMonth(year, t.Month)
	day := min(t.Day, days)
	if !t.Fixed {
		first, _ := NewDateTime(year, t.Month, 1, 0, 0, 0, 0, Unspecified)
		day = 1 + (t.DayOfWeek-first.DayOfWeek()+7)%7 + 7*(t.Week-1)
		for day > days {
			day -= 7
		}
	}
	d, _ := NewDateTime(year, t.Month, day, 0, 0, 0, 0, Unspecified)
	return d.Ticks() + int64(t.At)
}

// AdjustmentRule is TimeZoneInfo.AdjustmentRule: from when to when clocks are put forward, in the years between two dates.
type AdjustmentRule struct {
	From, To   DateTime // dates
	Delta      TimeSpan
	Start, End TransitionTime
}

// NewAdjustmentRule is CreateAdjustmentRule.
func NewAdjustmentRule(r AdjustmentRule) (AdjustmentRule, error) {
	switch {
	case r.From.Kind() == Local || r.To.Kind() == Local:
		return r, Argument("The supplied DateTime must have the Kind property set to DateTimeKind.Unspecified or DateTimeKind.Utc.", "dateStart")
	case r.From.Ticks() > r.To.Ticks():
		return r, Argument("The DateStart property must come before the DateEnd property.", "dateStart")
	case r.Delta > 14*TicksPerHour || r.Delta < -23*TicksPerHour:
		return r, OutOfRange("The TimeSpan parameter must be within plus or minus 14.0 hours.", "daylightDelta")
	case r.Delta%TicksPerMinute != 0:
		return r, Argument("The TimeSpan parameter cannot be specified more precisely than whole minutes.", "daylightDelta")
	case r.From.TimeOfDay() != 0 || r.To.TimeOfDay() != 0 && r.To.Ticks() != MaxDateTime.Ticks():
		return r, Argument("The supplied DateTime includes a TimeOfDay setting.   This is not supported.", "dateStart")
	case r.Start == r.End:
		return r, Argument("The DaylightTransitionStart property must not equal the DaylightTransitionEnd property.", "daylightTransitionEnd")
	}
	return r, nil
}

// RuledZone is CreateCustomTimeZone with daylight saving time.
func RuledZone(id string, offset TimeSpan, display, standard, daylight string, rules []AdjustmentRule) (*TimeZone, error) {
	z, err := CustomZone(id, offset, display, standard)
	if err != nil {
		return nil, err
	}
	for i := 1; i < len(rules); i++ {
		if rules[i].From.Ticks() <= rules[i-1].To.Ticks() {
			return nil, NewException("System.InvalidTimeZoneException", "The elements of the AdjustmentRule array must be in chronological order and must not overlap.")
		}
	}
	z.base, z.rules = offset, rules
	if len(rules) > 0 {
		z.Daylight = daylight
	}
	return z, nil
}

// Rules is GetAdjustmentRules of a zone that a program made; false for those of the system.
func (z *TimeZone) Rules() ([]AdjustmentRule, bool) { return z.rules, z.place == nil }

// ruled is offsetAt of a zone with rules of its own.
func (z *TimeZone) ruled(utc int64) (TimeSpan, bool) {
	clock := DateTime(min(max(utc+int64(z.base), 0), maxTicks))
	for _, r := range z.rules {
		if clock.Midnight().Ticks() < r.From.Ticks() || clock.Midnight().Ticks() > r.To.Midnight().Ticks() {
			continue
		}
		year, _, _ := clock.Date()
		start, end := r.Start.in(year), r.End.in(year)-int64(r.Delta) // on the standard clock
		in := start <= clock.Ticks() && clock.Ticks() < end
		if start > end { // the summer of the south is around new year
			in = clock.Ticks() >= start || clock.Ticks() < end
		}
		if in {
			return z.base + r.Delta, true
		}
		return z.base, false
	}
	return z.base, false
}

// SystemZones are the zones of GetSystemTimeZones, by Windows' ids.
func SystemZones(now DateTime) []*TimeZone {
	var list []*TimeZone
	for _, id := range sortedZoneIDs() {
		if z, err := FindTimeZone(id, now); err == nil {
			list = append(list, z)
		}
	}
	return list
}

// WindowsZone is TryConvertIanaIdToWindowsId, IanaZone TryConvertWindowsIdToIanaId.
func WindowsZone(iana string) (string, bool) {
	for _, id := range sortedZoneIDs() {
		if z := zoneIDs[strings.ToLower(id)]; strings.EqualFold(z.iana, iana) {
			return z.id, true
		}
	}
	return "", false
}

// IanaZone is the IANA zone of a Windows id.
func IanaZone(windows string) (string, bool) {
	z, ok := zoneIDs[strings.ToLower(windows)]
	return z.iana, ok
}

func sortedZoneIDs() []string {
	var ids []string
	for _, z := range zoneIDs {
		ids = append(ids, z.id)
	}
	slices.Sort(ids)
	return ids
}
