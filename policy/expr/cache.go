package expr

import (
	"crypto/sha256"
	"sync"
)

// compiled keeps what was compiled of late: documents are checked when they are saved and compiled again when the gateway takes
// them, and many hold the same expressions (policy-expressions.md 11). Keys are digests, so that it holds no text with secrets.
var compiled = cache{limit: 4096}

type cache struct {
	mu         sync.Mutex
	limit      int
	young, old map[[sha256.Size]byte]result // when young is full it becomes old, and what was old is forgotten
}

type result struct {
	program *Program
	faults  []Fault
}

func (c *cache) get(key [sha256.Size]byte) (result, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.young[key]
	if !ok {
		if r, ok = c.old[key]; ok {
			c.keep(key, r)
		}
	}
	return r, ok
}

func (c *cache) put(key [sha256.Size]byte, r result) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(key, r)
}

func (c *cache) keep(key [sha256.Size]byte, r result) {
	if len(c.young) >= c.limit/2 {
		c.young, c.old = nil, c.young
	}
	if c.young == nil {
		c.young = map[[sha256.Size]byte]result{}
	}
	c.young[key] = r
}

// Compile compiles what stands between the outer brackets of @(...), or of @{...} when block is set. Without
// faults the program is not nil. Results are shared: neither the program nor the faults may be changed.
func Compile(code string, block bool, want Slot) (*Program, []Fault) {
	form := byte('(')
	if block {
		form = '{'
	}
	key := sha256.Sum256(append([]byte{form, byte(want)}, code...))
	if r, ok := compiled.get(key); ok {
		return r.program, r.faults
	}
	p, faults := compile(code, block, want, nil)
	compiled.put(key, result{p, faults})
	return p, faults
}
