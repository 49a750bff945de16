package counter

import (
	"fmt"
	"strconv"
	"time"
)

// Period is a stretch of time that counts are kept for. The zero Start is that of a period that began at an unknown time.
type Period struct {
	Start, End time.Time // End is zero for a period that never ends
	number     int64
	length     string
}

// Name is the period's name in quotas/{counterKey}/periods, such as 0_P7D: its number and its length.
func (p Period) Name() string { return strconv.FormatInt(p.number, 10) + "_" + p.length }

// Cycle is how periods follow each other: Every or Calendar.
type Cycle struct {
	first  time.Time
	every  time.Duration
	unit   Unit
	length string
}

// Every is periods of one length, the first of which begins at first. A length of 0 is one period that never ends (quota's renewal-period="0").
func Every(length time.Duration, first time.Time) Cycle {
	return Cycle{first: first.UTC(), every: length, length: iso(length)}
}

// From is the same cycle with another beginning.
func (c Cycle) From(first time.Time) Cycle {
	c.first = first.UTC()
	return c
}

// Unit is a unit of the calendar.
type Unit int

const (
	_ Unit = iota
	Hourly
	Daily
	Weekly
	Monthly
	Yearly
)

var units = map[string]Unit{"Hourly": Hourly, "Daily": Daily, "Weekly": Weekly, "Monthly": Monthly, "Yearly": Yearly}

// Calendar is periods that begin with each unit of the calendar in UTC (token-quota-period); weeks begin on Monday.
func Calendar(name string) (Cycle, error) {
	unit, ok := units[name]
	if !ok {
		return Cycle{}, fmt.Errorf("%q is not Hourly, Daily, Weekly, Monthly or Yearly", name)
	}
	return Cycle{unit: unit, length: [...]string{Hourly: "PT1H", Daily: "P1D", Weekly: "P7D", Monthly: "P1M", Yearly: "P1Y"}[unit]}, nil
}

// At is the period that a moment falls into. What is before the first period falls into the first.
func (c Cycle) At(now time.Time) Period {
	now = now.UTC()
	p := Period{length: c.length}
	switch c.unit {
	case Hourly:
		p.Start = now.Truncate(time.Hour)
		p.End = p.Start.Add(time.Hour)
	case Daily:
		p.Start = day(now)
		p.End = p.Start.AddDate(0, 0, 1)
	case Weekly:
		p.Start = day(now).AddDate(0, 0, -(int(now.Weekday())+6)%7)
		p.End = p.Start.AddDate(0, 0, 7)
	case Monthly:
		p.Start = time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		p.End = p.Start.AddDate(0, 1, 0)
	case Yearly:
		p.Start = time.Date(now.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		p.End = p.Start.AddDate(1, 0, 0)
	default:
		return c.fixed(now)
	}
	p.number = p.Start.Unix() // the calendar has no first period
	return p
}

// fixed counts in seconds: a time.Duration does not reach from year 1, where first-period-start begins, to today.
func (c Cycle) fixed(now time.Time) Period {
	p := Period{length: c.length, Start: c.first}
	every := int64(c.every / time.Second)
	if every <= 0 {
		return p
	}
	p.number = max(0, (now.Unix()-c.first.Unix())/every)
	start := c.first.Unix() + p.number*every
	p.Start, p.End = time.Unix(start, 0).UTC(), time.Unix(start+every, 0).UTC()
	return p
}

func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// iso writes a length as ISO 8601 does, in days, hours, minutes and seconds.
func iso(d time.Duration) string {
	text, seconds := "P", int64(d/time.Second)
	if days := seconds / 86400; days > 0 {
		text += strconv.FormatInt(days, 10) + "D"
	}
	if seconds %= 86400; seconds > 0 {
		text += "T"
		for _, each := range []struct {
			size int64
			name string
		}{{3600, "H"}, {60, "M"}, {1, "S"}} {
			if n := seconds / each.size; n > 0 {
				text += strconv.FormatInt(n, 10) + each.name
			}
			seconds %= each.size
		}
	}
	if text == "P" {
		return "P0D"
	}
	return text
}

// left is how long the period still is, 0 for one that never ends.
func (p Period) left(now time.Time) time.Duration {
	if p.End.IsZero() {
		return 0
	}
	return max(time.Nanosecond, p.End.Sub(now))
}
