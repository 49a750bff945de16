package attest_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/arm"
	"gatehouse/arm/armtest"
	"gatehouse/evidence"
	"gatehouse/provider/access"
	"gatehouse/provider/attest"
	"gatehouse/provider/authorization"
	"gatehouse/provider/resources"
	"gatehouse/store"
)

const version = "?api-version=2026-11-01"

// build makes the provider. Its key is opened by the test's own store, so what it signs differs each time.
func build(t testing.TB) func(*armtest.World) []*arm.Provider {
	return func(w *armtest.World) []*arm.Provider {
		providers, err := resources.New(t.Context(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		key, err := evidence.Open(t.TempDir(), w.Store)
		if err != nil {
			t.Fatal(err)
		}
		return append(providers, authorization.New(authorization.Config{Guard: w.Guard, Directory: w.Index, TenantID: armtest.Tenant}),
			&arm.Provider{Namespace: access.Namespace, Versions: []string{access.Version},
				Calls: attest.Calls(attest.Config{Guard: w.Guard, Store: w.Store, Key: key, Tenant: armtest.Tenant.String(), Version: "test"})})
	}
}

func TestCases(t *testing.T) { armtest.Run(t, "testdata/*.txtar", build(t)) }

// TestRights: everything is for who may read everything, at the root; evidence also takes the directory.
func TestRights(t *testing.T) {
	w := armtest.Start(t, build(t))
	w.Put(t, armtest.Assignment("", armtest.Alice, "acdd72a7-3385-48ef-bd42-f606fba81ae7"), armtest.Assignment("", armtest.App, "acdd72a7-3385-48ef-bd42-f606fba81ae7"))
	for _, c := range []struct {
		method, call, body string
		may                []string
	}{
		{"POST", "report", `{"kind":"soc2","from":"1h"}`, []string{"owner", "alice"}},
		{"GET", "checkpoints", "", []string{"owner", "alice", "app"}},
		{"POST", "checkpoints", "{}", []string{"owner"}},
		{"POST", "verifyLog", "{}", []string{"owner"}},
	} {
		may := map[string]bool{}
		for _, who := range c.may {
			may[who] = true
		}
		for _, who := range []string{"owner", "alice", "app", "contributor", "reader", "nobody"} { // the last three have roles at a subscription, or none
			a := w.Do(who, c.method, access.Path+"/"+c.call+version, nil, c.body)
			if want := map[bool]int{true: 200, false: 403}[may[who]]; a.Code != want {
				t.Errorf("%s %s: %d, want %d: %s", who, c.call, a.Code, want, a.Body)
			}
		}
	}
}

// TestBundle downloads a bundle and verifies it with nothing but its files; a flipped byte is found.
func TestBundle(t *testing.T) {
	w := armtest.Start(t, build(t))
	w.Clock.Advance(time.Minute)
	a := w.Do("owner", "POST", access.Path+"/report"+version, nil, `{"kind":"access-review","from":"1h"}`)
	if a.Code != 200 || a.Header().Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %v", a.Code, a.Header())
	}
	dir := filepath.Join(t.TempDir(), "bundle")
	if err := evidence.Extract(a.Body.Bytes(), dir); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.VerifyBundle(dir); err != nil {
		t.Error(err)
	}
	broken := bytes.Clone(a.Body.Bytes())
	broken[len(broken)/2] ^= 4
	other := filepath.Join(t.TempDir(), "broken")
	if err := evidence.Extract(broken, other); err == nil {
		if _, err := evidence.VerifyBundle(other); err == nil {
			t.Error("a flipped byte was not found")
		}
	}
	alone := evidence.Report{}
	a = w.Do("owner", "POST", access.Path+"/report"+version, nil, `{"kind":"soc2","from":"1h","format":"json"}`)
	if err := json.Unmarshal(a.Body.Bytes(), &alone); err != nil || alone.Kind != evidence.SOC2 || len(alone.End) < 3 || len(alone.Changes) < 10 {
		t.Errorf("%v %d %.300s", err, a.Code, a.Body)
	}
	noted := false
	for c := range changes(t, w) {
		noted = noted || c.Kind == gatehouse.Event && c.Cause.Action == "Gatehouse.Access/reports/read" && c.Cause.Caller.ID == armtest.Owner
	}
	if !noted {
		t.Error("that a bundle was made is not on record")
	}
}

// TestVerify: a checkpoint that was made by call verifies later; one that was touched, or is of a longer log, does not.
func TestVerify(t *testing.T) {
	w := armtest.Start(t, build(t))
	var point evidence.Checkpoint
	if err := json.Unmarshal(w.Do("owner", "POST", access.Path+"/checkpoints"+version, nil, "{}").Body.Bytes(), &point); err != nil {
		t.Fatal(err)
	}
	verify := func(p evidence.Checkpoint) (v attest.Verdict) {
		t.Helper()
		body, _ := json.Marshal(map[string]any{"checkpoints": []evidence.Checkpoint{p}})
		a := w.Do("owner", "POST", access.Path+"/verifyLog"+version, nil, string(body))
		if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil || a.Code != 200 {
			t.Fatalf("%d %s", a.Code, a.Body)
		}
		return v
	}
	if v := verify(point); !v.Verified || v.Checkpoints != 1 || v.Head < point.Seq {
		t.Errorf("%+v", v)
	}
	var list attest.Points
	if err := json.Unmarshal(w.Do("owner", "GET", access.Path+"/checkpoints"+version, nil, "").Body.Bytes(), &list); err != nil || len(list.Value) != 1 || string(list.Value[0].Line()) != string(point.Line()) || list.Value[0].Genuine() != nil {
		t.Errorf("%v %+v", err, list)
	}
	touched := point
	touched.Seq += 1000
	if v := verify(touched); v.Verified || v.Fault == "" {
		t.Errorf("%+v", v)
	}
}

func changes(t *testing.T, w *armtest.World) func(func(gatehouse.Change) bool) {
	each, err := w.Store.Changes(t.Context(), store.ChangeQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(gatehouse.Change) bool) {
		for c, err := range each {
			if err != nil {
				t.Fatal(err)
			}
			if !yield(c) {
				return
			}
		}
	}
}
