package graph

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/odata"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// Guard is what graph asks for every request; package guard answers it.
type Guard interface {
	// AuthorizeData decides a data action on an object, or on directory.Root() for
	// lists and creation. A refusal is a *gatehouse.Error of kind Forbidden.
	AuthorizeData(ctx context.Context, caller *gatehouse.Caller, action string, id gatehouse.ID) (gatehouse.Decision, error)
}

// Config is what a Handler needs. Fields without a default are required.
type Config struct {
	Store *store.Store
	Index *directory.Index
	Guard Guard
	// Authenticate returns who is asking, or an error of kind Unauthenticated.
	Authenticate func(r *http.Request) (*gatehouse.Caller, error)
	// HashPassword returns the form in which a user's password is stored (package password).
	HashPassword func(password string) (string, error)
	// BaseURL is the public address without a last slash: https://gatehouse.example:8443.
	BaseURL    string
	TenantID   gatehouse.GUID
	TenantName string
	// Domains are the tenant's verified domains, the default one first. User
	// principal names and https identifier URIs lie in one of them; with none
	// given neither is checked.
	Domains []string
	// ReservedURIs are audiences that no application may claim as an identifier
	// URI: those of Resource Manager, Graph and this server.
	ReservedURIs []string
	// Roles are the directory roles; those that ownership stands for are left out.
	Roles []gatehouse.RoleDefinition
	// UsersRegisterApplications lets every user create applications and service
	// principals, as Entra does by default. Off, a directory role is needed.
	UsersRegisterApplications bool
	// PageKey signs the tokens of nextLink; random when empty, so that they end with the process.
	PageKey []byte
	Clock   func() time.Time // time.Now when nil
	Logger  *slog.Logger     // slog.Default() when nil
	// Refusals puts refusals on record; nil makes one for this handler alone.
	Refusals *guard.Refusals
	// Explain, when set, says how to find out why a request was refused: a link and a command.
	Explain func(operation string) (link, command string)
}

// Handler serves /v1.0/ and /beta/. It is safe for concurrent use.
type Handler struct {
	cfg    Config
	table  []route
	signer *odata.Signer
	// pairing keeps an application still while its service principal is made: the
	// one finds the other through the index, which knows only what is committed.
	// Makers of service principals lock it; who changes an application reads it.
	pairing sync.RWMutex
}

// New returns a Handler.
func New(cfg Config) *Handler {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Refusals == nil {
		cfg.Refusals = guard.NewRefusals(cfg.Store, cfg.Clock)
	}
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	cfg.Roles = slices.DeleteFunc(slices.Clone(cfg.Roles), func(r gatehouse.RoleDefinition) bool {
		return r.ID.String() == builtin.GroupOwner || r.ID.String() == builtin.ApplicationOwner
	})
	return &Handler{cfg: cfg, table: routes(), signer: odata.NewSigner(cfg.PageKey)}
}

// call is one request on its way. Only serve makes one, and a handler sees it
// after the route's action was authorized at id.
type call struct {
	h           *Handler
	r           *http.Request
	caller      *gatehouse.Caller
	operation   string
	correlation string
	version     string // v1.0 or beta
	path        []string
	cast        string // microsoft.graph.{cast} of the path, "" for none
	route       *route
	args        []string
	oid         gatehouse.GUID // of the object that the path names; zero when it names none, or none that exists
	id          gatehouse.ID   // what the action was authorized at
	decision    *gatehouse.Because
	query       *odata.Query
	body        *jsondoc.Object
}

// answer is what a request is answered with. The zero status is 200.
type answer struct {
	status   int
	body     *jsondoc.Object
	plain    string
	location string
	retry    time.Duration
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, r: r, operation: gatehouse.NewGUID().String()}
	c.correlation = correlationOf(r, c.operation)
	began := h.cfg.Clock()
	a, err := c.serve()
	if err != nil {
		a = c.failure(err)
	}
	c.log(c.write(w, a), began, err)
}

// log leaves one event per request. The query stays out: it may hold names.
func (c *call) log(status int, began time.Time, err error) {
	action, caller := "", ""
	if c.route != nil {
		action = c.route.action
	}
	if c.caller != nil {
		caller = c.caller.ID.String()
	}
	c.h.cfg.Logger.LogAttrs(c.ctx(), slog.LevelInfo, "graph", slog.String("method", c.r.Method), slog.String("path", c.r.URL.Path), slog.Int("status", status),
		slog.String("action", action), slog.String("caller", caller), slog.String("code", gatehouse.CodeOf(err)),
		slog.String("operation", c.operation), slog.String("correlation", c.correlation), slog.Duration("took", c.h.cfg.Clock().Sub(began)))
}

// correlationOf takes the client's request ID when it is one that a log can hold.
func correlationOf(r *http.Request, operation string) string {
	id := r.Header.Get("client-request-id")
	if id == "" || len(id) > 128 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return operation
	}
	return id
}

// serve is the order in which every request passes; nothing is loaded or decoded
// before it was authorized.
func (c *call) serve() (a *answer, err error) {
	if c.caller, err = c.h.cfg.Authenticate(c.r); err != nil {
		return nil, err
	}
	if err = c.resolve(); err != nil {
		return nil, err
	}
	if err = c.authorize(); err != nil {
		return nil, err
	}
	if c.query, err = odata.ParseQuery(c.r.URL.RawQuery, odata.Limits{MaxTop: maxPage, Bare: true}); err != nil {
		return nil, queryError(err)
	}
	if err = c.decode(); err != nil {
		return nil, err
	}
	return c.route.do(c)
}

func queryError(err error) error {
	e := gatehouse.Errorf(gatehouse.Invalid, codeRequest, "%s", messageOf(err))
	if gatehouse.CodeOf(err) == odata.InvalidFilter {
		e.Message = "Invalid filter clause: " + e.Message
	}
	return e
}

// maxBody bounds request bodies: an application with certificates is some 10 KiB.
const maxBody = 1 << 20

func (c *call) decode() error {
	c.body = jsondoc.NewObject()
	if c.r.Method != http.MethodPost && c.r.Method != http.MethodPatch && c.r.Method != http.MethodPut || c.r.Body == nil {
		return nil
	}
	b, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	switch {
	case err != nil:
		return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "The request body could not be read to its end.")
	case len(b) > maxBody:
		return gatehouse.Errorf(gatehouse.TooLarge, codeRequest, "The request body is larger than %d bytes.", maxBody)
	case len(strings.TrimSpace(string(b))) == 0:
		return nil
	}
	if c.body, err = jsondoc.ParseObject(b); err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, codeRequest, "Unable to read JSON request payload. %s", messageOf(err))
	}
	return nil
}

func messageOf(err error) string {
	if e, ok := err.(*gatehouse.Error); ok {
		return e.Message
	}
	return err.Error()
}

// write sends the answer and returns its status.
func (c *call) write(w http.ResponseWriter, a *answer) int {
	head := w.Header()
	head.Set("request-id", c.operation)
	head.Set("client-request-id", c.correlation)
	if a.status == http.StatusForbidden && c.h.cfg.Explain != nil {
		link, command := c.h.cfg.Explain(c.operation)
		head.Set("x-ms-gatehouse-explain", command)
		head.Set("Link", "<"+link+`>; rel="help"`)
	}
	head.Set("Cache-Control", "no-cache")
	head.Set("X-Content-Type-Options", "nosniff")
	if a.location != "" {
		head.Set("Location", a.location)
	}
	if a.retry > 0 {
		head.Set("Retry-After", retryAfter(a.retry))
	}
	if a.status == http.StatusUnauthorized {
		head.Set("WWW-Authenticate", `Bearer authorization_uri="`+c.h.cfg.BaseURL+"/"+c.h.cfg.TenantID.String()+`/oauth2/v2.0/authorize", error="invalid_token"`)
	}
	status := max(a.status, http.StatusOK)
	if a.status == 0 && a.body == nil && a.plain == "" {
		status = http.StatusNoContent
	}
	var b []byte
	switch {
	case a.body != nil:
		head.Set("Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8")
		head.Set("OData-Version", "4.0")
		b = jsondoc.Marshal(a.body)
	case a.plain != "":
		head.Set("Content-Type", "text/plain")
		b = []byte(a.plain)
	}
	w.WriteHeader(status)
	_, _ = w.Write(b) // the client is gone when this fails
	return status
}

func retryAfter(d time.Duration) string {
	b, _ := json.Marshal(int((d + time.Second - 1) / time.Second)) // a number always encodes
	return string(b)
}

// cause is who asks and why it was permitted.
func (c *call) cause() gatehouse.Cause {
	cause := gatehouse.Cause{
		Caller: *c.caller, Action: c.action(), Scope: c.id.String(), Decision: c.decision, Operation: c.operation,
		Correlation: c.correlation, Method: c.r.Method, ClientReq: c.r.Header.Get("client-request-id"),
	}
	if len(cause.ClientReq) > 128 {
		cause.ClientReq = cause.ClientReq[:128]
	}
	cause.Reason = clip(c.r.Header.Get("x-gatehouse-reason"))
	if c.body != nil && c.body.Len() > 0 {
		cause.Request = jsondoc.Marshal(masked(c.body))
	}
	return cause
}

// masked is a request without what must not be logged, at any depth.
func masked(v jsondoc.Value) jsondoc.Value {
	switch v := v.(type) {
	case *jsondoc.Object:
		out := jsondoc.NewObject()
		for name, member := range v.All() {
			switch gatehouse.Fold(name) {
			case "password", "secrettext", "currentpassword", "newpassword", "key", "proof":
				if member != nil {
					member = "***"
				}
			}
			out.Set(name, masked(member))
		}
		return out
	case []jsondoc.Value:
		out := make([]jsondoc.Value, len(v))
		for i := range v {
			out[i] = masked(v[i])
		}
		return out
	}
	return v
}

// change runs f in a transaction in the caller's name. The caller's right is asked
// again inside, so that one withdrawn meanwhile does not count, nor one over somebody
// who has become an administrator meanwhile.
func (c *call) change(status int, f func(tx *store.Tx) error) error {
	_, err := c.h.cfg.Store.Write(c.r.Context(), c.cause(), func(tx *store.Tx) error {
		if err := c.stillAuthorized(); err != nil {
			return err
		}
		tx.Answer(status)
		return f(tx)
	})
	return err
}

func (c *call) ctx() context.Context { return c.r.Context() }

// contextURL is the value of @odata.context.
func (c *call) contextURL(of string) string {
	return c.h.cfg.BaseURL + "/" + c.version + "/$metadata#" + of
}
