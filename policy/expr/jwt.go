package expr

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"gatehouse/dotnet/newtonsoft"
)

// maxToken bounds the tokens that are read.
const maxToken = 64 << 10

func jwtValue(s string) Value {
	if j := readJwt(s); j != nil {
		return Value{j, 0}
	}
	return Null
}

// readJwt reads a token, also behind "Bearer ", without verifying anything (gateway.md 9.2); nil when it cannot be read.
func readJwt(s string) *Jwt {
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, " "); ok && strings.EqualFold(scheme, "Bearer") {
		s = strings.TrimSpace(rest)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(s) > maxToken {
		return nil
	}
	header, claims := jwtPart(parts[0]), jwtPart(parts[1])
	if header == nil || claims == nil {
		return nil
	}
	j := &Jwt{Algorithm: firstText(header, "alg"), Type: firstText(header, "typ"), ID: firstText(claims, "jti"), Issuer: firstText(claims, "iss"),
		Subject: firstText(claims, "sub"), Claims: Claims{}, ExpirationTime: jwtTime(claims, "exp"), IssuedAt: jwtTime(claims, "iat"), NotBefore: jwtTime(claims, "nbf")}
	for _, p := range claims.Items() {
		j.Claims[p.Name()] = claimTexts(p.Item())
	}
	j.Audiences = j.Claims["aud"]
	return j
}

func jwtPart(s string) *newtonsoft.Token {
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil
	}
	t, err := newtonsoft.ParsePlain(string(raw), nil)
	if err != nil || t.Type() != newtonsoft.Object {
		return nil
	}
	return t
}

func claimTexts(t *newtonsoft.Token) []string {
	if t.Type() != newtonsoft.Array {
		return []string{claimText(t)}
	}
	list := make([]string, len(t.Items()))
	for i, x := range t.Items() {
		list[i] = claimText(x)
	}
	return list
}

// claimText is a string itself, and the JSON of anything else.
func claimText(t *newtonsoft.Token) string {
	if s, ok := t.Value().(string); ok {
		return s
	}
	s, _ := t.Print(false, nil)
	return s
}

func firstText(t *newtonsoft.Token, name string) string {
	v := t.Get(name)
	if v == nil || v.Type() == newtonsoft.Null {
		return ""
	}
	return claimText(v)
}

func jwtTime(t *newtonsoft.Token, name string) *time.Time {
	seconds, err := strconv.ParseFloat(firstText(t, name), 64)
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) > 1e11 {
		return nil
	}
	at := time.Unix(int64(seconds), 0).UTC()
	return &at
}
