package expr

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// TestCertificate signs with a deployment's certificate and reads a caller's.
func TestCertificate(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "a", Organization: []string{"b, c"}, Country: []string{"US"}}
	template := &x509.Certificate{SerialNumber: big.NewInt(0x1ab), Subject: subject, NotBefore: time.Unix(1700000000, 0), NotAfter: time.Unix(1800000000, 0)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := world()
	c.Deployment.Certificates = map[string]*Certificate{"ABC": {Leaf: leaf, Key: key}}
	c.Request.Certificate = &Certificate{Leaf: leaf, Verified: true}
	c.Variables.Set("raw", Bytes(raw))
	for code, want := range map[string]string{
		`context.Request.Certificate.Subject`:                                                                         `CN=a, O="b, c", C=US`,
		`context.Request.Certificate.SubjectName.Name`:                                                                `CN=a, O="b, c", C=US`,
		`context.Request.Certificate.Thumbprint`:                                                                      hexUpper(thumbprint(leaf)),
		`context.Request.Certificate.SerialNumber`:                                                                    "01AB",
		`context.Request.Certificate.Verify() && context.Request.Certificate.VerifyNoRevocation()`:                    "True",
		`context.Request.Certificate.HasPrivateKey`:                                                                   "False",
		`context.Request.Certificate.GetRSAPrivateKey() == null`:                                                      "True",
		`context.Request.Certificate.GetNameInfo(X509NameType.SimpleName, false)`:                                     "a",
		`context.Request.Certificate.GetCertHash().Length`:                                                            "20",
		`new X509Certificate2((byte[])context.Variables["raw"]).Thumbprint == context.Request.Certificate.Thumbprint`: "True",
		`context.Deployment.Certificates["abc"].HasPrivateKey`:                                                        "True",
		`context.Request.Certificate.GetRSAPublicKey().VerifyData(new byte[] { 1 }, context.Deployment.Certificates["ABC"].GetRSAPrivateKey().SignData(new byte[] { 1 }, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)`: "True",
		`context.Deployment.Certificates["ABC"].GetRSAPrivateKey().Decrypt(context.Request.Certificate.GetRSAPublicKey().Encrypt(new byte[] { 9 }, RSAEncryptionPadding.OaepSHA256), RSAEncryptionPadding.OaepSHA256)[0]`:                                                            "9",
	} {
		p, faults := Compile(code, false, WantAny)
		if len(faults) > 0 {
			t.Errorf("%s: %v", code, faults)
			continue
		}
		v, err := p.Run(c, &Budget{})
		if got := v.Print(); err != nil || got != want {
			t.Errorf("%s\n gives %s, %v\n want  %s", code, got, fmt.Sprint(err), want)
		}
	}
}
