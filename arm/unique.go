package arm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	// Value computes the value where it is not what the body holds; ok false reserves nothing.
	Value func(r *Resource) (value string, ok bool)
	// Everywhere makes the value unique in the installation, not only among siblings.
	Everywhere bool
	// Group tells who may share after all: resources of the same group, which is not "".
	Group func(r *Resource) string
	// Shared makes the value one that any number may have: it is kept so that Op.Sharing
	// finds them.
	Shared bool
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
	by      map[string]crowd
}

// crowd is who has or is getting one value: nearly always one, and few are kept as a
// list. Many may share a value, and one of them has to be found quickly.
type crowd struct {
	few  []holder
	many map[gatehouse.Scope]holder
}

const fewHolders = 16

func (c *crowd) change(key gatehouse.Scope, f func(h *holder)) {
	if c.many != nil {
		h, ok := c.many[key]
		if !ok {
			h = holder{key: key}
		}
		if f(&h); h.gone() {
			delete(c.many, key)
		} else {
			c.many[key] = h
		}
		return
	}
	i := slices.IndexFunc(c.few, func(h holder) bool { return h.key == key })
	if i < 0 {
		i, c.few = len(c.few), append(c.few, holder{key: key})
	}
	if f(&c.few[i]); c.few[i].gone() {
		c.few = slices.Delete(c.few, i, i+1)
	}
	if len(c.few) > fewHolders {
		c.many = map[gatehouse.Scope]holder{}
		for _, h := range c.few {
			c.many[h.key] = h
		}
		c.few = nil
	}
}

func (c *crowd) all() []holder {
	if c.many != nil {
		return slices.Collect(maps.Values(c.many))
	}
	return slices.Clone(c.few)
}

func (c *crowd) empty() bool { return len(c.few) == 0 && len(c.many) == 0 }

// holder is a resource that was committed with a value, or that writers are giving it.
type holder struct {
	key       gatehouse.Scope
	committed bool
	taking    int
}

// gone reports whether a holder neither has the value nor is getting it.
func (h *holder) gone() bool { return !h.committed && h.taking == 0 }

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
	who := in.by[value]
	if who.change(key, f); who.empty() {
		delete(in.by, value)
		return
	}
	in.by[value] = who
}

func stored(h *holder)   { h.committed = true }
func unstored(h *holder) { h.committed = false }
func taking(h *holder)   { h.taking++ }
func settled(h *holder)  { h.taking-- }

// of returns who may have a value.
func (u *uniques) of(in *holders, value string) []holder {
	u.mu.Lock()
	defer u.mu.Unlock()
	who := in.by[value]
	return who.all()
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
		h = &holders{by: map[string]crowd{}}
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
	rooms := d.Type.rooms(id)
	for _, r := range rooms {
		if s.uniques.known(r) == nil {
			if _, err := s.store.Get(ctx, id.Parent().Scope()); err != nil {
				return nil // the write itself will say what is wrong
			}
		}
	}
	return s.loadRooms(ctx, rooms, d.Name)
}

// loadRoom returns a room with all that is stored in it; what is not committed yet is
// a claim of its own writer. It reads the store once.
func (s *Server) loadRoom(ctx context.Context, r room, typeName string) (*holders, error) {
	if err := s.loadRooms(ctx, []room{r}, typeName); err != nil {
		return nil, err
	}
	return s.uniques.open(r), nil
}

// loadRooms fills the rooms of a type that nobody has read yet, those among the same
// siblings in one reading.
func (s *Server) loadRooms(ctx context.Context, rooms []room, typeName string) error {
	together := map[gatehouse.Scope][]room{}
	for _, r := range rooms {
		h := s.uniques.open(r)
		h.reading.Lock() // in order of declaration, so nobody waits in a circle
		defer h.reading.Unlock()
		if !h.loaded {
			together[r.in] = append(together[r.in], r)
		}
	}
	for in, unread := range together {
		if err := s.readRooms(ctx, in, unread, typeName); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) readRooms(ctx context.Context, in gatehouse.Scope, rooms []room, typeName string) error {
	q := store.Query{Type: typeName}
	if !rooms[0].unique.Everywhere {
		q.Parent = &in
	}
	for d, err := range s.store.All(ctx, q) {
		if err != nil {
			return err
		}
		body, err := jsondoc.ParseObjectWith(d.Body, asStored)
		if err != nil {
			continue // it cannot be read, so it has no value
		}
		for _, r := range rooms {
			if v, ok := r.unique.value(&Resource{ID: d.ID, Body: body}); ok {
				s.uniques.change(s.uniques.open(r), v, d.Key(), stored)
			}
		}
	}
	for _, r := range rooms {
		s.uniques.open(r).loaded = true
	}
	return nil
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
		if !wanted.unique.Shared {
			if err := op.free(tx, wanted.unique, in, value, r); err != nil {
				return err
			}
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
	found, err := op.having(r, d, &d.Type.Unique[0], parent, value)
	if len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// Sharing returns the children of parent that have a value which their type declares as
// Shared, by the name of its Member. It costs what there is to find.
func (op *Op) Sharing(r store.Reader, typeName string, parent gatehouse.ID, member, value string) ([]*Resource, error) {
	d := op.Server.TypeOf(typeName)
	if d == nil {
		return nil, nil
	}
	i := slices.IndexFunc(d.Type.Unique, func(u Unique) bool { return u.Shared && u.Member == member })
	if i < 0 {
		return nil, fmt.Errorf("%s is not found by %s", typeName, member)
	}
	return op.having(r, d, &d.Type.Unique[i], parent, value)
}

// having asks the reader about everybody who may have a value, in order of keys.
func (op *Op) having(r store.Reader, d *Declared, u *Unique, parent gatehouse.ID, value string) (found []*Resource, err error) {
	in, err := op.Server.loadRoom(op.Context, room{unique: u, in: parent.Scope()}, d.Name)
	if err != nil {
		return nil, err
	}
	who := op.Server.uniques.of(in, fold(value))
	slices.SortFunc(who, func(a, b holder) int { return strings.Compare(a.key.String(), b.key.String()) })
	for _, h := range who {
		resource, err := op.Load(r, gatehouse.ID(h.key))
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		if has, ok := u.value(resource); ok && has == fold(value) {
			found = append(found, resource)
		}
	}
	return found, nil
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
