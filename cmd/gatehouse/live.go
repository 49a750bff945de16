package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
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

// newCaller signs in as the bootstrap service principal or, when as is not empty, gets a
// token of somebody else. A server that is elsewhere gets the token of the environment.
func newCaller(ctx context.Context, data, server, as string) (*caller, error) {
	if server != "" {
		if as != "" {
			return nil, usagef("--as and --server exclude each other: the token in GATEHOUSE_TOKEN says who asks")
		}
		cl, err := newServerClient(server)
		if err != nil {
			return nil, err
		}
		return &caller{client: cl, token: cl.bearer}, nil
	}
	cl, err := newClient(data)
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

// call sends a request and returns the answer's object. A path may be a whole link of an earlier answer.
func (c *caller) call(ctx context.Context, method, path string, body []byte) (*jsondoc.Object, error) {
	target := path
	if strings.HasPrefix(path, "/") {
		target = c.r.PublicURL + path
	}
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
