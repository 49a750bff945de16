package newtonsoft

import (
	"strconv"
	"strings"
)

// A Path is a compiled JSONPath, as Json.NET understands it.
type Path struct{ steps []step }

// step takes tokens to the tokens that the next step starts from.
type step interface {
	each(w *pathWalk, t *Token, yield func(*Token))
}

// ParsePath compiles a JSONPath; $ at the start may be left out.
func ParsePath(expression string) (*Path, error) {
	p := &pathParser{s: expression}
	p.blanks()
	if p.peek() == '$' {
		if p.pos+1 == len(p.s) {
			return &Path{}, nil
		}
		if c := p.s[p.pos+1]; c == '.' || c == '[' {
			p.pos++
		}
	}
	var steps []step
	if ended := p.path(&steps, p.pos, false); p.err == nil && !ended {
		last := p.pos
		if p.blanks(); p.pos < len(p.s) {
			p.fail("Unexpected character while parsing path: %c", p.s[last])
		}
	}
	return &Path{steps}, p.err
}

// SelectTokens gives all tokens that the path leads to from t. With must, a step that leads nowhere is an error.
func (t *Token) SelectTokens(path *Path, must bool, s Spend) ([]*Token, error) {
	w := &pathWalk{root: t.Root(), must: must, spend: s}
	return w.walk(path.steps, t), w.err
}

// SelectToken gives the one token that the path leads to, or nil. Several are an error.
func (t *Token) SelectToken(path *Path, must bool, s Spend) (*Token, error) {
	found, err := t.SelectTokens(path, must, s)
	switch {
	case err != nil || len(found) == 0:
		return nil, err
	case len(found) > 1:
		return nil, pathError("Path returned multiple tokens.")
	}
	return found[0], nil
}

func pathError(format string, args ...any) error {
	return throw("Newtonsoft.Json.JsonException", format, args...)
}

type pathParser struct {
	s   string
	pos int
	err error
}

func (p *pathParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = pathError(format, args...)
	}
	p.pos = len(p.s)
}

func (p *pathParser) peek() byte {
	if p.pos < len(p.s) {
		return p.s[p.pos]
	}
	return 0
}

func (p *pathParser) blanks() {
	for p.peek() == ' ' {
		p.pos++
	}
}

// more complains when the text is over.
func (p *pathParser) more(message string) bool {
	if p.pos >= len(p.s) {
		p.fail("%s", message)
	}
	return p.err == nil
}

func member(name string, scan bool) step {
	switch {
	case scan && name == "*":
		return scanStep{all: true}
	case scan:
		return scanStep{names: []string{name}}
	case name == "*":
		return fieldStep{all: true}
	}
	return fieldStep{names: []string{name}}
}

// path reads steps; it says whether it came to the end of the text. In a query it ends at an operator too.
func (p *pathParser) path(steps *[]step, start int, query bool) bool {
	scan, afterIndexer, afterDot := false, false, false
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		if c == ']' || c == ')' || c == ' ' || query && strings.IndexByte("=<>!|&", c) >= 0 {
			break
		}
		switch c {
		case '[', '(':
			if p.pos > start {
				*steps = append(*steps, member(p.s[start:p.pos], scan))
				scan = false
			}
			*steps = append(*steps, p.indexer(c, scan))
			scan = false
			p.pos++
			start, afterIndexer, afterDot = p.pos, true, false
		case '.':
			if p.pos > start {
				*steps = append(*steps, member(p.s[start:p.pos], scan))
				scan = false
			}
			if p.pos+1 < len(p.s) && p.s[p.pos+1] == '.' {
				scan = true
				p.pos++
			}
			p.pos++
			start, afterIndexer, afterDot = p.pos, false, true
		default:
			if afterIndexer {
				p.fail("Unexpected character following indexer: %c", c)
				return true
			}
			p.pos++
		}
		if p.err != nil {
			return true
		}
	}
	ended := p.pos >= len(p.s)
	if p.pos > start {
		*steps = append(*steps, member(strings.TrimRight(p.s[start:p.pos], " "), scan))
	} else if afterDot && (ended || query) {
		p.fail("Unexpected end while parsing path.")
	}
	return ended
}

const openIndexer = "Path ended with open indexer."

// indexer reads what stands in brackets and stops at the closing one.
func (p *pathParser) indexer(open byte, scan bool) step {
	end := byte(']')
	if open == '(' {
		end = ')'
	}
	p.pos++
	p.blanks()
	if !p.more(openIndexer) {
		return nil
	}
	switch p.peek() {
	case '\'':
		return p.quotedFields(end, scan)
	case '?':
		return p.query(end, scan)
	}
	return p.arrayIndexer(end)
}

func (p *pathParser) quotedFields(end byte, scan bool) step {
	var names []string
	for p.err == nil {
		names = append(names, p.quoted())
		p.blanks()
		if !p.more(openIndexer) {
			break
		}
		switch c := p.peek(); {
		case c == end && scan:
			return scanStep{names: names}
		case c == end:
			return fieldStep{names: names}
		case c != ',':
			p.fail("Unexpected character while parsing path indexer: %c", c)
		}
		p.pos++
		p.blanks()
		if p.err == nil && p.peek() != '\'' {
			p.fail("Unexpected character while parsing path indexer: %c", p.peek())
		}
	}
	return nil
}

// quoted reads a string in single quotes.
func (p *pathParser) quoted() string {
	var b strings.Builder
	for p.pos++; p.pos < len(p.s); p.pos++ {
		switch c := p.s[p.pos]; {
		case c == '\'':
			p.pos++
			return b.String()
		case c == '\\' && p.pos+1 < len(p.s):
			p.pos++
			i := strings.IndexByte(`btnfr\'"/`, p.s[p.pos])
			if i < 0 {
				p.fail(`Unknown escape character: \%c`, p.s[p.pos])
				return ""
			}
			b.WriteByte("\b\t\n\f\r\\'\"/"[i])
		default:
			b.WriteByte(c)
		}
	}
	p.fail("Path ended with an open string.")
	return ""
}

// arrayIndexer reads [1], [1,2], [*] and [1:5:2].
func (p *pathParser) arrayIndexer(end byte) step {
	if p.peek() == '*' {
		p.pos++
		p.blanks()
		if p.more(openIndexer) && p.peek() != end {
			p.fail("Unexpected character while parsing path indexer: *")
		}
		return indexStep{all: true}
	}
	var parts []*int
	var separator byte
	for p.err == nil {
		parts = append(parts, p.integer(end))
		c := p.peek()
		switch {
		case p.err != nil:
			return nil
		case c == end && separator == ':':
			return slice(parts)
		case c == end || c == ',' && separator != ':':
			if parts[len(parts)-1] == nil {
				p.fail("Array index expected.")
			}
		}
		if c == end {
			return indexStep{at: values(parts)}
		}
		separator = c
		p.pos++
		p.blanks()
	}
	return nil
}

// integer reads an optional number up to a comma, colon or the end of the indexer.
func (p *pathParser) integer(end byte) *int {
	start := p.pos
	for p.pos < len(p.s) && (p.s[p.pos] == '-' || p.s[p.pos] >= '0' && p.s[p.pos] <= '9') {
		p.pos++
	}
	text := p.s[start:p.pos]
	p.blanks()
	if !p.more(openIndexer) {
		return nil
	}
	if c := p.peek(); c != end && c != ',' && c != ':' {
		p.fail("Unexpected character while parsing path indexer: %c", c)
		return nil
	}
	if text == "" {
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil && p.err == nil {
		p.err = throw("System.FormatException", "The input string '%s' was not in a correct format.", text)
	}
	i := int(n)
	return &i
}

func slice(parts []*int) step {
	var s sliceStep
	for i, to := range []**int{&s.from, &s.to, &s.by} {
		if i < len(parts) {
			*to = parts[i]
		}
	}
	return s
}

func values(parts []*int) []int {
	list := make([]int, 0, len(parts))
	for _, p := range parts {
		if p != nil {
			list = append(list, *p)
		}
	}
	return list
}
