package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"gatehouse/gateway/pipeline"
)

// transports are the connections to backends, shared by all calls that connect in the same way.
type transports struct {
	mu  sync.RWMutex
	all map[pipeline.Upstream]*http.Transport
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
	made, err := newTransport(u)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if have := t.all[u]; have != nil {
		return have, nil
	}
	if len(t.all) >= maxTransports {
		return nil, errors.New("too many kinds of connections to backends")
	}
	if t.all == nil {
		t.all = map[pipeline.Upstream]*http.Transport{}
	}
	t.all[u] = made
	return made, nil
}

func newTransport(u pipeline.Upstream) (*http.Transport, error) {
	if u.Certificate != "" {
		return nil, fmt.Errorf("the client certificate %s is not known to this gateway", u.Certificate)
	}
	t := &http.Transport{
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   512,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // what the backend sends goes to the client as it is
		Protocols:             new(http.Protocols),
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		ReadBufferSize:        16 << 10,
		WriteBufferSize:       16 << 10,
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
	t.TLSClientConfig.InsecureSkipVerify = u.AnyChain || u.AnyName // what is still to be checked is checked by verify
	if u.AnyChain != u.AnyName {
		t.TLSClientConfig.VerifyConnection = verify(u)
	}
	return t, nil
}

// verify checks the part of a server's certificate that is still to be checked: the name or the chain.
func verify(u pipeline.Upstream) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		if u.AnyChain {
			return s.PeerCertificates[0].VerifyHostname(s.ServerName)
		}
		return verifyChain(s.PeerCertificates)
	}
}

func (t *transports) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, each := range t.all {
		each.CloseIdleConnections()
	}
}
