package terraform

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/clients/live"
)

// operator asks the server as its bootstrap service principal.
type operator struct {
	*testing.T
	server *live.Server
	http   *http.Client
}

func (o *operator) gatehouse(args ...string) []byte {
	o.Helper()
	out, err := exec.Command(o.server.Bin, args...).Output()
	if err != nil {
		o.Fatalf("gatehouse %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (o *operator) call(method, path string, body any) (answer map[string]any) {
	o.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		o.Fatal(err)
	}
	token := []string{"token", "--data", o.server.Data}
	if strings.HasPrefix(path, "/v1.0/") {
		token = append(token, "--resource", o.server.Env["GATEHOUSE_GRAPH"])
	}
	r, err := http.NewRequest(method, o.server.Env["GATEHOUSE_ARM"]+path, bytes.NewReader(raw))
	if err != nil {
		o.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(o.gatehouse(token...))))
	r.Header.Set("Content-Type", "application/json")
	got, err := o.http.Do(r)
	if err != nil {
		o.Fatal(err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode >= 400 && method != http.MethodDelete {
		o.Fatalf("%s %s: %s %v\n%s", method, path, got.Status, err, text)
	}
	_ = json.Unmarshal(text, &answer) // an answer may be empty
	return answer
}

// TestNeeds: the role that "gatehouse needs" proposes for a plan applies it, and without any one of its actions the same
// apply fails.
func TestNeeds(t *testing.T) {
	terraform, provider := program(t, "TERRAFORM", "terraform"), program(t, "AZURERM_PROVIDER", "terraform-provider-azurerm")
	server := live.For(t)
	o := &operator{t, server, server.ClientFor(t)}

	sub := "/subscriptions/" + server.Env["SUBSCRIPTION_ID"]
	service := sub + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/contoso-apim"
	o.call("PUT", sub+"/resourceGroups/rg-apis?api-version=2022-09-01", map[string]any{"location": "westeurope"})
	o.call("PUT", service+"?api-version=2022-08-01", map[string]any{"location": "westeurope", "sku": map[string]any{"name": "Developer", "capacity": 1},
		"properties": map[string]any{"publisherEmail": "ops@contoso.example", "publisherName": "Contoso"}})

	dir := t.TempDir()
	rc := filepath.Join(dir, "terraformrc")
	write(t, rc, "provider_installation {\n  dev_overrides { \"hashicorp/azurerm\" = \""+filepath.Dir(provider)+"\" }\n  direct {}\n}\n")
	text, err := os.ReadFile("testdata/small/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "small", "main.tf"), string(text))
	as := func(id, secret string) *workspace {
		return &workspace{t, terraform, filepath.Join(dir, "small"), append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
			"ARM_METADATA_HOSTNAME="+strings.TrimPrefix(server.Env["GATEHOUSE_ARM"], "https://"), "SSL_CERT_FILE="+server.Env["SSL_CERT_FILE"],
			"ARM_TENANT_ID="+server.Env["TENANT_ID"], "ARM_SUBSCRIPTION_ID="+server.Env["SUBSCRIPTION_ID"], "ARM_CLIENT_ID="+id, "ARM_CLIENT_SECRET="+secret)}
	}
	admin := as(server.Env["CLIENT_ID"], server.Env["CLIENT_SECRET"])
	admin.run(0, "plan", "-no-color", "-out", "p.bin")
	plan := filepath.Join(dir, "plan.json")
	write(t, plan, admin.run(0, "show", "-json", "p.bin"))
	var role struct{ Actions []string }
	if err := json.Unmarshal(o.gatehouse("needs", plan, "-o", "role"), &role); err != nil || len(role.Actions) == 0 {
		t.Fatal("no role:", err)
	}

	app := o.call("POST", "/v1.0/applications", map[string]any{"displayName": "needs"})
	sp := o.call("POST", "/v1.0/servicePrincipals", map[string]any{"appId": app["appId"]})
	secret := o.call("POST", "/v1.0/applications/"+app["id"].(string)+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "test"}})["secretText"].(string)
	const roleID = "/providers/Microsoft.Authorization/roleDefinitions/5b0d4f0e-7c1a-4a57-9d2f-3f6f0a0e1c01"
	hold := func(actions []string) {
		o.call("PUT", sub+roleID+"?api-version=2022-04-01", map[string]any{"properties": map[string]any{"roleName": "Runs plan", "type": "CustomRole",
			"permissions": []any{map[string]any{"actions": actions, "notActions": []string{}}}, "assignableScopes": []string{sub}}})
	}
	hold(role.Actions)
	o.call("PUT", service+"/providers/Microsoft.Authorization/roleAssignments/5b0d4f0e-7c1a-4a57-9d2f-3f6f0a0e1c02?api-version=2022-04-01",
		map[string]any{"properties": map[string]any{"roleDefinitionId": sub + roleID, "principalId": sp["id"], "principalType": "ServicePrincipal"}})

	pipeline := as(app["appId"].(string), secret)
	pipeline.run(0, "apply", "-no-color", "-auto-approve")
	admin.run(0, "destroy", "-no-color", "-auto-approve")
	for i, action := range role.Actions {
		hold(slices.Delete(slices.Clone(role.Actions), i, i+1))
		if out := pipeline.run(1, "apply", "-no-color", "-auto-approve"); !strings.Contains(out, "AuthorizationFailed") {
			t.Errorf("without %s it fails for another reason:\n%s", action, essence(out))
		}
		admin.run(0, "destroy", "-no-color", "-auto-approve")
		for _, made := range []string{"/apis/prices", "/namedValues/prices-key"} { // what was written and could not be read stands in no state
			o.call("DELETE", service+made+"?api-version=2022-08-01", nil)
		}
	}
}
