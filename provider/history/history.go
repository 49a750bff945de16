// Package history is the part of Gatehouse.Access that is about time: who gained and lost
// access between two moments, which changes touched access somewhere, and taking changes back.
//
// Reading takes the rights to read role assignments and the log at the scope that is asked
// about. Undoing takes, for each document, what a request that does the same would take.
package history

import (
	"context"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/graph"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/past"
	"gatehouse/undo"
)

// Namespace is the provider namespace.
const Namespace = "Gatehouse.Access"

// Version is the api-version of the calls.
const Version = "2026-11-01"

// Config is what the calls need.
type Config struct {
	Guard     *guard.Guard
	Directory *directory.Index
	Past      *past.History
}

type provider struct {
	Config
	graph graph.Restorer
}

// Calls returns the calls of Gatehouse.Access that this package answers.
func Calls(c Config) []arm.Call {
	p := &provider{c, graph.Restorer{Guard: c.Guard, Index: c.Directory}}
	anywhere := string(arm.Anywhere) + "/providers/" + Namespace
	const reads = "Microsoft.Authorization/roleAssignments/read"
	return []arm.Call{
		{Method: "POST", Path: "/providers/" + Namespace + "/undo", Do: p.undo},
		{Method: "GET", Path: anywhere + "/history", Action: reads, Do: p.history},
		{Method: "GET", Path: anywhere + "/diff", Action: reads, Do: p.diff},
	}
}

// New declares the calls as a provider of their own, for a server without other calls of the namespace.
func New(c Config) *arm.Provider {
	return &arm.Provider{Namespace: Namespace, DisplayName: "Gatehouse access", Versions: []string{Version}, Calls: Calls(c)}
}

func (p *provider) undo(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	var q undo.Request
	if err := jsondoc.Decode(body, &q); err != nil {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The request could not be read: %v.", err)
	}
	if q.Reason != "" && op.Header.Get(reasonHeader) == "" {
		op.Header = op.Header.Clone()
		op.Header.Set(reasonHeader, q.Reason)
	}
	r, err := undo.Run(op, p.graph, q)
	if err != nil {
		return nil, err
	}
	return answer(r)
}

// reasonHeader is where a ticket or sentence comes with any request.
const reasonHeader = "x-gatehouse-reason"

func answer(v any) (*arm.Answer, error) {
	body, err := jsondoc.From(v)
	if err != nil {
		return nil, err
	}
	return arm.OK(body), nil
}

// mayReadLog asks for the second right that the past takes.
func (p *provider) mayReadLog(op *arm.Op) error {
	_, err := p.Guard.Authorize(op.Context, op.Caller, undo.LogAction, op.ID, nil)
	if err == nil {
		return nil
	}
	if recorded := op.Refused(err); recorded != nil {
		return recorded
	}
	return err
}

func (p *provider) moment(ctx context.Context, text string, otherwise time.Duration) (*past.Moment, error) {
	if text == "" {
		text = otherwise.String()
	}
	return p.Past.Parse(ctx, text)
}

// diff answers ?since=T1&until=T2: who gained and lost which actions where.
func (p *provider) diff(op *arm.Op) (*arm.Answer, error) {
	if err := p.mayReadLog(op); err != nil {
		return nil, err
	}
	from, err := p.moment(op.Context, op.Query.Get("since"), 24*time.Hour)
	if err != nil {
		return nil, err
	}
	to, err := p.moment(op.Context, op.Query.Get("until"), 0)
	if err != nil {
		return nil, err
	}
	d, err := p.Past.Diff(op.Context, from, to, op.ID.Scope())
	if err != nil {
		return nil, err
	}
	d.Names(p.Past.Names(op.Context).Of)
	return answer(d)
}

// history answers ?principal=P&since=T&$top=N: the changes that touched access, newest first.
func (p *provider) history(op *arm.Op) (*arm.Answer, error) {
	if err := p.mayReadLog(op); err != nil {
		return nil, err
	}
	q := past.Touch{Scope: op.ID.Scope(), Limit: 100}
	if name := op.Query.Get("principal"); name != "" {
		var ok bool
		if q.Principal, ok = p.find(name); !ok {
			return nil, gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound", "There is nobody and no group '%s'. Give a user principal name, a display name, an application ID or an object ID.", name).At("principal")
		}
	}
	if since := op.Query.Get("since"); since != "" {
		m, err := p.Past.Parse(op.Context, since)
		if err != nil {
			return nil, err
		}
		q.After = m.Seq
	}
	list, err := p.Past.Touching(op.Context, q)
	if err != nil {
		return nil, err
	}
	names := p.Past.Names(op.Context)
	for i := range list {
		list[i].Names(names.Of)
	}
	return answer(struct {
		Value []past.Entry `json:"value"`
	}{list})
}

func (p *provider) find(name string) (gatehouse.GUID, bool) {
	if oid, ok := p.Directory.UserByName(name); ok {
		return oid, true
	}
	if oid, ok := p.Directory.ServicePrincipalByName(name); ok {
		return oid, true
	}
	for _, typ := range []string{directory.GroupType, directory.UserType, directory.ServicePrincipalType} {
		if ids := p.Directory.ByDisplayName(typ, name); len(ids) == 1 {
			return ids[0], true
		}
	}
	oid, err := gatehouse.ParseGUID(name)
	return oid, err == nil
}
