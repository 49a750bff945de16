// Package policy reads and checks policy documents of API Management: the XML-like
// text in which sections hold policies, and attributes and text hold C# expressions.
//
// Parse makes an immutable tree with the place of everything in it; the tree prints
// itself in both forms that clients write, xml and rawxml. Check compares it with what
// is known of every policy. It knows no documents of the management plane: what a policy
// refers to is asked of an Env. Expressions are compiled by package policy/expr; those
// that hold named values by CheckResolved, once the values are known.
package policy

//go:generate go run ./gen
