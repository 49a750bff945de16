package pipeline

import (
	"net/http"
	"net/textproto"
	"strings"

	"gatehouse/policy"
)

// setHeader is set-header: on the request before the backend was called, else on the answer.
type setHeader struct {
	name   Text
	known  string // canonical name, when literal
	action Text
	values []Text
	fixed  []string // what a single literal value sets
	side   Side
}

func compileSetHeader(k *Compiler, e *policy.Element) Step { return k.header(e, k.Side()) }

// header compiles set-header for a side: inside send-request and return-response it stands for that of another message.
func (k *Compiler) header(e *policy.Element, side Side) *setHeader {
	h := &setHeader{name: k.Text(e, "name"), action: k.Text(e, "exists-action"), values: k.Contents(e, "value"), side: side}
	if h.name.Literal() {
		h.known = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(h.name.text))
	}
	if len(h.values) == 1 && h.values[0].Literal() {
		h.fixed = []string{h.values[0].text}
	}
	return h
}

func (h *setHeader) Run(c *Call) error {
	name, values, err := h.apply(c, c.Headers(h.side))
	if err == nil && name == "Host" && h.side == Request && len(values) > 0 {
		c.Target.Host = values[0]
	}
	return err
}

// apply changes headers, and tells which and to what; nil when it was left alone or deleted.
func (h *setHeader) apply(c *Call, headers http.Header) (name string, values []string, err error) {
	if name = h.known; name == "" {
		if name, err = h.name.Eval(c); err != nil {
			return "", nil, err
		}
		name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name))
	}
	action, err := h.action.Eval(c)
	if err != nil {
		return "", nil, err
	}
	if action, err = existsAction(action); err != nil || ownHeader(name) {
		return "", nil, err
	}
	old, there := headers[name]
	switch {
	case action == "delete":
		deleteHeader(headers, name, h.side)
		return name, nil, nil
	case action == "skip" && there:
		return name, nil, nil
	}
	if values, err = h.eval(c, name); err != nil {
		return "", nil, err
	}
	if action == "append" && there {
		values = appended(name, old, values)
	}
	headers[name] = values
	return name, values, nil
}

func (h *setHeader) eval(c *Call, name string) ([]string, error) {
	if h.fixed != nil {
		return h.fixed, nil
	}
	values := make([]string, len(h.values))
	for i := range h.values {
		v, err := h.values[i].Eval(c)
		if err != nil {
			return nil, err
		}
		values[i] = headerText(v)
	}
	if len(values) > 1 && !severalLines(name) {
		return []string{strings.Join(values, ",")}, nil
	}
	return values, nil
}

func appended(name string, old, values []string) []string {
	all := append(append(make([]string, 0, len(old)+len(values)), old...), values...)
	if severalLines(name) {
		return all
	}
	return []string{strings.Join(all, ",")}
}

// headerText is a value that cannot end its line.
func headerText(v string) string {
	if strings.ContainsAny(v, "\r\n\x00") {
		return strings.Map(func(r rune) rune {
			if r == '\r' || r == '\n' || r == 0 {
				return ' '
			}
			return r
		}, v)
	}
	return v
}

// existsAction reads what exists-action says; it may be an expression, so that it is known late.
func existsAction(action string) (string, error) {
	switch folded := strings.ToLower(strings.TrimSpace(action)); folded {
	case "":
		return "override", nil
	case "override", "skip", "append", "delete":
		return folded, nil
	}
	return "", failed(ReasonExpression, "exists-action takes override, skip, append or delete; it is "+action+".")
}

// ownHeader tells the headers that are the gateway's own: policies that change them are ignored (gateway.md 8.1).
func ownHeader(name string) bool {
	switch name {
	case "Connection", "Content-Length", "Keep-Alive", "Transfer-Encoding", "":
		return true
	}
	return false
}

// deleteHeader keeps the two that cannot be deleted: who the client is, and who answered.
func deleteHeader(headers http.Header, name string, side Side) {
	if name == "X-Forwarded-For" && side == Request || name == "Server" && side == Answer {
		return
	}
	delete(headers, name)
}

// severalLines tells the headers whose values go out as lines of their own.
func severalLines(name string) bool {
	switch name {
	case "User-Agent", "Www-Authenticate", "Proxy-Authenticate", "Cookie", "Set-Cookie", "Warning", "Date", "Expires",
		"If-Modified-Since", "If-Unmodified-Since", "Last-Modified", "Retry-After":
		return true
	}
	return false
}
