package xsd

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ranges is a set of characters: pairs of bounds, sorted, apart from each other.
type ranges [][2]rune

func (r ranges) sorted() ranges {
	slices.SortFunc(r, func(a, b [2]rune) int { return int(a[0]) - int(b[0]) })
	var out ranges
	for _, x := range r {
		if n := len(out); n > 0 && x[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], x[1])
			continue
		}
		out = append(out, x)
	}
	return out
}

func (r ranges) not() ranges {
	var out ranges
	next := rune(0)
	for _, x := range r {
		if next < x[0] {
			out = append(out, [2]rune{next, x[0] - 1})
		}
		next = x[1] + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, [2]rune{next, unicode.MaxRune})
	}
	return out
}

func (r ranges) minus(o ranges) ranges { return slices.Concat(r.not(), o).sorted().not() }

func (r ranges) print(b *strings.Builder) {
	if len(r) == 0 {
		b.WriteString(`[^\x{0}-\x{10FFFF}]`)
		return
	}
	b.WriteByte('[')
	for _, x := range r {
		fmt.Fprintf(b, `\x{%X}-\x{%X}`, x[0], x[1])
	}
	b.WriteByte(']')
}

func tableRanges(t *unicode.RangeTable) ranges {
	var out ranges
	add := func(low, high, stride rune) {
		if stride == 1 {
			out = append(out, [2]rune{low, high})
			return
		}
		for c := low; c <= high; c += stride {
			out = append(out, [2]rune{c, c})
		}
	}
	for _, x := range t.R16 {
		add(rune(x.Lo), rune(x.Hi), rune(x.Stride))
	}
	for _, x := range t.R32 {
		add(rune(x.Lo), rune(x.Hi), rune(x.Stride))
	}
	return out.sorted()
}

var (
	spaceChars   = ranges{{9, 10}, {13, 13}, {' ', ' '}}
	initialChars = ranges{{':', ':'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF},
		{0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF}}
	nameChars = slices.Concat(initialChars, ranges{{'-', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}}).sorted()
)

// blocks are those of Unicode that patterns name by \p{Is...}; others make a schema unusable.
var blocks = map[string][2]rune{"BasicLatin": {0, 0x7F}, "Latin-1Supplement": {0x80, 0xFF}, "LatinExtended-A": {0x100, 0x17F}, "LatinExtended-B": {0x180, 0x24F},
	"IPAExtensions": {0x250, 0x2AF}, "Greek": {0x370, 0x3FF}, "GreekandCoptic": {0x370, 0x3FF}, "Cyrillic": {0x400, 0x4FF}, "Armenian": {0x530, 0x58F}, "Hebrew": {0x590, 0x5FF},
	"Arabic": {0x600, 0x6FF}, "Thai": {0xE00, 0xE7F}, "LatinExtendedAdditional": {0x1E00, 0x1EFF}, "GeneralPunctuation": {0x2000, 0x206F}, "CurrencySymbols": {0x20A0, 0x20CF},
	"Hiragana": {0x3040, 0x309F}, "Katakana": {0x30A0, 0x30FF}, "CJKUnifiedIdeographs": {0x4E00, 0x9FFF}, "HangulSyllables": {0xAC00, 0xD7A3}}

// property is what \p{name} stands for.
func property(name string) (ranges, error) {
	if block, ok := strings.CutPrefix(name, "Is"); ok {
		if b, known := blocks[block]; known {
			return ranges{b}, nil
		}
		return nil, fmt.Errorf("the block %q is not known", block)
	}
	if t := unicode.Categories[name]; t != nil && len(name) <= 2 {
		return tableRanges(t), nil
	}
	return nil, fmt.Errorf("the category %q is not known", name)
}

// class is what an escape of several characters stands for.
func class(c byte) (ranges, bool) {
	var r ranges
	switch c | 0x20 {
	case 's':
		r = spaceChars
	case 'd':
		r = tableRanges(unicode.Nd)
	case 'i':
		r = initialChars
	case 'c':
		r = nameChars
	case 'w':
		r = slices.Concat(tableRanges(unicode.P), tableRanges(unicode.Z), tableRanges(unicode.C)).sorted().not()
	default:
		return nil, false
	}
	if c < 'a' {
		r = r.not()
	}
	return r, true
}

// maxPattern bounds the text of a pattern.
const maxPattern = 4096

var errPattern = errors.New("the pattern cannot be read")

// compilePattern makes a regular expression of this package's dialect one of Go: it matches whole values, ^ and $ are
// ordinary characters, classes may be subtracted.
func compilePattern(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, errors.New("the pattern is too long")
	}
	p := patternReader{s: text}
	p.b.WriteString(`\A(?:`)
	if err := p.run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	p.b.WriteString(`)\z`)
	re, err := regexp.Compile(p.b.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errPattern, text)
	}
	return re, nil
}

type patternReader struct {
	s string
	b strings.Builder
}

func (p *patternReader) next() rune {
	c, n := utf8.DecodeRuneInString(p.s)
	p.s = p.s[n:]
	return c
}

func (p *patternReader) run() error {
	for p.s != "" {
		switch c := p.next(); c {
		case '.':
			p.b.WriteString(`[^\n\r]`)
		case '(':
			if strings.HasPrefix(p.s, "?") {
				return errPattern
			}
			p.b.WriteString("(?:")
		case ')', '|', '?', '*', '+', '{', '}', ',':
			p.b.WriteRune(c)
		case '\\':
			r, err := p.escape()
			if err != nil {
				return err
			}
			r.print(&p.b)
		case '[':
			r, err := p.class(0)
			if err != nil {
				return err
			}
			r.print(&p.b)
		case ']':
			return errPattern
		default:
			p.b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return nil
}

// escape reads what follows a backslash.
func (p *patternReader) escape() (ranges, error) {
	if p.s == "" {
		return nil, errPattern
	}
	c := p.next()
	switch c {
	case 'n':
		return ranges{{'\n', '\n'}}, nil
	case 'r':
		return ranges{{'\r', '\r'}}, nil
	case 't':
		return ranges{{'\t', '\t'}}, nil
	case 'p', 'P':
		name, rest, ok := strings.Cut(strings.TrimPrefix(p.s, "{"), "}")
		if !ok || !strings.HasPrefix(p.s, "{") {
			return nil, errPattern
		}
		p.s = rest
		r, err := property(name)
		if c == 'P' {
			r = r.not()
		}
		return r, err
	}
	if c < 0x80 {
		if r, ok := class(byte(c)); ok {
			return r, nil
		}
	}
	if strings.ContainsRune(`\|.-^?*+{}()[]$/"',:;=<>@#%&!~_`+"` ", c) {
		return ranges{{c, c}}, nil
	}
	return nil, errPattern
}

// class reads what stands between brackets, the first of which was read.
func (p *patternReader) class(depth int) (ranges, error) {
	if depth > 16 {
		return nil, errPattern
	}
	negative := strings.HasPrefix(p.s, "^")
	if negative {
		p.s = p.s[1:]
	}
	var r ranges
	for first := true; ; first = false {
		if p.s == "" {
			return nil, errPattern
		}
		if p.s[0] == ']' && !first {
			p.s = p.s[1:]
			return r.finished(negative), nil
		}
		if strings.HasPrefix(p.s, "-[") && !first {
			p.s = p.s[2:]
			without, err := p.class(depth + 1)
			if err != nil || !strings.HasPrefix(p.s, "]") {
				return nil, errPattern
			}
			p.s = p.s[1:]
			return r.finished(negative).minus(without), nil
		}
		part, err := p.part()
		if err != nil {
			return nil, err
		}
		r = append(r, part...)
	}
}

func (r ranges) finished(negative bool) ranges {
	r = r.sorted()
	if negative {
		return r.not()
	}
	return r
}

// part reads a character, an escape or a range.
func (p *patternReader) part() (ranges, error) {
	low, err := p.one()
	if err != nil || len(low) != 1 || low[0][0] != low[0][1] || !strings.HasPrefix(p.s, "-") || strings.HasPrefix(p.s, "-]") || strings.HasPrefix(p.s, "-[") {
		return low, err
	}
	p.s = p.s[1:]
	high, err := p.one()
	if err != nil || len(high) != 1 || high[0][0] != high[0][1] || high[0][0] < low[0][0] {
		return nil, errPattern
	}
	return ranges{{low[0][0], high[0][0]}}, nil
}

func (p *patternReader) one() (ranges, error) {
	if p.s == "" {
		return nil, errPattern
	}
	c := p.next()
	switch c {
	case '\\':
		return p.escape()
	case '[':
		return nil, errPattern
	}
	return ranges{{c, c}}, nil
}
