package apim

import "gatehouse/arm"

// workspaces hold entities of their own; the families are the same declarations.
func (p *provider) workspaces() *arm.Type {
	return entity(arm.Type{
		Segment: "workspaces", Noun: "Workspace", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Filter: searchable("name displayName description"),
		Model: arm.NewModel(`
			properties.displayName string required min=1
			properties.description string
		`),
		Hooks: arm.Hooks{Delete: dropConnections},
		Holds: []*arm.Type{
			p.apis(
				p.operations(hidden(operationTags())),
				hidden(apiTags()),
				diagnostics(),
			),
			versionSets(),
			backends(),
			certificates(),
			diagnostics(),
			groups(),
			loggers(),
			namedValues(),
			notifications(),
			p.policies(),
			policyFragments(),
			p.products(
				productAPILinks(),
				productGroupLinks(),
				hidden(productAPIs()),
				hidden(productGroups()),
				hidden(productTags()),
			),
			globalSchemas(),
			subscriptions(),
			tags(),
		},
	})
}
