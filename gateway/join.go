package gateway

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// joined are the connections that have left HTTP. The server that they came by does not know them any more.
type joined struct {
	mu    sync.Mutex
	ended bool
	all   map[io.Closer]bool
	calls sync.WaitGroup
}

// begin takes in a call that may leave HTTP, until done; false when no more are taken.
func (j *joined) begin() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.ended {
		j.calls.Add(1)
	}
	return !j.ended
}

func (j *joined) add(c io.Closer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.all == nil {
		j.all = map[io.Closer]bool{}
	}
	if j.all[c] = true; j.ended {
		_ = c.Close()
	}
}

func (j *joined) remove(c io.Closer) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.all, c)
}

func (j *joined) end() {
	j.mu.Lock()
	j.ended = true
	for c := range j.all {
		_ = c.Close()
	}
	j.mu.Unlock()
	j.calls.Wait()
}

// HangUp ends connections that have left HTTP (WebSocket), and returns when their calls are over. It is for when a server has
// stopped: http.Server.Shutdown leaves them alone.
func (g *Gateway) HangUp() { g.joined.end() }

// farewell is how long one side of a connection may go on when the other has ended.
const farewell = 5 * time.Second

// join makes one connection of the client's and the backend's, until one ends or neither says anything for long.
func (g *Gateway) join(v *Visit, w http.ResponseWriter) {
	backend, ok := v.Switched.(io.ReadWriteCloser)
	if !ok || !g.joined.begin() {
		panic(http.ErrAbortHandler)
	}
	v.joined = true
	defer backend.Close()
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		g.Log.Debug("a connection cannot be switched", "error", err)
		panic(http.ErrAbortHandler)
	}
	defer client.Close()
	g.joined.add(client)
	defer g.joined.remove(client)
	answer := v.Reply()
	head := http.Response{StatusCode: answer.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header(answer.Headers)}
	head.Header.Set("Connection", "Upgrade")
	head.Header.Set("Upgrade", v.Upgrade)
	_ = client.SetWriteDeadline(time.Now().Add(10 * time.Second))
	if head.Write(buffered) != nil || buffered.Flush() != nil {
		return
	}
	_ = client.SetDeadline(time.Time{})
	both := func() { _, _ = client.Close(), backend.Close() }
	life := time.AfterFunc(g.Life, both)
	defer life.Stop()
	idle := time.AfterFunc(g.Idle, both)
	defer idle.Stop()
	ended := make(chan struct{}, 2)
	pass := func(to io.Writer, from io.Reader, count *int64) {
		*count = copyLive(to, from, func() { idle.Reset(g.Idle) })
		if half, ok := to.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
			both()
		}
		ended <- struct{}{}
	}
	var received, sent int64
	go pass(backend, buffered, &received)
	go pass(client, backend, &sent)
	<-ended
	last := time.AfterFunc(farewell, both) // what the other side is still saying arrives
	defer last.Stop()
	<-ended
	v.Traffic.Received += received
	v.Traffic.Sent += sent
}

// copyLive passes on what comes as it comes, and calls alive for each piece.
func copyLive(to io.Writer, from io.Reader, alive func()) (count int64) {
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			alive()
			if _, failed := to.Write(buffer[:n]); failed != nil {
				return count
			}
			count += int64(n)
		}
		if err != nil {
			return count
		}
	}
}
