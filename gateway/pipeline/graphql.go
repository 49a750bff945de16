package pipeline

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse/dotnet/newtonsoft"
	"gatehouse/gateway/graphql"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// validateGraphQL is validate-graphql-request (gateway.md 8.2).
type validateGraphQL struct {
	size, depth Whole
	variable    Text
	rules       []graphQLRule
}

type graphQLRule struct{ path, action Text }

// graphQLCheck is a validate-graphql-request with its attributes evaluated.
type graphQLCheck struct {
	size, depth int
	rules       []graphql.Rule
}

// lastCheck is what every request has to pass before it is executed here.
var lastCheck = graphQLCheck{size: graphql.MaxSize, depth: graphql.MaxDepth}

// apply checks a request of size bytes.
func (g graphQLCheck) apply(schema *graphql.Schema, r *graphql.Request, size int) (*graphql.Operation, graphql.Errors, error) {
	if g.size > 0 && size > g.size {
		return nil, nil, tooLarge
	}
	operation, err := schema.Prepare(r, g.depth)
	if err != nil {
		return nil, nil, err
	}
	removed, err := operation.Authorize(g.rules)
	return operation, removed, err
}

var tooLarge = graphql.Errors{{Message: "The request is too large."}}

// graphQLErrors is the variable that always has what is wrong with a request.
const graphQLErrors = "GraphQLErrors"

func compileValidateGraphQL(k *Compiler, e *policy.Element) Step {
	v := &validateGraphQL{size: k.Whole(e, "max-size"), depth: k.Whole(e, "max-depth"), variable: k.Text(e, "error-variable-name")}
	for _, r := range descendants(e, "authorize", "rule") {
		v.rules = append(v.rules, graphQLRule{k.Text(r, "path"), k.Text(r, "action")})
	}
	return v
}

func (v *validateGraphQL) Run(c *Call) error {
	variable, err := v.variable.Eval(c)
	size, err2 := v.size.Eval(c)
	depth, err3 := v.depth.Eval(c)
	rules, err4 := v.evalRules(c)
	if err := cmpErr(err, err2, err3, err4); err != nil {
		return err
	}
	if c.GraphQL.Schema == nil {
		return failed("GraphQLSchemaUnknown", "The API has no GraphQL schema, so nothing can be checked against it.")
	}
	check := graphQLCheck{int(size), int(depth), rules}
	if c.Upgrade != "" && c.GraphQL.Resolvers != nil { // what comes over the connection is checked here, too: by Subscribe
		c.GraphQL.checks = append(c.GraphQL.checks, check)
		return nil
	}
	operation, removed, err := c.readGraphQL(check)
	if err != nil {
		return refuseGraphQL(c, variable, err)
	}
	c.GraphQL.Removed = append(c.GraphQL.Removed, removed...)
	if len(removed) > 0 {
		noteGraphQL(c, variable, removed)
		c.rewriteGraphQL(operation)
	}
	return nil
}

func (v *validateGraphQL) evalRules(c *Call) (list []graphql.Rule, err error) {
	for _, r := range v.rules {
		path, err := r.path.Eval(c)
		action, err2 := r.action.Eval(c)
		if err := cmpErr(err, err2); err != nil {
			return nil, err
		}
		switch a := graphql.Action(action); a {
		case graphql.Allow, graphql.Remove, graphql.Reject, graphql.Ignore:
			list = append(list, graphql.Rule{Path: path, Action: a})
		default:
			return nil, failed(ReasonExpression, "action takes allow, remove, reject or ignore; it is "+action+".")
		}
	}
	return list, nil
}

// GraphQLCall is what a call of a GraphQL API has besides.
type GraphQLCall struct {
	Schema *graphql.Schema
	// Resolvers answer for the backend of a synthetic API; nil for an API with a GraphQL server behind it.
	Resolvers map[Field]*Resolver
	Removed   graphql.Errors // fields that were taken out of the request
	// Publish hands the value of a field to the subscriptions of another, as publish-event says; nil hands it to nobody.
	Publish func(field string, value any)
	// Opened is set when the call is a handshake that is to be followed by subscriptions (Call.Subscribe).
	Opened bool

	checks []graphQLCheck // of what comes over the connection
}

// readGraphQL reads the request of a call, as it stands now.
func (c *Call) readGraphQL(check graphQLCheck) (*graphql.Operation, graphql.Errors, error) {
	if c.Upgrade != "" { // what is sent once the connection is there would be seen by nobody
		return nil, nil, graphql.Errors{{Message: "Requests over a WebSocket cannot be checked."}}
	}
	types := c.Headers(Request)["Content-Type"]
	if len(types) > 1 {
		return nil, nil, graphql.Errors{{Message: "The request says its content type more than once."}}
	}
	var data []byte
	if body := c.Body(Request); body != nil {
		var err error
		if data, err = body.Bytes(true); err != nil {
			return nil, nil, err
		}
	}
	if check.size > 0 && len(data) > check.size {
		return nil, nil, tooLarge
	}
	r, err := graphql.Read(strings.Join(types, ""), data, c.Request.OriginalURL.RawQuery)
	if err != nil {
		return nil, nil, graphql.Errors{{Message: err.Error()}}
	}
	return check.apply(c.GraphQL.Schema, r, len(data))
}

// rewriteGraphQL puts what is left of a request in its place.
func (c *Call) rewriteGraphQL(o *graphql.Operation) {
	c.Request.Method = http.MethodPost
	c.SetBody(Request, NewBody(o.Rewritten().JSON()))
	c.Headers(Request).Set("Content-Type", "application/json")
	c.Request.URL.RawQuery = ""
}

func noteGraphQL(c *Call, variable string, list graphql.Errors) {
	all := newtonsoft.NewArray()
	for _, e := range list {
		one := newtonsoft.NewObject()
		_ = one.AddMember(nil, "message", newtonsoft.NewValue(newtonsoft.String, e.Message))
		_ = all.Add(nil, one)
	}
	c.Variables.Set(graphQLErrors, expr.Object(all))
	if variable != "" {
		c.Variables.Set(variable, expr.Object(all))
	}
}

// refuseGraphQL answers a request that is not let through: in the words of GraphQL.
func refuseGraphQL(c *Call, variable string, err error) error {
	var list graphql.Errors
	if !errors.As(err, &list) {
		return failed(ReasonClientConnection, "The request could not be read: "+err.Error())
	}
	noteGraphQL(c, variable, list)
	return &Failure{Reason: "GraphQLRequestInvalid", Message: list.Error(), Status: http.StatusBadRequest, Body: list.Body(), ContentType: "application/json"}
}
