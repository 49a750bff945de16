package arm

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// MaxBody is the largest request body accepted, in bytes. Imported API documents
// of several megabytes have to fit.
const MaxBody = 32 << 20

// Config is what a Server needs. Store, Guard and Authenticate are required.
type Config struct {
	Store *store.Store
	Guard *guard.Guard
	// Authenticate returns the caller of a request, or an error of kind Unauthenticated.
	Authenticate func(r *http.Request) (*gatehouse.Caller, error)
	// Challenge is the WWW-Authenticate value of a 401.
	Challenge func(err error) string
	BaseURL   string // https://host:port without a trailing slash; nextLink and Location start with it
	TenantID  gatehouse.GUID
	Clock     func() time.Time // nil for time.Now
	Log       *slog.Logger     // nil for slog.Default
	// Explain, when set, says how to find out why a request was refused: a link and a command.
	Explain func(operation string) (link, command string)
	// Refusals puts refusals on record; nil makes one for this server alone.
	Refusals *guard.Refusals
	// Observe, when set, is told of every request once it is answered.
	Observe func(Event)
}

// Event is what is known of a request when it has been answered.
type Event struct {
	Method, Path, Action, TypeName, Caller, Code, Operation, Correlation string
	Verb                                                                 Verb
	Status                                                               int
	Duration                                                             time.Duration
}

// Declared is a type with its full name and provider.
type Declared struct {
	Name     string // Microsoft.ApiManagement/service/apis
	Type     *Type
	Provider *Provider
}

// Server serves the ARM wire. It is safe for concurrent use.
type Server struct {
	Config
	store     *store.Store
	guard     *guard.Guard
	tree      tree
	types     map[string]*Declared
	providers []*Provider
	uniques   uniques
}

// New returns a Server for the given providers. It panics when two declarations claim the same path.
func New(c Config, providers ...*Provider) *Server {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Refusals == nil {
		c.Refusals = guard.NewRefusals(c.Store, c.Clock)
	}
	s := &Server{Config: c, store: c.Store, guard: c.Guard, types: map[string]*Declared{}, providers: providers}
	for _, p := range providers {
		s.mount(p)
	}
	s.uniques.rooms = map[room]*holders{}
	s.store.OnCommit(s.follow)
	return s
}

// Providers returns the providers in the order given to New.
func (s *Server) Providers() []*Provider { return s.providers }

// TypeOf returns the declaration of a full type name in any casing, nil when there is none.
func (s *Server) TypeOf(name string) *Declared { return s.types[fold(name)] }

// Types returns every declared type, ordered by folded name.
func (s *Server) Types() []*Declared {
	all := make([]*Declared, 0, len(s.types))
	for _, name := range slices.Sorted(maps.Keys(s.types)) {
		all = append(all, s.types[name])
	}
	return all
}

func (s *Server) provider(namespace string) *Provider {
	for _, p := range s.providers {
		if fold(p.Namespace) == fold(namespace) {
			return p
		}
	}
	return nil
}

func fold(s string) string { return gatehouse.Fold(s) }

// exchange is one HTTP request on its way through the pipeline.
type exchange struct {
	*Server
	w       http.ResponseWriter
	r       *http.Request
	started time.Time
	event   Event
	op      *Op
}

// ServeHTTP answers one request. Handlers return errors; only this function turns one into a status and a body.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Server: s, w: w, r: r, started: s.Clock()}
	x.identify()
	defer x.recover()
	answer, err := x.serve()
	if err != nil {
		answer = x.failed(err)
	}
	x.write(answer)
	x.observe(answer.Status)
}

// serve is the pipeline. The order is rbac.md 5.4.
func (x *exchange) serve() (*Answer, error) {
	caller, err := x.Authenticate(x.r)
	if err != nil {
		return nil, err
	}
	caller.Address = clientAddress(x.r)
	x.event.Caller = caller.ID.String()
	target, err := x.Resolve(x.r.Method, x.r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	x.event.Verb, x.event.Action, x.event.TypeName = target.Route.Verb, target.Route.Action, target.Route.TypeName
	x.op = &Op{Target: target, Context: x.r.Context(), Server: x.Server, Caller: caller, Method: x.r.Method, send: func() ([]byte, error) { return readBody(x.w, x.r) },
		Header: x.r.Header, Query: parseQuery(x.r.URL.RawQuery), Now: x.started,
		Operation: x.event.Operation, Correlation: x.event.Correlation, ClientRequest: clip(x.r.Header.Get("x-ms-client-request-id"))}
	answer, err := x.op.run()
	if lacks := (*guard.Lacks)(nil); errors.As(err, &lacks) && !x.op.recorded {
		err = x.op.refused(err) // decided within a transaction, where nothing can be recorded
	}
	return answer, err
}

// run takes an operation from api-version to answer. Inner calls of deployments enter here too, as the same caller.
func (op *Op) run() (*Answer, error) {
	if err := op.admit(); err != nil {
		return nil, err
	}
	_, _ = op.Body() // before any transaction: the writer waits for no client. Who needs the body gets the error as well
	return op.Route.handler(op)
}

// admit is everything before the handler.
func (op *Op) admit() error {
	for _, step := range []func() error{op.checkVersion, op.subscriptionExists, op.authorize, op.before, op.rename} {
		if err := step(); err != nil {
			return err
		}
	}
	if op.alias != nil {
		return op.before()
	}
	return nil
}

func (op *Op) before() error {
	for _, p := range op.Server.providers {
		if p.Before == nil {
			continue
		}
		if err := p.Before(op); err != nil {
			return err
		}
	}
	return nil
}

func (op *Op) checkVersion() error {
	op.Version = op.Query.Get("api-version")
	if op.Version == "" {
		return gatehouse.Errorf(gatehouse.Invalid, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")
	}
	if !versionPattern.MatchString(op.Version) {
		return gatehouse.Errorf(gatehouse.Invalid, "InvalidApiVersionParameter", "The api-version '%s' is invalid. It has the form YYYY-MM-DD or YYYY-MM-DD-preview.", clip(op.Version))
	}
	if check := op.Route.Provider.Versioned; check != nil {
		return check(op.Version)
	}
	return nil
}

func (op *Op) subscriptionExists() error {
	sub, ok := op.ID.Scope().Subscription()
	if !ok || op.ID.Scope() == sub && op.Route.Verb == Put {
		return nil
	}
	_, err := op.Server.store.Get(op.Context, sub)
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return SubscriptionNotFound(sub.Name())
	}
	return err
}

// authorize asks the guard. A refusal is recorded before the caller hears of it.
func (op *Op) authorize() error {
	op.again = func() error { return nil }
	if op.Route.Action == "" {
		return nil
	}
	id, scope := op.ID, op.scopeText()
	ask := func() (err error) {
		var attributes *gatehouse.Attributes // anew each time: what they are read from can change
		if t := op.Route.Type; t != nil && t.Hooks.Attributes != nil {
			attributes = t.Hooks.Attributes(op)
		}
		op.Decision, err = op.Server.guard.AuthorizeAt(op.Context, op.Caller, op.Route.Action, op.Route.Data, id, scope, attributes)
		return err
	}
	err := ask()
	if err == nil {
		op.again = ask
		return nil
	}
	if op.mayBePartial() && gatehouse.KindOf(err) == gatehouse.Forbidden && op.Decision.Deny.IsZero() && op.visible() {
		op.Partial = true
		return nil
	}
	return op.refused(err)
}

func (op *Op) mayBePartial() bool {
	if op.Route.partial {
		return true
	}
	t := op.Route.Type
	reads := op.Route.Verb == List && op.ID.IsRoot() || op.Route.Verb == Get && op.ID.Parent().IsRoot()
	return t != nil && t.OpenAtRoot && reads
}

// visible reports whether the caller holds any assignment that bears on the subscription or what is in it (rbac.md 5.2).
func (op *Op) visible() bool {
	return op.Sees(op.ID)
}

// Refused records a refusal that a handler decided on, before the caller hears of
// it. Its error is that of recording; err is still the handler's to return.
func (op *Op) Refused(err error) error {
	if recorded := op.refused(err); recorded != err {
		return recorded
	}
	return nil
}

func (op *Op) refused(err error) error {
	if op.within != nil {
		return err // the writer cannot wait for itself; who runs this one records it
	}
	c := gatehouse.Change{Kind: gatehouse.Refused, Cause: op.Cause(nil), Resource: op.ID.String(), Type: op.Route.TypeName,
		Status: http.StatusForbidden, Note: gatehouse.CodeOf(err)}
	if lacks := (*guard.Lacks)(nil); errors.As(err, &lacks) {
		c.Cause.Decision.Linked = lacks.Linked
	}
	op.recorded = true
	if logErr := op.Server.Refusals.Record(op.Context, c); logErr != nil {
		return errors.Join(errors.New("a refusal could not be recorded"), logErr)
	}
	return err
}

// linked makes the checks of a type's Links hook (rbac.md 5.3).
func (op *Op) linked(body *jsondoc.Object) error {
	t := op.Route.Type
	if t == nil || t.Hooks.Links == nil {
		return nil
	}
	links, err := t.Hooks.Links(op, body)
	if err != nil {
		return err
	}
	return op.RequireLinked(links...)
}

// RequireLinked returns a 403 LinkedAuthorizationFailed unless the caller has every one of the rights.
func (op *Op) RequireLinked(links ...LinkedAccess) error {
	for _, l := range links {
		if err := op.Server.guard.AuthorizeLinked(op.Context, op.Caller, op.Route.Action, op.Asked(), l.Action, l.ID); err != nil {
			return op.refused(err)
		}
		stored, err := op.Server.StoredID(op.Context, op.Store(), l.ID)
		if err != nil {
			return err
		}
		if stored.Scope() == l.ID.Scope() {
			continue
		}
		if _, err := op.Server.guard.Denied(op.Caller, l.Action, false, stored); err != nil { // by the other name, see rename
			return op.refused(err)
		}
	}
	return nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &gatehouse.Error{Kind: gatehouse.TooLarge, Code: "RequestContentTooLarge", Message: fmt.Sprintf("The request body is larger than %d bytes.", MaxBody)}
	}
	if err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request body could not be read to its end.")
	}
	return raw, nil
}

func clientAddress(r *http.Request) string {
	host := r.RemoteAddr
	if i := strings.LastIndexByte(host, ':'); i > 0 {
		host = host[:i]
	}
	return strings.Trim(host, "[]")
}

// identify gives the request its ids and the headers that every answer carries (rbac.md 2.2).
func (x *exchange) identify() {
	x.event = Event{Method: x.r.Method, Path: x.r.URL.EscapedPath(), Operation: gatehouse.NewGUID().String()}
	x.event.Correlation = x.event.Operation
	if given := x.r.Header.Get("x-ms-correlation-request-id"); given != "" {
		if g, err := gatehouse.ParseGUID(given); err == nil {
			x.event.Correlation = g.String()
		}
	}
	h := x.w.Header()
	for name, value := range fixedHeaders {
		h[name] = value
	}
	h.Set("x-ms-request-id", x.event.Operation)
	h.Set("x-ms-correlation-request-id", x.event.Correlation)
	h.Set("x-ms-routing-request-id", "LOCAL:"+x.started.UTC().Format("20060102T150405Z")+":"+x.event.Correlation)
	if x.r.Header.Get("x-ms-return-client-request-id") == "true" {
		h.Set("x-ms-client-request-id", clip(strings.Map(printable, x.r.Header.Get("x-ms-client-request-id"))))
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// fixedHeaders are shared by all answers. The last one lets Terraform's pollers skip their pauses (clients.md section 4).
var fixedHeaders = map[string][]string{
	"Cache-Control":             {"no-cache"},
	"Pragma":                    {"no-cache"},
	"Expires":                   {"-1"},
	"Strict-Transport-Security": {"max-age=31536000; includeSubDomains"},
	"X-Content-Type-Options":    {"nosniff"},
	"X-Ms-Ratelimit-Remaining-Subscription-Reads":  {"11999"},
	"X-Ms-Ratelimit-Remaining-Subscription-Writes": {"1199"},
	"X-Go-Azure-Sdk-Skip-Polling-Delay":            {"true"},
}

func (x *exchange) write(a *Answer) {
	h := x.w.Header()
	for name, values := range a.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if a.Body == nil && a.Raw == nil {
		if a.Status != http.StatusNoContent {
			h.Set("Content-Length", "0")
		}
		x.w.WriteHeader(a.Status)
		return
	}
	body := a.Raw
	if body == nil {
		body = jsondoc.Marshal(a.Body)
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	x.w.WriteHeader(a.Status)
	if x.r.Method != http.MethodHead {
		x.w.Write(body)
	}
}

func (x *exchange) recover() {
	if p := recover(); p != nil {
		if p == http.ErrAbortHandler {
			panic(p)
		}
		x.Log.Error("request panicked", "operation", x.event.Operation, "path", x.event.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		a := x.failed(fmt.Errorf("panic: %v", p))
		x.write(a)
		x.observe(a.Status)
	}
}

func (x *exchange) observe(status int) {
	x.event.Status, x.event.Duration = status, x.Clock().Sub(x.started)
	x.Log.LogAttrs(context.Background(), slog.LevelInfo, "arm", slog.String("method", x.event.Method), slog.String("path", x.event.Path),
		slog.Int("status", status), slog.String("action", x.event.Action), slog.String("caller", x.event.Caller), slog.String("code", x.event.Code),
		slog.String("operation", x.event.Operation), slog.String("correlation", x.event.Correlation), slog.Duration("took", x.event.Duration))
	if x.Observe != nil {
		x.Observe(x.event)
	}
}

// Tag is the entity tag of a revision: eight bytes in base64, quoted, as the service spells row versions.
func Tag(revision int64) string { return tag(revision, 8) }

// Tag is the entity tag of a resource of this type.
func (t *Type) Tag(r *Resource) string {
	if t.WideTag {
		return tag(r.Revision, 16)
	}
	return tag(r.Revision, 8)
}

func tag(revision int64, size int) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, size), uint64(revision))
	return `"` + base64.StdEncoding.EncodeToString(b[:size]) + `"`
}
