package apim

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gatehouse"
	"gatehouse/store"
)

// A backup of a service is a file: a line that names the format, 16 random bytes, and
// frames. A frame is a byte that says whether it is the last, its length, and sealed
// bytes. The frames' contents, put together, are gzip of JSON values: a backupHead and
// its documents. Each frame is sealed for its place in its file, so that a file that was
// cut, changed or put together from others does not open.
const (
	backupFormat = "gatehouse service backup 1\n"
	frameSize    = 1 << 20
	frameMost    = frameSize + 1<<10
)

// backupHead is the first value of a backup.
type backupHead struct {
	Service   string    `json:"service"` // its ID
	SKU       string    `json:"sku"`
	Created   time.Time `json:"created"`
	Documents int       `json:"documents"`
}

// backupDocument is a document below the service.
type backupDocument struct {
	ID     string          `json:"id"`
	Type   string          `json:"type"`
	Body   json.RawMessage `json:"body"`
	Secret json.RawMessage `json:"secret,omitempty"`
}

// errDamaged is what a reader of a backup makes of everything that is not as it was written.
var errDamaged = errors.New("the file is damaged, or was written by another installation")

type sealer interface {
	Seal(purpose string, plain []byte) []byte
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

func framePurpose(id []byte, n int, last bool) string {
	return fmt.Sprintf("backup of a service\x00%s\x00%d\x00%t", hex.EncodeToString(id), n, last)
}

// frames writes sealed frames.
type frames struct {
	w    io.Writer
	keys sealer
	id   []byte
	n    int
	buf  []byte
}

func (f *frames) Write(b []byte) (int, error) {
	f.buf = append(f.buf, b...)
	for len(f.buf) > frameSize {
		if err := f.flush(f.buf[:frameSize], false); err != nil {
			return 0, err
		}
		f.buf = append(f.buf[:0], f.buf[frameSize:]...)
	}
	return len(b), nil
}

func (f *frames) flush(b []byte, last bool) error {
	sealed := f.keys.Seal(framePurpose(f.id, f.n, last), b)
	head := make([]byte, 5)
	if last {
		head[0] = 1
	}
	binary.BigEndian.PutUint32(head[1:], uint32(len(sealed)))
	f.n++
	_, err := f.w.Write(append(head, sealed...))
	return err
}

// writeBackup writes a whole backup.
func writeBackup(w io.Writer, keys sealer, head backupHead, documents []*store.Document) error {
	f := &frames{w: w, keys: keys, id: make([]byte, 16)}
	rand.Read(f.id)
	if _, err := w.Write(append([]byte(backupFormat), f.id...)); err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	e := json.NewEncoder(z)
	e.SetEscapeHTML(false) // bodies stay as they are, so that what did not change can be told
	head.Documents = len(documents)
	if err := e.Encode(head); err != nil {
		return err
	}
	for _, d := range documents {
		if err := e.Encode(backupDocument{ID: d.ID.String(), Type: d.Type, Body: d.Body, Secret: d.Secret}); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.flush(f.buf, true)
}

// framesOf reads what frames wrote.
type framesOf struct {
	r    io.Reader
	keys sealer
	id   []byte
	n    int
	buf  []byte
	last bool
}

func (f *framesOf) Read(b []byte) (int, error) {
	for len(f.buf) == 0 {
		if f.last {
			return 0, io.EOF
		}
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, f.buf)
	f.buf = f.buf[n:]
	return n, nil
}

func (f *framesOf) next() error {
	var head [5]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return errDamaged
	}
	length := binary.BigEndian.Uint32(head[1:])
	if length > frameMost || head[0] > 1 {
		return errDamaged
	}
	sealed := make([]byte, length)
	if _, err := io.ReadFull(f.r, sealed); err != nil {
		return errDamaged
	}
	f.last = head[0] == 1
	plain, err := f.keys.Unseal(framePurpose(f.id, f.n, f.last), sealed)
	if err != nil {
		return errDamaged
	}
	f.n++
	f.buf = plain
	return nil
}

// backupReader reads a backup value by value.
type backupReader struct {
	head    backupHead
	decoder *json.Decoder
	frames  *framesOf
}

// openBackup reads the head.
func openBackup(r io.Reader, keys sealer) (*backupReader, error) {
	start := make([]byte, len(backupFormat)+16)
	if _, err := io.ReadFull(r, start); err != nil {
		return nil, errDamaged
	}
	if string(start[:len(backupFormat)]) != backupFormat {
		return nil, errors.New("the file is no backup of a service, or one of a later version")
	}
	b := &backupReader{frames: &framesOf{r: r, keys: keys, id: start[len(backupFormat):]}}
	z, err := gzip.NewReader(b.frames)
	if err != nil {
		return nil, errDamaged
	}
	b.decoder = json.NewDecoder(z)
	if err := b.decoder.Decode(&b.head); err != nil {
		return nil, errDamaged
	}
	return b, nil
}

// documents reads the rest, to the end of the file.
func (b *backupReader) documents() ([]*store.Document, error) {
	var all []*store.Document
	for range b.head.Documents {
		var d backupDocument
		if err := b.decoder.Decode(&d); err != nil {
			return nil, errDamaged
		}
		id, err := gatehouse.ParseID(d.ID)
		if err != nil {
			return nil, errDamaged
		}
		all = append(all, &store.Document{ID: id, Type: d.Type, Body: d.Body, Secret: d.Secret})
	}
	if _, err := b.decoder.Token(); err != io.EOF || !b.frames.last {
		return nil, errDamaged
	}
	return all, nil
}
