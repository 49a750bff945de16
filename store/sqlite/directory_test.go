package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q lacks %q", err, w)
		}
	}
}

func TestOpenIsQuick(t *testing.T) {
	best := time.Hour
	for range 5 {
		start := time.Now()
		open(t, t.TempDir(), store.Options{}, sqlite.Settings{}).Close()
		best = min(best, time.Since(start))
	}
	if best > 150*time.Millisecond {
		t.Errorf("an empty directory takes %v to open", best)
	}
	t.Log(best)
}

func TestPermissions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data %41#?&")
	s := open(t, dir, store.Options{}, sqlite.Settings{})
	put(t, s, 1)
	files, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*", "*"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range append(files, dir) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
}

func TestSecondProcess(t *testing.T) {
	dir := t.TempDir()
	if sqlite.InUse(dir) {
		t.Error("a directory without a database is in use")
	}
	s := open(t, dir, store.Options{}, sqlite.Settings{})
	if !sqlite.InUse(dir) {
		t.Error("an open directory is not in use")
	}
	_, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{})
	wantError(t, err, "in use by another Gatehouse", "--data")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.Command(self)
	other.Env = append(os.Environ(), killVariable+"="+dir)
	out, err := other.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "in use by another Gatehouse process (process ID ") {
		t.Errorf("another process: %v, %s", err, out)
	}
	s.Close()
	if sqlite.InUse(dir) {
		t.Error("a closed directory is in use")
	}
	open(t, dir, store.Options{}, sqlite.Settings{})
}

func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, store.Options{}, sqlite.Settings{}).Close()
	exec1(t, dir, `UPDATE meta SET value = '99' WHERE name = 'schema'`)
	for _, s := range []sqlite.Settings{{}, {ReadOnly: true}} {
		_, err := sqlite.Open(context.Background(), dir, store.Options{}, s)
		wantError(t, err, "schema 99", "newer Gatehouse", "run that version")
	}
	exec1(t, dir, `UPDATE meta SET value = 'x' WHERE name = 'schema'`)
	_, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{})
	wantError(t, err, "not a number")
}

func exec1(t *testing.T, dir, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.DatabaseFile))
	if err == nil {
		_, err = db.Exec(statement)
		db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoDatabase(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, sqlite.DatabaseFile), bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{})
	wantError(t, err, "no database", "restore a backup")
	_, err = sqlite.Open(context.Background(), t.TempDir(), store.Options{}, sqlite.Settings{ReadOnly: true})
	wantError(t, err, "there is no database", "--data")
}

func TestReadOnlyBesideServer(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{}, sqlite.Settings{})
	put(t, s, 1)
	reader := open(t, dir, store.Options{}, sqlite.Settings{ReadOnly: true})
	put(t, s, 2)
	if _, err := reader.Get(context.Background(), apiID(2).Scope()); err != nil {
		t.Error(err)
	}
	if seq, _ := reader.Head(context.Background()); seq != 2 {
		t.Errorf("the head is %d", seq)
	}
	_, err := reader.Write(context.Background(), apiCause(), func(*store.Tx) error { return nil })
	wantError(t, err, "reading only")
	if r, err := audit.Verify(context.Background(), reader, nil); err != nil || r.Fault != nil || r.Documents != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := reader.Backup(context.Background(), filepath.Join(t.TempDir(), "b"), store.BackupOptions{}); err != nil {
		t.Error(err)
	}
	put(t, s, 3)
}

func TestEnvironmentKey(t *testing.T) {
	t.Setenv(store.MasterKeyVariable, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")
	dir := t.TempDir()
	s := open(t, dir, store.Options{}, sqlite.Settings{})
	put(t, s, 1)
	if _, err := os.Stat(filepath.Join(dir, sqlite.KeyFile)); err == nil {
		t.Error("a key file was written although the key comes from the environment")
	}
	wantError(t, s.RotateKeys(context.Background(), nil), "give the new one")
	if err := s.RotateKeys(context.Background(), make([]byte, 32)); err != nil {
		t.Error(err)
	}
	s.Close()
	_, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{})
	wantError(t, err, store.MasterKeyVariable, "wrong one")
	t.Setenv(store.MasterKeyVariable, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	open(t, dir, store.Options{}, sqlite.Settings{})
	t.Setenv(store.MasterKeyVariable, "short")
	_, err = sqlite.Open(context.Background(), t.TempDir(), store.Options{}, sqlite.Settings{})
	wantError(t, err, store.MasterKeyVariable, "openssl rand")
}

func TestBackupAndRestore(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := open(t, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	secret := &store.Document{ID: gatehouse.MustID("/subscriptions/s"), Type: "Microsoft.Resources/subscriptions", Body: []byte(`{}`), Secret: []byte(`{"p":"geheim"}`)}
	if _, err := s.Write(ctx, apiCause(), func(tx *store.Tx) error { return tx.Put(secret) }); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		put(t, s, i)
	}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 1000; ; i++ {
			select {
			case <-stop:
				return
			default:
				put(t, s, i)
			}
		}
	}()
	without, with := filepath.Join(t.TempDir(), "plain"), filepath.Join(t.TempDir(), "keyed")
	for path, include := range map[string]bool{without: false, with: true} {
		if err := s.Backup(ctx, path, store.BackupOptions{IncludeKey: include}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	for _, path := range []string{without, with} {
		if files, _ := filepath.Glob(path + "*"); len(files) > 2 || len(files) == 2 && files[1] != path+store.KeySuffix {
			t.Errorf("a backup leaves %v", files)
		}
	}

	restored := filepath.Join(t.TempDir(), "restored")
	if ok, err := sqlite.Restore(ctx, with, restored, nil); err != nil || !ok {
		t.Fatal(ok, err)
	}
	checkRestored(t, restored)

	bare := t.TempDir()
	if ok, err := sqlite.Restore(ctx, without, bare, func(done, total int64) {}); err != nil || ok {
		t.Fatal(ok, err)
	}
	_, err := sqlite.Open(ctx, bare, store.Options{}, sqlite.Settings{})
	wantError(t, err, "master key file", "is missing", "put the file back")
	key, err := os.ReadFile(filepath.Join(dir, sqlite.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bare, sqlite.KeyFile), key, 0o600); err != nil {
		t.Fatal(err)
	}
	checkRestored(t, bare)

	_, err = sqlite.Restore(ctx, with, dir, nil)
	wantError(t, err, "not empty")
	_, err = sqlite.Restore(ctx, filepath.Join(dir, "none"), t.TempDir(), nil)
	wantError(t, err, "no backup file")
}

func checkRestored(t *testing.T, dir string) {
	t.Helper()
	ctx := context.Background()
	s := open(t, dir, store.Options{}, sqlite.Settings{})
	defer s.Close()
	d, err := s.Get(ctx, gatehouse.MustScope("/subscriptions/s"))
	if err != nil || string(d.Secret) != `{"p":"geheim"}` {
		t.Errorf("%+v, %v", d, err)
	}
	if r, err := audit.Verify(ctx, s, nil); err != nil || r.Fault != nil || r.Changes < 301 {
		t.Errorf("%+v, %v", r, err)
	}
	put(t, s, 5000)
}

func TestRestoreDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, store.Options{}, sqlite.Settings{Unsafe: true})
	for i := range 200 {
		put(t, s, i)
	}
	path := filepath.Join(t.TempDir(), "b")
	if err := s.Backup(context.Background(), path, store.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		copy(whole[len(whole)/20*i+2000:], "damaged damaged damaged")
	}
	for _, broken := range [][]byte{whole, whole[:len(whole)/2], []byte("hello")} {
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		to := t.TempDir()
		if _, err := sqlite.Restore(context.Background(), path, to, nil); err == nil {
			t.Error("a damaged backup was restored")
		}
		if files, _ := os.ReadDir(to); len(files) != 0 {
			t.Errorf("a refused restore leaves %v", files)
		}
	}
}
