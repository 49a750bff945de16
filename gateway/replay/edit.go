package replay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/gateway/config"
	"gatehouse/policy"
	"gatehouse/world"
)

// Edits are what somebody would change of a configuration.
type Edits struct {
	of     *config.Config
	put    map[config.Key]config.Entity
	gone   map[config.Key]bool
	Edited []config.Key // holders of policies that are new
}

// NewEdits begins edits of a configuration, which itself never changes.
func NewEdits(of *config.Config) *Edits {
	return &Edits{of: of, put: map[config.Key]config.Entity{}, gone: map[config.Key]bool{}}
}

// Config is the configuration as it would be.
func (e *Edits) Config() *config.Config {
	c := config.New(e.of.Update())
	u := &config.Update{Service: e.of.Service.Resource, Revision: e.of.Revision}
	for _, one := range e.put {
		u.Put = append(u.Put, one)
	}
	for k := range e.gone {
		u.Delete = append(u.Delete, k)
	}
	c.Apply(u)
	return c
}

func (e *Edits) set(id string, one config.Entity) {
	one.SetID(id)
	delete(e.gone, one.Key())
	e.put[one.Key()] = one
}

func (e *Edits) drop(k config.Key) {
	delete(e.put, k)
	e.gone[k] = true
}

// singular are families as people may call one of their members.
var singular = map[string]string{"api": "apis", "operation": "operations", "product": "products", "workspace": "workspaces", "resolver": "resolvers"}

// Holder is the entity that a scope means: "global" for the service, else families and names such as api/orders or
// apis/orders/operations/get. It has to be there.
func (e *Edits) Holder(scope string) (config.Key, error) {
	text := strings.Trim(scope, "/")
	if text == "" || gatehouse.EqualFold(text, "global") || gatehouse.EqualFold(text, "service") {
		return "", nil
	}
	parts := strings.Split(text, "/")
	if len(parts)%2 != 0 {
		return "", fmt.Errorf("%q is no scope of a policy: write global, api/NAME, api/NAME/operation/NAME, product/NAME or workspace/NAME/api/NAME", scope)
	}
	k := config.Key("")
	for i := 0; i < len(parts); i += 2 {
		family := gatehouse.Fold(parts[i])
		if many := singular[family]; many != "" {
			family = many
		}
		k = k.Child(family, parts[i+1])
	}
	if !e.exists(k) {
		return k, gatehouse.Errorf(gatehouse.NotFound, "ResourceNotFound", "The service %s has no %s.", e.of.Service.ServiceName(), strings.TrimPrefix(string(k), "/"))
	}
	return k, nil
}

func (e *Edits) exists(k config.Key) bool {
	for one := range e.of.All() {
		if one.Key() == k {
			return policyScope(k) != 0
		}
	}
	return false
}

// policyScope is the scope of the documents of a holder, 0 for one that has none.
func policyScope(k config.Key) policy.Scope {
	if k == "" {
		return policy.Global
	}
	parts := strings.Split(string(k), "/")
	switch parts[len(parts)-2] {
	case "workspaces":
		return policy.Workspace
	case "products":
		return policy.Product
	case "apis":
		return policy.API
	case "operations":
		return policy.Operation
	case "resolvers":
		return policy.Resolver
	}
	return 0
}

// Policy puts a document in the place of that of a scope; an empty text takes it away. A document that could not be saved is
// refused.
func (e *Edits) Policy(scope, text string) error {
	k, err := e.Holder(scope)
	if err != nil {
		return err
	}
	if strings.TrimSpace(text) == "" {
		e.drop(k + "/policies/policy")
		return nil
	}
	format, d, err := parse(text)
	if err != nil {
		return fmt.Errorf("the policy of %s: %w", name(k), err)
	}
	env := policy.Env{InWorkspace: k.Workspace() != "", SKU: e.of.Service.SKU.Name}
	if o, ok := e.of.Operations.Get(k); ok {
		env.Template = o.URLTemplate
	}
	if err := checked(d, policyScope(k), env); err != nil {
		return fmt.Errorf("the policy of %s: %w", name(k), err)
	}
	e.set(string(k)+"/policies/policy", &config.Policy{Format: format.String(), Value: text})
	e.Edited = append(e.Edited, k)
	return nil
}

// parse reads a document in the form that it is in: XML when it is well-formed, else the form in which expressions stand as they are.
func parse(text string) (policy.Format, *policy.Document, error) {
	if d, err := policy.Parse(text, policy.XML); err == nil {
		return policy.XML, d, nil
	}
	d, err := policy.Parse(text, policy.Raw)
	return policy.Raw, d, err
}

func checked(d *policy.Document, scope policy.Scope, env policy.Env) error {
	faults, err := policy.Check(d, scope, env)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range faults {
		errs = append(errs, f)
	}
	return errors.Join(errs...)
}

// Fragment puts a policy fragment in the place of that with an id, which may be new; an empty text takes it away.
func (e *Edits) Fragment(id, text string) error {
	k := config.Key("").Child("policyFragments", id)
	if strings.TrimSpace(text) == "" {
		e.drop(k)
		return nil
	}
	format, d, err := parse(text)
	if err == nil {
		err = checked(d, policy.Fragment, policy.Env{SKU: e.of.Service.SKU.Name})
	}
	if err != nil {
		return fmt.Errorf("the fragment %s: %w", id, err)
	}
	e.set("/policyFragments/"+id, &config.Fragment{Format: format.String(), Value: text})
	return nil
}

// NamedValue gives a named value, by its display name, another text. One that there is stays as secret as it is.
func (e *Edits) NamedValue(name, text string) error {
	for v := range e.of.NamedValues.All() {
		if v.DisplayName == name && v.Key().Workspace() == "" {
			next := *v
			next.Value, next.Missing = text, false
			e.set(v.ID, &next)
			return nil
		}
	}
	e.set("/namedValues/"+name, &config.NamedValue{DisplayName: name, Value: text, Secret: true})
	return nil
}

// RoleCheck sets the mode of the role check of the service, a product or an API.
func (e *Edits) RoleCheck(scope, mode string) error {
	k, err := e.Holder(scope)
	if err != nil {
		return err
	}
	if mode = strings.ToLower(mode); !slices.Contains([]string{config.Enforce, config.Audit, config.Off}, mode) {
		return fmt.Errorf("the mode of a role check is %s, %s or %s; it is %q", config.Enforce, config.Audit, config.Off, mode)
	}
	if of := policyScope(k); of != policy.Global && of != policy.API && of != policy.Product {
		return fmt.Errorf("the service, products and APIs have role checks, %s has none", name(k))
	}
	next := config.RoleCheck{}
	id := string(k) + "/roleChecks/default"
	for _, have := range e.of.RoleChecks.Below(k) {
		next, id = *have, have.ID
	}
	next.Mode = mode
	e.set(id, &next)
	return nil
}

// Assign adds a role assignment to a world, which itself is not changed.
func Assign(w *world.World, principal, role gatehouse.GUID, scope gatehouse.ID) *world.World {
	next := *w
	next.Assignments = append(slices.Clone(w.Assignments), world.Assignment{Description: "would be assigned",
		RoleAssignment: gatehouse.RoleAssignment{ID: gatehouse.NewGUID(), Scope: scope.Scope(), Principal: principal, Role: role}})
	return &next
}

// Remove takes the role assignments away that which says; the number of them comes with the new world.
func Remove(w *world.World, which func(world.Assignment) bool) (*world.World, int) {
	next := *w
	next.Assignments = slices.DeleteFunc(slices.Clone(w.Assignments), which)
	return &next, len(w.Assignments) - len(next.Assignments)
}
