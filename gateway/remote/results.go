package remote

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"gatehouse/analytics"
	"gatehouse/gateway/trace"
)

// queue holds what a gateway counted and traced until the node has it. It is bounded: the oldest go first, and are counted.
type queue struct {
	mu      sync.Mutex
	waiting results
	dropped int64
}

// The bounds of a queue, and of what is sent at a time.
const (
	mostRequests = 100_000
	mostQuotas   = 10_000
	mostTraces   = 100
	batch        = 2_000
	sendEvery    = time.Second
)

// Add keeps requests for the node's analytics. It does not wait.
func (r *Remote) Add(_ context.Context, requests []analytics.Request) error {
	r.queue.put(&results{Requests: requests})
	return nil
}

// Charge keeps what counters of quotas counted. The service is always the gateway's own. It does not wait.
func (r *Remote) Charge(_ context.Context, _ string, quotas []analytics.Quota) error {
	r.queue.put(&results{Quotas: quotas})
	return nil
}

// Put keeps a trace for the node. The gateway is always this one. It does not wait.
func (r *Remote) Put(_ string, t *trace.Trace) error {
	body, err := json.Marshal(t)
	if err != nil {
		return err
	}
	r.queue.put(&results{Traces: []tracedCall{{ID: t.ID, Body: body}}})
	return nil
}

// Dropped is how many requests, quotas and traces were lost because the node did not take them in time.
func (r *Remote) Dropped() int64 {
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	return r.queue.dropped
}

func (q *queue) put(more *results) {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.waiting
	w.Requests, w.Quotas, w.Traces = append(w.Requests, more.Requests...), append(w.Quotas, more.Quotas...), append(w.Traces, more.Traces...)
	q.dropped += shorten(&w.Requests, mostRequests) + shorten(&w.Quotas, mostQuotas) + shorten(&w.Traces, mostTraces)
}

// shorten drops the oldest of a list that is too long and returns how many.
func shorten[T any](list *[]T, most int) int64 {
	over := len(*list) - most
	if over <= 0 {
		return 0
	}
	*list = append([]T(nil), (*list)[over:]...)
	return int64(over)
}

// first takes the oldest of a list.
func first[T any](list *[]T, n int) []T {
	n = min(n, len(*list))
	taken := (*list)[:n:n]
	*list = (*list)[n:]
	return taken
}

// take returns what is sent next; nil when there is nothing.
func (q *queue) take() *results {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &q.waiting
	if len(w.Requests)+len(w.Quotas)+len(w.Traces) == 0 {
		return nil
	}
	return &results{Requests: first(&w.Requests, batch), Quotas: first(&w.Quotas, batch), Traces: first(&w.Traces, 10)}
}

// giveBack puts what was not taken before the rest. Nothing is sent twice that was acknowledged; what the node took
// without being heard counts twice.
func (q *queue) giveBack(b *results) {
	q.mu.Lock()
	rest := q.waiting
	q.waiting = *b
	q.mu.Unlock()
	q.put(&rest)
}

// sendResults sends what waits, until ctx ends, and then what is left once.
func (r *Remote) sendResults(ctx context.Context) {
	for {
		select {
		case <-time.After(sendEvery):
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			r.sendAll(last)
			return
		}
		r.sendAll(ctx)
	}
}

func (r *Remote) sendAll(ctx context.Context) {
	for b := r.queue.take(); b != nil; b = r.queue.take() {
		answer, err := r.call(ctx, http.MethodPost, "results", b)
		if err != nil {
			r.queue.giveBack(b)
			return
		}
		answer.Body.Close()
	}
}
