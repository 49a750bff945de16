package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// ManifestFile is the name of a bundle's manifest; that of a backup is its name with ManifestSuffix.
const (
	ManifestFile   = "manifest.json"
	ManifestSuffix = ".manifest.json"
)

const manifestKind = "manifest"

// Manifest lists files and what they held, signed.
type Manifest struct {
	About      string     `json:"about"` // in words: what the files are
	Made       time.Time  `json:"made"`
	Files      []File     `json:"files"` // ordered by name
	Checkpoint Checkpoint `json:"checkpoint"`
	Key        PublicKey  `json:"key"`
	Signature  string     `json:"signature"`
}

// File is one file as it was.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Manifest signs a list of files of dir.
func (k *Key) Manifest(dir string, names []string, about string, at Checkpoint, made time.Time) (Manifest, error) {
	m := Manifest{About: about, Made: made.UTC().Truncate(time.Second), Checkpoint: at, Key: k.Public(), Files: []File{}}
	for _, name := range slices.Sorted(slices.Values(names)) {
		f, err := fileOf(dir, name)
		if err != nil {
			return m, err
		}
		m.Files = append(m.Files, f)
	}
	m.Signature = k.sign(manifestKind, m.unsigned())
	return m, nil
}

func fileOf(dir, name string) (File, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return File{name, n, hex.EncodeToString(h.Sum(nil))}, err
}

func (m Manifest) unsigned() []byte {
	m.Signature = ""
	return m.bytes()
}

func (m Manifest) bytes() []byte {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		panic(err) // plain values always encode
	}
	return append(b, '\n')
}

// readManifest reads a manifest and checks its own bytes, every one of them.
func readManifest(path string) (m Manifest, err error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("%s was changed: it cannot be read (%w)", path, err)
	}
	switch {
	case !bytes.Equal(m.bytes(), raw):
		return m, fmt.Errorf("%s was changed: it is not written as Gatehouse writes it", path)
	case !m.Key.signs(manifestKind, m.unsigned(), m.Signature):
		return m, fmt.Errorf("%s was changed: its signature does not fit", path)
	}
	if what := m.Checkpoint.check(m.Checkpoint.Line()); what != "" {
		return m, fmt.Errorf("%s was changed: in its checkpoint, %s", path, what)
	}
	return m, nil
}

// files compares the files of dir with the manifest.
func (m Manifest) files(dir string) error {
	var wrong []error
	for _, want := range m.Files {
		if want.Name != filepath.Base(want.Name) {
			return fmt.Errorf("the manifest names %q, which is not in %s", want.Name, dir)
		}
		have, err := fileOf(dir, want.Name)
		path := filepath.Join(dir, want.Name)
		switch {
		case errors.Is(err, os.ErrNotExist):
			wrong = append(wrong, fmt.Errorf("%s is missing", path))
		case err != nil:
			wrong = append(wrong, err)
		case have.Size != want.Size:
			wrong = append(wrong, fmt.Errorf("%s was changed: it has %d bytes and had %d", path, have.Size, want.Size))
		case have != want:
			wrong = append(wrong, fmt.Errorf("%s was changed: its SHA-256 is %s, the manifest says %s", path, have.SHA256, want.SHA256))
		}
	}
	return errors.Join(wrong...)
}

// strangers are the files of dir that the manifest does not know.
func (m Manifest) strangers(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		known := e.Name() == ManifestFile || slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == e.Name() })
		if !known {
			return fmt.Errorf("%s is not part of the bundle: somebody put it there", filepath.Join(dir, e.Name()))
		}
	}
	return nil
}

// VerifyBundle checks a bundle without anything else but its own files: each is as the
// signed manifest says, none is missing or added, and the records of the log in it form
// a chain that ends at the signed checkpoint.
func VerifyBundle(dir string) (Manifest, error) {
	m, err := readManifest(filepath.Join(dir, ManifestFile))
	if err == nil {
		err = m.files(dir)
	}
	if err == nil {
		err = m.strangers(dir)
	}
	if err == nil {
		err = verifyProof(filepath.Join(dir, LogFile), m.Checkpoint)
	}
	return m, err
}

// SignBackup writes the manifest of a backup beside it.
func SignBackup(k *Key, file string, at Checkpoint) error {
	m, err := k.Manifest(filepath.Dir(file), []string{filepath.Base(file)}, "the backup "+filepath.Base(file), at, at.Time)
	if err != nil {
		return err
	}
	return writeSynced(file+ManifestSuffix, m.bytes())
}

// VerifyBackup checks a backup by the manifest beside it.
func VerifyBackup(file string) (Manifest, error) {
	m, err := readManifest(file + ManifestSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return m, fmt.Errorf("%s has no manifest beside it (%s): it was made before backups had one, or somebody took it away", file, filepath.Base(file)+ManifestSuffix)
	}
	if err != nil {
		return m, err
	}
	if len(m.Files) != 1 {
		return m, fmt.Errorf("%s is not the manifest of a backup", file+ManifestSuffix)
	}
	m.Files[0].Name = filepath.Base(file) // a copy may be renamed together with its manifest
	return m, m.files(filepath.Dir(file))
}

// writeSynced writes a file whole or not at all.
func writeSynced(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), strings.TrimSuffix(filepath.Base(path), ".json")+".*.part")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}
