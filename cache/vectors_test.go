package cache_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gatehouse/cache"
)

func TestVectors(t *testing.T) {
	now := time.Unix(1e9, 0)
	v := &cache.Vectors{Clock: func() time.Time { return now }}
	find := func(partition string, most float64, numbers ...float32) string {
		value, _, ok := v.Nearest(partition, numbers, most)
		if !ok {
			return ""
		}
		return string(value)
	}
	if got := find("p", 1, 1, 0); got != "" {
		t.Errorf("nothing kept, but %q", got)
	}
	v.Add("p", []float32{2, 0}, []byte("east"), time.Minute)
	v.Add("p", []float32{0, 3}, []byte("north"), time.Hour)
	v.Add("p", []float32{0, 0}, []byte("nowhere"), time.Hour)
	v.Add("p", []float32{1, 2, 3}, []byte("of another model"), time.Hour)
	for _, each := range []struct {
		most float64
		x, y float32
		want string
	}{{0.01, 1, 0, "east"}, {0.01, 10, 1, "east"}, {0.001, 10, 1, ""}, {0.3, 1, 1.1, "north"}, {0.2, 1, 1, ""}, {2, -1, -0.5, "north"}, {2, 0, 0, ""}} {
		if got := find("p", each.most, each.x, each.y); got != each.want {
			t.Errorf("%v: %q, want %q", each, got, each.want)
		}
	}
	if got := find("q", 2, 1, 0); got != "" {
		t.Errorf("another partition has %q", got)
	}
	now = now.Add(time.Minute)
	if got := find("p", 0.5, 1, 0); got != "" {
		t.Errorf("too old, but %q", got)
	}
	for i := range 5000 {
		v.Add("p", []float32{float32(i), 1}, fmt.Append(nil, i), time.Hour)
	}
	v.Add("p", []float32{-1, -1}, []byte("last"), time.Hour)
	if got := find("p", 0.001, -1, -1); got != "last" {
		t.Errorf("the newest is %q", got)
	}
	if got := find("p", 0.00001, 0, 1); got != "" {
		t.Errorf("the oldest is still there: %q", got)
	}
}

func BenchmarkNearest(b *testing.B) {
	v := &cache.Vectors{}
	r := rand.New(rand.NewPCG(1, 2))
	random := func() []float32 {
		list := make([]float32, 1536)
		for i := range list {
			list[i] = float32(r.NormFloat64())
		}
		return list
	}
	for range 1000 {
		v.Add("p", random(), nil, time.Hour)
	}
	wanted := random()
	b.ReportAllocs()
	for b.Loop() {
		v.Nearest("p", wanted, 0.5)
	}
}
