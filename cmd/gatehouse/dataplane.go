package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/demo"
	"gatehouse/gateway"
	"gatehouse/gateway/mcp"
	"gatehouse/localca"
)

// noGateway is what --gateway-listen takes for not listening.
const noGateway = "off"

// gatewayAddress is where the gateway listens: beside the management address unless it is told; "" for nowhere.
func (c *serveConfig) gatewayAddress() string {
	if c.gatewayListen == noGateway {
		return ""
	}
	if c.gatewayListen != "" {
		return c.gatewayListen
	}
	host, port, _ := net.SplitHostPort(c.listen)
	if n, err := strconv.Atoi(port); err == nil && n > 0 && n < 65535 {
		port = strconv.Itoa(n + 1)
	}
	return net.JoinHostPort(host, port)
}

// newGateway makes the data plane over the configuration that the management plane keeps.
func (a *app) newGateway(ctx context.Context, c *serveConfig, kept *gatewayStores) (*gateway.Gateway, error) {
	config := gateway.Config{Default: c.gatewayDefault, Trusted: c.trusted, Log: slog.Default()}
	if c.demo {
		if config.Default == "" {
			config.Default = demo.Service
		}
		echo := http.HandlerFunc(gateway.Echo)
		config.Local = map[string]http.Handler{"echo.playground.azure-api.net": echo, "backend.contoso.example": echo}
	}
	if err := a.around(ctx, &config); err != nil {
		return nil, err
	}
	a.observed.watch(&config, a.gateways.feed.Follow)
	tools := mcp.New(func() http.Handler { return a.gateway })
	a.gateways.feed.Follow(tools.Update)
	if config.Local == nil {
		config.Local = map[string]http.Handler{}
	}
	config.Local[gateway.ToolsHost] = tools
	g := kept.open(config)
	a.gateways.feed.Follow(g.Update)
	return g, nil
}

// checkGateway reads what is told about who stands before the gateway.
func (c *serveConfig) checkGateway() error {
	for _, text := range c.gatewayTrust {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, failed := netip.ParseAddr(text)
			if failed != nil {
				return usagef("--gateway-trust takes an address or a range, for example 10.0.0.0/8; it is %q", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		c.trusted = append(c.trusted, p.Masked())
	}
	for i, text := range c.gatewayURLs {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return usagef("--gateway-url takes an address that browsers reach the gateway by, https://host or https://host:port without a path; it is %q", text)
		}
		c.gatewayURLs[i] = "https://" + strings.ToLower(u.Host)
	}
	return nil
}

// gatewayTLSConfig has a certificate for each host name that a service answers on: its own, or one of the local CA.
func (l *listeners) gatewayTLSConfig(g *gateway.Gateway, c *serveConfig) (*tls.Config, error) {
	fallback := &l.tls.Certificates[0]
	if c.tlsCert != "" {
		return g.TLS(func(string) (*tls.Certificate, error) { return fallback, nil }), nil
	}
	issuer, err := localca.NewIssuer(c.data)
	if err != nil {
		return nil, fmt.Errorf("the local certificate authority: %w", err)
	}
	return g.TLS(func(host string) (*tls.Certificate, error) {
		if slices.Contains(g.Hosts(), host) {
			return issuer.Certificate(host, time.Now())
		}
		return fallback, nil
	}), nil
}
