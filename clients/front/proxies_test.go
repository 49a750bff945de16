package front

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// snippet is a block of docs/gateway.md in a language.
func snippet(t *testing.T, language string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/gateway.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("docs/gateway.md shows nothing for %s", language)
	}
	return text
}

// run starts a program and waits until it listens.
func run(t *testing.T, port, program string, args ...string) {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &said, &said
	home := t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		if t.Failed() {
			t.Logf("%s: %s", program, &said)
		}
	})
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-done:
			t.Fatalf("%s ended: %s", program, &said)
		default:
		}
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("%s does not listen: %s", program, &said)
}

// place puts the addresses of a test in place of those of a documented configuration.
func (w *world) place(text string, more ...string) string {
	gateway := w.at[strings.LastIndexByte(w.at, ':')+1:]
	return strings.NewReplacer(append([]string{"http://127.0.0.1:3000", w.upstream.URL, "127.0.0.1:8444", "127.0.0.1:" + gateway, "/etc/gatehouse/ca.pem", w.Env["GATEHOUSE_CA_FILE"],
		"wiki.localhost", "shop.localhost"}, more...)...).Replace(text)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func nginx(t *testing.T, port, servers string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // which not everybody's PATH has
	}
	if err != nil {
		t.Skip("nginx is not installed (make test installs it)")
	}
	dir := t.TempDir()
	paths := ""
	for _, each := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		paths += each + "_temp_path " + dir + "/" + each + ";\n"
	}
	file := write(t, "nginx.conf", "daemon off; master_process off; pid "+dir+"/pid; error_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"+paths+servers+"}\n")
	run(t, port, program, "-p", dir, "-e", "stderr", "-c", file)
}

func caddy(t *testing.T, port, sites string) {
	t.Helper()
	program, err := exec.LookPath("caddy")
	if err != nil {
		t.Skip("caddy is not installed (make test installs it)")
	}
	file := write(t, "Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n"+sites)
	run(t, port, program, "run", "--adapter", "caddyfile", "--config", file)
}

// TestAsked: real nginx and Caddy, configured as documented, ask the gateway whether a request may go on; so does what asks as Traefik
// and Envoy do.
func TestAsked(t *testing.T) {
	w := start(t)
	revoke := w.assign(w.bob, "User", readerRole, w.api)
	call := bearer(w.token(audience))
	w.policy("open", "") // an API without a role check is nobody's to ask about
	for name, begin := range map[string]func(t *testing.T, port string){
		"nginx": func(t *testing.T, port string) {
			nginx(t, port, w.place(snippet(t, "nginx"), "listen 443 ssl;", "listen 127.0.0.1:"+port+";"))
		},
		"caddy": func(t *testing.T, port string) {
			caddy(t, port, w.place(snippet(t, "caddy"), "wiki.example {", "http://127.0.0.1:"+port+" {"))
		},
		"traefik": func(t *testing.T, port string) { traefik(t, w, port) },
		"envoy":   func(t *testing.T, port string) { envoy(t, w, port) },
	} {
		t.Run(name, func(t *testing.T) {
			defer w.within(t)()
			port := freePort(t)
			begin(t, port)
			at := "http://127.0.0.1:" + port
			was, _, _ := w.upstream.last()
			w.is("nobody", 401, "GET", at+"/orders")
			w.is("a bad token", 401, "GET", at+"/orders", bearer("x")...)
			w.is("a role for reading", 403, "POST", at+"/orders", call...)
			w.is("no role check", 403, "GET", at+"/open/", call...)
			for _, lie := range [][2]string{{"X-Forwarded-Uri", "/orders"}, {"X-Original-Uri", "/orders"}, {"X-Original-Url", "https://shop.localhost/orders"}, {"X-Forwarded-Method", "GET"}, {"X-Original-Method", "GET"}} {
				if got, _, _ := w.send(w.client, "POST", at+"/orders", "", append([]string{lie[0], lie[1]}, call...)...); got != 403 {
					t.Errorf("POST with %s: %d", lie[0], got)
				}
				if got, _, _ := w.send(w.client, "GET", at+"/open/", "", append([]string{lie[0], lie[1]}, call...)...); got != 403 {
					t.Errorf("GET with %s: %d", lie[0], got)
				}
			}
			if now, _, _ := w.upstream.last(); now != was {
				t.Errorf("%d refused requests came through", now-was)
			}
			w.is("a role", 200, "GET", at+"/orders?a=1", append([]string{"X-Gatehouse-Principal-Name", "root", "X-Gatehouse-Jwt-Assertion", "forged"}, call...)...)
			_, seen, path := w.upstream.last()
			if seen.Get("X-Gatehouse-Principal-Id") != w.bob || seen.Get("X-Gatehouse-Principal-Name") != bobName || len(seen.Get("X-Gatehouse-Jwt-Assertion")) < 100 || path != "/orders?a=1" {
				t.Error("the service was told:", path, seen)
			}
			h := w.is("a person", 302, "GET", at+"/orders", "Accept", "text/html")
			if to := h.Get("Location"); !strings.Contains(to, "/authorize?") && !strings.HasPrefix(strings.TrimPrefix(to, at), "/.gatehouse/sign-in?back=/orders") {
				t.Error("sent to", to)
			}
			h = w.is("the sign-in", 302, "GET", at+"/.gatehouse/sign-in?back=/orders")
			if to := h.Get("Location"); !strings.Contains(to, "/authorize?") {
				t.Error("sent to", to)
			}
			w.is("a method by a header", 403, "GET", at+"/orders", append([]string{"X-HTTP-Method-Override", "DELETE"}, call...)...)
			revoke()
			w.is("the role is gone", 403, "GET", at+"/orders", call...)
			revoke = w.assign(w.bob, "User", readerRole, w.api)
		})
	}
}

// TestBehind: nginx and Caddy before the gateway as plain reverse proxies. What a client says of its address is not believed.
func TestBehind(t *testing.T) {
	w := start(t, "--gateway-trust", "127.0.0.1")
	w.assign(w.bob, "User", readerRole, w.service)
	call := bearer(w.token(audience))
	w.policy("who", `<set-header name="X-Client" exists-action="override"><value>@(context.Request.IpAddress)</value></set-header>`)
	w.manage("PUT", w.service+"/apis/who/providers/Gatehouse.Gateway/roleChecks/default"+checks, map[string]any{"properties": map[string]any{"mode": "enforce"}})
	transport := w.client.Transport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}).DialContext
	elsewhere := &http.Client{Transport: transport}
	t.Cleanup(transport.CloseIdleConnections)
	for name, begin := range map[string]func(t *testing.T, port string){
		"nginx": func(t *testing.T, port string) {
			nginx(t, port, w.place(`server {
	listen 127.0.0.1:`+port+`;
	location / {
		proxy_pass https://127.0.0.1:8444;
		proxy_http_version 1.1;
		proxy_set_header Host $http_host;
		proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		proxy_ssl_verify on;
		proxy_ssl_trusted_certificate /etc/gatehouse/ca.pem;
		proxy_ssl_name wiki.localhost;
		proxy_ssl_server_name on;
	}
}
`))
		},
		"caddy": func(t *testing.T, port string) {
			caddy(t, port, w.place(`http://127.0.0.1:`+port+` {
	reverse_proxy https://127.0.0.1:8444 {
		transport http {
			tls_trusted_ca_certs /etc/gatehouse/ca.pem
			tls_server_name wiki.localhost
		}
	}
}
`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			defer w.within(t)()
			port := freePort(t)
			begin(t, port)
			at := "http://127.0.0.1:" + port
			w.is("nobody", 401, "GET", at+"/who/")
			w.is("a role", 200, "GET", at+"/who/", call...)
			got, body, _ := w.send(elsewhere, "GET", at+"/who/", "", append([]string{"X-Forwarded-For", "203.0.113.7"}, call...)...)
			if _, seen, _ := w.upstream.last(); got != 200 || seen.Get("X-Client") != "127.0.0.2" {
				t.Errorf("%d %s; policies see the client %q", got, body, seen.Get("X-Client"))
			}
		})
	}
	got, body, _ := w.send(elsewhere, "GET", w.Env["GATEHOUSE_GATEWAY"]+"/who/", "", append([]string{"X-Forwarded-For", "203.0.113.7"}, call...)...)
	if _, seen, _ := w.upstream.last(); got != 200 || seen.Get("X-Client") != "127.0.0.2" {
		t.Errorf("without a proxy: %d %s; policies see the client %q", got, body, seen.Get("X-Client"))
	}
}
