package xlinq

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Reader is an XmlReader over a text: it goes forward node by node. White space between nodes is passed over unless
// KeepSpace is set before the first Read (XmlReaderSettings.IgnoreWhitespace).
type Reader struct {
	// KeepSpace reports white space between nodes as Whitespace.
	KeepSpace bool

	s     string
	pos   int
	spend Spend
	err   error
	ended bool

	kind   Kind
	prefix string
	name   Name
	value  string
	attrs  []*Node
	empty  bool // a start tag that is its own end
	node   *Node

	open     []tag
	spaces   []binding
	rootSeen bool
}

type tag struct {
	prefix string
	name   Name
	at     int // of its name
	spaces int // bindings before it
	keep   bool
}

func (t tag) qualified() string { return qualified(t.prefix, t.name.Local) }

func qualified(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

type binding struct{ prefix, space string }

// NewReader makes a reader that stands before the first node.
func NewReader(text string, s Spend) *Reader {
	return &Reader{s: strings.TrimPrefix(text, "\uFEFF"), spend: s, spaces: []binding{{"", ""}, {"xml", XMLNamespace}, {"xmlns", XMLNSNamespace}}}
}

// Kind is the XmlNodeType of the node on which the reader stands.
func (r *Reader) Kind() Kind { return r.kind }

// Name is the node's name (target of an instruction).
func (r *Reader) Name() Name { return r.name }

// QualifiedName is the name as written, with its prefix.
func (r *Reader) QualifiedName() string { return qualified(r.prefix, r.name.Local) }

// Prefix is what stands before the colon of the name.
func (r *Reader) Prefix() string { return r.prefix }

// Value is the node's text.
func (r *Reader) Value() string { return r.value }

// Attributes are those of the element on which the reader stands.
func (r *Reader) Attributes() []*Node { return r.attrs }

// IsEmpty says whether the element on which the reader stands has no end tag.
func (r *Reader) IsEmpty() bool { return r.empty }

// EOF says whether everything was read.
func (r *Reader) EOF() bool { return r.ended }

// Depth is how many elements are around the node.
func (r *Reader) Depth() int {
	if r.kind == Element && !r.empty {
		return len(r.open) - 1
	}
	return len(r.open)
}

// Err is why reading stopped, or nil.
func (r *Reader) Err() error { return r.err }

// fail notes an error at a place of the text.
func (r *Reader) fail(at int, format string, args ...any) bool {
	if r.err == nil {
		line, column := r.where(at)
		r.err = throw(xmlException, "%s Line %d, position %d.", fmt.Sprintf(format, args...), line, column)
	}
	return false
}

func (r *Reader) where(at int) (line, column int) {
	line, start := 1, 0
	for i := 0; i < at && i < len(r.s); i++ {
		if r.s[i] == '\n' || r.s[i] == '\r' && !strings.HasPrefix(r.s[i+1:], "\n") {
			line, start = line+1, i+1
		}
	}
	column = 1
	for _, c := range r.s[start:min(at, len(r.s))] {
		if column++; c > 0xFFFF {
			column++
		}
	}
	return line, column
}

// Read goes to the next node. It returns false at the end and after an error.
func (r *Reader) Read() bool {
	if r.err != nil || r.ended {
		return false
	}
	r.prefix, r.name, r.value, r.attrs, r.node = "", Name{}, "", nil, nil
	r.empty = false
	for {
		found, again := r.step()
		if again {
			continue
		}
		if !found {
			r.kind, r.ended = None, r.err == nil
			return false
		}
		if err := r.spend.take(nodeSize + len(r.value)); err != nil {
			r.err, r.kind = err, None
			return false
		}
		return true
	}
}

// step reads one piece of markup or text. again: there was nothing to report.
func (r *Reader) step() (found, again bool) {
	first := r.pos == 0
	switch {
	case r.pos >= len(r.s):
		return r.end(), false
	case r.s[r.pos] != '<':
		return r.text()
	case strings.HasPrefix(r.s[r.pos:], "<!--"):
		return r.until("-->", 4, Comment), false
	case strings.HasPrefix(r.s[r.pos:], "<![CDATA["):
		if len(r.open) == 0 {
			return r.fail(r.pos+1, "Data at the root level is invalid."), false
		}
		return r.until("]]>", 9, CDATA), false
	case strings.HasPrefix(r.s[r.pos:], "<!DOCTYPE"):
		return r.doctype(), false
	case strings.HasPrefix(r.s[r.pos:], "<?"):
		return r.instruction(first), false
	case strings.HasPrefix(r.s[r.pos:], "</"):
		return r.endTag(), false
	case strings.HasPrefix(r.s[r.pos:], "<!"):
		return r.fail(r.pos+2, "Syntax for an XML declaration is invalid."), false
	}
	return r.startTag(), false
}

func (r *Reader) end() bool {
	if n := len(r.open); n > 0 {
		names := make([]string, 0, n)
		for i := n - 1; i >= 0; i-- {
			names = append(names, r.open[i].qualified())
		}
		return r.fail(len(r.s), "Unexpected end of file has occurred. The following elements are not closed: %s.", strings.Join(names, ", "))
	}
	if !r.rootSeen {
		r.err = throw(xmlException, "Root element is missing.")
	}
	return false
}

// text reads up to the next markup.
func (r *Reader) text() (found, again bool) {
	start := r.pos
	i := strings.IndexByte(r.s[start:], '<')
	if i < 0 {
		i = len(r.s) - start
	}
	raw := r.s[start : start+i]
	r.pos += i
	if len(r.open) == 0 {
		if k := strings.IndexFunc(raw, notBlank); k >= 0 {
			return r.fail(start+k, "Data at the root level is invalid."), false
		}
	}
	if k := strings.Index(raw, "]]>"); k >= 0 {
		return r.fail(start+k, "']]>' is not allowed in character data."), false
	}
	value, ok := r.decode(raw, start, false)
	if !ok {
		return false, false
	}
	r.kind, r.value = Text, value
	if strings.IndexFunc(value, notBlank) < 0 {
		r.kind = Whitespace
		if n := len(r.open); n > 0 && r.open[n-1].keep {
			r.kind = SignificantWhitespace
		} else if !r.KeepSpace {
			return false, true
		}
	}
	return true, false
}

func notBlank(c rune) bool { return c != ' ' && c != '\t' && c != '\r' && c != '\n' }

// decode replaces line ends, references and, in attributes, white space. Only the five entities of XML exist.
func (r *Reader) decode(raw string, at int, attribute bool) (string, bool) {
	if c, i, ok := checkChars(raw); !ok {
		return "", r.fail(at+i, "%s", badChar(c))
	}
	special := "&\r"
	if attribute {
		special = "&\r\n\t"
	}
	if !strings.ContainsAny(raw, special) {
		return raw, true
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '&':
			text, n, ok := r.reference(raw[i:], at+i)
			if !ok {
				return "", false
			}
			b = append(b, text...)
			i += n - 1
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n': // one line end
		case attribute && (c == '\r' || c == '\n' || c == '\t'):
			b = append(b, ' ')
		case c == '\r':
			b = append(b, '\n')
		default:
			b = append(b, c)
		}
	}
	return string(b), true
}

// reference reads &lt; or &#60; and says how long it is.
func (r *Reader) reference(s string, at int) (text string, n int, ok bool) {
	end := strings.IndexByte(s, ';')
	name := ""
	if end > 0 {
		name = s[1:end]
	}
	switch name {
	case "lt":
		return "<", 4, true
	case "gt":
		return ">", 4, true
	case "amp":
		return "&", 5, true
	case "quot":
		return `"`, 6, true
	case "apos":
		return "'", 6, true
	}
	if strings.HasPrefix(name, "#") {
		return r.character(name[1:], end+1, at)
	}
	if name == "" || checkNCName(strings.ReplaceAll(name, ":", "")) != nil {
		return "", 0, r.fail(at+1, "An error occurred while parsing EntityName.")
	}
	return "", 0, r.fail(at+1, "Reference to undeclared entity '%s'.", name)
}

func (r *Reader) character(digits string, n, at int) (string, int, bool) {
	base := 10
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	c, err := strconv.ParseUint(digits, base, 32)
	switch {
	case err != nil && strings.Trim(digits, "0123456789abcdefABCDEF") != "" || digits == "":
		return "", 0, r.fail(at+2, "Invalid syntax for a decimal numeric entity reference.")
	case err != nil || c > 0x10FFFF:
		return "", 0, r.fail(at+2, "Invalid value of a character entity reference.")
	case !isChar(rune(c)):
		return "", 0, r.fail(at+2, "%s", badChar(rune(c)))
	}
	return string(rune(c)), n, true
}

// until reads a comment or CDATA section.
func (r *Reader) until(end string, skip int, kind Kind) bool {
	start := r.pos + skip
	i := strings.Index(r.s[start:], end)
	if i < 0 {
		return r.fail(len(r.s), "Unexpected end of file while parsing %s has occurred.", kind)
	}
	raw := r.s[start : start+i]
	if kind == Comment && (strings.Contains(raw, "--") || strings.HasSuffix(raw, "-")) {
		return r.fail(start+i, "An XML comment cannot contain '--', and '-' cannot be the last character.")
	}
	if c, k, ok := checkChars(raw); !ok {
		return r.fail(start+k, "%s", badChar(c))
	}
	r.pos = start + i + len(end)
	r.kind, r.value = kind, lineEnds(raw)
	return true
}

func lineEnds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func (r *Reader) blanks() bool {
	start := r.pos
	for r.pos < len(r.s) && strings.IndexByte(" \t\r\n", r.s[r.pos]) >= 0 {
		r.pos++
	}
	return r.pos > start
}

// ncname reads a name without a colon.
func (r *Reader) ncname() (string, bool) {
	start := r.pos
	for r.pos < len(r.s) {
		c, n := utf8.DecodeRuneInString(r.s[r.pos:])
		if r.pos == start && !nameStart(c) || !namePart(c) {
			break
		}
		r.pos += n
	}
	if r.pos > start {
		return r.s[start:r.pos], true
	}
	if r.pos >= len(r.s) {
		return "", r.fail(r.pos, "Unexpected end of file has occurred.")
	}
	c, _ := utf8.DecodeRuneInString(r.s[r.pos:])
	return "", r.fail(r.pos, "Name cannot begin with the '%c' character, hexadecimal value 0x%02X.", c, c)
}

// qname reads prefix:local.
func (r *Reader) qname() (prefix, local string, ok bool) {
	if local, ok = r.ncname(); !ok || r.pos >= len(r.s) || r.s[r.pos] != ':' {
		return "", local, ok
	}
	r.pos++
	prefix = local
	local, ok = r.ncname()
	return prefix, local, ok
}

func (r *Reader) instruction(first bool) bool {
	at := r.pos
	r.pos += 2
	target, ok := r.ncname()
	if !ok {
		return false
	}
	space := r.blanks()
	i := strings.Index(r.s[r.pos:], "?>")
	if i < 0 {
		return r.fail(len(r.s), "Unexpected end of file while parsing PI has occurred.")
	}
	if !space && i > 0 {
		return r.fail(r.pos, "The '%c' character, hexadecimal value 0x%02X, cannot be included in a name.", r.s[r.pos], r.s[r.pos])
	}
	data := r.s[r.pos : r.pos+i]
	if c, k, ok := checkChars(data); !ok {
		return r.fail(r.pos+k, "%s", badChar(c))
	}
	r.pos += i + 2
	r.kind, r.name, r.value = ProcessingInstruction, Name{Local: target}, lineEnds(data)
	switch {
	case target == "xml" && first:
		r.kind = XmlDeclaration
		return r.declaration(data, at)
	case target == "xml":
		return r.fail(at+2, "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters are allowed to appear before it.")
	case strings.EqualFold(target, "xml"):
		return r.fail(at+2, "'%s' is an invalid name for a processing instruction.", target)
	}
	return true
}

// declaration reads the pairs of <?xml version="1.0"?>.
func (r *Reader) declaration(data string, at int) bool {
	d := &Declaration{}
	parts := []struct {
		name string
		to   **string
	}{{"version", &d.Version}, {"encoding", &d.Encoding}, {"standalone", &d.Standalone}}
	rest := strings.Trim(data, " \t\r\n")
	for _, p := range parts {
		tail, ok := strings.CutPrefix(rest, p.name)
		if !ok {
			continue
		}
		tail = strings.TrimLeft(tail, " \t\r\n")
		tail, ok = strings.CutPrefix(tail, "=")
		tail = strings.TrimLeft(tail, " \t\r\n")
		if !ok || tail == "" || tail[0] != '"' && tail[0] != '\'' {
			return r.fail(at, "Syntax for an XML declaration is invalid.")
		}
		end := strings.IndexByte(tail[1:], tail[0])
		if end < 0 {
			return r.fail(at, "Syntax for an XML declaration is invalid.")
		}
		value := tail[1 : end+1]
		*p.to, rest = &value, strings.TrimLeft(tail[end+2:], " \t\r\n")
	}
	if rest != "" || d.Version == nil {
		return r.fail(at, "Syntax for an XML declaration is invalid.")
	}
	if *d.Version != "1.0" {
		return r.fail(at, "Version number '%s' is invalid.", *d.Version)
	}
	r.node = &Node{Declaration: d}
	return true
}

// doctype reads <!DOCTYPE name PUBLIC "p" "s">. An internal subset is refused: it is where entities come from.
func (r *Reader) doctype() bool {
	at := r.pos
	if r.rootSeen {
		return r.fail(at+2, "Unexpected DTD declaration.")
	}
	r.pos += len("<!DOCTYPE")
	r.blanks()
	name, ok := r.ncname()
	if !ok {
		return false
	}
	d := NewDocumentType(name, nil, nil, nil)
	r.blanks()
	word := ""
	for _, w := range []string{"PUBLIC", "SYSTEM"} {
		if strings.HasPrefix(r.s[r.pos:], w) {
			word, r.pos = w, r.pos+len(w)
		}
	}
	if word == "PUBLIC" {
		if d.PublicID, ok = r.literal(); !ok {
			return false
		}
	}
	if word != "" {
		if d.SystemID, ok = r.literal(); !ok {
			return false
		}
	}
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '>' {
		return r.fail(at+2, "For security reasons DTD is prohibited in this XML document.")
	}
	r.pos++
	r.kind, r.name, r.node = DocumentType, d.name, d
	return true
}

func (r *Reader) literal() (*string, bool) {
	r.blanks()
	if r.pos >= len(r.s) || r.s[r.pos] != '"' && r.s[r.pos] != '\'' {
		return nil, r.fail(r.pos, "Expecting external ID, '[' or '>'.")
	}
	i := strings.IndexByte(r.s[r.pos+1:], r.s[r.pos])
	if i < 0 {
		return nil, r.fail(len(r.s), "Unexpected end of file has occurred.")
	}
	text := r.s[r.pos+1 : r.pos+1+i]
	if c, k, ok := checkChars(text); !ok {
		return nil, r.fail(r.pos+1+k, "%s", badChar(c))
	}
	r.pos += i + 2
	return &text, true
}

// Attribute is the value of the attribute with a name as it is written, with its prefix; false when the element has none.
func (r *Reader) Attribute(name string) (string, bool) {
	space, local, known := "", name, true
	if prefix, rest, found := strings.Cut(name, ":"); found {
		local = rest
		space, known = r.spaceOf(prefix)
	}
	for _, a := range r.attrs {
		if known && a.name == (Name{Space: space, Local: local}) {
			return a.value, true
		}
	}
	return "", false
}

// spaceOf is the namespace of a prefix where the reader stands. An element that is its own end has left its scope already.
func (r *Reader) spaceOf(prefix string) (string, bool) {
	for _, a := range r.attrs {
		if a.name == (Name{Space: XMLNSNamespace, Local: prefix}) {
			return a.value, true
		}
	}
	return r.lookup(prefix)
}
