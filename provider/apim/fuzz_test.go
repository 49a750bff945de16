package apim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// slowest is how long the answer to a hostile request may take on a busy machine.
const slowest = 5 * time.Second

// Whatever anybody with every right sends to any route, the answer is theirs to mend: never a
// 500, never a panic, always JSON with a code, and soon. Requests are what a type takes
// with something wrong in it, in the body, the names, the query or the headers. GATEHOUSE_SOAK says
// how long to go on; the seed of a failure is told.
func TestHostileRequests(t *testing.T) {
	end, requests := time.Now(), 3000
	if soak := os.Getenv("GATEHOUSE_SOAK"); soak != "" {
		length, err := time.ParseDuration(soak)
		if err != nil {
			t.Fatalf("GATEHOUSE_SOAK: %v", err)
		}
		end = end.Add(length)
	}
	for seed := uint64(1); seed == 1 || time.Now().Before(end); seed++ {
		h := &hostile{t: t, w: world(t), r: rand.New(rand.NewPCG(seed, 23)), seed: seed}
		h.w.Server.Log = slog.New(slog.NewTextHandler(&h.log, &slog.HandlerOptions{Level: slog.LevelError}))
		h.collect()
		for range requests {
			h.send()
		}
		h.inPlace()
		if t.Failed() {
			return
		}
	}
}

// hostile is somebody who sends requests that nobody means.
type hostile struct {
	t      *testing.T
	w      *armtest.World
	r      *rand.Rand
	seed   uint64
	routes []*arm.Route
	log    strings.Builder // what the server says of a failure
}

func (h *hostile) collect() {
	for _, route := range h.w.Server.Routes() {
		if route.Provider.Namespace == "Microsoft.ApiManagement" {
			h.routes = append(h.routes, route)
		}
	}
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// send makes one request. What all others need stays: the service and its workspace.
func (h *hostile) send() {
	route := pick(h.r, h.routes...)
	if route.Method == http.MethodDelete && (route.TypeName == serviceType || route.TypeName == serviceType+"/workspaces") {
		return
	}
	path, body := h.path(route), h.body(route)
	target := (&url.URL{Path: path}).EscapedPath() + "?" + h.query()
	header := http.Header{}
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if h.r.IntN(4) == 0 {
			header.Set(name, pick(h.r, "*", `"AAAA"`, "W/", "\"", "*, *"))
		}
	}
	if h.r.IntN(8) == 0 {
		header.Set("Accept", pick(h.r, "application/vnd.ms-azure-apim.policy+xml", ";", "*/*;q=0,", "text/html"))
	}
	h.log.Reset()
	before := time.Now()
	a := h.w.Do("owner", route.Method, target, header, body)
	took := time.Since(before)
	var answer any
	fault := ""
	decoder := json.NewDecoder(bytes.NewReader(orEmpty(a.Body.Bytes())))
	decoder.UseNumber() // of any size
	switch err := decoder.Decode(&answer); {
	case a.Code >= 500 && a.Code != http.StatusNotImplemented:
		fault = "a failure of the server"
	case strings.HasPrefix(a.Header().Get("Content-Type"), "application/json") && err != nil:
		fault = "no JSON"
	case a.Code >= 400 && route.Method != http.MethodHead && !isError(answer):
		fault = "an error without a code or message"
	case took > slowest:
		fault = fmt.Sprint("took ", took)
	}
	if fault != "" {
		h.t.Errorf("%s (seed %d): %s %s\n%.2000s\n%d %.1000s\n%.3000s", fault, h.seed, route.Method, target, body, a.Code, a.Body, h.log.String())
	}
}

// inPlace finds what belongs to services and was written outside of them.
func (h *hostile) inPlace() {
	all, err := h.w.Store.List(h.t.Context(), store.Query{})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, d := range all.Documents {
		if strings.HasPrefix(d.Type, serviceType+"/") && !strings.Contains(d.ID.String(), "/providers/"+serviceType+"/") {
			h.t.Errorf("a %s is at %s (seed %d)", d.Type, d.ID, h.seed)
		}
	}
}

// isError reports whether an answer has the form of an error, with code and message.
func isError(answer any) bool {
	o, _ := answer.(map[string]any)
	e, _ := o["error"].(map[string]any)
	return e["code"] != "" && e["code"] != nil && e["message"] != "" && e["message"] != nil
}

// path fills in the names: of what is there, of what will be, and impossible ones.
func (h *hostile) path(route *arm.Route) string {
	replaced := strings.NewReplacer("{subscriptionId}", armtest.Subscription.String(), "{resourceGroupName}", armtest.Group, "{subscriptionsName}", armtest.Subscription.String(),
		"{resourceGroupsName}", armtest.Group).Replace(route.Path)
	segments := strings.Split(replaced, "/")
	for i, segment := range segments {
		if !strings.HasPrefix(segment, "{") {
			continue
		}
		segments[i] = h.name(segments[i-1], i < len(segments)-1)
	}
	return strings.Join(segments, "/")
}

func (h *hostile) name(family string, holds bool) string {
	switch known := onlyNames[family]; {
	case family == "service" && (holds || h.r.IntN(3) > 0):
		return "contoso"
	case family == "workspaces":
		return "team"
	case holds && family != "policies" && h.r.IntN(8) > 0:
		return pick(h.r, "parent", "parent", "parent;rev=1", "parent;rev=2")
	case family == "tenant":
		return pick(h.r, "access", "gitAccess", "configuration")
	case family == "templates":
		return "applicationApprovedNotificationMessage"
	case known != "" && h.r.IntN(8) > 0:
		return strings.ReplaceAll(known, "%d", "0")
	case h.r.IntN(8) == 0:
		return pick(h.r, "x;rev=", ";rev=1", "x;rev=1;rev=2", "parent;REV=1", "İ", "ſK", "a b", "%41", "a%2Fb", strings.Repeat("n", 300), "..a", "a.", "'", `"`, "{{a}}", "&#x0;", "\u202e", "-", "null", "🙂", "a:b", "~")
	}
	return pick(h.r, "parent", "n0", "n1", "n2", "master", "administrators", "1", "default", "policy", "parent;rev=2")
}

// junk is JSON of any kind, a name, an id or a document.
func (h *hostile) junk() any {
	if h.r.IntN(3) == 0 {
		return anything(h.r, 3)
	}
	return pick[any](h.r, nil, "", " ", true, false, []any{}, map[string]any{}, []any{nil}, []any{[]any{nil}}, []any{"", 1, map[string]any{}}, map[string]any{"": nil},
		map[string]any{"id": nil}, json.Number("-1"), json.Number("1e400"), json.Number("0.5"), json.Number("99999999999999999999"), "\x00", strings.Repeat("x", 5000),
		"/apis/parent", "/apis/parent;rev=1", "/apis/", "/", "//", "/apis/parent/operations/parent", service, service+"/apis/parent", service+"/users/1", service+"/workspaces/team/apis/parent",
		"/subscriptions/", "parent", "n0", "2026-13-45T99:99:99Z", "2026-03-05T00:00:00Z", "PT1H", "P", "-PT1S", "P99999999999999999999D", "{{parent}}", "{{", "}}", "{a}{a}", "{*a}", "/{a}/{*b}", "[", "(", "(?<a", "*",
		"http://[::1", "http://127.0.0.1/", "https://u:p@h/", "javascript:1", "data:,", "xml", "rawxml", "openapi", "openapi+json", "swagger-json", "wsdl", "wadl-xml", "graphql-link", "xml-link", "odata", "grpc", "mcp", "soap", "websocket", "Pool", "Single",
		"<policies/>", "<policies><inbound><base /></inbound></policies>", "<", "<fragment/>", "<a:b/>", "<policies><inbound><set-variable name=\"a\" value=\"@(\" /></inbound></policies>",
		`{"openapi": "3.0.0", "info": {"title": "x", "version": "1"}, "paths": {"/a": {"get": {"responses": {"200": {"$ref": "#/components/responses/r"}}}}}}`, `{"swagger": "2.0", "paths": null}`, `{"openapi": "3.0.1", "paths": {"a": []}}`, "type Query { a: Int }", "{", "openapi: [", "%PDF", pfx, "MIIB", "GET", "get post", "tracing", "primary", "secondary")
}

// body is what the type takes, spoilt in some places.
func (h *hostile) body(route *arm.Route) string {
	if route.Method == http.MethodGet || route.Method == http.MethodHead || route.Method == http.MethodDelete {
		return ""
	}
	var o *jsondoc.Object
	if t := route.Type; t != nil && route.Verb != arm.Post && t.Model != nil {
		o = body(h.r, strings.TrimPrefix(route.TypeName, serviceType+"/"), t.Model, h.r.IntN(4))
		fields := t.Model.Fields()
		for range pick(h.r, 0, 1, 1, 2, 5, 20) {
			if len(fields) == 0 {
				break
			}
			h.spoil(o, pick(h.r, fields...).Path)
		}
	} else {
		o = jsondoc.NewObject()
	}
	if route.Verb == arm.Post || h.r.IntN(10) == 0 {
		for range h.r.IntN(6) {
			h.spoil(o, pick(h.r, "properties", "properties.keyType", "keyType", "properties.expiry", "expiry", "apiId", "purposes", "credentialsExpireAfter", "traceId", "properties.branch", "properties.force",
				"storageAccount", "containerName", "backupName", "accessType", "protocol", "source", "source.region", "destination", "destination.address", "destination.port", "preferredIPVersion",
				"protocolConfiguration", "protocolConfiguration.HTTPConfiguration", "protocolConfiguration.HTTPConfiguration.headers", "protocolConfiguration.HTTPConfiguration.validStatusCodes", "name", "type", "location", "mode",
				"properties.after", "postLoginRedirectUrl", "consentCode", "properties.format", "properties.value", "properties.sourceApiId", "properties.apiVersionSet", "properties.apiVersionSet.id", "properties.wsdlSelector",
				"properties.apiVersionSet.versioningScheme", "identity", "identity.type", "identity.userAssignedIdentities", "tags", "sku", "zones", "properties.restore", "properties.parameters"))
		}
	}
	text := string(jsondoc.Marshal(o))
	switch h.r.IntN(20) {
	case 0:
		return pick(h.r, "", "null", "[]", "1", `""`, "{", "{}}", `{"a":1,"A":2}`, "\xff", strings.Repeat(`{"a":`, 200), strings.Repeat("[", 100000), `{"properties": null}`, `{"properties": []}`, `{"properties": "x"}`, `{"properties": {"a": `+strings.Repeat("[", 80)+strings.Repeat("]", 80)+`}}`)
	case 1:
		return text[:h.r.IntN(len(text))]
	}
	return text
}

// spoil puts junk at a path, or in what an array at it holds.
func (h *hostile) spoil(o *jsondoc.Object, path string) {
	v, err := jsondoc.From(h.junk())
	if err != nil {
		return
	}
	head, rest, inner := strings.Cut(path, "[]")
	if !inner {
		o.SetPath(path, v)
		return
	}
	item := jsondoc.NewObject()
	if rest = strings.Trim(rest, ".[]"); rest != "" && !strings.Contains(rest, "[]") {
		item.SetPath(rest, v)
		v = item
	}
	if list, ok := o.Lookup(head); ok && h.r.IntN(2) == 0 {
		if list, ok := list.([]jsondoc.Value); ok {
			o.SetPath(head, append(list, v))
			return
		}
	}
	o.SetPath(head, []jsondoc.Value{v})
}

func (h *hostile) query() string {
	q := url.Values{"api-version": {pick(h.r, "2024-05-01", "2024-05-01", "2024-05-01", "2018-01-01", "2024-10-01-preview")}}
	for range pick(h.r, 0, 0, 1, 3) {
		q.Set(pick(h.r, "$filter", "$top", "$skip", "$orderby", "$skiptoken", "tags", "scope", "format", "export", "expandGroups", "expandApiVersionSet", "expandCommentsAttachments", "deleteRevisions", "deleteSubscriptions",
			"includeNotTaggedApis", "isKeyVaultRefreshFailed", "asyncId", "interval", "notify", "appType"),
			pick(h.r, "true", "1", "-1", "0", "99999999999999999999", "x", "apis", "apis/parent", "products/", "xml", "rawxml", "swagger-link", "openapi+json-link", "wsdl-link", "wadl-link", "PT15M", "PT0S", "",
				"name eq 'x'", "contains(name, 'x')", "timestamp ge datetime'2017-06-01T00:00:00' and timestamp le datetime'2027-06-04T00:00:00'", "timestamp ge datetime'0001-01-01T00:00:00'", "not (name eq null)", "((((", "startswith(displayName,", "L2E", "LzAvYQ", "Ly8", "LzAv", "MC9h"))
	}
	return q.Encode()
}

// poor are bodies with nothing in them, which many types take.
var poor = []string{"{}", `{"properties": null}`, `{"properties": {}}`, `{"properties": []}`, `{"properties": ""}`, `{"PROPERTIES": {}}`, `{"properties": {"properties": null}}`, "null", ""}

// A type that takes a body with nothing in it shows what it made of that, too.
func TestPoorBodies(t *testing.T) {
	w := world(t)
	h := &hostile{t: t, w: w, r: rand.New(rand.NewPCG(1, 29))}
	h.collect()
	for _, route := range h.routes {
		if route.Verb != arm.Put && route.Verb != arm.Post && route.Verb != arm.Patch || route.TypeName == serviceType && route.Verb == arm.Post {
			continue
		}
		path := h.existing(route)
		for _, body := range poor {
			h.ask(route.Method, path+version, body)
			if route.Verb != arm.Post {
				h.ask("GET", path+version, "")
				h.ask("GET", path[:strings.LastIndexByte(path, '/')]+version, "")
			}
		}
	}
}

func (h *hostile) ask(method, target, body string) {
	if a := h.w.Do("owner", method, target, http.Header{"If-Match": {"*"}}, body); a.Code >= 500 && a.Code != http.StatusNotImplemented {
		h.t.Errorf("%s %s %s: %d %s", method, target, body, a.Code, a.Body)
	}
}

// existing is the path of a route in what there is, and of something new in that.
func (h *hostile) existing(route *arm.Route) string {
	segments := strings.Split(strings.NewReplacer("{resourceGroupsName}", armtest.Group, "{resourceGroupName}", armtest.Group, "{subscriptionsName}", armtest.Subscription.String(),
		"{subscriptionId}", armtest.Subscription.String(), "{serviceName}", "contoso").Replace(route.Path), "/")
	for i, segment := range segments {
		family, holds := segments[max(i-1, 0)], i < len(segments)-1
		switch d := h.declared(segments[:i]); {
		case !strings.HasPrefix(segment, "{"):
		case family == "workspaces":
			segments[i] = "team"
		case family == "service":
			segments[i] = "contoso"
		case d != nil && len(d.Name.Only) > 0:
			segments[i] = d.Name.Only[0]
		case onlyNames[family] != "":
			segments[i] = strings.ReplaceAll(onlyNames[family], "%d", "0")
		case holds:
			segments[i] = "parent"
		default:
			segments[i] = "poor"
		}
	}
	return strings.Join(segments, "/")
}

// declared is the type of a collection.
func (h *hostile) declared(collection []string) *arm.Type {
	id, err := gatehouse.ParseID(strings.Join(collection, "/") + "/x")
	if err != nil {
		return nil
	}
	if d := h.w.Server.TypeOf(id.Type()); d != nil {
		return d.Type
	}
	return nil
}
