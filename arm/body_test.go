package arm_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"gatehouse/arm/armtest"
)

// unread fails whoever reads from it.
type unread struct{ read bool }

func (u *unread) Read([]byte) (int, error) {
	u.read = true
	return 0, errors.New("the line broke")
}

// Who has no right to write is refused before a byte of the body is taken: bodies
// are large and lines are slow. A body that breaks off is the caller's fault, and
// no business of a method that has none.
func TestBodiesAreReadOnceAuthorized(t *testing.T) {
	w := newThings(t, "a")
	for _, c := range []struct {
		as, method, path string
		status           int
		read             bool
	}{
		{"nobody", "PUT", "a/things/x", 403, false},
		{"nobody", "PATCH", "a/things/x", 403, false},
		{"nobody", "POST", "a/things/x/fail", 403, false},
		{"owner", "PUT", "a/things/x", 400, true},
		{"owner", "GET", "a", 200, true},
	} {
		body := &unread{}
		r := httptest.NewRequest(c.method, armtest.GroupID().String()+"/providers/Contoso.Test/boxes/"+c.path+"?api-version=2024-05-01", body)
		r.Header.Set("Authorization", "Bearer "+c.as)
		answer := httptest.NewRecorder()
		if w.Server.ServeHTTP(answer, r); answer.Code != c.status || body.read != c.read {
			t.Errorf("%s as %s: %d, body read: %t; want %d, %t: %s", c.method, c.as, answer.Code, body.read, c.status, c.read, answer.Body)
		}
	}
}
