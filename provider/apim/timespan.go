package apim

import (
	"regexp"
	"strconv"
	"time"
)

var timeSpanText = regexp.MustCompile(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?)?$`)

// timeSpan reads an ISO 8601 duration of days and less, such as PT1H; ok is false when it is none or empty.
func timeSpan(text string) (d time.Duration, ok bool) {
	m := timeSpanText.FindStringSubmatch(text)
	if m == nil || m[1]+m[2]+m[3]+m[4] == "" {
		return 0, false
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.ParseFloat(m[i+1], 64) // "" is 0
		d += time.Duration(n * float64(unit))
	}
	return d, true
}
