package pipeline

import (
	"fmt"
	"maps"
	"net/http"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// setStatus is set-status, on the answer wherever it stands.
type setStatus struct {
	code   Whole
	reason Text
}

func compileSetStatus(k *Compiler, e *policy.Element) Step { return k.status(e) }

func (k *Compiler) status(e *policy.Element) *setStatus {
	return &setStatus{k.Whole(e, "code"), k.Text(e, "reason")}
}

func (s *setStatus) Run(c *Call) error {
	code, reason, err := s.eval(c)
	if err == nil {
		r := c.Reply()
		r.StatusCode, r.StatusReason = code, reason
	}
	return err
}

func (s *setStatus) eval(c *Call) (int, string, error) {
	code, err := s.code.Eval(c)
	if err != nil {
		return 0, "", err
	}
	if code < 200 || code > 999 {
		return 0, "", failed("InvalidStatusCode", fmt.Sprintf("The status code %d is not from 200 to 999.", code))
	}
	reason, err := s.reason.Eval(c)
	if reason = headerText(reason); reason == "" {
		reason = http.StatusText(int(code))
	}
	return int(code), reason, err
}

// returnResponse ends the pipeline with a response of its own.
type returnResponse struct {
	variable string
	status   *setStatus
	headers  []*setHeader
	body     *setBody
}

func compileReturnResponse(k *Compiler, e *policy.Element) Step {
	s := &returnResponse{variable: k.Literal(e, "response-variable-name")}
	for _, child := range e.Children {
		switch child.Name {
		case "set-status":
			s.status = k.status(child)
		case "set-header":
			s.headers = append(s.headers, k.header(child, Answer))
		case "set-body":
			s.body = k.body(child, Answer)
		default:
			k.Fault(child, "The element '%s' does not belong into return-response.", child.Name)
		}
	}
	return s
}

// Run makes the new response beside the old one, which expressions in it still see.
func (s *returnResponse) Run(c *Call) (err error) {
	made, err := s.start(c)
	if err != nil {
		return err
	}
	if s.status != nil {
		if made.StatusCode, made.StatusReason, err = s.status.eval(c); err != nil {
			return err
		}
	}
	for _, h := range s.headers {
		if _, _, err := h.apply(c, http.Header(made.Headers)); err != nil {
			return err
		}
	}
	if s.body != nil {
		data, err := s.body.eval(c)
		if err != nil {
			return err
		}
		made.Body = NewBody(data)
	}
	c.SetResponse(made)
	return c.End()
}

// start makes the response that the children change: an empty one, or a copy of that in the variable.
func (s *returnResponse) start(c *Call) (*expr.Response, error) {
	if s.variable != "" {
		v, _ := c.Variables.Get(s.variable)
		if held, ok := v.Ref().(*expr.Response); ok && held != nil {
			return copyResponse(held)
		}
		if !v.IsNull() {
			return nil, failed(ReasonExpression, "The variable "+s.variable+" holds no response.")
		}
	}
	return &expr.Response{StatusCode: http.StatusOK, StatusReason: "OK", Headers: expr.Headers{}}, nil
}

// copyResponse copies a response that a variable holds, so that sending it leaves that one whole.
func copyResponse(held *expr.Response) (*expr.Response, error) {
	r := &expr.Response{StatusCode: held.StatusCode, StatusReason: held.StatusReason, Headers: maps.Clone(held.Headers)}
	if r.Headers == nil {
		r.Headers = expr.Headers{}
	}
	RemoveHopByHop(http.Header(r.Headers))
	delete(r.Headers, "Content-Length")
	if held.Body == nil {
		return r, nil
	}
	data, err := held.Body.Bytes(true)
	r.Body = NewBody(data)
	return r, err
}

// SetResponse puts a response in place of what there is.
func (c *Call) SetResponse(r *expr.Response) {
	if b := c.Body(Answer); b != nil && r.Body != expr.Body(b) {
		_ = b.Close()
	}
	c.memory.response = *r
	c.Response = &c.memory.response
}
