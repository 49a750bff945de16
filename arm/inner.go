package arm

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// Inner performs another request as the same caller, through resolve, api-version
// and authorization: template deployments write their resources this way, so
// nothing can be deployed that the caller could not have written (rbac.md 5.1).
// Path is a resource ID or an ID with an action, not percent-encoded. What it
// changes is logged as an operation of its own with this one's correlation.
func (op *Op) Inner(method, path, version string, body *jsondoc.Object) (*Answer, error) {
	inner, err := op.Admit(method, path, version, body)
	if err != nil {
		return nil, err
	}
	return inner.Route.handler(inner)
}

// Admit is Inner as far as the handler: the operation it returns is authorized, and
// its caller does the work. Nested deployments are run so, since their templates
// see what is around them.
func (op *Op) Admit(method, path, version string, body *jsondoc.Object) (*Op, error) {
	target, err := op.Server.Resolve(method, (&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return nil, err
	}
	inner := &Op{Target: target, Context: op.Context, Server: op.Server, Caller: op.Caller, Method: method, Header: http.Header{},
		Query: Query{"api-version": version}, Now: op.Now, Operation: gatehouse.NewGUID().String(), Correlation: op.Correlation,
		ClientRequest: op.ClientRequest, body: body, read: body != nil}
	return inner, inner.admit()
}

// RunWithin does the work of an operation that Admit admitted as part of outer's Write,
// which is open: what it changes is done when outer's transaction commits, or not at
// all, and is recorded as outer's. Its caller may have set Query and Header before.
// Only writes can be run so: an action might record what it does, or wait for the writer.
func (op *Op) RunWithin(outer *Op) (*Answer, error) {
	if op.Route.Verb != Put && op.Route.Verb != Patch && op.Route.Verb != Delete {
		return nil, errors.New("arm: " + op.Route.Action + " cannot be part of another write")
	}
	op.within = outer
	return op.Route.handler(op)
}

// writeWithin is Write in the transaction of another operation, which also keeps the claims until its outcome is known.
func (op *Op) writeWithin(f func(tx *store.Tx) error) error {
	tx := op.within.tx
	op.tx = tx
	defer func() {
		op.within.claims = append(op.within.claims, op.claims...)
		op.tx, op.claims = nil, nil
	}()
	if err := op.again(); err != nil {
		return err
	}
	return f(tx)
}
