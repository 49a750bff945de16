package main

import (
	"os"
	"sync"
)

// floor is never read or written, so that it takes addresses and no memory. The garbage collector works in proportion to what there
// is on the heap: with a small configuration it would run every few hundred calls. With this it runs when some 64 MiB more than
// is in use have been allocated, however little that is.
var floor []byte

const floorBytes = 64 << 20

// raiseFloor has a server collect garbage less often, unless whoever starts it says how often.
var raiseFloor = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		floor = make([]byte, floorBytes)
	}
})
