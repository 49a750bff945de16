package feed

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/gateway/config"
)

func readBackend(d *document) (config.Entity, error) {
	var doc struct {
		*config.Backend
		Credentials *struct {
			Certificates  []string                `json:"certificateIds"`
			Thumbprints   []string                `json:"certificate"`
			Authorization *config.Authorization   `json:"authorization"`
			Managed       *config.BackendIdentity `json:"managedIdentity"`
		} `json:"credentials"`
		TLS struct {
			Chain       *bool                     `json:"validateCertificateChain"`
			Host        *bool                     `json:"validateCertificateName"`
			Thumbprints []string                  `json:"serverCertificateThumbprints"`
			Names       []config.FabricServerName `json:"serverX509Names"`
		} `json:"tls"`
		Breaker struct {
			Rules []breakerRule `json:"rules"`
		} `json:"circuitBreaker"`
		Pool       *pool `json:"pool"`
		Properties struct {
			Fabric *struct {
				config.FabricCluster
				Certificate string `json:"clientCertificateId"`
			} `json:"serviceFabricCluster"`
		} `json:"properties"`
	}
	b := &config.Backend{}
	doc.Backend = b
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	b.TLS = config.BackendTLS{Chain: doc.TLS.Chain == nil || *doc.TLS.Chain, Host: doc.TLS.Host == nil || *doc.TLS.Host, Thumbprints: doc.TLS.Thumbprints, Names: doc.TLS.Names}
	if b.Proxy != nil {
		b.Proxy.Password = secrets["properties.proxy.password"]
	}
	if c := doc.Credentials; c != nil {
		b.Credentials = &config.BackendCredentials{Thumbprints: c.Thumbprints, Authorization: c.Authorization, ManagedIdentity: c.Managed}
		for _, id := range c.Certificates {
			b.Credentials.Certificates = append(b.Credentials.Certificates, d.near(id, "certificates"))
		}
	}
	if err := sealedCredentials(b, secrets); err != nil {
		return nil, err
	}
	for _, r := range doc.Breaker.Rules {
		b.Breakers = append(b.Breakers, r.rule())
	}
	b.Pool = doc.Pool.of(d)
	if f := doc.Properties.Fabric; f != nil {
		b.Fabric = &f.FabricCluster
		b.Fabric.Certificate = d.near(f.Certificate, "certificates")
	}
	return b, nil
}

// sealedCredentials adds those that are kept sealed; lists of values are kept as JSON.
func sealedCredentials(b *config.Backend, secrets map[string]string) error {
	const at = "properties.credentials."
	if query, header, parameter := secrets[at+"query"], secrets[at+"header"], secrets[at+"authorization.parameter"]; query+header+parameter != "" {
		if b.Credentials == nil {
			b.Credentials = &config.BackendCredentials{}
		}
		for text, to := range map[*string]*map[string][]string{&query: &b.Credentials.Query, &header: &b.Credentials.Header} {
			if *text == "" {
				continue
			}
			if json.Unmarshal([]byte(*text), to) != nil {
				return fmt.Errorf("credentials are not lists of values by name")
			}
		}
		if b.Credentials.Authorization != nil {
			b.Credentials.Authorization.Parameter = parameter
		}
	}
	return nil
}

// breakerRule is a rule as documents have it.
type breakerRule struct {
	Name      string `json:"name"`
	Condition struct {
		Count      *config.Int          `json:"count"`
		Percentage *config.Int          `json:"percentage"`
		Interval   string               `json:"interval"`
		Ranges     []config.StatusRange `json:"statusCodeRanges"`
		Reasons    []string             `json:"errorReasons"`
	} `json:"failureCondition"`
	Trip       string `json:"tripDuration"`
	RetryAfter bool   `json:"acceptRetryAfter"`
}

func (r *breakerRule) rule() config.BreakerRule {
	return config.BreakerRule{Name: r.Name, Count: r.Condition.Count, Percentage: r.Condition.Percentage, Interval: r.Condition.Interval,
		StatusRanges: r.Condition.Ranges, ErrorReasons: r.Condition.Reasons, TripDuration: r.Trip, AcceptRetryAfter: r.RetryAfter}
}

// pool is a pool as documents have it.
type pool struct {
	Services []struct {
		ID       string     `json:"id"`
		Priority config.Int `json:"priority"`
		Weight   config.Int `json:"weight"`
	} `json:"services"`
	Affinity struct {
		Session struct {
			Source string `json:"source"`
			Name   string `json:"name"`
		} `json:"sessionId"`
	} `json:"sessionAffinity"`
}

func (p *pool) of(d *document) *config.BackendPool {
	if p == nil {
		return nil
	}
	out := &config.BackendPool{}
	for _, m := range p.Services {
		out.Members = append(out.Members, config.PoolMember{Backend: d.near(m.ID, "backends"), Priority: m.Priority, Weight: m.Weight})
	}
	if s := p.Affinity.Session; strings.EqualFold(s.Source, "cookie") {
		out.Cookie = s.Name
	}
	return out
}

func readCertificate(d *document) (config.Entity, error) {
	c := &config.Certificate{}
	if err := d.properties(c); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	c.Thumbprint, c.Password = strings.ToUpper(c.Thumbprint), secrets["properties.password"]
	c.PFX, err = decoded(secrets["properties.data"])
	return c, err
}

// decoded reads base64 with white space between, nil for none.
func decoded(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("a certificate is not in base64")
	}
	return b, nil
}

func readAuthorizationServer(d *document) (config.Entity, error) {
	s := &config.AuthorizationServer{}
	if err := d.properties(s); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	s.ClientSecret = secrets["properties.clientSecret"]
	return s, err
}

func readOpenIDProvider(d *document) (config.Entity, error) {
	p := &config.OpenIDProvider{}
	if err := d.properties(p); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	p.ClientSecret = secrets["properties.clientSecret"]
	return p, err
}

func readIdentityProvider(d *document) (config.Entity, error) {
	p := &config.IdentityProvider{}
	if err := d.properties(p); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	p.ClientSecret = secrets["properties.clientSecret"]
	return p, err
}

func readAuthorizationProvider(d *document) (config.Entity, error) {
	var doc struct {
		DisplayName string `json:"displayName"`
		Kind        string `json:"identityProvider"`
		OAuth2      struct {
			Redirect string `json:"redirectUrl"`
			Grants   struct {
				Code   map[string]any `json:"authorizationCode"`
				Client map[string]any `json:"clientCredentials"`
			} `json:"grantTypes"`
		} `json:"oauth2"`
	}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	const at = "properties.oauth2.grantTypes."
	return &config.AuthorizationProvider{DisplayName: doc.DisplayName, IdentityProvider: doc.Kind, RedirectURL: doc.OAuth2.Redirect,
		Code: settings(doc.OAuth2.Grants.Code, secrets, at+"authorizationCode."), ClientCredentials: settings(doc.OAuth2.Grants.Client, secrets, at+"clientCredentials.")}, nil
}

// settings are the texts among members, with the secrets whose path begins so. No members, no settings.
func settings(members map[string]any, secrets map[string]string, at string) map[string]string {
	if members == nil {
		return nil
	}
	all := map[string]string{}
	for name, v := range members {
		if text, ok := v.(string); ok {
			all[name] = text
		}
	}
	for _, path := range slices.Sorted(maps.Keys(secrets)) {
		if name, ok := strings.CutPrefix(path, at); ok {
			all[name] = secrets[path]
		}
	}
	return all
}

func readConnection(d *document) (config.Entity, error) {
	var doc struct {
		Type       string         `json:"authorizationType"`
		Grant      string         `json:"oauth2grantType"`
		Parameters map[string]any `json:"parameters"`
	}
	if err := d.properties(&doc); err != nil {
		return nil, err
	}
	secrets, err := d.secrets()
	if err != nil {
		return nil, err
	}
	return &config.Connection{Type: doc.Type, Grant: doc.Grant, Parameters: settings(doc.Parameters, secrets, "properties.parameters."),
		ConsentCode: secrets["properties.consentCode"]}, nil
}
