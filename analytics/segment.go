package analytics

import (
	"encoding/binary"
	"errors"
	"time"

	"gatehouse"
)

// mostInSegment bounds how much has to be read for one request.
const mostInSegment = 4096

// A segment is requests of one service as they are kept together: a version, the combinations of fields that occur, the texts
// that occur, when each request came and its combination, and everything else of each request. Numbers are varints. A row
// for each request took as much time as all the rest of a call's record.
type segment struct {
	n           int
	first, last int64 // microseconds
	dims        map[dimensions]uint64
	texts       map[string]uint64
	table       []byte // of combinations
	dictionary  []byte
	heads, rest []byte
	before      int64
}

const segmentVersion = 1

func newSegment() *segment {
	return &segment{dims: map[dimensions]uint64{}, texts: map[string]uint64{}}
}

func (s *segment) add(dims dimensions, r *Request) {
	at := r.Time.UnixMicro()
	if s.n == 0 {
		s.first, s.last = at, at
	}
	s.first, s.last, s.n = min(s.first, at), max(s.last, at), s.n+1
	s.heads = binary.AppendVarint(s.heads, at-s.before)
	s.heads = binary.AppendUvarint(s.heads, s.combination(dims))
	s.before = at
	cache := r.Cache
	if cache == "" {
		cache = CacheNone
	}
	for _, text := range [...]string{r.Method, r.URL, r.Address, string(cache)} {
		s.rest = binary.AppendUvarint(s.rest, s.text(text))
	}
	for _, n := range [...]int64{int64(r.Status), int64(r.BackendStatus), r.RequestSize, r.ResponseSize, int64(r.Total), int64(r.Backend)} {
		s.rest = binary.AppendVarint(s.rest, n)
	}
	if id, err := gatehouse.ParseGUID(r.ID); err == nil && id.String() == r.ID {
		s.rest = append(append(s.rest, 0), id[:]...)
		return
	}
	s.rest = binary.AppendUvarint(s.rest, s.text(r.ID)+1)
}

func (s *segment) combination(dims dimensions) uint64 {
	n, known := s.dims[dims]
	if !known {
		n = uint64(len(s.dims))
		s.dims[dims] = n
		for _, d := range dims {
			s.table = binary.AppendVarint(s.table, d)
		}
	}
	return n
}

func (s *segment) text(text string) uint64 {
	n, known := s.texts[text]
	if !known {
		n = uint64(len(s.texts))
		s.texts[text] = n
		s.dictionary = append(binary.AppendUvarint(s.dictionary, uint64(len(text))), text...)
	}
	return n
}

func (s *segment) encode() []byte {
	out := make([]byte, 0, len(s.table)+len(s.dictionary)+len(s.heads)+len(s.rest)+16)
	out = append(out, segmentVersion)
	for _, n := range []int{len(s.dims), len(s.texts), s.n} {
		out = binary.AppendUvarint(out, uint64(n))
	}
	for _, part := range [][]byte{s.table, s.dictionary, s.heads, s.rest} {
		out = append(out, part...)
	}
	return out
}

// errSegment is what a segment gives that is not one.
var errSegment = errors.New("analytics: a segment of requests cannot be read")

// reader reads a segment: after open its heads, one call of head for each request, and then in the same way the rest.
type reader struct {
	left   []byte
	failed bool
	dims   []dimensions
	texts  []string
	n      int
	at     int64
}

func openSegment(data []byte) (*reader, error) {
	r := &reader{left: data}
	if len(data) == 0 || data[0] != segmentVersion {
		return nil, errSegment
	}
	r.left = data[1:]
	dims, texts, n := r.count(), r.count(), r.count()
	for range dims {
		var d dimensions
		for i := range d {
			d[i] = r.number()
		}
		r.dims = append(r.dims, d)
	}
	for range texts {
		r.texts = append(r.texts, string(r.take(r.count())))
	}
	r.n = n
	if r.failed {
		return nil, errSegment
	}
	return r, nil
}

// head is when the next request came, and which combination of fields it has.
func (r *reader) head() (at int64, dims int) {
	r.at += r.number()
	if dims = r.count(); dims >= len(r.dims) {
		r.failed = true
	}
	return r.at, dims
}

// details are what heads do not tell of the next request.
func (r *reader) details(to *Request) {
	to.Method, to.URL, to.Address, to.Cache = r.text(r.count()), r.text(r.count()), r.text(r.count()), Cache(r.text(r.count()))
	to.Status, to.BackendStatus, to.RequestSize, to.ResponseSize = int(r.number()), int(r.number()), r.number(), r.number()
	to.Total, to.Backend = time.Duration(r.number()), time.Duration(r.number())
	if n := r.count(); n > 0 {
		to.ID = r.text(n - 1)
	} else if raw := r.take(16); len(raw) == 16 {
		to.ID = gatehouse.GUID(raw).String()
	}
}

// readSegment reads all requests of a segment. They come without their service and what dims stand for; each is overwritten by the
// next one.
func readSegment(data []byte, f func(i int, dims *dimensions, r *Request) error) error {
	heads, err := openSegment(data)
	if err != nil {
		return err
	}
	rest := *heads
	for range rest.n {
		rest.head()
	}
	for i := range heads.n {
		at, dims := heads.head()
		r := Request{Time: time.UnixMicro(at).UTC()}
		rest.details(&r)
		if heads.failed || rest.failed {
			return errSegment
		}
		if err := f(i, &heads.dims[dims], &r); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.left)
	return advance(r, n, size)
}

// count is a number that cannot be more than what is left has room for, or than what was counted before.
func (r *reader) count() int {
	n, size := binary.Uvarint(r.left)
	if n > uint64(len(r.left)+len(r.texts)+len(r.dims)) {
		size = 0
	}
	return int(advance(r, int64(n), size))
}

func advance(r *reader, n int64, size int) int64 {
	if size <= 0 {
		r.left, r.failed = nil, true
		return 0
	}
	r.left = r.left[size:]
	return n
}

func (r *reader) take(n int) []byte {
	if n > len(r.left) {
		r.left, r.failed = nil, true
		return nil
	}
	taken := r.left[:n]
	r.left = r.left[n:]
	return taken
}

func (r *reader) text(n int) string {
	if n >= len(r.texts) {
		r.failed = true
		return ""
	}
	return r.texts[n]
}
