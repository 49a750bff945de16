package spans

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"gatehouse/gateway"
)

// Config is what Spans need. What it does not say, the environment does, by the variables of OpenTelemetry.
type Config struct {
	// Endpoint is the base address of the receiver; spans go to /v1/traces below it. "" for that of the environment.
	Endpoint string
	Version  string // of this program
	// Every is how often spans are sent; 0 is a second.
	Every time.Duration
	// Queue is how many finished spans may wait; 0 is 8192.
	Queue int
	Log   *slog.Logger
}

// Looks is what settings of a service say of traces: telemetry.Telemetry.
type Looks interface {
	// Correlation is the protocol that a diagnostic wants: None, Legacy or W3C; "" when none says.
	Correlation(v *gateway.Visit) string
	// Secrets hides the values of secret named values; nil when there are none.
	Secrets(service string) *strings.Replacer
}

// Spans are the functions that gateway.Config asks for. They are safe for concurrent use. Run does their work.
type Spans struct {
	Config
	Looks    Looks // set before the first call
	tracer   trace.Tracer
	exporter sdk.SpanExporter
	finished chan sdk.ReadOnlySpan
	dropped  atomic.Int64
	told     time.Time // that the receiver is away
}

// Asked reports whether traces are wanted: by an endpoint, or by the environment.
func Asked(endpoint string) bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || strings.EqualFold(os.Getenv("OTEL_TRACES_EXPORTER"), "none") {
		return false
	}
	return endpoint != "" || os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

// New returns Spans. It fails for settings that cannot be understood, not for a receiver that is away.
func New(ctx context.Context, c Config) (*Spans, error) {
	if c.Every == 0 {
		c.Every = time.Second
	}
	if c.Queue == 0 {
		c.Queue = 8192
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	sampler, err := samplerOf(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(semconv.ServiceName("gatehouse-gateway"), semconv.ServiceVersion(c.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	s := &Spans{Config: c, finished: make(chan sdk.ReadOnlySpan, c.Queue)}
	if s.exporter, err = otlptracehttp.New(ctx, options...); err != nil {
		return nil, err
	}
	limits := sdk.NewSpanLimits()
	limits.AttributeValueLengthLimit = longest
	s.tracer = sdk.NewTracerProvider(sdk.WithSampler(sampler), sdk.WithResource(about), sdk.WithSpanProcessor(s), sdk.WithRawSpanLimits(limits)).
		Tracer("gatehouse/gateway", trace.WithSchemaURL(semconv.SchemaURL))
	return s, nil
}

// longest is how much of a text is told.
const longest = 1024

// options says where spans go. The exporter reads the environment itself.
func (c *Config) options() ([]otlptracehttp.Option, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if p := os.Getenv(name); p != "" && p != "http/protobuf" {
			return nil, fmt.Errorf("%s is %q; traces are sent as http/protobuf", name, p)
		}
	}
	list := []otlptracehttp.Option{otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 5 * time.Second, MaxElapsedTime: 15 * time.Second})}
	if c.Endpoint == "" {
		return list, nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--otlp-endpoint takes the address of an OTLP receiver over HTTP, for example http://localhost:4318")
	}
	if u.User != nil {
		return nil, errors.New("--otlp-endpoint takes no password: other programs see it; put a header into OTEL_EXPORTER_OTLP_HEADERS")
	}
	if !strings.HasSuffix(u.Path, "/v1/traces") {
		u = u.JoinPath("v1", "traces")
	}
	return append(list, otlptracehttp.WithEndpointURL(u.String())), nil
}

// samplerOf understands OTEL_TRACES_SAMPLER and its argument. Without, all calls are followed whose caller does not say otherwise.
func samplerOf(name, argument string) (sdk.Sampler, error) {
	ratio := 1.0
	if argument != "" {
		var err error
		if ratio, err = strconv.ParseFloat(argument, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG takes a number from 0 to 1; it is %q", argument)
		}
	}
	root := map[string]sdk.Sampler{"always_on": sdk.AlwaysSample(), "always_off": sdk.NeverSample(), "traceidratio": sdk.TraceIDRatioBased(ratio)}
	if name == "" {
		return sdk.ParentBased(root["traceidratio"]), nil
	}
	kind, parent := strings.CutPrefix(name, "parentbased_")
	switch s := root[kind]; {
	case s == nil:
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER takes always_on, always_off, traceidratio, or one of these after parentbased_; it is %q", name)
	case parent:
		return sdk.ParentBased(s), nil
	default:
		return s, nil
	}
}
