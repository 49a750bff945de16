package expr

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
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
	randomBytes struct{ _ byte }
	oid         struct{ value, name string }
)

func (*hashName) dotnetType() *Type { return hashNameType }

func (p *padding) dotnetType() *Type { return p.typ }

func (*randomBytes) dotnetType() *Type { return randomBytesType }

func (*oid) dotnetType() *Type { return oidType }

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
	return append(rsaDecls(), []Decl{
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
	}...)
}
