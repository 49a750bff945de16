package replay

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	tokenLike = regexp.MustCompile(`[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`)
	moment    = regexp.MustCompile(`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?`)
)

// normal is a text in which what is made up anew each time has one stand-in: GUIDs and tokens that neither came with the call nor
// stand in a configuration.
func (k *call) normal(s string) string {
	s = guid.ReplaceAllStringFunc(s, func(id string) string {
		if id := strings.ToLower(id); k.known[id] || k.fixed[id] {
			return id
		}
		return "(guid)"
	})
	return tokenLike.ReplaceAllStringFunc(s, func(t string) string {
		if _, ours := k.tokens[t]; ours {
			return t
		}
		return "(token)"
	})
}

// lines are those of a body, JSON indented so that a member has its own.
func lines(body []byte) []string {
	if !utf8.Valid(body) {
		return []string{string(body)}
	}
	var b bytes.Buffer
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && json.Indent(&b, trimmed, "", "  ") == nil {
		body = b.Bytes()
	}
	return strings.Split(strings.TrimRight(string(body), "\n"), "\n")
}

// varying tells lines that differ between two runs of the same configuration: what they begin and end with is the same.
type varying []struct{ begin, end string }

func varies(a, b []string) (v varying) {
	if len(a) != len(b) {
		return nil
	}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		begin := 0
		for begin < min(len(a[i]), len(b[i])) && a[i][begin] == b[i][begin] {
			begin++
		}
		end := 0
		for end < min(len(a[i]), len(b[i]))-begin && a[i][len(a[i])-1-end] == b[i][len(b[i])-1-end] {
			end++
		}
		// Two numbers may begin alike by chance: only whole words are the same.
		for begin > 0 && wordly(a[i][begin-1]) {
			begin--
		}
		for end > 0 && wordly(a[i][len(a[i])-end]) {
			end--
		}
		v = append(v, struct{ begin, end string }{a[i][:begin], a[i][len(a[i])-end:]})
	}
	return v
}

func wordly(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || strings.IndexByte("+/=_-.", c) >= 0
}

// still is the lines with what varies anyway taken out.
func (v varying) still(list []string) []string {
	if len(v) == 0 {
		return list
	}
	out := make([]string, len(list))
	for i, line := range list {
		out[i] = line
		for _, one := range v {
			if len(line) >= len(one.begin)+len(one.end) && strings.HasPrefix(line, one.begin) && strings.HasSuffix(line, one.end) {
				out[i] = one.begin + "(varies)" + one.end
				break
			}
		}
	}
	return out
}

// Line is a line of a body that only one side has: - before, + after.
type Line struct {
	Side string `json:"side"`
	Text string `json:"text"`
}

// mostLines bounds what is shown of a body, and what is compared line by line.
const (
	mostLines    = 40
	mostCompared = 2000
)

// diff lists the lines that differ, in order.
func diff(a, b []string) []Line {
	begin := 0
	for begin < min(len(a), len(b)) && a[begin] == b[begin] {
		begin++
	}
	end := 0
	for end < min(len(a), len(b))-begin && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	a, b = a[begin:len(a)-end], b[begin:len(b)-end]
	if len(a)*len(b) > mostCompared*mostCompared {
		return append(marked("-", a), marked("+", b)...)
	}
	return common(a, b)
}

func marked(side string, list []string) (out []Line) {
	for _, text := range list {
		out = append(out, Line{side, text})
	}
	return out
}

// common compares by the longest common subsequence.
func common(a, b []string) (out []Line) {
	n := make([][]int32, len(a)+1)
	for i := range n {
		n[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			} else {
				n[i][j] = max(n[i+1][j], n[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			i, j = i+1, j+1
		case n[i+1][j] >= n[i][j+1]:
			out = append(out, Line{"-", a[i]})
			i++
		default:
			out = append(out, Line{"+", b[j]})
			j++
		}
	}
	return append(append(out, marked("-", a[i:])...), marked("+", b[j:])...)
}
