package policy

import (
	"strconv"
	"strings"
)

// Define returns what is known of a policy, nil for a name that is none.
func Define(name string) *Definition { return table().byName[name] }

// Child returns what is known of an element directly below, nil for none.
func (d *Definition) Child(name string) *Definition { return d.child(name) }

// Default returns what counts when an attribute is left out, "" when nothing does.
func (d *Definition) Default(attribute string) string {
	if a := d.attr(attribute); a != nil {
		return a.initial
	}
	return ""
}

// Resolve replaces the named values in v by what lookup knows, as text and before anything is
// compiled: what it returns may be an expression where v was none (gateway.md 5.4). A name that
// lookup does not know stays as it is; missing lists those that had to be known.
func (v Value) Resolve(lookup func(Name) (string, bool)) (resolved Value, missing []Name) {
	if len(v.Names) == 0 {
		return v, nil
	}
	text := ReplaceNames(v.Text, v.Names, func(n Name) (string, bool) {
		s, ok := lookup(n)
		if !ok && !n.Maybe {
			missing = append(missing, n)
		}
		return s, ok
	})
	resolved = Value{Text: text, Pos: v.Pos}
	if trimmed := strings.Trim(text, blanks); startsExpression(trimmed) && expressionEnd(trimmed) == len(trimmed) {
		pos := v.Pos
		if v.Expr != nil {
			pos = v.Expr.Pos
		}
		resolved.Expr = &Expression{Code: trimmed[2 : len(trimmed)-1], Block: trimmed[1] == '{', Pos: pos}
	}
	return resolved, missing
}

// ReplaceNames replaces in text the named values that lookup knows; names are those of the value
// that text belongs to.
func ReplaceNames(text string, names []Name, lookup func(Name) (string, bool)) string {
	known := map[string]Name{}
	for _, n := range names {
		if was, ok := known[n.Name]; !ok || was.Maybe { // whoever may refer to it once may do so twice
			known[n.Name] = n
		}
	}
	return ReplaceAll(text, func(name string) (string, bool) {
		if n, ok := known[name]; ok {
			return lookup(n)
		}
		return "", false
	})
}

// ReplaceAll replaces every {{name}} in text that lookup knows.
func ReplaceAll(text string, lookup func(name string) (string, bool)) string {
	return namePattern.ReplaceAllStringFunc(text, func(match string) string {
		if s, ok := lookup(match[2 : len(match)-2]); ok {
			return s
		}
		return match
	})
}

// Below returns what is known of the first element of a name at any depth below d, nil for none.
func (d *Definition) Below(name string) *Definition {
	for _, c := range d.children {
		if c.Name == name {
			return c
		}
		if found := c.Below(name); found != nil {
			return found
		}
	}
	return nil
}

var spanUnits = map[byte]int64{'W': 7 * 86400, 'D': 86400, 'H': 3600, 'M': 60, 'S': 1}

// Seconds reads a duration as policies write them: a number of seconds, hh:mm, hh:mm:ss, d.hh:mm:ss or
// ISO 8601 without months and years.
func Seconds(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, true
	}
	if rest, ok := strings.CutPrefix(text, "P"); ok {
		return isoSeconds(rest)
	}
	var days int64
	if d, rest, ok := strings.Cut(text, "."); ok && strings.Contains(rest, ":") {
		n, err := strconv.ParseInt(d, 10, 32)
		if err != nil {
			return 0, false
		}
		days, text = n, rest
	}
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		parts = append(parts, "0") // hh:mm
	}
	if len(parts) != 3 {
		return 0, false
	}
	var total int64
	for _, p := range parts {
		n, err := strconv.ParseInt(p, 10, 32)
		if err != nil || n < 0 {
			return 0, false
		}
		total = total*60 + n
	}
	return days*86400 + total, true
}

func isoSeconds(rest string) (int64, bool) {
	var total int64
	digits, inTime := "", false
	for i := range len(rest) {
		switch c := rest[i]; {
		case c >= '0' && c <= '9':
			digits += rest[i : i+1]
		case c == 'T' && digits == "" && !inTime:
			inTime = true
		case spanUnits[c] > 0 && digits != "" && (c != 'M' || inTime):
			n, err := strconv.ParseInt(digits, 10, 32)
			if err != nil {
				return 0, false
			}
			total, digits = total+n*spanUnits[c], ""
		default:
			return 0, false
		}
	}
	return total, rest != "" && digits == ""
}
