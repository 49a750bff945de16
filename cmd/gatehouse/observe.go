package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"gatehouse/gateway"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/record"
	"gatehouse/gateway/spans"
	"gatehouse/gateway/telemetry"
)

// observeFlags say what is told of the calls of a gateway.
type observeFlags struct {
	accessLog string // file, or - for standard output
	eventsTo  string // file or address in place of Event Hubs
	recordFlags
	otlp string // address of an OTLP receiver
}

// observed is what looks at the calls of a gateway.
type observed struct {
	telemetry *telemetry.Telemetry
	recorder  *record.Recorder // nil when calls are not recorded
	files     []io.Closer
	spans     *spans.Spans // nil when calls are not followed
	stop      context.CancelFunc
	all       sync.WaitGroup
}

// open prepares what the flags ask for. unrecorded is how many calls analytics lost, verified knows of tokens whether they are good.
func (f *observeFlags) open(registry prometheus.Registerer, out io.Writer, unrecorded func() int64, verified record.Verified) (o *observed, err error) {
	ctx, stop := context.WithCancel(context.Background())
	o = &observed{stop: stop}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	c := telemetry.Config{Registry: registry, Drops: map[string]func() int64{"records": unrecorded}}
	if err := o.record(&f.recordFlags, verified); err != nil {
		return o, err
	}
	if o.recorder != nil {
		c.Drops["recordings"] = o.recorder.Dropped
		o.all.Go(func() { o.recorder.Run(ctx) })
	}
	switch {
	case f.accessLog == "-":
		c.Log = out
	case f.accessLog != "":
		if c.Log, err = o.append(f.accessLog, "--gateway-access-log"); err != nil {
			return o, err
		}
	}
	if u, bad := url.Parse(f.eventsTo); bad == nil && (u.Scheme == "http" || u.Scheme == "https") {
		c.Events = telemetry.HTTP(f.eventsTo)
	} else if f.eventsTo != "" {
		file, err := o.append(strings.TrimPrefix(f.eventsTo, "file:"), "--gateway-events-to")
		if err != nil {
			return o, err
		}
		c.Events = telemetry.File{File: file}
	}
	if spans.Asked(f.otlp) {
		if o.spans, err = spans.New(ctx, spans.Config{Endpoint: f.otlp, Version: version()}); err != nil {
			return o, usage(err)
		}
		c.Drops["spans"] = o.spans.Dropped
		o.all.Go(func() { o.spans.Run(ctx) })
	}
	o.telemetry = telemetry.New(c)
	o.all.Go(func() { o.telemetry.Run(ctx) })
	return o, nil
}

// append opens a file that grows; nobody else may read it.
func (o *observed) append(name, flag string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	o.files = append(o.files, file)
	return file, nil
}

// watch has a gateway tell of its calls, besides what it tells already.
func (o *observed) watch(c *gateway.Config, follow func(feed.Follower) (stop func())) {
	t := o.telemetry
	follow(t.Update)
	c.Services.Events, c.Services.Telemetry = t.Event, t.Trace
	debug, observe := c.Debug, c.Observe
	c.Debug = func(v *gateway.Visit) {
		debug(v)
		t.Begin(v)
	}
	c.Observe = func(v *gateway.Visit) {
		observe(v)
		t.Observe(v)
	}
	o.watchRecorded(c, follow)
	if o.spans != nil {
		o.follow(c)
	}
}

// follow has a gateway follow its calls through other programs.
func (o *observed) follow(c *gateway.Config) {
	s := o.spans
	s.Looks, c.Placed, c.Outgoing = o.telemetry, s.Placed, s.Outgoing
	told, observe := c.Services.Telemetry, c.Observe
	c.Services.Telemetry = func(c *pipeline.Call, e pipeline.Telemetry) {
		told(c, e)
		s.Event(c, e)
	}
	c.Observe = func(v *gateway.Visit) {
		observe(v)
		s.Observe(v)
	}
}

// close writes what waits.
func (o *observed) close() error {
	o.stop()
	o.all.Wait()
	var errs []error
	for _, f := range o.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
