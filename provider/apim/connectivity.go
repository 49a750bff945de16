package apim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/jsondoc"
	"gatehouse/provider/apim/apidoc"
)

// How a connectivity check goes about it: probes one after the other, each with its time.
const (
	probes    = 3
	probeTime = 3 * time.Second
)

// dialer opens the connections of connectivity checks.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// publicDialer connects with public addresses, and with private ones when they are
// allowed; never with this machine or where clouds keep their metadata, which are the
// addresses that imports do not ask either. It looks at the address that is dialled, so no name can point elsewhere in between.
func publicDialer(private bool) dialer {
	d := &net.Dialer{Timeout: probeTime, Control: func(_, address string, _ syscall.RawConn) error { return mayProbe(address, private) }}
	return d.DialContext
}

// forbidden says why an address is not probed. It is shown to the caller.
type forbidden string

func (f forbidden) Error() string { return string(f) }

func mayProbe(address string, private bool) error {
	links := apidoc.Fetcher{Private: private}
	if why := links.Refuses(address); why != "" {
		return forbidden("the address is " + why)
	}
	return nil
}

// probe is what a check was asked to do.
type probe struct {
	protocol, host string
	port           int64
	network        string // tcp, tcp4 or tcp6
	url            string // of an HTTP check
	method         string
	header         http.Header
	valid          []int64
}

// connectivityCheck tries to reach an address and answers how long that took. Of
// what was answered it tells no more than a status that was not expected.
func (p *provider) connectivityCheck(op *arm.Op) (*arm.Answer, error) {
	body, err := op.Body()
	if err != nil {
		return nil, err
	}
	service, err := op.Existing()
	if err != nil {
		return nil, err
	}
	asked, err := readProbe(body, service)
	if err != nil {
		return nil, err
	}
	if err := op.Record(fmt.Sprintf("connectivity check of %s by %s", asked.address(), asked.protocol)); err != nil {
		return nil, err
	}
	return arm.OK(p.check(op.Context, service.ID, asked)), nil
}

func readProbe(body *jsondoc.Object, service *arm.Resource) (*probe, error) {
	if region := arm.Region(body.String("source.region")); !slices.Contains(regionsOf(service), region) {
		return nil, validation("source.region", "source.region has to be a region of the service, such as %s", regionsOf(service)[0])
	}
	p := &probe{protocol: strings.ToUpper(body.String("protocol")), network: "tcp"}
	if p.protocol == "" {
		p.protocol = "TCP"
	}
	if !slices.Contains([]string{"TCP", "HTTP", "HTTPS"}, p.protocol) {
		return nil, validation("protocol", "protocol has to be TCP, HTTP or HTTPS")
	}
	port, ok := body.Int("destination.port")
	if !ok || port < 1 || port > 65535 {
		return nil, validation("destination.port", "destination.port has to be a port from 1 to 65535")
	}
	p.port = port
	switch version := body.String("preferredIPVersion"); {
	case strings.EqualFold(version, "IPv4"):
		p.network = "tcp4"
	case strings.EqualFold(version, "IPv6"):
		p.network = "tcp6"
	case version != "":
		return nil, validation("preferredIPVersion", "preferredIPVersion has to be IPv4 or IPv6")
	}
	return p, p.aim(body)
}

func (p *probe) address() string { return net.JoinHostPort(p.host, strconv.FormatInt(p.port, 10)) }

// aim reads where to, which is a name, an address or, for HTTP, a URL without its port.
func (p *probe) aim(body *jsondoc.Object) error {
	address := body.String("destination.address")
	malformed := validation("destination.address", "destination.address has to be a host name, an IP address or, for HTTP, a URL")
	at := &url.URL{}
	p.host = strings.Trim(address, "[]")
	if strings.Contains(address, "://") {
		var err error
		if at, err = url.Parse(address); err != nil || at.User != nil {
			return malformed
		}
		p.host = at.Hostname()
	}
	if p.host == "" || len(p.host) > 253 || strings.ContainsAny(p.host, "/\\ @?#%") || strings.Contains(p.host, ":") && net.ParseIP(p.host) == nil {
		return malformed
	}
	if p.protocol == "TCP" {
		return nil
	}
	at.Scheme, at.Host = strings.ToLower(p.protocol), p.address()
	p.url = at.String()
	return p.request(body.Object("protocolConfiguration.HTTPConfiguration"))
}

// request reads how an HTTP check asks and which statuses it takes; any answer will do when none is named.
func (p *probe) request(c *jsondoc.Object) error {
	p.method = strings.ToUpper(c.String("method"))
	if p.method == "" {
		p.method = http.MethodGet
	}
	if p.method != http.MethodGet && p.method != http.MethodPost {
		return validation("protocolConfiguration.HTTPConfiguration.method", "method has to be GET or POST")
	}
	p.header = http.Header{}
	for _, v := range c.Array("headers") {
		o, _ := v.(*jsondoc.Object)
		name := o.String("name")
		if name == "" || strings.ContainsAny(name+o.String("value"), "\r\n\x00") {
			return validation("protocolConfiguration.HTTPConfiguration.headers", "each header has a name and a value of one line")
		}
		p.header.Add(name, o.String("value"))
	}
	for _, v := range c.Array("validStatusCodes") {
		n, _ := v.(jsondoc.Number)
		code, err := strconv.ParseInt(string(n), 10, 64)
		if err != nil {
			return validation("protocolConfiguration.HTTPConfiguration.validStatusCodes", "validStatusCodes holds numbers")
		}
		p.valid = append(p.valid, code)
	}
	return nil
}

// check sends the probes and puts together what they found.
func (p *provider) check(ctx context.Context, service gatehouse.ID, asked *probe) *jsondoc.Object {
	var took []time.Duration
	var failures []error
	reached := ""
	for range probes {
		start := time.Now()
		address, err := p.try(ctx, asked)
		if address != "" {
			reached = address
		}
		if err != nil {
			failures = append(failures, err)
			var no forbidden
			if errors.As(err, &no) {
				break // as often as it is tried
			}
			continue
		}
		took = append(took, time.Since(start))
	}
	return found(service, asked, reached, took, failures)
}

// try makes one connection, and one request over it for HTTP. Nobody is redirected.
func (p *provider) try(ctx context.Context, asked *probe) (address string, err error) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	dial := func(ctx context.Context, _, to string) (net.Conn, error) {
		c, err := p.dial(ctx, asked.network, to)
		if err == nil {
			address, _, _ = net.SplitHostPort(c.RemoteAddr().String())
		}
		return c, err
	}
	if asked.protocol == "TCP" {
		c, err := dial(ctx, "", asked.address())
		if err != nil {
			return "", err
		}
		return address, c.Close()
	}
	request, err := http.NewRequestWithContext(ctx, asked.method, asked.url, nil)
	if err != nil {
		return "", err
	}
	request.Header = asked.header.Clone()
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
		request.Header.Del("Host")
	}
	answer, err := (&http.Transport{DialContext: dial, DisableKeepAlives: true, TLSHandshakeTimeout: probeTime, MaxResponseHeaderBytes: 64 << 10}).RoundTrip(request)
	if err != nil {
		return address, err
	}
	defer answer.Body.Close()
	if len(asked.valid) > 0 && !slices.Contains(asked.valid, int64(answer.StatusCode)) {
		return address, unexpectedStatus(answer.StatusCode)
	}
	return address, nil
}

type unexpectedStatus int

func (s unexpectedStatus) Error() string { return fmt.Sprint("the answer had status ", int(s)) }

// found is the report: where from, where to, how it went.
func found(service gatehouse.ID, asked *probe, reached string, took []time.Duration, failures []error) *jsondoc.Object {
	source, destination := gatehouse.NewGUID().String(), gatehouse.NewGUID().String()
	issues := []jsondoc.Value{}
	if len(failures) > 0 {
		issues = append(issues, issueOf(failures[0]))
	}
	if reached == "" {
		reached = asked.host
	}
	status := "Connected"
	switch {
	case len(took) == 0:
		status = "Disconnected"
	case len(failures) > 0:
		status = "Degraded"
	}
	least, mean, most := latencies(took)
	return object("hops", []jsondoc.Value{
		object("type", "Source", "id", source, "address", "127.0.0.1", "resourceId", service.String(), "nextHopIds", []jsondoc.Value{destination}, "issues", []jsondoc.Value{}),
		object("type", "Internet", "id", destination, "address", reached, "nextHopIds", []jsondoc.Value{}, "issues", issues)},
		"connectionStatus", status, "avgLatencyInMs", whole(mean), "minLatencyInMs", whole(least), "maxLatencyInMs", whole(most),
		"probesSent", whole(int64(len(took)+len(failures))), "probesFailed", whole(int64(len(failures))))
}

// latencies are the shortest, mean and longest of some times in milliseconds, all 0 for none.
func latencies(took []time.Duration) (least, mean, most int64) {
	if len(took) == 0 {
		return 0, 0, 0
	}
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	return slices.Min(took).Milliseconds(), (sum / time.Duration(len(took))).Milliseconds(), slices.Max(took).Milliseconds()
}

// issueOf says what kept a probe from its aim, in the words of the enumeration IssueType.
func issueOf(err error) *jsondoc.Object {
	kind, reason := "Unknown", "the connection failed"
	var name *net.DNSError
	var no forbidden
	var status unexpectedStatus
	switch {
	case errors.As(err, &no):
		kind, reason = "NetworkSecurityRule", no.Error()
	case errors.As(err, &name):
		kind, reason = "DnsResolution", "the name was not found"
	case errors.As(err, &status):
		reason = status.Error()
	case errors.Is(err, syscall.ECONNREFUSED):
		reason = "the connection was refused"
	case errors.Is(err, context.DeadlineExceeded):
		reason = "nobody answered in time"
	}
	return object("origin", "Outbound", "severity", "Error", "type", kind, "context", []jsondoc.Value{object("reason", reason)})
}
