// Package config is the gateway configuration: what a gateway has to know of one API
// Management service, as plain values that go over the wire as JSON. A Config is all entities
// of a service at a revision; an Update is what changed since. Package feed makes both out of
// stored documents, package gateway compiles them.
//
// It promises: an Entity never changes once it is in a Config, an Update puts another in its
// place, so readers may keep what they got; a Config after its Updates equals one read anew. It
// leaves to others: what is allowed to be stored (provider/apim), and what any of it means for a call.
//
// Configurations hold secrets in the clear: keys of subscriptions, values of named values,
// certificates with their private keys. Whoever writes one anywhere seals it.
package config
