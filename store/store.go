package store

import (
	"context"
	"time"

	"gatehouse"
)

// Document is one stored object: a resource, a directory object, a setting.
type Document struct {
	ID       gatehouse.ID // as first written; Key is its folded form
	Type     string       // canonical spelling, for example Microsoft.ApiManagement/service/apis
	Revision int64        // grows with every write that changes the document; never reused
	Body     []byte       // JSON object without secrets
	// Secret is a JSON object of what must not be stored or logged in the clear,
	// nil when there is none. It is sealed before it reaches a Driver.
	Secret  []byte
	Created time.Time
	Updated time.Time
}

// Key returns the document's key: its ID folded.
func (d *Document) Key() gatehouse.Scope { return d.ID.Scope() }

// Query selects documents for List. Order is by key.
type Query struct {
	Type   string           // canonical spelling; "" for all types
	Parent *gatehouse.Scope // only direct children of this scope
	Under  *gatehouse.Scope // only documents at or below this scope, by path
	Name   string           // only documents whose last segment is this, in any casing
	After  string           // continue after this key (Page.Next)
	Limit  int              // at most so many; 0 for all
}

// Page is one page of a List.
type Page struct {
	Documents []*Document
	Next      string // pass as Query.After for the rest; "" on the last page
}

// Reader is what Store and Tx share, so that hooks can read inside and outside a transaction.
type Reader interface {
	// Get returns the document with that key, or an error of kind NotFound.
	Get(ctx context.Context, key gatehouse.Scope) (*Document, error)
	// List returns the documents that q selects, in key order.
	List(ctx context.Context, q Query) (Page, error)
	// Count returns how many documents q selects, ignoring After and Limit.
	Count(ctx context.Context, q Query) (int, error)
}
