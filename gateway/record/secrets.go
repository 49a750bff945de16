package record

import (
	"net/url"
	"strings"
	"sync"

	"gatehouse/gateway/config"
)

// The kinds of references.
const (
	KeyRef    = "key"    // of a subscription: its ID, then primary or secondary
	ValueRef  = "value"  // of a named value: its ID
	TokenRef  = "token"  // number in Record.Tokens
	HiddenRef = "hidden" // what nobody can resolve; the same text has the same one
)

// Secrets are those that a service has and had: a call that began before a change may still show the old one. It is safe for
// concurrent use.
type Secrets struct {
	mu     sync.RWMutex
	keys   map[string]string // key of a subscription -> kind and ID
	values map[string]string // other secret -> kind and ID, "" for what nobody can refer to
	now    map[string]string // kind and ID -> secret
}

type secret struct{ text, ref string } // without a ref it is hidden

// shortest is the least length of a secret that is looked for everywhere: a shorter one says nothing and stands in every text.
const shortest = 3

// SecretsOf gathers the secrets that a configuration holds.
func SecretsOf(c *config.Config) *Secrets {
	s := &Secrets{keys: map[string]string{}, values: map[string]string{}, now: map[string]string{}}
	for e := range c.All() {
		s.Add(e)
	}
	return s
}

// Add takes in an entity, new or changed.
func (s *Secrets) Add(e config.Entity) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case *config.Subscription:
		for which, key := range map[string]string{"primary": e.Primary, "secondary": e.Secondary} {
			if ref := KeyRef + ":" + url.QueryEscape(e.ID+" "+which); key != "" && s.current(ref, key) {
				s.keys[key] = ref
			}
		}
	case *config.NamedValue:
		if ref := ValueRef + ":" + url.QueryEscape(e.ID); e.Secret && len(e.Value) >= shortest && s.current(ref, e.Value) {
			s.values[e.Value] = ref
		}
	case *config.Backend:
		s.addBackend(e)
	case *config.AuthorizationServer:
		s.hide(e.ClientSecret)
	case *config.OpenIDProvider:
		s.hide(e.ClientSecret)
	case *config.IdentityProvider:
		s.hide(e.ClientSecret)
	case *config.AuthorizationProvider:
		s.hide(e.Code["clientSecret"])
		s.hide(e.ClientCredentials["clientSecret"])
	case *config.Connection:
		s.hide(e.Parameters["clientSecret"])
	}
}

// current notes what a reference is to now; what it was to before has none any more. It reports whether that is news.
func (s *Secrets) current(ref, text string) bool {
	was := s.now[ref]
	if was == text {
		return false
	}
	if s.keys[was] == ref {
		delete(s.keys, was)
		s.values[was] = ""
	} else if s.values[was] == ref {
		s.values[was] = ""
	}
	s.now[ref] = text
	return true
}

func (s *Secrets) hide(text string) {
	if _, known := s.values[text]; !known && len(text) >= shortest && !strings.Contains(text, "{{") {
		s.values[text] = ""
	}
}

func (s *Secrets) addBackend(b *config.Backend) {
	if c := b.Credentials; c != nil {
		for _, group := range []map[string][]string{c.Header, c.Query} {
			for _, values := range group {
				for _, v := range values {
					s.hide(v)
				}
			}
		}
		if c.Authorization != nil {
			s.hide(c.Authorization.Parameter)
		}
	}
	if b.Proxy != nil {
		s.hide(b.Proxy.Password)
	}
}

// key is the reference to a key of a subscription, "" for what is none.
func (s *Secrets) key(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keys[text]
}

func (s *Secrets) value(text string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.values[text]
}

// all are the secrets that are looked for everywhere, the longest first: what holds another is hidden whole.
func (s *Secrets) all() []secret {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]secret, 0, len(s.values))
	for text, ref := range s.values {
		list = append(list, secret{text, ref})
	}
	return list
}

// Resolve finds what a reference of the kinds of a configuration refers to.
func Resolve(c *config.Config, kind, of string) (string, bool) {
	switch kind {
	case KeyRef:
		id, which, _ := strings.Cut(of, " ")
		if sub, ok := c.Subscriptions.Get(config.KeyOf(id)); ok {
			if which == "secondary" {
				return sub.Secondary, true
			}
			return sub.Primary, true
		}
	case ValueRef:
		if v, ok := c.NamedValues.Get(config.KeyOf(of)); ok && !v.Missing {
			return v.Value, true
		}
	}
	return "", false
}
