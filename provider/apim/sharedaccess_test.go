package apim

import (
	"testing"
	"time"
)

func TestTimeSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"PT1H": time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond, "PT90M": 90 * time.Minute,
		"P": 0, "PT": 0, "": 0, "1h": 0, "P1Y": 0, "-PT1H": 0, "PT1H ": 0} {
		if got, ok := timeSpan(text); got != want || ok != (want != 0) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}
