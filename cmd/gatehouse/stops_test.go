package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/rbac/builtin"
)

// stops is a farm with two gateways that serve the same APIs: that of the server, and one in a process of its own.
type stops struct {
	*farm
	by         *client
	here, away *farmGateway
	role       string // that lets somebody call
	n          int
}

func newStops(t *testing.T, flags ...string) *stops {
	s := &stops{farm: newFarm(t, flags...)}
	r, err := readFile[running](s.dir, runtimeFile)
	if err == nil {
		s.by, err = newClient(s.dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.here = &farmGateway{TB: t, at: "https://127.0.0.1:" + r.Gateway[strings.LastIndexByte(r.Gateway, ':')+1:], client: trusting()}
	s.away = s.gateway(t.TempDir(), s.gatewayToken())
	sub := "/subscriptions/" + s.by.b.SubscriptionID
	s.role = sub + "/providers/Microsoft.Authorization/roleDefinitions/" + gatehouse.NewGUID().String()
	s.do("PUT", s.role+rbacVersion, fmt.Sprintf(`{"properties": {"roleName": "API caller", "type": "CustomRole", "assignableScopes": [%q], "permissions": [{"actions": [], "dataActions": [%q, %q]}]}}`, sub, builtin.CallRead, builtin.CallInvoke))
	return s
}

const rbacVersion = "?api-version=2022-04-01"

// graph calls Microsoft Graph and returns the id in the answer.
func (s *stops) graph(method, path, body string) string {
	s.Helper()
	token, err := s.by.token(s.Context(), "https://graph.microsoft.com")
	if err != nil {
		s.Fatal(err)
	}
	status, answer, err := ask(s.dir, method, "/v1.0"+path, http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}}, []byte(body), false)
	if err != nil || status/100 != 2 {
		s.Fatalf("%s %s: %d %v %s", method, path, status, err, answer)
	}
	if status == http.StatusNoContent {
		return ""
	}
	return parsed(answer).String("id")
}

// person makes a user and a token of theirs for calls.
func (s *stops) person() (id, name, bearer string) {
	s.Helper()
	s.n++
	name = fmt.Sprintf("person%d@%s", s.n, domain)
	id = s.graph("POST", "/users", fmt.Sprintf(`{"displayName": %[1]q, "userPrincipalName": %[1]q, "mailNickname": "p", "accountEnabled": true, "passwordProfile": {"password": "Contoso-Demo-2026"}}`, name))
	text, err := s.by.tokenAs(s.Context(), name, entra.GatewayAudience)
	if err != nil {
		s.Fatal(err)
	}
	return id, name, "Bearer " + text
}

// assign lets somebody call the guarded API, and returns how to take that away.
func (s *stops) assign(who, kind string) (revoke func()) {
	s.Helper()
	at := s.service + "/apis/guarded/providers/Microsoft.Authorization/roleAssignments/" + gatehouse.NewGUID().String() + rbacVersion
	s.do("PUT", at, fmt.Sprintf(`{"properties": {"roleDefinitionId": %q, "principalId": %q, "principalType": %q}}`, s.role, who, kind))
	return func() { s.do("DELETE", at, "") }
}

// ends shows that a call is answered with 200 at both gateways, and then, once something was taken away, with another status:
// by the server's own gateway at the next call, by the other within the round trip.
func (s *stops) ends(what string, want int, path string, header http.Header, take func()) {
	s.Helper()
	s.away.turns(200, path, header)
	if got := s.here.send(path, header); got != 200 {
		s.Fatalf("%s: %d before", what, got)
	}
	take()
	if got := s.here.send(path, header); got != want {
		s.Errorf("%s: the server's gateway answers %d, want %d", what, got, want)
	}
	began := time.Now()
	s.away.turns(want, path, header)
	s.Logf("%s: at the gateway elsewhere after %v", what, time.Since(began).Round(time.Millisecond))
	if took := time.Since(began); took > 3*time.Second {
		s.Errorf("%s: at the gateway elsewhere after %v only", what, took)
	}
}

func shows(token string) http.Header { return http.Header{"Authorization": {token}} }

// TestNextCall: what lets somebody call an API and is taken away does not count at the next call, whatever it is.
func TestNextCall(t *testing.T) {
	s := newStops(t)
	const guarded = "/guarded/"
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			s.TB, s.here.TB, s.away.TB = t, t, t
			f(t)
		})
	}
	run("role assignment", func(t *testing.T) {
		id, _, token := s.person()
		s.ends("a role assignment is deleted", 403, guarded, shows(token), s.assign(id, "User"))
	})
	run("group", func(t *testing.T) {
		id, _, token := s.person()
		outer := s.graph("POST", "/groups", `{"displayName": "outer", "mailNickname": "outer", "mailEnabled": false, "securityEnabled": true}`)
		inner := s.graph("POST", "/groups", `{"displayName": "inner", "mailNickname": "inner", "mailEnabled": false, "securityEnabled": true}`)
		s.assign(outer, "Group")
		member := func(group, of string) {
			s.graph("POST", "/groups/"+group+"/members/$ref", `{"@odata.id": "https://graph/v1.0/directoryObjects/`+of+`"}`)
		}
		member(outer, inner)
		member(inner, id)
		s.ends("a group leaves a group", 403, guarded, shows(token), func() { s.graph("DELETE", "/groups/"+outer+"/members/"+inner+"/$ref", "") })
		member(outer, inner)
		s.ends("a member leaves a group", 403, guarded, shows(token), func() { s.graph("DELETE", "/groups/"+inner+"/members/"+id+"/$ref", "") })
	})
	run("role definition", func(t *testing.T) {
		id, _, token := s.person()
		own := s.role[:strings.LastIndexByte(s.role, '/')+1] + gatehouse.NewGUID().String()
		sub := "/subscriptions/" + s.by.b.SubscriptionID
		define := func(action string) {
			s.do("PUT", own+rbacVersion, fmt.Sprintf(`{"properties": {"roleName": "reader of calls", "type": "CustomRole", "assignableScopes": [%q], "permissions": [{"actions": [], "dataActions": [%q]}]}}`, sub, action))
		}
		define(builtin.CallRead)
		s.do("PUT", s.service+"/providers/Microsoft.Authorization/roleAssignments/"+gatehouse.NewGUID().String()+rbacVersion, fmt.Sprintf(`{"properties": {"roleDefinitionId": %q, "principalId": %q, "principalType": "User"}}`, own, id))
		s.ends("a role loses its data action", 403, guarded, shows(token), func() { define(builtin.CallInvoke) })
	})
	run("deny assignment", func(t *testing.T) {
		id, _, token := s.person()
		s.assign(id, "User")
		s.ends("a deny assignment is added", 403, guarded, shows(token), func() {
			s.do("PUT", s.service+"/providers/Microsoft.Authorization/denyAssignments/"+gatehouse.NewGUID().String()+"?api-version=2024-07-01-preview",
				fmt.Sprintf(`{"properties": {"denyAssignmentName": "no calls", "permissions": [{"dataActions": [%q]}], "principals": [{"id": %q, "type": "User"}]}}`, builtin.CallRead, id))
		})
	})
	run("user", func(t *testing.T) {
		id, _, token := s.person()
		s.assign(id, "User")
		s.ends("a user is disabled", 401, guarded, shows(token), func() { s.graph("PATCH", "/users/"+id, `{"accountEnabled": false}`) })
		s.graph("PATCH", "/users/"+id, `{"accountEnabled": true}`)
		s.ends("a user is deleted", 401, guarded, shows(token), func() { s.graph("DELETE", "/users/"+id, "") })
	})
	run("sessions", func(t *testing.T) {
		id, _, token := s.person()
		s.assign(id, "User")
		time.Sleep(1100 * time.Millisecond) // tokens count whole seconds
		s.ends("sessions are revoked", 401, guarded, shows(token), func() { s.graph("POST", "/users/"+id+"/revokeSignInSessions", "") })
	})
	run("agent", func(t *testing.T) {
		id, name, _ := s.person()
		s.assign(id, "User")
		agent := &client{b: s.by.b, r: s.by.r, http: s.by.http}
		var err error
		if agent.bearer, err = s.by.tokenAs(t.Context(), name, s.by.r.PublicURL); err != nil {
			t.Fatal(err)
		}
		issue := func() (made agentToken) {
			t.Helper()
			if err := agent.post(t.Context(), "/providers/Gatehouse.Access/issueAgentToken", map[string]any{"agent": "bot", "dataActions": []string{"Gatehouse.Gateway/*"}, "scopes": []string{s.service}, "lifetime": "15m"}, &made); err != nil {
				t.Fatal(err)
			}
			return made
		}
		one, two := issue(), issue()
		s.ends("an agent's grant is revoked", 401, guarded, shows("Bearer "+one.Token), func() {
			if err := agent.post(t.Context(), "/providers/Gatehouse.Access/revokeAgentGrant", map[string]string{"grantId": one.Grant}, nil); err != nil {
				t.Fatal(err)
			}
		})
		s.ends("the user of an agent is disabled", 401, guarded, shows("Bearer "+two.Token), func() { s.graph("PATCH", "/users/"+id, `{"accountEnabled": false}`) })
	})
	run("application", func(t *testing.T) { s.application(t) })
	run("keys", func(t *testing.T) { s.keys() })
	run("APIs", func(t *testing.T) { s.apis() })
}

// application: a certificate that is taken from its application, and a service principal that is disabled.
func (s *stops) application(t *testing.T) {
	pair, der := clientCertificate(t)
	app := s.graph("POST", "/applications", `{"displayName": "robot", "keyCredentials": [{"type": "AsymmetricX509Cert", "usage": "Verify", "key": "`+base64.StdEncoding.EncodeToString(der)+`"}]}`)
	token, err := s.by.token(t.Context(), "https://graph.microsoft.com")
	if err != nil {
		t.Fatal(err)
	}
	_, answer, err := ask(s.dir, "GET", "/v1.0/applications/"+app, http.Header{"Authorization": {"Bearer " + token}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	appID := parsed(answer).String("appId")
	robot := s.graph("POST", "/servicePrincipals", `{"appId": "`+appID+`"}`)
	s.assign(robot, "ServicePrincipal")
	text, err := s.by.tokenAs(t.Context(), robot, entra.GatewayAudience)
	if err != nil {
		t.Fatal(err)
	}
	const check = "/apis/guarded/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01"
	s.do("PUT", s.service+check, `{"properties": {"mode": "enforce", "clientCertificates": true}}`)
	defer s.do("PUT", s.service+check, `{"properties": {"mode": "enforce"}}`)
	plain := [2]*http.Client{s.here.client, s.away.client}
	s.here.client, s.away.client = trusting(pair), trusting(pair)
	s.ends("a certificate is taken from its application", 401, "/guarded/", nil, func() { s.graph("PATCH", "/applications/"+app, `{"keyCredentials": []}`) })
	s.here.client, s.away.client = plain[0], plain[1]
	s.ends("a service principal is disabled", 401, "/guarded/", shows("Bearer "+text), func() { s.graph("PATCH", "/servicePrincipals/"+robot, `{"accountEnabled": false}`) })
}

// keys: what becomes of subscriptions and products.
func (s *stops) keys() {
	const one, two, three = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210", "00112233445566778899aabbccddeeff"
	key := func(value string) http.Header { return http.Header{"Ocp-Apim-Subscription-Key": {value}} }
	s.api("keyed", `, "subscriptionRequired": true`)
	s.do("PUT", s.service+"/products/p"+apimVersion, `{"properties": {"displayName": "P", "subscriptionRequired": true, "state": "published"}}`)
	s.do("PUT", s.service+"/products/p/apis/keyed"+apimVersion, "")
	subscribe := func(state, primary, secondary string) {
		s.do("PUT", s.service+"/subscriptions/s"+apimVersion, fmt.Sprintf(`{"properties": {"scope": "/products/p", "displayName": "s", "state": %q, "primaryKey": %q, "secondaryKey": %q}}`, state, primary, secondary))
	}
	subscribe("active", one, two)
	s.ends("a subscription is suspended", 401, "/keyed/", key(one), func() { subscribe("suspended", one, two) })
	subscribe("active", one, two)
	s.ends("a key is made anew", 401, "/keyed/", key(one), func() { s.do("POST", s.service+"/subscriptions/s/regeneratePrimaryKey"+apimVersion, "") })
	s.ends("a key is replaced", 401, "/keyed/", key(two), func() { subscribe("active", one, three) })
	s.ends("an API leaves a product", 401, "/keyed/", key(one), func() { s.do("DELETE", s.service+"/products/p/apis/keyed"+apimVersion, "") })
	s.do("PUT", s.service+"/products/p/apis/keyed"+apimVersion, "")
	s.ends("a subscription is deleted", 401, "/keyed/", key(one), func() { s.do("DELETE", s.service+"/subscriptions/s"+apimVersion, "") })
	subscribe("active", one, two)
	s.ends("a product is deleted", 401, "/keyed/", key(two), func() { s.do("DELETE", s.service+"/products/p"+apimVersion+"&deleteSubscriptions=true", "") })
	open := func(required bool, state string) {
		s.do("PUT", s.service+"/products/open"+apimVersion, fmt.Sprintf(`{"properties": {"displayName": "Open", "subscriptionRequired": %v, "state": %q}}`, required, state))
	}
	open(false, "published")
	s.do("PUT", s.service+"/products/open/apis/keyed"+apimVersion, "")
	s.ends("an open product asks for keys", 401, "/keyed/", nil, func() { open(true, "published") })
	open(false, "published")
	s.ends("an open product is not published any more", 401, "/keyed/", nil, func() { open(false, "notPublished") })
}

// apis: what becomes of APIs and their settings.
func (s *stops) apis() {
	s.api("brief", "")
	s.ends("an operation is deleted", 404, "/brief/", nil, func() { s.do("DELETE", s.service+"/apis/brief/operations/get"+apimVersion, "") })
	s.api("brief", "")
	s.ends("a role check is set", 401, "/brief/", nil, func() {
		s.do("PUT", s.service+"/apis/brief/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties": {"mode": "enforce"}}`)
	})
	s.do("DELETE", s.service+"/apis/brief/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", "")
	s.ends("an API asks for keys", 401, "/brief/", nil, func() { s.api("brief", `, "subscriptionRequired": true`) })
	s.api("brief", "")
	s.ends("an API is deleted", 404, "/brief/", nil, func() { s.do("DELETE", s.service+"/apis/brief"+apimVersion, "") })
}

// api makes an API with one operation that both gateways serve.
func (f *farm) api(name, more string) {
	f.Helper()
	if !strings.Contains(more, "subscriptionRequired") {
		more += `, "subscriptionRequired": false`
	}
	at := f.service + "/apis/" + name
	f.do("PUT", at+apimVersion, `{"properties": {"displayName": "`+name+`", "path": "`+name+`", "protocols": ["https"], "serviceUrl": "`+f.backend+`"`+more+`}}`)
	f.do("PUT", at+"/operations/get"+apimVersion, `{"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/"}}`)
	f.do("PUT", f.service+"/gateways/barn/apis/"+name+apimVersion, "")
}

// trusting is a client that shows certificates, and to whom it does not matter who answers.
func trusting(own ...tls.Certificate) *http.Client {
	return &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: own}}}
}

func clientCertificate(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "robot"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, der
}
