package apim_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
)

// claims notes what the writers of one resource were told. An entity tag is good for
// one change: two changes that name the same tag would mean that one was lost.
type claims struct {
	mu      sync.Mutex
	by      map[string]string
	written int
	created int
	deleted int
}

func (c *claims) take(t *testing.T, tag, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, taken := c.by[tag]; taken {
		t.Errorf("%s and %s both changed the state with ETag %s", other, what, tag)
	}
	c.by[tag] = what
	c.written++
}

// interleave lets writers put, patch and delete one resource, each with the tag that it
// read or an older one. None of them may undo what it has not seen, and what is there
// in the end is what the answers say.
func interleave(t *testing.T, w *armtest.World, d *arm.Declared, collection string) {
	t.Helper()
	path := service + collection + "/" + nameFor(d.Type, 1)
	c := &claims{by: map[string]string{}}
	before := w.Do("owner", "GET", path+version, nil, "").Code == http.StatusOK
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 17))
			old := ""
			for range 8 {
				old = c.step(t, w, d, r, path, old)
			}
		})
	}
	wait.Wait()
	there := w.Do("owner", "GET", path+version, nil, "").Code == http.StatusOK
	if count := c.created - c.deleted; before && count != 0 && count != -1 || there != (before && count == 0 || !before && count == 1) {
		t.Errorf("%s was there: %v, was created %d times, deleted %d times and is there: %v", path, before, c.created, c.deleted, there)
	}
	if c.written == 0 {
		t.Errorf("nobody could change %s", path)
	}
	if !there { // what comes later may refer to it
		w.Do("owner", "PUT", path+version, nil, c.body(rand.New(rand.NewPCG(5, 17)), d))
	}
}

func (c *claims) body(r *rand.Rand, d *arm.Declared) string {
	return string(jsondoc.Marshal(body(r, strings.TrimPrefix(d.Name, serviceType+"/"), d.Type.Model, 1)))
}

// step is one request; it returns the tag that was current before.
func (c *claims) step(t *testing.T, w *armtest.World, d *arm.Declared, r *rand.Rand, path, old string) string {
	get := w.Do("owner", "GET", path+version, nil, "")
	tag := get.Header().Get("ETag")
	if get.Code == http.StatusNotFound {
		if put := w.Do("owner", "PUT", path+version, http.Header{"If-None-Match": {"*"}}, c.body(r, d)); put.Code == http.StatusCreated {
			c.mu.Lock()
			c.created++
			c.mu.Unlock()
		}
		return old
	}
	used := tag
	if old != "" && r.IntN(4) == 0 {
		used = old
	}
	method := c.method(w, d, r)
	text := ""
	if method != "DELETE" {
		text = c.body(r, d)
	}
	a := w.Do("owner", method, path+version, http.Header{"If-Match": {used}}, text)
	switch {
	case a.Code >= 500:
		t.Errorf("%s %s: %d %s", method, path, a.Code, a.Body)
	case a.Code == http.StatusOK && method == "DELETE":
		c.take(t, used, method)
		c.mu.Lock()
		c.deleted++
		c.mu.Unlock()
	case a.Code < 300 && method != "DELETE" && a.Header().Get("ETag") != used: // the same tag: nothing changed
		c.take(t, used, method)
	}
	return tag
}

// method picks one that the type has; a DELETE only where its answer tells whether there was
// something to delete, and where it does not bring back what was there at first, tag and all.
func (c *claims) method(w *armtest.World, d *arm.Declared, r *rand.Rand) string {
	switch {
	case r.IntN(4) == 0 && has(w, d, arm.Delete) && len(d.Type.Always) == 0 && (d.Type.Status.Delete == 0 || d.Type.Status.Delete == http.StatusOK):
		return "DELETE"
	case r.IntN(2) == 0 && has(w, d, arm.Patch):
		return "PATCH"
	}
	return "PUT"
}
