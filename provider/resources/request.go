package resources

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/template"
)

// request is what a deployment is asked to do, read from a PUT, validate or whatIf.
type request struct {
	scope    gatehouse.ID // what is deployed to
	mode     string
	location string // of deployments above resource groups
	tags     *jsondoc.Object
	text     *jsondoc.Object // the template; nil for a nested one
	template *template.Template
	params   *jsondoc.Object
	results  string   // whatIfSettings.resultFormat
	secrets  []string // values that must not be shown
}

func readRequest(op *arm.Op) (*request, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	q := &request{scope: op.ID.Parent(), mode: body.String("properties.mode"), location: normalLocation(body.String("location")),
		tags: body.Object("tags"), text: body.Object("properties.template"), results: body.String("properties.whatIfSettings.resultFormat")}
	if q.text == nil {
		return nil, noTemplate(body)
	}
	if body.Object("properties.parametersLink").Len() > 0 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidParametersLink", "Gatehouse does not fetch parameters from a URL. Send them in properties.parameters.").At("properties.parametersLink")
	}
	if q.params, err = readParameters(body); err != nil {
		return nil, err
	}
	if q.template, err = template.Parse(q.text); err != nil {
		return nil, err
	}
	q.secrets = secretValues(q.text, q.params)
	return q, q.check()
}

func noTemplate(body *jsondoc.Object) error {
	if body.Object("properties.templateLink").Len() > 0 {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidTemplateLink",
			"Gatehouse does not fetch templates from a URL or a template spec. Send the template itself in properties.template (az: --template-file).").At("properties.templateLink")
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request content was invalid: properties.template is required and has to be an object.").At("properties.template")
}

// readParameters takes the parameters of a request; a whole parameter file in their place is unwrapped.
func readParameters(body *jsondoc.Object) (*jsondoc.Object, error) {
	params := body.Object("properties.parameters")
	if params == nil {
		return &jsondoc.Object{}, nil
	}
	if inner := params.Object("parameters"); inner != nil && params.Has("contentVersion") {
		params = inner
	}
	for name, v := range params.All() {
		o, ok := v.(*jsondoc.Object)
		if !ok {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The parameter '%s' has to be an object such as {\"value\": …}.", name).At("properties.parameters." + name)
		}
		if o.Has("reference") {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "KeyVaultParameterReferenceNotSupported",
				"The parameter '%s' refers to a key vault, which Gatehouse does not have. Pass its value, in a secureString parameter.", name).At("properties.parameters." + name)
		}
	}
	return params, nil
}

func (q *request) check() error {
	if err := checkTags(q.tags); err != nil {
		return err
	}
	switch gatehouse.Fold(q.mode) {
	case "", "incremental":
		q.mode = "Incremental"
	case "complete":
		q.mode = "Complete"
		if _, inGroup := q.scope.Scope().ResourceGroup(); !inGroup {
			return gatehouse.Errorf(gatehouse.Invalid, "InvalidDeploymentMode", "Complete mode deletes what is not in the template and is possible in resource groups only.").At("properties.mode")
		}
	default:
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidDeploymentMode", "The deployment mode has to be Incremental or Complete; it is '%s'.", q.mode).At("properties.mode")
	}
	if _, inGroup := q.scope.Scope().ResourceGroup(); !inGroup && q.location == "" && q.text != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "LocationRequired", "A deployment to a subscription needs a location.").At("location")
	}
	return nil
}

// secretValues collects the values of secure parameters, so that an error about one does not show it.
func secretValues(text, params *jsondoc.Object) (values []string) {
	for name, v := range text.Object("parameters").All() {
		spec, _ := v.(*jsondoc.Object)
		if kind := gatehouse.Fold(spec.String("type")); kind != "securestring" && kind != "secureobject" {
			continue
		}
		for _, at := range []struct {
			o    *jsondoc.Object
			name string
		}{{params.Object(name), "value"}, {spec, "defaultValue"}} {
			given, _ := at.o.Get(at.name)
			values = append(values, texts(given)...)
		}
	}
	return values
}

func texts(v jsondoc.Value) (all []string) {
	switch v := v.(type) {
	case string:
		if len(v) >= 4 {
			all = append(all, v)
		}
	case *jsondoc.Object:
		for _, inner := range v.All() {
			all = append(all, texts(inner)...)
		}
	case []jsondoc.Value:
		for _, inner := range v {
			all = append(all, texts(inner)...)
		}
	}
	return all
}

// hide replaces secret values in an error and what it is made of.
func hide(err *gatehouse.Error, secrets []string) *gatehouse.Error {
	hidden := *err
	for _, s := range secrets {
		hidden.Message = strings.ReplaceAll(hidden.Message, s, "***")
	}
	hidden.Details = nil
	for _, d := range err.Details {
		hidden.Details = append(hidden.Details, hide(d, secrets))
	}
	return &hidden
}

// templateHash names a template by its content, as a decimal number like Azure's.
func templateHash(text *jsondoc.Object) string {
	sum := sha256.Sum256(jsondoc.Marshal(text))
	return strconv.FormatUint(binary.BigEndian.Uint64(sum[:]), 10)
}

// environment is what template functions can see (template.Env).
func environment(op *arm.Op, q *request) (template.Env, error) {
	e := template.Env{Scope: q.scope, Now: op.Now, Providers: func(namespace, kind string) (jsondoc.Value, bool) { return providersFunction(op, namespace, kind) }}
	tenant := op.Server.TenantID.String()
	t, err := op.Load(op.Store(), guard.TenantID(op.Server.TenantID))
	if err != nil {
		return e, err
	}
	e.Tenant = jsondoc.NewObject("tenantId", tenant, "countryCode", t.Body.String("countryCode"), "displayName", t.Body.String("displayName"))
	e.Deployer = jsondoc.NewObject("objectId", op.Caller.ID.String(), "tenantId", tenant, "userPrincipalName", op.Caller.Name)
	e.Environment = cloud(op.Server.BaseURL)
	for id := q.scope; !id.IsRoot(); id = id.Parent() {
		r, err := op.Load(op.Store(), id)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			return e, missing(id.Type(), id)
		}
		if err != nil {
			return e, err
		}
		if id.Scope() == q.scope.Scope() {
			q.scope, e.Scope = r.ID, r.ID // as it was first written
		}
		switch id.Type() {
		case groupType:
			e.ResourceGroup = op.Show(r)
		case guard.SubscriptionType:
			e.Subscription = jsondoc.NewObject("id", r.ID.String(), "subscriptionId", id.Name(), "tenantId", tenant, "displayName", r.Body.String("displayName"))
		}
	}
	deployment := jsondoc.NewObject("name", op.ID.Name(), "properties",
		jsondoc.NewObject("mode", q.mode, "provisioningState", "Accepted", "parameters", &jsondoc.Object{}))
	if q.text != nil {
		deployment.SetPath("properties.template", q.text)
		deployment.SetPath("properties.templateHash", templateHash(q.text))
	}
	if q.location != "" {
		deployment.Set("location", q.location)
	}
	e.Deployment = deployment
	return e, nil
}

// cloud is what environment() returns: everything is on this server.
func cloud(base string) *jsondoc.Object {
	return jsondoc.NewObject("name", "Gatehouse", "gallery", base, "graph", base, "portal", base, "graphAudience", base, "activeDirectoryDataLake", base, "batch", base, "media", base,
		"sqlManagement", base, "vmImageAliasDoc", base, "resourceManager", base,
		"authentication", jsondoc.NewObject("loginEndpoint", base, "audiences", []string{base, base + "/"}, "tenant", "common", "identityProvider", "AAD"),
		"suffixes", jsondoc.NewObject("acrLoginServer", "", "azureDatalakeAnalyticsCatalogAndJob", "", "azureDatalakeStoreFileSystem", "", "azureFrontDoorEndpointSuffix", "",
			"keyvaultDns", "", "sqlServerHostname", "", "storage", ""))
}

func providersFunction(op *arm.Op, namespace, kind string) (jsondoc.Value, bool) {
	var same []*arm.Provider
	for _, p := range op.Server.Providers() {
		if gatehouse.Fold(p.Namespace) == gatehouse.Fold(namespace) {
			same = append(same, p)
		}
	}
	if same == nil {
		return nil, false
	}
	if kind == "" {
		return jsondoc.NewObject("namespace", same[0].Namespace, "resourceTypes", resourceTypes(op, same)), true
	}
	for _, t := range resourceTypes(op, same) {
		if o := t.(*jsondoc.Object); gatehouse.Fold(o.String("resourceType")) == gatehouse.Fold(kind) {
			return o, true
		}
	}
	return nil, false
}
