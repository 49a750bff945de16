package expr

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strings"

	"gatehouse/dotnet"
)

// System.Security.Cryptography (policy-expressions.md 8). The keys are the policies' own; what they choose, MD5 and DES included, is
// theirs to choose.

var (
	hashNameType, signaturePaddingType, encryptionPaddingType = new(Type), new(Type), new(Type)
	rsaType, symmetricType, randomBytesType, oidType          = new(Type), new(Type), new(Type), new(Type)
	cipherModeType, paddingModeType                           = new(Type), new(Type)
)

// hasher is a HashAlgorithm; key is of a keyed one.
type hasher struct {
	typ   *Type
	new   func() hash.Hash
	keyed bool
	key   []byte
	last  []byte
}

func (h *hasher) dotnetType() *Type { return h.typ }

func (h *hasher) sum(b []byte) []byte {
	w := h.new()
	if h.keyed {
		w = hmac.New(h.new, h.key)
	}
	w.Write(b)
	h.last = w.Sum(nil)
	return h.last
}

type hashKind struct {
	name string
	new  func() hash.Hash
	id   crypto.Hash
}

var hashKinds = []hashKind{
	{"MD5", md5.New, crypto.MD5}, {"SHA1", sha1.New, crypto.SHA1}, {"SHA256", sha256.New, crypto.SHA256},
	{"SHA384", sha512.New384, crypto.SHA384}, {"SHA512", sha512.New, crypto.SHA512},
}

func hashNamed(name string) (hashKind, bool) {
	name = strings.TrimPrefix(strings.ToUpper(strings.ReplaceAll(name, "-", "")), "HMAC")
	for _, k := range hashKinds {
		if k.name == name {
			return k, true
		}
	}
	return hashKind{}, false
}

func cryptoError(message string) error {
	return throw("System.Security.Cryptography.CryptographicException", "%s", message)
}

// blobOf takes a byte[] apart; null is an error.
func blobOf(v Value, param string) ([]byte, error) {
	if b, ok := v.ByteSlice(); ok {
		return b, nil
	}
	return nil, dotnet.ArgumentNull(param)
}

// section is the part of a byte[] that offset and count name.
func section(a []Value) ([]byte, error) {
	b, err := blobOf(a[0], "buffer")
	if err != nil || len(a) < 3 {
		return b, err
	}
	from, n := a[1].n, a[2].n
	if from < 0 || n < 0 || from+n > int64(len(b)) {
		return nil, dotnet.Argument("Value was invalid.", "count")
	}
	return b[from : from+n], nil
}

// work charges steps for bytes that are hashed or encrypted.
func work(f *Frame, n int) error { return f.Step(1 + n/64) }

func computeHash(f *Frame, a []Value) (Value, error) {
	b, err := section(a[1:])
	if err == nil {
		err = work(f, len(b))
	}
	if err != nil {
		return Null, err
	}
	sum := a[0].ref.(*hasher).sum(b)
	return Bytes(sum), f.Spend(len(sum))
}

func hasherCode[T any](get func(h *hasher) T, wrap func(T) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) { return wrap(get(a[0].ref.(*hasher))), nil }
}

func nothingDone(*Frame, []Value) (Value, error) { return Null, nil }

var cryptoDecls = func() []Decl {
	decls := []Decl{
		{Head: "class System.Security.Cryptography.HashAlgorithm : IDisposable", Refused: "Create TransformBlock TransformFinalBlock ComputeHashAsync TryComputeHash", Members: members{
			m("byte[] ComputeHash(byte[] buffer)", computeHash), m("byte[] ComputeHash(byte[] buffer, int offset, int count)", computeHash),
			m("int HashSize { get; }", hasherCode(func(h *hasher) int { return h.new().Size() * 8 }, Int)),
			m("byte[] Hash { get; }", hasherCode(func(h *hasher) []byte { return h.last }, func(b []byte) Value {
				if b == nil {
					return Null
				}
				return Bytes(append([]byte(nil), b...))
			})),
			m("void Clear()", nothingDone), m("void Dispose()", nothingDone), m("void Initialize()", nothingDone),
		}},
		{Head: "class System.Security.Cryptography.KeyedHashAlgorithm : HashAlgorithm", Members: members{
			p("byte[] Key { get; set; }", hasherCode(func(h *hasher) []byte { return append([]byte(nil), h.key...) }, Bytes), func(_ *Frame, a []Value) (Value, error) {
				key, err := blobOf(a[1], "value")
				a[0].ref.(*hasher).key = append([]byte(nil), key...)
				return Null, err
			}),
		}},
		{Head: "class System.Security.Cryptography.HMAC : KeyedHashAlgorithm", Members: members{
			m("string HashName { get; }", hasherCode(func(h *hasher) string { return strings.TrimPrefix(simpleName(h.typ.name), "HMAC") }, String)),
		}},
	}
	for _, k := range hashKinds {
		decls = append(decls, hashDecls(k)...)
	}
	return append(decls, keyDecls()...)
}()

// hashDecls declares SHA256, SHA256Managed and HMACSHA256, and so on.
func hashDecls(k hashKind) []Decl {
	const ns = "System.Security.Cryptography."
	plain, managed, keyed := new(Type), new(Type), new(Type)
	created := func(t *Type) Func {
		return func(*Frame, []Value) (Value, error) { return Value{&hasher{typ: t, new: k.new}, 0}, nil }
	}
	withKey := func(_ *Frame, a []Value) (Value, error) {
		h := &hasher{typ: keyed, new: k.new, keyed: true}
		if len(a) == 0 {
			h.key = make([]byte, k.new().BlockSize())
			_, err := rand.Read(h.key)
			return Value{h, 0}, err
		}
		key, err := blobOf(a[0], "key")
		h.key = append([]byte(nil), key...)
		return Value{h, 0}, err
	}
	data := func(f *Frame, a []Value) (Value, error) {
		b, err := blobOf(a[len(a)-1], "source")
		if err == nil {
			err = work(f, len(b))
		}
		h := &hasher{new: k.new, keyed: len(a) == 2}
		if err == nil && h.keyed {
			h.key, err = blobOf(a[0], "key")
		}
		if err != nil {
			return Null, err
		}
		return Bytes(h.sum(b)), nil
	}
	list := []Decl{
		{Head: "class " + ns + k.name + " : HashAlgorithm", Type: plain, Members: members{
			m("static "+k.name+" Create()", created(plain)), m("static byte[] HashData(byte[] source)", data),
		}},
		{Head: "class " + ns + "HMAC" + k.name + " : HMAC", Type: keyed, Members: members{
			m("HMAC"+k.name+"()", withKey), m("HMAC"+k.name+"(byte[] key)", withKey), m("static byte[] HashData(byte[] key, byte[] source)", data),
		}},
	}
	if k.name != "MD5" {
		list = append(list, Decl{Head: "class " + ns + k.name + "Managed : " + k.name, Type: managed, Members: members{m(k.name+"Managed()", created(managed))}})
	}
	return list
}

// hashName is a HashAlgorithmName, padding one of the two paddings; they never change.
type (
	hashName struct{ name string }
	padding  struct {
		typ  *Type
		name string // Pkcs1, Pss, Oaep
		hash crypto.Hash
	}
	rsaKey struct {
		public  *rsa.PublicKey
		private *rsa.PrivateKey
	}
	randomBytes struct{ _ byte }
	oid         struct{ value, name string }
)

func (*hashName) dotnetType() *Type    { return hashNameType }
func (p *padding) dotnetType() *Type   { return p.typ }
func (*rsaKey) dotnetType() *Type      { return rsaType }
func (*randomBytes) dotnetType() *Type { return randomBytesType }
func (*oid) dotnetType() *Type         { return oidType }

func keyDecls() []Decl {
	const ns = "System.Security.Cryptography."
	names := members{
		m("HashAlgorithmName(string name)", func(_ *Frame, a []Value) (Value, error) { return Value{&hashName{a[0].Str()}, 0}, nil }),
		m("string Name { get; }", of(func(h *hashName) Value { return String(h.name) })), m("string ToString()", of(func(h *hashName) Value { return String(h.name) })),
		m("bool Equals(object obj)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameHashName(a)), nil }),
		m("int GetHashCode()", of(func(h *hashName) Value { return Int(int(dotnet.HashCode(h.name))) })),
		m("static bool operator ==(HashAlgorithmName left, HashAlgorithmName right)", func(_ *Frame, a []Value) (Value, error) { return Bool(sameHashName(a)), nil }),
		m("static bool operator !=(HashAlgorithmName left, HashAlgorithmName right)", func(_ *Frame, a []Value) (Value, error) { return Bool(!sameHashName(a)), nil }),
	}
	for _, k := range hashKinds {
		names = append(names, m("static HashAlgorithmName "+k.name+" { get; }", zeroArgs(Value{&hashName{k.name}, 0}, nil)))
	}
	pad := func(t *Type, name string, h crypto.Hash) Func { return zeroArgs(Value{&padding{t, name, h}, 0}, nil) }
	return []Decl{
		{Head: "struct " + ns + "HashAlgorithmName", Type: hashNameType, Zero: Value{&hashName{}, 0}, Members: names},
		{Head: "class " + ns + "RSASignaturePadding", Type: signaturePaddingType, Members: members{
			m("static RSASignaturePadding Pkcs1 { get; }", pad(signaturePaddingType, "Pkcs1", 0)), m("static RSASignaturePadding Pss { get; }", pad(signaturePaddingType, "Pss", 0)),
			m("string ToString()", of(func(p *padding) Value { return String(p.name) })),
		}},
		{Head: "class " + ns + "RSAEncryptionPadding", Type: encryptionPaddingType, Members: members{
			m("static RSAEncryptionPadding Pkcs1 { get; }", pad(encryptionPaddingType, "Pkcs1", 0)),
			m("static RSAEncryptionPadding OaepSHA1 { get; }", pad(encryptionPaddingType, "Oaep", crypto.SHA1)), m("static RSAEncryptionPadding OaepSHA256 { get; }", pad(encryptionPaddingType, "Oaep", crypto.SHA256)),
			m("static RSAEncryptionPadding OaepSHA384 { get; }", pad(encryptionPaddingType, "Oaep", crypto.SHA384)), m("static RSAEncryptionPadding OaepSHA512 { get; }", pad(encryptionPaddingType, "Oaep", crypto.SHA512)),
			m("string ToString()", of(func(p *padding) Value { return String(p.name) })),
		}},
		{Head: "enum " + ns + "CipherMode { CBC = 1, ECB = 2, OFB = 3, CFB = 4, CTS = 5 }", Type: cipherModeType},
		{Head: "enum " + ns + "PaddingMode { None = 1, PKCS7 = 2, Zeros = 3, ANSIX923 = 4, ISO10126 = 5 }", Type: paddingModeType},
		{Head: "class " + ns + "RNGCryptoServiceProvider : IDisposable", Type: randomBytesType, Members: members{
			m("RNGCryptoServiceProvider()", func(*Frame, []Value) (Value, error) { return Value{&randomBytes{}, 0}, nil }),
			m("void GetBytes(byte[] data)", func(f *Frame, a []Value) (Value, error) {
				b, err := blobOf(a[1], "data")
				if err == nil {
					err = work(f, len(b))
				}
				if err == nil {
					_, err = rand.Read(b)
				}
				return Null, err
			}),
			m("void Dispose()", nothingDone),
		}},
		{Head: "class " + ns + "Oid", Type: oidType, Members: members{
			m("Oid(string oid)", func(_ *Frame, a []Value) (Value, error) { return Value{&oid{value: a[0].Str()}, 0}, nil }),
			m("Oid(string value, string friendlyName)", func(_ *Frame, a []Value) (Value, error) { return Value{&oid{a[0].Str(), a[1].Str()}, 0}, nil }),
			m("string Value { get; }", of(func(o *oid) Value { return String(o.value) })), m("string FriendlyName { get; }", of(func(o *oid) Value { return String(o.name) })),
		}},
		{Head: "class " + ns + "AsymmetricAlgorithm : IDisposable", Members: members{
			m("int KeySize { get; }", of(func(k *rsaKey) Value { return Int(k.public.N.BitLen()) })), m("void Clear()", nothingDone), m("void Dispose()", nothingDone),
		}},
		{Head: "class " + ns + "RSA : AsymmetricAlgorithm", Type: rsaType, Refused: "Create ImportParameters ExportParameters", Members: members{
			m("byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaSign(true)),
			m("byte[] SignHash(byte[] hash, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaSign(false)),
			m("bool VerifyData(byte[] data, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaVerify(true)),
			m("bool VerifyHash(byte[] hash, byte[] signature, HashAlgorithmName hashAlgorithm, RSASignaturePadding padding)", rsaVerify(false)),
			m("byte[] Encrypt(byte[] data, RSAEncryptionPadding padding)", rsaEncrypt), m("byte[] Decrypt(byte[] data, RSAEncryptionPadding padding)", rsaDecrypt),
		}},
		{Head: "class " + ns + "SymmetricAlgorithm : IDisposable", Type: symmetricType, Refused: "CreateEncryptor CreateDecryptor", Members: symmetricMembers()},
		{Head: "internal static class CryptographyExtensions", Members: members{
			m("static byte[] Encrypt(this byte[] input, string alg, byte[] key, byte[] iv)", cryptNamed(true)), m("static byte[] Decrypt(this byte[] input, string alg, byte[] key, byte[] iv)", cryptNamed(false)),
			m("static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg)", cryptWith(true)), m("static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg)", cryptWith(false)),
			m("static byte[] Encrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)", cryptWith(true)), m("static byte[] Decrypt(this byte[] input, SymmetricAlgorithm alg, byte[] key, byte[] iv)", cryptWith(false)),
			m("static Jwt AsJwt(this string input)", func(_ *Frame, a []Value) (Value, error) { return jwtValue(a[0].Str()), nil }),
			m("static bool TryParseJwt(this string input, out Jwt result)", func(_ *Frame, a []Value) (Value, error) {
				a[1] = jwtValue(a[0].Str())
				return Bool(a[1].ref != nil), nil
			}),
		}},
	}
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
		key := a[0].ref.(*rsaKey).private
		if key == nil {
			return Null, cryptoError("The key does not have a private key.")
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
		key := a[0].ref.(*rsaKey).public
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
	key := a[0].ref.(*rsaKey).public
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
	key := a[0].ref.(*rsaKey).private
	if key == nil {
		return Null, cryptoError("The key does not have a private key.")
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

// symmetric is a SymmetricAlgorithm.
type symmetric struct {
	name    string // AES, TripleDES, DES
	key, iv []byte
	mode    int64 // CipherMode
	pad     int64 // PaddingMode
}

func (*symmetric) dotnetType() *Type { return symmetricType }

var symmetricNames = map[string]string{"AES": "AES", "AESMANAGED": "AES", "AESCRYPTOSERVICEPROVIDER": "AES", "RIJNDAEL": "AES", "RIJNDAELMANAGED": "AES",
	"TRIPLEDES": "TripleDES", "3DES": "TripleDES", "TRIPLE DES": "TripleDES", "DES": "DES"}

func newSymmetric(name string) (*symmetric, error) {
	known := symmetricNames[strings.TrimPrefix(strings.ToUpper(name), "SYSTEM.SECURITY.CRYPTOGRAPHY.")]
	if known == "" {
		return nil, cryptoError("'" + name + "' is not a known symmetric algorithm.")
	}
	s := &symmetric{name: known, mode: 1, pad: 2}
	size := map[string]int{"AES": 32, "TripleDES": 24, "DES": 8}[known]
	s.key, s.iv = make([]byte, size), make([]byte, s.block())
	if _, err := rand.Read(s.key); err != nil {
		return nil, err
	}
	_, err := rand.Read(s.iv)
	return s, err
}

func (s *symmetric) block() int {
	if s.name == "AES" {
		return aes.BlockSize
	}
	return des.BlockSize
}

func (s *symmetric) cipher(key []byte) (cipher.Block, error) {
	var c cipher.Block
	var err error
	switch s.name {
	case "AES":
		c, err = aes.NewCipher(key)
	case "TripleDES":
		if len(key) == 16 {
			key = append(append([]byte(nil), key...), key[:8]...)
		}
		c, err = des.NewTripleDESCipher(key)
	default:
		c, err = des.NewCipher(key)
	}
	if err != nil {
		return nil, dotnet.Argument("Specified key is not a valid size for this algorithm.", "rgbKey")
	}
	return c, nil
}

// run encrypts or decrypts.
func (s *symmetric) run(f *Frame, b, key, iv []byte, encrypt bool) ([]byte, error) {
	if err := work(f, len(b)); err != nil {
		return nil, err
	}
	if err := f.Spend(len(b) + 32); err != nil {
		return nil, err
	}
	c, err := s.cipher(key)
	if err != nil {
		return nil, err
	}
	n := c.BlockSize()
	if s.mode == 1 && len(iv) != n {
		return nil, dotnet.Argument("Specified initialization vector (IV) does not match the block size for this algorithm.", "rgbIV")
	}
	if s.mode != 1 && s.mode != 2 {
		return nil, cryptoError("Specified cipher mode is not valid for this algorithm.")
	}
	out := append([]byte(nil), b...)
	if encrypt {
		if out, err = s.padded(out, n); err != nil {
			return nil, err
		}
	} else if len(out)%n != 0 {
		return nil, cryptoError("The input data is not a complete block.")
	}
	switch {
	case s.mode == 2:
		for at := 0; at < len(out); at += n {
			if encrypt {
				c.Encrypt(out[at:], out[at:])
			} else {
				c.Decrypt(out[at:], out[at:])
			}
		}
	case encrypt:
		cipher.NewCBCEncrypter(c, iv).CryptBlocks(out, out)
	default:
		cipher.NewCBCDecrypter(c, iv).CryptBlocks(out, out)
	}
	if encrypt {
		return out, nil
	}
	return s.unpadded(out, n)
}

func (s *symmetric) padded(b []byte, n int) ([]byte, error) {
	rest := n - len(b)%n
	switch {
	case s.pad == 1 && rest != n:
		return nil, cryptoError("The input data is not a complete block.")
	case s.pad == 1 || s.pad == 3 && rest == n:
		return b, nil
	}
	fill := make([]byte, rest)
	switch s.pad {
	case 2:
		for i := range fill {
			fill[i] = byte(rest)
		}
	case 5:
		if _, err := rand.Read(fill); err != nil {
			return nil, err
		}
		fill[rest-1] = byte(rest)
	case 4:
		fill[rest-1] = byte(rest)
	}
	return append(b, fill...), nil
}

func (s *symmetric) unpadded(b []byte, n int) ([]byte, error) {
	if s.pad == 1 || s.pad == 3 {
		return b, nil
	}
	bad := cryptoError("Padding is invalid and cannot be removed.")
	if len(b) == 0 {
		return nil, bad
	}
	rest := int(b[len(b)-1])
	if rest == 0 || rest > n {
		return nil, bad
	}
	if s.pad == 2 {
		same := 1
		for _, c := range b[len(b)-rest:] {
			same &= subtle.ConstantTimeByteEq(c, byte(rest))
		}
		if same == 0 {
			return nil, bad
		}
	}
	return b[:len(b)-rest], nil
}

func cryptNamed(encrypt bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s, err := newSymmetric(a[1].Str())
		if err != nil {
			return Null, err
		}
		return crypted(f, s, a[0], a[2], a[3], encrypt)
	}
}

func cryptWith(encrypt bool) Func {
	return func(f *Frame, a []Value) (Value, error) {
		s, ok := a[1].ref.(*symmetric)
		if !ok {
			return Null, dotnet.ArgumentNull("alg")
		}
		if len(a) > 2 {
			return crypted(f, s, a[0], a[2], a[3], encrypt)
		}
		return crypted(f, s, a[0], Bytes(s.key), Bytes(s.iv), encrypt)
	}
}

func crypted(f *Frame, s *symmetric, input, key, iv Value, encrypt bool) (Value, error) {
	b, err := blobOf(input, "input")
	if err != nil {
		return Null, err
	}
	k, err := blobOf(key, "key")
	if err != nil {
		return Null, err
	}
	v, _ := iv.ByteSlice()
	out, err := s.run(f, b, k, v, encrypt)
	if err != nil {
		return Null, err
	}
	return Bytes(out), nil
}

func symmetricMembers() members {
	blob := func(at func(s *symmetric) *[]byte) (get, set Func) {
		return of(func(s *symmetric) Value { return Bytes(append([]byte(nil), *at(s)...)) }), func(_ *Frame, a []Value) (Value, error) {
			b, err := blobOf(a[1], "value")
			*at(a[0].ref.(*symmetric)) = append([]byte(nil), b...)
			return Null, err
		}
	}
	number := func(typ *Type, at func(s *symmetric) *int64) (get, set Func) {
		return of(func(s *symmetric) Value { return Number(typ, *at(s)) }), func(_ *Frame, a []Value) (Value, error) {
			*at(a[0].ref.(*symmetric)) = a[1].n
			return Null, nil
		}
	}
	key, setKey := blob(func(s *symmetric) *[]byte { return &s.key })
	iv, setIV := blob(func(s *symmetric) *[]byte { return &s.iv })
	mode, setMode := number(cipherModeType, func(s *symmetric) *int64 { return &s.mode })
	pad, setPad := number(paddingModeType, func(s *symmetric) *int64 { return &s.pad })
	fresh := func(at func(s *symmetric) []byte) Func {
		return func(_ *Frame, a []Value) (Value, error) {
			_, err := rand.Read(at(a[0].ref.(*symmetric)))
			return Null, err
		}
	}
	return members{
		m("static SymmetricAlgorithm Create(string algName)", func(_ *Frame, a []Value) (Value, error) {
			s, err := newSymmetric(a[0].Str())
			if err != nil {
				return Null, err
			}
			return Value{s, 0}, nil
		}),
		p("byte[] Key { get; set; }", key, setKey), p("byte[] IV { get; set; }", iv, setIV), p("CipherMode Mode { get; set; }", mode, setMode), p("PaddingMode Padding { get; set; }", pad, setPad),
		m("int BlockSize { get; }", of(func(s *symmetric) Value { return Int(8 * s.block()) })), m("int KeySize { get; }", of(func(s *symmetric) Value { return Int(8 * len(s.key)) })),
		m("void GenerateKey()", fresh(func(s *symmetric) []byte { return s.key })), m("void GenerateIV()", fresh(func(s *symmetric) []byte { return s.iv })),
		m("void Clear()", nothingDone), m("void Dispose()", nothingDone),
	}
}
