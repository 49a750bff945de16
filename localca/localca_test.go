package localca

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestEnsure(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first, caPath, err := Ensure(dir, []string{"localhost", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(caPath)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	for _, host := range []string{"localhost", "127.0.0.1"} {
		if _, err := first.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, key := range []string{"ca-key.pem", "server-key.pem"} {
		if info, err := os.Stat(filepath.Join(dir, key)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", key, info.Mode(), err)
		}
	}
	again, _, err := Ensure(dir, []string{"localhost"}, now)
	if err != nil || !again.Leaf.Equal(first.Leaf) {
		t.Errorf("a good certificate was replaced (%v)", err)
	}
	for name, renew := range map[string]struct {
		hosts []string
		now   time.Time
	}{"another host": {[]string{"gatehouse.example"}, now}, "ends soon": {[]string{"localhost"}, now.Add(serverLife)}} {
		next, _, err := Ensure(dir, renew.hosts, renew.now)
		if err != nil || next.Leaf.Equal(first.Leaf) {
			t.Errorf("%s: the certificate was kept (%v)", name, err)
		}
	}
	if kept, _ := os.ReadFile(caPath); string(kept) != string(pem) {
		t.Error("the CA changed; users would have to trust a new one")
	}
}
