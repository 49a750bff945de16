package siem

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/localca"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), t.TempDir(), store.Options{}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func record(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for i := range n {
		c := gatehouse.Change{Kind: gatehouse.Event, Cause: gatehouse.Cause{Action: fmt.Sprint("act/", i), Scope: "/"}}
		if i%3 == 0 {
			c.Kind, c.Status = gatehouse.Refused, 403
		}
		if err := s.Record(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "forward.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collected gathers the numbers of changes that a receiver has.
type collected struct {
	sync.Mutex
	seen map[int64]int
}

func (c *collected) add(seq int64) {
	c.Lock()
	defer c.Unlock()
	if c.seen == nil {
		c.seen = map[int64]int{}
	}
	c.seen[seq]++
}

func (c *collected) missing(upTo int64) (n int) {
	c.Lock()
	defer c.Unlock()
	for i := int64(1); i <= upTo; i++ {
		if c.seen[i] == 0 {
			n++
		}
	}
	return n
}

// start runs a forwarder as a process would, until stop.
func start(t *testing.T, c *Config, s *store.Store, dir string) (f *Forwarder, stop func()) {
	t.Helper()
	f, err := New(c, s, dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	f.first = 5 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { f.Run(ctx); close(done) }()
	return f, func() { cancel(); <-done }
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("not in time: ", what)
}

// TestWebhook: a receiver that fails now and then has everything in the end, signed.
func TestWebhook(t *testing.T) {
	s, got, calls := open(t), &collected{}, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls++; calls%3 == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if want := Signature([]byte("0123456789abcdef"), r.Header.Get("X-Gatehouse-Timestamp"), body); r.Header.Get("X-Gatehouse-Signature") != want {
			t.Errorf("signature %q, want %q", r.Header.Get("X-Gatehouse-Signature"), want)
		}
		for line := range bytes.Lines(body) {
			var e event
			if err := json.Unmarshal(line, &e); err != nil {
				t.Error(err)
			}
			got.add(e.Metadata.Sequence)
		}
	}))
	defer server.Close()
	key := filepath.Join(t.TempDir(), "hook.key")
	os.WriteFile(key, []byte("0123456789abcdef\n"), 0o600)
	c, dir := load(t, "targets: [{name: hook, to: '"+server.URL+"', secretFile: "+key+", from: beginning}]"), t.TempDir()
	record(t, s, 450)
	_, stop := start(t, c, s, dir)
	eventually(t, "450", func() bool { return got.missing(450) == 0 })
	stop()
	record(t, s, 50) // while nothing runs
	f, stop := start(t, c, s, dir)
	defer stop()
	record(t, s, 20)
	eventually(t, "520", func() bool { return got.missing(520) == 0 && f.Stats()[0].Acknowledged == 520 })
}

var syslogHead = regexp.MustCompile(`^<(\d+)>1 \S+Z \S+ gatehouse \d+ (\w+) \[gatehouse@32473 seq="(\d+)"\] (CEF:0\|Gatehouse\|.*)$`)

// TestSyslog: over TLS, with a collector that drops the connection again and again.
func TestSyslog(t *testing.T) {
	s, got := open(t), &collected{}
	caDir := t.TempDir()
	pair, caFile, err := localca.Ensure(caDir, []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go collect(t, l, got)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	record(t, s, 300)
	_, stop := start(t, load(t, "targets: [{name: soc, to: 'syslog+tls://localhost:"+port+"', ca: "+caFile+", from: beginning}]"), s, t.TempDir())
	defer stop()
	for range 6 {
		time.Sleep(10 * time.Millisecond)
		record(t, s, 20)
	}
	eventually(t, "420", func() bool { return got.missing(420) == 0 })
}

// collect reads counted messages; the first connections end in the middle of one.
func collect(t *testing.T, l net.Listener, got *collected) {
	for n := 0; ; n++ {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		r := bufio.NewReader(conn)
		for left := 1 + 40*n; n > 4 || left > 0; left-- {
			size, err := r.ReadString(' ')
			if err != nil {
				break
			}
			length, _ := strconv.Atoi(strings.TrimSpace(size))
			message := make([]byte, length)
			if _, err := io.ReadFull(r, message); err != nil {
				break
			}
			parts := syslogHead.FindSubmatch(message)
			if parts == nil {
				t.Errorf("not a message of RFC 5424: %q", message)
				break
			}
			seq, _ := strconv.ParseInt(string(parts[3]), 10, 64)
			got.add(seq)
		}
		conn.Close()
	}
}

// TestFileCutShort: what was being written when the process died is written again, whole.
func TestFileCutShort(t *testing.T) {
	s, dir := open(t), t.TempDir()
	out := filepath.Join(dir, "out.jsonl")
	c := load(t, "targets: [{name: archive, to: 'file:"+out+"', from: beginning, format: json}]")
	record(t, s, 5)
	os.WriteFile(out, []byte("{\"seq\":0}\n{\"seq\":1,\"ti"), 0o600)
	f, stop := start(t, c, s, dir)
	eventually(t, "5", func() bool { return f.Stats()[0].Acknowledged == 5 })
	stop()
	raw, _ := os.ReadFile(out)
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(lines) != 6 {
		t.Fatalf("%d lines, want 6:\n%s", len(lines), raw)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// TestCEFEscapes: whoever chooses a name cannot make up a line or a field.
func TestCEFEscapes(t *testing.T) {
	c := &gatehouse.Change{Kind: gatehouse.Write, Resource: "/a|b", Cause: gatehouse.Cause{Action: "a|b\nc", Caller: gatehouse.Caller{Name: "eve suid=root\nCEF:0"}, Reason: `x\y=z`}}
	line := string(cefLine("1", c))
	if strings.ContainsAny(line, "\n\r") || strings.Contains(line, " suid=root") && !strings.Contains(line, `suid\=root`) || !strings.Contains(line, `cs4=x\\y\=z`) || !strings.Contains(line, `|a\|b c|`) {
		t.Error(line)
	}
}

// TestConfig: a fault is told at the start.
func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"targets: [{name: x, to: 'http://elsewhere.example/'}]":       "plain http",
		"targets: [{name: x, to: 'https://elsewhere.example/'}]":      "secretFile",
		"targets: [{name: X, to: 'file:a'}]":                          "small letters",
		"targets: [{name: x, to: 'file:a'}, {name: x, to: 'file:b'}]": "two targets",
		"targets: [{name: x, to: 'file:a', format: leef}]":            "format takes",
		"targets: [{name: x, to: 'syslog+tls://h'}]":                  "lacks a port",
		"targets: [{name: x, to: 'syslog+tls://h:1', ca: none.pem}]":  "none.pem",
		"targets: [{name: x, to: 'file:a', kinds: [writes]}]":         "kinds takes",
		"targets: [{name: x, to: 'file:a', colour: red}]":             "colour",
		"targets: [{name: x, to: 'file:a', from: yesterday}]":         "now or beginning",
	} {
		file := filepath.Join(t.TempDir(), "forward.yaml")
		os.WriteFile(file, []byte(text), 0o600)
		if _, err := LoadConfig(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
