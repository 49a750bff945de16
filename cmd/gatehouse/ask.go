package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/access"
	"gatehouse/past"
	provider "gatehouse/provider/access"
	"gatehouse/rbac/builtin"
	worlds "gatehouse/world"
)

// asking is where a question about access goes, and about whom it is.
type asking struct {
	data, server, world string
	as                  string
	at                  string // a past moment; "" for now
	output              outputFlags
}

func (a *asking) flags(c *cobra.Command) {
	f := c.Flags()
	dataFlag(c, &a.data, serverData)
	serverFlag(c, &a.server)
	f.StringVar(&a.world, "world", "", "ask a world file instead of a server (- for standard input)")
	f.StringVar(&a.at, "at", "", "as it was: 2026-01-31T12:00:00Z, 2026-01-31, an age such as 24h, or #812 after that change")
	a.output.flags(c)
}

func (a *asking) asFlag(c *cobra.Command) {
	c.Flags().StringVar(&a.as, "as", "", "about this principal: sign-in name, display name, application ID or object ID (default: who asks)")
}

// theQuestion is an action at a scope, as it was typed.
type theQuestion struct {
	action, scope string
	data          bool
	request       []string // attributes name=value
}

func (q *theQuestion) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&q.scope, "scope", "", "resource ID, or names: rg-apis, contoso-apim/apis/calculator (default: the subscription)")
	f.BoolVar(&q.data, "data-action", false, "it is a data action (known ones are recognised)")
	f.StringArrayVar(&q.request, "attribute", nil, "attribute that conditions read as @Request: NAME=VALUE; may be repeated")
	completeActions(c)
}

// dataAction reports whether the action is one for data: what the catalogue knows need not be said.
func (q *theQuestion) dataAction() bool {
	return q.data || !builtin.Known(q.action, false) && builtin.Known(q.action, true)
}

func (q *theQuestion) attributes() (map[string]any, error) {
	out := map[string]any{}
	for _, text := range q.request {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("--attribute takes NAME=VALUE; it is %q", text)
		}
		out[name] = value
	}
	return out, nil
}

func completeActions(c *cobra.Command) {
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, typed string) (list []string, _ cobra.ShellCompDirective) {
		if len(args) == 0 {
			for _, o := range builtin.Operations() {
				if strings.HasPrefix(gatehouse.Fold(o.Name), gatehouse.Fold(typed)) {
					list = append(list, o.Name)
				}
			}
		}
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// oracle answers questions about access: a server, with the rights of who asks, or a world.
type oracle interface {
	explain(ctx context.Context, q *theQuestion, as string) (*access.Explanation, error)
	canI(ctx context.Context, q *theQuestion, as string) (*access.CanI, error)
	whoCan(ctx context.Context, q *theQuestion, groups bool) (*access.WhoCan, error)
	whatCan(ctx context.Context, principal, scope, other string) (*access.WhatCan, error)
	decision(ctx context.Context, id string) (*access.Decision, error)
	// refusals are the newest ones, and how many more there are of those who would fill the list.
	refusals(ctx context.Context, principal string, top int) (list []access.Refusal, omitted int, err error)
}

// oracle opens what the flags name.
func (a *asking) oracle() (oracle, error) {
	if a.world != "" && a.server != "" {
		return nil, usagef("--world and --server exclude each other")
	}
	if a.world != "" {
		return openWorld(a.world, a.at)
	}
	if a.server != "" {
		c, err := newServerClient(a.server)
		return &served{client: c, at: a.at}, err
	}
	c, err := newClient(a.data)
	if err != nil {
		return nil, err
	}
	return &served{client: c, at: a.at, scope: "/subscriptions/" + c.b.SubscriptionID}, nil
}

// tokenVariable holds a token for a server elsewhere, as az account get-access-token prints one.
const tokenVariable = "GATEHOUSE_TOKEN"

// newServerClient talks to any server with the token of the environment.
func newServerClient(server string) (*client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, usagef("--server takes an address such as https://gatehouse.example:8443; it is %q", server)
	}
	token := os.Getenv(tokenVariable)
	if token == "" {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "", "Not signed in: put an access token into GATEHOUSE_TOKEN, for example with: export GATEHOUSE_TOKEN=$(az account get-access-token --query accessToken -o tsv)")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := os.Getenv("GATEHOUSE_CA_FILE"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading GATEHOUSE_CA_FILE: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		config.RootCAs.AppendCertsFromPEM(pem)
	}
	return &client{r: &running{PublicURL: strings.TrimSuffix(server, "/")}, bearer: token,
		http: &http.Client{Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment}, Timeout: 30 * time.Second}}, nil
}

// served asks a server.
type served struct {
	client *client
	at     string
	scope  string // where none is given
}

func (s *served) post(ctx context.Context, call string, body map[string]any, answer any) error {
	for name, v := range body {
		if v == "" || v == false || v == nil {
			delete(body, name)
		}
	}
	if s.at != "" {
		body["at"] = s.at
	}
	err := s.client.post(ctx, provider.Path+"/"+call, body, answer)
	if gatehouse.CodeOf(err) == "AmbiguousName" {
		return usage(err)
	}
	return err
}

func (s *served) question(q *theQuestion, as string) (map[string]any, error) {
	scope := q.scope
	if scope == "" {
		scope = s.scope
	}
	body := map[string]any{"action": q.action, "dataAction": q.dataAction(), "scope": scope, "principal": as}
	attributes, err := q.attributes()
	if len(attributes) > 0 {
		body["attributes"] = map[string]any{"request": attributes}
	}
	return body, err
}

func askServer[T any](ctx context.Context, s *served, call string, q *theQuestion, as string, groups bool) (*T, error) {
	body, err := s.question(q, as)
	if err != nil {
		return nil, err
	}
	body["includeGroups"] = groups
	out := new(T)
	return out, s.post(ctx, call, body, out)
}

func (s *served) explain(ctx context.Context, q *theQuestion, as string) (*access.Explanation, error) {
	return askServer[access.Explanation](ctx, s, "explain", q, as, false)
}

func (s *served) canI(ctx context.Context, q *theQuestion, as string) (*access.CanI, error) {
	return askServer[access.CanI](ctx, s, "canI", q, as, false)
}

func (s *served) whoCan(ctx context.Context, q *theQuestion, groups bool) (*access.WhoCan, error) {
	return askServer[access.WhoCan](ctx, s, "whoCan", q, "", groups)
}

func (s *served) whatCan(ctx context.Context, principal, scope, other string) (*access.WhatCan, error) {
	out := new(access.WhatCan)
	body := map[string]any{"principal": principal, "scope": scope, "compareWith": other, "anywhere": scope == ""}
	if scope == "" { // rights are asked for at the subscription then: few may read the root
		body["scope"] = s.scope
	}
	return out, s.post(ctx, "whatCan", body, out)
}

func (s *served) decision(ctx context.Context, id string) (*access.Decision, error) {
	out := new(access.Decision)
	return out, s.client.get(ctx, provider.Path+"/decisions/"+url.PathEscape(id), nil, out)
}

func (s *served) refusals(ctx context.Context, principal string, top int) ([]access.Refusal, int, error) {
	var out struct {
		Value   []access.Refusal
		Omitted int
	}
	query := url.Values{"$top": {fmt.Sprint(top)}}
	if principal != "" {
		query.Set("principal", principal)
	}
	err := s.client.get(ctx, provider.Path+"/decisions", query, &out)
	return out.Value, out.Omitted, err
}

// offline asks a world.
type offline struct {
	world *worlds.World
	view  *access.View
}

func openWorld(file, at string) (*offline, error) {
	raw, err := readInput(file)
	if err != nil {
		return nil, err
	}
	w, err := worlds.Parse(file, raw)
	if err != nil {
		return nil, usage(err)
	}
	now := w.Now
	if at != "" {
		if now, err = past.ParseTime(at, time.Now()); err != nil {
			return nil, usage(err)
		}
	}
	if now.IsZero() {
		now = time.Now()
	}
	return &offline{w, access.Of(w, now)}, nil
}

func (o *offline) scope(text string) (gatehouse.Scope, error) {
	if text == "" {
		return gatehouse.Scope{}, nil
	}
	found, err := access.FindScope(text, o.view.Scopes(), nil)
	if err != nil {
		return gatehouse.Scope{}, usage(err)
	}
	switch len(found) {
	case 0:
		return gatehouse.Scope{}, gatehouse.Errorf(gatehouse.NotFound, "ScopeNotFound", "There is nothing called %q in this world. Give a resource ID, or names that begin with one of its scopes.", text)
	case 1:
		return found[0].Scope(), nil
	}
	list := make([]string, len(found))
	for i, id := range found {
		list[i] = id.String()
	}
	return gatehouse.Scope{}, usagef("%q may be any of these, so name one of them: %s", text, strings.Join(list, ", "))
}

func (o *offline) principal(text string) (gatehouse.GUID, error) {
	if text == "" {
		return gatehouse.GUID{}, usagef("a file does not know who asks: name somebody with --as")
	}
	id, err := o.world.FindPrincipal(text)
	if gatehouse.KindOf(err) == gatehouse.Invalid {
		return id, usage(err)
	}
	return id, err
}

func (o *offline) question(q *theQuestion) (out access.Question, err error) {
	out = access.Question{Action: q.action, Data: q.dataAction()}
	if out.Scope, err = o.scope(q.scope); err != nil {
		return out, err
	}
	attributes, err := q.attributes()
	if len(attributes) > 0 {
		out.Attributes = &gatehouse.Attributes{Request: attributes}
	}
	return out, err
}

func (o *offline) about(q *theQuestion, as string) (access.Question, error) {
	out, err := o.question(q)
	if err == nil {
		out.Principal, err = o.principal(as)
	}
	return out, err
}

func (o *offline) explain(_ context.Context, q *theQuestion, as string) (*access.Explanation, error) {
	question, err := o.about(q, as)
	if err != nil {
		return nil, err
	}
	return o.view.Explain(question), nil
}

func (o *offline) canI(_ context.Context, q *theQuestion, as string) (*access.CanI, error) {
	question, err := o.about(q, as)
	if err != nil {
		return nil, err
	}
	return o.view.CanI(question), nil
}

func (o *offline) whoCan(_ context.Context, q *theQuestion, groups bool) (*access.WhoCan, error) {
	question, err := o.question(q)
	if err != nil {
		return nil, err
	}
	return o.view.WhoCan(question, groups), nil
}

func (o *offline) whatCan(_ context.Context, principal, scope, other string) (*access.WhatCan, error) {
	who, err := o.principal(principal)
	if err != nil {
		return nil, err
	}
	at, err := o.scope(scope)
	if err != nil {
		return nil, err
	}
	if other != "" {
		with, err := o.principal(other)
		if err != nil {
			return nil, err
		}
		return o.view.Compare(who, with, &at), nil
	}
	if scope == "" {
		return o.view.WhatCan(who, nil), nil
	}
	return o.view.WhatCan(who, &at), nil
}

func (o *offline) decision(context.Context, string) (*access.Decision, error) {
	return nil, usagef("a world file holds no requests: ask a server for a --request-id")
}

func (o *offline) refusals(context.Context, string, int) ([]access.Refusal, int, error) {
	return nil, 0, usagef("a world file holds no requests: ask a server for --denied")
}

// readInput reads a file, or standard input for -.
func readInput(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "", "There is no file %s.", file)
	}
	return raw, err
}
