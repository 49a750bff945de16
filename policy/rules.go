package policy

import (
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// rules are what a policy wants besides what the table says of it. They look at literals, and what they say tells no value:
// it may be that of a secret.
var rules = map[string]func(*Element) []Fault{
	"azure-openai-emit-token-metric": dimensionsRule,
	"azure-openai-token-limit":       tokenLimitRule,
	"emit-metric":                    dimensionsRule,
	"ip-filter":                      addressesRule,
	"llm-emit-token-metric":          dimensionsRule,
	"llm-token-limit":                tokenLimitRule,
	"rate-limit":                     periodsRule,
	"rate-limit-by-key":              periodsRule,
	"set-backend-service":            baseRule,
	"validate-azure-ad-token":        tenantRule,
	"validate-jwt":                   keysRule,
}

func wrong(e *Element, message string) []Fault { return []Fault{{e.Name, e.Pos, message}} }

// literal returns an attribute whose value is known.
func (e *Element) literal(name string) (text string, ok bool) {
	v, ok := e.Attr(name)
	return strings.TrimSpace(v.Text), ok && v.Literal()
}

// Dimensions are those of metrics that the gateway fills in, in small letters (gateway.md 8.2).
func Dimensions() []string {
	return []string{"api id", "operation id", "product id", "user id", "subscription id", "location", "gateway id", "backend id"}
}

// MaxDimensions is how many dimensions of its own a metric may have (gateway.md 16).
const MaxDimensions = 5

func dimensionsRule(e *Element) (faults []Fault) {
	own := 0
	for _, d := range e.Children {
		name, literal := d.literal("name")
		_, given := d.Attr("value")
		known := literal && slices.Contains(Dimensions(), strings.ToLower(name))
		if !known && !given {
			faults = append(faults, wrong(d, "The dimension needs a value: it is none of those that are known.")...)
		}
		if !known || given {
			own++
		}
	}
	if own > MaxDimensions {
		faults = append(faults, wrong(e, "A metric has at most 5 dimensions of its own.")...)
	}
	return faults
}

func tokenLimitRule(e *Element) []Fault {
	_, quota := e.Attr("token-quota")
	_, period := e.Attr("token-quota-period")
	if quota != period {
		return wrong(e, "The attributes 'token-quota' and 'token-quota-period' go together.")
	}
	return nil
}

func addressesRule(e *Element) (faults []Fault) {
	address := func(at *Element, v Value) {
		if _, err := netip.ParseAddr(strings.TrimSpace(v.Text)); v.Literal() && err != nil {
			faults = append(faults, wrong(at, "This is not an IP address; ranges are written as address-range with from and to.")...)
		}
	}
	for _, child := range e.Children {
		if child.Name == "address" {
			address(child, child.Text)
			continue
		}
		for _, a := range child.Attrs {
			if a.Name != "id" {
				address(child, a.Value)
			}
		}
	}
	return faults
}

func periodsRule(e *Element) (faults []Fault) {
	if text, ok := e.literal("renewal-period"); ok {
		if n, ok := Seconds(text); ok && n < 1 {
			faults = wrong(e, "The 'renewal-period' attribute is invalid - The value has to be at least 1.")
		}
	}
	for _, child := range e.Children {
		faults = append(faults, periodsRule(child)...)
	}
	return faults
}

// ServerURL reads the address of a backend.
func ServerURL(text string) (*url.URL, bool) {
	u, err := url.Parse(strings.TrimSpace(text))
	return u, err == nil && u.Host != "" && slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme)
}

func baseRule(e *Element) []Fault {
	text, ok := e.literal("base-url")
	if _, usable := ServerURL(text); ok && !usable {
		return wrong(e, "The 'base-url' attribute is invalid - The address of a backend has to be one of http, https, ws or wss.")
	}
	return nil
}

func tenantRule(e *Element) []Fault {
	if text, ok := e.literal("tenant-id"); ok && text == "" {
		return wrong(e, "The 'tenant-id' attribute names no tenant.")
	}
	return nil
}

// minSecret is how long a symmetric key has to be, in bytes.
const minSecret = 16

func keysRule(e *Element) (faults []Fault) {
	for _, group := range e.Children {
		if group.Name != "issuer-signing-keys" && group.Name != "decryption-keys" {
			continue
		}
		for _, key := range group.Children {
			if text := keyFault(key); text != "" {
				faults = append(faults, wrong(key, text)...)
			}
		}
	}
	return faults
}

// keyFault says what is wrong with a key: it is a certificate's, an RSA key's modulus and exponent, or Base64 in the text.
func keyFault(key *Element) string {
	n, hasN := key.Attr("n")
	e, hasE := key.Attr("e")
	_, certificate := key.Attr("certificate-id")
	switch {
	case certificate, hasN && !n.Literal(), hasE && !e.Literal():
		return ""
	case hasN || hasE:
		modulus, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(n.Text), "="))
		exponent, err2 := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(e.Text), "="))
		if err != nil || err2 != nil || len(modulus) < 256 || len(exponent) == 0 || len(exponent) > 4 || exponent[len(exponent)-1]%2 == 0 {
			return "The attributes 'n' and 'e' have to be modulus and exponent of an RSA key of at least 2048 bits, in Base64url."
		}
		return ""
	case !key.Text.Literal():
		return ""
	}
	secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key.Text.Text))
	switch {
	case err != nil:
		return "The text of 'key' has to be Base64."
	case len(secret) < minSecret:
		return "The key has fewer than 128 bits."
	}
	return ""
}
