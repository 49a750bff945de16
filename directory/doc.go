// Package directory says how users, groups, applications, service principals and
// their credentials are kept in the store: where each document lives, which
// members of its body have a meaning to the server, what its sealed part holds,
// and an index that finds them by the names that people and clients use.
//
// It promises: documents written with its views can be read by entra and graph
// alike; secrets never stand in a body; an Index is up to date before the writer
// of a change is answered. It leaves to others who may write what (guard), the
// wire shapes (graph), sign-in (entra), and who is in which group (rbac).
//
// A body is Microsoft Graph's JSON of the object; members that no view names are
// kept by whoever edits the body. Views are read with encoding/json, so they match
// member names without case, as Graph does.
package directory
