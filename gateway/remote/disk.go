package remote

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gatehouse/gateway/config"
)

// The files of a gateway's directory. The key is the owner's alone; who has both can read what the gateway serves with.
const (
	configFile = "gateway-config"
	KeyFile    = "gateway-key" // 32 random bytes
)

// format begins the sealed text, so that a later program knows what it reads.
const format = "gatehouse gateway configuration 1\n"

// disk keeps a configuration for a start without the management node.
type disk struct {
	dir  string
	seal cipher.AEAD
}

func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	key, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		rand.Read(key)
		err = write(dir, KeyFile, key)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("%s is damaged: delete it and %s", filepath.Join(dir, KeyFile), configFile)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCM(block)
	return &disk{dir: dir, seal: seal}, err
}

// write puts a file in place whole, readable by its owner.
func write(dir, name string, content []byte) error {
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// save keeps a configuration, and by which state the node knows it, in the place of the one before; nil keeps none.
func (d *disk) save(u *config.Update, state string) error {
	if u == nil {
		return os.RemoveAll(filepath.Join(d.dir, configFile))
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	e := json.NewEncoder(z)
	if err := errors.Join(e.Encode(u), e.Encode(state), z.Close()); err != nil {
		return err
	}
	nonce := make([]byte, d.seal.NonceSize())
	rand.Read(nonce)
	return write(d.dir, configFile, d.seal.Seal(nonce, nonce, b.Bytes(), []byte(format)))
}

// load returns what was kept, nil when there is nothing.
func (d *disk) load() (u *config.Update, state string, err error) {
	sealed, err := os.ReadFile(filepath.Join(d.dir, configFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	n := d.seal.NonceSize()
	if len(sealed) < n {
		return nil, "", fmt.Errorf("%s is damaged", configFile)
	}
	plain, err := d.seal.Open(nil, sealed[:n], sealed[n:], []byte(format))
	if err != nil {
		return nil, "", fmt.Errorf("%s does not open with the key beside it", configFile)
	}
	z, err := gzip.NewReader(bytes.NewReader(plain))
	if err != nil {
		return nil, "", err
	}
	u, read := &config.Update{}, json.NewDecoder(z)
	if err := read.Decode(u); err != nil {
		return nil, "", err
	}
	if err := read.Decode(&state); err != nil && !errors.Is(err, io.EOF) { // an earlier program kept none
		return nil, "", err
	}
	return u, state, nil
}

// saveEvery is how long a change waits before it is on disk, at least.
const saveEvery = time.Second

// saving keeps on disk what the gateway serves, until ctx ends. Writing a large service takes a while, and is done the
// less often for it.
func (r *Remote) saving(ctx context.Context) {
	pause := saveEvery
	for ctx.Err() == nil {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		began := time.Now()
		r.save()
		pause = max(saveEvery, 20*time.Since(began))
	}
}

// save keeps what the gateway serves now, when that is not what is kept.
func (r *Remote) save() {
	r.mu.Lock()
	var u *config.Update
	state := r.state
	if r.config != nil && r.unsaved {
		u = r.config.Update()
	}
	drop := r.config == nil && r.unsaved
	r.unsaved = false
	r.mu.Unlock()
	if r.disk == nil || u == nil && !drop {
		return
	}
	if err := r.disk.save(u, state); err != nil {
		r.Log.Error("the configuration could not be kept for a start without the management node", "error", err)
	}
}
