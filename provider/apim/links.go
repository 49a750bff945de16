package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// relation is one that the service shows in two ways, each of which can be written
// (apim-control-plane.md 2.3 and 2.6): as a link, an entity with a name of its own that names its
// target (tags/t/apiLinks/l, products/p/groupLinks/l), and as a short form whose
// last part is the name of the other side (apis/a/tags/t, products/p/groups/g).
//
// Both are documents, written and deleted together, so that each side can be listed and
// paged by itself: the short form holds the name of its link, the link its target. A
// pair has one link. One that nobody named is an upper-case GUID, and gives way to one with a name.
type relation struct {
	member string // of a link: apiId
	family string // what it names: apis, or apis/operations
	// short is where a holder and a target have their short form, holder and target belong to one that is.
	short          func(holder, target gatehouse.ID) gatehouse.ID
	holder, target func(short gatehouse.ID) gatehouse.ID
	links          string // segment of the links: apiLinks
	wide           bool   // a holder in a workspace may be tied to what belongs to the service
}

// linkType is the type of the links, below what holds them. Path is that of the tables.
func (r relation) linkType(path string) *arm.Type {
	return published(path, "properties."+r.member+" string required\n", arm.Type{
		Noun: strings.ToUpper(r.links[:1]) + strings.TrimSuffix(r.links[1:], "s"), Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Put: r.putLink, Delete: r.deleteLink},
	})
}

// shortType completes the type of the short forms. They are shown as what stands at other.
func (r relation) shortType(t *arm.Type, other func(short gatehouse.ID) gatehouse.ID) *arm.Type {
	t.NoBody, t.Model = true, arm.NewModel("")
	t.Hooks.Put = func(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
		return r.putShort(op, tx, old, next, other, t.Noun)
	}
	t.Hooks.Delete = r.deleteShort
	t.Hooks.Behind = func(op *arm.Op, from store.Reader, short *arm.Resource) (*arm.Resource, error) {
		found, err := op.Load(from, other(short.ID))
		return under(short, found), err
	}
	return t
}

// under is what a link leads to as it is shown under the link's own id.
func under(link, found *arm.Resource) *arm.Resource {
	if found == nil {
		return nil
	}
	shown := *found
	shown.ID, shown.Type = link.ID, link.Type
	return &shown
}

func (r relation) putLink(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	if err := reference(op, tx, next.ID, next.Props(), r.member, r.family); err != nil {
		return err
	}
	target, err := gatehouse.ParseID(next.Props().String(r.member))
	if err != nil {
		return err
	}
	holder := next.ID.Parent()
	if strings.EqualFold(lastPart(holder.Type()), "products") {
		target = plainAPI(target) // products hold APIs, whatever their revision (apim-control-plane.md 2.3)
		next.Props().Set(r.member, target.String())
	}
	if r.outside(holder, target) {
		return validation(r.member, "'%s' belongs to another workspace or to the service", target)
	}
	if old != nil && !strings.EqualFold(old.Props().String(r.member), target.String()) {
		if err := r.deleteLink(op, tx, old); err != nil {
			return err
		}
	}
	short := &arm.Resource{ID: r.short(holder, target), Body: object("link", next.ID.Name())}
	short.Type = short.ID.Type()
	if err := r.replaceLink(op, tx, holder, short); err != nil {
		return err
	}
	return op.Save(tx, short)
}

// outside reports whether a link would leave its workspace: what a tag of a workspace marks is there, too.
func (r relation) outside(holder, target gatehouse.ID) bool {
	return holderOf(holder).Scope() != holderOf(target).Scope() && !(r.wide && holderOf(target).Scope() == serviceOf(holder).Scope())
}

// replaceLink lets a link with a name take the place of one without.
func (r relation) replaceLink(op *arm.Op, tx *store.Tx, holder gatehouse.ID, short *arm.Resource) error {
	before, err := op.Load(tx, short.ID)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	name := before.Body.String("link")
	if strings.EqualFold(name, short.Body.String("link")) {
		return nil
	}
	if name != impliedName(short.ID) {
		return validation(r.member, "Link already exists between the specified entities; its name is '%s'", name)
	}
	return drop(op, tx, holder.Child(r.links, name))
}

// impliedName is the name of a link that was made by its short form.
func impliedName(short gatehouse.ID) string {
	return strings.ToUpper(gatehouse.NameGUID(gatehouse.GUID{}, short.Scope().String()).String())
}

func (r relation) deleteLink(op *arm.Op, tx *store.Tx, link *arm.Resource) error {
	target, err := gatehouse.ParseID(link.Props().String(r.member))
	if err != nil {
		return err
	}
	return drop(op, tx, r.short(link.ID.Parent(), target))
}

// putShort spells the short form as both sides were created, and makes its link.
func (r relation) putShort(op *arm.Op, tx *store.Tx, old, next *arm.Resource, other func(gatehouse.ID) gatehouse.ID, noun string) error {
	there, err := op.Load(tx, other(next.ID))
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return notFound(noun)
	}
	if err != nil {
		return err
	}
	if old != nil {
		next.Body = old.Body
		return nil
	}
	next.ID = next.ID.Parent().Child(lastPart(next.Type), there.ID.Name())
	holder, target, err := r.sides(op, tx, next.ID)
	if err != nil {
		return err
	}
	link := &arm.Resource{ID: holder.ID.Child(r.links, impliedName(next.ID)), Body: object("properties", object(r.member, target.ID.String()))}
	if _, err := tx.Get(op.Context, link.ID.Scope()); err == nil { // somebody gave that name to another link
		link.ID = holder.ID.Child(r.links, strings.ToUpper(gatehouse.NewGUID().String()))
	}
	link.Type = link.ID.Type()
	next.Body = object("link", link.ID.Name())
	return op.Save(tx, link)
}

func (r relation) sides(op *arm.Op, tx *store.Tx, short gatehouse.ID) (holder, target *arm.Resource, err error) {
	if holder, err = op.Load(tx, r.holder(short)); err == nil {
		target, err = op.Load(tx, r.target(short))
	}
	return holder, target, err
}

func (r relation) deleteShort(op *arm.Op, tx *store.Tx, short *arm.Resource) error {
	return drop(op, tx, r.holder(short.ID).Child(r.links, short.Body.String("link")))
}

// forget deletes the ties to a target that goes, whose short forms are of any of types.
func (r relation) forget(op *arm.Op, tx *store.Tx, target *arm.Resource, types ...string) error {
	holder := target.ID.Parent().Scope()
	for _, shortType := range types {
		page, err := tx.List(op.Context, store.Query{Type: shortType, Under: &holder, Name: target.ID.Name()})
		if err != nil {
			return err
		}
		for _, d := range page.Documents {
			short, err := arm.FromDocument(d)
			if err != nil {
				return err
			}
			if err := r.deleteShort(op, tx, short); err != nil {
				return err
			}
			if err := op.DeleteTree(tx, short.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop deletes one form of a relation with what hangs on it, unless it goes anyway or went already.
func drop(op *arm.Op, tx *store.Tx, id gatehouse.ID) error {
	if op.Route.Verb == arm.Delete && op.ID.Scope().Contains(id.Scope()) {
		return nil
	}
	return op.DeleteTree(tx, id)
}
