package pipeline

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/gateway/headers"
)

// maxRedirects bounds how far follow-redirects goes.
const maxRedirects = 10

// redirects is forward-request's follow-redirects: to another server a request goes without what lets it in at the first one. That
// is the identity that the gateway tells of, the caller's token, cookies and key, and the credentials and the client certificate of
// the backend entity.
type redirects struct {
	http.RoundTripper // to the backend
	call              *Call
	upstream          Upstream
	own               http.Header // of the call, without what was added for the backend
	away              bool        // the request has left the backend
}

// followed sends a request and goes where the answers lead.
func (c *Call) followed(rt http.RoundTripper, u Upstream, r *http.Request) (*http.Response, error) {
	to := &redirects{RoundTripper: rt, call: c, upstream: u, own: http.Header(c.Request.Headers)}
	return (&http.Client{Transport: to, CheckRedirect: to.next}).Do(r)
}

// next prepares a request to where an answer leads.
func (t *redirects) next(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errors.New("the backend redirects too often")
	}
	if t.own["Referer"] == nil {
		delete(r.Header, "Referer") // net/http tells the address, with what stands in its query
	}
	if t.away = t.away || !sameServer(r.URL, via[0].URL); t.away {
		maps.DeleteFunc(r.Header, func(name string, values []string) bool { return t.secret(name, values) })
	}
	return nil
}

// secret reports whether a header lets somebody in, or tells who calls.
func (t *redirects) secret(name string, values []string) bool {
	if name == t.call.KeyHeader || headers.Credential(name) || headers.Identity(name) {
		return true
	}
	if name == "User-Agent" || name == "Connection" || name == "Upgrade" {
		return false
	}
	return !slices.Equal(values, t.own[name])
}

// RoundTrip sends a request: to other servers than the backend over connections that show and expect nothing of it.
func (t *redirects) RoundTrip(r *http.Request) (*http.Response, error) {
	if !t.away {
		return t.RoundTripper.RoundTrip(r)
	}
	u := t.upstream
	u.Certificate, u.Pins, u.AnyChain, u.AnyName = "", "", false, false
	rt, err := t.call.Services.Transport(u)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(r)
}

// sameServer reports whether two addresses are of one server, by one scheme.
func sameServer(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}
