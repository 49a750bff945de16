package feed

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/store"
)

// Follower is told of every service and of what changes. A call with an Update that is Whole brings a service
// that it did not know; one that is Gone takes a service away, and c is nil. It is called within the commit that
// made the change, before the writer is answered, so it has to be quick, and must not write to the store. The
// Config is the feed's: nothing of it but its entities may be kept.
type Follower func(c *config.Config, u *config.Update)

// Followers are told in the order in which they came: who looks at what another one makes follows after it.
type Followers struct{ list []*Follower }

// Add adds a follower; what it returns is for Remove.
func (l *Followers) Add(fn Follower) *Follower {
	l.list = append(l.list, &fn)
	return &fn
}

// Remove takes a follower away.
func (l *Followers) Remove(fn *Follower) {
	l.list = slices.DeleteFunc(slices.Clone(l.list), func(each *Follower) bool { return each == fn })
}

// Tell tells all of them.
func (l *Followers) Tell(c *config.Config, u *config.Update) {
	for _, fn := range l.list {
		(*fn)(c, u)
	}
}

// Feed holds the configuration of every service of a store. It is safe for concurrent use.
type Feed struct {
	store *store.Store
	log   *slog.Logger

	mu        sync.Mutex // held to read and change what follows, also while followers are told
	services  map[gatehouse.Scope]*config.Config
	gateways  map[gatehouse.Scope][]connection // of workspace gateways, by the gateway
	followers Followers
	seq       int64
	bell      chan struct{} // closed and replaced when there are updates
}

// New reads all services of a store, and follows it from then on. Make it before serving.
func New(ctx context.Context, s *store.Store, log *slog.Logger) (*Feed, error) {
	if log == nil {
		log = slog.Default()
	}
	f := &Feed{store: s, log: log, services: map[gatehouse.Scope]*config.Config{}, gateways: map[gatehouse.Scope][]connection{},
		bell: make(chan struct{})}
	// Commits made while loading wait for the lock and are taken in afterwards, again if need be.
	f.mu.Lock()
	defer f.mu.Unlock()
	s.OnCommit(f.follow)
	var err error
	if f.seq, _, err = s.Last(ctx, time.Time{}); err != nil {
		return nil, err
	}
	updates, err := f.load(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range updates {
		id, err := gatehouse.ParseScope(u.Service)
		if err != nil {
			return nil, err
		}
		f.services[id] = config.New(u)
	}
	return f, nil
}

// Follow tells fn of all services now, and of what changes from then on, until stop.
func (f *Feed) Follow(fn Follower) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.services {
		fn(c, c.Update())
	}
	one := f.followers.Add(fn)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.followers.Remove(one)
	}
}

// View shows the configuration of a service, nil when there is none, while nothing changes it. Nothing of it
// but its entities may be kept.
func (f *Feed) View(service gatehouse.Scope, see func(*config.Config)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	see(f.services[service])
}

// Named is the scope of the service with a name; names are unique in an installation.
func (f *Feed) Named(name string) (gatehouse.Scope, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for scope, c := range f.services {
		if c.Service != nil && gatehouse.EqualFold(c.Service.ServiceName(), name) {
			return scope, true
		}
	}
	return gatehouse.Scope{}, false
}

// Seq is the number of the last change that counts.
func (f *Feed) Seq() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seq
}

// Changed is closed at the next update of any service.
func (f *Feed) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.bell
}

// load reads the store once: an update that is whole per service.
func (f *Feed) load(ctx context.Context) (map[gatehouse.Scope]*config.Update, error) {
	all := map[gatehouse.Scope]*config.Update{}
	for d, err := range f.store.All(ctx, store.Query{Type: serviceType}) {
		if err != nil {
			return nil, err
		}
		u := &config.Update{Service: d.ID.String(), Revision: f.seq, Whole: true}
		all[d.Key()] = u
		s := f.service(d.ID, d)
		if s == nil {
			s = unserved(d.ID)
		}
		u.Put = append(u.Put, s)
	}
	if len(all) == 0 {
		return all, nil
	}
	for i := range kinds {
		for _, typ := range kinds[i].types() {
			if err := f.loadType(ctx, &kinds[i], typ, all); err != nil {
				return nil, err
			}
		}
	}
	return all, f.loadGateways(ctx, all)
}

func (f *Feed) loadType(ctx context.Context, k *kind, typ string, all map[gatehouse.Scope]*config.Update) error {
	for d, err := range f.store.All(ctx, store.Query{Type: typ}) {
		if err != nil {
			return err
		}
		one, ok := documentOf(d)
		if !ok {
			continue
		}
		if u := all[one.service.Scope()]; u != nil {
			if e := f.entity(k, one); e != nil {
				u.Put = append(u.Put, e)
			}
		}
	}
	return nil
}

// entity reads a document; nil, and a line in the log, when that cannot be done.
func (f *Feed) entity(k *kind, d *document) config.Entity {
	e, err := k.entity(d)
	if err != nil {
		f.log.Error("a gateway gets no part of the configuration that cannot be read", "service", d.service.String(), "entity", d.relative, "error", err)
	}
	return e
}

// unserved stands for a service that cannot be read.
func unserved(id gatehouse.ID) *config.Service {
	s := &config.Service{Resource: id.String(), Disabled: true}
	s.SetID("")
	return s
}

// service reads the document of a service, nil when that cannot be done.
func (f *Feed) service(id gatehouse.ID, d *store.Document) *config.Service {
	s, err := readService(&document{service: id, body: d.Body, secret: d.Secret})
	if err != nil {
		f.log.Error("a service cannot be read and is not served", "service", id.String(), "error", err)
		return nil
	}
	return s
}
