package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"gatehouse"
	"gatehouse/evidence"
	"gatehouse/naming"
	"gatehouse/provider/access"
	"gatehouse/provider/attest"
	"gatehouse/store"
)

// reporting is what report was asked for.
type reporting struct{ data, server, kind, from, to, period, dir string }

func reportCommand() *cobra.Command {
	var r reporting
	c := &cobra.Command{Use: "report soc2|access-review", Short: "Make a signed bundle of evidence for auditors and reviewers", Args: cobra.ExactArgs(1), ValidArgs: evidence.Kinds,
		Long: `Write a directory with what changed and who did it, why and with which ticket; who had access
to what when the period began and ended, with the groups between; what was refused; and
the records of the log that prove it. There is JSON, CSV and one page for reading and printing.

The bundle is signed with the key of the installation ("gatehouse audit key"). Anybody can
verify it offline: "gatehouse audit verify --bundle DIR".

It reads the data directory, or asks the server at --server, which makes bundles for who may
read all access and the log.`,
		Example: "  gatehouse report soc2 --period 2026-Q1\n  gatehouse report access-review --from 2026-01-01 --to 2026-04-01 -o review",
		RunE: func(c *cobra.Command, args []string) error {
			if r.kind = args[0]; !slices.Contains(evidence.Kinds, r.kind) {
				return notOneOf("report", r.kind, evidence.Kinds...)
			}
			return r.run(c.Context(), c.OutOrStdout())
		}}
	dataFlag(c, &r.data, serverData)
	f := c.Flags()
	serverFlag(c, &r.server)
	f.StringVar(&r.from, "from", "", "begin of the period: 2026-01-01, a time, or an age such as 720h")
	f.StringVar(&r.to, "to", "", "its end, exclusive (default: now)")
	f.StringVar(&r.period, "period", "", "instead of --from and --to: 2026, 2026-Q1 or 2026-01")
	f.StringVarP(&r.dir, "output", "o", "", "new directory for the bundle (default: named after kind and period)")
	c.MarkFlagsMutuallyExclusive("period", "from")
	c.MarkFlagsMutuallyExclusive("period", "to")
	return c
}

func (r *reporting) run(ctx context.Context, out io.Writer) error {
	now := time.Now()
	from, to, err := evidence.Period(r.period, r.from, r.to, now)
	if err != nil {
		return usage(err)
	}
	r.dir = cmp.Or(r.dir, fmt.Sprintf("%s-%s-to-%s", r.kind, from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly)))
	var report *evidence.Report
	if r.server != "" {
		report, err = r.fetch(ctx, from, to)
	} else {
		err = withEvidence(ctx, r.data, func(s *store.Store, key *evidence.Key, tenant string) error {
			findings, err := attest.Findings(ctx, s, now)
			if err == nil {
				report, err = key.Bundle(ctx, s, evidence.Request{Kind: r.kind, From: from, To: to, Now: now, Tenant: tenant, Version: version(), Names: naming.New(ctx, s), Findings: findings}, r.dir)
			}
			return err
		})
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d changes (%d without a reason), %d refusals, %d ways of access at the end (%d gained, %d lost)\nRead %s/index.html; verify with \"gatehouse audit verify --bundle %s\".\n",
		r.dir, len(report.Changes), report.Unreasoned, len(report.Refusals), len(report.End), len(report.Gained), len(report.Lost), r.dir, r.dir)
	return nil
}

// fetch has the server make the bundle, and verifies what came.
func (r *reporting) fetch(ctx context.Context, from, to time.Time) (*evidence.Report, error) {
	cl, err := newServerClient(r.server)
	if err != nil {
		return nil, err
	}
	cl.http.Timeout = 10 * time.Minute // the server reads all of its log
	body := map[string]string{"kind": r.kind, "from": from.UTC().Format(time.RFC3339Nano)}
	if r.period != "" || r.to != "" { // otherwise up to now, as the server's clock has it
		body["to"] = to.UTC().Format(time.RFC3339Nano)
	}
	var archive []byte
	if err := cl.post(ctx, access.Path+"/report", body, &archive); err != nil {
		return nil, err
	}
	if err := evidence.Extract(archive, r.dir); err != nil {
		return nil, err
	}
	if _, err := evidence.VerifyBundle(r.dir); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(r.dir, "report.json"))
	if err != nil {
		return nil, err
	}
	report := &evidence.Report{}
	return report, json.Unmarshal(raw, report)
}

// serverFlag declares --server for commands that otherwise read a data directory.
func serverFlag(c *cobra.Command, server *string) {
	c.Flags().StringVar(server, "server", "", "ask the server at this address with the token of $GATEHOUSE_TOKEN")
}

// verifyThere has a server verify its own log, and compares it with checkpoints.
func verifyThere(ctx context.Context, out io.Writer, server, key string, points []evidence.Checkpoint) error {
	cl, err := newServerClient(server)
	if err != nil {
		return err
	}
	cl.http.Timeout = 10 * time.Minute
	body := map[string]any{"checkpoints": points}
	if key != "" {
		trusted, err := evidence.ParseKey(key)
		if err != nil {
			return usage(err)
		}
		body["key"] = trusted.String()
	}
	var v attest.Verdict
	if err := cl.post(ctx, access.Path+"/verifyLog", body, &v); err != nil {
		return err
	}
	if !v.Verified {
		return errors.New(v.Fault)
	}
	fmt.Fprintf(out, "verified by the server: %d changes and %d documents are as they were written\nhead: %d %s\n", v.Changes, v.Documents, v.Head, v.Hash)
	told(out, points)
	return nil
}

// checkpointFrom has a server sign how far its log has come.
func checkpointFrom(ctx context.Context, server string) (point evidence.Checkpoint, err error) {
	cl, err := newServerClient(server)
	if err != nil {
		return point, err
	}
	if err := cl.post(ctx, access.Path+"/checkpoints", map[string]string{}, &point); err != nil {
		return point, err
	}
	if err := point.Genuine(); err != nil {
		return point, gatehouse.Errorf(gatehouse.Internal, "", "%v", err)
	}
	return point, nil
}
