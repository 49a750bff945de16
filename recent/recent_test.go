package recent

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// What is found is what was put for that text, while others come and go.
func TestTable(t *testing.T) {
	table := New[int]()
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 20_000 {
				n := (i*7 + worker) % 3000
				text := fmt.Sprint("text ", n)
				if got, ok := table.Get(text); ok && got != n {
					t.Errorf("%s gives %d", text, got)
				}
				table.Put(text, n)
			}
		})
	}
	wait.Wait()
	held := 0
	for n := range 3000 {
		if _, ok := table.Get(fmt.Sprint("text ", n)); ok {
			held++
		}
	}
	if held == 0 || held > size {
		t.Errorf("%d are held", held)
	}
}

func TestLimits(t *testing.T) {
	table := New[int]()
	if _, ok := table.Get(""); ok {
		t.Error("an empty table holds the empty text")
	}
	long := strings.Repeat("x", longest+1)
	table.Put(long, 1)
	if _, ok := table.Get(long); ok {
		t.Error("a long text is held")
	}
	text := strings.Repeat("y", 1500)
	table.Put(text, 2)
	if n := testing.AllocsPerRun(100, func() { table.Get(text) }); n > 0 {
		t.Errorf("a look-up allocates %v times", n)
	}
}
