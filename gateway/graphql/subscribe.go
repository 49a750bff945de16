package graphql

import "context"

// Subscribed is the one field that a subscription asks for (October 2021, 5.2.3.1). The error is an Errors.
func (o *Operation) Subscribed() (field string, err error) {
	root := o.Schema.ast.Subscription
	if root == nil || o.Kind() != "subscription" {
		return "", Errors{{Message: "Only subscriptions are available over a WebSocket."}}
	}
	x := execution{o: o}
	fields := x.collect(root, o.operation.SelectionSet, nil)
	if len(fields) != 1 || root.Fields.ForName(fields[0].fields[0].Name) == nil {
		return "", Errors{{Message: "A subscription asks for one field."}}
	}
	return fields[0].fields[0].Name, nil
}

// Event answers a subscription with a value for its field. Fields of the subscription itself have no resolvers.
func (o *Operation) Event(ctx context.Context, resolve Resolver, removed Errors, field string, value any) []byte {
	root := o.Schema.ast.Subscription
	below := func(ctx context.Context, f Field) (any, bool, error) {
		if f.Type == root.Name {
			return nil, false, nil
		}
		return resolve(ctx, f)
	}
	return o.run(ctx, below, removed, root, map[string]any{field: value})
}
