package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dlclark/regexp2/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"gatehouse/gateway/config"
)

// Options say how a schema is applied.
type Options struct {
	Closed bool // members that no schema names are violations, where the schema leaves that open
	Folded bool // names of members compare without case
}

// Schemas compiles schemas of documents and keeps them. It is safe for concurrent use.
type Schemas struct {
	mu   sync.Mutex
	kept map[schemaKey]compiled

	keptXML map[*config.Schema]*compiledXML
}

type schemaKey struct {
	document *byte // the first byte of the text: a document is immutable, and one that was changed has another address
	length   int
	pointer  string
	options  Options
}

type compiled struct {
	schema *jsonschema.Schema
	err    error
}

const schemasKept = 4096

// Violation is one thing about a message that goes against the contract, as policies show it.
type Violation struct {
	Name    string // of the parameter, header or member; of a body its path
	Type    string // QueryParameter, PathParameter, HeaderParameter, ResponseHeader, StatusCode, RequestBody, ResponseBody
	Rule    string // what was broken: Required, DataType, ...
	Details string
}

// compile returns the schema at a JSON pointer of a document; "" is all of it.
func (s *Schemas) compile(document json.RawMessage, pointer string, o Options) (*jsonschema.Schema, error) {
	if len(document) == 0 {
		return nil, errors.New("the schema is empty")
	}
	key := schemaKey{&document[0], len(document), pointer, o}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.kept[key]; ok {
		return known.schema, known.err
	}
	if s.kept == nil || len(s.kept) >= schemasKept {
		s.kept = map[schemaKey]compiled{}
	}
	schema, err := compileSchema(document, pointer, o)
	s.kept[key] = compiled{schema, err}
	return schema, err
}

const location = "gatehouse:///schema.json"

func compileSchema(document json.RawMessage, pointer string, o Options) (*jsonschema.Schema, error) {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, errors.New("the schema is not JSON")
	}
	tree = normal(tree, o, 0)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(pattern)
	if err := c.AddResource(location, tree); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	at := location
	if pointer != "" {
		at += "#" + pointer
	}
	schema, err := c.Compile(at)
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be compiled: %w", err)
	}
	return schema, nil
}

// nowhere is where references to other documents lead.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("references to other documents are not followed: %s", url)
}

// pattern compiles the regular expressions of schemas, which are those of ECMAScript.
func pattern(text string) (jsonschema.Regexp, error) {
	if len(text) > 4096 {
		return nil, errors.New("the pattern is longer than 4,096 bytes")
	}
	re, err := regexp2.Compile(text, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = time.Second
	return expression{re}, nil
}

type expression struct{ *regexp2.Regexp }

// MatchString takes a text on which the pattern runs too long for one that does not match.
func (e expression) MatchString(s string) bool {
	ok, err := e.Regexp.MatchString(s)
	return err == nil && ok
}

// nestingMax bounds the walk; the compiler has bounds of its own.
const nestingMax = 200

// normal brings a schema of Swagger or OpenAPI 3.0 into the form of draft 2020-12.
func normal(v any, o Options, depth int) any {
	if depth > nestingMax {
		return v
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = normal(v[i], o, depth+1)
		}
	case map[string]any:
		for name, value := range v {
			if name != "enum" && name != "const" && name != "example" && name != "default" {
				v[name] = normal(value, o, depth+1)
			}
		}
		return normalObject(v, o)
	}
	return v
}

func normalObject(m map[string]any, o Options) map[string]any {
	delete(m, "$schema") // of drafts that the rest is not written for
	excluded(m, "minimum", "exclusiveMinimum")
	excluded(m, "maximum", "exclusiveMaximum")
	if m["nullable"] == true {
		if kind, ok := m["type"].(string); ok {
			m["type"] = []any{kind, "null"}
		}
		if list, ok := m["enum"].([]any); ok && !slices.Contains(list, nil) {
			m["enum"] = append(list, nil)
		}
	}
	properties, isObject := m["properties"].(map[string]any)
	if o.Folded && isObject {
		m["properties"] = folded(properties)
		if required, ok := m["required"].([]any); ok {
			for i, name := range required {
				if text, ok := name.(string); ok {
					required[i] = strings.ToLower(text)
				}
			}
		}
	}
	// Schemas put together of several would each refuse what the others name.
	_, open := m["additionalProperties"]
	if o.Closed && isObject && !open && m["allOf"] == nil && m["anyOf"] == nil && m["oneOf"] == nil {
		m["additionalProperties"] = false
	}
	return m
}

// excluded turns {minimum: 1, exclusiveMinimum: true} into {exclusiveMinimum: 1}.
func excluded(m map[string]any, bound, exclusive string) {
	flag, ok := m[exclusive].(bool)
	if !ok {
		return
	}
	delete(m, exclusive)
	if value, there := m[bound]; flag && there {
		m[exclusive] = value
		delete(m, bound)
	}
}

func folded(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for name, v := range m {
		out[strings.ToLower(name)] = v
	}
	return out
}

// foldNames is what Options.Folded does to what is checked.
func foldNames(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = foldNames(v[i])
		}
	case map[string]any:
		for _, name := range slices.Collect(maps.Keys(v)) {
			value := foldNames(v[name])
			delete(v, name)
			v[strings.ToLower(name)] = value
		}
	}
	return v
}

var english = message.NewPrinter(language.English)

// violationsMax bounds what is told about one message.
const violationsMax = 20

// apply lists what a value breaks of a schema, the innermost causes.
func apply(schema *jsonschema.Schema, value any, kind string) (all []Violation) {
	err := schema.Validate(value)
	var broken *jsonschema.ValidationError
	if !errors.As(err, &broken) {
		return nil
	}
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 && len(all) < violationsMax {
			path := e.ErrorKind.KeywordPath()
			rule := "schema"
			if len(path) > 0 {
				rule = path[len(path)-1]
			}
			at := "/" + strings.Join(e.InstanceLocation, "/")
			all = append(all, Violation{Name: at, Type: kind, Rule: strings.ToUpper(rule[:1]) + rule[1:], Details: at + ": " + e.ErrorKind.LocalizedString(english)})
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(broken)
	return all
}
