package leaktest

import (
	"strings"
	"testing"
)

// TestRunning: what is left is seen, and what has ended is not.
func TestRunning(t *testing.T) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); <-stop }()
	seen := func() bool {
		for _, s := range running() {
			if strings.Contains(s, "TestRunning.func1(") {
				return true
			}
		}
		return false
	}
	if !seen() {
		t.Error("a goroutine is not seen")
	}
	close(stop)
	<-ended
	for range 100 {
		if !seen() {
			return
		}
	}
	t.Error("one that has ended is seen")
}
