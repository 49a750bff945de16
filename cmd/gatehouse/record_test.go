package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse/gateway/replay"
)

// TestRecordElsewhere: what a gateway in a process of its own recorded is replayed with the server's data, and who called is
// known for sure there too.
func TestRecordElsewhere(t *testing.T) {
	f := newFarm(t)
	dir := t.TempDir()
	g := f.gateway(filepath.Join(dir, "gateway"), f.gatewayToken(), "--gateway-record", filepath.Join(dir, "calls")+"/")
	token := f.callToken()
	g.is(200, "/open/", token)
	g.is(403, "/guarded/", token)
	g.is(401, "/guarded/", "Bearer "+strings.TrimPrefix(token, "Bearer ")[:20]+"x.y.z")
	if err := g.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-g.done; err != nil {
		t.Fatal(err, g.said)
	}
	calls, skipped, err := readCalls([]string{filepath.Join(dir, "calls")})
	if err != nil || len(calls) != 3 || len(skipped) != 0 {
		t.Fatal(calls, skipped, err)
	}
	for i := range 2 {
		if r := calls[i].Record; r.Gateway != "barn" || len(r.Tokens) == 0 || !r.Tokens[0].Tenant || r.Tokens[0].Key == "" {
			t.Errorf("%d: gateway %q, %d tokens", i, r.Gateway, len(r.Tokens))
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "calls", "*"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil || strings.Contains(string(text), token[len(token)-40:]) || strings.Contains(string(text), "eyJ") {
		t.Error("the token stands in the recording")
	}
	flags := &replayFlags{liveFlags: liveFlags{data: f.dir}, checks: []string{"api/guarded=off"}}
	service, err := flags.serviceOf(calls)
	if err != nil {
		t.Fatal(err)
	}
	before, w, err := flags.source(t.Context(), service)
	if err != nil {
		t.Fatal(err)
	}
	after, edited, err := flags.edited(before, w)
	if err != nil {
		t.Fatal(err)
	}
	report, err := replay.Run(t.Context(), calls, before, after, replay.Options{Audience: "api://gatehouse-gateway", Publishes: publishesAt, Edited: edited})
	if err != nil || report.Calls != 3 || report.NewlyAllowed != 2 || report.Same != 1 || len(report.Unreproduced) != 0 {
		t.Errorf("%+v %v", report, err)
	}
}
