package hooks

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
)

// knows is an authority that answers at once: what the check itself costs is seen. Away, it answers nothing.
type knows struct{ away bool }

var somebody = &gatehouse.Caller{ID: gatehouse.MustGUID("00000000-0000-4000-8000-000000000001"), Type: gatehouse.User, Name: "bob@contoso.test", TokenID: "t"}

func (k *knows) Authenticate(context.Context, string, ...string) (*gatehouse.Caller, error) {
	if k.away {
		return nil, errors.New("away")
	}
	return somebody, nil
}

func (k *knows) Certificate(context.Context, *x509.Certificate) (*gatehouse.Caller, error) {
	return k.Authenticate(context.Background(), "")
}

func (k *knows) Foreign(_ context.Context, _ string, by *admit.Foreign) (*gatehouse.Caller, error) {
	c := *somebody
	c.Issuer, c.Method = by.Issuers[0], by.Setting[len("/rolechecks/"):]
	return &c, nil
}

func (*knows) Decide(context.Context, *gatehouse.Caller, string, gatehouse.ID) (gatehouse.Decision, error) {
	return gatehouse.Decision{Allowed: true}, nil
}

// small is a gateway with one API, without a management side.
func small(t testing.TB, a admit.Authority, check *config.RoleCheck) *gateway.Gateway {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	signer, err := admit.NewSigner("https://gateway.test", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{Gate: admit.New(admit.Config{Authority: a}), Signer: signer, Audience: audience, Log: quiet})
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	g := gateway.New(gateway.Config{Begin: h.Begin, Admit: h.Admit, Default: "contoso", Log: quiet, Local: map[string]http.Handler{"backend.test": echo}})
	t.Cleanup(g.Close)

	u := &config.Update{Service: contoso, Whole: true}
	service := &config.Service{Resource: contoso}
	api := &config.API{DisplayName: "Orders", Path: "orders", Protocols: []string{"http"}, Current: true, ServiceURL: "http://backend.test"}
	op := &config.Operation{Method: "GET", URLTemplate: "/"}
	service.SetID("")
	api.SetID("/apis/orders")
	op.SetID("/apis/orders/operations/get")
	u.Put = []config.Entity{service, api, op}
	if check != nil {
		check.SetID("/roleChecks/default")
		u.Put = append(u.Put, check)
	}
	c := config.New(u)
	h.Update(c, u)
	g.Update(c, u)
	return g
}

// TestAway: who cannot be asked about lets nobody in.
func TestAway(t *testing.T) {
	a := &knows{}
	g := small(t, a, &config.RoleCheck{Mode: config.Enforce})
	get := func() int {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "http://contoso.localhost/orders", nil)
		r.Header.Set("Authorization", "Bearer x")
		g.ServeHTTP(w, r)
		return w.Code
	}
	if got := get(); got != 204 {
		t.Error(got)
	}
	a.away = true
	if got := get(); got != 503 {
		t.Error(got)
	}
	if unknown := small(t, a, &config.RoleCheck{Mode: "sometimes"}); unknown != nil {
		g = unknown
	}
	if got := get(); got != 503 {
		t.Error("a mode that is none:", got)
	}
}

// BenchmarkRoleCheck is a call with a role check and without one: the difference is what it costs besides the authority.
func BenchmarkRoleCheck(b *testing.B) {
	for name, check := range map[string]*config.RoleCheck{"without": nil, "with": {Mode: config.Enforce}} {
		b.Run(name, func(b *testing.B) {
			g := small(b, &knows{}, check)
			r := httptest.NewRequest("GET", "http://contoso.localhost/orders", nil)
			b.ReportAllocs()
			for b.Loop() {
				in := *r
				in.Header = http.Header{"Authorization": {"Bearer x"}}
				g.ServeHTTP(httptest.NewRecorder(), &in)
			}
		})
	}
}
