package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"gatehouse"
	"gatehouse/policy/expr"
)

// Failure is why a call goes to on-error: what the client is told, and what LastError says
// (gateway.md 4 and 6). What the client is told never holds more than Text.
type Failure struct {
	Reason  string // a word for machines: RateLimitExceeded
	Message string // for people; LastError, traces and logs have it, the client does not
	Source  string // "" is the policy that failed

	Status       int    // of the answer that is prepared; 0 is 500
	StatusReason string // "" is what the status is usually called
	Text         string // "message" of its body; "" is what the status is usually called
	Header       http.Header
	Body         []byte // in place of the usual body, when not nil
	ContentType  string // of Body

	Cause error // for the log
	place *Place
}

func (f *Failure) Error() string {
	if f.Message == "" {
		return f.Reason
	}
	return f.Reason + ": " + f.Message
}

func (f *Failure) Unwrap() error { return f.Cause }

// Place tells where in a document a step stands.
type Place struct {
	Element string // name of the policy
	Scope   string // global, workspace, product, api or operation
	Section string // inbound, backend, outbound or on-error
	Path    string // of what it is nested in: choose[3]/when[2]; "" directly in the section
	ID      string // the element's own id
}

// errEnd ends the pipeline without a failure: the call's response is complete.
var errEnd = errors.New("the pipeline has ended")

// Reasons of LastError that several policies share (gateway.md 6).
const (
	ReasonExpression        = "ExpressionValueEvaluationFailure"
	ReasonTimeout           = "Timeout"
	ReasonBackendConnection = "BackendConnectionFailure"
	ReasonClientConnection  = "ClientConnectionFailure"
)

// failureOf makes a Failure of whatever a step returned.
func failureOf(err error, at *Place) *Failure {
	var f *Failure
	if !errors.As(err, &f) {
		f = &Failure{Reason: ReasonExpression, Message: "Expression evaluation failed. " + expressionText(err), Cause: err}
	}
	if f.place != nil {
		return f
	}
	placed := *f
	placed.place = at
	return &placed
}

// expressionText is the message of the exception that an expression ended with.
func expressionText(err error) string {
	var thrown *expr.Exception
	if errors.As(err, &thrown) {
		return thrown.Message
	}
	return err.Error()
}

// failed fails a step for a reason that LastError tells in words of its own; the client hears 500.
func failed(reason, message string) *Failure { return &Failure{Reason: reason, Message: message} }

// NotFound is the failure of calls that meet no operation (gateway.md 2.5): its section is the one that was recorded.
func NotFound() *Failure {
	return &Failure{Source: "configuration", Reason: "OperationNotFound", Message: "Unable to match incoming request to an operation.",
		Status: http.StatusNotFound, Text: "Resource not found", place: &Place{Section: Backend.String()}}
}

// lastError is what expressions see of f.
func (f *Failure) lastError() *expr.LastError {
	e := &expr.LastError{Source: f.Source, Reason: f.Reason, Message: f.Message}
	if p := f.place; p != nil {
		e.Scope, e.Section, e.Path, e.PolicyID = p.Scope, p.Section, p.Path, p.ID
		if e.Source == "" {
			e.Source = p.Element
		}
	}
	return e
}

// prepare makes the answer that on-error sees and may change (gateway.md 6).
func (f *Failure) prepare(c *Call) {
	status := f.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	r := c.NewResponse(status, f.StatusReason)
	for name, values := range f.Header {
		r.Headers[name] = values
	}
	body, contentType := f.Body, f.ContentType
	if body == nil {
		body, contentType = ErrorBody(status, f.Text, c.RequestID), "application/json"
	}
	if contentType != "" {
		r.Headers["Content-Type"] = []string{contentType}
	}
	c.SetBody(Answer, NewBody(body))
}

// ErrorBody is the body of an answer that the gateway makes itself (gateway.md 4); the blanks are
// part of the wire. Only 500 tells the id of the call, by which its log is found.
func ErrorBody(status int, text string, id gatehouse.GUID) []byte {
	if text == "" {
		text = statusTexts(status)
	}
	b := append(make([]byte, 0, 160), `{ "statusCode": `...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `, "message": `...)
	b = append(b, jsonText(text)...)
	if status == http.StatusInternalServerError {
		b = append(append(append(b, `, "activityId": "`...), id.String()...), '"')
	}
	return append(b, " }"...)
}

func statusTexts(status int) string {
	switch status {
	case http.StatusInternalServerError:
		return "Internal server error"
	case http.StatusNotFound:
		return "Resource not found"
	case http.StatusServiceUnavailable:
		return "Service unavailable"
	}
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Request failed"
}

// jsonText is a string as JSON has it, with < > & as they are.
func jsonText(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimRight(b.Bytes(), "\n")
}
