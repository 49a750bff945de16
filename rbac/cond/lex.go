package cond

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error says where a condition stops making sense and what was expected there.
type Error struct {
	Line, Column int // both from 1; columns count characters
	Message      string
}

// Error returns position and message.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	stringToken
	attributeToken
	markToken // ( ) { } , : and the operators !, && and ||
)

// token is one lexical unit; text is the word, the contents of a string, the mark,
// or the path of an attribute.
type token struct {
	kind   tokenKind
	text   string
	source Source // of an attribute
	start  int
	end    int
}

// show names a token in an error message.
func (t token) show() string {
	switch t.kind {
	case endToken:
		return "the end"
	case stringToken:
		return "the string '" + clip(t.text) + "'"
	case attributeToken:
		return "the attribute @" + t.source.String() + "[" + clip(t.text) + "]"
	}
	return "\"" + clip(t.text) + "\""
}

func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	cut := 60
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func fault(text string, at int, format string, args ...any) *Error {
	before := text[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return &Error{line, column, fmt.Sprintf(format, args...)}
}

// next reads the token that starts at or after offset at.
func next(text string, at int) (token, *Error) {
	for at < len(text) && isBlank(text[at]) {
		at++
	}
	t := token{start: at}
	if at == len(text) {
		t.end = at
		return t, nil
	}
	switch c := text[at]; {
	case strings.IndexByte("(){},:!", c) >= 0:
		return mark(text, at, 1), nil
	case strings.HasPrefix(text[at:], "&&"), strings.HasPrefix(text[at:], "||"):
		return mark(text, at, 2), nil
	case c == '\'':
		return quoted(text, at)
	case c == '@':
		return attributeAt(text, at)
	case isWord(c):
		return word(text, at), nil
	}
	r, _ := utf8.DecodeRuneInString(text[at:])
	return t, fault(text, at, "the character %q has no meaning here; strings are written in single quotes", r)
}

func mark(text string, at, n int) token {
	return token{kind: markToken, text: text[at : at+n], start: at, end: at + n}
}

func word(text string, at int) token {
	end := at
	for end < len(text) && isWord(text[end]) {
		end++
	}
	return token{kind: wordToken, text: text[at:end], start: at, end: end}
}

func quoted(text string, at int) (token, *Error) {
	n := strings.IndexByte(text[at+1:], '\'')
	if n < 0 {
		return token{}, fault(text, at, "this string has no closing quote")
	}
	return token{kind: stringToken, text: text[at+1 : at+1+n], start: at, end: at + n + 2}, nil
}

// attributeAt reads @Source[path]. The path is everything up to the closing bracket.
func attributeAt(text string, at int) (token, *Error) {
	name := word(text, at+1)
	source, ok := sourceNamed(name.text)
	if !ok {
		return token{}, fault(text, at+1, "expected Environment, Principal, Request or Resource after @, found %q", clip(name.text))
	}
	open := name.end
	for open < len(text) && isBlank(text[open]) {
		open++
	}
	if open == len(text) || text[open] != '[' {
		return token{}, fault(text, open, "expected [ and the name of an attribute after @%s", source)
	}
	n := strings.IndexByte(text[open:], ']')
	if n < 0 {
		return token{}, fault(text, open, "this [ has no closing ]")
	}
	path := strings.TrimSpace(text[open+1 : open+n])
	if path == "" {
		return token{}, fault(text, open+1, "expected the name of an attribute between [ and ]")
	}
	return token{kind: attributeToken, text: path, source: source, start: at, end: open + n + 1}, nil
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
}
