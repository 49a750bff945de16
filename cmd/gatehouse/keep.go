package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/evidence"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func backupCommand() *cobra.Command {
	var data string
	var key bool
	c := &cobra.Command{Use: "backup FILE", Short: "Copy the database to a new file while the server runs", Args: cobra.ExactArgs(1),
		Long: `Write a consistent copy of everything to a new file and check it. The master key is left
out unless --include-key is given; without it the secrets in the copy stay closed, so
keep the key, but not beside the copy.

FILE.manifest.json beside it is signed: "gatehouse audit verify --backup FILE" tells whether
a byte of the copy has changed since.`,
		RunE: func(c *cobra.Command, args []string) error {
			return withStore(c.Context(), data, func(s *store.Store) error {
				err := s.Backup(c.Context(), args[0], store.BackupOptions{IncludeKey: key, Progress: progress(c.ErrOrStderr(), "pages")})
				if err == nil {
					err = signBackup(c.Context(), s, data, args[0])
				}
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "backed up to %s\n", args[0])
				}
				return err
			})
		}}
	dataFlag(c, &data, serverData)
	c.Flags().BoolVar(&key, "include-key", false, "also write the master key, to FILE"+store.KeySuffix)
	return c
}

// signBackup writes the manifest of a backup.
func signBackup(ctx context.Context, s *store.Store, data, file string) error {
	key, tenant, err := signer(ctx, s, data)
	if err != nil {
		return err
	}
	return evidence.SignBackup(key, file, key.Checkpoint(ctx, s, tenant, time.Now()))
}

func restoreCommand() *cobra.Command {
	var data string
	c := &cobra.Command{Use: "restore FILE", Short: "Make a data directory from a backup", Args: cobra.ExactArgs(1),
		Long: `Make a data directory from a backup. One that has its manifest beside it is verified first,
and refused when a byte of it has changed.`,
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0] + evidence.ManifestSuffix); err == nil {
				if _, err := evidence.VerifyBackup(args[0]); err != nil {
					return err
				}
			}
			withKey, err := sqlite.Restore(c.Context(), args[0], data, progress(c.ErrOrStderr(), "pages"))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "restored to %s\n", data)
			if !withKey {
				fmt.Fprintf(c.OutOrStdout(), "The backup came without its master key: put the key file into %s as %s, or set %s, before the server starts.\n", data, sqlite.KeyFile, store.MasterKeyVariable)
			}
			return nil
		}}
	dataFlag(c, &data, "new data directory; it must not exist or be empty")
	return c
}

func rotateKeysCommand() *cobra.Command {
	var data string
	var revoke bool
	c := &cobra.Command{Use: "rotate-keys", Short: "Make new keys for secrets at rest and for signing tokens", Args: cobra.NoArgs,
		Long: `Ask the running server to make a new master key, a new key for secrets that are stored
from now on, and a new key that signs tokens. Tokens and secrets of before stay good, unless
--revoke-tokens withdraws the signing keys: every access token is then refused at once, and
clients get new ones with their secrets, sessions and refresh tokens.
With the master key in the environment, change the variable yourself: it cannot be rotated from here.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cl, err := newClient(data)
			if err != nil {
				return err
			}
			if err := cl.post(c.Context(), "/providers/Gatehouse.Operations/rotateKeys", map[string]any{"revokeTokens": revoke}, nil); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), "keys rotated; make a new copy of the master key")
			return nil
		}}
	dataFlag(c, &data, serverData)
	c.Flags().BoolVar(&revoke, "revoke-tokens", false, "also refuse every token issued until now (after a signing key leaked)")
	return c
}
