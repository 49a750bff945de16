package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"

	"gatehouse/analytics"
	"gatehouse/entra"
	"gatehouse/gateway"
	"gatehouse/gateway/admit"
	"gatehouse/gateway/hooks"
	"gatehouse/gateway/mcp"
	away "gatehouse/gateway/remote"
	"gatehouse/localca"
)

// gatewayConfig is what `gatehouse gateway` takes; each field is a flag of the same name.
type gatewayConfig struct {
	endpoint, gateway    string
	token, tokenFile, ca string
	data                 string
	listen, plainListen  string
	statusListen         string
	redis                string
	observe              observeFlags
	tlsCert, tlsKey      string
	staleness            time.Duration
	logFormat, logLevel  string
}

// gatewayToken is the variable that may hold the gateway's token.
const gatewayToken = "GATEHOUSE_GATEWAY_TOKEN"

func gatewayCommand() *cobra.Command {
	var c gatewayConfig
	cmd := &cobra.Command{
		Use: "gateway", Short: "Run a gateway that takes its configuration from a server elsewhere", Args: cobra.NoArgs,
		Long: `Serve calls of the APIs that are assigned to a self-hosted gateway. The gateway takes its
configuration from a Gatehouse server, follows every change, keeps the last state on disk and serves it while the
server is away. Calls that need a role assignment are refused once the server has not been heard of for --staleness.

The token comes from the gateway's generateToken call, or is one of the identity provider for somebody with the data
action Microsoft.ApiManagement/service/gateways/getConfiguration/action; with that, --gateway managed serves the whole service.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return runGateway(cmd.Context(), c, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar(&c.endpoint, "config-endpoint", "", "where the configuration is: https://SERVER/gateway-config/SERVICE")
	f.StringVar(&c.gateway, "gateway", "", "name of the gateway (default: the one that the token is for)")
	f.StringVar(&c.token, "token", "", "the gateway's token; other programs see it, so rather use a file (also: "+gatewayToken+")")
	f.StringVar(&c.tokenFile, "token-file", "", "file with the gateway's token, read each time that it is needed")
	f.StringVar(&c.ca, "ca", "", "certificate authority of the server, PEM (default: those of the system)")
	f.StringVar(&c.data, "data", filepath.Join(defaultData(), "gateway"), "directory for the last configuration, sealed, and certificates")
	f.StringVar(&c.listen, "listen", "127.0.0.1:8444", "HTTPS address for calls of APIs; port 0 takes a free one")
	f.StringVar(&c.plainListen, "http-listen", "", "plain HTTP address for calls of APIs (default: none)")
	f.StringVar(&c.statusListen, "status-listen", "", "plain HTTP address of /healthz, /readyz and /metrics (default: none)")
	f.StringVar(&c.redis, "redis", "", "file with the connection string of a Redis by which several instances of the gateway count together (default: each counts by itself)")
	f.StringVar(&c.observe.accessLog, "gateway-access-log", "", "file that a line of JSON per call is appended to; - for standard output (default: none)")
	f.StringVar(&c.observe.eventsTo, "gateway-events-to", "", "file or address that what log-to-eventhub sends goes to, in place of Event Hubs (default: the Event Hubs)")
	c.observe.flags(cmd)
	f.StringVar(&c.observe.otlp, "otlp-endpoint", "", "address of an OpenTelemetry receiver (OTLP over HTTP) that gets traces of calls of APIs (default: OTEL_EXPORTER_OTLP_ENDPOINT, else none)")
	f.StringVar(&c.tlsCert, "tls-cert", "", "certificate chain for host names that the configuration has none for, PEM (default: one of a local CA)")
	f.StringVar(&c.tlsKey, "tls-key", "", "its private key, PEM")
	f.DurationVar(&c.staleness, "staleness", 30*time.Second, "how long what the server said about identities and rights counts without word from it")
	f.StringVar(&c.logFormat, "log-format", "text", "text or json")
	f.StringVar(&c.logLevel, "log-level", "", "debug, info, warn or error (default: info)")
	completeWith(cmd, "log-format", logForms...)
	completeWith(cmd, "log-level", logLevels...)
	return cmd
}

func (c *gatewayConfig) check() error {
	switch {
	case c.endpoint == "":
		return usagef("--config-endpoint is required: https://SERVER%s/SERVICE", away.Path)
	case c.token != "" && c.tokenFile != "":
		return usagef("--token and --token-file exclude each other")
	case c.token == "" && c.tokenFile == "" && os.Getenv(gatewayToken) == "":
		return usagef("the gateway needs a token: --token-file FILE, or the variable %s", gatewayToken)
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return usagef("--tls-cert and --tls-key go together")
	case !slices.Contains(logForms, c.logFormat):
		return notOneOf("--log-format", c.logFormat, logForms...)
	case c.logLevel != "" && !slices.Contains(logLevels, c.logLevel):
		return notOneOf("--log-level", c.logLevel, logLevels...)
	case c.observe.check() != nil:
		return c.observe.check()
	case c.staleness < time.Second || c.staleness > time.Hour:
		return usagef("--staleness takes a second to an hour, for example 30s; it is %s", c.staleness)
	}
	for flag, address := range map[string]string{"--listen": c.listen, "--http-listen": c.plainListen, "--status-listen": c.statusListen} {
		if _, _, err := net.SplitHostPort(address); err != nil && (address != "" || flag == "--listen") {
			return usagef("%s takes host:port, for example 127.0.0.1:8444; it is %q", flag, address)
		}
	}
	return nil
}

// readToken returns the gateway's token as it is now.
func (c *gatewayConfig) readToken() (string, error) {
	if c.tokenFile != "" {
		text, err := os.ReadFile(c.tokenFile)
		return strings.TrimSpace(string(text)), err
	}
	if c.token != "" {
		return c.token, nil
	}
	return os.Getenv(gatewayToken), nil
}

// transport trusts the server's certificate authority.
func (c *gatewayConfig) transport() (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	if c.ca == "" {
		return t, nil
	}
	text, err := os.ReadFile(c.ca)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usagef("%s holds no certificate, PEM", c.ca)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return t, nil
}

// runGateway serves until ctx ends, then stops gracefully.
func runGateway(ctx context.Context, c gatewayConfig, out io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	defer raiseFloor()()
	slog.SetDefault((&serveConfig{logFormat: c.logFormat, logLevel: c.logLevel}).logger(os.Stderr))
	transport, err := c.transport()
	if err != nil {
		return err
	}
	r, err := away.New(away.Config{Endpoint: c.endpoint, Gateway: c.gateway, Token: c.readToken, Transport: transport, Dir: c.data, Staleness: c.staleness})
	if err != nil {
		return usage(err)
	}
	if err := r.Sync(ctx); err != nil {
		if !r.Known() {
			return unreachable{fmt.Errorf("there is no configuration to serve: %w", err)}
		}
		slog.Warn("the server does not answer; the gateway serves what it knew last", "error", err)
	}
	counted, err := analytics.Open(ctx, c.data, analytics.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, counted.Close()) }()
	r.Counts = counted
	kept, err := newGatewayStores(counted, &remoteLedger{counted, r}, c.redis)
	if err != nil {
		return err
	}
	side, err := newRemoteSide(ctx, r, &c, kept, out)
	if err != nil {
		return errors.Join(err, kept.close(ctx))
	}
	defer func() { err = errors.Join(err, side.observed.close()) }()
	return side.serve(ctx, out, kept)
}

// remoteLedger keeps quotas here, so that they outlive a restart without the server, and tells the server what was counted.
type remoteLedger struct {
	*analytics.Store
	remote *away.Remote
}

// Charge adds to counters what a batch says.
func (l *remoteLedger) Charge(ctx context.Context, service string, batch []analytics.Quota) error {
	if err := l.Store.Charge(ctx, service, batch); err != nil {
		return err
	}
	return l.remote.Charge(ctx, service, batch)
}

// remoteSide is a gateway in a process of its own.
type remoteSide struct {
	*gatewayConfig
	remote  *away.Remote
	hooks   *hooks.Hooks
	signIn  *remoteSignIn
	gateway *gateway.Gateway
	front   http.Handler

	registry *prometheus.Registry
	observed *observed
}

func newRemoteSide(ctx context.Context, r *away.Remote, c *gatewayConfig, kept *gatewayStores, out io.Writer) (*remoteSide, error) {
	signer, err := c.signer()
	if err != nil {
		return nil, err
	}
	keys, err := c.keyClient()
	if err != nil {
		return nil, err
	}
	signIn := &remoteSignIn{remote: r, client: keys}
	if r.Fresh() {
		if err := signIn.ask(ctx); err != nil {
			slog.Warn("browsers cannot sign in yet", "error", err)
		}
	}
	h := hooks.New(hooks.Config{Gateway: r.Gateway, Gate: admit.New(admit.Config{Authority: r, SignIn: &signIn.SignIn}), SignIn: &signIn.SignIn, Signer: signer, Audience: entra.GatewayAudience, Results: r, Traces: r})
	own := gateway.Config{Begin: h.Begin, Admit: h.Admit, Debug: h.Debug, Observe: h.Observe, Default: r.Service()}
	identities := newRemoteIdentities(r, keys)
	own.Serve = identities.serve
	if r.Gateway != away.Managed {
		own.Name = r.Gateway
	}
	registry := prometheus.NewRegistry()
	if err := kept.register(registry); err != nil {
		return nil, err
	}
	o, err := c.observe.open(registry, out, func() int64 { return h.Dropped() + r.Dropped() }, verifiedBy(identities.verifier, identities.local))
	if err != nil {
		return nil, err
	}
	side := &remoteSide{gatewayConfig: c, remote: r, hooks: h, signIn: signIn, registry: registry, observed: o}
	tools := mcp.New(func() http.Handler { return side.gateway })
	own.Local = map[string]http.Handler{gateway.ToolsHost: tools}
	h.Told = o.told()
	o.elsewhere(r.Gateway)
	r.Follow(h.Update) // before the gateway: what it serves is checked as the settings say
	o.watch(&own, r.Follow)
	r.Follow(tools.Update)
	side.gateway = kept.open(own)
	r.Follow(side.gateway.Update)
	side.front = o.front(side.gateway, h)
	return side, nil
}

// signer tells backends who calls, with a key that follows from that of the gateway's directory.
func (c *gatewayConfig) signer() (*admit.Signer, error) {
	secret, err := os.ReadFile(filepath.Join(c.data, away.KeyFile))
	if err != nil {
		return nil, err
	}
	key, err := assertionKey(secret)
	if err != nil {
		return nil, err
	}
	return admit.NewSigner(c.endpoint, key, nil)
}

// keyClient fetches the keys of issuers that policies name: those that the system trusts, and the server.
func (c *gatewayConfig) keyClient() (*http.Client, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, err
	}
	if c.ca != "" {
		text, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, err
		}
		roots.AppendCertsFromPEM(text)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}, nil
}

// serve listens, and tells where; it ends in an order in which nothing that was counted is lost.
func (s *remoteSide) serve(ctx context.Context, out io.Writer, kept *gatewayStores) (err error) {
	l, err := s.open()
	if err != nil {
		s.gateway.Close()
		return errors.Join(err, kept.close(ctx))
	}
	defer l.close()
	var beside, sending sync.WaitGroup
	sendingContext, stopSending := context.WithCancel(context.WithoutCancel(ctx))
	besideContext, stopBeside := context.WithCancel(context.WithoutCancel(ctx))
	sending.Go(func() { s.remote.Run(sendingContext) })
	beside.Go(func() { s.hooks.Run(besideContext) })
	beside.Go(func() { s.signIn.run(besideContext) })
	defer sending.Wait()
	defer stopSending()
	defer func() { s.gateway.Close(); err = errors.Join(err, kept.close(ctx)) }()
	defer beside.Wait()
	defer stopBeside()
	fmt.Fprintf(out, "Gatehouse %s, gateway %s of %s, serves https://%s\n", version(), s.remote.Gateway, s.remote.Service(), l.calls.Addr())
	return l.run(ctx, s)
}

// gatewayListeners are where a gateway listens; those that are not asked for are nil.
type gatewayListeners struct {
	calls, plain, status net.Listener
	tls                  *tls.Config
}

func (s *remoteSide) open() (l *gatewayListeners, err error) {
	l = &gatewayListeners{}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	for _, each := range []struct {
		to            *net.Listener
		address, flag string
	}{{&l.calls, s.listen, "--listen"}, {&l.plain, s.plainListen, "--http-listen"}, {&l.status, s.statusListen, "--status-listen"}} {
		if each.address == "" {
			continue
		}
		if *each.to, err = listen(each.address, each.flag); err != nil {
			return l, err
		}
	}
	fallback, err := s.certificate()
	l.tls = s.gateway.TLS(func(string) (*tls.Certificate, error) { return fallback, nil })
	return l, err
}

// certificate is the one for host names that the configuration has none for.
func (s *remoteSide) certificate() (*tls.Certificate, error) {
	if s.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(s.tlsCert, s.tlsKey)
		if err != nil {
			return nil, fmt.Errorf("reading --tls-cert %s and --tls-key %s: %w; give a PEM certificate chain and its key", s.tlsCert, s.tlsKey, err)
		}
		return &pair, nil
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, _ := net.SplitHostPort(s.listen); host != "" && !slices.Contains(hosts, host) {
		if ip := net.ParseIP(host); ip == nil || !ip.IsUnspecified() {
			hosts = append(hosts, host)
		}
	}
	pair, _, err := localca.Ensure(s.data, hosts, time.Now())
	return &pair, err
}

func (l *gatewayListeners) close() {
	for _, each := range []net.Listener{l.calls, l.plain, l.status} {
		if each != nil {
			_ = each.Close()
		}
	}
}

// run serves until ctx ends, and then lets running calls finish.
func (l *gatewayListeners) run(ctx context.Context, s *remoteSide) error {
	calls := gateway.NewServer(s.front, slog.Default())
	calls.TLSConfig = l.tls
	servers, failed := []*http.Server{calls}, make(chan error, 3)
	go func() { failed <- gateway.Serve(calls, l.calls) }()
	for _, each := range []struct {
		at     net.Listener
		server *http.Server
	}{{l.plain, gateway.NewServer(s.front, slog.Default())}, {l.status, newServer(s.status())}} {
		if each.at != nil {
			server := each.server
			servers = append(servers, server)
			go func() { failed <- gateway.Serve(server, each.at) }()
		}
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping: calls that run are answered first", "for", stopTimeout)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	var errs []error
	for _, server := range servers {
		errs = append(errs, server.Shutdown(stop))
	}
	s.gateway.HangUp()
	return errors.Join(errs...)
}

// status answers whether the gateway runs, whether it has something to serve, and what calls did.
func (s *remoteSide) status() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", healthy)
	mux.Handle("/metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if !s.remote.Known() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": s.remote.Known(), "serverHeardOf": s.remote.Fresh(), "revision": s.remote.Revision(), "dropped": s.remote.Dropped() + s.hooks.Dropped()})
	})
	return mux
}
