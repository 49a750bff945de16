// Package terraform runs the real Terraform with the real azurerm provider against the real server, over one
// configuration that holds every resource the provider knows for API Management. It runs where both programs are
// (docs/clients.md tells how to get them): terraform and terraform-provider-azurerm on the PATH, or TERRAFORM and
// AZURERM_PROVIDER with their paths.
package terraform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/clients/live"
)

// program finds a program by variable or on the PATH, and skips the test where it is missing.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path, _ = exec.LookPath(name)
	}
	if path == "" {
		t.Skipf("no %s: put it on the PATH or name it in %s; see docs/clients.md", name, variable)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// workspace is a directory with a configuration, and how to run Terraform in it.
type workspace struct {
	*testing.T
	terraform, dir string
	env            []string
}

func (w *workspace) in(dir string) *workspace { return &workspace{w.T, w.terraform, dir, w.env} }

// run runs Terraform and fails the test when it answers another exit code.
func (w *workspace) run(want int, args ...string) string {
	w.Helper()
	cmd := exec.Command(w.terraform, args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run() // the exit code tells
	if code := cmd.ProcessState.ExitCode(); code != want {
		w.Fatalf("terraform %s ended with %d, want %d:\n%s", strings.Join(args, " "), code, want, essence(out.String()))
	}
	return out.String()
}

// essence is the errors in Terraform's output, or else what is left without the lines that only show that it is alive.
func essence(out string) string {
	if i := strings.Index(out, "\nError: "); i >= 0 {
		return out[i:]
	}
	dull := regexp.MustCompile(`(?m)^.*(: Creating\.\.\.|: Still |: Refreshing state|: Creation complete|: Reading\.\.\.|: Read complete|: Destroying\.\.\.|: Destruction complete|: Modifying\.\.\.|: Modifications complete|: Importing\.\.\.|: Import complete|: Preparing import).*\n`)
	return dull.ReplaceAllString(out, "")
}

func prepare(t *testing.T) *workspace {
	terraform, provider := program(t, "TERRAFORM", "terraform"), program(t, "AZURERM_PROVIDER", "terraform-provider-azurerm")
	server := live.For(t)
	pfx, err := live.PFX()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	rc := filepath.Join(dir, "terraformrc")
	write(t, rc, fmt.Sprintf("provider_installation {\n  dev_overrides { \"hashicorp/azurerm\" = %q }\n  direct {}\n}\n", filepath.Dir(provider)))
	w := &workspace{t, terraform, filepath.Join(dir, "first"), append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1",
		"ARM_METADATA_HOSTNAME="+strings.TrimPrefix(server.Env["GATEHOUSE_ARM"], "https://"), "SSL_CERT_FILE="+server.Env["SSL_CERT_FILE"],
		"ARM_TENANT_ID="+server.Env["TENANT_ID"], "ARM_SUBSCRIPTION_ID="+server.Env["SUBSCRIPTION_ID"],
		"ARM_CLIENT_ID="+server.Env["CLIENT_ID"], "ARM_CLIENT_SECRET="+server.Env["CLIENT_SECRET"],
		"TF_VAR_pfx="+pfx, "TF_VAR_pfx_password=secret")}
	w.configure()
	return w
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w *workspace) configure() {
	w.Helper()
	text, err := os.ReadFile("testdata/main.tf")
	if err != nil {
		w.Fatal(err)
	}
	write(w.T, filepath.Join(w.dir, "main.tf"), string(text))
}

// TestEverything creates every resource, sees no further changes, changes what can change, imports all of it into an
// empty state, and destroys it.
func TestEverything(t *testing.T) {
	w := prepare(t)
	w.run(0, "apply", "-no-color", "-auto-approve")
	w.unchanged("a first plan after apply", "false")
	w.run(0, "apply", "-no-color", "-auto-approve", "-var", "changed=true")
	w.unchanged("a plan after the update", "true")

	second := w.in(filepath.Join(filepath.Dir(w.dir), "second"))
	second.configure()
	write(t, filepath.Join(second.dir, "imports.tf"), w.imports())
	second.run(0, "apply", "-no-color", "-auto-approve", "-var", "changed=true") // secrets cannot be read, so writes them once
	second.unchanged("a plan after the import", "true")
	second.run(0, "destroy", "-no-color", "-auto-approve", "-var", "changed=true")
}

func (w *workspace) unchanged(when, changed string) {
	w.Helper()
	out := w.run(0, "plan", "-no-color", "-detailed-exitcode", "-var", "changed="+changed)
	if !strings.Contains(out, "No changes.") {
		w.Fatalf("%s wants to change something:\n%s", when, essence(out))
	}
}

// imports are import blocks for everything in the state.
func (w *workspace) imports() string {
	w.Helper()
	cmd := exec.Command(w.terraform, "state", "pull")
	cmd.Dir, cmd.Env = w.dir, w.env
	text, err := cmd.Output()
	if err != nil {
		w.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Mode, Type, Name string
			Instances        []struct{ Attributes struct{ ID string } }
		}
	}
	if err := json.Unmarshal(text, &state); err != nil {
		w.Fatal(err)
	}
	var b strings.Builder
	for _, r := range state.Resources {
		if r.Mode == "managed" {
			fmt.Fprintf(&b, "import {\n  to = %s.%s\n  id = %q\n}\n", r.Type, r.Name, r.Instances[0].Attributes.ID)
		}
	}
	return b.String()
}
