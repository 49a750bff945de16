package resources_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/provider/resources"
	"gatehouse/store"
)

const schema = `"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "contentVersion": "1.0.0.0"`

func deploymentURL(name string) string {
	return armtest.GroupID().String() + "/providers/Microsoft.Resources/deployments/" + name
}

const version = "?api-version=2021-04-01"

// Nothing that a secure parameter holds is stored or logged in the clear.
func TestSecureParametersAreNotKept(t *testing.T) {
	w := armtest.Start(t, build(t))
	const secret = "correct-horse-battery"
	body := fmt.Sprintf(`{"properties": {"mode": "Incremental", "parameters": {"s": {"value": %q}, "o": {"value": {"inner": %q}}}, "template": {%s,
		"parameters": {"s": {"type": "secureString"}, "o": {"type": "secureObject"}},
		"resources": [
			{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "w", "location": "x", "properties": {"key": "[parameters('s')]"}},
			{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "v", "location": "x", "properties": {"size": "[parameters('o').inner]"}},
			{"type": "Microsoft.Resources/deployments", "apiVersion": "2021-04-01", "name": "n", "properties": {"mode": "Incremental",
				"expressionEvaluationOptions": {"scope": "inner"}, "parameters": {"p": {"value": "[parameters('s')]"}},
				"template": {%s, "parameters": {"p": {"type": "secureString"}}, "resources": [
					{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "u", "location": "x", "properties": {"key": "[parameters('p')]"}}]}}}],
		"outputs": {"shown": {"type": "secureString", "value": "[parameters('s')]"}}}}}`, secret, secret, schema, schema)
	if a := w.Do("owner", "PUT", deploymentURL("d")+version, nil, body); a.Code != 201 {
		t.Fatal(a.Code, a.Body)
	}
	key := w.Do("owner", "POST", armtest.GroupID().String()+"/providers/Contoso.Widgets/widgets/u/listKeys"+version, nil, "")
	if !strings.Contains(key.Body.String(), secret) {
		t.Errorf("the secret did not reach the nested widget: %s", key.Body)
	}
	page, err := w.Store.List(t.Context(), store.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range page.Documents {
		if strings.Contains(string(d.Body), secret) {
			t.Errorf("%s holds the secret: %s", d.ID, d.Body)
		}
	}
	for record, err := range w.Store.Records(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(record.Body), secret) {
			t.Errorf("change %d holds the secret: %s", record.Seq, record.Body)
		}
	}
}

// A deployment that a stopped server left running is failed at the next start.
func TestInterruptedDeploymentFails(t *testing.T) {
	w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		w.Put(t, &store.Document{ID: gatehouse.MustID(deploymentURL("cut")), Type: "Microsoft.Resources/deployments",
			Body: []byte(`{"properties":{"mode":"Incremental","provisioningState":"Running"}}`)})
		return build(t)(w)
	})
	a := w.Do("owner", "GET", deploymentURL("cut")+version, nil, "")
	o, err := jsondoc.ParseObject(a.Body.Bytes())
	if err != nil || o.String("properties.provisioningState") != "Failed" || o.String("properties.error.code") != "DeploymentInterrupted" {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// interfering is the widgets provider with something that happens while a deployment writes the widget called stop.
func interfering(t *testing.T, do func(w *armtest.World)) *armtest.World {
	var world *armtest.World
	world = armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(context.Background(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		p := widgets()
		changed := *widget
		changed.Hooks.Links = func(op *arm.Op, _ *jsondoc.Object) ([]arm.LinkedAccess, error) {
			if op.ID.Name() == "stop" {
				do(world)
			}
			return nil, nil
		}
		p.Mounts[0].Types = []*arm.Type{&changed}
		return append(providers, p)
	})
	return world
}

func stopTemplate() string {
	return `{"properties": {"mode": "Incremental", "template": {` + schema + `, "resources": [
		{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "stop", "location": "x", "properties": {}},
		{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "later", "location": "x", "dependsOn": ["stop"], "properties": {}}]}}}`
}

func TestCancelStopsBeforeTheNextResource(t *testing.T) {
	w := interfering(t, func(w *armtest.World) {
		if a := w.Do("owner", "POST", deploymentURL("d")+"/cancel"+version, nil, ""); a.Code != 204 {
			t.Errorf("cancel: %d %s", a.Code, a.Body)
		}
	})
	w.Do("owner", "PUT", deploymentURL("d")+version, nil, stopTemplate())
	if a := w.Do("owner", "GET", deploymentURL("d")+version, nil, ""); !strings.Contains(a.Body.String(), `"Canceled"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
	if a := w.Do("owner", "GET", armtest.GroupID().String()+"/providers/Contoso.Widgets/widgets/later"+version, nil, ""); a.Code != 404 {
		t.Errorf("the second widget was written after cancel: %d", a.Code)
	}
}

func TestRunningDeploymentIsLeftAlone(t *testing.T) {
	w := interfering(t, func(w *armtest.World) {
		for _, method := range []string{"PUT", "DELETE"} {
			body := ""
			if method == "PUT" {
				body = `{"properties": {"mode": "Incremental", "template": {` + schema + `, "resources": []}}}`
			}
			if a := w.Do("owner", method, deploymentURL("d")+version, nil, body); a.Code != 409 || !strings.Contains(a.Body.String(), "DeploymentActive") {
				t.Errorf("%s: %d %s", method, a.Code, a.Body)
			}
		}
	})
	if a := w.Do("owner", "PUT", deploymentURL("d")+version, nil, stopTemplate()); a.Code != 201 || !strings.Contains(a.Body.String(), `"Succeeded"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// A right that is withdrawn while a deployment runs does not count for the rest of it.
func TestRightsAreAskedForEveryResource(t *testing.T) {
	assignment := armtest.Assignment("/subscriptions/"+armtest.Subscription.String(), armtest.Bob, "b24988ac-6180-42a0-ab88-20f7382dd24c")
	w := interfering(t, func(w *armtest.World) {
		_, err := w.Store.Write(context.Background(), gatehouse.Cause{Caller: gatehouse.Caller{ID: armtest.Owner}, Action: "test", Scope: "/", Operation: armtest.Tenant.String(), Correlation: armtest.Tenant.String()},
			func(tx *store.Tx) error { _, err := tx.Delete(assignment.Key()); return err })
		if err != nil {
			t.Error(err)
		}
	})
	w.Put(t, assignment)
	w.Do("bob", "PUT", deploymentURL("d")+version, nil, stopTemplate())
	if a := w.Do("owner", "GET", deploymentURL("d")+version, nil, ""); !strings.Contains(a.Body.String(), `"provisioningState":"Failed"`) {
		t.Errorf("the outcome was not recorded: %s", a.Body)
	}
	a := w.Do("owner", "GET", armtest.GroupID().String()+"/resources"+version, nil, "")
	if strings.Contains(a.Body.String(), "widgets/") {
		t.Errorf("something was written without a right: %s", a.Body)
	}
}

func TestCompleteModeKeepsNestedResources(t *testing.T) {
	w := armtest.Start(t, build(t))
	body := `{"properties": {"mode": "Complete", "template": {` + schema + `, "resources": [
		{"type": "Microsoft.Resources/deployments", "apiVersion": "2021-04-01", "name": "n", "properties": {"mode": "Incremental", "template": {` + schema + `, "resources": [
			{"type": "Contoso.Widgets/widgets", "apiVersion": "2026-01-01", "name": "kept", "location": "x", "properties": {}}]}}}]}}}`
	if a := w.Do("owner", "PUT", deploymentURL("d")+version, nil, body); a.Code != 201 {
		t.Fatal(a.Code, a.Body)
	}
	if a := w.Do("owner", "GET", armtest.GroupID().String()+"/providers/Contoso.Widgets/widgets/kept"+version, nil, ""); a.Code != 200 {
		t.Errorf("complete mode deleted what its nested deployment wrote: %d %s", a.Code, a.Body)
	}
}

func TestSeedCanBeRepeated(t *testing.T) {
	w := armtest.Start(t, build(t))
	start := resources.Start{Tenant: armtest.Tenant, TenantName: "Changed", Domain: "x.test", Subscription: gatehouse.NewGUID(), SubscriptionName: "New"}
	cause := gatehouse.Cause{Caller: gatehouse.Caller{ID: armtest.Owner}, Action: "seed", Scope: "/", Operation: armtest.Tenant.String(), Correlation: armtest.Tenant.String()}
	for range 2 {
		if _, err := w.Store.Write(t.Context(), cause, func(tx *store.Tx) error { return resources.Seed(t.Context(), tx, start) }); err != nil {
			t.Fatal(err)
		}
	}
	a := w.Do("owner", "GET", "/tenants"+version, nil, "")
	if !strings.Contains(a.Body.String(), "Contoso") {
		t.Errorf("the tenant was overwritten: %s", a.Body)
	}
	a = w.Do("owner", "GET", "/subscriptions/"+start.Subscription.String()+version, nil, "")
	if a.Code != 200 || !strings.Contains(a.Body.String(), `"New"`) {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// Locks hold again after a restart, and one that cannot be read forbids everything.
func TestLocksAreReadAtStart(t *testing.T) {
	w := armtest.Start(t, func(w *armtest.World) []*arm.Provider {
		w.Put(t, &store.Document{ID: armtest.GroupID().Extension("Microsoft.Authorization", "locks", "odd"), Type: "Microsoft.Authorization/locks", Body: []byte(`{"properties":{"level":"ReadOnly"}}`)})
		return build(t)(w)
	})
	a := w.Do("owner", "PUT", armtest.GroupID().String()+"/providers/Contoso.Widgets/widgets/w"+version, nil, `{"location": "x"}`)
	if a.Code != 409 || !strings.Contains(a.Body.String(), "ScopeLocked") {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

// The tree of management groups is at most six levels below the root group.
func TestManagementGroupDepth(t *testing.T) {
	w := armtest.Start(t, build(t))
	parent := "/providers/Microsoft.Management/managementGroups/" + armtest.Tenant.String()
	for level := 1; level <= 7; level++ {
		id := fmt.Sprintf("/providers/Microsoft.Management/managementGroups/level%d", level)
		a := w.Do("owner", "PUT", id+version, nil, fmt.Sprintf(`{"properties": {"details": {"parent": {"id": %q}}}}`, parent))
		if want := map[bool]int{true: 200, false: 400}[level <= 6]; a.Code != want {
			t.Errorf("level %d: %d %s", level, a.Code, a.Body)
		}
		parent = id
	}
	if a := w.Do("owner", "PUT", "/providers/Microsoft.Management/managementGroups/side"+version, nil, "{}"); a.Code != 200 {
		t.Fatal(a.Code, a.Body)
	}
	a := w.Do("owner", "PATCH", "/providers/Microsoft.Management/managementGroups/level1"+version, nil, `{"parentGroupId": "/providers/Microsoft.Management/managementGroups/side"}`)
	if a.Code != 400 || !strings.Contains(a.Body.String(), "MaxHierarchyDepthExceeded") {
		t.Errorf("a tall tree was moved one level down: %d %s", a.Code, a.Body)
	}
}

// Moving a group below one where the mover has more rights needs the right to assign roles on what is moved.
func TestMoveIsNoWayToGainAccess(t *testing.T) {
	w := armtest.Start(t, build(t))
	const base = "/providers/Microsoft.Management/managementGroups/"
	for _, name := range []string{"mine", "theirs"} {
		if a := w.Do("owner", "PUT", base+name+version, nil, "{}"); a.Code != 200 {
			t.Fatal(a.Code, a.Body)
		}
	}
	w.Put(t, armtest.Assignment(base+"mine", armtest.Alice, "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
		armtest.Assignment(base+"theirs", armtest.Alice, "5d58bcaf-24a5-4b20-bdb6-eed9f69fbe4c")) // Management Group Contributor
	a := w.Do("alice", "PATCH", base+"theirs"+version, nil, `{"parentGroupId": "`+base+`mine"}`)
	if a.Code != 403 || !strings.Contains(a.Body.String(), "LinkedAuthorizationFailed") {
		t.Errorf("alice moved a group to where she is owner: %d %s", a.Code, a.Body)
	}
	w.Do("owner", "PUT", base+"theirs/subscriptions/"+armtest.Other.String()+version, nil, "")
	a = w.Do("alice", "PUT", base+"mine/subscriptions/"+armtest.Other.String()+version, nil, "")
	if a.Code != 403 || !strings.Contains(a.Body.String(), "LinkedAuthorizationFailed") {
		t.Errorf("alice moved a subscription to where she is owner: %d %s", a.Code, a.Body)
	}
}
