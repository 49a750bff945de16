package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"gatehouse/store/sqlite"
)

// The files of a data directory besides those of the store and the certificates.
const (
	bootstrapFile = "bootstrap.json" // first administrator and service principal, 0600
	runtimeFile   = "runtime.json"   // where the running server listens
)

// bootstrap is what the first start makes up and tells once.
type bootstrap struct {
	TenantID       string `json:"tenantId"`
	SubscriptionID string `json:"subscriptionId"`
	Administrator  string `json:"administrator"` // user principal name
	Password       string `json:"password"`
	ClientID       string `json:"clientId"` // service principal, Owner at the root
	ClientSecret   string `json:"clientSecret"`
	IdentitySecret string `json:"identitySecret"` // header of the managed identity endpoint
}

// running is what a server leaves, for as long as it runs, for the commands that talk to it.
type running struct {
	PID       int    `json:"pid"`
	PublicURL string `json:"publicUrl"`
	Listen    string `json:"listen"` // host and port that it listens on
	IMDS      string `json:"imds"`
	Metrics   string `json:"metrics,omitempty"` // of --metrics-listen
	Gateway   string `json:"gateway,omitempty"` // of calls of APIs
	CAFile    string `json:"caFile"`            // "" when the certificate came from outside
	TLSCert   string `json:"tlsCert,omitempty"` // the certificate from outside
	Version   string `json:"version"`
}

func readFile[T any](dir, name string) (*T, error) {
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", filepath.Join(dir, name), err)
	}
	return v, nil
}

// writeFile replaces a file whole, on disk before it counts; only the owner can read it.
func writeFile(dir, name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, name+".new")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.Chmod(0o600) // of a file that was there before
	if err == nil {
		_, err = f.Write(append(raw, '\n'))
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

// connection reads what a client of the server over dir needs.
func connection(dir string) (*bootstrap, *running, error) {
	b, err := readFile[bootstrap](dir, bootstrapFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s holds no Gatehouse data: start a server with \"gatehouse serve --data %s\", or name another directory with --data", dir, dir)
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := readFile[running](dir, runtimeFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, unreachable{fmt.Errorf("no server runs over %s: start it with \"gatehouse serve --data %s\"", dir, dir)}
	}
	if err == nil && !sqlite.InUse(dir) {
		return nil, nil, unreachable{fmt.Errorf("the server over %s (process ID %d) has ended without saying so: start it again with \"gatehouse serve --data %s\"", dir, r.PID, dir)}
	}
	return b, r, err
}

// dataFlag adds --data to a command.
func dataFlag(c *cobra.Command, data *string, what string) {
	c.PersistentFlags().StringVar(data, "data", defaultData(), what)
	if err := c.MarkPersistentFlagDirname("data"); err != nil {
		panic(err) // the flag was made above
	}
}

const serverData = "data directory of the server (also: GATEHOUSE_DATA)"

// defaultData is the data directory when --data and GATEHOUSE_DATA are not given.
func defaultData() string {
	if dir := os.Getenv("GATEHOUSE_DATA"); dir != "" {
		return dir
	}
	return ".gatehouse"
}
