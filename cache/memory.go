package cache

import (
	"context"
	"errors"
	"time"

	"github.com/maypok86/otter/v2"
)

// Memory is a cache in this process. When it is full, what is likely to be used least goes.
type Memory struct {
	entries *otter.Cache[Key, entry]
}

var _ Cache = (*Memory)(nil)

type entry struct {
	value []byte
	ttl   time.Duration
}

// overhead is about what an entry costs besides its bytes.
const overhead = 200

// NewMemory makes a cache of so many bytes, by a clock that is time.Now when nil.
func NewMemory(bytes uint64, clock func() time.Time) (*Memory, error) {
	if bytes < 2*MaxEntry {
		return nil, errors.New("a cache in memory has to have at least 4 MiB, since one entry may have 2")
	}
	o := &otter.Options[Key, entry]{
		MaximumWeight: bytes,
		Weigher: func(k Key, e entry) uint32 {
			return uint32(len(k.Space) + len(k.Of) + len(k.Name) + len(e.value) + overhead)
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[Key, entry]) time.Duration { return e.Value.ttl }),
		Logger:           &otter.NoopLogger{},
	}
	if clock != nil {
		o.Clock = told(clock)
	}
	entries, err := otter.New(o)
	if err != nil {
		return nil, err
	}
	return &Memory{entries}, nil
}

// told is a clock without ticks: what is too old goes when others are written.
type told func() time.Time

func (t told) NowNano() int64                      { return t().UnixNano() }
func (t told) Tick(time.Duration) <-chan time.Time { return nil }

func (m *Memory) Get(_ context.Context, k Key) ([]byte, bool) {
	e, ok := m.entries.GetIfPresent(k)
	return e.value, ok
}

func (m *Memory) Put(k Key, value []byte, ttl time.Duration) {
	if len(value) > MaxEntry || ttl <= 0 {
		m.entries.Invalidate(k)
		return
	}
	m.entries.Set(k, entry{value, ttl})
}

func (m *Memory) Remove(_ context.Context, k Key) error {
	m.entries.Invalidate(k)
	return nil
}

// Size is about how many bytes are in use.
func (m *Memory) Size() uint64 { return m.entries.WeightedSize() }

// Close ends what runs in the background.
func (m *Memory) Close() { m.entries.StopAllGoroutines() }
