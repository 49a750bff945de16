package replay

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/gateway/config"
	"gatehouse/gateway/record"
	"gatehouse/token"
	"gatehouse/world"
)

const (
	service  = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.ApiManagement/service/Contoso"
	target   = "https://backend.example/base"
	audience = "api://gatehouse-gateway"
)

var (
	ada  = gatehouse.MustGUID("aaaaaaaa-0000-0000-0000-000000000001")
	role = gatehouse.MustGUID("bbbbbbbb-0000-0000-0000-000000000001")
	noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
)

func entity[T config.Entity](id string, e T) T {
	e.SetID(id)
	return e
}

// configOf is a service with one API, whose policy has these elements in inbound.
func configOf(inbound string, more ...config.Entity) *config.Config {
	return config.New(&config.Update{Service: service, Whole: true, Put: append([]config.Entity{
		entity("", &config.Service{Resource: service, Location: "westeurope", Statistics: "contoso"}),
		entity("/apis/a", &config.API{DisplayName: "a", Path: "a", ServiceURL: target, Protocols: []string{"http", "https"}, Revision: "1", Current: true}),
		entity("/apis/a/operations/get", &config.Operation{Method: "GET", URLTemplate: "/*"}),
		entity("/apis/a/operations/post", &config.Operation{Method: "POST", URLTemplate: "/*"}),
		entity("/apis/a/policies/policy", &config.Policy{Format: "rawxml", Value: documentOf(inbound)}),
	}, more...)})
}

func documentOf(inbound string) string {
	return `<policies><inbound><base />` + inbound + `</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>`
}

// worldOf is a world in which ada is, and may call when she has the role.
func worldOf(may bool) *access.View {
	w := &world.World{Complete: true, Principals: []world.Principal{{ID: ada, Type: gatehouse.User, Name: "ada@contoso.example"}},
		Roles: []gatehouse.RoleDefinition{{ID: role, Name: "Caller", Permissions: []gatehouse.Permission{{DataActions: []string{"Gatehouse.Gateway/*"}}}}}}
	if may {
		id, err := gatehouse.ParseID(service)
		if err != nil {
			panic(err)
		}
		w = Assign(w, ada, role, id)
	}
	return access.Of(w, noon)
}

// got is a call that a backend answered with 200 and a text.
func got(n int, more func(*record.Record)) Call {
	path := fmt.Sprintf("/%d", n)
	r := &record.Record{Version: record.Version, ID: gatehouse.NewGUID().String(), Time: noon.Add(time.Duration(n) * time.Second), Service: service, Client: "192.0.2.1", Status: 200,
		Request:  record.Message{Method: "GET", URL: "https://gw.example/a" + path, Header: http.Header{}},
		Backends: []record.Exchange{{Request: record.Message{Method: "GET", URL: target + path}, Status: 200, Answer: record.Message{Body: record.Body{Data: []byte("fine")}}}},
		Answer:   record.Message{Body: record.Body{Data: []byte("fine")}}, API: "/apis/a", Operation: "/apis/a/operations/get"}
	if more != nil {
		more(r)
	}
	return Call{Line: n, Record: r}
}

func play(t *testing.T, calls []Call, before, after *Side) *Report {
	t.Helper()
	r, err := Run(context.Background(), calls, before, after, Options{Audience: audience, Publishes: func(address string, _ []string) bool { return strings.HasPrefix(address, "https://tenant.example/") }})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is what a report says in short.
func told(r *Report) string {
	var list []string
	for _, d := range r.Differences {
		text := fmt.Sprintf("%d %s %d>%d", d.Line, d.Kind, d.Before.Status, d.After.Status)
		if d.After.Reason != "" {
			text += " " + d.After.Reason
		}
		list = append(list, strings.Join(append([]string{text}, d.NotRecorded...), " ? "))
	}
	for _, u := range r.Unreproduced {
		list = append(list, fmt.Sprintf("%d! %s", u.Line, strings.Join(u.What, "; ")))
	}
	for _, s := range r.Skipped {
		list = append(list, fmt.Sprintf("%d- %s", s.Line, s.Why))
	}
	return strings.Join(list, "\n")
}

func TestReplay(t *testing.T) {
	three := []Call{got(1, nil), got(2, nil), got(3, nil)}
	header := func(name, value string) func(*record.Record) {
		return func(r *record.Record) { r.Request.Header.Set(name, value) }
	}
	send := `<send-request mode="new" response-variable-name="v"><set-url>https://other.example/x</set-url><set-method>GET</set-method></send-request>`
	for _, c := range []struct {
		name          string
		calls         []Call
		before, after string
		want          string
	}{
		{"the same", three, "", "", ""},
		{"what is made up anew is no difference", three, `<set-header name="X-A" exists-action="override"><value>@(Guid.NewGuid().ToString())</value></set-header><set-header name="X-B" exists-action="override"><value>@(new Random().Next().ToString() + DateTime.UtcNow.Ticks)</value></set-header>`,
			`<set-header name="X-A" exists-action="override"><value>@(Guid.NewGuid().ToString())</value></set-header><set-header name="X-B" exists-action="override"><value>@(new Random().Next().ToString() + DateTime.UtcNow.Ticks)</value></set-header>`, ""},
		{"a GUID that a policy has is one", three[:1], `<set-header name="X-T" exists-action="override"><value>dddddddd-0000-0000-0000-000000000001</value></set-header>`,
			`<set-header name="X-T" exists-action="override"><value>dddddddd-0000-0000-0000-000000000002</value></set-header>`, "1 changed 200>200"},
		{"in an address too", []Call{got(1, func(r *record.Record) {
			r.Backends[0].Request.URL = "https://b.example/dddddddd-0000-0000-0000-000000000001/1"
		})}, `<set-backend-service base-url="https://b.example/dddddddd-0000-0000-0000-000000000001" />`, `<set-backend-service base-url="https://b.example/dddddddd-0000-0000-0000-000000000002" />`,
			"1 changed 200>500 BackendConnectionFailure ? GET https://b.example/dddddddd-0000-0000-0000-000000000002/1"},
		{"one that is made up in an address is none", []Call{got(1, func(r *record.Record) { r.Backends[0].Request.URL += "?id=dddddddd-0000-0000-0000-000000000003" })},
			`<set-query-parameter name="id" exists-action="override"><value>@(context.RequestId.ToString())</value></set-query-parameter>`,
			`<set-query-parameter name="id" exists-action="override"><value>@(context.RequestId.ToString())</value></set-query-parameter>`, ""},
		{"limits count from nothing, at the time of the calls", []Call{got(1, nil), got(2, nil), got(3, nil), got(200, nil)}, "", `<rate-limit-by-key calls="2" renewal-period="60" counter-key="x" />`, "3 newly refused 200>429 RateLimitExceeded"},
		{"in the order of their times", []Call{got(3, nil), got(1, nil), got(2, nil)}, "", `<rate-limit-by-key calls="2" renewal-period="60" counter-key="x" />`, "3 newly refused 200>429 RateLimitExceeded"},
		{"a request that is not recorded is not answered", three[:1], "", `<set-query-parameter name="q" exists-action="override"><value>1</value></set-query-parameter>`,
			"1 changed 200>500 BackendConnectionFailure ? GET " + target + "/1?q=1"},
		{"send-request too", three[:1], "", send, "1 changed 200>500 BackendConnectionFailure ? GET https://other.example/x"},
		{"nobody looks at the answer of a one-way request", three[:1], "", strings.ReplaceAll(strings.ReplaceAll(send, "send-request", "send-one-way-request"), ` response-variable-name="v"`, ""), "1 changed 200>200"},
		{"a header that a backend gets", three[:1], "", `<set-header name="X-New" exists-action="override"><value>1</value></set-header>`, "1 changed 200>200"},
		{"an address that is refused", three[:1], "", `<ip-filter action="forbid"><address>192.0.2.1</address></ip-filter>`, "1 newly refused 200>403 CallerIpBlocked"},
		{"and let in again", []Call{got(1, func(r *record.Record) {
			r.Status, r.Backends, r.Answer = 403, nil, record.Message{Body: record.Body{Cut: true}}
		})}, `<ip-filter action="forbid"><address>192.0.2.1</address></ip-filter>`, "",
			"1 newly allowed 403>500 BackendConnectionFailure ? GET " + target + "/1"},
		{"what fails by itself is let in by nobody", []Call{got(1, func(r *record.Record) {
			r.Status, r.Backends, r.Answer = 403, nil, record.Message{Body: record.Body{Cut: true}}
		})}, `<ip-filter action="forbid"><address>192.0.2.1</address></ip-filter>`,
			`<set-variable name="v" value="@(1 / (int)(context.Request.Headers.Count - context.Request.Headers.Count))" />`, "1 changed 403>500 ExpressionValueEvaluationFailure"},
		{"a time-out", []Call{got(1, func(r *record.Record) {
			r.Backends[0].Error, r.Status, r.Answer = record.TimedOut, 500, record.Message{Body: record.Body{Cut: true}}
		})}, "", "", ""},
		{"roles or settings that changed since", []Call{got(1, func(r *record.Record) { r.Status, r.Backends = 403, nil })}, "", "",
			"1! status 403 then, 500 in the replay; would call GET " + target + "/1, not recorded"},
		{"the beginning of an answer", []Call{got(1, func(r *record.Record) { r.Backends[0].Answer.Body.Cut = true })}, "", "", "1! the recording has only the beginning of the answer to GET " + target + "/1"},
		{"another protocol", []Call{got(1, func(r *record.Record) { r.Switched = true })}, "", "", "1- the connection left HTTP: what passed over it is not recorded"},
		{"what was hidden keeps its stand-in", []Call{got(1, header("X-Api-Key", "{{m:hidden:0011223344556677}}")), got(2, header("X-Api-Key", "{{m:hidden:0011223344556677}}"))}, "",
			`<rate-limit-by-key calls="1" renewal-period="60" counter-key="@(context.Request.Headers.GetValueOrDefault("X-Api-Key",""))" />`, "2 newly refused 200>429 RateLimitExceeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := slices.Clone(c.calls)
			for i := range calls {
				calls[i].Record.Mark = "m"
			}
			r := play(t, calls, &Side{configOf(c.before), worldOf(false)}, &Side{configOf(c.after), worldOf(false)})
			if got := told(r); got != c.want {
				t.Errorf("%s\nwanted %s", got, c.want)
			}
			if r.Same+r.Differ != r.Calls || r.Calls+len(r.Skipped) != len(calls) {
				t.Errorf("%d of %d the same, %d differ", r.Same, r.Calls, r.Differ)
			}
		})
	}
}

// TestNothingSent: not one byte leaves the process, whatever policies ask for.
func TestNothingSent(t *testing.T) {
	var hits atomic.Int64
	at := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer at.Close()
	policies := `<send-request mode="new" response-variable-name="v" ignore-error="true"><set-url>` + at.URL + `/s</set-url><set-method>POST</set-method><set-body>x</set-body></send-request>
		<send-one-way-request mode="new"><set-url>` + at.URL + `/o</set-url><set-method>GET</set-method></send-one-way-request>
		<log-to-eventhub logger-id="hub">hello</log-to-eventhub>
		<set-backend-service base-url="` + at.URL + `" />
		<validate-jwt header-name="Authorization"><openid-config url="` + at.URL + `/.well-known/openid-configuration" /></validate-jwt>`
	r := play(t, []Call{got(1, func(r *record.Record) { r.Request.Header.Set("Authorization", "Bearer "+unsigned(tokenOf(nil, nil))) })}, &Side{configOf(""), worldOf(false)}, &Side{configOf(policies), worldOf(false)})
	if hits.Load() != 0 {
		t.Errorf("%d requests were sent", hits.Load())
	}
	if got := told(r); !strings.HasPrefix(got, "1 newly refused 200>401") {
		t.Error(got)
	}
	d := r.Differences[0]
	var out []string
	for _, b := range d.Backends {
		out = append(out, b.Side+b.Request)
	}
	if text := strings.Join(out, ", "); !strings.Contains(text, "+POST "+at.URL+"/s") || !strings.Contains(text, "+GET "+at.URL+"/o") || !strings.Contains(text, "+log-to-eventhub hub") {
		t.Error(text)
	}
}

var key = func() *token.Key {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	k, err := token.Public("k1", &private.PublicKey)
	if err != nil {
		panic(err)
	}
	return k
}()

// tokenOf is a recorded token of ada, signed by a key of the tenant unless that is nil.
func tokenOf(by *token.Key, change map[string]any) record.Token {
	claims := map[string]any{"iss": "https://tenant.example/t/v2.0", "aud": audience, "oid": ada.String(), "idtyp": "user", "upn": "ada@contoso.example", "exp": noon.Unix() + 3600, "nbf": noon.Unix() - 60}
	for name, v := range change {
		claims[name] = v
	}
	text, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	t := record.Token{Header: json.RawMessage(`{"alg":"RS256","kid":"k1"}`), Claims: text}
	if by != nil {
		t.Key, t.Tenant = by.Fingerprint("salt"), true
		t.Published = []record.Published{{Issuers: []string{"https://tenant.example/t/v2.0"}, Key: by.JWK()}}
	}
	return t
}

func withToken(n int, tokens ...record.Token) Call {
	return got(n, func(r *record.Record) {
		r.Mark, r.Salt, r.Tokens = "m", "salt", tokens
		r.Request.Header.Set("Authorization", "Bearer {{m:token:0}}")
	})
}

// TestTokens: a token counts when its signature was good at the recording, for the keys that made it; else it does not.
func TestTokens(t *testing.T) {
	validate := func(more string) string {
		return `<validate-jwt header-name="Authorization"><openid-config url="https://tenant.example/.well-known/openid-configuration" />` + more + `</validate-jwt>`
	}
	other := strings.Replace(validate(""), "tenant.example", "other.example", 1)
	for _, c := range []struct {
		name, after string
		token       record.Token
		want        string
	}{
		{"good", validate(""), tokenOf(key, nil), ""},
		{"another audience", validate(`<audiences><audience>other</audience></audiences>`), tokenOf(key, nil), "1 newly refused 200>401 TokenAudienceNotAllowed"},
		{"a claim", validate(`<required-claims><claim name="oid" match="all"><value>` + ada.String() + `</value></claim></required-claims>`), tokenOf(key, nil), ""},
		{"of a time that is over", validate(""), tokenOf(key, map[string]any{"exp": noon.Unix() - 7200}), "1 newly refused 200>401 TokenExpired"},
		{"another issuer's keys", other, tokenOf(key, nil), "1 newly refused 200>401 TokenSignatureKeyNotFound"},
		{"nobody knows of its signature", validate(""), tokenOf(nil, nil), "1 newly refused 200>401 TokenSignatureKeyNotFound"},
		{"of somebody who is gone", validate(""), tokenOf(key, map[string]any{"oid": "aaaaaaaa-0000-0000-0000-00000000000f"}), "1 newly refused 200>401 JwtInvalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := play(t, []Call{withToken(1, c.token)}, &Side{configOf(""), worldOf(false)}, &Side{configOf(c.after), worldOf(false)})
			if got := told(r); got != c.want {
				t.Errorf("%s\nwanted %s", got, c.want)
			}
			if strings.Contains(c.want, "KeyNotFound") && len(r.Differences[0].Notes) == 0 {
				t.Error("it does not say that the recording does not know")
			}
		})
	}
	t.Run("a good and an unknown one under the same keys", func(t *testing.T) {
		calls := []Call{withToken(1, tokenOf(key, nil)), withToken(2, tokenOf(nil, nil)), withToken(3, tokenOf(key, nil))}
		r := play(t, calls, &Side{configOf(""), worldOf(false)}, &Side{configOf(validate("")), worldOf(false)})
		if got := told(r); got != "2 newly refused 200>401 TokenSignatureInvalid" && got != "2 newly refused 200>401 TokenSignatureKeyNotFound" {
			t.Error(got)
		}
	})
}

// TestRoles: rights are decided anew, at the time of the call, for those whom the recording knows for sure.
func TestRoles(t *testing.T) {
	check := func(more func(*config.RoleCheck)) config.Entity {
		c := entity("/apis/a/roleChecks/default", &config.RoleCheck{Mode: config.Enforce, SignIn: true, Certificates: true})
		if more != nil {
			more(c)
		}
		return c
	}
	session := got(1, func(r *record.Record) {
		r.Principal = &record.Principal{ID: ada, Type: gatehouse.User, Name: "ada@contoso.example", Via: "session"}
		r.Request.Header.Set("Cookie", "__Host-gatehouse=hidden")
	})
	for _, c := range []struct {
		name          string
		call          Call
		before, after bool
		want          string
	}{
		{"may", withToken(1, tokenOf(key, nil)), true, true, ""},
		{"may no more", withToken(1, tokenOf(key, nil)), true, false, "1 newly refused 200>403 RoleAssignmentNotFound"},
		{"may now", withToken(1, tokenOf(key, nil)), false, true, "1 newly allowed 403>200\n1! status 200 then, 403 in the replay; the setting of the role check has changed since"},
		{"in a session", session, true, false, "1 newly refused 200>403 RoleAssignmentNotFound"},
		{"an unknown signature is nobody's", withToken(1, tokenOf(nil, nil)), false, true, "1! status 200 then, 401 in the replay"},
		{"another audience", withToken(1, tokenOf(key, map[string]any{"aud": "https://management.azure.com"})), false, true, "1! status 200 then, 401 in the replay"},
		{"over", withToken(1, tokenOf(key, map[string]any{"exp": noon.Unix() - 3600})), false, true, "1! status 200 then, 401 in the replay"},
		{"no token", got(1, nil), false, true, "1! status 200 then, 401 in the replay"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := play(t, []Call{c.call}, &Side{configOf("", check(nil)), worldOf(c.before)}, &Side{configOf("", check(nil)), worldOf(c.after)})
			if got := told(r); !strings.HasPrefix(got, c.want) || c.want == "" && strings.Contains(got, "newly") {
				t.Errorf("%s\nwanted %s", got, c.want)
			}
			for _, d := range r.Differences {
				if d.Principal != "ada@contoso.example" || d.Before.Why == "" || d.After.Why == "" {
					t.Errorf("%q: %q, then %q", d.Principal, d.Before.Why, d.After.Why)
				}
			}
		})
	}
}

// TestEdits: documents are checked as if they were saved, and what they are edits of does not change.
func TestEdits(t *testing.T) {
	c := configOf("")
	e := NewEdits(c)
	for _, scope := range []string{"api/nothing", "apis/a/operations/nothing", "apis", "subscriptions/x"} {
		if err := e.Policy(scope, documentOf("")); err == nil {
			t.Errorf("%s has a policy", scope)
		}
	}
	for _, scope := range []string{"global", "API/A", "apis/a/operations/get", "api/a/operation/get"} {
		text := documentOf("")
		if scope == "global" {
			text = "<policies><inbound /><backend><forward-request /></backend><outbound /></policies>"
		}
		if err := e.Policy(scope, text); err != nil {
			t.Errorf("%s: %v", scope, err)
		}
	}
	if err := e.Policy("api/a", documentOf("<nothing />")); err == nil {
		t.Error("a policy that could not be saved is taken")
	}
	if err := e.RoleCheck("api/a", "sometimes"); err == nil {
		t.Error("a mode that there is not")
	}
	if err := e.NamedValue("n", "v"); err != nil {
		t.Error(err)
	}
	if err := e.RoleCheck("api/a", "enforce"); err != nil {
		t.Error(err)
	}
	next := e.Config()
	if next.RoleChecks.Len() != 1 || c.RoleChecks.Len() != 0 || next.Policies.Len() != 3 || c.Policies.Len() != 1 {
		t.Errorf("%d role checks, %d policies", next.RoleChecks.Len(), next.Policies.Len())
	}
	if err := e.Policy("api/a", ""); err != nil || e.Config().Policies.Len() != 2 {
		t.Errorf("%d policies %v", e.Config().Policies.Len(), err)
	}
}

// TestPools: whose turn it is among the members of a pool depends on calls that may not be recorded.
func TestPools(t *testing.T) {
	pool := []config.Entity{
		entity("/backends/one", &config.Backend{URL: "https://one.example"}), entity("/backends/two", &config.Backend{URL: "https://two.example/x"}),
		entity("/backends/both", &config.Backend{Type: "Pool", Pool: &config.BackendPool{Members: []config.PoolMember{{Backend: "/backends/one"}, {Backend: "/backends/two"}}}}),
	}
	to := func(n int, base string) Call {
		return got(n, func(r *record.Record) { r.Backends[0].Request.URL = base + fmt.Sprintf("/%d", n) })
	}
	side := &Side{configOf(`<set-backend-service backend-id="both" />`, pool...), worldOf(false)}
	if got := told(play(t, []Call{to(1, "https://two.example/x"), to(2, "https://two.example/x"), to(3, "https://one.example")}, side, side)); got != "" {
		t.Error(got)
	}
}
