package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestDemoCalls: what README.md shows of calls in the demo. Grace may call the Payments API, ada and even the owner may not; a
// refusal leads to its explanation; a right that is taken away does not count at the next call.
func TestDemoCalls(t *testing.T) {
	dir := t.TempDir()
	start(t, dir, "--demo", "--gateway-listen", "127.0.0.1:0")
	e := &estate{t: t, dir: dir, token: bearer(t, dir)}
	b, r, err := connection(dir)
	if err != nil {
		t.Fatal(err)
	}
	e.service = "/subscriptions/" + b.SubscriptionID + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/contoso-apim"
	e.port, e.client = r.Gateway[strings.LastIndexByte(r.Gateway, ':')+1:], trusting()
	pay := func(who string) (int, http.Header) {
		t.Helper()
		status, header, _ := e.call("GET", "/pay/", "", "Authorization", "Bearer "+e.output("token", "--calls", "--as", who+"@"+domain))
		return status, header
	}
	if status, _, _ := e.call("GET", "/pay/", ""); status != 401 {
		t.Error("nobody:", status)
	}
	if status, _ := pay("grace"); status != 200 {
		t.Error("grace:", status)
	}
	for _, who := range []string{"ada", "alan"} {
		status, header := pay(who)
		id := header.Get("X-Ms-Request-Id")
		if status != 403 || !strings.Contains(header.Get("Link"), "/decisions/"+id+"?") || id == "" {
			t.Fatal(who, status, header)
		}
		out, _ := program("explain", "--data", dir, "--request-id", id, "-o", "table").Output() // the status tells that it was refused
		if !strings.Contains(string(out), "was refused") || !strings.Contains(string(out), `assign "Payments API Caller" at contoso-apim/apis/payments`) || !strings.Contains(string(out), who+"@"+domain) {
			t.Errorf("%s: %s", who, out)
		}
	}
	undo := regexp.MustCompile(`(?m)granted  Payments API Caller for grace.*gatehouse undo (\d+)$`).FindStringSubmatch(e.output("history", "contoso-apim/apis/payments", "-o", "table"))
	if undo == nil || undo[1] != "82" { // as README.md has it
		t.Fatal(undo)
	}
	e.output("undo", undo[1])
	if status, _ := pay("grace"); status != 403 {
		t.Error("grace, whose right was taken away:", status)
	}
}
