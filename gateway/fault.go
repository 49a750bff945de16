package gateway

import "gatehouse/gateway/config"

// Fault says what keeps the policy document of an entity of a service from running, "" for the service itself; nil for nothing, and
// for an entity without one.
func (g *Gateway) Fault(service string, of config.Key) error {
	g.mu.Lock()
	b := g.builders[fold(service)]
	g.mu.Unlock()
	if b == nil {
		return nil
	}
	d := b.documents[of]
	if d == nil {
		return nil
	}
	return d.get().Err
}
