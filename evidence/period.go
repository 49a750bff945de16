package evidence

import (
	"regexp"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/past"
)

var periodForm = regexp.MustCompile(`^(\d{4})(?:-(?:Q([1-4])|(\d{2})))?$`)

// Period reads what a report is about, from inclusive, to exclusive: a year, a quarter or
// a month such as 2026, 2026-Q1, 2026-01, or two moments of which the second may be "" for now.
func Period(period, from, to string, now time.Time) (a, b time.Time, err error) {
	switch {
	case period != "" && (from != "" || to != ""):
		return a, b, faulty("period", "A period stands by itself, without a begin and an end.")
	case period != "":
		a, b, err = spanOf(period)
	case from == "":
		err = faulty("period", "A report needs a period such as 2026-Q1, or its begin (from) and end (to).")
	default:
		if a, err = past.ParseTime(from, now); err == nil {
			b = now
			if to != "" {
				b, err = past.ParseTime(to, now)
			}
		}
	}
	if err == nil && (!a.Before(b) || a.After(now)) {
		err = faulty("period", "The period has to begin before it ends, and in the past: it is %s to %s.", a.Format(time.RFC3339), b.Format(time.RFC3339))
	}
	return a, b, err
}

func spanOf(period string) (a, b time.Time, err error) {
	m := periodForm.FindStringSubmatch(period)
	if m == nil {
		return a, b, faulty("period", "A period is a year, a quarter or a month: 2026, 2026-Q1, 2026-01; it is '%s'.", period)
	}
	year, _ := strconv.Atoi(m[1]) // digits, by the pattern
	quarter, _ := strconv.Atoi(m[2])
	month, _ := strconv.Atoi(m[3])
	if month > 12 || m[3] != "" && month == 0 {
		return a, b, faulty("period", "A year has no month %s.", m[3])
	}
	first, months := 1, 12
	switch {
	case quarter > 0:
		first, months = 3*quarter-2, 3
	case month > 0:
		first, months = month, 1
	}
	a = time.Date(year, time.Month(first), 1, 0, 0, 0, 0, time.UTC)
	return a, a.AddDate(0, months, 0), nil
}

func faulty(member, format string, args ...any) error {
	return gatehouse.Errorf(gatehouse.Invalid, "PeriodInvalid", format, args...).At(member)
}
