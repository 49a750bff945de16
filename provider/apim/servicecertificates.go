package apim

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// A service has two lists with certificates: of its hostnames, as PKCS#12 with the key,
// and of authorities, which may come without one.
var certificateLists = []string{"hostnameConfigurations", "certificates"}

// prepareService reads the certificates that a request brings, before the write begins,
// and leaves the hostname out that every service has and shows by itself.
func (p *provider) prepareService(op *arm.Op) error {
	body, err := op.Body()
	if err != nil {
		return err
	}
	props := body.Object("properties")
	if hosts := props.Array("hostnameConfigurations"); hosts != nil {
		kept := []jsondoc.Value{}
		for _, v := range hosts {
			if o, ok := v.(*jsondoc.Object); !ok || !strings.EqualFold(o.String("hostName"), builtInHost(op.ID)) {
				kept = append(kept, v)
			}
		}
		props.Set("hostnameConfigurations", kept)
	}
	for _, list := range certificateLists {
		for i, v := range props.Array(list) {
			if o, ok := v.(*jsondoc.Object); ok {
				if err := p.describeCertificate(op, o, fmt.Sprintf("%s[%d].", list, i), list == "certificates"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// describeCertificate replaces what a caller says of an uploaded certificate by what is in it.
func (p *provider) describeCertificate(op *arm.Op, o *jsondoc.Object, at string, alone bool) error {
	encoded := o.String("encodedCertificate")
	if encoded == "" {
		return nil
	}
	if c := plainCertificate(encoded); alone && c != nil {
		o.Set("certificate", certificateInformation(c))
		return nil
	}
	leaf, err := readInTime(op, p.reading, encoded, o.String("certificatePassword"))
	if err != nil {
		return aimed(err, at)
	}
	o.Set("certificate", certificateInformation(leaf))
	return nil
}

// aimed makes the faults of a certificate target the members of the list that it stands in.
func aimed(err error, at string) error {
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, d := range e.Details {
		was := d.Target
		d.Target = at + map[string]string{"data": "encodedCertificate", "password": "certificatePassword"}[was]
		d.Message = strings.Replace(d.Message, was+" ", d.Target[len(at):]+" ", 1)
	}
	return err
}

// plainCertificate is a certificate without its key, DER or PEM in base64; nil when it is something else.
func plainCertificate(encoded string) *x509.Certificate {
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
	if err != nil {
		return nil
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil
	}
	return c
}

func certificateInformation(c *x509.Certificate) *jsondoc.Object {
	sum := sha1.Sum(c.Raw) // the name of a certificate in Azure; it protects nothing
	return object("expiry", gatehouse.Timestamp(c.NotAfter), "thumbprint", strings.ToUpper(hex.EncodeToString(sum[:])), "subject", c.Subject.String())
}

// settleCertificates gives each element its certificate: the one that the request
// brought, or the one that was there. Who reads a service and sends it back has not got
// the certificates, but their thumbprints. Secrets of what is gone go.
func settleCertificates(op *arm.Op, old, next *arm.Resource) error {
	secrets := &jsondoc.Object{}
	for _, list := range certificateLists {
		for i, v := range next.Props().Array(list) {
			o, _ := v.(*jsondoc.Object)
			at := fmt.Sprintf("properties.%s[%d].", list, i)
			from, was := next, at
			if next.SecretString(at+"encodedCertificate") == "" {
				if from, was = certificateBefore(old, list, o); from == nil {
					if err := withoutCertificate(o, list, i); err != nil {
						return err
					}
					continue
				}
			}
			for _, member := range []string{"encodedCertificate", "certificatePassword"} {
				if s := from.SecretString(was + member); s != "" {
					secrets.Set(at+member, s)
				}
			}
			if list == "hostnameConfigurations" {
				o.Set("certificateSource", "Custom")
				o.Delete("certificateStatus")
			}
		}
	}
	next.Secret = nil
	if secrets.Len() > 0 {
		next.Secret = secrets
	}
	return nil
}

// certificateBefore finds the element that an element without a certificate means: the
// one with the same thumbprint, or else the same hostname. It takes over what is known of the certificate.
func certificateBefore(old *arm.Resource, list string, o *jsondoc.Object) (from *arm.Resource, at string) {
	if old == nil || o.Has("keyVaultId") {
		return nil, ""
	}
	thumbprint, host := o.String("certificate.thumbprint"), o.String("hostName")
	for i, v := range old.Props().Array(list) {
		before, _ := v.(*jsondoc.Object)
		same := thumbprint != "" && strings.EqualFold(before.String("certificate.thumbprint"), thumbprint) ||
			thumbprint == "" && host != "" && strings.EqualFold(before.String("hostName"), host)
		at := fmt.Sprintf("properties.%s[%d].", list, i)
		if same && old.SecretString(at+"encodedCertificate") != "" {
			o.Set("certificate", before.Object("certificate").Clone())
			return old, at
		}
	}
	return nil, ""
}

// withoutCertificate is an element for which nobody uploaded a certificate: it stands in a
// Key Vault, which is not read here, or is managed by the service.
func withoutCertificate(o *jsondoc.Object, list string, i int) error {
	o.Delete("certificate")
	switch source := o.String("certificateSource"); {
	case list == "hostnameConfigurations" && o.String("keyVaultId") != "":
		o.Set("certificateSource", "KeyVault")
	case list == "hostnameConfigurations" && strings.EqualFold(source, "Managed"):
		o.Set("certificateSource", "Managed")
	default:
		return validation(fmt.Sprintf("%s[%d].encodedCertificate", list, i), "encodedCertificate is required")
	}
	return nil
}

// withBuiltIn is the list of hostnames as it is shown, with the one that every service has.
func withBuiltIn(service gatehouse.ID, hosts []jsondoc.Value) []jsondoc.Value {
	bound := false
	for _, v := range hosts {
		o, _ := v.(*jsondoc.Object)
		if strings.EqualFold(o.String("hostName"), builtInHost(service)) {
			return hosts
		}
		bound = bound || strings.EqualFold(o.String("type"), "Proxy") && o.Bool("defaultSslBinding")
	}
	return append([]jsondoc.Value{object("type", "Proxy", "hostName", builtInHost(service),
		"negotiateClientCertificate", false, "defaultSslBinding", !bound, "certificateSource", "BuiltIn")}, hosts...)
}
