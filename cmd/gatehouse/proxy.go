package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/jsondoc"
	"gatehouse/provider/rolecheck"
	"gatehouse/rbac/builtin"
)

// proxyConfig is what `gatehouse proxy` takes.
type proxyConfig struct {
	serveConfig
	upstream, api, service string
}

const (
	proxyGroup    = "gatehouse-proxy"
	armVersion    = "?api-version=2022-09-01"
	proxyVersion  = "?api-version=2022-08-01"
	rolesVersion  = "?api-version=2022-04-01"
	checksVersion = "?api-version=" + rolecheck.Version
)

// proxyMethods are those that a service behind a proxy takes. OPTIONS is not among them: what browsers ask before they call
// from elsewhere carries nobody's identity, and is for a cors policy to answer.
var proxyMethods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}

// callRoles are the roles that let people call: made once, for whoever wants to assign them.
var callRoles = []struct {
	id, name, description string
	actions               []string
}{
	{"7d9b6f0e-52a1-4d3c-8f45-0c1e6a2b9d10", "Gatehouse API Reader", "Lets you call APIs behind a role check to read: GET and HEAD.", []string{builtin.CallRead}},
	{"7d9b6f0e-52a1-4d3c-8f45-0c1e6a2b9d11", "Gatehouse API Caller", "Lets you call APIs behind a role check in every way.", []string{builtin.CallRead, builtin.CallInvoke}},
}

func proxyCommand() *cobra.Command {
	var c proxyConfig
	cmd := &cobra.Command{
		Use: "proxy", Short: "Put a service behind role assignments", Args: cobra.NoArgs,
		Long: `Serve an existing HTTP service to those who hold a role assignment for it, and to
nobody else. Browsers are sent to sign in, programs bring a token; the service learns who calls
from the header X-Gatehouse-Jwt-Assertion, a signed token.

When a server runs over the data directory the service is added there; else one is started.`,
		Example: "  gatehouse proxy --upstream http://127.0.0.1:3000 --api wiki",
		RunE:    func(cmd *cobra.Command, _ []string) error { return proxy(cmd.Context(), c, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	dataFlag(cmd, &c.data, "data directory; made when it does not exist (also: GATEHOUSE_DATA)")
	f.StringVar(&c.upstream, "upstream", "", "address of the service, http://host:port or https://host, with a path if it has one")
	f.StringVar(&c.api, "api", "", "name of the API that stands for it")
	f.StringVar(&c.service, "service", "", "name of the API Management service that the API is in, and first part of the host name; made when there is none (default: the name of the API)")
	f.StringVar(&c.gatewayListen, "listen", "127.0.0.1:8444", "HTTPS address of the gateway; port 0 takes a free one")
	f.StringVar(&c.serveConfig.listen, "management-listen", "127.0.0.1:8443", "HTTPS address of sign-in and management; port 0 takes a free one")
	f.StringVar(&c.imdsListen, "imds-listen", "", "plain HTTP address of the managed identity endpoint, loopback only (default: none)")
	f.StringVar(&c.publicURL, "public-url", "", "address of sign-in and management that clients use, https://host:port (default: localhost and the port)")
	f.StringSliceVar(&c.gatewayURLs, "gateway-url", nil, "address that browsers reach the gateway by when a proxy stands before it, https://host:port; may be repeated")
	f.StringSliceVar(&c.gatewayTrust, "gateway-trust", nil, "address or range of proxies before the gateway whose X-Forwarded-For is believed; may be repeated")
	f.StringVar(&c.tlsCert, "tls-cert", "", "certificate chain, PEM (default: one of a local CA)")
	f.StringVar(&c.tlsKey, "tls-key", "", "its private key, PEM")
	c.logFormat, c.logLevel = "text", "warn"
	return cmd
}

func (c *proxyConfig) check() error {
	u, err := url.Parse(c.upstream)
	switch {
	case c.upstream == "" || c.api == "":
		return usagef("--upstream and --api are required, for example: gatehouse proxy --upstream http://127.0.0.1:3000 --api wiki")
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return usagef("--upstream takes the address of a service, http://host:port or https://host; it is %q", c.upstream)
	}
	if c.service == "" {
		c.service = c.api
	}
	return nil
}

// proxy adds the service to the server that runs over the data directory, or starts one and serves until ctx ends.
func proxy(ctx context.Context, c proxyConfig, out io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, r, err := connection(c.data); err == nil {
		if r.Gateway == "" {
			return fmt.Errorf("the server over %s has no gateway: start it without --gateway-listen off", c.data)
		}
		return c.put(ctx, out)
	}
	c.gatewayDefault = c.service
	c.ready = func(ctx context.Context) error { return c.put(ctx, out) }
	return serve(ctx, c.serveConfig, io.Discard)
}

// put makes what the service needs behind the gateway, and says what comes next. What is there already stays.
func (c *proxyConfig) put(ctx context.Context, out io.Writer) error {
	cl, err := newCaller(ctx, c.data, "", "")
	if err != nil {
		return err
	}
	subscription := "/subscriptions/" + cl.subscription
	service := subscription + "/resourceGroups/" + proxyGroup + "/providers/Microsoft.ApiManagement/service/" + url.PathEscape(c.service)
	api := service + "/apis/" + url.PathEscape(c.api)
	for _, each := range []struct {
		id, version string
		body        *jsondoc.Object
	}{
		{subscription + "/resourceGroups/" + proxyGroup, armVersion, jsondoc.NewObject("location", "westeurope")},
		{service, proxyVersion, jsondoc.NewObject("location", "westeurope", "sku", jsondoc.NewObject("name", "Developer", "capacity", jsondoc.Number("1")),
			"properties", jsondoc.NewObject("publisherName", tenantName, "publisherEmail", adminName))},
		{api, proxyVersion, jsondoc.NewObject("properties", jsondoc.NewObject("displayName", c.api, "path", "", "protocols", []jsondoc.Value{"https"}, "subscriptionRequired", false, "serviceUrl", c.upstream))},
	} {
		if err := cl.ensure(ctx, each.id, each.version, each.body); err != nil {
			return err
		}
	}
	return c.guard(ctx, cl, service, api, out)
}

// guard puts the role check before the API before any operation exists, so that there is no moment without.
func (c *proxyConfig) guard(ctx context.Context, cl *caller, service, api string, out io.Writer) error {
	check := api + "/providers/Gatehouse.Gateway/roleChecks/default"
	if err := cl.ensure(ctx, check, checksVersion, jsondoc.NewObject("properties", jsondoc.NewObject("mode", "enforce", "signIn", true))); err != nil {
		return err
	}
	have, err := cl.do(ctx, http.MethodGet, check+checksVersion, nil)
	if err != nil {
		return err
	}
	if have.String("properties.mode") != "enforce" {
		return gatehouse.Errorf(gatehouse.Conflict, "", "The role check of the API %s is set to %s: set it to enforce, or choose another name with --api.", c.api, have.String("properties.mode"))
	}
	if have, err = cl.do(ctx, http.MethodGet, api+proxyVersion, nil); err != nil {
		return err
	}
	if at := have.String("properties.serviceUrl"); at != c.upstream {
		return gatehouse.Errorf(gatehouse.Conflict, "", "The API %s exists and leads to %s: choose another name with --api, or change it there.", c.api, at)
	}
	for _, method := range proxyMethods {
		body := jsondoc.NewObject("properties", jsondoc.NewObject("displayName", method, "method", method, "urlTemplate", "/*"))
		if err := cl.ensure(ctx, api+"/operations/"+strings.ToLower(method), proxyVersion, body); err != nil {
			return err
		}
	}
	subscription := "/subscriptions/" + cl.subscription
	for _, role := range callRoles {
		actions := []jsondoc.Value{}
		for _, a := range role.actions {
			actions = append(actions, a)
		}
		body := jsondoc.NewObject("properties", jsondoc.NewObject("roleName", role.name, "description", role.description, "type", "CustomRole", "assignableScopes", []jsondoc.Value{subscription},
			"permissions", []jsondoc.Value{jsondoc.NewObject("actions", []jsondoc.Value{}, "notActions", []jsondoc.Value{}, "dataActions", actions, "notDataActions", []jsondoc.Value{})}))
		if err := cl.ensure(ctx, subscription+"/providers/Microsoft.Authorization/roleDefinitions/"+role.id, rolesVersion, body); err != nil {
			return err
		}
	}
	return c.tell(cl, service, api, out)
}

// ensure makes a resource unless there is one.
func (c *caller) ensure(ctx context.Context, id, version string, body *jsondoc.Object) error {
	_, err := c.do(ctx, http.MethodGet, id+version, nil)
	if gatehouse.KindOf(err) != gatehouse.NotFound {
		return err
	}
	if _, err = c.do(ctx, http.MethodPut, id+version, body); err != nil {
		return fmt.Errorf("making %s: %w", id, err)
	}
	return nil
}

// tell says how to give somebody the right, and how to call.
func (c *proxyConfig) tell(cl *caller, service, api string, out io.Writer) error {
	gatewayURL, err := url.Parse(cl.r.Gateway)
	if err != nil {
		return err
	}
	at := "https://" + net.JoinHostPort(strings.ToLower(c.service)+".localhost", gatewayURL.Port())
	me, data := calledAs(), ""
	if c.data != defaultData() {
		data = " --data " + c.data
	}
	trust := ""
	if file := cl.r.CAFile; file != "" {
		trust = "--cacert " + file + " "
	}
	_, err = fmt.Fprintf(out, `%[1]s is behind %[2]s/ now. Nobody may call it yet.

Let somebody call it (Reader: only GET and HEAD):
  %[3]s az%[4]s -- role assignment create --assignee WHO --role "Gatehouse API Caller" --scope %[5]s

In a browser: open %[2]s/ and sign in.
From a program:
  TOKEN=$(%[3]s az%[4]s -- account get-access-token --resource %[6]s --query accessToken -o tsv)
  curl %[7]s-H "Authorization: Bearer $TOKEN" %[2]s/
Behind nginx, Caddy, Traefik or Envoy: ask %[2]s/.gatehouse/auth (docs/gateway.md).
Sign-in and management: %[8]s. The first administrator's name and password are in bootstrap.json of the data directory.
`, c.upstream, at, me, data, api, service, trust, cl.r.PublicURL)
	return errors.Join(err)
}
