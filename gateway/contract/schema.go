package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

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
	kept map[schemaKey]*compiled

	keptXML map[*config.Schema]*compiledXML
}

// schemaKey has the document itself, which never changes: what is saved makes another one.
type schemaKey struct {
	document *config.Schema
	pointer  string
	options  Options
}

const schemasKept = 4096

// Violation is one thing about a message that goes against the contract, as policies show it.
type Violation struct {
	Name    string // of the parameter, header or member; of a body its path
	Type    string // QueryParameter, PathParameter, HeaderParameter, ResponseHeader, StatusCode, RequestBody, ResponseBody
	Rule    string // what was broken: Required, DataType, ...
	Details string
}

const location = "gatehouse:///schema.json"

// compileSchema compiles a schema for one check at a time, and {"not": schema}, which is found out without listing why.
func compileSchema(document json.RawMessage, pointer string, o Options) (*instance, error) {
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, errors.New("the schema is not JSON")
	}
	tree = normal(tree, o, 0)
	in := &instance{}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(nowhere{})
	c.UseRegexpEngine(in.meter.pattern)
	c.RegisterVocabulary(&jsonschema.Vocabulary{URL: location + "/meter", Schema: anything, Compile: func(*jsonschema.CompilerContext, map[string]any) (jsonschema.SchemaExt, error) { return &in.meter, nil }})
	c.AssertVocabs()
	at := location
	if pointer != "" {
		at += "#" + pointer
	}
	err = c.AddResource(location, tree)
	if err == nil {
		err = c.AddResource(negation, map[string]any{"not": map[string]any{"$ref": at}})
	}
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	if in.schema, err = c.Compile(at); err == nil {
		in.broken, err = c.Compile(negation)
	}
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be compiled: %w", err)
	}
	return in, nil
}

const negation = "gatehouse:///not.json"

// anything is the schema of what the meter adds to schemas, which is nothing.
var anything = jsonschema.NewCompiler().MustCompile("https://json-schema.org/draft/2020-12/schema")

// nowhere is where references to other documents lead.
type nowhere struct{}

func (nowhere) Load(url string) (any, error) {
	return nil, fmt.Errorf("references to other documents are not followed: %s", url)
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

// foldNames is what Options.Folded does to what is checked. Members whose names only differ in case become one: twice holds
// the name of such a one.
func foldNames(v any, twice *string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = foldNames(v[i], twice)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			folded := strings.ToLower(name)
			if _, there := out[folded]; there {
				*twice = folded
			}
			out[folded] = foldNames(value, twice)
		}
		return out
	}
	return v
}

var english = message.NewPrinter(language.English)

// violationsMax bounds what is told about one message.
const violationsMax = 20

// listed turns what a value breaks of a schema into violations: the innermost causes.
func listed(err error, kind string) (all []Violation) {
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
