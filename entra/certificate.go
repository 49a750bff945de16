package entra

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/directory"
)

// Certificate returns whose key credential a certificate is: of an application, then its service principal, or of a
// service principal itself. Whoever hands it in has to have seen the proof of its private key, as a TLS handshake is. The
// chain does not matter: what was registered is this very certificate.
//
// Errors are of kind Unauthenticated.
func (s *Server) Certificate(ctx context.Context, leaf *x509.Certificate) (*gatehouse.Caller, error) {
	now := s.now()
	if now.Before(leaf.NotBefore) || !now.Before(leaf.NotAfter) {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The client certificate is not within its validity.")
	}
	sum := sha1.Sum(leaf.Raw)
	var found []gatehouse.GUID
	for _, oid := range s.dir.ByCertificate(hex.EncodeToString(sum[:])) {
		principal, err := s.holder(ctx, oid, leaf)
		if err != nil {
			return nil, err
		}
		if !principal.IsZero() && !slices.Contains(found, principal) {
			found = append(found, principal)
		}
	}
	if len(found) != 1 {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The client certificate is registered with no application, or with several.")
	}
	p, ok := s.dir.Principal(found[0])
	if !ok || !p.Enabled {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, InvalidToken, "The application of the client certificate is disabled.")
	}
	return &gatehouse.Caller{ID: p.ID, Type: p.Type, Name: p.Name, AppID: p.AppID.String(), Method: "certificate", IssuedAt: now, ExpiresAt: leaf.NotAfter}, nil
}

// holder returns the service principal that a certificate signs in, the zero GUID for none: object is an application or
// a service principal that may have it.
func (s *Server) holder(ctx context.Context, object gatehouse.GUID, leaf *x509.Certificate) (gatehouse.GUID, error) {
	if p, ok := s.dir.Principal(object); ok {
		sp, _, err := directory.ReadServicePrincipal(ctx, s.store, object)
		if err != nil {
			return gatehouse.GUID{}, absent(err)
		}
		if s.holds(sp.KeyCredentials, leaf) {
			return p.ID, nil
		}
		return gatehouse.GUID{}, nil
	}
	app, _, err := directory.ReadApplication(ctx, s.store, object)
	if err != nil {
		return gatehouse.GUID{}, absent(err)
	}
	oid, ok := s.dir.ServicePrincipalByAppID(app.AppID)
	if !ok || !s.holds(app.KeyCredentials, leaf) {
		return gatehouse.GUID{}, nil
	}
	return oid, nil
}

// absent turns "it is not there", which is an answer, into no error.
func absent(err error) error {
	if gatehouse.KindOf(err) == gatehouse.NotFound {
		return nil
	}
	return err
}

func (s *Server) holds(keys []directory.KeyCredential, leaf *x509.Certificate) bool {
	return slices.ContainsFunc(keys, func(k directory.KeyCredential) bool {
		if !k.Holds(s.now()) || !strings.EqualFold(k.Usage, "Verify") {
			return false
		}
		c, err := k.Certificate()
		return err == nil && bytes.Equal(c.Raw, leaf.Raw)
	})
}
