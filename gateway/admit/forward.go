package admit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// ForwardAuthPath is where other proxies ask whether a call may go on: nginx (auth_request), Caddy (forward_auth),
// Traefik (ForwardAuth) and Envoy (ext_authz over HTTP, with this path as its prefix).
const ForwardAuthPath = Prefix + "auth"

// ForwardAuth answers such questions. It tells the asker only about the identity that the question itself carries, so
// nothing is lost when anybody asks. Identity headers of the question are ignored.
type ForwardAuth struct {
	Gate   *Gate
	SignIn *SignIn // nil when browsers are not signed in
	Signer *Signer
	// Find returns the check of a call, by host, method and path; false when no API answers there.
	Find func(host, method, path string) (*Check, bool)
	// Audience is told in assertions when the question names no host.
	Audience string
}

// call is the one that is asked about.
type call struct{ host, method, path string }

// asked reads what a proxy says of the original call: Traefik and Caddy by X-Forwarded headers, nginx by headers that its
// configuration sets (X-Original-URL or X-Original-URI, X-Original-Method), Envoy by the request itself below the prefix.
func asked(r *http.Request) call {
	c := call{host: r.Host, method: r.Method, path: strings.TrimPrefix(r.URL.EscapedPath(), ForwardAuthPath)}
	if r.URL.RawQuery != "" {
		c.path += "?" + r.URL.RawQuery
	}
	first := func(names ...string) string {
		for _, n := range names {
			if v := r.Header.Get(n); v != "" {
				return v
			}
		}
		return ""
	}
	if m := first("X-Forwarded-Method", "X-Original-Method"); m != "" {
		c.method = m
	}
	if h := first("X-Forwarded-Host"); h != "" {
		c.host = h
	}
	if p := first("X-Forwarded-Uri", "X-Original-Uri"); p != "" {
		c.path = p
	}
	if u, err := url.Parse(r.Header.Get("X-Original-Url")); err == nil && u.Host != "" {
		c.host, c.path = u.Host, u.RequestURI()
	}
	return c
}

// ServeHTTP answers 200 with identity headers, or the refusal. A browser that may sign in is sent there, which nginx
// does not pass on: its configuration turns 401 into a redirect to SignInPath.
func (f *ForwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	c := asked(r)
	check, ok := f.Find(c.host, c.method, c.path)
	if !ok {
		refuse(w, http.StatusForbidden, "No API answers there.")
		return
	}
	question := r.Clone(r.Context())
	question.Method, question.Host = c.method, c.host
	admission, err := f.Gate.Admit(question, check)
	if err != nil {
		f.refused(w, question, c, err)
		return
	}
	audience := c.host
	if audience == "" {
		audience = f.Audience
	}
	if f.Signer != nil {
		if err := f.Signer.Sign(w.Header(), &admission, audience); err != nil {
			refuse(w, http.StatusInternalServerError, "The identity could not be signed.")
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}

func (f *ForwardAuth) refused(w http.ResponseWriter, r *http.Request, c call, err error) {
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		refusal = unanswered()
	}
	// nginx takes nothing but 2xx, 401 and 403, and asks for everything as the subrequest that it is.
	if nginx := r.Header.Get("X-Original-Uri") != "" || r.Header.Get("X-Original-Url") != ""; refusal.SignIn && f.SignIn != nil && !nginx {
		f.SignIn.Begin(w, r, c.path)
		return
	}
	if refusal.Challenge != "" {
		w.Header().Set("Www-Authenticate", refusal.Challenge)
	}
	refuse(w, refusal.Status, refusal.Message)
}

// refuse answers in the shape of the gateway's own bodies (gateway.md 4).
func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	quoted, _ := json.Marshal(text) // texts always encode
	fmt.Fprintf(w, `{ "statusCode": %d, "message": %s }`, status, quoted)
}
