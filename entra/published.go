package entra

import (
	"crypto/rsa"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// PublicKeys returns the keys that tokens of this tenant are signed with at this moment, by kid. The pointers stay the
// same for as long as a key does; the map is the receiver's.
func (s *Server) PublicKeys() map[string]*rsa.PublicKey {
	keys := map[string]*rsa.PublicKey{}
	for _, key := range s.keys.set.Load().keys {
		keys[key.kid] = &key.private.PublicKey
	}
	return keys
}

// KeysVersion is another value, by ==, whenever PublicKeys returns other keys. Asking costs nothing.
func (s *Server) KeysVersion() any { return s.keys.set.Load() }

// microsoftHosts are where documents that were written for Azure look for a tenant.
const microsoftHosts = " login.microsoftonline.com login.windows.net sts.windows.net "

// Publishes reports whether an address is that of this tenant's OpenID configuration: at this server, or where Microsoft
// would publish it for this tenant's ID or domains, since documents for Azure name those (gateway.md 9.3).
func (s *Server) Publishes(address string) bool {
	return PublishedAt(address, s.host(), append([]string{s.tenant}, s.cfg.Domains...)...)
}

// PublishedAt is Publishes for a server on a host whose tenant has these names: its ID, and its domains.
func PublishedAt(address, host string, tenants ...string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return false
	}
	tenant, rest, _ := strings.Cut(clean(u.Path), "/")
	if rest != "v2.0/.well-known/openid-configuration" && rest != ".well-known/openid-configuration" {
		return false
	}
	known := slices.ContainsFunc(tenants, func(one string) bool { return gatehouse.Fold(one) == tenant })
	everybody := tenant == "common" || tenant == "organizations" || tenant == "adfs" // at Microsoft's hosts not only this tenant
	if strings.EqualFold(u.Host, host) {
		return known || everybody
	}
	return strings.Contains(microsoftHosts, " "+gatehouse.Fold(u.Host)+" ") && known && !everybody
}

// Withdrawn says why a token of a principal counts no more although it is in force, "" when it does: the principal is
// gone or disabled, or its sessions were ended after the token was issued.
func (s *Server) Withdrawn(principal gatehouse.GUID, issued time.Time) string {
	p, ok := s.dir.Principal(principal)
	switch {
	case !ok || !p.Enabled:
		return "The principal of the token does not exist any more or is disabled."
	case issued.Before(p.ValidFrom.Truncate(time.Second)):
		return "The token has been revoked: the sessions of its principal were ended after it was issued."
	}
	return ""
}
