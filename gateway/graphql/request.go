package graphql

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Limits of a request (gateway.md 16).
const (
	MaxSize    = 100 << 10
	MaxDepth   = 6
	MaxFields  = 250
	maxTokens  = 15_000
	maxParsing = 100 // nesting that is parsed at all
)

// Schema is a schema that requests are checked against. It never changes.
type Schema struct{ ast *ast.Schema }

// ParseSchema reads a schema in the schema definition language.
func ParseSchema(text string) (*Schema, error) {
	document, err := parser.ParseSchemas(validatorPrelude(), &ast.Source{Name: "schema", Input: text})
	if err != nil {
		return nil, fmt.Errorf("the GraphQL schema cannot be read: %w", err)
	}
	s, err := validator.ValidateSchemaDocument(document)
	if err != nil {
		return nil, fmt.Errorf("the GraphQL schema is not valid: %w", err)
	}
	return &Schema{s}, nil
}

func validatorPrelude() *ast.Source { return validator.Prelude }

// Request is a request as it comes over HTTP.
type Request struct {
	Query         string          `json:"query"`
	OperationName string          `json:"operationName,omitempty"`
	Variables     json.RawMessage `json:"variables,omitempty"`
	Extensions    json.RawMessage `json:"extensions,omitempty"`
}

// Read takes a request from a body, or from the query of a GET. What says it in more than one way is refused: servers
// differ about which of two they take, and one that takes the other executes what nobody checked.
func Read(contentType string, body []byte, query string) (*Request, error) {
	if len(body) > MaxSize || len(query) > MaxSize {
		return nil, fmt.Errorf("the request is larger than %d bytes", MaxSize)
	}
	values, err := url.ParseQuery(query)
	if err != nil || ambiguous(values, len(body) > 0) {
		return nil, errors.New("the request does not say clearly what its query is")
	}
	if len(body) == 0 {
		if values.Get("query") == "" {
			return nil, errors.New("the request holds no query")
		}
		return &Request{Query: values.Get("query"), OperationName: values.Get("operationName"), Variables: json.RawMessage(values.Get("variables"))}, nil
	}
	switch media, err := mediaType(contentType); {
	case err != nil:
		return nil, err
	case media == "application/graphql":
		return &Request{Query: string(body)}, nil
	}
	return readJSON(body)
}

// ambiguous reports whether parameters say twice what is to be executed, or beside a body. Names count without case, as
// some servers read them.
func ambiguous(values url.Values, body bool) bool {
	said := map[string]bool{}
	for name, given := range values {
		folded := strings.ToLower(name)
		switch folded {
		case "query", "operationname", "variables", "extensions":
			if body || said[folded] || len(given) > 1 {
				return true
			}
			said[folded] = true
		}
	}
	return false
}

// mediaType is the type of a body that is read here: JSON in UTF-8, or GraphQL itself. A form would be read as JSON here and
// as a form by the server.
func mediaType(contentType string) (string, error) {
	if contentType == "" {
		return "application/json", nil
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	known := media == "application/graphql" || media == "application/json" || strings.HasSuffix(media, "+json")
	if charset := parameters["charset"]; err != nil || !known || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", errors.New("the request is neither application/json nor application/graphql, in UTF-8")
	}
	return media, nil
}

// readJSON reads names as they are written, each once: what is checked here has to be what a backend reads, and others
// differ about Query and about a second query.
func readJSON(body []byte) (*Request, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	malformed := errors.New("the request is not a JSON object with a member query")
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, malformed
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed
		}
		if _, twice := members[name]; twice {
			return nil, errors.New("the request has a member twice")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed
		}
		members[name] = value
	}
	if _, err := d.Token(); err != nil || d.More() {
		return nil, malformed
	}
	r := &Request{Variables: given(members["variables"]), Extensions: given(members["extensions"])}
	err := json.Unmarshal(members["query"], &r.Query)
	if name := given(members["operationName"]); name != nil && err == nil {
		err = json.Unmarshal(name, &r.OperationName)
	}
	if err != nil || r.Query == "" {
		return nil, malformed
	}
	return r, nil
}

// given is a member that is there and not null.
func given(raw json.RawMessage) json.RawMessage {
	if string(raw) == "null" {
		return nil
	}
	return raw
}

// Operation is the operation of a request that is to be executed, valid under its schema.
type Operation struct {
	Schema    *Schema
	Request   *Request
	document  *ast.QueryDocument
	operation *ast.OperationDefinition
	variables map[string]any
}

// Kind is query, mutation or subscription.
func (o *Operation) Kind() string { return string(o.operation.Operation) }

// Name is the operation's own name, "" when it has none.
func (o *Operation) Name() string { return o.operation.Name }

// Prepare parses and validates a request. The error is a list of what is wrong, an Errors.
func (s *Schema) Prepare(r *Request, maxDepth int) (*Operation, error) {
	if maxDepth <= 0 {
		maxDepth = MaxDepth
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Name: "query", Input: r.Query}, maxTokens)
	if err != nil {
		return nil, errorsOf(err)
	}
	// The validator compares fields pairwise, so it sees only what is within bounds.
	if err := bounds(document, maxDepth); err != nil {
		return nil, err
	}
	if list := validator.ValidateWithRules(s.ast, document, rules.NewDefaultRules()); len(list) > 0 {
		return nil, errorsOf(list)
	}
	o := &Operation{Schema: s, Request: r, document: document}
	if o.operation = document.Operations.ForName(r.OperationName); o.operation == nil {
		return nil, Errors{{Message: "The request does not say which of its operations is meant."}}
	}
	return o, o.readVariables()
}

func (o *Operation) readVariables() error {
	given := map[string]any{}
	if len(o.Request.Variables) > 0 {
		if err := json.Unmarshal(o.Request.Variables, &given); err != nil {
			return Errors{{Message: "variables is not an object."}}
		}
	}
	values, err := validator.VariableValues(o.Schema.ast, o.operation, given)
	if err != nil {
		return errorsOf(err)
	}
	o.variables = values
	return nil
}

// bounds counts depth and fields of every operation, with fragments put in place; and the fields of every fragment, since
// the validator also looks at those that no operation uses.
func bounds(document *ast.QueryDocument, maxDepth int) error {
	for _, op := range document.Operations {
		c := counter{document: document, open: map[string]bool{}, max: maxDepth}
		if err := c.walk(op.SelectionSet, 1); err != nil {
			return err
		}
	}
	for _, f := range document.Fragments {
		c := counter{document: document, open: map[string]bool{}, max: maxParsing}
		if err := c.walk(f.SelectionSet, 1); err != nil {
			return err
		}
	}
	return nil
}

type counter struct {
	document *ast.QueryDocument
	open     map[string]bool // fragments that are being walked
	max      int
	fields   int
	steps    int
}

func (c *counter) walk(set ast.SelectionSet, depth int) error {
	for _, one := range set {
		if c.steps++; c.steps > 20*MaxFields {
			return tooManyFields()
		}
		var err error
		switch one := one.(type) {
		case *ast.Field:
			// Introspection asks for a known amount, at a depth of its own.
			introspection := strings.HasPrefix(one.Name, "__")
			if c.fields++; c.fields > MaxFields {
				return tooManyFields()
			}
			if depth > c.max && !introspection {
				return Errors{{Message: fmt.Sprintf("The query is deeper than %d levels.", c.max)}}
			}
			if introspection {
				within := counter{document: c.document, open: c.open, max: maxParsing, fields: c.fields, steps: c.steps}
				err = within.walk(one.SelectionSet, depth+1)
				c.fields, c.steps = within.fields, within.steps
			} else {
				err = c.walk(one.SelectionSet, depth+1)
			}
		case *ast.InlineFragment:
			err = c.walk(one.SelectionSet, depth)
		case *ast.FragmentSpread:
			err = c.spread(one, depth)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *counter) spread(one *ast.FragmentSpread, depth int) error {
	f := c.document.Fragments.ForName(one.Name)
	if f == nil || c.open[one.Name] {
		return nil // the validator says it better
	}
	c.open[one.Name] = true
	defer delete(c.open, one.Name)
	return c.walk(f.SelectionSet, depth)
}

func tooManyFields() error {
	return Errors{{Message: fmt.Sprintf("The query asks for more than %d fields.", MaxFields)}}
}

// Error is an error as GraphQL answers it.
type Error struct {
	Message   string     `json:"message"`
	Locations []Location `json:"locations,omitempty"`
	Path      []any      `json:"path,omitempty"`
}

// Location is a place in the text of a query.
type Location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Errors is what is wrong with a request.
type Errors []Error

func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i := range e {
		texts[i] = e[i].Message
	}
	return strings.Join(texts, " ")
}

// Body is the answer to a request that is refused.
func (e Errors) Body() []byte {
	b, err := json.Marshal(map[string]any{"errors": []Error(e)})
	if err != nil {
		return []byte(`{"errors":[{"message":"The request was refused."}]}`)
	}
	return b
}

func errorsOf(err error) Errors {
	var list gqlerror.List
	var one *gqlerror.Error
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = gqlerror.List{one}
	default:
		return Errors{{Message: err.Error()}}
	}
	all := make(Errors, 0, len(list))
	for _, e := range list[:min(len(list), 20)] {
		converted := Error{Message: e.Message}
		for _, l := range e.Locations {
			converted.Locations = append(converted.Locations, Location{l.Line, l.Column})
		}
		all = append(all, converted)
	}
	return all
}

// Action is what a rule does with the fields of its path.
type Action string

// The actions.
const (
	Allow  Action = "allow"
	Remove Action = "remove" // the field, with an error
	Reject Action = "reject" // the request
	Ignore Action = "ignore" // this rule; the next decides
)

// Rule says what becomes of fields: /Type/field, /Type/*, /* and /__* for introspection.
type Rule struct {
	Path   string
	Action Action
}

func (r Rule) matches(typeName, field string) bool {
	path := strings.TrimPrefix(r.Path, "/")
	if path == "" || path == "*" {
		return true
	}
	if path == "__*" {
		return strings.HasPrefix(field, "__")
	}
	wantType, wantField, two := strings.Cut(path, "/")
	if !two {
		return wantType == field || wantType == typeName
	}
	return (wantType == typeName || wantType == "*") && (wantField == field || wantField == "*")
}

func decide(list []Rule, typeName, field string) Action {
	for _, r := range list {
		if r.Action != Ignore && r.matches(typeName, field) {
			return r.Action
		}
	}
	return Allow
}

// Authorize applies rules to every field that the operation asks for. Fields that are removed are taken out of the
// operation and returned as errors; the error is an Errors of those that reject the request.
func (o *Operation) Authorize(list []Rule) (removed Errors, err error) {
	a := authorizer{o: o, rules: list, seen: map[string]bool{}}
	o.operation.SelectionSet = a.filter(o.operation.SelectionSet)
	if len(a.rejected) > 0 {
		return a.removed, a.rejected
	}
	if len(o.operation.SelectionSet) == 0 {
		return a.removed, append(Errors{}, a.removed...)
	}
	return a.removed, nil
}

type authorizer struct {
	o                 *Operation
	rules             []Rule
	seen              map[string]bool // fragments that were filtered
	removed, rejected Errors
}

func (a *authorizer) filter(set ast.SelectionSet) ast.SelectionSet {
	kept := set[:0:0]
	for _, one := range set {
		switch one := one.(type) {
		case *ast.Field:
			if !a.field(one) {
				continue
			}
		case *ast.InlineFragment:
			if one.SelectionSet = a.filter(one.SelectionSet); len(one.SelectionSet) == 0 {
				continue
			}
		case *ast.FragmentSpread:
			f := a.o.document.Fragments.ForName(one.Name)
			if !a.seen[one.Name] {
				a.seen[one.Name] = true
				f.SelectionSet = a.filter(f.SelectionSet)
			}
			if len(f.SelectionSet) == 0 {
				continue
			}
		}
		kept = append(kept, one)
	}
	return kept
}

func (a *authorizer) field(f *ast.Field) bool {
	name := ""
	if f.ObjectDefinition != nil {
		name = f.ObjectDefinition.Name
	}
	e := Error{Message: fmt.Sprintf("Access to the field '%s' of '%s' is not allowed.", f.Name, name)}
	if f.Position != nil {
		e.Locations = []Location{{f.Position.Line, f.Position.Column}}
	}
	action := decide(a.rules, name, f.Name)
	// Whoever may not read a field of an implementation must not read it through the interface.
	if action == Allow && f.ObjectDefinition != nil && f.ObjectDefinition.IsAbstractType() {
		for _, possible := range a.o.Schema.ast.GetPossibleTypes(f.ObjectDefinition) {
			if worse := decide(a.rules, possible.Name, f.Name); worse != Allow {
				action = worse
				break
			}
		}
	}
	switch action {
	case Reject:
		a.rejected = append(a.rejected, e)
		return false
	case Remove:
		a.removed = append(a.removed, e)
		return false
	}
	if len(f.SelectionSet) == 0 {
		return true
	}
	f.SelectionSet = a.filter(f.SelectionSet)
	return len(f.SelectionSet) > 0
}

// Rewritten returns the request without what Authorize removed.
func (o *Operation) Rewritten() *Request {
	var text strings.Builder
	used := map[string]bool{}
	o.used(o.operation.SelectionSet, used)
	document := &ast.QueryDocument{Operations: ast.OperationList{o.operation}}
	for _, f := range o.document.Fragments {
		if used[f.Name] {
			document.Fragments = append(document.Fragments, f)
		}
	}
	formatter.NewFormatter(&text).FormatQueryDocument(document)
	r := *o.Request
	r.Query = text.String()
	return &r
}

// JSON is the request as the body of a POST.
func (r *Request) JSON() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		b, _ = json.Marshal(Request{Query: r.Query, OperationName: r.OperationName}) // variables and extensions are no JSON
	}
	return b
}

func (o *Operation) used(set ast.SelectionSet, names map[string]bool) {
	for _, one := range set {
		switch one := one.(type) {
		case *ast.Field:
			o.used(one.SelectionSet, names)
		case *ast.InlineFragment:
			o.used(one.SelectionSet, names)
		case *ast.FragmentSpread:
			if !names[one.Name] {
				names[one.Name] = true
				o.used(o.document.Fragments.ForName(one.Name).SelectionSet, names)
			}
		}
	}
}
