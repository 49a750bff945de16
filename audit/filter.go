package audit

import (
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// Filter is the $filter of the activity log: comparisons joined by "and"
// (rbac.md 11, clients.md 7). Zero members select everything.
type Filter struct {
	Since         time.Time // eventTimestamp ge, inclusive
	Until         time.Time // eventTimestamp le, inclusive
	ResourceGroup string    // resourceGroupName eq
	Resource      *gatehouse.ID
	Provider      string // resourceProvider eq
	Type          string // resourceType eq
	Correlation   string // correlationId eq
	Caller        string // caller eq
	Status        string // status eq
	Levels        []string
	None          bool // asks for channels that Gatehouse does not have
}

const knownFilters = "eventTimestamp ge and le, and resourceGroupName, resourceUri, resourceProvider, resourceType, correlationId, caller, status, levels, eventChannels eq"

// ParseFilter reads a $filter. Values may be quoted or bare, as clients send both.
func ParseFilter(text string) (Filter, error) {
	var f Filter
	tokens, err := filterTokens(text)
	if err != nil {
		return f, err
	}
	for len(tokens) > 0 {
		if len(tokens) < 3 {
			return f, filterError("it ends in the middle of a comparison after %q", tokens[0].text)
		}
		if err := f.compare(tokens[0], tokens[1], tokens[2]); err != nil {
			return f, err
		}
		if tokens = tokens[3:]; len(tokens) == 0 {
			break
		}
		if !tokens[0].is("and") || len(tokens) == 1 {
			return f, filterError("%q stands where another comparison should follow after and", tokens[0].text)
		}
		tokens = tokens[1:]
	}
	return f, nil
}

func filterError(format string, args ...any) error {
	e := gatehouse.Errorf(gatehouse.Invalid, "BadRequest", format, args...)
	e.Message = "The $filter of the activity log cannot be read: " + e.Message + ". It may compare " + knownFilters + ", joined by and."
	return e.At("$filter")
}

type token struct {
	text   string
	quoted bool
}

func (t token) is(word string) bool { return !t.quoted && strings.EqualFold(t.text, word) }

// filterTokens splits at blanks; in a quoted value a doubled quote is a quote.
func filterTokens(s string) ([]token, error) {
	var out []token
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		if s[0] != '\'' {
			end := strings.IndexAny(s, " \t'")
			if end < 0 {
				end = len(s)
			}
			out, s = append(out, token{text: s[:end]}), s[end:]
			continue
		}
		value, rest, ok := quoted(s)
		if !ok {
			return nil, filterError("a quote is not closed")
		}
		out, s = append(out, token{value, true}), rest
	}
	return out, nil
}

func quoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", "", false
}

func (f *Filter) compare(name, op, value token) error {
	if name.is("eventTimestamp") {
		return f.compareTime(op, value.text)
	}
	if !op.is("eq") {
		return filterError("%s can only be compared with eq", name.text)
	}
	switch gatehouse.Fold(name.text) {
	case "resourcegroupname":
		f.ResourceGroup = value.text
	case "resourceuri", "resourceid":
		id, err := gatehouse.ParseID(value.text)
		if err != nil {
			return err
		}
		f.Resource = &id
	case "resourceprovider":
		f.Provider = value.text
	case "resourcetype":
		f.Type = value.text
	case "correlationid":
		f.Correlation = value.text
	case "caller":
		f.Caller = value.text
	case "status":
		f.Status = value.text
	case "levels":
		f.Levels = strings.Split(strings.ReplaceAll(value.text, " ", ""), ",")
	case "eventchannels":
		f.None = !strings.Contains(gatehouse.Fold(value.text), "operation")
	default:
		return filterError("%q is not known", name.text)
	}
	return nil
}

func (f *Filter) compareTime(op token, value string) error {
	t, ok := parseTime(value)
	if !ok {
		return filterError("%q is not a time such as 2026-01-31T12:00:00Z", value)
	}
	switch {
	case op.is("ge"):
		f.Since = t
	case op.is("gt"):
		f.Since = t.Add(time.Microsecond)
	case op.is("le"):
		f.Until = t
	case op.is("lt"):
		f.Until = t.Add(-time.Microsecond)
	default:
		return filterError("eventTimestamp can only be compared with ge and le")
	}
	return nil
}

// parseTime reads the forms that clients send; without a zone it is UTC.
func parseTime(s string) (time.Time, bool) {
	s = strings.Replace(strings.TrimSpace(s), " ", "T", 1)
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// query is the part of f that the store can answer, below a scope.
func (f Filter) query(under gatehouse.Scope) store.ChangeQuery {
	q := store.ChangeQuery{Since: f.Since, Correlation: f.Correlation, Under: &under, Descending: true}
	if !f.Until.IsZero() {
		q.Until = f.Until.Add(time.Microsecond)
	}
	if f.Resource != nil && under.Contains(f.Resource.Scope()) {
		scope := f.Resource.Scope()
		q.Under = &scope
	} else if sub, ok := under.Subscription(); ok && sub == under && f.ResourceGroup != "" {
		if group, err := gatehouse.ParseScope(under.String() + "/resourceGroups/" + f.ResourceGroup); err == nil {
			q.Under = &group
		}
	}
	return q
}

// match is the rest, decided on the finished event.
func (f Filter) match(e *Event) bool {
	equal := func(want, have string) bool { return want == "" || gatehouse.Fold(want) == gatehouse.Fold(have) }
	return !f.None && equal(f.ResourceGroup, e.ResourceGroupName) && equal(f.Provider, e.ResourceProviderName.Value) &&
		equal(f.Type, e.ResourceType.Value) && equal(f.Caller, e.Caller) && equal(f.Status, e.Status.Value) && f.matchResource(e) &&
		(f.Levels == nil || slices.ContainsFunc(f.Levels, func(l string) bool { return equal(l, e.Level) }))
}

func (f Filter) matchResource(e *Event) bool {
	if f.Resource == nil {
		return true
	}
	scope, err := gatehouse.ParseScope(e.ResourceID)
	return err == nil && f.Resource.Scope().Contains(scope)
}
