// Package history is the part of Gatehouse.Access that is about time: who gained and lost
// access between two moments, which changes touched access somewhere, and taking changes back.
//
// Reading takes the rights to read role assignments and the log at the scope that is asked
// about. Undoing takes, for each document, what a request that does the same would take.
package history

import (
	"cmp"
	"context"
	"iter"
	"strconv"
	"time"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/arm"
	"gatehouse/directory"
	"gatehouse/graph"
	"gatehouse/guard"
	"gatehouse/openapi"
	"gatehouse/past"
	namespace "gatehouse/provider/access"
	"gatehouse/store"
	"gatehouse/undo"
)

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
	return []arm.Call{
		{Method: "POST", Path: namespace.Path + "/undo", Do: p.undo},
		{Method: "GET", Path: namespace.Anywhere + "/history", Do: p.history},
		{Method: "GET", Path: namespace.Anywhere + "/diff", Do: p.diff},
	}
}

// entries is the answer of a history.
type entries struct {
	Value []past.Entry `json:"value"`
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{namespace.Version}
	scope := openapi.Parameter{Name: "scope", Description: "the name of a resource group or resource, instead of the scope of the path"}
	const moment = ": a time, a day, an age such as 24h, or #812 after that change"
	return []openapi.Operation{
		{Method: "POST", Path: namespace.Path + "/undo", ID: "undo", Tag: "history", Summary: "Take changes back", Versions: versions,
			Description: "Puts everything back as it was before the changes, or with dryRun says what that would do. Each document needs the right of the opposite request.",
			Body:        undo.Request{}, Answer: undo.Result{}},
		{Method: "GET", Path: namespace.AnyScope + "/history", ID: "accessHistory", Tag: "history", Summary: "The changes that touched access, newest first", Versions: versions, Answer: entries{},
			Query: []openapi.Parameter{scope, {Name: "principal", Description: "only what concerns this principal: a name or ID"}, {Name: "inherited", Description: "true lists what happened above the scope as well, where the caller may read that"}, {Name: "since", Description: "only later changes" + moment}, {Name: "$top", Description: "how many at most, 100 when absent, 0 for all"}}},
		{Method: "GET", Path: namespace.AnyScope + "/diff", ID: "accessDiff", Tag: "history", Summary: "Who gained and who lost access between two moments", Versions: versions, Answer: past.Diff{},
			Query: []openapi.Parameter{scope, {Name: "since", Description: "the earlier moment" + moment}, {Name: "until", Description: "the later moment, now when absent"}}},
	}
}

// New declares the calls as a provider of their own, for a server without other calls of the namespace.
func New(c Config) *arm.Provider {
	return &arm.Provider{Namespace: namespace.Namespace, DisplayName: namespace.DisplayName, Versions: []string{namespace.Version}, Calls: Calls(c)}
}

func (p *provider) undo(op *arm.Op) (*arm.Answer, error) {
	var q undo.Request
	if err := op.Decode(&q); err != nil {
		return nil, err
	}
	if q.Reason != "" && op.Header.Get(reasonHeader) == "" {
		op.Header = op.Header.Clone()
		op.Header.Set(reasonHeader, q.Reason)
	}
	r, err := undo.Run(op, p.graph, q)
	if err != nil {
		return nil, err
	}
	name, shown := p.names(op)
	for i := range r.Undone {
		u := &r.Undone[i]
		id, _ := gatehouse.ParseGUID(u.WhoID)
		u.Who = cmp.Or(name(id), u.Who)
		if !shown {
			u.Who = u.WhoID
		}
	}
	for i := range r.Effect {
		e := &r.Effect[i]
		e.What = past.Describe(e.Type, e.ID, e.Raw, name)
	}
	return arm.Answered(r)
}

// reasonHeader is where a ticket or sentence comes with any request.
const reasonHeader = "x-gatehouse-reason"

// rights are what the past takes: what it says now, and the log.
var rights = []string{"Microsoft.Authorization/roleAssignments/read", undo.LogAction}

// scope is what is asked about: the scope of the path, or the one with the name in
// ?scope= among those that the caller may ask about.
func (p *provider) scope(op *arm.Op) (gatehouse.ID, error) {
	text := op.Query.Get("scope")
	if text == "" {
		return op.ID, p.permitted(op, op.ID)
	}
	found, err := access.FindScope(text, p.open(op), nil)
	switch {
	case err != nil:
		return op.ID, err
	case len(found) == 0:
		return op.ID, gatehouse.Errorf(gatehouse.NotFound, "ScopeNotFound", "There is nothing called '%s' whose history you may read. Give a resource ID, a resource group, a service, or a path such as contoso-apim/apis/calculator.", text).At("scope")
	case len(found) > 1:
		return op.ID, gatehouse.Errorf(gatehouse.Invalid, "AmbiguousName", "'%s' may be any of several, so give the resource ID: %v.", text, found).At("scope")
	}
	return found[0], p.permitted(op, found[0])
}

// open are the scopes that are found by name, as far as the caller may ask about them.
func (p *provider) open(op *arm.Op) iter.Seq[gatehouse.ID] {
	return func(yield func(gatehouse.ID) bool) {
		for _, typ := range []string{guard.SubscriptionType, guard.ManagementGroupType, "Microsoft.Resources/subscriptions/resourceGroups", "Microsoft.ApiManagement/service"} {
			for d, err := range op.Server.Config.Store.All(op.Context, store.Query{Type: typ}) {
				if err != nil {
					return
				}
				if op.Can(rights[0], d.ID) && op.Can(rights[1], d.ID) && !yield(d.ID) {
					return
				}
			}
		}
	}
}

// permitted asks for the rights; a refusal is on record before it is answered.
func (p *provider) permitted(op *arm.Op, id gatehouse.ID) error {
	for _, action := range rights {
		if _, err := p.Guard.Authorize(op.Context, op.Caller, action, id, nil); err != nil {
			op.Perform(action)
			if recorded := op.Refused(err); recorded != nil {
				return recorded
			}
			return err
		}
	}
	return nil
}

func (p *provider) moment(ctx context.Context, text string, otherwise time.Duration) (*past.Moment, error) {
	if text == "" {
		text = otherwise.String()
	}
	return p.Past.Parse(ctx, text)
}

// names are what principals and roles are called, for who may read the directory: for
// others, as when they ask about now, people are IDs.
func (p *provider) names(op *arm.Op) (name func(gatehouse.GUID) string, shown bool) {
	if op.Caller.Type != gatehouse.User {
		if _, err := p.Guard.AuthorizeData(op.Context, op.Caller, "Microsoft.Graph/directory/users/read", directory.Root()); err != nil {
			return func(gatehouse.GUID) string { return "" }, false
		}
	}
	return p.Past.Names(op.Context).Of, true
}

// diff answers ?since=T1&until=T2: who gained and lost which actions where.
func (p *provider) diff(op *arm.Op) (*arm.Answer, error) {
	scope, err := p.scope(op)
	if err != nil {
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
	d, err := p.Past.Diff(op.Context, from, to, scope.Scope())
	if err != nil {
		return nil, err
	}
	name, shown := p.names(op)
	d.Show(p.told(op, shown))
	d.Scope = scope.String()
	for i := range d.Shifts {
		if at, err := gatehouse.ParseScope(d.Shifts[i].Scope); err == nil {
			d.Shifts[i].Scope = access.Spelled(at)
		}
	}
	for i := range d.Changes {
		if !shown {
			d.Changes[i].Anonymous()
		}
	}
	d.Names(name)
	return arm.Answered(d)
}

// history answers ?principal=P&since=T&$top=N: the changes that touched access, newest first.
func (p *provider) history(op *arm.Op) (*arm.Answer, error) {
	scope, err := p.scope(op)
	if err != nil {
		return nil, err
	}
	name, shown := p.names(op)
	q := past.Touch{Scope: scope.Scope(), Limit: 100, Readable: p.told(op, shown)}
	if text := op.Query.Get("inherited"); text != "" {
		if q.Inherited, err = strconv.ParseBool(text); err != nil {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidQueryParameter", "inherited takes true or false; it is '%s'.", text).At("inherited")
		}
	}
	if top := op.Query.Get("$top"); top != "" {
		if q.Limit, err = strconv.Atoi(top); err != nil || q.Limit < 0 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidQueryParameter", "$top takes how many changes to list, 0 for all; it is '%s'.", top).At("$top")
		}
	}
	if who := op.Query.Get("principal"); who != "" {
		var ok bool
		if q.Principal, ok = p.find(who, shown); !ok {
			return nil, gatehouse.Errorf(gatehouse.NotFound, "PrincipalNotFound", "There is nobody and no group '%s'. Give a user principal name, a display name, an application ID or an object ID.", who).At("principal")
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
	for i := range list {
		if !shown {
			list[i].Anonymous()
		}
		list[i].Names(name)
	}
	return arm.Answered(entries{list})
}

// told is at which scopes changes may be told: where the caller may ask about the past
// itself; and those of groups and people to who may read the directory.
func (p *provider) told(op *arm.Op, people bool) func(gatehouse.Scope) bool {
	known := map[gatehouse.Scope]bool{}
	return func(s gatehouse.Scope) bool {
		if directory.Root().Scope().Contains(s) {
			return people
		}
		may, asked := known[s]
		if !asked {
			id := gatehouse.ID(s)
			may = op.Can(rights[0], id) && op.Can(rights[1], id)
			known[s] = may
		}
		return may
	}
}

func (p *provider) find(name string, shown bool) (gatehouse.GUID, bool) {
	if !shown { // nor is told who there is
		oid, err := gatehouse.ParseGUID(name)
		return oid, err == nil
	}
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
