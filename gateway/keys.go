package gateway

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
)

// sameKey compares keys in constant time.
func sameKey(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// The names of the key where an API does not say others.
const (
	defaultKeyHeader = "Ocp-Apim-Subscription-Key"
	defaultKeyQuery  = "subscription-key"
)

// admission is by what right a call goes on.
type admission struct {
	held    *held    // the subscription; nil without a key
	product *product // whose policies run; nil for none
}

// admit applies the rules of subscription keys (gateway.md 3.1).
func (p *Plan) admit(r *http.Request, a *api) (admission, *pipeline.Failure) {
	key, present := keyOf(r, a)
	if !present {
		return p.withoutKey(r, a)
	}
	h := p.subscription(key)
	if h == nil || !h.subscription.Active() {
		return admission{}, a.keyRefused(r, invalidKey)
	}
	product, ok := p.covers(h.subscription, a)
	if !ok {
		return admission{}, a.keyRefused(r, invalidKey)
	}
	return admission{h, product}, nil
}

// keyOf reads the key of a call: the header, and only without that the query.
func keyOf(r *http.Request, a *api) (key string, present bool) {
	if values := r.Header[a.keyHeader]; len(values) > 0 {
		return strings.TrimSpace(values[0]), true
	}
	if r.URL.RawQuery == "" {
		return "", false
	}
	return queryValue(r.URL.RawQuery, a.keyQuery)
}

func (p *Plan) withoutKey(r *http.Request, a *api) (admission, *pipeline.Failure) {
	switch open := p.open[a.base]; {
	case open != nil:
		return admission{product: open}, nil
	case !a.entity.SubscriptionRequired:
		return admission{}, nil
	}
	return admission{}, a.keyRefused(r, missingKey)
}

// covers reports whether a subscription is for an API, and by which product.
func (p *Plan) covers(s *config.Subscription, a *api) (*product, bool) {
	scope := s.Scope
	switch {
	case s.AllAccess:
		return nil, true
	case scope == s.Key().Workspace(): // all APIs of the service, or of a workspace
		return nil, scope == a.base.Workspace()
	}
	if covered, _, _ := strings.Cut(string(scope), revisionMark); covered == string(a.base) {
		return nil, true
	}
	if product := p.products[scope]; product != nil && product.apis[a.base] {
		return product, true
	}
	return nil, false
}

const (
	missingKey = "Access denied due to missing subscription key. Make sure to include subscription key when making requests to an API."
	invalidKey = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."
)

// keyRefused is the answer to a call without a key that opens the API (gateway.md 3.2).
func (a *api) keyRefused(r *http.Request, text string) *pipeline.Failure {
	reason := "SubscriptionKeyInvalid"
	if text == missingKey {
		reason = "SubscriptionKeyNotFound"
	}
	return &pipeline.Failure{Source: "authorization", Reason: reason, Message: text, Status: http.StatusUnauthorized, StatusReason: "Access Denied", Text: text,
		Header: http.Header{"Www-Authenticate": {a.challenge(r.Host)}}}
}

// challenge tells where a key belongs; host is that of the call.
func (a *api) challenge(host string) string {
	name := a.entity.KeyNames.Header
	if name == "" {
		name = defaultKeyHeader
	}
	return `AzureApiManagementKey realm="https://` + quotable(host) + "/" + quotable(a.entity.Path) + `",name="` + quotable(name) + `",type="header"`
}

// quotable is a text without what would end a quoted one.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '"' || r == '\\' || r < ' ' {
			return -1
		}
		return r
	}, s)
}
