package entra

import (
	"context"
	"strings"
	"testing"
	"time"

	"gatehouse/directory"
)

func TestPublishes(t *testing.T) {
	s := newWorld(t).s
	for address, want := range map[string]bool{
		publicURL + "/" + tid + "/v2.0/.well-known/openid-configuration":                            true,
		publicURL + "/common/v2.0/.well-known/openid-configuration":                                 true,
		"https://login.microsoftonline.com/" + tid + "/v2.0/.well-known/openid-configuration":       true,
		"https://login.microsoftonline.com/Contoso.test/.well-known/openid-configuration":           true,
		"https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration":            false,
		"https://login.microsoftonline.com/fabrikam.test/v2.0/.well-known/openid-configuration":     false,
		"http://login.microsoftonline.com/contoso.test/v2.0/.well-known/openid-configuration":       false,
		"https://login.microsoftonline.com.evil/contoso.test/.well-known/openid-configuration":      false,
		"https://evil.test/" + tid + "/v2.0/.well-known/openid-configuration":                       false,
		publicURL + "/" + tid + "/v2.0/.well-known/openid-configuration/more":                       false,
		"https://login.microsoftonline.com/x/contoso.test/v2.0/.well-known/openid-configuration":    false,
		"https://login.microsoftonline.com.:443/contoso.test/v2.0/.well-known/openid-configuration": false,
	} {
		if got := s.Publishes(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestWithdrawn(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	if why := w.s.Withdrawn(ada, now); why != "" {
		t.Error(why)
	}
	for name, why := range map[string]string{"disabled": w.s.Withdrawn(offUser, now), "unknown": w.s.Withdrawn(guid(200), now)} {
		if why == "" {
			t.Errorf("%s counts", name)
		}
	}
	u, _, err := directory.ReadUser(context.Background(), w.store, ada)
	if err != nil {
		t.Fatal(err)
	}
	u.SessionsValidFrom = now.Add(time.Hour)
	w.put(u.Document(directory.Secrets{PasswordHash: sharedHash()}))
	if w.s.Withdrawn(ada, now) == "" || w.s.Withdrawn(ada, now.Add(time.Hour)) != "" {
		t.Error("the end of sessions is not seen, or seen too far")
	}
}

// TestGatewayAudience: a token for calls of APIs opens nothing of the management plane.
func TestGatewayAudience(t *testing.T) {
	w := newWorld(t)
	r, err := w.s.resolve(context.Background(), GatewayAudience)
	if err != nil || !r.builtin || r.graph {
		t.Fatalf("%+v, %v", r, err)
	}
	claims := w.claims(pipelineSP)
	claims["aud"] = GatewayAudience
	token, err := w.s.keys.sign(context.Background(), claims)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.s.Authenticate(context.Background(), token, GatewayAudience); err != nil {
		t.Error(err)
	}
	if _, err := w.s.Authenticate(context.Background(), token, w.s.ARMAudiences()...); err == nil {
		t.Error("it is taken by Resource Manager")
	}
}

func TestCertificate(t *testing.T) {
	w := newWorld(t)
	c, err := w.s.Certificate(context.Background(), w.leaf)
	if err != nil || c.ID != pipelineSP || c.Method != "certificate" {
		t.Fatal(c, err)
	}
	if _, err := w.s.Certificate(context.Background(), certificate(t, strangerKey(), w.clock.Now())); err == nil {
		t.Error("a stranger's certificate counts")
	}
	w.clock.advance(400 * 24 * time.Hour)
	if _, err := w.s.Certificate(context.Background(), w.leaf); err == nil {
		t.Error("an expired certificate counts")
	}
	w.clock.advance(-400 * 24 * time.Hour)
	w.drop(directory.ServicePrincipalID(pipelineSP))
	if _, err := w.s.Certificate(context.Background(), w.leaf); err == nil {
		t.Error("the certificate of a deleted service principal counts")
	}
}

// TestAccepts: a first-party client may have addresses that are known only while it runs, over https alone.
func TestAccepts(t *testing.T) {
	c := &client{known: &Client{Accepts: func(uri string) bool { return strings.Contains(uri, "://gw.test/") }}}
	for uri, want := range map[string]platform{"https://gw.test/cb": native, "http://gw.test/cb": unregistered, "https://other.test/cb": unregistered, "https://a@gw.test/cb": unregistered, "https://gw.test/cb#x": unregistered} {
		if got := c.redirect(uri); got != want {
			t.Errorf("%s: %v", uri, got)
		}
	}
}
