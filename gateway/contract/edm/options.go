package edm

import (
	"mime"
	"regexp"
	"strings"
)

// option takes the value of a system query option.
func (s *scanner) option(name string) {
	switch name {
	case "filter":
		s.condition()
	case "orderby":
		s.items(func() {
			s.want(s.expression(1), "")
			if at := s.at; !s.space() || !s.keyword("asc") && !s.keyword("desc") {
				s.at = at
			}
		})
	case "select":
		s.items(s.selected)
	case "expand":
		s.items(s.expanded)
	case "search":
		s.search()
	case "top", "skip":
		s.matches(whole)
	case "levels":
		s.matches(levels)
	case "count":
		s.matches(truth)
	case "schemaversion", "skiptoken", "deltatoken", "id":
		s.matches(opaque)
	case "format":
		s.format()
	default:
		s.fail(Unsupported, "'%s' is not supported.", s.name)
	}
}

var (
	whole  = regexp.MustCompile(`^\d{1,18}`)
	levels = regexp.MustCompile(`^(max|[1-9]\d{0,8})`)
	truth  = regexp.MustCompile(`^(true|false)`)
	opaque = regexp.MustCompile(`^[^\x00-\x1f]+`)
)

func (s *scanner) matches(shape *regexp.Regexp) {
	found := shape.FindString(s.rest())
	if found == "" {
		s.fail(Malformed, "'%s' has a value that it does not take.", s.name)
	}
	s.at += len(found)
}

func (s *scanner) format() {
	text := s.rest()
	media, _, err := mime.ParseMediaType(text)
	if kind, sub, _ := strings.Cut(media, "/"); text != "json" && text != "xml" && text != "atom" && (err != nil || kind == "" || sub == "") {
		s.fail(Malformed, "'%s' is neither a media type nor json, xml or atom.", s.name)
	}
	s.at = len(s.text)
}

// items takes a list with commas.
func (s *scanner) items(one func()) {
	for {
		s.space()
		one()
		s.space()
		if !s.take(",") {
			return
		}
	}
}

// selected takes an item of $select.
func (s *scanner) selected() {
	if s.take("*") {
		return
	}
	if item, ok := strings.CutSuffix(s.rest()[:len(s.rest())-len(strings.TrimLeftFunc(s.rest(), inWildcard))], ".*"); ok {
		if _, ok := s.m.spaces[item]; !ok {
			s.fail(Unknown, "In '%s', the metadata has no namespace '%s'.", s.name, item)
		}
		s.at += len(item) + len(".*")
		return
	}
	v := value{t: s.it.t}
	for {
		name := s.word()
		if full := s.m.full(name); len(s.m.calls[full]) > 0 {
			return // an operation that may be offered
		}
		next, navigates := s.member(v, name)
		if !s.take("/") {
			s.nested(next, navigates)
			return
		}
		if navigates {
			s.fail(Unsuited, "In '%s', nothing may follow the navigation property '%s'.", s.name, name)
		}
		v = value{t: next.t, class: next.class}
	}
}

func inWildcard(r rune) bool { return !strings.ContainsRune(",;()/ ", r) }

// member takes what a name in $select and $expand leads to: a property, or the type that a value is cast to.
func (s *scanner) member(v value, name string) (next value, navigates bool) {
	if !strings.Contains(name, ".") {
		if name == "" {
			s.fail(Malformed, "In '%s', a name is expected at character %d.", s.name, s.at+1)
		}
		return s.property(v, name)
	}
	t := s.m.types[s.m.full(name)]
	if t == nil || v.t == nil {
		s.fail(Unknown, "In '%s', the metadata has no '%s' here.", s.name, name)
	}
	return s.castTo(v, t), false
}

// nested takes the options in parentheses of an item of $select.
func (s *scanner) nested(v value, navigates bool) {
	switch {
	case !strings.HasPrefix(s.rest(), "("):
	case navigates || v.t == nil:
		s.fail(Unsuited, "In '%s', only what has properties takes options.", s.name)
	case v.many:
		s.inner(v, "select", "filter", "orderby", "top", "skip", "count")
	default:
		s.inner(v, "select")
	}
}

// expanded takes an item of $expand.
func (s *scanner) expanded() {
	if s.take("*") {
		if !s.take("/$ref") && strings.HasPrefix(s.rest(), "(") {
			s.inner(value{}, "levels")
		}
		return
	}
	v, navigates := value{t: s.it.t}, false
	for name := ""; !navigates; {
		if name != "" && !s.take("/") {
			s.fail(Unsuited, "In '%s', '%s' is no navigation property.", s.name, name)
		}
		name = s.word()
		v, navigates = s.member(value{t: v.t}, name)
	}
	s.expandedAs(v)
}

// expandedAs takes what may follow the navigation property: a cast, $ref or $count, and options.
func (s *scanner) expandedAs(v value) {
	for s.take("/") {
		switch {
		case s.take("$ref"):
			s.ofExpanded(v, "filter", "search", "orderby", "top", "skip", "count")
			return
		case v.many && s.take("$count"):
			s.ofExpanded(v, "filter", "search")
			return
		}
		name := s.word()
		if !strings.Contains(name, ".") {
			s.fail(Unsuited, "In '%s', a type, $ref or $count is expected at character %d.", s.name, s.at+1)
		}
		v, _ = s.member(v, name)
	}
	s.ofExpanded(v, "select", "expand", "levels", "filter", "search", "orderby", "top", "skip", "count")
}

// ofExpanded takes options; those of a single value are the first three at most.
func (s *scanner) ofExpanded(v value, allowed ...string) {
	if !strings.HasPrefix(s.rest(), "(") {
		return
	}
	if !v.many && allowed[0] != "select" {
		s.fail(Unsuited, "In '%s', a single value takes no options here.", s.name)
	}
	if !v.many {
		allowed = allowed[:3]
	}
	s.inner(v, allowed...)
}

// inner takes options in parentheses, with semicolons between them.
func (s *scanner) inner(v value, allowed ...string) {
	s.deeper()
	defer func(it value, vars map[string]value) { s.it, s.vars = it, vars }(s.it, s.vars)
	s.it, s.vars = value{t: v.t, class: v.class}, nil
	s.need("(")
	seen := map[string]bool{}
	for {
		s.space()
		s.need("$")
		name := s.identifier()
		s.need("=")
		switch {
		case seen[name]:
			s.fail(Duplicate, "In '%s', '$%s' is there twice.", s.name, name)
		case !contains(allowed, name):
			s.fail(Unsuited, "In '%s', '$%s' is not supported.", s.name, name)
		}
		seen[name] = true
		s.option(name)
		s.space()
		if !s.take(";") {
			break
		}
	}
	s.need(")")
	s.depth--
}

// search takes the words, phrases and operators of $search.
func (s *scanner) search() {
	s.deeper()
	for {
		s.space()
		if s.keyword("NOT") && !s.space() {
			s.fail(Malformed, "In '%s', a blank is expected at character %d.", s.name, s.at+1)
		}
		s.searched()
		if !s.space() || s.done() || strings.ContainsAny(s.rest()[:1], ");") {
			break
		}
		if (s.keyword("AND") || s.keyword("OR")) && !s.space() {
			s.fail(Malformed, "In '%s', a blank is expected at character %d.", s.name, s.at+1)
		}
	}
	s.depth--
}

var (
	phrase = regexp.MustCompile(`^"([^"\\]|\\["\\])+"`)
	term   = regexp.MustCompile(`^[^\s"();,]+`)
)

func (s *scanner) searched() {
	if s.take("(") {
		s.search()
		s.need(")")
		return
	}
	if found := phrase.FindString(s.rest()); found != "" {
		s.at += len(found)
		return
	}
	found := term.FindString(s.rest())
	if contains([]string{"", "AND", "OR", "NOT"}, found) {
		s.fail(Malformed, "In '%s', a word is expected at character %d.", s.name, s.at+1)
	}
	s.at += len(found)
}
