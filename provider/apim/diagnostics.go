package apim

import (
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/store"
)

// diagnostics say what of a call is logged, and where to. They hang below the service, its
// APIs, and the same in workspaces; those of an API win (apim-control-plane.md 2.5).
func diagnostics() *arm.Type {
	more := `
		properties.alwaysLog               enum(allErrors)
		properties.sampling.samplingType   enum(fixed)
		properties.httpCorrelationProtocol enum(None|Legacy|W3C)
		properties.verbosity               enum(verbose|information|error)
		properties.operationNameFormat     enum(Name|Url)
	`
	for _, part := range []string{"frontend.request", "frontend.response", "backend.request", "backend.response"} {
		more += fmt.Sprintf(`
			properties.%[1]s.body.bytes int min=0 max=8192
			properties.%[1]s.dataMasking.queryParams[].mode enum(Mask|Hide)
			properties.%[1]s.dataMasking.headers[].mode     enum(Mask|Hide)
		`, part)
	}
	return published("service/diagnostics", more, arm.Type{
		Noun: "Diagnostic", Name: arm.NameRule{Only: []string{"applicationinsights", "azuremonitor", "local"}},
		Hooks: arm.Hooks{Check: checkDiagnostic},
	})
}

// checkDiagnostic wants a logger, but for local diagnostics, which have none; worded as the service words
// it (Azure/apiops#328 and #669, Azure/bicep-types-az#2573).
func checkDiagnostic(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	given := next.Props().String("loggerId")
	switch local := strings.EqualFold(next.ID.Name(), "local"); {
	case local && given != "":
		return validation("loggerId", "LoggerId must not be specified.")
	case local:
		return nil
	case given == "":
		return validation("loggerId", "LoggerId must be specified.")
	case old != nil && gatehouse.EqualFold(old.Props().String("loggerId"), given):
		return nil // it stays, whoever writes the diagnostic
	}
	id, ok := referred(next.ID, given, "loggers")
	if !ok {
		return validation("loggerId", "Invalid field 'loggerId' specified")
	}
	d, err := tx.Get(op.Context, id.Scope())
	if gatehouse.KindOf(err) == gatehouse.NotFound || err == nil && !mayRefer(op, next.ID, id) {
		return validation("loggerId", "Logger Id '%s' does not exist", id.Name())
	}
	if err != nil {
		return err
	}
	next.Props().Set("loggerId", d.ID.String())
	return nil
}
