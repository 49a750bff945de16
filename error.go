package gatehouse

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in terms that every wire can translate: ARM, the
// token endpoint, Graph and the gateway each map a Kind to a status in one place.
type Kind uint8

// The kinds. The zero Kind is an internal failure: 500, and nothing shown but a correlation ID.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	Precondition
	Limited
	Unavailable
	Unsupported
	TooLarge
)

// Error is a failure that somebody outside will act on. Code and Message reach
// the caller as they are; Cause does not.
type Error struct {
	Kind       Kind
	Code       string // Azure's error code, for example RoleAssignmentExists
	Message    string // what happened, where, and what to do next
	Target     string // the field or parameter at fault, as the caller wrote it
	Details    []*Error
	Info       []Info
	Status     int // an HTTP status that differs from the one Kind stands for; 0 for none
	RetryAfter time.Duration
	Cause      error
}

// Info is one additionalInfo entry of an ARM error.
type Info struct {
	Type string         `json:"type"`
	Info map[string]any `json:"info"`
}

// Error returns code, message and cause for logs.
func (e *Error) Error() string {
	s := e.Code + ": " + e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf builds an Error with a formatted message.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// At names the field or parameter at fault and returns e.
func (e *Error) At(target string) *Error {
	e.Target = target
	return e
}

// KindOf returns the Kind of the first *Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the Code of the first *Error in err's chain, "" when there is none.
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// clip shortens caller-supplied text so that an error message stays readable and bounded.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
