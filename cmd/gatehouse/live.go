package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/desired"
	"gatehouse/jsondoc"
	"gatehouse/world"
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
	all, err := c.list(ctx, "/subscriptions?api-version=2022-12-01")
	if err != nil {
		return err
	}
	if len(all) != 1 {
		return usagef("you see %d subscriptions: say with --subscription which one scopes such as rg-apis are in", len(all))
	}
	only, _ := all[0].(*jsondoc.Object)
	c.subscription = only.String("subscriptionId")
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

// list reads all pages of a list.
func (c *caller) list(ctx context.Context, path string) (all []jsondoc.Value, err error) {
	for path != "" {
		page, err := c.call(ctx, http.MethodGet, path, nil)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Array("value")...)
		next, _ := page.Get("@odata.nextLink")
		link, _ := next.(string)
		if path = page.String("nextLink"); path == "" {
			path = link
		}
	}
	return all, nil
}

// live reads the part of the world that a declaration is about, as far as the caller may see it.
func (c *caller) live(ctx context.Context, d *desired.Declaration) (*world.World, error) {
	scopes, err := c.topmost(d.Scopes())
	if err != nil {
		return nil, err
	}
	lists := map[string][]jsondoc.Value{}
	seen := map[string]bool{}
	for _, at := range scopes {
		for _, kind := range []struct{ section, query string }{{"roleAssignments", "?api-version=2022-04-01"}, {"roleDefinitions", "?api-version=2022-04-01"}, {"denyAssignments", "?api-version=2024-07-01-preview"}} {
			items, err := c.list(ctx, strings.TrimSuffix(at, "/")+"/providers/Microsoft.Authorization/"+kind.section+kind.query)
			if err != nil {
				return nil, fmt.Errorf("reading %s at %s: %w", kind.section, at, err)
			}
			for _, item := range items {
				o, ok := item.(*jsondoc.Object)
				if id := kind.section + gatehouse.Fold(o.String("name")); ok && !seen[id] {
					seen[id] = true
					lists[kind.section] = append(lists[kind.section], o)
				}
			}
		}
	}
	for section, path := range map[string]string{"users": "/v1.0/users?$select=id,displayName,userPrincipalName,mail", "groups": "/v1.0/groups?$select=id,displayName",
		"servicePrincipals": "/v1.0/servicePrincipals?$select=id,displayName,appId,servicePrincipalType"} {
		if lists[section], err = c.list(ctx, path); err != nil {
			return nil, fmt.Errorf("reading %s: %w", section, err)
		}
	}
	if err := c.members(ctx, lists["groups"]); err != nil {
		return nil, err
	}
	whole := jsondoc.NewObject()
	for section, items := range lists {
		whole.Set(section, items)
	}
	b := &world.Builder{}
	b.AddObject(&world.File{Name: c.r.PublicURL, Root: whole}, whole)
	return b.World()
}

// members reads the direct members of every group.
func (c *caller) members(ctx context.Context, groups []jsondoc.Value) error {
	for _, v := range groups {
		g, ok := v.(*jsondoc.Object)
		if !ok {
			continue
		}
		items, err := c.list(ctx, "/v1.0/groups/"+url.PathEscape(g.String("id"))+"/members?$select=id")
		if err != nil {
			return fmt.Errorf("reading the members of %s: %w", g.String("displayName"), err)
		}
		ids := []jsondoc.Value{}
		for _, item := range items {
			if o, ok := item.(*jsondoc.Object); ok {
				ids = append(ids, o.String("id"))
			}
		}
		g.Set("members", ids)
	}
	return nil
}

// topmost are the scopes that no other of them contains: lists reach above and below.
func (c *caller) topmost(texts []string) ([]string, error) {
	var all []gatehouse.ID
	for _, text := range append(texts, ".") {
		id, err := desired.Expand(c.subscription, text)
		if err != nil {
			return nil, usage(err)
		}
		all = append(all, id)
	}
	if len(all) > 1 {
		all = all[:len(all)-1] // the subscription is for files that name no scope
	}
	var out []string
	for i, id := range all {
		covered := false
		for j, other := range all {
			covered = covered || other.Scope() != id.Scope() && other.Scope().Contains(id.Scope()) || other.Scope() == id.Scope() && j < i
		}
		if !covered {
			out = append(out, id.String())
		}
	}
	return out, nil
}
