package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/pipeline"
	"gatehouse/gateway/record"
	"gatehouse/token"
)

// recordFlags say which calls of a gateway are written down for "gatehouse replay".
type recordFlags struct {
	recordTo     string // file or directory; "" for nowhere
	recordSample float64
	recordBody   int
	recordSize   int64 // MiB
}

func (f *recordFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.recordTo, "gateway-record", "", "file, or directory of files, that calls of APIs are written to for \"gatehouse replay\" (default: none)")
	c.Flags().Float64Var(&f.recordSample, "gateway-record-sample", 1, "part of the calls that is recorded, from 0 to 1")
	c.Flags().IntVar(&f.recordBody, "gateway-record-body", 64<<10, "how many bytes of each body are recorded")
	c.Flags().Int64Var(&f.recordSize, "gateway-record-size", 256, "how many MiB all recordings may have: a file that has it takes no more, of a directory the oldest file goes")
}

func (f *recordFlags) check() error {
	switch {
	case f.recordSample < 0 || f.recordSample > 1:
		return usagef("--gateway-record-sample takes a number from 0 to 1, for example 0.1; it is %v", f.recordSample)
	case f.recordBody < 0 || f.recordBody > 8<<20:
		return usagef("--gateway-record-body takes 0 to %d bytes; it is %d", 8<<20, f.recordBody)
	case f.recordTo != "" && f.recordSize < 1: // "gatehouse proxy" has no such flags
		return usagef("--gateway-record-size takes a MiB or more; it is %d", f.recordSize)
	}
	return nil
}

// record begins to record when the flags say so.
func (o *observed) record(f *recordFlags, verified record.Verified) error {
	if f.recordTo == "" {
		return nil
	}
	files, err := record.OpenFiles(f.recordTo, f.recordSize<<20)
	if err != nil {
		return fmt.Errorf("--gateway-record: %w", err)
	}
	o.files = append(o.files, files)
	o.recorder = record.New(record.Config{To: files, MaxBody: f.recordBody, Sample: f.recordSample, Verified: verified})
	return nil
}

// watchRecorded has a gateway tell what is recorded of its calls.
func (o *observed) watchRecorded(c *gateway.Config, follow func(feed.Follower) (stop func())) {
	if o.recorder == nil {
		return
	}
	follow(o.recorder.Update)
	w, observe := &o.recorder.Watch, c.Observe
	if serve := c.Serve; serve != nil {
		c.Serve = func(of *config.Config, s *pipeline.Services) {
			serve(of, s)
			w.Serve(of, s)
		}
	} else {
		c.Serve = w.Serve
	}
	c.Observe = func(v *gateway.Visit) {
		observe(v)
		w.Observe(v)
	}
}

// elsewhere names the gateway in records when it is in a process of its own.
func (o *observed) elsewhere(name string) {
	if o.recorder != nil {
		o.recorder.Gateway = name
	}
}

// told is hooks.Config.Told.
func (o *observed) told() func(*gateway.Visit, *admit.Check, *admit.Admission) {
	if o == nil || o.recorder == nil {
		return nil
	}
	return o.recorder.Watch.Told
}

// front is what listens for calls: the gateway, with what stands around it.
func (o *observed) front(g *gateway.Gateway, h *hooks.Hooks) http.Handler {
	f := hooks.NewFront(g, h)
	if o.recorder != nil {
		f.Calls = o.recorder.Watch.Handler(g)
	}
	return f
}

// verifiedBy says who signed tokens: what policies found out with a verifier, and this installation's identity provider, whose
// keys are at hand.
func verifiedBy(v *token.Verifier, local func(address string) *token.Set) record.Verified {
	return func(raw string) (o token.Origin, tenant *token.Set, ok bool) {
		if at := metadataOf(raw); at != "" {
			tenant = local(at)
			if tenant != nil {
				// What is against the token besides does not matter here: whether its signature is good is remembered.
				_, _ = v.Verify(context.Background(), raw, &token.Requirements{Published: []string{at}}, time.Now())
			}
		}
		o, ok = v.Origin(raw)
		if tenant != nil && !signedBy(o.Key, tenant) {
			tenant = nil
		}
		return o, tenant, ok
	}
}

func signedBy(k *token.Key, set *token.Set) bool {
	for _, one := range set.Keys {
		if k != nil && one == k {
			return true
		}
	}
	return false
}

// metadataOf is where the issuer that a token names would publish its keys; "" for a token that names none.
func metadataOf(raw string) string {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || !strings.HasPrefix(claims.Issuer, "https://") {
		return ""
	}
	return strings.TrimSuffix(claims.Issuer, "/") + "/.well-known/openid-configuration"
}
