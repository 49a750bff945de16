package apim

import (
	"context"
	"crypto"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/policy"
	"gatehouse/store"
)

// certificates are what the gateway shows to backends. They come as PKCS#12 with their
// password, neither of which comes out again, or as the address of a Key Vault secret
// (apim-control-plane.md 2.5).
func certificates() *arm.Type {
	reading := make(chan struct{}, 1)
	return published("service/certificates", `
		properties.data           string secret
		properties.password       string secret whole
		properties.subject        string
		properties.thumbprint     string
		properties.expirationDate string
		properties.keyVault.lastStatus any readonly
	`, arm.Type{
		Noun: "Certificate", Name: arm.NameRule{Max: 80, Pattern: namePattern},
		Do: map[arm.Verb]arm.Handler{arm.List: listVaulted, arm.Put: func(op *arm.Op) (*arm.Answer, error) {
			return putCertificate(op, reading)
		}},
		Hooks:   arm.Hooks{Check: checkCertificate, Delete: certificateFree, Restore: arm.RestoreAsUsual},
		Actions: []arm.Action{{Name: "refreshSecret", Do: refreshSecret}},
	})
}

// described are the members that follow from the certificate, whatever a caller says.
var described = []string{"subject", "thumbprint", "expirationDate"}

// putCertificate reads the certificate before the write begins, since deriving its key may take
// a while. Reading holds one that is being read.
func putCertificate(op *arm.Op, reading chan struct{}) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	for _, member := range described {
		body.DeletePath("properties." + member)
	}
	if data := body.String("properties.data"); data != "" {
		leaf, err := readInTime(op, reading, data, body.String("properties.password"))
		if err != nil {
			return nil, err
		}
		sum := sha1.Sum(leaf.Raw)
		body.SetPath("properties.subject", distinguished(leaf))
		body.SetPath("properties.thumbprint", strings.ToUpper(hex.EncodeToString(sum[:])))
		body.SetPath("properties.expirationDate", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return op.PutAsUsual()
}

// patience is how long reading one certificate, and waiting for others, may take.
const patience = 10 * time.Second

// readInTime reads one certificate at a time and gives up on what takes too long: how many rounds
// of key derivation something encrypted asks for shows only while it is done. Who manages
// to send such a thing occupies one processor, not all.
func readInTime(op *arm.Op, reading chan struct{}, data, password string) (*x509.Certificate, error) {
	type outcome struct {
		leaf *x509.Certificate
		err  error
	}
	tooLong := &gatehouse.Error{Kind: gatehouse.Unavailable, Code: "ServiceUnavailable", Message: "Reading the certificate takes too long. Try again later, or with a PFX that asks for fewer rounds of key derivation."}
	ctx, cancel := context.WithTimeout(op.Context, patience)
	defer cancel()
	select {
	case reading <- struct{}{}:
	case <-ctx.Done():
		return nil, tooLong
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-reading }()
		leaf, err := readPFX(data, password)
		done <- outcome{leaf, err}
	}()
	select {
	case o := <-done:
		return o.leaf, o.err
	case <-ctx.Done():
		return nil, tooLong
	}
}

// readPFX is the certificate in a base64 PKCS#12 that comes with its private key.
func readPFX(data, password string) (*x509.Certificate, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil {
		return nil, validation("data", "data has to be a certificate with its private key as PKCS#12 (PFX) in base64")
	}
	if iterations(raw, 0) > mostIterations {
		return nil, validation("data", "data is protected with more than %d rounds of key derivation", mostIterations)
	}
	key, leaf, chain, err := pkcs12.DecodeChain(raw, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return nil, validation("password", "password does not open the certificate")
	case err != nil:
		return nil, validation("data", "data is no PKCS#12 (PFX) with one certificate and its private key")
	}
	for _, candidate := range append([]*x509.Certificate{leaf}, chain...) {
		if belongs(candidate, key) {
			return candidate, nil
		}
	}
	return nil, validation("data", "data holds no certificate that its private key belongs to")
}

// belongs reports whether a certificate is that of a private key; tools put it before the chain or behind.
func belongs(c *x509.Certificate, key any) bool {
	private, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// distinguished writes a subject as the service does: the most specific part first, a blank behind
// each comma, quotes around values with characters that mean something.
func distinguished(c *x509.Certificate) string {
	var parts []string
	for _, part := range slices.Backward(c.Subject.ToRDNSequence()) {
		var values []string
		for _, v := range part {
			values = append(values, attributeName(v.Type.String())+"="+quotedValue(fmt.Sprint(v.Value)))
		}
		parts = append(parts, strings.Join(values, " + "))
	}
	return strings.Join(parts, ", ")
}

// attributeName is how Windows calls a part of a distinguished name.
func attributeName(oid string) string {
	short := map[string]string{"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "S",
		"2.5.4.9": "STREET", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.42": "G",
		"0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "E"}[oid]
	if short == "" {
		return "OID." + oid
	}
	return short
}

func quotedValue(value string) string {
	if value == strings.TrimSpace(value) && !strings.ContainsAny(value, "\",+=<>#;\n") {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}

// mostIterations is far more than any tool uses; whoever asks for more wants to keep us busy.
const mostIterations = 5_000_000

// iterations adds up the rounds of key derivation that a PKCS#12 asks for: integers that
// follow a salt.
func iterations(der []byte, depth int) int {
	total, salted := 0, false
	for depth < 32 && len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			return total
		}
		der = rest
		var n int
		switch {
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger && salted:
			if _, err := asn1.Unmarshal(v.FullBytes, &n); err != nil || n > mostIterations {
				return mostIterations + 1
			}
			total += n
		case v.IsCompound || v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString:
			total += iterations(v.Bytes, depth+1)
		}
		salted = v.Class == asn1.ClassUniversal && v.Tag == asn1.TagOctetString
		if total > mostIterations {
			return total
		}
	}
	return total
}

// checkCertificate wants one source, sent with every PUT.
func checkCertificate(op *arm.Op, _ *store.Tx, old, next *arm.Resource) error {
	vault := next.Props().Object("keyVault")
	switch given := sent(op, "properties.data"); {
	case given && vault != nil:
		return validation("data", "data and keyVault exclude each other")
	case !given && vault == nil:
		return validation("data", "data, or keyVault with a secretIdentifier, is required.")
	case given:
		return nil
	}
	if next.Secret != nil {
		next.Secret.Delete("properties.data")
	}
	keepDescription(old, next)
	return checkVault(op, old, next)
}

// keepDescription keeps what is known of a certificate in the same Key Vault secret.
func keepDescription(old, next *arm.Resource) {
	if old == nil || vaulted(old) != vaulted(next) {
		return
	}
	for _, member := range described {
		if v, ok := old.Props().Get(member); ok {
			next.Props().Set(member, v)
		}
	}
}

// certificateFree keeps a certificate that backends or policies name.
func certificateFree(op *arm.Op, tx *store.Tx, old *arm.Resource) error {
	if cascaded(op, old) {
		return nil
	}
	err := eachBackend(op, tx, old.ID, func(b *arm.Resource) error {
		props := b.Props()
		thumbprints := append(slices.Clone(props.Array("credentials.certificate")), props.String("properties.serviceFabricCluster.clientCertificatethumbprint"))
		if names(backendReferences(b), old.ID.String()) || names(thumbprints, old.Props().String("thumbprint")) {
			return refusal(gatehouse.Invalid, "ValidationError", "Certificate cannot be deleted since it is used by %s.", seen(op, b.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := unused(op, tx, old.ID, policy.Certificate, "Certificate", old.ID.Name()); err != nil {
		return err
	}
	return unused(op, tx, old.ID, policy.Thumbprint, "Certificate", old.Props().String("thumbprint"))
}

// names reports whether a list holds a text in any casing.
func names(list []jsondoc.Value, text string) bool {
	return text != "" && slices.ContainsFunc(list, func(v jsondoc.Value) bool {
		s, _ := v.(string)
		return gatehouse.EqualFold(s, text)
	})
}
