// Package admit decides whether a call of an API may go on: who makes it, and
// whether role assignments allow it (gateway.md 13). A Gate is the
// identity-aware part of a gateway; it knows neither routes nor policies.
//
// The identity is a bearer token, the session cookie of a browser that signed
// in here, or a client certificate. The Authority says who that is and what they
// may do, at this moment: nothing it says is remembered here, so that a revoked
// role, token or session counts from the next call on. When the Authority cannot
// be asked the call is refused (503); no outcome of a mistake is "allowed".
//
// A browser session is a sealed cookie (AES-GCM) that holds the access token
// itself, so that it ends with the token. It does not count for requests that
// another site made a browser send.
//
// The identity is passed on to backends as a short-lived token signed by the
// gateway (Signer). What callers send under that name is dropped.
package admit
