package hooks

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse/arm/armtest"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/rbac/builtin"
)

// TestConfusion: what somebody may call is decided about the operation that a backend would take the call for, however the
// call is written.
func TestConfusion(t *testing.T) {
	f := start(t)
	for name, template := range map[string]string{"admin": "/admin", "public": "/public/*", "item": "/items/{id}"} {
		f.put("/apis/orders/operations/"+name, `{"properties": {"displayName": "`+name+`", "method": "GET", "urlTemplate": "`+template+`", "templateParameters": [`+parameter(template)+`]}}`)
	}
	f.set("", `{"mode": "enforce"}`)
	for _, op := range []string{"public", "item"} {
		defer f.role(armtest.Bob, contoso+"/apis/orders/operations/"+op, builtin.CallRead)()
	}
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	for path, status := range map[string]int{
		"/orders/public/x":                       200,
		"/orders/public/":                        200,
		"/orders/items/7":                        200,
		"/orders/items/a%20b":                    200,
		"/orders/items/7;v=1":                    200,
		"/orders/items/50%25":                    200,
		"/ORDERS/Public/x":                       200,
		"/orders;rev=1/public/x":                 200,
		"/orders/admin":                          403,
		"/orders/admin/":                         403,
		"/orders/ADMIN":                          403,
		"/orders/%61dmin":                        403,
		"/orders//admin":                         403,
		"/orders/./admin":                        403,
		"/orders;rev=1/admin":                    403,
		"/orders/public/../admin":                403,
		"/orders/public/%2e%2e/admin":            403,
		"/orders/public/..;/admin":               403,
		"/orders/public/..;a=b/admin":            403,
		"/orders/public/..%3b/admin":             403,
		"/orders/items/%252e%252e%252fadmin":     403,
		"/orders/items/..%252fadmin":             403,
		"/orders/admin;a=b":                      404,
		"/orders/items/a%2fb":                    400,
		"/orders/items/a%00b":                    400,
		"/orders/items/7%0a":                     400,
		"/orders/public/..;/..;/..;/secret":      400,
		"/orders;rev=9/public/x":                 404,
		"/orders/public;rev=1/x":                 404,
		"/other/../orders/admin":                 403,
		"/orders/public/x?subscription-key=none": 401,
	} {
		f.want("path", status, "GET", path, bob...)
	}
	// What the gateway itself takes for a way out is refused by it, whoever asks.
	for _, path := range []string{"/orders/public/..%2fadmin", "/orders/items/..%2fadmin", "/orders/items/..%5cadmin", "/orders/public/x%2f..%2f..%2fadmin", "/../orders/public/x"} {
		if status, _, body := f.call("GET", path, bob...); status < 400 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for _, host := range []string{"contoso.azure-api.net", "CONTOSO.azure-api.net:444", "contoso.localhost.", "nobody.example"} {
		f.want("host "+host, 403, "GET", "/orders/admin", append([]string{"Host", host}, bob...)...)
		f.want("host "+host, 200, "GET", "/orders/public/x", append([]string{"Host", host}, bob...)...)
	}
	for _, h := range [][2]string{{"X-Forwarded-Host", "x.localhost"}, {"X-Original-Url", "/orders/public/x"}, {"X-Rewrite-Url", "/orders/public/x"}, {"X-Forwarded-Uri", "/orders/public/x"}, {"X-Forwarded-Method", "HEAD"}} {
		f.want(h[0], 403, "GET", "/orders/admin", append(h[:], bob...)...)
	}
}

// TestQueries: operations that their queries tell apart; backends take the first of two values, or the last.
func TestQueries(t *testing.T) {
	f := start(t)
	for _, action := range []string{"read", "delete"} {
		f.put("/apis/orders/operations/"+action, `{"properties": {"displayName": "`+action+`", "method": "GET", "urlTemplate": "/do?action=`+action+`"}}`)
	}
	f.set("", `{"mode": "enforce"}`)
	defer f.role(armtest.Bob, contoso+"/apis/orders/operations/read", builtin.CallRead)()
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	for query, status := range map[string]int{"action=read": 200, "x=1&action=read": 200, "action=delete": 403, "action=read&action=delete": 403, "action=read&x=1&%61ction=delete": 403} {
		f.want(query, status, "GET", "/orders/do?"+query, bob...)
	}
	f.want("semicolons", 403, "GET", "/orders/do?action=read&x=1;action=delete", bob...)
}

func parameter(template string) string {
	if strings.Contains(template, "{id}") {
		return `{"name": "id", "type": "string", "required": true}`
	}
	return ""
}

// TestMethods: what writes needs the right to write, whatever it is called; what browsers ask beforehand reaches no backend.
func TestMethods(t *testing.T) {
	f := start(t)
	for _, method := range []string{"HEAD", "OPTIONS", "PATCH"} {
		f.put("/apis/orders/operations/"+strings.ToLower(method), `{"properties": {"displayName": "x", "method": "`+method+`", "urlTemplate": "/"}}`)
	}
	f.put("/apis/silent", `{"properties": {"displayName": "Silent", "path": "silent", "protocols": ["http"], "subscriptionRequired": false, "serviceUrl": "`+f.backend+`"}}`)
	f.put("/apis/silent/operations/get", `{"properties": {"displayName": "x", "method": "GET", "urlTemplate": "/"}}`)
	f.set("", `{"mode": "enforce"}`)
	defer f.role(armtest.Bob, contoso, builtin.CallRead)()
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	with := func(h ...string) []string { return append(h, bob...) }
	f.want("read", 200, "GET", "/orders", bob...)
	f.want("read", 200, "HEAD", "/orders", bob...)
	f.want("read", 200, "OPTIONS", "/orders", bob...)
	f.want("write", 403, "POST", "/orders", bob...)
	f.want("write", 403, "PATCH", "/orders", bob...)
	f.want("no such method", 404, "get", "/orders", bob...)
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "x-http-method-override"} {
		f.want(name, 403, "GET", "/orders", with(name, "DELETE")...)
		f.want(name, 403, "GET", "/orders", with(name, "GeT, POST")...)
		f.want(name, 200, "GET", "/orders", with(name, "get")...)
		f.want(name, 403, "POST", "/orders", with(name, "GET")...)
		odd := strings.ReplaceAll(name, "-", "_")
		f.want(odd, 200, "GET", "/orders", with(odd, "DELETE")...)
		if got := f.seen[http.CanonicalHeaderKey(odd)]; got != nil {
			t.Errorf("the backend was told %s: %s", odd, got)
		}
	}
	f.seen = nil
	f.want("OPTIONS of an operation needs somebody", 401, "OPTIONS", "/orders", "Origin", "https://x.test", "Access-Control-Request-Method", "GET")
	if status, _, body := f.call("OPTIONS", "/silent", "Origin", "https://x.test", "Access-Control-Request-Method", "GET"); status != 200 && status != 404 {
		t.Errorf("preflight: %d %s", status, body)
	}
	f.want("preflight", 404, "OPTIONS", "/silent", "Origin", "https://x.test")
	f.want("no preflight", 401, "GET", "/silent", "Origin", "https://x.test", "Access-Control-Request-Method", "GET")
	if f.seen != nil {
		t.Error("a backend was reached by somebody who is nobody")
	}
}

// TestOverride: where a header names another method, the right to the operation of that method is asked for, too.
func TestOverride(t *testing.T) {
	f := start(t)
	for _, method := range []string{"POST", "DELETE"} {
		f.put("/apis/orders/operations/"+strings.ToLower(method)+"-thing", `{"properties": {"displayName": "x", "method": "`+method+`", "urlTemplate": "/thing"}}`)
	}
	f.set("", `{"mode": "enforce"}`)
	defer f.role(armtest.Bob, contoso+"/apis/orders/operations/post-thing", builtin.CallInvoke)()
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	f.want("without", 200, "POST", "/orders/thing", bob...)
	for value, status := range map[string]int{"POST": 200, "PATCH": 200, "DELETE": 403, "post, delete": 403} {
		f.want(value, status, "POST", "/orders/thing", append([]string{"X-HTTP-Method-Override", value}, bob...)...)
	}
}

// TestOthers: an operation that has no resource of its own is asked for at its API, as when it is called.
func TestOthers(t *testing.T) {
	s, api := &settings{resource: contoso}, &config.API{}
	api.SetID("/apis/orders;rev=2")
	op := &config.Operation{}
	op.SetID("/apis/orders;rev=2/operations/get")
	more, err := s.withOthers(&admit.Check{}, api, []*config.Operation{{}, op})
	if err != nil || len(more.Also) != 2 || more.Also[0].String() != contoso+"/apis/orders" || more.Also[1].String() != contoso+"/apis/orders/operations/get" {
		t.Error(more, err)
	}
}

// TestKinds: APIs whose operations are not told apart by address are checked at their own scope; a way in both directions is
// no reading.
func TestKinds(t *testing.T) {
	f := start(t)
	for kind, extra := range map[string]string{"websocket": `"protocols": ["ws"]`, "graphql": `"protocols": ["http"]`} {
		at := strings.Replace(f.backend, "http", "ws", 1)
		if kind == "graphql" {
			at = f.backend
		}
		f.put("/apis/"+kind, `{"properties": {"displayName": "`+kind+`", "path": "`+kind+`", "type": "`+kind+`", "apiType": "`+kind+`", "subscriptionRequired": false, "serviceUrl": "`+at+`", `+extra+`}}`)
	}
	f.set("", `{"mode": "enforce"}`)
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	upgrade := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}
	f.want("nobody", 401, "GET", "/websocket", upgrade...)
	f.want("nobody", 401, "POST", "/graphql")
	revoke := f.role(armtest.Bob, contoso+"/apis/websocket", builtin.CallRead)
	f.want("a handshake is no reading", 403, "GET", "/websocket", append(upgrade, bob...)...)
	revoke()
	defer f.role(armtest.Bob, contoso+"/apis/websocket", builtin.CallInvoke)()
	if status, _, body := f.call("GET", "/websocket", append(upgrade, bob...)...); status == 401 || status == 403 {
		t.Errorf("a handshake with the right to it: %d %s", status, body)
	}
	defer f.role(armtest.Bob, contoso+"/apis/graphql", builtin.CallRead)()
	f.want("GraphQL by POST", 403, "POST", "/graphql", bob...)
	f.want("a subscription", 403, "GET", "/graphql", append(upgrade, bob...)...)
	for query, status := range map[string]int{"query={me}": 200, "query=mutation{drop}": 403, "query=mutat%69on{drop}": 403, "query={me}&Query=mutation{drop}": 403,
		"extensions={}": 403, "id=kept": 403, "query=subscription{all}": 403, "query={me};x=1": 403} {
		f.want("GraphQL by GET, "+query, status, "GET", "/graphql?"+query, bob...)
	}
}

// TestLoopback: a policy that calls the gateway itself is a caller like any other: it lends nobody its place.
func TestLoopback(t *testing.T) {
	f := start(t)
	f.put("/apis/door", `{"properties": {"displayName": "Door", "path": "door", "protocols": ["http"], "subscriptionRequired": false, "serviceUrl": "http://contoso.azure-api.net/orders"}}`)
	f.put("/apis/door/operations/get", `{"properties": {"displayName": "x", "method": "GET", "urlTemplate": "/"}}`)
	f.put("/apis/door/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><base /><send-request mode=\"new\" response-variable-name=\"r\"><set-url>http://contoso.azure-api.net/orders</set-url><set-method>GET</set-method></send-request><return-response><set-status code=\"200\" /><set-body>@(((IResponse)context.Variables[\"r\"]).StatusCode.ToString())</set-body></return-response></inbound></policies>"}}`)
	f.set("/apis/orders", `{"mode": "enforce", "signIn": true}`)
	defer f.role(armtest.Bob, contoso, builtin.CallRead)()
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String(), "X-Gatehouse-Principal-Id", armtest.Owner.String(), "Cookie", "__Host-gatehouse=x"}
	if status, _, body := f.call("GET", "/door", bob...); body != "401" {
		t.Errorf("%d %s", status, body)
	}
}

// TestServices: a token for one service is of no use at another one.
func TestServices(t *testing.T) {
	f := start(t)
	f.set("", `{"mode": "enforce"}`)
	defer f.role(armtest.Bob, contoso, builtin.CallRead)()
	f.want("the service's own audience", 200, "GET", "/orders", "Authorization", "Bearer "+strings.ToLower(contoso)+":"+armtest.Bob.String())
	f.want("that of another", 401, "GET", "/orders", "Authorization", "Bearer "+strings.ToLower(contoso)+"2:"+armtest.Bob.String())
}

// TestWorkspace: the scope of an operation in a workspace is there.
func TestWorkspace(t *testing.T) {
	f := start(t)
	f.put("/workspaces/w", `{"properties": {"displayName": "W"}}`)
	f.put("/workspaces/w/apis/orders", `{"properties": {"displayName": "Orders of W", "path": "w", "protocols": ["http"], "subscriptionRequired": false, "serviceUrl": "`+f.backend+`"}}`)
	f.put("/workspaces/w/apis/orders/operations/get", `{"properties": {"displayName": "x", "method": "GET", "urlTemplate": "/"}}`)
	f.set("", `{"mode": "enforce"}`)
	bob := []string{"Authorization", "Bearer " + audience + ":" + armtest.Bob.String()}
	revoke := f.role(armtest.Bob, contoso+"/apis/orders", builtin.CallRead)
	f.want("a role at the namesake", 403, "GET", "/w", bob...)
	f.want("at home", 200, "GET", "/orders", bob...)
	revoke()
	revoke = f.role(armtest.Bob, contoso+"/workspaces/w", builtin.CallRead)
	f.want("a role at the workspace", 200, "GET", "/w", bob...)
	f.want("does not reach out", 403, "GET", "/orders", bob...)
	revoke()
	f.set("/workspaces/w/apis/orders", `{"mode": "off"}`)
	f.want("off", 200, "GET", "/w")
	f.want("the namesake is not", 401, "GET", "/orders")
}

// TestHidden: neither policies nor backends see the cookies of sign-in, or what callers say in the gateway's name.
func TestHidden(t *testing.T) {
	f := start(t)
	f.want("no role check", 200, "GET", "/orders", "Cookie", "a=b; __Host-gatehouse=secret; __Host-gatehouse-session-8443=secret; c=d", "X-Gatehouse-Jwt-Assertion", "forged",
		"X_Gatehouse_Principal_Id", "forged", "X-Gatehouse-Role", "forged")
	if got := f.seen.Get("Cookie"); got != "a=b; c=d" {
		t.Errorf("cookies: %q", got)
	}
	for name := range f.seen {
		if strings.Contains(strings.ToLower(name), "gatehouse") {
			t.Errorf("the backend was told %s: %s", name, f.seen[name])
		}
	}
	f.set("", `{"mode": "audit"}`)
	f.want("nobody, and only watched", 200, "GET", "/orders", "X-Gatehouse-Principal-Id", "forged", "Cookie", "__Host-gatehouse=x")
	if f.seen.Get("X-Gatehouse-Principal-Id") != "" || f.seen.Get("Cookie") != "" {
		t.Error("the backend was told", f.seen)
	}
	f.put("/apis/orders/policies/policy", `{"properties": {"format": "rawxml", "value": "<policies><inbound><base /><return-response><set-status code=\"200\" /><set-body>@(context.Request.Headers.GetValueOrDefault(\"Cookie\",\"none\"))</set-body></return-response></inbound></policies>"}}`)
	if _, _, body := f.call("GET", "/orders", "Cookie", "__Host-gatehouse=secret"); body != "none" {
		t.Errorf("policies see %s", body)
	}
}
