// Package az tells the story of the product through the user's own, unmodified Azure CLI: each script in testdata is a
// chapter with a server and az profiles of its own, so chapters run side by side.
//
// Without az the chapters are skipped; with GATEHOUSE_REQUIRE_AZ=1, as under `make test`, that is a failure.
package az

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/clients/live"

	"github.com/rogpeppe/go-internal/testscript"
)

// spent adds up what az itself costs, so that a slow run can be told from a slow server.
var spent struct{ calls, nanoseconds atomic.Int64 }

func TestMain(m *testing.M) {
	code := m.Run()
	if calls := spent.calls.Load(); calls > 0 {
		total := time.Duration(spent.nanoseconds.Load())
		fmt.Printf("az: %d calls, %v each, %v in all\n", calls, (total / time.Duration(calls)).Round(time.Millisecond), total.Round(time.Second))
	}
	os.Exit(code)
}

func TestStory(t *testing.T) {
	az, err := exec.LookPath("az")
	if err != nil {
		if os.Getenv("GATEHOUSE_REQUIRE_AZ") != "" {
			t.Fatal("az is not installed: scripts/setup.sh installs it (Debian: apt-get install azure-cli)")
		}
		t.Skip("az is not installed: the story of the Azure CLI is skipped (make test installs it)")
	}
	if _, err := live.Binary(); err != nil {
		t.Fatal(err)
	}
	shim, err := filepath.Abs("shim")
	if err != nil {
		t.Fatal(err)
	}
	warm := warmProfile(t, az, shim)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return openChapter(env, az, shim, warm) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"az":           cmdAz,
			"devicelogin":  cmdDeviceLogin,
			"exitcode":     cmdExitCode,
			"expand":       cmdExpand,
			"gatehouse":    cmdGatehouse,
			"is":           cmdIs,
			"let":          cmdLet,
			"outsidetoken": cmdOutsideToken,
			"profile":      cmdProfile,
		},
	})
}

// warmProfile has az write its command index once (more than a second) so that every profile can start with a copy.
func warmProfile(t *testing.T, az, shim string) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(az, "cloud", "list", "-o", "none")
	cmd.Env = append(os.Environ(), settings(dir, dir, shim)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("az cloud list: %v\n%s", err, out)
	}
	return dir
}

// settings keeps az in its own directory, quiet, and away from the network: no telemetry, no extensions to load or
// offer, no question which subscription to take. The shim repairs Debian's pairing of az with newer SDK packages and
// does nothing else; see shim/sitecustomize.py.
func settings(config, home, shim string) []string {
	return []string{
		"AZURE_CONFIG_DIR=" + config,
		"AZURE_EXTENSION_DIR=" + filepath.Join(home, "no-extensions"),
		"AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no",
		"AZURE_CORE_COLLECT_TELEMETRY=no",
		"AZURE_CORE_NO_COLOR=yes",
		"AZURE_CORE_LOGIN_EXPERIENCE_V2=off",
		"AZURE_CORE_INSTANCE_DISCOVERY=false", // az 2.45 does not know it and needs the /adfs authority instead
		"HOME=" + home,
		"LANG=C.UTF-8",
		"PYTHONPATH=" + shim,
		"PYTHONUTF8=1",
	}
}

// given are the values of `gatehouse env` that scripts and az see. The AZURE_* and ARM_* ones stay out: az has to get by
// with what is typed.
var given = []string{"GATEHOUSE_ARM", "GATEHOUSE_AUTHORITY", "GATEHOUSE_GRAPH", "GATEHOUSE_IMDS", "GATEHOUSE_CA_FILE", "TENANT_ID",
	"SUBSCRIPTION_ID", "CLIENT_ID", "CLIENT_SECRET", "MSI_ENDPOINT", "IDENTITY_ENDPOINT", "IDENTITY_HEADER"}

func openChapter(env *testscript.Env, az, shim, warm string) error {
	s, err := live.Start(env.Getenv("TMPDIR"))
	if err != nil {
		return err
	}
	t, _ := env.T().(interface{ Logf(string, ...any) })
	env.Defer(func() {
		if err := s.Stop(); err != nil {
			env.T().Log(err)
			env.T().FailNow()
		}
	})
	if t != nil {
		t.Logf("server ready after %v", s.Ready)
	}
	for _, name := range given {
		if s.Env[name] == "" && name != "MSI_ENDPOINT" && name != "IDENTITY_ENDPOINT" && name != "IDENTITY_HEADER" {
			return fmt.Errorf("gatehouse env does not give %s", name)
		}
		env.Setenv(name, s.Env[name])
	}
	env.Setenv("REQUESTS_CA_BUNDLE", s.Env["GATEHOUSE_CA_FILE"])
	env.Setenv("ISSUER", s.Issuer.URL)
	env.Vars = append(env.Vars, settings(filepath.Join(env.WorkDir, ".az", "none"), env.WorkDir, shim)...)
	env.Values[chapterKey{}] = &chapter{az: az, warm: warm, server: s}
	return nil
}
