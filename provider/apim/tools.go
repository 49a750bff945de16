package apim

import (
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// tools are what an API offers to language models as an MCP server. They came with
// 2025-09-01-preview, whose published tables name the requests and nothing of the body:
// a tool has a name to show, a description, and the operation that it calls, which is
// one of any API beside it.
func tools() *arm.Type {
	return published("service/apis/tools", `
		properties.displayName string max=300
		properties.description string
		properties.operationId string
	`, arm.Type{
		Noun: "Tool", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Hooks: arm.Hooks{Links: linksOfTool, Check: checkTool},
	})
}

// toolOperation is the operation that a tool calls, ok false when it names none.
func toolOperation(tool gatehouse.ID, given string) (id gatehouse.ID, ok bool) {
	if given != "" && !strings.Contains(given, "/") {
		given = tool.Parent().Child("operations", given).String()
	}
	if !strings.Contains(strings.ToLower(given), "/providers/") {
		given = holderOf(tool).String() + "/" + strings.TrimLeft(given, "/")
	}
	id, err := gatehouse.ParseID(given)
	ok = err == nil && strings.EqualFold(id.Type(), tool.Parent().Type()+"/operations") && holderOf(id).Scope() == holderOf(tool).Scope()
	return id, ok
}

// linksOfTool: who offers an operation has to be able to read it.
func linksOfTool(op *arm.Op, body *jsondoc.Object) ([]arm.LinkedAccess, error) {
	id, ok := toolOperation(op.ID, body.String("properties.operationId"))
	if !ok {
		return nil, nil
	}
	return []arm.LinkedAccess{{Action: id.Type() + "/read", ID: id}}, nil
}

func checkTool(op *arm.Op, tx *store.Tx, _, next *arm.Resource) error {
	props := next.Props()
	given := props.String("operationId")
	if given == "" {
		return nil
	}
	id, ok := toolOperation(next.ID, given)
	if !ok {
		return validation("operationId", "'%s' does not name an operation of an API beside this one; write it as /apis/{name}/operations/{name}", given)
	}
	stored, err := op.Server.StoredID(op.Context, tx, id)
	if err != nil {
		return err
	}
	if _, err := tx.Get(op.Context, stored.Scope()); gatehouse.KindOf(err) == gatehouse.NotFound {
		return validation("operationId", "'%s' does not exist; create it first", given)
	} else if err != nil {
		return err
	}
	props.Set("operationId", id.String())
	return nil
}
