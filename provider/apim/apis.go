package apim

import (
	"net/http"
	"regexp"
	"strings"

	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// apis hang below a service and below its workspaces. Only 204 on DELETE suits every client (clients.md section 4).
func apis(more ...*arm.Type) *arm.Type {
	return entity(arm.Type{
		Segment: "apis", Noun: "Api", Name: arm.NameRule{Max: 256, Pattern: namePattern}, Filter: searchable("name displayName description serviceUrl path", "isCurrent(eq,ne)"),
		Status: arm.Status{Delete: http.StatusNoContent},
		Unique: []arm.Unique{{Member: "properties.path", Group: versionSet, Taken: samePath}},
		Model: arm.NewModel(`
			properties.displayName          string max=300
			properties.description          string
			properties.path                 string required max=400
			properties.serviceUrl           string max=2000
			properties.protocols            array(enum(http|https|ws|wss))
			properties.apiRevision          string min=1 max=100 default="1"
			properties.apiRevisionDescription string max=256
			properties.apiVersion           string max=100
			properties.apiVersionDescription string max=256
			properties.apiVersionSetId      string
			properties.apiType              enum(http|soap|graphql|websocket|odata|grpc)
			properties.type                 enum(http|soap|graphql|websocket|odata|grpc)
			properties.isCurrent            bool default=true
			properties.isOnline             bool readonly
			properties.subscriptionRequired bool default=true
			properties.subscriptionKeyParameterNames.header string
			properties.subscriptionKeyParameterNames.query  string
			properties.authenticationSettings any
			properties.termsOfServiceUrl    string
			properties.contact              any
			properties.license              any
			properties.provisioningState    string readonly
		`),
		Do:    map[arm.Verb]arm.Handler{arm.List: listMarked},
		Hooks: arm.Hooks{Default: defaultAPI, Check: checkAPI, Delete: dropAPI, Show: showAPI},
		Holds: append(more, policies(), schemas()),
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
	if len(props.Array("protocols")) == 0 {
		props.Set("protocols", []jsondoc.Value{"https"})
	}
}

// versionSet is the group of APIs that may share a path: the versions of one API.
func versionSet(r *arm.Resource) string { return lastPart(r.Props().String("apiVersionSetId")) }

// samePath does not name the other API, which the caller may have no right to see.
func samePath(_, _ *arm.Resource) error {
	return validation("path", "Cannot create an API with the same Path unless it's a part of the same version set")
}

// checkAPI cuts slashes off the path (apim-control-plane.md 1.6), settles the type and
// refuses what is not there yet rather than make something else of it.
func checkAPI(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	props := next.Props()
	props.Set("path", strings.Trim(props.String("path"), "/"))
	if strings.Contains(strings.ToLower(next.ID.Name()), ";rev=") {
		return validation("apiId", "revisions of an API cannot be written yet; change the API '%s' itself", next.ID.Name()[:strings.IndexByte(next.ID.Name(), ';')])
	}
	if err := importAPI(op, tx, old, next); err != nil {
		return err
	}
	for _, member := range []string{"sourceApiId", "apiVersionSet"} {
		if sent(op, "properties."+member) {
			return validation(member, "cloning APIs is not there yet; create the API without %s and its operations one by one", member)
		}
	}
	if props.String("displayName") == "" {
		return validation("name", "name (display name) should not be empty")
	}
	settleType(old, props)
	return nil
}

// settleType takes apiType for type on create; afterwards the type stays as it was.
func settleType(old *arm.Resource, props *jsondoc.Object) {
	kind := props.String("apiType")
	if kind == "" {
		kind = props.String("type")
	}
	if old != nil {
		kind = old.Props().String("type")
	}
	props.Delete("apiType")
	if props.Delete("type"); kind != "" && !strings.EqualFold(kind, "http") {
		props.Set("type", strings.ToLower(kind))
	}
}

func showAPI(_ *arm.Op, _ *arm.Resource, out *jsondoc.Object) {
	settings, ok := out.Lookup("properties.authenticationSettings")
	if !ok {
		return
	}
	if o, ok := settings.(*jsondoc.Object); ok && o.Len() == 0 {
		o.Set("oAuth2", nil)
		o.Set("openid", nil)
	}
}

// dropAPI takes along what refers to the API: its links from products and the
// subscriptions to it alone (apim-control-plane.md 2.2).
func dropAPI(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	if err := apiRelation().forget(op, tx, old, typeBeside(old, "products/apis")); err != nil {
		return err
	}
	subscriptions, err := subscriptionsTo(op, tx, old)
	if err != nil {
		return err
	}
	return deleteAll(tx, subscriptions)
}

// typeBeside is the type of another family with the same parent as r: of the service or of a workspace.
func typeBeside(r *arm.Resource, family string) string {
	return r.Type[:strings.LastIndexByte(r.Type, '/')+1] + family
}

func lastPart(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

func operations(more ...*arm.Type) *arm.Type {
	return entity(arm.Type{
		Segment: "operations", Noun: "Operation", Name: arm.NameRule{Max: 80}, Filter: searchable("name displayName method description urlTemplate"),
		Unique: []arm.Unique{{Value: signature, Taken: func(_, _ *arm.Resource) error {
			return validation("urlTemplate", "Operation with the same method and URL template already exists")
		}}},
		Model: arm.NewModel(`
			properties.displayName string required min=1 max=300
			properties.method      string required min=1
			properties.urlTemplate string required min=1 max=1000
			properties.description string max=1000
			properties.policies    string
			properties.request     any
			properties.responses   array(any) default=[]
			properties.templateParameters array(any) default=[]
		`),
		Hooks: arm.Hooks{Check: checkOperation},
		Do:    map[arm.Verb]arm.Handler{arm.List: listMarked},
		Holds: append(more, policies()),
	})
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
