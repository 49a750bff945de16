package siem

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse"
)

func newSink(t *Target) sink {
	switch t.url.Scheme {
	case "file":
		return &fileSink{path: t.To}
	case "http", "https":
		client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: t.tls, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		return &webhook{target: t, client: client}
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	return &syslog{target: t, host: host}
}

// fileSink appends lines, each batch on disk before it counts.
type fileSink struct {
	path string
	last int64
}

func (s *fileSink) send(_ context.Context, changes []encoded, last int64) error {
	if len(changes) > 0 {
		if err := s.append(changes); err != nil {
			return err
		}
	}
	s.last = last
	return nil
}

// append opens the file anew each time, so that it can be rotated by moving it away.
func (s *fileSink) append(changes []encoded) error {
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, c := range changes {
		b.Write(c.text)
		b.WriteByte('\n')
	}
	end, err := wholeLines(f)
	if err == nil {
		_, err = f.WriteAt(b.Bytes(), end)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// wholeLines is where the last whole line ends; what follows was being written when the process died.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end := info.Size()
	for b := make([]byte, 4096); end > 0; {
		from := max(0, end-int64(len(b)))
		part := b[:end-from]
		if _, err := f.ReadAt(part, from); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			end = from + int64(i) + 1
			break
		}
		end = from
	}
	if end < info.Size() {
		return end, f.Truncate(end)
	}
	return end, nil
}

func (s *fileSink) settled() (int64, error) { return s.last, nil }
func (s *fileSink) close()                  {}

// webhook posts batches as lines. A receiver checks X-Gatehouse-Signature:
// "sha256=" and the HMAC-SHA256, in hexadecimal, of the time in X-Gatehouse-Timestamp,
// a dot, and the body; the time keeps old deliveries from being played again.
type webhook struct {
	target *Target
	client *http.Client
	last   int64
}

func (w *webhook) send(ctx context.Context, changes []encoded, last int64) error {
	if len(changes) > 0 {
		if err := w.post(ctx, changes); err != nil {
			return err
		}
	}
	w.last = last
	return nil
}

func (w *webhook) post(ctx context.Context, changes []encoded) error {
	var body bytes.Buffer
	for _, c := range changes {
		body.Write(c.text)
		body.WriteByte('\n')
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.target.To, bytes.NewReader(body.Bytes()))
	if err != nil {
		return err
	}
	kind := "application/x-ndjson"
	if w.target.Format == CEF {
		kind = "text/plain; charset=utf-8"
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("X-Gatehouse-Timestamp", now)
	req.Header.Set("X-Gatehouse-Delivery", fmt.Sprintf("%d-%d", changes[0].seq, changes[len(changes)-1].seq))
	req.Header.Set("X-Gatehouse-Signature", Signature(w.target.secret, now, body.Bytes()))
	resp, err := w.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)) // the answer says nothing more than its status
	if resp.StatusCode >= 300 {
		return fmt.Errorf("the webhook answered %s", resp.Status)
	}
	return nil
}

// Signature is what X-Gatehouse-Signature holds.
func Signature(secret []byte, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(timestamp + "."))
	m.Write(body)
	return "sha256=" + hex.EncodeToString(m.Sum(nil))
}

func (w *webhook) settled() (int64, error) { return w.last, nil }
func (w *webhook) close()                  { w.client.CloseIdleConnections() }

// syslog speaks RFC 5424 with counted octets, over TLS (RFC 5425) or TCP (RFC 6587).
// The protocol has no answer: what was written counts once the connection has stood
// for a while afterwards. After a break everything since is sent again.
type syslog struct {
	target *Target
	host   string
	conn   net.Conn
	broken chan struct{} // closed when the other side ended the connection
	marks  []mark
	last   int64
}

// mark says when changes up to a number were written.
type mark struct {
	seq int64
	at  time.Time
}

const settleTime = 3 * time.Second

func (s *syslog) send(ctx context.Context, changes []encoded, last int64) error {
	if len(changes) > 0 {
		if err := s.write(ctx, changes); err != nil {
			s.close()
			return err
		}
	}
	s.marks = append(s.marks, mark{last, time.Now()})
	return nil
}

func (s *syslog) write(ctx context.Context, changes []encoded) error {
	if s.conn == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	var b bytes.Buffer
	for _, c := range changes {
		message := s.message(c)
		fmt.Fprintf(&b, "%d %s", len(message), message)
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	_, err := s.conn.Write(b.Bytes())
	return err
}

func (s *syslog) connect(ctx context.Context) (err error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if s.target.url.Scheme == "syslog+tls" {
		s.conn, err = (&tls.Dialer{NetDialer: dialer, Config: s.target.tls}).DialContext(ctx, "tcp", s.target.url.Host)
	} else {
		s.conn, err = dialer.DialContext(ctx, "tcp", s.target.url.Host)
	}
	if err != nil {
		s.conn = nil
		return err
	}
	broken, conn := make(chan struct{}), s.conn
	s.broken = broken
	go func() { // a receiver says nothing; an end of its side is all there is to read
		_, _ = io.Copy(io.Discard, conn)
		close(broken)
	}()
	return nil
}

// facility 13 is "log audit" of RFC 5424.
const facility = 13

// message is one RFC 5424 message. 32473 is the enterprise number for documentation (RFC 5612).
func (s *syslog) message(c encoded) []byte {
	level := 6 // informational
	if c.high {
		level = 4 // warning
	}
	kind := c.kind
	if kind == "" {
		kind = gatehouse.Event
	}
	head := fmt.Sprintf("<%d>1 %s %s gatehouse %d %s [gatehouse@32473 seq=\"%d\"] ", facility*8+level, c.time.UTC().Format("2006-01-02T15:04:05.000000Z"), word(s.host), os.Getpid(), kind, c.seq)
	return append([]byte(head), c.text...)
}

func word(s string) string {
	if s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s); s == "" {
		return "-"
	}
	return s
}

func (s *syslog) settled() (int64, error) {
	if s.conn != nil && len(s.marks) > 0 {
		select {
		case <-s.broken:
			s.close()
			return 0, errors.New("the collector ended the connection")
		default:
		}
	}
	for len(s.marks) > 0 && (s.conn == nil || time.Since(s.marks[0].at) >= settleTime) {
		s.last, s.marks = s.marks[0].seq, s.marks[1:]
	}
	return s.last, nil
}

func (s *syslog) close() {
	if s.conn != nil {
		_ = s.conn.Close() // it is given up either way
		s.conn = nil
	}
	s.marks = nil
}
