package remote

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/analytics"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
)

// Config says which gateway this is and where its management node is.
type Config struct {
	// Endpoint is {origin of the management node}/gateway-config/{service}.
	Endpoint string
	// Gateway is the gateway's name. "" takes it from the token, if that was made with a gateway's key.
	Gateway string
	// Token returns the gateway's token each time it is needed, so that it can be replaced while the gateway runs.
	Token func() (string, error)
	// Transport makes the connections; nil for http.DefaultTransport.
	Transport http.RoundTripper
	// Dir is where the configuration is kept for a start without the management node; "" keeps none.
	Dir string
	// Staleness is how long answers about identities and rights count without word from the node; 30 s when zero.
	Staleness time.Duration
	// Counts is where the gateway's quotas are kept, so that what is set at the node counts there; nil takes no notice of it.
	// It may be set until Run.
	Counts *analytics.Store
	Clock  func() time.Time // time.Now when nil
	Log    *slog.Logger     // slog.Default() when nil
}

// Remote is the gateway's side. It is safe for concurrent use.
type Remote struct {
	Config
	base   string // of calls, with a slash behind
	client *http.Client
	disk   *disk
	rights rights
	queue  queue

	mu        sync.Mutex
	config    *config.Config
	state     string
	was       string // the state of a gateway before this one, which left its configuration behind; "" for none
	unsaved   bool
	loading   bool // from disk
	followers feed.Followers
}

// New makes a Remote, with the configuration that an earlier one left behind when there is one.
func New(c Config) (*Remote, error) {
	if c.Staleness == 0 {
		c.Staleness = 30 * time.Second
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "https" || u.Host == "" || !strings.HasPrefix(u.Path, Path+"/") || strings.Count(strings.Trim(u.Path, "/"), "/") != 1 {
		return nil, fmt.Errorf("%q is no configuration endpoint, which is https://host:port%s/{service}", c.Endpoint, Path)
	}
	token, err := c.Token()
	if err != nil {
		return nil, err
	}
	if c.Gateway == "" {
		c.Gateway = config.AccessTokenName(token)
	}
	if c.Gateway == "" {
		return nil, errors.New("the token names no gateway; say which one this is")
	}
	c.Endpoint = strings.TrimRight(c.Endpoint, "/")
	r := &Remote{Config: c, base: strings.TrimRight(c.Endpoint, "/") + "/" + url.PathEscape(c.Gateway) + "/", client: &http.Client{Transport: c.Transport}}
	r.rights.clear(0)
	if c.Dir == "" {
		return r, nil
	}
	if r.disk, err = openDisk(c.Dir); err != nil {
		return nil, err
	}
	kept, state, err := r.disk.load()
	if err != nil {
		c.Log.Warn("the configuration that an earlier gateway left behind cannot be used", "error", err)
	} else if kept != nil {
		r.loading = true
		r.take(&head{Service: kept.Service, Revision: kept.Revision, Whole: true}, kept)
		r.was = state
		r.loading = false
	}
	return r, nil
}

// Follow tells fn of the service now, when it is known, and of what changes from then on, until stop. A
// service that is not known yet, or not any more, is not there.
func (r *Remote) Follow(fn feed.Follower) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config != nil {
		fn(r.config, r.config.Update())
	}
	one := r.followers.Add(fn)
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.followers.Remove(one)
	}
}

// Known reports whether there is a configuration to serve.
func (r *Remote) Known() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.config != nil
}

// Fresh reports whether the management node was heard of within Config.Staleness.
func (r *Remote) Fresh() bool { return r.rights.fresh(r.Clock(), r.Staleness) }

// Revision is that of the configuration, 0 when there is none.
func (r *Remote) Revision() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config == nil {
		return 0
	}
	return r.config.Revision
}

// Service is the name of the service, as the endpoint has it.
func (r *Remote) Service() string {
	return r.Endpoint[strings.LastIndexByte(strings.TrimRight(r.Endpoint, "/"), '/')+1:]
}

// Sync asks the node once, so that whoever starts a gateway hears what is wrong. Run goes on from there.
func (r *Remote) Sync(ctx context.Context) error { return r.poll(ctx) }

// longestWait is how long the node may wait for something to tell.
const longestWait = 8 * time.Second

// wait is how long the node may wait: word from it has to come in time for its answers to go on counting.
func (r *Remote) wait() time.Duration { return min(longestWait, r.Staleness/3) }

// Run keeps the configuration up to date and sends results, until ctx ends. What fails is tried again.
func (r *Remote) Run(ctx context.Context) {
	var group sync.WaitGroup
	group.Go(func() { r.sendResults(ctx) })
	group.Go(func() { r.saving(ctx) })
	pause, down := time.Duration(0), false
	for ctx.Err() == nil {
		err := r.poll(ctx)
		switch {
		case ctx.Err() != nil:
		case err == nil:
			if down {
				r.Log.Info("the management node is back", "endpoint", r.Endpoint)
			}
			pause, down = 0, false
			continue
		case !down:
			r.Log.Warn("the management node does not answer; the gateway serves what it knows", "endpoint", r.Endpoint, "error", err)
			down = true
		}
		pause = min(max(2*pause, 100*time.Millisecond), 3*time.Second)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	group.Wait()
}

// poll asks once what changed, and takes it in.
func (r *Remote) poll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.wait()+time.Minute)
	defer cancel()
	asked := r.Clock()
	r.mu.Lock()
	state, was := r.state, r.was
	r.mu.Unlock()
	query := url.Values{"state": {state}, "was": {was}, "access": {strconv.FormatInt(r.rights.revision(), 10)}, "wait": {r.wait().String()}}
	statistics := r.statistics()
	if statistics != "" && r.Counts != nil {
		last, err := r.Counts.LastEdit(ctx, statistics)
		if err != nil {
			return fmt.Errorf("the gateway's quotas cannot be read: %w", err)
		}
		query.Set("edits", strconv.FormatInt(last, 10))
	}
	if !r.Fresh() || !r.Known() {
		query.Set("wait", "0") // know soon where we are
	}
	answer, err := r.call(ctx, http.MethodGet, "updates?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	h, u, err := readUpdate(answer.Body)
	if err != nil {
		return err
	}
	if h.Whole || h.Gone || len(u.Put)+len(u.Delete) > 0 {
		r.take(h, u)
	}
	r.rights.heard(h.Access, asked)
	if err := r.Counts.TakeEdits(ctx, statistics, h.Edits); err != nil {
		return fmt.Errorf("the gateway's quotas cannot be set: %w", err)
	}
	return nil
}

// statistics is what the service is counted by, "" while that is not known.
func (r *Remote) statistics() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.config == nil || r.config.Service == nil {
		return ""
	}
	return r.config.Service.Statistics
}

// readUpdate reads an answer about configuration to its end.
func readUpdate(body io.Reader) (*head, *config.Update, error) {
	d := json.NewDecoder(body)
	var h head
	if err := d.Decode(&h); err != nil {
		return nil, nil, err
	}
	u := &config.Update{Service: h.Service, Revision: h.Revision, Whole: h.Whole, Gone: h.Gone}
	for {
		var l line
		if err := d.Decode(&l); err != nil {
			return nil, nil, fmt.Errorf("an answer that is not complete: %w", err)
		}
		switch {
		case l.End:
			return &h, u, nil
		case l.Delete != nil:
			u.Delete = append(u.Delete, *l.Delete)
		default:
			e, err := config.ReadEntity(l.Put)
			if err != nil {
				return nil, nil, err
			}
			if e != nil {
				u.Put = append(u.Put, e)
			}
		}
	}
}

// take brings the configuration up to date and tells the followers.
func (r *Remote) take(h *head, u *config.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.was, r.unsaved = h.State, "", !r.loading
	switch {
	case u.Gone && r.config == nil:
		return
	case u.Gone:
		r.config = nil
	case u.Whole:
		r.config = config.New(u)
	case r.config == nil:
		r.state = "" // changes of something that is not here: ask for everything
		return
	default:
		r.config.Apply(u)
	}
	r.followers.Tell(r.config, u)
}

// call performs a call of the node. An answer that is no success is an error.
func (r *Remote) call(ctx context.Context, method, call string, body any) (*http.Response, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.base+call, sent)
	if err != nil {
		return nil, err
	}
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	token = strings.TrimSpace(token)
	scheme := "Bearer"
	if config.AccessTokenName(token) != "" {
		scheme = "GatewayKey"
	}
	request.Header.Set("Authorization", scheme+" "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := r.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 == 2 {
		return answer, nil
	}
	defer answer.Body.Close()
	var f struct {
		Error struct{ Code, Message string } `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(answer.Body, maxQuestion)).Decode(&f) // the status says enough
	return nil, fmt.Errorf("the management node answers %d %s: %s", answer.StatusCode, gatehouse.Plain(f.Error.Code), gatehouse.Plain(f.Error.Message))
}
