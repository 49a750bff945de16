package pipeline

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"gatehouse/dotnet/newtonsoft"
	"gatehouse/gateway/config"
	"gatehouse/gateway/contract"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// What becomes of a violation (gateway.md 8.2): prevent refuses the message, detect notes it, ignore does not look.
type action uint8

const (
	ignore action = iota
	detect
	prevent
)

// actionOf is an attribute that says what becomes of a violation.
type actionOf struct {
	Text
	fixed action // when literal, or left out
}

func (k *Compiler) action(e *policy.Element, attribute string, otherwise actionOf) actionOf {
	a := actionOf{Text: k.Text(e, attribute), fixed: otherwise.fixed}
	switch {
	case !a.Given():
		return otherwise
	case a.Literal():
		var ok bool
		if a.fixed, ok = actionNamed(a.text); !ok {
			k.Fault(e, "The '%s' attribute takes ignore, prevent or detect.", attribute)
		}
	}
	return a
}

func actionNamed(text string) (action, bool) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "prevent":
		return prevent, true
	case "detect":
		return detect, true
	case "ignore":
		return ignore, true
	}
	return prevent, false
}

func (a *actionOf) eval(c *Call) (action, error) {
	if a.Literal() {
		return a.fixed, nil
	}
	text, err := a.Eval(c)
	if err != nil {
		return prevent, err
	}
	found, ok := actionNamed(text)
	if !ok {
		return prevent, failed(ReasonExpression, "An action of a validation has to be ignore, prevent or detect; it is "+text+".")
	}
	return found, nil
}

// findings collects the violations of one policy.
type findings struct {
	list *newtonsoft.Token // for errors-variable-name
	gate *contract.Violation
}

func (f *findings) add(v contract.Violation, a action) {
	if a == ignore {
		return
	}
	word := "detected"
	if a == prevent {
		word = "prevented"
	}
	if f.list == nil {
		f.list = newtonsoft.NewArray()
	}
	one := newtonsoft.NewObject()
	for _, member := range [...][2]string{{"Name", v.Name}, {"Type", v.Type}, {"ValidationRule", v.Rule}, {"Details", v.Details}, {"Action", word}} {
		_ = one.AddMember(nil, member[0], newtonsoft.NewValue(newtonsoft.String, member[1]))
	}
	_ = f.list.Add(nil, one)
	if a == prevent && f.gate == nil {
		f.gate = &v
	}
}

// settle stores what was found, and makes the failure of a message that is refused: 400 with the reason for a request,
// 502 without one for a response, whose contents are none of the caller's business (gateway.md 4).
func (f *findings) settle(c *Call, variable string, side Side) error {
	if variable != "" && f.list != nil {
		c.Variables.Set(variable, expr.Object(f.list))
	}
	if f.gate == nil {
		return nil
	}
	failure := &Failure{Reason: f.gate.Type + f.gate.Rule, Message: f.gate.Details, Status: http.StatusBadRequest, Text: f.gate.Details}
	if side == Answer {
		failure.Status, failure.Text = http.StatusBadGateway, "The request could not be processed due to an internal error. Contact the API owner."
	}
	return failure
}

// errNoContract is an operation whose definition is not known, which refuses everything.
var errNoContract = failed("OperationUnknown", "The definition of the operation is not known, so nothing can be checked against it.")

// group is what validate-parameters says of headers, query or path.
type group struct {
	known, unknown actionOf
	own            []override
	fixed          *actions // when nothing of it is an expression
}

// override says otherwise for one name.
type override struct {
	name   Text
	action actionOf
}

// actions is a group as one call sees it.
type actions struct {
	known, unknown action
	own            map[string]action // by folded name
}

func (a *actions) of(v contract.Violation) action {
	if own, ok := a.own[strings.ToLower(v.Name)]; ok {
		return own
	}
	if v.Rule == contract.Unspecified {
		return a.unknown
	}
	return a.known
}

// actions compiles a group; child are the elements in it that say otherwise for what their attribute names.
func (k *Compiler) actions(e *policy.Element, known, unknown actionOf, child, attribute string) group {
	g := group{known: known, unknown: unknown}
	literal := known.Literal() && unknown.Literal()
	for _, c := range e.Children {
		if c.Name != child {
			continue
		}
		o := override{k.Text(c, attribute), k.action(c, "action", actionOf{})}
		g.own, literal = append(g.own, o), literal && o.name.Literal() && o.action.Literal()
	}
	if literal {
		g.fixed, _ = g.make(nil) // literals never fail
	}
	return g
}

func (g *group) eval(c *Call) (*actions, error) {
	if g.fixed != nil {
		return g.fixed, nil
	}
	return g.make(c)
}

func (g *group) make(c *Call) (*actions, error) {
	made := &actions{own: make(map[string]action, len(g.own))}
	var err, err2 error
	made.known, err = g.known.eval(c)
	made.unknown, err2 = g.unknown.eval(c)
	if err := cmpErr(err, err2); err != nil {
		return nil, err
	}
	for i := range g.own {
		name, err := g.own[i].name.Eval(c)
		a, err2 := g.own[i].action.eval(c)
		if err := cmpErr(err, err2); err != nil {
			return nil, err
		}
		made.own[strings.ToLower(strings.TrimSpace(name))] = a
	}
	return made, nil
}

// validateParameters is validate-parameters.
type validateParameters struct {
	headers, query, path group
	variable             string
}

func compileValidateParameters(k *Compiler, e *policy.Element) Step {
	known, unknown := k.action(e, "specified-parameter-action", actionOf{}), k.action(e, "unspecified-parameter-action", actionOf{})
	all := k.actions(&policy.Element{}, known, unknown, "", "")
	v := &validateParameters{headers: all, query: all, path: all, variable: k.Literal(e, "errors-variable-name")}
	for _, c := range e.Children {
		g := k.actions(c, k.action(c, "specified-parameter-action", known), k.action(c, "unspecified-parameter-action", unknown), "parameter", "name")
		switch c.Name {
		case "headers":
			v.headers = g
		case "query":
			v.query = g
		case "path":
			v.path = g
		}
	}
	return v
}

func (v *validateParameters) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	headers, err1 := v.headers.eval(c)
	inQuery, err2 := v.query.eval(c)
	path, err3 := v.path.eval(c)
	if err := cmpErr(err1, err2, err3); err != nil {
		return err
	}
	key := ""
	if c.API != nil {
		key = c.API.KeyHeader
	}
	var f findings
	for _, one := range c.Contract.Headers(c.Headers(Request), key) {
		f.add(one, headers.of(one))
	}
	query, err := url.ParseQuery(c.Request.OriginalURL.RawQuery)
	if err != nil {
		f.add(contract.Violation{Type: contract.QueryParameter, Rule: contract.Malformed, Details: "The query is not well-formed."}, inQuery.known)
	}
	if c.API != nil {
		maps.DeleteFunc(query, func(name string, _ []string) bool { return strings.EqualFold(name, c.API.KeyQuery) })
	}
	for _, one := range c.Contract.Query(query) {
		f.add(one, inQuery.of(one))
	}
	for _, one := range c.Contract.Path(c.Request.MatchedParameters) {
		f.add(one, path.of(one))
	}
	return f.settle(c, v.variable, Request)
}

// validateHeaders is validate-headers.
type validateHeaders struct {
	group
	variable string
}

func compileValidateHeaders(k *Compiler, e *policy.Element) Step {
	return &validateHeaders{k.actions(e, k.action(e, "specified-header-action", actionOf{}), k.action(e, "unspecified-header-action", actionOf{}), "header", "name"), k.Literal(e, "errors-variable-name")}
}

func (v *validateHeaders) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	actions, err := v.eval(c)
	if err != nil {
		return err
	}
	var f findings
	for _, one := range c.Contract.ResponseHeaders(c.Reply().StatusCode, c.Headers(Answer)) {
		f.add(one, actions.of(one))
	}
	return f.settle(c, v.variable, Answer)
}

// validateStatus is validate-status-code.
type validateStatus struct {
	group
	variable string
}

func compileValidateStatusCode(k *Compiler, e *policy.Element) Step {
	v := &validateStatus{k.actions(e, actionOf{}, k.action(e, "unspecified-status-code-action", actionOf{}), "status-code", "code"), k.Literal(e, "errors-variable-name")}
	if v.variable == "" {
		v.variable = k.Literal(e, "error-variable-name") // as the toolkit has it (gateway.md 17)
	}
	return v
}

func (v *validateStatus) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	actions, err := v.eval(c)
	if err != nil {
		return err
	}
	var f findings
	for _, one := range c.Contract.Status(c.Reply().StatusCode) {
		f.add(one, actions.of(one))
	}
	return f.settle(c, v.variable, Answer)
}

// validateContent is validate-content.
type validateContent struct {
	unknown, tooLarge actionOf
	size              Whole
	anyType, noType   string // what every type, or a missing one, is taken for; "" for what it is
	types             []typeRule
	contents          []contentOf
	variable          string
	side              Side
}

// typeRule takes a content type for another.
type typeRule struct {
	from, to Text
	when     Flag
}

// contentRule says how bodies of a type are checked.
type contentRule struct {
	media, as, schema, ref string
	action                 action
	options                contract.Options
}

// contentOf is a contentRule as it is written.
type contentOf struct {
	media, as, schema, ref Text
	action                 actionOf
	more, folded           Flag
	fixed                  *contentRule // when nothing of it is an expression
}

// maxValidated is the largest body that is checked (gateway.md 16).
const maxValidated = 4 << 20

func compileValidateContent(k *Compiler, e *policy.Element) Step {
	v := &validateContent{unknown: k.action(e, "unspecified-content-type-action", actionOf{}), tooLarge: k.action(e, "size-exceeded-action", actionOf{}), size: k.Whole(e, "max-size"),
		variable: k.Literal(e, "errors-variable-name"), side: k.Side()}
	for _, c := range e.Children {
		switch c.Name {
		case "content-type-map":
			v.anyType, v.noType = k.Literal(c, "any-content-type-value"), k.Literal(c, "missing-content-type-value")
			for _, t := range c.Children {
				v.types = append(v.types, typeRule{k.Text(t, "from"), k.Text(t, "to"), k.Flag(t, "when")})
			}
		case "content":
			v.contents = append(v.contents, k.contentRule(c))
		}
	}
	return v
}

func (k *Compiler) contentRule(e *policy.Element) contentOf {
	r := contentOf{media: k.Text(e, "type"), as: k.Text(e, "validate-as"), schema: k.Text(e, "schema-id"), ref: k.Text(e, "schema-ref"), action: k.action(e, "action", actionOf{fixed: prevent}),
		more: k.Flag(e, "allow-additional-properties"), folded: k.Flag(e, "case-insensitive-property-names")}
	if r.media.Literal() && r.as.Literal() && r.schema.Literal() && r.ref.Literal() && r.action.Literal() && r.more.Literal() && r.folded.Literal() {
		fixed, _ := r.make(nil) // literals never fail
		r.fixed = &fixed
	}
	return r
}

func (r *contentOf) eval(c *Call) (contentRule, error) {
	if r.fixed != nil {
		return *r.fixed, nil
	}
	return r.make(c)
}

func (r *contentOf) make(c *Call) (made contentRule, err error) {
	media, err := r.media.Eval(c)
	as, err2 := r.as.Eval(c)
	schema, err3 := r.schema.Eval(c)
	ref, err4 := r.ref.Eval(c)
	action, err5 := r.action.eval(c)
	more, err6 := r.more.Eval(c)
	folded, err7 := r.folded.Eval(c)
	return contentRule{contract.MediaType(media), strings.ToLower(strings.TrimSpace(as)), strings.TrimSpace(schema), strings.TrimSpace(ref), action,
		contract.Options{Closed: r.more.Given() && !more, Folded: folded}}, cmpErr(err, err2, err3, err4, err5, err6, err7)
}

func (v *validateContent) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	body := c.Body(v.side)
	if body == nil {
		return nil
	}
	kind, status := contract.RequestBody, 0
	if v.side == Answer {
		kind, status = contract.ResponseBody, c.Reply().StatusCode
	}
	var f findings
	if err := v.check(c, &f, body, kind, status); err != nil {
		return err
	}
	return f.settle(c, v.variable, v.side)
}

func (v *validateContent) check(c *Call, f *findings, body *Body, kind string, status int) error {
	limit, err := v.size.Eval(c)
	unknown, err2 := v.unknown.eval(c)
	tooLarge, err3 := v.tooLarge.eval(c)
	if err := cmpErr(err, err2, err3); err != nil {
		return err
	}
	limit = min(limit, maxValidated)
	data, err := body.Bytes(true)
	if err != nil && !errors.Is(err, errBodyTooLarge) {
		return failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	if err != nil || int64(len(data)) > limit {
		f.add(contract.Violation{Type: kind, Rule: contract.SizeLimit, Details: "The body is larger than " + strconv.FormatInt(limit, 10) + " bytes."}, tooLarge)
		return nil
	}
	media, err := v.mediaType(c)
	if err != nil {
		return err
	}
	representation := c.Contract.Representation(status, media)
	rule, ok, err := v.rule(c, media)
	if err != nil {
		return err
	}
	if representation == nil && !ok {
		f.add(contract.Violation{Name: media, Type: kind, Rule: contract.Unspecified, Details: "The content type '" + media + "' is not one that the operation knows."}, unknown)
		return nil
	}
	if ok && rule.action != ignore {
		for _, one := range v.violations(c, rule, data, kind, media, status) {
			f.add(one, rule.action)
		}
	}
	return nil
}

// mediaType is what the body is taken for.
func (v *validateContent) mediaType(c *Call) (string, error) {
	media := contract.MediaType(c.Headers(v.side).Get("Content-Type"))
	switch {
	case v.anyType != "":
		return contract.MediaType(v.anyType), nil
	case media == "" && v.noType != "":
		return contract.MediaType(v.noType), nil
	}
	for i := range v.types {
		t := &v.types[i]
		from, err := t.from.Eval(c)
		when, err2 := t.when.Eval(c)
		to, err3 := t.to.Eval(c)
		if err := cmpErr(err, err2, err3); err != nil {
			return "", err
		}
		if t.from.Given() && contract.MediaType(from) == media || t.when.Given() && when {
			return contract.MediaType(to), nil
		}
	}
	return media, nil
}

// rule finds how bodies of a type are checked: by the type's own rule, or that for all types.
func (v *validateContent) rule(c *Call, media string) (found contentRule, ok bool, err error) {
	for i := range v.contents {
		r, err := v.contents[i].eval(c)
		switch {
		case err != nil:
			return r, false, err
		case r.media == media:
			return r, true, nil
		case r.media == "" && !ok:
			found, ok = r, true
		}
	}
	return found, ok, nil
}

func (v *validateContent) violations(c *Call, r contentRule, body []byte, kind, media string, status int) []contract.Violation {
	var named *config.Schema
	if r.schema != "" {
		if named = c.sharedSchema(r.schema); named == nil {
			return []contract.Violation{{Type: kind, Rule: contract.Unchecked, Details: "The schema '" + r.schema + "' does not exist."}}
		}
	}
	if r.as != "json" {
		return v.xmlViolations(c, r, named, body, kind, media, status)
	}
	if named == nil {
		return c.Contract.JSON(c.Contract.Representation(status, media), body, kind, r.options)
	}
	return c.Services.Schemas.JSONBy(named, r.ref, body, kind, r.options)
}

// xmlViolations checks a body as XML, whatever charset it is written in.
func (v *validateContent) xmlViolations(c *Call, r contentRule, named *config.Schema, body []byte, kind, media string, status int) []contract.Violation {
	text, err := bodyText(c.Headers(v.side).Get("Content-Type"), body)
	if err != nil {
		return []contract.Violation{{Name: media, Type: kind, Rule: contract.Malformed, Details: err.Error()}}
	}
	b := contract.XMLBody{Text: text, Kind: kind, Media: media, Envelope: r.as == "soap"}
	if named != nil {
		return c.Services.Schemas.XMLBy(named, b, c.sharedSchema)
	}
	return c.Contract.XML(c.Contract.Representation(status, media), b, c.sharedSchema)
}

// sharedSchema finds a schema of the service, or of the API's workspace; nil for none.
func (c *Call) sharedSchema(name string) *config.Schema {
	if c.Services.Schema == nil {
		return nil
	}
	workspace := ""
	if c.Workspace != nil {
		workspace = c.Workspace.ID
	}
	return c.Services.Schema(workspace, name)
}
