package pipeline

import (
	"net/http"
	"strconv"
	"sync"

	"gatehouse/policy"
)

// Concurrency counts the calls that are inside limit-concurrency, by key. Its zero value is empty.
type Concurrency struct {
	mu     sync.Mutex
	inside map[string]int
}

// enter counts a call in, unless most are inside.
func (l *Concurrency) enter(key string, most int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside == nil {
		l.inside = map[string]int{}
	}
	if l.inside[key] >= most {
		return false
	}
	l.inside[key]++
	return true
}

func (l *Concurrency) leave(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside[key]--; l.inside[key] <= 0 {
		delete(l.inside, key)
	}
}

type limitConcurrency struct {
	key   Text
	most  int
	block Block
}

func compileLimitConcurrency(k *Compiler, e *policy.Element) Step {
	most, err := strconv.Atoi(k.Literal(e, "max-count"))
	if err != nil || most < 1 {
		k.Fault(e, "The 'max-count' attribute takes a whole number of at least 1.")
	}
	return &limitConcurrency{k.Text(e, "key"), most, k.Block(e.Children, "")}
}

func (s *limitConcurrency) Run(c *Call) error {
	key, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	if c.Services.Limits == nil {
		return failed("NotAvailable", "This gateway does not count concurrent calls.")
	}
	if !c.Services.Limits.enter(key, s.most) {
		return &Failure{Reason: "ConcurrencyLimitExceeded", Message: "Concurrency limit is exceeded.", Status: http.StatusTooManyRequests, Text: "Concurrency limit is exceeded."}
	}
	defer c.Services.Limits.leave(key)
	return s.block.Run(c)
}
