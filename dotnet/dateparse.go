package dotnet

import (
	"math"
	"strconv"
	"strings"
)

// dateText is a date and time as read, before defaults fill in what is missing.
type dateText struct {
	numbers  []dateNumber // of the date, in order
	month    int          // by name, 0 without one
	monthAt  int          // numbers that stood before the month's name
	weekday  int          // -1 without one
	clock    bool         // a time of day was read
	ticks    int64        // of it
	half     byte         // 'A' or 'P' for a clock of 12 hours
	hasZone  bool
	offset   TimeSpan
	iso      bool // year first and T before the clock
	hour     int
	minute   int
	second   int
	fraction int64
}

type dateNumber struct{ value, digits int }

func badDate(s string) *Exception {
	return NewException(FormatException, "String '%s' was not recognized as a valid DateTime.", s)
}

// ParseDateTime is DateTime.Parse under the invariant culture: ISO 8601, RFC 1123, month before day with / - or . between,
// names of months and days, with a clock of 24 or 12 hours and an offset. A text with an offset gives local time, which is
// UTC here; one without gives kind Unspecified. Missing dates are today's, and today is asked of now.
func ParseDateTime(s string, now DateTime) (DateTime, error) {
	p, clock, err := parseDate(s, now)
	if err != nil {
		return 0, err
	}
	if !p.hasZone {
		return clock, nil
	}
	utc := clock.Ticks() - int64(p.offset)
	if utc < 0 || utc > maxTicks {
		return 0, NewException(FormatException, "The DateTime represented by the string '%s' is out of range.", s)
	}
	return DateTime(utc).WithKind(Local), nil
}

// ParseDateTimeOffset is DateTimeOffset.Parse: as ParseDateTime, keeping the offset, which is 0 when none is given.
func ParseDateTimeOffset(s string, now DateTime) (DateTimeOffset, error) {
	p, clock, err := parseDate(s, now)
	if err != nil {
		return DateTimeOffset{}, err
	}
	return offsetOf(s, clock, p.offset)
}

func offsetOf(s string, clock DateTime, offset TimeSpan) (DateTimeOffset, error) {
	o, err := NewDateTimeOffset(clock, offset)
	if err != nil {
		return o, NewException(FormatException, "The UTC representation of the date '%s' falls outside the year range 1-9999.", s)
	}
	return o, nil
}

func parseDate(s string, now DateTime) (*dateText, DateTime, error) {
	p := &dateText{weekday: -1}
	if strings.TrimFunc(s, IsWhiteSpace) == "" || !p.read(s) {
		return p, 0, badDate(s)
	}
	year, month, day, ok := p.date(now)
	if !ok {
		return p, 0, badDate(s)
	}
	if !validDate(year, month, day) {
		if p.iso {
			return p, 0, NewException(FormatException, "The DateTime represented by the string '%s' is not supported in calendar 'System.Globalization.GregorianCalendar'.", s)
		}
		return p, 0, badDate(s)
	}
	ticks := int64(dayNumber(year, month, day)) * TicksPerDay
	clock, err := DateTime(ticks).AddTicks(p.ticks)
	if err != nil {
		return p, 0, badDate(s)
	}
	if p.weekday >= 0 && clock.DayOfWeek() != p.weekday {
		return p, 0, NewException(FormatException, "String '%s' was not recognized as a valid DateTime because the day of week was incorrect.", s)
	}
	return p, clock, nil
}

// date works out which number is what.
func (p *dateText) date(now DateTime) (year, month, day int, ok bool) {
	thisYear, thisMonth, today := now.Date()
	n := p.numbers
	if p.month > 0 {
		switch {
		case len(n) == 0 && p.weekday < 0:
			return thisYear, p.month, 1, true
		case len(n) == 1 && (n[0].digits > 2 || n[0].value > 31):
			return n[0].year(), p.month, 1, true
		case len(n) == 1:
			return thisYear, p.month, n[0].value, true
		case len(n) == 2 && n[0].digits > 2:
			return n[0].year(), p.month, n[1].value, n[1].digits <= 2
		case len(n) == 2:
			return n[1].year(), p.month, n[0].value, true
		}
		return 0, 0, 0, false
	}
	switch {
	case len(n) == 0:
		return thisYear, thisMonth, today, p.clock
	case len(n) == 2 && n[0].digits > 2:
		return n[0].year(), n[1].value, 1, n[1].digits <= 2
	case len(n) == 2 && n[1].digits > 2:
		return n[1].year(), n[0].value, 1, true
	case len(n) == 2:
		return thisYear, n[0].value, n[1].value, true
	case len(n) == 3 && n[0].digits > 2:
		return n[0].year(), n[1].value, n[2].value, n[1].digits <= 2 && n[2].digits <= 2
	case len(n) == 3:
		return n[2].year(), n[0].value, n[1].value, n[1].digits <= 2
	}
	return 0, 0, 0, false
}

// year makes four digits of two: up to 49 is this century.
func (n dateNumber) year() int {
	switch {
	case n.digits > 2:
		return n.value
	case n.value <= 49:
		return 2000 + n.value
	}
	return 1900 + n.value
}

// read takes the text apart.
func (p *dateText) read(s string) bool {
	separated := true // something stands between the last number of the date and the next
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0 && strings.Trim(s[i:], "\x00") == "":
			return true
		case isNumberSpace(c) || c == ',':
			i++
			separated = true
		case c >= '0' && c <= '9':
			n, ok := p.readNumber(s[i:], separated)
			if !ok {
				return false
			}
			i += n
			separated = false
		case c|0x20 >= 'a' && c|0x20 <= 'z':
			n, ok := p.readWord(s[i:])
			if !ok {
				return false
			}
			i += n
			separated = true
		case (c == '+' || c == '-') && p.clock:
			n, ok := p.readOffset(s[i:])
			if !ok {
				return false
			}
			i += n
		case c == '/' || c == '-' || c == '.':
			if len(p.numbers) == 0 && p.month == 0 && p.weekday < 0 || p.clock && !p.dateAfterClock() {
				return false
			}
			i++
			separated = true
		default:
			return false
		}
	}
	return true
}

func (p *dateText) dateAfterClock() bool { return len(p.numbers) > 0 || p.month > 0 }

func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// readNumber reads a clock, or one number of the date.
func (p *dateText) readNumber(s string, separated bool) (int, bool) {
	n := digits(s)
	if n < len(s) && s[n] == ':' {
		return p.readClock(s)
	}
	if n <= 2 && !p.clock {
		rest := strings.TrimLeft(s[n:], " ")
		if half := halfDay(rest); half != 0 {
			p.hour, _ = strconv.Atoi(s[:n])
			p.clock = true
			return n, p.setClock()
		}
	}
	if n > 4 || !separated || len(p.numbers) == 3 {
		return 0, false
	}
	value, _ := strconv.Atoi(s[:n])
	if p.month > 0 && p.monthAt < 0 {
		p.monthAt = len(p.numbers)
	}
	p.numbers = append(p.numbers, dateNumber{value, n})
	return n, true
}

// halfDay reports whether s begins with AM or PM, whole or its first letter.
func halfDay(s string) byte {
	n := 0
	for n < len(s) && (s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	switch strings.ToUpper(s[:n]) {
	case "AM", "A":
		return 'A'
	case "PM", "P":
		return 'P'
	}
	return 0
}

// readClock reads h:mm, h:mm:ss and a fraction of any length, rounded to ticks.
func (p *dateText) readClock(s string) (int, bool) {
	if p.clock {
		return 0, false
	}
	i := 0
	var parts []int
	for len(parts) < 3 {
		n := digits(s[i:])
		if n == 0 || n > 2 {
			return 0, false
		}
		v, _ := strconv.Atoi(s[i : i+n])
		parts = append(parts, v)
		i += n
		if i >= len(s) || s[i] != ':' || len(parts) == 3 {
			break
		}
		i++
	}
	if len(parts) == 3 && i < len(s) && s[i] == '.' {
		n := digits(s[i+1:])
		if n == 0 {
			return 0, false
		}
		x, _ := strconv.ParseFloat("0"+s[i:i+1+n], 64)
		p.fraction = int64(math.Round(x * TicksPerSecond))
		i += 1 + n
	}
	if len(parts) < 2 || i < len(s) && s[i] == ':' {
		return 0, false
	}
	p.hour, p.minute = parts[0], parts[1]
	if len(parts) == 3 {
		p.second = parts[2]
	}
	p.clock = true
	return i, p.setClock()
}

// setClock works the ticks out of the parts; AM and PM call it again.
func (p *dateText) setClock() bool {
	hour := p.hour
	if p.half != 0 {
		if hour > 12 {
			return false
		}
		if hour %= 12; p.half == 'P' {
			hour += 12
		}
	}
	p.ticks = int64((hour*60+p.minute)*60+p.second)*TicksPerSecond + p.fraction
	return hour <= 23 && p.minute <= 59 && p.second <= 59
}

// readWord reads the name of a month or day, AM or PM, T, Z or GMT.
func (p *dateText) readWord(s string) (int, bool) {
	n := 0
	for n < len(s) && (s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	word := s[:n]
	if i, ok := nameIndex(monthNames, word); ok && p.month == 0 {
		p.month, p.monthAt = i+1, len(p.numbers)
		return n + dot(s[n:]), true
	}
	if i, ok := nameIndex(dayNames, word); ok && p.weekday < 0 {
		p.weekday = i
		return n + dot(s[n:]), true
	}
	if half := halfDay(word); half != 0 && p.clock && p.half == 0 {
		p.half = half
		return n, p.setClock()
	}
	switch upper := strings.ToUpper(word); {
	case upper == "T" && !p.clock && len(p.numbers) > 0:
		p.iso = len(p.numbers) == 3 && p.numbers[0].digits == 4 && p.month == 0
		return n, n < len(s) && digits(s[n:]) > 0
	case (upper == "Z" || upper == "GMT") && p.clock && !p.hasZone:
		p.hasZone = true
		return n, true
	}
	return 0, false
}

func dot(s string) int {
	if strings.HasPrefix(s, ".") {
		return 1
	}
	return 0
}

// nameIndex finds a name, whole or its first three letters.
func nameIndex(names []string, word string) (int, bool) {
	for i, name := range names {
		if strings.EqualFold(name, word) || strings.EqualFold(name[:3], word) {
			return i, true
		}
	}
	return 0, false
}

// readOffset reads +h, +hh, +hhmm and +hh:mm.
func (p *dateText) readOffset(s string) (int, bool) {
	if p.hasZone {
		return 0, false
	}
	n := digits(s[1:])
	var hours, minutes int
	i := 1 + n
	switch {
	case n == 1 || n == 2:
		hours, _ = strconv.Atoi(s[1:i])
		if i < len(s) && s[i] == ':' {
			m := digits(s[i+1:])
			if m < 1 || m > 2 {
				return 0, false
			}
			minutes, _ = strconv.Atoi(s[i+1 : i+1+m])
			i += 1 + m
		}
	case n == 3 || n == 4:
		hours, _ = strconv.Atoi(s[1 : i-2])
		minutes, _ = strconv.Atoi(s[i-2 : i])
	default:
		return 0, false
	}
	if minutes > 59 || hours*60+minutes > 14*60 {
		return 0, false
	}
	p.hasZone = true
	p.offset = TimeSpan(hours*60+minutes) * TicksPerMinute
	if s[0] == '-' {
		p.offset = -p.offset
	}
	return i, true
}
