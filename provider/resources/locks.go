package resources

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const lockType = "Microsoft.Authorization/locks"

// locks is every resource lock there is, kept up to date in each commit. A lock
// holds for what it extends and everything below, whoever asks (rbac.md 9).
type locks struct {
	mu   sync.RWMutex
	held map[gatehouse.Scope]lock // by the lock's own ID
}

type lock struct {
	target   gatehouse.ID
	readOnly bool
}

func newLocks(ctx context.Context, s *store.Store) (*locks, error) {
	l := &locks{held: map[gatehouse.Scope]lock{}}
	// Commits made while loading wait here and are applied afterwards, again if need be.
	l.mu.Lock()
	defer l.mu.Unlock()
	s.OnCommit(l.follow)
	page, err := s.List(ctx, store.Query{Type: lockType})
	if err != nil {
		return nil, err
	}
	for _, d := range page.Documents {
		l.put(d.ID, d.Body)
	}
	return l, nil
}

func (l *locks) follow(changes []gatehouse.Change) {
	for i := range changes {
		c := &changes[i]
		if gatehouse.Fold(c.Type) != "microsoft.authorization/locks" || c.Kind != gatehouse.Write && c.Kind != gatehouse.Delete {
			continue
		}
		id, err := gatehouse.ParseID(c.Resource)
		if err != nil {
			continue // the store wrote it from an ID
		}
		l.mu.Lock()
		if c.Kind == gatehouse.Delete {
			delete(l.held, id.Scope())
		} else {
			l.put(id, c.After)
		}
		l.mu.Unlock()
	}
}

// put takes a lock in. One that cannot be read forbids everything: a lock may fail closed.
func (l *locks) put(id gatehouse.ID, body []byte) {
	o, err := jsondoc.ParseObject(body)
	l.held[id.Scope()] = lock{target: id.Parent(), readOnly: err != nil || gatehouse.Fold(o.String("properties.level")) == "readonly"}
}

// check refuses an authorized operation that a lock forbids (rbac.md 5.4, 9).
func (l *locks) check(op *arm.Op) error {
	deletes := op.Method == http.MethodDelete
	if !deletes && !changes(op) || gatehouse.Fold(op.Route.TypeName) == "microsoft.authorization/locks" {
		return nil
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if len(l.held) == 0 {
		return nil
	}
	subject := op.ID.Scope()
	var hits []string
	for _, held := range l.held {
		target := held.target.Scope()
		above := target.Contains(subject)
		if above && (deletes || held.readOnly) || deletes && subject.Contains(target) {
			hits = append(hits, held.target.String())
		}
	}
	if len(hits) == 0 {
		return nil
	}
	slices.Sort(hits)
	verb := "write"
	if deletes {
		verb = "delete"
	}
	return gatehouse.Errorf(gatehouse.Conflict, "ScopeLocked",
		"The scope '%s' cannot perform %s operation because following scope(s) are locked: '%s'. Please remove the lock and try again.",
		op.ID, verb, strings.Join(slices.Compact(hits), ","))
}

// changes reports whether an operation may change something: a PUT, a PATCH, and a
// POST except those that only look. Actions such as listKeys count, as in Azure.
func changes(op *arm.Op) bool {
	switch op.Method {
	case http.MethodPut, http.MethodPatch:
		return true
	case http.MethodPost:
		action := gatehouse.Fold(op.Route.Action)
		return strings.HasSuffix(action, "/action") && !looking[action] && !strings.HasPrefix(action, "microsoft.authorization/")
	}
	return false
}

var looking = map[string]bool{
	"microsoft.resources/deployments/validate/action":       true,
	"microsoft.resources/deployments/whatif/action":         true,
	"microsoft.resources/deployments/exporttemplate/action": true,
}

// lockProvider is the part of Microsoft.Authorization that Resource Manager does itself.
func lockProvider(l *locks) *arm.Provider {
	return &arm.Provider{
		Namespace: authorization, DisplayName: "Microsoft Authorization", Versions: []string{"2020-05-01", "2017-04-01", "2016-09-01"},
		Before: l.check,
		Mounts: []arm.Mount{{At: arm.Anywhere, Types: []*arm.Type{{
			Segment: "locks", Shape: "list get put delete", Noun: "Lock", Name: arm.NameRule{Max: 90, Pattern: `[^<>%&:\\?/]*[^<>%&:\\?/. ]`},
			Model: arm.NewModel(`
				properties.level  enum(CanNotDelete|ReadOnly) required
				properties.notes  string max=512
				properties.owners array(any)
			`),
			Do:    map[arm.Verb]arm.Handler{arm.List: listLocks},
			Hooks: arm.Hooks{Check: checkLock},
		}}}},
		Calls: []arm.Call{{Method: "GET", Path: string(arm.Anywhere) + "/providers/Microsoft.Authorization/policyAssignments",
			Action: "Microsoft.Authorization/policyAssignments/read", Do: func(*arm.Op) (*arm.Answer, error) { return arm.ListOf(nil), nil }}},
	}
}

func checkLock(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	target := next.ID.Parent()
	if _, ok := target.Scope().Subscription(); !ok {
		return gatehouse.Errorf(gatehouse.Invalid, "LockScopeNotSupported", "A lock can be put on a subscription, a resource group or a resource; '%s' is none of these.", target)
	}
	if next.Body.String("properties.level") != "" {
		next.Props().Set("level", map[bool]string{true: "ReadOnly", false: "CanNotDelete"}[gatehouse.Fold(next.Body.String("properties.level")) == "readonly"])
	}
	stored, err := op.Server.StoredID(op.Context, tx, target)
	if err != nil {
		return err
	}
	if _, err := tx.Get(op.Context, stored.Scope()); gatehouse.KindOf(err) == gatehouse.NotFound {
		return missing(target.Type(), target)
	} else if err != nil {
		return err
	}
	return nil
}

// listLocks lists the locks at a scope and below; $filter=atScope() only those at the scope or above it.
func listLocks(op *arm.Op) (*arm.Answer, error) {
	scope := op.ID.Scope()
	if filter := strings.ReplaceAll(gatehouse.Fold(op.Query.Get("$filter")), " ", ""); filter == "atscope()" {
		all, err := loadAll(op, store.Query{Type: lockType})
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(r *arm.Resource) bool { return !r.ID.Parent().Scope().Contains(scope) })
		return op.PageOf(all, nil)
	} else if filter != "" {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "InvalidFilterInQueryString", "The only $filter of locks is atScope().").At("$filter")
	}
	return op.Page(store.Query{Type: lockType, Under: &scope}, nil)
}
