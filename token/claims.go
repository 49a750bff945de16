package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Claim is one claim as .NET's token library shows it: every value as text. A list has one text per element; numbers,
// booleans and objects are their JSON text (gateway.md 9.1).
type Claim struct {
	Name   string
	Values []string
}

// Token is what a token says. It is shared between calls and never changed.
type Token struct {
	Algorithm string // of the signature; "none" for an unsigned one
	Type      string // typ of the header
	KeyID     string
	ID        string
	Issuer    string
	Subject   string
	Audiences []string
	Claims    []Claim // in the order of the token
	// The times are zero where the token has none.
	IssuedAt, NotBefore, Expires time.Time

	byName map[string][]string
}

// Values returns the values of a claim, nil when the token does not have it.
func (t *Token) Values(name string) []string { return t.byName[name] }

// First returns the first value of a claim, "" when there is none.
func (t *Token) First(name string) string {
	if v := t.byName[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Lookup returns the claims by name. The map is shared and must not be changed.
func (t *Token) Lookup() map[string][]string { return t.byName }

// IssuerOf reads who claims to have issued a token, "" when it does not say. Nothing of it is verified.
func IssuerOf(raw string) string {
	parts := strings.SplitN(raw, ".", 4)
	if len(parts) != 3 || len(raw) > tokenMax {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var t Token
	if t.readClaims(payload) != nil {
		return ""
	}
	return t.Issuer
}

// maxClaims bounds how many claims a token may have.
const maxClaims = 1000

// readClaims fills a token from the JSON object that is its payload. A claim that is there twice could mean one thing
// to this server and another to a backend, so such a token is refused.
func (t *Token) readClaims(payload []byte) error {
	d := json.NewDecoder(bytes.NewReader(payload))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errors.New("its claims are no JSON object")
	}
	t.byName = map[string][]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errors.New("its claims cannot be read")
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return errors.New("its claims cannot be read")
		}
		if err := t.addClaim(name.(string), raw); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errors.New("its claims cannot be read")
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows its claims")
	}
	return nil
}

func (t *Token) addClaim(name string, raw json.RawMessage) error {
	if _, twice := t.byName[name]; twice {
		return fmt.Errorf("it has the claim %q twice", clip(name))
	}
	if len(t.Claims) >= maxClaims {
		return fmt.Errorf("it has more than %d claims", maxClaims)
	}
	values, err := texts(raw)
	if err != nil {
		return fmt.Errorf("its claim %q cannot be read", clip(name))
	}
	t.byName[name] = values
	t.Claims = append(t.Claims, Claim{Name: name, Values: values})
	return t.register(name, raw, values)
}

// register takes over what the claims of RFC 7519 section 4.1 mean.
func (t *Token) register(name string, raw json.RawMessage, values []string) (err error) {
	switch name {
	case "iss":
		t.Issuer, err = single(name, raw)
	case "sub":
		t.Subject, err = single(name, raw)
	case "jti":
		t.ID, err = single(name, raw)
	case "aud":
		t.Audiences = values
	case "exp":
		t.Expires, err = date(name, raw)
	case "nbf":
		t.NotBefore, err = date(name, raw)
	case "iat":
		t.IssuedAt, err = date(name, raw)
	}
	return err
}

func single(name string, raw json.RawMessage) (s string, err error) {
	if json.Unmarshal(raw, &s) != nil {
		return "", fmt.Errorf("its claim %q is not a text", name)
	}
	return s, nil
}

// latest is the last second of the year 9999: later times are nothing a clock shows.
const latest = 253402300799

func date(name string, raw json.RawMessage) (time.Time, error) {
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > latest {
		return time.Time{}, fmt.Errorf("its claim %q is not a time in seconds", name)
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), nil
}

// texts returns the values of a claim as texts.
func texts(raw json.RawMessage) ([]string, error) {
	if len(raw) > 0 && raw[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		values := make([]string, 0, len(list))
		for _, element := range list {
			s, err := text(element)
			if err != nil {
				return nil, err
			}
			values = append(values, s)
		}
		return values, nil
	}
	s, err := text(raw)
	return []string{s}, err
}

func text(raw json.RawMessage) (string, error) {
	switch {
	case len(raw) == 0:
		return "", io.ErrUnexpectedEOF
	case raw[0] == '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err
	case string(raw) == "null":
		return "", nil
	case raw[0] == '{' || raw[0] == '[':
		var compact bytes.Buffer
		err := json.Compact(&compact, raw)
		return compact.String(), err
	}
	return string(raw), nil
}

// clip shortens what a caller wrote before it is repeated.
func clip(s string) string {
	if len(s) > 64 {
		s = s[:64] + "..."
	}
	return s
}
