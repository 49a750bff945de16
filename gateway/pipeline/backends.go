package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/config"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// BackendSet is the backends of a service and of its workspaces that policies name by id (gateway.md 12.1). It never
// changes; what is known of the health of servers is in Circuits and outlives it.
type BackendSet struct {
	entities map[config.Key]*backend
	circuits *Circuits
}

// NewBackendSet makes it out of a configuration. It has to be made anew when a backend, certificate or named value has changed.
func NewBackendSet(c *config.Config, circuits *Circuits) *BackendSet {
	all := &BackendSet{entities: make(map[config.Key]*backend, c.Backends.Len()), circuits: circuits}
	values := backendTexts{config: c}
	service := ""
	if c.Service != nil {
		service = c.Service.Resource
	}
	for b := range c.Backends.All() {
		all.entities[b.Key()] = newBackend(b, &values, circuits.of(service, b))
	}
	for b := range c.Backends.All() {
		if b.IsPool() {
			all.entities[b.Key()].pool = newPool(b, all, circuits.rotation(service, b))
		}
	}
	return all
}

// Find returns the backend that a document of a workspace ("" for the service) means; nil when there is none.
func (b *BackendSet) Find(workspace config.Key, id string) BackendEntity {
	if b == nil {
		return nil
	}
	found := b.entities[workspace.Child("backends", id)]
	if found == nil {
		found = b.entities[config.Key("").Child("backends", id)]
	}
	if found == nil {
		return nil
	}
	return found
}

// backendTexts replaces references to named values in what backends hold.
type backendTexts struct {
	config *config.Config
	values map[config.Key]map[string]string // by workspace and display name; made when first needed
}

func (t *backendTexts) replace(workspace config.Key, text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	if t.values == nil {
		t.values = map[config.Key]map[string]string{}
		for v := range t.config.NamedValues.All() {
			w := v.Key().Workspace()
			if t.values[w] == nil {
				t.values[w] = map[string]string{}
			}
			if !v.Missing {
				t.values[w][v.DisplayName] = v.Value
			}
		}
	}
	text = policy.ReplaceAll(text, func(name string) (string, bool) {
		if v, ok := t.values[workspace][name]; ok {
			return v, true
		}
		v, ok := t.values[""][name]
		return v, ok
	})
	if strings.Contains(text, "{{") {
		return "", fmt.Errorf("it refers to a named value that is not there")
	}
	return text, nil
}

// backend is one backend: a server, or a pool of them.
type backend struct {
	seen     expr.Backend
	err      error // why no call can be sent there
	base     *url.URL
	upstream Upstream
	circuit  *circuit
	pool     *backendPool // nil for a single one

	query         []credential
	header        []credential
	authorization string
	identity      *config.BackendIdentity
}

type credential struct {
	name   string
	values []string
}

func newBackend(b *config.Backend, texts *backendTexts, health *circuit) *backend {
	made := &backend{seen: expr.Backend{ID: b.Name(), Type: "Single"}, circuit: health}
	if b.IsPool() {
		made.seen.Type = "Pool"
		return made
	}
	made.err = made.address(b, texts)
	if made.err == nil {
		made.err = made.credentials(b, texts)
	}
	made.upstream.AnyChain, made.upstream.AnyName = !b.TLS.Chain, !b.TLS.Host
	made.upstream.Pins = pins(b.TLS)
	return made
}

// pins are the server certificates that count without a chain, as a text, so that Upstreams compare.
func pins(t config.BackendTLS) string {
	var list []string
	for _, p := range t.Thumbprints {
		list = append(list, plainHex(p))
	}
	for _, n := range t.Names {
		list = append(list, "name="+n.Name+" "+plainHex(n.Issuer))
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

func (b *backend) address(from *config.Backend, texts *backendTexts) error {
	workspace := from.Key().Workspace()
	text, err := texts.replace(workspace, strings.TrimSpace(from.URL))
	if err != nil {
		return err
	}
	if b.base, err = url.Parse(text); err != nil || b.base.Host == "" || b.base.Scheme != "http" && b.base.Scheme != "https" {
		return fmt.Errorf("its address is not one of http or https")
	}
	if p := from.Proxy; p != nil {
		proxy, err := url.Parse(p.URL)
		if err != nil || proxy.Host == "" {
			return fmt.Errorf("the address of its proxy cannot be read")
		}
		if p.Username != "" {
			proxy.User = url.UserPassword(p.Username, p.Password)
		}
		b.upstream.Proxy = proxy.String()
	}
	return nil
}

func (b *backend) credentials(from *config.Backend, texts *backendTexts) (err error) {
	c := from.Credentials
	if c == nil {
		return nil
	}
	workspace := from.Key().Workspace()
	if b.query, err = credentials(c.Query, workspace, texts); err != nil {
		return err
	}
	if b.header, err = credentials(c.Header, workspace, texts); err != nil {
		return err
	}
	if a := c.Authorization; a != nil {
		parameter, err := texts.replace(workspace, a.Parameter)
		if err != nil {
			return err
		}
		b.authorization = strings.TrimSpace(headerText(a.Scheme + " " + parameter))
	}
	b.identity = c.ManagedIdentity
	for _, t := range c.Thumbprints {
		b.upstream.Certificate = plainHex(t)
	}
	for _, k := range c.Certificates {
		found, ok := texts.config.Certificates.Get(k)
		if !ok {
			return fmt.Errorf("its certificate is not there")
		}
		b.upstream.Certificate = found.Thumbprint
	}
	return nil
}

func credentials(from map[string][]string, workspace config.Key, texts *backendTexts) (list []credential, err error) {
	for name, values := range from {
		c := credential{name: name, values: slices.Clone(values)}
		for i := range c.values {
			if c.values[i], err = texts.replace(workspace, c.values[i]); err != nil {
				return nil, err
			}
			c.values[i] = headerText(c.values[i])
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b credential) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

// Pick returns the server itself, or the member of the pool whose turn it is.
func (b *backend) Pick(c *Call) (Member, error) {
	if b.pool != nil {
		return b.pool.pick(c)
	}
	if !b.circuit.closed(c.Services.now()) {
		return Member{}, noBackend("BackendCircuitOpen", "The circuit of the backend '"+b.seen.ID+"' is open.")
	}
	return b.member(c)
}

// noBackend is the failure of calls that no backend takes now (gateway.md 4).
func noBackend(reason, message string) *Failure {
	return &Failure{Reason: reason, Message: message, Status: http.StatusServiceUnavailable, Text: "Service unavailable"}
}

// member is the server as one try sees it.
func (b *backend) member(c *Call) (Member, error) {
	if b.err != nil {
		return Member{}, failed(ReasonBackendConnection, "The backend '"+b.seen.ID+"' cannot be called: "+b.err.Error()+".")
	}
	m := Member{ID: b.seen.ID, Base: b.base, Upstream: b.upstream}
	if len(b.query)+len(b.header) > 0 || b.authorization != "" || b.identity != nil {
		m.Prepare = func(r *http.Request) error { return b.prepare(c, r) }
	}
	if b.circuit.watches() {
		services := c.Services
		m.Done = func(answer *http.Response, err error) { b.circuit.record(services.now(), answer, err) }
	}
	return m, nil
}

// prepare adds the credentials: what the call has under the same name goes.
func (b *backend) prepare(c *Call, r *http.Request) error {
	for _, h := range b.header {
		r.Header[http.CanonicalHeaderKey(h.name)] = h.values
	}
	if b.authorization != "" {
		r.Header["Authorization"] = []string{b.authorization}
	}
	if len(b.query) > 0 {
		b.addQuery(r.URL)
	}
	if b.identity == nil || b.identity.Resource == "" {
		return nil
	}
	if c.Services.IdentityToken == nil {
		return failed("NotAvailable", "This gateway gets no tokens of managed identities.")
	}
	ctx, cancel := context.WithTimeout(c.Waiting(), 30*time.Second)
	defer cancel()
	token, err := c.Services.IdentityToken(ctx, b.identity.Resource, b.identity.Client)
	if err != nil {
		return &Failure{Reason: "ManagedIdentityTokenFailed", Message: "There is no token for the backend '" + b.seen.ID + "'.", Cause: err}
	}
	r.Header["Authorization"] = []string{"Bearer " + token}
	return nil
}

// addQuery puts credentials behind the parameters of the call, whose own of the same name go. The others stay as they are written.
func (b *backend) addQuery(to *url.URL) {
	var kept []string
	for pair := range strings.SplitSeq(to.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if pair != "" && !slices.ContainsFunc(b.query, func(c credential) bool { return strings.EqualFold(c.name, name) }) {
			kept = append(kept, pair)
		}
	}
	for _, c := range b.query {
		for _, v := range c.values {
			kept = append(kept, url.QueryEscape(c.name)+"="+url.QueryEscape(v))
		}
	}
	to.RawQuery = strings.Join(kept, "&")
}
