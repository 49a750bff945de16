package pipeline

import (
	"slices"

	"gatehouse/gateway/graphql"
)

// Subscription is what a client wants to hear of, checked. It belongs to the call that it was made of.
type Subscription struct {
	Field     string // of the schema's subscription type
	operation *graphql.Operation
	removed   graphql.Errors
}

// Subscribe checks a request, as JSON, that came over the connection of a call: by the rules of every validate-graphql-request
// that the handshake met, and as any request is. The error is a graphql.Errors.
func (c *Call) Subscribe(request []byte) (*Subscription, error) {
	r, err := graphql.Read("application/json", request, "")
	if err != nil {
		return nil, graphql.Errors{{Message: err.Error()}}
	}
	s := &Subscription{}
	for _, check := range append(slices.Clip(c.GraphQL.checks), lastCheck) {
		operation, removed, err := check.apply(c.GraphQL.Schema, r, len(request))
		if err != nil {
			return nil, err
		}
		if s.operation = operation; len(removed) > 0 {
			s.removed = append(s.removed, removed...)
			r = operation.Rewritten()
		}
	}
	s.Field, err = s.operation.Subscribed()
	return s, err
}

// Event is what a subscription of the call is told of a value that was published: the body of an answer. Resolvers of fields
// within see the handshake as their request. What they publish is dropped, since one event could call forth the next for ever.
func (c *Call) Event(s *Subscription, value any) []byte {
	publish, tracing := c.GraphQL.Publish, c.Tracing
	c.GraphQL.Publish, c.Tracing = nil, false // a trace would grow as long as the connection lasts
	defer func() { c.GraphQL.Publish, c.Tracing = publish, tracing }()
	return s.operation.Event(c.Waiting(), c.resolveField, s.removed, s.Field, value)
}
