package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"gatehouse/gateway/config"
	"gatehouse/gateway/record"
)

// player answers requests of one call with what backends answered then.
type player struct {
	call  *call
	pools [][]string // addresses of the members of each pool

	mu      sync.Mutex // children of wait may ask from other goroutines
	used    []bool
	missing []string // requests that the recording does not have
	partial []string // answers of which it has only the beginning
}

func newBody(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

// errNotRecorded is what a policy gets for a request that nobody knows an answer to.
var errNotRecorded = errors.New("the recording has no answer to this request")

// timedOut is what a connection says that took too long.
type timedOut struct{}

func (timedOut) Error() string { return "the request took too long when it was recorded" }
func (timedOut) Unwrap() error { return context.DeadlineExceeded }

// oneWay marks requests whose answer nobody looks at.
type oneWay struct{}

// RoundTrip answers from the recording. Nothing is sent anywhere.
func (p *player) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, err := io.Copy(io.Discard, r.Body) // it is what would have been sent
		if err = errors.Join(err, r.Body.Close()); err != nil {
			return nil, err
		}
	}
	if r.Context().Value(oneWay{}) != nil {
		return answerOf(r, &record.Exchange{Status: http.StatusOK}), nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.find(r.Method, r.URL)
	if x == nil {
		p.missing = append(p.missing, r.Method+" "+r.URL.String())
		return nil, errNotRecorded
	}
	if x.Answer.Body.Cut {
		p.partial = append(p.partial, r.Method+" "+r.URL.String())
	}
	switch x.Error {
	case "":
		return answerOf(r, x), nil
	case record.TimedOut:
		return nil, timedOut{}
	}
	return nil, fmt.Errorf("the connection failed when it was recorded")
}

func answerOf(r *http.Request, x *record.Exchange) *http.Response {
	h := x.Answer.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	body := x.Answer.Body.Data
	a := &http.Response{Status: fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)), StatusCode: x.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: http.NoBody, ContentLength: int64(len(body)), Request: r}
	if len(body) > 0 {
		a.Body = newBody(body)
	}
	return a
}

// find is the exchange for a request: the next one to the same address, or the last again for one that is made more often; nil
// for a request that was not made then.
func (p *player) find(method string, u *url.URL) *record.Exchange {
	if p.used == nil {
		p.used = make([]bool, len(p.call.Backends))
	}
	var last *record.Exchange
	for _, same := range []func(recorded, asked string) bool{p.sameAddress, p.samePool} {
		for i := range p.call.Backends {
			x := &p.call.Backends[i]
			if x.Request.Method != method || !same(x.Request.URL, u.String()) {
				continue
			}
			if !p.used[i] {
				p.used[i] = true
				return x
			}
			last = x
		}
		if last != nil {
			return last
		}
	}
	return nil
}

func (p *player) sameAddress(recorded, asked string) bool {
	if recorded = p.call.normal(recorded); recorded == p.call.normal(asked) {
		return true
	}
	was, query, _ := strings.Cut(recorded, "?")
	is, wanted, _ := strings.Cut(p.call.normal(asked), "?")
	return was == is && sameQuery(query, wanted)
}

// sameQuery compares parameters. What was hidden in the recording may be anything.
func sameQuery(recorded, asked string) bool {
	was, err1 := url.ParseQuery(recorded)
	is, err2 := url.ParseQuery(asked)
	if err1 != nil || err2 != nil || len(was) != len(is) {
		return false
	}
	for name, values := range was {
		if len(values) != len(is[name]) {
			return false
		}
		for i, v := range values {
			if v != is[name][i] && !hidden.MatchString(v) {
				return false
			}
		}
	}
	return true
}

// hidden stands for what nobody can resolve.
var hidden = regexp.MustCompile(`^` + record.HiddenRef + `-[0-9a-f]{16}$`)

// samePool: which member of a pool has its turn depends on the calls before, not all of which are recorded.
func (p *player) samePool(recorded, asked string) bool {
	for _, members := range p.pools {
		rest, ok := below(recorded, members)
		other, also := below(asked, members)
		if ok && also && rest == other {
			return true
		}
	}
	return false
}

func below(address string, bases []string) (rest string, ok bool) {
	for _, base := range bases {
		if rest, ok := strings.CutPrefix(address, base); ok {
			return rest, true
		}
	}
	return "", false
}

func poolsOf(c *config.Config) (pools [][]string) {
	for b := range c.Backends.All() {
		if !b.IsPool() {
			continue
		}
		var members []string
		for _, m := range b.Pool.Members {
			if one, ok := c.Backends.Get(m.Backend); ok && one.URL != "" {
				members = append(members, strings.TrimSuffix(one.URL, "/"))
			}
		}
		pools = append(pools, members)
	}
	return pools
}
