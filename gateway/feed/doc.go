// Package feed makes gateway configuration out of what the store holds, keeps it up to date
// inside each commit. Secrets are unsealed here and nowhere else on the way to a gateway.
//
// It promises: what was committed counts before its writer is answered, so a key that was
// revoked opens nothing from the next call on; the configuration after any changes equals one read
// anew; a document that cannot be read is left out, and where it was meant to restrict, it restricts
// more, never less. It leaves to others: what configuration means for a call (gateway), and who
// may change it (arm).
package feed
