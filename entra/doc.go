// Package entra signs people and programs in and issues the tokens that every
// other wire asks for, in the shapes of Microsoft Entra ID, so that unmodified
// clients (az, Terraform, the Azure SDKs) find what they expect (clients.md 2, 3 and 6).
//
// It promises:
//   - One public URL, given in Config, is the origin of every address and issuer it
//     names, whatever host name a request came by.
//   - A token is issued only for a principal that exists and is enabled, and
//     Authenticate refuses it from the moment that it is not, because the directory
//     index is brought up to date inside the store's commit.
//   - Only RS256 under a key of this server is accepted on access tokens.
//   - No secret, password, assertion or token is logged, stored in the clear or
//     repeated in an error.
//
// It leaves authorization to guard, the directory's shapes to directory, and the
// objects' wire to graph.
//
// # Refresh tokens
//
// Refresh tokens rotate: each is good for one redemption and answers with its
// successor. A token that is used again after Config.RefreshGrace ends its whole
// family, for somebody has a copy. Within the grace it is answered again, because
// az run twice at the same time redeems the same cached token in both processes.
// A user's signInSessionsValidFromDateTime ends all that was issued before it:
// sessions, refresh tokens and access tokens. Client secrets that are removed do not
// end tokens that they were exchanged for, as in Entra.
//
// # What a token opens
//
// This server's own URL stands for ARM and for Graph. A token for it that asks for
// less than .default or user_impersonation gets Graph's public resource ID as its
// audience and does not open ARM. Applications that are registered in the directory
// ask the user once for each set of permissions, and their refresh tokens are good
// for what was allowed; the first-party ones (az, PowerShell, Config.Clients) do not ask.
//
// # Guessing
//
// Wrong passwords are counted by account and address, by account, and by address,
// before they are checked; each has its own limit and growing pauses, so that an
// attacker elsewhere does not lock a person out where they usually are. Unknown
// users are treated alike in every way that shows. Addresses are those of the
// connection: behind a proxy all of them are the proxy's, and its own limits count.
//
// # Signing keys
//
// A key is published three days before it signs and stays published until its last
// token has expired for a day. RotateKeys makes the next one early.
//
// # Managed identities
//
// Programs on this machine get tokens of managed identities from a listener of
// their own (Imds), plain HTTP on the loopback interface. Entra's protection there is
// the network: whoever runs on a virtual machine may act as its identity. A
// developer's machine has no such border, so this server asks for more:
//
//   - The App Service form (IDENTITY_ENDPOINT with X-IDENTITY-HEADER) and the old
//     MSI form (MSI_ENDPOINT) need the secret that Config.IdentitySecret holds, in the
//     header or, for clients that send no header, in the path (IdentityPath). The
//     secret is kept in the data directory for its owner only; who can read it could
//     read the database's key as well, so it may name any managed identity, or, when
//     Config.Identities is set, any of those.
//   - The plain form (169.254.169.254's /metadata/identity/oauth2/token) has no
//     secret: it serves the identities of Config.Identities and nothing when that is empty.
//
// Without a selector the first of Config.Identities is meant, or the only managed
// identity there is. All forms refuse X-Forwarded-For, host names other than loopback
// ones (a web page could otherwise rebind its own name to this address), and
// requests without their header. Identities that are marked by the directory as
// disabled get no token, like any principal.
package entra
