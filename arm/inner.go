package arm

import (
	"net/http"
	"net/url"

	"gatehouse/jsondoc"
)

// Inner performs another request as the same caller, through resolve, api-version
// and authorization: template deployments write their resources this way, so
// nothing can be deployed that the caller could not have written (rbac.md 5.1).
// Path is a resource ID or an ID with an action, not percent-encoded.
func (op *Op) Inner(method, path, version string, body *jsondoc.Object) (*Answer, error) {
	target, err := op.Server.Resolve(method, (&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return nil, err
	}
	inner := &Op{Target: target, Context: op.Context, Server: op.Server, Caller: op.Caller, Method: method, Header: http.Header{},
		Query: Query{"api-version": version}, Now: op.Now, Operation: op.Operation, Correlation: op.Correlation, ClientRequest: op.ClientRequest,
		body: body, read: body != nil}
	return inner.run()
}
