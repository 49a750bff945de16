package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The command of the handbook starts a server of its own and says how to call, with the flags that nobody gave at their defaults.
func TestProxyStarts(t *testing.T) {
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	said := &said{enough: "wiki.localhost", then: cancel}
	cmd := proxyCommand()
	cmd.SetArgs([]string{"--upstream", upstream.URL, "--api", "wiki", "--data", t.TempDir(), "--listen", "127.0.0.1:0", "--management-listen", "127.0.0.1:0"})
	cmd.SetOut(said)
	if err := cmd.ExecuteContext(ctx); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said.String(), said.enough) {
		t.Errorf("it said %q", said.String())
	}
}

// said is what a command said; it is stopped when that is enough.
type said struct {
	strings.Builder
	enough string
	then   func()
}

func (s *said) Write(p []byte) (int, error) {
	n, err := s.Builder.Write(p)
	if strings.Contains(s.String(), s.enough) {
		s.then()
	}
	return n, err
}
