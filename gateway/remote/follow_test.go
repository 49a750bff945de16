package remote

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/gateway/config"
	"gatehouse/gateway/feed"
	"gatehouse/provider/apim"
	"gatehouse/provider/authorization"
	"gatehouse/provider/identity"
	"gatehouse/provider/resources"
)

// mirror is a gateway that has what the node told it, for a service.
type mirror struct {
	state string
	has   *config.Config
}

// follow asks once, as a gateway does, and takes in the answer as it comes over the wire.
func (m *mirror) follow(t *testing.T, n *Node, a *asking) {
	t.Helper()
	h, put, gone := n.look(a, m.state)
	m.state = h.State
	if h.Gone {
		m.has = nil
		return
	}
	wire, err := json.Marshal(&config.Update{Service: h.Service, Revision: h.Revision, Whole: h.Whole, Put: put, Delete: gone})
	if err != nil {
		t.Fatal(err)
	}
	var u config.Update
	if err := json.Unmarshal(wire, &u); err != nil {
		t.Fatal(err)
	}
	if m.has == nil || u.Whole {
		m.has = config.New(&u)
	} else {
		m.has.Apply(&u)
	}
}

func text(t *testing.T, c *config.Config, v view) map[config.Key]string {
	t.Helper()
	out := map[config.Key]string{}
	add := func(e config.Entity) {
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out[e.Key()] = string(b)
	}
	if c != nil {
		for e := range c.All() {
			add(e)
		}
	}
	for _, e := range v {
		add(e)
	}
	return out
}

// TestMirror: whatever the wire cases of the provider do, a gateway that follows has what one gets that asks for the first
// time: all of a service, or what a self-hosted gateway serves.
func TestMirror(t *testing.T) {
	files, err := filepath.Glob("../../provider/apim/testdata/[a-g]*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var node *Node
			mirrors := map[string]*mirror{}
			build := func(w *armtest.World) []*arm.Provider {
				f, err := feed.New(t.Context(), w.Store, quiet)
				if err != nil {
					t.Fatal(err)
				}
				if node, err = NewNode(t.Context(), NodeConfig{Store: w.Store, Guard: w.Guard, Feed: f, Log: quiet}); err != nil {
					t.Fatal(err)
				}
				providers, err := resources.New(t.Context(), w.Store)
				if err != nil {
					t.Fatal(err)
				}
				return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}), identity.New(armtest.Tenant, w.Index),
					apim.New(apim.Config{Tenant: armtest.Tenant, Directory: w.Index, Exports: apim.NewExports(w.Store, nil, nil), Backups: t.TempDir()}))
			}
			armtest.Replay(t, file, build, func(url string) string { return url }, func(_, method, url string, status int) {
				if method == http.MethodGet || status >= 300 || t.Failed() {
					return
				}
				for _, gateway := range []string{Managed, "factory"} {
					id := gatehouse.MustID(contoso)
					a := &asking{service: id, scope: id.Scope(), gateway: gateway}
					m := mirrors[gateway]
					if m == nil {
						m = &mirror{}
						mirrors[gateway] = m
					}
					m.follow(t, node, a)
					anew := &mirror{}
					anew.follow(t, node, a)
					got, want := text(t, m.has, nil), text(t, anew.has, nil)
					for k, v := range want {
						if got[k] != v {
							t.Errorf("%s %s: %s at %s is %s, asked anew %s", method, url, k, gateway, got[k], v)
						}
					}
					for k := range got {
						if want[k] == "" {
							t.Errorf("%s %s: %s is left behind at %s", method, url, k, gateway)
						}
					}
					if gateway != Managed && m.has != nil && m.has.APIs.Len() == 0 && strings.Contains(string(must(json.Marshal(got))), "/operations/") {
						t.Errorf("%s %s: operations of APIs that the gateway does not serve", method, url)
					}
					compared++
				}
			})
		})
	}
	if compared < 500 {
		t.Errorf("%d comparisons show little", compared)
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
