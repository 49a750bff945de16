package feed

import (
	"context"
	"maps"
	"slices"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// commit collects what the changes of one commit mean.
type commit struct {
	f        *Feed
	services map[gatehouse.Scope]*service
	gateways map[gatehouse.Scope]bool // workspace gateways that something changed about
}

// service is what one commit means for a service, in whatever order the changes came.
type service struct {
	id    gatehouse.ID
	put   map[config.Key]config.Entity // nil for what was deleted
	whole bool                         // the service was made
	gone  bool                         // the service was deleted
}

// follow takes in the changes of one commit and tells the followers.
func (f *Feed) follow(changes []gatehouse.Change) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &commit{f: f, services: map[gatehouse.Scope]*service{}, gateways: map[gatehouse.Scope]bool{}}
	for i := range changes {
		f.seq = max(f.seq, changes[i].Seq)
		if kind := changes[i].Kind; kind == gatehouse.Write || kind == gatehouse.Delete {
			c.take(&changes[i])
		}
	}
	for gateway := range c.gateways {
		c.reconnect(gateway)
	}
	c.publish()
}

func (c *commit) take(change *gatehouse.Change) {
	typ := gatehouse.Fold(change.Type)
	k, isService, isGateway := kindsByType[typ], typ == gatehouse.Fold(serviceType), isGatewayType(typ)
	if k == nil && !isService && !isGateway {
		return
	}
	id, err := gatehouse.ParseID(change.Resource)
	if err != nil {
		return // no document has such a key
	}
	switch {
	case isGateway:
		c.gateways[gatewayOf(id)] = true
	case isService:
		c.takeService(c.of(id), change)
	default:
		if at, relative, ok := serviceIn(id); ok {
			s, key := c.of(at), config.KeyOf(relative)
			s.put[key] = c.entity(k, s, key, relative, change)
		}
	}
}

// of is what the commit means for a service so far.
func (c *commit) of(id gatehouse.ID) *service {
	s := c.services[id.Scope()]
	if s == nil {
		s = &service{id: id, put: map[config.Key]config.Entity{}}
		c.services[id.Scope()] = s
	}
	return s
}

// takeService takes in that a service was written or deleted. What it holds is in changes of its own.
func (c *commit) takeService(s *service, change *gatehouse.Change) {
	if change.Kind == gatehouse.Delete {
		clear(s.put)
		s.gone, s.whole = true, false
		return
	}
	if c.f.services[s.id.Scope()] == nil || s.gone {
		s.whole, s.gone = true, false
	}
	var read *config.Service
	secret, err := c.secret(change)
	if err != nil {
		c.f.log.Error("the secrets of a service cannot be read; it is not served", "service", s.id.String(), "error", err)
	} else {
		read = c.f.service(s.id, &store.Document{ID: s.id, Body: change.After, Secret: secret})
	}
	if read == nil {
		read = unserved(s.id)
	}
	s.put[""] = read
}

// entity is what became of an entity, nil when there is nothing of it left.
func (c *commit) entity(k *kind, s *service, key config.Key, relative string, change *gatehouse.Change) config.Entity {
	if change.Kind == gatehouse.Delete {
		return nil
	}
	d := &document{service: s.id, relative: relative, body: change.After, created: c.created(s, key, change)}
	if k.secret {
		var err error
		if d.secret, err = c.secret(change); err != nil {
			c.f.log.Error("the secrets of a change cannot be read; what they are of is taken out of the configuration", "entity", change.Resource, "error", err)
			return nil
		}
	}
	return c.f.entity(k, d)
}

// created is when the document of an operation was made, which a change of it does not tell.
func (c *commit) created(s *service, key config.Key, change *gatehouse.Change) config.Time {
	before := s.put[key]
	if before == nil && change.Before != nil {
		if current := c.f.services[s.id.Scope()]; current != nil {
			if o, ok := current.Operations.Get(key); ok {
				before = o
			}
		}
	}
	if o, ok := before.(*config.Operation); ok && change.Before != nil {
		return o.Order
	}
	return config.Time{Time: change.Time.UTC()}
}

// secret are the secrets that a document had after a change.
func (c *commit) secret(change *gatehouse.Change) ([]byte, error) {
	_, after, err := c.f.store.Secrets(context.Background(), change.Seq)
	return after, err
}

// publish brings the configurations up to date and tells the followers, each service once.
func (c *commit) publish() {
	told := false
	for scope, s := range c.services {
		current := c.f.services[scope]
		if current == nil && !s.whole {
			continue // of a service that is not there
		}
		u := s.update(c.f.seq)
		switch {
		case u.Gone:
			delete(c.f.services, scope)
			current = nil
		case u.Whole:
			current = config.New(u)
			c.f.services[scope] = current
		default:
			current.Apply(u)
		}
		c.f.followers.Tell(current, u)
		told = true
	}
	if told {
		close(c.f.bell)
		c.f.bell = make(chan struct{})
	}
}

func (s *service) update(seq int64) *config.Update {
	u := &config.Update{Service: s.id.String(), Revision: seq, Whole: s.whole, Gone: s.gone}
	if s.gone {
		return u
	}
	for _, k := range slices.Sorted(maps.Keys(s.put)) {
		if e := s.put[k]; e != nil {
			u.Put = append(u.Put, e)
		} else if !s.whole {
			u.Delete = append(u.Delete, k)
		}
	}
	return u
}
