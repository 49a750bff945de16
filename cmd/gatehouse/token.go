package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/entra"
)

func tokenCommand() *cobra.Command {
	var data, as, resource string
	var calls bool
	c := &cobra.Command{
		Use: "token", Short: "Print a bearer token for the API", Args: cobra.NoArgs,
		Long: `Print an access token of the bootstrap service principal or, with --as, of another
user or service principal. A token for somebody else needs the directory role Global
Administrator and is recorded in the audit log. With --calls it is for calls of APIs
through gateways; az gets the same one: az account get-access-token --resource api://gatehouse-gateway`,
		Example: `  curl --cacert "$GATEHOUSE_CA_FILE" -H "Authorization: Bearer $(gatehouse token --calls)" "$GATEHOUSE_GATEWAY/pay/"
  curl --cacert "$GATEHOUSE_CA_FILE" -H "Authorization: Bearer $(gatehouse token)" "$GATEHOUSE_ARM/subscriptions?api-version=2022-12-01"`,
		RunE: func(c *cobra.Command, _ []string) error {
			if as == "" && c.Flags().Changed("as") { // an unset variable of a script must not stand for the bootstrap principal
				return usagef("--as is empty: give a user principal name, an application ID or an object ID, or leave it out for the bootstrap service principal")
			}
			if calls && resource != "" {
				return usagef("--calls and --resource exclude each other")
			}
			cl, err := newClient(data)
			if err != nil {
				return err
			}
			switch {
			case calls:
				resource = entra.GatewayAudience
			case resource == "":
				resource = cl.r.PublicURL
			}
			token, err := cl.token(c.Context(), resource)
			if err == nil && as != "" {
				token, err = cl.tokenAs(c.Context(), as, resource)
			}
			if err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), token)
			return nil
		},
	}
	dataFlag(c, &data, serverData)
	c.Flags().StringVar(&as, "as", "", "user principal name, application ID or object ID to get the token for")
	c.Flags().StringVar(&resource, "resource", "", "resource that the token is for (default: this server)")
	c.Flags().BoolVar(&calls, "calls", false, "for calls of APIs through gateways, which look at role assignments: resource "+entra.GatewayAudience)
	c.AddCommand(tokenAgentCommand())
	return c
}

// client talks to the server over a data directory as the bootstrap service principal.
type client struct {
	b      *bootstrap
	r      *running
	http   *http.Client
	bearer string // a token to use instead of signing in, "" for none
}

func newClient(data string) (*client, error) {
	b, r, err := connection(data)
	if err != nil {
		return nil, err
	}
	roots, err := r.roots()
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DialContext: r.dial}
	return &client{b: b, r: r, http: &http.Client{Transport: transport, Timeout: 30 * time.Second}}, nil
}

// roots are whom to trust about the server: its local CA, or the system and the very
// certificate that the server was given, which may be signed by itself or by a CA of the house.
func (r *running) roots() (*x509.CertPool, error) {
	file, pool := r.CAFile, x509.NewCertPool()
	if r.TLSCert != "" {
		file = r.TLSCert
		if system, err := x509.SystemCertPool(); err == nil {
			pool = system
		}
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate to trust: %w", err)
	}
	pool.AppendCertsFromPEM(pem)
	return pool, nil
}

// dial reaches the server of this data directory where it listens, whatever its
// public name leads to on this machine.
func (r *running) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(r.Listen)
	if err != nil {
		return nil, fmt.Errorf("the listening address %q in %s is damaged: start the server again", r.Listen, runtimeFile)
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
}

func (c *client) token(ctx context.Context, resource string) (string, error) {
	if c.bearer != "" {
		return c.bearer, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.b.ClientID}, "client_secret": {c.b.ClientSecret}, "scope": {strings.TrimSuffix(resource, "/") + "/.default"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.r.PublicURL+"/"+c.b.TenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token       string `json:"access_token"`
		Description string `json:"error_description"`
	}
	status, err := c.send(req, &answer)
	if err != nil {
		return "", err
	}
	if status != http.StatusOK {
		return "", gatehouse.Errorf(gatehouse.Unauthenticated, "", "Signing in as the bootstrap service principal failed: %s When its secret was replaced or has ended, put the current one into %s of the data directory.", answer.Description, bootstrapFile)
	}
	return answer.Token, nil
}

// tokenAs asks the server for a token of somebody else.
func (c *client) tokenAs(ctx context.Context, name, resource string) (string, error) {
	var answer struct {
		Token string `json:"accessToken"`
	}
	err := c.post(ctx, "/providers/Gatehouse.Operations/issueToken", map[string]string{"principal": name, "resource": resource}, &answer)
	return answer.Token, err
}

// post calls one of Gatehouse's own operations.
func (c *client) post(ctx context.Context, path string, body, answer any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, path, url.Values{}, raw, answer)
}

// get reads from one of Gatehouse's own collections.
func (c *client) get(ctx context.Context, path string, query url.Values, answer any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, answer)
}

func (c *client) call(ctx context.Context, method, path string, query url.Values, body []byte, answer any) error {
	token, err := c.token(ctx, c.r.PublicURL)
	if err != nil {
		return err
	}
	if query == nil {
		query = url.Values{}
	}
	query.Set("api-version", "2026-11-01")
	req, err := http.NewRequestWithContext(ctx, method, c.r.PublicURL+path+"?"+query.Encode(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	var failed struct {
		Error struct{ Code, Message string }
	}
	status, err := c.send(req, answer, &failed)
	if err != nil || status < 300 {
		return err
	}
	return gatehouse.Errorf(kindOf(status), failed.Error.Code, "%s", failed.Error.Message)
}

func kindOf(status int) gatehouse.Kind {
	switch status {
	case http.StatusUnauthorized:
		return gatehouse.Unauthenticated
	case http.StatusForbidden:
		return gatehouse.Forbidden
	case http.StatusNotFound:
		return gatehouse.NotFound
	case http.StatusConflict:
		return gatehouse.Conflict
	case http.StatusPreconditionFailed:
		return gatehouse.Precondition
	}
	return gatehouse.Invalid
}

// send reads the answer into each of the given values.
func (c *client) send(req *http.Request, into ...any) (int, error) {
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, unreachable{fmt.Errorf("the server at %s does not answer: %w. Is \"gatehouse serve\" running?", c.r.PublicURL, errors.Unwrap(err))}
	}
	defer resp.Body.Close()
	if len(into) > 0 && resp.StatusCode < 300 {
		if file, ok := into[0].(*[]byte); ok { // a download
			*file, err = io.ReadAll(io.LimitReader(resp.Body, 1<<30))
			return resp.StatusCode, err
		}
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return 0, err
	}
	for _, v := range into {
		if _, file := v.(*[]byte); file {
			continue
		}
		if v != nil && len(raw) > 0 {
			if err := json.Unmarshal(raw, v); err != nil {
				return resp.StatusCode, fmt.Errorf("the server answered %s with something that is not JSON", resp.Status)
			}
		}
	}
	return resp.StatusCode, nil
}
