package template

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// basicISO is the format of utcNow() without argument.
const basicISO = "yyyyMMddTHHmmssZ"

func dateFunctions() []row {
	return []row{
		{name: "utcNow", least: 0, most: 1, where: inDefault, eager: func(c *call) Value {
			layout := basicISO
			if c.has(0) {
				layout = c.str(0)
			}
			return formatDate(c.frame.run.env.Now.UTC(), layout)
		}},
		{name: "dateTimeAdd", least: 2, most: 3, eager: dateTimeAdd},
		{name: "dateTimeFromEpoch", least: 1, most: 1, eager: func(c *call) Value {
			return formatDate(time.Unix(c.int(0), 0).UTC(), "yyyy-MM-ddTHH:mm:ssZ")
		}},
		{name: "dateTimeToEpoch", least: 1, most: 1, eager: func(c *call) Value {
			t, _ := c.date(0)
			return number(t.Unix())
		}},
	}
}

// readable are the date formats that are understood; sums are given in the format of the base.
var readable = []struct{ layout, format string }{
	{"20060102T150405Z", basicISO},
	{"2006-01-02 15:04:05Z", "yyyy-MM-dd HH:mm:ssZ"},
	{"2006-01-02 15:04:05", "yyyy-MM-dd HH:mm:ss"},
	{"2006-01-02T15:04:05", "yyyy-MM-ddTHH:mm:ss"},
	{time.RFC3339Nano, "yyyy-MM-ddTHH:mm:ssZ"},
	{"2006-01-02", "yyyy-MM-dd"},
	{"1/2/2006 3:04:05 PM", "M/d/yyyy h:mm:ss tt"},
	{"01/02/2006 15:04:05", "MM/dd/yyyy HH:mm:ss"},
	{time.RFC1123, "r"},
}

func (c *call) date(i int) (time.Time, string) {
	s := c.str(i)
	for _, r := range readable {
		if t, err := time.Parse(r.layout, s); err == nil {
			return t.UTC(), r.format
		}
	}
	c.fail("argument %d is no date that is understood; write it like 2026-01-31T12:00:00Z", i+1)
	return time.Time{}, basicISO
}

func dateTimeAdd(c *call) Value {
	t, layout := c.date(0)
	sum, ok := addDuration(t, c.str(1))
	if !ok {
		return c.fail("argument 2 is no ISO 8601 duration; write it like P1Y2M3DT4H5M6S, with '-' in front to subtract")
	}
	if c.has(2) {
		layout = c.str(2)
	}
	return formatDate(sum, layout)
}

// addDuration adds an ISO 8601 duration; months and years are those of the calendar.
func addDuration(t time.Time, s string) (time.Time, bool) {
	s, negative := strings.CutPrefix(s, "-")
	s, ok := strings.CutPrefix(s, "P")
	sign := 1
	if negative {
		sign = -1
	}
	clock, any := false, false
	for s != "" && ok {
		if rest, isT := strings.CutPrefix(s, "T"); isT && !clock {
			clock, s, any = true, rest, false
			continue
		}
		end := strings.IndexAny(s, "YMWDHS")
		if end < 1 {
			return t, false
		}
		n, err := strconv.Atoi(s[:end])
		if err != nil || n < 0 || n > 1e6 {
			return t, false
		}
		if t, ok = addUnit(t, s[end], clock, sign*n); !ok {
			return t, false
		}
		s, any = s[end+1:], true
	}
	return t, ok && any
}

func addUnit(t time.Time, unit byte, clock bool, n int) (time.Time, bool) {
	switch {
	case unit == 'Y' && !clock:
		return addMonths(t, 12*n), true
	case unit == 'M' && !clock:
		return addMonths(t, n), true
	case unit == 'W' && !clock:
		return t.AddDate(0, 0, 7*n), true
	case unit == 'D' && !clock:
		return t.AddDate(0, 0, n), true
	case unit == 'H' && clock:
		return t.Add(time.Duration(n) * time.Hour), true
	case unit == 'M' && clock:
		return t.Add(time.Duration(n) * time.Minute), true
	case unit == 'S' && clock:
		return t.Add(time.Duration(n) * time.Second), true
	}
	return t, false
}

// addMonths stays within the month that is meant: a month after 31 January is the last of February.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// standard are .NET's one-letter formats in the invariant culture.
var standard = map[string]string{
	"d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "f": "dddd, dd MMMM yyyy HH:mm", "F": "dddd, dd MMMM yyyy HH:mm:ss",
	"g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "m": "MMMM dd", "M": "MMMM dd", "o": "yyyy-MM-ddTHH:mm:ss.fffffffZ",
	"O": "yyyy-MM-ddTHH:mm:ss.fffffffZ", "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
	"s": "yyyy-MM-ddTHH:mm:ss", "t": "HH:mm", "T": "HH:mm:ss", "u": "yyyy-MM-dd HH:mm:ssZ", "y": "yyyy MMMM", "Y": "yyyy MMMM",
}

// formatDate writes a UTC time in a .NET format, custom or standard.
func formatDate(t time.Time, format string) string {
	if custom, ok := standard[format]; ok {
		format = custom
	}
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		n := 1
		for i+n < len(format) && format[i+n] == c {
			n++
		}
		switch {
		case c == '\'' || c == '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				end = len(format) - i - 1
			}
			b.WriteString(format[i+1 : i+1+end])
			n = min(end+2, len(format)-i)
		case c == '\\' && i+1 < len(format):
			b.WriteByte(format[i+1])
			n = 2
		case c == '%':
			n = 1
		default:
			b.WriteString(datePart(t, c, n))
		}
		i += n
	}
	return b.String()
}

// datePart writes a run of n equal letters of a custom format.
func datePart(t time.Time, c byte, n int) string {
	two := func(v int) string { return fmt.Sprintf("%0*d", min(n, 2), v) }
	switch c {
	case 'y':
		if n <= 2 {
			return two(t.Year() % 100)
		}
		return fmt.Sprintf("%0*d", n, t.Year())
	case 'M':
		return pick(n, two(int(t.Month())), t.Month().String()[:3], t.Month().String())
	case 'd':
		return pick(n, two(t.Day()), t.Weekday().String()[:3], t.Weekday().String())
	case 'H':
		return two(t.Hour())
	case 'h':
		return two((t.Hour()+11)%12 + 1)
	case 'm':
		return two(t.Minute())
	case 's':
		return two(t.Second())
	case 'f':
		return fmt.Sprintf("%09d", t.Nanosecond())[:min(n, 7)]
	case 't':
		return t.Format("PM")[:min(n, 2)]
	case 'K':
		return strings.Repeat("Z", n)
	case 'z':
		return pick(n, "+"+two(0), "+00:00", "+00:00")
	}
	return strings.Repeat(string(c), n)
}

func pick(n int, short, medium, long string) string {
	switch {
	case n <= 2:
		return short
	case n == 3:
		return medium
	}
	return long
}
