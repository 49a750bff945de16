package template

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"gatehouse"
	"gatehouse/jsondoc"
)

// maxPad is the largest width of padLeft and format.
const maxPad = 10000

func stringFunctions() []row {
	return []row{
		{name: "endsWith", least: 2, most: 2, eager: func(c *call) Value {
			return strings.HasSuffix(gatehouse.Fold(c.str(0)), gatehouse.Fold(c.str(1)))
		}},
		{name: "startsWith", least: 2, most: 2, eager: func(c *call) Value {
			return strings.HasPrefix(gatehouse.Fold(c.str(0)), gatehouse.Fold(c.str(1)))
		}},
		{name: "format", least: 1, most: many, eager: format},
		{name: "join", least: 2, most: 2, eager: func(c *call) Value {
			var parts []string
			size := 0
			for _, v := range c.array(0) {
				part := asText(v)
				if size += len(part) + len(c.str(1)); !c.room(size, maxText) {
					return nil
				}
				parts = append(parts, part)
			}
			return strings.Join(parts, c.str(1))
		}},
		{name: "padLeft", least: 2, most: 3, eager: padLeft},
		{name: "replace", least: 3, most: 3, eager: func(c *call) Value {
			if c.str(1) == "" {
				return c.fail("the text to be replaced is empty")
			}
			if n := strings.Count(c.str(0), c.str(1)); !c.room(len(c.str(0))+n*len(c.str(2)), 2*maxText) {
				return nil
			}
			return strings.ReplaceAll(c.str(0), c.str(1), c.str(2))
		}},
		{name: "split", least: 2, most: 2, eager: splitText},
		{name: "string", least: 1, most: 1, eager: func(c *call) Value { return asText(c.args[0]) }},
		{name: "substring", least: 2, most: 3, eager: substring},
		{name: "toLower", least: 1, most: 1, eager: func(c *call) Value { return strings.ToLower(c.str(0)) }},
		{name: "toUpper", least: 1, most: 1, eager: func(c *call) Value { return strings.ToUpper(c.str(0)) }},
		{name: "trim", least: 1, most: 1, eager: func(c *call) Value { return strings.TrimSpace(c.str(0)) }},
		{name: "guid", least: 1, most: many, eager: func(c *call) Value {
			return gatehouse.NameGUID(guidSpace, strings.Join(c.strings(0), "-")).String()
		}},
		{name: "newGuid", least: 0, most: 0, where: inDefault, eager: func(c *call) Value {
			return c.frame.run.env.NewGUID().String()
		}},
		{name: "uniqueString", least: 1, most: many, eager: func(c *call) Value {
			return base32(hash64([]byte(strings.Join(c.strings(0), "-"))))
		}},
	}
}

// guidSpace is the namespace that Azure's guid() hashes names in.
var guidSpace = gatehouse.MustGUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")

func padLeft(c *call) Value {
	s, ok := c.args[0].(string)
	if !ok {
		s = string(number(c.int(0)).(jsondoc.Number))
	}
	width, fill := c.int(1), " "
	if c.has(2) {
		fill = c.str(2)
	}
	if len(units(fill)) != 1 || width < 0 || width > maxPad {
		return c.fail("the width has to lie between 0 and %d, and the padding has to be one character", maxPad)
	}
	return strings.Repeat(fill, int(max(width-int64(len(units(s))), 0))) + s
}

func substring(c *call) Value {
	u, start := units(c.str(0)), c.int(1)
	n := int64(len(u)) - start
	if c.has(2) && c.args[2] != nil {
		n = c.int(2)
	}
	if c.err == nil && (start < 0 || n < 0 || start > int64(len(u)) || n > int64(len(u))-start) {
		return c.fail("the index and length have to refer to a location within the string of %d characters", len(u))
	}
	if c.err != nil {
		return nil
	}
	return string(utf16.Decode(u[start : start+n]))
}

// splitText takes one delimiter or an array of them; the longest that fits wins.
func splitText(c *call) Value {
	delimiters := []string{}
	if list, ok := c.args[1].([]Value); ok {
		for _, v := range list {
			s, _ := v.(string)
			delimiters = append(delimiters, s)
		}
	} else {
		delimiters = append(delimiters, c.str(1))
	}
	out, s, from := []Value{}, c.str(0), 0
	if c.err == nil {
		c.err = c.frame.run.spend(len(s) / 64 * len(delimiters))
	}
	if c.err != nil {
		return nil
	}
	for i := 0; i < len(s); {
		n := 0
		for _, d := range delimiters {
			if len(d) > n && strings.HasPrefix(s[i:], d) {
				n = len(d)
			}
		}
		if n == 0 {
			i++
			continue
		}
		out = append(out, s[from:i])
		i += n
		from = i
	}
	return append(out, s[from:])
}

// format is .NET's composite formatting: {index[,width][:specifier]}.
func format(c *call) Value {
	s := c.str(0)
	var b strings.Builder
	for i := 0; i < len(s) && c.err == nil; i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			b.WriteByte(s[i])
			i++
		case s[i] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return c.fail("the format has a '{' without '}'; write '{{' for a brace")
			}
			if part := c.hole(s[i+1 : i+end]); c.room(b.Len()+len(part), maxText) {
				b.WriteString(part)
			}
			i += end
		case s[i] == '}':
			return c.fail("the format has a '}' without '{'; write '}}' for a brace")
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// hole formats what stands between the braces.
func (c *call) hole(h string) string {
	h, specifier, _ := strings.Cut(h, ":")
	at, width, aligned := strings.Cut(h, ",")
	i, err := strconv.Atoi(strings.TrimSpace(at))
	if err != nil || i < 0 || i+1 >= len(c.args) {
		c.fail("the format refers to an argument that is not there; {0} is the first of %d", len(c.args)-1)
		return ""
	}
	s := c.specified(c.args[i+1], specifier)
	if !aligned {
		return s
	}
	w, err := strconv.Atoi(strings.TrimSpace(width))
	if err != nil || w > maxPad || w < -maxPad {
		c.fail("the width in the format is no number up to %d", maxPad)
		return ""
	}
	gap := strings.Repeat(" ", max(max(w, -w)-len(units(s)), 0))
	if w < 0 {
		return s + gap
	}
	return gap + s
}

// specified applies one of .NET's standard formats for whole numbers.
func (c *call) specified(v Value, specifier string) string {
	n, ok := toInt(v)
	if specifier == "" || !ok {
		return asText(v)
	}
	digits, err := 0, error(nil)
	if len(specifier) > 1 {
		digits, err = strconv.Atoi(specifier[1:])
	}
	if err != nil || digits < 0 || digits > 99 {
		return c.unknownFormat()
	}
	sign := ""
	if n < 0 {
		sign = "-"
	}
	plain := strconv.FormatUint(magnitude(n), 10)
	switch specifier[0] | 0x20 {
	case 'd':
		return sign + strings.Repeat("0", max(digits-len(plain), 0)) + plain
	case 'x':
		hex := fmt.Sprintf("%x", uint64(n))
		if specifier[0] == 'X' {
			hex = strings.ToUpper(hex)
		}
		return strings.Repeat("0", max(digits-len(hex), 0)) + hex
	case 'n', 'f':
		if len(specifier) == 1 {
			digits = 2
		}
		if specifier[0]|0x20 == 'n' {
			plain = grouped(plain)
		}
		if digits > 0 {
			plain += "." + strings.Repeat("0", digits)
		}
		return sign + plain
	case 'g':
		return sign + plain
	}
	return c.unknownFormat()
}

func (c *call) unknownFormat() string {
	c.fail("the format specifier is not supported; use D, X, N, F or G with a number of digits")
	return ""
}

func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
