// Package redis is the connection to a Redis or Valkey server that gateways share: counters and caches of several nodes
// meet there. It promises that a server that is gone costs little: the connection is made when it is first needed, a call
// waits for an answer no longer than Options.Timeout, and after a failure nobody asks again before Options.Pause is over.
// Meanwhile calls fail at once with ErrDown. What then happens is for the caller to decide.
//
// It is the only package that imports valkey-go.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"
)

// ErrDown says that the server did not answer, now or a moment ago.
var ErrDown = errors.New("the Redis server does not answer")

// Options say where the server is. Zero values take the defaults.
type Options struct {
	Address  string // host:port
	User     string
	Password string
	Database int
	TLS      *tls.Config // nil for a connection in the clear

	Timeout time.Duration // for an answer, and for connecting; 100 ms
	Pause   time.Duration // after a failure; 1 s
}

// Conn is a connection, safe for concurrent use. Its methods return ErrDown, or an error of the server's.
type Conn struct {
	opt     valkey.ClientOption
	timeout time.Duration
	pause   time.Duration

	client  atomic.Pointer[valkey.Client]
	until   atomic.Int64 // nanoseconds since 1970: nobody asks before
	dialing sync.Mutex
	dialed  chan struct{} // closed when the attempt that runs is over; guarded by dialing
	closed  bool          // guarded by dialing
}

// New describes a connection; nothing is connected yet.
func New(o Options) *Conn {
	if o.Timeout == 0 {
		o.Timeout = 100 * time.Millisecond
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	return &Conn{timeout: o.Timeout, pause: o.Pause, opt: valkey.ClientOption{
		InitAddress: []string{o.Address}, Username: o.User, Password: o.Password, SelectDB: o.Database, TLSConfig: o.TLS,
		// Answers that come too late are of no use, so nothing is tried twice; counting twice would be wrong.
		DisableRetry: true, DisableCache: true, ForceSingleClient: true,
		Dialer: net.Dialer{Timeout: o.Timeout}, ConnWriteTimeout: max(o.Timeout, 500*time.Millisecond),
		PipelineMultiplex: 1, ClientSetInfo: valkey.DisableClientSetInfo,
	}}
}

// Close ends the connection. Calls after it fail with ErrDown.
func (c *Conn) Close() {
	c.dialing.Lock()
	defer c.dialing.Unlock()
	c.closed = true
	if client := c.client.Swap(nil); client != nil {
		(*client).Close()
	}
}

// Down reports whether calls fail at once at the moment.
func (c *Conn) Down() bool { return time.Now().UnixNano() < c.until.Load() }

// Hold has calls fail at once for some time, as if the server had failed; 0 ends that.
func (c *Conn) Hold(d time.Duration) { c.until.Store(time.Now().Add(d).UnixNano()) }

func (c *Conn) failed(err error) error {
	c.Hold(c.pause)
	return errors.Join(ErrDown, err)
}

// connect returns the client, making it when there is none. One attempt runs at a time, apart from the calls that wait for it.
func (c *Conn) connect(ctx context.Context) (valkey.Client, error) {
	if client := c.client.Load(); client != nil {
		return *client, nil
	}
	c.dialing.Lock()
	if client := c.client.Load(); client != nil {
		c.dialing.Unlock()
		return *client, nil
	}
	if c.closed {
		c.dialing.Unlock()
		return nil, errors.New("closed")
	}
	if c.dialed == nil {
		c.dialed = make(chan struct{})
		go c.dial(c.dialed)
	}
	wait := c.dialed
	c.dialing.Unlock()
	select {
	case <-wait:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if client := c.client.Load(); client != nil {
		return *client, nil
	}
	return nil, errors.New("connecting failed")
}

func (c *Conn) dial(done chan struct{}) {
	client, err := valkey.NewClient(c.opt)
	c.dialing.Lock()
	defer c.dialing.Unlock()
	c.dialed = nil
	switch {
	case err != nil:
		c.Hold(c.pause)
	case c.closed:
		client.Close()
	default:
		c.client.Store(&client)
	}
	close(done)
}

// do sends one command and judges the answer: what the server says is an answer too.
func (c *Conn) do(ctx context.Context, f func(ctx context.Context, client valkey.Client) valkey.ValkeyResult) (valkey.ValkeyResult, error) {
	if c.Down() {
		return valkey.ValkeyResult{}, ErrDown
	}
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	client, err := c.connect(limited)
	if err == nil {
		result := f(limited, client)
		err = result.Error()
		if err == nil || valkey.IsValkeyNil(err) {
			return result, nil
		}
		if reply, ok := valkey.IsValkeyErr(err); ok {
			if !reply.IsLoading() && !reply.IsClusterDown() {
				return result, err
			}
		}
	}
	if ctx.Err() != nil { // it is the caller who gave up: that says nothing about the server
		return valkey.ValkeyResult{}, ctx.Err()
	}
	return valkey.ValkeyResult{}, c.failed(err)
}

// Get reads a value; nil says that there is none.
func (c *Conn) Get(ctx context.Context, key string) ([]byte, error) {
	result, err := c.do(ctx, func(ctx context.Context, client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, client.B().Get().Key(key).Build())
	})
	if err != nil {
		return nil, err
	}
	value, err := result.AsBytes()
	if valkey.IsValkeyNil(err) {
		return nil, nil
	}
	return value, err
}

// Set writes a value that the server forgets after ttl, a millisecond at least.
func (c *Conn) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	_, err := c.do(ctx, func(ctx context.Context, client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, client.B().Set().Key(key).Value(valkey.BinaryString(value)).PxMilliseconds(max(1, ttl.Milliseconds())).Build())
	})
	return err
}

// Delete removes keys.
func (c *Conn) Delete(ctx context.Context, keys ...string) error {
	_, err := c.do(ctx, func(ctx context.Context, client valkey.Client) valkey.ValkeyResult {
		return client.Do(ctx, client.B().Del().Key(keys...).Build())
	})
	return err
}

// Script is a program in Lua that the server runs.
type Script struct{ lua *valkey.Lua }

// NewScript is a script by its text. The server finds it by a SHA-1 that the server itself made.
func NewScript(text string) *Script {
	return &Script{valkey.NewLuaScript(text, valkey.WithLoadSHA1(true))}
}

// Run runs a script that answers whole numbers.
func (c *Conn) Run(ctx context.Context, s *Script, keys, args []string) ([]int64, error) {
	result, err := c.do(ctx, func(ctx context.Context, client valkey.Client) valkey.ValkeyResult {
		return s.lua.Exec(ctx, client, keys, args)
	})
	if err != nil {
		return nil, err
	}
	return result.AsIntSlice()
}
