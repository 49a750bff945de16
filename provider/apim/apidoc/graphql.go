package apidoc

import (
	"errors"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
)

// maxTokens bounds a GraphQL schema; the largest public ones have some 300,000.
const maxTokens = 2_000_000

// CheckGraphQL reads a schema in the definition language.
func CheckGraphQL(schema string) error {
	if err := nesting(schema); err != nil {
		return err
	}
	_, err := parser.ParseSchemasWithLimit(maxTokens, &ast.Source{Name: "schema", Input: schema})
	var found *gqlerror.Error
	if errors.As(err, &found) {
		place := ""
		if len(found.Locations) > 0 {
			place = at(found.Locations[0].Line, found.Locations[0].Column)
		}
		return fault(place, "the GraphQL schema cannot be read: %s", found.Message)
	}
	if err != nil {
		return fault("", "the GraphQL schema cannot be read: %v", err)
	}
	return nil
}

// nesting refuses brackets that lie deeper than a parser's stack should have to follow.
// Strings and comments do not count.
func nesting(s string) error {
	depth, line, start := 0, 1, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\n':
			line, start = line+1, i+1
		case '{', '[', '(':
			if depth++; depth > maxDepth {
				return fault(at(line, i-start+1), "brackets lie more than %d levels deep", maxDepth)
			}
		case '}', ']', ')':
			depth--
		case '#':
			for i+1 < len(s) && s[i+1] != '\n' {
				i++
			}
		case '"':
			from := i
			i = endOfString(s, i)
			for j := from; j < i && j < len(s); j++ {
				if s[j] == '\n' {
					line, start = line+1, j+1
				}
			}
		}
	}
	return nil
}

// endOfString is the offset of the quote that closes the string at i, or of the end of s.
func endOfString(s string, i int) int {
	quote := `"`
	if len(s) >= i+3 && s[i:i+3] == `"""` {
		quote = `"""`
	}
	for j := i + len(quote); j < len(s); j++ {
		switch {
		case s[j] == '\\':
			j++
		case quote == `"` && s[j] == '\n':
			return j - 1
		case len(s) >= j+len(quote) && s[j:j+len(quote)] == quote:
			return j + len(quote) - 1
		}
	}
	return len(s)
}
