package dotnet

import "strings"

// picture is one section of a custom numeric format, measured before it is filled in.
// https://learn.microsoft.com/dotnet/standard/base-types/custom-numeric-format-strings
type picture struct {
	text       string
	index      int // of the section
	places     int // 0 and # together
	point      int // places before the decimal point
	firstZero  int // places before the first 0, -1 without one
	lastZero   int // places up to and with the last 0
	scientific bool
	group      bool
	shift      int // powers of ten from % and scaling commas
}

// sections cuts a custom format at its semicolons, outside of quotes.
func sections(format string) []string {
	var list []string
	start := 0
	for i := 0; i < len(format); i++ {
		switch c := format[i]; c {
		case '\\':
			i++
		case '\'', '"':
			for i++; i < len(format) && format[i] != c; i++ {
			}
		case ';':
			list = append(list, format[start:i])
			start = i + 1
		}
	}
	return append(list, format[start:])
}

// choose finds the section for positive (0), negative (1) or zero (2); an empty or missing one is the first.
func choose(list []string, want int) int {
	if want < len(list) && list[want] != "" {
		return want
	}
	return 0
}

const perMille = "\u2030"

func measure(text string, index int) picture {
	p := picture{text: text, index: index, point: -1, firstZero: -1}
	comma, commas := -1, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '#':
			p.places++
		case '0':
			if p.firstZero < 0 {
				p.firstZero = p.places
			}
			p.places++
			p.lastZero = p.places
		case '.':
			if p.point < 0 {
				p.point = p.places
			}
		case ',':
			if p.places == 0 || p.point >= 0 {
				continue
			}
			if comma == p.places {
				commas++
				continue
			}
			p.group = p.group || comma >= 0
			comma, commas = p.places, 1
		case '%':
			p.shift += 2
		case perMille[0]:
			if strings.HasPrefix(text[i:], perMille) {
				p.shift += 3
			}
		case '\'', '"':
			for i++; i < len(text) && text[i] != c; i++ {
			}
		case '\\':
			i++
		case 'E', 'e':
			if n := exponentLength(text[i+1:]); n > 0 {
				p.scientific = true
				i += n
			}
		}
	}
	if p.point < 0 {
		p.point = p.places
	}
	if comma >= 0 {
		if comma == p.point {
			p.shift -= 3 * commas
		} else {
			p.group = true
		}
	}
	return p
}

// exponentLength measures what follows an E that asks for an exponent: an optional sign and zeros.
func exponentLength(s string) int {
	n := 0
	if s != "" && (s[0] == '+' || s[0] == '-') {
		n = 1
	}
	zeros := n
	for n < len(s) && s[n] == '0' {
		n++
	}
	if n == zeros {
		return 0
	}
	return n
}

func (n *number) formatCustom(format string) (string, error) {
	list := sections(format)
	index := 0
	switch {
	case len(n.digits) == 0:
		index = choose(list, 2)
	case n.neg:
		index = choose(list, 1)
	}
	p := measure(list[index], index)
	if len(n.digits) > 0 {
		n.shiftAndRound(p)
		// What rounds to zero is printed by the section for zero.
		if i := choose(list, 2); len(n.digits) == 0 && i != index {
			p = measure(list[i], i)
			n.scale = 0
		}
	} else {
		n.scale = 0
		n.neg = n.neg && n.float
	}
	var b strings.Builder
	n.fill(&b, p)
	if n.neg && p.index == 0 && b.Len() > 0 {
		return "-" + b.String(), nil
	}
	return b.String(), nil
}

func (n *number) shiftAndRound(p picture) {
	n.scale += p.shift
	keep := p.places
	if !p.scientific {
		keep = n.scale + p.places - p.point
	}
	n.roundHalfUp(keep)
}

// fill prints the section with the number's digits in its places.
func (n *number) fill(b *strings.Builder, p picture) {
	place := p.point // of the next digit, counted to the decimal point
	extra := 0       // digits for which there is no place, printed before the first; below zero places without a digit
	if !p.scientific {
		place, extra = max(n.scale, p.point), n.scale-p.point
	}
	firstZero, lastZero := 0, 0
	if p.firstZero >= 0 && p.firstZero < p.point {
		firstZero = p.point - p.firstZero
	}
	if p.lastZero > p.point {
		lastZero = p.point - p.lastZero
	}
	at, pointed, exponentDone := 0, false, false
	put := func(d byte) {
		b.WriteByte(d)
		if p.group && place > 1 && place%3 == 1 {
			b.WriteByte(',')
		}
	}
	text := p.text
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '#' || c == '0' || c == '.' {
			for ; extra > 0; extra-- {
				d, ok := n.digit(at)
				if ok {
					at++
				}
				put(d)
				place--
			}
		}
		switch c {
		case '#', '0':
			d, ok := byte('0'), false
			if extra < 0 {
				extra++
				ok = place <= firstZero
			} else if d, ok = n.digit(at); ok {
				at++
			} else {
				ok = place > lastZero
			}
			if ok {
				put(d)
			}
			place--
		case '.':
			if place == 0 && !pointed && (lastZero < 0 || p.point < p.places && at < len(n.digits)) {
				b.WriteByte('.')
				pointed = true
			}
		case ',':
		case '\'', '"':
			for i++; i < len(text) && text[i] != c; i++ {
				b.WriteByte(text[i])
			}
		case '\\':
			if i++; i < len(text) {
				b.WriteByte(text[i])
			}
		case 'E', 'e':
			length := exponentLength(text[i+1:])
			if length == 0 || exponentDone {
				b.WriteString(text[i : i+1+length])
				i += length
				continue
			}
			n.writeCustomExponent(b, c, text[i+1:i+1+length], p.point)
			exponentDone = true
			i += length
		default:
			b.WriteByte(c)
		}
	}
}

func (n *number) writeCustomExponent(b *strings.Builder, e byte, form string, point int) {
	exponent := 0
	if len(n.digits) > 0 {
		exponent = n.scale - point
	}
	plus := form[0] == '+'
	writeExponent(b, exponent, e, min(len(strings.TrimLeft(form, "+-")), 10), plus)
}
