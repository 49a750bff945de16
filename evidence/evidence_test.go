package evidence_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/evidence"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

var names = plainNames{}

type plainNames struct{}

func (plainNames) Caller(c *gatehouse.Caller) string { return c.Name }
func (plainNames) Where(c *gatehouse.Change) string  { return c.Resource }
func (plainNames) Why(*gatehouse.Change) string      { return "because" }

// filled is a store with some changes, and its key.
func filled(t *testing.T, n int) (string, *store.Store, *evidence.Key) {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{Unsafe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for i := range n {
		cause := gatehouse.Cause{Caller: gatehouse.Caller{Name: "ada"}, Action: "Microsoft.Resources/write", Scope: "/", Operation: "op", Reason: "CHG"}
		d := &store.Document{ID: gatehouse.MustID(fmt.Sprintf("/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-%d", i)), Type: "Microsoft.Resources/subscriptions/resourceGroups", Body: []byte(`{"a":"<é>"}`)}
		if _, err := s.Write(context.Background(), cause, func(tx *store.Tx) error { return tx.Put(d) }); err != nil {
			t.Fatal(err)
		}
	}
	k, err := evidence.Open(dir, s)
	if err != nil {
		t.Fatal(err)
	}
	return dir, s, k
}

// TestFlippedByte flips a bit of every byte of every file of a bundle: each is found, and the file is named.
func TestFlippedByte(t *testing.T) {
	_, s, k := filled(t, 3)
	dir := filepath.Join(t.TempDir(), "bundle")
	now := time.Now().Add(time.Second)
	if _, err := k.Bundle(context.Background(), s, evidence.Request{Kind: evidence.SOC2, From: now.Add(-time.Hour), To: now, Now: now, Tenant: "t", Version: "v", Names: names}, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.VerifyBundle(dir); err != nil {
		t.Fatal(err)
	}
	entries, _ := os.ReadDir(dir)
	flips := 0
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		whole, _ := os.ReadFile(path)
		for at := range whole {
			flips++
			broken := bytes.Clone(whole)
			broken[at] ^= 1 << (at % 8)
			os.WriteFile(path, broken, 0o600)
			if _, err := evidence.VerifyBundle(dir); err == nil || !strings.Contains(err.Error(), e.Name()) {
				t.Fatalf("byte %d of %s was flipped: %v", at, e.Name(), err)
			}
		}
		os.WriteFile(path, whole, 0o600)
	}
	t.Log(flips, "flips")
	os.Remove(filepath.Join(dir, "refusals.csv"))
	if _, err := evidence.VerifyBundle(dir); err == nil || !strings.Contains(err.Error(), "refusals.csv is missing") {
		t.Error(err)
	}
}

// TestFlippedCheckpoint: every byte of a checkpoint counts.
func TestFlippedCheckpoint(t *testing.T) {
	_, s, k := filled(t, 2)
	whole := append(k.Checkpoint(context.Background(), s, "t", time.Now()).Line(), '\n')
	file := filepath.Join(t.TempDir(), "points")
	for at := range len(whole) - 1 {
		for bit := range 7 {
			broken := bytes.Clone(whole)
			broken[at] ^= 1 << bit
			os.WriteFile(file, broken, 0o600)
			if points, err := evidence.ReadCheckpoints(file); err == nil {
				t.Fatalf("bit %d of byte %d was flipped: %v", bit, at, points)
			}
		}
	}
}

// TestFlippedBackup flips a bit of every byte of a backup and of its manifest: each is
// found, and the file is named. It takes a minute; every seventh byte will do but in `make soak`.
func TestFlippedBackup(t *testing.T) {
	_, s, k := filled(t, 5)
	file := filepath.Join(t.TempDir(), "copy.db")
	if err := s.Backup(context.Background(), file, store.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := evidence.SignBackup(k, file, k.Checkpoint(context.Background(), s, "t", time.Now())); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.VerifyBackup(file); err != nil {
		t.Fatal(err)
	}
	step := 7
	if os.Getenv("GATEHOUSE_SOAK") != "" {
		step = 1
	}
	for _, path := range []string{file, file + evidence.ManifestSuffix} {
		whole, _ := os.ReadFile(path)
		for at := 0; at < len(whole); at += step {
			broken := bytes.Clone(whole)
			broken[at] ^= 1 << (at % 8)
			os.WriteFile(path, broken, 0o600)
			if _, err := evidence.VerifyBackup(file); err == nil || !strings.Contains(err.Error(), path) {
				t.Fatalf("byte %d of %s was flipped: %v", at, path, err)
			}
		}
		os.WriteFile(path, whole, 0o600)
	}
}

// TestTruncation: a log cut at any place, or written anew, does not hold the checkpoint.
func TestTruncation(t *testing.T) {
	ctx := context.Background()
	_, long, k := filled(t, 6)
	point := k.Checkpoint(ctx, long, "t", time.Now())
	if err := evidence.CheckLog(ctx, long, "t", []evidence.Checkpoint{point}, k.Public()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 5} {
		_, cut, _ := filled(t, n)
		if err := evidence.CheckLog(ctx, cut, "t", []evidence.Checkpoint{point}, k.Public()); err == nil || !strings.Contains(err.Error(), "the log was cut") {
			t.Errorf("%d changes of 6: %v", n, err)
		}
	}
	_, anew, other := filled(t, 8)
	if err := evidence.CheckLog(ctx, anew, "t", []evidence.Checkpoint{point}, k.Public()); err == nil || !strings.Contains(err.Error(), "written anew") {
		t.Error(err)
	}
	if err := evidence.CheckLog(ctx, long, "t", []evidence.Checkpoint{point}, other.Public()); err == nil || !strings.Contains(err.Error(), "not the key to trust") {
		t.Error(err)
	}
	if err := evidence.CheckLog(ctx, long, "u", []evidence.Checkpoint{point}, k.Public()); err == nil || !strings.Contains(err.Error(), "another installation") {
		t.Error(err)
	}
}

// TestKeyIsSealed: the key stays the same, and is of no use elsewhere.
func TestKeyIsSealed(t *testing.T) {
	dir, s, k := filled(t, 0)
	again, err := evidence.Open(dir, s)
	if err != nil || !again.Public().Equal(k.Public()) {
		t.Error(err)
	}
	_, stranger, _ := filled(t, 0)
	if _, err := evidence.Open(dir, stranger); err == nil || !strings.Contains(err.Error(), "another installation") {
		t.Error(err)
	}
	if p, err := evidence.ParseKey(k.Public().String()); err != nil || !p.Equal(k.Public()) {
		t.Error(err)
	}
}
