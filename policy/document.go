package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// Format says how a document writes its expressions.
type Format uint8

// In XML, the form of a document that is well-formed XML, expressions are escaped like
// any text. In Raw they stand as they are, quotes and angle brackets included
// (gateway.md 5.1). All else is the same in both.
const (
	XML Format = iota
	Raw
)

// FormatNamed returns the format that clients call xml or rawxml, in any casing.
func FormatNamed(name string) (f Format, ok bool) {
	switch strings.ToLower(name) {
	case "xml":
		return XML, true
	case "rawxml":
		return Raw, true
	}
	return XML, false
}

func (f Format) String() string { return [...]string{"xml", "rawxml"}[f] }

// Document is a parsed document. It and what it holds never change.
type Document struct {
	Format   Format
	Root     *Element   // policies, fragment, or the data source of a resolver
	Sections []*Section // of policies, in the order of the document

	text  string
	spans []span // expressions, in order
}

// Section is one of inbound, backend, outbound and on-error.
type Section struct {
	Name     string
	Element  *Element
	Policies []*Element // of the section itself; what stands in choose and the like is below them
}

// Element is an element with what it holds. Comments are left out.
type Element struct {
	Name     string
	Attrs    []Attr
	Children []*Element
	Text     Value  // the characters directly in it, those of its children left out
	Inner    string // all between its tags, as written: for bodies that are markup
	Pos      Pos    // of its name
}

// Attr is an attribute of an element.
type Attr struct {
	Name  string
	Value Value
	Pos   Pos // of its name
}

// Value is the text of an attribute or element with what is special in it.
type Value struct {
	Text  string      // without entities
	Expr  *Expression // nil for a literal
	Names []Name      // named values that it refers to
	Pos   Pos         // of its first character
}

// Expression is a value that is one C# expression or block, and nothing else.
type Expression struct {
	Code  string // what stands between the outer brackets
	Block bool   // @{...}; @(...) otherwise
	Pos   Pos    // of the @
}

// Name is a reference to a named value, {{x}}, which is replaced before anything is
// compiled, inside expressions too (gateway.md 5.4).
type Name struct {
	Name string
	Pos  Pos
	// Maybe marks what may as well be braces of C#: {{{x}}} in an expression.
	Maybe bool
}

// Pos is a place in the text that was parsed. Lines and columns count from 1, columns
// in UTF-16 units, as .NET counts them.
type Pos struct {
	Offset       int // in bytes, from 0
	Line, Column int
}

func (p Pos) String() string { return fmt.Sprintf("line %d, column %d", p.Line, p.Column) }

// SyntaxError is why a text cannot be read as a document.
type SyntaxError struct {
	Message string
	Pos     Pos
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("%s Line %d, position %d.", e.Message, e.Pos.Line, e.Pos.Column)
}

// Attr returns the value of an attribute.
func (e *Element) Attr(name string) (Value, bool) {
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return e.Attrs[i].Value, true
		}
	}
	return Value{}, false
}

// Literal reports whether v is known before it is evaluated: no expression, and no named value in it.
func (v Value) Literal() bool { return v.Expr == nil && len(v.Names) == 0 }

// Section returns the section with that name, nil when the document has none.
func (d *Document) Section(name string) *Section {
	for _, s := range d.Sections {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// sectionNames are the sections of policies, in the order of a call.
var sectionNames = []string{"inbound", "backend", "outbound", "on-error"}

var namePattern = regexp.MustCompile(`\{\{([A-Za-z0-9._-]+)\}\}`)

// names finds the references to named values in source, which starts at offset at.
func (p *parser) names(source string, at int, expression bool) []Name {
	if !strings.Contains(source, "{{") {
		return nil
	}
	var found []Name
	for _, m := range namePattern.FindAllStringSubmatchIndex(source, -1) {
		goesOn := m[0] > 0 && source[m[0]-1] == '{' || m[1] < len(source) && source[m[1]] == '}'
		found = append(found, Name{Name: source[m[2]:m[3]], Pos: p.pos(at + m[0]), Maybe: expression && goesOn})
	}
	return found
}
