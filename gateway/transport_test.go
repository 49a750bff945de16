package gateway

import (
	"fmt"
	"testing"

	"gatehouse/gateway/pipeline"
)

// TestTransportsMakeRoom: a policy that computes proxies does not keep other services from their backends.
func TestTransportsMakeRoom(t *testing.T) {
	var all transports
	defer all.close()
	for i := range maxTransports + 10 {
		if _, err := all.get(pipeline.Upstream{Proxy: fmt.Sprintf("http://proxy-%d.test", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(all.all) > maxTransports {
		t.Errorf("%d kinds of connections", len(all.all))
	}
}
