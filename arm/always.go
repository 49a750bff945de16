package arm

import (
	"slices"

	"gatehouse"
	"gatehouse/store"
)

// initial is the resource that Type.Always names and nobody has written yet, nil when id names none.
func (op *Op) initial(r store.Reader, id gatehouse.ID) (*Resource, error) {
	d := op.Server.TypeOf(id.Type())
	if d == nil || !oneOf(d.Type.Always, id.Name()) {
		return nil, nil
	}
	parent, err := op.Load(r, id.Parent())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return op.initialIn(d, parent, id.Name())
}

func (op *Op) initialIn(d *Declared, parent *Resource, name string) (*Resource, error) {
	i := slices.IndexFunc(d.Type.Always, func(known string) bool { return gatehouse.EqualFold(known, name) })
	body, err := d.Type.Hooks.Initial(op, parent, d.Type.Always[i])
	if err != nil || body == nil {
		return nil, err
	}
	return &Resource{ID: parent.ID.Child(d.Type.Segment, d.Type.Always[i]), Type: d.Name, Body: body}, nil
}

// spelled is id as the resource that it names was created, or always is.
func (op *Op) spelled(r store.Reader, id gatehouse.ID) (gatehouse.ID, bool) {
	d, err := r.Get(op.Context, id.Scope())
	if err == nil {
		return d.ID, true
	}
	initial, err := op.initial(r, id)
	if err != nil || initial == nil {
		return gatehouse.ID{}, false
	}
	return initial.ID, true
}

// listAlways lists what was written and what is there anyway.
func (op *Op) listAlways() (*Answer, error) {
	all, err := op.Children(op.Store(), op.ID, op.Server.TypeOf(op.Route.TypeName))
	if err != nil {
		return nil, err
	}
	return op.PageOf(all, nil)
}

// Children reads all resources of a type that lie directly in parent, those among them that Type.Always names and nobody has written.
func (op *Op) Children(r store.Reader, parent gatehouse.ID, d *Declared) ([]*Resource, error) {
	holder, err := op.Load(r, parent)
	if err != nil {
		return nil, err
	}
	scope := parent.Scope()
	page, err := r.List(op.Context, store.Query{Type: d.Name, Parent: &scope})
	if err != nil {
		return nil, err
	}
	var all []*Resource
	written := map[string]bool{}
	for _, document := range page.Documents {
		found, err := FromDocument(document)
		if err != nil {
			return nil, err
		}
		written[fold(found.ID.Name())] = true
		all = append(all, found)
	}
	for _, name := range d.Type.Always {
		if written[fold(name)] {
			continue
		}
		initial, err := op.initialIn(d, holder, name)
		if err != nil {
			return nil, err
		}
		if initial != nil {
			all = append(all, initial)
		}
	}
	return all, nil
}
