package arm

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Op is an authorized operation. Only the pipeline makes one, after the caller
// was found to have the right; handlers and hooks receive it.
type Op struct {
	*Target
	Context  context.Context
	Server   *Server
	Caller   *gatehouse.Caller
	Decision gatehouse.Decision
	Version  string // api-version
	Query    Query
	Header   http.Header // of the request
	Method   string
	Now      time.Time

	Operation, Correlation, ClientRequest string

	Brought any // what the Prepare hook leaves to the others

	// Partial tells a handler that the caller lacks the right on the whole and may see only what it may read.
	Partial bool

	within   *Op                    // whose Write this one is part of
	restores bool                   // RestoreWithin is about the addressed resource itself
	aside    bool                   // and that changed only along with something else
	send     func() ([]byte, error) // reads the request body, when it comes to that; nil for none
	body     *jsondoc.Object
	bodyErr  error
	read     bool
	again    func() error
	tx       *store.Tx // while a Write runs
	claims   []claim
	alias    *Alias       // nil when what was asked for is stored under that name
	asked    gatehouse.ID // what the caller sent, when aliased
	aliased  bool         // the provider was asked for an alias
	recorded bool         // a refusal of it is on record
}

// Answer is what a handler returns. A nil Body is an empty one.
type Answer struct {
	Status int
	Body   jsondoc.Value
	Raw    []byte // sent instead of Body, with the Content-Type of Header
	Header http.Header
}

// OK is an answer with a body and status 200.
func OK(body jsondoc.Value) *Answer { return &Answer{Status: http.StatusOK, Body: body} }

// Answered is a Go value as an answer, in the shape that its JSON names give it.
func Answered(v any) (*Answer, error) {
	body, err := jsondoc.From(v)
	if err != nil {
		return nil, err
	}
	return OK(body), nil
}

// Decode fills a Go value from the request body.
func (op *Op) Decode(into any) error {
	body, err := op.Body()
	if err != nil {
		return err
	}
	if err := jsondoc.Decode(body, into); err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request could not be read: %v.", err)
	}
	return nil
}

// ListOf is an answer that wraps items the way ARM lists do.
func ListOf(items []jsondoc.Value) *Answer {
	if items == nil {
		items = []jsondoc.Value{}
	}
	o := &jsondoc.Object{}
	o.Set("value", items)
	return OK(o)
}

// With adds a header and returns a.
func (a *Answer) With(name, value string) *Answer {
	if a.Header == nil {
		a.Header = http.Header{}
	}
	a.Header.Set(name, value)
	return a
}

// Body returns the request body as an object. A missing body is an empty object
// for a POST, a Link and types that have NoBody, and an error otherwise. Deployments are read in relaxed mode, since
// az sends unquoted keys and comments there (clients.md section 4).
func (op *Op) Body() (*jsondoc.Object, error) {
	if !op.read {
		op.read = true
		op.body, op.bodyErr = op.readBody()
	}
	return op.body, op.bodyErr
}

// readBody takes the body from the connection. Nobody is listened to for long before
// they are known to have the right; only conditions on the body itself need it earlier.
func (op *Op) readBody() (*jsondoc.Object, error) {
	var raw []byte
	if op.send != nil {
		var err error
		if raw, err = op.send(); err != nil {
			return nil, err
		}
	}
	var foreign []string
	if t := op.Route.Type; t != nil {
		foreign = t.Foreign
	}
	return parseBody(raw, op.relaxed(), op.bodyOptional(), foreign)
}

// bodyOptional reports whether a request without a body is one with an empty object: every POST, and a PUT that only links or names.
func (op *Op) bodyOptional() bool {
	t := op.Route.Type
	return op.Method == http.MethodPost || t != nil && (t.NoBody || t.Shape == Link)
}

func (op *Op) relaxed() bool { return relaxedTypes[fold(op.Route.TypeName)] }

// relaxedTypes are the types whose bodies az writes by hand.
var relaxedTypes = map[string]bool{"microsoft.resources/deployments": true}

// maxDepth leaves room to wrap a body into a change record, which is read at jsondoc's own limit of 100.
const maxDepth = 90

func parseBody(raw []byte, relaxed, optional bool, foreign []string) (*jsondoc.Object, error) {
	if len(raw) == 0 {
		if optional {
			return &jsondoc.Object{}, nil
		}
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request has no body; send the resource as a JSON object.")
	}
	v, err := jsondoc.Parse(raw, jsondoc.Options{Relaxed: relaxed, Variants: len(foreign) > 0, MaxDepth: maxDepth, MaxBytes: MaxBody})
	if err == nil && len(foreign) > 0 {
		err = jsondoc.CheckVariants(v, foreign)
	}
	if err != nil {
		return nil, err
	}
	o, ok := v.(*jsondoc.Object)
	if !ok {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request content was invalid: the body has to be a JSON object.")
	}
	return o, nil
}

// Cause is what the store records as the who and why of this operation's writes.
// masked is the request body without secrets, nil for none.
func (op *Op) Cause(masked *jsondoc.Object) gatehouse.Cause {
	c := gatehouse.Cause{Caller: *op.Caller, Action: op.Route.Action, Scope: op.scopeText(), Operation: op.Operation,
		Correlation: op.Correlation, ClientReq: op.ClientRequest, Method: op.Method, Decision: because(op.Decision),
		Reason: clip(op.Header.Get("x-gatehouse-reason"))}
	if masked != nil {
		c.Request = jsondoc.Marshal(masked)
	}
	return c
}

// scopeText is the scope as messages and the log name it: a list is named by its own path (rbac.md 5.1).
func (op *Op) scopeText() string {
	if op.Collection() {
		return op.Path
	}
	return op.Asked().String()
}

func because(d gatehouse.Decision) *gatehouse.Because {
	b := &gatehouse.Because{Allowed: d.Allowed, Code: d.Code}
	for _, part := range []struct {
		to *string
		id gatehouse.GUID
	}{{&b.Grant, d.Grant}, {&b.Role, d.Role}, {&b.Deny, d.Deny}} {
		if !part.id.IsZero() {
			*part.to = part.id.String()
		}
	}
	return b
}

// Write runs f in a transaction, recorded under this operation. The caller's right
// is asked again inside, so that a right withdrawn meanwhile does not count.
func (op *Op) Write(masked *jsondoc.Object, f func(tx *store.Tx) error) error {
	if op.within != nil {
		return op.writeWithin(f)
	}
	defer op.settleClaims()
	_, err := op.Server.store.Write(op.Context, op.Cause(masked), func(tx *store.Tx) error {
		op.tx = tx
		defer func() { op.tx = nil }()
		if err := op.again(); err != nil {
			return err
		}
		if err := op.unmoved(tx); err != nil {
			return err
		}
		return f(tx)
	})
	return err
}

// Conclude writes the outcome of work that was authorized when it began, such as the
// state of a deployment. It does not ask again: what has happened has to be recorded
// even if the caller's right was withdrawn meanwhile. Use it for nothing else.
func (op *Op) Conclude(f func(tx *store.Tx) error) error {
	defer op.settleClaims()
	_, err := op.Server.store.Write(op.Context, op.Cause(nil), f)
	return err
}

// Record appends an event to the change log: an act that changes no document, such as revealing a secret.
func (op *Op) Record(note string) error {
	return op.Server.store.Record(op.Context, gatehouse.Change{Kind: gatehouse.Event, Cause: op.Cause(nil),
		Resource: op.ID.String(), Type: op.Route.TypeName, Status: http.StatusOK, Note: note})
}

// Can reports whether the caller may perform another action at id; it reveals nothing and records nothing.
func (op *Op) Can(action string, id gatehouse.ID) bool {
	return op.Server.guard.Allowed(op.Caller, action, id)
}

// Hopeless reports whether no grant gives the caller an action at id, whatever the
// request will hold: not even one whose condition depends on that.
func (op *Op) Hopeless(action string, id gatehouse.ID) bool {
	d, err := op.Server.guard.AuthorizeAt(op.Context, op.Caller, action, false, id, id.String(), nil)
	return gatehouse.KindOf(err) == gatehouse.Forbidden && d.Code == gatehouse.AuthorizationFailed && !d.Conditional
}

// Sees reports whether the caller holds any assignment at, above or below id (rbac.md 5.2).
func (op *Op) Sees(id gatehouse.ID) bool { return op.Server.guard.Visible(op.Caller, id) }

// Load reads the resource at id, or returns an error of kind NotFound.
func (op *Op) Load(r store.Reader, id gatehouse.ID) (*Resource, error) {
	d, err := r.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		if initial, reason := op.initial(r, id); initial != nil || reason != nil {
			return initial, reason
		}
	}
	if err != nil {
		return nil, err
	}
	return op.Server.resource(d)
}

// Store gives read access: to what is committed, and within a Write to what its
// transaction sees.
func (op *Op) Store() store.Reader {
	if op.tx != nil {
		return op.tx
	}
	if op.within != nil {
		return op.within.tx
	}
	return op.Server.store
}

// Resource is a document in flight: the wire envelope without id, name and type.
type Resource struct {
	ID       gatehouse.ID
	Type     string
	Body     *jsondoc.Object
	Secret   *jsondoc.Object // member per secret path; nil for none
	Revision int64
	Created  time.Time
	Updated  time.Time
}

// Props returns the properties object, making it if need be.
func (r *Resource) Props() *jsondoc.Object {
	if p := r.Body.Object("properties"); p != nil {
		return p
	}
	p := &jsondoc.Object{}
	r.Body.Set("properties", p)
	return p
}

// SecretString returns the secret at a path, "" when there is none.
func (r *Resource) SecretString(path string) string {
	if r.Secret == nil {
		return ""
	}
	v, _ := r.Secret.Get(path)
	s, _ := v.(string)
	return s
}

// SecretValue returns the secret at a path that is more than text, nil when there is none.
func (r *Resource) SecretValue(path string) jsondoc.Value {
	v, err := jsondoc.Parse([]byte(r.SecretString(path)), jsondoc.Options{})
	if err != nil {
		return nil
	}
	return v
}

// SetSecret stores a secret under a path.
func (r *Resource) SetSecret(path, value string) {
	if r.Secret == nil {
		r.Secret = &jsondoc.Object{}
	}
	r.Secret.Set(path, value)
}

// Document is the stored form of r.
func (r *Resource) Document() *store.Document {
	d := &store.Document{ID: r.ID, Type: r.Type, Body: jsondoc.Marshal(r.Body), Created: r.Created}
	if r.Secret != nil && r.Secret.Len() > 0 {
		d.Secret = jsondoc.Marshal(r.Secret)
	}
	return d
}

// asStored reads what was checked when it came: foreign parts may hold names that differ only in
// case, and one character of a request can become several of a document.
var asStored = jsondoc.Options{Variants: true, MaxBytes: 8 * MaxBody}

// FromDocument reads a stored document.
func FromDocument(d *store.Document) (*Resource, error) {
	body, err := jsondoc.ParseObjectWith(d.Body, asStored)
	if err != nil {
		return nil, errors.Join(errors.New("document "+d.ID.String()+" cannot be read"), err)
	}
	r := &Resource{ID: d.ID, Type: d.Type, Body: body, Revision: d.Revision, Created: d.Created, Updated: d.Updated}
	if len(d.Secret) > 0 {
		if r.Secret, err = jsondoc.ParseObject(d.Secret); err != nil {
			return nil, errors.New("the secrets of " + d.ID.String() + " cannot be read")
		}
	}
	return r, nil
}

func (s *Server) resource(d *store.Document) (*Resource, error) { return FromDocument(d) }

// Clone copies r so that the copy can be changed.
func (r *Resource) Clone() *Resource {
	c := *r
	c.Body = r.Body.Clone()
	if r.Secret != nil {
		c.Secret = r.Secret.Clone()
	}
	return &c
}

var _ json.Marshaler = (*jsondoc.Object)(nil)
