// Package resources is what Azure Resource Manager itself answers for:
// Microsoft.Resources (tenants, subscriptions, resource groups, resource lists,
// tags, providers, deployments), Microsoft.Management (management groups), the
// resource locks of Microsoft.Authorization, and the empty lists that az asks for
// beside them.
//
// It promises that a caller sees subscriptions and groups in which it has a role and
// no others (rbac.md 5.2), that a lock holds for every provider's resources, that
// the management group tree stays a tree, and that whatever a template deployment
// writes its caller could have written. Evaluating templates is package template;
// roles and assignments are provider/authorization.
package resources
