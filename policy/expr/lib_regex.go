package expr

import (
	"errors"
	"sync"
	"time"

	"gatehouse/dotnet"
)

// System.Text.RegularExpressions (policy-expressions.md 8). A pattern that runs too long stops the expression.

var (
	regexType      = new(Type)
	matchType      = new(Type)
	groupValueType = new(Type)
	captureType    = new(Type)
	matchesType    = new(Type)
	groupsType     = new(Type)
	capturesType   = new(Type)
)

// regexGroup is a Group or Match: a Match is its group 0.
type regexGroup struct {
	group *dotnet.RegexGroup
	match *dotnet.RegexMatch // of a Match; nil for Match.Empty and plain groups
	typ   *Type
}

func (g *regexGroup) dotnetType() *Type { return g.typ }

type regexCapture struct{ of dotnet.RegexCapture }

func (*regexCapture) dotnetType() *Type { return captureType }

// regexList is one of the collections: matches, groups, captures.
type regexList struct {
	typ   *Type
	items []Value
	match *dotnet.RegexMatch // of groups
}

func (l *regexList) dotnetType() *Type { return l.typ }

func (l *regexList) length() int { return len(l.items) }

func (l *regexList) walk(_ *Frame, yield func(Value) (bool, error)) error {
	for _, v := range l.items {
		if more, err := yield(v); err != nil || !more {
			return err
		}
	}
	return nil
}

func matchValue(m *dotnet.RegexMatch) Value {
	if m == nil {
		return Value{&regexGroup{group: &dotnet.RegexGroup{Name: "0"}, typ: matchType}, 0}
	}
	return Value{&regexGroup{group: &m.Groups[0], match: m, typ: matchType}, 0}
}

func groupOf(g *dotnet.RegexGroup) Value {
	return Value{&regexGroup{group: g, typ: groupValueType}, 0}
}

// patterns keeps the regular expressions of static calls, as .NET does.
var patterns = patternCache{kept: map[patternKey]*dotnet.Regex{}}

type patternKey struct {
	pattern string
	options dotnet.RegexOptions
}

type patternCache struct {
	mu   sync.Mutex
	kept map[patternKey]*dotnet.Regex
}

// keptPatterns bounds what is kept.
const keptPatterns = 256

func (c *patternCache) get(pattern string, options dotnet.RegexOptions) (*dotnet.Regex, error) {
	k := patternKey{pattern, options}
	c.mu.Lock()
	r := c.kept[k]
	c.mu.Unlock()
	if r != nil {
		return r, nil
	}
	r, err := dotnet.NewRegex(pattern, options, time.Duration(0))
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= keptPatterns {
		clear(c.kept)
	}
	c.kept[k] = r
	return r, nil
}

// tooLong makes a limit of a match that timed out: C# must not catch it (policy-expressions.md 10).
func tooLong(err error) error {
	var e *Exception
	if errors.As(err, &e) && e.TypeName == dotnet.RegexMatchTimeoutException {
		return &LimitError{"a regular expression takes too long"}
	}
	return err
}

// regexCall is what the members about a pattern and an input need: static ones get the input, the pattern and what else, the
// instance ones the Regex, the input and what else.
type regexCall struct {
	regex *dotnet.Regex
	input string
	rest  []Value
}

// onRegex makes the code of a member, in its static and its instance form. More is how many arguments follow the input.
func onRegex(static bool, more int, use func(f *Frame, c regexCall) (Value, error)) Func {
	return func(f *Frame, a []Value) (Value, error) {
		var c regexCall
		if !static {
			input, err := given(a[1], "input")
			if err != nil {
				return Null, err
			}
			c = regexCall{a[0].ref.(*dotnet.Regex), input, a[2:]}
		} else {
			input, err := given(a[0], "input")
			if err != nil {
				return Null, err
			}
			pattern, err := given(a[1], "pattern")
			if err != nil {
				return Null, err
			}
			options := dotnet.RegexOptions(0)
			if len(a) > 2+more {
				options = dotnet.RegexOptions(a[2+more].n)
			}
			r, err := patterns.get(pattern, options)
			if err != nil {
				return Null, err
			}
			c = regexCall{r, input, a[2 : 2+more]}
		}
		if err := f.Step(len(c.input) / 256); err != nil {
			return Null, err
		}
		if err := f.tick(); err != nil {
			return Null, err
		}
		v, err := use(f, c)
		if err != nil {
			return Null, tooLong(err)
		}
		return v, nil
	}
}

// from is the place to begin that the last argument may give.
func (c regexCall) from(at int) int {
	if len(c.rest) > at && c.rest[at].ref == intType {
		return int(c.rest[at].n)
	}
	return 0
}

func regexIsMatch(_ *Frame, c regexCall) (Value, error) {
	ok, err := c.regex.IsMatch(c.input, c.from(0))
	return Bool(ok), err
}

func regexMatch(_ *Frame, c regexCall) (Value, error) {
	m, err := c.regex.Match(c.input, c.from(0))
	return matchValue(m), err
}

func regexMatches(f *Frame, c regexCall) (Value, error) {
	l := &regexList{typ: matchesType}
	err := c.regex.Each(c.input, c.from(0), func(m *dotnet.RegexMatch) (bool, error) {
		if err := f.tick(); err != nil {
			return false, err
		}
		l.items = append(l.items, matchValue(m))
		return true, f.Spend(8 * valueSize)
	})
	return Value{l, 0}, err
}

func regexReplace(f *Frame, c regexCall) (Value, error) {
	count := -1
	if len(c.rest) > 1 && c.rest[1].ref == intType {
		count = int(c.rest[1].n)
	}
	with := c.rest[0]
	if with.ref == nil {
		return Null, dotnet.ArgumentNull("replacement")
	}
	s, err := c.regex.Replace(c.input, func(m *dotnet.RegexMatch) (string, error) {
		if err := f.tick(); err != nil {
			return "", err
		}
		if with.IsString() {
			return m.Expand(with.Str(), f.Spend)
		}
		v, err := f.Call(with, matchValue(m))
		if err != nil {
			return "", err
		}
		return v.Str(), f.Spend(len(v.Str()))
	}, count, c.from(2))
	if err == nil {
		err = f.Spend(len(s))
	}
	return textOr(s, err)
}

func regexSplit(f *Frame, c regexCall) (Value, error) {
	parts, err := c.regex.Split(c.input, c.from(0), c.from(1))
	if err != nil {
		return Null, err
	}
	return Strings(parts), f.Spend(len(c.input) + valueSize*len(parts))
}

func newRegex(_ *Frame, a []Value) (Value, error) {
	pattern, err := given(a[0], "pattern")
	if err != nil {
		return Null, err
	}
	options := dotnet.RegexOptions(0)
	if len(a) > 1 {
		options = dotnet.RegexOptions(a[1].n)
	}
	r, err := patterns.get(pattern, options)
	if err != nil {
		return Null, err
	}
	return Value{r, 0}, nil
}

func regexKind(pointer any) *Type {
	if _, ok := pointer.(*dotnet.Regex); ok {
		return regexType
	}
	return nil
}

func regexMembers() members {
	list := members{
		m("Regex(string pattern)", newRegex), m("Regex(string pattern, RegexOptions options)", newRegex), m("Regex(string pattern, RegexOptions options, TimeSpan matchTimeout)", newRegex),
		m("static string Unescape(string str)", func(_ *Frame, a []Value) (Value, error) {
			s, err := given(a[0], "str")
			if err != nil {
				return Null, err
			}
			return textOr(dotnet.RegexUnescape(s))
		}),
		m("string ToString()", func(_ *Frame, a []Value) (Value, error) { return String(a[0].ref.(*dotnet.Regex).Pattern()), nil }),
	}
	for _, of := range []struct {
		sig  string
		use  func(*Frame, regexCall) (Value, error)
		args string // between input and options
		more int
	}{
		{"bool IsMatch", regexIsMatch, "", 0}, {"Match Match", regexMatch, "", 0}, {"MatchCollection Matches", regexMatches, "", 0}, {"string[] Split", regexSplit, "", 0},
		{"string Replace", regexReplace, ", string replacement", 1}, {"string Replace", regexReplace, ", MatchEvaluator evaluator", 1},
	} {
		static, instance := onRegex(true, of.more, of.use), onRegex(false, of.more, of.use)
		list = append(list, m("static "+of.sig+"(string input, string pattern"+of.args+")", static), m("static "+of.sig+"(string input, string pattern"+of.args+", RegexOptions options)", static),
			m("static "+of.sig+"(string input, string pattern"+of.args+", RegexOptions options, TimeSpan matchTimeout)", static), m(of.sig+"(string input"+of.args+")", instance))
		switch {
		case of.more > 0:
			list = append(list, m(of.sig+"(string input"+of.args+", int count)", instance), m(of.sig+"(string input"+of.args+", int count, int startat)", instance))
		case of.sig == "string[] Split":
			list = append(list, m(of.sig+"(string input, int count)", instance), m(of.sig+"(string input, int count, int startat)", instance))
		default:
			list = append(list, m(of.sig+"(string input, int startat)", instance))
		}
	}
	return list
}

// captured makes the code of a member of Capture, Group or Match.
func captured(get func(c dotnet.RegexCapture) Value) Func {
	return func(_ *Frame, a []Value) (Value, error) {
		switch x := a[0].ref.(type) {
		case *regexCapture:
			return get(x.of), nil
		case *regexGroup:
			return get(x.group.Last()), nil
		}
		return Null, nil
	}
}

func listItem(_ *Frame, a []Value) (Value, error) {
	l := a[0].ref.(*regexList)
	if uint64(a[1].n) >= uint64(len(l.items)) {
		return Null, dotnet.OutOfRange("Specified argument was out of the range of valid values.", "i")
	}
	return l.items[a[1].n], nil
}

var regexDecls = []Decl{
	{Head: "[Flags] enum System.Text.RegularExpressions.RegexOptions { None, IgnoreCase = 1, Multiline = 2, ExplicitCapture = 4, Compiled = 8, Singleline = 16, IgnorePatternWhitespace = 32, RightToLeft = 64, ECMAScript = 256, CultureInvariant = 512, NonBacktracking = 1024 }"},
	{Head: "delegate string System.Text.RegularExpressions.MatchEvaluator(Match match)"},
	{Head: "class System.Text.RegularExpressions.Regex", Type: regexType, Members: regexMembers(),
		Refused: "Escape Count EnumerateMatches GetGroupNames GetGroupNumbers GroupNameFromNumber GroupNumberFromName MatchTimeout Options RightToLeft CacheSize CompileToAssembly InfiniteMatchTimeout"},
	{Head: "class System.Text.RegularExpressions.Capture", Type: captureType, Members: members{
		m("int Index { get; }", captured(func(c dotnet.RegexCapture) Value { return Int(c.Index) })), m("int Length { get; }", captured(func(c dotnet.RegexCapture) Value { return Int(c.Length) })),
		m("string Value { get; }", captured(func(c dotnet.RegexCapture) Value { return String(c.Value) })), m("string ToString()", captured(func(c dotnet.RegexCapture) Value { return String(c.Value) })),
	}},
	{Head: "class System.Text.RegularExpressions.Group : Capture", Type: groupValueType, Refused: "Name Synchronized", Members: members{
		m("bool Success { get; }", func(_ *Frame, a []Value) (Value, error) { return Bool(a[0].ref.(*regexGroup).group.Success()), nil }),
		m("CaptureCollection Captures { get; }", func(_ *Frame, a []Value) (Value, error) {
			l := &regexList{typ: capturesType}
			for _, c := range a[0].ref.(*regexGroup).group.Captures {
				l.items = append(l.items, Value{&regexCapture{c}, 0})
			}
			return Value{l, 0}, nil
		}),
	}},
	{Head: "class System.Text.RegularExpressions.Match : Group", Type: matchType, Refused: "NextMatch Synchronized", Members: members{
		m("static Match Empty { get; }", func(*Frame, []Value) (Value, error) { return matchValue(nil), nil }),
		m("GroupCollection Groups { get; }", func(_ *Frame, a []Value) (Value, error) {
			g := a[0].ref.(*regexGroup)
			l := &regexList{typ: groupsType, match: g.match}
			if g.match == nil {
				l.items = []Value{a[0]}
				return Value{l, 0}, nil
			}
			for i := range g.match.Groups {
				if i == 0 {
					l.items = append(l.items, a[0])
					continue
				}
				l.items = append(l.items, groupOf(&g.match.Groups[i]))
			}
			return Value{l, 0}, nil
		}),
		m("string Result(string replacement)", func(f *Frame, a []Value) (Value, error) {
			g := a[0].ref.(*regexGroup)
			if g.match == nil {
				return Null, throw(dotnet.NotSupportedException, "Result cannot be called on a failed Match.")
			}
			s, err := given(a[1], "replacement")
			if err != nil {
				return Null, err
			}
			return textOr(g.match.Expand(s, f.Spend))
		}),
	}},
	{Head: "class System.Text.RegularExpressions.GroupCollection : IEnumerable<Group>", Type: groupsType, Members: members{
		m("int Count { get; }", counted),
		m("Group this[int groupnum] { get; }", func(_ *Frame, a []Value) (Value, error) {
			l := a[0].ref.(*regexList)
			if l.match == nil || a[1].n == 0 {
				if a[1].n == 0 {
					return l.items[0], nil
				}
				return groupOf(&dotnet.RegexGroup{}), nil
			}
			return groupOf(l.match.GroupNumber(int(a[1].n))), nil
		}),
		m("Group this[string groupname] { get; }", func(_ *Frame, a []Value) (Value, error) {
			l := a[0].ref.(*regexList)
			if l.match == nil {
				return groupOf(&dotnet.RegexGroup{Name: a[1].Str()}), nil
			}
			return groupOf(l.match.Group(a[1].Str())), nil
		}),
	}},
	{Head: "class System.Text.RegularExpressions.CaptureCollection : IEnumerable<Capture>", Type: capturesType, Members: members{m("int Count { get; }", counted), m("Capture this[int i] { get; }", listItem)}},
	{Head: "internal class System.Text.RegularExpressions.MatchCollection : IEnumerable<Match>", Type: matchesType, Members: members{m("int Count { get; }", counted), m("Match this[int i] { get; }", listItem)}},
}
