package pipeline

import (
	"net/http"
	"strconv"

	"gatehouse/counter"
	"gatehouse/policy"
)

// Concurrency counts the calls that are inside limit-concurrency, by service, workspace and key.
type Concurrency = counter.Slots

type limitConcurrency struct {
	of    string
	key   Text
	most  int
	block Block
}

func compileLimitConcurrency(k *Compiler, e *policy.Element) Step {
	most, err := strconv.Atoi(k.Literal(e, "max-count"))
	if err != nil || most < 1 {
		k.Fault(e, "The 'max-count' attribute takes a whole number of at least 1.")
	}
	return &limitConcurrency{k.workspace() + "limit-concurrency", k.Text(e, "key"), most, k.Block(e.Children, "")}
}

func (s *limitConcurrency) Run(c *Call) error {
	name, err := s.key.Eval(c)
	if err != nil {
		return err
	}
	if c.Services.Limits == nil {
		return failed("NotAvailable", "This gateway does not count concurrent calls.")
	}
	key := counter.Key{Space: c.Home.Key, Of: s.of, Name: name}
	if !c.Services.Limits.Enter(key, s.most) {
		return &Failure{Reason: "ConcurrencyLimitExceeded", Message: "Concurrency limit is exceeded.", Status: http.StatusTooManyRequests, Text: "Concurrency limit is exceeded."}
	}
	defer c.Services.Limits.Leave(key)
	return s.block.Run(c)
}
