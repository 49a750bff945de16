package arm

import (
	"context"
	"slices"
	"sync"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Unique declares a value that no two resources of a type may share: among
// siblings, or in the whole installation. It is checked in the transaction of the
// write, at a cost that does not grow with the number of resources.
//
// An index in memory says who may have a value, and the transaction decides: what
// is read there has the value or has not. So the index may know too much, never too
// little, and writers that share a commit cannot both take a value.
type Unique struct {
	// Member is the path of the value, such as properties.displayName. It compares
	// without case; a resource that lacks it reserves nothing.
	Member string
	// Value computes the value where it is no member of the body; ok false reserves nothing.
	Value func(r *Resource) (value string, ok bool)
	// Everywhere makes the value unique in the installation, not only among siblings.
	Everywhere bool
	// Group tells who may share after all: resources of the same group, which is not "".
	Group func(r *Resource) string
	// Taken words the refusal; nil answers 409 Conflict.
	Taken func(r, other *Resource) error
}

func (u *Unique) value(r *Resource) (string, bool) {
	if u.Value != nil {
		v, ok := u.Value(r)
		return fold(v), ok
	}
	v, _ := r.Body.Lookup(u.Member)
	s, ok := v.(string)
	return fold(s), ok
}

func (u *Unique) shared(a, b *Resource) bool {
	if u.Group == nil {
		return false
	}
	group := u.Group(a)
	return group != "" && fold(group) == fold(u.Group(b))
}

func (u *Unique) taken(r, other *Resource) error {
	if u.Taken != nil {
		return u.Taken(r, other)
	}
	v, _ := u.value(r)
	return gatehouse.Errorf(gatehouse.Conflict, "Conflict", "The value '%s' is already used by '%s'; choose another one.", clip(v), other.ID.Name()).At(u.Member)
}

// room is where values have to differ: one declaration among one set of siblings,
// or everywhere, when in is the root.
type room struct {
	unique *Unique
	in     gatehouse.Scope
}

// holders lists who has or is taking each value of a room.
type holders struct {
	reading sync.Mutex // held by whoever reads the room from the store
	loaded  bool
	by      map[string][]holder // nearly always one
}

// holder is a resource that was committed with a value, or that writers are giving it.
type holder struct {
	key       gatehouse.Scope
	committed bool
	taking    int
}

// uniques is the index of a Server. Rooms are read from the store when somebody
// first writes there, follow its commits from before that reading, and are forgotten
// with the resource that holds them.
type uniques struct {
	mu    sync.Mutex
	rooms map[room]*holders
}

// change finds or makes who holds a value and lets f change that; one that neither
// has the value nor is getting it goes.
func (u *uniques) change(in *holders, value string, key gatehouse.Scope, f func(h *holder)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := in.by[value]
	i := slices.IndexFunc(all, func(h holder) bool { return h.key == key })
	if i < 0 {
		i, all = len(all), append(all, holder{key: key})
	}
	if f(&all[i]); !all[i].committed && all[i].taking == 0 {
		all = slices.Delete(all, i, i+1)
	}
	if len(all) == 0 {
		delete(in.by, value)
		return
	}
	in.by[value] = all
}

func stored(h *holder)   { h.committed = true }
func unstored(h *holder) { h.committed = false }
func taking(h *holder)   { h.taking++ }
func settled(h *holder)  { h.taking-- }

// of returns who may have a value.
func (u *uniques) of(in *holders, value string) []holder {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(in.by[value])
}

// known returns a room that somebody has opened, nil for another.
func (u *uniques) known(r room) *holders {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.rooms[r]
}

// open makes a room follow the store from now on.
func (u *uniques) open(r room) *holders {
	u.mu.Lock()
	defer u.mu.Unlock()
	h := u.rooms[r]
	if h == nil {
		h = &holders{by: map[string][]holder{}}
		u.rooms[r] = h
	}
	return h
}

// forget closes the rooms among the children of a resource that was deleted. Whoever
// still holds one settles there; the next one is read from the store again.
func (u *uniques) forget(t *Type, parent gatehouse.Scope) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, child := range t.Holds {
		for i := range child.Unique {
			delete(u.rooms, room{&child.Unique[i], parent})
		}
	}
}

// rooms that a resource's values belong to.
func (t *Type) rooms(id gatehouse.ID) []room {
	all := make([]room, len(t.Unique))
	for i := range t.Unique {
		all[i] = room{unique: &t.Unique[i]}
		if !t.Unique[i].Everywhere {
			all[i].in = id.Parent().Scope()
		}
	}
	return all
}

// warm reads the rooms that a write is going to need before it holds up others. It
// leaves alone what hangs on nothing: such a write is refused.
func (s *Server) warm(ctx context.Context, d *Declared, id gatehouse.ID) error {
	for _, r := range d.Type.rooms(id) {
		if s.uniques.known(r) == nil {
			if _, err := s.store.Get(ctx, id.Parent().Scope()); err != nil {
				return nil // the write itself will say what is wrong
			}
		}
		if _, err := s.loadRoom(ctx, r, d.Name); err != nil {
			return err
		}
	}
	return nil
}

// loadRoom returns a room with all that is stored in it; what is not committed yet is
// a claim of its own writer. It reads the store once.
func (s *Server) loadRoom(ctx context.Context, r room, typeName string) (*holders, error) {
	h := s.uniques.open(r)
	h.reading.Lock()
	defer h.reading.Unlock()
	if h.loaded {
		return h, nil
	}
	q := store.Query{Type: typeName}
	if !r.unique.Everywhere {
		q.Parent = &r.in
	}
	for d, err := range s.store.All(ctx, q) {
		if err != nil {
			return nil, err
		}
		if v, ok := valueIn(r.unique, d.ID, d.Body); ok {
			s.uniques.change(h, v, d.Key(), stored)
		}
	}
	h.loaded = true
	return h, nil
}

// follow keeps the index up to date with the store's commits.
func (s *Server) follow(changes []gatehouse.Change) {
	for i := range changes {
		c := &changes[i]
		if c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete {
			continue
		}
		d := s.TypeOf(c.Type)
		if d == nil {
			continue
		}
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil {
			continue // no document has such an ID
		}
		for _, r := range d.Type.rooms(id) {
			s.uniques.follow(r, id, c)
		}
		if c.Kind == gatehouse.Delete {
			s.uniques.forget(d.Type, id.Scope())
		}
	}
}

func (u *uniques) follow(r room, id gatehouse.ID, c *gatehouse.Change) {
	in := u.known(r)
	if in == nil {
		return
	}
	before, had := valueIn(r.unique, id, c.Before)
	after, has := valueIn(r.unique, id, c.After)
	if had && (!has || before != after) {
		u.change(in, before, id.Scope(), unstored)
	}
	if has {
		u.change(in, after, id.Scope(), stored)
	}
}

func valueIn(u *Unique, id gatehouse.ID, body []byte) (string, bool) {
	if body == nil {
		return "", false
	}
	o, err := jsondoc.ParseObjectWith(body, asStored)
	if err != nil {
		return "", false
	}
	return u.value(&Resource{ID: id, Body: o})
}

// Claim takes the values of r that have to be unique, or refuses with the words of
// the declaration. Op.Save does it by itself. It belongs into the transaction of
// Op.Write, which keeps the values for this operation until its outcome is known.
func (op *Op) Claim(tx *store.Tx, r *Resource) error {
	d := op.Server.TypeOf(r.Type)
	if d == nil {
		return nil
	}
	for _, wanted := range d.Type.rooms(r.ID) {
		value, ok := wanted.unique.value(r)
		if !ok {
			continue
		}
		in, err := op.Server.loadRoom(op.Context, wanted, d.Name)
		if err != nil {
			return err
		}
		if err := op.free(tx, wanted.unique, in, value, r); err != nil {
			return err
		}
		op.Server.uniques.change(in, value, r.ID.Scope(), taking)
		op.claims = append(op.claims, claim{in, value, r.ID.Scope()})
	}
	return nil
}

// Having returns the child of parent that has a value which its type declares to be
// unique there, by the type's first such declaration; nil when none has it.
func (op *Op) Having(r store.Reader, typeName string, parent gatehouse.ID, value string) (*Resource, error) {
	d := op.Server.TypeOf(typeName)
	if d == nil || len(d.Type.Unique) == 0 {
		return nil, nil
	}
	u := &d.Type.Unique[0]
	in, err := op.Server.loadRoom(op.Context, room{unique: u, in: parent.Scope()}, d.Name)
	if err != nil {
		return nil, err
	}
	for _, h := range op.Server.uniques.of(in, fold(value)) {
		found, err := op.Load(r, gatehouse.ID(h.key))
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if has, ok := u.value(found); ok && has == fold(value) {
			return found, nil
		}
	}
	return nil, nil
}

// claim is a value that an operation is giving to a resource.
type claim struct {
	in    *holders
	value string
	key   gatehouse.Scope
}

// free asks the transaction about everybody who may have the value. Those who
// share it do so in one group, so the first one who has it answers for all.
func (op *Op) free(tx *store.Tx, u *Unique, in *holders, value string, r *Resource) error {
	for _, h := range op.Server.uniques.of(in, value) {
		if h.key == r.ID.Scope() {
			continue
		}
		d, err := tx.Get(op.Context, h.key)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue // deleted in this commit, or never written after all
		}
		if err != nil {
			return err
		}
		other, err := FromDocument(d)
		if err != nil {
			return err
		}
		switch has, ok := u.value(other); {
		case !ok || has != value:
		case u.shared(r, other):
			return nil
		default:
			return u.taken(r, other)
		}
	}
	return nil
}

// settleClaims lets go of what this operation was taking: what it got is known from the commit.
func (op *Op) settleClaims() {
	for _, c := range op.claims {
		op.Server.uniques.change(c.in, c.value, c.key, settled)
	}
	op.claims = nil
}

// Save takes the unique values of r and writes it; it takes over its new revision and times.
func (op *Op) Save(tx *store.Tx, r *Resource) error {
	if err := op.Claim(tx, r); err != nil {
		return err
	}
	return Save(tx, r)
}
