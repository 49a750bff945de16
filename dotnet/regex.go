package dotnet

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/dlclark/regexp2/v2"
	"github.com/dlclark/regexp2/v2/syntax"
)

// RegexOptions is System.Text.RegularExpressions.RegexOptions.
type RegexOptions int

// The options, with .NET's numbers.
const (
	RegexIgnoreCase        RegexOptions = 1
	RegexMultiline         RegexOptions = 2
	RegexExplicitCapture   RegexOptions = 4
	RegexCompiled          RegexOptions = 8
	RegexSingleline        RegexOptions = 16
	RegexIgnoreWhitespace  RegexOptions = 32
	RegexRightToLeft       RegexOptions = 64
	RegexECMAScript        RegexOptions = 256
	RegexCultureInvariant  RegexOptions = 512
	RegexNonBacktracking   RegexOptions = 1024
	regexOptionsOfTheirOwn              = RegexIgnoreCase | RegexMultiline | RegexExplicitCapture | RegexSingleline | RegexIgnoreWhitespace | RegexRightToLeft | RegexECMAScript
)

// The limits of policy-expressions.md 10.
const (
	MaxPattern   = 4 << 10
	MatchTimeout = time.Second
)

// Regex is System.Text.RegularExpressions.Regex. It does not change and may be used by several goroutines.
type Regex struct {
	pattern string
	options RegexOptions
	engine  *regexp2.Regexp
	numbers []int
	names   []string
}

// NewRegex is new Regex(pattern, options). timeout may make MatchTimeout shorter.
func NewRegex(pattern string, options RegexOptions, timeout time.Duration) (*Regex, error) {
	if options < 0 || options > 2047 || options&RegexECMAScript != 0 && options&^(RegexECMAScript|RegexIgnoreCase|RegexMultiline|RegexCompiled|RegexCultureInvariant) != 0 {
		return nil, OutOfRange("", "options")
	}
	if len(pattern) > MaxPattern {
		return nil, NewException(RegexParseException, "The pattern is longer than %d bytes.", MaxPattern)
	}
	engine, err := regexp2.Compile(unitPattern(pattern), regexp2.RegexOptions(options&regexOptionsOfTheirOwn))
	if err != nil {
		return nil, regexFault(pattern, err)
	}
	// The engine's clock ticks ten times a second, so that a match may run a tick longer.
	engine.MatchTimeout = MatchTimeout
	if timeout > 0 && timeout < MatchTimeout {
		engine.MatchTimeout = timeout
	}
	r := &Regex{pattern: pattern, options: options, engine: engine, numbers: engine.GetGroupNumbers()}
	for _, n := range r.numbers {
		name := engine.GroupNameFromNumber(n)
		if name == "" {
			name = strconv.Itoa(n)
		}
		r.names = append(r.names, name)
	}
	return r, nil
}

// unitPattern writes characters of two units as their halves, because text is matched unit by unit.
func unitPattern(pattern string) string {
	var b strings.Builder
	for s := pattern; len(s) > 0; {
		r, n := decode(s)
		switch {
		case r >= 0x10000:
			high, low := split(r)
			b.WriteString(`\u` + strconv.FormatInt(int64(high), 16) + `\u` + strconv.FormatInt(int64(low), 16))
		case isSurrogate(r):
			b.WriteString(`\u` + strconv.FormatInt(int64(r), 16))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

// regexTexts are .NET's words for the engine's faults.
var regexTexts = map[syntax.ErrorCode]string{
	syntax.ErrMissingParen:          "Not enough )'s.",
	syntax.ErrUnexpectedParen:       "Too many )'s.",
	syntax.ErrUnterminatedBracket:   "Unterminated [] set.",
	syntax.ErrReversedCharRange:     "[x-y] range in reverse order.",
	syntax.ErrIllegalEndEscape:      `Illegal \ at end of pattern.`,
	syntax.ErrMissingRepeatArgument: "Quantifier '*' following nothing.",
	syntax.ErrInvalidRepeatSize:     "Illegal {x,y} with x > y.",
	syntax.ErrInvalidRepeatOp:       "Nested quantifier '*'.",
	syntax.ErrInvalidGroupName:      "Invalid group name: Group names must begin with a word character.",
	syntax.ErrUnrecognizedGrouping:  "Unrecognized grouping construct.",
	syntax.ErrUnrecognizedEscape:    "Unrecognized escape sequence.",
	syntax.ErrTooFewHex:             "Insufficient or invalid hexadecimal digits.",
	syntax.ErrUndefinedBackRef:      "Reference to undefined group number.",
	syntax.ErrUndefinedNameRef:      "Reference to undefined group name.",
	syntax.ErrUnterminatedComment:   "Unterminated (?#...) comment.",
	syntax.ErrMalformedNameRef:      `Malformed \k<...> named back reference.`,
	syntax.ErrMissingControl:        "Missing control character.",
	syntax.ErrUnrecognizedControl:   "Unrecognized control character.",
	syntax.ErrTooManyAlternates:     "Too many | in (?()|).",
	syntax.ErrCapNumNotZero:         "Capture number cannot be zero.",
	syntax.ErrUndefinedReference:    "(?(reference)) reference to undefined group.",
	syntax.ErrMalformedReference:    "(?(reference)) malformed.",
	syntax.ErrConditionalExpression: "(?()|) malformed.",
	syntax.ErrBadClassInCharRange:   "Cannot include class in character range.",
}

// regexFault words a fault of the pattern. The engine does not tell where it is; the offset is the pattern's end, which is
// where .NET finds what is missing.
func regexFault(pattern string, err error) *Exception {
	var fault *syntax.Error
	text := "It cannot be read."
	if errors.As(err, &fault) {
		if text = regexTexts[fault.Code]; text == "" {
			text = strings.ToUpper(fault.Code.String()[:1]) + fault.Code.String()[1:] + "."
		}
	}
	return NewException(RegexParseException, "Invalid pattern '%s' at offset %d. %s", pattern, StringLength(pattern), text)
}

// Pattern is r.ToString().
func (r *Regex) Pattern() string { return r.pattern }

// Options is the Options property.
func (r *Regex) Options() RegexOptions { return r.options }

func regexTimeout() *Exception {
	return NewException(RegexMatchTimeoutException, "The Regex engine has timed out while trying to match a pattern to an input string. This can occur for many reasons, including very large inputs or excessive backtracking caused by nested quantifiers, back-references and other factors.")
}

// RegexMatch is a successful Match.
type RegexMatch struct {
	regex  *Regex
	input  *regexInput
	found  *regexp2.Match
	Groups []RegexGroup // group 0 first, then by number
}

// RegexGroup is a Group. Its last capture is the group's own text.
type RegexGroup struct {
	Name     string
	Number   int
	Captures []RegexCapture
}

// RegexCapture is a Capture: a place in the input, in units.
type RegexCapture struct {
	Index, Length int
	Value         string
}

// Success reports whether the group took part in the match.
func (g *RegexGroup) Success() bool { return len(g.Captures) > 0 }

// Last is the capture that counts: the zero one when there is none.
func (g *RegexGroup) Last() RegexCapture {
	if len(g.Captures) == 0 {
		return RegexCapture{}
	}
	return g.Captures[len(g.Captures)-1]
}

// Value is the text of the whole match.
func (m *RegexMatch) Value() string { return m.Groups[0].Last().Value }

// Group finds a group by name; a name that the pattern lacks is an unsuccessful group, as in .NET.
func (m *RegexMatch) Group(name string) *RegexGroup {
	for i := range m.Groups {
		if m.Groups[i].Name == name {
			return &m.Groups[i]
		}
	}
	return &RegexGroup{Name: name, Number: -1}
}

// GroupNumber finds a group by number.
func (m *RegexMatch) GroupNumber(n int) *RegexGroup {
	for i := range m.Groups {
		if m.Groups[i].Number == n {
			return &m.Groups[i]
		}
	}
	return &RegexGroup{Name: strconv.Itoa(n), Number: -1}
}

// regexInput is a text as units, which the engine takes for characters.
type regexInput struct {
	text  string
	ascii bool
	units []rune
	ends  time.Time
}

func newInput(s string) *regexInput {
	in := &regexInput{text: s, ascii: IsASCII(s), ends: time.Now().Add(MatchTimeout)}
	if in.ascii {
		in.units = make([]rune, len(s))
		for i := range len(s) {
			in.units[i] = rune(s[i])
		}
		return in
	}
	units := Units(s)
	in.units = make([]rune, len(units))
	for i, u := range units {
		in.units[i] = rune(u)
	}
	return in
}

func (in *regexInput) cut(from, to int) string {
	if in.ascii {
		return in.text[from:to]
	}
	b := make([]byte, 0, to-from)
	for _, u := range in.units[from:to] {
		b = appendUnit(b, uint16(u))
	}
	return string(b)
}

// check turns the engine's errors into exceptions, and bounds the time that the matches of one input take together.
func (in *regexInput) check(err error) error {
	if err != nil || time.Now().After(in.ends) {
		return regexTimeout()
	}
	return nil
}

func badStart() *Exception {
	return OutOfRange("Start index cannot be less than 0 or greater than input length.", "startat")
}

// start is where a search begins that was not told.
func (r *Regex) start(length, at int) (int, error) {
	switch {
	case at == ToEnd && r.options&RegexRightToLeft != 0:
		return length, nil
	case at == ToEnd:
		return 0, nil
	case at < 0 || at > length:
		return 0, badStart()
	}
	return at, nil
}

// IsMatch is r.IsMatch(s, startat); ToEnd searches from where the direction begins.
func (r *Regex) IsMatch(s string, at int) (bool, error) {
	if at == ToEnd && IsASCII(s) {
		ok, err := r.engine.MatchString(s)
		if err != nil {
			return false, regexTimeout()
		}
		return ok, nil
	}
	m, err := r.Match(s, at)
	return m != nil, err
}

// Match is r.Match(s, startat); nil is Match.Empty.
func (r *Regex) Match(s string, at int) (*RegexMatch, error) {
	in := newInput(s)
	at, err := r.start(len(in.units), at)
	if err != nil {
		return nil, err
	}
	m, err := r.engine.FindRunesMatchStartingAt(in.units, at)
	if err = in.check(err); err != nil || m == nil {
		return nil, err
	}
	return r.match(in, m), nil
}

func (r *Regex) match(in *regexInput, m *regexp2.Match) *RegexMatch {
	x := &RegexMatch{regex: r, input: in, found: m, Groups: make([]RegexGroup, len(r.numbers))}
	for i, n := range r.numbers {
		g := &x.Groups[i]
		g.Name, g.Number = r.names[i], n
		if found := m.GroupByNumber(n); found != nil {
			for _, c := range found.Captures {
				g.Captures = append(g.Captures, RegexCapture{c.RuneIndex, c.RuneLength, in.cut(c.RuneIndex, c.RuneIndex+c.RuneLength)})
			}
		}
	}
	return x
}

// Next is m.NextMatch(); nil is Match.Empty.
func (m *RegexMatch) Next() (*RegexMatch, error) {
	found, err := m.regex.engine.FindNextMatch(m.found)
	if err = m.input.check(err); err != nil || found == nil {
		return nil, err
	}
	return m.regex.match(m.input, found), nil
}

// Each calls yield for the matches in s until it says no.
func (r *Regex) Each(s string, at int, yield func(*RegexMatch) (bool, error)) error {
	m, err := r.Match(s, at)
	for err == nil && m != nil {
		var more bool
		if more, err = yield(m); err != nil || !more {
			return err
		}
		m, err = m.Next()
	}
	return err
}

// Replace is r.Replace(s, evaluator, count, startat); count -1 replaces all.
func (r *Regex) Replace(s string, with func(*RegexMatch) (string, error), count, at int) (string, error) {
	if count < -1 {
		return "", OutOfRange("Count cannot be less than -1.", "count")
	}
	if count == 0 {
		return s, nil
	}
	var parts []string
	in, end, backwards := (*regexInput)(nil), 0, r.options&RegexRightToLeft != 0
	err := r.Each(s, at, func(m *RegexMatch) (bool, error) {
		if in == nil {
			in = m.input
			if backwards {
				end = len(in.units)
			}
		}
		text, err := with(m)
		if err != nil {
			return false, err
		}
		c := m.Groups[0].Last()
		if backwards {
			parts = append(parts, in.cut(c.Index+c.Length, end), text)
			end = c.Index
		} else {
			parts = append(parts, in.cut(end, c.Index), text)
			end = c.Index + c.Length
		}
		count--
		return count != 0, nil
	})
	if err != nil || in == nil {
		return s, err
	}
	if backwards {
		parts = append(parts, in.cut(0, end))
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
	} else {
		parts = append(parts, in.cut(end, len(in.units)))
	}
	return Concat(parts...), nil
}

// Split is r.Split(s, count, startat): captured groups are part of the result; count 0 is no limit.
func (r *Regex) Split(s string, count, at int) ([]string, error) {
	if count < 0 {
		return nil, OutOfRange("Count cannot be less than -1.", "count")
	}
	if count == 1 {
		return []string{s}, nil
	}
	var parts []string
	in, end, backwards := (*regexInput)(nil), 0, r.options&RegexRightToLeft != 0
	err := r.Each(s, at, func(m *RegexMatch) (bool, error) {
		if in == nil {
			in = m.input
			if backwards {
				end = len(in.units)
			}
		}
		c := m.Groups[0].Last()
		if backwards {
			parts = append(parts, in.cut(c.Index+c.Length, end))
			end = c.Index
		} else {
			parts = append(parts, in.cut(end, c.Index))
			end = c.Index + c.Length
		}
		for i := range m.Groups[1:] {
			if g := &m.Groups[i+1]; g.Success() {
				parts = append(parts, g.Last().Value)
			}
		}
		count--
		return count != 1, nil
	})
	if err != nil {
		return nil, err
	}
	if in == nil {
		return []string{s}, nil
	}
	if backwards {
		parts = append(parts, in.cut(0, end))
		for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
			parts[i], parts[j] = parts[j], parts[i]
		}
		return parts, nil
	}
	return append(parts, in.cut(end, len(in.units))), nil
}

// Expand is m.Result(replacement): $1, ${name}, $$, $&, $`, $', $+ and $_.
// https://learn.microsoft.com/dotnet/standard/base-types/substitutions-in-regular-expressions
// spend is told of every piece before it is put together with the others, and may stop it: a replacement can be far longer than what
// it is made of.
func (m *RegexMatch) Expand(replacement string, spend func(bytes int) error) (string, error) {
	if strings.IndexByte(replacement, '$') < 0 {
		return replacement, spend(len(replacement))
	}
	var parts []string
	for {
		before, rest, ok := strings.Cut(replacement, "$")
		parts = append(parts, before)
		if !ok {
			return Concat(parts...), spend(len(before))
		}
		text, n := m.substitute(rest)
		if err := spend(len(before) + len(text) + 32); err != nil {
			return "", err
		}
		parts = append(parts, text)
		replacement = rest[n:]
	}
}

// substitute reads what follows a $ and says how long it is; what is no substitution stays.
func (m *RegexMatch) substitute(s string) (string, int) {
	if s == "" {
		return "$", 0
	}
	whole := m.Groups[0].Last()
	switch s[0] {
	case '$':
		return "$", 1
	case '&':
		return whole.Value, 1
	case '`':
		return m.input.cut(0, whole.Index), 1
	case '\'':
		return m.input.cut(whole.Index+whole.Length, len(m.input.units)), 1
	case '_':
		return m.input.text, 1
	case '+':
		return m.Groups[len(m.Groups)-1].Last().Value, 1
	case '{':
		name, _, ok := strings.Cut(s[1:], "}")
		if !ok {
			return "$", 0
		}
		if n, err := strconv.Atoi(name); err == nil {
			if g := m.GroupNumber(n); g.Number >= 0 {
				return g.Last().Value, len(name) + 2
			}
		}
		if g := m.Group(name); g.Number >= 0 {
			return g.Last().Value, len(name) + 2
		}
		return "$", 0
	}
	n := digits(s)
	if n == 0 || n > 9 {
		return "$", 0
	}
	number, _ := strconv.Atoi(s[:n])
	if m.regex.options&RegexECMAScript != 0 {
		for n > 1 && m.GroupNumber(number).Number < 0 {
			n--
			number /= 10
		}
	}
	if g := m.GroupNumber(number); g.Number >= 0 {
		return g.Last().Value, n
	}
	return "$", 0
}

// RegexEscape is Regex.Escape.
func RegexEscape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; c {
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case '\t':
			b.WriteString(`\t`)
		case '\f':
			b.WriteString(`\f`)
		case '\\', '*', '+', '?', '|', '{', '[', '(', ')', '^', '$', '.', '#', ' ':
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// RegexUnescape is Regex.Unescape.
func RegexUnescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b []byte
	for {
		before, rest, ok := strings.Cut(s, `\`)
		b = append(b, before...)
		if !ok {
			return string(b), nil
		}
		u, n, reason := escapeSequence(rest)
		if reason != "" {
			return "", NewException(RegexParseException, "Invalid pattern '%s' at offset %d. %s", s, StringLength(s), reason)
		}
		b = appendUnit(b, u)
		s = rest[n:]
	}
}

// escapeSequence reads what follows a backslash.
func escapeSequence(s string) (u uint16, n int, fault string) {
	if s == "" {
		return 0, 0, `Illegal \ at end of pattern.`
	}
	hexadecimal := func(length int) (uint16, int, string) {
		if len(s) > length {
			if v, err := strconv.ParseUint(s[1:1+length], 16, 16); err == nil {
				return uint16(v), 1 + length, ""
			}
		}
		return 0, 0, "Insufficient or invalid hexadecimal digits."
	}
	if i := strings.IndexByte("abefnrtv", s[0]); i >= 0 {
		return uint16("\a\b\x1B\f\n\r\t\v"[i]), 1, ""
	}
	switch c := s[0]; {
	case c == 'x':
		return hexadecimal(2)
	case c == 'u':
		return hexadecimal(4)
	case c >= '0' && c <= '7':
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			u = u*8 + uint16(s[n]-'0')
			n++
		}
		return u & 0xFF, n, ""
	case c == 'c':
		if len(s) < 2 {
			return 0, 0, "Missing control character."
		}
		control := s[1]&^0x20 - '@'
		if control >= ' ' {
			return 0, 0, "Unrecognized control character."
		}
		return uint16(control), 2, ""
	}
	r, size := decode(s)
	if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' {
		return 0, 0, `Unrecognized escape sequence \` + s[:size] + "."
	}
	if r >= 0x10000 {
		return '\\', 0, "" // cannot be one unit: leave it
	}
	return uint16(r), size, ""
}
