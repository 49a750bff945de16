package apim

import (
	"gatehouse/arm"
	"gatehouse/store"
)

// importAPI takes over what a PUT brings as a document, in format and value, before the
// API is checked. Documents are not read yet.
func importAPI(op *arm.Op, _ *store.Tx, _, _ *arm.Resource) error {
	for _, member := range []string{"format", "value"} {
		if sent(op, "properties."+member) {
			return validation(member, "importing APIs is not there yet; create the API without %s and its operations one by one", member)
		}
	}
	return nil
}
