package lint

import (
	"context"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
	"gatehouse/world"
)

// UnusedDays is after how many days without a change a grant is unused, unless something else is said.
const UnusedDays = 90

// Read takes the world, what exists, and what was used in the last days from a store; 0 days do not look for uses.
func (in *Input) Read(ctx context.Context, s *store.Store, now time.Time, days int) (err error) {
	if in.World, err = world.FromStore(ctx, s); err != nil {
		return err
	}
	in.World.Now = now
	in.Exists = func(scope gatehouse.Scope) bool {
		_, err := s.Get(ctx, scope)
		return gatehouse.KindOf(err) != gatehouse.NotFound || !ours(scope)
	}
	if days <= 0 {
		return nil
	}
	in.Since = now.AddDate(0, 0, -days)
	in.Uses, err = uses(ctx, s, in.Since)
	return err
}

// ours reports whether a scope is of a kind that is kept here, so that what is not in the store does not exist.
func ours(s gatehouse.Scope) bool {
	namespace, _, _ := strings.Cut(gatehouse.Fold(s.Type()), "/")
	return slices.Contains([]string{"microsoft.resources", "microsoft.apimanagement", "microsoft.managedidentity", "microsoft.management"}, namespace)
}

// uses finds when each role assignment last allowed a change.
func uses(ctx context.Context, s *store.Store, since time.Time) (map[gatehouse.GUID]time.Time, error) {
	out := map[gatehouse.GUID]time.Time{}
	each, err := s.Changes(ctx, store.ChangeQuery{Since: since})
	if err != nil {
		return nil, err
	}
	for c, err := range each {
		if err != nil {
			return nil, err
		}
		if d := c.Cause.Decision; d != nil && d.Allowed {
			if id, err := gatehouse.ParseGUID(d.Grant[strings.LastIndexByte(d.Grant, '/')+1:]); err == nil {
				out[id] = c.Time
			}
		}
	}
	return out, nil
}
