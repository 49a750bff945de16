package expr

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"gatehouse/dotnet"
)

// RSA: keys of certificates, imported ones and new ones; signatures and encryption. Forms of keys without a type on the list
// (RSAParameters) are left out.

// rsaKey is an RSA: a key of a certificate, one that was imported, or one that is made when it is first needed.
type rsaKey struct {
	public  *rsa.PublicKey
	private *rsa.PrivateKey
	size    int // of a key that is still to be made
}

func (*rsaKey) dotnetType() *Type { return rsaType }

// rsaMakeSteps is what making a key of 2048 bits costs: some hundred milliseconds.
const rsaMakeSteps = 250_000

// make makes the key if there is none yet.
func (k *rsaKey) make(f *Frame) error {
	if k.public != nil {
		return nil
	}
	if err := f.Step(rsaMakeSteps * k.size / 2048); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, k.size)
	if err != nil {
		return cryptoError("The key cannot be made.")
	}
	k.private, k.public = key, &key.PublicKey
	return f.tick()
}

func (k *rsaKey) publicKey(f *Frame) (*rsa.PublicKey, error) {
	err := k.make(f)
	return k.public, err
}

func (k *rsaKey) privateKey(f *Frame) (*rsa.PrivateKey, error) {
	if err := k.make(f); err != nil {
		return nil, err
	}
	if k.private == nil {
		return nil, cryptoError("The key does not have a private key.")
	}
	return k.private, nil
}

func (k *rsaKey) bits() int {
	if k.public == nil {
		return k.size
	}
	return k.public.N.BitLen()
}

func badKeySize() error { return cryptoError("Specified key is not a valid size for this algorithm.") }

// The sizes of keys that are made: shorter ones are no protection, longer ones take too long.
const minRSA, maxRSA = 1024, 4096

func newRSA(_ *Frame, a []Value) (Value, error) {
	size := int64(2048)
	if len(a) > 0 {
		size = a[0].n
	}
	if size < minRSA || size > maxRSA || size%64 != 0 {
		return Null, badKeySize()
	}
	return Value{&rsaKey{size: int(size)}, 0}, nil
}

func setRSASize(_ *Frame, a []Value) (Value, error) {
	k, err := newRSA(nil, a[1:])
	if err != nil {
		return Null, err
	}
	*a[0].ref.(*rsaKey) = *k.ref.(*rsaKey)
	return Null, nil
}

// keyForm is one of the forms in which keys are imported and exported.
type keyForm struct {
	name, label string // of the methods, and of the PEM block
	private     bool
	read        func(der []byte) (any, error)
	write       func(k *rsaKey) ([]byte, error)
}

var keyForms = []keyForm{
	{"RSAPrivateKey", "RSA PRIVATE KEY", true, func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }, func(k *rsaKey) ([]byte, error) { return x509.MarshalPKCS1PrivateKey(k.private), nil }},
	{"Pkcs8PrivateKey", "PRIVATE KEY", true, x509.ParsePKCS8PrivateKey, func(k *rsaKey) ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.private) }},
	{"RSAPublicKey", "RSA PUBLIC KEY", false, func(der []byte) (any, error) { return x509.ParsePKCS1PublicKey(der) }, func(k *rsaKey) ([]byte, error) { return x509.MarshalPKCS1PublicKey(k.public), nil }},
	{"SubjectPublicKeyInfo", "PUBLIC KEY", false, x509.ParsePKIXPublicKey, func(k *rsaKey) ([]byte, error) { return x509.MarshalPKIXPublicKey(k.public) }},
}

// take makes the key what was read.
func (k *rsaKey) take(read any, err error) error {
	if err != nil {
		return cryptoError("ASN1 corrupted data.")
	}
	switch x := read.(type) {
	case *rsa.PrivateKey:
		*k = rsaKey{private: x, public: &x.PublicKey}
	case *rsa.PublicKey:
		*k = rsaKey{public: x}
	default:
		return cryptoError("The algorithm identified by the key is unknown, not valid for the requested usage, or was not handled.")
	}
	return nil
}

// importKey makes ImportRSAPrivateKey and so on; the last argument gets how many bytes were read.
func (form keyForm) importKey(f *Frame, a []Value) (Value, error) {
	der, err := blobOf(a[1], "source")
	if err == nil {
		err = f.Step(rsaSteps)
	}
	if err != nil {
		return Null, err
	}
	a[2] = Int(len(der))
	return Null, a[0].ref.(*rsaKey).take(form.read(der))
}

func (form keyForm) export(f *Frame, k *rsaKey) ([]byte, error) {
	err := k.make(f)
	if err == nil && form.private {
		_, err = k.privateKey(f)
	}
	if err != nil {
		return nil, err
	}
	return form.write(k)
}

func (form keyForm) exportKey(f *Frame, a []Value) (Value, error) {
	der, err := form.export(f, a[0].ref.(*rsaKey))
	return Bytes(der), err
}

func (form keyForm) exportPEM(f *Frame, a []Value) (Value, error) {
	der, err := form.export(f, a[0].ref.(*rsaKey))
	return String(strings.TrimSuffix(string(pem.EncodeToMemory(&pem.Block{Type: form.label, Bytes: der})), "\n")), err
}

// importPEM is ImportFromPem: the one block of the text that is a key.
func importPEM(f *Frame, a []Value) (Value, error) {
	rest := []byte(a[1].Str())
	var found *pem.Block
	var as keyForm
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		for _, form := range keyForms {
			if form.label != block.Type {
				continue
			}
			if found != nil {
				return Null, dotnet.Argument("The input contains multiple keys, but only one key can be imported.", "input")
			}
			found, as = block, form
		}
	}
	if found == nil {
		return Null, dotnet.Argument("No supported key formats were found. Check that the input represents the contents of a PEM-encoded key file, not the path to such a file.", "input")
	}
	if err := f.Step(rsaSteps); err != nil {
		return Null, err
	}
	return Null, a[0].ref.(*rsaKey).take(as.read(found.Bytes))
}

func sameHashName(a []Value) bool {
	x, ok := a[0].ref.(*hashName)
	y, both := a[1].ref.(*hashName)
	return ok && both && x.name == y.name
}

// rsaSteps is what a private-key operation costs: about a millisecond.
const rsaSteps = 20_000

// digest hashes data, or takes a hash as it is, for an algorithm by its name.
func digest(f *Frame, data, name Value, compute bool) ([]byte, crypto.Hash, error) {
	b, err := blobOf(data, "data")
	if err != nil {
		return nil, 0, err
	}
	h, _ := name.ref.(*hashName)
	if h == nil || h.name == "" {
		return nil, 0, dotnet.Argument("The hash algorithm name cannot be null or empty.", "hashAlgorithm")
	}
	k, ok := hashNamed(h.name)
	if !ok {
		return nil, 0, cryptoError("'" + h.name + "' is not a known hash algorithm.")
	}
	if err := f.Step(rsaSteps + len(b)/64); err != nil {
		return nil, 0, err
	}
	if compute {
		w := k.new()
		w.Write(b)
		return w.Sum(nil), k.id, nil
	}
	if len(b) != k.id.Size() {
		return nil, 0, cryptoError("The provided hash value is not the expected size for the specified hash algorithm.")
	}
	return b, k.id, nil
}

func rsaSign(compute bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		sum, h, err := digest(f, a[1], a[2], compute)
		if err != nil {
			return Null, err
		}
		p, ok := a[3].ref.(*padding)
		if !ok {
			return Null, dotnet.ArgumentNull("padding")
		}
		key, err := a[0].ref.(*rsaKey).privateKey(f)
		if err != nil {
			return Null, err
		}
		var signature []byte
		if p.name == "Pss" {
			signature, err = rsa.SignPSS(rand.Reader, key, h, sum, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			signature, err = rsa.SignPKCS1v15(rand.Reader, key, h, sum)
		}
		if err != nil {
			return Null, cryptoError("The data cannot be signed with this key.")
		}
		return Bytes(signature), nil
	}
}

func rsaVerify(compute bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		sum, h, err := digest(f, a[1], a[3], compute)
		if err != nil {
			return Null, err
		}
		signature, err := blobOf(a[2], "signature")
		if err != nil {
			return Null, err
		}
		p, ok := a[4].ref.(*padding)
		if !ok {
			return Null, dotnet.ArgumentNull("padding")
		}
		key, err := a[0].ref.(*rsaKey).publicKey(f)
		if err != nil {
			return Null, err
		}
		if p.name == "Pss" {
			return Bool(rsa.VerifyPSS(key, h, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil), nil
		}
		return Bool(rsa.VerifyPKCS1v15(key, h, sum, signature) == nil), nil
	}
}

func rsaEncrypt(f *Frame, a []Value) (Value, error) {
	b, p, err := rsaInput(f, a)
	if err != nil {
		return Null, err
	}
	key, err := a[0].ref.(*rsaKey).publicKey(f)
	if err != nil {
		return Null, err
	}
	var out []byte
	if p.name == "Oaep" {
		out, err = rsa.EncryptOAEP(p.hash.New(), rand.Reader, key, b, nil)
	} else {
		//lint:ignore SA1019 .NET's RSAEncryptionPadding.Pkcs1 is on the allow-list: what documents name is what they get
		out, err = rsa.EncryptPKCS1v15(rand.Reader, key, b)
	}
	if err != nil {
		return Null, cryptoError("The message exceeds the maximum allowable length for the chosen options.")
	}
	return Bytes(out), nil
}

func rsaDecrypt(f *Frame, a []Value) (Value, error) {
	b, p, err := rsaInput(f, a)
	if err != nil {
		return Null, err
	}
	key, err := a[0].ref.(*rsaKey).privateKey(f)
	if err != nil {
		return Null, err
	}
	var out []byte
	if p.name == "Oaep" {
		out, err = rsa.DecryptOAEP(p.hash.New(), nil, key, b, nil)
	} else {
		//lint:ignore SA1019 as above; whether it failed shows in LastError alone, never in an answer of the gateway's own
		out, err = rsa.DecryptPKCS1v15(nil, key, b)
	}
	if err != nil {
		return Null, cryptoError("The parameter is incorrect.")
	}
	return Bytes(out), nil
}

func rsaInput(f *Frame, a []Value) ([]byte, *padding, error) {
	b, err := blobOf(a[1], "data")
	if err != nil {
		return nil, nil, err
	}
	p, ok := a[2].ref.(*padding)
	if !ok {
		return nil, nil, dotnet.ArgumentNull("padding")
	}
	return b, p, f.Step(rsaSteps)
}

func rsaDecls() []Decl {
	const ns = "System.Security.Cryptography."
	list := members{
		m("static RSA Create()", newRSA), m("static RSA Create(int keySizeInBits)", newRSA), m("void ImportFromPem(string input)", importPEM),
		m("byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaSign(true)),
		m("byte[] SignHash(byte[] hash, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaSign(false)),
		m("bool VerifyData(byte[] data, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaVerify(true)),
		m("bool VerifyHash(byte[] hash, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaVerify(false)),
		m("byte[] Encrypt(byte[] data, RSAEncryptionPadding padding)", rsaEncrypt), m("byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)", rsaDecrypt),
		m("string SignatureAlgorithm { get; }", zeroArgs(String("RSA"), nil)), m("string KeyExchangeAlgorithm { get; }", zeroArgs(String("RSA"), nil)),
	}
	for _, form := range keyForms {
		list = append(list, m("void Import"+form.name+"(byte[] source, out int bytesRead)", form.importKey), m("byte[] Export"+form.name+"()", form.exportKey), m("string Export"+form.name+"Pem()", form.exportPEM))
	}
	return []Decl{
		{Head: "class " + ns + "AsymmetricAlgorithm : IDisposable", Refused: "Create LegalKeySizes FromXmlString ToXmlString ImportFromEncryptedPem ImportEncryptedPkcs8PrivateKey ExportEncryptedPkcs8PrivateKey TryExportPkcs8PrivateKey TryExportSubjectPublicKeyInfo", Members: members{
			p("int KeySize { get; set; }", of(func(k *rsaKey) Value { return Int(k.bits()) }), setRSASize), m("void Clear()", nothingDone), m("void Dispose()", nothingDone),
		}},
		{Head: "class " + ns + "RSA : AsymmetricAlgorithm", Type: rsaType, Refused: "ImportParameters ExportParameters EncryptValue DecryptValue TrySignData TrySignHash TryEncrypt TryDecrypt", Members: list},
	}
}
