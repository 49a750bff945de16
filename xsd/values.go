package xsd

import (
	"encoding/base64"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// value is what a lexical form stands for. Two values of one primitive type are equal when their keys are.
type value struct {
	key    string   // canonical, with the primitive type before it
	length int      // in units of the length facets
	num    *big.Rat // of decimals
	float  float64
	date   *moment
	span   *span
	items  []value // of lists
}

// maxDigits bounds the digits of a decimal: arithmetic on more of them costs more than a message is worth.
const maxDigits = 4096

var (
	decimalForm  = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)$`)
	floatForm    = regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$`)
	languageForm = regexp.MustCompile(`^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`)
	base64Form   = regexp.MustCompile(`^[A-Za-z0-9+/]*={0,2}$`)
	spanForm     = regexp.MustCompile(`^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(\.\d+)?S)?)?$`)
)

// primitives read values by the name of their primitive type; false is a text that is no value of it.
var primitives = map[string]func(s string) (value, bool){
	"anySimpleType": readString, "string": readString, "anyURI": readURI, "QName": readQName, "NOTATION": readQName,
	"boolean": readBoolean, "decimal": readDecimal, "float": readFloat, "double": readFloat, "duration": readSpan,
	"hexBinary": readHex, "base64Binary": readBase64,
	"dateTime": readMoment("dateTime"), "date": readMoment("date"), "time": readMoment("time"), "gYear": readMoment("gYear"),
	"gYearMonth": readMoment("gYearMonth"), "gMonthDay": readMoment("gMonthDay"), "gMonth": readMoment("gMonth"), "gDay": readMoment("gDay"),
}

func readString(s string) (value, bool) {
	return value{key: s, length: utf8.RuneCountInString(s)}, true
}

// readURI takes what a URI reference may be made of; blanks and the like are none of it.
func readURI(s string) (value, bool) {
	return value{key: s, length: utf8.RuneCountInString(s)}, !strings.ContainsAny(s, " <>\"{}|\\^`\n\t") && strings.Count(s, "#") < 2
}

func readQName(s string) (value, bool) {
	prefix, local, ok := strings.Cut(s, ":")
	return value{key: s, length: utf8.RuneCountInString(s)}, isNCName(prefix) && (!ok || isNCName(local))
}

func readBoolean(s string) (value, bool) {
	switch s {
	case "true", "1":
		return value{key: "true"}, true
	case "false", "0":
		return value{key: "false"}, true
	}
	return value{}, false
}

func readDecimal(s string) (value, bool) {
	if len(s) > maxDigits || !decimalForm.MatchString(s) {
		return value{}, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return value{}, false
	}
	return value{key: r.RatString(), num: r}, true
}

func readFloat(s string) (value, bool) {
	var f float64
	switch s {
	case "INF":
		f = math.Inf(1)
	case "-INF":
		f = math.Inf(-1)
	case "NaN":
		f = math.NaN()
	default:
		if !floatForm.MatchString(s) {
			return value{}, false
		}
		f, _ = strconv.ParseFloat(s, 64) // what is out of range is infinite
	}
	return value{key: strconv.FormatFloat(f, 'g', -1, 64), float: f}, true
}

func readHex(s string) (value, bool) {
	if len(s)%2 != 0 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return value{}, false
	}
	return value{key: strings.ToUpper(s), length: len(s) / 2}, true
}

func readBase64(s string) (value, bool) {
	s = strings.ReplaceAll(s, " ", "")
	data, err := base64.StdEncoding.DecodeString(s)
	return value{key: s, length: len(data)}, err == nil && base64Form.MatchString(s)
}

// moment is a point in time, or some that recur; without a zone it is only known to 14 hours.
type moment struct {
	t    time.Time
	zone bool
}

// momentForms are the lexical forms of the kinds of moments, without the zone.
var momentForms = map[string]*regexp.Regexp{
	"dateTime":   regexp.MustCompile(`^(?P<y>-?(?:[1-9]\d{3,}|0\d{3}))-(?P<m>\d\d)-(?P<d>\d\d)T(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d(?:\.\d+)?)$`),
	"date":       regexp.MustCompile(`^(?P<y>-?(?:[1-9]\d{3,}|0\d{3}))-(?P<m>\d\d)-(?P<d>\d\d)$`),
	"time":       regexp.MustCompile(`^(?P<H>\d\d):(?P<M>\d\d):(?P<S>\d\d(?:\.\d+)?)$`),
	"gYear":      regexp.MustCompile(`^(?P<y>-?(?:[1-9]\d{3,}|0\d{3}))$`),
	"gYearMonth": regexp.MustCompile(`^(?P<y>-?(?:[1-9]\d{3,}|0\d{3}))-(?P<m>\d\d)$`),
	"gMonthDay":  regexp.MustCompile(`^--(?P<m>\d\d)-(?P<d>\d\d)$`),
	"gMonth":     regexp.MustCompile(`^--(?P<m>\d\d)$`),
	"gDay":       regexp.MustCompile(`^---(?P<d>\d\d)$`),
}

var zoneForm = regexp.MustCompile(`(Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)$`)

func readMoment(kind string) func(string) (value, bool) {
	form := momentForms[kind]
	return func(s string) (value, bool) {
		if len(s) > 64 {
			return value{}, false
		}
		zone := zoneForm.FindString(s)
		if kind == "gYear" || kind == "gYearMonth" || kind == "gMonthDay" || kind == "gMonth" || kind == "gDay" || kind == "date" {
			// A zone of these follows a complete form; "-05:00" of "2001-05:00" is one, of "--05" there is none.
			if zone != "" && !form.MatchString(strings.TrimSuffix(s, zone)) {
				zone = ""
			}
		}
		found := form.FindStringSubmatch(strings.TrimSuffix(s, zone))
		if found == nil {
			return value{}, false
		}
		m, ok := momentOf(form, found, zone)
		if !ok {
			return value{}, false
		}
		key := m.t.Format("2006-01-02T15:04:05.999999999")
		if m.zone {
			key += "Z"
		}
		return value{key: key, date: m}, true
	}
}

func momentOf(form *regexp.Regexp, found []string, zone string) (*moment, bool) {
	part := func(name string, otherwise int) int {
		i := form.SubexpIndex(name)
		if i < 0 {
			return otherwise
		}
		n, err := strconv.Atoi(found[i])
		if err != nil {
			return -1 << 30
		}
		return n
	}
	year, month, day, hour, minute := part("y", 2000), part("m", 1), part("d", 1), part("H", 0), part("M", 0)
	second := 0.0
	if i := form.SubexpIndex("S"); i >= 0 {
		second, _ = strconv.ParseFloat(found[i], 64)
	}
	midnight := hour == 24 && minute == 0 && second == 0
	if year == 0 || year < -999999 || year > 999999 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 && !midnight || minute > 59 || second >= 60 {
		return nil, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, int(second), int(math.Round((second-math.Floor(second))*1e9)), time.UTC)
	m := &moment{t: t, zone: zone != ""}
	if len(zone) == 6 {
		h, _ := strconv.Atoi(zone[1:3])
		min, _ := strconv.Atoi(zone[4:])
		off := time.Duration(h)*time.Hour + time.Duration(min)*time.Minute
		if zone[0] == '+' {
			off = -off
		}
		m.t = t.Add(off)
	}
	return m, true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// compare orders two moments; false when the zone that one lacks could make it either.
func (m *moment) compare(o *moment) (int, bool) {
	if m.zone == o.zone {
		return m.t.Compare(o.t), true
	}
	const most = 14 * time.Hour
	switch d := m.t.Sub(o.t); {
	case d < -most:
		return -1, true
	case d > most:
		return 1, true
	}
	return 0, false
}

// span is a duration: months and seconds, which no fixed number of the other makes.
type span struct {
	months  int64
	seconds float64
}

func readSpan(s string) (value, bool) {
	m := spanForm.FindStringSubmatch(s)
	if m == nil || len(s) > 64 || strings.HasSuffix(s, "P") || strings.HasSuffix(s, "T") {
		return value{}, false
	}
	n := func(i int) int64 {
		v, err := strconv.ParseInt("0"+m[i], 10, 40)
		if err != nil {
			return 1 << 40
		}
		return v
	}
	seconds, _ := strconv.ParseFloat("0"+m[8]+m[9], 64)
	d := &span{n(2)*12 + n(3), float64(n(4))*86400 + float64(n(6))*3600 + float64(n(7))*60 + seconds}
	if m[1] != "" {
		d.months, d.seconds = -d.months, -d.seconds
	}
	if d.months > 1<<36 || d.months < -1<<36 {
		return value{}, false
	}
	return value{key: strconv.FormatInt(d.months, 10) + "/" + strconv.FormatFloat(d.seconds, 'g', -1, 64), span: d}, true
}

// compare orders two durations as the specification does: from four moments on, all of which have to agree.
func (d *span) compare(o *span) (int, bool) {
	order := 0
	for i, from := range [...][2]int{{1696, 9}, {1697, 2}, {1903, 3}, {1903, 7}} {
		a, b := d.from(from), o.from(from)
		now := 0
		if a < b {
			now = -1
		} else if a > b {
			now = 1
		}
		if i > 0 && now != order {
			return 0, false
		}
		order = now
	}
	return order, true
}

// from is the seconds that pass from the first of a month on.
func (d *span) from(at [2]int) float64 {
	if d.months > 1e6 || d.months < -1e6 { // so far off that the days of single months do not count
		return float64(d.months)*2629746 + d.seconds
	}
	start := time.Date(at[0], time.Month(at[1]), 1, 0, 0, 0, 0, time.UTC)
	end := time.Date(at[0], time.Month(at[1])+time.Month(d.months), 1, 0, 0, 0, 0, time.UTC)
	return float64(end.Unix()-start.Unix()) + d.seconds
}

// compare orders two values of one primitive type; false when they have no order.
func (v value) compare(o value) (int, bool) {
	switch {
	case v.num != nil && o.num != nil:
		return v.num.Cmp(o.num), true
	case v.date != nil && o.date != nil:
		return v.date.compare(o.date)
	case v.span != nil && o.span != nil:
		return v.span.compare(o.span)
	case v.num != nil || o.num != nil || v.date != nil || o.date != nil || v.span != nil || o.span != nil:
		return 0, false
	case v.float < o.float:
		return -1, true
	case v.float > o.float:
		return 1, true
	}
	return 0, v.float == o.float
}

func isNCName(s string) bool { return isName(s) && !strings.Contains(s, ":") }

func isName(s string) bool {
	for i, c := range s {
		set := nameChars
		if i == 0 {
			set = initialChars
		}
		if !set.has(c) {
			return false
		}
	}
	return s != ""
}

func isNmtoken(s string) bool {
	for _, c := range s {
		if !nameChars.has(c) {
			return false
		}
	}
	return s != ""
}

func (r ranges) has(c rune) bool {
	low, high := 0, len(r)
	for low < high {
		switch i := (low + high) / 2; {
		case c < r[i][0]:
			high = i
		case c > r[i][1]:
			low = i + 1
		default:
			return true
		}
	}
	return false
}
