package past

import (
	"context"
	"errors"
	"testing"
)

// TestTurns: however many ask, only so many read the log at once, and who gives up waiting is gone.
func TestTurns(t *testing.T) {
	h := New(nil, nil, nil)
	var ends []func()
	for range maxTurns {
		done, err := h.turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.changes(ctx, 0, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("the log is read out of turn: %v", err)
	}
	s := &state{history: h}
	if _, err := s.fork(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a moment is made out of turn: %v", err)
	}
	ends[0]()
	if _, err := h.turn(t.Context()); err != nil {
		t.Error(err)
	}
}
