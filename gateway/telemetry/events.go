package telemetry

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// Sink takes messages. Send keeps all of a batch or returns an error; a *Later error may be tried again.
type Sink interface {
	Send(ctx context.Context, batch []Sent) error
}

// Sent is a message to a logger.
type Sent struct {
	Time         time.Time
	Logger       string
	PartitionID  string
	PartitionKey string
	Body         []byte
}

// Later is the error of a sink that may take the batch another time.
type Later struct{ Err error }

func (l *Later) Error() string { return l.Err.Error() }

// Unwrap returns the reason.
func (l *Later) Unwrap() error { return l.Err }

// message is a message with where it goes.
type message struct {
	Sent
	to string // connection string, "" for Config.Events
}

// Event takes a message that a policy sends. It is pipeline.Services.Events.
func (t *Telemetry) Event(c *pipeline.Call, e pipeline.Event) {
	s := (*t.settings.Load())[c.Home.Key]
	if s == nil {
		t.unsent.Add(1)
		return
	}
	at := config.Key("")
	if c.Workspace != nil {
		at = at.Child("workspaces", c.Workspace.ID)
	}
	l := s.loggers[at.Child("loggers", e.Logger)]
	if l == nil {
		t.unsent.Add(1)
		t.Errors.Debug("a policy sends to a logger that does not exist", "logger", e.Logger)
		return
	}
	t.queue(s, l, e)
}

// queue takes a message for a logger, when there is room.
func (t *Telemetry) queue(s *settings, l *config.Logger, e pipeline.Event) {
	m := message{Sent: Sent{Time: t.Clock(), Logger: l.Name(), PartitionID: e.PartitionID, PartitionKey: e.PartitionKey, Body: e.Message}}
	if t.Events == nil {
		m.to = s.connection(l)
	}
	select {
	case t.events <- m:
	default:
		t.unsent.Add(1)
	}
}

// connection is the connection string of a logger with its hub, named values filled in.
func (s *settings) connection(l *config.Logger) string {
	text := s.fill(l.Credentials["connectionString"])
	if name := s.fill(l.Credentials["name"]); name != "" && !strings.Contains(text, "EntityPath=") {
		text = strings.TrimSuffix(text, ";") + ";EntityPath=" + name
	}
	return text
}

// fill puts named values in place of {{name}}.
func (s *settings) fill(text string) string {
	for from := 0; ; {
		start := strings.Index(text[from:], "{{")
		if start < 0 {
			return text
		}
		start += from
		end := strings.Index(text[start:], "}}")
		if end < 0 {
			return text
		}
		value, ok := s.values[strings.TrimSpace(text[start+2:start+end])]
		if !ok {
			from = start + end
			continue
		}
		text = text[:start] + value + text[start+end+2:]
		from = start + len(value)
	}
}

// The bounds of a batch, and how long one waits for company.
const (
	batchMessages = 200
	batchBytes    = 256 << 10
	batchWait     = 500 * time.Millisecond
	sendTries     = 3
)

// send hands messages on in batches, until ctx ends and what waits then is sent.
func (t *Telemetry) send(ctx context.Context) {
	tick := time.NewTicker(batchWait)
	defer tick.Stop()
	hubs := map[string]*hub{}
	waiting := map[[2]string][]message{}
	sizes := map[[2]string]int{}
	add := func(m message) {
		k := [2]string{m.to, m.PartitionID}
		waiting[k] = append(waiting[k], m)
		if sizes[k] += len(m.Body); len(waiting[k]) >= batchMessages || sizes[k] >= batchBytes {
			t.sendBatch(hubs, waiting[k])
			delete(waiting, k)
			delete(sizes, k)
		}
	}
	flush := func() {
		for _, batch := range waiting {
			t.sendBatch(hubs, batch)
		}
		clear(waiting)
		clear(sizes)
	}
	for {
		select {
		case m := <-t.events:
			add(m)
		case <-tick.C:
			flush()
		case <-ctx.Done():
			for len(t.events) > 0 {
				add(<-t.events)
			}
			flush()
			return
		}
	}
}

func (t *Telemetry) sendBatch(hubs map[string]*hub, batch []message) {
	sink := t.Events
	if sink == nil {
		h := hubs[batch[0].to]
		if h == nil {
			var err error
			if h, err = parseHub(batch[0].to, t.Clock); err != nil {
				t.unsent.Add(int64(len(batch)))
				t.Errors.Warn("messages to a logger are lost", "logger", batch[0].Logger, "error", err)
				return
			}
			if len(hubs) > 1000 {
				clear(hubs)
			}
			hubs[batch[0].to] = h
		}
		sink = h
	}
	list := make([]Sent, len(batch))
	for i := range batch {
		list[i] = batch[i].Sent
	}
	var err error
	for try := range sendTries {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err = sink.Send(ctx, list)
		cancel()
		if _, again := err.(*Later); !again {
			break
		}
		time.Sleep(time.Duration(try+1) * 200 * time.Millisecond)
	}
	if err != nil {
		t.unsent.Add(int64(len(batch)))
		t.Errors.Warn("messages to a logger are lost", "logger", batch[0].Logger, "messages", len(batch), "error", err)
	}
}

// hub is an Event Hub, by its REST interface.
type hub struct {
	base, keyName, key string
	now                func() time.Time
	signature          string
	until              time.Time
}

// parseHub reads a connection string: Endpoint=sb://…/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=….
func parseHub(text string, now func() time.Time) (*hub, error) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		parts[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	u, err := url.Parse(parts["endpoint"])
	if err != nil || u.Host == "" || parts["entitypath"] == "" || parts["sharedaccesskey"] == "" {
		return nil, fmt.Errorf("the logger has no connection string with Endpoint, SharedAccessKeyName, SharedAccessKey and the name of the hub")
	}
	return &hub{base: "https://" + u.Host + "/" + url.PathEscape(parts["entitypath"]), keyName: parts["sharedaccesskeyname"], key: parts["sharedaccesskey"], now: now}, nil
}

// signatureLife is how long a signature counts.
const signatureLife = time.Hour

// authorization is a shared access signature for the hub.
func (h *hub) authorization() string {
	now := h.now()
	if now.Before(h.until.Add(-signatureLife / 4)) {
		return h.signature
	}
	h.until = now.Add(signatureLife)
	resource, expiry := url.QueryEscape(h.base), strconv.FormatInt(h.until.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(h.key))
	mac.Write([]byte(resource + "\n" + expiry))
	h.signature = "SharedAccessSignature sr=" + resource + "&sig=" + url.QueryEscape(base64.StdEncoding.EncodeToString(mac.Sum(nil))) + "&se=" + expiry + "&skn=" + url.QueryEscape(h.keyName)
	return h.signature
}

// hubMessage is a message of a batch. A body that is no text goes as base64, since batches are JSON.
type hubMessage struct {
	Body       string
	Properties *hubProperties `json:"BrokerProperties,omitempty"`
}

type hubProperties struct{ PartitionKey string }

var hubClient = &http.Client{Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// Send sends a batch, all of it to one partition when the first message names one.
func (h *hub) Send(ctx context.Context, batch []Sent) error {
	list := make([]hubMessage, len(batch))
	for i, m := range batch {
		list[i].Body = strings.ToValidUTF8(string(m.Body), "\uFFFD")
		if m.PartitionKey != "" {
			list[i].Properties = &hubProperties{m.PartitionKey}
		}
	}
	body, err := encode(list)
	if err != nil {
		return err
	}
	to := h.base
	if id := batch[0].PartitionID; id != "" {
		to += "/partitions/" + url.PathEscape(id)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to+"/messages?timeout=10&api-version=2014-01", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", h.authorization())
	r.Header.Set("Content-Type", "application/vnd.microsoft.servicebus.json")
	return post(hubClient, r)
}

// post sends a request of which only success counts.
func post(client *http.Client, r *http.Request) error {
	answer, err := client.Do(r)
	if err != nil {
		return &Later{err}
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode >= 500:
		return &Later{fmt.Errorf("the answer was %s", answer.Status)}
	}
	return fmt.Errorf("the answer was %s", answer.Status)
}

// sentJSON is a message as local sinks get it: one line of JSON.
type sentJSON struct {
	Time         string          `json:"time"`
	Logger       string          `json:"logger"`
	PartitionID  string          `json:"partitionId,omitempty"`
	PartitionKey string          `json:"partitionKey,omitempty"`
	JSON         json.RawMessage `json:"json,omitempty"` // a message that is JSON
	Text         string          `json:"text,omitempty"` // any other
}

func linesOf(batch []Sent) ([]byte, error) {
	var all []byte
	for _, m := range batch {
		line := sentJSON{Time: gatehouse.Timestamp(m.Time), Logger: m.Logger, PartitionID: m.PartitionID, PartitionKey: m.PartitionKey}
		if json.Valid(m.Body) {
			line.JSON = m.Body
		} else {
			line.Text = strings.ToValidUTF8(string(m.Body), "\uFFFD")
		}
		text, err := encode(line)
		if err != nil {
			return nil, err
		}
		all = append(append(all, text...), '\n')
	}
	return all, nil
}

// File appends messages to a file, a line of JSON each.
type File struct{ *os.File }

// Send appends a batch.
func (f File) Send(_ context.Context, batch []Sent) error {
	text, err := linesOf(batch)
	if err == nil {
		_, err = f.Write(text)
	}
	return err
}

// HTTP posts messages to an address, a line of JSON each.
type HTTP string

// Send posts a batch.
func (h HTTP) Send(ctx context.Context, batch []Sent) error {
	text, err := linesOf(batch)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, string(h), bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	return post(http.DefaultClient, r)
}
