package graph

import (
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/jsondoc"
)

// Graph's own error codes; clients test for some of them.
const (
	codeBadRequest     = "Request_BadRequest"
	codeNotFound       = "Request_ResourceNotFound"
	codeDenied         = "Authorization_RequestDenied"
	codeToken          = "InvalidAuthenticationToken"
	codeSameKey        = "Request_MultipleObjectsWithSameKeyValue"
	codeQuery          = "Request_UnsupportedQuery"
	codeRequest        = "BadRequest" // Graph's front door, before the directory service
	codeNoApplication  = "NoBackingApplicationObject"
	codeQuota          = "Directory_QuotaExceeded"
	codeKeyCredentials = "KeyCredentialsInvalid"
)

// words maps a kind of error to status and code, for errors that carry no code of Graph's.
var words = map[gatehouse.Kind]struct {
	status int
	code   string
}{
	gatehouse.Invalid:         {http.StatusBadRequest, codeBadRequest},
	gatehouse.Unauthenticated: {http.StatusUnauthorized, codeToken},
	gatehouse.Forbidden:       {http.StatusForbidden, codeDenied},
	gatehouse.NotFound:        {http.StatusNotFound, codeNotFound},
	gatehouse.Conflict:        {http.StatusConflict, codeSameKey},
	gatehouse.Precondition:    {http.StatusPreconditionFailed, "PreConditionFailed"},
	gatehouse.Limited:         {http.StatusTooManyRequests, "TooManyRequests"},
	gatehouse.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailable"},
	gatehouse.Unsupported:     {http.StatusBadRequest, codeRequest},
	gatehouse.TooLarge:        {http.StatusRequestEntityTooLarge, "RequestEntityTooLarge"},
	gatehouse.Internal:        {http.StatusInternalServerError, "InternalServerError"},
}

func graphCode(code string) bool {
	switch code {
	case codeBadRequest, codeNotFound, codeDenied, codeToken, codeSameKey, codeQuery, codeRequest, codeNoApplication, codeQuota, codeKeyCredentials:
		return true
	}
	return false
}

func badRequest(target, format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, codeBadRequest, format, args...).At(target)
}

func notThere(what string) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.NotFound, codeNotFound,
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", clip(what))
}

// sameValue is Graph's answer to a name that is taken.
func sameValue(property string) *gatehouse.Error {
	e := badRequest("", "Another object with the same value for property %s already exists.", property)
	e.Details = []*gatehouse.Error{gatehouse.Errorf(gatehouse.Conflict, "ObjectConflict", "%s", e.Message).At(property)}
	return e
}

func clip(s string) string {
	if len(s) > 150 {
		return s[:150] + "…"
	}
	return s
}

// failure turns an error into status and body. What has no kind is shown as
// nothing but the request's ID.
func (c *call) failure(err error) *answer {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		e = &gatehouse.Error{}
	}
	w := words[e.Kind]
	status, code, message := w.status, w.code, e.Message
	if e.Status != 0 {
		status = e.Status
	}
	if graphCode(e.Code) {
		code = e.Code
	}
	if e.Kind == gatehouse.Internal {
		c.h.cfg.Logger.Error("graph: request failed", "error", err, "method", c.r.Method, "path", c.r.URL.Path, "request-id", c.operation)
		message = "The server could not process the request; its log holds the reason under the request-id of this answer."
	}
	body := jsondoc.NewObject("code", code, "message", message)
	if len(e.Details) > 0 {
		var details []jsondoc.Value
		for _, d := range e.Details {
			details = append(details, jsondoc.NewObject("code", d.Code, "message", d.Message, "target", d.Target))
		}
		body.Set("details", details)
	}
	body.Set("innerError", jsondoc.NewObject("date", c.h.cfg.Clock().UTC().Format("2006-01-02T15:04:05"), "request-id", c.operation, "client-request-id", c.correlation))
	return &answer{status: status, body: jsondoc.NewObject("error", body), retry: e.RetryAfter}
}
