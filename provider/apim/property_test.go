package apim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
)

const version = "?api-version=2024-05-01"

var service = armtest.GroupID().String() + "/providers/Microsoft.ApiManagement/service/contoso"

// world is a World with a service and one parent of every kind.
func world(t testing.TB) *armtest.World {
	w := armtest.Start(t, build(t))
	for _, each := range [][2]string{
		{"", `{"location": "westeurope", "sku": {"name": "Developer"}, "properties": {"publisherEmail": "a@contoso.test", "publisherName": "Contoso"}}`},
		{"/workspaces/team", `{"properties": {"displayName": "Team"}}`},
		{"/apis/parent", `{"properties": {"displayName": "Parent", "path": "parent"}}`},
		{"/workspaces/team/apis/parent", `{"properties": {"displayName": "Parent", "path": "parent"}}`},
		{"/apis/parent/operations/parent", `{"properties": {"displayName": "Parent", "method": "GET", "urlTemplate": "/parent"}}`},
		{"/workspaces/team/products/parent", `{"properties": {"displayName": "Parent"}}`},
		{"/products/parent", `{"properties": {"displayName": "Parent"}}`},
		{"/certificates/parent", `{"properties": {"data": "` + pfx + `", "password": "hunter2"}}`},
		{"/authorizationProviders/parent", `{"properties": {"displayName": "Parent", "identityProvider": "aad", "oauth2": {"grantTypes": {"authorizationCode": {"clientId": "a"}}}}}`},
		{"/authorizationProviders/parent/authorizations/parent", `{"properties": {"authorizationType": "OAuth2", "oauth2grantType": "AuthorizationCode"}}`},
		{"/loggers/parent", `{"properties": {"loggerType": "applicationInsights", "credentials": {"instrumentationKey": "key"}}}`},
		{"/gateways/parent", `{"properties": {"locationData": {"name": "Parent"}}}`},
	} {
		if a := w.Do("owner", "PUT", service+each[0]+version, nil, each[1]); a.Code != 201 {
			t.Fatalf("%s: %d %s", each[0], a.Code, a.Body)
		}
	}
	return w
}

func none(*rand.Rand, int) any { return nil }

// makers give values to members that the model does not describe whole.
var makers = map[string]func(r *rand.Rand, n int) any{
	"apis properties.path":                     func(_ *rand.Rand, n int) any { return fmt.Sprint("path/", n) },
	"apis properties.displayName":              func(r *rand.Rand, n int) any { return text(r, 1, 300) },
	"apis properties.apiType":                  func(*rand.Rand, int) any { return nil },
	"apis properties.type":                     func(*rand.Rand, int) any { return "graphql" },
	"apis properties.apiRevision":              func(*rand.Rand, int) any { return "7" },
	"apis properties.apiVersion":               func(*rand.Rand, int) any { return nil }, // apiversions.txtar
	"apis properties.apiVersionSetId":          func(*rand.Rand, int) any { return nil },
	"apis properties.sourceApiId":              func(*rand.Rand, int) any { return nil },
	"apis properties.isCurrent":                func(*rand.Rand, int) any { return nil }, // not the caller's to say
	"apis properties.authenticationSettings":   func(*rand.Rand, int) any { return map[string]any{} },
	"operations properties.urlTemplate":        func(_ *rand.Rand, n int) any { return fmt.Sprint("/op/", n) },
	"operations properties.templateParameters": func(*rand.Rand, int) any { return []any{} },
	"operations properties.request":            func(*rand.Rand, int) any { return nil },
	"operations properties.responses": func(r *rand.Rand, _ int) any {
		return []any{map[string]any{"statusCode": 200, "description": text(r, 0, 100), "representations": []any{
			map[string]any{"contentType": "text/plain", "examples": map[string]any{"default": map[string]any{"value": anything(r, 3)}}}}}}
	},
	"products properties.displayName":          func(r *rand.Rand, n int) any { return text(r, 1, 300) },
	"products properties.subscriptionRequired": func(*rand.Rand, int) any { return true },
	"namedValues properties.displayName":       func(_ *rand.Rand, n int) any { return fmt.Sprint("name.", n, "-_") },
	"namedValues properties.value":             func(r *rand.Rand, _ int) any { return "v" + text(r, 0, 4000) },
	"namedValues properties.keyVault":          func(*rand.Rand, int) any { return nil },
	"subscriptions properties.displayName":     func(r *rand.Rand, _ int) any { return text(r, 1, 100) },
	"subscriptions properties.scope": func(r *rand.Rand, _ int) any {
		return []string{"/apis", "/", "/apis/parent", "/products/parent"}[r.IntN(4)]
	},
	"issues properties.userId":                    func(*rand.Rand, int) any { return service + "/users/1" },
	"issues properties.apiId":                     func(*rand.Rand, int) any { return service + "/apis/parent" },
	"comments properties.userId":                  func(*rand.Rand, int) any { return service + "/users/1" },
	"apiLinks properties.apiId":                   func(_ *rand.Rand, n int) any { return fmt.Sprint("/apis/n", n) },
	"operationLinks properties.operationId":       func(_ *rand.Rand, n int) any { return fmt.Sprint("/apis/parent/operations/n", n) },
	"productLinks properties.productId":           func(_ *rand.Rand, n int) any { return fmt.Sprint("/products/n", n) },
	"groupLinks properties.groupId":               func(_ *rand.Rand, n int) any { return fmt.Sprint("/groups/n", n) },
	"apiVersionSets properties.versionQueryName":  func(r *rand.Rand, _ int) any { return text(r, 1, 100) },
	"apiVersionSets properties.versionHeaderName": func(r *rand.Rand, _ int) any { return text(r, 1, 100) },
	"subscriptions properties.ownerId":            func(r *rand.Rand, _ int) any { return []any{nil, service + "/users/1"}[r.IntN(2)] },
	"users properties.email":                      func(_ *rand.Rand, n int) any { return fmt.Sprint("n", n, "@contoso.test") },
	"users properties.password": func(r *rand.Rand, n int) any {
		if n > 0 {
			return nil // one is enough: hashing takes its time
		}
		return text(r, 8, 60) + "........"
	},
	"users properties.lastName":            func(r *rand.Rand, _ int) any { return text(r, 1, 100) },
	"users properties.appType":             none, // likewise
	"groups properties.type":               func(*rand.Rand, int) any { return "custom" },
	"tools properties.operationId":         func(_ *rand.Rand, n int) any { return fmt.Sprint("/apis/parent/operations/n", n) },
	"releases properties.apiId":            func(*rand.Rand, int) any { return "/apis/parent" },
	"users properties.confirmation":        none, // is an order, not a state
	"attachments properties.contentFormat": func(*rand.Rand, int) any { return "link" },
	"attachments properties.content":       func(_ *rand.Rand, n int) any { return fmt.Sprint("https://contoso.test/", n) },
	"wikis properties.documents": func(r *rand.Rand, _ int) any {
		return []any{map[string]any{"documentationId": fmt.Sprint("n", r.IntN(several))}}
	},
	"schemas properties.contentType":          func(*rand.Rand, int) any { return "text/plain" },
	"schemas properties.schemaType":           func(*rand.Rand, int) any { return "json" },
	"schemas properties.value":                func(*rand.Rand, int) any { return nil },
	"schemas properties.document":             func(r *rand.Rand, _ int) any { return map[string]any{"value": text(r, 0, 2000)} },
	"schemas properties.document.value":       func(*rand.Rand, int) any { return nil },
	"schemas properties.document.definitions": func(*rand.Rand, int) any { return nil },
	"schemas properties.document.components":  func(*rand.Rand, int) any { return nil },
	"policies properties.format":              func(*rand.Rand, int) any { return "xml" },
	"policyFragments properties.format":       func(*rand.Rand, int) any { return "xml" },
	"policyRestrictions properties.scope":     func(_ *rand.Rand, n int) any { return fmt.Sprint("/apis/none", n) },
	"policyFragments properties.value": func(r *rand.Rand, _ int) any {
		return "<fragment><set-method>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", "]", "", "{", "", "@", "").Replace(text(r, 0, 80)) + "</set-method></fragment>"
	},
	"resolvers/policies properties.value": func(r *rand.Rand, _ int) any {
		return "<http-data-source><http-request><set-method>GET</set-method><set-url>https://contoso.test/" + strings.Repeat("x", r.IntN(9)) + "</set-url></http-request></http-data-source>"
	},
	"gateways properties.locationData":                func(*rand.Rand, int) any { return nil },
	"hostnameConfigurations properties.certificateId": func(*rand.Rand, int) any { return nil },
	"policies properties.value": func(r *rand.Rand, _ int) any {
		return "<policies><inbound><!--" + strings.ReplaceAll(text(r, 0, 80), "-", "_") + "--></inbound></policies>"
	},
}

// onlyNames are those that instances of a type get, where it does not take n0, n1 and so on; %d is the number.
var onlyNames = map[string]string{"policies": "policy", "diagnostics": "applicationinsights", "identityProviders": "google", "wikis": "default",
	"contentTypes": "c-n%d", "portalsettings": "delegation", "notifications": "RequestPublisherNotificationMessage"}

// text is anything that JSON can hold and nobody trims: quotes, markup, other scripts, control characters.
func text(r *rand.Rand, min, max int) string {
	alphabet := []rune(`abc XYZ 019 '"\/<>&%{}[]()@$#;:,.-_+=~` + "\n\té中文\u2028🙂ſK")
	n := min + r.IntN(1+[]int{3, 30, max - min}[r.IntN(3)])
	out := make([]rune, n)
	for i := range out {
		out[i] = alphabet[r.IntN(len(alphabet))]
	}
	if len(out) > max {
		out = out[:max]
	}
	return strings.ReplaceAll(string(out), "{{", "{_") // names no named value
}

func anything(r *rand.Rand, depth int) any {
	switch k := r.IntN(7); {
	case k == 0:
		return r.IntN(2) == 0
	case k == 1:
		return json.Number([]string{"0", "-7", "1.50", "1e30", "12345678901234567890"}[r.IntN(5)])
	case k == 2 && depth > 0:
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = anything(r, depth-1)
		}
		return list
	case k <= 4 && depth > 0:
		o := map[string]any{}
		for i := range r.IntN(4) {
			o[fmt.Sprint("m", i)] = anything(r, depth-1)
		}
		return o
	}
	return text(r, 0, 20)
}

func value(r *rand.Rand, kind string, f arm.Field) any {
	if inner, ok := strings.CutPrefix(kind, "array("); ok {
		list := make([]any, r.IntN(4))
		for i := range list {
			list[i] = value(r, strings.TrimSuffix(inner, ")"), f)
		}
		return list
	}
	switch kind {
	case "bool":
		return r.IntN(2) == 0
	case "int", "number":
		if f.Max > 0 {
			return f.Min + r.IntN(f.Max-f.Min+1)
		}
		return r.IntN(1000)
	case "enum":
		return f.Values[r.IntN(len(f.Values))]
	case "datetime":
		return fmt.Sprintf("20%02d-0%d-1%dT12:00:00Z", r.IntN(100), 1+r.IntN(9), r.IntN(10))
	case "any", "object":
		return anything(r, 3)
	case "map":
		return map[string]any{"a": text(r, 0, 20)}
	}
	longest := f.Max
	if longest == 0 {
		longest = 2000
	}
	return text(r, f.Min, longest)
}

// body is a random request for a type, named by its path below the service: all that is required, and some of the rest.
func body(r *rand.Rand, of string, m *arm.Model, n int) *jsondoc.Object {
	o := jsondoc.NewObject()
	for _, f := range m.Fields() {
		if strings.HasPrefix(f.Path, "properties.authenticationSettings.") {
			continue // they name what has to be there
		}
		maker, special := makerOf(of, f.Path)
		if f.ReadOnly || !special && composed(m, f) || strings.Contains(f.Path, "[]") {
			continue
		}
		if !f.Required && !special && r.IntN(3) == 0 {
			continue
		}
		var v any
		if special {
			v = maker(r, n)
		} else {
			v = value(r, f.Kind, f)
			if secret, ok := v.(string); ok && f.Secret && len([]rune(secret)) < 100 {
				v = hush + secret
			}
		}
		if v == nil {
			continue
		}
		given, err := jsondoc.From(v)
		if err != nil {
			panic(err)
		}
		o.SetPath(f.Path, given)
	}
	return o
}

// makerOf finds the maker of a member, in the lists of every family: one for apis/policies before one for all policies.
func makerOf(of, path string) (func(r *rand.Rand, n int) any, bool) {
	for more := true; more; _, of, more = strings.Cut(of, "/") {
		for _, family := range []map[string]func(r *rand.Rand, n int) any{makers, connectionMakers, portalMakers} {
			if maker, ok := family[of+" "+path]; ok {
				return maker, true
			}
		}
	}
	return nil, false
}

// composed reports whether a member is made by those that it holds.
func composed(m *arm.Model, f arm.Field) bool {
	return f.Kind == "level" || slices.ContainsFunc(m.Fields(), func(inner arm.Field) bool {
		return strings.HasPrefix(inner.Path, f.Path+".") || strings.HasPrefix(inner.Path, f.Path+"[].")
	})
}
func parse(t testing.TB, b []byte) *jsondoc.Object {
	t.Helper()
	o, err := jsondoc.ParseObjectWith(b, jsondoc.Options{Variants: true})
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return o
}

// completed reports whether have is the full id of what want names relative to a service or workspace.
func completed(want, have jsondoc.Value) bool {
	short, _ := want.(string)
	full, _ := have.(string)
	return strings.HasPrefix(short, "/") && strings.HasPrefix(full, service) && strings.HasSuffix(full, short)
}

func compare(t *testing.T, w *armtest.World, path, reveal string, m *arm.Model, sent, got *jsondoc.Object) {
	t.Helper()
	var revealed *jsondoc.Object
	if reveal != "" {
		revealed = parse(t, w.Do("owner", "POST", path+"/"+reveal+version, nil, "").Body.Bytes())
	}
	for _, f := range m.Fields() {
		want, ok := sent.Lookup(f.Path)
		if !ok || composed(m, f) && !strings.HasPrefix(f.Kind, "array") {
			continue
		}
		have, shown := got.Lookup(f.Path)
		if f.Secret {
			member := strings.TrimPrefix(f.Path, "properties.")
			v, known := revealed.Get(member)
			if !known {
				v, _ = revealed.Get(f.Path[strings.LastIndexByte(f.Path, '.')+1:])
			}
			if reveal != "" && v != want {
				t.Errorf("%s: %s reveals %q, sent %q", path, reveal, v, want)
			}
			if shown && jsondoc.Equal(want, have) && (member != "value" || got.Bool("properties.secret")) {
				t.Errorf("%s: GET shows the secret %s", path, f.Path)
			}
			continue
		}
		if f.Path == "properties.authenticationSettings" {
			continue // shown with its members as null
		}
		if list, ok := want.([]jsondoc.Value); ok && len(list) == 0 && f.Path == "properties.protocols" {
			continue // the default
		}
		if f.Path == "properties.subscriptionKeyParameterNames.header" || f.Path == "properties.subscriptionKeyParameterNames.query" {
			if want == "" {
				continue // the default
			}
		}
		if completed(want, have) {
			continue
		}
		if !shown || !jsondoc.Equal(want, have) {
			t.Errorf("%s: %s was sent as %s and is read as %s", path, f.Path, jsondoc.Marshal(want), jsondoc.Marshal(have))
		}
	}
}

// Writers that send the ETag they read lose no update, whatever the order, and whatever
// others do without it: every 200 counts once.
func TestNoLostUpdate(t *testing.T) {
	w := world(t)
	path := service + "/products/parent" + version
	var done, refused atomic.Int64
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 3))
			stale := ""
			for range 40 {
				get := w.Do("owner", "GET", path, nil, "")
				product := parse(t, get.Body.Bytes())
				n, _ := product.Int("properties.subscriptionsLimit")
				tag := get.Header().Get("ETag")
				if r.IntN(5) == 0 && stale != "" {
					tag, stale = stale, tag
				}
				stale = get.Header().Get("ETag")
				method, change := "PATCH", fmt.Sprintf(`{"properties": {"subscriptionsLimit": %d}}`, n+1)
				if r.IntN(2) == 0 {
					method, change = "PUT", fmt.Sprintf(`{"properties": {"displayName": "Parent", "subscriptionsLimit": %d}}`, n+1)
				}
				switch a := w.Do("owner", method, path, http.Header{"If-Match": {tag}}, change); a.Code {
				case 200:
					done.Add(1)
				case 412:
					refused.Add(1)
				default:
					t.Errorf("%s: %d %s", method, a.Code, a.Body)
				}
			}
		})
	}
	wait.Wait()
	final, _ := parse(t, w.Do("owner", "GET", path, nil, "").Body.Bytes()).Int("properties.subscriptionsLimit")
	if final != done.Load() || done.Load()+refused.Load() != 320 {
		t.Errorf("%d updates were acknowledged, %d refused, %d are there", done.Load(), refused.Load(), final)
	}
}

// Two writers cannot both have a path, a display name or a service name (apim-control-plane.md 1.8).
func TestUniqueNames(t *testing.T) {
	w := world(t)
	for _, c := range []struct{ path, body string }{
		{service + "/apis/a%d", `{"properties": {"displayName": "A", "path": "race"}}`},
		{service + "/namedValues/v%d", `{"properties": {"displayName": "race", "value": "x"}}`},
		{service + "/apis/parent/operations/o%d", `{"properties": {"displayName": "O", "method": "GET", "urlTemplate": "/race"}}`},
	} {
		var made atomic.Int64
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				if a := w.Do("owner", "PUT", fmt.Sprintf(c.path, i)+version, nil, c.body); a.Code == 201 {
					made.Add(1)
				} else if a.Code != 400 {
					t.Errorf("%s: %d %s", c.path, a.Code, a.Body)
				}
			})
		}
		wait.Wait()
		if made.Load() != 1 {
			t.Errorf("%s: %d were made", c.path, made.Load())
		}
	}
}
