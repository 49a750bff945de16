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

func (k *Compiler) action(e *policy.Element, attribute string, otherwise action) action {
	switch strings.ToLower(k.Literal(e, attribute)) {
	case "prevent":
		return prevent
	case "detect":
		return detect
	case "ignore":
		return ignore
	}
	return otherwise
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
	known, unknown action
	own            map[string]action // by folded name
}

func (g group) of(v contract.Violation) action {
	if a, ok := g.own[strings.ToLower(v.Name)]; ok {
		return a
	}
	if v.Rule == contract.Unspecified {
		return g.unknown
	}
	return g.known
}

// overrides are the elements that say otherwise for one name.
func (k *Compiler) overrides(e *policy.Element, child, attribute string) map[string]action {
	own := map[string]action{}
	for _, c := range e.Children {
		if c.Name == child {
			own[strings.ToLower(k.Literal(c, attribute))] = k.action(c, "action", ignore)
		}
	}
	return own
}

// validateParameters is validate-parameters.
type validateParameters struct {
	headers, query, path group
	variable             string
}

func compileValidateParameters(k *Compiler, e *policy.Element) Step {
	all := group{known: k.action(e, "specified-parameter-action", ignore), unknown: k.action(e, "unspecified-parameter-action", ignore)}
	v := &validateParameters{headers: all, query: all, path: all, variable: k.Literal(e, "errors-variable-name")}
	for _, c := range e.Children {
		g := group{k.action(c, "specified-parameter-action", all.known), k.action(c, "unspecified-parameter-action", all.unknown), k.overrides(c, "parameter", "name")}
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
	key := ""
	if c.API != nil {
		key = c.API.KeyHeader
	}
	var f findings
	for _, one := range c.Contract.Headers(c.Headers(Request), key) {
		f.add(one, v.headers.of(one))
	}
	query, err := url.ParseQuery(c.Request.OriginalURL.RawQuery)
	if err != nil {
		f.add(contract.Violation{Type: contract.QueryParameter, Rule: contract.Malformed, Details: "The query is not well-formed."}, v.query.known)
	}
	if c.API != nil {
		maps.DeleteFunc(query, func(name string, _ []string) bool { return strings.EqualFold(name, c.API.KeyQuery) })
	}
	for _, one := range c.Contract.Query(query) {
		f.add(one, v.query.of(one))
	}
	for _, one := range c.Contract.Path(c.Request.MatchedParameters) {
		f.add(one, v.path.of(one))
	}
	return f.settle(c, v.variable, Request)
}

// validateHeaders is validate-headers.
type validateHeaders struct {
	group
	variable string
}

func compileValidateHeaders(k *Compiler, e *policy.Element) Step {
	return &validateHeaders{group{k.action(e, "specified-header-action", ignore), k.action(e, "unspecified-header-action", ignore), k.overrides(e, "header", "name")}, k.Literal(e, "errors-variable-name")}
}

func (v *validateHeaders) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	var f findings
	for _, one := range c.Contract.ResponseHeaders(c.Reply().StatusCode, c.Headers(Answer)) {
		f.add(one, v.of(one))
	}
	return f.settle(c, v.variable, Answer)
}

// validateStatus is validate-status-code.
type validateStatus struct {
	group
	variable string
}

func compileValidateStatusCode(k *Compiler, e *policy.Element) Step {
	v := &validateStatus{group{unknown: k.action(e, "unspecified-status-code-action", ignore), own: k.overrides(e, "status-code", "code")}, k.Literal(e, "errors-variable-name")}
	if v.variable == "" {
		v.variable = k.Literal(e, "error-variable-name") // as the toolkit has it (gateway.md 17)
	}
	return v
}

func (v *validateStatus) Run(c *Call) error {
	if c.Contract == nil {
		return errNoContract
	}
	var f findings
	for _, one := range c.Contract.Status(c.Reply().StatusCode) {
		f.add(one, v.of(one))
	}
	return f.settle(c, v.variable, Answer)
}

// validateContent is validate-content.
type validateContent struct {
	unknown, tooLarge action
	size              Whole
	anyType, noType   string // what every type, or a missing one, is taken for; "" for what it is
	types             []typeRule
	contents          []contentRule
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

// maxValidated is the largest body that is checked (gateway.md 16).
const maxValidated = 4 << 20

func compileValidateContent(k *Compiler, e *policy.Element) Step {
	v := &validateContent{unknown: k.action(e, "unspecified-content-type-action", ignore), tooLarge: k.action(e, "size-exceeded-action", ignore), size: k.Whole(e, "max-size"),
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

func (k *Compiler) contentRule(e *policy.Element) contentRule {
	r := contentRule{media: contract.MediaType(k.Literal(e, "type")), as: strings.ToLower(k.Literal(e, "validate-as")), schema: k.Literal(e, "schema-id"), ref: k.Literal(e, "schema-ref"), action: k.action(e, "action", prevent)}
	closed := k.Flag(e, "allow-additional-properties")
	r.options = contract.Options{Closed: closed.Given() && !closed.on, Folded: k.Flag(e, "case-insensitive-property-names").on}
	return r
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
	if err != nil {
		return err
	}
	limit = min(limit, maxValidated)
	data, err := body.Bytes(true)
	if err != nil && !errors.Is(err, errBodyTooLarge) {
		return failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	if err != nil || int64(len(data)) > limit {
		f.add(contract.Violation{Type: kind, Rule: contract.SizeLimit, Details: "The body is larger than " + strconv.FormatInt(limit, 10) + " bytes."}, v.tooLarge)
		return nil
	}
	media, err := v.mediaType(c)
	if err != nil {
		return err
	}
	representation := c.Contract.Representation(status, media)
	rule, ok := v.rule(media)
	if representation == nil && !ok {
		f.add(contract.Violation{Name: media, Type: kind, Rule: contract.Unspecified, Details: "The content type '" + media + "' is not one that the operation knows."}, v.unknown)
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
func (v *validateContent) rule(media string) (contentRule, bool) {
	for _, r := range v.contents {
		if r.media == media {
			return r, true
		}
	}
	for _, r := range v.contents {
		if r.media == "" {
			return r, true
		}
	}
	return contentRule{}, false
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
