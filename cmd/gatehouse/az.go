package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

func azCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use: "az [--data DIR] -- ARGS...", Short: "Run your own az against this server, in a profile of its own",
		Long: `Run the az that is installed here, pointed at the server over the data directory and
signed in as the bootstrap service principal. Its profile lives under the data
directory, so your own az sign-ins and settings are not touched.`,
		Example: "  gatehouse az -- role assignment list --all -o table",
		RunE: func(c *cobra.Command, args []string) error {
			b, r, err := connection(data)
			if err != nil {
				return err
			}
			az, err := newAz(data, b, r)
			if err != nil {
				return err
			}
			if err := az.prepare(); err != nil {
				return err
			}
			run := az.command(args...)
			run.Stdin, run.Stdout, run.Stderr = c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr()
			return run.Run()
		},
	}
	dataFlag(c, &data, serverData)
	return c
}

// azProfile is an isolated profile of the user's az.
type azProfile struct {
	program, dir string
	env          []string
	b            *bootstrap
	r            *running
}

func newAz(data string, b *bootstrap, r *running) (*azProfile, error) {
	program, err := exec.LookPath("az")
	if err != nil {
		return nil, errors.New("az is not installed: install the Azure CLI (on Debian: apt-get install azure-cli), or use the API with \"gatehouse token\"")
	}
	dir, err := filepath.Abs(filepath.Join(data, "az"))
	if err != nil {
		return nil, err
	}
	vars, err := variables(data, b, r)
	if err != nil {
		return nil, err
	}
	az := &azProfile{program: program, dir: dir, b: b, r: r, env: append(os.Environ(), "AZURE_CONFIG_DIR="+dir, "AZURE_CORE_COLLECT_TELEMETRY=no", "AZURE_CORE_NO_COLOR=true")}
	for _, v := range vars {
		if v.name == "REQUESTS_CA_BUNDLE" || v.name == "AZURE_CORE_INSTANCE_DISCOVERY" {
			az.env = append(az.env, v.name+"="+v.value)
		}
	}
	return az, nil
}

func (az *azProfile) command(args ...string) *exec.Cmd {
	c := exec.Command(az.program, args...)
	c.Env = az.env
	return c
}

// signedIn says what the profile was prepared for.
type signedIn struct{ PublicURL, ClientID string }

// prepare registers the cloud and signs in, once per server address and service principal.
func (az *azProfile) prepare() error {
	want := signedIn{az.r.PublicURL, az.b.ClientID}
	if have, err := readFile[signedIn](az.dir, "gatehouse.json"); err == nil && *have == want {
		return nil
	}
	if err := os.RemoveAll(az.dir); err != nil {
		return err
	}
	if err := os.MkdirAll(az.dir, 0o700); err != nil {
		return err
	}
	// The path /adfs keeps az 2.45 from asking the public cloud about an authority that it does not know (clients.md section 8).
	gh := az.r.PublicURL
	cloud, err := json.Marshal(map[string]any{"endpoints": map[string]string{"resourceManager": gh, "management": gh + "/", "activeDirectory": gh + "/adfs",
		"activeDirectoryResourceId": gh + "/", "activeDirectoryGraphResourceId": gh + "/", "microsoftGraphResourceId": gh + "/"}})
	if err != nil {
		return err
	}
	for _, step := range []struct {
		args  []string
		stdin string
	}{
		{args: []string{"cloud", "register", "-n", "Gatehouse", "--cloud-config", string(cloud)}},
		{args: []string{"cloud", "set", "-n", "Gatehouse"}},
		// @- reads the secret from standard input: the arguments of a program are for all of the machine to see.
		{[]string{"login", "--service-principal", "-u", az.b.ClientID, "-p", "@-", "--tenant", az.b.TenantID, "-o", "none"}, az.b.ClientSecret},
	} {
		if err := az.quiet(step.stdin, step.args...); err != nil {
			return err
		}
	}
	return writeFile(az.dir, "gatehouse.json", want)
}

// quiet runs az and shows what it says only when it fails.
func (az *azProfile) quiet(stdin string, args ...string) error {
	c := az.command(args...)
	c.Stdin = strings.NewReader(stdin)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Run(); err != nil {
		return fmt.Errorf("az %s %s failed: %s", args[0], args[1], bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
