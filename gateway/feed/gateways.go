package feed

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// Workspace gateways stand beside services, and their connections name workspaces. What follows
// from a gateway, its connections and host names together is made anew whenever one of them changes.

const (
	gatewayType    = namespace + "/gateways"
	connectionType = gatewayType + "/configConnections"
	bindingType    = gatewayType + "/hostnameBindings"
)

// connection is what became of a connection.
type connection struct {
	service gatehouse.ID
	entity  *config.WorkspaceGateway
}

func isGatewayType(folded string) bool {
	return folded == gatehouse.Fold(gatewayType) || folded == gatehouse.Fold(connectionType) || folded == gatehouse.Fold(bindingType)
}

// gatewayOf is the gateway at or above id.
func gatewayOf(id gatehouse.ID) gatehouse.Scope {
	if !strings.EqualFold(id.Type(), gatewayType) {
		id = id.Parent()
	}
	return id.Scope()
}

func (f *Feed) loadGateways(ctx context.Context, all map[gatehouse.Scope]*config.Update) error {
	for d, err := range f.store.All(ctx, store.Query{Type: gatewayType}) {
		if err != nil {
			return err
		}
		connections, err := f.connections(ctx, d)
		if err != nil {
			return err
		}
		f.gateways[d.Key()] = connections
		for _, c := range connections {
			if u := all[c.service.Scope()]; u != nil {
				u.Put = append(u.Put, c.entity)
			}
		}
	}
	return nil
}

// connections reads what a workspace gateway serves.
func (f *Feed) connections(ctx context.Context, gateway *store.Document) ([]connection, error) {
	var doc struct {
		Location string `json:"location"`
	}
	if err := json.Unmarshal(gateway.Body, &doc); err != nil {
		return nil, err
	}
	region := regionOf(doc.Location)
	name, scope := strings.ToLower(gateway.ID.Name()), gateway.Key()
	shared := []string{name + "." + region + ".gateway.azure-api.net"}
	bindings, err := f.store.List(ctx, store.Query{Type: bindingType, Parent: &scope})
	if err != nil {
		return nil, err
	}
	for _, d := range bindings.Documents {
		var b struct {
			Host string `json:"hostname"`
		}
		one := document{body: d.Body}
		if err := one.properties(&b); err == nil && b.Host != "" {
			shared = append(shared, strings.ToLower(b.Host))
		}
	}
	page, err := f.store.List(ctx, store.Query{Type: connectionType, Parent: &scope})
	if err != nil {
		return nil, err
	}
	var all []connection
	for _, d := range page.Documents {
		if c, ok := connected(gateway.ID, d, region, shared); ok {
			all = append(all, c)
		}
	}
	return all, nil
}

// regionOf is the short name of a location: westeurope.
func regionOf(location string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, location)
}

// connected reads a connection. Its host is the one that the management side shows.
func connected(gateway gatehouse.ID, d *store.Document, region string, shared []string) (connection, bool) {
	var doc struct {
		Source string `json:"sourceId"`
	}
	one := document{body: d.Body}
	if one.properties(&doc) != nil {
		return connection{}, false
	}
	id, err := gatehouse.ParseID(doc.Source)
	if err != nil {
		return connection{}, false
	}
	service, relative, ok := serviceIn(id)
	if !ok {
		return connection{}, false
	}
	sum, name := sha256.Sum256([]byte(d.Key().String())), strings.ToLower(gateway.Name())
	host := strings.ToLower(d.ID.Name()) + "-" + hex.EncodeToString(sum[:8]) + "." + name + ".gateway." + region + ".azure-api.net"
	e := &config.WorkspaceGateway{Gateway: gateway.String(), Hosts: []string{host}, Shared: shared, Workspace: config.KeyOf(relative)}
	e.SetID("/workspaceGateways/" + gateway.Name() + "~" + d.ID.Name())
	return connection{service: service, entity: e}, true
}

// reconnect reads a workspace gateway anew.
func (c *commit) reconnect(gateway gatehouse.Scope) {
	for _, before := range c.f.gateways[gateway] {
		c.of(before.service).put[before.entity.Key()] = nil
	}
	delete(c.f.gateways, gateway)
	ctx := context.Background()
	d, err := c.f.store.Get(ctx, gateway)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return
	}
	var all []connection
	if err == nil {
		all, err = c.f.connections(ctx, d)
	}
	if err != nil {
		c.f.log.Error("a workspace gateway that cannot be read serves nothing", "gateway", gateway.String(), "error", err)
		return
	}
	c.f.gateways[gateway] = all
	for _, now := range all {
		c.of(now.service).put[now.entity.Key()] = now.entity
	}
}
