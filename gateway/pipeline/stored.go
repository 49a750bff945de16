package pipeline

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"gatehouse/policy/expr"
)

// Entries of caches are bytes, in memory as in Redis, so that nobody can change what others find: texts and numbers, each
// with a mark before it that tells what it is.

// packer writes an entry.
type packer struct{ b []byte }

func (p *packer) number(n uint64) { p.b = binary.AppendUvarint(p.b, n) }

func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	p.b = append(p.b, s...)
}

func (p *packer) bytes(b []byte) {
	p.number(uint64(len(b)))
	p.b = append(p.b, b...)
}

// errEntry is what an entry is that somebody else wrote, or another version of this program: a miss.
var errEntry = errors.New("the cache's entry cannot be read")

// unpacker reads an entry. After a fault all it reads is zero.
type unpacker struct {
	b   []byte
	s   string // the end of it is what b is, if it is not empty: texts share it
	bad bool
}

func (u *unpacker) number() uint64 {
	n, size := binary.Uvarint(u.b)
	if size <= 0 {
		u.b, u.bad = nil, true
		return 0
	}
	u.b = u.b[size:]
	return n
}

// bytes shares the entry.
func (u *unpacker) bytes() []byte {
	n := u.number()
	if n > uint64(len(u.b)) {
		u.b, u.bad = nil, true
		return nil
	}
	b := u.b[:n:n]
	u.b = u.b[n:]
	return b
}

func (u *unpacker) string() string {
	b := u.bytes()
	if end := len(u.s) - len(u.b); end >= len(b) {
		return u.s[end-len(b) : end]
	}
	return string(b)
}

// count reads how many follow, of which each takes a byte at least.
func (u *unpacker) count() int {
	n := u.number()
	if n > uint64(len(u.b)) {
		u.b, u.bad = nil, true
		return 0
	}
	return int(n)
}

// storedResponse is a response as caches keep it.
type storedResponse struct {
	expr.Response
	body    []byte
	expires time.Time
}

// head writes all but the body.
func (r *storedResponse) head(p *packer) {
	h := &packer{}
	r.fields(h)
	p.bytes(h.b)
}

func (r *storedResponse) fields(p *packer) {
	p.number(uint64(r.expires.Unix()))
	p.number(uint64(r.StatusCode))
	p.text(r.StatusReason)
	names := make([]string, 0, len(r.Headers))
	for name := range r.Headers {
		names = append(names, name)
	}
	slices.Sort(names)
	p.number(uint64(len(names)))
	for _, name := range names {
		p.text(name)
		p.number(uint64(len(r.Headers[name])))
		for _, v := range r.Headers[name] {
			p.text(v)
		}
	}
}

// readResponse reads a response, whose body shares data.
func readResponse(data []byte) (*storedResponse, error) {
	all := &unpacker{b: data}
	head := all.bytes()
	u := &unpacker{b: head, s: string(head)}
	r := &storedResponse{expires: time.Unix(int64(u.number()), 0), body: all.b}
	r.StatusCode, r.StatusReason = int(u.number()), u.string()
	n := u.count()
	r.Headers = make(expr.Headers, n)
	lines := make([]string, 0, n+2)
	for range n {
		name, start := u.string(), len(lines)
		for range u.count() {
			lines = append(lines, u.string())
		}
		r.Headers[name] = lines[start:len(lines):len(lines)]
	}
	if all.bad || u.bad {
		return nil, errEntry
	}
	r.Body = NewBody(r.body)
	return r, nil
}

// Marks of what stands in an entry of the value cache.
const (
	markResponse = 'r'
	markValue    = 'v' // as package expr writes values
)

// packValue writes a value for a cache; an error says that values of its type are not kept.
func packValue(v expr.Value) ([]byte, error) {
	held, ok := v.Ref().(*expr.Response)
	if !ok {
		return expr.AppendStored([]byte{markValue}, v)
	}
	r, p := storedResponse{Response: *held}, &packer{b: []byte{markResponse}}
	r.head(p)
	if held.Body == nil {
		return p.b, nil
	}
	body, err := held.Body.Bytes(true)
	return append(p.b, body...), err
}

// readValue reads what packValue wrote. What is read shares nothing with the entry that somebody could change.
func readValue(data []byte) (expr.Value, error) {
	if len(data) == 0 {
		return expr.Null, errEntry
	}
	switch data[0] {
	case markValue:
		return expr.ReadStored(data[1:])
	case markResponse:
		r, err := readResponse(data[1:])
		if err != nil {
			return expr.Null, err
		}
		return expr.Object(&r.Response), nil
	}
	return expr.Null, errEntry
}
