package gateway

import (
	"testing"

	"gatehouse/gateway/config"
)

// TestWorkspaceGateways: a workspace gateway serves its workspaces and nothing else of the service.
func TestWorkspaceGateways(t *testing.T) {
	target := echo(t)
	inWorkspace := func(space string) []config.Entity {
		at := "/workspaces/" + space
		return []config.Entity{
			entity(at, &config.Workspace{DisplayName: space}),
			entity(at+"/apis/a", &config.API{DisplayName: space, Path: space, ServiceURL: target, Protocols: []string{"http"}, Revision: "1", Current: true}),
			entity(at+"/apis/a/operations/get", &config.Operation{Method: "GET", URLTemplate: "/"}),
		}
	}
	s := newSite(t, append(inWorkspace("one"), inWorkspace("two")...)...)
	s.put(newAPI("shop", "shop", target, nil), newOperation("shop", "get", "GET", "/"))
	gateway := func(name, host, space string) *config.WorkspaceGateway {
		return entity("/workspaceGateways/side~"+name, &config.WorkspaceGateway{Gateway: "/side", Hosts: []string{host}, Shared: []string{"side.test"}, Workspace: config.Key("/workspaces/" + space)})
	}
	s.put(gateway("c1", "one.test", "one"))
	s.want("GET /one", 200, "", "Host", "one.test")
	s.want("GET /two", 404, "", "Host", "one.test")
	s.want("GET /shop", 404, "", "Host", "one.test")
	s.want("GET /shop", 200, "", "Host", "contoso.azure-api.net")
	s.want("GET /two", 404, "", "Host", "side.test")
	s.put(gateway("c2", "two.test", "two"))
	s.want("GET /two", 200, "", "Host", "side.test")
	s.want("GET /one", 200, "", "Host", "side.test")
	s.want("GET /shop", 404, "", "Host", "side.test")
	s.remove("/workspacegateways/side~c1")
	s.want("GET /one", 404, "", "Host", "side.test")
	s.want("GET /two", 200, "", "Host", "two.test")
}
