package admit

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/gateway/headers"
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
	// Find returns the check of a call; false when no API that has one answers there.
	Find func(*http.Request) (*Check, bool)
	// Audience is told in assertions when the question names no host.
	Audience string
}

// call is the one that is asked about.
type call struct{ host, method, path string }

// asked reads what a proxy says of the original call: Traefik and Caddy by X-Forwarded headers, nginx by headers that its
// configuration sets (X-Original-URL or X-Original-URI, X-Original-Method), Envoy by the request itself below the prefix.
//
// Proxies pass on what clients send under the names that they do not set themselves. So a question that describes its call
// in two ways, or twice, or leaves the method open, has no answer.
func asked(r *http.Request) (c call, problem string) {
	c = call{host: r.Host, method: r.Method, path: strings.TrimPrefix(r.URL.EscapedPath(), ForwardAuthPath)}
	ways := 0
	if c.path != "" {
		ways++
		if r.URL.RawQuery != "" {
			c.path += "?" + r.URL.RawQuery
		}
	}
	forwarded, original, address := r.Header["X-Forwarded-Uri"], r.Header["X-Original-Uri"], r.Header["X-Original-Url"]
	method := ""
	switch {
	case len(forwarded) > 0:
		ways++
		c.path, method = forwarded[0], "X-Forwarded-Method"
		if h := r.Header.Get("X-Forwarded-Host"); h != "" {
			c.host = h
		}
	case len(original) > 0:
		c.path, method = original[0], "X-Original-Method"
	case len(address) > 0:
		u, err := url.Parse(address[0])
		if err != nil || u.Host == "" {
			return c, "X-Original-Url is no address."
		}
		c.host, c.path, method = u.Host, u.RequestURI(), "X-Original-Method"
	}
	if ways += len(original) + len(address); ways != 1 || len(forwarded) > 1 || len(r.Header["X-Forwarded-Host"]) > 1 {
		return c, "The request has to tell in one way which call it is about: by X-Forwarded-Uri, X-Original-Uri or X-Original-Url, or by its own path."
	}
	if method != "" {
		given := r.Header[method]
		if len(given) != 1 || given[0] == "" {
			return c, "The request has to tell the method of the call in " + method + "."
		}
		c.method = given[0]
	}
	if !strings.HasPrefix(c.path, "/") {
		return c, "The path of the call has to begin with a slash."
	}
	return c, ""
}

// ServeHTTP answers 200 with identity headers, or the refusal. A browser that may sign in is sent there, which nginx
// does not pass on: its configuration turns 401 into a redirect to SignInPath.
func (f *ForwardAuth) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	headers.Straight(r.Header) // what the asker passes on will reach a backend, which may read it so
	c, problem := asked(r)
	if problem != "" {
		refuse(w, http.StatusForbidden, problem)
		return
	}
	question := r.Clone(r.Context())
	question.Method, question.Host = c.method, c.host
	question.TLS = nil // a certificate is the asker's, not that of whom it asks about
	var err error
	if question.URL, err = url.ParseRequestURI(c.path); err != nil {
		refuse(w, http.StatusForbidden, "The path of the call cannot be read.")
		return
	}
	check, ok := f.Find(question)
	if !ok {
		refuse(w, http.StatusForbidden, "No API with a role check answers there, or its subscription key is missing.")
		return
	}
	admission, err := f.Gate.Admit(question, check)
	if err != nil {
		f.refused(w, question, c, err)
		return
	}
	audience := c.host
	if audience == "" {
		audience = f.Audience
	}
	for _, name := range []string{AssertionHeader, principalID, principalName} { // or what a client sent under these names would stay
		w.Header()[name] = []string{""}
	}
	if f.Signer != nil {
		if err = f.Signer.Sign(w.Header(), &admission, audience); err != nil {
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
