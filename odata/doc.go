// Package odata reads the query options that ARM and Microsoft Graph share:
// $filter, $orderby, $top, $skip, $skiptoken, $select, $expand and $count.
//
// It promises that no input crashes it or makes it work without bound, that an
// error names the place (line and column) and what would be accepted there, and
// that the text of a parsed filter parses to the same filter again. It knows no
// resource: which fields may be named is a list that the caller gives (Rules), and
// what a field holds comes from a function (Env.Lookup).
//
// The language is the part of OData 4 URL conventions (5.1.1) that Azure documents,
// plus what its clients really send: values without quotes (resourceProvider eq
// Microsoft.Authorization, clients.md 7), substringof(text, field) of OData 2,
// and ARM's functions without a field such as atScope() (rbac.md 6).
package odata
