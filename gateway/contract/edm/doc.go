// Package edm reads the metadata of an OData 4 service (CSDL as XML) and checks the addresses of requests against it: what
// the path leads to, whether the method suits it, and the system query options with the names and literals in them.
//
// It follows the URL conventions and the ABNF of OData 4.0 and 4.01. What it does not understand it refuses with the rule
// Unsupported: $batch (it would have to look into each part), $all, $crossjoin, $entity, $root, $this, $query, $each, $apply,
// $compute, $index, keys as segments, references to other documents. It does not look at bodies, and of the types of operands
// it only knows which have to be truth values.
//
// Checks are bounded by the length of an address and by how deep it nests; each reads its text once.
package edm
