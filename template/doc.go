// Package template evaluates Azure Resource Manager templates. It promises to be
// pure: a template, parameter values and an Env give a Plan, the resources to
// write in an order that respects their dependencies. What only a running
// deployment knows (reference, listKeys and the like) is asked of a Resolver when
// a Step's body or the Plan's outputs are wanted. Writing the resources, the
// deployment mode, and every right to do so are left to the caller.
//
// Errors are *gatehouse.Error in Azure's words with line and column of the
// template. No error shows the value of an expression, since a part of it may come
// from a secureString. What a Resolver returns as its error is passed on as it is.
package template
