package dotnet

import (
	"strconv"
	"strings"
)

var (
	monthNames = strings.Fields("January February March April May June July August September October November December")
	dayNames   = strings.Fields("Sunday Monday Tuesday Wednesday Thursday Friday Saturday")
)

// standardDates are the standard formats in the invariant culture. A K of the round-trip format is an offset for a
// DateTimeOffset.
// https://learn.microsoft.com/dotnet/standard/base-types/standard-date-and-time-format-strings
var standardDates = map[byte]string{
	'd': "MM/dd/yyyy",
	'D': "dddd, dd MMMM yyyy",
	'f': "dddd, dd MMMM yyyy HH:mm",
	'F': "dddd, dd MMMM yyyy HH:mm:ss",
	'g': "MM/dd/yyyy HH:mm",
	'G': "MM/dd/yyyy HH:mm:ss",
	'm': "MMMM dd",
	'M': "MMMM dd",
	'o': "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
	'O': "yyyy'-'MM'-'dd'T'HH':'mm':'ss'.'fffffffK",
	'r': "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
	'R': "ddd, dd MMM yyyy HH':'mm':'ss 'GMT'",
	's': "yyyy'-'MM'-'dd'T'HH':'mm':'ss",
	't': "HH:mm",
	'T': "HH:mm:ss",
	'u': "yyyy'-'MM'-'dd HH':'mm':'ss'Z'",
	'U': "dddd, dd MMMM yyyy HH:mm:ss",
	'y': "yyyy MMMM",
	'Y': "yyyy MMMM",
}

// moment is what a date format prints of.
type moment struct {
	clock  DateTime
	offset TimeSpan
	zone   string // what K prints
}

// String is ToString().
func (d DateTime) String() string { s, _ := d.Format("G"); return s }

// Format is ToString(format).
func (d DateTime) Format(format string) (string, error) {
	m := moment{clock: d}
	switch d.Kind() {
	case Utc:
		m.zone = "Z"
	case Local:
		m.zone = "+00:00"
	}
	if format == "" {
		format = "G"
	}
	if len(format) == 1 {
		custom, ok := standardDates[format[0]]
		if !ok {
			return "", badFormat()
		}
		format = custom
	}
	return m.format(format)
}

// String is ToString().
func (o DateTimeOffset) String() string { s, _ := o.Format(""); return s }

// Format is ToString(format).
func (o DateTimeOffset) Format(format string) (string, error) {
	m := moment{clock: o.Clock(), offset: o.Offset()}
	m.zone = m.zzz(3)
	switch {
	case format == "":
		format = "MM/dd/yyyy HH:mm:ss zzz"
	case len(format) == 1:
		custom, ok := standardDates[format[0]]
		if !ok || format == "U" {
			return "", badFormat()
		}
		if strings.Contains("rRu", format) {
			m.clock = o.UTC()
		}
		format = custom
	}
	return m.format(format)
}

// zzz prints the offset: z h, zz hh, zzz hh:mm.
func (m moment) zzz(n int) string {
	minutes := int64(m.offset / TicksPerMinute)
	s := "+"
	if minutes < 0 {
		s, minutes = "-", -minutes
	}
	s += zeroPad(strconv.FormatInt(minutes/60, 10), min(n, 2))
	if n >= 3 {
		s += ":" + zeroPad(strconv.FormatInt(minutes%60, 10), 2)
	}
	return s
}

// format prints in a custom format.
// https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings
func (m moment) format(format string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		n := run(format[i:])
		if format[i] == 'f' || format[i] == 'F' {
			if n > 7 {
				return "", badFormat()
			}
			m.fraction(&b, format[i], n, i > 0 && format[i-1] == '.')
			i += n
			continue
		}
		if s, ok := m.part(format[i], n); ok {
			b.WriteString(s)
			i += n
			continue
		}
		length, err := literal(&b, format[i:], m.format)
		if err != nil {
			return "", err
		}
		if length == 0 {
			b.WriteByte(format[i])
			length = 1
		}
		i += length
	}
	return b.String(), nil
}

// fraction prints n digits of the second's fraction; F leaves zeros at the end out, and then the point before them.
func (m moment) fraction(b *strings.Builder, letter byte, n int, point bool) {
	digits := zeroPad(strconv.FormatInt(m.clock.Ticks()%TicksPerSecond, 10), 7)[:n]
	if letter == 'f' {
		b.WriteString(digits)
		return
	}
	digits = strings.TrimRight(digits, "0")
	if digits == "" && point && strings.HasSuffix(b.String(), ".") {
		s := b.String()
		b.Reset()
		b.WriteString(s[:len(s)-1])
	}
	b.WriteString(digits)
}

// part prints one field of a custom format.
func (m moment) part(letter byte, n int) (string, bool) {
	year, month, day := m.clock.Date()
	hour, minute, second := m.clock.Clock()
	switch letter {
	case 'd':
		if n > 2 {
			return named(dayNames[m.clock.DayOfWeek()], n), true
		}
		return padded(day, n), true
	case 'M':
		if n > 2 {
			return named(monthNames[month-1], n), true
		}
		return padded(month, n), true
	case 'y':
		if n <= 2 {
			return padded(year%100, n), true
		}
		return zeroPad(strconv.Itoa(year), n), true
	case 'h':
		return padded((hour+11)%12+1, n), true
	case 'H':
		return padded(hour, n), true
	case 'm':
		return padded(minute, n), true
	case 's':
		return padded(second, n), true
	case 't':
		half := "AM"
		if hour >= 12 {
			half = "PM"
		}
		return half[:min(n, 2)], true
	case 'g':
		return "A.D.", true
	case 'K':
		return strings.Repeat(m.zone, n), true
	case 'z':
		return m.zzz(n), true
	}
	return "", false
}

func padded(v, n int) string { return zeroPad(strconv.Itoa(v), min(n, 2)) }

func named(name string, n int) string {
	if n == 3 {
		return name[:3]
	}
	return name
}
