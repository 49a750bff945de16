package gateway

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"sync"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/gateway/config"
)

// authorities check certificates of clients: against the roots of the system and those of a service. What it says about one is
// kept for a while, since a connection carries many calls.
type authorities struct {
	from    []config.CACertificate
	options x509.VerifyOptions // Roots are nil when the service adds none

	mu    sync.Mutex
	known map[[sha256.Size]byte]verdict
}

type verdict struct {
	good   bool              // the chain leads to an authority at this moment
	chain  bool              // it does at some moment of the certificate's own life
	issuer *x509.Certificate // of the certificate; nil when the chain leads nowhere
	at     time.Time
}

const (
	verdictLife  = time.Minute
	verdictsKept = 10_000
)

// newAuthorities reads the authorities of a service; one that cannot be read trusts nobody.
func newAuthorities(list []config.CACertificate) *authorities {
	a := &authorities{from: list, known: map[[sha256.Size]byte]verdict{}, options: x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny}}}
	for _, ca := range list {
		for _, c := range certificatesOf(ca) {
			if strings.EqualFold(ca.Store, "CertificateAuthority") {
				if a.options.Intermediates == nil {
					a.options.Intermediates = x509.NewCertPool()
				}
				a.options.Intermediates.AddCert(c)
				continue
			}
			if a.options.Roots == nil {
				if a.options.Roots, _ = x509.SystemCertPool(); a.options.Roots == nil {
					a.options.Roots = x509.NewCertPool()
				}
			}
			a.options.Roots.AddCert(c)
		}
	}
	return a
}

// certificatesOf reads PEM, DER or PKCS #12.
func certificatesOf(ca config.CACertificate) (list []*x509.Certificate) {
	if rest := bytes.TrimSpace(ca.Data); bytes.HasPrefix(rest, []byte("-----BEGIN")) {
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				return list
			}
			if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
				list = append(list, c)
			}
		}
	}
	if c, err := x509.ParseCertificate(ca.Data); err == nil {
		return []*x509.Certificate{c}
	}
	if list, err := pkcs12.DecodeTrustStore(ca.Data, ca.Password); err == nil {
		return list
	}
	if _, c, rest, err := pkcs12.DecodeChain(ca.Data, ca.Password); err == nil {
		return append(rest, c)
	}
	return nil
}

func (a *authorities) same(list []config.CACertificate) bool {
	return slices.EqualFunc(a.from, list, func(x, y config.CACertificate) bool {
		return x.Store == y.Store && x.Password == y.Password && bytes.Equal(x.Data, y.Data)
	})
}

// judge says what is to be thought of the chain that a client showed.
func (a *authorities) judge(chain []*x509.Certificate, now time.Time) verdict {
	sum := sha256.New()
	for _, c := range chain {
		sum.Write(c.Raw)
	}
	var key [sha256.Size]byte
	sum.Sum(key[:0])
	a.mu.Lock()
	v, ok := a.known[key]
	a.mu.Unlock()
	if ok && now.Sub(v.at) < verdictLife && (!v.good || now.Before(chain[0].NotAfter)) {
		return v
	}
	v = a.verify(chain, now)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= verdictsKept {
		clear(a.known)
	}
	a.known[key] = v
	return v
}

// verify looks for an authority. Whether the certificate's own dates count is for a policy to say, so that a chain without
// them is looked for too.
func (a *authorities) verify(chain []*x509.Certificate, now time.Time) verdict {
	options := a.options
	if len(chain) > 1 {
		options.Intermediates = x509.NewCertPool()
		if a.options.Intermediates != nil {
			options.Intermediates = a.options.Intermediates.Clone()
		}
		for _, c := range chain[1:] {
			options.Intermediates.AddCert(c)
		}
	}
	leaf := chain[0]
	options.CurrentTime = now
	switch {
	case now.Before(leaf.NotBefore):
		options.CurrentTime = leaf.NotBefore
	case now.After(leaf.NotAfter):
		options.CurrentTime = leaf.NotAfter
	}
	found, err := leaf.Verify(options)
	v := verdict{chain: err == nil, good: err == nil && options.CurrentTime.Equal(now), at: now}
	if err == nil {
		v.issuer = found[0][min(1, len(found[0])-1)]
	}
	return v
}

// takesCertificates reports whether any role check of a service lets client certificates count.
func takesCertificates(c *config.Config) bool {
	for check := range c.RoleChecks.All() {
		if check.Certificates && !strings.EqualFold(check.Mode, config.Off) {
			return true
		}
	}
	return false
}
