package apidoc

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// Fetcher gets documents from links. Who may import an API can make the server ask an address of
// their choice, so it asks public addresses only unless told otherwise, looks at the address that
// is really dialled, sends nothing of its own, and tells nothing of what is no document. The
// zero Fetcher is ready.
type Fetcher struct {
	Private  bool          // private addresses are fine
	Loopback bool          // so is this machine itself
	Timeout  time.Duration // for all of it; 0 for 30 seconds
}

const mostRedirects = 5

// Get returns the document at an address, and where it was found in the end.
func (f *Fetcher) Get(ctx context.Context, address string) ([]byte, *url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, nil, fault("", "the link is no http or https address")
	}
	if u.User != nil {
		return nil, nil, fault("", "the link holds a user name or password; put what authorizes it into the query")
	}
	timeout := f.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, fault("", "the link is no http or https address")
	}
	client := f.client()
	defer client.CloseIdleConnections()
	answer, err := client.Do(request)
	if err != nil {
		return nil, nil, unreachable(ctx, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, nil, fault("", "the link answered with status %d", answer.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(answer.Body, MaxBytes+1))
	if err != nil {
		return nil, nil, unreachable(ctx, err)
	}
	if len(b) > MaxBytes {
		return nil, nil, fault("", "the document at the link has more than %d bytes", MaxBytes)
	}
	return b, answer.Request.URL, nil
}

func (f *Fetcher) client() *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, Control: func(_, address string, _ syscall.RawConn) error { return f.mayDial(address) }}
	// No proxy: the check of addresses would be the proxy's.
	transport := &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 1 << 16}
	return &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > mostRedirects {
			return refused("the link was redirected too often")
		}
		if r.URL.Scheme != "http" && r.URL.Scheme != "https" || r.URL.User != nil {
			return refused("the link was redirected to something that is no plain http or https address")
		}
		r.Header.Del("Referer")
		return nil
	}}
}

// refused says why something is not asked; unlike other errors its text may be told.
type refused string

func (r refused) Error() string { return string(r) }

func unreachable(ctx context.Context, err error) error {
	var why refused
	switch {
	case errors.As(err, &why):
		return fault("", "%s", why)
	case ctx.Err() != nil:
		return fault("", "the link did not answer in time")
	}
	return fault("", "the link could not be reached")
}

// never lists what no link leads to, whatever is allowed: link-local addresses, where clouds keep
// the metadata and credentials of machines, Azure's own, and what is no unicast address.
var never = prefixes("169.254.0.0/16", "fe80::/10", "168.63.129.16/32", "fd00:ec2::254/128", "0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8", "::/128")

// private lists addresses of somebody's own network besides those that netip knows as such:
// shared and reserved ranges, and IPv6 forms that lead back into IPv4.
var private = prefixes("100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fec0::/10")

func prefixes(all ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(all))
	for i, p := range all {
		list[i] = netip.MustParsePrefix(p)
	}
	return list
}

func within(list []netip.Prefix, ip netip.Addr) bool {
	for _, p := range list {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// mayDial sees the address that is dialled, so no name can be made to point elsewhere in between.
func (f *Fetcher) mayDial(address string) error {
	if why := f.Refuses(address); why != "" {
		return refused("the link leads to " + why)
	}
	return nil
}

// Refuses says what is against dialling an address with its port, "" for nothing.
func (f *Fetcher) Refuses(address string) string {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return "no address"
	}
	ip := to.Addr().Unmap().WithZone("")
	switch {
	case !ip.IsValid() || within(never, ip):
		return "an address that is never asked"
	case ip.IsLoopback() && !f.Loopback:
		return "the server itself, which is not allowed here"
	case (ip.IsPrivate() || within(private, ip)) && !f.Private:
		return "a private address, which is not allowed here"
	}
	return ""
}
