package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse/policy"
	"gatehouse/policy/expr"
)

// dapr is publish-to-dapr and invoke-dapr-binding: a request to the Dapr side car beside a self-hosted gateway.
type dapr struct {
	path        func(c *Call) (string, error)
	body        func(c *Call) ([]byte, error)
	contentType Text
	timeout     Whole
	ignore      bool
	variable    string
}

// sidecar is where Dapr listens for the application beside it.
const sidecar = "http://localhost:3500"

// daprAnswer bounds what is kept of an answer.
const daprAnswer = 4 << 20

func (k *Compiler) dapr(e *policy.Element) *dapr {
	return &dapr{contentType: k.Text(e, "content-type"), timeout: k.Whole(e, "timeout"), ignore: k.literalFlag(e, "ignore-error"), variable: k.Literal(e, "response-variable-name")}
}

func compilePublishToDapr(k *Compiler, e *policy.Element) Step {
	d := k.dapr(e)
	topic, pubsub, content := k.Text(e, "topic"), k.Text(e, "pubsub-name"), k.Content(e)
	d.path = func(c *Call) (string, error) {
		t, err := topic.Eval(c)
		p, err2 := pubsub.Eval(c)
		if p == "" {
			if name, rest, ok := strings.Cut(t, "/"); ok { // pubsub/topic
				p, t = name, rest
			}
		}
		return "/v1.0/publish/" + url.PathEscape(p) + "/" + url.PathEscape(t), cmpErr(err, err2)
	}
	d.body = func(c *Call) ([]byte, error) {
		text, err := content.Eval(c)
		return []byte(text), err
	}
	return d
}

func compileInvokeDaprBinding(k *Compiler, e *policy.Element) Step {
	d := k.dapr(e)
	name, operation := k.Literal(e, "name"), k.Literal(e, "operation")
	d.path = func(*Call) (string, error) { return "/v1.0/bindings/" + url.PathEscape(name), nil }
	metadata := map[string]Text{}
	for _, item := range descendants(e, "metadata", "item") {
		metadata[k.Literal(item, "key")] = k.Content(item)
	}
	data := k.Contents(e, "data")
	d.body = func(c *Call) ([]byte, error) { return bindingBody(c, operation, metadata, data) }
	return d
}

func bindingBody(c *Call, operation string, metadata map[string]Text, data []Text) ([]byte, error) {
	body := map[string]any{}
	if operation != "" {
		body["operation"] = operation
	}
	items := map[string]string{}
	for name, text := range metadata {
		v, err := text.Eval(c)
		if err != nil {
			return nil, err
		}
		items[name] = v
	}
	if len(items) > 0 {
		body["metadata"] = items
	}
	if len(data) > 0 {
		text, err := data[0].Eval(c)
		if err != nil {
			return nil, err
		}
		body["data"] = text
		if json.Valid([]byte(text)) {
			body["data"] = json.RawMessage(text)
		}
	}
	return json.Marshal(body)
}

func (d *dapr) Run(c *Call) error {
	err := d.send(c)
	if err != nil && d.ignore {
		c.Trace("dapr", "The side car could not be asked; that is ignored.")
		return nil
	}
	return err
}

func (d *dapr) send(c *Call) error {
	path, err := d.path(c)
	body, err2 := d.body(c)
	contentType, err3 := d.contentType.Eval(c)
	timeout, err4 := d.timeout.Eval(c)
	if err := cmpErr(err, err2, err3, err4); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Waiting(), time.Duration(timeout)*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, sidecar+path, bytes.NewReader(body))
	if err != nil {
		return failed(ReasonBackendConnection, "The address of the Dapr side car is not usable.")
	}
	if contentType == "" {
		contentType = "application/json"
	}
	r.Header.Set("Content-Type", contentType)
	transport, err := c.Services.Transport(Upstream{})
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		if ctx.Err() != nil {
			return failed(ReasonTimeout, "The Dapr side car did not answer in time.")
		}
		return failed(ReasonBackendConnection, "The Dapr side car could not be reached: "+err.Error())
	}
	return d.receive(c, answer)
}

func (d *dapr) receive(c *Call, answer *http.Response) error {
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, daprAnswer))
	if err != nil {
		return failed(ReasonBackendConnection, "The answer of the Dapr side car ended early.")
	}
	if d.variable != "" {
		c.Variables.Set(d.variable, expr.Object(&expr.Response{StatusCode: answer.StatusCode, StatusReason: http.StatusText(answer.StatusCode), Headers: expr.Headers(answer.Header), Body: NewBody(data)}))
	}
	if answer.StatusCode >= 400 {
		return failed("DaprError", "The Dapr side car answered with status "+http.StatusText(answer.StatusCode)+".")
	}
	return nil
}
