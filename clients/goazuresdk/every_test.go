// Package goazuresdk tests with hashicorp/go-azure-sdk, the layer through which Terraform's azurerm provider speaks: its
// pollers, the status codes it insists on and its resource IDs. Both api-versions that the provider mixes are called
// over the same samples as the Azure SDK's.
package goazuresdk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/live"
	"gatehouse/clients/samples"

	v2022 "github.com/hashicorp/go-azure-sdk/resource-manager/apimanagement/2022-08-01"
	v2024 "github.com/hashicorp/go-azure-sdk/resource-manager/apimanagement/2024-05-01"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/client/resourcemanager"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
)

// server is the one server of this package: a process reads the system's certificates once, so every test trusts the same.
var server *live.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "goazuresdk-")
	if err == nil {
		defer os.RemoveAll(dir)
		server, err = live.Start(dir)
	}
	if err == nil {
		err = os.Setenv("SSL_CERT_FILE", server.Env["SSL_CERT_FILE"])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	return m.Run()
}

// clients are those of one api-version by name, ready to call.
func clients(t *testing.T, version string) map[string]reflect.Value {
	t.Helper()
	environment, err := environments.FromEndpoint(t.Context(), server.Env["GATEHOUSE_ARM"])
	if err != nil {
		t.Fatal(err)
	}
	credentials := auth.Credentials{Environment: *environment, TenantID: server.Env["TENANT_ID"], ClientID: server.Env["CLIENT_ID"],
		ClientSecret: server.Env["CLIENT_SECRET"], EnableAuthenticatingUsingClientSecret: true}
	authorizer, err := auth.NewAuthorizerFromCredentials(t.Context(), credentials, environment.ResourceManager)
	if err != nil {
		t.Fatal(err)
	}
	configure := func(c *resourcemanager.Client) {
		c.Authorizer = authorizer
		c.DisableRetries = true
		c.AppendRequestMiddleware(func(r *http.Request) (*http.Request, error) {
			if ask, ok := r.Context().Value(asking{}).(*asked); ok {
				ask.method, ask.path = r.Method, r.URL.Path
				return nil, errAsked
			}
			return r, nil
		})
	}
	var all reflect.Value
	if version == "2022-08-01" {
		c, err := v2022.NewClientWithBaseURI(environment.ResourceManager, configure)
		if err != nil {
			t.Fatal(err)
		}
		all = reflect.ValueOf(*c)
	} else {
		c, err := v2024.NewClientWithBaseURI(environment.ResourceManager, configure)
		if err != nil {
			t.Fatal(err)
		}
		all = reflect.ValueOf(*c)
	}
	found := map[string]reflect.Value{}
	for i := range all.NumField() {
		found[all.Type().Field(i).Name] = all.Field(i)
	}
	return found
}

// asking is the key of a context in which no request is sent: asked gets to know what would be.
type (
	asking struct{}
	asked  struct{ method, path string }
)

var errAsked = errors.New("only asked what the request would be")

// call is a method of a client and the request that it sends.
type call struct {
	client, name string
	method       reflect.Value
	id           reflect.Value // with the names of parameters in its fields; not valid for calls without one
	verb, family string
	workspace    bool
}

// calls lists the methods of all clients, one of each group that sends the same request.
func calls(all map[string]reflect.Value) []*call {
	var list []*call
	for name, client := range all {
		for i := range client.NumMethod() {
			method := client.Type().Method(i).Name
			has := func(variant string) bool { return client.MethodByName(method + variant).IsValid() }
			if has("ThenPoll") || has("Complete") || strings.HasSuffix(method, "MatchingPredicate") || strings.Contains(method, "Callback") || !client.Method(i).Type().In(0).Implements(reflect.TypeFor[context.Context]()) {
				continue
			}
			c := &call{client: name, name: method, method: client.Method(i)}
			if c.method.Type().NumIn() > 1 {
				c.id = identifier(c.method.Type().In(1))
			}
			c.settle()
			if c.verb == "" {
				continue // sends nothing
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *call) int { // what is deployed or restored was saved before
		return cmp.Or(cmp.Compare(after(a.name), after(b.name)), strings.Compare(a.client+a.name, b.client+b.name))
	})
	return list
}

func after(name string) int { return strings.Count(name, "Deploy") + 2*strings.Count(name, "Restore") }

// identifier is an ID of the type that a method takes, with the samples' names in its fields.
func identifier(of reflect.Type) reflect.Value {
	id := reflect.New(of).Elem()
	if of.Kind() != reflect.Struct {
		return id
	}
	for i := range of.NumField() {
		id.Field(i).SetString("{" + of.Field(i).Name + "}")
	}
	return id
}

// settle finds out what request the call sends.
func (c *call) settle() {
	ask := &asked{}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), asking{}, ask), time.Minute)
	defer cancel()
	if _, err := c.do(ctx, c.id, "{}"); err == nil || ask.method == "" {
		return
	}
	c.verb = ask.method
	c.family, c.workspace = samples.Family(ask.path)
}

func (c *call) path() (string, bool) {
	if !c.id.IsValid() || !c.id.MethodByName("ID").IsValid() {
		return "", false
	}
	return c.id.MethodByName("ID").Call(nil)[0].String(), true
}

// fill puts the samples' names where the path has parameters.
func (c *call) fill() reflect.Value {
	path, ok := c.path()
	if !ok || c.id.Kind() != reflect.Struct {
		return c.id
	}
	id := reflect.New(c.id.Type()).Elem()
	at := ""
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			if slices.Contains(parts[:i], "Microsoft.ApiManagement") {
				at += "/" + part
			}
			continue
		}
		value := map[string]string{"{SubscriptionId}": server.Env["SUBSCRIPTION_ID"], "{ResourceGroupName}": samples.Group}[part]
		if value == "" {
			family := strings.TrimPrefix(at, "/")
			if inner, ok := strings.CutPrefix(family, "service/workspaces/"); ok {
				family = "service/" + inner
			}
			value = samples.Value(family, lower(part))
		}
		id.FieldByName(strings.Trim(part, "{}")).SetString(value)
	}
	return id
}

// lower turns {ApiId} into {apiId}.
func lower(param string) string { return "{" + strings.ToLower(param[1:2]) + param[2:] }

// do makes the call with a body and returns the model of the answer, nil when it has none.
func (c *call) do(ctx context.Context, id reflect.Value, body string) (any, error) {
	kind := c.method.Type()
	args := []reflect.Value{reflect.ValueOf(ctx)}
	if kind.NumIn() > 1 {
		args = append(args, id)
	}
	for i := 2; i < kind.NumIn(); i++ {
		in := reflect.New(kind.In(i))
		if strings.HasSuffix(kind.In(i).Name(), "OperationOptions") {
			options(in.Elem())
		} else if err := json.Unmarshal([]byte(body), in.Interface()); err != nil {
			return nil, fmt.Errorf("the body %s: %w", body, err)
		}
		args = append(args, in.Elem())
	}
	out := c.method.Call(args)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		return nil, err
	}
	if model := reflect.Indirect(out[0]); model.Kind() == reflect.Struct && model.FieldByName("Model").IsValid() {
		return model.FieldByName("Model").Interface(), nil
	}
	return nil, nil
}

// options are those that azurerm sends: If-Match of anything, and deletion of what hangs on the deleted.
func options(o reflect.Value) {
	for i := range o.NumField() {
		f := o.Field(i)
		switch name := o.Type().Field(i).Name; {
		case name == "IfMatch":
			f.Set(reflect.New(f.Type().Elem()))
			f.Elem().SetString("*")
		case strings.HasPrefix(name, "Delete") && f.Kind() == reflect.Pointer && f.Type().Elem().Kind() == reflect.Bool:
			f.Set(reflect.New(f.Type().Elem()))
			f.Elem().SetBool(true)
		case name == "Filter" && strings.Contains(o.Type().Name(), "ListBy") && f.Kind() == reflect.Pointer:
			if strings.Contains(o.Type().PkgPath(), "/reports") {
				f.Set(reflect.New(f.Type().Elem()))
				f.Elem().SetString("timestamp ge datetime'2026-01-01T00:00:00' and timestamp le datetime'2026-01-02T00:00:00'")
			}
		case name == "Interval" && f.Kind() == reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
			f.Elem().SetString("PT15M")
		}
	}
}

// story runs the calls of one api-version in the order in which they can work.
type story struct {
	*testing.T
	all    []*call
	called map[*call]bool
}

func TestEveryMethod2022(t *testing.T) { everyMethod(t, "2022-08-01") }
func TestEveryMethod2024(t *testing.T) { everyMethod(t, "2024-05-01") }

// everyMethod creates a sample of everything, reads it back, changes it, and deletes it, through every method of every client.
func everyMethod(t *testing.T, version string) {
	group(t, http.MethodPut)
	defer group(t, http.MethodDelete)
	s := &story{T: t, all: calls(clients(t, version)), called: map[*call]bool{}}
	for _, workspace := range []bool{false, true} {
		for _, sample := range samples.All() {
			s.write(sample, http.MethodPut, sample.Body, workspace)
		}
	}
	s.rest(http.MethodHead)
	s.rest(http.MethodGet)
	for _, sample := range samples.All() {
		s.write(sample, http.MethodPatch, sample.Patch, false)
		s.write(sample, http.MethodPatch, sample.Patch, true)
	}
	s.rest(http.MethodPatch)
	s.rest(http.MethodPost)
	for _, workspace := range []bool{true, false} {
		for _, sample := range slices.Backward(samples.All()) {
			for _, c := range s.find(http.MethodDelete, sample.Family, workspace) {
				s.must(c, "")
			}
		}
	}
	for _, verb := range []string{http.MethodGet, http.MethodDelete} {
		for _, c := range s.all {
			if c.verb == verb && strings.HasPrefix(c.client, "DeletedService") {
				s.must(c, "")
			}
		}
	}
	s.rest("")
	t.Logf("%d methods were called", len(s.called))
}

func (s *story) find(verb, family string, workspace bool) (found []*call) {
	for _, c := range s.all {
		if c.verb == verb && strings.EqualFold(c.family, family) && c.workspace == workspace {
			found = append(found, c)
		}
	}
	return found
}

// write sends a sample and checks the answer and what is read afterwards.
func (s *story) write(sample *samples.Sample, verb, body string, workspace bool) {
	s.Helper()
	for _, c := range s.find(verb, sample.Family, workspace) {
		sent := s.fill(body, workspace)
		answer := s.must(c, sent)
		if body == "" || answer == nil {
			continue
		}
		s.compare(sample, c, answer, sent)
		for _, read := range s.find(http.MethodGet, sample.Family, workspace) {
			if read.client == c.client && !strings.Contains(read.name, "List") {
				s.compare(sample, read, s.must(read, ""), sent)
			}
		}
	}
}

// compare checks an answer against what of the sample this client's models know.
func (s *story) compare(sample *samples.Sample, c *call, answer any, sent string) {
	s.Helper()
	if answer == nil {
		return
	}
	if missing := sample.Lacks(answer, known(answer, sent)); missing != "" {
		s.Errorf("%s.%s: the answer lacks %s", c.client, c.name, missing)
	}
}

// known leaves of a body what a model can hold: an older api-version knows less.
func known(model any, body string) string {
	var sent, held any
	fresh := reflect.New(reflect.TypeOf(model))
	if json.Unmarshal([]byte(body), &sent) != nil || json.Unmarshal([]byte(body), fresh.Interface()) != nil {
		return body
	}
	text, err := json.Marshal(fresh.Interface())
	if err != nil || json.Unmarshal(text, &held) != nil {
		return body
	}
	if text, err = json.Marshal(both(sent, held)); err != nil {
		return body
	}
	return string(text)
}

// both keeps the members of a that b has too.
func both(a, b any) any {
	object, ok := a.(map[string]any)
	other, same := b.(map[string]any)
	if !ok || !same {
		return a
	}
	kept := map[string]any{}
	for name, value := range object {
		if held, ok := other[name]; ok {
			kept[name] = both(value, held)
		}
	}
	return kept
}

func (s *story) fill(body string, workspace bool) string {
	if body == "" {
		body = "{}"
	}
	return samples.Fill(body, server.Env["SUBSCRIPTION_ID"], server.Env["TENANT_ID"], workspace)
}

// rest makes the calls of a verb, "" for any, that were not made yet.
func (s *story) rest(verb string) {
	for _, c := range s.all {
		if (c.verb == verb || verb == "") && !s.called[c] && !strings.Contains(c.client, "DeletedService") {
			s.must(c, s.fill(samples.Actions[c.family], c.workspace))
		}
	}
}

func (s *story) must(c *call, body string) any {
	s.Helper()
	s.called[c] = true
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	answer, err := c.do(ctx, c.fill(), s.fill(body, c.workspace))
	if want := samples.Expected[c.verb+" "+c.family]; want != "" {
		if err == nil || !strings.Contains(err.Error(), want) {
			s.Errorf("%s.%s: want an error with %s, have %v", c.client, c.name, want, err)
		}
		return nil
	}
	if err != nil {
		s.Errorf("%s.%s %s: %s", c.client, c.name, c.family, spaces.ReplaceAllString(err.Error(), " "))
		return nil
	}
	return answer
}

var spaces = regexp.MustCompile(`\s+`)

// group puts or deletes the resource group of the samples.
func group(t *testing.T, method string) {
	t.Helper()
	client, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	form := "grant_type=client_credentials&client_id=" + server.Env["CLIENT_ID"] + "&client_secret=" + server.Env["CLIENT_SECRET"] + "&scope=" + server.Env["GATEHOUSE_ARM"] + "/.default"
	answer, err := client.Post(server.Env["GATEHOUSE_AUTHORITY"]+"/"+server.Env["TENANT_ID"]+"/oauth2/v2.0/token", "application/x-www-form-urlencoded", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	url := server.Env["GATEHOUSE_ARM"] + "/subscriptions/" + server.Env["SUBSCRIPTION_ID"] + "/resourceGroups/" + samples.Group + "?api-version=2021-04-01"
	req, err := http.NewRequest(method, url, strings.NewReader(`{"location":"westeurope"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Authorization": {"Bearer " + token.Access}, "Content-Type": {"application/json"}}
	done, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	done.Body.Close()
	if done.StatusCode >= 300 {
		t.Fatalf("%s of the resource group answered %s", method, done.Status)
	}
}
