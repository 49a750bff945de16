package pipeline

import (
	"errors"
	"strings"

	"gatehouse"
	"gatehouse/dotnet"
	"gatehouse/dotnet/newtonsoft"
	"gatehouse/dotnet/xlinq"
	"gatehouse/gateway/contract"
	"gatehouse/liquid"
	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// template is a set-body whose text is a Liquid template (gateway.md 11).
type template struct {
	*liquid.Template
	side  Side
	dates bool // texts of a JSON body that look like dates are dates
	nulls bool // elements with xsi:nil are null, and not empty texts
	empty bool // the body is left out: inside return-response there is none
	keep  bool // the body is another message's, which still has to be sent
}

func (k *Compiler) template(e *policy.Element, side Side) *template {
	text := k.replaced(e.Inner, true)
	if len(e.Children) == 0 {
		text = k.replaced(e.Text.Text, true) // braces that are no named value are the template's own
	}
	t := &template{side: side, dates: k.literalFlag(e, "parse-date"), nulls: strings.EqualFold(k.Literal(e, "xsi-nil"), "null")}
	if k.inside != nil {
		t.empty, t.keep = k.inside.Name == "return-response", k.inside.Name != "set-body"
	}
	var err error
	if t.Template, err = liquid.Parse(strings.TrimSpace(text)); err != nil {
		var wrong *liquid.SyntaxError
		if errors.As(err, &wrong) {
			at := *e
			at.Pos.Line += wrong.Line - 1
			k.Fault(&at, "The Liquid template is invalid - %s", wrong.Message)
			return t
		}
		k.Fault(e, "The Liquid template is invalid - %s", err.Error())
	}
	return t
}

func (t *template) render(c *Call) ([]byte, error) {
	body, err := t.body(c)
	if err != nil {
		return nil, err
	}
	text, err := t.Render(map[string]any{"body": body, "context": liquidContext{c}}, liquid.Limits{Check: func() error { return c.Waiting().Err() }})
	if err != nil {
		return nil, &Failure{Reason: "LiquidTemplateFailure", Message: "The Liquid template could not be rendered: " + err.Error(), Cause: err}
	}
	return []byte(text), nil
}

// body binds the message's body by its content type; what is neither JSON nor XML is a text.
func (t *template) body(c *Call) (any, error) {
	b := c.Body(t.side)
	if b == nil || t.empty {
		return nil, nil
	}
	data, err := b.Bytes(t.keep)
	if err != nil {
		return nil, failed(ReasonBackendConnection, "The body could not be read: "+err.Error())
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	switch media := contract.MediaType(c.Headers(t.side).Get("Content-Type")); {
	case isJSON(media):
		read := newtonsoft.Parse
		if !t.dates {
			read = newtonsoft.ParsePlain
		}
		token, err := read(text, spending())
		if err != nil {
			return nil, unreadable(err)
		}
		return liquid.JSON(token), nil
	case isXML(media):
		document, err := xlinq.ParseDocument(text, false, spending())
		if err != nil {
			return nil, unreadable(err)
		}
		return liquid.XML(document, t.nulls), nil
	}
	return text, nil
}

func unreadable(err error) error {
	message := err.Error()
	var thrown *dotnet.Exception
	if errors.As(err, &thrown) {
		message = thrown.Message
	}
	return &Failure{Reason: "LiquidTemplateFailure", Message: "The body of the Liquid template could not be read: " + message, Cause: err}
}

// members is an object of the template's context.
type members func(name string) (any, bool)

// Member finds a member.
func (m members) Member(name string) (any, bool) { return m(name) }

// Text is what the object itself prints: nothing.
func (m members) Text() string { return "" }

// liquidContext is the root context.
type liquidContext struct{ c *Call }

// Text is what the root prints.
func (liquidContext) Text() string { return "" }

// Member finds a part of the call (gateway.md 11: as in expressions).
func (x liquidContext) Member(name string) (any, bool) {
	c := x.c
	switch name {
	case "Variables":
		return members(func(name string) (any, bool) {
			v, ok := c.Variables.Get(name)
			return liquidValue(v), ok
		}), true
	case "Request":
		return x.request(), true
	case "Response":
		return x.response(), c.Response != nil
	case "Api":
		return x.api(), c.API != nil
	case "Operation":
		return x.operation(), c.Operation != nil
	case "User":
		return x.user(), c.User != nil
	case "Subscription":
		return plainObject(c.Subscription != nil, func() map[string]any {
			return map[string]any{"Id": c.Subscription.ID, "Name": c.Subscription.Name, "Key": c.Subscription.Key}
		}), c.Subscription != nil
	case "Product":
		return plainObject(c.Product != nil, func() map[string]any { return map[string]any{"Id": c.Product.ID, "Name": c.Product.Name} }), c.Product != nil
	case "Deployment":
		return plainObject(c.Deployment != nil, func() map[string]any {
			return map[string]any{"Region": c.Deployment.Region, "ServiceName": c.Deployment.ServiceName, "ServiceId": c.Deployment.ServiceID}
		}), c.Deployment != nil
	case "LastError":
		return plainObject(c.LastError != nil, func() map[string]any {
			e := c.LastError
			return map[string]any{"Source": e.Source, "Reason": e.Reason, "Message": e.Message, "Scope": e.Scope, "Section": e.Section, "Path": e.Path, "PolicyId": e.PolicyID}
		}), c.LastError != nil
	case "RequestId":
		return gatehouse.GUID(c.RequestID).String(), true
	}
	return nil, false
}

// plainObject makes an object of plain members.
func plainObject(there bool, list func() map[string]any) any {
	if !there {
		return nil
	}
	m := list()
	return members(func(name string) (any, bool) {
		v, ok := m[name]
		return v, ok
	})
}

func (x liquidContext) request() any {
	r := x.c.Request
	return members(func(name string) (any, bool) {
		switch name {
		case "Method":
			return r.Method, true
		case "IpAddress":
			return r.IPAddress, true
		case "Headers":
			return liquidHeaders(x.c.Headers(Request)), true
		case "MatchedParameters":
			return members(func(name string) (any, bool) {
				v, ok := r.MatchedParameters[name]
				return v, ok
			}), true
		case "Url":
			return liquidURL(r.URL), true
		case "OriginalUrl":
			return liquidURL(r.OriginalURL), true
		}
		return nil, false
	})
}

func (x liquidContext) response() any {
	r := x.c.Response
	if r == nil {
		return nil
	}
	return members(func(name string) (any, bool) {
		switch name {
		case "StatusCode":
			return int64(r.StatusCode), true
		case "StatusReason":
			return r.StatusReason, true
		case "Headers":
			return liquidHeaders(x.c.Headers(Answer)), true
		}
		return nil, false
	})
}

func (x liquidContext) api() any {
	a := x.c.API
	return plainObject(a != nil, func() map[string]any {
		return map[string]any{"Id": a.ID, "Name": a.Name, "Path": a.Path, "Revision": a.Revision, "Version": a.Version}
	})
}

func (x liquidContext) operation() any {
	o := x.c.Operation
	return plainObject(o != nil, func() map[string]any {
		return map[string]any{"Id": o.ID, "Name": o.Name, "Method": o.Method, "UrlTemplate": o.URLTemplate}
	})
}

func (x liquidContext) user() any {
	u := x.c.User
	return plainObject(u != nil, func() map[string]any {
		return map[string]any{"Id": u.ID, "Email": u.Email, "FirstName": u.FirstName, "LastName": u.LastName, "Note": u.Note}
	})
}

func liquidHeaders(h map[string][]string) any {
	return members(func(name string) (any, bool) {
		for n, values := range h {
			if strings.EqualFold(n, name) {
				return strings.Join(values, ","), true
			}
		}
		return nil, false
	})
}

func liquidURL(u *expr.URL) any {
	return members(func(name string) (any, bool) {
		switch name {
		case "Host":
			return u.Host, true
		case "Path":
			return u.Path, true
		case "Scheme":
			return u.Scheme, true
		case "Port":
			return int64(u.Port), true
		case "QueryString":
			if u.RawQuery == "" {
				return "", true
			}
			return "?" + u.RawQuery, true
		case "Query":
			return members(func(name string) (any, bool) {
				v := parameter(u.RawQuery, name)
				return v, v != ""
			}), true
		}
		return nil, false
	})
}

// liquidValue is a variable as templates see it.
func liquidValue(v expr.Value) any {
	switch ref := v.Ref().(type) {
	case nil:
		return nil
	case *newtonsoft.Token:
		return liquid.JSON(ref)
	case *xlinq.Node:
		return liquid.XML(ref, false)
	}
	switch v.TypeName() {
	case "System.Boolean":
		return v.Bool()
	case "System.Int32", "System.Int64", "System.Int16", "System.Byte", "System.SByte", "System.UInt16", "System.UInt32":
		return v.Int()
	case "System.Double", "System.Single":
		return v.Float()
	}
	return v.Print()
}
