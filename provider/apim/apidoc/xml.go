package apidoc

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// element is a node of an XML document with the namespaces of its names resolved.
type element struct {
	xml.StartElement
	text         strings.Builder
	children     []*element
	line, column int
	scope        *scope
	from, to     int // bytes of the document
}

// scope holds the prefixes that an element declares, and leads to those above.
type scope struct {
	above *scope
	names map[string]string
	keys  []string // of names, in order, once somebody asked
}

func (s *scope) sorted() []string {
	if s.keys == nil {
		s.keys = sortedKeys(s.names)
	}
	return s.keys
}

func (s *scope) find(prefix string) string {
	for ; s != nil; s = s.above {
		if space, ok := s.names[prefix]; ok {
			return space
		}
	}
	return ""
}

// parseXML reads a whole document. A document type is refused, and with it every entity but
// the five of the language.
func parseXML(b []byte) (*element, error) {
	b = utf8Text(b)
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // the text came as UTF-8, whatever it says of itself
	root := &element{}
	open := []*element{root}
	for count := 0; ; {
		start := int(d.InputOffset())
		token, err := d.Token()
		line, column := d.InputPos()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, xmlFault(err, line, column)
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements {
				return nil, fault(at(line, column), "the document has more than %d elements", maxElements)
			}
			if len(open) > 2*maxDepth {
				return nil, fault(at(line, column), "elements lie more than %d levels deep", 2*maxDepth)
			}
			e := &element{StartElement: token.Copy(), line: line, column: column, scope: declared(top.scope, token.Attr), from: start}
			top.text.WriteByte(0) // where the child stands; no XML text can hold it
			top.children, open = append(top.children, e), append(open, e)
		case xml.EndElement:
			top.to = int(d.InputOffset())
			open = open[:len(open)-1]
		case xml.CharData:
			top.text.Write(token)
		case xml.Directive:
			return nil, fault(at(line, column), "a document type (<!DOCTYPE>) is not accepted; remove it")
		}
	}
	if len(root.children) != 1 {
		return nil, fault("line 1, column 1", "the document holds no XML element, or more than one")
	}
	return root.children[0], nil
}

func xmlFault(err error, line, column int) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return fault(at(line, column), "the XML is not well-formed: %s", syntax.Msg)
	}
	return fault(at(line, column), "the XML is not well-formed: %v", err)
}

// utf8Text turns UTF-16 with a byte order mark into UTF-8 and drops the mark of UTF-8.
func utf8Text(b []byte) []byte {
	if len(b) >= 2 && (b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff) {
		units := make([]uint16, 0, len(b)/2)
		for i := 2; i+1 < len(b); i += 2 {
			lo, hi := b[i], b[i+1]
			if b[0] == 0xfe {
				lo, hi = hi, lo
			}
			units = append(units, uint16(hi)<<8|uint16(lo))
		}
		return []byte(string(utf16.Decode(units)))
	}
	return bytes.TrimPrefix(b, []byte("\ufeff"))
}

func declared(above *scope, attributes []xml.Attr) *scope {
	here := above
	for _, a := range attributes {
		prefix := a.Name.Local
		if a.Name.Space == "" && prefix == "xmlns" {
			prefix = ""
		} else if a.Name.Space != "xmlns" {
			continue
		}
		if here == above {
			here = &scope{above: above, names: map[string]string{}}
		}
		here.names[prefix] = a.Value
	}
	return here
}

// attr is an attribute without namespace, "" when absent.
func (e *element) attr(name string) string {
	for _, a := range e.Attr {
		if a.Name.Space == "" && a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// named are the children of that local name, in whatever namespace.
func (e *element) named(name string) []*element {
	var found []*element
	if e != nil {
		for _, c := range e.children {
			if c.Name.Local == name {
				found = append(found, c)
			}
		}
	}
	return found
}

func (e *element) first(name string) *element {
	if found := e.named(name); len(found) > 0 {
		return found[0]
	}
	return nil
}

// resolve expands a name that an attribute holds, such as tns:Pet.
func (e *element) resolve(qualified string) xml.Name {
	prefix, local, ok := strings.Cut(qualified, ":")
	if !ok {
		prefix, local = "", qualified
	}
	return xml.Name{Space: e.scope.find(prefix), Local: local}
}

func (e *element) place() string { return at(e.line, e.column) }

// words are the text of an element and all below it, on one line.
func (e *element) words() string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	e.write(&b)
	return strings.Join(strings.Fields(b.String()), " ")
}

func (e *element) write(b *strings.Builder) {
	for i, piece := range strings.Split(e.text.String(), "\x00") {
		if i > 0 {
			e.children[i-1].write(b)
		}
		b.WriteString(piece)
	}
}
