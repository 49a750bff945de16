package access

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/arm"
	"gatehouse/guard"
	"gatehouse/rbac/builtin"
	"gatehouse/store"
)

// read takes the body of a call.
func read[T any](op *arm.Op) (q T, err error) {
	return q, op.Decode(&q)
}

// ask prepares a question: who may be asked about is settled before any name is looked up.
func (p *provider) ask(op *arm.Op, aboutSomebody bool) (*asker, question, access.Question, *access.View, error) {
	none := func(err error) (*asker, question, access.Question, *access.View, error) {
		return nil, question{}, access.Question{}, nil, err
	}
	q, err := read[question](op)
	if err != nil {
		return none(err)
	}
	a, err := p.asker(op)
	if err != nil {
		return none(err)
	}
	if q.Action == "" || len(q.Action) > 1000 || strings.ContainsAny(q.Action, "* ") {
		return none(gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "The question names no action. Give one such as Microsoft.ApiManagement/service/apis/write, without stars.").At("action"))
	}
	if err := a.at(q.Scope); err != nil {
		return none(err)
	}
	out := access.Question{Action: q.Action, Data: q.DataAction, SubOperation: q.SubOperation, Scope: a.scope.Scope()}
	if aboutSomebody {
		if out.Principal, err = a.about(q.Principal); err != nil {
			return none(err)
		}
		if out.Principal == op.Caller.ID {
			out.Token = a.token(op.Caller)
		}
	}
	if q.Attributes != nil {
		out.Attributes = &gatehouse.Attributes{Request: values(q.Attributes.Request), Resource: values(q.Attributes.Resource), Environment: values(q.Attributes.Environment)}
	}
	v, err := a.view(q.At)
	if err != nil {
		return none(err)
	}
	if out.Data {
		request := p.Guard.Request(&gatehouse.Caller{ID: out.Principal}, out.Action, true, a.scope, nil)
		out.Action = request.Action
	}
	return a, q, out, v, nil
}

// values are attributes in the types that conditions know: numbers of JSON are whole.
func values(m map[string]any) map[string]any {
	for name, v := range m {
		if f, ok := v.(float64); ok {
			m[name] = int64(f)
		}
	}
	return m
}

// token is what is known of a caller's token.
func (a *asker) token(c *gatehouse.Caller) *access.Token {
	t := &access.Token{IssuedAt: c.IssuedAt, ExpiresAt: c.ExpiresAt, Method: c.Method}
	if p, ok := a.Directory.Principal(c.ID); ok {
		t.ValidFrom = p.ValidFrom
	}
	return t
}

func (p *provider) explain(op *arm.Op) (*arm.Answer, error) {
	_, _, q, v, err := p.ask(op, true)
	if err != nil {
		return nil, err
	}
	return arm.Answered(v.Explain(q))
}

func (p *provider) canI(op *arm.Op) (*arm.Answer, error) {
	_, _, q, v, err := p.ask(op, true)
	if err != nil {
		return nil, err
	}
	return arm.Answered(v.CanI(q))
}

func (p *provider) whoCan(op *arm.Op) (*arm.Answer, error) {
	a, body, q, v, err := p.ask(op, false)
	if err != nil {
		return nil, err
	}
	if err := a.othersAllowed(); err != nil {
		return nil, err
	}
	return arm.Answered(v.WhoCan(q, body.Groups))
}

func (p *provider) whatCan(op *arm.Op) (*arm.Answer, error) {
	q, err := read[whatQuestion](op)
	if err != nil {
		return nil, err
	}
	a, err := p.asker(op)
	if err != nil {
		return nil, err
	}
	if err := a.at(q.Scope); err != nil {
		return nil, err
	}
	who, err := a.about(q.Principal)
	if err != nil {
		return nil, err
	}
	v, err := a.view(q.At)
	if err != nil {
		return nil, err
	}
	scope := a.scope.Scope()
	if q.Compare != "" {
		other, err := a.about(q.Compare)
		if err != nil {
			return nil, err
		}
		return arm.Answered(v.Compare(who, other, &scope))
	}
	if q.Anywhere {
		return arm.Answered(v.WhatCan(who, nil))
	}
	return arm.Answered(v.WhatCan(who, &scope))
}

// noDecision is the answer about requests that were not refused, are not known, or are not the caller's to see.
func noDecision(id string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "DecisionNotFound", "No refused request '%s' is known that you may see. Refusals are named by the header x-ms-request-id of their answer.", id)
}

func (p *provider) getDecision(op *arm.Op) (*arm.Answer, error) {
	id := op.Params["requestId"]
	if _, err := gatehouse.ParseGUID(id); err != nil {
		return nil, noDecision(id)
	}
	changes, err := p.Store.Changes(op.Context, store.ChangeQuery{Operation: gatehouse.Fold(id), Kind: gatehouse.Refused, Descending: true, Limit: 1})
	if err != nil {
		return nil, err
	}
	for c, err := range changes {
		if err != nil {
			return nil, err
		}
		a, ok := p.mayShow(op, &c)
		if !ok {
			break
		}
		return p.decision(a, &c)
	}
	return nil, noDecision(id)
}

// mayShow reports whether a refusal is the caller's own, or that of somebody whom it may ask about there.
func (p *provider) mayShow(op *arm.Op, c *gatehouse.Change) (*asker, bool) {
	a, err := p.asker(op)
	if err != nil {
		return nil, false
	}
	if a.scope, err = scopeOf(c); err != nil {
		return nil, false
	}
	if c.Cause.Caller.ID == op.Caller.ID {
		return a, true
	}
	return a, op.Can(readAssignments, a.scope) && !a.nameless()
}

// scopeOf is the resource that a refusal was about: a list is refused at its parent.
func scopeOf(c *gatehouse.Change) (gatehouse.ID, error) {
	if id, err := gatehouse.ParseID(c.Resource); err == nil {
		return id, nil
	}
	return gatehouse.ParseID(c.Cause.Scope)
}

func (p *provider) decision(a *asker, c *gatehouse.Change) (*arm.Answer, error) {
	q := access.Question{Principal: c.Cause.Caller.ID, Action: c.Cause.Action, Scope: a.scope.Scope(), Token: a.token(&c.Cause.Caller), Refused: c.Time}
	directoryRight := strings.HasPrefix(q.Action, builtin.DirectoryNamespace)
	q.Data = directoryRight || !builtin.Known(q.Action, false) && builtin.Known(q.Action, true)
	now, err := a.view("")
	if err != nil {
		return nil, err
	}
	out := access.Decision{Request: a.refusal(now, c), Now: now.Explain(q)}
	linked := out.Request.Code == guard.LinkedAuthorizationFailed
	if linked {
		out.Now.Linked(p.linked(a, now, c, q))
	}
	if p.Past != nil {
		then, err := a.view(fmt.Sprintf("#%d", c.Seq))
		if err != nil {
			return nil, err
		}
		out.Then = then.Explain(q)
		if linked {
			out.Then.Linked(p.linked(a, then, c, q))
		}
	}
	return arm.Answered(out)
}

// linked explains the rights on other things that a refused request lacked, as far as
// the caller may ask about them: about oneself always.
func (p *provider) linked(a *asker, v *access.View, c *gatehouse.Change, q access.Question) (out []access.LinkedCheck) {
	if c.Cause.Decision == nil {
		return nil
	}
	for _, l := range c.Cause.Decision.Linked {
		id, err := gatehouse.ParseID(l.Scope)
		if err != nil || q.Principal != a.op.Caller.ID && !(a.op.Can(readAssignments, id) && !a.nameless()) {
			continue
		}
		there := *a // what is inherited there may be shown there
		there.scope, there.reads = id, map[gatehouse.Scope]bool{}
		seen := *v
		seen.Reads = there.readable
		q.Action, q.Data, q.Scope = l.Action, false, id.Scope()
		e := seen.Explain(q)
		out = append(out, access.LinkedCheck{Action: l.Action, Scope: e.Scope, Explanation: e})
	}
	return out
}

func (a *asker) refusal(v *access.View, c *gatehouse.Change) access.Refusal {
	who := access.Who{ID: c.Cause.Caller.ID}
	if !v.Nameless || who.ID == v.Self {
		who.Name, who.Type = c.Cause.Caller.Name, string(c.Cause.Caller.Type)
		if p, ok := a.principal(who.ID); ok && p.Type == gatehouse.ServicePrincipal && p.Display != "" {
			who.Name = p.Display
		}
	}
	code := c.Note
	if c.Cause.Decision != nil && c.Cause.Decision.Code != "" && code == "" {
		code = c.Cause.Decision.Code
	}
	return access.Refusal{ID: c.Cause.Operation, Time: c.Time, Principal: who, Action: c.Cause.Action, Scope: c.Cause.Scope, Code: code}
}

const (
	defaultTop = 20
	maxTop     = 200
	// maxLooked bounds how many refusals one list looks at for some that may be shown.
	maxLooked = 2000
)

func (p *provider) listDecisions(op *arm.Op) (*arm.Answer, error) {
	top := defaultTop
	if text := op.Query.Get("$top"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidQuery", "$top takes how many refusals to list, 1 or more; it is '%s'.", text).At("$top")
		}
		top = min(n, maxTop)
	}
	q := store.ChangeQuery{Kind: gatehouse.Refused, Descending: true, Limit: maxLooked}
	if text := op.Query.Get("principal"); text != "" {
		a, err := p.asker(op)
		if err != nil {
			return nil, err
		}
		if q.Actor, err = a.named(text); err != nil {
			return nil, err
		}
	}
	list, err := p.refusals(op, q)
	if err != nil {
		return nil, err
	}
	out := decisionList{Value: []access.Refusal{}}
	list, out.Omitted = fair(list, top, func(c *gatehouse.Change) bool { _, ok := p.mayShow(op, c); return ok })
	for i := range list {
		a, ok := p.mayShow(op, &list[i])
		if !ok {
			continue
		}
		v, err := a.view("")
		if err != nil {
			return nil, err
		}
		out.Value = append(out.Value, a.refusal(v, &list[i]))
	}
	return arm.Answered(out)
}

// fair picks some of a list, at most half of them of one caller unless there is room, and counts what that left out.
func fair(list []gatehouse.Change, top int, show func(*gatehouse.Change) bool) (picked []gatehouse.Change, omitted int) {
	of := map[gatehouse.GUID]int{}
	var more []gatehouse.Change
	for i := range list {
		c := &list[i]
		switch {
		case !show(c):
		case of[c.Cause.Caller.ID] >= (top+1)/2:
			more = append(more, *c)
		default:
			of[c.Cause.Caller.ID]++
			picked = append(picked, *c)
		}
		if len(picked) == top {
			break
		}
	}
	room := min(top-len(picked), len(more))
	picked, omitted = append(picked, more[:room]...), len(more)-room
	slices.SortFunc(picked, func(a, b gatehouse.Change) int { return cmp.Compare(b.Seq, a.Seq) })
	return picked, omitted
}

// refusals are the newest ones, and among them the caller's own even when there are many of others.
func (p *provider) refusals(op *arm.Op, q store.ChangeQuery) ([]gatehouse.Change, error) {
	queries := []store.ChangeQuery{q}
	if q.Actor.IsZero() {
		q.Actor, q.Limit = op.Caller.ID, maxTop
		queries = append(queries, q)
	}
	var list []gatehouse.Change
	for _, q := range queries {
		changes, err := p.Store.Changes(op.Context, q)
		if err != nil {
			return nil, err
		}
		for c, err := range changes {
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b gatehouse.Change) int { return cmp.Compare(b.Seq, a.Seq) })
	return slices.CompactFunc(list, func(a, b gatehouse.Change) bool { return a.Seq == b.Seq }), nil
}

// named is a principal to select by: what is shown of it is settled for each refusal.
func (a *asker) named(text string) (gatehouse.GUID, error) {
	if self := a.op.Caller; gatehouse.EqualFold(text, self.ID.String()) || gatehouse.EqualFold(text, self.Name) {
		return self.ID, nil
	}
	if a.nameless() {
		return gatehouse.GUID{}, a.refused(gatehouse.Errorf(gatehouse.Forbidden, gatehouse.AuthorizationFailed, "To ask about others you have to be able to read the directory."))
	}
	return a.find(text)
}
