package expr

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
	"strings"

	"gatehouse/dotnet"
)

// SymmetricAlgorithm, and what Encrypt and Decrypt of a byte[] do with one.

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
