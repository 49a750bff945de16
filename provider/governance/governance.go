// Package governance is the part of Gatehouse.Access that looks at the whole world at
// once: exporting it, linting it, running permission tests against it, and comparing
// what a pipeline needs with what it has.
//
// It is for who may read all of it: role assignments, role definitions and deny
// assignments at the root, and the directory. It changes nothing.
package governance

import (
	"encoding/json"
	"errors"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/check"
	"gatehouse/directory"
	"gatehouse/guard"
	"gatehouse/jsondoc"
	"gatehouse/lint"
	"gatehouse/needs"
	"gatehouse/openapi"
	"gatehouse/provider/access"
	"gatehouse/world"
)

type provider struct{ guard *guard.Guard }

// Calls returns the calls of Gatehouse.Access that this package answers.
func Calls(g *guard.Guard) []arm.Call {
	p := &provider{g}
	call := func(method, name string, do arm.Handler) arm.Call {
		return arm.Call{Method: method, Path: access.Path + "/" + name, Action: "Microsoft.Authorization/roleAssignments/read", At: "/", Do: do}
	}
	return []arm.Call{call("GET", "world", p.export), call("POST", "lint", p.lint), call("POST", "check", p.check), call("POST", "needs", p.needs)}
}

// lintRequest is the body of lint.
type lintRequest struct {
	Scope string `json:"scope,omitempty"` // only findings at this scope and below
}

// checkRequest is the body of check: cases as in a file of `gatehouse check`.
type checkRequest struct {
	Cases    []map[string]any `json:"cases"`
	Coverage bool             `json:"coverage,omitempty"`
}

// needsRequest is the body of needs.
type needsRequest struct {
	Content      string `json:"content"`                // the plan, template, policy or recording, as text
	Principal    string `json:"principal,omitempty"`    // whose permissions to compare with: a name or ID
	Subscription string `json:"subscription,omitempty"` // of a plan that names none
	Scope        string `json:"scope,omitempty"`        // that a template is deployed to, or a policy is set at
}

// Operations documents the calls.
func Operations() []openapi.Operation {
	versions := []string{access.Version}
	return []openapi.Operation{
		{Method: "GET", Path: access.Path + "/world", ID: "exportWorld", Tag: "governance", Summary: "The complete world, as a file of gatehouse export", Versions: versions},
		{Method: "POST", Path: access.Path + "/lint", ID: "lint", Tag: "governance", Summary: "Access that is wider, older or stranger than it has to be", Versions: versions, Body: lintRequest{}, Answer: lint.Report{}},
		{Method: "POST", Path: access.Path + "/check", ID: "check", Tag: "governance", Summary: "Permission tests against the running server", Versions: versions, Body: checkRequest{}, Answer: check.Report{}},
		{Method: "POST", Path: access.Path + "/needs", ID: "needs", Tag: "governance", Summary: "What a plan, template, policy or recording needs, and what a principal lacks of it", Versions: versions, Body: needsRequest{}, Answer: needs.Answer{}},
	}
}

// world is all there is, for who may read all of it.
func (p *provider) world(op *arm.Op) (*world.World, error) {
	for _, action := range []string{"Microsoft.Authorization/roleDefinitions/read", "Microsoft.Authorization/denyAssignments/read"} {
		if _, err := p.guard.Authorize(op.Context, op.Caller, action, gatehouse.ID{}, nil); err != nil {
			return nil, err
		}
	}
	if op.Caller.Type != gatehouse.User { // users may, as in Entra (docs/divergences.md)
		if _, err := p.guard.AuthorizeData(op.Context, op.Caller, "Microsoft.Graph/directory/users/read", directory.Root()); err != nil {
			return nil, err
		}
	}
	w, err := world.FromStore(op.Context, op.Store())
	if err == nil {
		w.Now = op.Now.UTC().Truncate(time.Second)
	}
	return w, err
}

func (p *provider) export(op *arm.Op) (*arm.Answer, error) {
	w, err := p.world(op)
	if err != nil {
		return nil, err
	}
	text, err := w.Marshal(world.JSON)
	if err != nil {
		return nil, err
	}
	body, err := jsondoc.Parse(text, jsondoc.Options{})
	return arm.OK(body), err
}

func (p *provider) lint(op *arm.Op) (*arm.Answer, error) {
	var q lintRequest
	in := lint.Input{}
	w, err := p.asked(op, &q)
	if err != nil {
		return nil, err
	}
	if q.Scope != "" {
		if in.Scope, err = gatehouse.ParseScope(q.Scope); err != nil {
			return nil, err
		}
	}
	in.World = w
	return answer(lint.Run(in))
}

func (p *provider) check(op *arm.Op) (*arm.Answer, error) {
	var q checkRequest
	w, err := p.asked(op, &q)
	if err != nil {
		return nil, err
	}
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	file, err := world.Open("cases", jsondoc.Marshal(jsondoc.NewObject("cases", list(body, "cases"))))
	if err != nil {
		return nil, malformed(err)
	}
	suite, err := check.Load([]*world.File{file}, check.Options{Live: w, Now: op.Now})
	if err != nil {
		return nil, malformed(err)
	}
	return answer(suite.Run(q.Coverage))
}

func (p *provider) needs(op *arm.Op) (*arm.Answer, error) {
	var q needsRequest
	w, err := p.asked(op, &q)
	if err != nil {
		return nil, err
	}
	o := needs.Options{Subscription: q.Subscription, Now: op.Now}
	if q.Scope != "" {
		if o.Scope, err = gatehouse.ParseID(q.Scope); err != nil {
			return nil, err
		}
	}
	r, err := needs.Read([]byte(q.Content), o)
	if err != nil {
		return nil, malformed(err)
	}
	out := needs.Answer{Requirements: r, Proposals: r.Propose("Pipeline")}
	if q.Principal != "" {
		who, err := w.FindPrincipal(q.Principal)
		if err != nil {
			return nil, malformed(err)
		}
		c := r.Compare(w, who, op.Now)
		out.Comparison = &c
	}
	return answer(out)
}

// asked reads the body into q, and the world for it.
func (p *provider) asked(op *arm.Op, q any) (*world.World, error) {
	body, err := op.Body()
	if err == nil {
		err = jsondoc.Decode(body, q)
	}
	if err != nil {
		return nil, malformed(err)
	}
	return p.world(op)
}

func list(o *jsondoc.Object, name string) jsondoc.Value {
	v, _ := o.Get(name)
	return v
}

func malformed(err error) error {
	if own := (*gatehouse.Error)(nil); errors.As(err, &own) {
		return own
	}
	return gatehouse.Errorf(gatehouse.Invalid, "InvalidRequestContent", "%v", err)
}

// answer is a value in the shape that its JSON tags give it.
func answer(v any) (*arm.Answer, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	body, err := jsondoc.Parse(text, jsondoc.Options{Exact: true})
	return arm.OK(body), err
}
