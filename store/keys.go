package store

import (
	"context"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse"
)

// MasterKeyVariable is the environment variable that may hold the master key, base64.
const MasterKeyVariable = "GATEHOUSE_MASTER_KEY"

// metaMaster names the fingerprint of the master key that wraps the data keys now.
const metaMaster = "master_key"

const keyFileHead = `# Gatehouse master key. Who holds this file and the database can read every secret in it;
# without this file they are lost. Keep a copy, and not beside the backups.
`

// EnvMasterKey returns the master key from the environment, nil when the variable is not set.
func EnvMasterKey() ([]byte, error) {
	text := os.Getenv(MasterKeyVariable)
	if text == "" {
		return nil, nil
	}
	m, err := parseMasterKey(text)
	if err != nil {
		return nil, fmt.Errorf("the environment variable %s is not a master key: %w; make one with: openssl rand -base64 32", MasterKeyVariable, err)
	}
	return m.raw, nil
}

func parseMasterKey(text string) (masterKey, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return masterKey{}, errors.New("it is not base64")
	}
	return newMasterKey(raw)
}

// unlock finds the master key that the database was sealed with and opens the
// data keys, making both on first use.
func (s *Store) unlock(ctx context.Context) error {
	rows, err := s.driver.DataKeys(ctx)
	if err != nil {
		return unavailable(err)
	}
	if len(rows) == 0 {
		return s.firstKeys(ctx)
	}
	want, err := s.driver.Meta(ctx, metaMaster)
	if err != nil {
		return unavailable(err)
	}
	m, all, err := s.findMaster(want)
	if err != nil {
		return err
	}
	ring, err := m.ring(rows)
	if err != nil {
		return err
	}
	s.keys.Store(ring)
	if len(all) > 1 && !s.opt.ReadOnly { // an interrupted rotation left both keys
		return writeKeyFile(s.opt.KeyFile, m)
	}
	return nil
}

func (s *Store) firstKeys(ctx context.Context) error {
	if s.opt.ReadOnly {
		return errors.New("store: the data directory holds no keys yet; start gatehouse serve once")
	}
	all, err := s.masters()
	if errors.Is(err, os.ErrNotExist) {
		var m masterKey
		if m, err = newMasterKey(randomBytes(keySize)); err == nil {
			all, err = []masterKey{m}, writeKeyFile(s.opt.KeyFile, m)
		}
	}
	if err != nil {
		return err
	}
	m := all[len(all)-1]
	key := DataKey{ID: 1, Created: s.opt.Clock().UnixMicro()}
	key.Wrapped = m.wrap(key.ID, randomBytes(keySize))
	if err := s.saveKeys(ctx, m, key); err != nil {
		return err
	}
	ring, err := m.ring([]DataKey{key})
	s.keys.Store(ring)
	return err
}

// saveKeys writes wrapped data keys before the writer runs.
func (s *Store) saveKeys(ctx context.Context, m masterKey, keys ...DataKey) error {
	tx, err := s.driver.Begin(ctx)
	if err != nil {
		return unavailable(err)
	}
	if err := putKeys(tx, m, keys); err != nil {
		_ = tx.Rollback() // the first error is the one to report
		return unavailable(err)
	}
	return unavailable(tx.Commit())
}

func putKeys(tx DriverTx, m masterKey, keys []DataKey) error {
	for _, k := range keys {
		if err := tx.PutDataKey(k); err != nil {
			return err
		}
	}
	return tx.SetMeta(metaMaster, m.fingerprint())
}

func (s *Store) findMaster(fingerprint string) (masterKey, []masterKey, error) {
	all, err := s.masters()
	if errors.Is(err, os.ErrNotExist) {
		return masterKey{}, nil, fmt.Errorf("store: the master key file %s is missing; the database was sealed with key %s: put the file back from your copy, or set %s",
			s.opt.KeyFile, fingerprint, MasterKeyVariable)
	}
	if err != nil {
		return masterKey{}, nil, err
	}
	for _, m := range all {
		if m.fingerprint() == fingerprint {
			return m, all, nil
		}
	}
	return masterKey{}, nil, fmt.Errorf("store: the master key in %s is the wrong one: the database was sealed with key %s, this is key %s; give the right key",
		s.keySource(), fingerprint, all[0].fingerprint())
}

func (s *Store) keySource() string {
	if s.opt.MasterKey != nil {
		return MasterKeyVariable
	}
	return s.opt.KeyFile
}

// masters returns the keys at hand: one, or old and new after an interrupted rotation.
func (s *Store) masters() ([]masterKey, error) {
	if s.opt.MasterKey != nil {
		m, err := newMasterKey(s.opt.MasterKey)
		return []masterKey{m}, err
	}
	if s.opt.KeyFile == "" {
		return nil, errors.New("store: Options name neither a master key nor a key file")
	}
	return readKeyFile(s.opt.KeyFile)
}

func (m masterKey) ring(rows []DataKey) (*keyring, error) {
	ring := &keyring{keys: map[uint32]cipher.AEAD{}}
	for _, row := range rows {
		raw, err := m.unwrap(row)
		if err != nil {
			return nil, fmt.Errorf("store: data key %d cannot be opened: %w; restore the database from a backup", row.ID, err)
		}
		aead, err := newAEAD(raw)
		if err != nil {
			return nil, err
		}
		id := uint32(row.ID)
		ring.keys[id] = aead
		ring.current = max(ring.current, id)
	}
	return ring, nil
}

// RotateKeys replaces the master key and adds a data key, which seals from now on;
// older secrets stay readable by the older data keys, rewrapped. With a key file,
// newKey may be nil: one is made. Interrupted at any point, the key file and the
// database still fit together at the next start.
func (s *Store) RotateKeys(ctx context.Context, newKey []byte) error {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	next, err := s.nextMaster(newKey)
	if err != nil {
		return err
	}
	rows, old, err := s.currentKeys(ctx)
	if err != nil {
		return err
	}
	rewrapped, err := rewrap(old, next, rows, s.opt.Clock().UnixMicro())
	if err != nil {
		return err
	}
	ring, err := next.ring(rewrapped)
	if err != nil {
		return err
	}
	if err := s.writeMasters(old, next); err != nil {
		return err
	}
	cause := gatehouse.Cause{Action: "Gatehouse/keys/rotate/action", Scope: "/", Operation: gatehouse.NewGUID().String()}
	cause.Correlation = cause.Operation
	if _, err = s.Write(ctx, cause, rotation(next, rewrapped)); err != nil {
		return err
	}
	s.keys.Store(ring)
	if s.opt.MasterKey != nil {
		s.opt.MasterKey = next.raw
	}
	return s.writeMasters(next)
}

func rotation(next masterKey, keys []DataKey) func(*Tx) error {
	return func(tx *Tx) error {
		if err := tx.note(putKeys(tx.db, next, keys)); err != nil {
			return err
		}
		return tx.Note(gatehouse.Event, "master key replaced; fingerprint "+next.fingerprint())
	}
}

func (s *Store) nextMaster(newKey []byte) (masterKey, error) {
	if newKey == nil {
		if s.opt.MasterKey != nil {
			return masterKey{}, gatehouse.Errorf(gatehouse.Invalid, "MasterKeyRequired",
				"The master key comes from %s: give the new one too, and set the variable to it before the next start.", MasterKeyVariable)
		}
		newKey = randomBytes(keySize)
	}
	m, err := newMasterKey(newKey)
	if err != nil {
		return m, gatehouse.Errorf(gatehouse.Invalid, "MasterKeyInvalid", "The new master key cannot be used: %v.", err)
	}
	return m, nil
}

func (s *Store) currentKeys(ctx context.Context) ([]DataKey, masterKey, error) {
	rows, err := s.driver.DataKeys(ctx)
	if err != nil {
		return nil, masterKey{}, unavailable(err)
	}
	fingerprint, err := s.driver.Meta(ctx, metaMaster)
	if err != nil {
		return nil, masterKey{}, unavailable(err)
	}
	old, _, err := s.findMaster(fingerprint)
	return rows, old, err
}

func rewrap(old, next masterKey, rows []DataKey, now int64) ([]DataKey, error) {
	var out []DataKey
	var last int64
	for _, row := range rows {
		raw, err := old.unwrap(row)
		if err != nil {
			return nil, fmt.Errorf("store: data key %d cannot be opened: %w", row.ID, err)
		}
		out = append(out, DataKey{row.ID, next.wrap(row.ID, raw), row.Created})
		last = max(last, row.ID)
	}
	return append(out, DataKey{last + 1, next.wrap(last+1, randomBytes(keySize)), now}), nil
}

func (s *Store) writeMasters(keys ...masterKey) error {
	if s.opt.MasterKey != nil {
		return nil
	}
	return writeKeyFile(s.opt.KeyFile, keys...)
}

func readKeyFile(path string) ([]masterKey, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: master key file: %w", err)
	}
	var keys []masterKey
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		m, err := parseMasterKey(line)
		if err != nil {
			return nil, fmt.Errorf("store: %s is not a master key file: %w; put the right file back", path, err)
		}
		keys = append(keys, m)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("store: %s holds no key; put the right file back", path)
	}
	return keys, nil
}

// writeKeyFile replaces the key file as a whole, readable by its owner only, and waits until it is on disk.
func writeKeyFile(path string, keys ...masterKey) error {
	text := keyFileHead
	for _, m := range keys {
		text += base64.StdEncoding.EncodeToString(m.raw) + "\n"
	}
	part := path + ".new"
	if err := writeSynced(part, []byte(text)); err != nil {
		return fmt.Errorf("store: master key file: %w", err)
	}
	if err := os.Rename(part, path); err != nil {
		return fmt.Errorf("store: master key file: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func writeSynced(path string, b []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	_ = d.Sync() // some file systems and systems cannot sync a directory; the rename stands all the same
	return d.Close()
}
