package spans

import (
	"context"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// OnStart is of sdk.SpanProcessor.
func (s *Spans) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd queues a span, or drops it. It is of sdk.SpanProcessor.
func (s *Spans) OnEnd(span sdk.ReadOnlySpan) {
	if !span.SpanContext().IsSampled() {
		return
	}
	select {
	case s.finished <- span:
	default:
		s.dropped.Add(1)
	}
}

// Shutdown is of sdk.SpanProcessor; Run ends by its context.
func (s *Spans) Shutdown(context.Context) error { return nil }

// ForceFlush is of sdk.SpanProcessor; Run sends by itself.
func (s *Spans) ForceFlush(context.Context) error { return nil }

// Dropped is how many spans were lost: they found no room, or the receiver did not take them.
func (s *Spans) Dropped() int64 { return s.dropped.Load() }

const (
	batchSize  = 512
	lastFlush  = 5 * time.Second // for what waits when Run ends
	quietAfter = time.Minute     // of telling that the receiver is away
)

// Run sends what is finished, until ctx ends and what waits then is sent.
func (s *Spans) Run(ctx context.Context) {
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	batch := make([]sdk.ReadOnlySpan, 0, batchSize)
	for {
		select {
		case span := <-s.finished:
			if batch = append(batch, span); len(batch) < batchSize {
				continue
			}
		case <-tick.C:
		case <-ctx.Done():
			s.flush(batch)
			return
		}
		s.export(ctx, batch)
		clear(batch)
		batch = batch[:0]
	}
}

// flush sends all that waits, within its time.
func (s *Spans) flush(batch []sdk.ReadOnlySpan) {
	ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
	defer cancel()
	for {
		for len(s.finished) > 0 && len(batch) < batchSize {
			batch = append(batch, <-s.finished)
		}
		if len(batch) == 0 {
			break
		}
		s.export(ctx, batch)
		batch = batch[:0]
	}
	_ = s.exporter.Shutdown(ctx)
}

// export sends a batch. What the receiver does not take is lost, and said once a minute at most.
func (s *Spans) export(ctx context.Context, batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	err := s.exporter.ExportSpans(ctx, batch)
	if err == nil {
		return
	}
	s.dropped.Add(int64(len(batch)))
	if now := time.Now(); now.Sub(s.told) >= quietAfter {
		s.told = now
		s.Log.Warn("traces cannot be exported; spans are dropped", "error", err, "dropped", s.dropped.Load())
	}
}
