package arm

import (
	"net/http"
	"regexp"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// operationTicket is the kind of ticket that a long-running operation leaves behind.
const operationTicket = "operation"

// operationLife is how long the outcome of a long-running operation can be asked for.
const operationLife = 24 * time.Hour

// Finished completes a with the headers of a long-running operation whose work is
// already done: Gatehouse finishes within the request, and answers 202 only where
// clients accept nothing else (clients.md section 4). The final answer of the
// Location is result, or an empty 200. Poll addresses are absolute, carry their
// id in the path, and only the caller who started the operation may ask.
func (op *Op) Finished(a *Answer, result *jsondoc.Object) (*Answer, error) {
	if op.within != nil {
		return a, nil // nobody polls for a part
	}
	id := gatehouse.NewGUID().String()
	value := []byte{}
	if result != nil {
		value = jsondoc.Marshal(result)
	}
	err := op.Server.store.PutTicket(op.Context, store.Ticket{Kind: operationTicket, Key: id, Owner: op.Caller.ID.String(),
		Value: value, Expires: op.Server.Clock().Add(operationLife)})
	if err != nil {
		return nil, err
	}
	base := ""
	if sub, ok := op.ID.Scope().Subscription(); ok {
		base = sub.String()
	}
	a.With("Location", op.URL(base+"/operationresults/"+id))
	a.With("Azure-AsyncOperation", op.URL(base+"/operationstatuses/"+id))
	return a.With("Retry-After", "1"), nil // 0 counts as absent for the Go and Python pollers, which then wait 30 seconds
}

// OperationCalls are the poll addresses; the provider of Microsoft.Resources mounts them.
func OperationCalls() []Call {
	var calls []Call
	for _, base := range []string{"", string(AtSubscription)} {
		calls = append(calls,
			Call{Method: "GET", Path: base + "/operationresults/{operationId}", Do: OperationResult},
			Call{Method: "GET", Path: base + "/operationstatuses/{operationId}", Do: OperationStatus})
	}
	return calls
}

func (op *Op) operation() (*jsondoc.Object, error) {
	t, err := op.Server.store.Ticket(op.Context, operationTicket, op.Params["operationId"])
	if err != nil || t.Owner != op.Caller.ID.String() {
		return nil, gatehouse.Errorf(gatehouse.NotFound, "OperationNotFound", "There is no operation '%s' of yours; outcomes are kept for a day.", clip(op.Params["operationId"]))
	}
	if len(t.Value) == 0 {
		return nil, nil
	}
	return jsondoc.ParseObject(t.Value)
}

// OperationResult answers what a finished operation came to: a handler for providers that have poll addresses of their own.
func OperationResult(op *Op) (*Answer, error) {
	result, err := op.operation()
	if err != nil {
		return nil, err
	}
	if result == nil {
		return &Answer{Status: http.StatusOK}, nil
	}
	return OK(result), nil
}

// OperationStatus is OperationResult for those that ask for the status.
func OperationStatus(op *Op) (*Answer, error) {
	result, err := op.operation()
	if err != nil {
		return nil, err
	}
	out := jsondoc.NewObject("id", op.Path, "name", op.Params["operationId"], "status", "Succeeded", "percentComplete", 100)
	if result.String("properties.status") == "Failed" { // the work was accepted and came to nothing
		out.Set("status", "Failed")
		out.Set("error", result.Object("properties.error"))
	}
	return OK(out), nil
}

var patterns sync.Map

// patternOf compiles a name pattern once.
func patternOf(p string) *regexp.Regexp {
	if re, ok := patterns.Load(p); ok {
		return re.(*regexp.Regexp)
	}
	re := regexp.MustCompile(`^(?:` + p + `)$`)
	patterns.Store(p, re)
	return re
}
