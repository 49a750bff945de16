package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"gatehouse/policy/expr"
)

// askTime and askBytes bound calls of backends that serve policies, not clients.
const (
	askTime  = 30 * time.Second
	askBytes = 16 << 20
)

// ask posts JSON to a backend that helps a policy, and reads the JSON that it answers. The call itself sees nothing of it. For
// resource, when it is not "", a token of the service's identity goes along.
func (c *Call) ask(to BackendEntity, path, query, resource string, question, answer any) error {
	m, err := to.Pick(&Call{Services: c.Services, HTTP: c.HTTP, Context: expr.Context{Request: &expr.Request{OriginalURL: &expr.URL{}}}})
	if err != nil {
		return err
	}
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Waiting(), askTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, BackendURL(m.Base, &expr.URL{Path: path, RawQuery: query}).String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if resource != "" && c.Services.IdentityToken != nil {
		token, err := c.Services.IdentityToken(ctx, resource, "")
		if err != nil {
			return fmt.Errorf("there is no token of the service's identity: %w", err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if m.Prepare != nil {
		if err := m.Prepare(r); err != nil {
			return err
		}
	}
	rt, err := c.Services.Transport(m.Upstream)
	if err != nil {
		return err
	}
	got, err := rt.RoundTrip(r)
	if m.Done != nil {
		m.Done(got, err)
	}
	if err != nil {
		return err
	}
	defer got.Body.Close()
	data, err := io.ReadAll(io.LimitReader(got.Body, askBytes))
	if err != nil {
		return err
	}
	if got.StatusCode < 200 || got.StatusCode > 299 {
		return fmt.Errorf("the backend answered with status code %d", got.StatusCode)
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("the backend's answer cannot be read")
	}
	return nil
}
