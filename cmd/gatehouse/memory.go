package main

import (
	"os"
	"runtime"
)

// floorBytes are never read or written, so that they take addresses and no memory. The garbage collector works in proportion to
// what there is on the heap: with a small configuration it would run every few hundred calls. With these it runs when some 64 MiB
// more than is in use have been allocated, however little that is.
const floorBytes = 64 << 20

// raiseFloor has a server collect garbage less often, unless whoever starts it says how often. What it returns ends that.
func raiseFloor() (lower func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	floor := make([]byte, floorBytes)
	return func() { runtime.KeepAlive(floor) }
}
