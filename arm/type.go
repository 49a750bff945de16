package arm

import (
	"context"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Verb is what a request does to a resource or collection.
type Verb string

// The verbs. Post is an Action of a Type or a Call.
const (
	List   Verb = "list"
	Get    Verb = "get"
	Head   Verb = "head"
	Put    Verb = "put"
	Patch  Verb = "patch"
	Delete Verb = "delete"
	Post   Verb = "post"
)

// Shape names a set of verbs.
type Shape string

// The shapes that cover nearly all resource types (house.md section 4).
const (
	Entity   Shape = "list get head put patch delete"
	Document Shape = "list get head put delete"
	Link     Shape = "list head put delete"
	Object   Shape = "list get put patch delete"
	View     Shape = "list"
	Hidden   Shape = "-" // no verbs: kept for others, which show it in their own way
	Singular Shape = "get"
)

// Handler answers an authorized operation.
type Handler func(*Op) (*Answer, error)

// Type declares a resource type: what it is called, which verbs it has, what its
// body may hold, and the parts that are not data.
type Type struct {
	Segment string // last part of the path, in Azure's spelling
	Shape   Shape
	Without string           // verbs of the shape that this type lacks
	As      map[Verb]string  // RBAC actions that do not follow from path and verb
	Do      map[Verb]Handler // verbs served by a handler of their own instead of the generic one

	Noun  string // how an error message calls it: "Product not found."
	Name  NameRule
	Model *Model // nil takes any object
	Hooks Hooks
	// Filter lists the fields that $filter may name, blank separated, in wire spelling
	// relative to properties. What may be done with one stands behind it: state(eq),
	// name(eq,contains), tags(any); without that everything may.
	Filter string
	Unique []Unique // values that no two resources may share

	// OpenAtRoot lets a caller with some assignment in the tenant, but no right at the
	// root, read there: the type's own handlers then have to look at Op.Partial and
	// show only what the caller may read elsewhere.
	OpenAtRoot bool
	Tracked    bool // has a location and tags and appears in resource lists
	ETag       bool // carries entity tags
	WideTag    bool // its entity tags have 16 bytes instead of 8
	Match      bool // writes heed If-Match, though what is stored is a link
	NoBody     bool // PUT may come without a body
	Count      bool // lists carry count
	// Foreign lists members, as paths, that hold documents of another kind, such as JSON schemas:
	// in them names that differ only in case are different names.
	Foreign []string

	// Always lists names under which there is a resource before anybody wrote one, such as
	// settings: Hooks.Initial says what is in it. Its entity tag is that of revision 0.
	Always []string

	Status Status // success codes that differ from 201, 200, 200

	Holds   []*Type  // types below this one
	Actions []Action // POST actions on an item
}

// Status holds the success codes of a Type that differ from the usual ones. Zero keeps the usual.
type Status struct {
	Create  int // 201
	Update  int // 200
	Patch   int // as Update; a 204 has no body
	Delete  int // 200; a 202 comes with a Location that is done at once
	Missing int // DELETE of what is not there: 204; a 404 comes with the error body
	Head    int // 200
}

// NameRule says which names a resource may have.
type NameRule struct {
	Min, Max int    // in characters; 0 for 1 and 260
	Pattern  string // regular expression that the whole name matches; "" for any
	GUID     bool
	Only     []string // the only names there are
}

// Action is a POST on an item of a Type.
type Action struct {
	Name string // last part of the path, or several
	As   string // RBAC action, when it is not {type}/{name}/action
	Do   Handler
}

// Hooks are the parts of a type that are not data. Any may be nil. Old is nil on
// create. Inside Put and Delete the transaction is open: other documents may be
// read and written through tx, and nothing else may block.
type Hooks struct {
	// Attributes gives what conditions on assignments may refer to. It runs before authorization
	// and must not reveal anything: it returns attributes, never an answer.
	Attributes func(op *Op) *gatehouse.Attributes
	// Links lists further checks that the caller has to pass, made after the main one (rbac.md 5.3).
	Links func(op *Op, body *jsondoc.Object) ([]LinkedAccess, error)
	// Initial is the body of a resource that Always names, as long as it was not written;
	// parent holds it and exists. Nil means that there is none after all.
	Initial func(op *Op, parent *Resource, name string) (*jsondoc.Object, error)
	// Prepare sees the body of a PUT or PATCH, once the caller is known to have the right and before
	// the transaction. It alone may take its time, and may change the body; what it made of that
	// it leaves to the other hooks in Op.Brought.
	Prepare func(op *Op, body *jsondoc.Object) error
	// Default completes the body that is going to be stored, after the model's own defaults:
	// of a new resource, and of what a PUT or PATCH left out or cleared.
	Default func(op *Op, next *Resource)
	// Check refuses what the model cannot express. It writes nothing.
	Check func(op *Op, tx *store.Tx, old, next *Resource) error
	// Put runs before the document is written and may write others.
	Put func(op *Op, tx *store.Tx, old, next *Resource) error
	// Delete runs before the document is deleted and may delete others.
	Delete func(op *Op, tx *store.Tx, old *Resource) error
	// Restore checks, instead of Check and Delete, that a document may be put back as it was or,
	// with a nil next, deleted. Types with handlers of their own for PUT or DELETE cannot be
	// undone without it. It runs while others wait and may wait for nobody.
	Restore func(op *Op, tx *store.Tx, old, next *Resource) error
	// After runs when the write is committed; it may only publish.
	After func(op *Op, r *Resource)
	// Show shapes the answer; out is the wire object, which it may change.
	Show func(op *Op, r *Resource, out *jsondoc.Object)
	// Behind gives a link the resource that it is shown as, with that one's entity tag and
	// whatever id it is given here. What leads nowhere is NotFound, and left out of lists.
	Behind func(op *Op, from store.Reader, link *Resource) (*Resource, error)
	// Field gives $filter a field that is not stored under its name.
	Field func(r *Resource, name string) (any, bool)
}

// LinkedAccess is an action that the caller needs at another scope.
type LinkedAccess struct {
	Action string
	ID     gatehouse.ID
}

// Place says where types hang.
type Place string

// The places. Anywhere is for extension resources: at the root, management
// groups, subscriptions, resource groups and resources alike.
const (
	AtTenant       Place = ""
	AtSubscription Place = "/subscriptions/{subscriptionId}"
	AtGroup        Place = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
	Anywhere       Place = "{scope}"
)

// Mount hangs types at a place, below providers/{namespace}. Bare mounts leave
// that part out, as subscriptions and resource groups do.
type Mount struct {
	At    Place
	Types []*Type
	Bare  bool
}

// Call is a request that belongs to no declared type. Path may start with the
// text of a Place and holds parameters in braces; the RBAC scope is the longest
// part of the requested path that is a resource ID.
type Call struct {
	Method string
	Path   string
	Action string // RBAC action; "" for calls that any authenticated caller may make. It may hold parameters of the path
	Data   bool
	At     string // resource ID that the action is authorized at; "" for the path's
	// Partial marks collections that show a caller without rights on the whole the items that it may read (rbac.md 5.2).
	Partial bool
	Do      Handler
}

// Provider is a namespace with its types and calls. It is a value handed to New; nothing registers itself.
type Provider struct {
	Namespace   string
	DisplayName string
	Mounts      []Mount
	Calls       []Call
	Versions    []string // listed for every type; the first is the newest
	// Versioned checks an api-version; nil takes every well-formed one.
	Versioned func(version string) error
	// Invalid makes one error of all that the model found wrong; nil answers InvalidRequestContent with details.
	Invalid func(faults []*gatehouse.Error) error
	// Before, when set, is asked of every authorized operation of every provider before it
	// runs, and may refuse it: resource locks do (rbac.md 5.4). It must be quick.
	Before func(op *Op) error
	// Alias, when set, is asked of every authorized operation whether the resource that holds
	// or is what the caller addressed is stored under another ID; nil for no. It must be quick.
	Alias func(ctx context.Context, r store.Reader, t *Target) (*Alias, error)
	// Missing words the 404 for a resource of this provider; nil words it as ARM does.
	Missing func(t *Type, id gatehouse.ID) error
}
