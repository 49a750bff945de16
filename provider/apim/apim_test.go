package apim_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/provider/apim"
	"gatehouse/provider/apim/apidoc"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/insights"
	"gatehouse/provider/resources"
)

func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return buildWith(t, apidoc.Fetcher{})
}

func buildWith(t testing.TB, links apidoc.Fetcher) func(*armtest.World) []*arm.Provider {
	return buildConfig(t, apim.Config{Links: links, Dial: dial})
}

// buildConfig completes what a test says of the provider.
func buildConfig(t testing.TB, c apim.Config) func(*armtest.World) []*arm.Provider {
	counted := traffic(t)
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		c := c // tests run beside each other
		c.Tenant, c.Directory, c.Analytics, c.Exports, c.Backups = armtest.Tenant, w.Index, counted, exporter(w), t.TempDir()
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			identity.New(armtest.Tenant, w.Index), insights.New(w.Store), apim.New(c))
	}
}

// dial is the network of the cases: one machine that answers.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	switch address {
	case "reachable.test:443", "reachable.test:80":
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				io.WriteString(far, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")
			}
		}()
		return near, nil
	case "refused.test:443":
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	return nil, &net.DNSError{Err: "no such host", Name: address, IsNotFound: true}
}

// TestCases runs the wire cases, and when it ran all of them keeps the table in docs that
// says which one shows each operation.
func TestCases(t *testing.T) {
	server := armtest.Start(t, build(t)).Server
	shown := armtest.Run(t, "testdata/*.txtar", build(t))
	if !strings.Contains(flag.Lookup("test.run").Value.String(), "/") {
		t.Cleanup(func() { armtest.Golden(t, "../../docs/operations-apim.md", table(server, operations(t), shown)) })
	}
}

// table lists every published operation with its action and the case that shows it.
func table(server *arm.Server, all []operation, shown *armtest.Shown) []byte {
	var rows strings.Builder
	count := 0
	for _, o := range all {
		by := ""
		if target, err := server.Resolve(o.method, (&url.URL{Path: example(o.path)}).EscapedPath()); err == nil && serves(target.Route, o) {
			by = shown.By(o.method, target.Route.Path)
		}
		if by != "" {
			count++
			by = fmt.Sprintf("[%s](../provider/apim/testdata/%s)", strings.TrimSuffix(by, ".txtar"), by)
		}
		path := strings.TrimPrefix(o.path, "/subscriptions/{subscriptionId}")
		path = strings.TrimPrefix(path, "/resourceGroups/{resourceGroupName}")
		path = strings.TrimPrefix(path, "/providers/Microsoft.ApiManagement/")
		fmt.Fprintf(&rows, "| %s | `%s` | `%s` | %s |\n", o.method, path, strings.TrimPrefix(o.action, "Microsoft.ApiManagement/"), by)
	}
	var doc strings.Builder
	fmt.Fprintf(&doc, tableHead, count, len(all))
	doc.WriteString(rows.String())
	return []byte(doc.String())
}

const tableHead = `# Operations of Microsoft.ApiManagement

Every published operation, the action it asks for (below Microsoft.ApiManagement/) and the wire
case that shows it to work: a file of requests and exact answers. %d of %d are shown. Preview
operations are among them. Written by ` + "`go test ./provider/apim -update`" + `.

| method | path | action | shown by |
| --- | --- | --- | --- |
`
