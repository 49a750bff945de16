package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"sync"
	"time"
)

// maxNames bounds the certificates that an Issuer keeps.
const maxNames = 1000

// Issuer makes certificates for single names, signed by the CA of a directory. They are kept in memory
// alone. It is safe for concurrent use.
type Issuer struct {
	ca tls.Certificate

	mu   sync.Mutex
	made map[string]*tls.Certificate
}

// NewIssuer reads the CA that Ensure made.
func NewIssuer(dir string) (*Issuer, error) {
	ca, err := load(dir, "ca")
	return &Issuer{ca: ca, made: map[string]*tls.Certificate{}}, err
}

// Certificate returns a certificate for a name. Whoever calls it has made sure that the name is one of the server's.
func (i *Issuer) Certificate(name string, now time.Time) (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if c := i.made[name]; c != nil && now.Add(time.Hour).Before(c.Leaf.NotAfter) {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-time.Hour), NotAfter: earlier(now.Add(renewBefore), i.ca.Leaf.NotAfter), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, i.ca.Leaf, key.Public(), i.ca.PrivateKey)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(i.made) >= maxNames {
		clear(i.made)
	}
	c := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
	i.made[name] = c
	return c, nil
}
