package foreign

import (
	"context"
	"sync"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/store"
)

// links are all federated identity credentials, by issuer and subject. They are read anew after each commit that concerns
// one, when somebody asks.
type links struct {
	store *store.Store
	mu    sync.Mutex
	turn  int64 // of commits that concern them
	read  int64 // the turn that known is of
	known map[subject][]link
}

type subject struct{ issuer, subject string }

// link is one credential.
type link struct {
	app       gatehouse.GUID // application (client) ID of its holder
	identity  gatehouse.ID   // or the holder's resource ID, when it is a managed identity
	audiences []string
}

func (l *links) follow(changes []gatehouse.Change) {
	for i := range changes {
		switch changes[i].Type {
		case directory.FederatedType, directory.IdentityFederatedType, directory.ApplicationType:
			l.mu.Lock()
			l.turn++
			l.mu.Unlock()
			return
		}
	}
}

// of lists the credentials of an issuer and subject, as they are now.
func (l *links) of(ctx context.Context, issuer, who string) ([]link, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.known == nil || l.read != l.turn {
		turn := l.turn
		l.mu.Unlock() // commits tell of themselves while they hold up others
		known, err := load(ctx, l.store)
		l.mu.Lock()
		if err != nil {
			return nil, err
		}
		l.known, l.read = known, turn
	}
	return l.known[subject{issuer, who}], nil
}

func load(ctx context.Context, s *store.Store) (map[subject][]link, error) {
	all := map[subject][]link{}
	apps := map[gatehouse.ID]gatehouse.GUID{}
	for _, kind := range []string{directory.FederatedType, directory.IdentityFederatedType} {
		for d, err := range s.All(ctx, store.Query{Type: kind}) {
			if err != nil {
				return nil, err
			}
			f, err := directory.ParseFederated(d)
			if err != nil || f.Issuer == "" || f.Subject == "" {
				continue // nobody is let in by it
			}
			one := link{audiences: f.Audiences}
			if kind == directory.IdentityFederatedType {
				one.identity = d.ID.Parent()
			} else if one.app, err = appOf(ctx, s, d.ID.Parent(), apps); err != nil {
				return nil, err
			}
			at := subject{f.Issuer, f.Subject}
			all[at] = append(all[at], one)
		}
	}
	return all, nil
}

// appOf is the client ID of an application; zero when it is gone.
func appOf(ctx context.Context, s *store.Store, id gatehouse.ID, known map[gatehouse.ID]gatehouse.GUID) (gatehouse.GUID, error) {
	if app, ok := known[id]; ok {
		return app, nil
	}
	var app gatehouse.GUID
	d, err := s.Get(ctx, id.Scope())
	if err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return app, err
	}
	if err == nil {
		if a, err := directory.ParseApplication(d); err == nil {
			app = a.AppID
		}
	}
	known[id] = app
	return app, nil
}
