package gateway

import (
	"sync"

	"gatehouse/gateway/config"
)

// topic is a field of the subscription type of an API.
type topic struct {
	service string // folded
	api     config.Key
	field   string
}

// events hands what resolvers publish to the subscriptions in this process. It is safe for concurrent use.
type events struct {
	mu  sync.RWMutex
	all map[topic]map[*subscription]bool
}

func topicOf(p *Plan, a *api, field string) topic {
	return topic{fold(p.Service.Resource), a.entity.Key(), field}
}

func (e *events) add(s *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = map[topic]map[*subscription]bool{}
	}
	if e.all[s.topic] == nil {
		e.all[s.topic] = map[*subscription]bool{}
	}
	e.all[s.topic][s] = true
}

func (e *events) remove(s *subscription) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if delete(e.all[s.topic], s); len(e.all[s.topic]) == 0 {
		delete(e.all, s.topic)
	}
}

// publisher is pipeline.GraphQLCall.Publish of an API; nil for one with a server behind it. It never waits.
func (e *events) publisher(p *Plan, a *api) func(field string, value any) {
	if a.graphQL.resolvers == nil {
		return nil
	}
	return func(field string, value any) {
		e.mu.RLock()
		defer e.mu.RUnlock()
		for s := range e.all[topicOf(p, a, field)] {
			s.offer(value)
		}
	}
}
