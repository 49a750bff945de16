package arm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/jsondoc"
	"gatehouse/store"
)

// things have a title that differs among siblings, unless they are of one family,
// and a badge that nobody else in the installation has.
func things() *arm.Provider {
	model := `
		properties.title  string required
		properties.family string
		properties.badge  string`
	thing := &arm.Type{Segment: "things", Shape: arm.Entity, Noun: "Thing", ETag: true, Count: true, Model: arm.NewModel(model),
		Unique: []arm.Unique{
			{Member: "properties.title", Group: func(r *arm.Resource) string { return r.Props().String("family") }},
			{Member: "properties.badge", Everywhere: true},
			{Member: "properties.family", Shared: true},
		}}
	thing.Actions = []arm.Action{{Name: "fail", Do: func(op *arm.Op) (*arm.Answer, error) {
		return nil, op.Write(nil, func(tx *store.Tx) error {
			r, err := op.ExistingIn(tx)
			if err != nil {
				return err
			}
			r.Props().Set("title", "claimed in vain")
			if err := op.Save(tx, r); err != nil {
				return err
			}
			return errors.New("undone")
		})
	}}}
	family := arm.Action{Name: "family", Do: func(op *arm.Op) (*arm.Answer, error) {
		names := []jsondoc.Value{}
		err := op.Write(nil, func(tx *store.Tx) error {
			found, err := op.Sharing(tx, op.Route.TypeName+"/things", op.ID, "properties.family", op.Query.Get("of"))
			for _, r := range found {
				names = append(names, r.ID.Name())
			}
			return err
		})
		return arm.ListOf(names), err
	}}
	return &arm.Provider{Namespace: "Contoso.Test", Mounts: []arm.Mount{{At: arm.AtGroup, Types: []*arm.Type{
		{Segment: "boxes", Shape: arm.Entity, Holds: []*arm.Type{thing}, Actions: []arm.Action{family}},
	}}}}
}

type thingWorld struct {
	*armtest.World
	t testing.TB
}

func newThings(t testing.TB, boxes ...string) *thingWorld {
	w := &thingWorld{armtest.Start(t, func(*armtest.World) []*arm.Provider { return []*arm.Provider{things()} }), t}
	for _, box := range boxes {
		if code := w.do("PUT", box, ""); code != 201 {
			t.Fatalf("box %s: %d", box, code)
		}
	}
	return w
}

func (w *thingWorld) do(method, path, body string) int {
	code, _ := w.ask(method, path, body)
	return code
}

func (w *thingWorld) ask(method, path, body string) (int, string) {
	if body == "" && method == "PUT" {
		body = "{}"
	}
	a := w.World.Do("owner", method, armtest.GroupID().String()+"/providers/Contoso.Test/boxes/"+path+"?api-version=2024-05-01", http.Header{}, body)
	if a.Code >= 500 {
		w.t.Errorf("%s %s: %d %s", method, path, a.Code, a.Body)
	}
	return a.Code, a.Body.String()
}

func title(s string) string { return fmt.Sprintf(`{"properties": {"title": %q}}`, s) }

func TestUniqueRules(t *testing.T) {
	w := newThings(t, "a", "b")
	for _, step := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "a/things/1", title("One"), 201},
		{"PUT", "a/things/2", title("ONE"), 409},                                                      // without case
		{"PUT", "b/things/2", title("One"), 201},                                                      // no sibling
		{"PUT", "a/things/1", title("one"), 200},                                                      // its own
		{"PATCH", "a/things/1", title("Two"), 200},                                                    // a new one
		{"PUT", "a/things/2", title("One"), 201},                                                      // gives the old one free
		{"PATCH", "a/things/2", title("tWO"), 409},                                                    //
		{"DELETE", "a/things/1", "", 200},                                                             //
		{"PATCH", "a/things/2", title("tWO"), 200},                                                    // free after a delete
		{"POST", "a/things/2/fail", "", 500},                                                          //
		{"PUT", "a/things/3", title("claimed in vain"), 201},                                          // free after a failure
		{"PUT", "a/things/4", `{"properties": {"title": "shared", "family": "F"}}`, 201},              //
		{"PUT", "a/things/5", `{"properties": {"title": "shared", "family": "f"}}`, 201},              // one family
		{"PUT", "a/things/6", `{"properties": {"title": "shared", "family": "g"}}`, 409},              // another
		{"PUT", "a/things/6", title("shared"), 409},                                                   // none
		{"PUT", "a/things/7", `{"properties": {"title": "seven", "badge": "B1"}}`, 201},               //
		{"PUT", "b/things/8", `{"properties": {"title": "eight", "badge": "b1"}}`, 409},               // everywhere
		{"DELETE", "a", "", 200},                                                                      // with all that is in it
		{"PUT", "b/things/8", `{"properties": {"title": "eight", "badge": "b1"}}`, 201},               //
		{"PUT", "a", "", 201},                                                                         //
		{"PUT", "a/things/9", `{"properties": {"title": "seven", "family": "", "badge": null}}`, 201}, // nobody there any more
	} {
		if step.want == 500 {
			w.World.Do("owner", step.method, armtest.GroupID().String()+"/providers/Contoso.Test/boxes/"+step.path+"?api-version=2024-05-01", nil, "")
			continue
		}
		if code, body := w.ask(step.method, step.path, step.body); code != step.want {
			t.Fatalf("%s %s %s: %d, want %d: %s", step.method, step.path, step.body, code, step.want, body)
		}
	}
}

// Of many who want one value at once, sharing commits, exactly one gets it.
func TestUniqueRace(t *testing.T) {
	w := newThings(t, "a")
	for round := range 20 {
		var won atomic.Int32
		var wait sync.WaitGroup
		for i := range 24 {
			wait.Go(func() {
				switch code := w.do("PUT", fmt.Sprintf("a/things/r%d-%d", round, i), title(fmt.Sprint("round ", round))); code {
				case 201:
					won.Add(1)
				case 409:
				default:
					t.Errorf("PUT: %d", code)
				}
			})
		}
		wait.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d writers got the value", round, won.Load())
		}
	}
}

// Whatever writers do at the same time, no two things end with one title, every
// title that nobody has can be had, and every other one cannot: the index has
// forgotten nothing and keeps nothing.
func TestUniqueChurn(t *testing.T) {
	w := newThings(t, "a")
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 150 {
				path, body := fmt.Sprintf("a/things/n%d", random.IntN(8)), title(fmt.Sprintf("t%d", random.IntN(6)))
				switch random.IntN(5) {
				case 4:
					if random.IntN(10) == 0 { // the whole box goes and comes back
						w.do("DELETE", "a", "")
					}
					w.do("PUT", "a", "")
				case 0:
					w.do("DELETE", path, "")
				case 1:
					w.do("PATCH", path, body)
				default:
					w.do("PUT", path, body)
				}
			}
		})
	}
	wait.Wait()
	w.do("PUT", "a", "")
	held := w.titles()
	for i := range 6 {
		value := fmt.Sprintf("t%d", i)
		want := 201
		if held[value] {
			want = 409
		}
		if code := w.do("PUT", "a/things/probe", title(value)); code != want {
			t.Errorf("%s: %d, want %d", value, code, want)
		}
		w.do("DELETE", "a/things/probe", "")
	}
}

func (w *thingWorld) titles() map[string]bool {
	_, body := w.ask("GET", "a/things", "")
	var list struct {
		Value []struct{ Properties struct{ Title string } }
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		w.t.Fatal(err)
	}
	held := map[string]bool{}
	for _, v := range list.Value {
		key := strings.ToLower(v.Properties.Title)
		if held[key] {
			w.t.Errorf("two things are called %s", key)
		}
		held[key] = true
	}
	return held
}

// What was stored before the server started counts, also while it is being read.
func TestUniqueAfterRestart(t *testing.T) {
	w := newThings(t, "a")
	var docs []*store.Document
	parent := armtest.GroupID().String() + "/providers/Contoso.Test/boxes/a/things/"
	for i := range 3000 {
		docs = append(docs, &store.Document{ID: gatehouse.MustID(fmt.Sprint(parent, "old", i)), Type: "Contoso.Test/boxes/things",
			Body: []byte(title(fmt.Sprint("old ", i)))})
	}
	w.Put(t, docs...)
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			want := 409
			if i%2 == 0 {
				want = 201
			}
			if code := w.do("PUT", fmt.Sprint("a/things/new", i), title(fmt.Sprint([]string{"fresh ", "old "}[i%2], i*31))); code != want {
				t.Errorf("%d: %d, want %d", i, code, want)
			}
		})
		if i%5 == 0 { // gives a title free while the room is being read
			wait.Go(func() { w.do("DELETE", fmt.Sprint("a/things/old", 2000+i), "") })
		}
	}
	wait.Wait()
	if code := w.do("PUT", "a/things/again", title("old 2000")); code != 201 {
		t.Errorf("a title given free while the room was being read: %d", code)
	}
}

// A PUT costs the same among ten siblings and among many.
func BenchmarkUnique(b *testing.B) {
	for _, siblings := range []int{10, 10_000} {
		b.Run(fmt.Sprint(siblings), func(b *testing.B) {
			w := newThings(b, "a")
			for i := range siblings {
				body := title(fmt.Sprint("old ", i))
				_, err := w.Store.Write(context.Background(), gatehouse.Cause{Caller: gatehouse.Caller{ID: armtest.Owner}, Action: "x", Scope: "/", Operation: "x", Correlation: "x"},
					func(tx *store.Tx) error {
						return tx.Put(&store.Document{ID: gatehouse.MustID(fmt.Sprint(armtest.GroupID(), "/providers/Contoso.Test/boxes/a/things/old", i)),
							Type: "Contoso.Test/boxes/things", Body: []byte(body)})
					})
				if err != nil {
					b.Fatal(err)
				}
			}
			w.do("PUT", "a/things/first", title("first"))
			for i := 0; b.Loop(); i++ {
				w.do("PUT", fmt.Sprint("a/things/new", i), title(fmt.Sprint("new ", i)))
			}
		})
	}
}

// Who shares a value is found, few or many, whatever was written before.
func TestSharing(t *testing.T) {
	w := newThings(t, "a", "b")
	r := rand.New(rand.NewPCG(5, 8))
	have := map[string]string{}
	for n := range 400 {
		name := fmt.Sprintf("t%02d", r.IntN(60))
		switch family := []string{"Few", "many", "many", "many", ""}[r.IntN(5)]; {
		case r.IntN(6) == 0:
			w.do("DELETE", "a/things/"+name, "")
			delete(have, name)
		default:
			w.do("PUT", "a/things/"+name, fmt.Sprintf(`{"properties": {"title": %q, "family": %q}}`, name, family))
			have[name] = strings.ToLower(family)
		}
		if n == 100 {
			w.do("PUT", "b/things/other", `{"properties": {"title": "other", "family": "many"}}`)
		}
		for _, family := range []string{"few", "MANY"} {
			want := []string{}
			for name, of := range have {
				if of == strings.ToLower(family) {
					want = append(want, name)
				}
			}
			slices.Sort(want)
			var got struct{ Value []string }
			a := w.World.Do("owner", "POST", armtest.GroupID().String()+"/providers/Contoso.Test/boxes/a/family?api-version=2024-05-01&of="+family, nil, "")
			if err := json.Unmarshal(a.Body.Bytes(), &got); err != nil || !slices.Equal(got.Value, want) {
				t.Fatalf("after %d writes %s is %v, want %v: %d %v", n, family, got.Value, want, a.Code, err)
			}
		}
	}
}
