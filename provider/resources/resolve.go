package resources

import (
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

func escape(id gatehouse.ID) string { return (&url.URL{Path: id.String()}).EscapedPath() }

// resolver answers reference() and list*() by asking the server as the caller.
type resolver struct{ op *arm.Op }

// Reference implements template.Resolver.
func (v resolver) Reference(id gatehouse.ID, apiVersion string) (*jsondoc.Object, error) {
	if apiVersion == "" {
		apiVersion = newestVersion(v.op, id.Type())
	}
	a, err := v.op.Inner(http.MethodGet, id.String(), apiVersion, nil)
	if err != nil {
		return nil, err
	}
	o, ok := a.Body.(*jsondoc.Object)
	if !ok {
		return &jsondoc.Object{}, nil
	}
	return o, nil
}

// List implements template.Resolver.
func (v resolver) List(id gatehouse.ID, action, apiVersion string, body jsondoc.Value) (jsondoc.Value, error) {
	sent, _ := body.(*jsondoc.Object)
	if sent == nil {
		sent = &jsondoc.Object{}
	}
	a, err := v.op.Inner(http.MethodPost, id.String()+"/"+action, apiVersion, sent)
	if err != nil {
		return nil, err
	}
	return a.Body, nil
}
