package apim

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const (
	gatewayType    = Namespace + "/gateways"
	connectionType = gatewayType + "/configConnections"
	workspaceType  = serviceType + "/workspaces"
)

// mostConnections is how many workspaces a gateway serves (apim-control-plane.md 2.1).
const mostConnections = 30

// gatewayCapacity is how far each kind of workspace gateway scales (the example of gateways/skus in the specification).
var gatewayCapacity = []struct {
	sku     string
	maximum int64
}{{"Standard", 4}, {"WorkspaceGatewayStandard", 4}, {"WorkspaceGatewayPremium", 12}}

// gatewayPattern is that of services; gateways and what is in them have shorter names.
const gatewayPattern = `[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?`

// workspaceGateways are gateways apart from a service, which serve workspaces of one
// (apim-control-plane.md 2.1, 2.7). Their names have to differ in the installation, since hostnames follow from them.
func workspaceGateways() *arm.Type {
	t := published("gateways", `
		location                      string max=90
		sku.name                      enum(Standard|WorkspaceGatewayStandard|WorkspaceGatewayPremium) required
		sku.capacity                  int
		properties.virtualNetworkType enum(None|External|Internal)
	`, arm.Type{
		Noun: "Gateway", Tracked: true, Name: arm.NameRule{Max: 45, Pattern: gatewayPattern},
		Status: arm.Status{Delete: http.StatusAccepted},
		Unique: []arm.Unique{{Value: func(r *arm.Resource) (string, bool) { return r.ID.Name(), true }, Everywhere: true, Taken: gatewayExists}},
		Hooks:  arm.Hooks{Default: defaultWorkspaceGateway, Check: checkWorkspaceGateway, Show: showWorkspaceGateway},
		Holds:  []*arm.Type{configConnections(), hostnameBindings(), gatewaySKUs()},
	})
	t.ETag = true
	return t
}

func gatewayExists(r, _ *arm.Resource) error {
	return refusal(gatehouse.Conflict, "GatewayAlreadyExists", "Gateway already exists: %s", r.ID.Name())
}

func defaultWorkspaceGateway(op *arm.Op, next *arm.Resource) {
	if sku := next.Body.Object("sku"); sku != nil && !sku.Has("capacity") {
		sku.Set("capacity", jsondoc.Number("1"))
	}
	if !next.Props().Has("createdAtUtc") {
		next.Props().Set("createdAtUtc", gatehouse.Timestamp(op.Now))
	}
	if !next.Body.Has("tags") {
		next.Body.Set("tags", object())
	}
}

func checkWorkspaceGateway(_ *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	sku := next.Body.String("sku.name")
	for _, known := range gatewayCapacity {
		n, _ := next.Body.Int("sku.capacity")
		if strings.EqualFold(known.sku, sku) && (n < 1 || n > known.maximum) {
			return validation("sku.capacity", "a gateway of the SKU %s has 1 to %d units; the request asks for %d", known.sku, known.maximum, n)
		}
	}
	if old != nil && !strings.EqualFold(old.Body.String("sku.name"), sku) {
		return validation("sku.name", "the SKU of a gateway cannot be changed; it is %s", old.Body.String("sku.name"))
	}
	return nil
}

func showWorkspaceGateway(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	name, region, props := strings.ToLower(r.ID.Name()), arm.Region(out.String("location")), out.Object("properties")
	out.Set("location", arm.DisplayLocation(region))
	props.Set("provisioningState", "Succeeded")
	props.Set("targetProvisioningState", "")
	props.Set("frontend", object("defaultHostname", name+"."+region+".gateway.azure-api.net"))
	props.Set("configurationApi", object("hostname", name+"."+region+".configuration.gateway.azure-api.net"))
	showTag(r, out)
}

// showTag shows the entity tag in the body, unquoted, as resources outside a service have it.
func showTag(r *arm.Resource, out *jsondoc.Object) {
	out.Set("etag", strings.Trim(arm.Tag(r.Revision), `"`))
}

// configConnections connect a gateway with the workspaces that it serves.
func configConnections() *arm.Type {
	t := published("gateways/configConnections", `
		properties.sourceId string required
	`, arm.Type{
		Noun: "ConfigConnection", Name: arm.NameRule{Max: 30, Pattern: gatewayPattern},
		Status: arm.Status{Delete: http.StatusAccepted},
		Unique: []arm.Unique{{Member: "properties.sourceId", Taken: func(_, other *arm.Resource) error {
			return validation("sourceId", "the connection '%s' of this gateway serves that workspace already", other.ID.Name())
		}}},
		Hooks: arm.Hooks{Default: defaultConnection, Check: checkConnection, Links: connectionLinks, Show: showConfigConnection},
	})
	t.ETag = true
	return t
}

// workspaceID reads the id of a workspace; the specification spells its parent type
// "services" in places, which is taken for what it means.
func workspaceID(text string) (gatehouse.ID, bool) {
	if i := strings.Index(strings.ToLower(text), "/microsoft.apimanagement/services/"); i >= 0 {
		i += len("/Microsoft.ApiManagement/service")
		text = text[:i] + text[i+1:]
	}
	id, err := gatehouse.ParseID(text)
	return id, err == nil && strings.EqualFold(id.Type(), workspaceType)
}

// defaultConnection brings sourceId into one spelling before it is compared with what was stored.
func defaultConnection(op *arm.Op, next *arm.Resource) {
	if id, ok := workspaceID(next.Props().String("sourceId")); ok {
		if d, err := op.Store().Get(op.Context, id.Scope()); err == nil {
			id = d.ID
		}
		next.Props().Set("sourceId", id.String())
	}
}

// connectionLinks wants the right to change the workspace: what a gateway serves it also gets to see.
func connectionLinks(_ *arm.Op, body *jsondoc.Object) ([]arm.LinkedAccess, error) {
	id, ok := workspaceID(body.String("properties.sourceId"))
	if !ok {
		return nil, nil // Check says what is wrong
	}
	return []arm.LinkedAccess{{Action: workspaceType + "/write", ID: id}}, nil
}

// checkConnection wants a workspace in the gateway's subscription and region, and at most 30 of them.
func checkConnection(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	id, ok := workspaceID(next.Props().String("sourceId"))
	if !ok {
		return validation("sourceId", "sourceId has to be the resource ID of a workspace of an API Management service")
	}
	if old != nil && !strings.EqualFold(old.Props().String("sourceId"), id.String()) {
		return validation("sourceId", "sourceId cannot be changed once it is set; make another connection")
	}
	if _, err := tx.Get(op.Context, id.Scope()); gatehouse.KindOf(err) == gatehouse.NotFound {
		return validation("sourceId", "the workspace '%s' does not exist; create it first", id)
	} else if err != nil {
		return err
	}
	service, err := op.Load(tx, serviceOf(id))
	if err != nil {
		return err
	}
	gateway, err := op.Load(tx, next.ID.Parent())
	if err != nil {
		return err
	}
	here, _ := gateway.ID.Scope().Subscription()
	if there, _ := id.Scope().Subscription(); here != there || arm.Region(service.Body.String("location")) != arm.Region(gateway.Body.String("location")) {
		return validation("sourceId", "a gateway serves workspaces of its own subscription and region only")
	}
	parent := gateway.ID.Scope()
	if n, err := tx.Count(op.Context, store.Query{Type: connectionType, Parent: &parent}); err != nil || old == nil && n >= mostConnections {
		if err != nil {
			return err
		}
		return refusal(gatehouse.Invalid, "ValidationError", "A gateway serves at most %d workspaces.", mostConnections)
	}
	return nil
}

func showConfigConnection(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	props := out.Object("properties")
	gateway := strings.ToLower(r.ID.Parent().Name())
	sum := sha256.Sum256([]byte(r.ID.Scope().String()))
	host := strings.ToLower(r.ID.Name()) + "-" + hex.EncodeToString(sum[:8]) + "." + gateway + ".gateway"
	if g, err := op.Load(op.Store(), r.ID.Parent()); err == nil {
		host += "." + arm.Region(g.Body.String("location"))
	}
	props.Set("provisioningState", "Succeeded")
	props.Set("defaultHostname", host+".azure-api.net")
	showTag(r, out)
}

// connectionsTo lists what connects gateways with a workspace, or with any workspace of a service.
func connectionsTo(op *arm.Op, r store.Reader, of gatehouse.ID) ([]*arm.Resource, error) {
	sub, _ := of.Scope().Subscription()
	page, err := r.List(op.Context, store.Query{Type: connectionType, Under: &sub})
	if err != nil {
		return nil, err
	}
	var found []*arm.Resource
	for _, d := range page.Documents {
		c, err := arm.FromDocument(d)
		if err != nil {
			return nil, err
		}
		if source, err := gatehouse.ParseScope(c.Props().String("sourceId")); err == nil && of.Scope().Contains(source) {
			found = append(found, c)
		}
	}
	return found, nil
}

// dropConnections takes a workspace that goes out of the gateways that serve it.
func dropConnections(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	connections, err := connectionsTo(op, tx, old.ID)
	if err != nil {
		return err
	}
	for _, c := range connections {
		if _, err := tx.Delete(c.ID.Scope()); err != nil {
			return err
		}
	}
	return nil
}

// hostnameBindings give a gateway hostnames of the customer's; the certificate stays in a
// vault that this server does not read (preview).
func hostnameBindings() *arm.Type {
	return &arm.Type{
		Segment: "hostnameBindings", Shape: "list get put delete", Noun: "HostnameBinding", Name: arm.NameRule{Max: 30, Pattern: gatewayPattern}, ETag: true,
		Status: arm.Status{Delete: http.StatusAccepted},
		Model: arm.NewModel(`
			properties.hostname                  string required min=1 max=253
			properties.keyVault.secretId         string required
			properties.keyVault.identityClientId string
		`),
		Unique: []arm.Unique{{Member: "properties.hostname", Everywhere: true, Taken: func(_, _ *arm.Resource) error {
			return validation("hostname", "the hostname is in use; choose another one")
		}}},
		Hooks: arm.Hooks{Check: checkBinding, Show: func(_ *arm.Op, r *arm.Resource, out *jsondoc.Object) {
			out.Object("properties").Set("provisioningState", "Succeeded")
			showTag(r, out)
		}},
	}
}

// checkBinding wants a hostname that nobody else has.
func checkBinding(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	host := strings.ToLower(next.Props().String("hostname"))
	if old != nil && strings.EqualFold(old.Props().String("hostname"), host) {
		return nil
	}
	taken, err := takenHost(op, tx, next.ID, []string{host})
	if err != nil || taken == "" {
		return err
	}
	return validation("hostname", "the hostname is in use; choose another one")
}

// gatewaySKUs lists what a gateway could be instead.
func gatewaySKUs() *arm.Type {
	return published("gateways/skus", "", arm.Type{Shape: arm.View, Do: map[arm.Verb]arm.Handler{arm.List: func(op *arm.Op) (*arm.Answer, error) {
		if err := op.Exists(op.Store(), op.ID); err != nil {
			return nil, err
		}
		var all []jsondoc.Value
		for _, known := range gatewayCapacity[1:] {
			all = append(all, object("resourceType", gatewayType, "sku", object("name", known.sku), "capacity", capacity(1, known.maximum, "Manual")))
		}
		return arm.ListOf(all), nil
	}}})
}

// capacity is how a SKU scales, from its default up.
func capacity(least, most int64, scale string) *jsondoc.Object {
	return object("minimum", whole(least), "maximum", whole(most), "default", whole(least), "scaleType", scale)
}

// workspaceLinks tell which gateways serve which workspace of a service.
func workspaceLinks() *arm.Type {
	return &arm.Type{
		Segment: "workspaceLinks", Shape: "list get", Noun: "WorkspaceLink", Name: arm.NameRule{Max: 80},
		Do: map[arm.Verb]arm.Handler{arm.List: listWorkspaceLinks, arm.Get: getWorkspaceLink},
	}
}

// linksOf makes one link for each workspace of a service that some gateway serves.
func linksOf(op *arm.Op, service gatehouse.ID) ([]*arm.Resource, error) {
	if err := op.Exists(op.Store(), service); err != nil {
		return nil, err
	}
	connections, err := connectionsTo(op, op.Store(), service)
	if err != nil {
		return nil, err
	}
	var links []*arm.Resource
	by := map[gatehouse.Scope]*arm.Resource{}
	for _, c := range connections {
		workspace, err := gatehouse.ParseID(c.Props().String("sourceId"))
		if err != nil {
			return nil, err
		}
		link := by[workspace.Scope()]
		if link == nil {
			link = &arm.Resource{ID: serviceOf(workspace).Child("workspaceLinks", workspace.Name()), Type: serviceType + "/workspaceLinks",
				Body: object("properties", object("workspaceId", workspace.String(), "gateways", []jsondoc.Value{}))}
			by[workspace.Scope()] = link
			links = append(links, link)
		}
		link.Revision = max(link.Revision, c.Revision)
		link.Props().Set("gateways", append(link.Props().Array("gateways"), object("id", c.ID.Parent().String())))
	}
	return links, nil
}

func showLink(r *arm.Resource) *jsondoc.Object {
	out := object("id", r.ID.String(), "name", r.ID.Name(), "type", r.Type)
	showTag(r, out)
	out.Set("properties", r.Props().Clone())
	return out
}

func listWorkspaceLinks(op *arm.Op) (*arm.Answer, error) {
	links, err := linksOf(op, op.ID)
	if err != nil {
		return nil, err
	}
	return op.PageOf(links, showLink)
}

func getWorkspaceLink(op *arm.Op) (*arm.Answer, error) {
	links, err := linksOf(op, op.ID.Parent())
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		if link.ID.Scope() == op.ID.Scope() {
			return arm.OK(showLink(link)), nil
		}
	}
	return nil, notFound("WorkspaceLink")
}

// aiGateways is the list of a family in preview that this server has no members of.
func aiGateways(*arm.Op) (*arm.Answer, error) { return arm.ListOf(nil), nil }

func whole(n int64) jsondoc.Number { return jsondoc.Number(strconv.FormatInt(n, 10)) }
