package dotnet

import (
	"math"
	"time"
)

// DateTimeKind is System.DateTimeKind. Local time is UTC here.
type DateTimeKind int

// The kinds.
const (
	Unspecified DateTimeKind = iota
	Utc
	Local
)

// DateTime is System.DateTime as .NET keeps it: ticks since 0001-01-01 in the low 62 bits, the kind in the high two. The zero
// DateTime is MinValue. Compare instants with Ticks, not with ==.
type DateTime uint64

const (
	ticksMask     = 1<<62 - 1
	maxTicks      = 3155378975999999999
	unixEpoch     = 621355968000000000 // ticks at 1970-01-01
	daysPer400    = 146097
	MaxDateTime   = DateTime(maxTicks)
	MinDateTime   = DateTime(0)
	UnixDateTime  = DateTime(unixEpoch | Utc<<62)
	maxUnixSecond = 253402300799
	minUnixSecond = -62135596800
)

// Now is DateTime.UtcNow or, with Local, DateTime.Now.
func Now(kind DateTimeKind) DateTime { return OfTime(time.Now(), kind) }

// OfTime converts an instant of Go's. Instants before year 1 and after 9999 become the ends of the type.
func OfTime(t time.Time, kind DateTimeKind) DateTime {
	t = t.UTC()
	if s := t.Unix(); s > maxUnixSecond {
		return MaxDateTime.WithKind(kind)
	} else if s < minUnixSecond {
		return MinDateTime.WithKind(kind)
	}
	return DateTime(unixEpoch + t.Unix()*TicksPerSecond + int64(t.Nanosecond()/100)).WithKind(kind)
}

// Time converts to an instant of Go's in UTC.
func (d DateTime) Time() time.Time {
	ticks := d.Ticks() - unixEpoch
	seconds := ticks / TicksPerSecond
	return time.Unix(seconds, (ticks-seconds*TicksPerSecond)*100).UTC()
}

// Ticks are counted from 0001-01-01.
func (d DateTime) Ticks() int64 { return int64(d & ticksMask) }

// Kind is the Kind property.
func (d DateTime) Kind() DateTimeKind { return DateTimeKind(min(d>>62, 2)) }

// WithKind is DateTime.SpecifyKind.
func (d DateTime) WithKind(kind DateTimeKind) DateTime { return d&ticksMask | DateTime(kind)<<62 }

// Cmp compares ticks.
func (d DateTime) Cmp(e DateTime) int {
	switch a, b := d.Ticks(), e.Ticks(); {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// DateTimeOfTicks is new DateTime(ticks, kind).
func DateTimeOfTicks(ticks int64, kind DateTimeKind) (DateTime, error) {
	if ticks < 0 || ticks > maxTicks {
		return 0, OutOfRange("Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.", "ticks")
	}
	if kind < Unspecified || kind > Local {
		return 0, Argument("Invalid DateTimeKind value.", "kind")
	}
	return DateTime(ticks).WithKind(kind), nil
}

// NewDateTime is new DateTime(year, month, day, hour, minute, second, millisecond, kind).
func NewDateTime(year, month, day, hour, minute, second, millisecond int, kind DateTimeKind) (DateTime, error) {
	if !validDate(year, month, day) {
		return 0, OutOfRange("Year, Month, and Day parameters describe an un-representable DateTime.", "")
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, OutOfRange("Hour, Minute, and Second parameters describe an un-representable DateTime.", "")
	}
	if millisecond < 0 || millisecond > 999 {
		return 0, OutOfRange("Valid values are between 0 and 999, inclusive.", "millisecond")
	}
	if kind < Unspecified || kind > Local {
		return 0, Argument("Invalid DateTimeKind value.", "kind")
	}
	ticks := int64(dayNumber(year, month, day))*TicksPerDay + int64((hour*60+minute)*60+second)*TicksPerSecond + int64(millisecond)*TicksPerMillisecond
	return DateTime(ticks).WithKind(kind), nil
}

func validDate(year, month, day int) bool {
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= monthDays(year, month)
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func monthDays(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	}
	return 31
}

// DaysInMonth is DateTime.DaysInMonth.
func DaysInMonth(year, month int) (int, error) {
	if month < 1 || month > 12 {
		return 0, OutOfRange("Month must be between one and twelve.", "month")
	}
	if year < 1 || year > 9999 {
		return 0, OutOfRange("Year must be between 1 and 9999.", "year")
	}
	return monthDays(year, month), nil
}

// IsLeapYear is DateTime.IsLeapYear.
func IsLeapYear(year int) (bool, error) {
	if year < 1 || year > 9999 {
		return false, OutOfRange("Year must be between 1 and 9999.", "year")
	}
	return leap(year), nil
}

// dayNumber counts days from 0001-01-01. Years begin in March here, so that the leap day is the last one.
func dayNumber(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 306
}

// civil is the reverse of dayNumber.
func civil(days int) (year, month, day int) {
	z := days + 306
	era := z / daysPer400
	of := z - era*daysPer400
	y := (of - of/1460 + of/36524 - of/146096) / 365
	doy := of - (365*y + y/4 - y/100)
	m := (5*doy + 2) / 153
	day = doy - (153*m+2)/5 + 1
	year, month = y+era*400, m+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

// Date gives year, month and day.
func (d DateTime) Date() (year, month, day int) { return civil(int(d.Ticks() / TicksPerDay)) }

// Clock gives hour, minute and second.
func (d DateTime) Clock() (hour, minute, second int) {
	s := int(d.Ticks() / TicksPerSecond % 86400)
	return s / 3600, s / 60 % 60, s % 60
}

// Midnight is the Date property.
func (d DateTime) Midnight() DateTime {
	return d - DateTime(d.Ticks()%TicksPerDay)
}

// TimeOfDay is the TimeOfDay property.
func (d DateTime) TimeOfDay() TimeSpan { return TimeSpan(d.Ticks() % TicksPerDay) }

// Millisecond is the Millisecond property.
func (d DateTime) Millisecond() int { return int(d.Ticks() / TicksPerMillisecond % 1000) }

// DayOfWeek counts from Sunday, 0.
func (d DateTime) DayOfWeek() int { return int(d.Ticks()/TicksPerDay+1) % 7 }

// DayOfYear counts from 1.
func (d DateTime) DayOfYear() int {
	year, _, _ := d.Date()
	return int(d.Ticks()/TicksPerDay) - dayNumber(year, 1, 1) + 1
}

func unrepresentable(param string) *Exception {
	return OutOfRange("The added or subtracted value results in an un-representable DateTime.", param)
}

// AddTicks is d.AddTicks(n).
func (d DateTime) AddTicks(n int64) (DateTime, error) {
	ticks := d.Ticks()
	if n > maxTicks-ticks || n < -ticks {
		return 0, unrepresentable("value")
	}
	return DateTime(ticks + n).WithKind(d.Kind()), nil
}

// Add is d + t.
func (d DateTime) Add(t TimeSpan) (DateTime, error) { return d.AddTicks(int64(t)) }

// Subtract is d - t.
func (d DateTime) Subtract(t TimeSpan) (DateTime, error) {
	if t == MinTimeSpan {
		return 0, unrepresentable("value")
	}
	return d.AddTicks(-int64(t))
}

// Sub is d - e.
func (d DateTime) Sub(e DateTime) TimeSpan { return TimeSpan(d.Ticks() - e.Ticks()) }

// AddUnits is AddDays, AddHours and so on: ticks, since .NET 7 not rounded to milliseconds.
func (d DateTime) AddUnits(n float64, ticksPerUnit int64) (DateTime, error) {
	if math.Abs(n) > float64(maxTicks/ticksPerUnit) || math.IsNaN(n) {
		return 0, OutOfRange("Value to add was out of range.", "value")
	}
	whole := math.Trunc(n)
	return d.AddTicks(int64(whole)*ticksPerUnit + int64((n-whole)*float64(ticksPerUnit)))
}

// AddMonths is d.AddMonths(n); the day is held within the new month.
func (d DateTime) AddMonths(n int) (DateTime, error) {
	if n < -120000 || n > 120000 {
		return 0, OutOfRange("Months value must be between +/-120000.", "months")
	}
	year, month, day := d.Date()
	m := year*12 + month - 1 + n
	year, month = m/12, m%12+1
	if m < 12 || year > 9999 {
		return 0, unrepresentable("months")
	}
	day = min(day, monthDays(year, month))
	ticks := int64(dayNumber(year, month, day))*TicksPerDay + d.Ticks()%TicksPerDay
	return DateTime(ticks).WithKind(d.Kind()), nil
}

// AddYears is d.AddYears(n).
func (d DateTime) AddYears(n int) (DateTime, error) {
	if n < -10000 || n > 10000 {
		return 0, OutOfRange("Years value must be between +/-10000.", "years")
	}
	sum, err := d.AddMonths(n * 12)
	if err != nil {
		return 0, unrepresentable("value")
	}
	return sum, nil
}

// DateTimeOffset is System.DateTimeOffset: an instant, and the offset of the clock that showed it.
type DateTimeOffset struct {
	utc    int64 // ticks
	offset int16 // minutes
}

// The ends of the type.
var (
	MaxDateTimeOffset  = DateTimeOffset{utc: maxTicks}
	MinDateTimeOffset  = DateTimeOffset{}
	UnixDateTimeOffset = DateTimeOffset{utc: unixEpoch}
)

// NewDateTimeOffset is new DateTimeOffset(clock, offset).
func NewDateTimeOffset(clock DateTime, offset TimeSpan) (DateTimeOffset, error) {
	if offset%TicksPerMinute != 0 {
		return DateTimeOffset{}, Argument("Offset must be specified in whole minutes.", "offset")
	}
	if offset > 14*TicksPerHour || offset < -14*TicksPerHour {
		return DateTimeOffset{}, OutOfRange("Offset must be within plus or minus 14 hours.", "offset")
	}
	if offset != 0 && clock.Kind() == Utc {
		return DateTimeOffset{}, Argument("The UTC Offset for Utc DateTime instances must be 0.", "offset")
	}
	if offset != 0 && clock.Kind() == Local {
		return DateTimeOffset{}, Argument("The UTC Offset of the local dateTime parameter does not match the offset argument.", "offset")
	}
	utc := clock.Ticks() - int64(offset)
	if utc < 0 || utc > maxTicks {
		return DateTimeOffset{}, OutOfRange("The UTC time represented when the offset is applied must be between year 0 and 10,000.", "offset")
	}
	return DateTimeOffset{utc, int16(offset / TicksPerMinute)}, nil
}

// OffsetOf is the implicit conversion of a DateTime; every local clock shows UTC.
func OffsetOf(d DateTime) DateTimeOffset { return DateTimeOffset{utc: d.Ticks()} }

// FromUnixTime is FromUnixTimeSeconds or FromUnixTimeMilliseconds.
func FromUnixTime(n int64, ticksPerUnit int64) (DateTimeOffset, error) {
	least, most := int64(minUnixSecond)*(TicksPerSecond/ticksPerUnit), int64(maxUnixSecond)*(TicksPerSecond/ticksPerUnit)+TicksPerSecond/ticksPerUnit-1
	if n < least || n > most {
		param := "seconds"
		if ticksPerUnit == TicksPerMillisecond {
			param = "milliseconds"
		}
		return DateTimeOffset{}, NewException(ArgumentOutOfRangeException, "Valid values are between %d and %d, inclusive. (Parameter '%s')", least, most, param)
	}
	return DateTimeOffset{utc: unixEpoch + n*ticksPerUnit}, nil
}

// UnixTime is ToUnixTimeSeconds or ToUnixTimeMilliseconds, rounded down.
func (o DateTimeOffset) UnixTime(ticksPerUnit int64) int64 {
	return o.utc/ticksPerUnit - unixEpoch/ticksPerUnit
}

// Offset is the Offset property.
func (o DateTimeOffset) Offset() TimeSpan { return TimeSpan(o.offset) * TicksPerMinute }

// Clock is the DateTime property: what the clock showed, of kind Unspecified.
func (o DateTimeOffset) Clock() DateTime { return DateTime(o.utc + int64(o.Offset())) }

// UTC is the UtcDateTime property.
func (o DateTimeOffset) UTC() DateTime { return DateTime(o.utc).WithKind(Utc) }

// Local is the LocalDateTime property.
func (o DateTimeOffset) Local() DateTime { return DateTime(o.utc).WithKind(Local) }

// WithClock keeps the offset and changes the clock, as the Add methods do.
func (o DateTimeOffset) WithClock(d DateTime, err error) (DateTimeOffset, error) {
	if err != nil {
		return DateTimeOffset{}, err
	}
	return NewDateTimeOffset(d.WithKind(Unspecified), o.Offset())
}

// ToOffset is o.ToOffset(offset): the same instant on another clock.
func (o DateTimeOffset) ToOffset(offset TimeSpan) (DateTimeOffset, error) {
	clock, err := DateTime(o.utc).AddTicks(int64(offset))
	if err != nil {
		return DateTimeOffset{}, OutOfRange("The UTC time represented when the offset is applied must be between year 0 and 10,000.", "offset")
	}
	return NewDateTimeOffset(clock, offset)
}

// Cmp compares instants.
func (o DateTimeOffset) Cmp(p DateTimeOffset) int { return DateTime(o.utc).Cmp(DateTime(p.utc)) }

// Sub is o - p.
func (o DateTimeOffset) Sub(p DateTimeOffset) TimeSpan { return TimeSpan(o.utc - p.utc) }
