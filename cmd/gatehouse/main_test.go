package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// programVariable makes the test binary the program itself, for tests that start it without a script.
const programVariable = "GATEHOUSE_TEST_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){"gatehouse": main})
}
