package entra

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, text string) {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, []byte(text), "", "  "); err != nil {
		t.Fatalf("%s: %v in %s", name, err, text)
	}
	out.WriteByte('\n')
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, out.Bytes()) {
		t.Errorf("%s differs:\n%s", name, out.String())
	}
}

func TestMetadataShapes(t *testing.T) {
	w := newWorld(t)
	for _, version := range []string{"2015-01-01", "1.0", "2019-05-01", "2022-09-01"} {
		a := w.get("/metadata/endpoints?api-version=" + version)
		if a.status != 200 || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %v", version, a.status, a.header)
		}
		golden(t, "metadata-"+version, a.text)
	}
	newest := w.get("/metadata/endpoints?api-version=2022-09-01").text
	for _, version := range []string{"?api-version=2030-01-01", "", "?api-version=2023-01-01"} {
		if w.get("/metadata/endpoints"+version).text != newest {
			t.Errorf("%q is not the newest shape", version)
		}
	}
}

// What a request says about its host never reaches an answer.
func TestOnePublicURL(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/metadata/endpoints?api-version=2022-09-01", "/adfs/.well-known/openid-configuration"} {
		r := httptest.NewRequest("GET", "https://127.0.0.1:9999"+path, nil)
		r.Header.Set("X-Forwarded-Host", "evil.test")
		if a := w.do(r); strings.Contains(a.text, "127.0.0.1") || strings.Contains(a.text, "evil") || !strings.Contains(a.text, publicURL) {
			t.Errorf("%s: %s", path, a.text)
		}
	}
}

func TestOpenIDConfiguration(t *testing.T) {
	w := newWorld(t)
	first := w.get("/" + tid + "/v2.0/.well-known/openid-configuration")
	golden(t, "openid-configuration", first.text)
	for _, path := range []string{"/common/v2.0/.well-known/openid-configuration", "/organizations/v2.0/.well-known/openid-configuration",
		"/" + tid + "/.well-known/openid-configuration", "/adfs/.well-known/openid-configuration", "//" + tid + "/v2.0/.well-known/openid-configuration"} {
		if a := w.get(path); a.status != 200 || a.text != first.text {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	issuer, _ := url.Parse(first.str("issuer"))
	if issuer.Scheme+"://"+issuer.Host != publicURL {
		t.Errorf("issuer %v is of another origin than the authority", issuer)
	}
	token, _ := url.Parse(first.str("token_endpoint"))
	if strings.Split(token.Path, "/")[1] != tid {
		t.Errorf("the first part of %v is not the tenant", token)
	}
	for _, field := range []string{"authorization_endpoint", "device_authorization_endpoint", "jwks_uri", "end_session_endpoint"} {
		u, err := url.Parse(first.str(field))
		if err != nil || !w.s.Owns(u.Path) {
			t.Errorf("%s %v is not served", field, u)
		}
	}
	if a := w.get("/" + guid(9).String() + "/v2.0/.well-known/openid-configuration"); a.code() != 90002 {
		t.Errorf("another tenant: %s", a.text)
	}
}

func TestKeySet(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/" + tid + "/discovery/v2.0/keys", "/common/discovery/keys", "/discovery/keys"} {
		a := w.get(path)
		keys, _ := a.json["keys"].([]any)
		if len(keys) != 1 {
			t.Fatalf("%s: %s", path, a.text)
		}
		key := keys[0].(map[string]any)
		if key["kty"] != "RSA" || key["use"] != "sig" || key["e"] != "AQAB" || key["kid"] == "" || key["d"] != nil || key["p"] != nil {
			t.Errorf("%s: %v", path, key)
		}
	}
}

func TestUserRealmAndInstance(t *testing.T) {
	w := newWorld(t)
	a := w.get("/common/userrealm/Ada@contoso.test?api-version=1.0")
	if a.str("ver") != "1.0" || a.str("account_type") != "Managed" || a.str("domain_name") != "contoso.test" || a.str("cloud_audience_urn") != "urn:federation:MicrosoftOnline" || a.str("cloud_instance_name") == "" {
		t.Errorf("user realm: %s", a.text)
	}
	if b := w.get("/common/userrealm/nobody@contoso.test?api-version=1.0"); b.text != a.text {
		t.Errorf("the realm tells who exists: %s", b.text)
	}
	if a := w.get("/common/discovery/instance?api-version=1.1"); !strings.HasPrefix(a.str("tenant_discovery_endpoint"), publicURL) {
		t.Errorf("instance: %s", a.text)
	}
}

func TestConfigIsChecked(t *testing.T) {
	w := newWorld(t)
	for _, c := range []func(*Config){
		func(c *Config) { c.PublicURL = "http://x:1" }, func(c *Config) { c.PublicURL = "https://x:1/path" }, func(c *Config) { c.PublicURL = "" },
		func(c *Config) { c.Store = nil }, func(c *Config) { c.IdentitySecret = "short" },
	} {
		cfg := w.s.cfg
		c(&cfg)
		if s, err := New(cfg); err == nil {
			s.Close()
			t.Errorf("New accepted %+v", cfg)
		}
	}
}

func (w *world) imds(method, target, host string, body string, header ...string) answer {
	w.t.Helper()
	r := httptest.NewRequest(method, "http://"+host+target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5000"
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.s.Imds().ServeHTTP(rec, r)
	a := answer{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.json); err != nil {
		w.t.Fatal(err, a.text)
	}
	return a
}

const (
	imdsSecret = "0123456789abcdef-secret"
	imdsPath   = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://management.azure.com/"
	appPath    = "/msi/token?api-version=2019-08-01&resource=" + publicURL + "/"
)

func TestManagedIdentity(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.IdentitySecret, c.Identities = imdsSecret, []string{identityID.String()} })
	res := url.QueryEscape(strings.ToUpper(identityRes.String()))
	path := w.s.IdentityPath()
	for _, c := range []struct {
		name, method, target, host, body string
		header                           []string
		status                           int
	}{
		{"IMDS", "GET", imdsPath, "169.254.169.254", "", []string{"Metadata", "true"}, 200},
		{"IMDS, capital True, localhost", "GET", imdsPath, "localhost:4000", "", []string{"Metadata", "True"}, 200},
		{"IMDS by client id", "GET", imdsPath + "&client_id=" + identityID.String(), "127.0.0.1:1", "", []string{"Metadata", "true"}, 200},
		{"IMDS by object id", "GET", imdsPath + "&object_id=" + identitySP.String(), "127.0.0.1:1", "", []string{"Metadata", "true"}, 200},
		{"IMDS by resource id", "GET", imdsPath + "&msi_res_id=" + res, "127.0.0.1:1", "", []string{"Metadata", "true"}, 200},
		{"client id named as object id", "GET", imdsPath + "&object_id=" + identityID.String(), "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"an identity that is not allowed", "GET", imdsPath + "&client_id=" + otherMI.String(), "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"an application's id", "GET", imdsPath + "&client_id=" + pipelineID.String(), "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"no header", "GET", imdsPath, "127.0.0.1:1", "", nil, 400},
		{"Metadata: false", "GET", imdsPath, "127.0.0.1:1", "", []string{"Metadata", "false"}, 400},
		{"forwarded", "GET", imdsPath, "127.0.0.1:1", "", []string{"Metadata", "true", "X-Forwarded-For", "1.2.3.4"}, 400},
		{"forwarded, empty", "GET", imdsPath, "127.0.0.1:1", "", []string{"Metadata", "true", "X-Forwarded-For", ""}, 400},
		{"DNS rebinding", "GET", imdsPath, "evil.test", "", []string{"Metadata", "true"}, 400},
		{"no resource", "GET", "/metadata/identity/oauth2/token", "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"unknown resource", "GET", "/metadata/identity/oauth2/token?resource=https://vault.azure.net", "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"duplicate", "GET", imdsPath + "&resource=x", "127.0.0.1:1", "", []string{"Metadata", "true"}, 400},
		{"App Service", "GET", appPath + "&client_id=" + identityID.String(), "127.0.0.1:1", "", []string{"X-IDENTITY-HEADER", imdsSecret}, 200},
		{"App Service, old header", "GET", appPath, "127.0.0.1:1", "", []string{"Secret", imdsSecret}, 200},
		{"App Service, wrong secret", "GET", appPath, "127.0.0.1:1", "", []string{"X-IDENTITY-HEADER", "wrong"}, 401},
		{"App Service, wrong secret and Metadata", "GET", appPath, "127.0.0.1:1", "", []string{"X-IDENTITY-HEADER", "wrong", "Metadata", "true"}, 401},
		{"az POST with the secret in the path", "POST", path, "127.0.0.1:1", "resource=" + url.QueryEscape(publicURL+"/") + "&client_id=" + identityID.String(), []string{"Metadata", "true"}, 200},
		{"az POST, msi_res_id", "POST", path, "127.0.0.1:1", "resource=" + url.QueryEscape(publicURL+"/") + "&msi_res_id=" + res, []string{"Metadata", "true"}, 200},
		{"az POST, wrong path", "POST", "/wrong/metadata/identity/oauth2/token", "127.0.0.1:1", "resource=x", []string{"Metadata", "true"}, 401},
		{"PUT", "PUT", imdsPath, "127.0.0.1:1", "", []string{"Metadata", "true"}, 405},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := w.imds(c.method, c.target, c.host, c.body, c.header...)
			if a.status != c.status {
				t.Fatalf("answered %d %s", a.status, a.text)
			}
			if c.status != 200 {
				if a.str("error") == "" || a.str("access_token") != "" {
					t.Errorf("answered %s", a.text)
				}
				return
			}
			for _, name := range []string{"access_token", "client_id", "expires_in", "expires_on", "ext_expires_in", "not_before", "resource", "token_type"} {
				if a.str(name) == "" {
					t.Errorf("%s is missing or not a text: %s", name, a.text)
				}
			}
			if got := claimsOf(t, a.str("access_token")); got["oid"] != identitySP.String() || got["xms_mirid"] != identityRes.String() || got["tid"] != tid || got["idtyp"] != "app" {
				t.Errorf("claims %v", got)
			}
		})
	}
	if strings.Contains(w.log.String(), imdsSecret) {
		t.Error("the log holds the secret")
	}
}

func TestManagedIdentityWithoutList(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.IdentitySecret = imdsSecret })
	if a := w.imds("GET", imdsPath+"&client_id="+identityID.String(), "127.0.0.1:1", "", "Metadata", "true"); a.status != 400 {
		t.Errorf("the plain form serves an identity that nobody named: %s", a.text)
	}
	for _, id := range []string{identityID.String(), otherMI.String()} {
		if a := w.imds("GET", appPath+"&client_id="+id, "127.0.0.1:1", "", "X-IDENTITY-HEADER", imdsSecret); a.status != 200 || a.str("client_id") != id {
			t.Errorf("with the secret: %s", a.text)
		}
	}
	if a := w.imds("GET", appPath, "127.0.0.1:1", "", "X-IDENTITY-HEADER", imdsSecret); a.status != 400 {
		t.Errorf("two identities and none named: %s", a.text)
	}
	off := newWorld(t)
	for _, header := range []string{"", "wrong"} {
		if a := off.imds("GET", appPath, "127.0.0.1:1", "", "X-IDENTITY-HEADER", header); a.status == http.StatusOK {
			t.Errorf("without a secret configured: %s", a.text)
		}
	}
	if off.s.IdentityPath() != "" {
		t.Error("a path without a secret")
	}
}
