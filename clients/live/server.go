// Package live runs the real gatehouse binary for the client tests: it builds it once, starts it on free ports over an
// empty directory, waits until it is ready and reads what a client needs from `gatehouse env`. It knows nothing of the
// product's packages; what the stories test is what a user has.
package live

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// startLimit is generous: the promise is one second on an idle machine, and tests share two cores with a compiler.
const startLimit = 30 * time.Second

// Binary returns the path of the product: $GATEHOUSE_BIN when that is set, else the result of one `go build` of
// ./cmd/gatehouse per test process.
var Binary = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("GATEHOUSE_BIN"); bin != "" {
		return filepath.Abs(bin)
	}
	root, err := repository()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "gatehouse-bin-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "gatehouse")
	build := exec.Command("go", "build", "-o", bin, "./cmd/gatehouse")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/gatehouse in %s: %w\n%s", root, err, out)
	}
	return bin, nil
})

// repository finds the directory of the product's go.mod above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module gatehouse\n")) {
			return dir, nil
		}
	}
	return "", errors.New("no go.mod of module gatehouse above the working directory; set GATEHOUSE_BIN to a built binary")
}

// Server is one running gatehouse with a directory of its own.
type Server struct {
	Bin    string
	Data   string            // its --data directory
	Env    map[string]string // what `gatehouse env --format json` printed
	Issuer *Issuer           // an identity provider outside of Gatehouse, whose certificate the server trusts
	Ready  time.Duration     // from start of the process until /readyz said yes

	cmd   *exec.Cmd
	done  chan error
	log   string
	flags []string
}

// Start starts a server over an empty directory below dir. Flags are further ones of its command.
func Start(dir string, flags ...string) (*Server, error) {
	bin, err := Binary()
	if err != nil {
		return nil, err
	}
	issuer, err := NewIssuer(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{Bin: bin, Data: filepath.Join(dir, "gatehouse"), Issuer: issuer, done: make(chan error, 1), log: filepath.Join(dir, "serve.log"), flags: flags}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) start() error {
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()                                                                                                                  // the child keeps its own descriptor
	args := []string{"serve", "--data", s.Data, "--listen", "127.0.0.1:0", "--imds-listen", "127.0.0.1:0", "--allow-loopback-issuers"} // for s.Issuer
	s.cmd = exec.Command(s.Bin, append(args, s.flags...)...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.Env = append(os.Environ(), "SSL_CERT_FILE="+s.Issuer.CAFile)
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() { s.done <- s.cmd.Wait() }()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err = s.awaitReady(ctx)
	s.Ready = time.Since(begin)
	return err
}

func (s *Server) awaitReady(ctx context.Context) error {
	for tries := 0; ; tries++ {
		err := s.isReady(ctx)
		if err == nil {
			return nil
		}
		select {
		case exit := <-s.done:
			s.done <- exit
			return fmt.Errorf("gatehouse serve stopped while starting: %v\n%s", exit, s.Log())
		case <-ctx.Done():
			return fmt.Errorf("gatehouse serve was not ready after %v: %w\n%s", startLimit, err, s.Log())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (s *Server) isReady(ctx context.Context) error {
	if s.Env == nil {
		out, err := exec.CommandContext(ctx, s.Bin, "env", "--data", s.Data, "--format", "json").Output()
		if err != nil {
			return fmt.Errorf("gatehouse env: %w", err)
		}
		env := map[string]string{}
		if err := json.Unmarshal(out, &env); err != nil {
			return fmt.Errorf("gatehouse env --format json printed %q: %w", out, err)
		}
		s.Env = env
	}
	client, err := s.Client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Env["GATEHOUSE_ARM"]+"/readyz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		s.Env = nil // perhaps what an earlier process left; ask again
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET /readyz answered %s", resp.Status)
	}
	return nil
}

// Client returns an HTTP client that trusts nothing but the server's own certificate authority and speaks HTTP/2.
func (s *Server) Client() (*http.Client, error) {
	ca, err := os.ReadFile(s.Env["GATEHOUSE_CA_FILE"])
	if err != nil {
		return nil, fmt.Errorf("GATEHOUSE_CA_FILE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", s.Env["GATEHOUSE_CA_FILE"])
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}, nil
}

// Log returns the end of what the server printed.
func (s *Server) Log() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	const keep = 6000
	if len(b) > keep {
		b = append([]byte("...\n"), b[len(b)-keep:]...)
	}
	return strings.TrimSpace(string(b))
}

// Stop asks the server to stop as an operator would and reports when it does not do so in time or not cleanly.
func (s *Server) Stop() error {
	s.Issuer.Close()
	if s.cmd == nil || s.cmd.Process == nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-s.done:
		s.done <- err
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("gatehouse serve ended with %w\n%s", err, s.Log())
		}
		return nil
	case <-time.After(15 * time.Second):
		_ = s.cmd.Process.Kill()
		return fmt.Errorf("gatehouse serve did not stop within 15 s of SIGTERM\n%s", s.Log())
	}
}
