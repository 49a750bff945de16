package arm_test

import (
	"strconv"
	"testing"
	"time"

	"gatehouse/arm"
	"gatehouse/jsondoc"
)

// A body of very many unknown members costs no more than its length: it is settled
// while everybody who writes waits.
func TestSettleManyMembers(t *testing.T) {
	m := arm.NewModel("properties.a string")
	many := jsondoc.NewObject()
	for i := range 300_000 {
		many.Set("m"+strconv.Itoa(i), true)
	}
	many.Set("A", "kept")
	r := &arm.Resource{Body: jsondoc.NewObject("properties", many)}
	began := time.Now()
	if faults := m.Settle(r, nil); len(faults) > 0 {
		t.Fatal(faults)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := string(jsondoc.Marshal(r.Body)); got != `{"properties":{"a":"kept"}}` {
		t.Errorf("settled: %.200s", got)
	}
}

// A member whose name only looks like a declared one is unknown and goes. Were it
// taken for the declared one, it would pass by everything that read the body before
// by exact name: the sealing of secrets, linked access, conditions.
func TestSettleLookAlikes(t *testing.T) {
	m := arm.NewModel(`
		properties.primaryKey string secret
		properties.users      array(string)
		properties.kind       enum(task|other)
	`)
	body, err := jsondoc.ParseObject([]byte(`{"propertieſ": {"users": ["a"]}, "properties": {"primary\u212aey": "secret", "u\u017fers": ["b"], "PROPERTIES": 1, "Kind": "TASK"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r := &arm.Resource{Body: body}
	if faults := m.Settle(r, nil); len(faults) > 0 {
		t.Fatal(faults)
	}
	if got, want := string(jsondoc.Marshal(r.Body)), `{"properties":{"kind":"TASK"}}`; got != want {
		t.Errorf("settled: %s, want %s", got, want)
	}
	r.Body, _ = jsondoc.ParseObject([]byte(`{"properties": {"kind": "ta\u017f\u212a"}}`))
	if faults := m.Settle(r, nil); len(faults) != 1 {
		t.Errorf("a look-alike of an enumerated value: %v, want one fault", faults)
	}
}
