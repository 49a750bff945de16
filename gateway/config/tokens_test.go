package config

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// A token is good for its holder, with its key, until it ends, and for nothing else.
func TestAccessToken(t *testing.T) {
	token := AccessToken("factory", "one", noon.Add(time.Hour))
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
		{"a name with the sign", AccessToken("a&b", "one", noon.Add(time.Hour)), "a&b", noon, []string{"one"}, true},
		{"its first half", AccessToken("a&203001010000", "one", noon.Add(time.Hour)), "a", noon, []string{"one"}, false},
		{"empty", "", "", noon, []string{"one"}, false},
	} {
		if got := AccessTokenValid(c.token, c.id, c.now, c.keys...); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if name := AccessTokenName(AccessToken("a&b", "one", noon)); name != "a&b" || AccessTokenName("x") != "" {
		t.Error(name)
	}
}

// Debug credentials permit tracing one API until they end.
func TestDebugToken(t *testing.T) {
	token := DebugToken("orders&co", "key", noon.Add(time.Hour))
	for _, c := range []struct {
		name, token, api, key string
		now                   time.Time
		want                  DebugResult
	}{
		{"good", token, "Orders&co", "key", noon, DebugGranted},
		{"other API", token, "orders", "key", noon, DebugOtherAPI},
		{"other key", token, "orders&co", "other", noon, DebugRefused},
		{"no key", token, "orders&co", "", noon, DebugRefused},
		{"over", token, "orders&co", "key", noon.Add(time.Hour), DebugExpired},
		{"changed", strings.Replace(token, "orders", "others", 1), "others&co", "key", noon, DebugRefused},
		{"empty", "", "", "key", noon, DebugRefused},
	} {
		if got := CheckDebugToken(c.token, c.api, c.key, c.now); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
