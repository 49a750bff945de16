package dotnet

import (
	"strings"
	"unicode/utf8"
)

// SplitOptions is System.StringSplitOptions.
type SplitOptions int

// The options, which may be added up.
const (
	RemoveEmptyEntries SplitOptions = 1
	TrimEntries        SplitOptions = 2
)

// NoLimit is the count of a Split without one.
const NoLimit = 1<<31 - 1

// SplitChars is s.Split(char[], count, options); no separators is white space.
func SplitChars(s string, separators []uint16, count int, o SplitOptions) ([]string, error) {
	if len(separators) == 1 && separators[0] < utf8.RuneSelf && count == NoLimit && o == 0 {
		return strings.Split(s, FromUnit(separators[0])), nil
	}
	halves := setHasHalf(separators)
	if halves {
		s = loose(s)
	}
	is := trims(separators)
	parts, err := cut(s, count, o, func(s string) (int, int) {
		for i := 0; i < len(s); {
			r, n := decode(s[i:])
			if is(r) {
				return i, n
			}
			i += n
		}
		return -1, 0
	})
	return mendAll(parts, halves), err
}

// SplitStrings is s.Split(string[], count, options). No separators is white space, empty ones are passed over.
func SplitStrings(s string, separators []string, count int, o SplitOptions) ([]string, error) {
	if len(separators) == 0 {
		return SplitChars(s, nil, count, o)
	}
	halves := false
	for _, sep := range separators {
		halves = halves || hasHalf(sep)
	}
	if halves {
		s = loose(s)
	}
	parts, err := cut(s, count, o, func(s string) (int, int) {
		at, length := -1, 0
		for _, sep := range separators {
			if sep == "" {
				continue
			}
			if halves {
				sep = loose(sep)
			}
			// The first separator in the string wins; of two at one place the first in the list.
			if i := strings.Index(s, sep); i >= 0 && (at < 0 || i < at) {
				at, length = i, len(sep)
			}
		}
		return at, length
	})
	return mendAll(parts, halves), err
}

func mendAll(parts []string, halves bool) []string {
	if halves {
		for i, p := range parts {
			parts[i] = mend(p)
		}
	}
	return parts
}

// cut splits s where next finds a separator.
func cut(s string, count int, o SplitOptions, next func(string) (at, length int)) ([]string, error) {
	if count < 0 {
		return nil, OutOfRange("Count cannot be less than zero.", "count")
	}
	if o < 0 || o > RemoveEmptyEntries|TrimEntries {
		return nil, NewException(ArgumentException, "Illegal enum value: %d.", o)
	}
	parts := []string{}
	if count == 0 {
		return parts, nil
	}
	removeEmpty := o&RemoveEmptyEntries != 0
	tidy := func(part string) string {
		if o&TrimEntries != 0 {
			return strings.TrimFunc(part, IsWhiteSpace)
		}
		return part
	}
	for len(parts) < count-1 {
		at, length := next(s)
		if at < 0 {
			break
		}
		if part := tidy(s[:at]); part != "" || !removeEmpty {
			parts = append(parts, part)
		}
		s = s[at+length:]
	}
	// The last entry takes the rest, but empty entries in front of it do not count.
	for removeEmpty && len(parts) == count-1 {
		at, length := next(s)
		if at < 0 || tidy(s[:at]) != "" || len(parts) == 0 {
			break
		}
		s = s[at+length:]
	}
	if part := tidy(s); part != "" || !removeEmpty {
		parts = append(parts, part)
	}
	return parts, nil
}
