package graph

import (
	"net/http"
	"regexp"
	"strings"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// hooks are the parts of a kind's verbs that are not data.
type hooks struct {
	// before runs outside the transaction: slow work (hashing), names to reserve.
	before func(e *edit) error
	// within runs in the transaction, with the body as it is about to be stored.
	within func(e *edit, tx *store.Tx) error
	// drop runs in the transaction that deletes the object.
	drop func(c *call, tx *store.Tx, d *store.Document) error
}

// edit is a create or a patch on its way.
type edit struct {
	*call
	k        *kind
	creating bool
	in       *jsondoc.Object // the request
	body     *jsondoc.Object // what is stored; nil before the transaction
	secrets  directory.Secrets
	now      string                     // the transaction's time as Graph writes it
	steps    []func(tx *store.Tx) error // further work in the transaction, before within
	release  []func()                   // reservations, given back when all is done
	reveal   map[string]string          // key ID to secret text, shown in the answer once
}

// unknownName is what a field that is not declared may be called: plain enough
// that no JSON reader takes it for a declared one.
var unknownName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.]{0,119}(@[A-Za-z][A-Za-z0-9_.]*)?$|^@[A-Za-z][A-Za-z0-9_.]*$`)

// attributes decide access through conditions (rbac.md 7.5), so that only who may
// assign them, not who may edit the object, writes and reads them.
const attributes = "customSecurityAttributes"

func (c *call) edit(k *kind, creating bool) (*edit, error) {
	e := &edit{call: c, k: k, creating: creating, in: c.body, reveal: map[string]string{}}
	for name := range c.body.All() {
		if !unknownName.MatchString(name) {
			return nil, badRequest(clip(name), "Invalid property '%s'.", clip(name))
		}
		if gatehouse.Fold(name) == gatehouse.Fold(attributes) {
			if err := c.authorizeAction(attributes + "/write"); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// run does the edit on the document of that ID in one transaction.
func (e *edit) run(status int, id gatehouse.ID) (*store.Document, error) {
	defer func() {
		for _, free := range e.release {
			free()
		}
	}()
	if before := hooksOf(e.k).before; before != nil {
		if err := before(e); err != nil {
			return nil, err
		}
	}
	var d *store.Document
	err := e.change(status, func(tx *store.Tx) (err error) {
		d, err = e.inside(tx, id)
		return err
	})
	return d, err
}

func (e *edit) inside(tx *store.Tx, id gatehouse.ID) (*store.Document, error) {
	d := &store.Document{ID: id, Type: e.k.doc}
	e.body, e.now = jsondoc.NewObject("id", e.oid.String()), stamp(tx.Now())
	if !e.creating {
		old, err := tx.Get(e.ctx(), id.Scope())
		if err != nil {
			return nil, e.absent(err)
		}
		if e.body, err = jsondoc.ParseObject(old.Body); err != nil {
			return nil, err
		}
		if e.secrets, err = directory.SecretsOf(old); err != nil {
			return nil, err
		}
		d = old
	}
	if err := e.k.apply(e.body, e.in, e.creating); err != nil {
		return nil, err
	}
	for _, step := range e.steps {
		if err := step(tx); err != nil {
			return nil, err
		}
	}
	if within := hooksOf(e.k).within; within != nil {
		if err := within(e, tx); err != nil {
			return nil, err
		}
	}
	d.Body, d.Secret = jsondoc.Marshal(e.body), e.secrets.JSON()
	if path, want := directory.Check(d.Type, d.Body); path != "" {
		return nil, badRequest(path, "Invalid value specified for property '%s' of resource '%s': it has to be of type %s.", path, e.k.title, want)
	}
	return d, tx.Put(d)
}

// absent words a missing object as Graph does.
func (c *call) absent(err error) error {
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	return notThere(c.named())
}

// named is the key of the path, as the client wrote it.
func (c *call) named() string {
	for i, s := range c.route.segments {
		if s == "{id}" {
			return c.path[i]
		}
	}
	return c.oid.String()
}

// object loads what the path names.
func (c *call) object() (*kind, *store.Document, *jsondoc.Object, error) {
	k := c.kindOf(c.oid)
	if c.oid.IsZero() {
		return nil, nil, nil, notThere(c.named())
	}
	d, err := c.h.cfg.Store.Get(c.ctx(), k.id(c.oid).Scope())
	if err != nil {
		return nil, nil, nil, c.absent(err)
	}
	body, err := bodyOf(k, d)
	return k, d, body, err
}

func createObject(k *kind) func(*call) (*answer, error) {
	return func(c *call) (*answer, error) {
		e, err := c.edit(k, true)
		if err != nil {
			return nil, err
		}
		c.oid = gatehouse.NewGUID()
		d, err := e.run(http.StatusCreated, k.id(c.oid))
		if err != nil {
			return nil, err
		}
		return c.created(e, d)
	}
}

func (c *call) created(e *edit, d *store.Document) (*answer, error) {
	body, err := jsondoc.ParseObject(d.Body)
	if err != nil {
		return nil, err
	}
	selected := c.query.Select
	if e.k == users && len(selected) == 0 {
		selected = names(users, hidden)
	}
	out := jsondoc.NewObject("@odata.context", c.contextURL(collection(e.k)+"/$entity"))
	for name, v := range e.k.answer(body, selected).All() {
		out.Set(name, v)
	}
	e.show(out)
	return &answer{status: http.StatusCreated, body: out, location: c.h.cfg.BaseURL + "/" + c.version + "/" + collection(e.k) + "/" + body.String("id")}, nil
}

// names lists the fields that do not carry the flag.
func names(k *kind, without flag) []string {
	var out []string
	for i := range k.fields {
		if !k.fields[i].is(without) {
			out = append(out, k.fields[i].name)
		}
	}
	return out
}

// show puts secrets that were just made into the answer; nothing else ever does.
func (e *edit) show(out *jsondoc.Object) {
	for _, item := range out.Array("passwordCredentials") {
		if o, ok := item.(*jsondoc.Object); ok && e.reveal[o.String("keyId")] != "" {
			o.Set("secretText", e.reveal[o.String("keyId")])
		}
	}
}

func collection(k *kind) string {
	if k == roleAssignments {
		return "roleManagement/directory/roleAssignments"
	}
	return k.name
}

func getObject(c *call) (*answer, error) {
	k, _, body, err := c.object()
	if err != nil {
		return nil, err
	}
	selection, err := c.selection()
	if err != nil {
		return nil, err
	}
	context := collection(k)
	if len(c.query.Select) > 0 {
		context += "(" + strings.Join(c.query.Select, ",") + ")"
	}
	out := jsondoc.NewObject("@odata.context", c.contextURL(context+"/$entity"))
	if c.route.kind == anyKind {
		out.Set("@odata.context", c.contextURL("directoryObjects/$entity"))
		out.Set("@odata.type", odataType(k))
	}
	for name, v := range k.answer(body, selection).All() {
		out.Set(name, v)
	}
	return &answer{body: out}, c.expand(k, out, c.oid)
}

func odataType(k *kind) string { return "#microsoft.graph." + k.single }

// selection is $select; what only few may read needs its own permission.
func (c *call) selection() ([]string, error) {
	if !contains(c.query.Select, attributes) {
		return c.query.Select, nil
	}
	return c.query.Select, c.authorizeAction(attributes + "/read")
}

func patchObject(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	k := c.kindOf(c.oid)
	e, err := c.edit(k, false)
	if err != nil {
		return nil, err
	}
	_, err = e.run(http.StatusNoContent, k.id(c.oid))
	return &answer{}, err
}

func deleteObject(c *call) (*answer, error) {
	if c.oid.IsZero() {
		return nil, notThere(c.named())
	}
	k := c.kindOf(c.oid)
	if k == applications {
		c.h.pairing.RLock()
		defer c.h.pairing.RUnlock()
	}
	err := c.change(http.StatusNoContent, func(tx *store.Tx) error { return c.drop(tx, k, c.oid) })
	return &answer{}, err
}

// drop deletes an object with everything below it and every link to it. Role
// assignments stay, as in Azure: they grant nothing and are listed as unknown (rbac.md 3.1).
func (c *call) drop(tx *store.Tx, k *kind, oid gatehouse.GUID) error {
	d, err := tx.Get(c.ctx(), k.id(oid).Scope())
	if err != nil {
		return c.absent(err)
	}
	if drop := hooksOf(k).drop; drop != nil {
		if err := drop(c, tx, d); err != nil {
			return err
		}
	}
	return c.h.cfg.Index.Delete(c.ctx(), tx, d.ID)
}

func dropIfThere(tx *store.Tx, key gatehouse.Scope) error {
	if _, err := tx.Delete(key); err != nil && gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	return nil
}
