package arm

import (
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
)

var versionPattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(-[A-Za-z]+)?$|^1\.0$`)

// statuses maps a kind to the status that ARM gives it (house.md section 7).
var statuses = map[gatehouse.Kind]int{
	gatehouse.Invalid:         http.StatusBadRequest,
	gatehouse.Unauthenticated: http.StatusUnauthorized,
	gatehouse.Forbidden:       http.StatusForbidden,
	gatehouse.NotFound:        http.StatusNotFound,
	gatehouse.Conflict:        http.StatusConflict,
	gatehouse.Precondition:    http.StatusPreconditionFailed,
	gatehouse.Limited:         http.StatusTooManyRequests,
	gatehouse.Unavailable:     http.StatusServiceUnavailable,
	gatehouse.Unsupported:     http.StatusBadRequest,
	gatehouse.TooLarge:        http.StatusRequestEntityTooLarge,
	gatehouse.Internal:        http.StatusInternalServerError,
}

// StatusOf is the HTTP status of an error on the ARM wire.
func StatusOf(err error) int {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return http.StatusInternalServerError
	}
	if e.Status != 0 {
		return e.Status
	}
	return statuses[e.Kind]
}

// failed turns an error into the answer that the caller sees. What has no kind is
// logged whole and shown as a correlation ID.
func (x *exchange) failed(err error) *Answer {
	status := StatusOf(err)
	a := &Answer{Status: status, Header: http.Header{}}
	var e *gatehouse.Error
	if !errors.As(err, &e) || e.Kind == gatehouse.Internal {
		x.Log.Error("request failed", "operation", x.event.Operation, "path", x.event.Path, "error", err)
		e = &gatehouse.Error{Code: "InternalServerError", Message: "An internal error happened. Quote correlation ID " + x.event.Correlation + " when you report it; the server's log has the details."}
	}
	x.event.Code = e.Code
	switch status {
	case http.StatusUnauthorized:
		if x.Challenge != nil {
			a.With("WWW-Authenticate", x.Challenge(err))
		}
	case http.StatusMethodNotAllowed:
		a.With("Allow", e.Target)
	}
	if e.RetryAfter > 0 {
		a.With("Retry-After", strconv.Itoa(int((e.RetryAfter+999999999)/1000000000)))
	}
	if e.Code == "SubscriptionNotFound" {
		a.With("x-ms-failure-cause", "gateway")
	}
	a.Body = ErrorBody(e)
	if status == http.StatusForbidden && x.Explain != nil {
		shown := *e
		if !slices.ContainsFunc(e.Info, func(i gatehouse.Info) bool { return i.Type == ExplainInfo }) {
			link, command := x.Explain(x.event.Operation)
			shown.Info = append(shown.Info[:len(shown.Info):len(shown.Info)], Explained(link, command))
		}
		a.explain(shown.Info)
		a.Body = ErrorBody(&shown)
	}
	return a
}

// ExplainInfo is the type of the additionalInfo that says how to ask why a request was refused.
const ExplainInfo = "GatehouseExplain"

// Explained is that entry. An error that has one already is about a request made on the
// way, which is the one to ask about.
func Explained(link, command string) gatehouse.Info {
	return gatehouse.Info{Type: ExplainInfo, Info: map[string]any{"command": command, "link": link}}
}

// explain says in headers what the entry says.
func (a *Answer) explain(info []gatehouse.Info) {
	for _, i := range info {
		if i.Type == ExplainInfo {
			link, _ := i.Info["link"].(string)
			command, _ := i.Info["command"].(string)
			a.With("x-ms-gatehouse-explain", command).With("Link", "<"+link+`>; rel="help"`)
		}
	}
}

// KindOf is the kind that a status of this wire stands for.
func KindOf(status int) gatehouse.Kind {
	for kind, s := range statuses {
		if s == status && kind != gatehouse.Unsupported {
			return kind
		}
	}
	if status >= http.StatusInternalServerError {
		return gatehouse.Internal
	}
	return gatehouse.Invalid
}

// ErrorBody is the ARM error envelope of e (rbac.md 2.3). Details that are empty but
// not nil are shown as null, as some providers do.
func ErrorBody(e *gatehouse.Error) *jsondoc.Object {
	o := &jsondoc.Object{}
	o.Set("error", errorObject(e))
	return o
}

func errorObject(e *gatehouse.Error) *jsondoc.Object {
	o := &jsondoc.Object{}
	o.Set("code", e.Code)
	o.Set("message", e.Message)
	if e.Target != "" && e.Status != http.StatusMethodNotAllowed {
		o.Set("target", e.Target)
	}
	if len(e.Details) > 0 {
		details := make([]jsondoc.Value, len(e.Details))
		for i, d := range e.Details {
			details[i] = errorObject(d)
		}
		o.Set("details", details)
	} else if e.Details != nil {
		o.Set("details", nil)
	}
	if len(e.Info) > 0 {
		info := make([]jsondoc.Value, len(e.Info))
		for i, each := range e.Info {
			inner := &jsondoc.Object{}
			for _, name := range slices.Sorted(maps.Keys(each.Info)) {
				inner.Set(name, each.Info[name])
			}
			info[i] = jsondoc.NewObject("type", each.Type, "info", inner)
		}
		o.Set("additionalInfo", info)
	}
	return o
}

// SubscriptionNotFound is the 404 for a subscription that does not exist.
func SubscriptionNotFound(id string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "SubscriptionNotFound", "The subscription '%s' could not be found.", clip(id))
}

// GroupNotFound is the 404 for a resource group that does not exist.
func GroupNotFound(name string) error {
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceGroupNotFound", "Resource group '%s' could not be found.", clip(name))
}

// ResourceNotFound is ARM's 404 for a resource that does not exist.
func ResourceNotFound(typeName string, id gatehouse.ID) error {
	group := ""
	if g, ok := id.Scope().ResourceGroup(); ok {
		group = id.String()[strings.LastIndexByte(g.String(), '/')+1:]
		group, _, _ = strings.Cut(group, "/")
	}
	return gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound",
		"The Resource '%s/%s' under resource group '%s' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix", typeName, id.Name(), group)
}

func (op *Op) notFound(t *Type, typeName string, id gatehouse.ID) error {
	scope := id.Scope()
	if sub, ok := scope.Subscription(); ok && sub == scope {
		return SubscriptionNotFound(id.Name())
	}
	if group, ok := scope.ResourceGroup(); ok && group == scope {
		return GroupNotFound(id.Name())
	}
	if d := op.Server.TypeOf(typeName); d != nil && d.Provider.Missing != nil {
		return d.Provider.Missing(t, id)
	}
	return ResourceNotFound(typeName, id)
}
