package feed

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/gateway/config"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/resources"
	"gatehouse/provider/rolecheck"
)

// build makes the providers of a World and a Feed that follows its store.
func build(t testing.TB, made func(*armtest.World, *Feed)) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		f, err := New(t.Context(), w.Store, nil)
		if err != nil {
			t.Fatal(err)
		}
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		made(w, f)
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			identity.New(armtest.Tenant, w.Index), rolecheck.New(rolecheck.Config{}),
			apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index, Exports: apim.NewExports(w.Store, nil, nil), Backups: t.TempDir()}))
	}
}

// contents are the entities of all services as JSON, by service and key.
func contents(t testing.TB, all map[gatehouse.Scope]*config.Config) map[string]string {
	t.Helper()
	out := map[string]string{}
	for scope, c := range all {
		for _, e := range c.Update().Put {
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			out[scope.String()+" "+string(e.Key())] = string(b)
		}
	}
	return out
}

// fresh is what a Feed of the same store would hold.
func fresh(t testing.TB, w *armtest.World) map[gatehouse.Scope]*config.Config {
	t.Helper()
	f := &Feed{store: w.Store, log: discard, services: map[gatehouse.Scope]*config.Config{}, gateways: map[gatehouse.Scope][]connection{}}
	updates, err := f.load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for scope, u := range updates {
		f.services[scope] = config.New(u)
	}
	return f.services
}

// follower keeps a configuration of its own by updates alone, as a remote gateway does.
type follower map[gatehouse.Scope]*config.Config

func (m follower) take(_ *config.Config, u *config.Update) {
	wire, err := json.Marshal(u)
	if err != nil {
		panic(err)
	}
	var read config.Update
	if err := json.Unmarshal(wire, &read); err != nil {
		panic(err)
	}
	scope := gatehouse.MustID(read.Service).Scope()
	switch {
	case read.Gone:
		delete(m, scope)
	case m[scope] == nil:
		if !read.Whole {
			panic("the first update of " + scope.String() + " is not whole")
		}
		m[scope] = config.New(&read)
	default:
		m[scope].Apply(&read)
	}
}

// same compares the feed and a follower with what is read anew.
func same(t *testing.T, what string, w *armtest.World, f *Feed, m follower) {
	t.Helper()
	want := contents(t, fresh(t, w))
	for name, got := range map[string]map[string]string{"feed": contents(t, f.services), "follower": contents(t, m)} {
		for key, v := range want {
			if got[key] != v {
				t.Errorf("%s: %s: %s is %s, read anew %s", what, name, key, got[key], v)
			}
		}
		for key := range got {
			if _, there := want[key]; !there {
				t.Errorf("%s: %s: %s is left behind", what, name, key)
			}
		}
	}
}

// TestCases: whatever the wire cases of the provider do, imports, clones, deletes, restores, configuration deploys,
// configuration that followed equals configuration read anew.
func TestCases(t *testing.T) {
	if testing.Short() {
		t.Skip("replays every case")
	}
	files, err := filepath.Glob("../../provider/apim/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, "../../provider/rolecheck/testdata/rolechecks.txtar")
	compared, entities := 0, 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var world *armtest.World
			var feed *Feed
			var own follower
			made := func(w *armtest.World, f *Feed) {
				world, feed, own = w, f, follower{}
				f.Follow(own.take)
			}
			armtest.Replay(t, file, build(t, made), func(url string) string { return url }, func(_, method, url string, status int) {
				if method == http.MethodGet || status >= 300 || t.Failed() {
					return
				}
				same(t, method+" "+url, world, feed, own)
				compared++
				for _, c := range feed.services {
					entities = max(entities, len(c.Update().Put))
				}
			})
		})
	}
	t.Logf("%d comparisons, up to %d entities", compared, entities)
	if compared < 500 || entities < 50 {
		t.Errorf("%d comparisons of at most %d entities show little", compared, entities)
	}
}
