package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDepth bounds how deep elements may nest; the deepest real documents have a dozen levels.
const maxDepth = 100

// maxAttributes bounds how many attributes an element may have.
const maxAttributes = 200

// Parse reads a document. Its error is a *SyntaxError, worded as .NET's XML reader words it.
func Parse(text string, f Format) (*Document, error) {
	p := &parser{text: text, doc: &Document{Format: f, text: text}, line: 1, column: 1}
	if err := p.document(); err != nil {
		return nil, err
	}
	for _, e := range p.doc.Root.Children {
		if p.doc.Root.Name == "policies" {
			p.doc.Sections = append(p.doc.Sections, &Section{Name: e.Name, Element: e, Policies: e.Children})
		}
	}
	return p.doc, nil
}

type parser struct {
	text string
	at   int
	doc  *Document

	open []*opened

	// The place that was asked for last: places are mostly asked for in order.
	offset, line, column int
}

// opened is an element whose end is still to come.
type opened struct {
	*Element
	inner int // where its content starts
	runs  []Value
}

// pos tells line and column of an offset.
func (p *parser) pos(offset int) Pos {
	if offset < p.offset {
		p.offset, p.line, p.column = 0, 1, 1
	}
	for p.offset < offset {
		r, n := utf8.DecodeRuneInString(p.text[p.offset:])
		switch {
		case r == '\n':
			p.line, p.column = p.line+1, 1
		case r > 0xFFFF:
			p.column += 2
		default:
			p.column++
		}
		p.offset += n
	}
	return Pos{Offset: offset, Line: p.line, Column: p.column}
}

func (p *parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{Message: fmt.Sprintf(format, args...), Pos: p.pos(min(at, len(p.text)))}
}

func (p *parser) document() error {
	if err := p.characters(); err != nil {
		return err
	}
	p.text = strings.TrimPrefix(p.text, "\ufeff")
	p.doc.text = p.text
	for p.at < len(p.text) {
		if err := p.next(); err != nil {
			return err
		}
	}
	if len(p.open) > 0 {
		var names []string
		for _, e := range slices.Backward(p.open) {
			names = append(names, e.Name)
		}
		return p.fail(len(p.text), "Unexpected end of file has occurred. The following elements are not closed: %s.", strings.Join(names, ", "))
	}
	if p.doc.Root == nil {
		return p.fail(len(p.text), "Root element is missing.")
	}
	return nil
}

// characters refuses what no XML may hold, escaped or not.
func (p *parser) characters() error {
	for i, r := range p.text {
		if !allowed(r) || r == utf8.RuneError && !strings.HasPrefix(p.text[i:], "\uFFFD") {
			return p.fail(i, "'%c', hexadecimal value 0x%02X, is an invalid character.", '.', r)
		}
	}
	return nil
}

func allowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= unicode.MaxRune
}

// next reads one tag, comment or run of text.
func (p *parser) next() error {
	rest := p.text[p.at:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return p.comment()
	case strings.HasPrefix(rest, "<![CDATA[") && len(p.open) > 0:
		return p.cdata()
	case strings.HasPrefix(rest, "<!"):
		return p.fail(p.at, "A document type declaration is not permitted.")
	case strings.HasPrefix(rest, "<?"):
		return p.instruction()
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	case rest[0] == '<':
		return p.startTag()
	}
	return p.characterData()
}

func (p *parser) comment() error {
	start := p.at
	end := strings.Index(p.text[start+4:], "--")
	if end < 0 {
		return p.fail(len(p.text), "Unexpected end of file has occurred in a comment that starts in line %d.", p.pos(start).Line)
	}
	p.at = start + 4 + end + 3
	if p.at > len(p.text) || p.text[p.at-1] != '>' {
		return p.fail(start+4+end, "An XML comment cannot contain '--', and '-' cannot be the last character.")
	}
	return nil
}

// instruction skips a processing instruction; that named xml may only open the document.
func (p *parser) instruction() error {
	start := p.at
	end := strings.Index(p.text[start:], "?>")
	p.at += 2
	name, err := p.name()
	switch {
	case err != nil:
		return err
	case end < 0:
		return p.fail(len(p.text), "Unexpected end of file has occurred.")
	case strings.EqualFold(name, "xml") && start > 0:
		return p.fail(start, "Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters are allowed to appear before it.")
	case p.at > start+end || p.at < start+end && !space(p.text[p.at]):
		return p.fail(p.at, "A processing instruction has to have a name and a blank after it.")
	}
	p.at = start + end + 2
	return nil
}

func (p *parser) startTag() error {
	p.at++
	e := &opened{Element: &Element{Pos: p.pos(p.at)}}
	var err error
	if e.Name, err = p.name(); err != nil {
		return err
	}
	if err := p.place(e.Element); err != nil {
		return err
	}
	for {
		before := p.at
		p.blanks()
		switch rest := p.text[p.at:]; {
		case rest == "":
			return p.fail(p.at, "Unexpected end of file has occurred. The following elements are not closed: %s.", e.Name)
		case rest[0] == '>':
			p.at++
			e.inner = p.at
			if p.open = append(p.open, e); len(p.open) > maxDepth {
				return p.fail(p.at, "Elements nest more than %d levels deep.", maxDepth)
			}
			return nil
		case strings.HasPrefix(rest, "/>"):
			p.at += 2
			return nil
		case p.at == before:
			r, _ := utf8.DecodeRuneInString(rest)
			return p.fail(p.at, "'%c' is an unexpected token. Expecting white space.", r)
		}
		if err := p.attribute(e.Element); err != nil {
			return err
		}
	}
}

// place puts a new element below the one that is open, or makes it the root.
func (p *parser) place(e *Element) error {
	switch {
	case len(p.open) > 0:
		parent := p.open[len(p.open)-1]
		parent.Children = append(parent.Children, e)
	case p.doc.Root != nil:
		return p.fail(e.Pos.Offset-1, "There are multiple root elements.")
	default:
		p.doc.Root = e
	}
	return nil
}

func (p *parser) endTag() error {
	start := p.at
	p.at += 2
	name, err := p.name()
	if err != nil {
		return err
	}
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], ">") {
		return p.fail(p.at, "An end tag has to end with '>'.")
	}
	p.at++
	if len(p.open) == 0 {
		return p.fail(start+2, "Unexpected end tag '%s'.", name)
	}
	e := p.open[len(p.open)-1]
	if e.Name != name {
		return p.fail(start+2, "The '%s' start tag on line %d position %d does not match the end tag of '%s'.", e.Name, e.Pos.Line, e.Pos.Column, name)
	}
	e.Inner = p.text[e.inner:start]
	e.settleText()
	p.open = p.open[:len(p.open)-1]
	return nil
}

// settleText makes one value of the runs of text in an element. It is an expression
// when one run is, and the others are blank.
func (e *opened) settleText() {
	var solid []Value
	var all strings.Builder
	for _, v := range e.runs {
		all.WriteString(v.Text)
		if strings.TrimSpace(v.Text) != "" {
			solid = append(solid, v)
		}
	}
	switch {
	case len(solid) == 1:
		e.Text = solid[0]
	case len(e.runs) > 0:
		e.Text = Value{Pos: e.runs[0].Pos}
		for _, v := range solid {
			e.Text.Names = append(e.Text.Names, v.Names...)
		}
	}
	e.Text.Text = all.String()
}

func (p *parser) attribute(e *Element) error {
	a := Attr{Pos: p.pos(p.at)}
	var err error
	if a.Name, err = p.name(); err != nil {
		return err
	}
	if _, twice := e.Attr(a.Name); twice {
		return p.fail(a.Pos.Offset, "'%s' is a duplicate attribute name.", a.Name)
	}
	if len(e.Attrs) == maxAttributes {
		return p.fail(a.Pos.Offset, "The element has more than %d attributes.", maxAttributes)
	}
	if p.blanks(); !strings.HasPrefix(p.text[p.at:], "=") {
		return p.unexpected("'='")
	}
	p.at++
	p.blanks()
	if p.at == len(p.text) || p.text[p.at] != '"' && p.text[p.at] != '\'' {
		return p.unexpected(`'"' or '''`)
	}
	quote := p.text[p.at]
	p.at++
	if a.Value, err = p.value(quote); err != nil {
		return err
	}
	p.at++ // the quote
	e.Attrs = append(e.Attrs, a)
	return nil
}

func (p *parser) unexpected(wanted string) error {
	if p.at >= len(p.text) {
		return p.fail(p.at, "Unexpected end of file has occurred.")
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return p.fail(p.at, "'%c' is an unexpected token. The expected token is %s.", r, wanted)
}

func (p *parser) characterData() error {
	start := p.at
	v, err := p.value(0)
	if err != nil {
		return err
	}
	if len(p.open) > 0 {
		e := p.open[len(p.open)-1]
		e.runs = append(e.runs, v)
		return nil
	}
	if blank := len(p.text[start:p.at]) - len(strings.TrimLeft(p.text[start:p.at], blanks)); blank < p.at-start {
		return p.fail(start+blank, "Data at the root level is invalid.")
	}
	return nil
}

func (p *parser) cdata() error {
	start := p.at + len("<![CDATA[")
	end := strings.Index(p.text[start:], "]]>")
	if end < 0 {
		return p.fail(len(p.text), "Unexpected end of file has occurred in a CDATA section.")
	}
	p.at = start + end + len("]]>")
	v := Value{Text: p.text[start : start+end], Pos: p.pos(start)}
	trimmed := strings.Trim(v.Text, blanks)
	at := start + strings.Index(v.Text, trimmed)
	if startsExpression(trimmed) {
		switch expressionEnd(trimmed) {
		case len(trimmed):
			v.Expr = p.expression(trimmed, at)
		case -1:
			return p.endless(at)
		}
	}
	v.Names = p.names(v.Text, start, v.Expr != nil)
	e := p.open[len(p.open)-1]
	e.runs = append(e.runs, v)
	return nil
}

const blanks = " \t\r\n"

func space(c byte) bool { return strings.IndexByte(blanks, c) >= 0 }

func (p *parser) blanks() {
	for p.at < len(p.text) && space(p.text[p.at]) {
		p.at++
	}
}

// name reads the name of an element or attribute.
func (p *parser) name() (string, error) {
	start := p.at
	for i, r := range p.text[start:] {
		first := r == '_' || r == ':' || unicode.IsLetter(r)
		if !first && (i == 0 || r != '-' && r != '.' && !unicode.IsDigit(r) && !unicode.IsMark(r)) {
			break
		}
		p.at = start + i + utf8.RuneLen(r)
	}
	if p.at > start {
		return p.text[start:p.at], nil
	}
	if p.at >= len(p.text) {
		return "", p.fail(p.at, "Unexpected end of file has occurred.")
	}
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return "", p.fail(p.at, "Name cannot begin with the '%c' character, hexadecimal value 0x%02X.", r, r)
}

// value reads up to the quote that ends an attribute's value, or to the tag that ends a run of text.
func (p *parser) value(quote byte) (Value, error) {
	start := p.at
	delimiter := "<"
	if quote != 0 {
		delimiter = string(quote)
	}
	v := Value{Pos: p.pos(start)}
	rest := p.text[start:]
	end := strings.Index(rest, delimiter)
	if end < 0 && quote == 0 {
		end = len(rest)
	}
	if trimmed := strings.TrimLeft(rest, blanks); p.doc.Format == Raw && startsExpression(trimmed) && (quote != 0 || len(p.open) > 0) {
		done, err := p.rawValue(&v, start, len(p.text)-len(trimmed), start+end, quote, delimiter)
		if done || err != nil {
			return v, err
		}
	}
	if end < 0 {
		return v, p.fail(len(p.text), "There is an unclosed literal string.")
	}
	p.at = start + end
	return v, p.plain(&v, start, quote)
}

// rawValue reads the value that starts like an expression at at, and that would end at
// end if it were none: the delimiter may be part of the C#, which then does not end before it.
// It leaves alone what goes on behind the expression, a literal.
func (p *parser) rawValue(v *Value, start, at, end int, quote byte, delimiter string) (done bool, err error) {
	if end >= start {
		source := strings.TrimRight(p.text[at:end], blanks)
		code := decode(source)
		switch expressionEnd(code) {
		case len(code):
			p.at = end
			p.raw(v, start, at, at+len(source), quote)
			return true, nil
		case -1:
		default:
			return false, nil
		}
	}
	n := expressionEnd(p.text[at:])
	if n < 0 || !delimited(p.text[at+n:], delimiter) {
		return false, p.endless(at)
	}
	rest := p.text[at+n:]
	p.at = at + n + len(rest) - len(strings.TrimLeft(rest, blanks))
	p.raw(v, start, at, at+n, quote)
	return true, nil
}

// delimited reports whether only blanks stand before the delimiter.
func delimited(rest, delimiter string) bool {
	return strings.HasPrefix(strings.TrimLeft(rest, blanks), delimiter)
}

// raw makes the value of an expression that stands unescaped. Entities in it are
// entities all the same, as exported documents have them, unless the C# is only
// complete when they are not.
func (p *parser) raw(v *Value, start, at, end int, quote byte) {
	source := p.text[at:end]
	code := decode(source)
	if expressionEnd(code) != len(code) {
		code = source
	}
	v.Expr = p.expression(code, at)
	v.Names = p.names(p.text[start:p.at], start, true)
	v.Text = p.text[start:at] + code + p.text[end:p.at]
	p.doc.spans = append(p.doc.spans, span{at, end, quote, code})
}

// plain makes the value of text as XML has it, an escaped expression included.
func (p *parser) plain(v *Value, start int, quote byte) error {
	source := p.text[start:p.at]
	v.Text = decode(source)
	trimmed := strings.Trim(source, blanks)
	if !startsExpression(trimmed) || quote == 0 && len(p.open) == 0 {
		v.Names = p.names(source, start, false)
		return p.wellFormed(source, start, quote)
	}
	at := start + strings.Index(source, trimmed)
	code := decode(trimmed)
	end := expressionEnd(code)
	if err := p.wellFormed(source, start, quote); err != nil {
		return err
	}
	s := span{start: at, end: at + len(trimmed), quote: quote}
	switch end {
	case len(code):
		v.Expr, s.value = p.expression(code, at), code
	case -1:
		return p.endless(at)
	}
	v.Names = p.names(source, start, v.Expr != nil)
	p.doc.spans = append(p.doc.spans, s)
	return nil
}

func (p *parser) expression(code string, at int) *Expression {
	return &Expression{Code: code[2 : len(code)-1], Block: code[1] == '{', Pos: p.pos(at)}
}

func (p *parser) endless(at int) error {
	return p.fail(at, "The expression that starts here does not end: a bracket, a text or a comment in it is not closed.")
}

// wellFormed refuses what text cannot hold unescaped.
func (p *parser) wellFormed(source string, start int, quote byte) error {
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c == '<': // in an attribute; elsewhere it would have ended the run
			return p.fail(start+i, "'<', hexadecimal value 0x3C, is an invalid attribute character.")
		case c == '&':
			_, n := entity(source[i:])
			if n == 0 {
				return p.badEntity(source[i:], start+i)
			}
			i += n - 1
		case quote == 0 && strings.HasPrefix(source[i:], "]]>"):
			return p.fail(start+i, "']]>' is not allowed in character data.")
		}
	}
	return nil
}

func (p *parser) badEntity(source string, at int) error {
	end := strings.IndexByte(source, ';')
	name := ""
	if end > 0 {
		name = source[1:end]
	}
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			name = ""
		}
	}
	if name == "" {
		return p.fail(at+1, "An error occurred while parsing EntityName. Write a single '&' as '&amp;'.")
	}
	return p.fail(at+1, "Reference to undeclared entity '%s'.", name)
}

var entities = map[string]string{"lt": "<", "gt": ">", "amp": "&", "quot": `"`, "apos": "'"}

// entity reads the entity that source starts with: what it stands for and its length, 0 for none.
func entity(source string) (text string, n int) {
	end := strings.IndexByte(source[:min(len(source), 12)], ';')
	if end < 2 {
		return "", 0
	}
	name := source[1:end]
	if digits, number := strings.CutPrefix(name, "#"); number {
		base := 10
		if hex, ok := strings.CutPrefix(digits, "x"); ok {
			digits, base = hex, 16
		}
		r, err := strconv.ParseUint(digits, base, 32)
		if err != nil || r > unicode.MaxRune || !allowed(rune(r)) {
			return "", 0
		}
		return string(rune(r)), end + 1
	}
	text, ok := entities[name]
	if !ok {
		return "", 0
	}
	return text, end + 1
}

// decode replaces entities and leaves every other & alone.
func decode(source string) string {
	if !strings.Contains(source, "&") {
		return source
	}
	var out strings.Builder
	for {
		i := strings.IndexByte(source, '&')
		if i < 0 {
			out.WriteString(source)
			return out.String()
		}
		out.WriteString(source[:i])
		text, n := entity(source[i:])
		if n == 0 {
			text, n = "&", 1
		}
		out.WriteString(text)
		source = source[i+n:]
	}
}
