package apim

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// apis hang below a service and below its workspaces. Only 204 on DELETE suits every client (clients.md section 4).
func (p *provider) apis(more ...*arm.Type) *arm.Type {
	return entity(arm.Type{
		Segment: "apis", Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: searchable("name displayName description serviceUrl path", "isCurrent(eq,ne)"),
		Status: arm.Status{Delete: http.StatusNoContent},
		Unique: []arm.Unique{
			{Value: pathOf, Group: versionSet, Taken: samePath},
			{Value: versionKey, Taken: sameVersion},
			{Member: "properties.apiVersionSetId", Value: memberOf, Shared: true},
		},
		Model: arm.NewModel(`
			properties.displayName          string max=300
			properties.description          string
			properties.path                 string max=400
			properties.serviceUrl           string max=2000
			properties.protocols            array(enum(http|https|ws|wss))
			properties.apiRevision          string min=1 max=100 pattern=^[^*#&+:<>?;/\\\x00-\x1f\x7f]+$ default="1"
			properties.apiRevisionDescription string max=256
			properties.apiVersion           string max=100
			properties.apiVersionDescription string max=256
			properties.apiVersionSetId      string
			properties.apiType              enum(http|soap|graphql|websocket|odata|grpc|mcp)
			properties.type                 enum(http|soap|graphql|websocket|odata|grpc|mcp)
			properties.isCurrent            bool default=true
			properties.isOnline             bool readonly
			properties.subscriptionRequired bool default=true
			properties.subscriptionKeyParameterNames.header string
			properties.subscriptionKeyParameterNames.query  string
			properties.authenticationSettings object
			properties.authenticationSettings.oAuth2 object
			properties.authenticationSettings.oAuth2.authorizationServerId string
			properties.authenticationSettings.oAuth2.scope string
			properties.authenticationSettings.openid object
			properties.authenticationSettings.openid.openidProviderId string
			properties.authenticationSettings.openid.bearerTokenSendingMethods array(enum(authorizationHeader|query))
			properties.authenticationSettings.oAuth2AuthenticationSettings array(object)
			properties.authenticationSettings.oAuth2AuthenticationSettings[].authorizationServerId string
			properties.authenticationSettings.oAuth2AuthenticationSettings[].scope string
			properties.authenticationSettings.openidAuthenticationSettings array(object)
			properties.authenticationSettings.openidAuthenticationSettings[].openidProviderId string
			properties.authenticationSettings.openidAuthenticationSettings[].bearerTokenSendingMethods array(enum(authorizationHeader|query))
			properties.sourceApiId          string
			properties.termsOfServiceUrl    string
			properties.contact              object
			properties.contact.name         string
			properties.contact.url          string
			properties.contact.email        string
			properties.license              object
			properties.license.name         string
			properties.license.url          string
			properties.provisioningState    string readonly
			properties.revisionCreated      string readonly
		`),
		Do:    map[arm.Verb]arm.Handler{arm.Get: p.exporting(getAPI), arm.List: listMarked},
		Hooks: arm.Hooks{Prepare: p.importDocument, Links: linksOfAPI, Default: defaultAPI, Check: checkAPI, Put: putAPI, Delete: dropAPI, Show: showAPI, Field: apiField},
		Holds: append(more, p.policies(), releases(), revisions(), schemas(), tools()),
	})
}

func defaultAPI(_ *arm.Op, next *arm.Resource) {
	props := next.Props()
	names := props.Object("subscriptionKeyParameterNames")
	if names == nil {
		names = object()
		props.Set("subscriptionKeyParameterNames", names)
	}
	for _, each := range [][2]string{{"header", "Ocp-Apim-Subscription-Key"}, {"query", "subscription-key"}} {
		if names.String(each[0]) == "" {
			names.Set(each[0], each[1])
		}
	}
}

// versionSet is the group of APIs that may share a path: the versions of one API.
func versionSet(r *arm.Resource) string { return lastPart(r.Props().String("apiVersionSetId")) }

// memberOf is the version set that an API is part of.
func memberOf(r *arm.Resource) (string, bool) {
	return versionSet(r), versionSet(r) != "" && !isRevision(r)
}

// pathOf is unique among APIs; their other revisions share it.
func pathOf(r *arm.Resource) (string, bool) { return r.Props().String("path"), !isRevision(r) }

// samePath does not name the other API, which the caller may have no right to see.
func samePath(_, _ *arm.Resource) error {
	return validation("path", "Cannot create an API with the same Path unless it's a part of the same version set")
}

// getAPI answers a poll for an import, which was done when it was asked for: with the
// status that asyncCode names, and 200 without it (apim-control-plane.md 1.7).
func getAPI(op *arm.Op) (*arm.Answer, error) {
	a, err := op.GetAsUsual()
	if err == nil && op.Query.Get("asyncId") != "" && op.Query.Get("asyncCode") == "201" {
		a.Status = http.StatusCreated
	}
	return a, err
}

// checkAPI settles which revision this is, where what the request leaves out comes from,
// and then what an API has to be. Its path has no slashes around it (apim-control-plane.md 1.6).
func checkAPI(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if err := settleRevision(op, old, next); err != nil {
		return err
	}
	if err := adopt(op, tx, old, next); err != nil {
		return err
	}
	if isRevision(next) {
		if err := share(op, tx, next); err != nil {
			return err
		}
	} else if err := checkShared(op, tx, old, next); err != nil {
		return err
	}
	return checkAuthentication(op, tx, old, next)
}

// checkShared checks what all revisions of an API have in common.
func checkShared(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	if !props.Has("path") {
		return validation("path", "path is required.")
	}
	props.Set("path", strings.Trim(props.String("path"), "/"))
	if props.String("displayName") == "" {
		return validation("name", "name (display name) should not be empty")
	}
	settleType(old, props)
	if err := checkProtocols(props); err != nil {
		return err
	}
	return checkAPIVersion(op, tx, next)
}

// apiKind is the type that a request names, in small letters, "" for http: that is how it is shown.
func apiKind(props *jsondoc.Object) string {
	kind := strings.ToLower(or(props.String("apiType"), props.String("type")))
	if kind == "http" {
		return ""
	}
	return kind
}

// settleType takes apiType for type on create; afterwards the type stays as it was.
func settleType(old *arm.Resource, props *jsondoc.Object) {
	kind := apiKind(props)
	if old != nil {
		kind = old.Props().String("type")
	}
	props.Delete("apiType")
	if props.Delete("type"); kind != "" {
		props.Set("type", kind)
	}
}

// checkProtocols gives an API its protocols; one of web sockets has others and needs a
// service behind it (apim-control-plane.md 2.2).
func checkProtocols(props *jsondoc.Object) error {
	socket := props.String("type") == "websocket"
	if len(props.Array("protocols")) == 0 {
		props.Set("protocols", []jsondoc.Value{map[bool]string{true: "wss", false: "https"}[socket]})
	}
	if !socket {
		return nil
	}
	for _, v := range props.Array("protocols") {
		if v != "ws" && v != "wss" {
			return validation("protocols", "a websocket API has the protocols ws and wss only")
		}
	}
	if url := strings.ToLower(props.String("serviceUrl")); !strings.HasPrefix(url, "ws://") && !strings.HasPrefix(url, "wss://") {
		return validation("serviceUrl", "a websocket API needs a serviceUrl that starts with ws:// or wss://")
	}
	return nil
}

func putAPI(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if err := putSet(op, tx, next); err != nil {
		return err
	}
	if err := copySource(op, tx, old, next); err != nil {
		return err
	}
	if err := putImported(op, tx, next); err != nil {
		return err
	}
	if err := handshake(op, tx, old, next); err != nil {
		return err
	}
	return spread(op, tx, old, next)
}

// handshake gives a new API of web sockets its one operation, at which policies hang.
func handshake(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	id := next.ID.Child("operations", "onHandshake")
	if old != nil || next.Props().String("type") != "websocket" {
		return nil
	}
	if _, err := tx.Get(op.Context, id.Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
		return err // copied
	}
	return op.Save(tx, &arm.Resource{ID: id, Type: next.Type + "/operations", Body: object("properties",
		object("displayName", "onHandshake", "method", "GET", "urlTemplate", "/", "responses", []jsondoc.Value{}, "templateParameters", []jsondoc.Value{}))})
}

// showAPI leaves out of lists what is not in them (apim-control-plane.md 1.5).
func showAPI(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	if props == nil {
		return
	}
	props.Delete("revisionCreated")
	if op.Route.Verb == arm.List {
		props.Set("authenticationSettings", nil)
		props.Set("subscriptionKeyParameterNames", nil)
		expandSet(op, r, props)
		return
	}
	showAuthentication(op, props)
}

// apiField gives $filter what is shown of the current revision only.
func apiField(r *arm.Resource, name string) (any, bool) {
	if strings.EqualFold(name, "isCurrent") {
		return !isRevision(r), true
	}
	return nil, false
}

// dropAPI takes along what refers to the API: its other revisions, links from products
// and gateways, and the subscriptions to it alone (apim-control-plane.md 2.2).
func dropAPI(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) || isRevision(old) {
		return nil
	}
	if err := dropRevisions(op, tx, old); err != nil {
		return err
	}
	if err := apiRelation().forget(op, tx, old, typeBeside(old, "products/apis")); err != nil {
		return err
	}
	if err := dropGatewayLinks(op, tx, old); err != nil {
		return err
	}
	subscriptions, err := subscriptionsTo(op, tx, old)
	if err != nil {
		return err
	}
	return dropSubscriptions(op, tx, subscriptions)
}

// typeBeside is the type of another family with the same parent as r: of the service or of a workspace.
func typeBeside(r *arm.Resource, family string) string {
	return r.Type[:strings.LastIndexByte(r.Type, '/')+1] + family
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func (p *provider) operations(more ...*arm.Type) *arm.Type {
	return published("service/apis/operations", `
		properties.method      string required min=1
		properties.responses   array(object) default=[]
		properties.responses[].statusCode any required
		properties.templateParameters array(object) default=[]
	`, arm.Type{
		Noun: "Operation", Name: arm.NameRule{Max: 80}, Foreign: foreignExamples(),
		Unique: []arm.Unique{{Value: signature, Taken: func(_, _ *arm.Resource) error {
			return validation("urlTemplate", "Operation with the same method and URL template already exists")
		}}},
		Hooks: arm.Hooks{Check: checkOperation},
		Do:    map[arm.Verb]arm.Handler{arm.List: listMarked},
		Holds: append(more, p.policies()),
	})
}

// foreignExamples are the members of an operation that hold JSON of the API's own.
func foreignExamples() []string {
	var all []string
	for _, holder := range []string{"templateParameters", "request.queryParameters", "request.headers", "request.representations",
		"request.representations.formParameters", "responses.headers", "responses.representations", "responses.representations.formParameters"} {
		all = append(all, "properties."+holder+".examples")
	}
	return all
}

// settleStatusCodes makes numbers of the codes, which clients of old send as text.
func settleStatusCodes(responses []jsondoc.Value) error {
	for i, v := range responses {
		r, _ := v.(*jsondoc.Object)
		code, _ := r.Get("statusCode")
		n, err := strconv.Atoi(fmt.Sprint(code))
		if err != nil || n < 100 || n > 599 {
			return validation(fmt.Sprintf("responses[%d].statusCode", i), "statusCode has to be an HTTP status code; it is '%s'", clipped(fmt.Sprint(code)))
		}
		r.Set("statusCode", n)
	}
	return nil
}

// signature is what the gateway tells operations of an API apart by.
func signature(r *arm.Resource) (string, bool) {
	return r.Props().String("method") + " " + r.Props().String("urlTemplate"), true
}

var templateParameter = regexp.MustCompile(`\{\*?([^{}]*)\}`)

// checkOperation wants the parameters of the template declared, and no others
// (hashicorp/terraform-provider-azurerm#29538, Azure/azure-sdk-for-net#35802).
func checkOperation(_ *arm.Op, _ *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	if err := settleStatusCodes(props.Array("responses")); err != nil {
		return err
	}
	open := map[string]bool{}
	for _, m := range templateParameter.FindAllStringSubmatch(props.String("urlTemplate"), -1) {
		open[strings.ToLower(m[1])] = true
	}
	used := len(open)
	for _, v := range props.Array("templateParameters") {
		o, _ := v.(*jsondoc.Object)
		name := strings.ToLower(o.String("name"))
		if !open[name] {
			used = -1
		}
		delete(open, name)
	}
	if used < 0 || len(open) > 0 {
		return validation("", "All template parameters used in the UriTemplate must be defined in the Operation '%s', and vice-versa.", props.String("displayName"))
	}
	return nil
}
