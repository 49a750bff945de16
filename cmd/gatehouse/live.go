package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"gatehouse"
	"gatehouse/desired"
	"gatehouse/jsondoc"
)

// caller makes ordinary Resource Manager and Graph calls with one principal's rights.
type caller struct {
	*client
	token        string
	reason       string
	subscription string // of names of scopes
}

// choose takes the given subscription, that of the data directory, or the only one that the caller sees.
func (c *caller) choose(ctx context.Context, given string) error {
	if given != "" {
		c.subscription = given
	}
	if c.subscription != "" {
		return nil
	}
	only, seen, err := desired.Caller(c.call).Subscription(ctx)
	if err != nil {
		return err
	}
	if only == "" {
		return usagef("you see %d subscriptions: say with --subscription which one scopes such as rg-apis are in", seen)
	}
	c.subscription = only
	return nil
}

// newCaller signs in at the server over the data directory as the bootstrap service
// principal or, when as is not empty, gets a token of somebody else there. "" and "local"
// name that server, and so does its address where there is no token in the environment.
// Any other server gets the token of the environment.
func newCaller(ctx context.Context, data, server, as string) (*caller, error) {
	cl, err := newClient(data)
	here := server == "" || server == "local" || os.Getenv(tokenVariable) == "" && err == nil && strings.TrimSuffix(server, "/") == cl.r.PublicURL
	if !here {
		if as != "" {
			return nil, usagef("--as is for the server over the data directory: for %s the token in %s says who asks", server, tokenVariable)
		}
		if cl, err = newServerClient(server); err != nil {
			return nil, err
		}
		return &caller{client: cl, token: cl.bearer}, nil
	}
	if err != nil {
		return nil, err
	}
	c := &caller{client: cl, subscription: cl.b.SubscriptionID}
	if as == "" {
		c.token, err = cl.token(ctx, cl.r.PublicURL)
	} else {
		c.token, err = cl.tokenAs(ctx, as, cl.r.PublicURL)
	}
	return c, err
}

// me is the object ID that the token was issued to. The server checks the token; this only reads it.
func (c *caller) me() gatehouse.GUID {
	parts := strings.Split(c.token, ".")
	var claims struct{ OID string }
	if len(parts) == 3 {
		raw, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil && json.Unmarshal(raw, &claims) == nil {
			id, _ := gatehouse.ParseGUID(claims.OID) // of a token without one, nobody is known
			return id
		}
	}
	return gatehouse.GUID{}
}

// do is call with a document, nil for none.
func (c *caller) do(ctx context.Context, method, path string, body jsondoc.Value) (*jsondoc.Object, error) {
	var raw []byte
	if body != nil {
		raw = jsondoc.Marshal(body)
	}
	return c.call(ctx, method, path, raw)
}

// call sends a request and returns the answer's object. A path may be a whole link of an earlier answer.
func (c *caller) call(ctx context.Context, method, path string, body []byte) (*jsondoc.Object, error) {
	if !strings.HasPrefix(path, "/") { // wherever a link leads, the token goes to this server only
		link, err := url.Parse(path)
		if err != nil {
			return nil, fmt.Errorf("the server names a next page that is no address: %w", err)
		}
		path = link.RequestURI()
	}
	target := c.r.PublicURL + strings.ReplaceAll(path, " ", "%20")
	req, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.reason != "" {
		req.Header.Set("x-gatehouse-reason", c.reason)
	}
	answer := jsondoc.NewObject()
	status, err := c.send(req, answer)
	if err != nil || status < 300 {
		return answer, err
	}
	return nil, gatehouse.Errorf(kindOf(status), answer.String("error.code"), "%s", answer.String("error.message"))
}
