package apim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// backups are files below a directory of the server: {subscription}/{storage account}/{container}/{backup}.
// Callers name them as they name blobs in Azure; whoever may back a service up or
// restore it needs no key of an account (apim-control-plane.md 2.1).
type backups struct {
	dir string
	mu  sync.Mutex // writers look before they replace
}

// The names that callers give, narrower than Azure's for backups: no path comes about.
var (
	accountName   = arm.NameRule{Min: 3, Max: 24, Pattern: `[a-z0-9]+`}
	containerName = arm.NameRule{Min: 3, Max: 63, Pattern: `[a-z0-9](?:-?[a-z0-9])*`}
	backupName    = arm.NameRule{Max: 128, Pattern: `[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?`}
)

// accessTypes are the ways into a storage account. There is none here, so any will do.
var accessTypes = []string{"AccessKey", "SystemAssignedManagedIdentity", "UserAssignedManagedIdentity"}

// place reads where a backup is, as a path below the directory.
func (b *backups) place(op *arm.Op) (string, error) {
	if b.dir == "" {
		return "", refusal(gatehouse.Invalid, "BackupNotConfigured", "This server has no directory for backups of services.")
	}
	body, err := op.Body()
	if err != nil {
		return "", err
	}
	parts := []string{}
	if sub, ok := op.ID.Scope().Subscription(); ok {
		parts = append(parts, sub.Name())
	}
	for _, each := range []struct {
		member string
		form   arm.NameRule
		words  string
	}{
		{"storageAccount", accountName, "3 to 24 small letters and digits"},
		{"containerName", containerName, "3 to 63 small letters, digits and single dashes"},
		{"backupName", backupName, "at most 128 letters, digits, dots, dashes and underscores, beginning with a letter or digit and not ending with a dot"},
	} {
		name := body.String(each.member)
		if each.form.Check(name) != nil {
			return "", validation(each.member, "%s is required: %s", each.member, each.words)
		}
		parts = append(parts, name)
	}
	if kind := body.String("accessType"); kind != "" && !slices.ContainsFunc(accessTypes, func(k string) bool { return strings.EqualFold(k, kind) }) {
		return "", validation("accessType", "accessType has to be one of %s", strings.Join(accessTypes, ", "))
	}
	return path.Join(parts...), nil
}

// root opens the directory of backups, which nobody but the server reads.
func (b *backups) root() (*os.Root, error) {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return nil, err
	}
	return os.OpenRoot(b.dir)
}

// ofService selects what a backup of a service holds: everything below it that is API
// Management's, but for keys that the server keeps for itself. Role assignments and
// locks below it are not part of it.
func ofService(d *store.Document) bool {
	kind := gatehouse.Fold(d.Type)
	return strings.HasPrefix(kind, gatehouse.Fold(serviceType)+"/") && kind != gatehouse.Fold(debugKeyType) && kind != gatehouse.Fold(signInKeyType)
}

// contents lists what is below a service at one moment, in order of keys: parents first.
func contents(op *arm.Op, tx *store.Tx, service gatehouse.ID) ([]*store.Document, error) {
	scope := service.Scope()
	page, err := tx.List(op.Context, store.Query{Under: &scope})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(page.Documents, func(d *store.Document) bool { return !ofService(d) }), nil
}

// backup writes everything below a service, secrets included and sealed, into one file.
func (p *provider) backup(op *arm.Op) (*arm.Answer, error) {
	at, err := p.backups.place(op)
	if err != nil {
		return nil, err
	}
	var service *arm.Resource
	var documents []*store.Document
	err = op.Write(nil, func(tx *store.Tx) error {
		if service, err = op.ExistingIn(tx); err != nil {
			return err
		}
		if documents, err = contents(op, tx, service.ID); err != nil {
			return err
		}
		return tx.Note(gatehouse.Event, "the service was read for the backup "+at)
	})
	if err != nil {
		return nil, err
	}
	head := backupHead{Service: service.ID.String(), SKU: skuOf(service).name, Created: op.Now.UTC()}
	err = p.backups.write(at, op.Server.Config.Store, head, func(w io.Writer) error {
		return writeBackup(w, op.Server.Config.Store, head, documents)
	})
	if err != nil {
		return nil, err
	}
	return op.Finished(&arm.Answer{Status: http.StatusAccepted}, op.Show(service))
}

// write makes a file appear whole or not at all. It replaces an earlier backup of the same service only.
func (b *backups) write(at string, keys sealer, head backupHead, fill func(io.Writer) error) error {
	root, err := b.root()
	if err != nil {
		return err
	}
	defer root.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := replaceable(root, at, keys, head.Service); err != nil {
		return err
	}
	if err := root.MkdirAll(path.Dir(at), 0o700); err != nil {
		return err
	}
	part := path.Join(path.Dir(at), ".partial") // no backup has such a name
	if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(root, part, fill); err != nil {
		_ = root.Remove(part) // incomplete
		return fmt.Errorf("the backup was not written: %w", err)
	}
	if err := root.Rename(part, at); err != nil {
		return err
	}
	return syncDir(root, path.Dir(at))
}

func replaceable(root *os.Root, at string, keys sealer, service string) error {
	f, err := root.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	old, err := openBackup(f, keys)
	if err != nil || !gatehouse.EqualFold(old.head.Service, service) {
		return refusal(gatehouse.Conflict, "BackupAlreadyExists", "There is a file of that name which is no backup of this service; give another name.")
	}
	return nil
}

func writeFile(root *os.Root, name string, fill func(io.Writer) error) (err error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := fill(f); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(root *os.Root, name string) (err error) {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return d.Sync()
}

// restoreBackup puts what a backup holds in the place of what is below a service, in one
// transaction. The service itself stays as it is. It may be another service than the one
// that was backed up, of the same SKU and subscription, for callers who may back that one
// up: they could have had its contents so.
func (p *provider) restoreBackup(op *arm.Op) (*arm.Answer, error) {
	at, err := p.backups.place(op)
	if err != nil {
		return nil, err
	}
	if _, err := op.Existing(); err != nil {
		return nil, err
	}
	head, documents, err := p.backups.read(at, op.Server.Config.Store, func(head *backupHead) error { return mayRead(op, head) })
	if err != nil {
		return nil, err
	}
	var service *arm.Resource
	err = op.Write(nil, func(tx *store.Tx) error {
		if service, err = op.ExistingIn(tx); err != nil {
			return err
		}
		if kind := skuOf(service).name; kind != head.SKU {
			return refusal(gatehouse.Invalid, "ValidationError", "The backup is of a service of the SKU %s and cannot be restored to one of the SKU %s.", head.SKU, kind)
		}
		if err := unlockedWhole(op, tx, service.ID); err != nil {
			return err
		}
		if documents, err = rebased(documents, head.Service, service.ID); err != nil {
			return err
		}
		if err := replaceContents(op, tx, service.ID, documents); err != nil {
			return err
		}
		return tx.Note(gatehouse.Event, "the service was restored from the backup "+at)
	})
	if err != nil {
		return nil, err
	}
	return op.Finished(&arm.Answer{Status: http.StatusAccepted}, op.Show(service))
}

// mayRead wants the right to back up the service that a backup is of, when that is another one.
func mayRead(op *arm.Op, head *backupHead) error {
	source, err := gatehouse.ParseID(head.Service)
	if err != nil {
		return errDamaged
	}
	if source.Scope() == op.ID.Scope() {
		return nil
	}
	if op.Can(serviceType+"/backup/action", source) {
		return nil
	}
	err = noBackup()
	return firstOf(op.Refused(err), err)
}

// noBackup does not tell a backup that is not there from one that is not for the caller.
func noBackup() error {
	return refusal(gatehouse.NotFound, "BackupNotFound", "There is no backup of that name that you may restore.")
}

func firstOf(all ...error) error {
	for _, err := range all {
		if err != nil {
			return err
		}
	}
	return nil
}

// read reads a backup whole once may has agreed to its head.
func (b *backups) read(at string, keys sealer, may func(*backupHead) error) (*backupHead, []*store.Document, error) {
	root, err := b.root()
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	f, err := root.Open(at)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, noBackup()
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r, err := openBackup(f, keys)
	if err != nil {
		return nil, nil, unreadableBackup(err)
	}
	if err := may(&r.head); err != nil {
		return nil, nil, err
	}
	documents, err := r.documents()
	if err != nil {
		return nil, nil, unreadableBackup(err)
	}
	return &r.head, documents, nil
}

func unreadableBackup(err error) error {
	return refusal(gatehouse.Invalid, "BackupNotReadable", "The backup cannot be restored: %s.", err)
}

// unlockedWhole refuses to replace what a lock keeps from being deleted: one on the service, above it or on something in it (rbac.md 9).
func unlockedWhole(op *arm.Op, tx *store.Tx, service gatehouse.ID) error {
	sub, _ := service.Scope().Subscription()
	page, err := tx.List(op.Context, store.Query{Type: "Microsoft.Authorization/locks", Under: &sub})
	if err != nil {
		return err
	}
	for _, d := range page.Documents {
		at := d.ID.Parent()
		if at.Scope().Contains(service.Scope()) || service.Scope().Contains(at.Scope()) {
			return gatehouse.Errorf(gatehouse.Conflict, "ScopeLocked",
				"The scope '%s' cannot perform delete operation because following scope(s) are locked: '%s'. Please remove the lock and try again.", service, at)
		}
	}
	return nil
}

// rebased gives documents the place below another service: in their IDs, and wherever
// they name the service that they were below.
func rebased(documents []*store.Document, from string, to gatehouse.ID) ([]*store.Document, error) {
	for i, d := range documents {
		rest, ok := below(d.ID.String(), from)
		if !ok || !ofService(d) {
			return nil, unreadableBackup(errDamaged)
		}
		if from == to.String() {
			continue
		}
		id, err := gatehouse.ParseID(to.String() + rest)
		if err != nil {
			return nil, unreadableBackup(errDamaged)
		}
		body, err := jsondoc.ParseObject(d.Body)
		if err != nil {
			return nil, unreadableBackup(errDamaged)
		}
		body = renamed(body, from, to.String()).(*jsondoc.Object)
		documents[i] = &store.Document{ID: id, Type: d.Type, Body: jsondoc.Marshal(body), Secret: d.Secret}
	}
	return documents, nil
}

// below cuts the ID of a service off an ID below it.
func below(id, service string) (rest string, ok bool) {
	if len(id) <= len(service) || id[len(service)] != '/' || !gatehouse.EqualFold(id[:len(service)], service) {
		return "", false
	}
	return id[len(service):], true
}

// renamed replaces the ID of a service at the start of every text in v.
func renamed(v jsondoc.Value, from, to string) jsondoc.Value {
	switch v := v.(type) {
	case string:
		if rest, ok := below(v, from); ok {
			return to + rest
		}
	case []jsondoc.Value:
		for i := range v {
			v[i] = renamed(v[i], from, to)
		}
	case *jsondoc.Object:
		for _, name := range v.Names() {
			member, _ := v.Get(name)
			v.Set(name, renamed(member, from, to))
		}
	}
	return v
}

// replaceContents writes documents in the place of what is below a service. What is the
// same stays untouched; what differs is deleted first, so that values which have to be
// unique can change hands.
func replaceContents(op *arm.Op, tx *store.Tx, service gatehouse.ID, documents []*store.Document) error {
	now, err := contents(op, tx, service)
	if err != nil {
		return err
	}
	wanted := make(map[gatehouse.Scope]*store.Document, len(documents))
	for _, d := range documents {
		wanted[d.Key()] = d
	}
	for _, d := range slices.Backward(now) {
		if same(wanted[d.Key()], d) {
			delete(wanted, d.Key())
			continue
		}
		if _, err := tx.Delete(d.Key()); err != nil {
			return err
		}
	}
	for _, d := range documents {
		if wanted[d.Key()] == nil {
			continue
		}
		r, err := arm.FromDocument(d)
		if err != nil {
			return unreadableBackup(errDamaged)
		}
		if err := op.Save(tx, r); err != nil {
			return err
		}
	}
	return dropDangling(op, tx, service)
}

func same(a, b *store.Document) bool {
	return a != nil && a.ID.String() == b.ID.String() && a.Type == b.Type && bytes.Equal(a.Body, b.Body) && bytes.Equal(a.Secret, b.Secret)
}

// dropDangling takes workspaces that are gone out of the gateways that served them.
func dropDangling(op *arm.Op, tx *store.Tx, service gatehouse.ID) error {
	connections, err := connectionsTo(op, tx, service)
	if err != nil {
		return err
	}
	for _, c := range connections {
		source, err := gatehouse.ParseScope(c.Props().String("sourceId"))
		if err != nil {
			return err
		}
		_, err = tx.Get(op.Context, source)
		if gatehouse.KindOf(err) == gatehouse.NotFound {
			_, err = tx.Delete(c.ID.Scope())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
