package pipeline

import (
	"strings"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// authenticationCertificate is authentication-certificate: the certificate that backends see (gateway.md 8.1).
type authenticationCertificate struct {
	thumbprint, id Text
	body           Any
	password       Text
}

func compileAuthenticationCertificate(k *Compiler, e *policy.Element) Step {
	return k.authenticationCertificate(e)
}

func (k *Compiler) authenticationCertificate(e *policy.Element) *authenticationCertificate {
	return &authenticationCertificate{thumbprint: k.Text(e, "thumbprint"), id: k.Text(e, "certificate-id"), body: k.Any(e, "body"), password: k.Text(e, "password")}
}

func (a *authenticationCertificate) Run(c *Call) error {
	name, err := a.choose(c)
	if err == nil {
		c.Target.Upstream.Certificate = name
	}
	return err
}

// choose returns the thumbprint of the certificate, which has to have a private key.
func (a *authenticationCertificate) choose(c *Call) (string, error) {
	if a.body.Given() {
		return a.imported(c)
	}
	which := a.id
	if a.thumbprint.Given() {
		which = a.thumbprint
	}
	name, err := which.Eval(c)
	if err != nil {
		return "", err
	}
	certificate, err := c.certificate(name)
	if err != nil {
		return "", err
	}
	if certificate.Key == nil {
		return "", failed("CertificateNotFound", "The certificate '"+name+"' has no private key.")
	}
	return thumbprint(certificate.Leaf), nil
}

func (a *authenticationCertificate) imported(c *Call) (string, error) {
	value, err := a.body.Eval(c)
	if err != nil {
		return "", err
	}
	password, err := a.password.Eval(c)
	if err != nil {
		return "", err
	}
	data, ok := value.ByteSlice()
	if !ok || c.Services.Import == nil {
		return "", failed("CertificateNotFound", "The body of authentication-certificate is no certificate: it has to be byte[] in PKCS #12.")
	}
	name, err := c.Services.Import(data, password)
	if err != nil {
		return "", failed("CertificateNotFound", "The body of authentication-certificate is no certificate that can be used.")
	}
	return name, nil
}

// managedIdentity is authentication-managed-identity: a token of the service's own identity for a backend.
type managedIdentity struct {
	resource, client Text
	variable         string
	ignore           Flag
}

func compileManagedIdentity(k *Compiler, e *policy.Element) Step { return k.managedIdentity(e) }

func (k *Compiler) managedIdentity(e *policy.Element) *managedIdentity {
	return &managedIdentity{resource: k.Text(e, "resource"), client: k.Text(e, "client-id"), variable: k.Literal(e, "output-token-variable-name"), ignore: k.Flag(e, "ignore-error")}
}

func (m *managedIdentity) Run(c *Call) error {
	text, err := m.token(c)
	switch {
	case err != nil:
		return err
	case m.variable != "":
		if text == "" {
			c.Variables.Set(m.variable, expr.Value{})
			return nil
		}
		c.Variables.Set(m.variable, expr.String(text))
	case text != "":
		c.Headers(Request).Set("Authorization", "Bearer "+text)
	}
	return nil
}

// token gets the token; "" without an error when ignore-error says so.
func (m *managedIdentity) token(c *Call) (string, error) {
	resource, err := m.resource.Eval(c)
	client, err2 := m.client.Eval(c)
	ignore, err3 := m.ignore.Eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return "", err
	}
	var text string
	if c.Services.IdentityToken != nil {
		text, err = c.Services.IdentityToken(c.Waiting(), strings.TrimSuffix(resource, "/.default"), client)
	} else {
		err = failed("ManagedIdentityNotFound", "This gateway has no managed identity.")
	}
	if err == nil || ignore {
		if err != nil {
			c.Trace("authentication-managed-identity", "The token could not be got; that is ignored.")
			text = ""
		}
		return text, nil
	}
	return "", &Failure{Reason: "ManagedIdentityTokenFailure", Message: "A token for '" + resource + "' could not be got: " + err.Error(), Cause: err}
}

// authorizationContext is get-authorization-context: the token of a connection of the credential manager.
type authorizationContext struct {
	provider, connection, variable, kind, identity Text
	ignore                                         Flag
}

func compileAuthorizationContext(k *Compiler, e *policy.Element) Step {
	return &authorizationContext{provider: k.Text(e, "provider-id"), connection: k.Text(e, "authorization-id"), variable: k.Text(e, "context-variable-name"),
		kind: k.Text(e, "identity-type"), identity: k.Text(e, "identity"), ignore: k.Flag(e, "ignore-error")}
}

func (a *authorizationContext) Run(c *Call) error {
	variable, err := a.variable.Eval(c)
	ignore, err2 := a.ignore.Eval(c)
	request, err3 := a.request(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	var got *expr.Authorization
	if c.Services.Authorization == nil {
		err = failed("AuthorizationNotFound", "This gateway has no credential manager.")
	} else {
		got, err = c.Services.Authorization(c.Waiting(), request)
	}
	switch {
	case err == nil:
		c.Variables.Set(variable, expr.Object(got))
		return nil
	case ignore:
		c.Trace("get-authorization-context", "The token could not be got; that is ignored.")
		c.Variables.Set(variable, expr.Value{})
		return nil
	}
	return &Failure{Reason: "AuthorizationContextFailure", Message: "The token of the connection '" + request.Provider + "/" + request.Connection + "' could not be got: " + err.Error(), Cause: err}
}

func (a *authorizationContext) request(c *Call) (r AuthorizationRequest, err error) {
	kind, err := a.kind.Eval(c)
	provider, err2 := a.provider.Eval(c)
	connection, err3 := a.connection.Eval(c)
	identity, err4 := a.identity.Eval(c)
	if err := cmpErr(err, err2, err3, err4); err != nil {
		return r, err
	}
	r = AuthorizationRequest{Provider: provider, Connection: connection}
	if c.Workspace != nil {
		r.Workspace = c.Workspace.ID
	}
	if strings.EqualFold(kind, "jwt") {
		if identity = strings.TrimSpace(identity); identity == "" {
			return r, failed("AuthorizationContextFailure", "identity-type is jwt, and identity is empty.")
		}
		r.Identity = identity
	}
	return r, nil
}
