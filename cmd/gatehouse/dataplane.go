package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"gatehouse/demo"
	"gatehouse/gateway"
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
func (a *app) newGateway(c *serveConfig, kept *gatewayStores) *gateway.Gateway {
	config := gateway.Config{Default: c.gatewayDefault, Log: slog.Default()}
	kept.share(&config)
	if c.demo {
		if config.Default == "" {
			config.Default = demo.Service
		}
		echo := http.HandlerFunc(gateway.Echo)
		config.Local = map[string]http.Handler{"echo.playground.azure-api.net": echo, "backend.contoso.example": echo}
	}
	a.around(&config)
	g := gateway.New(config)
	a.gateways.feed.Follow(g.Update)
	return g
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
