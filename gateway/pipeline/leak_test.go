package pipeline

import (
	"testing"

	"gatehouse/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
