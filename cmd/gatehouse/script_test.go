package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"gatehouse/localca"
)

// updating reports whether -update was given, which package armtest declares.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// TestScript runs the scripts of testdata/script with the real command; servers listen
// on free ports. Besides the commands of testscript there are
//
//	serve NAME [FLAGS]            start a server over the directory NAME and wait until it is ready;
//	                              its output goes to NAME.out and NAME.log; GATEHOUSE_DATA is set to NAME
//	end NAME, kill9 NAME          end it by SIGTERM and expect success, or by SIGKILL
//	request [-as WHO] [-h1] [-H 'Name: value'] METHOD PATH [BODY-FILE]
//	                              ask the server of $GATEHOUSE_DATA; prints status and body; ! when it is 400 or more
//	call [-host NAME] [-H 'Name: value'] METHOD PATH [BODY-FILE]
//	                              call an API at the gateway of that server; prints status and body; ! when it is 400 or more
//	mask FILE                     print a file (stdout: what the last command printed) with IDs, times and hashes made equal
//	mode 0600 FILE...             compare permissions
//	secretless FILE...            fail when a file holds a secret of $GATEHOUSE_DATA
//	exits CODE COMMAND...         run a command and compare its exit code
//	certificate DIR               make server.pem and server-key.pem for localhost there
//	capture NAME                  set the variable NAME to what the last command printed
//	caught-up NAME TARGET         wait until the target has all changes of the server over NAME
//	transcript PAGE LINE [UNTIL]  run the commands that docs/PAGE shows below the line and compare what they print
//	env-of                        set the variables that "gatehouse env" prints for $GATEHOUSE_DATA
func TestScript(t *testing.T) {
	docs, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: updating(), RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Values[serversKey{}] = map[string]*scriptServer{}
			e.Setenv("DOCS", docs)
			e.Setenv("GATEHOUSE_DATA", filepath.Join(e.WorkDir, "data"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "end": scriptStop, "kill9": scriptKill, "request": scriptRequest, "call": scriptCall, "mask": scriptMask, "mode": scriptMode,
			"secretless": scriptSecretless, "exits": scriptExits, "certificate": scriptCertificate, "capture": scriptCapture, "env-of": scriptEnv, "caught-up": scriptCaughtUp,
			"transcript": scriptTranscript,
		},
	})
}

type serversKey struct{}

// scriptServer is a server that a script started.
type scriptServer struct {
	cmd  *exec.Cmd
	done chan error
}

func scriptServers(ts *testscript.TestScript) map[string]*scriptServer {
	return ts.Value(serversKey{}).(map[string]*scriptServer)
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: serve NAME [FLAGS]")
	}
	name := args[0]
	dir := ts.MkAbs(name)
	out, err := os.OpenFile(dir+".out", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	ts.Check(err)
	defer out.Close()
	log, err := os.OpenFile(dir+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	ts.Check(err)
	defer log.Close()
	flags := append([]string{"serve", "--data", dir, "--listen", "127.0.0.1:0", "--imds-listen", "127.0.0.1:0"}, args[1:]...)
	cmd := program(flags...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), out, log
	if key := ts.Getenv("GATEHOUSE_MASTER_KEY"); key != "" {
		cmd.Env = append(cmd.Env, "GATEHOUSE_MASTER_KEY="+key)
	}
	s := &scriptServer{cmd: cmd, done: make(chan error, 1)}
	ts.Check(cmd.Start())
	go func() { s.done <- cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	scriptServers(ts)[name] = s
	ts.Setenv("GATEHOUSE_DATA", dir)
	if err := s.ready(dir); err != nil {
		ts.Fatalf("%v\n%s%s", err, ts.ReadFile(name+".out"), ts.ReadFile(name+".log"))
	}
}

// ready waits until the server says that it serves and answers /readyz.
func (s *scriptServer) ready(dir string) error {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		select {
		case err := <-s.done:
			s.done <- err
			return fmt.Errorf("the server ended: %v", err)
		default:
		}
		r, err := readFile[running](dir, runtimeFile)
		if err != nil || r.PID != s.cmd.Process.Pid {
			continue
		}
		if status, _, err := ask(dir, http.MethodGet, "/readyz", nil, nil, false); err == nil && status == http.StatusOK {
			return nil
		}
	}
	return fmt.Errorf("the server was not ready in time")
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptServers(ts)[args[0]]
	ts.Check(s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-s.done:
		if err != nil {
			ts.Fatalf("the server ended with %v\n%s", err, ts.ReadFile(args[0]+".log"))
		}
	case <-time.After(15 * time.Second):
		ts.Fatalf("the server did not end")
	}
}

func scriptKill(ts *testscript.TestScript, neg bool, args []string) {
	s := scriptServers(ts)[args[0]]
	ts.Check(s.cmd.Process.Kill())
	<-s.done
}

// program is the command itself, run by this test binary.
func program(args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), programVariable+"=1", "GATEHOUSE_DATA=", "GATEHOUSE_MASTER_KEY=")
	return cmd
}

// ask sends a request to the server over dir, where it listens, whatever its name is.
func ask(dir, method, target string, header http.Header, body []byte, http1 bool) (int, []byte, error) {
	r, err := readFile[running](dir, runtimeFile)
	if err != nil {
		return 0, nil, err
	}
	roots, err := r.roots()
	if err != nil {
		return 0, nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DialContext: r.dial, ForceAttemptHTTP2: !http1, DisableKeepAlives: true}
	base, err := url.Parse(r.PublicURL)
	if err != nil {
		return 0, nil, err
	}
	path, query, _ := strings.Cut(target, "?")
	req := &http.Request{Method: method, URL: &url.URL{Scheme: "https", Host: base.Host, Opaque: "", Path: path, RawQuery: query}, Header: http.Header{}, Host: base.Host}
	if header != nil {
		req.Header = header
	}
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	resp, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req.WithContext(context.Background()))
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if http1 == (resp.ProtoMajor == 2) {
		return 0, nil, fmt.Errorf("the server spoke %s", resp.Proto)
	}
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func scriptCall(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("call", flag.ContinueOnError)
	host := flags.String("host", "localhost", "host name that is called")
	header := http.Header{}
	flags.Func("H", "a header", func(h string) error {
		name, value, _ := strings.Cut(h, ": ")
		header.Add(name, value)
		return nil
	})
	if err := flags.Parse(args); err != nil || flags.NArg() < 2 {
		ts.Fatalf("usage: call [-host NAME] [-H 'Name: value'] METHOD PATH [BODY-FILE]")
	}
	r, err := readFile[running](ts.Getenv("GATEHOUSE_DATA"), runtimeFile)
	ts.Check(err)
	roots, err := r.roots()
	ts.Check(err)
	at, err := url.Parse(r.Gateway)
	ts.Check(err)
	var body io.Reader
	if file := flags.Arg(2); file != "" {
		body = strings.NewReader(ts.ReadFile(file))
	}
	req, err := http.NewRequestWithContext(context.Background(), flags.Arg(0), "https://"+*host+":"+at.Port()+flags.Arg(1), body)
	ts.Check(err)
	req.Header = header
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+at.Port())
	}}
	answer, err := (&http.Client{Transport: transport, Timeout: 20 * time.Second}).Do(req)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", answer.StatusCode, bytes.TrimSpace(text))
	if neg != (answer.StatusCode >= 400) {
		ts.Fatalf("%s %s was answered with %d\n%s", flags.Arg(0), flags.Arg(1), answer.StatusCode, text)
	}
}

func scriptRequest(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("request", flag.ContinueOnError)
	as := flags.String("as", "bootstrap", "who asks: a name, \"nobody\", or the bootstrap service principal")
	http1 := flags.Bool("h1", false, "HTTP/1.1 only")
	header := http.Header{}
	flags.Func("H", "a header", func(h string) error {
		name, value, _ := strings.Cut(h, ": ")
		header.Add(name, value)
		return nil
	})
	if err := flags.Parse(args); err != nil || flags.NArg() < 2 {
		ts.Fatalf("usage: request [-as WHO] [-h1] [-H 'Name: value'] METHOD PATH [BODY-FILE]")
	}
	dir := ts.Getenv("GATEHOUSE_DATA")
	if *as != "nobody" {
		header.Set("Authorization", "Bearer "+scriptToken(ts, dir, *as))
	}
	var body []byte
	if file := flags.Arg(2); file != "" {
		body = []byte(braced.ReplaceAllStringFunc(ts.ReadFile(file), func(v string) string { return ts.Getenv(v[2 : len(v)-1]) }))
		header.Set("Content-Type", "application/json")
	}
	status, answer, err := ask(dir, flags.Arg(0), flags.Arg(1), header, body, *http1)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), status)
	var indented bytes.Buffer
	if json.Indent(&indented, answer, "", "  ") == nil {
		answer = indented.Bytes()
	}
	fmt.Fprintf(ts.Stdout(), "%s\n", bytes.TrimSpace(answer))
	if neg != (status >= 400) {
		ts.Fatalf("%s %s was answered with %d\n%s", flags.Arg(0), flags.Arg(1), status, answer)
	}
}

// braced are the variables in a body; a plain $ belongs to the body.
var braced = regexp.MustCompile(`\$\{\w+\}`)

func scriptToken(ts *testscript.TestScript, dir, as string) string {
	args := []string{"token", "--data", dir}
	if as != "bootstrap" {
		args = append(args, "--as", as)
	}
	out, err := program(args...).Output()
	if err != nil {
		ts.Fatalf("no token for %s: %v", as, err)
	}
	return strings.TrimSpace(string(out))
}

// changing is what differs from run to run, and what stands for it: of the same width, so that tables stay in line.
var changing = []struct {
	pattern *regexp.Regexp
	as      func(n int) string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), func(n int) string { return fmt.Sprintf("00000000-0000-0000-0000-%012d", n) }},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), func(n int) string { return fmt.Sprintf("%064d", n) }},
	{regexp.MustCompile(`ed25519:[A-Za-z0-9+/]{43}=`), func(int) string { return "ed25519:" + strings.Repeat("K", 43) + "=" }},
	{regexp.MustCompile(`[A-Za-z0-9+/]{86}==`), func(int) string { return strings.Repeat("S", 86) + "==" }},
	{regexp.MustCompile(`\bGh[0-9a-f]{24,}\b`), func(int) string { return "Gh…" }},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d([ T])\d\d:\d\d:\d\d(\.\d+)?`), nil},
	{regexp.MustCompile(`of 20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d`), func(int) string { return "of 2026-01-01 to 2026-04-01" }},
	{regexp.MustCompile(`(localhost|127\.0\.0\.1):\d+`), func(int) string { return "localhost:8443" }},
	{regexp.MustCompile(`Gatehouse \S+ serves`), func(int) string { return "Gatehouse development serves" }},
}

var fraction = regexp.MustCompile(`\.\d+$`)

func masked(text string) string {
	for _, c := range changing {
		seen := map[string]string{}
		text = c.pattern.ReplaceAllStringFunc(text, func(found string) string {
			if c.as == nil {
				return "2026-01-31" + found[10:11] + "12:00:00" + fraction.ReplaceAllString(found[19:], ".000")
			}
			if seen[found] == "" {
				seen[found] = c.as(len(seen) + 1)
			}
			return seen[found]
		})
	}
	return text
}

func scriptMask(ts *testscript.TestScript, neg bool, args []string) {
	fmt.Fprint(ts.Stdout(), masked(strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "")))
}

func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	for _, file := range args[1:] {
		info, err := os.Stat(ts.MkAbs(file))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", file, got, args[0])
		}
	}
}

// scriptSecretless looks for every secret of a data directory, and for what may follow from one.
func scriptSecretless(ts *testscript.TestScript, neg bool, args []string) {
	b, err := readFile[bootstrap](ts.Getenv("GATEHOUSE_DATA"), bootstrapFile)
	ts.Check(err)
	secrets := map[string]string{"administrator's password": b.Password, "client secret": b.ClientSecret, "identity secret": b.IdentitySecret,
		"demo password": demoPassword, "access token": "eyJ", "private key": "PRIVATE KEY"}
	for _, file := range args {
		text := ts.ReadFile(file)
		if len(text) == 0 {
			ts.Fatalf("%s is empty, so it proves nothing", file)
		}
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				ts.Fatalf("%s holds the %s", file, what)
			}
		}
	}
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

func scriptCertificate(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	_, _, err := localca.Ensure(dir, []string{"localhost", "gatehouse.example"}, time.Now())
	ts.Check(err)
}

func scriptCapture(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func scriptEnv(ts *testscript.TestScript, neg bool, args []string) {
	b, r, err := connection(ts.Getenv("GATEHOUSE_DATA"))
	ts.Check(err)
	vars, err := variables(ts.Getenv("GATEHOUSE_DATA"), b, r)
	ts.Check(err)
	for _, v := range vars {
		ts.Setenv(v.name, v.value)
	}
}

// scriptCaughtUp asks /metrics until the target is behind no more.
func scriptCaughtUp(ts *testscript.TestScript, neg bool, args []string) {
	want := fmt.Sprintf("gatehouse_forward_behind{target=%q} 0\n", args[1])
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		_, answer, err := ask(ts.MkAbs(args[0]), http.MethodGet, "/metrics", nil, nil, false)
		ts.Check(err)
		if strings.Contains(string(answer), want) {
			return
		}
	}
	ts.Fatalf("the target %s did not catch up", args[1])
}
