// Package remote connects gateways in other processes and places with the management node: configuration
// one way, what was counted and traced the other, and questions about identities and rights.
//
// A Node is the management side. It gives a gateway what that serves and no more, and what changed since, and
// answers whether a caller may. A Remote is the gateway's side: a source of configuration like a
// feed.Feed, and an authority.
//
// A gateway proves itself by the token that generateToken made with one of its keys, or by a token of the
// identity provider whose holder has the data action
// Microsoft.ApiManagement/service/gateways/getConfiguration/action on the gateway. The name "managed" stands for the
// whole service; it has no keys, so that only the second way leads there.
//
// It promises: a change is told to gateways at once, so that they follow within the time of a round trip; without
// the management node a gateway serves what it knew last, also after a restart; what the node said about identities
// and rights counts until rights change, and not at all once the node has not been heard of for
// Config.Staleness: then the answer is an error, never "allowed". Secrets on disk are sealed.
package remote
