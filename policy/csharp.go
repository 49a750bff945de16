package policy

import "strings"

// maxExpression bounds the source of one expression (policy-expressions.md section 10).
const maxExpression = 64 << 10

// startsExpression reports whether a value that begins so is meant as an expression.
func startsExpression(text string) bool {
	return strings.HasPrefix(text, "@(") || strings.HasPrefix(text, "@{")
}

// expressionEnd returns the place after the bracket that closes the expression at the
// start of text, -1 when none does.
func expressionEnd(text string) int { return skipBrackets(text[:min(len(text), maxExpression)], 1) }

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
