package pipeline

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/textproto"
	"slices"
	"strings"

	"gatehouse/policy"
)

// checkHeader is check-header.
type checkHeader struct {
	name       Text
	code       Whole
	message    Text
	ignoreCase Flag
	values     []Text
}

func compileCheckHeader(k *Compiler, e *policy.Element) Step {
	return &checkHeader{k.Text(e, "name"), k.Whole(e, "failed-check-httpcode"), k.Text(e, "failed-check-error-message"), k.Flag(e, "ignore-case"), k.Contents(e, "value")}
}

func (s *checkHeader) Run(c *Call) error {
	name, err := s.name.Eval(c)
	fold, err2 := s.ignoreCase.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	lines := c.Request.Headers[textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))]
	if len(lines) == 0 {
		return s.fail(c, "HeaderNotFound", "Header "+name+" was not found in the request. Access denied.")
	}
	if len(s.values) == 0 {
		return nil
	}
	for _, line := range lines { // each has to be allowed: a second line must not get past the first
		ok, err := s.allows(c, line, fold)
		if err != nil {
			return err
		}
		if !ok {
			return s.fail(c, "HeaderValueNotAllowed", "Header "+name+" value of "+line+" is not allowed. Access denied.")
		}
	}
	return nil
}

func (s *checkHeader) allows(c *Call, line string, fold bool) (bool, error) {
	for i := range s.values {
		v, err := s.values[i].Eval(c)
		if err != nil {
			return false, err
		}
		if v == line || fold && strings.EqualFold(v, line) {
			return true, nil
		}
	}
	return false, nil
}

func (s *checkHeader) fail(c *Call, reason, message string) error {
	code, err := s.code.Eval(c)
	text, err2 := s.message.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	if code < 200 || code > 999 {
		code = http.StatusForbidden
	}
	return &Failure{Reason: reason, Message: message, Status: int(code), Text: text}
}

// ipFilter is ip-filter.
type ipFilter struct {
	action    Text
	addresses []Text
	ranges    [][2]Text
}

func compileIPFilter(k *Compiler, e *policy.Element) Step {
	s := &ipFilter{action: k.Text(e, "action"), addresses: k.Contents(e, "address")}
	for _, child := range e.Children {
		if child.Name == "address-range" {
			s.ranges = append(s.ranges, [2]Text{k.Text(child, "from"), k.Text(child, "to")})
		}
	}
	for _, t := range slices.Concat(s.addresses, flat(s.ranges)) {
		if t.Literal() {
			if _, err := netip.ParseAddr(strings.TrimSpace(t.text)); err != nil {
				k.Fault(e, "'%s' is not an IP address.", t.text)
			}
		}
	}
	return s
}

func flat(ranges [][2]Text) []Text {
	var all []Text
	for _, r := range ranges {
		all = append(all, r[0], r[1])
	}
	return all
}

func (s *ipFilter) Run(c *Call) error {
	action, err := s.action.Eval(c)
	if err != nil {
		return err
	}
	ip, err := netip.ParseAddr(c.Request.IPAddress)
	if err != nil {
		return forbidden("FailedToParseCallerIP", "Failed to establish IP address for the caller. Access denied.")
	}
	found, err := s.matches(c, ip.Unmap().WithZone(""))
	switch {
	case err != nil:
		return err
	case strings.EqualFold(strings.TrimSpace(action), "forbid"):
		if found {
			return forbidden("CallerIpBlocked", "Caller IP address is blocked. Access denied.")
		}
	case !found: // allow, and what is no action at all
		return forbidden("CallerIpNotAllowed", "Caller IP address "+ip.String()+" is not allowed. Access denied.")
	}
	return nil
}

func forbidden(reason, message string) *Failure {
	return &Failure{Reason: reason, Message: message, Status: http.StatusForbidden, Text: "Forbidden"}
}

func (s *ipFilter) matches(c *Call, ip netip.Addr) (bool, error) {
	for i := range s.addresses {
		a, err := evalAddress(c, s.addresses[i])
		if err != nil || a == ip {
			return err == nil, err
		}
	}
	for i := range s.ranges {
		from, err := evalAddress(c, s.ranges[i][0])
		to, err2 := evalAddress(c, s.ranges[i][1])
		if err = cmpErr(err, err2); err != nil {
			return false, err
		}
		if from.BitLen() == ip.BitLen() && to.BitLen() == ip.BitLen() && from.Compare(ip) <= 0 && ip.Compare(to) <= 0 {
			return true, nil
		}
	}
	return false, nil
}

func evalAddress(c *Call, t Text) (netip.Addr, error) {
	text, err := t.Eval(c)
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return a, failed(ReasonExpression, "'"+text+"' is not an IP address.")
	}
	return a.Unmap(), nil
}

// findAndReplace is find-and-replace.
type findAndReplace struct {
	from, to Text
	side     Side
}

func compileFindAndReplace(k *Compiler, e *policy.Element) Step {
	return &findAndReplace{k.Text(e, "from"), k.Text(e, "to"), k.Side()}
}

func (s *findAndReplace) Run(c *Call) error {
	from, err := s.from.Eval(c)
	to, err2 := s.to.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	if from == "" {
		return failed(ReasonExpression, "The text to be found is empty.")
	}
	return c.replaceInBody(s.side, from, to)
}

// replaceInBody replaces a text in the body of a message. One in a charset that is not known is replaced byte by byte.
func (c *Call) replaceInBody(side Side, from, to string) error {
	body := c.Body(side)
	if body == nil {
		return nil
	}
	data, err := body.Bytes(true)
	if err != nil {
		return &Failure{Reason: "BodyUnreadable", Message: "The body could not be read: " + err.Error(), Cause: err}
	}
	if how, err := charsetOf(c.Headers(side).Get("Content-Type"), data); err == nil && !how.plain() {
		if text, err := how.decode(data); err == nil {
			if strings.Contains(text, from) {
				c.SetBody(side, NewBody(how.encode(strings.ReplaceAll(text, from, to))))
			}
			return nil
		}
	}
	if bytes.Contains(data, []byte(from)) {
		c.SetBody(side, NewBody(bytes.ReplaceAll(data, []byte(from), []byte(to))))
	}
	return nil
}

// redirectURLs is redirect-content-urls: links to the backend become links to the gateway, or the other way round.
type redirectURLs struct{ side Side }

func compileRedirectURLs(k *Compiler, _ *policy.Element) Step { return redirectURLs{k.Side()} }

func (s redirectURLs) Run(c *Call) error {
	if c.Target.Base == nil || c.API == nil || !textual(c.Headers(s.side).Get("Content-Type")) {
		return nil
	}
	backend := strings.TrimSuffix(c.Target.Base.Scheme+"://"+c.Target.Base.Host+c.Target.Base.EscapedPath(), "/")
	o := c.Request.OriginalURL
	own := strings.TrimSuffix(o.Scheme+"://"+hostPort(o.Scheme, o.Host, o.Port)+"/"+c.API.Path, "/")
	if s.side == Request {
		return c.replaceInBody(s.side, own, backend)
	}
	return c.replaceInBody(s.side, backend, own)
}

// textual reports whether a content type is one that may hold links.
func textual(contentType string) bool {
	t := strings.ToLower(contentType)
	return t == "" || strings.HasPrefix(t, "text/") || strings.Contains(t, "json") || strings.Contains(t, "xml") || strings.Contains(t, "javascript")
}
