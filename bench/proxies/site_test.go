package proxies

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// site is a gateway with its management side, in one process.
type site struct {
	b       *testing.B
	pid     int
	arm     string
	service string
	token   string
	calls   string // address of the gateway
	dir     string
	program string
	client  *http.Client
}

// program is the binary under test: GATEHOUSE_BIN, or what is built here.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("GATEHOUSE_BIN"); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "gatehouse-bench")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "gatehouse")
	c := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/gatehouse")
	c.Dir = "../.."
	out, err := c.CombinedOutput()
	return path, errors.Join(err, errors.New(string(out)))
})

func newSite(b *testing.B) *site {
	path, err := program()
	if _, broken := os.Stat(path); broken != nil {
		b.Fatal(err)
	}
	s := &site{b: b, dir: b.TempDir(), program: path, calls: freePort(b), client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}}
	at := freePort(b)
	c := start(b, path, "serve", "--demo", "--data", s.dir, "--listen", at, "--imds-listen", "", "--gateway-listen", "off", "--gateway-http-listen", s.calls, "--gateway-default", "contoso-apim", "--log-level", "error")
	s.pid, s.arm = c.Process.Pid, "https://"+at
	for range 200 {
		if answer, err := s.client.Get(s.arm + "/readyz"); err == nil {
			_ = answer.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.token = s.output("token", "--as", "admin@contoso.onmicrosoft.com")
	var list struct{ Value []struct{ ID string } }
	s.decode("GET", "/subscriptions?api-version=2022-12-01", "", &list)
	s.service = list.Value[0].ID + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/contoso-apim"
	return s
}

func (s *site) output(args ...string) string {
	s.b.Helper()
	for range 50 {
		out, err := exec.Command(s.program, append(args, "--data", s.dir)...).Output()
		if err == nil {
			return strings.TrimSpace(string(out))
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.b.Fatalf("gatehouse %v fails", args)
	return ""
}

func (s *site) decode(method, path, body string, into any) {
	s.b.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, s.arm+path, strings.NewReader(body))
	if err != nil {
		s.b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		s.b.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode >= 300 {
		s.b.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			s.b.Fatal(err)
		}
	}
}

const apimVersion = "?api-version=2024-05-01"

func (s *site) put(path, body string) {
	s.b.Helper()
	s.decode("PUT", s.service+path+apimVersion, body, nil)
}

// api makes an API with one operation and a policy; "" for none.
func (s *site) api(name, to, policy string) {
	s.b.Helper()
	s.put("/apis/"+name, fmt.Sprintf(`{"properties":{"displayName":%q,"path":%q,"protocols":["http","https"],"serviceUrl":%q,"subscriptionRequired":%t}}`, name, name, to, policy != ""))
	s.put("/apis/"+name+"/operations/get", `{"properties":{"displayName":"Get","method":"GET","urlTemplate":"/{x}","templateParameters":[{"name":"x","type":"string","required":true}]}}`)
	if policy != "" {
		s.policy(name, policy)
	}
}

func (s *site) policy(api, document string) {
	s.b.Helper()
	text, _ := json.Marshal(document)
	s.put("/apis/"+api+"/policies/policy", `{"properties":{"format":"rawxml","value":`+string(text)+`}}`)
}

func (s *site) target(name, api string, header http.Header) *target {
	return &target{name: name, url: "http://" + s.calls + "/" + api + "/x", header: header, pids: func() []int { return []int{s.pid} }}
}

// fill makes so many APIs that nobody calls.
func (s *site) fill(n int, to string) {
	s.b.Helper()
	for i := range n {
		s.put(fmt.Sprintf("/apis/more%d", i), fmt.Sprintf(`{"properties":{"displayName":"m%d","path":"more/%d","protocols":["http"],"serviceUrl":%q,"subscriptionRequired":false}}`, i, i, to))
	}
}

// full asks for a token, a key, a limit of calls and, by its setting, a role; it has three expressions beside the key of the limit.
const full = `<policies><inbound><base />
<validate-azure-ad-token tenant-id="%s"><audiences><audience>api://gatehouse-gateway</audience></audiences></validate-azure-ad-token>
<rate-limit-by-key calls="100000000" renewal-period="60" counter-key="@(context.Subscription.Id)" />
<set-variable name="who" value="@(context.Request.Headers.GetValueOrDefault("X-Who","nobody"))" />
<set-header name="X-For" exists-action="override"><value>@((string)context.Variables["who"] + context.Operation.Id)</value></set-header>
</inbound><backend><base /></backend><outbound><base />
<set-header name="X-From" exists-action="override"><value>@(context.Api.Name + " " + context.Response.StatusCode)</value></set-header>
</outbound></policies>`

// protected makes an API that asks for all of it, and the headers of a call that has it.
func (s *site) protected(to string) http.Header {
	s.b.Helper()
	var tenants struct{ Value []struct{ TenantID string } }
	s.decode("GET", "/tenants?api-version=2022-12-01", "", &tenants)
	s.api("full", to, fmt.Sprintf(full, tenants.Value[0].TenantID))
	s.decode("PUT", s.service+"/apis/full/providers/Gatehouse.Gateway/roleChecks/default?api-version=2026-11-01", `{"properties":{"mode":"enforce"}}`, nil)
	var keys struct{ PrimaryKey string }
	s.decode("POST", s.service+"/subscriptions/master/listSecrets"+apimVersion, "", &keys)
	s.grant()
	token := s.output("token", "--as", "admin@contoso.onmicrosoft.com", "--resource", "api://gatehouse-gateway")
	return http.Header{"Ocp-Apim-Subscription-Key": {keys.PrimaryKey}, "Authorization": {"Bearer " + token}, "X-Who": {"ada"}}
}

// grant lets the administrator call every API of the service: by a role of data actions.
func (s *site) grant() {
	s.b.Helper()
	role := "11111111-2222-4333-8444-555555555555"
	scope := s.service[:strings.Index(s.service, "/resourceGroups")]
	s.decode("PUT", scope+"/providers/Microsoft.Authorization/roleDefinitions/"+role+"?api-version=2022-04-01",
		`{"properties":{"roleName":"Bench caller","type":"CustomRole","permissions":[{"actions":[],"dataActions":["Gatehouse.Gateway/*"]}],"assignableScopes":["`+scope+`"]}}`, nil)
	var me struct{ ID string }
	s.decode("GET", "/v1.0/users/admin@contoso.onmicrosoft.com", "", &me)
	s.decode("PUT", s.service+"/providers/Microsoft.Authorization/roleAssignments/99999999-2222-4333-8444-555555555555?api-version=2022-04-01",
		`{"properties":{"roleDefinitionId":"`+scope+`/providers/Microsoft.Authorization/roleDefinitions/`+role+`","principalId":"`+me.ID+`","principalType":"User"}}`, nil)
}
