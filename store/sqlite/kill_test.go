package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/audit"
	"gatehouse/store"
	"gatehouse/store/sqlite"
)

// killVariable makes the test binary a writer that the kill test kills.
const killVariable = "GATEHOUSE_TEST_WRITER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killVariable); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever has several goroutines write documents of their own; each line of
// output is a document, the value it was acknowledged with, or "-" once it was
// deleted. One more rotates the keys.
func writeForever(dir string) {
	s, err := sqlite.Open(context.Background(), dir, store.Options{}, sqlite.Settings{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("ready -")
	var lines sync.Mutex
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				name, value := killWrite(s, w, i)
				lines.Lock()
				os.Stdout.WriteString(name + " " + value + "\n") // unbuffered: what is read was acknowledged
				lines.Unlock()
			}
		}()
	}
	for {
		if err := s.RotateKeys(context.Background(), nil); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
}

func killWrite(s *store.Store, writer, i int) (name, value string) {
	name, value = fmt.Sprintf("w%d-%d", writer, rand.IntN(8)), fmt.Sprintf("%d-%d", os.Getpid(), i)
	if i%10 == 9 {
		value = "-"
	}
	_, err := s.Write(context.Background(), gatehouse.Cause{Action: "kill"}, func(tx *store.Tx) error {
		if value == "-" {
			if _, err := tx.Delete(killID(name).Scope()); gatehouse.KindOf(err) != gatehouse.NotFound {
				return err
			}
			return nil
		}
		body := fmt.Appendf(nil, `{"v":%q,"filler":%q}`, value, strings.Repeat("x", rand.IntN(3000)))
		return tx.Put(&store.Document{ID: killID(name), Type: "Microsoft.X/things", Body: body, Secret: fmt.Appendf(nil, `{"v":%q}`, value)})
	})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	return name, value
}

func killID(name string) gatehouse.ID {
	return gatehouse.MustID("/subscriptions/s/resourceGroups/rg/providers/Microsoft.X/things/" + name)
}

// TestKill kills a writing process again and again, several hundred times in all.
// Whatever was acknowledged must be there after the next start, or what the same
// document was given after that; the log must verify.
func TestKill(t *testing.T) {
	rounds, until := 150, time.Now().Add(8*time.Second)
	if testing.Short() {
		rounds = 10
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for lane := range 2 {
		t.Run(fmt.Sprint("lane", lane), func(t *testing.T) {
			t.Parallel()
			k := &killer{T: t, self: self, dir: t.TempDir(), acknowledged: map[string][]string{}}
			n := 0
			for ; n < rounds && time.Now().Before(until); n++ {
				k.round(n%25 == 24)
			}
			k.check()
			t.Logf("%d kills, %d acknowledged writes", n, k.writes)
		})
	}
}

type killer struct {
	*testing.T
	self, dir    string
	acknowledged map[string][]string // by document, in order
	writes       int
}

// round lets the writer run for a random moment, which may end before it is ready.
func (k *killer) round(check bool) {
	cmd := exec.Command(k.self)
	cmd.Env = append(os.Environ(), killVariable+"="+k.dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		k.Fatal(err)
	}
	kill := time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { cmd.Process.Kill() })
	k.read(out)
	kill.Stop()
	cmd.Process.Kill()
	cmd.Wait()
	if check {
		k.check()
	}
}

func (k *killer) read(out io.Reader) {
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil { // a last line without its end was perhaps cut in the middle
			return
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "error":
			k.Fatal("the writer failed:", value)
		case "ready":
		default:
			k.acknowledged[name] = append(k.acknowledged[name], value)
			k.writes++
		}
	}
}

func (k *killer) check() {
	k.Helper()
	ctx := context.Background()
	s, err := sqlite.Open(ctx, k.dir, store.Options{}, sqlite.Settings{})
	if err != nil {
		k.Fatal(err)
	}
	defer s.Close()
	if r, err := audit.Verify(ctx, s, nil); err != nil || r.Fault != nil {
		k.Fatal(err, r.Fault)
	}
	history := k.history(s)
	for name, acknowledged := range k.acknowledged {
		k.compare(s, name, history[name], acknowledged)
	}
}

// history is the values that each document was given, by the log.
func (k *killer) history(s *store.Store) map[string][]string {
	changes, err := s.Changes(context.Background(), store.ChangeQuery{Type: "Microsoft.X/things"})
	if err != nil {
		k.Fatal(err)
	}
	all := map[string][]string{}
	for c, err := range changes {
		if err != nil {
			k.Fatal(err)
		}
		name, value := gatehouse.MustID(c.Resource).Name(), "-"
		if c.Kind == gatehouse.Write {
			_, rest, _ := strings.Cut(string(c.After), `"v":"`)
			value, _, _ = strings.Cut(rest, `"`)
		}
		all[name] = append(all[name], value)
	}
	return all
}

// compare looks for every acknowledged value, in order, in the document's history,
// and for the end of that history in the document. A deletion of what was not there
// is no change, so an acknowledged "-" need not be found.
func (k *killer) compare(s *store.Store, name string, history, acknowledged []string) {
	k.Helper()
	rest := history
	for _, value := range acknowledged {
		at := slices.Index(rest, value)
		if at < 0 && value != "-" {
			k.Errorf("%s was acknowledged as %s and is lost", name, value)
		}
		if value != "-" {
			rest = rest[at+1:]
		}
	}
	last := "-"
	if len(history) > 0 {
		last = history[len(history)-1]
	}
	d, err := s.Get(context.Background(), killID(name).Scope())
	switch {
	case last == "-" && gatehouse.KindOf(err) == gatehouse.NotFound:
	case err != nil:
		k.Errorf("%s: %v", name, err)
	case !strings.Contains(string(d.Body), `"v":"`+last+`"`) || string(d.Secret) != fmt.Sprintf(`{"v":%q}`, last):
		k.Errorf("%s holds %.60s and secret %s, want %s", name, d.Body, d.Secret, last)
	}
}
