package newtonsoft

import (
	"strconv"
	"strings"
	"time"
)

// DateTime is System.DateTime: ticks of 100 ns since year 1, and what they are relative to.
type DateTime struct {
	Ticks int64
	Kind  Kind
}

// Kind is DateTimeKind.
type Kind uint8

// The members of DateTimeKind.
const (
	Unspecified Kind = iota
	UTC
	Local
)

const (
	ticksPerSecond = 10_000_000
	unixSeconds    = 62135596800 // of the year 1 to 1970
	maxTicks       = 3155378975999999999
)

func (d DateTime) time() time.Time {
	return time.Unix(d.Ticks/ticksPerSecond-unixSeconds, d.Ticks%ticksPerSecond*100).UTC()
}

// parseDate recognises the strings that Json.NET takes for dates when it reads text: ISO 8601 with a T, and /Date(1)/.
func parseDate(s string) (DateTime, bool) {
	switch {
	case len(s) >= 19 && len(s) <= 40 && s[10] == 'T' && s[0] >= '0' && s[0] <= '9':
		return parseISO(s)
	case len(s) >= 9 && strings.HasPrefix(s, "/Date(") && strings.HasSuffix(s, ")/"):
		return parseMicrosoft(s[6 : len(s)-2])
	}
	return DateTime{}, false
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

func parseISO(s string) (d DateTime, ok bool) {
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
	return DateTime{min(max(ticks, 0), maxTicks), kind}, true
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
func parseZone(z string) (offset int64, kind Kind, ok bool) {
	switch {
	case z == "":
		return 0, Unspecified, true
	case z == "Z" || z == "z":
		return 0, UTC, true
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
	return offset, Local, true
}

// parseMicrosoft reads the inside of /Date(1234-0500)/: milliseconds since 1970, and an offset that only makes it local.
func parseMicrosoft(s string) (DateTime, bool) {
	kind := UTC
	if i := strings.LastIndexAny(s, "+-"); i > 0 {
		if _, ok := fixed(s, i+1, 2, 99); !ok {
			return DateTime{}, false
		}
		s, kind = s[:i], Local
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms > 1<<50 || ms < -1<<50 {
		return DateTime{}, false
	}
	ticks := unixSeconds*ticksPerSecond + ms*(ticksPerSecond/1000)
	return DateTime{ticks, kind}, ticks >= 0 && ticks <= maxTicks
}

// appendDate prints a date as ISO 8601 with as much of the fraction as there is.
func appendDate(b []byte, d DateTime) []byte {
	b = d.time().AppendFormat(append(b, '"'), "2006-01-02T15:04:05.9999999")
	switch d.Kind {
	case UTC:
		b = append(b, 'Z')
	case Local:
		b = append(b, "+00:00"...)
	}
	return append(b, '"')
}

func appendOther(b []byte, v any) []byte {
	if d, ok := v.(DateTime); ok {
		return appendDate(b, d)
	}
	return append(b, "null"...)
}

// floatText is what .NET's shortest round-trip format gives.
func floatText(f float64, bits int) string {
	s := strconv.FormatFloat(f, 'E', -1, bits)
	mantissa, exp, ok := strings.Cut(s, "E")
	if !ok {
		return map[byte]string{'N': "NaN", '+': "Infinity", '-': "-Infinity"}[s[0]]
	}
	if e, _ := strconv.Atoi(exp); e >= -5 && e < 15 || f == 0 {
		return strconv.FormatFloat(f, 'f', -1, bits)
	}
	return mantissa + "E" + exp
}
