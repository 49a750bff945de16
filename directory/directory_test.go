package directory

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/store"
	"gatehouse/store/sqlite/sqlitetest"
)

func write(t *testing.T, s *store.Store, f func(*store.Tx) error) {
	t.Helper()
	if _, err := s.Write(context.Background(), gatehouse.Cause{Action: "test", Scope: "/"}, f); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s *store.Store, d *store.Document, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s, func(tx *store.Tx) error { return tx.Put(d) })
}

func TestIndexFollowsCommits(t *testing.T) {
	s := sqlitetest.Open(t)
	before := &User{ID: gatehouse.NewGUID(), UserPrincipalName: "Before@x.test", AccountEnabled: true}
	d, err := before.Document(Secrets{})
	put(t, s, d, err)
	x, err := NewIndex(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if oid, ok := x.UserByName("bEFORE@X.TEST"); !ok || oid != before.ID {
		t.Error("a user from before the index is not found")
	}
	u := &User{ID: gatehouse.NewGUID(), UserPrincipalName: "ada@x.test", DisplayName: "Ada", AccountEnabled: true}
	d, err = u.Document(Secrets{PasswordHash: "h"})
	put(t, s, d, err)
	if oid, ok := x.UserByName("ADA@x.test"); !ok || oid != u.ID {
		t.Error("a new user is not found")
	}
	u.UserPrincipalName, u.AccountEnabled = "lovelace@x.test", false
	d, err = u.Document(Secrets{PasswordHash: "h"})
	put(t, s, d, err)
	if _, ok := x.UserByName("ada@x.test"); ok {
		t.Error("the old name still finds the user")
	}
	if p, ok := x.Principal(u.ID); !ok || p.Enabled || p.Name != "lovelace@x.test" || p.Type != gatehouse.User {
		t.Errorf("principal %+v", p)
	}
	write(t, s, func(tx *store.Tx) error { _, err := tx.Delete(UserID(u.ID).Scope()); return err })
	if _, ok := x.Principal(u.ID); ok {
		t.Error("a deleted user is still there")
	}
	if _, ok := x.UserByName("lovelace@x.test"); ok {
		t.Error("a deleted user's name still finds it")
	}
}

func TestIndexOfApplications(t *testing.T) {
	s := sqlitetest.Open(t)
	x, err := NewIndex(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	a := &Application{ID: gatehouse.NewGUID(), AppID: gatehouse.NewGUID(), DisplayName: "A", IdentifierURIs: []string{"api://Orders/"}}
	d, err := a.Document(Secrets{})
	put(t, s, d, err)
	sp := &ServicePrincipal{ID: gatehouse.NewGUID(), AppID: a.AppID, Type: KindApplication, Names: []string{a.AppID.String(), "https://x.test/a"}}
	d, err = sp.Document(Secrets{})
	put(t, s, d, err)
	res := gatehouse.MustID("/subscriptions/s/resourceGroups/RG/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Build")
	mi := &ServicePrincipal{ID: gatehouse.NewGUID(), AppID: gatehouse.NewGUID(), Type: KindManagedIdentity, AlternativeNames: []string{"isExplicit=True", res.String()}}
	d, err = mi.Document(Secrets{})
	put(t, s, d, err)
	check := func(what string, got gatehouse.GUID, ok bool, want gatehouse.GUID) {
		t.Helper()
		if !ok || got != want {
			t.Errorf("%s = %v, %v", what, got, ok)
		}
	}
	id, ok := x.ApplicationByAppID(a.AppID)
	check("by appId", id, ok, a.ID)
	id, ok = x.ApplicationByURI("API://orders")
	check("by URI", id, ok, a.ID)
	id, ok = x.ServicePrincipalByAppID(a.AppID)
	check("service principal by appId", id, ok, sp.ID)
	id, ok = x.ServicePrincipalByName("https://x.test/a")
	check("by name", id, ok, sp.ID)
	id, ok = x.ServicePrincipalByName(strings.ToUpper(a.AppID.String()))
	check("by name, appId", id, ok, sp.ID)
	id, ok = x.ManagedIdentity(gatehouse.MustID(strings.ToLower(res.String())))
	check("by resource", id, ok, mi.ID)
	if all := x.ManagedIdentities(); len(all) != 1 || all[0] != mi.ID {
		t.Errorf("managed identities %v", all)
	}
	if _, ok := x.ApplicationByAppID(mi.AppID); ok {
		t.Error("a managed identity was taken for an application")
	}
}

// Of many who want one name, one gets it.
func TestReserve(t *testing.T) {
	s := sqlitetest.Open(t)
	x, err := NewIndex(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		group.Go(func() {
			u := &User{ID: gatehouse.NewGUID(), UserPrincipalName: "one@x.test", AccountEnabled: true}
			release, err := x.ReserveUserName("ONE@x.test", u.ID)
			if gatehouse.KindOf(err) == gatehouse.Conflict {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			d, _ := u.Document(Secrets{})
			put(t, s, d, nil)
			mu.Lock()
			won++
			mu.Unlock()
		})
	}
	group.Wait()
	if n, _ := s.Count(t.Context(), store.Query{Type: UserType}); n != 1 || won != 1 {
		t.Errorf("%d users, %d writers", n, won)
	}
	oid, _ := x.UserByName("one@x.test")
	if release, err := x.ReserveUserName("one@x.test", oid); err != nil {
		t.Error("an object cannot keep its own name:", err)
	} else {
		release()
	}
}

func TestClientSecrets(t *testing.T) {
	now := time.Now()
	seen := map[string]bool{}
	for range 200 {
		c, text, hash := NewClientSecret("x", now, now.Add(time.Hour))
		var s Secrets
		s.Add(c.KeyID, hash)
		if seen[text] || len(text) != 42 || strings.HasPrefix(text, "-") || c.Hint != text[:3] || strings.Contains(hash, text) {
			t.Fatalf("secret %q, hint %q, hash %q", text, c.Hint, hash)
		}
		seen[text] = true
		if !s.Matches(c.KeyID, text) || s.Matches(c.KeyID, text+"x") || s.Matches(gatehouse.NewGUID(), text) || s.Matches(c.KeyID, "") {
			t.Fatal("Matches is wrong")
		}
		if !c.Holds(now) || c.Holds(now.Add(time.Hour)) || c.Holds(now.Add(-time.Second)) {
			t.Fatal("Holds is wrong")
		}
		s.Remove(c.KeyID)
		if s.JSON() != nil || s.Matches(c.KeyID, text) {
			t.Fatal("a removed secret is left")
		}
	}
}

// az sends certificates of version 1, signed with SHA-1, with a GeneralizedTime
// before 2050, in base64 broken into lines (clients.md 5).
func TestOddCertificate(t *testing.T) {
	text := strings.ReplaceAll(oddCertificate, "\n", "\r\n ")
	cert, err := ParseCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Version != 1 || cert.NotAfter.Year() != 2036 {
		t.Errorf("version %d until %v", cert.Version, cert.NotAfter)
	}
	k := NewKeyCredential(cert, "az")
	if len(k.Identifier) != 40 || k.Type != "AsymmetricX509Cert" || k.Usage != "Verify" || !k.End.Equal(cert.NotAfter) {
		t.Errorf("credential %+v", k)
	}
	if again, err := k.Certificate(); err != nil || !again.Equal(cert) {
		t.Error(err)
	}
	pem := "-----BEGIN CERTIFICATE-----\n" + oddCertificate + "-----END CERTIFICATE-----\n"
	if again, err := ParseCertificate(base64.StdEncoding.EncodeToString([]byte(pem))); err != nil || !again.Equal(cert) {
		t.Errorf("PEM in base64: %v", err)
	}
	for _, bad := range []string{"", "!", "AAAA"} {
		if _, err := ParseCertificate(bad); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("ParseCertificate(%q) = %v", bad, err)
		}
	}
}

func TestFederatedShapes(t *testing.T) {
	s := sqlitetest.Open(t)
	app := gatehouse.NewGUID()
	f := &Federated{Name: "gh", Issuer: "https://i", Subject: "s", Audiences: []string{"a"}}
	d, err := f.Document(app)
	put(t, s, d, err)
	identity := gatehouse.MustID("/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/mi")
	put(t, s, &store.Document{ID: identity.Child("federatedIdentityCredentials", "k8s"), Type: IdentityFederatedType,
		Body: []byte(`{"properties":{"issuer":"https://k","subject":"t","audiences":["b"]}}`)}, nil)
	for holder, want := range map[gatehouse.ID]string{ApplicationID(app): "gh https://i s a", identity: "k8s https://k t b"} {
		all, err := FederatedCredentials(t.Context(), s, holder)
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: %v, %v", holder, all, err)
		}
		if got := strings.Join([]string{all[0].Name, all[0].Issuer, all[0].Subject, all[0].Audiences[0]}, " "); got != want {
			t.Errorf("%s: %s", holder, got)
		}
	}
}

const oddCertificate = `MIICoDCCAYgCAQEwDQYJKoZIhvcNAQEFBQAwFDESMBAGA1UEAwwJQ0xJLUxvZ2luMCIYDzIwMjYx
MTIxMTIwMDAwWhgPMjAzNjExMjExMjAwMDBaMBQxEjAQBgNVBAMMCUNMSS1Mb2dpbjCCASIwDQYJ
KoZIhvcNAQEBBQADggEPADCCAQoCggEBANVqcUeGpk6Ex4TL5QBa5WRm5o3lawKSlJAIQmNxVYaM
gKrS1RaSawmzQ7p5y6Z5tS2TsHyd8i+DDbldoqHzg6xG5pYjZxpoT1+W2xQCQ/11BBB5UbOpx7yF
3QRbYftF2JL1CwixhC01Ve68LCFUTigL2l+BuXuuqWrhUa0kZVU/0aiY3q7S5oc/d2AyDXZk75oO
yh6YMualmwLNmN88HQEkZj8XZSZ/V3Mj7E9eRlwmQMGSyvEuv3Eq9RD7nPcRJB8u61f3Il/VkmHA
t09td3zRLlve7Z6XgmWZWXvs+LKU46HONZ931ZRCilBrUFuhNzJGW74TAjvHGIipNB0gnnMCAwEA
ATANBgkqhkiG9w0BAQUFAAOCAQEAP/jYBVsz2V9U+UddYF8k+y5sxQnpGIQg/kvlTDJcWUD8Jf3v
WVAtdegrwnYOnjCmOXGONN1UGhXkxtfYUo0Ok0nfda6vEYLIPtneBOgH9SVbxo0KGPK73Y0gCRqZ
0SgV6PtIYq+zXsDjcObhhQWnLEoKbq+1EM+t5uxBO+2+eHrH+rVyWz+hjNQlchQKPcj4eRz47rv2
+lJXkJ4EeuPU2xKVPOZtd2xdtuxy125C3rEYWAfQynfdm6zT98b5a5bRsUHGn6sOiZp1ROUciPZR
gP0WkTX2yldA4tDWlFbSnBuBQqM7kae23SXa9Vhp9eBmetVE/1CirzIst9uqF3GkaA==
`
