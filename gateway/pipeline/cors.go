package pipeline

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/policy"
)

// cors lets browsers call from pages of other origins. The first one that fits a call counts.
type cors struct {
	credentials, terminate            Flag
	age                               Whole
	origins, methods, headers, expose []Text
}

func compileCORS(k *Compiler, e *policy.Element) Step {
	s := &cors{credentials: k.Flag(e, "allow-credentials"), terminate: k.Flag(e, "terminate-unmatched-request")}
	for _, child := range e.Children {
		switch child.Name {
		case "allowed-origins":
			s.origins = k.Contents(child, "origin")
		case "allowed-methods":
			s.methods, s.age = k.Contents(child, "method"), k.Whole(child, "preflight-result-max-age")
		case "allowed-headers":
			s.headers = k.Contents(child, "header")
		case "expose-headers":
			s.expose = k.Contents(child, "header")
		}
	}
	return s
}

func (s *cors) Run(c *Call) error {
	origin := http.Header(c.Request.Headers).Get("Origin")
	if origin == "" || c.shared.cors {
		return nil
	}
	allowed, err := s.allowed(c, origin)
	if err != nil {
		return err
	}
	if allowed == "" {
		end, err := s.terminate.Eval(c)
		if err != nil || !end || c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
			return err
		}
		c.NewResponse(http.StatusOK, "")
		return c.End()
	}
	expose, err := evalTrimmed(c, s.expose)
	credentials, err2 := s.credentials.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	c.shared.cors = true
	c.BeforeSend(func(c *Call) {
		h := c.Headers(Answer)
		share(h, allowed, credentials)
		if len(expose) > 0 {
			h["Access-Control-Expose-Headers"] = []string{strings.Join(expose, ",")}
		}
	})
	return nil
}

// share writes what a browser has to read before it hands an answer to a page.
func share(h http.Header, allowed string, credentials bool) {
	h["Access-Control-Allow-Origin"] = []string{allowed}
	if credentials {
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	if allowed != "*" && !slices.ContainsFunc(h["Vary"], func(v string) bool { return strings.EqualFold(v, "Origin") }) {
		h["Vary"] = append(slices.Clip(h["Vary"]), "Origin")
	}
}

// allowed is what Access-Control-Allow-Origin says for an origin; "" when it is not allowed.
func (s *cors) allowed(c *Call, origin string) (string, error) {
	own := plainOrigin(origin)
	for i := range s.origins {
		o, err := s.origins[i].Eval(c)
		if err != nil {
			return "", err
		}
		if o = strings.TrimSpace(o); o == "*" {
			return "*", nil
		}
		if own != "" && plainOrigin(o) == own {
			return origin, nil
		}
	}
	return "", nil
}

// plainOrigin is an origin in one spelling: small letters, and no port that its scheme has anyway.
func plainOrigin(o string) string {
	if strings.EqualFold(o, "null") {
		return "null"
	}
	u, err := url.Parse(strings.ToLower(strings.TrimSuffix(o, "/")))
	if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.User != nil {
		return ""
	}
	if u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return u.Scheme + "://" + u.Hostname()
	}
	return u.Scheme + "://" + u.Host
}

func evalTrimmed(c *Call, texts []Text) ([]string, error) {
	var all []string
	for i := range texts {
		v, err := texts[i].Eval(c)
		if err != nil {
			return nil, err
		}
		all = append(all, headerText(strings.TrimSpace(v)))
	}
	return all, nil
}

// answer tells a browser what it may send.
func (s *cors) answer(c *Call, allowed string) error {
	methods, err := evalTrimmed(c, s.methods)
	headers, err2 := evalTrimmed(c, s.headers)
	age, err3 := s.age.Eval(c)
	credentials, err4 := s.credentials.Eval(c)
	if err = cmpErr(err, err2, err3, err4); err != nil {
		return err
	}
	if len(methods) == 0 {
		methods = []string{"GET", "POST"}
	}
	r := c.NewResponse(http.StatusOK, "")
	h, asked := http.Header(r.Headers), http.Header(c.Request.Headers)
	share(h, allowed, credentials)
	h["Access-Control-Allow-Methods"] = []string{orAsked(methods, asked["Access-Control-Request-Method"])}
	if list := orAsked(headers, asked["Access-Control-Request-Headers"]); list != "" {
		h["Access-Control-Allow-Headers"] = []string{headerText(list)}
	}
	h["Access-Control-Max-Age"] = []string{strconv.FormatInt(age, 10)}
	return nil
}

// orAsked is a list as a header, or what was asked for when the list has a star.
func orAsked(list, asked []string) string {
	if slices.Contains(list, "*") {
		return strings.Join(asked, ",")
	}
	return strings.Join(list, ",")
}

// preflights are the cors policies that stand directly in the inbound section of the effective document, in order.
func (c *Call) preflights(level int) []*cors {
	if level < 0 {
		return nil
	}
	var found []*cors
	for _, step := range c.Chain[level].direct {
		if step == nil {
			found = append(found, c.preflights(level-1)...)
		} else {
			found = append(found, step)
		}
	}
	return found
}

// directCORS lists the cors policies in a block, those of fragments in it too; nil stands for base.
func directCORS(b Block) []*cors {
	var found []*cors
	for i := range b {
		switch s := b[i].Step.(type) {
		case *cors:
			found = append(found, s)
		case baseStep:
			found = append(found, nil)
		case blockStep:
			found = append(found, directCORS(s.Block)...)
		}
	}
	return found
}

// Preflight answers the question of a browser whether it may call from a page of another origin. No policy but cors
// has a say, and no key is asked for (gateway.md 8.1). A call without any cors meets no operation.
func (c *Call) Preflight() {
	list := c.preflights(len(c.Chain) - 1)
	if len(list) == 0 {
		c.Fail(NotFound())
		return
	}
	c.Answered = true
	origin := http.Header(c.Request.Headers).Get("Origin")
	for _, s := range list {
		allowed, err := s.allowed(c, origin)
		if err == nil && allowed != "" {
			err = s.answer(c, allowed)
		}
		if err != nil {
			c.Fail(failureOf(err, &Place{Element: "cors", Section: Inbound.String()}))
			return
		}
		if end, err := s.terminate.Eval(c); allowed != "" || end || err != nil {
			break
		}
	}
	c.Reply()
}
