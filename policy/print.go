package policy

import (
	"strings"
)

// span is an expression in the text of a document, or a literal that looks like the
// start of one.
type span struct {
	start, end int
	quote      byte   // that encloses it; 0 in the text of an element
	value      string // without entities; "" for a literal
}

// Text returns the document as it was parsed.
func (d *Document) Text() string { return d.text }

// As returns the document in a format: as it was written, but for the expressions. In
// that format it parses to the same tree.
func (d *Document) As(f Format) string {
	if f == d.Format {
		return d.text
	}
	var out strings.Builder
	at := 0
	for _, s := range d.spans {
		out.WriteString(d.text[at:s.start])
		switch source := d.text[s.start:s.end]; {
		case s.value != "" && f == XML:
			out.WriteString(escape(s.value, s.quote))
		case s.value != "":
			out.WriteString(keepEntities(s.value))
		case f == Raw:
			out.WriteString("&#64;" + source[1:]) // an expression could start there that was none in XML
		default:
			out.WriteString(source)
		}
		at = s.end
	}
	out.WriteString(d.text[at:])
	return out.String()
}

var (
	textEscape   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	doubleEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
	singleEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `'`, "&apos;", "\r", "&#xD;", "\n", "&#xA;", "\t", "&#x9;")
)

// escape writes an expression the way the service does (Azure/azure-rest-api-specs#25306):
// in an attribute the line ends too, which XML would make blanks of and comments need.
func escape(value string, quote byte) string {
	switch quote {
	case '"':
		return doubleEscape.Replace(value)
	case '\'':
		return singleEscape.Replace(value)
	}
	return textEscape.Replace(value)
}

// keepEntities escapes each & that Raw would take for the start of an entity.
func keepEntities(value string) string {
	var out strings.Builder
	for {
		i := strings.IndexByte(value, '&')
		if i < 0 {
			out.WriteString(value)
			return out.String()
		}
		out.WriteString(value[:i+1])
		if _, n := entity(value[i:]); n > 0 {
			out.WriteString("amp;")
		}
		value = value[i+1:]
	}
}
