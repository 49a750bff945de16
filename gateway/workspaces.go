package gateway

import (
	"slices"

	"gatehouse/gateway/config"
)

// edge is where workspace gateways serve some workspaces of a service, and nothing else of it (gateway.md 1).
type edge struct {
	hosts  []string
	spaces []config.Key
}

// edgesOf are the edges of a service: each connection has hosts of its own, and a gateway some for all that it is connected with.
func edgesOf(c *config.Config) (edges []edge) {
	shared := map[string]int{}
	for w := range c.WorkspaceGateways.All() {
		edges = append(edges, edge{w.Hosts, []config.Key{w.Workspace}})
		for _, host := range w.Shared {
			i, known := shared[host]
			if !known {
				i = len(edges)
				shared[host] = i
				edges = append(edges, edge{hosts: []string{host}})
			}
			edges[i].spaces = append(edges[i].spaces, w.Workspace)
		}
	}
	return edges
}

// edges adds the host names of workspace gateways.
func (h *hosts) edges(p *Plan, edges []edge) {
	for _, e := range edges {
		within := p.within(e.spaces)
		for _, host := range e.hosts {
			h.names[fold(host)] = within
		}
	}
}

// within is the plan with the APIs of some workspaces alone.
func (p *Plan) within(spaces []config.Key) *Plan {
	only := *p
	only.paths = map[string]*group{}
	for path, g := range p.paths {
		members := slices.DeleteFunc(slices.Clone(g.members), func(a *api) bool { return !slices.Contains(spaces, a.base.Workspace()) })
		if len(members) > 0 {
			only.paths[path] = &group{members: members}
		}
	}
	return &only
}
