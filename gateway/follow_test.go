package gateway

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sort"
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

// summary tells what a plan is, as text by place, so that two plans of one configuration can be compared.
func (p *Plan) summary() map[string]string {
	out := map[string]string{"service": fmt.Sprint(p.Service.Resource, p.Service.Disabled, *p.deployment.Gateway, p.deployment.Region), "global": p.global.text()}
	for path, g := range p.paths {
		for _, a := range g.members {
			out["path "+path] += string(a.entity.Key()) + " "
		}
	}
	for k, a := range p.apis {
		text := fmt.Sprint(*a.entity, a.base, a.keyHeader, a.keyQuery, a.target, a.schemes, a.versions, a.document.text())
		if a.set != nil {
			text += fmt.Sprint(*a.set)
		}
		var operations []string
		for o, seen := range a.seenOps {
			operations = append(operations, fmt.Sprint(o.op.ID, o.method, o.op.URLTemplate, o.document.text(), seen))
		}
		sort.Strings(operations)
		out["api "+string(k)] = text + fmt.Sprint(operations)
	}
	for k, pr := range p.products {
		text := fmt.Sprint(*pr.entity, slices.Sorted(maps.Keys(pr.apis)), pr.document.text(), pr.seen.State)
		for _, g := range pr.seen.Groups {
			text += fmt.Sprint(*g)
		}
		out["product "+string(k)] = text
	}
	for k, pr := range p.open {
		out["open "+string(k)] = string(pr.entity.Key())
	}
	for k, w := range p.workspaces {
		out["workspace "+string(k)] = fmt.Sprint(*w.seen, w.document.text())
	}
	for k, u := range p.users {
		text := fmt.Sprint(u.ID, u.Email, u.FirstName)
		for _, g := range u.Groups {
			text += fmt.Sprint(*g)
		}
		out["user "+string(k)] = text
	}
	for _, list := range p.keys {
		for _, h := range list {
			out["key "+h.key+" "+string(h.subscription.Key())] = fmt.Sprint(h.subscription.State, h.subscription.Scope, h.subscription.Owner)
		}
	}
	return out
}

// text is what a document says, with what it mentions as it stands there.
func (d *document) text() string {
	if d == nil {
		return "none"
	}
	text := d.source.ID + d.source.Value
	space := d.source.Key().Workspace()
	mentions := func(names []string) {
		for _, n := range names {
			if v := d.texts.values[space][n]; v != nil {
				text += " " + n + "=" + v.Value
			}
		}
	}
	mentions(d.names)
	for _, part := range d.parts {
		if f := d.texts.fragments[space.Child("policyFragments", part)]; f != nil {
			text += " " + part + "=" + f.source.Value
			mentions(f.names)
		}
	}
	return text
}

// TestFollow: whatever the wire cases of the provider do, the plan that followed is the one that is made anew.
func TestFollow(t *testing.T) {
	files, err := filepath.Glob("../provider/apim/testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	quiet, compared := slog.New(slog.DiscardHandler), 0
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g := New(Config{Log: quiet})
			t.Cleanup(g.Close)
			var source *feed.Feed
			build := func(w *armtest.World) []*arm.Provider {
				var err error
				if source, err = feed.New(t.Context(), w.Store, quiet); err != nil {
					t.Fatal(err)
				}
				source.Follow(g.Update)
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
				anew := New(Config{Log: quiet})
				defer anew.Close()
				for id := range g.builders {
					scope := gatehouse.MustID(g.builders[id].plan.Service.Resource).Scope()
					source.View(scope, func(c *config.Config) {
						if c == nil {
							t.Errorf("%s %s: %s is served and gone", method, url, id)
							return
						}
						anew.Update(c, c.Update())
					})
					if t.Failed() {
						return
					}
					got, want := g.builders[id].plan.summary(), anew.builders[id].plan.summary()
					for k, v := range want {
						if got[k] != v {
							t.Errorf("%s %s: %s is\n%s\nmade anew\n%s", method, url, k, got[k], v)
						}
					}
					for k := range got {
						if _, there := want[k]; !there {
							t.Errorf("%s %s: %s is left behind: %s", method, url, k, got[k])
						}
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
