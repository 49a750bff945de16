// Package foreign says whom a token of another identity provider stands for, where a role check takes such tokens
// (gateway.md 13).
//
// The token has to be good by the issuer's own keys (package token: fetched behind the scenes, the last good ones serve), of
// exactly that issuer, for an audience of the setting, in force, and of the stated tenant. Then it stands for the principal
// here that is linked to it: the application or managed identity that holds a federated identity credential of exactly its
// issuer, subject and audience, as at the token endpoint; or, where the setting says so, the principal that a claim names by
// object ID or user principal name. Nobody is found by likeness. A subject that nobody stands for, or more than one, a
// principal that is disabled, and a token from before the end of the principal's sessions are refused.
//
// A link that is taken away counts from the next call on. What principals may is not decided here.
package foreign
