// Package bench measures the engine beside others on the same work: one hundred
// thousand role assignments, scopes eight levels deep, callers in ten groups counting
// nested ones. It is a module of its own, so that nothing of the others becomes a
// dependency of the product.
//
// All are asked the same questions and have to answer alike. Casbin has no index and
// reads every assignment; Cedar is given only the policies of the caller and its
// groups, as its authors advise.
package bench
