package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse/gateway/pipeline"
)

// transports are the connections to backends, shared by all calls that connect in the same way.
type transports struct {
	mu           sync.RWMutex
	all          map[pipeline.Upstream]*http.Transport
	certificates map[string]map[string]*tls.Certificate // client certificates by service and thumbprint
	imported     map[string]map[string]*tls.Certificate // those that policies brought along
}

// offer makes certificates the client certificates of a service. Connections that were made with others end when they are idle.
func (t *transports) offer(service string, certificates map[string]*tls.Certificate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.certificates == nil {
		t.certificates = map[string]map[string]*tls.Certificate{}
	}
	t.certificates[service] = certificates
}

// maxImported bounds the certificates that policies of a service bring along themselves.
const maxImported = 100

// importer takes certificates that policies of a service bring along as PKCS #12.
func (t *transports) importer(service string) func([]byte, string) (string, error) {
	return func(pfx []byte, password string) (string, error) {
		pair, print, err := ReadPFX(pfx, password)
		if err != nil {
			return "", err
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.imported == nil {
			t.imported = map[string]map[string]*tls.Certificate{}
		}
		of := t.imported[service]
		if of == nil || len(of) >= maxImported {
			of = map[string]*tls.Certificate{}
			t.imported[service] = of
		}
		of[print] = pair
		return print, nil
	}
}

func (t *transports) known(service, thumbprint string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.certificates[service][thumbprint] != nil || t.imported[service][thumbprint] != nil
}

// certificate finds a client certificate; thumbprints name it for all services that have it.
func (t *transports) certificate(thumbprint string) *tls.Certificate {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, of := range slices.Concat(slices.Collect(maps.Values(t.certificates)), slices.Collect(maps.Values(t.imported))) {
		if c := of[thumbprint]; c != nil {
			return c
		}
	}
	return nil
}

// maxTransports bounds them: an expression may compute proxies.
const maxTransports = 1000

func (t *transports) get(u pipeline.Upstream) (http.RoundTripper, error) {
	t.mu.RLock()
	have := t.all[u]
	t.mu.RUnlock()
	if have != nil {
		return have, nil
	}
	made, err := newTransport(u, t.certificate(u.Certificate))
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if have := t.all[u]; have != nil {
		return have, nil
	}
	if len(t.all) >= maxTransports { // any will do: a policy that makes many must not keep others from theirs
		for old, each := range t.all {
			delete(t.all, old)
			each.CloseIdleConnections()
			break
		}
	}
	if t.all == nil {
		t.all = map[pipeline.Upstream]*http.Transport{}
	}
	t.all[u] = made
	return made, nil
}

func newTransport(u pipeline.Upstream, own *tls.Certificate) (*http.Transport, error) {
	if u.Certificate != "" && own == nil {
		return nil, fmt.Errorf("the client certificate %s is not known to this gateway", u.Certificate)
	}
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    512,
		MaxResponseHeaderBytes: 256 << 10, // of a backend; what a client may send is a quarter of it
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true, // what the backend sends goes to the client as it is
		Protocols:              new(http.Protocols),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ReadBufferSize:         16 << 10,
		WriteBufferSize:        16 << 10,
	}
	if u.Continue > 0 {
		t.ExpectContinueTimeout = u.Continue
	}
	switch u.HTTP2 {
	case pipeline.HTTP1Only:
		t.Protocols.SetHTTP1(true)
	case pipeline.HTTP2Only:
		t.Protocols.SetHTTP2(true)
		t.Protocols.SetUnencryptedHTTP2(true)
	case pipeline.HTTP2Or1:
		t.Protocols.SetHTTP1(true)
		t.Protocols.SetHTTP2(true)
	}
	if u.Proxy != "" {
		proxy, err := url.Parse(u.Proxy)
		if err != nil {
			return nil, errors.New("the address of the proxy cannot be read")
		}
		t.Proxy = http.ProxyURL(proxy)
	}
	if own != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*own}
	}
	if u.AnyChain || u.AnyName || u.Pins != "" {
		t.TLSClientConfig.InsecureSkipVerify = true // verify checks what is to be checked
		t.TLSClientConfig.VerifyConnection = func(s tls.ConnectionState) error { return verify(u, s) }
	}
	return t, nil
}

// verify checks a server's certificate as far as the upstream asks for it. One that is pinned counts as it is; where
// there are pins, any other has to pass the whole check.
func verify(u pipeline.Upstream, s tls.ConnectionState) error {
	if u.Pins != "" {
		if pinned(u.Pins, s.PeerCertificates) {
			return nil
		}
		u.AnyChain, u.AnyName = false, false
	}
	if !u.AnyName {
		if err := s.PeerCertificates[0].VerifyHostname(s.ServerName); err != nil {
			return err
		}
	}
	if u.AnyChain {
		return nil
	}
	return verifyChain(s.PeerCertificates)
}

// pinned reports whether a chain begins with a certificate that is pinned: by thumbprint, or by its name and its issuer.
func pinned(pins string, chain []*x509.Certificate) bool {
	leaf := thumbprint(chain[0])
	for pin := range strings.Lines(pins) {
		pin = strings.TrimSpace(pin)
		rest, byName := strings.CutPrefix(pin, "name=")
		if !byName {
			if pin == leaf {
				return true
			}
			continue
		}
		name, issuer, _ := strings.Cut(rest, " ")
		if issuer == "" || len(chain) < 2 || thumbprint(chain[1]) != issuer || chain[0].CheckSignatureFrom(chain[1]) != nil {
			continue
		}
		if chain[0].VerifyHostname(name) == nil || strings.EqualFold(chain[0].Subject.CommonName, name) {
			return true
		}
	}
	return false
}

func (t *transports) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, each := range t.all {
		each.CloseIdleConnections()
	}
}
