package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"gatehouse"
)

// Tx is the view and the pen of one Write. It is valid until its function
// returns, and for one goroutine.
type Tx struct {
	s       *Store
	db      DriverTx
	head    *head // the batch's; append moves it
	cause   *gatehouse.Cause
	encoded []byte // cause as JSON, made once
	now     int64
	status  int
	changes []gatehouse.Change
	last    *Row  // the row read or written last, so that Get then Put reads once
	failed  error // the first failure of the engine
	over    bool
}

// Now returns the time of this write: the same for all its changes, and never before that of an earlier write.
func (tx *Tx) Now() time.Time { return fromMicro(tx.now) }

// Seq returns the sequence number that the next change will have.
func (tx *Tx) Seq() int64 { return tx.head.seq + 1 }

// Cause returns who writes and why.
func (tx *Tx) Cause() gatehouse.Cause { return *tx.cause }

// Answer sets the HTTP status that following changes record; without it a
// created document records 201, a changed or deleted one 200.
func (tx *Tx) Answer(status int) { tx.status = status }

// Get implements Reader; it sees what this write did so far.
func (tx *Tx) Get(_ context.Context, key gatehouse.Scope) (*Document, error) {
	row, err := tx.row(key.String())
	if err != nil {
		return nil, rowError(err, key)
	}
	own := *row // the caller may change the body in place, Put compares with row's
	own.Body = bytes.Clone(row.Body)
	return tx.s.document(&own)
}

// List implements Reader.
func (tx *Tx) List(_ context.Context, q Query) (Page, error) {
	if tx.over {
		return Page{}, errOver()
	}
	p, err := tx.s.list(context.Background(), tx.db, q)
	return p, tx.note(err)
}

// Count implements Reader.
func (tx *Tx) Count(_ context.Context, q Query) (int, error) {
	if tx.over {
		return 0, errOver()
	}
	n, err := count(context.Background(), tx.db, q)
	return n, tx.note(err)
}

// Put creates or replaces the document with d's key, and fills d's Revision,
// Created and Updated; an existing document keeps the ID it was first written
// with. When neither body nor secret differs nothing is written: the revision
// stays and no change is recorded. A nil Secret means that there is none: carry
// over what Get returned to keep it.
func (tx *Tx) Put(d *Document) error {
	if err := check(d); err != nil {
		return err
	}
	key := d.Key().String()
	old, err := tx.row(key)
	if err != nil && !errors.Is(err, ErrNoRow) {
		return unavailable(err)
	}
	if old != nil && old.Type != gatehouse.Fold(d.Type) {
		return internalf("document %s is of type %s and cannot become %s; delete it first", old.ID, old.TypeName, d.Type)
	}
	sealed, same, err := tx.sealSecret(key, old, d.Secret)
	if err != nil {
		return err
	}
	if same && old != nil && bytes.Equal(old.Body, d.Body) {
		return d.adopt(old)
	}
	return tx.put(d, key, old, sealed)
}

func (tx *Tx) put(d *Document, key string, old *Row, sealed []byte) error {
	row := &Row{Key: key, ID: d.ID.String(), Type: gatehouse.Fold(d.Type), TypeName: d.Type, Parent: parentKey(d.ID), Name: nameOf(key),
		Revision: tx.Seq(), Created: tx.now, Updated: tx.now, Body: bytes.Clone(d.Body), Secret: sealed}
	c := gatehouse.Change{Kind: gatehouse.Write, Status: 201, After: row.Body}
	var secretBefore []byte
	if old != nil {
		row.ID, row.Created = old.ID, old.Created
		c.Status, c.Before, secretBefore = 200, old.Body, old.Secret
	}
	c.Resource, c.Type = row.ID, row.TypeName
	if err := tx.note(tx.db.PutDocument(row)); err != nil {
		return unavailable(err)
	}
	tx.last = row
	if err := tx.append(c, secretBefore, sealed); err != nil {
		return err
	}
	return d.adopt(row)
}

// Delete removes the document with that key and returns it; its change holds it whole.
func (tx *Tx) Delete(key gatehouse.Scope) (*Document, error) {
	row, err := tx.row(key.String())
	if err != nil {
		return nil, rowError(err, key)
	}
	d, err := tx.s.document(row)
	if err != nil {
		return nil, err
	}
	if err := tx.note(tx.db.DeleteDocument(row.Key)); err != nil {
		return nil, unavailable(err)
	}
	tx.last = nil
	c := gatehouse.Change{Kind: gatehouse.Delete, Status: 200, Before: row.Body, Resource: row.ID, Type: row.TypeName}
	return d, tx.append(c, row.Secret, nil)
}

// Note appends a change without a document: an event of this write, in words.
func (tx *Tx) Note(kind gatehouse.ChangeKind, note string) error {
	return tx.record(gatehouse.Change{Kind: kind, Note: note, Cause: *tx.cause})
}

func (tx *Tx) record(c gatehouse.Change) error {
	if c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete || c.Kind == "" {
		return internalf("a change of kind %q is recorded by Put and Delete only", c.Kind)
	}
	if c.Before != nil || c.After != nil {
		return internalf("a change of kind %q carries no documents", c.Kind)
	}
	return tx.append(c, nil, nil)
}

// row returns the stored row. Within a write nobody else can change it, so the last one is kept.
func (tx *Tx) row(key string) (*Row, error) {
	if tx.over {
		return nil, errOver()
	}
	if tx.last != nil && tx.last.Key == key {
		return tx.last, nil
	}
	row, err := tx.db.Document(context.Background(), key)
	if err != nil {
		return nil, tx.note(err)
	}
	tx.last = row
	return row, nil
}

// note remembers a failure of the engine: after one the write cannot succeed.
func (tx *Tx) note(err error) error {
	if err != nil && tx.failed == nil && !errors.Is(err, ErrNoRow) {
		tx.failed = err
	}
	return err
}

// sealSecret returns the sealed form of secret, which is the old one when nothing changed.
func (tx *Tx) sealSecret(key string, old *Row, secret []byte) (sealed []byte, same bool, err error) {
	var before []byte
	keys := tx.s.keys.Load()
	if old != nil && old.Secret != nil {
		if before, err = keys.unseal(old.Secret, documentContext(key)); err != nil {
			return nil, false, internalf("the secret of %s cannot be opened: %w", old.ID, err)
		}
	}
	if (before == nil) == (secret == nil) && bytes.Equal(before, secret) {
		if old == nil {
			return nil, true, nil
		}
		return old.Secret, true, nil
	}
	if secret == nil {
		return nil, false, nil
	}
	return keys.seal(secret, documentContext(key)), false, nil
}

func (d *Document) adopt(row *Row) error {
	id, err := gatehouse.ParseID(row.ID)
	d.ID, d.Type, d.Revision = id, row.TypeName, row.Revision
	d.Created, d.Updated = fromMicro(row.Created), fromMicro(row.Updated)
	return err
}

func check(d *Document) error {
	if d.Type == "" {
		return internalf("document %s has no type", d.ID)
	}
	if !isObject(d.Body) {
		return internalf("the body of %s is not a JSON object", d.ID)
	}
	if d.Secret != nil && !isObject(d.Secret) {
		return internalf("the secret of %s is not a JSON object", d.ID)
	}
	return nil
}

func isObject(b []byte) bool {
	t := bytes.TrimLeft(b, " \t\r\n")
	return len(t) > 0 && t[0] == '{' && json.Valid(t)
}

// nameOf is the last segment of a key.
func nameOf(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }

func parentKey(id gatehouse.ID) string {
	if id.IsRoot() {
		return ""
	}
	return id.Parent().Scope().String()
}

func errOver() error { return internalf("the transaction is over: use it only inside its function") }

// Wrote reports whether this write put a document that it reads back now.
func (tx *Tx) Wrote(d *Document) bool {
	for i := range tx.changes {
		if tx.changes[i].Seq == d.Revision {
			return true
		}
	}
	return false
}
