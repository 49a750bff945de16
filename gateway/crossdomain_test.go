package gateway

import (
	"testing"

	"gatehouse/gateway/config"
)

// TestCrossDomain: the document of browser plug-ins stands at the root of a host name, whatever APIs there are.
func TestCrossDomain(t *testing.T) {
	global := entity("/policies/policy", &config.Policy{Value: `<policies><inbound><cross-domain><allow-access-from domain="*.contoso.example" /></cross-domain></inbound><backend><forward-request /></backend><outbound /></policies>`, Format: "rawxml"})
	s := newSite(t, global)
	status, header, body := s.call("GET /crossdomain.xml")
	if status != 200 || header.Get("Content-Type") != "text/x-cross-domain-policy" || body != "<?xml version=\"1.0\"?>\n<cross-domain-policy><allow-access-from domain=\"*.contoso.example\" /></cross-domain-policy>\n" {
		t.Error(status, header, body)
	}
	for _, request := range []string{"POST /crossdomain.xml", "GET /x/crossdomain.xml", "GET /"} {
		if status, _, _ := s.call(request); status != 404 {
			t.Errorf("%s: %d", request, status)
		}
	}
	s.remove("/policies/policy")
	if status, _, _ := s.call("GET /crossdomain.xml"); status != 404 {
		t.Errorf("without the policy: %d", status)
	}
}
