package cond

import "testing"

func TestSmoke(t *testing.T) {
	c, err := Parse("((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals{00482a5a-887f-4fb3-b363-3b7fe8e74483, a4417e6ffecd4de8b5677b0420556985})) AND Exists @Resource[x]")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(c.String())
}
