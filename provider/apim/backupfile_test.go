package apim

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/store"
)

// plainSealer hides nothing, and opens only what was closed for the same purpose.
type plainSealer struct{}

func (plainSealer) Seal(purpose string, plain []byte) []byte {
	sum := sha256.Sum256(append([]byte(purpose), plain...))
	return append(sum[:], plain...)
}

func (plainSealer) Unseal(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) < 32 || !bytes.Equal(plainSealer{}.Seal(purpose, sealed[32:])[:32], sealed[:32]) {
		return nil, errors.New("changed")
	}
	return sealed[32:], nil
}

func someBackup(t *testing.T, n int) ([]byte, []*store.Document) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	var documents []*store.Document
	for i := range n {
		text := make([]byte, r.IntN(8000)) // does not compress well
		for j := range text {
			text[j] = '0' + byte(r.IntN(78))
		}
		id := gatehouse.MustID("/subscriptions/50b5c400-0000-4000-8000-000000000001/resourceGroups/g/providers/Microsoft.ApiManagement/service/s/apis/a" + strings.Repeat("x", i%5) + string(rune('a'+i%26)))
		documents = append(documents, &store.Document{ID: id, Type: serviceType + "/apis", Body: []byte(`{"properties":{"v":"<` + strings.ReplaceAll(string(text), `\`, "/") + `>"}}`), Secret: []byte(`{"k":"&"}`)})
	}
	var file bytes.Buffer
	if err := writeBackup(&file, plainSealer{}, backupHead{Service: "s", SKU: "Developer"}, documents); err != nil {
		t.Fatal(err)
	}
	return file.Bytes(), documents
}

func readAll(file []byte) ([]*store.Document, error) {
	r, err := openBackup(bytes.NewReader(file), plainSealer{})
	if err != nil {
		return nil, err
	}
	return r.documents()
}

// What was written is read, byte for byte, in one frame and in several.
func TestBackupFile(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		file, want := someBackup(t, n)
		got, err := readAll(file)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d documents: %d, %v", n, len(got), err)
		}
		for i := range got {
			if !same(got[i], want[i]) {
				t.Fatalf("document %d: %s %s, want %s", i, got[i].ID, got[i].Body, want[i].Body)
			}
		}
	}
}

// A file that was cut, changed, prolonged or put together from others is refused, never read in part.
func TestDamagedBackup(t *testing.T) {
	file, _ := someBackup(t, 1000)
	other, _ := someBackup(t, 999)
	if len(file) < 2*frameSize {
		t.Fatalf("the file has one frame only: %d bytes", len(file))
	}
	start := len(backupFormat) + 16
	frame := 5 + 32 + frameSize // the first one
	swapped := append(append(bytes.Clone(file[:start]), file[start+frame:start+2*frame]...), file[start:start+frame]...)
	for name, bad := range map[string][]byte{
		"empty": {}, "cut head": file[:10], "cut in a frame": file[:len(file)-1], "cut after a frame": file[:start+frame], "only a head": file[:start],
		"other format": append([]byte("gatehouse service backup 2\n"), file[len(backupFormat):]...), "swapped": append(swapped, file[start+2*frame:]...),
		"head of another": append(bytes.Clone(other[:start]), file[start:]...), "frame of another": append(bytes.Clone(file[:start+frame]), other[start+frame:]...),
	} {
		if _, err := readAll(bad); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		bad := bytes.Clone(file)
		i := r.IntN(len(bad))
		bad[i] ^= 1 << r.IntN(8)
		if _, err := readAll(bad); err == nil {
			t.Fatalf("byte %d was changed, and it is read", i)
		}
	}
}

// The names that callers give name a file below the directory, whatever they are.
func TestBackupNames(t *testing.T) {
	for _, bad := range []string{"", ".", "..", "../a", "a/b", "a\\b", ".a", "a.", "a b", "a\x00", "a\n", strings.Repeat("a", 129), "-a", "é", ".partial"} {
		if backupName.Check(bad) == nil {
			t.Errorf("backup %q", bad)
		}
		if accountName.Check(bad) == nil || containerName.Check(bad) == nil {
			t.Errorf("account or container %q", bad)
		}
	}
	for _, good := range []string{"a", "A-b_c.2026", strings.Repeat("a", 128)} {
		if backupName.Check(good) != nil {
			t.Errorf("backup %q", good)
		}
	}
	for name, want := range map[string]bool{"abc": true, "a-b": true, "a--b": false, "ab": false, "-abc": false, "abc-": false, "$root": false, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false} {
		if (containerName.Check(name) == nil) != want {
			t.Errorf("container %q: want %v", name, want)
		}
	}
}

func TestMayProbe(t *testing.T) {
	for _, c := range []struct {
		address       string
		private, want bool
	}{
		{"203.0.113.9:443", false, true}, {"[2001:db8::1]:443", false, true},
		{"10.0.0.1:443", false, false}, {"10.0.0.1:443", true, true}, {"100.64.1.1:80", false, false}, {"[fd00::1]:80", false, false}, {"[fd00::1]:80", true, true},
		{"127.0.0.1:443", true, false}, {"[::1]:443", true, false}, {"[::ffff:127.0.0.1]:443", true, false}, {"169.254.169.254:80", true, false},
		{"[fe80::1]:80", true, false}, {"0.0.0.0:80", true, false}, {"[::]:80", true, false}, {"224.0.0.1:80", true, false}, {"255.255.255.255:80", true, false}, {"nonsense", true, false},
	} {
		if err := mayProbe(c.address, c.private); (err == nil) != c.want {
			t.Errorf("%s, %v: %v", c.address, c.private, err)
		}
	}
}
