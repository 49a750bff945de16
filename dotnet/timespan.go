package dotnet

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// TimeSpan is System.TimeSpan: a number of ticks of 100 ns.
type TimeSpan int64

// Ticks in a unit, and the ends of the type.
const (
	TicksPerMicrosecond          = 10
	TicksPerMillisecond          = 10_000
	TicksPerSecond               = 10_000_000
	TicksPerMinute               = 60 * TicksPerSecond
	TicksPerHour                 = 60 * TicksPerMinute
	TicksPerDay                  = 24 * TicksPerHour
	MaxTimeSpan         TimeSpan = math.MaxInt64
	MinTimeSpan         TimeSpan = math.MinInt64
)

func spanOverflow() *Exception {
	return NewException(OverflowException, "TimeSpan overflowed because the duration is too long.")
}

// SpanOf is TimeSpan.FromDays, FromHours and so on: a number of units of so many ticks, the fraction of a tick cut off.
func SpanOf(units float64, ticksPerUnit int64) (TimeSpan, error) {
	if math.IsNaN(units) {
		return 0, NewException(ArgumentException, "TimeSpan does not accept floating point Not-a-Number values.")
	}
	return spanOfTicks(units * float64(ticksPerUnit))
}

func spanOfTicks(ticks float64) (TimeSpan, error) {
	if ticks > math.MaxInt64 || ticks < math.MinInt64 || math.IsNaN(ticks) {
		return 0, spanOverflow()
	}
	if ticks == math.MaxInt64 {
		return MaxTimeSpan, nil
	}
	return TimeSpan(ticks), nil
}

// NewTimeSpan is new TimeSpan(days, hours, minutes, seconds, milliseconds, microseconds).
func NewTimeSpan(days, hours, minutes, seconds, milliseconds, microseconds int64) (TimeSpan, error) {
	// The parts are ints, so their sum in microseconds fits.
	us := ((days*24+hours)*60+minutes)*60_000_000 + seconds*1_000_000 + milliseconds*1000 + microseconds
	if us > math.MaxInt64/10 || us < math.MinInt64/10 {
		return 0, OutOfRange("TimeSpan overflowed because the duration is too long.", "")
	}
	return TimeSpan(us * 10), nil
}

// Days, Hours, Minutes, Seconds, Milliseconds, Microseconds and Nanoseconds are the parts; all carry the sign.
func (t TimeSpan) Days() int32 { return int32(t / TicksPerDay) }

// Hours is the part from -23 to 23.
func (t TimeSpan) Hours() int32 { return int32(t / TicksPerHour % 24) }

// Minutes is the part from -59 to 59.
func (t TimeSpan) Minutes() int32 { return int32(t / TicksPerMinute % 60) }

// Seconds is the part from -59 to 59.
func (t TimeSpan) Seconds() int32 { return int32(t / TicksPerSecond % 60) }

// Milliseconds is the part from -999 to 999.
func (t TimeSpan) Milliseconds() int32 { return int32(t / TicksPerMillisecond % 1000) }

// Microseconds is the part from -999 to 999.
func (t TimeSpan) Microseconds() int32 { return int32(t / TicksPerMicrosecond % 1000) }

// Nanoseconds is the part from -900 to 900.
func (t TimeSpan) Nanoseconds() int32 { return int32(t%TicksPerMicrosecond) * 100 }

// Total is TotalDays, TotalHours and so on.
func (t TimeSpan) Total(ticksPerUnit int64) float64 { return float64(t) / float64(ticksPerUnit) }

// TotalMilliseconds is held within what a TimeSpan of whole milliseconds can be.
func (t TimeSpan) TotalMilliseconds() float64 {
	const limit = math.MaxInt64 / TicksPerMillisecond
	return min(max(t.Total(TicksPerMillisecond), -limit), limit)
}

// Add is a + b.
func (t TimeSpan) Add(b TimeSpan) (TimeSpan, error) {
	sum := t + b
	if (t < 0) == (b < 0) && (sum < 0) != (t < 0) {
		return 0, spanOverflow()
	}
	return sum, nil
}

// Sub is a - b.
func (t TimeSpan) Sub(b TimeSpan) (TimeSpan, error) {
	diff := t - b
	if (t < 0) != (b < 0) && (diff < 0) != (t < 0) {
		return 0, spanOverflow()
	}
	return diff, nil
}

// Neg is -a.
func (t TimeSpan) Neg() (TimeSpan, error) {
	if t == MinTimeSpan {
		return 0, NewException(OverflowException, "Negating the minimum value of a twos complement number is invalid.")
	}
	return -t, nil
}

// Duration is the absolute value.
func (t TimeSpan) Duration() (TimeSpan, error) {
	if t == MinTimeSpan {
		return 0, NewException(OverflowException, "The duration cannot be returned for TimeSpan.MinValue because the absolute value of TimeSpan.MinValue exceeds the value of TimeSpan.MaxValue.")
	}
	return max(t, -t), nil
}

// Multiply is a * factor, rounded to the nearest tick.
func (t TimeSpan) Multiply(factor float64) (TimeSpan, error) {
	if math.IsNaN(factor) {
		return 0, Argument("TimeSpan does not accept floating point Not-a-Number values.", "factor")
	}
	return spanOfTicks(math.RoundToEven(float64(t) * factor))
}

// Divide is a / divisor, rounded to the nearest tick.
func (t TimeSpan) Divide(divisor float64) (TimeSpan, error) {
	if math.IsNaN(divisor) {
		return 0, Argument("TimeSpan does not accept floating point Not-a-Number values.", "divisor")
	}
	return spanOfTicks(math.RoundToEven(float64(t) / divisor))
}

// String is ToString(): [-][d.]hh:mm:ss[.fffffff].
func (t TimeSpan) String() string { s, _ := t.Format("c"); return s }

// Format is ToString(format).
// https://learn.microsoft.com/dotnet/standard/base-types/standard-timespan-format-strings
func (t TimeSpan) Format(format string) (string, error) {
	abs := absolute(int64(t))
	days, rest := bits.Div64(0, abs, TicksPerDay)
	fraction := rest % TicksPerSecond
	clock := func(h int) string {
		return zeroPad(strconv.FormatUint(rest/TicksPerHour, 10), h) + ":" + two(rest/TicksPerMinute%60) + ":" + two(rest/TicksPerSecond%60)
	}
	digits := zeroPad(strconv.FormatUint(fraction, 10), 7)
	switch format {
	case "", "c", "t", "T":
		s := sign(t < 0)
		if days > 0 {
			s += strconv.FormatUint(days, 10) + "."
		}
		if s += clock(2); fraction > 0 {
			s += "." + digits
		}
		return s, nil
	case "g":
		s := sign(t < 0)
		if days > 0 {
			s += strconv.FormatUint(days, 10) + ":"
		}
		if s += clock(1); fraction > 0 {
			s += "." + strings.TrimRight(digits, "0")
		}
		return s, nil
	case "G":
		return sign(t < 0) + strconv.FormatUint(days, 10) + ":" + clock(2) + "." + digits, nil
	}
	if len(format) == 1 {
		return "", badFormat()
	}
	return formatSpan(format, days, rest, digits)
}

func two(n uint64) string { return zeroPad(strconv.FormatUint(n, 10), 2) }

func badFormat() *Exception { return formatError("Input string was not in a correct format.") }

// formatSpan prints in a custom format. It has no letter for the sign.
func formatSpan(format string, days, rest uint64, digits string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(format); {
		c := format[i]
		n := run(format[i:])
		unit, limit := uint64(0), 2
		switch c {
		case 'd':
			unit, limit = days, 8
		case 'h':
			unit = rest / TicksPerHour
		case 'm':
			unit = rest / TicksPerMinute % 60
		case 's':
			unit = rest / TicksPerSecond % 60
		case 'f', 'F':
			if n > 7 {
				return "", badFormat()
			}
			part := digits[:n]
			if c == 'F' {
				part = strings.TrimRight(part, "0")
			}
			b.WriteString(part)
			i += n
			continue
		default:
			length, err := literal(&b, format[i:], func(one string) (string, error) {
				return formatSpan(one, days, rest, digits)
			})
			if err != nil {
				return "", err
			}
			if length == 0 {
				return "", badFormat()
			}
			i += length
			continue
		}
		if n > limit {
			return "", badFormat()
		}
		b.WriteString(zeroPad(strconv.FormatUint(unit, 10), n))
		i += n
	}
	return b.String(), nil
}

// run counts how often the first byte of s is repeated.
func run(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	return n
}

// literal writes what stands at the start of a format as a quoted text, an escaped character or %, which makes one letter a
// custom format. It returns the bytes it took, 0 when there is nothing of that kind.
func literal(b *strings.Builder, format string, custom func(string) (string, error)) (int, error) {
	switch c := format[0]; c {
	case '\'', '"':
		for i := 1; i < len(format); i++ {
			switch format[i] {
			case c:
				return i + 1, nil
			case '\\':
				if i++; i >= len(format) {
					return 0, badFormat()
				}
			}
			b.WriteByte(format[i])
		}
		return 0, NewException(FormatException, "Cannot find a matching quote character for the character '%c'.", c)
	case '\\':
		if len(format) < 2 {
			return 0, badFormat()
		}
		_, n := decode(format[1:])
		b.WriteString(format[1 : 1+n])
		return 1 + n, nil
	case '%':
		if len(format) < 2 || format[1] == '%' {
			return 0, badFormat()
		}
		_, n := decode(format[1:])
		s, err := custom(format[1 : 1+n])
		b.WriteString(s)
		return 1 + n, err
	}
	return 0, nil
}

func badSpan(s string) *Exception {
	return NewException(FormatException, "String '%s' was not recognized as a valid TimeSpan.", s)
}

// ParseTimeSpan is TimeSpan.Parse: d, h:m, h:m:s, d.h:m, d.h:m:s and d:h:m:s with a fraction of the second.
func ParseTimeSpan(s string) (TimeSpan, error) {
	text := strings.TrimFunc(s, IsWhiteSpace)
	text, neg := strings.CutPrefix(text, "-")
	var numbers []string
	separators := ""
	for i := 0; ; i++ {
		start := i
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
		if i == start {
			return 0, badSpan(s)
		}
		numbers = append(numbers, text[start:i])
		if i == len(text) {
			break
		}
		separators += string(text[i])
	}
	overflow := false
	for _, shape := range spanShapes[separators] {
		t, ok := assemble(shape, numbers, neg)
		if ok {
			return t, nil
		}
		overflow = true
	}
	if overflow {
		return 0, NewException(OverflowException, "The TimeSpan string '%s' could not be parsed because at least one of the numeric components is out of range or contains too many digits.", s)
	}
	return 0, badSpan(s)
}

// spanShapes says what the numbers between separators are; where two readings are possible the first that fits counts:
// 24:00:00 is 24 days, because no day has 24 hours.
var spanShapes = map[string][]string{
	"": {"d"}, ":": {"hm"}, "::": {"hms", "dhm"}, ".:": {"dhm"}, ":::": {"dhms"}, ".::": {"dhms"}, "::.": {"hmsf"},
	":::.": {"dhmsf"}, ".::.": {"dhmsf"},
}

func assemble(shape string, numbers []string, neg bool) (TimeSpan, bool) {
	var ticks uint64
	for i, unit := range shape {
		digits := numbers[i]
		if unit == 'f' {
			n, err := strconv.ParseFloat("0."+digits, 64)
			if err != nil {
				return 0, false
			}
			ticks += uint64(math.Round(n * TicksPerSecond))
			continue
		}
		if digits = strings.TrimLeft(digits, "0"); len(digits) > 8 {
			return 0, false
		}
		n, _ := strconv.ParseUint("0"+digits, 10, 64)
		limit, scale := uint64(59), uint64(TicksPerMinute)
		switch unit {
		case 'd':
			limit, scale = 10675199, TicksPerDay
		case 'h':
			limit, scale = 23, TicksPerHour
		case 's':
			scale = TicksPerSecond
		}
		if n > limit {
			return 0, false
		}
		ticks += n * scale
	}
	if neg {
		return TimeSpan(-ticks), ticks <= 1<<63
	}
	return TimeSpan(ticks), ticks < 1<<63
}
