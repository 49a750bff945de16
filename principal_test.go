package gatehouse

import (
	"testing"
	"time"
)

// TestAgentCovers: a grant covers data actions that it names, at and below its scopes, until its end.
func TestAgentCovers(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a := Agent{Actions: []string{"", "Gatehouse.Gateway/*/read"}, Scopes: []string{"no scope", "/subscriptions/s/resourceGroups/g"}, Expires: now.Add(time.Minute)}
	for _, c := range []struct {
		action, scope string
		data          bool
		at            time.Time
		want          bool
	}{
		{"Gatehouse.Gateway/apis/read", "/subscriptions/s/resourceGroups/g", true, now, true},
		{"gatehouse.gateway/APIS/read", "/subscriptions/S/resourcegroups/G/providers/A.B/c/d", true, now, true},
		{"Gatehouse.Gateway/apis/read", "/subscriptions/s/resourceGroups/g", false, now, false},
		{"Gatehouse.Gateway/apis/write", "/subscriptions/s/resourceGroups/g", true, now, false},
		{"Gatehouse.Gateway/apis/read", "/subscriptions/s", true, now, false},
		{"Gatehouse.Gateway/apis/read", "/subscriptions/s/resourceGroups/gg", true, now, false},
		{"Gatehouse.Gateway/apis/read", "/subscriptions/s/resourceGroups/g", true, a.Expires, false},
	} {
		if got := a.Covers(c.action, c.data, MustScope(c.scope), c.at); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	none := Agent{Expires: now.Add(time.Minute)}
	if none.Covers("A/read", true, MustScope("/"), now) {
		t.Error("an empty grant covers something")
	}
}
