package pipeline

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"gatehouse/policy/expr"
)

func TestStoredValues(t *testing.T) {
	for _, v := range []expr.Value{expr.Null, expr.String(""), expr.String("ä\x00"), expr.Bool(true), expr.Bool(false), expr.Int(-7), expr.Long(1 << 60),
		expr.Double(-0.5), expr.Single(1.25), expr.Char('x'), expr.Bytes([]byte{0, 1})} {
		data, err := packValue(v)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
			continue
		}
		if got, err := readValue(data); err != nil || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v became %#v: %v", v, got, err)
		}
	}
	r := &expr.Response{StatusCode: 404, StatusReason: "Gone away", Headers: expr.Headers{"A": {"1", "2"}, "B": {}}, Body: NewBody([]byte("body"))}
	data, err := packValue(expr.Object(r))
	if err != nil {
		t.Fatal(err)
	}
	v, err := readValue(data)
	if err != nil {
		t.Fatal(err)
	}
	got := v.Ref().(*expr.Response)
	if body, err := got.Body.Bytes(true); got.StatusCode != 404 || got.StatusReason != "Gone away" || !reflect.DeepEqual(got.Headers, r.Headers) || string(body) != "body" || err != nil {
		t.Errorf("got %+v %q %v", got, body, err)
	}
	if _, err := packValue(expr.Object(&struct{}{})); err == nil {
		t.Error("something unknown was kept")
	}
}

// FuzzStored: an entry that others wrote is a miss, never a panic.
func FuzzStored(f *testing.F) {
	r := storedResponse{Response: expr.Response{StatusCode: 200, Headers: expr.Headers{"A": {"1"}}}, expires: time.Unix(1e9, 0)}
	p := &packer{b: []byte{markResponse}}
	r.head(p)
	f.Add(p.b)
	f.Add([]byte("vs\x01a"))
	f.Add([]byte{'r', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := readValue(data)
		if err != nil {
			return
		}
		again, err := packValue(v)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readValue(again); err != nil {
			t.Errorf("%q: %v", again, err)
		}
	})
}

func BenchmarkStoredResponse(b *testing.B) {
	h := http.Header{}
	for _, name := range []string{"Content-Type", "Date", "Etag", "Last-Modified", "Server", "X-Request-Id"} {
		h.Set(name, "some value of usual length")
	}
	r := storedResponse{Response: expr.Response{StatusCode: 200, StatusReason: "OK", Headers: expr.Headers(h)}, expires: time.Unix(1e9, 0)}
	p := &packer{}
	r.head(p)
	p.b = append(p.b, make([]byte, 4096)...)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readResponse(p.b); err != nil {
			b.Fatal(err)
		}
	}
}
