package apim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
)

// A policy document comes in two forms: xml, in which C# expressions are escaped like
// any text, and rawxml, in which they stand as they are, quotes and angle brackets
// included. An expression is the whole of an attribute's value or of an element's
// text, and starts with @( or @{.

// checkDocument refuses what is not one well-formed policies element with its sections.
func checkDocument(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	depth, roots := 0, 0
	seen := map[string]bool{}
	for {
		line, column := d.InputPos()
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, column = d.InputPos()
			return malformed(line, column, "%s", syntax(err))
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := place(t.Name.Local, depth, roots, seen); err != "" {
				return malformed(line, column, "%s", err)
			}
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return malformed(line, column, "Text stands outside of the element 'policies'.")
			}
		case xml.Directive:
			return malformed(line, column, "A document type declaration is not permitted.")
		}
	}
	if roots == 0 {
		return malformed(1, 1, "The document has no element 'policies'.")
	}
	return nil
}

var sections = []string{"inbound", "backend", "outbound", "on-error"}

// place says what is wrong with an element at that depth, "" for nothing.
func place(name string, depth, roots int, seen map[string]bool) string {
	switch {
	case depth == 0 && (name != "policies" || roots > 0):
		return fmt.Sprintf("The document has to have one root element 'policies'; it has '%s'.", name)
	case depth == 1 && !slices.Contains(sections, name):
		return fmt.Sprintf("'%s' is not a section of 'policies': use %s.", name, strings.Join(sections, ", "))
	case depth == 1 && seen[name]:
		return fmt.Sprintf("The section '%s' stands twice.", name)
	case depth == 1:
		seen[name] = true
	}
	return ""
}

func malformed(line, column int, format string, args ...any) error {
	return validation("representation", "%s Line %d, position %d.", fmt.Sprintf(format, args...), line, column)
}

var syntaxPrefix = regexp.MustCompile(`^XML syntax error on line \d+: `)

func syntax(err error) string {
	text := syntaxPrefix.ReplaceAllString(err.Error(), "")
	return "The document is not well-formed XML: " + text + "."
}

// escapeExpressions brings a valid rawxml document into the xml form.
func escapeExpressions(raw string) string {
	out, err := mapExpressions(raw, func(expression string, quote byte) string {
		text := xmlEscape.Replace(expression)
		if quote == '\'' {
			text = strings.ReplaceAll(text, "'", "&apos;")
		}
		return text
	})
	if err != nil {
		return raw // it was checked when it was written
	}
	return out
}

var xmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// maskExpressions replaces what XML would stumble over in expressions, one for one,
// so that a parser reads the rest and finds every position where the author does.
func maskExpressions(raw string) (string, error) {
	return mapExpressions(raw, func(expression string, _ byte) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(`<>&"'`, r) {
				return '.'
			}
			return r
		}, expression)
	})
}

// mapExpressions replaces each expression of a rawxml document by f of it and of the
// quote that encloses it, if any.
func mapExpressions(raw string, f func(expression string, quote byte) string) (string, error) {
	var out strings.Builder
	s := &scanner{text: raw}
	for s.at < len(raw) {
		start := s.at
		found := s.next()
		out.WriteString(raw[start:s.at])
		if !found {
			continue
		}
		end := skipBrackets(raw, s.at+1)
		if end < 0 {
			line, column := position(raw, s.at)
			return "", malformed(line, column, "The expression that starts here does not end.")
		}
		if after := strings.TrimLeft(raw[end:], " \t\r\n"); !strings.HasPrefix(after, s.delimiter()) {
			continue // more follows: this is text like any other
		}
		out.WriteString(f(raw[s.at:end], s.quote))
		s.at = end
	}
	return out.String(), nil
}

func position(text string, at int) (line, column int) {
	before := text[:at]
	return strings.Count(before, "\n") + 1, at - strings.LastIndexByte(before, '\n')
}

// scanner walks markup and stops where a value starts: an attribute's or an element's text.
type scanner struct {
	text  string
	at    int
	inTag bool
	quote byte // of the attribute value that at is in; 0 outside
}

// next moves on and reports whether an expression starts at the new place.
func (s *scanner) next() bool {
	rest := s.text[s.at:]
	for _, skip := range [][2]string{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}} {
		if !s.inTag && strings.HasPrefix(rest, skip[0]) {
			s.to(skip[1])
			return false
		}
	}
	c := rest[0]
	s.at++
	switch {
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote != 0:
	case !s.inTag && c == '<':
		s.inTag = true
	case s.inTag && c == '>':
		s.inTag = false
		return s.value()
	case s.inTag && (c == '"' || c == '\''):
		s.quote = c
		return s.value()
	}
	return false
}

// delimiter ends the value that at is in.
func (s *scanner) delimiter() string {
	if s.quote != 0 {
		return string(s.quote)
	}
	return "<"
}

func (s *scanner) to(end string) {
	if i := strings.Index(s.text[s.at:], end); i >= 0 {
		s.at += i + len(end)
	} else {
		s.at = len(s.text)
	}
}

// value skips white space and reports whether an expression follows.
func (s *scanner) value() bool {
	trimmed := strings.TrimLeft(s.text[s.at:], " \t\r\n")
	if !strings.HasPrefix(trimmed, "@(") && !strings.HasPrefix(trimmed, "@{") {
		return false
	}
	s.at = len(s.text) - len(trimmed)
	return true
}

var closing = map[byte]byte{'(': ')', '{': '}', '[': ']'}

// skipBrackets returns the place after the bracket that closes the one at i. Text,
// characters and comments of C# are skipped, whatever brackets they hold.
func skipBrackets(text string, i int) int {
	want := []byte{closing[text[i]]}
	for i++; i < len(text); {
		c := text[i]
		switch {
		case closing[c] != 0:
			want = append(want, closing[c])
			i++
		case c == ')' || c == '}' || c == ']':
			if c != want[len(want)-1] {
				return -1
			}
			i++
			if want = want[:len(want)-1]; len(want) == 0 {
				return i
			}
		default:
			if i = skipToken(text, i); i < 0 {
				return -1
			}
		}
	}
	return -1
}

// skipToken returns the place after the text, character, comment or other byte at i.
func skipToken(text string, i int) int {
	rest := text[i:]
	switch {
	case strings.HasPrefix(rest, "//"):
		if end := strings.IndexByte(rest, '\n'); end >= 0 {
			return i + end
		}
		return -1
	case strings.HasPrefix(rest, "/*"):
		if end := strings.Index(rest[2:], "*/"); end >= 0 {
			return i + 2 + end + 2
		}
		return -1
	case strings.HasPrefix(rest, `$@"`), strings.HasPrefix(rest, `@$"`):
		return skipText(text, i+3, true, true)
	case strings.HasPrefix(rest, `@"`):
		return skipText(text, i+2, true, false)
	case strings.HasPrefix(rest, `$"`):
		return skipText(text, i+2, false, true)
	case rest[0] == '"':
		return skipText(text, i+1, false, false)
	case rest[0] == '\'':
		return skipCharacter(text, i)
	}
	return i + 1
}

func skipCharacter(text string, i int) int {
	for j := i + 1; j < len(text) && text[j] != '\n'; j++ {
		switch text[j] {
		case '\\':
			j++
		case '\'':
			return j + 1
		}
	}
	return -1
}

// skipText returns the place after the quote that ends a C# text which has begun.
func skipText(text string, i int, verbatim, interpolated bool) int {
	for i < len(text) {
		c := text[i]
		doubled := i+1 < len(text) && text[i+1] == c
		switch {
		case c == '\\' && !verbatim:
			i += 2
		case c == '"' && verbatim && doubled, c == '{' && interpolated && doubled:
			i += 2
		case c == '"':
			return i + 1
		case c == '{' && interpolated:
			if i = skipBrackets(text, i); i < 0 {
				return -1
			}
		default:
			i++
		}
	}
	return -1
}

// unescapeExpressions brings a document of the xml form into rawxml.
func unescapeExpressions(text string) string {
	var out strings.Builder
	s := &scanner{text: text}
	for s.at < len(text) {
		start := s.at
		found := s.next()
		out.WriteString(text[start:s.at])
		if !found {
			continue
		}
		end := strings.Index(text[s.at:], s.delimiter())
		if end < 0 {
			continue
		}
		raw := html.UnescapeString(text[s.at : s.at+end]) // a checked document has no entities but XML's
		if e := skipBrackets(raw, 1); e < 0 || strings.TrimSpace(raw[e:]) != "" {
			continue // not one expression and nothing else
		}
		out.WriteString(raw)
		s.at += end
	}
	return out.String()
}
