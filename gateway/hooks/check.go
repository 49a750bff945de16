package hooks

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/config"
	"gatehouse/gateway/headers"
	"gatehouse/gateway/pipeline"
	"gatehouse/policy/expr"
	"gatehouse/rbac/builtin"
)

// Refusal is a call that a role check refused to somebody who is known.
type Refusal struct {
	ID        gatehouse.GUID // of the call
	Admission *admit.Admission
	Action    string
	Text      string
}

// Begin takes away what only a gateway may read. It is gateway.Config.Begin.
func (h *Hooks) Begin(v *gateway.Visit) {
	v.Session = admit.TakeSession(v.HTTP.Header)
}

// Admit asks for a role assignment where the settings say so (gateway.md 13). It is gateway.Config.Admit.
func (h *Hooks) Admit(v *gateway.Visit) *pipeline.Failure {
	s := h.of(v.Plan.Service)
	if s == nil {
		return closed("The settings of the service are not known.", nil)
	}
	setting := s.checkOf(v.Base, v.Product)
	if setting == nil || strings.EqualFold(setting.Mode, config.Off) {
		return nil
	}
	if v.Oddly && setting.Header != "" {
		headers.Spelled(v.HTTP.Header, setting.Header)
	}
	request := asking(v)
	check, err := h.check(s, setting, v.API, v.Operation, request)
	if err != nil {
		return closed("The scope of the operation cannot be named.", err)
	}
	others, ok := v.Others()
	if check, err = s.withOthers(check, v.API, others); err != nil {
		return closed("The scope of the operation cannot be named.", err)
	}
	if !ok && check.Enforce {
		return &pipeline.Failure{Source: "authorization", Reason: "PathAmbiguous", Message: "A backend could read the path as another operation.",
			Status: http.StatusBadRequest, Text: "The path can be read in several ways. Access denied."}
	}
	admission, err := h.Gate.AdmitSession(request, check, v.Session)
	v.Caller = admission.Caller
	if admission.Lends() {
		v.HTTP.Header.Del(or(check.Header, "Authorization"))
	}
	if h.Told != nil && !v.Again {
		h.Told(v, check, &admission)
	}
	if v.Tracing {
		explain(v, setting, check, &admission)
	}
	if err != nil {
		return h.refused(v, request, check, &admission, err)
	}
	if admission.Would != nil {
		h.Log.Warn("a call would be refused if its role check were enforced", "api", v.API.ID, "reason", admission.Would.Reason, "principal", principal(&admission), "id", uuid(v.RequestID))
	}
	return h.introduce(v, &admission)
}

// closed refuses a call that could not be judged.
func closed(message string, cause error) *pipeline.Failure {
	return &pipeline.Failure{Source: "authorization", Reason: admit.NoAnswer, Message: message, Status: http.StatusServiceUnavailable, Cause: cause}
}

func explain(v *gateway.Visit, setting *config.RoleCheck, check *admit.Check, a *admit.Admission) {
	pairs := []string{"mode", setting.Mode, "action", check.Action, "scope", check.Scope.String(), "principal", principal(a), "via", a.Via}
	if a.Caller != nil && a.Caller.Issuer != "" {
		pairs = append(pairs, "issuer", a.Caller.Issuer, "method", a.Caller.Method)
	}
	if !a.Decision.Grant.IsZero() {
		pairs = append(pairs, "roleAssignment", a.Decision.Grant.String())
	}
	if !a.Decision.Deny.IsZero() {
		pairs = append(pairs, "denyAssignment", a.Decision.Deny.String())
	}
	v.Trace("role-check", outcome(a), pairs...)
}

// checkOf is the setting that counts for a call: that of its API, of the product by which it comes, of the service.
func (s *settings) checkOf(api config.Key, product *config.Product) *config.RoleCheck {
	if c := s.checks[api]; c != nil {
		return c
	}
	if product != nil {
		if c := s.checks[product.Key()]; c != nil {
			return c
		}
	}
	return s.checks[""]
}

// made are the checks of one setting, by operation. They are made once, since each call needs one.
type made struct {
	n   atomic.Int64
	all sync.Map // *config.Operation -> *pair
}

type pair struct{ read, invoke *admit.Check }

// mostMade bounds them: an operation that is saved again is another one.
const mostMade = 100_000

// check is what a call has to fulfil.
func (h *Hooks) check(s *settings, setting *config.RoleCheck, api *config.API, op *config.Operation, r *http.Request) (*admit.Check, error) {
	of := s.made[setting]
	found, ok := of.all.Load(op)
	if !ok {
		scope, err := s.scope(api, op)
		if err != nil {
			return nil, err
		}
		read := admit.Check{Enforce: !strings.EqualFold(setting.Mode, config.Audit), Header: setting.Header, Certificates: setting.Certificates, SignIn: setting.SignIn, Scope: scope,
			Audiences: h.audiences(s, setting), Action: or(setting.Read, builtin.CallRead)}
		if len(setting.Issuers) > 0 {
			read.Foreign = &admit.Foreign{Service: s.resource, Setting: string(setting.Key())}
			for i := range setting.Issuers {
				read.Foreign.Issuers = append(read.Foreign.Issuers, setting.Issuers[i].Issuer)
			}
		}
		invoke := read
		invoke.Action = or(setting.Invoke, builtin.CallInvoke)
		found = &pair{&read, &invoke}
		if of.n.Add(1) > mostMade {
			of.all.Clear()
			of.n.Store(0)
		}
		of.all.Store(op, found)
	}
	if readsOf(api, r) {
		return found.(*pair).read, nil
	}
	return found.(*pair).invoke, nil
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// audiences are those of a setting beside the one that stands for gateways and the service's own.
func (h *Hooks) audiences(s *settings, setting *config.RoleCheck) []string {
	list := []string{gatehouse.Fold(s.resource)}
	if h.Audience != "" {
		list = append(list, h.Audience)
	}
	return append(list, setting.Audiences...)
}

// reads reports whether a call only reads, as far as its method says so. A handshake opens a way in both directions, and
// headers may tell the backend of another method.
func reads(r *http.Request) bool {
	if !reading(r.Method) || len(r.Header["Upgrade"]) > 0 {
		return false
	}
	for _, name := range headers.Overrides {
		if slices.ContainsFunc(r.Header[name], func(m string) bool { return !reading(strings.ToUpper(strings.TrimSpace(m))) }) {
			return false
		}
	}
	return true
}

func reading(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// scope is the called operation as a resource, whatever the revision; the API where operations have no resource.
func (s *settings) scope(api *config.API, op *config.Operation) (gatehouse.ID, error) {
	relative := op.ID
	if relative == "" {
		relative = api.ID
	}
	return gatehouse.ParseID(s.resource + plain(relative))
}

// withOthers asks for the right to other operations of the API, too.
func (s *settings) withOthers(c *admit.Check, api *config.API, others []*config.Operation) (*admit.Check, error) {
	if len(others) == 0 {
		return c, nil
	}
	more := *c
	for _, op := range others {
		id, err := s.scope(api, op)
		if err != nil {
			return nil, err
		}
		more.Also = append(more.Also, id)
	}
	return &more, nil
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

// introduce tells policies and the backend who calls. The variables are no members of expressions, so that documents stay
// valid on Azure.
func (h *Hooks) introduce(v *gateway.Visit, a *admit.Admission) *pipeline.Failure {
	c := a.Caller
	if c == nil {
		return nil
	}
	v.Variables.Set("gatehouse.principalId", expr.String(c.ID.String()))
	v.Variables.Set("gatehouse.principalType", expr.String(string(c.Type)))
	v.Variables.Set("gatehouse.principalName", expr.String(c.Name))
	if !a.Decision.Grant.IsZero() {
		v.Variables.Set("gatehouse.roleAssignmentId", expr.String(a.Decision.Grant.String()))
	}
	if h.Signer == nil {
		return nil
	}
	audience := v.HTTP.Host
	if t := v.Target.Base; t != nil && t.Host != "" {
		audience = t.Host
	}
	if err := h.Signer.Sign(v.HTTP.Header, a, audience); err != nil {
		return closed("The caller's identity could not be signed.", err)
	}
	return nil
}

// refused makes a failure of a refusal; a browser is sent to sign in. What was refused to somebody who is known is on record
// before they hear of it.
func (h *Hooks) refused(v *gateway.Visit, r *http.Request, check *admit.Check, a *admit.Admission, err error) *pipeline.Failure {
	var refusal *admit.Refusal
	if !errors.As(err, &refusal) {
		return closed("The role check failed.", err)
	}
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
	if h.Refused != nil && a.Caller != nil && refusal.Status == http.StatusForbidden {
		link, err := h.Refused(r.Context(), &Refusal{ID: v.RequestID, Admission: a, Action: check.Action, Text: refusal.Reason})
		if err != nil {
			return closed("The refusal could not be recorded.", err)
		}
		if link != "" {
			f.Header = http.Header{"Link": {"<" + link + `>; rel="help"`}, "X-Ms-Request-Id": {uuid(v.RequestID)}}
		}
	}
	return f
}

// Find is the check of a call that another proxy asks about: admit.ForwardAuth.Find. An API without a setting has none; one
// whose setting is off lets everybody pass.
func (h *Hooks) Find(g *gateway.Gateway) func(*http.Request) (*admit.Check, bool) {
	return func(r *http.Request) (*admit.Check, bool) {
		at, ok := g.Find(r)
		if !ok {
			return nil, false
		}
		s := h.of(at.Plan.Service)
		if s == nil {
			return nil, false
		}
		setting := s.checkOf(at.Base, at.Product)
		if setting == nil {
			return nil, false
		}
		check, err := h.check(s, setting, at.API, at.Operation, r)
		if err == nil {
			check, err = s.withOthers(check, at.API, at.Others)
		}
		if err != nil {
			return nil, false
		}
		if strings.EqualFold(setting.Mode, config.Off) {
			open := *check
			open.Enforce = false
			return &open, true
		}
		return check, true
	}
}

// Recorder puts refusals on record and returns where their explanation is.
type Recorder func(ctx context.Context, r *Refusal) (link string, err error)

// kept is an answer that is given later.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }
