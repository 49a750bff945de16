package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse"
	"gatehouse/store"
)

const needle = "sEcReT-nEeDlE-0123456789"

func secretDoc(name, body, secret string) *store.Document {
	d := group(name, body)
	d.Secret = []byte(secret)
	return d
}

func testSealed(f *fixture) {
	f.put(secretDoc("Rg", `{"visible":"hAyStAcK"}`, `{"p":"`+needle+`"}`))
	ticket := store.Ticket{Kind: "refresh", Key: "key-" + needle, Owner: "ada", Value: []byte("value-" + needle), Expires: f.clock.now.Add(time.Hour)}
	f.must(f.s.PutTicket(context.Background(), ticket))
	f.write(func(tx *store.Tx) error { _, err := tx.Delete(groupID("Rg").Scope()); return err })
	for range 2 { // with the journal, and once it is merged
		raw, err := f.h.Dump(f.dir)
		f.must(err)
		if !bytes.Contains(raw, []byte("hAyStAcK")) {
			f.Error("the dump does not hold what is not secret: the test proves nothing")
		}
		if bytes.Contains(raw, []byte(needle)) {
			f.Error("a secret lies in the database in the clear")
		}
		f.reopen()
	}
}

func testLogSecrets(f *fixture) {
	f.put(secretDoc("Rg", `{}`, `{"p":"one"}`), secretDoc("Rg", `{"v":1}`, `{"p":"two"}`), group("Rg", `{}`))
	for i, want := range [][2]string{{"", `{"p":"one"}`}, {`{"p":"one"}`, `{"p":"two"}`}, {`{"p":"two"}`, ""}} {
		before, after, err := f.s.Secrets(context.Background(), int64(i+1))
		f.must(err)
		if string(before) != want[0] || string(after) != want[1] || (before == nil) != (want[0] == "") || (after == nil) != (want[1] == "") {
			f.Errorf("change %d: secrets %q -> %q, want %q", i+1, before, after, want)
		}
	}
	for _, c := range f.changes(store.ChangeQuery{}) {
		if strings.Contains(fmt.Sprintf("%s%s%s", c.Before, c.After, c.Cause.Request), "two") {
			f.Errorf("change %d shows a secret", c.Seq)
		}
	}
	_, _, err := f.s.Secrets(context.Background(), 9)
	f.wantKind(err, gatehouse.NotFound)
	f.verify()
}

// testMovedSecret puts a sealed secret where it does not belong, as somebody with access to the database only might.
func testMovedSecret(f *fixture) {
	f.put(secretDoc("a", `{}`, `{"p":"one"}`), secretDoc("b", `{}`, `{"p":"two"}`))
	f.must(f.s.Close())
	d, err := f.h.Open(f.dir)
	f.must(err)
	ctx := context.Background()
	a, err := d.Document(ctx, groupID("a").Scope().String())
	f.must(err)
	b, err := d.Document(ctx, groupID("b").Scope().String())
	f.must(err)
	b.Secret = a.Secret
	tx, err := d.Begin(ctx)
	f.must(err)
	f.must(tx.PutDocument(b))
	f.must(tx.Commit())
	f.must(d.Close())
	f.open()
	if _, err := f.s.Get(ctx, groupID("b").Scope()); err == nil {
		f.Error("a secret of another document was accepted")
	}
	f.get(groupID("a"))
}

func testRotation(f *fixture) {
	ctx := context.Background()
	f.put(secretDoc("old", `{}`, `{"p":"one"}`))
	f.must(f.s.PutTicket(ctx, store.Ticket{Kind: "k", Key: "x", Value: []byte("v"), Expires: f.clock.now.Add(time.Hour)}))
	before, err := os.ReadFile(f.opt.KeyFile)
	f.must(err)
	for i := range 3 {
		f.must(f.s.RotateKeys(ctx, nil))
		f.put(secretDoc(fmt.Sprint("new", i), `{}`, `{"p":"two"}`))
	}
	after, err := os.ReadFile(f.opt.KeyFile)
	f.must(err)
	if bytes.Equal(before, after) || bytes.Count(after, []byte("=\n")) != 1 {
		f.Errorf("the key file went from\n%s to\n%s", before, after)
	}
	if info, err := os.Stat(f.opt.KeyFile); err != nil || info.Mode().Perm() != 0o600 {
		f.Errorf("the key file has mode %v, %v", info.Mode(), err)
	}
	for range 2 {
		for name, want := range map[string]string{"old": `{"p":"one"}`, "new0": `{"p":"two"}`, "new2": `{"p":"two"}`} {
			if got := f.get(groupID(name)); string(got.Secret) != want {
				f.Errorf("%s holds %s", name, got.Secret)
			}
		}
		if _, err := f.s.Ticket(ctx, "k", "x"); err != nil {
			f.Error(err)
		}
		f.reopen()
	}
	f.verify()
	f.must(f.s.Close())
	f.must(os.WriteFile(f.opt.KeyFile, before, 0o600))
	if err := f.tryOpen(); err == nil || !strings.Contains(err.Error(), "wrong one") {
		f.Errorf("the key before rotation opens: %v", err)
	}
}

// testInterruptedRotation has the key file as it is between its two writes, on either side of the commit.
func testInterruptedRotation(f *fixture) {
	f.put(secretDoc("Rg", `{}`, `{"p":"one"}`))
	old, err := os.ReadFile(f.opt.KeyFile)
	f.must(err)
	f.must(f.s.RotateKeys(context.Background(), nil))
	next, err := os.ReadFile(f.opt.KeyFile)
	f.must(err)
	for _, both := range [][]byte{append(bytes.Clone(old), next...), append(bytes.Clone(next), old...)} {
		f.must(f.s.Close())
		f.must(os.WriteFile(f.opt.KeyFile, both, 0o600))
		f.must(os.WriteFile(f.opt.KeyFile+".new", []byte("half"), 0o600))
		f.open()
		if got := f.get(groupID("Rg")); string(got.Secret) != `{"p":"one"}` {
			f.Errorf("the secret is %s", got.Secret)
		}
		if now, err := os.ReadFile(f.opt.KeyFile); err != nil || !bytes.Equal(now, next) {
			f.Errorf("the key file was not tidied: %s %v", now, err)
		}
	}
}

func testWrongKey(f *fixture) {
	f.put(secretDoc("Rg", `{}`, `{"p":"one"}`))
	f.must(f.s.Close())
	file := f.opt.KeyFile
	for _, c := range []struct{ name, text, want string }{
		{"another key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "wrong one"},
		{"no key", "# nothing\n", "holds no key"},
		{"no base64", "hello\n", "not a master key"},
		{"short", "AAAA\n", "not a master key"},
	} {
		f.opt.KeyFile = filepath.Join(f.TempDir(), "key")
		f.must(os.WriteFile(f.opt.KeyFile, []byte(c.text), 0o600))
		if err := f.tryOpen(); err == nil || !strings.Contains(err.Error(), c.want) {
			f.Errorf("%s: %v", c.name, err)
		}
	}
	f.opt.KeyFile = filepath.Join(f.TempDir(), "none")
	if err := f.tryOpen(); err == nil || !strings.Contains(err.Error(), "missing") {
		f.Errorf("no key file: %v", err)
	}
	if _, err := os.Stat(f.opt.KeyFile); err == nil {
		f.Error("a new key was made for a database sealed with another")
	}
	f.opt.KeyFile, f.opt.MasterKey = "", make([]byte, 32)
	if err := f.tryOpen(); err == nil || !strings.Contains(err.Error(), store.MasterKeyVariable) {
		f.Errorf("wrong key from the environment: %v", err)
	}
	f.opt.KeyFile, f.opt.MasterKey = file, nil
	f.open()
	f.get(groupID("Rg"))
}

func testTickets(f *fixture) {
	ctx := context.Background()
	put := func(kind, key, owner string, life time.Duration) {
		f.must(f.s.PutTicket(ctx, store.Ticket{Kind: kind, Key: key, Owner: owner, Value: []byte(key), Expires: f.clock.now.Add(life)}))
	}
	put("code", "a", "ada", time.Minute)
	put("code", "b", "ada", time.Hour)
	put("code", "c", "bob", time.Hour)
	put("session", "a", "ada", time.Hour)
	got, err := f.s.Ticket(ctx, "code", "a")
	if err != nil || string(got.Value) != "a" || got.Owner != "ada" || got.Key != "a" || !got.Expires.Equal(f.clock.now.Add(time.Minute)) {
		f.Errorf("got %+v, %v", got, err)
	}
	put("code", "a", "eve", time.Minute) // replaces
	if got, _ = f.s.Ticket(ctx, "code", "a"); got.Owner != "eve" {
		f.Errorf("got %+v", got)
	}
	f.clock.now = f.clock.now.Add(time.Minute)
	for _, get := range []func(context.Context, string, string) (store.Ticket, error){f.s.Ticket, f.s.TakeTicket} {
		_, err = get(ctx, "code", "a") // expired to the microsecond
		f.wantKind(err, gatehouse.NotFound)
		_, err = get(ctx, "code", "A")
		f.wantKind(err, gatehouse.NotFound)
	}
	f.must(f.s.DropTickets(ctx, "code", "ada"))
	_, err = f.s.Ticket(ctx, "code", "b")
	f.wantKind(err, gatehouse.NotFound)
	_, err = f.s.Ticket(ctx, "code", "c")
	f.must(err)
	f.must(f.s.DropTickets(ctx, "", "ada"))
	_, err = f.s.Ticket(ctx, "session", "a")
	f.wantKind(err, gatehouse.NotFound)
	if n := f.verify(); n != 0 {
		f.Errorf("tickets made %d changes", n)
	}
}

func testTicketRace(f *fixture) {
	ctx := context.Background()
	f.must(f.s.PutTicket(ctx, store.Ticket{Kind: "code", Key: "once", Value: []byte("v"), Expires: f.clock.now.Add(time.Hour)}))
	var winners atomic.Int32
	f.parallel(50, func(int) {
		if t, err := f.s.TakeTicket(ctx, "code", "once"); err == nil && string(t.Value) == "v" {
			winners.Add(1)
		} else if gatehouse.KindOf(err) != gatehouse.NotFound {
			f.Error(err)
		}
	})
	if winners.Load() != 1 {
		f.Errorf("%d took the ticket", winners.Load())
	}
}

func testSweep(f *fixture) {
	ctx := context.Background()
	f.must(f.s.PutTicket(ctx, store.Ticket{Kind: "code", Key: "x", Expires: f.clock.now.Add(-time.Second)}))
	f.must(f.s.PutTicket(ctx, store.Ticket{Kind: "code", Key: "fresh", Expires: f.clock.now.Add(time.Second)}))
	f.must(f.s.Close())
	f.opt.Sweep = time.Millisecond
	f.open()
	time.Sleep(50 * time.Millisecond)
	_, err := f.s.Ticket(ctx, "code", "fresh")
	f.must(err)
	f.must(f.s.Close())
	d, err := f.h.Open(f.dir)
	f.must(err)
	defer d.Close()
	key := sha256.Sum256([]byte("code\x00x")) // what the store keeps of a key
	if row, err := d.Ticket(ctx, "code", hexOf(key[:])); err != store.ErrNoRow {
		f.Errorf("an expired ticket is still there: %+v, %v", row, err)
	}
}
