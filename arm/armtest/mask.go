package armtest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse"
)

// masks are the variables of a case: names for values that answers hold.
type masks struct {
	values                map[string]string // by name
	names                 map[string]string // by value in lower case; GUIDs and tags only
	guids, etags, commits int
}

func newMasks() *masks {
	m := &masks{values: map[string]string{}, names: map[string]string{}}
	m.set("tenant", Tenant.String())
	m.set("sub", Subscription.String())
	m.set("other", Other.String())
	m.set("appid", AppID.String())
	for name, id := range callers {
		m.set(name, id.String())
	}
	m.values["rg"] = GroupID().String()
	return m
}

func (m *masks) set(name, value string) {
	m.values[name] = value
	if maskable.FindString(value) == value || etag.FindString(value) == value || commit.FindString(value) == value {
		m.names[key(value)] = name
	}
}

// key is how a value is looked up: a GUID by its digits, so that both spellings have one name.
func key(value string) string {
	if g, err := gatehouse.ParseGUID(value); err == nil {
		return g.Hex()
	}
	return value
}

var variable = regexp.MustCompile(`\$\{([a-zA-Z][a-zA-Z0-9]*)(:hex)?\}`)

// expand puts values in for variables; a name that is not known stays as it is.
func (m *masks) expand(text string) string {
	return variable.ReplaceAllStringFunc(text, func(v string) string {
		parts := variable.FindStringSubmatch(v)
		value, ok := m.values[parts[1]]
		if !ok {
			return v
		}
		if g, err := gatehouse.ParseGUID(value); err == nil && parts[2] != "" {
			return g.Hex()
		}
		return value
	})
}

var (
	maskable = regexp.MustCompile(`(?i)\b(?:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{32})\b`)
	etag     = regexp.MustCompile(`AAAA[A-Za-z0-9+/]{18}==|AAAA[A-Za-z0-9+/]{7}=`)
	commit   = regexp.MustCompile(`\b[0-9a-f]{40}\b`)
	moment   = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.(\d+))?(?:Z|[+-]\d\d:\d\d)`)
)

// mask puts variables in for their values and numbers what it does not know. Well-known
// GUIDs, such as those of built-in roles, are left alone: wellKnown says which.
func (m *masks) mask(text string, now time.Time) string {
	text = maskable.ReplaceAllStringFunc(text, func(s string) string {
		if wellKnown(s) {
			return s
		}
		name := m.nameOf(s, "guid", &m.guids)
		if strings.Contains(s, "-") {
			return "${" + name + "}"
		}
		return "${" + name + ":hex}"
	})
	text = etag.ReplaceAllStringFunc(text, func(s string) string { return "${" + m.nameOf(s, "etag", &m.etags) + "}" })
	text = commit.ReplaceAllStringFunc(text, func(s string) string { return "${" + m.nameOf(s, "commit", &m.commits) + "}" })
	return moment.ReplaceAllStringFunc(text, func(s string) string { return relative(s, now) })
}

func (m *masks) nameOf(value, kind string, count *int) string {
	if name, ok := m.names[key(value)]; ok {
		return name
	}
	*count++
	name := fmt.Sprintf("%s%d", kind, *count)
	m.set(name, strings.ToLower(value))
	if kind == "etag" {
		m.set(name, value)
	}
	return name
}

// relative tells a time by its distance from now when it lies in the World's life,
// and how many digits its fraction has when they are not the seven of ARM (rbac.md 2.4).
func relative(s string, now time.Time) string {
	t, err := time.Parse(time.RFC3339Nano, strings.Replace(s, " ", "T", 1))
	if err != nil || t.Before(start.Truncate(time.Second)) {
		return s
	}
	form := ""
	if digits := len(moment.FindStringSubmatch(s)[1]); digits != 7 {
		form = fmt.Sprintf(", %d digits", digits)
		now = now.Truncate(precision(digits))
	}
	switch {
	case t.Equal(now):
		return "${now" + form + "}"
	case t.Before(now):
		return "${earlier" + form + "}"
	}
	return "${now+" + t.Sub(now).String() + form + "}"
}

func precision(digits int) time.Duration {
	d := time.Second
	for range digits {
		d /= 10
	}
	return max(d, 1)
}

// wellKnown reports whether a GUID is the same everywhere: a built-in role, or zero.
func wellKnown(s string) bool {
	g, err := gatehouse.ParseGUID(s)
	return err != nil || g.IsZero() || slices.Contains(builtInRoles(), g)
}
