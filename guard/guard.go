package guard

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/rbac"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Guard holds the live Snapshot. It is safe for concurrent use; questions take no lock.
type Guard struct {
	opt  Options
	view atomic.Pointer[view]

	mu    sync.Mutex // held to change what follows
	model *model
	seq   int64 // the last change that was taken in
}

// Options adjust a Guard. The zero value is usable.
type Options struct {
	Clock  func() time.Time // time.Now when nil
	Logger *slog.Logger     // slog.Default() when nil
}

// view is one moment, as questions see it.
type view struct {
	snapshot   *rbac.Snapshot
	attributes map[gatehouse.GUID]map[string]any
	admins     map[gatehouse.GUID]int
	apps       map[gatehouse.GUID]gatehouse.GUID
	signers    map[gatehouse.GUID]gatehouse.GUID
	denies     map[denyKey]denial
	placed     map[gatehouse.Scope]gatehouse.Scope
	root       gatehouse.Scope
}

// New reads all documents that bear on access, and follows the store from then on.
// Make it before serving.
func New(ctx context.Context, s *store.Store) (*Guard, error) {
	return Options{}.New(ctx, s)
}

// New is the package's New with options.
func (o Options) New(ctx context.Context, s *store.Store) (*Guard, error) {
	g := &Guard{opt: o.filled(), model: newModel()}
	// Commits made while loading wait for the lock and are applied afterwards, again if need be.
	g.mu.Lock()
	defer g.mu.Unlock()
	s.OnCommit(g.follow)
	var err error
	if g.seq, _, err = s.Last(ctx, time.Time{}); err != nil {
		return nil, err
	}
	w := builtinWorld()
	g.model.world = w
	for _, k := range kinds {
		if err := g.load(ctx, s, k); err != nil {
			return nil, err
		}
	}
	g.model.world = nil
	g.publish(rbac.New(*w))
	return g, nil
}

func (o Options) filled() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// builtinWorld is what holds before anything was written.
func builtinWorld() *rbac.World {
	w := &rbac.World{
		Roles:   slices.Concat(builtin.Roles(), builtin.DirectoryRoles()),
		Parents: map[gatehouse.Scope]gatehouse.Scope{},
	}
	for _, op := range builtin.Operations() {
		w.Actions = append(w.Actions, op.Name)
	}
	return w
}

func (g *Guard) load(ctx context.Context, s *store.Store, k kind) error {
	return eachDocument(ctx, s, k.typ, func(d *store.Document) { g.put(k, d.ID, d.Body) })
}

func (g *Guard) put(k kind, id gatehouse.ID, body []byte) {
	if problem := g.model.put(k, id, body); problem != "" {
		g.opt.Logger.Error("guard: unreadable document", "problem", problem)
	}
}

// follow takes in the changes of one commit, all at once.
func (g *Guard) follow(changes []gatehouse.Change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	bears := false
	for i := range changes {
		c := &changes[i]
		g.seq = max(g.seq, c.Seq)
		if c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete {
			continue
		}
		k, ok := kindOf(c.Type)
		if !ok {
			continue
		}
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil {
			continue // no document has such a key
		}
		bears = true
		if c.Kind == gatehouse.Delete {
			g.model.drop(k, id)
		} else {
			g.put(k, id, c.After)
		}
	}
	if bears {
		g.publish(g.view.Load().snapshot.Apply(g.model.updates...))
		clear(g.model.updates)
		g.model.updates = g.model.updates[:0]
	}
}

func (g *Guard) publish(s *rbac.Snapshot) {
	m := g.model
	g.view.Store(&view{
		snapshot: s, attributes: m.attributes.lend(), admins: m.admins.lend(), apps: m.apps.lend(), signers: m.signers.lend(),
		denies: m.denies.lend(), placed: m.placed.lend(), root: m.tree.root,
	})
}

// Snapshot returns the access of this moment. It holds the directory's roles and
// grants too: they are the ones at or below directory.Root.
func (g *Guard) Snapshot() *rbac.Snapshot { return g.view.Load().snapshot }

// SnapshotFor is Snapshot for questions about one scope: what AuthorizeAt asks there.
func (g *Guard) SnapshotFor(scope gatehouse.Scope) *rbac.Snapshot { return g.view.Load().at(scope) }

// Seq returns the number of the last change that counts. It follows that of the store at once.
func (g *Guard) Seq() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seq
}

// RootGroup returns the scope of the tenant root management group; the zero Scope
// while the store holds no tenant document.
func (g *Guard) RootGroup() gatehouse.Scope { return g.view.Load().root }

// Problems names the documents that do not count as they were meant, and what the
// engine finds wrong with the others.
func (g *Guard) Problems() []rbac.Problem {
	g.mu.Lock()
	var out []rbac.Problem
	for scope, message := range g.model.problems {
		out = append(out, rbac.Problem{Scope: scope, Message: message})
	}
	g.mu.Unlock()
	slices.SortFunc(out, func(a, b rbac.Problem) int { return compareScopes(a.Scope, b.Scope) })
	return append(out, g.Snapshot().Problems()...)
}
