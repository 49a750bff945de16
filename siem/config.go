package siem

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Config is the file of `gatehouse serve --forward`: YAML or JSON.
type Config struct {
	Targets []Target `yaml:"targets"`
}

// Target is one receiver of changes.
type Target struct {
	Name string `yaml:"name"` // of its cursor, its metrics and its log lines
	// To is syslog+tls://host:6514, syslog+tcp://host:601, https://… for a webhook,
	// or file:PATH. Plain TCP is for a collector on a network that one trusts.
	To     string `yaml:"to"`
	Format Format `yaml:"format"` // cef for syslog, ocsf for the others when empty
	From   string `yaml:"from"`   // beginning or now (default): where a new target starts
	CA     string `yaml:"ca"`     // PEM of the authority to trust instead of the system's
	// SecretFile holds the key with which a webhook's deliveries are signed.
	SecretFile string   `yaml:"secretFile"`
	Kinds      []string `yaml:"kinds"` // of changes; all when empty

	url    *url.URL
	secret []byte
	tls    *tls.Config
}

// LoadConfig reads the file and everything that it names, so that a fault in it is told at the start.
func LoadConfig(file string) (*Config, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c := &Config{}
	if err := yaml.UnmarshalWithOptions(raw, c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for i := range c.Targets {
		t := &c.Targets[i]
		if err := t.load(filepath.Dir(file)); err != nil {
			return nil, fmt.Errorf("%s: target %q: %w", file, t.Name, err)
		}
		if seen[t.Name] {
			return nil, fmt.Errorf("%s: two targets are called %q", file, t.Name)
		}
		seen[t.Name] = true
	}
	return c, nil
}

var targetName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

var changeKinds = []string{"write", "delete", "refused", "signin", "event"}

func (t *Target) load(dir string) (err error) {
	if !targetName.MatchString(t.Name) {
		return errors.New("name takes small letters, digits and dashes")
	}
	if t.From != "" && t.From != "now" && t.From != "beginning" {
		return fmt.Errorf("from takes now or beginning; it is %q", t.From)
	}
	for _, kind := range t.Kinds {
		if !slices.Contains(changeKinds, kind) {
			return fmt.Errorf("kinds takes %s; it has %q", strings.Join(changeKinds, ", "), kind)
		}
	}
	if t.url, err = url.Parse(t.To); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	if err := t.kind(dir); err != nil {
		return err
	}
	if !slices.Contains(Formats, string(t.Format)) {
		return fmt.Errorf("format takes %s; it is %q", strings.Join(Formats, ", "), t.Format)
	}
	return t.trust(dir)
}

// kind checks what the target needs for its kind, and completes it.
func (t *Target) kind(dir string) error {
	format := OCSF
	switch t.url.Scheme {
	case "syslog+tls", "syslog+tcp":
		format = CEF
		if t.url.Port() == "" {
			return fmt.Errorf("to lacks a port: %s://%s:6514", t.url.Scheme, t.url.Hostname())
		}
	case "file":
		t.To = beside(dir, t.url.Opaque+t.url.Path)
	case "http", "https":
		if t.url.Scheme == "http" && !loopback(t.url.Hostname()) {
			return errors.New("to is plain http, which anybody between can read: use https")
		}
		raw, err := os.ReadFile(beside(dir, t.SecretFile))
		if t.secret = []byte(strings.TrimSpace(string(raw))); err != nil || len(t.secret) < 16 {
			return errors.New("a webhook needs secretFile, a file that holds a key of 16 bytes or more")
		}
	default:
		return fmt.Errorf("to takes syslog+tls://host:port, syslog+tcp://host:port, https://… or file:PATH; it is %q", t.To)
	}
	if t.Format == "" {
		t.Format = format
	}
	return nil
}

func (t *Target) trust(dir string) error {
	t.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.url.Hostname()}
	if t.CA == "" {
		return nil
	}
	pem, err := os.ReadFile(beside(dir, t.CA))
	if err != nil {
		return fmt.Errorf("ca: %w", err)
	}
	t.tls.RootCAs = x509.NewCertPool()
	if !t.tls.RootCAs.AppendCertsFromPEM(pem) {
		return fmt.Errorf("ca: %s holds no PEM certificate", t.CA)
	}
	return nil
}

func beside(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
