package telemetry

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
)

// Config is what Telemetry needs. What is nil is left out.
type Config struct {
	Registry prometheus.Registerer
	// Log takes a line of JSON for each call, and what diagnostics and trace policies write.
	Log io.Writer
	// Events takes messages in place of the Event Hubs that loggers name: for development.
	Events Sink
	// Drops are counts of what other queues lost, by their names.
	Drops   map[string]func() int64
	Metrics *Metrics
	Clock   func() time.Time
	Random  func() float64 // from 0 up to 1, for sampling
	Errors  *slog.Logger
}

// Telemetry is the functions that gateway.Config asks for. It is safe for concurrent use. Run does its work.
type Telemetry struct {
	Config
	settings atomic.Pointer[map[string]*settings] // by the key of statistics
	mu       sync.Mutex                           // held to change settings
	lines    chan any
	events   chan message
	lost     atomic.Int64 // lines
	unsent   atomic.Int64 // events
}

// The bounds of queues.
const (
	mostLines  = 8192
	mostEvents = 4096
)

// New returns Telemetry: follow a feed with Update before the gateway does.
func New(c Config) *Telemetry {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Errors == nil {
		c.Errors = slog.Default()
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	t := &Telemetry{Config: c, events: make(chan message, mostEvents)}
	t.settings.Store(&map[string]*settings{})
	if c.Log != nil {
		t.lines = make(chan any, mostLines)
	}
	if c.Registry != nil {
		t.register()
	}
	return t
}

// Begin looks what is to be kept of a call whose API is known. It belongs to gateway.Config.Debug.
func (t *Telemetry) Begin(v *gateway.Visit) {
	if c := t.wanted(v); c != nil {
		if c != unwanted {
			c.Watch(v)
		}
		v.Kept = c
	}
}

// Observe takes in a call that is over. It belongs to gateway.Config.Observe.
func (t *Telemetry) Observe(v *gateway.Visit) {
	if t.Metrics != nil {
		t.Metrics.Observe(v)
	}
	if t.lines != nil {
		t.write(t.line(v))
	}
	t.diagnose(v)
}

// write queues a line of the log.
func (t *Telemetry) write(line any) {
	if t.lines == nil {
		return
	}
	select {
	case t.lines <- line:
	default:
		t.lost.Add(1)
	}
}

// Dropped is how many lines of the log, and messages to loggers, were lost.
func (t *Telemetry) Dropped() (lines, events int64) { return t.lost.Load(), t.unsent.Load() }

// Run writes and sends, until ctx ends and what waits then is written and sent.
func (t *Telemetry) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { t.send(ctx) })
	if t.lines != nil {
		all.Go(func() { t.writeLines(ctx) })
	}
	all.Wait()
}

// writeLines writes the log, and hands it on whenever there is nothing more to write.
func (t *Telemetry) writeLines(ctx context.Context) {
	out := bufio.NewWriterSize(t.Log, 64<<10)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	failed := false
	put := func(line any) {
		if err := lines.Encode(line); err != nil {
			t.lost.Add(1)
		}
		if len(t.lines) > 0 {
			return
		}
		if err := out.Flush(); err != nil {
			out.Reset(t.Log) // a writer that failed takes nothing more
			lines = json.NewEncoder(out)
			lines.SetEscapeHTML(false)
			if !failed {
				t.Errors.Error("the log of calls cannot be written", "error", err)
			}
			failed = true
		}
	}
	for {
		select {
		case line := <-t.lines:
			put(line)
			continue
		case <-ctx.Done():
		}
		for len(t.lines) > 0 {
			put(<-t.lines)
		}
		return
	}
}
