package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/dotnet/xlinq"
	"gatehouse/gateway/config"
	"gatehouse/xsd"
)

// IncorrectMessage is the rule that a body breaks that goes against its XML schema.
const IncorrectMessage = "IncorrectMessage"

// XMLBody is a body that is checked as XML.
type XMLBody struct {
	Text     string
	Kind     string // RequestBody or ResponseBody
	Media    string // its content type
	Envelope bool   // what counts is in an envelope of SOAP
}

// Shared finds a schema of the service by its name, nil for none: what schemas include as /schemas/{name}.
type Shared func(name string) *config.Schema

// memoryXML bounds what is built of a body.
const memoryXML = 512 << 20

var errMemoryXML = errors.New("the document is too large")

// read returns the elements that a schema is for: the root, or what an envelope holds.
func (b XMLBody) read() ([]*xlinq.Node, []Violation) {
	left := memoryXML
	d, err := xlinq.ParseDocument(b.Text, true, func(n int) error {
		if left -= n; left < 0 {
			return errMemoryXML
		}
		return nil
	})
	if err != nil || d.Root() == nil {
		return nil, b.one(Malformed, "the body is not well-formed XML")
	}
	root := d.Root()
	if !b.Envelope {
		return []*xlinq.Node{root}, nil
	}
	if n := root.Name(); n.Local != "Envelope" || !slices.Contains(envelopes, n.Space) {
		return nil, b.one(Malformed, "the body is no SOAP envelope")
	}
	return b.open(root)
}

var envelopes = []string{"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}

// open takes the content out of an envelope: a Header, at most, and one Body.
func (b XMLBody) open(root *xlinq.Node) (content []*xlinq.Node, wrong []Violation) {
	bodies := 0
	for _, part := range root.Items() {
		if part.Kind() != xlinq.Element {
			continue
		}
		switch n := part.Name(); {
		case n.Space == root.Name().Space && n.Local == "Header" && bodies == 0:
		case n.Space == root.Name().Space && n.Local == "Body":
			bodies++
			for _, c := range part.Items() {
				if c.Kind() == xlinq.Element {
					content = append(content, c)
				}
			}
		default:
			return nil, b.one(Malformed, "the SOAP envelope holds something else than its header and body")
		}
	}
	if bodies != 1 {
		return nil, b.one(Malformed, "the SOAP envelope has not one body")
	}
	return content, nil
}

func (b XMLBody) one(rule, details string) []Violation {
	return []Violation{{Name: b.Media, Type: b.Kind, Rule: rule, Details: details}}
}

// XML checks a body against the schema of its representation; without one it only has to be XML.
func (o *Operation) XML(r *config.Representation, b XMLBody, shared Shared) []Violation {
	if r == nil || r.Schema == "" {
		_, wrong := b.read()
		return wrong
	}
	document := o.Schema(r.Schema)
	if document == nil {
		return b.one(Unchecked, "the API has no schema '"+r.Schema+"'")
	}
	own := func(location string) *config.Schema {
		if name, ok := strings.CutPrefix(location, "/schemas/"); ok {
			return shared(name)
		}
		return o.Schema(location)
	}
	return o.schemas.xml(document, r.TypeName, b, own, o.Siblings)
}

// XMLBy checks a body against a schema that a policy names; any element that it declares may be the root.
func (s *Schemas) XMLBy(document *config.Schema, b XMLBody, shared Shared) []Violation {
	return s.xml(document, "", b, func(location string) *config.Schema {
		if name, ok := strings.CutPrefix(location, "/schemas/"); ok {
			return shared(name)
		}
		return nil
	}, nil)
}

// xml checks a body. root is the name of its element where the schema declares one of that name. What goes wrong while it
// is checked is a violation: what cannot be checked does not pass.
func (s *Schemas) xml(document *config.Schema, root string, b XMLBody, find func(location string) *config.Schema, siblings []*config.Schema) (all []Violation) {
	content, all := b.read()
	if all != nil {
		return all
	}
	defer func() {
		if recover() != nil {
			all = b.one(Unchecked, "the body cannot be checked against its schema")
		}
	}()
	set, err := s.compileXML(document, find, siblings)
	if err != nil {
		return b.one(Unchecked, "the schema cannot be compiled: "+err.Error())
	}
	if len(content) == 0 {
		return b.one(IncorrectMessage, "the body of the SOAP envelope is empty")
	}
	if !set.Declares(root) {
		root = ""
	}
	for _, n := range content {
		if b.Envelope && b.Kind == ResponseBody && n.Name().Local == "Fault" && slices.Contains(envelopes, n.Name().Space) {
			continue // faults are SOAP's own and in no schema
		}
		faults, err := set.Check(n, root)
		if err != nil {
			return b.one(Unchecked, err.Error())
		}
		for _, f := range faults {
			if len(all) < violationsMax {
				all = append(all, b.one(IncorrectMessage, fmt.Sprintf("%s: %s", f.Path, f.Message))...)
			}
		}
	}
	return all
}

// compiledXML is a compiled XML schema with what it was made of besides its own text.
type compiledXML struct {
	set   *xsd.Set
	err   error
	parts []partXML
}

// partXML is what a location, or a namespace, led to.
type partXML struct {
	location, space string
	texts           []string
}

func textOf(s *config.Schema) (string, bool) {
	if s == nil {
		return "", false
	}
	return s.Text, s.Text != ""
}

// compileXML returns the compiled schema; it is compiled anew when something that it includes was changed.
func (s *Schemas) compileXML(document *config.Schema, find func(location string) *config.Schema, siblings []*config.Schema) (*xsd.Set, error) {
	text, ok := textOf(document)
	if !ok {
		return nil, errors.New("it is no XML schema")
	}
	byName := func(space string) (texts []string) {
		for _, sibling := range siblings {
			if t, ok := textOf(sibling); ok && sibling != document && targetOf(t) == space {
				texts = append(texts, t)
			}
		}
		return texts
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.keptXML[document]; ok && known.current(find, byName) {
		return known.set, known.err
	}
	if s.keptXML == nil || len(s.keptXML) >= schemasKept {
		s.keptXML = map[*config.Schema]*compiledXML{}
	}
	c := &compiledXML{}
	c.set, c.err = xsd.Compile(text, xsd.Library{Load: func(location string) (string, bool) {
		text, ok := textOf(find(location))
		c.parts = append(c.parts, partXML{location: location, texts: []string{text}})
		return text, ok
	}, Import: func(space string) []string {
		texts := byName(space)
		c.parts = append(c.parts, partXML{space: space, texts: texts})
		return texts
	}})
	s.keptXML[document] = c
	return c.set, c.err
}

func (c *compiledXML) current(find func(location string) *config.Schema, byName func(space string) []string) bool {
	for _, p := range c.parts {
		now := []string{""}
		if p.location == "" {
			now = byName(p.space)
		} else {
			now[0], _ = textOf(find(p.location))
		}
		if !slices.Equal(now, p.texts) {
			return false
		}
	}
	return true
}

// targetOf is the namespace that a schema is for, "" when it cannot be read.
func targetOf(text string) string {
	r := xlinq.NewReader(text, nil)
	for r.Read() {
		if r.Kind() != xlinq.Element {
			continue
		}
		for _, a := range r.Attributes() {
			if a.Name() == (xlinq.Name{Local: "targetNamespace"}) {
				v, _ := a.Value(nil)
				return v
			}
		}
		return ""
	}
	return ""
}
