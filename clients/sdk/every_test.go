package sdk

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/live"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/apimanagement/armapimanagement/v3"
)

// sample is an entry of testdata/bodies.txt: one resource of a type.
type sample struct {
	path, name, body, patch string
	secret                  []string
}

func samples(t *testing.T) []*sample {
	text := must(os.ReadFile("testdata/bodies.txt"))(t)
	var list []*sample
	for block := range strings.SplitSeq(string(text), "\n\n") {
		var s *sample
		for line := range strings.Lines(block) {
			word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case word == "#" || word == "":
			case s == nil:
				s = &sample{path: word}
			case word == "name":
				s.name = rest
			case word == "body":
				s.body = rest
			case word == "patch":
				s.patch = rest
			case word == "secret":
				s.secret = strings.Fields(rest)
			default:
				t.Fatalf("bodies.txt: %s: no word %s", s.path, word)
			}
		}
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}

// method is one published operation as the SDK names it.
type method struct {
	verb, path, client, name string
	workspace                bool
}

// family is the path below the provider without names, and without the workspace: the key of bodies.txt.
func (m *method) family() string {
	path := strings.ReplaceAll(parameter.ReplaceAllString(m.path[strings.Index(m.path, "Microsoft.ApiManagement/")+len("Microsoft.ApiManagement/"):], ""), "//", "/")
	return strings.Replace(strings.TrimSuffix(path, "/"), "service/workspaces/", "service/", 1)
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// published reads the provider's own table of operations: the SDK's method stands in its last column.
func published(t *testing.T) []*method {
	text := must(os.ReadFile("../../provider/apim/data/operations.tsv"))(t)
	var list []*method
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) < 11 || !strings.Contains(cells[10], ".") {
			continue
		}
		client, name, _ := strings.Cut(cells[10], ".")
		list = append(list, &method{verb: cells[0], path: cells[1], client: client, name: name, workspace: strings.Contains(cells[1], "/workspaces/{workspaceId}/")})
	}
	return list
}

// caller calls methods of the SDK by name.
type caller struct {
	*world
	clients map[string]reflect.Value
	called  map[string]bool
	names   map[string]string // sample names by family
}

// newCaller finds every client that the factory makes.
func newCaller(w *world, list []*sample) *caller {
	c := &caller{world: w, clients: map[string]reflect.Value{}, called: map[string]bool{}, names: map[string]string{}}
	factory := reflect.ValueOf(must(armapimanagement.NewClientFactory(w.subs, w.admin, w.arm))(w.T))
	for i := range factory.NumMethod() {
		if name, ok := strings.CutPrefix(factory.Type().Method(i).Name, "New"); ok {
			c.clients[name] = factory.Method(i).Call(nil)[0]
		}
	}
	for _, s := range list {
		c.names[s.path] = s.name
	}
	return c
}

// fill replaces the words of a body: where the service or workspace is, and what cannot stand in a text file.
func (c *caller) fill(body string, workspace bool) string {
	service := "/subscriptions/" + c.subs + "/resourceGroups/rg-apis/providers/Microsoft.ApiManagement/service/sample-apim"
	base := service
	if workspace {
		base += "/workspaces/team"
	}
	return strings.NewReplacer("${base}", base, "${service}", service, "${tenant}", c.tenant, "${pfx}", must(live.PFX())(c.T), "${pfxPassword}", "secret", "${soon}", time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339),
		"${key64}", base64.StdEncoding.EncodeToString(make([]byte, 64))).Replace(body)
}

// places are the values of a path's parameters but the subscription, in the order of the SDK's arguments.
func (c *caller) places(m *method) []string {
	var values []string
	at := ""
	parts := strings.Split(m.path, "/")
	for i, part := range parts {
		switch {
		case part == "{subscriptionId}":
		case part == "{resourceGroupName}":
			values = append(values, "rg-apis")
		case parameter.MatchString(part):
			family := strings.Trim(at, "/")
			if family != "service" && family != "service/workspaces" {
				family = strings.Replace(family, "service/workspaces/", "service/", 1)
			}
			values = append(values, c.value(family, part))
		case slices.Contains(parts[:i], "Microsoft.ApiManagement"):
			at += "/" + part
		}
	}
	return values
}

// value is a name for a parameter: that of the sample, or of what is always there.
func (c *caller) value(family, param string) string {
	if v := map[string]string{"{location}": "westeurope", "{locationName}": "westeurope", "{operationId}": "", "{configurationName}": "configuration",
		"{quotaCounterKey}": "counter", "{quotaPeriodKey}": "0_P3Y6M4DT12H30M5S", "{settingsType}": "public", "{privateLinkSubResourceName}": "Gateway",
		"{workspaceId}": "team", "{accessName}": "access"}[param]; v != "" {
		return v
	}
	if family == "service/users/subscriptions" {
		return "access"
	}
	if family == "service/issues" {
		return "bug"
	}
	if name := c.names[family]; name != "" {
		return name
	}
	return "sample"
}

// extra are arguments that no path holds.
var extra = map[string][]string{
	"ReportsClient.NewListByTimePager": {"timestamp ge datetime'2026-01-01T00:00:00' and timestamp le datetime'2026-01-02T00:00:00'", "PT15M"},
}

// call calls a method with values for its places and, when it takes one, the body. It returns what was decoded.
func (c *caller) call(m *method, body string) (any, error) {
	client, ok := c.clients[m.client]
	if !ok {
		return nil, fmt.Errorf("the SDK has no %s", m.client)
	}
	f := client.MethodByName(m.name)
	if !f.IsValid() {
		return nil, fmt.Errorf("the SDK has no %s.%s", m.client, m.name)
	}
	c.called[m.client+"."+m.name] = true
	strs := append(c.places(m), extra[m.client+"."+m.name]...)
	if strings.HasPrefix(m.client, "Reports") && len(extra[m.client+"."+m.name]) == 0 {
		strs = append(strs, extra["ReportsClient.NewListByTimePager"][0])
	}
	args := make([]reflect.Value, f.Type().NumIn())
	for i := range args {
		in := f.Type().In(i)
		switch {
		case in == reflect.TypeFor[context.Context]():
			ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
			defer cancel()
			args[i] = reflect.ValueOf(ctx)
		case in.Kind() == reflect.String:
			value := "*" // If-Match
			if len(strs) > 0 {
				value, strs = strs[0], strs[1:]
			}
			args[i] = reflect.ValueOf(value).Convert(in)
		case in.Kind() == reflect.Struct:
			v := reflect.New(in)
			if err := json.Unmarshal([]byte(body), v.Interface()); err != nil {
				return nil, fmt.Errorf("the body %s: %w", body, err)
			}
			args[i] = v.Elem()
		default:
			args[i] = c.options(m, in)
		}
	}
	if len(strs) > 0 {
		return nil, fmt.Errorf("%s.%s has no argument for %q", m.client, m.name, strs)
	}
	return c.finish(f.Call(args))
}

// options are none, but where a call says nothing without.
func (c *caller) options(m *method, in reflect.Type) reflect.Value {
	if m.name == "Update" || in.Kind() != reflect.Pointer {
		return reflect.Zero(in)
	}
	if body, ok := optional[m.client+"."+m.name]; ok {
		v := reflect.New(in.Elem())
		f := v.Elem().FieldByName("Parameters")
		f.Set(reflect.New(f.Type().Elem()))
		check(c.T, json.Unmarshal([]byte(c.fill(body, m.workspace)), f.Interface()))
		return v
	}
	return reflect.Zero(in)
}

// optional are bodies that the SDK takes among the options.
var optional = map[string]string{
	"GatewayAPIClient.CreateOrUpdate": `{"properties":{"provisioningState":"created"}}`,
}

// finish waits for pollers, walks pagers and returns the decoded answer.
func (c *caller) finish(results []reflect.Value) (any, error) {
	if last := results[len(results)-1]; last.Type() == reflect.TypeFor[error]() && !last.IsNil() {
		return nil, last.Interface().(error)
	}
	switch v := results[0]; {
	case v.MethodByName("PollUntilDone").IsValid():
		ctx, cancel := context.WithTimeout(c.Context(), time.Minute)
		defer cancel()
		return c.finish(v.MethodByName("PollUntilDone").Call([]reflect.Value{reflect.ValueOf(ctx), reflect.ValueOf(&runtime.PollUntilDoneOptions{Frequency: 100 * time.Millisecond})}))
	case v.MethodByName("NextPage").IsValid():
		var page any
		for v.MethodByName("More").Call(nil)[0].Bool() {
			out, err := c.finish(v.MethodByName("NextPage").Call([]reflect.Value{reflect.ValueOf(c.Context())}))
			if err != nil {
				return nil, err
			}
			page = out
		}
		return page, nil
	default:
		return v.Interface(), nil
	}
}

// TestEveryMethod calls every method of every client of the SDK against one service that holds a sample of
// everything, and checks that what was written is what is read.
func TestEveryMethod(t *testing.T) {
	w := start(t)
	w.resourceGroup("rg-apis")
	list := samples(t)
	c := newCaller(w, list)
	all := published(t)
	find := func(verb, family string, workspace bool) []*method {
		var found []*method
		for _, m := range all {
			if m.verb == verb && m.family() == family && m.workspace == workspace {
				found = append(found, m)
			}
		}
		return found
	}
	for _, workspace := range []bool{false, true} {
		for _, s := range list {
			for _, m := range find("PUT", s.path, workspace) {
				c.writes(m, s, s.body)
			}
		}
	}
	c.rest(all, "HEAD")
	c.rest(all, "GET")
	for _, s := range list {
		for _, workspace := range []bool{false, true} {
			for _, m := range find("PATCH", s.path, workspace) {
				c.writes(m, s, s.patch)
			}
		}
	}
	c.rest(all, "PATCH")
	c.rest(all, "POST")
	for _, workspace := range []bool{true, false} {
		for _, s := range slices.Backward(list) {
			for _, m := range find("DELETE", s.path, workspace) {
				if s.path != "service" && (s.path != "service/workspaces" || !workspace) {
					c.must(m, "")
				}
			}
		}
	}
	c.rest(all, "DELETE")
	for name, client := range c.clients {
		for i := range client.NumMethod() {
			if full := name + "." + client.Type().Method(i).Name; !c.called[full] {
				t.Errorf("%s was not called", full)
			}
		}
	}
	t.Logf("%d methods of %d clients were called", len(c.called), len(c.clients))
}

// rest calls every method of a verb that was not called yet.
func (c *caller) rest(all []*method, verb string) {
	for _, m := range all {
		if m.verb == verb && !c.called[m.client+"."+m.name] {
			c.must(m, posts[m.client+"."+m.name])
		}
	}
}

// must calls a method that has to succeed, or to fail as expected says.
func (c *caller) must(m *method, body string) any {
	c.Helper()
	if body == "" {
		body = "{}"
	}
	answer, err := c.call(m, c.fill(body, m.workspace))
	if want := expected[m.client+"."+m.name]; want != "" {
		if err == nil || !strings.Contains(err.Error(), want) {
			c.Errorf("%s.%s: want an error with %s, have %v", m.client, m.name, want, short(err))
		}
		return answer
	}
	if err != nil {
		c.Errorf("%s.%s: %s %s: %s", m.client, m.name, m.verb, m.family(), short(err))
	}
	return answer
}

func short(err error) string {
	if err == nil {
		return "no error"
	}
	text := regexp.MustCompile(`(?s)-{20,}`).ReplaceAllString(err.Error(), "")
	if _, after, ok := strings.Cut(text, "RESPONSE "); ok {
		text = after
	}
	return strings.Join(strings.Fields(text), " ")
}

// writes writes a sample and checks that the answer, and what is read afterwards, hold what was sent.
func (c *caller) writes(m *method, s *sample, body string) {
	c.Helper()
	answer := c.must(m, body)
	if answer == nil || body == "" {
		return
	}
	var sent any
	check(c.T, json.Unmarshal([]byte(c.fill(body, m.workspace)), &sent))
	for _, path := range s.secret {
		remove(sent, strings.Split(path, "."))
	}
	c.holds(m, "the answer", answer, sent)
}

// holds checks that a decoded answer has every member that was sent.
func (c *caller) holds(m *method, what string, answer, sent any) {
	c.Helper()
	text, err := json.Marshal(answer)
	check(c.T, err)
	var have any
	check(c.T, json.Unmarshal(text, &have))
	if missing := lacks(have, sent, ""); missing != "" {
		c.Errorf("%s.%s: %s lacks %s: %s", m.client, m.name, what, missing, text)
	}
}

// lacks names the first member of sent that have does not hold, in the manner of ARM: ids and enumerations whatever their case.
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
		if !ok || len(h) != len(sent) {
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

// squeeze leaves out what may differ: white space of policies, the case of ids, the display form of locations.
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

// posts are the bodies of actions.
var posts = map[string]string{
	"ServiceClient.CheckNameAvailability":                 `{"name":"another-apim"}`,
	"GatewayClient.GenerateToken":                         `{"keyType":"primary","expiry":"${soon}"}`,
	"GatewayClient.RegenerateKey":                         `{"keyType":"primary"}`,
	"GatewayClient.ListDebugCredentials":                  `{"apiId":"${base}/apis/calculator","credentialsExpireAfter":"PT1H","purposes":["tracing"]}`,
	"GatewayClient.ListTrace":                             `{"traceId":"none"}`,
	"UserClient.GetSharedAccessToken":                     `{"properties":{"keyType":"primary","expiry":"${soon}"}}`,
	"ServiceClient.BeginBackup":                           `{"storageAccount":"local","containerName":"backups","backupName":"first","accessType":"AccessKey","accessKey":"none"}`,
	"ServiceClient.BeginRestore":                          `{"storageAccount":"local","containerName":"backups","backupName":"first","accessType":"AccessKey","accessKey":"none"}`,
	"Client.BeginPerformConnectivityCheckAsync":           `{"source":{"region":"westeurope"},"destination":{"address":"127.0.0.1","port":443},"protocol":"TCP"}`,
	"TenantConfigurationClient.BeginSave":                 `{"properties":{"branch":"master"}}`,
	"TenantConfigurationClient.BeginDeploy":               `{"properties":{"branch":"master"}}`,
	"TenantConfigurationClient.BeginValidate":             `{"properties":{"branch":"master"}}`,
	"AuthorizationLoginLinksClient.Post":                  `{"postLoginRedirectUrl":"https://portal.example"}`,
	"AuthorizationClient.ConfirmConsentCode":              `{"consentCode":"code"}`,
	"ServiceClient.BeginApplyNetworkConfigurationUpdates": `{"location":"westeurope"}`,
}

// expected are calls that a service without a gateway's traffic or an identity provider cannot satisfy, and what they answer.
var expected = map[string]string{}
