package edm

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fault is what is wrong with a request.
type Fault struct {
	In      Part
	Name    string // of the option or header; the segment of a path
	Rule    string
	Details string
}

func (f *Fault) Error() string { return f.Details }

// Part is the part of a request that a Fault is in.
type Part string

// Parts of a request.
const (
	Path   Part = "path"
	Query  Part = "query"
	Method Part = "method"
)

// Rules that are broken.
const (
	Malformed   = "Malformed"   // it is not written as the grammar has it
	Unknown     = "Unknown"     // the metadata has no such name
	DataType    = "DataType"    // a value of another type is needed
	Unsuited    = "Unsuited"    // it does not go with what the path leads to
	Duplicate   = "Duplicate"   // it is there twice
	Unsupported = "Unsupported" // it cannot be checked here
	TooComplex  = "TooComplex"
)

const (
	addressMost = 64 << 10 // bytes of a path with its query
	depthMost   = 64       // expressions, options and path segments in each other
	nameMost    = 128      // characters of an identifier
)

// scanner reads one segment or option from its beginning to its end, and gives up by a panic with a *Fault.
type scanner struct {
	*check
	in    Part
	name  string
	text  string
	at    int
	depth int
	it    value            // what names belong to
	vars  map[string]value // of any and all
}

func (s *scanner) fail(rule, format string, args ...any) {
	panic(&Fault{s.in, s.name, rule, fmt.Sprintf(format, args...)})
}

func (s *scanner) deeper() {
	if s.depth++; s.depth > depthMost {
		s.fail(TooComplex, "'%s' nests too deeply.", s.name)
	}
}

func (s *scanner) rest() string { return s.text[s.at:] }

func (s *scanner) done() bool { return s.at == len(s.text) }

// take skips a text if it comes next.
func (s *scanner) take(text string) bool {
	if strings.HasPrefix(s.rest(), text) {
		s.at += len(text)
		return true
	}
	return false
}

func (s *scanner) need(text string) {
	if !s.take(text) {
		s.fail(Malformed, "In '%s', '%s' is expected at character %d.", s.name, text, utf8.RuneCountInString(s.text[:s.at])+1)
	}
}

func (s *scanner) end() {
	if !s.done() {
		s.fail(Malformed, "In '%s', what begins at character %d is not understood.", s.name, utf8.RuneCountInString(s.text[:s.at])+1)
	}
}

// space skips blanks, and reports whether there were any.
func (s *scanner) space() bool {
	rest := strings.TrimLeft(s.rest(), " \t")
	some := len(rest) < len(s.rest())
	s.at = len(s.text) - len(rest)
	return some
}

// word takes a name: an identifier, or several with dots between them. "" when none comes next.
func (s *scanner) word() string {
	from, part := s.at, 0
	for {
		r, n := utf8.DecodeRuneInString(s.rest())
		switch {
		case n > 0 && (r == '_' || unicode.IsLetter(r)) || part > 0 && (unicode.IsDigit(r) || unicode.In(r, unicode.Mn, unicode.Mc, unicode.Cf, unicode.Pc)):
			part++
			s.at += n
		case r == '.' && part > 0:
			part = 0
			s.at++
		case part == 0 && s.at > from:
			s.fail(Malformed, "In '%s', a name ends with a dot.", s.name)
		default:
			return s.text[from:s.at]
		}
		if part > nameMost {
			s.fail(Malformed, "In '%s', a name is too long.", s.name)
		}
	}
}

// identifier takes a name that has to be there and to stand alone.
func (s *scanner) identifier() string {
	name := s.word()
	if name == "" || strings.Contains(name, ".") {
		s.fail(Malformed, "In '%s', a name is expected at character %d.", s.name, utf8.RuneCountInString(s.text[:s.at])+1)
	}
	return name
}

// keyword takes a word if it comes next and ends there.
func (s *scanner) keyword(word string) bool {
	at := s.at
	if s.word() == word {
		return true
	}
	s.at = at
	return false
}

// literals that begin with a digit or sign, the first that fits counts.
var literals = []struct {
	class string
	shape *regexp.Regexp
}{
	{"guid", regexp.MustCompile(`^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}`)},
	{"instant", regexp.MustCompile(`^-?\d{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)`)},
	{"date", regexp.MustCompile(`^-?\d{4,6}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])`)},
	{"time", regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,12})?)?`)},
	{"number", regexp.MustCompile(`^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?`)},
	{"number", regexp.MustCompile(`^-?INF`)},
}

// quoted are literals with a word before the quotes.
var quoted = map[string]*regexp.Regexp{
	"duration":  regexp.MustCompile(`^[+-]?P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$`),
	"binary":    regexp.MustCompile(`^[A-Za-z0-9_-]*={0,2}$`),
	"geography": regexp.MustCompile(`^(?i)SRID=\d{1,5};[A-Z]+ ?\([-+0-9A-Z.,() ]+\)$`),
	"geometry":  regexp.MustCompile(`^(?i)SRID=\d{1,5};[A-Z]+ ?\([-+0-9A-Z.,() ]+\)$`),
}

// str takes a text in quotes, with two quotes for one.
func (s *scanner) str() string {
	s.need("'")
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s.rest(), "'")
		if !ok {
			s.fail(Malformed, "In '%s', a text does not end.", s.name)
		}
		b.WriteString(before)
		s.at = len(s.text) - len(after)
		if !s.take("'") {
			return b.String()
		}
		b.WriteByte('\'')
	}
}

// literal takes a literal; ok is false, and nothing taken, when none comes next.
func (s *scanner) literal() (class string, ok bool) {
	if strings.HasPrefix(s.rest(), "'") {
		s.str()
		return "string", true
	}
	for _, l := range literals {
		found := l.shape.FindString(s.rest())
		if r, _ := utf8.DecodeRuneInString(s.rest()[len(found):]); found != "" && r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			s.at += len(found)
			return l.class, true
		}
	}
	at := s.at
	switch word := s.word(); {
	case word == "" || s.vars[word] != (value{}): // a variable goes first
	case word == "true" || word == "false":
		return "bool", true
	case word == "null":
		return "null", true
	case word == "NaN":
		return "number", true
	case strings.HasPrefix(s.rest(), "'"):
		return s.prefixed(word, s.str()), true
	}
	s.at = at
	return "", false
}

func (s *scanner) prefixed(word, text string) string {
	if shape := quoted[word]; shape != nil {
		if !shape.MatchString(text) || strings.HasSuffix(text, "P") || strings.HasSuffix(text, "T") && word == "duration" {
			s.fail(Malformed, "In '%s', a literal of %s is not well-formed.", s.name, word)
		}
		if strings.HasPrefix(word, "geo") {
			return "shape"
		}
		return word
	}
	t := s.m.types[s.m.full(word)]
	if t == nil || t.kind != enumType {
		s.fail(Unknown, "In '%s', '%s' is no enumeration.", s.name, word)
	}
	for one := range strings.SplitSeq(text, ",") {
		if _, ok := t.members[strings.TrimSpace(one)]; !ok && !digits.MatchString(strings.TrimSpace(one)) {
			s.fail(Unknown, "In '%s', '%s' has no member '%s'.", s.name, word, one)
		}
	}
	return "enum"
}

var digits = regexp.MustCompile(`^-?\d{1,19}$`)

// alias takes a parameter alias; it has to be given somewhere in the query.
func (s *scanner) alias() bool {
	if !s.take("@") {
		return false
	}
	name := "@" + s.identifier()
	if _, ok := s.given[name]; !ok {
		s.fail(Unknown, "In '%s', the parameter alias '%s' has no value.", s.name, name)
	}
	return true
}
