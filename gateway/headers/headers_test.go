package headers

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func parse(text string) http.Header {
	h := http.Header{}
	for name := range strings.FieldsSeq(text) {
		h.Add(name, "v")
	}
	return h
}

func TestClean(t *testing.T) {
	for _, c := range []struct {
		about, given string
		trusted      bool
		left         string
	}{
		{"usual ones stay", "Accept Authorization Content-Type X-Custom Client_id Cookie", false, "Accept Authorization Client_id Content-Type Cookie X-Custom"},
		{"identity", "X-Gatehouse-Principal-Id x-gatehouse-anything X_Gatehouse_Jwt_Assertion X.Gatehouse.Name X-Gatehouse_Principal.Id X-Gate", false, "X-Gate"},
		{"identity from a proxy", "X-Gatehouse-Principal-Id", true, ""},
		{"how it came", "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Forwarded-Anything Forwarded X-Real-Ip X-Original-Url X-Rewrite-Url True-Client-Ip Client-Ip", false, ""},
		{"how it came, by a proxy", "X-Forwarded-For X-Forwarded-Proto Forwarded", true, "Forwarded X-Forwarded-For X-Forwarded-Proto"},
		{"spellings, even of a proxy", "X_Forwarded_For X-Forwarded_Proto X_HTTP_Method_Override X-Http-Method_Override Content_Length Transfer_Encoding Ocp_Apim_Subscription_Key", true, ""},
		{"twice", "X-Tenant X_Tenant Y_Tenant", false, "X-Tenant Y_tenant"},
		{"overrides pass: the role check looks at them", "X-Http-Method-Override", false, "X-Http-Method-Override"},
	} {
		h := parse(c.given)
		Clean(h, c.trusted)
		if got := strings.Join(slices.Sorted(maps.Keys(h)), " "); got != c.left {
			t.Errorf("%s: %q is left of %q, wanted %q", c.about, got, c.given, c.left)
		}
	}
}

func TestStraight(t *testing.T) {
	h := parse("X_Http_Method_Override X_Original_Uri X-Original-Uri Client_id")
	Straight(h)
	if len(h["X-Http-Method-Override"]) != 1 || len(h["X-Original-Uri"]) != 2 || len(h["Client_id"]) != 1 || len(h) != 3 {
		t.Error(h)
	}
}

func TestSpelled(t *testing.T) {
	h := parse("X-Key X_Key x.key X_Keys")
	Spelled(h, "X-Key")
	if len(h["X-Key"]) != 1 || len(h) != 2 {
		t.Error(h)
	}
}

func BenchmarkClean(b *testing.B) {
	h := parse("Accept Accept-Encoding Authorization Content-Type User-Agent Cookie X-Request-Id X-Custom Ocp-Apim-Subscription-Key")
	b.ReportAllocs()
	for b.Loop() {
		Clean(h, false)
	}
}
