package apim

import (
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// policyFragments are parts of policies that documents include (apim-control-plane.md 2.4).
func policyFragments() *arm.Type {
	return published("service/policyFragments", `
		properties.value  string required
		properties.format enum(xml|rawxml) default="xml"
	`, arm.Type{
		Noun: "PolicyFragment", Name: arm.NameRule{Max: 80, Pattern: `[\w]+|[\w][\w\-]+[\w]`},
		Hooks:   arm.Hooks{Check: checkFragment, Delete: fragmentFree, Show: showFragment},
		Actions: []arm.Action{{Name: "listReferences", Do: fragmentReferences}},
	})
}

func checkFragment(op *arm.Op, tx *store.Tx, old, next *arm.Resource) error {
	d, sku, err := writtenPolicy(op, tx, next, maxFragment)
	if err != nil {
		return err
	}
	a := &reach{op: op, r: tx, of: next.ID}
	env := policy.Env{InWorkspace: inWorkspace(next.ID), SKU: sku, Exists: a.exists}
	faults, err := policy.Check(d, policy.Fragment, env)
	if err != nil {
		return err
	}
	if len(faults) == 0 {
		if faults, err = a.resolved(d, nil); err != nil {
			return err
		}
	}
	if len(faults) == 0 && old != nil {
		if faults, err = whereIncluded(op, tx, next.ID, d, sku); err != nil {
			return err
		}
	}
	return policyFaults(faults)
}

// whereIncluded checks a fragment against every document that includes it (gateway.md 5.3).
func whereIncluded(op *arm.Op, tx *store.Tx, id gatehouse.ID, fragment *policy.Document, sku string) ([]policy.Fault, error) {
	users, err := policyUsers(op, tx, id, policy.FragmentID, id.Name(), 0)
	if err != nil {
		return nil, err
	}
	checked := map[string]bool{}
	for _, u := range users {
		for _, ref := range u.document.References() {
			env := policy.Env{InWorkspace: inWorkspace(u.ID), SKU: sku, Section: ref.Section, Within: policyScope(u.Type)}
			key := fmt.Sprint(env.InWorkspace, env.Section, env.Within)
			if ref.Kind != policy.FragmentID || !strings.EqualFold(ref.Name, id.Name()) || checked[key] {
				continue
			}
			checked[key] = true
			if faults, err := policy.Check(fragment, policy.Fragment, env); err != nil || len(faults) > 0 {
				return faults, err
			}
		}
	}
	return nil, nil
}

func fragmentFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	return unused(op, tx, old.ID, policy.FragmentID, "Policy Fragment", old.ID.Name())
}

func showFragment(op *arm.Op, r *arm.Resource, out *jsondoc.Object) {
	showPolicy(op, r, out)
	out.SetPath("properties.provisioningState", "Succeeded")
}

// fragmentReferences lists the policies that include a fragment, by ID alone: those that the caller may read.
func fragmentReferences(op *arm.Op) (*arm.Answer, error) {
	r, err := op.Existing()
	if err != nil {
		return nil, err
	}
	users, err := policyUsers(op, op.Store(), r.ID, policy.FragmentID, r.ID.Name(), 0)
	if err != nil {
		return nil, err
	}
	var resources []*arm.Resource
	for _, u := range users {
		if op.Can(u.Type+"/read", u.ID) {
			resources = append(resources, u.Resource)
		}
	}
	return op.PageOf(resources, func(u *arm.Resource) *jsondoc.Object {
		return object("id", u.ID.String(), "type", u.Type, "name", u.ID.Name())
	})
}
