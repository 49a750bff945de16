// Package samples is one resource of every type of Microsoft.ApiManagement, as data: what the client tests write, and
// how they check that it is what they read.
package samples

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/clients/live"
)

//go:embed bodies.txt
var text string

// The names of what holds the samples.
const (
	Group     = "rg-apis"
	Service   = "sample-apim"
	Workspace = "team"
)

// Sample is one resource of a type.
type Sample struct {
	Family string   // path of the type below the provider, without names and without the workspace
	Name   string   // of the resource
	Body   string   // of PUT; "" for none
	Patch  string   // of PATCH
	Secret []string // members that are written and never read
}

// All lists the samples in the order in which they can be written.
var All = sync.OnceValue(func() (list []*Sample) {
	for block := range strings.SplitSeq(text, "\n\n") {
		var s *Sample
		for line := range strings.Lines(block) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case word == "#" || word == "":
			case s == nil:
				s = &Sample{Family: word}
			case word == "name":
				s.Name = rest
			case word == "body":
				s.Body = rest
			case word == "patch":
				s.Patch = rest
			case word == "secret":
				s.Secret = strings.Fields(rest)
			default:
				panic("bodies.txt: no word " + word)
			}
		}
		if s != nil {
			list = append(list, s)
		}
	}
	return list
})

// Of is the sample of a family, or nil.
func Of(family string) *Sample {
	for _, s := range All() {
		if strings.EqualFold(s.Family, family) {
			return s
		}
	}
	return nil
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// Family is what a path template of an operation belongs to, and whether it lies in a workspace.
func Family(template string) (family string, workspace bool) {
	_, rest, _ := strings.Cut(template, "Microsoft.ApiManagement/")
	rest = strings.TrimSuffix(strings.ReplaceAll(parameter.ReplaceAllString(rest, ""), "//", "/"), "/")
	// Names that are the only ones there are: some clients take them for parts of the path.
	rest = strings.Replace(strings.TrimSuffix(rest, "/policy"), "service/tenant/configuration", "service/tenant", 1)
	inner, workspace := strings.CutPrefix(rest, "service/workspaces/")
	if workspace {
		return "service/" + inner, true
	}
	return rest, false
}

// Value is a name for a parameter, in braces, of a path; family is the path of types before it.
func Value(family, param string) string {
	always := map[string]string{"{location}": "westeurope", "{locationName}": "westeurope", "{configurationName}": "configuration", "{workspaceId}": Workspace,
		"{quotaCounterKey}": "counter", "{quotaPeriodKey}": "0_P3Y6M4DT12H30M5S", "{settingsType}": "public"}
	switch {
	case always[param] != "":
		return always[param]
	case family == "service/users/subscriptions":
		return "access"
	case strings.EqualFold(family, "locations/deletedservices"):
		return Service
	case family == "service/issues":
		return "bug"
	case family == "service/privateLinkResources":
		return "Gateway"
	}
	if s := Of(family); s != nil {
		return s.Name
	}
	return "sample"
}

// Fill replaces the words of a body: where the service or workspace is, and what cannot stand in a text file.
func Fill(body, subscription, tenant string, workspace bool) string {
	service := "/subscriptions/" + subscription + "/resourceGroups/" + Group + "/providers/Microsoft.ApiManagement/service/" + Service
	base := service
	if workspace {
		base += "/workspaces/" + Workspace
	}
	pfx, err := live.PFX()
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer("${base}", base, "${service}", service, "${tenant}", tenant, "${pfx}", pfx, "${pfxPassword}", "secret",
		"${soon}", time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339), "${key64}", base64.StdEncoding.EncodeToString(make([]byte, 64))).Replace(body)
}

// Lacks names the first member of what was sent, but the secret ones, that the answer does not hold; "" when it holds all.
// Answer is anything that marshals to the wire's JSON, sent its text.
func (s *Sample) Lacks(answer any, sent string) string {
	var have, want any
	text, err := json.Marshal(answer)
	if err == nil {
		err = json.Unmarshal(text, &have)
	}
	if err == nil {
		err = json.Unmarshal([]byte(sent), &want)
	}
	if err != nil {
		return err.Error()
	}
	for _, path := range s.Secret {
		remove(want, strings.Split(path, "."))
	}
	if missing := lacks(have, want, ""); missing != "" {
		return fmt.Sprintf("%s: %s", missing, text)
	}
	return ""
}

// lacks compares in the manner of ARM: ids and enumerations whatever their case, null like absent.
func lacks(have, sent any, path string) string {
	switch sent := sent.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return path
		}
		for _, name := range slices.Sorted(maps.Keys(sent)) {
			if missing := lacks(h[name], sent[name], path+"."+name); missing != "" {
				return missing
			}
		}
	case []any:
		h, ok := have.([]any)
		if !ok && len(sent) > 0 || len(h) != len(sent) {
			return path
		}
		for i := range sent {
			if missing := lacks(h[i], sent[i], fmt.Sprintf("%s[%d]", path, i)); missing != "" {
				return missing
			}
		}
	case string:
		h, _ := have.(string)
		if squeeze(h) != squeeze(sent) {
			return fmt.Sprintf("%s %q", path, sent)
		}
	default:
		if have != sent {
			return fmt.Sprintf("%s %v", path, sent)
		}
	}
	return ""
}

// squeeze leaves out what may differ: white space of policies and the case and display form of names.
func squeeze(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }

func remove(v any, path []string) {
	o, ok := v.(map[string]any)
	if !ok {
		return
	}
	if len(path) == 1 {
		delete(o, path[0])
		return
	}
	remove(o[path[0]], path[1:])
}

// Actions are bodies of POST, by the path of the action: its type and its last part.
var Actions = map[string]string{
	"checkNameAvailability":                                       `{"name":"another-apim"}`,
	"service/gateways/generateToken":                              `{"keyType":"primary","expiry":"${soon}"}`,
	"service/gateways/regenerateKey":                              `{"keyType":"primary"}`,
	"service/gateways/listDebugCredentials":                       `{"apiId":"${base}/apis/calculator","credentialsExpireAfter":"PT1H","purposes":["tracing"]}`,
	"service/gateways/listTrace":                                  `{"traceId":"none"}`,
	"service/users/token":                                         `{"properties":{"keyType":"primary","expiry":"${soon}"}}`,
	"service/backup":                                              `{"storageAccount":"local","containerName":"backups","backupName":"first","accessType":"AccessKey","accessKey":"none"}`,
	"service/restore":                                             `{"storageAccount":"local","containerName":"backups","backupName":"first","accessType":"AccessKey","accessKey":"none"}`,
	"service/connectivityCheck":                                   `{"source":{"region":"westeurope"},"destination":{"address":"127.0.0.1","port":443},"protocol":"TCP"}`,
	"service/tenant/save":                                         `{"properties":{"branch":"master"}}`,
	"service/tenant/deploy":                                       `{"properties":{"branch":"master"}}`,
	"service/tenant/validate":                                     `{"properties":{"branch":"master"}}`,
	"service/authorizationProviders/authorizations/getLoginLinks": `{"postLoginRedirectUrl":"https://portal.example"}`,
	"service/authorizationProviders/authorizations/confirmConsentCode": `{"consentCode":"code"}`,
	"service/applynetworkconfigurationupdates":                         `{"location":"westeurope"}`,
}

// Expected are calls that a service without traffic, Key Vault and an identity provider's answer cannot satisfy, by
// method and family, and what they answer.
var Expected = map[string]string{
	"GET service/quotas/periods":                                            "QuotaCounter not found",
	"PATCH service/quotas/periods":                                          "QuotaCounter not found",
	"POST service/gateways/listTrace":                                       "Trace not found",
	"POST service/certificates/refreshSecret":                               "There is nothing to refresh",
	"POST service/namedValues/refreshSecret":                                "There is nothing to refresh",
	"POST service/authorizationProviders/authorizations/confirmConsentCode": "ValidationError",
}
