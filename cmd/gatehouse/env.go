package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func envCommand() *cobra.Command {
	var data, format string
	c := &cobra.Command{
		Use: "env", Short: "Print what a client needs to reach the server: eval \"$(gatehouse env)\"", Args: cobra.NoArgs,
		Long: `Print the variables that Azure SDKs, Terraform, Node and Python read, for the server
that was last started over the data directory. In a shell: eval "$(gatehouse env)".

The output holds the secret of the bootstrap service principal, which is Owner at the root.`,
		RunE: func(c *cobra.Command, _ []string) error {
			b, r, err := connection(data)
			if err != nil {
				return err
			}
			vars, err := variables(data, b, r)
			if err != nil {
				return err
			}
			return printVariables(c.OutOrStdout(), vars, format)
		},
	}
	dataFlag(c, &data, serverData)
	c.Flags().StringVar(&format, "format", "sh", "sh, json or dotenv")
	completeWith(c, "format", envForms...)
	return c
}

var envForms = []string{"sh", "json", "dotenv"}

// variable is one line of the environment; the order is that of the output.
type variable struct{ name, value string }

// variables lists what clients read (clients.md section 8).
func variables(data string, b *bootstrap, r *running) ([]variable, error) {
	host := strings.TrimPrefix(r.PublicURL, "https://")
	vars := []variable{
		{"GATEHOUSE_ARM", r.PublicURL}, {"GATEHOUSE_AUTHORITY", r.PublicURL}, {"GATEHOUSE_GRAPH", r.PublicURL}, {"GATEHOUSE_IMDS", r.IMDS},
		{"TENANT_ID", b.TenantID}, {"SUBSCRIPTION_ID", b.SubscriptionID}, {"CLIENT_ID", b.ClientID}, {"CLIENT_SECRET", b.ClientSecret},
		{"AZURE_TENANT_ID", b.TenantID}, {"AZURE_SUBSCRIPTION_ID", b.SubscriptionID}, {"AZURE_CLIENT_ID", b.ClientID}, {"AZURE_CLIENT_SECRET", b.ClientSecret},
		{"AZURE_AUTHORITY_HOST", r.PublicURL}, {"AZURE_CORE_INSTANCE_DISCOVERY", "false"},
		{"ARM_METADATA_HOSTNAME", host}, {"ARM_TENANT_ID", b.TenantID}, {"ARM_SUBSCRIPTION_ID", b.SubscriptionID}, {"ARM_CLIENT_ID", b.ClientID}, {"ARM_CLIENT_SECRET", b.ClientSecret},
	}
	if r.Gateway != "" {
		vars = slices.Insert(vars, 4, variable{"GATEHOUSE_GATEWAY", r.Gateway})
	}
	if r.IMDS != "" {
		vars = append(vars, variable{"IDENTITY_ENDPOINT", r.IMDS + "/metadata/identity/oauth2/token"}, variable{"IDENTITY_HEADER", b.IdentitySecret},
			variable{"MSI_ENDPOINT", r.IMDS + "/" + b.IdentitySecret + "/metadata/identity/oauth2/token"})
	}
	if r.CAFile == "" {
		return vars, nil
	}
	bundle, err := trustBundle(data, r.CAFile)
	if err != nil {
		return nil, err
	}
	return append(vars, variable{"GATEHOUSE_CA_FILE", r.CAFile}, variable{"SSL_CERT_FILE", bundle}, variable{"REQUESTS_CA_BUNDLE", bundle},
		variable{"NODE_EXTRA_CA_CERTS", r.CAFile}), nil
}

// systemRoots are where systems keep the certificates that they trust.
var systemRoots = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// trustBundle writes the local CA together with the system's roots: SSL_CERT_FILE and
// REQUESTS_CA_BUNDLE replace what a program trusts, and it should not lose the rest of the world.
func trustBundle(data, caFile string) (string, error) {
	own, err := os.ReadFile(caFile)
	if err != nil {
		return "", err
	}
	for _, path := range systemRoots {
		if roots, err := os.ReadFile(path); err == nil {
			own = append(append(own, '\n'), roots...)
			break
		}
	}
	path, err := filepath.Abs(filepath.Join(data, "ca-bundle.pem"))
	if err != nil {
		return "", err
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == string(own) {
		return path, nil
	}
	if err := os.WriteFile(path+".new", own, 0o644); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

func printVariables(w io.Writer, vars []variable, format string) error {
	switch format {
	case "sh":
		for _, v := range vars {
			fmt.Fprintf(w, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
		}
	case "dotenv":
		for _, v := range vars {
			fmt.Fprintf(w, "%s=%q\n", v.name, v.value)
		}
	case "json":
		m := map[string]string{}
		for _, v := range vars {
			m[v.name] = v.value
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(m)
	default:
		return notOneOf("--format", format, envForms...)
	}
	return nil
}
