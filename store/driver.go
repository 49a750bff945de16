package store

import (
	"context"
	"errors"
)

// ErrNoRow is what a Driver returns when the row asked for does not exist.
var ErrNoRow = errors.New("store: no such row")

// Driver is a database engine as Store needs it. Whatever has to be the same on
// every engine (folding, sealing, the change log, batching) is above it; a method
// here is one statement. An engine's own Open brings the schema up to date first. Text compares and sorts by byte. Times are microseconds
// since 1970. storetest.Run is the definition of right.
type Driver interface {
	// Rows reads what is committed. It is safe for concurrent use and sees every earlier Commit.
	Rows
	// Begin starts the transaction of the one writer. Store never begins a second before the first ended.
	Begin(ctx context.Context) (DriverTx, error)
	// Backup writes a consistent copy of everything to path, which must not exist, while writes go on.
	Backup(ctx context.Context, path string, progress func(done, total int64)) error
	// Check asks the engine whether its files are whole; the error says what is not.
	Check(ctx context.Context) error
	Close() error
}

// Rows are the reading statements. A yield that returns false ends the reading.
type Rows interface {
	Document(ctx context.Context, key string) (*Row, error)
	Documents(ctx context.Context, r Range, yield func(*Row) bool) error
	CountDocuments(ctx context.Context, r Range) (int, error)
	Records(ctx context.Context, r RecordRange, yield func(*Record) bool) error
	Ticket(ctx context.Context, kind, key string) (*TicketRow, error)
	DataKeys(ctx context.Context) ([]DataKey, error)
	Meta(ctx context.Context, name string) (string, error)
}

// DriverTx is one transaction; Commit or Rollback ends it.
type DriverTx interface {
	Rows
	PutDocument(*Row) error
	DeleteDocument(key string) error
	AppendRecord(*Record) error
	PutTicket(*TicketRow) error
	// DeleteTicket returns ErrNoRow when there was none.
	DeleteTicket(kind, key string) error
	// DropTickets deletes an owner's tickets of a kind, of every kind when it is "".
	DropTickets(kind, owner string) error
	SweepTickets(now int64) error
	PutDataKey(DataKey) error
	SetMeta(name, value string) error
	// Savepoint and what ends it do not nest.
	Savepoint() error
	ReleaseSavepoint() error
	// RollbackToSavepoint undoes what came after Savepoint, and releases it.
	RollbackToSavepoint() error
	Commit() error
	Rollback() error
}

// Row is a document as a Driver sees it.
type Row struct {
	Key      string // folded ID
	ID       string // as first written
	Type     string // folded
	TypeName string // canonical spelling
	Parent   string // folded; "" for the tenant root
	Name     string // last segment of Key
	Revision int64
	Created  int64
	Updated  int64
	Body     []byte
	Secret   []byte // sealed; nil for none
}

// Range selects rows with After < Key < Before, in key order.
type Range struct {
	Type   string // folded; "" for any
	Parent string // "" for any
	Name   string // folded last segment; "" for any
	After  string
	Before string
	Limit  int // 0 for all
}

// Record is one row of the change log: the serialised record, its hash, and the
// columns that queries use. Sealed secrets are beside the record, which holds their digests.
type Record struct {
	Seq          int64
	Time         int64
	Kind         string
	Resource     string // folded ID of the document; "" for none
	Scope        string // folded: where the action was authorized, which need not be the resource
	Type         string // folded
	Actor        string
	Operation    string
	Correlation  string
	Hash         []byte // SHA-256 over the hash before it and Body
	SecretBefore []byte
	SecretAfter  []byte
	Body         []byte
}

// RecordRange selects records with After < Seq < Before by what their columns
// hold; "" matches anything. Under selects by resource or scope, at or below it.
type RecordRange struct {
	After, Before     int64
	Since, Until      int64 // inclusive, exclusive
	Under             string
	Resource          string
	Type, Kind, Actor string
	Operation         string
	Correlation       string
	// First selects only the first write or delete of each resource of Type, in any order
	// and with Seq and Body alone; of the other members only After, Before and times count then.
	First      bool
	Descending bool
	Limit      int // 0 for all
}

// TicketRow is a short-lived value as a Driver sees it.
type TicketRow struct {
	Kind    string
	Key     string // a digest of the key, so that the database holds no usable token
	Owner   string
	Value   []byte // sealed
	Expires int64
}

// DataKey is a key that seals secrets, itself sealed by the master key.
type DataKey struct {
	ID      int64
	Wrapped []byte
	Created int64
}
