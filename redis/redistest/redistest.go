// Package redistest starts real Redis servers for tests, and skips those where there is none to start.
package redistest

import (
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"
)

// Server is a running server.
type Server struct {
	Address string
	program string
	port    string
	more    []string
	cmd     *exec.Cmd
}

// Start runs a server until the test ends, with more arguments if there are some. It keeps nothing on disk.
func Start(t testing.TB, more ...string) *Server {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		if program, err = exec.LookPath("valkey-server"); err != nil {
			t.Skip("no redis-server here: scripts/setup.sh installs it")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	s := &Server{Address: address, program: program, port: port, more: more}
	s.Restart(t)
	t.Cleanup(s.Stop)
	return s
}

// Restart runs the server again, empty, at the same address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	arguments := []string{"--port", s.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir", t.TempDir()}
	s.cmd = exec.Command(s.program, append(arguments, s.more...)...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := await(s.Address); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server as a crash would.
func (s *Server) Stop() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

func await(address string) error {
	for range 200 {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Second))
			answer := make([]byte, 5)
			if _, err = c.Write([]byte("PING\r\n")); err == nil {
				if _, err = c.Read(answer); err == nil && (string(answer) == "+PONG" || string(answer) == "-NOAU") {
					return nil
				}
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	return fmt.Errorf("the server at %s does not answer", address)
}
