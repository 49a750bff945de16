package dotnet

import (
	"strings"
)

// Composite is a composite format string taken apart: text and items like {0,-10:N2}.
// https://learn.microsoft.com/dotnet/standard/base-types/composite-formatting
type Composite struct {
	parts []compositePart
	most  int // the highest index, -1 without items
}

type compositePart struct {
	text   string // in front of the item
	item   bool
	index  int
	width  int
	format string
}

const maxItem = 1_000_000

func badComposite(offset int, reason string) *Exception {
	return NewException(FormatException, "Input string was not in a correct format. Failure to parse near offset %d. %s", offset, reason)
}

// ParseComposite takes a format apart, with the faults that string.Format finds.
func ParseComposite(format string) (*Composite, error) {
	c := &Composite{most: -1}
	var text []byte
	for i := 0; i < len(format); {
		b := format[i]
		if b != '{' && b != '}' {
			text = append(text, b)
			i++
			continue
		}
		if i+1 < len(format) && format[i+1] == b {
			text = append(text, b)
			i += 2
			continue
		}
		if b == '}' {
			return nil, badComposite(i+1, "Unexpected closing brace without a corresponding opening brace.")
		}
		p := compositePart{text: string(text), item: true}
		end, err := p.parse(format, i+1)
		if err != nil {
			return nil, err
		}
		text = text[:0]
		c.parts = append(c.parts, p)
		c.most = max(c.most, p.index)
		i = end
	}
	if len(text) > 0 {
		c.parts = append(c.parts, compositePart{text: string(text)})
	}
	return c, nil
}

// parse reads an item from behind its opening brace to behind the closing one.
func (p *compositePart) parse(format string, i int) (int, error) {
	early := func() error { return badComposite(len(format), "Format item ends prematurely.") }
	blanks := func() {
		for i < len(format) && format[i] == ' ' {
			i++
		}
	}
	number := func() (int, error) {
		if i >= len(format) {
			return 0, early()
		}
		n := digits(format[i:])
		if n == 0 {
			return 0, badComposite(i, "Expected an ASCII digit.")
		}
		v := 0
		for range n {
			v = min(v*10+int(format[i]-'0'), maxItem)
			i++
		}
		return v, nil
	}
	var err error
	if p.index, err = number(); err != nil {
		return 0, err
	}
	if p.index >= maxItem {
		return 0, badComposite(i, "Expected an ASCII digit.")
	}
	blanks()
	if i < len(format) && format[i] == ',' {
		i++
		blanks()
		left := i < len(format) && format[i] == '-'
		if left {
			i++
		}
		if p.width, err = number(); err != nil {
			return 0, err
		}
		if p.width >= maxItem {
			return 0, badComposite(i, "Expected an ASCII digit.")
		}
		if left {
			p.width = -p.width
		}
		blanks()
	}
	if i >= len(format) {
		return 0, early()
	}
	if format[i] == ':' {
		start := i + 1
		for i++; i < len(format) && format[i] != '}'; i++ {
			if format[i] == '{' {
				return 0, badComposite(i, "Unexpected opening brace within a format item.")
			}
		}
		if i >= len(format) {
			return 0, early()
		}
		p.format = format[start:i]
	}
	if format[i] != '}' {
		return 0, badComposite(i, "Unexpected character within a format item.")
	}
	return i + 1, nil
}

// Items is the number of arguments that the format asks for.
func (c *Composite) Items() int { return c.most + 1 }

// Format puts the text of the arguments in. print gives the text of one in its format; spend is asked before text is added.
func (c *Composite) Format(count int, print func(i int, format string) (string, error), spend func(bytes int) error) (string, error) {
	if c.most >= count {
		return "", formatError("Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")
	}
	var b strings.Builder
	halves := false
	for _, p := range c.parts {
		s := ""
		if p.item {
			var err error
			if s, err = print(p.index, p.format); err != nil {
				return "", err
			}
		}
		pad := 0
		if p.width != 0 {
			pad = max(0, max(p.width, -p.width)-StringLength(s))
		}
		if err := spend(len(p.text) + len(s) + pad); err != nil {
			return "", err
		}
		b.WriteString(p.text)
		halves = halves || startsLow(s)
		if p.width > 0 {
			b.WriteString(strings.Repeat(" ", pad))
		}
		b.WriteString(s)
		if p.width < 0 {
			b.WriteString(strings.Repeat(" ", pad))
		}
	}
	if halves {
		return mend(b.String()), nil
	}
	return b.String(), nil
}
