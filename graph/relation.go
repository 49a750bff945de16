package graph

import (
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// maxBinds is how many references one request may add (Graph: 20).
const maxBinds = 20

func (r *relation) list(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) { return c.page(c.linked(r, c.oid)) })
}
func (r *relation) count(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) { return c.countOf(c.linked(r, c.oid)) })
}

// ofObject runs f when the object that the path names exists.
func (c *call) ofObject(f func() (*answer, error)) (*answer, error) {
	if _, _, _, err := c.object(); err != nil {
		return nil, err
	}
	return f()
}

// refs lists only the addresses of the objects.
func (r *relation) refs(c *call) (*answer, error) {
	a, err := r.list(c)
	if err != nil {
		return nil, err
	}
	items := a.body.Array("value")
	for i, v := range items {
		items[i] = jsondoc.NewObject("@odata.id", c.h.cfg.BaseURL+"/"+c.version+"/directoryObjects/"+v.(*jsondoc.Object).String("id"))
	}
	a.body.Set("@odata.context", c.contextURL("Collection($ref)"))
	a.body.Set("value", items)
	return a, nil
}

func (r *relation) add(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	target, err := reference(textOf(c.body, "@odata.id"))
	if err != nil {
		return nil, err
	}
	err = c.change(http.StatusNoContent, func(tx *store.Tx) error {
		if _, err := tx.Get(c.ctx(), r.of.id(c.oid).Scope()); err != nil {
			return c.absent(err)
		}
		return c.link(tx, r, c.oid, target)
	})
	return &answer{}, err
}

// textOf returns a member whose name holds dots, which a path would take for steps.
func textOf(o *jsondoc.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}

// reference reads an @odata.id: the last part of the address is the object's ID,
// whatever server and collection it names.
func reference(text string) (gatehouse.GUID, error) {
	text = strings.TrimSuffix(text, "/")
	last := unquote(strings.TrimSuffix(text[strings.LastIndexAny(text, "/(")+1:], ")"))
	oid, err := gatehouse.ParseGUID(last)
	if err != nil {
		return oid, badRequest("@odata.id", "Invalid URL format specified in payload: '%s' does not end in an object identifier.", clip(text))
	}
	return oid, nil
}

// link writes one relation, when both ends are what they have to be.
func (c *call) link(tx *store.Tx, r *relation, holder, target gatehouse.GUID) error {
	if r.name == "members" && holder == target {
		return badRequest("members", "The group %s cannot be a member of itself.", holder)
	}
	k, err := c.end(tx, r, target)
	if err != nil {
		return err
	}
	id := r.link(holder, target)
	switch _, err := tx.Get(c.ctx(), id.Scope()); {
	case err == nil:
		return badRequest(r.name, "One or more added object references already exist for the following modified properties: '%s'.", r.name)
	case gatehouse.KindOf(err) != gatehouse.NotFound:
		return err
	}
	body := jsondoc.NewObject("@odata.type", odataType(k), "id", target.String())
	return tx.Put(&store.Document{ID: id, Type: r.doc, Body: jsondoc.Marshal(body)})
}

// end finds the kind of the object that a relation is about to name.
func (c *call) end(tx *store.Tx, r *relation, target gatehouse.GUID) (*kind, error) {
	for _, k := range directoryKinds {
		_, err := tx.Get(c.ctx(), k.id(target).Scope())
		if gatehouse.KindOf(err) == gatehouse.NotFound && err != nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, allowed := range r.allows {
			if allowed == k {
				return k, nil
			}
		}
		return nil, badRequest(r.name, "The object %s is of type %s, which cannot be one of the %s of a %s.", target, k.title, r.name, r.of.title)
	}
	return nil, notThere(target.String())
}

func (r *relation) remove(c *call) (*answer, error) {
	target, err := gatehouse.ParseGUID(c.args[0])
	if err != nil || c.oid.IsZero() {
		return nil, notThere(c.args[0])
	}
	err = c.change(http.StatusNoContent, func(tx *store.Tx) error { return c.unlink(tx, r, target) })
	return &answer{}, err
}

func (c *call) unlink(tx *store.Tx, r *relation, target gatehouse.GUID) error {
	holder := r.of.id(c.oid).Scope()
	if _, err := tx.Delete(r.link(c.oid, target).Scope()); err != nil {
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			return notThere(target.String())
		}
		return err
	}
	if !r.keepLast {
		return nil
	}
	left, err := tx.Count(c.ctx(), store.Query{Type: r.doc, Parent: &holder})
	if err == nil && left == 0 {
		return badRequest(r.name, "The group must have at least one owner, hence this owner cannot be removed.")
	}
	return err
}

// binds reads members@odata.bind and owners@odata.bind of a create or patch. Who
// may change the object need not be who may change the relation: that is asked anew.
func (e *edit) binds() error {
	for _, r := range relations {
		if r.of != e.k {
			continue
		}
		v, ok := e.in.Get(r.name + "@odata.bind")
		refs, isList := v.([]jsondoc.Value)
		if ok && !isList && v != nil {
			return badRequest(r.name, "The value of %s@odata.bind is not a list of addresses.", r.name)
		}
		if len(refs) == 0 {
			continue
		}
		if len(refs) > maxBinds {
			return badRequest(r.name, "The request adds %d references; at most %d are possible at once.", len(refs), maxBinds)
		}
		if err := e.bind(r, refs); err != nil {
			return err
		}
	}
	return nil
}

func (e *edit) bind(r *relation, refs []jsondoc.Value) error {
	decision := e.decision
	if err := e.authorizeAction(e.k.name + "/" + r.name + "/write"); err != nil {
		return err
	}
	e.decision = decision
	for _, ref := range refs {
		s, _ := ref.(string)
		target, err := reference(s)
		if err != nil {
			return err
		}
		e.steps = append(e.steps, func(tx *store.Tx) error { return e.link(tx, r, e.oid, target) })
	}
	return nil
}

// derived lists objects that the index finds for the one in the path.
func derived(find func(c *call) ([]gatehouse.GUID, error)) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) {
		return c.ofObject(func() (*answer, error) {
			ids, err := find(c)
			if err != nil {
				return nil, err
			}
			return c.page(c.these("directoryObjects", ids))
		})
	}
}

func directGroups(c *call) ([]gatehouse.GUID, error) { return c.h.cfg.Index.GroupsOf(c.oid), nil }
func allGroups(c *call) ([]gatehouse.GUID, error)    { return c.h.cfg.Index.AllGroupsOf(c.oid), nil }

func ownedObjects(c *call) ([]gatehouse.GUID, error) {
	var ids []gatehouse.GUID
	for _, key := range c.h.cfg.Index.OwnedBy(c.oid) {
		if oid, ok := directory.ObjectOf(key); ok {
			ids = append(ids, oid)
		}
	}
	return ids, nil
}

// allMembers are the members of a group and of the groups in it, each once.
func allMembers(c *call) ([]gatehouse.GUID, error) {
	var all []gatehouse.GUID
	seen := map[gatehouse.GUID]bool{c.oid: true}
	for queue := []gatehouse.GUID{c.oid}; len(queue) > 0; queue = queue[1:] {
		key := directory.GroupID(queue[0]).Scope()
		page, err := c.h.cfg.Store.List(c.ctx(), store.Query{Type: directory.GroupMemberType, Parent: &key})
		if err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			oid, ok := directory.ObjectOf(d.Key())
			if !ok || seen[oid] {
				continue
			}
			seen[oid] = true
			all = append(all, oid)
			if c.h.kindOf(oid) == groups {
				queue = append(queue, oid)
			}
		}
	}
	return all, nil
}

// membership are the questions about the groups that an object is in, directly or not.
var membership = map[string]func(*call) (*answer, error){
	"getMemberGroups":    memberGroups,
	"getMemberObjects":   memberGroups,
	"checkMemberGroups":  checkMember("groupIds"),
	"checkMemberObjects": checkMember("ids"),
}

func memberGroups(c *call) (*answer, error) {
	return c.ofObject(func() (*answer, error) {
		securityOnly := c.body.Bool("securityEnabledOnly")
		values := []jsondoc.Value{}
		for _, gid := range c.h.cfg.Index.AllGroupsOf(c.oid) {
			it, ok, err := c.load(gid)
			if err != nil {
				return nil, err
			}
			if ok && (!securityOnly || it.body.Bool("securityEnabled")) {
				values = append(values, gid.String())
			}
		}
		return c.strings(values), nil
	})
}

func (c *call) strings(values []jsondoc.Value) *answer {
	return &answer{body: jsondoc.NewObject("@odata.context", c.contextURL("Collection(Edm.String)"), "value", values)}
}

// checkMember answers which of the given groups the object is in (Graph: 20 at once).
func checkMember(member string) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) {
		return c.ofObject(func() (*answer, error) {
			asked := c.body.Array(member)
			if asked == nil || len(asked) > maxBinds {
				return nil, badRequest(member, "The request needs '%s': a list of at most %d object identifiers.", member, maxBinds)
			}
			in := map[gatehouse.GUID]bool{}
			for _, gid := range c.h.cfg.Index.AllGroupsOf(c.oid) {
				in[gid] = true
			}
			values := []jsondoc.Value{}
			for _, v := range asked {
				s, _ := v.(string)
				gid, err := gatehouse.ParseGUID(s)
				if err != nil {
					return nil, badRequest(member, "Invalid object identifier '%s'.", clip(s))
				}
				if in[gid] && c.h.kindOf(gid) == groups {
					values = append(values, gid.String())
				}
			}
			return c.strings(values), nil
		})
	}
}

// getByIDs answers the objects with the given IDs that exist and are of one of the
// given types (clients.md 5: az resolves principals of role assignments so).
func getByIDs(c *call) (*answer, error) {
	const most = 1000
	asked := c.body.Array("ids")
	if asked == nil || len(asked) > most {
		return nil, badRequest("ids", "The request needs 'ids': a list of at most %d object identifiers.", most)
	}
	wanted := map[string]bool{}
	for _, t := range c.body.Array("types") {
		s, _ := t.(string)
		wanted[gatehouse.Fold(s)] = true
	}
	s := source{name: "directoryObjects"}
	var items []item
	seen := map[gatehouse.GUID]bool{}
	for _, v := range asked {
		text, _ := v.(string)
		oid, err := gatehouse.ParseGUID(text)
		if err != nil {
			return nil, badRequest("ids", "Invalid object identifier '%s'.", clip(text))
		}
		if seen[oid] {
			continue
		}
		seen[oid] = true
		it, ok, err := c.load(oid)
		if err != nil {
			return nil, err
		}
		if ok && (len(wanted) == 0 || wanted["directoryobject"] || wanted[gatehouse.Fold(it.k.single)]) {
			items = append(items, it)
		}
	}
	return c.listed(s, items, "", -1)
}
