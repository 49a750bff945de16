package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/audit"
	"gatehouse/evidence"
	"gatehouse/guard"
	"gatehouse/store"
)

func auditCheckpoint(data *string) *cobra.Command {
	var to []string
	var server string
	c := &cobra.Command{Use: "checkpoint", Short: "Sign how far the log has come, and keep that elsewhere", Args: cobra.NoArgs,
		Long: `Sign the number and the hash of the newest change. Whoever keeps the line can tell later,
with "gatehouse audit verify --checkpoint FILE", whether the log was cut or written anew.

--to takes a file, to which a line is added; git:DIR, a repository in which checkpoints.jsonl
is committed, and pushed when its branch has an upstream; or https://…, which gets the line
by POST. "gatehouse serve --checkpoint-to" does the same by itself.`,
		Example: `  gatehouse audit checkpoint --to git:/srv/checkpoints --to https://notary.example/gatehouse`,
		RunE: func(c *cobra.Command, _ []string) error {
			destinations, err := parseDestinations(to)
			if err != nil {
				return err
			}
			if server != "" {
				point, err := checkpointFrom(c.Context(), server)
				if err != nil {
					return err
				}
				return publish(c.Context(), c.OutOrStdout(), point, destinations)
			}
			return withEvidence(c.Context(), *data, func(s *store.Store, key *evidence.Key, tenant string) error {
				return publish(c.Context(), c.OutOrStdout(), key.Checkpoint(c.Context(), s, tenant, time.Now()), destinations)
			})
		}}
	serverFlag(c, &server)
	c.Flags().StringArrayVar(&to, "to", nil, "FILE, git:DIR or https://… ; may be repeated (default: print it)")
	return c
}

func publish(ctx context.Context, out io.Writer, point evidence.Checkpoint, to []evidence.Destination) error {
	if len(to) == 0 {
		fmt.Fprintf(out, "%s\n", point.Line())
		return nil
	}
	for _, d := range to {
		if err := d.Publish(ctx, point); err != nil {
			return err
		}
		fmt.Fprintf(out, "checkpoint of change %d is in %s\n", point.Seq, d)
	}
	return nil
}

func parseDestinations(to []string) (all []evidence.Destination, err error) {
	for _, text := range to {
		d, err := evidence.ParseDestination(text)
		if err != nil {
			return nil, usage(err)
		}
		all = append(all, d)
	}
	return all, nil
}

func auditKey(data *string) *cobra.Command {
	return &cobra.Command{Use: "key", Short: "Print the public key that checks evidence of this installation", Args: cobra.NoArgs,
		Long: `Print the public part of the key that signs checkpoints, evidence bundles and manifests of
backups. Give it to those who check them, by another way than the evidence itself.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return withEvidence(c.Context(), *data, func(_ *store.Store, key *evidence.Key, _ string) error {
				fmt.Fprintln(c.OutOrStdout(), key.Public())
				fmt.Fprintln(c.ErrOrStderr(), "fingerprint", key.Public().Fingerprint())
				return nil
			})
		}}
}

// withEvidence opens the data directory for reading, and the key that signs what is said about it.
func withEvidence(ctx context.Context, data string, f func(s *store.Store, key *evidence.Key, tenant string) error) error {
	return withStore(ctx, data, func(s *store.Store) error {
		key, tenant, err := signer(ctx, s, data)
		if err != nil {
			return err
		}
		return f(s, key, tenant)
	})
}

// signer is the key that signs what is said about a data directory, and the tenant that it is said of.
func signer(ctx context.Context, s *store.Store, data string) (*evidence.Key, string, error) {
	key, err := evidence.Open(data, s)
	if err != nil {
		return nil, "", err
	}
	tenant, err := tenantOf(ctx, s)
	return key, tenant, err
}

// tenantOf is the ID of the tenant in a store, "" before the first start.
func tenantOf(ctx context.Context, s *store.Store) (string, error) {
	page, err := s.List(ctx, store.Query{Type: guard.TenantType, Limit: 1})
	if err != nil || len(page.Documents) == 0 {
		return "", err
	}
	return page.Documents[0].ID.Name(), nil
}

// verifyFlags are what audit verify compares besides the log with itself.
type verifyFlags struct {
	checkpoints []string
	key         string
	bundle      string
	backup      string
	server      string
}

func (v *verifyFlags) flags(c *cobra.Command) {
	c.Flags().StringArrayVar(&v.checkpoints, "checkpoint", nil, "file of checkpoints that was kept elsewhere: tells whether the log was cut; may be repeated")
	c.Flags().StringVar(&v.key, "key", "", "public key to trust, or its file (default: that of the data directory)")
	c.Flags().StringVar(&v.bundle, "bundle", "", "verify this evidence bundle instead (needs no data directory)")
	c.Flags().StringVar(&v.backup, "backup", "", "verify this backup by its manifest instead (needs no data directory)")
	c.Flags().StringVar(&v.server, "server", "", "have the server at this address verify its log, with the token of $GATEHOUSE_TOKEN")
	c.MarkFlagsMutuallyExclusive("checkpoint", "bundle", "backup")
	c.MarkFlagsMutuallyExclusive("server", "bundle", "backup")
}

// trusted are the keys whose signatures count.
func (v *verifyFlags) trusted(data string, s *store.Store) ([]evidence.PublicKey, error) {
	if v.key != "" {
		key, err := evidence.ParseKey(v.key)
		if err != nil {
			return nil, usage(err)
		}
		return []evidence.PublicKey{key}, nil
	}
	key, err := evidence.Open(data, s)
	if err != nil {
		return nil, err
	}
	return []evidence.PublicKey{key.Public()}, nil
}

// run verifies what the flags name.
func (v *verifyFlags) run(ctx context.Context, out, messages io.Writer, data string) error {
	switch {
	case v.bundle != "":
		return v.signed(out, "bundle", v.bundle, evidence.VerifyBundle)
	case v.backup != "":
		return v.signed(out, "backup", v.backup, evidence.VerifyBackup)
	}
	return v.log(ctx, out, messages, data)
}

// signed verifies what has a manifest.
func (v *verifyFlags) signed(out io.Writer, what, path string, verify func(string) (evidence.Manifest, error)) error {
	m, err := verify(path)
	if err != nil {
		return err
	}
	trust := "Compare this with the key that the installation gave you (gatehouse audit key), or give it with --key."
	if v.key != "" {
		key, err := evidence.ParseKey(v.key)
		if err != nil {
			return usage(err)
		}
		if !key.Equal(m.Key) {
			return fmt.Errorf("the %s is whole, but signed by %s and not by the key that was given: somebody else made it, or it was made anew", what, m.Key)
		}
		trust = "It is the key that was given."
	}
	files := fmt.Sprintf("%d files are as they were", len(m.Files))
	if len(m.Files) == 1 {
		files = "the file is as it was"
	}
	fmt.Fprintf(out, "verified: %s when %s was made, %s\nlog: change %d %s\nkey: %s\n%s\n",
		files, m.About, m.Made.Format("2006-01-02 15:04:05 UTC"), m.Checkpoint.Seq, m.Checkpoint.Hash, m.Key, trust)
	return nil
}

// log verifies the log of a data directory, first by itself, then against the checkpoints.
func (v *verifyFlags) log(ctx context.Context, out, messages io.Writer, data string) error {
	var points []evidence.Checkpoint
	for _, file := range v.checkpoints {
		more, err := evidence.ReadCheckpoints(file)
		if err != nil {
			return err
		}
		points = append(points, more...)
	}
	if v.server != "" {
		return verifyThere(ctx, out, v.server, v.key, points)
	}
	return withStore(ctx, data, func(s *store.Store) error {
		report, err := audit.Verify(ctx, s, progress(messages, "changes"))
		if err != nil {
			return err
		}
		if report.Fault != nil {
			return report.Fault
		}
		if err := v.against(ctx, s, data, points); err != nil {
			return err
		}
		fmt.Fprintf(out, "verified: %d changes and %d documents are as they were written\nhead: %d %s\n", report.Changes, report.Documents, report.Head, report.Hash)
		told(out, points)
		return nil
	})
}

// told says which checkpoints the log was found to hold.
func told(out io.Writer, points []evidence.Checkpoint) {
	if len(points) > 0 {
		last := points[len(points)-1]
		fmt.Fprintf(out, "checkpoints: %d read, the log holds every one; the last is of %s, change %d\n", len(points), last.Time.Format(time.RFC3339), last.Seq)
	}
}

func (v *verifyFlags) against(ctx context.Context, s *store.Store, data string, points []evidence.Checkpoint) error {
	if len(points) == 0 {
		return nil
	}
	trusted, err := v.trusted(data, s)
	if err != nil {
		return err
	}
	tenant, err := tenantOf(ctx, s)
	if err != nil {
		return err
	}
	return evidence.CheckLog(ctx, s, tenant, points, trusted...)
}

// publisher sends checkpoints now and then for as long as the server runs.
type publisher struct {
	store  *store.Store
	key    *evidence.Key
	tenant string
	every  time.Duration
	to     []evidence.Destination
	last   []int64 // by destination: the change of the newest checkpoint there
}

func newPublisher(ctx context.Context, s *store.Store, data string, to []string, every time.Duration) (*publisher, error) {
	p := &publisher{store: s, every: every, last: make([]int64, len(to))}
	var err error
	if p.to, err = parseDestinations(to); err != nil || len(to) == 0 {
		return p, err
	}
	p.key, p.tenant, err = signer(ctx, s, data)
	return p, err
}

// run publishes until ctx ends, and once more then: what happened last counts too.
func (p *publisher) run(ctx context.Context) {
	if len(p.to) == 0 {
		return
	}
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		p.publish(context.WithoutCancel(ctx))
		select {
		case <-ctx.Done():
			p.publish(context.WithoutCancel(ctx))
			return
		case <-tick.C:
		}
	}
}

// publish sends a checkpoint to each destination that has not the newest one; what fails is tried at the next tick.
func (p *publisher) publish(ctx context.Context) {
	point := p.key.Checkpoint(ctx, p.store, p.tenant, time.Now())
	for i, d := range p.to {
		if p.last[i] == point.Seq {
			continue
		}
		once, cancel := context.WithTimeout(ctx, 20*time.Second)
		err := d.Publish(once, point)
		cancel()
		if err != nil {
			slog.Error("a checkpoint was not published; it is tried again", "to", d.String(), "change", point.Seq, "error", err)
			continue
		}
		p.last[i] = point.Seq
	}
}
