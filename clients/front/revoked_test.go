package front

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"os/exec"
	"strings"
	"testing"
	"time"
)

type ctx = context.Context

func newGUID() string {
	b := make([]byte, 16)
	rand.Read(b)
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:]
}

// TestRevoked: what is given counts for the next call, and what is taken away does not count for the next call: a role (by az),
// the sessions of a user, the user, a subscription key, a certificate of a service principal.
func TestRevoked(t *testing.T) {
	w := start(t)
	token := w.token(audience)
	call := bearer(token)
	if h := w.is("nobody", 401, "GET", "/orders"); !strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer ") {
		t.Error("no challenge:", h)
	}
	w.is("without a role", 403, "GET", "/orders", call...)
	w.is("a token for management", 401, "GET", "/orders", bearer(w.admin)...)
	w.is("a token for the service", 403, "GET", "/orders", bearer(w.token(w.service))...)

	t.Run("role", func(t *testing.T) {
		defer w.within(t)()
		if _, err := exec.LookPath("az"); err != nil {
			t.Skip("az is not installed")
		}
		assignment := strings.TrimSpace(w.gatehouse("az", "--", "role", "assignment", "create", "--assignee-object-id", w.bob, "--assignee-principal-type", "User",
			"--role", "Gatehouse API Reader", "--scope", w.api, "--query", "id", "-o", "tsv"))
		w.is("with a role", 200, "GET", "/orders?x=1", call...)
		_, seen, path := w.upstream.last()
		if path != "/orders?x=1" || seen.Get("X-Gatehouse-Principal-Id") != w.bob || seen.Get("X-Gatehouse-Principal-Name") != bobName || seen.Get("X-Gatehouse-Jwt-Assertion") == "" {
			t.Error("the service was told:", path, seen)
		}
		w.is("a role for reading", 403, "POST", "/orders", call...)
		w.is("a method by a header", 403, "GET", "/orders", append([]string{"X-HTTP-Method-Override", "DELETE"}, call...)...)
		w.gatehouse("az", "--", "role", "assignment", "delete", "--ids", assignment)
		w.is("the role is gone", 403, "GET", "/orders", call...)
	})
	revoke := w.assign(w.bob, "User", callerRole, w.api)
	w.is("a role again", 200, "POST", "/orders", call...)
	revoke()
	w.is("gone again", 403, "POST", "/orders", call...)
	w.assign(w.bob, "User", callerRole, w.service)

	t.Run("sessions", func(t *testing.T) {
		defer w.within(t)()
		w.policy("jwt", `<validate-jwt header-name="Authorization"><openid-config url="`+w.Env["GATEHOUSE_AUTHORITY"]+"/"+w.Env["TENANT_ID"]+
			`/v2.0/.well-known/openid-configuration" /><audiences><audience>`+audience+`</audience></audiences></validate-jwt>`)
		w.is("validate-jwt", 200, "GET", "/jwt/", call...)
		w.is("validate-jwt without", 401, "GET", "/jwt/")
		time.Sleep(1100 * time.Millisecond) // tokens count whole seconds
		w.manage("POST", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/users/"+w.bob+"/revokeSignInSessions", nil)
		w.is("a token of before", 401, "GET", "/orders", call...)
		w.is("a token of before, by validate-jwt", 401, "GET", "/jwt/", call...)
		time.Sleep(1100 * time.Millisecond)
		call = bearer(w.token(audience))
		w.is("a new token", 200, "GET", "/orders", call...)
		w.is("a new token, by validate-jwt", 200, "GET", "/jwt/", call...)
	})

	t.Run("user", func(t *testing.T) {
		defer w.within(t)()
		at := w.Env["GATEHOUSE_GRAPH"] + "/v1.0/users/" + w.bob
		w.manage("PATCH", at, map[string]any{"accountEnabled": false})
		w.is("a disabled user", 401, "GET", "/orders", call...)
		w.is("a disabled user, by validate-jwt", 401, "GET", "/jwt/", call...)
		w.manage("PATCH", at, map[string]any{"accountEnabled": true})
	})

	t.Run("key", func(t *testing.T) {
		defer w.within(t)()
		w.manage("PUT", w.service+"/apis/keyed"+apim, map[string]any{"properties": map[string]any{"displayName": "Keyed", "path": "keyed", "protocols": []string{"https"}, "serviceUrl": w.upstream.URL}})
		w.manage("PUT", w.service+"/apis/keyed/operations/get"+apim, map[string]any{"properties": map[string]any{"displayName": "Get", "method": "GET", "urlTemplate": "/"}})
		w.manage("PUT", w.service+"/subscriptions/mine"+apim, map[string]any{"properties": map[string]any{"scope": "/apis/keyed", "displayName": "mine", "primaryKey": "0123456789abcdef0123456789abcdef"}})
		key := []string{"Ocp-Apim-Subscription-Key", "0123456789abcdef0123456789abcdef"}
		w.is("a key", 200, "GET", "/keyed/", key...)
		w.manage("DELETE", w.service+"/subscriptions/mine"+apim, nil)
		w.is("a deleted key", 401, "GET", "/keyed/", key...)
	})

	t.Run("certificate", func(t *testing.T) {
		defer w.within(t)()
		pair, der := selfSigned(t)
		app := w.manage("POST", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/applications", map[string]any{"displayName": "robot",
			"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(der)}}})
		principal := w.manage("POST", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/servicePrincipals", map[string]any{"appId": app["appId"]})["id"].(string)
		w.manage("PUT", w.api+"/providers/Gatehouse.Gateway/roleChecks/default"+checks, map[string]any{"properties": map[string]any{"mode": "enforce", "signIn": true, "clientCertificates": true}})
		robot := w.withCertificate(pair)
		get := func(what string, want int) {
			t.Helper()
			if got, body, _ := w.send(robot, "GET", w.at+"/orders", ""); got != want {
				t.Errorf("%s: %d %s, want %d", what, got, body, want)
			}
		}
		get("a certificate without a role", 403)
		w.assign(principal, "ServicePrincipal", readerRole, w.api)
		get("a certificate with a role", 200)
		if _, seen, _ := w.upstream.last(); seen.Get("X-Gatehouse-Principal-Id") != principal {
			t.Error("the service was told", seen.Get("X-Gatehouse-Principal-Id"))
		}
		w.manage("PATCH", w.Env["GATEHOUSE_GRAPH"]+"/v1.0/applications/"+app["id"].(string), map[string]any{"keyCredentials": []any{}})
		get("a certificate that is not the application's any more", 401)
	})

	t.Run("identity", func(t *testing.T) {
		defer w.within(t)()
		w.manage("PATCH", w.service+apim, map[string]any{"identity": map[string]any{"type": "SystemAssigned"}})
		w.policy("own", `<authentication-managed-identity resource="`+audience+`" />`)
		w.is("as the service", 200, "GET", "/own/")
		_, seen, _ := w.upstream.last()
		if identity, _ := w.manage("GET", w.service+apim, nil)["identity"].(map[string]any); !strings.Contains(claimsOf(seen.Get("Authorization")), identity["principalId"].(string)) {
			t.Error("the backend got no token of the service's identity")
		}
		w.policy("own", `<authentication-managed-identity resource="`+audience+`" client-id="`+w.Env["CLIENT_ID"]+`" />`)
		w.is("an identity that is not the service's", 500, "GET", "/own/")
		w.policy("own", `<authentication-managed-identity resource="" />`)
		w.is("no resource", 500, "GET", "/own/")
	})
}

// policy makes an API whose calls run a policy and go to the upstream.
func (w *world) policy(name, inbound string) {
	w.t.Helper()
	at := w.service + "/apis/" + name
	w.manage("PUT", at+apim, map[string]any{"properties": map[string]any{"displayName": name, "path": name, "protocols": []string{"https"}, "serviceUrl": w.upstream.URL, "subscriptionRequired": false}})
	w.manage("PUT", at+"/operations/get"+apim, map[string]any{"properties": map[string]any{"displayName": "Get", "method": "GET", "urlTemplate": "/"}})
	w.manage("PUT", at+"/policies/policy"+apim, map[string]any{"properties": map[string]any{"format": "rawxml",
		"value": "<policies><inbound><base />" + inbound + "</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"}})
}

// claimsOf reads the payload of a token.
func claimsOf(header string) string {
	parts := strings.Split(header, ".")
	if len(parts) != 3 {
		return ""
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(text)
}

func selfSigned(t *testing.T) (tls.Certificate, []byte) {
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
