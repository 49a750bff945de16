package sdk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/clients/samples"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/apimanagement/armapimanagement/v3"
)

// method is one published operation as the SDK names it.
type method struct {
	verb, path, client, name string
	family                   string
	workspace                bool
}

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
		family, workspace := samples.Family(cells[1])
		list = append(list, &method{cells[0], cells[1], client, name, family, workspace})
	}
	return list
}

// caller calls methods of the SDK by name.
type caller struct {
	*world
	clients   map[string]reflect.Value
	called    map[string]bool
	operation string // the last long-running one
}

// Do sends a request and remembers the operation that the answer leads to.
func (c *caller) Do(r *http.Request) (*http.Response, error) {
	answer, err := c.world.client.Transport.Do(r)
	if err == nil && answer.Header.Get("Azure-AsyncOperation") != "" {
		c.operation = path.Base(strings.Split(answer.Header.Get("Azure-AsyncOperation"), "?")[0])
	}
	return answer, err
}

// newCaller finds every client that the factory makes.
func newCaller(w *world) *caller {
	c := &caller{world: w, clients: map[string]reflect.Value{}, called: map[string]bool{}}
	options := *w.arm
	options.Transport = c
	factory := reflect.ValueOf(must(armapimanagement.NewClientFactory(w.subs, w.admin, &options))(w.T))
	for i := range factory.NumMethod() {
		if name, ok := strings.CutPrefix(factory.Type().Method(i).Name, "New"); ok {
			c.clients[name] = factory.Method(i).Call(nil)[0]
		}
	}
	return c
}

func (c *caller) fill(body string, workspace bool) string {
	return samples.Fill(body, c.subs, c.tenant, workspace)
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
			family := strings.TrimPrefix(at, "/")
			if inner, ok := strings.CutPrefix(family, "service/workspaces/"); ok {
				family = "service/" + inner
			}
			values = append(values, samples.Value(family, part))
			if strings.HasPrefix(family, "locations/operation") {
				values[len(values)-1] = c.operation
			}
			if family == "locations/deletedservices" {
				slices.Reverse(values) // the SDK's arguments are the name, then the location
			}
		case slices.Contains(parts[:i], "Microsoft.ApiManagement"):
			at += "/" + part
		}
	}
	return values
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

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
	list := samples.All()
	c := newCaller(w)
	all := published(t)
	find := func(verb, family string, workspace bool) *method {
		i := slices.IndexFunc(all, func(m *method) bool {
			return m.verb == verb && m.family == family && m.workspace == workspace && !strings.Contains(m.name, "List") && !strings.HasSuffix(m.client, "APIExportClient")
		})
		if i < 0 {
			return nil
		}
		return all[i]
	}
	for _, workspace := range []bool{false, true} {
		for _, s := range list {
			if m := find("PUT", s.Family, workspace); m != nil {
				c.writes(m, s, s.Body, find("GET", s.Family, workspace))
			}
		}
	}
	c.rest(all, "HEAD")
	c.rest(all, "GET")
	for _, s := range list {
		for _, workspace := range []bool{false, true} {
			if m := find("PATCH", s.Family, workspace); m != nil {
				c.writes(m, s, s.Patch, find("GET", s.Family, workspace))
			}
		}
	}
	c.rest(all, "PATCH")
	slices.SortStableFunc(all, func(a, b *method) int { // what is deployed or restored was saved before
		return cmp.Compare(after(a.name), after(b.name))
	})
	c.rest(all, "POST")
	c.rest(all, "GET") // of the operations that began meanwhile
	for _, workspace := range []bool{true, false} {
		for _, s := range slices.Backward(list) {
			if m := find("DELETE", s.Family, workspace); m != nil && s.Family != "service" {
				c.must(m, "")
			}
		}
	}
	for _, name := range []string{"BeginDelete", "GetByName", "BeginPurge"} {
		for _, m := range all {
			if m.name == name && (m.family == "service" || m.client == "DeletedServicesClient") {
				c.must(m, "")
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

func after(name string) int { return strings.Count(name, "Deploy") + 2*strings.Count(name, "Restore") }

// rest calls every method of a verb that was not called yet.
func (c *caller) rest(all []*method, verb string) {
	for _, m := range all {
		if strings.HasPrefix(m.family, "locations/operation") && c.operation == "" {
			continue
		}
		if m.verb == verb && m.family != "locations/deletedservices" && !c.called[m.client+"."+m.name] {
			c.must(m, samples.Actions[m.family])
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
	if want := samples.Expected[m.verb+" "+m.family]; want != "" {
		if err == nil || !strings.Contains(err.Error(), want) {
			c.Errorf("%s.%s: want an error with %s, have %v", m.client, m.name, want, short(err))
		}
		return answer
	}
	if err != nil {
		c.Errorf("%s.%s: %s %s: %s", m.client, m.name, m.verb, m.family, short(err))
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

// writes writes a sample and checks that the answer holds what was sent, and so does what is read afterwards.
func (c *caller) writes(m *method, s *samples.Sample, body string, read *method) {
	c.Helper()
	answer := c.must(m, body)
	if answer == nil || body == "" {
		return
	}
	sent := c.fill(body, m.workspace)
	empty := must(json.Marshal(answer))(c.T)
	if missing := s.Lacks(answer, sent); missing != "" && string(empty) != "{}" {
		c.Errorf("%s.%s: the answer lacks %s", m.client, m.name, missing)
	}
	if read == nil {
		return
	}
	if missing := s.Lacks(c.must(read, ""), sent); missing != "" {
		c.Errorf("%s.%s: what is read lacks %s", m.client, m.name, missing)
	}
}
