package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/jsondoc"
	"gatehouse/past"
	"gatehouse/store"
	"gatehouse/world"
)

// liveFlags say which running server, or data directory, a command reads its world from.
type liveFlags struct{ server, as, data string }

func (l *liveFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.server, "server", "", "address of a running server, or \"local\" for the one over the data directory")
	f.StringVar(&l.as, "as", "", "whose rights to use at the local server (default: the bootstrap service principal)")
	dataFlag(c, &l.data, serverData)
}

func (l *liveFlags) connect(ctx context.Context) (*caller, error) {
	return newCaller(ctx, l.data, l.server, l.as)
}

// world is the world that the server shows to the caller.
func (c *caller) world(ctx context.Context) (*world.World, error) {
	w, err := world.FromServer(ctx, func(ctx context.Context, path string) (*jsondoc.Object, error) {
		return c.call(ctx, http.MethodGet, path, nil)
	})
	if err == nil {
		w.Now = time.Now().UTC()
	}
	return w, err
}

// storedWorld is the world of a data directory, whether a server runs over it or not.
func storedWorld(ctx context.Context, data string) (w *world.World, err error) {
	err = withStore(ctx, data, func(s *store.Store) error {
		w, err = world.FromStore(ctx, s)
		return err
	})
	if w != nil {
		w.Now = time.Now().UTC()
	}
	return w, err
}

// pastWorld is the world of a data directory as its change log says it was.
func pastWorld(ctx context.Context, data, at string) (w *world.World, err error) {
	err = withStore(ctx, data, func(s *store.Store) error {
		m, err := past.New(s, nil, nil).Parse(ctx, at)
		if err != nil {
			return usage(err)
		}
		if w, err = world.FromStore(ctx, m.Reader); err == nil {
			w.Now = m.Time.UTC()
		}
		return err
	})
	return w, err
}
