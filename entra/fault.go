package entra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

// The values of error in a token endpoint's answer (RFC 6749 5.2, RFC 8628 3.5, Entra's own).
const (
	invalidRequest       = "invalid_request"
	invalidClient        = "invalid_client"
	invalidGrant         = "invalid_grant"
	invalidScope         = "invalid_scope"
	invalidResource      = "invalid_resource"
	unauthorizedClient   = "unauthorized_client"
	unsupportedGrant     = "unsupported_grant_type"
	unsupportedResponse  = "unsupported_response_type"
	authorizationPending = "authorization_pending"
	authorizationDecline = "authorization_declined"
	badVerificationCode  = "bad_verification_code"
	expiredToken         = "expired_token"
	loginRequired        = "login_required"
	temporarily          = "temporarily_unavailable"
	serverError          = "server_error"
)

// aadsts is a refusal in Entra's shape. Scripts match its number, people read its text.
type aadsts struct {
	kind    string
	number  int
	message string
	code    int           // HTTP status; 0 for that of kind
	after   time.Duration // Retry-After
	cause   error         // for the log, never shown
}

// fault builds a refusal. The numbers are those of clients.md 3 and of Microsoft's
// reference-error-codes page.
func fault(kind string, number int, format string, args ...any) *aadsts {
	return &aadsts{kind: kind, number: number, message: fmt.Sprintf(format, args...)}
}

func (f *aadsts) Error() string { return fmt.Sprintf("AADSTS%d: %s", f.number, f.message) }
func (f *aadsts) Unwrap() error { return f.cause }

func (f *aadsts) status(code int) *aadsts {
	f.code = code
	return f
}

func (f *aadsts) because(err error) *aadsts {
	f.cause = err
	return f
}

func (f *aadsts) httpStatus() int {
	switch {
	case f.code != 0:
		return f.code
	case f.kind == invalidClient:
		return http.StatusUnauthorized
	case f.kind == temporarily:
		return http.StatusServiceUnavailable
	case f.kind == serverError:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func missing(parameter string) *aadsts {
	return fault(invalidRequest, 900144, "The request body must contain the following parameter: '%s'.", parameter)
}

// asFault gives any error Entra's shape; what has no meaning to a client becomes 90033 or 500000 and is logged.
func asFault(err error) *aadsts {
	var f *aadsts
	if errors.As(err, &f) {
		return f
	}
	var e *gatehouse.Error
	if errors.As(err, &e) && (e.Kind == gatehouse.Limited || e.Kind == gatehouse.Unavailable) {
		f = fault(temporarily, 90033, "A transient error has occurred. Please try again.").because(err)
		f.after = max(e.RetryAfter, time.Second)
		if e.Kind == gatehouse.Limited {
			f.code = http.StatusTooManyRequests
		}
		return f
	}
	return fault(serverError, 90012, "The server could not answer. Ask its operator to look for the trace ID in its log.").because(err)
}

// refuse writes an error as the token endpoint does: description with number, trace and correlation IDs.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := asFault(err)
	trace, correlation, at := w.Header().Get("x-ms-request-id"), correlationOf(r), s.now().UTC().Format("2006-01-02 15:04:05Z")
	if f.cause != nil && !errors.Is(f.cause, context.Canceled) {
		s.cfg.Logger.LogAttrs(r.Context(), severity(f), "sign-in request failed",
			slog.String("trace", trace), slog.Int("code", f.number), slog.String("cause", f.cause.Error()))
	}
	body := struct {
		Error         string `json:"error"`
		Description   string `json:"error_description"`
		Codes         []int  `json:"error_codes"`
		Timestamp     string `json:"timestamp"`
		TraceID       string `json:"trace_id"`
		CorrelationID string `json:"correlation_id"`
	}{f.kind, fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", f.Error(), trace, correlation, at),
		[]int{f.number}, at, trace, correlation}
	if f.after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.after.Round(time.Second)/time.Second)))
	}
	if f.httpStatus() == http.StatusUnauthorized && strings.HasPrefix(r.Header.Get("Authorization"), "Basic ") {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+s.tenant+`"`)
	}
	writeJSON(w, f.httpStatus(), body)
}

// correlationOf returns the caller's correlation ID when it sent a usable one.
func correlationOf(r *http.Request) string {
	for _, text := range []string{r.Header.Get("client-request-id"), r.PostForm.Get("client-request-id")} {
		if g, err := gatehouse.ParseGUID(text); err == nil {
			return g.String()
		}
	}
	return gatehouse.NewGUID().String()
}

// severity: what the server could not do is an error, what a caller did wrong is not.
func severity(f *aadsts) slog.Level {
	if f.httpStatus() >= http.StatusInternalServerError {
		return slog.LevelError
	}
	return slog.LevelInfo
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only our own structs come here
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store, no-cache")
		h.Set("Pragma", "no-cache")
	}
	w.WriteHeader(status)
	w.Write(b)
}

// clip bounds what of a caller's text is repeated in an answer.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
