package spans

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/telemetry"
)

// Outgoing makes spans of the requests that calls send. It is gateway.Config.Outgoing.
func (s *Spans) Outgoing(to http.RoundTripper) http.RoundTripper { return &outgoing{to, s} }

type outgoing struct {
	http.RoundTripper
	spans *Spans
}

// RoundTrip sends a request as part of the trace of its call. Its span ends with the headers of the answer.
func (o *outgoing) RoundTrip(r *http.Request) (*http.Response, error) {
	how, _ := r.Context().Value(followingKey{}).(*following)
	if how == nil {
		return o.RoundTripper.RoundTrip(r)
	}
	ctx, span := o.spans.tracer.Start(r.Context(), method(r.Method), trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	if span.IsRecording() {
		span.SetAttributes(how.target(r)...)
	}
	out := r.WithContext(ctx)
	out.Header = r.Header.Clone()
	how.tell(ctx, out.Header)
	answer, err := o.RoundTripper.RoundTrip(out)
	if err != nil {
		span.SetAttributes(semconv.ErrorTypeKey.String(kindOf(err)))
		span.SetStatus(codes.Error, "")
		return nil, err
	}
	if answer.Request == out {
		answer.Request = r
	}
	span.SetAttributes(semconv.HTTPResponseStatusCode(answer.StatusCode), semconv.NetworkProtocolVersion(version(answer.ProtoMajor, answer.ProtoMinor)))
	if answer.StatusCode >= http.StatusBadRequest {
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(answer.StatusCode)))
		span.SetStatus(codes.Error, "")
	}
	return answer, nil
}

// target are the attributes of where a request goes, without its query, where keys stand.
func (f *following) target(r *http.Request) []attribute.KeyValue {
	port, err := strconv.Atoi(r.URL.Port())
	if err != nil {
		port = 80
		if strings.EqualFold(r.URL.Scheme, "https") {
			port = 443
		}
	}
	full := r.URL.Scheme + "://" + r.URL.Host + r.URL.EscapedPath()
	if f.secrets != nil {
		full = f.secrets.Replace(full)
	}
	return []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(method(r.Method)), semconv.ServerAddress(valid(r.URL.Hostname())), semconv.ServerPort(port), semconv.URLFull(valid(full))}
}

// kindOf is what went wrong, as one of few words: messages may hold what backends say.
func kindOf(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "timeout"
	}
	return "connection"
}

// Event adds what a trace policy says to the span of the call. It is part of pipeline.Services.Telemetry.
func (s *Spans) Event(c *pipeline.Call, e pipeline.Telemetry) {
	span := trace.SpanFromContext(c.Waiting())
	if !span.IsRecording() {
		return
	}
	how, _ := c.Waiting().Value(followingKey{}).(*following)
	hide := func(text string) string { return valid(hideOf(c, how, text)) }
	list := []attribute.KeyValue{attribute.String("message", hide(e.Message)), attribute.String("severity", e.Severity)}
	for name, value := range e.Metadata {
		if telemetry.Secret(name) {
			continue
		}
		list = append(list, attribute.String("metadata."+valid(name), hide(value)))
	}
	span.AddEvent(valid(e.Source), trace.WithAttributes(list...))
}

// hideOf takes secrets of the service, and what lets the call in, out of a text.
func hideOf(c *pipeline.Call, how *following, text string) string {
	if how != nil && how.secrets != nil {
		text = how.secrets.Replace(text)
	}
	if s := c.Subscription; s != nil {
		text = without(without(text, s.PrimaryKey), s.SecondaryKey)
	}
	for _, value := range c.HTTP.Header["Authorization"] {
		if _, bare, two := strings.Cut(value, " "); two {
			text = without(text, bare)
		}
	}
	return text
}

func without(text, secret string) string {
	if len(secret) <= 2 {
		return text
	}
	return strings.ReplaceAll(text, secret, "***")
}
