package pipeline

import (
	"net/http"
	"net/url"
	"strings"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// SetURL gives the request another path and query, both escaped.
func (c *Call) SetURL(path, query string) {
	u := c.Request.URL
	*u = expr.URL{Scheme: u.Scheme, Host: u.Host, Port: u.Port, Path: path, RawQuery: query} // anew, so that nothing read before stays
}

// setQuery is set-query-parameter.
type setQuery struct {
	name, action Text
	values       []Text
}

func compileSetQuery(k *Compiler, e *policy.Element) Step {
	return &setQuery{k.Text(e, "name"), k.Text(e, "exists-action"), k.Contents(e, "value")}
}

func (s *setQuery) Run(c *Call) error {
	name, err := s.name.Eval(c)
	action, err2 := s.action.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	if action, err = existsAction(action); err != nil {
		return err
	}
	var others []string
	there := false
	for pair := range strings.SplitSeq(c.Request.URL.RawQuery, "&") {
		key, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
		if strings.EqualFold(key, name) {
			if there = true; action != "append" && action != "skip" {
				continue
			}
		}
		if pair != "" {
			others = append(others, pair)
		}
	}
	if action == "skip" && there {
		return nil
	}
	if action != "delete" {
		for i := range s.values {
			v, err := s.values[i].Eval(c)
			if err != nil {
				return err
			}
			others = append(others, escapeQuery(name)+"="+escapeQuery(v))
		}
	}
	c.SetURL(c.Request.URL.Path, strings.Join(others, "&"))
	return nil
}

// escapeQuery escapes a text for a query; a blank is %20, which every server understands.
func escapeQuery(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// setMethod is set-method.
type setMethod struct{ method Text }

func compileSetMethod(k *Compiler, e *policy.Element) Step { return setMethod{k.Content(e)} }

func (s setMethod) Run(c *Call) error {
	m, err := s.method.Eval(c)
	if err != nil {
		return err
	}
	if m = strings.TrimSpace(m); !isToken(m) {
		return failed(ReasonExpression, "The method '"+m+"' is not one of HTTP.")
	}
	c.Request.Method = m
	return nil
}

// isToken reports whether a text can be a method.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// rewrite is rewrite-uri: another path and query below the backend's address.
type rewrite struct {
	template Text
	copy     Flag
}

func compileRewrite(k *Compiler, e *policy.Element) Step {
	return &rewrite{k.Text(e, "template"), k.Flag(e, "copy-unmatched-params")}
}

func (s *rewrite) Run(c *Call) error {
	text, err := s.template.Eval(c)
	keep, err2 := s.copy.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	path, query, _ := strings.Cut(strings.TrimSpace(text), "?")
	if s.template.Literal() {
		path = fillTemplate(path, c.Request.MatchedParameters, url.PathEscape)
		query = fillTemplate(query, c.Request.MatchedParameters, escapeQuery)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	if leadsOut(path) {
		return &Failure{Reason: "UriInvalid", Message: "The address would lead out of its place: " + path, Status: http.StatusBadRequest}
	}
	if keep {
		query = joinQuery(query, c.unmatchedQuery(query))
	}
	c.SetURL(path, query)
	return nil
}

// leadsOut reports whether a path, escaped or not, has dot segments.
func leadsOut(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if plain, err := url.PathUnescape(segment); err == nil && (plain == "." || plain == "..") {
			return true
		}
	}
	return false
}

func joinQuery(a, b string) string { return strings.Trim(a+"&"+b, "&") }

// fillTemplate replaces {name} by parameters, escaped; names that are none stay.
func fillTemplate(text string, parameters map[string]string, escape func(string) string) string {
	if strings.IndexByte(text, '{') < 0 {
		return text
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		v, known := parameters[strings.TrimPrefix(name, "*")]
		switch {
		case !closed:
			b.WriteString("{" + rest)
			return b.String()
		case known:
			b.WriteString(escape(v))
		default:
			b.WriteString("{" + name + "}")
		}
		text = after
	}
}

// unmatchedQuery is the query of the call without the parameters of the operation's template and those that are set anew.
func (c *Call) unmatchedQuery(set string) string {
	taken := map[string]bool{}
	note := func(query string) {
		for pair := range strings.SplitSeq(query, "&") {
			name, _, _ := strings.Cut(pair, "=")
			taken[strings.ToLower(name)] = true
		}
	}
	if c.Operation != nil {
		_, query, _ := strings.Cut(c.Operation.URLTemplate, "?")
		note(query)
	}
	note(set)
	var kept []string
	for pair := range strings.SplitSeq(c.Request.URL.RawQuery, "&") {
		if name, _, _ := strings.Cut(pair, "="); pair != "" && !taken[strings.ToLower(name)] {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

// useProxy is proxy: calls of the backend go through it.
type useProxy struct{ url, username, password Text }

func compileProxy(k *Compiler, e *policy.Element) Step {
	return &useProxy{k.Text(e, "url"), k.Text(e, "username"), k.Text(e, "password")}
}

func (s *useProxy) Run(c *Call) error {
	address, err := s.url.Eval(c)
	name, err2 := s.username.Eval(c)
	password, err3 := s.password.Eval(c)
	if err = cmpErr(err, err2, err3); err != nil {
		return err
	}
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return failed("ProxyInvalid", "The address of the proxy has to be http://host:port.")
	}
	if name != "" {
		u.User = url.UserPassword(name, password)
	}
	c.Target.Upstream.Proxy = u.String()
	return nil
}

// basic is authentication-basic.
type basic struct{ username, password Text }

func compileBasic(k *Compiler, e *policy.Element) Step {
	return &basic{k.Text(e, "username"), k.Text(e, "password")}
}

func (s *basic) Run(c *Call) error {
	name, err := s.username.Eval(c)
	password, err2 := s.password.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(name, password)
	c.Request.Headers["Authorization"] = r.Header["Authorization"]
	return nil
}
