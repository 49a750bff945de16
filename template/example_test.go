package template_test

import (
	"fmt"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/template"
)

func Example() {
	doc, err := jsondoc.ParseObject([]byte(`{
		"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0",
		"parameters": {"service": {"type": "string"}},
		"resources": [
			{"type": "Microsoft.ApiManagement/service/apis", "apiVersion": "2024-05-01", "name": "[concat(parameters('service'), '/calculator')]",
			 "properties": {"path": "calc", "displayName": "[toUpper('calculator')]"}},
			{"type": "Microsoft.ApiManagement/service", "apiVersion": "2024-05-01", "name": "[parameters('service')]", "location": "westeurope"}
		]}`))
	if err != nil {
		panic(err)
	}
	parsed, err := template.Parse(doc)
	if err != nil {
		panic(err)
	}
	plan, err := parsed.Plan(
		jsondoc.NewObject("service", jsondoc.NewObject("value", "apim")),
		template.Env{Scope: gatehouse.MustID("/subscriptions/s/resourceGroups/rg")})
	if err != nil {
		panic(err)
	}
	for _, step := range plan.Steps {
		body, err := step.Preview()
		fmt.Printf("%s/%s after %v: %s %v\n", step.Type, step.Name, step.DependsOn, jsondoc.Marshal(body), err)
	}
	// Output:
	// Microsoft.ApiManagement/service/apim after []: {"location":"westeurope"} <nil>
	// Microsoft.ApiManagement/service/apis/apim/calculator after [0]: {"properties":{"path":"calc","displayName":"CALCULATOR"}} <nil>
}
