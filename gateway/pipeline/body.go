package pipeline

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
)

// Limits of bodies (gateway.md 16): what is kept in memory, and what a policy may read at once.
const (
	MemoryBody = 16 << 20
	ReadBody   = 64 << 20
)

// errBodyTooLarge is what a policy gets that reads more than ReadBody.
var errBodyTooLarge = errors.New("the body is larger than what a policy may read")

// Body is the body of a message. It stays a stream until somebody needs all of it; what is kept
// goes to a file when it is large. One goroutine at a time uses it.
type Body struct {
	stream io.ReadCloser // what is still to be read; nil when all is kept or consumed
	size   int64         // of the stream, -1 when it is not known
	data   []byte        // what is kept
	file   *os.File      // what is kept, when it is too large for memory
	length int64         // of what is kept
	kept   bool
}

// NewBody makes a body of bytes, which must not change afterwards.
func NewBody(data []byte) *Body { return &Body{data: data, length: int64(len(data)), kept: true} }

// StreamBody makes a body of what is yet to come; size is -1 when it is not known.
func StreamBody(stream io.ReadCloser, size int64) *Body { return &Body{stream: stream, size: size} }

// Bytes returns all of the body. Unless preserve is set that consumes it: there is none afterwards
// (gateway.md 7).
func (b *Body) Bytes(preserve bool) ([]byte, error) {
	if b.stream != nil && !preserve && b.size <= ReadBody {
		data, err := readLimited(b.stream, b.size)
		return data, errors.Join(err, b.Close())
	}
	if err := b.Keep(); err != nil {
		return nil, err
	}
	data, err := b.all()
	if !preserve {
		err = errors.Join(err, b.Close())
	}
	return data, err
}

// all returns what is kept.
func (b *Body) all() ([]byte, error) {
	if b.file == nil {
		return b.data, nil
	}
	if b.length > ReadBody {
		return nil, errBodyTooLarge
	}
	data := make([]byte, b.length)
	_, err := b.file.ReadAt(data, 0)
	return data, err
}

func readLimited(r io.Reader, size int64) ([]byte, error) {
	if size > 0 {
		data := make([]byte, size)
		n, err := io.ReadFull(r, data)
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return data[:n], err
	}
	data, err := io.ReadAll(io.LimitReader(r, ReadBody+1))
	if len(data) > ReadBody {
		return nil, errBodyTooLarge
	}
	return data, err
}

// Keep reads the stream to its end, so that the body can be read more than once.
func (b *Body) Keep() error {
	if b.stream == nil {
		return nil
	}
	var buffer bytes.Buffer
	if 0 < b.size && b.size <= MemoryBody {
		buffer.Grow(int(b.size) + bytes.MinRead)
	}
	n, err := io.CopyN(&buffer, b.stream, MemoryBody+1)
	if errors.Is(err, io.EOF) {
		err = b.stream.Close()
		b.stream, b.data, b.length, b.kept = nil, buffer.Bytes(), n, true
		return err
	}
	if err != nil {
		return errors.Join(err, b.Close())
	}
	return b.spill(&buffer)
}

// spill puts what was read, and all that follows, into a file that goes with the body.
func (b *Body) spill(start *bytes.Buffer) error {
	f, err := os.CreateTemp("", "gatehouse-body-")
	if err != nil {
		return errors.Join(err, b.Close())
	}
	_ = os.Remove(f.Name()) // the open file lives on; where it does not, Close removes it
	b.file = f
	n, err := io.Copy(f, io.MultiReader(start, b.stream))
	err = errors.Join(err, b.stream.Close())
	b.stream, b.length, b.kept = nil, n, true
	if err != nil {
		return errors.Join(err, b.Close())
	}
	return nil
}

// Open returns the body for sending and its size, -1 when that is not known. What is kept can be
// opened again; a stream cannot. A body that was consumed is empty.
func (b *Body) Open() (io.ReadCloser, int64) {
	switch {
	case b == nil:
		return http.NoBody, 0
	case b.stream != nil:
		s := b.stream
		b.stream = nil
		return s, b.size
	case b.file != nil:
		return io.NopCloser(io.NewSectionReader(b.file, 0, b.length)), b.length
	case len(b.data) > 0:
		return &dataReader{b.data}, b.length
	}
	return http.NoBody, 0
}

// Kept reports whether the body can be opened more than once.
func (b *Body) Kept() bool { return b == nil || b.kept }

// Streams reports whether the body is a stream that nobody has read.
func (b *Body) Streams() bool { return b != nil && b.stream != nil }

// Close lets go of the stream and of what is kept; there is no body afterwards.
func (b *Body) Close() error {
	if b == nil {
		return nil
	}
	var err error
	if b.stream != nil {
		err = b.stream.Close()
	}
	if b.file != nil {
		_ = os.Remove(b.file.Name())
		err = errors.Join(err, b.file.Close())
	}
	*b = Body{kept: true}
	return err
}

// dataReader reads bytes, and writes them at once to who can take them.
type dataReader struct{ rest []byte }

func (r *dataReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *dataReader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.rest)
	r.rest = r.rest[n:]
	return int64(n), err
}

func (r *dataReader) Close() error { return nil }

// Size is how many bytes Open will give, -1 when that is not known.
func (b *Body) Size() int64 {
	switch {
	case b == nil:
		return 0
	case b.stream != nil:
		return b.size
	}
	return b.length
}
