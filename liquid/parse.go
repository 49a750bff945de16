package liquid

import (
	"fmt"
	"strings"
)

// A SyntaxError says what is wrong with a template, and in which line.
type SyntaxError struct {
	Line    int
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("Liquid template, line %d: %s", e.Line, e.Message)
}

// Template is a compiled template.
type Template struct{ body []node }

// The bounds of a template's text.
const (
	maxSource     = 1 << 20
	maxNesting    = 100
	maxConditions = 1000 // comparisons joined by and, or
)

// Parse compiles a template. Its error is a *SyntaxError.
func Parse(source string) (*Template, error) {
	if len(source) > maxSource {
		return nil, &SyntaxError{1, "the template is too long"}
	}
	p := &parser{pieces: split(source)}
	body, end := p.block()
	if p.err == nil && end.name != "" {
		p.fail(end, "unexpected tag '"+end.name+"'")
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Template{body}, nil
}

type pieceKind int

const (
	plain pieceKind = iota
	output
	tagPiece
)

// piece is text, {{ output }} or {% tag %}.
type piece struct {
	kind pieceKind
	name string // of a tag
	text string // of a tag: what follows the name
	raw  string // as written
	line int
}

// split cuts a template into pieces; hyphens inside the brackets trim the text beside them.
func split(source string) (pieces []piece) {
	line := 1
	trim := false
	add := func(p piece) {
		p.line = line
		line += strings.Count(p.raw, "\n")
		pieces = append(pieces, p)
	}
	text := func(s string) {
		raw := s
		if trim {
			s = strings.TrimLeft(s, " \t\r\n")
		}
		if raw != "" {
			add(piece{text: s, raw: raw})
		}
		trim = false
	}
	for source != "" {
		at := strings.IndexByte(source, '{')
		for at >= 0 && !strings.HasPrefix(source[at:], "{{") && !strings.HasPrefix(source[at:], "{%") {
			next := strings.IndexByte(source[at+1:], '{')
			if next < 0 {
				at = -1
			} else {
				at += next + 1
			}
		}
		if at < 0 {
			text(source)
			return pieces
		}
		kind, closing := output, "}}"
		if source[at+1] == '%' {
			kind, closing = tagPiece, "%}"
		}
		end := strings.Index(source[at+2:], closing)
		if end < 0 {
			text(source[:at])
			add(piece{kind: kind, raw: source[at:], name: "\x00", text: "the tag is not closed"})
			return pieces
		}
		inner := source[at+2 : at+2+end]
		before := source[:at]
		if strings.HasPrefix(inner, "-") {
			inner, before = inner[1:], strings.TrimRight(before, " \t\r\n")
		}
		text(before)
		if before != source[:at] {
			line += strings.Count(source[len(before):at], "\n")
		}
		if strings.HasSuffix(inner, "-") {
			inner, trim = inner[:len(inner)-1], true
		}
		add(cut(kind, inner, source[at:at+2+end+2]))
		source = source[at+2+end+2:]
	}
	return pieces
}

func cut(kind pieceKind, inner, raw string) piece {
	p := piece{kind: kind, text: strings.TrimSpace(inner), raw: raw}
	if kind == tagPiece {
		i := 0
		for i < len(p.text) && wordByte(p.text[i]) && p.text[i] != '-' {
			i++
		}
		p.name, p.text = p.text[:i], strings.TrimSpace(p.text[i:])
	}
	return p
}

type parser struct {
	pieces []piece
	depth  int
	err    error
}

func (p *parser) fail(at piece, message string) {
	if p.err == nil {
		p.err = &SyntaxError{at.line, message}
	}
	p.pieces = nil
}

// take is the next piece; ok is false at the end.
func (p *parser) take() (piece, bool) {
	if len(p.pieces) == 0 {
		return piece{}, false
	}
	first := p.pieces[0]
	p.pieces = p.pieces[1:]
	return first, true
}

// block reads nodes up to a tag that is not a start: the caller's end.
func (p *parser) block() (list []node, end piece) {
	if p.depth++; p.depth > maxNesting {
		p.fail(piece{}, "tags are nested too deeply")
	}
	defer func() { p.depth-- }()
	for {
		next, ok := p.take()
		switch {
		case !ok:
			return list, piece{}
		case next.name == "\x00":
			p.fail(next, next.text)
		case next.kind == plain:
			list = append(list, textNode(next.text))
		case next.kind == output:
			if next.text == "" {
				continue
			}
			s := &scanner{s: next.text}
			list = append(list, outputNode{s.filtered()})
			p.finish(s, next)
		default:
			start := tagNamed(next.name)
			if start == nil {
				return list, next
			}
			if n := start(p, next); n != nil {
				list = append(list, n)
			}
		}
	}
}

// finish checks that a tag's text was read to its end.
func (p *parser) finish(s *scanner, at piece) {
	if s.err == "" && !s.over() {
		s.fail("unexpected text '" + strings.TrimSpace(s.s[s.pos:]) + "'")
	}
	if s.err != "" {
		p.fail(at, s.err)
	}
}

// until reads a block that has to end with one of the names.
func (p *parser) until(start piece, names ...string) ([]node, piece) {
	list, end := p.block()
	for _, n := range names {
		if p.err == nil && end.name == n {
			return list, end
		}
	}
	switch {
	case end.name == "":
		p.fail(start, "tag '"+start.name+"' is not closed")
	default:
		p.fail(end, "unknown tag '"+end.name+"'")
	}
	return nil, piece{}
}
