package remote

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/gateway/admit"
)

// rights are answers about identities and rights, as long as they count.
type rights struct {
	mu     sync.Mutex
	access int64     // the newest revision that was heard of
	at     time.Time // when that was asked for; zero for never
	known  map[[32]byte]known
}

// known is one answer.
type known struct {
	answer answer
	at     time.Time // when it was asked for
}

// mostKnown bounds the answers that are kept.
const mostKnown = 100_000

func (k *rights) clear(access int64) { k.access, k.known = access, map[[32]byte]known{} }

func (k *rights) revision() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.access
}

// heard takes in that the node named a revision when it was asked at a time. Another revision ends every answer.
func (k *rights) heard(access int64, asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if access != k.access {
		k.clear(access)
	}
	if asked.After(k.at) {
		k.at = asked
	}
}

func (k *rights) fresh(now time.Time, staleness time.Duration) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.at.IsZero() && now.Sub(k.at) < staleness
}

// find returns an answer that still counts: it is of the newest revision, the node was heard of, and it is no older
// than the bound itself, since rights also change by the clock.
func (k *rights) find(key [32]byte, now time.Time, staleness time.Duration) (answer, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found, ok := k.known[key]
	switch {
	case !ok || found.answer.Access != k.access || now.Sub(k.at) >= staleness || now.Sub(found.at) >= staleness:
		return answer{}, false
	case found.answer.Caller != nil && !found.answer.Caller.ExpiresAt.IsZero() && !now.Before(found.answer.Caller.ExpiresAt):
		return answer{}, false
	}
	return found.answer, true
}

func (k *rights) keep(key [32]byte, a *answer, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.Access > k.access { // sooner than the call that waits for changes told; an answer that was overtaken says less
		k.clear(a.Access)
	}
	if len(k.known) >= mostKnown {
		clear(k.known)
	}
	k.known[key] = known{*a, at}
}

// Authenticate returns who a bearer token was issued to, for one of the audiences.
func (r *Remote) Authenticate(ctx context.Context, bearer string, audiences ...string) (*gatehouse.Caller, error) {
	a, err := r.ask(ctx, "authenticate", &question{Bearer: bearer, Audiences: audiences})
	if err != nil {
		return nil, err
	}
	return called(a)
}

// Foreign returns whom a token of another identity provider stands for, as a role check of the gateway's service has it.
func (r *Remote) Foreign(ctx context.Context, bearer string, by *admit.Foreign) (*gatehouse.Caller, error) {
	a, err := r.ask(ctx, "authenticate", &question{Bearer: bearer, Setting: by.Setting})
	if err != nil {
		return nil, err
	}
	return called(a)
}

// Certificate returns who registered a client certificate.
func (r *Remote) Certificate(ctx context.Context, leaf *x509.Certificate) (*gatehouse.Caller, error) {
	a, err := r.ask(ctx, "authenticate", &question{Certificate: leaf.Raw})
	if err != nil {
		return nil, err
	}
	return called(a)
}

func called(a *answer) (*gatehouse.Caller, error) {
	if a.Caller == nil {
		return nil, unanswered(nil)
	}
	caller := *a.Caller // the receiver's own
	return &caller, nil
}

// Decide says whether a caller may perform a data action.
func (r *Remote) Decide(ctx context.Context, caller *gatehouse.Caller, action string, scope gatehouse.ID) (gatehouse.Decision, error) {
	who := gatehouse.Caller{ID: caller.ID, Type: caller.Type, Name: caller.Name, AppID: caller.AppID, Issuer: caller.Issuer, Agent: caller.Agent}
	a, err := r.ask(ctx, "decide", &question{Caller: &who, Action: action, Scope: scope.String()})
	if a == nil || a.Decision == nil {
		if err == nil {
			err = unanswered(nil)
		}
		return gatehouse.Decision{}, err
	}
	if err == nil && !a.Decision.Allowed {
		err = unanswered(nil) // an answer that says both
	}
	return *a.Decision, err
}

// ask answers from what is known, or asks the node. Refusals come with the answer.
func (r *Remote) ask(ctx context.Context, call string, q *question) (*answer, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256([]byte(call + "\n" + string(text)))
	if a, ok := r.rights.find(key, r.Clock(), r.Staleness); ok {
		return &a, a.err()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := r.Clock()
	got, err := r.call(ctx, http.MethodPost, call, q)
	if err != nil {
		return nil, unanswered(err)
	}
	defer got.Body.Close()
	a := &answer{}
	if err := json.NewDecoder(io.LimitReader(got.Body, maxQuestion)).Decode(a); err != nil {
		return nil, unanswered(err)
	}
	r.rights.keep(key, a, at)
	return a, a.err()
}

// patience is how long a caller waits for the management node.
const patience = 5 * time.Second

func (a *answer) err() error {
	if a.Refusal == nil {
		return nil
	}
	kind := gatehouse.Unauthenticated
	if a.Refusal.Kind == gatehouse.Forbidden {
		kind = gatehouse.Forbidden
	}
	return &gatehouse.Error{Kind: kind, Code: a.Refusal.Code, Message: a.Refusal.Message}
}

// unanswered is the error of a question that has no answer. It names no address and no token.
func unanswered(cause error) error {
	e := gatehouse.Errorf(gatehouse.Unavailable, "AuthorityUnavailable", "The management node was not heard of in time, so that nobody can be let in.")
	e.Cause = cause
	return e
}
