package spans

import (
	"context"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// The protocols of correlation, as diagnostics name them.
const (
	none   = "None"   // nothing of the caller's is continued, and backends are told nothing
	legacy = "Legacy" // Request-Id of Application Insights
)

// following stands in the context of a call that is followed.
type following struct {
	protocol string
	secrets  *strings.Replacer // nil for none
}

type followingKey struct{}

var w3c propagation.TraceContext

// Placed begins the span of a call. It is gateway.Config.Placed.
func (s *Spans) Placed(v *gateway.Visit) {
	how := &following{protocol: s.Looks.Correlation(v), secrets: s.Looks.Secrets(v.Plan.Service.Statistics)}
	ctx := v.HTTP.Context()
	if !trace.SpanContextFromContext(ctx).IsValid() { // else it is a call of the gateway itself, within another one
		ctx = how.continued(ctx, v.HTTP.Header)
	}
	ctx, span := s.tracer.Start(ctx, v.HTTP.Method, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(v.Times.Start))
	v.TraceID = span.SpanContext().TraceID()
	v.HTTP = v.HTTP.WithContext(context.WithValue(ctx, followingKey{}, how))
}

// continued takes up the trace that a request belongs to. What is malformed, or there twice, is none.
func (f *following) continued(ctx context.Context, h http.Header) context.Context {
	switch {
	case strings.EqualFold(f.protocol, none):
	case strings.EqualFold(f.protocol, legacy):
		if parent := requestID(h["Request-Id"]); parent.IsValid() {
			return trace.ContextWithRemoteSpanContext(ctx, parent)
		}
	case len(h["Traceparent"]) == 1:
		return w3c.Extract(ctx, propagation.HeaderCarrier(h))
	}
	return ctx
}

// requestID reads |TRACE.SPAN. with identifiers as W3C has them, which is how newer clients of Application Insights write it.
func requestID(values []string) trace.SpanContext {
	if len(values) != 1 || len(values[0]) != 51 || values[0][0] != '|' || values[0][33] != '.' || values[0][50] != '.' {
		return trace.SpanContext{}
	}
	of, err := trace.TraceIDFromHex(values[0][1:33])
	span, err2 := trace.SpanIDFromHex(values[0][34:50])
	if err != nil || err2 != nil {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: of, SpanID: span, TraceFlags: trace.FlagsSampled, Remote: true})
}

// tell puts the span that a request belongs to into its headers.
func (f *following) tell(ctx context.Context, h http.Header) {
	is := trace.SpanContextFromContext(ctx)
	switch {
	case strings.EqualFold(f.protocol, none):
	case strings.EqualFold(f.protocol, legacy):
		of, span := is.TraceID(), is.SpanID()
		h["Request-Id"] = []string{"|" + hex.EncodeToString(of[:]) + "." + hex.EncodeToString(span[:]) + "."}
	default:
		delete(h, "Tracestate") // of the caller, which may be one that could not be read
		w3c.Inject(ctx, propagation.HeaderCarrier(h))
	}
}

// Observe ends the span of a call that is over. It is part of gateway.Config.Observe.
func (s *Spans) Observe(v *gateway.Visit) {
	span := trace.SpanFromContext(v.HTTP.Context())
	defer span.End()
	if !span.IsRecording() {
		return
	}
	route := routeOf(v.API, v.Operation)
	if route != "" {
		span.SetName(method(v.HTTP.Method) + " " + route)
	}
	span.SetAttributes(request(v, route)...)
	span.SetAttributes(place(v)...)
	status := v.Reply().StatusCode
	span.SetAttributes(semconv.HTTPResponseStatusCode(status), semconv.HTTPResponseBodySize(int(v.Traffic.Sent)))
	if f := v.LastError; f != nil {
		span.SetAttributes(attribute.String("gatehouse.failure.reason", valid(f.Reason)), attribute.String("gatehouse.failure.source", valid(f.Source)))
	}
	if status >= http.StatusInternalServerError {
		span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(status)))
		span.SetStatus(codes.Error, "")
	}
}

// request are the attributes of HTTP.
func request(v *gateway.Visit, route string) []attribute.KeyValue {
	u := v.Request.OriginalURL
	list := []attribute.KeyValue{semconv.HTTPRequestMethodKey.String(method(v.HTTP.Method)), semconv.URLPath(valid(u.Path)), semconv.URLScheme(u.Scheme),
		semconv.ServerAddress(valid(u.Host)), semconv.ServerPort(u.Port), semconv.ClientAddress(valid(v.Request.IPAddress)),
		semconv.NetworkProtocolVersion(version(v.HTTP.ProtoMajor, v.HTTP.ProtoMinor)), semconv.HTTPRequestBodySize(int(v.Traffic.Received))}
	if route != "" {
		list = append(list, semconv.HTTPRoute(route))
	}
	if method(v.HTTP.Method) != v.HTTP.Method {
		list = append(list, semconv.HTTPRequestMethodOriginal(valid(v.HTTP.Method)))
	}
	if agent := v.HTTP.UserAgent(); agent != "" {
		list = append(list, semconv.UserAgentOriginal(valid(agent)))
	}
	return list
}

// place are the attributes of where a call belongs, and who makes it.
func place(v *gateway.Visit) []attribute.KeyValue {
	list := []attribute.KeyValue{attribute.String("gatehouse.service", v.Plan.Service.ServiceName()), attribute.String("gatehouse.call.id", gatehouse.GUID(v.RequestID).String())}
	add := func(name, value string) { list = append(list, attribute.String("gatehouse."+name, valid(value))) }
	if v.API != nil {
		add("api", v.API.Name())
		add("api.revision", v.API.Revision)
	}
	if v.Operation != nil {
		add("operation", v.Operation.Name())
	}
	if v.Product != nil {
		add("product", v.Product.Name())
	}
	if v.Subscription != nil {
		add("subscription", v.Subscription.Name())
	}
	if c := v.Caller; c != nil {
		add("principal.id", c.ID.String())
		if c.Agent != nil {
			add("agent", c.Agent.Name)
		}
	}
	switch v.Cached {
	case pipeline.Hit:
		add("cache", "hit")
	case pipeline.Miss:
		add("cache", "miss")
	}
	return list
}

// routeOf is the template of an operation below the path of its API.
func routeOf(api *config.API, o *config.Operation) string {
	if api == nil || o == nil {
		return ""
	}
	template, _, _ := strings.Cut(o.URLTemplate, "?")
	path := strings.Trim(api.Path, "/")
	if path != "" {
		path = "/" + path
	}
	if template != "" && template[0] != '/' {
		template = "/" + template
	}
	if path += template; path == "" {
		path = "/"
	}
	return valid(path)
}

// method is a method that everybody knows, else one name for all others, so that there are not too many.
func method(m string) string {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY":
		return m
	}
	return "_OTHER"
}

func version(major, minor int) string {
	if major >= 2 {
		return strconv.Itoa(major)
	}
	return strconv.Itoa(major) + "." + strconv.Itoa(minor)
}

// valid is a text as protobuf takes it.
func valid(text string) string { return strings.ToValidUTF8(text[:min(len(text), longest)], "") }
