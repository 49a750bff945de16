package armtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
)

func TestMask(t *testing.T) {
	m := newMasks()
	now := start.Add(time.Hour)
	for _, c := range []struct{ in, want string }{
		{`"` + Owner.String() + `"`, `"${owner}"`},
		{strings.ToUpper(Owner.String()), "${owner}"},
		{"principal " + Alice.Hex() + " does", "principal ${alice:hex} does"},
		{"10000000-0000-4000-8000-000000000001", "${guid1}"},
		{"20000000-0000-4000-8000-000000000001", "${guid2}"},
		{"10000000000040008000000000000001", "${guid1:hex}"},
		{"acdd72a7-3385-48ef-bd42-f606fba81ae7", "acdd72a7-3385-48ef-bd42-f606fba81ae7"},
		{"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
		{arm.Tag(7), `"${etag1}"`},
		{arm.Tag(8) + arm.Tag(7), `"${etag2}""${etag1}"`},
		{"2026-03-04T06:06:07.1234560Z", "${now}"},
		{"2026-03-04T06:06:07Z", "${now, 0 digits}"},
		{"2026-03-04T06:06:07.123Z", "${now, 3 digits}"},
		{"2026-03-04T05:06:07.1234560Z", "${earlier}"},
		{"2026-03-05T06:06:07.1234560Z", "${now+24h0m0s}"},
		{"2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"},
	} {
		if got := m.mask(c.in, now); got != c.want {
			t.Errorf("mask(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := m.expand("${owner} ${owner:hex} ${guid1} ${etag1} ${unknown}"); got != Owner.String()+" "+Owner.Hex()+
		" 10000000-0000-4000-8000-000000000001 "+strings.Trim(arm.Tag(7), `"`)+" ${unknown}" {
		t.Errorf("expand: %s", got)
	}
}

func TestParseRequest(t *testing.T) {
	r, err := parseRequest("PUT /x y?a=b c\nAs: reader\nIf-Match: *\nShow: Date,Link\nSave: id = properties.id\nWait: 2h\n\n{\n\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if r.method != "PUT" || r.url != "/x y?a=b c" || r.as != "reader" || r.header.Get("If-Match") != "*" || r.body != "{\n\n}" ||
		r.wait != 2*time.Hour || len(r.save) != 1 || r.save[0] != [2]string{"id", "properties.id"} || len(r.show) != len(shownHeaders)+2 {
		t.Errorf("%+v", r)
	}
	for _, bad := range []string{"", "GET", "GET x", "GET /x\nno header"} {
		if _, err := parseRequest(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// recorder is a testing.TB that only notes what failed.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, strings.SplitN(format, " ", 3)[1]+" "+args[0].(string))
}

// The sweep finds an open route, an exception that is none, and one that is gone.
func TestSweepFinds(t *testing.T) {
	ok := func(*arm.Op) (*arm.Answer, error) { return &arm.Answer{Status: http.StatusOK}, nil }
	w := Start(t, func(*World) []*arm.Provider {
		return []*arm.Provider{{Namespace: "Contoso.Test", Calls: []arm.Call{
			{Method: "GET", Path: "/open", Do: ok},
			{Method: "GET", Path: "/shut", Action: "Contoso.Test/shut/read", Do: ok},
			{Method: "GET", Path: "/listed", Action: "Contoso.Test/listed/read", Do: ok},
			{Method: "GET", Path: "{scope}/providers/Contoso.Test/things/{name}", Action: "Contoso.Test/things/read", Do: ok},
		}}}
	})
	r := &recorder{TB: t}
	Sweep(r, w, "testdata/unguarded.txt", true)
	want := []string{"without GET /open", "is GET /listed", "%s testdata/unguarded.txt"}
	if strings.Join(r.failures, "; ") != strings.Join(want, "; ") {
		t.Errorf("found %q, want %q", r.failures, want)
	}
}

func TestWorldCallers(t *testing.T) {
	w := Start(t, func(*World) []*arm.Provider { return nil })
	sub := gatehouse.MustID("/subscriptions/" + Subscription.String())
	for name, want := range map[string][2]bool{"owner": {true, true}, "contributor": {true, true}, "reader": {true, false}, "alice": {}, "app": {}} {
		c := &gatehouse.Caller{ID: callers[name], Type: gatehouse.User}
		got := [2]bool{w.Guard.Allowed(c, "Contoso.Test/x/read", sub), w.Guard.Allowed(c, "Contoso.Test/x/write", sub)}
		if got != want {
			t.Errorf("%s may read, write: %v, want %v", name, got, want)
		}
	}
}
