package main

import (
	"context"
	"fmt"
	"io"

	"gatehouse"
	"gatehouse/demo"
)

// demoPassword is that of the demo's people. They exist only where --demo was asked for.
const demoPassword = "Contoso-Demo-2026"

// seedDemo makes the demo's world once. What somebody changes or deletes in it stays so.
func (a *app) seedDemo(ctx context.Context, b *bootstrap, publicURL string) error {
	if done, err := demo.Complete(ctx, a.store, b.SubscriptionID); done || err != nil {
		return err
	}
	client, err := gatehouse.ParseGUID(b.ClientID)
	if err != nil {
		return err
	}
	principal, ok := a.dir.ServicePrincipalByAppID(client)
	if !ok {
		return fmt.Errorf("the bootstrap service principal was deleted, so the demo cannot be seeded: start over an empty directory")
	}
	arm, _, err := a.entra.Issue(ctx, principal, publicURL, "operator")
	if err != nil {
		return err
	}
	graph, _, err := a.entra.Issue(ctx, principal, a.entra.GraphAudiences()[0], "operator")
	if err != nil {
		return err
	}
	return demo.Seed(ctx, demo.World{Handler: a.mux, ARMToken: arm, GraphToken: graph, Subscription: b.SubscriptionID, Domain: domain, Password: demoPassword})
}

// tryThese prints commands that show what the demo is about.
func (c *serveConfig) tryThese(out io.Writer, at string) {
	fmt.Fprintf(out, "\nThe demo: %s holds four APIs; people sign in with %q.\n", demo.Service, demoPassword)
	for _, p := range demo.People {
		fmt.Fprintf(out, "  %-6s %s\n", p.Login, p.Title)
	}
	fmt.Fprintf(out, `
Try in another terminal:
  %[5]s az%[1]s -- role assignment list --all -o table
  %[5]s az%[1]s -- role definition list --custom-role-only -o table
  %[5]s az%[1]s -- apim api list -g %[2]s -n %[3]s -o table
  %[5]s audit list%[1]s
  eval "$(%[5]s env%[1]s)" && curl -i --cacert "$GATEHOUSE_CA_FILE" -H "Authorization: Bearer $(%[5]s token%[1]s --calls --as grace@%[4]s)" "$GATEHOUSE_GATEWAY/pay/"
  eval "$(%[5]s env%[1]s)" && curl --cacert "$GATEHOUSE_CA_FILE" -H "Authorization: Bearer $(%[5]s token%[1]s --as ada@%[4]s)" -X DELETE "$GATEHOUSE_ARM/subscriptions/$SUBSCRIPTION_ID/resourceGroups/%[2]s/providers/Microsoft.ApiManagement/service/%[3]s/apis/orders?api-version=2022-08-01"
`, at, demo.Group, demo.Service, domain, calledAs())
}
