package arm

import (
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/jsondoc"
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
		ClientRequest: op.ClientRequest, inner: true, body: body, read: body != nil}
	return inner, inner.admit()
}

// Run does the work of an operation that Admit admitted. Its caller may have set Query and Header before.
func (op *Op) Run() (*Answer, error) { return op.Route.handler(op) }
