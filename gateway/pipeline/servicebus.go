package pipeline

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/policy"
)

// serviceBus is send-service-bus-message: a message to a queue or topic, by the REST interface of Service Bus and with a
// token of the service's identity.
type serviceBus struct {
	queue, topic, namespace, client Text
	payload                         Text
	properties                      []busProperty
}

type busProperty struct{ name, value Text }

const (
	busResource = "https://servicebus.azure.net"
	busTimeout  = 60 * time.Second
	busPayload  = 1 << 20
)

func compileServiceBus(k *Compiler, e *policy.Element) Step {
	s := &serviceBus{queue: k.Text(e, "queue-name"), topic: k.Text(e, "topic-name"), namespace: k.Text(e, "namespace"), client: k.Text(e, "client-id")}
	for _, p := range descendants(e, "message-properties", "message-property") {
		s.properties = append(s.properties, busProperty{k.Text(p, "name"), k.Content(p)})
	}
	if payload := k.Contents(e, "payload"); len(payload) > 0 {
		s.payload = payload[0]
	}
	return s
}

var (
	busHost     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$`)
	busEntity   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9_])?$`)
	busName     = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`)
	busReserved = regexp.MustCompile(`(?i)^(authorization|brokerproperties|connection|content-.*|cookie|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$`)
)

func (s *serviceBus) Run(c *Call) error {
	r, client, err := s.message(c)
	if err != nil {
		return err
	}
	if c.Services.IdentityToken == nil {
		return failed("NotAvailable", "This gateway has no managed identity.")
	}
	token, err := c.Services.IdentityToken(c.Waiting(), busResource, client)
	if err != nil {
		return &Failure{Reason: "ManagedIdentityTokenFailure", Message: "A token for Service Bus could not be got: " + err.Error(), Cause: err}
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return s.send(c, r)
}

// message makes the request, but for its token.
func (s *serviceBus) message(c *Call) (r *http.Request, client string, err error) {
	queue, err := s.queue.Eval(c)
	topic, err2 := s.topic.Eval(c)
	host, err3 := s.namespace.Eval(c)
	client, err4 := s.client.Eval(c)
	payload, err5 := s.payload.Eval(c)
	if err := cmpErr(err, err2, err3, err4, err5); err != nil {
		return nil, "", err
	}
	entity := queue
	if entity == "" {
		entity = topic
	}
	switch {
	case !busHost.MatchString(host):
		return nil, "", failed("ServiceBusNamespaceInvalid", "The namespace is not the name of a host.")
	case !busEntity.MatchString(entity) || strings.Contains(entity, "..") || strings.Contains(entity, "//"):
		return nil, "", failed("ServiceBusEntityInvalid", "There is no name of a queue or topic, or it is none.")
	case len(payload) > busPayload:
		return nil, "", failed("ServiceBusMessageTooLarge", "The message is larger than 1 MiB.")
	}
	address := url.URL{Scheme: "https", Host: host, Path: "/" + entity + "/messages"}
	r, err = http.NewRequest(http.MethodPost, address.String(), strings.NewReader(payload))
	if err != nil {
		return nil, "", failed("ServiceBusEntityInvalid", "The address of the queue or topic cannot be made.")
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	return r, client, s.addProperties(c, r.Header)
}

// addProperties puts properties where the interface takes them: each in a header of its name, a text in quotation marks.
func (s *serviceBus) addProperties(c *Call, h http.Header) error {
	for i := range s.properties {
		name, err := s.properties[i].name.Eval(c)
		value, err2 := s.properties[i].value.Eval(c)
		if err := cmpErr(err, err2); err != nil {
			return err
		}
		if !busName.MatchString(name) || busReserved.MatchString(name) {
			return failed("ServiceBusPropertyInvalid", "'"+name+"' cannot be the name of a property.")
		}
		h[name] = []string{string(jsonText(value))}
	}
	return nil
}

func (s *serviceBus) send(c *Call, r *http.Request) (err error) {
	transport, err := c.Services.Transport(Upstream{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Waiting(), busTimeout)
	defer cancel()
	var answer *http.Response
	if over := c.aside(func() { answer, err = transport.RoundTrip(r.WithContext(ctx)) }); over != nil {
		if answer != nil {
			_ = answer.Body.Close()
		}
		return over
	}
	if err != nil {
		if ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) {
			return failed(ReasonTimeout, "Service Bus did not answer in time.")
		}
		return failed(ReasonBackendConnection, "Service Bus could not be reached: "+err.Error())
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection serves again
	if answer.StatusCode != http.StatusCreated {
		return failed("ServiceBusError", "Service Bus did not take the message: "+answer.Status+".")
	}
	c.Trace("send-service-bus-message", "The message was sent.", "to", r.URL.String())
	return nil
}
