package apim_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

const serviceType = "Microsoft.ApiManagement/service"

// rounds is how many instances of each type TestRoundTrip writes.
const rounds = 12

// unlike are the types below a service that do not give back what they are given, with
// the reason. Everything else that can be written and read has to.
var unlike = map[string]string{}

// What is written is read, for every type below a service that has PUT and GET: every
// member that a caller sent comes back as it was, a member that the type does not know is
// ignored, the second write of the same body changes nothing, HEAD and the list agree,
// and secrets come back from their action alone.
//
// A new type takes part by being declared. What it needs to be written stands in four
// places: makers (a value for a member that not everything fits), onlyNames (when it does
// not take n0, n1 ...), world (an instance named parent, for types that hold others and
// whose random instances do not serve), and unlike (when it really cannot).
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := world(t)
	tree := &tree{w: w, first: map[string]string{}}
	r := rand.New(rand.NewPCG(7, 11))
	seen := 0
	for _, d := range writable(w) {
		rel := strings.TrimPrefix(d.Name, serviceType+"/")
		if reason := unlike[rel]; reason != "" {
			t.Logf("%s: %s", rel, reason)
			continue
		}
		t.Run(rel, func(t *testing.T) {
			collection, err := tree.collection(rel)
			if err != nil {
				t.Fatal(err)
			}
			roundTrip(t, w, r, d, collection, tree)
			if !t.Failed() && d.Type.ETag {
				interleave(t, w, d, collection)
			}
		})
		seen++
	}
	quiet(t, w)
	for rel := range unlike {
		if w.Server.TypeOf(serviceType+"/"+rel) == nil {
			t.Errorf("unlike names %s, which is no type any more", rel)
		}
	}
	t.Logf("%d types", seen)
}

// hush is in every secret that body makes.
const hush = "hush-hush"

// writable lists the types below a service that can be put and got as themselves, those that hold others first.
func writable(w *armtest.World) (all []*arm.Declared) {
	for _, route := range w.Server.Routes() {
		d := w.Server.TypeOf(route.TypeName)
		if route.Verb != arm.Put || d == nil || !strings.HasPrefix(route.TypeName, serviceType+"/") || d.Type.Hooks.Behind != nil {
			continue
		}
		if has(w, d, arm.Get) {
			all = append(all, d)
		}
	}
	slices.SortStableFunc(all, func(a, b *arm.Declared) int { return strings.Count(a.Name, "/") - strings.Count(b.Name, "/") })
	return all
}

func has(w *armtest.World, d *arm.Declared, verb arm.Verb) bool {
	return slices.ContainsFunc(w.Server.Routes(), func(r *arm.Route) bool { return r.TypeName == d.Name && r.Verb == verb })
}

// tree knows an instance of every type that holds others.
type tree struct {
	w     *armtest.World
	first map[string]string // by type: the first that was written
}

// collection is the path below the service of the collection that a type's instances are in.
func (t *tree) collection(rel string) (string, error) {
	path, kind := "", serviceType
	parts := strings.Split(rel, "/")
	for _, segment := range parts[:len(parts)-1] {
		path, kind = path+"/"+segment, kind+"/"+segment
		name, err := t.holder(path, kind)
		if err != nil {
			return "", err
		}
		path += "/" + name
	}
	return path + "/" + parts[len(parts)-1], nil
}

func (t *tree) holder(collection, kind string) (string, error) {
	for _, name := range []string{"parent", "team"} {
		if t.w.Do("owner", "GET", service+collection+"/"+name+version, nil, "").Code == http.StatusOK {
			return name, nil
		}
	}
	for _, name := range t.w.Server.TypeOf(kind).Type.Always {
		if t.w.Do("owner", "GET", service+collection+"/"+name+version, nil, "").Code == http.StatusOK {
			return name, nil
		}
	}
	if name := t.first[kind]; name != "" {
		return name, nil
	}
	return "", fmt.Errorf("there is nothing in %s to hold it: write one named parent in func world", collection)
}

// revealing are the actions that tell secrets, the first that a type has.
var revealing = []string{"listSecrets", "listValue", "listDelegationSecrets"}

func roundTrip(t *testing.T, w *armtest.World, r *rand.Rand, d *arm.Declared, collection string, tree *tree) {
	t.Helper()
	reveal := ""
	for _, name := range revealing {
		if reveal == "" && slices.ContainsFunc(d.Type.Actions, func(a arm.Action) bool { return a.Name == name }) {
			reveal = name
		}
	}
	for n := range rounds {
		name := nameFor(d.Type, n)
		path := service + collection + "/" + name
		sent := body(r, strings.TrimPrefix(d.Name, serviceType+"/"), d.Type.Model, n)
		asked := sent.Clone()
		asked.Set("nobodyKnowsThis", "x")
		if !free(d.Type.Model) {
			asked.SetPath("properties.nobodyKnowsThis", "x")
		}
		text := string(jsondoc.Marshal(asked))
		header := http.Header{"If-Match": {"*"}}
		put := w.Do("owner", "PUT", path+version, header, text)
		if put.Code != http.StatusCreated && put.Code != http.StatusOK {
			t.Errorf("PUT %s: %d %s\n%s\n\tIf the request is at fault, give the member a maker (%q in makers) or the type a name (onlyNames).", path, put.Code, put.Body, text, d.Type.Segment+" properties.x")
			return
		}
		if tree.first[d.Name] == "" {
			tree.first[d.Name] = name
		}
		get := w.Do("reader", "GET", path+version, nil, "")
		if get.Code != http.StatusOK {
			t.Errorf("GET %s: %d %s", path, get.Code, get.Body)
			return
		}
		got := parse(t, get.Body.Bytes())
		if strings.Contains(get.Body.String(), hush) {
			t.Errorf("GET %s has a secret: %s", path, get.Body)
		}
		compare(t, w, path, reveal, d.Type.Model, sent, got)
		if got.Has("nobodyKnowsThis") || got.Object("properties").Has("nobodyKnowsThis") && !free(d.Type.Model) {
			t.Errorf("GET %s shows a member that nobody knows: %s", path, get.Body)
		}
		tag := get.Header().Get("ETag")
		again := w.Do("owner", "PUT", path+version, header, text)
		if again.Code != max(d.Type.Status.Update, http.StatusOK) || again.Header().Get("ETag") != tag || (tag == "") == d.Type.ETag {
			t.Errorf("PUT %s again: %d, ETag %s and then %s %s", path, again.Code, tag, again.Header().Get("ETag"), again.Body)
		}
		if head := w.Do("reader", "HEAD", path+version, nil, ""); has(w, d, arm.Head) && (head.Code >= 300 || head.Header().Get("ETag") != tag) {
			t.Errorf("HEAD %s: %d, ETag %s instead of %s", path, head.Code, head.Header().Get("ETag"), tag)
		}
		if t.Failed() {
			return
		}
		if n == rounds-1 && has(w, d, arm.List) {
			listed(t, w, collection, name)
		}
	}
}

// free reports whether properties may hold anything.
func free(m *arm.Model) bool {
	return slices.ContainsFunc(m.Fields(), func(f arm.Field) bool { return f.Path == "properties" && f.Kind == "any" })
}

// A type that nobody knows is told so by every method and to everybody who has signed
// in, whatever rights they have, wherever it would stand.
func TestUnknownTypes(t *testing.T) {
	w := world(t)
	for _, path := range []string{"/nonsense", "/nonsense/x", "/apis/parent/nonsense", "/apis/parent/nonsense/x", "/apis/nowhere/nonsense/x",
		"/workspaces/team/nonsense", "/workspaces/team/portalRevisions", "/tenant/access/nonsense/x", "/contentTypes/page/contentItems/x/y/z"} {
		for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "POST"} {
			for _, caller := range []string{"owner", "reader", "nobody"} {
				a := w.Do(caller, method, service+path+version, nil, "{}")
				code := parse(t, orEmpty(a.Body.Bytes())).String("error.code")
				if a.Code != http.StatusNotFound || method != "HEAD" && code != "InvalidResourceType" {
					t.Errorf("%s %s as %s: %d %s", method, path, caller, a.Code, a.Body)
				}
			}
			if a := w.Do("anonymous", method, service+path+version, nil, "{}"); a.Code != http.StatusUnauthorized {
				t.Errorf("%s %s without a token: %d", method, path, a.Code)
			}
		}
	}
}

func orEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

func nameFor(d *arm.Type, n int) string {
	pattern := onlyNames[d.Segment]
	switch {
	case pattern == "" && len(d.Name.Only) > 0:
		return d.Name.Only[0]
	case pattern == "":
		pattern = "n%d"
	case !strings.Contains(pattern, "%d"):
		return pattern
	}
	return fmt.Sprintf(pattern, n)
}

// quiet looks for secrets where nobody may see them: the values that body makes for
// secret members hold a word that nothing else does.
func quiet(t *testing.T, w *armtest.World) {
	t.Helper()
	changes, err := w.Store.Changes(t.Context(), store.ChangeQuery{})
	if err != nil {
		t.Fatal(err)
	}
	for c, err := range changes {
		if err != nil {
			t.Fatal(err)
		}
		if record, _ := json.Marshal(c); strings.Contains(string(record), hush) {
			t.Errorf("the record of %s %s has a secret: %.300s", c.Cause.Method, c.Resource, record)
			return
		}
	}
}

func listed(t *testing.T, w *armtest.World, collection, name string) {
	t.Helper()
	list := w.Do("reader", "GET", service+collection+version+"&$top=1000", nil, "")
	if strings.Contains(list.Body.String(), hush) {
		t.Errorf("the list %s has a secret", collection)
	}
	for _, item := range parse(t, list.Body.Bytes()).Array("value") {
		if o, ok := item.(*jsondoc.Object); ok && strings.EqualFold(o.String("name"), name) {
			return
		}
	}
	t.Errorf("the list %s does not have %s: %d", collection, name, list.Code)
}
