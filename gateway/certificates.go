package gateway

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/gateway/config"
)

// ReadPFX reads a certificate with its private key out of PKCS #12, and its thumbprint.
func ReadPFX(pfx []byte, password string) (*tls.Certificate, string, error) {
	key, leaf, rest, err := pkcs12.DecodeChain(pfx, password)
	if err != nil {
		return nil, "", err
	}
	switch key.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
	default:
		return nil, "", fmt.Errorf("the private key is of a kind that TLS does not use")
	}
	c := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, x := range rest {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c, thumbprint(leaf), nil
}

// thumbprint is the SHA-1 of a certificate, which is what Azure names it by; it identifies and proves nothing.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// hostCertificates reads those of the custom host names of a service.
func hostCertificates(s *config.Service) map[string]*tls.Certificate {
	found := map[string]*tls.Certificate{}
	for _, h := range s.Hosts {
		if c, _, err := ReadPFX(h.PFX, h.Password); err == nil && strings.EqualFold(h.Type, "Proxy") {
			found[strings.ToLower(h.Host)] = c
		}
	}
	return found
}

// schema finds a schema of the service, or of a workspace and then the service.
func (p *Plan) schema(workspace, name string) *config.Schema {
	if workspace != "" {
		if s := p.schemas[config.KeyOf("/workspaces/"+workspace).Child("schemas", name)]; s != nil {
			return s
		}
	}
	return p.schemas[config.Key("").Child("schemas", name)]
}

// TLS is the configuration for a listener of the gateway: each host name has the certificate of its service, or what other
// returns for it. Client certificates are asked for where the host name says so, and not verified: policies do that.
func (g *Gateway) TLS(other func(host string) (*tls.Certificate, error)) *tls.Config {
	certificate := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		host := hostName(hello.ServerName)
		if p := g.hosts.Load().names[host]; p != nil && p.tls[host] != nil {
			return p.tls[host], nil
		}
		return other(host)
	}
	plain := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: certificate}
	asking := plain.Clone()
	asking.ClientAuth = tls.RequestClientCert
	plain.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if p := g.Plan(hello.ServerName); p != nil && p.asks(hostName(hello.ServerName)) {
			return asking, nil
		}
		return nil, nil
	}
	return plain
}

// asks reports whether clients of a host name are asked for certificates.
func (p *Plan) asks(host string) bool {
	if p.certificates {
		return true
	}
	for _, h := range p.Service.Hosts {
		if strings.EqualFold(h.Host, host) {
			return h.ClientCertificate
		}
	}
	return p.Service.ClientCertificates
}
