// Package arm is the Azure Resource Manager wire: it resolves a request to an
// operation of a declared resource type, authorizes it, and runs the verb.
//
// A resource type is a declaration (Type), not code. From it follow routes, RBAC
// actions, validation, ETags, paging, filters, masking of secrets, values that have
// to be unique, status codes and the list of operations. What is not data is a hook, a plain typed function.
// Calls that are no resource type (checkNameAvailability, lists across types) are
// declared as a Call and pass through the same pipeline.
//
// The pipeline is one function, (*Server).serve: correlation, authentication,
// resolve, api-version, subscription, authorization, handler. Authorization comes
// before anything is loaded and has no off switch; only the step that authorized
// hands an Op to a handler, and the store accepts writes only with the cause that
// an Op carries.
//
// Facts: rbac.md sections 2 and 5, clients.md section 4, apim-control-plane.md part 1.
package arm
