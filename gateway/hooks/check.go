package hooks

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
	"gatehouse/rbac/builtin"
)

// Admit asks for a role assignment where the settings say so (gateway.md 13). It is gateway.Config.Admit.
func (h *Hooks) Admit(v *gateway.Visit) *pipeline.Failure {
	admit.Strip(v.HTTP.Header)
	s := h.of(v.Plan.Service)
	if s == nil {
		return &pipeline.Failure{Source: "authorization", Reason: admit.NoAnswer, Message: "The settings of the service are not known.", Status: http.StatusServiceUnavailable}
	}
	setting := s.checkOf(v)
	if setting == nil || setting.Mode == config.Off {
		return nil
	}
	check, err := h.check(s, setting, v)
	if err != nil {
		return &pipeline.Failure{Source: "authorization", Reason: admit.NoAnswer, Message: "The scope of the operation cannot be named.", Status: http.StatusServiceUnavailable, Cause: err}
	}
	request := asking(v)
	admission, err := h.Gate.Admit(request, check)
	v.Trace("role-check", outcome(&admission), "mode", setting.Mode, "action", check.Action, "scope", check.Scope.String(), "principal", principal(&admission),
		"roleAssignment", admission.Decision.Grant.String(), "denyAssignment", admission.Decision.Deny.String())
	var refusal *admit.Refusal
	if errors.As(err, &refusal) {
		return h.refused(v, request, &admission, refusal)
	}
	if err != nil {
		return &pipeline.Failure{Source: "authorization", Reason: admit.NoAnswer, Message: "The role check failed.", Status: http.StatusServiceUnavailable, Cause: err}
	}
	if admission.Would != nil {
		h.Log.Warn("a call would be refused if its role check were enforced", "api", v.API.ID, "reason", admission.Would.Reason, "principal", principal(&admission), "id", uuid(v.RequestID))
	}
	return h.introduce(v, &admission)
}

// checkOf is the setting that counts for a call: that of its API, of the product by which it comes, of the service.
func (s *settings) checkOf(v *gateway.Visit) *config.RoleCheck {
	if c := s.checks[v.Base]; c != nil {
		return c
	}
	if v.Product != nil {
		if c := s.checks[v.Product.Key()]; c != nil {
			return c
		}
	}
	return s.checks[""]
}

// check is what a call has to fulfil. Audiences of a setting come beside the one that stands for gateways.
func (h *Hooks) check(s *settings, setting *config.RoleCheck, v *gateway.Visit) (*admit.Check, error) {
	scope, err := s.scope(v)
	c := &admit.Check{Enforce: setting.Mode != config.Audit, Header: setting.Header, Certificates: setting.Certificates, SignIn: setting.SignIn, Scope: scope}
	if h.Audience != "" {
		c.Audiences = append(c.Audiences, h.Audience)
	}
	c.Audiences = append(c.Audiences, setting.Audiences...)
	read := slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, v.HTTP.Method)
	switch {
	case read && setting.Read != "":
		c.Action = setting.Read
	case read:
		c.Action = builtin.CallRead
	case setting.Invoke != "":
		c.Action = setting.Invoke
	default:
		c.Action = builtin.CallInvoke
	}
	return c, err
}

// scope is the called operation as a resource, whatever the revision; the API where operations have no resource.
func (s *settings) scope(v *gateway.Visit) (gatehouse.ID, error) {
	relative := v.Operation.ID
	if relative == "" {
		relative = v.API.ID
	}
	if known, ok := s.scopes.Load(relative); ok {
		return known.(gatehouse.ID), nil
	}
	id, err := gatehouse.ParseID(s.resource + plain(relative))
	if err == nil {
		s.scopes.Store(relative, id)
	}
	return id, err
}

// asking is the request as the gate looks at it. The gateway has taken away what says that a protocol is to be
// switched, which the gate wants to know.
func asking(v *gateway.Visit) *http.Request {
	if v.Upgrade == "" {
		return v.HTTP
	}
	r := *v.HTTP
	r.Header = r.Header.Clone()
	r.Header.Set("Upgrade", v.Upgrade)
	return &r
}

func outcome(a *admit.Admission) string {
	if a.Would == nil {
		return "A role assignment allows the call."
	}
	return a.Would.Reason
}

func principal(a *admit.Admission) string {
	if a.Caller == nil {
		return ""
	}
	return a.Caller.ID.String()
}

// introduce tells policies and the backend who calls.
func (h *Hooks) introduce(v *gateway.Visit, a *admit.Admission) *pipeline.Failure {
	if a.Caller == nil {
		return nil
	}
	for name, value := range map[string]string{"gatehouse.principalId": a.Caller.ID.String(), "gatehouse.principalType": string(a.Caller.Type), "gatehouse.principalName": a.Caller.Name} {
		v.Variables.Set(name, expr.String(value))
	}
	if h.Signer == nil {
		return nil
	}
	audience := v.HTTP.Host
	if u, err := url.Parse(v.API.ServiceURL); err == nil && u.Host != "" {
		audience = u.Host
	}
	if err := h.Signer.Sign(v.HTTP.Header, a, audience); err != nil {
		return &pipeline.Failure{Source: "authorization", Reason: admit.NoAnswer, Message: "The caller's identity could not be signed.", Status: http.StatusServiceUnavailable, Cause: err}
	}
	return nil
}

// refused makes a failure of a refusal; a browser is sent to sign in.
func (h *Hooks) refused(v *gateway.Visit, r *http.Request, a *admit.Admission, refusal *admit.Refusal) *pipeline.Failure {
	h.Log.Info("a role check refused a call", "api", v.API.ID, "status", refusal.Status, "reason", refusal.Reason, "principal", principal(a), "id", uuid(v.RequestID))
	f := &pipeline.Failure{Source: "authorization", Reason: refusal.Reason, Message: refusal.Message, Status: refusal.Status, Text: refusal.Message}
	if refusal.Challenge != "" {
		f.Header = http.Header{"Www-Authenticate": {refusal.Challenge}}
	}
	if refusal.SignIn && h.SignIn != nil {
		w := &kept{header: http.Header{}, status: http.StatusOK}
		h.SignIn.Begin(w, r, r.URL.RequestURI())
		f.Status, f.Header, f.Body, f.ContentType = w.status, w.header, w.body.Bytes(), w.header.Get("Content-Type")
	}
	return f
}

// kept is an answer that is given later.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
