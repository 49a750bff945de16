// Package leaktest has a package's tests fail when they leave goroutines of this program running: calls that end, servers that
// are closed and connections that are given up must leave nothing behind.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience is how long what is ending may take.
const patience = 10 * time.Second

// Main runs the tests of a package: its TestMain. Goroutines count that run, or were started by, packages of this module.
func Main(m *testing.M) {
	code := m.Run()
	var left []string
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if left = running(); len(left) == 0 || time.Since(began) > patience {
			break
		}
	}
	if len(left) > 0 {
		fmt.Printf("FAIL: %d goroutines are left behind, the first of them:\n%s\n", len(left), left[0])
		code = max(code, 1)
	}
	os.Exit(code)
}

// running lists the stacks of goroutines of this module, but for the one that asks.
func running() []string {
	buffer := make([]byte, 4<<20)
	stacks := strings.Split(string(buffer[:runtime.Stack(buffer, true)]), "\n\n")
	return slices.DeleteFunc(stacks, func(s string) bool {
		return !strings.Contains(s, "gatehouse/") || strings.Contains(s, "leaktest.Main(")
	})
}
