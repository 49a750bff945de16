package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

func hostPort(scheme, host string, port int) string {
	if port == 0 || scheme == "https" && port == 443 || scheme == "http" && port == 80 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// sendRequest is send-request and send-one-way-request: a call of some server beside the call itself.
type sendRequest struct {
	mode        Text
	variable    Text
	timeout     Whole
	ignoreError bool
	oneWay      bool

	url, method Text
	headers     []*setHeader
	body        *setBody
	credentials Block // authentication-* and proxy
}

func compileSendRequest(k *Compiler, e *policy.Element) Step {
	s := &sendRequest{mode: k.Text(e, "mode"), timeout: k.Whole(e, "timeout"), oneWay: e.Name == "send-one-way-request"}
	if !s.oneWay {
		s.variable, s.ignoreError = k.Text(e, "response-variable-name"), k.literalFlag(e, "ignore-error")
	}
	for _, child := range e.Children {
		switch child.Name {
		case "set-url":
			s.url = k.Content(child)
		case "set-method":
			s.method = k.Content(child)
		case "set-header":
			s.headers = append(s.headers, k.header(child, Request))
		case "set-body":
			s.body = k.body(child, Request)
		case "authentication-certificate", "authentication-managed-identity", "authentication-basic", "proxy":
			s.credentials = append(s.credentials, k.Block([]*policy.Element{child}, "")...)
		default:
			k.Fault(child, "The element '%s' does not belong into %s.", child.Name, e.Name)
		}
	}
	return s
}

// outgoing is a request that is ready to be sent, with how to connect.
type outgoing struct {
	request  *http.Request
	upstream Upstream
	timeout  time.Duration
}

func (s *sendRequest) Run(c *Call) error {
	out, err := s.make(c)
	variable, err2 := s.variable.Eval(c)
	if err = cmpErr(err, err2); err != nil {
		return err
	}
	if s.oneWay {
		services := c.Services
		of := c.Waiting()
		if services.Go == nil || !services.Go(func(ctx context.Context) { s.forget(lasting{ctx, of}, services, out) }) {
			c.Trace("send-one-way-request", "The request is left out: too many are on their way.")
		}
		return nil
	}
	var answer *expr.Response
	if over := c.aside(func() { answer, err = s.send(c.Waiting(), c.Services, out) }); over != nil {
		if err == nil {
			closeBody(answer)
		}
		return over
	}
	if err != nil {
		if s.ignoreError {
			c.Trace("send-request", "The request failed: "+err.Error())
			c.Variables.Set(variable, expr.Null)
			return nil
		}
		return err
	}
	c.OnClose(func() { closeBody(answer) })
	c.Variables.Set(variable, expr.Object(answer))
	return nil
}

// lasting is a context that ends by itself and knows what belongs to a call: how deep it is in others, and its trace.
type lasting struct {
	context.Context
	of context.Context
}

// Value is of context.Context.
func (l lasting) Value(key any) any {
	if v := l.Context.Value(key); v != nil {
		return v
	}
	return l.of.Value(key)
}

// forget sends a request and takes no notice of the answer.
func (s *sendRequest) forget(ctx context.Context, services *Services, out outgoing) {
	if answer, err := s.send(ctx, services, out); err == nil {
		closeBody(answer)
	}
}

func closeBody(r *expr.Response) {
	if b, ok := r.Body.(*Body); ok && b != nil {
		_ = b.Close()
	}
}

// make evaluates the request against the call as it is.
func (s *sendRequest) make(c *Call) (out outgoing, err error) {
	mode, err := s.mode.Eval(c)
	seconds, err2 := s.timeout.Eval(c)
	method, err3 := s.method.Eval(c)
	address, err4 := s.url.Eval(c)
	if err = cmpErr(err, err2, err3, err4); err != nil {
		return out, err
	}
	out.timeout = time.Duration(seconds) * time.Second
	headers, body, err := s.start(c, strings.EqualFold(strings.TrimSpace(mode), "copy"))
	if err != nil {
		return out, err
	}
	if method = strings.TrimSpace(method); method == "" {
		method = http.MethodGet
		if strings.EqualFold(mode, "copy") {
			method = c.Request.Method
		}
	}
	to, err := s.target(c, address)
	if err != nil {
		return out, err
	}
	host := ""
	for _, h := range s.headers {
		name, values, err := h.apply(c, headers)
		if err != nil {
			return out, err
		}
		if name == "Host" && len(values) > 0 {
			host = values[0]
		}
	}
	if s.body != nil {
		if body, err = s.body.eval(c); err != nil {
			return out, err
		}
	}
	if !isToken(method) {
		return out, failed(ReasonExpression, "The method '"+method+"' is not one of HTTP.")
	}
	if headers["User-Agent"] == nil {
		headers["User-Agent"] = noUserAgent
	}
	c.hop(headers)
	out.request = &http.Request{Method: method, URL: to, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: headers, Host: host}
	if len(body) > 0 {
		out.request.Body, out.request.ContentLength = &dataReader{body}, int64(len(body))
		out.request.GetBody = func() (io.ReadCloser, error) { return &dataReader{body}, nil }
	}
	out.upstream, err = s.sign(c, headers)
	return out, err
}

// start makes headers and body before the children change them: none, or those of the call.
func (s *sendRequest) start(c *Call, same bool) (http.Header, []byte, error) {
	if !same {
		return http.Header{}, nil, nil
	}
	headers := http.Header(c.Request.Headers).Clone()
	delete(headers, "Host")
	delete(headers, "Content-Length")
	b := c.Body(Request)
	if b == nil || s.body != nil || c.section == Outbound {
		return headers, nil, nil
	}
	data, err := b.Bytes(true)
	return headers, data, err
}

func (s *sendRequest) target(c *Call, address string) (*url.URL, error) {
	if address = strings.TrimSpace(address); address == "" {
		if c.Target.Base == nil {
			return nil, failed(ReasonExpression, "The request has no address.")
		}
		return BackendURL(c.Target.Base, c.Request.URL), nil
	}
	to, err := url.Parse(address)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, failed(ReasonExpression, "The address of the request has to be one of http or https.")
	}
	return to, nil
}

// sign runs what authentication-* and proxy do to calls of the backend on this request instead.
func (s *sendRequest) sign(c *Call, headers http.Header) (Upstream, error) {
	if len(s.credentials) == 0 {
		return Upstream{}, nil
	}
	before, target := c.Request.Headers, c.Target
	c.Request.Headers, c.Target.Upstream = expr.Headers(headers), Upstream{}
	err := s.credentials.Run(c)
	made := c.Target.Upstream
	c.Request.Headers, c.Target = before, target
	return made, err
}

// send sends a request and reads all of the answer, within its time.
func (s *sendRequest) send(ctx context.Context, services *Services, out outgoing) (*expr.Response, error) {
	if out.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, out.timeout)
		defer cancel()
	}
	r := out.request.WithContext(ctx)
	answer, err := s.roundTrip(services, r, out.upstream)
	var f *Failure
	if errors.As(err, &f) {
		return nil, f
	}
	if err == nil {
		body := StreamBody(answer.Body, answer.ContentLength)
		if err = body.Keep(); err == nil {
			_, reason, _ := strings.Cut(answer.Status, " ")
			seen := &expr.Response{StatusCode: answer.StatusCode, StatusReason: reason, Headers: expr.Headers(answer.Header)}
			if body.Size() > 0 {
				seen.Body = body
			}
			return seen, nil
		}
	}
	f = &Failure{Reason: ReasonBackendConnection, Message: err.Error(), Cause: err}
	if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
		f.Reason, f.Message = ReasonTimeout, fmt.Sprintf("There was no answer within %d seconds.", int(out.timeout.Seconds()))
	}
	return nil, f
}

func (s *sendRequest) roundTrip(services *Services, r *http.Request, u Upstream) (*http.Response, error) {
	if services.Loopback != nil {
		if answer, ok := services.Loopback(r); ok {
			return answer, nil
		}
	}
	if services.Transport == nil {
		return nil, failed("NotAvailable", "This gateway sends no requests of its own.")
	}
	rt, err := services.Transport(u)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(r)
}
