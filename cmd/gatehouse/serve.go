package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/analytics"
	"gatehouse/gateway"
	"gatehouse/localca"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// serveConfig is what `gatehouse serve` takes; each field is a flag of the same name.
type serveConfig struct {
	data, listen, imdsListen string
	metricsListen            string
	gatewayListen            string   // "" is beside listen
	gatewayPlain             string   // "" for none
	gatewayDefault           string   // service that answers on hosts of nobody
	gatewayURLs              []string // addresses of the gateway beside its own
	gatewayTrust             []string // proxies whose X-Forwarded-For counts
	trusted                  []netip.Prefix
	ready                    func(context.Context) error // called once it serves; nil for nothing
	gatewayRedis             string                      // file with the connection string of the Redis that gateways count in
	observe                  observeFlags
	publicURL                string
	tlsCert, tlsKey          string
	logFormat, logLevel      string
	demo                     bool
	identities               []string // managed identities that the plain metadata endpoint serves
	privateIssuers           bool
	loopbackIssuers          bool
	privateLinks             bool
	loopbackLinks            bool
	privateChecks            bool
	checkpoints              []string      // where checkpoints of the log go
	checkpointEvery          time.Duration // how often
	forward                  string        // file that says where changes are forwarded to
}

// backups is where backups of API Management services go, "" when there is no data directory.
func (c *serveConfig) backups() string {
	if c.data == "" {
		return ""
	}
	return filepath.Join(c.data, "service-backups")
}

func serveCommand() *cobra.Command {
	var c serveConfig
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: `Serve Resource Manager, sign-in and Microsoft Graph on one HTTPS address. An empty
data directory becomes a working tenant: the first start prints its administrator once
and keeps it, readable by you alone, in bootstrap.json there.

Without --tls-cert the server makes a certificate authority of its own; "gatehouse env"
names its file and prints the variables that clients read.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), c, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	dataFlag(cmd, &c.data, "data directory; made when it does not exist (also: GATEHOUSE_DATA)")
	f.StringVar(&c.listen, "listen", "127.0.0.1:8443", "HTTPS address; port 0 takes a free one")
	f.StringVar(&c.imdsListen, "imds-listen", "127.0.0.1:8442", "plain HTTP address of the managed identity endpoint, loopback only; port 0 takes a free one, empty switches it off")
	f.StringVar(&c.metricsListen, "metrics-listen", "", "plain HTTP address at which anybody gets /metrics (default: none; the HTTPS address has it for this machine)")
	f.StringVar(&c.gatewayListen, "gateway-listen", "", "HTTPS address of the gateway, which serves calls of APIs (default: the port after that of --listen); off for none")
	f.StringVar(&c.gatewayPlain, "gateway-http-listen", "", "plain HTTP address for calls of APIs, for a proxy before it that ends TLS (default: none)")
	f.StringVar(&c.gatewayDefault, "gateway-default", "", "name of the API Management service that answers on host names that belong to none (default: none; the demo's with --demo)")
	f.StringSliceVar(&c.gatewayURLs, "gateway-url", nil, "address that browsers reach the gateway by when a proxy stands before it, https://host:port; sign-in comes back there; may be repeated")
	f.StringSliceVar(&c.gatewayTrust, "gateway-trust", nil, "address or range of proxies before the gateway whose X-Forwarded-For is believed, such as 10.0.0.0/8; may be repeated")
	f.StringVar(&c.gatewayRedis, "gateway-redis", "", "file with the connection string of a Redis in which several gateways count rate limits and quotas together (default: each counts for itself)")
	f.StringVar(&c.observe.accessLog, "gateway-access-log", "", "file that gets a line of JSON for each call of an API, or - for standard output (default: none)")
	f.StringVar(&c.observe.eventsTo, "gateway-events-to", "", "file or http(s) address that gets what policies send to Event Hubs, in place of those (default: the Event Hubs of the loggers)")
	c.observe.flags(cmd)
	f.StringVar(&c.observe.otlp, "otlp-endpoint", "", "address of an OpenTelemetry receiver (OTLP over HTTP) that gets traces of calls of APIs (default: OTEL_EXPORTER_OTLP_ENDPOINT, else none)")
	f.StringVar(&c.publicURL, "public-url", "", "address that clients use, https://host:port (default: localhost and the port)")
	f.StringVar(&c.tlsCert, "tls-cert", "", "certificate chain, PEM (default: one of a local CA)")
	f.StringVar(&c.tlsKey, "tls-key", "", "its private key, PEM")
	f.StringVar(&c.logFormat, "log-format", "text", "text or json")
	f.StringVar(&c.logLevel, "log-level", "", "debug, info, warn or error (default: info; warn with --demo)")
	f.BoolVar(&c.demo, "demo", false, "seed a small Contoso world and print commands to try")
	f.StringSliceVar(&c.identities, "imds-identity", nil, "managed identity (client, object or resource ID) that any program on this machine may use without a secret; may be repeated")
	f.BoolVar(&c.privateIssuers, "allow-private-issuers", false, "fetch keys of federated issuers from private addresses too")
	f.BoolVar(&c.loopbackIssuers, "allow-loopback-issuers", false, "fetch keys of federated issuers from this machine too (development)")
	f.BoolVar(&c.privateLinks, "allow-private-links", false, "import API documents from links to private addresses too")
	f.BoolVar(&c.loopbackLinks, "allow-loopback-links", false, "import API documents from links to this machine too (development)")
	f.BoolVar(&c.privateChecks, "allow-private-checks", false, "let connectivity checks of API Management services go to private addresses too")
	f.StringArrayVar(&c.checkpoints, "checkpoint-to", nil, "publish signed checkpoints of the change log to FILE, git:DIR or https://… ; may be repeated")
	f.DurationVar(&c.checkpointEvery, "checkpoint-every", time.Hour, "how often, when there was a change")
	f.StringVar(&c.forward, "forward", "", "file that says which SIEM changes are forwarded to (see \"gatehouse help forwarding\")")
	completeWith(cmd, "log-format", logForms...)
	completeWith(cmd, "log-level", logLevels...)
	return cmd
}

// serve runs until ctx ends, then stops gracefully.
func serve(ctx context.Context, c serveConfig, out io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	defer raiseFloor()()
	slog.SetDefault(c.logger(os.Stderr))
	s, err := sqlite.Open(ctx, c.data, store.Options{}, sqlite.Settings{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := c.open() // before the first start, which tells its secrets once: by then little can fail
	if err != nil {
		return err
	}
	defer l.close()
	b, first, err := begin(ctx, s, c.data, time.Now())
	if err != nil {
		return err
	}
	counted, err := analytics.Open(ctx, c.data, analytics.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, counted.Close()) }()
	beside, err := c.background(ctx, s)
	if err != nil {
		return err
	}
	a, err := assemble(ctx, s, b, l.publicURL, counted, c)
	if err != nil {
		return err
	}
	defer a.entra.Close()
	defer a.gateways.node.Close()
	defer func() { err = errors.Join(err, a.refusals.Flush(context.WithoutCancel(ctx))) }()
	if err := a.metrics.registry.Register(newForwardMetrics(s, beside.forwarder)); err != nil {
		return err
	}
	beside.past = a.past
	defer beside.start(ctx)()
	kept, err := newGatewayStores(counted, nil, c.gatewayRedis)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kept.close(ctx)) }()
	if err := kept.register(a.metrics.registry); err != nil {
		return err
	}
	if a.observed, err = c.observe.open(a.metrics.registry, out, func() int64 { return a.gateways.hooks.Dropped() }, verifiedBy(a.gateways.policies.verifier, a.gateways.policies.published)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.observed.close()) }()
	if err := a.metrics.registry.Register(a.gateways.metrics()); err != nil {
		return err
	}
	if a.gateway, err = a.newGateway(ctx, &c, kept); err != nil {
		return err
	}
	defer a.gateway.Close()
	a.gatewayURLs = c.gatewayURLs
	defer a.gateways.run(ctx, a.refusals)()
	if l.gateway != nil {
		_, a.gatewayPort, _ = net.SplitHostPort(l.gateway.Addr().String())
		if l.gatewayTLS, err = l.gatewayTLSConfig(a.gateway, &c); err != nil {
			return err
		}
	}
	if c.demo {
		if err := a.seedDemo(ctx, b, l.publicURL); err != nil {
			return err
		}
	}
	if err := writeFile(c.data, runtimeFile, l.running(&c)); err != nil {
		return err
	}
	c.greet(out, b, l, first)
	return l.run(ctx, a, c.ready, func() error { return os.Remove(filepath.Join(c.data, runtimeFile)) })
}

func (c *serveConfig) check() error {
	if (c.tlsCert == "") != (c.tlsKey == "") {
		return usagef("--tls-cert and --tls-key go together")
	}
	if !slices.Contains(logForms, c.logFormat) {
		return notOneOf("--log-format", c.logFormat, logForms...)
	}
	if c.logLevel != "" && !slices.Contains(logLevels, c.logLevel) {
		return notOneOf("--log-level", c.logLevel, logLevels...)
	}
	if len(c.checkpoints) > 0 && c.checkpointEvery < time.Second {
		return usagef("--checkpoint-every takes a second or more, for example 1h; it is %s", c.checkpointEvery)
	}
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return usagef("--listen takes host:port, for example 127.0.0.1:8443; it is %q", c.listen)
	}
	if _, _, err := net.SplitHostPort(c.metricsListen); err != nil && c.metricsListen != "" {
		return usagef("--metrics-listen takes host:port, for example 10.0.0.5:9464; it is %q", c.metricsListen)
	}
	if _, _, err := net.SplitHostPort(c.gatewayAddress()); err != nil && c.gatewayAddress() != "" {
		return usagef("--gateway-listen takes host:port, for example 127.0.0.1:8444, or off; it is %q", c.gatewayListen)
	}
	if err := c.checkGateway(); err != nil {
		return err
	}
	if err := c.observe.check(); err != nil {
		return err
	}
	if err := c.checkPublicURL(); err != nil {
		return err
	}
	return c.checkIMDS()
}

var logForms, logLevels = []string{"text", "json"}, []string{"debug", "info", "warn", "error"}

// checkPublicURL refuses what could not be an issuer and a base of links.
func (c *serveConfig) checkPublicURL() error {
	if c.publicURL == "" {
		return nil
	}
	u, err := url.Parse(c.publicURL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return usagef("--public-url takes the address that clients use, https://host or https://host:port without a path; it is %q", c.publicURL)
	}
	return nil
}

func (c *serveConfig) checkIMDS() error {
	if c.imdsListen == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(c.imdsListen)
	if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return usagef("--imds-listen takes a loopback address such as 127.0.0.1:8442, since what it serves is plain HTTP; it is %q", c.imdsListen)
	}
	return nil
}

func (c *serveConfig) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.level()}
	if c.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// level is what is logged; the demo keeps quiet so that its words can be read.
func (c *serveConfig) level() (l slog.Level) {
	if c.logLevel == "" && c.demo {
		return slog.LevelWarn
	}
	_ = l.UnmarshalText([]byte(c.logLevel)) // check refused what is no level; empty is info
	return l
}

// listeners are the open doors of a server.
type listeners struct {
	https, imds, metrics net.Listener
	gateway, plain       net.Listener // of calls of APIs; nil without one
	gatewayTLS           *tls.Config
	tls                  *tls.Config
	publicURL            string
	caFile               string // of the local CA, "" without one
	tlsCert              string // given by --tls-cert
}

func (c *serveConfig) open() (*listeners, error) {
	l := &listeners{}
	if err := l.open(c); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (l *listeners) open(c *serveConfig) (err error) {
	if l.https, err = listen(c.listen, "--listen"); err != nil {
		return err
	}
	if c.imdsListen != "" {
		if l.imds, err = listen(c.imdsListen, "--imds-listen"); err != nil {
			return err
		}
	}
	if c.metricsListen != "" {
		if l.metrics, err = listen(c.metricsListen, "--metrics-listen"); err != nil {
			return err
		}
	}
	if at := c.gatewayAddress(); at != "" {
		if l.gateway, err = listen(at, "--gateway-listen"); err != nil {
			return err
		}
	}
	if c.gatewayPlain != "" {
		if l.plain, err = listen(c.gatewayPlain, "--gateway-http-listen"); err != nil {
			return err
		}
	}
	host, _, _ := net.SplitHostPort(c.listen)
	_, port, _ := net.SplitHostPort(l.https.Addr().String())
	l.publicURL = strings.TrimSuffix(c.publicURL, "/")
	if l.publicURL == "" {
		l.publicURL = "https://localhost:" + port
	}
	return l.certificate(c, host)
}

func listen(address, flag string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another address with %s (port 0 takes a free one)", err, flag)
	}
	return l, nil
}

// running describes the server for the commands that talk to it.
func (l *listeners) running(c *serveConfig) running {
	return running{PID: os.Getpid(), PublicURL: l.publicURL, Listen: l.https.Addr().String(), IMDS: urlOf(l.imds), Metrics: urlOf(l.metrics), Gateway: l.gatewayURL(), CAFile: l.caFile, TLSCert: l.tlsCert, Version: version()}
}

func (l *listeners) certificate(c *serveConfig, host string) error {
	l.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.tlsCert != "" {
		pair, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
		if err != nil {
			return fmt.Errorf("reading --tls-cert %s and --tls-key %s: %w; give a PEM certificate chain and its key", c.tlsCert, c.tlsKey, err)
		}
		l.tls.Certificates = []tls.Certificate{pair}
		l.tlsCert, err = filepath.Abs(c.tlsCert)
		return err
	}
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
		hosts = append(hosts, host)
	}
	if name := hostOf(l.publicURL); name != "" {
		hosts = append(hosts, name)
	}
	pair, caFile, err := localca.Ensure(c.data, hosts, time.Now())
	if err != nil {
		return err
	}
	l.tls.Certificates = []tls.Certificate{pair}
	l.caFile, err = filepath.Abs(caFile)
	return err
}

func hostOf(publicURL string) string {
	authority := strings.TrimPrefix(publicURL, "https://")
	if host, _, err := net.SplitHostPort(authority); err == nil {
		return host
	}
	return authority
}

// urlOf is the address of a plain listener, "" for none.
func urlOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return "http://" + l.Addr().String()
}

// gatewayURL is the address of the gateway, "" for none.
func (l *listeners) gatewayURL() string {
	if l.gateway == nil {
		return ""
	}
	_, port, _ := net.SplitHostPort(l.gateway.Addr().String())
	return "https://localhost:" + port
}

func (l *listeners) close() {
	for _, each := range []net.Listener{l.https, l.imds, l.metrics, l.gateway, l.plain} {
		if each != nil {
			_ = each.Close()
		}
	}
}

// Time limits of a connection. Bodies may take long: a large document over a slow line
// is no attack, a connection held for hours is one.
const (
	bodyTimeout   = 10 * time.Minute
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	stopTimeout   = 10 * time.Second
)

// run serves until ctx ends, says so by calling ending, and then lets running requests finish. It ends when ready fails.
func (l *listeners) run(ctx context.Context, a *app, ready func(context.Context) error, ending func() error) error {
	servers := []*http.Server{newServer(a.mux)}
	servers[0].TLSConfig = l.tls
	failed := make(chan error, 5)
	go func() { failed <- servers[0].ServeTLS(l.https, "", "") }()
	if l.plain != nil {
		s := gateway.NewServer(a.observed.front(a.gateway, a.gateways.hooks), slog.Default())
		servers = append(servers, s)
		go func() { failed <- gateway.Serve(s, l.plain) }()
	}
	if l.gateway != nil {
		s := gateway.NewServer(a.observed.front(a.gateway, a.gateways.hooks), slog.Default())
		s.TLSConfig = l.gatewayTLS
		servers = append(servers, s)
		go func() { failed <- gateway.Serve(s, l.gateway) }()
	}
	for _, plain := range []struct {
		at net.Listener
		h  http.Handler
	}{{l.imds, a.imds}, {l.metrics, a.meter}} {
		if plain.at != nil {
			s := newServer(plain.h)
			servers = append(servers, s)
			go func() { failed <- s.Serve(plain.at) }()
		}
	}
	if ready != nil {
		go func() {
			if err := ready(ctx); err != nil {
				failed <- err
			}
		}()
	}
	select {
	case err := <-failed:
		return errors.Join(err, ending())
	case <-ctx.Done():
	}
	slog.Info("stopping: requests that run are answered first", "for", stopTimeout)
	a.gateways.node.Close() // gateways that wait for changes would wait that long
	errs := []error{ending()}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, s := range servers {
		errs = append(errs, s.Shutdown(stop))
	}
	a.gateway.HangUp()
	return errors.Join(errs...)
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn)}
}

// greet tells where the server is and, at the first start, who its administrator is.
func (c *serveConfig) greet(out io.Writer, b *bootstrap, l *listeners, first bool) {
	fmt.Fprintf(out, "Gatehouse %s serves %s (data in %s)\n", version(), l.publicURL, c.data)
	if first {
		fmt.Fprintf(out, "\nFirst start. This is the administrator; it is shown once and kept in %s:\n\n  user      %s\n  password  %s\n",
			filepath.Join(c.data, bootstrapFile), b.Administrator, b.Password)
	}
	at := ""
	if c.data != defaultData() {
		at = " --data " + c.data
	}
	if c.demo {
		c.tryThese(out, at)
		return
	}
	fmt.Fprintf(out, "\nNext: eval \"$(%[1]s env%[2]s)\" for an SDK or Terraform, or %[1]s az%[2]s -- role assignment list --all -o table\n", calledAs(), at)
}

// calledAs is how this program was called, so that what is printed can be typed.
func calledAs() string {
	if strings.ContainsRune(os.Args[0], filepath.Separator) && !filepath.IsAbs(os.Args[0]) {
		return os.Args[0]
	}
	return "gatehouse"
}
