package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"gatehouse/dotnet/newtonsoft"
	"gatehouse/gateway/graphql"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// Resolver gives the values of one field of a synthetic GraphQL API: the policy http-data-source, compiled (gateway.md
// 8.2). It never changes.
type Resolver struct {
	*Document
	first    Block // what comes before the request: get-authorization-context, set-backend-service
	request  *sendRequest
	response Block
	events   []string // fields of subscriptions that hear of the value: publish-event
	missing  error    // why the field cannot be resolved in this gateway
}

// Field names the field that a resolver is for.
type Field struct{ Type, Name string }

// CompileResolver makes a resolver of its document. One that is wrong fails its field.
func CompileResolver(src Source, env Env) *Resolver {
	k := &Compiler{env: env, doc: &Document{Source: src}}
	r := &Resolver{Document: k.doc}
	root := src.Document.Root
	if find := resolverElement(root.Name); find == nil {
		k.Fault(root, "The policy '%s' does not resolve fields in this gateway.", root.Name)
	} else {
		find(k, r, root)
	}
	k.doc.Err = errors.Join(k.faults...)
	return r
}

// resolverElement finds who compiles the root of a resolver, nil for a name that is none.
func resolverElement(name string) func(*Compiler, *Resolver, *policy.Element) {
	switch name {
	case "http-data-source":
		return (*Compiler).httpDataSource
	case "publish-event":
		return func(k *Compiler, _ *Resolver, e *policy.Element) {
			k.Fault(e, "The policy 'publish-event' stands in the http-response of a resolver.")
		}
	}
	if text := unavailable[name]; text != "" {
		return func(k *Compiler, r *Resolver, _ *policy.Element) {
			k.Warn(text)
			r.missing = errors.New(text)
		}
	}
	return nil
}

func (k *Compiler) httpDataSource(r *Resolver, e *policy.Element) {
	for _, child := range e.Children {
		switch child.Name {
		case "http-request":
			k.section = Inbound
			k.httpRequest(r, child)
		case "http-response":
			k.section = Outbound
			r.response = k.Block(k.events(r, child.Children), "http-response")
		case "backend": // forward-request alone: its defaults are those of the request
		default:
			k.Fault(child, "The element '%s' does not belong into http-data-source.", child.Name)
		}
	}
	if r.request == nil || !r.request.url.Given() || !r.request.method.Given() {
		k.Fault(e, "http-data-source needs an http-request with set-method and set-url.")
	}
}

// events takes publish-event out of a list of policies: wherever it stands, what is published is the value in the end.
func (k *Compiler) events(r *Resolver, list []*policy.Element) []*policy.Element {
	var kept []*policy.Element
	for _, e := range list {
		if e.Name != "publish-event" {
			kept = append(kept, e)
			continue
		}
		targets := descendants(e, "targets", "graphql-subscription")
		if len(targets) == 0 {
			k.Fault(e, "publish-event needs targets with a graphql-subscription.")
		}
		for _, target := range targets {
			id, ok := target.Attr("id")
			if !ok {
				k.Fault(target, "graphql-subscription needs an id.")
				continue
			}
			r.events = append(r.events, strings.TrimSpace(k.resolve(target, id).Text))
		}
	}
	return kept
}

func (k *Compiler) httpRequest(r *Resolver, e *policy.Element) {
	var own, first []*policy.Element
	for _, child := range e.Children {
		switch child.Name {
		case "get-authorization-context", "set-backend-service", "include-fragment":
			first = append(first, child)
		default:
			own = append(own, child)
		}
	}
	r.first = k.Block(first, "http-request")
	request := *e
	request.Name, request.Children, request.Attrs = "send-request", own, nil
	outer := k.inside
	k.inside = policy.Define("send-request")
	r.request, _ = compileSendRequest(k, &request).(*sendRequest)
	k.inside = outer
}

// resolveTimeout is what a field waits for its request, in seconds.
const resolveTimeout = 60

// resolve gets the value of a field. Its errors are for the caller: they tell nothing of the inside.
func (r *Resolver) resolve(c *Call, f graphql.Field) (any, error) {
	if r.Err != nil {
		return nil, errField
	}
	if r.missing != nil {
		return nil, r.missing
	}
	sub := NewCall(c.Services)
	defer sub.Release()
	r.prepare(sub, c, f)
	data, err := r.run(sub)
	var value any
	if err == nil {
		value, err = readField(data)
	}
	if err != nil {
		failure := failureOf(err, &Place{Element: r.Source.Document.Root.Name, Scope: "api", Section: "resolver"})
		c.Trace("resolver", failure.Error(), "field", f.Type+"/"+f.Name)
		return nil, errField
	}
	r.publish(c, value, len(data))
	return value, nil
}

// maxPublished is how large a value may be that is published, in bytes of JSON: it is kept while subscribers wait for it.
const maxPublished = 1 << 20

func (r *Resolver) publish(c *Call, value any, size int) {
	if c.GraphQL.Publish == nil || len(r.events) == 0 {
		return
	}
	if size > maxPublished {
		c.Trace("publish-event", fmt.Sprintf("The value is larger than %d bytes, and was not published.", maxPublished))
		return
	}
	for _, field := range r.events {
		c.GraphQL.Publish(field, value)
	}
}

var errField = errors.New("the field could not be resolved")

// prepare lets a resolver see the call that it answers for, and change none of it.
func (r *Resolver) prepare(sub, c *Call, f graphql.Field) {
	request := *c.Request
	request.Headers = expr.Headers(http.Header(c.Request.Headers).Clone())
	request.Body = nil
	address := *c.Request.URL
	request.URL = &address
	variables := c.Variables.Clone()
	sub.Context = c.Context
	sub.Context.Request, sub.Context.Response, sub.Context.Variables = &request, nil, variables
	sub.Context.GraphQL = &expr.GraphQL{Arguments: jsonValue(f.Arguments), Parent: jsonValue(f.Parent)}
	sub.HTTP, sub.Home, sub.Target, sub.Tracer, sub.Times = c.HTTP, c.Home, c.Target, c.Tracer, c.Times
}

// run sends the request, and returns the JSON that its answer has come to.
func (r *Resolver) run(sub *Call) ([]byte, error) {
	sub.section = Inbound
	if err := r.first.Run(sub); err != nil {
		return nil, err
	}
	out, err := r.request.make(sub)
	if err != nil {
		return nil, err
	}
	if out.timeout == 0 {
		out.timeout = resolveTimeout * 1e9
	}
	answer, err := r.request.send(sub.Waiting(), sub.Services, out)
	if err != nil {
		return nil, err
	}
	sub.memory.response = *answer
	sub.Response = &sub.memory.response
	if answer.StatusCode >= 400 {
		return nil, failed(ReasonBackendConnection, fmt.Sprintf("The backend of the resolver answered with status %d.", answer.StatusCode))
	}
	sub.section = Outbound
	if err := r.response.Run(sub); err != nil && !isEnd(err) {
		return nil, err
	}
	body := sub.Body(Answer)
	if body == nil {
		return []byte("null"), nil
	}
	return body.Bytes(false)
}

func readField(data []byte) (any, error) {
	d := json.NewDecoder(strings.NewReader(string(data)))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil || d.More() {
		return nil, failed(ReasonBackendConnection, "The answer to the resolver is not JSON.")
	}
	return value, nil
}

// jsonValue is an object of a request as expressions see it: a JObject, null for what is no object.
func jsonValue(v any) expr.Value {
	if members, ok := v.(map[string]any); !ok || members == nil {
		return expr.Null
	}
	text, err := json.Marshal(v)
	if err != nil {
		return expr.Null
	}
	token, err := newtonsoft.ParsePlain(string(text), spending())
	if err != nil {
		return expr.Null
	}
	return expr.Object(token)
}

// resolveField is a graphql.Resolver.
func (c *Call) resolveField(_ context.Context, f graphql.Field) (any, bool, error) {
	r := c.GraphQL.Resolvers[Field{f.Type, f.Name}]
	if r == nil {
		return nil, false, nil
	}
	value, err := r.resolve(c, f)
	return value, true, err
}

// resolveGraphQL answers a call of a synthetic GraphQL API, in place of a backend.
func (c *Call) resolveGraphQL() error {
	if c.GraphQL.Schema == nil {
		return failed("GraphQLSchemaUnknown", "The API has no GraphQL schema.")
	}
	if c.Upgrade != "" {
		c.NewResponse(http.StatusSwitchingProtocols, "")
		c.Answered, c.GraphQL.Opened = true, true
		return nil
	}
	operation, _, err := c.readGraphQL(lastCheck)
	if err != nil {
		return refuseGraphQL(c, "", err)
	}
	if operation.Kind() != "query" && c.Request.Method != http.MethodPost { // caches, links and role checks take others for reading
		return refuseGraphQL(c, "", graphql.Errors{{Message: "Only queries may be sent by " + c.Request.Method + "."}})
	}
	body := operation.Execute(c.Waiting(), c.resolveField, c.GraphQL.Removed)
	reply := c.NewResponse(http.StatusOK, "")
	reply.Headers["Content-Type"] = []string{"application/json"}
	c.SetBody(Answer, NewBody(body))
	c.Answered = true
	return nil
}
