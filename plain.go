package gatehouse

import (
	"strings"
	"unicode"
)

// Plain is text that somebody else typed, for one line of a terminal or a log: what would
// end the line, move the cursor, change colours or turn the direction of writing is a blank.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, s)
}

// Plainly is for printing with: all that is text among the arguments, as Plain.
func Plainly(args ...any) []any {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = Plain(a)
		case interface{ String() string }:
			args[i] = Plain(a.String())
		case error:
			args[i] = Plain(a.Error())
		}
	}
	return args
}
