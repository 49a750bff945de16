package remote

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/guard"
	"gatehouse/store"
)

// access is the revision of rights and identities: the number of the last change that bears on them.
type access struct {
	mu   sync.Mutex
	last int64
	bell chan struct{} // closed and replaced when it changes
}

// newAccess follows a store. It has to be made after those that answer the questions, so that its revision is
// never ahead of their answers.
func newAccess(ctx context.Context, s *store.Store) (*access, error) {
	a := &access{bell: make(chan struct{})}
	a.mu.Lock()
	defer a.mu.Unlock()
	s.OnCommit(a.follow)
	var err error
	a.last, _, err = s.Last(ctx, time.Time{})
	return a, err
}

// bears reports whether documents of a type say who somebody is or what they may. Signing keys are among them, since
// tokens end with theirs, and role checks, which say what tokens of others count for.
func bears(typ string) bool {
	folded := gatehouse.Fold(typ)
	return strings.HasPrefix(folded, "microsoft.graph/") || strings.HasPrefix(folded, "microsoft.gatehouse/") ||
		strings.HasPrefix(folded, "microsoft.managedidentity/") || strings.HasPrefix(folded, "gatehouse.gateway/") ||
		slices.ContainsFunc(guard.Types(), func(t string) bool { return gatehouse.Fold(t) == folded })
}

func (a *access) follow(changes []gatehouse.Change) {
	var last int64
	for i := range changes {
		c := &changes[i]
		if (c.Kind == gatehouse.Write || c.Kind == gatehouse.Delete) && bears(c.Type) {
			last = c.Seq
		}
	}
	if last == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = max(a.last, last)
	close(a.bell)
	a.bell = make(chan struct{})
}

// revision returns it, and what is closed when it changes.
func (a *access) revision() (int64, <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last, a.bell
}
