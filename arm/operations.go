package arm

import (
	"strings"

	"gatehouse/jsondoc"
	"gatehouse/rbac/builtin"
)

// OperationsOf is the answer to GET /providers/{namespace}/operations, from the known operations.
func OperationsOf(namespace string) *Answer {
	items := []jsondoc.Value{}
	for _, o := range builtin.Operations() {
		if !strings.HasPrefix(fold(o.Name), fold(namespace)+"/") {
			continue
		}
		_, rest, _ := strings.Cut(o.Name, "/")
		resource, _, _ := strings.Cut(rest, "/")
		items = append(items, jsondoc.NewObject("name", o.Name, "isDataAction", o.Data, "display",
			jsondoc.NewObject("provider", namespace, "resource", resource, "operation", o.DisplayName, "description", o.Description)))
	}
	return ListOf(items)
}
