package live

import (
	"net/http"
	"testing"
)

// For starts a server, with further flags, for one test and ends it with the test. Its log is shown when the test fails.
func For(t testing.TB, flags ...string) *Server {
	t.Helper()
	s, err := Start(t.TempDir(), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("server log:\n%s", s.Log())
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ClientFor is a client that trusts the server, until the test ends.
func (s *Server) ClientFor(t testing.TB) *http.Client {
	t.Helper()
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
