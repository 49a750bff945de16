package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/entra"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/hooks"
	"gatehouse/store"
)

// gatewayClient is the application that browsers sign in to on gateways.
var gatewayClient = gatehouse.MustGUID("5f0c1c9e-3a57-4b5e-9d0a-6c2f7e1b8d44")

// The secret of gateways is kept, sealed, like a ticket that does not end in anybody's time: nodes of one store share it, and it is
// no change that the log would have to tell of.
const (
	frontSecretKind = "gatewaysecret"
	frontSecretLife = 100 * 365 * 24 * time.Hour
)

// frontSecret reads the secret of gateways, that sessions and assertions are made with, and makes it at the first start.
func frontSecret(ctx context.Context, s *store.Store) ([]byte, error) {
	t, err := s.Ticket(ctx, frontSecretKind, "main")
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return t.Value, err
	}
	t = store.Ticket{Kind: frontSecretKind, Key: "main", Value: []byte(rand.Text() + rand.Text()), Expires: time.Now().Add(frontSecretLife)}
	return t.Value, s.PutTicket(ctx, t)
}

// assertionKey is the key that tells backends who calls: it follows from the secret, so that it outlives a restart.
func assertionKey(secret []byte) (*ecdsa.PrivateKey, error) {
	for n := range 100 { // hardly any number is no key
		raw, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("gatehouse gateway assertions %d", n), 32)
		if err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), raw); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("no key follows from the secret of gateways")
}

// newHooks makes what stands around the policies of the gateway in this process: who calls, whether they may, what becomes of it.
func (a *app) newHooks(ctx context.Context) (*hooks.Hooks, error) {
	secret, err := frontSecret(ctx, a.store)
	if err != nil {
		return nil, fmt.Errorf("the secret of gateways: %w", err)
	}
	key, err := assertionKey(secret)
	if err != nil {
		return nil, err
	}
	signer, err := admit.NewSigner(a.publicURL+"/gateway", key, nil)
	if err != nil {
		return nil, err
	}
	issuer := strings.TrimSuffix(a.entra.Issuer(), "/v2.0")
	signIn, err := admit.NewSignIn(admit.SignInConfig{
		Authorize: issuer + "/oauth2/v2.0/authorize", Token: issuer + "/oauth2/v2.0/token", SignOut: issuer + "/oauth2/v2.0/logout", ClientID: gatewayClient.String(),
		Audience: entra.GatewayAudience, AudienceOf: a.audienceOf, Secret: secret, Client: &http.Client{Transport: inProcess{a}, Timeout: 30 * time.Second},
	})
	if err != nil {
		return nil, err
	}
	gate := admit.New(admit.Config{Authority: a.gateways.rights, SignIn: signIn, AuthorizationURI: a.gateways.signIn})
	return hooks.New(hooks.Config{Gate: gate, SignIn: signIn, Signer: signer, Audience: entra.GatewayAudience, Refused: a.recordRefusal, Results: a.counted, Traces: a.gateways.traces, Told: a.observed.told()}), nil
}

// audienceOf is what sessions on a host name of the gateway are asked for: the service that answers there.
func (a *app) audienceOf(host string) string {
	if a.gateway == nil {
		return ""
	}
	if p := a.gateway.Plan(host); p != nil {
		return p.Service.Resource
	}
	return ""
}

// isService reports whether tokens may be asked for a resource ID: it is that of an API Management service.
func (a *app) isService(resource string) bool {
	id, err := gatehouse.ParseID(strings.TrimRight(resource, "/"))
	if err != nil || a.gateways == nil {
		return false
	}
	scope, ok := a.gateways.feed.Named(id.Name())
	return ok && scope == id.Scope()
}

// ownsCallback says whether an address is the gateway's way back from sign-in, on a host name that leads to it: custom host
// names of services, names below localhost, and what --gateway-url names. The built-in host name is none of these, since it
// leads to Azure.
func (a *app) ownsCallback(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Path != admit.CallbackPath || u.RawPath != "" || u.RawQuery != "" || u.ForceQuery || a.gateway == nil {
		return false
	}
	origin := "https://" + strings.ToLower(u.Host)
	if slices.Contains(a.gatewayURLs, origin) {
		return true
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	own := port != "" && port == a.gatewayPort
	plan := a.gateway.Plan(host)
	switch {
	case plan == nil || strings.HasSuffix(host, ".azure-api.net"):
		return false
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return own
	}
	for _, h := range plan.Service.Hosts {
		if strings.EqualFold(h.Type, "Proxy") && strings.EqualFold(h.Host, host) {
			return own || port == "" || port == "443"
		}
	}
	return false
}

// recordRefusal puts a refused call on record, as the management side does, and tells where its explanation is.
func (a *app) recordRefusal(ctx context.Context, r *hooks.Refusal) (string, error) {
	d := r.Admission
	id := r.ID.String()
	cause := gatehouse.Cause{Caller: *d.Caller, Action: r.Action, Scope: d.Scope.String(), Operation: id, Correlation: id, Decision: &gatehouse.Because{Code: d.Decision.Code}}
	for given, to := range map[gatehouse.GUID]*string{d.Decision.Grant: &cause.Decision.Grant, d.Decision.Role: &cause.Decision.Role, d.Decision.Deny: &cause.Decision.Deny} {
		if !given.IsZero() {
			*to = given.String()
		}
	}
	err := a.refusals.Record(ctx, gatehouse.Change{Kind: gatehouse.Refused, Cause: cause, Resource: d.Scope.String(), Type: d.Scope.Type(), Status: http.StatusForbidden, Note: r.Text})
	link, _ := explainLink(a.publicURL)(id)
	return link, err
}

// inProcess sends requests to the server of this process, without the network.
type inProcess struct{ a *app }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr, in.Host = r.URL.RequestURI(), "127.0.0.1:0", r.URL.Host
	w := &answer{header: http.Header{}, status: http.StatusOK}
	p.a.mux.ServeHTTP(w, in)
	return &http.Response{StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r}, nil
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *answer) Header() http.Header         { return w.header }
func (w *answer) WriteHeader(status int)      { w.status = status }
func (w *answer) Write(b []byte) (int, error) { return w.body.Write(b) }
