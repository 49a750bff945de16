package dotnet

import (
	_ "embed"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the binary carries the zones: an image without /usr/share/zoneinfo has them too
)

//go:embed windowszones.txt
var windowsZones string

// zoneID is a Windows id in .NET's spelling and its IANA zone.
type zoneID struct{ id, iana string }

var zoneIDs = func() map[string]zoneID {
	m := map[string]zoneID{}
	for line := range strings.Lines(windowsZones) {
		if id, iana, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && line[0] != '#' {
			m[strings.ToLower(id)] = zoneID{id, iana}
		}
	}
	return m
}()

// TimeZone is System.TimeZoneInfo.
type TimeZone struct {
	ID       string
	Display  string
	Standard string
	Daylight string
	place    *time.Location // nil: of base and rules
	base     TimeSpan
	rules    []AdjustmentRule
}

const utcName = "Coordinated Universal Time"

// The zone of UTC, and the one of this machine, which is UTC.
var (
	UTCZone   = &TimeZone{ID: "UTC", Display: "(UTC) " + utcName, Standard: utcName, Daylight: utcName, place: time.UTC}
	LocalZone = &TimeZone{ID: "UTC", Display: "(UTC) " + utcName, Standard: utcName, Daylight: utcName, place: time.UTC}
)

// FindTimeZone is TimeZoneInfo.FindSystemTimeZoneById, of Windows' and of IANA's ids.
func FindTimeZone(id string, now DateTime) (*TimeZone, error) {
	missing := NewException(TimeZoneNotFoundException, "The time zone ID '%s' was not found on the local computer.", id)
	zone, windows := zoneIDs[strings.ToLower(id)]
	if !windows {
		if id == "" || strings.EqualFold(id, "local") {
			return nil, missing
		}
		zone = zoneID{id, id}
	}
	if zone.id == "UTC" {
		return UTCZone, nil
	}
	place, err := time.LoadLocation(zone.iana)
	if err != nil {
		return nil, missing
	}
	z := &TimeZone{ID: zone.id, Standard: zone.id, Daylight: zone.id, place: place}
	if windows {
		z.Daylight = strings.Replace(zone.id, "Standard", "Daylight", 1)
	}
	z.Display = "(UTC" + (moment{offset: z.BaseOffset(now)}).zzz(3) + ") " + zone.id
	return z, nil
}

// CustomZone is TimeZoneInfo.CreateCustomTimeZone without daylight saving time.
func CustomZone(id string, offset TimeSpan, display, standard string) (*TimeZone, error) {
	switch {
	case id == "":
		return nil, Argument("The specified ID parameter '' is not supported.", "id")
	case offset%TicksPerMinute != 0:
		return nil, Argument("The TimeSpan parameter cannot be specified more precisely than whole minutes.", "baseUtcOffset")
	case offset > 14*TicksPerHour || offset < -14*TicksPerHour:
		return nil, OutOfRange("The TimeSpan parameter must be within plus or minus 14.0 hours.", "baseUtcOffset")
	}
	return &TimeZone{ID: id, Display: display, Standard: standard, Daylight: standard, base: offset}, nil
}

func (z *TimeZone) offsetAt(ticks int64) (TimeSpan, bool) {
	if z.place == nil {
		return z.ruled(ticks)
	}
	t := DateTime(min(max(ticks, 0), maxTicks)).Time().In(z.place)
	_, seconds := t.Zone()
	return TimeSpan(seconds/60) * TicksPerMinute, t.IsDST()
}

// BaseOffset is the BaseUtcOffset property: the offset that the zone has now, or will have when it is not daylight saving time.
func (z *TimeZone) BaseOffset(now DateTime) TimeSpan {
	if z.place == nil {
		return z.base
	}
	for month := range int64(12) {
		if offset, daylight := z.offsetAt(now.Ticks() + month*30*TicksPerDay); !daylight {
			return offset
		}
	}
	offset, _ := z.offsetAt(now.Ticks())
	return offset
}

// SupportsDaylight is the SupportsDaylightSavingTime property.
func (z *TimeZone) SupportsDaylight(now DateTime) bool {
	if z.place == nil {
		return len(z.rules) > 0
	}
	for month := range int64(12) {
		if _, daylight := z.offsetAt(now.Ticks() + month*30*TicksPerDay); daylight {
			return true
		}
	}
	return false
}

// readings are the offsets under which the zone's clocks can show a time: two when the clock is put back, none when it leaps over
// the time. Standard time comes first.
func (z *TimeZone) readings(ticks int64) []TimeSpan {
	var list []TimeSpan
	for _, around := range [2]int64{ticks - TicksPerDay, ticks + TicksPerDay} {
		o, _ := z.offsetAt(around)
		if at, daylight := z.offsetAt(ticks - int64(o)); at == o && (len(list) == 0 || list[0] != o) {
			if len(list) > 0 && !daylight {
				list = []TimeSpan{o, list[0]}
			} else {
				list = append(list, o)
			}
		}
	}
	return list
}

// instant is the UTC time that d means, if d is one for a zone: a Utc or Local time is UTC.
func (z *TimeZone) instant(d DateTime) (ticks int64, offset TimeSpan) {
	if d.Kind() != Unspecified {
		offset, _ = z.offsetAt(d.Ticks())
		return d.Ticks(), offset
	}
	if list := z.readings(d.Ticks()); len(list) > 0 {
		return d.Ticks() - int64(list[0]), list[0]
	}
	// In the gap .NET counts by standard time.
	before, daylight := z.offsetAt(d.Ticks() - TicksPerDay)
	if daylight {
		before, _ = z.offsetAt(d.Ticks() + TicksPerDay)
	}
	return d.Ticks() - int64(before), before
}

// Offset is z.GetUtcOffset(d).
func (z *TimeZone) Offset(d DateTime) TimeSpan {
	_, offset := z.instant(d)
	return offset
}

// OffsetAt is z.GetUtcOffset of an instant.
func (z *TimeZone) OffsetAt(o DateTimeOffset) TimeSpan {
	offset, _ := z.offsetAt(o.utc)
	return offset
}

// IsDaylight is z.IsDaylightSavingTime(d).
func (z *TimeZone) IsDaylight(d DateTime) bool {
	if d.Kind() == Unspecified && len(z.readings(d.Ticks())) == 0 {
		return false
	}
	ticks, _ := z.instant(d)
	_, daylight := z.offsetAt(ticks)
	return daylight
}

// IsInvalid is z.IsInvalidTime(d).
func (z *TimeZone) IsInvalid(d DateTime) bool {
	return d.Kind() == Unspecified && len(z.readings(d.Ticks())) == 0
}

// IsAmbiguous is z.IsAmbiguousTime(d).
func (z *TimeZone) IsAmbiguous(d DateTime) bool { return len(z.AmbiguousOffsets(d)) > 1 }

// AmbiguousOffsets are the offsets of z.GetAmbiguousTimeOffsets(d), the smaller first; not more than one means d is clear.
func (z *TimeZone) AmbiguousOffsets(d DateTime) []TimeSpan {
	if d.Kind() != Unspecified {
		return nil
	}
	list := z.readings(d.Ticks())
	if len(list) == 2 && list[0] > list[1] {
		list[0], list[1] = list[1], list[0]
	}
	return list
}

// ToUTC is TimeZoneInfo.ConvertTimeToUtc(d, z).
func (z *TimeZone) ToUTC(d DateTime) (DateTime, error) {
	switch {
	case d.Kind() == Utc && z != UTCZone, d.Kind() == Local && z != LocalZone:
		return 0, Argument("The conversion could not be completed because the supplied DateTime did not have the Kind property set correctly.  For example, when the Kind property is DateTimeKind.Local, the source time zone must be TimeZoneInfo.Local.", "sourceTimeZone")
	case z.IsInvalid(d):
		return 0, Argument("The supplied DateTime represents an invalid time.  For example, when the clock is adjusted forward, any time in the period that is skipped is invalid.", "dateTime")
	}
	ticks, _ := z.instant(d)
	return DateTime(min(max(ticks, 0), maxTicks)).WithKind(Utc), nil
}

// FromUTC is what the clocks of z show at an instant, of the kind that .NET gives it.
func (z *TimeZone) FromUTC(ticks int64) DateTime {
	offset, _ := z.offsetAt(ticks)
	d := DateTime(min(max(ticks+int64(offset), 0), maxTicks))
	switch z {
	case UTCZone:
		return d.WithKind(Utc)
	case LocalZone:
		return d.WithKind(Local)
	}
	return d
}

// Convert is TimeZoneInfo.ConvertTime(d, from, to); from is nil when d's kind says it.
func Convert(d DateTime, from, to *TimeZone) (DateTime, error) {
	if from == nil {
		if from = LocalZone; d.Kind() == Utc {
			from = UTCZone
		}
	}
	utc, err := from.ToUTC(d)
	if err != nil {
		return 0, err
	}
	return to.FromUTC(utc.Ticks()), nil
}

// ConvertOffset is TimeZoneInfo.ConvertTime of a DateTimeOffset.
func ConvertOffset(o DateTimeOffset, to *TimeZone) (DateTimeOffset, error) {
	return o.ToOffset(to.OffsetAt(o))
}

// SameRules is z.HasSameRules(y).
func (z *TimeZone) SameRules(y *TimeZone) bool {
	if z.place == nil || y.place == nil {
		return z.place == y.place && z.base == y.base && slices.Equal(z.rules, y.rules)
	}
	return z.place.String() == y.place.String()
}
