package newtonsoft

import (
	"strconv"
	"strings"
	"time"

	"gatehouse/dotnet"
)

const (
	ticksPerSecond = 10_000_000
	unixSeconds    = 62135596800 // of the year 1 to 1970
	maxTicks       = 3155378975999999999
)

// parseDate recognises the strings that Json.NET takes for dates when it reads text: ISO 8601 with a T, and /Date(1)/.
func parseDate(s string) (dotnet.DateTime, bool) {
	switch {
	case len(s) >= 19 && len(s) <= 40 && s[10] == 'T' && s[0] >= '0' && s[0] <= '9':
		return parseISO(s)
	case len(s) >= 9 && strings.HasPrefix(s, "/Date(") && strings.HasSuffix(s, ")/"):
		return parseMicrosoft(s[6 : len(s)-2])
	}
	return 0, false
}

// number2 reads exactly n digits at i.
func fixed(s string, i, n, most int) (int, bool) {
	if i+n > len(s) {
		return 0, false
	}
	v := 0
	for _, c := range []byte(s[i : i+n]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v, v <= most
}

func parseISO(s string) (d dotnet.DateTime, ok bool) {
	var f [6]int
	for i, part := range [...]struct{ at, n, most int }{{0, 4, 9999}, {5, 2, 12}, {8, 2, 31}, {11, 2, 24}, {14, 2, 59}, {17, 2, 59}} {
		if f[i], ok = fixed(s, part.at, part.n, part.most); !ok {
			return d, false
		}
	}
	if s[4] != '-' || s[7] != '-' || s[13] != ':' || s[16] != ':' || f[0] == 0 || f[1] == 0 || f[2] == 0 ||
		time.Date(f[0], time.Month(f[1]), f[2], 0, 0, 0, 0, time.UTC).Day() != f[2] {
		return d, false
	}
	fraction, i, ok := parseFraction(s)
	if !ok || f[3] == 24 && (f[4] != 0 || f[5] != 0 || fraction != 0) {
		return d, false
	}
	offset, kind, ok := parseZone(s[i:])
	if !ok {
		return d, false
	}
	t := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], 0, time.UTC)
	ticks := (t.Unix()+unixSeconds)*ticksPerSecond + fraction - offset
	d, err := dotnet.DateTimeOfTicks(min(max(ticks, 0), maxTicks), kind)
	return d, err == nil
}

// parseFraction reads up to seven digits after the seconds; an eighth makes the text a mere string.
func parseFraction(s string) (ticks int64, end int, ok bool) {
	i := 19
	if i >= len(s) || s[i] != '.' {
		return 0, i, true
	}
	n := 0
	for i++; i < len(s) && n < 7 && s[i] >= '0' && s[i] <= '9'; i++ {
		ticks = ticks*10 + int64(s[i]-'0')
		n++
	}
	ok = n > 0
	for ; n < 7; n++ {
		ticks *= 10
	}
	return ticks, i, ok
}

// parseZone reads nothing, Z or an offset. A date with an offset becomes local time, which is UTC here.
func parseZone(z string) (offset int64, kind dotnet.DateTimeKind, ok bool) {
	switch {
	case z == "":
		return 0, dotnet.Unspecified, true
	case z == "Z" || z == "z":
		return 0, dotnet.Utc, true
	case z[0] != '+' && z[0] != '-':
		return 0, 0, false
	}
	hours, ok := fixed(z, 1, 2, 99)
	if !ok {
		return 0, 0, false
	}
	minutes := 0
	if rest := strings.TrimPrefix(z[3:], ":"); rest != "" {
		if minutes, ok = fixed(rest, 0, 2, 99); !ok || len(rest) != 2 {
			return 0, 0, false
		}
	}
	offset = int64(hours*60+minutes) * 60 * ticksPerSecond
	if z[0] == '-' {
		offset = -offset
	}
	return offset, dotnet.Local, true
}

// parseMicrosoft reads the inside of /Date(1234-0500)/: milliseconds since 1970, and an offset that only makes it local.
func parseMicrosoft(s string) (dotnet.DateTime, bool) {
	kind := dotnet.Utc
	if i := strings.LastIndexAny(s, "+-"); i > 0 {
		if _, ok := fixed(s, i+1, 2, 99); !ok {
			return 0, false
		}
		s, kind = s[:i], dotnet.Local
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms > 1<<50 || ms < -1<<50 {
		return 0, false
	}
	ticks := unixSeconds*ticksPerSecond + ms*(ticksPerSecond/1000)
	d, err := dotnet.DateTimeOfTicks(ticks, kind)
	return d, err == nil
}

// dateText is a date as ISO 8601 with as much of the fraction as there is.
func dateText(d dotnet.DateTime) string {
	zone := ""
	switch d.Kind() {
	case dotnet.Utc:
		zone = "Z"
	case dotnet.Local:
		zone = "+00:00"
	}
	return d.Time().Format("2006-01-02T15:04:05.9999999") + zone
}

func offsetText(o dotnet.DateTimeOffset) string {
	zone, _ := o.Format("zzz")
	return o.Clock().Time().Format("2006-01-02T15:04:05.9999999") + zone
}

// appendOther prints the values that are not Go's own.
func appendOther(b []byte, v any) []byte {
	switch v := v.(type) {
	case dotnet.DateTime:
		return Quote(b, dateText(v))
	case dotnet.DateTimeOffset:
		return Quote(b, offsetText(v))
	case dotnet.TimeSpan:
		return Quote(b, v.String())
	case dotnet.Decimal:
		text := v.String()
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return append(b, text...)
	}
	return append(b, "null"...)
}
