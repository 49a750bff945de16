package apim

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// A token is good for its holder, with its key, until it ends, and for nothing else.
func TestSharedAccess(t *testing.T) {
	token := sharedAccess("factory", "one", noon.Add(time.Hour))
	if !strings.HasPrefix(token, "factory&202603041300&") {
		t.Error(token)
	}
	for _, c := range []struct {
		name, token, id string
		now             time.Time
		keys            []string
		want            bool
	}{
		{"good", token, "Factory", noon, []string{"two", "one"}, true},
		{"other key", token, "factory", noon, []string{"two"}, false},
		{"no key", token, "factory", noon, []string{""}, false},
		{"other holder", token, "branch", noon, []string{"one"}, false},
		{"over", token, "factory", noon.Add(time.Hour), []string{"one"}, false},
		{"longer", strings.Replace(token, "&2026", "&2027", 1), "factory", noon, []string{"one"}, false},
		{"cut", token[:len(token)-4], "factory", noon, []string{"one"}, false},
		{"a name with the sign", sharedAccess("a&b", "one", noon.Add(time.Hour)), "a&b", noon, []string{"one"}, true},
		{"its first half", sharedAccess("a&203001010000", "one", noon.Add(time.Hour)), "a", noon, []string{"one"}, false},
		{"empty", "", "", noon, []string{"one"}, false},
	} {
		if got := sharedAccessValid(c.token, c.id, c.now, c.keys...); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Debug credentials permit tracing one API until they end.
func TestDebugToken(t *testing.T) {
	token := debugToken("orders&co", "key", noon.Add(time.Hour))
	for _, c := range []struct {
		name, token, api, key string
		now                   time.Time
		want                  bool
	}{
		{"good", token, "Orders&co", "key", noon, true},
		{"other API", token, "orders", "key", noon, false},
		{"other key", token, "orders&co", "other", noon, false},
		{"no key", token, "orders&co", "", noon, false},
		{"over", token, "orders&co", "key", noon.Add(time.Hour), false},
		{"changed", strings.Replace(token, "orders", "others", 1), "others&co", "key", noon, false},
		{"empty", "", "", "key", noon, false},
	} {
		if got := debugTokenValid(c.token, c.api, c.key, c.now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestTimeSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"PT1H": time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond, "PT90M": 90 * time.Minute,
		"P": 0, "PT": 0, "": 0, "1h": 0, "P1Y": 0, "-PT1H": 0, "PT1H ": 0} {
		if got, ok := timeSpan(text); got != want || ok != (want != 0) {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}
