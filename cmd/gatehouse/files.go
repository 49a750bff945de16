package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// running is what a started server leaves for the commands that talk to it.
type running struct {
	PID       int    `json:"pid"`
	PublicURL string `json:"publicUrl"`
	IMDS      string `json:"imds"`
	CAFile    string `json:"caFile"` // "" when the certificate came from outside
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

// writeFile replaces a file whole; only the owner can read it.
func writeFile(dir, name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(dir, name+".new")
	if err := os.WriteFile(tmp, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(dir, name))
}

// connection reads what a client of the server over dir needs.
func connection(dir string) (*bootstrap, *running, error) {
	b, err := readFile[bootstrap](dir, bootstrapFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, fmt.Errorf("%s holds no Gatehouse data: start one with \"gatehouse serve --data %s\", or name another directory with --data", dir, dir)
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := readFile[running](dir, runtimeFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, unreachable{fmt.Errorf("no server has been started over %s yet: run \"gatehouse serve --data %s\"", dir, dir)}
	}
	return b, r, err
}

// defaultData is the data directory when --data and GATEHOUSE_DATA are not given.
func defaultData() string {
	if dir := os.Getenv("GATEHOUSE_DATA"); dir != "" {
		return dir
	}
	return ".gatehouse"
}
