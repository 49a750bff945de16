package odata

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse"
)

// InvalidQuery is the code of errors about query options other than $filter.
const InvalidQuery = "InvalidQueryParameter"

// Query is the options of one list request. Zero values stand for absent options.
type Query struct {
	Filter    Expr
	OrderBy   []Order
	Top       int // 0 when absent: $top=0 is refused by Azure's lists
	Skip      int
	SkipToken string // as the client sent it; see Signer
	Select    []string
	Expand    []string
	Count     bool
	Search    string
}

// Order is one key of $orderby.
type Order struct {
	Path string
	Desc bool
}

// Limits bound the options of a Query.
type Limits struct {
	MaxTop int // the most that $top may ask for; 0 for no bound
	// ClipTop answers a larger $top with MaxTop instead of refusing it.
	ClipTop bool
	// Bare also takes option names without the dollar sign, as Graph does.
	Bare bool
}

// Values splits a raw query string. Unlike net/url it takes semicolons as they
// come (apis/x;rev=1), and blanks that a client forgot to encode (clients.md 4).
func Values(raw string) (url.Values, error) {
	v := url.Values{}
	for _, pair := range strings.Split(raw, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return nil, invalid("", "The query option %q is not correctly percent-encoded.", clip(name))
		}
		val, err := url.QueryUnescape(value)
		if err != nil {
			return nil, invalid(n, "The value of the query option %q is not correctly percent-encoded.", clip(n))
		}
		v[n] = append(v[n], val)
	}
	return v, nil
}

func invalid(target, format string, args ...any) *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Invalid, InvalidQuery, format, args...).At(target)
}

// ParseQuery reads the options of a raw query string. Names compare without
// case. Options it does not know, such as api-version, are left alone.
func ParseQuery(raw string, l Limits) (*Query, error) {
	values, err := Values(raw)
	if err != nil {
		return nil, err
	}
	q, seen := &Query{}, map[string]bool{}
	for name, vs := range values {
		option, ok := optionName(name, l.Bare)
		if !ok {
			continue
		}
		if seen[option] || len(vs) > 1 {
			return nil, invalid("$"+option, "The query option $%s is given more than once.", option)
		}
		seen[option] = true
		if err := q.set(option, vs[0], l); err != nil {
			return nil, err
		}
	}
	return q, nil
}

func optionName(name string, bare bool) (string, bool) {
	option, dollar := strings.CutPrefix(gatehouse.Fold(name), "$")
	if !dollar && !bare {
		return "", false
	}
	switch option {
	case "filter", "orderby", "top", "skip", "skiptoken", "select", "expand", "count", "search":
		return option, true
	}
	return "", false
}

func (q *Query) set(option, value string, l Limits) (err error) {
	switch option {
	case "filter":
		if strings.TrimSpace(value) != "" {
			q.Filter, err = Parse(value)
		}
	case "orderby":
		q.OrderBy, err = orderBy(value)
	case "top":
		q.Top, err = top(value, l)
	case "skip":
		q.Skip, err = number("$skip", value, 0)
	case "skiptoken":
		q.SkipToken = value
	case "select":
		q.Select, err = names("$select", value)
	case "expand":
		q.Expand, err = expand(value)
	case "count":
		q.Count, err = strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			err = invalid("$count", "The value %q of $count is neither true nor false.", clip(value))
		}
	case "search":
		q.Search = value
	}
	return err
}

func number(option, value string, least int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < least || n > 1<<30 {
		return 0, invalid(option, "The value %q of %s is not a whole number of at least %d.", clip(value), option, least)
	}
	return n, nil
}

func top(value string, l Limits) (int, error) {
	n, err := number("$top", value, 1)
	if err != nil || l.MaxTop == 0 || n <= l.MaxTop {
		return n, err
	}
	if l.ClipTop {
		return l.MaxTop, nil
	}
	return 0, invalid("$top", "The value %d of $top is more than the %d that one page can hold.", n, l.MaxTop)
}

// maxItems bounds the length of $select, $orderby and $expand.
const maxItems = 100

func names(option, value string) ([]string, error) {
	items := strings.Split(value, ",")
	if len(items) > maxItems {
		return nil, invalid(option, "%s lists more than %d names.", option, maxItems)
	}
	for i, item := range items {
		items[i] = strings.TrimSpace(item)
		if !validPath(items[i]) && items[i] != "*" {
			return nil, invalid(option, "%q in %s is not a field name.", clip(item), option)
		}
	}
	return items, nil
}

func validPath(s string) bool {
	return s != "" && len(s) <= 200 && !strings.ContainsFunc(s, func(r rune) bool { return r != '/' && !wordRune(r) })
}

func orderBy(value string) ([]Order, error) {
	items := strings.Split(value, ",")
	if len(items) > maxItems {
		return nil, invalid("$orderby", "$orderby lists more than %d names.", maxItems)
	}
	var out []Order
	for _, item := range items {
		words := strings.Fields(item)
		ok := len(words) == 1 || len(words) == 2 && slices.Contains([]string{"asc", "desc"}, gatehouse.Fold(words[1]))
		if !ok || !validPath(words[0]) {
			return nil, invalid("$orderby", "%q in $orderby is not a field name with asc, desc or nothing behind it.", clip(item))
		}
		out = append(out, Order{words[0], len(words) == 2 && gatehouse.Fold(words[1]) == "desc"})
	}
	return out, nil
}

// expand splits at the commas outside parentheses: owners($select=id,displayName),members.
func expand(value string) ([]string, error) {
	var out []string
	depth, start := 0, 0
	for i, c := range value + "," {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && (depth == 0 || i == len(value)):
			if item := strings.TrimSpace(value[start:i]); item != "" {
				out = append(out, item)
			}
			start = i + 1
		}
	}
	if depth != 0 || len(out) > maxItems {
		return nil, invalid("$expand", "$expand has unbalanced parentheses or more than %d names.", maxItems)
	}
	return out, nil
}

// Sort orders items by the keys in turn; equal ones keep their order. Null comes first.
func Sort[T any](items []T, keys []Order, lookup func(item T, path string) (any, bool)) {
	slices.SortStableFunc(items, func(a, b T) int {
		for _, k := range keys {
			x, _ := lookup(a, k.Path)
			y, _ := lookup(b, k.Path)
			if c := compareKeys(x, y); c != 0 {
				if k.Desc {
					return -c
				}
				return c
			}
		}
		return 0
	})
}

func compareKeys(x, y any) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return -1
	case y == nil:
		return 1
	}
	c, _ := order(x, y, true)
	return c
}
