package az

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"gatehouse/clients/live"

	"github.com/rogpeppe/go-internal/testscript"
)

// chapter is what one script's commands share.
type chapter struct {
	az, warm string
	server   *live.Server
	exit     int // of the last az or gatehouse command
}

type chapterKey struct{}

func current(ts *testscript.TestScript) *chapter { return ts.Value(chapterKey{}).(*chapter) }

// run executes a program and remembers its exit code; neg turns what is wanted around.
func (c *chapter) run(ts *testscript.TestScript, neg bool, program string, args ...string) {
	begin := time.Now()
	err := ts.Exec(program, args...)
	if program == c.az {
		spent.calls.Add(1)
		spent.nanoseconds.Add(int64(time.Since(begin)))
	}
	c.exit = 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		c.exit = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%s: %v", program, err)
	}
	if c.exit < 0 || (c.exit != 0) != neg {
		ts.Fatalf("%s ended with exit code %d\nserver log:\n%s", filepath.Base(program), c.exit, c.server.Log())
	}
}

// [!] az ARGS...: the real az in the current profile.
func cmdAz(ts *testscript.TestScript, neg bool, args []string) {
	c := current(ts)
	c.run(ts, neg, c.az, args...)
}

// [!] gatehouse ARGS...: the product's own command line over the server's data directory.
func cmdGatehouse(ts *testscript.TestScript, neg bool, args []string) {
	c := current(ts)
	if len(args) == 0 {
		ts.Fatalf("usage: gatehouse SUBCOMMAND [ARGS...]")
	}
	c.run(ts, neg, c.server.Bin, append([]string{args[0], "--data", c.server.Data}, args[1:]...)...)
}

// exitcode N: what the last az or gatehouse ended with (1 failed, 2 usage, 3 not found).
func cmdExitCode(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 || args[0] != fmt.Sprint(current(ts).exit) {
		ts.Fatalf("exit code is %d, want %v", current(ts).exit, args)
	}
}

// is LINE...: standard output is exactly these lines, in any order; tabs count as blanks. No argument: nothing was printed.
func cmdIs(ts *testscript.TestScript, neg bool, args []string) {
	got := strings.FieldsFunc(strings.ReplaceAll(ts.ReadFile("stdout"), "\t", " "), func(r rune) bool { return r == '\n' || r == '\r' })
	same := len(got) == len(args)
	left := append([]string(nil), got...)
	for _, want := range args {
		for i := range left {
			if strings.TrimSpace(left[i]) == want {
				left = append(left[:i], left[i+1:]...)
				break
			}
		}
	}
	if same = same && len(left) == 0; same == neg {
		ts.Fatalf("printed %q, want (any order, negated: %v) %q", got, neg, args)
	}
}

// let NAME [REGEXP]: keeps standard output, or what the expression's first group found in it, as a variable.
func cmdLet(ts *testscript.TestScript, _ bool, args []string) {
	out := strings.TrimSpace(ts.ReadFile("stdout"))
	if len(args) == 2 {
		m := regexp.MustCompile(args[1]).FindStringSubmatch(out)
		if len(m) < 2 {
			ts.Fatalf("no match for %s in %q", args[1], out)
		}
		out = m[1]
	}
	if out == "" || out == "None" || strings.Contains(out, "\n") {
		ts.Fatalf("let %s: want one line, have %q", args[0], out)
	}
	ts.Setenv(args[0], out)
}

// expand FILE...: replaces ${NAME} in files by the variables' values.
func cmdExpand(ts *testscript.TestScript, _ bool, args []string) {
	variable := regexp.MustCompile(`\$\{(\w+)\}`)
	for _, file := range args {
		text := variable.ReplaceAllStringFunc(ts.ReadFile(file), func(s string) string { return ts.Getenv(s[2 : len(s)-1]) })
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// profile NAME: the az commands that follow run as this person. A new profile knows the Gatehouse cloud (clients.md 8,
// the recipe of the documentation) and is signed in as nobody.
func cmdProfile(ts *testscript.TestScript, _ bool, args []string) {
	c := current(ts)
	home := ts.MkAbs(filepath.Join(ts.Getenv("WORK"), ".az"))
	dir, base := filepath.Join(home, args[0]), filepath.Join(home, "registered")
	if _, err := os.Stat(base); err != nil {
		ts.Check(os.CopyFS(base, os.DirFS(c.warm)))
		c.register(ts, base)
	}
	if _, err := os.Stat(dir); err != nil {
		ts.Check(os.CopyFS(dir, os.DirFS(base)))
	}
	ts.Setenv("AZURE_CONFIG_DIR", dir)
}

func (c *chapter) register(ts *testscript.TestScript, dir string) {
	gh := c.server.Env["GATEHOUSE_ARM"]
	config := fmt.Sprintf(`{"endpoints": {"resourceManager": "%[1]s", "management": "%[1]s/", "activeDirectory": "%[2]s/adfs", "activeDirectoryResourceId": "%[1]s/",`+
		` "activeDirectoryGraphResourceId": "%[3]s/", "microsoftGraphResourceId": "%[3]s/"}}`, gh, c.server.Env["GATEHOUSE_AUTHORITY"], c.server.Env["GATEHOUSE_GRAPH"])
	file := ts.MkAbs(filepath.Join(ts.Getenv("WORK"), ".az", "cloud.json"))
	ts.Check(os.WriteFile(file, []byte(config), 0o600))
	ts.Setenv("AZURE_CONFIG_DIR", dir)
	c.run(ts, false, c.az, "cloud", "register", "-n", "Gatehouse", "--cloud-config", "@"+file)
	c.run(ts, false, c.az, "cloud", "set", "-n", "Gatehouse")
}

// outsidetoken FILE SUBJECT: a token of the issuer outside, as a build service hands it to its jobs.
func cmdOutsideToken(ts *testscript.TestScript, _ bool, args []string) {
	token, err := current(ts).server.Issuer.Token(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(token), 0o600))
}

// devicelogin NAME PASSWORD: az login --use-device-code, and a person who opens the page that az names.
func cmdDeviceLogin(ts *testscript.TestScript, neg bool, args []string) {
	c := current(ts)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.az, "login", "--use-device-code", "--tenant", ts.Getenv("TENANT_ID"), "-o", "none")
	cmd.Env = append(os.Environ(), "REQUESTS_CA_BUNDLE="+ts.Getenv("REQUESTS_CA_BUNDLE"))
	cmd.Env = append(cmd.Env, settings(ts.Getenv("AZURE_CONFIG_DIR"), ts.Getenv("WORK"), ts.Getenv("PYTHONPATH"))...)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	said, err := c.useDevicePage(ctx, stderr, args[0], args[1])
	if err != nil {
		cancel()
	}
	rest, _ := io.ReadAll(stderr)
	err = errors.Join(err, cmd.Wait())
	if (err != nil) != neg {
		ts.Fatalf("device sign-in: %v\naz said: %s%s\nserver log:\n%s", err, said, rest, c.server.Log())
	}
}

// useDevicePage reads what az prints until it names page and code, and signs in there.
func (c *chapter) useDevicePage(ctx context.Context, stderr io.Reader, name, password string) (said string, err error) {
	message := regexp.MustCompile(`page (\S+) and enter the code (\S+)`)
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said += lines.Text() + "\n"
		if m := message.FindStringSubmatch(said); m != nil {
			client, err := c.server.Client()
			if err != nil {
				return said, err
			}
			return said, live.Person{Name: name, Password: password, Client: client}.EnterCode(ctx, m[1], m[2])
		}
	}
	return said, errors.New("az named no page and code")
}
