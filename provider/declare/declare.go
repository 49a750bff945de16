// Package declare is the part of Gatehouse.Access that compares access with what is
// declared, and makes it so: access as code, as gatehouse plan and apply.
//
// It has no rights of its own and none are asked for it. What it reads and each step that
// it does is an ordinary Resource Manager or Graph request with the token of the caller,
// answered by the server's own front door: authenticated, authorized, and recorded with
// the reason and with one correlation, like any other.
package declare

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/desired"
	"gatehouse/jsondoc"
	"gatehouse/openapi"
	"gatehouse/provider/access"
	"gatehouse/world"
)

// Config is what the calls need.
type Config struct {
	// Server answers Resource Manager and Graph, both.
	Server http.Handler
	// BaseURL is what its links begin with.
	BaseURL string
}

// Calls returns the calls of Gatehouse.Access that this package answers.
func Calls(c Config) []arm.Call {
	return []arm.Call{
		{Method: "POST", Path: access.Path + "/plan", Do: c.plan},
		{Method: "POST", Path: access.Path + "/apply", Do: c.apply},
	}
}

// file is a declaration as text, YAML or JSON.
type file struct {
	Name    string `json:"name"`
	Content string `json:"content"`
}

// planRequest is the body of plan.
type planRequest struct {
	Declaration  map[string]any `json:"declaration,omitempty"`  // governs, reason, roleDefinitions, roleAssignments, groups, denyAssignments
	Files        []file         `json:"files,omitempty"`        // the same as texts, instead of or besides it
	Subscription string         `json:"subscription,omitempty"` // that scopes such as rg-apis are in; the only one that the caller sees when absent
}

// applyRequest is the body of apply.
type applyRequest struct {
	Declaration  map[string]any `json:"declaration,omitempty"`
	Files        []file         `json:"files,omitempty"`
	Subscription string         `json:"subscription,omitempty"`
	Digest       string         `json:"digest,omitempty"` // of the plan that was looked at: exactly that is done, or nothing
	Reason       string         `json:"reason,omitempty"` // recorded with each change; that of the declaration when absent
	Force        bool           `json:"force,omitempty"`  // even if the caller then may no longer grant anything
}

// Answer is what both calls answer.
type Answer struct {
	Subscription string        `json:"subscription"`
	Digest       string        `json:"digest"` // stands for the steps
	Plan         *desired.Plan `json:"plan"`
	Applied      int           `json:"applied"` // how many steps were done
	Reason       string        `json:"reason,omitempty"`
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{access.Version}
	const rights = "Whatever it reads and does is done as requests of the caller: each takes the right that the request takes. The token has to be for this server, so that Graph takes it too."
	return []openapi.Operation{
		{Method: "POST", Path: access.Path + "/plan", ID: "planAccess", Tag: "access as code", Summary: "What would make access as declared, and what that means for people", Versions: versions, Description: rights, Body: planRequest{}, Answer: Answer{}},
		{Method: "POST", Path: access.Path + "/apply", ID: "applyAccess", Tag: "access as code", Summary: "Make access as declared", Versions: versions,
			Description: rights + " When a step is refused, what was done stays, and applying again goes on from there.", Body: applyRequest{}, Answer: Answer{}},
	}
}

// session is one call on behalf of somebody.
type session struct {
	Config
	op     *arm.Op
	reason string
}

// call is a request of the same caller to the same server.
func (s *session) call(ctx context.Context, method, path string, body []byte) (*jsondoc.Object, error) {
	path = strings.TrimPrefix(path, s.BaseURL)
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("a list goes on elsewhere: %s", path)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.BaseURL+strings.ReplaceAll(path, " ", "%20"), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.RequestURI, r.RemoteAddr = r.URL.RequestURI(), net.JoinHostPort(s.op.Caller.Address, "0")
	r.Header.Set("Authorization", s.op.Header.Get("Authorization"))
	r.Header.Set("x-ms-correlation-request-id", s.op.Correlation)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if s.reason != "" {
		r.Header.Set("x-gatehouse-reason", s.reason)
	}
	w := &recorder{header: http.Header{}, code: http.StatusOK}
	s.Server.ServeHTTP(w, r)
	answer := jsondoc.NewObject()
	if w.body.Len() > 0 {
		if answer, err = jsondoc.ParseObject(w.body.Bytes()); err != nil {
			return nil, err
		}
	}
	if w.code < 300 {
		return answer, nil
	}
	e := gatehouse.Errorf(arm.KindOf(w.code), answer.String("error.code"), "%s", answer.String("error.message"))
	if command := w.header.Get("x-ms-gatehouse-explain"); command != "" {
		link, _, _ := strings.Cut(strings.TrimPrefix(w.header.Get("Link"), "<"), ">")
		e.Info = []gatehouse.Info{arm.Explained(link, command)}
	}
	return nil, e
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func read(op *arm.Op) (q applyRequest, err error) {
	body, err := op.Body()
	if err != nil {
		return q, err
	}
	if err := jsondoc.Decode(body, &q); err != nil {
		return q, malformed("", err)
	}
	if q.Files == nil && q.Declaration == nil {
		return q, malformed("declaration", errors.New("it declares nothing: give a declaration, or files with name and content"))
	}
	if d := body.Object("declaration"); d != nil {
		q.Files = append(q.Files, file{"declaration", string(jsondoc.Marshal(d))})
	}
	return q, nil
}

func malformed(target string, err error) error {
	if own := (*gatehouse.Error)(nil); errors.As(err, &own) {
		return own
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request could not be read: %v.", err).At(target)
}

// compare makes the plan for what is declared now.
func (c Config) compare(op *arm.Op, q *applyRequest) (*session, *Answer, error) {
	d := &desired.Declaration{}
	for _, f := range q.Files {
		opened, err := world.Open(cmp.Or(f.Name, "declaration"), []byte(f.Content))
		if err == nil {
			err = d.Read(opened)
		}
		if err != nil {
			return nil, nil, undeclared(err)
		}
	}
	s := &session{Config: c, op: op}
	out := &Answer{Subscription: q.Subscription}
	if out.Subscription == "" {
		only, seen, err := desired.Caller(s.call).Subscription(op.Context)
		if err != nil {
			return nil, nil, err
		}
		if only == "" {
			return nil, nil, gatehouse.Errorf(gatehouse.Invalid, "SubscriptionMissing", "You see %d subscriptions: say which one scopes such as rg-apis are in.", seen).At("subscription")
		}
		out.Subscription = only
	}
	scopes, err := d.Topmost(out.Subscription)
	if err != nil {
		return nil, nil, undeclared(err)
	}
	live, err := desired.Caller(s.call).Live(op.Context, scopes, c.BaseURL)
	if err != nil {
		return nil, nil, told(err, "")
	}
	out.Plan, err = desired.Compare(d, live, desired.Options{Subscription: out.Subscription, Applier: op.Caller.ID, Now: op.Now})
	if err != nil {
		return nil, nil, undeclared(err)
	}
	out.Digest = out.Plan.Digest()
	return s, out, nil
}

// undeclared is a fault in what was declared, with its place.
func undeclared(err error) error {
	if own := (*gatehouse.Error)(nil); errors.As(err, &own) {
		return own
	}
	return gatehouse.Errorf(gatehouse.Invalid, "DeclarationInvalid", "%s.", strings.TrimSuffix(err.Error(), ".")).At("declaration")
}

// told is the refusal of a request that was made on the way, with what it was for; what is no refusal stays hidden.
func told(err error, before string) error {
	own := (*gatehouse.Error)(nil)
	if !errors.As(err, &own) {
		return err
	}
	what := strings.TrimSuffix(err.Error(), own.Error())
	e := gatehouse.Errorf(own.Kind, own.Code, "%s%s%s", before, what, own.Message)
	e.Info = own.Info
	return e
}

func (c Config) plan(op *arm.Op) (*arm.Answer, error) {
	q, err := read(op)
	if err != nil {
		return nil, err
	}
	_, out, err := c.compare(op, &q)
	if err != nil {
		return nil, err
	}
	return arm.Answered(out)
}

func (c Config) apply(op *arm.Op) (*arm.Answer, error) {
	q, err := read(op)
	if err != nil {
		return nil, err
	}
	s, out, err := c.compare(op, &q)
	if err != nil {
		return nil, err
	}
	if q.Digest != "" && q.Digest != out.Digest {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "PlanStale", "The state has changed since the plan was made: it would have %d steps now. Nothing was changed. Make the plan again and look at it.", len(out.Plan.Steps)).At("digest")
	}
	if len(out.Plan.Lockouts) > 0 && !q.Force {
		return nil, gatehouse.Errorf(gatehouse.Conflict, "Lockout", "After this you could no longer grant anything at %s, nor undo it. Declare an assignment of your own, let somebody else apply it, or set force.", strings.Join(out.Plan.Lockouts, ", "))
	}
	out.Reason = cmp.Or(q.Reason, op.Header.Get("x-gatehouse-reason"), out.Plan.Reason)
	s.reason = out.Reason
	// A connection that is lost halfway does not leave half.
	out.Applied, err = out.Plan.Apply(context.WithoutCancel(op.Context), s.call, nil)
	if err != nil {
		return nil, told(err, fmt.Sprintf("%d of %d steps were done and stay. ", out.Applied, len(out.Plan.Steps)))
	}
	return arm.Answered(out)
}
