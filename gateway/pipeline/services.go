package pipeline

import (
	"context"
	"net/http"
	"time"
)

// Services are what policies reach beyond the call. A gateway has one; tests make their own. What
// is nil is not there: elements say so by failing.
type Services struct {
	Now func() time.Time
	// Transport returns the connections for an upstream.
	Transport func(Upstream) (http.RoundTripper, error)
	// Loopback serves a request to the gateway itself; ok is false when it is to somebody else.
	Loopback func(*http.Request) (answer *http.Response, ok bool)
	// Go runs work that goes on after the call, in a pool of bounded size; false when that is full.
	Go func(func(context.Context)) bool
	// Sleep waits, less long when the context ends; nil waits by the clock.
	Sleep func(context.Context, time.Duration) error
	// Limits holds the calls that are inside limit-concurrency.
	Limits *Concurrency
}

func (s *Services) now() time.Time {
	if s == nil || s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Services) sleep(ctx context.Context, d time.Duration) error {
	if s != nil && s.Sleep != nil {
		return s.Sleep(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
