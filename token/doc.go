// Package token verifies JSON Web Tokens that others issued, for the policies
// that let a call through by its token (gateway.md 9).
//
// A Verifier checks a token against Requirements: signature or decryption under
// the keys of the requirements alone, then issuer, audience, lifetime and
// claims. It refuses with a Fault, which carries the reason and message that
// policies show. Signatures are remembered by the token's digest together with
// the key that made them, so the repeated check of a token costs no public key
// operation; everything that depends on the time or on the requirements is
// checked each time.
//
// What it promises about keys: the algorithm follows from the kind of key and is
// never the token's choice between kinds; keys are never taken from the token;
// published keys are refreshed behind the scenes, and the last good ones serve
// while their address cannot be reached.
//
// Who may do what, and tokens that this server issued, are package entra's and
// guard's business; published keys of the own tenant come from memory through
// Config.Local.
package token
