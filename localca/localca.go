// Package localca makes and keeps the certificates of a server that has been given
// none: a certificate authority of its own under the data directory, and a server
// certificate signed by it that is renewed before it ends.
//
// It promises files that only their owner can read where they hold keys, names
// limited to those asked for, and that the CA certificate stays the same until a
// month before it ends, since users tell their tools to trust it.
package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	serverLife    = 397 * 24 * time.Hour // the most that common clients accept
	renewBefore   = 30 * 24 * time.Hour
)

// CAFile is the name of the CA certificate in the directory given to Ensure.
const CAFile = "ca.pem"

// Ensure returns a certificate for hosts (DNS names and IP addresses) signed by the
// CA in dir, making either when it is missing, ends soon or lacks a host. It also
// returns the path of the CA certificate. Not safe for concurrent use on one dir.
func Ensure(dir string, hosts []string, now time.Time) (tls.Certificate, string, error) {
	caPath := filepath.Join(dir, CAFile)
	ca, err := load(dir, "ca")
	if errors.Is(err, os.ErrNotExist) || err == nil && now.Add(renewBefore).After(ca.Leaf.NotAfter) {
		ca, err = newAuthority(dir, now)
	}
	if err != nil {
		return tls.Certificate{}, "", fmt.Errorf("the local certificate authority in %s cannot be used: %w; put ca.pem and ca-key.pem back, or remove both for a new one that clients then have to trust", dir, err)
	}
	server, err := load(dir, "server")
	if err == nil && good(server.Leaf, ca.Leaf, hosts, now) {
		return server, caPath, nil
	}
	server, err = newServer(dir, ca, hosts, now) // whatever was there before: nobody keeps a copy of it
	if err != nil {
		err = fmt.Errorf("making a server certificate in %s: %w", dir, err)
	}
	return server, caPath, err
}

func load(dir, name string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"))
}

func good(leaf, ca *x509.Certificate, hosts []string, now time.Time) bool {
	for _, h := range hosts {
		if leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return now.Add(renewBefore).Before(leaf.NotAfter) && leaf.CheckSignatureFrom(ca) == nil
}

func newAuthority(dir string, now time.Time) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Gatehouse local CA", Organization: []string{"Gatehouse"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return sign(dir, "ca", template, nil)
}

func newServer(dir string, ca tls.Certificate, hosts []string, now time.Time) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: hosts[0]},
		NotBefore: now.Add(-time.Hour), NotAfter: earlier(now.Add(serverLife), ca.Leaf.NotAfter), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range slices.Compact(slices.Sorted(slices.Values(hosts))) {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	return sign(dir, "server", template, &ca)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n
}

// sign makes a key and a certificate, signed by ca or by itself, and writes both.
func sign(dir, name string, template *x509.Certificate, ca *tls.Certificate) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	parent, signer := template, any(key)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := write(dir, name+"-key.pem", "PRIVATE KEY", pkcs8, 0o600); err != nil {
		return tls.Certificate{}, err
	}
	if err := write(dir, name+".pem", "CERTIFICATE", der, 0o644); err != nil {
		return tls.Certificate{}, err
	}
	return load(dir, name)
}

// write replaces a file whole: a crash leaves the old one or the new one.
func write(dir, name, kind string, der []byte, mode os.FileMode) error {
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	err = f.Chmod(mode) // of a file that was there before
	if err == nil {
		err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}
