package localca

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
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

// TestNames: the certificate is good for what was asked for, and for nothing else.
func TestNames(t *testing.T) {
	cert, _, err := Ensure(t.TempDir(), []string{"gatehouse.example", "localhost", "::1", "192.0.2.7", "localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for host, good := range map[string]bool{"gatehouse.example": true, "localhost": true, "::1": true, "192.0.2.7": true, "x.gatehouse.example": false, "127.0.0.1": false, "example": false} {
		if err := cert.Leaf.VerifyHostname(host); (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
	if cert.Leaf.IsCA || len(cert.Leaf.DNSNames) != 2 || len(cert.Leaf.IPAddresses) != 2 {
		t.Errorf("CA %v, names %v, addresses %v", cert.Leaf.IsCA, cert.Leaf.DNSNames, cert.Leaf.IPAddresses)
	}
}

// TestEndOfTheCA: no certificate outlives the CA that signed it, and a CA that ends soon makes room.
func TestEndOfTheCA(t *testing.T) {
	dir, now, hosts := t.TempDir(), time.Now(), []string{"localhost"}
	if _, _, err := Ensure(dir, hosts, now); err != nil {
		t.Fatal(err)
	}
	first, err := load(dir, "ca")
	if err != nil {
		t.Fatal(err)
	}
	late, _, err := Ensure(dir, hosts, first.Leaf.NotAfter.Add(-90*24*time.Hour))
	if err != nil || late.Leaf.NotAfter.After(first.Leaf.NotAfter) || late.Leaf.CheckSignatureFrom(first.Leaf) != nil {
		t.Errorf("the certificate ends %v, its CA %v (%v)", late.Leaf.NotAfter, first.Leaf.NotAfter, err)
	}
	next, _, err := Ensure(dir, hosts, first.Leaf.NotAfter.Add(-24*time.Hour))
	if err != nil || next.Leaf.CheckSignatureFrom(first.Leaf) == nil {
		t.Errorf("a CA that ends tomorrow still signs (%v)", err)
	}
}

// TestDamage: a broken server certificate is made anew; a broken CA is not, since clients trust it.
func TestDamage(t *testing.T) {
	dir, hosts := t.TempDir(), []string{"localhost"}
	if _, _, err := Ensure(dir, hosts, time.Now()); err != nil {
		t.Fatal(err)
	}
	overwrite := func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"server.pem", "server-key.pem"} {
		overwrite(name)
		if _, _, err := Ensure(dir, hosts, time.Now()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	overwrite("ca-key.pem")
	if _, _, err := Ensure(dir, hosts, time.Now()); err == nil || !strings.Contains(err.Error(), "put ca.pem and ca-key.pem back, or remove both") || !strings.Contains(err.Error(), dir) {
		t.Errorf("a damaged CA: %v", err)
	}
}

// TestModes: a key is its owner's alone, even where a file lay in its place.
func TestModes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"ca-key.pem.new", "server-key.pem.new"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Ensure(dir, []string{"localhost"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v; want two certificates and two keys", files, err)
	}
	for _, f := range files {
		info, err := f.Info()
		if want := map[bool]os.FileMode{true: 0o600, false: 0o644}[strings.HasSuffix(f.Name(), "-key.pem")]; err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v; want %v", f.Name(), info.Mode(), err, want)
		}
	}
}
