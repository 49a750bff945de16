package dotnet

import (
	"strconv"
	"strings"
)

// ParseDateTimeOffsetExact is DateTimeOffset.ParseExact: the text must be as the format would print it. Offsets not given are 0.
func ParseDateTimeOffsetExact(s, format string, now DateTime) (DateTimeOffset, error) {
	if format == "" {
		return DateTimeOffset{}, badFormat()
	}
	if len(format) == 1 {
		custom, ok := standardDates[format[0]]
		if !ok || format == "U" {
			return DateTimeOffset{}, badFormat()
		}
		format = custom
	}
	p := exactDate{text: s, year: -1, month: -1, day: -1}
	if err := p.read(format); err != nil {
		return DateTimeOffset{}, err
	}
	year, month, day := now.Date()
	if p.year >= 0 || p.month >= 0 || p.day >= 0 {
		month, day = 1, 1
	}
	for _, set := range []struct {
		given int
		to    *int
	}{{p.year, &year}, {p.month, &month}, {p.day, &day}} {
		if set.given >= 0 {
			*set.to = set.given
		}
	}
	hour := p.hour
	if p.half != 0 {
		if hour = hour % 12; p.half == 'P' {
			hour += 12
		}
	}
	clock, err := NewDateTime(year, month, day, hour, p.minute, p.second, 0, Unspecified)
	if p.failed || p.text != "" || err != nil {
		return DateTimeOffset{}, badDate(s)
	}
	if p.weekday > 0 && clock.DayOfWeek() != p.weekday-1 {
		return DateTimeOffset{}, NewException(FormatException, "String '%s' was not recognized as a valid DateTime because the day of week was incorrect.", s)
	}
	if clock, err = clock.AddTicks(p.fraction); err != nil {
		return DateTimeOffset{}, badDate(s)
	}
	return offsetOf(s, clock, p.offset)
}

// exactDate is what has been read of a text; text is what is left.
type exactDate struct {
	text                 string
	year, month, day     int
	hour, minute, second int
	fraction             int64
	half                 byte
	weekday              int // from 1, 0 without one
	offset               TimeSpan
	failed               bool
}

func (p *exactDate) read(format string) error {
	for i := 0; i < len(format) && !p.failed; {
		n := run(format[i:])
		if p.field(format[i], n) {
			i += n
			continue
		}
		var b strings.Builder
		length, err := literal(&b, format[i:], func(one string) (string, error) { return "", p.read(one) })
		if err != nil {
			return err
		}
		if length == 0 {
			b.WriteByte(format[i])
			length = 1
		}
		p.expect(b.String())
		i += length
	}
	return nil
}

func (p *exactDate) expect(s string) {
	rest, ok := strings.CutPrefix(p.text, s)
	p.text = rest
	p.failed = p.failed || !ok
}

// number reads between least and most digits.
func (p *exactDate) number(least, most int) int {
	n := min(digits(p.text), most)
	if n < least {
		p.failed = true
		return 0
	}
	v, _ := strconv.Atoi(p.text[:n])
	p.text = p.text[n:]
	return v
}

// upTo reads a number of one or two digits, or of two exactly when the letter is doubled.
func (p *exactDate) upTo(n int) int { return p.number(min(n, 2), 2) }

// name reads one of the names, or its first three letters, and gives its number from 1.
func (p *exactDate) name(names []string, n int) int {
	for i, name := range names {
		if n == 3 {
			name = name[:3]
		}
		if len(p.text) >= len(name) && strings.EqualFold(p.text[:len(name)], name) {
			p.text = p.text[len(name):]
			return i + 1
		}
	}
	p.failed = true
	return 0
}

// field reads what n times the letter would print; false says that the letter means itself.
func (p *exactDate) field(letter byte, n int) bool {
	switch letter {
	case 'y':
		if n <= 2 {
			p.year = dateNumber{p.upTo(n), 2}.year()
		} else {
			p.year = p.number(n, max(n, 4))
		}
	case 'M':
		if n > 2 {
			p.month = p.name(monthNames, n)
		} else {
			p.month = p.upTo(n)
		}
	case 'd':
		if n > 2 {
			p.weekday = p.name(dayNames, n)
		} else {
			p.day = p.upTo(n)
		}
	case 'h', 'H':
		p.hour = p.upTo(n)
		p.failed = p.failed || letter == 'h' && (p.hour < 1 || p.hour > 12)
	case 'm':
		p.minute = p.upTo(n)
	case 's':
		p.second = p.upTo(n)
	case 'f', 'F':
		p.fractionOf(letter, n)
	case 't':
		p.half = halfDay(p.text[:min(len(p.text), min(n, 2))])
		p.text = p.text[min(len(p.text), min(n, 2)):]
		p.failed = p.failed || p.half == 0
	case 'z':
		p.zone(n >= 3)
	case 'K':
		switch {
		case strings.HasPrefix(p.text, "Z"):
			p.text = p.text[1:]
		case p.text != "" && (p.text[0] == '+' || p.text[0] == '-'):
			p.zone(true)
		}
	default:
		return false
	}
	return true
}

func (p *exactDate) fractionOf(letter byte, n int) {
	got := min(digits(p.text), n)
	if n > 7 || letter == 'f' && got < n {
		p.failed = true
		return
	}
	padded := p.text[:got] + strings.Repeat("0", 7-got)
	p.fraction, _ = strconv.ParseInt(padded, 10, 64)
	p.text = p.text[got:]
}

func (p *exactDate) zone(minutes bool) {
	if p.text == "" || p.text[0] != '+' && p.text[0] != '-' {
		p.failed = true
		return
	}
	neg := p.text[0] == '-'
	p.text = p.text[1:]
	total := p.number(1, 2) * 60
	if minutes {
		p.text = strings.TrimPrefix(p.text, ":")
		total += p.number(2, 2)
	}
	p.failed = p.failed || total > 14*60
	if p.offset = TimeSpan(total) * TicksPerMinute; neg {
		p.offset = -p.offset
	}
}

// ParseTimeSpanExact is TimeSpan.ParseExact. A custom format cannot read a sign, as it cannot print one.
func ParseTimeSpanExact(s, format string) (TimeSpan, error) {
	switch format {
	case "c", "t", "T", "g", "G":
		t, err := ParseTimeSpan(s)
		if err != nil {
			return 0, err
		}
		if again, _ := t.Format(format); format != "g" && again != strings.TrimSpace(s) && !looseSpan(s, format) {
			return 0, badSpan(s)
		}
		return t, nil
	}
	if len(format) < 2 {
		return 0, badFormat()
	}
	p := exactDate{text: s}
	var ticks int64
	for i := 0; i < len(format) && !p.failed; {
		n := run(format[i:])
		unit, limit, width := int64(0), 0, 2
		switch format[i] {
		case 'd':
			unit, limit, width = TicksPerDay, 10675199, 8
		case 'h':
			unit, limit = TicksPerHour, 23
		case 'm':
			unit, limit = TicksPerMinute, 59
		case 's':
			unit, limit = TicksPerSecond, 59
		case 'f', 'F':
			p.fractionOf(format[i], n)
			ticks += p.fraction
			i += n
			continue
		default:
			var b strings.Builder
			length, err := literal(&b, format[i:], func(one string) (string, error) {
				t, err := ParseTimeSpanExact(p.text, one+"''")
				ticks += int64(t)
				p.text = ""
				return "", err
			})
			if err != nil {
				return 0, err
			}
			if length == 0 {
				return 0, badFormat()
			}
			p.expect(b.String())
			i += length
			continue
		}
		if n > width {
			return 0, badFormat()
		}
		v := p.number(n, max(width, n))
		p.failed = p.failed || v > limit
		ticks += int64(v) * unit
		i += n
	}
	if p.failed || p.text != "" {
		return 0, badSpan(s)
	}
	return TimeSpan(ticks), nil
}

// looseSpan reports whether a text has the parts that a standard format wants: G all of them.
func looseSpan(s, format string) bool {
	return format != "G" || strings.Count(s, ":") == 3 && strings.Contains(s, ".")
}
