package record

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"

	"gatehouse"
	"gatehouse/gateway/config"
)

// Config is what a Recorder needs.
type Config struct {
	To       io.Writer // gets a line for each record; one goroutine writes
	Gateway  string    // name of a gateway in a process of its own; "" for that of the service
	MaxBody  int       // bytes of each body that are kept
	Sample   float64   // part of calls that are recorded, from 0 to 1
	Verified Verified  // nil knows of no token whether its signature is good
	Log      *slog.Logger
}

// Recorder records calls. Its Watch has what gateways call; Update follows a feed, and Run writes. It is safe for concurrent use.
type Recorder struct {
	Config
	Watch Watch

	mark, salt string
	pepper     []byte
	keys       fingerprints
	mu         sync.Mutex                          // held to change secrets
	secrets    atomic.Pointer[map[string]*Secrets] // by service, folded
	queue      chan taken
	waiting    atomic.Int64 // bytes
	dropped    atomic.Int64
	full       bool // the file is, and that was said
}

type taken struct {
	record *Record
	size   int64
}

// The bounds of what waits to be written.
const (
	mostWaiting = 4096
	mostBytes   = 64 << 20
)

// New returns a Recorder: follow a feed with Update before the gateway does.
func New(c Config) *Recorder {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	r := &Recorder{Config: c, mark: random(8), salt: random(8), pepper: []byte(rand.Text()), queue: make(chan taken, mostWaiting)}
	r.keys.salt = r.salt
	r.secrets.Store(&map[string]*Secrets{})
	r.Watch = Watch{MaxBody: c.MaxBody, Wanted: Sampler(c.Sample, mathrand.Float64), Done: r.take}
	return r
}

func random(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// Update is a feed.Follower: secrets are known before the gateway uses them. Those of a service that is gone are kept for its
// last calls.
func (r *Recorder) Update(c *config.Config, u *config.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if u.Gone || c == nil {
		return
	}
	known := *r.secrets.Load()
	id := gatehouse.Fold(u.Service)
	if s := known[id]; s != nil {
		for _, e := range u.Put {
			s.Add(e)
		}
		return
	}
	next := maps.Clone(known)
	next[id] = SecretsOf(c)
	r.secrets.Store(&next)
}

// take puts a record into the queue, or drops it.
func (r *Recorder) take(one *Record, _ *Origin) {
	size := one.size()
	if r.waiting.Add(size) > mostBytes {
		r.waiting.Add(-size)
		r.dropped.Add(1)
		return
	}
	one.Gateway = r.Gateway
	select {
	case r.queue <- taken{one, size}:
	default:
		r.waiting.Add(-size)
		r.dropped.Add(1)
	}
}

// size is about how many bytes a record holds.
func (r *Record) size() int64 {
	n := 4096 + len(r.Request.Body.Data) + len(r.Answer.Body.Data)
	for i := range r.Backends {
		n += 2048 + len(r.Backends[i].Request.Body.Data) + len(r.Backends[i].Answer.Body.Data)
	}
	return int64(n)
}

// Dropped is how many calls were not recorded although they should have been.
func (r *Recorder) Dropped() int64 { return r.dropped.Load() }

// Run writes records, until ctx ends and what waits then is written.
func (r *Recorder) Run(ctx context.Context) {
	for {
		select {
		case t := <-r.queue:
			r.write(t)
		case <-ctx.Done():
			for {
				select {
				case t := <-r.queue:
					r.write(t)
				default:
					return
				}
			}
		}
	}
}

func (r *Recorder) write(t taken) {
	r.waiting.Add(-t.size)
	line, err := r.line(t.record)
	if err == nil {
		_, err = r.To.Write(line)
	}
	if err == nil {
		return
	}
	r.dropped.Add(1)
	if full := errors.Is(err, errFull); !full || !r.full {
		r.full = full
		r.Log.Error("a call could not be recorded", "error", err)
	}
}

// line is a record as it stands in a file, without its secrets. A record of a service whose secrets are not known any more is none.
func (r *Recorder) line(one *Record) ([]byte, error) {
	secrets := (*r.secrets.Load())[gatehouse.Fold(one.Service)]
	if secrets == nil {
		return nil, errUnknown
	}
	one.Salt = r.salt
	m := &Mask{Secrets: secrets, Mark: r.mark, Pepper: r.pepper, Token: func(raw string) (Token, bool) { return r.keys.describe(raw, r.Verified) }}
	m.Record(one)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(one)
	return b.Bytes(), err
}
