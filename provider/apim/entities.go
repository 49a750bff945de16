package apim

import "gatehouse/arm"

func tags() *arm.Type {
	return entity(arm.Type{
		Segment: "tags", Noun: "Tag", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Filter: searchable("name displayName"),
		Model: arm.NewModel(`properties.displayName string required min=1 max=160`),
	})
}

// workspaces hold entities of their own; the families are the same declarations.
func workspaces() *arm.Type {
	return entity(arm.Type{
		Segment: "workspaces", Noun: "Workspace", Name: arm.NameRule{Max: 80, Pattern: namePattern}, Filter: searchable("name displayName description"),
		Model: arm.NewModel(`
			properties.displayName string required min=1
			properties.description string
		`),
		Holds: []*arm.Type{
			apis(),
			versionSets(),
			namedValues(),
			policies(),
			products(),
			subscriptions(),
			tags(),
		},
	})
}
