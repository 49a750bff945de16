package pipeline

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/expr"
	"gatehouse/token"
)

// bearer is what validate-jwt and validate-azure-ad-token share: where the token is, what becomes of it, and what it has
// to fulfil (gateway.md 9.1).
type bearer struct {
	header, query, value Text
	scheme               Text // that has to stand before the token in Authorization
	status               Whole
	text                 Text
	variable             string
	rules                rules
	fixed                *token.Requirements // the rules, when no expression is in them
}

// rules are requirements with the expressions that are still in them.
type rules struct {
	published          []Text
	keys, decryption   []tokenKey
	issuers, audiences []Text
	clients            []Text
	claims             []claimRule
	expires, signed    Flag
	skew               Whole
	azure              *azureTenant // of validate-azure-ad-token
}

type claimRule struct {
	name, match, separator Text
	values                 []Text
}

func (k *Compiler) bearer(e *policy.Element, scheme Text, r rules) *bearer {
	b := &bearer{header: k.Text(e, "header-name"), query: k.Text(e, "query-parameter-name"), value: k.Text(e, "token-value"), scheme: scheme,
		status: k.Whole(e, "failed-validation-httpcode"), text: k.Text(e, "failed-validation-error-message"), variable: k.Literal(e, "output-token-variable-name"), rules: r}
	if r.literal() {
		fixed, err := r.requirements(nil)
		if err != nil {
			k.Fault(e, "%s", err.Error())
		}
		b.fixed = fixed
	}
	return b
}

func (k *Compiler) claimRules(e *policy.Element) (all []claimRule) {
	for _, c := range descendants(e, "required-claims", "claim") {
		all = append(all, claimRule{k.Text(c, "name"), k.Text(c, "match"), k.Text(c, "separator"), k.Contents(c, "value")})
	}
	return all
}

// descendants are the elements of a name in a child of a name.
func descendants(e *policy.Element, group, name string) (all []*policy.Element) {
	for _, g := range e.Children {
		if g.Name != group {
			continue
		}
		for _, c := range g.Children {
			if c.Name == name {
				all = append(all, c)
			}
		}
	}
	return all
}

// group compiles the texts of the elements in a child: audiences, issuers.
func (k *Compiler) group(e *policy.Element, group, name string) (all []Text) {
	for _, c := range descendants(e, group, name) {
		all = append(all, k.Content(c))
	}
	return all
}

func (b *bearer) Run(c *Call) error {
	if c.Services.Tokens == nil {
		return failed("JwtInvalid", "This gateway verifies no tokens.")
	}
	required := b.fixed
	if required == nil {
		var err error
		if required, err = b.rules.requirements(c); err != nil {
			return err
		}
	}
	raw, err := b.find(c)
	var t *token.Token
	if err == nil {
		t, err = c.Services.Tokens.Verify(c.Waiting(), raw, required, c.Services.now())
	}
	if err != nil {
		return b.refuse(c, err)
	}
	if c.Tracing {
		c.Trace("token", "The token was validated.", "subject", t.Subject, "issuer", t.Issuer)
	}
	if b.variable != "" {
		c.Variables.Set(b.variable, expr.Object(jwtOf(t)))
	}
	return nil
}

// find returns the token of a call without its scheme.
func (b *bearer) find(c *Call) (string, error) {
	switch {
	case b.value.Given():
		return b.value.Eval(c)
	case b.query.Given():
		name, err := b.query.Eval(c)
		return parameter(c.Request.OriginalURL.RawQuery, name), err
	}
	name, err := b.header.Eval(c)
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(strings.Join(c.Headers(Request).Values(name), ",")) // two headers are no token
	scheme, err := b.scheme.Eval(c)
	if err != nil {
		return "", err
	}
	first, rest, two := strings.Cut(text, " ")
	switch {
	case scheme != "" && strings.EqualFold(name, "Authorization"):
		if !two || !strings.EqualFold(first, scheme) {
			return "", &token.Fault{Reason: token.NotPresent, Message: "JWT not present."}
		}
		return strings.TrimSpace(rest), nil
	case two && strings.EqualFold(first, "Bearer"):
		return strings.TrimSpace(rest), nil
	}
	return text, nil
}

// parameter returns a query parameter whose name compares without case; several values are no token.
func parameter(query, name string) string {
	values, _ := url.ParseQuery(query) // what can be read counts
	for n, v := range values {
		if strings.EqualFold(n, name) {
			return strings.Join(v, ",")
		}
	}
	return ""
}

// refuse makes the failure of a token that is not accepted.
func (b *bearer) refuse(c *Call, err error) error {
	var fault *token.Fault
	if !errors.As(err, &fault) {
		return err
	}
	f := &Failure{Reason: fault.Reason, Message: fault.Message, Text: fault.Message, Status: http.StatusUnauthorized}
	status, err := b.status.Eval(c)
	if err != nil {
		return err
	}
	if status >= 100 && status <= 999 {
		f.Status = int(status)
	}
	if b.text.Given() {
		if f.Text, err = b.text.Eval(c); err != nil {
			return err
		}
	}
	return f
}

// jwtOf is the token as expressions see it. Its claims are shared.
func jwtOf(t *token.Token) *expr.Jwt {
	moment := func(m time.Time) *time.Time {
		if m.IsZero() {
			return nil
		}
		return &m
	}
	return &expr.Jwt{Algorithm: t.Algorithm, ID: t.ID, Issuer: t.Issuer, Subject: t.Subject, Type: t.Type, Audiences: t.Audiences, Claims: expr.Claims(t.Lookup()),
		ExpirationTime: moment(t.Expires), IssuedAt: moment(t.IssuedAt), NotBefore: moment(t.NotBefore)}
}

func (r *rules) literal() bool {
	all := func(list ...[]Text) bool {
		for _, texts := range list {
			for _, t := range texts {
				if !t.Literal() {
					return false
				}
			}
		}
		return true
	}
	ok := all(r.published, r.issuers, r.audiences, r.clients) && r.expires.Literal() && r.signed.Literal() && r.skew.Literal()
	for _, claim := range r.claims {
		ok = ok && all(claim.values, []Text{claim.name, claim.match, claim.separator})
	}
	for _, key := range append(append([]tokenKey{}, r.keys...), r.decryption...) {
		ok = ok && key.fixed != nil
	}
	return ok && (r.azure == nil || r.azure.literal())
}

// requirements evaluates the rules. A nil call will do when they are literal.
func (r *rules) requirements(c *Call) (*token.Requirements, error) {
	q := &token.Requirements{}
	var errs [9]error
	q.Published, errs[0] = evalAll(c, r.published)
	q.Issuers, errs[1] = evalAll(c, r.issuers)
	q.Audiences, errs[2] = evalAll(c, r.audiences)
	q.Clients, errs[3] = evalAll(c, r.clients)
	q.Claims, errs[4] = evalClaims(c, r.claims)
	q.Keys, errs[5] = evalKeys(c, r.keys)
	q.Decryption, errs[6] = evalKeys(c, r.decryption)
	errs[7] = r.switches(c, q)
	if r.azure != nil {
		errs[8] = r.azure.require(c, q)
	}
	return q, cmpErr(errs[:]...)
}

func (r *rules) switches(c *Call, q *token.Requirements) error {
	expires, err := r.expires.Eval(c)
	signed, err2 := r.signed.Eval(c)
	skew, err3 := r.skew.Eval(c)
	q.AllowNoExpiry, q.AllowUnsigned = r.expires.Given() && !expires, r.signed.Given() && !signed
	q.Skew = time.Duration(min(max(skew, 0), maxSkew)) * time.Second
	return cmpErr(err, err2, err3)
}

// maxSkew keeps a mistake from making tokens eternal: a day.
const maxSkew = 86_400

func evalAll(c *Call, texts []Text) ([]string, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	values := make([]string, len(texts))
	for i := range texts {
		var err error
		if values[i], err = texts[i].Eval(c); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func evalClaims(c *Call, list []claimRule) (all []token.Wanted, err error) {
	for _, rule := range list {
		name, err1 := rule.name.Eval(c)
		match, err2 := rule.match.Eval(c)
		separator, err3 := rule.separator.Eval(c)
		values, err4 := evalAll(c, rule.values)
		if err := cmpErr(err1, err2, err3, err4); err != nil {
			return nil, err
		}
		all = append(all, token.Wanted{Name: name, Values: values, Any: strings.EqualFold(match, "any"), Separator: separator})
	}
	return all, nil
}

// tokenKey is a key of issuer-signing-keys or decryption-keys: written down, or of a certificate of the service.
type tokenKey struct {
	fixed       *token.Key
	id          Text
	certificate Text
	secret      Text
	made        *madeKeys
}

// madeKeys are keys that expressions made: the same key each time, so that verified tokens stay known.
type madeKeys struct {
	mu  sync.Mutex
	all map[madeKey]*token.Key
}

// madeKey is what a key was made of: a certificate, or a secret.
type madeKey struct {
	id          string
	certificate *expr.Certificate
	secret      string
}

// mostMadeKeys bounds them: what an expression computes may be another key for each call.
const mostMadeKeys = 256

// tokenKeys compiles the keys of a group.
func (k *Compiler) tokenKeys(e *policy.Element, group string) (all []tokenKey) {
	for _, child := range descendants(e, group, "key") {
		key := tokenKey{id: k.Text(child, "id"), certificate: k.Text(child, "certificate-id"), secret: k.Content(child), made: &madeKeys{}}
		n, exponent := k.Literal(child, "n"), k.Literal(child, "e")
		var err error
		switch {
		case key.certificate.Given():
		case n != "" || exponent != "":
			key.fixed, err = token.RSA(key.id.text, n, exponent)
		case key.secret.Literal():
			key.fixed, err = token.Secret(key.id.text, key.secret.text)
		}
		if err != nil {
			k.Fault(child, "%s", err.Error())
		}
		all = append(all, key)
	}
	return all
}

func evalKeys(c *Call, list []tokenKey) (all []*token.Key, err error) {
	for i := range list {
		key := list[i].fixed
		if key == nil {
			if key, err = list[i].eval(c); err != nil {
				return nil, err
			}
		}
		all = append(all, key)
	}
	return all, nil
}

func (t *tokenKey) eval(c *Call) (*token.Key, error) {
	id, err := t.id.Eval(c)
	if err != nil {
		return nil, err
	}
	if t.certificate.Given() {
		name, err := t.certificate.Eval(c)
		if err != nil {
			return nil, err
		}
		certificate, err := c.certificate(name)
		if err != nil {
			return nil, err
		}
		return t.made.once(madeKey{id: id, certificate: certificate}, func() (*token.Key, error) { return token.Certificate(id, certificate.Leaf, certificate.Key) })
	}
	secret, err := t.secret.Eval(c)
	if err != nil {
		return nil, err
	}
	return t.made.once(madeKey{id: id, secret: secret}, func() (*token.Key, error) { return token.Secret(id, secret) })
}

func (m *madeKeys) once(by madeKey, make func() (*token.Key, error)) (*token.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if known := m.all[by]; known != nil {
		return known, nil
	}
	key, err := make()
	if err != nil {
		return nil, failed(token.SignatureKeyNotFound, "A key of the policy cannot be used: "+err.Error()+".")
	}
	if m.all == nil || len(m.all) >= mostMadeKeys {
		m.all = map[madeKey]*token.Key{}
	}
	m.all[by] = key
	return key, nil
}

// certificate finds one of the service's certificates by its id or thumbprint.
func (c *Call) certificate(name string) (*expr.Certificate, error) {
	if c.Deployment != nil {
		if found := c.Deployment.Certificates[name]; found != nil {
			return found, nil
		}
		if found := c.Deployment.Certificates[strings.ToUpper(strings.ReplaceAll(name, " ", ""))]; found != nil {
			return found, nil
		}
	}
	return nil, failed("CertificateNotFound", "The service has no certificate '"+name+"'.")
}

func compileValidateJwt(k *Compiler, e *policy.Element) Step {
	r := rules{keys: k.tokenKeys(e, "issuer-signing-keys"), decryption: k.tokenKeys(e, "decryption-keys"), issuers: k.group(e, "issuers", "issuer"),
		audiences: k.group(e, "audiences", "audience"), claims: k.claimRules(e), expires: k.Flag(e, "require-expiration-time"), signed: k.Flag(e, "require-signed-tokens"), skew: k.Whole(e, "clock-skew")}
	for _, c := range e.Children {
		if c.Name == "openid-config" {
			r.published = append(r.published, k.Text(c, "url"))
		}
	}
	return k.bearer(e, k.Text(e, "require-scheme"), r)
}

// azureTenant is the tenant that validate-azure-ad-token trusts (gateway.md 8.1).
type azureTenant struct {
	tenant, endpoint Text
	backends         []Text
}

const microsoftLogin = "https://login.microsoftonline.com"

func compileValidateAzureToken(k *Compiler, e *policy.Element) Step {
	a := &azureTenant{tenant: k.Text(e, "tenant-id"), endpoint: k.Text(e, "authentication-endpoint"), backends: k.group(e, "backend-application-ids", "application-id")}
	return k.bearer(e, Text{}, rules{decryption: k.tokenKeys(e, "decryption-keys"), audiences: k.group(e, "audiences", "audience"), clients: k.group(e, "client-application-ids", "application-id"),
		claims: k.claimRules(e), azure: a})
}

func (a *azureTenant) literal() bool {
	ok := a.tenant.Literal() && a.endpoint.Literal()
	for _, b := range a.backends {
		ok = ok && b.Literal()
	}
	return ok
}

// require says which metadata and audiences count. A backend's application ID is an audience bare and as api://.
func (a *azureTenant) require(c *Call, q *token.Requirements) error {
	tenant, err := a.tenant.Eval(c)
	endpoint, err2 := a.endpoint.Eval(c)
	backends, err3 := evalAll(c, a.backends)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	for _, b := range backends {
		q.Audiences = append(q.Audiences, b, "api://"+b)
	}
	if tenant = strings.TrimSpace(tenant); tenant == "" {
		return failed(token.IssuerNotAllowed, "The policy names no tenant.")
	}
	if endpoint == "" {
		endpoint = microsoftLogin
	}
	base := strings.TrimSuffix(endpoint, "/") + "/" + tenant
	if strings.HasPrefix(tenant, "https://") {
		base = strings.TrimSuffix(strings.TrimSuffix(tenant, "/"), "/v2.0")
	}
	// Tokens of both versions come; their keys are the same, their issuers are not.
	q.Published = []string{base + "/v2.0/.well-known/openid-configuration", base + "/.well-known/openid-configuration"}
	return nil
}

// clientCertificate is validate-client-certificate.
type clientCertificate struct {
	revocation, trust, before, after, ignore bool
	identities                               []certificateIdentity
}

// certificateIdentity is what a certificate has to be; what is not given is not compared.
type certificateIdentity struct{ thumbprint, serial, commonName, subject, dnsName, issuerSubject, issuerThumbprint, issuerCertificate Text }

func compileValidateClientCertificate(k *Compiler, e *policy.Element) Step {
	v := &clientCertificate{revocation: k.literalFlag(e, "validate-revocation"), trust: k.literalFlag(e, "validate-trust"), before: k.literalFlag(e, "validate-not-before"),
		after: k.literalFlag(e, "validate-not-after"), ignore: k.literalFlag(e, "ignore-error")}
	for _, i := range descendants(e, "identities", "identity") {
		v.identities = append(v.identities, certificateIdentity{k.Text(i, "thumbprint"), k.Text(i, "serial-number"), k.Text(i, "common-name"), k.Text(i, "subject"),
			k.Text(i, "dns-name"), k.Text(i, "issuer-subject"), k.Text(i, "issuer-thumbprint"), k.Text(i, "issuer-certificate-id")})
	}
	return v
}

func (v *clientCertificate) Run(c *Call) error {
	why, err := v.wrong(c)
	if err != nil || why == "" {
		return err
	}
	c.Trace("validate-client-certificate", why)
	if v.ignore {
		return nil
	}
	return &Failure{Reason: "ClientCertificateInvalid", Message: why, Status: http.StatusForbidden, Text: "Invalid client certificate"}
}

// wrong says what is against the client's certificate, "" for nothing.
func (v *clientCertificate) wrong(c *Call) (string, error) {
	certificate := c.Request.Certificate
	if certificate == nil || certificate.Leaf == nil {
		return "The client sent no certificate.", nil
	}
	now := c.Services.now()
	switch {
	case v.before && now.Before(certificate.Leaf.NotBefore):
		return "The client's certificate is not valid yet.", nil
	case v.after && now.After(certificate.Leaf.NotAfter):
		return "The client's certificate has expired.", nil
	case v.trust && !certificate.Chain: // its dates were looked at, where they count
		return "The client's certificate is of no trusted issuer.", nil
	}
	if v.revocation {
		if revoked := c.Services.Revoked; revoked != nil {
			if why := revoked(c.Waiting(), certificate.Leaf); why != "" {
				return why, nil
			}
		}
	}
	if len(v.identities) == 0 {
		return "", nil
	}
	for i := range v.identities {
		ok, err := v.identities[i].is(c, certificate)
		if err != nil || ok {
			return "", err
		}
	}
	return "The client's certificate is none of those that are allowed.", nil
}

// is compares a certificate with what is given of an identity.
func (i *certificateIdentity) is(c *Call, certificate *expr.Certificate) (bool, error) {
	leaf := certificate.Leaf
	for _, rule := range []struct {
		want Text
		have func(want string) bool
	}{
		{i.thumbprint, func(w string) bool { return thumbprint(leaf) == plainHex(w) }},
		{i.serial, func(w string) bool { return trimZeros(serial(leaf)) == trimZeros(plainHex(w)) }},
		{i.commonName, func(w string) bool { return leaf.Subject.CommonName == w }},
		{i.subject, func(w string) bool { return sameName(leaf.Subject.String(), w) }},
		{i.dnsName, func(w string) bool { return hasDNSName(leaf, w) }},
		{i.issuerSubject, func(w string) bool { return sameName(leaf.Issuer.String(), w) }},
		{i.issuerThumbprint, func(w string) bool { return certificate.Issuer != nil && thumbprint(certificate.Issuer) == plainHex(w) }},
		{i.issuerCertificate, func(w string) bool { return issuedBy(c, certificate, w) }},
	} {
		if !rule.want.Given() {
			continue
		}
		want, err := rule.want.Eval(c)
		if err != nil {
			return false, err
		}
		if !rule.have(strings.TrimSpace(want)) {
			return false, nil
		}
	}
	return true, nil
}

// issuedBy checks the signature, so that a name alone does not do.
func issuedBy(c *Call, certificate *expr.Certificate, id string) bool {
	issuer, err := c.certificate(id)
	return err == nil && issuer.Leaf != nil && certificate.Leaf.CheckSignatureFrom(issuer.Leaf) == nil
}

// Revocation says why a certificate counts no more, "" when it does.
type Revocation func(ctx context.Context, leaf *x509.Certificate) string
