package expr

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"strings"

	"software.sslmate.com/src/go-pkcs12"

	"gatehouse/dotnet"
)

// System.Security.Cryptography.X509Certificates (policy-expressions.md 5, 8): certificates out of the call, or out of bytes; never out
// of files. Verify answers what was found when the certificate came in, and fetches nothing.

var (
	certificateType, certificate2Type, publicKeyType, distinguishedType = new(Type), new(Type), new(Type), new(Type)
	nameKindType, contentKindType                                       = new(Type), new(Type)
)

func (*Certificate) dotnetType() *Type { return certificate2Type }

// distinguished is an X500DistinguishedName, certKey a PublicKey.
type (
	distinguished struct{ name string }
	certKey       struct{ of *x509.Certificate }
)

func (*distinguished) dotnetType() *Type { return distinguishedType }
func (*certKey) dotnetType() *Type       { return publicKeyType }

// certificates are those of a deployment, as a dictionary.
type certificates map[string]*Certificate

func (certificates) dotnetType() *Type { return instance(readOnlyDict, stringType, certificate2Type) }
func (c certificates) length() int     { return len(c) }
func (c certificates) keys() []Value   { return sortedKeys(c) }
func (c certificates) values() []Value {
	var list []Value
	for _, k := range c.keys() {
		list = append(list, certificateValue(c[k.Str()]))
	}
	return list
}

func (c certificates) lookup(_ *Frame, k Value) (Value, bool, error) {
	x, ok := c[k.Str()]
	if !ok {
		x, ok = c[strings.ToUpper(k.Str())]
	}
	return certificateValue(x), ok, nil
}

func (c certificates) walk(_ *Frame, yield func(Value) (bool, error)) error {
	typ := instance(pairType, stringType, certificate2Type)
	for _, k := range c.keys() {
		if more, err := yield(Value{&Pair{typ, k, certificateValue(c[k.Str()])}, 0}); err != nil || !more {
			return err
		}
	}
	return nil
}

func certificateValue(c *Certificate) Value {
	if c == nil || c.Leaf == nil {
		return Null
	}
	return Value{c, 0}
}

func ofLeaf(get func(c *x509.Certificate) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return get(a[0].ref.(*Certificate).Leaf), nil }
}

func hexUpper(b []byte) string { return fmt.Sprintf("%X", b) }

func thumbprint(c *x509.Certificate) []byte {
	sum := sha1.Sum(c.Raw)
	return sum[:]
}

// shortNames are the attributes of names as Windows spells them.
var shortNames = map[string]string{"2.5.4.3": "CN", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.7": "L", "2.5.4.8": "S", "2.5.4.6": "C", "2.5.4.9": "STREET",
	"1.2.840.113549.1.9.1": "E", "0.9.2342.19200300.100.1.25": "DC", "2.5.4.12": "T", "2.5.4.42": "G", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER"}

type attributeValue struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

type attributeSet []attributeValue

// distinguishedName prints a name as .NET does: the last part of the encoding first.
func distinguishedName(raw []byte) string {
	var parts []asn1.RawValue
	if _, err := asn1.Unmarshal(raw, &parts); err != nil {
		return ""
	}
	var texts []string
	for i := len(parts) - 1; i >= 0; i-- {
		var set attributeSet
		if _, err := asn1.UnmarshalWithParams(parts[i].FullBytes, &set, "set"); err != nil {
			return ""
		}
		var pairs []string
		for _, x := range set {
			name := shortNames[x.Type.String()]
			if name == "" {
				name = "OID." + x.Type.String()
			}
			var value string
			if _, err := asn1.Unmarshal(x.Value.FullBytes, &value); err != nil {
				value = "#" + hexUpper(x.Value.FullBytes)
			}
			pairs = append(pairs, name+"="+quotedName(value))
		}
		texts = append(texts, strings.Join(pairs, " + "))
	}
	return strings.Join(texts, ", ")
}

func quotedName(s string) string {
	if s == "" || strings.ContainsAny(s, ",+=\"\n<>#;") || strings.TrimSpace(s) != s {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}

// readCertificate reads DER, PEM or PKCS #12.
func readCertificate(f *Frame, a []Value) (Value, error) {
	raw, err := blobOf(a[0], "rawData")
	if err == nil {
		err = f.Step(rsaSteps + len(raw))
	}
	if err == nil {
		err = f.Spend(4 * len(raw))
	}
	if err != nil {
		return Null, err
	}
	if len(raw) > 1<<20 {
		return Null, cryptoError("The certificate is too large.")
	}
	if block, _ := pem.Decode(raw); block != nil && block.Type == "CERTIFICATE" {
		raw = block.Bytes
	}
	if c, err := x509.ParseCertificate(raw); err == nil {
		return Value{&Certificate{Leaf: c}, 0}, nil
	}
	password := ""
	if len(a) > 1 {
		password = a[1].Str()
	}
	key, leaf, _, err := pkcs12.DecodeChain(raw, password)
	if err != nil {
		if err == pkcs12.ErrIncorrectPassword {
			return Null, cryptoError("The specified network password is not correct.")
		}
		return Null, cryptoError("Cannot find the requested object.")
	}
	return Value{&Certificate{Leaf: leaf, Key: key}, 0}, nil
}

func publicRSA(c *x509.Certificate) Value {
	if k, ok := c.PublicKey.(*rsa.PublicKey); ok {
		return Value{&rsaKey{public: k}, 0}
	}
	return Null
}

func privateRSA(c *Certificate) Value {
	if k, ok := c.Key.(*rsa.PrivateKey); ok {
		return Value{&rsaKey{public: &k.PublicKey, private: k}, 0}
	}
	return Null
}

// nameInfo is GetNameInfo: of the subject, or of the issuer.
func nameInfo(_ *Frame, a []Value) (Value, error) {
	c := a[0].ref.(*Certificate).Leaf
	name := c.Subject
	if a[2].Bool() {
		name = c.Issuer
	}
	first := func(list []string) string {
		if len(list) == 0 || a[2].Bool() {
			return ""
		}
		return list[0]
	}
	switch a[1].n {
	case 1:
		return String(first(c.EmailAddresses)), nil
	case 3, 4:
		if s := first(c.DNSNames); s != "" {
			return String(s), nil
		}
	case 5:
		if len(c.URIs) > 0 && !a[2].Bool() {
			return String(c.URIs[0].String()), nil
		}
		return String(""), nil
	case 2:
		return String(""), nil
	}
	if name.CommonName == "" && len(name.OrganizationalUnit) > 0 {
		return String(name.OrganizationalUnit[0]), nil
	}
	return String(name.CommonName), nil
}

func keyAlgorithm(c *x509.Certificate) Value {
	switch c.PublicKeyAlgorithm {
	case x509.RSA:
		return Value{&oid{"1.2.840.113549.1.1.1", "RSA"}, 0}
	case x509.ECDSA:
		return Value{&oid{"1.2.840.10045.2.1", "ECC"}, 0}
	}
	return Value{&oid{"", c.PublicKeyAlgorithm.String()}, 0}
}

func signatureAlgorithm(c *x509.Certificate) Value {
	names := map[x509.SignatureAlgorithm]oid{x509.SHA1WithRSA: {"1.2.840.113549.1.1.5", "sha1RSA"}, x509.SHA256WithRSA: {"1.2.840.113549.1.1.11", "sha256RSA"},
		x509.SHA384WithRSA: {"1.2.840.113549.1.1.12", "sha384RSA"}, x509.SHA512WithRSA: {"1.2.840.113549.1.1.13", "sha512RSA"},
		x509.ECDSAWithSHA256: {"1.2.840.10045.4.3.2", "sha256ECDSA"}, x509.ECDSAWithSHA384: {"1.2.840.10045.4.3.3", "sha384ECDSA"}}
	o := names[c.SignatureAlgorithm]
	return Value{&o, 0}
}

func serial(c *x509.Certificate) []byte {
	b := c.SerialNumber.Bytes()
	if len(b) == 0 {
		return []byte{0}
	}
	return b
}

// certificateFiles are members that would touch files, stores or handles.
const certificateFiles = "CreateFromCertFile CreateFromSignedFile CreateFromPemFile CreateFromEncryptedPemFile CreateFromPem CreateFromEncryptedPem Import Export ExportCertificatePem Handle Extensions GetCertContentType PrivateKey TryGetCertHash MatchesHostname CopyWithPrivateKey"

var certificateDecls = []Decl{
	{Head: "enum System.Security.Cryptography.X509Certificates.X509NameType { SimpleName, EmailName, UpnName, DnsName, DnsFromAlternativeName, UrlName }", Type: nameKindType},
	{Head: "enum System.Security.Cryptography.X509Certificates.X509ContentType { Unknown, Cert, SerializedCert, Pfx, Pkcs12 = 3, SerializedStore, Pkcs7, Authenticode }", Type: contentKindType},
	{Head: "class System.Security.Cryptography.X509Certificates.X500DistinguishedName", Type: distinguishedType, Refused: "Decode Format EnumerateRelativeDistinguishedNames RawData Oid", Members: members{
		m("string Name { get; }", of(func(d *distinguished) Value { return String(d.name) })),
	}},
	{Head: "class System.Security.Cryptography.X509Certificates.PublicKey", Type: publicKeyType, Members: members{
		m("Oid Oid { get; }", of(func(k *certKey) Value { return keyAlgorithm(k.of) })), m("RSA GetRSAPublicKey()", of(func(k *certKey) Value { return publicRSA(k.of) })),
		m("AsymmetricAlgorithm Key { get; }", of(func(k *certKey) Value { return publicRSA(k.of) })),
	}},
	{Head: "class System.Security.Cryptography.X509Certificates.X509Certificate : IDisposable", Type: certificateType, Refused: certificateFiles, Members: members{
		m("X509Certificate(byte[] data)", readCertificate), m("X509Certificate(byte[] rawData, string password)", readCertificate),
		m("string Issuer { get; }", ofLeaf(func(c *x509.Certificate) Value { return String(distinguishedName(c.RawIssuer)) })),
		m("string Subject { get; }", ofLeaf(func(c *x509.Certificate) Value { return String(distinguishedName(c.RawSubject)) })),
		m("byte[] GetCertHash()", ofLeaf(func(c *x509.Certificate) Value { return Bytes(thumbprint(c)) })),
		m("string GetCertHashString()", ofLeaf(func(c *x509.Certificate) Value { return String(hexUpper(thumbprint(c))) })),
		m("string GetSerialNumberString()", ofLeaf(func(c *x509.Certificate) Value { return String(hexUpper(serial(c))) })),
		m("byte[] GetSerialNumber()", ofLeaf(func(c *x509.Certificate) Value {
			b := append([]byte(nil), serial(c)...)
			for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
				b[i], b[j] = b[j], b[i]
			}
			return Bytes(b)
		})),
		m("byte[] GetRawCertData()", ofLeaf(func(c *x509.Certificate) Value { return Bytes(bytes.Clone(c.Raw)) })),
		m("string GetRawCertDataString()", ofLeaf(func(c *x509.Certificate) Value { return String(hexUpper(c.Raw)) })),
		m("string GetFormat()", zeroArgs(String("X509"), nil)),
		m("string GetKeyAlgorithm()", ofLeaf(func(c *x509.Certificate) Value { return String(keyAlgorithm(c).ref.(*oid).value) })),
		m("string GetEffectiveDateString()", ofLeaf(func(c *x509.Certificate) Value { return String(dotnet.OfTime(c.NotBefore, dotnet.Local).String()) })),
		m("string GetExpirationDateString()", ofLeaf(func(c *x509.Certificate) Value { return String(dotnet.OfTime(c.NotAfter, dotnet.Local).String()) })),
		m("void Dispose()", nothingDone),
		m("bool Equals(X509Certificate other)", sameCertificate), m("bool Equals(object obj)", sameCertificate),
		m("int GetHashCode()", ofLeaf(func(c *x509.Certificate) Value { return Int(int(int32(dotnet.HashCode(string(thumbprint(c)))))) })),
	}},
	{Head: "class System.Security.Cryptography.X509Certificates.X509Certificate2 : X509Certificate", Type: certificate2Type, Refused: certificateFiles, Members: members{
		m("X509Certificate2(byte[] rawData)", readCertificate), m("X509Certificate2(byte[] rawData, string password)", readCertificate),
		m("X509Certificate2(X509Certificate certificate)", func(_ *Frame, a []Value) (Value, error) {
			if a[0].ref == nil {
				return Null, dotnet.ArgumentNull("certificate")
			}
			return a[0], nil
		}),
		m("string Thumbprint { get; }", ofLeaf(func(c *x509.Certificate) Value { return String(hexUpper(thumbprint(c))) })),
		m("string SerialNumber { get; }", ofLeaf(func(c *x509.Certificate) Value { return String(hexUpper(serial(c))) })),
		m("string FriendlyName { get; }", zeroArgs(String(""), nil)),
		m("bool HasPrivateKey { get; }", of(func(c *Certificate) Value { return Bool(c.Key != nil) })),
		m("X500DistinguishedName SubjectName { get; }", ofLeaf(func(c *x509.Certificate) Value { return Value{&distinguished{distinguishedName(c.RawSubject)}, 0} })),
		m("X500DistinguishedName IssuerName { get; }", ofLeaf(func(c *x509.Certificate) Value { return Value{&distinguished{distinguishedName(c.RawIssuer)}, 0} })),
		m("DateTime NotAfter { get; }", ofLeaf(func(c *x509.Certificate) Value {
			return Number(dateTimeType, int64(dotnet.OfTime(c.NotAfter, dotnet.Local)))
		})),
		m("DateTime NotBefore { get; }", ofLeaf(func(c *x509.Certificate) Value {
			return Number(dateTimeType, int64(dotnet.OfTime(c.NotBefore, dotnet.Local)))
		})),
		m("PublicKey PublicKey { get; }", ofLeaf(func(c *x509.Certificate) Value { return Value{&certKey{c}, 0} })),
		m("byte[] RawData { get; }", ofLeaf(func(c *x509.Certificate) Value { return Bytes(bytes.Clone(c.Raw)) })),
		m("Oid SignatureAlgorithm { get; }", ofLeaf(signatureAlgorithm)), m("int Version { get; }", ofLeaf(func(c *x509.Certificate) Value { return Int(c.Version) })),
		m("string GetNameInfo(X509NameType nameType, bool forIssuer)", nameInfo),
		m("bool Verify()", of(func(c *Certificate) Value { return Bool(c.Verified) })),
	}},
	{Head: "static class System.Security.Cryptography.X509Certificates.RSACertificateExtensions", Refused: "CopyWithPrivateKey", Members: members{
		m("static RSA GetRSAPrivateKey(this X509Certificate2 certificate)", certificateArg(privateRSA)),
		m("static RSA GetRSAPublicKey(this X509Certificate2 certificate)", certificateArg(func(c *Certificate) Value { return publicRSA(c.Leaf) })),
	}},
	{Head: "internal static class CertificateExtensions", Members: members{
		m("static bool VerifyNoRevocation(this X509Certificate2 certificate)", certificateArg(func(c *Certificate) Value { return Bool(c.Verified) })),
	}},
}

// certificateArg adapts an extension method; null is an error.
func certificateArg(get func(c *Certificate) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		c, ok := a[0].ref.(*Certificate)
		if !ok {
			return Null, dotnet.ArgumentNull("certificate")
		}
		return get(c), nil
	}
}

func sameCertificate(_ *Frame, a []Value) (Value, error) {
	x := a[0].ref.(*Certificate)
	y, ok := a[1].ref.(*Certificate)
	return Bool(ok && bytes.Equal(x.Leaf.Raw, y.Leaf.Raw)), nil
}
