package gateway

import (
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/gateway/contract/edm"
)

// odataOf finds the metadata of an OData API; it is nil for APIs of other kinds and those without a schema, so that
// nothing of theirs passes as checked.
func odataOf(e *config.API, schemas []*config.Schema) *edm.Service {
	if !strings.EqualFold(e.Type, "odata") {
		return nil
	}
	for _, s := range schemas {
		if strings.Contains(strings.ToLower(s.ContentType), "odata") && s.Text != "" {
			return edm.NewService(s.Text)
		}
	}
	return nil
}
