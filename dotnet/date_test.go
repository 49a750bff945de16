package dotnet

import (
	"math/rand/v2"
	"testing"
	"time"
)

func date(t *testing.T, kind DateTimeKind, parts ...int) DateTime {
	t.Helper()
	parts = append(parts, make([]int, 7-len(parts))...)
	d, err := NewDateTime(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], kind)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDateFormats has the examples of learn.microsoft.com (standard- and custom-date-and-time-format-strings).
func TestDateFormats(t *testing.T) {
	d := date(t, Unspecified, 2009, 6, 15, 13, 45, 30, 617)
	early := date(t, Utc, 1, 2, 3, 0, 5, 9)
	for _, c := range []struct {
		d            DateTime
		format, want string
	}{
		{d, "", "06/15/2009 13:45:30"}, {d, "d", "06/15/2009"}, {d, "D", "Monday, 15 June 2009"}, {d, "f", "Monday, 15 June 2009 13:45"},
		{d, "F", "Monday, 15 June 2009 13:45:30"}, {d, "g", "06/15/2009 13:45"}, {d, "G", "06/15/2009 13:45:30"}, {d, "M", "June 15"},
		{d, "o", "2009-06-15T13:45:30.6170000"}, {d.WithKind(Utc), "O", "2009-06-15T13:45:30.6170000Z"}, {d.WithKind(Local), "o", "2009-06-15T13:45:30.6170000+00:00"},
		{d, "R", "Mon, 15 Jun 2009 13:45:30 GMT"}, {d, "s", "2009-06-15T13:45:30"}, {d, "t", "13:45"}, {d, "T", "13:45:30"},
		{d, "u", "2009-06-15 13:45:30Z"}, {d, "U", "Monday, 15 June 2009 13:45:30"}, {d, "y", "2009 June"},
		{d, "yyyy-MM-ddTHH:mm:ssZ", "2009-06-15T13:45:30Z"}, {d, "yyyyMMddTHHmmssZ", "20090615T134530Z"}, {d, "yyyy-MM-ddTHH:mm:ss.fff", "2009-06-15T13:45:30.617"},
		{d, "h:m:s.F t", "1:45:30.6 P"}, {d, "hh tt", "01 PM"}, {d, "%d", "15"}, {d, "ddd MMM y", "Mon Jun 9"}, {d, "'day' \\d g zzz", "day d A.D. +00:00"},
		{early, "yyyyy", "00001"}, {early, "y yy yyy yyyy", "1 01 001 0001"}, {early, "h H hh", "12 0 12"}, {early, "s.FFF", "9"}, {early, "K", "!Input string was not in a correct format."},
		{early, "%K", "Z"}, {d, "x", "!Input string was not in a correct format."}, {d, "ffffffff", "!Input string was not in a correct format."},
		{d, "'abc", "!Cannot find a matching quote character for the character '''."}, {d, "yyyy%", "!Input string was not in a correct format."},
		{MinDateTime, "", "01/01/0001 00:00:00"}, {MaxDateTime, "o", "9999-12-31T23:59:59.9999999"},
	} {
		got, err := c.d.Format(c.format)
		if err != nil {
			got = "!" + err.(*Exception).Message
		}
		if got != c.want {
			t.Errorf("%s.ToString(%q) = %q, want %q", c.d, c.format, got, c.want)
		}
	}
	o, _ := NewDateTimeOffset(d, -7*TicksPerHour)
	for format, want := range map[string]string{"": "06/15/2009 13:45:30 -07:00", "o": "2009-06-15T13:45:30.6170000-07:00", "R": "Mon, 15 Jun 2009 20:45:30 GMT",
		"u": "2009-06-15 20:45:30Z", "d": "06/15/2009", "%z": "-7", "zz zzz K": "-07 -07:00 -07:00"} {
		if got, err := o.Format(format); err != nil || got != want {
			t.Errorf("offset in %q = %q, %v, want %q", format, got, err, want)
		}
	}
}

// TestDateParse has texts of the documentation of DateTime.Parse, and what its remarks say of them.
func TestDateParse(t *testing.T) {
	now := date(t, Local, 2026, 11, 22, 3, 4, 5)
	for s, want := range map[string]string{
		"2009-06-15": "2009-06-15T00:00:00.0000000", "2009-06-15T13:45:30": "2009-06-15T13:45:30.0000000", "2009-06-15 13:45": "2009-06-15T13:45:00.0000000",
		"2009-06-15T13:45:30Z": "2009-06-15T13:45:30.0000000+00:00", "2009-06-15T13:45:30.1234567-07:00": "2009-06-15T20:45:30.1234567+00:00",
		"2009-06-15T13:45:30.12345678": "2009-06-15T13:45:30.1234568", "2009-06-15T13:45+0530": "2009-06-15T08:15:00.0000000+00:00",
		"Mon, 15 Jun 2009 20:45:30 GMT": "2009-06-15T20:45:30.0000000+00:00", "Monday, 15 June 2009 13:45": "2009-06-15T13:45:00.0000000",
		"06/15/2009": "2009-06-15T00:00:00.0000000", "6/15/09 1:45 PM": "2009-06-15T13:45:00.0000000", "06-15-2009": "2009-06-15T00:00:00.0000000", "6.15.2009": "2009-06-15T00:00:00.0000000",
		"12/31/49": "2049-12-31T00:00:00.0000000", "12/31/50": "1950-12-31T00:00:00.0000000", "2009/06/15": "2009-06-15T00:00:00.0000000",
		"June 15, 2009": "2009-06-15T00:00:00.0000000", "15 Jun 2009": "2009-06-15T00:00:00.0000000", "jun 2009": "2009-06-01T00:00:00.0000000", "June 15": "2026-06-15T00:00:00.0000000", "15-Jun-2009": "2009-06-15T00:00:00.0000000",
		"2009 June": "2009-06-01T00:00:00.0000000", "2009-06": "2009-06-01T00:00:00.0000000", "6/2009": "2009-06-01T00:00:00.0000000", "6/15": "2026-06-15T00:00:00.0000000",
		"13:45": "2026-11-22T13:45:00.0000000", "1 PM": "2026-11-22T13:00:00.0000000", "12:30 AM": "2026-11-22T00:30:00.0000000",
		" 2009-06-15 ": "2009-06-15T00:00:00.0000000", "2009-06-15 13:45:30Z": "2009-06-15T13:45:30.0000000+00:00",
		"9999-12-31T23:59:59.9999999": "9999-12-31T23:59:59.9999999", "13:45 6/15/2009": "2009-06-15T13:45:00.0000000",
		"": "!String '' was not recognized as a valid DateTime.", "20090615": "!", "15/06/2009": "!", "2009-06-15T24:00:00": "!", "tomorrow": "!", "2009-06-15T": "!", "1 2 3 4": "!",
		"2009-02-30T00:00:00":       "!The DateTime represented by the string '2009-02-30T00:00:00' is not supported in calendar 'System.Globalization.GregorianCalendar'.",
		"2009-02-30":                "!",
		"Tue, 15 Jun 2009":          "!String 'Tue, 15 Jun 2009' was not recognized as a valid DateTime because the day of week was incorrect.",
		"13:45:30 PM":               "!",
		"2009-06-15T13:45:30+15:00": "!", "12:60": "!", "-2009-06-15": "!", "2009-06-15T13:45:30ZZ": "!", "12": "!",
	} {
		d, err := ParseDateTime(s, now)
		got, _ := d.Format("o")
		if err != nil {
			if got = "!" + err.(*Exception).Message; want == "!" {
				want = "!String '" + s + "' was not recognized as a valid DateTime."
			}
		}
		if got != want {
			t.Errorf("DateTime.Parse(%q) = %s, want %s", s, got, want)
		}
	}
	o, err := ParseDateTimeOffset("2009-06-15T13:45:30-07:00", now)
	if err != nil || o.String() != "06/15/2009 13:45:30 -07:00" || o.UnixTime(TicksPerSecond) != 1245098730 {
		t.Error(o, err)
	}
}

func TestDateArithmetic(t *testing.T) {
	for range 20000 {
		ticks := rand.Int64N(maxTicks)
		d, _ := DateTimeOfTicks(ticks, Utc)
		g := d.Time()
		year, month, day := d.Date()
		if y, m, dd := g.Date(); y != year || int(m) != month || dd != day || d.DayOfYear() != g.YearDay() || d.DayOfWeek() != int(g.Weekday()) {
			t.Fatalf("%d ticks: %v, Go says %v", ticks, d, g)
		}
		if OfTime(g, Utc) != d {
			t.Fatalf("%v: %v", d, OfTime(g, Utc))
		}
		for _, format := range []string{"o", "yyyy-MM-dd HH:mm:ss.fffffffzzz", "dddd, dd MMMM yyyy HH:mm:ss.fffffff 'GMT'"} {
			s, err := d.Format(format)
			back, err2 := ParseDateTime(s, 0)
			if err != nil || err2 != nil || back.Cmp(d) != 0 {
				t.Fatalf("%s reads back as %v: %v %v", s, back, err, err2)
			}
		}
		n := rand.IntN(2000) - 1000
		sum, err := d.AddMonths(n)
		if err != nil {
			continue
		}
		want := time.Date(year, time.Month(month)+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
		if y, m, _ := sum.Date(); y != want.Year() || m != int(want.Month()) {
			t.Fatalf("%v.AddMonths(%d) = %v", d, n, sum)
		}
	}
	d := date(t, Utc, 2020, 1, 31)
	for _, c := range []struct {
		got  func() (DateTime, error)
		want string
	}{
		{func() (DateTime, error) { return d.AddMonths(1) }, "02/29/2020 00:00:00"},
		{func() (DateTime, error) { return d.AddYears(-1) }, "01/31/2019 00:00:00"},
		{func() (DateTime, error) { return d.AddUnits(1.5, TicksPerDay) }, "02/01/2020 12:00:00"},
		{func() (DateTime, error) { return d.AddUnits(-0.5, TicksPerMinute) }, "01/30/2020 23:59:30"},
		{func() (DateTime, error) { return d.AddUnits(1e10, TicksPerDay) }, "System.ArgumentOutOfRangeException: Value to add was out of range. (Parameter 'value')"},
		{func() (DateTime, error) { return MaxDateTime.AddTicks(1) }, "System.ArgumentOutOfRangeException: The added or subtracted value results in an un-representable DateTime. (Parameter 'value')"},
		{func() (DateTime, error) { return NewDateTime(2021, 2, 29, 0, 0, 0, 0, 0) }, "System.ArgumentOutOfRangeException: Year, Month, and Day parameters describe an un-representable DateTime."},
	} {
		got, err := c.got()
		s := got.String()
		if err != nil {
			s = message(err)
		}
		if s != c.want {
			t.Errorf("got %s, want %s", s, c.want)
		}
	}
}

// TestTimeSpans has the examples of learn.microsoft.com (standard- and custom-timespan-format-strings, TimeSpan.Parse).
func TestTimeSpans(t *testing.T) {
	a, _ := NewTimeSpan(7, 23, 59, 59, 0, 0)
	b, _ := NewTimeSpan(0, 1, 2, 3, 450, 0)
	for _, c := range []struct {
		t            TimeSpan
		format, want string
	}{
		{a, "", "7.23:59:59"}, {0, "", "00:00:00"}, {-b, "c", "-01:02:03.4500000"}, {a, "g", "7:23:59:59"}, {b, "g", "1:02:03.45"}, {b, "G", "0:01:02:03.4500000"},
		{a, "%d", "7"}, {a, "dd\\.hh\\:mm", "07.23:59"}, {b, "h'h 'm'm 's's'", "1h 2m 3s"}, {b, "ss\\.fff", "03.450"}, {b, "s\\.FFF", "3.45"}, {b, "hh:mm", "!"}, {b, "hhh", "!"}, {b, "d", "!"},
		{MinTimeSpan, "", "-10675199.02:48:05.4775808"}, {MaxTimeSpan, "", "10675199.02:48:05.4775807"},
	} {
		got, err := c.t.Format(c.format)
		if err != nil {
			got = "!"
		}
		if got != c.want {
			t.Errorf("(%d).ToString(%q) = %q, want %q", c.t, c.format, got, c.want)
		}
	}
	for s, want := range map[string]string{"6": "6.00:00:00", "6:12": "06:12:00", "6:12:14": "06:12:14", "6:12:14:45": "6.12:14:45", "6.12:14:45": "6.12:14:45",
		"6:12:14:45.3448": "6.12:14:45.3448000", "6:12:14:45,3448": "!System.FormatException", "6:34:14:45": "!System.OverflowException", " -1:00 ": "-01:00:00", "24:00:00": "24.00:00:00",
		"": "!System.FormatException", "1.2": "!System.FormatException", "0:0:0.0000001": "00:00:00.0000001", "25:00": "!System.OverflowException"} {
		v, err := ParseTimeSpan(s)
		got := v.String()
		if err != nil {
			got = "!" + err.(*Exception).TypeName
		}
		if got != want {
			t.Errorf("TimeSpan.Parse(%q) = %s, want %s", s, got, want)
		}
	}
	for range 20000 {
		v := TimeSpan(rand.Int64() >> rand.IntN(60))
		if rand.IntN(2) == 0 {
			v = -v
		}
		for _, format := range []string{"c", "g", "G"} {
			s, _ := v.Format(format)
			if back, err := ParseTimeSpan(s); err != nil || back != v {
				t.Fatalf("%s reads back as %v, %v", s, back, err)
			}
		}
	}
	if v, _ := SpanOf(1.5, TicksPerMillisecond); v != 15000 {
		t.Error(v)
	}
}

func FuzzDates(f *testing.F) {
	f.Add("2009-06-15T13:45:30.6+01:00", "yyyy-MM-dd 'x' \\h %K", int64(633805000000000000))
	f.Fuzz(func(t *testing.T, s, format string, ticks int64) {
		if d, err := ParseDateTime(s, 0); err == nil {
			o, _ := d.Format("o")
			if back, err := ParseDateTime(o, 0); err != nil || back != d {
				t.Fatalf("%q: %s: %s %v", s, o, back, err)
			}
		}
		if v, err := ParseTimeSpan(s); err == nil {
			if back, err := ParseTimeSpan(v.String()); err != nil || back != v {
				t.Fatalf("%q: %s %v", s, v, err)
			}
		}
		ParseDateTimeOffset(s, 0)
		if d, err := DateTimeOfTicks(ticks, Utc); err == nil && len(format) < 100 {
			d.Format(format)
			OffsetOf(d).Format(format)
		}
		TimeSpan(ticks).Format(format)
	})
}

func TestExact(t *testing.T) {
	for _, c := range [][3]string{
		{"15/06/2009 13:45:30 -07:00", "dd/MM/yyyy HH:mm:ss zzz", "2009-06-15T13:45:30.0000000-07:00"}, {"20090615T134530Z", "yyyyMMddTHHmmssK", "2009-06-15T13:45:30.0000000+00:00"},
		{"6/15/09 1:45 PM", "M/d/yy h:mm tt", "2009-06-15T13:45:00.0000000+00:00"}, {"Mon, 15 Jun 2009 20:45:30 GMT", "r", "2009-06-15T20:45:30.0000000+00:00"},
		{"2009-06-15T13:45:30.1230000Z", "o", "2009-06-15T13:45:30.1230000+00:00"}, {"2009", "yyyy", "2009-01-01T00:00:00.0000000+00:00"}, {"2009-06-15", "yyyy-MM-ddTHH", "!"},
		{"2009-6-15", "yyyy-MM-dd", "!"}, {"Tue 15 June 2009", "ddd dd MMMM yyyy", "!"}, {"2009-02-30", "yyyy-MM-dd", "!"}, {"x", "", "!"},
	} {
		o, err := ParseDateTimeOffsetExact(c[0], c[1], 0)
		got, _ := o.Format("o")
		if err != nil {
			got = "!"
		}
		if got != c[2] {
			t.Errorf("ParseExact(%q, %q) = %s, %v, want %s", c[0], c[1], got, err, c[2])
		}
	}
	for _, c := range [][3]string{{"1.02:03", "d\\.hh\\:mm", "1.02:03:00"}, {"90", "ss", "!"}, {"5", "%d", "5.00:00:00"}, {"1:02:03", "g", "01:02:03"}, {"1:02:03:04.5000000", "G", "1.02:03:04.5000000"}, {"01:02", "hh\\:mm", "01:02:00"}} {
		v, err := ParseTimeSpanExact(c[0], c[1])
		got := v.String()
		if err != nil {
			got = "!"
		}
		if got != c[2] {
			t.Errorf("TimeSpan.ParseExact(%q, %q) = %s, %v, want %s", c[0], c[1], got, err, c[2])
		}
	}
}
