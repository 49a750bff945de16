package desired

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/world"
)

// Caller makes an ordinary Resource Manager or Graph call with one principal's rights and
// returns the answer's object; a refusal is an error. A path may be a link of an earlier answer.
type Caller func(ctx context.Context, method, path string, body []byte) (*jsondoc.Object, error)

// List reads all pages of a list.
func (c Caller) List(ctx context.Context, path string) (all []jsondoc.Value, err error) {
	for path != "" {
		page, err := c(ctx, http.MethodGet, path, nil)
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

// Subscription is the only one that the caller sees; with how many it sees when that is not one.
func (c Caller) Subscription(ctx context.Context) (id string, seen int, err error) {
	all, err := c.List(ctx, "/subscriptions?api-version=2022-12-01")
	if err != nil || len(all) != 1 {
		return "", len(all), err
	}
	only, _ := all[0].(*jsondoc.Object)
	return only.String("subscriptionId"), 1, nil
}

// Live reads the part of the world below some scopes, as far as the caller may see it.
// from names the server in faults.
func (c Caller) Live(ctx context.Context, scopes []string, from string) (*world.World, error) {
	lists := map[string][]jsondoc.Value{}
	seen := map[string]bool{}
	for _, at := range scopes {
		for _, kind := range []struct{ section, query string }{{"roleAssignments", authorizationVersion}, {"roleDefinitions", authorizationVersion}, {"denyAssignments", denyVersion}} {
			items, err := c.List(ctx, strings.TrimSuffix(at, "/")+authorizationPath+kind.section+kind.query)
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
		var err error
		if lists[section], err = c.List(ctx, path); err != nil {
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
	b.AddObject(&world.File{Name: from, Root: whole}, whole)
	return b.World()
}

// members reads the direct members of every group.
func (c Caller) members(ctx context.Context, groups []jsondoc.Value) error {
	for _, v := range groups {
		g, ok := v.(*jsondoc.Object)
		if !ok {
			continue
		}
		items, err := c.List(ctx, "/v1.0/groups/"+url.PathEscape(g.String("id"))+"/members?$select=id")
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

// Topmost are the scopes of a declaration that no other of them contains: lists reach
// above and below. It is the subscription for one that names no scope.
func (d *Declaration) Topmost(subscription string) ([]string, error) {
	var all []gatehouse.ID
	for _, text := range append(d.Scopes(), ".") {
		id, err := Expand(subscription, text)
		if err != nil {
			return nil, err
		}
		all = append(all, id)
	}
	if len(all) > 1 {
		all = all[:len(all)-1]
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

// Digest stands for the steps of a plan: plans with the same one do the same.
func (p *Plan) Digest() string {
	steps, err := json.Marshal(p.Steps)
	if err != nil {
		panic(err) // plain values always encode
	}
	sum := sha256.Sum256(steps)
	return hex.EncodeToString(sum[:])
}

// Apply makes the calls of a plan, one after another, and stops at the first that is
// refused; n is how many were done. done, when not nil, hears of each.
func (p *Plan) Apply(ctx context.Context, c Caller, done func(*Step)) (n int, err error) {
	created := strings.NewReplacer()
	var pairs []string
	for i := range p.Steps {
		s := &p.Steps[i]
		var body []byte
		if s.Call.Body != nil {
			body = []byte(created.Replace(string(s.Call.Body)))
		}
		answer, err := c(ctx, s.Call.Method, created.Replace(s.Call.Path), body)
		if err != nil {
			return i, fmt.Errorf("%s %s: %w", s.Do, s.Title, err)
		}
		if s.Call.Creates != "" {
			pairs = append(pairs, s.Call.Creates, answer.String("id"))
			created = strings.NewReplacer(pairs...)
		}
		if done != nil {
			done(s)
		}
	}
	return len(p.Steps), nil
}
